"""The functions of the `math` module that have no counterpart among NumPy's ufuncs.

They take and return Python numbers; those that take sequences also take arrays. Functions of
newer versions of Python have rows where they exist.
"""

from __future__ import annotations

import bisect
import functools
import operator
from typing import Any

from srcad import runtime
from srcad.ir.abstract import (
    BOOL,
    FLOAT,
    INT,
    UNKNOWN,
    TupleOf,
    Type,
    join,
    type_of_constant,
)
from srcad.ir.ops import Cost
from srcad.pristine import math, np
from srcad.rules import inference
from srcad.rules.arithmetic import array_of, elements, nonzero, power_partials
from srcad.rules.inference import Call
from srcad.rules.language import broadcast_like, call
from srcad.rules.registry import bilinear, elementwise, linear, rule, zero
from srcad.rules.symbols import element_type

PER_SQRT_PI = 2.0 / math.sqrt(math.pi)

# -- numbers


def _log(y: Any, x: Any, *base: Any) -> Any:
    if not base:
        return 1 / x
    log_base = np.log(base[0])
    return 1 / (x * log_base), -y / (base[0] * log_base)


def _hypot(y: Any, *coordinates: Any) -> Any:
    length = nonzero(y)  # the derivative at the origin is 0, as that of abs
    partials = tuple(c / length for c in coordinates)
    return partials if len(partials) > 1 else partials[0]


elementwise(math.log, _log)
elementwise(math.hypot, _hypot)
elementwise(math.pow, power_partials)
elementwise(math.erf, lambda y, x: PER_SQRT_PI * np.exp(-x * x))
elementwise(math.erfc, lambda y, x: -PER_SQRT_PI * np.exp(-x * x))
elementwise(math.gamma, lambda y, x: y * call(runtime.digamma, x, x))
elementwise(math.lgamma, lambda y, x: call(runtime.digamma, x, x))
elementwise(
    runtime.digamma,
    lambda y, x, n=0: call(runtime.digamma, x, x, n=n + 1),
    infer=inference.constant_type(FLOAT),
)
# z - x is a multiple of y; (q + 0.5) // 1 rounds, also where q is not finite
elementwise(
    (math.fmod, math.remainder), lambda z, x, y: (1, ((z - x) / y + 0.5) // 1), cost=Cost.CHEAP
)
elementwise(math.nextafter, lambda z, x, y, steps=None: (1, None), cost=Cost.CHEAP)
if hasattr(math, "exp2"):  # Python 3.11
    elementwise(math.exp2, lambda y, x: math.log(2.0) * y)
    elementwise(math.cbrt, lambda y, x: 1 / (3 * y * y))
if hasattr(math, "fma"):  # Python 3.13
    elementwise(math.fma, lambda w, x, y, z: (y, x, 1), cost=Cost.CHEAP)

zero(math.floor, math.ceil, math.trunc, signature="x", infer=inference.constant_type(INT))
zero(math.factorial, math.isqrt, signature="n", infer=inference.constant_type(INT))
zero(math.comb, signature="n, k", infer=inference.constant_type(INT))
zero(math.perm, signature="n, *k", infer=inference.constant_type(INT))
zero(math.gcd, math.lcm, infer=inference.constant_type(INT))
zero(math.isnan, math.isinf, math.isfinite, signature="x", infer=inference.constant_type(BOOL))
zero(
    math.isclose, signature="a, b, rel_tol=1e-09, abs_tol=0.0",
    infer=inference.constant_type(BOOL),
)  # fmt: skip
zero(math.ulp, signature="x", infer=inference.constant_type(FLOAT))


# -- positions in sorted lists

zero(
    bisect.bisect_left, bisect.bisect_right, signature="a, x, *bounds",
    infer=inference.constant_type(INT),
)  # fmt: skip

# -- sequences


def _fsum_transpose(g: Any, seq: Any) -> Any:
    parts = elements(seq)
    return broadcast_like(g, seq) if parts is None else [g for _ in parts]


linear(math.fsum, _fsum_transpose, infer=inference.constant_type(FLOAT))


def _like(bar: Any, sequence: Any) -> Any:
    """A cotangent that was computed as an array, as a list where the sequence is a display."""
    parts = elements(sequence)
    return bar if parts is None else [bar[i] for i in range(len(parts))]


@rule(math.dist, infer=inference.constant_type(FLOAT))
class _Dist:
    @staticmethod
    def jvp(dots: Any, y: Any, p: Any, q: Any) -> Any:
        apart = array_of(p, y) - array_of(q, y)
        moved = [np.sum(apart * array_of(d, y)) for d in dots if d is not None]
        total = moved[0] - moved[1] if len(moved) == 2 else moved[0]
        return (-total if dots[0] is None else total) / nonzero(y)

    @staticmethod
    def vjp(g: Any, y: Any, p: Any, q: Any) -> Any:
        scale = g / nonzero(y)  # the derivative for p = q is 0, as that of abs
        first, second = elements(p), elements(q)
        if first is not None and second is not None:
            bars = [scale * (a - b) for a, b in zip(first, second, strict=True)]
            return bars, [-bar for bar in bars]
        bar = scale * (array_of(p, y) - array_of(q, y))
        return _like(bar, p), _like(-bar, q)


def _prod_type(call: Call) -> Type:
    t = call.types[0]
    if isinstance(t, TupleOf):
        if t.elems is None:
            return UNKNOWN
        start = type_of_constant(call.attrs.get("start", 1))
        return functools.reduce(join, t.elems, start)
    return element_type(t)


def _others(iterable: Any, start: Any) -> Any:
    """For each element the product of the others: a list for a display, else an array."""
    parts = elements(iterable)
    if parts is None:
        others = call(runtime.products_of_others, iterable, iterable)
        return others if start == 1 else start * others
    rest = [[*parts[:i], *parts[i + 1 :]] for i in range(len(parts))]
    return [functools.reduce(operator.mul, factors, start) for factors in rest]


@rule(math.prod, infer=_prod_type)
class _Prod:
    @staticmethod
    def jvp(dots: Any, y: Any, iterable: Any, start: Any = 1) -> Any:
        others = _others(iterable, start)
        moved = elements(dots[0])
        if isinstance(others, list) and moved is not None:
            return functools.reduce(operator.add, map(operator.mul, others, moved))
        return np.sum(others * array_of(dots[0], y))

    @staticmethod
    def vjp(g: Any, y: Any, iterable: Any, start: Any = 1) -> Any:
        others = _others(iterable, start)
        return ([g * o for o in others] if isinstance(others, list) else g * others,)


def _weighted(g: Any, sequence: Any, weights: Any) -> Any:
    """The cotangent of `sequence` in sum(sequence * weights)."""
    parts, factors = elements(sequence), elements(weights)
    if parts is None:
        return g * array_of(weights, g)
    return [g * (weights[i] if factors is None else factors[i]) for i in range(len(parts))]


def _sumprod_type(call: Call) -> Type:
    parts = tuple(
        functools.reduce(join, t.elems) if isinstance(t, TupleOf) and t.elems else element_type(t)
        for t in call.types
    )
    multiply = inference.of_operator(operator.mul)
    return multiply(Call(operator.mul, parts, call.constants, {}))


if hasattr(math, "sumprod"):  # Python 3.12
    bilinear(
        math.sumprod,
        lambda g, p, q: _weighted(g, p, q),
        lambda g, p, q: _weighted(g, q, p),
        infer=_sumprod_type,
    )
