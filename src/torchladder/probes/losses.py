"""Loss calls: the function, its two tensors, its options, and what lies before its input."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.facts import LossCallFact, OpFact
from torchladder.core.findings import Place
from torchladder.probes import graph
from torchladder.probes.interceptor import Call
from torchladder.probes.tensors import MATRIX, describe

if TYPE_CHECKING:
    from torchladder.probes.operations import Operations
    from torchladder.probes.session import Session

LOSSES = {
    "cross_entropy", "nll_loss", "nll_loss_nd", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss",
    "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "poisson_nll_loss", "gaussian_nll_loss", "ctc_loss",
    "hinge_embedding_loss", "cosine_embedding_loss", "margin_ranking_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss", "multi_margin_loss", "multilabel_margin_loss", "soft_margin_loss",
    "multilabel_soft_margin_loss", "linear_cross_entropy",
}  # fmt: skip
OPTIONS = ("reduction", "label_smoothing", "ignore_index", "log_target", "log_input", "full", "beta", "delta")
LABELS_MAX = 1000  # distinct labels counted; more is not a classification a person would read


def tail_ops(t: torch.Tensor, operations: "Operations") -> tuple[OpFact, ...]:
    """Return the operations between ``t`` and the nearest layer with weights, nearest ``t`` first."""
    if t.grad_fn is None:
        return ()
    return tuple(
        operations.ops.get(node) or OpFact(function=_plain(graph.kind(node))) for node in graph.tail(t.grad_fn)
    )


def _plain(node_kind: str) -> str:
    """Return torch's function name for a node kind: "LogSoftmax" is "log_softmax"."""
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in node_kind).lstrip("_")
    return words.replace("__", "_")


@dataclass
class LossCall:
    """One call in flight; ``out`` and ``node`` are filled in once it has returned."""

    function: str
    place: Place | None
    input: torch.Tensor | None
    target: torch.Tensor | None
    tail: tuple[OpFact, ...]
    target_tail: tuple[OpFact, ...]
    options: dict[str, Any]
    out: torch.Tensor | None = None
    node: Any = None
    lines: tuple[Place, ...] = ()
    input_node: Any = None
    made: Place | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, call: Call, operations: "Operations") -> "LossCall":
        """Read a call's arguments; tensors are kept until the step ends."""
        first, second = call.argument(0, "input"), call.argument(1, "target")
        tensors = [t if isinstance(t, torch.Tensor) else None for t in (first, second)]
        options = {k: call.kwargs[k] for k in OPTIONS if call.kwargs.get(k) is not None}
        weight, pos = call.argument(2, "weight"), call.kwargs.get("pos_weight")
        options["weight"] = isinstance(weight, torch.Tensor)
        options["pos_weight"] = isinstance(pos, torch.Tensor)
        if isinstance(weight, torch.Tensor) and weight.dim() == 1 and weight.numel() <= LABELS_MAX:
            options["class_weights"] = [float(w) for w in weight]
        return cls(
            function=call.name.removesuffix("_nd"),
            place=call.place,
            input=tensors[0],
            target=tensors[1],
            tail=tail_ops(tensors[0], operations) if tensors[0] is not None else (),
            target_tail=tail_ops(tensors[1], operations) if tensors[1] is not None else (),
            options=options,
            input_node=tensors[0].grad_fn if tensors[0] is not None else None,
            made=operations.session.modules.made_of_running(),
        )

    def fact(self, phase: int, step: int, *, differentiated: bool) -> LossCallFact:
        """Return the row for the report."""
        value = None
        if self.out is not None and self.out.numel() == 1:
            value = float(self.out)
        labels = class_ids(self.input, self.target)
        counts = None
        if labels is not None:
            ids, n = torch.unique(labels, return_counts=True)
            counts = {str(int(i)): int(c) for i, c in zip(ids[:LABELS_MAX], n, strict=False)}
        return LossCallFact(
            function=self.function,
            phase=phase,
            step=step,
            place=self.place,
            input=describe(self.input) if self.input is not None else None,
            target=describe(self.target, unique=True) if self.target is not None else None,
            value=value,
            tail=self.tail,
            target_tail=self.target_tail,
            options=self.options,
            differentiated=differentiated,
            lines=self.lines,
            accuracy=accuracy(self.input, self.target),
            label_counts=counts,
            n_outputs=n_outputs(self.input, self.target),
            made=self.made,
        )


def class_ids(logits: torch.Tensor | None, target: torch.Tensor | None) -> torch.Tensor | None:
    """Return the target when it holds class indices for ``logits`` (N, K, ...), flattened."""
    if logits is None or target is None or target.is_floating_point() or target.dtype == torch.bool:
        return None
    if logits.dim() < MATRIX or target.numel() == 0:
        return None
    return target.detach().reshape(-1)


def n_outputs(logits: torch.Tensor | None, target: torch.Tensor | None) -> int | None:
    """Return K of (N, K, ...) outputs judged against class indices or probabilities, or the last axis."""
    if logits is None or logits.dim() == 0:
        return None
    return int(logits.shape[1]) if logits.dim() > 1 and class_ids(logits, target) is not None else int(logits.shape[-1])


@torch.no_grad()
def accuracy(logits: torch.Tensor | None, target: torch.Tensor | None) -> float | None:
    """Return the share of rows whose argmax is the class index, for (N, K, ...) against (N, ...)."""
    if class_ids(logits, target) is None or logits is None or target is None:
        return None
    guess = logits.detach().argmax(1)
    if guess.shape != target.shape:
        return None
    counted = target >= 0  # ignore_index is negative by convention
    return float((guess == target)[counted].float().mean()) if bool(counted.any()) else None


def custom_call(session: "Session", loss: torch.Tensor) -> LossCall | None:
    """Return a hand-written loss as a call: the model's output against the data it met.

    Of the data that met the output, class indices that are not a mere range win, then anything with
    the output's own number of values.
    """
    output = session.last_output()
    if output is None or output.grad_fn is None:
        return None
    met = [m for m in session.operations.meetings if m.data.dim() > 0]
    rows = output.shape[0] if output.dim() else 0
    labels = [m for m in met if not m.data.is_floating_point() and m.data.numel() == rows and not _is_range(m.data)]
    same = [m for m in met if m.data.is_floating_point() and m.data.numel() == output.numel()]
    chosen = next(iter(labels or same), None)
    places: dict[Place, None] = {}
    before = set(graph.walk(output.grad_fn))
    if loss.grad_fn is not None:
        for node in graph.walk(loss.grad_fn, stop=lambda n: n in before):
            op = session.operations.ops.get(node)
            if node not in before and op is not None and op.place is not None:
                places[op.place] = None
    target = None if chosen is None else chosen.data.reshape(-1) if labels else chosen.data
    return LossCall(
        function="custom",
        place=next(iter(places), None),
        input=output.detach(),
        target=target,
        tail=tail_ops(output, session.operations),
        target_tail=(),
        options={"other_data": len({id(m.data) for m in met if _weighs(m.data, rows, output)})},
        out=loss.detach(),
        node=loss.grad_fn,
        lines=tuple(places),
        input_node=output.grad_fn,
    )


def _weighs(data: torch.Tensor, rows: int, output: torch.Tensor) -> bool:
    """Tell whether data holds one float a sample that is no output: an advantage, a weight."""
    return data.is_floating_point() and data.numel() == rows and data.numel() != output.numel()


def _is_range(t: torch.Tensor) -> bool:
    flat = t.reshape(-1)
    return flat.numel() > 1 and bool((flat[1:] - flat[:-1] == 1).all())
