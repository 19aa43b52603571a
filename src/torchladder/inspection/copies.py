"""From hashes and sketches of all sides to rows about copies."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchladder.core.duplicate_facts import DuplicateFact, TwinFact
from torchladder.data.duplicates import coincidence
from torchladder.data.near_pictures import near_pictures
from torchladder.data.near_rows import near_rows
from torchladder.data.near_texts import near_texts
from torchladder.data.twins import Ints, Twins, group_names, no_twins
from torchladder.inspection.fold import Side
from torchladder.inspection.naming import names_of
from torchladder.inspection.sketches import PICTURES, ROWS, SAMPLES, TEXTS

EXAMPLES = 5
NEAR_MAX = {
    PICTURES: 2_000_000,
    TEXTS: 4_000_000,
    ROWS: 1_000_000,
}  # of all sides: two gigabytes while they are compared
WINDOWS = (
    "series, and rows of more than 64 numbers, are compared for equality only: windows of one recording resemble each "
    "other as copies do; name the recording with --group"
)
RICHNESS = 4096  # samples that tell what two of them agree in by chance
ALIKE, SURE = 0.98, 5.0  # of pictures: correlation and bits; two photographs of one shoe are less alike
TEXT_BITS = 100.0  # of texts of ten words and more: no two are equal unless one was copied


class Kept(NamedTuple):
    """What was kept of a side, see ``Sketch``."""

    kind: str
    places: Ints
    digests: NDArray[np.uint64]
    labels: NDArray[np.uint64]
    judged: NDArray[np.bool_]
    rows: NDArray[Any]
    usable: NDArray[np.bool_]
    numeric: tuple[bool, ...]
    columns: tuple[str, ...]
    classes: bool


class Pool(NamedTuple):
    """All sides, one after the other: the side, the place in it, and whether it says enough, of each sample."""

    side: Ints
    place: Ints
    digests: NDArray[np.uint64]
    labels: NDArray[np.uint64]
    judged: NDArray[np.bool_]


class Found(NamedTuple):
    """Near copies among the pool, or why nobody looked; ``usable`` which samples were compared."""

    twins: Twins
    usable: NDArray[np.bool_]
    unknown: str | None = None
    differing: tuple[tuple[str, float], ...] = ()


def duplicate_facts(sides: Sequence[Side], kept: Sequence[Kept]) -> tuple[DuplicateFact, ...]:
    """Return a row for each side and each pair of sides, for equal copies and for near ones."""
    pool = _pool(kept)
    if not len(pool.side):
        return ()
    same, first = _equal(pool)
    near = _near(kept, pool, first)
    n = len(pool.side)
    at = np.concatenate([near.twins.first, np.arange(n)]), np.concatenate([near.twins.second, first[same]])
    groups = group_names(n, *at)
    bits = _richness(kept)
    rows = []
    for a, b in combinations_with_replacement(range(len(sides)), 2):
        one = _Pair(sides, pool, a, b, kept[a].kind, classes=kept[a].classes and kept[b].classes)
        rows.append(one.fact(same, pool.judged, None, exact=True, bits=bits))
        rows.append(one.fact(groups, near.usable, near, exact=False, apart=same))
    return tuple(rows)


def _pool(kept: Sequence[Kept]) -> Pool:
    return Pool(
        np.repeat(np.arange(len(kept)), [len(k.places) for k in kept]),
        *(np.concatenate([getattr(k, name) for k in kept]) for name in ("places", "digests", "labels", "judged")),
    )


def _equal(pool: Pool) -> tuple[Ints, Ints]:
    """Return the group of equal samples that each is in, and the first sample of each group."""
    keys = pool.digests.copy()
    groups = np.full(len(keys), -1, dtype=np.int64)
    judged = np.flatnonzero(pool.judged)
    _, first, names = np.unique(keys[judged], return_index=True, return_inverse=True)
    groups[judged] = names
    alone = np.flatnonzero(~pool.judged)
    groups[alone] = len(first) + np.arange(len(alone))
    return groups, np.concatenate([judged[first], alone])


def _near(kept: Sequence[Kept], pool: Pool, first: Ints) -> Found:
    usable = np.concatenate([k.usable for k in kept])
    nothing = np.zeros(len(usable), dtype=bool)
    kinds, widths = {k.kind for k in kept if len(k.places)}, {k.rows.shape[1] for k in kept if len(k.places)}
    kind = kinds.pop() if len(kinds) == 1 else SAMPLES
    if kind == SAMPLES or len(widths) != 1:
        return Found(no_twins(), nothing, WINDOWS if len(widths) == 1 else "samples differ in kind or width")
    if len(usable) > NEAR_MAX[kind]:
        return Found(no_twins(), nothing, f"near copies are looked for among at most {NEAR_MAX[kind]:,} {kind}")
    one = np.zeros(len(usable), dtype=bool)
    one[first] = True
    places = np.flatnonzero(usable & one)
    rows = _rows_of(kept, pool, places)
    if kind == PICTURES:
        return Found(near_pictures(rows).at(places), usable)
    if kind == TEXTS:
        return Found(near_texts(rows).at(places), usable)
    numeric = np.array([all(k.numeric[j] for k in kept if k.numeric) for j in range(rows.shape[1])], dtype=bool)
    found = near_rows(rows, numeric)
    names = next((k.columns for k in kept if k.columns), ())
    differing = tuple((names[j], share) for j, share in found.differing if j < len(names))
    return Found(found.twins.at(places), usable, None, differing)


def _rows_of(kept: Sequence[Kept], pool: Pool, places: Ints) -> NDArray[Any]:
    starts = np.searchsorted(pool.side, np.arange(len(kept)))
    parts = [k.rows[places[pool.side[places] == i] - starts[i]] for i, k in enumerate(kept) if len(k.places)]
    return np.concatenate(parts)


def _richness(kept: Sequence[Kept]) -> float | None:
    """Return what two samples of training would have to agree in to be equal, in bits."""
    k = kept[0]
    rows = k.rows[k.judged] if len(k.rows) == len(k.judged) else k.rows[:0]
    if k.kind == TEXTS:
        return TEXT_BITS
    if len(rows) < 2 or not rows.shape[1]:  # noqa: PLR2004 - nothing to compare
        return None
    rows = np.unique(rows[np.unique(np.linspace(0, len(rows) - 1, min(RICHNESS, len(rows))).astype(int))], axis=0)
    return coincidence(rows)[0]


def _clear(t: Twins, kind: str, n: int) -> NDArray[np.bool_]:
    """Return which samples have a copy beyond doubt: of pictures, one that is no other picture of the same thing."""
    sure = (t.likeness >= ALIKE) & (t.bits >= SURE) if kind == PICTURES else np.ones(len(t.first), dtype=bool)
    clear = np.zeros(n, dtype=bool)
    clear[t.first[sure]] = clear[t.second[sure]] = True
    return clear


def _again(names: Ints) -> NDArray[np.bool_]:
    """Return which names an earlier one equals."""
    again = np.ones(len(names), dtype=bool)
    again[np.unique(names, return_index=True)[1]] = False
    return again


class _Pair:
    """Two sides, or one with itself."""

    def __init__(self, sides: Sequence[Side], pool: Pool, a: int, b: int, kind: str, *, classes: bool) -> None:
        self.sides, self.pool, self.a, self.b, self.kind, self.classes = sides, pool, a, b, kind, classes

    def fact(
        self,
        groups: Ints,
        usable: NDArray[np.bool_],
        near: Found | None,
        *,
        exact: bool,
        bits: float | None = None,
        apart: Ints | None = None,
    ) -> DuplicateFact:
        """Return the row about copies, given the group that each sample is in.

        Args:
            groups: Of the pool.
            usable: Which samples were compared.
            near: The near copies, None for equal ones.
            exact: Which of both it is about.
            bits: Of equal copies.
            apart: Groups of equal samples: copies within one are no near copies.
        """
        side = self.pool.side
        ours, theirs = np.flatnonzero(usable & (side == self.a)), np.flatnonzero(usable & (side == self.b))
        copies, originals = self._copies(groups, apart, ours, theirs)
        named = np.unique(groups[copies])
        inside = usable & ((side == self.a) | (side == self.b))
        counts = np.bincount(groups[inside], minlength=int(groups.max(initial=0)) + 1)[named]
        labelled, conflicts = self._conflicts(copies, originals)
        return DuplicateFact(
            first=self.a,
            second=self.b,
            exact=exact,
            kind=self.kind,
            compared=len(theirs),
            against=len(ours),
            shared=len(copies),
            clear=len(copies) if near is None else int(_clear(near.twins, self.kind, len(groups))[copies].sum()),
            labelled=labelled,
            conflicts=conflicts,
            groups=len(named),
            largest=int(counts.max(initial=0)),
            within=self._within(groups, apart, ours),
            bits=bits,
            differing=() if near is None else near.differing,
            examples=self._examples(copies, originals, groups, near),
            complete=self.sides[self.a].complete and self.sides[self.b].complete,
            unknown=None if near is None else near.unknown,
            sides=(self.sides[self.a].role, self.sides[self.b].role),
        )

    def _copies(self, groups: Ints, apart: Ints | None, ours: Ints, theirs: Ints) -> tuple[Ints, Ints]:
        """Return samples of the second side with a copy in the first, and one of the first for each."""
        names, first = np.unique(groups[ours], return_index=True)
        at = np.searchsorted(names, groups[theirs])
        at = np.minimum(at, max(len(names) - 1, 0))
        if not len(names):
            return theirs[:0], theirs[:0]
        hit = names[at] == groups[theirs]
        copies, originals = theirs[hit], ours[first[at[hit]]]
        other = copies != originals
        if apart is not None:  # near copies: those that have no equal there
            other &= ~np.isin(apart[copies], apart[ours]) if self.a != self.b else ~_again(apart[copies])
            other &= apart[copies] != apart[originals]
        return copies[other], originals[other]

    def _within(self, groups: Ints, apart: Ints | None, ours: Ints) -> float | None:
        """Return the share of the first side's samples that have a copy there."""
        if not len(ours):
            return None
        copies, originals = self._copies(groups, apart, ours, ours)
        return len(np.union1d(copies, originals)) / len(ours)

    def _conflicts(self, copies: Ints, originals: Ints) -> tuple[int, int]:
        """Return how many copies and their originals both have a class, and how many of them not the same."""
        both, differ = self._labels(copies, originals)
        return int(both.sum()), int(differ.sum())

    def _labels(self, copies: Ints, originals: Ints) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        a, b = self.pool.labels[copies], self.pool.labels[originals]
        both = (a != 0) & (b != 0) & self.classes
        return both, both & (a != b)

    def _examples(self, copies: Ints, originals: Ints, groups: Ints, near: Found | None) -> tuple[TwinFact, ...]:
        """Return a few pairs, those whose labels differ first, no group twice."""
        differ = self._labels(copies, originals)[1]
        order = np.argsort(~differ, kind="stable")
        order = order[np.sort(np.unique(groups[copies][order], return_index=True)[1])][:EXAMPLES]
        shown = [(int(originals[i]), int(copies[i])) for i in order]
        places = self.pool.place
        first = names_of(self.sides[self.a], [int(places[x]) for x, _ in shown])
        second = names_of(self.sides[self.b], [int(places[y]) for _, y in shown])
        found = []
        for x, y in shown:
            (one, its), (other, whose) = first[int(places[x])], second[int(places[y])]
            both = (its, whose) if its is not None and whose is not None and self.classes else None
            found.append(TwinFact(one, other, both, _likeness(near, x, y)))
        return tuple(found)


def _likeness(near: Found | None, x: int, y: int) -> float:
    """Return how alike two samples are; of a pair that others link, the weakest link of either."""
    if near is None:
        return 1.0
    t = near.twins
    hit = ((t.first == min(x, y)) & (t.second == max(x, y))).nonzero()[0]
    if len(hit):
        return float(t.likeness[hit[0]])
    touched = np.isin(t.first, (x, y)) | np.isin(t.second, (x, y))
    return float(t.likeness[touched].min()) if touched.any() else 1.0
