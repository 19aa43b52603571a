"""A learning-rate schedule runs at another pace than it was made for.

## What is wrong
The scheduler is stepped after every batch though its numbers count epochs, once an epoch though they
count batches, before the optimizer, or never; or it watches its metric the wrong way round.

## Why it hurts
A decay meant for epochs is over within the first one, and nothing is learned afterwards. A warm-up or
one-cycle meant for batches never arrives: the whole run trains at a fraction of its rate.

## How it is found
Each call of `step()` is counted beside the optimizer's steps and the passes over the data. The schedule
is made again apart from the program, with its own arguments, which gives its learning rate at every
call; what the run will use of that is compared with what it would use at the other pace.

## What to do
Step once an epoch with numbers of epochs, after every optimizer step with numbers of steps. Call
`optimizer.step()` first. In Lightning return `{"scheduler": scheduler, "interval": "step"}`.

## When it is a false alarm
One-cycle and cosine by step with totals in steps, warm restarts and cyclic schedules, runs that stop
early, schedules without an end, and catching up after a resume are all right, and are passed over.

## Sources
How to adjust the learning rate: https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
Stepped once an epoch by default: https://github.com/Lightning-AI/pytorch-lightning/issues/6948
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torchladder.core.facts import Facts, OptimizerFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity
from torchladder.core.schedule_facts import PlanFact, ScheduleFact
from torchladder.rules.registry import Plant, limit, rule

EXPONENTIAL = {"StepLR", "ExponentialLR", "MultiStepLR", "MultiplicativeLR"}
CYCLIC = {"CyclicLR", "CosineAnnealingWarmRestarts"}


@dataclass(frozen=True, slots=True)
class Limits:
    """When a schedule is at the wrong pace."""

    least_steps: float = limit(20, unit="optimizer steps", why="fewer do not show a pace")
    least_passes: float = limit(3, unit="passes", why="a scheduler may begin after some warm-up epochs")
    beyond: float = limit(2.0, unit="times its length", why="a plan that ends with the run is not outlived")
    half_waves: float = limit(3.0, unit="lengths within one pass", why="a cosine is meant to fall once")
    over_for: float = limit(0.3, unit="share of the steps seen", why="an early end of a decay wastes less than that")
    reached: float = limit(0.3, unit="share of the peak", why="a run may stop early, but not before its peak")
    warm: float = limit(0.15, unit="share of the peak", why="a warm-up longer than ten runs reaches a tenth")
    same: float = limit(0.15, unit="relative difference", why="totals drop a last batch or a pass")
    fallen: float = limit(1e-2, unit="share of the first rate", why="one plateau divides by ten")
    risen: float = limit(0.05, unit="metric", why="a share that improves by less may be noise")
    rising: float = limit(0.8, unit="share of the values", why="a metric that improves does so nearly every time")


@rule(
    "TL410",
    rung=4,
    severity=Severity.WARNING,
    needs=("schedules",),
    limits=Limits,
    explains=("TL401", "TL402", "TL403", "TL416", "TL502"),
    plants=(
        Plant(
            "digits_schedule",
            "torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=max_lr, total_steps=n_steps)",
            "torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.3)",
        ),
        Plant(
            "digits_schedule",
            "torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=max_lr, total_steps=n_steps)",
            "torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)",
        ),
        Plant(
            "digits_schedule",
            "            scheduler.step()\n        total += loss.item()\n    # the end of the epoch\n",
            "        total += loss.item()\n    scheduler.step()\n",
        ),
        Plant("digits_schedule", "            scheduler.step()\n", ""),
    ),
    near_misses=(
        Plant(
            "digits_schedule",
            "torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=max_lr, total_steps=n_steps)",
            "torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=n_steps)",
        ),
        Plant(
            "digits_schedule",
            "torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=max_lr, total_steps=n_steps)",
            "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=20)",
        ),
        Plant(
            "digits_schedule",
            "torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=max_lr, total_steps=n_steps)",
            "torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 50))",
        ),
    ),
)
def scheduler_misuse(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield at most one finding for each scheduler."""
    for schedule in facts.schedules or ():
        optimizer = next((o for o in facts.optimizers or () if o.phase == schedule.phase), None)
        if schedule.inner or schedule.phase < 0 or optimizer is None or optimizer.lr_max <= 0:
            continue
        for judge in (_overrun, _too_fast, _over_early, _too_slow, _never, _plateau, _early):
            found = judge(schedule, optimizer, facts, limits)
            if found is not None:
                yield found
                break


