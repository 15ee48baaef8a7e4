"""Abstract types: what is known of a value while compiling, and how two such facts join.

A type says kind, dtype and, per dimension, whether the size is one. Two dimensions that are
not one and broadcast together are equal (NumPy raises otherwise), so this is all that static
broadcasting needs; no sizes are ever stored.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from srcad.pristine import np


class Dim(enum.Enum):
    """The size of one dimension: one, not one (zero included), or not known."""

    ONE = "1"
    MANY = "*"
    ANY = "?"

    def __repr__(self) -> str:
        return self.value


ONE, MANY, ANY = Dim.ONE, Dim.MANY, Dim.ANY


class Type:
    """Base of all abstract types; every type is immutable, hashable and prints as its text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True, repr=False)
class Scalar(Type):
    """A Python number. It is weak in NumPy's promotion: it never widens an array."""

    kind: str  # "float" | "int" | "bool" | "complex"

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True, slots=True, repr=False)
class Array(Type):
    """A NumPy array, or (with `item`) a NumPy scalar such as ``np.float64(2.0)``.

    ``dtype`` is NumPy's name ("float64") or None if unknown, ``dims`` None if the rank is unknown.
    """

    dtype: str | None
    dims: tuple[Dim, ...] | None
    item: bool = False

    def __str__(self) -> str:
        name = short_dtype(self.dtype)
        if self.item:
            return name
        if self.dims is None:
            return f"{name}[...]"
        return f"{name}[{','.join(d.value for d in self.dims)}]"


@dataclass(frozen=True, slots=True, repr=False)
class ListOf(Type):
    """A Python list of like elements whose length is not known."""

    elem: Type

    def __str__(self) -> str:
        return f"list[{self.elem}]"


@dataclass(frozen=True, slots=True, repr=False)
class TableOf(Type):
    """A dictionary of like elements whose keys only the run knows.

    A derivative of it is a dictionary too, with an entry only where the derivative is not zero.
    """

    key: Type
    elem: Type

    def __str__(self) -> str:
        return f"dict[{self.key}, {self.elem}]"


@dataclass(frozen=True, slots=True, repr=False)
class TupleOf(Type):
    """A tuple of known length; `elems` None where only "a tuple" is known (recursive tapes)."""

    elems: tuple[Type, ...] | None

    def __str__(self) -> str:
        if self.elems is None:
            return "tuple"
        return "(" + ", ".join(map(str, self.elems)) + ("," if len(self.elems) == 1 else "") + ")"


@dataclass(frozen=True, slots=True, repr=False)
class DictOf(Type):
    """A dictionary whose (constant) keys are known."""

    items: tuple[tuple[object, Type], ...]

    def __str__(self) -> str:
        return "{" + ", ".join(f"{k!r}: {t}" for k, t in self.items) + "}"


@dataclass(frozen=True, slots=True, repr=False)
class Simple(Type):
    """A kind without parts: str, None, slice, dtype, undefined, anything."""

    name: str
    _known: ClassVar[tuple[str, ...]] = ("str", "None", "slice", "dtype", "undef", "any", "object")

    def __str__(self) -> str:
        return self.name


FLOAT, INT, BOOL, COMPLEX = Scalar("float"), Scalar("int"), Scalar("bool"), Scalar("complex")
STR, NONE, SLICE, DTYPE = Simple("str"), Simple("None"), Simple("slice"), Simple("dtype")
UNDEF = Simple("undef")  # no value on this path
UNKNOWN = Simple("any")  # any value at all; taken for a number or an array where one is needed
OBJECT = Simple("object")  # a Python object that carries no derivative

_SHORT = {
    "float64": "f64", "float32": "f32", "float16": "f16", "longdouble": "f128",
    "complex128": "c128", "complex64": "c64", "bool": "b1",
    "int64": "i64", "int32": "i32", "int16": "i16", "int8": "i8",
    "uint64": "u64", "uint32": "u32", "uint16": "u16", "uint8": "u8",
}  # fmt: skip
LONG_DTYPE = {short: long for long, short in _SHORT.items()}
_KIND_OF_SCALAR = {"float": "f", "int": "i", "bool": "b", "complex": "c"}
_RANK_OF_KIND = "bifc"


