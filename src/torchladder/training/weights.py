"""Weights from a file into a model: by name, or by order where names differ and every shape is the same."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from torchladder.checkpoints.weights import read_weights
from torchladder.core.errors import UsageError

ENDINGS = (".safetensors", ".pth", ".pt", ".bin")
NESTED = ("state_dict", "model", "model_state_dict", "state_dict_ema")
PREFIXES = ("module.", "_orig_mod.", "model.")
PACKAGE = "package:"


def path_of(name: str) -> Path:
    """Return the file that a name of weights stands for: a path, or ``package:NAME[/FILE]``.

    Raises:
        UsageError: If there is none, or several in the package.
    """
    if not name.startswith(PACKAGE):
        path = Path(name)
        if not path.is_file():
            msg = f"model.weights: there is no file {name}"
            raise UsageError(msg)
        return path
    package, _, file = name.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        msg = f"model.weights: there is no package {package}; install it first"
        raise UsageError(msg)
    folder = Path(next(iter(spec.submodule_search_locations)))
    found = [folder / file] if file else sorted(p for p in folder.rglob("*") if p.suffix in ENDINGS)
    if len(found) != 1 or not found[0].is_file():
        names = ", ".join(str(p.relative_to(folder)) for p in found[:4]) or "none"
        msg = f"model.weights: {name} names no single file of weights; found: {names}"
        raise UsageError(msg)
    return found[0]


def tensors_of(name: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a file of weights, by name; wrappings of other trainers are taken off.

    Raises:
        UsageError: If it holds no state dict, or more than tensors and plain values.
    """
    path = path_of(name)
    if path.suffix == ".safetensors":
        tensors = read_weights(path)
    else:
        from torchladder.checkpoints.reading import read

        found = read(path)
        inner = next(
            (found[k] for k in NESTED if isinstance(found, Mapping) and isinstance(found.get(k), Mapping)), found
        )
        if not isinstance(inner, Mapping) or not all(isinstance(v, torch.Tensor) for v in inner.values()):
            msg = f"model.weights: {path} holds no state dict: a mapping of names to tensors was expected"
            raise UsageError(msg)
        tensors = dict(inner)
    for prefix in PREFIXES:
        if tensors and all(k.startswith(prefix) for k in tensors):
            tensors = {k.removeprefix(prefix): v for k, v in tensors.items()}
    return tensors


def loaded(module: nn.Module, tensors: dict[str, torch.Tensor], head: Sequence[str], *, by_order: bool) -> list[str]:
    """Put weights into a model.

    Args:
        module: The model.
        tensors: From a file.
        head: Prefixes of the classifier's parameters, whose weights may be of other classes.
        by_order: Whether tensors of other names may be taken in their order, where every shape is the same.

    Returns:
        What was done.

    Raises:
        UsageError: If they are not this model's.
    """
    own = module.state_dict()
    outside = {k for k in own if not k.startswith(tuple(head))}
    if not outside - tensors.keys():
        fitting = {k: v for k, v in tensors.items() if k in own and v.shape == own[k].shape}
        odd = sorted(outside - fitting.keys())
        if odd:
            there, here = list(tensors[odd[0]].shape), list(own[odd[0]].shape)
            msg = f"model.weights: {odd[0]} is {there} in the file and {here} in the model"
            raise UsageError(msg)
        module.load_state_dict(fitting, strict=False)
        lost = len(tensors.keys() - own.keys())
        return [f"{len(fitting)} tensors of weights by name" + (f"; {lost} are not of this model" if lost else "")]
    shapes = [v.shape for v in own.values()]
    if by_order and shapes == [v.shape for v in tensors.values()]:
        module.load_state_dict(dict(zip(own, tensors.values(), strict=True)))
        return [f"{len(own)} tensors of weights by their order and shapes: their names are not this model's"]
    missing = sorted(outside - tensors.keys())
    msg = (
        f"model.weights: these are not this model's: {len(missing)} of its {len(own)} tensors are missing, "
        f"such as {missing[0]}"
    )
    raise UsageError(msg)
