"""Rules of SciPy's functions that call a function of the user's: integrals and roots.

They are declared when a function of `scipy.integrate` or `scipy.optimize` is first looked up. The
derivatives call the derivatives of that function, which are made when they are first called.

    d/db of the integral of f(t, *args) from a to b is f(b, *args), and in `args` it is the
    integral of the derivative of f; a root x of f(x, *args) moves by -f_args / f_x.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from scipy import integrate, optimize

from srcad.errors import TypeInferenceError
from srcad.ir.abstract import FLOAT, UNKNOWN, Array, ListOf, Scalar, TupleOf, Type, dims_of, kind_of
from srcad.pristine import np
from srcad.rules.inference import constant_type
from srcad.rules.language import call
from srcad.rules.registry import CALLBACKS, derivative_of, rule

Orders = tuple[int, ...]  # the arguments that a function is differentiated in, one after the other


@functools.lru_cache(maxsize=256)
def _derivative(function: Callable[..., Any], orders: Orders) -> Callable[..., Any]:
    if orders and isinstance(function, (types.BuiltinFunctionType, np.ufunc)):
        function = _in_python(function)
    for k in orders:
        function = derivative_of(function, k)
    return function


def _in_python(function: Callable[[float], float]) -> Callable[[float], float]:
    def value(x: float) -> float:
        return function(x)

    return value


def _tuple(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)


def partial_derivative(
    x: Any, args: tuple[Any, ...], func: Any = None, orders: Orders = ()
) -> float:
    """A derivative of `func` at `(x, *args)`."""
    return float(_derivative(func, orders)(x, *_tuple(args)))


def integral(
    a: Any, b: Any, args: tuple[Any, ...], func: Any = None, orders: Orders = (), **options: Any
) -> float:
    """The integral of a derivative of `func` in its arguments."""
    found: float = integrate.quad(_derivative(func, orders), a, b, args, **options)[0]
    return found


# -- the arguments of the function


def _kinds(args: Any) -> tuple[Type, ...]:
    """The types of the arguments; one that is no tuple is the only one."""
    if isinstance(args, tuple) or args.is_const:
        return ()
    t = args.type
    if not isinstance(t, TupleOf):
        return (t,)
    if t.elems is None:
        raise TypeInferenceError(
            "`args` of a length that is not known cannot be differentiated here",
            reason="which arguments the function gets is not known while compiling",
            advice="write `args=(a, b)`",
        )
    return t.elems


def _is_differentiable(t: Type) -> bool:
    """Whether an argument is a real number, or nothing that could be differentiated."""
    if t == UNKNOWN or (dims_of(t) == () and kind_of(t) == "f"):
        return True
    if isinstance(t, (Scalar, Array)) and kind_of(t) in ("i", "u", "b"):
        return False
    if isinstance(t, (Scalar, Array, TupleOf, ListOf)):
        raise TypeInferenceError(
            "an array or a complex number in `args` cannot be differentiated here",
            reason="an integral or a root is differentiated in real numbers only",
            advice="pass the elements, or real and imaginary part, one by one",
        )
    return False


def _cotangents(args: Any, slope: Callable[[int], Any]) -> Any:
    """One for each argument of the function."""
    found = [slope(i) if _is_differentiable(t) else None for i, t in enumerate(_kinds(args))]
    if not found:
        return None
    return found if isinstance(args.type, TupleOf) else found[0]


def _tangent(dots: Any, args: Any, slope: Callable[[int], Any]) -> Any:
    """The sum over the arguments of the function."""
    total = None
    for i, t in enumerate(_kinds(args) if dots is not None else ()):
        dot = dots[i] if isinstance(dots, tuple) else dots
        if _is_differentiable(t) and dot is not None:
            total = _plus(total, dot * slope(i))
    return total


def _plus(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return a + b


# -- integrals


class _Integral:
    """`quad`, whose result is the integral and an estimate of the error, and `integral`."""

    def jvp(dots: Any, y: Any, a: Any, b: Any, args: Any = (), **rest: Any) -> Any:
        total = None
        for dot, bound, sign in ((dots[0], a, -1.0), (dots[1], b, 1.0)):
            if dot is not None:
                total = _plus(total, dot * (sign * _integrand(bound, a, args, **rest)))
        moved = _tangent(dots[2], args, lambda i: _slope(a, b, args, i, **rest))
        return _plus(total, moved)

    def vjp(g: Any, y: Any, a: Any, b: Any, args: Any = (), **rest: Any) -> Any:
        if g is None:
            return None, None, None
        low, high = (_integrand(bound, a, args, **rest) for bound in (a, b))
        bars = _cotangents(args, lambda i: g * _slope(a, b, args, i, **rest))
        return -g * low, g * high, bars


def _integrand(x: Any, like: Any, args: Any, func: Any, orders: Any = (), **rest: Any) -> Any:
    return call(partial_derivative, like, x, args, func=func, orders=orders)


def _slope(
    a: Any, b: Any, args: Any, i: int, func: Any, orders: Any = (), **rest: Any
) -> Any:
    """The derivative of an integral in an argument of the function."""
    return call(integral, a, a, b, args, func=func, orders=(*orders, i + 1), **rest)


_OPERANDS = ("a", "b", "args")


@rule(integrate.quad, operands=_OPERANDS, infer=constant_type(TupleOf((FLOAT, FLOAT))))
class _Quad:
    def jvp(
        dots: Any, y: Any, a: Any, b: Any, args: Any = (), func: Any = None, epsabs: Any = 1.49e-8,
        epsrel: Any = 1.49e-8, limit: int = 50, points: Any = None,
    ) -> Any:  # fmt: skip
        rest = {"func": func, "epsabs": epsabs, "epsrel": epsrel, "limit": limit, "points": points}
        return _Integral.jvp(dots, y, a, b, args, **rest), None

    def vjp(
        g: Any, y: Any, a: Any, b: Any, args: Any = (), func: Any = None, epsabs: Any = 1.49e-8,
        epsrel: Any = 1.49e-8, limit: int = 50, points: Any = None,
    ) -> Any:  # fmt: skip
        rest = {"func": func, "epsabs": epsabs, "epsrel": epsrel, "limit": limit, "points": points}
        return _Integral.vjp(g[0], y, a, b, args, **rest)


@rule(integral, operands=_OPERANDS, infer=constant_type(FLOAT))
class _OfDerivative:
    def jvp(
        dots: Any, y: Any, a: Any, b: Any, args: Any, func: Any = None, orders: Any = (),
        epsabs: Any = 1.49e-8, epsrel: Any = 1.49e-8, limit: int = 50, points: Any = None,
    ) -> Any:  # fmt: skip
        rest = {"epsabs": epsabs, "epsrel": epsrel, "limit": limit, "points": points}
        return _Integral.jvp(dots, y, a, b, args, func=func, orders=orders, **rest)

    def vjp(
        g: Any, y: Any, a: Any, b: Any, args: Any, func: Any = None, orders: Any = (),
        epsabs: Any = 1.49e-8, epsrel: Any = 1.49e-8, limit: int = 50, points: Any = None,
    ) -> Any:  # fmt: skip
        rest = {"epsabs": epsabs, "epsrel": epsrel, "limit": limit, "points": points}
        return _Integral.vjp(g, y, a, b, args, func=func, orders=orders, **rest)


@rule(partial_derivative, operands=("x", "args"), infer=constant_type(FLOAT))
class _PartialDerivative:
    def jvp(dots: Any, y: Any, x: Any, args: Any, func: Any = None, orders: Any = ()) -> Any:
        def slope(k: int) -> Any:
            return call(partial_derivative, x, x, args, func=func, orders=(*orders, k))

        total = None if dots[0] is None else dots[0] * slope(0)
        return _plus(total, _tangent(dots[1], args, lambda i: slope(i + 1)))

    def vjp(g: Any, y: Any, x: Any, args: Any, func: Any = None, orders: Any = ()) -> Any:
        def slope(k: int) -> Any:
            return g * call(partial_derivative, x, x, args, func=func, orders=(*orders, k))

        return slope(0), _cotangents(args, lambda i: slope(i + 1))


# -- roots


def _root_slope(y: Any, args: Any, i: int, func: Any) -> Any:
    """How a root moves with an argument of the function."""
    slopes = (call(partial_derivative, y, y, args, func=func, orders=(k,)) for k in (i + 1, 0))
    return -next(slopes) / next(slopes)


_NUMPY_FLOAT = Array("float64", (), item=True)

_BRACKETING = (
    optimize.brentq, optimize.brenth, optimize.bisect, optimize.ridder, optimize.toms748
)  # fmt: skip

for _bracketing in _BRACKETING:
    _type = _NUMPY_FLOAT if _bracketing is optimize.toms748 else FLOAT

    @rule(_bracketing, operands=_OPERANDS, active=("args",), infer=constant_type(_type))
    class _Bracketed:
        def jvp(
            dots: Any, y: Any, a: Any, b: Any, args: Any = (), f: Any = None, xtol: Any = 2e-12,
            rtol: Any = None, maxiter: int = 100,
        ) -> Any:  # fmt: skip
            return _tangent(dots[2], args, lambda i: _root_slope(y, args, i, f))

        def vjp(
            g: Any, y: Any, a: Any, b: Any, args: Any = (), f: Any = None, xtol: Any = 2e-12,
            rtol: Any = None, maxiter: int = 100,
        ) -> Any:  # fmt: skip
            return None, None, _cotangents(args, lambda i: g * _root_slope(y, args, i, f))


@rule(optimize.newton, operands=("x0", "args"), active=("args",), infer=lambda c: (
    _NUMPY_FLOAT if dims_of(c.types[0]) == () else UNKNOWN
))  # fmt: skip
class _Newton:
    def jvp(
        dots: Any, y: Any, x0: Any, args: Any = (), func: Any = None, fprime: Any = None,
        tol: Any = 1.48e-8, maxiter: int = 50, fprime2: Any = None, x1: Any = None, rtol: Any = 0.0,
    ) -> Any:  # fmt: skip
        return _tangent(dots[1], args, lambda i: _root_slope(y, args, i, func))

    def vjp(
        g: Any, y: Any, x0: Any, args: Any = (), func: Any = None, fprime: Any = None,
        tol: Any = 1.48e-8, maxiter: int = 50, fprime2: Any = None, x1: Any = None, rtol: Any = 0.0,
    ) -> Any:  # fmt: skip
        return None, _cotangents(args, lambda i: g * _root_slope(y, args, i, func))


CALLBACKS.update({integrate.quad: ("func", "args"), optimize.newton: ("func", "args")})
CALLBACKS.update(dict.fromkeys(_BRACKETING, ("f", "args")))

__all__ = ["integral", "partial_derivative"]
