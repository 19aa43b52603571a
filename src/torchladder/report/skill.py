"""The guide for coding agents and people in a hurry: a decision tree, made from the symptoms and the rules."""

from importlib import resources
from itertools import groupby

from torchladder.core.symptoms import TABLE
from torchladder.rules.registry import FAMILIES, Entry, listing


def skill() -> str:
    """Return the guide as Markdown with the front matter of an agent's skill."""
    parts = [(resources.files("torchladder.report") / "skill.md").read_text(encoding="utf-8")]
    parts += [f"- **{row.symptom}**: {row.cause}. First: {row.first}.\n" for row in TABLE]
    parts.append(
        "\n## Every rule\n\n`torchladder explain CODE` prints the page of one: evidence, remedy, false alarms.\n"
    )
    for family, rules in groupby(listing(), key=_family):
        parts.append(f"\n### {family}\n\n")
        parts += [f"- {e.code} `{e.name}` (rung {e.rung}, {e.severity}): {e.summary}\n" for e in rules]
    return "".join(parts)


def _family(entry: Entry) -> str:
    digit = next(c for c in entry.code if c in FAMILIES)
    return f"{digit}xx {FAMILIES[digit].value}"
