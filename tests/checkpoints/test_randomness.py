"""Seeding and the state of generators: the same numbers again, in the program and in its workers."""

import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import torchladder
from torchladder.checkpoints.randomness import capture, restore, seed_everything
from torchladder.checkpoints.store import Checkpoints
from torchladder.core.errors import UsageError


@pytest.fixture(autouse=True)
def _as_before():
    """Leave generators and switches as they were."""
    python, numpy, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(torch_state)
    torch.use_deterministic_algorithms(False)


def draws() -> list[float]:
    """Numbers from every generator; the Gaussian ones leave a spare behind."""
    return [random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(1).item()]


def test_a_seed_gives_the_same_numbers_again() -> None:
    """In Python, NumPy and torch; another seed gives others."""
    torchladder.seed_everything(7)
    first = draws()
    torchladder.seed_everything(7)

    assert draws() == first
    torchladder.seed_everything(8)
    assert not set(draws()) & set(first)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1", True, None])
def test_a_seed_is_a_whole_number_in_range(seed) -> None:
    """One sentence with what was given; nothing is seeded."""
    before = torch.get_rng_state()

    with pytest.raises(UsageError, match=r"seed must be a whole number from 0 to 4,294,967,295, not "):
        seed_everything(seed)

    assert torch.equal(before, torch.get_rng_state())


def test_deterministic_refuses_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch of torch is on, and cuBLAS is told before CUDA starts."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)

    seeds = seed_everything(1, deterministic=True)

    assert torch.are_deterministic_algorithms_enabled()
    assert seeds.notes == ()
    assert torch.backends.cudnn.benchmark is False
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")


def test_captured_generators_go_on_where_they_were(tmp_path) -> None:
    """Through a checkpoint, in the middle of a pair of Gaussian numbers, with a generator of the program's own."""
    own = torch.Generator().manual_seed(3)
    seed_everything(5)
    draws()
    np.random.randn()
    Checkpoints(tmp_path).save({"random": capture({"order": own})}, step=1)
    after = [*draws(), torch.rand(1, generator=own).item()]

    seed_everything(99)
    notes = restore(Checkpoints(tmp_path).load().state["random"], {"order": own})

    assert notes == []
    assert [*draws(), torch.rand(1, generator=own).item()] == after


def test_a_generator_that_was_not_captured_is_said() -> None:
    """By its name."""
    with pytest.raises(UsageError, match="no state of the generator 'order'"):
        restore(capture(), {"order": torch.Generator()})


def test_a_device_that_is_gone_is_noted() -> None:
    """A checkpoint of a GPU is resumed without one, and that is said."""
    state = capture() | {"cuda": [torch.get_rng_state()] * 64}

    (note,) = restore(state)

    assert note.startswith("the checkpoint has generators of 64 GPUs, and there are ")


class Drawn(Dataset[torch.Tensor]):
    """Samples that draw from every generator of their worker."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.tensor([random.random(), np.random.rand(), torch.rand(1).item()], dtype=torch.float64)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # where there is one core
def test_workers_are_seeded_each_its_own() -> None:
    """Two loaders with the seeds give the same samples and the same order; two workers give different ones."""

    def served() -> torch.Tensor:
        seeds = seed_everything(11)
        loader = DataLoader(
            Drawn(), batch_size=2, shuffle=True, num_workers=2,
            worker_init_fn=seeds.worker_init_fn, generator=seeds.generator(),
        )  # fmt: skip
        return torch.cat(list(loader))

    first = served()

    assert torch.equal(first, served())
    assert len(first.unique()) == first.numel()
