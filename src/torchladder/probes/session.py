"""One observed run: the state all probes share, and the facts it ends in.

A *step* ends when an optimizer steps. What was seen since the last step (``Pending``) is then
given to that optimizer's phase. Programs without torch.optim have one phase, stepped by backward.
"""

import contextlib
import dataclasses
import importlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from torchladder.core.facts import BroadcastFact, Facts, LossCallFact
from torchladder.core.findings import Place
from torchladder.core.jsonable import to_json
from torchladder.probes.activations import Activation
from torchladder.probes.adopted import adopt
from torchladder.probes.backward import Backward, BackwardPass
from torchladder.probes.checkpoints import Checkpoints
from torchladder.probes.clips import Clips
from torchladder.probes.conflicts import Conflicts
from torchladder.probes.decays import Decays
from torchladder.probes.evaluations import Evaluations
from torchladder.probes.frozen_stats import FrozenStats
from torchladder.probes.gradients import Gradients
from torchladder.probes.hand_written import HandWritten
from torchladder.probes.interceptor import Interceptor
from torchladder.probes.kept_graphs import KeptGraphs
from torchladder.probes.loaders import Loaders
from torchladder.probes.modules import Modules, RootCall, first_output
from torchladder.probes.objectives import Objectives
from torchladder.probes.operations import Operations
from torchladder.probes.optimizers import Optimizers, held
from torchladder.probes.padded_values import PaddedValues
from torchladder.probes.paddings import Paddings
from torchladder.probes.phases import Phase
from torchladder.probes.picture import BatchCopy
from torchladder.probes.printed import Printed
from torchladder.probes.pulls import Pulls
from torchladder.probes.readings import Readings
from torchladder.probes.regularisers import Regularisers
from torchladder.probes.renewals import Renewals
from torchladder.probes.reshapes import Reshapes
from torchladder.probes.scalers import Scalers
from torchladder.probes.schedules import Schedules
from torchladder.probes.seeds import Seeds
from torchladder.probes.sequences import Sequences
from torchladder.probes.sources import Sources
from torchladder.probes.states import States
from torchladder.probes.survey import Survey
from torchladder.probes.writes import Writes

PHASES_MAX = 8  # a program that makes an optimizer every epoch is judged on its first ones


@dataclass
class Pending:
    """What was seen since the last optimizer step."""

    root_calls: list[RootCall] = field(default_factory=list)
    passes: list[BackwardPass] = field(default_factory=list)
    loss_calls: list[LossCallFact] = field(default_factory=list)
    broadcasts: list[BroadcastFact] = field(default_factory=list)
    activations: dict[Any, Activation] = field(default_factory=dict)
    pairs: list[Any] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    reached: dict[int, torch.Tensor] = field(default_factory=dict)
    cuts: dict[int, tuple[str, Place | None]] = field(default_factory=dict)
    output_weights: set[int] = field(default_factory=set)


class Probe(Protocol):
    """One more observer: made with the session, installed once, asked for its rows at the end."""

    def __init__(self, session: "Session") -> None: ...

    def install(self) -> None:
        """Start to look."""

    def facts(self) -> dict[str, Any]:
        """Return field of Facts -> rows."""


class Stopper(Protocol):
    """What can end this run at once."""

    def stop(self, reason: str = "stopped") -> None:
        """End the run; does not return."""


@dataclass
class Plan:
    """How far and how closely to look.

    Attributes:
        dense_steps: Steps of each phase seen in every detail.
        max_steps: Steps in all after which the run is stopped, None for no limit.
        free_seconds: After this long the training loaders are cut short, so that the program gets
            to its later phases; None for never. ``stop_seconds``: after this long it is stopped.
        light: Whether to look at next to nothing between the dense steps, once ``LIGHT_AFTER`` steps are over.
    """

    dense_steps: int = 8
    max_steps: int | None = None
    free_seconds: float | None = None
    stop_seconds: float | None = None
    light: bool = False


