"""Optimizers: created where, holding what, cleared when, and what each step consumes."""

import functools
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from torchladder.core.facts import OptimizerFact
from torchladder.core.findings import Place
from torchladder.probes.backward import BackwardPass
from torchladder.probes.guarded import unfailing
from torchladder.runner.place import place_in, user_place

if TYPE_CHECKING:
    from torchladder.probes.phases import Phase
    from torchladder.probes.session import Session

LIVES_MAX = 16  # optimizers without a phase that are remembered
SAMPLED_TENSORS = 8  # tensors of an optimizer that has not stepped, watched for updates made by hand
SHOWN = ("lr", "initial_lr", "max_lr", "weight_decay", "momentum", "betas", "nesterov", "maximize")


@dataclass
class Life:
    """One optimizer's history."""

    created: Place | None
    type: str
    tensors: int = 0
    zero_grad_places: Counter[Place] = field(default_factory=Counter)
    step_places: Counter[Place] = field(default_factory=Counter)
    backward_places: Counter[Place] = field(default_factory=Counter)
    zero_grads: int = 0
    steps: int = 0
    dense_steps: int = 0
    carried: int = 0
    empty: int = 0
    gradless: int = 0
    passes: list[int] = field(default_factory=list)
    cleared_place: Place | None = None
    closure: bool = False
    schedule_places: list[Place] = field(default_factory=list)
    lrs: list[float] = field(default_factory=list)  # smallest and largest of each step's groups
    usual: list[torch.Tensor] = field(default_factory=list)  # a few tensors that have had gradients
    idle: int = 0  # the last steps in a row that were looked at and found no gradient at all
    idle_from: int = 0
    # since the last step
    passes_now: int = 0
    clean_seen: bool = False
    cleared_after_pass: Place | None = None
    was_cleared_after_pass: bool = False
    reached: set[int] = field(default_factory=set)
    untouched: dict[int, torch.Tensor] | None = None  # weights before the first backward pass


def is_clear(parameters: list[torch.Tensor]) -> bool:
    """Tell whether every gradient is None or zero. Cost: one host sync a tensor until one is not."""
    return not any(p.grad is not None and bool(p.grad.any()) for p in parameters)


