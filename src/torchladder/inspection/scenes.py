"""Scenes torn apart: pictures numbered one after the other, alike, one trained on and one held out.

Frames of a video have names that are counted up. Whole runs of numbers are kept, the same ones on all sides, so that
neighbours of both sides are found in a bounded sample.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.facts import Facts
from torchladder.core.shift_facts import SceneFact
from torchladder.data.small import small_picture
from torchladder.inspection.fold import Side
from torchladder.inspection.line import Line
from torchladder.sets.block import Block, Kind

SIZE = 1500  # pictures kept of a side
RUN = 16  # numbers that are kept or left out together
POINTS = 12  # along an axis of what is kept of a picture
FAR = 4  # runs between pictures that are no neighbours
CLOSEST = 0.01  # quantile of the distances of such pictures
PAIRS = 4000
NUMBERED = re.compile(r"^(.*?)(\d{1,12})(\D*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: the run it is in, its number there, and a small grey reading."""

    run: int
    series: str
    number: int
    name: str
    grey: NDArray[np.float32]


@dataclass
class State:
    """Pictures kept, and how many had a number."""

    frames: list[Frame] = field(default_factory=list)
    pictures: bool = False

    def trim(self, beyond: int) -> None:
        """Drop the pictures whose runs hash highest."""
        if len(self.frames) > beyond:
            self.frames = sorted(self.frames, key=_order)[:SIZE]


class Scenes:
    """The fold."""

    name = "scenes"
    version = 1

    def begin(self) -> State:
        """Return the state of no samples."""
        return State()

    def add(self, state: State, block: Block) -> State:
        """Return the state with a block more."""
        if block.kind is not Kind.IMAGES:
            return state
        state.pictures = True
        worst = max((f.run for f in state.frames), default=0) if len(state.frames) >= SIZE else None
        for name, image in zip(block.names, block.images, strict=True):
            place = numbered(name)
            if place is None or not image.size:
                continue
            run = zlib.crc32(f"{place[0]}\n{place[1] // RUN}".encode(errors="surrogatepass"))
            if worst is None or run <= worst:
                grey = small_picture(image, POINTS).mean(axis=0)
                state.frames.append(Frame(run, *place, name, grey.astype(np.float32)))
        state.trim(2 * SIZE)
        return state

    def join(self, first: State, second: State) -> State:
        """Return the state of both parts."""
        both = State([*first.frames, *second.frames], first.pictures or second.pictures)
        both.trim(2 * SIZE)
        return both

    def facts(self, sides: Sequence[Side], states: Sequence[State]) -> dict[str, Any]:  # noqa: ARG002 - of all folds
        """Return a row for each held-out side with neighbours in training."""
        if not states[0].pictures:
            return {"scenes": ()}
        for state in states:
            state.trim(SIZE)
        found = [torn(states[0].frames, state.frames, number) for number, state in enumerate(states[1:])]
        return {"scenes": tuple(f for f in found if f is not None)}

    def lines(self, facts: Facts) -> Sequence[Line]:
        """Return the line of scenes on both sides, of pictures whose names are numbered."""
        rows = facts.scenes or ()
        if not rows:
            return ()
        worst = max(rows, key=lambda r: r.alike)
        return (Line("neighbours by number that are alike", ("TL110",), f"{worst.alike:.0%}", "about 1%"),)


def _order(frame: Frame) -> tuple[int, str, int, str]:
    return frame.run, frame.series, frame.number, frame.name


def numbered(name: str) -> tuple[str, int] | None:
    """Return the series and the number that a file's name tells: ("cat/clip3_", 17) for "train/cat/clip3_0017.png"."""
    path = PurePath(name)
    match = NUMBERED.match(path.stem)
    return (f"{path.parent.name}/{match[1]}|{match[3]}", int(match[2])) if match else None


def torn(train: list[Frame], held: list[Frame], number: int) -> SceneFact | None:
    """Return how alike neighbours by number are, of which one is trained on; None where there are none."""
    ours = {(f.series, f.number): f for f in train}
    pairs = [
        (ours[f.series, f.number + step], f) for f in held for step in (-1, 1) if (f.series, f.number + step) in ours
    ]
    apart = _apart(train, held)
    if not pairs or len(apart) < 1 / CLOSEST:
        return None
    near = [_distance(a, b) for a, b in pairs]
    limit = float(np.quantile(apart, CLOSEST))
    alike = [pair for pair, d in zip(pairs, near, strict=True) if d < limit]
    return SceneFact(
        held=number,
        pairs=len(pairs),
        alike=len(alike) / len(pairs),
        samples=len({f.name for _, f in alike}),
        compared=len(held),
        examples=tuple((a.name, b.name) for a, b in alike[:3]),
    )


def _apart(train: list[Frame], held: list[Frame]) -> list[float]:
    """Return distances of pictures that are no neighbours by number, of the same folder where there are enough."""
    rng = np.random.default_rng(0)
    out = []
    for i, j in zip(rng.integers(0, len(train), PAIRS), rng.integers(0, len(held), PAIRS), strict=True):
        a, b = train[i], held[j]
        if a.series != b.series or abs(a.number - b.number) > FAR * RUN:
            out.append(_distance(a, b))
    return out


def _distance(a: Frame, b: Frame) -> float:
    if a.grey.shape != b.grey.shape:
        return float("inf")
    return float(np.abs(_even(a.grey) - _even(b.grey)).mean())


def _even(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    spread = float(grey.std())
    return np.asarray((grey - grey.mean()) / (spread if spread > 0 else 1.0))
