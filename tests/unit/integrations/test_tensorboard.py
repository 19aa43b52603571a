"""TensorBoard reads what was written, by its own reader."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.integrations.stored import tensorboard_events
from tests.unit.runs.writing import end, finding, start
from torchladder.integrations.tensorboard import TensorBoard

pytest.importorskip("tensorboard")
pytestmark = pytest.mark.filterwarnings("ignore")  # of tensorboard's own imports


def written(folder: Path) -> TensorBoard:
    sink = TensorBoard(folder)
    sink.started(start())
    sink.steps([(step, {"loss": 1 / (step + 1), "lr": 0.1}) for step in range(5)])
    sink.steps([(5, {"loss": math.nan, "lr": 1e300})])
    sink.sample(5, {"gradient/fc.weight": 0.5})
    sink.histogram(5, "weight/fc.weight", [-1.0, 0.0, 2.0], [3.0, 1.0])
    sink.alert(5, finding())
    return sink


def test_scalars_histograms_and_text_are_there(tmp_path: Path) -> None:
    """Each with its step, in a folder of the run's own."""
    written(tmp_path).ended(end(steps=6))
    events = tensorboard_events(tmp_path / "20261122-073002-1")

    loss = events.Scalars("loss")
    assert [0, 1, 2, 3, 4, 5] == [e.step for e in loss]
    assert [1.0, 0.5, pytest.approx(1 / 3), 0.25, pytest.approx(0.2)] == [e.value for e in loss[:5]]
    assert math.isnan(loss[5].value)
    assert math.inf == events.Scalars("lr")[5].value, "too large for 32 bits"
    assert [(5, 0.5)] == [(e.step, e.value) for e in events.Scalars("gradient/fc.weight")]
    (histogram,) = events.Histograms("weight/fc.weight")
    assert (5, 4.0, [0.0, 2.0], [3.0, 1.0], -0.5, 1.75) == (
        histogram.step,
        histogram.histogram_value.num,
        histogram.histogram_value.bucket_limit,
        histogram.histogram_value.bucket,
        histogram.histogram_value.sum,
        histogram.histogram_value.sum_squares,
    )
    (alert,) = events.Tensors("alerts/missing-zero-grad/text_summary")
    words = "error[TL404] missing-zero-grad: gradients of 5 steps add up in layer1 (train.py:42)"
    assert (5, [words.encode()]) == (alert.step, list(alert.tensor_proto.string_val))
    assert [b"ended: loss 2 -> 1"] == list(events.Tensors("verdict/text_summary")[0].tensor_proto.string_val)


def test_text_is_shown_by_the_plugin_for_text(tmp_path: Path) -> None:
    """Which goes by the metadata."""
    written(tmp_path).ended(end())
    events = tensorboard_events(tmp_path / "20261122-073002-1")

    assert {"alerts/missing-zero-grad/text_summary", "verdict/text_summary"} == set(
        events.PluginTagToContent("text"),
    )


def test_a_run_can_be_followed_while_it_goes_on(tmp_path: Path) -> None:
    """The first event is flushed at once, so that TensorBoard finds the run."""
    sink = written(tmp_path)

    assert tensorboard_events(tmp_path / "20261122-073002-1").Tags()["scalars"][:1] == ["loss"]
    sink.ended(end())


def test_neither_torch_nor_tensorflow_is_imported(tmp_path: Path, root: Path) -> None:
    """An event file is written with what tensorboard brings."""
    code = (
        "import sys; from pathlib import Path; from tests.unit.integrations.test_tensorboard import written\n"
        f"written(Path({str(tmp_path)!r})); assert not {{'torch', 'tensorflow'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
