"""Experiments in a fresh interpreter, for parents that must not fork."""

import os

import pytest

from torchladder.runner import forkserver
from torchladder.runner.target import resolve

PROGRAM = "import sys, pickle\n\nclass Own:\n    pass\n\npickle.dumps(Own())\nprint(sys.argv, __name__)\nsys.exit(3)\n"


def test_a_spawned_experiment_runs_like_a_forked_one(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State, exit status and output are the same whichever way the child was made."""
    (tmp_path / "train.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    entry, options = "torchladder.experiments.entry:observe", dict[str, object](plan={})
    target = resolve("train.py", ("--lr", "1"))

    forked = forkserver.run(target, entry, options, seconds=60, scratch=str(tmp_path / "a"))
    monkeypatch.setattr(forkserver, "can_fork", lambda: False)
    spawned = forkserver.run(target, entry, options, seconds=60, scratch=str(tmp_path / "b"))

    assert (forked.program.state, forked.program.exit_status) == ("exited", 3)
    assert (spawned.program.state, spawned.program.exit_status) == ("exited", 3)
    assert "['train.py', '--lr', '1'] __main__" + os.linesep == spawned.program.stdout_tail
    assert forked.program.stdout_tail == spawned.program.stdout_tail
