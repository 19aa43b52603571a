"""Makes one run in a process of its own: it gets a job on its standard input and writes the result as it ends.

Its standard input stays open for as long as somebody waits for the result; when it closes, the run ends with it,
children included, so that nothing trains on for nobody after a kill.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from torchladder.ablation.job import Job, Result, failed
from torchladder.core.errors import LadderError
from torchladder.core.jsonable import from_json, to_json


def main() -> int:
    """Make the run."""
    job: Job = from_json(Job, json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_the_other_side, daemon=True).start()
    answer = os.dup(1)
    os.dup2(2, 1)  # what the run prints is not the result
    result = perform(job)
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        out.write(json.dumps(to_json(result)))
    return 0


def _end_with_the_other_side() -> None:
    while os.read(0, 1):  # past Python's buffer, which a waiting thread would hold when the process ends
        pass
    os.killpg(0, signal.SIGKILL)


def perform(job: Job) -> Result:
    """Make a run here; a failure is a result, too."""
    how = {"recipe": _trained, "script": _run, "simple": _simple}[job.kind]
    try:
        os.chdir(job.content["cwd"])
        return how(job.content, job.threads)
    except LadderError as error:
        return failed(str(error))
    except MemoryError:
        return failed("out of memory")
    except Exception as error:  # a row of the table, not the end of it
        words = " ".join(str(error).split())
        if type(error).__name__ == "OutOfMemoryError":
            return failed(f"out of memory: {words}")
        return failed(f"{type(error).__name__}: {words}")


def has_gpu() -> bool:
    """Tell whether this machine has a GPU, without importing torch."""
    return sys.platform == "darwin" or any(Path(device).exists() for device in ("/dev/nvidia0", "/dev/kfd"))


def _trained(content: Any, threads: int) -> Result:
    import torch

    from torchladder.ablation.meter import Meter
    from torchladder.training.recipe_file import checked
    from torchladder.training.train import Options, train

    torch.set_num_threads(threads)
    meter = Meter()
    options = Options(runs=Path(content["runs"]), ladder=0.0, watch=False, name=content["name"], show=meter)
    made = train(checked(content["recipe"], "the changed recipe"), options)
    samples = sum(map(sum, made.val.confusion))
    return Result(
        "ended",
        metric=made.metric,
        values=dict(made.val.values),
        step=1 / samples if samples else 0.0,
        seconds=made.seconds,
        cost=made.seconds if has_gpu() else meter.seconds,
        run=made.run,
        folder=made.folder or "",
        facts={"held_out": samples} if samples else {},
    )


def _simple(content: Any, threads: int) -> Result:
    import torch

    from torchladder.ablation.simple import simplest
    from torchladder.training.recipe_file import checked

    torch.set_num_threads(threads)
    began = time.monotonic()
    found = simplest(checked(content["recipe"], "the recipe"))
    values = {f"{name}/{metric}": value for name, row in found.items() for metric, value in row.items()}
    return Result("ended", values=values, seconds=time.monotonic() - began)


def _run(content: Any, threads: int) -> Result:
    from torchladder.ablation.program import run_program

    del threads  # by the environment, which the program inherits
    before = os.times()
    result = run_program(content)
    after = os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    result.cost = result.seconds if has_gpu() else used
    return result


if __name__ == "__main__":
    sys.exit(main())
