"""How a sanity check fails: the anatomy of torchladder's findings, as the text of an assertion."""

from collections.abc import Sequence

from torchladder.core.findings import Measurement
from torchladder.report.text import measured


class SanityError(AssertionError):
    """A sanity check that did not hold; the message is a diagnosis of its own."""


def failed(name: str, message: str, seen: Sequence[Measurement], help_: str, more: str | None = None) -> SanityError:
    """Return the error for a check that did not hold.

    Args:
        name: Of the check, as a rule would be called.
        message: What is wrong, in a clause.
        seen: What was measured.
        help_: What to do.
        more: The rule that explains it, by its code.
    """
    lines = [f"{name}: {message}", *(f"   = seen: {measured(m)}" for m in seen), f"   = help: {help_}"]
    if more:
        lines.append(f"   = more: torchladder explain {more}")
    return SanityError("\n".join(lines))
