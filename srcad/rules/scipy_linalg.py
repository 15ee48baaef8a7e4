"""Rules of `scipy.linalg`, where SciPy is installed: most are those of NumPy's functions.

They are declared when a function of `scipy.linalg` is first looked up. Options that let SciPy
overwrite an argument, or read a part of a matrix only, are unknown to the rules, and so refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from scipy import linalg

from srcad.errors import MissingRuleError
from srcad.ir.abstract import FLOAT, UNKNOWN, Array, Type, dims_of
from srcad.pristine import np
from srcad.rules.inference import MISSING, Call, Infer, as_array
from srcad.rules.language import call
from srcad.rules.registry import composite, lookup, rule


def _as_numpy(fn: Callable[..., Any], **options: Any) -> Infer:
    """The type of the result is that of a function of NumPy."""

    def infer(call: Call) -> Type:
        numpys = lookup(fn)
        assert numpys is not None
        return numpys.infer(replace(call, fn=fn, attrs=options))

    return infer


@composite(linalg.inv, infer=_as_numpy(np.linalg.inv))
def inv(a: Any, check_finite: bool = True) -> Any:
    return np.linalg.inv(a)


@composite(linalg.pinv, infer=_as_numpy(np.linalg.pinv))
def pinv(a: Any, check_finite: bool = True) -> Any:
    return np.linalg.pinv(a)


@composite(linalg.det, infer=_as_numpy(np.linalg.det))
def det(a: Any, check_finite: bool = True) -> Any:
    return np.linalg.det(a)


@composite(linalg.svdvals, infer=_as_numpy(np.linalg.svdvals))
def svdvals(a: Any, check_finite: bool = True) -> Any:
    return np.linalg.svdvals(a)


@composite(linalg.eigvalsh, infer=_as_numpy(np.linalg.eigvalsh))
def eigvalsh(a: Any, lower: bool = True, check_finite: bool = True) -> Any:
    return np.linalg.eigvalsh(a, UPLO="L" if lower else "U")


@composite(linalg.cholesky, infer=_as_numpy(np.linalg.cholesky))
def cholesky(a: Any, lower: bool = False, check_finite: bool = True) -> Any:
    """Of the upper triangle, if not of the lower one."""
    return np.linalg.cholesky(a) if lower else np.linalg.cholesky(a.T).T


def _only_matrix(a: Any) -> None:
    if a.ndim != 2:
        raise MissingRuleError(
            "a stack of matrices has no derivative rule here",
            reason="SciPy and NumPy take it for different things",
            advice="use the function of `numpy.linalg`",
        )


@composite(linalg.solve, infer=_as_numpy(np.linalg.solve))
def solve(a: Any, b: Any, check_finite: bool = True) -> Any:
    _only_matrix(a)
    return np.linalg.solve(a, b)


@composite(linalg.solve_triangular, infer=_as_numpy(np.linalg.solve))
def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, check_finite: bool = True
) -> Any:
    _only_matrix(a)
    triangle = np.tril(a) if lower else np.triu(a)
    return np.linalg.solve(triangle if trans in (0, "N") else triangle.T, b)


@rule(linalg.expm, infer=lambda c: as_array(c.types[0]))
class _Expm:
    """The derivative is a block of the exponential of a block triangular matrix."""

    def jvp(dots: Any, y: Any, A: Any) -> Any:
        return _moved(A, dots[0])

    def vjp(g: Any, y: Any, A: Any) -> Any:
        return (_moved(A.T, g),)


def _moved(a: Any, a_dot: Any) -> Any:
    _only_matrix(a)
    upper = np.concatenate([a, a_dot], axis=1)
    lower = np.concatenate([np.zeros_like(a), a], axis=1)
    blocks: Any = np.concatenate([upper, lower], axis=0)
    exponential = call(linalg.expm, blocks, blocks)
    return np.split(np.split(exponential, 2, axis=0)[0], 2, axis=1)[1]


def _norm_type(call: Call) -> Type:
    a, order = call.types[0], call.constants[1] if len(call.constants) > 1 else None
    if order is MISSING:
        return UNKNOWN
    if dims_of(as_array(a)) is None:
        return UNKNOWN
    if order in (None, 2) and len(dims_of(as_array(a)) or ()) == 1 and not call.attrs:
        return FLOAT if a == Array("float64", dims_of(a)) else UNKNOWN
    return _as_numpy(np.linalg.norm, ord=order, **call.attrs)(
        replace(call, types=call.types[:1], constants=call.constants[:1])
    )


@composite(linalg.norm, operands=("a", "ord"), infer=_norm_type)
def norm(
    a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True
) -> Any:
    if ord is None or ord.is_const:
        order: Any = None if ord is None else ord.const
        return np.linalg.norm(a, ord=order, axis=axis, keepdims=keepdims)
    if axis is None and a.ndim != 1:
        raise MissingRuleError(
            "`scipy.linalg.norm` of a matrix with an order of run time has no derivative rule",
            reason="there is an expression of the order for vectors only",
            advice="pass a constant for `ord`",
        )
    return np.sum(np.abs(a) ** ord, axis=axis, keepdims=keepdims) ** (1.0 / ord)


__all__: list[str] = []
