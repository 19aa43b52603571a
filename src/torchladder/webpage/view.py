"""What the page of a report shows, section by section, as plain values for the template."""

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchladder.core.charts import Chart, HeatMap
from torchladder.core.findings import Finding, Fix
from torchladder.core.jsonable import to_json
from torchladder.core.report import Report, RungResult, State
from torchladder.report.ablation import is_ablation, rows_of_page
from torchladder.report.checks import COLUMNS, cells, is_check
from torchladder.report.excerpt import Reader
from torchladder.report.pages import as_data
from torchladder.report.rungs import waiting
from torchladder.report.tables import COMPARED, tables_of
from torchladder.report.terminal import next_step, not_judged, symptoms_of, verification
from torchladder.report.text import amount, clean, figure, number
from torchladder.rules.registry import all_rules, find_rule
from torchladder.webpage.code import Excerpt, diff_lines, excerpts

PLACES = 4
ROWS = 40  # of a chart's values that are listed for those who do not see it
PICTURE_BYTES = 2_000_000  # of one picture, and PICTURES of them: the page stays below five megabytes
PICTURES = 2
BADGES = {COMPARED: "compared", "ablation": "measured", "ceiling": "measured"}  # rungs that judge nothing
MANY = 12  # entries of a figure from which on it is folded
ALTS = {  # by the name of a picture, without its suffix
    "batch": "what the model is given, as a picture",
    "lr": "loss by learning rate, and what training at the rates gave",
    "scaling": "the runs beside the law that was fitted to them",
    "ceiling": "the gain of each stage",
    "curves": "the curves of the runs",
}
KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
ICONS = {"passed": "✓", "failed": "✗", "unknown": "?", "skipped": "-"}
TYPED = re.compile(r"(Next: )?(torchladder|torchrun|python|accelerate)\b")  # what follows can be copied to a terminal
SECTIONS = ("What is wrong", "Why it hurts", "When it is a false alarm")


@dataclass(frozen=True)
class Plot:
    """A chart for the page: its data for the script, and some of its values for readers without one."""

    title: str
    kind: str
    data: dict[str, Any]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: str
    note: str | None = None


@dataclass(frozen=True)
class Remedy:
    """A fix: what to do, its diff, and what came of trying it."""

    title: str
    trust: str
    diff: list[tuple[str, str]]
    outcome: tuple[str, str] | None
    verified: bool | None
    plot: Plot | None


@dataclass(frozen=True)
class Card:
    """A finding."""

    code: str
    name: str
    severity: str
    message: str
    module: str | None
    excerpts: list[Excerpt]
    seen: list[tuple[str, str, str, str]]
    notes: list[str]
    remedies: list[Remedy]
    symptoms: list[str]
    why: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Rung:
    """A rung, with everything that was measured on it."""

    number: int
    name: str
    state: str
    icon: str
    summary: str
    seconds: str
    notes: list[str]
    facts: list[tuple[str, str]]
    plots: list[Plot]
    pictures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class View:
    """The page."""

    title: str
    script: str
    verdict: str
    sentence: str
    seconds: str
    next: str
    next_is_typed: bool
    badge: str
    is_ladder: bool
    rungs: list[Rung]
    waits: list[int]
    cause: Card | None
    further: list[Card]
    plots: list[Plot]
    checks: list[dict[str, str]]
    sides: list[dict[str, str]]
    tables: list[tuple[str, list[dict[str, str]]]]
    error: str | None
    unknown: list[tuple[str, str]]
    unjudged: list[tuple[str, str]]
    clear: int
    environment: list[tuple[str, str, str]]
    tool: str


