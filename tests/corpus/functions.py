"""Functions as people use them: signatures, decorators, recursion, closures, generators."""

from __future__ import annotations

import functools
import math
import math as m
from functools import wraps

import numpy as np
from numpy import sin as sine

from . import _library as library

_GRAVITY = 9.81
_OPTIONS = {"order": 2}


def star_arguments(x, y):
    return _mean(x, y, x * y)


def _mean(*values):
    return sum(values) / len(values)


def star_arguments_unpacked(x, y):
    values = (x, y, 2.0)
    return _mean(*values) * _mean(*values[:2])


def keyword_arguments(x, y):
    return _energy(mass=x, speed=y)


def _energy(**quantities):
    return 0.5 * quantities["mass"] * quantities["speed"] ** 2


def keywords_passed_on(x, y):
    return _outer(x, scale=y, power=3)


def _outer(value, **options):
    return _inner(value, **options) + options["scale"]


def _inner(value, scale=1.0, power=2):
    return scale * value**power


def mixed_signature(x, y):
    return _mixed(x, y, 0.5, weight=x * y)


def _mixed(first, /, *rest, weight, bias=0.1):
    return weight * first + bias * sum(rest)


def function_as_argument(x):
    return _integrate(lambda t: math.exp(-x * t * t), 0.0, 1.0)


def _integrate(function, low, high, panels=4):
    width = (high - low) / panels
    return width * sum(function(low + (k + 0.5) * width) for k in range(panels))


def composed(x):
    return _compose(math.sin, math.exp, lambda t: t * t)(x)


def _compose(*functions):
    def run(value):
        for function in functions:
            value = function(value)
        return value

    return run


def finite_difference_inside(x, y):
    def slope(function, at, step=0.01):
        return (function(at + step) - function(at - step)) / (2.0 * step)

    return slope(lambda t: y * t**3, x)


