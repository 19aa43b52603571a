"""A report as a terminal shows it: the rungs, one cause in the manner of rustc, the next command.

Lines are laid out here to the given width and handed to rich as plain Text objects, never as markup:
what came from the user cannot style or move anything.
"""

import io
import sys
from collections import defaultdict
from functools import partial

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from torchladder.core.findings import Finding, Fix, Place, Severity, Trust
from torchladder.core.report import Report
from torchladder.report.ablation import ablation_lines, is_ablation
from torchladder.report.checks import check_lines, is_check
from torchladder.report.excerpt import Reader, Span, read_source, underline
from torchladder.report.layout import Lines, wrapped
from torchladder.report.mistakes import is_mistakes, mistake_lines
from torchladder.report.rungs import table, waiting
from torchladder.report.text import amount, clean, clean_lines, figure, measured, number, numbers_as_ranges, plural
from torchladder.rules.registry import all_rules

MIN_WIDTH, MAX_WIDTH = 40, 120
PROGRAM_FAILED = 3  # exit status
MAX_SEEN = 3
MAX_FIXES = 3
MAX_NOTES = 4
MAX_PLACES = 3
MAX_FURTHER = 6
MAX_EXCERPT_LINES = 4
MAX_DIFF_LINES = 8
MAX_REASONS = 6
MAX_CODES = 6
MAX_TRACEBACK_LINES = 40
LAST_EXPERIMENT = 3

SEVERITY_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}
VERDICT_STYLE = {"broken": "bold red", "healthy": "bold green", "undecided": "bold yellow"}
GUTTER = "blue"


def labelled(label: str, body: str, *, gutter: int, width: int, style: str = "bold") -> Lines:
    """Yield one ``= label: body`` line of a diagnostic."""
    first = Text(" " * (gutter + 1))
    first.append("= ", GUTTER)
    first.append(f"{label}:", style)
    yield from wrapped(first + Text(" "), Text(body), width)


def place_line(arrow: str, place: Place, finding: Finding | None, gutter: int, width: int) -> Lines:
    """Yield ``--> train.py:31 in Net.forward``."""
    words = clean(str(place))
    if place.function and place.function != "<module>":
        words += f" in {clean(place.function)}"
    if finding and finding.module:
        words += f" (module {clean(finding.module)})"
    first = Text(" " * gutter)
    first.append(f"{arrow} ", GUTTER)
    yield from wrapped(first, Text(words), width)


