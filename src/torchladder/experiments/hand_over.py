"""The program's own data sets, written down: samples of both sides as they are after its transforms."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from torchladder.probes import datasets, survey
from torchladder.probes.session import Session
from torchladder.probes.sides import Side

# A climb reads what fits beside its experiments; here the data is all that is wanted.
ROWS, BYTES, SECONDS = 200_000, 512 << 20, 30.0


class HandOver:
    """The experiment: a look at the program as it is, whose survey reads more and is kept."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def install(self) -> None:
        """Let the survey of this process read more."""
        datasets.ROWS, datasets.BYTES, datasets.SECONDS = ROWS, BYTES, SECONDS
        survey.SECONDS = 3 * SECONDS

    def collect(self) -> dict[str, Any]:
        """Return the facts, and where the samples of each side lie."""
        seen = self.session.collect()
        probe: Any = self.session.probes["survey"]
        sides = []
        with self.session.quiet(), torch.no_grad():
            for i, side in enumerate(probe.sides):
                try:
                    row = self._saved(side, i)
                except Exception as error:
                    self.session.failed("hand_over", error)
                    continue
                sides += [row] if row is not None else []
        return {**seen, "sides": sides}

    def _saved(self, side: Side, number: int) -> dict[str, Any] | None:
        s = side.samples
        stored = s.x is not None
        x, y = (s.x, s.y) if stored else (s.entry, s.entry_y)
        folder = getattr(self.session.control, "scratch", None)
        if x is None or folder is None or not len(x):
            return None
        path = Path(folder, f"side-{number}.npz")
        if y is not None and len(y) == len(x):
            np.savez(path, x=x, y=np.asarray(y).reshape(len(x), -1)[:, 0])
        else:
            np.savez(path, x=x)
        made = side.made or side.source.place
        return {
            "path": str(path),
            "held": number > 0,
            "place": str(made) if made is not None else None,
            "stored": stored,
            "total": s.total,
            "complete": s.complete,
        }