def _ended(facts: Facts) -> bool:
    return facts.program is not None and facts.program.state == "ended"


def _where(schedule: ScheduleFact, *, calls_first: bool = False) -> tuple[Place, ...]:
    """Return the lines that build and step a scheduler, and the one that hands it to a trainer."""
    steps = schedule.step_places[:1] if schedule.handed is None else ()
    lines = (*steps, schedule.created) if calls_first else (schedule.created, schedule.handed, *steps)
    return tuple(dict.fromkeys(p for p in lines if p is not None))


def _by_epoch(schedule: ScheduleFact) -> Fix:
    """Return the fix for calls that come too often."""
    every = max(round(schedule.pass_steps or 0), 2)
    return Fix(
        f"call `scheduler.step()` once an epoch, or give `{schedule.type}` numbers of steps",
        change=Change("schedule_pace", {"phase": schedule.phase, "every": every}),
    )


def _by_step(schedule: ScheduleFact) -> Fix:
    """Return the fix for calls that come too seldom."""
    hint = ' (in Lightning: `"interval": "step"`)' if schedule.handed is not None else ""
    return Fix(
        f"call `scheduler.step()` after every optimizer step{hint}, or give it numbers of epochs",
        change=Change("schedule_pace", {"phase": schedule.phase}),
    )


def _overrun(s: ScheduleFact, o: OptimizerFact, facts: Facts, limits: Limits) -> Finding | None:
    """A one-cycle that was stepped beyond its end ends the program."""
    del o, limits
    error = facts.program.error if facts.program is not None else None
    if error is None or "Tried to step" not in error.message or s.type != "OneCycleLR" or s.calls < (s.horizon or 0):
        return None
    return scheduler_misuse.finding(
        f"`{s.type}` was made for {s.horizon} steps and is stepped on after them",
        severity=Severity.ERROR,
        where=_where(s),
        seen=(Measurement("calls of scheduler.step()", s.calls, expected=f"<= {s.horizon}"),),
        fixes=(_by_epoch(s),),
        phase=s.phase,
    )


def _too_fast(s: ScheduleFact, o: OptimizerFact, facts: Facts, limits: Limits) -> Finding | None:
    """Numbers of epochs, stepped with every batch."""
    del facts
    per_pass = s.pass_steps or 0
    if s.cadence != "step" or per_pass <= 1 or s.steps < limits.least_steps:
        return None
    if s.type == "ReduceLROnPlateau":
        return _plateau_by_batch(s, o, limits)
    gone = s.plan.gone_at if s.plan is not None and s.type not in CYCLIC else None
    if gone is not None and 0 < gone < per_pass and s.steps >= limits.beyond * gone:
        lr = "0" if s.plan is not None and s.plan.zero_at == gone else "next to nothing"
        return scheduler_misuse.finding(
            f"`{s.type}` is stepped every batch: the learning rate is {lr} after {gone} of {per_pass:.0f} batches",
            severity=Severity.ERROR,
            where=_where(s),
            seen=(
                Measurement("calls of scheduler.step() in one epoch", round(per_pass), expected=1),
                Measurement("calls until the learning rate is below a thousandth of its peak", gone),
            ),
            fixes=(_by_epoch(s),),
            phase=s.phase,
        )
    length = s.horizon or 0
    waves = per_pass / length if s.type == "CosineAnnealingLR" and length else 0.0
    if waves >= limits.half_waves and s.steps >= limits.half_waves * length:
        return scheduler_misuse.finding(
            f"`{s.type}` is stepped every batch: it falls and rises again every {2 * length} batches",
            where=_where(s),
            seen=(Measurement("T_max", length, "steps", expected="the steps of the whole run, or one step an epoch"),),
            fixes=(_by_epoch(s),),
            phase=s.phase,
        )
    return None


def _plateau_by_batch(s: ScheduleFact, o: OptimizerFact, limits: Limits) -> Finding | None:
    """A patience in epochs, spent on batches."""
    patience = float(s.numbers.get("patience", 0))
    fallen = o.lr_min <= limits.fallen * o.lr_max
    if not fallen or patience >= (s.pass_steps or 0):
        return None
    return scheduler_misuse.finding(
        f"`{s.type}` with patience {patience:.0f} is stepped every batch, of which an epoch has {s.pass_steps:.0f}",
        where=_where(s),
        seen=(Measurement("smallest learning rate over the largest", float(f"{o.lr_min / o.lr_max:.2g}")),),
        fixes=(Fix("step it once an epoch, with the mean loss of the epoch"),),
        phase=s.phase,
    )


