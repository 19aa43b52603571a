"""Proof by intervention: the same rung again, with the fix.

A fix is verified when the broken rung passes with it and did not without it. Faults that let one
batch be memorised are measured on the program's own first steps instead. Where the fix can be written
as a diff, what runs is the program as the diff leaves it; else the change is made in memory.
"""

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torchladder.core.charts import Chart, line, steps_chart
from torchladder.core.facts import Facts, TrialFact
from torchladder.core.findings import Finding, Fix, Measurement, Standing
from torchladder.ladder.subject import BATCH_STEPS, Subject, program_of
from torchladder.rules.registry import find_rule

if TYPE_CHECKING:
    from torchladder.patches.patch import Written

FREE_STEPS = 600  # of the program's own steps, when one batch cannot tell
BETTER = 0.8  # a loss below this share of the other counts as lower
WORSE = 1.05  # a loss above this share of the other is worse, whatever the rule says
STILL, HALF = 0.95, 0.5  # shares of the first loss at the end: hardly moved, and half-way
FASTER = 0.5  # and this share of the steps as faster
ACCURATE = 0.95  # share of the batch that must be right where the loss alone looks well
RELABELLING = {
    "no_cast", "offset_labels", "shift_targets", "causal_mask", "class_weights", "ignore_index", "ignore_padding",
    "scale_gradients",
}  # fmt: skip
# Changes after which other batches are drawn, or other weights go on: the loss may as well be higher.
OTHER_COURSE = {"keep_seed", "copy_state_dict", "frozen_eval", "reset_state"}
# Fixes of suspicions that a batch memorised anyway does not decide: the program's own first steps may.
ALSO_FREELY = {"reinitialise", "he_initialise", "permute_instead"}
FUTURE = "TL217"
TRIES = 3  # fixes tried per finding
EDIT_LEFT = 10.0  # seconds below which a fix is not tried both ways
# Changes that leave training as it is: no loss of theirs says anything, only the rule itself.
EVALUATION_ONLY = {"eval_mode", "without_grad", "read_logits"}


def base_trial(facts: Facts, phase: int | None) -> TrialFact | None:
    """Return the trial without changes of a phase."""
    return next((t for t in facts.trials or () if t.label == "base" and t.phase == (phase or 0)), None)


def cured(base: TrialFact | None, trial: TrialFact) -> bool | None:
    """Tell whether a trial passes where the base did not, or passes far sooner; None: cannot tell."""
    if base is not None and trial.passed is None and _is_moving(base, trial):
        return True
    if base is None or trial.passed is None:
        return None
    if trial.passed is False:
        return None if base.passed else False  # a batch that was memorised anyway proves nothing
    if base.passed is not True:
        return True
    if base.chance == 0 and trial.chance:  # targets that were all alike now differ, and are fitted
        return True
    if base.accuracy is not None and trial.accuracy is not None and base.accuracy < ACCURATE <= trial.accuracy:
        return True
    if base.steps_to_pass and trial.steps_to_pass:
        return True if trial.steps_to_pass < FASTER * base.steps_to_pass else None
    return None


def _is_moving(base: TrialFact, trial: TrialFact) -> bool:
    """Tell whether a batch that stood still is half-way to a fit in as many steps, which the program ended."""
    if base.passed is not False or not base.losses or not trial.losses or trial.steps > base.steps:
        return False
    still = _end(base.losses) > STILL * base.losses[0] > 0
    return still and _end(trial.losses) < HALF * trial.losses[0]


def _end(losses: Sequence[float]) -> float:
    kept = [v for v in losses if math.isfinite(v)]
    return sum(kept[-5:]) / len(kept[-5:]) if kept else math.nan


def measure(trial: TrialFact) -> Measurement:
    """Return the figure shown for a trial."""
    if trial.passed and trial.steps_to_pass is not None:
        what = f"loss on one batch after {trial.steps_to_pass} steps"
        return Measurement(what, round(min(v for v in trial.losses), 4))
    return Measurement(f"loss on one batch after {trial.steps} steps", round(_end(trial.losses), 4))


