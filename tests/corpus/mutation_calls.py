"""Functions and methods of NumPy that write to an array they are given."""

from __future__ import annotations

import numpy as np


def out_of_ufunc(u, v):
    y = np.zeros_like(u)
    np.multiply(u, v, out=y)
    return np.sum(y * y)


def out_is_operand(u):
    y = u * 1.0
    np.sin(y, out=y)
    np.multiply(y, u, out=y)
    return np.sum(y * y)


def out_as_position(u, v):
    y = np.empty_like(u)
    np.add(u, v, y)
    return np.sum(y * u)


def out_is_slice(a, u):
    y = a * 1.0
    np.multiply(u, u, out=y[1])
    return np.sum(y * y)


def out_of_matmul(m, p):
    y = np.zeros(3)
    np.matmul(m, p, out=y)
    return np.sum(y * y)


def out_of_dot(m):
    y = np.empty((3, 3))
    np.dot(m, m, out=y)
    return np.sum(y * m)


def out_of_sum(a, p):
    y = p * 1.0
    np.sum(a, axis=1, out=y)
    return np.sum(y * p)


def out_of_maximum(u, v):
    y = u * 1.0
    np.maximum(y, v, out=y)
    return np.sum(y * y)


def out_of_clip(u):
    y = u * 3.0
    np.clip(y, -2.0, 2.0, out=y)
    return np.sum(y * u)


def out_and_result_are_one(u, x):
    y = np.zeros(u.shape)
    z = np.exp(0.1 * u, out=y)
    z *= x
    return np.sum(y * y)


def add_at(u, idx):
    y = np.zeros(4)
    np.add.at(y, idx, u)
    return np.sum(y * y)


def add_at_of_scalar(u, idx, x):
    y = u * u
    np.add.at(y, idx, x)
    return np.sum(y * y)


def subtract_at(u, x):
    y = u * u
    np.subtract.at(y, [0, 0, -1], x)
    return np.sum(y * y)


def multiply_at(p, x):
    y = p * p
    np.multiply.at(y, [0, 0, 2], x)
    return np.sum(y * y)


def copyto(u, v):
    y = u * 1.0
    np.copyto(y, v * v)
    return np.sum(y * u)


def copyto_where(u, v, mask):
    y = u * u
    np.copyto(y, v, where=mask)
    return np.sum(y * u)


def copyto_broadcasts(a, u):
    y = np.empty_like(a)
    np.copyto(y, u)
    return np.sum(y * a)


def fill(u, x):
    y = u * u
    y.fill(x)
    return np.sum(y * u)


def fill_of_view(m, x):
    y = m * 1.0
    y[1].fill(x)
    return np.sum(y * y)


def fill_diagonal(m, x):
    y = m * 1.0
    np.fill_diagonal(y, x)
    return np.sum(y * y)


def sort_in_place(u):
    y = u * 1.0
    y.sort()
    return np.sum(y * np.arange(1.0, len(y) + 1.0))


def sort_in_place_along_axis(a):
    y = a * a
    y.sort(axis=0)
    return np.sum(y * np.array([[1.0], [2.0], [4.0]]))


def put(p, x):
    y = p * 1.0
    np.put(y, [0, 2], [x, x * x])
    return np.sum(y * y)


def put_along_axis(m, col):
    y = m * 1.0
    np.put_along_axis(y, np.array([[2], [0], [1]]), col, axis=1)
    return np.sum(y * y)


def place(u, x):
    y = u * 1.0
    np.place(y, y > 0.0, x)
    return np.sum(y * y)


def putmask(u, v, mask):
    y = u * 1.0
    np.putmask(y, mask, v)
    return np.sum(y * y)


def flat_store(m, x):
    y = m * 1.0
    y.flat[4] = x
    return np.sum(y * y)


def shuffled_by_roll_into(u):
    y = np.empty_like(u)
    y[1:] = u[:-1]
    y[:1] = u[-1:]
    return np.sum(y * u * u)


SETTINGS = {
    "add_at": {"size_one": False},
    "out_of_dot": {"float32": False},
}

TYPED = {
    "fill_diagonal", "fill_of_view", "out_is_slice", "put_along_axis",
}  # fmt: skip
