"""Live verdicts: the ladder's own rules on the facts of the run so far, each said once."""

import math
from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.core.ignores import ignored_at
from torchladder.monitor.schedule import Schedule
from torchladder.report.excerpt import read_source
from torchladder.rules.registry import Rule, find_rule

# Rules whose evidence a live run gives. Those of the second group judge a course, and speak when the run is over.
LIVE = (
    "TL102", "TL209", "TL210", "TL211", "TL212", "TL306", "TL307", "TL401", "TL402", "TL403", "TL407", "TL502", "TL504",
    "TL604", "TL901", "TL903",
)  # fmt: skip
CAUSES = ("TL102", "TL306", "TL307")  # what a NaN is traced to is said before what it looks like
TOGETHER = ("TL701", "TL702", "TL703", "TL704", "TL705")  # of several processes that train one model
AT_END = ("TL601", "TL602", "TL603", "TL605", "TL606", "TL607")
FIRST = frozenset((4, 8, 16, 32, 64, 128))  # steps at which a run is judged whatever that costs
SHARE = 0.1  # of the monitor's budget that later judgements may take


class Judge:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: dict[str, Finding] = {}
        self._next = 0.0  # seconds of the schedule's clock before which no judgement is due
        self._rules = {code: _known(code) for code in (*LIVE, *TOGETHER, *AT_END)}  # read before the training begins

    def due(self, step: int, schedule: Schedule) -> bool:
        """Tell whether a run is judged after this step: at some first ones, and when the time since has paid for it."""
        if step in FIRST:
            return True
        return step > max(FIRST) and schedule.elapsed >= self._next

    def ask_at(self, step: int) -> float:
        """Return the next step after which a run is judged whatever that costs; infinity when there is none."""
        return min((s for s in FIRST if s > step), default=math.inf)

    def took(self, seconds: float, schedule: Schedule) -> None:
        """Note what a judgement cost, and put off the next one accordingly."""
        self._next = schedule.elapsed + seconds / (SHARE * schedule.settings.overhead)

    def look(self, facts: Facts, *, finished: bool) -> Iterator[Finding]:
        """Yield the verdicts that are new, the most severe first."""
        codes = LIVE + TOGETHER + (AT_END if finished else ())
        found = [f for code in codes if code not in self.said for f in self._judged(code, facts)]
        for finding in sorted(found, key=lambda f: (list(Severity).index(f.severity), f.code not in CAUSES)):
            explained = any(finding.code in self._rules[code].explains for code in self.said)
            if finding.code not in self.said and not explained:
                self.said[finding.code] = finding
                yield finding

    def _judged(self, code: str, facts: Facts) -> list[Finding]:
        """Return a rule's findings, without those that a comment in the source ignores."""
        return [f for f in self._rules[code].judge(facts) or [] if ignored_at(f, read_source) is None]


def _known(code: str) -> Rule:
    rule = find_rule(code)
    assert rule is not None, code
    return rule
