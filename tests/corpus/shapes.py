"""Functions that move elements about: reshape, transpose, join, split, repeat, and creation."""

from __future__ import annotations

import numpy as np


def reshape(a, u):
    flat = np.reshape(a, (-1,))
    return np.sum(flat * flat[::-1]) + np.sum(a.reshape(a.shape[1], 3) ** 2) + np.sum(u.reshape(-1))


def reshape_to_scalar_and_back(x):
    return np.sum(np.reshape(x, (1, 1)) * 2.0) * x


def ravel(a, b):
    return np.sum(np.ravel(a) * b.ravel()) + np.sum(a.flatten() ** 2)


def transpose(a, b):
    return np.sum(np.transpose(a) * b) + np.sum(a.T**2) + np.sum(b.transpose() * a)


def transpose_with_axes(q):
    moved = np.transpose(q, (2, 0, 1))
    return np.sum(moved[0] ** 2) + np.sum(q.transpose(1, -1, 0)[0] ** 3)


def swapaxes(q):
    return np.sum(np.swapaxes(q, 0, 2)[0] ** 2) + np.sum(q.swapaxes(-1, 1)[1] ** 3)


def moveaxis(q):
    return np.sum(np.moveaxis(q, 0, -1)[0] ** 2) + np.sum(np.moveaxis(q, (0, 1), (1, 2))[0] ** 3)


def expand_dims(u, p):
    return np.sum(np.expand_dims(u, 0) * np.expand_dims(p, 1)) + np.sum(
        np.expand_dims(u, (0, 2)) ** 2
    )


def squeeze(row, col, u):
    return np.sum(np.squeeze(row, axis=0) * u) + np.sum(col.squeeze(-1) ** 2)


def broadcast_to(u, col):
    return np.sum(np.broadcast_to(u, (3, u.shape[0])) * col) + np.sum(np.broadcast_to(col, (3, 2)))


def concatenate(u, v):
    joined = np.concatenate((u, 2.0 * v, u * v))
    return np.sum(joined * joined[::-1])


def concatenate_over_axis(a, c, col):
    joined = np.concatenate((a, col, c), axis=1)
    return np.sum(joined * joined[:, ::-1]) + np.sum(np.concatenate((a, c), axis=-2) ** 2)


def stack(u, v):
    table = np.stack((u, v, u * v))
    return np.sum(table[0] * table[1] * table[2])


def stack_of_scalars(x, y):
    point = np.stack((x, y, x * y))
    return np.sum(point**2) + point[0] * point[2]


def stack_over_axis(u, v):
    table = np.stack((u, v), axis=1)
    return np.sum(table[0] * table[-1]) + np.sum(np.stack((u, v), axis=-1) ** 2)


def array_of_scalars(x, y, z):
    point = np.array((x, y * z, 2.0))
    return np.sum(point * point) + point[1] * x


def split(a):
    top, middle, bottom = np.split(a, 3)
    return np.sum(top * middle) + np.sum(bottom**2)


def split_at_indices(b, a):
    left, right = np.split(a, (2,))
    first, rest = np.split(a, (1,), axis=0)
    return np.sum(left**2) + np.sum(right**3) + np.sum(first * rest[1:])


def split_over_axis(m):
    first, second, third = np.split(m, 3, axis=1)
    return np.sum(first * second) - np.sum(third**2)


def repeat(u, a):
    return np.sum(np.repeat(u, 2) ** 2) + np.sum(np.repeat(a, 2, axis=1) ** 2 * np.sum(u))


def repeat_with_counts(p, m):
    counts = np.array((2, 0, 1))
    return np.sum(np.repeat(p, counts) ** 2) + np.sum(np.repeat(m, counts, axis=0) ** 2)


def tile(u, a):
    return np.sum(np.tile(u, 2) ** 2) + np.sum(np.tile(u, (3, 1)) * a) + np.sum(np.tile(a, (2, 2)))


def roll(u, a):
    rows = np.roll(a, -1, axis=0)
    return np.sum(np.roll(u, 1) * u) + np.sum(rows * a) + np.sum(np.roll(a, 2) * a)


def flip(u, a):
    return np.sum(np.flip(u) * u) + np.sum(np.flip(a, axis=1) * a) + np.sum(np.flip(a) * a)


def zeros_and_ones(u, a):
    start = np.zeros(u.shape) + np.ones_like(u) * 2.0 + np.zeros_like(u)
    table = np.ones((3, len(u)))
    return np.sum((start + u) ** 2) + np.sum(table * a * a)


def full_and_arange(u, x):
    weights = np.arange(len(u)) + np.full(len(u), 0.5)
    return np.sum(weights * u**2) + np.sum(np.full_like(u, 2.0) * u) * x


def full_of_active_value(x, u):
    return np.sum(np.full(3, x) ** 2) + np.sum(np.full(u.shape, x) * u)


def linspace_and_eye(x, m):
    grid = np.linspace(0.0, 1.0, 5)
    return np.sum(np.exp(x * grid)) + np.sum(np.eye(3) * m * m) + np.sum((m + np.identity(3)) ** 2)


def linspace_between_active_values(x, y):
    return np.sum(np.linspace(x, y, 4) ** 2)


def astype_and_copy(u):
    copied = u.copy()
    return np.sum(copied.astype(np.float64) * u) + np.sum(np.copy(u) ** 3)


def asarray(u, x):
    return np.sum(np.asarray(u) ** 2) * np.asarray(x)


def join_and_cut(u, v):
    joined = np.concatenate((u, v))
    half = len(u)
    return np.sum(joined[:half] * joined[half:]) + np.sum(joined[half - 1 : half + 1])
