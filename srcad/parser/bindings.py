"""What a name can be bound to while a function is lowered, and how two bindings join.

A binding is a *known* object (decided while compiling), an IR value, a structure of bindings, or
a function with its frame. Joining two bindings at the end of a branch makes a new value where they
differ; where no single value can describe both, the name is poisoned and reading it is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

import gast
import numpy as np

from srcad.ir import abstract
from srcad.ir.abstract import UNDEF, UNKNOWN, TupleOf, Type, join
from srcad.ir.values import UNDEFINED, Const, Operand, Value

if TYPE_CHECKING:
    from srcad.parser.frames import Frame

NUMBERS = (bool, int, float, complex)


@dataclass(frozen=True, eq=False)
class Known:
    """A Python object known while compiling."""

    value: Any


@dataclass(frozen=True, eq=False)
class Struct:
    """A tuple, list or dict of bindings. `items` is a tuple of pairs (key, binding)."""

    kind: str  # "tuple" | "list" | "dict"
    items: tuple[tuple[Any, Binding], ...]

    @staticmethod
    def sequence(kind: str, parts: list[Binding] | tuple[Binding, ...]) -> Struct:
        return Struct(kind, tuple(enumerate(parts)))

    @property
    def parts(self) -> tuple[Binding, ...]:
        return tuple(b for _, b in self.items)


@dataclass(frozen=True, eq=False)
class Closure:
    """A nested function or lambda, with the frame in which it was defined."""

    node: gast.FunctionDef | gast.Lambda
    frame: Frame
    defaults: tuple[Binding, ...] = ()
    kw_defaults: tuple[Binding | None, ...] = ()
    name: str = "<lambda>"


@dataclass(frozen=True, eq=False)
class BoundMethod:
    """`x.sum` of an IR value (an array method), not called yet."""

    receiver: Value
    name: str


@dataclass(frozen=True, eq=False)
class Derived:
    """`grad(f)` and its siblings inside a differentiated function, applied to a known function."""

    transform: str
    target: Binding
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class ObjectParam:
    """A parameter that is an object (`self`), or something read from it along `path`."""

    value: Value
    name: str
    path: tuple[str, ...]
    example: Any


@dataclass(frozen=True, eq=False)
class Poison:
    """No single value describes this name here; reading it is an error with this reason."""

    reason: str


Binding = Union[Known, Value, Struct, Closure, BoundMethod, Derived, ObjectParam, Poison]


@dataclass
class Leaves:
    """Operands collected from bindings, one per leaf that becomes a value."""

    operands: list[Operand] = field(default_factory=list)


def same(a: Binding | None, b: Binding | None) -> bool:
    """Whether two bindings are certainly the same object, so that a join has nothing to do."""
    if a is b:
        return True
    if isinstance(a, Known) and isinstance(b, Known):
        x, y = a.value, b.value
        if x is y:
            return True
        if type(x) is type(y) and isinstance(x, (bool, int, str, float)):
            if isinstance(x, float):
                return x == y and math.copysign(1, x) == math.copysign(1, y)
            return bool(x == y)
        return False
    if isinstance(a, Struct) and isinstance(b, Struct):
        return (
            a.kind == b.kind
            and [k for k, _ in a.items] == [k for k, _ in b.items]
            and all(same(x, y) for x, y in zip(a.parts, b.parts))
        )
    if isinstance(a, ObjectParam) and isinstance(b, ObjectParam):
        return a.value is b.value and a.path == b.path
    return False


def number(binding: Binding | None) -> Operand | None:
    """The operand of a binding that is one number or array (or undefined), else None."""
    if binding is None:
        return UNDEFINED
    if isinstance(binding, Value):
        return binding
    if isinstance(binding, Known) and (
        type(binding.value) in NUMBERS or isinstance(binding.value, np.generic)
    ):
        return Const.of(binding.value)
    return None


def describe(binding: Binding | None) -> str:
    """A few words for messages."""
    if binding is None:
        return "not bound"
    if isinstance(binding, Value):
        return f"a value of type {binding.type}"
    if isinstance(binding, Known):
        if binding.value is None or isinstance(binding.value, (*NUMBERS, str)):
            return repr(binding.value)
        return f"a {type(binding.value).__name__}"
    if isinstance(binding, Struct):
        return f"a {binding.kind} of {len(binding.items)}"
    if isinstance(binding, Poison):
        return binding.reason
    return "a function"


def merge(
    a: Binding | None,
    b: Binding | None,
    name: str,
    leaf: Callable[[Operand, Operand, Type, str], Value],
) -> Binding | None:
    """Join two bindings of one name; `leaf` makes the value for a pair of differing operands."""
    if same(a, b):
        return a
    if isinstance(a, Struct) and isinstance(b, Struct) and a.kind == b.kind:
        if [k for k, _ in a.items] == [k for k, _ in b.items]:
            parts = []
            for (key, x), (_, y) in zip(a.items, b.items):
                parts.append((key, merge(x, y, f"{name}_{key}", leaf)))
            return Struct(a.kind, tuple(parts))  # type: ignore[arg-type]
    if isinstance(a, Struct) and b is None or isinstance(b, Struct) and a is None:
        present = a if isinstance(a, Struct) else b
        assert isinstance(present, Struct)
        parts = []
        for key, x in present.items:
            first, second = (x, None) if present is a else (None, x)
            parts.append((key, merge(first, second, f"{name}_{key}", leaf)))
        return Struct(present.kind, tuple(parts))  # type: ignore[arg-type]
    left, right = number(a), number(b)
    if left is not None and right is not None:
        t = join(left.type, right.type)
        if t == UNKNOWN and UNKNOWN not in (left.type, right.type):
            return Poison(f"`{name}` is {describe(a)} on one path and {describe(b)} on another")
        if t == UNDEF:
            return None
        return leaf(left, right, t, name)
    for p in (a, b):
        if isinstance(p, Poison):
            return p
    return Poison(f"`{name}` is {describe(a)} on one path and {describe(b)} on another")


def map_values(binding: Any, f: Callable[[Value], Any]) -> Any:
    """Replace every IR value in a binding."""
    if isinstance(binding, Value):
        return f(binding)
    if isinstance(binding, Struct):
        return Struct(binding.kind, tuple((k, map_values(b, f)) for k, b in binding.items))
    if isinstance(binding, BoundMethod):
        return BoundMethod(f(binding.receiver), binding.name)
    if isinstance(binding, Derived):
        return Derived(binding.transform, map_values(binding.target, f), binding.options)
    if isinstance(binding, ObjectParam):
        return ObjectParam(f(binding.value), binding.name, binding.path, binding.example)
    return binding


def values_in(binding: Any) -> list[Value]:
    """All IR values in a binding, in order."""
    found: list[Value] = []

    def note(v: Value) -> Value:
        found.append(v)
        return v

    map_values(binding, note)
    return found


def type_of(binding: Binding) -> Type:
    """The abstract type of what a binding stands for."""
    if isinstance(binding, Value):
        return binding.type
    if isinstance(binding, Known):
        return abstract.type_of_constant(binding.value)
    if isinstance(binding, Struct) and binding.kind != "dict":
        return TupleOf(tuple(type_of(p) for p in binding.parts))
    return abstract.OBJECT
