"""The analysis as a report of the same kind as a climb's: one rung, its figures, one sentence."""

import platform
from typing import Any

import torchladder
from torchladder.core.report import Report, RungResult, State
from torchladder.mistakes.analysis import Analysis, whole

RUNG = 7


def report_of(
    found: Analysis, *, name: str, seconds: float, tags: dict[str, Any] | None, files: dict[str, str], following: str
) -> Report:
    """Return the report of an analysis.

    Args:
        found: What was found.
        name: What the user named.
        seconds: What it took.
        tags: The Pareto of what a person said, None for nothing.
        files: Where the page and the tags are, as "page" and "tags_file".
        following: The next command to type.
    """
    facts = {**whole(found), "tags": tags, **files}
    words = sentence(found)
    rung = RungResult(RUNG, "errors", State.PASSED, words, seconds, facts)
    return Report(
        schema=1,
        tool=torchladder.__version__,
        script=name,
        verdict="healthy",
        sentence=words,
        cause=None,
        findings=(),
        rungs=(rung,),
        environment={"python": platform.python_version(), "platform": platform.platform()},
        seconds=seconds,
        next=following,
    )


def sentence(found: Analysis) -> str:
    """Return the result in one sentence."""
    n, mistakes = len(found.predictions), int(found.predictions.wrong.sum())
    head = f"{mistakes:,} of {n:,} predictions are wrong ({mistakes / n:.1%})"
    if not mistakes:
        return f"all of {n:,} predictions are right"
    if not found.counting:
        return f"{head}; they have nothing in common that is more than chance"
    first = found.counting[0].bucket
    return f"{head}; the largest bucket: {first.name}, {first.count:,} of them"
