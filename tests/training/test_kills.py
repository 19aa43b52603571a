"""kill -9 at random moments, in steps and while checkpoints are written: nothing of the result changes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from torchladder.training import recipe_file
from torchladder.training.recipe import Recipe

LIVELY = ("batch_size=32", "accumulate=2", "epochs=6", "ema=0.9", "dropout=0.3", "checkpoint_steps=1", "mixup=0.2")
NURSERY = Path(__file__).with_name("nursery.py")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked trainings")


def kills(table: Path, folder: Path, times: int, seed: int) -> None:
    """Every resume succeeds and ends bit for bit where the unbroken training ends."""
    recipe = folder / "r.yaml"
    recipe.write_text(recipe_file.written(recipe_file.changed(Recipe(), [f"train={table}", *LIVELY])))
    done = subprocess.run(
        [sys.executable, str(NURSERY), str(recipe), str(folder), str(times), str(seed)], check=False, cwd=folder,
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120 + 30 * times,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    whole, *each = (json.loads(line) for line in done.stdout.splitlines())

    assert len(each) == times
    assert [told for told in each if not told["same"]] == []
    assert any(told["drafts"] for told in each), "some were killed while a checkpoint was written"
    assert len({told["step"] for told in each}) > times // 3, "they were killed at different steps"
    assert all(told["step"] < whole["steps"] for told in each)


@pytest.mark.slow
def test_six_kills_change_nothing(table: Path, tmp_path: Path) -> None:
    """Killed at six random moments and gone on with, the training ends as if nothing had been."""
    kills(table, tmp_path, 6, seed=1)


@pytest.mark.slow
def test_forty_kills_change_nothing(table: Path, tmp_path: Path) -> None:
    """The same at forty moments, every second one within the writing of a checkpoint."""
    kills(table, tmp_path, 40, seed=2)
