"""Rung 5: a learning-rate range test on the program's own loop, and runs that check what it suggests."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torchladder
from torchladder.core.errors import InternalError
from torchladder.core.facts import Facts, OptimizerFact
from torchladder.core.jsonable import from_json
from torchladder.core.lr_facts import LrSweepFact
from torchladder.core.report import Report, RungResult, State
from torchladder.ladder import lr_plot, rates
from torchladder.ladder.environment import environment
from torchladder.ladder.failure import error_of, failure_sentence
from torchladder.ladder.lr_check import ENOUGH_STEPS, Check, with_trials
from torchladder.ladder.lr_words import line, notes
from torchladder.ladder.rate_trials import Choice
from torchladder.ladder.subject import Subject, program_of
from torchladder.runner.target import Target

RUNG, NAME = 5, "learning rate"
SECONDS = 20.0  # for the whole rung within a climb
SHARE = 0.25  # and of what is left of its budget
ALONE = 0.8  # share of the budget when this rung is all there is to do
SWEEP_SHARE = 0.35  # of the rung's time goes to the sweep at most
LEAST_SECONDS = 2.0
FEWEST = 12  # steps below which a sweep says nothing
LOW_SHARE = 0.1  # a schedule that never comes to this share of its base rate multiplies by small numbers on purpose
LONG = 200  # steps by which a warm-up is over
PROGRAM_FAILED = 3  # exit status


@dataclass(frozen=True, slots=True)
class Settings:
    """What the sweep covers.

    Attributes:
        start, end: First and last rate; ``steps`` from one to the other.
        batch_size: For which the rate is wanted, None for the program's own.
        seconds: For the rung in all; None for its share of the budget.
        closer: Whether all of that time may go to telling rates apart that do about equally well.
    """

    start: float = 1e-7
    end: float = 10.0
    steps: int = 100
    batch_size: int | None = None
    seconds: float | None = None
    closer: bool = False


@dataclass
class Outcome:
    """Everything rung 5 found, for its words and its picture."""

    own: float = 0.0
    sweep: LrSweepFact | None = None
    curve: rates.Curve | None = None
    choice: Choice = field(default_factory=lambda: Choice(None, reason="no sweep was made"))
    rule: str | None = None
    whole: bool = False

    @property
    def lr(self) -> float | None:
        """The suggested rate."""
        return self.choice.named


def lr(
    target: Target,
    *,
    budget: float = 300.0,
    settings: Settings | None = None,
    select: Sequence[str] = (),  # noqa: ARG001 - no rule is judged; the verbs share their options
    ignore: Sequence[str] = (),  # noqa: ARG001
    progress: Callable[[str], None] = lambda _: None,
    keep: Callable[[str, bytes], None] | None = None,
) -> Report:
    """Run a learning-rate range test on a program, and check what it suggests.

    Args:
        target: What to run.
        budget: Wall seconds for everything.
        settings: What the sweep covers.
        select: Not used.
        ignore: Not used.
        progress: Called with a short sentence whenever something new begins.
        keep: Called with the name and the bytes of each file of the report: the picture and the curve as CSV.

    Returns:
        The report, with rung 5's line.
    """
    settings = settings or Settings()
    started = time.monotonic()
    with Subject(target, budget, progress) as subject:
        progress("running the program under observation")
        seen = subject.observe()
        if seen.failure and not seen.payload:
            raise InternalError(seen.failure)
        row = rung_five(
            subject,
            dataclasses.replace(settings, seconds=settings.seconds or ALONE * subject.left, closer=True),
            keep=keep,
        )
    facts = subject.facts
    failed = not program_of(facts).training
    healthy = row.state is State.PASSED
    report = Report(
        schema=1,
        tool=torchladder.__version__,
        script=target.name,
        verdict="healthy" if healthy else "undecided",
        sentence=failure_sentence(facts) if failed else sentence(row),
        cause=None,
        findings=(),
        rungs=(row,),
        environment=environment(facts),
        seconds=time.monotonic() - started,
        error=error_of(facts) if failed else None,
        exit_status=PROGRAM_FAILED if failed else 0,
    )
    return dataclasses.replace(report, pictures=(lr_plot.FILE,)) if row.facts.get("picture") else report


def sentence(row: RungResult) -> str:
    """Return the verdict in one sentence."""
    figures = row.facts
    if figures["refused"] is not None:
        return f"no learning rate is suggested: {figures['refused']}"
    if figures["range"]:
        return f"learning rates from {figures['low']:.2g} to {figures['high']:.2g} do equally well"
    if "compared_by" not in figures:
        return f"the sweep suggests learning rate {figures['suggestion']:.2g}, which was not checked by training at it"
    if figures["low"] <= figures["own"] <= figures["high"]:
        return f"the program's own learning rate {figures['own']:.2g} does as well as any that was tried"
    return f"learning rate {figures['suggestion']:.2g} does better than the program's own {figures['own']:.2g}"


def rung_five(
    subject: Subject, settings: Settings | None = None, *, keep: Callable[[str, bytes], None] | None = None
) -> RungResult:
    """Sweep, check, and say what came of it; the sweep and its trials are added to the subject's facts.

    Args:
        subject: An observed program; each run here is a process of its own, so that nothing is to be restored.
        settings: What the sweep covers, and how long all of it may take.
        keep: Called with the name and bytes of the picture and of the curve as CSV.
    """
    settings = settings or Settings()
    started = time.monotonic()
    seconds = settings.seconds if settings.seconds is not None else min(SECONDS, SHARE * subject.left)
    found = measure(subject, settings, started + seconds)
    state = State.UNKNOWN if found.choice.reason is not None else State.PASSED
    figures = figures_of(found)
    if keep is not None and found.curve is not None:
        keep(lr_plot.CSV_FILE, lr_plot.csv_text(found.curve).encode())
        keep(lr_plot.FILE, lr_plot.draw(found.curve, lr_plot.check_of(found)))
        figures["picture"] = lr_plot.FILE
    said = notes(found, subject.facts, settings.batch_size)
    return RungResult(RUNG, NAME, state, line(found), time.monotonic() - started, figures, notes=said)


def measure(subject: Subject, settings: Settings, until: float) -> Outcome:
    """Sweep and check within the time there is."""
    why = impossible(subject.facts)
    if why is not None:
        return Outcome(choice=Choice(None, reason=why))
    own = own_rate(subject.facts)
    left = min(until - time.monotonic(), subject.left)
    if left < LEAST_SECONDS:
        return Outcome(own, choice=Choice(None, reason="there was no time left for a sweep"))
    swept = sweep(subject, settings, SWEEP_SHARE * left)
    if swept is None or swept.ended == "refused" or not swept.lrs:
        reason = (swept.reason if swept else None) or subject.facts.failures.get("lr sweep") or "no step was swept"
        return Outcome(own, swept, choice=Choice(None, reason=reason))
    curve = rates.read(swept.lrs, swept.losses, diverged=swept.ended == "diverged")
    one_of_many = swept.optimizers == 1 and len(subject.facts.optimizers or ()) > 1
    steps = _steps_of_first(subject.facts) if one_of_many else None
    whole = program_of(subject.facts).seconds if subject.whole else None
    each = (swept.seconds - swept.startup) / max(len(swept.losses), 1) / swept.optimizers
    total = _steps_of_first(subject.facts)
    least = swept.startup + each * (ENOUGH_STEPS if whole is None else min(ENOUGH_STEPS, total))
    check = Check(subject, own, until, whole, least, steps, swept.optimizers, settings.closer)
    wanted = rates.candidates(curve, own)
    choice = check.run(wanted)
    subject.facts = with_trials(subject.facts, check.trials)
    if len(check.comparable()) < 2:  # noqa: PLR2004 - nothing to compare with
        choice = unchecked(curve, check)
    rule = next((r.rule for r in (*wanted, *(rates.readings(curve) if curve else ())) if r.lr == choice.named), None)
    kept = (subject.facts.lr_sweeps or (swept,))[0]
    return Outcome(own, kept, curve, choice, rule or "stepping on from there", check.whole_runs())


def unchecked(curve: rates.Curve | None, check: Check) -> Choice:
    """Return what the curve says by itself, when no runs could be compared."""
    said = rates.suggestion(curve)
    why = check.failures[0] if check.failures else "there was no time for two runs"
    if said is None:
        return Choice(None, reason=f"{rates.refusal(curve)}, and it could not be checked: {why}")
    return Choice(said.lr, said.lr, said.lr, notes=(f"not checked by training at it: {why}",))


def sweep(subject: Subject, settings: Settings, seconds: float) -> LrSweepFact | None:
    """Raise the rate step by step on the program's own loop; once more with fewer steps if the program ends first."""
    program = program_of(subject.facts)
    short = program.state in {"ended", "exited"} and _steps_of_first(subject.facts) <= settings.steps + 1
    steps, until = settings.steps, time.monotonic() + seconds
    fact: LrSweepFact | None = None
    for again in (short, False):
        subject.progress(f"raising the learning rate from {settings.start:.0e} to {settings.end:g} in {steps} steps")
        left = max(until - time.monotonic(), LEAST_SECONDS)
        wanted = {"phase": 0, "start": settings.start, "end": settings.end, "steps": steps, "again": again}
        options = {"plan": {"dense_steps": 1}, "sweep": {**wanted, "limit": left}}
        facts, payload = subject.observed("lr_sweep", options, left + 5.0)
        if "sweep" not in payload:
            error = program_of(facts).error
            subject.fail("lr sweep", error.message if error else f"the sweep was {program_of(facts).state}")
            break
        fact = from_json(LrSweepFact, payload["sweep"])
        if fact.ended != "ended":
            break
        steps = len(fact.losses)  # the whole range in the steps that there are
        if not FEWEST <= steps < fact.planned:
            why = f"the program makes only {steps} steps, too few to sweep"
            fact = dataclasses.replace(fact, ended="refused", reason=why) if steps < FEWEST else fact
            break
    if fact is not None:
        subject.facts = dataclasses.replace(subject.facts, lr_sweeps=(fact,))
    return fact


