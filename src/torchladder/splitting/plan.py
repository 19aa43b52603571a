"""From what the user wishes and what the data is to the side of each sample, and the rule in words."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from torchladder.core.errors import UsageError
from torchladder.inspection.duplicates import State as Copies
from torchladder.inspection.labels import are_classes
from torchladder.sets.block import Array, Kind
from torchladder.sets.source import Columns
from torchladder.splitting.assign import Ints, Shares, assign, tabled
from torchladder.splitting.bonds import Bonds, numbered, sources_of, tie_copies
from torchladder.splitting.chronology import first_come, in_time
from torchladder.splitting.roster import Members
from torchladder.splitting.scenes import find_scenes

SIDES = {2: ("train", "val"), 3: ("train", "val", "test")}
BINS = 10  # of values that are stratified
MISSED = 0.05  # share by which a side may miss its wish before that is told
NAMED = 4  # classes written out


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for.

    Attributes:
        stratify: Whether each side gets each class's share: True demands it, None does it where it can be done.
        gap: Time left out between sides.
        source, scene: Whether files of one source, or frames of one scene, stay together; ``scene`` None: if found.
        at_random: Whether only what was asked for is kept together (and copies, which always are).
    """

    fractions: tuple[float, ...]
    seed: int = 0
    stratify: bool | None = None
    gap: float = 0.0
    source: bool = False
    scene: bool | None = None
    at_random: bool = False

    @property
    def sides(self) -> tuple[str, ...]:
        """Names of the sides."""
        return SIDES[len(self.fractions)]


@dataclass
class Plan:
    """The side of each member, -1 for those left out, and why.

    Attributes:
        rule: "by group `subject`, stratified by `label`".
        units: What each sample belongs to, by number.
        classes: The class of each, None where there are none; ``names`` theirs.
        left_out: Samples by reason.
        told: What was found and done, in sentences.
    """

    sides: Ints
    rule: str
    units: Ints
    classes: Ints | None
    names: tuple[str, ...]
    left_out: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def planned(members: Members, columns: Columns, wish: Wish, name: str) -> Plan:
    """Return which side each sample goes to.

    Raises:
        UsageError: If what is wished for cannot be had.
    """
    if len(members) < len(wish.fractions):
        msg = f"{name} holds {len(members)} samples that can be read: too few for {len(wish.fractions)} sides"
        raise UsageError(msg)
    bonds = Bonds(len(members))
    reasons = _kept_together(bonds, members, columns, wish)
    units = bonds.units()
    classes, names, words = _classes(members, columns, wish)
    if columns.time is not None and columns.chosen.get("time") == "user":
        plan = _by_time(members, columns.time, wish, units)
    else:
        plan = _by_share(units, classes, wish, reasons, name)
        if classes is not None and wish.stratify is not False:
            _stratified(plan, classes, names, wish, words)
    plan.classes, plan.names = classes, names
    plan.rule = ", ".join([*([f"by {' and '.join(reasons)}"] if reasons else []), plan.rule])
    plan.told = [*bonds.told, *plan.told, *_suggested(columns, wish)]
    plan.told += [f"{members.lost:,} samples that cannot be read are on no side"] if members.lost else []
    _tell_shares(plan, wish, reasons)
    return plan


def _kept_together(bonds: Bonds, members: Members, columns: Columns, wish: Wish) -> list[str]:
    """Tie what belongs together; return by what, in words."""
    reasons = []
    asked = columns.chosen.get("group") == "user"
    if columns.group is not None and (asked or not wish.at_random):
        groups = numbered(members.groups) if members.groups is not None else np.full(len(members), -1)
        _enough(int(groups.max(initial=-1)) + 1, f"`{columns.group}` holds", "group", wish)
        bonds.tie_alike(groups)
        reasons.append(f"group `{columns.group}`")
        if not asked:
            bonds.told.append(f"`{columns.group}` was taken as group by its name; --at-random splits without it")
        alone = int((groups < 0).sum())
        bonds.told += [f"{alone:,} samples without a group stand each for itself"] if alone else []
    if wish.source:
        if members.kind is not Kind.IMAGES or len(members.names) != len(members):
            msg = "--source is for pictures in files; of other data, name the column of the source with --group"
            raise UsageError(msg)
        sources = numbered(np.array(sources_of(members.names), dtype=object))
        known = int(sources.max(initial=-1)) + 1
        _enough(known, "the names of the files tell", "source", wish)
        if known == len(members):
            msg = "the names of the files tell no sources: no two share a folder below the class's, or a beginning"
            raise UsageError(msg)
        bonds.tie_alike(sources)
        reasons.append("source")
    if wish.scene or (wish.scene is None and not wish.at_random and not reasons and columns.time is None):
        reasons += _tie_scenes(bonds, members, wish)
    if isinstance(members.copies, Copies):
        tie_copies(bonds, members.copies)
    else:
        bonds.told.append(f"copies could not be looked for: {members.copies.why}")
    return reasons


def _enough(count: int, where: str, what: str, wish: Wish) -> None:
    if count < len(wish.fractions):
        plural = "" if count == 1 else "s"
        msg = f"{where} {count} {what}{plural}: too few for {len(wish.fractions)} sides without tearing one apart"
        raise UsageError(msg)


