"""The eye on a live run: told of every step through the taps, it samples on schedule and has the rules judge.

Nothing here may change what the program computes, wait for the device, or raise. Each door is timed; what the doors
took is the monitor's cost, and the schedule keeps it within the budget.
"""

import contextlib
import functools
import itertools
import operator
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from torchladder.core.findings import Finding, Place
from torchladder.monitor.beat import Beat
from torchladder.monitor.close_look import CloseLook
from torchladder.monitor.courier import Courier
from torchladder.monitor.evaluation_times import EvaluationTimes
from torchladder.monitor.facts import facts_of, root_fact
from torchladder.monitor.hand import Hand
from torchladder.monitor.held_out import CALL_SECONDS, HeldOut
from torchladder.monitor.history import History, Phase
from torchladder.monitor.judge import Judge
from torchladder.monitor.memory import Memory
from torchladder.monitor.models import Model, models_of
from torchladder.monitor.origin import Tracer
from torchladder.monitor.orphans import Orphans
from torchladder.monitor.ranks.ranks import Ranks
from torchladder.monitor.schedule import Schedule
from torchladder.monitor.settings import Settings
from torchladder.monitor.taps import Taps
from torchladder.monitor.transfer import Transfer
from torchladder.runner.place import user_place
from torchladder.runs.ring import HAS_LOSS, KNOWN_MODE, TRAINING, Noted, tail_of

PASSES_AT_ONCE = 2  # evaluation passes that are followed whatever they cost
FLAGS_KEPT = 2000  # steps whose train/eval mode is remembered
PLACES = 20  # first steps whose lines are looked up
MODE_LAYERS = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001 - no public base


