"""Rules of `numpy.linalg`: solutions, inverses, determinants, factorisations.

Matrices may be stacked: the last two axes are those of the matrix. NumPy reads one triangle of
the argument of `cholesky` and `eigh`, so the derivative is in that triangle only.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

from srcad import runtime
from srcad.errors import MissingRuleError
from srcad.ir.abstract import ANY, Array, TupleOf, Type, broadcast
from srcad.pristine import np
from srcad.rules.arithmetic import array_of as array
from srcad.rules.arithmetic import conj, elements, is_real, real_with
from srcad.rules.contract import contract
from srcad.rules.inference import Call
from srcad.rules.language import call, unbroadcast_to
from srcad.rules.registry import composite, linear, rule
from srcad.rules.shape_types import array_of, joined_dtype, length, swap_last

# -- types ---------------------------------------------------------------------------------------


def dtype_of_matrix(t: Array, part: Any = None) -> str | None:
    """The dtype of a result for a matrix of type `t` (integers are computed in float64)."""
    if t.dtype is None:
        return None
    try:
        found = np.linalg.inv(np.eye(2, dtype=t.dtype)).dtype
    except TypeError:  # NumPy has no linear algebra for this dtype: the primal will raise
        return None
    return found.type(0).real.dtype.name if part == "real" else found.name


def _same_matrix(call: Call) -> Type:
    a = array_of(call.types[0])
    return Array(dtype_of_matrix(a), a.dims)


def _number_per_matrix(part: Any = None) -> Any:
    def infer(call: Call) -> Type:
        a = array_of(call.types[0])
        dims = None if a.dims is None else a.dims[:-2]
        return Array(dtype_of_matrix(a, part), dims, dims == ())

    return infer


# -- inverse, determinant, solution --------------------------------------------------------------


@rule(np.linalg.inv, infer=_same_matrix)
class _Inv:
    @staticmethod
    def jvp(dots: Any, y: Any, a: Any) -> Any:
        return -(y @ dots[0] @ y)

    @staticmethod
    def vjp(g: Any, y: Any, a: Any) -> Any:
        y_t = swap_last(y)
        return (-(y_t @ g @ y_t),)


def _per_matrix(x: Any, a: Any) -> Any:
    """A number for each matrix of `a`, to be multiplied with it."""
    return x if a.known_ndim == 2 else np.expand_dims(x, (-2, -1))


def _trace_of(m: Any) -> Any:
    return np.trace(m) if m.known_ndim == 2 else np.trace(m, axis1=-2, axis2=-1)


@rule(np.linalg.det, infer=_number_per_matrix())
class _Det:
    @staticmethod
    def jvp(dots: Any, y: Any, a: Any) -> Any:
        return y * _trace_of(np.linalg.solve(a, dots[0]))

    @staticmethod
    def vjp(g: Any, y: Any, a: Any) -> Any:
        return (_per_matrix(g * y, a) * swap_last(np.linalg.inv(a)),)


def _slogdet_type(call: Call) -> Type:
    return TupleOf((_number_per_matrix()(call), _number_per_matrix("real")(call)))


@rule(np.linalg.slogdet, infer=_slogdet_type)
class _Slogdet:
    """(sign, logabsdet): the logarithm of the determinant, in two parts."""

    @staticmethod
    def jvp(dots: Any, y: Any, a: Any) -> Any:
        moved = _trace_of(np.linalg.solve(a, dots[0]))
        if is_real(a):
            return None, moved
        turned = 1j * np.imag(moved) * y[0]  # 0 for real matrices
        return real_with(turned, y[0]), np.real(moved)

    @staticmethod
    def vjp(g: Any, y: Any, a: Any) -> Any:
        g_sign, bar = g
        if g_sign is not None and not is_real(a):
            turned = real_with(1j * np.imag(g_sign * y[0]), y[0])
            bar = turned if bar is None else bar + turned
        if bar is None:
            return (None,)
        return (_per_matrix(bar, a) * swap_last(np.linalg.inv(a)),)


def _solved(call: Call) -> Type:
    a, b = (array_of(t) for t in call.types)
    dtype = joined_dtype([dtype_of_matrix(a), dtype_of_matrix(b)])
    if a.dims is None or b.dims is None:
        return Array(dtype, None)
    if len(b.dims) == 1:
        return Array(dtype, (*a.dims[:-2], *a.dims[-1:]))
    batch = broadcast([a.dims[:-2], b.dims[:-2]])
    assert batch is not None
    return Array(dtype, (*batch, *a.dims[-1:], *b.dims[-1:]))


@rule(np.linalg.solve, infer=_solved)
class _Solve:
    """A right side of one dimension is one vector, any other a stack of matrices."""

    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, b: Any) -> Any:
        a_dot, b_dot = dots
        if a_dot is None:
            return np.linalg.solve(a, b_dot)
        if b.known_ndim is not None and (b.known_ndim > 1 or a.known_ndim == 2):
            moved = a_dot @ y
            if b_dot is None:
                return -np.linalg.solve(a, moved)
            right = b_dot - moved
            return np.linalg.solve(a, right)
        moved = a_dot @ call(runtime.as_columns, y, y, b)
        if b_dot is not None:
            moved = moved - call(runtime.as_columns, y, b_dot, b)
        return -call(runtime.from_columns, y, np.linalg.solve(a, moved), b)

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, b: Any) -> Any:
        a_bar: Any
        b_bar: Any
        a, b = array(a, y), array(b, y)
        if b.known_ndim is not None and (b.known_ndim > 1 or a.known_ndim == 2):
            b_bar = np.linalg.solve(swap_last(a), g)
            if b.known_ndim == 1:
                a_bar = contract(b_bar, "i", y, "j", "ij")
            else:
                a_bar = b_bar @ swap_last(y)
        else:
            columns = call(runtime.as_columns, y, y, b)
            bars = np.linalg.solve(swap_last(a), call(runtime.as_columns, y, g, b))
            a_bar = bars @ np.swapaxes(columns, -1, -2)
            b_bar = call(runtime.from_columns, y, bars, b)
        return -unbroadcast_to(a_bar, a, a_bar), unbroadcast_to(b_bar, b, b_bar)


linear(
    runtime.as_columns, lambda g, x, like: call(runtime.from_columns, g, g, like),
    infer=lambda c: Array(array_of(c.types[0]).dtype, None),
)  # fmt: skip
linear(
    runtime.from_columns, lambda g, x, like: call(runtime.as_columns, g, g, like),
    infer=lambda c: Array(array_of(c.types[0]).dtype, None),
)  # fmt: skip


# -- powers and products -------------------------------------------------------------------------


@composite(np.linalg.matrix_power, infer=_same_matrix, operands=("a",))
def matrix_power(a: Any, n: int) -> Any:
    if n == 0:
        return 0.0 * a  # for its derivative only
    if n < 0:
        a, n = np.linalg.inv(a), -n
    result = None
    while n:
        if n % 2:
            result = a if result is None else result @ a
        n //= 2
        if n:
            a = a @ a
    return result


def _chained(call: Call) -> Type:
    parts = call.types[0].elems if isinstance(call.types[0], TupleOf) else None
    if parts is None:
        return Array(None, None)
    arrays = [array_of(p) for p in parts]
    dtype = joined_dtype(a.dtype for a in arrays)
    first, last = arrays[0].dims, arrays[-1].dims
    if first is None or last is None:
        return Array(dtype, None)
    dims = first[:-1] + last[1:]
    return Array(dtype, dims, dims == ())


@composite(np.linalg.multi_dot, infer=_chained)
def multi_dot(arrays: Any) -> Any:
    parts = elements(arrays)
    if parts is None:
        raise MissingRuleError(
            "`np.linalg.multi_dot` of a list whose length is not known has no derivative rule",
            reason="its derivative is written out factor by factor",
            advice="write the list of arrays out in the call",
        )
    if parts[-1].known_ndim == 1:  # a vector is cheapest from its side
        result = parts[-1]
        for part in reversed(parts[:-1]):
            result = part @ result
        return result
    result = parts[0]
    for part in parts[1:]:
        result = result @ part
    return result


# -- factorisations of symmetric matrices --------------------------------------------------------
# A cotangent g acts on a tangent t as Re(g * t); the formulas below are for conj(g).


def hermitian(x: Any) -> Any:
    """The conjugate transpose."""
    return swap_last(conj(x))


def _triangle(m: Any, lower: bool = True) -> Any:
    """One triangle, with half of the diagonal."""
    return 0.5 * (np.tril(m) + np.tril(m, -1)) if lower else 0.5 * (np.triu(m) + np.triu(m, 1))


def _symmetric(a_dot: Any, lower: bool) -> Any:
    """The symmetric matrix of which one triangle was read."""
    half = _triangle(a_dot, lower)
    return half + hermitian(half)


def _of_triangle(bar: Any, lower: bool) -> Any:
    """The cotangent of the triangle that was read, from that of the whole matrix."""
    return conj(_triangle(bar + hermitian(bar), lower))


@rule(np.linalg.cholesky, infer=_same_matrix)
class _Cholesky:
    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, upper: bool = False) -> Any:
        low = hermitian(y) if upper else y
        inner = np.linalg.solve(low, _symmetric(dots[0], not upper))
        inner = np.linalg.solve(low, hermitian(inner))  # a Hermitian matrix
        moved = low @ _triangle(inner)
        return hermitian(moved) if upper else moved

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, upper: bool = False) -> Any:
        low, g = (hermitian(y), swap_last(g)) if upper else (y, conj(g))
        turned = hermitian(low)
        inner = np.linalg.solve(turned, _triangle(turned @ g))
        bar = np.linalg.solve(turned, hermitian(inner))  # its conjugate transpose does as well
        return (_of_triangle(bar, not upper),)


def _eigh_type(call: Call) -> Type:
    a = array_of(call.types[0])
    values = Array(dtype_of_matrix(a, "real"), None if a.dims is None else a.dims[:-1])
    return values if call.fn is np.linalg.eigvalsh else TupleOf((values, _same_matrix(call)))


def _inverse_gaps(w: Any) -> Any:
    """1 / (w[j] - w[i]), and 0 on the diagonal."""
    dtype = array_of(w.type).dtype
    keywords = {} if dtype in (None, "float64") else {"dtype": np.dtype(dtype).type}
    eye = call(np.eye, w, length(w, -1), **keywords)
    return 1.0 / (w[..., None, :] - w[..., :, None] + eye) - eye


def _eigenvalues_dot(v: Any, moved: Any) -> Any:
    """The real part of the diagonal of v^H @ moved."""
    return np.real(np.sum(conj(v) * moved, axis=-2))


@rule(np.linalg.eigh, infer=_eigh_type)
class _Eigh:
    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, UPLO: str = "L") -> Any:
        w, v = y
        moved = _symmetric(dots[0], UPLO in "Ll") @ v
        return _eigenvalues_dot(v, moved), v @ (_inverse_gaps(w) * (hermitian(v) @ moved))

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, UPLO: str = "L") -> Any:
        w, v = y
        g_w, g_v = g
        left = None if g_w is None else v * g_w[..., None, :]
        if g_v is not None:
            turned = v @ (_inverse_gaps(w) * (hermitian(v) @ conj(g_v)))
            left = turned if left is None else left + turned
        return (None if left is None else _of_triangle(left @ hermitian(v), UPLO in "Ll"),)


def _eigh(a: Any, uplo: Any) -> Any:
    return np.linalg.eigh(a, **({} if uplo == "L" else {"UPLO": uplo}))


@rule(np.linalg.eigvalsh, infer=_eigh_type)
class _Eigvalsh:
    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, UPLO: str = "L") -> Any:
        _, v = _eigh(a, UPLO)
        return _eigenvalues_dot(v, _symmetric(dots[0], UPLO in "Ll") @ v)

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, UPLO: str = "L") -> Any:
        _, v = _eigh(a, UPLO)
        return (_of_triangle((v * g[..., None, :]) @ hermitian(v), UPLO in "Ll"),)


# -- singular values -----------------------------------------------------------------------------


def _svd_type(call: Call) -> Type:
    a = array_of(call.types[0])
    real, whole = dtype_of_matrix(a, "real"), dtype_of_matrix(a)
    dims = a.dims
    if dims is None:
        parts: tuple[Any, ...] = (None, None, None)
    else:
        rows, columns = dims[-2:]
        least = rows if rows is columns else ANY  # of zero and one, zero
        full = call.attrs.get("full_matrices", True)
        shapes = ((rows, rows), (columns, columns)) if full else ((rows, least), (least, columns))
        parts = ((*dims[:-2], *shapes[0]), (*dims[:-2], least), (*dims[:-2], *shapes[1]))
    if call.fn is np.linalg.svdvals or not call.attrs.get("compute_uv", True):
        return Array(real, parts[1])
    return TupleOf((Array(whole, parts[0]), Array(real, parts[1]), Array(whole, parts[2])))


def _singular_values_dot(a_dot: Any, a: Any) -> Any:
    u, _, v_h = np.linalg.svd(a, full_matrices=False)
    return np.real(np.sum(conj(u) * (a_dot @ hermitian(v_h)), axis=-2))


def _singular_values_bar(g: Any, a: Any) -> Any:
    u, _, v_h = np.linalg.svd(a, full_matrices=False)
    return conj((u * g[..., None, :]) @ v_h)


@rule(np.linalg.svdvals, infer=_svd_type)
class _Svdvals:
    @staticmethod
    def jvp(dots: Any, y: Any, x: Any) -> Any:
        return _singular_values_dot(dots[0], x)

    @staticmethod
    def vjp(g: Any, y: Any, x: Any) -> Any:
        return (_singular_values_bar(g, x),)


def _thin(full: bool) -> None:
    if full:
        raise MissingRuleError(
            "the singular vectors of `np.linalg.svd` with full_matrices=True have no derivative "
            "rule",
            reason="those beyond the singular values are determined only up to a rotation",
            advice="pass full_matrices=False, or use the singular values only",
        )


def _diagonal_matrix(d: Any) -> Any:
    """The matrices with these diagonals."""
    return d[..., None, :] * call(np.eye, d, length(d, -1))


@rule(np.linalg.svd, infer=_svd_type)
class _Svd:
    """The phase of complex singular vectors is arbitrary: it is taken to stay on the right."""

    @staticmethod
    def jvp(
        dots: Any, y: Any, a: Any, full_matrices: bool = True, compute_uv: bool = True
    ) -> Any:
        if not compute_uv:
            return _singular_values_dot(dots[0], a)
        _thin(full_matrices)
        u, s, v_h = y
        v, u_h, along = hermitian(v_h), hermitian(u), s[..., None, :]
        gaps = _inverse_gaps(s * s)
        moved = dots[0] @ v
        inner = u_h @ moved
        right, left = inner * along, swap_last(along) * inner
        u_turned = gaps * (right + hermitian(right))
        if not is_real(a):
            phase = np.imag(np.diagonal(inner, axis1=-2, axis2=-1)) / s
            u_turned = u_turned + 1j * _diagonal_matrix(phase)
        v_turned = gaps * (left + hermitian(left))
        u_out, v_out = moved / along, hermitian(dots[0]) @ u / along
        u_dot = u @ (u_turned - u_h @ u_out) + u_out
        v_dot = v @ (v_turned - v_h @ v_out) + v_out
        v_dot = hermitian(v_dot)
        return real_with(u_dot, u), _eigenvalues_dot(u, moved), real_with(v_dot, v_h)

    @staticmethod
    def vjp(
        g: Any, y: Any, a: Any, full_matrices: bool = True, compute_uv: bool = True
    ) -> Any:
        if not compute_uv:
            return (_singular_values_bar(g, a),)
        g_u, g_s, g_v = g
        if g_u is None and g_v is None:
            return (None if g_s is None else _singular_values_bar(g_s, a),)
        _thin(full_matrices)
        u, s, v_h = y
        along = s[..., None, :]
        gaps = _inverse_gaps(s * s)
        terms = [] if g_s is None else [(u * g_s[..., None, :]) @ v_h]
        if g_u is not None:
            g_u, u_h = conj(g_u), hermitian(u)
            inner = u_h @ g_u
            turned = gaps * inner
            within = (turned + hermitian(turned)) * along
            if not is_real(a):
                phase = np.imag(np.diagonal(inner, axis1=-2, axis2=-1)) / s
                within = within + 1j * _diagonal_matrix(phase)
            out = g_u / along
            terms.append((u @ (within - u_h @ out) + out) @ v_h)
        if g_v is not None:
            g_v, v = swap_last(g_v), hermitian(v_h)
            turned = gaps * (v_h @ g_v)
            within = swap_last(along) * (turned + hermitian(turned))
            out = g_v / along
            terms.append(u @ (within @ v_h + hermitian(out - v @ (v_h @ out))))
        bar = conj(functools.reduce(operator.add, terms))
        return (real_with(bar, a),)


@rule(np.linalg.pinv, infer=lambda c: _pinv_type(c))
class _Pinv:
    """Where the rank does not change."""

    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, rcond: Any = None, rtol: Any = None) -> Any:
        a_dot, y_h = dots[0], hermitian(y)
        turned = hermitian(a_dot)
        right = y @ y_h @ turned
        left = turned @ y_h @ y
        return right - right @ a @ y + left - y @ a @ left - y @ a_dot @ y

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, rcond: Any = None, rtol: Any = None) -> Any:
        g, y_h = conj(g), hermitian(y)
        turned = hermitian(g)
        left = turned @ y @ y_h
        right = y_h @ y @ turned
        bar = left - a @ y @ left + right - right @ y @ a - y_h @ g @ y_h
        return (conj(bar),)


def _pinv_type(call: Call) -> Type:
    a = array_of(call.types[0])
    dims = None if a.dims is None else (*a.dims[:-2], a.dims[-1], a.dims[-2])
    return Array(dtype_of_matrix(a), dims)
