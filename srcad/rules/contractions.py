"""Rules of the products: matmul, dot, inner, outer, tensordot, kron, cross.

All are linear in each operand, and each cotangent is such a product again. Where ranks are known
it is planned by `srcad.rules.contract`; where they are not, the helpers of `srcad.runtime` decide
at run time. Their own rows are here, so that they are closed under differentiation.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable
from typing import Any

from srcad import runtime
from srcad.ir.abstract import ANY, ONE, Array, Dim, Type, broadcast, rank_of
from srcad.pristine import np
from srcad.rules.arithmetic import is_real
from srcad.rules.contract import contract
from srcad.rules.inference import Call
from srcad.rules.language import call, mT, unbroadcast_to
from srcad.rules.registry import bilinear
from srcad.rules.shape_types import (
    array_of,
    joined_dtype,
    product_dim,
    reshape_like,
)

Labels = list[Hashable]


def _dtype(call: Call) -> str | None:
    return joined_dtype(array_of(t).dtype for t in call.types)


def _ranks(*xs: Any) -> tuple[int, ...] | None:
    found = tuple(rank_of(array_of(x.type)) for x in xs)
    return None if None in found else found  # type: ignore[return-value]


def _like_type(call: Call) -> Type:
    """Of the helpers `f(g, other, like)`: the shape of `like`, the dtype of the product."""
    g, other, like = (array_of(t) for t in call.types)
    return Array(joined_dtype([g.dtype, other.dtype]), like.dims)


# -- matrix products -----------------------------------------------------------------------------


def _matmul_type(call: Call) -> Type:
    a, b = (array_of(t).dims for t in call.types)
    dtype = _dtype(call)
    if a is None or b is None or not a or not b:
        return Array(dtype, None)
    batch = broadcast([a[:-2], b[:-2]])
    assert batch is not None
    dims = (*batch, *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))
    return Array(dtype, dims, dims == ())


def _matmul_a(g: Any, x1: Any, x2: Any) -> Any:
    ranks = _ranks(x1, x2)
    if ranks is None:
        return call(runtime.matmul_vjp, g, g, x2, x1, side=0)
    m, n = ranks
    if m <= 2 and n <= 2:
        la, lb, lo = _matmul_labels(m, n)
        return contract(g, lo, x2, lb, la)
    if n == 1:
        return g[..., None] * x2
    if m == 1:
        bar = (x2 @ g[..., None])[..., 0]
    elif m == 2:  # the batch of x2 is summed: one product
        axes = (*range(n - 2), n - 1)
        return np.tensordot(g, x2, axes=(axes, axes))
    else:
        bar = g @ mT(x2)
    return unbroadcast_to(bar, x1, bar)


def _matmul_b(g: Any, x1: Any, x2: Any) -> Any:
    ranks = _ranks(x1, x2)
    if ranks is None:
        return call(runtime.matmul_vjp, g, g, x1, x2, side=1)
    m, n = ranks
    if m <= 2 and n <= 2:
        la, lb, lo = _matmul_labels(m, n)
        return contract(x1, la, g, lo, lb)
    if n <= 2 < m:  # the batch of x1 is summed: one product
        axes = tuple(range(m - 1))
        return np.tensordot(x1, g, axes=(axes, axes))
    if m == 1:
        return x1[:, None] * g[..., None, :]
    bar = mT(x1) @ g
    return unbroadcast_to(bar, x2, bar)


def _matmul_labels(m: int, n: int) -> tuple[Labels, Labels, Labels]:
    la: Labels = [*"ij"][2 - m :]
    lb: Labels = [*"jk"][:n]
    return la, lb, [c for c in la + lb if c != "j"]


bilinear((np.matmul, operator.matmul), _matmul_a, _matmul_b, infer=_matmul_type)
bilinear(
    np.linalg.matmul, lambda g, x1, x2: _matmul_a(g, x1, x2),
    lambda g, x1, x2: _matmul_b(g, x1, x2), infer=_matmul_type,
)  # fmt: skip
bilinear(
    runtime.matmul_vjp,
    lambda h, g, other, like, side: np.matmul(h, other) if side == 0 else np.matmul(other, h),
    lambda h, g, other, like, side: call(runtime.matmul_vjp, g, g, h, other, side=1 - side),
    operands=("g", "other", "like"), infer=_like_type,
)  # fmt: skip

if hasattr(np, "matvec"):  # NumPy 2.2

    def _matvec_type(call: Call) -> Type:
        a, b = (array_of(t).dims for t in call.types)
        batch = None if not a or not b else broadcast([a[:-2], b[:-1]])
        return Array(_dtype(call), None if not a or batch is None else (*batch, *a[-2:-1]))

    def _vecmat_type(call: Call) -> Type:
        a, b = (array_of(t).dims for t in call.types)
        batch = None if not a or not b else broadcast([a[:-1], b[:-2]])
        return Array(_dtype(call), None if not b or batch is None else (*batch, *b[-1:]))

    def _matvec_a(g: Any, x1: Any, x2: Any) -> Any:
        bar = g[..., None] * x2[..., None, :]
        return unbroadcast_to(bar, x1, bar)

    def _matvec_b(g: Any, x1: Any, x2: Any) -> Any:
        bar = np.matvec(np.matrix_transpose(x1), g)
        return unbroadcast_to(bar, x2, bar)

    def _vecmat_a(g: Any, x1: Any, x2: Any) -> Any:
        bar = np.matvec(x2, g)
        bar = bar if is_real(x1) else np.conj(bar)
        return unbroadcast_to(bar, x1, bar)

    def _vecmat_b(g: Any, x1: Any, x2: Any) -> Any:
        x1 = x1 if is_real(x1) else np.conj(x1)
        bar = x1[..., None] * g[..., None, :]
        return unbroadcast_to(bar, x2, bar)

    bilinear(np.matvec, _matvec_a, _matvec_b, infer=_matvec_type)
    bilinear(np.vecmat, _vecmat_a, _vecmat_b, infer=_vecmat_type)


# -- dot, inner, tensordot -----------------------------------------------------------------------


def _contracted(m: int, n: int, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The axes of both operands (of ranks m and n) that are summed; None if NumPy raises."""
    if axes in ("dot", "inner"):
        if not m or not n:
            return (), ()
        return (m - 1,), (n - 2 if axes == "dot" and n > 1 else n - 1,)
    if isinstance(axes, int):
        return None if axes > min(m, n) else (tuple(range(m - axes, m)), tuple(range(axes)))
    first, second = (a if isinstance(a, tuple) else (a,) for a in axes)
    if len(first) != len(second) or not (m and n or not first):
        return None
    return tuple(a % m for a in first), tuple(a % n for a in second)


