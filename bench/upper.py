"""What the upper rungs cost: a climb to rung 5 and to rung 7, and the full run under the probes.

    aim: rungs 1-5 together <= 60 s on one core; the full run under the probes <= 1.02 x the bare one

The two climbs are whole commands, timed from outside. The full run is the program as rung 6 follows it, beside the
same program in an experiment that observes nothing: both are forked from one process that has torch loaded, so that
the difference is observation alone. CPU seconds of the children are compared (pairs one after the other, medians of
the ratios), as the wall clock of a shared machine says little.

    python bench/upper.py                         three pairs of every program
    python bench/upper.py --repeats 1 --only tiny_lm
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

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
SPECIMENS = ROOT / "src/torchladder/specimens"
PROGRAMS = {p.stem: p for p in sorted(SPECIMENS.glob("*.py")) if p.stem != "__init__"}
# Longer runs of three of them: the dense look at the first steps is then a small part, as in a real run.
LONGER = {
    "regression": ("epochs = 20", "epochs = 100"),
    "digits_cnn": ("range(6)", "range(20)"),
    "tiny_lm": ("n_steps = 400", "n_steps = 2000"),
}
# Runs a program in a fork, observed or not, and prints the CPU seconds of each pair.
PAIRS = """
import json, os, resource, sys, tempfile
import torch
torch.set_num_threads(1)
import types
from torchladder.ladder.subject import ENTRY
from torchladder.runner.forkserver import run
from torchladder.runner.target import resolve
bare = types.ModuleType("bare_entry")
bare.nothing = lambda control, options: types.SimpleNamespace(collect=dict)
sys.modules["bare_entry"] = bare
target = resolve("train.py", ())
def cpu(entry, options):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as scratch:
        done = run(target, entry, options, seconds=600, scratch=scratch)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, done.program.state
pairs = []
for _ in range(int(sys.argv[1])):
    first, state = cpu("bare_entry:nothing", {})
    second, other = cpu(f"{ENTRY}:observe", {"plan": {"light": True}})
    pairs.append([first, second])
    assert state == other == "ended", (state, other)
print(json.dumps(pairs))
"""


def command(words: list[str], folder: Path) -> tuple[float, float, str]:
    """Run a command; return wall seconds, CPU seconds of it and its children, and what it printed."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in {0, 1, 5}:
        sys.exit(f"{' '.join(words)[:200]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def climbed(program: Path, to: int) -> dict[str, Any]:
    """Climb a program as a user would."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        shutil.copy(program, Path(name, "train.py"))
        words = [sys.executable, "-m", "torchladder", "climb", "--to", str(to), "--json", "r.json", "-q", "train.py"]
        wall, cpu, _ = command(words, Path(name))
        report = json.loads(Path(name, "r.json").read_text())
    return {"wall": wall, "cpu": cpu, "verdict": report["verdict"]}


def followed(name: str, program: Path, repeats: int) -> list[float] | None:
    """Return the ratios of the full run under the probes to the bare one, for programs that can be made longer."""
    if name not in LONGER:
        return None
    short, long = LONGER[name]
    text = program.read_text()
    if text.count(short) != 1:
        sys.exit(f"{name} holds {short!r} {text.count(short)} times")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder, "train.py").write_text(text.replace(short, long))
        Path(folder, "pairs.py").write_text(PAIRS)
        _, _, printed = command([sys.executable, "pairs.py", str(repeats)], Path(folder))
    return [watched / bare for bare, watched in json.loads(printed.splitlines()[-1])]


def row(name: str, repeats: int) -> dict[str, Any]:
    """Measure one program."""
    program = PROGRAMS[name]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        shutil.copy(program, Path(folder, "train.py"))
        bare = [command([sys.executable, "train.py"], Path(folder))[:2] for _ in range(repeats)]
    five, seven = ([climbed(program, to) for _ in range(repeats)] for to in (5, 7))
    ratios = followed(name, program, repeats)
    middle = lambda rows, key: round(statistics.median(r[key] for r in rows), 1)  # noqa: E731
    return {
        "program": name,
        "bare_wall": round(statistics.median(b[0] for b in bare), 1),
        "bare_cpu": round(statistics.median(b[1] for b in bare), 1),
        "to_5_wall": middle(five, "wall"), "to_5_cpu": middle(five, "cpu"),
        "to_7_wall": middle(seven, "wall"), "to_7_cpu": middle(seven, "cpu"),
        "verdicts": sorted({r["verdict"] for r in (*five, *seven)}),
        "full_run_ratio": None if ratios is None else round(statistics.median(ratios), 3),
    }  # fmt: skip


def main() -> None:
    """Measure, print a JSON line a program, then a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", metavar="NAMES", help=f"some of {','.join(PROGRAMS)}")
    options = parser.parse_args()
    rows = []
    for name in [n for n in options.only.split(",") if n] or list(PROGRAMS):
        rows.append(row(name, options.repeats))
        print(json.dumps(rows[-1]), flush=True)
    print("\n| program | bare wall / CPU | to rung 5 (aim 60 s) | to rung 7 | full run under the probes (aim 1.02x) |")
    print("|---|---:|---:|---:|---:|")
    for r in rows:
        ratio = "" if r["full_run_ratio"] is None else f"{r['full_run_ratio']:.3f}x"
        print(
            f"| {r['program']} | {r['bare_wall']} / {r['bare_cpu']} s | {r['to_5_wall']} / {r['to_5_cpu']} s "
            f"| {r['to_7_wall']} / {r['to_7_cpu']} s | {ratio} |"
        )


if __name__ == "__main__":
    main()
