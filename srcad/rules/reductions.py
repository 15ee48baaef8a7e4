"""Sums, products, moments, extrema and medians, with the forms of them that ignore NaN.

The keywords `where`, `initial` and `out` are not in the signatures: a call with one of them is
refused by name. Conventions at kinks: the extrema share equally among ties; the derivative of a
standard deviation that is 0 is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad import runtime
from srcad.ir.abstract import (
    ANY,
    UNKNOWN,
    Array,
    Scalar,
    Type,
    dims_of,
    dtype_of,
    kind_of,
    type_of_value,
)
from srcad.rules import inference
from srcad.rules.inference import as_array, normalised_axes, reduced_dims, sampled_dtype
from srcad.rules.language import call, count, expand_reduced, given, kept, nonzero
from srcad.rules.registry import ARRAY, Call, composite, linear, rule, zero
from srcad.rules.symbols import Sym

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


def number_of(hits: Any, like: Sym, axis: Axis, keepdims: bool) -> Any:
    """How many are true along `axis`, in a dtype that does not widen that of `like`."""
    if dtype_of(like.type) in ("float16", "float32", "complex64"):
        return np.sum(hits, axis=axis, keepdims=keepdims, dtype="float32")
    return np.sum(hits, axis=axis, keepdims=keepdims)


def is_real(x: Sym) -> bool:
    """Whether `x` certainly has no imaginary part."""
    return kind_of(x.type) in ("b", "i", "f")


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


def _average_type(call: Call) -> Type:
    plain = reduction_type(call)
    if len(call.types) < 2 or call.constants[1] is None or not isinstance(plain, Array):
        return plain
    dtype = inference.result_dtype(np.multiply, (plain, as_array(call.types[1])))
    return Array(dtype, plain.dims, plain.item)


@composite(np.average, operands=("a", "weights"), infer=_average_type)
def _average(a: Any, *, weights: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    if not given(weights):
        return np.mean(a, axis=axis, keepdims=keepdims)
    if isinstance(axis, int) and a.ndim != weights.ndim:
        weights = weights[(slice(None), *[None] * (a.ndim - 1 - axis % a.ndim))]
        weights = np.broadcast_to(weights, np.shape(a))
    total = np.sum(a * weights, axis=axis, keepdims=keepdims)
    return total / np.sum(weights, axis=axis, keepdims=keepdims)


# -- variance and standard deviation


def _degrees(a: Sym, axis: Axis, ddof: Any, correction: Any) -> Any:
    lost = ddof if correction is None else correction
    return count(a, axis) if lost == 0 else count(a, axis) - lost


def _deviations(a: Sym, axis: Axis) -> Any:
    """The deviations from the mean, conjugated."""
    apart = a - np.mean(a, axis=axis, keepdims=axis is not None)
    return apart if is_real(a) else np.conj(apart)


def _covariation(
    dot: Any, a: Sym, axis: Axis, ddof: Any, keepdims: bool, correction: Any
) -> Any:
    moved = _deviations(a, axis) * dot
    moved = moved if is_real(a) else np.real(moved)
    total = np.sum(moved, axis=axis, keepdims=keepdims)
    return total / _degrees(a, axis, ddof, correction)


@rule(np.var, infer=reduction_type)
class _Var:
    @staticmethod
    def jvp(
        dots: Any, y: Any, a: Sym, axis: Axis = None, ddof: Any = 0, keepdims: bool = False,
        correction: Any = None,
    ) -> Any:  # fmt: skip
        return 2 * _covariation(dots[0], a, axis, ddof, keepdims, correction)

    @staticmethod
    def vjp(
        g: Any, y: Any, a: Sym, axis: Axis = None, ddof: Any = 0, keepdims: bool = False,
        correction: Any = None,
    ) -> Any:  # fmt: skip
        scale = 2 * g / _degrees(a, axis, ddof, correction)
        return (kept(scale, a, axis, keepdims) * _deviations(a, axis),)


@rule(np.std, infer=reduction_type)
class _Std:
    @staticmethod
    def jvp(
        dots: Any, y: Any, a: Sym, axis: Axis = None, ddof: Any = 0, keepdims: bool = False,
        correction: Any = None,
    ) -> Any:  # fmt: skip
        return _covariation(dots[0], a, axis, ddof, keepdims, correction) / nonzero(y)

    @staticmethod
    def vjp(
        g: Any, y: Any, a: Sym, axis: Axis = None, ddof: Any = 0, keepdims: bool = False,
        correction: Any = None,
    ) -> Any:  # fmt: skip
        scale = g / nonzero(y) / _degrees(a, axis, ddof, correction)
        return (kept(scale, a, axis, keepdims) * _deviations(a, axis),)


# -- extrema


@rule((np.max, np.min), infer=reduction_type)
class _Extremum:
    @staticmethod
    def jvp(dots: Any, y: Any, a: Sym, axis: Axis = None, keepdims: bool = False) -> Any:
        hits = np.equal(a, kept(y, a, axis, keepdims))
        total = np.sum(np.where(hits, dots[0], 0.0), axis=axis, keepdims=keepdims)
        return total / number_of(hits, a, axis, keepdims)

    @staticmethod
    def vjp(g: Any, y: Any, a: Sym, axis: Axis = None, keepdims: bool = False) -> Any:
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
    def jvp(dots: Any, y: Any, a: Sym, axis: Axis = None, keepdims: bool = False) -> Any:
        others = call(runtime.products_of_others, a, a, axis=axis)
        return np.sum(others * dots[0], axis=axis, keepdims=keepdims)

    @staticmethod
    def vjp(g: Any, y: Any, a: Sym, axis: Axis = None, keepdims: bool = False) -> Any:
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


def _middle(a: Any, axis: Axis, keepdims: bool, present: Any) -> Any:
    """The mean of the two middle elements among those that `present(rows)` counts."""
    rows = _rows(a, axis)
    order = np.argsort(rows, axis=0)  # NaN comes last
    n = np.sum(present(rows), axis=0, keepdims=True)
    low, high = (_at_rank(rows, order, rank) for rank in ((n - 1) // 2, n // 2))
    middle = 0.5 * (low + high)
    if not keepdims:
        return middle
    if axis is None:
        return np.reshape(middle, (1,) * a.ndim)
    return kept(middle, a, axis)


@composite(np.median, infer=reduction_type)
def _median(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return _middle(a, axis, keepdims, lambda rows: np.equal(1, 1))
