"""Tuples: packing, unpacking, tuples of results, and results that are tuples or arrays."""

from __future__ import annotations

import numpy as np

_COEFFICIENTS = (0.5, -1.0, 2.0, 0.25)


def _polar(x, y):
    return (x * x + y * y) ** 0.5, np.arctan2(y, x)


def _nested(x, y):
    return x * y, (x + y, (x - y, 2.0 * x))


def packing_and_unpacking(x, y):
    pair = x * y, x + y
    p, q = pair
    return p * q


def nested_unpacking(x, y):
    p, (q, (r, s)) = _nested(x, y)
    return p * q + r * s


def index_into_tuple(x, y, z):
    point = (x, y * z, x * z)
    return point[0] * point[2] + point[-2] ** 2


def tuple_of_arrays(u, v):
    pair = (u * v, u - v)
    p, q = pair
    return np.sum(p * q) + np.sum(pair[0])


def unpacking_a_vector(p):
    x, y, z = p
    return x * y * y - z * x


def unpacking_rows(a):
    first, second, third = a
    return np.sum(first * second) - np.sum(third**2)


def unpacking_a_shape(a):
    rows, columns = a.shape
    return np.sum(a * a) / (rows * columns)


def ignored_entries(x, y):
    _, angle = _polar(x, y)
    radius, _ = _polar(y, x)
    return radius * angle


def tuple_through_branch(x, y):
    if x > y:
        pair = (x, y * y)
    else:
        pair = (y, x * x)
    p, q = pair
    return p * q * q


def tuple_through_loop(x, y, n):
    state = (x, y)
    for _ in range(n):
        p, q = state
        state = (p + 0.1 * q, q - 0.1 * p * p)
    return state[0] * state[1]


def tuple_as_argument(x, y):
    return _distance((x, y), (1.0, -0.5))


def _distance(a, b):
    ax, ay = a
    bx, by = b
    return ((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5


def loop_over_tuple(x):
    total = 0.0
    for c in _COEFFICIENTS:
        total = total * x + c
    return total


def loop_over_tuple_of_variables(x, y, z):
    total = 1.0
    for value in (x, y * z, z):
        total = total * value + 0.5
    return total


def zip_of_tuples(x, y):
    total = 0.0
    for value, c in zip((x, y, x * y), _COEFFICIENTS):  # noqa: B905
        total += c * value * value
    return total


def equal_names(x, y):
    (x, y), z = (y, x), x * y
    return x * x * y + z


def tuple_of_one(x):
    (y,) = (x * x,)
    return y * x


def length_of_tuple(x, y):
    values = (x, y, x)
    return len(values) * x * y


def pair_result(x, y):
    return x * y, np.sin(x) - y


def nested_result(x, u):
    return (x * x, (u * x, np.sum(u))), 2.0 * x


def array_result(u, x):
    return u * u * x


def matrix_result(a, col):
    return np.tanh(a) * col


def result_with_constants(x, n):
    return x * x, 2.0, n


def same_result_twice(x, u):
    y = u * x
    return y, y


def parameter_as_result(u, x):
    return u, x


SETTINGS = {
    "tuple_through_branch": {"inputs": [{"x": 0.6, "y": 1.1}, {"x": 1.3, "y": 0.7}]},
    "unpacking_a_vector": {"size_one": False},
    "pair_result": {"scalar": False},
    "nested_result": {"scalar": False},
    "array_result": {"scalar": False},
    "matrix_result": {"scalar": False},
    "result_with_constants": {"scalar": False},
    "same_result_twice": {"scalar": False},
    "parameter_as_result": {"scalar": False},
}
