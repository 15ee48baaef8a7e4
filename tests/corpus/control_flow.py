"""Branches: `if`, conditional expressions, lazy operators, and what is decided when compiling."""

from __future__ import annotations

import math

import numpy as np


def if_else(x, y):
    if x > 0.0:
        z = x * y
    else:
        z = x * x - y
    return z * z


def if_without_else(x, y):
    z = x
    if y > x:
        z = z * y
    return z + y


def elif_chain(x, y):
    if x > 1.0:
        z = x * x
    elif x > 0.0:
        z = x * y
    elif x > -1.0:
        z = -x * y * y
    else:
        z = y - x**3
    return z * y


def nested_ifs(x, y, z):
    if x > 0.0:
        if y > 0.0:
            w = x * y
        else:
            w = x - y
        if z > 0.0:
            w = w * z
    elif y > z:
        w = y * z
    else:
        w = x * x * y
    return w + x


def several_names(x, y):
    a = x
    b = y
    if x < y:
        a = y * x
        b = a + x
    else:
        b = b * b
    return a * b


def swap_in_a_branch(x, y):
    if x < y:
        x, y = y, x
    return x * x - 0.5 * y


def early_return(x, y):
    if x > 0.0:
        return x * y
    return y * y * x


def guard_clauses(x, y):
    if x > 1.2:
        return x * x
    if y > 0.0:
        if x < -0.5:
            return x * y
        y = y * 3.0
    x = x + y
    if x > y:
        return np.sin(x * y)
    return x - y * y


def all_branches_return(x):
    if x > 0.0:
        return np.sqrt(x)
    else:
        return x * x


def conditional_expression(x, y):
    z = x * y if x > y else y - x
    return z * z


def conditional_in_conditional(x, y):
    return x if x > 1.0 else y * x if y > 0.0 else x * x - y


def conditional_as_operand(x, y):
    return (x if x > 0.0 else -x) * (y if y > x else x * y) + 1.0


def chained_comparison(x, y):
    if -1.0 < x < y * y < 9.0:
        return x * y
    return x + y * y


def comparison_whose_middle_is_a_call(x, y):
    if -2.0 < _square(x) <= 1.0:
        return x * y
    return y * y * x


def _square(x):
    return x * x


def both(x, y):
    if x > 0.0 and y > 0.0:
        return x * y
    return x - y


def either(x, y):
    if x > 1.0 or y > 1.0 or x * y < 0.0:
        return x * x * y
    return x + y


def negation(x, y):
    if not x > y:
        return x * y
    if not (x < 1.0 and y < 1.0):
        return x / (1.0 + y * y)
    return y


def mixed_conditions(x, y, z):
    if (x > 0.0 and not y > 0.0) or (z > x and y > z):
        return x * y * z
    return x + y * z


def lazy_and_guards_division(x, y):
    if x != 0.0 and 1.0 / x > 0.8:
        return y / x
    return x * y


def lazy_or_guards_logarithm(x, y):
    if x <= 0.0 or math.log(x) < 0.2:
        return x * y
    return math.log(x) * y


def lazy_conditional_guards_root(x, y):
    return math.sqrt(x) * y if x > 0.0 else x * y * y


def lazy_value_of_or(x, k):
    scale = k or 5
    offset = 0 or 2
    return scale * x * x + offset


def value_of_and(x, n):
    return x * (n and 4) + x * x


def stored_condition(x, y):
    larger = x > y
    both_positive = larger and y > 0.0
    z = x * y if larger else x - y
    if both_positive:
        z = z * z
    return z


def condition_on_overwritten_name(x, y):
    if x > 0.0:
        x = x - 3.0
        y = y * x
    else:
        x = x * y
    if x > 0.0:
        y = y * y
    return x * y


def condition_on_element(u, x):
    if u[0] > 0.5:
        return np.sum(u * u) * x
    return u[0] * x * x


def condition_on_reduction(u):
    if np.sum(u) > 0.0:
        return np.sum(u * u)
    return np.sum(np.cos(u))


def condition_on_all(u, v):
    if np.all(u > 0.0):
        return np.sum(u * v)
    if np.any(v < 0.0):
        return np.sum(u - v * v)
    return np.sum(u * u * v)


def condition_on_int(x, n):
    if n % 2 == 0:
        x = x * x
    if n:
        x = x + 1.0
    return x * n


def condition_on_flag(x, flag):
    if flag:
        return x * x
    return 3.0 * x


def unbound_in_other_branch(x, y):
    if x > y:
        extra = x * y
    if x > y:
        return extra + x
    return x - y * y


def unbound_and_unread(x):
    if x > 100.0:
        never = x * x  # noqa: F841
    return x * 2.0


def branch_that_does_nothing(x, y):
    if y > 0.0:
        pass
    elif x > 0.0:
        x = x * y
    return x * x


def constant_branch(x, y):
    if x > y:
        z = 1.0
    else:
        z = x * y
    return z * y


def branches_of_different_kind(x, n):
    if n > 2:
        y = 0
    else:
        y = x
    return y * x + x


def array_in_one_branch(x, u):
    if x > 0.0:
        z = u * x
    else:
        z = u
    return np.sum(z * z)


