"""``torchladder data split`` on real data: what is written, that it is clean, and what cannot be had."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris

from torchladder.cli.main import main

SIDES = ("train", "val", "test")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cancer(here: Path) -> Path:
    frame = load_breast_cancer(as_frame=True).frame
    frame["patient"] = [f"p{i // 4}" for i in range(len(frame))]
    frame["day"] = [f"2024-{1 + i // 84:02d}-{1 + i // 3 % 28:02d}" for i in range(len(frame))]
    frame.to_csv("cancer.csv", index=False)
    return here / "cancer.csv"


@pytest.fixture
def pictures(here: Path) -> Path:
    from PIL import Image

    d = load_digits()
    order = np.random.default_rng(0).permutation(300)
    for i in order:
        folder = here / "digits" / f"class {d.target[i]}"
        folder.mkdir(parents=True, exist_ok=True)
        name = np.random.default_rng(i).bytes(4).hex()
        Image.fromarray((d.images[i] * 15).astype(np.uint8)).resize((24, 24)).save(folder / f"{name}.png")
    return here / "digits"


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def record(folder: str = "out") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(folder, "split.json").read_text())
    return found


def split(*words: str) -> int:
    return main(["data", "split", "--out", "out", *words])


def test_groups_stay_whole_and_every_row_is_on_one_side(cancer: Path, capsys) -> None:
    """No patient on two sides, all rows there byte for byte, both classes everywhere, and the checks say so."""
    status = split("cancer.csv", "--group", "patient", "--json", "r.json")

    parts = {s: rows(f"out/{s}.csv") for s in SIDES}
    patients = [{r["patient"] for r in part} for part in parts.values()]
    lines = [line for s in SIDES for line in Path(f"out/{s}.csv").read_bytes().splitlines(keepends=True)[1:]]
    assert status == 0
    assert not patients[0] & patients[1]
    assert not patients[0] & patients[2]
    assert not patients[1] & patients[2]
    assert sorted(lines) == sorted(cancer.read_bytes().splitlines(keepends=True)[1:])
    assert "0 of" in capsys.readouterr().out
    kept = record()
    assert kept["rule"] == "by group `patient`, stratified by `target`"
    assert [kept["sides"][s]["samples"] for s in SIDES] == [len(parts[s]) for s in SIDES]
    assert kept["proof"]["verdict"] == "healthy"


def test_in_time_nothing_held_out_is_earlier(cancer: Path) -> None:
    """Training ends before validation begins, which ends before the test begins; the gap is nowhere."""
    assert split("cancer.csv", "--time", "day", "--gap", "2d", "--at-random") == 0

    days = [[r["day"] for r in rows(f"out/{s}.csv")] for s in SIDES]
    assert max(days[0]) < min(days[1]) <= max(days[1]) < min(days[2])
    assert record()["left_out"]["within the gap"] > 0


def test_copies_stay_on_one_side(here: Path) -> None:
    """Every third row of a table occurs three times: all three are on one side."""
    lines = load_iris(as_frame=True).frame.drop_duplicates().to_csv(index=False).splitlines()
    body = [line for i, line in enumerate(lines[1:]) for _ in range(3 if i % 3 == 0 else 1)]
    Path("iris.csv").write_text("\n".join([lines[0], *np.random.default_rng(0).permutation(body)]) + "\n")

    split("iris.csv")

    parts = [set(Path(f"out/{s}.csv").read_text().splitlines()[1:]) for s in SIDES]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv.gz"])
def test_tables_keep_their_format(here: Path, suffix: str) -> None:
    """What is written is of the kind that was read, and holds all rows."""
    import pandas as pd

    frame = load_iris(as_frame=True).frame
    name = f"iris{suffix}"
    if suffix == ".jsonl":
        frame.to_json(name, orient="records", lines=True)
    elif suffix == ".parquet":
        frame.to_parquet(name)
    else:
        Path(name).write_bytes(gzip.compress(frame.to_csv(index=False).encode()))

    assert split(name, "--fractions", "60,20,20") == 0

    read = {".jsonl": lambda p: pd.read_json(p, lines=True), ".parquet": pd.read_parquet, ".csv.gz": pd.read_csv}[
        suffix
    ]
    assert [len(read(f"out/{s}{suffix}")) for s in SIDES] == [90, 30, 30]


def test_quoted_line_breaks_and_bad_rows(here: Path) -> None:
    """A field of two lines is one row; a row of too many fields is on no side, and said to be."""
    body = [f'"text {i}\nsecond line, {i}",{i % 2},{i * 0.5}' for i in range(60)]
    Path("t.csv").write_text("\n".join(["words,label,x", *body, "a,b,c,d,e"]))

    split("t.csv", "--fractions", "0.5,0.5")

    found = [r["words"] for s in ("train", "val") for r in rows(f"out/{s}.csv")]
    assert sorted(found) == sorted(f"text {i}\nsecond line, {i}" for i in range(60))
    assert record()["unreadable"] == 1


def test_arrays_give_the_numbers_of_samples(here: Path) -> None:
    """Each sample's number is on one side."""
    d = load_digits()
    np.savez("digits.npz", x=d.images.astype(np.float32), y=d.target)

    assert split("digits.npz") == 0

    with np.load("out/split.npz") as stored:
        assert sorted(np.concatenate([stored[s] for s in SIDES])) == list(range(1797))


