"""Straight-line code: operators, assignments, and what stands between them."""

from __future__ import annotations

import math

import numpy as np

_GRAVITY = 9.81


def identity(x):
    return x


def constant(x):
    return 3.5


def partly_dead(x, y, u):
    unused = y * np.sum(u)
    unused += x
    return 3.0 * x


def overwritten_before_use(x, y):
    x = 2.0 * y
    return x * y


def cubic(x):
    return 3.0 * x**3 - 2.0 * x**2 + x - 7.0


def quotient(x, y):
    return (x * y + 1.0) / (x * x + y * y + 0.5)


def subtraction_order(x, y, z):
    return x - (y - z) - (x - y) * z - (z - (x - y * z))


def division_order(x, y, z):
    return x / (y / z) / (x / y * z) + x / y / z


def signs(x, y):
    return -(-x) * +y - -y**2 + (-y) ** 2 * -x  # noqa: B002


def whole_powers(x):
    return x**2 + x**3 - x**-1 + 0.1 * x**-3 + x**1 + x**0


def fractional_powers(x):
    return x**0.5 + x**2.5 - x**-1.5


def active_exponent(x, y):
    return x**y + 2.0**y + x ** (y * x)


def power_tower(x):
    return x ** x**0.5


def power_at_zero(x):
    return x**2 + x**1 + 4.0 * x**0


def floor_division(x, y):
    return x - x // 0.7 * y


def remainder(x, y):
    return x % y + x * y % 1.3


def absolute(x, y):
    return abs(x) * y + abs(x - y)


def comparisons_as_numbers(x, y):
    return (x > y) * x + (x <= y) * y * y


def chained_assignment(x, y):
    p = q = x * y
    p = p * p
    return p + q


def swap(x, y):
    x, y = y, x
    x, y = y * x, x
    return x * y * y


def rotation_of_names(x, y, z):
    x, y, z = y, z, x
    x, y, z = y * z, z, x
    return x - y * z


def augmented_assignments(x, y):
    s = x
    s += y
    s *= x
    s -= 2.0 * y
    s /= 3.0 + y * y
    s **= 2
    s %= 100.0
    return s


def augmented_parameter(x, y):
    x *= x
    x += y
    y -= x
    return x * y


def reuse_of_one_name(x):
    x = x * x
    x = np.sin(x)
    x = x + 0.5
    x = x * x
    x = np.exp(-x)
    x = 1.0 / (1.0 + x)
    x = x - x**2
    x = np.cos(x) * x
    x = np.tanh(x)
    x = x * 3.0
    return x


def many_uses(x):
    y = x * x
    return y + y * y + y * x + y / (1.0 + y) - y


def same_operand_twice(x):
    y = x + x
    z = y - y
    return y * y + z / y


def sum_used_twice(x, y):
    s = x + y
    return s * x * s


def common_subexpressions(x, y):
    return np.exp(x * y) + x * y * np.exp(x * y) - np.sin(x * y) / np.exp(x * y)


def integers_and_floats(x):
    k = 3
    half = k // 2
    ratio = k / 2
    return k * x + half * x**k - ratio + (k % 2) * x


def builtin_functions(x, y):
    return abs(x) + pow(y, 2) + pow(x, 3) * float(y) + min(x, y) * max(x, 2.0 * y)


def extremum_of_three(x, y, z):
    return max(x, y, z) * min(x * y, y, 3.0)


def annotated(x: float, y: float) -> float:
    """A docstring, annotations of variables, and a name that is declared only."""
    later: float
    product: float = x * y
    later = product + x
    return later * product


def strange_annotation(x: float):
    y: "no such type" = x * x  # noqa: F722, UP037
    return y


def printing(x):
    y = x * x
    print("y is", y)
    return y * x


def nothing_happens(x):
    pass
    ...
    "a string that stands alone"
    return x * x


def live_global(x):
    return _GRAVITY * x + math.pi * x * x


def names_of_the_compiler(x, y):
    x_bar = x * y
    x_dot = x_bar + x
    y_tape = x_dot * y
    out_bar = y_tape - x_bar
    unbroadcast = out_bar * x
    t = unbroadcast + y
    t_1 = t * t
    x_bar_1 = t_1 * x_bar
    return x_bar_1 + x_dot


def shadowed_builtins(x, y):
    sum = x + y
    len = sum * x
    range = len - y
    abs = range * range
    return abs + sum


def greek(x):
    α = 0.5 * x
    β = α * α
    return α - β / (1.0 + β)


def deep_parentheses(x):
    return ((((((((((((x + 1.0) * x) + 1.0) * x) + 1.0) * x) + 1.0) * x) + 1.0) * x) + 1.0) * x)


def long_sum(x, y):
    return (
        x + y * x - x * x + 2.0 * y - x / (2.0 + y * y) + x * y * x - y * y * x + 0.5 * x * x * x
        - y * y * y + 3.0 * x - 4.0 * y + x * x * y * y - 0.25 * x * y * y * y + x - y
    )  # fmt: skip


def scalar_of_no_dimensions(o, x):
    return o * o * x + np.sin(o)


def numpy_scalar_constant(x):
    half = np.float64(0.5)
    return half * x * x


def large_and_small(x):
    return 1e4 * x + 1e-4 * x * x


TYPED = {"augmented_assignments"}  # `+=` on a number or an array?

SETTINGS = {
    "fractional_powers": {"positive": True},
    "active_exponent": {"positive": True},
    "power_tower": {"positive": True},
    "power_at_zero": {"inputs": [{"x": 0.0}, {"x": -2.0}]},
    "remainder": {"inputs": [{}, {"x": -1.9, "y": 0.7}, {"x": 1.9, "y": -0.7}]},
    "extremum_of_three": {"inputs": [{}, {"x": 0.3, "y": 1.3, "z": 0.8}]},
}
