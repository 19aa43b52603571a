"""One batch for people: a labelled grid of pictures, lines for sequences, a few rows for tables and text.

Whatever was done to the values to show them (the normalisation undone, say) is written on the picture.
"""

import dataclasses
import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.core.report import Report

Array = np.ndarray[Any, Any]

FILE = "batch.png"
ROWS_IN_TABLE = 5
ROW_CHARACTERS = 46  # of values; with the target the row then fits behind a rung's name on 80 columns
TABLE_DIGITS = 3
WHOLE_MAX = 1e6  # whole numbers below it are written out
DARKEST = 0.5  # a batch of 0..1 whose brightest value is below this is rather some other range
ROUNDING = 1e-3  # how far from 1 a row of probabilities may add up
SLACK = 0.02  # of the range by which undone values may exceed it: rounding
SIDE_MIN = 6  # a square at least this large is looked at as a picture
COLOURS = (3, 4)
GREY = 1
BYTE = 255.0
PAIRS_MAX = 8  # samples shown when each has a picture for a target beside it
LINES_MAX = 6  # features of a sequence drawn in one panel
LINE_COLOURS = ("blue", "orange", "green", "red", "purple", "brown")
LABELS_MAX = 4  # labels of one sample that are written out
WORDS_MAX = 22  # characters of a title
FLAT = {784: (1, 28, 28), 3072: (3, 32, 32)}  # MNIST and CIFAR, flattened before the model
TABLE, SEQUENCE, PICTURE = 2, 3, 4  # dimensions of a batch
MISSING = (1.0, 0.0, 1.0)  # magenta: no picture has it by accident


@dataclass(frozen=True)
class Batch:
    """The first samples of one training batch at the model's entry, with their targets.

    Attributes:
        x: (N, ...), at most 16 samples, long axes thinned.
        y: (N, ...) or None.
        shape, dtype: Of the whole batch, before thinning.
        names: Of the classes, where the data set gives them.
        extents: Lowest and highest value over the whole batch, by channel; "mean" and "std" where the program's own
            transforms normalise with them.
        texts: Of token ids: what the program's own tokenizer reads in them.
        what, titles: What the samples and the words above them are called on the picture.
    """

    x: Array
    y: Array | None
    shape: tuple[int, ...]
    dtype: str
    names: tuple[str, ...]
    extents: dict[str, Array]
    texts: tuple[str, ...] = ()
    what: str = "One training batch"
    titles: str = "the targets given to the loss"


def load_batch(path: str | None) -> Batch | None:
    """Return the batch that the run wrote; None when it wrote none or what it wrote cannot be read."""
    if path is None or not Path(path).is_file():
        return None
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    return Batch(
        x=arrays["x"],
        y=arrays.get("y"),
        shape=tuple(int(n) for n in arrays["shape"]),
        dtype=str(arrays["dtype"]),
        names=tuple(str(n) for n in arrays.get("names", ())),
        extents={k: v for k, v in arrays.items() if k.endswith(("low", "high")) or k in {"mean", "std"}},
        texts=tuple(str(t) for t in arrays.get("texts", ())),
    )


# --- words --------------------------------------------------------------------------------------


def figure(value: float, digits: int = 4) -> str:
    """Return a value in a few significant digits, whole numbers whole."""
    whole = float(value).is_integer() and abs(value) < WHOLE_MAX
    return f"{int(value)}" if whole else f"{value:.{digits}g}"


def row_words(values: Array) -> str:
    """Return as many values of a row as fit."""
    words = ""
    for n, value in enumerate(values):
        word = figure(value, TABLE_DIGITS)
        if len(words) + len(word) > ROW_CHARACTERS:
            return f"{words} ..."
        words = f"{words} {word}" if n else word
    return words


def label(batch: Batch, row: int) -> str:
    """Return the target of one sample in a few words, "" when it is not a label."""
    if batch.y is None or row >= len(batch.y):
        return ""
    y = batch.y[row].reshape(-1)
    if y.size == 1:
        return _class_name(batch, y[0])
    if batch.y.ndim > TABLE:
        return ""
    if set(np.unique(y).tolist()) <= {0, 1} and y.dtype.kind in "fb":
        on = np.flatnonzero(y)
        words = ", ".join(_class_name(batch, i) for i in on[:LABELS_MAX]) or "none"
        return words + (" ..." if on.size > LABELS_MAX else "")
    if y.dtype.kind == "f" and abs(float(y.sum()) - 1) < ROUNDING and y.min() >= 0:
        best = int(y.argmax())
        return f"{_class_name(batch, best)} ({y[best]:.0%})"
    return ", ".join(figure(v) for v in y[:LABELS_MAX]) + (" ..." if y.size > LABELS_MAX else "")


