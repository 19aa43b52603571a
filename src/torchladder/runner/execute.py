"""Be ``python script.py`` in this process: what the program can see is as Python sets it up.

The model is coverage's ``execfile``; ``tests/execution`` runs one program both ways and compares
everything it can see of its world.
"""

import builtins
import importlib.util
import inspect
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from torchladder.core.errors import UsageError
from torchladder.runner import notebook, place
from torchladder.runner.target import Target, module_spec

# The module we were started as must outlive its place in sys.modules: its functions still run.
_replaced: list[ModuleType] = []


def execute(target: Target) -> None:
    """Run ``target`` as ``__main__`` in the current process; its exceptions propagate."""
    os.chdir(target.cwd)
    _forget_starting_folder()
    if target.kind == "module":
        _run_module(target)
    elif target.kind == "notebook":
        _run_notebook(target)
    else:
        _run_script(target)


def _run_script(target: Target) -> None:
    path = str(target.path)
    sys.argv = [target.name, *target.argv]
    _set_first_path(os.path.realpath(target.path.parent))
    _make_local_modules_win(target.path.parent)
    code = compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)
    module = _main_module(path, loader=SourceFileLoader("__main__", path))
    place.set_root(target.cwd, path)
    _exec(code, module.__dict__)


def _run_notebook(target: Target) -> None:
    import asyncio

    path = str(target.path)
    sys.argv = [target.name, *target.argv]
    _set_first_path(os.path.realpath(target.path.parent))
    _make_local_modules_win(target.path.parent)
    module = _main_module(path, loader=None)
    # IPython has these everywhere; what they show is of no interest to an experiment.
    module.__dict__["display"] = lambda *_args, **_options: None
    module.__dict__["get_ipython"] = _Shell
    place.set_root(target.cwd)
    with asyncio.Runner() as runner:
        for cell in notebook.cells(Path(path)):
            notebook.remember_lines(cell, place.relative(cell.name))
            code = compile(cell.source, cell.name, "exec", flags=notebook.FLAGS, dont_inherit=True)
            if code.co_flags & inspect.CO_COROUTINE:
                runner.run(eval(code, module.__dict__))
            else:
                _exec(code, module.__dict__)


class _Shell:
    """What ``get_ipython()`` gives in an experiment: magics and commands that do nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_args, **_options: None


def _run_module(target: Target) -> None:
    _set_first_path(target.cwd)
    _make_local_modules_win(Path(target.cwd))
    spec = _imported_spec(target)
    origin = str(spec.origin)
    sys.argv = [origin, *target.argv]
    code = compile(Path(origin).read_bytes(), origin, "exec", dont_inherit=True)
    module = _main_module(origin, loader=spec.loader, spec=spec)
    place.set_root(target.cwd, origin)
    _exec(code, module.__dict__)


def _imported_spec(target: Target) -> ModuleSpec:
    """Return the module's spec after importing its parent packages, as ``python -m`` does."""
    sys.argv = ["-m", *target.argv]
    name = module_spec(target.name, target.cwd).name
    spec = importlib.util.find_spec(name)
    if spec is None:
        msg = f"no module named {target.name}"
        raise UsageError(msg)
    return spec


def _exec(code: CodeType, namespace: dict[str, Any]) -> None:
    exec(code, namespace)


def _main_module(path: str, *, loader: Any, spec: ModuleSpec | None = None) -> ModuleType:
    """Put a fresh ``__main__`` in place, with the attributes Python gives it, in Python's order."""
    module = ModuleType("__main__")
    namespace = module.__dict__
    namespace["__package__"] = spec.parent if spec is not None else None
    namespace["__loader__"] = loader
    namespace["__spec__"] = spec
    namespace["__annotations__"] = {}
    namespace["__builtins__"] = builtins
    namespace["__file__"] = path
    namespace["__cached__"] = spec.cached if spec is not None else None
    _replaced.append(sys.modules["__main__"])
    sys.modules["__main__"] = module
    return module


def _set_first_path(folder: str) -> None:
    """Replace the entry that Python made for torchladder itself by the program's own."""
    if sys.flags.safe_path:
        return
    if sys.path and sys.path[0] in _own_first_paths():
        del sys.path[0]
    sys.path.insert(0, folder)


def _own_first_paths() -> set[str]:
    main = sys.modules["__main__"]
    started_as = getattr(main, "__file__", None)
    own = {"", _started_in}
    if started_as is not None and getattr(main, "__spec__", None) is None:
        own.add(os.path.realpath(Path(started_as).parent))
    return own


def _make_local_modules_win(folder: Path) -> None:
    """Forget installed packages we loaded that a module beside the program would have hidden."""
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        name = entry.stem if entry.suffix == ".py" else entry.name
        if name not in sys.modules or name in {"torch", "numpy", "torchladder", "__main__"}:
            continue
        if entry.suffix != ".py" and not (entry / "__init__.py").is_file():
            continue
        origin = getattr(sys.modules[name], "__file__", None) or ""
        if "site-packages" in origin or "dist-packages" in origin:
            for loaded in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
                del sys.modules[loaded]


def _forget_starting_folder() -> None:
    """Spawned processes resolve names against the folder multiprocessing saw when imported."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None:
        process.__dict__["ORIGINAL_DIR"] = str(Path.cwd())


_started_in = str(Path.cwd())
