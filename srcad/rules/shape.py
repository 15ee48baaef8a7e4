"""Rules of the functions that give one array another shape, or its elements another order.

All are linear. The adjoint reads the shape of the argument only where it must, so that a loop
need not keep the argument.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from srcad import runtime
from srcad.errors import MissingRuleError
from srcad.ir.abstract import (
    ANY,
    DTYPE,
    INT,
    MANY,
    ONE,
    UNKNOWN,
    Array,
    Dim,
    Scalar,
    TupleOf,
    Type,
    broadcast,
    kind_of,
    rank_of,
)
from srcad.ir.ops import Cost
from srcad.pristine import np
from srcad.rules.arithmetic import elements
from srcad.rules.inference import MISSING, Call, Infer, constant_type, normalised_axes
from srcad.rules.language import broadcast_like, call, inverse_permutation, unbroadcast_to
from srcad.rules.registry import composite, linear, zero
from srcad.rules.shape_types import (
    Dims,
    array_of,
    by_sample,
    dims_of_shape,
    negated,
    product_dim,
    reshape_like,
    same_array,
    shaped_like,
    to_elements,
)

# -- what shapes are -----------------------------------------------------------------------------


def _shape_type(call: Call) -> Type:
    rank = rank_of(array_of(call.types[0]))
    return TupleOf(None if rank is None else (INT,) * rank)


zero(np.shape, signature="a", infer=_shape_type, cost=Cost.FREE)
zero(np.size, signature="a, axis=None", infer=constant_type(INT), cost=Cost.FREE)
zero(np.ndim, signature="a", infer=constant_type(INT), cost=Cost.FREE)
zero(np.result_type, infer=constant_type(DTYPE), cost=Cost.FREE)
zero(np.broadcast_shapes, infer=constant_type(TupleOf(None)), cost=Cost.FREE)


# -- the same elements in another shape ----------------------------------------------------------


def _undo(g: Any, a: Any, order: Any, name: str) -> Any:
    """`g` in the shape of `a`. The orders "A" and "K" ask for the layout of the argument in
    memory, which its cotangent need not have."""
    if order in ("A", "K"):
        raise MissingRuleError(
            f"`{name}` with order={order!r} has no derivative rule",
            reason="the order of the elements then depends on the memory layout of the array",
            advice="use order='C' or order='F'",
        )
    return reshape_like(g, a) if order == "C" else np.reshape(g, a.shape, order=order)


def _or_number(infer: Infer) -> Infer:
    """For functions that are methods of NumPy scalars too, which give such a scalar."""

    def infer_either(call: Call) -> Type:
        found, a = infer(call), call.types[0]
        if isinstance(found, Array) and found.dims == ():
            known = isinstance(a, Scalar) or (isinstance(a, Array) and a.dims is not None)
            return Array(found.dtype, () if known else None, isinstance(a, Array) and a.item)
        return found

    return infer_either


def _reshaped(call: Call) -> Type:
    a = array_of(call.types[0])
    dims = dims_of_shape(call.types[1], call.constants[1])
    if call.constants[1] in (-1, (-1,)):
        dims = (ANY if a.dims is None else product_dim(a.dims),)
    return Array(a.dtype, dims)


def _reshape(g: Any, a: Any, shape: Any, order: str = "C", copy: Any = None) -> Any:
    return _undo(g, a, order, "np.reshape")


def _reshape_2_0(g: Any, a: Any, newshape: Any, order: str = "C") -> Any:
    """As NumPy 2.0 names its parameters."""
    return _reshape(g, a, newshape, order)


def _ravelled(call: Call) -> Type:
    a = array_of(call.types[0])
    return Array(a.dtype, (ANY if a.dims is None else product_dim(a.dims),))


def _ravel(g: Any, a: Any, order: str = "C") -> Any:
    return _undo(g, a, order, "np.ravel")


linear(
    np.reshape,
    _reshape if "shape" in inspect.signature(np.reshape).parameters else _reshape_2_0,
    active=("a",), infer=_or_number(_reshaped), cost=Cost.FREE,
)  # fmt: skip
linear(np.ravel, _ravel, infer=_ravelled, cost=Cost.FREE)


def _squeezed(call: Call) -> Type:
    a = array_of(call.types[0])
    axis = call.attrs.get("axis")
    if a.dims is None or (axis is None and ANY in a.dims):
        return Array(a.dtype, None)
    if axis is None:
        return Array(a.dtype, tuple(d for d in a.dims if d is not ONE))
    gone = normalised_axes(axis, len(a.dims))
    return Array(a.dtype, tuple(d for i, d in enumerate(a.dims) if i not in gone))


def _squeeze(g: Any, a: Any, axis: Any = None) -> Any:
    return reshape_like(g, a) if axis is None else np.expand_dims(g, axis)


linear(np.squeeze, _squeeze, infer=_or_number(_squeezed), cost=Cost.FREE)
linear(
    np.expand_dims, lambda g, a, axis: np.squeeze(g, axis=axis), operands=("a",),
    infer=by_sample(), cost=Cost.FREE,
)  # fmt: skip


def _each(g: Any, arrays: Sequence[Any], cotangent: Callable[[Any, Any], Any]) -> Any:
    """The cotangent of each array from that of the result that belongs to it."""
    parts = elements(g) or []
    pairs = zip(parts, arrays, strict=True)
    found = tuple(None if part is None else cotangent(part, x) for part, x in pairs)
    return found[0] if len(found) == 1 else found


def _atleast(fn: Any) -> None:
    sample = by_sample()

    def infer(call: Call) -> Type:
        found = tuple(sample(Call(fn, (t,), (MISSING,), {})) for t in call.types)
        return found[0] if len(found) == 1 else TupleOf(found)

    def transpose(g: Any, *arys: Any) -> Any:
        if len(arys) == 1:
            return reshape_like(g, arys[0])
        return _each(g, arys, reshape_like)

    linear(fn, transpose, infer=infer, active=("arys",), cost=Cost.FREE)


_atleast(np.atleast_1d)
_atleast(np.atleast_2d)
_atleast(np.atleast_3d)


# -- the same elements along other axes ----------------------------------------------------------


def _transpose(g: Any, a: Any, axes: Any = None) -> Any:
    return np.transpose(g) if axes is None else np.transpose(g, inverse_permutation(axes))


def _rollaxis(g: Any, a: Any, axis: int, start: int = 0) -> Any:
    if start < 0 or (start and axis < 0):  # their order matters
        axis, start = axis % a.ndim, start + a.ndim if start < 0 else start
    return np.moveaxis(g, start - 1 if 0 <= axis < start else start, axis)


def _moves(fn: Any, transpose: Any) -> None:
    """Declare a function whose result has the dimensions of its argument, moved."""
    linear(fn, transpose, operands=("a",), infer=by_sample(), cost=Cost.FREE)


linear(
    np.transpose, _transpose, operands=("a",), infer=_or_number(by_sample()), cost=Cost.FREE
)  # fmt: skip
_moves(np.swapaxes, lambda g, a, axis1, axis2: np.swapaxes(g, axis1, axis2))
_moves(np.moveaxis, lambda g, a, source, destination: np.moveaxis(g, destination, source))
_moves(np.rollaxis, _rollaxis)
linear(
    (np.matrix_transpose, np.linalg.matrix_transpose), lambda g, x: np.matrix_transpose(g),
    infer=by_sample(), cost=Cost.FREE,
)  # fmt: skip


# -- the same elements in another order ----------------------------------------------------------


linear(np.flip, lambda g, m, axis=None: np.flip(g, axis), infer=same_array(), cost=Cost.FREE)
linear(np.fliplr, lambda g, m: np.fliplr(g), infer=same_array(), cost=Cost.FREE)
linear(np.flipud, lambda g, m: np.flipud(g), infer=same_array(), cost=Cost.FREE)
linear(
    np.roll, lambda g, a, shift, axis=None: np.roll(g, negated(shift), axis),
    active=("a",), infer=same_array(),
)  # fmt: skip
linear(
    np.rot90, lambda g, m, k=1, axes=(0, 1): np.rot90(g, -k, axes), infer=by_sample(),
    cost=Cost.FREE,
)  # fmt: skip


# -- copies of the same elements -----------------------------------------------------------------


def _broadcast(call: Call) -> Type:
    a = array_of(call.types[0])
    dims = dims_of_shape(call.types[1], call.constants[1])
    if dims is not None and a.dims is not None and len(a.dims) <= len(dims):
        tail = dims[len(dims) - len(a.dims) :]
        sure = tuple(MANY if d is MANY else n for d, n in zip(a.dims, tail, strict=True))
        dims = dims[: len(dims) - len(a.dims)] + sure
    return Array(a.dtype, dims)


linear(
    np.broadcast_to,
    lambda g, array, shape, subok=False: unbroadcast_to(g, array, g),
    operands=("array", "shape"), active=("array",), infer=_broadcast, cost=Cost.FREE,
)  # fmt: skip


def _broadcast_arrays_type(call: Call) -> Type:
    parts = [array_of(t) for t in call.types]
    dims = broadcast(p.dims for p in parts)
    return TupleOf(tuple(Array(p.dtype, dims) for p in parts))


def _broadcast_arrays(g: Any, *args: Any, subok: bool = False) -> Any:
    return _each(g, args, lambda part, x: unbroadcast_to(part, x, part))


linear(
    np.broadcast_arrays, _broadcast_arrays, active=("args",), infer=_broadcast_arrays_type,
    cost=Cost.FREE,
)  # fmt: skip


def _meshgrid_type(call: Call) -> Type:
    parts = [array_of(t) for t in call.types]
    sizes = [ANY if p.dims is None else product_dim(p.dims) for p in parts]
    if call.attrs.get("indexing", "xy") == "xy" and len(parts) > 1:
        order = [1, 0, *range(2, len(parts))]
    else:
        order = list(range(len(parts)))
    full = tuple(sizes[i] for i in order)
    grids = []
    for i, part in enumerate(parts):
        own = order.index(i)
        sparse = tuple(d if j == own else ONE for j, d in enumerate(full))
        grids.append(Array(part.dtype, sparse if call.attrs.get("sparse") else full))
    return TupleOf(tuple(grids))


def _meshgrid(
    g: Any, *xi: Any, sparse: bool = False, indexing: str = "xy"
) -> Any:
    found = []
    for i, (part, x) in enumerate(zip(elements(g) or [], xi, strict=True)):
        own = 1 - i if i < 2 <= len(xi) and indexing == "xy" else i
        others = tuple(j for j in range(len(xi)) if j != own)
        if part is not None:
            part = np.sum(part, axis=others if len(others) > 1 else others[0]) if others else part
            part = reshape_like(part, x)
        found.append(part)
    return found[0] if len(found) == 1 else tuple(found)


linear(np.meshgrid, _meshgrid, active=("xi",), infer=_meshgrid_type)


# -- diagonals and triangles ---------------------------------------------------------------------


def _diagonal_dim(m: Dim, n: Dim, offset: int) -> Dim:
    """The length of a diagonal of an m by n matrix; only the main one's is certain."""
    if offset == 0 and m is n:
        return m
    return ANY


