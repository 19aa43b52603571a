"""What happens at every step, on as short a path as there is; at few steps the eye is asked to look closely.

Between the operations of a small network nothing of ours stays in the processor's caches: forty short functions a step
cost a tenth of a millisecond there. So a resting beat notes loss, rate and batch, and the eye takes the notes in many
at a time. It is woken when something is due, when a quarter of a second is over, and at the first NaN or Inf.
"""

from collections.abc import Callable
from threading import get_ident
from time import perf_counter
from typing import Any, Protocol

import torch

from torchladder.monitor.feeding import Feeding
from torchladder.monitor.growth import Growth
from torchladder.monitor.hand import Hand
from torchladder.monitor.schedule import Schedule
from torchladder.runner.place import user_place
from torchladder.runs.ring import HAS_LOSS, KNOWN_MODE, NOTE, SIZE, SLOTS, TRAINING, Ring

STEPS = 256  # at rest, at most; fewer than the slots of a run's ring
SECONDS = 0.25  # at rest, at most: steps that are slower than this are all taken in at once


class Eye(Protocol):
    """Who looks closely. Doors of the taps that it shares are called by the beat at steps that do not rest."""

    def defect(self, name: str, error: BaseException) -> None:
        """Switch off after a failure of ours."""

    def wake(self) -> None:
        """Take in what was noted at rest: something has to be looked at now."""

    def before_backward(self, tensors: Any, value: float | None) -> None:
        """A backward pass begins; ``value`` is the loss if it is known."""

    def after_backward(self) -> None:
        """It has ended."""

    def before_step(self, optimizer: Any) -> None:
        """An optimizer is about to step."""

    def stranger(self, optimizer: Any) -> None:
        """An optimizer has stepped for the first time, while nobody looked."""

    def after_step(self, optimizer: Any) -> None:
        """It has stepped, and the step is noted."""

    def opened(self, loader: Any) -> None:
        """A pass over a loader begins."""

    def served(self, loader: Any, batch: Any) -> None:
        """A batch has come."""

    def unanswered(self) -> None:
        """A batch has come, and the one before led to no backward pass."""

    def mode(self, module: Any, *, training: bool) -> None:
        """``train()`` or ``eval()`` was called on a module."""


