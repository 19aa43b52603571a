"""A copy of a live process, cut loose from the original: what a fork still shares is parted here.

Memory that is shared on purpose, offsets of open files, workers of loaders, logs and displays. All of it
runs in the copy; the original is not touched.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import Any

COPIED_BYTES = 1 << 28  # larger files that are open for writing lose what the copy writes to them
_kept: list[Any] = []  # ended by nobody: closing one here would end the original's workers


def cut_loose(scratch: str, optimizers: Iterable[Any], modules: Iterable[Any], loaders: Iterable[Any]) -> None:
    """Part this process from the one it is a copy of."""
    import torch

    torch.set_num_threads(1)  # threads of OpenMP do not survive a fork
    torch.inference_mode(mode=False).__enter__()
    torch.set_grad_enabled(True)
    _own_files(scratch)
    _own_memory(optimizers, modules)
    for loader in loaders:
        _own_workers(loader)
    _silence()


def _own_memory(optimizers: Iterable[Any], modules: Iterable[Any]) -> None:
    """Copy tensors that lie in memory shared between processes, keeping who refers to whom."""
    import torch

    tensors = [t for m in modules for t in (*m.parameters(), *m.buffers())]
    for optimizer in optimizers:
        tensors += [p for group in optimizer.param_groups for p in group["params"]]
        tensors += [v for s in optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
    tensors += [t.grad for t in tensors if t.is_leaf and t.grad is not None]
    for t in {id(t): t for t in tensors}.values():
        if t.layout is torch.strided and not t.is_cuda and t.is_shared():
            t.data = t.data.clone()


def _own_workers(loader: Any) -> None:
    """Let a loader start workers of its own instead of asking those of the original."""
    iterator = getattr(loader, "_iterator", None)
    if iterator is not None:
        _kept.append(iterator)
        loader._iterator = None  # noqa: SLF001 - how persistent workers are kept; there is no public way


def _own_files(scratch: str) -> None:
    """Give every open file an offset of its own, and keep what is written away from it."""
    for descriptor, flags in list(_regular_files()):
        own = f"/proc/self/fd/{descriptor}"
        with contextlib.suppress(OSError):
            offset = os.lseek(descriptor, 0, os.SEEK_CUR)
            mode = flags & os.O_ACCMODE
            if mode == os.O_RDONLY:
                opened = os.open(own, flags)
            elif mode == os.O_RDWR and os.fstat(descriptor).st_size <= COPIED_BYTES:
                copy = shutil.copyfile(own, os.path.join(scratch, f"open-{descriptor}"))
                opened = os.open(copy, flags)
            else:
                opened = os.open(os.devnull, os.O_WRONLY)
            os.dup2(opened, descriptor, inheritable=os.get_inheritable(descriptor))
            os.close(opened)
            os.lseek(descriptor, offset, os.SEEK_SET)


def _regular_files() -> Iterator[tuple[int, int]]:
    """Yield the descriptors of open files, past the standard streams, with their flags."""
    names = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    for number in sorted(int(name) for name in names):
        with contextlib.suppress(OSError):
            if number > 2 and stat.S_ISREG(os.fstat(number).st_mode):  # noqa: PLR2004 - the last standard stream
                yield number, fcntl.fcntl(number, fcntl.F_GETFL)


def _silence() -> None:
    """Stop what is shown or sent through objects that exist already: displays, event files, trackers."""

    def nothing(*_args: Any, **_options: Any) -> None:
        return None

    for module, owner, names in (
        ("IPython", "display.DisplayHandle", ("display", "update")),
        ("IPython.core.displaypub", "DisplayPublisher", ("publish", "clear_output")),
        ("ipykernel.zmqshell", "ZMQDisplayPublisher", ("publish", "clear_output")),
        # The thread that would empty this writer's queue was not copied; a full queue waits for ever.
        ("torch.utils.tensorboard.writer", "FileWriter", ("add_event", "flush", "close")),
        ("wandb.sdk.wandb_run", "Run", ("log", "save", "log_artifact", "alert", "finish")),
    ):
        found: Any = sys.modules.get(module)
        for part in owner.split("."):
            found = getattr(found, part, None)
        for name in names if found is not None else ():
            if hasattr(found, name):
                setattr(found, name, nothing)
    for logger in [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]:
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
                with contextlib.suppress(AttributeError):  # one that looks sys.stderr up by itself
                    handler.stream = sys.stderr