def _diag_type(call: Call) -> Type:
    v = array_of(call.types[0])
    k = call.attrs.get("k", 0)
    if v.dims is None or len(v.dims) not in (1, 2):
        return Array(v.dtype, None)
    if len(v.dims) == 2:
        rows, columns = v.dims
        return Array(v.dtype, (_diagonal_dim(rows, columns, k),))
    size = v.dims[0] if k == 0 else MANY if v.dims[0] is ONE or abs(k) > 1 else ANY
    return Array(v.dtype, (size, size))


def _diag(g: Any, v: Any, k: int = 0) -> Any:
    return np.diag(g, k) if v.known_ndim == 1 else call(runtime.diag_vjp, g, g, v, k=k)


linear(np.diag, _diag, infer=_diag_type)
linear(
    runtime.diag_vjp, lambda h, g, like, k=0: np.diag(h, k), operands=("g", "like"),
    active=("g",), infer=shaped_like,
)  # fmt: skip


def _diagflat_type(call: Call) -> Type:
    return Array(array_of(call.types[0]).dtype, (ANY, ANY))


@composite(np.diagflat, infer=_diagflat_type)
def diagflat(v: Any, k: int = 0) -> Any:
    return np.diag(np.ravel(v), k)


def _without(dims: Dims, axis1: int, axis2: int) -> tuple[Dims, Dim, Dim]:
    """The other dimensions, and the two of the axes."""
    i, j = axis1 % len(dims), axis2 % len(dims)
    return tuple(d for k, d in enumerate(dims) if k not in (i, j)), dims[i], dims[j]


