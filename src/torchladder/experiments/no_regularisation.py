"""Training without regularisation: no dropout, no weight decay.

The playbook's question where a model fits poorly: is it held back on purpose?
"""

from typing import Any

from torch import nn

from torchladder.experiments.at_start import once
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase`` (0): dropout layers of its models pass everything, optimizers do not decay weights."""
    once(session, args.get("phase", 0), _pass_everything)
    session.optimizers.before_step.append(_no_decay)


def _pass_everything(root: nn.Module) -> None:
    for module in root.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):  # noqa: SLF001 - no public base
            module.p = 0.0
        elif isinstance(getattr(module, "drop_prob", None), float):  # stochastic depth
            vars(module)["drop_prob"] = 0.0


def _no_decay(optimizer: Any) -> None:
    for group in optimizer.param_groups:
        if group.get("weight_decay"):
            group["weight_decay"] = 0.0
