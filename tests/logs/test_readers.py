"""Every kind of log gives the same curves: six epochs of training and held-out loss."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.logs.writing import HELD, TRAIN, VERSION, event, lines
from torchladder.logs import console
from torchladder.logs.curves import Asked, Log, curves_of
from torchladder.logs.opening import open_logs
from torchladder.logs.table import LogError

INFERRED = Asked()
EPOCHS = range(len(TRAIN))
BOTH = list(zip(EPOCHS, TRAIN, HELD, strict=True))


def one(path: Path, asked: Asked = INFERRED) -> Log:
    (table,) = open_logs(path)
    return curves_of(table, asked)


def csv(path: Path) -> Path:
    return lines(path / "log.csv", ["epoch,train_loss,val_loss", *(f"{e},{t},{v}" for e, t, v in BOTH)])


def tsv(path: Path) -> Path:
    return lines(path / "log.tsv", ["epoch\ttrain_loss\tval_loss", *(f"{e}\t{t}\t{v}" for e, t, v in BOTH)])


def semicolons(path: Path) -> Path:
    rows = (f"{e};{t};{v}".replace(".", ",") for e, t, v in BOTH)
    return lines(path / "log.csv", ["epoch;train_loss;val_loss", *rows])


def words_among_numbers(path: Path) -> Path:
    rows = (f'{e},"run, one",{t},{v}' for e, t, v in BOTH)
    return lines(path / "log.csv", ["epoch,name,train_loss,val_loss", *rows])


def jsonl(path: Path) -> Path:
    rows = (json.dumps({"epoch": e, "train_loss": t, "val_loss": v}) for e, t, v in BOTH)
    return lines(path / "log.jsonl", rows)


def jsonl_sparse(path: Path) -> Path:
    rows = [x for e, t, v in BOTH for x in ({"epoch": e, "train/loss": t}, {"epoch": e, "val/loss": v})]
    return lines(path / "log.jsonl", map(json.dumps, rows))


def json_rows(path: Path) -> Path:
    rows = [{"epoch": e, "train": {"loss": t}, "val": {"loss": v}} for e, t, v in BOTH]
    return lines(path / "log.json", [json.dumps(rows)])


def keras(path: Path) -> Path:
    return lines(path / "history.json", [json.dumps({"loss": TRAIN, "val_loss": HELD})])


def trainer_state(path: Path) -> Path:
    rows: list[dict[str, float]] = []
    for e, t, v in BOTH:
        rows += [{"epoch": e + 0.5, "step": 10 * e + 5, "loss": t, "grad_norm": 1.0}]
        rows += [{"epoch": e + 1.0, "step": 10 * e + 10, "eval_loss": v, "eval_runtime": 3.0}]
    state = {"log_history": [*rows, {"epoch": 6.0, "step": 60, "train_loss": 1.1}], "best_metric": None}
    return lines(path / "trainer_state.json", [json.dumps(state, indent=1)])


def lightning(path: Path) -> Path:
    rows = ["epoch,step,train_loss_epoch,val_loss"]
    for e, t, v in BOTH:
        rows += [f"{e},{9 + 10 * e},,{v}", f"{e},{9 + 10 * e},{t},"]
    return lines(path / "metrics.csv", rows)


def ultralytics(path: Path) -> Path:
    head = ",".join(f"{n:>23}" for n in ("epoch", "train/box_loss", "train/cls_loss", "val/box_loss", "val/cls_loss"))
    rows = (f"  {e}, {t / 2:.5f}, {t / 2:.5f}, {v / 2:.5f}, {v / 2:.5f}" for e, t, v in BOTH)
    return lines(path / "results.csv", [head, *rows])


def wandb_chart(path: Path) -> Path:
    head = '"Step","quiet-sun-3 - train/loss","quiet-sun-3 - train/loss__MIN","quiet-sun-3 - val/loss"'
    return lines(path / "export.csv", [head, *(f'"{e}","{t}","{t}","{v}"' for e, t, v in BOTH)])


def mlflow_export(path: Path) -> Path:
    rows = [{"key": "train_loss", "value": t, "step": e, "timestamp": 1} for e, t, _ in BOTH]
    rows += [{"key": "val_loss", "value": v, "step": e, "timestamp": 1} for e, _, v in BOTH]
    return lines(path / "metrics.json", [json.dumps(rows)])


def mlflow_store(path: Path) -> Path:
    folder = path / "run" / "metrics"
    folder.mkdir(parents=True)
    lines(folder / "train_loss", (f"1 {t} {e}" for e, t, _ in BOTH))
    lines(folder / "val_loss", (f"1 {v} {e}" for e, _, v in BOTH))
    return path


def tensorboard(path: Path) -> Path:
    file = path / "events.out.tfevents.1.host"
    body = b"".join(event(e, "loss/train", t) + event(e, "loss/val", v) for e, t, v in BOTH)
    file.write_bytes(VERSION + body)
    return file


def console_plain(path: Path) -> Path:
    return lines(path / "out.log", (f"Epoch {e}/6 - loss: {t} - val_loss: {v}" for e, t, v in BOTH))


def console_bars(path: Path) -> Path:
    text = ""
    for e, t, v in BOTH:
        text += f"\rEpoch {e}:  50%|##   | 5/10 [00:01<00:01, 9.1it/s, train_loss={t + 1}]"
        text += f"\r\x1b[32mEpoch {e}: 100%|#####| 10/10 [00:01<00:00, 9.1it/s, train_loss={t}, val_loss={v}]\x1b[0m\n"
    file = path / "out.log"
    file.write_text(text)
    return file


def console_sides(path: Path) -> Path:
    rows = [
        x
        for e, t, v in BOTH
        for x in (f"Epoch {e}/5", "-" * 10, f"train Loss: {t} Acc: 0.5", f"val Loss: {v} Acc: 0.4")
    ]
    return lines(path / "out.log", rows)


def console_table(path: Path) -> Path:
    return lines(
        path / "out.txt", ["epoch  train_loss  valid_loss  time", *(f"{e}  {t}  {v}  00:03" for e, t, v in BOTH)]
    )


KINDS = [
    csv, tsv, semicolons, words_among_numbers, jsonl, jsonl_sparse, json_rows, keras, trainer_state, lightning,
    ultralytics, wandb_chart, mlflow_export, mlflow_store, tensorboard, console_plain, console_bars, console_sides,
    console_table,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_both_losses_are_found_whatever_wrote_them(kind, tmp_path: Path) -> None:
    """Names, order, gaps and forms differ; the curves do not."""
    log = one(kind(tmp_path))

    assert log.train is not None
    assert log.held is not None
    assert np.allclose(log.train.values, TRAIN, atol=1e-5)
    assert np.allclose(log.held.values, HELD, atol=1e-5)
    assert (log.train.direction, log.held.direction) == ("min", "min")
    assert (np.diff(log.held.xs) > 0).all()


@pytest.mark.parametrize(
    ("kind", "unit", "first"),
    [(csv, "epoch", 0), (trainer_state, "epoch", 1), (lightning, "epoch", 0), (wandb_chart, "step", 0)],
)
def test_positions_are_in_the_logs_own_unit(kind, unit, first, tmp_path: Path) -> None:
    """Epochs where held-out values come once an epoch, whole or not."""
    log = one(kind(tmp_path))

    assert (log.unit, log.held.xs[0]) == (unit, first)


def test_a_long_event_file_is_read_as_the_short_way_would(tmp_path: Path) -> None:
    """Thousands of records of one length are taken out together; none is lost or moved."""
    file = tmp_path / "events.out.tfevents.2"
    values = [3.0 / (s + 1) for s in range(3000)]
    body = b"".join(
        event(s, "train/loss", v) + (event(s, "val/loss", v + 1) if s % 7 == 0 else b"") for s, v in enumerate(values)
    )
    file.write_bytes(VERSION + body)
    log = one(file)

    assert np.allclose(log.train.values, values, rtol=1e-6)
    assert log.train.xs.tolist() == list(range(3000))
    assert log.held.xs.tolist() == list(range(0, 3000, 7))


def test_an_event_file_that_breaks_off_is_read_up_to_there(tmp_path: Path) -> None:
    """The run was killed, or goes on."""
    whole = tensorboard(tmp_path)
    whole.write_bytes(whole.read_bytes()[:-9])
    (table,) = open_logs(whole)

    assert "breaks off" in table.notes[0]
    assert len(curves_of(table).held.values) == len(HELD) - 1


def test_a_resumed_run_counts_what_was_done_last(tmp_path: Path) -> None:
    """Epochs 2 and 3 were done twice."""
    rows = [f"{e},{t},{v}" for e, t, v in BOTH]
    log = one(lines(tmp_path / "log.csv", ["epoch,train_loss,val_loss", *rows[:4], "2,9,9", "3,8,8", *rows[4:]]))

    assert log.resumed == (2.0,)
    assert log.train.values.tolist() == [2.3, 1.5, 9, 8, 0.5, 0.4]
    assert log.train.xs.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_batch_number_that_begins_anew_is_no_resume(tmp_path: Path) -> None:
    """Every epoch counts its batches from 0."""
    rows = [f"{e},{b},{2.0 - e * 0.1}" for e in range(5) for b in range(20)]
    log = one(lines(tmp_path / "log.csv", ["epoch,batch,loss", *rows]))

    assert log.resumed == ()
    assert len(log.train.values) == 100


def test_validation_once_an_epoch_beside_training_at_every_step(tmp_path: Path) -> None:
    """Both stand on one axis."""
    rows = [f"{e},{e * 20 + b},{2 - e * 0.1},{1.5 if b == 19 else ''}" for e in range(5) for b in range(20)]
    log = one(lines(tmp_path / "log.csv", ["epoch,step,train_loss,val_loss", *rows]))

    assert log.unit == "epoch"
    assert (len(log.train.xs), len(log.held.xs)) == (100, 5)
    assert log.train.xs.max() == log.held.xs.max()


def test_scores_are_better_when_higher(tmp_path: Path) -> None:
    """Accuracy, mAP, IoU; an error rate is not."""
    rows = ["epoch,loss,val_mIoU,val_error_rate", *(f"{e},{t},{0.1 * e},{0.5 - 0.05 * e}" for e, t, _ in BOTH)]
    log = one(lines(tmp_path / "log.csv", rows))

    assert (log.held_score.name, log.held_score.direction) == ("val_mIoU", "max")


def test_what_the_user_names_goes_before_what_is_inferred(tmp_path: Path) -> None:
    """A direction that is told makes the columns scores."""
    rows = ["epoch,a,b", *(f"{e},{1 - t / 3},{1 - v / 3}" for e, t, v in BOTH)]
    file = lines(tmp_path / "log.csv", rows)

    with pytest.raises(LogError, match="name them: --train COL"):
        one(file)
    log = one(file, Asked("a", "b", "max"))
    assert (log.train_score.name, log.held_score.direction, log.train) == ("a", "max", None)
    with pytest.raises(LogError, match="no column 'c'"):
        one(file, Asked("c"))


def test_an_absent_value_is_not_nan(tmp_path: Path) -> None:
    """NaN is a value of its own."""
    log = one(lines(tmp_path / "log.csv", ["epoch,train_loss,val_loss", "0,1.0,", "1,nan,2.0", "2,0.5,1.0"]))

    assert len(log.train.values) == 3
    assert np.isnan(log.train.values[1])
    assert len(log.held.values) == 2


def test_runs_in_a_folder_are_found(tmp_path: Path) -> None:
    """A folder each."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        csv(tmp_path / name)

    assert len(open_logs(tmp_path)) == 2


