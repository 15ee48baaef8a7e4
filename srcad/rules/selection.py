"""Rules of the functions that choose elements: by a condition, by index, by order."""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.errors import MissingRuleError
from srcad.ir.abstract import (
    ANY,
    Array,
    Scalar,
    TupleOf,
    Type,
    broadcast,
    rank_of,
)
from srcad.pristine import np
from srcad.rules.arithmetic import array_of as array_of_numbers
from srcad.rules.arithmetic import elements
from srcad.rules.inference import Call, Infer
from srcad.rules.language import call, unbroadcast_to
from srcad.rules.registry import composite, linear, rule, zero
from srcad.rules.shape_types import (
    Dims,
    array_of,
    at_axis,
    element_types,
    joined_dtype,
    length,
    normal_axis,
    product_dim,
    shaped_like,
)

# -- by a condition ------------------------------------------------------------------------------


def _where_type(call: Call) -> Type:
    if len(call.types) == 1:  # np.where(condition) is np.nonzero(condition)
        rank = rank_of(array_of(call.types[0]))
        return TupleOf(None if rank is None else (Array("int64", (ANY,)),) * rank)
    dims = broadcast(array_of(t).dims for t in call.types)
    return Array(_chosen_dtype(call.types[1:]), dims)


_NUMBERS: dict[str, Any] = {"bool": False, "int": 0, "float": 0.0, "complex": 0j}


def _chosen_dtype(types: Any) -> str | None:
    """The dtype in which values are chosen from (Python numbers are weak)."""
    samples: list[Any] = []
    for t in types:
        dtype = array_of(t).dtype
        if dtype is None:
            return None
        samples.append(_NUMBERS[t.kind] if isinstance(t, Scalar) else np.dtype(dtype))
    try:
        return np.result_type(*samples).name
    except TypeError:  # no common dtype: the primal will raise
        return None


def _where(g: Any, condition: Any, *xy: Any) -> Any:
    if not xy:
        return None
    # The cotangent is selected, not multiplied: what was not chosen gets no inf * 0.
    x_bar: Any = np.where(condition, g, 0.0)
    y_bar: Any = np.where(condition, 0.0, g)
    return unbroadcast_to(x_bar, xy[0], x_bar), unbroadcast_to(y_bar, xy[1], y_bar)


linear(np.where, _where, operands=("condition", "xy"), active=("xy",), infer=_where_type)


def _select_type(call: Call) -> Type:
    conditions, choices = element_types(call.types[0]), element_types(call.types[1])
    if conditions is None or choices is None:
        return Array(None, None)
    default = call.types[2] if len(call.types) > 2 else Scalar("int")
    dims = broadcast(array_of(t).dims for t in (*conditions, *choices))
    return Array(_chosen_dtype((*choices, default)), dims)


@composite(np.select, infer=_select_type, operands=("condlist", "choicelist", "default"))
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    conditions, choices = elements(condlist), elements(choicelist)
    if conditions is None or choices is None:
        raise MissingRuleError(
            "`np.select` of lists whose length is not known has no derivative rule",
            reason="its derivative is written out choice by choice",
            advice="write the lists of conditions and choices out in the call",
        )
    result = default
    for condition, choice in reversed(list(zip(conditions, choices, strict=True))):
        result = call(np.where, condition, condition, choice, result)
    return result


def _choose_type(call: Call) -> Type:
    choices = element_types(call.types[1])
    if choices is None:
        return Array(None, None)
    parts = [array_of(t) for t in choices]
    dims = broadcast([array_of(call.types[0]).dims, *(p.dims for p in parts)])
    return Array(joined_dtype(p.dtype for p in parts), dims, dims == ())


@composite(np.choose, infer=_choose_type, operands=("a", "choices"), active=("choices",))
def choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    parts = elements(choices)
    if parts is None:
        raise MissingRuleError(
            "`np.choose` from an array or a list whose length is not known has no derivative rule",
            reason="its derivative is written out choice by choice",
            advice="write the list of choices out in the call, or index the array",
        )
    if mode == "wrap":
        a = a % len(parts)
    elif mode == "clip":
        a = np.clip(a, 0, len(parts) - 1)
    result = parts[-1]
    for i in range(len(parts) - 2, -1, -1):
        result = call(np.where, a, a == i, parts[i], result)
    return result


