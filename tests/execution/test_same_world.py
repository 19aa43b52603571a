"""One program run by python and by torchladder sees the same world."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WORLD = '''
    """The doc."""
    import builtins, inspect, json, multiprocessing, os, pickle, re, sys, threading, traceback, warnings

    class Own:
        def __eq__(self, other):
            return type(self) is type(other)

    def double(x):
        return 2 * x

    def tell():
        try:
            1 / 0
        except ZeroDivisionError:
            caught = traceback.format_exc()
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            doubled = pool.map(double, [1, 2])
        return {
            "argv": sys.argv,
            "path": sys.path,
            "globals": {k: re.sub("0x[0-9a-f]+", "", repr(v)) for k, v in sorted(globals().items()) if k[:2] == "__"
                        and k not in ("__builtins__", "__loader__")},
            "global order": [k for k in globals() if k[:2] == "__"],
            "builtins": __builtins__ is builtins,
            "loader": type(__loader__).__name__,
            "main": vars(sys.modules["__main__"]) is globals(),
            "pickled": pickle.loads(pickle.dumps(Own())) == Own(),
            "pickled as": Own.__module__,
            "source": inspect.getsource(double),
            "traceback": caught,
            "doubled": doubled,
            "cwd": os.getcwd(),
            "threads": [t.name for t in threading.enumerate()],
            "stdin": [sys.stdin.name, sys.stdin.mode, sys.stdin.read()],
            "stdout": [sys.stdout.name, sys.stdout.mode, sys.stdout.encoding, sys.stdout.errors],
            "stderr": [sys.stderr.name, sys.stderr.mode, sys.stderr.encoding, sys.stderr.errors],
            "same streams": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__],
            "excepthook": sys.excepthook is sys.__excepthook__,
            "trace": [sys.gettrace(), sys.getprofile()],
            "file exists": os.path.exists(__file__),
            "name": multiprocessing.current_process().name,
        }

    if __name__ == "__main__":
        print(json.dumps(tell()))
'''


def _world(text: str) -> dict[str, Any]:
    world: dict[str, Any] = json.loads(text)
    return world


@pytest.mark.parametrize("name", ["world.py", "deeper/world.py"])
def test_a_script_sees_what_python_shows_it(
    name: str, write: Callable[..., Path], plain: Callable[..., Any], console: Callable[..., Any]
) -> None:
    """Arguments, path, __main__, streams, pickling and spawning are the same."""
    write(name, WORLD)

    expected = _world(plain(name, "--lr", "0.1").stdout)
    program = console(name, "--lr", "0.1")["program"]

    assert program["state"] == "ended", program
    assert expected == _world(program["stdout_tail"])


def test_a_module_sees_what_python_shows_it(
    write: Callable[..., Path], plain: Callable[..., Any], console: Callable[..., Any]
) -> None:
    """The same holds after ``-m``, with the module's package and spec."""
    write("package/__init__.py", "")
    write("package/world.py", WORLD)

    expected = _world(plain("-m", "package.world", "x").stdout)
    program = console("-m", "package.world", "x")["program"]

    assert program["state"] == "ended", program
    assert expected == _world(program["stdout_tail"])


def test_a_package_is_run_by_its_main_module(write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """``-m package`` runs ``package.__main__``."""
    write("package/__init__.py", "value = 7")
    write("package/__main__.py", "from . import value; print(value, __spec__.name, __package__)")

    run = observe("package", module=True)

    assert run.program.stdout_tail == "7 package.__main__ package\n"


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.exit(3)",
        "import sys; sys.exit('words')",
        "import sys; sys.exit(None)",
        "raise SystemExit(True)",
        "def f():\n    raise ValueError('é')\nf()",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e",
        "raise KeyboardInterrupt",
        "import missing_package_x",
        "import os; open('nothing/here.txt', 'w')",
        "import broken",
        "import json; json.loads('{')",
        "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
    ],
)
def test_the_end_is_the_same(
    program: str,
    write: Callable[..., Path],
    plain: Callable[..., Any],
    observe: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """Exit status and what is printed on stderr are Python's own, to the letter."""
    write("train.py", program)
    write("broken.py", "x = (")

    expected = plain("train.py")
    run = observe("train.py")
    # A shell reports the signal Python re-raises after an interrupt as 128 + 2.
    status = 130 if expected.returncode == -2 else expected.returncode

    assert status == run.program.exit_status
    assert expected.stderr == (tmp_path / "scratch/stderr.txt").read_text()


def test_a_crash_names_the_lines_of_the_user(write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """Frames are the user's only, relative to the working folder, innermost last."""
    write("helper.py", "import json\n\ndef load(text):\n    return json.loads(text)\n")
    write("train.py", "import helper\n\nhelper.load(\n    '{'\n)\n")

    error = observe("train.py").program.error

    assert error.type == "JSONDecodeError"
    assert [(f.path, f.line, f.end_line, f.function) for f in error.frames] == [
        ("train.py", 3, 5, "<module>"),
        ("helper.py", 4, 4, "load"),
    ]


def test_exit_functions_and_threads_are_waited_for(write: Callable[..., Path], observe: Callable[..., Any]) -> None:
    """What the program registered with atexit runs, after its threads have ended."""
    write(
        "train.py",
        """
        import atexit, threading, time
        atexit.register(print, "bye")
        threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
        """,
    )

    assert observe("train.py").program.stdout_tail == "thread\nbye\n"


def test_a_module_beside_the_program_hides_an_installed_one(
    write: Callable[..., Path], observe: Callable[..., Any]
) -> None:
    """A local ``sympy.py`` is imported though torch has loaded the installed one already."""
    write("sympy.py", "here = True")
    write("train.py", "import sympy; print(sympy.here)")

    assert observe("train.py").program.stdout_tail == "True\n"


def test_a_notebook_runs_cell_by_cell(folder: Path, observe: Callable[..., Any]) -> None:
    """Magics are skipped, shell lines too, and places name the cell and its line."""
    sources = [
        ["%matplotlib inline\n", "!pip install torch\n", "x = 1"],
        "%%bash\nls",
        ["%%time\n", "text = '''\n", "%kept\n", "'''\n", "print(x, text)\n", "display(x)"],
        ["def f():\n", "    return 1 / 0\n", "f()"],
    ]
    document = {"cells": [{"cell_type": "code", "source": source} for source in sources]}
    (folder / "train.ipynb").write_text(json.dumps(document))

    program = observe("train.ipynb").program

    assert program.stdout_tail == "1 \n%kept\n\n"
    assert [str(f) for f in program.error.frames] == ["train.ipynb cell 4:3", "train.ipynb cell 4:2"]
    assert "    return 1 / 0" in program.error.traceback
