"""Reading data sets by index, beside the program."""

import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, SubsetRandomSampler, TensorDataset

from torchladder.probes import datasets
from torchladder.probes.splits import Splits

X, Y = torch.arange(40.0).reshape(20, 2), torch.arange(20)


class Noisy(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Samples with noise from every global source."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, i: int):
        return X[i] + random.random() + np.random.rand() + torch.rand(()), Y[i]


def test_a_subset_is_read_in_its_own_order() -> None:
    """Positions are the subset's, base rows those of the data below."""
    stored = datasets.read(DataLoader(Subset(TensorDataset(X, Y), [7, 3, 5]), 2), 0, 1)

    assert stored is not None
    assert stored.y is not None
    assert stored.y.tolist() == [7, 3, 5] == stored.base_rows.tolist()
    assert stored.x.tolist() == X[[7, 3, 5]].tolist()
    assert stored.complete


def test_a_sampler_of_indices_says_what_is_served() -> None:
    """The data set may be the whole for both sides."""
    loader = DataLoader(TensorDataset(X, Y), 2, sampler=SubsetRandomSampler([4, 9]))
    stored = datasets.read(loader, 0, 1)

    assert stored is not None
    assert sorted(stored.base_rows.tolist()) == [4, 9]
    assert datasets.base_rows(loader).tolist() == [4, 9]


def test_items_of_a_data_set_are_collated_as_the_program_does() -> None:
    """Any map-style data set, through the loader's own collate function."""
    stored = datasets.read(DataLoader(Noisy(), 4), 0, 1)

    assert stored is not None
    assert stored.x.shape == (20, 2)


def test_streams_cannot_be_read() -> None:
    """Nothing is drawn from what has no index."""

    class Stream(IterableDataset[int]):
        def __iter__(self):
            yield from range(3)

    assert datasets.read(DataLoader(Stream(), 1), None, None) is None


def test_random_states_are_put_back() -> None:
    """Reading leaves no trace in Python, NumPy or torch."""

    def states():
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    before = states()
    with datasets.same_randomness():
        datasets.read(DataLoader(Noisy(), 4), 0, 1)

    assert states() == before


def test_the_line_that_made_a_data_set_is_known() -> None:
    """The wrapper stays: Python cannot take a constructor back once it was set."""
    splits = Splits()
    earlier = TensorDataset(X, Y)
    splits.install()
    data = TensorDataset(X, Y)
    place = splits.made(data)

    assert len(data) == 20
    assert place is not None
    assert place.path.endswith("test_datasets.py")
    assert splits.made(earlier) is None


def test_a_forgotten_constructor_is_still_an_error() -> None:
    """What Python refuses without the wrapper it refuses with it."""
    Splits().install()

    class Empty(Dataset[int]):
        pass

    with pytest.raises(TypeError, match=r"Empty\(\) takes no arguments"):
        Empty(3)  # type: ignore[call-arg]
