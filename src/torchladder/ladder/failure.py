"""A program that fails by itself, in words."""

from typing import Any

from torchladder.core.facts import Facts
from torchladder.ladder.subject import program_of


def error_of(facts: Facts) -> dict[str, Any] | None:
    """Return the program's own exception for the report."""
    error = program_of(facts).error
    return {"type": error.type, "message": error.message, "traceback": error.traceback} if error else None


def late_failure(facts: Facts) -> str | None:
    """Return how a program that did train failed afterwards, None when it did not."""
    program = program_of(facts)
    if program.error is None or not program.training:
        return None
    where = f" at {program.error.frames[-1]}" if program.error.frames else ""
    first = program.error.message.splitlines()[0] if program.error.message else ""
    steps = f"after {program.optimizer_steps} steps "
    return f"{steps}the program itself failed{where}: {program.error.type}: {first}".rstrip(": ")


def failure_sentence(facts: Facts) -> str:
    """Return why the program could not be judged at all."""
    program = program_of(facts)
    error = program.error
    if error is not None and error.type == "EOFError":
        return "the program reads standard input, which is closed during a climb"
    if error is not None and error.type in {"ModuleNotFoundError", "ImportError"}:
        return f"the program needs a package that is not installed: {error.message}"
    if error is not None:
        first = error.message.splitlines()[0] if error.message else ""
        return f"the program failed by itself: {error.type}: {first}".rstrip(": ")
    if program.state == "exited":
        return f"the program ended with status {program.exit_status} before any training step"
    if program.state == "timeout":
        return f"the program was stopped after {program.seconds:.0f} s without a training step"
    if program.state == "killed":
        return f"the program was killed (status {program.exit_status}) before it could be judged"
    empty = next((x for x in facts.loaders or () if x.iters and not x.served), None)
    if empty is not None:
        where = f" at {empty.place}" if empty.place else ""
        rows = "" if empty.n_samples is None else f" (its data set has {empty.n_samples:,} samples)"
        return f"the loader{where} gave no batch{rows}: nothing was trained"
    return "the program ended without a backward pass: nothing was trained"
