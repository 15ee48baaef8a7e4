"""Functions without a derivative at their arguments; what srcad gives there is a convention."""

from __future__ import annotations

import numpy as np


def absolute_at_zero(x):
    return abs(x) * 3.0 + np.abs(x)


def absolute_of_vector_with_zero(u):
    return np.sum(np.abs(u) * 2.0)


def relu_at_zero(x):
    return x if x > 0.0 else 0.0


def relu_of_vector_with_zero(u):
    return np.sum(np.where(u > 0.0, u, 0.0))


def equal_operands_of_maximum(x, y):
    return np.maximum(x, y) * 2.0


def equal_operands_of_minimum(u, v):
    return np.sum(np.minimum(u, v))


def equal_operands_of_max(x, y):
    return max(x, y) * 3.0


def equal_elements_of_max(u):
    return np.max(u)


def equal_elements_of_min_over_axis(a):
    return np.sum(np.min(a, axis=0) * np.array([1.0, 4.0]))


def infinite_quotients_replaced(u, v):
    with np.errstate(all="ignore"):
        return np.sum(np.nan_to_num(u / v, posinf=0.0) ** 2)


def undefined_quotients_left_out(u, v):
    with np.errstate(all="ignore"):
        return np.nansum(np.abs(u) / v)


_ONE = {"x": 1.5, "y": 1.5}
_PAIR = {"u": np.array([1.0, 2.0]), "v": np.array([1.0, 3.0])}

SETTINGS = {
    "absolute_at_zero": {"inputs": {"x": 0.0}, "gradient": (0.0,)},
    "absolute_of_vector_with_zero": {
        "inputs": {"u": np.array([1.0, 0.0, -2.0])}, "gradient": ([2.0, 0.0, -2.0],),
    },
    "relu_at_zero": {"inputs": {"x": 0.0}, "gradient": (0.0,)},
    "relu_of_vector_with_zero": {
        "inputs": {"u": np.array([1.0, 0.0, -2.0])}, "gradient": ([1.0, 0.0, 0.0],),
    },
    "equal_operands_of_maximum": {"inputs": _ONE, "gradient": (1.0, 1.0)},
    "equal_operands_of_minimum": {"inputs": _PAIR, "gradient": ([0.5, 1.0], [0.5, 0.0])},
    "equal_operands_of_max": {"inputs": _ONE, "gradient": (1.5, 1.5)},
    "equal_elements_of_max": {
        "inputs": {"u": np.array([1.0, 2.0, 2.0])}, "gradient": ([0.0, 0.5, 0.5],),
    },
    "equal_elements_of_min_over_axis": {
        "inputs": {"a": np.array([[1.0, 2.0], [1.0, 5.0]])},
        "gradient": ([[0.5, 4.0], [0.5, 0.0]],),
    },
    "infinite_quotients_replaced": {
        "inputs": {"u": np.array([3.0, 1.0, 0.0]), "v": np.array([2.0, 0.0, 0.0])},
        "gradient": ([1.5, 0.0, 0.0], [-2.25, 0.0, 0.0]),
    },
    "undefined_quotients_left_out": {
        "inputs": {"u": np.array([3.0, 0.0]), "v": np.array([2.0, 0.0])},
        "gradient": ([0.5, 0.0], [-0.75, 0.0]),
    },
}  # fmt: skip
