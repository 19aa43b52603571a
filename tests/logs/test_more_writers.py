"""Logs as further programs write them: what stands for a side, an epoch or a step in each."""

from pathlib import Path

import numpy as np
import pytest

from tests.logs.writing import HELD, TRAIN, lines
from torchladder.logs.curves import Log, curves_of
from torchladder.logs.opening import open_logs

BOTH = list(zip(range(len(TRAIN)), TRAIN, HELD, strict=True))


def one(path: Path) -> Log:
    (table,) = open_logs(path)
    return curves_of(table)


def long_csv(path: Path) -> Path:
    rows = [x for e, t, v in BOTH for x in (f"a1,train_loss,{t},{e},17", f"a1,val_loss,{v},{e},17")]
    return lines(path / "metrics.csv", ["run_id,key,value,step,timestamp", *rows])


def downloads_of_tensorboard(path: Path) -> Path:
    for name, values in (("train_loss", TRAIN), ("val_loss", HELD)):
        rows = (f"1.7e9,{e},{v}" for e, v in enumerate(values))
        lines(path / f"run-exp1-tag-{name}.csv", ["Wall time,Step,Value", *rows])
    return path


def model_card(path: Path) -> Path:
    head = [
        "# A model",
        "",
        "| Training Loss | Epoch | Step | Validation Loss | Wer |",
        "|:---:|:---:|:---:|:---:|:---:|",
    ]
    rows = (f"| {t} | {e}.0 | {e * 100} | {v} | 30.1 |" for e, t, v in BOTH)
    return lines(path / "README.md", [*head, *rows, "", "### Framework versions"])


def boosted_trees(path: Path) -> Path:
    return lines(path / "out.log", (f"[{e}]\ttrain-logloss:{t}\tvalid-logloss:{v}" for e, t, v in BOTH))


def lightgbm(path: Path) -> Path:
    rows = (f"[{e}]\ttraining's binary_logloss: {t}\tvalid_1's binary_logloss: {v}" for e, t, v in BOTH)
    return lines(path / "out.log", rows)


def cut_by_bars(path: Path) -> Path:
    return lines(path / "out.log", (f"step {e}/6 | train loss {t} (+0.1z)| val loss {v} | lr 1e-3" for e, t, v in BOTH))


def tutorial(path: Path) -> Path:
    rows = [
        x
        for e, t, v in BOTH
        for x in (
            f"Epoch {e}",
            "-----",
            f"loss: {t}  [ 6400/60000]",
            "Test Error: ",
            f" Accuracy: 50.1%, Avg loss: {v}",
        )
    ]
    return lines(path / "out.log", rows)


KINDS = [long_csv, downloads_of_tensorboard, model_card, boosted_trees, lightgbm, cut_by_bars, tutorial]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_both_losses_are_found(kind, tmp_path: Path) -> None:
    """Sides, values and positions, whatever marks them."""
    log = one(kind(tmp_path))

    assert log.train is not None
    assert log.held is not None
    assert np.allclose(log.train.values, TRAIN)
    assert np.allclose(log.held.values, HELD)
    assert log.unit in {"epoch", "step"}
    assert log.held.xs.tolist() == list(range(len(HELD)))


def test_a_file_of_several_runs_below_each_other(tmp_path: Path) -> None:
    """Each is a run of its own."""
    rows = [f"{run},train_loss,{t + i},{e}" for i, run in enumerate(("a", "b")) for e, t, _ in BOTH]
    tables = open_logs(lines(tmp_path / "metrics.csv", ["run_id,key,value,step", *rows]))

    assert [t.source.rpartition(": ")[2] for t in tables] == ["a", "b"]
    assert np.allclose(curves_of(tables[1]).train.values, np.array(TRAIN) + 1)


def test_downloads_of_two_runs_are_two_runs(tmp_path: Path) -> None:
    """The name of the run stands before that of the curve."""
    for run in ("one", "two"):
        for name, values in (("train_loss", TRAIN), ("val_loss", HELD)):
            rows = (f"1.7e9,{e},{v}" for e, v in enumerate(values))
            lines(tmp_path / f"run-{run}-tag-{name}.csv", ["Wall time,Step,Value", *rows])
    logs = [curves_of(t) for t in open_logs(tmp_path)]

    assert sorted(Path(log.table.source).name for log in logs) == ["run-one", "run-two"]
    assert all(log.train is not None and log.held is not None for log in logs)


