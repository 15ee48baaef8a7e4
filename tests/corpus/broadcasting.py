"""Broadcasting: dimensions of size one, missing dimensions, scalars, in every kind of operator."""

from __future__ import annotations

import numpy as np


def scalar_times_vector(x, u):
    return np.sum(x * u)


def scalar_in_every_operator(x, u):
    return np.sum((x + u) * (x - u) - (u - x) / (x * x + 2.0) + x / (u * u + 1.0))


def vector_and_matrix(u, a):
    return np.sum(u * a + a / (2.0 + u * u))


def row_and_matrix(row, a):
    return np.sum(row * a - a / (1.0 + row**2))


def column_and_matrix(col, a):
    return np.sum(a * col + np.sin(a - col))


def both_stretched(row, col):
    return np.sum((row + col) * (row - col) * row)


def division_of_stretched(row, col):
    return np.sum(row / (3.0 + col) + col / (3.0 + row))


def power_of_stretched(row, col):
    return np.sum(row**col + col ** (0.5 * row))


def power_by_scalar_array(o, u):
    return np.sum(u**o) * o


def remainder_of_stretched(row, col):
    return np.sum((5.3 * row) % (1.0 + col))


def maximum_of_stretched(row, col):
    return np.sum(np.maximum(row, col) * np.minimum(col, row))


def arctan2_of_stretched(row, col):
    return np.sum(np.arctan2(row, col) * col)


def hypot_of_vector_and_scalar(u, x):
    return np.sum(np.hypot(u, x) * np.logaddexp(x, u))


def where_of_stretched(row, col, u):
    return np.sum(np.where(u > 0.0, row, col) * col)


def where_of_scalar(x, u):
    return np.sum(np.where(u > 0.0, x, u) * u)


def three_dimensions(q, a, u):
    return np.sum(q * a + q * u) + np.sum(q - a * u)


def column_through_matrix_and_cube(q, col):
    return np.sum(q * col * col)


def no_dimensions(o, u):
    return np.sum(o * u) + o * o


def two_of_no_dimensions(o, x):
    p = o + x
    return p * o / (1.0 + x * x)


def scalar_made_by_reduction(u, a):
    return np.sum(np.mean(u) * a * u)


def centred(a):
    return np.sum((a - np.mean(a, axis=0)) ** 3)


def normalised(a):
    total = np.sum(a * a, axis=1, keepdims=True)
    return np.sum(a**3 / (1.0 + total))


def stretched_then_reduced(row, col):
    table = row * col
    return np.sum(np.sum(table, axis=0) * row) + np.sum(np.sum(table, axis=1) ** 2)


def vector_as_column(p, u):
    return np.sum(p[:, None] * u - u / (2.0 + p[:, None] ** 2))


def grid(p, u):
    return np.sum(np.sin(p[:, np.newaxis] + u[np.newaxis, :]) * u)


def distances(a, c):
    difference = a[:, None, :] - c[None, :, :]
    return np.sum(np.sqrt(np.sum(difference**2, axis=2) + 0.1))


def broadcast_by_hand(u, a):
    return np.sum(np.broadcast_to(u, a.shape) * a)


def size_one_in_front(u, a):
    return np.sum(u.reshape(1, 1, -1) * a)


def column_of_bias(a, b, col):
    return np.sum(np.tanh(a @ b + col))


def augmented_with_broadcast(x, u):
    total = x
    total = total + u
    total = total * x
    return np.sum(total)


SETTINGS = {
    "power_of_stretched": {"positive": True},
    "power_by_scalar_array": {"positive": True},
    "remainder_of_stretched": {"positive": True},
}
