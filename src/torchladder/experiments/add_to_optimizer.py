"""Leaves that the loss reaches and no optimizer holds are added to the optimizer."""

from typing import Any

import torch

from torchladder.probes import graph
from torchladder.probes.optimizers import held
from torchladder.probes.session import Session


def reached_leaves(loss: torch.Tensor | None) -> list[torch.Tensor]:
    """Return the trainable leaves behind a loss, each once."""
    if loss is None:
        return []
    return [t for t in {id(t): t for t in graph.leaves(loss)}.values() if t.requires_grad and t.is_floating_point()]


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``; ``names`` is not needed, since what is reached is seen."""
    done = False

    def add(loss: torch.Tensor | None) -> None:
        nonlocal done
        optimizer = session.optimizers.most_recent()
        late = len(session.phases) + session.optimizers.unstepped() <= (args.get("phase") or 0)
        if done or optimizer is None or late:
            return
        done = True
        known = {id(p) for o in session.optimizers.lives for p in held(o)}
        fresh = [t for t in reached_leaves(loss) if id(t) not in known]
        if fresh:
            optimizer.add_param_group({"params": fresh})

    session.backward.before.append(add)
