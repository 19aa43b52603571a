"""torchladder runs a PyTorch training program as experiments, names one root cause and proves it.

The names below are loaded on first use: importing this package does not import torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from torchladder.checkpoints.randomness import seed_everything as seed_everything
    from torchladder.core.errors import InternalError as InternalError
    from torchladder.core.errors import LadderError as LadderError
    from torchladder.core.errors import ProgramError as ProgramError
    from torchladder.core.errors import UsageError as UsageError
    from torchladder.core.findings import Finding as Finding
    from torchladder.core.findings import Fix as Fix
    from torchladder.core.report import Report as Report
    from torchladder.gradients.report import check_gradients as check_gradients
    from torchladder.live.climb import climb as climb
    from torchladder.live.summary import summary as summary
    from torchladder.monitor.resurrect import resurrect as resurrect
    from torchladder.monitor.watch import watch as watch
    from torchladder.report.json import load as load
    from torchladder.report.pages import explain as explain
    from torchladder.rules.registry import all_rules as all_rules

_HOMES = {
    "Finding": "torchladder.core.findings",
    "Fix": "torchladder.core.findings",
    "InternalError": "torchladder.core.errors",
    "LadderError": "torchladder.core.errors",
    "ProgramError": "torchladder.core.errors",
    "Report": "torchladder.core.report",
    "UsageError": "torchladder.core.errors",
    "all_rules": "torchladder.rules.registry",
    "check_gradients": "torchladder.gradients.report",
    "climb": "torchladder.live.climb",
    "explain": "torchladder.report.pages",
    "load": "torchladder.report.json",
    "resurrect": "torchladder.monitor.resurrect",
    "seed_everything": "torchladder.checkpoints.randomness",
    "summary": "torchladder.live.summary",
    "watch": "torchladder.monitor.watch",
}

__all__ = [
    "Finding",
    "Fix",
    "InternalError",
    "LadderError",
    "ProgramError",
    "Report",
    "UsageError",
    "__version__",
    "all_rules",
    "check_gradients",
    "climb",
    "explain",
    "load",
    "resurrect",
    "seed_everything",
    "summary",
    "watch",
]


def __getattr__(name: str) -> Any:
    """Return a public name, importing the module that holds it."""
    if name not in _HOMES:
        msg = f"module 'torchladder' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
