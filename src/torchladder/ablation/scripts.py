"""An ablation of the user's own script: changes and seeds are arguments on its command line."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torchladder.ablation.changes import BASELINE, Variant, check_distinct, split_all
from torchladder.ablation.job import Job
from torchladder.ablation.metric import lower_is_better
from torchladder.ablation.plan import Plan
from torchladder.core.errors import UsageError
from torchladder.runs.code_state import code_state
from torchladder.training.recipe_file import nearest

OPTION = re.compile(r"[\"'](--[A-Za-z][\w-]*)[\"']")
WORD = re.compile(r"[A-Za-z_]\w*(?:-\w+)*")
FILES_MAX, BYTES_MAX = 300, 1_000_000
SWITCH = {"true": True, "false": False}


@dataclass(frozen=True)
class Script:
    """The program as the user calls it.

    Attributes:
        seed: Name of its argument for the seed; None if it has none.
        metric: What it prints, or writes to ``file``.
    """

    path: Path
    arguments: tuple[str, ...]
    metric: str
    file: str | None = None
    seed: str | None = "seed"


def plan_of(script: Script, changes: Sequence[str], *, seeds: int, lower: bool | None = None, threads: int = 1) -> Plan:
    """Return the plan of an ablation.

    Raises:
        UsageError: If a change names no argument of the script, or changes nothing.
    """
    words, options = _known(script.path)
    variants = [Variant(BASELINE)]
    for given in split_all(changes):
        name = ",".join(given)
        for part in given:
            _check(part.partition("=")[0].strip(), name, words, options, script.path.name)
        parts = tuple(_spelled(part, options) for part in given)
        for part in parts:
            key, _, value = part.partition("=")
            if changed(script.arguments, part) == list(script.arguments):
                msg = f"--change {name}: {key.strip()} is {value.strip()} in the command already; it changes nothing"
                raise UsageError(msg)
        variants.append(Variant(name, parts, frozenset(parts)))
    check_distinct(variants[1:])
    told = []
    if seeds > 1 and script.seed is not None and not _takes(script.seed, words, options, script.arguments):
        msg = (
            f"{script.path.name} has no argument --{script.seed}{_options(script.seed, options)}; name the one for the "
            "seed with --seed-as, or make one run of each with --seeds 1"
        )
        raise UsageError(msg)
    lower = lower_is_better(script.metric) if lower is None else lower
    told.append(f"{script.metric} is to be {'small' if lower else 'large'}")
    state = code_state(script.path.parent)[0]
    code = {name: digest for name, digest in state.sources.items() if name.endswith(".py")}  # others a run may write
    if state.commit is not None:
        told.append(f"code: commit {state.commit[:12]}{', with changes' if state.dirty else ''}")

    def job(variant: Variant, seed: int) -> Job:
        arguments = list(script.arguments)
        for part in variant.changes:
            arguments = changed(arguments, part)
        if script.seed is not None and seeds > 1:
            arguments = changed(arguments, _spelled(f"{script.seed}={seed}", options))
        argv = [sys.executable, str(script.path.absolute()), *arguments]
        content = {"argv": argv, "cwd": str(Path.cwd()), "metric": script.metric, "file": script.file}
        return Job("script", variant.name, seed, content, {**content, "code": code, "repeat": seed}, threads)

    title = " ".join([script.path.name, *script.arguments])
    first = _given(script.seed, script.arguments)
    numbers = range(first, first + seeds)
    return Plan(title, variants, numbers, job, None, script.metric, lower, seeded=False, told=told)


def changed(arguments: Sequence[str], change: str) -> list[str]:
    """Return a command line with ``key=value`` in place of what it says of the key, in the same manner.

    ``--key value``, ``--key=value``, ``-k value`` and ``key=value`` are known; true and false set and remove a switch.
    """
    key, _, value = (part.strip() for part in change.partition("="))
    wanted = _plain(key)
    found = list(arguments)
    for i, word in enumerate(found):
        name, mark, _ = word.partition("=")
        if _plain(name) != wanted or not (mark or word.startswith("-")):
            continue
        if mark:
            return [*found[:i], f"{name}={value}", *found[i + 1 :]]
        if i + 1 < len(found) and not _is_option(found[i + 1]):
            return [*found[: i + 1], value, *found[i + 2 :]]
        switch = SWITCH.get(value.lower())
        if switch is None:  # a switch that is given a value after all
            return [*found[: i + 1], value, *found[i + 1 :]]
        return found if switch else [*found[:i], *found[i + 1 :]]
    if any(re.fullmatch(r"[A-Za-z_][\w.]*=.*", word) for word in found):  # the manner of Hydra and OmegaConf
        return [*found, f"{key}={value}"]
    option = key if key.startswith("-") else f"--{key}"
    switch = SWITCH.get(value.lower())
    if switch is not None:
        return [*found, option] if switch else found
    return [*found, option, value]


def _spelled(change: str, options: Sequence[str]) -> str:
    """Return a change with its key as the script spells the option: batch_size is --batch-size."""
    key, _, value = (part.strip() for part in change.partition("="))
    known = {_plain(option): option for option in options}
    return f"{known.get(_plain(key), key)}={value}"


def _plain(name: str) -> str:
    return name.lstrip("-").replace("-", "_").lower()


def _is_option(word: str) -> bool:
    return word.startswith("-") and not re.fullmatch(r"-\.?\d.*", word)


def _known(path: Path) -> tuple[set[str], list[str]]:
    """Return the words of the script and of the modules beside it, and what looks like options among them."""
    words: set[str] = set()
    options: dict[str, None] = {}
    for file in [path, *sorted(path.parent.rglob("*.py"))[:FILES_MAX]]:
        try:
            if file.stat().st_size > BYTES_MAX:
                continue
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        words |= {_plain(w) for w in WORD.findall(text)}
        if file == path:
            options |= dict.fromkeys(OPTION.findall(text))
    return words, list(options)


def _check(key: str, name: str, words: set[str], options: list[str], script: str) -> None:
    """Refuse a key that stands nowhere in the code.

    Raises:
        UsageError: With the nearest argument of the script.
    """
    if _plain(key).rpartition(".")[2] not in words:
        msg = f"--change {name}: {script} has no argument --{key.lstrip('-')}{_options(key, options)}"
        raise UsageError(msg)


def _takes(seed: str, words: set[str], options: list[str], arguments: Sequence[str]) -> bool:
    if any(_plain(word.partition("=")[0]) == _plain(seed) for word in arguments):
        return True
    listed = {_plain(option) for option in options}
    return _plain(seed) in (listed or words)


def _given(seed: str | None, arguments: Sequence[str]) -> int:
    """Return the seed that the command names, else 0."""
    for i, word in enumerate(arguments):
        name, mark, value = word.partition("=")
        if seed is not None and _plain(name) == _plain(seed):
            text = value if mark else "".join(arguments[i + 1 : i + 2])
            return int(text) if text.isdecimal() else 0
    return 0


def _options(key: str, options: list[str]) -> str:
    return nearest(f"--{key.lstrip('-')}", options)