def impossible(facts: Facts) -> str | None:
    """Return why a program's rate cannot be swept, as far as the first look tells."""
    if not program_of(facts).training:
        return "the program made no training step"
    stepped = [o for o in facts.optimizers or () if o.steps]
    if not stepped:
        return "the weights are updated by hand: there is no optimizer whose rate could be raised"
    if "LBFGS" in stepped[0].type:
        return "LBFGS searches along its direction by itself, so that a rate cannot be tried alone"
    if own_rate(facts) <= 0:
        return "the program's own learning rate is 0, so that no rate can be set in proportion to it"
    return None


def own_rate(facts: Facts) -> float:
    """Return the program's own rate: of the largest group of its first optimizer, at the height of its schedule."""
    optimizer = next((o for o in facts.optimizers or () if o.steps), None)
    if optimizer is None:
        return 0.0
    base = max((_base(g) for g in optimizer.groups), default=0.0)
    small = 0 < optimizer.lr_max < LOW_SHARE * base and optimizer.steps > LONG
    # a hand-written schedule leaves no trace in the groups: what was used is all that is known
    return optimizer.lr_max if small or not _scheduled(optimizer) else base


def _base(group: dict[str, Any]) -> float:
    return float(group.get("max_lr", group.get("initial_lr", group.get("lr", 0.0))) or 0.0)