def _tensordot_labels(m: int, n: int, axes: Any) -> tuple[Labels, Labels, Labels] | None:
    found = _contracted(m, n, axes)
    if found is None:
        return None
    la: Labels = list(range(m))
    lb: Labels = list(range(m, m + n))
    for i, j in zip(*found, strict=True):
        lb[j] = la[i]
    lo = [c for c in la if c not in lb] + [c for c in lb if c not in la]
    return la, lb, lo


def _tensordot_dims(call: Call, axes: Any) -> tuple[Dim, ...] | None:
    a, b = (array_of(t).dims for t in call.types)
    labels = None if a is None or b is None else _tensordot_labels(len(a), len(b), axes)
    if a is None or b is None or labels is None:
        return None
    la, lb, lo = labels
    sizes = {**dict(zip(lb, b, strict=True)), **dict(zip(la, a, strict=True))}
    return tuple(sizes[c] for c in lo)


def _contraction(fn: Any, axes: str) -> None:
    """Declare `np.dot` or `np.inner`."""

    def infer(call: Call) -> Type:
        dims = _tensordot_dims(call, axes)
        return Array(_dtype(call), dims, dims == ())

    bilinear(
        fn, lambda g, a, b: _tensordot_a(g, a, b, axes),
        lambda g, a, b: _tensordot_b(g, a, b, axes), infer=infer,
    )  # fmt: skip


def _tensordot_a(g: Any, a: Any, b: Any, axes: Any = 2) -> Any:
    ranks = _ranks(a, b)
    labels = None if ranks is None else _tensordot_labels(ranks[0], ranks[1], axes)
    if labels is None:
        return call(runtime.tensordot_vjp, g, g, b, a, axes=axes, side=0)
    la, lb, lo = labels
    return contract(g, lo, b, lb, la)


