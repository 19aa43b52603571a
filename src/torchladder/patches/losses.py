"""The call of a loss at a line, and the line that made the loss module it calls. Not an edit."""

import libcst as cst

from torchladder.patches.source import Source, argument, is_plain, only

MODULES = {
    "cross_entropy": "CrossEntropyLoss",
    "nll_loss": "NLLLoss",
    "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "kl_div": "KLDivLoss",
    "mse_loss": "MSELoss",
    "l1_loss": "L1Loss",
    "smooth_l1_loss": "SmoothL1Loss",
    "huber_loss": "HuberLoss",
    "multi_margin_loss": "MultiMarginLoss",
    "poisson_nll_loss": "PoissonNLLLoss",
    "soft_margin_loss": "SoftMarginLoss",
    "multilabel_soft_margin_loss": "MultiLabelSoftMarginLoss",
}
FUNCTIONS = {module: function for function, module in MODULES.items()}


def creation(source: Source, callee: cst.BaseExpression) -> cst.Call | None:
    """Return the call that made the loss module behind a name, when the file assigns it once."""
    assigned = only(source.assigned(source.code(callee)))
    value = assigned.value if assigned else None
    return value if isinstance(value, cst.Call) and source.torch_name(value.func) in FUNCTIONS else None


def kind_of(source: Source, call: cst.Call) -> str | None:
    """Return the functional name of the loss that a call computes, None when it is no loss of torch's."""
    name = source.torch_name(call.func)
    if name in MODULES:
        return name
    made = call.func if isinstance(call.func, cst.Call) else creation(source, call.func)
    return FUNCTIONS.get(source.torch_name(made.func)) if isinstance(made, cst.Call) else None


def loss_call(source: Source, line: int, function: str | None = None) -> cst.Call | None:
    """Return the only loss call at a line, of one function if that is given."""
    found = [(c, kind_of(source, c)) for c in source.at(cst.Call, line)]
    return only([c for c, kind in found if kind and function in {None, kind} and is_plain(c)])


def pair(call: cst.Call) -> tuple[cst.Arg, cst.Arg] | None:
    """Return the arguments with the prediction and the target."""
    first, second = argument(call, 0, "input"), argument(call, 1, "target")
    return (first, second) if first and second and first is not second else None
