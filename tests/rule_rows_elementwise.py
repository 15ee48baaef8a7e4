"""Samples of the operators, the ufuncs, `math`, and the builtins that do arithmetic."""

from __future__ import annotations

import bisect
import math
import operator
from typing import Any

import numpy as np
from rule_rows import Row, sample

from srcad import runtime
from srcad.rules import custom

ROWS: list[Row] = []


def add(fn: Any, *args: Any, **options: Any) -> None:
    """One more row; `kwargs`, `argnums`, ... are fields of `Row`."""
    ROWS.append(Row(fn, args, **options))


def unary(fn: Any, low: float, high: float) -> None:
    """A ufunc (or a NumPy function like one) on numbers and arrays within its domain."""
    add(fn, low + 0.37 * (high - low))
    add(fn, np.float32(low + 0.61 * (high - low)))
    add(fn, np.array(low + 0.41 * (high - low)))
    add(fn, sample(4, low=low, high=high))
    add(fn, sample(2, 3, low=low, high=high, dtype="f4"))
    add(fn, sample(0, 3, low=low, high=high))


def binary(fn: Any, first: tuple[float, float], second: tuple[float, float]) -> None:
    """All ways in which two operands broadcast, and mixed precisions."""

    def pair(a: tuple[int, ...], b: tuple[int, ...], da: str = "f8", db: str = "f8") -> None:
        add(
            fn,
            sample(*a, low=first[0], high=first[1], dtype=da),
            sample(*b, low=second[0], high=second[1], dtype=db, seed=1),
        )

    x, y = 0.3 * first[0] + 0.7 * first[1], 0.6 * second[0] + 0.4 * second[1]
    add(fn, x, y)
    add(fn, x, sample(2, 3, low=second[0], high=second[1]))
    add(fn, sample(2, 3, low=first[0], high=first[1], dtype="f4"), y)
    add(fn, np.float64(x), np.float32(y))
    pair((4,), (4,))
    pair((3, 1), (3, 4))
    pair((4,), (3, 4))
    pair((3, 1), (1, 4))
    pair((1,), (2, 1, 3))
    pair((3,), (1,), "f4", "f4")
    pair((2, 2), (2,), "f4", "f8")
    pair((0, 1), (1, 3))


def on_floats(fn: Any, *points: float, **options: Any) -> None:
    """A function of the math module, on Python floats and on a NumPy scalar."""
    add(fn, *points, **options)
    add(fn, *map(np.float64, points), **options)


# -- operators and builtins

binary(operator.add, (-1, 1), (-1, 1))
binary(operator.sub, (-1, 1), (-1, 1))
binary(operator.mul, (-1, 1), (-1, 1))
binary(operator.truediv, (-1, 1), (0.5, 2))
binary(operator.mod, (4.5, 4.9), (1.7, 2.2))
binary(operator.pow, (0.3, 2), (-2, 2))
for fn in (operator.neg, operator.pos, operator.abs, abs):
    unary(fn, -0.9, -0.2)
for exponent in (0, 1, 2, 3, -1, 0.5, 2.5):
    for base in (1.3, sample(3), sample(2, 2, dtype="f4")):
        add(operator.pow, base, exponent, constants=(1,))
add(operator.pow, sample(3, low=-2, high=-1), np.array([1.0, 2.0, 3.0]), argnums=(0,))
add(operator.pow, sample(3), np.array([1, 2, -3]))
add(operator.pow, 1.3, 2)
add(operator.pow, 2.0, sample(3, low=-1, high=1), constants=(0,))
add(operator.pow, 1.5 - 0.3j, 0.7)
add(operator.pow, sample(3) * (1 + 0.3j), sample(3, seed=1))
add(pow, 1.3, 0.7)
add(pow, sample(3), 1.5)
add(abs, 1.5 - 2.0j)
add(operator.mul, 1.5 - 2.0j, 0.5 + 1.0j)
add(operator.mul, sample(3), sample(3) * (1 + 2j))
add(operator.truediv, sample(3, 1), sample(2) * (1 + 2j))

for fn in (max, min):
    add(fn, 1.5, 2.5)
    add(fn, 2.5, 1.5)
    add(fn, 1.5, 2.5, 0.5)
    add(fn, 0.3, 1.5, 2.5, 0.5)
    add(fn, [1.5, 2.5, 0.5])
    add(fn, (1.5, 2.5, 0.5))
    add(fn, (1.5, 2.5))
    add(fn, sample(5))
