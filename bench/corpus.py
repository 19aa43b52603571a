"""Score the installed command line on bench/corpus, the way a user runs it.

Each program is copied alone into an empty folder (no case.json, no twin) and climbed by
`torchladder climb --budget 90 --json report.json train.py`. One JSON line a program, then a summary.
What the words mean stands in bench/corpus/README.md.

    python bench/corpus.py                       everything, two at a time
    python bench/corpus.py --only x001,y003      some programs (a case stands for itself and its twin)
    python bench/corpus.py --kind healthy        cases, twins or healthy only
"""

import argparse
import concurrent.futures
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
INSTALLED = Path(sys.executable).with_name("torchladder")
LINES_NEAR = 2
JUDGED = {0, 1, 5}  # exit statuses of a climb that came to a verdict or said that it could not
# They describe the outcome of a short run rather than a fault, and are counted apart.
SOFT = {
    "overfitting", "underfitting", "training-too-short", "plateau", "insufficient-capacity", "class-imbalance",
    "seed-unset", "loader-bound", "label-noise", "too-few-examples", "lr-too-low",
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One program: ``kind`` is "case", "twin" or "healthy"."""

    kind: str
    folder: Path
    script: str


def jobs_of(corpus: Path, kinds: set[str], only: set[str]) -> list[Job]:
    """Return the programs in the order of their names, each twin after its case."""
    found = []
    for folder in sorted(p for p in corpus.glob("cases/*") if p.is_dir()):
        found += [Job("case", folder, "train.py"), Job("twin", folder, "fixed.py")]
    found += [Job("healthy", p, "train.py") for p in sorted(corpus.glob("healthy/*")) if p.is_dir()]
    return [j for j in found if j.kind in kinds and (not only or j.folder.name in only)]


def stage(job: Job, folder: Path) -> None:
    """Copy the program into ``folder`` as train.py, with the modules it shares and nothing that tells the answer."""
    shutil.copytree(job.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("case.json", "__pycache__"))
    if job.script != "train.py":
        (folder / job.script).replace(folder / "train.py")
    (folder / "fixed.py").unlink(missing_ok=True)


def line_numbers(places: list[str]) -> set[tuple[str, int]]:
    """Return (file, line) of "train.py:44" and of both ends of "train.py:44-46"."""
    found = set()
    for text in places:
        name, _, lines = text.rpartition(":")
        found |= {(name, int(n)) for n in lines.split("-") if n.isdecimal()}
    return found


def judge(job: Job, report: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Return what counts of a report."""
    said = [f for f in report.get("findings", []) if f["severity"] in {"error", "warning"}]
    names = [f["name"] for f in said]
    row: dict[str, Any] = {"verdict": report.get("verdict"), "said": names}
    if job.kind == "case":
        right = {case["cause"], *case.get("also_ok", [])}
        first = said[0] if names[:1] and names[0] in right else None
        wanted = line_numbers(case.get("where", []))
        given = {(w["path"], w["line"]) for w in first["where"]} if first else set()
        row["cause"] = case["cause"]
        row["top1"] = first is not None
        row["any"] = bool(right & set(names))
        row["line"] = any(a == b and abs(x - y) <= LINES_NEAR for a, x in given for b, y in wanted)
        row["fixed"] = first is not None and any(x.get("verified") for x in first["fixes"])
    else:
        row["alarm"] = [n for n in names if n not in SOFT]
        row["soft"] = [n for n in names if n in SOFT]
    return row


def run(job: Job, command: list[str], budget: float) -> dict[str, Any]:
    """Climb one program as a user does."""
    row: dict[str, Any] = {"id": job.folder.name, "kind": job.kind}
    case = json.loads((job.folder / "case.json").read_text())
    with tempfile.TemporaryDirectory(prefix="corpus-") as name:
        folder = Path(name)
        stage(job, folder)
        words = [*command, "climb", "--budget", f"{budget:g}", "--json", "report.json", "train.py"]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        started = time.monotonic()
        try:
            done = subprocess.run(
                words, cwd=folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
                timeout=2 * budget + 60,
            )  # fmt: skip
            row["status"], tail = done.returncode, (done.stdout + done.stderr)[-1500:]
        except subprocess.TimeoutExpired:
            row["status"], tail = "timeout", ""
        row["seconds"] = round(time.monotonic() - started, 1)
        file = folder / "report.json"
        report = json.loads(file.read_text()) if file.exists() else {}
    row["report"] = bool(report)
    row |= judge(job, report, case)
    if row["status"] not in JUDGED or not report:
        row["output"] = tail
    return row


def summary(rows: list[dict[str, Any]]) -> str:
    """Return the closing line."""
    cases = [r for r in rows if r["kind"] == "case"]
    silent = [r for r in rows if r["kind"] != "case"]
    twins = {r["id"]: r for r in rows if r["kind"] == "twin"}
    paired = [
        r for r in cases if r["top1"] and r["id"] in twins and not set(r["said"][:1]) & set(twins[r["id"]]["said"])
    ]
    parts = [f"paired {len(paired)}/{len(cases)}"] if twins else []
    if cases:
        parts += [f"{key} {sum(r[key] for r in cases)}/{len(cases)}" for key in ("top1", "any", "line", "fixed")]
    if silent:
        parts.append(f"false alarms {sum(bool(r['alarm']) for r in silent)}/{len(silent)}")
        parts.append(f"soft {sum(bool(r['soft']) for r in silent)}/{len(silent)}")
        parts.append(f"undecided {sum(r['verdict'] == 'undecided' for r in silent)}/{len(silent)}")
    odd = [r for r in rows if r["status"] not in JUDGED]
    parts.append(f"no verdict {len(odd)}")
    parts.append(f"median {statistics.median(r['seconds'] for r in rows):.1f} s")
    return "  ".join(parts)


def main() -> None:
    """Run, print each row as it comes in order, and close with the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="IDS", help="such as x001,y003")
    parser.add_argument("--kind", choices=("all", "case", "twin", "healthy"), default="all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--budget", type=float, default=90.0, metavar="SECONDS")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="another folder of the same form")
    parser.add_argument("--out", type=Path, help="write the JSON lines there as well")
    parser.add_argument(
        "command", nargs="*", default=[str(INSTALLED)], help="what starts torchladder (the installed one)"
    )
    options = parser.parse_args()
    kinds = {"case", "twin", "healthy"} if options.kind == "all" else {options.kind}
    todo = jobs_of(options.corpus, kinds, set(filter(None, options.only.split(","))))
    if not todo:
        sys.exit(f"no program in {options.corpus} matches")
    rows = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for row in pool.map(lambda job: run(job, options.command, options.budget), todo):
            rows.append(row)
            print(json.dumps(row), flush=True)
            if options.out:
                options.out.write_text("".join(json.dumps(r) + "\n" for r in rows))
    print(summary(rows))


if __name__ == "__main__":
    main()