# -- by index ------------------------------------------------------------------------------------


def _taken(call: Call) -> Type:
    a, indices = array_of(call.types[0]), array_of(call.types[1])
    axis = call.attrs.get("axis")
    if indices.dims is None or (axis is not None and a.dims is None):
        return Array(a.dtype, None)
    before: Dims = ()
    after: Dims = ()
    if axis is not None and a.dims is not None:
        at = normal_axis(axis, len(a.dims))
        if at is None:
            return Array(a.dtype, None)
        before, after = a.dims[:at], a.dims[at + 1 :]
    dims = (*before, *indices.dims, *after)
    return Array(a.dtype, dims, dims == ())


@composite(np.take, infer=_taken, operands=("a", "indices"), active=("a",))
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    if isinstance(indices, (tuple, list)) or not isinstance(indices.type, (Scalar, Array)):
        indices = call(np.asarray, a, indices)
    if axis is None:
        a, axis = (a, 0) if a.known_ndim == 1 else (np.ravel(a), 0)
    if mode == "wrap":
        indices = indices % length(a, axis)
    elif mode == "clip":
        indices = np.clip(indices, 0, length(a, axis) - 1)
    index = at_axis(axis, indices, a.known_ndim)
    return a[index if len(index) > 1 else index[0]]


def _along_axis_type(call: Call) -> Type:
    arr, indices = array_of(call.types[0]), array_of(call.types[1])
    axis = call.attrs.get("axis", -1)
    if axis is None:
        return Array(arr.dtype, (ANY,) if indices.dims is None else indices.dims)
    if arr.dims is None or indices.dims is None or len(arr.dims) != len(indices.dims):
        return Array(arr.dtype, None)
    at = normal_axis(axis, len(arr.dims))
    if at is None:
        return Array(arr.dtype, None)
    dims = broadcast([arr.dims, indices.dims]) or ()
    return Array(arr.dtype, (*dims[:at], indices.dims[at], *dims[at + 1 :]))


def _take_along_axis(g: Any, arr: Any, indices: Any, axis: Any = "last") -> Any:
    # An axis that is given stays given: before NumPy 2.3 it has no default.
    keywords = {} if axis in (-1, "last") else {"axis": axis}
    return call(runtime.put_along_axis, g, g, arr, indices, **keywords)


linear(
    np.take_along_axis, _take_along_axis, operands=("arr", "indices"), active=("arr",),
    infer=_along_axis_type,
)  # fmt: skip
linear(
    runtime.put_along_axis,
    lambda h, g, like, indices, axis=-1: np.take_along_axis(h, indices, axis),
    operands=("g", "like", "indices"), active=("g",), infer=shaped_like,
)  # fmt: skip


def _of_fewer(position: int) -> Infer:
    """The type of a part of an operand, of any length along the axis."""

    def infer(call: Call) -> Type:
        a, axis = array_of(call.types[position]), call.attrs.get("axis")
        if axis is None:
            return Array(a.dtype, (ANY,))
        place = None if a.dims is None else normal_axis(axis, len(a.dims))
        if a.dims is None or place is None:
            return Array(a.dtype, None)
        return Array(a.dtype, (*a.dims[:place], ANY, *a.dims[place + 1 :]))

    return infer


@composite(np.compress, infer=_of_fewer(1), operands=("condition", "a"), active=("a",))
def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    return np.take(a, call(np.flatnonzero, a, condition), axis=axis)


@composite(np.extract, infer=_of_fewer(1), active=("arr",))
def extract(condition: Any, arr: Any) -> Any:
    return np.take(arr, call(np.flatnonzero, arr, condition))


@composite(np.delete, infer=_of_fewer(0), operands=("arr", "obj"), active=("arr",))
def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    number = np.size(arr) if axis is None else length(arr, axis)
    return np.take(arr, call(np.delete, arr, call(np.arange, arr, number), obj), axis=axis)


