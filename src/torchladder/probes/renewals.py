"""Optimizers made anew over the tensors of the one before: what that one had gathered is lost."""

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.findings import Place
from torchladder.core.step_facts import RenewalFact
from torchladder.probes.guarded import guarded
from torchladder.probes.optimizers import held

if TYPE_CHECKING:
    from torchladder.probes.session import Session

WATCHED = 8  # tensors whose version is followed from the last step to the next optimizer
LIVES_KEPT = 2000
MANY = 99  # passes: data from another loader is another training


@dataclass
class Made:
    """The optimizer made last at a line."""

    optimizer: Any
    tensors: frozenset[int]
    settings: str
    versions: tuple[int, ...] | None = None
    turn: int = 0
    steps: int = 0
    loader: Any = None
    iters: int = 0


@dataclass
class Line:
    """One line that makes optimizers."""

    type: str
    stateful: bool
    made: int = 0
    renewed: int = 0
    steps: list[int] = field(default_factory=list)
    last: Made | None = None
    loader: Any = None  # that the one before the last was trained from


class Renewals:
    """Looks when an optimizer is made, and after each step."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.lines: dict[Place, Line] = {}
        self.keep_state = False  # an experiment in which the new one goes on where the old one was

    def install(self) -> None:
        """Start to look."""
        self.session.on_optimizer.append(guarded(self.session, "renewals", self._made))
        self.session.on_step.append(guarded(self.session, "renewals", self._step))

    def _made(self) -> None:
        lives = self.session.optimizers.lives
        optimizer = list(lives)[-1]
        place = lives[optimizer].created
        if place is None:
            return
        tensors = held(optimizer)
        settings = str([
            {k: v for k, v in g.items() if k not in {"params", "initial_lr"}} for g in optimizer.param_groups
        ])
        line = self.lines.setdefault(place, Line(type(optimizer).__name__, _stateful(optimizer)))
        line.made += 1
        made = Made(optimizer, frozenset(map(id, tensors)), settings)
        old = line.last
        if old is not None and old.steps and old.tensors == made.tensors and old.settings == settings:
            untouched = old.versions == _versions(tensors)
            if untouched and self._same_pass(old) and (line.loader is None or line.loader is old.loader):
                self._succeed(old.optimizer, optimizer)
                line.renewed += not self.keep_state
                if len(line.steps) < LIVES_KEPT and (not self.session.loaders.cut_short or not line.steps):
                    line.steps.append(old.steps)
        line.loader = old.loader if old is not None else None
        line.last = made

    def _succeed(self, old: Any, new: Any) -> None:
        """Let the phase of the old one go on with the new one: it is one training."""
        for phase in self.session.phases:
            if phase.optimizer is old:
                phase.optimizer = new
        if self.keep_state:
            new.state.update(old.state)

    def _same_pass(self, old: Made) -> bool:
        """Tell whether the old one lived for one pass over the data at most, or for a few steps."""
        hurried = self.session.loaders.cut_short and self.session.loaders.current is not None
        if old.steps <= (1 if hurried else 2):
            return True
        return old.loader is not None and old.iters <= 1

    def _step(self, phase: Any) -> None:
        """Note the weights as the latest optimizer of a line left them."""
        del phase
        for line in self.lines.values():
            made = line.last
            if made is None:
                continue
            life = self.session.optimizers.lives.get(made.optimizer)
            if life is None or life.steps == made.steps:
                continue
            current = self.session.loaders.current
            if current is not None and (made.loader is not current or made.turn != current.iters):
                made.iters = made.iters + 1 if made.loader is None or made.loader is current else MANY
                made.loader, made.turn = current, current.iters
            made.steps = life.steps
            made.versions = _versions(held(made.optimizer))

    def facts(self) -> dict[str, Any]:
        """Return one row a line."""
        return {
            "renewals": tuple(
                RenewalFact(
                    type=line.type,
                    place=place,
                    made=line.made,
                    renewed=line.renewed,
                    steps_each=float(statistics.median(line.steps)) if line.steps else 0.0,
                    stateful=line.stateful,
                )
                for place, line in self.lines.items()
            )
        }


def _versions(tensors: list[torch.Tensor]) -> tuple[int, ...]:
    """Return the versions of the first tensors: each write raises them."""
    return tuple(t._version for t in tensors[:WATCHED])  # noqa: SLF001 - torch's own documented counter


def _stateful(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether an optimizer keeps moments: all but plain gradient descent, and LBFGS by its own lights."""
    name = type(optimizer).__name__
    if name == "LBFGS":
        return False
    return name != "SGD" or any(g.get("momentum") for g in optimizer.param_groups)
