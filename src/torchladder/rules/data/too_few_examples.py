"""There are fewer samples than the loop, the batch or the held-out figure can do with.

## What is wrong
`drop_last=True` with fewer samples than a batch leaves an empty loader; a class that is asked about
held out does not occur in training; or the held-out set is so small that its figure is noise.

## Why it hurts
An empty loader trains nothing, without an error. A class never seen is never answered. With 20 samples
an accuracy of 0.8 means anything from 0.6 to 0.95.

## How it is found
The loader's own length and what it served; the labels of both sides, all of them; the number of
held-out samples.

## What to do
Turn `drop_last` off or take smaller batches; split so that every class is on both sides
(`stratify=`); hold out more, or cross-validate.

## When it is a false alarm
Continual and few-shot learning, whose training classes differ from those held out by design: several
stages of training, or most classes missing, are left alone.

## Sources
https://pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.data_facts import SurveyFact
from torchladder.core.facts import Facts, LoaderFact
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.set_facts import SetFact
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How few are too few."""

    held: float = limit(30, unit="samples", why="the error of a share is then above eight percent")
    missing: float = limit(5, unit="held-out samples", why="fewer of a class may be a stray label")
    most: float = limit(0.5, unit="share of the classes", why="more missing than present is another protocol")
    expected: float = limit(10, unit="samples", why="so many of a class are not missed by a random split")


@rule(
    "TL123",
    rung=1,
    severity=Severity.ERROR,
    needs=("loaders",),
    instead=("sets",),
    limits=Limits,
    plants=(
        Plant(
            "digits_mlp",
            "train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)",
            "train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=2048, shuffle=True, drop_last=True)",
        ),
        Plant(
            "digits_mlp",
            "train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)",
            "x_train, y_train = x_train[y_train < 9], y_train[y_train < 9]\n"
            "train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)",
            "train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True, drop_last=True)",
        ),
        Plant(
            "digits_mlp",
            "test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=256)",
            "test_loader = DataLoader(TensorDataset(x_test[y_test < 9], y_test[y_test < 9]), batch_size=256)",
        ),
    ),
)
def too_few_examples(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield findings for empty loaders and missing classes, and a remark for tiny held-out sets."""
    if facts.sets:
        yield from _of_sets(facts.sets, limits)
        return
    trained = any(x.role == "train" for x in facts.loaders or ())
    for loader in facts.loaders or ():
        if loader.iters and loader.n_batches == 0 and loader.n_samples and loader.drop_last:
            yield _empty(loader, trained=trained)
    surveys = facts.surveys or ()
    for survey in surveys:
        missing = _missing(survey, limits) if len(surveys) == 1 else None
        if missing is not None:
            yield _without_class(survey, *missing)
        small = [h for h in survey.held if h.rows is not None and 0 < h.rows < limits.held]
        if small and len(small) == len(survey.held):
            yield too_few_examples.finding(
                f"the held-out set has {max(h.rows or 0 for h in small)} samples",
                severity=Severity.NOTE,
                where=tuple(p for p in (small[0].made, small[0].call) if p is not None),
                seen=(Measurement("held-out samples", max(h.rows or 0 for h in small), expected=int(limits.held)),),
                fixes=(Fix("hold out more samples, or cross-validate", Trust.IDEA),),
                phase=survey.phase,
            )


def _of_sets(sets: tuple[SetFact, ...], limits: Limits) -> Iterator[Finding]:
    """Yield what classes one side lacks, and a remark when all held-out sides are tiny."""
    ours = sets[0].labels
    for held in sets[1:]:
        theirs = held.labels
        if ours is None or theirs is None or not ours.classes or not theirs.classes or not sets[0].complete:
            continue
        absent = {k: n for k, n in theirs.counts.items() if k not in ours.counts and not k.startswith("-")}
        few = len(absent) < limits.most * len(theirs.counts)
        if absent and few and sum(absent.values()) >= limits.missing:
            example = next((theirs.rare[k] for k in absent if k in theirs.rare), None)
            yield _lacks("training", list(absent), sum(absent.values()), Severity.WARNING, example)
        lost = [
            k for k, n in ours.counts.items() if k not in theirs.counts and n / ours.n * theirs.n >= limits.expected
        ]
        if lost and held.complete and len(lost) < limits.most * len(ours.counts):
            yield _lacks("the held-out set", lost, sum(ours.counts[k] for k in lost), Severity.NOTE, None)
    sizes = [h.read for h in sets[1:] if h.complete]
    if sizes and len(sizes) == len(sets) - 1 and 0 < max(sizes) < limits.held:
        yield too_few_examples.finding(
            f"the held-out set has {max(sizes)} samples",
            severity=Severity.NOTE,
            seen=(Measurement("held-out samples", max(sizes), expected=int(limits.held)),),
            fixes=(Fix("hold out more samples, or cross-validate", Trust.IDEA),),
        )


def _lacks(side: str, names: list[str], n: int, severity: Severity, example: str | None) -> Finding:
    other = "held-out" if side == "training" else "training"
    shown = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")  # noqa: PLR2004 - a line's worth
    seen = [Measurement(f"{other} samples of classes that {side} lacks", n, expected=0)]
    if example is not None:
        seen.append(Measurement("one of them", example))
    return too_few_examples.finding(
        f"class{'es' * (len(names) > 1)} {shown}: no sample in {side}",
        severity=severity,
        seen=tuple(seen),
        fixes=(Fix("split so that every class is on both sides (`stratify=`)", Trust.IDEA),),
    )


def _empty(loader: LoaderFact, *, trained: bool) -> Finding:
    return too_few_examples.finding(
        "the loader is empty: `drop_last` drops its only batch",
        severity=Severity.WARNING if trained else Severity.ERROR,
        where=(loader.place,) if loader.place is not None else loader.iter_places[:1],
        seen=(
            Measurement("samples", loader.n_samples),
            Measurement("batch size", loader.batch_size),
            Measurement("batches an epoch", 0, expected=1),
        ),
        fixes=(Fix("leave `drop_last` off, or take smaller batches", Trust.LIKELY),),
    )


def _missing(survey: SurveyFact, limits: Limits) -> tuple[list[str], int] | None:
    """Return the classes that only held-out samples have, and how many samples that concerns."""
    train = survey.train
    if not train.complete or not train.classes or not train.label_counts:
        return None
    for held in survey.held:
        if not held.classes or held.shape != train.shape:
            continue
        absent = {k: n for k, n in held.label_counts.items() if k not in train.label_counts and int(k) >= 0}
        few = len(absent) < limits.most * len(held.label_counts)
        if absent and few and sum(absent.values()) >= limits.missing:
            return sorted(absent, key=int), sum(absent.values())
    return None


def _without_class(survey: SurveyFact, missing: list[str], n: int) -> Finding:
    names = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")  # noqa: PLR2004 - a line's worth
    train = survey.train
    return too_few_examples.finding(
        f"class{'es' * (len(missing) > 1)} {names} of the held-out set: no sample in training",
        severity=Severity.WARNING,
        where=tuple(p for p in (train.made, train.call) if p is not None),
        seen=(
            Measurement("held-out samples of classes never trained on", n, expected=0),
            Measurement("classes in training", len(train.label_counts)),
        ),
        fixes=(Fix("split so that every class is on both sides (`stratify=`)", Trust.IDEA),),
        phase=survey.phase,
    )