def view(report: Report, read: Reader, folder: Path | None) -> View:
    """Return what to show of a report; ``folder`` holds the pictures that it names."""
    cause = report.cause
    folded = symptoms_of(cause, report) if cause else []
    rest = [f for f in report.findings if f != cause and f not in folded]
    of_rungs = {r.rung for r in report.rungs}
    free = [_plot(c) for c in _drawn(report) if c.rung not in of_rungs]
    rungs = [_rung(r, report) for r in report.rungs]
    pictures = _pictures(report, folder)
    if rungs and pictures:
        rungs[0].pictures.extend(pictures)
    names = {rule.code: rule.name for rule in all_rules()}
    return View(
        title=f"{report.verdict}: {_script(report)}",
        script=_script(report),
        verdict=clean(report.verdict),
        sentence=clean(report.sentence).removeprefix(f"{report.verdict}: "),
        seconds=f"{number(round(report.seconds, 1))} s",
        next=clean(report.next or next_step(report)).removeprefix("Next: "),
        next_is_typed=bool(TYPED.match(report.next or next_step(report))),
        badge=next((BADGES[r.name] for r in report.rungs if r.name in BADGES), clean(report.verdict)),
        is_ladder=len(report.rungs) > 1 and len(of_rungs) == len(report.rungs),
        rungs=rungs,
        waits=waiting(report),
        cause=_card(cause, read, folded) if cause else None,
        further=[_card(f, read, []) for f in rest],
        plots=free,
        checks=_checks(report),
        sides=_sides(report),
        tables=[("The changes", rows_of_page(report))] if is_ablation(report) else tables_of(report),
        error=clean_block(str((report.error or {}).get("traceback") or "")) or None,
        unknown=[
            (clean(reason), ", ".join(f"{names.get(c, '')} ({c})".strip() for c in codes))
            for reason, codes in not_judged(report).items()
        ],
        unjudged=[
            (f"rung {r.rung}, {clean(r.name)}", clean(r.summary)) for r in report.rungs if r.state is State.UNKNOWN
        ],
        clear=len({code for r in report.rungs for code in r.clear}),
        environment=[
            (clean(str(k)).replace("_", " "), *_folded(k, v))
            for k, v in report.environment.items()
            if v not in ({}, [], "")
        ],
        tool=clean(report.tool),
    )


def _script(report: Report) -> str:
    """Return what was run; of a command of ours what follows the word torchladder, which stands before it anyway."""
    first, space, rest = clean(report.script).partition(" ")
    return rest if space and Path(first).name == "torchladder" else clean(report.script)


def _folded(name: str, value: Any) -> tuple[str, str]:
    """Return a figure in words, and what to fold it under where it has many entries."""
    if name == "memory" and isinstance(value, int):
        return f"{value / 1e9:.1f} GB", ""
    if isinstance(value, list):
        return ", ".join(figure(v) for v in value), f"{len(value):,} entries" if len(value) > MANY else ""
    many = isinstance(value, dict) and len(value) > MANY
    return figure(value), f"{len(value):,} entries" if many else ""


def clean_block(text: str) -> str:
    """Return a text of several lines with each of them cleaned."""
    return "\n".join(clean(line) for line in text.rstrip("\n").split("\n"))


def _rung(rung: RungResult, report: Report) -> Rung:
    said = report.cause.message if report.cause else ""
    shown = {
        k: v for k, v in rung.facts.items() if (k not in {"checks", "sides"} or not is_check(report)) and k != "tables"
    }
    return Rung(
        number=rung.rung,
        name=clean(rung.name),
        state=rung.state.value,
        icon=ICONS[rung.state.value],
        summary=clean(rung.summary.removesuffix(f"; {said}") if said else rung.summary),
        seconds=f"{number(round(rung.seconds, 1))} s" if rung.seconds >= 0.05 else "",  # noqa: PLR2004 - rounds to 0
        notes=[clean(n) for n in rung.notes],
        facts=[(clean(str(k)).replace("_", " "), figure(v)) for k, v in shown.items() if _is_short(v)],
        plots=[_plot(c) for c in _drawn(report) if c.rung == rung.rung],
    )


def _is_short(value: Any) -> bool:
    """Tell whether a figure reads well in one cell: rows of tables are shown elsewhere, or not."""
    return not isinstance(value, list) or not any(isinstance(v, dict | list) for v in value)


def _card(finding: Finding, read: Reader, folded: list[Finding]) -> Card:
    return Card(
        code=clean(finding.code),
        name=clean(finding.name),
        severity=finding.severity.value,
        message=clean(finding.message),
        module=clean(finding.module) if finding.module else None,
        excerpts=excerpts(finding, read, PLACES),
        seen=[
            (
                clean(m.what),
                amount(m.value, m.unit) if m.value is not None else "",
                figure(m.expected) if m.expected is not None else "",
                f"{m.step:,}" if m.step is not None else "",
            )
            for m in finding.seen
        ],
        notes=[clean(n) for n in finding.notes],
        remedies=[_remedy(fix) for fix in sorted(finding.fixes, key=lambda f: f.verified is not True)],
        symptoms=[f"{clean(f.name)} ({clean(f.code)}): {clean(f.message)}" for f in folded],
        why=_why(finding.code),
    )


