"""One option of an optimizer's groups (weight decay, momentum) has another value during each step."""

from typing import Any

import torch

from torchladder.probes.phases import Phase
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``, ``option``, and ``factor`` or ``value``; of ``betas`` the first is meant."""
    option = args["option"]
    kept: dict[int, list[Any]] = {}

    def other(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return (other(value[0]), *value[1:])
        return args["value"] if "value" in args else value * args["factor"]

    def before(optimizer: torch.optim.Optimizer) -> None:
        phase = session.phase_of(optimizer)
        if phase is None or phase.id != args["phase"]:
            return
        kept[id(optimizer)] = [g.get(option) for g in optimizer.param_groups]
        for g in optimizer.param_groups:
            if g.get(option):
                g[option] = other(g[option])

    def after(phase: Phase | None) -> None:
        if phase is None or phase.optimizer is None:
            return
        for g, value in zip(phase.optimizer.param_groups, kept.pop(id(phase.optimizer), []), strict=False):
            if value is not None:
                g[option] = value

    session.optimizers.before_step.append(before)
    session.on_step.insert(0, after)
