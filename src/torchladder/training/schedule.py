"""The learning rate, step by step: up in a line, then down along a cosine, or level."""

import math
from dataclasses import dataclass
from typing import Any

from torchladder.training.recipe import Optimizer


@dataclass(frozen=True)
class Schedule:
    """A pure function of the step, so that going on anywhere needs no more than the step's number.

    Attributes:
        total: Steps of the training.
        warm: Steps of the warm-up; the rate is full at the last of them.
        end: Part of the rate that is left at the last step.
        level: Whether the rate stays after the warm-up.
    """

    total: int
    warm: int
    end: float = 0.0
    level: bool = False

    def factor(self, step: int) -> float:
        """Return the part of the full rate that step ``step`` (from 0) is made with."""
        if step < self.warm:
            return (step + 1) / self.warm
        if self.level:
            return 1.0
        gone = (step - self.warm) / max(self.total - self.warm, 1)
        return self.end + (1 - self.end) * 0.5 * (1 + math.cos(math.pi * min(gone, 1.0)))

    def set(self, optimizer: Any, step: int) -> float:
        """Set the rates of all groups for a step; returns the first group's."""
        factor = self.factor(step)
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * factor
        return float(optimizer.param_groups[0]["lr"])


def schedule(o: Optimizer, total: int) -> Schedule:
    """Return the schedule of a recipe over so many steps."""
    return Schedule(total, min(round(o.warmup * total), max(total - 1, 0)), o.lr_end, o.schedule == "constant")
