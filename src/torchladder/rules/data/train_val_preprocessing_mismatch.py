"""Held-out inputs reach the model on another scale than training inputs.

## What is wrong
A step of the preparation is done on one side only, or with other numbers: divided by 255 here and
standardised there, other means and deviations, a scaler that was fitted or applied once.

## Why it hurts
The model is asked about inputs it has never seen the like of. Training goes well, evaluation is poor,
and it looks like overfitting.

## How it is found
The quantiles of what enters the model are compared between the sides. Forgotten preparation makes one
a straight line of the other, far from equal. Then the trained model itself is asked: the same held-out
samples, given the scale and offset of training, are answered far better. Of data sets that no program has read,
their neighbours in training are asked; without a gain there, a very straight line is a warning.

## What to do
Prepare both sides by one function, with the training set's statistics.

## When it is a false alarm
Augmentation (it hardly moves the moments), held-out data from elsewhere on purpose (the model then
does not gain by a change of scale, or another held-out set is in order), inputs that a normalisation
layer rescales anyway.

## Sources
Karpathy, A Recipe for Training Neural Networks, 2019 (visualise just before the net).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.data_facts import MismatchFact, SurveyFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How far apart the sides are, and how much the model gains."""

    apart: float = limit(0.5, unit="standard deviations", why="sampling moves quantiles by hundredths")
    scale: float = limit(1.3, unit="fold", why="other statistics of the same data differ by more")
    columns: float = limit(0.2, unit="share of the columns", why="one column may well drift by itself")
    misfit: float = limit(0.15, unit="standard deviations", why="other data is no straight line of this one")
    straight: float = limit(0.05, unit="standard deviations", why="quantiles of a few hundred samples of one kind")
    twice: float = limit(1.5, unit="fold", why="a brighter or noisier set is no straight line this steep")
    gain: float = limit(0.1, unit="accuracy", why="beyond what a few hundred samples do by chance")
    explained: float = limit(0.3, unit="explained variance", why="less could be had by answers that are merely tame")
    asked: float = limit(50, unit="samples", why="fewer cannot tell a gain")


