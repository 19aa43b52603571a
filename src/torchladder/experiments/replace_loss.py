"""Another loss in the place of the one that is called, or of hand-written arithmetic."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own habit

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.losses import custom_call
from torchladder.probes.session import Session


def _classes(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return cross-entropy against class ids of any integer-valued dtype or shape."""
    if target.dim() == logits.dim() and target.shape[-1] == logits.shape[-1] > 1:
        target = target.argmax(-1)
    return F.cross_entropy(logits, target.reshape(logits.shape[:1] + logits.shape[2:]).long())


def _log_probabilities(p: torch.Tensor) -> torch.Tensor:
    """Return log-probabilities of probabilities, or of logits."""
    looks = bool((p.detach() >= 0).all()) and bool(((p.detach().sum(1) - 1).abs() < 1e-3).all())  # noqa: PLR2004
    return p.clamp_min(1e-12).log() if looks else F.log_softmax(p, 1)


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "cross_entropy": _classes,
    "cross_entropy_indices": _classes,
    "mse_loss": lambda x, t: F.mse_loss(x, t.reshape(x.shape).to(x.dtype)),
    "nll_of_log_softmax": lambda x, t: F.nll_loss(_log_probabilities(x), t),
    "bce_with_logits": lambda x, t: F.binary_cross_entropy_with_logits(x, t.reshape(x.shape).to(x.dtype)),
    "kl_of_log": lambda x, t: F.kl_div(_log_probabilities(x), t, reduction="batchmean"),
}


class ReplaceLoss(AtSite):
    """Answers the loss call with another loss of the same two tensors."""

    def change(self, call: Call) -> None:
        """Compute the other loss."""
        loss = LOSSES[self.args["by"]]
        call.answered = True
        call.out = loss(call.argument(0, "input"), call.argument(1, "target"))


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``, ``by``; function "custom" replaces the differentiated scalar."""
    if args.get("function") != "custom":
        listen(session, ReplaceLoss(session, args))
        return
    session.plan.dense_steps = 1 << 30  # what met the output must be seen at every step
    loss_of = LOSSES[args["by"]]

    def instead(loss: torch.Tensor) -> torch.Tensor:
        found = custom_call(session, loss)
        output = session.last_output()
        if found is None or found.target is None or output is None:
            return loss
        return loss_of(output, found.target)

    session.backward.instead = instead
