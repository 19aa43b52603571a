"""The layers of a run as a table and as a picture, from courses written by hand."""

import math
import random
from pathlib import Path

import matplotlib as mpl
import matplotlib.image
import pytest

from torchladder.core.errors import UsageError
from torchladder.core.layers import Course, LayerCourse, first_over_last, sampled
from torchladder.report.flow_picture import flow_picture
from torchladder.report.layer_table import layer_table


def course(*values: float, every: int = 1) -> Course:
    return Course(tuple(range(0, every * len(values), every)), values)


def layer(name: str, gradient: float = 1e-3, std: float = 1.0, **more: Course) -> LayerCourse:
    """Return a layer seen once."""
    fields = {"gradient": course(gradient), "update": course(1e-3), "std": course(std), "zeros": course(0.0)}
    return LayerCourse(name, **(fields | more))


HEALTHY = (layer("stem"), layer("body"), layer("head"))


@pytest.mark.parametrize(
    ("odd", "remark"),
    [
        (layer("x", gradient=1e-9), "vanishing"),
        (layer("x", gradient=1e3), "exploding"),
        (layer("x", gradient=0.0), "zero gradient"),
        (layer("x", gradient=math.nan), "gradient not finite"),
        (layer("x", std=50.0), "large output"),
        (layer("x", std=math.inf), "output not finite"),
        (layer("x", std=0.0, zeros=course(1.0)), "dead: all zero"),
        (layer("x", std=0.0), "constant output"),
        (layer("x", ends=course(0.9)), "saturated"),
    ],
)
def test_what_is_out_of_the_ordinary_is_named(odd: LayerCourse, remark: str) -> None:
    """In the row of its layer, and only there."""
    lines = layer_table((*HEALTHY, odd)).text(100).splitlines()

    assert [line.split()[0] for line in lines if line.endswith(remark)] == ["x"]


def test_a_healthy_model_gets_no_remark() -> None:
    """Nor is the ratio of the first to the last layer out of the ordinary."""
    assert all(not row.remarks(0) for row in HEALTHY)
    assert first_over_last(HEALTHY, 0) == 1.0
    assert "healthy: 1/100..100" in layer_table(HEALTHY).text(80)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_the_width(width: int) -> None:
    """Long names are cut; names are shown as text, never as markup or control characters."""
    rows = (layer("encoder.layers.0.attention.output.dense.projection" * 2), layer("[red]\x1b[31m"))
    text = layer_table(rows).text(width)

    assert max(map(len, text.splitlines())) <= width
    assert "[red]\\x1b[31m" in text
    assert "\x1b" not in text


def test_a_step_is_chosen() -> None:
    """The nearest sample to the one asked for, the last by default."""
    rows = (layer("a", gradient=1.0), LayerCourse("b", gradient=course(1.0, 2.0, 3.0, every=10)))

    assert sampled(rows) == (0, 10, 20)
    assert layer_table(rows).text(80).startswith("step 20, of 3 sampled from 0 to 20")
    assert layer_table(rows, step=12).text(80).startswith("step 10")


def test_a_run_without_samples_says_so() -> None:
    """No layers, or none that was sampled; nothing can be drawn of it."""
    assert str(layer_table(())) == "no step was sampled"
    with pytest.raises(UsageError, match="nothing to draw"):
        flow_picture((), "never.png")


def deep(depth: int, samples: int) -> tuple[LayerCourse, ...]:
    """Return a model whose gradient shrinks with depth, with a hole, a NaN, an Inf and a zero in it."""
    rows = []
    for i in range(depth):
        values = [10.0 ** (i - depth) * (1 + 0.1 * s) for s in range(samples)]
        values[-1] = {0: math.nan, 1: math.inf, 2: 0.0}.get(i, values[-1])
        rows.append(
            LayerCourse(
                f"layer$_{i}", gradient=course(*values, every=5), update=course(*values[: samples // 2], every=5)
            )
        )
    return tuple(rows)


@pytest.mark.parametrize(("depth", "samples"), [(1, 1), (3, 2), (100, 900)])
def test_the_picture_is_drawn(tmp_path: Path, depth: int, samples: int) -> None:
    """Of any size, whatever the values are; the program's generators and its figures stay as they are."""
    state, backend = random.getstate(), mpl.rcParams["backend"]
    rows = (layer("one"),) if depth == 1 else deep(depth, samples)

    drawn = flow_picture(rows, tmp_path / "flow.png")

    pixels = matplotlib.image.imread(drawn)
    assert pixels.shape[1] > 1000
    assert pixels.std() > 0.05
    assert (state, backend) == (random.getstate(), mpl.rcParams["backend"])


def test_an_unknown_format_is_said(tmp_path: Path) -> None:
    """In a sentence, without a traceback of matplotlib's."""
    with pytest.raises(UsageError, match=r"cannot draw flow\.xyz"):
        flow_picture(HEALTHY, tmp_path / "flow.xyz")