class Session:
    """Probes, phases and the clock of one run."""

    def __init__(self, control: Stopper, plan: Plan) -> None:
        self.control, self.plan = control, plan
        self.started = time.monotonic()
        self.interceptor = Interceptor()
        self.failures: dict[str, str] = {}
        self.phases: list[Phase] = []
        self.steps = 0
        self.pending = Pending()
        self.shared = Pending()
        self.modules = Modules(self)
        self.operations = Operations(self)
        self.backward = Backward(self)
        self.optimizers = Optimizers(self)
        self.loaders = Loaders(self)
        self.probes: dict[str, Probe] = {kind.__name__.lower(): kind(self) for kind in PROBES}
        self.batch: BatchCopy | None = None  # kept where a report will show it
        self.on_step: list[Any] = []
        self.on_coast: list[Any] = []  # told of the steps between the looks of a long run
        self.on_optimizer: list[Any] = []
        self.follow_losses = False
        self.hurried_at: int | None = None  # the step at which training loaders began to be cut short
        self.reads_data = False  # whether the data is surveyed at the end
        self._dense_until = 0  # steps before this one are seen densely, whatever the plan
        self._looks_left = LOOKS_AGAIN
        self.after_backward_step = False  # an experiment that steps where the program does not

    @property
    def dense(self) -> bool:
        """Whether the step in flight is observed in every detail."""
        return self.interceptor.dense

    @dense.setter
    def dense(self, value: bool) -> None:
        self.interceptor.dense = value

    def install(self) -> None:
        """Attach every probe; one that cannot attach says so and the rest go on."""
        _run_compiled_models_eagerly()
        self.interceptor.listeners.append(self.operations)
        self.interceptor.failed = self.failed
        for name in ("modules", "backward", "optimizers", "loaders"):
            try:
                getattr(self, name).install()
            except Exception as error:
                self.failures[name] = f"{type(error).__name__}: {error}"
        for name, probe in self.probes.items():
            try:
                probe.install()
            except Exception as error:
                self.failed(name, error)
        self.modules.rest(resting=False)
        self.interceptor.__enter__()  # type: ignore[no-untyped-call]

    def adopt(self, optimizers: list[Any], modules: list[nn.Module]) -> None:
        """Take in objects that were made before this session began."""
        with self.quiet(), torch.no_grad():
            adopt(self, optimizers, modules)

    def failed(self, name: str, error: Exception) -> None:
        """Keep the first failure of one of our own observers."""
        self.failures.setdefault(name, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Make torch calls of our own that no listener sees."""
        self.interceptor.silent += 1
        try:
            yield
        finally:
            self.interceptor.silent -= 1

    def carries(self, module: nn.Module) -> bool:
        """Tell whether a module has weights, and so is (part of) a model rather than a loss."""
        return self.modules._carries(module)  # noqa: SLF001 - one object in two files

    def parameter_name(self, t: torch.Tensor) -> str | None:
        """Return the registered name of a parameter in the roots seen so far."""
        return self.optimizers.names().get(id(t))

    def last_output(self) -> torch.Tensor | None:
        """Return the first tensor of the most recent root's output in this step."""
        for call in reversed(self.pending.root_calls):
            out = first_output(call.output)
            if out is not None and out.requires_grad:
                return out
        return None

    def held_by_any(self) -> set[int]:
        """Return the ids of all tensors any living optimizer holds."""
        return {id(p) for o in self.optimizers.lives for p in held(o)}

    def hand_leaves(self) -> list[torch.Tensor]:
        """Return the leaves of a program without optimizers, as far as they are known."""
        return [w.tensor for p in self.phases for w in p.watched.values()]

    def trained(self) -> set[int]:
        """Return the ids of tensors that an optimizer of an earlier phase has trained."""
        return {i for p in self.phases[:-1] for i, w in p.watched.items() if w.ratios and max(w.ratios) > 0}

    # --- the life of a step -------------------------------------------------------------------

    def backward_done(self, passed: BackwardPass) -> None:
        """Take one backward pass into the step in flight."""
        self.pending.passes.append(passed)
        if self.after_backward_step:
            for optimizer in list(self.optimizers.lives):
                optimizer.step()
                optimizer.zero_grad()
        elif not self.optimizers.seen:  # updates are made by hand
            self.step_done(None)

    def step_done(self, optimizer: torch.optim.Optimizer | None) -> None:
        """Give what was seen to the optimizer's phase and start the next step."""
        phase = self.phase_of(optimizer)
        shared = not self.pending.passes and bool(self.shared.passes)
        if self.interceptor.resting:
            self._coast(phase, shared=shared)
            return
        if not shared:
            self.shared, self.pending = self.pending, Pending()
        if phase is not None:
            phase.absorb(self.shared, self, dense=self.dense, shared=shared)
        self.operations.begin_step()
        self.steps += 1
        self._schedule()
        resting = self.plan.light and not self.dense and self.steps > LIGHT_AFTER
        if resting != self.interceptor.resting:
            self._rest(resting=resting)
        for listen in self.on_step:
            listen(phase)
        self._budget()

    def _coast(self, phase: Phase | None, *, shared: bool) -> None:
        """Take in a step between the looks of a long run: its losses, its learning rate, and the time."""
        if phase is not None:
            phase.coast(self.pending, shared=shared)
        if not shared:
            self.shared.passes, self.pending.passes = self.pending.passes, []
            self.pending.root_calls.clear()
        self.steps += 1
        for listen in self.on_coast:
            listen(phase)
        if self.steps < self._dense_until:
            self.dense = True
            self._rest(resting=False)
            self.operations.begin_step()
        self._budget()

    def _rest(self, *, resting: bool) -> None:
        """Look at nothing but losses and evaluation passes, or at everything again."""
        self.interceptor.rest(resting=resting)
        self.modules.rest(resting=resting)

    def phase_of(self, optimizer: torch.optim.Optimizer | None) -> Phase | None:
        """Return the phase of an optimizer, made at its first step."""
        for phase in self.phases:
            if phase.optimizer is optimizer:
                return phase
        if len(self.phases) >= PHASES_MAX:
            return None
        self.modules.forget_names()
        self.phases.append(Phase(len(self.phases), optimizer))
        return self.phases[-1]

    def optimizer_created(self) -> None:
        """Look closely again: a new optimizer may begin a new phase."""
        for listen in self.on_optimizer:
            listen()
        if len(self.phases) < PHASES_MAX:
            self.dense = True
            self.modules.forget_names()
            if self.interceptor.resting:
                self._rest(resting=False)
        if self.steps:
            self.operations.begin_step()
            self.pending = Pending()

    def look_again(self) -> None:
        """Look closely at the next steps: something that every step had is gone."""
        if self._looks_left > 0:
            self._looks_left -= 1
            self._dense_until = self.steps + 1 + self.plan.dense_steps

    def _schedule(self) -> None:
        wanted = self.plan.dense_steps
        waiting = len(self.phases) < PHASES_MAX and self.optimizers.unstepped()
        sampled = any(p.steps in SAMPLED for p in self.phases[-2:])
        self.dense = sampled or (not self.phases) or any(p.dense_steps < wanted for p in self.phases[-3:]) or waiting
        if self.backward.count > 40 * wanted and not sampled:
            self.dense = False
        self.dense = self.dense or self.steps < self._dense_until

    def _budget(self) -> None:
        spent = time.monotonic() - self.started
        if self.plan.free_seconds is not None and spent > self.plan.free_seconds and not self.loaders.cut_short:
            self.loaders.cut_short = True
            self.hurried_at = self.steps
        over = self.plan.stop_seconds is not None and spent > self.plan.stop_seconds
        if over or (self.plan.max_steps is not None and self.steps >= self.plan.max_steps):
            self.control.stop()

    # --- the end ------------------------------------------------------------------------------

    def facts(self) -> Facts:
        """Return everything seen, as rows."""
        with self.quiet(), torch.no_grad():
            self._close()
            rows: dict[str, Any] = {
                "loaders": self.loaders.facts(),
                "roots": tuple(r for p in self.phases for r in p.root_facts(self)),
                "loss_calls": tuple(c for p in self.phases for c in p.loss_calls),
                "broadcasts": tuple(b for p in self.phases for b in p.broadcast_facts()),
                "parameters": tuple(f for p in self.phases for f in p.parameter_facts(self)),
                "optimizers": tuple(self.optimizers.fact(p) for p in self.phases if p.optimizer is not None),
                "activations": tuple(a for p in self.phases for a in p.activation_facts()),
                "affine_pairs": tuple(a for p in self.phases for a in p.pair_facts(self)),
                "casts": self._cast_facts(),
                "curves": tuple(p.curve() for p in self.phases),
                "repeats": tuple(p.repeat_fact(self) for p in self.phases),
            }
            for name, probe in self.probes.items():
                try:
                    rows |= probe.facts()
                except Exception as error:
                    self.failed(name, error)
        return Facts(**rows, failures=self.failures)

    def _close(self) -> None:
        """Give a last, unfinished step to the phase it belongs to."""
        for call in self.operations.loss_calls:  # a call that crashed, or whose backward never came
            self.pending.loss_calls.append(call.fact(-1, -1, differentiated=False))
        self.operations.loss_calls = []
        if not self.pending.passes and not self.pending.loss_calls:
            return
        last = self.optimizers.most_recent()
        phase = self.phase_of(last) or (self.phases[-1] if self.phases else None)
        if phase is not None:
            phase.absorb(self.pending, self, dense=True, shared=False, finished=False)

    def _cast_facts(self) -> tuple[Any, ...]:
        """Return lossy conversions, marked where their values are the target of a loss."""
        kept = []
        for fact, out in self.operations.casts:
            reaches = any(self._is_target(fact, c, out) for p in self.phases for c in p.loss_calls)
            kept.append(dataclasses.replace(fact, reaches_target=reaches))
        return tuple(kept)

    @staticmethod
    def _is_target(fact: Any, call: LossCallFact, out: torch.Tensor) -> bool:
        target, after = call.target, fact.after
        if target is None or target.min is None or after.min is None or not target.integral:
            return False
        width = out.shape[-1] if out.dim() > 1 else None
        wide = len(target.shape) > 1 and target.shape[-1] > 1
        inside = (
            after.min <= target.min and target.max is not None and after.max is not None and target.max <= after.max
        )
        return inside and (not wide or width == target.shape[-1])

    def collect(self) -> dict[str, Any]:
        """Return the facts as JSON; what went wrong with a probe is among them."""
        batch = self._save_batch()
        facts = to_json(self.facts())
        return {
            "facts": facts,
            "backwards": self.backward.count,
            "steps": self.steps,
            "hurried": self.loaders.cut_short,
            "hurried_at": self.hurried_at,
            "batch": batch,
            "predictions": self._save_predictions(),
        }

    def _save_predictions(self) -> str | None:
        """Write what the model answered on the last held-out pass into the scratch folder; returns its path."""
        probe = self.probes.get("evaluations")
        try:
            with self.quiet(), torch.no_grad():
                folder = getattr(self.control, "scratch", None)
                return probe.save(folder, f"predictions-{os.getpid()}.npz") if isinstance(probe, Evaluations) else None
        except Exception as error:
            self.failed("predictions", error)
            return None

    def _save_batch(self) -> str | None:
        """Write the batch that was kept into the run's scratch folder; returns its path."""
        if self.batch is None:
            return None
        try:
            with self.quiet(), torch.no_grad():
                return self.batch.save(getattr(self.control, "scratch", None), f"batch-{os.getpid()}.npz")
        except Exception as error:
            self.failures["picture"] = f"{type(error).__name__}: {error}"
            return None


def _run_compiled_models_eagerly() -> None:
    """Keep torch.compile from tracing our hooks, which it cannot; every operation shall be seen anyway."""
    set_stance = getattr(torch.compiler, "set_stance", None)
    if set_stance is not None:
        set_stance("force_eager")
    else:  # torch before 2.6
        importlib.import_module("torch._dynamo").config.disable = True


# Further probes, each a file; installed in this order.
PROBES: tuple[type[Probe], ...] = (
    Evaluations,
    Survey,
    Sequences,
    Gradients,
    Regularisers,
    Reshapes,
    Conflicts,
    Schedules,
    Objectives,
    Paddings,
    PaddedValues,
    Pulls,
    Decays,
    Scalers,
    Clips,
    Renewals,
    Seeds,
    KeptGraphs,
    States,
    Writes,
    Checkpoints,
    Printed,
    FrozenStats,
    Readings,
    Sources,
    HandWritten,
)
LIGHT_AFTER = 200  # steps of a long run after which it is left alone between the dense ones
LOOKS_AGAIN = 3  # times in a run that a change in it calls for more dense steps
SAMPLED = {20, 60, 150}  # later steps seen densely: units die and saturate after the start
