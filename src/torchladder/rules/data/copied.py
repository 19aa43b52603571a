"""Words about copies, for the rules about copies within a side and across sides."""

from collections.abc import Iterator

from torchladder.core.duplicate_facts import DuplicateFact, TwinFact
from torchladder.core.findings import Measurement


def pairs(examples: tuple[TwinFact, ...], most: int = 3) -> str:
    """Return a few pairs in words, with their labels where these differ."""
    return ", ".join(_pair(e) for e in examples[:most])


def _pair(e: TwinFact) -> str:
    sign = "=" if e.likeness >= 1 else "~"
    if e.labels is not None and e.labels[0] != e.labels[1]:
        return f"{e.first} ({e.labels[0]}) {sign} {e.second} ({e.labels[1]})"
    return f"{e.first} {sign} {e.second}"


def remarks(d: DuplicateFact) -> Iterator[str]:
    """Yield what else is known of copies."""
    if d.groups and d.largest > 2:  # noqa: PLR2004 - more than a pair
        yield f"{d.groups:,} groups, the largest of {d.largest:,}"
    if d.differing:
        yield "they differ in " + ", ".join(f"`{name}` ({share:.0%} of the pairs)" for name, share in d.differing)
    if not d.exact and d.kind == "pictures" and d.clear < d.shared:
        yield f"{d.shared - d.clear:,} of them may be the same thing photographed twice"
    if not d.complete:
        yield "not all samples were read"


def measured(d: DuplicateFact, what: str) -> tuple[Measurement, ...]:
    """Return what was seen: how many, how many of them with another label, and a few pairs."""
    seen = [Measurement(what, d.shared, f"of {d.compared:,}", expected=0)]
    if d.labelled:
        seen.append(Measurement("of them, with another label", d.conflicts, f"of {d.labelled:,}", expected=0))
    across = f" ({role(d, 0)}, {role(d, 1)})" if d.first != d.second else ""
    seen.append(Measurement(f"for example{across}", pairs(d.examples)))
    return tuple(seen)


def role(d: DuplicateFact, which: int) -> str:
    """Return what a side is called in a sentence."""
    return spoken(d.sides[which])


def spoken(name: str) -> str:
    """Return the name of a side's role as an adjective."""
    return "training" if name == "train" else name
