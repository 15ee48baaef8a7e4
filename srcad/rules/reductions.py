"""Sums, products, moments, extrema and medians, with the forms of them that ignore NaN.

The keywords `where` and `initial` are written out (see parser.written_out), where they are not
refused by name. Conventions at kinks: the extrema share equally among ties; the derivative of a
standard deviation that is 0 is 0.
"""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.ir.abstract import (
    ANY,
    UNKNOWN,
    Array,
    TupleOf,
    Type,
    dims_of,
    type_of_value,
)
from srcad.pristine import math, np
from srcad.rules import inference
from srcad.rules.arithmetic import array_of, given, is_real, nonzero, number_of
from srcad.rules.inference import Call, as_array, normalised_axes, reduced_dims, sampled_dtype
from srcad.rules.language import call, count, expand_reduced, kept
from srcad.rules.registry import ARRAY, composite, linear, rule, zero

Axis = Any  # an int, a tuple of ints, or None for all axes


def reduction_type(call: Call) -> Type:
    """A reduction with `axis`, `keepdims` and `dtype`; its dtype is asked of NumPy."""
    t = as_array(call.types[0])
    dims = reduced_dims(dims_of(t), call.attrs.get("axis"), bool(call.attrs.get("keepdims")))
    if call.attrs.get("dtype") is not None:
        dtype: str | None = np.dtype(call.attrs["dtype"]).name
    else:
        dtype = sampled_dtype(call.fn, t)
    return UNKNOWN if dims is None and dtype is None else Array(dtype, dims, dims == ())


# -- sums and means

linear(
    np.sum,
    lambda g, a, axis=None, dtype=None, keepdims=False: expand_reduced(g, a, axis, keepdims),
    infer=reduction_type,
)
linear(
    np.mean,
    lambda g, a, axis=None, dtype=None, keepdims=False: expand_reduced(
        g / count(a, axis), a, axis, keepdims
    ),
    infer=reduction_type,
)
linear(
    runtime.sum_where,
    lambda g, a, where=True, axis=None, keepdims=False: np.where(
        where, expand_reduced(g, a, axis, keepdims), 0.0
    ),
    infer=reduction_type, operands=("a", "where"),
)


def _average_type(call: Call) -> Type:
    plain = reduction_type(call)
    if len(call.types) < 2 or call.constants[1] is None or not isinstance(plain, Array):
        return plain
    dtype = inference.result_dtype(np.multiply, (plain, as_array(call.types[1])))
    return Array(dtype, plain.dims, plain.item)


def _average_types(call: Call) -> Type:
    t = _average_type(call)
    return TupleOf((t, t)) if call.attrs.get("returned") else t


@composite(np.average, operands=("a", "weights"), infer=_average_types)
def _average(
    a: Any, weights: Any = None, axis: Axis = None, returned: bool = False, keepdims: bool = False
) -> Any:
    mean, total = _weighted(a, weights, axis, keepdims)
    return (mean, np.broadcast_to(total, np.shape(mean))) if returned else mean


def _weighted(a: Any, weights: Any, axis: Axis, keepdims: bool) -> tuple[Any, Any]:
    """The mean, and the sum of the weights."""
    if not given(weights):
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        return mean, mean * 0 + count(a, axis)
    weights = array_of(weights, a)
    if isinstance(axis, int) and weights.ndim == 1 and a.ndim != 1:
        weights = weights[(slice(None), *[None] * (a.ndim - 1 - axis % a.ndim))]
        weights = np.broadcast_to(weights, np.shape(a))
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    return np.sum(a * weights, axis=axis, keepdims=keepdims) / total, total


# -- variance and standard deviation


def _degrees(a: Any, axis: Axis, ddof: Any, correction: Any) -> Any:
    lost = ddof if correction is None else correction
    return count(a, axis) if lost == 0 else count(a, axis) - lost


def _deviations(a: Any, axis: Axis) -> Any:
    """The deviations from the mean, conjugated."""
    apart = a - np.mean(a, axis=axis, keepdims=axis is not None)
    return apart if is_real(a) else np.conj(apart)


