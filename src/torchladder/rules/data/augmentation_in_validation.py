"""Held-out samples are augmented at random.

## What is wrong
The held-out set is a subset of a data set whose transform distorts samples at random, or was given
the training transform.

## Why it hurts
Evaluation measures the model on distorted samples: the figure is too low, changes from one pass to the
next with the same weights, and picks checkpoints by luck.

## How it is found
The same held-out samples are read twice and differ, while their labels do not. With the data set's
transform (or its training switch) off both readings are equal.

## What to do
Give the held-out side a data set of its own with a deterministic transform; `random_split` and
`Subset` share the transform of the whole.

## When it is a false alarm
Test-time augmentation that averages several passes, reconstruction of clean samples from noisy ones,
data sets that make samples up as they are asked, a second held-out set that is distorted on purpose.

## Sources
https://pytorch.org/vision/stable/transforms.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.data_facts import RereadFact, SurveyFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When two readings differ."""

    differ: float = limit(0.5, unit="share of the samples", why="a transform with a chance of one half")
    labels: float = limit(0.05, unit="share of the samples", why="labels that change belong to made-up samples")


@rule(
    "TL117",
    rung=1,
    severity=Severity.WARNING,
    needs=("surveys",),
    limits=Limits,
    plants=(
        Plant(
            "augmented",
            "held = Pictures(images[1400:], labels[1400:])",
            "held = Pictures(images[1400:], labels[1400:], jitter)",
        ),
        Plant(
            "augmented",
            "held = Pictures(images[1400:], labels[1400:])",
            "held = torch.utils.data.Subset(Pictures(images, labels, jitter), range(1400, len(images)))",
        ),
    ),
    near_misses=(
        Plant(
            "augmented",
            "held = Pictures(images[1400:], labels[1400:])",
            "held = Pictures(images[1400:], labels[1400:], torch.clone)",
        ),
        Plant(
            "augmented",
            "held = Pictures(images[1400:], labels[1400:])",
            "held = Pictures(images[1400:], labels[1400:], lambda image: image.clamp(0, 1))",
        ),
    ),
)
def augmentation_in_validation(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each stage whose held-out samples differ from reading to reading."""
    for survey in facts.surveys or ():
        sides = [r for r in survey.rereads if r.side >= 0]
        steady = len(survey.held) > sum(r.differ > 0 for r in sides)
        found = [r for r in sides if _random(r, limits) and not _averaged(r, survey, facts)]
        if found and not (steady and len(survey.held) > 1):
            yield _finding(found[0], survey)


def _random(r: RereadFact, limits: Limits) -> bool:
    proven = r.switch is not None and not r.target_is_sample
    return proven and r.differ >= limits.differ and r.labels_differ <= limits.labels


def _averaged(r: RereadFact, survey: SurveyFact, facts: Facts) -> bool:
    """Tell whether the held-out side is passed several times by the same weights."""
    loader = survey.held[r.side].loader
    steps = [e.step for e in facts.evaluations or () if e.loader == loader]
    return loader is not None and len(steps) > len(set(steps))


def _finding(r: RereadFact, survey: SurveyFact) -> Finding:
    held = survey.held[r.side]
    return augmentation_in_validation.finding(
        "held-out samples are augmented at random: the same index gives another input each time",
        where=tuple(dict.fromkeys(p for p in (held.made, held.call) if p is not None)),
        seen=(
            Measurement("held-out samples that differ when read again", round(r.differ, 3), "share", expected=0),
            Measurement("without", f"`{r.switch}`", expected="all equal"),
        ),
        fixes=(Fix("give the held-out side a data set of its own with a deterministic transform", Trust.IDEA),),
        phase=survey.phase,
    )