class Beat:
    """Listens at the taps, and notes steps in a ring; ``sentinels`` are looked at after each backward pass."""

    def __init__(self, eye: Eye, schedule: Schedule, hand: Hand) -> None:
        self.eye, self.schedule, self.hand = eye, schedule, hand
        self.thread = 0  # whose doors are heard, once it has begun
        self.attend: Callable[[bool], None] = lambda _: None  # opens or shuts the door before an optimizer's step
        self.resting = False
        self.ring = Ring()
        self.notes = self.ring.notes
        self.ended = 0.0  # when the last step did
        self.device_losses: list[tuple[int, torch.Tensor]] = []  # by step, still on their device
        self.growth, self.feeding = Growth(), Feeding()
        self.waited = 0.0  # seconds for batches, in the steps that are noted
        self.sentinels: list[torch.Tensor] = []
        self.phases: dict[int, tuple[int, Any]] = {}  # by optimizer: its number, and the module whose mode is noted
        self._losses: list[float] = []
        self._on_device: list[torch.Tensor] = []
        self._until = 0.0
        self._until_time = 0.0

    def begin(self, ring: Ring) -> None:
        """Hear what happens in this thread; a thread of a loader or a forked worker is not watched."""
        self.thread, self.ring, self.notes = get_ident(), ring, ring.notes

    def stop(self) -> None:
        """Hear nothing more."""
        self.thread = 0

    def rest(self, until: float) -> None:
        """Let nobody look before step ``until``."""
        self._until = min(until, self.hand.step + STEPS)
        self._until_time = perf_counter() + SECONDS
        if self._until > self.hand.step + 1:
            self.resting = True
            self.attend(False)

    def awake(self) -> None:
        """Have every step looked at."""
        self.resting = False
        self.attend(True)

    # --- the doors ----------------------------------------------------------------------------

    def before_backward(self, tensors: Any) -> None:
        """Keep the scalar that is differentiated."""
        if get_ident() != self.thread:
            return
        began = perf_counter()
        value: Any = None
        hand = self.hand
        try:
            if isinstance(tensors, torch.Tensor):
                if tensors.numel() == 1:
                    if tensors.is_cpu:
                        value = tensors.item()
                        self._losses.append(value)
                    else:
                        self._on_device.append(tensors.detach().clone())
                hand.loss = tensors
                if hand.step >= self.growth.due:
                    self.growth.before_backward(tensors, hand.step)
            hand.passed, hand.trains, hand.looked = None, hand.served, False
        except Exception as error:
            self.eye.defect("backward", error)
            return
        self.schedule.spent += perf_counter() - began
        if not self.resting:
            self.eye.before_backward(tensors, value)
        elif value is not None and value - value != 0:
            self.eye.wake()
            self.eye.before_backward(tensors, value)

    def after_backward(self) -> None:
        """Look whether the gradients nearest the input are numbers; NaN is not equal to itself."""
        if get_ident() != self.thread:
            return
        began = perf_counter()
        clean = True
        try:
            for p in self.sentinels:
                grad = p.grad
                if grad is not None and not torch.equal(grad, grad):
                    clean = False
                    break
            else:
                self.hand.looked = True
        except Exception as error:
            self.eye.defect("backward", error)
            return
        self.schedule.spent += perf_counter() - began
        if not clean:
            self.eye.wake()
            self.eye.after_backward()

    def before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """Look at a step before it is made; shut at rest."""
        del args, kwargs
        if get_ident() != self.thread:
            return
        self.hand.optimizer = optimizer
        self.eye.before_step(optimizer)

    def after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:  # noqa: C901 - a call more is a cache missed
        """Note the step, and let go of its graph."""
        del args, kwargs
        if get_ident() != self.thread:
            return
        now = perf_counter()
        hand = self.hand
        if id(optimizer) not in self.phases:
            self.eye.stranger(optimizer)
        try:
            number, module = self.phases[id(optimizer)]
            groups = optimizer.param_groups
            rate = groups[0]["lr"] if len(groups) == 1 else None
            if type(rate) is not float:
                rate = rate_of(groups)
            loss, flags = 0.0, 0
            if self._losses:
                loss, flags = self._losses[0] if len(self._losses) == 1 else sum(self._losses), HAS_LOSS
                self._losses.clear()
            elif self._on_device:
                self.device_losses.append((hand.step, torch.stack(self._on_device).sum()))
                self._on_device = []
            if module is not None:
                flags |= KNOWN_MODE | TRAINING if module.training else KNOWN_MODE
            step = hand.step
            NOTE(self.notes, (step & (SLOTS - 1)) * SIZE, rate, loss, number, flags, step)
            self.ended = now
            feeding = self.feeding
            if feeding.meals:
                feeding.ends.append(now)
            if hand.served is not None:
                hand.trained.add(hand.served)
            hand.step = step = step + 1
            hand.optimizer, hand.loss = optimizer, None
            if hand.draws and not hand.has_loader:
                hand.state = torch.default_generator.get_state()
            if step >= self.growth.due:
                self.growth.after_step(step)
            if feeding.device == "cuda":
                feeding.queued()
        except Exception as error:
            self.eye.defect("optimizer", error)
            return
        self.schedule.spent += perf_counter() - now
        if not self.resting or step >= self._until or now >= self._until_time:
            self.eye.after_step(optimizer)

    def opened(self, loader: Any) -> None:
        """A pass over a loader begins."""
        if get_ident() != self.thread:
            return
        try:
            self.feeding.opened(loader, lambda: user_place(3), perf_counter())
        except Exception as error:
            self.eye.defect("loader", error)
            return
        self.eye.opened(loader)

    def served(self, loader: Any, batch: Any, seconds: float) -> None:
        """Keep the batch."""
        if get_ident() != self.thread:
            return
        began = perf_counter()
        hand, key = self.hand, id(loader)
        skipped = hand.passed == key and torch.is_grad_enabled()  # its last batch led to no backward pass
        if skipped:
            self.eye.unanswered()
        try:
            hand.served = key
            hand.passed = key if key == hand.trains else None
            hand.batches[key] = batch
            if hand.draws:
                hand.state = torch.default_generator.get_state()
            self.waited += seconds
            self.feeding.served(loader, seconds, began)
        except Exception as error:
            self.eye.defect("loader", error)
            return
        self.schedule.spent += perf_counter() - began
        if not self.resting:
            self.eye.served(loader, batch)

    def mode(self, module: Any, *, training: bool) -> None:
        """A module goes into evaluation, or back to training."""
        if get_ident() != self.thread:
            return
        if self.resting:
            self.eye.wake()
        self.eye.mode(module, training=training)


def rate_of(groups: list[dict[str, Any]]) -> float:
    """Return the highest learning rate; rates that are tensors are not read, as that may wait for a device."""
    return max((float(g["lr"]) for g in groups if isinstance(g["lr"], float | int)), default=0.0)