def _covariation(dot: Any, a: Any, axis: Axis, ddof: Any, keepdims: bool, correction: Any) -> Any:
    moved = _deviations(a, axis) * dot
    moved = moved if is_real(a) else np.real(moved)
    total = np.sum(moved, axis=axis, keepdims=keepdims)
    return total / _degrees(a, axis, ddof, correction)


@rule(np.var, infer=reduction_type)
class _Var:
    @staticmethod
    def jvp(
        dots: Any, y: Any, a: Any, axis: Axis = None, ddof: Any = 0, keepdims: bool = False,
        correction: Any = None,
    ) -> Any:  # fmt: skip
        return 2 * _covariation(dots[0], a, axis, ddof, keepdims, correction)

    @staticmethod
    def vjp(
        g: Any, y: Any, a: Any, axis: Axis = None, ddof: Any = 0, keepdims: bool = False,
        correction: Any = None,
    ) -> Any:  # fmt: skip
        scale = 2 * g / _degrees(a, axis, ddof, correction)
        return (kept(scale, a, axis, keepdims) * _deviations(a, axis),)


@rule(np.std, infer=reduction_type)
class _Std:
    @staticmethod
    def jvp(
        dots: Any, y: Any, a: Any, axis: Axis = None, ddof: Any = 0, keepdims: bool = False,
        correction: Any = None,
    ) -> Any:  # fmt: skip
        return _covariation(dots[0], a, axis, ddof, keepdims, correction) / nonzero(y)

    @staticmethod
    def vjp(
        g: Any, y: Any, a: Any, axis: Axis = None, ddof: Any = 0, keepdims: bool = False,
        correction: Any = None,
    ) -> Any:  # fmt: skip
        scale = g / nonzero(y) / _degrees(a, axis, ddof, correction)
        return (kept(scale, a, axis, keepdims) * _deviations(a, axis),)


# -- extrema


@rule((np.max, np.min, np.amax, np.amin), infer=reduction_type)
class _Extremum:
    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        hits = np.equal(a, kept(y, a, axis, keepdims))
        total = np.sum(np.where(hits, dots[0], 0.0), axis=axis, keepdims=keepdims)
        return total / number_of(hits, a, axis, keepdims)

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        hits = np.equal(a, kept(y, a, axis, keepdims))
        winners = number_of(hits, a, axis, keepdims=axis is not None)
        return (np.where(hits, kept(g, a, axis, keepdims), 0.0) / winners,)


