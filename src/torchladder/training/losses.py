"""Losses, one number a sample, so that a mean over any group of samples is exact.

Focal loss: Lin et al., "Focal loss for dense object detection" (2017), equation 4, over the classes of softmax.
Weights by the effective number of samples: Cui et al., "Class-balanced loss based on effective number of samples"
(2019), equations 2 and 9, scaled so that they sum to the number of classes.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from numpy.typing import NDArray

from torchladder.core.errors import UsageError
from torchladder.training.recipe import Loss

Criterion = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
OF_VALUES = ("mse", "mae")
OF_CLASSES = ("cross_entropy", "focal")


def effective_weights(counts: NDArray[np.int64], beta: float) -> NDArray[np.float64]:
    """Return a weight for each class: (1 - beta) / (1 - beta^n), scaled to sum to the number of classes."""
    weights = (1 - beta) / (1 - np.power(beta, np.maximum(counts, 1).astype(np.float64)))
    return np.asarray(weights * len(counts) / weights.sum())


def focal(
    logits: torch.Tensor, targets: torch.Tensor, gamma: float, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Return -(1 - p)^gamma log p of each sample's class, or the mean of that over soft targets."""
    logs = F.log_softmax(logits, dim=1)
    muted = (1 - logs.exp()) ** gamma * logs
    if weight is not None:
        muted = muted * weight
    if targets.dtype.is_floating_point:
        return -(muted * targets).sum(1)
    return -muted.gather(1, targets[:, None]).squeeze(1)


class ClassLoss(torch.nn.Module):
    """Cross entropy or focal loss, of hard or soft targets."""

    weight: torch.Tensor | None

    def __init__(self, loss: Loss, weight: NDArray[np.float64] | None) -> None:
        super().__init__()
        self.loss = loss
        self.register_buffer("weight", torch.tensor(weight, dtype=torch.float32) if weight is not None else None)

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of each sample."""
        if self.loss.name == "focal":
            return focal(outputs, targets, self.loss.gamma, self.weight)
        smoothing = self.loss.label_smoothing
        return F.cross_entropy(outputs, targets, self.weight, reduction="none", label_smoothing=smoothing)


class ValueLoss(torch.nn.Module):
    """Squared or absolute error of one output."""

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.absolute = loss.name == "mae"

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of each sample."""
        difference = outputs.reshape(len(outputs)) - targets
        return difference.abs() if self.absolute else difference**2


def criterion(loss: Loss, counts: NDArray[np.int64] | None) -> torch.nn.Module:
    """Return the loss of a recipe.

    Args:
        loss: What the recipe says.
        counts: Training samples of each class; None where labels are values.

    Raises:
        UsageError: If it is a loss for the other kind of labels.
    """
    wrong = OF_VALUES if counts is not None else OF_CLASSES
    if loss.name in wrong:
        what = "classes" if counts is not None else "values"
        right = OF_CLASSES if counts is not None else OF_VALUES
        msg = f"loss.name: {loss.name} is not for labels that are {what}; the nearest: {' or '.join(right)}"
        raise UsageError(msg)
    if counts is None:
        return ValueLoss(loss)
    return ClassLoss(loss, effective_weights(counts, loss.beta) if loss.class_weights == "balanced" else None)
