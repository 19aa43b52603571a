"""Orders that repeat, on samplers written by hand."""

from typing import Any

import pytest

from torchladder.core.distributed_facts import SamplerFact
from torchladder.core.facts import Facts
from torchladder.rules.distributed.set_epoch_missing import set_epoch_missing


def found(**changed: Any) -> int:
    """Return how often the rule speaks of a sampler whose epoch never changes, with what the test changes about it."""
    usual: dict[str, Any] = {
        "type": "DistributedSampler", "replicas": 2, "shuffle": True, "epochs": (0, 0, 0, 0), "stock": True,
        "same_start": None,
    }  # fmt: skip
    findings = set_epoch_missing.judge(Facts(samplers=(SamplerFact(**(usual | changed)),)))
    assert findings is not None
    return len(findings)


def test_an_epoch_that_never_changes_is_found() -> None:
    """Whatever its number is."""
    assert found() == 1
    assert found(epochs=(3, 3, 3)) == 1


def test_a_class_of_the_programs_own_is_found_by_its_batches() -> None:
    """Its order may come from elsewhere; equal first batches prove that it does not."""
    assert found(stock=False, same_start=True) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"epochs": (0, 1, 2)},
        {"epochs": (0, 0, 1, 2)},
        {"epochs": (0, 0)},
        {"shuffle": False},
        {"stock": False, "same_start": None},
        {"stock": False, "same_start": False},
    ],
    ids=["counted", "rehearsed", "two passes", "no shuffling", "own class unseen", "own class in another order"],
)
def test_it_is_silent(changed: dict[str, Any]) -> None:
    """Orders that change, or that are not proven to repeat."""
    assert found(**changed) == 0
