"""Plants and near misses climbed for real; each is climbed once a session, however many tests ask."""

import functools
import os
import tempfile
from pathlib import Path

from torchladder.core.report import Report
from torchladder.ladder.climb import climb
from torchladder.rules.registry import Plant, Rule
from torchladder.runner.target import resolve

SPECIMENS = Path(__file__).parents[2] / "src/torchladder/specimens"
BUDGET_S = 60.0


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


def rung_of(rule: Rule) -> int:
    """Return how far a rule's plants are climbed: to its own rung, and to the one batch at least."""
    return max(rule.rung, 3)


def remarks(report: Report) -> list[str]:
    """Return the rules of all findings, notes included."""
    return [f.name for f in report.findings]


def names(report: Report) -> list[str]:
    """Return the rules of the report's errors and warnings, the cause first."""
    return [f.name for f in report.findings if f.severity.value != "note"]
