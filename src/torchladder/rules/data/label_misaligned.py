"""Labels belong to other samples than the ones they are given to.

## What is wrong
Inputs and labels lie in two lists that are out of step: one begins a row later, is turned round, was
sorted by name as text ("10" before "2"), or one was shuffled without the other.

## Why it hurts
A network memorises any labels, so the training loss still falls. On new samples it does no better
than guessing.

## How it is found
Neighbouring samples have no more labels in common than any two, and a linear probe is at chance. Then
the list of labels is moved against the samples: by up to 64 places, back to front, into the order of
names sorted as text, and within each batch. One displacement, and only one, makes neighbours agree.
Without such a displacement labels are only suspected where the held-out side, prepared by the same
program, is in order.
Of data sets that no program has read, a probe of training also names the classes of the held-out side: it is
right about them once each has another name, such as the next one modulo K.

## What to do
Read samples and labels through one list of keys; sort both by the same key; slice, shuffle and drop
rows of both at once.

## When it is a false alarm
Problems too hard for neighbours and a linear probe: those stay silent, since no displacement makes
them easy. Windows over a series contain the labels of earlier rows: several displacements fit, or one
column alone is the label of another row.
Labels made random on purpose, to see how much a model memorises, have an orderly held-out side.

## Sources
Northcutt, Athalye, Mueller, Pervasive Label Errors in Test Sets, 2021. Zhang et al., Understanding
deep learning requires rethinking generalization, 2017 (random labels are memorised).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.data_facts import AlignmentFact, ReassignedFact, SideFact, SurveyFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity, Trust
from torchladder.core.shift_facts import RenamedFact
from torchladder.rules.registry import Plant, limit, rule

WORDS = {
    "reversed": "run backwards",
    "names": "are out of step with samples sorted by name as text",
}
LISTS = ("stored", "base")  # levels at which whole lists were compared


@dataclass(frozen=True, slots=True)
class Limits:
    """When labels tell nothing where they are, and much elsewhere."""

    chance: float = limit(3.0, unit="standard errors", why="agreement within three errors of chance is none")
    jump: float = limit(8.0, unit="standard errors", why="the best of 150 displacements of noise reaches four")
    alone: float = limit(5.0, unit="standard errors", why="a second displacement that fits is a series, not a slip")
    gain: float = limit(0.05, unit="agreement", why="a jump this small would not make the labels right")
    probe: float = limit(0.03, unit="accuracy", why="a probe this little above the majority has found nothing")
    copied: float = limit(0.95, unit="score", why="a column that is another row's label makes a series, not a slip")
    rows: float = limit(200, unit="samples", why="without a displacement both sides must be measured well")
    aligned: float = limit(12.0, unit="standard errors", why="the held-out side must be in order beyond doubt")
    renamed: float = limit(0.4, unit="accuracy", why="what other names for the same classes must gain")
    good: float = limit(0.75, unit="accuracy", why="a probe that cannot tell classes has no word in their names")
    kept: float = limit(0.8, unit="of the probe's accuracy", why="names that fit leave most answers right")


@rule(
    "TL104",
    rung=1,
    severity=Severity.ERROR,
    needs=("surveys",),
    limits=Limits,
    explains=("TL601", "TL120", "TL220", "TL603", "TL605", "TL607"),
    plants=(
        Plant(
            "digits_cnn",
            "train_set = TensorDataset(images[:1400], labels[:1400])",
            "train_set = TensorDataset(images[:1400], labels[1:1401])",
        ),
        Plant(
            "digits_mlp",
            "labels = torch.tensor(digits.target)",
            "by_name = sorted(range(len(images)), key=str)\nlabels = torch.tensor(digits.target)[by_name]",
        ),
        Plant(
            "digits_mlp",
            "train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)",
            "x_train = x_train[torch.randperm(len(x_train))]\n"
            "train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)",
        ),
        Plant(
            "digits_cnn",
            "logits = model(xb)",
            "logits = model(xb.flip(0))",
        ),
    ),
    near_misses=(
        Plant(
            "digits_cnn",
            "train_set = TensorDataset(images[:1400], labels[:1400])",
            "train_set = TensorDataset(images[1:1401], labels[1:1401])",
        ),
        Plant("sequence_rnn", "y = ((values * marks).sum(dim=1) > 0).float()", "y = (values.sum(dim=1) > 0).float()"),
    ),
)
def label_misaligned(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each stage whose labels fit other samples."""
    for survey in facts.surveys or ():
        chosen = max((a for a in survey.alignments if _moved(a, limits)), key=lambda a: a.z_best, default=None)
        fitting = max((a.z_here for a in survey.alignments if a.level in LISTS), default=0.0)
        if survey.reassigned is not None:
            yield _reassigned(survey, survey.reassigned, facts)
        elif chosen is not None and (fitting < limits.jump or chosen.level == "batch"):
            yield _displaced(survey, chosen, facts)
        elif moved := _renamed(survey, limits):
            yield _other_names(moved)
        elif chosen is None and _at_chance(survey.train, limits) and not _made_random(survey):
            source = max((a for a in survey.alignments if a.level == "source"), key=lambda a: a.z_here, default=None)
            if source is not None and source.z_here >= limits.aligned:
                yield _separated(survey, source)
            elif _held_fits(survey, limits):
                yield _without(survey)
            elif not survey.program:
                yield _nothing(survey)


