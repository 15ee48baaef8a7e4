"""Rules of the functions that make arrays; a value or bound given may carry a derivative."""

from __future__ import annotations

from typing import Any

from srcad.ir.abstract import ANY, SLICE, Array, Scalar, Type, broadcast
from srcad.pristine import np
from srcad.rules.inference import Call, constant_type, int_constant
from srcad.rules.language import call, unbroadcast_to
from srcad.rules.registry import linear, rule, zero
from srcad.rules.shape_types import (
    array_of,
    dims_of_shape,
    dtype_given,
    joined_dtype,
    length,
    size_dim,
)

# -- of a given shape ----------------------------------------------------------------------------


def _filled(call: Call) -> Type:
    dtype = dtype_given(call.attrs.get("dtype"))
    if dtype is None:
        dtype = "float64" if call.fn is not np.full else array_of(call.types[1]).dtype
    return Array(dtype, dims_of_shape(call.types[0], call.constants[0]))


for _fn in (np.zeros, np.ones, np.empty):
    zero(_fn, signature="shape, dtype=None, order='C'", infer=_filled)
linear(
    np.full,
    lambda g, shape, fill_value, dtype=None, order="C": unbroadcast_to(g, fill_value, g),
    operands=("shape", "fill_value"), active=("fill_value",), infer=_filled,
)  # fmt: skip


def _filled_like(call: Call) -> Type:
    a = array_of(call.types[0])
    shape = call.attrs.get("shape")
    dtype = dtype_given(call.attrs.get("dtype")) or a.dtype
    return Array(dtype, a.dims if shape is None else dims_of_shape(a, shape))


zero(
    np.zeros_like, np.ones_like, signature="a, dtype=None, order='K', subok=True, shape=None",
    infer=_filled_like,
)  # fmt: skip
zero(
    np.empty_like, signature="prototype, dtype=None, order='K', subok=True, shape=None",
    infer=_filled_like,
)  # fmt: skip


def _full_like(
    g: Any, a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Any = None,
) -> Any:  # fmt: skip
    return unbroadcast_to(g, fill_value, g)


linear(
    np.full_like, _full_like, operands=("a", "fill_value"), active=("fill_value",),
    infer=_filled_like,
)  # fmt: skip


# -- patterns ------------------------------------------------------------------------------------


def _eye_type(call: Call) -> Type:
    rows = size_dim(call.constants[0])
    given = len(call.constants) > 1 and call.constants[1] is not None
    columns = size_dim(call.constants[1]) if given else rows
    return Array(dtype_given(call.attrs.get("dtype")) or "float64", (rows, columns))


_EYE = "N, *M, k=0, dtype=float, order='C'"
zero(np.eye, signature=_EYE, infer=_eye_type)
zero(np.tri, signature="N, *M, k=0, dtype=float", infer=_eye_type)
zero(np.identity, signature="n, dtype=None", infer=_eye_type)


# -- ranges --------------------------------------------------------------------------------------


def _arange_type(call: Call) -> Type:
    given = dtype_given(call.attrs.get("dtype"))
    dtype = given or joined_dtype(array_of(t).dtype for t in call.types)
    numbers = [int_constant(c) for c in call.constants]
    if None in numbers or (len(numbers) == 3 and not numbers[2]):
        return Array(dtype, (ANY,))
    return Array(dtype, (size_dim(len(range(*numbers))),))  # type: ignore[arg-type]


def _bounds(args: tuple[Any, ...]) -> tuple[Any, Any]:
    """The operands that are the start and the step of `np.arange`, or None."""
    return (args[0] if len(args) > 1 else None), (args[2] if len(args) > 2 else None)


