"""What is checked, in the form that the check needs: tensors to move, outputs, and the gradient that is claimed."""

import contextlib
import inspect
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from torchladder.core.derivative_facts import DerivativeFact
from torchladder.core.errors import LadderError
from torchladder.core.findings import Place

Tensor = torch.Tensor
SEED = 20


class Refused(LadderError):  # noqa: N818 - an answer rather than a fault
    """There is nothing that could be compared; the message says why."""

    exit_status = 5


class WrongShape(Exception):  # noqa: N818 - what was looked for
    """A backward pass gave a gradient of a shape that autograd refuses; ``row`` says which."""

    def __init__(self, row: DerivativeFact) -> None:
        super().__init__(row.pattern)
        self.row = row


@dataclass
class Leaf:
    """A tensor whose gradient is checked.

    Attributes:
        name: Dotted name of the parameter, or name of the argument.
        kind: "parameter" or "input".
        value: Its numbers (a complex tensor as pairs of real ones), shared with the function: writing moves it.
        fixed: Elements that the function takes out of training on purpose; None for none.
        asked: Whether a gradient is owed: the caller set ``requires_grad``, or its neighbours have one.
        argument: Which argument an input belongs to.
    """

    name: str
    kind: str
    value: Tensor
    fixed: Tensor | None = None
    asked: bool = False
    argument: int = -1


@dataclass(frozen=True, slots=True)
class Claimed:
    """The gradient that a backward pass gives for a leaf: None where there is none; ``shape`` where it is another."""

    value: Tensor | None
    shape: tuple[int, ...] | None = None


class Problem(Protocol):
    """A function of leaves."""

    leaves: list[Leaf]
    notes: list[str]

    def outputs(self) -> Tensor:
        """Return all outputs that can be differentiated, as one flat float64 tensor, at the leaves' values."""

    def warm(self) -> None:
        """Run the forward pass so that the function keeps of it what it keeps."""

    def gradients(self, cotangent: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, list[Claimed]]:
        """Run both passes; return the outputs, the cotangent chosen for them and what is claimed for each leaf."""

    def parts(self) -> "Iterator[Part]":
        """Yield the pieces with a backward pass of their own, as they were called at the leaves' values."""

    def depths(self) -> dict[str, int]:
        """Return how far each leaf is from the outputs, as far as that is known."""

    def place(self, leaf: Leaf) -> Place | None:
        """Return the line of the backward pass that is answerable for a leaf, as far as that is known."""


@dataclass
class Part:
    """A piece of a problem that can be checked alone.

    Attributes:
        name: What to call it: a class, or a layer's dotted name.
        problem: The piece.
        where: Its backward pass.
        owners: Its leaves' names -> the names of the same tensors in the whole.
    """

    name: str
    problem: Problem
    where: Place | None
    owners: dict[str, str]


@contextlib.contextmanager
def world_kept() -> Iterator[None]:
    """Leave the random numbers and the default type of everything else as they were."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state(), torch.get_default_dtype()  # noqa: NPY002
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        torch.set_default_dtype(states[3])


_PYTHON = random.Random(SEED).getstate()
_NUMPY = np.random.RandomState(SEED).get_state()


def reseed() -> None:
    """Give the next evaluation the same random numbers as the one before."""
    random.setstate(_PYTHON)
    np.random.set_state(_NUMPY)  # noqa: NPY002
    torch.default_generator.manual_seed(SEED)  # torch.manual_seed notes a traceback for devices there are not


def place_of(code: Any) -> Place | None:
    """Return where a function is defined."""
    code = inspect.unwrap(getattr(code, "__func__", code)) if callable(code) else code
    made = getattr(code, "__code__", None)
    if made is None:
        return None
    path = Path(made.co_filename)
    with contextlib.suppress(ValueError):
        path = path.relative_to(Path.cwd())
    return Place(str(path), made.co_firstlineno + _decorators(code), function=made.co_qualname)


def _decorators(code: Any) -> int:
    """Return how many lines of decorators stand above the ``def``."""
    try:
        lines, _ = inspect.getsourcelines(code)
    except (OSError, TypeError):
        return 0
    return next((i for i, line in enumerate(lines) if line.lstrip().startswith(("def ", "async def "))), 0)


def argument_names(call: Any, count: int, *, skip: int = 0) -> list[str]:
    """Return the names of the first arguments of a callable; "input" and numbers where they cannot be told."""
    try:
        found = list(inspect.signature(call).parameters.values())[skip:]
    except (TypeError, ValueError):
        found = []
    names: list[str] = []
    for p in found:
        if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}:
            names.append(p.name)
        elif p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}.{i}" for i in range(count - len(names))]
    rest = range(len(names), count)
    return (names + [f"input{i}" if count > 1 else "input" for i in rest])[:count]


def unique(leaves: Sequence[Leaf]) -> None:
    """Give leaves of one name different ones."""
    seen: dict[str, int] = {}
    for leaf in leaves:
        n = seen.get(leaf.name, 0)
        seen[leaf.name] = n + 1
        if n:
            leaf.name = f"{leaf.name}#{n + 1}"