def _class_name(batch: Batch, value: Any) -> str:
    index = int(value) if float(value).is_integer() else -1
    if 0 <= index < len(batch.names):
        return batch.names[index]
    return figure(value)


def table(batch: Batch) -> tuple[str, ...]:
    """Return a few rows of a batch of features or token ids, one line each; empty for other batches."""
    if batch.x.ndim != TABLE or as_pictures(batch) is not None:
        return ()
    lines = [f"first rows of a batch {list(batch.shape)} {batch.dtype}:"]
    for n in range(min(ROWS_IN_TABLE, len(batch.x))):
        target = label(batch, n)
        if n < len(batch.texts) and batch.texts[n]:
            words = text_words(batch.texts[n])
            lines.append(f"{words}{f' -> {target}' if target and not _is_text(batch.y) else ''}")
            continue
        if _is_text(batch.y):  # a language model: the ids to predict stand beneath the ids given
            lines += [row_words(batch.x[n]), f"-> {row_words(batch.y[n])}"] if batch.y is not None else []
        else:
            lines.append(f"{row_words(batch.x[n])}{f' -> {target}' if target else ''}")
    return tuple(lines)


def text_words(text: str) -> str:
    """Return the beginning of a text on one line, its line breaks written out."""
    shown = repr(text)[1:-1]
    return f'"{shown}"' if len(shown) <= ROW_CHARACTERS else f'"{shown[: ROW_CHARACTERS - 3]}..."'


def _is_text(y: Array | None) -> bool:
    return y is not None and y.ndim == TABLE and y.dtype.kind in "iu" and y.shape[1] > 1


# --- pictures -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pictures:
    """Images (N, H, W, C) in [0, 1], C 1 or 3, and how they were made from the values."""

    images: Array
    note: str


def as_pictures(batch: Batch) -> Pictures | None:
    """Return the samples as images, or None when they are none."""
    return images_of(batch.x, batch.extents)


def images_of(x: Array, extents: dict[str, Array]) -> Pictures | None:
    """Return an array as images: [B, C, H, W], [B, H, W, C], squares [B, H, H], flattened MNIST and CIFAR."""
    how = ""
    if x.ndim == TABLE and x.shape[1] in FLAT and x.dtype.kind in "fu":
        c, h, w = FLAT[x.shape[1]]
        x, extents = x.reshape(-1, c, h, w), {k: v for k, v in extents.items() if v.ndim == 0}
        how = f"rows of {c * h * w} shown as {c} x {h} x {w}; "
    if x.ndim == SEQUENCE and x.shape[1] == x.shape[2] >= SIDE_MIN and x.dtype.kind in "fu":
        x, extents = x[:, None], {k: v for k, v in extents.items() if v.ndim == 0}
    if x.ndim != PICTURE or x.dtype.kind not in "fubi" or min(x.shape) == 0:
        return None
    last = x.shape[-1] in (GREY, *COLOURS) and x.shape[1] not in (GREY, *COLOURS)
    if last:
        how += "channels last; "
    else:
        x = np.moveaxis(x, 1, -1)
    n_channels = x.shape[-1]
    key = "last" if last else "first"
    low, high = extents.get(f"{key}_low"), extents.get(f"{key}_high")
    if n_channels not in (GREY, *COLOURS):
        how, x, low, high = f"{how}channel 0 of {n_channels}; ", x[..., :1], None, None
    x = x.astype(np.float64)
    bad = ~np.isfinite(x)
    if low is None or high is None or len(low) != n_channels:
        low, high = _extent(x, bad)
    low, high = np.asarray(low, float), np.asarray(high, float)
    images, words = denormalised(x, low, high, extents) or rescaled(x, low, high)
    if n_channels == COLOURS[-1]:
        images, bad, how = images[..., :3], bad[..., :3], f"{how}fourth channel not shown; "
    if bad.any():
        images = np.where(bad.any(-1, keepdims=True), MISSING, np.broadcast_to(images, (*images.shape[:-1], 3)))
        words += f"; {int(bad.sum()):,} values that are not finite in magenta"
    return Pictures(images, how + words)


