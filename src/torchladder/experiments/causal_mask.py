"""Attention that sees no later position: in torch's own attention, and before a softmax over a square."""

from typing import Any

import torch

from torchladder.experiments.sites import listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session

MATRIX = 2


class Causal:
    """Masks every attention of a sequence with itself inside a model."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def before(self, call: Call) -> None:
        """Mask one call."""
        if not self.session.modules.stack:
            return
        if call.name == "scaled_dot_product_attention":
            self._attention(call)
        elif call.name == "multi_head_attention_forward":
            query, key = call.args[0], call.args[1]
            if query.shape[0] == key.shape[0]:
                call.kwargs = {**call.kwargs, "attn_mask": later(query.shape[0], query.device), "is_causal": False}
        elif call.name == "softmax":
            scores = call.args[0]
            square = scores.dim() > MATRIX and scores.shape[-1] == scores.shape[-2]
            if square and call.argument(1, "dim") in {-1, scores.dim() - 1}:
                masked = scores.masked_fill(later(scores.shape[-1], scores.device), float("-inf"))
                call.args = (masked, *call.args[1:])

    @staticmethod
    def _attention(call: Call) -> None:
        query, key = call.args[0], call.args[1]
        if query.shape[-2] == key.shape[-2] and call.argument(3, "attn_mask") is None:
            call.replace(5, "is_causal", value=True)

    def after(self, call: Call) -> None:
        """Leave the result as it is."""


def later(n: int, device: torch.device) -> torch.Tensor:
    """Return a mask that is true where a position would look at a later one."""
    return torch.ones(n, n, dtype=torch.bool, device=device).triu(1)


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""
    listen(session, Causal(session))