def _diagonal_type(axes: tuple[int, int] | None, keep: bool) -> Any:
    """Inference of `diagonal` (`keep`) and `trace`; `axes` where the function has no keyword."""

    def infer(call: Call) -> Type:
        a = array_of(call.types[0])
        dtype = a.dtype
        if not keep and dtype is not None:
            wanted = call.attrs.get("dtype")
            dtype = np.trace(np.ones((1, 1), dtype), dtype=wanted).dtype.name
        if a.dims is None or len(a.dims) < 2:
            return Array(dtype, None)
        at = axes or (call.attrs.get("axis1", 0), call.attrs.get("axis2", 1))
        rest, rows, columns = _without(a.dims, *at)
        if not keep:
            return Array(dtype, rest, rest == ())
        return Array(dtype, (*rest, _diagonal_dim(rows, columns, call.attrs.get("offset", 0))))

    return infer


def _put(g: Any, a: Any, offset: int, axis1: int, axis2: int) -> Any:
    """`g` on a diagonal of zeros in the shape of `a`; prints its defaults not."""
    given = {"offset": (offset, 0), "axis1": (axis1, 0), "axis2": (axis2, 1)}
    keywords = {k: v for k, (v, default) in given.items() if v != default}
    return call(runtime.put_diagonal, g, g, a, **keywords)


