"""Affine layers follow each other with nothing non-linear between them.

## What is wrong
Two or more linear (or convolutional) layers are stacked without an activation. Their product is one
affine map, whatever their number and width.

## Why it hurts
The model can draw only straight boundaries. On tasks that need more, the loss stops at what a
linear model reaches; on others the depth costs time and numbers and gives nothing.

## How it is found
The autograd graph is walked from the loss to the model's entry. When it holds no non-linear
operation at all and the hidden width restricts nothing, the stack is one linear map: a fact. When
only some neighbours lack one, the same batch is fitted again with a ReLU between them.

## What to do
Put an activation after each hidden layer.

## When it is a false alarm
Factors that are narrow on purpose (LoRA, low-rank heads, linear autoencoders, matrix factorisation)
restrict the rank, and are passed over. So are embeddings followed by a linear layer, which is how
bags of words are classified. Separable convolutions, linear bottlenecks and the value and output
projections of attention come in pairs too: they are suspected only if the batch cannot be fitted.
Deep linear networks studied for their own sake are a warning, no error, where they fit the batch.

## Sources
Deep linear networks: Saxe et al., https://arxiv.org/abs/1312.6120
Dense layers without activation: https://stackoverflow.com/questions/48385830
"""

from collections.abc import Iterator

from torchladder.core.facts import AffinePairFact, Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.rules.loop.trials import base_failed
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import NoLimits, Plant, rule


@rule(
    "TL205",
    rung=3,
    severity=Severity.ERROR,
    needs=("affine_pairs",),
    explains=("TL220", "TL401", "TL402"),
    plants=(
        Plant(
            "digits_mlp",
            "x = torch.relu(self.fc1(x))\n        x = torch.relu(self.fc2(x))",
            "x = self.fc2(self.fc1(x))",
        ),
        Plant(
            "regression",
            "    nn.Linear(8, 64),\n    nn.ReLU(),\n    nn.Linear(64, 64),\n    nn.ReLU(),\n",
            "    nn.Linear(8, 64),\n    nn.Linear(64, 64),\n",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "self.head = nn.Linear(hidden, 10)",
            "self.head = nn.Sequential(nn.Linear(hidden, 6, bias=False), nn.Linear(6, 10))",
        ),
        Plant(
            "autoencoder",
            "self.encoder = nn.Sequential(nn.Linear(n_pixels, 128), nn.ReLU(), nn.Linear(128, n_code))\n"
            "        self.decoder = nn.Sequential("
            "nn.Linear(n_code, 128), nn.ReLU(), nn.Linear(128, n_pixels))",
            "self.encoder = nn.Linear(n_pixels, n_code)\n        self.decoder = nn.Linear(n_code, n_pixels)",
        ),
    ),
)
def missing_nonlinearity(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one finding for each phase with affine layers that collapse into one."""
    pairs = [p for p in facts.affine_pairs or () if _redundant(p) and not _embeds(facts, p)]
    for phase in sorted({pair.phase for pair in pairs}):
        here = [pair for pair in pairs if pair.phase == phase]
        whole = [pair for pair in here if pair.whole]
        failed = base_failed(facts, phase)
        narrow = any(p.whole and p.phase == phase and not _redundant(p) for p in facts.affine_pairs or ())
        if whole and not narrow:  # with a bottleneck anywhere, a linear model is a low-rank factor
            yield _finding(whole, Severity.ERROR if failed else Severity.WARNING, Standing.PROVEN)
        elif failed:
            yield _finding(whole or here, Severity.ERROR, Standing.SUSPECTED)


def _redundant(pair: AffinePairFact) -> bool:
    """Return whether the hidden width restricts nothing, so that the pair is one full affine map."""
    ends = (pair.widths[0], pair.widths[-1]) if pair.widths else (0, 0)
    hidden = pair.widths[1:-1]
    return bool(hidden) and min(hidden) >= min(ends) and min(pair.widths) > 0


def _embeds(facts: Facts, pair: AffinePairFact) -> bool:
    """Return whether one of the two is an embedding, whose input is a choice and not a number."""
    of_pair = {pair.first, pair.second}
    types = {p.module_type for p in facts.parameters or () if p.module in of_pair and p.module}
    return any("Embedding" in (name or "") for name in types | of_pair)


def _finding(pairs: list[AffinePairFact], severity: Severity, standing: Standing) -> Finding:
    """Return the finding about all these pairs."""
    n_layers = len({name for pair in pairs for name in (pair.first, pair.second)})
    if pairs[0].whole:
        message = f"{n_layers} affine layers make up the whole model, with nothing non-linear between"
    else:
        message = f"{n_layers} affine layers in series have nothing non-linear between them"
    first = pairs[0]
    change = Change("insert_relu", {"phase": first.phase, "modules": [p.first for p in pairs]})
    return missing_nonlinearity.finding(
        message,
        where=lines(*(place for pair in pairs for place in pair.places)),
        module=first.first,
        seen=(Measurement("widths of the first two", list(first.widths)),),
        notes=tuple(f"{pair.first} feeds {pair.second} directly" for pair in pairs[:3]),
        fixes=(Fix("put an activation between the layers", change=change),),
        severity=severity,
        standing=standing,
        phase=first.phase,
    )