def _moved(a: AlignmentFact, limits: Limits) -> bool:
    """Tell whether exactly one displacement makes labels fit that do not fit where they are."""
    return (
        a.z_here < limits.chance
        and a.z_best >= limits.jump
        and a.z_next < max(limits.alone, 0.2 * a.z_best)
        and a.score_best - a.score_here >= limits.gain
        and (a.how, a.shift) != ("shift", 0)
        and (a.alone is None or a.alone < limits.copied)
    )


def _displaced(survey: SurveyFact, a: AlignmentFact, facts: Facts) -> Finding:
    places = [p for p in (a.place, survey.train.made, survey.train.call) if p is not None]
    if a.level == "batch":
        places = [p for p in (_loss_line(facts), survey.train.call, survey.train.made) if p is not None]
    what = WORDS.get(a.how) or f"are {abs(a.shift)} place{'s' * (abs(a.shift) > 1)} off"
    where = " within each batch" if a.level == "batch" else ""
    loader = survey.train.loader
    change = None
    if a.level in LISTS and loader is not None:
        change = Change("shift_labels", {"loader": loader, "how": a.how, "shift": a.shift, "below": a.level == "base"})
    title = "read samples and labels through one list of keys"
    if a.how == "names":
        title = "sort samples and labels by the same key: by number, or both as text"
    if a.how == "shift":
        side = "after" if a.shift > 0 else "before"
        title = f"give each sample the label {abs(a.shift)} place{'s' * (abs(a.shift) > 1)} {side} its own"
    return label_misaligned.finding(
        f"the labels {what}{where}: they say nothing of their samples",
        where=tuple(dict.fromkeys(places)),
        seen=(
            Measurement("neighbouring samples of equal label", round(a.score_here, 3), "share", round(a.chance, 3)),
            Measurement(f"the same {_words(a)}", round(a.score_best, 3), "share"),
            Measurement("samples compared", a.n),
        ),
        fixes=(Fix(title, Trust.LIKELY if change else Trust.IDEA, change),),
        phase=survey.phase,
    )


def _reassigned(survey: SurveyFact, r: ReassignedFact, facts: Facts) -> Finding:
    places = [p for p in (_loss_line(facts), survey.train.call, survey.train.made) if p is not None]
    return label_misaligned.finding(
        "the same samples come with the targets of others, pass after pass",
        where=tuple(dict.fromkeys(places)),
        seen=(
            Measurement("samples with several targets", round(r.several, 3), f"of {r.samples} that came again", 0),
            Measurement("targets with several samples", round(r.shared, 3), "share", 0),
        ),
        fixes=(Fix("index inputs and targets by the same permutation", Trust.IDEA),),
        phase=survey.phase,
    )


def _separated(survey: SurveyFact, source: AlignmentFact) -> Finding:
    side = survey.train
    places = [p for o in survey.overlaps for p in o.split] + [p for p in (side.made, side.call) if p is not None]
    return label_misaligned.finding(
        "samples and labels lost each other on the way to training: they fit in the lists they come from",
        where=tuple(dict.fromkeys(places)),
        seen=(
            Measurement(
                "neighbouring training samples of equal label",
                round(side.neighbour_score or 0.0, 3),
                "share",
                round(side.neighbour_chance or 0.0, 3),
            ),
            Measurement("neighbours of equal label in the program's own lists", round(source.score_here, 3), "share"),
            Measurement("samples compared", source.n),
        ),
        fixes=(Fix("shuffle, split and drop rows of samples and labels together", Trust.IDEA),),
        phase=survey.phase,
    )


