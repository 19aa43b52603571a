"""The environment of a run: versions, machine, settings of torch and an allow-list of variables; never a secret."""

import contextlib
import importlib.metadata
import os
import platform
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Variables that change what is computed or on what; no other one is read into a record.
VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING", "CUDA_VISIBLE_DEVICES", "LOCAL_RANK",
    "MKL_CBWR", "MKL_NUM_THREADS", "NCCL_ALGO", "NCCL_PROTO", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS",
    "PYTHONHASHSEED", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ENABLE_MPS_FALLBACK", "RANK",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "WORLD_SIZE",
)  # fmt: skip
# Of those, the ones a second run is given too: the others belong to the place it runs in.
COMPUTING = (
    "CUBLAS_WORKSPACE_CONFIG", "MKL_CBWR", "MKL_NUM_THREADS", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS",
    "PYTHONHASHSEED", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a run ran.

    Attributes:
        packages: Version of every installed distribution, by its normalised name.
        torch: Threads, precision, determinism and devices as torch had them; nothing if it was not loaded.
        variables: Those of the allow-list that are set.
    """

    python: str
    platform: str
    machine: str
    cpus: int
    memory: int | None
    packages: dict[str, str]
    variables: dict[str, str]
    torch: dict[str, Any] = field(default_factory=dict)


def environment() -> Environment:
    """Return the environment of this process."""
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        machine=_processor(),
        cpus=cpus_here(),
        memory=_memory(),
        packages=_packages(),
        variables={name: os.environ[name] for name in VARIABLES if name in os.environ},
        torch=torch_state(),
    )


def torch_state() -> dict[str, Any]:
    """Return the settings of torch that change what it computes; nothing if the program has not loaded it."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):
        return {}
    state = {
        "threads": torch.get_num_threads(),
        "interop threads": torch.get_num_interop_threads(),
        "default dtype": str(torch.get_default_dtype()),
        "float32 matmul precision": torch.get_float32_matmul_precision(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "cuDNN benchmark": torch.backends.cudnn.benchmark,
        "CPU capability": torch.backends.cpu.get_cpu_capability(),
        "CUDA": torch.version.cuda,
    }
    if torch.cuda.is_initialized():  # asking would set it up, in a program that may not use it
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        state |= {"GPUs": names, "cuDNN": torch.backends.cudnn.version(), "driver": _driver()}
    return state


def _packages() -> dict[str, str]:
    found: dict[str, str] = {}
    for one in importlib.metadata.distributions():
        with contextlib.suppress(TypeError, KeyError, AttributeError):  # a broken installation has no metadata
            found.setdefault(re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(), one.version)
    return dict(sorted(found.items()))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _driver() -> str | None:
    try:
        return Path("/proc/driver/nvidia/version").read_text(encoding="utf-8").split("Module")[1].split()[0]
    except (OSError, IndexError):
        return None


def cpus_here() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
