"""Stopping a training at a verdict the user named: state dicts are saved first, then SystemExit is raised."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from torchladder.core.findings import Finding

if TYPE_CHECKING:
    from torchladder.monitor.monitor import Monitor

STATUS = 1
FILE = "stopped.pt"


class Stop:
    """Decides, saves, and raises from the door of the optimizer's step once the monitor has put its tools away."""

    def __init__(self, monitor: "Monitor", codes: tuple[str, ...], folder: Path | None) -> None:
        self.monitor, self.codes, self.folder = monitor, codes, folder
        self.raised = False

    def consider(self, step: int, finding: Finding) -> None:
        """Arrange for the stop when a finding is one of those named."""
        if finding.code not in self.codes or self.monitor.leaving is not None:
            return
        saved = self._save(step)
        self.raised = True
        words = f"stopped at step {step} by {finding.code} {finding.name}{saved}"
        self.monitor.leaving = SystemExit(words)

    def _save(self, step: int) -> str:
        """Write the state dicts of models and optimizers; tell where, or nothing when that is not possible."""
        if self.folder is None:
            return ""
        file = self.folder / FILE
        models = {
            f"{number}.{type(m.module).__name__}": m.module.state_dict()
            for number, models in self.monitor.models.items()
            for m in models
        }
        optimizers = [p.optimizer.state_dict() for p in self.monitor.history.phases]
        with contextlib.suppress(OSError, RuntimeError):
            torch.save({"step": step, "models": models, "optimizers": optimizers}, file)
            return f"; state dicts: {file}"
        return ""
