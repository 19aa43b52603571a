"""The environment of an experiment: nothing is sent anywhere, nothing asks, nothing is left."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ALWAYS = {
    "WANDB_MODE": "disabled",
    "WANDB_SILENT": "true",
    "COMET_MODE": "OFFLINE",
    "NEPTUNE_MODE": "offline",
    "CLEARML_OFFLINE_MODE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MPLBACKEND": "Agg",
}
_UNLESS_SET = {"TOKENIZERS_PARALLELISM": "false"}


def settings(scratch: str) -> dict[str, str]:
    """Return the variables to set for a run whose files go to ``scratch``."""
    tracking = {
        "MLFLOW_TRACKING_URI": (Path(scratch) / "mlruns").absolute().as_uri(),
        "COMET_OFFLINE_DIRECTORY": str(Path(scratch) / "comet"),
    }
    unset = {k: v for k, v in _UNLESS_SET.items() if k not in os.environ}
    return _ALWAYS | unset | tracking


@contextmanager
def applied(variables: dict[str, str]) -> Iterator[None]:
    """Set ``variables`` while open and put back what was there."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
