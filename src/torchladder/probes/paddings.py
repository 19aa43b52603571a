"""Padding in the targets of sequence losses: rows that end in runs of one id, or whose inputs do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.findings import Place
from torchladder.core.step_facts import PaddingFact
from torchladder.probes.interceptor import Call
from torchladder.probes.tensors import tensors_in

if TYPE_CHECKING:
    from torchladder.probes.session import Session

SEQUENCE_LOSSES = {"cross_entropy", "nll_loss", "nll_loss_nd"}
RESHAPES = {"view", "reshape", "flatten", "contiguous", "ravel"}
SHAPES_KEPT = 32
CALLS_KEPT = 16  # loss calls looked at for each line
ROWS = 2  # dimensions of a batch of sequences
VALUES_MAX = 1 << 20  # positions looked at


@dataclass
class Run:
    """How the rows of one loss call's targets end: in ``ends`` times ``id``, which they hold ``counts`` times."""

    id: int
    ends: torch.Tensor
    counts: torch.Tensor
    width: int
    ignored: bool
    under: "Run | None" = None  # the same of the positions at which the model's input ends in a run of one value


@dataclass
class Seen:
    """One loss line."""

    function: str
    phase: int
    runs: list[Run] = field(default_factory=list)


class Paddings:
    """Listens to reshapes of integer tensors, and to the losses that are given them."""

    names = frozenset(RESHAPES) | frozenset(SEQUENCE_LOSSES)
    sparse_names: frozenset[str] = frozenset()

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.shapes: dict[int, tuple[torch.Tensor, int]] = {}  # id of a flat tensor -> itself and its row's width
        self.seen: dict[tuple[Place | None, int], Seen] = {}

    def install(self) -> None:
        """Start to look."""
        self.session.interceptor.listeners.append(self)
        self.session.on_step.append(lambda _phase: self._forget())

    def _forget(self) -> None:
        self.shapes = {}

    def before(self, call: Call) -> None:
        """Nothing before."""

    def after(self, call: Call) -> None:
        """Follow targets to the loss."""
        if not self.session.dense:
            return
        if call.name in RESHAPES and call.args and isinstance(call.out, torch.Tensor):
            self._reshape(call.args[0], call.out)
        elif call.name in SEQUENCE_LOSSES and torch.is_grad_enabled():
            self._loss(call)

    def _reshape(self, given: Any, out: torch.Tensor) -> None:
        if not isinstance(given, torch.Tensor) or given.is_floating_point() or given.requires_grad:
            return
        width = given.shape[-1] if given.dim() == ROWS else self.shapes.get(id(given), (given, 0))[1]
        if width > 1 and out.dim() == 1:
            if len(self.shapes) >= SHAPES_KEPT:
                self.shapes.clear()
            self.shapes[id(out)] = (out, width)

    def _loss(self, call: Call) -> None:
        logits, target = call.argument(0, "input"), call.argument(1, "target")
        if not isinstance(target, torch.Tensor) or target.is_floating_point() or not logits.requires_grad:
            return
        width = target.shape[-1] if target.dim() == ROWS else self.shapes.get(id(target), (target, 0))[1]
        if target.dim() > ROWS or width <= ROWS or target.numel() % width or target.numel() > VALUES_MAX:
            return
        key = (call.place, len(self.session.phases))
        seen = self.seen.setdefault(key, Seen(call.name.removesuffix("_nd"), max(len(self.session.phases) - 1, 0)))
        if len(seen.runs) >= CALLS_KEPT:
            return
        with self.session.quiet(), torch.no_grad():
            rows = target.detach().reshape(-1, width)
            last = torch.mode(rows[:, -1]).values
            same = (rows == last).flip(1).long().cumprod(1).sum(1)
            weight = call.argument(2, "weight")
            ignored = int(call.kwargs.get("ignore_index", -100)) == int(last)
            if isinstance(weight, torch.Tensor) and int(last) < weight.numel():
                ignored = ignored or float(weight[int(last)]) == 0
            # a loss of each position is weighed by what follows: it is the program's to mask
            ignored = ignored or call.kwargs.get("reduction") == "none"
            run = Run(int(last), same, (rows == last).sum(1), width, ignored)
            run.under = self._under(rows, ignored=ignored)
            seen.runs.append(run)

    def _under(self, rows: torch.Tensor, *, ignored: bool) -> Run | None:
        """Return where the input is padded and all targets are one id, None where there is no such input."""
        for call in self.session.pending.root_calls[-1:]:
            for t in tensors_in((call.args, call.kwargs)):
                padded = padding(t, rows.shape)
                if padded is None or not padded[0].any():
                    continue
                ends, counts = padded
                targets = rows[ends]
                if bool((targets == targets[0]).all()):
                    return Run(int(targets[0]), ends.sum(1), counts, rows.shape[1], ignored)
        return None

    def facts(self) -> dict[str, Any]:
        """Return one row a loss line."""
        return {"paddings": tuple(f for (place, _), seen in self.seen.items() for f in _fact(place, seen))}


def padding(t: torch.Tensor, shape: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Return which positions of a batch of sequences are the run of one id, or of zeros, that rows end in.

    The second tensor counts the same value in each row, in the run and before it. None for other tensors.
    """
    if t.shape[:ROWS] != tuple(shape) or t.is_complex() or t.dtype is torch.bool:
        return None
    if t.is_floating_point():
        alike = (t == 0).flatten(ROWS).all(-1) if t.dim() > ROWS else t == 0
    elif t.dim() == ROWS:
        alike = t == torch.mode(t[:, -1]).values
    else:
        return None
    ends = alike.flip(1).long().cumprod(1).flip(1).bool()
    return ends, alike.sum(1)


def _fact(place: Place | None, seen: Seen) -> list[PaddingFact]:
    under = [run.under for run in seen.runs if run.under is not None]
    whole = len(under) == len(seen.runs)  # one call whose targets vary under the padding, and it is none
    return [*_row(place, seen, seen.runs), *(_row(place, seen, under, by_input=True) if whole else [])]


def _row(place: Place | None, seen: Seen, runs: list[Run], *, by_input: bool = False) -> list[PaddingFact]:
    ids = [run.id for run in runs]
    if not ids:
        return []
    common = max(set(ids), key=ids.count)
    kept = [run for run in runs if run.id == common]
    ends, counts = torch.cat([r.ends for r in kept]), torch.cat([r.counts for r in kept])
    ends = ends * (ends > 1)  # a single one is how a row may well end
    positions = sum(r.width * len(r.ends) for r in kept)
    inside, others = int(ends.sum()), positions - int(ends.sum())
    if inside == 0:
        return []
    return [
        PaddingFact(
            phase=seen.phase,
            function=seen.function,
            place=place,
            id=common,
            share=inside / positions,
            rows_ending=float((ends > 0).double().mean()),
            run_min=int(ends.min()),
            run_max=int(ends.max()),
            elsewhere=(int(counts.sum()) - inside) / max(others, 1),
            width=max(r.width for r in kept),
            ignored=all(r.ignored for r in kept),
            calls=len(kept),
            by_input=by_input,
        )
    ]
