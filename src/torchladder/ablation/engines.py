"""Where the runs are made: in processes of this machine, several at once, or on the nodes of a Ray cluster."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import IO, Any

from torchladder.ablation.job import Job, Result, failed
from torchladder.core.errors import UsageError
from torchladder.core.jsonable import from_json, to_json

Engine = Callable[[Sequence[Job]], Iterator[tuple[Job, Result]]]

THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
COMMAND = (sys.executable, "-P", "-m", "torchladder.ablation.worker")
TAIL = 20_000
RAY_MISSING = "--engine ray needs Ray: pip install 'torchladder[ray]'"


def engine_of(name: str, jobs: int) -> Engine:
    """Return who makes the runs.

    Raises:
        UsageError: If Ray is wanted and not installed.
    """
    if name == "ray":
        try:
            import ray  # noqa: F401 - the complaint comes before anything is run
        except ImportError:
            raise UsageError(RAY_MISSING) from None
        return over_ray
    return lambda queue: in_processes(queue, jobs)


class Children:
    """The processes that run, to be ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    @contextlib.contextmanager
    def process(self, errors: IO[bytes], threads: int) -> Iterator[subprocess.Popen[bytes] | None]:
        """Start a worker, in a group of its own; None if all are to end."""
        with self._lock:
            child = None if self._ended else started(errors, threads)
            if child is not None:
                self._running.add(child)
        try:
            yield child
        finally:
            if child is not None:
                child.wait()
                with self._lock:
                    self._running.discard(child)

    def end(self) -> None:
        """End them all, and what they started."""
        with self._lock:
            self._ended = True
            for child in self._running:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)


def started(errors: IO[bytes], threads: int) -> subprocess.Popen[bytes]:
    """Start a worker that waits for its job."""
    environment = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
    return subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, start_new_session=True
    )


def made(job: Job, children: Children | None = None) -> Result:
    """Make one run in a process of its own and wait for it."""
    with tempfile.TemporaryFile() as errors, (children or Children()).process(errors, job.threads) as child:
        if child is None:
            return failed("not begun")
        assert child.stdin is not None
        assert child.stdout is not None
        with child.stdin, child.stdout:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(json.dumps(to_json(job)).encode() + b"\n")
                child.stdin.flush()
            answer = child.stdout.read()
        status = child.wait()
        try:
            result: Result = from_json(Result, json.loads(answer))
        except (ValueError, TypeError, KeyError):
            return failed(_why(status, errors))
        return result


def _why(status: int, errors: IO[bytes]) -> str:
    """Return why a worker left no result."""
    if status == -signal.SIGKILL:
        return "the run was killed, perhaps since memory ran out"
    errors.seek(max(errors.seek(0, 2) - TAIL, 0))
    lines = errors.read().decode("utf-8", "replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return f"the run ended without a result ({how}): {last}"


def in_processes(queue: Sequence[Job], at_once: int) -> Iterator[tuple[Job, Result]]:
    """Make runs on this machine, some at once; those that run end when nobody asks for more."""
    children = Children()
    pool = ThreadPoolExecutor(at_once)
    try:
        running: dict[Future[Result], Job] = {pool.submit(made, job, children): job for job in queue}
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        children.end()
        pool.shutdown(wait=True, cancel_futures=True)


def over_ray(queue: Sequence[Job]) -> Iterator[tuple[Job, Result]]:
    """Make runs as tasks of a Ray cluster: the one at RAY_ADDRESS, else one started on this machine."""
    import ray

    cluster: Any = ray
    started_here = not ray.is_initialized()
    if started_here:
        address = os.environ.get("RAY_ADDRESS")
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    running: dict[Any, Job] = {}
    try:
        cpus = int(max((node["Resources"].get("CPU", 0) for node in cluster.nodes() if node["Alive"]), default=0))
        for job in queue:  # a task that asks for more than any node has would wait for ever
            remote: Any = ray.remote(num_cpus=max(1, min(job.threads, cpus)), max_retries=1)(made_away)
            running[remote.remote(to_json(job))] = job
        while running:
            done, _ = ray.wait(list(running), num_returns=1)
            job = running.pop(done[0])
            try:
                result: Result = from_json(Result, ray.get(done[0]))
            except ray.exceptions.RayError as error:
                result = failed(f"Ray lost the run: {' '.join(str(error).split())}")
            yield job, result
    finally:
        for reference in running:
            with contextlib.suppress(Exception):  # the cluster may be gone already
                ray.cancel(reference, force=True)
        if started_here:
            ray.shutdown()


def made_away(content: dict[str, Any]) -> Any:
    """Make one run on the node that this is called on."""
    return to_json(made(from_json(Job, content)))
