"""The program on a small share of its training data: every other line of it as it is.

Training loaders read a fixed, seeded choice of their samples, or where the choice is not theirs to
make (custom samplers, streams) the first batches of each pass. The run ends when its time or its
steps are over. With ``blind`` the labels of every training batch are dealt out anew among its
samples: what is learned then is what can be learned without the inputs.
"""

import time
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, Subset

from torchladder.probes.interceptor import Call
from torchladder.probes.loaders import n_samples
from torchladder.probes.losses import LOSSES
from torchladder.probes.phases import Phase
from torchladder.probes.session import Session

BATCHES_MIN = 4  # batches an epoch keeps at least
EVALUATION_BATCHES = 20  # and those of an evaluation pass at most
SEED = 0


class Small:
    """The experiment.

    Args:
        session: The observed run.
        share: Of the training samples that is kept, at least ``BATCHES_MIN`` batches.
        part: Which of the shares: the parts of one share have no sample in common.
        loaders: Of those that were trained on when the program was observed: path and line that made them, and
            their number of samples.
        seconds: Wall seconds after which the run is stopped at its next step.
        steps: Optimizer steps after which it is stopped, None for no limit.
        blind: Whether labels are dealt out anew.
    """

    def __init__(
        self,
        session: Session,
        *,
        share: float,
        loaders: list[list[Any]],
        seconds: float,
        steps: int | None = None,
        blind: bool = False,
        part: int = 0,
    ) -> None:
        self.session, self.share, self.training = session, share, {tuple(x) for x in loaders}
        self.seconds, self.steps, self.part = seconds, steps, part
        self.started = time.monotonic()
        self.chosen: dict[int, Any] = {}
        self.kept: dict[str, int] = {}
        self.blind = Blind() if blind else None

    def install(self) -> None:
        """Take the loaders' place, and watch the clock."""
        if self.blind is not None:
            self.session.interceptor.listeners.append(self.blind)
        natural = DataLoader.__len__

        def length(loader: Any) -> int:
            n = natural(loader)
            if not self._trains(loader):
                return n
            return natural(self._smaller(loader)) if self._can_choose(loader) else self._share_of(n)

        DataLoader.__len__ = length  # type: ignore[method-assign]
        self.session.loaders.substitute = self._smaller
        self.session.loaders.limit = self._limit
        self.session.on_step.append(self._step)

    def _trains(self, loader: Any) -> bool:
        """Tell whether a loader is one of those that were trained on."""
        place = self.session.loaders.created.get(id(loader))
        return (*((place.path, place.line) if place else (None, None)), n_samples(loader)) in self.training

    @staticmethod
    def _can_choose(loader: Any) -> bool:
        """Tell whether the loader's samples may be chosen: not where a sampler of the program's own does that."""
        if isinstance(loader.dataset, IterableDataset) or loader.batch_size is None:
            return False
        return type(loader.sampler).__name__ in {"RandomSampler", "SequentialSampler"}

    def _smaller(self, loader: Any) -> Any:
        """Return a loader over the chosen samples of a training loader, others as they are."""
        if loader in self.chosen.values() or not (self._trains(loader) and self._can_choose(loader)):
            return loader
        key = id(loader)
        if key not in self.chosen:
            self.chosen[key] = self._choose(loader)
        return self.chosen[key]

    def _choose(self, loader: Any) -> Any:
        n, size = len(loader.dataset), int(loader.batch_size)
        wanted = min(n, max(BATCHES_MIN * size, round(self.share * n)))
        generator = torch.Generator().manual_seed(SEED)
        rows = torch.randperm(n, generator=generator)[self.part * wanted :][:wanted].tolist()
        self.kept = {"samples": len(rows), "of": n}
        return DataLoader(
            Subset(loader.dataset, sorted(rows)),
            size,
            shuffle=type(loader.sampler).__name__ == "RandomSampler",
            collate_fn=loader.collate_fn,
            drop_last=loader.drop_last,
        )

    def _limit(self, seen: Any) -> int | None:
        """Return how many batches a pass gets where the samples could not be chosen."""
        if id(seen.loader) in self.chosen:
            return None
        if not self._trains(seen.loader):
            return EVALUATION_BATCHES
        return self._share_of(seen.length())

    def _share_of(self, batches: int | None) -> int:
        return BATCHES_MIN if batches is None else min(batches, max(BATCHES_MIN, round(self.share * batches)))

    def _step(self, _phase: Phase | None) -> None:
        late = time.monotonic() - self.started > self.seconds
        if late or (self.steps is not None and self.session.steps >= self.steps):
            self.session.control.stop("late" if late else "done")

    def collect(self) -> dict[str, Any]:
        """Return the facts and what was kept of the data."""
        dealt = self.blind.dealt if self.blind is not None else 0
        return {**self.session.collect(), "kept": self.kept, "dealt": dealt}


class Blind:
    """Deals the targets of every training loss out anew among the samples of its batch."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(SEED)
        self.dealt = 0

    def before(self, call: Call) -> None:
        """Permute the rows of the target, where there is more than one."""
        target = call.argument(1, "target")
        if call.name not in LOSSES or not torch.is_grad_enabled() or not isinstance(target, torch.Tensor):
            return
        if target.dim() and target.shape[0] > 1 and not target.requires_grad:
            order = torch.randperm(target.shape[0], generator=self.generator).to(target.device)
            call.replace(1, "target", target[order])
            self.dealt += 1

    def after(self, call: Call) -> None:
        """Leave the result as it is."""
