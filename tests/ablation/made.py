"""Plans whose runs are computed on the spot, for tests of everything around the runs."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from torchladder.ablation.changes import BASELINE, Variant
from torchladder.ablation.engines import Engine
from torchladder.ablation.job import Job, Result, failed
from torchladder.ablation.ledger import Ledger
from torchladder.ablation.plan import Plan
from torchladder.ablation.study import Study, conduct

Values = dict[str, list[float | str]]  # by row and seed; a text is why the run failed


def plan(names: Sequence[str], seeds: int, *, seeded: bool = True, parts: dict[str, set[str]] | None = None) -> Plan:
    """Return a plan of rows by their names."""
    whole = parts or {}
    variants = [Variant(BASELINE), *(Variant(n, (n,), frozenset(whole.get(n, {n}))) for n in names)]

    def job(variant: Variant, seed: int) -> Job:
        return Job("script", variant.name, seed, {}, {"row": variant.name, "seed": seed})

    return Plan("train.py", variants, range(seeds), job, metric="score", lower=False, seeded=seeded)


def engine(value: Callable[[str, int], float | str], log: list[tuple[str, int]] | None = None) -> Engine:
    """Return an engine whose runs give ``value(row, seed)``."""

    def run(queue: Sequence[Job]) -> Iterator[tuple[Job, Result]]:
        for job in queue:
            if log is not None:
                log.append((job.variant, job.seed))
            got = value(job.variant, job.seed)
            seconds = 2.0 if job.variant == "slow" else 1.0
            made = failed(got) if isinstance(got, str) else Result("ended", values={"score": got}, cost=seconds)
            yield job, made

    return run


def study(values: Values, folder: Path | None, **how: bool) -> Study:
    """Conduct an ablation over the values of each row."""
    names = [n for n in values if n != BASELINE]
    most = max(map(len, values.values()))
    ledger = Nowhere() if folder is None else Ledger(folder)
    return conduct(plan(names, most, **how), engine(lambda row, seed: values[row][seed]), ledger)


class Nowhere(Ledger):
    """Keeps nothing, for studies by the hundred."""

    def __init__(self) -> None:
        pass

    def find(self, job: Job) -> Result | None:
        """Nothing is ever there."""
        del job
        return None

    def keep(self, job: Job, result: Result) -> None:
        """Nothing is kept."""
