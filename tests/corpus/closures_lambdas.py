"""Lambdas, nested functions, closures, and functions that take or make functions."""

from __future__ import annotations

import functools
import logging
import math

import numpy as np


def elements_of_one_name(x, y):
    items = [x, np.sin(x), y * y]

    def total(scale):
        return sum(scale * e for e in items if e > 0.01)

    return total(y)


def _apply(f, x):
    return f(x)


def _twice(f, x):
    return f(f(x))


def _compose(f, g):
    return lambda x: f(g(x))


def _make_scaled(scale):
    def scaled(x):
        return scale * x * x

    return scaled


def _make_polynomial(c, d):
    def polynomial(x):
        def term(power):
            return x**power

        return c * term(2) + d * term(3)

    return polynomial


def _make_counted(n):
    return lambda x: x**n + n


def _derivative_like(f, x, h=0.5):
    return (f(x + h) - f(x - h)) / (2.0 * h)


def nested_function(x, y):
    def inner(z):
        return z * z + 1.0

    return inner(x) * inner(y)


def closure_over_parameter(x, y):
    def inner(z):
        return z * x

    return inner(y) + inner(x)


def closure_over_local(x, y):
    product = x * y

    def inner(z):
        return z * product

    return inner(x) * inner(product)


def closure_sees_later_value(x):
    y = x

    def inner(z):
        return z * y

    first = inner(x)
    y = y * x
    return first + inner(x)


def closure_in_closure(x, y):
    def outer(z):
        def inner(w):
            return w * z * x

        return inner(y) + z

    return outer(x) * outer(y)


def nested_with_defaults(x, y):
    def inner(z, scale=x, *, power=2):
        return scale * z**power

    return inner(y) + inner(x, y, power=3)


def nested_recursion(x, n):
    def power(k):
        if k == 0:
            return 1.0
        return x * power(k - 1)

    return power(n)


def nested_with_loop(u, x):
    def horner(z):
        total = 0.0
        for value in u:
            total = total * z + value
        return total

    return horner(x) * horner(0.5 * x)


def local_names_shadow(x, y):
    def inner(x):
        y = x * x
        return y + x

    return inner(y) * y + x


def lambda_in_place(x, y):
    return (lambda z: z * z * y)(x)


def lambda_in_name(x, y):
    f = lambda z: z * x + y  # noqa: E731
    return f(y) * f(x)


def lambdas_on_one_line(x):
    f, g = (lambda z: z * z), (lambda z: z * z * z + 1.0)
    return f(x) * g(x) + f(g(x))


def lambda_with_default(x, y):
    f = lambda z, s=x: z * s  # noqa: E731
    x = x + y
    return f(y) * x


def lambda_of_two(x, y):
    combine = lambda p, q: p * p - q  # noqa: E731
    return combine(x, y) * combine(y, x)


def lambda_without_parameters(x, y):
    product = lambda: x * y  # noqa: E731
    return product() + product() * x


def lambda_with_condition(x, y):
    relu = lambda z: z if z > 0.0 else 0.1 * z  # noqa: E731
    return relu(x) * y + relu(y * x)


def function_as_argument(x):
    return _apply(math.sin, x) + _apply(_make_scaled(2.0), x)


def lambda_as_argument(x, y):
    return _apply(lambda z: z * y, x) + _twice(lambda z: z * z + x, y)


def composition(x):
    f = _compose(np.sin, lambda z: z * z)
    return f(x) + _compose(f, f)(x)


def made_in_place(x, y):
    return _make_scaled(y)(x) + _make_polynomial(x, y)(0.5)


def made_of_known_numbers(x):
    return _make_polynomial(2.0, -1.0)(x) + _make_counted(3)(x)


def difference_quotient(x):
    return _derivative_like(lambda z: z * z * z + x * z, x)


def closure_per_turn(x, n):
    total = 0.0
    for i in range(n):
        f = lambda z: z * x + i  # noqa: B023, E731
        total += f(total + 1.0)
    return total


def chosen_by_string(x, name):
    f = np.sin if name == "sin" else np.cos
    return f(x) * x


def integral_by_midpoints(x, y, n):
    def integrand(t):
        return math.exp(-y * t * t)

    step = x / n
    total = 0.0
    for i in range(n):
        total += integrand((i + 0.5) * step) * step
    return total


FUNCTIONS = {
    "square_lambda": lambda x: x * x, "cube_lambda": lambda x: x * x * x,
    "product_lambda": lambda x, y: x * y, "quotient_lambda": lambda x, y: x / y,
    "made_closure": _make_scaled(3.0),
    "other_made_closure": _make_scaled(-0.5),
    "made_nested_closure": _make_polynomial(1.5, 0.5),
    "made_lambda": _make_counted(2),
    "made_composition": _compose(np.tanh, np.exp),
}  # fmt: skip

SETTINGS = {
    "nested_recursion": {"inputs": [{"n": 0}, {"n": 3}]},
    "chosen_by_string": {"inputs": [{"name": "sin"}, {"name": "cos"}]},
}


def composed_by_reduce(x):
    def compose(*functions):
        return functools.reduce(lambda f, g: lambda v: f(g(v)), functions)

    return compose(math.sin, math.exp, lambda v: v * v)(x)


def logged_by_a_named_logger(x):
    logging.getLogger(__name__).debug("x = %s", x)
    return x * x