@rule(np.arange, infer=_arange_type)
class _Arange:
    """start + step * np.arange(n): the number of elements is constant, nearly everywhere."""

    @staticmethod
    def jvp(dots: Any, y: Any, *args: Any, dtype: Any = None, device: Any = None) -> Any:
        start, step = _bounds(dots)
        if start is None and step is None:
            return None
        moved = start
        if step is not None:
            along = step * call(np.arange, y, y.size)
            moved = along if start is None else start + along
        return np.broadcast_to(moved, y.shape) if step is None else moved

    @staticmethod
    def vjp(g: Any, y: Any, *args: Any, dtype: Any = None, device: Any = None) -> Any:
        bars: list[Any] = [None] * len(args)
        if len(args) > 1:
            bars[0] = np.sum(g)
        if len(args) > 2:
            bars[2] = np.sum(g * call(np.arange, g, y.size))
        return tuple(bars)


def _linspace_type(call: Call) -> Type:
    start, stop = array_of(call.types[0]), array_of(call.types[1])
    dtype = dtype_given(call.attrs.get("dtype")) or _linspace_dtype(call.types[:2])
    dims = broadcast([start.dims, stop.dims])
    if dims is None:
        return Array(dtype, None)
    axis = call.attrs.get("axis", 0) % (len(dims) + 1)
    number = size_dim(call.constants[2])
    return Array(dtype, (*dims[:axis], number, *dims[axis:]))


def _linspace_dtype(types: Any) -> str | None:
    """As NumPy has it: floating, and Python numbers are weak."""
    samples: list[Any] = []
    for t in types:
        a = array_of(t)
        if a.dtype is None:
            return None
        kind = {"int": int, "bool": bool, "float": float, "complex": complex}
        samples.append(kind[t.kind](1) if isinstance(t, Scalar) else np.ones((), a.dtype)[()])
    start, stop = samples
    try:
        return str(np.linspace(start, stop, 2).dtype.name)
    except TypeError:  # the primal will raise
        return None


def _linspace(
    g: Any, start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None,
    axis: int = 0,
) -> Any:  # fmt: skip
    weights = call(np.linspace, g, 0.0, 1.0, num, **({} if endpoint else {"endpoint": False}))
    if axis != 0:
        g = np.moveaxis(g, axis, 0)
    if g.known_ndim == 1:
        bars = [(1.0 - weights) @ g, weights @ g]
    else:
        bars = [np.tensordot(1.0 - weights, g, axes=1), np.tensordot(weights, g, axes=1)]
    return tuple(unbroadcast_to(b, x, b) for b, x in zip(bars, (start, stop), strict=True))


linear(
    np.linspace, _linspace, operands=("start", "stop", "num"), active=("start", "stop"),
    infer=_linspace_type,
)  # fmt: skip


# -- indices -------------------------------------------------------------------------------------

zero(slice, signature="*args", infer=constant_type(SLICE))


def _vander_type(call: Call) -> Type:
    x = array_of(call.types[0])
    given = len(call.constants) > 1 and call.constants[1] is not None
    rows = x.dims[0] if x.dims else ANY
    columns = size_dim(call.constants[1]) if given else rows
    return Array(joined_dtype((x.dtype, "int64")), (rows, columns))


def _powers(y: Any, increasing: bool) -> tuple[Any, Any]:
    """The derivatives of the columns of a Vandermonde matrix that have one, and their index."""
    exponents = call(np.arange, y, 1.0, length(y, 1))
    if increasing:
        return exponents * y[:, slice(None, -1)], slice(1, None)
    return np.flip(exponents) * y[:, slice(1, None)], slice(None, -1)


@rule(np.vander, infer=_vander_type, operands=("x", "N"), active=("x",))
class _Vander:
    """Each column is a power of x, and its derivative a multiple of the column beside it."""

    @staticmethod
    def jvp(dots: Any, y: Any, x: Any, N: Any = None, increasing: bool = False) -> Any:
        slopes, _ = _powers(y, increasing)
        constant = np.zeros_like(y[:, slice(None, 1)])
        moved = np.expand_dims(dots[0], 1) * slopes
        return np.hstack((constant, moved) if increasing else (moved, constant))

    @staticmethod
    def vjp(g: Any, y: Any, x: Any, N: Any = None, increasing: bool = False) -> Any:
        slopes, columns = _powers(y, increasing)
        return np.sum(g[:, columns] * slopes, axis=1), None
