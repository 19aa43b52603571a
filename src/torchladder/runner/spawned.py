"""An experiment in a fresh interpreter: for parents that cannot fork, because CUDA is up in them.

Costs the import of torch once more; everything after it is the same child as a forked one.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from torchladder.core.jsonable import from_json, to_json
from torchladder.runner import child, objects
from torchladder.runner.target import Target

ORDER = "order.json"
START = "from torchladder.runner.spawned import main; main()"


def spawn(target: Target, entry: str, options: dict[str, Any], *, seconds: float, scratch: str) -> int:
    """Start the experiment and return the process's id; the caller waits for it."""
    order = {"target": to_json(target), "entry": entry, "options": options, "seconds": seconds, "scratch": scratch}
    Path(scratch, ORDER).write_text(json.dumps(order), encoding="utf-8")
    if target.kind == "objects":
        objects.dump(target, scratch)
    return os.posix_spawn(sys.executable, [sys.executable, "-c", START, scratch], os.environ)


def main() -> None:
    """Be the spawned child: read the order, and live it."""
    order = json.loads(Path(sys.argv[1], ORDER).read_text(encoding="utf-8"))
    target = from_json(Target, order["target"])
    if target.kind == "objects":
        objects.restore(target, order["scratch"])
    child.live(target, order["entry"], order["options"], seconds=order["seconds"], scratch=order["scratch"])