def _tensordot_b(g: Any, a: Any, b: Any, axes: Any = 2) -> Any:
    ranks = _ranks(a, b)
    labels = None if ranks is None else _tensordot_labels(ranks[0], ranks[1], axes)
    if labels is None:
        return call(runtime.tensordot_vjp, g, g, a, b, axes=axes, side=1)
    la, lb, lo = labels
    return contract(a, la, g, lo, lb)


_contraction(np.dot, "dot")
_contraction(np.inner, "inner")
bilinear(
    np.tensordot, _tensordot_a, _tensordot_b,
    infer=lambda c: Array(_dtype(c), _tensordot_dims(c, c.attrs.get("axes", 2))),
)  # fmt: skip
bilinear(
    np.linalg.tensordot,
    lambda g, x1, x2, axes=2: _tensordot_a(g, x1, x2, axes),
    lambda g, x1, x2, axes=2: _tensordot_b(g, x1, x2, axes),
    infer=lambda c: Array(_dtype(c), _tensordot_dims(c, c.attrs.get("axes", 2))),
)  # fmt: skip


def _tensordot_again(a: Any, b: Any, axes: Any) -> Any:
    if axes == "dot":
        return np.dot(a, b)
    return np.inner(a, b) if axes == "inner" else np.tensordot(a, b, axes=axes)


bilinear(
    runtime.tensordot_vjp,
    lambda h, g, other, like, axes, side: _tensordot_again(
        *((h, other) if side == 0 else (other, h)), axes
    ),
    lambda h, g, other, like, axes, side: call(
        runtime.tensordot_vjp, g, g, h, other, axes=axes, side=1 - side
    ),
    operands=("g", "other", "like"), infer=_like_type,
)  # fmt: skip


# -- vdot, vecdot, outer, kron, cross ------------------------------------------------------------


def _number_type(call: Call) -> Type:
    return Array(_dtype(call), (), True)


def _vdot_a(g: Any, a: Any, b: Any) -> Any:
    return reshape_like(g * b if is_real(a) else np.conj(g * b), a)


def _vdot_b(g: Any, a: Any, b: Any) -> Any:
    return reshape_like(g * a if is_real(a) else g * np.conj(a), b)


bilinear(np.vdot, _vdot_a, _vdot_b, infer=_number_type)


def _vecdot_type(call: Call) -> Type:
    shapes = [array_of(t).dims for t in call.types]
    axis = call.attrs.get("axis", -1)
    rest = []
    for dims in shapes:
        if dims is None or not -len(dims) <= axis < len(dims):
            return Array(_dtype(call), None)
        at = axis % len(dims)
        rest.append(dims[:at] + dims[at + 1 :])
    found = broadcast(rest)
    return Array(_dtype(call), found, found == ())


def _vecdot_a(g: Any, x1: Any, x2: Any, axis: int = -1) -> Any:
    bar = np.expand_dims(g, axis) * x2
    bar = bar if is_real(x1) else np.conj(bar)
    return unbroadcast_to(bar, x1, bar)


def _vecdot_b(g: Any, x1: Any, x2: Any, axis: int = -1) -> Any:
    bar = np.expand_dims(g, axis) * (x1 if is_real(x1) else np.conj(x1))
    return unbroadcast_to(bar, x2, bar)


bilinear((np.vecdot, np.linalg.vecdot), _vecdot_a, _vecdot_b, infer=_vecdot_type)


def _outer_type(call: Call) -> Type:
    shapes = [array_of(t).dims for t in call.types]
    sizes = [ANY if d is None else product_dim(d) for d in shapes]
    return Array(_dtype(call), (sizes[0], sizes[1]))


def _flat(x: Any) -> Any:
    return x if x.known_ndim == 1 else np.ravel(x)


def _outer_a(g: Any, a: Any, b: Any) -> Any:
    return reshape_like(g @ _flat(b), a)


def _outer_b(g: Any, a: Any, b: Any) -> Any:
    return reshape_like(np.transpose(g) @ _flat(a), b)


bilinear(np.outer, _outer_a, _outer_b, infer=_outer_type)
bilinear(
    np.linalg.outer, lambda g, x1, x2: g @ x2, lambda g, x1, x2: np.transpose(g) @ x1,
    infer=_outer_type,
)  # fmt: skip


def _kron_type(call: Call) -> Type:
    a, b = (array_of(t).dims for t in call.types)
    if a is None or b is None:
        return Array(_dtype(call), None)
    rank = max(len(a), len(b))
    a, b = ((ONE,) * (rank - len(d)) + d for d in (a, b))
    dims = tuple(product_dim(pair) for pair in zip(a, b, strict=True))
    return Array(_dtype(call), dims, dims == ())


