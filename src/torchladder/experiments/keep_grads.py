"""Calls of zero_grad between backward and step are ignored; gradients are cleared after the step."""

from typing import Any

from torchladder.probes.optimizers import held
from torchladder.probes.phases import Phase
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""
    session.optimizers.ignore_zero_grad = lambda optimizer: session.optimizers.lives[optimizer].passes_now > 0

    def clear(phase: Phase | None) -> None:
        if phase is not None and phase.optimizer is not None:
            for p in held(phase.optimizer):
                p.grad = None

    session.on_step.append(clear)
