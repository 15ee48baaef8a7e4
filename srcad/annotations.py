"""Types from text and from annotations: ``f64[*,1]``, ``list[float]``, ``{"w": f64[*]}``.

What holds afterwards: a Signature as a call would give it; what is not said is unknown.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Mapping
from typing import Any

from srcad.compiler import Signature
from srcad.errors import SignatureError, TypeStringError
from srcad.ir.abstract import (
    ANY,
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    LONG_DTYPE,
    MANY,
    ONE,
    STR,
    UNKNOWN,
    Array,
    Dim,
    DictOf,
    ListOf,
    TupleOf,
    Type,
    item,
    type_of_value,
)

_PLAIN: dict[str, Type] = {
    "float": FLOAT, "int": INT, "bool": BOOL, "complex": COMPLEX, "str": STR, "any": UNKNOWN,
}  # fmt: skip
_TOKEN = re.compile(r"\s*(?:(?P<word>[A-Za-z_]\w*)|(?P<number>\d+)|(?P<string>\"[^\"]*\"|'[^']*')"
                    r"|(?P<mark>\.\.\.|[\[\]{}(),:*?]))")  # fmt: skip
_FORMS = "float, int, bool, complex, str, f64[*,1,?], list[float], (float, f64[*]), {'w': f64[*]}"


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                position += len(text[position:]) - len(text[position:].lstrip())
                raise self.error(f"unexpected {text[position]!r}", position)
            kind = match.lastgroup or ""
            self.tokens.append((kind, match.group(kind), match.start(kind)))
            position = match.end()
        self.next = 0

    def error(self, what: str, position: int | None = None) -> TypeStringError:
        at = len(self.text) if position is None else position
        return TypeStringError(
            f"the type string {self.text!r} cannot be read",
            reason=f"{what} at column {at + 1}",
            advice=f"write one of: {_FORMS}",
        )

    def peek(self) -> str:
        return self.tokens[self.next][1] if self.next < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        if self.next >= len(self.tokens):
            raise self.error(f"{expected!r} is missing" if expected else "the text ends too early")
        kind, text, position = self.tokens[self.next]
        if expected and text != expected:
            raise self.error(f"{expected!r} expected, {text!r} found", position)
        self.next += 1
        return text

    def type(self) -> Type:
        position = self.tokens[self.next][2] if self.next < len(self.tokens) else len(self.text)
        word = self.take()
        if word == "{":
            return self.mapping()
        if word == "(":
            return self.tuple()
        if word == "list":
            self.take("[")
            elem = self.type()
            self.take("]")
            return ListOf(elem)
        if word in _PLAIN:
            return _PLAIN[word]
        dtype = LONG_DTYPE.get(word, word if word in LONG_DTYPE.values() else None)
        if dtype is None:
            raise self.error(f"unknown type {word!r}", position)
        if self.peek() != "[":
            return item(dtype)
        self.take("[")
        return self.dims(dtype)

    def dims(self, dtype: str) -> Type:
        dims: list[Dim] = []
        if self.peek() == "...":
            self.take()
            self.take("]")
            return Array(dtype, None)
        while self.peek() != "]":
            position = self.tokens[self.next][2] if self.next < len(self.tokens) else None
            word = self.take()
            if word == "*" or (word.isdigit() and word != "1"):
                dims.append(MANY)
            elif word == "1":
                dims.append(ONE)
            elif word == "?":
                dims.append(ANY)
            else:
                raise self.error(f"a dimension is *, 1, ? or a number, not {word!r}", position)
            if self.peek() != "]":
                self.take(",")
        self.take("]")
        return Array(dtype, tuple(dims))

    def mapping(self) -> Type:
        items: list[tuple[object, Type]] = []
        while self.peek() != "}":
            key = self.take()
            plain: object = key[1:-1] if key[:1] in "\"'" else int(key) if key.isdigit() else None
            if plain is None:
                raise self.error(f"a key is a string or a number, not {key!r}")
            self.take(":")
            items.append((plain, self.type()))
            if self.peek() != "}":
                self.take(",")
        self.take("}")
        return DictOf(tuple(items))

    def tuple(self) -> Type:
        elems: list[Type] = []
        while self.peek() != ")":
            elems.append(self.type())
            if self.peek() != ")":
                self.take(",")
        self.take(")")
        return TupleOf(tuple(elems))

    def end(self) -> None:
        if self.next < len(self.tokens):
            _, text, position = self.tokens[self.next]
            raise self.error(f"unexpected {text!r}", position)


def parse_type(text: str) -> Type:
    """The type that a string stands for.

    Raises
    ------
    TypeStringError
        Naming the column.

    Examples
    --------
    >>> parse_type("f64[*,1]"), parse_type("{'w': f32[3], 'k': int}")
    (f64[*,1], {'w': f32[*], 'k': int})
    """
    reader = _Reader(text)
    result = reader.type()
    reader.end()
    return result


def parse_types(text: str) -> dict[str, Type]:
    """Types by parameter name: ``x: f64[*,*], n: int``."""
    reader = _Reader(text)
    result: dict[str, Type] = {}
    while reader.next < len(reader.tokens):
        name = reader.take()
        if not name.isidentifier():
            raise reader.error(f"a parameter's name expected, {name!r} found")
        reader.take(":")
        result[name] = reader.type()
        if reader.next < len(reader.tokens):
            reader.take(",")
    return result


def signature_from_types(
    function: types.FunctionType, types_of: Mapping[str, Any] | str | None
) -> Signature:
    """A signature from given types; what is missing comes from annotations and defaults.

    Raises
    ------
    SignatureError
        If a type is given for a parameter that does not exist.
    """
    given: dict[str, Any] = parse_types(types_of) if isinstance(types_of, str) else dict(types_of or {})
    base = signature_from_annotations(function)
    found = dict(base.types)
    statics = dict(base.statics)
    names = list(inspect.signature(function, follow_wrapped=False).parameters)
    for name, t in given.items():
        if name not in names:
            raise SignatureError(
                f"`{function.__name__}` has no argument {name!r}",
                reason="its arguments are " + (", ".join(names) or "none"),
                advice="correct the name in types",
            )
        found[name] = as_type(t)
        statics.pop(name, None)
    return Signature(found, statics, dict(base.examples))


def as_type(t: Any) -> Type:
    """A type from a string, a Python type, a structure of these, or an example value."""
    if isinstance(t, Type):
        return t
    if isinstance(t, str):
        return parse_type(t)
    if isinstance(t, type) and t.__name__ in _PLAIN:
        return _PLAIN[t.__name__]
    if isinstance(t, dict):
        return DictOf(tuple((k, as_type(v)) for k, v in t.items()))
    if isinstance(t, tuple):
        return TupleOf(tuple(as_type(v) for v in t))
    return type_of_value(t)


def signature_from_annotations(function: types.FunctionType) -> Signature:
    """What annotations and defaults say; every other parameter is unknown.

    Annotations are only looked at, never evaluated: a string is read as a type string if it is
    one.
    """
    found: dict[str, Type] = {}
    statics: dict[str, Any] = {}
    for p in inspect.signature(function, follow_wrapped=False).parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        t = _annotated(p.annotation)
        if t is None and p.default is not p.empty:
            if p.default is None or isinstance(p.default, str):
                statics[p.name] = p.default
                continue
            t = type_of_value(p.default)
            t = UNKNOWN if str(t) == "object" else t
        found[p.name] = UNKNOWN if t is None else t
    return Signature(found, statics, {})


def _annotated(annotation: Any) -> Type | None:
    if annotation is inspect.Parameter.empty:
        return None
    if isinstance(annotation, str):
        try:
            return parse_type(annotation)
        except TypeStringError:
            return None
    if isinstance(annotation, type):
        return _PLAIN.get(annotation.__name__) if annotation.__module__ == "builtins" else None
    return None
