"""``torchladder doctor``: what a bug report needs to know; works without torch."""

import argparse
import importlib
import os
import platform
import sys
from importlib import metadata
from typing import Any

from torchladder import __version__
from torchladder.cli.main import Parser
from torchladder.report.pages import as_json
from torchladder.rules.registry import all_rules, foreign

PACKAGES = (
    "torch",
    "numpy",
    "rich",
    "scikit-learn",
    "matplotlib",
    "torchvision",
    "lightning",
    "transformers",
    "accelerate",
)

# What the probes attach to, and what is lost without it.
HOOKS = {
    "torch.optim.optimizer:register_optimizer_step_pre_hook": "optimizer steps",
    "torch.optim.optimizer:register_optimizer_step_post_hook": "optimizer steps",
    "torch.nn.modules.module:register_module_forward_pre_hook": "module calls",
    "torch.nn.modules.module:register_module_forward_hook": "module calls",
    "torch.overrides:TorchFunctionMode": "loss calls and the same batch for ever",
    "torch:Tensor.register_post_accumulate_grad_hook": "gradients as they arrive",
    "torch.compiler:set_stance": "compiled models (run eagerly in experiments)",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``doctor``."""
    made = Parser(prog="torchladder doctor", description="Print versions, devices and what can be observed.")
    made.add_argument("--format", choices=["text", "json"], default="text", help="form of the output (text)")
    return made


def version_of(package: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def is_available(name: str) -> bool:
    """Return whether "module:attribute.path" exists."""
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return False
    return True


def torch_facts() -> dict[str, Any]:
    """Return what torch says about this machine, or why it cannot be asked."""
    try:
        import torch
    except Exception as error:  # a broken torch is what this verb is there to show
        return {"torch": f"cannot be imported: {type(error).__name__}: {error}"}
    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return {
        "devices": devices,
        "threads": torch.get_num_threads(),
        "hooks": {name: is_available(name) for name in HOOKS},
    }


def facts() -> dict[str, Any]:
    """Return everything this verb prints, as JSON types."""
    return {
        "torchladder": __version__,
        "rules": len(all_rules()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "fork": hasattr(os, "fork"),
        "packages": {name: version_of(name) for name in PACKAGES},
        "rules that failed": foreign().failures,
        **torch_facts(),
    }


def run(options: argparse.Namespace) -> int:
    """Print the facts; 0 when a climb is possible here, 1 when not."""
    found = facts()
    able = "hooks" in found and found["fork"]
    if options.format == "json":
        sys.stdout.write(as_json(found))
        return 0 if able else 1
    print(f"torchladder  {found['torchladder']}, {found['rules']} rules")
    print(f"python       {found['python']} on {found['platform']}, {found['cpus']} CPUs")
    print("packages     " + ", ".join(f"{k} {v}" for k, v in found["packages"].items() if v))
    absent = [k for k, v in found["packages"].items() if not v]
    if absent:
        print("absent       " + ", ".join(absent))
    for name, why in found["rules that failed"].items():
        print(f"rules of {name} are not used: {why}")
    if "hooks" not in found:
        print(f"torch        {found['torch']}")
    else:
        print(f"devices      {', '.join(found['devices'])}; {found['threads']} threads")
        lost = sorted({HOOKS[name] for name, there in found["hooks"].items() if not there})
        print("observed     " + ("everything" if not lost else "all but: " + "; ".join(lost)))
    if not found["fork"]:
        print("experiments  not possible: this system cannot fork a process")
    print("A climb is possible here." if able else "A climb is not possible here.")
    return 0 if able else 1
