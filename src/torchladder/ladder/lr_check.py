"""Runs that check what a range test suggests: the program's own loop at a few rates, then towards the best."""

import dataclasses
import itertools
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Change
from torchladder.core.jsonable import to_json
from torchladder.core.lr_facts import LrTrialFact
from torchladder.ladder import rates
from torchladder.ladder.rate_trials import Choice, choose, compare, finite, has_diverged
from torchladder.ladder.subject import Subject, program_of

PLANNED, WHOLE_PLANNED = 5, 3  # runs that the time is shared among, and where they can be whole ones
MOST, MOST_CLOSER = 12, 16  # runs in all
ENOUGH = 100.0  # a range of equals this wide needs no closer look
LEAST_SECONDS = 1.0  # no program starts and learns in less
LEAST_STEPS = 10  # that a run must make to be kept
ENOUGH_STEPS = 50  # and to be compared, where the program makes more
BRACKET = 1.25 * rates.STEP  # neighbours nearer than this factor enclose the best
# where runs differ by luck as much as by their rates, only several nearby tell one from the other
CLOSER = 1.6
DECADE = 10.0 * (1 + 1e-9)
COMPARABLE = 0.5  # share of the longest run's steps below which a run is left out


@dataclass
class Check:
    """The runs of one phase, and the time they may take.

    Attributes:
        own: The program's own rate, by which others are scaled.
        until: ``time.monotonic`` at which the last run must be over.
        whole: Seconds that a run of the whole program takes, where that is known.
        least: Seconds that the program needs to start and make enough steps to be compared.
        steps: All runs are stopped after so many optimizer steps; None for whole runs.
        optimizers: Optimizers that step together: each counts.
        closer: Whether what is left of the time goes to rates between those that did equally well.
    """

    subject: Subject
    own: float
    until: float
    whole: float | None = None
    least: float = LEAST_SECONDS
    steps: int | None = None
    optimizers: int = 1
    closer: bool = False
    trials: list[LrTrialFact] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    cut: bool = False  # whether the runs end before the program would

    @property
    def left(self) -> float:
        """Seconds that remain."""
        return min(self.until - time.monotonic(), self.subject.left)

    def run(self, candidates: Sequence[rates.Reading]) -> Choice:
        """Try the candidates, step beyond the outermost while that is better, and choose."""
        share = max(self.left / PLANNED, min(self.least, self.left / 2))
        if self.whole is not None:  # fewer runs, where that makes them whole ones
            share = max(share, min(1.5 * self.whole, self.left / WHOLE_PLANNED))
        if self.left < 2 * self.least:
            self.failures.append(f"two runs of {ENOUGH_STEPS} steps would take {2 * self.least:.0f} s")
            return choose([])
        for reading in candidates:
            self._try(reading.lr, share)
        while (further := self._further()) is not None:
            if len(self.trials) >= (MOST_CLOSER if self.closer else MOST) or not self._try(further, share):
                break
        return choose(self.comparable())

    def comparable(self) -> list[LrTrialFact]:
        """Return the runs that got far enough to stand beside the others."""
        longest = max((len(t.losses) for t in self.trials if finite(t)), default=0)
        if longest < ENOUGH_STEPS and any(t.ended in {"stopped", "timeout"} for t in self.trials):
            return []
        return [t for t in self.trials if not finite(t) or len(t.losses) >= COMPARABLE * longest]

    def whole_runs(self) -> bool:
        """Tell whether the runs that went through came to the program's own end."""
        return not self.cut and all(t.ended != "timeout" for t in self.trials if finite(t))

    def _further(self) -> float | None:
        """Return the next rate: outward while the best is the outermost, then between it and its neighbours."""
        found = compare(self.comparable())
        if found is None:
            lowest = min((t.lr for t in self.trials), default=0.0)
            return lowest / 10 if lowest and not any(finite(t) for t in self.trials) else None
        tried, good = sorted(found.values), found.equals()
        if good[-1] / good[0] > ENOUGH:
            return None
        inside = [r for r in tried if good[0] <= r <= good[-1]]
        above = next((r for r in tried if r > good[-1]), None)
        below = next((r for r in reversed(tried) if r < good[0]), None)
        for edge, neighbour, outward in ((good[-1], above, rates.STEP), (good[0], below, 1 / rates.STEP)):
            if neighbour is None or max(neighbour / edge, edge / neighbour) > DECADE:
                return edge * outward
        neighbours = [r for r in (below, *inside, above) if r is not None]
        a, b = max(itertools.pairwise(neighbours), key=lambda pair: pair[1] / pair[0])
        return math.sqrt(a * b) if b / a > (CLOSER if self.closer else BRACKET) else None

    def _try(self, lr: float, share: float) -> bool:
        """Run the program at one rate; returns whether there was time for it."""
        cost = max((t.seconds for t in self.trials), default=LEAST_SECONDS)
        if self.left < max(cost, LEAST_SECONDS):
            return False
        self.subject.progress(f"training at learning rate {lr:.2g}")
        trial = self._trial(lr, min(share if not self.trials else max(1.5 * cost, 1.5 * share), self.left))
        if trial is None:
            return True
        if self.steps is None and not any(finite(t) for t in self.trials) and trial.ended == "timeout":
            self._cut(trial)
        self.trials.append(trial)
        return True

    def _cut(self, first: LrTrialFact) -> None:
        """Let all runs be as long as the first one got in its time, up to its last evaluation."""
        n = len(first.losses)
        last = max((s for s, _ in (*first.held_out, *first.accuracies)), default=0.0)
        self.steps, self.cut = (int(last) + 1 if last >= n / 2 else n) * self.optimizers, True

    def _trial(self, lr: float, seconds: float) -> LrTrialFact | None:
        factor = lr / self.own
        changes = [Change("scale_lr", {"factor": factor}), Change("stop_when_diverged")]
        plan = {"dense_steps": 2, "max_steps": self.steps, "stop_seconds": seconds}
        options = {"plan": plan, "changes": [to_json(c) for c in changes]}
        started = time.monotonic()
        facts, payload = self.subject.observed("observe", options, seconds + 2.0)
        losses = next((c.losses for c in facts.curves or () if c.phase == 0), ())
        program = program_of(facts)
        diverged = has_diverged(losses)
        if len(losses) < LEAST_STEPS and not diverged:
            error = program.error.message.strip().splitlines() if program.error else []
            self.failures.append(error[-1] if error else f"the program {program.state} after {len(losses)} steps")
            return None
        ended = "diverged" if diverged else program.state
        if program.state == "stopped" and not diverged:
            ended = "stopped" if self.steps is not None and payload.get("steps", 0) >= self.steps else "timeout"
        held, right = passes(facts.evaluations or ())
        last = next((e for e in reversed(facts.evaluations or ()) if e.accuracy is not None and _held_out(e)), None)
        return LrTrialFact(
            phase=0,
            lr=lr,
            factor=factor,
            losses=losses,
            held_out=held,
            accuracies=right,
            rows=last.rows if last else None,
            majority=last.majority if last else None,
            ended=ended,
            seconds=time.monotonic() - started,
        )


