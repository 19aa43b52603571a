"""The five layers that say what a run was: its code, its configuration, its data, its seed, its environment."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchladder.core.jsonable import from_json
from torchladder.runs.code_state import CodeState, code_state
from torchladder.runs.command import masked, masked_tree
from torchladder.runs.environment import Environment, environment
from torchladder.runs.layout import DIFF, PROCESS, PROVENANCE
from torchladder.runs.lines import plain

SCHEMA = 1
REPRODUCES = "TORCHLADDER_REPRODUCES"  # the run of which the process is told to be a second try


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a run was made of.

    Attributes:
        kind: The verb that made it, "watch" or "train"; "script" for one that was watched from within.
        command: The words after ``torchladder`` that make it again, of a script those after ``python``; secrets are
            masked; ``CONFIG`` stands for a file with the configuration.
        config: As given, defaults included; of a watched script its command line alone is known.
        data: Fingerprints by name; nothing if nobody gave any.
        seed: None if it is not known.
        reproduces: The run of which this one is a second try.
        diff: What the code has over its commit; kept in a file of its own.
    """

    kind: str
    command: tuple[str, ...]
    cwd: str
    config: dict[str, Any]
    data: dict[str, Any]
    seed: int | None
    code: CodeState
    environment: Environment
    reproduces: str | None = None
    diff: str = field(default="", compare=False)

    def write(self, folder: Path) -> None:
        """Write the layers into the folder of the run.

        Raises:
            OSError: If they cannot be written.
        """
        row = {"schema": SCHEMA, **plain(dataclasses.replace(self, diff=""))}
        del row["diff"]
        draft = folder / f".{PROVENANCE}.{os.getpid()}.tmp"
        draft.write_text(json.dumps(row, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        draft.replace(folder / PROVENANCE)
        if self.diff:
            (folder / DIFF).write_text(self.diff, encoding="utf-8", errors="surrogateescape", newline="")


def gather(
    kind: str,
    *,
    config: Mapping[str, Any],
    data: Mapping[str, Any],
    seed: int | None,
    command: Sequence[str],
    cwd: Path,
    sources: Path | None = None,
) -> Provenance:
    """Look at the code, the machine and the environment, and return all layers.

    Args:
        kind: The verb that makes the run.
        config: Everything that was configured.
        data: Fingerprints by name.
        seed: None if it is not known.
        command: The words after ``torchladder``.
        cwd: Where the program runs.
        sources: Where the program's code is; the working folder if not given.
    """
    code, diff = code_state(sources or cwd)
    return Provenance(
        kind=kind,
        command=masked(command),
        cwd=str(cwd),
        config=masked_tree(plain(config)),
        data=plain(data),
        seed=seed,
        code=code,
        environment=environment(),
        reproduces=os.environ.get(REPRODUCES),
        diff=diff,
    )


def provenance_of(folder: Path) -> Provenance | None:
    """Return the layers of a run, None if it has none that can be read."""
    try:
        made: Provenance = from_json(Provenance, json.loads((folder / PROVENANCE).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    told = process_of(folder)
    seed = made.seed if made.seed is not None else told.get("seed")
    settings = made.environment.torch or told.get("torch") or {}
    return dataclasses.replace(
        made,
        seed=seed,
        code=made.code.only(told.get("sources") or [], configured=made.kind == "train"),
        environment=dataclasses.replace(made.environment, torch=settings),
    )


def process_of(folder: Path) -> dict[str, Any]:
    """Return what a watched process noted of itself at its end; nothing if it came to none."""
    try:
        row = json.loads((folder / PROCESS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return row if isinstance(row, dict) else {}
