"""The training waits for its data.

## What is wrong
Batches are made more slowly than they are used: the model and its device stand still while a sample is
read, decoded and transformed.

## Why it hurts
The run takes longer by the time that is waited, and a faster device or a smaller model would change nothing.

## How it is found
While a program is watched, the time that each step waits for its batches is set beside the time of the whole
step. Evaluation passes are left out; on a GPU, waiting counts only while the device has nothing to do.
`torchladder loader` times a few seconds of the program's own steps, sees where the time of a batch goes, and tries
other settings on the loader itself: what it names first has been measured.

## What to do
First the setting that fits: worker processes (`num_workers`) where there are none, workers that stay
(`persistent_workers=True`) where the wait is at the start of each pass, more of them while cores are free.
Then less work for each sample: keep decoded samples, simplify transforms, or do them on the GPU for a whole
batch. On a CPU the workers share its cores with the training, and less is won.

## When it is a false alarm
Short runs, and steps so small that a worker process costs more than it brings, are left alone. Samples that
are computed on purpose (a simulation, a model that makes data) take the time they take.

## Sources
https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html
https://docs.pytorch.org/docs/stable/data.html#disable-automatic-batching
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.feeding_facts import FeedingFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.feeding.setting import advice, best_of, gain, present, setting
from torchladder.rules.registry import Plant, limit, rule

WORKERS = 4  # what is tried first, within the cores there are
DEVICES = {"cpu", "cuda"}  # where it is known whether the device was at work


@dataclass(frozen=True, slots=True)
class Limits:
    """When a wait is worth a word."""

    share: float = limit(0.3, unit="share of the time", why="less is hardly noticed, and often hidden elsewhere")
    lost: float = limit(20.0, unit="seconds waited", why="less is not worth a change")
    each: float = limit(0.005, unit="seconds a step", why="a batch from a worker process takes a millisecond, too")
    steps: float = limit(50, unit="steps", why="the first ones wait for files that are read for the first time")
    start: float = limit(0.5, unit="share of the waiting", why="at the first batch of each pass")
    passes: float = limit(3, unit="passes", why="the first start cannot be saved")
    timed: float = limit(8, unit="steps", why="timed by themselves, when that is what was asked for")
    some: float = limit(0.1, unit="share of the time", why="with less, the loader is not what to work at")
    tiny: float = limit(0.001, unit="seconds a batch", why="what is made in less is not worth a word")
    most: float = limit(0.4, unit="share of a batch's time", why="a part with less is not what makes it slow")


SLOW = "train_set = TensorDataset(images[:1400], labels[:1400])"
SLEEPY = """class Slow(TensorDataset):
        def __getitem__(self, index):
            __import__("time").sleep({seconds})
            return super().__getitem__(index)

    train_set = Slow(images[:1400], labels[:1400])"""


@rule(
    "TL901",
    rung=6,
    severity=Severity.WARNING,
    needs=("feeding",),
    limits=Limits,
    plants=(
        Plant("digits_cnn", SLOW, SLEEPY.format(seconds=0.003)),
        Plant(
            "digits_mlp",
            "for xb, yb in train_loader:",
            "train_loader.collate_fn = lambda rows: __import__('time').sleep(0.1)"
            " or torch.utils.data.default_collate(rows)\n    for xb, yb in train_loader:",
        ),
    ),
    near_misses=(
        Plant("digits_cnn", SLOW, SLEEPY.format(seconds=0.00002)),
        Plant(
            "digits_cnn",
            "test_set = TensorDataset(images[1400:], labels[1400:])",
            SLEEPY
            .format(seconds=0.01)
            .replace("train_set", "test_set")
            .replace("images[:1400], labels[:1400]", "images[1400:], labels[1400:]"),
        ),
    ),
)
def loader_bound(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the loader that is waited for longest."""
    slow = [f for f in facts.feeding or () if _waits(f, limits)]
    if not slow:
        yield from _remark(facts, limits)
        return
    found = max(slow, key=lambda f: f.waited)
    yield loader_bound.finding(
        f"training waits for data {found.waited / found.seconds:.0%} of the time",
        where=(found.place,) if found.place is not None else (),
        seen=(
            Measurement("seconds waited for batches", round(found.waited, 1), unit=f"of {found.seconds:.1f}"),
            Measurement("milliseconds waited at a step", round(1e3 * found.waited / found.steps, 1)),
            Measurement("worker processes of the loader", found.num_workers),
        ),
        notes=(f"{found.cores} cores, batches of {found.batch_size}, {found.dataset}",),
        remark="is waited for" if found.timed else "waits for its batches",
        fixes=_measured(found, limits) if found.tried else _fixes(found, limits),
    )


