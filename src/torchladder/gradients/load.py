"""``PATH:OBJECT`` and what it gives: a module, a function, a pair or a layer, and the inputs to check it at."""

import contextlib
import importlib.util
import itertools
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import nn

from torchladder.core.errors import ProgramError, UsageError
from torchladder.gradients import arrays, calls, tree
from torchladder.gradients.problem import Problem, Refused, world_kept
from torchladder.gradients.torch_problem import TorchProblem, is_function_class
from torchladder.gradients.written_problem import WrittenProblem

PAIR, TRIPLE = 2, 3
SHAPES: tuple[tuple[int, ...], ...] = ((4, 5), (5,), (5, 3), (3, 5), (3,), (5, 5), (2, 3, 8, 8), (4, 3, 3, 3), (4,), ())
MOST_TRIALS = 3000
SEED = 7


def load(spec: str) -> Any:
    """Return the object that ``PATH:OBJECT`` names.

    Raises:
        UsageError: If there is no such file or object.
        ProgramError: If the file fails when it is read.
    """
    path_text, colon, name = spec.rpartition(":")
    path = Path(path_text)
    if not colon or not name or not path_text.endswith(".py"):
        msg = f"name a function of a file, such as layers.py:make; {spec!r} is not of that form"
        raise UsageError(msg)
    if not path.is_file():
        msg = f"there is no file {path}"
        raise UsageError(msg)
    module = _imported(path)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = sorted(k for k, v in vars(module).items() if callable(v) and not k.startswith("_"))
            there = f"; it has {', '.join(known[:6])}" if known else ""
            msg = f"{path} has no {name}{there}"
            raise UsageError(msg)
        found = getattr(found, part)
    return found


def _imported(path: Path) -> Any:
    made = importlib.util.spec_from_file_location(path.stem, path)
    if made is None or made.loader is None:
        msg = f"{path} cannot be read as a Python file"
        raise UsageError(msg)
    module = importlib.util.module_from_spec(made)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    stored = sys.modules.get(path.stem)
    sys.modules[path.stem] = module
    try:
        with users(str(path)):
            made.loader.exec_module(module)
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
        if stored is not None:
            sys.modules[path.stem] = stored
    return module


@contextlib.contextmanager
def users(name: str) -> Iterator[None]:
    """Say which of the user's lines failed.

    Raises:
        ProgramError: In place of anything that is raised inside.
    """
    try:
        yield
    except (UsageError, ProgramError, Refused, KeyboardInterrupt):
        raise
    except (Exception, SystemExit) as error:
        trace = traceback.extract_tb(error.__traceback__)
        if trace and _is_ours(trace[-1].filename):
            raise  # a defect of this check
        frames = [f for f in trace if not _is_ours(f.filename)]
        own = [f for f in frames if not {"site-packages", "torch"} & set(Path(f.filename).parts)]
        at = f" at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
        said = " ".join(str(error).split())[:300]
        msg = f"{name} failed by itself{at}: {type(error).__name__}{f': {said}' if said else ''}"
        raise ProgramError(msg) from error


def users_part(error: BaseException) -> TracebackType | None:
    """Return the part of a traceback that begins where torchladder calls the user's code."""
    found = error.__traceback__
    while found is not None and found.tb_next is not None and _is_ours(found.tb_frame.f_code.co_filename):
        found = found.tb_next
    return found


def _is_ours(file: str) -> bool:
    return Path(file).is_relative_to(Path(__file__).parents[1])


