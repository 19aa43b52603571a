"""Climb one program and print, as JSON, the report and everything that went wrong on our side.

A process of its own for each climb: nothing that a test runner or an earlier program loaded is there.
"""

import json
import sys
from pathlib import Path
from typing import Any

from torchladder.cli.climb import exit_status
from torchladder.core.jsonable import to_json
from torchladder.ladder.climb import Ascent
from torchladder.ladder.selection import chosen
from torchladder.ladder.subject import Subject, program_of
from torchladder.runner.target import resolve

OURS = "/torchladder/"


def tracebacks(scratch: Path) -> list[str]:
    """Return the tracebacks on the experiments' stderr whose innermost frame is ours.

    The program's own errors pass through frames of ours too, and ranks lose each other when one is stopped.
    """
    texts = (file.read_text(errors="replace") for file in sorted(scratch.glob("*/stderr.txt")))
    frames = ((text, [line for line in text.splitlines() if line.startswith('  File "')]) for text in texts)
    return [text[-3000:] for text, lines in frames if "Traceback" in text and lines and OURS in lines[-1]]


def failures_of_children(scratch: Path) -> list[str]:
    """Return the failures that child processes of the program recorded."""
    records = (json.loads(file.read_text()) for file in sorted(scratch.glob("*/child-*.json")))
    return [r["failure"] for r in records if r.get("failure")]


def ascend(name: str, budget: float) -> dict[str, Any]:
    """Climb to rung 3."""
    with Subject(resolve(name, ()), budget, lambda _: None) as subject:
        ascent = Ascent(subject, chosen((), ()), 3)
        ascent.go()
        scratch = Path(subject._scratch.name) if subject._scratch else Path()
        printed, children = tracebacks(scratch), failures_of_children(scratch)
    report = ascent.report()
    program = program_of(ascent.facts)
    return {
        "report": to_json(report),
        "status": exit_status(report, "warning"),
        "failures": ascent.facts.failures,
        "children": children,
        "printed": printed,
        "program": {"state": program.state, "error": program.error.traceback if program.error else None},
        "steps": program.optimizer_steps,
        "trials": [[t.label, t.state, t.steps, t.reason] for t in ascent.facts.trials or ()],
        "asked": [a.reason for a in ascent.facts.interrogations or ()],
        "changed": list(subject.changed_files),
    }


if __name__ == "__main__":
    print(json.dumps(ascend(sys.argv[1], float(sys.argv[2]))))