def _doubled(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        return 2.0 * function(*args, **kwargs)

    return wrapper


def _scaled(factor):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(value):
            return factor * function(factor * value)

        return wrapper

    return decorate


@_doubled
def _spring(x, stiffness=1.5):
    return 0.5 * stiffness * x * x


@_scaled(0.5)
@_doubled
def _twice_decorated(x):
    return math.tanh(x)


@functools.cache
def _factorial(k):
    return 1.0 if k == 0 else k * _factorial(k - 1)


def decorator_that_doubles(x, y):
    return _spring(x) + _spring(x, stiffness=y)


def decorators_stacked(x):
    return _twice_decorated(x) * x


def cached_helper(x, n):
    return sum(x**k / _factorial(k) for k in range(n + 1))


def decorated_inside(x, y):
    @_scaled(y)
    def square(value):
        return value * value

    return square(x)


def recursion_on_depth(x, n):
    return x if n == 0 else math.sin(recursion_on_depth(x, n - 1)) + x


def recursion_in_two_branches(x, n):
    if n <= 1:
        return x
    return x * recursion_in_two_branches(x, n - 1) - recursion_in_two_branches(x, n - 2)


def mutual_recursion(x, n):
    return _even_step(x, n)


def _even_step(x, n):
    return x if n == 0 else _odd_step(x * x, n - 1)


def _odd_step(x, n):
    return x if n == 0 else _even_step(0.5 * x + 1.0, n - 1)


def recursive_sum(x, y):
    return _tree_sum(((x, y), (x * y, (y * y, 1.0))))


def _tree_sum(tree):
    if isinstance(tree, tuple):
        return sum(_tree_sum(branch) for branch in tree)
    return tree * tree


def recursion_until_small(x):
    return _halved(x * x)


def _halved(value):
    return value if value < 0.3 else 0.5 * _halved(value * 0.7) + value


def adaptive_simpson(x):
    return _adaptive(lambda t: math.exp(x * t), 0.0, 1.0, 2)


def _adaptive(function, low, high, depth):
    middle = 0.5 * (low + high)
    if depth == 0:
        return (high - low) * function(middle)
    left = _adaptive(function, low, middle, depth - 1)
    return left + _adaptive(function, middle, high, depth - 1)


def generator_in_for(x, n):
    total = 0.0
    for power in _powers(x, n):
        total += power
    return total


def _powers(x, n):
    value = 1.0
    for _ in range(n):
        value *= x
        yield value


def generator_in_sum(x, n):
    return sum(term * term for term in _powers(x, n))


def generator_to_list(x, y):
    values = list(_pair_of(x, y))
    return values[0] * values[1]


def _pair_of(x, y):
    yield x * y
    yield x - y


def generator_delegating(x, y):
    return sum(_delegating(x, y))


def _delegating(x, y):
    yield from _pair_of(x, y)
    yield x * x


def closure_over_active(x, y):
    def line(t):
        return x * t + y

    return line(2.0) * line(x)


def closures_in_list(x):
    basis = [lambda t, k=k: t**k for k in range(3)]
    return sum(f(x) for f in basis) * x


def closure_made_by_helper(x, y):
    potential = _morse(x)
    return potential(y) + potential(2.0)


def _morse(depth):
    def potential(r):
        return depth * (1.0 - math.exp(-(r - 1.0))) ** 2

    return potential


def nonlocal_accumulator(x, y):
    total = 0.0

    def add(value):
        nonlocal total
        total += value * x

    add(x)
    add(y)
    return total


def nonlocal_counter(x):
    calls = 0

    def f(t):
        nonlocal calls
        calls += 1
        return t * t

    value = f(x) + f(2.0 * x)
    return value / calls


def late_binding(x, y):
    scale = x

    def scaled(t):
        return scale * t

    before = scaled(y)
    scale = y * y
    return before + scaled(x)


def default_argument(x, y):
    def model(t, slope=x * y):
        return slope * t

    return model(2.0) + model(x, slope=y)


def module_alias(x):
    return m.sin(x) * math.cos(x)


def imported_name(x):
    return sine(x) * x


def module_of_package(x, y):
    return library.polynomial(x, y) + library.SCALE * x


def import_inside(x):
    import math as mathematics
    from math import exp

    return mathematics.sin(x) * exp(-x * x)


def shadowed_builtin(x, y):
    sum = x + y
    max = sum * x
    return max - sum


def shadowed_by_parameter(x, y):
    return _with_len(x, len=y)


def _with_len(x, len):
    return x * len


def global_reads(x):
    return _GRAVITY * x ** _OPTIONS["order"]


def walrus(x, y):
    return (s := x * y) * s + s


def walrus_in_condition(x):
    if (q := x * x) > 0.05:
        return q * x
    return q


def ternary_of_functions(x, n):
    kernel = math.sin if n > 2 else math.cos
    return kernel(x) * x


def immediately_called_lambda(x, y):
    return (lambda a, b: a * b - a)(x, y)


def annotated_variables(x: float, y: float) -> float:
    area: float = x * y
    half: float
    half = 0.5 * area
    return half * area


def docstring_and_constants(x):
    """A function with a text of its own."""
    SCALE = 1_000e-3
    ...
    return SCALE * x * x


def runge_kutta(x, y):
    def rate(state, time):
        return -y * state + math.sin(time)

    state, dt = x, 0.1
    for k in range(3):
        time = k * dt
        k1 = rate(state, time)
        k2 = rate(state + 0.5 * dt * k1, time + 0.5 * dt)
        k3 = rate(state + 0.5 * dt * k2, time + 0.5 * dt)
        k4 = rate(state + dt * k3, time + dt)
        state += dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return state


def array_helper_with_defaults(u, v):
    return _distance(u, v) + _distance(u, p=4)


def _distance(u, v=0.0, *, p=2):
    return np.sum(np.abs(u - v) ** p)


# `+=` on a number or an array?
TYPED = {"generator_in_for", "generator_in_sum", "runge_kutta"}