def _over_early(s: ScheduleFact, o: OptimizerFact, facts: Facts, limits: Limits) -> Finding | None:
    """A plan that ends at zero long before the run does."""
    del o
    plan, done = s.plan, s.calls
    if plan is None or plan.zero_at is None or s.type in EXPONENTIAL | CYCLIC or s.cadence is None:
        return None
    idle = done - plan.zero_at
    if plan.zero_at < 1 or done < limits.least_passes or s.steps < limits.least_steps or idle < limits.over_for * done:
        return None
    if s.cadence == "pass" and not _ended(facts):
        return None
    unit = "steps" if s.cadence == "step" else "epochs"
    length = round(s.run_steps) if s.cadence == "step" else done
    return scheduler_misuse.finding(
        f"`{s.type}` reaches a learning rate of 0 after {plan.zero_at} {unit}, and the run goes on for {idle}",
        severity=Severity.ERROR,
        where=_where(s),
        seen=(Measurement(f"{unit} at a learning rate of 0", idle, expected=0),),
        fixes=(
            Fix(
                f"make the schedule as long as the run: {length} {unit}",
                change=Change(
                    "schedule_pace",
                    {
                        "phase": s.phase,
                        "every": math.ceil(done / plan.zero_at),
                        "was": s.horizon,
                        "length": length,
                    },
                ),
            ),
        ),
        phase=s.phase,
    )


def _too_slow(s: ScheduleFact, o: OptimizerFact, facts: Facts, limits: Limits) -> Finding | None:
    """Numbers of steps, stepped once an epoch; or a warm-up that the run does not live to see."""
    plan = s.plan
    if plan is None or s.type in CYCLIC or s.calls < 1 or s.steps < limits.least_steps:
        return None
    if (s.cadence == "pass" or (_is_seldom(s) and _ended(facts))) and _counts_steps(s, facts, limits):
        if plan.reached < limits.reached < plan.reached_by_step:
            return _not_reached(s, plan, Severity.ERROR)
        if plan.ends > 1 - limits.reached and plan.ends_by_step < limits.reached:
            return _not_falling(s, plan)
    rising = plan.rises_at > s.run_steps and plan.reached < limits.warm
    if rising and _ended(facts) and s.cadence is not None and not s.hurried:
        return _not_reached(s, plan, Severity.WARNING)
    several = o.backwards_per_step
    if s.cadence == "step" and several > 1 and s.horizon and _ended(facts) and plan.ends > limits.reached:
        batches = several * s.run_steps
        if abs(s.horizon - batches) <= limits.same * batches:
            return _not_falling(s, plan)
    return None


def _counts_steps(s: ScheduleFact, facts: Facts, limits: Limits) -> bool:
    """Return whether a plan's length is in optimizer steps: that of the run, or whole passes."""
    length = s.horizon or 0
    if length <= limits.beyond * s.calls:
        return False
    per_pass = s.pass_steps or s.gap or 0
    if _ended(facts):
        total = s.run_steps
        return abs(length - total) <= limits.same * total
    return per_pass > limits.beyond and length >= limits.beyond * per_pass and length % round(per_pass) == 0


def _is_seldom(s: ScheduleFact) -> bool:
    """Return whether several optimizer steps are made between two calls, an epoch's or others."""
    return s.cadence == "pass" or (s.gap or 0) > 1


def _pace(s: ScheduleFact) -> str:
    return "once an epoch" if s.cadence == "pass" else f"once in {s.gap:.0f} optimizer steps"


def _not_reached(s: ScheduleFact, plan: PlanFact, severity: Severity) -> Finding:
    """Return the finding about a peak that is never reached."""
    stepped = _pace(s) if _is_seldom(s) else "every step"
    return scheduler_misuse.finding(
        f"`{s.type}`, stepped {stepped}, comes to {plan.reached:.0%} of its peak rate in the whole run",
        severity=severity,
        where=_where(s),
        seen=(
            Measurement("calls of scheduler.step()", s.calls, expected=f"{plan.rises_at} until the peak"),
            Measurement("largest learning rate", float(f"{plan.reached * plan.peak:.3g}"), expected=plan.peak),
        ),
        fixes=(_by_step(s),) if _is_seldom(s) else (Fix("make the warm-up a small part of the run"),),
        phase=s.phase,
    )


