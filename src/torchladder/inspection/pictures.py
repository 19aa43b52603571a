"""Pictures that are unlike the others of their side: blank, huge, tiny, of another shape or mode, all dark or bright.

Sizes and modes are read from the file's header where the source gives them, so a picture too large to decode is seen.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from torchladder.core.duplicate_facts import OddFact, PicturesFact
from torchladder.core.facts import Facts
from torchladder.inspection.fold import Side
from torchladder.inspection.line import Line
from torchladder.sets.block import Array, Block, Kind

EXAMPLES = 5
HUGE = 50e6  # pixels: a second and a gigabyte to decode
SIZES_MAX = 4096  # different sizes and modes counted; of those beyond, only the number is known
BLANK = 1.0 / 255  # deviation, as a share of the values a byte has, below which nothing is to be seen
DARK, BRIGHT = 8.0, 247.0  # nine tenths of the pixels below or above: a lens cap, an overexposed sky
TENTH = 0.1
RARE = 0.02  # share of the pictures up to which another shape or mode is odd
STANDARD = 0.95  # share of the pictures that have one shape, mode, where others are odd
FAR = 3.0  # widths of the middle half, at least an octave each, from which a size is far from the others
TOO_LARGE = "too-large"
Key = tuple[int, int, str]


@dataclass
class State:
    """Counts, and names of a few examples each."""

    read: int = 0
    sizes: Counter[Key] = field(default_factory=Counter)
    shown: dict[Key, list[str]] = field(default_factory=dict)
    more: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)


class Pictures:
    """The fold."""

    name = "pictures"
    version = 1

    def begin(self) -> State:
        """Return the state of no samples."""
        return State()

    def add(self, state: State, block: Block) -> State:
        """Count a block's pictures."""
        if block.kind is not Kind.IMAGES:
            return state
        for fault in block.faults:
            if fault.kind == TOO_LARGE:
                _note(state, "huge", [f"{fault.name} ({fault.words})"])
        state.read += len(block)
        for i, (key, picture) in enumerate(zip(_keys(block), block.images, strict=True)):
            name = block.names[i]
            _size(state, key, 1, [name])
            if key[0] * key[1] > HUGE:
                _note(state, "huge", [f"{name} ({key[0]} x {key[1]} pixels)"])
            way = _look(picture)
            if way is not None:
                _note(state, way, [name])
        return state

    def join(self, first: State, second: State) -> State:
        """Return the sum."""
        first.read += second.read
        first.more += second.more
        for key, n in second.sizes.items():
            _size(first, key, n, second.shown[key])
        for way, n in second.counts.items():
            _note(first, way, second.examples[way], n)
        return first

    def facts(self, sides: Sequence[Side], states: Sequence[State]) -> dict[str, Any]:
        """Return a row for each side that has pictures."""
        rows = [_fact(i, side.role, s) for i, (side, s) in enumerate(zip(sides, states, strict=True)) if _any(s)]
        return {"pictures": tuple(rows)}

    def lines(self, facts: Facts) -> Sequence[Line]:
        """Return the line of odd pictures."""
        rows = facts.pictures or ()
        if not rows:
            return ()
        ways: Counter[str] = Counter()
        for row in rows:
            ways.update({o.way: o.count for o in row.odd})
        value = ", ".join(f"{n:,} {way}" for way, n in ways.most_common()) or "0"
        return (Line("odd pictures", ("TL126",), value, "0"),)


def _any(s: State) -> bool:
    return bool(s.read or s.counts)


def _keys(block: Block) -> Iterable[Key]:
    """Yield width, height and mode of each picture: from its file's header, else as it was decoded."""
    widths, heights, modes = (block.traits.get(t) for t in ("width", "height", "mode"))
    for i, picture in enumerate(block.images):
        height, width = picture.shape[:2]
        channels = picture.shape[2] if picture.ndim > 2 else 1  # noqa: PLR2004 - height, width, channels
        mode = str(modes[i]) if modes is not None else f"{channels} channel{'s' if channels > 1 else ''}"
        yield (
            int(widths[i]) if widths is not None else width,
            int(heights[i]) if heights is not None else height,
            mode,
        )


def _size(state: State, key: Key, n: int, names: list[str]) -> None:
    if key not in state.sizes and len(state.sizes) >= SIZES_MAX:
        state.more += n
        return
    state.sizes[key] += n
    _extend(state.shown.setdefault(key, []), names)


def _note(state: State, way: str, names: list[str], n: int | None = None) -> None:
    state.counts[way] += len(names) if n is None else n
    _extend(state.examples.setdefault(way, []), names)