def test_the_folder_of_a_trainer_has_one_run_however_many_checkpoints(tmp_path: Path) -> None:
    """The newest state has the history of all."""
    for step in (20, 60):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        trainer_state(folder)

    assert ["checkpoint-60" in t.source or t.source == str(tmp_path) for t in open_logs(tmp_path)] == [True]


def test_several_runs_side_by_side_in_a_chart_export(tmp_path: Path) -> None:
    """Each is a run of its own."""
    head = '"Step","a - val_loss","b - val_loss"'
    tables = open_logs(lines(tmp_path / "export.csv", [head, *(f'"{e}","{t}","{v}"' for e, t, v in BOTH)]))

    assert [t.source.rpartition(": ")[2] for t in tables] == ["a", "b"]


BAD = [
    ("empty.csv", b"", "is empty"),
    ("log.csv", bytes(range(256)) * 20, "is binary"),
    ("history.pkl", b"\x80\x04\x95\x00", "is a pickle, which runs code"),
    ("model.pt", b"PK\x03\x04aaaa", "is a zip archive"),
    ("torn.json", b'{"loss": [1, 2', "is not whole JSON"),
    ("config.json", b'{"a": "b"}', "holds neither a list of rows nor columns"),
    ("notes.txt", b"hello\nthis is no log\n", "no line of it names a loss"),
    ("mixed.csv", b"epoch,a,b\n" + b"1,1,1\n2;2;2\n" * 10, "are separators mixed"),
    ("events.out.tfevents.9", VERSION, "without the first scalar"),
    ("other.db", b"SQLite format 3\0" + b"\0" * 200, "data base, and not one of MLflow"),
    ("run-1.wandb", b":W&B\xe1\xbe\x00", "is a W&B run without the first logged value"),
    ("run-2.wandb", b":W&B\xe1\xbe\x00" + b"\x00" * 4 + b"\x20\x00\x01ab", "breaks off before the first logged value"),
    ("bad.jsonl", b'{"loss": 1}\nx\ny\nz\n', "is no JSON object"),
]


