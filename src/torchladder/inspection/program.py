"""The data of a training program: the program runs to its first steps, and hands over the sets that it built."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.core.errors import InternalError, ProgramError, UsageError
from torchladder.core.facts import Facts
from torchladder.ladder.subject import FREE_SECONDS, Subject, program_of
from torchladder.runner.target import resolve
from torchladder.sets.arrays import in_memory
from torchladder.sets.roles import ROLES
from torchladder.sets.source import Columns, Source

LOOK_SECONDS = 30.0  # for the program to train a little and evaluate once
READ_SECONDS = 120.0  # for its data sets to be read


def sides_of_program(
    words: Sequence[str], asked: Columns, progress: Callable[[str], None] = lambda _: None
) -> tuple[list[tuple[str, Source]], str, Facts]:
    """Return the sides that a program trains on and evaluates with, its name, and what else it showed.

    Args:
        words: The program and its arguments.
        asked: Columns that the user named; a program's sets have none.
        progress: Called with a short sentence whenever something new begins.

    Raises:
        UsageError: If a column was named, or the program used no data that could be seen.
        ProgramError: If the program failed before it used any.
    """
    if any(getattr(asked, role) is not None for role in ROLES):
        msg = "--label, --group, --time, --text and --predictions name columns; the sets of a program have none"
        raise UsageError(msg)
    target = resolve(words[0], words[1:])
    with Subject(target, LOOK_SECONDS + READ_SECONDS, progress) as subject:
        plan = {"free_seconds": FREE_SECONDS, "stop_seconds": LOOK_SECONDS}
        facts, payload = subject.observed("hand_over", {"plan": plan}, LOOK_SECONDS + READ_SECONDS)
        sides = [_source(row, words[0]) for row in payload.get("sides") or ()]
    if not sides:
        raise _nothing(facts, words[0])
    return sides, " ".join(words), facts


def _source(row: dict[str, Any], program: str) -> tuple[str, Source]:
    with np.load(row["path"]) as arrays:
        x, y = arrays["x"], arrays.get("y")
    told = ["as the data set gives them, after its transforms" if row["stored"] else "as they entered the model"]
    total = row["total"]
    if not row["complete"]:
        told.append(
            f"{len(x):,} of {total:,} were read" if total else f"{len(x):,} were seen; the program may have more"
        )
    place = row["place"] or Path(program).name
    role = "held-out" if row["held"] else "train"
    name = f"{'held out' if row['held'] else 'training'}, {place}"
    return role, in_memory(name, x, y, ("; ".join(told),), whole=bool(row["complete"]))


def _nothing(facts: Facts, name: str) -> Exception:
    program = program_of(facts)
    if program.error is not None:
        return ProgramError(f"{name} failed before its data was seen: {program.error.type}: {program.error.message}")
    if not program.training and facts.failures:
        return InternalError(f"the data of {name} could not be read: {next(iter(facts.failures.values()))}")
    return UsageError(f"{name} trained on nothing that could be seen in {LOOK_SECONDS:.0f} seconds")
