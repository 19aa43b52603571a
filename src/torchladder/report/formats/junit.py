"""JUnit XML, as CI servers read it: a test case for each rung, failed by the findings on it.

The form: https://github.com/testmoapp/junitxml
"""

from xml.etree import ElementTree as ET

from torchladder.core.findings import Finding, Severity
from torchladder.core.report import Report, RungResult, State
from torchladder.report.text import clean, measured


def render(report: Report) -> str:
    """Return the document."""
    suites = ET.Element("testsuites", name="torchladder", time=f"{report.seconds:.3f}")
    suite = ET.SubElement(suites, "testsuite", name=clean(report.script))
    cases = [_case(suite, rung, report) for rung in report.rungs]
    if report.error is not None:
        case = ET.SubElement(suite, "testcase", name="the program", classname="torchladder")
        error = ET.SubElement(case, "error", message=clean(report.sentence))
        error.text = _block(str(report.error.get("traceback") or ""))
        cases.append("error")
    for one in (suites, suite):
        one.set("tests", str(len(cases)))
        one.set("failures", str(cases.count("failure")))
        one.set("errors", str(cases.count("error")))
    suite.set("skipped", str(cases.count("skipped")))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _case(suite: ET.Element, rung: RungResult, report: Report) -> str:
    """Add a rung; return how it ended: "passed", "failure" or "skipped"."""
    name = f"{rung.rung} {clean(rung.name)}"
    case = ET.SubElement(suite, "testcase", name=name, classname="torchladder", time=f"{rung.seconds:.3f}")
    found = [f for f in report.findings if f.rung == rung.rung and f.severity is not Severity.NOTE]
    if found or rung.state is State.FAILED:
        message = found[0].message if found else rung.summary
        failure = ET.SubElement(case, "failure", message=clean(message), type=found[0].code if found else "rung")
        failure.text = "\n\n".join(_words(f) for f in found) or clean(rung.summary)
        return "failure"
    if rung.state in {State.SKIPPED, State.UNKNOWN}:
        ET.SubElement(case, "skipped", message=clean(rung.summary))
        return "skipped"
    out = ET.SubElement(case, "system-out")
    out.text = clean(rung.summary)
    return "passed"


def _words(finding: Finding) -> str:
    lines = [f"{finding.severity.value}[{finding.code}] {finding.name}: {clean(finding.message)}"]
    lines += [f"  --> {clean(str(p))}" for p in finding.where[:1]]
    lines += [f"  seen: {measured(m)}" for m in finding.seen]
    lines += [f"  help: {clean(f.title)}" for f in finding.fixes]
    return "\n".join(lines)


def _block(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines())
