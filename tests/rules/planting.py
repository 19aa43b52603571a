"""Plants and near misses climbed for real; each is climbed once a session, however many tests ask."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from torchladder.core.findings import Finding, Measurement, Place, Severity
from torchladder.core.report import Report
from torchladder.ladder.climb import climb
from torchladder.rules.registry import Plant, Rule
from torchladder.runner.target import resolve

SPECIMENS = Path(__file__).parents[2] / "src/torchladder/specimens"
BUDGET_S = 150.0
WATCH_S = 300.0
WATCHED = ("-m", "torchladder", "watch")


def planted(plant: Plant) -> str:
    """Return the specimen's text with the plant's passage replaced."""
    text = (SPECIMENS / f"{plant.specimen}.py").read_text()
    assert text.count(plant.healthy) == 1, f"{plant.specimen} holds {plant.healthy!r} {text.count(plant.healthy)} times"
    return text.replace(plant.healthy, plant.sick)


@functools.cache
def climb_text(text: str, to: int = 3) -> Report:
    """Climb a program given as text to a rung, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="plant-") as folder:
        Path(folder, "train.py").write_text(text)
        before = Path.cwd()
        os.chdir(folder)
        try:
            return climb(resolve("train.py", ()), to=to, budget=BUDGET_S)
        finally:
            os.chdir(before)


@functools.cache
def watch_text(text: str, ranks: int) -> tuple[Finding, ...]:
    """Run a program given as text by so many processes under ``watch``; return what its record says was found."""
    with tempfile.TemporaryDirectory(prefix="plant-") as folder:
        Path(folder, "train.py").write_text(text)
        watched(Path(folder), ranks)
        return tuple(recorded(Path(folder)))


def watched(folder: Path, ranks: int, *, how: tuple[str, ...] = WATCHED) -> subprocess.CompletedProcess[str]:
    """Run ``train.py`` of a folder by so many processes."""
    several = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks))
    launch = several if ranks > 1 else ()
    return subprocess.run(
        [sys.executable, *launch, *how, "train.py"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=WATCH_S,
    )


def recorded(folder: Path) -> list[Finding]:
    """Return the findings of the one run that was kept in a folder."""
    (run,) = (folder / ".torchladder/runs").glob("*/run.json")
    alerts = run.with_name("alerts.jsonl")  # a process that is killed has written them all the same
    found = [json.loads(line)["finding"] for line in alerts.read_text().splitlines()] if alerts.exists() else []
    return [
        Finding(
            row["code"],
            row["name"],
            Severity(row["severity"]),
            row["rung"],
            row["message"],
            where=tuple(Place(**w) for w in row["where"]),
            module=row["module"],
            seen=tuple(Measurement(**m) for m in row["seen"]),
        )
        for row in found
    ]


def rung_of(rule: Rule) -> int:
    """Return how far a rule's plants are climbed: to its own rung, and to the one batch at least."""
    return max(rule.rung, 3)


def remarks(report: Report) -> list[str]:
    """Return the rules of all findings, notes included."""
    return [f.name for f in report.findings]


def names(report: Report) -> list[str]:
    """Return the rules of the report's errors and warnings, the cause first."""
    return [f.name for f in report.findings if f.severity.value != "note"]
