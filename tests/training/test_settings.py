"""Every setting of a recipe trains, and goes on from the middle of an epoch bit for bit."""

import copy
from pathlib import Path

import pytest
import torch

from tests.training.test_resume import Kept, loop_of
from torchladder.checkpoints.checksum import of_tensors
from torchladder.core.errors import UsageError
from torchladder.training import machine as machines
from torchladder.training import recipe_file
from torchladder.training.machine import ALONE, machine
from torchladder.training.recipe import Recipe, Training

BASE = ("epochs=2", "batch_size=32", "lr=0.01", "checkpoint_steps=2", "width=16", "seed=3")
TIMM = ("model=resnet10t", "size=32", "drop_path=0.3")
SETTINGS = {
    "plain": (),
    "bf16": ("precision=bf16",),
    "channels_last": ("channels_last=true",),
    "layer-wise rates": ("layer_decay=0.7",),
    "focal, class-balanced": ("loss.name=focal", "class_weights=balanced"),
    "smoothing, class-balanced": ("label_smoothing=0.1", "class_weights=balanced"),
    "balanced sampler": ("sampler=balanced",),
    "CutMix": ("cutmix=1.0",),
    "MixUp and CutMix": ("cutmix=1.0", "mixup=0.2"),
    "an unequal last group": ("accumulate=2", "batch_size=24"),
    "sgd, averaged": ("optimizer=sgd", "lr=0.1", "ema=0.9"),
    "early stopping": ("patience=1", "epochs=8", "lr=0.3"),
    "deterministic": ("deterministic=true",),
    "all at once": (
        "precision=bf16", "channels_last=true", "cutmix=1.0", "mixup=0.2", "accumulate=2", "ema=0.9", "dropout=0.2",
        "sampler=balanced", "label_smoothing=0.1", "layer_decay=0.9",
    ),
}  # fmt: skip
SLOW = {
    "workers": ("workers=2", "randaugment=5", "crop=0.7", "size=16"),
    "workers, decoded batch by batch": ("workers=2", "crop=0.7", "size=16", "memory=0.00001"),
    "compiled": ("compile=true", "epochs=1"),
    "drop path": TIMM,
    "frozen backbone, layer-wise rates": (*TIMM, "freeze=backbone", "layer_decay=0.7", "lr=0.1"),
}


@pytest.mark.parametrize("changes", SETTINGS.values(), ids=SETTINGS)
def test_a_setting_trains_and_goes_on(pictures: Path, changes: tuple[str, ...]) -> None:
    """The loss falls, and a training that goes on from within an epoch ends with the weights of the unbroken one."""
    check(pictures, changes)


@pytest.mark.slow
@pytest.mark.parametrize("changes", SLOW.values(), ids=SLOW)
def test_a_slow_setting_trains_and_goes_on(pictures: Path, changes: tuple[str, ...]) -> None:
    """The same, with processes, compilers and large models."""
    if changes[0] in TIMM:
        pytest.importorskip("timm")
    check(pictures, changes)


def check(pictures: Path, changes: tuple[str, ...]) -> None:
    """Train twice."""
    recipe = recipe_file.changed(Recipe(), [f"train={pictures}", *BASE, *changes])
    kept = Kept()
    whole = loop_of(recipe, kept)
    first: list[float] = []
    whole.listener.steps = lambda rows: first.extend(row["loss"] for _, row in rows)
    try:
        whole.run()
        inner = [s for s in kept.states if s["place"]["batch"]]
        again = loop_of(recipe, Kept())
        again.resume(copy.deepcopy(inner[len(inner) // 2]))
        again.run()
    finally:
        torch.use_deterministic_algorithms(mode=False)
    third = max(1, len(first) // 3)

    assert sum(first[-third:]) < sum(first[:third])
    pairs = [(whole.bare, again.bare)]
    if whole.average is not None and again.average is not None:
        pairs.append((whole.average.module, again.average.module))
    for own, other in pairs:
        assert of_tensors(own.parameters()) == of_tensors(other.parameters())
        assert of_tensors(own.buffers()) == of_tensors(other.buffers())
    assert [r["val/loss"] for r in again.place.history] == [r["val/loss"] for r in whole.place.history]
    if recipe.training.patience:
        assert len(whole.place.history) < recipe.training.epochs


def test_a_balanced_sampler_draws_the_rare_class(pictures: Path) -> None:
    """Of a class with a tenth of the samples, as many are drawn as of the others."""
    for extra in sorted((pictures / "d3").glob("*"))[3:]:
        extra.unlink()
    loop = loop_of(recipe_file.changed(Recipe(), [f"train={pictures}", *BASE, "sampler=balanced"]), Kept())
    y = loop.ready.train.y.numpy()
    rare = int(y.max()) if (y == y.max()).sum() <= 3 else 3
    drawn = sum((y[loop.parts.order.samples(epoch)] == rare).sum() for epoch in range(40)) / (40 * len(y))

    assert (y == rare).mean() < 0.03
    assert drawn == pytest.approx(1 / 10, abs=0.02)


def test_the_work_of_a_model_is_counted(pictures: Path) -> None:
    """Three layers over 256 pixels: a multiply-add a weight; and what the weights take in float32."""
    parts = loop_of(recipe_file.changed(Recipe(), [f"train={pictures}", *BASE, "model=mlp", "depth=2"]), Kept()).parts
    weights = 256 * 16 + 16 * 16 + 16 * 10

    assert parts.work == weights
    assert parts.bytes == 4 * (weights + 16 + 16 + 10)


def test_a_compiler_that_is_missing_is_named(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch.compile raises becomes one sentence that says which key to change."""
    kind = type("InvalidCxxCompiler", (RuntimeError,), {"__module__": "torch._inductor.exc"})
    loop = loop_of(recipe_file.changed(Recipe(), [f"train={pictures}", *BASE]), Kept())

    def failing(x: torch.Tensor) -> torch.Tensor:
        raise kind("No working C++ compiler found\nSet TORCHDYNAMO_VERBOSE=1 for more")

    monkeypatch.setattr(loop, "model", failing)
    with pytest.raises(UsageError, match=r"torch\.compile fails on small_cnn; set it to false \(No working .* found\)"):
        loop._answers(torch.zeros(1))


def test_a_second_training_may_have_another_precision() -> None:
    """Accelerate keeps one state for a process; trainings one after another do not mind."""
    for precision in ("bf16", "fp32", "bf16"):
        made = machine(Training(precision=precision))
        assert made.accelerator.mixed_precision == ("no" if precision == "fp32" else precision)


def test_a_launcher_that_starts_one_process_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """``accelerate launch --cpu --num_processes 2`` gives an address to two processes and starts one."""
    made = machine(Training())
    assert made.told == []
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.delenv("WORLD_SIZE", raising=False)

    alone, precision = machines._unheard(made)
    assert alone == ALONE
    assert "training.precision is fp32" in precision
