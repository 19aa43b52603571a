"""Which rows of a gradient check are findings."""

import pytest

from torchladder.core.derivative_facts import DerivativeFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Place, Severity
from torchladder.rules.model.gradient_mismatch import gradient_mismatch


def row(**changes) -> DerivativeFact:
    base = {"name": "w", "kind": "parameter", "shape": (2, 3), "state": "differs", "analytic": 2.0, "numeric": 1.0,
            "relative": 0.5, "element": (1, 2), "looked": 6, "wrong": 6}  # fmt: skip
    return DerivativeFact(**base | changes)


def judged(*rows: DerivativeFact):
    return gradient_mismatch.judge(Facts(derivatives=rows))


def test_a_wrong_gradient_is_an_error_that_names_tensor_and_element() -> None:
    """The module of the finding is the parameter; the evidence holds both numbers."""
    place = Place("layers.py", 10)
    (found,) = judged(row(where=place, pattern="every element has the wrong sign", culprit="Mul", argument="b"))

    assert found.severity is Severity.ERROR
    assert (found.module, found.where) == ("w", (place,))
    assert found.seen[0].what == "gradient of `w` at [1, 2]"
    assert (found.seen[0].value, found.seen[0].expected) == (2.0, 1.0)
    assert found.notes[0] == "every element has the wrong sign"


def test_between_the_thresholds_it_warns() -> None:
    """1e-4 is neither right nor surely wrong."""
    (found,) = judged(row(relative=1e-4))

    assert found.severity is Severity.WARNING


@pytest.mark.parametrize("changes", [{"relative": 1e-6}, {"state": "right"}, {"state": "unused"}, {"state": "unknown"},
                                     {"state": "left-out"}])  # fmt: skip
def test_what_is_right_or_was_not_judged_is_no_finding(changes) -> None:
    """Silence for everything else."""
    assert judged(row(**changes)) == []


@pytest.mark.parametrize("state", ["absent", "nonfinite", "shape"])
def test_gradients_that_are_none_are_errors(state) -> None:
    """Missing, NaN and misshapen gradients need no threshold."""
    (found,) = judged(row(state=state, relative=None, analytic=None, numeric=None, element=None))

    assert found.severity is Severity.ERROR
    assert found.module == "w"


def test_where_an_error_arises_comes_before_what_it_reaches() -> None:
    """The cause is first, the others are its symptoms."""
    found = judged(row(name="early", first=False), row(name="late"))

    assert [f.module for f in found] == ["late", "early"]
    assert [f.symptom_of for f in found] == [None, "TL225"]
