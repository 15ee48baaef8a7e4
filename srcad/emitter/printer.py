"""Print gast trees as Python text that a careful person would write.

After it ran, the text parses to the tree it was printed from, on every Python version the
project supports and with the same characters on each of them. Four things in a tree have no
literal of their own and are printed as expressions with the same value: negative and complex
constants (``-1``, ``1.0 + 2j``), infinities and NaN (``float("inf")``), the empty set
(``{*()}``), and f-strings that only Python 3.12 can quote (``"".join([..., format(x)])``). So
the text may call the builtins ``float``, ``complex``, ``format``, ``str``, ``repr`` and
``ascii``; nothing has to be imported for them.

An expression is written as a list of strings in which *marks* stand where the line may be
broken. A mark is itself the string that it prints on an unbroken line, so a statement that fits
is a plain join; only one that does not fit is laid out.
"""

from __future__ import annotations

import cmath
import functools
import keyword
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import astunparse
import gast

from srcad.errors import InternalError

LINE_WIDTH = 88
COMMENT_WIDTH = 100
SHORT_BRACKETS = 16


class Comment(gast.stmt):
    """A pseudo-statement: ``# text`` on its own line, at the indentation of its place."""

    _fields = ("text",)

    def __init__(self, text: str = "") -> None:  # copy.deepcopy calls it without arguments
        self.text = text


class Blank(gast.stmt):
    """A pseudo-statement: an empty line."""

    _fields = ()


# The one precedence table: each row binds tighter than those above it. What is not in it
# (names, calls, displays, strings) needs no parentheses anywhere. Operations are ranked by
# their operator.
_ROWS: tuple[tuple[type, ...], ...] = (
    (gast.NamedExpr,),
    (gast.Yield, gast.YieldFrom),
    (gast.Tuple,),
    (gast.IfExp, gast.Lambda, gast.MatchAs),
    (gast.Or,),
    (gast.And,),
    (gast.Not,),
    (gast.Compare,),
    (gast.BitOr, gast.MatchOr),
    (gast.BitXor,),
    (gast.BitAnd,),
    (gast.LShift, gast.RShift),
    (gast.Add, gast.Sub),
    (gast.Mult, gast.MatMult, gast.Div, gast.FloorDiv, gast.Mod),
    (gast.USub, gast.UAdd, gast.Invert),
    (gast.Pow,),
    (gast.Await,),
    (int, float, complex),  # literals: 1.real is not Python, (1).real is
)
_PRECEDENCE: dict[type, int] = {kind: level for level, row in enumerate(_ROWS) for kind in row}
_NAMED = _PRECEDENCE[gast.NamedExpr]
_YIELD = _PRECEDENCE[gast.Yield]
_TUPLE = _PRECEDENCE[gast.Tuple]
_TEST = _PRECEDENCE[gast.IfExp]
_OR = _PRECEDENCE[gast.Or]
_BITOR = _PRECEDENCE[gast.BitOr]
_UNARY = _PRECEDENCE[gast.USub]
_ATOM = len(_ROWS)

_POSTFIX = (gast.Attribute, gast.Call, gast.Subscript)
_COMPREHENSIONS = {
    gast.ListComp: ("[", "]"),
    gast.SetComp: ("{", "}"),
    gast.DictComp: ("{", "}"),
    gast.GeneratorExp: ("(", ")"),
}
_DEFINITIONS = (gast.FunctionDef, gast.AsyncFunctionDef, gast.ClassDef)


@dataclass(frozen=True)
class Pair:
    """A key (None for ``**``) and its value, printed like the other items of a display."""

    key: gast.expr | None
    value: gast.expr


_PREFIXED = (gast.keyword, gast.Starred, Pair)

# Quotes in order of preference. Within an f-string only those are left that any Python version
# accepts there.
_QUOTES = ('"', "'", '"""', "'''")


class _Unquotable(Exception):
    """An f-string cannot be written with the quotes at hand."""


class _Mark(str):
    """Where a line may be broken; as a string, what is printed where it is not broken.

    ``before`` and ``after`` stand before and after the line break, ``depth`` is +1 if the mark
    opens a group, -1 if it closes one, ``bracket`` tells groups that hang in brackets from
    chains of operators, which may be broken only inside brackets.
    """

    before: str
    after: str
    depth: int
    bracket: bool

    def __new__(
        cls, flat: str = "", before: str = "", after: str = "", depth: int = 0, bracket: bool = True
    ) -> _Mark:
        mark = super().__new__(cls, flat)
        mark.before, mark.after, mark.depth, mark.bracket = before, after, depth, bracket
        return mark


