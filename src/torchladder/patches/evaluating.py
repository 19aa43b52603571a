"""What belongs to an evaluation, what to training, and what runs inside which loop. Not an edit."""

import re

import libcst as cst

from torchladder.patches.case import Case
from torchladder.patches.source import Source, Statement, only

MODEL_METHODS = ("eval", "train", "parameters", "to", "state_dict", "load_state_dict")
TRAINS = re.compile(r"\bbackward\(|\.(?:step|train|requires_grad_)\(|autograd\.grad\(|requires_grad\s*=\s*True")
NO_GRAD = {"no_grad", "inference_mode"}
# Called by a framework, in training as well.
BY_OTHERS = {"forward", "__call__", "__init__", "training_step", "compute_loss", "closure"}
DEPTH = 4  # calls followed from one function to the next

Loop = cst.For | cst.While


def model_call(case: Case) -> tuple[Source, cst.Call] | None:
    """Return the only call of a model at the finding's last place: of something the file treats as one."""
    place = case.at(len(case.finding.where) - 1)
    if place is None:
        return None
    source, line = place
    found = [c for c in source.at(cst.Call, line) if is_model(source, c)]
    call = only(found)
    return (source, call) if call is not None else None


def is_model(source: Source, call: cst.Call) -> bool:
    """Tell whether a call is one of a model."""
    name = source.code(call.func)
    if name == "self":
        home = source.class_of(call)
        return home is not None and any("Module" in source.code(b.value) for b in home.bases)
    if not re.fullmatch(r"[\w.]+", name) or source.imported(call.func):
        return False
    return any(re.search(rf"(?<![\w.]){re.escape(name)}\.{m}\(", source.text) for m in MODEL_METHODS)


def trains(source: Source, node: cst.CSTNode) -> bool:
    """Tell whether a node's own text differentiates, steps, or goes into training mode."""
    return bool(TRAINS.search(source.code(node)))


def calls_of(source: Source, function: cst.CSTNode | None) -> list[cst.Call]:
    """Return the calls of a function or method in the file, by its name."""
    if not isinstance(function, cst.FunctionDef):
        return []
    name = function.name.value
    return [c for c in source.every(cst.Call) if source.code(c.func).rpartition(".")[2] == name]


def loops_around(source: Source, node: cst.CSTNode, depth: int = DEPTH) -> list[tuple[Loop, cst.CSTNode]]:
    """Return the loops in which a node runs, each with the statement of its body in which it does."""
    found: list[tuple[Loop, cst.CSTNode]] = []
    below: cst.CSTNode = node
    for up in source.above(node):
        if isinstance(up, cst.FunctionDef | cst.Lambda):
            for call in calls_of(source, up) if depth else ():
                found += loops_around(source, call, depth - 1)
            break
        if isinstance(up, cst.For | cst.While):
            found.append((up, below))
        if isinstance(up, cst.BaseCompoundStatement | cst.SimpleStatementLine):
            below = up
    return found


def backward_calls(source: Source) -> list[cst.Call]:
    """Return the backward passes of the file."""
    return [
        c for c in source.every(cst.Call) if source.code(c.func).rpartition(".")[2] in {"backward", "manual_backward"}
    ]


def region(source: Source, call: cst.Call) -> Statement | None:
    """Return the outermost loop or ``with`` around a call that does not train, else its statement.

    None where the statement stands right beside a backward pass, which may be through its own result.
    """
    top = source.statement_of(call)
    guarded = False
    for up in source.above(call):
        if isinstance(up, cst.FunctionDef | cst.Lambda | cst.ClassDef | cst.Module) or _reaches_training(source, up):
            break
        if isinstance(up, cst.For | cst.While | cst.With | cst.If | cst.Else | cst.Try):
            guarded = True
        if isinstance(up, cst.For | cst.While | cst.With):
            top = up
    block = source.block(top) if top is not None else None
    if block is None or not isinstance(top, Statement):
        return None
    after = any("backward(" in source.code(s) for s in block[block.index(top) :])
    beside = after or any(isinstance(s, cst.SimpleStatementLine) and "backward(" in source.code(s) for s in block)
    sure = isinstance(top, cst.With) and is_no_grad(source, top)
    return None if beside and not (guarded and (sure or isinstance(top, cst.For))) else top


def is_no_grad(source: Source, block: cst.With) -> bool:
    """Tell whether a ``with`` block records no gradients."""
    items = [i.item for i in block.items]
    return any(isinstance(i, cst.Call) and source.torch_name(i.func) in NO_GRAD for i in items)


def _reaches_training(source: Source, node: cst.CSTNode) -> bool:
    """Tell whether a statement trains, itself or by the functions of this file that it calls."""
    if not isinstance(node, cst.BaseCompoundStatement | cst.IndentedBlock | cst.Else):
        return False
    if trains(source, node):
        return True
    called = {source.code(c.func).rpartition(".")[2] for c in source.every(cst.Call, inside=node)}
    return any(f.name.value in called and trains(source, f) for f in source.every(cst.FunctionDef))


def evaluates_only(source: Source, function: cst.FunctionDef, call: cst.Call) -> bool:
    """Tell whether a function does nothing but evaluate the model that it is given, or that all can see."""
    head = source.code(call.func).partition(".")[0]
    return not _reaches_training(source, function) and head not in bound(source, function)


def is_shared(source: Source, function: cst.CSTNode | None, depth: int = DEPTH) -> bool:
    """Tell whether a function may serve training as well: a forward pass, or one whose result is differentiated."""
    if not isinstance(function, cst.FunctionDef):
        return function is not None
    if function.name.value in BY_OTHERS:
        return True
    return any(_feeds_backward(source, c, depth) for c in calls_of(source, function))


def _feeds_backward(source: Source, call: cst.Call, depth: int) -> bool:
    """Tell whether a backward pass follows a call in its block, or the call of what returns its result."""
    statement = source.statement_of(call)
    block = source.block(statement) if statement is not None else None
    if statement is None or block is None or statement not in block:
        return True
    if any("backward(" in source.code(s) for s in block[block.index(statement) :]):
        return True
    returned = isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[-1], cst.Return)
    return returned and depth > 0 and is_shared(source, source.function(call), depth - 1)


def bound(source: Source, node: cst.CSTNode) -> set[str]:
    """Return the names that get a value inside a node, parameters of a function apart."""
    targets: list[cst.CSTNode] = [t.target for t in source.every(cst.AssignTarget, inside=node)]
    targets += [t.target for t in source.every(cst.AugAssign, inside=node)]
    targets += [t.target for t in source.every(cst.AnnAssign, inside=node)]
    targets += [t.target for t in source.every(cst.NamedExpr, inside=node)]
    targets += [t.name for t in source.every(cst.AsName, inside=node)]
    targets += [t.target for t in source.every(cst.For, inside=node)]
    targets += [t.target for t in source.every(cst.CompFor, inside=node)]
    names = {n.value for t in targets for n in source.every(cst.Name, inside=t)}
    return names | {source.code(t).strip() for t in targets}
