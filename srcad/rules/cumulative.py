"""Running sums and products, differences along an axis, and the integral by trapezoids.

No product is ever divided by an element, so zeros in the data are right at every order: the
products of others come from running products from both sides, and the derivatives of a running
product from a linear recurrence, whose derivatives are linear recurrences again.
"""

from __future__ import annotations

import functools
from typing import Any

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import (
    ANY,
    FLOAT,
    UNKNOWN,
    Array,
    Type,
    dims_of,
    dtype_of,
)
from srcad.pristine import np
from srcad.rules import inference
from srcad.rules.arithmetic import array_of, given
from srcad.rules.inference import Call, as_array, normalised_axes, reduced_dims, sampled_dtype
from srcad.rules.language import call
from srcad.rules.registry import ARRAY, composite, linear, rule
from srcad.rules.symbols import Sym, as_operand
from srcad.rules.ufuncs import sampled_type


def running_type(call: Call) -> Type:
    """`cumsum` and its kind: the shape of the operand, or one dimension without `axis`."""
    t = as_array(call.types[0])
    dims = dims_of(t)
    if call.attrs.get("axis") is None and (dims is None or len(dims) != 1):
        dims = (ANY,)
    if call.attrs.get("dtype") is not None:
        return Array(np.dtype(call.attrs["dtype"]).name, dims)
    return Array(sampled_dtype(call.fn, t), dims)


def flipped(x: Any, axis: int) -> Any:
    """`np.flip`, as the slice that people write where there is one dimension."""
    return x[::-1] if axis in (0, -1) and x.known_ndim == 1 else np.flip(x, axis)


# -- running sums


def _cumsum_transpose(g: Any, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    along = 0 if axis is None else axis
    bar = flipped(np.cumsum(flipped(g, along), axis=along), along)
    return bar if axis is not None or a.known_ndim == 1 else np.reshape(bar, a.shape)


linear(np.cumsum, _cumsum_transpose, infer=running_type)


# -- running products


@rule(np.cumprod, infer=running_type)
class _Cumprod:
    """From y[k] = a[k] * y[k - 1] follows a recurrence for the tangents, and one backwards."""

    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, axis: Any = None) -> Any:
        line, along = _in_line(a, axis)
        dot = dots[0] if line is a else np.reshape(dots[0], -1)
        before = call(runtime.delayed, a, y, axis=along, first=1.0)
        return call(runtime.linear_recurrence, a, line, before * dot, axis=along)

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, axis: Any = None) -> Any:
        line, along = _in_line(a, axis)
        before = call(runtime.delayed, a, y, axis=along, first=1.0)
        ahead = call(runtime.delayed, a, line, axis=along, reverse=True)
        bar = before * call(runtime.linear_recurrence, a, ahead, g, axis=along, reverse=True)
        return (bar if line is a else np.reshape(bar, a.shape),)


def _in_line(a: Any, axis: Any) -> tuple[Any, int]:
    """Operand and axis of a running product; without axis it runs over all elements."""
    if axis is not None:
        return a, axis
    return (a if a.known_ndim == 1 else np.reshape(a, -1)), 0


def _recurrence_type(call: Call) -> Type:
    t = inference.elementwise_type(np.multiply, call.types)
    return Array(t.dtype, t.dims) if isinstance(t, Array) else UNKNOWN


@rule(runtime.linear_recurrence, infer=_recurrence_type)
class _LinearRecurrence:
    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, b: Any, axis: int = 0, reverse: bool = False) -> Any:
        source = dots[1]
        if dots[0] is not None:
            before = dots[0] * call(runtime.delayed, a, y, axis=axis, reverse=reverse)
            source = before if source is None else source + before
        return call(runtime.linear_recurrence, a, a, source, axis=axis, reverse=reverse)

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, b: Any, axis: int = 0, reverse: bool = False) -> Any:
        ahead = call(runtime.delayed, a, a, axis=axis, reverse=not reverse)
        bar = call(runtime.linear_recurrence, a, ahead, g, axis=axis, reverse=not reverse)
        return bar * call(runtime.delayed, a, y, axis=axis, reverse=reverse), bar


@rule(runtime.delayed, infer=inference.same_as())
class _Delayed:
    @staticmethod
    def jvp(
        dots: Any, y: Any, x: Any, axis: int = 0, reverse: bool = False, first: float = 0.0
    ) -> Any:
        return call(runtime.delayed, x, dots[0], axis=axis, reverse=reverse)

    @staticmethod
    def vjp(
        g: Any, y: Any, x: Any, axis: int = 0, reverse: bool = False, first: float = 0.0
    ) -> Any:
        return (call(runtime.delayed, x, g, axis=axis, reverse=not reverse),)


