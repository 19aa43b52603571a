"""Where the time of a batch goes: parts within each other are counted once, and the data set stays as it is."""

from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from torchladder.feeding import anatomy, clock
from torchladder.feeding.anatomy import parts_of

TRANSFORM, READ, COLLATE = 0.004, 0.002, 0.01


class Time:
    """A clock that only moves when something takes time."""

    wall = busy = 0.0

    def sleep(self, seconds):
        """Wait."""
        self.wall += seconds

    def work(self, seconds):
        """Compute."""
        self.wall += seconds
        self.busy += seconds


time = Time()


@pytest.fixture(autouse=True)
def _still(monkeypatch):
    fake = SimpleNamespace(perf_counter=lambda: time.wall, thread_time=lambda: time.busy)
    monkeypatch.setattr(clock, "time", fake)
    monkeypatch.setattr(anatomy, "time", fake)
    monkeypatch.setattr(anatomy, "waited_for_core", lambda: 0.0)


class Step:
    """A transform that computes."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self, x):
        """Take its time."""
        time.work(self.seconds)
        return x


class Both:
    """Several, one after the other."""

    def __init__(self, *transforms):
        self.transforms = list(transforms)

    def __call__(self, x):
        """Apply them."""
        for one in self.transforms:
            x = one(x)
        return x


class Data(Dataset[torch.Tensor]):
    """Samples that are read asleep."""

    def __init__(self, transform=None):
        self.transform = transform

    def __len__(self):
        return 12

    def __getitem__(self, i):
        time.sleep(READ)
        x = torch.ones(2)
        return self.transform(x) if self.transform else x


def collate(rows):
    time.sleep(COLLATE)
    return torch.stack(rows)


def parts(loader):
    return {p.name: p for p in parts_of(loader, 0.05)}


def test_reading_transforms_and_collate_are_told_apart():
    """Four samples a batch: 8 ms reading, asleep, 16 ms of transforms, 10 ms of collate."""
    found = parts(DataLoader(Data(Step(TRANSFORM)), batch_size=4, collate_fn=collate))

    assert found["reading"].seconds == pytest.approx(4 * READ)
    assert found["transform"].seconds == pytest.approx(4 * TRANSFORM)
    assert found["collate"].seconds == pytest.approx(COLLATE)
    assert found["reading"].idle == pytest.approx(4 * READ)
    assert found["transform"].idle == pytest.approx(0.0, abs=1e-9)


def test_the_steps_of_a_composed_transform_are_told():
    """The slowest first; within a subset, too."""
    data = Subset(Data(Both(Step(0.001), Step(0.005))), range(8))
    found = parts(DataLoader(data, batch_size=4, num_workers=0))

    assert found["transform"].steps == {"Step": pytest.approx(4 * 0.006), "Both": pytest.approx(0.0)}
    assert found["transform"].seconds == pytest.approx(4 * 0.006)


def test_the_data_set_of_the_program_is_not_touched():
    """Copies are wrapped."""
    transform = Both(Step(0.0))
    data = Data(transform)
    parts(DataLoader(data, batch_size=4))

    assert data.transform is transform
    assert isinstance(transform.transforms[0], Step)


def test_a_method_that_transforms_is_a_transform():
    """Not all are objects."""

    class Own(Data):
        def my_transform(self, x):
            time.sleep(TRANSFORM)
            return x

        def __getitem__(self, i):
            return self.my_transform(torch.ones(2))

    found = parts(DataLoader(Own(), batch_size=4))
    assert list(found["transform"].steps) == ["my_transform"]


def test_a_data_set_that_bears_no_wrapped_steps_is_read_all_the_same():
    """One that looks at the type of its transform gets a plainer look."""

    class Picky(Data):
        def __getitem__(self, i):
            assert isinstance(self.transform, Step)
            return self.transform(torch.ones(2))

    found = parts(DataLoader(Picky(Step(0.001)), batch_size=4))
    assert "transform" not in found
    assert found["reading"].seconds > 0.003


def test_a_stream_is_read_and_collated():
    """Without an index."""

    class Stream(IterableDataset[torch.Tensor]):
        def __iter__(self):
            for _ in range(100):
                time.sleep(READ)
                yield torch.ones(2)

    found = parts(DataLoader(Stream(), batch_size=4, collate_fn=collate))
    assert found["reading"].seconds == pytest.approx(4 * READ)
    assert found["collate"].seconds == pytest.approx(COLLATE)


def test_a_data_set_that_fails_has_no_parts():
    """What it says is said elsewhere."""

    class Broken(Data):
        def __getitem__(self, i):
            raise ValueError("no")

    assert parts(DataLoader(Broken(), batch_size=4)) == {}