def _extent(x: Array, bad: Array) -> tuple[Array, Array]:
    axes = tuple(range(x.ndim - 1))
    low = np.where(bad, np.inf, x).min(axes)
    high = np.where(bad, -np.inf, x).max(axes)
    return np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 1.0)


def denormalised(x: Array, low: Array, high: Array, extents: dict[str, Array]) -> tuple[Array, str] | None:
    """Return values with the program's own normalisation undone, None where there is none or another was done."""
    mean, std = extents.get("mean"), extents.get("std")
    if mean is None or std is None or len(mean) not in {GREY, len(low)} or (low.min() >= 0 and high.max() <= 1):
        return None
    bottom, top = float((low * std + mean).min()), float((high * std + mean).max())
    full = next((f for f in (1.0, BYTE) if -SLACK * f <= bottom and DARKEST * f < top <= (1 + SLACK) * f), None)
    if full is None:
        return None
    span = f"{figure(round(bottom, 6))} to {figure(round(top, 6))}"
    words = f"normalisation undone: mean {_few(mean)}, deviation {_few(std)}; then {span}"
    return np.clip(np.nan_to_num(x * std + mean) / full, 0, 1), words


def _few(values: Array) -> str:
    return ", ".join(figure(v, TABLE_DIGITS) for v in values)


def rescaled(x: Array, low: Array, high: Array) -> tuple[Array, str]:
    """Return values brought to [0, 1] and how: as they are where they have the range of pictures already.

    Args:
        x: (..., C).
        low: (C,), of the whole batch.
        high: (C,), of the whole batch.
    """
    if low.min() >= 0 and DARKEST < high.max() <= 1:
        return np.clip(np.nan_to_num(x), 0, 1), "values as they are, black = 0, white = 1"
    if low.min() >= 0 and BYTE / 2 < high.max() <= BYTE:
        return np.clip(np.nan_to_num(x) / BYTE, 0, 1), "values as they are, black = 0, white = 255"
    span = np.where(high > low, high - low, 1.0)
    images = np.clip(np.nan_to_num((x - low) / span), 0, 1)
    if len(low) == GREY:
        return images, f"rescaled: black = {figure(low[0])}, white = {figure(high[0])}"
    parts = [f"{c} {figure(a)} to {figure(b)}" for c, a, b in zip("RGBA", low, high, strict=False)]
    return images, f"each channel rescaled from its range in this batch: {', '.join(parts)}"


def target_images(batch: Batch) -> Array | None:
    """Return targets that are pictures themselves (masks, images to restore), as (N, H, W, C) in [0, 1]."""
    y = batch.y
    if y is None or y.ndim < SEQUENCE:
        return None
    if y.ndim == SEQUENCE:
        y = y[:, None]
    found = images_of(y.astype(np.float64), {})
    return found.images if found is not None else None


# --- drawing ------------------------------------------------------------------------------------


def draw(batch: Batch) -> bytes | None:
    """Return the batch as a PNG, or None when there is nothing to be seen in it (tables, text)."""
    found = as_pictures(batch)
    if found is not None:
        return _grid(batch, found)
    if batch.x.ndim == SEQUENCE and batch.x.dtype.kind == "f":
        return _lines(batch)
    return None