@pytest.mark.parametrize(("name", "content", "words"), BAD, ids=[b[0] for b in BAD])
def test_a_bad_log_gets_its_sentence(name, content, words, tmp_path: Path) -> None:
    """What it is instead, in a sentence."""
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(LogError, match=words):
        open_logs(file)


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """The rest is good."""
    file = csv(tmp_path)
    file.write_text(file.read_text() + "6,0.3")
    (table,) = open_logs(file)

    assert "last line is torn" in table.notes[0]
    assert len(curves_of(table).train.values) == len(TRAIN)


def test_a_long_console_log_is_read_as_the_short_way_would(tmp_path: Path) -> None:
    """Lines that differ in their numbers only are read together, and give the same columns."""
    rows = [f"iter {i}: loss {3.0 / (i + 1):.5f}, time 21.3ms, lr 1.0e-0{i % 3 + 1}, mfu 3.1%" for i in range(30_000)]
    (quick,) = open_logs(lines(tmp_path / "long.log", rows))
    (slow,) = open_logs(lines(tmp_path / "short.log", rows[:50]))

    assert [c.name for c in quick.columns] == [c.name for c in slow.columns]
    assert np.allclose(quick.column("loss").values[:50], slow.column("loss").values)
    assert quick.column("step").values[-1] == 29_999


