"""The same samples are in training and in the held-out set.

## What is wrong
The data was copied, oversampled or augmented before it was split, or the split lets rows into both
parts.

## Why it hurts
The model is examined on questions it has learned by heart. The held-out figure is too good, and what
is chosen by it (stopping, learning rate, model) is chosen by memory.

## How it is found
Every sample of both sides is hashed, floats as float32; equal hashes are counted. Samples of one value
throughout (blank pictures) are left out. What chance can make equal is not counted: samples must
differ in so many columns and values that no two could agree by accident, or agree across the split
far more often than within the training set.
Altered copies (noise, brightness) are known by their groups: joined nearest first, the samples of both sides
fall into small groups of one size and one label before any two groups meet, which samples drawn one by one
never do.
Of a data set read by itself, all samples are compared, and near copies, too: thumbnails of pictures (brighter,
cropped, saved again), phrases of texts, cells of rows. A near pair counts only if neither chance nor the
resemblance that this data has by nature would make one such pair in all of it.

## What to do
Remove duplicates and split first; then oversample and augment the training part alone. Split by
patient, user or document where several rows belong to one.

## When it is a false alarm
Tiny discrete spaces (board positions, categorical tables, short texts) where equal samples are
natural; a held-out set that is the training set itself, asked for its training accuracy; states that
an agent acts on and later learns from.

## Sources
Kapoor, Narayanan, Leakage and the Reproducibility Crisis in ML-based Science, 2022. Barz, Denzler, Do
We Train on Test Data?, 2020.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.data_facts import CopiesFact, OverlapFact, SurveyFact
from torchladder.core.duplicate_facts import DuplicateFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.data.copied import measured, remarks, role
from torchladder.rules.registry import Plant, limit, rule

ROUND = 0.1  # share that is told without decimals
INTEGERS = ("int", "uint", "bool")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many equal samples are too many, and when chance could have made them."""

    share: float = limit(0.01, unit="share of the held-out samples", why="a few copies hide in most collections")
    count: float = limit(5, unit="samples", why="fewer are an accident")
    all: float = limit(0.98, unit="share of the held-out samples", why="then it is training data, asked on purpose")
    whole: float = limit(0.8, unit="share of the training samples", why="answers for all data there are hold them all")
    bits: float = limit(40.0, unit="bits", why="10,000 by 10,000 pairs agree by accident at 27 bits")
    rich: float = limit(100.0, unit="bits", why="so rich samples are never equal unless copied")
    values: float = limit(8, unit="distinct values", why="one-hot and ternary samples repeat by nature")
    grouped: float = limit(0.9, unit="share of the samples in groups of one size", why="chance leaves 0.3 in pairs")
    apart: float = limit(1.4, unit="times the distance within groups", why="windows of one series reach 1.38")
    labelled: float = limit(0.98, unit="share of the groups with one label", why="a copy has its original's label")
    groups: float = limit(20, unit="groups", why="fewer may be clusters that the data has by nature")
    noted: float = limit(1, unit="samples", why="even one rich sample on both sides was copied; it is a remark")
    excess: float = limit(5.0, unit="times", why="copies within training tell how often data repeats itself")