add(sum, [1.5, 2.5, 0.5])
add(sum, (1.5, 2.5, 0.5))
add(sum, (1.5, sample(3), sample(2, 3)))
add(sum, [sample(3), sample(3)], 1.5)
add(sum, sample(4))
add(sum, sample(4), 1.5)
add(sum, sample(4, dtype="f4"))
add(sum, sample(3, 2))
add(float, 1.5)
add(float, np.float32(1.5))
add(complex, 1.5)
add(complex, 1.5, -0.5)
add(complex, 1.5 + 1.0j)
for args in ((4.7, 2.0), (sample(3, low=4.5, high=4.9), 2.0)):
    add(divmod, *args)
binary(np.divmod, (4.5, 4.9), (1.7, 2.2))

# -- ufuncs of one operand, and NumPy functions like them

UNARY: dict[Any, tuple[float, float]] = {
    np.negative: (-1, 1), np.positive: (-1, 1), np.absolute: (0.2, 1), np.fabs: (-1, -0.2),
    np.exp: (-1, 2), np.exp2: (-1, 2), np.expm1: (-1, 2), np.log: (0.3, 3), np.log2: (0.3, 3),
    np.log10: (0.3, 3), np.log1p: (-0.6, 2), np.sqrt: (0.3, 3), np.cbrt: (0.3, 3),
    np.square: (-1, 2), np.reciprocal: (0.5, 2), np.sin: (-3, 3), np.cos: (-3, 3),
    np.tan: (-1, 1), np.arcsin: (-0.8, 0.8), np.arccos: (-0.8, 0.8), np.arctan: (-3, 3),
    np.sinh: (-2, 2), np.cosh: (-2, 2), np.tanh: (-2, 2), np.arcsinh: (-3, 3),
    np.arccosh: (1.3, 3), np.arctanh: (-0.8, 0.8), np.deg2rad: (-90, 90), np.radians: (-90, 90),
    np.rad2deg: (-2, 2), np.degrees: (-2, 2), np.conjugate: (-1, 1), np.sign: (0.2, 2),
    np.modf: (1.1, 1.9), np.frexp: (1.1, 1.9), np.sinc: (-3, 3), np.nan_to_num: (-1, 1),
    np.real: (-1, 1), np.imag: (-1, 1), np.angle: (0.2, 1),
}  # fmt: skip
HOLOMORPHIC = (
    np.negative, np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.sqrt,
    np.square, np.reciprocal, np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh, np.arcsin,
    np.arccos, np.arctan, np.arcsinh, np.arccosh, np.arctanh,
)  # fmt: skip
for fn, (low, high) in UNARY.items():
    unary(fn, low, high)
for fn in (np.sin, np.exp, np.sqrt, np.arcsinh, np.absolute, operator.neg):
    add(fn, sample(3, dtype="f2"))
for fn in (np.hypot, np.maximum, np.logaddexp, np.power, operator.mul):
    add(fn, sample(3, 1, dtype="f2"), sample(4, dtype="f2", seed=1))
for fn in (*HOLOMORPHIC, np.absolute, np.sign, np.conjugate, np.real, np.imag, np.angle):
    add(fn, 0.7 - 0.4j)
    add(fn, sample(3) * (0.6 + 0.3j))
    add(fn, (sample(2, 1) * (0.5 - 0.4j)).astype("c8"))
add(np.angle, sample(3) * (0.6 + 0.3j), kwargs={"deg": True})
add(np.unwrap, sample(4))
add(np.unwrap, sample(2, 3, high=20.0), kwargs={"axis": 0, "period": 5.0})
add(
    np.nan_to_num,
    np.array([1.5, np.nan, np.inf, -np.inf]),
    kwargs={"nan": 2.0, "posinf": 3.0, "neginf": -4.0},
)
add(np.sinc, np.array([0.0, 1e-9, 1e-3, 0.2, 1.0, 7.7]))
add(runtime.sinc_derivative, sample(4, low=-3, high=3))
add(runtime.sinc_derivative, 0.0, kwargs={"n": 3})

# -- ufuncs of two operands

