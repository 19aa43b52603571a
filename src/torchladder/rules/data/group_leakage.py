"""Samples of one group (patient, user, document, video) are on both sides of the split.

## What is wrong
Rows that belong together were dealt out one by one, so that the held-out set asks about groups that
training has seen.

## Why it hurts
The model recognises the group instead of learning the task: the patient's anatomy, the user's gait, the
author's favourite words. Held-out figures promise what new groups will not keep.

## How it is found
The values of the group column are compared between the sides, over all samples. What the leak is worth
is measured by a small model: samples of known groups against samples of groups it has never seen.
Frames of a video need no column: pictures numbered one after the other, of which one is trained on and one held
out, look more alike than other pairs do.

## What to do
Split by group: `torchladder data split --group COLUMN`, or scikit-learn's `GroupShuffleSplit`.

## When it is a false alarm
Tasks that know their groups in use, such as recommending to users one has: then the split is right. A
column that only looks like a group by its name brings a remark, no more.

## Sources
Kapoor, Narayanan, Leakage and the Reproducibility Crisis in ML-based Science, 2022. Saeb et al., The need to
approximate the use-case in clinical machine learning, 2017.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.shift_facts import GapFact, GroupingFact, SceneFact
from torchladder.rules.registry import limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of the held-out side leaks."""

    share: float = limit(0.01, unit="share of the held-out samples", why="a stray sample moves no figure")
    pairs: float = limit(20, unit="pairs", why="fewer neighbours may be alike by accident")
    alike: float = limit(0.5, unit="share of the neighbours", why="one in a hundred is alike where numbers say nothing")
    size: float = limit(1.5, unit="samples", why="a column inferred that is nearly unique is a name, not a group")


@rule(
    "TL110",
    rung=1,
    severity=Severity.ERROR,
    needs=("groupings",),
    limits=Limits,
    explains=("TL608",),
    plants=(),
    near_misses=(),
)
def group_leakage(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the held-out side with most samples of groups that training has."""
    rows = [g for g in facts.groupings or () if g.samples >= limits.share * max(g.compared, 1) and g.shared]
    rows = [g for g in rows if g.named or g.size >= limits.size]
    if rows:
        worst = max(rows, key=lambda g: g.samples / g.compared)
        yield _finding(worst, next(iter(facts.gaps or ()), None))
    torn = [s for s in facts.scenes or () if s.pairs >= limits.pairs and s.alike >= limits.alike]
    if torn:
        yield _scenes(max(torn, key=lambda s: s.alike))


def _finding(g: GroupingFact, gap: GapFact | None) -> Finding:
    named = "; ".join(f"{group}: {ours} and {theirs}" for group, ours, theirs in g.examples)
    seen = [Measurement("held-out groups that training has, too", g.shared, f"of {g.groups_held:,}", expected=0)]
    if gap is not None and gap.known > gap.new:
        seen.append(Measurement("a small model on known groups", round(gap.known, 3), expected=round(gap.new, 3)))
    seen.append(Measurement("group: training sample and held-out sample", named))
    notes = [f"{g.samples:,} of {g.compared:,} held-out samples are of such groups"]
    if gap is not None and gap.known > gap.new:
        notes.append(f"on groups it has not seen the same model scores {gap.new:.3f}; guessing scores {gap.chance:.3f}")
    if not g.named:
        notes.append(f"`{g.column}` is taken as the group by its name; --group says which column it is")
    return group_leakage.finding(
        f"{g.samples / g.compared:.0%} of the held-out samples are of groups (`{g.column}`) that training has",
        severity=Severity.ERROR if g.named else Severity.NOTE,
        seen=tuple(seen),
        notes=tuple(notes),
        fixes=(Fix(f"split by group: torchladder data split --group {g.column}", Trust.IDEA),),
    )


def _scenes(s: SceneFact) -> Finding:
    pairs = "; ".join(f"{ours} and {theirs}" for ours, theirs in s.examples)
    return group_leakage.finding(
        "held-out pictures are the next ones, by number, of training pictures that look alike",
        severity=Severity.WARNING,
        seen=(
            Measurement("neighbours by number that look alike", round(s.alike, 3), "share", 0.01),
            Measurement("such neighbours on both sides", s.pairs, f"of {s.compared:,} held-out pictures looked at"),
            Measurement("training picture and held-out picture", pairs),
        ),
        fixes=(Fix("keep pictures of one scene on one side: torchladder data split", Trust.IDEA),),
    )
