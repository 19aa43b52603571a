"""The life of one forked child: a clean process, the observer attached, the program, the record.

Nothing here returns to the parent's code: every path ends in ``os._exit``.
"""

import _thread
import atexit
import contextlib
import faulthandler
import gc
import importlib
import io
import logging
import multiprocessing.process
import multiprocessing.util
import os
import signal
import sys
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

from torchladder.runner import edited, environment, place, record
from torchladder.runner.control import Collector, Control, leave
from torchladder.runner.execute import execute
from torchladder.runner.sandbox import Sandbox
from torchladder.runner.target import Target

# How often the watchdog looks whether torchladder itself is still there.
_PARENT_CHECK_SECONDS = 1.0
# What a shell reports for a program ended by Ctrl-C.
_INTERRUPTED_STATUS = 130


def live(target: Target, entry: str, options: dict[str, Any], *, seconds: float, scratch: str) -> NoReturn:
    """Be the child: never returns."""
    # Imported late as it needs this module to attach in its turn.
    from torchladder.runner import children

    try:
        os.setsid()
        _own_streams(scratch)
        _forget_parent()
        os.environ.update(environment.settings(scratch))
        os.environ.update(children.variables(entry, options, cwd=target.cwd, seconds=seconds, scratch=scratch))
        sys.dont_write_bytecode = True
        os.chdir(target.cwd)
        place.set_root(target.cwd)
        control = Control(scratch, seconds)
        start_watchdog(control)
        _attach(control, entry, options)
        children.watch_forks(control)
        edited.import_from(scratch)
        _run_program(control, _program(control, target, entry), cwd=target.cwd)
    except BaseException:
        content = {"state": "stopped", "payload": None, "failure": traceback.format_exc()}
        record.write(scratch, record.RUN, content)
    finally:
        leave(1)


def attach(control: Control, entry: str, options: dict[str, Any]) -> Collector:
    """Return the collector made by ``entry``, a function given as ``package.module:function``."""
    module, _, function = entry.partition(":")
    make = cast(
        "Callable[[Control, dict[str, Any]], Collector]",
        getattr(importlib.import_module(module), function),
    )
    return make(control, options)


def _attach(control: Control, entry: str, options: dict[str, Any]) -> None:
    try:
        control.collector = attach(control, entry, options)
    except Exception:
        control.finish("stopped", failure=traceback.format_exc())
        leave(1)


def _program(control: Control, target: Target, entry: str) -> Callable[[], None]:
    """Return what runs the target in this process."""
    if target.kind != "objects":
        return partial(execute, target)
    from torchladder.runner import objects

    return objects.prepared(target, control, entry)


def _run_program(control: Control, program: Callable[[], None], *, cwd: str) -> NoReturn:
    # Never left: what exit functions write belongs into the scratch folder too.
    Sandbox(control.scratch, cwd=cwd).__enter__()
    try:
        program()
    except SystemExit as error:
        status = _status_of(error)
        _end(control, "exited" if status else "ended", status)
    except BaseException as error:
        _crash(control, error)
    _end(control, "ended", 0)


def _end(control: Control, state: str, status: int) -> NoReturn:
    """End as the interpreter would: threads joined, record written, exit functions run."""
    with contextlib.suppress(BaseException):
        _join_threads()
    control.finish(state, exit_status=status)
    _run_exit_functions()
    leave(status)


def _crash(control: Control, error: BaseException) -> NoReturn:
    fact = record.error_fact(error)
    print(fact.traceback, end="", file=sys.stderr)  # noqa: T201 -- as the interpreter does
    status = _INTERRUPTED_STATUS if isinstance(error, KeyboardInterrupt) else 1
    control.finish("crashed", exit_status=status, error=fact)
    _run_exit_functions()
    leave(status)


def _status_of(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)  # noqa: T201 -- sys.exit("words") prints them
    return 1


def _join_threads() -> None:
    # The interpreter itself calls this before anything else at exit; there is no public name.
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001


def _run_exit_functions() -> None:
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()  # noqa: SLF001 -- os._exit would skip what the program registered


def _own_streams(scratch: str) -> None:
    """Close stdin, send stdout and stderr to files, as file descriptors and as Python objects."""
    for descriptor, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, str(Path(scratch) / record.STDOUT), os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, str(Path(scratch) / record.STDERR), os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = sys.__stdin__ = _stream(0, sys.__stdin__, "<stdin>")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _stream(1, sys.__stdout__, "<stdout>")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2, sys.__stderr__, "<stderr>")  # type: ignore[misc]


def _stream(descriptor: int, like: TextIO | None, name: str) -> io.TextIOWrapper:
    """Return a stream with the encoding that Python chose for the one it made at its start."""
    is_input = descriptor == 0
    raw = io.FileIO(descriptor, "r" if is_input else "w", closefd=False)
    raw.name = name  # what Python itself shows for the standard streams
    buffer: Any = io.BufferedReader(raw) if is_input else io.BufferedWriter(raw)
    stream = io.TextIOWrapper(
        buffer,
        encoding=getattr(like, "encoding", None) or "utf-8",
        errors=getattr(like, "errors", None) or "strict",
        line_buffering=name == "<stderr>",
    )
    vars(stream)["mode"] = "r" if is_input else "w"
    return stream


def _forget_parent() -> None:
    """Drop what belongs to the parent: its exit functions, children, signal handlers, traces."""
    for finalizer in list(getattr(weakref.finalize, "_registry", ())):
        # A temporary folder of the parent's must not be deleted by a child's exit.
        finalizer.atexit = False
    atexit._clear()  # noqa: SLF001 -- no public way; the needed ones are registered again below
    atexit.register(logging.shutdown)
    atexit.register(multiprocessing.util._exit_function)  # type: ignore[attr-defined]  # noqa: SLF001
    if "torch.utils.data._utils" in sys.modules:
        atexit.register(sys.modules["torch.utils.data._utils"]._set_python_exit_flag)  # noqa: SLF001
    multiprocessing.util._finalizer_registry.clear()  # type: ignore[attr-defined]  # noqa: SLF001
    vars(multiprocessing.process)["_children"] = set()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if "error" not in "".join(sys.warnoptions):
        # Such a filter is of a test runner's making; the program must not fall over a warning.
        warnings.filters[:] = [f for f in warnings.filters if f[0] != "error"]  # type: ignore[index]
    # With a handler of ours there, the program's own basicConfig() would do nothing.
    logging.getLogger().handlers.clear()
    if "PYTHONFAULTHANDLER" not in os.environ and not sys.flags.dev_mode:
        faulthandler.disable()
    sys.settrace(None)
    sys.setprofile(None)
    # What torch and its libraries allocated at import is never garbage; scanning it would only
    # copy the pages we share with the parent.
    gc.freeze()


def start_watchdog(control: Control) -> None:
    """End this process when its seconds are over, or when the one that started it is gone."""
    # A bare thread: the program sees the number of threads it would see without us.
    _thread.start_new_thread(_watch, (control, os.getppid()))


def _watch(control: Control, parent: int) -> None:
    while (left := control.seconds_left()) > 0:
        time.sleep(min(left, _PARENT_CHECK_SECONDS))
        if os.getppid() != parent:
            os.killpg(0, signal.SIGKILL)
    control.finish("timeout")
    leave(0)
