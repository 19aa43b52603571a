"""Which of several processes this is."""

import os

import torch.distributed as dist


def rank_and_world() -> tuple[int, int]:
    """Return this process's number and how many there are: from torch where they have met, else from the launcher."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    try:
        return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    except ValueError:
        return 0, 1