def _tie_scenes(bonds: Bonds, members: Members, wish: Wish) -> list[str]:
    found = find_scenes(members.trace, members.labels, members.names, table=members.kind is Kind.TABLE)
    if found is None:
        if wish.scene:
            msg = "no scenes were found: samples that follow each other are no more alike than others"
            raise UsageError(msg)
        return []
    scenes = int(found.number.max()) + 1
    if found.longest > (1 - sum(wish.fractions[1:]) / 2) * len(members):
        if wish.scene:
            _enough(scenes if scenes < len(wish.fractions) else 1, "the order of the samples shows", "scene", wish)
        bonds.told.append(f"nearly all samples are one scene ({found.longest:,}); a split in time suits them: --time")
        return []
    bonds.tie_alike(found.number)
    share = f"{found.near:.0%} of the samples are nearly identical to the one before"
    bonds.told.append(f"{share}: {found.count:,} scenes, the longest of {found.longest:,}, stay whole")
    return ["scene"]


def _classes(members: Members, columns: Columns, wish: Wish) -> tuple[Ints | None, tuple[str, ...], str]:
    """Return the class of each sample, their names, and what is stratified, in words."""
    labels = members.labels
    if labels is None:
        if wish.stratify:
            msg = "--stratify needs labels: name their column with --label"
            raise UsageError(msg)
        return None, (), ""
    what = f"`{columns.label}`"
    if not are_classes(labels):
        if not wish.stratify:
            return None, (), ""
        return _bins(labels), tuple(f"tenth {i + 1}" for i in range(BINS)), f"tenths of {what}"
    numbers = numbered(labels)
    words = np.array([str(v) for v in labels], dtype=object)
    first = {int(c): str(w) for c, w in zip(numbers[::-1], words[::-1], strict=True)}
    some = int(numbers.max(initial=-1)) + 1
    names = tuple(first[c] for c in range(some))
    if (numbers < 0).any():  # samples without a label are a class of their own
        numbers, names = np.where(numbers < 0, some, numbers), (*names, "(none)")
    return numbers, names, what


def _bins(values: Array) -> Ints:
    numbers = values.astype(float)
    edges = np.nanquantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.asarray(np.searchsorted(edges, numbers), dtype=np.int64)


def _by_time(members: Members, column: str, wish: Wish, units: Ints) -> Plan:
    if members.times is None or not np.isfinite(members.times).any():
        msg = f"`{column}` holds no times that can be read"
        raise UsageError(msg)
    if wish.stratify:
        msg = "--stratify and --time exclude each other: what comes later has the classes that it has"
        raise UsageError(msg)
    sides = in_time(members.times, wish.fractions, wish.gap, column)
    kept = first_come(sides, units)
    left = {
        "without a time": int((~np.isfinite(members.times)).sum()),
        "within the gap": int((np.isfinite(members.times) & (sides < 0)).sum()),
        "of what an earlier side has": int(((sides >= 0) & (kept < 0)).sum()),
    }
    for side, word in enumerate(wish.sides):
        if not (kept == side).any():
            msg = f"nothing is left for {word}: all that is later is of a group, or equals a sample, of an earlier side"
            raise UsageError(msg)
    return Plan(kept, f"in time by `{column}`", units, None, (), {k: v for k, v in left.items() if v})


def _by_share(units: Ints, classes: Ints | None, wish: Wish, reasons: list[str], name: str) -> Plan:
    count = int(units.max(initial=-1)) + 1
    what = " and ".join(r.split()[0] for r in reasons) or "sample"
    _enough(count, f"{name} holds, copies taken together,", f"{what} that stands for itself", wish)
    stratified = classes is not None and wish.stratify is not False
    known = classes if stratified and classes is not None else np.zeros(len(units), dtype=np.int64)
    return Plan(assign(Shares(units, known, wish.fractions), wish.seed), "at random", units, None, ())


def _stratified(plan: Plan, classes: Ints, names: tuple[str, ...], wish: Wish, words: str) -> None:
    """Say that classes were dealt out evenly, and which could not be.

    Raises:
        UsageError: If that was demanded, and a class is in fewer units than there are sides.
    """
    plan.rule = f"stratified by {words}"
    pairs = np.unique(np.stack([classes, plan.units], axis=1), axis=0)
    have = np.bincount(pairs[:, 0], minlength=len(names))
    few = [names[c] for c in np.flatnonzero((have < len(wish.fractions)) & (np.bincount(classes) > 0))]
    lacking = [names[c] for c in np.flatnonzero((tabled(classes, plan.sides, len(wish.fractions)) == 0).any(axis=0))]
    if few and wish.stratify:
        msg = f"{_listed(few)} too few samples that stand for themselves for one on each of {len(wish.fractions)} sides"
        raise UsageError(msg)
    if lacking:
        plan.told.append(
            f"{_listed(lacking)} no sample on some side: there are too few samples that stand for themselves"
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"`{n}`" for n in names[:NAMED])
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"class {shown} has" if len(names) == 1 else f"classes {shown}{more} have"


def _suggested(columns: Columns, wish: Wish) -> list[str]:
    if columns.time is None or columns.chosen.get("time") == "user" or wish.at_random:
        return []
    return [f"`{columns.time}` looks like a time: --time {columns.time} holds out what is latest"]


def _tell_shares(plan: Plan, wish: Wish, reasons: list[str]) -> None:
    """Say where sides are not as large as wished, which only what stays together can have caused."""
    counts = np.bincount(plan.sides[plan.sides >= 0], minlength=len(wish.fractions))
    shares = counts / max(counts.sum(), 1)
    if np.abs(shares - np.array(wish.fractions)).max() > MISSED:
        have = ", ".join(f"{s:.0%}" for s in shares)
        why = f"each {reasons[0].split()[0]} stays whole" if reasons else "copies and equal times stay together"
        plan.told.append(f"the sides hold {have} of the samples: {why}")


def group_counts(values: Array | None, sides: NDArray[np.int64], n: int) -> list[int] | None:
    """Return how many groups each side has."""
    if values is None:
        return None
    numbers = numbered(values)
    return [len(np.unique(numbers[(sides == s) & (numbers >= 0)])) for s in range(n)]