@composite(
    np.insert, infer=_of_fewer(0), operands=("arr", "obj", "values"), active=("arr", "values")
)  # fmt: skip
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    if axis is not None and arr.known_ndim != 1:
        raise MissingRuleError(
            "`np.insert` along an axis has no derivative rule",
            reason="srcad knows it for vectors, and without `axis`",
            advice="use np.concatenate of the parts",
        )
    values = np.ravel(array_of_numbers(values, arr))
    places = call(np.arange, arr, np.size(arr))
    # which element comes where: those of `values` are counted on from those of `arr`
    order = call(np.insert, arr, places, obj, call(np.arange, arr, values.size) + np.size(arr))
    return np.take(np.append(arr, values), order)


linear(
    np.bincount, lambda g, x, weights=None, minlength=0: g[x], operands=("x", "weights"),
    active=("weights",), infer=lambda c: _counted(c),
)  # fmt: skip


def _counted(call: Call) -> Type:
    weighted = len(call.types) > 1 and call.constants[1] is not None
    return Array("float64" if weighted else "int64", (ANY,))


zero(np.flatnonzero, signature="a", infer=lambda c: Array("int64", (ANY,)))
zero(np.nonzero, signature="a", infer=_where_type)
zero(np.argwhere, signature="a", infer=lambda c: Array("int64", (ANY, ANY)))


# -- by order ------------------------------------------------------------------------------------


def _ordered(call: Call) -> Array:
    a = array_of(call.types[0])
    if call.attrs.get("axis", -1) is not None:
        return a
    return Array(a.dtype, (ANY if a.dims is None else product_dim(a.dims),))


zero(
    np.argpartition, signature="a, kth, axis=-1, kind='introselect', order=None",
    infer=lambda c: Array("int64", _ordered(c).dims),
)  # fmt: skip
zero(
    np.lexsort, signature="keys, axis=-1",
    infer=lambda c: Array("int64", (array_of(c.types[0]).dims or (ANY,))[1:] or None),
)  # fmt: skip
zero(np.searchsorted, signature="a, v, side='left', sorter=None", infer=lambda c: (
    Array("int64", array_of(c.types[1]).dims, rank_of(c.types[1]) == 0)
))  # fmt: skip


@composite(np.sort, infer=_ordered)
def sort(a: Any, axis: int | None = -1, kind: Any = None, stable: Any = None) -> Any:
    if isinstance(a, tuple):  # a list of numbers
        a = np.stack(a)
    if axis is None:
        a, axis = np.ravel(a), -1
    if a.known_ndim == 1:
        return a[np.argsort(a)]
    return np.take_along_axis(a, np.argsort(a, axis=axis), axis)


@rule(np.partition, infer=_ordered, operands=("a", "kth"), active=("a",))
class _Partition:
    """Where each element of the result came from is found by sorting both: `np.argpartition`
    need not order the rest as `np.partition` does."""

    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, kth: Any, axis: Any = -1, kind: str = "introselect") -> Any:
        a_dot = dots[0]
        if axis is None:
            a, a_dot, axis = np.ravel(a), np.ravel(a_dot), -1
        ordered = np.take_along_axis(a_dot, np.argsort(a, axis=axis), axis)
        return np.take_along_axis(ordered, _ranks(y, axis), axis)

    @staticmethod
    def vjp(
        g: Any, y: Any, a: Any, kth: Any, axis: Any = -1, kind: str = "introselect"
    ) -> Any:
        flat = axis is None
        at = -1 if axis is None else axis
        ordered = np.take_along_axis(g, np.argsort(y, axis=at), at)
        bar = np.take_along_axis(ordered, _ranks(np.ravel(a) if flat else a, at), at)
        return (np.reshape(bar, a.shape) if flat else bar), None


def _ranks(a: Any, axis: int) -> Any:
    """The place of each element in the order of its size."""
    return np.argsort(np.argsort(a, axis=axis), axis=axis)
