"""Evaluation calls of a model record no graph."""

from typing import Any

import torch

from torchladder.probes.modules import RootCall
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001 - the same for every call
    """No arguments are needed: evaluation reads another loader than training, or runs in another mode."""
    was: list[bool] = []
    trained: set[int] = set()  # models seen in training mode

    def on_enter(call: RootCall) -> None:
        loader = session.loaders.current
        held_out = loader is not None and session.backward.count > 0 and not session.loaders.is_trained(loader)
        if call.grad and call.training and not held_out:
            trained.add(id(call.root.module))
        elif call.grad and (held_out or id(call.root.module) in trained):
            was.append(torch.is_grad_enabled())
            torch.set_grad_enabled(False)
            call.grad = False

    def on_leave(call: RootCall) -> None:
        del call
        if was:
            torch.set_grad_enabled(was.pop())

    session.modules.on_enter.append(on_enter)
    session.modules.on_leave.append(on_leave)
