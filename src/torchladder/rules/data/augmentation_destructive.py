"""The training transform destroys what the labels are about.

## What is wrong
Values are scaled or clamped out of range, crops miss the subject, noise drowns it, a conversion is
applied twice: the samples that come out say little or nothing about their labels.

## Why it hurts
There is nothing to learn from. The model memorises noise, or stays at chance.

## How it is found
Training samples are read with the data set's transform and without it. Without it, neighbouring
samples share labels or a linear probe reads them; with it, neither does better than guessing. Or most
of what enters the model is one value throughout, which the samples as stored (or the held-out ones)
are not.

## What to do
Look at a batch just before the model. Put value conversions before noise and crops, and lower
strengths until a person could still tell the labels.

## When it is a false alarm
Strong augmentation that leaves something to read, samples that are blank to begin with, tasks whose
raw samples no neighbour or linear probe can read either.

## Sources
Cubuk et al., RandAugment, 2020 (strength must fit model and data). Karpathy, A Recipe for Training
Neural Networks, 2019.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.data_facts import SurveyFact, TransformFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """What samples say before and after."""

    before: float = limit(0.4, unit="above guessing", why="labels must be plain to read in the raw samples")
    after: float = limit(0.04, unit="above guessing", why="sampling moves 600 samples by three hundredths")
    rows: float = limit(250, unit="samples", why="fewer cannot show that nothing is left")
    flat: float = limit(0.5, unit="share of the samples", why="half of the training set would be blank")
    blank: float = limit(0.1, unit="share of the samples", why="some pictures are blank by nature")


@rule(
    "TL116",
    rung=1,
    severity=Severity.ERROR,
    needs=("surveys",),
    limits=Limits,
    explains=("TL603", "TL605", "TL606", "TL607", "TL220", "TL602"),
    plants=(
        Plant(
            "augmented",
            "    return image + 0.1 * torch.from_numpy(noise).float()",
            "    return (image + 40 * torch.from_numpy(noise).float()) / 40",
        ),
        Plant(
            "augmented",
            "    return image + 0.1 * torch.from_numpy(noise).float()",
            "    return (200 + 3 * image + 0.1 * torch.from_numpy(noise).float()).clamp(0, 1)",
        ),
    ),
    near_misses=(
        Plant(
            "augmented",
            "    return image + 0.1 * torch.from_numpy(noise).float()",
            "    return image + 0.3 * torch.from_numpy(noise).float()",
        ),
        Plant(
            "augmented",
            "    return image + 0.1 * torch.from_numpy(noise).float()",
            "    return image.flip(1) + 0.1 * torch.from_numpy(noise).float()",
        ),
    ),
)
def augmentation_destructive(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each stage whose transform leaves nothing to learn from."""
    for survey in facts.surveys or ():
        t = survey.transform
        if t is not None and t.n >= limits.rows and t.flat >= limits.flat and t.raw_flat <= limits.blank:
            yield _blank(survey, t.flat, t.raw_flat, f"the samples before `{t.name}`")
        elif t is not None and _destroys(t, limits):
            yield _destroyed(survey, t)
        elif _enters_blank(survey, limits):
            held = min(h.flat_samples for h in survey.held if h.flat_samples is not None)
            yield _blank(survey, survey.train.flat_samples or 0.0, held, "held-out samples")


def _destroys(t: TransformFact, limits: Limits) -> bool:
    before = max(t.raw_score - t.chance, t.raw_probe - t.majority)
    after = max(t.score - t.chance, t.probe - t.majority)
    return t.n >= limits.rows and before >= limits.before and after <= limits.after


def _enters_blank(survey: SurveyFact, limits: Limits) -> bool:
    held = [h.flat_samples for h in survey.held if h.flat_samples is not None]
    flat = survey.train.flat_samples or 0.0
    return flat >= limits.flat and bool(held) and min(held) <= limits.blank


def _blank(survey: SurveyFact, flat: float, other: float, what: str) -> Finding:
    return augmentation_destructive.finding(
        f"{flat:.0%} of the training samples enter the model as one value throughout",
        where=tuple(p for p in (survey.train.made, survey.train.call) if p is not None),
        seen=(
            Measurement("training samples without any variation", round(flat, 3), "share"),
            Measurement(f"the same of {what}", round(other, 3), "share"),
        ),
        fixes=(Fix("look at a batch before the model, and convert values once and in range", Trust.IDEA),),
        phase=survey.phase,
    )


def _destroyed(survey: SurveyFact, t: TransformFact) -> Finding:
    return augmentation_destructive.finding(
        f"`{t.name}` leaves nothing of the labels in the training samples",
        where=tuple(p for p in (t.place, survey.train.call) if p is not None),
        seen=(
            Measurement("neighbouring samples of equal label, without it", round(t.raw_score, 3), "share"),
            Measurement("the same with it", round(t.score, 3), "share", round(t.chance, 3)),
            Measurement("linear probe without and with it", [round(t.raw_probe, 3), round(t.probe, 3)], "accuracy"),
        ),
        fixes=(Fix("lower the strength of the transform until a person could tell the labels", Trust.IDEA),),
        phase=survey.phase,
    )
