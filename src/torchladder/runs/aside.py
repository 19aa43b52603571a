"""The layers of a watched run, gathered by a process of their own so that the training does not wait for git."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torchladder.core.errors import UsageError
from torchladder.runs.command import masked
from torchladder.runs.layout import PROCESS

DRAWN = 2**32  # seeds from here on are taken for drawn: torch draws 64 bits, people write small numbers
INSTALLED = re.compile(r"[\\/](site|dist)-packages[\\/]|^" + re.escape(str(Path(os.__file__).parent)) + r"[\\/]")
PROGRAMS = {".py", ".ipynb"}


def gather_aside(folder: Path, data: Sequence[Path] = ()) -> None:
    """Have the layers of the run in ``folder`` written soon, of which this process is the beginning.

    Args:
        folder: Of the run.
        data: Files and folders to take a fingerprint of.

    Raises:
        OSError: If no process can be started.
    """
    if not sys.executable:
        msg = "it is not known where Python is"
        raise OSError(msg)
    paths = json.dumps([str(path) for path in data])
    words = [sys.executable, "-P", "-m", __name__, str(folder), paths, *masked(again(sys.argv, sys.orig_argv))]
    if os.name == "posix":  # a shell between lets it be nobody's child: the program may wait for its own
        words = ["/bin/sh", "-c", '"$@" &', "sh", *words]
    nothing = subprocess.DEVNULL
    started = subprocess.Popen(words, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
    if os.name == "posix":
        started.wait()


def note_process(folder: Path, parameters: str | None) -> None:
    """Write what only the process itself knows, at its end: torch's settings, the seed, which sources it loaded.

    Args:
        folder: Of the run.
        parameters: Checksum of the parameters at the end, None if nobody took it.

    Raises:
        OSError: If it cannot be written.
    """
    from torchladder.runs.environment import torch_state
    from torchladder.runs.lines import plain

    row: dict[str, Any] = {
        "torch": torch_state(),
        "seed": seed_seen(),
        "parameters": parameters,
        "sources": loaded_sources(),
    }
    (folder / PROCESS).write_text(json.dumps(plain(row), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def loaded_sources() -> list[str]:
    """Return the files of the modules that this process has loaded, without what is installed."""
    found = {str(Path(sys.argv[0]).resolve())}
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__dict__", {}).get("__file__")  # a lazy module would load itself when asked
        is_ours = name.partition(".")[0] == "torchladder"
        if isinstance(file, str) and not is_ours and not INSTALLED.search(file):
            found.add(str(Path(file).resolve()))
    return sorted(found)


def seed_seen() -> int | None:
    """Return what torch was last seeded with; None if it drew its seed itself, as it does where nobody gives one."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "initial_seed"):
        return None
    seed = int(torch.initial_seed())
    return seed if seed < DRAWN else None


def again(argv: Sequence[str], orig_argv: Sequence[str]) -> list[str]:
    """Return the kind of a watched run, and the words that make it again: behind ``torchladder``, or behind Python."""
    if Path(argv[0]).stem == "torchladder" or Path(argv[0]).parts[-2:] == ("torchladder", "__main__.py"):
        return ["watch", *argv[1:]]
    return ["script", *orig_argv[1:]]


def options_of(words: Sequence[str]) -> dict[str, Any]:
    """Return what a program is configured with: ``--lr 0.1``, ``--lr=0.1``, ``lr=0.1``, ``--amp``; others by place."""
    made: dict[str, Any] = {}
    name, place = "", 0
    for word in words:
        key, equals, value = word.partition("=")
        is_option = key.startswith("-") and not _is_number(key)
        if name and not is_option:
            made[name], name = word, ""
        elif equals and key.lstrip("-"):
            made[key.lstrip("-")], name = value, ""
        elif is_option:
            name = key.lstrip("-")
            made[name] = True
        else:
            place += 1
            made[f"argument {place}"] = word
    return made


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def main() -> None:
    """Gather the layers of a run: FOLDER DATA KIND COMMAND..., the paths of the data as JSON."""
    from torchladder.runs.fingerprint import fingerprint
    from torchladder.runs.provenance import gather  # it is slow to load, and the training waits for this file

    folder, kind, command = Path(sys.argv[1]), sys.argv[3], sys.argv[4:]
    paths = [Path(path) for path in json.loads(sys.argv[2])]
    if hasattr(os, "nice"):
        os.nice(10)
    cwd = Path.cwd()
    place = next((i for i, word in enumerate(command) if _is_program(cwd / word)), None)
    sources = cwd if place is None or (cwd / command[place]).is_relative_to(cwd) else (cwd / command[place]).parent
    # A module has no file to find: then torchladder's own words are among the configuration too.
    config = options_of(command) if place is None else {"program": command[place], **options_of(command[place + 1 :])}
    seed = config.get("seed")
    told = int(seed) if isinstance(seed, str) and seed.isdecimal() else None
    data: dict[str, Any] = {}
    try:
        data = fingerprint(paths) if paths else {}
    except UsageError as error:  # it was there when the run began
        data = {"not read": str(error)}
    gather(kind, config=config, data=data, seed=told, command=command, cwd=cwd, sources=sources).write(folder)


def _is_program(path: Path) -> bool:
    return path.suffix in PROGRAMS and path.is_file()


if __name__ == "__main__":
    main()
