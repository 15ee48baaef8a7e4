"""Builtins whose result is decided by the structure of their arguments: len, isinstance, sum, zip.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import operator
import re
import types
from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.abstract import (
    NONE,
    OBJECT,
    STR,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    Scalar,
    TupleOf,
    Type,
    is_number,
)
from srcad.ir.values import Const, Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Closure,
    Derived,
    Known,
    LazyIterable,
    ObjectParam,
    Struct,
    class_of,
    describe,
)
from srcad.parser.calls import opaque
from srcad.parser.calls.decorators import DECORATORS
from srcad.parser.containers import reading
from srcad.parser.containers.collected import CONSTRUCTORS
from srcad.parser.control.managers import MANAGERS
from srcad.parser.control.raised import ERROR_CALLS
from srcad.parser.iterables.iterators import SPECIAL
from srcad.parser.objects.attributes import ATTRIBUTE_CALLS
from srcad.parser.objects.classes import defines
from srcad.parser.objects.copying import COPIES
from srcad.parser.objects.instances import NEW_OBJECTS
from srcad.pristine import np

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

CONTAINERS = {"tuple": tuple, "list": list, "dict": dict}
_ITERATORS = ("map", "filter", "zip", "enumerate", "generator", "chain")
_PYTHON_TYPE = {"float": float, "int": int, "bool": bool, "complex": complex}

def _isinstance(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    cls = low.class_of_binding(args[0])
    value, classes = (low.deref(a) for a in args)
    if isinstance(classes, Struct):
        parts = [p.value for p in classes.parts if isinstance(p, Known)]
        classes = Known(tuple(parts))
    if not isinstance(classes, Known):
        return None
    if isinstance(value, Known):
        return Known(isinstance(value.value, classes.value))
    if isinstance(value, Struct) and value.kind == "object":
        return Known(issubclass(cls, classes.value))
    if isinstance(value, Struct):
        return Known(issubclass(CONTAINERS[value.kind], classes.value))
    if isinstance(value, ObjectParam):
        return Known(isinstance(value.example, classes.value))
    if isinstance(value, Value):
        python = python_type(value.type)
        if python is None:
            low.require_static(value, node, "isinstance")  # raises
            assert python is not None
        return Known(issubclass(python, classes.value))
    return Known(issubclass(types.FunctionType, classes.value))

def _issubclass(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    cls, classes = (reading.known(low.deref(a)) for a in args)
    if cls is None or classes is None:
        return None
    return low.fold(issubclass, cls.value, classes.value)

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
    if len(args) == 1 and isinstance(args[0], Struct) and args[0].kind == "object":
        return Known(class_of(args[0]))
    if len(args) == 1 and isinstance(args[0], Value):
        python = python_type(args[0].type)
        if python is not None:
            return Known(python)
    if len(args) == 1 and isinstance(args[0], Known):
        return Known(type(args[0].value))
    if len(args) == 1 and isinstance(args[0], Struct):
        return Known(CONTAINERS[args[0].kind])
    return None

def _len(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    low.check_cache(args[0], "len", [], node)
    args = [low.deref(a) for a in args]
    if isinstance(args[0], Struct):
        return Known(len(args[0].items))
    if isinstance(args[0], Known) and reading.is_foreign(args[0].value):
        return reading.read(low, len, (args[0].value,), node)
    if isinstance(args[0], Known):
        return low.fold(len, args[0].value)
    lazy = isinstance(args[0], LazyIterable) and args[0].kind in _ITERATORS
    if lazy or isinstance(args[0], Value) and is_number(args[0].type):
        raise low.python_raises(TypeError(), node, f"{describe(args[0])} has no length",
                              "Python raises TypeError here", "pass an array")  # fmt: skip
    return None

def _callable(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    cls = low.class_of_binding(args[0])
    args = [low.deref(a) for a in args]
    if isinstance(args[0], Known):
        return Known(callable(args[0].value))
    if cls is not None:
        return Known(defines(cls, "__call__"))
    return Known(isinstance(args[0], (Closure, BoundMethod, Derived)))

_OF_KIND: dict[str, type] = {"tuple": tuple, "list": list, "dict": dict}

def _hasattr(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    owner, name = low.deref(args[0]), args[1]
    if isinstance(owner, Struct) and owner.kind == "object" and isinstance(name, Known):
        return Known(low.has_attribute(owner, name.value))
    if isinstance(owner, Known) and isinstance(name, Known):
        return Known(hasattr(owner.value, name.value))
    if isinstance(owner, Struct) and owner.kind in _OF_KIND and isinstance(name, Known):
        return Known(hasattr(_OF_KIND[owner.kind], name.value))
    if isinstance(owner, Closure) and isinstance(name, Known):
        if low.attribute_box(owner, name.value) is not None:
            raise low.unsupported(
                node, f"whether a function has the attribute `{name.value}` cannot be decided here",
                "it may be set on some paths only", "set it where the function is defined",
            )  # fmt: skip
        return Known(hasattr(types.FunctionType, name.value))
    if isinstance(owner, Value) and isinstance(name, Known):
        python = python_type(owner.type)
        if python is not None:
            return Known(hasattr(python, name.value))
    return None

def _getattr(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    owner, name = args[0], low.deref(args[1])
    if not isinstance(name, Known) or not isinstance(name.value, str):
        return None
    content = low.deref(owner)
    if len(args) == 3 and isinstance(content, Struct) and content.kind == "object":
        if not low.has_attribute(content, name.value):
            return args[2]
    elif len(args) == 3:
        if isinstance(owner, Known) and not hasattr(owner.value, name.value):
            return None
        python = python_type(content.type) if isinstance(content, Value) else None
        if python is not None and not hasattr(python, name.value):
            return args[2]
        if isinstance(content, Value) and content.type == UNKNOWN:
            low.check_all_have(name.value, node)
    return low.attribute(owner, name.value, node)

def _setattr(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    owner, name = args[0], low.deref(args[1])
    content = low.deref(owner)
    if not isinstance(name, Known) or not isinstance(content, Struct):
        return None
    if content.kind != "object":
        return None
    low.store_instance(owner, content, name.value, low.boxed(args[2], name.value), node)
    return Known(None)

def _iter(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    """`iter(x)` where the result is looped over: what it runs over stands for it."""
    content = low.deref(args[0])
    if len(args) == 1 and isinstance(content, (Struct, Value)):
        if isinstance(content, Struct) and content.kind != "object":
            return Struct.sequence("tuple", low.known_elements(args[0], node))
        if isinstance(content, Value):
            return args[0]
    return None

def _logger(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    """`logging.getLogger(name)`: always the same object for a name."""
    known = [low.deref(a) for a in args]
    if kwargs or not all(isinstance(a, Known) for a in known):
        return None
    return Known(logging.getLogger(*(a.value for a in known)))

def _replace(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    return low.replaced(args[0], kwargs, node) if len(args) == 1 else None

def _float(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    args = [low.deref(a) for a in args]
    if len(args) == 1 and isinstance(args[0], Known):
        try:
            return low.fold(float, args[0].value) or Known(float(args[0].value))
        except (TypeError, ValueError) as error:
            raise low.python_raises(
                error, node, str(error), "Python raises the same here", "pass a number"
            ) from None
    if len(args) == 1 and isinstance(args[0], Value) and args[0].type == Scalar("float"):
        return args[0]
    return None

def _index(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    """`operator.index` of an int is that int."""
    content = low.deref(args[0])
    return content if isinstance(content, Value) and content.type == Scalar("int") else None

def _str(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    if len(args) != 1 or kwargs:
        return None
    known = low.text_of(args)
    if known is not None:
        return known
    if low.has_text(args[0]):
        return low.text_of_object(args[0], ord("s"))  # type: ignore[no-any-return]
    return _text(low, str, args, node)

def _text(low: Any, fn: Any, args: list[Binding], node: gast.AST) -> Binding:
    """The text of a value that only the run knows."""
    names = [gast.Name(f"${k}", gast.Load(), None, None) for k in range(len(args) + 1)]
    operands = (Const(fn, OBJECT), *(low.operand(a, node) for a in args))
    call = gast.Call(names[0], names[1:], [])
    return low.builder.emit1(O.OPAQUE, operands, STR, "text", {"template": call})  # type: ignore[no-any-return]

def _repr(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    if low.has_text(args[0]):
        return low.text_of_object(args[0], ord("r"))  # type: ignore[no-any-return]
    return _text(low, repr, args, node) if isinstance(low.deref(args[0]), Value) else None

def _of_texts(fn: Any) -> Any:
    """A function of texts alone, which is called while compiling if they are known."""
    def call(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
        return opaque.folded(low, fn, args, kwargs)

    return call

def _format(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    return _text(low, format, args, node) if isinstance(low.deref(args[0]), Value) else None

def _ndarray(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    """`np.ndarray(shape, dtype)` is `np.empty(shape, dtype)`, unless it is given memory."""
    if len(args) > 2 or not set(kwargs) <= {"shape", "dtype"}:
        return None
    return low.apply(np.empty, args, kwargs, node)

def _fromkeys(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    """`dict.fromkeys(keys, value)`: one value under each key."""
    value = low.boxed(args[1]) if len(args) > 1 else Known(None)
    keys = low.known_elements(args[0], node)
    return low.new_table({low.static_key(k, node): value for k in keys})  # type: ignore[no-any-return]

_SPECIAL: dict[Any, Any] = {
    **SPECIAL, **CONSTRUCTORS, **MANAGERS, isinstance: _isinstance, issubclass: _issubclass,
    type: _type, len: _len, callable: _callable, hasattr: _hasattr, float: _float, str: _str,
    repr: _repr, format: _format,
    getattr: _getattr, setattr: _setattr, dict.fromkeys: _fromkeys,
    dataclasses.replace: _replace, np.ndarray: _ndarray,
    **{fn: _of_texts(fn) for fn in (re.findall, re.split, re.sub)},
    **ATTRIBUTE_CALLS, **NEW_OBJECTS, **ERROR_CALLS, **DECORATORS,
    **COPIES, inspect.signature: reading.signature,
    operator.index: _index,
    logging.getLogger: _logger,
}  # fmt: skip