def test_the_mean_beside_a_batch_is_taken(tmp_path: Path) -> None:
    """PyTorch's ImageNet example prints the batch and, in brackets, the mean; its validation ends with a star."""
    rows = [
        x
        for e, t, _ in BOTH
        for x in (
            f"Epoch: [{e}][  0/50]\tTime  0.2 (  0.3)\tLoss 9.0e+00 ({t:.4e})\tAcc@1   1.00 (  {10.0 + e})",
            f" *   Acc@1 {20.0 + e} Acc@5 {50.0 + e}",
        )
    ]
    log = one(lines(tmp_path / "out.log", rows))

    assert np.allclose(log.train.values, TRAIN)
    assert log.held_score.values.tolist() == [20.0 + e for e, *_ in BOTH]
    assert log.train_score.values.tolist() == [10.0 + e for e, *_ in BOTH]


def test_epochs_of_timm(tmp_path: Path) -> None:
    """`Train: 3 [ 250/500 ( 50%)]` is in the middle of the fourth epoch, which ends at 3."""
    rows = [
        x
        for e, t, v in BOTH
        for x in (
            f"Train: {e} [ 250/500 ( 50%)]  Loss: 9.0 ({t})  Time: 0.3s (0.3s)  LR: 1.0e-03  Data: 0.01 (0.01)",
            f"Test: [  48/48]  Time: 0.5 (0.6)  Loss:  9.0 ({v})  Acc@1: 50.0 (50.0)",
        )
    ]
    log = one(lines(tmp_path / "out.log", rows))

    assert np.allclose(log.train.values, TRAIN)
    assert log.train.xs.tolist() == [e - 0.5 for e, *_ in BOTH]
    assert log.held.xs.tolist() == [e for e, *_ in BOTH]


def test_the_accuracy_beside_two_named_losses_is_held_out(tmp_path: Path) -> None:
    """As fastai, notebooks of Transformers and model cards have it; beside val_acc it would be training's."""
    rows = (f"{e},{t},{v},0.5" for e, t, v in BOTH)
    log = one(lines(tmp_path / "log.csv", ["epoch,train_loss,valid_loss,accuracy", *rows]))

    assert (log.train_score, log.held_score.name) == (None, "accuracy")


def test_the_mean_precision_of_a_detector_is_held_out(tmp_path: Path) -> None:
    """It has no side in its name, and stands on lines of its own."""
    rows = [
        x for e, t, _ in BOTH for x in (f'{{"epoch": {e}, "loss": {t}}}', f'{{"epoch": {e}, "bbox_mAP": 0.{e + 1}}}')
    ]
    log = one(lines(tmp_path / "log.json", rows))

    assert (log.train.name, log.held_score.name, log.train_score) == ("loss", "bbox_mAP", None)


def test_one_value_an_epoch_stands_on_its_epoch(tmp_path: Path) -> None:
    """However many rows of the rate and the steps Lightning writes between."""
    rows = ["epoch,lr,step,train_loss_epoch,train_loss_step,val_loss"]
    for e, t, v in BOTH:
        rows += [f",0.1,{10 * e + i},,," for i in range(3)] + [f"{e},,{10 * e + i},,{t + i}," for i in range(3)]
        rows += [f"{e},,{10 * e + 9},,,{v}", f"{e},,{10 * e + 9},{t},,"]
    log = one(lines(tmp_path / "metrics.csv", rows))

    assert log.train.xs.tolist() == log.held.xs.tolist() == [e for e, *_ in BOTH]


def test_figures_beneath_a_heading_are_of_its_side(tmp_path: Path) -> None:
    """As many lines as follow it at once."""
    rows = [
        x for e, t, v in BOTH for x in (f"Epoch {e}", f"loss: {t}", "Validation:", f"  loss: {v}", "  acc: 0.5", "")
    ]
    log = one(lines(tmp_path / "out.log", rows))

    assert np.allclose(log.train.values, TRAIN)
    assert np.allclose(log.held.values, HELD)
    assert (log.train_score, log.held_score.name) == (None, "val_acc")
