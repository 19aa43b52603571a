"""Runs end as they should: by themselves, at a step, at the deadline, or killed."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from torchladder.core.errors import InternalError
from torchladder.runner import forkserver
from torchladder.runner.forkserver import run
from torchladder.runner.target import resolve

TRAIN = """
    import torch
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    try:
        for step in range(20):
            model(torch.ones(4, 2)).sum().backward()
            optimizer.step()
            print("step", step)
    except BaseException:
        print("caught")
    finally:
        print("finally")
"""


def test_a_run_to_the_end_is_collected(write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """The payload is the collector's, the fact says how it went."""
    write("train.py", TRAIN)

    run = observe("train.py")

    assert (run.payload["steps"], run.failure, run.reason) == (20, None, None)
    assert (run.program.state, run.program.exit_status) == ("ended", 0)
    assert run.program.stdout_tail.endswith("step 19\nfinally\n")
    assert "torch" in run.program.imported
    assert run.program.peak_memory_bytes > 50_000_000


def test_stop_ends_at_once_without_unwinding(write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """Neither finally nor except of the program sees it; what was printed is kept."""
    write("train.py", TRAIN)

    run = observe("train.py", most=3)

    assert (run.program.state, run.reason, run.payload["steps"]) == ("stopped", "enough steps", 3)
    assert run.program.stdout_tail == "step 0\nstep 1\n"


@pytest.mark.parametrize("body", ["import time; time.sleep(1000)", "while True: pass"])
def test_the_deadline_ends_a_program_that_does_not(
    body: str, write: Callable[..., Path], observe: Callable[..., Any]
) -> None:
    """A sleeping and a looping program are both collected at the deadline."""
    write("train.py", f"print('started')\n{body}")

    run = observe("train.py", seconds=0.5)

    assert (run.program.state, run.payload["steps"]) == ("timeout", 0)
    assert run.program.stdout_tail == "started\n"
    assert run.program.seconds < 5


def test_a_program_stuck_in_c_code_is_killed(
    write: Callable[..., Path], observe: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the interpreter locked nothing can be collected, and the run still ends."""
    monkeypatch.setattr(forkserver, "GRACE_SECONDS", 0.5)
    write("train.py", "import ctypes; ctypes.PyDLL(None).sleep(1000)")

    run = observe("train.py", seconds=0.5)

    assert (run.program.state, run.payload) == ("timeout", None)
    assert "did not react" in run.failure


def test_a_killed_program_names_the_signal(write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """A segmentation fault is told from an exception."""
    write("train.py", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")

    program = observe("train.py").program

    assert (program.state, program.exit_status, program.error.type) == ("killed", 139, "SIGSEGV")


def test_reading_stdin_is_an_end_of_file(write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """A program that asks a question crashes with EOFError instead of waiting for ever."""
    write("train.py", "input('Continue? ')")

    program = observe("train.py").program

    assert (program.state, program.error.type) == ("crashed", "EOFError")


def test_a_missing_package_is_named(write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """The error keeps the type by which a missing package is recognised."""
    write("train.py", "import missing_package_x")

    error = observe("train.py").program.error

    assert (error.type, str(error.frames[-1])) == ("ModuleNotFoundError", "train.py:1")
    assert "missing_package_x" in error.message


@pytest.mark.parametrize("what", ["attach", "collect"])
def test_a_failing_observer_is_reported(what: str, write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """The run returns without a payload and with our traceback."""
    write("train.py", "print('ran')")

    run = observe("train.py", entry=f"observers:unable_to_{what}")

    assert run.payload is None
    assert f"cannot {what}" in run.failure


def test_nothing_of_the_program_outlives_the_run(write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """Its children are gone, also those in a session of their own."""
    write(
        "train.py",
        """
        import subprocess, sys
        for new in (False, True):
            child = [sys.executable, "-c", "import time; time.sleep(1000)"]
            print(subprocess.Popen(child, start_new_session=new).pid)
        """,
    )

    pids = [int(word) for word in observe("train.py").program.stdout_tail.split()]

    assert len(pids) == 2
    time.sleep(0.2)
    assert [pid for pid in pids if _is_running(pid)] == []


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_interrupt_of_the_parent_ends_the_child(write: Callable[..., Path], tmp_path: Path) -> None:
    """Ctrl-C is raised on, and the program does not go on in the background."""
    write("train.py", "import time; time.sleep(1000)")
    seen: list[int] = []

    def interrupt(_elapsed: float) -> None:
        seen.extend(int(p.name) for p in Path("/proc").iterdir() if _is_child(p))
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(resolve("train.py", []), "observers:steps", {}, seconds=60,
            scratch=str(tmp_path / "s"), on_tick=interrupt)  # fmt: skip

    assert seen
    assert [pid for pid in seen if _is_running(pid)] == []


def _is_child(folder: Path) -> bool:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return folder.name.isdecimal() and int(fields[1]) == os.getpid()


def test_the_program_hears_that_nothing_is_to_be_sent(write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """Trackers are switched off by the environment, and ours is untouched."""
    before = dict(os.environ)
    write("train.py", "import os; print(os.environ['WANDB_MODE'], os.environ['MPLBACKEND'])")

    assert observe("train.py").program.stdout_tail == "disabled Agg\n"
    assert before == dict(os.environ)


def test_without_posix_processes_it_says_so(
    write: Callable[..., Path], observe: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform is named as the reason."""
    write("train.py", "pass")
    monkeypatch.delattr(os, "waitid")

    with pytest.raises(InternalError, match="POSIX processes"):
        observe("train.py")
