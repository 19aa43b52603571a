"""What a training's loop takes of the processor, without the imports and the reading of data before it."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from torchladder.training.show import Quiet


class Meter(Quiet):
    """Says nothing, and keeps the seconds of the processor that the loop took."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextlib.contextmanager
    def running(self, loop: Any) -> Iterator[None]:
        """Measure the loop."""
        del loop
        began = time.process_time()
        yield
        self.seconds = time.process_time() - began
