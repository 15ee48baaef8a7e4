"""Rules of the products: matmul, dot, inner, outer, tensordot, kron, cross, einsum.

All are linear in each operand, and each cotangent is such a product again. Where ranks are known
it is planned by `srcad.rules.contract`; where they are not, the helpers of `srcad.runtime` decide
at run time. Their own rows are here, so that they are closed under differentiation.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable
from typing import Any

import numpy as np

from srcad import runtime
from srcad.errors import MissingRuleError
from srcad.ir.abstract import ANY, MANY, ONE, Array, Dim, Type, broadcast, dims_of, rank_of
from srcad.rules.arithmetic import is_real
from srcad.rules.contract import contract, expanded, ordered, spec
from srcad.rules.language import broadcast_like, call, mT, unbroadcast_to
from srcad.rules.registry import Call, bilinear, multilinear, rule
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


# -- einsum --------------------------------------------------------------------------------------


def _subscripts(text: Any, ranks: list[int | None]) -> tuple[list[Labels], Labels] | None:
    """The labels of every operand and of the result.

    The dimensions of an ellipsis are labelled by negative numbers, counted from the right. None
    if the rank of one is not known, or if the subscripts do not fit (then NumPy raises).
    """
    if not isinstance(text, str):
        raise MissingRuleError(
            "`np.einsum` with lists of axes has no derivative rule",
            reason="srcad reads the subscripts from a string",
            advice="write the subscripts as a string, e.g. np.einsum('ij,jk->ik', a, b)",
        )
    inputs, arrow, output = text.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ranks):
        return None
    extra = []  # the dimensions of each ellipsis
    for term, rank in zip(terms, ranks, strict=True):
        named = len(term.replace("...", ""))
        if "..." in term:
            if rank is None or rank < named:
                return None
            extra.append(rank - named)
        elif rank in (None, named):
            extra.append(0)
        else:
            return None

    def labels(term: str, dots: int) -> Labels:
        before, ellipsis, after = term.partition("...")
        return [*before, *(range(-dots, 0) if ellipsis else ()), *after]

    if not arrow:
        letters = inputs.replace(",", "").replace("...", "")
        once = sorted(c for c in set(letters) if letters.count(c) == 1)
        output = "..." * ("..." in inputs) + "".join(once)
    return (
        [labels(t, n) for t, n in zip(terms, extra, strict=True)],
        labels(output, max(extra, default=0)),
    )


def _einsum_type(call: Call) -> Type:
    parts = [array_of(t) for t in call.types[1:]]
    dtype = joined_dtype(p.dtype for p in parts)
    ranks = [None if p.dims is None else len(p.dims) for p in parts]
    found = _subscripts(call.constants[0], ranks)
    if found is None:
        return Array(dtype, None)
    inputs, output = found
    columns: dict[Hashable, list[Dim]] = {}
    for labels, part in zip(inputs, parts, strict=True):
        for c, d in zip(labels, part.dims or (ANY,) * len(labels), strict=True):
            columns.setdefault(c, []).append(d)
    dims = tuple(_together(columns.get(c, [])) for c in output)
    if dims == () and call.attrs.get("optimize") and len(parts) > 1:
        return Array(dtype, None)  # a number or an array, as the path ends
    return Array(dtype, dims, dims == ())


def _together(column: list[Dim]) -> Dim:
    """The size of an index from those of its occurrences; a size of one broadcasts."""
    if MANY in column:
        return MANY
    return ANY if ANY in column else ONE


def _same_sizes(inputs: list[Labels], operands: tuple[Any, ...]) -> bool:
    """Whether no index broadcasts: all its occurrences have certainly one size."""
    columns: dict[Hashable, set[Dim]] = {}
    counts: dict[Hashable, int] = {}
    for labels, x in zip(inputs, operands, strict=True):
        dims = dims_of(array_of(x.type)) or (ANY,) * len(labels)
        for c, d in zip(labels, dims, strict=True):
            columns.setdefault(c, set()).add(d)
            counts[c] = counts.get(c, 0) + 1
    return all(counts[c] == 1 or (len(s) == 1 and ANY not in s) for c, s in columns.items())


def _einsum(
    g: Any, position: int, subscripts: Any, *operands: Any, optimize: Any = False
) -> Any:
    me = position - 1
    like = operands[me]
    ranks = [rank_of(array_of(x.type)) for x in operands]
    found = _subscripts(subscripts.const if subscripts.is_const else None, ranks)
    target: Labels = [] if found is None else found[0][me]
    if (
        found is None or len(set(target)) < len(target) or not _same_sizes(found[0], operands)
    ):  # fmt: skip
        return call(runtime.einsum_vjp, g, g, subscripts, me, *operands)
    inputs, output = found
    pairs = list(zip(inputs, operands, strict=True))
    rest = pairs[:me] + pairs[me + 1 :]
    given = {*output, *(c for labels, _ in rest for c in labels)}
    reached = [c for c in target if c in given]
    if not rest:
        bar = ordered(g, output, reached)
    elif len(rest) == 1 and len(set(rest[0][0])) == len(rest[0][0]):
        labels, other = rest[0]
        if me == 0:
            bar = contract(g, output, other, labels, reached)
        else:
            bar = contract(other, labels, g, output, reached)
    else:
        text = spec([output, *(labels for labels, _ in rest)], reached)
        keywords: dict[str, Any] = {"optimize": True} if len(rest) > 1 else {}
        bar = np.einsum(text, g, *(x for _, x in rest), **keywords)
    if len(reached) == len(target):
        return bar
    return broadcast_like(expanded(bar, reached, target), like)


multilinear(np.einsum, _einsum, infer=_einsum_type)


def planned_einsum(subscripts: str, a: Any, b: Any) -> Any | None:
    """``np.einsum(subscripts, a, b)`` as matrix products; None if types do not allow it."""
    found = _subscripts(subscripts, [rank_of(array_of(x.type)) for x in (a, b)])
    if found is None or not _same_sizes(found[0], (a, b)):
        return None
    (la, lb), output = found
    if len(set(la)) < len(la) or len(set(lb)) < len(lb):
        return None
    return contract(a, la, b, lb, output)


@rule(runtime.einsum_vjp, infer=lambda c: _einsum_vjp_type(c))
class _EinsumVjp:
    """Linear in `g` and in every operand but the one whose cotangent it is."""

    @staticmethod
    def jvp(dots: Any, y: Any, g: Any, subscripts: Any, position: Any, *operands: Any) -> Any:
        total = None
        parts = [g, *operands]
        for i, dot in enumerate([dots[0], *dots[3:]]):
            if dot is None or i == position.const + 1:
                continue
            g_moved, *moved = [dot if j == i else x for j, x in enumerate(parts)]
            term = call(runtime.einsum_vjp, g, g_moved, subscripts, position, *moved)
            total = term if total is None else total + term
        return total

    @staticmethod
    def vjp(h: Any, y: Any, g: Any, subscripts: Any, position: Any, *operands: Any) -> Any:
        me = position.const
        with_h = [h if i == me else x for i, x in enumerate(operands)]
        bars: list[Any] = [call(np.einsum, g, subscripts, *with_h), None, None]
        for i in range(len(operands)):
            bars.append(
                None if i == me else call(runtime.einsum_vjp, g, g, subscripts, i, *with_h)
            )
        return tuple(bars)


def _einsum_vjp_type(call: Call) -> Type:
    position = call.constants[2]
    assert isinstance(position, int)
    g, *parts = (array_of(call.types[0]), *(array_of(t) for t in call.types[3:]))
    others = [p.dtype for i, p in enumerate(parts) if i != position]
    return Array(joined_dtype([g.dtype, *others]), parts[position].dims)