def short_dtype(name: str | None) -> str:
    """``float64`` -> ``f64``; an unknown dtype is ``?``."""
    return "?" if name is None else _SHORT.get(name, name)


def dtype_name(dtype: np.dtype) -> str:
    """NumPy's own name of a dtype, without byte order."""
    return dtype.newbyteorder("=").name


def item(dtype: str | None) -> Array:
    """The type of a NumPy scalar."""
    return Array(dtype, (), True)


def kind_of(t: Type) -> str | None:
    """One of "b i f c" for numbers (NumPy's kind letters), None when not known, "O" otherwise."""
    if isinstance(t, Scalar):
        return _KIND_OF_SCALAR[t.kind]
    if isinstance(t, Array):
        if t.dtype is None:
            return None
        kind = np.dtype(t.dtype).kind
        return "i" if kind == "u" else kind
    if isinstance(t, ListOf):
        return kind_of(t.elem)
    if t == UNKNOWN:
        return None
    return "O"


def differentiable(t: Type) -> bool:
    """Whether a value of this type can carry a derivative (unknown ones can)."""
    if isinstance(t, TupleOf):
        return t.elems is None or any(differentiable(e) for e in t.elems)
    if isinstance(t, DictOf):
        return any(differentiable(e) for _, e in t.items)
    if isinstance(t, (ListOf, TableOf)):
        return differentiable(t.elem)
    return kind_of(t) in ("f", "c", None)


def rank_of(t: Type) -> int | None:
    """Number of dimensions, or None when it is not known (or there is none)."""
    if isinstance(t, Scalar):
        return 0
    if isinstance(t, Array) and t.dims is not None:
        return len(t.dims)
    return None


def dims_of(t: Type) -> tuple[Dim, ...] | None:
    """Dimensions of a number or array, or None when they are not known."""
    if isinstance(t, Scalar):
        return ()
    return t.dims if isinstance(t, Array) else None


def dtype_of(t: Type) -> str | None:
    """The dtype of an array; None for Python scalars (they are weak) and where unknown."""
    return t.dtype if isinstance(t, Array) else None


def is_number(t: Type) -> bool:
    """Whether this is certainly one number: a Python scalar, NumPy scalar or 0-d array."""
    return rank_of(t) == 0


def with_dims(t: Type, dims: tuple[Dim, ...] | None) -> Array:
    """An array type of the same dtype as `t` (float64 for a Python float) with these dims."""
    dtype = t.dtype if isinstance(t, Array) else _DEFAULT_DTYPE.get(str(t))
    return Array(dtype, dims, dims == ())


_DEFAULT_DTYPE = {"float": "float64", "int": "int64", "bool": "bool", "complex": "complex128"}


def join_dim(a: Dim, b: Dim) -> Dim:
    return a if a is b else ANY


def broadcast_dim(a: Dim, b: Dim) -> Dim:
    if MANY in (a, b):
        return MANY
    return ONE if a is b is ONE else ANY


def broadcast(all_dims: Iterable[tuple[Dim, ...] | None]) -> tuple[Dim, ...] | None:
    """Dimensions of the result of broadcasting; None as soon as one rank is unknown.

    >>> broadcast([(MANY, ONE), (MANY,)])
    (*, *)
    """
    result: tuple[Dim, ...] = ()
    for dims in all_dims:
        if dims is None:
            return None
        if not dims or not result:
            result = dims or result
            continue
        longer, shorter = (dims, result) if len(dims) >= len(result) else (result, dims)
        offset = len(longer) - len(shorter)
        tail = (broadcast_dim(a, b) for a, b in zip(longer[offset:], shorter))
        result = longer[:offset] + tuple(tail)
    return result