def verify(finding: Finding, subject: Subject) -> Finding:
    """Return the finding with its fixes tried, until one cures the run or the budget is spent."""
    fixes = list(finding.fixes)
    tried = 0
    for i, fix in enumerate(fixes):
        if fix.change is None or tried >= TRIES or subject.left < 3.0:  # noqa: PLR2004
            continue
        tried += 1
        subject.progress(f"trying the fix of {finding.code}: {fix.title}")
        fixes[i] = _tried(finding, fix, i, subject)
        if fixes[i].verified:
            fixes.insert(0, fixes.pop(i))  # the fix that works is the one to show
            break
    return dataclasses.replace(finding, fixes=tuple(fixes))


def _tried(finding: Finding, fix: Fix, number: int, subject: Subject) -> Fix:
    """Try a fix on the files as its diff leaves them, where there is one; else, or where that fails, in memory.

    Suspicions, most of which are wrong, are tried in memory first.
    """
    if finding.standing is not Standing.PROVEN:
        done = _try(finding, fix, number, subject)
        return _on_file(finding, done, number, subject) if done.verified and subject.left >= EDIT_LEFT else done
    edit = _written(finding, fix, subject)
    if edit is None:
        return _try(finding, fix, number, subject)
    done = _try(finding, fix, number, subject, {edit.path: edit.text})
    broke = not done.verified and _broke(subject)
    if not broke and (done.verified is not False or subject.left < EDIT_LEFT):
        return dataclasses.replace(done, edited=True if done.after else None, diff=edit.diff if done.verified else None)
    done = _try(finding, fix, number, subject)
    return dataclasses.replace(done, edited=False) if done.verified or broke else done


def _on_file(finding: Finding, done: Fix, number: int, subject: Subject) -> Fix:
    """Return a fix that works in memory with what came of its diff, if it has one."""
    edit = _written(finding, done, subject)
    if edit is None:
        return done
    untried = dataclasses.replace(done, verified=None, before=None, after=None, chart=None)
    again = _try(finding, untried, number, subject, {edit.path: edit.text})
    if again.verified:
        return dataclasses.replace(again, edited=True, diff=edit.diff)
    return dataclasses.replace(done, edited=False if again.verified is False or _broke(subject) else None)


def _broke(subject: Subject) -> bool:
    """Tell whether the last experiment ended in an error that the program as it is does not make."""
    return subject.last_state == "crashed" and program_of(subject.facts).state != "crashed"


def _written(finding: Finding, fix: Fix, subject: Subject) -> "Written | None":
    """Return the diff of a fix and the file as it leaves it, None where there is none or no file is run."""
    if subject.target.kind not in {"script", "module"}:
        return None
    from torchladder.patches.patch import write  # its parser takes a while to load

    return write(finding, fix, Path(subject.target.cwd))


def _try(finding: Finding, fix: Fix, number: int, subject: Subject, texts: Mapping[str, str] | None = None) -> Fix:
    """Return a fix with what came of it: of the change in memory, or of some files in another text."""
    started = time.monotonic()
    assert fix.change is not None
    if fix.change.kind in EVALUATION_ONLY:
        done = _try_freely(fix, finding, subject, texts)
        return dataclasses.replace(done, seconds=round(time.monotonic() - started, 2))
    phase = finding.phase or 0
    base = base_trial(subject.facts, phase)
    changes = (fix.change,) if texts is None else ()
    label = f"{finding.code}.{number}" + ("" if texts is None else ".edited")
    trial = subject.same_batch(label, phase, changes, texts)
    if trial is None:
        return fix
    crashed = base is None and program_of(subject.facts).state == "crashed"
    verdict = trial.passed if crashed else cured(base, trial)
    done = dataclasses.replace(
        fix,
        verified=verdict,
        before=measure(base) if base else None,
        after=measure(trial),
        seconds=round(time.monotonic() - started, 2),
        chart=_chart("loss on one batch", base.losses if base else (), trial.losses),
    )
    if verdict is not None:
        return done
    if finding.standing is Standing.SUSPECTED and fix.change.kind not in ALSO_FREELY:
        return done
    return _try_freely(done, finding, subject, texts)