def _words(a: AlignmentFact) -> str:
    if a.how == "shift":
        return f"with labels moved by {a.shift:+d}"
    return "with labels turned round" if a.how == "reversed" else "with labels in the order of names sorted as text"


def _loss_line(facts: Facts) -> Place | None:
    return next((c.place for c in facts.loss_calls or () if c.differentiated and c.place is not None), None)


def _renamed(survey: SurveyFact, limits: Limits) -> RenamedFact | None:
    """Return the held-out side whose classes go by other names in training, if there is one."""
    found = [
        r
        for r in survey.renamings
        if r.pairs
        and r.own >= limits.good
        and r.renamed >= limits.kept * r.own
        and r.renamed - r.accuracy >= limits.renamed
    ]
    return max(found, key=lambda r: r.renamed - r.accuracy, default=None)


def _other_names(r: RenamedFact) -> Finding:
    what = f"moved by {r.shift} modulo {r.classes}" if r.shift is not None else "named otherwise"
    pairs = ", ".join(f"{held} is {train}" for held, train in r.pairs)
    return label_misaligned.finding(
        f"classes of the held-out side are {what} against those of training",
        seen=(
            Measurement("accuracy of a probe of training on held-out samples", round(r.accuracy, 3), "share"),
            Measurement("the same once each class has its name of training", round(r.renamed, 3), "share"),
            Measurement("held-out class, and what it is in training", pairs),
        ),
        notes=(f"on training itself the probe scores {r.own:.3f}",),
        fixes=(Fix("make class ids of both sides by one function, from one list of names", Trust.IDEA),),
    )


def _nothing(survey: SurveyFact) -> Finding:
    side = survey.train
    return label_misaligned.finding(
        "labels tell nothing that neighbours or a linear probe can see, wherever they are moved",
        severity=Severity.NOTE,
        seen=(
            Measurement(
                "neighbouring training samples of equal label",
                round(side.neighbour_score or 0.0, 3),
                "share",
                round(side.neighbour_chance or 0.0, 3),
            ),
            Measurement(
                "a linear probe, out of fold", round(side.probe_score or 0.0, 3), None, round(side.majority or 0.0, 3)
            ),
        ),
        notes=("random labels look like this, and so does a task too hard for both",),
        fixes=(Fix("look at a few samples beside their labels", Trust.IDEA),),
    )


def _at_chance(side: SideFact, limits: Limits) -> bool:
    if side.neighbour_z is None or side.probe_score is None or side.read < limits.rows:
        return False
    base = side.majority or 0.0
    error = math.sqrt(base * (1 - base) / max(min(side.read, 1200), 1)) if base else 0.01
    return side.neighbour_z < limits.chance and side.probe_score < base + max(limits.probe, limits.chance * error)


def _made_random(survey: SurveyFact) -> bool:
    """Tell whether training samples are transformed at random: neighbours may then be lost, yet not the labels."""
    return any(r.side < 0 and r.differ > 0 for r in survey.rereads)


def _held_fits(survey: SurveyFact, limits: Limits) -> bool:
    """Tell whether held-out samples of the same kind have labels that fit."""
    ours = survey.train
    return any(
        (h.neighbour_z or 0.0) >= limits.aligned
        and h.read >= limits.rows
        and (h.shape, h.dtype, h.classes) == (ours.shape, ours.dtype, ours.classes)
        and set(h.label_counts) == set(ours.label_counts)
        for h in survey.held
    )


def _without(survey: SurveyFact) -> Finding:
    held = max(survey.held, key=lambda h: h.neighbour_z or 0.0)
    side = survey.train
    return label_misaligned.finding(
        "training labels tell nothing about their samples, held-out labels do",
        severity=Severity.WARNING,
        where=tuple(p for p in (side.made, side.call) if p is not None),
        seen=(
            Measurement(
                "neighbouring training samples of equal label",
                round(side.neighbour_score or 0.0, 3),
                "share",
                round(side.neighbour_chance or 0.0, 3),
            ),
            Measurement("neighbouring held-out samples of equal label", round(held.neighbour_score or 0.0, 3), "share"),
        ),
        notes=("no shift or reversal of the training labels makes them fit",),
        fixes=(Fix("shuffle, slice and drop rows of samples and labels together", Trust.IDEA),),
        phase=survey.phase,
    )
