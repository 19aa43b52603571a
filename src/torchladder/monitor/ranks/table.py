"""The rows of all processes, compared: what the first process keeps, and gives out as facts."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

from torchladder.core.distributed_facts import RankNormFact, RoundFact, UnusedFact
from torchladder.core.findings import Place
from torchladder.monitor.ranks.replica import Replica
from torchladder.monitor.ranks.row import BUCKETS, NOTHING, Flag, Row, bucket

FIRST, LATEST = 16, 48  # rounds that are remembered
NAMED = 3  # parameters, or runs of them, that are named
PAIR = 2


class Table:
    """Everything compared so far, for every optimizer by its number."""

    def __init__(self, world: int) -> None:
        self.world = world
        self.replicas: dict[int, Replica] = {}
        self.places: dict[int, Place | None] = {}
        self.rounds: list[RoundFact] = []
        self.norms: dict[int, RankNormFact] = {}
        self.unused: dict[int, UnusedFact] = {}

    def add(self, rows: Sequence[Row]) -> None:
        """Take in one round: compare those who stood at the same step, in each group of replicas."""
        groups: dict[tuple[int, int, int, int], list[Row]] = {}
        for row in sorted(rows, key=lambda r: r.rank):
            groups.setdefault((row.phase, row.step, row.group, row.tensors), []).append(row)
        for (phase, _, _, _), alike in groups.items():
            if len(alike) >= PAIR and phase in self.replicas:
                self.rounds.append(self._round(alike))
                self._norm(alike)
            if phase in self.replicas and alike[0].flags & Flag.DDP:
                self._unused(alike)
        if len(self.rounds) > FIRST + LATEST:
            del self.rounds[FIRST : len(self.rounds) - LATEST]

    def facts(self) -> dict[str, Any]:
        """Return the fields of Facts that are known."""
        return {
            "rounds": tuple(self.rounds),
            "rank_norms": tuple(self.norms.values()),
            "unused": tuple(self.unused.values()),
        }

    def _round(self, rows: list[Row]) -> RoundFact:
        first, flags = rows[0], Flag(rows[0].flags)
        versions = Counter(r.weights for r in rows)
        usual = versions.most_common(1)[0][0]
        usual = first.weights if versions[usual] == versions[first.weights] else usual
        like = next(r for r in rows if r.weights == usual)
        odd = next((r for r in rows if r.weights != usual), None)
        seen = [r.inputs for r in rows]
        looked = all(r.flags & Flag.GRADIENTS for r in rows)
        replica = self.replicas[first.phase]
        return RoundFact(
            phase=first.phase,
            step=first.step,
            final=bool(flags & Flag.FINAL),
            ranks=len(rows),
            world=self.world,
            wrapper=replica.kind if flags & (Flag.DDP | Flag.FSDP) else None,
            synced=not any(r.flags & Flag.UNSYNCED for r in rows),
            sharded=any(r.flags & Flag.SHARDED for r in rows),
            sampler=all(r.flags & Flag.SAMPLER for r in rows),
            weights=len(versions),
            gradients=len({r.gradients for r in rows}) if looked else None,
            apart=max(abs(r.total - like.total) for r in rows) / max(like.norm, 1e-30),
            differing=_names(replica, like, odd) if odd is not None else (),
            odd_rank=odd.rank if odd is not None else None,
            gradient_zero=all(r.flags & Flag.GRADIENT_ZERO for r in rows),
            inputs=len(set(seen)) if all(seen) else None,
            input_key=f"{seen[0]:x}" if all(seen) else None,
            input_rows=first.input_rows,
            place=self.places.get(first.phase),
        )

    def _norm(self, rows: list[Row]) -> None:
        """Take in how far the statistics of the batch norm with the fewest values lie apart."""
        first, replica = rows[0], self.replicas[rows[0].phase]
        layers = replica.norms()
        if any(r.norm_layer != first.norm_layer for r in rows) or first.norm_layer >= len(layers):
            return
        apart = _spread(rows)
        before = self.norms.get(first.phase)
        if apart is None or (before is not None and before.module != layers[first.norm_layer][0]):
            return
        n = before.rounds if before is not None else 0
        mean = (((before.apart if before is not None else 0.0) ** 2 * n + apart**2) / (n + 1)) ** 0.5
        self.norms[first.phase] = RankNormFact(
            phase=first.phase,
            module=layers[first.norm_layer][0],
            rows=min(r.norm_rows for r in rows),
            values=min(r.norm_values for r in rows),
            ranks=len(rows),
            rounds=n + 1,
            apart=mean,
            place=self.places.get(first.phase),
        )

    def _unused(self, rows: list[Row]) -> None:
        """Take in which parameters had no gradient, the first look in full and the later ones as a count."""
        first, flags = rows[0], Flag(rows[0].flags)
        if flags & Flag.FINAL or any(r.flags & Flag.UNSYNCED for r in rows):
            return
        names = [name for name, _ in self.replicas[first.phase].parameters]
        lacking = [r for r in rows if r.unused]
        before = self.unused.get(first.phase)
        always = len(lacking) == len(rows) and len({r.first_unused for r in rows}) == 1
        if before is not None:
            same = always and names[first.first_unused] in before.names[:1]
            self.unused[first.phase] = dataclasses.replace(before, always=before.always + same, looks=before.looks + 1)
            return
        self.unused[first.phase] = UnusedFact(
            phase=first.phase,
            step=first.step,
            find_unused=bool(flags & Flag.FIND_UNUSED),
            static_graph=bool(flags & Flag.STATIC_GRAPH),
            ranks=len(lacking),
            of=len(rows),
            names=tuple(names[r.first_unused] for r in lacking[:1] if r.first_unused < len(names)),
            most=max((r.unused for r in lacking), default=0),
            always=int(always),
            looks=1,
            place=self.places.get(first.phase),
        )


def _names(replica: Replica, like: Row, odd: Row) -> tuple[str, ...]:
    """Return what differs between two processes: parameters, or runs of them where there are many."""
    names = [name for name, _ in replica.parameters]
    found = []
    for at in range(BUCKETS):
        if like.weights[at] != odd.weights[at]:
            run = [n for i, n in enumerate(names) if bucket(i, len(names)) == at]
            found.append(run[0] if len(run) == 1 else f"{run[0]} … {run[-1]}" if run else "?")
    return tuple(found[:NAMED])


def _spread(rows: list[Row]) -> float | None:
    """Return the deviation of the processes' means in units of the input's own deviation, over the channels."""
    if rows[0].norm_layer == NOTHING:
        return None
    shares = []
    for channel in range(len(rows[0].means)):
        means = [r.means[channel] for r in rows]
        centre = sum(means) / len(means)
        between = sum((m - centre) ** 2 for m in means) / (len(means) - 1)
        whole = sum(r.stds[channel] ** 2 for r in rows) / len(rows) + between
        if whole > 0 and whole - whole == 0:
            shares.append(between / whole)
    return (sum(shares) / len(shares)) ** 0.5 if shares else None
