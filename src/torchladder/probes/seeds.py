"""Seeds that are set again and again, and epochs that begin with the very same batches."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, RandomSampler

from torchladder.core.findings import Place
from torchladder.core.loop_facts import EpochStartFact, SeedFact
from torchladder.probes.guarded import guarded
from torchladder.probes.interceptor import Call
from torchladder.probes.modules import RootCall
from torchladder.probes.tensors import tensors_in
from torchladder.runner.place import called_by_us, user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session

PLACES_MAX = 40
STEPS_KEPT = 40
FIRST = 2  # training batches compared at the start of a pass
VARIETY = 12  # training steps whose inputs are told apart
DRAWS = {"randperm", "randint", "multinomial"}
Signature = tuple[Any, ...]


@dataclass
class Seeded:
    """One line that sets seeds."""

    generator: str
    calls: int = 0
    values: set[Any] = field(default_factory=set)
    steps: list[int] = field(default_factory=list)
    renewed: int = 0
    same: int = 0
    drawn: int = 0
    first: Signature | None = None
    waiting: bool = False
    last: tuple[int, int] | None = None  # phase and step of the call before
    draws: int = 0


@dataclass
class Starts:
    """The passes that begin at one line, over loaders made at another."""

    created: Place | None
    n_batches: int | None
    passes: int = 0
    identical: int = 0
    last: list[Signature] | None = None
    current: list[Signature] | None = None
    at: tuple[int, int] | None = None


class Seeds:
    """Wraps the doors to the global generators and to loaders; looks at the inputs of a few steps."""

    names = frozenset(DRAWS)

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.seeded: dict[Place, Seeded] = {}
        self.starts: dict[Place, Starts] = {}
        self.open: Starts | None = None
        self.draws = 0
        self.variety: set[Signature] = set()
        self.looked = 0
        self.keep: Any = None  # an experiment that passes over a call

    def install(self) -> None:
        """Put the wrappers in place."""
        for owner, name, generator in (
            (torch, "manual_seed", "torch"),
            (torch.random, "manual_seed", "torch"),
            (np.random, "seed", "numpy"),
            (random, "seed", "random"),
        ):
            setattr(owner, name, self._wrapped(getattr(owner, name), generator))
        original = DataLoader.__iter__
        look = guarded(self.session, "seeds", self._iterates)

        def iterate(loader: Any) -> Any:
            look(loader)
            return original(loader)

        DataLoader.__iter__ = iterate  # type: ignore[method-assign]
        self.session.modules.on_enter.append(self._enter)
        self.session.interceptor.listeners.append(self)

    def _wrapped(self, original: Callable[..., Any], generator: str) -> Callable[..., Any]:
        look = guarded(self.session, "seeds", self._set)

        def seed(*args: Any, **kwargs: Any) -> Any:
            if called_by_us():
                return original(*args, **kwargs)
            place = user_place()
            if self.keep is not None and self.keep(place):
                return None
            look(place, generator, next(iter((*args, *kwargs.values())), None))
            return original(*args, **kwargs)

        return seed

    def _now(self) -> tuple[int, int]:
        return (len(self.session.phases), self.session.steps)

    def _set(self, place: Place | None, generator: str, value: Any) -> None:
        if place is None or (place not in self.seeded and len(self.seeded) >= PLACES_MAX):
            return
        line = self.seeded.setdefault(place, Seeded(generator))
        if generator == "torch":  # one line may seed all: torch's generator is what training draws from
            line.generator = generator
        line.calls += 1
        line.values.add(repr(value)[:40])
        if len(line.steps) < STEPS_KEPT:
            line.steps.append(self.session.steps)
        phase, step = self._now()
        if line.last is not None and line.last[0] == phase and line.last[1] < step:
            line.renewed += 1
        elif line.last is not None and line.last[0] != phase:
            line.first = None
        line.last, line.waiting, line.draws = (phase, step), True, self.draws
        self.session.modules.attend = max(self.session.modules.attend, 1)

    def _iterates(self, loader: Any) -> None:
        sampler = getattr(loader, "sampler", None)
        place = user_place()
        random_order = isinstance(sampler, RandomSampler) or type(sampler).__name__ == "SubsetRandomSampler"
        if place is None or not random_order or (place not in self.starts and len(self.starts) >= PLACES_MAX):
            return
        created = self.session.loaders.created.get(id(loader))
        start = self.starts.setdefault(place, Starts(created, len(loader)))
        self.open = start
        self.session.modules.attend = FIRST
        start.current = []
        phase, step = self._now()
        if start.at is None or start.at[0] != phase or start.at[1] == step:
            start.last = None  # another training, or no step in between
        start.at = (phase, step)

    def _enter(self, call: RootCall) -> None:
        """Look at the inputs of the training steps that follow a seed, or the start of a pass."""
        if not call.grad or not call.training:
            return
        waiting = [s for s in self.seeded.values() if s.waiting]
        start = self.open
        if not waiting and start is None and self.looked >= VARIETY:
            return
        seen = signature(call)
        if self.looked < VARIETY:
            self.looked += 1
            self.variety.add(seen)
        for line in waiting:
            line.waiting = False
            line.same += line.first == seen
            line.drawn += self.draws > line.draws
            line.first = line.first or seen
        if start is not None and start.current is not None:
            start.current.append(seen)
            if len(start.current) == FIRST:
                self._begun(start)

    def _begun(self, start: Starts) -> None:
        current, start.current, self.open = start.current, None, None
        if start.last is not None:
            start.passes += 1
            start.identical += start.last == current
        start.last = current

    def before(self, call: Call) -> None:
        """Nothing is changed."""

    def after(self, call: Call) -> None:
        """Count draws of a random order, outside models."""
        if call.name in DRAWS and not self.session.modules.stack:
            self.draws += 1

    def facts(self) -> dict[str, Any]:
        """Return one row a line."""
        return {
            "seeds": tuple(
                SeedFact(
                    s.generator,
                    place,
                    s.calls,
                    len(s.values),
                    steps=tuple(s.steps),
                    renewed=s.renewed,
                    same_start=s.same,
                    drawn=s.drawn,
                    variety=len(self.variety),
                )
                for place, s in self.seeded.items()
            ),
            "epoch_starts": tuple(
                EpochStartFact(place, s.created, s.passes, s.identical, FIRST, s.n_batches)
                for place, s in self.starts.items()
            ),
        }


def signature(call: RootCall) -> Signature:
    """Return what tells the inputs of one call from those of another: shapes and two sums."""
    found: list[Any] = []
    with torch.no_grad():
        for t in tensors_in((call.args, call.kwargs)):
            flat = t.detach().reshape(-1)[: 1 << 16].double()
            ramp = torch.arange(1, flat.numel() + 1, dtype=torch.double, device=flat.device)
            found += [tuple(t.shape), float(flat.sum()), float(flat @ ramp)]
    return tuple(found)