def _remedy(fix: Fix) -> Remedy:
    plot = _plot(fix.chart) if fix.chart is not None and len(fix.chart.lines) > 1 else None
    diff = diff_lines(fix.diff) if fix.diff else []
    return Remedy(clean(fix.title), fix.trust.value, diff, verification(fix), fix.verified, plot)


def _why(code: str) -> list[tuple[str, list[str]]]:
    """Return the sections of a rule's page that a reader of a report needs, each as paragraphs."""
    rule = find_rule(code)
    sections = as_data(rule)["sections"] if rule is not None else {}
    return [(head, re.split(r"\n\s*\n", sections[head])) for head in SECTIONS if head in sections]


def _checks(report: Report) -> list[dict[str, str]]:
    if not is_check(report):
        return []
    rows = report.rungs[0].facts.get("checks") or []
    return [
        {
            "check": clean(str(c["check"])),
            "state": clean(str(c["state"])) if c["value"] is not None else "unknown",
            "icon": ICONS.get(str(c["state"]) if c["value"] is not None else "unknown", ""),
            "value": clean(str(c["value"] if c["value"] is not None else c["unknown"] or "did not look")),
            "expected": clean(str(c["expected"])) if c["expected"] is not None else "",
        }
        for c in rows
    ]


def _sides(report: Report) -> list[dict[str, str]]:
    """Return a row for each side: the columns that a terminal shows, and what was inferred."""
    rows = report.rungs[0].facts.get("sides") or [] if is_check(report) else []
    told = [", ".join(clean(str(t)) for t in row.get("told") or []) for row in rows]
    return [
        dict(zip((*COLUMNS, "read as"), (*cells(r), words), strict=True)) for r, words in zip(rows, told, strict=True)
    ]


# --- charts -----------------------------------------------------------------------------------------


def _drawn(report: Report) -> list[Chart | HeatMap]:
    return [*report.charts, *report.maps]


def _plot(chart: Chart | HeatMap) -> Plot:
    if isinstance(chart, HeatMap):
        return _heat(chart)
    rows = _values(chart)
    names = [clean(one.name) for one in chart.lines]
    words = "; ".join(_course(one.name, one.y) for one in chart.lines)
    return Plot(clean(chart.title), "chart", to_json(chart), (clean(chart.x), *names), rows, words, _maybe(chart.note))


def _values(chart: Chart) -> tuple[tuple[str, ...], ...]:
    """Return a table of up to ``ROWS`` places of the axis, with the value of each line there."""
    at = sorted({x for one in chart.lines for x in one.x})
    shown = at if len(at) <= ROWS else [at[i * (len(at) - 1) // (ROWS - 1)] for i in range(ROWS)]
    of = [dict(zip(one.x, one.y, strict=True)) for one in chart.lines]
    return tuple((number(x), *(_cell(values.get(x)) for values in of)) for x in shown)


def _heat(heat: HeatMap) -> Plot:
    every = max(-(-len(heat.columns) // 8), 1)
    head = ("", *(number(c) for c in heat.columns[::every]))
    rows = tuple(
        (clean(r), *(_cell(v) for v in values[::every])) for r, values in zip(heat.rows, heat.values, strict=True)
    )
    words = f"{len(heat.rows)} rows by {len(heat.columns)} steps"
    return Plot(clean(heat.title), "map", to_json(heat), head, rows, words, _maybe(heat.note))


def _course(name: str, y: tuple[float | None, ...]) -> str:
    known = [v for v in y if v is not None]
    if not known:
        return f"{clean(name)}: no finite value"
    return f"{clean(name)}: first {number(known[0])}, least {number(min(known))}, last {number(known[-1])}"


def _cell(value: float | None) -> str:
    return "" if value is None else number(value)


def _maybe(text: str | None) -> str | None:
    return clean(text) if text else None


def _pictures(report: Report, folder: Path | None) -> list[tuple[str, str]]:
    """Return the pictures of a report with their names and what they show, as the data of an image."""
    found = []
    for name in report.pictures[:PICTURES]:
        file = (folder or Path(report.folder or ".")) / name
        kind = KINDS.get(file.suffix.lower())
        try:
            if kind and file.is_file() and file.stat().st_size <= PICTURE_BYTES:
                alt = ALTS.get(file.stem, "a picture of this report")
                found.append((
                    f"{clean(name)}: {alt}",
                    f"data:image/{kind};base64,{base64.b64encode(file.read_bytes()).decode()}",
                ))
        except OSError:
            continue
    return found
