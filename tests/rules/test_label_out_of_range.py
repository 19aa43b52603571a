"""label-out-of-range on facts written by hand."""

from dataclasses import replace

import pytest

from torchladder.core.facts import ErrorFact, Facts, LossCallFact, ProgramFact, TensorFact
from torchladder.core.findings import Place, Standing
from torchladder.rules.data.label_out_of_range import label_out_of_range as rule

LOGITS = TensorFact((64,), "float32", min=-3, max=3, requires_grad=True)
ZERO_ONE = TensorFact((64,), "float32", min=0, max=1, integral=True, n_unique=2)
PLACE = Place("train.py", 30)
BCE = LossCallFact("binary_cross_entropy_with_logits", 0, 0, PLACE, LOGITS, ZERO_ONE, 0.6)


def binary(target: TensorFact, **changes: object) -> Facts:
    """Return facts of one binary loss call."""
    return Facts(loss_calls=(replace(BCE, target=target, **changes),))


def crashed(label: int, counts: dict[str, int], outputs: int = 10, **options: object) -> Facts:
    """Return facts of a program that an IndexError in cross_entropy ended."""
    error = ErrorFact("IndexError", f"Target {label} is out of bounds.", "")
    labels = [int(k) for k in counts]
    target = TensorFact((64,), "int64", min=min(labels), max=max(labels), integral=True)
    call = LossCallFact(
        "cross_entropy",
        0,
        0,
        PLACE,
        TensorFact((64, outputs), "float32", requires_grad=True),
        target,
        None,
        options=options,
        label_counts=counts,
        n_outputs=outputs,
    )
    return Facts(program=ProgramFact("crashed", 1, error), loss_calls=(call,))


def ids(*labels: int, n: int = 6) -> dict[str, int]:
    """Return counts of ``n`` for each label."""
    return {str(k): n for k in labels}


@pytest.mark.parametrize(
    ("sick", "offset"),
    [
        (binary(replace(ZERO_ONE, min=-1)), None),
        (binary(replace(ZERO_ONE, min=1, max=2)), -1),
        (binary(replace(ZERO_ONE, max=255)), None),
        (binary(replace(ZERO_ONE, max=1.5, integral=False)), None),
        (crashed(10, ids(*range(1, 11))), -1),
        (crashed(-1, ids(*range(-1, 9))), 1),
        (crashed(255, ids(0, 1, 2, 255)), None),
        (crashed(-1, ids(0, 3, -1), ignore_index=255), None),
    ],
)
def test_labels_beyond_the_range_are_found(sick: Facts, offset: int | None) -> None:
    """1-based, negative, void and non-binary labels are each named."""
    (found,) = rule.judge(sick) or []
    change = found.fixes[0].change

    assert found.where == (PLACE,)
    assert (change.args["offset"] if change else None) == offset
    assert found.standing is Standing.PROVEN
    assert len(found.message) <= 100


def test_few_rows_make_a_suspicion() -> None:
    """Class 0 may be missing from a small batch by chance."""
    (found,) = rule.judge(crashed(10, ids(1, 4, 10, n=1))) or []

    assert found.standing is Standing.SUSPECTED


@pytest.mark.parametrize(
    "near",
    [
        binary(ZERO_ONE),
        binary(replace(ZERO_ONE, min=0.05, max=0.95, integral=False)),
        binary(replace(ZERO_ONE, min=-1), options={"reduction": "none"}),
        binary(replace(ZERO_ONE, min=-1), options={"weight": True}),
        binary(replace(ZERO_ONE, min=-5, max=5, requires_grad=True)),
        binary(replace(ZERO_ONE, min=-3, max=3), function="mse_loss"),
        crashed(10, ids(*range(11))),
        crashed(12, ids(*range(13))),
        crashed(97, ids(*range(0, 98, 4))),
    ],
)
def test_silent(near: Facts) -> None:
    """Soft targets, masked padding, swapped arguments and missing outputs are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
