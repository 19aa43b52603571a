"""Recipes as files: read with the line of every complaint, changed by `key=value`, written with their explanations."""

import difflib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torchladder.core.errors import UsageError
from torchladder.training.recipe import Recipe, keys, sections

POWER = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")  # a number that YAML 1.1 reads as text
SHOWN = 3


def load(path: Path) -> Recipe:
    """Return the recipe of a file.

    Raises:
        UsageError: If it is not there, no YAML, or says something that no recipe says.
    """
    if not path.exists():
        hint = nearest(path.name, [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else [])
        msg = f"there is no recipe {path}{hint}"
        raise UsageError(msg)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read as a recipe: {error}"
        raise UsageError(msg) from None
    if path.suffix == ".json":  # YAML 1.1 would read JSON's 1e-05 as a text
        try:
            content = json.loads(text)
        except ValueError as error:
            msg = f"{path} is no JSON: {error}"
            raise UsageError(msg) from None
        return checked(content, str(path))
    return parse(text, str(path))


def parse(text: str, name: str) -> Recipe:
    """Return the recipe that a text of YAML is.

    Raises:
        UsageError: With the line, if it is none.
    """
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines = _lines(node, name)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        msg = f"{name}{where} is no YAML: {getattr(error, 'problem', None) or error}"
        raise UsageError(msg) from None
    return checked(content, name, lines)


def _lines(node: Any, name: str, above: str = "") -> dict[str, int]:
    """Return the line of each key.

    Raises:
        UsageError: If a key is there twice, where YAML would take the second one without a word.
    """
    found: dict[str, int] = {}
    for key, value in getattr(node, "value", ()) if type(node).__name__ == "MappingNode" else ():
        path = f"{above}{key.value}"
        line = key.start_mark.line + 1
        if path in found:
            msg = f"{name} gives {path} twice, in lines {found[path]} and {line}"
            raise UsageError(msg)
        found[path] = line
        found |= _lines(value, name, f"{path}.")
    return found


def checked(content: Any, name: str, lines: dict[str, int] | None = None) -> Recipe:
    """Return plain values as a recipe.

    Raises:
        UsageError: If they are none.
    """
    from pydantic import ValidationError

    if not isinstance(content, dict):
        msg = f"{name} is no recipe: it needs keys such as data: and training:"
        raise UsageError(msg)
    content = {k: {} if v is None and k in sections() else v for k, v in content.items()}
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        first = faults[0]
        path = ".".join(str(x) for x in first["loc"] if isinstance(x, str))
        line = (lines or {}).get(path)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        msg = f"{name}{f', line {line}' if line else ''}: {_complaint(path, first)}{more}"
        raise UsageError(msg) from None


def _complaint(path: str, fault: Any) -> str:
    """Return what is wrong with one value, in one sentence."""
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        known = keys() if "." in path else [*keys(), *sections()]
        return f"{path} is no key of a recipe{nearest(path, known)}"
    if isinstance(given, str) and POWER.fullmatch(given):
        value = float(given)
        plain = f"{value:.10f}".rstrip("0") if 1e-9 < abs(value) < 1 else f"{value:.1f}"  # noqa: PLR2004 - ten places
        mantissa, _, power = given.lower().partition("e")
        dotted = mantissa if "." in mantissa else f"{mantissa}.0"
        sign = "" if power[0] in "+-" else "+"
        return f"{path} is the text {given!r}: YAML reads it as no number; write {plain} or {dotted}e{sign}{power}"
    if kind == "literal_error":
        allowed = [w.strip("' ") for w in re.split(r",| or ", fault["ctx"]["expected"]) if w.strip()]
        return f"{path} is {_shown(given)}, not one of {', '.join(allowed)}{nearest(str(given), allowed)}"
    words = {
        "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
        "bool_type": "true or false", "string_type": "a text", "list_type": "a list of numbers",
        "model_type": "a section with keys of its own",
    }.get(kind)  # fmt: skip
    if words is not None:
        return f"{path} is {_shown(given)}, where {words} is due"
    bound = re.sub(r"^Input should be ", "", str(fault["msg"]))
    return f"{path} is {_shown(given)}, where a value {bound} is due"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "empty" if value is None else repr(value)[:60]


def nearest(word: str, words: Sequence[str]) -> str:
    """Return a phrase that names what may have been meant, or nothing."""
    last = word.rpartition(".")[2].lower()
    by_last = {w.rpartition(".")[2].lower(): w for w in reversed(words)}
    close = [by_last[c] for c in difflib.get_close_matches(last, list(by_last), n=SHOWN, cutoff=0.6)]
    close = close or difflib.get_close_matches(word, words, n=SHOWN, cutoff=0.6)
    return f"; the nearest: {', '.join(close)}" if close else ""


def changed(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """Return a recipe with ``key=value`` changes made to it; a key may be its last part alone.

    Raises:
        UsageError: If a change names no key, or several, or its value is none for it.
    """
    import yaml

    content = recipe.model_dump()
    for change in changes:
        name, mark, text = change.partition("=")
        if not mark:
            msg = f"--change {change} is not of the form key=value, such as mixup=0"
            raise UsageError(msg)
        path = full_key(name.strip())
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        section, _, last = path.rpartition(".")
        (content[section] if section else content)[last] = value
    return checked(content, "--change " + " --change ".join(changes)) if changes else recipe


def full_key(name: str) -> str:
    """Return the whole key that a name stands for: ``mixup`` is ``augment.mixup``, ``model`` is ``model.name``.

    Raises:
        UsageError: If it stands for none, or for several.
    """
    known = keys()
    if name in known:
        return name
    if name in sections() and f"{name}.name" in known:
        return f"{name}.name"
    found = [k for k in known if k.endswith(f".{name}")]
    if len(found) == 1:
        return found[0]
    if found:
        msg = f"{name} may be {' or '.join(found)}; give the whole key"
        raise UsageError(msg)
    msg = f"{name} is no key of a recipe{nearest(name, known)}"
    raise UsageError(msg)


def written(recipe: Recipe) -> str:
    """Return a recipe as YAML that says what each key is; reading it gives the same recipe."""
    out = ["# A recipe of torchladder; torchladder train THIS_FILE trains by it."]
    parts = sections()
    for name, field in type(recipe).model_fields.items():
        value = getattr(recipe, name)
        if name not in parts:
            out.append(_line("", name, value, field))
            continue
        out += ["", f"{name}:  # {(parts[name].__doc__ or '').rstrip('.').lower()}"]
        out += [_line("  ", k, getattr(value, k), f) for k, f in parts[name].model_fields.items()]
    return "\n".join(out) + "\n"


def _line(indent: str, name: str, value: Any, field: Any) -> str:
    extra = field.json_schema_extra or {}
    unit = f" [{extra['unit']}]" if extra.get("unit") else ""
    why = f"; {extra['why']}" if extra.get("why") else ""
    start = f"{indent}{name}: {_yaml(value)}"
    return f"{start:<34}  # {field.description}{unit}{why}"


def _yaml(value: Any) -> str:
    """Return a value as YAML reads it back with the same type."""
    import yaml

    return (
        str(yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000))
        .removesuffix("...\n")
        .strip()
    )