@rule(
    "TL109",
    rung=1,
    severity=Severity.WARNING,
    needs=("surveys",),
    limits=Limits,
    explains=("TL608",),
    plants=(
        Plant(
            "digits_mlp",
            "x_train, x_test, y_train, y_test = train_test_split(",
            "images, labels = images.repeat(2, 1), labels.repeat(2)\n"
            "x_train, x_test, y_train, y_test = train_test_split(",
        ),
        Plant(
            "tabular",
            "train_rows, test_rows = rows[:1600], rows[1600:]\ntrain_left, test_left = left[:1600], left[1600:]",
            "train_rows, test_rows = rows[:1600], rows[1400:]\ntrain_left, test_left = left[:1600], left[1400:]",
        ),
        Plant(
            "digits_mlp",
            "x_train, x_test, y_train, y_test = train_test_split(",
            "images, labels = images[:400].repeat(4, 1), labels[:400].repeat(4)\n"
            "images = images + 0.02 * torch.randn(images.shape)\n"
            "x_train, x_test, y_train, y_test = train_test_split(",
        ),
    ),
    near_misses=(
        Plant(
            "tabular",
            "train_rows, test_rows = rows[:1600], rows[1600:]\ntrain_left, test_left = left[:1600], left[1600:]",
            "train_rows, test_rows = rows[:1600].repeat(2, axis=0), rows[1600:]\n"
            "train_left, test_left = left[:1600].repeat(2), left[1600:]",
        ),
        Plant(
            "tabular",
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)",
            "test_loader = DataLoader(Customers(train_rows, train_left, mean, std), batch_size=256)",
        ),
        Plant(
            "digits_mlp",
            "train_loader = DataLoader(",
            "x_train, y_train = x_train.repeat(4, 1), y_train.repeat(4)\n"
            "x_train = x_train + 0.02 * torch.randn(x_train.shape)\n"
            "train_loader = DataLoader(",
        ),
    ),
)
def train_val_overlap(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each stage, or pair of sides, whose held-out samples were trained on."""
    for copied in facts.duplicates or ():
        severity = _severity(copied, limits)
        if severity is not None:
            yield _copied_across(copied, severity)
    for survey in facts.surveys or ():
        alike = survey.overlaps if facts.duplicates is None else ()  # else all samples were compared, not these only
        found = [o for o in alike if _counts(o, survey, limits)]
        if found:
            worst = max(found, key=_share)
            yield _finding(worst, survey)
            continue
        altered = next((o for o in survey.overlaps if o.copies and _copied(o.copies, limits)), None)
        if altered is not None and altered.copies is not None:
            yield _altered(altered, altered.copies, survey)


def _severity(d: DuplicateFact, limits: Limits) -> Severity | None:
    """Tell what copies across two data sets that were read by themselves are worth."""
    if d.first == d.second or d.unknown is not None or d.shared < limits.noted:
        return None
    if d.exact and (d.bits is None or d.bits < limits.bits):
        return None
    if d.exact and d.bits is not None and d.bits < limits.rich:
        repeats = d.within is None or d.shared < limits.excess * max(d.within, 1e-3) * d.compared
        if repeats or d.shared < limits.count:
            return None
    if not d.exact and d.shared < limits.count:
        return None
    enough = d.clear >= limits.count and d.clear >= limits.share * d.compared
    return Severity.WARNING if enough and d.first == 0 else Severity.NOTE


def _copied_across(d: DuplicateFact, severity: Severity) -> Finding:
    ours, theirs = role(d, 0), role(d, 1)
    how = "copies" if d.exact else "near copies"
    share = d.shared / max(d.compared, 1)
    told = f"{share:.0%}" if share >= ROUND else f"{share:.2%}"
    return train_val_overlap.finding(
        f"{told} of the {theirs} {d.kind} are {how} of {ours} {d.kind}",
        severity=severity,
        seen=measured(d, f"{theirs} {d.kind} that {ours} has, too" + ("" if d.exact else ", nearly")),
        notes=(
            *remarks(d),
            *((f"{d.within:.1%} of the {ours} {d.kind} have copies there, too",) if d.within else ()),
        ),
        fixes=(Fix("split first, then copy, oversample or augment the training part alone", Trust.IDEA),),
    )


def _share(o: OverlapFact) -> float:
    shared = max(o.shared, o.same_rows or 0)
    return shared / max(o.compared, 1)


def _counts(o: OverlapFact, survey: SurveyFact, limits: Limits) -> bool:
    """Tell whether samples are shared that neither chance nor the data's own nature makes equal."""
    share, shared = _share(o), max(o.shared, o.same_rows or 0)
    if shared < limits.count or not limits.share <= share <= limits.all:
        return False
    asked, trained = survey.held[o.held].rows or 0, survey.train.rows or 0
    if asked > trained and share * asked >= limits.whole * trained:
        return False  # an answer for every sample there is, those of training among them
    if (o.same_rows or 0) >= limits.count:
        return True
    if o.bits < limits.bits or o.values <= limits.values:
        return False
    integral = survey.train.dtype.startswith(INTEGERS) and survey.train.dtype != "uint8"
    rich = o.bits >= limits.rich and not integral
    return rich or (o.within is not None and share >= limits.excess * max(o.within, 1e-3))


def _copied(c: CopiesFact, limits: Limits) -> bool:
    """Tell whether samples are altered copies of few, which the split has torn apart."""
    grouped = c.share >= limits.grouped and c.one_label >= limits.labelled and c.groups >= limits.groups
    return grouped and c.apart >= limits.apart and c.bits >= limits.bits and c.held >= limits.share


def _altered(o: OverlapFact, c: CopiesFact, survey: SurveyFact) -> Finding:
    held = survey.held[o.held]
    pairs = ", ".join(f"{a} ~ {b}" for a, b in c.examples)
    return train_val_overlap.finding(
        f"{c.held:.0%} of the held-out samples are altered copies of training samples",
        where=tuple(dict.fromkeys(p for p in (*o.split, held.made, held.call) if p is not None)),
        seen=(
            Measurement(f"samples that come in groups of {c.size}", round(c.share, 3), "share"),
            Measurement("distance between groups over that within them", round(c.apart, 2), "times"),
            Measurement("training sample ~ held-out sample", pairs),
        ),
        notes=("copies were made before the data was split",),
        fixes=(Fix("split first, then copy, oversample or augment the training part alone", Trust.IDEA),),
        phase=survey.phase,
    )


def _finding(o: OverlapFact, survey: SurveyFact) -> Finding:
    held = survey.held[o.held]
    shared = max(o.shared, o.same_rows or 0)
    places = [p for p in (*o.split, held.made, held.call) if p is not None]
    seen = [
        Measurement("held-out samples that training has, too", shared, f"of {o.compared:,}", expected=0),
    ]
    if o.within is not None:
        seen.append(Measurement("training samples that occur there more than once", round(o.within, 4), "share"))
    if o.examples:
        pairs = ", ".join(f"{a} = {b}" for a, b in o.examples[:3])
        seen.append(Measurement("training sample = held-out sample", pairs))
    notes = ("copies were made before the data was split",) if (o.within or 0) > _share(o) / 2 else ()
    return train_val_overlap.finding(
        f"{_share(o):.0%} of the held-out samples are training samples",
        where=tuple(dict.fromkeys(places)),
        seen=tuple(seen),
        notes=notes,
        fixes=(Fix("split first, then copy, oversample or augment the training part alone", Trust.IDEA),),
        phase=survey.phase,
    )
