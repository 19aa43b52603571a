"""A check of data sets on a terminal: a table of the sides, then one line a check."""

from typing import Any

from rich.cells import cell_len
from rich.text import Text

from torchladder.core.report import Report, State
from torchladder.report.layout import Lines, wrapped
from torchladder.report.rungs import NARROW, STATE_COLUMN, STATE_STYLE
from torchladder.report.text import clean, number

NAME_MIN, NAME_MAX = 12, 40
CHECK_MIN, CHECK_MAX = 18, 38
GAP = 2
WORDS_SHOWN = 3
COLUMNS = ("data", "samples", "shape", "type", "labels")


def is_check(report: Report) -> bool:
    """Tell whether a report is one of data sets."""
    return len(report.rungs) == 1 and "checks" in report.rungs[0].facts


def check_lines(report: Report, width: int) -> Lines:
    """Yield the table of the sides, what was inferred, and the line of each check."""
    facts = report.rungs[0].facts
    yield from sides(facts.get("sides") or [], width)
    checks = facts.get("checks") or []
    if checks:
        yield Text()
    room = max([CHECK_MIN, *(cell_len(clean(str(c["check"]))) for c in checks)])
    room = min(room, CHECK_MAX, width - STATE_COLUMN - NARROW - 4)
    for check in checks:
        if check["value"] is not None:
            yield from _check(check, room, width)
    yield from _unasked(checks, width)


def _unasked(checks: list[dict[str, Any]], width: int) -> Lines:
    """Yield the checks that could not look, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for check in checks:
        if check["value"] is None:
            by_reason.setdefault(clean(str(check["unknown"] or "did not look")), []).append(clean(str(check["check"])))
    if by_reason:
        yield Text()
    for reason, names in by_reason.items():
        yield from wrapped(Text("  not asked: ", "dim"), Text(f"{', '.join(names)} ({reason})", "dim"), width)


def _check(check: dict[str, Any], room: int, width: int) -> Lines:
    state = State(check["state"])
    head = Text(f"  {clean(str(check['check'])):<{room}}  ")
    head.append(f"{'FAILED' if state is State.FAILED else state.value:<{STATE_COLUMN}}", STATE_STYLE[state])
    words = clean(str(check["value"]))
    if check["expected"] is not None:
        words += f"; expected {clean(str(check['expected']))}"
    if width - cell_len(head.plain) < NARROW:
        head.rstrip()
        yield head
        head = Text("    ")
    yield from wrapped(head, Text(words), width)


def sides(rows: list[dict[str, Any]], width: int) -> Lines:
    """Yield the table of the sides."""
    table = [COLUMNS, *(cells(r) for r in rows)]
    widths = [max(cell_len(c[i]) for c in table) for i in range(len(COLUMNS))]
    others = sum(widths[1:]) + GAP * len(widths)
    widths[0] = max(NAME_MIN, min(widths[0], NAME_MAX, width - others - 2))
    for n, row in enumerate(table):
        name = _shortened(row[0], widths[0])
        line = Text("  ")
        line.append(f"{name:<{widths[0]}}", "bold" if n else "dim")
        body = f"{' ' * GAP}{row[1]:>{widths[1]}}"
        for i in range(2, len(row)):
            body += f"{' ' * GAP}{row[i]:<{widths[i]}}"
        line.append(body.rstrip(), "" if n else "dim")
        yield from wrapped(Text(), line, width, rest=Text("      ")) if cell_len(line.plain) > width else [line]
    told = dict.fromkeys(str(words) for r in rows for words in r.get("told") or ())
    for words in told:
        yield from wrapped(Text("    "), Text(clean(words), "dim"), width)


def _shortened(name: str, room: int) -> str:
    """Return a name that fits, its end kept."""
    return name if cell_len(name) <= room else f"...{name[-(room - 3) :]}"


def cells(row: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """Return the columns of one side: its name, samples, shape, type and labels."""
    samples = row.get("samples") if row.get("samples") is not None else row.get("read")
    many = f"{samples:,}" if isinstance(samples, int) else "?"
    if isinstance(samples, int) and isinstance(row.get("read"), int) and row["read"] < samples:
        many = f"{row['read']:,} of {many}"
    return clean(str(row["name"])), many, _shape(row), _type(row), _labels(row)


def _shape(row: dict[str, Any]) -> str:
    shapes = list(row.get("shapes") or {})
    if row.get("kind") in {"table", "text"} or not shapes:
        columns = row.get("columns")
        return f"{columns} column{'' if columns == 1 else 's'}" if columns else str(row.get("kind") or "")
    first = clean(str(shapes[0])).strip("()[]").rstrip(",").replace(", ", " x ")
    return first if len(shapes) == 1 else f"{len(shapes)} shapes"


def _type(row: dict[str, Any]) -> str:
    types = [clean(str(t)) for t in row.get("dtypes") or {}]
    shown = ", ".join(types[:WORDS_SHOWN])
    return shown + (", ..." if len(types) > WORDS_SHOWN else "")


def _labels(row: dict[str, Any]) -> str:
    kind = row.get("labels")
    if kind == "values":
        low, high = row.get("label_low"), row.get("label_high")
        span = f" {number(low)} to {number(high)}" if low is not None and high is not None else ""
        return f"values{span}"
    if kind == "classes":
        balance = row.get("balance")
        ratio = f", {balance:.1f} : 1" if balance is not None else ""
        return f"{row['classes']:,} classes{ratio}"
    return "none"