BINARY: dict[Any, tuple[tuple[float, float], tuple[float, float]]] = {
    np.add: ((-1, 1), (-1, 1)), np.subtract: ((-1, 1), (-1, 1)),
    np.multiply: ((-1, 1), (-1, 1)), np.true_divide: ((-1, 1), (0.5, 2)),
    np.power: ((0.3, 2), (-2, 2)), np.float_power: ((0.3, 2), (-2, 2)),
    np.remainder: ((4.5, 4.9), (1.7, 2.2)), np.fmod: ((-4.9, -4.5), (1.7, 2.2)),
    np.hypot: ((-1, 1), (0.5, 1)), np.arctan2: ((-1, 1), (0.5, 1)),
    np.logaddexp: ((-2, 2), (-1, 3)), np.logaddexp2: ((-2, 2), (-1, 3)),
    np.maximum: ((0, 2), (0, 2.1)), np.minimum: ((0, 2), (0, 2.1)),
    np.fmax: ((0, 2), (0, 2.1)), np.fmin: ((0, 2), (0, 2.1)),
    np.copysign: ((0.2, 1), (-1, -0.2)), np.nextafter: ((1, 2), (3, 4)),
    np.heaviside: ((0.2, 1), (0, 1)),
}  # fmt: skip
for fn, ranges in BINARY.items():
    binary(fn, *ranges)
add(np.heaviside, np.zeros(3), sample(3), argnums=(1,))
add(np.power, sample(3), 2.0, constants=(1,))
add(np.maximum, sample(3, low=-1, high=1), 0.0, constants=(1,))
add(np.fmax, np.array([1.0, np.nan, 3.0]), np.array([np.nan, 2.0, 1.0]))
add(np.ldexp, sample(3), np.array([1, -2, 3]))
add(np.ldexp, sample(3, 1, dtype="f4"), np.array([1, -2]))
add(np.ldexp, 1.5, 2)
for low, high in ((0.5, 1.2), (None, 1.2), (0.5, None), (sample(3, low=0.4, high=0.8), 1.2)):
    for a in (0.9, sample(3), sample(2, 3, dtype="f4")):
        add(np.clip, a, low, high)
        add(np.clip, a, low, high, argnums=(0,))
add(np.clip, sample(4), 0.5, 1.2, constants=(1, 2))
add(np.clip, sample(3, 1), sample(3, 4, high=0.8), sample(4, low=0.9))

# -- math

MATH: dict[str, tuple[float, ...]] = {
    "acos": (0.3,), "acosh": (1.7,), "asin": (0.3,), "asinh": (-0.7,), "atan": (1.3,),
    "atanh": (0.3,), "atan2": (0.7, -0.4), "copysign": (-1.5, 2.0), "cos": (0.7,),
    "cosh": (0.7,), "degrees": (0.7,), "erf": (0.7,), "erfc": (-0.7,), "exp": (0.7,),
    "expm1": (0.7,), "fabs": (-0.7,), "fmod": (-4.7, 2.1), "frexp": (1.5,), "gamma": (2.3,),
    "lgamma": (-1.4,), "log": (0.7,), "log10": (0.7,), "log1p": (0.7,), "log2": (0.7,),
    "modf": (1.7,), "nextafter": (1.7, 3.0), "pow": (1.3, 0.7), "radians": (40.0,),
    "remainder": (4.6, 2.1), "sin": (0.7,), "sinh": (0.7,), "sqrt": (0.7,), "tan": (0.7,),
    "tanh": (0.7,), "cbrt": (0.7,), "exp2": (0.7,), "fma": (0.7, 1.3, 0.4),
}  # fmt: skip
for name, points in MATH.items():
    if hasattr(math, name):  # newer versions of Python have more of them
        on_floats(getattr(math, name), *points)
on_floats(math.log, 0.7, 3.0)
on_floats(math.hypot, -0.7)
on_floats(math.hypot, 0.7, -1.3)
on_floats(math.hypot, 0.7, -1.3, 2.0)
add(math.ldexp, 1.5, -2)
for x in (0.2, 1.0, 17.0, 120.0, -0.3, -5.7):
    add(math.lgamma, x)
    add(runtime.digamma, x)
    add(runtime.digamma, x, kwargs={"n": 2})
for fn in (math.fsum, math.prod):
    add(fn, [1.5, 2.5, 0.5])
    add(fn, (1.5, 2.5, 0.5))
    add(fn, (1.5,))
    add(fn, sample(4))
add(math.prod, (1.5, 2.5), kwargs={"start": 2.0})
add(math.prod, [1.5, 0.0, 2.0], kwargs={"start": 2.0})
PAIRS: list[tuple[Any, Any]] = [
    ([1.5, 2.5], [0.5, 0.7]), ((1.5, 2.5), (0.5, 0.7)), (sample(3), sample(3, seed=1)),
    ((1.5, 2.5), [0.5, 0.7]), (sample(2), (0.5, 0.7)),
]  # fmt: skip
for p, q in PAIRS:
    add(math.dist, p, q)
    if hasattr(math, "sumprod"):
        add(math.sumprod, p, q)

# -- helpers of the derivatives

