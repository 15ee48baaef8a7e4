"""Rules of the QR factorisation and of least squares, for matrices of full rank."""

from __future__ import annotations

import functools
import operator
from typing import Any

from srcad.errors import MissingRuleError
from srcad.ir.abstract import ANY, Array, TupleOf, Type
from srcad.pristine import np
from srcad.rules.arithmetic import conj, is_real, real_with
from srcad.rules.inference import Call
from srcad.rules.linalg import dtype_of_matrix, hermitian
from srcad.rules.registry import rule
from srcad.rules.shape_types import Dims, array_of, joined_dtype, length, slice_of, swap_last


def _diagonal(x: Any) -> Any:
    """A matrix without what is beside its diagonal."""
    return np.tril(np.triu(x))


def _from_right(x: Any, r: Any) -> Any:
    """``x @ inv(r)``."""
    return swap_last(np.linalg.solve(swap_last(r), swap_last(x)))


def _qr_type(call: Call) -> Type:
    a = array_of(call.types[0])
    dtype = dtype_of_matrix(a)
    if a.dims is None:
        return TupleOf((Array(dtype, None), Array(dtype, None)))
    rows, columns = a.dims[-2:]
    least = rows if rows is columns else ANY
    shapes: tuple[Dims, Dims] = ((*a.dims[:-1], least), (*a.dims[:-2], least, columns))
    return TupleOf(tuple(Array(dtype, dims) for dims in shapes))


def _reduced(mode: str) -> None:
    if mode != "reduced":
        raise MissingRuleError(
            f"`np.linalg.qr` with mode={mode!r} has no derivative rule",
            reason="srcad knows the reduced factors only",
            advice="leave out `mode`",
        )


def _square_and_rest(x: Any, q: Any, a: Any) -> tuple[Any, Any]:
    """The columns of `x` that `q` is made of, and the others, of a matrix `a` with more of them."""
    least = length(q, -1)
    return x[..., slice_of(a, None, least)], x[..., slice_of(a, least, None)]


@rule(np.linalg.qr, infer=_qr_type)
class _Qr:
    """``a = q @ r``. What is beside a square ``r`` is ``adjoint(q)`` times its columns of `a`."""

    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, mode: str = "reduced") -> Any:
        _reduced(mode)
        q, r = y
        square, _ = _square_and_rest(r, q, a)
        moved = _from_right(_square_and_rest(dots[0], q, a)[0], square)
        inner = hermitian(q) @ moved
        lower = np.tril(inner, -1)
        turned = lower - hermitian(lower)
        if not is_real(a):
            turned = turned + 1j * np.imag(_diagonal(inner))
        q_dot, r_dot = q @ (turned - inner) + moved, hermitian(q) @ dots[0] - turned @ r
        return real_with(q_dot, q), real_with(r_dot, r)

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, mode: str = "reduced") -> Any:
        _reduced(mode)
        q, r = y
        g_q, g_r = (None if part is None else conj(part) for part in g)
        square, rest = _square_and_rest(r, q, a)
        rest_bar = np.zeros_like(_square_and_rest(a, q, a)[1])
        parts, of_q = [], [] if g_q is None else [g_q]
        if g_r is not None:
            g_square, g_rest = _square_and_rest(g_r, q, a)
            parts.append(square @ hermitian(g_square) - g_rest @ hermitian(rest))
            of_q.append(q @ (rest @ hermitian(g_rest)))
            rest_bar = q @ g_rest
        if g_q is not None:
            parts.append(-(hermitian(g_q) @ q))
        inner = functools.reduce(operator.add, parts)
        lower = np.tril(inner, -1)
        bar = q @ (lower + hermitian(lower) + np.real(_diagonal(inner)))
        bar = functools.reduce(operator.add, of_q, bar)
        square_bar = hermitian(np.linalg.solve(square, hermitian(bar)))
        return (conj(np.concatenate((square_bar, rest_bar), axis=-1)),)


