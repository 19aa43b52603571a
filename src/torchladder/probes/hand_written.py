"""Backward passes that the program writes by hand, beside differences of their forward passes.

The arguments of the first call of each ``autograd.Function`` of the program are kept. When the program is over, both
passes are run on them again in double precision: along random directions the gradient has to be the derivative of the
forward pass. What is meant to be something else is recognised by its forward pass: one that hands on its argument
(reversed, scaled or clipped gradients), and one that is constant in steps (straight-through estimators, spikes).
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function

from torchladder.core.derivative_facts import DerivativeFact
from torchladder.core.findings import Place
from torchladder.runner.place import place_in

if TYPE_CHECKING:
    from torchladder.probes.session import Session

CLASSES = 8  # hand-written functions that are looked at
ROOM = 1 << 20  # numbers of the arguments of one call
DIRECTIONS = 5
SEED = 20
STEPS = (1e-4, 1e-5)  # of the differences, relative to the argument's size; both have to give the same
SMOOTH = 1e-3  # relative difference of the two, above which there is a corner nearby
FLAT = 1e-9  # of a derivative beside the claimed one: the forward pass is constant in steps
ALIKE = 0.02  # relative error that rounding, tolerances of a solver and the like may cause


@dataclass(frozen=True)
class Kept:
    """The arguments of a call; tensors are copies that say whether their gradient was wanted."""

    args: tuple[Any, ...]


class HandWritten:
    """The probe: listens where functions are applied, and compares at the end."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.kept: dict[Any, Kept] = {}

    def install(self) -> None:
        """Listen to every call of an ``autograd.Function``."""
        own = vars(Function).get("apply")

        def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
            self._keep(cls, args, kwargs)
            natural: Callable[..., Any] = super(Function, cls).apply if own is None else own.__get__(None, cls)  # type: ignore[misc]
            return natural(*args, **kwargs)

        Function.apply = classmethod(apply)

    def _keep(self, cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if cls in self.kept or len(self.kept) >= CLASSES or kwargs or not torch.is_grad_enabled():
            return
        try:
            if not self.session.reads_data or not _is_users(cls):
                return
            tensors = [a for a in args if isinstance(a, torch.Tensor)]
            if sum(t.numel() for t in tensors) <= ROOM and any(t.requires_grad for t in tensors):
                with self.session.quiet(), torch.no_grad():
                    self.kept[cls] = Kept(tuple(_copied(a) for a in args))
        except Exception as error:
            self.session.failed("handwritten", error)

    def facts(self) -> dict[str, Any]:
        """Return a row for each argument of each function that was called."""
        if not self.session.reads_data:
            return {}
        found: list[DerivativeFact] = []
        with self.session.quiet(), torch.random.fork_rng(devices=[]):
            for cls, kept in self.kept.items():
                try:
                    found += _compared(cls, kept)
                except Exception as error:
                    self.session.failures.setdefault(f"handwritten {cls.__name__}", f"{type(error).__name__}: {error}")
        return {"derivatives": tuple(found)}


def _is_users(cls: Any) -> bool:
    code = getattr(cls.backward, "__code__", None)
    return code is not None and place_in(code) is not None


def _copied(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    made = value.detach().to(dtype=torch.float64 if value.is_floating_point() else value.dtype, copy=True)
    return made.requires_grad_(value.requires_grad)


def _compared(cls: Any, kept: Kept) -> Iterator[DerivativeFact]:
    """Yield a row for each argument whose gradient was wanted."""
    names = _names(cls, len(kept.args))
    wanted = [i for i, a in enumerate(kept.args) if isinstance(a, torch.Tensor) and a.requires_grad]
    outputs = _outputs(cls, kept.args)
    if not outputs or any(_same(out, kept.args[i]) for out in outputs for i in wanted):
        return
    chance = torch.Generator().manual_seed(SEED)
    weights = [_random(out, chance) for out in outputs]
    with torch.enable_grad():
        inputs = [a.detach().clone().requires_grad_() if i in wanted else a for i, a in enumerate(kept.args)]
        tracked = [inputs[i] for i in wanted]
        claimed = torch.autograd.grad(_outputs(cls, inputs), tracked, weights, allow_unused=True)
    rows = [
        _row(cls, kept.args, i, names[i], gradient, weights, chance)
        for i, gradient in zip(wanted, claimed, strict=True)
    ]
    if any(r.numeric == 0 and r.analytic for r in rows):  # an estimator: its gradients are what its author wants
        return
    yield from rows


def _row(
    cls: Any,
    args: tuple[Any, ...],
    i: int,
    name: str,
    gradient: torch.Tensor | None,
    weights: list[torch.Tensor],
    chance: torch.Generator,
) -> DerivativeFact:
    """Compare along random directions; where there are corners on the way, nothing is said."""
    shape, value = tuple(args[i].shape), args[i].detach()
    given = torch.zeros_like(value) if gradient is None else gradient.to(value.dtype)
    pairs = []
    for _ in range(DIRECTIONS):
        direction = _random(value, chance)
        slopes = [_slope(cls, args, i, direction, h * (float(value.abs().mean()) or 1.0), weights) for h in STEPS]
        size = max(map(abs, slopes))
        analytic = float((given * direction).sum())
        if not math.isfinite(size) or abs(slopes[0] - slopes[1]) > SMOOTH * max(size, abs(analytic)):
            continue
        pairs.append((analytic, slopes[1] if abs(slopes[1]) > FLAT * abs(analytic) else 0.0))
    if len(pairs) * 2 <= DIRECTIONS:
        return DerivativeFact(name, "input", shape, "unknown", reason="there are corners on every side of its value")
    wrong = [(a, n) for a, n in pairs if _relative(a, n) > ALIKE]
    if 2 * len(wrong) < len(pairs):  # one direction may happen to agree
        return DerivativeFact(name, "input", shape, "right")
    analytic, numeric = wrong[0]
    return DerivativeFact(
        name,
        "input",
        shape,
        "absent" if gradient is None else "differs",
        analytic=analytic,
        numeric=numeric,
        relative=_relative(analytic, numeric),
        culprit=cls.__name__,
        argument=name,
        where=_place(cls),
    )


def _slope(
    cls: Any, args: tuple[Any, ...], i: int, direction: torch.Tensor, h: float, weights: list[torch.Tensor]
) -> float:
    """Return the central difference of the weighed outputs along a direction."""
    ends = []
    for sign in (1.0, -1.0):
        moved = [a + sign * h * direction if j == i else a for j, a in enumerate(args)]
        with torch.no_grad():
            outputs = _outputs(cls, moved)
        ends.append(sum(float((o * w).sum()) for o, w in zip(outputs, weights, strict=True)))
    return (ends[0] - ends[1]) / (2 * h)


def _outputs(cls: Any, args: Any) -> list[torch.Tensor]:
    """Return the outputs of a call that can be differentiated; the same random numbers are drawn each time."""
    torch.manual_seed(0)
    out = cls.apply(*[a.clone() if isinstance(a, torch.Tensor) else a for a in args])
    return [o for o in (out if isinstance(out, tuple | list) else (out,)) if _is_real(o)]


def _random(like: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Return normal numbers that owe nothing to the common generator, which every forward pass finds in one state."""
    return torch.randn(like.shape, generator=chance, dtype=like.dtype).to(like.device)


def _is_real(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _same(out: torch.Tensor, given: torch.Tensor) -> bool:
    return out.numel() == given.numel() and torch.equal(out.detach().flatten(), given.detach().flatten())


def _relative(a: float, n: float) -> float:
    return abs(a - n) / max(abs(a), abs(n), 1e-12)


def _names(cls: Any, count: int) -> list[str]:
    found = list(inspect.signature(cls.forward).parameters)
    found = found[1:] if cls.setup_context is Function.setup_context else found
    return [found[i] if i < len(found) else f"argument {i}" for i in range(count)]


def _place(cls: Any) -> Place | None:
    """Return the lines of the backward pass's body."""
    place = place_in(cls.backward.__code__)
    if place is None:
        return None
    lines = [n for *_, n in cls.backward.__code__.co_lines() if n is not None and n > place.line]
    return dataclasses.replace(place, line=min(lines), end_line=max(lines)) if lines else place
