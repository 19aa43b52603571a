"""A program that runs in another text than the disk holds: script, imported module, source and children."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torchladder.runner import edited


def test_the_script_runs_in_the_other_text(
    tmp_path: Path, write: Callable[..., Path], observe: Callable[..., Any]
) -> None:
    """So does what reads its source; the file stays."""
    path = write("train.py", "print('old')\n")
    new = (
        "# d\u00e9j\u00e0\nimport inspect\ndef f(): return 1\nprint(inspect.getsource(f), open(__file__).read()[:3])\n"
    )
    edited.put({"train.py": new}, str(tmp_path / "scratch"), str(path.parent))

    run = observe("train.py")

    assert run.program.stdout_tail == "def f(): return 1\n # d\n"
    assert path.read_text() == "print('old')\n"


def test_an_imported_module_is_loaded_in_the_other_text(
    tmp_path: Path, write: Callable[..., Path], observe: Callable[..., Any]
) -> None:
    """Also where Python has it compiled already; in processes that the program starts, too."""
    path = write("part/model.py", "name = 'old'\n")
    write("part/__init__.py", "")
    cache = path.with_name("__pycache__")
    write(
        "train.py",
        "import subprocess, sys\nfrom part import model\nprint(model.name, model.__file__[-8:], flush=True)\n"
        "subprocess.run([sys.executable, '-c', 'from part import model; print(model.name)'])\n",
    )
    assert _compiled(path, cache)
    edited.put({"part/model.py": "name = 'new'\n"}, str(tmp_path / "scratch"), str(path.parents[1]))

    run = observe("train.py")

    assert run.program.stdout_tail == "new model.py\nnew\n"
    assert path.read_text() == "name = 'old'\n"


def _compiled(path: Path, cache: Path) -> bool:
    """Let Python keep a compiled copy of a module."""
    import py_compile

    py_compile.compile(str(path))
    return any(sys.implementation.cache_tag in p.name for p in cache.iterdir())


def test_the_encoding_is_that_of_the_file(
    tmp_path: Path, write: Callable[..., Path], observe: Callable[..., Any]
) -> None:
    """What a first line declares is meant for the other text as well."""
    path = write("train.py", "")
    path.write_bytes(b"# coding: latin-1\nprint('\xe9')\n")
    edited.put({"train.py": "# coding: latin-1\nprint(ord('\u00e9'))\n"}, str(tmp_path / "scratch"), str(path.parent))

    assert observe("train.py").program.stdout_tail == "233\n"
