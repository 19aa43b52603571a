"""The loop: one plain pass after another, exact in its means, and able to go on from any step bit for bit.

A step's gradient is that of the mean loss over all of its samples, however they fall into batches (the last ones may
be smaller) and processes: each batch's losses are summed and divided by the number of samples of the whole step.
Nothing waits for the device within an epoch but a glance every ``GLANCE`` steps.
"""

import contextlib
import math
import time
from typing import Any

import torch

from torchladder.checkpoints.checksum import of_tensors
from torchladder.checkpoints.randomness import capture, restore
from torchladder.checkpoints.store import Checkpoints, NotSaved
from torchladder.core.errors import ProgramError, UsageError
from torchladder.training.averaging import Average
from torchladder.training.evaluation import evaluated
from torchladder.training.machine import Machine
from torchladder.training.measures import Measured, better, chosen_metric
from torchladder.training.order import Batches, counted
from torchladder.training.parts import Parts
from torchladder.training.place import Diverged, Listener, Place
from torchladder.training.recipe import Recipe
from torchladder.training.samples import loader
from torchladder.training.sets_ready import Ready

COMPILERS = ("torch._dynamo", "torch._inductor")
GLANCE = 32  # steps whose losses are read from the device together


class Loop:
    """One training.

    Args:
        recipe: How.
        ready: What is learnt from.
        parts: What learns.
        machine: Where.
        store: Of checkpoints; None keeps none.
        listener: Who is told.
    """

    def __init__(
        self,
        recipe: Recipe,
        ready: Ready,
        parts: Parts,
        machine: Machine,
        store: Checkpoints | None,
        listener: Listener,
    ) -> None:
        self.recipe, self.ready, self.parts, self.machine = recipe, ready, parts, machine
        self.store, self.listener = store, listener
        t = recipe.training
        self.place = Place()
        self.metric = chosen_metric(t.metric, len(ready.targets.classes), ready.counts)
        self._pictures = torch.channels_last if t.channels_last else torch.contiguous_format
        module = parts.model.module.to(machine.device)
        if t.channels_last:
            module = module.to(memory_format=torch.channels_last)
        self.bare = module
        self.average = Average(module, t.ema) if t.ema else None
        if t.compile:
            module.compile()
        self.model, prepared = machine.accelerator.prepare(module, parts.optimizer)
        # Accelerate's optimizer looks for a package in every step; it is needed for the scaler of fp16 alone.
        self.optimizer = prepared if machine.accelerator.scaler is not None else parts.optimizer
        self._learning = [p for p in module.parameters() if p.requires_grad]
        self.loss = parts.loss.to(machine.device)
        self.batches = Batches(parts.order, machine.rank, machine.world)
        pin = machine.device.type == "cuda"
        self.loader = loader(ready.train, self.batches, recipe.data.workers, pin=pin)
        self._sizes = parts.order.sizes()
        self._seen: list[tuple[int, torch.Tensor, float]] = []
        self._part = torch.zeros(())  # of the step's mean loss

    # --- the training ---------------------------------------------------------------------------

    def run(self) -> None:
        """Train to the end, or until patience is over."""
        if self.place.step == 0:
            self.save(best=False)
        while self.place.epoch < self.recipe.training.epochs and not self.is_over:
            self._epoch()

    @property
    def is_over(self) -> bool:
        """Whether the metric has not become better for too long."""
        patience = self.recipe.training.patience
        return bool(patience) and self.place.stale >= patience

    def _epoch(self) -> None:
        began = time.monotonic()
        self.steps()
        self._close(time.monotonic() - began)

    def steps(self) -> None:
        """Make the steps that are left of the epoch."""
        place = self.place
        self.batches.epoch, self.batches.start = place.epoch, place.batch
        self._train_mode()
        every = self.recipe.training.checkpoint_steps
        group, order = self.recipe.training.accumulate, self.parts.order
        for x, y in self.loader:
            i = place.batch
            members = min(order.batch, order.used - i * order.batch)
            last = (i + 1) % group == 0 or i + 1 == order.batches
            self._backward(x, y, i, members, self._sizes[i // group], last=last)
            place.batch += 1
            if last:
                self._step()
                if every and place.step % every == 0 and place.batch < order.batches:
                    self._glance()
                    self.save(best=False)
        self._glance()

    def _train_mode(self) -> None:
        self.model.train()
        for part in self.parts.frozen:
            part.eval()

    def _backward(self, x: Any, y: Any, i: int, members: int, total: int, *, last: bool) -> None:
        """Add one batch's part of the step's gradient."""
        machine = self.machine
        x, y = x.to(machine.device, non_blocking=True), y.to(machine.device, non_blocking=True)
        if x.ndim == 4:  # noqa: PLR2004 - pictures
            x = x.contiguous(memory_format=self._pictures)
        if self.parts.mixer is not None:
            x, y = self.parts.mixer(x, y, self.place.epoch, i * machine.world + machine.rank)
        wait = contextlib.nullcontext() if last else machine.accelerator.no_sync(self.model)
        with wait:
            with machine.autocast():
                losses = self.loss(self._answers(x), y)
            part = losses.sum() / total
            if not counted(members, machine.rank, machine.world):
                part = part * 0.0  # a sample that only keeps this process in step
            machine.backward(part * machine.world if machine.world > 1 else part)
        self._part = part.detach() if i % self.recipe.training.accumulate == 0 else self._part + part.detach()

    def _answers(self, x: torch.Tensor) -> torch.Tensor:
        """Return the model's outputs.

        Raises:
            ProgramError: If the model fails.
            UsageError: If it cannot be compiled.
        """
        try:
            made: torch.Tensor = self.model(x)
        except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError) as error:
            words = " ".join(str(error).split())[:300]
            if type(error).__module__.startswith(COMPILERS):
                words = words.partition(" Set TORCHDYNAMO_VERBOSE")[0]
                msg = f"training.compile: torch.compile fails on {self.parts.model.name}; set it to false ({words})"
                raise UsageError(msg) from None
            msg = f"the model {self.parts.model.name} fails in training on inputs of shape {list(x.shape)}: {words}"
            raise ProgramError(msg) from error
        return made

    def _step(self) -> None:
        """Move the weights."""
        t = self.recipe.training
        rate = self.parts.schedule.set(self.optimizer, self.place.step)
        if t.clip:
            if self.machine.accelerator.scaler is not None:
                self.machine.accelerator.unscale_gradients(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self._learning, t.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average is not None:
            self.average.update()
        self._seen.append((self.place.step, self._part, rate))
        self.place.step += 1
        if len(self._seen) >= GLANCE:
            self._glance()

    def _glance(self) -> None:
        """Read the losses of the latest steps from the device, and tell them.

        Raises:
            UsageError: If the loss is no number any more.
        """
        if not self._seen:
            return
        values = torch.stack([part for _, part, _ in self._seen]).to(torch.float32)
        if self.machine.world > 1:
            values = self.machine.accelerator.reduce(values, "sum")
        rows = []
        for (step, _, rate), loss in zip(self._seen, values.tolist(), strict=True):
            rows.append((step, {"loss": loss, "lr": rate}))
            self.place.loss_sum += loss
            self.place.loss_steps += 1
        self._seen.clear()
        if self.machine.first:
            self.listener.steps(rows)
        bad = next((step for step, row in rows if not math.isfinite(row["loss"])), None)
        if bad is not None:
            value = rows[bad - rows[0][0]][1]["loss"]
            msg = f"the loss of step {bad:,} is {value}; the weights from before are in the checkpoints"
            raise Diverged(msg)

    def _close(self, seconds: float) -> None:
        """Evaluate at the end of an epoch, and keep what is best."""
        place = self.place
        figures, _ = self.evaluate()
        row = {"epoch": float(place.epoch + 1), "train/loss": place.loss_sum / max(place.loss_steps, 1)}
        row |= {f"val/{name}": value for name, value in figures.values.items()}
        row["seconds"] = seconds
        if self.metric not in figures.values:
            msg = f"training.metric: {self.metric} is not measured on this data; there are: {', '.join(figures.values)}"
            raise UsageError(msg)
        value = figures.values[self.metric]
        is_best = better(self.metric, value, place.best)
        place.best, place.best_epoch = (value, place.epoch) if is_best else (place.best, place.best_epoch)
        place.stale = 0 if is_best else place.stale + 1
        place.history.append(row)
        if self.machine.first:
            self.listener.checksum(place.step, of_tensors(self.bare.parameters()))
            self.listener.epoch(place, row)
        place.epoch, place.batch, place.loss_sum, place.loss_steps = place.epoch + 1, 0, 0.0, 0
        self.save(best=is_best)

    def evaluate(self, samples: Any = None, threshold: float | None = None) -> tuple[Measured, Any]:
        """Return the figures of the held-out side, or of other samples, and the outputs they come from."""
        module = self.average.module if self.average is not None else self.bare
        return evaluated(
            module, samples or self.ready.val, self.ready.targets, self.machine,
            batch=self.recipe.training.batch_size, threshold=threshold,
        )  # fmt: skip

    # --- what a checkpoint holds ------------------------------------------------------------------

    def save(self, *, best: bool) -> None:
        """Write a checkpoint."""
        random = self.machine.gathered(capture())
        if self.store is not None and self.machine.first:
            try:
                self.store.save(self.state(random), step=self.place.step, best=best)
            except NotSaved as error:  # the checkpoints before it are whole, and the training is worth more
                self.listener.say(f"torchladder: {error}")

    def state(self, random: list[Any]) -> dict[str, Any]:
        """Return all that is needed to go on."""
        scaler = self.machine.accelerator.scaler
        return {
            "model": self.bare.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "random": random,
            "place": dict(vars(self.place)),
            "recipe": self.recipe.model_dump(),
            "processes": self.machine.world,
        }

    def resume(self, state: dict[str, Any]) -> list[str]:
        """Go on from a state; returns what could not be put back.

        Raises:
            UsageError: If it is that of another number of processes.
        """
        if state["processes"] != self.machine.world:
            msg = (
                f"the run was made by {state['processes']} processes and cannot go on exactly with {self.machine.world}"
            )
            raise UsageError(msg)
        self.weights(state)
        self.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"] is not None and self.machine.accelerator.scaler is not None:
            self.machine.accelerator.scaler.load_state_dict(state["scaler"])
        self.place = Place(**state["place"])
        return restore(state["random"][self.machine.rank])

    def weights(self, state: dict[str, Any]) -> None:
        """Put back the weights of a state, and their average."""
        self.bare.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
