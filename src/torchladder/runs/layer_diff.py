"""What differs between runs, layer by layer: code, config, data, seed, environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchladder.runs.code_state import CodeState, diff_stat
from torchladder.runs.environment import Environment
from torchladder.runs.provenance import Provenance

LAYERS = ("code", "config", "data", "seed", "environment")
ABSENT = "-"


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """One layer of several runs.

    Attributes:
        same: None where a run did not record it.
        words: In one sentence.
        rows: What differs: its name, and its value in each run.
    """

    layer: str
    same: bool | None
    words: str
    rows: tuple[tuple[str, ...], ...] = ()


def layer_differences(runs: Sequence[Provenance | None]) -> list[LayerDifference]:
    """Return every layer; of runs without a record of them, that nothing is known."""
    known = [run for run in runs if run is not None]
    if len(known) < len(runs):
        missing = f"not recorded by {len(runs) - len(known)} of {len(runs)} runs"
        return [LayerDifference(layer, None, missing) for layer in LAYERS]
    return [
        _code([run.code for run in known]),
        _config([without_seed(run.config) for run in known]),
        _data([run.data for run in known]),
        _seed([run.seed for run in known]),
        _environment([run.environment for run in known]),
    ]


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return a tree of mappings as one, its keys joined by dots; empty mappings and lists are values."""
    if not isinstance(value, Mapping) or not value:
        return {path: value} if path else {}
    made: dict[str, Any] = {}
    for key, item in value.items():
        made |= flat(item, f"{path}.{key}" if path else str(key))
    return made


def without_seed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flat configuration without its seed, wherever it stands."""
    return {key: value for key, value in flat(config).items() if key.rpartition(".")[2] not in {"seed", "random_seed"}}


def differing(trees: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    """Return the keys whose values are not the same in all, each with its values."""
    keys = list(dict.fromkeys(key for tree in trees for key in tree))
    found = []
    for key in keys:
        values = [tree.get(key, ABSENT) for tree in trees]
        if any(value != values[0] or type(value) is not type(values[0]) for value in values[1:]):
            found.append((key, *(str(value) for value in values)))
    return tuple(found)


def _code(states: Sequence[CodeState]) -> LayerDifference:
    first = states[0]
    commits = [s.commit[:10] + (" + edits" if s.dirty else "") if s.commit else "no commit" for s in states]
    rows: list[tuple[str, ...]] = []
    if len(set(commits)) > 1:
        rows.append(("commit", *commits))
    if all(s.sha256 == first.sha256 for s in states[1:]):
        count = len(first.sources)
        those = f"{count:,} source files" if count > 1 else "1 source file" if count else "none of the user's files"
        return LayerDifference("code", True, f"the same ({those}, {commits[0]})", tuple(rows))
    files = differing([s.sources for s in states])
    words = f"{len(files)} source files differ" if len(files) != 1 else "1 source file differs"
    if len(states) == 2 and first.root == states[1].root and first.commit and states[1].commit:  # noqa: PLR2004 - a pair
        stat = diff_stat(Path(first.root), first.commit, states[1].commit) if first.commit != states[1].commit else None
        words += f"; between the commits: {stat}" if stat else ""
    return LayerDifference("code", False, words, (*rows, *files))


def _config(configs: Sequence[Mapping[str, Any]]) -> LayerDifference:
    rows = differing(configs)
    count = max(len(config) for config in configs)
    if not count:
        return LayerDifference("config", None, "not recorded")
    return LayerDifference("config", not rows, _of(len(rows), count, "key"), rows)


def _data(fingerprints: Sequence[Mapping[str, Any]]) -> LayerDifference:
    if not all(fingerprints):
        return LayerDifference("data", None, "no fingerprint recorded")
    rows = differing([flat(f) for f in fingerprints])
    return LayerDifference("data", not rows, "different fingerprints" if rows else "the same fingerprint", rows)


def _seed(seeds: Sequence[int | None]) -> LayerDifference:
    if all(seed is None for seed in seeds):
        return LayerDifference("seed", None, "none set, or none seen")
    same = len(set(seeds)) == 1
    rows = () if same else (("seed", *(str(ABSENT if seed is None else seed) for seed in seeds)),)
    return LayerDifference("seed", same, f"{seeds[0]}" if same else "different seeds", rows)


def _environment(places: Sequence[Environment]) -> LayerDifference:
    trees = []
    for place in places:
        tree = {"python": place.python, "platform": place.platform, "machine": place.machine, "cpus": place.cpus}
        tree |= {f"torch: {key}": value for key, value in place.torch.items()}
        tree |= {f"${key}": value for key, value in place.variables.items()}
        trees.append(tree | place.packages)
    if not all(place.torch for place in places):  # a run that was killed did not come to write them
        trees = [{k: v for k, v in tree.items() if not k.startswith("torch: ")} for tree in trees]
    rows = differing(trees)
    return LayerDifference("environment", not rows, _of(len(rows), max(map(len, trees)), "entry", "entries"), rows)


def _of(different: int, count: int, one: str, many: str = "") -> str:
    many = many or f"{one}s"
    if not different:
        return f"the same ({count:,} {one if count == 1 else many})"
    if count == 1:
        return f"the {one} differs"
    return f"{different:,} of {count:,} {many} differ{'s' if different == 1 else ''}"
