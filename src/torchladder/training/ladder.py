"""The ladder's rungs 1 to 5 with the parts of a recipe, before the hours are spent; they stay as they are."""

from collections.abc import Callable
from typing import Any

import torch

from torchladder.core.report import Report
from torchladder.training.order import Batches
from torchladder.training.parts import Parts
from torchladder.training.recipe import Recipe
from torchladder.training.samples import InOrder, loader
from torchladder.training.sets_ready import Ready

TOP_RUNG = 5


def climbed(recipe: Recipe, ready: Ready, parts: Parts, budget: float, progress: Callable[[str], None]) -> Report:
    """Return the report of a climb with copies of the parts.

    Args:
        recipe: How they are trained.
        ready: What is learnt from.
        parts: What learns.
        budget: Seconds for all experiments.
        progress: Called with a short sentence whenever something new begins.
    """
    from torchladder.live.climb import climb

    batches = Batches(parts.order)
    batches.advance = True
    size = recipe.training.batch_size
    return climb(
        model=parts.model.module,
        optimizer=parts.optimizer,
        step=Step(parts),
        train_loader=loader(ready.train, batches, 0),
        val_loader=loader(ready.val, InOrder(len(ready.val), size), 0),
        to=TOP_RUNG,
        budget=budget,
        progress=progress,
    )


class Step:
    """The loss of one batch as the loop has it, in one process and full precision."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.batch = 0

    def __call__(self, model: Any, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Return the mean loss."""
        x, y = batch
        if model.training:
            for part in self.parts.frozen:
                part.eval()
            if self.parts.mixer is not None:
                x, y = self.parts.mixer(x, y, 0, self.batch)
                self.batch += 1
        loss: torch.Tensor = self.parts.loss(model(x), y).mean()
        return loss