@composite(np.ptp, infer=reduction_type)
def _ptp(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


# -- products


@rule(np.prod, infer=reduction_type)
class _Prod:
    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        others = call(runtime.products_of_others, a, a, axis=axis)
        return np.sum(others * dots[0], axis=axis, keepdims=keepdims)

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        others = call(runtime.products_of_others, a, a, axis=axis)
        return (kept(g, a, axis, keepdims) * others,)


# -- medians


def _rows(a: Any, axis: Axis) -> Any:
    """`a` with the reduced dimensions as its first one."""
    if axis is None:
        return np.reshape(a, -1)
    if isinstance(axis, int):
        return np.moveaxis(a, axis, 0)
    axes = normalised_axes(axis, a.ndim)
    rest = [a.shape[i] for i in range(a.ndim) if i not in axes]
    return np.reshape(np.moveaxis(a, axes, tuple(range(len(axes)))), (-1, *rest))


def _at_rank(rows: Any, order: Any, rank: Any) -> Any:
    """The elements of a rank (one for each column) along the first axis, which `order` sorts."""
    return np.take_along_axis(rows, np.take_along_axis(order, rank, 0), 0)[0]


def _middle(a: Any, axis: Axis, keepdims: bool) -> Any:
    """The mean of the two middle elements of those that are numbers."""
    rows = _rows(a, axis)
    order = np.argsort(rows, axis=0)  # NaN comes last
    n = np.sum(np.logical_not(np.isnan(rows)), axis=0, keepdims=True)
    middle = 0.5 * (_at_rank(rows, order, (n - 1) // 2) + _at_rank(rows, order, n // 2))
    if not keepdims:
        return middle
    if axis is None:
        return np.reshape(middle, (1,) * a.ndim)
    return np.expand_dims(middle, axis if isinstance(axis, int) else normalised_axes(axis, a.ndim))


composite((np.median, np.nanmedian), infer=reduction_type)(
    lambda a, axis=None, keepdims=False: _middle(a, axis, keepdims)
)


# -- the forms that ignore NaN


def _filled(a: Any, value: float) -> Any:
    return np.where(np.isnan(a), value, a)


@composite(np.nansum, infer=reduction_type)
def _nansum(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return np.sum(_filled(a, 0.0), axis=axis, keepdims=keepdims)


@composite(np.nanprod, infer=reduction_type)
def _nanprod(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return np.prod(_filled(a, 1.0), axis=axis, keepdims=keepdims)


@composite(np.nanmax, infer=reduction_type)
def _nanmax(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return np.max(_filled(a, -math.inf), axis=axis, keepdims=keepdims)


@composite(np.nanmin, infer=reduction_type)
def _nanmin(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return np.min(_filled(a, math.inf), axis=axis, keepdims=keepdims)


def _numbers(a: Any, axis: Axis, keepdims: bool) -> Any:
    return number_of(np.logical_not(np.isnan(a)), a, axis, keepdims)


@composite(np.nanmean, infer=reduction_type)
def _nanmean(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return np.nansum(a, axis=axis, keepdims=keepdims) / _numbers(a, axis, keepdims)


def _nanvar(a: Any, axis: Axis, ddof: Any, keepdims: bool, correction: Any) -> Any:
    apart = _filled(a - np.nanmean(a, axis=axis, keepdims=axis is not None), 0.0)
    squares = apart * apart if is_real(a) else np.real(apart * np.conj(apart))
    lost = ddof if correction is None else correction
    total = np.sum(squares, axis=axis, keepdims=keepdims)
    return total / (_numbers(a, axis, keepdims) - lost)


@composite(np.nanvar, infer=reduction_type)
def _nanvar_of(
    a: Any, axis: Axis = None, ddof: Any = 0, keepdims: bool = False, correction: Any = None
) -> Any:
    return _nanvar(a, axis, ddof, keepdims, correction)


@composite(np.nanstd, infer=reduction_type)
def _nanstd(
    a: Any, axis: Axis = None, ddof: Any = 0, keepdims: bool = False, correction: Any = None
) -> Any:
    variance = _nanvar(a, axis, ddof, keepdims, correction)
    return variance / np.sqrt(nonzero(variance))


# -- reductions that carry no derivative


def _count_type(call: Call) -> Type:
    if call.attrs.get("axis") is None and not call.attrs.get("keepdims"):
        return type_of_value(np.count_nonzero(np.ones(1)))  # an int before NumPy 2.3
    return reduction_type(call)


def _order_type(call: Call) -> Type:
    dims = dims_of(as_array(call.types[0]))
    flat = "axis" in call.attrs and call.attrs["axis"] is None
    return Array("int64" if np.intp is np.int64 else "int32", (ANY,) if flat else dims)


zero(
    np.all, np.any, np.argmax, np.argmin, np.nanargmax, np.nanargmin,
    signature="a, axis=None, keepdims=False", infer=reduction_type,
)  # fmt: skip
zero(np.count_nonzero, signature="a, axis=None, keepdims=False", infer=_count_type)
zero(np.argsort, signature="a, axis=-1, kind=None, stable=None", infer=_order_type)

ARRAY.methods.update(
    sum=np.sum, mean=np.mean, prod=np.prod, var=np.var, std=np.std, max=np.max, min=np.min,
    all=np.all, any=np.any, argmax=np.argmax, argmin=np.argmin, argsort=np.argsort,
)  # fmt: skip
