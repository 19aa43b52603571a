"""Some labels contradict everything else that is known of their samples.

## What is wrong
Samples carry the label of another class: mistakes of annotators, a wrong merge, two classes that were
named the same.

## Why it hurts
The model spends capacity on memorising mistakes, and held-out figures have a ceiling that no model can
break through.

## How it is found
Confident learning: a linear probe and the neighbours' votes predict each label out of sample. Rows
whose prediction reaches the typical confidence of another class are counted into a joint of given and
true labels. It is a warning when one label in ten looks wrong in training while the held-out side is
clean, so that the model at hand can tell; otherwise a remark with the samples to look at.

## What to do
Look at the samples named, the most certain first. Correct or drop what is wrong.

## When it is a false alarm
Hard samples near the border of two classes; noise added on purpose; soft or crowd labels.

## Sources
Northcutt, Jiang, Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, 2021.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.data_facts import NoiseFact, SurveyFact, SuspectLabel
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """When labels, rather than the model that doubts them, are wrong."""

    good: float = limit(0.8, unit="accuracy", why="a poor model has no standing to contradict a label")
    shown: float = limit(0.85, unit="accuracy", why="on held-out labels, where those of training are too bad to tell")
    above: float = limit(0.3, unit="of what the majority share leaves", why="always answering one class is no model")
    clean: float = limit(0.93, unit="accuracy", why="on clean labels the same model must be nearly always right")
    share: float = limit(0.08, unit="share of the labels", why="below it hard samples account for it")
    times: float = limit(4.0, unit="times the held-out share", why="equal shares are the difficulty of the task")
    more: float = limit(1.5, unit="times the held-out share", why="a remark, too, is about more than difficulty")
    remark: float = limit(0.02, unit="share of the labels", why="less is within the reach of hard samples")
    rows: float = limit(200, unit="samples", why="fewer make no reliable joint")
    many: float = limit(1000, unit="samples", why="of so many, two sides' shares agree within two percent")
    alike: float = limit(0.65, unit="area under the curve", why="sides told apart are not equally hard")


@rule(
    "TL120",
    rung=1,
    severity=Severity.WARNING,
    needs=("surveys",),
    limits=Limits,
    plants=(
        Plant(
            "digits_cnn",
            "train_set = TensorDataset(images[:1400], labels[:1400])",
            "labels[:1400:7] = (labels[:1400:7] + 1 + torch.arange(200) % 9) % 10\n"
            "    train_set = TensorDataset(images[:1400], labels[:1400])",
        ),
        Plant(
            "digits_mlp",
            "train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)",
            "y_train[::8] = (y_train[::8] + 3) % 10\n"
            "train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)",
        ),
    ),
    near_misses=(
        Plant(
            "digits_cnn", "labels = torch.tensor(digits.target)", "labels = torch.tensor((7 * digits.target + 3) % 10)"
        ),
        Plant(
            "digits_mlp",
            "images = torch.tensor(digits.data, dtype=torch.float32) / 16",
            "images = torch.tensor(digits.data, dtype=torch.float32) / 16\nimages += 0.1 * torch.randn(images.shape)",
        ),
    ),
)
def label_noise(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each stage whose training labels look wrong."""
    for survey in facts.surveys or ():
        sides = {n.side: n for n in survey.noise}
        train, held = sides.get(-1), sides.get(0)
        if train is None or train.n < limits.rows or not train.suspects:
            continue
        majority = survey.train.majority or 0.0
        sound = max(limits.good, majority + limits.above * (1 - majority))
        apart = _apart(facts, limits)
        if train.accuracy < sound:
            if not survey.program and _shown(train, held, sound, limits, apart=apart):
                yield _finding(survey, train, held, Severity.NOTE)
        elif _only_training(train, held, limits) and not apart:
            yield _finding(survey, train, held, Severity.WARNING)
        elif train.estimated >= limits.remark and (held is None or train.estimated >= limits.more * held.estimated):
            yield _finding(survey, train, held, Severity.NOTE)


def _shown(train: NoiseFact, held: NoiseFact | None, least: float, limits: Limits, *, apart: bool) -> bool:
    """Tell whether the held-out side shows that training labels are at fault, not the model that doubts them."""
    if held is None or held.n < limits.rows or train.estimated - held.estimated < limits.share:
        return False
    good = held.accuracy >= max(limits.shown, least) and train.estimated >= limits.times * held.estimated
    many = min(train.n, held.n) >= limits.many and held.accuracy - train.accuracy >= limits.share / 2
    return good or (many and not apart)


def _apart(facts: Facts, limits: Limits) -> bool:
    """Tell whether held-out samples are of another kind: their labels may then be easier."""
    return any(s.kind == "covariate" and s.held == 0 and (s.effect or 0.0) > limits.alike for s in facts.shifts or ())


def _only_training(train: NoiseFact, held: NoiseFact | None, limits: Limits) -> bool:
    return (
        held is not None
        and held.n >= limits.rows
        and held.accuracy >= limits.clean
        and train.estimated >= limits.share
        and train.estimated >= limits.times * held.estimated
    )


def _finding(survey: SurveyFact, train: NoiseFact, held: NoiseFact | None, severity: Severity) -> Finding:
    named = ", ".join(map(_named, train.suspects[:SHOWN]))
    seen = [Measurement("training labels that look wrong", round(train.estimated, 3), "share")]
    if held is not None:
        seen.append(Measurement("held-out labels that look wrong", round(held.estimated, 3), "share"))
    seen.append(Measurement("the most certain: sample (label, rather)", named))
    return label_noise.finding(
        f"about {train.estimated:.0%} of the training labels look wrong",
        severity=severity,
        where=tuple(p for p in (survey.train.made, survey.train.call) if p is not None),
        seen=tuple(seen),
        notes=(f"an out-of-sample model agrees with {train.accuracy:.0%} of {train.n:,} labels",),
        fixes=(Fix("look at the samples named, and correct or drop what is wrong", Trust.IDEA),),
        phase=survey.phase,
    )


def _named(s: SuspectLabel) -> str:
    if s.name is None:
        return f"{s.index} ({s.given}, rather {s.suggested})"
    return f"{s.name} ({s.given_name}, rather {s.suggested_name})"
