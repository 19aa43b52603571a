"""The copy to a GPU: beside a step that holds it, and what is said where it cannot be measured."""

import dataclasses

import pytest

from torchladder.core.facts import Facts
from torchladder.core.feeding_facts import EvaluationTimeFact, FeedingFact, TransferFact
from torchladder.feeding.transfer import beside_steps
from torchladder.feeding.words import unmeasured
from torchladder.rules.feeding.transfer_bound import transfer_bound

COPY = TransferFact(None, 50 << 20, pinned=False, seconds=0.02, pinned_seconds=0.005)
LOADER = FeedingFact(None, "Images", 64, 0, persistent_workers=False, pin_memory=False, cores=2, device="cuda")
EVALUATED = (EvaluationTimeFact(None, 1, 1.0, 9.0, 100, each_epoch=True),)


def test_the_copy_is_a_part_of_the_step() -> None:
    """Of fifty milliseconds with a batch in the host's memory, twenty are the copy: the rule speaks."""
    (found,) = beside_steps(COPY, "cuda", 0.05)
    (said,) = transfer_bound.judge(Facts(transfers=(found,))) or []

    assert found.computing == pytest.approx(0.03)
    assert said.message == "the copy of a batch to the GPU takes 40% of a step"


@pytest.mark.parametrize(("device", "step"), [("cuda", None), ("cuda", 0.01)])
def test_a_step_that_does_not_hold_the_copy_says_nothing(device: str, step: float | None) -> None:
    """No step was timed, or one shorter than the copy: the program copies otherwise."""
    (found,) = beside_steps(COPY, device, step)

    assert found.computing is None
    assert transfer_bound.judge(Facts(transfers=(found,))) == []


def test_no_copy_belongs_to_a_training_elsewhere() -> None:
    """On the CPU, or where there is no GPU at all."""
    assert beside_steps(COPY, "cpu", 0.05) == ()
    assert beside_steps(None, "cuda", 0.05) == ()


@pytest.mark.parametrize(
    ("gpu", "device", "words"),
    [
        (False, "cpu", "this machine has no GPU"),
        (True, "cpu", "the training runs on cpu"),
        (True, "cuda", "no step was timed"),
        (True, None, "no step was timed"),
    ],
)
def test_what_could_not_be_measured_is_said(gpu: bool, device: str | None, words: str) -> None:
    """With the reason, and nothing about what was measured."""
    facts = Facts(feeding=(dataclasses.replace(LOADER, device=device),), transfers=(COPY,), evaluation_times=EVALUATED)
    found = unmeasured(facts, gpu=gpu)

    assert set(found) == {"TL902"}
    assert words in found["TL902"]


def test_nothing_is_missing_where_all_was_measured() -> None:
    """A copy beside a step, and an evaluation."""
    copied = (dataclasses.replace(COPY, computing=0.03),)

    assert unmeasured(Facts(feeding=(LOADER,), transfers=copied, evaluation_times=EVALUATED), gpu=True) == {}
    assert set(unmeasured(Facts(feeding=(LOADER,), transfers=copied), gpu=True)) == {"TL903"}
