"""Findings on their way to the first process, and its word when to stop on its way to the others.

All of it happens in the thread of the mailbox. A finding is told in full by the first few processes that have it;
whoever has it after them tells its code alone, so that what lies in the store stays small however many they are.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torchladder.core.findings import Finding
from torchladder.monitor.ranks.notice import Notice, unpack

IN_FULL = 3  # processes that tell a finding in full: one of them may fall out on the way
EVERY_S = 1.0  # between two looks of the first process for what the others tell
STOPPING_S = 0.25  # between two looks of everybody, where findings may stop the training
MANY_S = 5.0  # the same, where there are so many processes that only the first keeps its connection
SETTLE_S = 0.3  # for which the first process waits once something has come: others may be about to tell the same
OVERDUE_S = 5.0  # after which what came is given out though the training's thread does not come by


@dataclass
class Notices:
    """The part of one process's mailbox; ``heard`` is filled for the first process alone, ``stop_at`` for all."""

    rank: int
    world: int
    key: Callable[[str], str]
    many: bool
    heard: deque[Notice] = field(default_factory=deque)
    overdue: Callable[[], None] | None = None  # told in the mailbox's thread of what nobody has fetched
    stopping: bool = False  # whether to look for the first process's word
    stop_at: int | None = None  # optimizer steps after which every process leaves
    messages: int = 0
    bytes_sent: int = 0
    bytes_read: int = 0
    due: float = 0.0
    _read: int = 0  # bytes of the notices that were taken in
    _count: int = 0  # of notices, when it was last asked for; ``_taken`` of those that were read
    _taken: int = 0
    _since: float = 0.0  # when the oldest notice that nobody has fetched came

    @property
    def looking(self) -> bool:
        """Whether there is anything to look for."""
        return self.rank == 0 or (self.stopping and self.stop_at is None)

    @property
    def every(self) -> float:
        """Seconds between two looks."""
        if not self.stopping:
            return EVERY_S
        return MANY_S if self.many else STOPPING_S

    def tell(self, store: Any, step: int, finding: Finding) -> None:
        """Leave a finding for the first process."""
        before = store.add(self.key(f"told/{finding.code}"), 1)
        data = Notice(self.rank, step, finding.code, finding if before <= IN_FULL else None).pack()
        store.append(self.key("notices"), data)
        store.add(self.key("count"), 1)
        self.messages += 3
        self.bytes_sent += len(data)

    def look(self, store: Any) -> None:
        """Look for what is new."""
        self.due = time.monotonic() + self.every
        if self.rank:
            self._ask_for_stop(store)
            return
        self.messages += 1
        count = store.add(self.key("count"), 0)
        if count != self._count:
            self._count = count
            self.due = time.monotonic() + SETTLE_S
        elif count != self._taken:
            self.take(store)
        if not self.heard:
            self._since = 0.0
            return
        self._since = self._since or time.monotonic()
        if self.overdue is not None and time.monotonic() - self._since > OVERDUE_S:
            self.overdue()

    def take(self, store: Any) -> None:
        """Read the notices that have come since."""
        self.messages += 2
        if not store.check([self.key("notices")]):  # reading a key that is not there would block
            return
        data = store.get(self.key("notices"))
        self.bytes_read += len(data)
        self.heard.extend(n for n in unpack(data[self._read :]) if 0 < n.rank < self.world)
        self._read = len(data)
        self._taken = self._count

    def announce(self, store: Any) -> None:
        """Tell the others after which step to leave."""
        self.messages += 1
        store.set(self.key("stop"), str(self.stop_at))

    def _ask_for_stop(self, store: Any) -> None:
        self.messages += 1
        if store.check([self.key("stop")]):
            self.messages += 1
            self.stop_at = int(store.get(self.key("stop")))
