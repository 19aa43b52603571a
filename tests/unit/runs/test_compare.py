"""Runs beside each other: what differs layer by layer, and whether a metric differs by more than its noise."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.runs.writing import end, opened, start
from torchladder.cli.main import main
from torchladder.cli.runs_compare import lines
from torchladder.runs.code_state import CodeState
from torchladder.runs.compare import compare
from torchladder.runs.divergence import END, first_difference
from torchladder.runs.environment import Environment
from torchladder.runs.index import runs_in
from torchladder.runs.layer_diff import layer_differences
from torchladder.runs.metrics import lower_is_better, metrics_of
from torchladder.runs.noise import noise_verdict, within_one
from torchladder.runs.provenance import Provenance

PLACE = Environment("3.11.7", "Linux", "a processor", 2, None, {"torch": "2.14.1", "numpy": "2.3"}, {}, {"threads": 1})
CODE = CodeState("/w", "3a1b2c4d5e6f", "main", False, {"train.py": "aa"}, "s1")
LAYERS = Provenance("train", ("train", "{config}"), "/w", {"lr": 0.1, "seed": 0}, {"sha256": "d1"}, 0, CODE, PLACE)


def made(base: Path, number: int, layers: Provenance | None, losses=(2.0, 1.0), **metrics: float):
    folder, sinks = opened(base, start(f"run-{number}", started=1000.0 + number))
    for sink in sinks:
        for step, loss in enumerate(losses):
            sink.steps([(step, {"loss": loss, "lr": 0.1})])
        if metrics:
            sink.steps([(len(losses) - 1, {k.replace("_", "/"): v for k, v in metrics.items()})])
        sink.ended(end(steps=len(losses)))
    if layers is not None:
        layers.write(folder)
    return folder


def compared(base: Path, *numbers: int):
    known = runs_in(base)
    by = {run.id: run for run in known}
    return compare(base, [by[f"run-{n}"] for n in numbers], known)


def seeded(seed: int, lr: float = 0.1) -> Provenance:
    return replace(LAYERS, seed=seed, config={"lr": lr, "seed": seed})


# --- layers -------------------------------------------------------------------------------------


def test_equal_layers_are_the_same() -> None:
    """Nothing differs, and each layer says how much was compared."""
    found = layer_differences([LAYERS, LAYERS])

    assert [layer.same for layer in found] == [True] * 5
    assert [layer.words for layer in found] == [
        "the same (1 source file, 3a1b2c4d5e)", "the same (1 key)", "the same fingerprint", "0", "the same (7 entries)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "change", "row"),
    [
        ("code", {"code": replace(CODE, sources={"train.py": "bb"}, sha256="s2")}, ("train.py", "aa", "bb")),
        ("config", {"config": {"lr": 0.2, "seed": 0}}, ("lr", "0.1", "0.2")),
        ("config", {"config": {"lr": 0.1, "aug": {"mixup": 0.2}}}, ("aug.mixup", "-", "0.2")),
        ("config", {"config": {"lr": "0.1"}}, ("lr", "0.1", "0.1")),
        ("data", {"data": {"sha256": "d2"}}, ("sha256", "d1", "d2")),
        ("seed", {"seed": 1}, ("seed", "0", "1")),
        ("environment", {"environment": replace(PLACE, packages={"torch": "2.4.0", "numpy": "2.3"})},
         ("torch", "2.14.1", "2.4.0")),
        ("environment", {"environment": replace(PLACE, variables={"OMP_NUM_THREADS": "4"})},
         ("$OMP_NUM_THREADS", "-", "4")),
        ("environment", {"environment": replace(PLACE, torch={"threads": 2})}, ("torch: threads", "1", "2")),
    ],
)  # fmt: skip
def test_what_differs_is_named_in_its_layer_alone(layer: str, change: dict[str, Any], row: tuple[str, ...]) -> None:
    """One change is found in one layer, with both values."""
    found = {d.layer: d for d in layer_differences([LAYERS, replace(LAYERS, **change)])}

    assert [name for name, d in found.items() if not d.same] == [layer]
    assert found[layer].rows == (row,)


def test_a_run_without_layers_leaves_them_unknown() -> None:
    """Unknown is not the same."""
    assert {d.same for d in layer_differences([LAYERS, None])} == {None}


def test_a_killed_run_s_settings_of_torch_are_not_differences() -> None:
    """It did not come to write them."""
    killed = replace(LAYERS, environment=replace(PLACE, torch={}))

    assert {d.layer: d.same for d in layer_differences([LAYERS, killed])}["environment"]


# --- metrics ------------------------------------------------------------------------------------


def test_the_final_loss_is_a_mean_and_the_best_knows_its_direction(tmp_path: Path) -> None:
    """A loss of every step is averaged over the last twentieth; accuracy is best where it is highest."""
    losses = [1.0] * 98 + [0.5, 0.1]
    folder = made(tmp_path, 1, None, losses, val_accuracy=0.75)
    found = metrics_of(folder)

    assert list(found) == ["loss", "val/accuracy"]
    assert found["loss"].final == pytest.approx((3.0 + 0.5 + 0.1) / 5)
    assert (found["loss"].best, found["loss"].best_step) == (0.1, 99)
    assert (found["val/accuracy"].best, found["val/accuracy"].best_step) == (0.75, 99)


def test_the_direction_of_a_metric_is_in_its_name() -> None:
    """A name that says nothing has no best."""
    assert [lower_is_better(n) for n in ("val/loss", "held-out error", "val/mae", "rmse")] == [True] * 4
    assert [lower_is_better(n) for n in ("held-out accuracy", "val/f1", "auroc", "r2")] == [False] * 4
    assert lower_is_better("temperature") is None


# --- noise --------------------------------------------------------------------------------------


def test_the_interval_is_welch_s() -> None:
    """Against scipy's own interval of the difference of two means."""
    from scipy import stats

    a, b = [82.1, 81.7, 82.5], [84.3, 84.0, 84.9, 83.8]
    low, high = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    found = noise_verdict(a, b)

    assert (found.verdict, found.seeds) == ("beyond", (3, 4))
    assert found.difference == pytest.approx((low + high) / 2)
    assert found.margin == pytest.approx((high - low) / 2)
    assert found.words == "beyond seed noise: +2.15 ± 0.86 over 3 and 4 seeds"


