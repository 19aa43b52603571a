"""From a table to the curves of a run: training and held-out loss, scores, the learning rate, all on one axis.

What is inferred is told (``Log.told``) and can be named by the user instead.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from torchladder.logs.axis import Axis, axis_of
from torchladder.logs.roles import Role, role_of
from torchladder.logs.table import Column, LogError, Numbers, Rows, Table

PREFERRED = ("loss", "total_loss", "loss_total", "total")


@dataclass(frozen=True)
class Curve:
    """A column on the axis of its log.

    Attributes:
        name: As the log names it; of a sum, all names.
        direction: "min" or "max", the better.
        xs, values: Where and how much, in order; where a run was resumed, only what counts in the end.
        rows: The row of each value.
    """

    name: str
    direction: str
    xs: Numbers
    values: Numbers
    rows: Rows


@dataclass(frozen=True)
class Log:
    """The curves of one run.

    Attributes:
        unit: "epoch", "step" or "row": what ``xs`` are.
        train, held: Losses.
        train_score, held_score: Scores (accuracy and the like), or errors where the losses are something else.
        alike: Whether both losses are the same quantity, as far as names tell.
        lr: The learning rate.
        others: Columns with numbers that play no part.
        resumed: Where the run went on after a break, in units of the axis.
        told: What was inferred, for the user to check.
    """

    table: Table
    unit: str
    train: Curve | None = None
    held: Curve | None = None
    train_score: Curve | None = None
    held_score: Curve | None = None
    alike: bool = True
    lr: Curve | None = None
    others: tuple[str, ...] = ()
    resumed: tuple[float, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What the user says about the columns."""

    train: str | None = None
    held: str | None = None
    direction: str | None = None


@dataclass
class _Sides:
    train: list[tuple[Column, Role]] = field(default_factory=list)
    held: list[tuple[Column, Role]] = field(default_factory=list)


def curves_of(table: Table, asked: Asked = Asked()) -> Log:
    """Return the curves of a table.

    Raises:
        LogError: If a column that was asked for is not there, or none is a loss or a score.
    """
    roles = [(c, role_of(c.name)) for c in table.columns]
    sides = _sides(roles)
    losses = _losses(table, sides, asked)
    scores = _scores(sides, losses)
    chosen = [c for c in (*losses, *scores) if c is not None]
    if not chosen:
        names = ", ".join(c.name for c in table.columns[:8])
        msg = f"{table.source}: no column is known as a loss or a score ({names}); name them: --train COL --val COL"
        raise LogError(msg)
    axis = axis_of(table, roles, [c for c in (losses[1], scores[1], losses[0], scores[0]) if c is not None])
    made = [_curve(c, axis, asked.direction) for c in (*losses, *scores)]
    train, held, train_score, held_score = made
    if asked.direction == "max":  # what was named is a score
        pair = (train, held) if train is not None or held is not None else (train_score, held_score)
        train, held, train_score, held_score = None, None, *pair
    rate = next((c for c, r in roles if r.kind == "lr" and len(c.values)), None)
    used = {c.name for c in chosen} | {c.name for c in ([rate] if rate is not None else [])}
    parts = {n for name in used for n in name.split(" + ")}
    others = tuple(c.name for c, r in roles if c.name not in parts and r.kind not in {"epoch", "step"})
    told = (axis.words, *_told(train, held, train_score, held_score))
    log = Log(table, axis.unit, train, held, train_score, held_score, _alike(losses), None, others, axis.breaks, told)
    return replace(log, lr=_curve(rate, axis, "min"))


def _sides(roles: Sequence[tuple[Column, Role]]) -> _Sides:
    """Sort the measures by side: what is not named for a side is training's where held-out ones are named."""
    found = _Sides()
    measures = [(c, r) for c, r in roles if r.kind in {"loss", "error", "score"} and len(c.values)]
    held = [p for p in measures if p[1].side == "held"]
    tests = [p for p in measures if p[1].side == "test"]
    named = [p for p in measures if p[1].side == "train"]
    plain = [p for p in measures if not p[1].side]
    found.held = held or tests
    found.train = [*named, *(p for p in plain if p[1].kind != "score" or found.held or not named)]
    if not found.held and named:
        # A detector's mAP, precision and recall have no side in their names; they are never of training.
        bare = [p for p in plain if p[1].kind == "score" and not any(n[1].quantity == p[1].quantity for n in named)]
        found.held = bare
        found.train = [p for p in found.train if p not in bare]
    elif held and not any(p[1].kind == "score" for p in held):
        # Where both losses are named for a side and no score is, scores are held-out ones (fastai, model cards).
        both = {r.kind for _, r in named} == {"loss"} and any(r.kind == "loss" for _, r in held)
        bare = [p for p in plain if p[1].kind == "score" and (both or _of_detector(p[1]))]
        found.held = [*held, *bare]
        found.train = [p for p in found.train if p not in bare]
    elif not found.held:
        found.held = [p for p in plain if p[1].kind == "score" and _of_detector(p[1])]
        found.train = [p for p in found.train if p not in found.held]
    return found


