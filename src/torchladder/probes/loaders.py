"""DataLoaders as the loop receives them: order, sizes, labels along the stream.

Iteration is wrapped, never started: nothing is drawn that the program did not draw.
"""

import functools
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SequentialSampler

from torchladder.core.facts import LoaderFact
from torchladder.core.findings import Place
from torchladder.probes.guarded import unfailing
from torchladder.probes.tensors import tensors_in
from torchladder.runner.place import called_by_user, user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session

BATCHES_KEPT = 400  # label vectors remembered of one epoch
SHORT = 2  # batches an epoch is cut to, once the program is hurried to its later phases


@dataclass
class Seen:
    """One DataLoader so far."""

    loader: Any
    place: Place | None
    iters: int = 0
    served: int = 0
    singles: int = 0
    trained: int = 0
    places: list[Place] = field(default_factory=list)
    labels: list[torch.Tensor] = field(default_factory=list)
    label_index: int | None = None
    last: list[torch.Tensor] = field(default_factory=list)
    inner: Any = None
    by_library: bool = False

    def length(self) -> int | None:
        """Return how many batches an epoch has, None when it is not known."""
        return None if isinstance(self.loader.dataset, IterableDataset) else _length(self.loader)


class Stream:
    """An iterator over a loader's batches that tells the session what it hands out."""

    def __init__(self, inner: Iterator[Any], loaders: "Loaders", seen: Seen) -> None:
        self.__dict__.update(_inner=inner, _loaders=loaders, _seen=seen, _given=0)

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> Any:
        return self._loaders.serve(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __len__(self) -> int:
        return len(self._inner)


class Loaders:
    """Wraps ``DataLoader.__iter__``."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.table: dict[int, Seen] = {}
        self.created: dict[int, Place | None] = {}
        self.current: Seen | None = None  # the loader whose batch the program works on
        self._going: list[weakref.ref[Stream]] = []  # passes that have begun and not ended, the innermost last
        self.cut_short = False
        self.short = SHORT
        self._passes = 0
        self.replay: Any = None  # an experiment that answers in the loader's place
        self.limit: Any = None  # an experiment that says how many batches a pass over a loader gets
        self.substitute: Any = None  # an experiment that draws in another order
        self.advance = False  # an experiment in which a new iterator goes on where the last one was

    def install(self) -> None:
        """Start to look."""
        original_init, original = DataLoader.__init__, DataLoader.__iter__

        @functools.wraps(original_init)
        def init(loader: Any, *args: Any, **kwargs: Any) -> None:
            self.created[id(loader)] = user_place()
            original_init(loader, *args, **kwargs)

        @functools.wraps(original)
        def iterate(loader: Any) -> Any:
            seen = self.table.get(id(loader))
            if seen is None:
                seen = self.table[id(loader)] = Seen(loader, self.created.get(id(loader)))
            place = user_place()
            if place is not None and place not in seen.places and len(seen.places) < 4:  # noqa: PLR2004
                seen.places.append(place)
            seen.iters += 1
            seen.by_library = not called_by_user()
            if self.advance and seen.inner is not None and seen.singles > 1:
                return Stream(seen.inner, self, seen)
            chosen = loader
            if self.substitute is not None and (seen.trained or seen.iters == 1):
                chosen = self.substitute(loader)
            with self.session.quiet():
                seen.inner = original(chosen)
            return Stream(seen.inner, self, seen)

        DataLoader.__init__ = init  # type: ignore[assignment,method-assign]
        DataLoader.__iter__ = iterate  # type: ignore[method-assign]

    def serve(self, stream: Stream) -> Any:
        """Hand out the next batch."""
        seen: Seen = stream._seen  # noqa: SLF001
        given = stream._given  # noqa: SLF001
        self._note_training()
        limit = self.limit(seen) if self.limit is not None else self.short if self.cut_short else None
        if limit is not None and given >= limit:
            self._end(stream)
            raise StopIteration
        try:  # what the data set computes in there is the program's own, and seen
            batch = self.replay(stream, seen, given) if self.replay is not None else next(stream._inner)  # noqa: SLF001
        except StopIteration:
            self._end(stream)
            raise
        stream.__dict__["_given"] = given + 1
        seen.served += 1
        seen.singles += 1 if given == 0 else -1 if given == 1 else 0
        self.current = seen
        if not self._going or self._going[-1]() is not stream:
            self._drop(stream)
            self._going.append(weakref.ref(stream))
        self._keep(seen, batch)
        return batch

    def _end(self, stream: Stream) -> None:
        """Return to the pass that this one stood in: a validation inside an epoch is not what is trained on next."""
        self._drop(stream)
        outer = self._going[-1]() if self._going else None
        if outer is not None:
            self.current = outer._seen  # noqa: SLF001

    def _drop(self, stream: Stream) -> None:
        """Forget a pass, and those that were abandoned."""
        self._going = [r for r in self._going if r() is not None and r() is not stream]

    @unfailing("loaders")
    def _note_training(self) -> None:
        """A backward pass since this loader's last batch makes it a training loader."""
        if self.current is not None and self.session.backward.count > self._passes:
            self.current.trained += 1
            if self.current.label_index is None:
                self._find_labels(self.current)
        self._passes = self.session.backward.count

    @unfailing("loaders")
    def _keep(self, seen: Seen, batch: Any) -> None:
        tensors = list(tensors_in(batch))
        seen.last = tensors
        if seen.label_index is not None and len(seen.labels) < BATCHES_KEPT and len(tensors) > seen.label_index:
            labels = tensors[seen.label_index]
            if labels.dim() == 1:
                seen.labels.append(labels.detach().clone())

    def _find_labels(self, seen: Seen) -> None:
        """Find which element of the batch the loss was given as class indices."""
        with self.session.quiet():
            for phase in self.session.phases[-1:]:
                for call in phase.loss_calls[-1:]:
                    for i, t in enumerate(seen.last):
                        target = call.target
                        if (
                            target is not None
                            and t.dim() == 1
                            and t.shape == target.shape
                            and not t.is_floating_point()
                            and call.label_counts is not None
                            and int(t.min()) == target.min
                        ):
                            seen.label_index = i
                            seen.labels.append(t.detach().clone())
                            return

    def facts(self) -> tuple[LoaderFact, ...]:
        """Return one row a loader."""
        return tuple(self._fact(i, s) for i, s in enumerate(self.table.values()))

    def is_trained(self, seen: Seen) -> bool:
        """Tell whether a backward pass followed a batch of this loader."""
        return bool(seen.trained) or (self.current is seen and self.session.backward.count > self._passes)

    def _fact(self, number: int, seen: Seen) -> LoaderFact:
        loader = seen.loader
        iterable = isinstance(loader.dataset, IterableDataset)
        n = n_samples(loader)
        return LoaderFact(
            id=number,
            role="train" if self.is_trained(seen) else "eval" if seen.served else "unused",
            place=seen.place,
            dataset=type(loader.dataset).__name__,
            n_samples=n,
            batch_size=loader.batch_size,
            n_batches=None if iterable else _length(loader),
            order=None if iterable else _order(loader),
            drop_last=bool(loader.drop_last),
            num_workers=int(loader.num_workers),
            iters=seen.iters,
            served=seen.served,
            single_batch_iters=seen.singles,
            by_library=seen.by_library,
            iter_places=tuple(seen.places),
            **_label_order(seen.labels),
        )


def n_samples(loader: Any) -> int | None:
    """Return how many samples a loader's data set has, None for streams and where it does not say."""
    return None if isinstance(loader.dataset, IterableDataset) else _length(loader.dataset)


def _length(x: Any) -> int | None:
    try:
        return len(x)
    except (TypeError, NotImplementedError):
        return None


def _order(loader: Any) -> str:
    sampler = getattr(loader.batch_sampler, "sampler", loader.sampler)
    if isinstance(sampler, RandomSampler) or type(sampler).__name__ in {"SubsetRandomSampler", "WeightedRandomSampler"}:
        return "random"
    batch_sampler = type(loader.batch_sampler).__name__
    plain = isinstance(sampler, SequentialSampler) and batch_sampler in {"BatchSampler", "NoneType"}
    return "sequential" if plain else "other"


def _label_order(labels: list[torch.Tensor]) -> dict[str, Any]:
    """Return how labels run along the stream against what a random order would show."""
    if not labels or any(x.is_floating_point() for x in labels):
        return {}
    stream = torch.cat([x.reshape(-1) for x in labels])
    if stream.numel() < 8:  # noqa: PLR2004 - too few to tell an order
        return {}
    share = torch.unique(stream, return_counts=True)[1].double() / stream.numel()
    return {
        "label_runs": float((stream[1:] == stream[:-1]).double().mean()),
        "label_runs_expected": float((share**2).sum()),
        "batch_label_counts": tuple(int(torch.unique(x).numel()) for x in labels[:64]),
        "n_labels": int(share.numel()),
    }
