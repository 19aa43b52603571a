"""The check of a whole problem: a point without ties, one backward pass, one direction a leaf, then the places."""

import time
from dataclasses import dataclass, field

import torch

from torchladder.core.derivative_facts import DerivativeFact
from torchladder.gradients.compare import Kink, Verdict, compare, locate
from torchladder.gradients.problem import Claimed, Leaf, Problem, Refused, Tensor, WrongShape, reseed, world_kept
from torchladder.gradients.rows import WRONG, Culprit, rows
from torchladder.gradients.slopes import Meter

POINTS = 4  # that are tried where one has no derivative
PARAMETERS_MOVED, INPUTS_MOVED = 0.05, 1e-3  # of the spread of their elements
CONSTANT_MOVED = 0.1  # of a tensor whose elements are alike: at gamma = 1 a forgotten gamma does not show
LEVEL = 1e-6  # spread, as a share of the size, below which elements are alike
LOCATED = 12  # leaves whose wrong elements are looked for


@dataclass
class Found:
    """What a check saw, and what it cost."""

    facts: list[DerivativeFact]
    notes: list[str]
    evaluations: int = 0
    backwards: int = 0
    seconds: float = 0.0
    timed_out: bool = False


@dataclass
class Point:
    """A place at which all leaves are compared."""

    meter: Meter
    claimed: list[Claimed]
    verdicts: dict[str, Verdict] = field(default_factory=dict)


def check(problem: Problem, *, seconds: float = float("inf"), seed: int = 0) -> Found:
    """Check every leaf of a problem.

    Args:
        problem: What is checked; its leaves are at the same values afterwards.
        seconds: Wall seconds after which no further leaf is begun.
        seed: Of points and directions.

    Raises:
        Refused: If there is nothing that can be compared.
    """
    started = time.monotonic()
    found = Found([], problem.notes)
    with world_kept():
        given = [leaf.value.clone() for leaf in problem.leaves]
        try:
            _checked(problem, found, started + seconds, seed)
        except WrongShape as told:
            found.facts = [told.row]
        finally:
            for leaf, value in zip(problem.leaves, given, strict=True):
                leaf.value.copy_(value)
    found.seconds = time.monotonic() - started
    return found


def _checked(problem: Problem, found: Found, deadline: float, seed: int) -> None:
    given = [leaf.value.clone() for leaf in problem.leaves]
    verdicts: dict[str, Verdict] = {}
    points: dict[str, Point] = {}
    for trial in range(POINTS):
        generator = torch.Generator().manual_seed(seed * 1000 + trial)
        point = _point(problem, given, found, generator)
        left = [i for i, leaf in enumerate(problem.leaves) if leaf.name not in verdicts]
        for i in left:
            leaf = problem.leaves[i]
            if time.monotonic() > deadline:
                found.timed_out = True
                verdicts[leaf.name] = Verdict("unknown", reason="the time was over before it")
                continue
            try:
                verdict = compare(point.meter, leaf, point.claimed[i], generator)
                verdicts[leaf.name] = _located(point, leaf, i, verdict, verdicts, generator)
            except Kink:
                continue
        found.evaluations += point.meter.evaluations
        points |= {problem.leaves[i].name: point for i in left}
        if len(verdicts) == len(problem.leaves):
            break
    for leaf in problem.leaves:
        verdicts.setdefault(leaf.name, _kinked())
    wrong = [leaf for leaf in problem.leaves if verdicts[leaf.name].state in WRONG]
    culprit = _culprit(problem, found, deadline, seed) if wrong else None
    found.facts = rows(problem, verdicts, {name: p.claimed for name, p in points.items()}, culprit)


def _kinked() -> Verdict:
    return Verdict("unknown", reason=f"{POINTS} points near the given one have no derivative (ties, corners)")


def _located(
    point: Point, leaf: Leaf, i: int, verdict: Verdict, done: dict[str, Verdict], generator: torch.Generator
) -> Verdict:
    """Return a verdict with compared elements where gradient and differences disagree."""
    if verdict.state not in {"differs", "absent"}:
        return verdict
    if sum(bool(v.elements) for v in done.values()) < LOCATED:
        verdict.elements = locate(point.meter, leaf, point.claimed[i], generator)
    return verdict


