"""Held-out samples are of another kind than training samples.

## What is wrong
The sides were drawn from different places, times or classes: a sorted file cut in two, another camera, a
later season, a balanced test beside an unbalanced training set.

## Why it hurts
The model is chosen and judged by samples it was not trained for. Held-out figures say little of either
kind, and it looks like overfitting.

## How it is found
Inputs (covariate shift): classifiers that never saw a sample tell which side it is from; 0.5 is no
difference. Classes (label shift): shares on both sides, over all labels. Time: the earliest and the latest
third of training are told apart. Answers (concept shift), where inputs cannot be told from those of training:
a probe of training answers held-out samples far worse; or, with the predictions of your own model
(`--predictions`), held-out labels follow from the predictions in another way than training's do: answers to each
prediction are learned from some held-out samples and are right on the others far more often. That a model is right
more often where it was fitted says nothing, and is not counted. Each needs a probability below one in a million and
an effect that matters; random splits have neither.

## What to do
Covariate: hold out samples of the kind the model will meet, add such samples to training, or weight
training samples by how much they resemble them. Label: draw the split stratified, or correct the model's
prior by the expected shares. Temporal: split by time, weight recent samples, plan to retrain. Concept: find
out whether both sides were labelled by the same rule; old labels mislead, so retrain on new ones.

A split by scene, source, group or time: keep it. The figure that it gives is that of new scenes, groups and times;
train on more of them to raise it.

## When it is a false alarm
Splits by scene, source, group or time (known by `split.json`, or by groups and times that only one side has), and
tests on other data on purpose, differ by design: then it is a remark, as it is for a held-out set whose classes are
exactly even.

## Sources
Lopez-Paz, Oquab, Revisiting Classifier Two-Sample Tests, 2017. Rabanser, Günnemann, Lipton, Failing Loudly: An
Empirical Study of Methods for Detecting Dataset Shift, 2019.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.shift_facts import FeatureShift, ShiftFact
from torchladder.rules.registry import limit, rule

RESPONSE = {
    "covariate": "hold out samples of the kind the model will meet, and train on some of that kind",
    "label": "draw the split stratified by class, or correct the model's prior by the expected shares",
    "temporal": "split by time, weight recent samples more, and plan to retrain",
    "concept": "check that both sides were labelled by the same rule, and retrain on new labels",
}
WHAT = {
    "covariate": "inputs of the held-out side differ from those of training",
    "label": "class shares of the held-out side differ from those of training",
    "temporal": "late training samples differ from early ones",
    "concept": "equal inputs have other labels on the held-out side",
}
FIGURE = {
    "covariate": ("how well a classifier tells the sides apart", "area under the curve", 0.5),
    "temporal": ("how well a classifier tells early from late", "area under the curve", 0.5),
    "label": ("samples of another class than training's shares give", "share", 0),
    "concept": ("accuracy that training's probe loses on held-out samples", "accuracy", 0),
}
ANEW = ("score that predictions gain on held-out samples when read as the labels there suggest", "score", 0)
KEEP = "keep the split: it shows what the model makes of what it has not seen; to do better there, train on more kinds"


@dataclass(frozen=True, slots=True)
class Limits:
    """How unlikely a difference is, and how large."""

    p: float = limit(1e-6, unit="probability", why="some hundred comparisons a check must not alarm by chance")
    area: float = limit(0.65, unit="area under the curve", why="less is a difference of degree, not of kind")
    strong: float = limit(0.8, unit="area under the curve", why="then most samples show which side they are from")
    classes: float = limit(0.1, unit="share of the samples", why="smaller differences hardly move a figure")
    many: float = limit(0.25, unit="share of the samples", why="then accuracy of the sides cannot be compared")
    lost: float = limit(0.15, unit="accuracy", why="beyond what a probe loses on new samples")


@rule(
    "TL121",
    rung=1,
    severity=Severity.WARNING,
    needs=("shifts",),
    limits=Limits,
    plants=(),
    near_misses=(),
)
def distribution_shift(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each kind of shift, for the held-out side that shows it most."""
    told = [s for s in facts.shifts or () if s.effect is not None and s.p is not None and s.p < limits.p]
    for kind in WHAT:
        found = [s for s in told if s.kind == kind and (s.effect or 0.0) >= _least(kind, limits)]
        if found:
            worst = max(found, key=lambda s: (s.by == "predictions", s.effect or 0.0))  # the user's own model first
            yield _finding(worst, limits)


def _least(kind: str, limits: Limits) -> float:
    return {"label": limits.classes, "concept": limits.lost}.get(kind, limits.area)


def _severity(s: ShiftFact, limits: Limits) -> Severity:
    """Return a warning for what is large and was hardly meant."""
    large = {"covariate": limits.strong, "label": limits.many, "concept": limits.lost}
    meant = s.planned or s.even or s.kind == "temporal"
    return Severity.WARNING if not meant and (s.effect or 0.0) >= large[s.kind] else Severity.NOTE


def _finding(s: ShiftFact, limits: Limits) -> Finding:
    what, unit, expected = FIGURE[s.kind] if s.by == "probe" else ANEW
    effect = s.effect or 0.0
    seen = [Measurement(what, round(effect, 3), unit, expected)]
    if s.features:
        seen.append(Measurement("what differs most: training, held out", "; ".join(map(_words, s.features[:3]))))
    if s.scores is not None:
        words = "{:.2f} in training, {:.2f} held out, {:.2f} there when read anew".format(*s.scores)
        seen.append(Measurement("score of the predictions", words))
    chance = "less than 1e-12" if (s.p or 0.0) < 1e-12 else f"{s.p:.1g}"  # noqa: PLR2004 - beyond what tails are good for
    seen.append(Measurement("probability of that by chance", chance, f"{s.n_train:,} and {s.n_held:,} samples"))
    notes = list(s.moved)
    if s.even:
        notes.append("the held-out classes are even, as by design")
    meant = f", as a split {s.planned} makes them" if s.planned else ""
    return distribution_shift.finding(
        WHAT[s.kind] + meant,
        severity=_severity(s, limits),
        seen=tuple(seen),
        notes=tuple(notes),
        fixes=(Fix(KEEP if s.planned else RESPONSE[s.kind], Trust.IDEA),),
    )


def _words(f: FeatureShift) -> str:
    return f"{f.name} {f.train}, {f.held}"
