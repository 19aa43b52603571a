"""Settings in the user's ``pyproject.toml``: options of the verbs, written down once.

``[tool.torchladder]`` holds options of every verb that has them, ``[tool.torchladder.VERB]`` those of one, and
``[tool.torchladder.data.check]`` those of a part of one. They are read as if they stood on the command line before the
user's own, which therefore win.
"""

import argparse
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from torchladder.core.errors import UsageError

FILE, TABLE = "pyproject.toml", "torchladder"
Options = dict[str, argparse.Action]


def with_settings(
    verb: str, parser: argparse.ArgumentParser, given: Collection[str], verbs: Collection[str]
) -> list[str]:
    """Return the user's words with those that the settings make before them, behind the part that is named.

    Args:
        verb: Whose options.
        parser: Of that verb.
        given: The user's own words.
        verbs: Every verb's name.

    Raises:
        UsageError: If the file cannot be read, has a key that no verb knows, or a value that its option does not take.
    """
    words, parts = list(given), _parts(parser)
    if not parts:
        return [*words_for((verb,), parser, words, verbs), *words]
    if not words or words[0] not in parts:
        return words
    part, *rest = words
    return [part, *words_for((verb, part), parts[part], rest, verbs), *rest]


def words_for(
    names: tuple[str, ...], parser: argparse.ArgumentParser, given: Collection[str], verbs: Collection[str]
) -> list[str]:
    """Return the options that the settings give a verb, or a part of one, as words of a command line.

    Args:
        names: The verb, and the part of it if it has such.
        parser: Of what is named.
        given: The user's own words; an option that may be repeated, or that excludes one of theirs, is left to them.
        verbs: Every verb's name.

    Raises:
        UsageError: If the file cannot be read, has a key that no verb knows, or a value that its option does not take.
    """
    path, table = _table()
    if not table:
        return []
    options = _options(parser)
    chosen: dict[str, tuple[Any, str]] = {}
    for depth in range(len(names) + 1):
        where = ".".join((f"tool.{TABLE}", *names[:depth]))
        below = list(verbs) if depth == 0 else list(_parts(_parser(names[0]))) if depth < len(names) else []
        for key, value in table.items():
            if key in below and isinstance(value, dict):
                continue
            if key in options:
                chosen[key] = value, f"{path} [{where}]"
            elif not _is_known(key, names[:depth], verbs):
                raise _unknown(key, f"{path} [{where}]", options, below)
        table = table.get(names[depth], {}) if depth < len(names) else {}
    words: list[str] = []
    for key, (value, where) in chosen.items():
        if not _is_given(options[key], parser, given):
            words += _words(key, value, options[key], where)
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


# argparse has no public list of a parser's options, parts and groups


def _options(parser: argparse.ArgumentParser) -> Options:
    """Return the long options of a parser that may be settings, without their dashes."""
    found = parser._option_string_actions.items()  # noqa: SLF001
    return {name[2:]: action for name, action in found if name.startswith("--") and name != "--help"}


def _parts(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of a verb's parts, if it has such."""
    actions = parser._actions  # noqa: SLF001
    return next((dict(a.choices) for a in actions if isinstance(a, argparse._SubParsersAction)), {})  # noqa: SLF001


def _parser(verb: str) -> argparse.ArgumentParser:
    from torchladder.cli.main import parser_of

    return parser_of(verb)


def _is_known(key: str, names: tuple[str, ...], verbs: Collection[str]) -> bool:
    """Tell whether an option of that name exists below a table: of a part of the verb, or of any verb."""
    parsers = [_parser(verb) for verb in (names[:1] or verbs)]
    known = [_options(p) for parser in parsers for p in (parser, *_parts(parser).values())]
    return len(names) < 2 and any(key in options for options in known)  # noqa: PLR2004 - below a part is nothing


def _is_given(action: argparse.Action, parser: argparse.ArgumentParser, given: Collection[str]) -> bool:
    """Tell whether the user's words leave no place for a setting: they add to it, or cannot stand beside it."""
    rivals: set[argparse.Action] = {action} if isinstance(action, argparse._AppendAction) else set()  # noqa: SLF001
    for group in parser._mutually_exclusive_groups:  # noqa: SLF001
        if action in group._group_actions:  # noqa: SLF001
            rivals |= {*group._group_actions} - {action}  # noqa: SLF001
    typed = {word.split("=")[0] for word in given}
    return any(name in typed for rival in rivals for name in rival.option_strings)


def _words(key: str, value: Any, action: argparse.Action, where: str) -> list[str]:
    if isinstance(value, bool):
        if action.nargs != 0:
            msg = f"{where}: {key} wants a value, not {str(value).lower()}"
            raise UsageError(msg)
        negative = [f"--no-{key}"] if f"--no-{key}" in action.option_strings else []
        return [f"--{key}"] if value else negative
    if action.nargs == 0:
        msg = f"{where}: {key} is true or false"
        raise UsageError(msg)
    if isinstance(value, dict):
        msg = f"{where}: {key} is a table, where a value is wanted"
        raise UsageError(msg)
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    _check_value(key, text, action, where)
    return [f"--{key}={text}"]


def _check_value(key: str, text: str, action: argparse.Action, where: str) -> None:
    """Complain about a value here, where it can be said which file it stands in."""
    try:
        made = action.type(text) if callable(action.type) else text
    except (argparse.ArgumentTypeError, TypeError, ValueError) as error:
        why = str(error) if isinstance(error, argparse.ArgumentTypeError) else f"{text!r} is not possible"
        msg = f"{where}: {key}: {why}"
        raise UsageError(msg) from None
    if action.choices is not None and made not in action.choices:
        msg = f"{where}: {key}: {text!r} is none of {', '.join(map(str, action.choices))}"
        raise UsageError(msg)


def _unknown(key: str, where: str, options: Collection[str], tables: Collection[str]) -> UsageError:
    from torchladder.cli.main import nearest

    if key in tables:
        return UsageError(f"{where}: {key} is a value, where a table of its options is wanted")
    return UsageError(f"{where}: no option is called {key!r}{nearest(key, [*options, *tables])}")
