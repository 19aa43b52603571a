"""What a climb to rung 3 costs, against the bare program's start plus the same number of steps.

"The same number of steps" are those that the experiments of the climb really took: every optimizer step of the
observation and of each trial on one batch, up to the step at which it was stopped. The bare twin is the program itself,
run by plain python from its start until that many optimizer steps, then ended: it pays torch's import and the data once
and does the same work, so what a climb costs more is looking, judging and starting anew.

    aim: wall <= 1.5 x bare + 3 s, and peak memory <= 1.3 x bare

Pairs are run one after the other (climb, bare, climb, bare ...); medians of the differences within pairs are given,
with CPU seconds (user and system, children included) beside the wall clock: on a busy machine only those compare.

    python bench/climb.py                    five pairs of every program
    python bench/climb.py --repeats 1 --only regression
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = {
    "regression": ROOT / "src/torchladder/specimens/regression.py",
    "digits_cnn": ROOT / "src/torchladder/specimens/digits_cnn.py",
    "tiny_lm": ROOT / "src/torchladder/specimens/tiny_lm.py",
    "resnet18": ROOT / "tests/climbing/programs/resnet18_digits.py",
}
FACTOR, EXTRA_S, MEMORY = 1.5, 3.0, 1.3

# Runs a program until N optimizer steps, starting it again as often as it ends before; used by the bare twin.
BARE = """
import os, runpy, sys
limit, sys.argv = int(sys.argv[1]), sys.argv[2:]
import torch
count = 0
def stop(*_):
    global count
    count += 1
    if count >= limit:
        sys.stdout.flush()
        os._exit(0)
from torch.optim.optimizer import register_optimizer_step_post_hook
register_optimizer_step_post_hook(stop)
while True:
    runpy.run_path(sys.argv[0], run_name="__main__")
"""
# Climbs a program and prints how many steps its experiments took, and what each needed.
CLIMB = """
import json, sys
from torchladder.ladder.climb import Ascent
from torchladder.ladder.selection import chosen
from torchladder.ladder.subject import Subject
from torchladder.runner.target import resolve
name, budget = sys.argv[1], float(sys.argv[2])
peaks, steps = [], 0
class Counted(Subject):
    def run(self, *args, **kwargs):
        global steps
        done = super().run(*args, **kwargs)
        peaks.append(done.program.peak_memory_bytes or 0)
        seen = done.payload or {}
        steps += (seen.get("trial") or seen).get("steps") or 0
        return done
with Counted(resolve(name, ()), budget, lambda _: None) as subject:
    ascent = Ascent(subject, chosen((), ()), 3)
    ascent.go()
report = ascent.report()
print(json.dumps({
    "verdict": report.verdict, "sentence": report.sentence, "runs": len(peaks), "peak": max(peaks),
    "steps": steps,
}))
"""


def timed(words: list[str], folder: Path) -> dict[str, Any]:
    """Run a command; return wall seconds, CPU seconds of it and its children, peak memory and what it printed."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(words, cwd=folder, env=env, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        printed, complaint = out.read(), err.read()
    if process.returncode:
        sys.exit(f"{' '.join(words)[:200]} ended with {process.returncode}:\n{complaint[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, "peak": usage.ru_maxrss * 1024, "printed": printed}


def pair(program: Path, budget: float) -> dict[str, float]:
    """Climb, then run the bare twin for as many steps."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        shutil.copy(program, folder / "train.py")
        (folder / "bare.py").write_text(BARE)
        (folder / "climber.py").write_text(CLIMB)
        climb = timed([sys.executable, "climber.py", "train.py", str(budget)], folder)
        told = json.loads(climb["printed"].splitlines()[-1])
        bare = timed([sys.executable, "bare.py", str(told["steps"]), "train.py"], folder)
        start = timed([sys.executable, "bare.py", "1", "train.py"], folder)
    # Experiments are children: the largest of them, or the process that forked them, is what had to fit.
    peak = max(climb["peak"], told["peak"])
    return {
        "steps": told["steps"], "runs": told["runs"], "healthy": told["verdict"] == "healthy",
        "climb_wall": climb["wall"], "climb_cpu": climb["cpu"], "climb_peak": peak,
        "bare_wall": bare["wall"], "bare_cpu": bare["cpu"], "bare_peak": bare["peak"],
        "start_wall": start["wall"], "start_cpu": start["cpu"],
    }  # fmt: skip


def figures(name: str, pairs: list[dict[str, float]]) -> dict[str, Any]:
    """Return the medians of one program, and whether the aims are met."""
    middle = {k: statistics.median(p[k] for p in pairs) for k in pairs[0] if k != "healthy"}
    over = {c: statistics.median(p[f"climb_{c}"] - FACTOR * p[f"bare_{c}"] for p in pairs) for c in ("wall", "cpu")}
    memory = statistics.median(p["climb_peak"] / p["bare_peak"] for p in pairs)
    row: dict[str, Any] = {"program": name, "repeats": len(pairs), "healthy": all(p["healthy"] for p in pairs)}
    row |= {k: round(v, 2) if "peak" not in k else round(v / 2**20) for k, v in middle.items()}
    row |= {f"{c}_beyond_{FACTOR:g}x": round(v, 2) for c, v in over.items()} | {"memory_ratio": round(memory, 2)}
    return row | {
        "wall_met": over["wall"] <= EXTRA_S,
        "cpu_met": over["cpu"] <= EXTRA_S,
        "memory_met": memory <= MEMORY,
    }


def main() -> None:
    """Measure, print a JSON line a program, then a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", metavar="NAMES", help=f"some of {','.join(PROGRAMS)}")
    parser.add_argument("--budget", type=float, default=120.0, metavar="SECONDS")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    names = [n for n in options.only.split(",") if n] or list(PROGRAMS)
    rows = []
    for name in names:
        rows.append(figures(name, [pair(PROGRAMS[name], options.budget) for _ in range(options.repeats)]))
        print(json.dumps(rows[-1]), flush=True)
    print(
        "\n| program | steps | runs | bare wall / CPU | climb wall / CPU | beyond 1.5x (aim 3 s) wall / CPU | memory |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for r in rows:
        print(
            f"| {r['program']} | {r['steps']:.0f} | {r['runs']:.0f} | {r['bare_wall']:.1f} / {r['bare_cpu']:.1f} s "
            f"| {r['climb_wall']:.1f} / {r['climb_cpu']:.1f} s "
            f"| {r['wall_beyond_1.5x']:+.1f} / {r['cpu_beyond_1.5x']:+.1f} s | {r['memory_ratio']:.2f}x |"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
