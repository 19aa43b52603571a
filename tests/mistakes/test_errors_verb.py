"""``torchladder errors`` from the command line: what it prints and writes, its exit statuses, its refusals."""

import json
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest

from tests.mistakes.made import analysed, digits, drawn, logits_of, model
from tests.mistakes.payloads import PAYLOADS, hostile
from torchladder.cli.main import main
from torchladder.mistakes import tags as stored
from torchladder.mistakes.page import page
from torchladder.mistakes.report import report_of
from torchladder.report.terminal import render


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    """Return the folder of a run with predictions, working beside it."""
    monkeypatch.chdir(tmp_path)
    _, _, x, y = digits()
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < 0.15, rng.integers(0, 10, len(y)), y)
    (tmp_path / "run").mkdir()
    np.savez(tmp_path / "run" / "predictions.npz", output=logits_of(model(), x).astype(np.float32), target=noisy)
    np.savez(tmp_path / "data.npz", x=x, y=noisy)
    return tmp_path / "run"


def test_a_run(run_folder, capsys):
    """The page lies beside the run; the report is one like any other and mistakes are no findings."""
    status = main(["errors", "run", "--data", "data.npz", "--json", "r.json", "--sample", "20"])
    out = capsys.readouterr().out
    report = json.loads((run_folder.parent / "r.json").read_text(encoding="utf-8"))
    facts = report["rungs"][0]["facts"]

    assert status == 0
    assert report["verdict"] == "healthy"
    assert report["findings"] == []
    assert facts["buckets"][0]["kind"] == "label"
    assert facts["buckets"][0]["counts"] is True
    assert len(facts["sample"]) == 20
    assert "labels that are probably wrong" in out
    assert (run_folder / "mistakes.html").read_text(encoding="utf-8").count("data:image/png") == 20
    assert all(len(line) <= 80 for line in out.splitlines() if "Next: " not in line)


def test_the_page_is_written_where_it_is_asked_for(run_folder, capsys):
    """--html is the page with figures, buckets and mistakes, and an earlier one is replaced without --force."""
    for _ in range(2):
        assert main(["errors", "run", "--html", "page.html", "-q"]) == 0
    text = (run_folder.parent / "page.html").read_text(encoding="utf-8")

    assert "<title>Mistakes</title>" in text
    assert '"balanced accuracy' in text
    assert not (run_folder / "mistakes.html").exists()
    assert not capsys.readouterr().out


def test_a_record_is_shown_again(run_folder, capsys):
    """``torchladder report`` prints the same page."""
    main(["errors", "run", "--json", "r.json"])
    first = capsys.readouterr().out
    main(["report", "r.json"])

    assert capsys.readouterr().out == first


def test_tags_are_counted(run_folder, capsys):
    """Tags beside the run, or in a file that is named, become a Pareto."""
    main(["errors", "run", "--json", "r.json", "-q"])
    ids = json.loads((run_folder.parent / "r.json").read_text(encoding="utf-8"))["rungs"][0]["facts"]["sample"]
    tags = {"schema": 1, "tags": ["blurred", "odd"], "mistakes": {ids[0]: ["blurred"], ids[1]: ["blurred", "odd"]}}
    stored.write(run_folder / "tags.json", tags)
    main(["errors", "run"])
    out = capsys.readouterr().out

    assert "tags of 2 mistakes looked at by hand" in out
    assert out.index("blurred") < out.index("odd  ")
    assert "100.0%" in out


def test_a_file_of_predictions_gets_nothing_beside_it(run_folder, capsys):
    """Without --html, --out or --serve nothing is written there."""
    lines = "\n".join(f"{i % 2},{(i // 3) % 2}" for i in range(40))
    (run_folder / "p.csv").write_text(f"label,prediction\n{lines}\n", encoding="utf-8")

    assert main(["errors", "run/p.csv"]) == 0
    assert {p.name for p in run_folder.iterdir()} == {"predictions.npz", "p.csv"}
    assert "errors --serve run/p.csv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "no file, run folder or run"),
        (["run", "--data", "nothing.npz"], "no file or folder nothing.npz"),
        (["run", "--html", "page.html"], "exists and is no page of mistakes"),
        (["run", "--html", "no/page.html"], "no folder no"),
        (["run", "--tags", "none.json"], "no file none.json"),
        (["run", "--out", "page.html"], "is a file; name a folder"),
        (["run", "--sample", "0"], "not a number above zero"),
        (["run", "--label", "odd"], "there is no array 'odd'"),
        (["page.html"], "no file of predictions that is known"),
        (["values.csv"], "values, not classes"),
    ],
)
def test_bad_input_gets_one_sentence(run_folder, capsys, words, sentence):
    """Exit status 2 and a sentence; what was there stays."""
    (run_folder.parent / "page.html").write_text("mine", encoding="utf-8")
    (run_folder.parent / "values.csv").write_text("label,prediction\n0.25,0.5\n0.75,0.5\n", encoding="utf-8")
    status = main(["errors", *words])
    told = capsys.readouterr().err

    assert status == 2
    assert sentence in told
    assert told.count("\n") == 1
    assert (run_folder.parent / "page.html").read_text(encoding="utf-8") == "mine"


def test_hostile_words_are_text_on_the_page_and_on_the_terminal(tmp_path):
    """No payload stands in the page as markup; none moves or colours a terminal."""
    found = analysed(hostile(tmp_path), tmp_path)
    text = page(found, stored.empty(texts=True), name=PAYLOADS[1], sentence=PAYLOADS[0], served=False)
    body = text.partition("</style>")[2]
    shown = render(
        report_of(
            found, name="\x1b[31mred", seconds=0.0, tags=None, files={"page": "\x1b]0;x\x07"}, following="\x1b[2J"
        ),
        width=80,
    )

    assert "pwned" in body
    assert not [p for p in PAYLOADS if "<" in p and p in body]
    assert body.count("<script") == body.count("</script>") == 2
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_widths(tmp_path):
    """Nothing is wider than the terminal, from 60 columns on."""
    logits, y = drawn(n=600, k=3)
    names = np.array(["a class with quite a long name indeed", "短い名前", "c"])
    np.savez(tmp_path / "predictions.npz", output=logits, target=(y + 1) % 3, classes=names)
    from torchladder.mistakes.columns import Asked
    from torchladder.mistakes.reading import read

    found = analysed(read(tmp_path / "predictions.npz", Asked()), tmp_path)
    report = report_of(found, name="p", seconds=0.0, tags=None, files={}, following="x")
    from rich.cells import cell_len

    for width in (60, 80, 120):
        assert max(cell_len(line) for line in render(report, width=width).splitlines()) <= width


@pytest.mark.slow
def test_serving_until_ctrl_c(run_folder):
    """The address is printed, answers, and Ctrl-C ends it without a traceback."""
    command = [sys.executable, "-m", "torchladder", "errors", "run", "--serve", "--sample", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = next(line.split()[1] for line in process.stdout if line.strip().startswith("open "))
        with urllib.request.urlopen(url, timeout=10) as answer:
            shown = answer.read().decode()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)

    assert url.startswith("http://127.0.0.1:")
    assert "connect-src 'self'" in shown
    assert process.returncode == 0
    assert told == "torchladder: stopped; no tag was given\n"
