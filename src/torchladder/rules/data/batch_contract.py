"""A batch is not what layers and losses take.

## What is wrong
A batch as the loader gives it has inputs and targets of different numbers of samples, values that are not finite, or a
shape or type that a model has to change first: channels last, 64-bit floats, bytes, class ids that are no int64.

## Why it hurts
At best the training loop has to repair it, at worst it does so silently and wrongly: targets broadcast against outputs,
a single NaN spreads to every weight, bytes up to 255 drive the first layer out of its range.

## How it is found
One batch is taken from the loader by itself, with no program around it: `torchladder data batch path.py:make_loader`.
Disagreeing numbers of samples and values that are not finite are warnings; what a training loop may well repair on
purpose is a remark.

## What to do
Convert where the sample is made, so that what is looked at is what is trained on.

## When it is a false alarm
Graphs and sets whose targets belong to parts of samples have other numbers along the first axis by design. Loops that
move, cast and normalise whole batches on the GPU repair the rest.

## Sources
The playbook's first step: look at one real batch after all transforms.
"""

from collections.abc import Iterator

from torchladder.core.batch_facts import BatchFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import NoLimits, rule

FLOATS = ("float32", "bfloat16", "float16")
COLOURS = (1, 3, 4)
PICTURE = 4  # dimensions
BYTES = 128.0  # pictures reaching beyond hold bytes, whatever their type


@rule("TL129", rung=1, severity=Severity.WARNING, needs=("batches",), plants=(), near_misses=())
def batch_contract(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one finding for each way in which a batch is not what is taken."""
    for batch in facts.batches or ():
        if batch.nonfinite:
            yield _found(
                "the batch holds values that are not finite",
                Measurement("NaN or infinite inputs", batch.nonfinite, "values", 0),
                "find the samples with torchladder data check, and drop or impute them",
            )
        if batch.y_shape and batch.shape and batch.y_shape[0] != batch.shape[0]:
            yield _found(
                "inputs and targets of the batch differ in their number of samples",
                Measurement("targets", batch.y_shape[0], "along the first axis", batch.shape[0]),
                "return inputs and targets with the samples along the first axis",
            )
        yield from _remarks(batch)


def _remarks(batch: BatchFact) -> Iterator[Finding]:
    if len(batch.shape) == PICTURE and batch.shape[-1] in COLOURS and batch.shape[1] not in COLOURS:
        yield _found(
            "pictures have their channels last, convolutions take them first",
            Measurement("shape", str(list(batch.shape)), None, "[B, C, H, W]"),
            "permute pictures to channels, height, width where they are read",
            Severity.NOTE,
        )
    if batch.kind == "images" and batch.high is not None and batch.high > BYTES and (batch.low or 0.0) >= 0:
        yield _found(
            "pictures reach the model as bytes",
            Measurement("largest value", round(batch.high, 3), None, "1, or mean 0 and deviation 1"),
            "divide by 255, then normalise by the training set's mean and deviation",
            Severity.NOTE,
        )
    elif batch.kind != "ids" and batch.dtype not in FLOATS:
        yield _found(
            f"inputs are {batch.dtype}, layers have float32 weights",
            Measurement("type", batch.dtype, None, "float32 or bfloat16"),
            "convert samples to torch.float32 where they are made",
            Severity.NOTE,
        )
    if batch.named and batch.y_whole and batch.y_dtype not in {None, "int64"}:
        yield _found(
            f"class ids are {batch.y_dtype}, `cross_entropy` takes int64",
            Measurement("type of the targets", batch.y_dtype, None, "int64"),
            "convert labels with .long() where they are made",
            Severity.NOTE,
        )


def _found(message: str, seen: Measurement, help_: str, severity: Severity = Severity.WARNING) -> Finding:
    return batch_contract.finding(message, severity=severity, seen=(seen,), fixes=(Fix(help_, Trust.LIKELY),))
