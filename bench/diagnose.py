"""How often `torchladder diagnose` names the true state of a run, on curves of real small trainings.

    python bench/diagnose.py               score bench/corpus/curves.json.gz, write bench/results/diagnose.md
    python bench/diagnose.py --part fresh -v       the misses
    python bench/diagnose.py --make        train the runs anew (about half an hour) and store their curves
    python bench/diagnose.py --time        a log of a million rows: seconds and memory of the whole command

The true state of a run is told by figures that its log does not have (bench/curve_runs.py): losses of all training
samples and of a large test set in evaluation mode, what guessing blindly costs, and what half as many epochs again
gave. Left out are runs that do not show what they were made for, that meet no definition, that lie within 15 % of one
(by half, of what training on would give: that is in no log), or whose small validation set gives another state than the
test set: the log has the validation set only (the figures that count those are told as well). Where two states hold of
one run either is right, and the strict figure counts the leading one alone. bench/corpus/README.md says which
definitions were repaired, when and why.

Parts: "tuning" are the runs that thresholds were chosen with. "held-out" has other seeds; by the definitions before
the repair its totals had been seen, by those after it was scored once. "fresh" has another seed and a task that no
other part has; it was trained after the definitions were repaired, and scored once, after all choices. The page ends
with what parts gave when first scored by the definitions of their time.
"""

import argparse
import dataclasses
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np

HERE = Path(__file__).resolve().parent
CURVES = HERE / "corpus" / "curves.json.gz"
RESULT = HERE / "results" / "diagnose.md"
TASKS = ("digits", "iris", "breast_cancer", "diabetes", "text", "wine", "fashion", "shirts")
SEEDS = {"tuning": (0, 1, 2, 3, 4, 5, 6, 11, 13), "held-out": (7, 8), "fresh": (20,)}
ONLY = {11: ("tops",), 20: ("ink",)}  # tasks of one seed
LEFT = {
    0: TASKS[:5],
    1: TASKS[:7],
    2: TASKS[:7],
    4: TASKS[7:],
    6: TASKS[7:],
    8: TASKS[7:],
    11: tuple(t for t in TASKS if t not in {"text", "fashion"}),
    13: tuple(t for t in TASKS if t not in {"text", "fashion"}),
}  # seeds that not all tasks were trained with
FIRST = (("Earlier parts", 264, 283), ("The next", 244, 261), ("The next", 251, 268), ("The held-out part", 251, 275),
         ("A fresh one", 246, 264), ("The next", 249, 267), ("The one before this fresh part", 250, 267))  # fmt: skip
ROWS = 1_000_000


def part_of(task, seed):
    """Return the part a run belongs to, None for those that are not kept."""
    part = next((p for p, seeds in SEEDS.items() if seed in seeds), None)
    return part if all(task not in tasks or seed == s for s, tasks in ONLY.items()) else None


def plan():
    """Yield every task with every seed it is trained with."""
    for seed in (s for seeds in SEEDS.values() for s in seeds):
        yield from ((task, seed) for task in LEFT.get(seed, TASKS) + ONLY.get(seed, ()))


def made(task, seed):
    """Yield every run of a task as a row that can be stored."""
    import curve_runs as c
    import torch

    torch.set_num_threads(1)
    t = c.task(task, seed)
    for name, recipe in c.scenarios(t, random.Random(f"{task}/{seed}")).items():
        if recipe is None:
            continue
        rows, steps, batches, inside = c.train(t, recipe, seed)
        yield {
            "task": task, "seed": seed, "scenario": name, "states": recipe.states, "epochs": recipe.epochs,
            "spoil": recipe.spoil, "blind": t.blind, "table": c.lines_of(recipe, rows, steps, batches),
            "inside": inside, "all": rows,
        }  # fmt: skip


