"""Predictions are read from every form they come in, and what is none gets a sentence."""

import json

import numpy as np
import pytest

from torchladder.core.errors import UsageError
from torchladder.mistakes.columns import Asked
from torchladder.mistakes.reading import located, read

LABELS = ["cat", "dog", "cow"] * 10
GIVEN = ["cat", "dog", "dog"] * 10
P = np.tile([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.1, 0.6, 0.3]], (10, 1))  # of cat, dog, cow


def rows(*columns):
    return "\n".join(",".join(str(v) for v in row) for row in zip(*columns, strict=True)) + "\n"


def csv(folder, head, *columns, asked=Asked()):  # noqa: B008 - frozen
    (folder / "p.csv").write_text(head + "\n" + rows(*columns), encoding="utf-8")
    return read(folder / "p.csv", asked)


def same(p):
    """Check what every form of the same predictions must give."""
    assert [p.classes[i] for i in p.truth] == LABELS
    assert [p.classes[i] for i in p.guess] == GIVEN
    return p


def test_answers_alone(tmp_path):
    """Labels and answers are enough; there are no scores then."""
    p = same(csv(tmp_path, "id,y_true,y_pred", range(30), LABELS, GIVEN))

    assert p.proba is None
    assert p.ids[4] == "4"


@pytest.mark.parametrize("head", ["prob_{}", "p_{}", "{}_score", "proba:{}", "Prob {}"])
def test_columns_of_probabilities(tmp_path, head):
    """A column of probabilities a class, however it is called, gives the answers too."""
    names = ",".join(head.format(c) for c in ("cat", "dog", "cow"))
    p = same(csv(tmp_path, f"label,{names}", LABELS, *P.T))

    assert p.confidence == pytest.approx(np.tile([0.7, 0.8, 0.6], 10))


def test_logits_are_told_from_probabilities(tmp_path):
    """Columns that are no probabilities are logits; softmax makes them some."""
    p = same(csv(tmp_path, "label,logit_cat,logit_dog,logit_cow", LABELS, *np.log(P).T))

    assert p.proba[0] == pytest.approx([P[0][["cat", "dog", "cow"].index(c)] for c in p.classes])
    assert "logits" in p.told[-1]


def test_scores_with_numbers_and_labels_with_names(tmp_path):
    """Numbered scores of named classes are taken in the order of the alphabet, and that is told."""
    order = [0, 2, 1]
    p = same(csv(tmp_path, "label,prob_0,prob_1,prob_2", LABELS, *P[:, order].T))

    assert "'cat' is taken for 0" in p.told[-1]


def test_lists_in_json_lines(tmp_path):
    """Lists and records of scores."""
    for cell in (lambda r: dict(zip(("cat", "dog", "cow"), r, strict=True)), lambda r: [r[0], r[2], r[1]]):
        lines = [json.dumps({"label": y, "probs": cell(r.tolist())}) for y, r in zip(LABELS, P, strict=True)]
        (tmp_path / "p.jsonl").write_text("\n".join(lines), encoding="utf-8")
        same(read(tmp_path / "p.jsonl", Asked()))