def join(a: Type, b: Type) -> Type:
    """The least type that describes a value that is of type `a` on one path and `b` on another.

    >>> join(INT, FLOAT), join(Array("float32", (ONE,)), Array("float32", (MANY,)))
    (float, f32[?])
    """
    if a == b or b == UNDEF:
        return a
    if a == UNDEF:
        return b
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        ranks = _RANK_OF_KIND.index(_KIND_OF_SCALAR[a.kind]), _RANK_OF_KIND.index(
            _KIND_OF_SCALAR[b.kind]
        )
        return a if ranks[0] > ranks[1] else b
    if isinstance(a, (Scalar, Array)) and isinstance(b, (Scalar, Array)):
        return _join_arrays(with_dims(a, dims_of(a)), with_dims(b, dims_of(b)), a, b)
    if isinstance(a, ListOf) and isinstance(b, ListOf):
        return ListOf(join(a.elem, b.elem))
    if isinstance(a, TableOf) and isinstance(b, TableOf):
        return TableOf(join(a.key, b.key), join(a.elem, b.elem))
    if isinstance(a, TupleOf) and isinstance(b, TupleOf):
        if a.elems is None or b.elems is None or len(a.elems) != len(b.elems):
            return TupleOf(None)
        return TupleOf(tuple(join(x, y) for x, y in zip(a.elems, b.elems)))
    return UNKNOWN


def _join_arrays(a: Array, b: Array, from_a: Type, from_b: Type) -> Array:
    if a.dtype == b.dtype:
        dtype = a.dtype
    elif isinstance(from_a, Scalar) and kind_of(from_a) in ("b", "i"):
        dtype = b.dtype  # `y = 0` before `y = y + x`: the integer is only a start value
    elif isinstance(from_b, Scalar) and kind_of(from_b) in ("b", "i"):
        dtype = a.dtype
    else:
        dtype = None
    if a.dims is None or b.dims is None or len(a.dims) != len(b.dims):
        return Array(dtype, None)
    dims = tuple(join_dim(x, y) for x, y in zip(a.dims, b.dims))
    return Array(dtype, dims, dims == () and a.item and b.item)


def adjoint_type(t: Type) -> Type:
    """The type of the cotangent of a value of type `t`: the same, with integers as floats."""
    if isinstance(t, Scalar):
        return COMPLEX if t.kind == "complex" else FLOAT
    return ListOf(adjoint_type(t.elem)) if isinstance(t, ListOf) else t


def type_of_constant(value: object) -> Type:
    """The type of a Python object that stands in the IR as a constant."""
    if isinstance(value, np.generic):
        return item(dtype_name(value.dtype))
    for python, t in ((bool, BOOL), (int, INT), (float, FLOAT), (complex, COMPLEX), (str, STR)):
        if type(value) is python:
            return t
    if value is None:
        return NONE
    if isinstance(value, slice):
        return SLICE
    if isinstance(value, tuple):
        return TupleOf(tuple(type_of_constant(v) for v in value))
    if isinstance(value, np.dtype):
        return DTYPE
    return OBJECT


def type_of_value(value: object) -> Type:
    """The abstract type of a run-time argument.

    >>> type_of_value(np.zeros((1, 3))), type_of_value({"w": 1.0})
    (f64[1,*], {'w': float})
    """
    if type(value) is np.ndarray:
        if value.dtype.kind not in "biufc":
            return OBJECT  # strings, dates, objects: carried along, never computed with
        dims = tuple(ONE if n == 1 else MANY for n in value.shape)
        return Array(dtype_name(value.dtype), dims)
    if type(value) is tuple:
        return TupleOf(tuple(type_of_value(v) for v in value))
    if type(value) is dict:
        return DictOf(tuple((k, type_of_value(v)) for k, v in value.items()))
    if type(value) is list:
        if not value:
            return ListOf(UNDEF)
        kinds = set(map(type, value))
        if kinds == {float}:  # the common case, in one pass without Python code
            return ListOf(FLOAT)
        elem: Type = UNDEF
        for v in value:
            elem = join(elem, type_of_value(v))
        mixed = elem == FLOAT and bool in kinds  # nobody makes floats of these
        return ListOf(UNKNOWN if mixed else elem)
    if isinstance(value, np.ndarray):
        return OBJECT  # subclasses (masked arrays, matrices) have other semantics
    return type_of_constant(value)
