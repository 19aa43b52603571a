"""The climb: rung by rung until one is broken; then one cause, its proof, and the report."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torchladder
from torchladder.core.errors import InternalError
from torchladder.core.facts import Facts, TrialFact
from torchladder.core.findings import Finding, Severity, Standing
from torchladder.core.ignores import ignored_at
from torchladder.core.report import Report, RungResult, State
from torchladder.ladder import pictures, rungs, upper
from torchladder.ladder.arbitrate import explained_by, is_verified, order
from torchladder.ladder.charts import charts
from torchladder.ladder.environment import environment
from torchladder.ladder.failure import error_of, failure_sentence, late_failure
from torchladder.ladder.literals import literal_place, number_of
from torchladder.ladder.reasons import why_unseen
from torchladder.ladder.selection import chosen
from torchladder.ladder.subject import BATCH_STEPS, FEW, Subject, program_of
from torchladder.ladder.verify import verify
from torchladder.rules.registry import Rule, all_rules
from torchladder.runner.target import Target

FILES_SHOWN = 5  # names of changed files before the rest is counted
TOP = 7  # the highest rung that can be climbed
CANDIDATES = 4  # findings whose fixes are tried
SUSPECTS = 8  # suspicions put to the test
PHASES = 3  # training phases whose batch is tried
VERIFY_LEFT = 3.0  # seconds below which no experiment is begun


def climb(
    target: Target,
    *,
    to: int = TOP,
    budget: float = 300.0,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
    keep: Callable[[str, bytes], None] | None = None,
) -> Report:
    """Climb the ladder with one program.

    Args:
        target: What to run.
        to: The last rung to climb.
        budget: Wall seconds for all experiments together.
        select: Codes (or prefixes, or names) of rules to use; all when empty.
        ignore: Codes (or prefixes, or names) of rules to leave out.
        progress: Called with a short sentence whenever something new begins.
        keep: Called with the name and the bytes of each picture of the report; none is drawn without it.

    Returns:
        The report; programs that fail before they can be judged are reported, not raised.
    """
    rules = chosen(select, ignore)
    with Subject(target, budget, progress) as subject:
        subject.keep = keep
        ascent = Ascent(subject, rules, to)
        ascent.go()
    return pictures.added(ascent.report(), subject.batch, keep)


def overfit(target: Target, **options: Any) -> Report:
    """Climb rung 3 alone: can one batch be memorised?"""
    report = climb(target, to=3, **options)
    return dataclasses.replace(report, rungs=tuple(r for r in report.rungs if r.rung == 3))  # noqa: PLR2004


def smoke(target: Target, **options: Any) -> Report:
    """Run one training and one validation batch; the options are those of ``climb`` without ``to``."""
    from torchladder.ladder import smoke as rung  # it shares helpers of this file

    return rung.smoke(target, **options)


@dataclass
class Ascent:
    """The state of one climb."""

    subject: Subject
    rules: tuple[Rule, ...]
    to: int
    results: dict[int, RungResult] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    failed_program: bool = False
    ignored: dict[str, None] = field(default_factory=dict)  # findings that comments in the source answer

    @property
    def facts(self) -> Facts:
        """Everything seen so far."""
        return self.subject.facts

    def go(self) -> None:
        """Climb, then decide."""
        started = time.monotonic()
        self.subject.progress("running the program under observation")
        seen = self.subject.observe()
        if seen.failure and not seen.payload:
            raise InternalError(seen.failure)
        self._origin()
        program = program_of(self.facts)
        if not program.training and not program.optimizer_steps:
            self.failed_program = True
        watched = time.monotonic() - started
        stuck = False
        for number in (1, 2):
            if number > self.to:
                break
            stuck = self._judge(number, watched if number == 1 else 0.0, stuck=stuck)
        if self.to >= 3:  # noqa: PLR2004 - the rung's own number
            stuck = self._one_batch(stuck=stuck)
        for number in range(4, self.to + 1):
            stuck = self._upper(number, stuck=stuck)
        self._decide()

    def _origin(self) -> None:
        """Look for the source of non-finite losses, if there are any."""
        for curve in self.facts.curves or ():
            bad = next((i for i, v in enumerate(curve.losses) if not math.isfinite(v)), None)
            if bad is not None:
                self.subject.progress("looking for the operation that made the first NaN or Inf")
                self.subject.find_origin(curve.phase, bad)
                return
        if self.facts.curves:
            self.subject.facts = dataclasses.replace(self.facts, nonfinite=())

    def _found(self, number: int) -> tuple[list[Finding], dict[str, str], tuple[str, ...]]:
        """Judge the rules of one rung: findings, what could not be told, what is clear."""
        found, unknown, clear = [], {}, []
        for rule in (r for r in self.rules if r.rung == number):
            findings = self._unanswered(rule.judge(self.facts))
            why = why_unseen(rule.needs, self.facts)
            if not findings and why is not None:
                unknown[rule.code] = why
            elif not findings:
                clear.append(rule.code)
            else:
                found += findings
        return found, unknown, tuple(clear)

    def _unanswered(self, findings: list[Finding] | None) -> list[Finding] | None:
        """Leave out findings that a comment in the source ignores, and remember where."""
        if not findings:
            return findings
        places = [ignored_at(f, self._lines) for f in findings]
        self.ignored |= {f"{f.name} at {p}": None for f, p in zip(findings, places, strict=True) if p is not None}
        return [f for f, p in zip(findings, places, strict=True) if p is None]

    def _judge(self, number: int, seconds: float, *, stuck: bool) -> bool:
        """Judge rung 1 or 2; returns whether the climb stops here."""
        found, unknown, clear = self._found(number)
        self.findings += found
        proven = [f for f in found if f.standing is Standing.PROVEN and f.severity is Severity.ERROR]
        if number == 1:
            summary, figures = rungs.data_line(self.facts)
            state = State.PASSED if self.facts.loss_calls else State.UNKNOWN
        else:
            state, summary, figures = rungs.baseline_line(self.facts)
        if number == 1 and self.failed_program and figures:
            state = State.UNKNOWN  # a batch was seen, though no step was made with it
        elif stuck or self.failed_program:
            state, summary = State.SKIPPED, "waits for the rung below"
        if proven:
            state, summary = State.FAILED, f"{summary}; {proven[0].message}" if not stuck else proven[0].message
        notes = pictures.table(self.subject.batch) if number == 1 and self.subject.batch is not None else ()
        self.results[number] = RungResult(
            number, rungs.NAMES[number], state, summary, seconds, figures, unknown, clear, notes
        )
        return stuck or bool(proven)

    def _one_batch(self, *, stuck: bool) -> bool:
        """Train every phase on one batch, and judge rung 3; returns whether the climb stops here."""
        started = time.monotonic()
        lines: list[tuple[State, str, dict[str, Any]]] = []
        crashed = program_of(self.facts).state == "crashed" and program_of(self.facts).optimizer_steps < 2  # noqa: PLR2004
        if not crashed and not self.failed_program:
            for phase in self._phases():
                self.subject.progress("training on one batch for ever" + (f", phase {phase + 1}" if phase else ""))
                trial = self.subject.same_batch("base", phase)
                if trial is not None and self._too_slow(trial):
                    self.subject.progress(f"training on {FEW} samples, since the program's own batch is slow")
                    trial = self.subject.smaller_batch(phase) or trial
                if trial is not None:
                    lines.append(rungs.batch_line(trial))
        found, unknown, clear = self._found(3)
        for number in (1, 2):  # some rules of the lower rungs wait for what the one batch shows
            again, open_, sure = self._found(number)
            self.results[number] = dataclasses.replace(self.results[number], unknown=open_, clear=sure)
            known = {(f.code, f.phase) for f in self.findings}
            found += [f for f in again if (f.code, f.phase) not in known]
        self.findings += found
        why = next((v for k, v in self.facts.failures.items() if k.startswith("trial")), None)
        state, summary, figures = worst(lines) or (State.UNKNOWN, why or "no step could be repeated", {})
        if stuck or self.failed_program:
            state, summary = State.SKIPPED, "waits for the rung below"
        proven = [f for f in found if f.standing is Standing.PROVEN and f.severity is Severity.ERROR]
        if proven and not stuck and state is not State.FAILED:
            state, summary = State.FAILED, f"{summary}; {proven[0].message}"
        seconds = time.monotonic() - started
        self.results[3] = RungResult(3, rungs.NAMES[3], state, summary, seconds, figures, unknown, clear)
        return stuck or state is State.FAILED

    def _upper(self, number: int, *, stuck: bool) -> bool:
        """Climb one of the rungs above one batch; returns whether the climb stops here."""
        started = time.monotonic()
        waits = stuck or self.failed_program
        line = (State.SKIPPED, "waits for the rung below", {}, ()) if waits else upper.RUNGS[number](self.subject)
        state, summary, figures, notes = line
        found, unknown, clear = self._found(number)
        if number == upper.FULL and not waits:
            self._origin()
            for below in (4, 5):  # the full run shows more to the rules of the loop than the first look did
                again, open_, sure = self._found(below)
                self.results[below] = dataclasses.replace(self.results[below], unknown=open_, clear=sure)
                found += again
        known = {(f.code, f.phase) for f in self.findings}
        found = [f for f in found if (f.code, f.phase) not in known]
        self.findings += found
        proven = [f for f in found if f.standing is Standing.PROVEN and f.severity is Severity.ERROR]
        if proven and not waits:
            state, summary = State.FAILED, f"{summary}; {proven[0].message}" if summary else proven[0].message
        seconds = time.monotonic() - started
        self.results[number] = RungResult(
            number, rungs.NAMES[number], state, summary, seconds, figures, unknown, clear, notes
        )
        return waits or state is State.FAILED

    def _too_slow(self, trial: TrialFact) -> bool:
        """Tell whether time, not steps, ended a trial that a smaller batch from the same loader could finish."""
        loaders = [x for x in self.facts.loaders or () if x.role == "train" and (x.batch_size or 0) > FEW]
        return trial.passed is None and trial.state == "stopped" and trial.steps < BATCH_STEPS and bool(loaders)

    def _phases(self) -> list[int]:
        """Return the phases to try: those that compute a loss of their own, in order."""
        seen = [o.phase for o in self.facts.optimizers or () if o.steps] or [c.phase for c in self.facts.curves or ()]
        return seen[:PHASES]

    def _decide(self) -> None:
        """Put suspicions to the test, verify the best findings, and order them."""
        proven = [f for f in self.findings if f.standing is Standing.PROVEN]
        suspects = [f for f in self.findings if f.standing is Standing.SUSPECTED]
        ranked = order(proven)
        proven = [self._verified(f) if i < CANDIDATES else f for i, f in enumerate(ranked)]
        certain = any(f.severity is Severity.ERROR and is_verified(f) is not False for f in proven)
        table = explained_by(all_rules())
        codes = {f.code for f in proven if f.severity is Severity.ERROR}
        kept: list[Finding] = []
        for f in order(suspects)[:SUSPECTS]:
            if kept or certain or table.get(f.code, set()) & codes or self.subject.left < VERIFY_LEFT:
                continue
            tested = self._verified(f)
            if is_verified(tested):
                kept.append(dataclasses.replace(tested, standing=Standing.PROVEN))
        self.findings = [self._with_literal(f) for f in order([*proven, *kept])]

    def _with_literal(self, finding: Finding) -> Finding:
        """Add the line where a number was written, when a finding is about its value."""
        value = number_of(finding, self.facts)
        if not value:
            return finding
        files = [*(p.path for p in finding.where), Path(self.subject.target.name).name]
        place = literal_place(value, files, self._source)
        known = {(p.path, p.line) for p in finding.where}
        if place is None or (place.path, place.line) in known:
            return finding
        return dataclasses.replace(finding, where=(*finding.where, place))

    def _source(self, path: str) -> str | None:
        try:
            return Path(self.subject.target.cwd, path).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def _verified(self, finding: Finding) -> Finding:
        if finding.severity is Severity.NOTE or not finding.fixes:
            return finding
        return verify(finding, self.subject)

    # --- the report ---------------------------------------------------------------------------

    def report(self) -> Report:
        """Return the report of this climb."""
        from torchladder.patches import with_diffs  # its parser takes a while to load

        self.findings = [with_diffs(f, Path(self.subject.target.cwd)) for f in self.findings]
        program = program_of(self.facts)
        judged = [f for f in self.findings if f.severity is not Severity.NOTE]
        cause = judged[0] if judged else None
        if cause is not None and cause.rung in self.results:
            self._mark(cause)
        results = tuple(self.results[n] for n in sorted(self.results))
        notes = tuple(note for note in (late_failure(self.facts), self._left_behind(), self._answered()) if note)
        if results and notes:
            results = (*results[:-1], dataclasses.replace(results[-1], notes=(*results[-1].notes, *notes)))
        verdict = "broken" if cause else "undecided"
        if not cause and all(r.state is State.PASSED for r in results) and not self.failed_program:
            verdict = "healthy"
        early = program.state == "crashed" and program.optimizer_steps < 2  # noqa: PLR2004
        failed = (self.failed_program or early) and cause is None
        return Report(
            schema=1,
            tool=torchladder.__version__,
            script=self.subject.target.name,
            verdict=verdict,
            sentence=sentence(verdict, cause, results, self.facts, failed=failed),
            cause=cause,
            findings=tuple(self.findings),
            rungs=results,
            environment=environment(self.facts),
            seconds=time.monotonic() - self.subject.started,
            error=error_of(self.facts) if failed else None,
            exit_status=3 if failed else 0,
            charts=charts(self.facts),
        )

    def _left_behind(self) -> str | None:
        """Name what the experiments left in the working folder, past everything that is redirected."""
        files = self.subject.changed_files
        if not files:
            return None
        more = f" and {len(files) - FILES_SHOWN} more" if len(files) > FILES_SHOWN else ""
        return f"changed in the working folder: {', '.join(files[:FILES_SHOWN])}{more}"

    def _answered(self) -> str | None:
        """Name what comments in the source ignore."""
        return f"ignored by a comment: {', '.join(self.ignored)}" if self.ignored else None

    def _lines(self, path: str) -> list[str] | None:
        text = self._source(path)
        return text.splitlines() if text is not None else None

    def _mark(self, cause: Finding) -> None:
        """Show the rung of the cause as failed and those above it as waiting, if none failed before."""
        broken = min((r.rung for r in self.results.values() if r.state is State.FAILED), default=None)
        if broken is None and cause.severity is Severity.ERROR:
            row = self.results[cause.rung]
            self.results[cause.rung] = dataclasses.replace(row, state=State.FAILED)


def worst(lines: list[tuple[State, str, dict[str, Any]]]) -> tuple[State, str, dict[str, Any]] | None:
    """Return the line of the phase that did worst."""
    rank = {State.FAILED: 0, State.UNKNOWN: 1, State.PASSED: 2, State.SKIPPED: 3}
    return min(lines, key=lambda line: rank[line[0]]) if lines else None


def sentence(verdict: str, cause: Finding | None, results: Sequence[RungResult], facts: Facts, *, failed: bool) -> str:
    """Return the verdict in one sentence."""
    program = program_of(facts)
    if cause is not None:
        where = f" at {cause.where[0]}" if cause.where else ""
        return f"{cause.name}{where}: {cause.message}"
    if failed:
        return failure_sentence(facts)
    if verdict == "healthy":
        return f"all {len(results)} rungs passed" if len(results) > 1 else "the rung passed"
    open_ = [r for r in results if r.state is not State.PASSED]
    names = ", ".join(f"{r.rung} ({r.name})" for r in open_)
    if any(r.state is State.FAILED for r in open_):
        return f"rung {names} failed, and no rule can name the cause"
    return f"nothing was found, but rung {names} could not be judged" if program.training else failure_sentence(facts)


def script_folder(target: Target) -> Path:
    """Return the folder in which reports are kept."""
    return Path(target.cwd)