def _try_freely(fix: Fix, finding: Finding, subject: Subject, texts: Mapping[str, str] | None) -> Fix:
    """Compare the program's own first steps with and without the fix."""
    assert fix.change is not None
    phase = finding.phase or 0
    before = next((c.losses for c in subject.facts.curves or () if c.phase == phase), ())
    hurried = program_of(subject.facts).hurried_at
    if hurried is not None:  # from there on the program's epochs were not its own
        before = before[:hurried]
    if (phase != 0 and hurried is not None) or len(before) < 20:  # noqa: PLR2004 - too short to compare
        return fix
    until = int(fix.change.args.get("until", 0))  # the step at which the fault showed
    steps = max(FREE_STEPS, until)
    facts = subject.observe_with((fix.change,) if texts is None else (), steps, texts)
    after = next((c.losses for c in (facts.curves if facts else None) or () if c.phase == phase), ())
    n = min(len(before), len(after), steps)
    if n < 20:  # noqa: PLR2004
        return fix
    tail = max(n // 4, 5)
    old, new = _mean(before[n - tail : n]), _mean(after[n - tail : n])
    what = f"mean loss of steps {n - tail}-{n} of the program's own run"
    drawn = _chart("loss of the program's own first steps", before[:n], after[:n])
    kind, fix = fix.change.kind, dataclasses.replace(fix, chart=drawn)
    compared = dataclasses.replace(fix, before=Measurement(what, round(old, 4)), after=Measurement(what, round(new, 4)))
    better = new < BETTER * old or (math.isfinite(new) and not math.isfinite(old))
    if better and kind not in EVALUATION_ONLY:
        return dataclasses.replace(compared, verified=True)
    if finding.standing is Standing.SUSPECTED:  # for a mere suspicion nothing less will do
        return compared
    # Losses of other labels do not compare, nor those of a model that no longer sees what it is to predict.
    other = kind in RELABELLING | OTHER_COURSE or (facts is not None and _sees_less(subject.facts, facts))
    other_labels = other and math.isfinite(new)
    not_worse = new <= WORSE * old or other_labels
    reached = facts is not None and (program_of(facts).state == "ended" or len(after) >= until)
    if facts is not None and finding.seen and not_worse and reached and _is_gone(finding, facts):
        shown = finding.seen[0]
        return dataclasses.replace(
            fix,
            verified=True,
            before=Measurement(f"{shown.what} in the program's own run", shown.value),
            after=Measurement(f"the same check over {n} steps of the program's own run", "finds nothing"),
        )
    return compared


def _chart(title: str, without: Sequence[float], with_it: Sequence[float]) -> Chart:
    """Return the losses of both runs, by step."""
    pairs = (("without the fix", without), ("with the fix", with_it))
    return steps_chart(title, "loss", [line(name, range(len(y)), y, points=300) for name, y in pairs if y])


def _is_gone(finding: Finding, facts: Facts) -> bool:
    """Tell whether the rule looked at the run with the fix, and found nothing any more."""
    rule = find_rule(finding.code)
    return rule is not None and rule.judge(facts) == []


def _sees_less(before: Facts, after: Facts) -> bool:
    """Return whether a model saw the future in the run as it is, and does not with the fix."""
    rule = find_rule(FUTURE)
    return rule is not None and bool(rule.judge(before)) and rule.judge(after) == []


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


__all__ = ["BATCH_STEPS", "base_trial", "cured", "measure", "verify"]
