"""Methods of ufuncs (`reduce`, `accumulate`, `reduceat`, `outer`, `at`); `np.ndarray(...)`."""

from __future__ import annotations

import numpy as np


def add_outer(u, v):
    return np.sum(np.sin(np.add.outer(u, v)) * u[:, None])


def subtract_outer_of_matrix(m, u):
    return np.sum(np.subtract.outer(m, u) ** 3)


def multiply_outer_with_number(u, x):
    return np.sum(np.multiply.outer(u, x) * np.multiply.outer(x, u) ** 2)


def minimum_outer(u, v):
    return np.sum(np.minimum.outer(u, v) ** 2)


def reduce_logaddexp(a):
    return np.sum(np.logaddexp.reduce(a, axis=1) ** 2) + np.logaddexp.reduce(a[0])


def reduce_logaddexp_keepdims(a):
    return np.sum(np.exp(a - np.logaddexp.reduce(a, axis=-1, keepdims=True)) * a)


def reduce_all_axes(a):
    return np.logaddexp.reduce(a, axis=None) * np.maximum.reduce(a, axis=(0, 1))


def reduce_subtract(a):
    return np.sum(np.subtract.reduce(a) ** 2)


def reduce_into(a):
    y = np.zeros(a.shape[1])
    np.add.reduce(a, axis=0, out=y)
    return np.sum(y * np.multiply.reduce(a, 0))


def accumulate_maximum(a):
    return np.sum(np.maximum.accumulate(a, axis=1) ** 2 * a)


def accumulate_add(a):
    return np.sum(np.add.accumulate(a) ** 2) + np.sum(np.multiply.accumulate(a[0]) ** 2)


def reduceat_add(u):
    return np.sum(np.add.reduceat(u, [0, 2, 1]) ** 2)


def reduceat_rows(a):
    return np.sum(np.multiply.reduceat(a, np.array([0, 1]), axis=1) ** 2)


def maximum_at(u):
    y = np.zeros(3)
    np.maximum.at(y, np.array([0, 1, 0, 2]), u[np.array([0, 1, 2, 3])] + 3.0)
    return np.sum(y**2)


def divide_at(p, u):
    y = p + 3.0
    np.divide.at(y, np.array([0, 1, 0]), u[:3] + 4.0)
    return np.sum(y**2)


def ndarray_filled(u):
    y = np.ndarray(u.shape, dtype=u.dtype)
    z = np.ndarray((2, len(u)))
    y[:] = u * u
    z[0], z[1] = y, u
    return np.sum(y * u) + np.sum(z**3)


SETTINGS = {
    "maximum_at": {"size_one": False},
    "reduceat_add": {"size_one": False},
    "reduceat_rows": {"size_one": False},
}

TYPED = {
    "add_outer", "minimum_outer", "multiply_outer_with_number", "subtract_outer_of_matrix",
}  # fmt: skip
