"""Run a program bare, watched, or watched by a monitor whose parts fail at random; print everything it computed.

python eye.py bare|watched|failingN|togetherN PROGRAM [ARGUMENT ...]

The number is that of the part which fails, in ``PARTS`` or ``TOGETHER``.
"""

import contextlib
import functools
import hashlib
import random
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import torchladder
from torchladder.monitor import (
    beat,
    close_look,
    courier,
    feeding,
    growth,
    held_out,
    histograms,
    judge,
    memory,
    monitor,
    origin,
    outputs,
    recorder,
    schedule,
    transfer,
    watch,
    weights,
)
from torchladder.monitor.ranks import look, notices, post, ranks, samplers, table

PARTS: tuple[tuple[Any, str], ...] = (
    (monitor.Monitor, "_take_in_of"),
    (beat.Beat, "rest"),
    (close_look.CloseLook, "measure"),
    (close_look.CloseLook, "send"),
    (monitor.Monitor, "_arrange"),
    (close_look, "_parameters"),
    (monitor.Monitor, "_judge"),
    (monitor.Monitor, "_meet"),
    (monitor.Monitor, "_end_evaluation"),
    (monitor.Monitor, "facts"),
    (weights.Movement, "measure"),
    (outputs.Outputs, "attach"),
    (outputs.Outputs, "detach"),
    (transfer.Transfer, "send"),
    (schedule.Schedule, "due"),
    (courier.Courier, "steps"),
    (judge.Judge, "look"),
    (held_out.HeldOut, "_called"),
    (held_out.HeldOut, "after"),
    (held_out.HeldOut, "begin"),
    (histograms.Histograms, "look"),
    (feeding.Feeding, "opened"),
    (feeding.Feeding, "served"),
    (feeding.Feeding, "take_in"),
    (growth.Growth, "before_backward"),
    (growth.Growth, "after_step"),
    (memory.Memory, "look"),
    (origin.Tracer, "before_backward"),
    (origin.Tracer, "before_step"),
    (recorder.Recorder, "start"),
    (recorder.Recorder, "_entry"),
    (recorder.Recorder, "_made"),
    (recorder.Recorder, "_add"),
    (recorder.Recorder, "stop"),
    (ranks.Ranks, "after_step"),
    (samplers.Samplers, "opened"),
    (samplers.Samplers, "served"),
    (watch.Watch, "_finish"),
)
# What several processes that train together do besides.
TOGETHER: tuple[tuple[Any, str], ...] = (
    (ranks, "measured"),
    (ranks, "replica_of"),
    (ranks.Ranks, "_meet"),
    (ranks.Ranks, "_flags"),
    (look.Look, "attach"),
    (look.Look, "_called"),
    (post, "connected"),
    (post.Post, "send"),
    (post.Post, "_serve"),
    (post.Post, "_rows_of"),
    (post.Post, "close"),
    (notices.Notices, "look"),
    (notices.Notices, "take"),
    (table.Table, "add"),
)


def label(part: tuple[Any, str]) -> str:
    """Return a part's name, with that of its owner."""
    return f"{part[0].__name__.rpartition('.')[2]}.{part[1]}"


KEPT: list[Any] = []


def keep(kind: type) -> None:
    """Keep every object of a class alive, so that its state can be read when the program has let go of it."""
    original = kind.__init__

    @functools.wraps(original)
    def init(thing: Any, *args: Any, **kwargs: Any) -> None:
        original(thing, *args, **kwargs)
        KEPT.append(thing)

    kind.__init__ = init


def fail_at_random(owner: Any, name: str) -> None:
    """Make one part of the monitor raise now and then."""
    dice = random.Random(name)
    original = getattr(owner, name)

    def sometimes(*args: Any, **kwargs: Any) -> Any:
        if dice.random() < 0.3:
            msg = f"{name} failed on purpose"
            raise RuntimeError(msg)
        return original(*args, **kwargs)

    setattr(owner, name, sometimes)


@contextlib.contextmanager
def eye(how: str) -> Iterator[None]:
    """Watch, or not."""
    if how == "bare":
        yield
        return
    with torchladder.watch(overhead=0.5, every=3, folder=None, quiet=True) as run:
        yield
    failures = run.monitor.failures
    print("steps", run.monitor.step, "samples", run.monitor.schedule.samples, failures, file=sys.stderr)


def digest() -> str:
    """Return a hash of every tensor that a living module or optimizer holds."""
    found = hashlib.sha256()
    rows = []
    for thing in KEPT:
        state = thing.state_dict()
        flat = str([(k, v.tolist() if isinstance(v, torch.Tensor) else str(v)) for k, v in _leaves(state)])
        rows.append(type(thing).__name__ + flat)
    for row in sorted(rows):
        found.update(row.encode())
    return f"{len(rows)} {found.hexdigest()}"


def _leaves(state: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(state, dict):
        for key, value in state.items():
            yield from _leaves(value, f"{path}.{key}")
    elif isinstance(state, list | tuple):
        for i, value in enumerate(state):
            yield from _leaves(value, f"{path}[{i}]")
    else:
        yield path, state


if __name__ == "__main__":
    how, program = sys.argv[1], sys.argv[2]
    for word, parts in (("failing", PARTS), ("together", TOGETHER)):
        if how.startswith(word):
            fail_at_random(*parts[int(how.removeprefix(word))])
    sys.argv = sys.argv[2:]
    sys.path.insert(0, str(Path(program).parent))
    torch.set_num_threads(1)
    keep(torch.nn.Module)
    keep(torch.optim.Optimizer)
    random.seed(3)
    np.random.seed(4)
    doors = torch.Tensor.backward, torch.autograd.backward, torch.nn.Module.train, torch.utils.data.DataLoader.__iter__
    with eye(how):
        world = runpy.run_path(program, run_name="__main__")
    after = torch.Tensor.backward, torch.autograd.backward, torch.nn.Module.train, torch.utils.data.DataLoader.__iter__
    print("doors", doors == after)
    print("tensors", digest())
    print("draws", torch.rand(3, dtype=torch.float64).tolist(), np.random.rand(), random.random())
