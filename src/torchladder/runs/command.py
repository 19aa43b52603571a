"""The command line of a run as a record may keep it: without the secrets that people type into it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

MASK = "***"
CONFIG = "{config}"  # stands in a command for the file with the configuration
RECIPE = "recipe.yaml"  # what that file is called where a person reads
_SECRET = re.compile(r"(?i)(^|[-_.])(api[-_]?key|key|token|secret|passw(or)?d|pwd|credentials?|auth)$")
_SURELY_SECRET = re.compile(r"(?i)(secret|passw(or)?d|pwd|credentials?|api[-_]?key)")
_LONG = (
    16  # letters from which a value under "key" or "token" is taken for a secret; in a configuration it names columns
)
_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s]+@")


def told(command: Sequence[str]) -> list[str]:
    """Return the words of a command as a person reads them."""
    return [RECIPE if word == CONFIG else word for word in command]


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


def masked_tree(value: Any) -> Any:
    """Return JSON values with what stands under a name of a secret masked."""
    if isinstance(value, Mapping):
        return {k: MASK if _is_secret(k, v) else masked_tree(v) for k, v in value.items()}
    if isinstance(value, list):
        return [masked_tree(item) for item in value]
    return _IN_ADDRESS.sub(f"{MASK}@", value) if isinstance(value, str) else value


def _is_secret(name: str, value: Any) -> bool:
    if not isinstance(value, str) or not value or not _SECRET.search(name):
        return False
    return bool(_SURELY_SECRET.search(name)) or (len(value) >= _LONG and " " not in value and "/" not in value)
