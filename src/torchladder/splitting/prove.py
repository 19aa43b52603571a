"""The proof that a split is clean: what was written is read back, counted, and checked as `data check` does."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from torchladder.core.errors import InternalError
from torchladder.core.report import Report, State
from torchladder.inspection.checks import all_folds
from torchladder.inspection.engine import Progress
from torchladder.inspection.run import Options, inspect
from torchladder.sets.record import plan_of
from torchladder.sets.source import Source
from torchladder.splitting.assign import tabled
from torchladder.splitting.plan import Plan, Wish

# What a split can be guilty of: samples, groups or times on both sides, sides too small or unlike each other.
RULES = ("TL105", "TL109", "TL110", "TL111", "TL121", "TL123")
LEFT_OUT = {"pictures", "metric"}  # checks of files by themselves
DIFFERENCE = 0.05  # of a class's share between two sides


def proven(
    written: Sequence[Source],
    plan: Plan,
    wish: Wish,
    *,
    name: str,
    again: str,
    progress: Progress,
) -> Report:
    """Return the report about the sides as they lie on disk.

    Raises:
        InternalError: If they are not what was planned.
    """
    sides = [("held-out" if i else "train", s) for i, s in enumerate(written)]
    folds = [f for f in all_folds() if f.name not in LEFT_OUT]
    how = Options(select=RULES, planned=plan_of(plan.rule), again=again)
    report = inspect(sides, folds, how, name=name, progress=progress)
    rung = report.rungs[0]
    read = [row["read"] for row in rung.facts["sides"]]
    due = [int((plan.sides == i).sum()) for i in range(len(written))]
    if read != due:
        msg = f"the sides hold {read} samples where {due} were planned"
        raise InternalError(msg)
    checks = [_disjoint(plan), *_balance(plan, wish), *rung.facts["checks"]]
    table = _told(rung.facts["sides"], plan)
    rung = dataclasses.replace(rung, facts=rung.facts | {"sides": table, "checks": checks})
    sentence = report.sentence if report.cause else f"split {plan.rule}: {len(checks)} checks found it clean"
    return dataclasses.replace(report, rungs=(rung,), sentence=sentence)


def _told(rows: list[dict[str, Any]], plan: Plan) -> list[dict[str, Any]]:
    """Return the rows of the sides with what the split has to say beneath them, instead of how files were read."""
    first = f"split {plan.rule}"
    left = [f"{n:,} samples left out: {why}" for why, n in plan.left_out.items()]
    return [row | {"told": [first, *plan.told, *left] if i == 0 else []} for i, row in enumerate(rows)]


def _row(check: str, value: str, expected: str | None, *, passed: bool) -> dict[str, Any]:
    state = State.PASSED if passed else State.UNKNOWN
    return {"check": check, "rules": [], "state": state.value, "value": value, "expected": expected, "unknown": None}


def _disjoint(plan: Plan) -> dict[str, Any]:
    """Return the line about what stays together: units with samples on two sides."""
    on = plan.sides >= 0
    pairs = np.unique(np.stack([plan.units[on], plan.sides[on]], axis=1), axis=0)
    torn = int((np.bincount(pairs[:, 0]) > 1).sum())
    if torn:
        msg = f"{torn} groups were torn apart"
        raise InternalError(msg)
    units = len(np.unique(plan.units[on]))
    return _row("what belongs together", f"0 of {units:,} units are on two sides", "0", passed=True)


def _balance(plan: Plan, wish: Wish) -> list[dict[str, Any]]:
    """Return the line about the classes' shares."""
    if plan.classes is None:
        return []
    table = tabled(plan.classes, plan.sides, len(wish.fractions))
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    apart = np.abs(shares[1:] - shares[0])
    side, worst = np.unravel_index(int(apart.argmax()), apart.shape)
    value = f"{apart.max():.1%} at most, of `{plan.names[worst]}` in {wish.sides[int(side) + 1]}"
    if plan.rule.startswith("in time") or " in time" in plan.rule:
        return [_row("classes' shares, sides apart", value, None, passed=True)]
    return [
        _row("classes' shares, sides apart", value, f"below {DIFFERENCE:.0%}", passed=bool(apart.max() < DIFFERENCE))
    ]
