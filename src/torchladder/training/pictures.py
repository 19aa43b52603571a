"""Pictures for a model: brought to one size and one number of channels, augmented in training, normalised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array
from torchladder.training.draws import torch_seeded, uniforms
from torchladder.training.recipe import Augment
from torchladder.training.samples import Samples

CROP, SHIFT, FLIP, RANDAUGMENT = 11, 12, 13, 14  # streams of draws
MARGIN = 1.15  # pictures that are cropped at random are kept so much larger
COLOUR = 3
WHITE = 255.0
ALPHA = {2: 1, 4: 3}  # channels with transparency, and those without it
USUAL_SIZE = 64
LARGE = 20_000  # pictures beyond which their statistics are those of a part


@dataclass(frozen=True)
class Look:
    """How pictures are brought before a model.

    Attributes:
        size: Height and width.
        mean, std: By channel, of values from 0 to 1.
    """

    size: tuple[int, int]
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


def as_tensor(picture: Array, channels: int) -> torch.Tensor:
    """Return a picture as (channels, height, width) uint8: on white where it is transparent, grey if asked."""
    pixels = picture.astype(np.float32)
    if picture.dtype.kind == "u":
        pixels *= WHITE / np.iinfo(picture.dtype).max
    elif pixels.size and pixels.max() > pixels.min():
        pixels = (pixels - pixels.min()) * (WHITE / (pixels.max() - pixels.min()))
    if pixels.shape[-1] in ALPHA:
        solid = ALPHA[pixels.shape[-1]]
        alpha = pixels[..., -1:] / WHITE
        pixels = pixels[..., :solid] * alpha + WHITE * (1 - alpha)
    if channels == 1 and pixels.shape[-1] == COLOUR:
        pixels = pixels @ np.array([[0.299], [0.587], [0.114]], dtype=np.float32)
    if channels == COLOUR and pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, COLOUR, axis=-1)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels.round().astype(np.uint8), -1, 0)))


def stored(pictures: Sequence[Array], size: tuple[int, int], channels: int, *, margin: float = 1.0) -> Any:
    """Return pictures as uint8 tensors, as one tensor where all have the size.

    Args:
        pictures: (height, width, channels) each.
        size: Height and width that the model takes.
        channels: One or three.
        margin: How much larger than the size they are kept, for random crops.
    """
    plain = margin == 1.0 and all(p.shape[:2] == size and p.dtype == np.uint8 for p in pictures)
    if plain and {p.shape[-1] for p in pictures} == {channels}:
        return torch.from_numpy(np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2)))
    made = [resized(as_tensor(p, channels), size, margin) for p in pictures]
    return torch.stack(made) if margin == 1.0 else made


def kept_size(shape: tuple[int, int], size: tuple[int, int], margin: float, *, whole: bool) -> tuple[int, int]:
    """Return height and width of a picture that is kept: of all of it, or of its centre alone."""
    if not whole:
        return size
    goal = (round(size[0] * margin), round(size[1] * margin))
    scale = max(goal[0] / shape[0], goal[1] / shape[1])
    return max(goal[0], round(shape[0] * scale)), max(goal[1], round(shape[1] * scale))


def resized(picture: torch.Tensor, size: tuple[int, int], margin: float) -> torch.Tensor:
    """Return a picture whose shorter side fits, and its centre where it is not to be cropped at random."""
    height, width = picture.shape[1:]
    shape = kept_size((height, width), size, margin, whole=True)
    if shape != (height, width):
        picture = _transforms().functional.resize(picture, list(shape), antialias=True)
    if margin == 1.0:
        top, left = (shape[0] - size[0]) // 2, (shape[1] - size[1]) // 2
        picture = picture[:, top : top + size[0], left : left + size[1]]
    return picture.contiguous()


def _transforms() -> Any:
    """Return torchvision's transforms.

    Raises:
        UsageError: If it is not installed.
    """
    try:
        from torchvision.transforms import v2
    except ImportError:
        msg = "pictures of other sizes and RandAugment need torchvision: pip install 'torchladder[vision]'"
        raise UsageError(msg) from None
    return v2


def size_of(pictures: Sequence[Array], asked: int | None, own: tuple[int, int] | None) -> tuple[int, int]:
    """Return height and width: what is asked for, the weights' own, the pictures' common one, or a usual one."""
    if asked is not None:
        return asked, asked
    if own is not None:
        return own
    shapes = {p.shape[:2] for p in pictures}
    return next(iter(shapes)) if len(shapes) == 1 else (USUAL_SIZE, USUAL_SIZE)


def moments(pixels: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, of values from 0 to 1."""
    every = max(1, len(pixels) // LARGE)
    parts = [(p.to(torch.float64) / WHITE).flatten(1) for p in pixels[::every]]
    n = sum(p.shape[1] for p in parts)
    mean = torch.stack([p.sum(1) for p in parts]).sum(0) / n
    square = torch.stack([(p**2).sum(1) for p in parts]).sum(0) / n
    std = (square - mean**2).clamp_min(0).sqrt()
    return tuple(mean.tolist()), tuple(float(s) or 1.0 for s in std)


class Pictures(Samples):
    """Pictures of one side.

    Args:
        pixels: From ``stored``.
        y: Targets.
        names: Of the samples.
        look: How they come before the model.
        augment: What is done to them; None for a held-out side.
        seed: Of what is drawn.
    """

    def __init__(
        self, pixels: Any, y: Array, names: Sequence[str], look: Look, augment: Augment | None = None, seed: int = 0
    ) -> None:
        super().__init__(y, names)
        self.pixels, self.look, self.seed = pixels, look, seed
        self.augment = augment or Augment()
        std = torch.tensor(look.std).view(-1, 1, 1)
        self.scale, self.offset = 1 / (WHITE * std), torch.tensor(look.mean).view(-1, 1, 1) / std
        self.crop: Any = None
        self.varied = not getattr(pixels, "uniform", isinstance(pixels, torch.Tensor))  # sizes, for random crops
        if self.varied:
            scale = (self.augment.crop, 1.0)
            self.crop = _transforms().RandomResizedCrop(list(look.size), scale=scale, antialias=True)
        self.randaugment: Any = None
        if self.augment.randaugment:
            self.randaugment = _transforms().RandAugment(num_ops=2, magnitude=self.augment.randaugment)

    def inputs(self, index: NDArray[np.int64], epoch: int) -> torch.Tensor:
        """Return the pictures, augmented as that epoch has it."""
        a = self.augment
        if self.varied:
            x = torch.stack([self._cropped(self.pixels[i], epoch, int(i)) for i in index])
        else:
            x = self.pixels[torch.from_numpy(index)]
        if a.shift:
            x = self._shifted(x, index, epoch)
        if a.flip:
            mirrored = torch.from_numpy(uniforms(self.seed, epoch, index, FLIP) < 0.5)  # noqa: PLR2004 - every second
            x = torch.where(mirrored.view(-1, 1, 1, 1), x.flip(3), x)
        if self.randaugment is not None:
            x = torch.stack([self._randomly(one, epoch, int(i)) for one, i in zip(x, index, strict=True)])
        return x.to(torch.float32).mul_(self.scale).sub_(self.offset)

    def _cropped(self, picture: torch.Tensor, epoch: int, index: int) -> torch.Tensor:
        with torch_seeded(self.seed, epoch, index, CROP):
            made: torch.Tensor = self.crop(picture)
        return made

    def _shifted(self, x: torch.Tensor, index: NDArray[np.int64], epoch: int) -> torch.Tensor:
        """Return pictures moved by whole pixels; what comes in repeats the edge."""
        reach, (height, width) = self.augment.shift, x.shape[2:]
        span = 2 * reach + 1
        drawn = (uniforms(self.seed, epoch, index, SHIFT) * span * span).astype(np.int64)
        down, right = (torch.from_numpy(d - reach) for d in divmod(drawn, span))
        rows = (torch.arange(height) + down[:, None]).clamp_(0, height - 1)
        columns = (torch.arange(width) + right[:, None]).clamp_(0, width - 1)
        batch = torch.arange(len(x))[:, None, None, None]
        channel = torch.arange(x.shape[1])[None, :, None, None]
        return x[batch, channel, rows[:, None, :, None], columns[:, None, None, :]]

    def _randomly(self, picture: torch.Tensor, epoch: int, index: int) -> torch.Tensor:
        with torch_seeded(self.seed, epoch, index, RANDAUGMENT):
            made: torch.Tensor = self.randaugment(picture)
        return made