def door(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator: time a door, and let a defect of ours close the monitor instead of the training."""

    def decorate(method: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(method)
        def call(self: "Monitor", *args: Any, **kwargs: Any) -> None:
            if self.closed:
                return
            began = time.perf_counter()
            try:
                with self.tracer.aside() if self.tracer is not None else contextlib.nullcontext():
                    method(self, *args, **kwargs)
            except Exception as error:
                self.defect(name, error)
            self.schedule.spent += time.perf_counter() - began
            if self.leaving is not None:
                leaving, self.leaving = self.leaving, None
                raise leaving

        return call

    return decorate


class Monitor:
    """One watched run. ``attach`` and ``detach`` frame it; ``on_alert`` is told of each verdict, once."""

    def __init__(self, settings: Settings, courier: Courier, on_alert: Callable[[int, Finding], None]) -> None:
        self.settings, self.courier, self.on_alert = settings, courier, on_alert
        self.schedule = Schedule(settings)
        self.history = History()
        self.judge = Judge()
        self.orphans = Orphans(self.history)
        self.transfer = Transfer()
        self.look = CloseLook(settings, self.transfer, courier)
        self.hand = Hand()
        self.memory = Memory()
        self.evaluation_times = EvaluationTimes()
        self.beat = Beat(self, self.schedule, self.hand)
        self.taps = Taps(self.beat)
        self.beat.attend = self.taps.attend
        self.failures: dict[str, str] = {}
        self.closed = True
        self.leaving: SystemExit | None = None  # raised from the door that finds it, for a user who asked for that
        self.step = 0  # steps taken in
        self.first_nonfinite: int | None = None
        self.models: dict[int, list[Model]] = {}
        self.tracer = Tracer(self.hand, self.beat.sentinels, exact=settings.exact) if settings.nonfinite else None
        self.held_out = HeldOut(self.hand)
        self.ranks = Ranks()
        self.ranks.alarm = self._alarmed
        self._names: dict[int, dict[int, tuple[str, bool]]] = {}
        self._mode_layers: dict[int, tuple[str, ...]] = {}
        self._sampling = False
        self._step_ended = 0.0
        self._passes = 0
        self._pass_cost = 0.0  # seconds that following the last evaluation pass took
        self._evaluated = 0.0  # when that was

    # --- life ---------------------------------------------------------------------------------

    def attach(self) -> None:
        """Begin to look."""
        self.closed = False
        try:
            self.beat.begin(self.courier.ring)
            self.taps.open()
            self.failures |= self.taps.failures
            if self.tracer is not None:
                self.tracer.open()
            os.register_at_fork(after_in_child=self._in_child)
        except Exception as error:
            self.defect("the start", error)
        self.schedule.begin()

    def detach(self, *, well: bool = True) -> None:
        """Stop looking and read what is still on its way; ``well`` unless the training was broken off."""
        if self.closed:
            return
        self.taps.close()
        self.beat.stop()
        try:
            if self.tracer is not None:
                self.tracer.close()
            self.look.unhook()
            self._end_evaluation()
            self._take_in()
            self.transfer.drain()
            self.ranks.end(well=well)
            self.ranks.news(self._places)
            if self.ranks.failure is not None:
                self.failures.setdefault("other processes", self.ranks.failure)
            self._judge(finished=True)
        except Exception as error:
            self.defect("the end", error)
        self.closed = True

    def defect(self, name: str, error: BaseException) -> None:
        """Switch off after a failure of ours: said once, and the training goes on."""
        self.failures.setdefault(name, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
        self.closed = True
        self.beat.stop()
        tracer = self.tracer
        for put_away in (self.taps.close, self.held_out.abandon, tracer and tracer.close, self.look.unhook):
            with contextlib.suppress(Exception):  # what fails here must not reach the training either
                if put_away:
                    put_away()

    def _in_child(self) -> None:
        """A worker that the program forks is not watched."""
        self.closed = True
        self.beat.stop()

    # --- the doors ----------------------------------------------------------------------------

    def wake(self) -> None:
        """Take in what was noted at rest, and look at every step from here on."""
        self._catch_up()

    @door("optimizer")
    def _catch_up(self) -> None:
        self.beat.awake()
        self._take_in()

    @door("backward")
    def before_backward(self, tensors: Any, value: float | None) -> None:
        """Meet other processes, and look where a loss that is no number comes from."""
        self.ranks.before_backward(user_place)
        if self.step < PLACES and self.history.phases:
            place = user_place(3)
            if place is not None:
                self.history.phases[-1].backward_places[place] += 1
        if self.tracer is not None:
            self.tracer.before_backward(tensors, value)

    @door("backward")
    def after_backward(self) -> None:
        """Find out where gradients come from that are no numbers."""
        if self.tracer is not None:
            self.tracer.suspected()

    @door("optimizer")
    def before_step(self, optimizer: Any) -> None:
        """Measure gradients and keep slices of the weights, at a sampled step."""
        phase = self.history.phase_of(optimizer)
        if phase.number not in self.models:
            self._meet(phase)
            self._sampling = True
        if self.tracer is not None:
            self.tracer.before_step(optimizer)
        n = phase.number
        self.ranks.before_step(n, optimizer, phase.steps, self.models[n], self._names[n])
        if not self._sampling:
            return
        names = self._names[n]
        held = [p for g in optimizer.param_groups for p in g["params"] if p.grad is not None and id(p) in names]
        self.orphans.look(phase, gradients=bool(held), root=getattr(self.hand.loss, "grad_fn", None))
        self.look.measure([(names[id(p)][0], p) for p in held], self.step)

    @door("optimizer")
    def stranger(self, optimizer: Any) -> None:
        """Meet an optimizer that came while nobody looked; its next step is seen from before it is made."""
        self._take_in()
        self._meet(self.history.phase_of(optimizer))
        self.beat.awake()

    @door("optimizer")
    def after_step(self, optimizer: Any) -> None:
        """Take in the steps so far, send what was measured, and arrange for the next one."""
        phase = self.history.phase_of(optimizer)
        if self.step < PLACES:
            place = user_place(3)
            if place is not None:
                phase.step_places[place] += 1
        self._take_in()
        self.memory.look(self.step, self.beat.feeding.passes)
        if self._sampling:
            seconds = self.look.send(phase, phase.steps - 1, self.step - 1)
            self.schedule.add(self.look.hooked)
            self.schedule.sampled(self.step - 1, seconds + self.look.hooked)
            if self.look.failure:
                self.failures.setdefault("activations", self.look.failure)
        self.ranks.after_step(phase.number, phase.steps - 1, self.models[phase.number])
        self.transfer.poll()
        self._arrange()
        if self.judge.due(self.step, self.schedule) or self._is_new_nonfinite(phase) or self.ranks.news(self._places):
            self._judge(finished=False)
        self._rest()

    @door("loader")
    def opened(self, loader: Any) -> None:
        """A pass over a loader begins."""
        self.ranks.opened(loader, lambda: user_place(3))

    @door("loader")
    def served(self, loader: Any, batch: Any) -> None:
        """A batch has come."""
        self.held_out.serve(loader, batch)
        self.ranks.served(loader, batch)
        if self.tracer is not None:
            self.tracer.served()

    @door("loader")
    def unanswered(self) -> None:
        """A batch has come, and the one before led to no backward pass."""
        if self.tracer is not None:
            self.tracer.unanswered()

    @door("evaluation")
    def mode(self, module: Any, *, training: bool) -> None:
        """A module goes into evaluation, or back to training: look at its passes, as far as the budget allows."""
        seen = self.held_out
        if training:
            self.evaluation_times.end(time.perf_counter(), self.step)
            self._end_evaluation()
            return
        self.evaluation_times.begin(time.perf_counter(), self.step, user_place(3))
        models = [m for models in self.models.values() for m in models]
        wanted = [m.module for m in models if not m.compiled and _holds(module, m.module)]
        since = time.perf_counter() - self._evaluated
        room = self._pass_cost <= self.settings.overhead * since or len(seen.rows) < PASSES_AT_ONCE
        if wanted and room:
            seen.begin(wanted, self.step, len(self.history.phases) - 1)

    def _end_evaluation(self) -> None:
        began, calls = time.perf_counter(), self.held_out.calls
        self.held_out.end()
        if not calls:
            return
        now = time.perf_counter()
        self.schedule.add(CALL_SECONDS * calls)
        self._pass_cost, self._evaluated = CALL_SECONDS * calls + now - began, now
        self.held_out.calls = 0
        for fact in self.held_out.rows[self._passes :]:
            values = {"held-out loss": fact.loss, "held-out accuracy": fact.accuracy, "held-out error": fact.error}
            row = {k: v for k, v in values.items() if v is not None}
            self.courier.steps([(max(self.step - 1, 0), row)])
        self._passes = len(self.held_out.rows)

    # --- a step -------------------------------------------------------------------------------

    def _take_in(self) -> None:
        """Keep what every step gives: its loss, its rate, its time."""
        steps = self.beat.ring.between(self.step, self.hand.step)
        if not steps:
            return
        self.beat.feeding.take_in()
        if self._step_ended:
            self.history.trained += self.beat.ended - self._step_ended
            self.history.waited += self.beat.waited
        self._step_ended, self.beat.waited = self.beat.ended, 0.0
        late, self.beat.device_losses = dict(self.beat.device_losses), []
        for number, group in itertools.groupby(steps, operator.attrgetter("number")):
            self._take_in_of(self.history.phases[number], list(group), late)
        self.step = self.hand.step

    def _take_in_of(self, phase: Phase, steps: list[Noted], late: dict[int, torch.Tensor]) -> None:
        """Take in consecutive steps of one optimizer; ``late`` are losses still on their device, by step."""
        first = phase.steps
        phase.steps += len(steps)
        rates, losses, _, flags, numbers = zip(*steps, strict=True)
        phase.lrs.extend(first, rates)
        lr, loss = f"lr{tail_of(phase.number)}", f"loss{tail_of(phase.number)}"
        rows: list[tuple[int, dict[str, float]]]
        if all(flag & HAS_LOSS for flag in set(flags)):
            phase.losses.extend(first, losses)
            rows = [(n, {lr: r, loss: v}) for n, r, v in zip(numbers, rates, losses, strict=True)]
        else:
            for i, s in enumerate(steps):
                if s.flags & HAS_LOSS:
                    phase.losses.add(first + i, s.loss)
            rows = [(s.step, {lr: s.rate, loss: s.loss} if s.flags & HAS_LOSS else {lr: s.rate}) for s in steps]
        self.courier.steps(rows)
        if len(phase.evaluating) < FLAGS_KEPT:
            modes = [(first + i, bool(s.flags & TRAINING)) for i, s in enumerate(steps) if s.flags & KNOWN_MODE]
            phase.evaluating += modes
        if self.tracer is not None:
            self.tracer.stepped(phase.optimizer, len(steps))
        waiting = [(first + i, s.step, late[s.step]) for i, s in enumerate(steps) if s.step in late]
        if waiting:
            self._send(phase, waiting)

    def _send(self, phase: Phase, waiting: list[tuple[int, int, torch.Tensor]]) -> None:
        """Send losses that are still on their device, with their step in the phase and in the run."""

        def read(values: list[float]) -> None:
            name = f"loss{tail_of(phase.number)}"
            for (step, _, _), value in zip(waiting, values, strict=True):
                phase.losses.add(step, value)
                if value - value != 0 and self.tracer is not None:
                    self.tracer.late()
            self.courier.steps([(step, {name: v}) for (_, step, _), v in zip(waiting, values, strict=True)])

        self.transfer.send([loss for *_, loss in waiting], read)

    def _rest(self) -> None:
        """Let the next steps be noted only, until something is due."""
        busy = self._sampling or self.step < PLACES or self.ranks.watching or self.held_out.following
        if busy or (self.tracer is not None and self.tracer.busy):
            self.beat.awake()
            return
        self.beat.rest(min(self.schedule.ask_at(self.step), self.judge.ask_at(self.step)))

    def _meet(self, phase: Phase) -> None:
        """Find the models of an optimizer that steps for the first time."""
        models = models_of(phase.optimizer)
        self.models[phase.number] = models
        held = {id(p): p for g in phase.optimizer.param_groups for p in g["params"]}
        names: dict[int, tuple[str, bool]] = {}
        for model in models:
            prefix = f"{type(model.module).__name__}." if len(models) > 1 else ""
            for name, p in model.module.named_parameters():
                if id(p) in held:
                    names[id(p)] = (prefix + name, True)
            if model.compiled:
                self.failures.setdefault("activations", "compiled layers call no hooks; the rest is watched")
        for i, key in enumerate(held):
            names.setdefault(key, (f"tensor {i}", False))
        self._names[phase.number] = names
        self.beat.feeding.meet(phase.optimizer)
        self.beat.phases[id(phase.optimizer)] = phase.number, models[0].module if models else None
        first = models[0].module.named_modules() if models else ()
        self._mode_layers[phase.number] = tuple(n for n, m in first if isinstance(m, MODE_LAYERS))

    def _arrange(self) -> None:
        """Decide whether the next step is looked at closely."""
        self._sampling = self.schedule.due(self.step)
        if self._sampling:
            self.look.hook([m for models in self.models.values() for m in models])

    def _places(self) -> Iterator[tuple[int, Place | None]]:
        return ((p.number, next(iter(p.step_places), None)) for p in self.history.phases)

    # --- verdicts -----------------------------------------------------------------------------

    def facts(self, *, finished: bool) -> Any:
        """Return the run so far as facts."""
        roots = []
        for phase in self.history.phases:
            for model in self.models.get(phase.number, [])[:1]:
                layers = self._mode_layers[phase.number]
                place = next(iter(phase.step_places), None)
                roots.append(root_fact(phase, "", model.module, layers, place))
        more: dict[str, Any] = {"roots": tuple(roots), "failures": self.failures}
        more["evaluations"] = tuple(self.held_out.rows)
        more |= self.ranks.facts() | self.beat.feeding.facts()
        more |= self.beat.growth.facts(next((p for phase in self.history.phases for p in phase.backward_places), None))
        more |= self.memory.facts() | self.evaluation_times.facts(self.beat.feeding.passes)
        more["orphans"] = self.orphans.facts()
        if self.tracer is not None and self.tracer.found is not None:
            more["nonfinite"] = (self.tracer.found,)
        return facts_of(self.history, seconds=self.schedule.elapsed, finished=finished, **more)

    def _judge(self, *, finished: bool) -> None:
        began = time.perf_counter()
        for finding in self.judge.look(self.facts(finished=finished), finished=finished):
            self.schedule.come_closer(self.step)
            self.on_alert(self.step, finding)
        self.judge.took(time.perf_counter() - began, self.schedule)

    def _alarmed(self, facts: Any) -> None:
        """Say what other processes have seen while this one is held up; called from another thread."""
        for finding in self.judge.look(facts, finished=False):
            self.on_alert(self.step, finding)

    def _is_new_nonfinite(self, phase: Phase) -> bool:
        """Tell whether this step brought the first loss that is no number."""
        last = phase.losses.last()
        if self.first_nonfinite is not None or last is None or last - last == 0:
            return False
        self.first_nonfinite = self.step
        return True


def _holds(outer: nn.Module, wanted: nn.Module) -> bool:
    """Tell whether a module is another one, or has it inside."""
    return outer is wanted or any(m is wanted for m in outer.modules())