def _scheduled(optimizer: OptimizerFact) -> bool:
    return any("initial_lr" in g or "max_lr" in g for g in optimizer.groups)


def _steps_of_first(facts: Facts) -> int:
    """Return the steps of the first phase, and one more: what is evaluated after it comes before that."""
    return 1 + next((len(c.losses) for c in facts.curves or () if c.phase == 0), 0)


def figures_of(found: Outcome) -> dict[str, Any]:
    """Return the figures behind the line, for the report."""
    choice, compared = found.choice, found.choice.comparison
    figures: dict[str, Any] = {
        "suggestion": found.lr,
        "rule": found.rule if found.lr is not None else None,
        "range": choice.lr is None and choice.low is not None,
        "low": choice.low,
        "high": choice.high,
        "refused": choice.reason,
        "own": found.own or None,
    }
    if found.curve is not None:
        figures["readings"] = {r.rule: r.lr for r in rates.readings(found.curve)}
        figures["curve"] = rates.refusal(found.curve) or "readable"
        figures["divergence"] = found.curve.divergence
    if compared is not None:
        figures |= {"compared_by": compared.metric, "compared_at_step": compared.step}
        figures["tolerance"] = compared.tolerance
        figures["tried"] = {f"{r:.4g}": v if math.isfinite(v) else None for r, v in sorted(compared.values.items())}
    return figures