@rule(
    "TL114",
    rung=1,
    severity=Severity.ERROR,
    needs=("surveys",),
    limits=Limits,
    explains=("TL601", "TL607", "TL121"),
    plants=(
        Plant(
            "digits_cnn",
            "test_set = TensorDataset(images[1400:], labels[1400:])",
            "test_set = TensorDataset(images[1400:] / 16.0, labels[1400:])",
        ),
        Plant(
            "tabular",
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)",
            "test_loader = DataLoader(Customers(test_rows, test_left, 0.0, 1.0), batch_size=256)",
        ),
    ),
    near_misses=(
        Plant(
            "digits_cnn",
            "test_set = TensorDataset(images[1400:], labels[1400:])",
            "test_set = TensorDataset(images[1400:].roll(1, dims=3), labels[1400:])",
        ),
        Plant(
            "tabular",
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)",
            "test_loader = DataLoader(Customers(test_rows, test_left, test_rows.mean(axis=0), test_rows.std(axis=0)))",
        ),
    ),
)
def train_val_preprocessing_mismatch(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each stage whose held-out inputs are on another scale."""
    for survey in facts.surveys or ():
        found = [
            m
            for m in survey.mismatches
            if _differs(m, limits) and (_gains(m, survey, limits) or _straight(m, survey, limits))
        ]
        if found and not _on_purpose(survey, limits):
            worst = max(found, key=lambda m: m.apart)
            yield _finding(worst, survey) if survey.program else _plain(worst, survey, limits)


def _differs(m: MismatchFact, limits: Limits) -> bool:
    """Tell whether one side is a straight line of the other, and not the same."""
    turned = max(m.scale, 1 / m.scale) >= limits.scale or m.apart >= 2 * limits.apart
    whole = m.apart >= limits.apart and m.misfit <= limits.misfit and turned
    parts = (m.columns_apart or 0.0) >= limits.columns and (m.columns_misfit or 0.0) <= 2 * limits.misfit
    return whole or parts


def _straight(m: MismatchFact, survey: SurveyFact, limits: Limits) -> bool:
    """Tell whether, without a program, one side is so exactly a line of the other that nothing else does that."""
    turned = max(m.scale, 1 / m.scale) if m.scale > 0 else 0.0
    return not survey.program and m.misfit <= limits.straight and turned >= limits.twice and m.apart >= limits.apart


def _gains(m: MismatchFact, survey: SurveyFact, limits: Limits) -> bool:
    """Tell whether the model does far better, and well, on the samples in the scale of training."""
    if m.own_score is None or m.mapped_score is None or m.asked < limits.asked:
        return False
    if m.kind == "values":
        return m.mapped_score >= limits.explained and m.mapped_score - m.own_score >= 2 * limits.gain
    guess = survey.held[m.held].majority or 0.0
    return m.mapped_score - m.own_score >= limits.gain and m.mapped_score >= guess + limits.gain


def _on_purpose(survey: SurveyFact, limits: Limits) -> bool:
    """Tell whether another held-out side is in order: the odd one is then a test of robustness."""
    return any(not _differs(m, limits) for m in survey.mismatches)


def _finding(m: MismatchFact, survey: SurveyFact) -> Finding:
    held, train = survey.held[m.held], survey.train
    places = [p for p in (held.made, held.call, train.made) if p is not None]
    what = "explained variance" if m.kind == "values" else "accuracy"
    own, mapped = m.own_score or 0.0, m.mapped_score or 0.0
    return train_val_preprocessing_mismatch.finding(
        "held-out inputs reach the model on another scale than training inputs",
        where=tuple(dict.fromkeys(places)),
        seen=(
            Measurement("mean and deviation of held-out inputs", _pair(held.entry_mean, held.entry_std),
                        expected=_pair(train.entry_mean, train.entry_std)),
            Measurement(f"{what} on {m.asked} held-out samples as they are", round(own, 3)),
            Measurement("the same in the scale of training", round(mapped, 3)),
        ),
        fixes=(
            Fix(
                "prepare both sides by one function, with the training set's statistics",
                Trust.LIKELY,
                verified=True,
                before=Measurement(f"{what} on {m.asked} held-out samples", round(own, 4)),
                after=Measurement(f"{what} on the same samples in the scale of training", round(mapped, 4)),
            ),
        ),
        phase=survey.phase,
    )  # fmt: skip


def _plain(m: MismatchFact, survey: SurveyFact, limits: Limits) -> Finding:
    """Return the finding of data sets that no program has read: neighbours in training answer for a model."""
    held, train = survey.held[m.held], survey.train
    gains = _gains(m, survey, limits)
    seen = [
        Measurement("mean and deviation of held-out inputs", _pair(held.entry_mean, held.entry_std),
                    expected=_pair(train.entry_mean, train.entry_std)),
        Measurement("held-out quantiles are those of training, times and plus", [round(m.scale, 4), round(m.offset, 4)],
                    expected=[1, 0]),
    ]  # fmt: skip
    if gains:
        what = "explained variance" if m.kind == "values" else "accuracy"
        own, mapped = round(m.own_score or 0.0, 3), round(m.mapped_score or 0.0, 3)
        words = f"{what} of neighbours in training, and on training's scale"
        seen.append(Measurement(words, [own, mapped], f"of {m.asked:,} held-out samples"))
    return train_val_preprocessing_mismatch.finding(
        "held-out inputs are on another scale than training inputs",
        severity=Severity.ERROR if gains else Severity.WARNING,
        seen=tuple(seen),
        fixes=(Fix("prepare both sides by one function, with the training set's statistics", Trust.IDEA),),
    )


def _pair(mean: float | None, std: float | None) -> str:
    return "?" if mean is None or std is None else f"{mean:.3g} and {std:.3g}"
