"""Stopping a training at a verdict the user named: state dicts are saved first, then SystemExit is raised.

Several processes leave after one and the same step, so that none waits for the gradients of another that has gone.
"""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from torchladder.core.findings import Finding
from torchladder.monitor.ranks.row import Flag

if TYPE_CHECKING:
    from torchladder.monitor.monitor import Monitor

STATUS = 1
FILE = "stopped.pt"


class Stop:
    """Decides, saves, and raises from the door of the optimizer's step once the monitor has put its tools away."""

    def __init__(self, monitor: "Monitor", codes: tuple[str, ...], folder: Path | None) -> None:
        self.monitor, self.codes, self.folder = monitor, codes, folder
        self.raised = False
        self.why: str | None = None
        if codes:
            monitor.ranks.leave = self.leave

    def consider(self, step: int, finding: Finding, who: str = "") -> None:
        """Arrange for the stop when a finding is one of those named; ``who`` says which processes have it."""
        if finding.code not in self.codes or self.why is not None:
            return
        self.why = f"{finding.code} {finding.name}{' ' * bool(who)}{who}"
        if not self.monitor.ranks.stop_together():
            self.leave(step)

    def leave(self, step: int) -> None:
        """Save, and have the door that the training comes by next raise."""
        if self.raised:
            return
        self.raised = True
        if self.monitor.ranks.rank:  # the first process speaks for all
            self.monitor.leaving = SystemExit(STATUS)
            return
        self.monitor.leaving = SystemExit(f"stopped at step {step} by {self.why}{self._save(step)}")

    def _save(self, step: int) -> str:
        """Write the state dicts of models and optimizers; tell where, or nothing when that is not possible."""
        if self.folder is None:
            return ""
        # To gather weights that are spread over processes, all of them would have to take part.
        if any(replica.flags & (Flag.SHARDED | Flag.FSDP) for replica in self.monitor.ranks.replicas.values()):
            return "; weights that are spread over processes were not saved"
        file = self.folder / FILE
        with contextlib.suppress(Exception):  # such as a full disk, or a state that cannot be pickled
            models = {
                f"{number}.{type(m.module).__name__}": m.module.state_dict()
                for number, models in self.monitor.models.items()
                for m in models
            }
            optimizers = [p.optimizer.state_dict() for p in self.monitor.history.phases]
            torch.save({"step": step, "models": models, "optimizers": optimizers}, file)
            return f"; state dicts: {file}"
        return ""
