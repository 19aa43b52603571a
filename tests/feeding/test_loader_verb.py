"""``torchladder loader``: a program's loader and a function's, from the outside, and what cannot be timed."""

from pathlib import Path

import pytest

from torchladder.cli import loader as verb
from torchladder.cli.main import main
from torchladder.core.errors import ProgramError, UsageError
from torchladder.core.findings import Severity
from torchladder.core.report import State
from torchladder.feeding.run import of_factory, of_program
from torchladder.runner.target import resolve

LOADERS = """
import os, time
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

class Sleepy(Dataset):
    def __len__(self): return 64
    def __getitem__(self, i):
        time.sleep(0.002)
        return torch.zeros(3), i % 2

class Stream(IterableDataset):
    def __iter__(self):
        while True:
            yield torch.zeros(8)

class Crash(Sleepy):
    def __getitem__(self, i):
        os._exit(3)

class Bad(Sleepy):
    def __getitem__(self, i):
        raise ValueError("no such picture")

def make_loader(): return DataLoader(Sleepy(), batch_size=8, shuffle=True)
def two(): return {"train": make_loader(), "val": DataLoader(Sleepy(), batch_size=16)}
def stream(): return DataLoader(Stream(), batch_size=16)
def crash(): return DataLoader(Crash(), batch_size=4, num_workers=1)
def bad(): return DataLoader(Bad(), batch_size=4)
def bad_in_worker(): return DataLoader(Bad(), batch_size=4, num_workers=1)
def raises(): raise RuntimeError("no data folder")
def empty(): return DataLoader(TensorDataset(torch.zeros(3, 2)), batch_size=8, drop_last=True)
def number(): return 3
LOADER = make_loader()
"""
TRAIN = (
    LOADERS
    + """
model = torch.nn.Linear(3, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
held_out = DataLoader(Sleepy(), batch_size=8)
for epoch in range(1000):
    for x, y in LOADER:
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for x, y in held_out:
        model(x)
"""
)
BUDGET = 4.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of functions, which is the working folder."""
    (tmp_path / "loaders.py").write_text(LOADERS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_loader_of_a_function_is_timed_and_settings_are_tried(folder: Path) -> None:
    """Eight samples of two milliseconds each: 16 ms a batch or more, all of it reading, asleep."""
    report = of_factory("loaders.py", "make_loader", budget=BUDGET)
    figures = report.rungs[0].facts["loaders"][0]

    assert report.rungs[0].state is State.PASSED
    assert figures["alone"] > 0.016
    assert figures["parts"][0]["name"] == "reading"
    assert figures["parts"][0]["idle"] > 0.5 * figures["parts"][0]["seconds"]
    assert figures["tried"][0]["options"] == {}
    assert len(figures["tried"]) >= 3
    assert not [f for f in report.findings if f.severity is not Severity.NOTE]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "loaders", "batches"), [("two", 2, 8), ("stream", 1, None), ("LOADER", 1, 8)])
def test_several_loaders_streams_and_objects_are_timed(folder, name, loaders, batches):
    """A dict of loaders, a data set without a length, and a loader that is no function."""
    rows = of_factory("loaders.py", name, budget=3.0).rungs[0].facts["loaders"]

    assert len(rows) == loaders
    assert rows[0]["n_batches"] == batches
    assert all(r["alone"] > 0 for r in rows)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("raises", "loaders.py:raises failed at loaders.py:31: RuntimeError: no data folder"),
        ("empty", "gives no batch: its data set has 3 samples, its batches have 8, and drop_last leaves the rest out"),
        ("bad", "the loader of loaders.py:bad failed: ValueError: no such picture"),
        ("bad_in_worker", "the loader of loaders.py:bad_in_worker failed: ValueError: no such picture"),
        ("crash", "exited unexpectedly"),
    ],
)
def test_what_fails_by_itself_is_told_in_a_sentence(folder, name, sentence):
    """The function, the data set, a worker; a loader without a batch."""
    with pytest.raises(ProgramError) as caught:
        of_factory("loaders.py", name, budget=BUDGET)

    assert sentence in str(caught.value)
    assert caught.value.exit_status == 3


@pytest.mark.parametrize(("name", "sentence"), [("number", "gives int"), ("absent", "loaders.py has no 'absent'")])
def test_what_is_no_loader_is_a_usage_error(folder, name, sentence):
    """Status 2."""
    with pytest.raises(UsageError, match=sentence):
        of_factory("loaders.py", name, budget=BUDGET)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.py:make"], "there is no Python file nowhere.py"),
        (["loaders.py:make_loader", "32"], "is called without arguments; leave 32 out"),
        (["--budget", "1", "loaders.py:make_loader"], "too short to time anything"),
        ([], "name the program"),
    ],
)
def test_usage_is_checked_before_anything_runs(folder, capsys, words, sentence):
    """One sentence, status 2."""
    assert main(["loader", *words]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_the_steps_of_a_program_wait_and_its_evaluation_is_timed(folder: Path) -> None:
    """A small model that waits for sleepy samples: a finding at the loader's line, held-out passes beside it."""
    (folder / "train.py").write_text(TRAIN)
    report = of_program(resolve("train.py", ()), budget=6.0)
    (figures,) = report.rungs[0].facts["loaders"]

    assert report.cause is not None, report.sentence
    assert report.cause.name == "loader-bound"
    line = TRAIN.splitlines()[report.cause.where[0].line - 1]
    assert line.startswith("def make_loader")
    assert figures["share_waited"] > 0.5
    assert 0 < figures["computing"] < figures["alone"]
    assert figures["tried_on"] == "training"
    (evaluation,) = report.rungs[0].facts["evaluations"]
    assert evaluation["each_epoch"]
    assert evaluation["steps"] == 8


@pytest.mark.slow
def test_a_program_without_a_loader_is_undecided(folder: Path) -> None:
    """Nothing is claimed of what was not seen."""
    (folder / "train.py").write_text(
        "import torch\nw = torch.zeros(2, requires_grad=True)\n(w.sum() ** 2).backward()\n"
    )
    report = of_program(resolve("train.py", ()), budget=BUDGET)

    assert report.verdict == "undecided"
    assert report.sentence.startswith("no DataLoader feeds the training")
    assert report.exit_status == 0  # the verb makes it 5


@pytest.mark.slow
def test_a_program_that_fails_is_told_with_its_traceback(folder: Path) -> None:
    """Status 3."""
    (folder / "train.py").write_text("raise RuntimeError('no data')\n")
    report = of_program(resolve("train.py", ()), budget=BUDGET)

    assert report.exit_status == 3
    assert "no data" in report.sentence
    assert report.error is not None


def test_the_verb_has_its_options() -> None:
    """Those of the verbs that judge."""
    options = verb.parser().parse_args(["--json", "r.json", "--fail-on", "warning", "train.py", "--lr", "1"])

    assert options.command == ["train.py", "--lr", "1"]
    assert options.budget == 30.0
