"""Runs beside each other: what they were made of, what came out, and whether the difference is more than noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torchladder.runs.layer_diff import LayerDifference, layer_differences, without_seed
from torchladder.runs.metrics import Metric, metrics_of
from torchladder.runs.noise import NoiseVerdict, noise_verdict, within_one
from torchladder.runs.provenance import Provenance, provenance_of
from torchladder.runs.summary import Summary


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric that at least two runs have.

    Attributes:
        runs: Of each run, None where it has none.
        noise: Of each run beside the first, None where one of the two has no such metric.
    """

    name: str
    runs: tuple[Metric | None, ...]
    noise: tuple[NoiseVerdict | None, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several runs beside each other, the first being what the others are compared with."""

    runs: tuple[Summary, ...]
    layers: tuple[LayerDifference, ...]
    metrics: tuple[MetricRow, ...]


def compare(base: Path, runs: Sequence[Summary], known: Sequence[Summary]) -> Comparison:
    """Compare ``runs``; repeats of their configurations are looked for among the ``known`` runs in ``base``."""
    layers = [provenance_of(base / run.id) for run in runs]
    measured = [metrics_of(base / run.id) for run in runs]
    repeats = [_repeats(base, run, layer, known) for run, layer in zip(runs, layers, strict=True)]
    keys = [_key(layer) if layer is not None else None for layer in layers]
    seeds = [layer.seed if layer is not None else None for layer in layers]
    names = list(dict.fromkeys(name for one in measured for name in one))
    rows = []
    for name in names:
        found = tuple(one.get(name) for one in measured)
        if sum(metric is not None for metric in found) < 2:  # noqa: PLR2004 - nothing to compare with
            continue
        verdicts: list[NoiseVerdict | None] = []
        for i in range(1, len(runs)):
            first, other = found[0], found[i]
            if first is None or other is None:
                verdicts.append(None)
                continue
            values = _values(name, first, repeats[0])
            if keys[0] is not None and keys[0] == keys[i]:
                same_seed = seeds[0] is not None and seeds[0] == seeds[i]
                verdicts.append(within_one(first.final, other.final, values, same_seed=same_seed))
            else:
                verdicts.append(noise_verdict(values, _values(name, other, repeats[i])))
        rows.append(MetricRow(name, found, tuple(verdicts)))
    return Comparison(tuple(runs), tuple(layer_differences(layers)), tuple(rows))


def _repeats(
    base: Path, run: Summary, layers: Provenance | None, known: Sequence[Summary]
) -> list[Mapping[str, Metric]]:
    """Return the metrics of other runs with the same configuration, one a seed; a seed's newest run counts."""
    if layers is None:
        return []
    found: dict[object, Mapping[str, Metric]] = {}
    for other in known:  # the newest first
        theirs = provenance_of(base / other.id) if other.id != run.id and other.state == "ended" else None
        if theirs is None or _key(theirs) != _key(layers):
            continue
        if theirs.seed is None or theirs.seed != layers.seed:
            found.setdefault(other.id if theirs.seed is None else theirs.seed, metrics_of(base / other.id))
    return list(found.values())


def _key(layers: Provenance) -> tuple[object, ...]:
    """Return what two runs of one configuration have in common: code, settings and data, whatever the seed."""
    return layers.code.sha256, sorted(map(str, without_seed(layers.config).items())), str(layers.data)


def _values(name: str, own: Metric, repeats: Sequence[Mapping[str, Metric]]) -> list[float]:
    return [own.final, *(other[name].final for other in repeats if name in other)]