def window(line: str, span: Span, room: int) -> tuple[str, Span]:
    """Return the part of a long line that shows ``span``, with dots where it was cut."""
    if len(line) <= room:
        return line, span
    start = 0 if span.end <= room - 3 else max(0, min(span.start - room // 4, len(line) - room))
    part = line[start : start + room]
    if start:
        part = "..." + part[3:]
    if start + room < len(line):
        part = part[:-3] + "..."
    low = min(max(span.start - start, 3 if start else 0), room - 1)
    return part, Span(low, max(low + 1, min(span.end - start, room)))


def source_line(text: str, *, label: str, gutter: int) -> Text:
    """Return one line of an excerpt behind its gutter."""
    line = Text()
    line.append(f"{label:>{gutter}} | ", GUTTER)
    return line + Text(text)


def code_line(line: str, span: Span, room: int) -> tuple[str, Span]:
    """Return a source line fit for the terminal, and the columns of ``span`` in it."""
    before, inside = clean(line[: span.start]), clean(line[span.start : span.end])
    moved = Span(cell_len(before), cell_len(before) + max(1, cell_len(inside)))
    return window(clean(line), moved, room)


def excerpt(lines: list[str], place: Place, finding: Finding, gutter: int, width: int) -> Lines:
    """Yield the user's line as written, what matters underlined, and the remark."""
    room = width - gutter - 3
    bar = source_line("", label="", gutter=gutter)
    bar.rstrip()
    yield bar
    last = min(place.end_line or place.line, place.line + MAX_EXCERPT_LINES - 1, len(lines))
    span = underline(lines, place.line, finding)
    text, shown = code_line(lines[place.line - 1], span, room)
    yield source_line(text, label=str(place.line), gutter=gutter)
    yield from carets(shown, finding, gutter, width)
    for n in range(place.line + 1, last + 1):
        more, _ = window(clean(lines[n - 1]), Span(0, 1), room)
        yield source_line(more, label=str(n), gutter=gutter)


def carets(shown: Span, finding: Finding, gutter: int, width: int) -> Lines:
    """Yield the underline, with the remark behind it where it fits and beneath it where not."""
    style = SEVERITY_STYLE[finding.severity]
    line = source_line(" " * shown.start, label="", gutter=gutter)
    line.append("^" * (shown.end - shown.start), style)
    remark = clean(finding.remark or "")
    if not remark or cell_len(line.plain) + 2 + cell_len(remark) <= width:
        yield line + Text(f"  {remark}" if remark else "", style)
        return
    yield line
    column = shown.start if width - gutter - 3 - shown.start >= width // 2 else 4
    start = source_line(" " * column, label="", gutter=gutter)
    yield from wrapped(start, Text(remark, style), width, rest=start)


def gutter_of(finding: Finding) -> int:
    """Return the width of the widest line number an excerpt of ``finding`` shows."""
    numbers = [p.end_line or p.line for p in finding.where[:MAX_PLACES]]
    return max([2, *(len(str(n)) for n in numbers)])


def headline(finding: Finding, width: int) -> Lines:
    """Yield ``error[TL201] double-softmax: message``."""
    first = Text()
    first.append(f"{finding.severity.value}[{clean(finding.code)}]", SEVERITY_STYLE[finding.severity])
    first.append(f" {clean(finding.name)}: ", "bold")
    body = Text(clean(finding.message), "bold")
    for line in (first + body).wrap(Console(width=width, file=io.StringIO()), width):
        line.rstrip()
        yield line


def places(finding: Finding, read: Reader, gutter: int, width: int) -> Lines:
    """Yield where: the first place with its excerpt, others with their line."""
    if not finding.where:
        if finding.module:
            yield Text(" " * gutter) + Text("--> ", GUTTER) + Text(f"module {clean(finding.module)}")
        return
    for n, place in enumerate(finding.where[:MAX_PLACES]):
        yield from place_line(":::" if n else "-->", place, None if n else finding, gutter, width)
        lines = read(place.path)
        if not lines or not 1 <= place.line <= len(lines):
            continue
        if n == 0:
            yield from excerpt(lines, place, finding, gutter, width)
            continue
        text, _ = window(clean(lines[place.line - 1]), Span(0, 1), width - gutter - 3)
        yield source_line(text, label=str(place.line), gutter=gutter)


def changed_lines(diff: str) -> list[str]:
    """Return the lines that a unified diff takes out and puts in."""
    lines = clean_lines(diff)
    return [x for x in lines if x[:1] in {"+", "-"} and not x.startswith(("+++ ", "--- "))]


def diff_lines(fix: Fix, indent: int, width: int) -> Lines:
    """Yield the changed lines of a short diff."""
    changed = changed_lines(fix.diff or "")
    if not changed or len(changed) > MAX_DIFF_LINES:
        return
    common = min((len(x[1:]) - len(x[1:].lstrip()) for x in changed if x[1:].strip()), default=0)
    for line in changed:
        text, _ = window(f"{line[0]} {line[1 + common :]}", Span(0, 1), width - indent)
        yield Text(" " * indent) + Text(text.rstrip(), "green" if line[0] == "+" else "red")


def verification(fix: Fix) -> tuple[str, str] | None:
    """Return the label and the words of a fix's trial, or None when it was not tried."""
    if fix.verified is None and not fix.after:
        return None
    # A diff that was not itself run is not claimed to have been.
    this = "this change made in memory" if fix.diff and fix.edited is not True else "this change"
    words = f"with {this} the rung passes" if fix.verified else f"with {this} the rung still fails"
    if fix.after:
        after = f"{clean(fix.after.what)}: {amount(fix.after.value, fix.after.unit)}"
        words = f"with {this}, {after}"
        if fix.before:
            same = fix.before.what == fix.after.what
            before = amount(fix.before.value, fix.before.unit)
            words += f"; without it, {before if same else f'{clean(fix.before.what)}: {before}'}"
        if fix.verified is None:
            by = "one batch" if "one batch" in fix.after.what else "the program's first steps"
            words = f"not decided by {by}: {words}"
    if fix.seconds:
        words += f" ({number(round(fix.seconds, 1))} s)"
    return ("verified" if fix.verified else "not verified"), words


def fix_lines(finding: Finding, gutter: int, width: int) -> Lines:
    """Yield what can be done, how far to trust it, and what came of trying it."""
    put = partial(labelled, gutter=gutter, width=width)
    fixes = sorted(finding.fixes, key=lambda f: f.verified is not True)[:MAX_FIXES]
    for fix in fixes:
        yield from put("help", f"{clean(fix.title)} ({fix.trust.value})")
        yield from diff_lines(fix, gutter + 9, width)
        outcome = verification(fix)
        if outcome:
            label, words = outcome
            yield from put(label, words, style="bold green" if fix.verified else "bold yellow")
    if fixes and all(verification(f) is None for f in fixes):
        idea = all(f.trust is Trust.IDEA for f in fixes)
        yield from put(
            "not verified", "advice, which no run can try" if idea else "no experiment was run with this change"
        )


def symptoms_of(cause: Finding, report: Report) -> list[Finding]:
    """Return the findings that are folded under ``cause``."""
    return [f for f in report.findings if f.symptom_of == cause.code and f.code != cause.code]


def diagnostic(finding: Finding, folded: list[Finding], read: Reader, width: int) -> Lines:
    """Yield the whole diagnostic of the cause."""
    gutter = gutter_of(finding)
    put = partial(labelled, gutter=gutter, width=width)
    yield from headline(finding, width)
    yield from places(finding, read, gutter, width)
    for one in finding.seen[:MAX_SEEN]:
        yield from put("seen", measured(one))
    for note in finding.notes[:MAX_NOTES]:
        yield from put("note", clean(note))
    yield from fix_lines(finding, gutter, width)
    if folded:
        names = ", ".join(f"{clean(f.name)} ({clean(f.code)})" for f in folded)
        verb = "follows" if len(folded) == 1 else "follow"
        yield from put("note", f"{plural(len(folded), 'symptom')} {verb} from it: {names}")
    yield from put("more", f"torchladder explain {clean(finding.code)}")


def shorter(finding: Finding, width: int, most: int = 1) -> Lines:
    """Yield a further finding in a few lines, with up to ``most`` of its figures."""
    gutter = gutter_of(finding)
    put = partial(labelled, gutter=gutter, width=width)
    yield from headline(finding, width)
    if finding.where:
        yield from place_line("-->", finding.where[0], finding, gutter, width)
    for one in finding.seen[:most]:
        yield from put("seen", measured(one))
    for fix in finding.fixes[:1]:
        yield from put("help", f"{clean(fix.title)} ({fix.trust.value})")


def further(report: Report, width: int) -> Lines:
    """Yield the findings that are neither the cause nor its symptoms."""
    cause = report.cause
    folded = set(map(id, symptoms_of(cause, report))) if cause else set()
    rest = [f for f in report.findings if f != cause and id(f) not in folded]
    for finding in rest[:MAX_FURTHER]:
        yield Text()
        yield from shorter(finding, width, MAX_SEEN if is_check(report) else 1)
    if len(rest) > MAX_FURTHER:
        yield Text()
        yield Text(f"{plural(len(rest) - MAX_FURTHER, 'further finding')} in the report.")


def not_judged(report: Report) -> dict[str, list[str]]:
    """Return, by reason, the codes of the rules that could not tell."""
    clear = {code for r in report.rungs for code in r.clear}
    by_reason: dict[str, list[str]] = defaultdict(list)
    for rung in report.rungs:
        for code, reason in rung.unknown.items():
            if code not in clear and code not in by_reason[reason]:
                by_reason[reason].append(code)
    return {reason: codes for reason, codes in by_reason.items() if codes}


def rule_names(codes: list[str]) -> str:
    """Return the names of rules, the first few of many."""
    names = {rule.code: rule.name for rule in all_rules()}
    shown = ", ".join(clean(names.get(code, code)) for code in codes[:MAX_CODES])
    more = len(codes) - MAX_CODES
    return f"{shown} and {more} more" if more > 0 else shown


def model_words(report: Report) -> str | None:
    """Return the size of the model in a few words, None when no rung looked."""
    facts = next((r.facts for r in report.rungs if r.facts.get("parameters")), None)
    if facts is None:
        return None
    share = facts.get("trainable_share")
    trained = (
        "all trainable" if share == 1 else "trainable share not known" if share is None else f"{share:.1%} trainable"
    )
    words = f"{clean(str(facts.get('model', 'model')))}, {plural(int(facts['parameters']), 'parameter')}, {trained}"
    shapes = [facts.get("input_shape"), facts.get("output_shape")]
    return f"{words}, {figure(shapes[0])} -> {figure(shapes[1])}" if all(shapes) else words


def verdict(report: Report, width: int) -> Lines:
    """Yield the verdict in a sentence, then how many rules were clear and which could not tell."""
    first = Text()
    first.append(f"{clean(report.verdict)}: ", VERDICT_STYLE.get(report.verdict, "bold"))
    sentence = clean(report.sentence).removeprefix(f"{report.verdict}: ")
    for line in (first + Text(sentence)).wrap(Console(width=width, file=io.StringIO()), width):
        line.rstrip()
        yield line
    if report.exit_status == PROGRAM_FAILED or is_check(report):
        return
    put = partial(labelled, gutter=2, width=width)
    model = model_words(report) if report.verdict == "healthy" else None
    if model:
        yield from put("model", model)
    clear = {code for r in report.rungs for code in r.clear}
    if clear:
        yield from put("clear", f"{plural(len(clear), 'rule')} looked and found nothing")
    unknown = not_judged(report)
    for reason, codes in list(unknown.items())[:MAX_REASONS]:
        yield from put("not judged", f"{rule_names(codes)}: {clean(reason)}")
    if len(unknown) > MAX_REASONS:
        rest = sum(len(codes) for codes in list(unknown.values())[MAX_REASONS:])
        yield from put("not judged", f"{plural(rest, 'further rule')}; the JSON report says why")


def without_library_frames(lines: list[str]) -> list[str]:
    """Return the lines of a traceback with each run of installed packages' frames folded into one line."""
    kept: list[str] = []
    folded = 0
    inside = False
    for line in [*lines, ""]:
        if line.startswith('  File "'):
            inside = "site-packages" in line or "dist-packages" in line
            folded += inside
        elif not line.startswith("    "):
            inside = False
        if inside:
            continue
        if folded:
            kept.append(f"  ... {plural(folded, 'frame')} inside installed packages")
            folded = 0
        kept.append(line)
    return kept[:-1]


def crash(report: Report, width: int) -> Lines:
    """Yield the program's own exception, as Python showed it, and a sentence."""
    error = report.error or {}
    lines = without_library_frames(clean_lines(str(error.get("traceback") or "").rstrip("\n")))
    if lines == [""]:
        lines = [f"{clean(str(error.get('type', 'Exception')))}: {clean(str(error.get('message', '')))}"]
    if len(lines) > MAX_TRACEBACK_LINES:
        half = MAX_TRACEBACK_LINES // 2
        cut = len(lines) - 2 * half
        lines = [*lines[:half], f"  ... {plural(cut, 'line')} left out ...", *lines[-half:]]
    first = Text()
    first.append("program failed: ", "bold red")
    sentence = clean(report.sentence).removeprefix("the program failed by itself: ")
    for line in (first + Text(sentence)).wrap(Console(width=width, file=io.StringIO()), width):
        line.rstrip()
        yield line
    yield Text()
    for text in lines:
        yield Text(f"  {text}".rstrip())


def climb_again(report: Report) -> str:
    """Return the command that climbs the same program again."""
    return f"torchladder climb {'' if is_file(report.script) else '-m '}{report.script}"


def is_file(script: str) -> bool:
    """Return whether ``script`` names a file, not a module."""
    return script.endswith((".py", ".ipynb")) or "/" in script


def rerun(report: Report) -> str:
    """Return the command that starts the user's program by itself."""
    if report.script.endswith(".ipynb"):
        return f"jupyter execute {report.script}"
    return f"python {'' if is_file(report.script) else '-m '}{report.script}"


def next_step(report: Report) -> str:
    """Return the next command to type."""
    cause = report.cause
    if cause is not None:
        has_diff = any(fix.diff for fix in cause.fixes)
        if has_diff and report.folder:
            return f"torchladder fix {report.folder} --diff"
        where = f"repair {cause.where[0]}, then: " if cause.where else ""
        return f"{where}{climb_again(report)}"
    if report.error is not None:
        return rerun(report)
    last = max((r.rung for r in report.rungs), default=0)
    if report.verdict == "healthy" and last < LAST_EXPERIMENT:
        return climb_again(report)
    return rerun(report)


def closing(report: Report, width: int) -> Lines:
    """Yield the closing line: what waits, and the next command on a line of its own where it must."""
    waits = waiting(report)
    lead = ""
    if waits:
        one = len(waits) == 1
        lead = f"{'Rung' if one else 'Rungs'} {numbers_as_ranges(waits)} {'waits' if one else 'wait'} for this one. "
    command = Text()
    command.append("Next: ", "bold")
    command.append(clean(report.next or next_step(report)).removeprefix("Next: "))
    if cell_len(lead) + cell_len(command.plain) <= width:
        yield Text(lead) + command
        return
    if lead:
        yield Text(lead.rstrip())
    yield command


def picture_lines(report: Report, width: int) -> Lines:
    """Yield where each picture of the report lies."""
    for name in report.pictures:
        path = f"{report.folder}/{name}" if report.folder else name
        yield from labelled("picture", clean(path), gutter=2, width=width)


def page(report: Report, read: Reader, width: int) -> Lines:
    """Yield every line of the report."""
    if is_mistakes(report) or is_ablation(report):
        yield from (mistake_lines if is_mistakes(report) else ablation_lines)(report, width)
        yield Text()
        yield from closing(report, width)
        return
    rows = [*(check_lines if is_check(report) else table)(report, width), *picture_lines(report, width)]
    yield from rows
    if rows:
        yield Text()
    if report.cause is not None:
        yield from diagnostic(report.cause, symptoms_of(report.cause, report), read, width)
        if report.error is not None:
            yield Text()
    if report.error is not None:
        yield from crash(report, width)
    elif report.cause is None:
        yield from verdict(report, width)
    yield from further(report, width)
    if report.cause is None or len(report.findings) > 1 or report.error is not None:
        yield Text()
    yield from closing(report, width)


def render(report: Report, *, width: int = 80, color: bool = False, read: Reader = read_source) -> str:
    """Return the whole page as text ending in a newline.

    Args:
        report: What to show.
        width: Columns to lay out for.
        color: Whether to add ANSI colours.
        read: Returns the lines of a source file, or None when it is not there.
    """
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
    for line in page(report, read, width):
        console.print(line, soft_wrap=True, markup=False, highlight=False, emoji=False)
    return out.getvalue()


def terminal() -> tuple[int, bool]:
    """Return the width of standard output and whether it takes colours."""
    console = Console(file=sys.stdout)
    return console.width, console.is_terminal and not console.no_color and console.color_system is not None


def show(report: Report) -> None:
    """Print the page on standard output, plain when that is not a terminal."""
    width, color = terminal()
    sys.stdout.write(render(report, width=width, color=color))
    sys.stdout.flush()
