"""A NaN or Inf caught before the weights are spoilt: replays of the recorded tapes until one shows its origin.

An answer counts only when the replayed loss has the very graph of the real one; else it stays unknown, and why.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from torchladder.monitor.aside import aside
from torchladder.monitor.blame import Blame, backward_blame, forward_blame
from torchladder.monitor.frames import Surroundings
from torchladder.monitor.replay import Player, Replayed
from torchladder.monitor.saved import explained
from torchladder.monitor.tape import Tape, graph_kinds

DRAWS = 8  # replays with other random numbers, where the step's own are not known
Answer = tuple[Blame | None, str | None]


@dataclass(frozen=True)
class Case:
    """What is known when something that is no number was seen.

    Attributes:
        tapes: Of earlier steps, the likeliest first.
        root: The node of the real loss, and ``kinds`` its graph.
        state: Of the random generator as the step began, None when it was not kept.
        backward: Whether the loss is finite and a gradient is not.
    """

    tapes: list[Tape]
    around: Surroundings
    root: Any
    kinds: tuple[str, ...]
    state: torch.Tensor | None
    backward: bool


def investigate(case: Case) -> Answer:
    """Return what is to blame, or None; and what limits the answer."""
    note: str | None = "the step was not recorded"
    for tape, other_numbers in [(t, other) for t in case.tapes for other in (False, True)]:
        found, note = _replayed(case, tape, other_numbers=other_numbers)
        if found is not None:
            return found, note
    found = None if case.backward else _explained(case)
    return found, None if found is not None else note


def _replayed(case: Case, tape: Tape, *, other_numbers: bool) -> Answer:
    """Replay one tape, with other random numbers where the step's own are not known."""
    state = tape.state if tape.live else case.state
    for draw in range(DRAWS if tape.draws else 1):
        exact = draw == 0 and state is not None
        with aside(tape.roots), _quiet():
            if exact and state is not None:
                torch.default_generator.set_state(state)
            try:
                again = Player(tape, case.around, exact_draws=exact, other_numbers=other_numbers).play()
                if graph_kinds(again.loss.grad_fn) != case.kinds:
                    return None, "the step differed from those that were recorded"
                found = _judged(case, tape, again)
            except Exception as error:
                return None, f"the step could not be replayed ({type(error).__name__}: {error})"
        if found is not None:
            other = tape.draws and not exact
            return found, "found with other random numbers than those of the step" if other else None
    return None, "the replay of the step gave finite values"


def _judged(case: Case, tape: Tape, again: Replayed) -> Blame | None:
    found = forward_blame(again.checker, again.loss)
    if found is not None or not case.backward:
        return found
    leaves: dict[int, torch.Tensor] = {id(p): p for r in tape.roots for p in r.parameters() if p.requires_grad}
    leaves |= {id(t): t for t in again.external.values() if t.is_leaf and t.requires_grad}
    return backward_blame(again.checker, again.loss, list(leaves.values()))


def _explained(case: Case) -> Blame | None:
    """Ask the graph of the loss itself."""
    made = (case.tapes[0].made, case.tapes[0].signature) if case.tapes else ({}, ())
    with contextlib.suppress(RuntimeError):
        found = explained(case.root, *made)
        if found is not None:
            name = found.made.function.rstrip("_") or found.made.function
            return Blame("forward", name, found.made.place, found.made.module, found.nan, found.low, found.high)
    return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the program's forward code prints or warns from being said twice."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
