"""Lines of a file that set weights by hand before training. Not an edit."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from torchladder.patches.source import Source

FUNCTIONS = {
    "constant_", "zeros_", "ones_", "uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_",
    "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "eye_", "dirac_", "sparse_",
}  # fmt: skip
METHODS = {"fill_", "zero_", "uniform_", "normal_"}
LOOPS = ("parameters", "named_parameters")


@dataclass(frozen=True)
class Init:
    """One such line.

    Attributes:
        statement: The whole line.
        call: What it calls: a function of ``nn.init``, or a method of the tensor.
        target: The text of the tensor, without ``.data``.
        function: The name of what it calls.
        loop: The loop over all parameters of a model that does nothing else, if the line stands in one.
    """

    statement: cst.SimpleStatementLine
    call: cst.Call
    target: str
    function: str
    loop: cst.For | None

    @property
    def is_weight(self) -> bool:
        """Whether it sets one layer's weight."""
        return self.target.endswith(".weight")

    @property
    def is_bias(self) -> bool:
        """Whether it sets one layer's bias."""
        return self.target.endswith(".bias")


def inits(source: Source) -> Iterator[Init]:
    """Yield the lines of a file that set one tensor: of a layer, or each of a loop over all parameters."""
    for statement in source.every(cst.SimpleStatementLine):
        small = statement.body[0] if len(statement.body) == 1 else None
        call = small.value if isinstance(small, cst.Expr) else None
        if not isinstance(call, cst.Call):
            continue
        known = source.imported(call.func)
        if known.startswith("torch.nn.init.") and call.args and known.rpartition(".")[2] in FUNCTIONS:
            tensor, function = source.code(call.args[0].value), known.rpartition(".")[2]
        elif isinstance(call.func, cst.Attribute) and call.func.attr.value in METHODS and not known:
            tensor, function = source.code(call.func.value), call.func.attr.value
        else:
            continue
        loop = _over_all(source, statement, tensor)
        target = tensor.removesuffix(".data").removesuffix(".detach()")
        if loop is not None or target.endswith((".weight", ".bias")):
            yield Init(statement, call, target, function, loop)


def _over_all(source: Source, statement: cst.SimpleStatementLine, tensor: str) -> cst.For | None:
    """Return the loop over all parameters around a line that is all it does to each of them."""
    loop = source.enclosing(statement, cst.For)
    if loop is None or not isinstance(loop.iter, cst.Call) or not isinstance(loop.iter.func, cst.Attribute):
        return None
    names = {n.value for n in source.every(cst.Name, inside=loop.target)}
    alone = len(loop.body.body) == 1 and source.parent(statement) is loop.body
    over = loop.iter.func.attr.value in LOOPS
    return loop if over and alone and tensor.removesuffix(".data") in names and loop.orelse is None else None


def sets_one_of(init: Init, modules: list[str]) -> bool:
    """Tell whether a line names one of some layers by the attribute that holds it."""
    owner = init.target.rpartition(".")[0]
    return any(owner.rpartition(".")[2] == name.rpartition(":")[2].rpartition(".")[2] for name in modules)


def spelled(source: Source, init: Init, name: str) -> str | None:
    """Return another function of ``nn.init`` as the line writes it, or as the file can."""
    func = init.call.func
    if isinstance(func, cst.Attribute) and source.imported(func):
        return f"{source.code(func.value)}.{name}"
    return source.spelled(f"torch.nn.init.{name}")


def default(source: Source, init: Init) -> cst.BaseExpression | None:
    """Return the call that sets a layer's weight at random, as torch does by itself, or its bias to zero."""
    name = spelled(source, init, "kaiming_uniform_" if init.is_weight else "zeros_")
    options = ", a=5**0.5" if init.is_weight else ""
    return source.expression(f"{name}({init.target}{options})") if name is not None else None
