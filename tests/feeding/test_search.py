"""Settings that are tried: copies of the loader, within its cores, each as it would be written."""

import time

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from torchladder.feeding.candidates import numbers, singles
from torchladder.feeding.search import Search, said
from torchladder.feeding.settings import WHOLE, can_be_batched, length, own, with_settings


class Sleepy(Dataset[torch.Tensor]):
    """Each sample takes its time."""

    def __init__(self, seconds=0.002, n=16):
        self.seconds, self.n = seconds, n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        time.sleep(self.seconds)
        return torch.tensor([float(i)])


class Stream(IterableDataset[torch.Tensor]):
    """Samples without an index."""

    def __iter__(self):
        return iter(torch.zeros(8, 2))


def test_the_numbers_of_workers_end_at_the_cores():
    """None, then doubled, then all."""
    assert [numbers(n) for n in (1, 2, 4, 6)] == [[0, 1], [0, 1, 2], [0, 1, 2, 4], [0, 1, 2, 4, 6]]


def test_what_is_tried_changes_the_present_settings():
    """Workers that stay are tried where passes are short, and the present number is not."""
    loader = DataLoader(Sleepy(), batch_size=4)
    tried = singles(loader, 2, 1.0, gpu=False)

    assert {"num_workers": 2} in tried
    assert {"num_workers": 2, "persistent_workers": True} in tried
    assert {"num_workers": 0} not in tried
    assert not [o for o in singles(loader, 2, 100.0, gpu=False) if "persistent_workers" in o]
    assert not [o for o in singles(loader, 2, None, gpu=False) if "persistent_workers" in o]
    assert {"pin_memory": True} in singles(loader, 2, 1.0, gpu=True)


def test_a_loader_with_workers_is_tried_without_them_and_with_ones_that_stay():
    """For a tiny data set none may be the fastest."""
    tried = singles(DataLoader(Sleepy(), batch_size=4, num_workers=2), 2, 1.0, gpu=False)

    assert tried[0] == {"persistent_workers": True}
    assert {"num_workers": 0} in tried
    assert {"prefetch_factor": 4} in tried


def test_a_copy_has_other_settings_and_the_original_its_own():
    """Also where the settings depend on each other."""
    loader = DataLoader(Sleepy(), batch_size=4, num_workers=2, persistent_workers=True)
    made = with_settings(loader, {"num_workers": 0})

    assert own(made) == {
        "num_workers": 0,
        "persistent_workers": False,
        "prefetch_factor": None,
        "pin_memory": False,
    }
    assert own(loader)["num_workers"] == 2
    assert len(list(made)) == 4
    assert own(with_settings(DataLoader(Sleepy()), {"num_workers": 1}))["prefetch_factor"] == 2


def test_whole_batches_are_tried_where_they_are_the_same():
    """Tensors are; a data set that takes no list, augments at random, or puts them together otherwise is not."""
    tensors = TensorDataset(torch.arange(12.0).reshape(6, 2), torch.arange(6))
    loader = DataLoader(tensors, batch_size=4)

    assert can_be_batched(loader)
    whole = list(with_settings(loader, {WHOLE: True}))
    assert all(torch.equal(a, b) for one, two in zip(whole, loader, strict=True) for a, b in zip(one, two, strict=True))
    assert not can_be_batched(DataLoader(Sleepy(), batch_size=4))
    assert not can_be_batched(DataLoader(Stream(), batch_size=4))
    assert not can_be_batched(DataLoader(tensors, batch_size=4, collate_fn=lambda rows: rows))

    class Noisy(TensorDataset):
        def __getitem__(self, i):
            return super().__getitem__(i)[0] + torch.rand(1)

    assert not can_be_batched(DataLoader(Noisy(*tensors.tensors), batch_size=4))


def test_a_stream_has_no_length():
    """Nor does torch's own count of it say one."""
    assert length(DataLoader(Stream(), batch_size=2)) is None
    assert length(DataLoader(Sleepy(), batch_size=4)) == 4


def test_settings_are_tried_in_rounds_and_whole_batches_win_for_tensors():
    """Without workers: the only candidate that one core leaves beside one worker."""
    data = TensorDataset(torch.zeros(2000, 2))
    search = Search(DataLoader(data, batch_size=100), 1, 20, 0.05)
    for _ in search.run(2.0):
        pass
    base, whole = search.facts()[:2]

    assert base.options == {}
    assert whole.options == {WHOLE: True}
    assert whole.rounds[0] < 0.5 * base.rounds[0]
    assert len(base.rounds) == len(whole.rounds)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_setting_that_fails_is_told_and_the_others_go_on():
    """A data set that works in the main process only."""

    class Here(Sleepy):
        def __getitem__(self, i):
            if torch.utils.data.get_worker_info() is not None:
                raise OSError("the file is open elsewhere")
            return super().__getitem__(i)

    search = Search(DataLoader(Here(), batch_size=4), 1, 4, 0.05)
    for _ in search.run(1.0):
        pass
    failed = [t for t in search.facts() if t.failed]

    assert failed[0].failed == "OSError: the file is open elsewhere"
    assert search.facts()[0].seconds is not None


def test_what_a_worker_says_is_its_last_line():
    """Its traceback is not."""
    words = (
        "Caught KeyError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n  x\nKeyError: 3"
    )

    assert said(RuntimeError(words)) == "KeyError: 3"
    assert said(ValueError("")) == "ValueError"
