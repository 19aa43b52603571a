"""Run a program bare, watched, or watched by a monitor whose parts fail at random; print everything it computed.

python eye.py bare|watched|failing PROGRAM
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
from torchladder.monitor import held_out, judge, monitor, outputs, transfer, weights

PARTS: tuple[tuple[Any, str], ...] = (
    (monitor.Monitor, "_scalars"),
    (monitor.Monitor, "_sample"),
    (monitor.Monitor, "_arrange"),
    (monitor.Monitor, "_read"),
    (monitor.Monitor, "_judge"),
    (weights.Movement, "measure"),
    (outputs.Outputs, "attach"),
    (outputs.Outputs, "detach"),
    (transfer.Transfer, "send"),
    (judge.Judge, "look"),
    (held_out.HeldOut, "_called"),
    (held_out.HeldOut, "after"),
    (held_out.HeldOut, "begin"),
)


KEPT: list[Any] = []


def keep(kind: type) -> None:
    """Keep every object of a class alive, so that its state can be read when the program has let go of it."""
    original = kind.__init__

    @functools.wraps(original)
    def init(thing: Any, *args: Any, **kwargs: Any) -> None:
        original(thing, *args, **kwargs)
        KEPT.append(thing)

    kind.__init__ = init


def fail_at_random(seed: int) -> None:
    """Make one part of the monitor raise now and then."""
    dice = random.Random(seed)
    owner, name = dice.choice(PARTS)
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
    if how.startswith("failing"):
        fail_at_random(int(how.removeprefix("failing") or 0))
    sys.argv = [program]
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
