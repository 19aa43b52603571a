"""What a training leaves in its folder: weights to deploy, figures, predictions, recipe, a picture of its course."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.core.jsonable import to_json
from torchladder.training.measures import Measured

SCHEMA = 1
RECIPE, WEIGHTS, RESULT, CURVE = "recipe.yaml", "weights.safetensors", "result.json", "curve.png"
PREPARATION, PREDICTIONS = "preparation.json", "predictions.npz"


@dataclass
class Outcome:
    """How a training ended.

    Attributes:
        metric: What chose the best weights.
        best: Its value, of the epoch ``best_epoch`` (from 1).
        val: Figures of the held-out side with the best weights.
        test: Figures of the test side with them; None without one.
        threshold: Of two classes, the one with the best F1 on the held-out side, and that F1.
        temperature: By which logits are to be divided.
        parameter_sum: Checksum of the weights at the end of the last epoch.
        lost: What could not be left in the folder, a sentence each.
    """

    state: str
    metric: str
    best: float | None
    best_epoch: int
    epochs: int
    steps: int
    seconds: float
    history: list[dict[str, float]]
    val: Measured
    test: Measured | None = None
    threshold: tuple[float, float] | None = None
    temperature: float | None = None
    parameter_sum: str = ""
    folder: str | None = None
    run: str = ""
    notes: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        made: dict[str, Any] = {"schema": SCHEMA, **to_json(self)}
        return made


def write_json(path: Path, content: Any) -> None:
    """Write JSON in one piece."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def write_predictions(path: Path, samples: Sequence[str], classes: Sequence[str], truth: Any, outputs: Any) -> None:
    """Write what the best weights say of each held-out sample, as ``torchladder errors`` reads it."""
    known: dict[str, Any] = {"classes": np.array(classes, dtype=str)} if classes else {}
    with path.open("wb") as file:
        np.savez_compressed(file, output=outputs, target=truth, samples=np.array(list(samples), dtype=str), **known)
