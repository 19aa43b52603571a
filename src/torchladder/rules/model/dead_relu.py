"""Most units of a ReLU layer are zero on every sample.

## What is wrong
A unit whose pre-activation is negative for every sample outputs 0 always and passes no gradient: it
cannot come back. Here that holds for most units of a layer.

## Why it hurts
Dead units are capacity that is gone. When a whole layer is dead nothing below it learns, and the
model gives one answer to every input.

## How it is found
Per unit, its output is followed over all samples of several training steps. Only units that are
zero on every one of them count.

## What to do
Initialise for ReLU (`kaiming_normal_`, biases at 0), lower the learning rate, normalise the inputs;
or use a leaky ReLU.

## When it is a false alarm
Natural sparsity: units that are zero on most samples but not on all. Pretrained or frozen layers,
half of whose features may be foreign to a narrow data set. Experts that few samples are sent to,
and layers seen on too few samples to tell. Between half and four fifths dead is a warning, and none
at all where the model fits its batch.

## Sources
Dying ReLU: Lu et al., https://arxiv.org/abs/1903.06733
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import ActivationFact, Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.loop.trials import base_passed
from torchladder.rules.model.tails import RELUS, lines
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a layer may be dead, and how much must have been seen."""

    warn: float = limit(0.5, unit="fraction of units", why="narrow inputs kill a third at the start")
    error: float = limit(0.8, unit="fraction of units", why="no initialisation in use kills so many")
    min_units: float = limit(4, unit="units", why="shares of fewer units jump")
    min_samples: float = limit(100, unit="samples", why="a sparse unit may miss fewer by chance")


@rule(
    "TL209",
    rung=3,
    severity=Severity.ERROR,
    needs=("activations",),
    limits=Limits,
    explains=("TL211", "TL220"),
    plants=(
        Plant(
            "digits_mlp",
            "self.fc2 = nn.Linear(hidden, hidden)",
            "self.fc2 = nn.Linear(hidden, hidden)\n        nn.init.constant_(self.fc2.bias, -5.0)",
        ),
        Plant("digits_mlp", "x = torch.relu(self.fc1(x))", "x = torch.relu(self.fc1(x) - 10)"),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "self.fc2 = nn.Linear(hidden, hidden)",
            "self.fc2 = nn.Linear(hidden, hidden)\n        nn.init.constant_(self.fc2.bias, -0.1)",
        ),
        Plant("digits_mlp", "nn.Dropout(0.1)", "nn.Dropout(0.5)"),
    ),
)
def dead_relu(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each phase, about the first layer with too many dead units."""
    done = set()
    for act in facts.activations or ():
        if act.phase in done or not _enough(act, limits) or _inherited(facts, act):
            continue
        share = act.dead / act.units
        if share > limits.error:
            severity = Severity.ERROR
        elif share > limits.warn and not base_passed(facts, act.phase):
            severity = Severity.WARNING
        else:
            continue
        done.add(act.phase)
        modules = [act.fed_by] if act.fed_by else []
        yield dead_relu.finding(
            f"{act.dead} of {act.units} units of a relu are zero on every sample",
            severity=severity,
            where=lines(act.place, act.created),
            module=act.module or act.fed_by,
            seen=(
                Measurement("dead units", round(share, 3), unit="fraction", expected="< 0.5"),
                Measurement("samples seen", act.n_samples),
            ),
            fixes=(
                Fix(
                    "initialise the layer before it for ReLU",
                    change=Change("reinitialise", {"phase": act.phase, "modules": modules}),
                ),
                Fix(
                    "initialise every layer of the model anew",
                    change=Change("reinitialise", {"phase": act.phase, "modules": []}),
                ),
            ),
            phase=act.phase,
        )


def _enough(act: ActivationFact, limits: Limits) -> bool:
    """Return whether this is a ReLU of which enough was seen."""
    name = act.function.lower().replace("_", "")
    return name in RELUS and act.units >= limits.min_units and act.n_samples >= limits.min_samples


def _inherited(facts: Facts, act: ActivationFact) -> bool:
    """Return whether the layer before it was trained elsewhere or does not train."""
    fed = [
        p for p in facts.parameters or () if p.phase == act.phase and act.fed_by is not None and p.module == act.fed_by
    ]
    return any(p.fresh is False for p in fed) or (bool(fed) and not any(p.requires_grad for p in fed))
