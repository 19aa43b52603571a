"""Where else a watched run goes: trackers and files that the user names, each a sink of its own.

A tracker's package is imported only where the program has imported it, or in a process of its own.
"""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from torchladder.core.errors import UsageError
from torchladder.core.sinks import Sink

FORMS = "tensorboard[:DIR], wandb[:PROJECT], mlflow[:EXPERIMENT], jsonl:FILE"
TENSORBOARD_FOLDER = ".torchladder/tensorboard"


def sinks(names: Sequence[str]) -> list[Sink]:
    """Return the sinks that words such as "tensorboard:logs" or "wandb" name.

    Raises:
        UsageError: If a word names none, its package is missing, or its file cannot be written.
    """
    made = []
    for word in names:
        kind, _, where = word.partition(":")
        if kind not in _MAKERS:
            msg = f"{word!r} is not a place a run can go to; there are: {FORMS}"
            raise UsageError(msg)
        made.append(_MAKERS[kind](where))
    return made


def _tensorboard(where: str) -> Sink:
    from torchladder.integrations.tensorboard import TensorBoard

    _need("tensorboard")
    folder = Path(where or TENSORBOARD_FOLDER).resolve()
    if folder.exists() and not folder.is_dir():
        msg = f"{where} is not a folder; TensorBoard's events need one"
        raise UsageError(msg)
    return TensorBoard(folder)


def _wandb(where: str) -> Sink:
    from torchladder.integrations.wandb import Wandb

    _need("wandb")
    return Wandb(where or None)


def _mlflow(where: str) -> Sink:
    from torchladder.integrations.mlflow import Mlflow

    _need("mlflow")
    return Mlflow(where or None)


def _jsonl(where: str) -> Sink:
    from torchladder.integrations.jsonl import JsonLines

    file = Path(where).resolve()
    if not where or file.is_dir():
        msg = "jsonl needs a file: jsonl:FILE"
        raise UsageError(msg)
    if not file.parent.is_dir():
        msg = f"the folder {file.parent} does not exist"
        raise UsageError(msg)
    return JsonLines(file)


_MAKERS: dict[str, Callable[[str], Sink]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
    "jsonl": _jsonl,
}


def _need(package: str) -> None:
    """Make sure that a package is there, without importing it."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:  # a mere folder of that name, as trackers leave them, has no origin
        msg = f"{package} is not installed; try: pip install 'torchladder[{package}]'"
        raise UsageError(msg)
