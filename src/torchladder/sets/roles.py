"""Which column means what, and which folder or array is which side: named by the user, or known by its name."""

import dataclasses
import difflib
import re
from collections.abc import Sequence

from torchladder.core.errors import UsageError
from torchladder.sets.source import Columns

ROLES = ("label", "group", "time", "text", "predictions")
LABELS = (
    "label", "labels", "target", "targets", "class", "classes", "y", "category", "species", "diagnosis", "survived",
    "sentiment", "outcome", "fine_label", "digit", "spam",
)  # fmt: skip
GROUPS = (
    "group", "group_id", "patient", "patient_id", "subject", "subject_id", "user", "user_id", "speaker", "speaker_id",
    "person", "person_id", "author", "author_id", "session_id", "document_id", "video_id", "scene_id",
)  # fmt: skip
TIMES = ("time", "timestamp", "date", "datetime", "created_at", "time_stamp")
TEXTS = ("text", "sentence", "review", "message", "content", "document", "body", "abstract", "comment", "tweet")
KNOWN = {"label": LABELS, "group": GROUPS, "time": TIMES, "text": TEXTS, "predictions": ()}  # these are never guessed

FOLLOWS = "as in training"  # how a held-out side's columns are chosen, where it has them

SIDES = {
    "train": ("train", "training", "trn"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "t10k", "eval", "heldout", "held_out"),
}


def side_of(name: str) -> str | None:
    """Return which side a folder, a file or an array is by its name: "train", "validation" or "test"."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    found = {side for side, known in SIDES.items() for word in known if word in words or name.lower() == word}
    return found.pop() if len(found) == 1 else None


def nearest(word: str, words: Sequence[str]) -> str:
    """Return a phrase that names the columns there are, the likeliest first."""
    close = difflib.get_close_matches(word, words, n=3, cutoff=0.5)
    shown = [*close, *(w for w in words if w not in close)][:8]
    more = len(words) - len(shown)
    return f"{', '.join(shown)}{f' and {more} more' if more > 0 else ''}"


def columns_of(names: Sequence[str], asked: Columns, name: str, *, text: str | None = None) -> Columns:
    """Return which of the columns mean what.

    Args:
        names: Columns there are.
        asked: What the user named.
        name: Of the data set, for complaints.
        text: The column that reads as prose, if the names do not tell.

    Raises:
        UsageError: If a column that the user named is not there.
    """
    found: dict[str, str | None] = {}
    chosen: dict[str, str] = {}
    for role in ROLES:
        wanted = getattr(asked, role)
        follows = asked.chosen.get(role) == FOLLOWS
        if wanted is not None and (wanted in names or not follows):
            found[role], chosen[role] = _named(wanted, names, role, name), FOLLOWS if follows else "user"
    for role in ROLES:
        if role in found:
            continue
        taken = set(found.values())
        known = [n for k in KNOWN[role] for n in names if n.lower().strip() == k and n not in taken]
        if role == "text":
            known = [text] if text is not None and text not in taken else []
        found[role] = known[0] if known else None
        if known:
            chosen[role] = "inferred"
    return dataclasses.replace(asked, **found, chosen=chosen)


def following(columns: Columns) -> Columns:
    """Return what to ask of a held-out side: the columns that training has, as far as they are there."""
    return dataclasses.replace(columns, chosen={r: FOLLOWS for r in ROLES if getattr(columns, r) is not None})


def _named(wanted: str, names: Sequence[str], role: str, name: str) -> str:
    if wanted in names:
        return wanted
    alike = [n for n in names if n.lower().strip() == wanted.lower().strip()]
    if len(alike) == 1:
        return alike[0]
    msg = f"{name} has no column {wanted!r} to take as {role}; its columns are {nearest(wanted, names)}"
    raise UsageError(msg)


def inferred(columns: Columns) -> str | None:
    """Return a sentence about the columns whose meaning was read from their names, None when there are none."""
    parts = [f"{role} is `{getattr(columns, role)}`" for role in ROLES if columns.chosen.get(role) == "inferred"]
    return f"by their names: {', '.join(parts)}" if parts else None