def packed(raw):
    """Return the runs with their true states, those left out counted by reason; curves only."""
    import curve_runs as c

    best = {}
    for r in raw:
        for _, test in r["inside"] if r["spoil"] != "leak" else ():
            if test == test:
                key = r["task"], r["seed"]
                best[key] = min(best.get(key, np.inf), test)
    runs, left = [], Counter()
    for r in raw:
        recipe = SimpleNamespace(epochs=r["epochs"], spoil=r["spoil"])
        t, least = SimpleNamespace(blind=r["blind"]), best[r["task"], r["seed"]]
        inside = [tuple(float("nan") if v is None else v for v in pair) for pair in r["inside"]]
        true, clear = c.measured(recipe, t, inside, least)
        sample = [(a, row[3]) for (a, _), row in zip(inside, r["all"], strict=False)] + inside[r["epochs"] :]
        columns = {k: v for k, v in r["table"].items() if k not in {"epoch", "step", "lr"}}
        part = part_of(r["task"], r["seed"])
        if part is None:
            continue
        if not any(isinstance(v, float) for column in columns.values() for v in column):
            left[part, "no value is a number"] += 1
        elif not true:
            left[part, "meets no definition"] += 1
        elif true[0] not in r["states"]:
            left[part, "does not show what it was made for"] += 1
        elif ("overfitting" in true) != ("overfitting" in (seen := c.measured(recipe, t, sample, least)[0])):
            left[part, "validation and test set disagree about overfitting"] += 1
        elif not clear:
            left[part, "too close to a definition"] += 1
        else:
            if "diverged" in true and not any("loss" in k for k in columns):
                true = (*true, "not-learning")  # scores at chance: NaN and stillness look alike
            runs.append({"part": part, "task": r["task"], "seed": r["seed"], "scenario": r["scenario"],
                         "true": true, "doubtful": not set(true) & set(seen), "table": r["table"]})  # fmt: skip
    return {"left_out": {f"{p}: {why}": n for (p, why), n in sorted(left.items())}, "runs": runs}


def table_of(columns):
    """Return stored columns as the readers give them."""
    from torchladder.logs.table import Column, Table, number

    found = []
    for name, cells in columns.items():
        known = [(i, v) for i, v in enumerate(map(number, cells)) if v is not None]
        rows, values = [i for i, _ in known], [v for _, v in known]
        found.append(Column(name, np.array(rows, np.int64), np.array(values, np.float64)))
    return Table("stored", "stored", len(next(iter(columns.values()))), tuple(found))


def judged(runs):
    """Yield each run with what is said of it."""
    from torchladder.diagnosis.diagnose import diagnose, rules_of
    from torchladder.logs.curves import curves_of

    rules = rules_of()
    for run in runs:
        yield run, diagnose(curves_of(table_of(run["table"])), rules)


def scored(runs, *, verbose):
    """Return the lines of the report about one part."""
    doubtful = [r for r in runs if r["doubtful"]]
    among = sum(said.course.state in run["true"] for run, said in judged(doubtful))
    runs = [r for r in runs if not r["doubtful"]]
    confusion, right, strict, loud, soundly, sure = Counter(), 0, 0, 0, 0, []
    for run, said in judged(runs):
        got, true = said.course.state, run["true"]
        ok = got in true
        confusion[got if ok else true[0], got] += 1
        right += ok
        strict += got == true[0]
        warned = true[0] == "healthy" and any(f.severity.value != "note" for f in said.findings)
        loud += warned
        soundly += warned and run["scenario"].startswith("healthy")
        sure.append((said.course.confidence, ok))
        if verbose and not ok:
            print(f"{run['task']}/{run['seed']} {run['scenario']}: {'|'.join(true)}, got {got}: {said.course.words}")
    n = len(runs)
    plain = [r for r in runs if r["true"][0] == "healthy" and r["scenario"].startswith("healthy")]
    healthy = sum(r["true"][0] == "healthy" for r in runs)
    states = sorted({s for pair in confusion for s in pair})
    lines = [
        f"{right} of {n} right, {right / n:.1%} (by the leading state alone {strict / n:.1%}); "
        f"{loud} of {healthy} runs that came out healthy have a warning or an error, "
        f"{soundly} of the {len(plain)} of them that were made to be healthy.",
        "",
        f"Beside them are {len(doubtful)} runs whose validation set gives another state than the test set; by the test "
        f"set {among} are right. Together: {right + among} of {n + len(doubtful)}, "
        f"{(right + among) / (n + len(doubtful)):.1%}.",
        "",
        "| true \\ said | " + " | ".join(states) + " |",
        "|---" * (len(states) + 1) + "|",
    ]
    rows = sorted({a for a, _ in confusion})
    lines += ["| " + " | ".join([a, *(str(confusion[a, b] or "") for b in states)]) + " |" for a in rows]
    for low, high in ((0.0, 0.8), (0.8, 0.95), (0.95, 1.01)):
        here = [ok for c, ok in sure if low <= c < high]
        if here:
            lines.append(f"{'' if low else chr(10)}Confidence {low:.2f} to {min(high, 1):.2f}: {sum(here)} of "
                         f"{len(here)} right.  ")  # fmt: skip
    return lines


