"""Markdown, for a pull request's comment or a lab book."""

from torchladder.core.findings import Finding
from torchladder.core.report import Report, State
from torchladder.report.terminal import not_judged, rule_names, verification
from torchladder.report.text import amount, clean, figure

STATES = {State.PASSED: "passed", State.FAILED: "**FAILED**", State.UNKNOWN: "unknown", State.SKIPPED: "skipped"}
FENCE = "```"


def render(report: Report) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    parts = [f"## {report.verdict}: `{_code(report.script)}`", _text(report.sentence)]
    if report.rungs:
        rows = [f"| {r.rung} {_text(r.name)} | {STATES[r.state]} | {_text(r.summary)} |" for r in report.rungs]
        parts.append("\n".join(["| rung | state | |", "|---|---|---|", *rows]))
    parts += [_finding(f) for f in report.findings]
    unknown = [f"- {_text(rule_names(codes))}: {_text(why)}" for why, codes in not_judged(report).items()]
    if unknown:
        parts.append("\n".join(["<details><summary>not judged</summary>\n", *unknown, "\n</details>"]))
    if report.next:
        parts.append(f"Next: `{_code(report.next)}`")
    return "\n\n".join(parts) + "\n"


def _finding(finding: Finding) -> str:
    lines = [f"### {finding.severity.value} {finding.code} {finding.name}", "", _text(finding.message), ""]
    lines += [f"- at `{_code(str(p))}`" for p in finding.where]
    for m in finding.seen:
        expected = f"; expected {_text(figure(m.expected))}" if m.expected is not None else ""
        lines.append(f"- {_text(m.what)}: **{_text(amount(m.value, m.unit))}**{expected}")
    lines += [f"- {_text(note)}" for note in finding.notes]
    for fix in finding.fixes:
        lines += ["", f"**{_text(fix.title)}** ({fix.trust.value})"]
        outcome = verification(fix)
        if outcome:
            lines.append(f"{outcome[0]}: {_text(outcome[1])}")
        if fix.diff:
            fence = FENCE + "`" * fix.diff.count(FENCE)
            lines += ["", f"{fence}diff", fix.diff.rstrip("\n"), fence]
    return "\n".join(lines)


def _text(words: str) -> str:
    """Return words that neither end a table's cell nor become HTML; code spans stay as they are."""
    return clean(words).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def _code(words: str) -> str:
    return clean(words).replace("`", "'")
