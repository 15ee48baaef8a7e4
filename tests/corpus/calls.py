"""Calls of other functions: defaults and keywords, depth, recursion, and where a name leads to."""

from __future__ import annotations

import math
import math as m
from math import log

import numpy as np
import numpy.linalg as la
from numpy import sin as sine

from . import _library as library
from ._library import weighted

_RATE = 0.3
_square = np.square


def _double(x):
    return 2.0 * x


def _polynomial(x, c, d=1.5, *, e=0.5):
    return c * x * x + d * x + e


def _quadruple(x):
    return _double(_double(x))


def _two_results(x, y):
    return x * y, x - y


def _absolute(x):
    if x > 0.0:
        return x
    return -x


def _first_larger(u, x):
    for value in u:
        if value * value > x * x:
            return value
    return x


def _without_result(x):
    x + 1.0  # noqa: B018


def _scaled(x):
    """A helper with a docstring."""
    scale: float = _RATE
    return scale * x


def _power(x, n):
    if n == 0:
        return 1.0
    return x * _power(x, n - 1)


def _even(x, n):
    if n == 0:
        return x
    return _odd(x * x, n - 1)


def _odd(x, n):
    if n == 0:
        return 3.0 * x
    return _even(x + 0.5, n - 1)


def _two_calls(x, n):
    if n < 2:
        return x
    return _two_calls(x, n - 1) * 0.7 + x * _two_calls(x, n - 2)


def _changes_its_parameter(x, y):
    x = x * y
    y += x
    return x * y


def helper(x, y):
    return _double(x) * _double(y)


def helpers_in_helpers(x):
    return _quadruple(_double(x)) * _quadruple(x)


def defaults(x, y):
    return _polynomial(x, 2.0) + _polynomial(y, x)


def keywords(x, y, z):
    return _polynomial(c=x, x=y) + _polynomial(x, e=z, c=y) * _polynomial(z, x, e=y, d=x)


def keyword_only_parameter(x, *, y):
    return x * x * y


def own_default(x, y=2.5):
    return x * y * y


def positional_only(x, y, /):
    return x / (1.0 + y * y)


def several_results(x, y):
    p, q = _two_results(x, y)
    r, _ = _two_results(q, p)
    return p * q + r


def result_used_as_argument(x, y):
    return _polynomial(_polynomial(x, y), _polynomial(y, x))


def branch_in_helper(x, y):
    return _absolute(x) * _absolute(x - y)


def return_from_loop_in_helper(u, x):
    return _first_larger(u, x) * x


def result_of_no_use(x):
    _without_result(x)
    _double(x)
    return x * x


def live_global_in_helper(x):
    return _scaled(x) * x


def parameter_changed_in_helper(x, y):
    z = _changes_its_parameter(x, y)
    return z + x * y


def helper_in_loop(x, n):
    for _ in range(n):
        x = _polynomial(x, 0.1, d=0.5)
    return x


def helper_on_arrays(u, x):
    return np.sum(_polynomial(u, x)) + _polynomial(x, 2.0)


def recursion(x, n):
    return _power(x, n)


def deep_recursion(x):
    return _power(1.0 + 0.01 * x, 60)


def mutual_recursion(x, n):
    return _even(0.5 * x, n)


def recursion_with_two_calls(x, n):
    return _two_calls(x, n)


def own_recursion(x, n):
    if n == 0:
        return x
    return own_recursion(x * x, n - 1) + x


def different_active_arguments(x):
    return weighted(x, 3.0) + weighted(2.0, x) * weighted(x, x)


def namesakes(x, y):
    return library.polynomial(x, y) + _polynomial(x, y)


def module_of_helpers(x):
    return library.gaussian(library.shift(x)) * library.SCALE


def names_of_functions(x):
    return math.sin(x) + m.cos(x) * log(x * x + 1.0) + sine(x) + _square(x) * m.pi


def module_in_module(u):
    return la.norm(u) + np.linalg.norm(u * u)


def local_alias(x, y):
    f = np.sin
    g = _double
    return f(x) * g(y) + g(f(x * y))


def method_and_function(u, v):
    return (u * v).sum() + np.sum(u) * v.dot(u)


SETTINGS = {
    "branch_in_helper": {"inputs": [{"x": 0.6, "y": 1.1}, {"x": -1.3, "y": 0.7}]},
    "return_from_loop_in_helper": {"inputs": [{"x": 0.8}, {"x": 1.9}]},
    "recursion": {"inputs": [{"n": 0}, {"n": 4}]},
    "mutual_recursion": {"inputs": [{"n": 0}, {"n": 3}, {"n": 4}]},
    "recursion_with_two_calls": {"inputs": {"n": 5}},
}

TYPED = {"parameter_changed_in_helper"}
