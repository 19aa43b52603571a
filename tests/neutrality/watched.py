"""Run the program named on the command line under all probes and print on stdout what it printed."""

import sys
import tempfile
from pathlib import Path

from torchladder.runner import record
from torchladder.runner.forkserver import run
from torchladder.runner.target import resolve

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        outcome = run(
            resolve(sys.argv[1], ()),
            "torchladder.experiments.entry:observe",
            {"plan": {}},
            seconds=120,
            scratch=scratch,
        )
        print((Path(scratch) / record.STDOUT).read_text(), end="")
    payload = outcome.payload or {}
    steps, failures = payload.get("steps", 0), payload.get("facts", {}).get("failures")
    print(outcome.program.state, steps > 0, failures, outcome.failure, file=sys.stderr)
