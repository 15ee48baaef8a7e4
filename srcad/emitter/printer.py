"""Print gast trees as Python text that a careful person would write.

After it ran, the text parses to the tree it was printed from, on every Python version the
project supports and with the same characters on each of them. What has no literal of its own is
printed as an expression with the same value, so the text may call the builtins ``float``,
``complex``, ``format``, ``str``, ``repr`` and ``ascii``; nothing has to be imported for them.

This file prints statements; expressions are in `expression_printer`, what is done with lines that
are too long in `layout`.
"""

from __future__ import annotations

import cmath
import functools
from collections.abc import Sequence

import gast

from srcad.emitter.expression_printer import ExpressionPrinter, identifier
from srcad.emitter.layout import (
    LINE_WIDTH,
    PAREN,
    PAREN_END,
    PAREN_END_ITEMS,
    ROUND,
    SHORT_BRACKETS,
    SQUARE,
    broken,
)
from srcad.emitter.literals import docstring, literal
from srcad.emitter.precedence import BITOR, NAMED, TEST, TUPLE, UNARY, YIELD, precedence
from srcad.errors import InternalError

COMMENT_WIDTH = 100
_DEFINITIONS = (gast.FunctionDef, gast.AsyncFunctionDef, gast.ClassDef)


class Comment(gast.stmt):
    """A pseudo-statement: ``# text`` on its own line, at the indentation of its place."""

    _fields = ("text",)

    def __init__(self, text: str = "") -> None:  # copy.deepcopy calls it without arguments
        self.text = text


class Blank(gast.stmt):
    """A pseudo-statement: an empty line."""

    _fields = ()


def to_text(node: gast.AST | list[gast.stmt]) -> str:
    """Return the Python text of a tree.

    Parameters
    ----------
    node : gast.AST or list of gast.stmt
        A module, a statement, a list of statements, or one expression. ``Comment`` and
        ``Blank`` may stand anywhere in a list of statements.

    Returns
    -------
    str
        Statements end with a newline. An expression is one line without one; it can be put
        where Python expects an operand of a call, so tuples are in parentheses.
    """
    printer = Printer()
    if isinstance(node, gast.Expression):
        node = node.body
    if isinstance(node, list | gast.stmt | gast.Module):
        printer.dispatch(node if isinstance(node, list | gast.Module) else [node])
        return printer.text()
    return printer.flat(node)


