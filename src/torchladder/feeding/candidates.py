"""Which settings are tried, in the order of their promise."""

from typing import Any

from torch.utils.data import DataLoader

from torchladder.feeding.settings import PREFETCH, WHOLE, can_be_batched, own

SHORT = 10.0  # seconds of a pass within which the start of its workers may matter
DEEPER = 4  # batches that each worker prepares ahead, where torch's own number is 2
Options = dict[str, Any]


def numbers(cores: int) -> list[int]:
    """Return the numbers of workers worth a try: doubled from 1, and all cores."""
    found = [0]
    n = 1
    while n < cores:
        found.append(n)
        n *= 2
    return [*found, cores]


def singles(loader: DataLoader[Any], cores: int, seconds: float | None, *, gpu: bool) -> list[Options]:
    """Return what is tried first, each a change of the present settings.

    Args:
        loader: The loader.
        cores: That its workers may use.
        seconds: Of one pass, None where it has no end or that is not known.
        gpu: Whether there is one to copy to.
    """
    now = own(loader)
    short = seconds is not None and seconds < SHORT
    found: list[Options] = []
    if can_be_batched(loader):
        found.append({WHOLE: True})
    if short and now["num_workers"] and not now["persistent_workers"]:
        found.append({"persistent_workers": True})
    counts = [n for n in numbers(cores) if n != now["num_workers"]]
    for n in sorted(counts, key=lambda n: abs(n - cores)):
        found.append({"num_workers": n})
        if short and n and not now["num_workers"]:
            found.append({"num_workers": n, "persistent_workers": True})
    if now["num_workers"] and (now["prefetch_factor"] or PREFETCH) < DEEPER:
        found.append({"prefetch_factor": DEEPER})
    if gpu and not now["pin_memory"]:
        found.append({"pin_memory": True})
    return found


def further(loader: DataLoader[Any], best: Options, seconds: float | None, *, gpu: bool) -> list[Options]:
    """Return what is tried on top of the best single change."""
    then = {**own(loader), **best}
    found: list[Options] = []
    if then["num_workers"]:
        if seconds is not None and seconds < SHORT and not then["persistent_workers"]:
            found.append({**best, "persistent_workers": True})
        if (then["prefetch_factor"] or PREFETCH) < DEEPER:
            found.append({**best, "prefetch_factor": DEEPER})
    if gpu and not then["pin_memory"]:
        found.append({**best, "pin_memory": True})
    return found
