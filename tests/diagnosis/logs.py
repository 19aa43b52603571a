"""Hand-written curves, as a log's facts."""

import math
import random
from collections.abc import Callable, Sequence

from torchladder.core.log_facts import LogFact, SeriesFact

EPOCHS = 20


def series(name: str, values: Sequence[float], direction: str = "min", lost: float | None = None) -> SeriesFact:
    """Return a curve over epochs."""
    best = (max if direction == "max" else min)(range(len(values)), key=lambda i: values[i], default=None)
    return SeriesFact(
        name, direction, tuple(map(float, range(len(values)))), tuple(values), len(values),
        None if best is None else float(best), None if best is None else values[best], lost,
    )  # fmt: skip


def falling(start: float, end: float, pace: float = 5.0, n: int = EPOCHS) -> list[float]:
    """Return an exponential that ends exactly at ``end``."""
    last = math.exp(-(n - 1) / pace)
    return [end + (start - end) * (math.exp(-i / pace) - last) / (1 - last) for i in range(n)]


def log(train: Sequence[float], held: Sequence[float] = (), **more) -> LogFact:
    """Return a log of two losses."""
    return LogFact("log.csv", "epoch", series("train_loss", train), series("val_loss", held) if held else None, **more)


def noisy(values: Sequence[float], share: float, seed: int = 0) -> list[float]:
    """Return values with noise in proportion."""
    draw = random.Random(seed)
    return [v * (1 + draw.gauss(0, share)) for v in values]


def turned(low: float, end: float, at: int = 7, n: int = EPOCHS) -> list[float]:
    """Return a curve that comes down to ``low`` and rises to ``end``."""
    down = falling(2.2, low, 2.0, at + 1)
    return [*down, *(low + (end - low) * (i + 1) / (n - at - 1) for i in range(n - at - 1))]


Maker = Callable[[], LogFact]
