"""Parameters that no optimizer holds: layers in a plain list are registered, or the whole model handed over."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.source import Source, only

PART = re.compile(r"([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\])+)\.parameters\(\)$")
FACTORIES = {"zeros", "ones", "randn", "rand", "empty", "full", "tensor"}


def edit(case: Case) -> Edited | None:
    """Return the file in which the optimizer gets what it lacks."""
    names = [str(n).rpartition(":")[2] for n in case.args.get("names") or ()]
    heads = {re.split(r"[.\[]", n)[0] for n in names}
    if case.finding.name == "unregistered-parameters":
        return _registered(case, heads)
    place = case.at(0)
    if place is None:
        return None
    source, line = place
    makers = [c for c in source.at(cst.Call, line) if source.imported(c.func).startswith("torch.optim.") and c.args]
    made = only(makers)
    model = _whole(source, made.args[0].value) if made else None
    if made is None or model is None or not all(_is_layer(source, head) for head in heads):
        return None
    text = source.replaced({made.args[0].value: source.expression(f"{model}.parameters()")})
    return (source, text) if text else None


def _whole(source: Source, given: cst.BaseExpression) -> str | None:
    """Return the model of which an optimizer got some parts, when it is one and the file calls it."""
    if isinstance(given, cst.List):
        if not all(isinstance(e, cst.StarredElement) for e in given.elements):
            return None
        parts = [source.code(e.value) for e in given.elements]
    else:
        parts = [source.code(given)]
    found = [PART.match(p.strip()) for p in parts]
    models = {m[1] for m in found if m}
    if not all(found) or len(models) != 1:
        return None
    (model,) = models
    called = any(isinstance(c.func, cst.Name) and c.func.value == model for c in source.every(cst.Call))
    return model if called and model != "self" else None


def _is_layer(source: Source, head: str) -> bool:
    return bool(source.assigned(f"self.{head}"))


def _registered(case: Case, heads: set[str]) -> Edited | None:
    """Return the file in which a plain list of layers is a ModuleList, or a bare tensor a Parameter."""
    paths = dict.fromkeys(p.path for p in case.finding.where)
    for path in paths:
        source = case.source(path)
        if source is None or len(heads) != 1 or ".parameters()" not in source.text:
            continue
        assigned = only(source.assigned(f"self.{next(iter(heads))}"))
        home = source.class_of(assigned) if assigned else None
        if assigned is None or home is None or not any("Module" in source.code(b.value) for b in home.bases):
            continue
        function = source.function(assigned)
        above = source.code(function).partition(f"self.{next(iter(heads))}")[0] if function else ""
        if "__init__(" not in above.partition(":")[2]:
            return None  # nothing can be registered before the base class is ready
        value = assigned.value
        new = _container(source, value) if value is not None else None
        text = source.replaced({value: new}) if value is not None and new is not None else None
        return (source, text) if text else None
    return None


def _container(source: Source, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return what a value is to be wrapped in, so that the module knows it."""
    kind = None
    if isinstance(value, cst.List | cst.ListComp):
        inside = value.elt if isinstance(value, cst.ListComp) else None
        items = (
            [inside] if inside is not None else [e.value for e in value.elements] if isinstance(value, cst.List) else []
        )
        if any(_is_tensor(source, item) for item in items):
            return None
        kind = "ModuleList"
    elif isinstance(value, cst.Dict):
        if not all(isinstance(e, cst.DictElement) and isinstance(e.key, cst.SimpleString) for e in value.elements):
            return None
        kind = "ModuleDict"
    elif isinstance(value, cst.Call) and _is_tensor(source, value):
        kind = "Parameter"
    name = source.spelled(f"torch.nn.{kind}") if kind else None
    return source.expression(f"{name}({source.code(value)})") if name else None


def _is_tensor(source: Source, node: cst.BaseExpression) -> bool:
    """Tell whether an expression makes a bare tensor."""
    return isinstance(node, cst.Call) and source.torch_name(node.func) in FACTORIES