@composite(np.nancumsum, infer=running_type)
def _nancumsum(a: Any, axis: Any = None) -> Any:
    return np.cumsum(np.where(np.isnan(a), 0.0, a), axis=axis)


@composite(np.nancumprod, infer=running_type)
def _nancumprod(a: Any, axis: Any = None) -> Any:
    return np.cumprod(np.where(np.isnan(a), 1.0, a), axis=axis)


# -- products of all elements but one


@composite(runtime.products_of_others, infer=sampled_type)
def _products_of_others(x: Any, axis: Any = None) -> Any:
    if isinstance(x, (tuple, list)):  # a display
        x = call(np.asarray, x[0], x)
    if axis is None:
        return np.reshape(_products_along(np.reshape(x, -1), 0), np.shape(x))
    if isinstance(axis, int):
        return _products_along(x, axis)
    here = _products_along(x, axis[0])
    if len(axis) == 1:
        return here
    rows = np.prod(x, axis=axis[0], keepdims=True)
    return here * call(runtime.products_of_others, x, rows, axis=axis[1:])


def _products_along(x: Any, axis: int) -> Any:
    before = np.cumprod(call(runtime.delayed, x, x, axis=axis, first=1.0), axis=axis)
    ahead = call(runtime.delayed, x, x, axis=axis, reverse=True, first=1.0)
    return before * flipped(np.cumprod(flipped(ahead, axis), axis=axis), axis)


# -- differences and trapezoids


def _along(x: Any, axis: int, part: Any) -> tuple[Any, ...]:
    """The index that takes `part` along an axis of x and everything along the others."""
    if x.known_ndim == 1:
        return (part,)
    if axis < 0:
        return (Ellipsis, part, *[slice(None)] * (-axis - 1))
    return (*[slice(None)] * axis, part)


def _added_at(array: Any, index: tuple[Any, ...], value: Any) -> Any:
    """`array[index] += value`, as a new array."""
    builder = array._builder
    parts = [as_operand(builder, part) for part in index]
    operands = (array.operand, value.operand, *parts)
    return Sym(builder, builder.emit1(O.ADD_AT, operands, array.type, "t"))


def _diff_type(call: Call) -> Type:
    t = as_array(call.types[0])
    dims = dims_of(t)
    if dims is not None:
        axes = normalised_axes(call.attrs.get("axis", -1), len(dims))
        dims = tuple(ANY if i in axes else d for i, d in enumerate(dims))
    return Array(sampled_dtype(np.diff, t), dims)


def _diff_transpose(g: Any, a: Any, n: int = 1, axis: int = -1) -> Any:
    a = array_of(a, g)
    for step in reversed(range(n)):
        longer = a[_along(a, axis, slice(step, None))] if step else a
        bar = call(runtime.zeros_like, a, longer)
        bar = _added_at(bar, _along(a, axis, slice(1, None)), g)
        g = _added_at(bar, _along(a, axis, slice(None, -1)), -g)
    return g


linear(np.diff, _diff_transpose, infer=_diff_type)


def _trapezoid_type(call: Call) -> Type:
    types = [as_array(t) for t, c in zip(call.types, call.constants, strict=True) if c is not None]
    whole = functools.reduce(_product_type, types)
    dims = reduced_dims(dims_of(types[0]), call.attrs.get("axis", -1), False)
    if dims is None and dtype_of(whole) is None:
        return UNKNOWN
    return Array(inference.result_dtype(np.true_divide, (whole, FLOAT)), dims, dims == ())


def _product_type(a: Type, b: Type) -> Type:
    return inference.elementwise_type(np.multiply, (a, b))


@composite(np.trapezoid, operands=("y", "x", "dx"), infer=_trapezoid_type)
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = array_of(y, y)
    if not given(x):
        ends = y[_along(y, axis, 0)] + y[_along(y, axis, -1)]
        return dx * (np.sum(y, axis=axis) - 0.5 * ends)
    x = array_of(x, y)
    if axis == -1:
        widths = np.diff(x)
    elif x.ndim == 1:
        widths = np.diff(x)[(slice(None), *[None] * (y.ndim - 1 - axis % y.ndim))]
    else:
        widths = np.diff(x, axis=axis)
    pairs = y[_along(y, axis, slice(1, None))] + y[_along(y, axis, slice(None, -1))]
    return 0.5 * np.sum(widths * pairs, axis=axis)


if hasattr(np, "cumulative_sum"):  # NumPy 2.1

    @composite(np.cumulative_sum, infer=running_type)
    def _cumulative_sum(x: Any, axis: int | None = None) -> Any:
        return np.cumsum(x, axis=axis)

    @composite(np.cumulative_prod, infer=running_type)
    def _cumulative_prod(x: Any, axis: int | None = None) -> Any:
        return np.cumprod(x, axis=axis)


ARRAY.methods.update(cumsum=np.cumsum, cumprod=np.cumprod)