_OPEN = _Mark(depth=1)  # after an opening bracket
_CLOSE = _Mark(depth=-1)  # before a closing bracket
_CLOSE_ITEMS = _Mark(before=",", depth=-1)  # the same, after items that a comma may follow
_PAREN = _Mark(before="(", depth=1)  # parentheses that are there only if broken
_PAREN_END = _Mark(after=")", depth=-1)
_PAREN_END_ITEMS = _Mark(before=",", after=")", depth=-1)
_ROUND = (("(", _OPEN), (_CLOSE_ITEMS, ")"))
_SQUARE = (("[", _OPEN), (_CLOSE_ITEMS, "]"))
_CURLY = (("{", _OPEN), (_CLOSE_ITEMS, "}"))
_CHAIN = _Mark(depth=1, bracket=False)
_CHAIN_END = _Mark(depth=-1, bracket=False)
_SPACE = _Mark(" ")
_COMMA = _Mark(", ", before=",")


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


class Printer(astunparse.Unparser):
    """An unparser for gast trees; ``to_text`` is its use.

    ``dispatch`` prints statements, ``expression`` an expression that stands where at least the
    given precedence is needed, ``value`` one that ends a statement and may be broken there.
    """

    def __init__(self) -> None:  # the base class prints from its constructor, on a file
        self._indent = 0
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quotes: tuple[str, ...] = _QUOTES

    def text(self) -> str:
        """Return the lines printed so far."""
        self._end_line()
        return "\n".join(self._lines).rstrip("\n") + "\n" if self._lines else ""

    def flat(self, node: gast.AST, level: int = _TEST) -> str:
        """Return the text of an expression on one line."""
        start = len(self._line)
        self.expression(node, level)
        text = "".join(self._line[start:])
        del self._line[start:]
        return text

    # Lines and blocks ---------------------------------------------------------------------

    def write(self, text: str) -> None:
        self._line.append(text)

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
            lines = _broken(self._line, indent, SHORT_BRACKETS)
            if max(map(len, lines)) > LINE_WIDTH:
                lines = _broken(self._line, indent, 0)
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

    def _method(self, node: gast.AST) -> Callable[[gast.AST], None]:
        method: Callable[[gast.AST], None] | None = getattr(self, "_" + type(node).__name__, None)
        if method is None:
            raise InternalError(f"the printer does not know the node {type(node).__name__}")
        return method

    def value(self, node: gast.expr, level: int = _TEST) -> None:
        """Print an expression that ends a statement, to be put in parentheses if too long."""
        node = _literal(node)
        if level <= _precedence(node) < _UNARY:  # what binds tighter has brackets of its own
            self._line.append(_PAREN)
            self._method(node)(node)
            self._line.append(_PAREN_END_ITEMS if type(node) is gast.Tuple else _PAREN_END)
        else:
            self.expression(node, level)

    def _Expr(self, t: gast.Expr) -> None:
        if type(t.value) is gast.Constant and type(t.value.value) is str:
            self._end_line()
            text = _docstring(t.value.value, getattr(t.value, "kind", None) or "")
            self._lines.append("    " * self._indent + text)
        else:
            self.fill()
            self.value(t.value, _YIELD)

    def _Assign(self, t: gast.Assign) -> None:
        self.fill()
        for target in t.targets:
            self.value(target, _TUPLE)
            self.write(" = ")
        self.value(t.value, _YIELD)

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
            self.value(t.value, _TUPLE)

    def _Assert(self, t: gast.Assert) -> None:
        self.fill("assert ")
        self.value(t.test)
        if t.msg is not None:
            self.write(", ")
            self.value(t.msg)

    def _ImportFrom(self, t: gast.ImportFrom) -> None:
        self.fill(f"from {'.' * (t.level or 0)}{t.module or ''} import ")
        self._items(t.names, (_PAREN,), (_PAREN_END_ITEMS,))

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
        self.value(t.test, _NAMED if type(t.test) is gast.NamedExpr else _TEST)
        self._block(t.body)

    def _clause(self, word: str, body: list[gast.stmt]) -> None:
        if body:
            self.fill(word)
            self._block(body)

    def _For(self, t: gast.For | gast.AsyncFor, word: str = "for ") -> None:
        self.fill(word)
        self.value(t.target, _TUPLE)
        self.write(" in ")
        self.value(t.iter)
        self._block(t.body)
        self._clause("else", t.orelse)

    _AsyncFor = functools.partialmethod(_For, word="async for ")

    def _With(self, t: gast.With | gast.AsyncWith, word: str = "with ") -> None:
        self.fill(word)
        first = t.items[0]
        if len(t.items) > 1:
            self._items(t.items, (_PAREN,), (_PAREN_END_ITEMS,))
        elif first.optional_vars is not None:
            self.expression(first)
        elif type(_literal(first.context_expr)) is gast.Tuple:  # with (a, b): has two items
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
        self.fill(word + _identifier(t.name))
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
        self.fill("class " + _identifier(t.name))
        self._type_parameters(t)
        if t.bases or t.keywords:
            self._items(t.bases + t.keywords, *_ROUND)
        self._block(t.body)

    def _decorators(self, t: gast.FunctionDef | gast.AsyncFunctionDef | gast.ClassDef) -> None:
        for decorator in t.decorator_list:
            self.fill("@")
            self.expression(decorator)

    def _type_parameters(self, t: gast.stmt) -> None:
        if getattr(t, "type_params", None):
            self._items(t.type_params, *_SQUARE)

    def _TypeVar(self, t: gast.TypeVar, star: str = "") -> None:
        self.write(star + _identifier(t.name))
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
        self._items(t.patterns, *_SQUARE)

    def _MatchStar(self, t: gast.MatchStar) -> None:
        self.write("*" + _identifier(t.name or "_"))

    def _MatchMapping(self, t: gast.MatchMapping) -> None:
        items = [
            f"{self.flat(key)}: {self.flat(pattern)}"
            for key, pattern in zip(t.keys, t.patterns, strict=True)
        ]
        if t.rest is not None:
            items.append("**" + _identifier(t.rest))
        self.write("{" + ", ".join(items) + "}")

    def _MatchClass(self, t: gast.MatchClass) -> None:
        items = [self.flat(pattern) for pattern in t.patterns]
        for name, pattern in zip(t.kwd_attrs, t.kwd_patterns, strict=True):
            items.append(f"{_identifier(name)}={self.flat(pattern)}")
        self.expression(t.cls)
        self.write("(" + ", ".join(items) + ")")

    def _MatchAs(self, t: gast.MatchAs) -> None:
        if t.pattern is not None:
            self.expression(t.pattern, _BITOR)
            self.write(" as ")
        self.write(_identifier(t.name or "_"))

    def _MatchOr(self, t: gast.MatchOr) -> None:
        self.write(" | ".join([self.flat(pattern, _BITOR + 1) for pattern in t.patterns]))

    # Expressions --------------------------------------------------------------------------

    def expression(self, node: gast.AST, level: int = _TEST) -> None:
        """Print an expression, in parentheses if it binds less tightly than ``level``."""
        node = _literal(node)
        if type(node) is gast.Name:
            self._line.append(_identifier(node.id))
        elif _precedence(node) < level:
            self._line += ("(", _OPEN)
            self._method(node)(node)
            self._line += (_CLOSE_ITEMS if type(node) is gast.Tuple else _CLOSE, ")")
        else:
            self._method(node)(node)

    def _items(
        self, nodes: Sequence[gast.AST], before: tuple[str, ...] = (), after: tuple[str, ...] = ()
    ) -> None:
        if not nodes:
            self._line.append("".join(before + after))
            return
        self._line += before
        separator = ""
        for node in nodes:
            self._line.append(separator)
            self.expression(*self._prefix(node) if type(node) in _PREFIXED else (node,))
            separator = _COMMA
        self._line += after

    def _chain(self, parts: Iterable[tuple[str, gast.expr, int]]) -> None:
        """Print operands, each with its operator before it and the precedence it needs."""
        self._line.append(_CHAIN)
        for operator, operand, level in parts:
            if operator:
                self._line += (_SPACE, operator)
            self.expression(operand, level)
        self._line.append(_CHAIN_END)

    def _BinOp(self, t: gast.BinOp) -> None:
        level = _PRECEDENCE[type(t.op)]
        if type(t.op) is gast.Pow:
            self.expression(t.left, level + 1)
            self.write(" ** ")
            self.expression(t.right, _UNARY)
            return
        parts = []  # a + b - c + ... from its end: no recursion along a long sum
        node = t
        while type(node) is gast.BinOp and _PRECEDENCE[type(node.op)] == level:
            parts.append((self.binop[type(node.op).__name__] + " ", node.right, level + 1))
            node = node.left
        parts.append(("", node, level))
        self._chain(reversed(parts))

    def _UnaryOp(self, t: gast.UnaryOp) -> None:
        self.write("not " if type(t.op) is gast.Not else self.unop[type(t.op).__name__])
        self.expression(t.operand, _PRECEDENCE[type(t.op)])

    def _BoolOp(self, t: gast.BoolOp) -> None:
        word = "and " if type(t.op) is gast.And else "or "
        level = _PRECEDENCE[type(t.op)] + 1
        self._chain((word if i else "", node, level) for i, node in enumerate(t.values))

    def _Compare(self, t: gast.Compare) -> None:
        parts = [("", t.left, _BITOR)]
        for operator, operand in zip(t.ops, t.comparators, strict=True):
            parts.append((self.cmpops[type(operator).__name__] + " ", operand, _BITOR))
        self._chain(parts)

    def _IfExp(self, t: gast.IfExp) -> None:
        self._chain((("", t.body, _OR), ("if ", t.test, _OR), ("else ", t.orelse, _TEST)))

    def _Lambda(self, t: gast.Lambda) -> None:
        parameters = self.flat(t.args)
        self.write(f"lambda {parameters}: " if parameters else "lambda: ")
        self.expression(t.body)

    def _arguments(self, t: gast.arguments) -> None:
        names = [*t.posonlyargs, *t.args]
        defaults = [None] * (len(names) - len(t.defaults)) + t.defaults
        parts = [("", *part) for part in zip(names, defaults, strict=True)]
        if t.posonlyargs:
            parts.insert(len(t.posonlyargs), ("/", None, None))
        if t.vararg is not None or t.kwonlyargs:
            parts.append(("*", t.vararg, None))
        parts += [("", *part) for part in zip(t.kwonlyargs, t.kw_defaults, strict=True)]
        if t.kwarg is not None:
            parts.append(("**", t.kwarg, None))
        separator: str = _OPEN
        for star, name, default in parts:
            self.write(separator)
            self.write(star)
            separator = _COMMA
            equals = "="
            if name is not None:
                self.expression(name)
                if getattr(name, "annotation", None) is not None:
                    self.write(": ")
                    self.expression(name.annotation)
                    equals = " = "
            if default is not None:
                self.write(equals)
                self.expression(default)
        if parts:
            self.write(_CLOSE_ITEMS)

    def _postfix(self, t: gast.Attribute | gast.Call | gast.Subscript) -> None:
        """Print a.b(c)[d] from its first name on: no recursion along a long chain."""
        links = []
        while type(t) in _POSTFIX:
            links.append(t)
            t = t.func if type(t) is gast.Call else t.value
        self.expression(t, _ATOM)
        for link in reversed(links):
            if type(link) is gast.Attribute:
                self._line.append("." + _identifier(link.attr))
            elif type(link) is gast.Subscript:
                self._items(*_index(link.slice))
            elif not link.keywords and [type(node) for node in link.args] == [gast.GeneratorExp]:
                self.expression(link.args[0])  # its parentheses are those of the call
            else:
                self._items(link.args + link.keywords, *_ROUND)

    _Attribute = _Call = _Subscript = _postfix

    def _Slice(self, t: gast.Slice) -> None:
        if t.lower is not None:
            self.expression(t.lower)
        self.write(":")
        if t.upper is not None:
            self.expression(t.upper)
        if t.step is not None:
            self.write(":")
            self.expression(t.step)

    def _prefix(self, t: gast.keyword | gast.Starred | Pair) -> tuple[gast.expr, int]:
        """Print what stands before the value of an item; return the value and its precedence."""
        if isinstance(t, Pair):
            if t.key is not None:
                self.expression(t.key)
                self.write(": ")
                return t.value, _TEST
        elif type(t) is gast.Starred:
            self.write("*")
            return t.value, _BITOR
        elif t.arg is not None:
            self.write(_identifier(t.arg) + "=")
            return t.value, _TEST
        self.write("**")
        return t.value, _BITOR

    def _Starred(self, t: gast.Starred) -> None:
        self.expression(*self._prefix(t))

    def _NamedExpr(self, t: gast.NamedExpr) -> None:
        self.expression(t.target)
        self.write(" := ")
        self.expression(t.value)

    def _Await(self, t: gast.Await) -> None:
        self.write("await ")
        self.expression(t.value, _ATOM)

    def _Yield(self, t: gast.Yield) -> None:
        self.write("yield")
        if t.value is not None:
            self.write(" ")
            self.expression(t.value, _TUPLE)

    def _YieldFrom(self, t: gast.YieldFrom) -> None:
        self.write("yield from ")
        self.expression(t.value)

    def _Tuple(self, t: gast.Tuple) -> None:
        if len(t.elts) > 1:  # the parentheses are the caller's
            self._items(t.elts)
        elif t.elts:
            self._items(t.elts, ("(", _OPEN), (",", _CLOSE, ")"))
        else:
            self.write("()")

    def _List(self, t: gast.List) -> None:
        self._items(t.elts, *_SQUARE)

    def _Set(self, t: gast.Set) -> None:
        if t.elts:
            self._items(t.elts, *_CURLY)
        else:
            self.write("{*()}")

    def _Dict(self, t: gast.Dict) -> None:
        self._items([Pair(*pair) for pair in zip(t.keys, t.values, strict=True)], *_CURLY)

    def _generators(
        self, t: gast.ListComp | gast.SetComp | gast.DictComp | gast.GeneratorExp
    ) -> None:
        opening, closing = _COMPREHENSIONS[type(t)]
        self._line += (opening, _OPEN)
        if type(t) is gast.DictComp:
            self.expression(t.key)
            self.write(": ")
        self.expression(t.value if type(t) is gast.DictComp else t.elt)
        for clause in t.generators:
            self._line += (_SPACE, "async for " if clause.is_async else "for ")
            self.write(self.flat(clause.target, _TUPLE))
            self.write(" in ")
            self.expression(clause.iter, _OR)
            for condition in clause.ifs:
                self._line += (_SPACE, "if ")
                self.expression(condition, _OR)
        self._line += (_CLOSE, closing)

    _ListComp = _SetComp = _DictComp = _GeneratorExp = _generators

    # Constants ----------------------------------------------------------------------------

    def _Constant(self, t: gast.Constant) -> None:
        value = t.value
        if type(value) in (str, bytes):
            self._line.append((getattr(t, "kind", None) or "") + self._string(value))
        elif type(value) is int and value.bit_length() > 2000:
            self._line.append(hex(value))  # Python refuses to read very long decimals
        elif value is Ellipsis:
            self._line.append("...")
        elif value is None or type(value) in (bool, int, float, complex):
            self._line.append(repr(value))
        else:
            raise InternalError(f"there is no Python text for the constant {value!r}")

    def _string(self, value: str | bytes) -> str:
        body = _escaped(value)
        prefix = "b" if type(value) is bytes else ""
        fitting = [quote for quote in self._quotes if quote[0] not in body]
        if self._quotes is not _QUOTES and ("\\" in body or not fitting):
            raise _Unquotable
        quote = fitting[0] if fitting else '"'
        return prefix + quote + body.replace(quote, "\\" + quote) + quote

    def _JoinedStr(self, t: gast.JoinedStr) -> None:
        try:
            self.write(self._fstring(t))
        except _Unquotable:
            if self._quotes is not _QUOTES:
                raise
            self.expression(_joined(t))

    def _FormattedValue(self, t: gast.FormattedValue) -> None:
        self._JoinedStr(gast.JoinedStr([t]))

    def _fstring(self, t: gast.JoinedStr) -> str:
        """Return an f-string that Python 3.10 reads: no backslash or own quote within braces."""
        quotes = self._quotes
        literal = "".join([part.value for part in t.values if type(part) is gast.Constant])
        for quote in sorted(quotes, key=lambda quote: quote[0] in literal):
            start = len(self._line)
            self._quotes = tuple(other for other in quotes if quote not in other)
            try:
                text = "".join([self._fstring_part(part, quote) for part in t.values])
            except _Unquotable:
                del self._line[start:]
                continue
            finally:
                self._quotes = quotes
            if quotes is _QUOTES or "\\" not in text:
                return f"f{quote}{text}{quote}"
        raise _Unquotable

    def _fstring_part(self, part: gast.expr, quote: str) -> str:
        if type(part) is gast.Constant:
            text = _escaped(part.value).replace("{", "{{").replace("}", "}}")
            return text.replace(quote[0], "\\" + quote[0])
        text = self.flat(part.value, _OR)
        if quote in text:
            raise _Unquotable
        if text.startswith("{"):
            text = " " + text
        if part.conversion != -1:
            text += "!" + chr(part.conversion)
        if part.format_spec is not None:
            pieces = part.format_spec.values
            # Python 3.11 has neither braces nor a second format in a format.
            if any(getattr(piece, "format_spec", None) for piece in pieces) or any(
                "{" in piece.value or "}" in piece.value
                for piece in pieces
                if type(piece) is gast.Constant
            ):
                raise _Unquotable
            spec = "".join([self._fstring_part(piece, quote) for piece in pieces])
            if "\\" in spec:
                raise _Unquotable
            text += ":" + spec
        return "{" + text + "}"


