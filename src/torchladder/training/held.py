"""Pictures as they are read: held at the size that is trained on, or decoded anew for each batch if that is too much.

Shrinking a picture when it is read gives the same bits as shrinking it when all are there, and so does decoding it
again: whether pictures fit into memory changes the speed of a training and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from torchladder.core.errors import ProgramError, UsageError
from torchladder.sets.block import Array
from torchladder.sets.folder import FolderSource
from torchladder.sets.source import Source
from torchladder.training.pictures import ALPHA, COLOUR, USUAL_SIZE, as_tensor, kept_size, resized, stored

GIGABYTE = 1 << 30
COLOURS = (1, COLOUR)  # channels of pictures for people


@dataclass(frozen=True)
class Fit:
    """What pictures are brought to when they are read.

    Attributes:
        size: Height and width; None: those that all have, or the usual ones where they differ.
        margin: How much larger they are kept, for random crops.
    """

    size: tuple[int, int] | None = None
    margin: float = 1.0


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A picture that stays in its file; ``shape`` is that of its pixels."""

    source: FolderSource
    place: int
    shape: tuple[int, ...]

    def pixels(self) -> Array:
        """Return it decoded.

        Raises:
            ProgramError: If the file is no longer what it was.
        """
        read = self.source.picture(self.place)
        if isinstance(read, tuple) or read.pixels.shape != self.shape:
            name = self.source.files[self.place]
            why = read[1] if isinstance(read, tuple) else "it has another size now"
            msg = f"the picture {name} changed while it was trained on: {why}"
            raise ProgramError(msg)
        return read.pixels


class OnDemand:
    """Pictures of one side, each brought to its size whenever it is asked for; to be indexed as a tensor of all is."""

    def __init__(self, pictures: Sequence[OnDisk], size: tuple[int, int], channels: int, margin: float) -> None:
        self.pictures, self.size, self.channels, self.margin = pictures, size, channels, margin
        self.uniform = margin == 1.0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.pictures)

    def __getitem__(self, at: Any) -> Any:
        """Return one, a slice of them as a list, or those that a tensor of numbers names as one tensor."""
        if isinstance(at, slice):
            return [self._made(one) for one in self.pictures[at]]
        if isinstance(at, torch.Tensor):
            return torch.stack([self._made(self.pictures[i]) for i in at.tolist()])
        return self._made(self.pictures[at])

    def _made(self, picture: OnDisk) -> torch.Tensor:
        return resized(as_tensor(picture.pixels(), self.channels), self.size, self.margin)


def brought(pictures: Sequence[Any], size: tuple[int, int], channels: int, *, margin: float = 1.0) -> Any:
    """Return pictures as ``pictures.stored`` does, those that stayed in their files on demand."""
    if pictures and isinstance(pictures[0], OnDisk):
        return OnDemand(pictures, size, channels, margin)
    return stored(pictures, size, channels, margin=margin)


class Held:
    """Takes the pictures of a source one after another.

    Args:
        source: Where they come from.
        fit: What they are brought to; None leaves them as they are.
        room: Bytes that they may take.

    Attributes:
        size: What they were brought to; None where they stayed as they are.
        bytes: What they take, or will once they are brought to their size.
        on_disk: Whether they were too many.
        margin: Whether they are kept larger, for random crops.
    """

    def __init__(self, source: Source, fit: Fit | None, room: float) -> None:
        if fit is not None and fit.margin != 1.0 and not isinstance(source, FolderSource):
            fit = None  # what will be held out is wanted without the margin, and cannot be had again
        self.source, self.fit, self.room = source, fit, room
        self.size = fit.size if fit is not None else None
        self.margin = fit is not None and fit.margin != 1.0
        self.bytes, self.on_disk = 0, False
        self._kept: list[Array] = []
        self._seen: list[tuple[int, tuple[int, ...]]] = []

    def add(self, picture: Array, place: int) -> None:
        """Take a picture, and the number that it has in the source.

        Raises:
            UsageError: If there are too many to be held, and they cannot be decoded again one by one.
        """
        differs = bool(self._seen) and picture.shape[:2] != self._seen[0][1][:2]
        self._seen.append((place, picture.shape))
        if self.fit is not None and self.size is None and differs:
            self.size = (USUAL_SIZE, USUAL_SIZE)
            self._kept = [self._shrunk(p) for p in self._kept]
            self.bytes = sum(self._weight(p) for p in self._kept)
        if self.on_disk:
            return
        self._kept.append(self._shrunk(picture))
        self.bytes += self._weight(picture)
        if self.bytes > self.room:
            if not isinstance(self.source, FolderSource):
                raise too_large(self.source.name, self.room)
            self.on_disk, self.bytes, self._kept = True, 0, []

    def pictures(self) -> Sequence[Any]:
        """Return them: pixels, or what decodes them again."""
        files = self.files()
        return files if self.on_disk and files is not None else self._kept

    def files(self) -> list[OnDisk] | None:
        """Return what decodes each of them again, None where nothing does."""
        if not isinstance(self.source, FolderSource):
            return None
        return [OnDisk(self.source, place, shape) for place, shape in self._seen]

    def _goal(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the height and width that a picture is to have."""
        if self.fit is None or self.size is None:
            return shape[0], shape[1]
        return kept_size((shape[0], shape[1]), self.size, self.fit.margin, whole=self.fit.margin != 1.0)

    def _weight(self, picture: Array) -> int:
        height, width = self._goal(picture.shape)
        return int(height * width * picture.shape[-1]) * (picture.itemsize if self.size is None else 1)

    def _shrunk(self, picture: Array) -> Array:
        """Return a picture at its size; one that would grow stays as it is for now, and so does what has no colours."""
        height, width = self._goal(picture.shape)
        channels = ALPHA.get(picture.shape[-1], picture.shape[-1])
        if self.size is None or self.fit is None or height * width >= picture[..., 0].size or channels not in COLOURS:
            return picture
        made = resized(as_tensor(picture, channels), self.size, self.fit.margin)
        return made.permute(1, 2, 0).contiguous().numpy()


def without_margin(files: Sequence[OnDisk], size: tuple[int, int]) -> list[Array]:
    """Return pictures that turned out to be held out, read again as they are looked at."""
    held = Held(files[0].source, Fit(size), float("inf"))
    for file in files:
        held.add(file.pixels(), file.place)
    return list(held.pictures())


def too_large(name: str, room: float) -> UsageError:
    """Return the complaint about data that cannot be held."""
    what = f"{name} exceeds data.memory, {room / GIGABYTE:.3g} GB, once decoded"
    return UsageError(f"{what}; raise it if there is more, make data.size smaller, or use a part of the data")
