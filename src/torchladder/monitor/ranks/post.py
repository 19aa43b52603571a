"""Rows on their way from every process to the first, over the store that the processes met through.

A store and not a collective: a collective waits for every process, has to be called by all of them in one order, and
hangs the training when one has gone. Here a process appends its row to a key (one message, no answer), and the first
process asks, now and then, what is under it. All of that happens in a thread of ours over a connection of its own, so
that not even a store that never answers holds up the training.
"""

import atexit
import contextlib
import datetime
import functools
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch.distributed as dist

from torchladder.core.findings import Finding
from torchladder.monitor.ranks.notices import Notices
from torchladder.monitor.ranks.row import Row, unpack

PREFIX = "torchladder"
WAITS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds between the looks for rows that are not there yet
PATIENCE_S = 2.0  # for one answer of the store
LAST_WAIT_S = 5.0  # for the rows of the end, and for what the others find there
BROKEN_WAIT_S = 0.5  # the same, where the training was broken off
KEPT_MAX = 64  # processes that keep their connection: a thousand would use up what the store's host may open
TURN_S = 0.002  # by which each of many processes waits for its turn
LEAVE_S = 0.02  # between two looks at the end
HOLD_S = 8.0  # for which another process that was stopped waits until the first has written its record
GO_S = 0.5  # that it then leaves to the first for going

Work = Callable[[], None]

_watches = 0  # of this process so far: a later one must not read an earlier one's rows


@dataclass
class Waiting:
    """A round whose rows the first process waits for."""

    key: str
    looks: int = 0
    due: float = 0.0


