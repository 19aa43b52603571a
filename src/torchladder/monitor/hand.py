"""What the step in flight has at hand, for whoever may have to explain it: kept at every step, read at few."""

from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(slots=True)
class Hand:
    """References and counts only; nothing here is computed.

    Attributes:
        step: Optimizer steps made so far.
        batches: The latest batch of each loader, by the loader's id.
        served: The loader whose batch came last; ``trains`` the one whose batches lead to backward passes, and
            ``passed`` that one again while its latest batch has not led to any.
        trained: Every loader whose batch an optimizer stepped upon.
        loss: What was differentiated last, until the optimizer steps.
        looked: Whether its gradients have been looked at.
        optimizer: The one that stepped last, or that is stepping.
        draws: Whether steps draw random numbers; then ``state`` is the generator's as the step began.
        has_loader: Whether batches come from a loader that is followed.
    """

    step: int = 0
    batches: dict[int, Any] = field(default_factory=dict)
    served: int | None = None
    trains: int | None = None
    passed: int | None = None
    trained: set[int] = field(default_factory=set)
    loss: Any = None
    looked: bool = False
    optimizer: Any = None
    draws: bool = False
    state: torch.Tensor | None = None
    has_loader: bool = False