def _of_detector(role: Role) -> bool:
    """Tell whether a score is a mean precision, which nobody takes of training data: mAP50, bbox_mAP."""
    return role.quantity.startswith("metrics") or re.search(r"(^|_)(map|m_ap)", role.quantity) is not None


def _losses(table: Table, sides: _Sides, asked: Asked) -> tuple[Column | None, Column | None]:
    if asked.train or asked.held:
        mine = _named(table, asked.train) if asked.train else None
        other = _named(table, asked.held) if asked.held else None
        if mine is None and other is not None:
            mine = _main([p for p in sides.train if p[1].kind == role_of(other.name).kind])
        return mine, other
    train = [p for p in sides.train if p[1].kind == "loss"]
    held = [p for p in sides.held if p[1].kind == "loss"]
    if not train and not held:
        train = [p for p in sides.train if p[1].kind == "error"]
        held = [p for p in sides.held if p[1].kind == "error"]
    elif not held:  # a loss of training, and an error of the same name held out
        quantities = {r.quantity for _, r in sides.held}
        both = [p for p in sides.train if p[1].kind == "error" and p[1].quantity in quantities]
        if both:
            train, held = both, [p for p in sides.held if p[1].quantity == both[0][1].quantity]
    return _main(train), _main(held)


def _named(table: Table, name: str) -> Column:
    found = table.column(name)
    if found is None:
        words = ", ".join(c.name for c in table.columns[:12])
        msg = f"{table.source} has no column {name!r}; it has: {words}"
        raise LogError(msg)
    return found


def _main(candidates: list[tuple[Column, Role]]) -> Column | None:
    """Return the loss itself; where there are only parts of one (box, class ...), their sum."""
    if not candidates:
        return None
    many = max(len(c.values) for c, _ in candidates)
    useful = [(c, r) for c, r in candidates if len(c.values) > 1 or many == 1]
    best = min(PREFERRED.index(r.quantity) if r.quantity in PREFERRED else len(PREFERRED) for _, r in useful)
    tied = [
        (c, r)
        for c, r in useful
        if (PREFERRED.index(r.quantity) if r.quantity in PREFERRED else len(PREFERRED)) == best
    ]
    if best == len(PREFERRED) and len({r.quantity for _, r in tied}) > 1:
        parts = [c for c, r in tied if r.quantity.endswith("_loss") or r.quantity.startswith("loss_")]
        same = [c for c in parts if len(c.rows) == len(parts[0].rows) and (c.rows == parts[0].rows).all()]
        if len(same) > 1:
            total = np.sum([c.values for c in same], axis=0)
            return Column(" + ".join(c.name for c in same), same[0].rows, total)
    whole = [c for c, r in tied if r.whole]  # Lightning's train_loss_epoch before train_loss_step
    return max(whole or [c for c, _ in tied], key=lambda c: len(c.values))


def _scores(sides: _Sides, losses: tuple[Column | None, ...]) -> tuple[Column | None, Column | None]:
    used = {c.name for c in losses if c is not None}
    held = [p for p in sides.held if p[1].kind in {"score", "error"} and p[0].name not in used]
    train = [p for p in sides.train if p[1].kind in {"score", "error"} and p[0].name not in used]
    held = [p for p in held if p[1].kind == "score"] or held
    best = _score(held, {r.quantity for _, r in train})
    if best is None:
        return _score([p for p in train if p[1].kind == "score"], set()), None
    quantity = role_of(best.name).quantity
    mine = [c for c, r in train if r.quantity == quantity]
    return (max(mine, key=lambda c: len(c.values)) if mine else None), best


def _score(candidates: list[tuple[Column, Role]], other: set[str]) -> Column | None:
    """Return the score to judge by: one that both sides have, then accuracy, then the strictest mean precision."""
    if not candidates:
        return None

    def rank(pair: tuple[Column, Role]) -> tuple[bool, bool, bool, int]:
        words = pair[1].quantity
        return words not in other, "acc" not in words, not ("ap" in words and "95" in words), -len(pair[0].values)

    return min(candidates, key=rank)[0]


def _curve(column: Column | None, axis: Axis, direction: str | None) -> Curve | None:
    if column is None:
        return None
    name = column.name.partition(" + ")[0]
    better = direction or ("max" if role_of(name).kind == "score" else "min")
    xs, values, rows = axis.place(column)
    return Curve(column.name, better, xs, values, rows)


def _alike(losses: tuple[Column | None, ...]) -> bool:
    if any(c is None for c in losses):
        return False
    first, second = (role_of(c.name.partition(" + ")[0]) for c in losses if c is not None)
    return first.quantity == second.quantity or first.kind == second.kind == "loss"


def _told(*curves: Curve | None) -> tuple[str, ...]:
    names = ("training loss", "held-out loss", "training score", "held-out score")
    return tuple(f"{n}: {c.name}" for n, c in zip(names, curves, strict=True) if c is not None)
