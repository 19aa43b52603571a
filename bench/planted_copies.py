"""Data with copies planted at a known rate, for bench/duplicates.py: pictures, thumbnails, texts and rows."""

import gzip
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 64
KINDS = ("brightness", "crop", "jpeg")
OTHERS = ("half size", "off-centre crop", "blur", "noise", "contrast", "grey", "mirror")
STATED = 0.02  # share of pictures that are copies


def scene(rng):
    """Return a picture of a graded ground, a few discs and boxes, and grain."""
    ends = rng.integers(0, 256, (2, 3))
    line = np.linspace(0, 1, SIDE)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.clip((np.cos(angle) * line[None] + np.sin(angle) * line[:, None]) * 0.7 + 0.3, 0, 1)[..., None]
    image = Image.fromarray((ends[0] * (1 - along) + ends[1] * along).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(2, 9)):
        x, y = rng.integers(-10, SIDE, 2)
        w, h = rng.integers(5, 40, 2)
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)([x, y, x + w, y + h], fill=colour)
    grain = rng.normal(0, rng.uniform(2, 12), (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def altered(image, how, crop, rng):
    """Return a copy: a quarter brighter, cropped on every side, saved as JPEG at quality 40, or as its name says."""
    w, h = image.size
    values = np.asarray(image).astype(float)
    if how == "brightness":
        return Image.fromarray(np.clip(values * 1.25, 0, 255).astype(np.uint8))
    if how == "crop":
        return image.crop((crop, crop, w - crop, h - crop)).resize((w, h), Image.Resampling.BILINEAR)
    if how == "jpeg":
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=40)
        return Image.open(io.BytesIO(stream.getvalue())).convert(image.mode)
    if how == "half size":
        return image.resize((w // 2, h // 2), Image.Resampling.BOX)
    if how == "off-centre crop":
        return image.crop((crop, crop, w, h)).resize((w, h), Image.Resampling.BILINEAR)
    if how == "blur":
        return image.resize((w // 2, h // 2), Image.Resampling.BOX).resize((w, h), Image.Resampling.BICUBIC)
    if how == "noise":
        return Image.fromarray(np.clip(values + rng.normal(0, 15, values.shape), 0, 255).astype(np.uint8))
    if how == "contrast":
        return Image.fromarray(np.clip((values - 128) * 0.7 + 128, 0, 255).astype(np.uint8))
    if how == "grey":
        return image.convert("L").convert(image.mode)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def with_copies(images, share, kinds, crop, seed):
    """Return the pictures with copies after them, and (original, copy, kind) of each."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(images), int(len(images) * share), replace=False)
    copies = [altered(images[s], kinds[i % len(kinds)], crop, rng) for i, s in enumerate(chosen)]
    pairs = [(int(s), len(images) + i, kinds[i % len(kinds)]) for i, s in enumerate(chosen)]
    return [*images, *copies], pairs


def scenes(n, kinds=KINDS, seed=0):
    """Return ``n`` scenes, 2 % of them copies, and the pairs."""
    rng = np.random.default_rng(seed)
    own = round(n / (1 + STATED))
    return with_copies([scene(rng) for _ in range(own)], STATED, kinds, 3, seed + 1)


def fashion(folder, part="train"):
    """Return Fashion-MNIST's pictures from its idx file."""
    file = Path(folder, f"{part}-images-idx3-ubyte.gz")
    return np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16).reshape(-1, 28, 28)


def thumbnail_sketches(n, width, side, seed=0):
    """Return ``n`` generated descriptors of ``width`` bytes, a hundredth of them noisy copies, and the pairs."""
    rng = np.random.default_rng(seed)
    waves = np.cos(np.pi * np.outer(np.arange(6), (np.arange(side) + 0.5) / side))
    basis = np.einsum("ay,bx->abyx", waves, waves).reshape(36, -1)[1:].astype(np.float32)
    weights = 1 / (1 + np.arange(35) / 6)
    out = np.full((n, width), 128, dtype=np.uint8)
    for at in range(0, n, 50_000):
        size = min(50_000, n - at)
        grey = (rng.normal(size=(size, 35)) * weights).astype(np.float32) @ basis
        grey -= grey.min(axis=1, keepdims=True)
        out[at : at + size, : side * side] = grey / grey.max(axis=1, keepdims=True) * 255
    k = n // 100
    chosen = rng.choice(n - k, k, replace=False)
    noisy = out[chosen].astype(np.int16)
    noisy[:, : side * side] += rng.normal(0, 6, (k, side * side)).astype(np.int16)
    out[n - k :] = np.clip(noisy, 0, 255)
    return out, [(int(s), n - k + i, "noise") for i, s in enumerate(chosen)]


def documents(n, seed=0, words=120):
    """Return ``n`` documents of Zipf's words, 2 % of them copies with a few words changed, and the pairs."""
    rng = np.random.default_rng(seed)
    vocabulary = np.array([f"w{i:x}" for i in range(30_000)])
    k = n // 50
    lengths = rng.integers(words // 2, words * 3 // 2, n - k)
    texts = [" ".join(vocabulary[np.minimum(rng.zipf(1.3, length), 30_000) - 1]) for length in lengths]
    chosen = rng.choice(n - k, k, replace=False)
    pairs = []
    for i, s in enumerate(chosen):
        parts = texts[s].split()
        if i % 2:  # a tail cut off
            parts = parts[: int(len(parts) * 0.93)]
        else:
            for at in rng.choice(len(parts), max(1, len(parts) // 50), replace=False):
                parts[at] = str(vocabulary[rng.integers(0, 30_000)])
        pairs.append((int(s), len(texts), ("words", "cut")[i % 2]))
        texts.append(" ".join(parts))
    return texts, pairs


def table(n, seed=0):
    """Return a table of 20 columns, some of them following others, 2 % of the rows copies, and the pairs."""
    rng = np.random.default_rng(seed)
    k = n // 50
    base = rng.normal(size=(n - k, 6))
    columns = {f"x{j}": base @ rng.normal(size=6) + 0.3 * rng.normal(size=n - k) for j in range(12)}
    columns |= {f"n{j}": rng.poisson(np.exp(0.5 * base[:, j] + 2)).astype(float) for j in range(5)}
    columns |= {f"c{j}": rng.integers(0, 4 + 3 * j, n - k).astype(float) for j in range(3)}
    chosen = rng.choice(n - k, k, replace=False)
    copies = {name: values[chosen].copy() for name, values in columns.items()}
    for i in range(k):
        if i % 2:
            for name in rng.choice(list(copies), 2, replace=False):
                copies[name][i] = columns[name][rng.integers(0, n - k)]
    noisy = np.arange(k) % 2 == 0
    for j in range(12):
        values = copies[f"x{j}"]
        values[noisy] += rng.normal(0, 1e-4 * values.std(), noisy.sum())
    whole = {name: np.concatenate([columns[name], copies[name]]) for name in columns}
    return whole, [(int(s), n - k + i, ("noise", "two columns")[i % 2]) for i, s in enumerate(chosen)]
