"""Settings in the user's ``pyproject.toml``: options of the verbs, written down once.

``[tool.torchladder]`` holds options of every verb that has them, ``[tool.torchladder.VERB]`` those of one. They are
read as if they stood on the command line before the user's own, which therefore win.
"""

import argparse
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torchladder.core.errors import UsageError

FILE, TABLE = "pyproject.toml", "torchladder"


def words_for(
    verb: str, parser: argparse.ArgumentParser, given: Collection[str], verbs: Mapping[str, str]
) -> list[str]:
    """Return the options that the settings give a verb, as words of a command line.

    Args:
        verb: Whose options.
        parser: Of that verb.
        given: The user's own words; an option that may be repeated is left to them where they use it.
        verbs: Every verb's name.

    Raises:
        UsageError: If the file cannot be read, or has a key that no verb knows.
    """
    path, table = _table()
    if not table:
        return []
    general = {k: v for k, v in table.items() if not (k in verbs and isinstance(v, dict))}
    own = table.get(verb) if isinstance(table.get(verb), dict) else {}
    options = _options(parser)
    for key in general:
        if key not in options and not any(key in known for known in _other_options(verbs)):
            raise _unknown(key, f"{path} [tool.{TABLE}]", [*options, *verbs])
    for key in own or {}:
        if key not in options:
            raise _unknown(key, f"{path} [tool.{TABLE}.{verb}]", options)
    chosen = {**{k: v for k, v in general.items() if k in options}, **(own or {})}
    words: list[str] = []
    for key, value in chosen.items():
        action = options[key]
        if isinstance(action, argparse._AppendAction) and any(w.split("=")[0] == f"--{key}" for w in given):  # noqa: SLF001 - has no public name
            continue
        words += _words(key, value, action, path)
    return words


def _table() -> tuple[Path, dict[str, Any]]:
    """Return the nearest settings file at or above the working folder, and its table."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / FILE
        if not path.is_file():
            continue
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get(TABLE, {})
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            msg = f"{path} cannot be read: {error}"
            raise UsageError(msg) from None
        if not isinstance(table, dict):
            msg = f"{path}: [tool.{TABLE}] is not a table"
            raise UsageError(msg)
        return path, table
    return here / FILE, {}


def _options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return the long options of a parser that may be settings, without their dashes."""
    found = parser._option_string_actions.items()  # noqa: SLF001 - argparse has no public list of them
    return {name[2:]: action for name, action in found if name.startswith("--") and name != "--help"}


def _other_options(verbs: Mapping[str, str]) -> list[dict[str, argparse.Action]]:
    from torchladder.cli.main import parser_of

    return [_options(parser_of(verb)) for verb in verbs]


def _words(key: str, value: Any, action: argparse.Action, path: Path) -> list[str]:
    if isinstance(value, bool):
        if action.nargs != 0:
            msg = f"{path}: {key} wants a value, not {str(value).lower()}"
            raise UsageError(msg)
        return [f"--{key}"] if value else []
    if action.nargs == 0:
        msg = f"{path}: {key} is true or false"
        raise UsageError(msg)
    if isinstance(value, list):
        return [f"--{key}={','.join(map(str, value))}"]
    if isinstance(value, dict):
        msg = f"{path}: {key} is a table, where a value is wanted"
        raise UsageError(msg)
    return [f"--{key}={value}"]


def _unknown(key: str, where: str, known: Collection[str]) -> UsageError:
    from torchladder.cli.main import nearest

    return UsageError(f"{where}: no option is called {key!r}{nearest(key, list(known))}")
