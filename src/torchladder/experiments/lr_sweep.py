"""A learning-rate range test on the program's own loop and optimizers.

The rate is raised by the same factor at every step; the ratios of groups, and of optimizers that share a
backward pass, stay as the program set them. Whatever a schedule does is overridden while a step is made
and put back after it. Like every experiment this runs in a process of its own: there is nothing to restore.
"""

import math
import time
from typing import Any

import torch

from torchladder.core.jsonable import to_json
from torchladder.core.lr_facts import LrSweepFact
from torchladder.probes.phases import Phase
from torchladder.probes.session import Session

SMOOTH = 0.8  # weight of the past in the loss that is watched for divergence
WARM = 5  # steps before a step's time is known, and before anything is called divergence
FEWEST = 30  # steps a sweep is cut down to at most, when each takes long
DIVERGED, RISEN = 4.0, 0.5  # as in the reading of the curve: times the best, and above the start
TURNS = 3  # times that another optimizer's own loss lay between two steps of the swept one
NEXT_PHASE = 20  # steps of another optimizer, one after the other, that begin another phase
LINE_SEARCH = "LBFGS"


class LrSweep:
    """The experiment: raises the rate at every step of one phase, and stops at divergence."""

    def __init__(
        self, session: Session, *, phase: int, start: float, end: float, steps: int, limit: float, again: bool
    ) -> None:
        self.session, self.target, self.end, self.planned = session, phase, end, steps
        self.limit, self.again, self.next_lr = limit, again, start
        self.started = self.first_step = time.monotonic()
        self.base: dict[int, list[float]] = {}  # optimizer -> rates of its groups, as the program meant them
        self.kept: list[tuple[torch.optim.Optimizer, list[Any]]] = []
        self.raw: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}  # loss before a scaler multiplied it
        self.values: list[torch.Tensor] = []
        self.lrs: list[float] = []
        self.losses: list[float] = []
        self.average, self.best, self.nonfinite, self.passes = 0.0, math.inf, 0, 0
        self.turns, self.others = 0, 0
        self.served_again, self.ended = 0, "ended"
        self.reason: str | None = None
        self.scheduled = False

    def install(self) -> None:
        """Take the optimizers' rates, the schedulers, and the ends of training passes in hand."""
        session = self.session
        session.optimizers.before_step.append(self._raise)
        session.on_step.insert(0, self._after)
        session.on_optimizer.append(self._created)
        session.backward.before.append(self._note)
        session.loaders.replay = self._serve
        _hold_schedulers(self)
        _see_through_scalers(self)

    # --- rates --------------------------------------------------------------------------------

    def _created(self) -> None:
        """Remember the rates an optimizer was made with, before a warm-up lowers them."""
        made = self.session.optimizers.most_recent()
        if made is not None:
            self.base.setdefault(id(made), [_rate(g) for g in made.param_groups])

    def _meant(self, optimizer: torch.optim.Optimizer) -> list[float]:
        """Return the rate that the program means each group to have at the height of its schedule."""
        made = self.base.get(id(optimizer), [])
        now = [_rate({"lr": g.get("max_lr", g.get("initial_lr", g.get("lr")))}) for g in optimizer.param_groups]
        return [m if m > 0 else n for m, n in zip(now, made + now[len(made) :], strict=False)]

    def _raise(self, optimizer: torch.optim.Optimizer) -> None:
        """Give every group its share of the rate that is tried."""
        if LINE_SEARCH in type(optimizer).__name__:
            self._stop("refused", "LBFGS searches along its direction by itself, so that a rate cannot be tried alone")
        phase = self.session.phase_of(optimizer)
        if phase is not None and phase.id < self.target:
            return
        meant = self._meant(optimizer)
        if not all(isinstance(g.get("lr"), (float, int, torch.Tensor)) for g in optimizer.param_groups):
            self._stop("refused", f"{type(optimizer).__name__} has no learning rate to raise")
        reference = self._reference()
        if reference <= 0:
            self._stop("refused", "every learning rate of the program is 0, so that none can be raised in proportion")
        self.kept.append((optimizer, [g["lr"] for g in optimizer.param_groups]))
        follows = phase is not None and phase.id != self.target and not self.passes and bool(self.lrs)
        lr = self.lrs[-1] if follows else self.next_lr  # a second optimizer belongs to the step of the first
        for group, rate in zip(optimizer.param_groups, meant, strict=True):
            value = lr * rate / reference
            group["lr"] = torch.full_like(group["lr"], value) if isinstance(group["lr"], torch.Tensor) else value

    def _reference(self) -> float:
        """Return the largest rate of the optimizer whose sweep this is."""
        phase = next((p for p in self.session.phases if p.id == self.target), None)
        chosen = phase.optimizer if phase is not None else None
        chosen = chosen or next(iter(self.session.optimizers.lives), None)
        return max(self._meant(chosen), default=0.0) if chosen is not None else 0.0

    def _advance(self) -> None:
        """Take the next rate; where steps take long there are fewer of them, further apart."""
        made = len(self.lrs)
        if made == WARM:
            each = (time.monotonic() - self.first_step) / WARM
            left = self.limit - (time.monotonic() - self.started)
            self.planned = max(min(self.planned, WARM + int(left / max(each, 1e-9))), min(self.planned, FEWEST))
        left_steps = max(self.planned - made, 1)
        self.next_lr *= (self.end / self.next_lr) ** (1 / left_steps)

    # --- losses -------------------------------------------------------------------------------

    def _note(self, loss: torch.Tensor | None) -> None:
        """Keep the differentiated scalar of a backward pass."""
        self.passes += 1
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            return
        kept, raw = self.raw.pop(id(loss), (None, loss))
        self.values.append((raw if kept is loss else loss).detach().float().reshape(()).clone())
        self.raw.clear()

    def _after(self, phase: Phase | None) -> None:
        """Put the program's own rates back, and judge the loss of this step."""
        for optimizer, rates in self.kept:
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
        self.kept.clear()
        passes, self.passes = self.passes, 0
        if phase is None or phase.id != self.target:
            if passes:
                self._other_loss()
            return
        values, self.values = self.values, []
        self.turns += self.others > 0
        self.others = 0
        if self.turns >= TURNS:
            self._stop(
                "refused", "several optimizers take turns, each with a loss of its own: no curve judges them all"
            )
        if not values:
            return
        if not self.losses:
            self.first_step = time.monotonic()
        self.losses.append(float(torch.stack(values).mean()))
        self._judge()

    def _other_loss(self) -> None:
        """Another optimizer made a step from a loss of its own: a game of two, or the program's next phase."""
        self.values = []
        self.others += bool(self.losses)
        if self.others > NEXT_PHASE:
            self._stop("ended")

    def _judge(self) -> None:
        """Add a point to the curve, and stop where it ends."""
        value, n = self.losses[-1], len(self.losses) - 1
        self.nonfinite = self.nonfinite + 1 if not math.isfinite(value) else 0
        if n >= self.planned:
            self._stop("done")
        if self.nonfinite > 1 or self._diverged(value, n):
            self._stop("diverged")
        if time.monotonic() - self.started > self.limit:
            self._stop("time")
        self.lrs.append(self.next_lr)
        self._advance()

    def _diverged(self, value: float, n: int) -> bool:
        if not math.isfinite(value):
            return False
        self.average = SMOOTH * self.average + (1 - SMOOTH) * value
        smoothed = self.average / (1 - SMOOTH ** (n + 1))
        self.best = min(self.best, smoothed)
        first = self.losses[0]
        top = max(self.best + (DIVERGED - 1) * abs(self.best), first + RISEN * abs(first))
        return n > WARM and smoothed > top

    # --- batches ------------------------------------------------------------------------------

    def _serve(self, stream: Any, seen: Any, given: int) -> Any:  # noqa: ARG002 - one signature for all
        """Hand out the program's next batch; where its passes are too few, the training loader begins anew."""
        try:
            return next(stream._inner)  # noqa: SLF001 - one mechanism in two files
        except StopIteration:
            if not (self.again and self.losses and self.session.loaders.is_trained(seen)):
                raise
            stream.__dict__["_inner"] = iter(seen.loader)._inner  # noqa: SLF001
            self.served_again += 1
            return next(stream._inner)  # noqa: SLF001

    # --- the end ------------------------------------------------------------------------------

    def _stop(self, ended: str, reason: str | None = None) -> None:
        self.ended, self.reason = ended, reason
        self.session.control.stop(ended)

    def collect(self) -> dict[str, Any]:
        """Return the curve."""
        swept = next((p for p in self.session.phases if p.id == self.target), None)
        meant = self._meant(swept.optimizer) if swept is not None and swept.optimizer is not None else []
        n = max(len(self.losses) - 1, 0)
        fact = LrSweepFact(
            phase=self.target,
            lrs=tuple(self.lrs[:n]),
            losses=tuple(self.losses[1:]),
            first_loss=self.losses[0] if self.losses else None,
            ratios=tuple(m / max(meant) for m in meant) if meant and max(meant) > 0 else (),
            planned=self.planned,
            ended=self.ended,
            reason=self.reason,
            optimizers=max(sum(p.optimizer is not None and p.steps > 0 for p in self.session.phases), 1),
            served_again=self.served_again,
            scheduled=self.scheduled,
            startup=self.first_step - self.started,
            seconds=time.monotonic() - self.started,
        )
        return {"sweep": to_json(fact), "backwards": self.session.backward.count}


