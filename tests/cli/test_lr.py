"""``torchladder lr`` from outside: its options, its files, and reading a curve again."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_command_line import torchladder
from torchladder.ladder import lr_plot, rates

CURVE = "lr,loss,smoothed\n0.0001,3.2,3.2\n0.001,2.5,2.5\n0.01,1.1,1.1\n0.1,0.9,0.9\n1.0,2.8,2.8\n"


def test_a_stored_curve_is_read_again(tmp_path: Path) -> None:
    """Readings, the suggestion with its rule, and a picture, from the CSV alone."""
    (tmp_path / "curve.csv").write_text(CURVE)
    done = torchladder("lr", "--from", "curve.csv", "--plot", "curve.png", cwd=tmp_path)

    assert 0 == done.returncode, done.stderr
    assert "suggestion: 0.01 (a tenth of the minimum)" in done.stdout
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_reading_a_curve_needs_no_torch(tmp_path: Path) -> None:
    """Drawing again is quick: torch is not imported."""
    (tmp_path / "curve.csv").write_text(CURVE)
    code = (
        "import sys; from torchladder.cli.main import main\n"
        "assert main(['lr', '--from', 'curve.csv', '--plot', 'curve.png']) == 0\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)


def test_a_curve_survives_its_file(tmp_path: Path) -> None:
    """What is written is what is read."""
    curve = rates.read([1e-4, 1e-3, 1e-2, 1e-1, 1.0], [3.2, 2.5, 1.1, 0.9, 2.8])
    assert curve is not None
    (tmp_path / "c.csv").write_text(lr_plot.csv_text(curve))
    assert curve == lr_plot.read_csv(tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--start", "1", "--end", "0.1", "train.py"], "must be below"),
        (["--start", "0", "train.py"], "'0' is not a number above 0"),
        (["--steps", "3", "train.py"], "too few to see a curve"),
        (["--from", "absent.csv"], "absent.csv"),
        (["--from", "notes.csv"], "has no columns lr and loss"),
        (["--from", "curve.csv", "train.py"], "leave the program out"),
        (["--plot", "curve.pdf", "train.py"], "curve.png"),
        (["--csv", "notes.csv", "train.py"], "--force overwrites it"),
        (["--csv", "nowhere/curve.csv", "train.py"], "there is no folder"),
        ([], "name the program"),
    ],
)
def test_usage(words: list[str], sentence: str, tmp_path: Path) -> None:
    """What cannot be done is said in one sentence before anything is run."""
    (tmp_path / "curve.csv").write_text(CURVE)
    (tmp_path / "notes.csv").write_text("what,when\nmine,now\n")
    done = torchladder("lr", *words, cwd=tmp_path)

    assert 2 == done.returncode
    assert sentence in done.stderr


@pytest.mark.slow
def test_on_a_specimen(tmp_path: Path, root: Path) -> None:
    """The rung's line, its table, and both files, with the program's own rate among those tried."""
    source = (root / "src/torchladder/specimens/regression.py").read_text()
    (tmp_path / "train.py").write_text(source.replace("epochs = 20", "epochs = 5"))
    words = ["--budget", "60", "--csv", "c.csv", "--plot", "c.png", "--batch-size", "128", "train.py"]
    done = torchladder("lr", *words, cwd=tmp_path)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "learning rate" in done.stdout
    assert "0.003" in done.stdout
    assert "batch size 32 -> 128" in " ".join(done.stdout.split())
    assert 20 < len((tmp_path / "c.csv").read_text().splitlines()) <= 101
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
