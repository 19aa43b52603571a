"""Command lines with one thing changed, and metrics from what programs print and write."""

from pathlib import Path

import pytest

from torchladder.ablation.changes import split
from torchladder.ablation.metric import NoMetric, from_file, from_text, lower_is_better
from torchladder.ablation.scripts import Script, changed, plan_of
from torchladder.core.errors import UsageError


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("", "lr=0.01", "--lr 0.01"),
        ("--lr 0.1 --epochs 3", "lr=0.01", "--lr 0.01 --epochs 3"),
        ("--lr=0.1", "lr=0.01", "--lr=0.01"),
        ("--learning-rate 0.1", "learning_rate=0.01", "--learning-rate 0.01"),
        ("--offset -0.5 --b 2", "offset=1", "--offset 1 --b 2"),
        ("-b 2", "b=4", "-b 4"),
        ("--lr_decay 0.1", "lr=1", "--lr_decay 0.1 --lr 1"),
        ("data --amp --epochs 3", "amp=false", "data --epochs 3"),
        ("--epochs 3", "amp=true", "--epochs 3 --amp"),
        ("--epochs 3", "amp=false", "--epochs 3"),
        ("--amp false", "amp=true", "--amp true"),
        ("model.width=64 lr=0.1", "lr=0.01", "model.width=64 lr=0.01"),
        ("model.width=64", "optimizer.lr=0.01", "model.width=64 optimizer.lr=0.01"),
    ],
)
def test_a_change_is_made_in_the_manner_of_the_command(before: str, change: str, after: str) -> None:
    """Long and short options, with and without an equals sign, switches, and Hydra's keys."""
    assert after.split() == changed(before.split(), change)


def test_changes_made_together_are_split_at_keys_only() -> None:
    """A comma within a value is the value's."""
    assert split("a=1,b=2") == ("a=1", "b=2")
    assert split("mean=[0.5,0.4],lr=1") == ("mean=[0.5,0.4]", "lr=1")
    assert split("sizes=1,2,3") == ("sizes=1,2,3",)


@pytest.mark.parametrize("text", ["mixup", "=1", "mixup=", "a=1,a=2"])
def test_what_is_no_change_gets_a_sentence(text: str) -> None:
    """Before anything is run."""
    with pytest.raises(UsageError, match="--change"):
        split(text)


@pytest.mark.parametrize(
    ("text", "value", "step"),
    [
        ("accuracy: 0.93", 0.93, 0.01),
        ("epoch 1 accuracy=0.5\nepoch 2 accuracy=0.625", 0.625, 0.001),
        ("Accuracy 93.1%", 93.1, 0.1),
        ('{"accuracy": 0.25, "loss": 1}', 0.25, 0.01),
        ("accuracy: tensor(0.5)", 0.5, 0.1),
        ("accuracy is 1e-3", 0.001, 0.001),
        ("val_accuracy: 0.1 accuracy: 0.2 train_accuracy: 0.3", 0.2, 0.1),
        ("accuracy -> 1,234", 1234.0, 1.0),
        ("accuracy: 0.75, done in 3s\naccuracy improved", 0.75, 0.01),
    ],
)
def test_the_last_value_under_its_name_is_read(text: str, value: float, step: float) -> None:
    """In the ways that programs print; longer names are other metrics."""
    got = from_text(text, "accuracy")

    assert got.value == value
    assert got.step == pytest.approx(step)


def test_a_name_of_several_words() -> None:
    """As the program prints it."""
    assert from_text("Test set: Average loss: 0.05, test  acc: 0.98", "test acc").value == 0.98


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("val_acc: 0.5", "the nearest: val_acc"),
        ("loss: 0.5", "it gives loss"),
        ("nothing here", "nor any other number with a name"),
        ("accuracy: nan", "accuracy is nan"),
        ("accuracy: 0.93abc", "the run printed no accuracy"),
    ],
)
def test_a_metric_that_is_not_there_gets_a_sentence(text: str, says: str) -> None:
    """With what is there instead."""
    name = "acc" if "val_acc" in text else "accuracy"
    with pytest.raises(NoMetric, match=says):
        from_text(text, name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.json", '{"final": {"accuracy": 0.5}, "history": [1]}'),
        ("m.json", '[{"accuracy": 0.1}, {"accuracy": 0.5}]'),
        ("m.jsonl", '{"accuracy": 0.1}\n{"accuracy": 0.5}\n{"loss": 2}\n'),
        ("m.csv", "epoch,accuracy\n1,0.1\n2,0.5\n"),
        ("m.tsv", "epoch\taccuracy\n1\t0.1\n2\t0.5\n3\t\n"),
    ],
)
def test_the_last_value_of_a_file_is_read(name: str, text: str, tmp_path: Path) -> None:
    """JSON with sections, lists, lines, and tables."""
    (tmp_path / name).write_text(text)

    assert from_file(tmp_path / name, "accuracy").value == 0.5


def test_a_file_that_is_torn_gets_a_sentence(tmp_path: Path) -> None:
    """No traceback."""
    (tmp_path / "m.json").write_text('{"accuracy": 0.')

    with pytest.raises(NoMetric, match=r"m\.json cannot be read"):
        from_file(tmp_path / "m.json", "accuracy")


def test_losses_are_to_be_small() -> None:
    """By their names; a word that only begins so is none."""
    assert all(map(lower_is_better, ["loss", "val_loss", "test/RMSE", "perplexity"]))
    assert not any(map(lower_is_better, ["accuracy", "glossary_hits", "f1", "closeness"]))


SOURCE = """
import argparse
p = argparse.ArgumentParser()
p.add_argument("--learning-rate", type=float, default=0.1)
p.add_argument("--seed", type=int, default=0)
args = p.parse_args()
"""


def refusal(tmp_path: Path, changes: list[str], *arguments: str, source: str = SOURCE, seeds: int = 2) -> str:
    path = tmp_path / "train.py"
    path.write_text(source)
    with pytest.raises(UsageError) as caught:
        plan_of(Script(path, arguments, "acc"), changes, seeds=seeds)
    return str(caught.value)


def test_wrong_changes_of_a_script_are_refused_before_anything_is_run(tmp_path: Path) -> None:
    """An argument it has not, with the nearest; one that changes nothing; the same twice; no argument for the seed."""
    assert "no argument --learning_rat; the nearest: --learning-rate" in refusal(tmp_path, ["learning_rat=1"])
    assert "changes nothing" in refusal(tmp_path, ["learning_rate=1"], "--learning-rate", "1")
    assert "given twice" in refusal(tmp_path, ["learning_rate=1", "learning_rate=1"])
    without = SOURCE.replace("--seed", "--random-seed")
    assert "--seed-as" in refusal(tmp_path, ["learning_rate=1"], source=without)


def test_seeds_count_on_from_the_command_s_own(tmp_path: Path) -> None:
    """And are put where the command has them."""
    path = tmp_path / "train.py"
    path.write_text(SOURCE)
    made = plan_of(Script(path, ("--seed", "7"), "acc"), ["learning_rate=1"], seeds=2)

    assert [7, 8] == list(made.seeds)
    assert made.job(made.variants[1], 8).content["argv"][2:] == ["--seed", "8", "--learning-rate", "1"]
