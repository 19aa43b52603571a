"""One loader of a program, and what its loop iterates in place of the loader's own iterator."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from torchladder.core.findings import Place
from torchladder.feeding.passes import Pass, now
from torchladder.feeding.settings import length


@dataclass
class Fed:
    """One loader of the program."""

    loader: Any
    place: Place | None
    natural: list[Pass] = field(default_factory=list)
    trained: int = 0  # batches that a training step followed
    served: int = 0
    passes: int = 0  # begun
    plan: Generator[Any, None, None] | None = None
    done: bool = False
    kept: Any = None  # its first batch

    @property
    def steps(self) -> int:
        """Batches of which it is known how long they were used."""
        return sum(len(p.works) for p in self.natural)

    def per_pass(self) -> int | None:
        """Return the batches of a pass, as the program draws them."""
        ended = self.natural[:-1]
        if ended and not any(p.whole for p in ended):
            return max(round(sum(p.batches for p in ended) / len(ended)), 1)
        return length(self.loader)


class Server(Protocol):
    """Whoever hands out the batches."""

    def serve(self, stream: "Stream") -> Any:
        """Return the next batch of a stream."""


class Stream:
    """What a program's loop iterates in place of the loader's own iterator."""

    def __init__(self, inner: Iterator[Any], training: "Server", fed: Fed) -> None:
        seen = Pass(int(fed.loader.num_workers))
        self.__dict__.update(_inner=inner, _training=training, _fed=fed, _seen=seen, _came=None, _began=now())

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> Any:
        return self._training.serve(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_inner"], name)

    def __len__(self) -> int:
        return len(self._inner)
