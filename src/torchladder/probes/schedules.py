"""Learning-rate schedulers: built where, stepped when, and what their plan would have been.

Only what torch's own classes do is wrapped; an instance is never written to, so that its
``state_dict`` stays what it was.
"""

import dataclasses
import functools
import inspect
import math
import statistics
import sys
import warnings
from collections import Counter
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler

from torchladder.core.findings import Place
from torchladder.core.schedule_facts import PlanFact, ScheduleFact
from torchladder.runner.place import is_user_code, relative, user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session

KEPT = 24  # schedulers remembered: a program that makes one an epoch is told from its first ones
GAPS_KEPT = 2000
METRICS_KEPT = 200
PLAN_MAX = 20_000  # calls of a schedule that are made again
BEYOND = 10  # runs' worth of calls among these: a warm-up may be longer than the run
NUMBERS = (
    "T_max", "eta_min", "T_0", "T_mult", "total_steps", "step_size", "gamma", "milestones", "total_iters", "factor",
    "start_factor", "end_factor", "patience", "mode", "cooldown", "threshold", "power",
)  # fmt: skip
END = {"T_max": "CosineAnnealingLR", "total_steps": "OneCycleLR", "total_iters": ""}


@dataclass
class Scheduled:
    """One scheduler so far."""

    scheduler: Any
    cls: type
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    created: Place | None
    handed: Place | None
    steps_before: int
    base: list[float]
    calls: int = 0
    early: int = 0
    early_place: Place | None = None
    last: int | None = None
    gaps: list[int] = field(default_factory=list)
    hurried_gaps: list[int] = field(default_factory=list)
    places: Counter[Place | None] = field(default_factory=Counter)
    metrics: list[float] = field(default_factory=list)


