"""What ``--change`` says: one change, or several made together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from torchladder.core.errors import UsageError

BASELINE = "baseline"
_NEXT = re.compile(r",(?=\s*[A-Za-z_][\w.\-]*\s*=)")  # a comma before the next key, not one inside a value


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the table: the baseline, or a change to it.

    Attributes:
        name: What it is called.
        changes: ``key=value`` each; none for the baseline.
        parts: The same with whole keys, by which combinations are matched with their parts.
    """

    name: str
    changes: tuple[str, ...] = ()
    parts: frozenset[str] = frozenset()


def split(text: str) -> tuple[str, ...]:
    """Return the changes that one ``--change`` makes together.

    Raises:
        UsageError: If one of them is not of the form key=value.
    """
    found = tuple(part.strip() for part in _NEXT.split(text))
    for part in found:
        key, mark, value = part.partition("=")
        if not mark or not key.strip() or not value.strip():
            msg = f"--change {text} is not of the form key=value, such as mixup=0, or a=1,b=2 for both together"
            raise UsageError(msg)
    keys = [part.partition("=")[0].strip() for part in found]
    twice = next((k for k in keys if keys.count(k) > 1), None)
    if twice is not None:
        msg = f"--change {text} gives {twice} twice; give --change once for each value"
        raise UsageError(msg)
    return found


def split_all(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the changes of each ``--change``.

    Raises:
        UsageError: If there is none.
    """
    if not texts:
        msg = "name at least one change, such as --change mixup=0"
        raise UsageError(msg)
    return [split(text) for text in texts]


def check_distinct(variants: Sequence[Variant]) -> None:
    """Refuse a change that is given twice.

    Raises:
        UsageError: If two of them do the same.
    """
    for i, one in enumerate(variants):
        for other in variants[:i]:
            if one.parts == other.parts:
                same = "is given twice" if one.name == other.name else f"and --change {other.name} are the same"
                msg = f"--change {one.name} {same}"
                raise UsageError(msg)
