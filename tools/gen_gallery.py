"""Write docs/gallery.md: ten misbehaving programs from the corpus, each with what a climb says of it.

usage: python tools/gen_gallery.py [CASE ...]

Each program is copied to a folder of its own and climbed as a user would; the page has the output as it is printed.
Without arguments the ten cases below are climbed, which takes some minutes.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CASES = ROOT / "bench" / "corpus" / "cases"
PAGE = ROOT / "docs" / "gallery.md"
CHOSEN = ("x401", "x402", "x405", "x406", "x408", "x409", "x411", "x413", "x416", "x419")
HEAD = """# Ten bugs, diagnosed

Programs rebuilt from bugs that people reported, with the symptom they saw and what `torchladder climb` says. None of
them crashes. The programs are in `bench/corpus/cases`; `python tools/gen_gallery.py` makes this page again.
"""


def climbed(case: Path) -> str:
    """Return what a climb prints about a case."""
    with tempfile.TemporaryDirectory() as scratch:
        for file in case.iterdir():
            if file.name not in {"fixed.py", "case.json"}:
                (Path(scratch) / file.name).write_bytes(file.read_bytes())
        done = subprocess.run(
            [sys.executable, "-m", "torchladder", "climb", "--to", "6", "--budget", "180", "train.py"],
            cwd=scratch, capture_output=True, text=True, check=False,
            env={**os.environ, "COLUMNS": "96", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    return done.stdout.rstrip()


def section(name: str) -> str:
    """Return the part of the page about a case."""
    case = json.loads((CASES / name / "case.json").read_text(encoding="utf-8"))
    print(name, case["cause"], file=sys.stderr, flush=True)
    return (
        f"## {case['cause']}\n\n**What was seen**: {case['symptom']}. {case['style'].capitalize()} "
        f"(`bench/corpus/cases/{name}`, {case['source']}).\n\n```\n{climbed(CASES / name)}\n```\n"
    )


def main(names: list[str]) -> None:
    """Write the page."""
    PAGE.write_text("\n".join([HEAD, *map(section, names or CHOSEN)]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
