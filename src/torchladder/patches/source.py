"""A source file as a tree that keeps every space, and the questions that edits ask of it."""

import ast
import warnings
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TypeVar

import libcst as cst
from libcst.metadata import (
    CodeRange,
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    QualifiedNameProvider,
    QualifiedNameSource,
)

MAX_CHARACTERS = 500_000

N = TypeVar("N", bound=cst.CSTNode)
T = TypeVar("T")
New = cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[cst.BaseStatement]
Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Function = cst.FunctionDef | cst.Lambda
LOOSE = (
    cst.BinaryOperation, cst.UnaryOperation, cst.BooleanOperation, cst.Comparison, cst.IfExp, cst.Lambda,
    cst.NamedExpr, cst.Await, cst.Yield, cst.Tuple, cst.GeneratorExp,
)  # fmt: skip


class Source:
    """One file: its path as the finding names it, its text, and its tree."""

    def __init__(self, path: str, text: str, module: cst.Module) -> None:
        self.path, self.text = path, text
        self.wrapper = MetadataWrapper(module)
        self.module = self.wrapper.module
        self._positions: Mapping[cst.CSTNode, CodeRange] = self.wrapper.resolve(PositionProvider)
        self._parents: Mapping[cst.CSTNode, cst.CSTNode] = self.wrapper.resolve(ParentNodeProvider)
        # In reading order, what contains before what is contained.
        self._nodes = sorted(self._positions, key=self._order)

    @classmethod
    def parse(cls, path: str, text: str) -> "Source | None":
        """Return the file, or None when it is too long or no valid Python."""
        if len(text) > MAX_CHARACTERS or not compiles(text):
            return None
        try:
            return cls(path, text, cst.parse_module(text))
        except (cst.ParserSyntaxError, RecursionError):
            return None

    def _order(self, node: cst.CSTNode) -> tuple[int, int, int, int]:
        where = self._positions[node]
        return where.start.line, where.start.column, -where.end.line, -where.end.column

    # --- where things are ---------------------------------------------------------------------

    def every(self, kind: type[N], inside: cst.CSTNode | None = None) -> Iterator[N]:
        """Yield all nodes of a kind, in the file or inside a node."""
        for node in self._nodes:
            if isinstance(node, kind) and (inside is None or inside is node or inside in self.above(node)):
                yield node

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the first and the last line of a node."""
        where = self._positions[node]
        return where.start.line, where.end.line

    def columns(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the first column of a node, and the one behind it on its last line."""
        where = self._positions[node]
        return where.start.column, where.end.column

    def at(self, kind: type[N], line: int) -> list[N]:
        """Return the nodes of a kind that a line is about: those that begin on it, else those that contain it."""
        around = [n for n in self.every(kind) if self.span(n)[0] <= line <= self.span(n)[1]]
        return [n for n in around if line in {self.span(n)[0], self._anchor(n)}] or around

    def _anchor(self, node: cst.CSTNode) -> int:
        """Return the line that Python reports for a call: that of the attribute's name, for a method."""
        func = node.func if isinstance(node, cst.Call) else node
        return self.span(func)[1] if isinstance(func, cst.Attribute) else self.span(node)[0]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return what a node stands in."""
        return self._parents.get(node)

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield what a node stands in, from the inside out."""
        up = self.parent(node)
        while up is not None:
            yield up
            up = self.parent(up)

    def enclosing(self, node: cst.CSTNode, kind: type[N] | tuple[type[N], ...]) -> N | None:
        """Return the innermost node of a kind around a node."""
        return next((n for n in self.above(node) if isinstance(n, kind)), None)

    def function(self, node: cst.CSTNode) -> Function | None:
        """Return the function that a node belongs to."""
        return next((n for n in self.above(node) if isinstance(n, cst.FunctionDef | cst.Lambda)), None)

    def class_of(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """Return the class that a node belongs to."""
        return self.enclosing(node, cst.ClassDef)

    def statement(self, line: int) -> cst.SimpleStatementLine | None:
        """Return the simple statement that has a line of its own there."""
        found = [s for s in self.every(cst.SimpleStatementLine) if self.span(s)[0] <= line <= self.span(s)[1]]
        return found[0] if len(found) == 1 else None

    def statement_of(self, node: cst.CSTNode) -> Statement | None:
        """Return the statement, with a line of its own, that a node belongs to."""
        here = [node, *self.above(node)]
        return next((n for n in here if isinstance(n, cst.SimpleStatementLine | cst.BaseCompoundStatement)), None)

    def block(self, statement: cst.CSTNode) -> list[cst.BaseStatement] | None:
        """Return the statements among which a statement stands."""
        up = self.parent(statement)
        return list(up.body) if isinstance(up, cst.IndentedBlock | cst.Module) else None

    def repeated(self, node: cst.CSTNode) -> bool:
        """Tell whether a node is computed several times where it is written."""
        loops = (cst.For, cst.While, cst.BaseComp)
        for up in self.above(node):
            if isinstance(up, cst.FunctionDef | cst.ClassDef):
                return False
            if isinstance(up, loops):
                return True
        return False

    def used_once(self, definition: cst.FunctionDef | cst.ClassDef) -> bool:
        """Tell whether a function or class is called at one place of the file, and not in a loop."""
        name = definition.name.value
        calls = [c for c in self.every(cst.Call) if self.code(c.func).rpartition(".")[2] == name]
        subclassed = any(self.code(a.value) == name for c in self.every(cst.ClassDef) for a in c.bases)
        return len(calls) == 1 and not subclassed and not self.repeated(calls[0])

    def single(self, node: cst.CSTNode) -> bool:
        """Tell whether what a node creates exists once: no loop, and its function or class used once."""
        if self.repeated(node):
            return False
        function = self.function(node)
        if function is None:
            return True
        owner = self.class_of(function)
        if isinstance(function, cst.FunctionDef) and owner is not None and function.name.value == "__init__":
            return self.used_once(owner)
        return isinstance(function, cst.FunctionDef) and self.used_once(function)

    # --- what things are ----------------------------------------------------------------------

    def code(self, node: cst.CSTNode) -> str:
        """Return a node's text."""
        return self.module.code_for_node(node)

    @cached_property
    def _names(self) -> Mapping[cst.CSTNode, object]:
        return self.wrapper.resolve(QualifiedNameProvider)

    def imported(self, node: cst.CSTNode) -> str:
        """Return the full name behind a name that an import brought, "" for all others."""
        if not _dotted(node):
            return ""  # the provider names a call, and a method of its result, like the function it calls
        names = self._names.get(node)
        names = names() if callable(names) else names
        if not isinstance(names, set | frozenset):
            return ""
        found = [n.name for n in names if n.source is QualifiedNameSource.IMPORT]
        return found[0] if len(found) == 1 else ""

    def torch_name(self, node: cst.CSTNode) -> str:
        """Return the last part of a torch name ("softmax" for ``F.softmax``), "" for all others."""
        name = self.imported(node)
        return name.rpartition(".")[2] if name.startswith("torch.") else ""

    def spelled(self, name: str) -> str | None:
        """Return how this file can write a full name such as "torch.nn.ReLU", None when it imports none of it."""
        best = None
        for statement in self.module.body:
            if not isinstance(statement, cst.SimpleStatementLine):
                continue
            for small in statement.body:
                for full, local in _imports(small):
                    if name == full or name.startswith(f"{full}."):
                        text = local + name[len(full) :]
                        best = text if best is None or len(text) < len(best) else best
        return best

    def assigned(self, target: str) -> list[cst.Assign | cst.AnnAssign]:
        """Return every assignment to a name or an attribute, by its text."""
        plain = [n for n in self.every(cst.Assign) if any(self.code(t.target).strip() == target for t in n.targets)]
        return [*plain, *(n for n in self.every(cst.AnnAssign) if self.code(n.target) == target)]

    # --- making anew --------------------------------------------------------------------------

    def expression(self, text: str) -> cst.BaseExpression:
        """Return the tree of an expression, in parentheses where its lines need them."""
        try:
            return cst.parse_expression(text, config=self.module.config_for_parsing)
        except cst.ParserSyntaxError:
            return cst.parse_expression(f"({text})", config=self.module.config_for_parsing)

    def line(self, text: str) -> cst.SimpleStatementLine:
        """Return the tree of a simple statement."""
        made = cst.parse_statement(text, config=self.module.config_for_parsing)
        assert isinstance(made, cst.SimpleStatementLine)
        return made

    def atom(self, node: cst.BaseExpression) -> str:
        """Return an expression's text, fit to be called or have a method called on it."""
        text = self.code(node)
        return f"({text})" if isinstance(node, (*LOOSE, cst.BaseNumber)) and not node.lpar else text

    def operand(self, node: cst.BaseExpression, outer: cst.BaseExpression) -> cst.BaseExpression:
        """Return an expression as it may stand in the place of ``outer``."""
        up = self.parent(outer)
        free = isinstance(up, cst.Arg | cst.Return | cst.Assign | cst.AnnAssign | cst.Expr | cst.Element) or outer.lpar
        return self.expression(self.code(node) if free else self.atom(node))

    def replaced(self, new: Mapping[cst.CSTNode, New]) -> str | None:
        """Return the text with some nodes replaced, None when that is no valid program or changes nothing."""
        try:
            text = self.module.visit(_Swap(new)).code
        except (cst.CSTValidationError, TypeError, ValueError):
            return None
        return text if text != self.text and compiles(text) else None

    def substituted(self, node: cst.CSTNode, new: Mapping[cst.CSTNode, New]) -> str:
        """Return a node's text with some of what it holds replaced."""
        changed = node.visit(_Swap(new))
        assert isinstance(changed, cst.CSTNode)
        return self.code(changed)

    def inserted(self, before: Statement, *fresh: cst.SimpleStatementLine) -> cst.FlattenSentinel[cst.BaseStatement]:
        """Return fresh statements and one that follows them, the blank lines above it kept above them."""
        lines = list(before.leading_lines)
        first = next((i for i, line in enumerate(lines) if line.comment), len(lines))
        above = fresh[0].with_changes(leading_lines=lines[:first])
        return cst.FlattenSentinel([above, *fresh[1:], before.with_changes(leading_lines=lines[first:])])


class _Swap(cst.CSTTransformer):
    """Puts new nodes in the place of old ones, found by identity."""

    def __init__(self, new: Mapping[cst.CSTNode, New]) -> None:
        super().__init__()
        self.new = new

    def on_leave(self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT) -> New:  # type: ignore[override]
        """Return the new node, if there is one; an old one among several new has its own parts replaced."""
        new = self.new.get(original_node, updated_node)
        if isinstance(new, cst.FlattenSentinel):
            return cst.FlattenSentinel([updated_node if n is original_node else n for n in new])  # type: ignore[misc]
        return new


def compiles(text: str) -> bool:
    """Tell whether a text is a valid program."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<edited>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        head = _dotted(node.value)
        return f"{head}.{node.attr.value}" if head else ""
    return node.value if isinstance(node, cst.Name) else ""


def _imports(statement: cst.BaseSmallStatement) -> Iterator[tuple[str, str]]:
    """Yield (full name, local name) of what an import statement brings."""
    if isinstance(statement, cst.Import):
        for alias in statement.names:
            full = _dotted(alias.name)
            yield full, _dotted(alias.asname.name) if alias.asname else full
            if not alias.asname:
                yield full.partition(".")[0], full.partition(".")[0]
    elif isinstance(statement, cst.ImportFrom) and statement.module and not isinstance(statement.names, cst.ImportStar):
        if statement.relative:
            return
        for alias in statement.names:
            name = _dotted(alias.name)
            yield f"{_dotted(statement.module)}.{name}", _dotted(alias.asname.name) if alias.asname else name


def argument(call: cst.Call, position: int, *names: str) -> cst.Arg | None:
    """Return an argument of a call, by keyword or by position; None when absent or hidden behind a star."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value in names:
            return arg
    if position < 0 or position >= len(call.args):
        return None
    before = call.args[: position + 1]
    return before[-1] if all(a.keyword is None and not a.star for a in before) else None


def is_plain(call: cst.Call) -> bool:
    """Tell whether a call passes nothing behind stars."""
    return not any(arg.star for arg in call.args)


def with_argument(call: cst.Call, fresh: cst.Arg) -> cst.Call:
    """Return a call with one more argument at its end, laid out like the others."""
    args = list(call.args)
    if not args:
        return call.with_changes(args=[fresh])
    last = args[-1]
    between: cst.Comma | cst.MaybeSentinel = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if len(args) > 1:
        between = args[-2].comma
    elif isinstance(call.whitespace_before_args, cst.ParenthesizedWhitespace):
        between = cst.Comma(whitespace_after=call.whitespace_before_args)
    if isinstance(between, cst.Comma) and isinstance(between.whitespace_after, cst.ParenthesizedWhitespace):
        between = between.with_changes(whitespace_after=without_comment(between.whitespace_after))
    after, comma = last.whitespace_after_arg, last.comma
    remarked = comma.whitespace_after if isinstance(comma, cst.Comma) else after
    several = isinstance(between, cst.Comma) and isinstance(between.whitespace_after, cst.ParenthesizedWhitespace)
    if several and isinstance(between, cst.Comma) and isinstance(remarked, cst.ParenthesizedWhitespace):
        # A remark stays on its line, though the argument is no longer the last.
        assert isinstance(between.whitespace_after, cst.ParenthesizedWhitespace)
        between = between.with_changes(
            whitespace_after=between.whitespace_after.with_changes(first_line=remarked.first_line)
        )
        bare = without_comment(remarked).with_changes(empty_lines=remarked.empty_lines)
        if isinstance(comma, cst.Comma):
            comma = comma.with_changes(whitespace_after=bare)
        else:
            after = bare
    args[-1] = last.with_changes(comma=between, whitespace_after_arg=cst.SimpleWhitespace(""))
    args.append(fresh.with_changes(comma=comma, whitespace_after_arg=after))
    return call.with_changes(args=args)


def without_comment(space: cst.ParenthesizedWhitespace) -> cst.ParenthesizedWhitespace:
    """Return a line break between arguments without the remark that stands on it."""
    first = space.first_line.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))
    return space.with_changes(first_line=first, empty_lines=[])


def keyword(name: str, value: cst.BaseExpression) -> cst.Arg:
    """Return ``name=value`` as it is written in a call."""
    tight = cst.AssignEqual(whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace(""))
    return cst.Arg(value, keyword=cst.Name(name), equal=tight)


def number(value: float) -> str:
    """Return a number as one would write it in a program."""
    text = f"{value:.6g}"
    head, mark, tail = text.partition("e")
    return f"{head}e{int(tail)}" if mark else text


def literal(node: cst.CSTNode | None) -> float | None:
    """Return the value of a number that is written out."""
    if isinstance(node, cst.Integer | cst.Float):
        return float(node.evaluated_value)
    return None


def only(found: list[T]) -> T | None:
    """Return the one thing found, None when there is none or a choice."""
    return found[0] if len(found) == 1 else None
