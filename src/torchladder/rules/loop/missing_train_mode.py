"""Training goes on in evaluation mode.

## What is wrong
`model.eval()` was called for an evaluation, and nothing put the model back: the steps that follow
run with `training=False`.

## Why it hurts
Dropout is off and BatchNorm no longer follows the data: from the second epoch on another model is
trained than was meant, less regularised, with statistics that stand still.

## How it is found
The training flag of the model is read at each observed training step: True at first and False after
an evaluation; or never True although a fresh, wholly trainable model was evaluated before.

## What to do
Call `model.train()` at the start of each epoch, not once before the loop.

## When it is a false alarm
Models without Dropout or BatchNorm, for which the mode changes nothing; BatchNorm frozen layer by
layer (the model's own flag stays True); frozen feature extractors kept in evaluation mode;
pretrained models, which begin in evaluation mode and are often tuned in it; policies that act in
evaluation mode between training steps; Monte Carlo dropout, which is the reverse.

## Sources
Module.train: https://pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, RootFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When the flag was seen often enough."""

    min_steps: float = limit(2, unit="steps in evaluation mode", why="one may be a sanity check")


@rule(
    "TL502",
    rung=3,
    severity=Severity.WARNING,
    needs=("roots",),
    limits=Limits,
    explains=("TL219",),
    plants=(
        Plant("digits_mlp", "    model.train()\n    total = 0.0\n", "    total = 0.0\n"),
        Plant("sequence_rnn", "        self.model.train()\n", ""),
    ),
    near_misses=(
        Plant("digits_mlp", "    model.train()\n", "    model.train()\n    model.drop.eval()\n"),
        Plant("autoencoder", "        model.train()\n", ""),
    ),
)
def missing_train_mode(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first model that trains on in evaluation mode."""
    for root in facts.roots or ():
        flags = [flag for _, flag in sorted(root.training_flags)]
        n_off = len(flags) - sum(flags)
        if not root.mode_layers or root.eval_calls == 0 or n_off < limits.min_steps:
            continue
        turned = flags[0] and not flags[-1]
        if not turned and (any(flags) or not _meant_to_train(root)):
            continue
        first_off = min(step for step, flag in root.training_flags if not flag)
        shown = ", ".join(root.mode_layers[:3])
        yield missing_train_mode.finding(
            f"training runs in evaluation mode from step {first_off} on",
            where=_places(root),
            module=root.name or None,
            seen=(
                Measurement("training steps in evaluation mode", n_off, unit=f"of {len(flags)}", expected=0),
                Measurement("layers that behave differently", len(root.mode_layers)),
            ),
            notes=(f"layers that depend on the mode: {shown}",),
            remark="runs with training=False",
            fixes=(
                Fix(
                    "call train() on the model at the start of each epoch",
                    change=Change("train_mode", {"phase": root.phase}),
                ),
            ),
            phase=root.phase,
        )
        return


def _places(root: RootFact) -> tuple[Place, ...]:
    """Return where training runs in the mode, and the lines that set it and led there."""
    switched = [root.mode_place, *root.mode_lines] if root.mode_place else [root.eval_place]
    return tuple(dict.fromkeys(p for p in (root.place, *switched) if p is not None))


def _meant_to_train(root: RootFact) -> bool:
    """Return whether this is a fresh model of which everything trains, in its first phase."""
    whole = root.n_trainable == root.n_parameters > 0
    return whole and not root.pretrained and root.phase == 0
