"""Words for rule bodies: what NumPy has no short expression for.

Every function takes symbols (`Sym`) and returns symbols; where types decide, the plain NumPy
expression comes out, else a call of the helper in `srcad.runtime`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from srcad import runtime
from srcad.ir.abstract import (
    ANY,
    BOOL,
    COMPLEX,
    FLOAT,
    OBJECT,
    UNKNOWN,
    Array,
    ListOf,
    Scalar,
    TableOf,
    TupleOf,
    Type,
    adjoint_type,
    broadcast_dim,
    dims_of,
    item,
    kind_of,
    rank_of,
)
from srcad.ir.build import Builder
from srcad.ir.values import Const, Operand, Value
from srcad.pristine import np
from srcad.rules.indexing import indexed_type
from srcad.rules.inference import MISSING, Call, as_array, constant_type, normalised_axes
from srcad.rules.registry import linear, zero
from srcad.rules.symbols import Sym, apply


def _sym(like: Sym, value: Any) -> Sym:
    return value if isinstance(value, Sym) else Sym(like._builder, _const(value), like._scalar)


def _const(value: Any) -> Any:
    return Const.of(value)


def broadcast_like(g: Any, x: Sym) -> Any:
    """`g` stretched to the shape of `x` (nothing is emitted if it has that shape)."""
    g = _sym(x, g)
    target = as_array(x.type)
    if isinstance(target, Scalar) or (dims_of(target) == () and dims_of(g.type) == ()):
        return g
    if dims_of(g.type) is not None and dims_of(g.type) == dims_of(target):
        if ANY not in (dims_of(target) or ()):
            return g
    return x._apply(runtime.broadcast_like, (g, x))


def unbroadcast(g: Any, x: Sym) -> Any:
    """`g` summed to the shape of `x`, at run time."""
    return x._apply(runtime.unbroadcast, (g, x))


def expand_reduced(g: Any, x: Sym, axis: Any = None, keepdims: bool = False) -> Any:
    """The cotangent of a reduction's result, stretched back over the reduced dimensions."""
    g = _sym(x, g)
    rank = rank_of(as_array(x.type))
    if rank is None:
        if axis is None and rank_of(g.type) == 0:
            return x._apply(runtime.broadcast_like, (g, x))
        return x._apply(runtime.expand_reduced, (g, x), {"axis": axis, "keepdims": keepdims})
    if rank and axis is not None and not keepdims:
        g = x._apply(np.expand_dims, (g,), {"axis": normalised_axes(axis, rank)})
    return broadcast_like(g, x)


def kept(y: Any, x: Sym, axis: Any = None, keepdims: bool = False) -> Any:
    """A reduction's result with the reduced dimensions put back as size one (broadcasts with x)."""
    y = _sym(x, y)
    if axis is None or keepdims:
        return y
    rank = rank_of(as_array(x.type))
    if rank is None:
        return x._apply(runtime.expand_reduced, (y, x), {"axis": axis, "keepdims": keepdims})
    return x._apply(np.expand_dims, (y,), {"axis": normalised_axes(axis, rank)})


def count(x: Sym, axis: Any = None) -> Any:
    """How many elements a reduction over `axis` takes in (an int of the program)."""
    if axis is None:
        return x.size
    axes = axis if isinstance(axis, tuple) else (axis,)
    result: Any = None
    for a in axes:
        n = x.shape[a]
        result = n if result is None else result * n
    return 1 if result is None else result


def mT(x: Any) -> Any:
    """The matrix transpose: the last two dimensions exchanged; a vector stays as it is."""
    rank = x.ndim
    if rank < 2:
        return x
    return np.transpose(x) if rank == 2 else np.swapaxes(x, -1, -2)


