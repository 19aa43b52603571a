"""Evaluation calls of a model run in evaluation mode; its modes are afterwards what they were."""

from typing import Any

from torch import nn

from torchladder.probes.modules import RootCall
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001 - the same for every call
    """No arguments are needed: training steps are told apart by their gradients, or by their loader."""
    modes: list[tuple[nn.Module, bool]] = []

    def on_enter(call: RootCall) -> None:
        loader = session.loaders.current
        held_out = loader is not None and session.backward.count > 0 and not session.loaders.is_trained(loader)
        if call.grad and not held_out:
            return
        modes[:] = [(m, m.training) for m in call.root.module.modules()]
        for m, _ in modes:
            m.training = False
        call.training = False

    def on_leave(call: RootCall) -> None:
        del call
        for m, was in modes:
            m.training = was
        modes.clear()

    session.modules.on_enter.append(on_enter)
    session.modules.on_leave.append(on_leave)
