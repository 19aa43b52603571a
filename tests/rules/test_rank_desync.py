"""Copies that have to be equal, on rounds written by hand."""

from typing import Any

from torchladder.core.distributed_facts import RoundFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.rules.distributed.rank_desync import rank_desync


def look(step: int = 0, **changed: Any) -> RoundFact:
    """Return a round of two equal copies, with what the test changes about it."""
    usual: dict[str, Any] = {
        "phase": 0, "step": step, "final": False, "ranks": 2, "world": 2, "wrapper": "DistributedDataParallel",
        "synced": True, "sharded": False, "sampler": True, "weights": 1, "gradients": 1, "apart": 0.0,
    }  # fmt: skip
    return RoundFact(**(usual | changed))


def bare(**changed: Any) -> tuple[RoundFact, ...]:
    """Return the rounds of bare copies that start equal and go apart."""
    first = look(wrapper=None, gradients=2, sampler=False)
    later = [look(step, wrapper=None, gradients=2, weights=2, apart=0.3) for step in (1, 2, 4, 8)]
    end = look(12, **({"wrapper": None, "gradients": 2, "weights": 2, "apart": 0.4, "final": True} | changed))
    return (first, *later, end)


def names(*looks: RoundFact) -> list[Severity]:
    """Return the severities of what is found."""
    found = rank_desync.judge(Facts(rounds=looks))
    assert found is not None
    return [f.severity for f in found]


def test_wrapped_copies_that_differ_are_found() -> None:
    """One look is proof: the wrapper promises equal copies."""
    assert names(look(), look(4, weights=2, apart=0.2)) == [Severity.ERROR]


def test_bare_copies_with_equal_gradients_that_differ_are_found() -> None:
    """Whoever averages gradients wants equal copies."""
    assert names(look(wrapper=None, weights=2, apart=0.2, gradients=1)) == [Severity.ERROR]


def test_bare_copies_that_are_never_averaged_are_found_at_the_end() -> None:
    """A shared-out data set and copies that only start equal: each process trains alone."""
    assert names(*bare()) == [Severity.WARNING]
    assert names(*bare()[:-1]) == []


def test_bare_copies_that_come_together_now_and_then_are_left_alone() -> None:
    """Weights that are averaged every few steps are met equal in one of the looks, or at the end."""
    averaged = look(60, wrapper=None, gradients=2)
    assert names(*bare()[:-1], averaged, bare()[-1]) == []
    assert names(*bare(weights=1, apart=0.0)) == []


def test_models_that_were_never_one_are_left_alone() -> None:
    """Processes that start from weights of their own, or each on the whole data, do several trainings at once."""
    other_start = look(wrapper=None, gradients=2, weights=2, apart=1.0)
    assert names(other_start, *bare()[1:]) == []
    assert names(*bare(sampler=False)) == []


def test_steps_that_are_not_to_be_averaged_are_left_alone_until_the_end() -> None:
    """Local SGD parts the copies on purpose; at the end of the run they are one again."""
    assert names(look(8, weights=2, apart=0.1, synced=False)) == []
    assert names(look(20, weights=2, apart=0.1, synced=False, final=True)) == [Severity.ERROR]


def test_rounding_is_left_alone() -> None:
    """Processors of different kinds round differently."""
    assert names(look(600, weights=2, apart=3e-7)) == []


def test_weights_that_are_spread_over_processes_are_left_alone() -> None:
    """They differ by design."""
    assert names(look(weights=2, apart=1.0, sharded=True, wrapper="FullyShardedDataParallel")) == []


def test_gradients_that_are_zero_everywhere_say_nothing() -> None:
    """They agree without having been averaged."""
    assert names(look(wrapper=None, weights=2, apart=0.5, gradients=1, gradient_zero=True)) == []
