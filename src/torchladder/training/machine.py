"""Where and in which precision it is computed: Accelerate's view of devices, processes and number formats."""

import contextlib
import os
from dataclasses import dataclass, field
from typing import Any

import torch

from torchladder.core.errors import UsageError
from torchladder.training.recipe import Training

ALONE = (
    "accelerate launch --cpu starts one process unless MPI starts more; two are started by "
    "accelerate launch --multi_gpu --num_processes 2, without a GPU too, or by torchrun --nproc-per-node 2"
)
OTHER = "accelerate launch asks for {asked}, and the recipe decides: training.precision is {precision}"
MISSING = "`train` needs Accelerate: pip install 'torchladder[train]'"


@dataclass
class Machine:
    """Accelerate's accelerator and what is asked of it in every step.

    Attributes:
        told: What the launcher was asked for and did not get.
    """

    accelerator: Any
    precision: str
    told: list[str] = field(default_factory=list)

    @property
    def rank(self) -> int:
        """Number of this process."""
        return int(self.accelerator.process_index)

    @property
    def world(self) -> int:
        """How many processes train."""
        return int(self.accelerator.num_processes)

    @property
    def first(self) -> bool:
        """Whether this process keeps the record and speaks."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        device: torch.device = self.accelerator.device
        return device

    def autocast(self) -> Any:
        """Return a context in which the forward pass is computed; in full precision it is nothing at all."""
        return contextlib.nullcontext() if self.precision == "fp32" else self.accelerator.autocast()

    def backward(self, loss: torch.Tensor) -> None:
        """Compute gradients; Accelerate's own way divides by one before, so it is taken where there is a scaler."""
        if self.accelerator.scaler is None:
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            self.accelerator.backward(loss)

    def gathered(self, value: Any) -> list[Any]:
        """Return the values of all processes, in their order."""
        if self.world == 1:
            return [value]
        from accelerate.utils import gather_object

        found: list[Any] = gather_object([value])
        return found

    def agree(self, module: torch.nn.Module) -> None:
        """Give every process the buffers of the first: each keeps the statistics of its own part of the batches."""
        if self.world > 1:
            for buffer in module.buffers():
                torch.distributed.broadcast(buffer, 0)


def machine(training: Training) -> Machine:
    """Return the machine of a recipe.

    Raises:
        UsageError: If Accelerate is not installed, or the device has not the precision.
    """
    try:
        from accelerate import Accelerator
    except ImportError:
        raise UsageError(MISSING) from None
    cuda = torch.cuda.is_available() and training.device != "cpu"
    precision = training.precision
    if precision == "auto":
        precision = "bf16" if cuda and torch.cuda.is_bf16_supported() else "fp32"
    if precision == "fp16" and not cuda:
        msg = "training.precision: fp16 needs a GPU, its gradients need a scaler; use bf16 or fp32 on a CPU"
        raise UsageError(msg)
    mixed = "no" if precision == "fp32" else precision
    # Without a GPU Accelerate sees several processes only if it is told to use the CPU.
    alone = training.device == "cpu" or not (torch.cuda.is_available() or torch.backends.mps.is_available())
    _forget(mixed)
    made = Machine(Accelerator(mixed_precision=mixed, cpu=alone), precision)
    made.told += _unheard(made)
    return made


def _forget(mixed: str) -> None:
    """Let an earlier training of this process have had another precision: Accelerate's state is one for a process."""
    from accelerate.state import AcceleratorState

    state = AcceleratorState._shared_state  # noqa: SLF001 - there is no other way to it
    if state and state.get("_mixed_precision") != mixed:
        AcceleratorState._reset_state()  # noqa: SLF001


def _unheard(made: Machine) -> list[str]:
    """Return what `accelerate launch` was asked for and did not do."""
    told = []
    on_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in {"true", "1"}
    if made.world == 1 and on_cpu and "MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ:
        told.append(ALONE)  # it gives an address to processes that nobody starts
    asked = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if asked not in {"no", made.precision}:
        told.append(OTHER.format(asked=asked, precision=made.precision))
    return told
