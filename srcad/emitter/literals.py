"""Constants and strings as text that is the same on every Python version.

Four things in a tree have no literal of their own and become expressions with the same value:
negative and complex constants (``-1``, ``1.0 + 2j``), infinities and NaN (``float("inf")``), the
empty set (``{*()}``), and f-strings that only Python 3.12 can quote
(``"".join([..., format(x)])``).
"""

from __future__ import annotations

import cmath
import math

import gast


def _call(name: str, *arguments: gast.expr) -> gast.Call:
    return gast.Call(gast.Name(name, gast.Load(), None, None), list(arguments), [])


def _constant(value: object) -> gast.Constant:
    return gast.Constant(value, None)


def literal(node: gast.AST) -> gast.AST:
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


def joined(t: gast.JoinedStr) -> gast.expr:
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


def escaped(value: str | bytes) -> str:
    """Return the text of a string between its quotes, all escaped but the quotes themselves."""
    text = repr(value)
    quote = text[-1]
    body = text[text.index(quote) + 1 : -1]
    return body.replace("\\'", "'") if quote == "'" else body


def docstring(value: str, prefix: str) -> str:
    # The last quote must not run into the closing ones.
    last = r"\"" if value.endswith('"') else ""
    lines = []
    for line in value.removesuffix('"').split("\n"):
        text = escaped(line).replace('"""', r"\"\"\"")
        lines.append(text[:-1] + r"\x20" if text.endswith(" ") else text)
    return prefix + '"""' + "\n".join(lines) + last + '"""'
