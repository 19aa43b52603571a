"""MixUp and CutMix by torchvision, on whole batches and with soft targets; drawn for (seed, epoch, batch)."""

from typing import Any

import torch

from torchladder.core.errors import UsageError
from torchladder.sets.block import Kind
from torchladder.training.draws import torch_seeded
from torchladder.training.recipe import Augment

MIX = 21  # stream of draws
PICTURE = 4  # axes of a batch of pictures


class Mixer:
    """Mixes the samples of a batch with each other.

    Args:
        augment: Strengths; both given, each batch gets one of the two.
        classes: How many there are.
        seed: Of what is drawn.

    Raises:
        UsageError: If the data cannot be mixed, or torchvision is not installed.
    """

    def __init__(self, augment: Augment, classes: int, kind: Kind, seed: int) -> None:
        if not classes or kind is Kind.TEXT or (augment.cutmix and kind is not Kind.IMAGES):
            what = "labels that are values" if not classes else str(kind)
            msg = f"augment.{'cutmix' if augment.cutmix else 'mixup'} does not work on {what}; set it to 0"
            raise UsageError(msg)
        try:
            from torchvision.transforms import v2
        except ImportError:
            msg = "MixUp and CutMix need torchvision: pip install 'torchladder[vision]'"
            raise UsageError(msg) from None
        self.seed = seed
        self.ways: list[Any] = [v2.MixUp(alpha=augment.mixup, num_classes=classes)] if augment.mixup else []
        self.ways += [v2.CutMix(alpha=augment.cutmix, num_classes=classes)] if augment.cutmix else []

    def __call__(self, x: torch.Tensor, y: torch.Tensor, epoch: int, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mixed inputs and soft targets."""
        with torch_seeded(self.seed, epoch, batch, MIX):
            way = self.ways[int(torch.randint(len(self.ways), ()))]
            flat = x if x.ndim == PICTURE else x.reshape(len(x), 1, 1, -1)
            mixed, soft = way(flat, y)
        return mixed.reshape(x.shape), soft
