"""The layers of a watched run, put together from its parameters and outputs."""

import math

import pytest

from torchladder.monitor.courses import layers_of
from torchladder.monitor.history import History, Parameter, Phase, Series, Units


def series(*values: float) -> Series:
    made = Series()
    for step, value in enumerate(values):
        made.add(step, value)
    return made


def history() -> History:
    """Two layers with an activation between them, and a parameter of the model's own."""
    phase = Phase(0, object(), "Adam")
    for name, shape, grad, top in (
        ("scale", (1,), 1.0, 1.0),
        ("first.weight", (3, 4), 3.0, 2.0),
        ("first.bias", (4,), 4.0, math.nan),
        ("last.weight", (4, 1), 2.0, 0.5),
    ):
        row = Parameter(name, shape, fresh=True, grad=series(grad), weight=series(2.0), ratio=series(len(shape) / 1e3))
        row.top.add(0, top)
        phase.parameters[name] = row
    for name in ("first", "act", "last"):
        phase.outputs[name] = {"mean": series(0.5), "max": series(7.0)}
    phase.units["act"] = Units("ReLU", None)
    return History([phase])


def test_parameters_of_a_layer_are_one_row() -> None:
    """Norms together, over all elements; the update is the weights', not the bias's."""
    scale, first, act, last = layers_of(history())

    assert [row.name for row in (scale, first, act, last)] == ["model", "first", "act", "last"]
    assert first.gradient.at(0) == pytest.approx(5.0 / math.sqrt(16))
    assert math.isnan(first.largest.at(0) or 0)
    assert first.update.at(0) == 0.002
    assert (first.mean.at(0), first.most.at(0)) == (0.5, 7.0)
    assert (act.kind, act.gradient.at(0), act.mean.at(0)) == ("ReLU", None, 0.5)
    assert last.largest.at(0) == 0.5


def test_a_run_without_that_optimizer_has_no_layers() -> None:
    """Nothing stepped, or too high a number."""
    assert layers_of(History()) == ()
    assert layers_of(history(), phase=1) == ()