def _remark(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a note on a setting that was tried and does better, where nothing is wrong without it."""
    for f in facts.feeding or ():
        best = best_of(f)
        share = f.waited / f.seconds if f.steps and f.seconds else None
        base = present(f)
        if best is None or base is None or not base.seconds or base.seconds < limits.tiny:
            continue
        if share is not None and share < limits.some:
            continue
        what = "training steps are" if f.tried_on == "training" else "batches come"
        yield loader_bound.finding(
            f"{what} {gain(f, best):.1f} times as fast with {setting(best.options)}",
            severity=Severity.NOTE,
            where=(f.place,) if f.place is not None else (),
            seen=(Measurement("milliseconds now", round(1e3 * base.seconds, 2)),),
            fixes=_measured(f, limits),
        )


def _waits(f: FeedingFact, limits: Limits) -> bool:
    """Return whether a good part of the time goes into waiting, over the whole run and of late."""
    if f.timed:
        enough = f.steps >= limits.timed and f.seconds > 0
        return enough and f.waited >= limits.share * f.seconds and f.waited >= limits.each * f.steps
    if f.device not in DEVICES or f.steps < limits.steps or f.waited < limits.lost or f.seconds <= 0:
        return False
    if f.waited < limits.share * f.seconds or f.waited < limits.each * f.steps:
        return False
    return _at_start(f, limits) or (f.recent is not None and f.recent >= limits.share)


def _at_start(f: FeedingFact, limits: Limits) -> bool:
    """Return whether it is mostly the start of each pass that is waited for."""
    return f.num_workers > 0 and f.passes >= limits.passes and f.first_waited >= limits.start * f.waited


def _fixes(f: FeedingFact, limits: Limits) -> tuple[Fix, ...]:
    """Return what to change first, and what next."""
    less = Fix("do less for each sample: keep decoded samples, simplify transforms", Trust.IDEA)
    if _at_start(f, limits) and not f.persistent_workers:
        return (Fix("keep the workers between passes: `persistent_workers=True`"), less)
    if f.dataset == "TensorDataset" and f.num_workers == 0:
        whole = "index the tensors by whole batches: `sampler=BatchSampler(...)` with `batch_size=None`"
        return (Fix(whole), less)
    workers = min(WORKERS, f.cores) if f.num_workers == 0 else min(2 * f.num_workers, f.cores)
    if workers > max(f.num_workers, 1):
        return (Fix(f"load with worker processes: `num_workers={workers}`"), less)
    return (less,)


def _measured(f: FeedingFact, limits: Limits) -> tuple[Fix, ...]:
    """Return the setting that did best, with both measurements, then what makes a batch slow."""
    best, base = best_of(f), present(f)
    less = _less(f, limits)
    if best is None or base is None or not best.seconds or not base.seconds:
        return (less,)
    what = "training steps a second" if f.tried_on == "training" else "batches a second"
    return (
        Fix(
            f"change first: {advice(best.options)}",
            change=Change("loader_settings", dict(best.options)),
            verified=True,
            before=Measurement(what, round(1 / base.seconds, 2)),
            after=Measurement(what, round(gain(f, best) / base.seconds, 2)),
        ),
        less,
    )


def _less(f: FeedingFact, limits: Limits) -> Fix:
    """Return advice on the part that takes most of a batch's time."""
    total = sum(p.seconds for p in f.parts)
    part = max(f.parts, key=lambda p: p.seconds, default=None)
    if part is None or part.seconds < limits.most * total:
        return Fix("do less for each sample: keep decoded samples, simplify transforms", Trust.IDEA)
    share = f"{part.seconds / total:.0%} of a batch"
    if part.name == "transform":
        name = next(iter(part.steps), "the transforms")
        return Fix(f"keep what `{name}` gives, simplify it, or do it on the GPU ({share})", Trust.IDEA)
    if part.name == "reading" and part.idle > part.seconds / 2:
        return Fix(f"read from memory, a nearer disk or fewer, larger files ({share} is waiting for them)", Trust.IDEA)
    if part.name == "reading":
        return Fix(f"keep samples decoded, as arrays: reading them takes {share}", Trust.IDEA)
    if part.name == "collate":
        return Fix(f"put batches together with less copying: `collate_fn` takes {share}", Trust.IDEA)
    return Fix(f"copy less: smaller types, `pin_memory=True` ({share} is the copy)", Trust.IDEA)
