"""Equal inputs with different labels in one batch: what no model can tell apart."""

from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.model_facts import ConflictFact
from torchladder.probes.tensors import tensors_in

if TYPE_CHECKING:
    from torchladder.probes.phases import Phase
    from torchladder.probes.session import Session

ROWS_MAX = 1024
NUMBERS_MAX = 1 << 22


class Conflicts:
    """The probe: compares the samples of the first dense step of each phase."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.rows: dict[int, ConflictFact] = {}
        self.waiting: tuple[int, int] | None = None

    def install(self) -> None:
        """Start to look."""
        self.session.backward.before.append(self._look)
        self.session.on_step.append(self._step)

    def _look(self, loss: torch.Tensor | None) -> None:
        del loss
        roots, calls = self.session.pending.root_calls, self.session.operations.loss_calls
        if not self.session.dense or not roots or not calls or calls[0].target is None:
            return
        try:
            self.waiting = compare(list(tensors_in((roots[-1].args, roots[-1].kwargs))), calls[0].target)
        except Exception as error:
            self.session.failed("conflicts", error)

    def _step(self, phase: "Phase | None") -> None:
        if self.waiting is not None and phase is not None and phase.id not in self.rows:
            self.rows[phase.id] = ConflictFact(phase.id, *self.waiting)
        self.waiting = None

    def facts(self) -> dict[str, Any]:
        """Return one row a phase that could be compared."""
        return {"conflicts": tuple(self.rows.values())}


@torch.no_grad()
def compare(inputs: list[torch.Tensor], target: torch.Tensor) -> tuple[int, int] | None:
    """Return (samples, samples whose input occurs with another label), None when rows do not correspond."""
    inputs = [t for t in inputs if t.dim() and t.numel() > 1]
    n = target.shape[0] if target.dim() else 0
    same = inputs and all(t.shape[0] == n for t in inputs)
    if not same or not 1 < n <= ROWS_MAX or sum(t.numel() for t in inputs) > NUMBERS_MAX:
        return None
    x = torch.cat([t.detach().reshape(n, -1).double() for t in inputs], 1)
    which = torch.unique(x, dim=0, return_inverse=True)[1]
    y = torch.unique(target.detach().reshape(n, -1).double(), dim=0, return_inverse=True)[1]
    pairs = torch.unique(torch.stack([which, y], 1), dim=0)
    labels = torch.bincount(pairs[:, 0])
    return n, int((labels[which] > 1).sum())