def test_mixed_lines_are_read_as_each_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a form of line says is kept, and gives what taking every line apart gives."""
    kinds = [
        "2026-01-01 00:00:{i:02d},123 INFO starting epoch {e}/20",
        "INFO [epoch {e}/20] step {i} loss: {a:.4f} lr: 1.00e-03 time: {b:.3f}s",
        "Train Epoch: {e} [{i}/60 ({i}%)]\tLoss: {a:.6f}",
        "saved checkpoint to runs/ckpt_{i}.pt ({i} MB)",
        "grad norm nan, loss scale {i}",
        "Epoch {e}: train_loss=-{a:.3f}, val_loss={b:.4f}, val_acc={i}%, val_hits={i}/60",
    ]
    rows = [
        k.format(e=e + 1, i=i, a=2 / (i + e + 1), b=1 / (i + 2)) for e in range(20) for i in range(9) for k in kinds
    ]
    file = lines(tmp_path / "mixed.log", rows)
    (quick,) = open_logs(file)
    monkeypatch.setattr(console, "FORMS", -1)
    (slow,) = open_logs(file)

    assert [c.name for c in quick.columns] == [c.name for c in slow.columns]
    for a, b in zip(quick.columns, slow.columns, strict=True):
        assert np.array_equal(a.rows, b.rows)
        assert np.array_equal(a.values, b.values)
