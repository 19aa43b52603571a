"""Runs made by hand, for the tests of what is written and what is read."""

import os
import time
from pathlib import Path

import pytest

from torchladder.core.findings import Finding, Fix, Measurement, Place, Severity
from torchladder.core.sinks import RunEnd, RunStart, Sink
from torchladder.runs.folder import open_run


def start(run_id: str = "20261122-073002-1", **more) -> RunStart:
    values = {"name": "train", "command": ("train.py", "--lr", "0.1"), "cwd": "/w", "started": time.time()}
    return RunStart(run_id, **{**values, **more})


def end(**more) -> RunEnd:
    values = {"state": "ended", "steps": 3, "seconds": 12.5, "cost": 0.008, "verdict": "loss 2 -> 1"}
    return RunEnd(**{**values, **more})


def finding(severity: Severity = Severity.ERROR, code: str = "TL404", name: str = "missing-zero-grad") -> Finding:
    return Finding(
        code,
        name,
        severity,
        3,
        "gradients of 5 steps add up",
        where=(Place("train.py", 42),),
        module="layer1",
        seen=(Measurement("norm", float("nan")),),
        fixes=(Fix("call `zero_grad`"),),
    )


def opened(base: Path, run: RunStart) -> tuple[Path, list[Sink]]:
    folder, sinks = open_run(base, run, pytest.fail)
    assert folder is not None
    for sink in sinks:
        sink.started(run)
    return folder, sinks


def write_run(base: Path, run: RunStart | None = None, *, losses=(3.0, 2.0, 1.0), finish: RunEnd | None = None) -> Path:
    folder, sinks = opened(base, run or start())
    for sink in sinks:
        for step, loss in enumerate(losses):
            sink.steps(((step, {"loss": loss, "lr": 0.1}),))
        if finish is not None:
            sink.ended(finish)
    return folder


def dead_pid() -> int:
    """Return the number of a process that is gone."""
    child = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(child, 0)
    return child