class Printer(ExpressionPrinter):
    """An unparser for gast trees; ``to_text`` is its use.

    ``dispatch`` prints statements, ``value`` an expression that ends one and may be broken there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._indent = 0
        self._lines: list[str] = []

    def text(self) -> str:
        """Return the lines printed so far."""
        self._end_line()
        return "\n".join(self._lines).rstrip("\n") + "\n" if self._lines else ""

    # Lines and blocks ---------------------------------------------------------------------

    def fill(self, text: str = "") -> None:
        self._end_line()
        self._line.append(text)

    def enter(self) -> None:
        self._line.append(":")
        self._end_line()
        self._indent += 1

    def leave(self) -> None:
        self._end_line()
        self._indent -= 1

    def _end_line(self) -> None:
        if not self._line:
            return
        text = "".join(self._line)
        indent = 4 * self._indent
        if indent + len(text) > LINE_WIDTH:
            lines = broken(self._line, indent, SHORT_BRACKETS)
            if max(map(len, lines)) > LINE_WIDTH:
                lines = broken(self._line, indent, 0)
            self._lines.extend(lines)
        else:
            self._lines.append(" " * indent + text)
        self._line.clear()

    def dispatch(self, tree: gast.AST | list[gast.stmt]) -> None:
        if isinstance(tree, list):
            self._statements(tree)
        elif isinstance(tree, gast.Module):
            self._statements(tree.body)
        else:
            self.expression(tree)

    def _statements(self, body: Sequence[gast.stmt]) -> None:
        previous: gast.stmt | None = None
        for position, node in enumerate(body):
            if isinstance(node, Blank):
                self._end_line()
                self._lines.append("")
                if not isinstance(previous, _DEFINITIONS):
                    previous = node
                continue
            if isinstance(previous, _DEFINITIONS) or (
                not isinstance(previous, Comment | None) and _starts_definition(body, position)
            ):
                self._separate(1 if self._indent else 2)
            self._method(node)(node)
            previous = node

    def _separate(self, count: int) -> None:
        """Make the text printed so far end with at least ``count`` empty lines."""
        self._end_line()
        present = 0
        while present < min(count, len(self._lines)) and not self._lines[-1 - present]:
            present += 1
        self._lines.extend([""] * (count - present))

    def _block(self, body: Sequence[gast.stmt]) -> None:
        self.enter()
        self._statements(body)
        if all(isinstance(node, Comment | Blank) for node in body):
            self.fill("pass")
        self.leave()

    def _Comment(self, t: Comment) -> None:
        self._end_line()
        indent = " " * (4 * self._indent)
        room = max(COMMENT_WIDTH - len(indent), 20)
        for line in t.text.splitlines() or [""]:
            line = "# " + "".join(
                c if c.isprintable() else repr(c)[1:-1] for c in line.expandtabs(4)
            )
            if len(line.rstrip()) > room:
                line = line[: room - 4].rstrip() + " ..."
            self._lines.append(indent + line.rstrip())

    # Statements ---------------------------------------------------------------------------

    def value(self, node: gast.expr, level: int = TEST) -> None:
        """Print an expression that ends a statement, to be put in parentheses if too long."""
        node = literal(node)
        if level <= precedence(node) < UNARY:  # what binds tighter has brackets of its own
            self._line.append(PAREN)
            self._method(node)(node)
            self._line.append(PAREN_END_ITEMS if type(node) is gast.Tuple else PAREN_END)
        else:
            self.expression(node, level)

    def _Expr(self, t: gast.Expr) -> None:
        if type(t.value) is gast.Constant and type(t.value.value) is str:
            self._end_line()
            text = docstring(t.value.value, getattr(t.value, "kind", None) or "")
            self._lines.append("    " * self._indent + text)
        else:
            self.fill()
            self.value(t.value, YIELD)

    def _Assign(self, t: gast.Assign) -> None:
        self.fill()
        for target in t.targets:
            self.value(target, TUPLE)
            self.write(" = ")
        self.value(t.value, YIELD)

    def _AugAssign(self, t: gast.AugAssign) -> None:
        self.fill()
        self.expression(t.target)
        self.write(f" {self.binop[type(t.op).__name__]}= ")
        self.value(t.value)

    def _AnnAssign(self, t: gast.AnnAssign) -> None:
        self.fill()
        bare = t.simple or type(t.target) is not gast.Name
        self.write(self.flat(t.target) if bare else f"({self.flat(t.target)})")
        self.write(": ")
        self.expression(t.annotation)
        if t.value is not None:
            self.write(" = ")
            self.value(t.value)

    def _TypeAlias(self, t: gast.TypeAlias) -> None:
        self.fill("type ")
        self.expression(t.name)
        self._type_parameters(t)
        self.write(" = ")
        self.value(t.value)

    def _Return(self, t: gast.Return) -> None:
        self.fill("return")
        if t.value is not None:
            self.write(" ")
            self.value(t.value, TUPLE)

    def _Assert(self, t: gast.Assert) -> None:
        self.fill("assert ")
        self.value(t.test)
        if t.msg is not None:
            self.write(", ")
            self.value(t.msg)

    def _ImportFrom(self, t: gast.ImportFrom) -> None:
        self.fill(f"from {'.' * (t.level or 0)}{t.module or ''} import ")
        self._items(t.names, (PAREN,), (PAREN_END_ITEMS,))

    def _If(self, t: gast.If) -> None:
        self._condition("if ", t)
        while len(t.orelse) == 1 and type(t.orelse[0]) is gast.If:
            t = t.orelse[0]
            self._condition("elif ", t)
        self._clause("else", t.orelse)

    def _While(self, t: gast.While) -> None:
        self._condition("while ", t)
        self._clause("else", t.orelse)

    def _condition(self, word: str, t: gast.If | gast.While) -> None:
        self.fill(word)
        self.value(t.test, NAMED if type(t.test) is gast.NamedExpr else TEST)
        self._block(t.body)

    def _clause(self, word: str, body: list[gast.stmt]) -> None:
        if body:
            self.fill(word)
            self._block(body)

    def _For(self, t: gast.For | gast.AsyncFor, word: str = "for ") -> None:
        self.fill(word)
        self.value(t.target, TUPLE)
        self.write(" in ")
        self.value(t.iter)
        self._block(t.body)
        self._clause("else", t.orelse)

    _AsyncFor = functools.partialmethod(_For, word="async for ")

    def _With(self, t: gast.With | gast.AsyncWith, word: str = "with ") -> None:
        self.fill(word)
        first = t.items[0]
        if len(t.items) > 1:
            self._items(t.items, (PAREN,), (PAREN_END_ITEMS,))
        elif first.optional_vars is not None:
            self.expression(first)
        elif type(literal(first.context_expr)) is gast.Tuple:  # with (a, b): has two items
            self.write(f"({self.flat(first.context_expr)})")
        else:
            self.value(first.context_expr)
        self._block(t.body)

    _AsyncWith = functools.partialmethod(_With, word="async with ")

    def _withitem(self, t: gast.withitem) -> None:
        self.expression(t.context_expr)
        if t.optional_vars is not None:
            self.write(" as ")
            self.expression(t.optional_vars)

    def _Try(self, t: gast.Try | gast.TryStar, word: str = "except") -> None:
        self._clause("try", t.body)
        for handler in t.handlers:
            self.fill(word)
            if handler.type is not None:
                self.write(" ")
                self.expression(handler.type)
            if handler.name is not None:
                self.write(" as ")
                self.expression(handler.name)
            self._block(handler.body)
        self._clause("else", t.orelse)
        self._clause("finally", t.finalbody)

    _TryStar = functools.partialmethod(_Try, word="except*")

    def _FunctionDef(self, t: gast.FunctionDef | gast.AsyncFunctionDef, word: str = "def ") -> None:
        self._decorators(t)
        self.fill(word + identifier(t.name))
        self._type_parameters(t)
        self.write("(")
        self._arguments(t.args)
        self.write(")")
        if t.returns is not None:
            self.write(" -> ")
            self.expression(t.returns)
        self._block(t.body)

    _AsyncFunctionDef = functools.partialmethod(_FunctionDef, word="async def ")

    def _ClassDef(self, t: gast.ClassDef) -> None:
        self._decorators(t)
        self.fill("class " + identifier(t.name))
        self._type_parameters(t)
        if t.bases or t.keywords:
            self._items(t.bases + t.keywords, *ROUND)
        self._block(t.body)

    def _decorators(self, t: gast.FunctionDef | gast.AsyncFunctionDef | gast.ClassDef) -> None:
        for decorator in t.decorator_list:
            self.fill("@")
            self.expression(decorator)

    def _type_parameters(self, t: gast.stmt) -> None:
        if getattr(t, "type_params", None):
            self._items(t.type_params, *SQUARE)

    def _TypeVar(self, t: gast.TypeVar, star: str = "") -> None:
        self.write(star + identifier(t.name))
        if getattr(t, "bound", None) is not None:
            self.write(": ")
            self.expression(t.bound)
        if getattr(t, "default_value", None) is not None:
            self.write(" = ")
            self.expression(t.default_value)

    _TypeVarTuple = functools.partialmethod(_TypeVar, star="*")
    _ParamSpec = functools.partialmethod(_TypeVar, star="**")

    def _Match(self, t: gast.Match) -> None:
        self.fill("match ")
        self.value(t.subject)
        self.enter()
        for case in t.cases:
            self.fill("case ")
            self.expression(case.pattern)
            if case.guard is not None:
                self.write(" if ")
                self.value(case.guard)
            self._block(case.body)
        self.leave()

    def _MatchValue(self, t: gast.MatchValue) -> None:
        for node in gast.walk(t.value):
            if type(node) is gast.Constant and type(node.value) in (float, complex):
                if not cmath.isfinite(node.value):  # float("inf") would be a class pattern
                    raise InternalError("an infinity or NaN cannot be a pattern")
        self.expression(t.value)

    def _MatchSingleton(self, t: gast.MatchSingleton) -> None:
        self.write(repr(t.value))

    def _MatchSequence(self, t: gast.MatchSequence) -> None:
        self._items(t.patterns, *SQUARE)

    def _MatchStar(self, t: gast.MatchStar) -> None:
        self.write("*" + identifier(t.name or "_"))

    def _MatchMapping(self, t: gast.MatchMapping) -> None:
        items = [
            f"{self.flat(key)}: {self.flat(pattern)}"
            for key, pattern in zip(t.keys, t.patterns, strict=True)
        ]
        if t.rest is not None:
            items.append("**" + identifier(t.rest))
        self.write("{" + ", ".join(items) + "}")

    def _MatchClass(self, t: gast.MatchClass) -> None:
        items = [self.flat(pattern) for pattern in t.patterns]
        for name, pattern in zip(t.kwd_attrs, t.kwd_patterns, strict=True):
            items.append(f"{identifier(name)}={self.flat(pattern)}")
        self.expression(t.cls)
        self.write("(" + ", ".join(items) + ")")

    def _MatchAs(self, t: gast.MatchAs) -> None:
        if t.pattern is not None:
            self.expression(t.pattern, BITOR)
            self.write(" as ")
        self.write(identifier(t.name or "_"))

    def _MatchOr(self, t: gast.MatchOr) -> None:
        self.write(" | ".join([self.flat(pattern, BITOR + 1) for pattern in t.patterns]))


def _starts_definition(body: Sequence[gast.stmt], position: int) -> bool:
    """Tell whether a definition begins here, with the comments right above it."""
    while position < len(body) and isinstance(body[position], Comment):
        position += 1
    return position < len(body) and isinstance(body[position], _DEFINITIONS)
