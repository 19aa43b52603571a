"""The output for one sample depends on the other samples of the batch.

## What is wrong
A view, reshape or permute exchanges the batch axis with another one, a recurrent layer reads the
batch as time (`batch_first`), or a reduction runs over the batch.

## Why it hurts
A sample's answer changes with its neighbours. One batch can still be memorised, so the training
loss may look fine; evaluation with other batch sizes or orders gives other answers.

## How it is found
In evaluation mode one sample of a batch is changed, and the outputs for the others are compared
with what they were. They differ.

## What to do
Keep axis 0 for samples through the whole forward pass; use `permute` where axes change places and
`view` only where they are split or joined; set `batch_first=True`.

## When it is a false alarm
BatchNorm in training mode (it is asked in evaluation mode); contrastive models whose output is a
similarity of all with all; attention between samples and set or graph networks whose rows belong
together (they are given an adjacency, or losses not taken per sample); inputs with time first,
where axis 0 is not the batch; minibatch statistics in a GAN's critic.

## Sources
Backprop to chart dependencies: https://karpathy.github.io/2019/04/25/recipe/
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, InterrogationFact, LossCallFact, RootFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.model.tails import first_by_site, lines
from torchladder.rules.registry import Plant, limit, rule

PER_SAMPLE = frozenset({
    "cross_entropy",
    "nll_loss",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
})
EDGES = 2
# Of torch: the first axis is the sequence's unless ``batch_first`` is given.
TIME_FIRST = {"RNN", "LSTM", "GRU", "MultiheadAttention"}


@dataclass(frozen=True, slots=True)
class Limits:
    """When a change is more than rounding."""

    change: float = limit(1e-3, unit="relative change", why="other sums round at 1e-5, half at 1e-3")
    slip: float = limit(0.05, unit="relative change", why="batch statistics spread a sample thinly, slips do not")
    min_samples: float = limit(2, unit="samples", why="one sample has no neighbour")


@rule(
    "TL216",
    rung=2,
    severity=Severity.ERROR,
    needs=("interrogations", "roots", "loss_calls"),
    limits=Limits,
    explains=("TL219", "TL220"),
    plants=(
        Plant(
            "sequence_rnn",
            "self.rnn = nn.GRU(24, hidden, batch_first=True)",
            "self.rnn = nn.GRU(24, hidden)",
        ),
        Plant(
            "digits_mlp",
            "x = self.drop(x)",
            "x = self.drop(x - x.mean(dim=0))",
        ),
    ),
    near_misses=(
        Plant("digits_mlp", "x = self.drop(x)", "x = self.drop(x - x.mean(dim=1, keepdim=True))"),
        Plant("digits_mlp", "self.drop = nn.Dropout(0.1)", "self.drop = nn.BatchNorm1d(hidden)"),
    ),
)
def batch_mixing(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each phase whose model mixes the samples of a batch."""
    for asked in facts.interrogations or ():
        if asked.mixing is None or not asked.mixing > limits.change:
            continue
        if (asked.mixing_samples or 0) < limits.min_samples:
            continue
        roots = [r for r in facts.roots or () if r.phase == asked.phase]
        calls = [c for c in first_by_site(facts.loss_calls, PER_SAMPLE) if c.phase == asked.phase]
        if not any(_by_sample(facts, root, call) for root in roots for call in calls):
            continue
        place = roots[0].created or roots[0].place
        yield batch_mixing.finding(
            "the output for one sample depends on the other samples of its batch",
            severity=Severity.ERROR if asked.mixing >= limits.slip else Severity.WARNING,
            where=lines(asked.place, place),
            module=asked.module,
            seen=(
                Measurement(
                    "largest relative change of other samples' outputs",
                    round(asked.mixing, 4),
                    expected=0,
                ),
                Measurement("samples in the batch", asked.mixing_samples),
            ),
            notes=("asked in evaluation mode, so batch statistics play no part",),
            fixes=(_fix(facts, asked),),
            phase=asked.phase,
        )


def _fix(facts: Facts, asked: InterrogationFact) -> Fix:
    """Return the flag that a layer lacks, or the transpose that was left out before a reshape, where that mixes."""
    if asked.place is not None and asked.module is not None and asked.batch_axis is None and _reads_time(facts, asked):
        args = {"phase": asked.phase, "path": asked.place.path, "line": asked.place.line, "module": asked.module}
        title = "let the layer read axis 0 as the batch: `batch_first=True`"
        return Fix(title, Trust.LIKELY, Change("layer_batch_first", args))
    if asked.batch_axis is None or asked.place is None:
        return Fix("keep axis 0 for samples in every view, permute and layer", Trust.IDEA)
    site = {"path": asked.place.path, "line": asked.place.line, "function": asked.function}
    return Fix(
        f"move the batch to axis 0 before `{asked.function}`: `transpose(0, {asked.batch_axis})`",
        Trust.LIKELY,
        Change("batch_first", {**site, "axis": asked.batch_axis}),
    )


def _reads_time(facts: Facts, asked: InterrogationFact) -> bool:
    """Return whether what mixes is one of torch's layers that take the sequence first unless they are told."""
    name = asked.module or ""
    here = [p for p in facts.parameters or () if p.phase == asked.phase and p.module]
    return any(p.module_type in TIME_FIRST for p in here if p.module == name or str(p.module).startswith(f"{name}."))


def _by_sample(facts: Facts, root: RootFact, call: LossCallFact) -> bool:
    """Return whether axis 0 of input, output and target is the batch, with one answer per sample."""
    if root.output is None or not root.inputs or not root.output.shape or call.target is None:
        return False
    shapes = [t.shape for t in root.inputs if t.shape]
    if not shapes:
        return False
    n, out = shapes[0][0], root.output.shape
    graph = any(s == (n, n) or (len(s) == EDGES and s[0] == EDGES) for s in shapes[1:])
    if out[0] != n or out == (n, n) or graph:
        return False
    served = any(loader.batch_size == n for loader in facts.loaders or ())
    return served or (bool(call.target.shape) and call.target.shape[0] == n)
