"""What needs no training worth the name: the majority class or the mean, and for tables a linear model."""

import warnings
from typing import Any

import numpy as np

from torchladder.training.measures import Measured, of_classes, of_values
from torchladder.training.recipe import Recipe
from torchladder.training.samples import Rows, Samples
from torchladder.training.sets_ready import Ready, fit_of, ready
from torchladder.training.sides import read_sides

MAJORITY, MEAN, LINEAR = "majority class", "mean of the labels", "linear model"
ROWS_MAX = 50_000  # that a linear model is fitted to
ITERATIONS = 1000
PENALTY = 1.0  # of the ridge
TINY = 1e-12


def simplest(recipe: Recipe) -> dict[str, dict[str, float]]:
    """Return the held-out figures of the simplest predictors, the simplest first."""
    data = ready(recipe, read_sides(recipe.data, fit_of(recipe)))
    return {name: found.values for name, found in predictors(data).items()}


def predictors(data: Ready) -> dict[str, Measured]:
    """Return what the simplest predictors reach on the held-out side."""
    classes = data.targets.classes
    train, truth = data.train.y.numpy(), data.val.y.numpy()
    if classes:
        shares = np.bincount(train, minlength=len(classes)) / len(train)
        constant = np.log(np.maximum(shares, TINY))
        found = {MAJORITY: of_classes(np.tile(constant, (len(truth), 1)), truth, classes)}
    else:
        constant = np.full(len(truth), float(train.mean()))
        found = {MEAN: of_values(constant, truth, data.targets.mean, data.targets.std)}
    if isinstance(data.train, Rows) and data.train.x.ndim == 2:  # noqa: PLR2004 - rows and columns
        found[LINEAR] = _linear(data)
    return found


def _linear(data: Ready) -> Measured:
    """Fit a logistic or a ridge regression to the same inputs that the recipe's model is given."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    x, y = _inputs(data.train)[:ROWS_MAX], data.train.y.numpy()[:ROWS_MAX]
    held, truth = _inputs(data.val), data.val.y.numpy()
    classes = data.targets.classes
    if not classes:
        guess = Ridge(PENALTY).fit(x, y).predict(held)
        return of_values(np.asarray(guess), truth, data.targets.mean, data.targets.std)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that is nearly there is a baseline as well
        model = LogisticRegression(max_iter=ITERATIONS).fit(x, y)
    logits = np.full((len(truth), len(classes)), np.log(TINY))  # a class may be absent from training
    logits[:, model.classes_] = model.predict_log_proba(held)
    return of_classes(logits, truth, classes)


def _inputs(samples: Samples) -> Any:
    return samples.inputs(np.arange(len(samples)), 0).numpy()
