"""The verb: exit statuses, the report, what it says of bad targets."""

import json

import pytest

from torchladder.cli.main import main

FILE = """
import numpy as np

def f(x):
    return (x ** 2).sum()

def right():
    return (f, lambda x: 2 * x), np.arange(1.0, 5.0)

def wrong():
    return (f, lambda x: 3 * x), np.arange(1.0, 5.0)

def whole():
    return (lambda x: x.astype(int), lambda d, x: d), np.ones(3)

def broken():
    raise ValueError("no")
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FILE)


@pytest.mark.parametrize(("name", "status"), [("right", 0), ("wrong", 1), ("whole", 5), ("broken", 3), ("none", 2)])
def test_the_exit_status_is_that_of_a_judging_verb(name, status) -> None:
    """0 right, 1 wrong, 2 usage, 3 the program's own failure, 5 not judged."""
    assert main(["gradcheck", "-q", f"mine.py:{name}"]) == status


def test_the_report_names_the_tensor(tmp_path, capsys) -> None:
    """The finding's module is the argument."""
    main(["gradcheck", "--json", "r.json", "mine.py:wrong"])
    report = json.loads((tmp_path / "r.json").read_text())

    assert report["verdict"] == "broken"
    assert report["cause"]["module"] == "x"
    assert report["cause"]["name"] == "gradient-mismatch"
    assert "every element is 1.5 times the derivative" in capsys.readouterr().out
