"""Confusion matrix of the rules over their own plants, near misses and healthy specimens.

Every plant and every near miss is climbed for real. Per rule: plants named first, plants named at all, right lines,
verified fixes, near misses flagged (by this rule, by any), healthy specimens flagged. Nothing in the written files
depends on the order or the speed of the runs.

    python bench/detection.py                         everything, two at a time
    python bench/detection.py --only TL2,zero-grad    some rules
    python bench/detection.py --table                 the Markdown table of the stored results, nothing is run

Writes bench/results/detection.json and detection.md; a run with --only prints, and writes only with --out.
"""

import argparse
import concurrent.futures
import difflib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import torchladder
from torchladder.rules.registry import Plant, Rule, all_rules

SPECIMENS = Path(torchladder.__file__).parent / "specimens"
RESULTS = Path(__file__).parent / "results"
LINES_NEAR = 2  # a place this many lines from the planted passage counts as right
COLUMNS = (
    ("first", "plants", "first"),
    ("any", "plants", "at all"),
    ("line", "plants", "line"),
    ("verified", "plants", "verified"),
    ("flagged", "near_misses", "near misses flagged"),
    ("flagged_by_any", "near_misses", "by any rule"),
)


@dataclass(frozen=True)
class Program:
    """One program to climb: ``kind`` is "plant", "near miss" or "healthy"."""

    kind: str
    rule: str
    index: int
    specimen: str
    text: str
    lines: tuple[int, ...] = ()


def edited(plant: Plant) -> tuple[str, tuple[int, ...]]:
    """Return the specimen with the plant's passage replaced, and the lines of the result that this touched."""
    healthy = (SPECIMENS / f"{plant.specimen}.py").read_text()
    if healthy.count(plant.healthy) != 1:
        sys.exit(f"{plant.specimen} holds {plant.healthy!r} {healthy.count(plant.healthy)} times instead of once")
    text = healthy.replace(plant.healthy, plant.sick)
    matcher = difflib.SequenceMatcher(None, healthy.splitlines(), text.splitlines(), autojunk=False)
    touched: set[int] = set()
    for tag, _, _, start, end in matcher.get_opcodes():
        if tag != "equal":  # a deletion lies between two lines: both count
            touched.update(range(start + 1, end + 1) if end > start else (start, start + 1))
    return text, tuple(sorted(touched))


def programs(rules: list[Rule], *, healthy: bool) -> list[Program]:
    """Return what is to be climbed, in the order of the codes."""
    made = []
    for rule in rules:
        for kind, plants in (("plant", rule.plants), ("near miss", rule.near_misses)):
            for i, plant in enumerate(plants):
                if plant.ranks > 1:  # several processes are watched, not climbed
                    continue
                text, lines = edited(plant)
                made.append(Program(kind, rule.name, i, plant.specimen, text, lines))
    if healthy:
        files = sorted(f for f in SPECIMENS.glob("*.py") if f.stem != "__init__")
        made += [Program("healthy", "", 0, f.stem, f.read_text()) for f in files]
    return made


def climb_one(program: Program, budget: float) -> dict[str, Any]:
    """Climb one program in a folder of its own; called in a worker process."""
    from torchladder.ladder.climb import climb
    from torchladder.runner.target import resolve

    before, started = Path.cwd(), time.monotonic()
    row: dict[str, Any] = {
        "kind": program.kind, "rule": program.rule, "index": program.index, "specimen": program.specimen,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="plant-") as folder:
        Path(folder, "train.py").write_text(program.text)
        os.chdir(folder)
        try:
            report = climb(resolve("train.py", ()), budget=budget)
        except Exception as error:  # a defect of ours is a result too
            return row | {"verdict": "defect", "said": [], "sentence": f"{type(error).__name__}: {error}"}
        finally:
            os.chdir(before)
    said = [f for f in report.findings if f.severity.value != "note"]
    found = next((f for f in said[:1] if f.name == program.rule), None)
    lines = [w.line for w in found.where if w.path == "train.py"] if found else []
    return row | {
        "verdict": report.verdict,
        "said": [f.name for f in said],
        "line": any(abs(a - b) <= LINES_NEAR for a in lines for b in program.lines),
        "verified": found is not None and any(x.verified for x in found.fixes),
        "sentence": report.sentence,
        "seconds": round(time.monotonic() - started, 1),
    }


def run_all(todo: list[Program], jobs: int, budget: float) -> list[dict[str, Any]]:
    """Climb everything, a few at a time; the rows come back in the order of ``todo``."""
    context = multiprocessing.get_context("spawn")  # a climb forks: its process must not hold a pool's threads
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context) as pool:
        futures = {pool.submit(climb_one, p, budget): i for i, p in enumerate(todo)}
        rows: dict[int, dict[str, Any]] = {}
        for done in concurrent.futures.as_completed(futures):
            row = rows[futures[done]] = done.result()
            what = f"{row['kind']} {row['rule']} {row['index']}".rstrip(" 0") if row["rule"] else row["kind"]
            said = ", ".join(row["said"]) or "-"
            line = f"{len(rows):4}/{len(todo)} {row.get('seconds', 0):5.1f} s  {what} [{row['specimen']}]: {said}"
            print(line, file=sys.stderr, flush=True)
    return [rows[i] for i in range(len(todo))]