def scalar_or_array(x, u):
    if x > 0.5:
        z = x * x
    else:
        z = u * x
    return np.sum(z * u)


def is_none(x, scale=None):
    if scale is None:
        scale = 2.0 * x
    return scale * x


def is_not_none(x, y, bias=0.25):
    if bias is not None and x > y:
        x = x + bias
    return x * y


def none_then_value(x, y):
    best = None
    if best is None:
        best = x * y
    if best is not None:
        best = best * x
    return best


def kind_of_argument(x, u):
    if isinstance(u, np.ndarray):
        total = np.sum(u * u)
    else:
        total = u * u
    if isinstance(x, (int, float, np.floating)):
        return total * x
    return total * np.sum(x)


def string_option(x, y, mode):
    if mode == "product":
        return x * y
    elif mode in ("sum", "total"):
        return x * x + y
    elif mode != "none":
        raise ValueError("unknown mode")
    return x - y * y


def string_default(x, kind="cubic"):
    power = 3 if kind == "cubic" else 2
    return x**power


def raise_in_untaken_branch(x, y):
    if x > 100.0:
        raise ValueError("x is too large")
    if y > 100.0:
        z = x
    elif y < -100.0:
        raise OverflowError(y)
    else:
        z = x * y
    return z * x


def raise_at_the_end(x):
    if x > -50.0:
        return x * x
    raise ValueError("x is too small")


def assertions(x, y):
    assert x > -100.0
    assert y < 100.0, "y is too large"
    return x * y * y


def relu_network(x, y, z):
    h1 = x * 0.7 + y * -0.4 + 0.1
    h2 = x * -0.2 + z * 0.9 - 0.3
    h1 = h1 if h1 > 0.0 else 0.0
    h2 = h2 if h2 > 0.0 else 0.01 * h2
    return h1 * h1 + 2.0 * h2


def piecewise_function(x):
    if x < -1.0:
        return -x - 0.5
    elif x <= 1.0:
        return 0.5 * x * x
    return x - 0.5


_QUADRANTS = [
    {"x": 0.6, "y": 1.1},
    {"x": 1.3, "y": 0.7},
    {"x": -0.7, "y": 0.9},
    {"x": -1.2, "y": -0.5},
    {"x": 0.8, "y": -1.4},
]

def stored_condition_is_true(u, x, y):
    smaller = x < y
    total = 0.0
    for v in u:
        # A comparison of NumPy scalars is not `True` itself.
        total += v * x if (v < 10.0) is True else v * v * x
    return total * x if smaller is True else total * y


SETTINGS = {
    "elif_chain": {"inputs": [{"x": value, "y": 0.7} for value in (1.3, 0.6, -0.5, -1.4)]},
    "nested_ifs": {"inputs": [{**point, "z": 0.8} for point in _QUADRANTS]},
    "early_return": {"inputs": _QUADRANTS},
    "guard_clauses": {"inputs": [*_QUADRANTS, {"x": -0.3, "y": 0.5}]},
    "conditional_in_conditional": {"inputs": _QUADRANTS},
    "conditional_as_operand": {"inputs": _QUADRANTS},
    "chained_comparison": {"inputs": _QUADRANTS},
    "comparison_whose_middle_is_a_call": {"inputs": _QUADRANTS},
    "both": {"inputs": _QUADRANTS},
    "either": {"inputs": _QUADRANTS},
    "negation": {"inputs": _QUADRANTS},
    "mixed_conditions": {"inputs": [{**point, "z": 0.8} for point in _QUADRANTS]},
    "lazy_and_guards_division": {"inputs": [{"x": 0.9, "y": 0.7}, {"x": 1.7, "y": 0.7}]},
    "lazy_or_guards_logarithm": {"inputs": [{"x": x, "y": 0.7} for x in (-0.5, 1.1, 1.9)]},
    "lazy_value_of_or": {"inputs": [{}, {"k": 0}]},
    "value_of_and": {"inputs": [{}, {"n": 0}]},
    "stored_condition": {"inputs": _QUADRANTS},
    "stored_condition_is_true": {"inputs": _QUADRANTS},
    "condition_on_overwritten_name": {"inputs": [*_QUADRANTS, {"x": -0.6, "y": -1.5}]},
    "condition_on_int": {"inputs": [{"n": 0}, {"n": 1}, {"n": 4}]},
    "condition_on_flag": {"inputs": [{"flag": True}, {"flag": False}]},
    "unbound_in_other_branch": {"inputs": _QUADRANTS[:2]},
    "branch_that_does_nothing": {"inputs": _QUADRANTS},
    "branches_of_different_kind": {"inputs": [{"n": 2}, {"n": 3}]},
    "scalar_or_array": {"inputs": [{"x": 0.4}, {"x": 0.9}]},
    "is_not_none": {"inputs": _QUADRANTS},
    "kind_of_argument": {"inputs": [{}, {"u": 0.7}, {"x": np.array([0.4, -0.9])}]},
    "string_option": {"inputs": [{"mode": "product"}, {"mode": "total"}, {"mode": "none"}]},
    "relu_network": {"inputs": [{**point, "z": 0.8} for point in _QUADRANTS]},
    "piecewise_function": {"inputs": [{"x": -1.3}, {"x": 0.4}, {"x": 1.6}]},
}
