"""A pass over a loader: waits, starts and ends apart, whoever uses its batches."""

import time
from typing import Any

import pytest
import torch

from torchladder.feeding.passes import Pass, alone, copied, drawn, samples_in


def test_the_start_of_a_pass_is_apart_from_the_rest():
    """Half a second to start, then a tenth a batch."""
    seen = Pass(waits=[0.5, 0.1, 0.1, 0.1], works=[0.2] * 4)

    assert seen.each_wait == pytest.approx(0.1)
    assert seen.each == pytest.approx(0.3)
    assert seen.first == pytest.approx(0.4)
    assert seen.per_batch(10) == pytest.approx(0.34)
    assert seen.per_batch(None) == pytest.approx(0.3)


def test_batches_of_several_workers_come_in_rounds():
    """Of two workers that take a second, the second batch has no wait: only whole rounds tell the rate."""
    seen = Pass(workers=2, waits=[1.5, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0], works=[0.0] * 7)

    assert seen.each_wait == pytest.approx(0.5)


def test_a_whole_pass_is_taken_as_it_was():
    """Its end, in which workers leave, is a part of it."""
    seen = Pass(waits=[0.3, 0.1], works=[0.1, 0.1], ending=0.4, whole=True)

    assert seen.per_batch(2) == pytest.approx(0.5)


def test_what_is_done_with_a_batch_is_no_wait():
    """The generator stands still while its batch is used."""
    passing = drawn(lambda: iter(torch.zeros(3, 4)), 0, seconds=9.0)
    for _ in range(3):
        next(passing)
        time.sleep(0.01)
    with pytest.raises(StopIteration) as end:
        next(passing)
    seen = end.value.value

    assert (seen.batches, seen.whole) == (3, True)
    assert min(seen.works) >= 0.01
    assert sum(seen.waits) < 0.01


def test_a_stream_without_end_is_left_when_its_time_is_over():
    """Two batches at least are drawn."""
    seen = alone(drawn(lambda: iter(lambda: torch.zeros(4, 2), None), 0, seconds=0.0))

    assert (seen.batches, seen.samples, seen.whole) == (2, 8, False)


def test_an_empty_loader_gives_an_empty_pass():
    """No batch, no division by it."""
    seen = alone(drawn(lambda: iter(()), 0, seconds=1.0))

    assert (seen.batches, seen.each, seen.first) == (0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("batch", "n"),
    [
        (torch.zeros(5, 2), 5),
        ([torch.zeros(4, 2), torch.zeros(4)], 4),
        ({"ids": torch.zeros(3, 9), "n": 1}, 3),
        (["a", "b"], 2),
        (torch.tensor(1.0), 1),
        (7, 1),
    ],
)
def test_samples_of_a_batch_are_counted(batch, n):
    """By the first axis of its first tensor, else by its length."""
    assert samples_in(batch) == n


def test_a_kept_batch_bears_what_a_program_does_to_it():
    """Tensors are new, containers too."""
    batch: dict[str, Any] = {"x": torch.ones(2), "rest": [torch.ones(1), ("a", torch.ones(1))]}
    again = copied(batch)
    again["x"].zero_()
    again["rest"][1][1].zero_()
    del again["rest"]

    assert batch["x"].sum() == 2
    assert batch["rest"][1][1] == 1
