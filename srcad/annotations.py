"""Types from text and from annotations: ``f64[*,1]``, ``list[float]``, ``{"w": f64[*]}``.

What holds afterwards: a Signature as a call would give it; what is not said is unknown.
"""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Mapping
from typing import Any

from srcad.errors import SignatureError, TypeStringError
from srcad.ir.abstract import (
    ANY,
    BOOL,
    COMPLEX,
    DTYPE,
    FLOAT,
    INT,
    LONG_DTYPE,
    MANY,
    NONE,
    OBJECT,
    ONE,
    SLICE,
    STR,
    UNDEF,
    UNKNOWN,
    Array,
    DictOf,
    Dim,
    ListOf,
    Scalar,
    TupleOf,
    Type,
    dtype_name,
    item,
    join,
    type_of_value,
    with_dims,
)
from srcad.parser.source import own_signature
from srcad.pristine import np
from srcad.requests import Signature

_PYTHON: dict[type, Type] = {float: FLOAT, int: INT, bool: BOOL, complex: COMPLEX, str: STR}
_PLAIN: dict[str, Type] = {
    **{python.__name__: t for python, t in _PYTHON.items()}, "None": NONE, "any": UNKNOWN,
}  # fmt: skip
_NUMERIC = np.typecodes["AllInteger"] + np.typecodes["AllFloat"] + "?"
_DTYPES: dict[str, str] = {
    **{short: dtype_name(np.dtype(long)) for short, long in LONG_DTYPE.items()},
    **{dtype_name(np.dtype(c)): dtype_name(np.dtype(c)) for c in _NUMERIC},
}
_NUMPY: dict[type, Type] = {np.dtype(c).type: item(dtype_name(np.dtype(c))) for c in _NUMERIC}
_STATIC = (NONE, STR, DTYPE, SLICE, OBJECT)

_TOKEN = re.compile(
    r"""\s*(?:(?P<word>[^\W\d]\w*)|(?P<number>\d+)|(?P<string>"[^"\\]*"|'[^'\\]*')"""
    r"""|(?P<mark>\.\.\.|[\[\]{}(),:*?]))"""
)
_FORMS = "float, int, bool, complex, str, f64[*,1,?], list[float], (float, f64[*]), {'w': f64[*]}"


