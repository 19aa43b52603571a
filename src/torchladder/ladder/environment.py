"""What the climb ran on: versions and devices, nothing that could be a secret."""

import os
import platform
from typing import Any

from torchladder.core.facts import Facts

KEPT = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG")


def environment(facts: Facts) -> dict[str, Any]:
    """Return versions, device and the few environment variables that change results."""
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "variables": {k: os.environ[k] for k in KEPT if k in os.environ},
        "packages": list(facts.program.imported) if facts.program else [],
    }
