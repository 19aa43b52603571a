"""The page of a rule, made from its docstring, its plants and its limits; one text, three forms."""

import difflib
import io
import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

from rich.console import Console
from rich.text import Text

from torchladder.core.errors import UsageError
from torchladder.report.text import figure
from torchladder.rules.registry import Plant, Rule, find_rule, index, limits_of

CONTEXT_LINES = 2
MAX_SHOWN_PLANTS = 1
MIN_WIDTH, MAX_WIDTH = 40, 100


def specimen_source(name: str) -> str | None:
    """Return the text of a healthy specimen, or None when there is none of that name."""
    file = resources.files("torchladder") / "specimens" / f"{name}.py"
    return file.read_text(encoding="utf-8") if file.is_file() else None


def planted(plant: Plant) -> str | None:
    """Return the specimen with the bug in it, or None when the plant no longer fits the specimen."""
    source = specimen_source(plant.specimen)
    if source is None or source.count(plant.healthy) != 1:
        return None
    return source.replace(plant.healthy, plant.sick)


def plant_diff(plant: Plant) -> str:
    """Return the bug as a unified diff of the specimen, without file headers."""
    healthy, sick = specimen_source(plant.specimen), planted(plant)
    if healthy is None or sick is None:
        healthy, sick = plant.healthy, plant.sick
    lines = difflib.unified_diff(healthy.splitlines(), sick.splitlines(), n=CONTEXT_LINES, lineterm="")
    return "\n".join(list(lines)[2:])


def needed(rule: Rule) -> str:
    """Return the facts a rule reads, as a phrase."""
    ways = [", ".join(need.replace("_", " ") for need in needs) for needs in rule.sufficient]
    return "; or instead: ".join(way for way in ways if way) or "nothing"


def limit_lines(rule: Rule) -> list[str]:
    """Return one line for each threshold."""
    return [f"- `{name}` = {figure(default)} {unit}: {why}" for name, default, unit, why in limits_of(rule)]


def symptom_lines(rule: Rule) -> list[str]:
    """Return one line for each rule whose finding this one accounts for."""
    names = {code: stem.replace("_", "-") for code, (_, stem) in index().items()}
    return [f"- {code} {names[code]}" for code in rule.explains if code in names]


def split(rule: Rule) -> tuple[str, str]:
    """Return the first sentence of a rule's docstring and its sections."""
    first, _, rest = rule.explanation.strip().partition("\n")
    return first.strip(), rest.strip()


def markdown(rule: Rule) -> str:
    """Return the page of a rule as Markdown."""
    first, sections = split(rule)
    body, _, sources = sections.partition("## Sources")
    parts = [
        f"# {rule.code} {rule.name}",
        first,
        f"Family {rule.family.value}, rung {rule.rung}, severity {rule.severity.value}, since {rule.since}. "
        f"Reads: {needed(rule)}.",
        body.strip(),
    ]
    for plant in rule.plants[:MAX_SHOWN_PLANTS]:
        caption = f"Planted in the healthy script `{plant.specimen}`; `torchladder demo {rule.code}` runs it."
        parts += ["## The bug, as a change of a healthy script", caption, f"```diff\n{plant_diff(plant)}\n```"]
    limits, symptoms = limit_lines(rule), symptom_lines(rule)
    if limits:
        parts += ["## Limits", "\n".join(limits)]
    if symptoms:
        parts += ["## Symptoms that fold beneath it", "\n".join(symptoms)]
    if sources.strip():
        parts += ["## Sources", sources.strip()]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_data(rule: Rule) -> dict[str, Any]:
    """Return the page of a rule as JSON types."""
    first, sections = split(rule)
    found = re.split(r"^## (.+)$", sections, flags=re.MULTILINE)
    return {
        "code": rule.code,
        "name": rule.name,
        "family": rule.family.value,
        "rung": rule.rung,
        "severity": rule.severity.value,
        "since": rule.since,
        "summary": first,
        "needs": list(rule.needs),
        "instead": list(rule.instead),
        "explains": list(rule.explains),
        "sections": {found[i].strip(): found[i + 1].strip() for i in range(1, len(found) - 1, 2)},
        "limits": [{"name": n, "default": d, "unit": u, "why": w} for n, d, u, w in limits_of(rule)],
        "plants": [{"specimen": p.specimen, "diff": plant_diff(p)} for p in rule.plants],
    }


def explain(key: str) -> str:
    """Return the page of the rule with that code or name, as Markdown.

    Raises:
        UsageError: If there is no such rule.
    """
    rule = find_rule(key)
    if rule is None:
        msg = f"no rule is called {key!r}"
        raise UsageError(msg)
    return markdown(rule)


def inline(text: str) -> Text:
    """Return prose with its code spans bold."""
    done = Text()
    for n, part in enumerate(re.split(r"`([^`]+)`", text)):
        done.append(part if n % 2 == 0 else f"`{part}`", "bold" if n % 2 else "")
    return done


def fill(text: str, width: int, indent: str = "", first: str | None = None) -> Iterator[Text]:
    """Yield a paragraph wrapped to ``width``."""
    room = max(width - len(indent), 16)
    for n, line in enumerate(inline(" ".join(text.split())).wrap(Console(width=room, file=io.StringIO()), room)):
        line.rstrip()
        yield Text(indent if n or first is None else first) + line


def code_block(block: str) -> Iterator[Text]:
    """Yield a fenced block, its fences left out."""
    for line in block.splitlines()[1:]:
        if line.startswith("```"):
            continue
        yield Text(f"    {line}".rstrip(), {"+": "green", "-": "red", "@": "blue"}.get(line[:1], ""))


def list_items(block: str, width: int) -> Iterator[Text]:
    """Yield the items of a list, each with a hanging indent."""
    for item in re.split(r"\n(?=- )", block):
        yield from fill(item.removeprefix("- "), width, "    ", "  - ")


def blocks(page: str) -> list[str]:
    """Return the blocks of a Markdown text: fenced code whole, the rest split at blank lines and headings."""
    found: list[str] = []
    for n, part in enumerate(re.split(r"(^```.*?^```$)", page, flags=re.MULTILINE | re.DOTALL)):
        if n % 2:
            found.append(part)
        else:
            spaced = re.sub(r"^(#+ .*)$", r"\n\1\n", part, flags=re.MULTILINE)
            found += [b.strip("\n") for b in re.split(r"\n\s*\n", spaced) if b.strip()]
    return found


def block_lines(block: str, width: int) -> Iterator[Text]:
    """Yield the lines of one block."""
    if block.startswith("```"):
        yield from code_block(block)
    elif block.startswith("#"):
        yield Text(block.lstrip("# "), "bold")
    elif block.startswith("- "):
        yield from list_items(block, width)
    elif block.startswith("    "):
        yield from (Text(line) for line in block.splitlines())
    elif "http" in block:
        for line in block.splitlines():
            if "http" in line:
                yield Text(f"  {line.strip()}")
            else:
                yield from fill(line, width, "    ", "  ")
    else:
        yield from fill(block, width, "  ", "  ")


def text(page: str, *, width: int = 80, color: bool = False) -> str:
    """Return a Markdown page as a terminal shows it."""
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        legacy_windows=False,
        _environ={},
    )
    for n, block in enumerate(blocks(page)):
        if n and not blocks(page)[n - 1].startswith("#"):
            console.print()
        for line in block_lines(block, width):
            console.print(line, soft_wrap=True, markup=False, highlight=False, emoji=False)
    return out.getvalue()


def as_json(data: Any) -> str:
    """Return JSON text for people and programs."""
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
