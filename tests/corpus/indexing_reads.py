"""Reading parts of arrays: ints, slices, None, Ellipsis, integer arrays, masks, and views."""

from __future__ import annotations

import numpy as np


def first_and_last(u):
    return u[0] * u[-1] * u[0]


def index_by_argument(u, i, j):
    return u[i] * u[j] + u[i] ** 2


def element_of_matrix(a, i):
    return a[1, i] * a[-1, 0] + a[0, i]


def index_after_index(a, j):
    return a[1][j] * a[j][0]


def row_of_matrix(a):
    return np.sum(a[1] * a[0]) + np.sum(a[-1] ** 2)


def column_of_matrix(a, p):
    return np.sum(a[:, 0] * p) + np.sum(a[:, -1] ** 2)


def slices(u):
    return np.sum(u[1:] * 2.0) + np.sum(u[:-1] ** 2) + np.sum(u[1:-1])


def slices_with_steps(u, v):
    return np.sum(u[::2] * v[::2]) + np.sum(u[1::2] ** 2) + np.sum(u[-1::-2] ** 3)


def reversal(u, v):
    return np.sum(u[::-1] * v) + np.sum(u * u[::-1] * u)


def slices_of_both_axes(a):
    return np.sum(a[1:, :2] ** 2) + np.sum(a[::2, ::-1] * a[1:, :])


def slice_of_computed_bounds(u, k):
    return np.sum(u[: k - 1] ** 2) + np.sum(u[k - 2 : k]) * u[k - k]


def slice_beyond_the_end(u):
    return np.sum(u[:100] * u[-100:]) + np.sum(u[50:])


def empty_slice(u, x):
    return np.sum(u[2:1] * x) + np.sum(u[1:1] ** 2) + np.sum(u) * x


def overlapping_slices(u):
    return np.sum(u[:-1] * u[1:]) + np.sum((u[1:] - u[:-1]) ** 2)


def new_axes(u, p):
    return np.sum(u[None, :] * p[:, None] * u[np.newaxis])


def ellipsis(q, u):
    return np.sum(q[..., 0]) + np.sum(q[0, ...] * u) + np.sum(q[...] ** 2) + np.sum(q[..., None])


def index_of_cube(q, p):
    return q[1, 2, 0] * q[0, 0, -1] + np.sum(q[1, :, 0] * p) + np.sum(q[:, 1:, :][0] ** 2)


def integer_array(u, idx):
    return np.sum(u[idx] ** 2)


def repeated_indices(u):
    return np.sum(u[np.array([0, 0, -1, 0])] ** 3)


def integer_array_of_two_dimensions(u):
    return np.sum(u[np.array([[0, -1], [0, 0]])] ** np.array([[2.0, 1.0], [3.0, 2.0]]))


def rows_by_integer_array(a):
    return np.sum(a[np.array([2, 0, 2])] * a)


def columns_by_integer_array(a, idx):
    return np.sum(a[:, idx] ** 2) + np.sum(a[1:, idx])


def elements_by_two_integer_arrays(a, idx):
    return np.sum(a[np.array([0, 1, 2, 1]), idx] ** 2)


def integer_array_and_slice(q):
    return np.sum(q[np.array([0, 1, 0]), 1:, 0] ** 2) + np.sum(q[1, :, np.array([0, 0])] ** 3)


def integer_array_and_new_axis(u, idx):
    return np.sum(u[idx, None] * u[None, idx])


def mask_given(u, mask):
    return np.sum(u[mask] ** 2)


def mask_computed(u, v):
    return np.sum(u[u > 0.2] ** 2) + np.sum(v[u <= 0.2])


def mask_of_rows(a):
    return np.sum(a[np.array([True, False, True])] ** 2)


def mask_of_matrix(a):
    return np.sum(a[a > 0.0] ** 2) * np.sum(a)


def mask_that_is_empty(u, x):
    return np.sum(u[u > 1e9] ** 2) + x * np.sum(u)


def view_of_view(a):
    return np.sum(a[1:][:, ::-1][0] ** 2) + a.T[0][1] * a.T[-1, 2]


def transposed_view(a, b):
    return np.sum(a.T[0] * b[0]) + np.sum(a.T * b)


def length(u, a):
    return np.sum(u) / len(u) + np.sum(a) * len(a)


def shape_and_size(a):
    return np.sum(a) * a.shape[0] / a.shape[1] + np.sum(a * a) / a.size * a.ndim


def all_pairs(u):
    total = 0.0
    for i in range(len(u)):
        for j in range(i):
            total += (u[i] - u[j]) ** 2 * u[i]
    return total + u[0]


def matrix_by_elements(a, c):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += a[i, j] * c[i, j] ** 2 * (i + j + 1)
    return total


def rows_in_loop(a, u):
    total = 0.0
    for i in range(len(a)):
        total += np.sum(a[i] * u) * a[i, 0]
    return total


def slices_in_loop(u):
    total = 0.0
    for i in range(len(u)):
        total += np.sum(u[i:] ** 2) * u[i]
    return total


def indirect_in_loop(u, idx):
    total = 0.0
    for k in range(len(idx)):
        total += u[idx[k]] * u[k % len(u)] * (k + 1)
    return total


def stencil(u):
    inner = u[:-2] - 2.0 * u[1:-1] + u[2:]
    return np.sum(inner * inner)


def moving_window(u, k):
    total = 0.0
    for i in range(len(u) - k + 1):
        total += np.prod(u[i : i + k])
    return total


def index_from_comparison(u):
    best = np.argmax(u)
    return u[best] * u[best] + u[np.argmin(u)] * u[0]


def scalar_of_no_dimensions(o):
    return o[()] * o[()] + o[...] * 2.0


SETTINGS = {
    "slice_of_computed_bounds": {"size_one": False},
    "overlapping_slices": {"inputs": [{}, {"u": np.array([0.7, -1.2])}]},
}