def _extend(shown: list[str], names: list[str]) -> None:
    shown.extend(names[: EXAMPLES - len(shown)])


def _look(picture: Array) -> str | None:
    """Return in which way the pixels are odd: the commonest first, each looked at only as far as is needed."""
    if picture.dtype.kind not in "ui" or not picture.size:
        return None
    thin = picture[:: max(picture.shape[0] // 256, 1), :: max(picture.shape[1] // 256, 1)]
    top = float(np.iinfo(picture.dtype).max) if picture.dtype.kind == "u" else float(thin.max()) or 1.0
    if thin.ndim > 2 and thin.shape[2] in {2, 4}:  # noqa: PLR2004 - with alpha: what lies beneath it is not seen
        shown = thin[..., -1:] > 0
        same = all(_deviation(thin[..., c][shown[..., 0]]) < BLANK * top for c in range(thin.shape[2]))
        return "blank" if not shown.any() or (shown.all() and same) else None
    if _deviation(thin) < BLANK * top:
        return "blank" if _deviation(picture) < BLANK * top else None
    if thin.max() < 0.5 * top and np.quantile(thin, 1 - TENTH) < DARK / 255 * top:
        return "dark"
    if thin.min() > 0.5 * top and np.quantile(thin, TENTH) > BRIGHT / 255 * top:
        return "bright"
    return None


def _deviation(picture: Array) -> float:
    """Return the largest deviation within a channel, 0 without any pixel."""
    if not picture.size:
        return 0.0
    flat = picture.reshape(-1, picture.shape[2] if picture.ndim > 2 else 1)  # noqa: PLR2004 - with channels
    return float(flat.std(axis=0).max())


def _fact(number: int, role: str, s: State) -> PicturesFact:
    odd = [OddFact(way, n, "", tuple(s.examples[way])) for way, n in s.counts.most_common()]
    return PicturesFact(number, role, s.read, tuple(odd + [o for o in (_shapes(s), _small(s), _modes(s)) if o]))


def _shapes(s: State) -> OddFact | None:
    """Return pictures of another shape than nearly all others; nothing where sizes vary anyway."""
    return _others(s, "shape", lambda key: f"{key[0]} x {key[1]}")


def _modes(s: State) -> OddFact | None:
    return _others(s, "mode", lambda key: key[2])


def _others(s: State, way: str, read: Any) -> OddFact | None:
    counts: Counter[str] = Counter()
    for key, n in s.sizes.items():
        counts[read(key)] += n
    if len(counts) < 2:  # noqa: PLR2004 - all alike
        return None
    usual, n = counts.most_common(1)[0]
    odd = s.read - n - s.more
    if n < STANDARD * s.read or odd <= 0:
        return None
    rest = sorted((k for k in s.sizes if read(k) != usual), key=lambda k: s.sizes[k])
    names = [f"{name} ({read(k)})" for k in rest for name in s.shown[k]][:EXAMPLES]
    return OddFact(way, odd, f"{usual} in {n:,} of {s.read:,}", tuple(names))


def _small(s: State) -> OddFact | None:
    """Return pictures far smaller, or far longer one way, than the others, where sizes vary."""
    if len(s.sizes) < 3 or not s.read:  # noqa: PLR2004 - see ``_shapes``
        return None
    keys = list(s.sizes)
    n = np.array([s.sizes[k] for k in keys])
    area = np.log([max(k[0] * k[1], 1) for k in keys])
    aspect = np.log([max(k[0], 1) / max(k[1], 1) for k in keys])
    odd = np.zeros(len(keys), dtype=bool)
    for values in (area, aspect):
        low, middle, high = _quantiles(values, n)
        width = max(high - low, np.log(2))
        odd |= np.abs(values - middle) > FAR * width
    if not odd.any() or n[odd].sum() > RARE * s.read:
        return None
    names = [f"{name} ({keys[i][0]} x {keys[i][1]})" for i in np.flatnonzero(odd) for name in s.shown[keys[i]]]
    middle = int(np.exp(_quantiles(area, n)[1] / 2))
    return OddFact("size", int(n[odd].sum()), f"about {middle} pixels across", tuple(names[:EXAMPLES]))


def _quantiles(values: Any, n: Any) -> tuple[float, float, float]:
    order = np.argsort(values)
    share = np.cumsum(n[order]) / n.sum()
    low, middle, high = (float(values[order][np.searchsorted(share, q)]) for q in (0.25, 0.5, 0.75))
    return low, middle, high