def _lstsq_type(call: Call) -> Type:
    a, b = (array_of(t) for t in call.types[:2])
    dtype = joined_dtype([dtype_of_matrix(a), dtype_of_matrix(b)])
    real = dtype_of_matrix(a, "real")
    known = a.dims is not None and b.dims is not None
    dims = (a.dims[-1], *b.dims[1:]) if known else None  # type: ignore[index, misc]
    rank, reals = Array("int32", (), True), Array(real, (ANY,))
    return TupleOf((Array(dtype, dims), reals, rank, reals))


@rule(np.linalg.lstsq, infer=_lstsq_type, operands=("a", "b", "rcond"), active=("a", "b"))
class _Lstsq:
    """(x, sums of squares, rank, singular values) of ``a @ x = b``: x is ``pinv(a) @ b``."""

    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, b: Any, rcond: Any = None) -> Any:
        a_dot, b_dot = dots[:2]
        x, apart = y[0], b - a @ y[0]
        inverse = np.linalg.pinv(a)
        moved = b_dot if b_dot is not None else 0.0
        if a_dot is not None:
            moved = moved - a_dot @ x
        x_dot = inverse @ moved
        squares_dot = 2 * np.sum(np.real(conj(apart) * moved), axis=0, keepdims=_is_vector(b))
        squares_dot = squares_dot[slice_of(a, None, y[1].shape[0])]
        if a_dot is None:
            return x_dot, squares_dot, None, None
        turned = hermitian(a_dot)
        x_dot = x_dot + inverse @ (hermitian(inverse) @ (turned @ apart))
        outside = turned @ (hermitian(inverse) @ x)
        x_dot = x_dot + outside - inverse @ (a @ outside)
        u, _, v_h = np.linalg.svd(a, full_matrices=False)
        singular_dot = np.real(np.sum(conj(u) * (a_dot @ hermitian(v_h)), axis=-2))
        return x_dot, squares_dot, None, singular_dot

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, b: Any, rcond: Any = None) -> Any:
        g_x, g_squares, _, g_singular = g
        a_bar: Any = None
        b_bar: Any = None
        x, apart = y[0], b - a @ y[0]
        if g_squares is not None:  # they are empty for some matrices
            columns = np.sum(np.real(apart) * 0, axis=0, keepdims=_is_vector(b))
            weights = np.concatenate((g_squares, columns))
            weights = weights[slice_of(a, None, columns.shape[0])]
            b_bar = 2 * conj(apart) * weights
            a_bar = -conj(_outer(conj(b_bar), x, b))
        if g_x is not None:
            more_a, more_b = _solution_bar(conj(g_x), x, apart, a, b)
            a_bar = more_a if a_bar is None else a_bar + more_a
            b_bar = more_b if b_bar is None else b_bar + more_b
        if g_singular is not None:
            u, _, v_h = np.linalg.svd(a, full_matrices=False)
            more = conj((u * g_singular) @ v_h)
            a_bar = more if a_bar is None else a_bar + more
        return a_bar, b_bar, None


def _is_vector(b: Any) -> bool:  # an error where that is not known
    return bool(b.ndim == 1)


def _solution_bar(g: Any, x: Any, apart: Any, a: Any, b: Any) -> tuple[Any, Any]:
    inverse = np.linalg.pinv(a)
    bar = hermitian(inverse) @ g
    total = _outer(apart, inverse @ bar, b) - _outer(bar, x, b)
    total = total + _outer(hermitian(inverse) @ x, g - hermitian(a) @ bar, b)
    return conj(total), conj(bar)


def _outer(x: Any, y: Any, b: Any) -> Any:
    """``x @ adjoint(y)``, of columns where the right side `b` is a vector."""
    return np.outer(x, conj(y)) if _is_vector(b) else x @ hermitian(y)


__all__: list[str] = []
