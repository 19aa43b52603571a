"""Where and in which precision it is computed: Accelerate's view of devices, processes and number formats."""

from dataclasses import dataclass
from typing import Any

import torch

from torchladder.core.errors import UsageError
from torchladder.training.recipe import Training

MISSING = "`train` needs Accelerate: pip install 'torchladder[train]'"


@dataclass
class Machine:
    """Accelerate's accelerator and what is asked of it in every step."""

    accelerator: Any
    precision: str

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

    def gathered(self, value: Any) -> list[Any]:
        """Return the values of all processes, in their order."""
        if self.world == 1:
            return [value]
        from accelerate.utils import gather_object

        found: list[Any] = gather_object([value])
        return found


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
    return Machine(Accelerator(mixed_precision=mixed, cpu=alone), precision)
