"""Processes the program starts: they attach through the environment, and report to files.

A Python started by the program finds our ``sitecustomize`` first; it waits for torch to be
imported there and attaches the same observer. Forked children (DataLoader workers) carry copies
of everything and need nothing; only those that train are asked, see ``watch_forks``.
"""

import atexit
import contextlib
import json
import multiprocessing.util
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from torchladder.runner import edited, place, record
from torchladder.runner.child import attach, start_watchdog
from torchladder.runner.control import Control, child_record_name
from torchladder.runner.hooks import on_import
from torchladder.runner.sandbox import Sandbox

ATTACH = "TORCHLADDER_ATTACH"
_SITE = str(Path(__file__).with_name("attach_site"))
# Children collect this much before the program itself is ended, which ends them as well.
_EARLIER_SECONDS = 1.0
_EARLIER_SHARE = 0.05


def variables(entry: str, options: dict[str, Any], *, cwd: str, seconds: float, scratch: str) -> dict[str, str]:
    """Return the environment variables through which child processes attach."""
    earlier = min(_EARLIER_SECONDS, seconds * _EARLIER_SHARE)
    content = {
        "entry": entry,
        "options": options,
        "cwd": cwd,
        "scratch": str(Path(scratch).resolve()),
        "deadline": time.time() + seconds - earlier,
    }
    path = [_SITE, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {ATTACH: json.dumps(content), "PYTHONPATH": os.pathsep.join(path)}


def child_payloads(scratch: str) -> list[dict[str, Any]]:
    """Return what the collectors in child processes gave, rank 0 first."""
    names = (path.name for path in Path(scratch).glob("child-*.json"))
    records = [content for name in sorted(names) if (content := record.read(scratch, name))]
    records.sort(key=lambda content: int(content.get("rank") or 0))
    return [content["payload"] for content in records if content.get("payload") is not None]


def begin() -> None:
    """Start observing this process, as soon as it has torch; called by our sitecustomize."""
    content = json.loads(os.environ[ATTACH])
    place.set_root(content["cwd"])
    sys.dont_write_bytecode = True
    sandbox = Sandbox(content["scratch"], cwd=content["cwd"])
    sandbox.__enter__()
    edited.import_from(content["scratch"])
    on_import("torch", lambda _module: _begin_observing(content))


def _begin_observing(content: dict[str, Any]) -> None:
    seconds = max(0.0, content["deadline"] - time.time())
    control = Control(content["scratch"], seconds, record_name=child_record_name())
    try:
        control.collector = attach(control, content["entry"], content["options"])
    except Exception:
        control.finish("stopped", failure=traceback.format_exc())
        return
    atexit.register(_report, control)
    # A child of multiprocessing's fork server skips atexit and runs these.
    multiprocessing.util.register_after_fork(control, _report_at_exit)
    start_watchdog(control)


def watch_forks(control: Control) -> None:
    """Let children that the program forks report, if the collector can tell their part apart.

    A collector that can has a method ``after_fork()``, which forgets what the parent saw.
    """
    if hasattr(control.collector, "after_fork"):
        multiprocessing.util.register_after_fork(control, _report_at_exit)


def _report_at_exit(control: Control) -> None:
    if control.is_copy():
        with contextlib.suppress(Exception):
            control.collector.after_fork()  # type: ignore[union-attr]  # asked for in watch_forks
    multiprocessing.util.Finalize(None, _report, args=(control,), exitpriority=0)


def _report(control: Control) -> None:
    if not _is_loader_worker():
        control.finish("ended")


def _is_loader_worker() -> bool:
    data = sys.modules.get("torch.utils.data")
    return data is not None and data.get_worker_info() is not None
