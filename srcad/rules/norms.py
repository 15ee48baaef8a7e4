"""Rules of the norms of vectors and matrices.

Each norm has one derivative per element (`*_partial`): the tangent is the sum of its products
with that of the argument, the cotangent its product with that of the norm. Conventions: a norm
that is 0 has derivative 0, and ties share equally.
"""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.ir.abstract import Array, Type, item
from srcad.pristine import np
from srcad.rules.arithmetic import conj, is_real, number_of
from srcad.rules.inference import Call, reduced_dims, sampled_dtype
from srcad.rules.language import call
from srcad.rules.registry import rule
from srcad.rules.shape_types import array_of

_INFINITE = (np.inf, -np.inf)


def _norm_type(call: Call) -> Type:
    x = array_of(call.types[0])
    axis = (-2, -1) if call.fn is np.linalg.matrix_norm else call.attrs.get("axis")
    dims = reduced_dims(x.dims, axis, call.attrs.get("keepdims", False))
    return Array(sampled_dtype(np.linalg.norm, x), dims, dims == ())


def _total(x: Any, axis: Any, keepdims: bool) -> Any:
    keywords: dict[str, Any] = {} if axis is None else {"axis": axis}
    if keepdims:
        keywords["keepdims"] = True
    return np.sum(x, **keywords)


def _kept(y: Any, axis: Any, keepdims: bool) -> Any:
    """`y` with the reduced dimensions as size one."""
    return y if axis is None or keepdims else np.expand_dims(y, axis)


def _divisor(y: Any) -> Any:
    """`y`; but 1 where it is 0."""
    if y.type == item("float64"):
        return call(runtime.select, y, y, y, 1.0)
    return np.where(y == 0, 1, y)


def _shared(sign: Any, hits: Any, axis: Any) -> Any:
    """The signs of those that are equally large, shared among them."""
    return np.where(hits, sign, 0.0) / number_of(hits, sign, axis, keepdims=True)


# -- derivatives in each element -----------------------------------------------------------------


def _vector_partial(x: Any, y: Any, order: Any, axis: Any) -> Any:
    """Of a norm `y` whose reduced dimensions are kept."""
    if order == 0:
        return None
    sign = conj(np.sign(x))
    if order == 1:
        return sign
    size = np.absolute(x)
    if order in _INFINITE:
        return _shared(sign, np.equal(size, y), axis)
    return sign * (size / _divisor(y)) ** (order - 1)


def _matrix_partial(x: Any, order: Any, axes: tuple[int, int]) -> Any:
    rows, columns = axes
    if order in (1, -1, *_INFINITE):
        summed, among = (rows, columns) if order in (1, -1) else (columns, rows)
        sums = np.sum(np.absolute(x), axis=summed, keepdims=True)
        best = (np.max if order > 0 else np.min)(sums, axis=among, keepdims=True)
        return _shared(conj(np.sign(x)), np.equal(sums, best), axes)
    last = (-2, -1)
    in_place = axes == last or (axes == (0, 1) and x.known_ndim == 2)
    u, s, v_h = np.linalg.svd(x if in_place else np.moveaxis(x, axes, last), full_matrices=False)
    if order != "nuc":
        hits = np.equal(s, s[..., :1] if order == 2 else s[..., -1:])
        winners = number_of(hits, s, -1, keepdims=True)
        u = np.where(hits[..., None, :], u, 0.0) / winners[..., None]
    partial = conj(u @ v_h)
    return partial if in_place else np.moveaxis(partial, last, axes)


# -- which norm it is ----------------------------------------------------------------------------


def _partial(x: Any, y: Any, order: Any, axis: Any, keepdims: bool) -> Any:
    """The derivative of `np.linalg.norm` in each element of `x`."""
    if axis is not None:
        axes = axis if isinstance(axis, tuple) else (axis,)
        if len(axes) == 2:
            return _matrix_partial(x, order, axes)
        return _vector_partial(x, _kept(y, axis, keepdims), order, axis)
    if order not in (1, -1, 2, -2, "nuc", *_INFINITE):
        return _vector_partial(x, y, order, None)  # matrices have no such norm
    if x.known_ndim is None and order not in (-1, -2):
        # A vector is a matrix of one column: these norms of both are the same.
        columns = np.reshape(x, (x.shape[0], -1))
        return np.reshape(_matrix_partial(columns, order, (0, 1)), x.shape)
    if x.ndim == 1:
        return _vector_partial(x, y, order, None)
    return _matrix_partial(x, order, (0, 1))


def _is_root_of_squares(x: Any, order: Any, axis: Any) -> bool:
    if order in (None, "fro", "f"):
        return True
    if order != 2 or (isinstance(axis, tuple) and len(axis) == 2):
        return False
    return axis is not None or x.known_ndim == 1


def _norm_jvp(x_dot: Any, y: Any, x: Any, order: Any, axis: Any, keepdims: bool) -> Any:
    if _is_root_of_squares(x, order, axis):
        moved = _total(conj(x) * x_dot, axis, keepdims)
        return (moved if is_real(x) else np.real(moved)) / _divisor(y)
    partial = _partial(x, y, order, axis, keepdims)
    if partial is None:
        return None
    moved = partial * x_dot
    moved = moved if is_real(x) else np.real(moved)
    if keepdims and axis is None:  # the rank need not be known
        return np.reshape(np.sum(moved), y.shape)
    return _total(moved, axis, keepdims)


def _norm_vjp(g: Any, y: Any, x: Any, order: Any, axis: Any, keepdims: bool) -> Any:
    if _is_root_of_squares(x, order, axis):
        return (conj(x) * _kept(g / _divisor(y), axis, keepdims),)
    partial = _partial(x, y, order, axis, keepdims)
    return (None if partial is None else partial * _kept(g, axis, keepdims),)


@rule(np.linalg.norm, infer=_norm_type)
class _Norm:
    @staticmethod
    def jvp(
        dots: Any, y: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False
    ) -> Any:
        return _norm_jvp(dots[0], y, x, ord, axis, keepdims)

    @staticmethod
    def vjp(
        g: Any, y: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False
    ) -> Any:
        return _norm_vjp(g, y, x, ord, axis, keepdims)


@rule(np.linalg.matrix_norm, infer=_norm_type)
class _MatrixNorm:
    @staticmethod
    def jvp(dots: Any, y: Any, x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
        return _norm_jvp(dots[0], y, x, ord, (-2, -1), keepdims)

    @staticmethod
    def vjp(g: Any, y: Any, x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
        return _norm_vjp(g, y, x, ord, (-2, -1), keepdims)


@rule(np.linalg.vector_norm, infer=_norm_type)
class _VectorNorm:
    """Over any number of axes; None means all of them."""

    @staticmethod
    def jvp(
        dots: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2
    ) -> Any:
        if ord == 2:
            return _norm_jvp(dots[0], y, x, None, axis, keepdims)
        partial = _vector_partial(x, _kept(y, axis, keepdims), ord, axis)
        if partial is None:
            return None
        moved = partial * dots[0]
        return _total(moved if is_real(x) else np.real(moved), axis, keepdims)

    @staticmethod
    def vjp(
        g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2
    ) -> Any:
        if ord == 2:
            return _norm_vjp(g, y, x, None, axis, keepdims)
        partial = _vector_partial(x, _kept(y, axis, keepdims), ord, axis)
        return (None if partial is None else partial * _kept(g, axis, keepdims),)
