"""NumPy's universal functions, the `math` functions of the same mathematics, and the few NumPy
functions that act element by element without being ufuncs (`real`, `clip`, `nan_to_num`, ...).

Partials reuse the result where that is exact, and are written so that they neither overflow nor
cancel where the function itself does not. Operators are in `srcad.rules.arithmetic`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from srcad import runtime
from srcad.ir.abstract import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    UNKNOWN,
    Array,
    Scalar,
    TupleOf,
    Type,
    dims_of,
)
from srcad.ir.ops import Cost
from srcad.pristine import math, np
from srcad.rules import inference
from srcad.rules.arithmetic import (
    extremum_jvp,
    extremum_vjp,
    given,
    is_real,
    nonzero,
    real_with,
    sign,
)
from srcad.rules.inference import Call, Infer
from srcad.rules.language import call, unbroadcast_to
from srcad.rules.registry import ARRAY, elementwise, linear, rule, zero

LN2 = math.log(2.0)
PER_LN2, PER_LN10 = 1.0 / LN2, 1.0 / math.log(10.0)


# -- exponentials and logarithms

elementwise((np.exp, math.exp), lambda y, x: y)
elementwise(np.exp2, lambda y, x: LN2 * y)
elementwise((np.expm1, math.expm1), lambda y, x: np.exp(x))
elementwise(np.log, lambda y, x: 1 / x)
elementwise((np.log2, math.log2), lambda y, x: PER_LN2 / x)
elementwise((np.log10, math.log10), lambda y, x: PER_LN10 / x)
elementwise((np.log1p, math.log1p), lambda y, x: 1 / (1 + x))


def _parts_of_sum(exp: Any) -> Callable[..., Any]:
    """The part of each operand in the sum that a logaddexp takes the logarithm of."""

    def partials(y: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        shift = np.where(y == -math.inf, 0.0, y)  # -inf - -inf is NaN, but exp(-inf - 0) is 0
        return exp(x1 - shift), exp(x2 - shift)

    return partials


elementwise(np.logaddexp, _parts_of_sum(np.exp))
elementwise(np.logaddexp2, _parts_of_sum(np.exp2))

# -- powers and roots

elementwise((np.sqrt, math.sqrt), lambda y, x: 0.5 / y)
elementwise(np.cbrt, lambda y, x: 1 / (3 * y * y))
elementwise(np.square, lambda y, x: 2 * x, cost=Cost.CHEAP)
elementwise(np.reciprocal, lambda y, x: -y * y, cost=Cost.CHEAP)


def _hypot(y: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
    length = nonzero(y)  # the derivative at the origin is 0, as that of abs
    return x1 / length, x2 / length


elementwise(np.hypot, _hypot)

# -- trigonometric and hyperbolic functions, and their inverses

elementwise((np.sin, math.sin), lambda y, x: np.cos(x))
elementwise((np.cos, math.cos), lambda y, x: -np.sin(x))
elementwise((np.tan, math.tan), lambda y, x: 1 + y * y)
elementwise((np.sinh, math.sinh), lambda y, x: np.cosh(x))
elementwise((np.cosh, math.cosh), lambda y, x: np.sinh(x))
elementwise((np.tanh, math.tanh), lambda y, x: 1 - y * y)
elementwise((np.arcsin, math.asin), lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)))
elementwise((np.arccos, math.acos), lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)))
elementwise((np.arctan, math.atan), lambda y, x: 1 / (1 + x * x))
elementwise((np.arcsinh, math.asinh), lambda y, x: 1 / np.cosh(y))
elementwise((np.arccosh, math.acosh), lambda y, x: 1 / np.sinh(y))
elementwise((np.arctanh, math.atanh), lambda y, x: 1 / ((1 - x) * (1 + x)))


def _arctan2(y: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
    r = np.hypot(x1, x2)
    return x2 / r / r, -x1 / r / r


elementwise((np.arctan2, math.atan2), _arctan2)
linear((np.deg2rad, np.radians, math.radians), lambda g, x: np.deg2rad(g))
linear((np.rad2deg, np.degrees, math.degrees), lambda g, x: np.rad2deg(g))


def sampled_type(call: Call) -> Type:
    """For functions that are no ufuncs: the shape of the operand, the dtype asked of NumPy."""
    t = inference.as_array(call.types[0])
    if not isinstance(t, (Scalar, Array)):
        return UNKNOWN
    dims = dims_of(t)
    return Array(inference.sampled_dtype(call.fn, t), dims, dims == ())


elementwise(np.sinc, lambda y, x: call(runtime.sinc_derivative, x, x), infer=sampled_type)
elementwise(
    runtime.sinc_derivative,
    lambda y, x, n=1: call(runtime.sinc_derivative, x, x, n=n + 1),
    infer=sampled_type,
)

# -- signs, remainders, parts

elementwise((np.fabs, math.fabs), lambda y, x: sign(x), cost=Cost.CHEAP)
elementwise(
    (np.copysign, math.copysign),
    lambda z, x1, x2: (sign(x1) * np.copysign(sign(x1), x2), None),  # of the dtype of x1
)
elementwise(np.heaviside, lambda z, x1, x2: (None, x1 == 0))
elementwise(np.nextafter, lambda z, x1, x2: (1, None))
# z - x1 is a multiple of x2; its rounding error must not become one of the quotient
elementwise(np.fmod, lambda z, x1, x2: (1, np.rint((z - x1) / x2)))
linear(
    (np.ldexp, math.ldexp),
    lambda g, x1, x2: unbroadcast_to(np.ldexp(g, x2), x1, g),
    infer=lambda call: _ldexp_type(call),
)


def _ldexp_type(call: Call) -> Type:
    if call.fn is math.ldexp:
        return FLOAT
    return inference.elementwise_type(np.ldexp, call.types)


def parts_type(call: Call) -> Type:
    """The pair that `modf` and `frexp` return."""
    ufunc: Any = np.frexp if call.fn in (np.frexp, math.frexp) else np.modf
    if call.fn in (math.frexp, math.modf):
        return TupleOf((FLOAT, INT if ufunc is np.frexp else FLOAT))
    t = inference.as_array(call.types[0])
    dims = dims_of(t)
    weak = inference.weak_dtype(t) if isinstance(t, (Scalar, Array)) else None
    dtypes = inference.ufunc_dtypes(ufunc, (weak,)) if weak is not None else None
    first, second = dtypes or (None, None)
    return TupleOf((Array(first, dims, dims == ()), Array(second, dims, dims == ())))


@rule((np.modf, math.modf), infer=parts_type)
class _Modf:
    @staticmethod
    def jvp(dots: Any, y: Any, x: Any) -> Any:
        return dots[0], None

    @staticmethod
    def vjp(g: Any, y: Any, x: Any) -> Any:
        return (g[0],)


@rule((np.frexp, math.frexp), infer=parts_type)
class _Frexp:
    @staticmethod
    def jvp(dots: Any, y: Any, x: Any) -> Any:
        return np.ldexp(dots[0], -y[1]), None

    @staticmethod
    def vjp(g: Any, y: Any, x: Any) -> Any:
        return (None if g[0] is None else np.ldexp(g[0], -y[1]),)


zero(
    np.floor, np.ceil, np.trunc, np.rint, np.signbit, np.isnan, np.isfinite, np.isinf, np.isnat,
    np.spacing, np.invert, np.logical_not, np.bitwise_count, signature="x", cost=Cost.CHEAP,
)  # fmt: skip
zero(
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.logical_and,
    np.logical_or, np.logical_xor, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift,
    np.right_shift, np.gcd, np.lcm, signature="x1, x2", cost=Cost.CHEAP,
)  # fmt: skip


@rule(np.sign)
class _Sign:
    """z / |z|: it turns with a complex z, and nothing moves on the real line."""

    @staticmethod
    def jvp(dots: Any, y: Any, x: Any) -> Any:
        if is_real(x):
            return None
        dot = 1j * y * np.imag(np.conj(y) * dots[0]) / nonzero(np.absolute(x))
        return real_with(dot, y)

    @staticmethod
    def vjp(g: Any, y: Any, x: Any) -> Any:
        if is_real(x):
            return (None,)
        return (real_with(1j * np.conj(y) * np.imag(y * g) / nonzero(np.absolute(x)), x),)


# -- complex numbers (a cotangent g acts on a tangent dz as Re(g * dz))


def _part_type(part: Callable[[Any], Any]) -> Infer:
    """`np.real` and `np.imag` of a Python number are Python numbers."""

    def infer(call: Call) -> Type:
        t = inference.as_array(call.types[0])
        if isinstance(t, Scalar):
            return FLOAT if t == COMPLEX else INT if t == BOOL else t
        if not isinstance(t, Array):
            return UNKNOWN
        return Array(inference.sampled_dtype(part, t), t.dims, t.item)

    return infer


def _conjugate(g: Any, x: Any) -> Any:
    return g if is_real(x) else np.conj(g)


linear(np.conjugate, _conjugate)
linear(np.real, lambda g, val: g, infer=_part_type(np.real), cost=Cost.FREE)
linear(np.imag, lambda g, val: -1j * g, infer=_part_type(np.imag), cost=Cost.FREE)


@rule(np.angle, infer=sampled_type)
class _Angle:
    """d angle(z) = Re(-i dz / z)."""

    @staticmethod
    def jvp(dots: Any, y: Any, z: Any, deg: bool = False) -> Any:
        return None if is_real(z) else np.real(_per_angle(deg) / z * dots[0])

    @staticmethod
    def vjp(g: Any, y: Any, z: Any, deg: bool = False) -> Any:
        return (None if is_real(z) else g * (_per_angle(deg) / z),)


def _per_angle(deg: bool) -> complex:
    return -1j * math.degrees(1.0) if deg else -1j


# -- the greater and the lesser of two


def _declare_extremum(ufunc: Any, wins: Callable[[Any, Any], Any]) -> None:
    @rule(ufunc)
    class _Extremum:
        @staticmethod
        def jvp(dots: Any, y: Any, x1: Any, x2: Any) -> Any:
            return extremum_jvp(wins, dots, x1, x2)

        @staticmethod
        def vjp(g: Any, y: Any, x1: Any, x2: Any) -> Any:
            return extremum_vjp(wins, g, y, x1, x2)


def _greater_or_alone(x1: Any, x2: Any) -> Any:
    return (x1 > x2) | (np.isnan(x2) & (x1 == x1))


def _less_or_alone(x1: Any, x2: Any) -> Any:
    return (x1 < x2) | (np.isnan(x2) & (x1 == x1))


_declare_extremum(np.maximum, operator.gt)
_declare_extremum(np.minimum, operator.lt)
_declare_extremum(np.fmax, _greater_or_alone)
_declare_extremum(np.fmin, _less_or_alone)


def _clip_type(call: Call) -> Type:
    a, *limits = (t for t, c in zip(call.types, call.constants, strict=True) if c is not None)
    for limit in limits or [a]:
        a = inference.elementwise_type(np.maximum, (a, limit))
    return a


@rule(np.clip, infer=_clip_type, operands=("a", "a_min", "a_max"))
class _Clip:
    """np.minimum(np.maximum(a, a_min), a_max)."""

    @staticmethod
    def jvp(dots: Any, y: Any, a: Any, a_min: Any = None, a_max: Any = None) -> Any:
        d_a, d_min, d_max = (*dots, None, None)[:3]
        if given(a_min) and not (d_a is None and d_min is None):
            d_a = extremum_jvp(operator.gt, (d_a, d_min), a, a_min)
        if given(a_max):
            a = np.maximum(a, a_min) if given(a_min) else a
            d_a = extremum_jvp(operator.lt, (d_a, d_max), a, a_max)
        return d_a

    @staticmethod
    def vjp(g: Any, y: Any, a: Any, a_min: Any = None, a_max: Any = None) -> Any:
        g_min = g_max = None
        raised = np.maximum(a, a_min) if given(a_min) else a
        if given(a_max):
            g, g_max = extremum_vjp(operator.lt, g, y, raised, a_max)
        if given(a_min):
            g, g_min = extremum_vjp(operator.gt, g, raised, a, a_min)
        return g, g_min, g_max


# -- functions that act element by element but are no ufuncs


def _unwrap(y: Any, p: Any, discont: Any = None, axis: int = -1, period: float = math.tau) -> Any:
    return 1


@rule(np.nan_to_num, infer=sampled_type)
class _NanToNum:
    @staticmethod
    def jvp(dots: Any, y: Any, x: Any, nan: Any = 0.0, posinf: Any = None,
            neginf: Any = None) -> Any:  # fmt: skip
        return np.where(np.isfinite(x), dots[0], 0.0)

    @staticmethod
    def vjp(g: Any, y: Any, x: Any, nan: Any = 0.0, posinf: Any = None,
            neginf: Any = None) -> Any:  # fmt: skip
        return (np.where(np.isfinite(x), g, 0.0),)


elementwise(np.unwrap, _unwrap, infer=sampled_type)
zero(np.round, np.around, signature="a, decimals=0", infer=sampled_type)
if hasattr(np, "fix"):  # deprecated in NumPy 2.5
    zero(np.fix, signature="x", infer=sampled_type)


zero(
    np.isclose, signature="a, b, rtol=1e-05, atol=1e-08, equal_nan=False",
    infer=lambda call: inference.elementwise_type(np.equal, call.types),
)  # fmt: skip
zero(
    np.allclose, signature="a, b, rtol=1e-05, atol=1e-08, equal_nan=False",
    infer=inference.constant_type(BOOL),
)  # fmt: skip
zero(
    np.array_equal, signature="a1, a2, equal_nan=False", infer=inference.constant_type(BOOL)
)  # fmt: skip

ARRAY.methods.update(
    clip=np.clip, conj=np.conjugate, conjugate=np.conjugate, round=np.round,
)  # fmt: skip
ARRAY.attributes.update(real=np.real, imag=np.imag)
