"""Inputs are standardised by the training set's mean and deviation, before data sets are made of them."""

import re
from dataclasses import dataclass

import libcst as cst

from torchladder.patches.case import Case, Edited
from torchladder.patches.evaluating import bound
from torchladder.patches.replace_loss import LABELS
from torchladder.patches.source import Source, Statement, only

TRAIN = re.compile(r"train|(?<=_)tr$|(?<=[xX])tr$", re.IGNORECASE)
OTHERS = ("test", "te", "val", "va", "valid", "dev", "eval", "Test", "Val")
# Layers whose inputs have further axes, over which one mean and one deviation serve all.
SEVERAL_AXES = re.compile(r"Conv\d|RNN|LSTM|GRU|Transformer|MultiheadAttention")
NAMES = (("mean", "std"), ("input_mean", "input_std"))
TINY = "1e-8"


@dataclass(frozen=True)
class Inputs:
    """The inputs of a program: the training set's as an expression, all names that hold some, and a line behind them.

    ``before`` tells whether the new lines come before that statement, or behind it.
    """

    train: str
    names: tuple[str, ...]
    statement: Statement
    before: bool


def edit(case: Case) -> Edited | None:
    """Return the file with the two lines."""
    for path in dict.fromkeys(p.path for p in case.finding.where):
        source = case.source(path)
        inputs = (_of_sets(source) or _by_name(source)) if source is not None else None
        text = _standardised(source, inputs) if source is not None and inputs is not None else None
        if source is not None and text is not None:
            return source, text
    return None


def _standardised(source: Source, inputs: Inputs) -> str | None:
    taken = {n.value for n in source.every(cst.Name)}
    free = next((pair for pair in NAMES if not taken & set(pair)), None)
    if free is None:
        return None
    mean, std = free
    axis = "" if SEVERAL_AXES.search(source.text) else "0"
    first = source.line(f"{mean}, {std} = {inputs.train}.mean({axis}), {inputs.train}.std({axis}) + {TINY}")
    values = ", ".join(f"({name} - {mean}) / {std}" for name in inputs.names)
    second = source.line(f"{', '.join(inputs.names)} = {values}")
    at = inputs.statement
    together = source.inserted(at, first, second) if inputs.before else cst.FlattenSentinel([at, first, second])
    return source.replaced({at: together})


def _of_sets(source: Source) -> Inputs | None:
    """Return the inputs from which data sets are made, where a name holds them by then."""
    own = {c.name.value for c in source.every(cst.ClassDef) if any("Dataset" in source.code(b.value) for b in c.bases)}
    calls = [c for c in source.every(cst.Call) if source.torch_name(c.func) == "TensorDataset" or _called(c) in own]
    if not calls or "random_split" in source.text or len({source.function(c) for c in calls}) > 1:
        return None  # a split that comes later would be looked into
    given = [(c.args[0].value, _holder(c.args[0].value)) for c in calls if c.args and not c.args[0].keyword]
    names = tuple(dict.fromkeys(name for _, name in given if name is not None))
    first = source.statement_of(calls[0])
    if len(given) != len(calls) or any(name is None or LABELS.search(name) for _, name in given) or first is None:
        return None
    train = [value for value, name in given if name is not None and TRAIN.search(name)]
    known = all(_bound_above(source, name, first) for name in names)
    return Inputs(source.code(train[0] if train else given[0][0]), names, first, before=True) if known else None


def _called(call: cst.Call) -> str:
    return call.func.value if isinstance(call.func, cst.Name) else ""


def _holder(node: cst.BaseExpression) -> str | None:
    """Return the name that holds what a data set gets, whole or in part."""
    node = node.value if isinstance(node, cst.Subscript) else node
    return node.value if isinstance(node, cst.Name) else None


def _bound_above(source: Source, name: str, statement: cst.CSTNode) -> bool:
    """Tell whether a name has its value for good when a statement is reached, in the same function."""
    function = source.function(statement)
    if isinstance(function, cst.FunctionDef) and name in {p.name.value for p in function.params.params}:
        return True
    lines = [s for s in _binding(source, name) if source.function(s) is function]
    return bool(lines) and all(source.span(s)[1] < source.span(statement)[0] for s in lines)


def _binding(source: Source, name: str) -> list[cst.SimpleStatementLine]:
    return [s for s in source.every(cst.SimpleStatementLine) if name in bound(source, s)]


def _by_name(source: Source) -> Inputs | None:
    """Return the inputs of a program that calls them ``x_train`` and ``x_test``, or the like."""
    assigned = dict.fromkeys(n for s in source.every(cst.SimpleStatementLine) for n in bound(source, s))
    trains = [
        n for n in assigned if n.isidentifier() and TRAIN.search(n) and re.match(r"x|inp|feat|imag|data", n, re.I)
    ]
    train = only([n for n in trains if not re.search(r"load|set|_dl|idx|index|order", n, re.IGNORECASE)])
    if train is None:
        return None
    names = [train, *(n for n in (TRAIN.sub(word, train) for word in OTHERS) if n in assigned and n != train)]
    lines = [s for n in names for s in _binding(source, n)]
    blocks = {source.parent(s) for s in lines}
    if len(blocks) != 1 or any(source.repeated(s) for s in lines):
        return None
    last = max(lines, key=lambda s: source.span(s)[0])
    return Inputs(train, tuple(dict.fromkeys(names)), last, before=False)
