"""Another loss in the place of the one that is called: by its name, or by what is passed to it."""

import re

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.losses import MODULES, creation, kind_of, loss_call, pair
from torchladder.patches.source import Source, argument, is_plain, only

NAMES = {"bce_with_logits": "binary_cross_entropy_with_logits"}
# What the options of two losses have in common; others would change their meaning, or be refused.
SHARED = {
    ("nll_loss", "cross_entropy"): {"weight", "ignore_index", "reduction"},
    ("binary_cross_entropy", "binary_cross_entropy_with_logits"): {"weight", "reduction"},
    ("cross_entropy", "binary_cross_entropy_with_logits"): {"reduction"},
}
LABELS = re.compile(r"targ|label|truth|gold|^y|_y$|true", re.IGNORECASE)


def edit(case: Case) -> Edited | None:
    """Return the file with the loss that fits."""
    site = case.site()
    function, by = case.args.get("function"), str(case.args.get("by"))
    if site is None:
        return None
    source, line = site
    by = NAMES.get(by, by)
    if function == "custom":
        text = _instead_of_own(source, line, by)
        return (source, text) if text else None
    call = loss_call(source, line, str(function))
    both = pair(call) if call else None
    if call is None or both is None:
        return None
    if by == "cross_entropy_indices":
        text = _with_indices(source, both[1])
    elif by in {"nll_of_log_softmax", "kl_of_log"}:
        text = _with_logarithm(source, both[0])
    elif (function, by) in SHARED:
        text = _renamed(source, call, str(function), by)
    else:
        text = None
    return (source, text) if text else None


def _renamed(source: Source, call: cst.Call, function: str, by: str) -> str | None:
    """Return the text with another loss called, or another loss module made."""
    allowed = SHARED[function, by]
    if source.torch_name(call.func) == function:
        options = [a.keyword.value if a.keyword else "" for a in call.args[2:]]
        name = source.spelled(f"torch.nn.functional.{by}")
        if name is None or not set(options) <= allowed | {"input", "target"}:
            return None
        if isinstance(call.func, cst.Attribute):  # keep the way this file writes the module
            return source.replaced({call.func.attr: cst.Name(by)})
        return source.replaced({call.func: source.expression(name)})
    made = call.func if isinstance(call.func, cst.Call) else creation(source, call.func)
    if made is None or not is_plain(made):
        return None
    if not {a.keyword.value if a.keyword else "" for a in made.args} <= allowed:
        return None
    if isinstance(made.func, cst.Attribute):
        return source.replaced({made.func.attr: cst.Name(MODULES[by])})
    name = source.spelled(f"torch.nn.{MODULES[by]}")
    return source.replaced({made.func: source.expression(name)}) if name else None


def _with_indices(source: Source, target: cst.Arg) -> str | None:
    """Return the text with class indices passed for one-hot rows."""
    node: cst.BaseExpression = target.value
    while (
        isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in {"long", "int"}
    ):
        node = node.func.value
    if isinstance(node, cst.Call) and source.torch_name(node.func) == "one_hot":
        labels = argument(node, 0, "tensor", "input")
        return source.replaced({target.value: source.expression(source.code(labels.value))}) if labels else None
    return source.replaced({target.value: source.expression(f"{source.atom(node)}.argmax(1)")})


def _with_logarithm(source: Source, given: cst.Arg) -> str | None:
    """Return the text with log-probabilities passed for probabilities."""
    node = given.value
    if isinstance(node, cst.Call):
        func = node.func
        name = func.attr if isinstance(func, cst.Attribute) else None
        if name is not None and name.value == "softmax" and (source.torch_name(func) or len(node.args) == 1):
            return source.replaced({name: cst.Name("log_softmax")})
    return source.replaced({node: source.expression(f"{source.atom(node)}.clamp_min(1e-12).log()")})


def _instead_of_own(source: Source, line: int, by: str) -> str | None:
    """Return the text that calls torch's loss where a loss of the file's own was called."""
    statement = source.statement(line)
    own = source.function(statement) if statement else None
    name = source.spelled(f"torch.nn.functional.{by}")
    if by != "cross_entropy" or not isinstance(own, cst.FunctionDef) or name is None or statement is None:
        return None
    if source.class_of(own) is not None or not isinstance(statement.body[-1], cst.Return):
        return None
    parameters = own.params
    given = [p.name.value for p in parameters.params]
    extras = parameters.kwonly_params or parameters.posonly_params or parameters.star_kwarg
    if len(given) != 2 or extras or LABELS.search(given[0]) or not LABELS.search(given[1]):  # noqa: PLR2004 - a pair
        return None
    calls = [c for c in source.every(cst.Call) if isinstance(c.func, cst.Name) and c.func.value == own.name.value]
    call = only(calls)
    if call is None or len(call.args) != 2 or any(a.star or a.keyword for a in call.args):  # noqa: PLR2004
        return None
    if kind_of(source, call) is not None:
        return None
    return source.replaced({call.func: source.expression(name)})
