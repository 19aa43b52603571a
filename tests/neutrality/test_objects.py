"""A live model that is asked directly is, afterwards, bit for bit what it was."""

import random

import numpy as np
import torch
from torch import nn

from torchladder.experiments.interrogate import interrogate
from torchladder.probes.modules import Root, RootCall
from torchladder.probes.session import Plan, Session


class Control:
    """Nothing is stopped here."""

    def stop(self, reason: str = "stopped") -> None:
        """Refuse: a question ends no run."""
        raise AssertionError(reason)


def test_questions_leave_model_optimizer_and_random_state_as_they_were() -> None:
    """Weights, buffers, gradients, modes, hooks, optimizer state and all generators are the same."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
    model[1].eval()
    optimizer = torch.optim.Adam(model.parameters())
    x, y = torch.randn(16, 6), torch.randint(0, 3, (16,))
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()

    def everything() -> dict[str, object]:
        return {
            "state": {k: v.tolist() for k, v in model.state_dict().items()},
            "gradients": [p.grad.tolist() for p in model.parameters() if p.grad is not None],
            "modes": [m.training for m in model.modules()],
            "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
            "optimizer": str(optimizer.state_dict()),
            "random": (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),
        }

    before = everything()
    call = RootCall(Root(model, None, 0), (x,), {}, training=True, layers_training=())
    answer = interrogate(call, 0, y, Session(Control(), Plan()))

    assert answer.mixing == 0.0
    assert answer.input_dependence is not None
    assert before == everything()
