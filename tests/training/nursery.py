"""Trainings of the real verb that are forked from one process, killed at random moments and gone on with.

Starting an interpreter and importing torch takes longer than the training; forked, forty kills fit in minutes.

    python nursery.py RECIPE FOLDER KILLS SEED

prints a line of JSON a kill, and before them one of the unbroken training.
"""

import contextlib
import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch

from torchladder.checkpoints.atomic import DRAFTS
from torchladder.cli.main import main

OPTIONS = ("train", "--no-ladder", "--no-watch", "-q")
SHOWN = ("parameter_sum", "val", "history", "steps", "best", "best_epoch")
SAVE = 0.03  # seconds that a step with its checkpoint may take


def forked(*words: str) -> int:
    """Begin a training in a process of its own, and return that process's number."""
    child = os.fork()
    if child == 0:
        status = 4
        try:
            status = main([*OPTIONS, *words])
        finally:
            os._exit(status)
    return child


def finished(folder: Path, *words: str, fork: bool = True) -> dict[str, Any]:
    """Return what a training gives that ends by itself."""
    path = folder / "result.json"
    path.unlink(missing_ok=True)
    words = (*words, "--json", str(path))
    status = os.waitpid(forked(*words), 0)[1] if fork else main([*OPTIONS, *words])
    assert status == 0, (status, words)
    made = json.loads(path.read_text())
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in made["history"]]
    return {k: made[k] for k in SHOWN} | {"history": history}


def step_of(checkpoints: Path) -> int:
    """Return the step of the last checkpoint that the manifest names, -1 if there is none."""
    with contextlib.suppress(OSError):
        found = re.search(r'"step": (\d+)', (checkpoints / "checkpoints.json").read_text())
        return int(found[1]) if found else -1
    return -1


def killed(recipe: Path, out: Path, step: int, pause: float | None) -> dict[str, Any]:
    """Kill a training after a step: after a pause, or as soon as a checkpoint is being written."""
    child = forked(str(recipe), "--out", str(out))
    run = None
    while run is None or step_of(run / "checkpoints") < step:
        run = run or next(iter(out.glob("*/")), None)
        if os.waitpid(child, os.WNOHANG)[0]:
            raise AssertionError(f"the training ended before step {step}")
    if pause is not None:
        time.sleep(pause)
    else:
        while not list((run / "checkpoints").glob(DRAFTS)) and not os.waitid(
            os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT
        ):
            pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    drafts = [path.name for path in (run / "checkpoints").glob(DRAFTS)]
    return {"run": str(run), "step": step_of(run / "checkpoints"), "drafts": drafts}


def run() -> None:
    """Kill and go on, time after time."""
    recipe, folder, kills = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    chance = random.Random(int(sys.argv[4]))
    # Unforked, so that what it imports on the way need not be imported again.
    whole = finished(folder, str(recipe), "--out", str(folder / "whole"), fork=False)
    print(json.dumps(whole), flush=True)
    for number in range(kills):
        step = chance.randrange(whole["steps"] - 2)
        pause = chance.uniform(0, SAVE) if number % 2 else None
        told = killed(recipe, folder / f"broken{number}", step, pause)
        again = finished(folder, "--resume", told["run"], "--out", str(folder / f"again{number}"))
        print(json.dumps(told | {"same": again == whole}), flush=True)


if __name__ == "__main__":
    run()