def resolved(target: Any, inputs: Any = None) -> tuple[Any, tuple[Any, ...], dict[str, Any], list[str]]:
    """Return what is checked, its arguments, and what was decided on the way.

    Args:
        target: A module, an autograd function, a function, a pair, a layer, or a factory of one with its inputs.
        inputs: A tensor or array, a tuple of them, a mapping of keyword arguments; None where ``target`` gives them.

    Raises:
        UsageError: If there are no inputs, and none can be made.
    """
    notes: list[str] = []
    if inputs is None and _is_factory(target):
        with users(getattr(target, "__qualname__", "the factory")):
            target = target()
    if inputs is None and isinstance(target, tuple | list) and len(target) in {PAIR, TRIPLE} and not is_pair(target):
        target, inputs, *more = target
        args, kwargs = arguments(inputs)
        if more and isinstance(more[0], Mapping):
            kwargs |= more[0]
        return _instance(target), args, kwargs, notes
    if inputs is not None:
        return _instance(target), *arguments(inputs), notes
    target = _instance(target)
    found = invented(target)
    if found is None:
        msg = "no inputs were given and none could be made; name a function that returns (module_or_function, inputs)"
        raise UsageError(msg)
    shapes = ", ".join(str(list(getattr(v, "shape", ()))) for v in found)
    notes.append(f"no inputs were given: random ones of shape {shapes} were made")
    return target, found, {}, notes


def _instance(target: Any) -> Any:
    """Return an object of a class that needs no arguments."""
    if isinstance(target, type) and not is_function_class(target):
        with users(target.__name__):
            return target()
    return target


def _is_factory(target: Any) -> bool:
    """Tell whether a target is to be called for what is checked: a function without required arguments."""
    if isinstance(target, type | nn.Module) or not callable(target) or arrays.is_layer(target):
        return False
    return not calls.required(target)


def is_pair(target: Any) -> bool:
    """Tell whether a value is a forward and a backward function."""
    return (
        isinstance(target, list | tuple)
        and len(target) == PAIR
        and all(callable(t) and not isinstance(t, torch.Tensor) for t in target)
    )


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional and keyword arguments."""
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    if isinstance(inputs, tuple | list) and not hasattr(inputs, "_fields"):
        return tuple(inputs), {}
    return (inputs,), {}


def problem_of(target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Problem:
    """Return the form in which a target is checked.

    Raises:
        UsageError: If it is nothing that has a gradient.
    """
    if is_pair(target) or (arrays.is_layer(target) and not is_function_class(target)):
        return WrittenProblem(target, args, kwargs)
    if isinstance(target, nn.Module) or is_function_class(target):
        return TorchProblem(target, args, kwargs)
    if not callable(target):
        msg = f"{type(target).__name__} is no module, function, layer or pair of functions"
        raise UsageError(msg)
    given = [v for _, v in tree.ends([args, kwargs])]
    if any(isinstance(v, torch.Tensor) for v in given) or not any(isinstance(v, np.ndarray | float) for v in given):
        return TorchProblem(target, args, kwargs)
    return WrittenProblem(target, args, kwargs)


def invented(target: Any) -> tuple[Any, ...] | None:
    """Return random inputs of the first shapes at which a target can be checked, None where none of them do.

    Raises:
        Refused: If inputs were found, but nothing can be compared at them.
    """
    call, n = _called(target)
    if not n:
        return None
    written = is_pair(target) or (arrays.is_layer(target) and not is_function_class(target))
    generator = torch.Generator().manual_seed(SEED)
    refused: Refused | None = None
    for kind in ("array", "tensor") if written else ("tensor", "array"):
        for shapes in itertools.islice(itertools.product(SHAPES, repeat=n), MOST_TRIALS):
            made = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
            args = tuple(made if kind == "tensor" else [t.numpy() for t in made])
            try:
                return _tried(target, call, args)
            except Refused as error:
                refused = refused or error
                break
            except Exception:
                continue
    if refused is not None:
        raise refused
    return None


def _called(target: Any) -> tuple[Callable[..., Any], int]:
    """Return what is called, and how many arguments it needs."""
    if is_function_class(target):
        skip = 1 if "setup_context" not in vars(target) else 0
        return target.apply, len(calls.required(target.forward)) - skip
    if is_pair(target):
        return target[0], len(calls.required(target[0]))
    code = target.forward if hasattr(target, "forward") else target
    return (target if isinstance(target, nn.Module) else code), len(calls.required(code))


def _tried(target: Any, call: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return inputs at which both passes run."""
    with world_kept(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(target, nn.Module):
            args = tuple(a.to(next(target.parameters(), a).dtype) for a in args)
        with torch.no_grad():
            call(*args)
        problem_of(target, args, {}).gradients(torch.ones_like)
    return args
