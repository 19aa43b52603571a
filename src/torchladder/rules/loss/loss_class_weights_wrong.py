"""Class weights favour the frequent classes.

## What is wrong
The weights given to the loss grow with the class counts; to balance, they are to fall with them.

## Why it hurts
What is rare already counts even less: the model learns to leave it out.

## How it is found
The weights are set beside the counts of the labels seen in the training steps: ranked by count, the
weights rise nearly everywhere, and both differ clearly between classes.

## What to do
Weigh by the reciprocal: `counts.sum() / (len(counts) * counts)`.

## When it is a false alarm
Weights against confusion costs may follow any order; equal weights or balanced labels (a weighted
sampler) say nothing. All but a clear rise is passed over.

## Sources
Class weights: https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LossCallFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When weights rise with the counts."""

    labels: float = limit(60, unit="labels seen", why="fewer do not show which class is rare")
    ratio: float = limit(1.5, unit="largest over smallest", why="smaller differences are chance, or rounding")
    rank: float = limit(0.75, unit="rank correlation of weights and counts", why="a wrong formula gives nearly 1")


@rule(
    "TL309",
    rung=3,
    severity=Severity.WARNING,
    needs=("loss_calls",),
    limits=Limits,
    explains=("TL102",),
    plants=(
        Plant(
            "padded_rnn",
            "class_weights = counts.sum() / (len(counts) * counts)",
            "class_weights = counts / counts.mean()",
        ),
        Plant(
            "padded_rnn",
            "class_weights = counts.sum() / (len(counts) * counts)",
            "class_weights = counts / counts.sum()",
        ),
    ),
    near_misses=(
        Plant(
            "padded_rnn",
            "class_weights = counts.sum() / (len(counts) * counts)",
            "class_weights = (counts.sum() / counts).sqrt()",
        ),
        Plant(
            "padded_rnn",
            "class_weights = counts.sum() / (len(counts) * counts)",
            "class_weights = torch.ones(len(counts))",
        ),
    ),
)
def loss_class_weights_wrong(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each loss line whose weights rise with the counts."""
    lines: dict[tuple[int, Place | None], list[LossCallFact]] = {}
    for call in facts.loss_calls or ():
        if call.options.get("class_weights") and call.label_counts and call.differentiated:
            lines.setdefault((call.phase, call.place), []).append(call)
    for (phase, place), calls in lines.items():
        pairs = _pairs(calls)
        n = sum(count for count, _ in pairs)
        if n < limits.labels or len(pairs) <= 1 or not _rise(pairs, limits):
            continue
        frequent, rare = max(pairs), min(pairs)
        change = (
            Change("class_weights", {"path": place.path, "line": place.line, "function": "cross_entropy"})
            if place
            else None
        )
        yield loss_class_weights_wrong.finding(
            "class weights grow with the class counts: what is frequent counts even more",
            where=tuple(dict.fromkeys(p for p in (calls[0].made, place) if p is not None)),
            seen=(
                Measurement(f"weight of the most frequent class ({frequent[0]} of {n})", round(frequent[1], 4)),
                Measurement(
                    f"weight of the rarest class seen ({rare[0]} of {n})", round(rare[1], 4), expected="larger"
                ),
            ),
            fixes=(Fix("weigh by the reciprocal of the counts", change=change),),
            phase=phase,
        )


def _pairs(calls: list[LossCallFact]) -> list[tuple[int, float]]:
    """Return (count, weight) of each class seen."""
    weights = calls[0].options["class_weights"]
    counts: dict[int, int] = {}
    for call in calls:
        for label, n in (call.label_counts or {}).items():
            counts[int(label)] = counts.get(int(label), 0) + n
    return [(n, float(weights[k])) for k, n in sorted(counts.items()) if 0 <= k < len(weights) and weights[k] > 0]


def _rise(pairs: list[tuple[int, float]], limits: Limits) -> bool:
    """Return whether both differ clearly, and the weights rise with the counts."""
    counts, weights = [float(n) for n, _ in pairs], [w for _, w in pairs]
    if max(counts) < limits.ratio * min(counts) or max(weights) < limits.ratio * min(weights):
        return False
    return _correlation(_ranks(counts), _ranks(weights)) >= limits.rank


def _ranks(values: list[float]) -> list[float]:
    """Return the rank of each value, ties sharing their mean."""
    return [sum(v < x for v in values) + (sum(v == x for v in values) - 1) / 2 for x in values]


def _correlation(a: list[float], b: list[float]) -> float:
    mean = (len(a) - 1) / 2
    top = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    below = sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b)
    return float(top / below**0.5) if below > 0 else 0.0
