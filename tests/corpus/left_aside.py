"""What is computed first and used on one path only: it has no derivative where the other is taken.

A cotangent of zero would become NaN there, times an infinite derivative.
"""

from __future__ import annotations

import math

import numpy as np


def undefined_result(x):
    with np.errstate(all="ignore"):
        y = np.sqrt(x)
    return x * x if np.isnan(y) else y


def length_of_nothing(u):
    length = math.sqrt(u[0] * u[0] + u[1] * u[1])
    if length == 0.0:
        return u[0]
    return u[0] / length


def direction_of_nothing(u):
    with np.errstate(all="ignore"):
        length = np.sqrt(np.sum(u * u))
        direction = u / length
    if length > 0.0:
        return direction[0]
    return np.sum(u)


def three_ways(x):
    with np.errstate(all="ignore"):
        root = np.sqrt(x)
        inverse = 1.0 / root
        if x == 0.0:
            return x
        if x < 0.0:
            return root
        return inverse * root * inverse


def in_a_loop(u):
    total = 0.0
    with np.errstate(all="ignore"):
        for i in range(len(u)):
            root = np.sqrt(u[i])
            logarithm = np.log(u[i])
            if u[i] > 0.0:
                total += root * logarithm
            else:
                total += u[i]
    return total


def loop_before(x):
    y = 0.0
    with np.errstate(all="ignore"):
        for _ in range(3):
            y += np.sqrt(x) * y + x
    return x * x if np.isnan(y) else y


def branch_before(x):
    with np.errstate(all="ignore"):
        y = np.log(x) * x if x < 1.0 else np.sqrt(x - 6.0)
    if np.isnan(y):
        return 3.0 * x
    return np.sin(y) * y


def store_before(u):
    y = np.zeros(2)
    with np.errstate(all="ignore"):
        y[0] = np.sqrt(u[0])
        y[1] = u[1] * y[0]
    if np.isnan(y[1]):
        return u[1]
    return y[0] * y[1]


def _root(x, n):
    return np.sqrt(x) if n == 0 else _root(x, n - 1) * x


def recursion_before(x):
    with np.errstate(all="ignore"):
        y = _root(x, 3)
    return x * 3.0 if np.isnan(y) else y


def read_on_other_paths_as_well(x, u):
    total = np.sum(u)
    if x > 5.0:
        y = u
    else:
        y = total - u
        if x > 4.0:
            y = u * 0.3
    return np.sum(total * y)


_ZEROS = {"u": np.zeros(2)}
_MIXED = {"u": np.array([-1.0, 2.0])}

SETTINGS = {
    "undefined_result": {"inputs": {"x": -2.0}},
    "length_of_nothing": {"inputs": _ZEROS, "gradient": ([1.0, 0.0],)},
    "direction_of_nothing": {"inputs": _ZEROS, "gradient": ([1.0, 1.0],)},
    "three_ways": {"inputs": {"x": 0.0}, "gradient": (1.0,)},
    "in_a_loop": {"inputs": {"u": np.array([0.5, -1.0, 2.0])}},
    "loop_before": {"inputs": {"x": -2.0}},
    "branch_before": {"inputs": {"x": 3.0}},
    "store_before": {"inputs": _MIXED},
    "recursion_before": {"inputs": {"x": -2.0}},
}
