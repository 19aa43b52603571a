"""Batches that several processes share, on rounds written by hand."""

from typing import Any

from tests.rules.test_rank_desync import look
from torchladder.core.distributed_facts import RoundFact
from torchladder.core.facts import Facts
from torchladder.rules.distributed.sampler_not_sharded import sampler_not_sharded


def looks(n: int = 4, **changed: Any) -> tuple[RoundFact, ...]:
    """Return rounds at which two processes were given one batch."""
    usual: dict[str, Any] = {"inputs": 1, "input_rows": 32}
    return tuple(look(2**i, **({"input_key": f"{i}"} | usual | changed)) for i in range(n))


def messages(*rounds: RoundFact) -> list[str]:
    """Return what is said."""
    found = sampler_not_sharded.judge(Facts(rounds=rounds))
    assert found is not None
    return [f.message for f in found]


def test_equal_batches_at_every_look_are_found() -> None:
    """Different from look to look, and the same on both processes."""
    assert messages(*looks()) == ["2 processes are given the same batch at every step looked at"]


def test_batches_shared_by_some_processes_are_found() -> None:
    """Data shared out by machine instead of by process."""
    assert messages(*looks(ranks=4, world=4, inputs=2)) == [
        "4 processes are given 2 different batches at every step looked at"
    ]


def test_one_different_batch_is_enough_to_stay_silent() -> None:
    """Shared-out data may meet in a batch by chance."""
    assert messages(*looks(), look(64, inputs=2, input_key="x")) == []


def test_one_batch_for_ever_is_left_alone() -> None:
    """A test whether the model can learn a batch, or data made up for a speed test."""
    assert messages(*looks(input_key="one")) == []


def test_models_that_need_the_same_batch_are_left_alone() -> None:
    """Tensor parallel, pipelines, and whatever has no wrapper."""
    assert messages(*looks(wrapper=None)) == []
    assert messages(*looks(sharded=True)) == []


def test_few_looks_are_no_proof() -> None:
    """Two batches may be equal by chance."""
    assert messages(*looks(2)) == []
