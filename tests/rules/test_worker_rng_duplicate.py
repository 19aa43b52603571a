"""worker-rng-duplicate on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import CALL, facts, survey
from torchladder.core.data_facts import WorkerFact
from torchladder.core.findings import Severity
from torchladder.rules.data.worker_rng_duplicate import worker_rng_duplicate as rule

COPIED = WorkerFact(0, 2, random=True, same_in_workers=True, same_in_epochs=True, place=CALL)


def test_workers_that_repeat_each_other_are_a_warning() -> None:
    """The loader's line."""
    (found,) = rule.judge(facts(survey(workers=COPIED))) or []

    assert found.severity is Severity.WARNING
    assert found.where == (CALL,)


@pytest.mark.parametrize(
    "workers",
    [None, replace(COPIED, random=False), replace(COPIED, same_in_workers=False), replace(COPIED, workers=1)],
)
def test_silent(workers: WorkerFact | None) -> None:
    """No workers, samples without randomness, randomness of their own, a single worker."""
    assert rule.judge(facts(survey(workers=workers))) == []
