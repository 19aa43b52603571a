"""label-dtype-or-shape on facts written by hand; the messages are torch's own."""

from dataclasses import replace

import pytest

from torchladder.core.facts import (
    CastFact,
    ErrorFact,
    Facts,
    LossCallFact,
    ProgramFact,
    TensorFact,
)
from torchladder.core.findings import Place
from torchladder.rules.data.label_dtype_or_shape import label_dtype_or_shape as rule

PLACE = Place("train.py", 30)
LOGITS = TensorFact((8, 10), "float32", min=-3, max=3, requires_grad=True)
FLAT = TensorFact((8,), "float32", min=-3, max=3, requires_grad=True)
IDS = TensorFact((8,), "int64", min=0, max=9, integral=True)
BITS = TensorFact((8,), "float32", min=0, max=1, integral=True)


def crashed(
    message: str,
    function: str,
    given: TensorFact,
    target: TensorFact,
    value: float | None = None,
) -> Facts:
    """Return facts of a program that ended at this loss call."""
    call = LossCallFact(function, 0, 0, PLACE, given, target, value)
    error = ErrorFact("RuntimeError", message, "")
    return Facts(program=ProgramFact("crashed", 1, error), loss_calls=(call,))


LONG = "expected target dtype to be Long or Byte, but got Float"
MULTI = "0D or 1D target tensor expected, multi-target not supported"
ONE_HOT = "Expected floating point type for target with class probabilities, got Long"
CE, NLL, BCE, BCEL = "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"


@pytest.mark.parametrize(
    "sick",
    [
        crashed(LONG, CE, LOGITS, replace(IDS, dtype="float32")),
        crashed(LONG.replace("Float", "Int"), NLL, LOGITS, replace(IDS, dtype="int32")),
        crashed("expected scalar type Long but found Float", CE, LOGITS, replace(IDS, dtype="float32")),
        crashed(ONE_HOT, CE, LOGITS, replace(IDS, shape=(8, 10), max=1)),
        crashed(MULTI, CE, LOGITS, replace(IDS, shape=(8, 1))),
        crashed(MULTI, NLL, LOGITS, replace(IDS, shape=(8, 10), max=1)),
        crashed(
            "only batches of spatial targets supported (3D tensors) but got targets of dimension: 4",
            CE,
            replace(LOGITS, shape=(2, 3, 4, 4)),
            replace(IDS, shape=(2, 1, 4, 4)),
        ),
        crashed(
            "Expected target size [4, 10], got [4, 7]",
            CE,
            replace(LOGITS, shape=(4, 7, 10)),
            replace(IDS, shape=(4, 7)),
        ),
        crashed(
            "result type Float can't be cast to the desired output type Long", BCEL, FLAT, replace(BITS, dtype="int64")
        ),
        crashed("Found dtype Long but expected Float", BCE, FLAT, replace(BITS, dtype="int64")),
        crashed(
            "Found dtype Double but expected Float",
            "mse_loss",
            FLAT,
            replace(FLAT, dtype="float64", requires_grad=False),
            0.5,
        ),
        crashed(
            "Target size (torch.Size([8])) must be the same as input size (torch.Size([8, 1]))",
            BCEL,
            replace(FLAT, shape=(8, 1)),
            BITS,
        ),
    ],
)
def test_refused_labels_are_found(sick: Facts) -> None:
    """Each of torch's refusals is read as the labels' form against the loss's contract."""
    (found,) = rule.judge(sick) or []

    assert found.where == (PLACE,)
    assert len(found.message) <= 100
    assert found.fixes


CAST = CastFact(
    Place("data.py", 5),
    "long",
    64,
    TensorFact((64,), "float32", min=0.01, max=0.99, std=0.2, n_unique=64),
    TensorFact((64,), "int64", min=0, max=0, std=0, integral=True, n_unique=1),
    reaches_target=True,
)
COUNTED = replace(
    CAST,
    before=replace(CAST.before, min=0.2, max=9.7, std=2.0),
    after=replace(CAST.after, max=9, n_unique=10),
)
MSE = LossCallFact("mse_loss", 0, 0, PLACE, FLAT, BITS, 0.1)


@pytest.mark.parametrize("cast", [CAST, COUNTED])
def test_truncated_targets_are_found_at_the_conversion(cast: CastFact) -> None:
    """Fractions cut off a regression target are lost at the conversion's line."""
    (found,) = rule.judge(Facts(loss_calls=(MSE,), casts=(cast,))) or []

    assert found.where == (cast.place,)
    assert found.fixes[0].change is not None
    assert found.fixes[0].change.kind == "no_cast"


@pytest.mark.parametrize(
    "near",
    [
        crashed(LONG, CE, replace(IDS, requires_grad=False), replace(LOGITS)),
        crashed(LONG, CE, LOGITS, replace(IDS, dtype="float32", integral=False)),
        crashed("CUDA out of memory", CE, LOGITS, replace(IDS, dtype="float32")),
        crashed("mat1 and mat2 must have the same dtype, but got Double and Float", CE, LOGITS, IDS, 2.3),
        crashed(
            "Target size (torch.Size([8])) must be the same as input size (torch.Size([8, 2]))",
            BCEL,
            replace(LOGITS, shape=(8, 2)),
            BITS,
        ),
        crashed("Target 10 is out of bounds.", CE, LOGITS, IDS),
        Facts(loss_calls=(replace(MSE, function=CE, input=LOGITS, target=IDS),), casts=(COUNTED,)),
        Facts(loss_calls=(MSE,), casts=(replace(CAST, reaches_target=False),)),
        Facts(
            loss_calls=(MSE,),
            casts=(replace(COUNTED, before=replace(COUNTED.before, max=9e5, std=1e5)),),
        ),
        Facts(
            loss_calls=(replace(MSE, function=BCEL),),
            casts=(replace(COUNTED, before=replace(COUNTED.before, max=1.99, std=0.5)),),
        ),
        Facts(loss_calls=(replace(MSE, function=CE, target=replace(LOGITS, requires_grad=False)),)),
    ],
)
def test_silent(near: Facts) -> None:
    """Swapped arguments, other errors, binning and large counts are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
