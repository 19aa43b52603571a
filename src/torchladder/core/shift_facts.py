"""Rows about what lies between two sides: groups they share, time, preparation, and how they are told apart.

``held`` is the place of a held-out side among the held-out sides.
"""

from dataclasses import dataclass

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class GroupingFact:
    """Groups on both sides.

    Attributes:
        column: What holds the group; ``named`` whether the user said that it does.
        groups_train, groups_held: Different groups of each side; ``shared`` those of both.
        samples: Held-out samples whose group training has, of ``compared`` with a group.
        size: Training samples of a group, on average.
        examples: A few (group, training sample, held-out sample).
    """

    held: int
    column: str
    named: bool
    groups_train: int
    groups_held: int
    shared: int
    samples: int
    compared: int
    size: float
    examples: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class GapFact:
    """What a small model reaches on new samples of known groups, and on samples of new groups.

    Attributes:
        known, new: Accuracy (for values: explained variance), out of fold.
        chance: Of always giving the most frequent answer.
    """

    known: float
    new: float
    chance: float
    n: int
    groups: int


@dataclass(frozen=True, slots=True)
class SceneFact:
    """Pictures whose names are numbered alike: neighbours in the numbering, torn apart by the split.

    Attributes:
        pairs: Neighbours by number of which one is trained on and one held out.
        alike: Share of those that are nearer than all but one in a hundred pairs that are no neighbours.
        samples: Held-out pictures with such a neighbour in training, of ``compared`` looked at.
        examples: A few (training sample, held-out sample).
    """

    held: int
    pairs: int
    alike: float
    samples: int
    compared: int
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TimesFact:
    """When samples of both sides were taken.

    Attributes:
        column: What holds the time; ``named`` whether the user said that it does.
        train_first, train_last, held_first, held_last: As words.
        earlier: Share of held-out samples earlier than the last training sample.
        before: Share of held-out samples earlier than every training sample.
    """

    held: int
    column: str
    named: bool
    train_first: str
    train_last: str
    held_first: str
    held_last: str
    earlier: float
    before: float
    n: int


@dataclass(frozen=True, slots=True)
class PreparationFact:
    """Numbers that fit both sides together to rounding, and training alone does not.

    Attributes:
        how: "standardised", "centred" or "scaled to a range".
        columns: Columns that fit, of ``judged`` that could.
        joint: Largest deviation from the target over both sides; ``alone`` the median one of training alone.
        names: A few of the columns.
        place: Line of a program that may have fitted it.
    """

    held: int
    how: str
    columns: int
    judged: int
    joint: float
    alone: float
    n: int
    names: tuple[str, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class FeatureShift:
    """One feature that differs between the sides.

    Attributes:
        distance: Largest difference of the two distributions (0 to 1).
        train, held: Its mean, or the share of its most telling value, on each side, as words.
    """

    name: str
    distance: float
    p: float
    train: str
    held: str


@dataclass(frozen=True, slots=True)
class ShiftFact:
    """Whether two parts of the data can be told apart.

    Attributes:
        kind: "covariate" (inputs of both sides), "label" (classes of both sides), "temporal" (early against late
            training samples) or "concept" (answers to equal inputs).
        effect: Covariate and temporal: area under the curve of a classifier that never saw the samples, 0.5 for no
            difference. Label: half the sum of the differences between shares. Concept: accuracy (of values: explained
            variance) that training's probe loses, or that the user's predictions gain on held-out samples when they are
            read as held-out labels suggest. None when nobody could look.
        p: Probability of an effect this large by chance.
        why: Why nobody could look.
        planned: By what the split was made other than at random, which makes sides differ: "by scene".
        even: Whether the held-out classes are equally frequent, as they are by design only.
        by: Whose answers were compared, of concept: "probe" or "predictions".
        scores: Of predictions: on training, on held-out samples, on these when read anew.
        moved: Of predictions: a few whose answer differs between the sides, in words.
    """

    held: int
    kind: str
    effect: float | None
    p: float | None
    n_train: int
    n_held: int
    features: tuple[FeatureShift, ...] = ()
    planned: str | None = None
    even: bool = False
    why: str | None = None
    by: str = "probe"
    scores: tuple[float, float, float] | None = None
    moved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenamedFact:
    """Held-out classes as a model of the training samples names them.

    Attributes:
        shift: Places by which each class is moved, modulo the number of classes; None for another renaming.
        accuracy: On held-out labels as they are, ``renamed`` after each class has the name that fits best.
        own: On training labels, out of fold.
        pairs: (held-out class, training class that its samples look like) where the two differ.
    """

    held: int
    shift: int | None
    accuracy: float
    renamed: float
    own: float
    classes: int
    n: int
    pairs: tuple[tuple[str, str], ...] = ()
