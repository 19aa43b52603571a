"""Every optimizer steps after each backward pass, and clears its gradients."""

from typing import Any

from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""

    def step(passed: Any) -> None:
        del passed
        session.after_backward_step = True

    session.backward.after.append(step)
