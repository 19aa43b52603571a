"""The naive line beside a law: straight on log-log axes, as if the loss fell to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from torchladder.scaling.runs import Law, Run


@dataclass(frozen=True, slots=True)
class Straight:
    """log loss = constant + sum of slope * log size, by least squares."""

    law: Law
    constant: float
    slopes: tuple[float, ...]

    def loss(self, run: Run) -> float:
        """Return the loss at the sizes of a run."""
        return float(np.exp(self.constant + np.dot(self.slopes, np.log(run.sizes(self.law)))))


def straight(runs: Sequence[Run], law: Law) -> Straight:
    """Return the line through runs."""
    sizes = np.log(np.array([r.sizes(law) for r in runs], dtype=float))
    design = np.column_stack([np.ones(len(runs)), sizes])
    found, *_ = np.linalg.lstsq(design, np.log([r.loss for r in runs]), rcond=None)
    return Straight(law, float(found[0]), tuple(float(v) for v in found[1:]))
