"""The survey: a bounded sample of each side, asked what a program's data is asked at the first rung, and more.

Labels are kept of every sample, since a list that has slipped is known by its order; samples are kept of a few
thousand places that do not depend on how the data was dealt out.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.data_facts import (
    AlignmentFact,
    MismatchFact,
    NoiseFact,
    SideFact,
    StumpFact,
    SurveyFact,
    SuspectLabel,
)
from torchladder.core.facts import Facts
from torchladder.core.shift_facts import GapFact, RenamedFact
from torchladder.data import examine
from torchladder.data.alignment import in_list
from torchladder.data.duplicates import first_of_each
from torchladder.data.examine import Samples
from torchladder.data.features import TABLE, Matrix
from torchladder.data.group_gap import gap
from torchladder.data.label_noise import find_noise
from torchladder.data.transfer import renamed, scores
from torchladder.inspection.fold import Side
from torchladder.inspection.labels import Series
from torchladder.inspection.line import Line
from torchladder.inspection.readings import Labels, Reading, as_features, labels_of, readings
from torchladder.inspection.sample import Kept
from torchladder.inspection.shifts import shifts
from torchladder.inspection.survey_lines import lines
from torchladder.sets.block import Block

Array = NDArray[Any]

COMMON = 25  # samples of a class whose usual confidence can be told


@dataclass
class State:
    """A sample, and all labels."""

    kind: str = ""
    kept: Kept = field(default_factory=Kept)
    labels: Series = field(default_factory=Series)


class Survey:
    """The fold."""

    name = "survey"
    version = 2

    def begin(self) -> State:
        """Return the state of no samples."""
        return State()

    def add(self, state: State, block: Block) -> State:
        """Return the state with a block more."""
        state.kind = state.kind or str(block.kind)
        if len(block):
            state.kept.add(block)
            if block.labels is not None and block.labels.ndim == 1:
                state.labels.add(block.places, block.labels, block.names)
        return state

    def join(self, first: State, second: State) -> State:
        """Return the state of both parts."""
        return State(first.kind or second.kind, first.kept.joined(second.kept), first.labels.joined(second.labels))

    def facts(self, sides: Sequence[Side], states: Sequence[State]) -> dict[str, Any]:
        """Return one stage, what lies between its sides, and what known groups are worth."""
        items = [state.kept.final() for state in states]
        columns = _shared([state.kept.columns for state in states])
        traits = _shared([state.kept.traits for state in states])
        parts = readings(states[0].kind, _cells(items, states, columns), columns, traits)
        if parts is None:
            return {"surveys": (), "shifts": (), "gaps": ()}
        labels = labels_of([state.labels for state in states])
        samples = [_samples(i, part, labels) for i, part in enumerate(parts)]
        matrices = as_features(parts)
        found = [_side(side, s) for side, s in zip(sides, samples, strict=True)]
        survey = SurveyFact(
            stage=0,
            phase=0,
            train=found[0],
            held=tuple(found[1:]),
            alignments=_alignments(parts[0], labels),
            mismatches=_mismatches(parts, samples, labels),
            stump=_stump(samples[0], parts[0]),
            noise=tuple(n for i, p in enumerate(parts) if (n := _noise(matrices[i], p, labels, i)) is not None),
            program=False,
            renamings=_renamings(parts, matrices, labels),
        )
        gaps = _gap(parts, matrices, labels)
        return {"surveys": (survey,), "shifts": shifts(sides, parts, matrices, labels), "gaps": (gaps,) if gaps else ()}

    def lines(self, facts: Facts) -> Sequence[Line]:
        """Return the lines of the rules that judge these facts."""
        return tuple(lines(facts))


def _shared(names: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names that all sides have, in the order of the first."""
    return tuple(n for n in names[0] if all(n in other for other in names))


def _cells(items: list[list[Any]], states: Sequence[State], columns: tuple[str, ...]) -> list[list[Any]]:
    """Return items whose cells are those of the shared columns, and whose traits are the shared ones."""
    shared_traits = _shared([state.kept.traits for state in states])
    out = []
    for side, state in zip(items, states, strict=True):
        at = [state.kept.columns.index(c) for c in columns]
        told = [state.kept.traits.index(t) for t in shared_traits]
        out.append([
            dataclasses.replace(i, cells=tuple(i.cells[j] for j in at), traits=tuple(i.traits[j] for j in told))
            for i in side
        ])  # fmt: skip
    return out


def labelled(part: Reading, side: int, labels: Labels | None) -> tuple[Array, Array, NDArray[np.int64]]:
    """Return (samples, labels, which) of those that have a label."""
    if labels is None:
        return part.x[:0], np.zeros(0), np.zeros(0, dtype=np.int64)
    y, there = labels.of(side, part.items)
    return part.x[there], y, there


