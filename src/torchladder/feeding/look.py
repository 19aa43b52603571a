"""Everything that is measured of one loader, in the order in which time runs out."""

import contextlib
import statistics
import warnings
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils.data import DataLoader

from torchladder.core.feeding_facts import FeedingFact, PartFact, TransferFact
from torchladder.core.findings import Place
from torchladder.core.machine import cores
from torchladder.feeding import anatomy
from torchladder.feeding.passes import Pass, alone, drawn
from torchladder.feeding.search import Search
from torchladder.feeding.settings import length, own, with_settings
from torchladder.feeding.transfer import measured

ALONE_SHARE = 0.1  # of the budget, for each of two passes over the loader alone
PARTS_SHARE = 0.1
SEARCH_SHARE = 0.5


@dataclass
class Look:
    """One loader under examination; whatever ends the process, what is known by then is in here."""

    loader: DataLoader[Any]
    place: Place | None
    device: str | None = None
    passes: list[Pass] = field(default_factory=list)
    parts: tuple[PartFact, ...] = ()
    search: Search | None = None
    on: str | None = None
    transfer: TransferFact | None = None

    def measure_alone(self, budget: float) -> None:
        """Draw two short passes and do nothing with them, then see where the time goes."""
        workers = int(self.loader.num_workers)
        for _ in range(2):
            made = with_settings(self.loader, {})
            seen = alone(drawn(made.__iter__, workers, seconds=ALONE_SHARE * budget, take=self.passes.append))
            if not seen.batches:
                return
        with quiet():
            self.parts = anatomy.parts_of(self.loader, PARTS_SHARE * budget)
            self.transfer = measured(self.loader, self.place)

    def tried(self, budget: float, on: str, n: int | None) -> Generator[Any, None, None]:
        """Try other settings; the batches are to be used as the program would."""
        gpu = torch.cuda.is_available()
        self.on = on
        self.search = Search(self.loader, cores(), n, self.pass_seconds(), gpu)
        with quiet():
            yield from self.search.run(budget)

    def pass_seconds(self) -> float | None:
        """Return the seconds of a pass as it is, None of a stream."""
        n = length(self.loader)
        each, first = self._alone()
        return n * each + (first or 0.0) if n is not None and each is not None else None

    def _alone(self) -> tuple[float | None, float | None]:
        seen = [p for p in self.passes if p.batches]
        if not seen:
            return None, None
        later = seen[1:] or seen  # files that are read for the first time are slow once
        return statistics.median(p.each_wait for p in later), statistics.median(p.waits[0] for p in later)

    def fact(self, **more: Any) -> FeedingFact:
        """Return its row; ``more`` is what the program's own steps have shown."""
        each, first = self._alone()
        batches = sum(p.batches for p in self.passes)
        settings = own(self.loader)
        settings.pop("prefetch_factor")
        return FeedingFact(
            place=self.place,
            dataset=type(self.loader.dataset).__name__,
            batch_size=self.loader.batch_size,
            **settings,
            cores=cores(),
            device=self.device,
            timed=True,
            n_batches=length(self.loader),
            samples=sum(p.samples for p in self.passes) / batches if batches else None,
            alone=each,
            alone_first=first,
            parts=self.parts,
            tried=self.search.facts() if self.search is not None else (),
            tried_on=self.on,
            **more,
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings about our own settings from being raised or shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
