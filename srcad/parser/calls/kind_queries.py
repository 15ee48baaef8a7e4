"""Questions that NumPy answers from types alone: `np.result_type`, `np.iscomplexobj`, `np.ndim`.

What holds afterwards: such a call is its answer. It is asked of stand-ins of the types of the
arguments, so a branch or a dtype that depends on it is decided while compiling.
"""

from __future__ import annotations

import operator
from typing import Any

from srcad.ir.abstract import ONE, Array, ListOf, Scalar, TupleOf, Type
from srcad.ir.values import Value
from srcad.parser.bindings import Binding, Known, Struct
from srcad.pristine import np

_NUMBER = {"float": 1.0, "int": 1, "bool": True, "complex": 1j}
_ERRORS = (ArithmeticError, TypeError, ValueError, LookupError, AttributeError)

# What decides the answer: the dtypes of the arguments, or whether and how they are arrays as well.
_OF_DTYPES: frozenset[Any] = frozenset((
    np.result_type, np.common_type, np.iscomplexobj, np.isrealobj, np.can_cast,
))  # fmt: skip
_OF_RANKS: frozenset[Any] = frozenset((np.ndim, np.iterable, np.isscalar))
# Of known objects only, and the same for the same objects.
_OF_KNOWN: frozenset[Any] = frozenset((
    np.promote_types, np.issubdtype, np.min_scalar_type, np.dtype, np.finfo, np.iinfo,
    np.lib.array_utils.normalize_axis_index, np.lib.array_utils.normalize_axis_tuple,
    operator.index, issubclass, *_OF_DTYPES, *_OF_RANKS,
))  # fmt: skip


def answer(low: Any, fn: Any, args: list[Binding], kwargs: dict[str, Binding]) -> Known | None:
    """The answer to a question about types, or None: it is none, or the types are not known.

    A question that fails is asked again at run time, where it raises.
    """
    if not _asks(fn):
        return None
    given = [_stand_in(low, a, fn) for a in args]
    named = {key: _stand_in(low, a, fn) for key, a in kwargs.items()}
    if any(g is None for g in (*given, *named.values())):
        return None
    try:
        return Known(
            fn(*(g.value for g in given if g), **{k: g.value for k, g in named.items() if g})
        )
    except _ERRORS:
        return None


def _asks(fn: Any) -> bool:
    try:
        return fn in _OF_KNOWN
    except TypeError:  # it has no hash value
        return False


def _stand_in(low: Any, binding: Binding, fn: Any) -> Known | None:
    """A known object of the type of an argument, in a box; None if the type is not known."""
    binding = low.deref(binding)
    if isinstance(binding, Known):
        return binding
    if isinstance(binding, Struct) and binding.kind in ("tuple", "list"):
        parts = [_stand_in(low, part, fn) for part in binding.parts]
        if any(part is None for part in parts):
            return None
        values = [part.value for part in parts if part is not None]
        return Known(tuple(values) if binding.kind == "tuple" else values)
    if isinstance(binding, Value) and (fn in _OF_DTYPES or fn in _OF_RANKS):
        return _of_type(binding.type, fn)
    return None


def _of_type(t: Type, fn: Any) -> Known | None:
    if isinstance(t, Scalar):
        return Known(_NUMBER[t.kind])
    if isinstance(t, ListOf):
        part = _of_type(t.elem, fn)
        return None if part is None else Known([part.value, part.value])
    if isinstance(t, TupleOf) and t.elems is not None:
        parts = [_of_type(e, fn) for e in t.elems]
        if any(part is None for part in parts):
            return None
        return Known(tuple(part.value for part in parts if part is not None))
    if not isinstance(t, Array) or t.dtype is None or (t.dims is None and fn in _OF_RANKS):
        return None
    if t.item:
        return Known(np.dtype(t.dtype).type(1))
    if fn is np.isscalar and not t.dims:  # an array of rank 0 may be a number on another path
        return None
    return Known(np.ones([1 if d is ONE else 2 for d in t.dims or ()], t.dtype))
