"""Which column of a table of predictions is what: named by the user, or known by its name."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.mistakes.predictions import Array, Floats
from torchladder.sets.roles import GROUPS, TEXTS, nearest

LABEL = (
    "label", "labels", "y_true", "true_label", "label_true", "true", "truth", "ground_truth", "gold", "target",
    "targets", "actual", "expected", "y", "class",
)  # fmt: skip
PREDICTION = (
    "prediction", "predictions", "pred", "preds", "predicted", "y_pred", "predicted_label", "pred_label",
    "label_pred", "predicted_class", "guess", "y_hat", "yhat", "answer", "output",
)  # fmt: skip
VECTOR = ("scores", "probs", "probabilities", "proba", "logits", "outputs", "score_vector")
SINGLE = ("score", "prob", "probability", "y_score", "logit", "p", "p1", "positive_score", "y_prob", "proba")
CONFIDENCE = ("confidence", "conf", "max_prob", "certainty", "confidence_score")
ID = ("id", "uid", "example_id", "sample_id", "image_id", "index", "idx", "row", "sample", "name", "key")
PATH = ("path", "image_path", "file", "filename", "file_name", "filepath", "file_path", "image", "img")
SPLIT = ("split", "fold", "subset", "partition")
KNOWN = {
    "label": LABEL, "prediction": PREDICTION, "vector": VECTOR, "single": SINGLE, "confidence": CONFIDENCE,
    "path": PATH, "id": ID, "split": SPLIT, "group": GROUPS, "text": TEXTS,
}  # fmt: skip
WORDS = "prob|proba|probability|p|score|logit|logits|softmax"
PREFIXED = re.compile(rf"^({WORDS})[_\-. :]+(.+)$", re.IGNORECASE)
SUFFIXED = re.compile(rf"^(.+?)[_\-. :]+({WORDS})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """Columns that the user named, and the prefix of the columns with scores."""

    label: str | None = None
    prediction: str | None = None
    scores: str | None = None
    group: str | None = None
    text: str | None = None
    split: str | None = None  # the value of the split to analyse


@dataclass(frozen=True)
class Layout:
    """Columns by role, and the columns of scores by the class they are of."""

    roles: dict[str, str]
    per_class: dict[str, str] = field(default_factory=dict)

    def told(self) -> str:
        """Return which column was read as what."""
        parts = [f"{role} is `{column}`" for role, column in self.roles.items() if role not in {"vector", "single"}]
        parts += [f"scores are `{self.roles[r]}`" for r in ("vector", "single") if r in self.roles]
        if self.per_class:
            columns = list(self.per_class.values())
            parts.append(f"scores are `{columns[0]}` to `{columns[-1]}`")
        return ", ".join(parts)


def layout(names: Sequence[str], asked: Asked, source: str) -> Layout:
    """Return what the columns of a table are.

    Raises:
        UsageError: If no labels, or neither predictions nor scores, are among them.
    """
    roles: dict[str, str] = {}
    per_class = _per_class(names, asked.scores)
    taken = set(per_class.values())
    for role in ("label", "prediction", "group", "text"):
        wanted = getattr(asked, role)
        if wanted is not None:
            if wanted not in names:
                msg = f"{source} has no column {wanted!r} to take as {role}; its columns are {nearest(wanted, names)}"
                raise UsageError(msg)
            roles[role] = wanted
            taken.add(wanted)
    for role, known in KNOWN.items():
        if role in roles:
            continue
        found = next((n for k in known for n in names if n.lower().strip() == k and n not in taken), None)
        if found is not None:
            roles[role] = found
            taken.add(found)
    if asked.scores is not None and not per_class:
        if asked.scores not in names:
            msg = f"{source} has no column {asked.scores!r}, nor several that begin so, to take as scores"
            raise UsageError(msg)
        roles.pop("vector", None)
        roles["single"] = asked.scores
    if per_class:
        roles.pop("vector", None)
        roles.pop("single", None)
    return _checked(Layout(roles, per_class), names, source)


def _checked(found: Layout, names: Sequence[str], source: str) -> Layout:
    shown = nearest("label", names)
    if "label" not in found.roles:
        msg = f"{source} has no column of labels by its name; say which with --label; its columns are {shown}"
        raise UsageError(msg)
    if not found.per_class and not {"prediction", "vector", "single"} & found.roles.keys():
        msg = (
            f"{source} has neither predictions nor scores by their names; say which with --prediction or --scores; "
            f"its columns are {shown}"
        )
        raise UsageError(msg)
    return found


def _per_class(names: Sequence[str], prefix: str | None) -> dict[str, str]:
    """Return the columns of scores by class: at least two whose names differ in the class only."""
    if prefix is not None:
        found = {n[len(prefix) :].strip("_-. :"): n for n in names if n.startswith(prefix) and n != prefix}
        return found if len(found) > 1 else {}
    by_word: dict[str, dict[str, str]] = {}
    for name in names:
        for pattern, word, of in ((PREFIXED, 1, 2), (SUFFIXED, 2, 1)):
            match = pattern.match(name.strip())
            if match is not None and name.lower() not in (*PREDICTION, *SINGLE, *LABEL):
                by_word.setdefault(match[word].lower() + str(word), {})[match[of]] = name
                break
    best = max(by_word.values(), key=len, default={})
    return best if len(best) > 1 else {}


def vectors(cells: Array, source: str) -> tuple[Floats, tuple[str, ...] | None]:
    """Return lists (or records) of scores, written out in cells, as (N, K), and the classes that records name.

    Raises:
        UsageError: If they are no lists of one length.
    """
    read = [_literal(c) for c in cells]
    if read and isinstance(read[0], Mapping):
        names = tuple(str(k) for k in read[0])
        if all(isinstance(r, Mapping) and {str(k) for k in r} == set(names) for r in read):
            by_name = [{str(k): v for k, v in r.items()} for r in read]
            return _numbers([[r[n] for n in names] for r in by_name], source), names
    return _numbers(read, source), None


def _literal(cell: Any) -> Any:
    text = str(cell)
    try:
        return json.loads(text)
    except ValueError:
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return re.findall(r"[-+.\deE]+", text)  # NumPy prints no commas


def _numbers(rows: Sequence[Any], source: str) -> Floats:
    try:
        values = np.array(rows, dtype=float)
    except (ValueError, TypeError):
        values = np.zeros(0)
    if values.ndim != 2 or values.shape[1] < 2:  # noqa: PLR2004 - rows of classes
        msg = f"{source}: the scores are no lists of two or more numbers, as many in each row"
        raise UsageError(msg)
    return values
