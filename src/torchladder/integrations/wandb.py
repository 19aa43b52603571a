"""Weights & Biases: into the user's own run where there is one, else into a run of ours in a process of its own.

The user's run keeps its steps: a step number of ours could make W&B drop rows of theirs that come with a lower one, so
what we log there rides on the user's next row, under "torchladder/" and with an axis of its own, "torchladder/step". A
run of ours has every row, on the same kind of axis.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from torchladder.core.errors import UsageError
from torchladder.core.findings import Finding, Severity
from torchladder.core.sinks import RunEnd, RunStart, Sink
from torchladder.integrations.late import Late
from torchladder.integrations.outside import Outside
from torchladder.integrations.pace import told
from torchladder.runs.command import masked

TITLE_MAX = 63  # characters of an alert's title
BINS_MAX = 512  # of a histogram
LEVELS = {Severity.ERROR: "ERROR", Severity.WARNING: "WARN"}
WITHOUT_LOGIN = {"offline", "disabled", "dryrun"}


class Wandb(Late):
    """Logs to one run of W&B."""

    def __init__(self, project: str | None = None) -> None:
        self.project = project
        super().__init__(self._find)

    def _find(self) -> Sink:
        run = getattr(sys.modules.get("wandb"), "run", None)
        return UsersRun(run) if run is not None else Outside("wandb", self.project)


class UsersRun:
    """The run that the program has open."""

    def __init__(self, run: Any, *, prefix: str = "torchladder/", commit: bool = False) -> None:
        self._run = run
        self._prefix, self._commit = prefix, commit

    def started(self, run: RunStart) -> None:
        """Give our metrics an axis of their own."""
        del run
        self._run.define_metric(f"{self._prefix}step", hidden=True)
        self._run.define_metric(f"{self._prefix}*", step_metric=f"{self._prefix}step")

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Log scalars."""
        for step, values in rows:
            self._log(step, values)

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Log a sample's scalars."""
        self._log(step, values)

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Log a histogram."""
        import numpy as np
        import wandb

        if len(counts) <= BINS_MAX:
            self._log(step, {name: wandb.Histogram(np_histogram=(np.asarray(counts), np.asarray(edges)))})

    def alert(self, step: int, finding: Finding) -> None:
        """Send an alert of an error or a warning."""
        if self._is_open() and finding.severity in LEVELS:
            title = f"{finding.code} {finding.name}"[:TITLE_MAX]
            self._run.alert(title=title, text=f"step {step}: {told(finding)}", level=LEVELS[finding.severity])

    def ended(self, end: RunEnd) -> None:
        """Leave the verdict in the summary; to finish the run is the program's business."""
        if self._is_open():
            said = {"verdict": end.verdict, "state": end.state, "cost": end.cost}
            self._run.summary.update({f"{self._prefix}{name}": value for name, value in said.items()})

    def _log(self, step: int, values: Mapping[str, Any]) -> None:
        if self._is_open():
            row = {f"{self._prefix}{name}": value for name, value in values.items()}
            self._run.log({**row, f"{self._prefix}step": step}, commit=self._commit)

    def _is_open(self) -> bool:
        """Tell whether the program has not finished the run."""
        return getattr(sys.modules.get("wandb"), "run", None) is self._run


class OwnRun(UsersRun):
    """A run of ours, in a process that has no other."""

    def __init__(self, project: str | None) -> None:
        super().__init__(None, prefix="", commit=True)
        self._project = project

    def started(self, run: RunStart) -> None:
        """Start it.

        Raises:
            UsageError: If W&B would ask for a login.
        """
        import wandb

        if os.environ.get("WANDB_MODE", "") not in WITHOUT_LOGIN and wandb.api.api_key is None:
            msg = "W&B is not logged in; try: wandb login, or set WANDB_MODE=offline"
            raise UsageError(msg)
        self._run = wandb.init(
            project=self._project or os.environ.get("WANDB_PROJECT") or "torchladder",
            name=run.name,
            config={"command": list(masked(run.command)), "run": run.id, "watch": dict(run.settings)},
            save_code=False,
            settings=wandb.Settings(console="off"),
        )
        super().started(run)

    def ended(self, end: RunEnd) -> None:
        """Finish it."""
        super().ended(end)
        self._run.finish(exit_code=0 if end.state == "ended" else 1)
