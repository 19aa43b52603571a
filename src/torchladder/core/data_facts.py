"""Rows about the data itself: samples of what a program trains on and of what it judges itself by.

A *stage* lasts until a program that has already trained makes another optimizer. Its training side and
each of its held-out sides are sets of samples: read from the data set where there is one, else as they
entered the model.
"""

from dataclasses import dataclass, field

from torchladder.core.findings import Place
from torchladder.core.shift_facts import RenamedFact


@dataclass(frozen=True, slots=True)
class SideFact:
    """Samples of one side.

    Attributes:
        loader: ``id`` of the LoaderFact that serves them, None when no loader does.
        made: Line that made the data set, ``call`` the line of the model's first call on it.
        rows: Samples there are, None when not known; ``read`` how many were looked at.
        complete: Whether all labels were read; ``label_counts`` is then the whole truth.
        shape, dtype: Of one sample as it is stored.
        entry_min, entry_max, entry_mean, entry_std: Of samples as they enter the model.
        flat_samples: Share of samples that enter the model (nearly) without any variation within them.
        constant_columns: Columns of a table that never vary in ``read`` rows; ``columns`` how many there are.
        classes: Whether labels are classes (True), values (False) or unknown (None).
        neighbour_score: Share of neighbouring samples with equal labels (for values: correlation), with
            ``neighbour_chance`` that of random pairs and ``neighbour_z`` standard errors between the two.
        probe_score: Share of right classes (or explained variance) of a linear probe, out of fold, with
            ``majority`` the share of the most frequent class.
    """

    role: str
    loader: int | None
    made: Place | None
    call: Place | None
    rows: int | None
    read: int
    complete: bool
    shape: tuple[int, ...] = ()
    dtype: str = ""
    entry_min: float | None = None
    entry_max: float | None = None
    entry_mean: float | None = None
    entry_std: float | None = None
    flat_samples: float | None = None
    columns: int | None = None
    constant_columns: tuple[int, ...] = ()
    classes: bool | None = None
    label_counts: dict[str, int] = field(default_factory=dict)
    majority: float | None = None
    neighbour_score: float | None = None
    neighbour_chance: float | None = None
    neighbour_z: float | None = None
    probe_score: float | None = None


@dataclass(frozen=True, slots=True)
class AlignmentFact:
    """Whether other labels of the same list would fit the samples better.

    Attributes:
        level: "stored" for samples and labels in the order of the data set, "base" for that of the data set a
            subset was taken from, "batch" for the pairs the loss
            was given, whose labels may have moved within their batch, "source" for lists the program holds
            from before they were split.
        how: "shift" by ``shift`` places, "reversed", "names" (samples in the order of their numbers sorted
            as text) or "none" when labels fit best where they are.
        z_here, z_best: Standard errors above chance at no displacement and at the best one; ``z_next`` at the
            best of the other displacements.
        score_here, score_best, chance: Agreement of neighbours' labels (for values: correlation).
        n: Samples compared.
        alone: Of tables: how well one column by itself predicts the label at the best displacement.
        place: For "names": the line that sorts names as text.
    """

    level: str
    how: str
    shift: int
    n: int
    score_here: float
    score_best: float
    chance: float
    z_here: float
    z_best: float
    z_next: float
    alone: float | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class CopiesFact:
    """Samples of both sides that come in groups of one size, each tighter than the gaps between groups.

    Attributes:
        size: Samples of a group; ``share`` of the samples that are in groups of exactly that size.
        groups: Such groups looked at.
        apart: How much farther groups are from each other than the samples within them.
        one_label: Share of the groups whose samples all have one label (or exactly one value); 0 where the groups
            may be the classes themselves.
        held: Share of the held-out samples that are in a group with training samples.
        bits: What two groups would have to agree on by chance, in steps that the copies can tell apart.
        examples: A few (training row, held-out row) of one group.
    """

    size: int
    share: float
    groups: int
    apart: float
    one_label: float
    held: float
    bits: float
    examples: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class OverlapFact:
    """Samples that occur in training and on a held-out side (``held`` is its place in the list of sides).

    Attributes:
        shared, compared: Held-out samples found in training, of how many compared.
        same_rows: Held-out samples that are the same rows of the same data set, None when rows are not known.
        train_read: Share of the training samples that could be compared with.
        within: Share of training samples that training itself has more than once.
        bits: Sum over columns of -log2 of the chance that two samples are equal there.
        continuous: Columns in which most distinct samples have a value of their own.
        values: Distinct values of the compared samples' numbers, at most 1,000 counted.
        near: Share of held-out samples far nearer to a training sample than those are to each other.
        copies: Groups of altered copies, None where none were looked for or samples come one by one.
        examples: A few (training row, held-out row).
        split: Lines that split data, the latest first.
    """

    held: int
    shared: int
    compared: int
    same_rows: int | None
    train_read: float
    within: float | None
    bits: float
    continuous: int
    values: int
    near: float | None = None
    copies: CopiesFact | None = None
    examples: tuple[tuple[int, ...], ...] = ()
    split: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class MismatchFact:
    """Inputs at the model's entry: training against a held-out side.

    Attributes:
        scale, offset: Held-out quantiles are training quantiles times ``scale`` plus ``offset``.
        misfit: Root mean square deviation from that line, in standard deviations of the held-out values.
        apart: Largest difference between the quantiles as they are, in deviations of the training values.
        columns_apart: For tables: share of columns whose mean or deviation differ by more than five
            standard errors and half a deviation; ``columns_misfit`` the median misfit of their own lines.
        order: Order of the held-out side's channels that fits training best, () for the one they have.
        order_distance, own_distance: Largest distance between channel moments in that order and as they
            are, in standard errors.
        n_train, n_held: Samples compared.
        kind: What the model answers: "classes", "binary" or "values"; ``asked`` held-out samples it was asked.
        own_score: Its accuracy on them as they are (for values: share of variance explained), with
            ``mapped_score`` on them with training's moments and ``ordered_score`` in the other channel order.
    """

    held: int
    scale: float
    offset: float
    misfit: float
    apart: float
    n_train: int
    n_held: int
    columns_apart: float | None = None
    columns_misfit: float | None = None
    order: tuple[int, ...] = ()
    order_distance: float | None = None
    own_distance: float | None = None
    kind: str | None = None
    asked: int = 0
    own_score: float | None = None
    mapped_score: float | None = None
    ordered_score: float | None = None