def _precedence(node: gast.AST) -> int:
    kind = type(node)
    if kind is gast.BinOp or kind is gast.UnaryOp or kind is gast.BoolOp:
        return _PRECEDENCE[type(node.op)]
    if kind is gast.Constant:
        return _PRECEDENCE.get(type(node.value), _ATOM)
    if (kind is gast.Tuple and len(node.elts) < 2) or (kind is gast.MatchAs and not node.pattern):
        return _ATOM  # they bring their own parentheses, or are a name
    return _PRECEDENCE.get(kind, _ATOM)


@functools.lru_cache(maxsize=4096)
def _identifier(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InternalError(f"{name!r} is not a Python name")
    return name


def _index(index: gast.expr) -> tuple[list[gast.expr], tuple[str, ...], tuple[str, ...]]:
    """Return the elements of an index, and what stands before and after them."""
    elements = index.elts if type(index) is gast.Tuple else []
    kinds = {type(element) for element in elements}
    if not elements or (gast.Starred in kinds and gast.Slice not in kinds):
        # Python 3.10 has no bare star in an index; in parentheses it is the same tree.
        return [index], ("[", _OPEN), (_CLOSE, "]")
    return elements, ("[", _OPEN), ("," if len(elements) == 1 else "", _CLOSE, "]")


def _starts_definition(body: Sequence[gast.stmt], position: int) -> bool:
    """Tell whether a definition begins here, with the comments right above it."""
    while position < len(body) and isinstance(body[position], Comment):
        position += 1
    return position < len(body) and isinstance(body[position], _DEFINITIONS)


def _call(name: str, *arguments: gast.expr) -> gast.Call:
    return gast.Call(gast.Name(name, gast.Load(), None, None), list(arguments), [])


def _constant(value: object) -> gast.Constant:
    return gast.Constant(value, None)


def _literal(node: gast.AST) -> gast.AST:
    """Return an expression of its value for a constant that has no literal, else the node."""
    if type(node) is not gast.Constant:
        return node
    value = node.value
    if type(value) is tuple:
        return gast.Tuple([_constant(element) for element in value], gast.Load())
    if type(value) is int and value < 0:
        return gast.UnaryOp(gast.USub(), _constant(-value))
    if type(value) is float:
        if math.isnan(value):
            return _call("float", _constant("nan"))
        if math.copysign(1.0, value) < 0.0:
            return gast.UnaryOp(gast.USub(), _constant(-value))
        if math.isinf(value):
            return _call("float", _constant("inf"))
    if type(value) is complex:
        real, imag = value.real, value.imag
        minus_real, minus_imag = math.copysign(1.0, real) < 0.0, math.copysign(1.0, imag) < 0.0
        part = _constant(complex(0.0, abs(imag)))
        if not cmath.isfinite(value) or (real == 0.0 and minus_real != minus_imag):
            return _call("complex", _constant(real), _constant(imag))
        if real == 0.0:
            return gast.UnaryOp(gast.USub(), part) if minus_imag else node
        if imag == 0.0 and minus_imag:  # x - 0j has the imaginary part +0.0
            return _call("complex", _constant(real), _constant(imag))
        operator = gast.Sub() if minus_imag else gast.Add()
        return gast.BinOp(_constant(real), operator, part)
    return node


def _joined(t: gast.JoinedStr) -> gast.expr:
    """Return an expression with the value of an f-string that has no portable text."""
    parts: list[gast.expr] = []
    for part in t.values:
        if type(part) is gast.FormattedValue:
            value, spec = part.value, part.format_spec
            if part.conversion != -1:
                value = _call({"s": "str", "r": "repr", "a": "ascii"}[chr(part.conversion)], value)
            if spec is None:
                part = _call("format", value)
            else:
                is_plain = [type(piece) for piece in spec.values] == [gast.Constant]
                part = _call("format", value, spec.values[0] if is_plain else spec)
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    join = gast.Attribute(_constant(""), "join", gast.Load())
    return gast.Call(join, [gast.List(parts, gast.Load())], [])


def _escaped(value: str | bytes) -> str:
    """Return the text of a string between its quotes, all escaped but the quotes themselves."""
    text = repr(value)
    quote = text[-1]
    body = text[text.index(quote) + 1 : -1]
    return body.replace("\\'", "'") if quote == "'" else body


def _docstring(value: str, prefix: str) -> str:
    # The last quote must not run into the closing ones.
    last = r"\"" if value.endswith('"') else ""
    lines = []
    for line in value.removesuffix('"').split("\n"):
        text = _escaped(line).replace('"""', r"\"\"\"")
        lines.append(text[:-1] + r"\x20" if text.endswith(" ") else text)
    return prefix + '"""' + "\n".join(lines) + last + '"""'


def _broken(tokens: Sequence[str], indent: int, short: int) -> list[str]:
    """Lay out a line that is too long.

    A group in brackets that does not fit goes to a line of its own, indented by four columns;
    if it does not fit there either, each of its items goes to its own line. A chain of operators
    in such brackets that does not fit is broken before each operator. Of brackets in a row the
    last are broken, but none of at most ``short`` columns, such as ``[i]``.
    """
    closing, until_break = _measure(tokens, short)
    lines: list[str] = []
    line = " " * indent
    groups = [(False, indent)]  # for each open group: whether items get own lines, indentation
    position = 0
    while position < len(tokens):
        token = tokens[position]
        itemised, indent = groups[-1]
        if not isinstance(token, _Mark):
            line += token
        elif token.depth > 0:
            end = closing[position]
            content = "".join(tokens[position:end])
            width = len(line) + len(content) + until_break[end + 1]
            if width <= LINE_WIDTH or (token.bracket and len(content) <= short):
                line += content
                position = end
            elif token.bracket:
                lines.append(line + token.before)
                line = " " * (indent + 4)
                groups.append((len(line) + len(content) > LINE_WIDTH, indent + 4))
            else:
                groups.append((itemised, indent))
        elif token.depth < 0:
            groups.pop()
            if token.bracket:
                lines.append(line + token.before if itemised else line)
                line = " " * groups[-1][1] + token.after
        elif itemised:
            lines.append(line + token.before)
            line = " " * indent
        else:
            line += token
        position += 1
    lines.append(line)
    return lines


def _measure(tokens: Sequence[str], short: int) -> tuple[dict[int, int], list[int]]:
    """Return where each group closes, and the width from each token to the next possible break."""
    closing: dict[int, int] = {}
    until_break = [0] * (len(tokens) + 1)
    ends: list[tuple[int, int]] = []  # position and width after it of each group still open
    width = 0
    for position in reversed(range(len(tokens))):
        token = tokens[position]
        width += len(token)
        until_break[position] = len(token) + until_break[position + 1]
        if not isinstance(token, _Mark):
            continue
        is_short = False
        if token.depth < 0:
            ends.append((position, width))
        elif token.depth > 0:
            end, after = ends.pop()
            closing[position] = end
            is_short = width - after <= short
            if is_short and token.bracket:
                until_break[position] = width - after + until_break[end + 1]
        if token.bracket and not is_short:
            until_break[position] = len(token.before)
    return closing, until_break
