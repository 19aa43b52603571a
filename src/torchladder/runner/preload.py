"""Import once, before the forks, the heavy libraries a program is going to import anyway."""

import ast
import contextlib
import importlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path

from torchladder.runner import environment, notebook
from torchladder.runner.target import Target, module_spec

# Only libraries whose import is known to change nothing but memory.
_HEAVY = frozenset({
    "numpy", "scipy", "sklearn", "pandas", "torch", "torchvision", "lightning", "pytorch_lightning",
    "transformers", "timm", "torchmetrics", "matplotlib", "accelerate", "tqdm", "einops",
    "safetensors", "datasets", "tokenizers",
})  # fmt: skip
# These read environment variables when imported; a program that sets some must come first.
_READ_ENVIRONMENT = frozenset({
    "transformers", "accelerate", "matplotlib", "timm", "datasets", "tokenizers", "lightning",
    "pytorch_lightning", "torchmetrics", "safetensors",
})  # fmt: skip
_TORCH = ("torch", "torch.utils.data", "torch.optim")
# torch imports this itself when the first optimizer is made, in most of a second.
_WITH_OPTIMIZERS = "torch._dynamo"
# A program of more files than this has its imports in the first ones.
_MOST_FILES = 200

_done: set[Target] = set()


def preload(target: Target) -> None:
    """Import into this process what ``target`` and the modules beside it import; never fails."""
    if target in _done:
        return
    _done.add(target)
    with _silence():
        for name in _TORCH:
            _import(name)
        with warnings.catch_warnings():  # a program that has made no optimizer yet has not got its filters either
            _import(_WITH_OPTIMIZERS)
        trees = list(_trees(target)) if target.kind != "objects" else []
        sets_environment = any(_sets_environment(tree) for tree in trees)
        for tree in trees:
            for name, attributes in _imports(tree):
                top = name.partition(".")[0]
                early = sets_environment and top in _READ_ENVIRONMENT
                if top in _HEAVY and not early and not _is_local(top, _folder(target)):
                    _import(name, attributes)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    harmless = {"MPLBACKEND": "Agg", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with (
        environment.applied(harmless),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        before = list(warnings.filters)
        yield
        added = [f for f in warnings.filters if f not in before]
    for action, message, category, module, line in reversed(added):  # the libraries' own, which a program would have
        warnings.filterwarnings(
            action,  # type: ignore[arg-type]
            message=message.pattern if message is not None else "",
            category=category,  # type: ignore[arg-type]
            module=module.pattern if module is not None else "",
            lineno=line,
        )


def _import(name: str, attributes: tuple[str, ...] = ()) -> None:
    try:
        module = importlib.import_module(name)
    except Exception:
        return
    for attribute in attributes:
        # Lazy packages load the right submodule when asked for the attribute.
        with contextlib.suppress(Exception):
            if getattr(module, attribute, None) is None:
                importlib.import_module(f"{name}.{attribute}")


def _folder(target: Target) -> Path:
    return Path(target.cwd) if target.kind == "module" else target.path.parent


def _trees(target: Target) -> Iterator[ast.Module]:
    """Yield the program's syntax trees: its main file's and those of the modules beside it."""
    folder = _folder(target)
    pending: list[Path] = []
    if target.kind == "notebook":
        trees = [ast.parse(cell.source) for cell in notebook.cells(target.path)]
    elif target.kind == "module":
        trees = list(_parsed(Path(str(module_spec(target.name, target.cwd).origin))))
    else:
        trees = list(_parsed(target.path))
    seen: set[Path] = set()
    while trees:
        tree = trees.pop(0)
        yield tree
        for name, attributes in _imports(tree):
            pending += _local_files(folder, name, attributes)
        for path in pending:
            if path not in seen and len(seen) < _MOST_FILES:
                seen.add(path)
                trees += _parsed(path)
        pending.clear()


def _parsed(path: Path) -> Iterator[ast.Module]:
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        yield ast.parse(path.read_bytes())


def _local_files(folder: Path, name: str, attributes: tuple[str, ...]) -> list[Path]:
    base = folder.joinpath(*name.split("."))
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    candidates += [base / f"{attribute}.py" for attribute in attributes]
    return [path for path in candidates if path.is_file()]


def _is_local(top: str, folder: Path) -> bool:
    return (folder / f"{top}.py").exists() or (folder / top / "__init__.py").exists()


def _imports(tree: ast.Module) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (module, names taken from it) for every absolute import, also those in functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ()
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, tuple(alias.name for alias in node.names if alias.name != "*")


def _sets_environment(tree: ast.Module) -> bool:
    """Whether the program writes to ``os.environ`` anywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            if ast.unparse(node.value).endswith("environ"):
                return True
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.endswith(("environ.setdefault", "environ.update", "putenv")):
                return True
    return False
