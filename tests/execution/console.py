"""Run one program from a process that a test runner has not changed; prints the outcome."""

import json
import sys

from torchladder.core.jsonable import to_json
from torchladder.runner.forkserver import run
from torchladder.runner.target import resolve

if __name__ == "__main__":
    scratch, *rest = sys.argv[1:]
    is_module = rest[0] == "-m"
    name, *arguments = rest[1:] if is_module else rest
    target = resolve(name, arguments, module=is_module)
    outcome = run(target, "observers:steps", {}, seconds=60, scratch=scratch)
    print(json.dumps(to_json(outcome)))
