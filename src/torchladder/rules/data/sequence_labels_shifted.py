"""A causal language model is given labels at the wrong offset.

## What is wrong
The model predicts the next token, so the label of position t is the input of position t + 1. Here
the labels equal the inputs themselves (not shifted at all), or the tokens two ahead (shifted in the
data set and once more in the model or the loss).

## Why it hurts
Labels that were not shifted ask the model to copy what it sees: the loss falls to zero within
minutes, and the text it writes repeats one token for ever. Labels shifted twice train a model that
leaves out every other token.

## How it is found
At every position with a target, the target is compared with the input one before, at, one after and
two after; only positions at which these four differ count. Then the model is asked: its outputs move
when the input at the same position changes and stay when only later inputs do, so it is causal, and
sees the very token it is asked for.

## What to do
Shift once, in one place: `x = tokens[:, :-1]`, `y = tokens[:, 1:]`; or hand `labels = input_ids` to
a model that shifts by itself, as those of Hugging Face do.

## When it is a false alarm
Masked language models and denoisers (their outputs depend on later inputs, and not every target
equals its input), decoders that shift to the right inside (the output at t does not see the input at
t), sequence to sequence models, tagging, models that look at each token alone, several heads of which
one predicts the next token: all are told apart by what is measured. A model trained to echo its input
on purpose is not.

## Sources
Labels are shifted inside the model: https://huggingface.co/docs/transformers/tasks/language_modeling
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.core.model_facts import SequenceFact
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule

WRONG = {
    "0": ("the targets equal the inputs: labels that are not shifted ask a causal model to copy", 1),
    "2": ("the targets are the inputs two positions on: the labels are shifted twice", -1),
    "-1": ("the targets are the inputs one position before: input and target are exchanged", 2),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """When agreement is a matter of how the labels were made."""

    agreement: float = limit(0.999, unit="fraction of positions", why="corrupted inputs agree at fewer")
    next_token: float = limit(0.9, unit="fraction of positions", why="another loss is on the next token")
    min_positions: float = limit(50, unit="positions", why="fewer could agree by chance")
    causal: float = limit(1e-3, unit="relative change", why="rounding in half precision")
    sees: float = limit(1e-3, unit="relative change", why="shifted inside, the output is exactly unmoved")


@rule(
    "TL124",
    rung=1,
    severity=Severity.ERROR,
    needs=("sequences",),
    limits=Limits,
    explains=("TL220", "TL402"),
    plants=(
        Plant("tiny_lm", "source[i + 1 : i + 1 + block_size]", "source[i : i + block_size]"),
        Plant(
            "tiny_lm",
            "loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())",
            "loss = F.cross_entropy(model(x)[:, :-1].flatten(0, 1), y[:, 1:].flatten())",
        ),
    ),
    near_misses=(
        Plant(
            "tiny_lm",
            "loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())",
            "loss = F.cross_entropy(model(x)[:, :-1].flatten(0, 1), x[:, 1:].flatten())",
        ),
        Plant(
            "tiny_lm",
            "loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())",
            "logits = model(x)\n    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())\n"
            "    loss = loss + 0.1 * F.cross_entropy(logits[:, :-1].flatten(0, 1), y[:, 1:].flatten())",
        ),
        Plant(
            "tiny_lm",
            "        x = self.embed(x) + self.pos[: x.shape[1]]\n",
            "        x = F.pad(self.embed(x)[:, :-1], (0, 0, 1, 0)) + self.pos[: x.shape[1]]\n",
        ),
    ),
)
def sequence_labels_shifted(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each phase whose causal model is given labels at a wrong offset."""
    rows = [s for s in facts.sequences or () if s.integral and s.changes and s.positions >= limits.min_positions]
    for phase in sorted({s.phase for s in rows}):
        here = [s for s in rows if s.phase == phase]
        if any(s.agreement.get("1", 0.0) >= limits.next_token for s in here):
            continue
        found = next(((s, o) for s in here if _causal(s, limits) for o in WRONG if _agrees(s, o, limits)), None)
        if found is not None:
            yield _finding(*found)


def _causal(s: SequenceFact, limits: Limits) -> bool:
    """Return whether outputs see the input at their own position and before, and none after it."""
    looks_back = s.own is not None and s.own > limits.sees and s.back is not None and s.back > limits.sees
    return looks_back and s.leak is not None and s.leak <= limits.causal


def _agrees(s: SequenceFact, offset: str, limits: Limits) -> bool:
    """Return whether the targets are the inputs at an offset."""
    return s.agreement.get(offset, 0.0) >= limits.agreement


def _finding(s: SequenceFact, offset: str) -> Finding:
    """Return the finding, with the shift that would put it right."""
    message, by = WRONG[offset]
    change = None
    if s.place is not None:
        site = {"path": s.place.path, "line": s.place.line, "function": s.function}
        change = Change("shift_targets", {**site, "by": by, "length": s.length, "axis": s.axis})
    return sequence_labels_shifted.finding(
        message,
        severity=Severity.WARNING if offset == "-1" else Severity.ERROR,
        where=lines(s.cut if offset == "2" else None, s.place),
        seen=(
            Measurement(f"targets that equal the input at offset {offset}", s.agreement[offset], expected="about 0"),
            Measurement("targets that equal the next input", s.agreement.get("1"), expected=1),
            Measurement("positions compared", s.positions),
        ),
        notes=("outputs depend on the input at their own position, and on none after it",),
        fixes=(Fix("shift the labels once: the label at t is the input at t + 1", Trust.LIKELY, change),),
        phase=s.phase,
    )
