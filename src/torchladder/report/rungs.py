"""The lines of the rungs, as a terminal shows them."""

from rich.cells import cell_len
from rich.text import Text

from torchladder.core.report import Report, RungResult, State
from torchladder.report.layout import Lines, wrapped
from torchladder.report.text import clean

NAME_COLUMN, STATE_COLUMN = 12, 9
NARROW = 30  # with fewer columns than this beside the state, a rung's summary goes beneath it
STATE_STYLE = {State.PASSED: "green", State.FAILED: "bold red", State.UNKNOWN: "yellow", State.SKIPPED: "dim"}


def rung_lines(rung: RungResult, said: str, name_width: int, width: int) -> Lines:
    """Yield the line of one rung, with its notes beneath it; ``said`` is what the diagnostic says anyway."""
    state = "FAILED" if rung.state is State.FAILED else rung.state.value
    head = Text(f"  {rung.rung} {clean(rung.name):<{name_width}}")
    head.append(f"{state:<{STATE_COLUMN}}", STATE_STYLE[rung.state])
    indent = cell_len(head.plain)
    if width - indent < NARROW:
        head.rstrip()
        yield head
        head, indent = Text("    "), 4
    yield from wrapped(head, Text(clean(rung.summary.removesuffix(f"; {said}"))), width)
    for note in rung.notes:
        yield from wrapped(Text(" " * indent), Text(clean(note), "dim"), width)


def waiting(report: Report) -> list[int]:
    """Return the numbers of the rungs that were skipped because an earlier one failed."""
    failed = [r.rung for r in report.rungs if r.state is State.FAILED]
    return [r.rung for r in report.rungs if failed and r.state is State.SKIPPED and r.rung > failed[0]]


def table(report: Report, width: int) -> Lines:
    """Yield the lines of the rungs; those that wait for a broken one are left to the closing line."""
    hidden = set(waiting(report))
    if all(r.state is State.SKIPPED for r in report.rungs):
        hidden = {r.rung for r in report.rungs if r.summary.startswith("waits") and not r.notes}
    name_width = max([NAME_COLUMN, *(cell_len(clean(r.name)) + 2 for r in report.rungs)])
    for rung in report.rungs:
        if rung.rung not in hidden:
            yield from rung_lines(rung, report.cause.message if report.cause else "", name_width, width)