def inverse_permutation(axes: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes `axes`."""
    rank = len(axes)
    order = [a % rank for a in axes]
    return tuple(order.index(i) for i in range(rank))


_TRUTHS, _FLOATS = (BOOL, item("bool")), (FLOAT, item("float64"))


def select(condition: Sym, x: Any, y: Any) -> Any:
    """`np.where` that prints as `x if condition else y` when all three are single numbers."""
    parts = [condition, _sym(condition, x), _sym(condition, y)]
    single = condition.type in _TRUTHS and all(p.type in _FLOATS for p in parts[1:])
    if single or all(isinstance(p.type, Scalar) for p in parts):
        return condition._apply(runtime.select, parts)
    return np.where(condition, parts[1], parts[2])  # type: ignore[call-overload]


def call(fn: Any, like: Sym, *args: Any, **kwargs: Any) -> Any:
    """Apply any function of the table (`math.erf`, a runtime helper) to symbols."""
    return like._apply(fn, args, kwargs)


def zeros_of(builder: Builder, value: Operand) -> Operand:
    """A zero derivative of an array, or of a list or tuple of any parts."""
    t = value.type
    if not isinstance(t, (ListOf, TupleOf)):
        return apply(builder, runtime.zeros_like, [value])
    numbers = isinstance(t, ListOf) and isinstance(t.elem, Scalar) and t.elem != COMPLEX
    return apply(builder, runtime.zeros_list if numbers else runtime.zeros_parts, [value])


_PYTHON: dict[str, type] = {"float": float, "int": int, "bool": bool, "complex": complex}


def _like_type(call: Call) -> Type:
    g, x = as_array(call.types[0]), as_array(call.types[1])
    dims = dims_of(x)
    if dims == () and dims_of(g) == ():
        return call.types[0]  # nothing is done
    if isinstance(g, Scalar):  # a number stays one where `x` turns out to be one
        return Array(None if dims is None else np.result_type(_PYTHON[g.kind]).name, dims)
    return Array(g.dtype if isinstance(g, Array) else None, dims, dims == ())


def _unbroadcast_type(call: Call) -> Type:
    return adjoint_type(as_array(call.types[1]))


linear(runtime.broadcast_like, lambda bar, g, like: unbroadcast_to(bar, g, like), infer=_like_type)
linear(runtime.unbroadcast, lambda bar, g, like: broadcast_like(bar, g), infer=_unbroadcast_type)
linear(
    runtime.expand_reduced,
    lambda bar, g, like, axis=None, keepdims=False: np.sum(bar, axis=axis, keepdims=keepdims),
    infer=lambda call: Array(None, dims_of(as_array(call.types[1]))),
)


def unbroadcast_to(g: Any, x: Sym, wider: Sym) -> Any:
    """Sum `g` (of the shape of `wider`) to the shape of `x`, by types if they decide."""
    if isinstance(x.type, TableOf) or isinstance(getattr(g, "type", None), ListOf):
        return g
    small, large = dims_of(as_array(x.type)), dims_of(as_array(wider.type))
    if small is None or large is None:
        return unbroadcast(g, x)
    extra = len(large) - len(small)
    axes = list(range(extra))
    for i, d in enumerate(small):
        other = large[i + extra]
        if d is ANY or (d.value == "1" and other is ANY):
            if broadcast_dim(d, other) is not d or d is ANY:
                return unbroadcast(g, x)
        elif d.value == "1" and other.value == "*":
            axes.append(i + extra)
    if not axes:
        return g
    if len(axes) == len(large) and not small:
        return np.sum(g)
    if axes == list(range(extra)):
        return np.sum(g, axis=tuple(axes) if len(axes) > 1 else axes[0])
    total = np.sum(g, axis=tuple(axes) if len(axes) > 1 else axes[0], keepdims=True)
    return np.reshape(total, x.shape) if extra else total


def _zeros_type(call: Call) -> Type:
    t = adjoint_type(as_array(call.types[0]))
    if isinstance(t, Array) and t.dtype is not None and kind_of(t) not in ("f", "c"):
        return Array("float64", t.dims, t.item)
    return t


zero(runtime.raises, signature="*args, **keywords", infer=constant_type(BOOL))
zero(runtime.error_of, signature="*args, **keywords", infer=constant_type(OBJECT))
linear(
    runtime.first_decides, lambda g, y, k: g, infer=lambda c: c.types[0], operands=("y", "k")
)
zero(runtime.error_with, infer=constant_type(OBJECT))
zero(runtime.zeros_like, signature="x", infer=_zeros_type)
zero(runtime.check_seed, signature="seed, like, name", infer=lambda c: c.types[0])
zero(runtime.scalar_seed, signature="out", infer=lambda c: as_array(c.types[0]))
linear(
    (runtime.as_cotangent, runtime.as_tangent),
    lambda bar, g, like: unbroadcast_to(bar, g, like),
    infer=lambda c: c.types[1],
)
linear(runtime.floats, lambda bar, items: bar, infer=lambda c: ListOf(FLOAT))
linear(runtime.astype, lambda g, x, dtype="float64": g, infer=lambda c: _as_dtype(c))


def _as_dtype(call: Call) -> Type:
    t = as_array(call.types[0])
    item = isinstance(t, Scalar) or (isinstance(t, Array) and t.item)
    return Array(call.attrs.get("dtype", "float64"), dims_of(t), item)


def _list_type(call: Call) -> Type:
    t = call.types[0]
    return t if isinstance(t, ListOf) else ListOf(UNKNOWN)


def _parts_type(call: Call) -> Type:
    x, y = call.types
    return x if x == y else TupleOf(None)


linear(runtime.add_lists, lambda g, x, y: (g, g), infer=_list_type, active=("x", "y"))
linear(runtime.add_parts, lambda g, x, y: (g, g), infer=_parts_type, active=("x", "y"))
def _selection_type(call: Call) -> Type:
    x, *types = call.types
    parts = [
        Value(t, "index") if value is MISSING else Const(value, t)
        for t, value in zip(types, call.constants[1:])
    ]
    t = indexed_type(as_array(x), parts)
    return Array("bool", dims_of(t), getattr(t, "item", False))


zero(runtime.last_write_mask, signature="x, *index", infer=_selection_type)
zero(runtime.copied, runtime.outline, signature="x", infer=lambda call: call.types[0])

zero(runtime.zeros_list, signature="x", infer=lambda call: ListOf(FLOAT))
zero(runtime.zeros_parts, signature="x", infer=lambda call: adjoint_type(call.types[0]))