@dataclass(frozen=True, slots=True)
class StumpFact:
    """The column that predicts best by itself, out of fold, and what all others reach together.

    Attributes:
        disguise: How it is the label itself: under other "names", on another "scale", in the same "order", as the "sum"
            of several columns, as "indicators" of the classes; None where it is not.
        parts: The columns that are, with ``names`` where they have some.
    """

    column: int
    columns: int
    alone: float
    rest: float
    chance: float
    n: int
    name: str | None = None
    place: Place | None = None
    disguise: str | None = None
    parts: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuspectLabel:
    """A sample whose label an out-of-fold model contradicts."""

    index: int
    given: int
    suggested: int
    confidence: float
    name: str | None = None
    given_name: str | None = None
    suggested_name: str | None = None


@dataclass(frozen=True, slots=True)
class NoiseFact:
    """What confident learning finds among the labels of a side (-1 for training, else a held-out side)."""

    side: int
    n: int
    accuracy: float
    estimated: float
    suspects: tuple[SuspectLabel, ...] = ()


@dataclass(frozen=True, slots=True)
class RereadFact:
    """The same samples of a data set read twice (side -1 for training).

    Attributes:
        differ: Share whose input was another one at the second reading, ``labels_differ`` whose label was.
        likeness: Distance between two readings of a sample over that between different samples; near 1
            when the readings have nothing in common.
        target_is_sample: Whether the target has the input's own shape, as in reconstruction.
        switch: Attribute of the data set without which both readings are equal, such as "transform".
    """

    side: int
    n: int
    differ: float
    labels_differ: float
    likeness: float
    target_is_sample: bool = False
    switch: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerFact:
    """One sample read by two workers of a training loader, and by each again, and in a second epoch.

    Attributes:
        random: Whether one worker's two readings differ at all.
        same_in_workers: Whether the workers' first readings are equal.
        same_in_epochs: Whether the first readings of two epochs are equal.
    """

    loader: int
    workers: int
    random: bool
    same_in_workers: bool
    same_in_epochs: bool
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class TransformFact:
    """Training samples with and without the data set's transform.

    Attributes:
        raw_score, score: Agreement of neighbours' labels without and with it; ``chance`` of random pairs.
        raw_probe, probe: Share of right classes of a linear probe, out of fold.
        raw_flat, flat: Share of samples without any variation within them.
        n: Samples read in both ways.
    """

    name: str
    n: int
    raw_score: float
    score: float
    chance: float
    raw_probe: float
    probe: float
    majority: float
    raw_flat: float
    flat: float
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class ReassignedFact:
    """Samples that come again with the targets of others.

    Attributes:
        samples: How many came more than once.
        several: Share of them that came with more than one target.
        shared: Share of their targets that came with more than one sample.
    """

    samples: int
    several: float
    shared: float


@dataclass(frozen=True, slots=True)
class SurveyFact:
    """One stage: its training side, its held-out sides, and what comparing them shows.

    ``program`` tells whether a program read the samples; else they are data sets as they lie on disk.
    """

    stage: int
    phase: int
    train: SideFact
    held: tuple[SideFact, ...] = ()
    alignments: tuple[AlignmentFact, ...] = ()
    overlaps: tuple[OverlapFact, ...] = ()
    mismatches: tuple[MismatchFact, ...] = ()
    stump: StumpFact | None = None
    noise: tuple[NoiseFact, ...] = ()
    rereads: tuple[RereadFact, ...] = ()
    workers: WorkerFact | None = None
    transform: TransformFact | None = None
    program: bool = True
    reassigned: ReassignedFact | None = None
    renamings: tuple[RenamedFact, ...] = ()