@dataclass
class Post:
    """The mailbox of one process; ``arrived`` holds rounds as (key, rows) for the first process alone."""

    rank: int
    world: int
    arrived: deque[list[Row]] = field(default_factory=deque)
    prefix: str = ""  # of its keys, the same on every process
    urgent: Callable[[list[Row]], None] | None = None  # told in the thread of what cannot wait; see ``expect``
    failure: str | None = None
    messages: int = 0  # sent and asked for by this process; ``bytes_sent`` of its rows, ``bytes_read`` of all rows
    bytes_sent: int = 0
    bytes_read: int = 0

    def __post_init__(self) -> None:
        global _watches  # noqa: PLW0603 - counts the watches of the process
        _watches += 1
        self.prefix = self.prefix or f"{PREFIX}/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}.{_watches}"
        many = self.world > KEPT_MAX
        self.notices = Notices(self.rank, self.world, self._key, many)
        self._tasks: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._last_wait = LAST_WAIT_S
        self._closed = False
        self._waiting: list[Waiting] = []
        self._read: deque[str] = deque()
        self._thread: threading.Thread | None = None
        self._expected: str | None = None
        self._kept: Any = None

    def send(self, key: str, row: Callable[[], bytes]) -> None:
        """Hand over a row; ``row`` is called in the thread, once what it needs has left the device."""
        self.do(functools.partial(self._send, key, row))

    def tell(self, step: int, finding: Finding) -> None:
        """Hand over a finding for the first process."""
        self.do(lambda: self.notices.tell(self._store_in_turn(), step, finding))

    def announce_stop(self) -> None:
        """Tell the others after which step to leave; see ``notices``."""
        self.do(lambda: self.notices.announce(self._store()))

    def do(self, work: Work) -> None:
        """Have something done in the thread."""
        self._start()
        self._tasks.put(work)

    def expect(self, key: str) -> None:
        """Look for the others' rows though our own may never come; only the first process looks.

        A process may be held up in averaging gradients by another one that lacks some: then the rows that are there
        are given to ``urgent``, as the training's own thread is not coming back.
        """
        if self.rank == 0:
            self._waiting.append(Waiting(key, due=time.monotonic() + WAITS[0]))
            self._expected = key
        self._start()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="torchladder ranks", daemon=True)
            self._thread.start()
            atexit.register(self._abandon)

    def _abandon(self) -> None:
        """End the thread of a watch that nobody has ended: it must not wake up in an interpreter that is going."""
        self.close(well=False)

    def close(self, *, well: bool = True, hold: bool = False) -> None:
        """Send what is there and end the thread.

        The first process gives the others a moment for what they have to say at their end, less of it where the
        training was broken off. Another one that is to ``hold`` stays until the first has left: launchers end all
        processes once one has gone.
        """
        if self._thread is None or self._closed:
            return
        self._closed = True
        atexit.unregister(self._abandon)
        self._last_wait = LAST_WAIT_S if well else BROKEN_WAIT_S
        if self.rank:
            self.do(functools.partial(self._leave, hold=hold))
        self._tasks.put(None)
        turn = self.world * TURN_S if self.world > KEPT_MAX else 0.0
        wait = self._last_wait if self.rank == 0 else HOLD_S if hold else 0.0
        self._thread.join(wait + PATIENCE_S + turn)
        if hold:
            time.sleep(GO_S)

    # --- the thread ---------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while self._serve():
                pass
            self._collect_last(self._store())
        except Exception as error:
            self.failure = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"

    def _store(self) -> Any:
        """Return a connection; of many processes only the first keeps its own, and others close it after use."""
        if self._kept is not None:
            return self._kept
        try:
            store = connected()
        except RuntimeError:  # a host that many ask at once may not answer all of them in time
            store = connected()
        if self.world <= KEPT_MAX or self.rank == 0:
            self._kept = store
        return store

    def _serve(self) -> bool:
        """Do one thing that was handed over, or look for what is due; False when nothing more will come."""
        try:
            task = self._tasks.get(timeout=self._pause())
        except queue.Empty:
            store = self._store()
            self._collect(store)
            if self.notices.looking and self.notices.due <= time.monotonic():
                self.notices.look(store)
            return True
        if task is None:
            return False
        task()
        return True

    def _store_in_turn(self) -> Any:
        """Return a connection once it is this one's turn among many processes that come at the same time."""
        if self.world > KEPT_MAX:
            time.sleep(self.rank * TURN_S)
        return self._store()

    def _send(self, key: str, row: Callable[[], bytes]) -> None:
        data = row()
        self._store_in_turn().append(self._key(key), data)
        self.messages += 1
        self.bytes_sent += len(data)
        if self.rank == 0:
            self._waiting = [w for w in self._waiting if w.key != key]
            self._waiting.append(Waiting(key, due=time.monotonic() + WAITS[0]))

    def _leave(self, *, hold: bool) -> None:
        """Say that nothing more will come from this process."""
        store = self._store_in_turn()
        self.messages += 1
        store.add(self._key("left"), 1)
        if hold:
            store.wait([self._key("over")], datetime.timedelta(seconds=HOLD_S))

    def _pause(self) -> float | None:
        """Return how long to wait for something of our own to do before looking for what the others left."""
        due = [w.due for w in self._waiting] + ([self.notices.due] if self.notices.looking else [])
        return max(min(due) - time.monotonic(), 0.001) if due else None

    def _collect(self, store: Any, *, last: bool = False) -> None:
        for waiting in list(self._waiting):
            if not last and waiting.due > time.monotonic():
                continue
            rows = self._rows_of(store, waiting.key)
            if len(rows) < self.world and waiting.looks < len(WAITS) - 1:
                waiting.looks += 1
                waiting.due = time.monotonic() + WAITS[waiting.looks]
                continue
            self._take(store, waiting, rows)

    def _rows_of(self, store: Any, key: str) -> list[Row]:
        """Return the rows that have come; asks first, because reading a key that is not there would block."""
        self.messages += 2
        if not store.check([self._key(key)]):
            return []
        data = store.get(self._key(key))
        self.bytes_read += len(data)
        rows = unpack(data)
        if key == self._expected and self.urgent is not None and any(r.waited_for for r in rows):
            self._expected = None
            self.urgent(rows)
        return rows

    def _take(self, store: Any, waiting: Waiting, rows: list[Row]) -> None:
        self._waiting.remove(waiting)
        self.arrived.append(rows)
        self._read.append(waiting.key)
        if len(self._read) > len(WAITS):  # whoever wrote late has written by now
            self.messages += 1
            store.delete_key(self._key(self._read.popleft()))

    def _collect_last(self, store: Any) -> None:
        """Read what is still to come; rounds that stay incomplete are given out as they are."""
        if self.rank:
            return
        until = time.monotonic() + self._last_wait
        while True:
            self.messages += 1
            gone = store.add(self._key("left"), 0) >= self.world - 1  # whoever has left has sent all it had
            if gone or time.monotonic() >= until:
                break
            time.sleep(LEAVE_S)
        self.arrived.extend(self._rows_of(store, waiting.key) for waiting in self._waiting)
        self.notices.take(store)

    def release(self) -> None:
        """Let those who hold go; called by the first process when its record is written."""
        with contextlib.suppress(Exception):  # they go by themselves in a few seconds
            connected().set(self._key("over"), "1")

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}"


def connected() -> Any:
    """Return a connection of our own to the store of the run.

    Raises:
        RuntimeError: If there is none that rows can be appended to.
    """
    patience = datetime.timedelta(seconds=PATIENCE_S)
    host, port = os.environ.get("MASTER_ADDR"), os.environ.get("MASTER_PORT")
    try:
        if host and port:
            tcp: Any = dist.TCPStore  # type: ignore[attr-defined]
            return tcp(host, int(port), is_master=False, wait_for_workers=False, timeout=patience)
    except (RuntimeError, ValueError):  # the processes met elsewhere
        pass
    store: Any = dist.distributed_c10d._get_default_store()  # noqa: SLF001 - the one way to the store of an explicit meeting
    if not hasattr(store, "clone") or not store.has_extended_api():
        msg = "the processes met through a store that keeps no rows"
        raise RuntimeError(msg)
    store = store.clone()
    store.set_timeout(patience)
    return store
