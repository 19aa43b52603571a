"""One training and one validation batch: every pass over a loader is cut to a single batch.

The run ends at the first training step after a validation pass, so that what a program does between
the two (metrics, schedulers, the checkpoint of the best epoch) has been tried as well.
"""

import time
from typing import Any

from torchladder.probes.session import Session


class Smoke:
    """The experiment: stops once both kinds of pass were seen, or when its seconds are over."""

    def __init__(self, session: Session, *, seconds: float) -> None:
        self.session, self.seconds = session, seconds
        self.started = time.monotonic()
        self.before: tuple[int, int] | None = None  # what had been evaluated before the first step
        self.trained: set[int] = set()  # modules that ran with gradients before a backward pass

    def install(self) -> None:
        """Cut the loaders and wait for backward passes."""
        self.session.loaders.cut_short = True
        self.session.loaders.short = 1
        self.session.backward.before.append(self._backward)

    def _backward(self, _loss: Any) -> None:
        self.trained |= {id(call.root.module) for call in self.session.pending.root_calls}
        seen = self.evaluated()
        if self.before is None:
            self.before = seen
        late = time.monotonic() - self.started > self.seconds
        if seen != self.before or late:
            self.session.control.stop("late" if late and seen == self.before else "done")

    def evaluated(self) -> tuple[int, int]:
        """Return how often the trained model ran without gradients, and batches that nothing was trained on."""
        calls = sum(r.eval_calls for key, r in self.session.modules.roots.items() if key in self.trained)
        loaders = self.session.loaders
        return calls, sum(s.served for s in loaders.table.values() if not loaders.is_trained(s))

    def collect(self) -> dict[str, Any]:
        """Return the facts, and how much was evaluated."""
        calls, served = self.evaluated()
        return {**self.session.collect(), "eval_calls": calls, "eval_batches": served}
