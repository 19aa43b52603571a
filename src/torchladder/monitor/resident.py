"""How much memory the run holds: on its GPU where it has one, else of the process."""

import os
from functools import cache
from pathlib import Path

import torch

STATM = Path("/proc/self/statm")


def bytes_held() -> int:
    """Return bytes held by tensors on the current CUDA device, or the resident bytes of the process; 0 if unknown."""
    if torch.cuda.is_available():
        return int(torch.cuda.memory_allocated())
    try:
        return int(STATM.read_text().split()[1]) * _page()
    except (OSError, IndexError, ValueError):
        return 0


@cache
def _page() -> int:
    return os.sysconf("SC_PAGE_SIZE")
