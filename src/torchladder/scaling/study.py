"""All that a table of runs says: the laws it carries, how well they predict, and where other runs stand beside them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from torchladder.core.line_facts import LineFact
from torchladder.scaling.allocation import Allocation, allocate
from torchladder.scaling.check import Check, check
from torchladder.scaling.fit import Fit, Interval, fit, predict
from torchladder.scaling.runs import Law, NotFitted, Run
from torchladder.scaling.straight import straight
from torchladder.scaling.table import Row

DRAWS = 300  # refits: the tails of a 99 % interval are then three of them
FITTED = 0.99  # of the constants: five of them are to hold at once
PREDICTED = 0.95
SUSPECTS = 2  # runs of a table that are looked at one by one, the farthest from the law
FAR = 5.0  # robust standard deviations from the law at which a run is looked at
CHANCE = 2.0  # standard deviations of a single run that a mean error may have
TO_SIGMA = 1.4826  # of a median absolute deviation


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """How well the runs that were left out were foretold, by the law and by a straight line."""

    check: Check
    law_error: float
    line_error: float
    scatter: float

    @property
    def holds(self) -> bool:
        """Whether half the runs lie inside their intervals, or all are met about as well as chance allows.

        The runs share the law's own error, so that more of them miss together than intervals taken one by one allow.
        """
        inside = sum(p.inside for p in self.check.predicted)
        return 2 * inside >= len(self.check.predicted) or self.law_error <= CHANCE * self.scatter


@dataclass
class Study:
    """What was found."""

    rows: tuple[Row, ...]
    law: Law | None = None
    fit: Fit | None = None
    refused: str | None = None
    others: dict[Law, Fit] = field(default_factory=dict)
    extrapolation: Extrapolation | None = None
    unchecked: str | None = None
    allocations: list[Allocation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: list[LineFact] = field(default_factory=list)
    judged: dict[str, Row] = field(default_factory=dict)


def usable(rows: Sequence[Row], law: Law) -> list[Run]:
    """Return the runs that have the sizes a law asks for."""
    return [r.run for r in rows if all(r.run.size(name) for name in law.value)]


def study(
    rows: Sequence[Row],
    *,
    law: Law | None = None,
    judge: Sequence[Row] = (),
    flops: Sequence[float] = (),
    held_out: int | None = None,
    seed: int = 0,
) -> Study:
    """Fit what the runs carry.

    Args:
        rows: Finished runs.
        law: The law; None for the richest one that they carry.
        judge: Runs to be judged against the law; they are not fitted.
        flops: Compute budgets to be spent best.
        held_out: How many of the largest runs are foretold from the others; a fifth when None.
        seed: Of the redrawn losses.
    """
    taken = {id(r) for r in judge}
    fitted = tuple(r for r in rows if id(r) not in taken)
    found = Study(fitted)
    _fit(found, law, seed)
    if found.fit is None or found.law is None:
        return found
    _foretell(found, held_out, seed)
    for budget in flops:
        try:
            found.allocations.append(allocate(found.fit, budget, level=PREDICTED))
        except NotFitted as error:
            found.notes.append(f"{budget:.3g} FLOPs cannot be split: {error}")
    for row in judge:
        _judge(found, row, found.fit)
    if not judge:
        _suspects(found, seed)
    return found


def _fit(found: Study, law: Law | None, seed: int) -> None:
    """Fit the law asked for, or the first that the runs carry; single-size laws on a slice of a joint table."""
    why = []
    for candidate in [law] if law is not None else (Law.JOINT, Law.SAMPLES, Law.PARAMETERS):
        runs = usable(found.rows, candidate)
        try:
            _require(runs, candidate, asked=law is not None)
            found.fit = fit(runs, candidate, draws=DRAWS, seed=seed)
            found.law = candidate
            break
        except NotFitted as error:
            why.append(f"{words_of(candidate)}: {error}")
    found.refused = None if found.fit is not None else "; ".join(why)
    if found.law is Law.JOINT:
        for single in (Law.PARAMETERS, Law.SAMPLES):
            _slice(found, single, seed)


def _require(runs: Sequence[Run], law: Law, *, asked: bool) -> None:
    """Refuse a law that no run has the sizes of, and one of one size where the other varies by itself."""
    if not runs:
        msg = f"no run has its number of {' and '.join(law.value)}"
        raise NotFitted(msg)
    if asked or law is Law.JOINT:
        return
    other = "parameters" if law is Law.SAMPLES else "samples"
    values = {r.size(other) for r in runs} - {None}
    mine = {r.sizes(law) for r in runs}
    if len(values) > 1 and len(runs) > len(mine):
        msg = f"the {other} vary too; ask for it with --law if that is meant"
        raise NotFitted(msg)


def _slice(found: Study, law: Law, seed: int) -> None:
    """Fit a law of one size to the runs that share the other, where enough of them do."""
    other = "samples" if law is Law.PARAMETERS else "parameters"
    groups: dict[float, list[Run]] = {}
    for run in usable(found.rows, Law.JOINT):
        groups.setdefault(run.size(other) or 0.0, []).append(run)
    size, runs = max(groups.items(), key=lambda g: (len(g[1]), g[0]))
    try:
        found.others[law] = fit(runs, law, draws=DRAWS // 3, seed=seed)
        found.notes.append(f"{words_of(law)} is that of the {len(runs)} runs with {size:.3g} {other}")
    except NotFitted:
        return


def words_of(law: Law) -> str:
    """Return the form of a law."""
    terms = {"parameters": "A/N^a", "samples": "B/D^b"}
    return " + ".join(["E", *(terms[name] for name in law.value)])


def _foretell(found: Study, held_out: int | None, seed: int) -> None:
    """Leave the largest runs out and foretell them, by the law and by a straight line."""
    assert found.law is not None
    runs = usable(found.rows, found.law)
    try:
        made = check(runs, found.law, held_out=held_out, level=PREDICTED, draws=DRAWS // 3, seed=seed)
    except NotFitted as error:
        found.unchecked = str(error)
        return
    left = {id(p.run) for p in made.predicted}
    line = straight([r for r in runs if id(r) not in left], found.law)
    errors = [abs(p.error) for p in made.predicted]
    naive = [abs(p.run.loss / line.loss(p.run) - 1) for p in made.predicted]
    scatter = found.fit.scatter if found.fit is not None else 0.0
    found.extrapolation = Extrapolation(made, sum(errors) / len(errors), sum(naive) / len(naive), scatter)


def _judge(found: Study, row: Row, fitted: Fit) -> None:
    """Put a run beside what the law expects of it."""
    try:
        sizes = dict(zip(fitted.law.value, row.run.sizes(fitted.law), strict=True))
        expected: Interval = predict(fitted, **sizes, level=PREDICTED)
    except NotFitted as error:
        found.notes.append(f"{row.name} cannot be judged: {error}")
        return
    largest = {name: max(r.size(name) or 0.0 for r in fitted.runs) for name in fitted.law.value}
    reach = max(sizes[name] / largest[name] for name in fitted.law.value)
    held = None if found.extrapolation is None else found.extrapolation.holds
    found.judged[row.name] = row
    found.lines.append(
        LineFact(
            row.name,
            row.run.loss,
            expected.low,
            expected.middle,
            expected.high,
            expected.level,
            fitted.scatter,
            len(fitted.runs),
            held,
            reach,
            row.run.parameters,
            row.run.samples,
        )
    )


def _suspects(found: Study, seed: int) -> None:
    """Judge the runs of the table that lie farthest from the law, each by a law without all of them."""
    law, fitted = found.law, found.fit
    assert law is not None
    assert fitted is not None
    rows = [r for r in found.rows if all(r.run.size(name) for name in law.value)]
    gaps = [math.log(r.run.loss / fitted.curve.loss(samples=r.run.samples, parameters=r.run.parameters)) for r in rows]
    sigma = TO_SIGMA * sorted(map(abs, gaps))[len(gaps) // 2]
    far = sorted((i for i in range(len(rows)) if abs(gaps[i]) > FAR * sigma), key=lambda i: -abs(gaps[i]))[:SUSPECTS]
    rest = [r.run for i, r in enumerate(rows) if i not in far]
    try:
        without = fit(rest, law, draws=DRAWS // 3, seed=seed) if far else fitted
    except NotFitted:
        return
    for i in far:
        _judge(found, rows[i], without)
