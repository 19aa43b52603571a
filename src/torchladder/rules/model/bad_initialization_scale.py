"""The untrained model is sure of its wrong answers.

## What is wrong
The weights are initialised far too large: the logits (or predictions) spread widely before anything
was learned, and the first loss is far above that of a model that knows nothing.

## Why it hurts
The first hundreds of steps only shrink the weights; saturated softmaxes and large gradients make
the learning rate hard to choose, and some runs never recover.

## How it is found
The first loss is compared with chance (ln K for K classes, ln 2 for two, the targets' mean square
for regression) and the spread of the outputs with what is usual. Very far beyond both, at inputs of
ordinary size, it is a fact; in between, the same batch is fitted again with a smaller last layer.

## What to do
Leave the default initialisation, or scale the last layer's weights down.

## When it is a false alarm
Pretrained models and second phases; scaled cosine logits (ArcFace, CLIP: a product follows the last
layer); label smoothing, summed losses and class priors in the bias; embeddings tied to the head;
inputs or targets that were not normalised (another fault, with the same symptom); margins.

## Sources
Karpathy, verify loss at init: https://karpathy.github.io/2019/04/25/recipe/
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LossCallFact, ParameterFact, TensorFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.rules.loop.trials import base_failed, base_passed
from torchladder.rules.model.tails import first_by_site, lines, n_classes, squashing
from torchladder.rules.registry import Plant, limit, rule

LOSSES = frozenset({"cross_entropy", "binary_cross_entropy_with_logits", "mse_loss"})
MATRIX = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """How far above chance, and how wide."""

    times_chance: float = limit(3.0, unit="times chance", why="default layers stay below 1.5")
    far_times_chance: float = limit(6.0, unit="times chance", why="no working design starts here")
    spread: float = limit(3.0, unit="standard deviation", why="default layers stay below 1")
    far_spread: float = limit(6.0, unit="standard deviation", why="softmax is one-hot from here on")
    input_size: float = limit(20.0, unit="absolute value", why="raw inputs explain the loss alone")


@rule(
    "TL215",
    rung=2,
    severity=Severity.WARNING,
    needs=("loss_calls", "parameters"),
    limits=Limits,
    explains=("TL210", "TL212"),
    plants=(
        Plant(
            "digits_mlp",
            "model = MLP()",
            "model = MLP()\nnn.init.normal_(model.head.weight, std=25.0)",
        ),
        Plant(
            "digits_mlp",
            "model = MLP()",
            "model = MLP()\nfor p in model.parameters():\n    nn.init.normal_(p)",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "model = MLP()",
            "model = MLP()\nnn.init.xavier_uniform_(model.head.weight, gain=2.0)",
        ),
        Plant(
            "tiny_lm",
            "model = CharLM()",
            "model = CharLM()\nnn.init.normal_(model.head.weight, std=0.3)",
        ),
    ),
)
def bad_initialization_scale(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first phase whose untrained model is far worse than chance."""
    for call in first_by_site(facts.loss_calls, LOSSES):
        head = [p for p in facts.parameters or () if p.phase == call.phase and p.output_layer]
        chance = _chance(call)
        if chance is None or not head or not _untrained(facts, call, limits):
            continue
        value, spread = call.value or 0.0, _spread(call)
        if value < limits.times_chance * chance + 1 or spread < limits.spread:
            continue
        far = value > limits.far_times_chance * chance and spread > limits.far_spread
        proven = far and (not _tied(head) or base_failed(facts, call.phase))
        if not proven and base_passed(facts, call.phase):
            continue
        names = [p.name for p in head if len(p.shape) >= MATRIX]
        change = {"phase": call.phase, "names": names, "factor": round(1 / spread, 4)}
        yield bad_initialization_scale.finding(
            f"the untrained model's loss is {value:.4g}, {value / chance:.1f} times that of chance",
            where=lines(head[0].created, call.place),
            module=head[0].module,
            seen=(
                Measurement("loss at step 0", round(value, 4), expected=round(chance, 4), step=0),
                Measurement("standard deviation of the outputs", round(spread, 3), expected="< 1"),
            ),
            fixes=(
                Fix(
                    f"scale the last layer's weights by {1 / spread:.2g}",
                    change=Change("scale_parameter", change),
                ),
            ),
            standing=Standing.PROVEN if proven else Standing.SUSPECTED,
            phase=call.phase,
        )
        return


def _chance(call: LossCallFact) -> float | None:
    """Return the mean loss of an answer that knows nothing, None when it cannot be told."""
    if call.step != 0 or call.options.get("reduction", "mean") != "mean" or call.value is None:
        return None
    if call.function == "binary_cross_entropy_with_logits":
        return None if call.options.get("pos_weight") else math.log(2)
    if call.function == "cross_entropy":
        n = n_classes(call)
        return math.log(n) if n is not None and n > 1 else None
    size = _mean_square(call.target)
    return size if size is not None and size > 0 else None


def _mean_square(tensor: TensorFact | None) -> float | None:
    """Return the mean of a tensor's squares, None when its moments are unknown."""
    if tensor is None or tensor.std is None or tensor.mean is None:
        return None
    return tensor.std**2 + tensor.mean**2


def _spread(call: LossCallFact) -> float:
    """Return the standard deviation of the outputs, in units of the targets' for regression."""
    if call.input is None or call.input.std is None or not math.isfinite(call.input.std):
        return 0.0
    if call.function != "mse_loss":
        return call.input.std
    size = _mean_square(call.target) or 0.0
    return call.input.std / math.sqrt(size) if size > 0 else 0.0


def _untrained(facts: Facts, call: LossCallFact, limits: Limits) -> bool:
    """Return whether the logits come from fresh layers, at inputs of ordinary size."""
    if call.value is None or not math.isfinite(call.value) or squashing(call) is not None:
        return False
    roots = [r for r in facts.roots or () if r.phase == call.phase]
    sizes = [max(abs(t.min or 0), abs(t.max or 0)) for r in roots for t in r.inputs if not t.integral]
    here = [p for p in facts.parameters or () if p.phase == call.phase]
    loaded = any(r.pretrained for r in roots) or any(p.fresh is False for p in here)
    return not loaded and all(size <= limits.input_size for size in sizes)


def _tied(head: list[ParameterFact]) -> bool:
    """Return whether the last layer's weight is an embedding's."""
    return any("Embedding" in (p.module_type or "") or "emb" in p.name.lower() for p in head)
