"""MLflow: into the user's active run where there is one, else into a run of ours in a process of its own; in batches.

Metrics in the user's run are under "torchladder/". Histograms, for which MLflow has no form, are JSON artifacts, one a
sampled step.
"""

import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from torchladder.core.findings import Finding
from torchladder.core.sinks import RunEnd, RunStart, Sink
from torchladder.integrations.late import Late
from torchladder.integrations.outside import Outside
from torchladder.integrations.pace import told
from torchladder.runs.command import masked
from torchladder.runs.lines import plain

BATCH, BATCH_S = 500, 2.0  # metrics, and seconds, after which a batch is sent; a server takes up to 1000
TAG_MAX = 5000  # characters
STATUS = {"ended": "FINISHED", "crashed": "FAILED"}
_FORBIDDEN = re.compile(r"[^\w\-. :/]")


class Mlflow(Late):
    """Logs to one run of MLflow."""

    def __init__(self, experiment: str | None = None) -> None:
        self.experiment = experiment
        super().__init__(self._find)

    def _find(self) -> Sink:
        active = active_run_id()
        return UsersRun(active) if active is not None else Outside("mlflow", self.experiment)


class UsersRun:
    """The run that the program has active."""

    def __init__(self, run_id: str, *, prefix: str = "torchladder/") -> None:
        self._run_id, self._prefix = run_id, prefix
        self._client: Any = None
        self._metrics: list[Any] = []
        self._sent = 0.0
        self._histograms: dict[str, Any] = {}
        self._histograms_at = 0

    def started(self, run: RunStart) -> None:
        """Connect."""
        from mlflow import MlflowClient

        del run
        self._client = MlflowClient()

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Log scalars."""
        for step, values in rows:
            self._log(step, values)

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Log a sample's scalars."""
        self._log(step, values)

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Keep a histogram; those of one step are sent together."""
        if step != self._histograms_at:
            self._send_histograms()
        self._histograms_at = step
        self._histograms[name] = {"edges": list(edges), "counts": list(counts)}

    def alert(self, step: int, finding: Finding) -> None:
        """Set a tag for a finding."""
        self._client.set_tag(self._run_id, f"torchladder.{finding.code}", f"step {step}: {told(finding)}"[:TAG_MAX])

    def ended(self, end: RunEnd) -> None:
        """Send what is left and tag the verdict; to end the run is the program's business."""
        self._send()
        self._send_histograms()
        self._client.set_tag(self._run_id, "torchladder.verdict", f"{end.state}: {end.verdict}"[:TAG_MAX])

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        self._metrics += [Metric(self._key(name), float(value), now, step) for name, value in values.items()]
        if len(self._metrics) >= BATCH or time.monotonic() - self._sent > BATCH_S:
            self._send()

    def _key(self, name: str) -> str:
        """Return a name that MLflow takes; "gradient" is of all, beside "gradient/layer.weight" of one."""
        return self._prefix + _FORBIDDEN.sub("_", f"{name}/all" if name in {"gradient", "weight"} else name)

    def _send(self) -> None:
        waiting, self._metrics = self._metrics, []
        for i in range(0, len(waiting), BATCH):
            self._client.log_batch(self._run_id, metrics=waiting[i : i + BATCH])
        self._sent = time.monotonic()

    def _send_histograms(self) -> None:
        waiting, self._histograms = self._histograms, {}
        if waiting:
            name = f"torchladder/histograms/step_{self._histograms_at:08d}.json"
            self._client.log_dict(self._run_id, plain(waiting), name)


class OwnRun(UsersRun):
    """A run of ours, in a process that has no other."""

    def __init__(self, experiment: str | None) -> None:
        super().__init__("", prefix="")
        self._experiment = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "torchladder"

    def started(self, run: RunStart) -> None:
        """Start it."""
        super().started(run)
        found = self._client.get_experiment_by_name(self._experiment)
        experiment = found.experiment_id if found is not None else self._client.create_experiment(self._experiment)
        tags = {"torchladder.run": run.id, "torchladder.command": " ".join(masked(run.command))[:TAG_MAX]}
        self._run_id = self._client.create_run(experiment, run_name=run.name, tags=tags).info.run_id

    def ended(self, end: RunEnd) -> None:
        """End it."""
        super().ended(end)
        self._client.set_terminated(self._run_id, STATUS.get(end.state, "KILLED"))


def active_run_id() -> str | None:
    """Return the id of the program's active run, without importing MLflow where the program has not.

    MLflow keeps active runs by thread, and this is asked in another one than the program's; of their stacks the public
    interface shows only the caller's own.
    """
    mlflow = sys.modules.get("mlflow")
    fluent = sys.modules.get("mlflow.tracking.fluent")
    if mlflow is None or fluent is None:
        return None
    try:
        stacks = [stack for stack in fluent._active_run_stack.get_all_thread_values().values() if stack]  # noqa: SLF001
        return str(stacks[-1][-1].info.run_id) if stacks else None
    except (AttributeError, TypeError):
        run = mlflow.active_run()
        return str(run.info.run_id) if run is not None else None
