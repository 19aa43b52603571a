"""Padded positions of the targets carry loss.

## What is wrong
Sequences of different lengths are padded with one id, and the loss counts those positions too.

## Why it hurts
The easiest thing to learn is to answer with the padding. The loss looks good, since the padding is soon
predicted, and the real positions share what is left of the gradient.

## How it is found
The targets of each sequence loss are read row by row: most rows end in a run of one id, runs of
different lengths, an id that hardly occurs anywhere else; and the loss neither ignores nor weighs it.
Where padding has the id of a common class ("O" of a tagger), it is known by the model's input: rows that end
in one id that occurs nowhere else. Values padded with zeros are known by the model's input, which is one
constant at the same positions; the gradient that arrives at the predictions there shows that they are counted.

## What to do
Pass `ignore_index` (and pad the targets with that id), or mask the positions; for values, average over the
real positions only.

## When it is a false alarm
An id that is common in the middle of rows too is a word or a class; runs of one length are a format;
losses of each position (`reduction="none"`) are masked by what follows; models that give back their own
input. All are passed over.

## Sources
ignore_index: https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity, Trust
from torchladder.core.step_facts import PaddingFact
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """What padding looks like."""

    share: float = limit(0.3, unit="share of all positions", why="less costs little")
    of_input: float = limit(0.5, unit="share of all positions", why="a common class as padding costs less")
    rows: float = limit(0.5, unit="share of the rows", why="only the longest rows of a batch have none")
    elsewhere: float = limit(0.01, unit="share of the other positions", why="padding does not occur inside a row")
    spread: float = limit(2, unit="positions between the shortest and longest run", why="lengths differ")


@rule(
    "TL308",
    rung=3,
    severity=Severity.WARNING,
    needs=("paddings",),
    limits=Limits,
    explains=("TL102",),
    plants=(
        Plant("padded_rnn", ", ignore_index=PAD)", ")"),
        Plant(
            "padded_rnn",
            "F.cross_entropy(logits.reshape(-1, N_IDS), targets.reshape(-1), ignore_index=PAD)",
            "F.cross_entropy(logits.transpose(1, 2), targets)",
        ),
    ),
    near_misses=(
        Plant(
            "padded_rnn",
            "next_loss = F.cross_entropy(logits.reshape(-1, N_IDS), targets.reshape(-1), ignore_index=PAD)",
            'each = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")\n'
            "        next_loss = (each * (targets != PAD)).sum() / (targets != PAD).sum()",
        ),
        Plant(
            "padded_rnn",
            "next_loss = F.cross_entropy(logits.reshape(-1, N_IDS), targets.reshape(-1), ignore_index=PAD)",
            "real = targets != PAD\n        next_loss = F.cross_entropy(logits[real], targets[real])",
        ),
    ),
)
def loss_padding_counted(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each sequence loss that counts its padding."""
    told: set[Place | None] = set()
    for row in (*(facts.paddings or ()), *(facts.padded_values or ())):
        looks = row.rows_ending >= limits.rows and row.elsewhere <= limits.elsewhere
        varied = row.run_max - row.run_min >= limits.spread
        least = limits.of_input if row.by_input else limits.share
        if row.ignored or row.share < least or not looks or not varied or (row.by_input and row.place in told):
            continue
        told.add(row.place)
        values = row in (facts.padded_values or ())
        yield _finding(row, _mask() if values else _ignore(row), "zeros" if values else str(row.id))


def _finding(row: PaddingFact, fix: Fix, runs: str) -> Finding:
    name = "the hand-written loss" if row.function == "custom" else f"`{row.function}`"
    return loss_padding_counted.finding(
        f"{name} counts padding: {row.share:.0%} of the targets are runs of {runs} "
        + ("where the model's input is padded" if row.by_input else "at row ends"),
        where=(row.place,) if row.place is not None else (),
        seen=(
            Measurement("share of positions that are padding", round(row.share, 3), expected="0, left out of the loss"),
            Measurement(f"share of the other {_side(row)} that hold {_value(row)}", round(row.elsewhere, 4)),
        ),
        fixes=(fix,),
        phase=row.phase,
    )


def _side(row: PaddingFact) -> str:
    return "positions of the input" if row.by_input else "positions"


def _value(row: PaddingFact) -> str:
    return "the padding's value" if row.by_input else str(row.id)


def _ignore(row: PaddingFact) -> Fix:
    if row.by_input:
        title = "give padded positions the target -100, which the loss leaves out"
        site = {"path": row.place.path, "line": row.place.line, "function": row.function} if row.place else None
        return Fix(title, Trust.LIKELY, Change("ignore_padding", site) if site else None)
    if row.place is None:
        return Fix(f"pass `ignore_index={row.id}`")
    args = {"path": row.place.path, "line": row.place.line, "function": row.function, "id": row.id}
    return Fix(f"pass `ignore_index={row.id}`", change=Change("ignore_index", args))


def _mask() -> Fix:
    return Fix(
        "average the loss over the real positions only: index both sides with a mask of the lengths", Trust.LIKELY
    )