def test_a_difference_within_the_noise_says_how_many_seeds_would_tell() -> None:
    """With that many, the same difference and spread would be told."""
    found = noise_verdict([81.6, 82.0, 82.4], [81.8, 82.2, 82.6])

    assert found.verdict == "within"
    assert found.needed == 32
    assert found.words == "within seed noise: +0.2 ± 0.91 over 3 seeds; about 32 seeds of each would settle it"


def test_repeats_of_one_configuration_serve_for_both() -> None:
    """The other is taken to vary as much: t of 2 degrees, standard deviation times the root of 1/3 + 1."""
    found = noise_verdict([1.0, 2.0, 3.0], [9.0])

    assert found.margin == pytest.approx(4.302652730 * math.sqrt(1 / 3 + 1))
    assert found.verdict == "beyond"


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([1.0], [2.0], "unknown: no repeats of either configuration; 3 seeds of each would tell a difference of 2.3"),
        ([1.0, math.nan], [2.0, 3.0], "unknown: not every value is a number"),
        ([1.0, 1.0], [1.0, 1.0], "no difference: +0 ± 0 over 2 seeds"),
        ([1.0, 1.2], [1.1, 1.1001], "within seed noise: +5e-05 ± 1.3 over 2 seeds; more than 1,000 seeds of each"),
        ([1.0, 1.0], [2.0, 2.0], "beyond seed noise: +1 ± 0 over 2 seeds"),
    ],
)
def test_the_edges_of_noise(first: list[float], second: list[float], words: str) -> None:
    """No repeats, no numbers, no spread."""
    assert noise_verdict(first, second).words.startswith(words)


def test_runs_of_one_configuration_differ_by_noise_alone() -> None:
    """With other seeds it is the noise itself; with the same seed nothing should differ."""
    assert "this is the noise, with a standard deviation of 1" in within_one(1, 2, [1, 2, 3], same_seed=False).words
    assert within_one(1, 1, [1], same_seed=True).words.endswith("what differs is nothing")
    assert within_one(1, 2, [1], same_seed=True).words.endswith("what differs is what is not deterministic")


def test_repeats_are_found_among_the_known_runs(tmp_path: Path) -> None:
    """Same code, settings and data with other seeds; neither the same seed twice nor another configuration."""
    values = [(0, 0.1, 0.80), (1, 0.1, 0.82), (2, 0.1, 0.81), (0, 0.2, 0.90), (1, 0.2, 0.92), (0, 0.3, 0.5)]
    for number, (seed, lr, accuracy) in enumerate(values):
        made(tmp_path, number, seeded(seed, lr), val_accuracy=accuracy)
    made(tmp_path, -1, seeded(1, 0.1), val_accuracy=0.10)  # older, with a seed that a newer run has

    row = compared(tmp_path, 0, 3).metrics[1]

    assert row.name == "val/accuracy"
    assert row.noise[0].seeds == (3, 2)
    assert row.noise[0].difference == pytest.approx(0.91 - 0.81)


# --- the first step that differs ----------------------------------------------------------------


def test_equal_runs_are_equal(tmp_path: Path) -> None:
    """Every value of every step was compared, NaN with NaN too."""
    a, b = made(tmp_path, 1, None, (2.0, math.nan)), made(tmp_path, 2, None, (2.0, math.nan))

    found = first_difference(a, b)

    assert (found.equal, found.step, found.steps) == (True, None, (2, 2))
    assert found.compared == {"losses": 2, "learning rates": 2}