class _Reader:
    """Reads a type string, one token after the other."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, int]] = []
        self.next = 0
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                position = len(text) - len(text[position:].lstrip())
                raise self.error(f"unexpected {text[position]!r}", position)
            kind = match.lastgroup or ""
            self.tokens.append((match.group(kind), match.start(kind)))
            position = match.end()

    def error(self, what: str, position: int) -> TypeStringError:
        return TypeStringError(
            f"the type string {self.text!r} cannot be read",
            reason=f"{what} at column {position + 1}",
            advice=f"write one of: {_FORMS}",
        )

    def peek(self) -> str:
        """The next token; empty at the end."""
        return self.tokens[self.next][0] if self.next < len(self.tokens) else ""

    def position(self) -> int:
        return self.tokens[self.next][1] if self.next < len(self.tokens) else len(self.text)

    def take(self, *expected: str) -> str:
        """Take the next token, which must be one of those expected, if any are given."""
        token = self.peek()
        wanted = " or ".join(map(repr, expected))
        if not token:
            missing = f"{wanted} expected, but " if expected else ""
            raise self.error(f"{missing}the text ends", self.position())
        if expected and token not in expected:
            raise self.error(f"{wanted} expected, {token!r} found", self.position())
        self.next += 1
        return token

    def comma_before(self, closing: str) -> None:
        """Take a comma, which may be left out before the closing bracket."""
        if self.peek() != closing:
            self.take(",", *([closing] if closing else []))

    def type(self) -> Type:
        position = self.position()
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
        indexed = self.peek() == "["
        if indexed and word in ("float", "int", "complex", "?"):
            return self.dims(None if word == "?" else dtype_name(np.dtype(word)))
        if indexed and word in _DTYPES:
            return self.dims(_DTYPES[word])
        if word in _PLAIN:
            return _PLAIN[word]
        if word in _DTYPES:
            return item(_DTYPES[word])
        raise self.error(f"unknown type {word!r}", position)

    def dims(self, dtype: str | None) -> Type:
        self.take("[")
        if self.peek() == "...":
            self.take()
            self.take("]")
            return Array(dtype, None)
        dims: list[Dim] = []
        while self.peek() != "]":
            dims.append(self.dim())
            self.comma_before("]")
        self.take("]")
        return Array(dtype, tuple(dims))

    def dim(self) -> Dim:
        position = self.position()
        word = self.take()
        if word.isdecimal():
            return ONE if int(word) == 1 else MANY
        if word in ("*", "?"):
            return MANY if word == "*" else ANY
        raise self.error(f"a dimension is *, 1, ? or a number, not {word!r}", position)

    def mapping(self) -> Type:
        items: dict[object, Type] = {}
        while self.peek() != "}":
            position = self.position()
            word = self.take()
            if word[0] not in "\"'" and not word.isdecimal():
                raise self.error(f"a key is a string or a number, not {word!r}", position)
            key = int(word) if word.isdecimal() else word[1:-1]
            if key in items:
                raise self.error(f"the key {key!r} is given twice", position)
            self.take(":")
            items[key] = self.type()
            self.comma_before("}")
        self.take("}")
        return DictOf(tuple(items.items()))

    def tuple(self) -> Type:
        elems: list[Type] = []
        comma = True
        while self.peek() != ")":
            elems.append(self.type())
            comma = self.peek() == ","
            self.comma_before(")")
        self.take(")")
        if len(elems) == 1 and not comma:
            return elems[0]  # only parentheses, as in Python
        return TupleOf(tuple(elems))

    def end(self) -> None:
        if self.peek():
            raise self.error(f"unexpected {self.peek()!r}", self.position())


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
    """Types by parameter name: ``x: f64[*,*], n: int``.

    Raises
    ------
    TypeStringError
        Naming the column.
    """
    reader = _Reader(text)
    result: dict[str, Type] = {}
    while reader.peek():
        position = reader.position()
        name = reader.take()
        if not name.isidentifier():
            raise reader.error(f"a parameter's name expected, {name!r} found", position)
        if name in result:
            raise reader.error(f"the type of {name!r} is given twice", position)
        reader.take(":")
        result[name] = reader.type()
        reader.comma_before("")
    return result


def signature_from_types(
    function: types.FunctionType, types_of: Mapping[str, Any] | str | None
) -> Signature:
    """A signature from given types; what is missing comes from annotations and defaults.

    Raises
    ------
    SignatureError
        If a type is given for a parameter that does not exist.
    TypeStringError
        If a type string cannot be read.
    """
    given = parse_types(types_of) if isinstance(types_of, str) else types_of or {}
    base = signature_from_annotations(function)
    found, statics, examples = dict(base.types), dict(base.statics), dict(base.examples)
    names = list(own_signature(function).parameters)
    for name, t in given.items():
        if name not in names:
            raise SignatureError(
                f"`{function.__name__}` has no argument {name!r}",
                reason="its arguments are " + (", ".join(names) or "none"),
                advice="correct the name in types",
            )
        found[name] = as_type(t)
        statics.pop(name, None)
        examples.pop(name, None)
        if found[name] == NONE:
            statics[name] = None
        elif found[name] == OBJECT:  # an example, such as a model for `self`
            examples[name] = t
    return Signature(found, statics, examples)


def as_type(t: Any) -> Type:
    """A type from a string, a Python or NumPy type, a structure of these, or an example value."""
    if isinstance(t, Type):
        return t
    if isinstance(t, str):
        return parse_type(t)
    if isinstance(t, type):
        return _PYTHON.get(t) or _NUMPY.get(t) or OBJECT
    if type(t) is dict:
        return DictOf(tuple((k, as_type(v)) for k, v in t.items()))
    if type(t) is tuple:
        return TupleOf(tuple(as_type(v) for v in t))
    if type(t) is list:
        elem: Type = UNDEF
        for v in t:
            elem = join(elem, as_type(v))
        return ListOf(elem)
    return type_of_value(t)


def signature_from_annotations(function: types.FunctionType) -> Signature:
    """What annotations and defaults say; every other parameter is unknown.

    Annotations are only looked at, never evaluated. Defaults that are no numbers or arrays are
    taken as the values of their parameters, and other defaults where a value must be known.
    """
    found: dict[str, Type] = {}
    statics: dict[str, Any] = {}
    examples: dict[str, Any] = {}
    for p in own_signature(function).parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        annotated = None if p.annotation is p.empty else type_of_annotation(p.annotation)
        if p.default is p.empty:
            found[p.name] = annotated or UNKNOWN
            continue
        t = type_of_value(p.default)
        if t in _STATIC:
            statics[p.name] = p.default
        else:
            found[p.name] = annotated or t
            examples[p.name] = p.default
    return Signature(found, statics, examples)


def type_of_annotation(annotation: Any) -> Type | None:
    """The type that an annotation says, or None if it says none that srcad knows.

    A string is read as a type string if it is one; else, as for all annotations of a module
    with ``from __future__ import annotations``, as Python.
    """
    if isinstance(annotation, str):
        text = annotation
    elif isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        module = annotation.__module__
        text = ("" if module == "builtins" else f"{module}.") + annotation.__qualname__
    else:
        text = repr(annotation)
    try:
        return parse_type(text)
    except TypeStringError:
        pass
    try:
        return _annotated(ast.parse(text, mode="eval").body)
    except SyntaxError:
        return None


def _annotated(node: ast.expr) -> Type | None:
    """The type of an annotation that is Python: ``np.float64``, ``NDArray[np.float64]``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return type_of_annotation(node.value)
    if isinstance(node, ast.Name):
        return _PLAIN.get(node.id) or _named_dtype(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return _named_dtype(node.attr) if node.value.id in ("np", "numpy") else None
    if not isinstance(node, ast.Subscript):
        return None
    name = node.value.attr if isinstance(node.value, ast.Attribute) else ast.unparse(node.value)
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    parts = [_annotated(n) for n in inner]
    if name in ("NDArray", "ndarray", "dtype"):
        last = parts[-1] if parts else None
        if name != "dtype" and isinstance(last, (Scalar, Array)):
            return Array(with_dims(last, None).dtype, None)
        return last if name == "dtype" else None
    known = [t for t in parts if t is not None]
    if len(known) < len(parts):
        return None
    if name in ("list", "List") and len(known) == 1:
        return ListOf(known[0])
    return TupleOf(tuple(known)) if name in ("tuple", "Tuple") else None


def _named_dtype(name: str) -> Type | None:
    return item(_DTYPES[name]) if name in _DTYPES and name not in LONG_DTYPE else None