def _rate(group: dict[str, Any]) -> float:
    try:
        return float(group.get("lr") or 0.0)
    except (TypeError, ValueError):
        return 0.0


def _hold_schedulers(experiment: LrSweep) -> None:
    """Let schedulers made from now on do nothing when they are stepped, also past their last step."""
    base = torch.optim.lr_scheduler.LRScheduler
    original, held = base.__init__, set[type]()
    made_already: list[Any] = []

    def hold(kind: Any) -> None:
        step = kind.step

        def held_step(scheduler: Any, *args: Any, **kwargs: Any) -> None:
            if not any(scheduler is s for s in made_already):  # its own constructor needs the first step
                step(scheduler, *args, **kwargs)

        kind.step = held_step
        held.add(kind)

    def init(made: Any, *args: Any, **kwargs: Any) -> None:
        if not held & set(type(made).__mro__) - {base}:
            hold(type(made))
        original(made, *args, **kwargs)
        experiment.scheduled = True
        made_already.append(made)

    base.__init__ = init  # type: ignore[assignment,method-assign]


def _see_through_scalers(experiment: LrSweep) -> None:
    """Remember what a GradScaler was given: its factor changes when gradients overflow."""
    original = torch.amp.GradScaler.scale

    def scale(scaler: Any, outputs: Any) -> Any:
        scaled = original(scaler, outputs)
        if isinstance(outputs, torch.Tensor) and isinstance(scaled, torch.Tensor):
            experiment.raw[id(scaled)] = (scaled, outputs.detach())
        return scaled

    torch.amp.GradScaler.scale = scale  # type: ignore[assignment,method-assign]
