"""Python's operators and the arithmetic builtins, with the ufuncs that share their rule.

The conventions at kinks are made here, once, in words that the other families use too: the
derivative of abs is 0 at 0 (`sign`), so is that of a length (`nonzero`), and ties between extrema
share equally (`extremum_vjp`, `extremum_jvp`).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
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
    dtype_of,
    join,
    kind_of,
)
from srcad.ir.ops import Cost
from srcad.pristine import np
from srcad.rules import inference
from srcad.rules.inference import MISSING, Call
from srcad.rules.language import broadcast_like, call, select, unbroadcast, unbroadcast_to
from srcad.rules.registry import elementwise, linear, rule, zero
from srcad.rules.symbols import Sym, element_type

# -- words for rule bodies


def is_real(x: Any) -> bool:
    """Whether `x` certainly has no imaginary part."""
    return kind_of(x.type) in ("b", "i", "f")


def conj(x: Any) -> Any:
    """The conjugate, which a real value is itself."""
    return x if is_real(x) else np.conj(x)


def real_with(derivative: Any, x: Any) -> Any:
    """A derivative that is real where `x` is, if only the run knows that."""
    return unbroadcast(derivative, x) if kind_of(x.type) is None else derivative


def given(x: Any) -> bool:
    """Whether an optional operand was passed (and is not None)."""
    return x is not None and not (isinstance(x, Sym) and x.is_const and x.const is None)


def one_like(x: Any) -> Any:
    """The number 1, of the kind that `x` has if it is a Python number."""
    return 1.0 if x.type == FLOAT else 1


def nonzero(y: Any) -> Any:
    """`y` as a divisor: 1 where it is 0."""
    return select(y == 0, one_like(y), y)


def elements(x: Any) -> list[Any] | None:
    """The elements of a tuple or list of known length; None for anything else."""
    if isinstance(x, (tuple, list)):
        return list(x)
    if isinstance(x, Sym) and isinstance(x.type, TupleOf) and x.type.elems is not None:
        return [x[i] for i in range(len(x.type.elems))]
    return None


def array_of(x: Any, like: Any) -> Any:
    """A list or tuple of numbers as an array (an array as it is)."""
    return x if isinstance(x, Sym) and isinstance(x.type, Array) else call(np.asarray, like, x)


def sign(x: Any) -> Any:
    """The sign of a real number or array, 0 at 0; its derivative is zero."""
    return (x > 0) - (x < 0) if isinstance(x.type, Scalar) else np.sign(x)


def number_of(hits: Any, like: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """How many are true along `axis`, in a dtype that does not widen that of `like`."""
    if dtype_of(like.type) in ("float16", "float32", "complex64"):
        return np.sum(hits, axis=axis, keepdims=keepdims, dtype="float32")
    return np.sum(hits, axis=axis, keepdims=keepdims)


# -- operators

elementwise((operator.add, np.add), lambda z, x1, x2: (1, 1), cost=Cost.CHEAP)
elementwise((operator.sub, np.subtract), lambda z, x1, x2: (1, -1), cost=Cost.CHEAP)
elementwise((operator.mul, np.multiply), lambda z, x1, x2: (x2, x1), cost=Cost.CHEAP)
elementwise(
    (operator.truediv, np.true_divide), lambda z, x1, x2: (1 / x2, -z / x2), cost=Cost.CHEAP
)
elementwise((operator.neg, np.negative), lambda y, x: -1, cost=Cost.CHEAP)
elementwise((operator.pos, np.positive), lambda y, x: 1, cost=Cost.CHEAP)
elementwise((operator.mod, np.remainder), lambda z, x1, x2: (1, -(x1 // x2)), cost=Cost.CHEAP)


def power_partials(z: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
    """Partials of x1**x2: no logarithm where the exponent is constant, none of x1 <= 0."""
    if x2.is_const and isinstance(x2.const, (int, float)):
        n = x2.const
        if n == 0:
            return None, None
        if n == 1:
            return 1, None
        return (n * x1 if n == 2 else n * x1 ** (n - 1)), None
    return _power_in_base(x1, x2), z * np.log(_log_argument(x1))


def _power_in_base(x1: Any, x2: Any) -> Any:
    """x2 * x1**(x2 - 1), which is 0 for x1 = x2 = 0 (and right at order 2 elsewhere)."""
    if x1.is_const and x1.const != 0:
        return x2 * x1 ** (x2 - 1)
    both = (x1 == 0) & (x2 == 0)
    if isinstance(x1.type, Scalar) and not isinstance(x2.type, Scalar):
        return x2 * x1 ** select(both, one_like(x2), x2 - 1)  # np.where would widen x1
    return x2 * select(both, one_like(x1), x1) ** (x2 - 1)


def _log_argument(x: Any) -> Any:
    """x; but 1 where x is 0, or real and negative: there no derivative in the exponent exists,
    or it is 0."""
    if x.is_const and isinstance(x.const, (int, float)) and x.const > 0:
        return x
    kind = kind_of(x.type)
    if kind is None:
        return call(runtime.log_argument, x, x)
    return select(x != 0 if kind == "c" else x > 0, x, one_like(x))


elementwise((operator.pow, np.power, np.float_power), power_partials)
elementwise(pow, lambda z, base, exp: power_partials(z, base, exp))
elementwise(
    runtime.log_argument,
    lambda y, x: np.equal(x, y),
    infer=lambda call: Array(dtype_of(call.types[0]), dims_of(call.types[0])),
)


@rule((abs, operator.abs, np.absolute))
class _Absolute:
    """d|z| = Re(conj(sign(z)) dz)."""

    @staticmethod
    def jvp(dots: Any, y: Any, x: Any) -> Any:
        return sign(x) * dots[0] if is_real(x) else np.real(np.conj(np.sign(x)) * dots[0])

    @staticmethod
    def vjp(g: Any, y: Any, x: Any) -> Any:
        return (g * (sign(x) if is_real(x) else np.conj(np.sign(x))),)


def _select_type(call: Call) -> Type:
    return join(call.types[1], call.types[2])


elementwise(
    runtime.select,
    lambda z, condition, x, y: (None, select(condition, 1.0, 0.0), select(condition, 0.0, 1.0)),
    infer=_select_type,
    active=("x", "y"),
    cost=Cost.CHEAP,
)

# -- functions that carry no derivative

zero(
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
    signature="a, b", cost=Cost.CHEAP,
)  # fmt: skip
zero(
    operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift,
    signature="a, b", cost=Cost.CHEAP,
)  # fmt: skip
zero(operator.floordiv, np.floor_divide, signature="x1, x2", cost=Cost.CHEAP)
zero(operator.invert, signature="a", cost=Cost.CHEAP)
zero(operator.not_, bool, signature="a", infer=inference.constant_type(BOOL), cost=Cost.CHEAP)
zero(
    operator.is_, operator.is_not, operator.contains,
    signature="a, b", infer=inference.constant_type(BOOL), cost=Cost.CHEAP,
)  # fmt: skip
zero(np.may_share_memory, signature="a, b", infer=inference.constant_type(BOOL))
zero(int, signature="x", infer=inference.constant_type(INT), cost=Cost.CHEAP)
zero(operator.index, signature="a", infer=inference.constant_type(INT), cost=Cost.FREE)
zero(len, signature="obj", infer=inference.constant_type(INT), cost=Cost.FREE)


def _round_type(call: Call) -> Type:
    (number,) = call.types
    if "ndigits" not in call.attrs:
        return INT if inference.as_array(number) == number and number != UNKNOWN else UNKNOWN
    return number


zero(round, signature="number, ndigits=None", infer=_round_type, cost=Cost.CHEAP)

# -- conversions

elementwise(float, lambda y, x: 1, infer=inference.constant_type(FLOAT), cost=Cost.CHEAP)
elementwise(
    complex, lambda z, real, *imag: (1, 1j) if imag else 1,
    infer=inference.constant_type(COMPLEX), cost=Cost.CHEAP,
)  # fmt: skip


# -- divmod: a quotient without derivative and a remainder


def divmod_type(call: Call) -> Type:
    if call.fn is divmod and all(isinstance(t, Scalar) for t in call.types):
        kind = FLOAT if FLOAT in call.types else INT
        return TupleOf((kind, kind))
    part = inference.elementwise_type(np.floor_divide, call.types)
    return TupleOf((part, part))


@rule((divmod, np.divmod), infer=divmod_type)
class _Divmod:
    @staticmethod
    def jvp(dots: Any, y: Any, x1: Any, x2: Any) -> Any:
        d1, d2 = dots
        if d2 is None:
            return None, broadcast_like(d1, y[1])
        return None, (-d2 * y[0] if d1 is None else d1 - d2 * y[0])

    @staticmethod
    def vjp(g: Any, y: Any, x1: Any, x2: Any) -> Any:
        rest = g[1]
        if rest is None:
            return None, None
        return unbroadcast_to(rest, x1, y[1]), unbroadcast_to(-rest * y[0], x2, y[1])


# -- the greater and the lesser of two


def extremum_vjp(
    wins: Callable[[Any, Any], Any], g: Any, y: Any, x1: Any, x2: Any
) -> tuple[Any, Any]:
    """Cotangents of the greater (or lesser) of two: all to the winner; ties share equally.

    They are selected, not multiplied by 0 and 1, so that an infinite cotangent does not reach
    the loser as NaN.
    """
    tie = select(x1 == x2, 0.5 * g, 0.0)
    first, second = select(wins(x1, x2), g, tie), select(wins(x2, x1), g, tie)
    return unbroadcast_to(first, x1, y), unbroadcast_to(second, x2, y)


def extremum_jvp(wins: Callable[[Any, Any], Any], dots: Any, x1: Any, x2: Any) -> Any:
    """The tangent of the greater (or lesser) of two."""
    d1, d2 = dots
    tie = 0.5 * d1 if d2 is None else 0.5 * d2 if d1 is None else 0.5 * (d1 + d2)
    tie_or_second = select(x1 == x2, tie, 0.0 if d2 is None else d2)
    return select(wins(x1, x2), 0.0 if d1 is None else d1, tie_or_second)


def _shares(y: Any, xs: Sequence[Any]) -> list[Any]:
    """For each of several numbers its part in being the greatest (or least) of them."""
    hits = [select(x == y, 1.0, 0.0) for x in xs]
    winners = functools.reduce(operator.add, hits)
    return [hit / select(winners == 0, 1.0, winners) for hit in hits]  # none wins among NaN


def _declare_extremum(fn: Any, wins: Callable[[Any, Any], Any]) -> None:
    """`max` or `min`, of several numbers or of one iterable."""

    def infer(call: Call) -> Type:
        if len(call.types) > 1:
            return functools.reduce(join, call.types)
        (t,) = call.types
        if isinstance(t, TupleOf) and t.elems:
            return functools.reduce(join, t.elems)
        return UNKNOWN if isinstance(t, TupleOf) else element_type(t)

    @rule(fn, infer=infer)
    class _Extremum:
        @staticmethod
        def jvp(dots: Any, y: Any, *xs: Any) -> Any:
            if len(xs) == 1:
                parts = elements(xs[0])
                if parts is None:
                    hits = np.equal(xs[0], y)
                    return np.sum(np.where(hits, dots[0], 0.0)) / number_of(hits, xs[0])
                xs, dots = tuple(parts), elements(dots[0])
            if len(xs) == 2:
                return extremum_jvp(wins, dots, *xs)
            moved = [d * s for d, s in zip(dots, _shares(y, xs), strict=True) if d is not None]
            return functools.reduce(operator.add, moved)

        @staticmethod
        def vjp(g: Any, y: Any, *xs: Any) -> Any:
            if len(xs) > 1:
                return _cotangents(g, y, xs)
            parts = elements(xs[0])
            if parts is not None:
                return (list(_cotangents(g, y, parts)),)
            hits = np.equal(xs[0], y)
            return (np.where(hits, g, 0.0) / number_of(hits, xs[0]),)

    def _cotangents(g: Any, y: Any, xs: Sequence[Any]) -> tuple[Any, ...]:
        if len(xs) == 2:
            return extremum_vjp(wins, g, y, *xs)
        return tuple(g * s for s in _shares(y, xs))


_declare_extremum(max, operator.gt)
_declare_extremum(min, operator.lt)


# -- the sum of an iterable


def _sum_type(call: Call) -> Type:
    t, start = call.types[0], (call.types[1] if len(call.types) > 1 else INT)
    if isinstance(t, TupleOf) and t.elems is not None:
        return functools.reduce(_added, t.elems, start)
    return UNKNOWN if isinstance(t, TupleOf) else _added(start, element_type(t))


def _added(a: Type, b: Type) -> Type:
    add = inference.of_operator(operator.add)
    return add(Call(operator.add, (a, b), (MISSING, MISSING), {}))


def _sum_transpose(g: Any, iterable: Any, *start: Any) -> Any:
    parts = elements(iterable)
    if parts is None:
        bar = broadcast_like(g, iterable)
    else:
        bar = [unbroadcast_to(g, part, g) for part in parts]
    return (bar, unbroadcast_to(g, start[0], g)) if start else bar


linear(sum, _sum_transpose, infer=_sum_type, active=("iterable", "start"))