def _kron_parts(g: Any, a: Any, b: Any, m: int, n: int) -> tuple[Any, Labels, Labels, Labels]:
    """`g` with an axis for each of a's and b's, and the labels of it, `a` and `b`."""
    rank = max(m, n)
    la: Labels = [("a", i) for i in range(rank - m, rank)]
    lb: Labels = [("b", i) for i in range(rank - n, rank)]
    sizes: list[Any] = []
    labels: Labels = []
    for i in range(rank):
        for x, mine, label in ((a, m, ("a", i)), (b, n, ("b", i))):
            if i >= rank - mine:
                sizes.append(x.shape[i - rank + mine])
                labels.append(label)
    return (np.reshape(g, tuple(sizes)) if m and n else g), labels, la, lb


def _kron_a(g: Any, a: Any, b: Any) -> Any:
    ranks = _ranks(a, b)
    if ranks is None:
        return call(runtime.kron_vjp, g, g, b, a, side=0)
    g, labels, la, lb = _kron_parts(g, a, b, *ranks)
    return contract(g, labels, b, lb, la)


def _kron_b(g: Any, a: Any, b: Any) -> Any:
    ranks = _ranks(a, b)
    if ranks is None:
        return call(runtime.kron_vjp, g, g, a, b, side=1)
    g, labels, la, lb = _kron_parts(g, a, b, *ranks)
    return contract(a, la, g, labels, lb)


bilinear(np.kron, _kron_a, _kron_b, infer=_kron_type)
bilinear(
    runtime.kron_vjp,
    lambda h, g, other, like, side: np.kron(h, other) if side == 0 else np.kron(other, h),
    lambda h, g, other, like, side: call(runtime.kron_vjp, g, g, h, other, side=1 - side),
    operands=("g", "other", "like"), infer=_like_type,
)  # fmt: skip


def _axes_given(axisa: int, axisb: int, axisc: int, axis: Any) -> dict[str, int]:
    if axis is not None:
        return {"axis": axis}
    given = {"axisa": axisa, "axisb": axisb, "axisc": axisc}
    return {k: v for k, v in given.items() if v != -1}


def _cross_a(
    g: Any, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    keywords = _axes_given(axisa, axisb, axisc, axis)
    return call(runtime.cross_vjp, g, g, b, a, side=0, **keywords)


def _cross_b(
    g: Any, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    keywords = _axes_given(axisa, axisb, axisc, axis)
    return call(runtime.cross_vjp, g, g, a, b, side=1, **keywords)


# The rank of the result is not known: vectors of two components give numbers.
bilinear(np.cross, _cross_a, _cross_b, infer=lambda c: Array(_dtype(c), None))


def _cross_vjp_g(
    h: Any, g: Any, other: Any, like: Any, side: int,
    axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None,
) -> Any:  # fmt: skip
    keywords = _axes_given(axisa, axisb, axisc, axis)
    return np.cross(h, other, **keywords) if side == 0 else np.cross(other, h, **keywords)


def _cross_vjp_other(
    h: Any, g: Any, other: Any, like: Any, side: int,
    axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None,
) -> Any:  # fmt: skip
    keywords = _axes_given(axisa, axisb, axisc, axis)
    return call(runtime.cross_vjp, g, g, h, other, side=1 - side, **keywords)


bilinear(
    runtime.cross_vjp, _cross_vjp_g, _cross_vjp_other, operands=("g", "other", "like"),
    infer=_like_type,
)  # fmt: skip


def _cross_type(call: Call) -> Type:
    dims = broadcast(array_of(t).dims for t in call.types)
    return Array(_dtype(call), dims)


def _linalg_cross_a(g: Any, x1: Any, x2: Any, axis: int = -1) -> Any:
    bar: Any = np.linalg.cross(x2, g, axis=axis)
    return unbroadcast_to(bar, x1, bar)


def _linalg_cross_b(g: Any, x1: Any, x2: Any, axis: int = -1) -> Any:
    bar: Any = np.linalg.cross(g, x1, axis=axis)
    return unbroadcast_to(bar, x2, bar)


bilinear(np.linalg.cross, _linalg_cross_a, _linalg_cross_b, infer=_cross_type)
