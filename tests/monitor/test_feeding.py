"""What a watched run knows of its loaders: waits of steps, and what does not belong to them."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import torchladder
from torchladder.core.feeding_facts import FeedingFact
from torchladder.core.findings import Finding, Place
from torchladder.monitor.feeding import Feeding
from torchladder.rules.feeding.loader_bound import Limits, loader_bound

AT = Place("t.py", 3)


def loader(n: int = 8, **options: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.zeros(n, 2)), batch_size=2, **options)


def stepped(feeding: Feeding, *ends: float) -> None:
    feeding.ends += ends
    feeding.take_in()


def row(feeding: Feeding, number: int = 0) -> FeedingFact:
    found: FeedingFact = feeding.facts()["feeding"][number]
    return found


def test_a_wait_is_part_of_the_step_that_used_the_batch() -> None:
    """Each step of a second waits 0.4 of it, the first of a pass 0.8; the very first has no beginning."""
    feeding, data = Feeding(), loader()
    now = 0.0
    for _ in range(3):
        feeding.opened(data, lambda: AT, now)
        for i in range(4):
            wait = 0.4 if i else 0.8
            feeding.served(data, wait, now + wait)
            now += 1.0
            stepped(feeding, now)

    fact = row(feeding)
    assert (fact.place, fact.passes, fact.batches, fact.steps, fact.seconds) == (AT, 3, 12, 11, 11.0)
    assert fact.waited == pytest.approx(2 * 0.8 + 9 * 0.4)
    assert fact.first_waited == pytest.approx(1.6)
    assert fact.recent is None


def test_steps_may_be_taken_in_many_at_a_time() -> None:
    """The order is that of the times, passes included."""
    rows = []
    for together in (1, 7):
        feeding, data, ends = Feeding(), loader(), []
        for i in range(21):
            if i % 3 == 0:
                feeding.opened(data, lambda: AT, float(i))
            feeding.served(data, 0.1 + i % 3, i + 0.5)
            ends.append(i + 1.0)
            if len(ends) == together:
                stepped(feeding, *ends)
                ends = []
        rows.append(row(feeding))

    assert rows[0] == rows[1]
    assert (rows[0].passes, rows[0].steps, rows[0].batches) == (7, 20, 21)


def test_batches_without_steps_are_not_remembered_for_ever() -> None:
    """As in a program that only predicts."""
    feeding, data = Feeding(), loader()
    feeding.opened(data, lambda: AT, 0.0)
    for i in range(20_000):
        feeding.served(data, 0.1, float(i))

    assert len(feeding._notes) + len(feeding._served) < 3000


def test_an_evaluation_between_two_steps_belongs_to_neither() -> None:
    """The step after it begins with its own batch, and the other loader's waits are not the training's."""
    feeding, train, val = Feeding(), loader(), loader()
    for one in (train, val):
        feeding.opened(one, lambda: AT, 0.0)
    feeding.served(train, 0.1, 0.1)
    stepped(feeding, 1.0)
    for i in range(50):
        feeding.served(val, 0.9, 2.0 + i)
    feeding.served(train, 0.25, 60.25)
    stepped(feeding, 61.0)

    assert (row(feeding).steps, row(feeding).seconds, row(feeding).waited) == (1, 1.0, 0.25)
    assert (row(feeding, 1).steps, row(feeding, 1).batches, row(feeding, 1).waited) == (0, 50, 0.0)


def test_steps_without_a_batch_of_their_own_count_for_the_last_one() -> None:
    """Four steps on each batch: a quarter of the waits."""
    feeding, data = Feeding(), loader()
    feeding.opened(data, lambda: AT, 0.0)
    for i in range(40):
        if i % 4 == 0:
            feeding.served(data, 0.5, i + 0.5)
        stepped(feeding, i + 1.0)

    assert (row(feeding).steps, row(feeding).seconds, row(feeding).waited) == (39, 39.0, 4.5)


def test_a_wait_while_the_device_works_is_hidden() -> None:
    """What is queued on a GPU is not done when the batch comes."""
    feeding, data = Feeding(), loader()
    feeding.opened(data, lambda: AT, 0.0)
    stepped(feeding, 0.0)
    for i in range(10):
        feeding.done = SimpleNamespace(query=lambda i=i: i < 4)
        feeding.served(data, 0.5, i + 0.5)
        stepped(feeding, i + 1.0)

    assert (row(feeding).waited, row(feeding).hidden) == (2.0, 3.0)


def test_loaders_that_one_line_makes_anew_are_one() -> None:
    """A loader for each epoch, of the same settings, while the one before is gone."""
    feeding = Feeding()
    for epoch in range(5):
        data = loader()
        feeding.opened(data, lambda: AT, float(epoch))
        feeding.served(data, 0.1, epoch + 0.1)
        stepped(feeding, epoch + 1.0)
        del data

    assert [f.passes for f in feeding.facts()["feeding"]] == [5]


class Slow(TensorDataset):
    """Samples that take so many seconds each."""

    def __init__(self, seconds: float, n: int) -> None:
        super().__init__(torch.randn(n, 8))
        self.seconds = seconds

    def __getitem__(self, index: Any) -> Any:
        if self.seconds:
            time.sleep(self.seconds)
        return super().__getitem__(index)


def watched(train: float, val: float = 0.0, **options: Any) -> tuple[FeedingFact, float, list[Finding]]:
    """Train for three epochs on samples that take so long; return the row, all seconds, and what is said."""
    data = DataLoader(Slow(train, 160), batch_size=8, **options)
    held = DataLoader(Slow(val, 16), batch_size=8)
    model = nn.Linear(8, 1)
    sgd = torch.optim.SGD(model.parameters(), lr=0.01)
    with torchladder.watch(folder=None, quiet=True) as run:
        for _ in range(3):
            model.train()
            for (x,) in data:
                sgd.zero_grad()
                F.mse_loss(model(x).squeeze(-1), x[:, 0]).backward()
                sgd.step()
            model.eval()
            with torch.no_grad():
                for (x,) in held:
                    model(x)
    assert run.monitor is not None
    assert not run.monitor.failures
    facts = run.monitor.facts(finished=True)
    assert "loader-bound" not in {f.name for f in run.findings}  # of so short a run nothing is said
    return facts.feeding[0], facts.outcome.seconds, loader_bound.judge(facts, Limits(lost=0.5)) or []


def test_a_slow_data_set_is_told_live() -> None:
    """Two milliseconds a sample, eight samples a batch."""
    fact, _, found = watched(0.002)

    assert (fact.passes, fact.steps, fact.batches) == (3, 59, 60)
    assert fact.waited > 0.8 * fact.seconds
    assert [f.name for f in found] == ["loader-bound"]
    assert found[0].where[0].path.endswith("test_feeding.py")


@pytest.mark.parametrize(("train", "val"), [(0.0, 0.0), (0.0, 0.02)])
def test_a_quick_one_and_a_slow_evaluation_are_not(train: float, val: float) -> None:
    """The time of an evaluation is not the training's."""
    fact, whole, found = watched(train, val)

    assert found == []
    assert fact.seconds < whole - 3 * 16 * val


def test_workers_hide_the_wait() -> None:
    """With two of them a slow sample is ready before it is asked for, or at least half of them are."""
    alone, _, _ = watched(0.002)
    helped, _, _ = watched(0.002, num_workers=2)

    assert helped.waited - helped.first_waited < 0.7 * alone.waited