def _diagonal(g: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return _put(g, a, offset, axis1, axis2)


linear(np.diagonal, _diagonal, infer=_diagonal_type(None, True), cost=Cost.FREE)
linear(
    np.linalg.diagonal, lambda g, x, offset=0: _put(g, x, offset, -2, -1),
    infer=_diagonal_type((-2, -1), True), cost=Cost.FREE,
)  # fmt: skip
linear(
    runtime.put_diagonal,
    lambda h, g, like, offset=0, axis1=0, axis2=1: np.diagonal(h, offset, axis1, axis2),
    operands=("g", "like"), active=("g",), infer=shaped_like,
)  # fmt: skip


def _trace(
    g: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None
) -> Any:
    if a.known_ndim == 2 and (axis1 % 2, axis2 % 2) in ((0, 1), (1, 0)):
        k = offset if axis1 % 2 == 0 else -offset
        keywords: dict[str, Any] = {"k": k} if k else {}
        given = array_of(g.type).dtype
        if given is not None and given != "float64":
            keywords["dtype"] = np.dtype(given).type
        return g * call(np.eye, g, a.shape[0], a.shape[1], **keywords)
    diagonal: Any = np.diagonal(a, offset, axis1, axis2)
    return _put(broadcast_like(np.expand_dims(g, -1), diagonal), a, offset, axis1, axis2)


linear(np.trace, _trace, infer=_diagonal_type(None, False))
linear(
    np.linalg.trace, lambda g, x, offset=0, dtype=None: _trace(g, x, offset, -2, -1),
    infer=_diagonal_type((-2, -1), False),
)  # fmt: skip


def _triangle_type(call: Call) -> Type:
    m = array_of(call.types[0])
    return Array(m.dtype, m.dims * 2 if m.dims is not None and len(m.dims) == 1 else m.dims)


def _triangle(fn: Any) -> None:
    def transpose(g: Any, m: Any, k: int = 0) -> Any:
        bar = fn(g, k)
        return bar if (m.known_ndim or 0) > 1 else unbroadcast_to(bar, m, bar)

    linear(fn, transpose, infer=_triangle_type)


_triangle(np.tril)
_triangle(np.triu)


# -- the same elements, as they are --------------------------------------------------------------


def _converted(dtype_at: int | None) -> Any:
    """Inference of conversions: `dtype` is a keyword, or the operand at `dtype_at`."""

    def infer(call: Call) -> Type:
        a = array_of(call.types[0])
        wanted = call.attrs.get("dtype")
        if dtype_at is not None:
            wanted = call.constants[dtype_at]
        if wanted is MISSING:
            return Array(None, a.dims)
        dims = a.dims
        if call.attrs.get("ndmin") or (call.fn is np.ascontiguousarray and dims == ()):
            missing = max(call.attrs.get("ndmin", 1) - len(dims or ()), 0)
            dims = None if dims is None else (ONE,) * missing + dims
        return Array(a.dtype if wanted is None else np.dtype(wanted).name, dims)

    return infer


def _array(g: Any, a: Any, ndmin: int = 0) -> Any:
    dims = array_of(a.type).dims
    if ndmin > len(dims or ()):
        g = reshape_like(g, a)
    return to_elements(g, a)


linear(np.copy, lambda g, a, order="K", subok=False: g, infer=_converted(None))
for _name in ("asarray", "asanyarray"):
    linear(
        getattr(np, _name), lambda g, a, dtype=None, order=None, copy=None: _array(g, a),
        infer=_converted(None), cost=Cost.FREE,
    )  # fmt: skip
linear(
    np.ascontiguousarray,
    lambda g, a, dtype=None: _array(g, a, ndmin=1), infer=_converted(None), cost=Cost.FREE,
)  # fmt: skip
linear(
    np.array,
    lambda g, object, dtype=None, copy=True, order="K", subok=False, ndmin=0: _array(
        g, object, ndmin=ndmin
    ),
    infer=_converted(None),
)  # fmt: skip
linear(
    np.astype, lambda g, x, dtype, copy=True: g, operands=("x", "dtype"), active=("x",),
    infer=_or_number(_converted(1)),
)  # fmt: skip


def _item_type(call: Call) -> Type:
    kind = {"f": "float", "i": "int", "b": "bool", "c": "complex"}.get(kind_of(call.types[0]) or "")
    return UNKNOWN if kind is None else Scalar(kind)


linear(runtime.item, lambda g, x: reshape_like(g, x), infer=_item_type)