def _figure(n: int, columns: int, panel: tuple[float, float], heading: str, note: str) -> tuple[Any, list[Any]]:
    """Return a matplotlib figure with ``n`` panels, its heading and its note placed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = math.ceil(n / columns)
    width = max(columns * panel[0] + 0.3, 7.0)
    lines = _wrapped(note, int(width * 14))
    foot = 0.18 * len(lines) + 0.15
    height = rows * panel[1] + 0.55 + foot
    drawn = Figure(figsize=(width, height), dpi=110, facecolor="white")
    FigureCanvasAgg(drawn)
    drawn.text(0.15 / width, 1 - 0.3 / height, heading, fontsize=11, fontweight="bold", parse_math=False)
    drawn.text(0.15 / width, 0.1 / height, "\n".join(lines), fontsize=8.5, color="#444444", parse_math=False)
    axes = drawn.subplots(rows, columns, squeeze=False)
    drawn.subplots_adjust(
        left=0.02, right=0.98, top=1 - 0.65 / height, bottom=(foot + 0.12) / height, wspace=0.12, hspace=0.28
    )
    flat = list(axes.flat)
    for unused in flat[n:]:
        unused.axis("off")
    return drawn, flat[:n]


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width) or [""]


def _png(drawn: Any) -> bytes:
    out = io.BytesIO()
    drawn.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _title(words: str) -> str:
    words = "".join(c if c.isprintable() else "?" for c in words)
    return words if len(words) <= WORDS_MAX else words[: WORDS_MAX - 3] + "..."


def _heading(batch: Batch, shown: int) -> str:
    return f"{batch.what} {list(batch.shape)} {batch.dtype}: {shown} of {batch.shape[0]} samples"


def _grid(batch: Batch, found: Pictures) -> bytes:
    beside = target_images(batch)
    shown = len(found.images) if beside is None else min(len(found.images), len(beside), PAIRS_MAX)
    panels: list[tuple[Array, str]] = []
    for n in range(shown):
        panels.append((found.images[n], label(batch, n)))
        if beside is not None:
            panels.append((beside[n], "target"))
    ratio = min(max(found.images.shape[1] / found.images.shape[2], 0.4), 2.5)
    note = found.note
    if batch.y is None:
        note += ". No target of one label for each sample was seen"
    else:
        note += ". Each sample's target beside it" if beside is not None else f". Titles: {batch.titles}"
    drawn, axes = _figure(len(panels), min(4, len(panels)), (1.75, 1.6 * ratio + 0.25), _heading(batch, shown), note)
    for axis, (image, words) in zip(axes, panels, strict=True):
        axis.imshow(image[..., 0] if image.shape[-1] == GREY else image, cmap="gray", vmin=0, vmax=1)
        axis.set_title(_title(words), fontsize=10, pad=3, parse_math=False)
        axis.set_xticks([])
        axis.set_yticks([])
    return _png(drawn)


def _lines(batch: Batch) -> bytes:
    """Draw each sequence as lines over time, the longer axis taken for time unless one has a single feature."""
    x = batch.x.astype(np.float64)
    first = batch.shape[1] > batch.shape[2] if GREY not in batch.shape[1:] else batch.shape[2] == GREY
    x = x if first else np.moveaxis(x, 1, 2)
    features = x.shape[2]
    axis_words = f"axis {1 if first else 2} taken for time ({batch.shape[1 if first else 2]} steps)"
    drawn_features = min(features, LINES_MAX)
    colours = ", ".join(f"{n} {colour}" for n, colour in enumerate(LINE_COLOURS[:drawn_features]))
    note = f"{axis_words}; {drawn_features} of {features} features drawn: {colours}"
    finite = x[np.isfinite(x)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    margin = 0.05 * (high - low) or 1.0
    note += f"; all panels from {figure(low)} to {figure(high)}"
    if finite.size < x.size:
        note += f"; {x.size - finite.size:,} values are not finite and leave gaps"
    note += f". Titles: {batch.titles}" if batch.y is not None and label(batch, 0) else ""
    drawn, axes = _figure(len(x), min(4, len(x)), (2.4, 1.5), _heading(batch, len(x)), note)
    for n, axis in enumerate(axes):
        for feature in range(drawn_features):
            axis.plot(x[n, :, feature], linewidth=1.0, color=f"tab:{LINE_COLOURS[feature]}")
        axis.set_ylim(low - margin, high + margin)
        axis.set_title(_title(label(batch, n)), fontsize=10, pad=3, parse_math=False)
        axis.set_xticks([])
        axis.set_yticks([])
    return _png(drawn)


def added(report: Report, batch: Batch | None, keep: Callable[[str, bytes], None] | None) -> Report:
    """Return the report with the picture of one batch named in it, once ``keep`` has taken its bytes."""
    if batch is None or keep is None:
        return report
    try:
        drawn = draw(batch)
    except Exception:
        return report
    if drawn is None:
        return report
    keep(FILE, drawn)
    return dataclasses.replace(report, pictures=(*report.pictures, FILE))
