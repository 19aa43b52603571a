"""The table of an ablation on a terminal: what each change does beside the baseline, and whether it is noise."""

from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from torchladder.core.report import Report
from torchladder.report.layout import Lines, wrapped
from torchladder.report.text import clean

NAME_MIN, NAME_MAX = 14, 36
COLUMNS = ("value", "difference", "seeds", "time")
GAP = 2
BESIDE = 34  # columns that the words need to stand beside the figures
INDENT = 4
HEAD_MAX = 12
FEWEST = 2  # columns that stay however narrow it is
STYLES = {"helps": "green", "hurts": "red", "failed": "bold red", "unknown": "yellow"}


def is_ablation(report: Report) -> bool:
    """Tell whether a report is one of an ablation."""
    return len(report.rungs) == 1 and report.rungs[0].name == "ablation" and "table" in report.rungs[0].facts


def ablation_lines(report: Report, width: int) -> Lines:
    """Yield the table, what is told beside it, and the verdict."""
    facts = report.rungs[0].facts
    yield from wrapped(Text(), Text(_title(report), "bold"), width)
    yield Text()
    yield from _table(facts, width)
    yield Text()
    for note in report.rungs[0].notes:
        yield from wrapped(Text("  "), Text(clean(note), "dim"), width)
    if report.rungs[0].notes:
        yield Text()
    yield from wrapped(Text(), Text(clean(report.sentence), "bold"), width)


def _title(report: Report) -> str:
    facts = report.rungs[0].facts
    metric = clean(str(facts["metric"] or "no metric yet"))
    held = f" on {facts['held_out']:,} held-out samples" if facts.get("held_out") else ""
    small = ", to be small" if facts["lower_is_better"] else ""
    return f"{clean(report.script)}: {metric}{held}{small}"


def _table(facts: dict[str, Any], width: int) -> Lines:
    """Yield the table; where there is no room for all figures, times and seeds go first."""
    rows = facts["table"]
    metric = clean(str(facts["metric"] or ""))
    head = {name: name for name in COLUMNS}
    if 0 < cell_len(metric) <= HEAD_MAX:
        head[COLUMNS[0]] = metric
    sizes = {c: max(cell_len(head[c]), *(cell_len(clean(r["cells"][c])) for r in rows)) for c in COLUMNS}
    while len(sizes) > FEWEST and _wide(sizes) + 2 + NAME_MIN > width:
        sizes.popitem()
    longest = max(cell_len(clean(r["name"])) for r in rows)
    room = max(NAME_MIN, min(longest, NAME_MAX, width - _wide(sizes) - INDENT))
    beside = width - (2 + room + _wide(sizes) + GAP) >= BESIDE
    yield Text(f"  {'':<{room}}" + _cells(head, sizes), "dim")
    for row in rows:
        yield from _row(row, sizes, room, width, beside=beside)


def _wide(sizes: dict[str, int]) -> int:
    return sum(GAP + size for size in sizes.values())


def _row(row: dict[str, Any], sizes: dict[str, int], room: int, width: int, *, beside: bool) -> Lines:
    name = clean(row["name"])
    style = "bold" if row["kind"] == "baseline" else "dim" if row["kind"] == "simple" else ""
    if cell_len(name) > room:  # a long combination has a line of its own
        yield from wrapped(Text("  "), Text(name, style), width)
        name = ""
    line = Text("  ") + Text(set_cell_size(name, room), style)
    line += Text(_cells({c: clean(words) for c, words in row["cells"].items()}, sizes), style)
    words = Text(_words(row), STYLES.get(row["verdict"] or "", ""))
    if words.plain and beside:
        yield from wrapped(line + Text(" " * GAP), words, width)
        return
    line.rstrip()
    yield line
    if words.plain:
        yield from wrapped(Text(" " * INDENT), words, width)


def _words(row: dict[str, Any]) -> str:
    """Return the interpretation, without the figures that stand beside it anyway."""
    words = clean(row["words"] or "")
    figures = f": {clean(row['cells']['difference'])}"
    return words.removesuffix(figures) if row["verdict"] in {"helps", "hurts"} else words


def _cells(cells: dict[str, str], sizes: dict[str, int]) -> str:
    """Return the figures, each at the right end of its column."""
    return "".join(" " * (GAP + size - cell_len(cells[column])) + cells[column] for column, size in sizes.items())


def rows_of_page(report: Report) -> list[dict[str, str]]:
    """Return the table for a page: by the head of each column, the cell of each row."""
    facts = report.rungs[0].facts
    metric = clean(str(facts["metric"] or COLUMNS[0]))
    found = []
    for row in facts["table"]:
        cells = {head: clean(row["cells"][head]) for head in COLUMNS}
        p = row["p_holm"]
        found.append({
            "": clean(row["name"]),
            metric: cells["value"],
            "difference": cells["difference"],
            "p (Holm)": "" if p is None else f"{p:.2g}",
            "seeds": cells["seeds"],
            "time": cells["time"],
            "reading": _words(row),
        })
    return found
