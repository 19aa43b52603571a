"""The gradient shrinks so far on its way down that the early layers do not train.

## What is wrong
Every layer multiplies the gradient by the slope of its activation and by its weights. A sigmoid's
slope is at most a quarter; torch's default weights shrink a ReLU network's signal by more than half a
layer. Over ten or twenty plain layers nothing is left.

## Why it hurts
The first layers stay as they were drawn, and hand noise (or a constant) to the last ones. The loss
stays at chance.

## How it is found
The gradient of each weight matrix relative to the weights, |g| / |w|, is followed by depth over the
observed steps. It falls steadily from the last layers to the first, by a factor of a thousand or
more, at every step, and one batch could not be memorised.

## What to do
ReLU with He's initialisation instead of sigmoid or tanh; norm layers; residual connections; fewer
layers.

## When it is a false alarm
Fine-tuning, frozen layers, heads that start at zero (they hold back gradient in the first step only),
embeddings of which few rows are used, and deep networks that learn all the same are passed over.

## Sources
Vanishing gradients: Glorot and Bengio, https://proceedings.mlr.press/v9/glorot10a.html
He et al., Delving Deep into Rectifiers: https://arxiv.org/abs/1502.01852
"""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.core.model_facts import LayerGradientFact
from torchladder.rules.loop.trials import base_failed, base_passed
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule

SQUASHES = frozenset({"sigmoid", "tanh"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How deep a network, and how far a gradient must fall."""

    fall: float = limit(1000, unit="times between the last and the first layers", why="healthy nets stay within 100")
    fall_at_each: float = limit(100, unit="the same, at every step", why="one odd step is no pattern")
    trend: float = limit(0.7, unit="rank correlation with depth", why="a lone stray layer does not fall steadily")
    min_layers: float = limit(5, unit="weight matrices", why="fewer do not multiply up")
    min_steps: float = limit(3, unit="steps after the first", why="a head at zero holds back the first step")


@rule(
    "TL211",
    rung=3,
    severity=Severity.ERROR,
    needs=("layer_gradients", "trials"),
    limits=Limits,
    explains=("TL206", "TL209", "TL220", "TL221", "TL402"),
    plants=(
        Plant(
            "digits_mlp",
            "        self.head = nn.Linear(hidden, 10)\n\n    def forward(self, x):\n",
            "        self.head = nn.Linear(hidden, 10)\n"
            "        self.deep = nn.Sequential(*[m for _ in range(8) for m in (nn.Linear(64, 64), nn.Sigmoid())])\n\n"
            "    def forward(self, x):\n        x = self.deep(x)\n",
        ),
        Plant(
            "regression",
            "    nn.Linear(8, 64),\n    nn.ReLU(),\n    nn.Linear(64, 64),\n    nn.ReLU(),\n",
            "    nn.Linear(8, 64),\n"
            "    *[m for _ in range(9) for m in (nn.Sigmoid(), nn.Linear(64, 64))],\n    nn.ReLU(),\n",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "        self.head = nn.Linear(hidden, 10)\n\n    def forward(self, x):\n",
            "        self.head = nn.Linear(hidden, 10)\n"
            "        self.deep = nn.ModuleList([nn.Linear(64, 64) for _ in range(12)])\n\n"
            "    def forward(self, x):\n        for layer in self.deep:\n            x = x + torch.tanh(layer(x))\n",
        ),
        Plant(
            "tiny_lm",
            "model = CharLM()",
            "model = CharLM()\nnn.init.zeros_(model.head.weight)",
        ),
    ),
)
def vanishing_gradient(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each phase whose gradient does not arrive at the first layers."""
    for phase in sorted({g.phase for g in facts.layer_gradients or ()}):
        rows = sorted((g for g in facts.layer_gradients or () if g.phase == phase), key=lambda g: g.depth)
        if base_passed(facts, phase) or len(rows) < limits.min_layers or not all(g.fresh for g in rows):
            continue
        falls = _falls(rows)
        if len(falls) < limits.min_steps or statistics.median(falls) < limits.fall or min(falls) < limits.fall_at_each:
            continue
        middle = [statistics.median(g.ratios[1:]) for g in rows]
        if rank_correlation(middle) < limits.trend:
            continue
        first, last = rows[0], rows[-1]
        yield vanishing_gradient.finding(
            f"the gradient of the first layers is {statistics.median(falls):.2g} times smaller than that of the last",
            severity=Severity.ERROR if base_failed(facts, phase) else Severity.WARNING,
            where=lines(first.created, last.created),
            module=first.module,
            seen=(
                Measurement(
                    f"|gradient| / |weight| of `{first.name}`", float(f"{middle[0]:.3g}"), expected="about 1e-2"
                ),
                Measurement(f"|gradient| / |weight| of `{last.name}`", float(f"{middle[-1]:.3g}")),
                Measurement("weight matrices in a row", len(rows)),
            ),
            fixes=(_rectified(facts, phase),),
            phase=phase,
        )


def _falls(rows: Sequence[LayerGradientFact]) -> list[float]:
    """Return, for each step after the first, how much larger the gradient is at the end than at the beginning."""
    n = min(len(g.ratios) for g in rows)
    share = max(len(rows) // 4, 1)
    falls = []
    for step in range(1, n):
        early = statistics.median(g.ratios[step] for g in rows[:share])
        late = statistics.median(g.ratios[step] for g in rows[-share:])
        if late > 0:
            falls.append(late / early if early > 0 else float("inf"))
    return falls


def rank_correlation(values: Sequence[float]) -> float:
    """Return Spearman's correlation of values with their place in the sequence; ties are broken by place."""
    n = len(values)
    ranks = {index: rank for rank, index in enumerate(sorted(range(n), key=values.__getitem__))}
    squares = sum((index - rank) ** 2 for index, rank in ranks.items())
    return 1 - 6 * squares / (n * (n * n - 1)) if n > 1 else 0.0


def _rectified(facts: Facts, phase: int) -> Fix:
    """Return the remedy: He's initialisation, and ReLU where a hidden layer squashes."""
    outputs = {(op.function, op.place, op.module) for call in facts.loss_calls or () for op in call.tail}
    squashes = [
        a
        for a in facts.activations or ()
        if a.phase == phase
        and a.function in SQUASHES
        and a.place is not None
        and (a.function, a.place, a.module) not in outputs
    ]
    calls = dict.fromkeys((a.place.path, a.place.line, a.function, a.module) for a in squashes if a.place is not None)
    sites = [dict(zip(("path", "line", "function", "module"), call, strict=True)) for call in calls]
    seen = {a.function for a in facts.activations or () if a.phase == phase and a.function in SQUASHES}
    instead = f" and use it in the hidden layers instead of {' and '.join(sorted(seen))}" if seen else ""
    title = f"initialise for ReLU (`kaiming_normal_`){instead}"
    return Fix(title, change=Change("he_initialise", {"phase": phase, "sites": sites}))
