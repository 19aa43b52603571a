"""Statistics of few samples, on batch norms written by hand."""

from typing import Any

import pytest

from torchladder.core.distributed_facts import RankNormFact
from torchladder.core.facts import Facts
from torchladder.rules.distributed.rank_batchnorm import rank_batchnorm


def found(**changed: Any) -> int:
    """Return how often the rule speaks of a noisy batch norm, with what the test changes about it."""
    usual: dict[str, Any] = {
        "phase": 0, "module": "head.1", "rows": 4, "values": 4, "ranks": 2, "rounds": 6, "apart": 0.6,
    }  # fmt: skip
    findings = rank_batchnorm.judge(Facts(rank_norms=(RankNormFact(**(usual | changed)),)))
    assert findings is not None
    return len(findings)


def test_few_samples_that_part_the_processes_are_found() -> None:
    """Four samples to a process."""
    assert found() == 1


@pytest.mark.parametrize(
    "changed",
    [{"rows": 32}, {"apart": 0.1, "values": 12544}, {"rounds": 2}],
    ids=["many samples", "pictures", "two looks"],
)
def test_it_is_silent(changed: dict[str, Any]) -> None:
    """Enough samples, enough places, too few looks."""
    assert found(**changed) == 0


def test_nothing_to_say_without_batch_norm() -> None:
    """Looked, and there is none."""
    assert rank_batchnorm.judge(Facts(rank_norms=())) == []
