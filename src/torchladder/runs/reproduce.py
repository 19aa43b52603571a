"""Makes a recorded run a second time, with its configuration, its seed and its command."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchladder.core.errors import ProgramError, UsageError
from torchladder.runs.code_state import changed_since
from torchladder.runs.command import CONFIG, MASK, RECIPE, told
from torchladder.runs.divergence import Divergence, first_difference
from torchladder.runs.environment import COMPUTING, cpus_here
from torchladder.runs.layer_diff import LayerDifference, layer_differences
from torchladder.runs.provenance import REPRODUCES, Provenance, provenance_of
from torchladder.runs.summary import Summary, record_of, summary_of

LAYERS_S = 15.0  # that the layers of a run which has ended may still be on their way


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A run and its second try.

    Attributes:
        status: Exit status of the second try.
        layers: What was different the second time.
    """

    first: Summary
    second: Summary
    status: int
    divergence: Divergence
    layers: tuple[LayerDifference, ...]


def reproduce(base: Path, run: Summary, *, folder: Path | None, say: Callable[[str], None]) -> Reproduction:
    """Run what made ``run`` again, as a new run beside it, and compare the two.

    Args:
        base: Of all runs.
        run: The first run.
        folder: Where to run it; where it ran if None.
        say: Is told what is known before the run begins.

    Raises:
        UsageError: If the run cannot be made again.
        ProgramError: If the second try ended without a record.
    """
    layers = _usable(base, run)
    cwd = folder or Path(layers.cwd)
    if not cwd.is_dir():
        ran = f"--in {cwd}" if folder is not None else f"{run.id} ran in {cwd}, which"
        msg = f"{ran} is no folder here; say where to run it: --in FOLDER"
        raise UsageError(msg)
    say(f"making {run.id} again: {shlex.join(told(layers.command))}")
    _warn_of_code(layers, cwd, say)
    words = _words(base, run, layers)
    began = subprocess.Popen(
        words, cwd=cwd, env=_variables(layers, run.id), stdout=sys.stderr, stdin=subprocess.DEVNULL
    )
    try:
        status = began.wait()
    finally:
        if began.poll() is None:
            began.terminate()
            began.wait()
    made = _made_by(base, began.pid, run)
    if made is None:
        msg = f"the second try ended with status {status} before it recorded anything: {' '.join(words[1:])}"
        raise ProgramError(msg)
    return Reproduction(
        run,
        made,
        status,
        first_difference(base / run.id, base / made.id),
        tuple(layer_differences([layers, _layers_soon(base / made.id)])),
    )


def _usable(base: Path, run: Summary) -> Provenance:
    """Return the layers of a run that can be made again.

    Raises:
        UsageError: If it cannot.
    """
    layers = provenance_of(base / run.id)
    if layers is None:
        msg = f"{run.id} has no record of what it was made of, so it cannot be made again"
        raise UsageError(msg)
    if run.state == "running":
        msg = f"{run.id} is still running; try again when it has ended"
        raise UsageError(msg)
    if any(MASK in word for word in layers.command) or MASK in str(layers.config):
        msg = f"{run.id} was given a secret, which is not in the record; run it by hand, then: torchladder runs compare"
        raise UsageError(msg)
    program = [word for word in layers.command if not word.startswith("-")]
    if not program or "ipykernel" in " ".join(layers.command):
        msg = f"{run.id} was made in a notebook or a session, and there is no command that makes it again"
        raise UsageError(msg)
    return layers


def _words(base: Path, run: Summary, layers: Provenance) -> list[str]:
    """Return the command; a configuration is written into a fresh folder beside the first run's."""
    ours = [sys.executable, "-m", "torchladder"]
    if layers.kind == "script":
        return [sys.executable, *layers.command]
    verb, *rest = layers.command
    if layers.kind == "watch":
        return [*ours, verb, "--runs", str(base.absolute()), *rest]
    recipe = base / run.id / f"again-{RECIPE}"
    if CONFIG in layers.command:
        _write_config(recipe, layers.config)
    rest = [str(recipe.absolute()) if word == CONFIG else word for word in rest]
    return [*ours, verb, "--out", str(base.absolute()), "--no-ladder", *rest]  # the ladder changes no bit of a run


def _write_config(path: Path, config: Mapping[str, Any]) -> None:
    import yaml  # JSON would not do: YAML reads the 1e-05 of JSON as a word

    try:
        path.write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror or error})"
        raise UsageError(msg) from None


def _variables(layers: Provenance, first: str) -> dict[str, str]:
    """Return the environment of the second try: this one, with what changes results as it was."""
    recorded = layers.environment.variables
    kept = {name: value for name, value in os.environ.items() if name not in COMPUTING}
    kept |= {name: recorded[name] for name in COMPUTING if name in recorded}
    threads = layers.environment.torch.get("threads")
    if threads and "OMP_NUM_THREADS" not in kept and layers.environment.cpus != cpus_here():
        kept["OMP_NUM_THREADS"] = str(threads)  # sums of floats depend on their number
    return {**kept, REPRODUCES: first}


def _warn_of_code(layers: Provenance, cwd: Path, say: Callable[[str], None]) -> None:
    files = changed_since(layers.code) if str(cwd) == layers.cwd else []
    if files:
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""  # noqa: PLR2004 - a sentence holds three
        commit = f", then at commit {layers.code.commit[:10]}" if layers.code.commit else ""
        say(f"the code is not what it was{commit}: {', '.join(files[:3])}{more}; it is run as it is now")


def _made_by(base: Path, pid: int, first: Summary) -> Summary | None:
    """Return the newest run of a process, None if it made none."""
    found = []
    for folder in base.iterdir():
        row = record_of(folder) if folder.name != first.id else None
        if row is not None and row["pid"] == pid and row["started"] > first.started:
            found.append((row["started"], folder))
    return summary_of(max(found)[1]) if found else None


def _layers_soon(folder: Path) -> Provenance | None:
    """Return the layers of a run; they may be written by a process that is slower than the run was."""
    until = time.monotonic() + LAYERS_S
    while (made := provenance_of(folder)) is None and time.monotonic() < until:
        time.sleep(0.1)
    return made
