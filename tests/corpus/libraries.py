"""What the sources of numeric libraries are made of, in functions as small as can be."""

from __future__ import annotations

import bisect

import numpy as np


def flag_in_condition(x, strict=True):
    if x > 5.0 and strict:
        raise ValueError("too large")
    return x * x


def flag_first_in_condition(x, y, loose=False):
    if loose or y > 0.0:
        return x * x * y
    return x - y


def number_class_called(x):
    return np.float64(x * x)


def number_class_as_value(x, dtype=None):
    dtype = np.float64 if dtype is None else dtype
    return dtype(x) ** 3


def number_class_of_array(u):
    squares = np.float64(u * u)
    return np.sum(squares * u)


def number_class_gives_the_array_itself(u):
    same = np.float64(u)
    other = np.float64(same * 1.0)
    other *= same
    return np.sum(other)


def number_class_of_array_without_dimensions(x, y):
    return np.float64(np.asarray(x) * y)


def number_class_of_list(x, y):
    return np.sum(np.float64([x, y, x * y]))


def masked_store_without_dimensions(x, p_power=2.2):
    x = np.asarray(x)
    y = np.zeros(x.shape)
    positive = x >= 0.0
    y[positive] = x[positive] ** p_power
    y[~positive] = -((-x[~positive]) ** p_power)
    return np.float64(y)


def masked_update_without_dimensions(x, y):
    h = np.array(x)
    h[h <= 0.0] += 3.0
    h[np.asarray(np.isnan(h))] = 0.0
    return np.float64(h * h * y)


TABLE = [0.5, 1.5, 1.0, 3.0]
POINTS = [(0.0, 1.0), (1.0, 3.0), (2.0, -1.0)]
ROWS = [[1.0, 2.0, 4.0], [3.0, 5.0, 6.0]]
STEPS = (1, 2, 4)


def table_by_computed_index(x, n):
    i = n - 1
    return TABLE[i] * x * x + TABLE[-n]


def table_of_ints(x, n):
    return x ** STEPS[n - 2] * STEPS[n - 1]


def table_of_pairs(x, n):
    low, high = POINTS[n - 1]
    return low * x + high * x * x


def table_of_tables(x, k):
    row = ROWS[k - 1]
    return row[k] * x**2 + ROWS[k - 2][k - 1] * x


def _position(key, table):
    low, high = 0, len(table) - 1
    while low < high:
        middle = (low + high) // 2
        if key >= table[middle]:
            low = middle + 1
        else:
            high = middle
    return low


def table_searched(x):
    knots = [-2.0, -1.0, 0.0, 1.0, 2.0]
    heights = (1.0, 3.0, 0.5, 2.0, 7.0)
    i = _position(x, knots) - 1
    slope = (heights[i + 1] - heights[i]) / (knots[i + 1] - knots[i])
    return (heights[i] + slope * (x - knots[i])) * x


def table_bisected(x):
    i = bisect.bisect([-2.0, 0.0, 2.0], x) + bisect.bisect_left(STEPS, 1)
    return TABLE[i] * x * x


SETTINGS = {
    "masked_store_without_dimensions": {"float32": False},
    "number_class_gives_the_array_itself": {"float32": False},
    "number_class_called": {"float32": False},
    "number_class_as_value": {"float32": False},
    "number_class_of_array": {"float32": False},
    "number_class_of_array_without_dimensions": {"float32": False},
    "number_class_of_list": {"float32": False},
}
