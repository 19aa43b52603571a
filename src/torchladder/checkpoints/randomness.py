"""The random numbers of a program: seeded in one call, captured for a checkpoint, put back from one."""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from torchladder.core.errors import UsageError

SEED_END = 2**32  # NumPy's generator takes no larger seed


@dataclass(frozen=True, slots=True)
class Seeds:
    """What a loader needs beside the seeded generators.

    ``DataLoader(..., worker_init_fn=seeds.worker_init_fn, generator=seeds.generator())``

    Attributes:
        seed: What everything was seeded with.
        notes: What could not be made deterministic any more, one sentence each.
    """

    seed: int
    notes: tuple[str, ...] = ()

    def generator(self) -> torch.Generator:
        """Return a fresh generator with the seed: the order of batches then depends on nothing drawn elsewhere."""
        return torch.Generator().manual_seed(self.seed)

    @staticmethod
    def worker_init_fn(worker: int) -> None:
        """Seed Python and NumPy in a worker of a loader from the seed that torch gave it."""
        del worker
        seed = torch.initial_seed() % SEED_END
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the generator that programs use unasked


def seed_everything(seed: Any, *, deterministic: bool = False) -> Seeds:
    """Seed Python, NumPy and torch on every device; on wish, have torch refuse what is not deterministic.

    Args:
        seed: From 0 to 4,294,967,295.
        deterministic: Use deterministic algorithms only (an operation that has none raises), and let cuDNN not choose
            by timing. Costs speed on a GPU.

    Returns:
        What loaders need: a generator and a function for their workers.

    Raises:
        UsageError: If the seed is not a whole number in range.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEED_END:
        msg = f"seed must be a whole number from 0 to {SEED_END - 1:,}, not {seed!r}"
        raise UsageError(msg)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the generator that programs use unasked
    torch.manual_seed(seed)  # every device, also one that is not in use yet
    return Seeds(seed, _be_deterministic() if deterministic else ())


def _be_deterministic() -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if "CUBLAS_WORKSPACE_CONFIG" not in os.environ:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            notes = ("CUDA was in use before seed_everything: cuBLAS may stay nondeterministic; call it first",)
    torch.use_deterministic_algorithms(mode=True)
    torch.backends.cudnn.benchmark = False
    return notes


def capture(generators: Mapping[str, torch.Generator] | None = None) -> dict[str, Any]:
    """Return the state of Python's, NumPy's and torch's generators as a tree that a checkpoint may hold.

    Args:
        generators: Generators of the program's own, by name.
    """
    version, words, spare = random.getstate()
    numpy: dict[str, Any] = np.random.get_state(legacy=False)  # noqa: NPY002
    state: dict[str, Any] = {
        "python": [version, list(words), spare],
        "numpy": {
            "words": torch.from_numpy(numpy["state"]["key"].astype(np.int64)),
            "place": int(numpy["state"]["pos"]),
            "has_spare": int(numpy["has_gauss"]),
            "spare": float(numpy["gauss"]),
        },
        "torch": torch.get_rng_state(),
        "generators": {name: generator.get_state() for name, generator in (generators or {}).items()},
    }
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        state["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore(state: Mapping[str, Any], generators: Mapping[str, torch.Generator] | None = None) -> list[str]:
    """Put back what ``capture`` returned.

    Returns:
        A sentence for each device whose generators could not be put back.

    Raises:
        UsageError: If a generator of the program's own was not captured.
    """
    version, words, spare = state["python"]
    random.setstate((version, tuple(words), spare))
    numpy = state["numpy"]
    key = numpy["words"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", key, numpy["place"], numpy["has_spare"], numpy["spare"]))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    for name, generator in (generators or {}).items():
        if name not in state["generators"]:
            msg = f"the checkpoint has no state of the generator {name!r}; it was written by a program without it"
            raise UsageError(msg)
        generator.set_state(state["generators"][name])
    return _restore_devices(state)


def _restore_devices(state: Mapping[str, Any]) -> list[str]:
    notes = []
    if "cuda" in state:
        there = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if there < len(state["cuda"]):
            notes.append(f"the checkpoint has generators of {len(state['cuda'])} GPUs, and there are {there} here")
        for number, one in enumerate(state["cuda"][:there]):
            torch.cuda.set_rng_state(one, number)
    if "mps" in state:
        if torch.backends.mps.is_available():
            torch.mps.set_rng_state(state["mps"])
        else:
            notes.append("the checkpoint has a generator of an Apple GPU, and there is none here")
    return notes
