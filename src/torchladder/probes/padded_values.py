"""Padding in the values a sequence regression is trained on: zeros at row ends, where the input is padded, too.

What the loss makes of these positions is read from the gradient at the prediction: a mask, a weight or a packed
sequence leaves exactly nothing there, however it is written.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.findings import Place
from torchladder.core.step_facts import PaddingFact
from torchladder.probes.guarded import guarded
from torchladder.probes.losses import custom_call
from torchladder.probes.tensors import tensors_in

if TYPE_CHECKING:
    from torchladder.probes.phases import Phase
    from torchladder.probes.session import Session

ELEMENTWISE = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
ROWS, FEATURES = 2, 3  # dimensions of a batch of sequences, without and with features
STEPS_MIN = 3  # positions of a sequence
VALUES_MAX = 1 << 20  # values looked at
LOOKS = 16  # backward passes kept for each line
ENDS = 0.5  # share of padded rows whose input, too, begins to be padded right there


@dataclass
class Look:
    """One backward pass: zeros at the end of each row and in all, and whether they carry gradient."""

    ends: torch.Tensor
    zeros: torch.Tensor
    width: int
    carries: bool | None = None


@dataclass
class Seen:
    """One loss line in one phase."""

    function: str
    looks: list[Look] = field(default_factory=list)


class PaddedValues:
    """Looks at predictions and targets right before each dense backward pass."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.seen: dict[tuple[int, Place | None], Seen] = {}
        self.now: list[tuple[str, Place | None, Look]] = []
        self.hooks: list[Any] = []

    def install(self) -> None:
        """Start to look."""
        self.session.backward.before.append(guarded(self.session, "paddedvalues", self._before))
        self.session.backward.after.append(lambda _passed: self._unhook())
        self.session.on_step.append(guarded(self.session, "paddedvalues", self._step))

    def _before(self, first: Any) -> None:
        self._unhook()
        if not self.session.dense or not isinstance(first, torch.Tensor) or first.grad_fn is None:
            return
        calls = [
            (c.function, c.place, c.input, c.target)
            for c in self.session.operations.loss_calls
            if c.function in ELEMENTWISE
        ]
        if not self.session.operations.loss_calls:
            custom = custom_call(self.session, first)
            if custom is not None:
                calls = [("custom", custom.place, self.session.last_output(), custom.target)]
        for function, place, given, target in calls:
            look = self._look(given, target)
            if look is not None and given is not None:
                self.hooks.append(given.register_hook(self._reader(*look)))  # type: ignore[no-untyped-call]
                self.now.append((function, place, look[0]))

    def _look(self, given: torch.Tensor | None, target: torch.Tensor | None) -> tuple[Look, torch.Tensor] | None:
        """Return the zeros that end the target's rows, and where they are, if the input is padded there as well."""
        if given is None or target is None or not target.is_floating_point() or not given.requires_grad:
            return None
        if not ROWS <= target.dim() <= FEATURES or target.numel() > VALUES_MAX or target.requires_grad:
            return None
        if given.shape[:ROWS] != target.shape[:ROWS] or given.numel() != target.numel():
            return None
        for flip in (False, True):  # rows first, or positions first
            ends = _ends(_rows(target, flip=flip) == 0)
            if ends.shape[1] >= STEPS_MIN and bool(ends.any()) and self._padded(ends, target, flip=flip):
                zero = _rows(target, flip=flip) == 0
                return Look(ends.sum(1), zero.sum(1), ends.shape[1]), ends.T if flip else ends
        return None

    def _padded(self, ends: torch.Tensor, target: torch.Tensor, *, flip: bool) -> bool:
        """Tell whether an input of the model is one constant wherever the targets have ended, and often ends there."""
        for call in self.session.pending.root_calls:
            for x in tensors_in((call.args, call.kwargs), 3):
                if x.dim() < ROWS or x.shape[:ROWS] != target.shape[:ROWS] or x.numel() > VALUES_MAX:
                    continue
                if x.shape == target.shape and torch.equal(x.to(target.dtype), target):
                    continue  # what it is given is what it is to give back
                rows = x.detach().reshape(*x.shape[:ROWS], -1)
                rows = rows.transpose(0, 1) if flip else rows
                constant = (rows == rows[ends][0, 0]).all(-1)
                begins = _ends(constant).sum(1) == ends.sum(1)
                if bool(constant[ends].all()) and float(begins[ends.any(1)].double().mean()) >= ENDS:
                    return True
        return False

    def _reader(self, look: Look, ends: torch.Tensor) -> Any:
        """Return a hook that notes whether the padded positions carry gradient, and changes nothing."""

        def read(gradient: torch.Tensor) -> None:
            with self.session.quiet(), torch.no_grad():
                flat = gradient.reshape(*gradient.shape[:ROWS], -1)
                look.carries = bool((flat[ends] != 0).any())

        return guarded(self.session, "paddedvalues", read)

    def _unhook(self) -> None:
        for hook in self.hooks:
            hook.remove()
        self.hooks = []

    def _step(self, phase: "Phase | None") -> None:
        now, self.now = self.now, []
        for function, place, look in now if phase is not None else ():
            seen = self.seen.setdefault((phase.id if phase is not None else 0, place), Seen(function))
            if len(seen.looks) < LOOKS and look.carries is not None:
                seen.looks.append(look)

    def facts(self) -> dict[str, Any]:
        """Return one row a loss line."""
        rows = (_fact(phase, place, seen) for (phase, place), seen in self.seen.items() if seen.looks)
        return {"padded_values": tuple(rows)}


def _rows(t: torch.Tensor, *, flip: bool) -> torch.Tensor:
    """Return a target as (rows, positions), the largest absolute value of each position's features."""
    t = t.detach()
    t = t.abs().amax(-1) if t.dim() == FEATURES else t
    return t.T if flip else t


def _ends(zero: torch.Tensor) -> torch.Tensor:
    """Return which positions belong to the run that ends a row, of two or more."""
    run = zero.flip(1).long().cumprod(1).flip(1).bool()
    return run & (run.sum(1, keepdim=True) > 1)


def _fact(phase: int, place: Place | None, seen: Seen) -> PaddingFact:
    ends = torch.cat([look.ends for look in seen.looks])
    zeros = torch.cat([look.zeros for look in seen.looks])
    positions = sum(look.width * len(look.ends) for look in seen.looks)
    inside = int(ends.sum())
    return PaddingFact(
        phase=phase,
        function=seen.function,
        place=place,
        id=0,
        share=inside / positions,
        rows_ending=float((ends > 0).double().mean()),
        run_min=int(ends.min()),
        run_max=int(ends.max()),
        elsewhere=(int(zeros.sum()) - inside) / max(positions - inside, 1),
        width=max(look.width for look in seen.looks),
        ignored=not any(look.carries for look in seen.looks),
        calls=len(seen.looks),
    )