def _samples(side: int, part: Reading, labels: Labels | None) -> Samples:
    x, y, there = labelled(part, side, labels)
    whole = len(there) == len(part.items)
    return Samples(
        classes=labels.classes if labels is not None and len(y) else None,
        x=x if len(there) else part.x,
        y=y if len(there) else None,
        entry=part.scale,
        entry_y=y if whole and len(y) else None,
    )


def _side(side: Side, samples: Samples) -> SideFact:
    figures = examine.side_figures(samples) | examine.label_figures(samples)
    figures |= {"constant_columns": (), "columns": None, "label_counts": {}}  # counted over all samples elsewhere
    return SideFact(
        role=side.role,
        loader=None,
        made=None,
        call=None,
        rows=side.source.rows if side.source.rows is not None else side.read,
        read=side.read,
        complete=side.complete,
        **(figures | {"classes": samples.classes}),
    )


def _alignments(part: Reading, labels: Labels | None) -> tuple[AlignmentFact, ...]:
    x, _, there = labelled(part, 0, labels)
    if labels is None or not len(there):
        return ()
    places, values = labels.sides[0]
    rows = np.searchsorted(places, np.array([part.items[i].place for i in there], dtype=np.int64))
    chosen = examine.spread(x)
    found = examine.aligned("stored", x[chosen], values, list(in_list(rows[chosen], len(values))), labels.classes)
    return (found,) if found is not None else ()


def _mismatches(parts: list[Reading], samples: list[Samples], labels: Labels | None) -> tuple[MismatchFact, ...]:
    found = []
    for number, part in enumerate(parts[1:]):
        fact = examine.mismatch(samples[0], samples[number + 1], number)
        if fact is None:
            continue
        x, y, there = labelled(parts[0], 0, labels)
        other, given, which = labelled(part, number + 1, labels)
        if labels is not None and len(there) and len(which) and x.dtype.kind == "f":
            asked = scores((x, y), (other, given), fact.order, classes=labels.classes)
            fact = dataclasses.replace(fact, **asked)
        found.append(fact)
    return tuple(found)


def _stump(samples: Samples, part: Reading) -> StumpFact | None:
    if samples.x is None or samples.x.ndim != TABLE:
        return None
    found = examine.stump(samples)
    if found is None or len(part.names) != found.columns:
        return found
    named = tuple(part.names[j] for j in found.parts)
    return dataclasses.replace(found, name=part.names[found.column], names=named)


def _noise(matrix: Matrix, part: Reading, labels: Labels | None, side: int) -> NoiseFact | None:
    """Return labels that are likely wrong, with the names of the samples."""
    if labels is None or not labels.classes:
        return None
    y, there = labels.of(side, part.items)
    if len(there) < examine.FEWEST:
        return None
    chosen = first_of_each(part.x[there])
    chosen = chosen[np.bincount(y[chosen], minlength=len(labels.names))[y[chosen]] >= COMMON]
    if len(chosen) < examine.FEWEST or not examine.learnable(y[chosen], classes=True):
        return None
    found = find_noise(matrix[there[chosen]], y[chosen])
    items = [part.items[i] for i in there[chosen]]
    suspects = tuple(
        SuspectLabel(items[i].place, given, other, p, items[i].name, labels.names[given], labels.names[other])
        for i, given, other, p in found.candidates
    )
    return NoiseFact(side - 1, len(chosen), found.accuracy, found.estimated, suspects)


def _renamings(parts: list[Reading], matrices: list[Matrix], labels: Labels | None) -> tuple[RenamedFact, ...]:
    if labels is None or not labels.classes or len(labels.names) > examine.CLASSES_MAX:
        return ()
    y, there = labels.of(0, parts[0].items)
    found = []
    for number, part in enumerate(parts[1:]):
        given, which = labels.of(number + 1, part.items)
        if len(there) and examine.learnable(y, classes=True):
            train, held = (matrices[0][there], y), (matrices[number + 1][which], given)
            found.append(renamed(train, held, labels.names, number))
    return tuple(f for f in found if f is not None)


def _gap(parts: list[Reading], matrices: list[Matrix], labels: Labels | None) -> GapFact | None:
    """Return what known groups are worth, where samples have groups and labels."""
    if labels is None or all(item.group is None for item in parts[0].items):
        return None
    rows, answers, groups = [], [], []
    for side, (part, matrix) in enumerate(zip(parts, matrices, strict=True)):
        y, there = labels.of(side, part.items)
        rows.append(matrix[there])
        answers.append(y)
        groups.append(np.array([str(part.items[i].group) for i in there], dtype=object))
    x, y, g = np.concatenate(rows), np.concatenate(answers), np.concatenate(groups)
    chosen = np.unique(np.linspace(0, max(len(x) - 1, 0), min(examine.ROWS, len(x))).astype(int))
    return gap(x[chosen], y[chosen], g[chosen], classes=labels.classes) if len(chosen) else None
