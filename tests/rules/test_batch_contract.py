"""batch-contract on facts written by hand."""

from typing import Any

import pytest

from torchladder.core.batch_facts import BatchFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.rules.data.batch_contract import batch_contract as rule

GOOD = {
    "shape": (32, 3, 28, 28), "dtype": "float32", "kind": "images", "low": -2.1, "high": 2.6, "mean": 0.0, "std": 1.0,
    "y_shape": (32,), "y_dtype": "int64", "y_whole": True, "y_values": 10, "named": True,
}  # fmt: skip


def judged(**changes):
    return rule.judge(Facts(batches=(BatchFact(**{**GOOD, **changes}),))) or []


def test_a_good_batch_is_silent() -> None:
    """Nothing to say, and nothing without a batch."""
    assert judged() == []
    assert rule.judge(Facts()) is None


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        ({"nonfinite": 3}, Severity.WARNING, "not finite"),
        ({"y_shape": (31,)}, Severity.WARNING, "differ in their number"),
        ({"shape": (32, 28, 28, 3)}, Severity.NOTE, "channels last"),
        ({"high": 255.0, "low": 0.0, "dtype": "uint8"}, Severity.NOTE, "as bytes"),
        ({"dtype": "float64"}, Severity.NOTE, "float64"),
        ({"y_dtype": "float32"}, Severity.NOTE, "int64"),
    ],
)
def test_each_fault_is_told_once(changes: dict[str, Any], severity: Severity, words: str) -> None:
    """What a loop may repair on purpose is a remark."""
    (found,) = judged(**changes)

    assert found.severity is severity
    assert words in found.message


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (16, 24), "dtype": "int64", "kind": "ids", "high": 5000.0, "y_shape": (16, 24), "named": False},
        {"shape": (16, 20), "kind": "table", "y_shape": (16,), "y_dtype": "float32", "y_whole": False, "named": False},
        {"dtype": "bfloat16"},
        {"y_shape": None, "y_dtype": None},
    ],
)
def test_other_tasks_keep_other_contracts(changes: dict[str, Any]) -> None:
    """Token ids, regression, half precision, no targets."""
    assert judged(**changes) == []


def test_bytes_of_a_float_type_are_bytes() -> None:
    """Pictures up to 255 are told as bytes once, not by their type as well."""
    (found,) = judged(high=255.0, low=0.0, dtype="float64")

    assert "as bytes" in found.message
