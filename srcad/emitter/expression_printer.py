"""Print expressions of gast trees, with no parentheses but those that are needed."""

from __future__ import annotations

import functools
import keyword
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import astunparse
import gast

from srcad.emitter.layout import (
    CHAIN,
    CHAIN_END,
    CLOSE,
    CLOSE_ITEMS,
    COMMA,
    CURLY,
    OPEN,
    ROUND,
    SPACE,
    SQUARE,
)
from srcad.emitter.literals import escaped, joined, literal
from srcad.emitter.precedence import ATOM, BITOR, OR, PRECEDENCE, TEST, TUPLE, UNARY, precedence
from srcad.errors import InternalError

_POSTFIX = (gast.Attribute, gast.Call, gast.Subscript)
_COMPREHENSIONS = {
    gast.ListComp: ("[", "]"),
    gast.SetComp: ("{", "}"),
    gast.DictComp: ("{", "}"),
    gast.GeneratorExp: ("(", ")"),
}


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


class ExpressionPrinter(astunparse.Unparser):
    """Writes expressions on the current line, as strings and marks.

    ``expression`` prints one that stands where at least the given precedence is needed.
    """

    def __init__(self) -> None:  # the base class prints from its constructor, on a file
        self._line: list[str] = []
        self._quotes: tuple[str, ...] = _QUOTES

    def flat(self, node: gast.AST, level: int = TEST) -> str:
        """Return the text of an expression on one line."""
        start = len(self._line)
        self.expression(node, level)
        text = "".join(self._line[start:])
        del self._line[start:]
        return text

    def write(self, text: str) -> None:
        self._line.append(text)

    def _method(self, node: gast.AST) -> Callable[[gast.AST], None]:
        method: Callable[[gast.AST], None] | None = getattr(self, "_" + type(node).__name__, None)
        if method is None:
            raise InternalError(f"the printer does not know the node {type(node).__name__}")
        return method

    def expression(self, node: gast.AST, level: int = TEST) -> None:
        """Print an expression, in parentheses if it binds less tightly than ``level``."""
        node = literal(node)
        if type(node) is gast.Name:
            self._line.append(identifier(node.id))
        elif precedence(node) < level:
            self._line += ("(", OPEN)
            self._method(node)(node)
            self._line += (CLOSE_ITEMS if type(node) is gast.Tuple else CLOSE, ")")
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
            separator = COMMA
        self._line += after

    def _chain(self, parts: Iterable[tuple[str, gast.expr, int]]) -> None:
        """Print operands, each with its operator before it and the precedence it needs."""
        self._line.append(CHAIN)
        for operator, operand, level in parts:
            if operator:
                self._line += (SPACE, operator)
            self.expression(operand, level)
        self._line.append(CHAIN_END)

    def _BinOp(self, t: gast.BinOp) -> None:
        level = PRECEDENCE[type(t.op)]
        if type(t.op) is gast.Pow:
            self.expression(t.left, level + 1)
            self.write(" ** ")
            self.expression(t.right, UNARY)
            return
        parts = []  # a + b - c + ... from its end: no recursion along a long sum
        node = t
        while type(node) is gast.BinOp and PRECEDENCE[type(node.op)] == level:
            parts.append((self.binop[type(node.op).__name__] + " ", node.right, level + 1))
            node = node.left
        parts.append(("", node, level))
        self._chain(reversed(parts))

    def _UnaryOp(self, t: gast.UnaryOp) -> None:
        self.write("not " if type(t.op) is gast.Not else self.unop[type(t.op).__name__])
        self.expression(t.operand, PRECEDENCE[type(t.op)])

    def _BoolOp(self, t: gast.BoolOp) -> None:
        word = "and " if type(t.op) is gast.And else "or "
        level = PRECEDENCE[type(t.op)] + 1
        self._chain((word if i else "", node, level) for i, node in enumerate(t.values))

    def _Compare(self, t: gast.Compare) -> None:
        parts = [("", t.left, BITOR)]
        for operator, operand in zip(t.ops, t.comparators, strict=True):
            parts.append((self.cmpops[type(operator).__name__] + " ", operand, BITOR))
        self._chain(parts)

    def _IfExp(self, t: gast.IfExp) -> None:
        self._chain((("", t.body, OR), ("if ", t.test, OR), ("else ", t.orelse, TEST)))

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
        separator: str = OPEN
        for star, name, default in parts:
            self.write(separator)
            self.write(star)
            separator = COMMA
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
            self.write(CLOSE_ITEMS)

    def _postfix(self, t: gast.Attribute | gast.Call | gast.Subscript) -> None:
        """Print a.b(c)[d] from its first name on: no recursion along a long chain."""
        links = []
        while type(t) in _POSTFIX:
            links.append(t)
            t = t.func if type(t) is gast.Call else t.value
        self.expression(t, ATOM)
        for link in reversed(links):
            if type(link) is gast.Attribute:
                self._line.append("." + identifier(link.attr))
            elif type(link) is gast.Subscript:
                self._items(*_index(link.slice))
            elif not link.keywords and [type(node) for node in link.args] == [gast.GeneratorExp]:
                self.expression(link.args[0])  # its parentheses are those of the call
            else:
                self._items(link.args + link.keywords, *ROUND)

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
                return t.value, TEST
        elif type(t) is gast.Starred:
            self.write("*")
            return t.value, BITOR
        elif t.arg is not None:
            self.write(identifier(t.arg) + "=")
            return t.value, TEST
        self.write("**")
        return t.value, BITOR

    def _Starred(self, t: gast.Starred) -> None:
        self.expression(*self._prefix(t))

    def _NamedExpr(self, t: gast.NamedExpr) -> None:
        self.expression(t.target)
        self.write(" := ")
        self.expression(t.value)

    def _Await(self, t: gast.Await) -> None:
        self.write("await ")
        self.expression(t.value, ATOM)

    def _Yield(self, t: gast.Yield) -> None:
        self.write("yield")
        if t.value is not None:
            self.write(" ")
            self.expression(t.value, TUPLE)

    def _YieldFrom(self, t: gast.YieldFrom) -> None:
        self.write("yield from ")
        self.expression(t.value)

    def _Tuple(self, t: gast.Tuple) -> None:
        if len(t.elts) > 1:  # the parentheses are the caller's
            self._items(t.elts)
        elif t.elts:
            self._items(t.elts, ("(", OPEN), (",", CLOSE, ")"))
        else:
            self.write("()")

    def _List(self, t: gast.List) -> None:
        self._items(t.elts, *SQUARE)

    def _Set(self, t: gast.Set) -> None:
        if t.elts:
            self._items(t.elts, *CURLY)
        else:
            self.write("{*()}")

    def _Dict(self, t: gast.Dict) -> None:
        self._items([Pair(*pair) for pair in zip(t.keys, t.values, strict=True)], *CURLY)

    def _generators(
        self, t: gast.ListComp | gast.SetComp | gast.DictComp | gast.GeneratorExp
    ) -> None:
        opening, closing = _COMPREHENSIONS[type(t)]
        self._line += (opening, OPEN)
        if type(t) is gast.DictComp:
            self.expression(t.key)
            self.write(": ")
        self.expression(t.value if type(t) is gast.DictComp else t.elt)
        for clause in t.generators:
            self._line += (SPACE, "async for " if clause.is_async else "for ")
            self.write(self.flat(clause.target, TUPLE))
            self.write(" in ")
            self.expression(clause.iter, OR)
            for condition in clause.ifs:
                self._line += (SPACE, "if ")
                self.expression(condition, OR)
        self._line += (CLOSE, closing)

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
        body = escaped(value)
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
            self.expression(joined(t))

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
            text = escaped(part.value).replace("{", "{{").replace("}", "}}")
            return text.replace(quote[0], "\\" + quote[0])
        text = self.flat(part.value, OR)
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


@functools.lru_cache(maxsize=4096)
def identifier(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InternalError(f"{name!r} is not a Python name")
    return name


def _index(index: gast.expr) -> tuple[list[gast.expr], tuple[str, ...], tuple[str, ...]]:
    """Return the elements of an index, and what stands before and after them."""
    elements = index.elts if type(index) is gast.Tuple else []
    kinds = {type(element) for element in elements}
    if not elements or (gast.Starred in kinds and gast.Slice not in kinds):
        # Python 3.10 has no bare star in an index; in parentheses it is the same tree.
        return [index], ("[", OPEN), (CLOSE, "]")
    return elements, ("[", OPEN), ("," if len(elements) == 1 else "", CLOSE, "]")
