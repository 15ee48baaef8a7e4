"""Builtins whose result is decided by the structure of their arguments: len, isinstance, sum, zip.
"""

from __future__ import annotations

import types
from typing import Any

import gast

from srcad.ir.abstract import NONE, Array, DictOf, ListOf, Scalar, TupleOf, Type
from srcad.ir.values import Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Closure,
    Derived,
    Known,
    ObjectParam,
    Struct,
    describe,
)
from srcad.parser.iterators import SPECIAL
from srcad.pristine import np

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_PYTHON_TYPE = {"float": float, "int": int, "bool": bool, "complex": complex}

def _isinstance(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    value, classes = (low.deref(a) for a in args)
    if isinstance(classes, Struct):
        parts = [p.value for p in classes.parts if isinstance(p, Known)]
        classes = Known(tuple(parts))
    if not isinstance(classes, Known):
        return None
    if isinstance(value, Known):
        return Known(isinstance(value.value, classes.value))
    if isinstance(value, Struct):
        kind = {"tuple": tuple, "list": list, "dict": dict}[value.kind]
        return Known(issubclass(kind, classes.value))
    if isinstance(value, ObjectParam):
        return Known(isinstance(value.example, classes.value))
    if isinstance(value, Value):
        python = python_type(value.type)
        if python is None:
            low.require_static(value, node, "isinstance")  # raises
            assert python is not None
        return Known(issubclass(python, classes.value))
    return Known(issubclass(types.FunctionType, classes.value))

def python_type(t: Type) -> type | None:
    """The class of values of an abstract type, or None if it is not known."""
    if isinstance(t, Scalar):
        return _PYTHON_TYPE[t.kind]
    if isinstance(t, Array):
        if not t.item:
            return np.ndarray
        return np.dtype(t.dtype).type if t.dtype is not None else None
    if isinstance(t, ListOf):
        return list
    if isinstance(t, TupleOf):
        return tuple
    if isinstance(t, DictOf):
        return dict
    return type(None) if t == NONE else None

def _type(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    args = [low.deref(a) for a in args]
    if len(args) == 1 and isinstance(args[0], Value):
        python = python_type(args[0].type)
        if python is not None:
            return Known(python)
    if len(args) == 1 and isinstance(args[0], Known):
        return Known(type(args[0].value))
    return None

def _len(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    args = [low.deref(a) for a in args]
    if isinstance(args[0], Struct):
        return Known(len(args[0].items))
    if isinstance(args[0], Known):
        return low.fold(len, args[0].value)
    if isinstance(args[0], Value) and isinstance(args[0].type, Scalar):
        raise low.unsupported(node, f"{describe(args[0])} has no length",
                              "Python raises TypeError here", "pass an array")  # fmt: skip
    return None

def _callable(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    args = [low.deref(a) for a in args]
    if isinstance(args[0], Known):
        return Known(callable(args[0].value))
    return Known(isinstance(args[0], (Closure, BoundMethod, Derived)))

def _hasattr(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    owner, name = low.deref(args[0]), args[1]
    if isinstance(owner, Known) and isinstance(name, Known):
        return Known(hasattr(owner.value, name.value))
    if isinstance(owner, Value) and isinstance(name, Known):
        python = python_type(owner.type)
        if python is not None:
            return Known(hasattr(python, name.value))
    return None

def _float(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    args = [low.deref(a) for a in args]
    if len(args) == 1 and isinstance(args[0], Known):
        return low.fold(float, args[0].value)
    if len(args) == 1 and isinstance(args[0], Value) and args[0].type == Scalar("float"):
        return args[0]
    return None

_SPECIAL: dict[Any, Any] = {
    **SPECIAL, isinstance: _isinstance, type: _type, len: _len, callable: _callable,
    hasattr: _hasattr, float: _float,
}  # fmt: skip