def _held_out(e: EvaluationFact) -> bool:
    return not (e.loader_trained or e.data_trained or e.feeds_training or e.hurried) and e.step > 0


def passes(
    evaluations: Sequence[EvaluationFact],
) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
    """Return (step, loss) and (step, accuracy) of the held-out passes of the first phase at the line with most."""
    mine = [e for e in evaluations if _held_out(e) and e.phase == 0]
    losses = _series([(e, e.loss if e.loss is not None else e.error) for e in mine])
    return losses, _series([(e, e.accuracy) for e in mine])


def _series(pairs: Sequence[tuple[EvaluationFact, float | None]]) -> tuple[tuple[float, float], ...]:
    known = [(e, v) for e, v in pairs if v is not None]
    if not known:
        return ()
    place = Counter(e.place for e, _ in known).most_common(1)[0][0]
    by_step: dict[float, float] = {}
    for e, v in known:
        if e.place == place:
            by_step.setdefault(float(e.step), v)  # several passes at one step: the first is the validation set
    return tuple(sorted(by_step.items()))


def with_trials(facts: Facts, trials: Sequence[LrTrialFact]) -> Facts:
    """Return the facts with the runs kept beside the sweep."""
    sweeps = facts.lr_sweeps or ()
    done = tuple(dataclasses.replace(s, trials=tuple(trials)) if i == 0 else s for i, s in enumerate(sweeps))
    return dataclasses.replace(facts, lr_sweeps=done)
