"""Deep plain networks made trainable: He's initialisation throughout, and ReLU where a squash stood.

Source: He et al. 2015, Delving Deep into Rectifiers, https://arxiv.org/abs/1502.01852
"""

from typing import Any

import torch
from torch import nn

from torchladder.experiments.at_start import once
from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class Rectify(AtSite):
    """Computes a ReLU where the program computes a sigmoid or tanh."""

    def change(self, call: Call) -> None:
        """Answer one call."""
        call.out = torch.relu(call.args[0])
        call.answered = True


@torch.no_grad()
def renew(root: nn.Module) -> None:
    """Initialise each linear and convolution layer for ReLU."""
    for m in root.modules():
        if isinstance(m, (nn.Linear, nn.modules.conv._ConvNd)):  # noqa: SLF001 - no public base
            nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
            if m.bias is not None:
                m.bias.zero_()


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``, ``sites``: path, line, function and module of the calls that become ReLU."""
    once(session, args.get("phase") or 0, renew)
    for site in args.get("sites", ()):
        listen(session, Rectify(session, site))