def test_the_first_step_that_differs_is_named(tmp_path: Path) -> None:
    """By one unit in the last place of a float64; what comes after does not matter."""
    a = made(tmp_path, 1, None, (2.0, 1.0, 0.3, 7.0))
    b = made(tmp_path, 2, None, (2.0, 1.0, 0.1 + 0.2, 8.0))

    found = first_difference(a, b)

    assert (found.equal, found.step, found.what) == (False, 2, "loss")
    assert found.values == ("0.3 (0x1.3333333333333p-2)", "0.30000000000000004 (0x1.3333333333334p-2)")


def test_parameters_that_part_before_the_loss_are_found(tmp_path: Path) -> None:
    """A checksum after step 1 comes before the loss of step 2."""
    a, b = made(tmp_path, 1, None, (3.0, 2.0, 1.0)), made(tmp_path, 2, None, (3.0, 2.0, 1.5))
    for folder, digest in ((a, "aa"), (b, "bb")):
        (folder / "parameters.jsonl").write_text(f'{{"step": 2, "sum": "{digest}"}}\n')

    found = first_difference(a, b)

    assert (found.step, found.what, found.values) == (1, "parameters", ("aa", "bb"))


def test_only_the_end_may_differ(tmp_path: Path) -> None:
    """The last step changes the parameters after its loss."""
    a, b = made(tmp_path, 1, None), made(tmp_path, 2, None)
    for folder, digest in ((a, "aa"), (b, "bb")):
        (folder / "process.json").write_text(json.dumps({"parameters": digest}))

    found = first_difference(a, b)

    assert (found.equal, found.step, found.what) == (False, None, END)


def test_a_killed_run_is_compared_as_far_as_it_came(tmp_path: Path) -> None:
    """Fewer steps are no difference."""
    found = first_difference(made(tmp_path, 1, None, (2.0,)), made(tmp_path, 2, None, (2.0, 1.0)))

    assert (found.equal, found.steps) == (True, (1, 2))


def test_the_clock_is_no_difference(tmp_path: Path) -> None:
    """Throughput is another every time."""
    a, b = made(tmp_path, 1, None), made(tmp_path, 2, None)
    for folder, speed in ((a, 1), (b, 2)):
        with (folder / "metrics.jsonl").open("a") as file:
            file.write(f'{{"step": 1, "time": {speed}, "samples/s": {speed}, "epoch seconds": {speed}}}\n')

    assert first_difference(a, b).equal


def test_nothing_recorded_is_nothing_known(tmp_path: Path) -> None:
    """It is neither equal nor different."""
    a, b = made(tmp_path, 1, None, ()), made(tmp_path, 2, None, ())

    assert first_difference(a, b).equal is None


# --- what is printed ----------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_comparison_fits_the_terminal(tmp_path: Path, width: int, snapshot) -> None:
    """No line is longer than the terminal is wide, whatever the names are."""
    other = replace(
        seeded(1, 0.2),
        code=replace(
            CODE, commit="99" * 20, dirty=True, sha256="s2", sources={"a/very/long/path/to/a/file.py": "ff" * 8}
        ),
        environment=replace(PLACE, packages={"torch": "2.4.0", **{f"package-{i}": "1.0" for i in range(20)}}),
    )
    made(tmp_path, 1, LAYERS, val_accuracy=0.8)
    made(tmp_path, 2, other, val_accuracy=0.9)
    made(tmp_path, 3, seeded(2), val_accuracy=0.82)

    found = compared(tmp_path, 1, 2)
    found = replace(found, runs=tuple(replace(run, started=0.0, ended=75.0) for run in found.runs))
    text = "\n".join(lines(found, width))

    assert max(map(len, text.splitlines())) <= width
    snapshot(f"runs-compare-{width}.txt", text + "\n")


def test_the_command_compares_as_text_json_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON is strict and says the same; the picture is there."""
    base = tmp_path / "runs"
    made(base, 1, LAYERS, (2.0, math.nan))
    made(base, 2, seeded(0, 0.2))
    common = ["runs", "compare", "run-1", "run-2", "--runs", str(base)]

    assert main([*common, "--json", "--png", str(tmp_path / "c.png")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [run["id"] for run in told["runs"]] == ["run-1", "run-2"]
    assert {d["layer"]: d["same"] for d in told["layers"]}["config"] is False
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")

    assert main(common) == 0
    assert "unknown: not every value is a number" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["compare", "run-1"], "compare takes two runs or more"),
        (["compare", "run-1", "run-1"], "named twice"),
        (["compare", "run-1", "run-7"], "there is no run 'run-7'; the nearest: run-"),
        (["reproduce", "run-1", "run-2"], "reproduce takes one run"),
        (["reproduce", "run-1"], "has no record of what it was made of"),
        (["list", "--png", "x.png"], "--png is for compare"),
        (["compare", "a", "b", "--in", "x"], "--in is for reproduce"),
        (["compare", "a", "b", "--png", "x.bmp"], "must end in .png"),
        (["compare", "a", "b", "--png", "no/such/x.png"], "does not exist"),
    ],
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    """Status 2, nothing on standard output."""
    made(tmp_path / "runs", 1, None)
    made(tmp_path / "runs", 2, None)

    assert main(["runs", *words, "--runs", str(tmp_path / "runs")]) == 2

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert sentence in told.err
