"""Deep networks are initialised for ReLU, and use it where their hidden layers squashed."""

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.inits import inits, spelled
from torchladder.patches.models import behind, making, optimized_model
from torchladder.patches.source import New, Source

LAYERS = ("Linear", "Conv1d", "Conv2d", "Conv3d")
SQUASHES = {"Sigmoid", "Tanh"}


def edit(case: Case) -> Edited | None:
    """Return the file with He's initialisation: in the line that sets the weights, else behind the model's."""
    sites = [s for s in case.args.get("sites") or () if isinstance(s, dict)]
    paths = [p.path for p in case.finding.where] + [s.get("path") for s in sites]
    for path in dict.fromkeys(paths):
        source = case.source(path)
        if source is None:
            continue
        new = _initialised(source)
        squashed = _rectified(source, [s for s in sites if s.get("path") == path]) if new else None
        text = source.replaced(new | squashed) if new is not None and squashed is not None else None
        if text is not None:
            return source, text
    return None


def _initialised(source: Source) -> dict[cst.CSTNode, New] | None:
    """Return the edit that draws the weights as He does."""
    found = [i for i in inits(source) if i.is_weight]
    own = spelled(source, found[0], "kaiming_normal_") if len(found) == 1 else None
    if own is not None:
        return {found[0].call: source.expression(f'{own}({found[0].target}, nonlinearity="relu")')}
    name = source.spelled("torch.nn.init.kaiming_normal_")
    model = optimized_model(source)
    line = making(source, model) if model is not None else None
    kinds = _kinds(source)
    zeros, layers = source.spelled("torch.nn.init.zeros_"), [source.spelled(f"torch.nn.{k}") for k in kinds]
    if model is None or line is None or found or not kinds or None in {name, zeros, *layers}:
        return None
    taken = {n.value for n in source.every(cst.Name)}
    layer = next((n for n in ("layer", "m", "module_") if n not in taken), None)
    if layer is None:
        return None
    several = f"({', '.join(str(s) for s in layers)})" if len(layers) > 1 else layers[0]
    text = (
        f"for {layer} in {model}.modules():\n"
        f"    if isinstance({layer}, {several}):\n"
        f'        {name}({layer}.weight, nonlinearity="relu")\n'
        f"        if {layer}.bias is not None:\n"
        f"            {zeros}({layer}.bias)\n"
    )
    return {line: behind(source, line, text)}


def _kinds(source: Source) -> list[str]:
    """Return the kinds of layers with weights that the file makes."""
    made = {source.torch_name(c.func) for c in source.every(cst.Call)}
    return [k for k in LAYERS if k in made]


def _rectified(source: Source, sites: list[dict[str, object]]) -> dict[cst.CSTNode, New] | None:
    """Return ReLU for the squashing calls of some lines, and for the squashing modules that are not outputs."""
    new: dict[cst.CSTNode, New] = {}
    functions = {str(s.get("function")) for s in sites}
    lines = [line for s in sites if isinstance(line := s.get("line"), int)]
    relu, module = (
        source.spelled("torch.relu") or source.spelled("torch.nn.functional.relu"),
        source.spelled("torch.nn.ReLU"),
    )
    for call in source.every(cst.Call):
        name = source.torch_name(call.func)
        if name in functions and any(call in source.at(cst.Call, line) for line in lines):
            if relu is None:
                return None
            new[call.func] = source.expression(relu)
        elif name in SQUASHES and name.lower() in functions and not _is_last(source, call):
            if module is None:
                return None
            new[call.func] = source.expression(module)
    return new if new or not sites else None


def _is_last(source: Source, call: cst.Call) -> bool:
    """Tell whether a module is the last that a ``Sequential`` is given, and so may be the output's."""
    arg = source.parent(call)
    around = source.parent(arg) if isinstance(arg, cst.Arg) else None
    listed = isinstance(around, cst.Call) and source.torch_name(around.func) == "Sequential"
    return listed and isinstance(around, cst.Call) and around.args[-1] is arg
