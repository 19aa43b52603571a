"""The ablation itself: two seeds of everything first, then more where the difference is small."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torchladder.ablation.changes import BASELINE
from torchladder.ablation.engines import Engine
from torchladder.ablation.job import Job, Result
from torchladder.ablation.ledger import Ledger
from torchladder.ablation.plan import Plan
from torchladder.ablation.statistics import FIRST, GROWTH, Paired, differences, settled


@dataclass
class Study:
    """What is known so far.

    Attributes:
        results: By variant and seed.
        settled: Changes that a look before the last one settled.
        taken: Runs that were found finished.
        made: Runs that were made now.
        interrupted: Whether it was stopped before its end.
    """

    plan: Plan
    results: dict[str, dict[int, Result]] = field(default_factory=lambda: defaultdict(dict))
    simple: Result | None = None
    settled: dict[str, Paired] = field(default_factory=dict)
    metric: str = ""
    lower: bool = False
    taken: int = 0
    made: int = 0
    interrupted: bool = False
    seconds: float = 0.0

    def values(self, name: str) -> dict[int, float]:
        """Return the metric of a variant by seed, where its runs ended with one."""
        found = {seed: r.values.get(self.metric, math.nan) for seed, r in self.results[name].items() if r.ended}
        return {seed: v for seed, v in found.items() if math.isfinite(v)}

    def failures(self, name: str) -> dict[int, str]:
        """Return why runs of a variant have no metric, by seed."""
        found = {}
        for seed, r in sorted(self.results[name].items()):
            if not r.ended:
                found[seed] = r.sentence
            elif not math.isfinite(r.values.get(self.metric, math.nan)):
                found[seed] = f"it has no {self.metric}; known: {', '.join(r.values) or 'nothing'}"
        return found

    @property
    def step(self) -> float:
        """The smallest step of the metric: the finest that any run showed."""
        steps = [r.step for rows in self.results.values() for r in rows.values() if r.ended and r.step]
        return min(steps, default=0.0)

    def differences(self, name: str) -> list[float]:
        """Return the differences of a variant to the baseline, a difference a seed."""
        return differences(self.values(name), self.values(BASELINE))

    def is_repeating(self) -> bool:
        """Tell whether every seed gave the same figures though nobody knows that it reached the runs."""
        if self.plan.seeded:
            return False
        rows = [self.values(v.name) for v in self.plan.variants]
        several = [set(row.values()) for row in rows if len(row) > 1]
        return bool(several) and all(len(values) == 1 for values in several)


@dataclass(frozen=True)
class Listener:
    """Who is told how it goes.

    Attributes:
        begin: The runs of a round, and how many of them are finished already.
        done: A run, its result, and how many of the round are left.
    """

    begin: Callable[[int, int], None] = lambda _new, _taken: None
    done: Callable[[Job, Result, int], None] = lambda _job, _result, _left: None


def conduct(plan: Plan, engine: Engine, ledger: Ledger, listener: Listener | None = None) -> Study:
    """Make the runs of a plan; Ctrl-C leaves what is done."""
    study = Study(plan, metric=plan.metric, lower=bool(plan.lower))
    began = time.monotonic()
    try:
        wanted = _first(plan)
        while wanted:
            _round(study, wanted, engine, ledger, listener or Listener())
            wanted = _more(study)
    except KeyboardInterrupt:
        study.interrupted = True
    study.seconds = time.monotonic() - began
    return study


def _first(plan: Plan) -> list[Job]:
    """Return the first round: the simplest predictors, then seed after seed, the baseline ahead."""
    simple = [plan.simple] if plan.simple is not None else []
    return simple + [plan.job(v, seed) for seed in plan.seeds[:FIRST] for v in plan.variants]


def _round(study: Study, wanted: Sequence[Job], engine: Engine, ledger: Ledger, listener: Listener) -> None:
    """Make those runs of a round that are not finished already."""
    left = []
    for job in wanted:
        found = ledger.find(job)
        if found is None:
            left.append(job)
        else:
            study.taken += 1
            _take(study, job, found)
    listener.begin(len(left), len(wanted) - len(left))
    waiting = len(left)
    if not left:
        return
    running = engine(left)
    try:
        for job, result in running:
            ledger.keep(job, result)
            study.made += 1
            waiting -= 1
            _take(study, job, result)
            listener.done(job, result, waiting)
    finally:
        close = getattr(running, "close", None)  # a generator: ends what still runs
        if close is not None:
            close()


def _take(study: Study, job: Job, result: Result) -> None:
    if job.kind == "simple":
        study.simple = result
        return
    study.results[job.variant][job.seed] = result
    if not study.metric and result.ended and job.variant == BASELINE:
        study.metric = result.metric
        if study.plan.lower is None:
            study.lower = _lower(result.metric)


def _lower(metric: str) -> bool:
    from torchladder.ablation.recipes import LOWER

    return metric in LOWER


def _more(study: Study) -> list[Job]:
    """Return the runs of another round: further seeds of the changes whose difference is small beside the noise."""
    plan = study.plan
    if not study.values(BASELINE) or study.failures(BASELINE) or study.is_repeating():
        return []
    most = len(plan.seeds)
    found = {v.name: study.differences(v.name) for v in plan.changes if not study.failures(v.name)}
    for name, one in settled(found, most, len(plan.changes), study.step).items():
        if len(found[name]) < most:
            study.settled.setdefault(name, one)
    wanted: list[Job] = []
    needed: set[int] = set()
    for variant in plan.changes:
        if variant.name in found and variant.name not in study.settled:
            have = study.results[variant.name]
            seeds = [s for s in plan.seeds[: len(have) + max(1, len(have) // GROWTH)] if s not in have]
            needed |= set(seeds)
            wanted += [plan.job(variant, seed) for seed in seeds]
    have = study.results[BASELINE]
    return [plan.job(plan.variants[0], seed) for seed in sorted(needed) if seed not in have] + wanted
