"""What this process may use of the machine."""

import os


def cores() -> int:
    """Return how many cores are there for this process, of those that train on this machine together."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    together = os.environ.get("LOCAL_WORLD_SIZE", "1")
    return max(usable // max(int(together) if together.isdigit() else 1, 1), 1)
