"""What all processes have found, put together by the first one: each finding once, with who has it."""

import dataclasses
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from torchladder.core.findings import Finding
from torchladder.monitor.judge import AT_END
from torchladder.monitor.ranks.notice import Notice
from torchladder.rules.registry import find_rule

NAMED = 4  # processes that are named; more are counted


@dataclass
class Shared:
    """One finding; ``said`` are the processes that were known to have it when it was told to the user."""

    step: int
    finding: Finding | None
    ranks: set[int] = field(default_factory=set)
    said: frozenset[int] | None = None


class Gathered:
    """Decides what is told to the user, and when: by code, as a process finds each only once.

    Verdicts upon a whole course are told once most processes share them: the loss of one share of the data is noisier
    than the run's. What another verdict explains is not told.
    """

    def __init__(self) -> None:
        self.world = 1
        self.shared: dict[str, Shared] = {}
        self._lock = threading.Lock()  # what is overdue comes from another thread

    def own(self, step: int, finding: Finding) -> bool:
        """Take in a finding of the first process; tell whether it is new."""
        with self._lock:
            known = self._noted(Notice(0, step, finding.code, finding))
            if known.said is not None or self._is_explained(finding.code):
                return False
            known.step, known.finding, known.said = step, finding, frozenset(known.ranks)
            return True

    def others(self, notices: Iterable[Notice]) -> list[tuple[int, Finding]]:
        """Take in what others have found; return what is to be told now, with its step."""
        told = []
        with self._lock:
            for notice in notices:
                self._noted(notice)
            for code, known in self.shared.items():
                enough = code not in AT_END or 2 * len(known.ranks) > self.world
                if known.said is None and known.finding is not None and enough and not self._is_explained(code):
                    known.said = frozenset(known.ranks)
                    told.append((known.step, known.finding))
        return told

    def who(self, code: str) -> str:
        """Return which processes have a finding, nothing where there is only one process or only the first has it."""
        ranks = sorted(self.shared[code].ranks) if code in self.shared else [0]
        if ranks == [0]:
            return ""
        if len(ranks) == self.world:
            return f"on all {self.world} processes"
        if len(ranks) == 1:
            return f"on process {ranks[0]} of {self.world}"
        if len(ranks) > NAMED:
            return f"on {len(ranks)} of {self.world} processes"
        return f"on processes {', '.join(map(str, ranks[:-1]))} and {ranks[-1]} of {self.world}"

    def noted(self, finding: Finding) -> Finding:
        """Return a finding that was told with a note of who has it by now."""
        known, who = self.shared.get(finding.code), self.who(finding.code)
        if known is None or known.finding is None or not who:
            return finding
        return dataclasses.replace(known.finding, notes=(*known.finding.notes, f"seen {who}"))

    def grown(self) -> list[str]:
        """Return the codes of findings that more processes have than was told."""
        return [code for code, known in self.shared.items() if known.said is not None and known.said != known.ranks]

    def _noted(self, notice: Notice) -> Shared:
        known = self.shared.setdefault(notice.code, Shared(notice.step, notice.finding))
        known.finding = known.finding or notice.finding
        known.ranks.add(notice.rank)
        return known

    def _is_explained(self, code: str) -> bool:
        rules = (find_rule(c) for c, known in self.shared.items() if known.said is not None)
        return any(code in rule.explains for rule in rules if rule is not None)
