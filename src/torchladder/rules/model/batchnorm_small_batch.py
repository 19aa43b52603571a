"""Batch norm over so few values that its statistics are noise, or over a single one.

## What is wrong
Batch norm subtracts the mean of the batch and divides by its deviation. With one to four samples
(and no picture or sequence to average over) both are noise; with one there is no deviation at all,
and torch refuses. A last batch of one sample is enough: the data set's size modulo the batch size.

## Why it hurts
In training every sample is measured against its one or two neighbours; in evaluation against running
averages. The model that is evaluated is not the one that was trained.

## How it is found
Batches are counted as they reach each batch norm. At the end of the run the same training batch is
given to the model twice, with batch statistics and with running ones, and the outputs are compared.
Or the program ended with torch's own message.

## What to do
`drop_last=True` in the training loader for a last batch of one; larger batches; GroupNorm or
LayerNorm where batches have to be small.

## When it is a false alarm
Small batches of pictures or sequences, whose statistics run over thousands of places; batch norms
that are frozen in evaluation mode; small batches for which both modes agree.

## Sources
Wu and He, Group Normalization: https://arxiv.org/abs/1803.08494
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, ProgramFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.core.model_facts import BatchNormFact
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule

ONE_VALUE = "Expected more than 1 value per channel when training"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too few, and when it shows."""

    rows: float = limit(4, unit="samples", why="from 8 on the two modes come together")
    values: float = limit(16, unit="numbers a mean is taken over", why="beyond it noise is below a quarter")
    gap: float = limit(0.3, unit="share of the outputs' spread", why="larger batches stay below a tenth")
    min_calls: float = limit(50, unit="calls in training", why="running averages need some forty to settle")


@rule(
    "TL219",
    rung=2,
    severity=Severity.ERROR,
    needs=("batch_norms", "program"),
    limits=Limits,
    plants=(
        Plant(
            "tabular",
            "mean, std), batch_size=32, shuffle=True)\n"
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)\n\n"
            "model = nn.Sequential(\n    nn.Linear(5, 64),\n",
            "mean, std), batch_size=39, shuffle=True)\n"
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)\n\n"
            "model = nn.Sequential(\n    nn.Linear(5, 64),\n    nn.BatchNorm1d(64),\n",
            crashes=True,
        ),
        Plant(
            "tabular",
            "mean, std), batch_size=32, shuffle=True)\n"
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)\n\n"
            "model = nn.Sequential(\n    nn.Linear(5, 64),\n",
            "mean, std), batch_size=2, shuffle=True)\n"
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)\n\n"
            "model = nn.Sequential(\n    nn.Linear(5, 64),\n    nn.BatchNorm1d(64),\n",
        ),
    ),
    near_misses=(
        Plant("finetune", "batch_size=32", "batch_size=4"),
        Plant(
            "tabular",
            "mean, std), batch_size=32, shuffle=True)\n"
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)\n\n"
            "model = nn.Sequential(\n    nn.Linear(5, 64),\n",
            "mean, std), batch_size=40, shuffle=True)\n"
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)\n\n"
            "model = nn.Sequential(\n    nn.Linear(5, 64),\n    nn.BatchNorm1d(64),\n",
        ),
        Plant(
            "digits_mlp",
            "self.drop = nn.Dropout(0.1)",
            "self.drop = nn.Sequential(nn.BatchNorm1d(hidden), nn.Dropout(0.1))",
        ),
    ),
)
def batchnorm_small_batch(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a finding when a batch of one ended the program, or when tiny batches part the two modes."""
    program = facts.program
    if program is not None and program.error is not None and ONE_VALUE in program.error.message:
        yield _crash(facts, program)
        return
    for norm in facts.batch_norms or ():
        few = norm.rows_usual <= limits.rows and norm.values_usual <= limits.values
        if few and norm.calls >= limits.min_calls and norm.gap is not None and norm.gap > limits.gap:
            yield _noise(norm)


def _crash(facts: Facts, program: ProgramFact) -> Finding:
    """Return the finding about a batch with a single sample."""
    loader = next((x for x in facts.loaders or () if x.role == "train" and x.n_samples and x.batch_size), None)
    rest = loader.n_samples % loader.batch_size if loader and loader.n_samples and loader.batch_size else None
    seen = [Measurement("samples in the batch", 1, expected="at least 2")]
    if loader is not None and rest == 1:
        seen.append(Measurement("samples of the data set", loader.n_samples, unit=f"in batches of {loader.batch_size}"))
    frames = program.error.frames if program.error is not None else ()
    last = rest == 1 and loader is not None and loader.batch_size != 1
    return batchnorm_small_batch.finding(
        "batch norm is given a last batch of one sample" if last else "batch norm is given a batch of one sample",
        where=lines(loader.place if loader is not None else None, frames[-1] if frames else None),
        seen=tuple(seen),
        fixes=(
            Fix("leave out a short last batch: `drop_last=True`", change=Change("drop_short"))
            if last
            else Fix("take larger batches, or GroupNorm instead of batch norm", Trust.IDEA),
        ),
    )


def _noise(norm: BatchNormFact) -> Finding:
    """Return the finding about statistics of a few samples."""
    assert norm.gap is not None
    return batchnorm_small_batch.finding(
        f"batch norm takes its mean over {norm.values_usual} values a batch",
        severity=Severity.WARNING,
        where=lines(norm.created),
        module=norm.module,
        seen=(
            Measurement("samples in a batch", norm.rows_usual, expected="at least 8"),
            Measurement(
                "difference between training and evaluation mode on the same batch",
                round(norm.gap, 3),
                unit="of the outputs' spread",
                expected="< 0.1",
            ),
        ),
        fixes=(Fix("take larger batches, or GroupNorm or LayerNorm instead of batch norm", Trust.IDEA),),
    )