def test_pictures_are_listed_linked_or_copied(pictures: Path) -> None:
    """The three ways hold the same files."""
    assert split("digits", "--fail-on", "error") == 0
    assert main(["data", "split", "digits", "--out", "linked", "--link", "-q"]) == 0
    assert main(["data", "split", "digits", "--out", "copied", "--copy", "-q"]) == 0

    for side in SIDES:
        listed = sorted(Path(f"out/{side}.txt").read_text().splitlines())
        links = sorted(Path("linked", side).rglob("*.png"))
        copies = sorted(Path("copied", side).rglob("*.png"))
        assert [str(p.relative_to(f"linked/{side}")) for p in links] == listed
        assert [str(p.relative_to(f"copied/{side}")) for p in copies] == listed
        assert all(p.is_symlink() for p in links)
        assert not any(p.is_symlink() for p in copies)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cancer.csv", "--group", "one"], "no column 'one'"),
        (["cancer.csv", "--stratify", "--time", "day"], "exclude each other"),
        (["cancer.csv", "--gap", "2d"], "--time"),
        (["cancer.csv", "--scene"], "no scenes were found"),
        (["cancer.csv", "--source"], "--group"),
        (["cancer.csv", "--copy"], "folders of pictures"),
        (["cancer.csv", "--fractions", "0.5,0.2"], "not to 1 or 100"),
        (["nothing.csv"], "no file or folder"),
    ],
)
def test_wishes_that_cannot_be_had_are_one_sentence(cancer: Path, words: list[str], sentence: str, capsys) -> None:
    """Status 2, one line, nothing written."""
    status = split(*words)

    said = capsys.readouterr().err
    assert status == 2
    assert sentence in said
    assert said.count("\n") == 1
    assert not Path("out").exists()
    assert not list(Path().glob(".out*"))


def test_one_group_and_rare_classes(here: Path, capsys) -> None:
    """One group cannot be on three sides, nor can a class of two samples when each side must have it."""
    frame = load_iris(as_frame=True).frame
    frame["who"] = "me"
    frame.loc[:1, "target"] = 7
    frame.to_csv("iris.csv", index=False)

    assert split("iris.csv", "--group", "who") == 2
    assert "holds 1 group: too few for 3 sides" in capsys.readouterr().err
    assert split("iris.csv", "--stratify") == 2
    assert "class `7` has too few samples" in capsys.readouterr().err


def test_nothing_is_overwritten_unasked(cancer: Path, capsys) -> None:
    """A second split needs --force; the data itself is never written over."""
    assert split("cancer.csv", "-q") == 0
    before = Path("out/train.csv").read_bytes()
    assert split("cancer.csv", "-q", "--seed", "1") == 2
    assert Path("out/train.csv").read_bytes() == before
    assert split("cancer.csv", "-q", "--seed", "1", "--force") == 0
    assert Path("out/train.csv").read_bytes() != before
    assert main(["data", "split", "out/train.csv", "--out", "out", "--force"]) == 2
    assert "would be overwritten" in capsys.readouterr().err


def test_a_split_by_scene_is_checked_again_by_the_command_that_it_names(here: Path, capsys) -> None:
    """Films of one scene each: the lists are read back as pictures, and that the sides differ is a remark."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for scene in range(10):
        base = rng.integers(0, 255, (6, 6, 3)).astype(np.uint8)
        film = np.array(Image.fromarray(base).resize((32, 32))).astype(float) * rng.uniform(0.4, 1)
        folder = here / "film" / "ab"[scene % 2]
        folder.mkdir(parents=True, exist_ok=True)
        for frame in range(60):
            noisy = np.clip(np.roll(film, frame // 10, axis=1) + rng.normal(0, 3, film.shape), 0, 255)
            Image.fromarray(noisy.astype(np.uint8)).save(folder / f"f{scene:02d}{frame:03d}.png")

    assert split("film", "--fractions", "70,30") == 0
    command = capsys.readouterr().out.strip().splitlines()[-1].partition("torchladder ")[2]
    assert command == "data check out/train.txt out/val.txt"
    assert main([*command.split(), "--select", "TL121", "--json", "r.json"]) == 0

    report = json.loads(Path("r.json").read_text())
    inputs = [f for f in report["findings"] if f["message"].startswith("inputs")]
    assert [f["severity"] for f in inputs] == ["note"]
    assert "as a split by scene makes them" in inputs[0]["message"]
    assert [row["kind"] for row in report["rungs"][0]["facts"]["sides"]] == ["images", "images"]


@pytest.mark.parametrize("form", ["list", "table"])
def test_lists_and_tables_of_pictures_keep_their_lines(pictures: Path, form: str) -> None:
    """Lines are copied byte for byte, labels with them; the other side reads them below the same folder."""
    files = sorted(p.relative_to(pictures).as_posix() for p in pictures.rglob("*.png"))
    lines = [
        f"{f},{f.split()[1][0]},p{i // 4}\n" if form == "table" else f"{f} {f.split()[1][0]}\n"
        for i, f in enumerate(files)
    ]
    name, head = ("labels.csv", "file,digit,patient\n") if form == "table" else ("all.txt", "")
    Path(name).write_text(head + "".join(lines))
    named = ["--label", "digit", "--group", "patient"] if form == "table" else []

    assert split(name, "--root", "digits", *named) == 0

    suffix = Path(name).suffix
    written = [Path(f"out/{s}{suffix}").read_text().removeprefix(head).splitlines(keepends=True) for s in SIDES]
    assert sorted(line for part in written for line in part) == sorted(lines)
    assert record()["root"] == "digits"
    asked = ["--label", "digit"] if form == "table" else []
    assert main(["data", "check", *asked, f"out/train{suffix}", f"out/val{suffix}", "-q"]) == 0
