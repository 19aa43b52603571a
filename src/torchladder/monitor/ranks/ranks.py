"""The eye's part on a training by several processes: when it looks, what it hands over, and what comes back."""

import contextlib
import functools
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch.distributed as dist

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Place
from torchladder.monitor.models import Model
from torchladder.monitor.ranks.look import Look, measured
from torchladder.monitor.ranks.notice import Notice
from torchladder.monitor.ranks.post import Post
from torchladder.monitor.ranks.replica import Replica, living_replica, replica_of
from torchladder.monitor.ranks.row import Flag, Row
from torchladder.monitor.ranks.samplers import Samplers
from torchladder.monitor.ranks.table import Table

# Steps at which every process looks, whatever its own clock says: only equal steps can be compared. The later ones have
# many divisors, so that weights that are averaged now and then are met just after it.
ROUNDS = frozenset((0, 1, 2, 4, 8, 16, 32, 60, 120, 300, 600))
LATER = 1200
LINGER_S = 0.5  # that a process which breaks off in its first steps stays
LOOKS_AHEAD = 5  # times the pause between two looks for it that a stop is announced in advance
STEPS_AHEAD = 2  # processes that average gradients may be one step apart
MOMENT_S, GUESS_S = 1e-4, 0.01  # that a step takes at least, and where nothing is known
USUAL = 0.75  # of those steps that are no pauses
TIMED = 17  # latest steps whose times are kept, where findings may stop the training


def is_round(step: int) -> bool:
    """Tell whether a step of an optimizer is one at which every process looks."""
    return step in ROUNDS or (step > 0 and step % LATER == 0)


def guarded(method: Callable[..., None]) -> Callable[..., None]:
    """Return a method whose failure ends the comparison of processes, and nothing else."""

    @functools.wraps(method)
    def call(self: "Ranks", *args: Any, **kwargs: Any) -> None:
        if self.defect is not None:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self.defect = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            self.let_go()

    return call