class Schedules:
    """Wraps the constructors and ``step`` of torch's schedulers."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.table: dict[int, Scheduled] = {}
        self.inner: set[int] = set()
        self.pace: Any = None  # an experiment that decides which calls count
        self._building: list[int] = []
        self._stepping: set[int] = set()
        self._wrapped: set[type] = set()
        self._imitating = False

    def install(self) -> None:
        """Start to look."""
        for kind in {k for k in vars(lr_scheduler).values() if inspect.isclass(k)}:
            if not issubclass(kind, lr_scheduler.LRScheduler):
                continue
            if "__init__" in vars(kind):
                kind.__init__ = self._init(kind.__init__)  # type: ignore[method-assign]
            self._wrap_step(kind)

    def _wrap_step(self, kind: type) -> None:
        if kind not in self._wrapped and "step" in vars(kind):
            self._wrapped.add(kind)
            setattr(kind, "step", self._step(vars(kind)["step"]))  # noqa: B010 - mypy knows no step of `type`

    def _init(self, original: Any) -> Any:
        @functools.wraps(original)
        def init(made: Any, *args: Any, **kwargs: Any) -> None:
            if self._imitating or id(made) in self._building:
                original(made, *args, **kwargs)
                return
            self._building.append(id(made))
            try:
                original(made, *args, **kwargs)
            finally:
                self._building.remove(id(made))
            try:
                self._made(made, args, kwargs)
            except Exception as error:
                self.session.failed("schedules", error)

        return init

    def _made(self, made: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for kind in type(made).__mro__:  # a scheduler of the user's own may step without calling torch's
            self._wrap_step(kind)
        for nested in getattr(made, "_schedulers", ()):
            self.inner.add(id(nested))
        if len(self.table) >= KEPT:
            return
        optimizer = getattr(made, "optimizer", None)
        life = self.session.optimizers.lives.get(optimizer) if optimizer is not None else None
        base = [float(g.get("initial_lr", g["lr"])) for g in optimizer.param_groups] if optimizer is not None else []
        steps = life.steps if life else 0
        self.table[id(made)] = Scheduled(made, type(made), args, kwargs, user_place(), _handed(), steps, base)

    def _step(self, original: Any) -> Any:
        @functools.wraps(original)
        def step(scheduler: Any, *args: Any, **kwargs: Any) -> Any:
            key = id(scheduler)
            if self._imitating or key in self._building or key in self._stepping or key not in self.table:
                return original(scheduler, *args, **kwargs)
            if self.pace is not None and not self.pace(scheduler):
                return None
            self._stepping.add(key)
            try:
                self._note(self.table[key], args, kwargs)
                return original(scheduler, *args, **kwargs)
            finally:
                self._stepping.discard(key)

        return step

    def _note(self, row: Scheduled, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        done = self._steps(row)
        row.calls += 1
        if done == 0:
            row.early += 1
            row.early_place = user_place()
        gaps = row.hurried_gaps if self._is_hurried() else row.gaps
        if row.last is not None and len(gaps) < GAPS_KEPT:
            gaps.append(done - row.last)
        row.last = done
        row.places[user_place()] += 1
        given = args[0] if args else kwargs.get("metrics")
        if isinstance(row.scheduler, lr_scheduler.ReduceLROnPlateau) and len(row.metrics) < METRICS_KEPT:
            with self.session.quiet():
                row.metrics.append(float(given if given is not None else math.nan))

    def _is_hurried(self) -> bool:
        """Tell whether passes are cut short; a loop without a loader cannot be."""
        return self.session.loaders.cut_short and self.session.loaders.current is not None

    def _steps(self, row: Scheduled) -> int:
        optimizer: Any = getattr(row.scheduler, "optimizer", None)
        life = self.session.optimizers.lives.get(optimizer)
        return life.steps - row.steps_before if life else 0

    # --- facts --------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Return one row a scheduler, in the order they were built."""
        return {"schedules": tuple(self._fact(row) for row in self.table.values())}

    def _fact(self, row: Scheduled) -> ScheduleFact:
        scheduler, steps = row.scheduler, self._steps(row)
        optimizer = getattr(scheduler, "optimizer", None)
        phase = next((p for p in self.session.phases if p.optimizer is optimizer), None)
        loader = max(
            (s for s in self.session.loaders.table.values() if s.trained), key=lambda s: s.served, default=None
        )
        length = loader.length() if loader is not None else None
        pass_steps, passes = None, loader.iters if loader is not None else None
        if loader is not None and length and loader.served and phase is not None and phase.steps:
            pass_steps = length * min(phase.steps / loader.served, 1.0)
        elif loader is None and phase is not None and phase.base_rows and phase.batch_rows:
            pass_steps = math.ceil(phase.base_rows / phase.batch_rows)
        known = {
            n: getattr(scheduler, n) for n in NUMBERS if isinstance(getattr(scheduler, n, None), int | float | str)
        }
        if isinstance(scheduler, lr_scheduler.MultiStepLR):
            known["milestones"] = sorted(scheduler.milestones.elements())
        fact = ScheduleFact(
            phase=-1 if phase is None else phase.id,
            type=row.cls.__name__,
            created=row.created,
            handed=row.handed,
            step_places=tuple(p for p, _ in row.places.most_common(4) if p is not None),
            numbers=known,
            horizon=_horizon(scheduler, known),
            calls=row.calls,
            steps=steps,
            early_calls=row.early if row.places[row.early_place] > 1 else 0,
            gap=float(statistics.median(row.gaps)) if row.gaps else None,
            hurried_gap=float(statistics.median(row.hurried_gaps)) if row.hurried_gaps else None,
            pass_steps=pass_steps,
            passes=passes,
            hurried=self._is_hurried(),
            inner=id(scheduler) in self.inner,
            metrics=tuple(row.metrics),
            lrs=tuple(phase.lrs[row.steps_before :][:: max(len(phase.lrs) // 50, 1)]) if phase is not None else (),
        )
        return _with_plan(fact, self._imitate(row, fact))

    def _imitate(self, row: Scheduled, fact: ScheduleFact) -> list[float]:
        """Return the largest rate of any group over the calls of a schedule made again on a stand-in optimizer."""
        own = row.cls.__module__ == "torch.optim.lr_scheduler"
        if not own or fact.type in {"ReduceLROnPlateau", "SequentialLR", "ChainedScheduler"} or not row.base:
            return []
        n = int(min(PLAN_MAX, max(2 * (fact.horizon or 0), BEYOND * fact.run_steps, fact.calls, 10)))
        self._imitating = True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return _rates(row, n)
        except Exception as error:  # a rule of the user's that only works within the program
            self.session.failed("schedules", error)
            return []
        finally:
            self._imitating = False


def _rates(row: Scheduled, n: int) -> list[float]:
    real = row.scheduler.optimizer
    stand_in = object.__new__(torch.optim.SGD)
    groups = [
        {**{k: v for k, v in g.items() if k != "params"}, "params": [], "lr": lr, "initial_lr": lr}
        for g, lr in zip(real.param_groups, row.base, strict=False)
    ]
    stand_in.__dict__.update(param_groups=groups, defaults=dict(real.defaults), state={})
    kwargs = {k: v for k, v in row.kwargs.items() if k not in {"optimizer", "last_epoch"}}
    made = row.cls(stand_in, *row.args[1:], **kwargs)
    rates = [max(float(g["lr"]) for g in groups)]
    for _ in range(n):
        try:
            made.step()
        except ValueError:  # beyond the last step of a one-cycle
            break
        rates.append(max(float(g["lr"]) for g in groups))
    return rates


def _with_plan(fact: ScheduleFact, rates: list[float]) -> ScheduleFact:
    peak = max(rates, default=0.0)
    if peak <= 0 or not math.isfinite(peak):
        return fact
    last = len(rates) - 1
    by_step = min(round(fact.run_steps), last)
    as_run = by_step if fact.cadence == "step" else min(fact.calls, last)
    plan = PlanFact(
        calls=last,
        peak=peak,
        rises_at=next(i for i, r in enumerate(rates) if r >= 0.9 * peak),
        gone_at=_stays_below(rates, 1e-3 * peak),
        zero_at=_stays_below(rates, 0.0),
        reached=max(rates[: as_run + 1]) / peak,
        ends=rates[as_run] / peak,
        reached_by_step=max(rates[: by_step + 1]) / peak,
        ends_by_step=rates[by_step] / peak,
    )
    return dataclasses.replace(fact, plan=plan)


def _stays_below(rates: list[float], top: float) -> int | None:
    n = next((i for i, r in enumerate(reversed(rates)) if r > top), len(rates))
    return len(rates) - n if n else None


def _horizon(scheduler: Any, numbers: dict[str, Any]) -> int | None:
    """Return the calls after which a schedule's plan is over."""
    for name, only in END.items():
        if name in numbers and only in {"", type(scheduler).__name__}:
            return int(numbers[name])
    if numbers.get("milestones"):
        return int(max(numbers["milestones"]))
    for rule in getattr(scheduler, "lr_lambdas", ()):
        given = getattr(rule, "keywords", {}).get("num_training_steps")
        if given:
            return int(given)
    return None


def _handed() -> Place | None:
    """Return the last line of the user's function that builds the scheduler: where it is handed over."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to see a caller
    while frame is not None and not is_user_code(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None or frame.f_code.co_name != "configure_optimizers":
        return None
    last = max((line for _, _, line in frame.f_code.co_lines() if line), default=None)
    return Place(relative(frame.f_code.co_filename), last, function=frame.f_code.co_qualname) if last else None
