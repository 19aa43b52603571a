"""What a table of runs says: the law it carries, how it foretells, which runs lie beside it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from torchladder.cli.main import main
from torchladder.core.errors import UsageError
from torchladder.scaling import Curve, Law, Run, Term
from torchladder.scaling.report import constants, findings_of
from torchladder.scaling.study import study
from torchladder.scaling.table import Row, named_run, number, of_records, read

PUBLISHED = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}
CHINCHILLA = Curve(1.8172, (Term("parameters", 482.01, 0.3478), Term("samples", 2085.43, 0.3658)))
DATA = Curve(0.3, (Term("samples", 50.0, 0.6),))


def grid(seed: int = 0, noise: float = 0.005, side: int = 7) -> list[Row]:
    rng = np.random.default_rng(seed)
    sizes = [(n, d) for n in np.geomspace(5e7, 1.6e10, side) for d in np.geomspace(1e9, 5e11, side)]
    return [
        Row(
            f"r{i}",
            Run(CHINCHILLA.loss(parameters=n, samples=d) * math.exp(noise * rng.standard_normal()), d, n),
            i + 2,
        )
        for i, (n, d) in enumerate(sizes)
    ]


def line(noise: float = 0.004) -> list[Row]:
    rng = np.random.default_rng(3)
    sizes = np.geomspace(1e3, 1e6, 10)
    return [
        Row(f"d{i}", Run(DATA.loss(samples=d) * math.exp(noise * rng.standard_normal()), d))
        for i, d in enumerate(sizes)
    ]


def scaled(row: Row, factor: float) -> Row:
    return Row(row.name, Run(row.run.loss * factor, row.run.samples, row.run.parameters), row.line)


@pytest.fixture(scope="module")
def joint():
    """Return the study of a clean table, which several tests look at."""
    return study(grid(1), flops=[5.76e23])


def test_the_published_constants_are_recovered(joint) -> None:
    """Each lies within its interval."""
    found = constants(joint.fit)

    assert {k for k, v in PUBLISHED.items() if v in found[k]} == set(PUBLISHED)


def test_the_law_foretells_better_than_a_straight_line(joint) -> None:
    """The largest runs, left out, are met several times as closely."""
    assert joint.extrapolation.holds
    assert joint.extrapolation.law_error < joint.extrapolation.line_error / 3


def test_a_budget_is_split_as_the_true_law_would(joint) -> None:
    """The best N for Chinchilla's own compute lies within the interval."""
    (best,) = joint.allocations
    n = np.geomspace(1e10, 1e12, 2000)
    true = n[np.argmin([CHINCHILLA.loss(parameters=v, samples=5.76e23 / 6 / v) for v in n])]

    assert true in best.parameters


def test_a_clean_table_has_no_finding(joint) -> None:
    """No run of it is named."""
    assert findings_of(joint, None) == []


def test_a_planted_bug_and_a_planted_leak_are_named() -> None:
    """One run 6 % above, one 7 % below; the file's lines are given."""
    rows = grid()
    rows[12], rows[30] = scaled(rows[12], 1.06), scaled(rows[30], 0.93)
    found = findings_of(study(rows), "runs.csv")

    assert {(f.name, f.where[0].line) for f in found} == {("above-scaling-line", 14), ("too-good", 32)}


@pytest.mark.parametrize(("factor", "name"), [(1.0, None), (1.05, "above-scaling-line"), (0.95, "too-good")])
def test_a_run_that_is_named_is_judged_without_being_fitted(factor, name) -> None:
    """The largest run of a sweep in one size, as it is and off."""
    rows = line()
    judged = scaled(rows[-1], factor)
    found = findings_of(study([*rows[:-1], judged], judge=[judged]), None)

    assert [f.name for f in found] == ([name] if name else [])


def test_a_law_of_one_size_is_chosen_where_only_one_varies() -> None:
    """Samples alone."""
    assert study(line()).law is Law.SAMPLES


def test_runs_that_carry_no_law_say_so() -> None:
    """Three sizes are too few."""
    found = study(line()[:3])

    assert found.fit is None
    assert "too few" in str(found.refused)


@pytest.mark.parametrize(("text", "value"), [("70M", 7e7), ("1.4e12", 1.4e12), ("1,000", 1e3), ("2B", 2e9), ("x", None),
                                             ("", None), (True, None), (float("nan"), None)])  # fmt: skip
def test_numbers_are_read_as_people_write_them(text, value) -> None:
    """Units and commas; None for anything else."""
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    ["params,tokens,val_loss\n1e6,1e9,3.5\n", "params;tokens;val_loss\n1e6;1e9;3.5\n",
     '[{"N": 1e6, "D": 1e9, "loss": 3.5}]', '{"runs": [{"N": 1e6, "D": 1e9, "loss": 3.5}]}',
     '{"N": [1e6], "D": [1e9], "loss": [3.5]}', '{"N": 1e6, "D": 1e9, "loss": 3.5}\n', "N,flops,loss\n1e6,6e15,3.5\n"],
)  # fmt: skip
def test_every_form_of_a_table_is_read(tmp_path: Path, text) -> None:
    """The same run each time."""
    file = tmp_path / "runs"
    file.write_text(text)
    (row,) = read(file).rows

    assert (row.run.loss, row.run.parameters) == (3.5, 1e6)
    assert row.run.samples == pytest.approx(1e9)


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b"\xff\xfe\x00\x01", "is no text"),
    (b"a,b\n1,2\n", "needs a column loss"), (b"N,loss\n,\n", "no row"), (b"{oops", "neither JSON")])  # fmt: skip
def test_a_bad_file_gets_its_sentence(tmp_path: Path, content, words) -> None:
    """Not a traceback."""
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        read(file)


def test_rows_that_say_nothing_are_counted() -> None:
    """A run that diverged has no loss to fit."""
    table = of_records([(2, {"D": "10", "loss": "nan"}), (3, {"D": "20", "loss": "1"})], "f")

    assert len(table.rows) == 1
    assert "1 of 2 rows" in table.notes[1]


def test_a_run_can_be_given_in_words() -> None:
    """By its sizes and loss; anything else is refused."""
    assert named_run("N=7e9,D=1.4e12,loss=1.98", []).run == Run(1.98, 1.4e12, 7e9)
    with pytest.raises(UsageError, match="no row is called"):
        named_run("nobody", [])


def test_the_verb_writes_report_and_picture(tmp_path: Path, monkeypatch) -> None:
    """JSON holds the constants with their intervals; the picture is a PNG."""
    monkeypatch.chdir(tmp_path)
    rows = "\n".join(f"{r.name},{r.run.samples},{r.run.loss}" for r in line())
    Path("runs.csv").write_text(f"name,D,loss\n{rows}\n")
    status = main(["scaling", "-q", "--json", "r.json", "--png", "p.png", "--run", "d9", "runs.csv"])
    facts = json.loads(Path("r.json").read_text())["rungs"][0]["facts"]

    assert status == 0
    assert facts["law"] == "E + B/D^b"
    assert facts["constants"]["E"]["low"] < 0.3 < facts["constants"]["E"]["high"]
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("argv", [[], ["none.csv"], ["runs.csv", "--from", "a.py"], ["--from"]])
def test_what_is_not_usable_is_status_two(tmp_path: Path, monkeypatch, argv) -> None:
    """A sentence on stderr."""
    monkeypatch.chdir(tmp_path)

    assert main(["scaling", *argv]) == 2
