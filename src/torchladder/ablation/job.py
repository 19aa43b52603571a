"""One run of an ablation as plain values, which any process on any machine can make, and what came of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

Kind = Literal["recipe", "script", "simple"]
COMPUTES = ("torchladder", "torch", "numpy")  # other versions of these compute other bits


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        kind: "recipe" trains by one, "script" runs a program, "simple" finds what needs no training.
        variant: Which row of the table it is of.
        content: What to run, as JSON values; "cwd" is the folder to run it in.
        identity: What decides its result: two jobs with equal identities need to be run once.
        threads: Of the computation.
    """

    kind: Kind
    variant: str
    seed: int
    content: Mapping[str, Any]
    identity: Mapping[str, Any]
    threads: int = 1

    @property
    def key(self) -> str:
        """Name of the result."""
        text = json.dumps([self.kind, self.identity, _versions()], sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


@dataclass
class Result:
    """What came of a run.

    Attributes:
        state: "ended" or "failed".
        sentence: Why it failed.
        metric: What the run itself calls its metric.
        values: Every metric of the held-out side.
        step: The smallest step of those metrics that count samples or were printed with few digits.
        seconds: Of the training, without start and reading of data where that can be told.
        cost: The same as seconds of the processor where there is no GPU, since they do not depend on what else runs.
        run: Of the record, where there is one, and its folder.
        told: Where figures come from.
        facts: More about it: samples of the held-out side, by name.
    """

    state: str
    sentence: str = ""
    metric: str = ""
    values: dict[str, float] = field(default_factory=dict)
    step: float = 0.0
    seconds: float = 0.0
    cost: float = 0.0
    run: str = ""
    folder: str = ""
    told: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether it has figures."""
        return self.state == "ended"


def failed(sentence: str) -> Result:
    """Return the result of a run that has none."""
    return Result("failed", " ".join(sentence.split())[:300])


@cache
def _versions() -> dict[str, str]:
    found = {}
    for name in COMPUTES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