def tally(rules: list[Rule], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of every rule and what was confused with what."""
    table = []
    for rule in rules:
        plants = [r for r in rows if r["rule"] == rule.name and r["kind"] == "plant"]
        near = [r for r in rows if r["rule"] == rule.name and r["kind"] == "near miss"]
        table.append({
            "code": rule.code,
            "name": rule.name,
            "plants": len(plants),
            "first": sum(r["said"][:1] == [rule.name] for r in plants),
            "any": sum(rule.name in r["said"] for r in plants),
            "line": sum(bool(r.get("line")) for r in plants),
            "verified": sum(bool(r.get("verified")) for r in plants),
            "near_misses": len(near),
            "flagged": sum(rule.name in r["said"] for r in near),
            "flagged_by_any": sum(bool(r["said"]) for r in near),
            "healthy_flagged": sum(rule.name in r["said"] for r in rows if r["kind"] == "healthy"),
        })
    confused = [
        {"kind": r["kind"], "rule": r["rule"], "index": r["index"], "specimen": r["specimen"], "said": r["said"],
         "verdict": r["verdict"]}
        for r in rows
        if (r["kind"] == "plant" and r["said"][:1] != [r["rule"]]) or (r["kind"] != "plant" and r["said"])
    ]  # fmt: skip
    keys = [k for k in table[0] if k not in {"code", "name"}] if table else []
    totals = {k: sum(row[k] for row in table) for k in keys}
    totals["healthy"] = sum(r["kind"] == "healthy" for r in rows)
    totals["healthy_flagged"] = sum(bool(r["said"]) for r in rows if r["kind"] == "healthy")
    return {"rules": table, "totals": totals, "confused": confused}


def markdown(data: dict[str, Any]) -> str:
    """Return the results as a page: totals, one row a rule, and what was confused."""
    t = data["totals"]
    lines = [
        f"{t['plants']} plants, {t['near_misses']} near misses and {t['healthy']} healthy specimens, "
        f"{data['budget']:g} s each, torch {data['torch']}.",
        "",
        "| rule | " + " | ".join(title for _, _, title in COLUMNS) + " | healthy flagged |",
        "|---|" + "---:|" * (len(COLUMNS) + 1),
    ]
    for row in [*data["rules"], {**t, "code": "all", "name": ""}]:
        cells = [f"{row[key]}/{row[of]}" for key, of, _ in COLUMNS]
        name = f"{row['code']} {row['name']}".strip()
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {row['healthy_flagged']}/{t['healthy']} |")
    if data["confused"]:
        lines += ["", "Not as it should be:", ""]
        for c in data["confused"]:
            what = f"{c['kind']} {c['index'] + 1} of `{c['rule']}` on" if c["rule"] else c["kind"]
            said = ", ".join(f"`{n}`" for n in c["said"]) or f"nothing ({c['verdict']})"
            lines.append(f"- {what} `{c['specimen']}`: {said}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Climb, count, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="RULES", help="codes, beginnings of codes, or parts of names")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--budget", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--no-healthy", action="store_true", help="leave the healthy specimens out")
    parser.add_argument("--out", type=Path, help="folder for detection.json and detection.md")
    parser.add_argument("--table", action="store_true", help="print the table of the stored results")
    options = parser.parse_args()
    if options.table:
        print(markdown(json.loads(((options.out or RESULTS) / "detection.json").read_text())), end="")
        return
    words = [w.strip() for w in options.only.split(",") if w.strip()]
    rules = [
        r for r in all_rules() if not words or any(r.code.startswith(w.upper()) or w.lower() in r.name for w in words)
    ]
    if not rules:
        sys.exit(f"no rule matches {options.only}")
    rows = run_all(programs(rules, healthy=not options.no_healthy), options.jobs, options.budget)

    import torch

    data = {"tool": torchladder.__version__, "torch": torch.__version__, "budget": options.budget, **tally(rules, rows)}
    data["programs"] = [{k: v for k, v in r.items() if k not in {"seconds", "sentence"}} for r in rows]
    page = markdown(data)
    print(page, end="")
    out = options.out or (None if words or options.no_healthy else RESULTS)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "detection.json").write_text(json.dumps(data, indent=1) + "\n")
        (out / "detection.md").write_text(page)
        print(f"written: {out}/detection.json, {out}/detection.md", file=sys.stderr)


if __name__ == "__main__":
    main()
