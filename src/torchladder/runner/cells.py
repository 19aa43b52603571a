"""The cells of the notebook this process runs in: IPython compiles each under a file name of its own."""

import os
import sys
from typing import Any


def is_cell(filename: str) -> bool:
    """Tell whether this is the name IPython gave to code typed into it."""
    return filename.startswith("<ipython-input-") or f"{os.sep}ipykernel_" in filename


def shown_name(filename: str) -> str | None:
    """Return ``In[3]`` for a cell's file name, None for any other file."""
    if not is_cell(filename) or "IPython" not in sys.modules:
        return None
    shell: Any = sys.modules["IPython"].get_ipython()
    name = getattr(getattr(shell, "compile", None), "format_code_name", None)
    found = name(filename) if name is not None else None
    return str(found[1]) if found else None
