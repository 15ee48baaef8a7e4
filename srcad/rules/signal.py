"""Rules for tables and signals: interp, digitize, quantile and percentile, convolve, correlate."""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.ir.abstract import ANY, FLOAT, MANY, ONE, Array, Scalar, Type, dtype_of, rank_of
from srcad.pristine import np
from srcad.rules import inference
from srcad.rules.arithmetic import array_of as array
from srcad.rules.arithmetic import given, is_real
from srcad.rules.inference import Call
from srcad.rules.language import call
from srcad.rules.registry import bilinear, composite, zero
from srcad.rules.shape_types import array_of, joined_dtype, length
from srcad.rules.symbols import Sym

# -- interp --------------------------------------------------------------------------------------


def _interp_type(call: Call) -> Type:
    x, table = array_of(call.types[0]), array_of(call.types[2])
    kind = None if table.dtype is None else np.dtype(table.dtype).kind
    dtype = None if kind is None else "complex128" if kind == "c" else "float64"
    return Array(dtype, x.dims, x.dims == ())


def _arrays(*given: Any) -> list[Any]:
    """Lists and tuples as arrays; numbers stay."""
    like = next(x for x in given if isinstance(x, Sym))
    return [
        x if isinstance(x, Sym) and isinstance(x.type, (Scalar, Array))
        else call(np.asarray, like, x)
        for x in given
    ]  # fmt: skip


@composite(
    np.interp, infer=_interp_type, operands=("x", "xp", "fp", "left", "right"),
    active=("x", "xp", "fp", "left", "right"),
)  # fmt: skip
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """A straight line through the two points beside x, the last ones beyond the table."""
    xp, fp, x = _arrays(xp, fp, x)
    if period is not None:
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = call(np.concatenate, xp, (xp[-1:] - period, xp, xp[:1] + period))
        fp = call(np.concatenate, fp, (fp[-1:], fp, fp[:1]))
    left = left if given(left) and period is None else fp[0]
    right = right if given(right) and period is None else fp[-1]
    place = np.clip(call(np.searchsorted, xp, xp, x, side="right") - 1, 0, length(xp, 0) - 2)
    start, step = xp[place], xp[place + 1] - xp[place]
    part = (x - start) / call(np.where, step, step == 0, 1.0, step)
    between = fp[place] + part * (fp[place + 1] - fp[place])
    beyond = call(np.where, between, x < xp[0], left, between)
    return call(np.where, beyond, x > xp[-1], right, beyond)


zero(
    np.digitize, signature="x, bins, right=False",
    infer=lambda c: Array("int64", array_of(c.types[0]).dims, rank_of(c.types[0]) == 0),
)  # fmt: skip


# -- quantiles -----------------------------------------------------------------------------------


def _quantile_type(call: Call) -> Type:
    a, q = array_of(call.types[0]), array_of(call.types[1])
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
    a = array(a, a)
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
    return _quantile_of(a, array(q, a), axis)


@composite(np.percentile, operands=("a", "q"), infer=_quantile_type)
def _percentile(a: Any, q: Any, axis: int | None = None) -> Any:
    return _quantile_of(a, array(q, a) / 100.0, axis)


# -- windows -------------------------------------------------------------------------------------


def _window_type(default: str) -> Any:
    def infer(call: Call) -> Type:
        a, v = (array_of(t) for t in call.types)
        mode = call.attrs.get("mode", default)
        dtype = joined_dtype((a.dtype, v.dtype))
        sizes = [t.dims[0] if t.dims else ONE for t in (a, v)]
        if a.dims is None or v.dims is None:
            return Array(dtype, (ANY,))
        if ONE in sizes:
            return Array(dtype, (sizes[0] if sizes[1] is ONE else sizes[1],))
        return Array(dtype, (MANY if MANY in sizes and mode != "valid" else ANY,))

    return infer


def _conj(x: Any) -> Any:
    return x if is_real(x) else np.conj(x)


def _of_all(g: Any, a: Any, v: Any, mode: str, turned: bool = False) -> Any:
    """The cotangent of the result of mode "full", of which a part was taken."""
    if mode == "full":
        return g
    lengths = length(a, 0), length(v, 0)
    shorter = np.minimum(*lengths)
    before = shorter - 1
    if mode == "same":
        before = before // 2
        if turned:  # `np.correlate` exchanges the two where the second is longer
            other = call(np.where, g, lengths[0] < lengths[1], shorter // 2, before)
            before = other
    after = lengths[0] + lengths[1] - 1 - before - length(g, 0)
    dtype = dtype_of(g.type)
    kind = {} if dtype is None else {"dtype": dtype}
    ends = [call(np.zeros, g, n, **kind) for n in (before, after)]
    return call(np.concatenate, g, (ends[0], g, ends[1]))


def _vectors(*arrays: Any) -> tuple[Any, ...]:
    """Each as a vector: NumPy takes numbers as well."""
    return tuple(x if x.known_ndim == 1 else np.ravel(x) for x in _arrays(*arrays))


def _convolve_first(g: Any, a: Any, v: Any, mode: str = "full") -> Any:
    a, v = _vectors(a, v)
    return np.correlate(_of_all(g, a, v, mode), _conj(v))


def _convolve_second(g: Any, a: Any, v: Any, mode: str = "full") -> Any:
    a, v = _vectors(a, v)
    return np.correlate(_of_all(g, a, v, mode), _conj(a))


def _correlate_first(g: Any, a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = _vectors(a, v)
    return np.convolve(_of_all(g, a, v, mode, turned=True), _conj(v), mode="valid")


def _correlate_second(g: Any, a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = _vectors(a, v)
    return np.correlate(_conj(a), _of_all(g, a, v, mode, turned=True))


bilinear(np.convolve, _convolve_first, _convolve_second, infer=_window_type("full"))
bilinear(np.correlate, _correlate_first, _correlate_second, infer=_window_type("valid"))