def _not_falling(s: ScheduleFact, plan: PlanFact) -> Finding:
    """Return the finding about a decay that the run does not get to."""
    stepped = _pace(s) if _is_seldom(s) else "once for several batches"
    return scheduler_misuse.finding(
        f"`{s.type}` is made for {s.horizon} steps, and stepped {stepped}: {plan.ends:.0%} of the rate is left",
        where=_where(s),
        seen=(Measurement("calls of scheduler.step()", s.calls, expected=s.horizon),),
        fixes=(_by_step(s),) if _is_seldom(s) else (Fix("count optimizer steps, not batches, in its length"),),
        phase=s.phase,
    )


def _never(s: ScheduleFact, o: OptimizerFact, facts: Facts, limits: Limits) -> Finding | None:
    """Built, and left alone."""
    if s.calls or s.steps < limits.least_steps or o.lr_min != o.lr_max or not _ended(facts) or s.type == "SWALR":
        return None
    enough = (s.passes or 0) >= limits.least_passes
    moves = s.plan is None or min(s.plan.ends_by_step, s.plan.reached_by_step) < 1 or s.plan.gone_at is not None
    if (s.hurried and not enough) or not moves:
        return None
    return scheduler_misuse.finding(
        f"`{s.type}` is made, and never stepped",
        where=_where(s),
        seen=(Measurement("calls of scheduler.step()", 0, expected="one an epoch, or one a step"),),
        fixes=(Fix("call `scheduler.step()`", change=Change("schedule_pace", {"phase": s.phase})),),
        phase=s.phase,
    )


def _plateau(s: ScheduleFact, o: OptimizerFact, facts: Facts, limits: Limits) -> Finding | None:
    """A metric that improves, watched as if it grew worse."""
    values = [v for v in s.metrics if math.isfinite(v)]
    if s.type != "ReduceLROnPlateau" or len(values) < limits.least_passes + 1 or o.lr_min == o.lr_max:
        return None
    curve = next((c.losses for c in facts.curves or () if c.phase == s.phase), ())
    learns = len(curve) > 1 and _mean(curve[-len(curve) // 4 :]) < _mean(curve[: max(len(curve) // 4, 1)])
    ups = sum(b >= a for a, b in pairwise(values)) / (len(values) - 1)
    downs = sum(b <= a for a, b in pairwise(values)) / (len(values) - 1)
    mode = s.numbers.get("mode")
    improves = values[1] > values[0] and max(values[-2:]) > values[0]
    score = mode == "min" and all(0 <= v <= 100 for v in values) and ups >= limits.rising and improves  # noqa: PLR2004
    score = score and (max(values) > 1 or max(values) - values[0] > limits.risen)
    loss = mode == "max" and downs >= limits.rising and values[-1] < values[0]
    if not learns or not (score or loss):
        return None
    right = "max" if score else "min"
    return scheduler_misuse.finding(
        f'`{s.type}` in mode "{mode}" is given a metric that {"rises" if score else "falls"} while the loss falls',
        where=_where(s),
        seen=(Measurement("metric, first and last", [round(values[0], 4), round(values[-1], 4)]),),
        fixes=(Fix(f'pass `mode="{right}"`', change=Change("plateau_mode", {"mode": right})),),
        phase=s.phase,
    )


def _early(s: ScheduleFact, o: OptimizerFact, facts: Facts, limits: Limits) -> Finding | None:
    """Stepped before the optimizer, each time."""
    del o
    scaled = bool(facts.scalers)  # a scaler leaves its first steps out
    if s.early_calls != 1 or s.calls < limits.least_passes or s.type == "ReduceLROnPlateau" or scaled:
        return None
    gaps = {g for g in (s.gap, s.hurried_gap) if g is not None}
    if not gaps or min(gaps) < 1:
        return None
    return scheduler_misuse.finding(
        "`scheduler.step()` is called before `optimizer.step()`: the schedule's first rate is skipped",
        where=_where(s, calls_first=True),
        seen=(Measurement("calls before the optimizer's first step", 1, expected=0),),
        fixes=(
            Fix(
                "call `scheduler.step()` after `optimizer.step()`",
                change=Change("schedule_pace", {"phase": s.phase, "late": True}),
            ),
        ),
        phase=s.phase,
    )


def _mean(values: tuple[float, ...]) -> float:
    known = [v for v in values if math.isfinite(v)]
    return sum(known) / len(known) if known else math.nan