class Ranks:
    """One process's part. Nothing here waits for another process while the training goes on."""

    def __init__(self) -> None:
        self.samplers = Samplers()
        self.post: Post | None = None
        self.table: Table | None = None
        self.replicas: dict[int, Replica] = {}
        self.steps: dict[int, int] = {}
        self._looks: dict[int, Look] = {}
        self.defect: str | None = None
        self.alarm: Callable[[Facts], None] | None = None  # called from another thread with what cannot wait
        self.heard: Callable[[Sequence[Notice]], None] | None = None  # called with what other processes have found
        self.leave: Callable[[int], None] | None = None  # called with the step after which all processes stop
        self._first: Place | None = None
        self._plain = False  # a program of one process
        self._ended: deque[float] = deque(maxlen=TIMED)

    @property
    def rank(self) -> int:
        """This process's number, 0 where there are no others."""
        return self.post.rank if self.post is not None else 0

    @property
    def watching(self) -> bool:
        """Whether every step has to be looked at: there are other processes, or data that is shared out."""
        return self.post is not None or bool(self.samplers.courses)

    @guarded
    def opened(self, loader: Any, place: Any) -> None:
        """A pass over a loader begins."""
        self.samplers.opened(loader, place)

    @guarded
    def served(self, loader: Any, batch: Any) -> None:
        """A batch has come."""
        self.samplers.served(loader, batch)

    @guarded
    def before_backward(self, place: Callable[[], Place | None]) -> None:
        """Meet before the first gradients are averaged: there a process waits when another has fallen out."""
        if self.post is None and not self._plain and self._meet():
            self._first = place()
            self._mail().urgent = self._in_a_hurry
            self._mail().expect("0/0")

    @guarded
    def before_step(
        self, phase: int, optimizer: Any, step: int, models: Sequence[Model], names: Mapping[int, tuple[str, bool]]
    ) -> None:
        """Look at a process's weights and gradients, if this step is a round."""
        if self._plain or not is_round(step):
            return
        if self.post is None and not self._meet():
            return
        if phase not in self.replicas:
            self.replicas[phase] = replica_of(optimizer, models, {k: name for k, (name, _) in names.items()})
            self._looks[phase] = Look(self.replicas[phase])
        seen = self._looks[phase].detach()
        replica = self.replicas[phase]
        flags = self._flags(replica)
        row = measured(replica, seen, rank=self.rank, phase=phase, step=step, flags=flags)
        self._mail().send(f"{phase}/{step}", row)

    @guarded
    def after_step(self, phase: int, step: int, models: Sequence[Model]) -> None:
        """Note a step; hook the layers when the next one is a round."""
        self.samplers.stepped()
        self.steps[phase] = step + 1
        if self.leave is not None and self.post is not None:
            self._ended.append(time.monotonic())
            at = self.post.notices.stop_at
            if at is not None and self.steps_made >= at:
                self.leave(self.steps_made)
        if is_round(step + 1) and phase in self._looks and not any(m.compiled for m in models):
            self._looks[phase].attach()

    def news(self, places: Callable[[], Iterable[tuple[int, Place | None]]]) -> bool:
        """Take in what has come; tell whether there were rounds among it."""
        if self.post is None or self.table is None:
            return False
        if self.post.notices.heard:
            self._hear()
        if not self.post.arrived:
            return False
        n = len(self.post.arrived)
        self._take_in(dict(places()))
        return n > 0

    @guarded
    def _take_in(self, places: dict[int, Place | None]) -> None:
        assert self.post is not None
        assert self.table is not None
        while self.post.arrived:
            if 0 not in self.replicas:  # this process never came to its first step
                self.replicas[0] = living_replica()
            self.table.places.update({0: self._first} | places)
            self.table.add(self.post.arrived.popleft())

    @guarded
    def end(self, *, well: bool) -> None:
        """Look a last time where the training ended by itself; the first process waits a little for the others.

        The others go on to their last verdicts; ``close`` is for when those are told.
        """
        self.let_go()
        if self.post is None:
            return
        if well:
            for phase, replica in self.replicas.items():
                step, flags = self.steps.get(phase, 0), self._flags(replica) | Flag.FINAL
                seen = self._looks[phase].detach()
                row = measured(replica, seen, rank=self.rank, phase=phase, step=step, flags=flags)
                self.post.send(f"{phase}/end", row)
        elif self.rank and max(self.steps.values(), default=0) <= 1:
            time.sleep(LINGER_S)  # the first process may be held up by what broke this one: let it read why
        if self.rank == 0:
            self.post.close(well=well or self._stopped)

    def close(self) -> None:
        """Leave the other processes, when this one has said all it has to say and its record is written."""
        if self.post is None:
            return
        self.post.close(well=False, hold=self._stopped and self.rank > 0)  # the first has done so, unless a part failed
        if self._stopped and self.rank == 0:
            self.post.release()

    # --- findings, and the stop that they may lead to -----------------------------------------

    @guarded
    def tell(self, step: int, finding: Finding) -> None:
        """Hand a finding of this process over to the first one."""
        if self.post is not None and self.rank:
            self.post.tell(step, finding)

    @guarded
    def _hear(self) -> None:
        """Give out what other processes have found."""
        assert self.post is not None
        found = []
        with contextlib.suppress(IndexError):  # until there is no more; the mailbox's thread may be here too
            while True:
                found.append(self.post.notices.heard.popleft())
        if self.heard is not None and found:
            self.heard(found)

    @property
    def steps_made(self) -> int:
        """Optimizer steps so far, of all optimizers."""
        return sum(self.steps.values())

    def stop_together(self) -> bool:
        """Have all processes leave after one and the same step; False where there is nobody to agree with.

        A process that left alone would have the others wait for its gradients. The first process names a step that all
        will have heard of before they come to it; another one has told it of the finding, and trains on until then.
        """
        if self.post is None or self.defect is not None or self.post.failure is not None:
            return False
        notices = self.post.notices
        if self.rank == 0 and notices.stop_at is None:
            ahead = LOOKS_AHEAD * notices.every / self._seconds_a_step()
            notices.stop_at = self.steps_made + STEPS_AHEAD + math.ceil(ahead)
            self.post.announce_stop()
        return True

    def _seconds_a_step(self) -> float:
        """Return how long a step takes, rather too little: pauses for evaluation are left out."""
        spans = sorted(b - a for a, b in pairwise(self._ended))
        usual = spans[: math.ceil(len(spans) * USUAL)]
        return max(sum(usual) / len(usual), MOMENT_S) if usual else GUESS_S

    @property
    def _stopped(self) -> bool:
        at = self.post.notices.stop_at if self.post is not None else None
        return at is not None and self.steps_made >= at

    def _in_a_hurry(self, rows: list[Row]) -> None:
        """Have judged what other processes said while this one is held up; called from the thread of the post."""
        if self.alarm is None:
            return
        table = Table(self._mail().world)
        table.replicas = {0: self.replicas.get(0) or living_replica()}
        table.places = {0: self._first}
        table.add(rows)
        self.alarm(Facts(unused=tuple(table.unused.values())))

    def let_go(self) -> None:
        """Remove every hook."""
        for look in self._looks.values():
            look.detach()

    def facts(self) -> dict[str, Any]:
        """Return the fields of Facts that are known."""
        found: dict[str, Any] = {"samplers": self.samplers.facts()}
        if self.table is not None and (self.table.rounds or self.table.unused):
            found |= self.table.facts()
        return found

    @property
    def failure(self) -> str | None:
        """Why the processes could not be compared, None when they could."""
        if self.defect is not None:
            return self.defect
        alone = self.post is not None and self.table is not None and not self.table.rounds
        return self.post.failure if alone and self.post is not None else None

    def _meet(self) -> bool:
        """Find out whether there are other processes."""
        if not dist.is_available() or not dist.is_initialized():
            return False
        rank, world = dist.get_rank(), dist.get_world_size()
        if world == 1:
            self._plain = True
            return False
        self.post = Post(rank, world)
        self.post.notices.stopping = self.leave is not None
        self.post.notices.overdue = self._hear
        if rank == 0:
            self.table = Table(world)
            self.table.replicas = self.replicas
        return True

    def _mail(self) -> Post:
        assert self.post is not None
        return self.post

    def _flags(self, replica: Replica) -> Flag:
        flags = Flag.UNSYNCED if replica.unsynced else Flag(0)
        return flags | (Flag.SAMPLER if self.samplers.sharded(replica.ranks) else Flag(0))