def held(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    """Return all tensors an optimizer holds."""
    return [p for group in optimizer.param_groups for p in group["params"]]


class Optimizers:
    """Wraps creation and zero_grad; steps come through torch's global hooks."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.lives: dict[torch.optim.Optimizer, Life] = {}  # kept alive: facts are read after main() has returned
        self.seen = False
        self._names: dict[int, str] = {}
        self._names_for: tuple[int, int, int] | None = None
        self._stepping: list[torch.optim.Optimizer] = []
        self._suspended = False
        self.before_step: list[Any] = []
        self.ignore_zero_grad: Any = None  # an experiment that keeps gradients

    def install(self) -> None:
        """Start to look."""
        original = torch.optim.Optimizer.__init__

        @functools.wraps(original)
        def init(optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            self._made(optimizer)

        torch.optim.Optimizer.__init__ = init  # type: ignore[assignment,method-assign]
        scheduler = torch.optim.lr_scheduler.LRScheduler.__init__

        @functools.wraps(scheduler)
        def schedule(made: Any, optimizer: Any, *args: Any, **kwargs: Any) -> None:
            self._scheduled(made, optimizer)
            scheduler(made, optimizer, *args, **kwargs)

        torch.optim.lr_scheduler.LRScheduler.__init__ = schedule  # type: ignore[assignment,method-assign]
        clear = torch.optim.Optimizer.zero_grad

        @functools.wraps(clear)
        def zero_grad(optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> None:
            if self.session.interceptor.resting:
                clear(optimizer, *args, **kwargs)
                return
            place = user_place()
            if self.ignore_zero_grad is None or not self.ignore_zero_grad(optimizer):
                away = self.session.interceptor.suspend()
                clear(optimizer, *args, **kwargs)
                if away:
                    self.session.interceptor.resume()
            self._cleared([optimizer], place)

        torch.optim.Optimizer.zero_grad = zero_grad  # type: ignore[assignment,method-assign]
        clear_module = nn.Module.zero_grad

        @functools.wraps(clear_module)
        def module_zero_grad(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            place = user_place()
            if self.ignore_zero_grad is None or not any(map(self.ignore_zero_grad, list(self.lives))):
                clear_module(module, *args, **kwargs)
            with self.session.quiet():
                own = {id(p) for p in module.parameters()}
            self._cleared([o for o in self.lives if any(id(p) in own for p in held(o))], place)

        nn.Module.zero_grad = module_zero_grad  # type: ignore[assignment,method-assign]
        register_optimizer_step_pre_hook(self._before_step)
        register_optimizer_step_post_hook(self._after_step)

    @unfailing("optimizers")
    def _made(self, optimizer: torch.optim.Optimizer) -> None:
        self.seen = True
        self._prune()
        self.lives[optimizer] = Life(user_place(), type(optimizer).__name__)
        self.session.optimizer_created()

    @unfailing("optimizers")
    def _scheduled(self, made: Any, optimizer: Any) -> None:
        if optimizer in self.lives:
            rules = [f.__code__ for f in getattr(made, "lr_lambdas", ()) if hasattr(f, "__code__")]
            places = [place_in(code) for code in rules] + [user_place()]
            self.lives[optimizer].schedule_places += [p for p in places if p is not None]

    def adopt(self, optimizer: torch.optim.Optimizer) -> None:
        """Watch an optimizer that was made before anybody looked."""
        self.seen = True
        self.lives.setdefault(optimizer, Life(None, type(optimizer).__name__))

    def _prune(self) -> None:
        """Let go of optimizers that a program makes anew all the time."""
        phased = {id(p.optimizer) for p in self.session.phases}
        for old in [o for o in self.lives if id(o) not in phased][:-LIVES_MAX]:
            del self.lives[old]

    @unfailing("optimizers")
    def _cleared(self, optimizers: list[torch.optim.Optimizer], place: Place | None) -> None:
        for optimizer in optimizers:
            life = self.lives.get(optimizer)
            if life is None:
                continue
            life.zero_grads += 1
            if place is not None:
                life.zero_grad_places[place] += 1
            if life.passes_now and life.reached:
                life.was_cleared_after_pass, life.cleared_after_pass = True, place

    def before_backward(self) -> None:
        """See which optimizers' gradients are clear as a backward pass begins."""
        if not self.session.dense:
            return
        for optimizer, life in self.lives.items():
            if life.steps == 0 and life.untouched is None:
                life.untouched = {id(p): p.detach().clone() for p in held(optimizer)[:SAMPLED_TENSORS]}
            if not life.clean_seen:
                life.clean_seen = is_clear(held(optimizer))

    def after_backward(self, passed: BackwardPass) -> None:
        """Count the pass for each optimizer it gave gradient to."""
        for optimizer, life in self.lives.items():
            hit = {id(p) for p in held(optimizer)} & passed.reached if passed.reached else set()
            if hit or (not self.session.dense and not passed.reached):
                life.passes_now += 1
                life.reached |= hit
                life.was_cleared_after_pass = False
                if passed.place is not None:
                    life.backward_places[passed.place] += 1

    @unfailing("optimizers")
    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self._stepping:  # an optimizer that steps an inner one is one optimizer
            return
        life = self.lives.get(optimizer)
        if life is None:
            self.seen = True
            life = self.lives[optimizer] = Life(None, type(optimizer).__name__)
        self._stepping.append(optimizer)
        if not self.session.dense and any(p.grad is None for p in life.usual):
            life.usual = []
            self.session.look_again()
        if self.session.interceptor.resting:
            life.steps += 1
            rates = [float(g.get("lr", 0.0)) for g in optimizer.param_groups if g["params"]]
            life.lrs += [min(rates), max(rates)] if rates else []
            self._suspended = not life.closure and self.session.interceptor.suspend()
            return
        place = user_place()
        if place is not None:
            life.step_places[place] += 1
        life.closure = life.closure or bool(kwargs.get("closure")) or any(callable(a) for a in args[1:])
        life.steps += 1
        life.untouched = {}
        rates = [float(g.get("lr", 0.0)) for g in optimizer.param_groups if g["params"]]
        life.lrs += [min(rates), max(rates)] if rates else []
        if self.session.dense:
            with self.session.quiet():
                self._judge_step(optimizer, life)
                phase = self.session.phase_of(optimizer)
                if phase is not None:
                    phase.before_step(self.session)
        with self.session.quiet():
            for listen in self.before_step:
                listen(optimizer)
        # What an optimizer computes in its step is its own; a closure, though, is the program's forward pass.
        self._suspended = not life.closure and self.session.interceptor.suspend()

    def _judge_step(self, optimizer: torch.optim.Optimizer, life: Life) -> None:
        tensors = held(optimizer)
        life.tensors = len(tensors)
        life.dense_steps += 1
        if life.closure:
            return
        if not is_clear(tensors):
            life.idle = 0
            with_grad = [p for p in tensors if p.grad is not None]
            life.usual = with_grad[:: len(with_grad) // SAMPLED_TENSORS + 1]
        else:
            life.idle_from = life.idle_from if life.idle else life.steps - 1
            life.idle += 1
            life.gradless += 1
            if life.passes_now and life.was_cleared_after_pass:
                life.empty += 1
                life.cleared_place = life.cleared_after_pass

    @unfailing("optimizers")
    def _after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:  # noqa: ARG002
        if not self._stepping or self._stepping[-1] is not optimizer:
            return
        self._stepping.pop()
        if self._suspended:
            self.session.interceptor.resume()
            self._suspended = False
        life = self.lives[optimizer]
        if self.session.dense:
            if life.steps > 1 and life.passes_now and not life.clean_seen:
                life.carried += 1
            life.passes.append(life.passes_now)
        life.passes_now, life.clean_seen, life.was_cleared_after_pass = 0, False, False
        if self.session.interceptor.resting:
            self.session.step_done(optimizer)
            return
        with self.session.quiet():
            self.session.step_done(optimizer)

    def unstepped(self) -> bool:
        """Tell whether an optimizer exists that has not stepped yet."""
        return any(life.steps == 0 for life in self.lives.values())

    def most_recent(self) -> torch.optim.Optimizer | None:
        """Return the optimizer created last."""
        return list(self.lives)[-1] if self.lives else None

    def names(self) -> dict[int, str]:
        """Return id(parameter) -> its registered name in the roots seen so far."""
        roots = list(self.session.modules.roots.values())
        if self._names_for != (len(roots), len(self.session.phases), self.session.steps):
            self._names_for = (len(roots), len(self.session.phases), self.session.steps)
            self._names = {}
            for root in roots:
                prefix = "" if len(roots) == 1 else f"{type(root.module).__name__}:"
                for name, p in root.module.named_parameters():
                    self._names.setdefault(id(p), prefix + name)
        return self._names

    def fact(self, phase: "Phase") -> OptimizerFact:
        """Return the row of a phase's optimizer."""
        optimizer = phase.optimizer
        assert optimizer is not None
        life = self.lives[optimizer]
        tensors = held(optimizer)
        names = self.names()
        lrs = life.lrs or [float(g.get("lr", 0.0)) for g in optimizer.param_groups]
        return OptimizerFact(
            id=phase.id,
            phase=phase.id,
            type=life.type,
            created=life.created,
            n_tensors=len(tensors),
            n_reached=sum(id(p) in phase.reached for p in tensors),
            n_registered=sum(id(p) in names for p in tensors),
            groups=tuple(_shown(g) for g in optimizer.param_groups),
            lr_min=min(lrs),
            lr_max=max(lrs),
            scheduled=any("initial_lr" in g for g in optimizer.param_groups) or min(lrs) != max(lrs),
            zero_grad_places=_ranked(life.zero_grad_places),
            step_places=_ranked(life.step_places),
            backward_places=_ranked(life.backward_places or phase.backward_places),
            zero_grads=life.zero_grads,
            steps=life.steps,
            dense_steps=life.dense_steps,
            carried_steps=life.carried,
            backwards_per_step=float(statistics.median(life.passes)) if life.passes else 0.0,
            empty_steps=life.empty,
            gradless_steps=life.gradless,
            idle_steps=life.idle,
            idle_from=life.idle_from,
            cleared_place=life.cleared_place,
            closure=life.closure,
            update_ratio=phase.update_ratio(),
            schedule_places=tuple(life.schedule_places),
        )


def _ranked(places: Counter[Place]) -> tuple[Place, ...]:
    return tuple(p for p, _ in places.most_common(4))


def _shown(group: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key in SHOWN:
        value = group.get(key)
        if isinstance(value, torch.Tensor):
            value = float(value)
        if value is not None:
            shown[key] = list(value) if isinstance(value, tuple) else value
    return shown
