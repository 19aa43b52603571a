"""The ways a run is attached: observed as it is, with one batch for ever, on a subset, with a rising rate.

Each is named by "module:function" so that a child process can attach itself.
"""

import importlib
from dataclasses import asdict
from typing import Any

from torchladder.core.errors import InternalError
from torchladder.core.jsonable import to_json
from torchladder.experiments.hand_over import HandOver
from torchladder.experiments.lr_sweep import LrSweep
from torchladder.experiments.origin import Origin
from torchladder.experiments.same_batch import SameBatch
from torchladder.experiments.smoke import Smoke
from torchladder.experiments.subset import Small
from torchladder.probes.picture import BatchCopy
from torchladder.probes.session import Plan, Session, Stopper


def _session(control: Stopper, options: dict[str, Any]) -> Session:
    session = Session(control, Plan(**options.get("plan", {})))
    for change in options.get("changes", ()):
        apply_change(session, change["kind"], change["args"])
    return session


def apply_change(session: Session, kind: str, args: dict[str, Any]) -> None:
    """Arrange for one change; raises InternalError for a kind that does not exist."""
    try:
        module = importlib.import_module(f"torchladder.experiments.{kind}")
    except ModuleNotFoundError as error:
        msg = f"no experiment is called {kind}"
        raise InternalError(msg) from error
    module.apply(session, args)


def observe(control: Stopper, options: dict[str, Any]) -> Session:
    """Attach all probes and change nothing (but what ``options`` asks for)."""
    session = _session(control, options)
    session.reads_data = True
    session.install()
    if options.get("batch"):
        session.batch = BatchCopy(session)
        session.batch.install()
    return session


def same_batch(control: Stopper, options: dict[str, Any]) -> SameBatch:
    """Attach all probes and give one phase the same batch for ever."""
    session = _session(control, options)
    experiment = SameBatch(
        session, phase=options.get("phase", 0), steps=options["steps"], limit=options["limit"], rows=options.get("rows")
    )
    experiment.install()
    session.install()
    return experiment


def smoke(control: Stopper, options: dict[str, Any]) -> Smoke:
    """Attach all probes and cut every pass over a loader to one batch."""
    session = _session(control, options)
    experiment = Smoke(session, seconds=options["seconds"])
    experiment.install()
    session.install()
    session.batch = BatchCopy(session)
    session.batch.install()
    return experiment


def lr_sweep(control: Stopper, options: dict[str, Any]) -> LrSweep:
    """Raise the learning rate of one phase at every step."""
    session = _session(control, options)
    experiment = LrSweep(session, **options["sweep"])
    experiment.install()
    session.install()
    return experiment


def subset(control: Stopper, options: dict[str, Any]) -> Small:
    """Attach all probes and train on a small share of the data."""
    session = _session(control, options)
    experiment = Small(session, **options["small"])
    experiment.install()
    session.install()
    return experiment


def hand_over(control: Stopper, options: dict[str, Any]) -> HandOver:
    """Attach all probes, change nothing, and write down the samples of both sides."""
    session = _session(control, options)
    session.reads_data = True
    experiment = HandOver(session)
    experiment.install()
    session.install()
    return experiment


def origin(control: Stopper, options: dict[str, Any]) -> Origin:
    """Look for the first operation that makes a non-finite value."""
    session = _session(control, options)
    experiment = Origin(session, phase=options["phase"], step=options["step"])
    experiment.install()
    session.install()
    return experiment


__all__ = ["asdict", "hand_over", "lr_sweep", "observe", "origin", "same_batch", "smoke", "subset", "to_json"]
