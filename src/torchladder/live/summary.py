"""``summary``: what a model consists of, layer by layer, and the shapes that a random input takes in it."""

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from torchladder.checkpoints.randomness import capture, restore
from torchladder.core.errors import ProgramError, UsageError
from torchladder.live.summary_table import LayerRow, ModelSummary

SEED = 0


def summary(
    model: nn.Module, input: Any = None, *, dtype: torch.dtype | None = None, depth: int | None = 3
) -> ModelSummary:
    """Return the parameters of a model, layer by layer; print it.

    The model is as it was afterwards: the forward pass is one of a copy that shares its parameters, in evaluation mode
    and without gradients, and every generator of random numbers is put back.

    Args:
        model: The model.
        input: The shape of a random input, batch included, as ``(1, 3, 224, 224)``; or a tensor, a tuple of arguments,
            a dict of keyword arguments. Without one there are no shapes.
        dtype: Of the random input; that of the parameters, and whole numbers where the first layer is an embedding.
        depth: How deep the modules are shown; None for all.

    Raises:
        UsageError: If ``input`` is none of those.
        ProgramError: If the model fails on the input; the sentence names the module.
    """
    given: object = model
    if not isinstance(given, nn.Module):
        msg = f"summary takes a model, not a {type(given).__name__}"
        raise UsageError(msg)
    shapes: dict[str, list[str]] = {}
    output = None
    if input is not None:
        args, kwargs = _arguments(model, input, dtype)
        with _untouched(model) as twin:
            shapes, output = _traced(twin, args, kwargs)
    rows = tuple(_rows(model, shapes, depth))
    parameters = list(model.parameters())
    held = [p for p in parameters if not _is_lazy(p)]
    return ModelSummary(
        name=type(model).__name__,
        rows=rows,
        parameters=sum(p.numel() for p in held),
        trainable=sum(p.numel() for p in held if p.requires_grad),
        buffers=sum(b.numel() for b in model.buffers() if not _is_lazy(b)),
        size=sum(t.numel() * t.element_size() for t in (*held, *model.buffers()) if not _is_lazy(t)),
        output=output,
        lazy=len(parameters) - len(held),
    )


# --- the input ----------------------------------------------------------------------------------


def _arguments(model: nn.Module, given: Any, dtype: torch.dtype | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(given, torch.Tensor):
        return (given,), {}
    if isinstance(given, Mapping):
        return (), dict(given)
    if isinstance(given, Sequence) and not isinstance(given, str) and given:
        if all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in given):
            return (_random(model, tuple(given), dtype),), {}
        if any(isinstance(part, torch.Tensor) for part in given):
            return tuple(given), {}
    msg = f"input must be a shape such as (1, 3, 224, 224), a tensor, a tuple of arguments or a dict, not {given!r:.80}"
    raise UsageError(msg)


def _random(model: nn.Module, shape: tuple[int, ...], dtype: torch.dtype | None) -> torch.Tensor:
    """Return a random input, drawn from a generator of its own, where the model's parameters are."""
    first = next((m for m in model.modules() if next(m.children(), None) is None), model)
    like = next((p for p in model.parameters() if not _is_lazy(p)), torch.empty(0))
    kind = dtype or (torch.long if isinstance(first, nn.Embedding) else like.dtype)
    draw = torch.Generator().manual_seed(SEED)
    if kind.is_floating_point or kind.is_complex:
        return torch.randn(shape, generator=draw).to(like.device, kind)
    ends = [m.num_embeddings for m in model.modules() if isinstance(m, nn.Embedding)]
    return torch.randint(0, min(ends, default=2), shape, generator=draw).to(like.device, kind)


# --- the forward pass ---------------------------------------------------------------------------


@contextlib.contextmanager
def _untouched(model: nn.Module) -> Iterator[nn.Module]:
    """Give a twin that shares the parameters; random numbers go on afterwards as if nothing had been drawn."""
    shared = {id(p): p for p in model.parameters() if not _is_lazy(p)}
    try:
        twin = copy.deepcopy(model, shared)
    except Exception as error:
        msg = f"the model cannot be copied, and is not run so that it stays as it is ({type(error).__name__}: {error})"
        raise ProgramError(msg) from None
    for module in twin.modules():
        module.training = False
    before = capture()
    try:
        yield twin
    finally:
        restore(before)


def _traced(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[dict[str, list[str]], str]:
    """Return the shape of what each module gave at each call, by its name, and of what the model gave."""
    shapes: dict[str, list[str]] = {}
    inside: list[str] = []
    handles = []

    def entered(name: str) -> Any:
        return lambda *_: inside.append(name)

    def left(name: str) -> Any:
        def note(module: nn.Module, given: Any, out: Any) -> None:
            del module, given
            inside.pop()
            shapes.setdefault(name, []).append(shape_of(out))

        return note

    for name, module in model.named_modules():
        handles += [module.register_forward_pre_hook(entered(name)), module.register_forward_hook(left(name))]
    try:
        with torch.no_grad():
            out = model(*args, **kwargs)
    except Exception as error:
        where = f"in `{inside[-1]}` " if inside and inside[-1] else ""
        first = str(error).strip().partition("\n")[0]
        given = ", ".join(shape_of(a) for a in (*args, *kwargs.values()))
        msg = f"the model fails {where}on an input of {given}: {type(error).__name__}: {first}"
        raise ProgramError(msg) from error
    finally:
        for handle in handles:
            handle.remove()
    return shapes, shape_of(out)


def shape_of(value: Any) -> str:
    """Return the shapes in what a module gives: "[1, 10]", "([1, 10], [2])", "{logits: [1, 10]}"."""
    if isinstance(value, torch.Tensor):
        return str(list(value.shape))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shape_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(shape_of, value)) + ")"
    return "None" if value is None else type(value).__name__


# --- the rows -----------------------------------------------------------------------------------


def _rows(model: nn.Module, shapes: Mapping[str, list[str]], depth: int | None) -> Iterator[LayerRow]:
    """Yield the modules in the order in which the model has them, one used twice once for each of its places."""
    seen: set[int] = set()
    first: dict[int, str] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        parent = model.get_submodule(name.rpartition(".")[0])
        level = name.count(".") + 1 if name else 0
        place = first.setdefault(id(module), name)  # hooks know a shared module by its first place
        own = [p for p in module.parameters() if not _is_lazy(p)]
        fresh = [p for p in own if id(p) not in seen] if name else own
        is_leaf = next(module.children(), None) is None or (depth is not None and level == depth)
        if is_leaf or next(module.parameters(recurse=False), None) is not None:
            seen.update(id(p) for p in (module.parameters() if is_leaf else module.parameters(recurse=False)))
        if depth is not None and level > depth:
            continue
        yield LayerRow(
            name=name,
            kind=type(module).__name__,
            depth=level,
            outputs=tuple(dict.fromkeys(shapes.get(place, ()))),
            calls=len(shapes.get(place, ())),
            parameters=sum(p.numel() for p in own),
            trainable=sum(p.numel() for p in own if p.requires_grad),
            shared=place != name or (bool(own) and not fresh and is_leaf),
            inner=is_of_torch(parent),
        )


def is_of_torch(module: nn.Module) -> bool:
    """Tell whether a module is torch's own; those use the weights of their parts without calling them."""
    return type(module).__module__.startswith("torch.") and not isinstance(module, nn.Sequential)


def _is_lazy(tensor: torch.Tensor) -> bool:
    return bool(nn.parameter.is_lazy(tensor))
