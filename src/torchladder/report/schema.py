"""The JSON Schema of a report, made from the dataclasses and their type hints."""

import dataclasses
import enum
import types
import typing
from typing import Any

from torchladder.core.report import Report

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NON_FINITE = ["nan", "inf", "-inf"]
PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    float: {"anyOf": [{"type": "number"}, {"enum": NON_FINITE}]},
}


def _schema_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return {}
    if kind in PLAIN:
        return PLAIN[kind]
    if origin in {types.UnionType, typing.Union}:
        return {"anyOf": [_schema_of(a, definitions) for a in args]}
    if origin is tuple:
        return {"type": "array", "items": _schema_of(args[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema_of(args[1], definitions)}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}
        definitions[kind.__name__] = _object(kind, definitions)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _object(kind: type[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    doc = (kind.__doc__ or "").strip().splitlines()
    return {
        "description": doc[0] if doc else "",
        "type": "object",
        "properties": {f.name: _schema_of(hints[f.name], definitions) for f in fields},
        "required": [f.name for f in fields],
    }


def report_schema() -> dict[str, Any]:
    """Return the schema of ``report.json``; readers must ignore keys they do not know."""
    definitions: dict[str, Any] = {}
    body = _object(Report, definitions)
    body["properties"]["schema"] = {"const": 1}
    body["properties"]["verdict"] = {"enum": ["broken", "healthy", "undecided"]}
    return {"$schema": DIALECT, "title": "torchladder report", **body, "$defs": definitions}
