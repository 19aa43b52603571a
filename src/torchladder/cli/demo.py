"""``torchladder demo CODE``: a healthy script with the rule's bug in it, climbed live."""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from torchladder.cli import climb
from torchladder.cli.explain import rule_named
from torchladder.cli.main import Parser
from torchladder.core.errors import UsageError
from torchladder.report.pages import plant_diff, planted


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``demo``."""
    made = Parser(prog="torchladder demo", description="Plant a rule's bug in a healthy script and climb it.")
    made.add_argument("rule", metavar="CODE|NAME", help="such as TL301 or loss-broadcast")
    made.add_argument("--plant", type=int, default=1, metavar="N", help="which of the rule's bugs (1)")
    made.add_argument(
        "--to", type=climb.rung, default=climb.DEFAULT_RUNG, metavar="RUNG", help="last rung to climb (5)"
    )
    made.add_argument("--keep", type=Path, metavar="FOLDER", help="put the planted script and its record there")
    return made


def run(options: argparse.Namespace) -> int:
    """Climb the planted script in a folder of its own, which stays so that the next command works there."""
    rule = rule_named(options.rule)
    if not 1 <= options.plant <= len(rule.plants):
        msg = f"{rule.code} has bugs 1 to {len(rule.plants)}; there is no bug {options.plant}"
        raise UsageError(msg)
    plant = rule.plants[options.plant - 1]
    source = planted(plant)
    if source is None:
        msg = f"the specimen {plant.specimen!r} does not hold the passage that {rule.code} changes"
        raise UsageError(msg)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="torchladder-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "train.py"
    if script.exists():
        msg = f"{script} exists; name another folder"
        raise UsageError(msg)
    script.write_text(source, encoding="utf-8")
    print(f"{rule.code} {rule.name}, planted in the healthy script {plant.specimen}.py:\n")
    print("\n".join(f"    {line}".rstrip() for line in plant_diff(plant).splitlines()))
    if plant.ranks > 1:
        return _watch(folder, plant.ranks)
    print(f"\n$ cd {folder}\n$ torchladder climb train.py\n", flush=True)
    with contextlib.chdir(folder):
        return climb.run(climb.parser().parse_args(["--to", str(options.to), "--fail-on", "never", "train.py"]))


def _watch(folder: Path, ranks: int) -> int:
    """Run the planted script by several processes on this machine, watched."""
    words = ["--standalone", "--nproc-per-node", str(ranks), "-m", "torchladder", "watch", "train.py"]
    print(f"\n$ cd {folder}\n$ torchrun {' '.join(words)}\n", flush=True)
    env = {"OMP_NUM_THREADS": "1", **os.environ}
    subprocess.run([sys.executable, "-m", "torch.distributed.run", *words], cwd=folder, env=env, check=False)
    return 0
