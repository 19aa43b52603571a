"""Changes made once, when a phase's model is first called in training."""

from collections.abc import Callable
from typing import Any

from torch import nn

from torchladder.probes.modules import Root
from torchladder.probes.session import Session


def once(session: Session, phase: int, act: Callable[[nn.Module], None]) -> None:
    """Call ``act`` with each root, once, when training of ``phase`` begins."""
    done: set[int] = set()

    def on_root(root: Root, args: Any) -> Any:
        begun = len(session.phases) > phase or (len(session.phases) == phase and session.optimizers.unstepped())
        if id(root.module) not in done and (begun or phase == 0):
            done.add(id(root.module))
            act(root.module)
        return args

    session.modules.on_root.append(on_root)


def named(root: nn.Module, names: list[str]) -> list[tuple[str, nn.Parameter]]:
    """Return the parameters of ``root`` with these names ("Root:layer.weight" or "layer.weight")."""
    wanted = {n.rpartition(":")[2] for n in names}
    return [(n, p) for n, p in root.named_parameters() if n in wanted]
