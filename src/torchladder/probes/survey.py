"""The survey: at the end of an observed run, samples of both sides are read and compared.

Reading is free here, since the program is over; the random states are put back all the same. Data in a
temporary folder is read before the folder goes.
"""

import dataclasses
import functools
import os
import tempfile
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Subset

from torchladder.core.data_facts import AlignmentFact, SurveyFact
from torchladder.core.shift_facts import PreparationFact
from torchladder.data import examine
from torchladder.data.reassigned import reassigned
from torchladder.probes import columns, datasets, remapped, rereading
from torchladder.probes.capture import Capture, Source
from torchladder.probes.guarded import unfailing
from torchladder.probes.lists import whole_lists
from torchladder.probes.prepared_together import prepared_together
from torchladder.probes.sides import Side, apart, same_rows, same_tensor
from torchladder.probes.splits import Splits
from torchladder.probes.unsorted import text_order

if TYPE_CHECKING:
    from torchladder.probes.session import Session

SECONDS = 4.0  # for everything
HELD = 3  # held-out sides compared of a stage
FILES = 20  # entries of a temporary folder that may be data: checkpoints are fewer
FITS = 5.0  # standard errors above chance at which labels fit their samples
ASKED_FROM = 0.3  # deviations between the quantiles of both sides from which the model is asked about it


