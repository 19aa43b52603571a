"""One sentence about a watched run: what its loss did, and what was found."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torchladder.core.findings import Finding, Severity
from torchladder.rules.outcome.course import course

if TYPE_CHECKING:
    from torchladder.monitor.monitor import Monitor


def sentence(monitor: "Monitor", findings: Sequence[Finding]) -> str:
    """Return it, lower case and without a full stop."""
    if monitor.step == 0:
        return "no optimizer step was seen"
    worst = [f for f in findings if f.severity is not Severity.NOTE]
    found = course(monitor.facts(finished=True))
    words, ill = found.words, found.state not in {"healthy", "unknown"}
    if found.start is not None and found.end is not None:
        words = f"loss {found.start:.4g} -> {found.end:.4g} over {monitor.step:,} steps"
        words += f": {found.state}" if ill else ""
    if not worst:
        return f"{words}; no cause of that was seen" if ill else f"{words}; nothing alarming was seen"
    names = ", ".join(f"{f.code} {f.name}" for f in worst[:3])
    return f"{words}; {len(worst)} alert{'s' if len(worst) > 1 else ''}: {names}"
