"""What is compared: the rows of the table, and the job of each of them at a seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torchladder.ablation.changes import Variant
from torchladder.ablation.job import Job

SHARES = {"accuracy", "macro_recall", "macro_f1", "auroc", "auprc", "calibration_error"}  # shown in percent
STEPPED = {"accuracy", "macro_recall", "macro_f1"}  # move by whole samples


@dataclass(frozen=True)
class Plan:
    """An ablation before anything is run.

    Attributes:
        title: What is ablated.
        variants: The baseline first.
        seeds: In the order in which they are taken.
        job: Of a variant at a seed.
        simple: Finds what the simplest predictors reach; None where the data is not known.
        metric: What is compared; "" leaves it to the baseline's run.
        lower: Whether it is to be small; None is told by its name.
        seeded: Whether the seed is known to reach the runs.
        told: What was inferred or left out.
    """

    title: str
    variants: Sequence[Variant]
    seeds: Sequence[int]
    job: Callable[[Variant, int], Job]
    simple: Job | None = None
    metric: str = ""
    lower: bool | None = None
    seeded: bool = True
    told: list[str] = field(default_factory=list)

    @property
    def changes(self) -> Sequence[Variant]:
        """The variants without the baseline."""
        return self.variants[1:]