def outlooks(runs):
    """Return how often the end of a run lies in the interval foretold from its first two thirds."""
    from torchladder.diagnosis.facts import log_fact
    from torchladder.diagnosis.outlook import outlook
    from torchladder.logs.curves import curves_of

    inside = n = 0
    for run in runs:
        columns = run["table"]
        steady = "lr" not in columns or len(set(columns["lr"])) == 1
        if run["true"][0] not in {"healthy", "still-improving", "underfitting"} or not steady:
            continue
        if any(word in run["scenario"] for word in ("restarts", "cosine", "drops", "late", "stops", "rises", "resume")):
            continue
        fact = log_fact(curves_of(table_of(columns)))
        held = fact.held
        if held is None or len(held.values) < 12:
            continue
        cut = len(held.values) * 2 // 3
        ahead = outlook(dataclasses.replace(held, xs=held.xs[:cut], values=held.values[:cut], n=cut))
        if ahead is None:
            continue
        n += 1
        inside += ahead.low <= held.values[-1] <= ahead.high
    return inside, n


def timed():
    """Yield seconds, megabytes and status of the command on a million rows, by kind of log."""
    rng = np.random.default_rng(0)
    x = np.arange(ROWS)
    a = 2 * np.exp(-x / 2e5) + 0.3 + 0.05 * rng.standard_normal(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        csv, lines = Path(folder, "log.csv"), Path(folder, "log.jsonl")
        with csv.open("w") as file:
            file.write("step,train_loss,val_loss,lr\n")
            file.writelines(f"{i},{v:.5f},{v + 0.1:.5f},0.001\n" for i, v in zip(x, a, strict=True))
        with lines.open("w") as file:
            file.writelines(f'{{"step": {i}, "train_loss": {v:.5f}, "val_loss": {v + 0.1:.5f}}}\n'
                            for i, v in zip(x, a, strict=True))  # fmt: skip
        for log in (csv, lines):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            started = time.monotonic()
            code = (
                "import resource, sys; from torchladder.cli.main import main; s = main(sys.argv[1:]);"
                "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024); sys.exit(s)"
            )
            done = subprocess.run([sys.executable, "-c", code, "diagnose", "-q", str(log)], capture_output=True,
                                  text=True, cwd=folder, check=False)  # fmt: skip
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            yield log.suffix[1:], time.monotonic() - started, cpu, int(done.stdout.split()[-1]), done.returncode


def report(stored, parts, *, verbose):
    """Return the whole page."""
    lines = ["# Diagnosis of curves", "", "Written by `python bench/diagnose.py`.", ""]
    for part in parts:
        runs = [r for r in stored["runs"] if r["part"] == part]
        left = {k.partition(": ")[2]: n for k, n in stored["left_out"].items() if k.startswith(f"{part}: ")}
        told = ", ".join(f"{n} {why}" for why, n in left.items())
        lines += [
            f"## {part}: {sum(not r['doubtful'] for r in runs)} runs",
            "",
            *scored(runs, verbose=verbose),
            "",
            f"Left out: {told}.",
            "",
        ]
        inside, n = outlooks(runs)
        if n:
            lines += [f"Outlook from two thirds of a run: its end lies in the 90 % interval in {inside} of {n}.", ""]
    lines += ["When first scored, doubtful runs among them, by the definitions before their repair:", ""]
    lines += [f"{name}: {right} of {n}, {right / n:.1%}.  " for name, right, n in FIRST]
    return "\n".join(lines).rstrip() + "\n"


def main():
    """Make, score or time."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--pack", type=Path, help="runs as --make keeps them, JSON lines, instead of training")
    parser.add_argument("--part", choices=list(SEEDS))
    parser.add_argument("--time", action="store_true")
    parser.add_argument("-v", action="store_true", help="print the misses")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    if options.time:
        for kind, wall, cpu, size, status in timed():
            print(f"{ROWS:,} rows of {kind}: {wall:.2f} s ({cpu:.2f} s of one core), {size} MB, status {status}")
        return
    if options.make or options.pack:
        if options.pack:
            raw = [json.loads(line) for line in options.pack.read_text().splitlines() if line.endswith("}")]
        else:
            raw = [json.loads(json.dumps(r)) for t, s in plan() for r in made(t, s)]
        text = json.dumps(packed(raw), separators=(",", ":")) + "\n"
        CURVES.write_bytes(gzip.compress(text.encode(), mtime=0))
    stored = json.loads(gzip.decompress(CURVES.read_bytes()))
    page = report(stored, [options.part] if options.part else list(SEEDS), verbose=options.v)
    print(page)
    if not options.part:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(page)


if __name__ == "__main__":
    main()
