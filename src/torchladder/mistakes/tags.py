"""What a person said of mistakes: stored as a small JSON file, replaced in one piece, and counted.

``{"schema": 1, "tags": ["blurred", ...], "mistakes": {"<id>": ["blurred"], ...}}``; an empty list means that the
mistake was looked at and nothing fitted.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torchladder.core.errors import UsageError
from torchladder.mistakes.bucket import wilson
from torchladder.sets.files import printable

SCHEMA = 1
WORD_MAX = 80  # characters of a tag
TAGS_MAX, MISTAKES_MAX, ID_MAX = 200, 100_000, 4096
NOT_TAGS = "is no file of tags as the page of mistakes writes it"
DEFAULT = ("wrong label", "ambiguous", "bad picture", "rare kind", "background", "close call")
DEFAULT_TEXT = ("wrong label", "ambiguous", "unusual words", "too long or cut", "needs context", "close call")


def empty(*, texts: bool) -> dict[str, Any]:
    """Return tags before anybody said anything."""
    return {"schema": SCHEMA, "tags": list(DEFAULT_TEXT if texts else DEFAULT), "mistakes": {}}


def checked(found: Any) -> dict[str, Any]:
    """Return tags that came from outside, with nothing but what belongs to them.

    Raises:
        ValueError: If they are none.
    """
    if not _are_tags(found):
        raise ValueError(NOT_TAGS)
    tags, mistakes = found["tags"], found["mistakes"]
    kept = {name: list(dict.fromkeys(given)) for name, given in mistakes.items()}
    return {"schema": SCHEMA, "tags": list(dict.fromkeys(tags)), "mistakes": kept}


def _are_tags(found: Any) -> bool:
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        return False
    tags, mistakes = found.get("tags"), found.get("mistakes")
    if not isinstance(tags, list) or not isinstance(mistakes, dict):
        return False
    if len(tags) > TAGS_MAX or len(mistakes) > MISTAKES_MAX or not all(_is_word(t) for t in tags):
        return False
    return all(
        len(name) <= ID_MAX and isinstance(given, list) and all(_is_word(t) and t in tags for t in given)
        for name, given in mistakes.items()
    )


def _is_word(tag: object) -> bool:
    return isinstance(tag, str) and 0 < len(tag) <= WORD_MAX


def read(path: Path) -> dict[str, Any]:
    """Return stored tags.

    Raises:
        UsageError: If the file is none, or cannot be read.
    """
    try:
        return checked(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        msg = f"{printable(path)} cannot be read: {error.strerror}"
        raise UsageError(msg) from None
    except ValueError:
        msg = f"{printable(path)} {NOT_TAGS}"
        raise UsageError(msg) from None


def write(path: Path, tags: dict[str, Any]) -> None:
    """Replace stored tags in one piece: a reader, or a kill, sees the old ones or the new ones."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump(tags, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def pareto(tags: dict[str, Any], drawn: Sequence[str], mistakes: int, samples: int) -> dict[str, Any]:
    """Return how often each tag was given, most frequent first.

    Args:
        tags: As stored.
        drawn: Ids of the mistakes that were drawn.
        mistakes: How many there are in all.
        samples: How many predictions.
    """
    given = tags["mistakes"]
    looked = len(given)
    counts: dict[str, int] = {}
    for words in given.values():
        for word in words:
            counts[word] = counts.get(word, 0) + 1
    rows = [
        {
            "tag": word,
            "count": n,
            "share": n / looked,
            "interval": list(wilson(n, looked)),
            "gives_back": n / looked * mistakes / max(samples, 1),
        }
        for word, n in sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    ]
    strangers = len(set(given) - set(drawn))
    return {"tagged": looked, "drawn": len(drawn), "of_other_draws": strangers, "pareto": rows}
