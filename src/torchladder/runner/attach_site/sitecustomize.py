"""Found first by every Python that a program under experiment starts; attaches, then steps aside.

It must never break a process that has nothing to do with training, so all failures are swallowed.
"""

import importlib.util
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def _step_aside() -> None:
    """Remove this folder from the path and load the sitecustomize that it hid, if any."""
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != _HERE]
    hidden = PathFinder.find_spec("sitecustomize")
    if hidden is not None and hidden.loader is not None:
        module = importlib.util.module_from_spec(hidden)
        sys.modules["sitecustomize"] = module
        hidden.loader.exec_module(module)


def _attach() -> None:
    if "TORCHLADDER_ATTACH" not in os.environ:
        return
    try:
        from torchladder.runner import children
    except ImportError:
        # Run from a source tree that the new process does not have on its path.
        sys.path.append(str(_HERE.parents[2]))
        from torchladder.runner import children
    children.begin()


try:
    _step_aside()
finally:
    try:
        _attach()
    except Exception as error:
        sys.stderr.write(f"torchladder: not attached to this process: {error}\n")