def test_parquet(tmp_path):
    """A Parquet file, scores as lists."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"label": LABELS, "prediction": GIVEN, "probs": P[:, [0, 2, 1]].tolist()})
    pq.write_table(table, tmp_path / "p.parquet")

    assert same(read(tmp_path / "p.parquet", Asked())).proba is not None


@pytest.mark.parametrize("scale", [np.asarray, lambda p: np.log(p / (1 - p))], ids=["probability", "logit"])
def test_one_score_of_two_classes(tmp_path, scale):
    """One score is of the positive class, as probability or logit; one half or 0 decides."""
    p = csv(tmp_path, "label,score", ["no", "yes"] * 3, scale(np.array([0.2, 0.9, 0.6, 0.4, 0.1, 0.8])))

    assert p.wrong.tolist() == [False, False, True, True, False, False]
    assert p.proba[:, 1] == pytest.approx([0.2, 0.9, 0.6, 0.4, 0.1, 0.8])


def test_a_score_that_is_the_confidence_of_the_answer(tmp_path):
    """Never below one half beside an answer: it is how sure the answer is, whichever it is."""
    p = csv(tmp_path, "label,prediction,score", [0, 1, 0, 1], [0, 1, 1, 0], [0.9, 0.8, 0.7, 0.6])

    assert p.confidence == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert p.proba[0] == pytest.approx([0.9, 0.1])


def test_answers_that_another_threshold_gave_are_kept(tmp_path):
    """The answers of the file are the answers, whatever the scores say."""
    p = csv(tmp_path, "label,prediction,prob_0,prob_1", [0, 1, 1], [0, 0, 1], [0.9, 0.4, 0.2], [0.1, 0.6, 0.8])

    assert p.wrong.tolist() == [False, True, False]


def test_training_rows_are_left_out_and_a_split_chosen(tmp_path):
    """Rows of training are no test of anything; --split names one of the others."""
    split = ["train", "val", "test"] * 10

    assert len(csv(tmp_path, "label,prediction,split", LABELS, GIVEN, split)) == 20
    assert len(csv(tmp_path, "label,prediction,split", LABELS, GIVEN, split, asked=Asked(split="val"))) == 10


def test_columns_that_the_user_names(tmp_path):
    """Any column can be named."""
    asked = Asked(label="a", prediction="b", group="c")
    p = same(csv(tmp_path, "a,b,c", LABELS, GIVEN, ["x", "y", "z"] * 10, asked=asked))

    assert set(p.groups) == {"x", "y", "z"}


@pytest.mark.parametrize("shape", ["NK", "NKHW", "NHWK", "one-hot", "binary", "column"])
def test_arrays_of_a_run(tmp_path, shape):
    """Outputs and targets as runs keep them, whichever axis the classes are on."""
    rng = np.random.default_rng(0)
    if shape in {"binary", "column"}:
        y = rng.integers(0, 2, 40)
        output = (y * 2.0 - 1).reshape(-1, 1) if shape == "column" else y * 2.0 - 1
        y = y.reshape(output.shape).astype(np.float32)
    else:
        y = rng.integers(0, 3, (40,) if shape in {"NK", "one-hot"} else (4, 5, 2))
        output = np.eye(3)[y] * 5
        output = np.moveaxis(output, -1, 1) if shape == "NKHW" else output
    target = np.eye(3)[y] if shape == "one-hot" else y
    np.savez(tmp_path / "predictions.npz", output=output.astype(np.float32), target=target)
    p = read(located(str(tmp_path)), Asked())

    assert len(p) == 40
    assert not p.wrong.any()


def test_ignored_targets_and_broken_outputs_are_left_out_and_told(tmp_path):
    """Targets below 0 are ignored, outputs that are no numbers are a fault that is told."""
    output = np.eye(3)[[0, 1, 2, 0]] * 5.0
    output[1] = np.nan
    np.savez(tmp_path / "predictions.npz", output=output, target=np.array([0, 1, -100, 1]))
    p = read(located(str(tmp_path)), Asked())

    assert p.truth.tolist() == [0, 1]
    assert "1 targets below 0" in p.told[-1]
    assert "the model itself is broken" in p.told[-1]


@pytest.mark.parametrize(
    ("head", "columns", "words"),
    [
        ("label,prediction", ([0.5, 1.25], [0.4, 1.5]), "values, not classes"),
        ("a,b", ([1, 2], [1, 2]), "say which with --label"),
        ("label,b", ([1, 2], [1, 2]), "neither predictions nor scores"),
        ("label,score", (LABELS, [0.5] * 30), "3 classes, not two"),
        ("label,prob_cat,prob_dog", (LABELS, [0.5] * 30, [0.5] * 30), "none of the label 'cow'"),
        ("label,prediction", (["", ""], ["a", "b"]), "no row with a label"),
        ("label,probs", (["a", "b"], ["x", "y"]), "no lists"),
    ],
)
def test_a_table_that_cannot_be_used_gets_one_sentence(tmp_path, head, columns, words):
    """The sentence names what is wrong and what to do."""
    with pytest.raises(UsageError, match=words):
        csv(tmp_path, head, *columns)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"output": np.zeros(5), "target": np.linspace(0, 1, 5)}, "values, not classes"),
        ({"output": np.zeros((5, 3)), "target": np.zeros(4, dtype=int)}, "do not pair up"),
        ({"output": np.zeros((5, 3))}, "no array of labels"),
        ({"target": np.zeros(5, dtype=int)}, "no array of outputs"),
        ({"output": np.eye(3), "target": np.array([0, 1, 7])}, "label 7 has no output"),
        ({"prediction": np.zeros(4, dtype=int), "label": np.zeros(5, dtype=int)}, "do not pair up"),
    ],
)
def test_arrays_that_cannot_be_used_get_one_sentence(tmp_path, arrays, words):
    """Values, shapes that do not fit, missing arrays."""
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(UsageError, match=words):
        read(tmp_path / "p.npz", Asked())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x80\x04pickle"], ids=["empty", "zip", "pickle"])
def test_a_broken_file_gets_one_sentence(tmp_path, content):
    """Empty and broken files."""
    (tmp_path / "p.npz").write_bytes(content)
    with pytest.raises(UsageError, match=r"empty|cannot be read as \.npz"):
        read(tmp_path / "p.npz", Asked())


def test_a_pickle_is_refused(tmp_path):
    """Arrays of objects would run code when they are read."""
    np.savez(tmp_path / "p.npz", output=np.array([{"a": 1}], dtype=object), target=np.zeros(1))
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "p.npz", Asked())


def test_a_run_by_its_id(tmp_path, monkeypatch):
    """The beginning of a run's id is enough; several that fit are refused."""
    monkeypatch.chdir(tmp_path)
    for name in ("20250101-aa", "20250101-ab"):
        folder = tmp_path / ".torchladder" / "runs" / name
        folder.mkdir(parents=True)
        np.savez(folder / "predictions.npz", output=np.eye(2), target=np.arange(2))

    assert located("20250101-ab").parent.name == "20250101-ab"
    with pytest.raises(UsageError, match="2 runs match"):
        located("20250101")
    with pytest.raises(UsageError, match="no file, run folder or run"):
        located("2024")
    with pytest.raises(UsageError, match=r"holds no predictions\.npz"):
        located(str(tmp_path))
