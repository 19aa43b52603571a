"""Curves and layers, as they are read from a run's folder."""

import math
from pathlib import Path

import pytest

from tests.unit.runs.writing import opened, start
from torchladder.runs import series
from torchladder.runs.series import last_layers, layers_of, loss_curves


def test_late_losses_are_put_in_order(tmp_path: Path) -> None:
    """Every optimizer's loss is a curve by step."""
    folder, sinks = opened(tmp_path, start())
    sinks[0].steps(((1, {"loss": 2.0}), (0, {"loss": 3.0}), (2, {"loss.1": math.nan}), (3, {"loss.1": 5.0})))

    first, second = loss_curves(folder)
    assert ("loss", [0, 1], [3.0, 2.0], True) == (first.name, first.steps, first.values, first.whole)
    assert ("loss.1", (3, 5.0)) == (second.name, second.best())


def test_a_long_run_is_read_at_places_spread_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so."""
    folder, sinks = opened(tmp_path, start())
    sinks[0].steps([(step, {"loss": float(step)}) for step in range(5000)])
    monkeypatch.setattr(series, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(series, "SPREAD", 50)

    (curve,) = loss_curves(folder)
    assert (False, 0, 4999) == (curve.whole, curve.steps[0], curve.steps[-1])
    assert len(curve.steps) <= 51


def test_parameters_of_a_layer_are_taken_together() -> None:
    """Norms as roots of sums of squares, the update ratio as of one tensor of them all."""
    (layer,) = layers_of({
        "gradient": 9.0,
        "gradient/fc.weight": 3.0,
        "gradient/fc.bias": 4.0,
        "weight/fc.weight": 6.0,
        "weight/fc.bias": 8.0,
        "update/fc.weight": 0.1,
        "update/fc.bias": 0.1,
        "output.mean/fc": 0.5,
        "output.zeros/fc": 0.9,
        "output.ends/fc": 1.0,
    })

    assert ("fc", 5.0, 10.0, 0.5, None, 0.9) == (
        layer.name,
        layer.gradient,
        layer.weight,
        layer.mean,
        layer.std,
        layer.zeros,
    )
    assert pytest.approx(0.1) == layer.update


def test_weights_that_are_all_zero_have_no_update_ratio() -> None:
    """A division by zero is not a figure."""
    (layer,) = layers_of({"weight/b": 0.0, "update/b": 0.0, "gradient/b": math.nan})

    assert (0.0, None) == (layer.weight, layer.update)
    assert math.isnan(layer.gradient)


def test_samples_of_several_optimizers_make_one_table(tmp_path: Path) -> None:
    """The last sample knows only the parameters of one of them."""
    folder, sinks = opened(tmp_path, start())
    sinks[0].sample(10, {"gradient/g.weight": 1.0, "gradient/d.weight": 1.0})
    sinks[0].sample(20, {"gradient/g.weight": 2.0})

    step, layers = last_layers(folder)
    assert (20, {"g": 2.0, "d": 1.0}) == (step, {layer.name: layer.gradient for layer in layers})
    assert (None, []) == last_layers(tmp_path)
