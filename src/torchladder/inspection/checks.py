"""The checks there are. One line for each: a function without arguments that makes the fold."""

from collections.abc import Callable
from typing import Any

from torchladder.inspection.counts import Counts
from torchladder.inspection.duplicates import Duplicates
from torchladder.inspection.faults import Faults
from torchladder.inspection.fold import Fold
from torchladder.inspection.groups import Groups
from torchladder.inspection.metric import Metric
from torchladder.inspection.pictures import Pictures
from torchladder.inspection.scenes import Scenes
from torchladder.inspection.survey import Survey
from torchladder.inspection.times import Times

FOLDS: tuple[Callable[[], Fold[Any]], ...] = (
    Faults,
    Counts,
    Survey,
    Metric,
    Groups,
    Times,
    Scenes,
    Duplicates,
    Pictures,
)  # fmt: skip


def all_folds() -> list[Fold[Any]]:
    """Return a new fold for each check.

    A fold may have a method ``lines`` (see ``line.py``): its figures beside what is expected, printed whether or
    not a rule fires.
    """
    return [make() for make in FOLDS]
