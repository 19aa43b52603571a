"""The sigmoids or tanhs of a hidden layer sit at their ends.

## What is wrong
Nearly all outputs of the layer are within one per cent of the ends of its range: what enters it is
too large, because the inputs are not scaled or the weights before it were drawn too wide.

## Why it hurts
The slope of a sigmoid at 0.99 is 0.01, that of a tanh 0.02. Every saturated layer shrinks the
gradient of all layers before it by such a factor: they hardly learn.

## How it is found
The share of values at the ends is counted over the first steps and again later. More than nine in
ten, in a hidden layer, of a model that could not memorise one batch, is the finding. Where it could,
the layer is initialised anew to see whether it then learns at least twice as fast.

## What to do
Standardise the inputs; draw the weights with `xavier_uniform_`; use ReLU or a norm before the layer.

## When it is a false alarm
Outputs (the sigmoid before a loss is meant to reach its ends), gates that multiply something, and
models that learn all the same are passed over.

## Sources
Glorot and Bengio, on saturation: https://proceedings.mlr.press/v9/glorot10a.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import ActivationFact, Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.rules.loop.trials import base_failed
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a layer may sit at the ends."""

    share: float = limit(0.9, unit="fraction of values beyond 0.99 of the range", why="trained layers stay below half")
    min_units: float = limit(4, unit="units", why="a few units may be switches")


@rule(
    "TL210",
    rung=3,
    severity=Severity.ERROR,
    needs=("activations", "loss_calls"),
    limits=Limits,
    explains=("TL211", "TL220", "TL221", "TL402"),
    plants=(
        Plant(
            "sequence_rnn",
            "self.embed = nn.Linear(n_features, 24)",
            "self.embed = nn.Linear(n_features, 24)\n        nn.init.constant_(self.embed.bias, 40.0)",
        ),
        Plant(
            "digits_mlp",
            "        self.head = nn.Linear(hidden, 10)\n\n"
            "    def forward(self, x):\n        x = torch.relu(self.fc1(x))\n",
            "        self.head = nn.Linear(hidden, 10)\n        nn.init.uniform_(self.fc1.weight, 4.0, 5.0)\n\n"
            "    def forward(self, x):\n        x = torch.sigmoid(self.fc1(x))\n",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "x = torch.relu(self.fc1(x))\n        x = torch.relu(self.fc2(x))",
            "x = torch.tanh(self.fc1(x))\n        x = torch.tanh(self.fc2(x))",
        ),
        Plant(
            "digits_mlp",
            "x = self.drop(x)",
            "x = self.drop(x) * torch.sigmoid(self.fc2(x) + 8)",
        ),
    ),
)
def saturated_activations(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each phase, about the first hidden layer that sits at its ends."""
    done = set()
    outputs = {(op.function, op.place, op.module) for call in facts.loss_calls or () for op in call.tail}
    for act in facts.activations or ():
        if (
            act.phase in done
            or not _saturated(act, limits)
            or (act.function, act.place, act.module) in outputs
            or _inherited(facts, act)
        ):
            continue
        done.add(act.phase)
        failed = base_failed(facts, act.phase)
        modules = [act.fed_by] if act.fed_by else []
        share = act.saturated or 0.0
        yield saturated_activations.finding(
            f"{share:.0%} of the values of a {act.function} lie at the ends of its range",
            severity=Severity.ERROR if failed else Severity.WARNING,
            where=lines(act.place, act.created),
            module=act.module or act.fed_by,
            seen=(Measurement("values beyond 0.99 of the range", round(share, 3), expected="< 0.5", step=act.step),),
            fixes=(
                Fix("initialise the layer before it anew", change=_anew(act, modules)),
                Fix("initialise every layer of the model anew", change=_anew(act, [])),
                Fix("standardise the inputs", change=Change("standardise_input")),
            ),
            standing=Standing.PROVEN if failed else Standing.SUSPECTED,
            phase=act.phase,
        )


def _saturated(act: ActivationFact, limits: Limits) -> bool:
    """Return whether nearly all values of several units sit at the ends."""
    return act.saturated is not None and act.saturated > limits.share and act.units >= limits.min_units


def _inherited(facts: Facts, act: ActivationFact) -> bool:
    """Return whether the layer before it was trained elsewhere or does not train."""
    fed = [p for p in facts.parameters or () if p.phase == act.phase and act.fed_by and p.module == act.fed_by]
    return any(p.fresh is False for p in fed) or (bool(fed) and not any(p.requires_grad for p in fed))


def _anew(act: ActivationFact, modules: list[str]) -> Change:
    return Change("reinitialise", {"phase": act.phase, "modules": modules})