add(runtime.log_argument, sample(3, low=-1, high=1))
add(runtime.log_argument, sample(3) * (1 + 1j))
add(runtime.broadcast_like, sample(3), sample(2, 3), argnums=(0,))
add(runtime.broadcast_like, 1.5, sample(2, 1), argnums=(0,))
add(runtime.unbroadcast, sample(2, 3), sample(3), argnums=(0,))
add(runtime.unbroadcast, sample(2, 3), sample(1, 1, dtype="f4"), argnums=(0,))
add(runtime.unbroadcast, sample(2, 3), 1.5, argnums=(0,))
add(runtime.expand_reduced, sample(3), sample(2, 3), argnums=(0,), kwargs={"axis": 0})
add(runtime.expand_reduced, sample(2, 1), sample(2, 3), argnums=(0,),
    kwargs={"axis": 1, "keepdims": True})  # fmt: skip
add(runtime.astype, sample(3, dtype="f4"), kwargs={"dtype": "float64"})
add(runtime.as_cotangent, sample(3), sample(2, 3), argnums=(0,))
add(custom.check_rule, sample(2, 3), sample(2, 3), argnums=(0,))
add(custom.stop_gradient, sample(3))
add(custom.parts_of_result, (1.0, 2.0), kwargs={"keys": 2, "name": "f"}, argnums=())
add(runtime.as_tangent, sample(3), sample(2, 3), argnums=(0,))
add(runtime.add_lists, sample(3), sample(3), argnums=())
add(runtime.add_parts, sample(3), sample(3))
add(runtime.copied, sample(3))
add(runtime.outline, sample(3))
add(runtime.last_write_mask, sample(3), [0, 0, -1])
add(np.may_share_memory, sample(3), sample(3))
add(runtime.zeros_list, [1.0, 2.0])
add(runtime.select, True, 1.5, 2.5)
add(runtime.select, False, 1.5, 2.5)

# -- no derivative: only the types are checked

for x in (1.5, sample(3), sample(3, dtype="f4"), np.float32(1.5), np.array([1, 2])):
    add(runtime.zeros_like, x)
add(runtime.check_seed, sample(3), sample(3), "y")
for x in (1.5, sample(1), sample(1, 1, dtype="f4")):
    add(runtime.scalar_seed, x)
INTEGERS = np.array([3, 1, 2])
for x in (1.3, sample(3), sample(2, 3, dtype="f4"), np.float32(1.3)):
    for fn in (
        np.floor, np.ceil, np.trunc, np.rint, np.signbit, np.isnan, np.isfinite, np.isinf,
        np.spacing, np.logical_not, np.round, np.around,
    ):  # fmt: skip
        add(fn, x)
    if hasattr(np, "fix"):
        add(np.fix, x)
    add(np.round, x, kwargs={"decimals": 1})
    for fn in (
        operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, np.less,
        np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.logical_and,
        np.logical_or, np.logical_xor, operator.floordiv, np.floor_divide, np.isclose,
        np.allclose, np.array_equal,
    ):  # fmt: skip
        add(fn, x, 1.2)
for fn in (
    operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift, np.bitwise_and,
    np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift, np.gcd, np.lcm,
):  # fmt: skip
    add(fn, INTEGERS, 2)
    add(fn, 3, 2)
for fn in (np.invert, np.bitwise_count, operator.invert):
    add(fn, INTEGERS)
    add(fn, 3)
add(np.isnat, np.array(["2020-01-01"], "datetime64[D]"))
for fn in (operator.not_, bool, int):
    add(fn, 1.5)
    add(fn, np.float32(1.5))
for fn in (operator.is_, operator.is_not):
    add(fn, 1.5, None)
add(operator.contains, (1.0, 2.0), 1.0)
add(operator.index, 3)
add(len, sample(3))
add(len, [1.0, 2.0])
add(round, 1.7)
add(round, np.float32(1.7))
add(round, 1.77, 1)
add(round, np.float64(1.77), 1)
for fn in (math.floor, math.ceil, math.trunc, math.isnan, math.isinf, math.isfinite, math.ulp):
    on_floats(fn, 1.7)
for fn in (bisect.bisect_left, bisect.bisect_right):
    ROWS.append(Row(fn, ([0.5, 1.5, 2.5], 1.2), argnums=()))
    ROWS.append(Row(fn, ([0.5, 1.5, 2.5], 1.2, 1), argnums=()))
for fn in (math.factorial, math.isqrt):
    add(fn, 5)
for fn in (math.comb, math.perm, math.gcd, math.lcm):
    add(fn, 6, 4)
add(math.isclose, 1.0, 1.1, kwargs={"rel_tol": 0.2})
