"""Checks of data sets, from their sources to a report of the same kind as a climb's.

A data check is rung 1 of the ladder, climbed by itself and on all samples: the report has that one rung, with
the sides and the line of each check among its figures.
"""

import dataclasses
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torchladder
from torchladder.core.errors import InternalError
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity, Standing
from torchladder.core.report import Report, RungResult, State
from torchladder.inspection.engine import Broken, Mapper, Part, Progress, fold_all, here
from torchladder.inspection.fold import Fold, Side
from torchladder.inspection.line import Line, Speaking
from torchladder.inspection.selection import chosen
from torchladder.inspection.states import States, key_of
from torchladder.inspection.table import sides_table, summary
from torchladder.ladder.arbitrate import order
from torchladder.rules.registry import Rule
from torchladder.sets.sampled import Sampled
from torchladder.sets.source import Source

SHARDS = 1  # version of how data is cut


@dataclass(frozen=True, slots=True)
class Options:
    """How a check is made.

    Attributes:
        select, ignore: Codes (or prefixes, or names) of rules to use, and to leave out.
        sample: Samples of each side to look at; None for all.
        keep: Folder below which states of finished shards are kept; None keeps none.
        planned: By what the sides were cut, where that is written down: "by scene".
        again: The command that makes the same check again, for the report.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    sample: int | None = None
    keep: Path | None = None
    planned: str | None = None
    again: str = "torchladder data check"


def inspect(
    sides: Sequence[tuple[str, Source]],
    folds: Sequence[Fold[Any]],
    options: Options = Options(),
    *,
    name: str,
    mapper: Mapper = here,
    progress: Progress = lambda _done, _of: None,
    known: Facts | None = None,
) -> Report:
    """Check data sets against each other.

    Args:
        sides: Role and source of each, training first.
        folds: The checks.
        options: How.
        name: What the report calls all of it.
        mapper: Who reads the shards.
        progress: Called with how many shards are done, and of how many.
        known: What a program showed of the same data, whose rows go before those of the checks.
    """
    started = time.monotonic()
    sources: list[Source] = [s if options.sample is None else Sampled(s, options.sample) for _, s in sides]
    states = States(_folder(sources, folds, options))
    parts = fold_all(sources, folds, mapper=mapper, states=states, progress=progress)
    seen = [
        Side(role, source, part.read, _is_complete(source), options.planned)
        for (role, _), source, part in zip(sides, sources, parts, strict=True)
    ]
    facts, broken = gathered(seen, folds, parts, known or Facts())
    states.forget()
    return reported(facts, broken, folds, options, name=name, seconds=time.monotonic() - started)


def _is_complete(source: Source) -> bool:
    return bool(getattr(source, "whole", True))


def _folder(sources: Sequence[Source], folds: Sequence[Fold[Any]], options: Options) -> Path | None:
    if options.keep is None:
        return None
    return options.keep / key_of(sources, [(f.name, f.version) for f in folds], SHARDS, options.sample)


def gathered(
    sides: Sequence[Side], folds: Sequence[Fold[Any]], parts: Sequence[Part], known: Facts
) -> tuple[Facts, dict[str, str]]:
    """Return the facts of all folds, and why those that failed did; one that fails takes no other with it."""
    fields: dict[str, Any] = {}
    broken: dict[str, str] = {}
    for i, fold in enumerate(folds):
        states = [p.states[i] for p in parts]
        failed = next((s for s in states if isinstance(s, Broken)), None)
        if failed is not None:
            broken[fold.name] = failed.why
            continue
        try:
            found = fold.facts(sides, states)
        except Exception as error:
            broken[fold.name] = f"{type(error).__name__}: {error}"[:300]
            continue
        for field, rows in found.items():
            fields[field] = (*fields[field], *rows) if isinstance(fields.get(field), tuple) else rows
    mine = {f.name for f in dataclasses.fields(Facts)}
    if fields.keys() - mine:
        msg = f"a check gives facts that nobody knows: {', '.join(sorted(fields.keys() - mine))}"
        raise InternalError(msg)
    fields = {k: v for k, v in fields.items() if getattr(known, k) is None or k == "failures"}
    return dataclasses.replace(known, **fields), broken


@dataclass
class Judged:
    """What the rules said."""

    findings: list[Finding]
    unknown: dict[str, str]
    clear: tuple[str, ...]


def judged(facts: Facts, rules: Sequence[Rule]) -> Judged:
    """Judge by the rules about data whose facts are there; those that need a running program are left out."""
    findings: list[Finding] = []
    clear: list[str] = []
    for rule in rules:
        found = rule.judge(facts)
        if found is None:
            continue
        proven = [f for f in found if f.standing is Standing.PROVEN]
        findings += proven
        if not proven:
            clear.append(rule.code)
    return Judged(order(findings), {}, tuple(clear))


def lines_of(facts: Facts, folds: Sequence[Fold[Any]], broken: dict[str, str], said: Judged) -> list[Line]:
    """Return the line of each check: those that folds have, then one for each rule that no fold speaks for."""
    lines: list[Line] = []
    for fold in folds:
        if fold.name in broken:
            lines.append(Line(fold.name, (), None, None, f"the check failed: {broken[fold.name]}"))
        elif isinstance(fold, Speaking):
            lines += fold.lines(facts)
    spoken = {code for line in lines for code in line.codes}
    names = {r.code: r.name.replace("-", " ") for r in chosen((), ())}
    found = {f.code for f in said.findings}
    silent = sorted(({*said.clear} | found) - spoken)
    return [*lines, *(Line(names[c], (c,), "found" if c in found else "nothing found") for c in silent)]


def state_of(line: Line, said: Judged) -> State:
    """Return how a check ended."""
    loud = [f for f in said.findings if f.code in line.codes and f.severity is not Severity.NOTE]
    if any(line.said is None or f.message == line.said for f in loud):
        return State.FAILED
    return State.UNKNOWN if line.value is None else State.PASSED


def reported(
    facts: Facts,
    broken: dict[str, str],
    folds: Sequence[Fold[Any]],
    options: Options,
    *,
    name: str,
    seconds: float,
) -> Report:
    """Return the report."""
    rules = chosen(options.select, options.ignore)
    said = judged(facts, rules)
    used = {r.code for r in rules}
    lines = [x for x in lines_of(facts, folds, broken, said) if not x.codes or used & set(x.codes)]
    said.unknown = {code: x.unknown for x in lines if x.value is None and x.unknown for code in x.codes}
    said.clear = tuple(c for c in said.clear if c not in said.unknown)
    figures = {
        "sides": sides_table(facts),
        "checks": [
            {
                "check": x.check,
                "rules": list(x.codes),
                "state": state_of(x, said).value,
                "value": x.value,
                "expected": x.expected,
                "unknown": x.unknown,
            }
            for x in lines
        ],
    }
    cause = next((f for f in said.findings if f.severity is not Severity.NOTE), None)
    failed = any(f.severity is Severity.ERROR for f in said.findings)
    empty = not any(r.read for r in facts.reads or ())
    state = State.FAILED if failed else State.UNKNOWN if broken or empty else State.PASSED
    verdict = "broken" if cause else "healthy" if state is State.PASSED else "undecided"
    rung = RungResult(1, "data", state, summary(facts), seconds, figures, said.unknown, said.clear)
    return Report(
        schema=1,
        tool=torchladder.__version__,
        script=name,
        verdict=verdict,
        sentence=sentence(cause, facts, lines, broken),
        cause=cause,
        findings=tuple(said.findings),
        rungs=(rung,),
        environment={"python": platform.python_version(), "platform": platform.platform()},
        seconds=seconds,
        next=f"look at the samples named, then: {options.again}" if cause else "torchladder climb SCRIPT",
    )


def sentence(cause: Finding | None, facts: Facts, lines: Sequence[Line], broken: dict[str, str]) -> str:
    """Return the verdict in one sentence."""
    if cause is not None:
        return f"{cause.name}: {cause.message}"
    read = sum(r.read for r in facts.reads or ())
    if not read:
        return "no sample could be read"
    if broken:
        return f"nothing was found, but {len(broken)} of the checks failed: {', '.join(sorted(broken))}"
    looked = sum(x.value is not None for x in lines)
    whole = all(r.complete for r in facts.reads or ())
    rows = sum(r.rows or r.read for r in facts.reads or ())
    of = f"{read:,} samples" if whole else f"{read:,} of {rows:,} samples"
    return f"{looked} checks of {of} found nothing wrong"
