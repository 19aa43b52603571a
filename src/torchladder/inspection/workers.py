"""The shards in several processes of this machine, or over a Ray cluster: the same work in other places."""

import logging
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import Any

from torchladder.core.errors import UsageError
from torchladder.inspection.engine import Mapper, Part, Task, here, work
from torchladder.inspection.fold import Fold
from torchladder.sets.source import Source

AHEAD = 2  # shards given out for each worker: results do not pile up
RAY_AHEAD = 64


def mapper_of(engine: str, workers: int) -> Mapper:
    """Return who does the shards.

    Raises:
        UsageError: If Ray is wanted and not installed.
    """
    if engine == "ray":
        try:
            import ray  # noqa: F401 - the complaint comes before anything is read
        except ImportError:
            msg = "--engine ray needs Ray: pip install 'torchladder[ray]'"
            raise UsageError(msg) from None
        return over_ray
    if workers > 1:
        return lambda sources, folds, tasks: in_processes(sources, folds, tasks, workers)
    return here


def _quiet() -> None:
    """Leave Ctrl-C to the process that began it all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def in_processes(
    sources: Sequence[Source], folds: Sequence[Fold[Any]], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[Task, Part]]:
    """Do the shards in processes of their own, a few at a time."""
    if not tasks:
        return
    pool = ProcessPoolExecutor(min(workers, len(tasks)), mp_context=get_context("spawn"), initializer=_quiet)
    try:
        running: dict[Future[Part], Task] = {}
        rest = iter(tasks)
        for task in rest:
            running[pool.submit(work, sources[task.side], folds, task.start, task.stop)] = task
            if len(running) >= AHEAD * workers:
                break
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                following = next(rest, None)
                if following is not None:
                    source = sources[following.side]
                    running[pool.submit(work, source, folds, following.start, following.stop)] = following
                yield task, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def over_ray(
    sources: Sequence[Source], folds: Sequence[Fold[Any]], tasks: Sequence[Task]
) -> Iterator[tuple[Task, Part]]:
    """Do the shards as tasks of a Ray cluster: the one at RAY_ADDRESS, else one started on this machine."""
    import ray

    if not tasks:
        return
    started = not ray.is_initialized()
    if started:
        address = os.environ.get("RAY_ADDRESS")
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    try:
        held = [ray.put(s) for s in sources]
        checks = ray.put(list(folds))
        remote: Any = ray.remote(work)
        running: dict[Any, Task] = {}
        rest = iter(tasks)
        for task in rest:
            running[remote.remote(held[task.side], checks, task.start, task.stop)] = task
            if len(running) >= RAY_AHEAD:
                break
        while running:
            done, _ = ray.wait(list(running), num_returns=1)
            task = running.pop(done[0])
            following = next(rest, None)
            if following is not None:
                running[remote.remote(held[following.side], checks, following.start, following.stop)] = following
            yield task, ray.get(done[0])
    finally:
        if started:
            ray.shutdown()
