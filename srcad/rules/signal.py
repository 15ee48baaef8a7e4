"""Rules for tables and signals: interp, quantile and percentile, convolve, correlate."""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.ir.abstract import ANY, FLOAT, Array, Scalar, Type, dtype_of
from srcad.pristine import np
from srcad.rules import inference
from srcad.rules.arithmetic import array_of, given
from srcad.rules.inference import Call, as_array
from srcad.rules.language import call
from srcad.rules.registry import bilinear, composite
from srcad.rules.shape_types import array_of as array_type
from srcad.rules.symbols import Sym

# -- look-up by linear interpolation -------------------------------------------------------------


def _interp_type(call: Call) -> Type:
    x, table = call.types[0], as_array(call.types[2])
    dtype = "complex128" if dtype_of(table) in ("complex64", "complex128") else "float64"
    if isinstance(x, Scalar):
        return Array(dtype, (), True)
    found = array_type(x)
    return Array(dtype, found.dims, found.dims == ())


@composite(np.interp, operands=("x", "xp", "fp", "left", "right"), infer=_interp_type)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    like = next(part for part in (x, xp, fp) if isinstance(part, Sym))
    x, xp, fp = (array_of(part, like) for part in (x, xp, fp))
    last = np.shape(xp)[0] - 1
    k = np.minimum(np.maximum(np.searchsorted(xp, x, side="right") - 1, 0), last)
    after = np.minimum(k + 1, last)
    width = xp[after] - xp[k]
    slope = (fp[after] - fp[k]) / np.where(width == 0, 1.0, width)
    below, above = x < xp[0], x > xp[last]
    inside = fp[k] + slope * (x - xp[k])
    first = left if given(left) else fp[0]
    beyond = right if given(right) else fp[last]
    return np.where(below, first, np.where(above, beyond, inside))


# -- quantiles -----------------------------------------------------------------------------------


def _quantile_type(call: Call) -> Type:
    a, q = array_type(call.types[0]), array_type(call.types[1])
    axis = call.attrs.get("axis")
    dtype = inference.result_dtype(np.true_divide, (a, FLOAT))
    if a.dims is None or q.dims is None:
        return Array(dtype, None)
    rank = len(a.dims)
    axes = range(rank) if axis is None else [axis % rank]
    kept = [d for i, d in enumerate(a.dims) if i not in axes]
    dims = (*q.dims, *kept)
    return Array(dtype, dims, dims == ())


def _quantile_of(a: Any, q: Any, axis: int | None) -> Any:
    a = array_of(a, a)
    rows = np.ravel(a) if axis is None else np.moveaxis(a, axis, 0)
    rows = np.sort(rows, axis=0)
    position = q * (np.shape(rows)[0] - 1)
    low = call(runtime.astype, a, np.floor(position), dtype="int64")
    high = call(runtime.astype, a, np.ceil(position), dtype="int64")
    part = position - low
    if axis is not None and q.ndim:
        part = part[(slice(None), *[None] * (a.ndim - 1))]
    return rows[low] + (rows[high] - rows[low]) * part


@composite(np.quantile, operands=("a", "q"), infer=_quantile_type)
def _quantile(a: Any, q: Any, axis: int | None = None) -> Any:
    return _quantile_of(a, array_of(q, a), axis)


@composite(np.percentile, operands=("a", "q"), infer=_quantile_type)
def _percentile(a: Any, q: Any, axis: int | None = None) -> Any:
    return _quantile_of(a, array_of(q, a) / 100.0, axis)


# -- sums of products along a line ---------------------------------------------------------------


def _convolve_type(call: Call) -> Type:
    a, v = (array_type(t) for t in call.types)
    return Array(inference.result_dtype(np.multiply, (a, v)), (ANY,))


def _like_type(call: Call) -> Type:
    like = array_type(call.types[2])
    others = (array_type(call.types[0]), array_type(call.types[1]))
    return Array(inference.result_dtype(np.multiply, others), like.dims)


bilinear(
    np.convolve,
    lambda g, a, v, mode="full": call(runtime.convolve_vjp, g, g, v, a, mode=mode),
    lambda g, a, v, mode="full": call(runtime.convolve_vjp, g, g, a, v, mode=mode),
    infer=_convolve_type,
)
bilinear(
    runtime.convolve_vjp,
    lambda h, g, other, like, mode: np.convolve(h, other, mode=mode),
    lambda h, g, other, like, mode: call(runtime.convolve_vjp, g, g, h, other, mode=mode),
    operands=("g", "other", "like"), infer=_like_type,
)  # fmt: skip


@composite(np.correlate, infer=_convolve_type)
def _correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    a, v = array_of(a, v), array_of(v, v)
    if mode != "same":
        return np.convolve(a, np.conj(v)[::-1], mode=mode)
    # NumPy swaps the operands where the second is longer, and centres on the other side then.
    usual = np.convolve(a, np.conj(v)[::-1], mode="same")
    swapped = np.convolve(a[::-1], np.conj(v), mode="same")[::-1]
    return np.where(np.shape(a)[0] < np.shape(v)[0], swapped, usual)
