"""Which way the loss pulls what the last layers give: outputs that every sample pushes one way, at every step.

A loss with a lower bound holds its outputs between two pulls, or lets go of them. The gradient at the output of
each layer nearest the loss is read as it passes, column by column, and its signs are gathered over the steps.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.findings import Place
from torchladder.core.pull_facts import PullFact
from torchladder.probes import graph
from torchladder.probes.guarded import guarded
from torchladder.probes.losses import custom_call
from torchladder.probes.optimizers import held

if TYPE_CHECKING:
    from torchladder.probes.phases import Phase
    from torchladder.probes.session import Session

HEADS_MAX = 8  # layers nearest the loss, of one backward pass
COLUMNS_MAX = 1024  # outputs of a layer
IMAGE = 3  # dimensions from which the channels come second


@dataclass
class Pulled:
    """One layer in one phase: by column, whether any gradient was above and below 0, and by step their sizes."""

    name: str
    up: torch.Tensor
    down: torch.Tensor
    sizes: list[torch.Tensor] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    lines: tuple[Place, ...] = ()
    count: int = 0


class Pulls:
    """Listens on the nodes of the layers nearest the loss, in the backward passes of dense steps."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.table: dict[tuple[int, int], Pulled] = {}  # (phase, id of the weight) -> what was seen
        self.now: list[tuple[torch.Tensor, torch.Tensor]] = []  # (weight, gradient as columns) since the last step
        self.value = 0.0  # sum of the scalars differentiated since the last step
        self.lines: tuple[Place, ...] = ()
        self.hooks: list[Any] = []

    def install(self) -> None:
        """Start to look."""
        self.session.backward.before.append(guarded(self.session, "pulls", self._before))
        self.session.backward.after.append(lambda _passed: self._unhook())
        self.session.on_step.append(guarded(self.session, "pulls", self._step))

    def _before(self, first: Any) -> None:
        self._unhook()
        if not self.session.dense or not isinstance(first, torch.Tensor) or first.numel() != 1:
            return
        if first.grad_fn is None:
            return
        heads = []
        for node in graph.walk(first.grad_fn, stop=lambda n: graph.affine(n) is not None):
            found = graph.affine(node)
            if found is not None:
                heads.append(found)
        if not 0 < len(heads) <= HEADS_MAX:
            return
        self.value += float(first)
        custom = custom_call(self.session, first)
        self.lines = custom.lines if custom is not None else ()
        self.hooks = [h.node.register_prehook(self._reader(h.weight)) for h in heads]

    def _reader(self, weight: torch.Tensor) -> Any:
        """Return a hook that notes the gradient at a layer's output and changes nothing."""

        def read(gradients: tuple[torch.Tensor | None, ...]) -> None:
            out = gradients[0] if gradients else None
            if out is None or out.dim() < graph.MATRIX:
                return
            with self.session.quiet(), torch.no_grad():
                columns = out.detach().movedim(1 if out.dim() >= IMAGE else -1, -1)
                columns = columns.reshape(-1, columns.shape[-1])
                if columns.shape[1] <= COLUMNS_MAX:
                    self.now.append((weight, columns))

        return guarded(self.session, "pulls", read)

    def _unhook(self) -> None:
        for hook in self.hooks:
            hook.remove()
        self.hooks = []

    def _step(self, phase: "Phase | None") -> None:
        (now, self.now), (value, self.value) = (self.now, []), (self.value, 0.0)
        if phase is None or not now:
            return
        mine = {id(p) for p in held(phase.optimizer)} if phase.optimizer is not None else None
        sums: dict[int, torch.Tensor] = {}
        for weight, columns in now:
            if mine is not None and id(weight) not in mine:
                continue
            row = self._row(phase.id, weight, columns)
            row.up |= (columns > 0).any(0)
            row.down |= (columns < 0).any(0)
            row.count += len(columns)
            size = columns.abs().sum(0).double()
            sums[id(weight)] = sums[id(weight)] + size if id(weight) in sums else size
        for key, size in sums.items():
            self.table[phase.id, key].sizes.append(size)
            self.table[phase.id, key].values.append(value)

    def _row(self, phase: int, weight: torch.Tensor, columns: torch.Tensor) -> Pulled:
        row = self.table.get((phase, id(weight)))
        if row is None:
            path = (self.session.parameter_name(weight) or "").rpartition(":")[2]
            name = path.rpartition(".")[0]
            zeros = torch.zeros(columns.shape[1], dtype=torch.bool, device=columns.device)
            row = self.table[phase, id(weight)] = Pulled(name, zeros, zeros.clone(), lines=self.lines)
        return row

    def facts(self) -> dict[str, Any]:
        """Return one row a layer."""
        return {"pulls": tuple(_fact(phase, row) for (phase, _), row in self.table.items() if row.sizes)}


def _fact(phase: int, row: Pulled) -> PullFact:
    one_way = row.up ^ row.down
    sizes = [float(s[one_way].sum()) for s in row.sizes]
    return PullFact(
        phase=phase,
        layer=row.name,
        columns=len(one_way),
        one_way=tuple(int(i) for i in one_way.nonzero().flatten()),
        upwards=bool((one_way & row.down).any()),
        looks=len(sizes),
        samples=row.count,
        sizes=tuple(sizes),
        values=tuple(row.values),
        lines=row.lines,
    )
