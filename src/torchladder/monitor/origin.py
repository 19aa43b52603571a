"""The origin of the first NaN or Inf of a live run: found when it appears, by replaying the step on the batch at hand.

A healthy step costs a look at the loss (known anyway) and at the gradient of one or two small weights near the input,
into which a NaN made anywhere behind them flows. The weights are still clean when either shows: the optimizer has not
stepped. Nothing of the training is changed by a replay.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

import torch

from torchladder.core.facts import NonFiniteFact
from torchladder.monitor.blame import Blame
from torchladder.monitor.checker import flags, span
from torchladder.monitor.frames import Surroundings, program_frames
from torchladder.monitor.hand import Hand
from torchladder.monitor.investigate import Case, investigate
from torchladder.monitor.recorder import Recorder
from torchladder.monitor.sentinels import SENTINELS, sentinels_of
from torchladder.monitor.tape import Tape, graph_kinds
from torchladder.monitor.weights import norms

TAPES = 2  # recordings of one backward call before it counts as known
STEPS = 6  # steps after which recording ends whatever was seen
DENSE = 10  # first steps at which every gradient is looked at, later at every EVERY-th
EVERY = 100
SEARCHES = 20  # batches without a backward pass after which the program's variables are searched for a loss
OPTIMIZER = torch.optim.Optimizer.__init__.__code__.co_filename  # on the stack while an optimizer steps


class Tracer:
    """Told of the doors by the monitor; ``found`` is the answer, ``note`` what limits it."""

    def __init__(self, hand: Hand, sentinels: list[torch.Tensor], *, exact: bool = False) -> None:
        self.hand, self.sentinels, self.exact = hand, sentinels, exact
        self.found: NonFiniteFact | None = None
        self.over = False
        self.note: str | None = None
        self.recorder = Recorder()
        self.tapes: dict[Any, Tape] = {}
        self.steps = 0
        self._counts: dict[Any, int] = {}
        self._optimizers: list[Any] = []
        self._stepped: list[int] = []
        self._recording = True
        self._until = STEPS
        self._loss_before: float | None = None
        self._suspect: Surroundings | None = None
        self._key: Any = None
        self._fresh = True  # nothing of the step has been seen yet
        self._searches = 0
        self._within = False  # whether an optimizer was stepping when the program was last looked at
        self._next = 0  # the step from which every gradient is looked at again

    # --- the doors ----------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether steps are being recorded, or something was seen that has to be followed."""
        return not self.over and (self._recording or self._suspect is not None)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Leave what happens inside out of the recording: it is not the program's."""
        self.recorder.paused += 1
        try:
            yield
        finally:
            self.recorder.paused -= 1

    def served(self) -> None:
        """A batch has come: a step may begin."""
        if not self.over and self._recording:
            self.hand.has_loader = True
            self._guarded(self._begin)

    def unanswered(self) -> None:
        """The last batch led to no backward pass."""
        if not self.over:
            self._guarded(self._look_around)

    def before_backward(self, tensors: Any, value: float | None) -> None:
        """A backward pass begins: is the loss a number?"""
        if self.over:
            return
        loss = tensors if isinstance(tensors, torch.Tensor) else _first(tensors)
        if loss is None:
            return
        self.hand.loss = loss
        if value is None and self.exact and loss.numel() == 1:
            value = float(loss.detach())
        if self._recording:
            self._guarded(self._keep, loss)
        if value is None:
            return
        if value - value == 0:
            self._loss_before = value
        elif loss.grad_fn is not None:
            self._guarded(self._trace, *self._around(), None)

    def suspected(self) -> None:
        """A gradient nearest the input is no number."""
        if not self.over:
            self._guarded(self._remember)

    def _remember(self) -> None:
        """Keep the batch and the variables until the optimizer steps."""
        self._suspect, self._key = self._around()
        if self._within:  # a closure: the optimizer uses these gradients at once
            self._closely(self.hand.optimizer)

    def before_step(self, optimizer: Any) -> None:
        """An optimizer is about to step: the last moment at which the weights are clean."""
        if self.over:
            return
        unseen = not self.hand.looked and any(_spoilt(p.grad) for p in self.sentinels)
        if unseen and self._suspect is None:
            self.suspected()
        if self._suspect is not None or self.steps < DENSE or self.hand.step >= self._next:
            self._next = self.hand.step + EVERY
            self._guarded(self._closely, optimizer)
        self._phase(optimizer)
        self.steps += 1
        if self._recording:
            self._guarded(self._count)

    def stepped(self, optimizer: Any, count: int) -> None:
        """So many steps of an optimizer were taken in."""
        if not self.over:
            self._stepped[self._phase(optimizer)] += count

    def late(self) -> None:
        """A loss that was read later, so as not to wait for its device, is no number."""
        if not self.over:
            self._guarded(self._arrived)

    def _arrived(self) -> None:
        named = [item for t in self.tapes.values() for r in t.roots for item in r.named_parameters()]
        spoilt = next((name for name, p in named if any(flags(p))), None)
        if spoilt is None:
            self.exact = True  # the step was skipped: the next NaN is caught in the act
            return
        self.note = f"seen when weights (`{spoilt}` first) were spoilt already; `exact` looks at every step"
        self._say(None, None, backward=False)

    def crashed(self, trace: TracebackType | None) -> None:
        """The program raised: perhaps because it saw a loss that is no number, before any backward pass."""
        frames = []
        while trace is not None:
            frames.append(trace.tb_frame)
            trace = trace.tb_next
        if not self.over and frames:
            self._guarded(self._look_around, frames)

    def _look_around(self, frames: list[FrameType] | None = None) -> None:
        """Look for a loss that is no number among the program's variables: it may skip such batches, or raise."""
        self._searches += 1
        if self._searches > SEARCHES:
            self.hand.trains = None
            return
        around = self._around()[0] if frames is None else Surroundings(frames[::-1], self.hand.batches)
        for value in (v for table in around.tables.values() for v in table.values()):
            if not isinstance(value, torch.Tensor) or value.numel() != 1 or value.grad_fn is None:
                continue
            if not self.exact and value.device.type != "cpu":
                continue
            if any(flags(value)):
                kinds = graph_kinds(value.grad_fn)
                tape = next((t for t in self.tapes.values() if t.signature[-len(kinds) :] == kinds), None)
                if tape is not None:
                    self.hand.loss = value
                    self._trace(around, tape.key, None, wanted=tape.signature)
                    return

    def _closely(self, optimizer: Any) -> None:
        """Look at every gradient; one that was bad may have been repaired, or be of a step that a scaler skipped."""
        grads = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        grads = [g for g in grads if self.exact or g.device.type == "cpu"]  # no waiting for a device
        with torch.no_grad():
            size = torch.stack([n.float().cpu() for n in norms(grads)]).sum().item() if grads else 0.0
        if size - size == 0 or not any(g.layout == torch.strided and any(flags(g)) for g in grads):
            self._suspect = None
            return
        around, key = (self._suspect, self._key) if self._suspect is not None else self._around()
        self._trace(around, key, optimizer)

    def _guarded(self, action: Callable[..., None], *args: Any) -> None:
        """Do something of ours; a failure ends the tracing, not the training."""
        try:
            action(*args)
        except Exception as error:
            self._end()
            self.note = f"tracing failed: {type(error).__name__}: {error}"

    def _end(self) -> None:
        """Let go of everything."""
        self.over, self._recording = True, False
        self.recorder.stop()
        self._suspect = self.hand.loss = self.hand.optimizer = None
        self.hand.draws = False
        self.sentinels.clear()
        self.hand.batches.clear()
        self.tapes.clear()

    def open(self) -> None:
        """The run begins."""
        self._guarded(self.recorder.wait)

    def close(self) -> None:
        """The run is over, or watching it."""
        self._end()

    # --- recording ----------------------------------------------------------------------------

    def _begin(self) -> None:
        """A step begins: record it."""
        if not self.recorder.on:
            if not self.recorder.start():
                self._recording = False
        elif not self._fresh or not self.recorder.scroll.entries:
            self.recorder.restart()
        self._fresh = True

    def _keep(self, loss: torch.Tensor) -> None:
        """Keep the tape of this backward pass."""
        if not self.recorder.on:
            return
        around, key = self._around()
        tape = self.recorder.scroll.tape(key, loss, around)
        earlier = self.tapes.get(key)
        self._counts[key] = self._counts.get(key, 0) + 1
        self.tapes[key] = tape
        tape.earlier = earlier
        if earlier is not None:
            earlier.earlier = None
        self.hand.draws = self.hand.draws or tape.draws
        self._fresh = False
        if len(self.sentinels) < SENTINELS:
            known = {id(p) for p in self.sentinels}
            near = [p for p in sentinels_of(loss) if self.exact or p.device.type == "cpu"]
            self.sentinels += [p for p in near if id(p) not in known]
            del self.sentinels[SENTINELS:]

    def _count(self) -> None:
        """A step is over: end the recording when enough was seen."""
        if self.recorder.failure is not None:
            self.note = self.recorder.failure
        enough = bool(self._counts) and min(self._counts.values()) >= TAPES
        if (enough or self.steps >= self._until or self.recorder.failure is not None) and self.steps >= TAPES:
            self._recording = False
            self.recorder.stop()
            for tape in self.tapes.values():
                if tape.live:
                    tape.settle(tape.earlier)
                tape.earlier = None
        elif not self.hand.has_loader:
            self._begin()

    def _phase(self, optimizer: Any) -> int:
        for number, known in enumerate(self._optimizers):
            if known is optimizer:
                return number
        self._optimizers.append(optimizer)
        self._stepped.append(0)
        if self.steps and not self._recording and not self.recorder.failure:  # a new phase may have a loop of its own
            self._recording, self._until, self._counts = True, self.steps + STEPS, {}
        return len(self._optimizers) - 1

    def _around(self) -> tuple[Surroundings, Any]:
        """Return the program's variables, and the line that is running."""
        here = sys._getframe()  # noqa: SLF001 - the variables of the functions that run
        frames = program_frames(here)
        self._within = is_within_step(here)
        place = (frames[0].f_code, frames[0].f_lasti) if frames else None
        return Surroundings(frames, self.hand.batches), place

    # --- tracing ------------------------------------------------------------------------------

    def _trace(self, around: Surroundings, key: Any, optimizer: Any, *, wanted: tuple[str, ...] | None = None) -> None:
        """Replay the step and name what made the first NaN or Inf."""
        self.recorder.stop()
        self._recording = False
        root = self.hand.loss.grad_fn if self.hand.loss is not None else None
        wanted = wanted or graph_kinds(root)
        tapes = [t for k, t in self.tapes.items() if k == key] or list(self.tapes.values())
        tapes.sort(key=lambda t: t.signature != wanted)
        case = Case(tapes, around, root, wanted, self.hand.state, backward=optimizer is not None)
        found, self.note = investigate(case)
        self._say(found, optimizer, backward=case.backward)

    def _say(self, found: Blame | None, optimizer: Any, *, backward: bool) -> None:
        """Put the answer together; where nothing is proved, the function is "unknown"."""
        if optimizer is None and self._within:
            optimizer = self.hand.optimizer
        number = self._phase(optimizer) if optimizer is not None else 0
        step = self._stepped[number] if self._stepped else 0
        if found is None:
            found = Blame("backward" if backward else "forward", "unknown", None, None, True, None, None)
        self.found = NonFiniteFact(
            where=found.where,
            kind="nan" if found.nan else "inf",
            phase=number,
            step=step,
            function=found.function,
            place=found.place,
            module=found.module,
            operand_min=found.low,
            operand_max=found.high,
            max_weight=_largest(self._weights()),
            loss_before=self._loss_before,
            note=self.note,
            lost=not backward,
        )
        self._end()

    def _weights(self) -> list[torch.Tensor]:
        held = [p for o in self._optimizers for g in o.param_groups for p in g["params"]]
        return held or [p for t in self.tapes.values() for r in t.roots for p in r.parameters()]


def _largest(weights: list[torch.Tensor]) -> float | None:
    ends = [end for p in weights if p.numel() for end in span(p) if end is not None]
    return max(map(abs, ends), default=None)


def _spoilt(grad: torch.Tensor | None) -> bool:
    return grad is not None and not torch.equal(grad, grad)


def is_within_step(frame: FrameType | None) -> bool:
    """Tell whether an optimizer is stepping: what runs is its closure."""
    while frame is not None:
        if frame.f_code.co_filename == OPTIMIZER:
            return True
        frame = frame.f_back
    return False


def _first(tensors: Any) -> torch.Tensor | None:
    with contextlib.suppress(TypeError, StopIteration):
        first = next(iter(tensors))
        return first if isinstance(first, torch.Tensor) else None
    return None
