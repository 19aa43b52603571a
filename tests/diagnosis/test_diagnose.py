"""The verb: report, exit status, comparison, picture; and the outlook."""

import json
import os
from pathlib import Path

import pytest

from tests.diagnosis.logs import falling, log, noisy, series, turned
from torchladder.cli.main import main
from torchladder.core.facts import Facts
from torchladder.diagnosis.compare import table
from torchladder.diagnosis.diagnose import diagnose, rules_of
from torchladder.diagnosis.outlook import outlook
from torchladder.logs.curves import curves_of
from torchladder.logs.opening import open_logs
from torchladder.report.json import load
from torchladder.rules.registry import find_rule


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(name: str, train, held) -> str:
    rows = (f"{i},{t},{v}" for i, (t, v) in enumerate(zip(train, held, strict=True)))
    Path(name).write_text("\n".join(["epoch,train_loss,val_loss", *rows]) + "\n")
    return name


def over() -> str:
    return written("over.csv", falling(2.3, 0.01, 3.0), turned(0.4, 0.8))


def good() -> str:
    return written("good.csv", falling(2.3, 0.30), falling(2.3, 0.35))


def test_the_first_finding_is_the_state_and_best_epoch_is_seen(capsys) -> None:
    """In the log's own unit, with the line of the log, and the cheapest lever first."""
    assert main(["diagnose", "--json", "r.json", over()]) == 0
    report = load("r.json")
    first = report.findings[0]

    assert (first.name, first.where[0].line, report.verdict) == ("overfitting", 9, "broken")
    assert (first.seen[0].what, first.seen[0].value) == ("best epoch", 7)
    assert first.fixes[0].title == "stop at epoch 7 and keep its state (costs nothing)"
    assert report.rungs[0].facts["stop"] == 7
    assert report.rungs[0].state == "failed"
    assert "overfitting" in capsys.readouterr().out


def test_a_healthy_run_has_no_finding(capsys) -> None:
    """And the sentence says what curves cannot show."""
    assert main(["diagnose", "--json", "r.json", good()]) == 0
    report = load("r.json")

    assert (report.verdict, report.findings) == ("healthy", ())
    assert "cannot show wrong labels" in report.sentence
    assert "broken" not in capsys.readouterr().out


def test_a_lost_run_gives_status_1_and_an_undecided_one_5() -> None:
    """As every verb that judges."""
    flat = written("flat.csv", [2.3] * 10, [2.3] * 10)
    short = written("short.csv", [2.3], [2.3])

    assert main(["diagnose", "-q", flat]) == 1
    assert main(["diagnose", "-q", "--fail-on", "never", flat]) == 0
    assert main(["diagnose", "-q", "--json", "r.json", short]) == 5
    assert json.loads(Path("r.json").read_text())["verdict"] == "undecided"


def test_no_log_is_status_2_in_one_sentence(capsys) -> None:
    """Nothing is written."""
    Path("empty.csv").touch()

    assert main(["diagnose", "empty.csv"]) == 2
    assert capsys.readouterr().err == "torchladder: empty.csv is empty\n"
    assert main(["diagnose", "nowhere.csv"]) == 2
    assert not Path(".torchladder").exists()


def test_rules_can_be_left_out() -> None:
    """By code or name."""
    assert main(["diagnose", "-q", "--ignore", "TL601", "--json", "r.json", over()]) == 0

    assert load("r.json").findings == ()


def test_several_runs_are_compared(capsys) -> None:
    """The best by the held-out loss first; one that cannot be read is named."""
    Path("empty.csv").touch()

    assert main(["diagnose", "--json", "r.json", over(), good(), "empty.csv"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1].startswith("good.csv")
    assert "left out: empty.csv is empty" in err
    assert "good.csv is best: val_loss 0.35 at epoch 19" in load("r.json").sentence


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_comparison_fits(width: int) -> None:
    """Long names keep their ends."""
    Path("a" * 60).mkdir()
    runs = [diagnose(curves_of(open_logs(Path(n))[0]), rules_of()) for n in (over(), good())]
    long = written(f"{'a' * 60}/metrics.csv", falling(2.3, 0.3), falling(2.3, 0.35))
    runs.append(diagnose(curves_of(open_logs(Path(long))[0]), rules_of()))

    assert max(map(len, table(runs, width).splitlines())) <= width


@pytest.mark.parametrize("names", [[over], [good], [over, good]], ids=["faulty", "healthy", "two"])
def test_the_picture_is_a_png(names) -> None:
    """Of one run, or of several; another file is not overwritten."""
    logs = [make() for make in names]

    assert main(["diagnose", "-q", "--png", "p.png", *logs]) == 0
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")
    Path("notes.png").write_text("mine")
    assert main(["diagnose", "-q", "--png", "notes.png", *logs]) == 2


def test_the_outlook_holds_what_comes() -> None:
    """A power law with a floor, cut at half."""
    curve = noisy([0.5 + 2.0 / (i + 1) ** 0.7 for i in range(60)], 0.01)
    ahead = outlook(series("val_loss", curve[:40]))

    assert ahead is not None
    assert ahead.low < curve[-1] < ahead.high
    assert ahead.high - ahead.low < 0.4
    assert outlook(series("val_loss", [2.0 - 0.03 * i for i in range(30)])).gains


def test_a_flat_curve_promises_nothing() -> None:
    """Its interval holds where it is."""
    ahead = outlook(series("val_loss", noisy([0.5] * 30, 0.02)))

    assert ahead is not None
    assert not ahead.gains


def test_facts_without_a_log_are_judged_as_before() -> None:
    """The rules of this family still need what they needed; a log alone does as well."""
    rule = find_rule("TL601")
    assert rule is not None

    assert rule.judge(Facts()) is None
    assert rule.judge(Facts(curves=(), evaluations=(), outcome=None)) is None
    fact = log(falling(2.3, 0.01, 3.0), turned(0.4, 0.8))
    assert [f.severity.value for f in rule.judge(Facts(logs=(fact,))) or ()] == ["warning"]


def test_torch_is_not_imported() -> None:
    """A log is read in a fraction of a second."""
    code = "import sys; from torchladder.cli.main import main; main(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code, "diagnose", "-q", good()], env=os.environ, check=False)
    assert done.returncode == 0
