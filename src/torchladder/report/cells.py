"""The lines of cells: of a notebook file on disk, or of the notebook this process runs in."""

import json
import re
import sys
from pathlib import Path
from typing import Any

MAX_NOTEBOOK_BYTES = 50_000_000  # outputs with pictures make notebooks large
_OF_FILE = re.compile(r"(?P<file>.+\.ipynb) cell (?P<number>\d+)")
_TYPED = re.compile(r"In\[(?P<number>\d+)\]")


def cell_lines(path: str) -> list[str] | None:
    """Return the lines of ``name.ipynb cell 3`` or ``In[3]`` as they were written, None for anything else."""
    if match := _OF_FILE.fullmatch(path):
        return _of_file(Path(match["file"]), int(match["number"]))
    if match := _TYPED.fullmatch(path):
        return _typed(int(match["number"]))
    return None


def _of_file(file: Path, number: int) -> list[str] | None:
    try:
        if not file.is_file() or file.stat().st_size > MAX_NOTEBOOK_BYTES:
            return None
        document: Any = json.loads(file.read_text(encoding="utf-8"))
        sources = [c["source"] for c in document["cells"] if c["cell_type"] == "code"]
        source = sources[number - 1]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    return (source if isinstance(source, str) else "".join(source)).splitlines()


def _typed(number: int) -> list[str] | None:
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    typed = getattr(shell, "user_ns", {}).get("In", [])
    return str(typed[number]).splitlines() if number < len(typed) else None
