"""The command line of a run as a record may keep it: without the secrets that people type into it."""

import re
from collections.abc import Sequence

MASK = "***"
_SECRET = re.compile(r"(?i)(^|[-_.])(api[-_]?key|key|token|secret|passw(or)?d|pwd|credentials?|auth)$")
_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s]+@")


def masked(command: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command line with the values of options that name a secret masked."""
    kept: list[str] = []
    secret_next = False
    for word in command:
        name, equals, _ = word.partition("=")
        is_secret = bool(_SECRET.search(name.lstrip("-")))
        if secret_next and not word.startswith("-"):
            kept.append(MASK)
        elif is_secret and equals:
            kept.append(f"{name}={MASK}")
        else:
            kept.append(_IN_ADDRESS.sub(f"{MASK}@", word))
        secret_next = is_secret and not equals and word.startswith("-")
    return tuple(kept)
