"""The setting that `torchladder loader` names first, beside every setting tried for longer.

    aim: the setting named first is the one that helps most when tried, or within a tenth of it ("part": the best of
    all is that setting and one more)

Each program in loader_problems/ is given to `torchladder loader` as it is. Then the same program trains under every
setting in turn, by itself and without torchladder: several rounds, one after the other so that a busy moment meets all
of them, medians of the training steps a second.

    python bench/loader.py                          all programs; writes results/loader.md
    python bench/loader.py --only slow_disk --rounds 5
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[1]
PROBLEMS = ROOT / "bench/loader_problems"
RESULTS = ROOT / "bench/results"
NEAR = 0.9  # of the best rate counts as the best
WORTH = 1.1  # times as fast: with less there is nothing to name
CORES = len(os.sched_getaffinity(0))


def candidates(name):
    """Return every setting that is tried, the present one first."""
    own = 2 if name == "tiny_epochs" else 0
    counts = [n for n in sorted({0, 1, 2, CORES}) if n <= max(CORES, 2)]
    rows = [{}]
    rows += [{"num_workers": n} for n in counts if n != own]
    rows += [{"num_workers": n, "persistent_workers": True} for n in counts if n not in {0, own}]
    rows += [{"persistent_workers": True}, {"prefetch_factor": 4}] if own else []
    if name in {"single_samples", "tiny_epochs"}:
        rows.append({"batched": True})
    return rows


def problem(name):
    described = importlib.util.spec_from_file_location(name, PROBLEMS / f"{name}.py")
    module = importlib.util.module_from_spec(described)
    sys.modules[name] = module
    described.loader.exec_module(module)
    return module


def tried(name, rounds, seconds, also):
    """Return the steps a second by setting, round by round; ``also`` is what the command named."""
    module, rows = problem(name), candidates(name)
    rows += [also] if also and also not in rows else []
    rates = {json.dumps(r): [] for r in rows}
    for number in range(rounds):
        for row in rows if number % 2 == 0 else reversed(rows):
            rates[json.dumps(row)].append(module.train(module.make_loader(**row), seconds))
    return rates


def times(rates, row):
    """Return how many times as fast a setting is as the present one: the median of the ratios of each round."""
    mine = next(v for k, v in rates.items() if json.loads(k) == row)
    return statistics.median(a / b for a, b in zip(mine, rates["{}"], strict=True))


def named(name, budget):
    """Return what the command says: the report's figures of the loader, and the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, f"{name}.py")
        script.write_text((PROBLEMS / f"{name}.py").read_text())
        words = [sys.executable, "-m", "torchladder", "loader", "-q", "--budget", str(budget), "--json", "r.json"]
        started = time.perf_counter()
        done = subprocess.run(
            [*words, script.name], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, check=False
        )
        took = time.perf_counter() - started
        if done.returncode not in {0, 1}:
            sys.exit(f"torchladder loader {name}.py ended with {done.returncode}")
        return json.loads(Path(folder, "r.json").read_text()), took


def words_of(row):
    return ", ".join(f"{k}={v}" for k, v in row.items()) or "as it is"


def line(name, args):
    report, took = named(name, args.budget)
    figures = report["rungs"][0]["facts"]["loaders"][0]
    first = figures["first"]
    claimed = next((t for t in figures["tried"] if t["options"] == first), None)
    base = next((t for t in figures["tried"] if not t["options"]), None)
    rates = tried(name, args.rounds, args.seconds, first)
    gains = {k: times(rates, json.loads(k)) for k in rates}
    best = max(gains, key=gains.get)
    helps = gains[best] >= WORTH
    reached = times(rates, first or {})
    share = figures["share_waited"] or 0.0
    return {
        "program": name,
        "waits": share,
        "first": first,
        "claimed": base["seconds"] / claimed["seconds"] if claimed and base else None,
        "reached": reached,
        "best": json.loads(best) if helps else None,
        "best_gain": gains[best],
        "agreed": reached >= NEAR * gains[best] or (first is None and (not helps or share < 0.1)),
        "findings": [f["code"] for f in report["findings"] if f["severity"] != "note"],
        "seconds": took,
        "tried": {k: round(statistics.median(v), 2) for k, v in rates.items()},
        "gains": {k: round(v, 2) for k, v in gains.items()},
    }


def agreement(r):
    """Return "yes", or "part" where the best of all is what was named and something more."""
    part = r["first"] and r["best"] and r["first"].items() <= r["best"].items()
    return "yes" if r["agreed"] else "part" if part else "no"


def table(rows, args):
    lines = [
        "# The setting to change first",
        "",
        f"`python bench/loader.py`: Python {platform.python_version()}, torch {torch.__version__}, {CORES} cores "
        f"shared with other work, no GPU. `torchladder loader` with a budget of {args.budget} s; then every setting by "
        f"itself, {args.rounds} rounds of {args.seconds:g} s each, medians.",
        "",
        "| program | steps wait | named first | it says | for longer | best of all | agreed | verdict | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        first = "nothing" if r["first"] is None else f"`{words_of(r['first'])}`"
        claimed = "" if r["claimed"] is None else f"x{r['claimed']:.2f}"
        best = "nothing" if r["best"] is None else f"`{words_of(r['best'])}`"
        lines.append(
            f"| {r['program']} | {r['waits']:.0%} | {first} | {claimed} | x{r['reached']:.2f} | {best} "
            f"x{r['best_gain']:.2f} | {agreement(r)} | {', '.join(r['findings']) or 'none'} "
            f"| {r['seconds']:.0f} |"
        )
    lines += [
        "",
        "Steps that wait 5 % of their time cannot get more than 1.05 times as fast by any setting: a larger figure "
        "beside `heavy_model` is the machine's own noise, and says how far the others are to be trusted. Naming "
        "nothing counts as agreed where steps wait less than a tenth of their time.",
    ]
    lines += [
        "",
        "Training steps a second under each setting, medians, and beside the present one, medians of the rounds:",
        "",
    ]
    for r in rows:
        lines += [
            f"- {r['program']}: "
            + "; ".join(f"{words_of(json.loads(k))} {v} (x{r['gains'][k]})" for k, v in r["tried"].items())
        ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="a program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--budget", type=int, default=30)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    names = args.only or sorted(p.stem for p in PROBLEMS.glob("*.py"))
    rows = []
    for name in names:
        rows.append(line(name, args))
        print(json.dumps(rows[-1]), flush=True)
    text = table(rows, args)
    print(text)
    if not args.only:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "loader.md").write_text(text)
        (RESULTS / "loader.json").write_text(json.dumps(rows, indent=1) + "\n")
    sys.exit(0 if all(agreement(r) != "no" for r in rows) else 1)


if __name__ == "__main__":
    main()
