"""The model is put into training mode before each training forward."""

from typing import Any

from torchladder.probes.modules import Root
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""

    def on_root(root: Root, given: Any) -> Any:
        root.module.train()
        return given

    session.modules.on_root.append(on_root)