class Survey:
    """The probe."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.capture = Capture(session)
        self.splits = Splits()
        self.early: tuple[SurveyFact, ...] = ()  # before a folder of data was removed
        self.lost: Exception | None = None
        self.sides: list[Side] = []  # of the first stage, for who hands them over
        self.prepared: list[PreparationFact] | None = None

    def install(self) -> None:
        """Listen to calls, slices and the making of data sets."""
        evaluations: Any = self.session.probes["evaluations"]
        self.capture.install(evaluations.on_settled)
        self.splits.install()
        original = tempfile.TemporaryDirectory.cleanup

        @functools.wraps(original)
        def cleanup(folder: Any) -> None:
            self._before_removal(folder.name)
            original(folder)

        tempfile.TemporaryDirectory.cleanup = cleanup  # type: ignore[assignment,method-assign]

    @unfailing("survey")
    def _before_removal(self, folder: str) -> None:
        """Read the data now, if it may lie in a folder that is about to go."""
        inside = (len(files) + len(folders) for _, folders, files in os.walk(folder))
        if self.session.reads_data and self.session.backward.count and any(n >= FILES for n in inside):
            with self.session.quiet(), torch.no_grad():
                self.early = self._surveyed()

    def facts(self) -> dict[str, Any]:
        """Return one row a stage; nothing in runs that are experiments of another kind."""
        if not self.session.reads_data:
            return {}
        rows = self._surveyed()
        if self.lost is not None and not self.early:
            self.session.failed("survey", self.lost)
        found = {"preparations": tuple(self.prepared)} if self.prepared is not None else {}
        return {"surveys": self.early if self.lost is not None and self.early else rows, **found}

    def _surveyed(self) -> tuple[SurveyFact, ...]:
        started = time.monotonic()
        rows = []
        with datasets.same_randomness():
            for stage in sorted({s.stage for s in self.capture.sources.values()}):
                if time.monotonic() - started < SECONDS:
                    row = self._stage(stage, started + SECONDS)
                    rows += [row] if row is not None else []
        return tuple(rows)

    def _stage(self, stage: int, until: float) -> SurveyFact | None:
        loaders = list(self.session.loaders.table.values())
        sources = [s for s in self.capture.sources.values() if s.stage == stage]
        trained = [s for s in sources if self._is_training(s)]
        if not trained:
            return None
        first = max(trained, key=lambda s: s.rows)
        train = Side(first, self.splits)
        self.lost = self.lost or train.lost
        held: list[Side] = []
        for source in self._held(sources, trained, first):
            if len(held) < HELD and time.monotonic() < until:
                side = Side(source, self.splits)
                self.lost = self.lost or side.lost
                held += [side] if apart(train, side) else []
        self.sides = self.sides or [train, *held]
        fact = SurveyFact(
            stage, first.phase, train.fact("train", loaders), tuple(h.fact("held-out", loaders) for h in held)
        )
        self._prepare(train, held)
        return self._compared(fact, train, held, until)

    def _prepare(self, train: Side, held: list[Side]) -> None:
        """Ask whether both sides were prepared together, where they are two."""
        self.prepared = self.prepared or []
        if not held:
            return
        try:
            line = train.made or train.source.place or held[0].made or held[0].source.place
            found = prepared_together(train.samples, [h.samples for h in held], line)
        except Exception as error:
            self.session.failed("survey preparations", error)
            return
        self.prepared += [found] if found is not None else []

    def _entered(self, first: Source) -> tuple[Any, Any]:
        """Return inputs and targets of everything that this model was trained on; a pass may have lists of its own."""
        of_model = [s for s in self.capture.sources.values() if (s.stage, s.root) == (first.stage, first.root)]
        pairs = [(s.x(), s.y()) for s in of_model if self._is_training(s)]
        whole = [(x, y) for x, y in pairs if x is not None and y is not None and len(x) == len(y)]
        alike = [(x, y) for x, y in whole if x.shape[1:] == whole[0][0].shape[1:]]
        return (np.concatenate([x for x, _ in alike]), np.concatenate([y for _, y in alike])) if alike else (None, None)

    def _number(self, seen: Any) -> int:
        return next((i for i, s in enumerate(self.session.loaders.table.values()) if s is seen), -1)

    def _is_training(self, source: Source) -> bool:
        return self.session.loaders.is_trained(source.seen) if source.seen is not None else source.trained

    def _held(self, sources: list[Source], trained: list[Source], first: Source) -> list[Source]:
        """Return what is only judged by, one source a data set, of the models this stage trains."""
        ours = {s.root for s in trained}
        others = {s.root for s in self.capture.sources.values() if self._is_training(s)} - ours
        found: dict[Any, Source] = {}
        for s in sources:
            if s in trained or s.root in others or s.rows == 0:
                continue
            if s.seen is None and (not s.ys or same_tensor(s, first)):
                continue
            key = s.seen.loader.dataset if s.seen is not None else None
            found.setdefault(id(key) if key is not None else id(s), s)
        return list(found.values())

    def _compared(self, fact: SurveyFact, train: Side, held: list[Side], until: float) -> SurveyFact:
        """Return the row with what each further look adds, as long as there is time; a failed look is named."""
        parts: dict[str, Any] = {}
        looks: dict[str, Any] = {
            "overlaps": lambda: tuple(
                o for i, _ in enumerate(held) if (o := self._overlap(train, held, i)) is not None
            ),
            "mismatches": lambda: tuple(
                m for i, h in enumerate(held) if (m := self._mismatch(train, h, i)) is not None
            ),
            "alignments": lambda: self._alignments(train, held),
            "stump": lambda: self._stump(train),
            "rereads": lambda: rereading.rereads(train, held),
            "workers": lambda: rereading.workers(train, self._number(train.source.seen)),
            "transform": lambda: rereading.transform(train),
            "noise": lambda: self._noise(train, held),
            "reassigned": lambda: reassigned(*self._entered(train.source)),
        }
        for name, look in looks.items():
            if time.monotonic() > until:
                break
            try:
                parts[name] = look()
            except Exception as error:
                self.session.failed(f"survey {name}", error)
        return dataclasses.replace(fact, **parts)

    def _overlap(self, train: Side, sides: list[Side], number: int) -> Any:
        held = sides[number]
        if held.mixed:
            return None
        if train.stored is not None and held.stored is not None and held.data is train.data:
            a, b = (datasets.positions(x.source.seen.loader) for x in (train, held))
            if a is not None and b is not None and len(a) == len(b) and (a == b).all():
                return None  # the training set itself is judged by: another rule's matter
        beside = [s.samples for s in sides if s is not held]
        row = examine.overlaps(train.samples, held.samples, number, same_rows(train, held), beside)
        lines = [*reversed(self.splits.lines)]
        made = [held.made] if held.made is not None else []
        split = [*made, *lines] if isinstance(held.data, Subset) else [*lines, *made]
        return None if row is None else dataclasses.replace(row, split=tuple(dict.fromkeys(split)))

    def _mismatch(self, train: Side, held: Side, number: int) -> Any:
        row = examine.mismatch(train.samples, held.samples, number)
        if row is None or not (row.apart > ASKED_FROM or row.columns_apart or row.order not in {(), (0, 1, 2)}):
            return row
        order = row.order if row.order != (0, 1, 2) else ()
        found = remapped.proof(self.session, held.source.module, train.samples, held.samples, order)
        return dataclasses.replace(row, **found)

    def _alignments(self, train: Side, held: list[Side]) -> tuple[AlignmentFact, ...]:
        rows = [*examine.alignments(train.samples, [h.samples for h in held])]
        whole = train.whole()
        rows += examine.alignments(whole, []) if whole is not None else ()
        base = train.base() if not any(r.z_here >= FITS for r in rows) else None
        rows += [dataclasses.replace(r, level="base") for r in examine.alignments(base, [])] if base is not None else []
        if not any(r.z_here >= FITS for r in rows):  # else there is nothing to explain
            rows += [
                dataclasses.replace(r, level="source")
                for pair in whole_lists(train.samples, self.splits.before)
                for r in examine.alignments(pair, [])
            ]
        return tuple(dataclasses.replace(r, place=text_order()) if r.how == "names" else r for r in rows)

    @staticmethod
    def _stump(train: Side) -> Any:
        row = examine.stump(train.samples)
        if row is None:
            return None
        name, place = columns.column(row.columns, row.column)
        return dataclasses.replace(row, name=name, place=place)

    @staticmethod
    def _noise(train: Side, held: list[Side]) -> Any:
        rows = [examine.noise(s.samples, i) for i, s in enumerate([train, *held[:1]], start=-1)]
        return tuple(r for r in rows if r is not None)
