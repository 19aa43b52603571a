"""Classes are very unequal in number, and the figure that is watched does not show it.

## What is wrong
One class has many times the samples of another, the loss counts every sample alike, and the accuracy
that is watched is what always answering the frequent class would give.

## Why it hurts
The model learns to say the frequent class. The figure looks good; the rare class, often the one that
matters, is never found.

## How it is found
Labels of the training set are counted. The loss has no weights, the loader no sampler that evens the
classes out (its batches show the same shares), and the accuracy of evaluation stays within a percent
of the share of the most frequent class. Without that sign of blindness, and of a data set that no program
has read, it is a remark.

## What to do
Watch recall by class, balanced accuracy or average precision. Weight the loss by class
(`weight=`, `pos_weight=`), use a focal or class-balanced loss, or draw rare classes more often.

## When it is a false alarm
Losses and samplers that weight already, metrics by class, runs too short for the model to have learned
anything.

## Sources
Cui et al., Class-Balanced Loss Based on Effective Number of Samples, 2019. Lin et al., Focal Loss,
2017.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.data_facts import SideFact, SurveyFact
from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.metric_advice import advise
from torchladder.core.set_facts import SetFact
from torchladder.rules.registry import Plant, limit, rule

PLAIN = frozenset({"cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"})


@dataclass(frozen=True, slots=True)
class Limits:
    """When classes are unequal, and evaluation blind to it."""

    ratio: float = limit(10.0, unit="to one", why="up to ten plain losses usually cope")
    classes: float = limit(50, unit="classes", why="more are a vocabulary, unequal by nature")
    rows: float = limit(200, unit="samples", why="counts of fewer say little")
    blind: float = limit(0.01, unit="accuracy", why="a model that knows the rare class exceeds the majority share")
    evened: float = limit(0.5, unit="of the ratio", why="batches this much more even were drawn so on purpose")
    passes: float = limit(2, unit="evaluations", why="before training every model may be blind")


@rule(
    "TL108",
    rung=1,
    severity=Severity.WARNING,
    needs=("surveys", "loss_calls"),
    instead=("sets",),
    limits=Limits,
    plants=(
        Plant(
            "tabular",
            "    left = pull + 0.3 * rng.standard_normal(n) > 0",
            "    left = (rng.random(n) < 0.03) & (pull > -2)",
        ),
        Plant(
            "tabular",
            "    left = pull + 0.3 * rng.standard_normal(n) > 0",
            "    left = (0.1 * pull + rng.standard_normal(n)) > 2.3",
        ),
    ),
    near_misses=(
        Plant(
            "tabular",
            "    left = pull + 0.3 * rng.standard_normal(n) > 0",
            "    left = pull + 0.3 * rng.standard_normal(n) > 0.8",
        ),
        Plant(
            "tabular",
            "    left = pull + 0.3 * rng.standard_normal(n) > 0",
            "    left = pull + 0.1 * rng.standard_normal(n) > 2.5",
        ),
    ),
)
def class_imbalance(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each stage with very unequal classes and a plain loss, or a remark about the set."""
    for train in (facts.sets or ())[:1]:
        yield from _of_set(train, limits)
    for survey in facts.surveys or ():
        ratio = _ratio(survey.train.label_counts)
        if ratio is None or ratio <= limits.ratio or not _looked_at(survey.train, limits):
            continue
        if not _plain(survey, facts) or _evened(ratio, survey, facts, limits):
            continue
        blind = _blind(survey, facts, limits)
        yield _finding(survey, ratio, blind)


def _of_set(train: SetFact, limits: Limits) -> Iterator[Finding]:
    labels = train.labels
    ratio = _ratio(labels.counts) if labels is not None and labels.classes else None
    if labels is None or ratio is None or ratio <= limits.ratio:
        return
    if labels.n < limits.rows or len(labels.counts) > limits.classes:
        return
    rare, most = min(labels.counts, key=lambda k: labels.counts[k]), max(labels.counts.values()) / labels.n
    advice = advise("classes", labels.counts)
    yield class_imbalance.finding(
        f"classes are {ratio:.0f} to one: always giving the most frequent one is right in {most:.1%}",
        severity=Severity.NOTE,
        seen=(
            Measurement("most frequent class against the rarest", round(ratio, 1), "to one", "at most 10"),
            Measurement(f"samples of class {rare}", labels.counts[rare], f"of {labels.n:,}"),
        ),
        fixes=(Fix(f"report {', '.join(advice.report)}; train with {advice.loss}", Trust.IDEA),),
    )


def _looked_at(side: SideFact, limits: Limits) -> bool:
    n = sum(side.label_counts.values())
    return bool(side.classes) and n >= limits.rows and len(side.label_counts) <= limits.classes


def _ratio(counts: dict[str, int]) -> float | None:
    return max(counts.values()) / min(counts.values()) if len(counts) > 1 else None


def _plain(survey: SurveyFact, facts: Facts) -> bool:
    """Tell whether every loss of the stage counts samples alike."""
    calls = [c for c in facts.loss_calls or () if c.phase == survey.phase and c.differentiated]
    return bool(calls) and all(
        c.function in PLAIN
        and not c.options.get("weight")
        and not c.options.get("pos_weight")
        and c.options.get("reduction", "mean") == "mean"
        for c in calls
    )


def _evened(ratio: float, survey: SurveyFact, facts: Facts, limits: Limits) -> bool:
    """Tell whether training batches show far more even shares than the data set."""
    seen: dict[str, int] = {}
    for call in facts.loss_calls or ():
        if call.phase == survey.phase and call.label_counts:
            for label, n in call.label_counts.items():
                seen[label] = seen.get(label, 0) + n
    drawn = _ratio(seen)
    return drawn is not None and drawn < limits.evened * ratio and len(seen) == len(survey.train.label_counts)


def _blind(survey: SurveyFact, facts: Facts, limits: Limits) -> EvaluationFact | None:
    """Return the last evaluation when all since the first show no more than the majority share."""
    loaders = {h.loader for h in survey.held if h.loader is not None}
    passes = [
        e
        for e in facts.evaluations or ()
        if e.accuracy is not None and e.majority is not None and e.step > 0 and not e.data_trained
        and not e.hurried and (e.loader in loaders or e.loader is None)
    ]  # fmt: skip
    if len(passes) < limits.passes:
        return None
    late = passes[len(passes) // 2 :]
    if all(abs((e.accuracy or 0.0) - (e.majority or 0.0)) <= limits.blind and (e.majority or 1) < 1 for e in late):
        return passes[-1]
    return None


def _finding(survey: SurveyFact, ratio: float, blind: EvaluationFact | None) -> Finding:
    counts = survey.train.label_counts
    rare = min(counts, key=lambda k: counts[k])
    seen = [
        Measurement("most frequent class against the rarest", round(ratio, 1), "to one"),
        Measurement(f"samples of class {rare}", counts[rare], f"of {sum(counts.values()):,}"),
    ]
    if blind is not None:
        seen.append(
            Measurement(
                "accuracy of evaluation", round(blind.accuracy or 0.0, 4), "share", round(blind.majority or 0.0, 4)
            )
        )
    message = f"classes are {ratio:.0f} to one and the loss counts every sample alike"
    return class_imbalance.finding(
        f"{message}: evaluation shows the majority share" if blind else message,
        severity=Severity.WARNING if blind else Severity.NOTE,
        where=tuple(p for p in (survey.train.made, survey.train.call) if p is not None),
        seen=tuple(seen),
        fixes=(Fix("weight the loss by class, and watch recall by class", Trust.IDEA),),
        phase=survey.phase,
    )