def _point(problem: Problem, given: list[Tensor], found: Found, generator: torch.Generator) -> Point:
    """Return a point near the given one, with the gradients claimed there; the given one where others do not do."""
    for kinds in (("parameter", "input"), ("parameter",)):
        _put(problem, given, generator, ("parameter", "input"))
        _warm(problem)
        _put(problem, given, generator, kinds)
        try:
            return _gradients(problem, found, generator)
        except NotFiniteError:
            continue
        except Refused:
            raise
        except Exception:
            continue
    _put(problem, given, generator, ())
    return _gradients(problem, found, generator)


class NotFiniteError(Refused):
    """The outputs hold NaN at a point."""


def _warm(problem: Problem) -> None:
    """Evaluate somewhere else first, so that what a forward pass keeps from its first call is seen to be stale."""
    try:
        problem.warm()
    except Refused:
        raise
    except Exception:
        return


def _put(problem: Problem, given: list[Tensor], generator: torch.Generator, kinds: tuple[str, ...]) -> None:
    for leaf, value in zip(problem.leaves, given, strict=True):
        leaf.value.copy_(moved(leaf, value, generator) if leaf.kind in kinds else value)


def moved(leaf: Leaf, value: Tensor, generator: torch.Generator) -> Tensor:
    """Return a value a little off: away from zeros, ones and ties that no trained network has."""
    if not value.numel():
        return value
    spread, size = float(value.std(unbiased=False)), float(value.abs().max())
    step = spread * (INPUTS_MOVED if leaf.kind == "input" else PARAMETERS_MOVED)
    if spread <= LEVEL * size:
        single = leaf.kind == "input" and value.numel() == 1
        step = (INPUTS_MOVED if single else CONSTANT_MOVED) * (size or 1.0)
    return value + step * torch.randn(value.shape, generator=generator, dtype=torch.float64)


def _gradients(problem: Problem, found: Found, generator: torch.Generator) -> Point:
    """Run both passes at the leaves' values."""

    def cotangent(outputs: Tensor) -> Tensor:
        v = torch.randn(outputs.shape, generator=generator, dtype=torch.float64)
        return torch.where(torch.isfinite(outputs), v, torch.zeros_like(v))

    first, v, claimed = problem.gradients(cotangent)
    found.backwards += 1
    if bool(torch.isnan(first).any()):
        raise NotFiniteError("the output holds NaN at the inputs given, so there is nothing to compare")
    if not first.numel() or not bool(torch.isfinite(first).any()):
        raise NotFiniteError("the output holds no finite number at the inputs given")
    again = _evaluated(problem)
    found.evaluations += 3
    finite = torch.isfinite(first)
    if again.shape != first.shape or not torch.allclose(again[finite], first[finite], rtol=1e-6, atol=1e-9):
        raise Refused(
            "two evaluations of the same inputs give different outputs, even with the same seed: "
            "there is no derivative to measure; check in eval mode or make it repeatable"
        )
    _tell_chance(problem)
    return Point(Meter(problem, again, v), claimed)


def _evaluated(problem: Problem) -> Tensor:
    """Return the outputs as differences see them, with gradients on where the forward pass itself needs them."""
    try:
        return problem.outputs()
    except RuntimeError:
        if not hasattr(problem, "graded") or problem.graded:
            raise
        problem.graded = True
        return problem.outputs()


def _tell_chance(problem: Problem) -> None:
    """Note where random numbers take part."""
    words = "it draws random numbers (dropout, noise): the same ones were drawn for every evaluation"
    if words in problem.notes:
        return
    state = torch.get_rng_state()
    reseed()
    if not torch.equal(state, torch.get_rng_state()):
        problem.notes.append(words)


def _culprit(problem: Problem, found: Found, deadline: float, seed: int) -> Culprit | None:
    """Return the first piece that is wrong by itself."""
    for part in problem.parts():
        if time.monotonic() > deadline:
            return None
        inner = Found([], [])
        try:
            _checked(part.problem, inner, deadline, seed + 1)
        except Exception:
            continue
        finally:
            found.evaluations += inner.evaluations
            found.backwards += inner.backwards
        wrong = [f for f in inner.facts if f.state in WRONG]
        if wrong:
            return Culprit(part, wrong)
    return None
