"""Parameters without a gradient, on looks written by hand."""

from typing import Any

from torchladder.core.distributed_facts import UnusedFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.rules.distributed.unused_parameters import unused_parameters


def found(**changed: Any) -> list[Finding]:
    """Return what is said of a head that is not called, with what the test changes about it."""
    usual: dict[str, Any] = {
        "phase": 0, "step": 0, "find_unused": False, "static_graph": False, "ranks": 2, "of": 2,
        "names": ("aside.weight",), "most": 2, "always": 1, "looks": 1,
    }  # fmt: skip
    findings = unused_parameters.judge(Facts(unused=(UnusedFact(**(usual | changed)),)))
    assert findings is not None
    return findings


def test_a_parameter_that_is_waited_for_is_found() -> None:
    """On every process, or on one."""
    assert [f.severity for f in found()] == [Severity.ERROR]
    assert found(ranks=1)[0].notes == ("the other processes may wait for ever",)


def test_a_parameter_that_is_never_used_where_that_is_allowed_is_remarked() -> None:
    """The option hides it."""
    assert [f.severity for f in found(find_unused=True, always=8, looks=8)] == [Severity.NOTE]


def test_branches_that_are_taken_now_and_then_are_left_alone() -> None:
    """That is what the option is for."""
    assert found(find_unused=True, always=5, looks=8) == []
    assert found(find_unused=True, always=2, looks=2) == []


def test_static_graphs_and_full_gradients_are_left_alone() -> None:
    """Nothing is lacking, or the wrapper has learnt what is."""
    assert found(static_graph=True) == []
    assert found(names=(), ranks=0, most=0, always=0) == []


def test_a_long_name_keeps_the_message_short() -> None:
    """A line of the terminal."""
    assert len(found(names=("a" * 200,))[0].message) <= 100
