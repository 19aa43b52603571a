"""The parts of a training made from a recipe and its data: model, loss, optimizer, schedule, order, mixer."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from torchladder.core.errors import LadderError, ProgramError, UsageError
from torchladder.training.groups import freeze, optimizer
from torchladder.training.losses import criterion
from torchladder.training.mixing import Mixer
from torchladder.training.models import Made, made
from torchladder.training.order import Order
from torchladder.training.recipe import Recipe
from torchladder.training.schedule import Schedule, schedule
from torchladder.training.sets_ready import Ready

TRIED = 2  # samples of the first forward pass


@dataclass
class Parts:
    """What the loop trains with.

    Attributes:
        frozen: Parts of the model that stay in evaluation mode.
        mixer: Of training batches; None mixes nothing.
        work: Multiply-adds of a sample's forward pass, of products of matrices and convolutions; 0 if not known.
    """

    model: Made
    loss: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    order: Order
    frozen: list[nn.Module]
    mixer: Mixer | None
    outputs: tuple[int, ...]
    work: int = 0

    @property
    def bytes(self) -> int:
        """What the model's weights and buffers take."""
        module = self.model.module
        return sum(t.numel() * t.element_size() for t in (*module.parameters(), *module.buffers()))

    @property
    def parameters(self) -> int:
        """Numbers of the model."""
        return sum(p.numel() for p in self.model.module.parameters())

    @property
    def trainable(self) -> int:
        """Numbers that learn."""
        return sum(p.numel() for p in self.model.module.parameters() if p.requires_grad)


def parts_of(recipe: Recipe, ready: Ready) -> Parts:
    """Return the parts of a recipe; draws the model's first weights from torch's generator.

    Raises:
        UsageError: If the model does not fit the data.
    """
    a, t = recipe.augment, recipe.training
    mixer = Mixer(a, ready.targets.outputs if ready.targets.classes else 0, ready.shape.kind, recipe.seed) if (
        a.mixup or a.cutmix
    ) else None  # fmt: skip
    loss = criterion(recipe.loss, ready.counts)
    model = made(recipe, ready.shape)
    frozen = freeze(model.module, model.head) if recipe.model.freeze == "backbone" else []
    outputs, work = _outputs(model, ready)
    normalised = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.module.modules())  # noqa: SLF001
    classes = ready.train.y.numpy() if recipe.data.sampler == "balanced" else None
    if classes is not None and ready.counts is None:
        msg = "data.sampler: balanced needs labels that are classes"
        raise UsageError(msg)
    order = Order(len(ready.train), t.batch_size, t.accumulate, recipe.seed, lone=normalised, classes=classes)
    total = order.steps * t.epochs
    return Parts(
        model, loss, optimizer(model.module, recipe), schedule(recipe.optimizer, total), order, frozen, mixer, outputs,
        work,
    )  # fmt: skip


def _outputs(model: Made, ready: Ready) -> tuple[tuple[int, ...], int]:
    """Return the shape of the outputs for two samples, and the multiply-adds of one.

    Raises:
        UsageError: If it is not one output a class.
        ProgramError: If the model fails.
    """
    module = model.module
    x, _ = ready.train.__getitems__(list(range(min(TRIED, len(ready.train)))))
    modes = {m: m.training for m in module.modules()}
    module.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            out: Any = module(x)
            work = _multiply_adds(module, x)
    except LadderError:
        raise
    except Exception as error:
        msg = f"the model {model.name} fails on inputs of shape {list(x.shape)}: {' '.join(str(error).split())[:200]}"
        raise ProgramError(msg) from error
    finally:
        for m, mode in modes.items():
            m.training = mode
    if not isinstance(out, torch.Tensor):
        msg = f"the model {model.name} returns a {type(out).__name__}, where a tensor is due"
        raise UsageError(msg)
    due = (len(x), ready.targets.outputs)
    if tuple(out.shape) != due and not (ready.targets.outputs == 1 and tuple(out.shape) == due[:1]):
        what = f"{len(ready.targets.classes)} classes" if ready.targets.classes else "one value"
        msg = (
            f"the model {model.name} gives outputs of shape {list(out.shape)} for {len(x)} samples; the data has {what}"
        )
        raise UsageError(msg)
    return tuple(out.shape), work


def _multiply_adds(module: nn.Module, x: torch.Tensor) -> int:
    """Return the multiply-adds of a sample as torch counts them, 0 if it cannot."""
    try:
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counted:
            module(x)
        return int(counted.get_total_flops()) // (2 * len(x))
    except Exception:  # the model works, and this figure is but an extra
        return 0
