"""Stores to elements, slices, masks and index arrays, and updates in place by operators."""

from __future__ import annotations

import numpy as np


def element(u, x):
    y = u * 2.0
    y[0] = x * x
    return np.sum(y * y)


def element_of_argument(u, x):
    u[0] = x
    return np.sum(u * u)


def element_by_negative_index(u, x):
    y = u * u
    y[-1] = np.sin(x)
    return np.sum(y * y)


def element_by_argument(u, i, x):
    y = np.sin(u)
    y[i] = x * y[0]
    return np.sum(y * y)


def element_of_matrix(a, x):
    y = a * 1.0
    y[1, -1] = x * x
    return np.sum(y**3)


def element_by_two_subscripts(m, x):
    y = m.copy()
    y[1][2] = x * y[0][0]
    return np.sum(y * y)


def element_added(u, x):
    y = u.copy()
    y[0] += x * x
    return np.sum(y * y)


def element_of_matrix_added(m, x):
    y = m * m
    y[0, 1] += x
    y[2, 1] -= x * y[0, 1]
    return np.sum(y * y)


def element_multiplied(u, x):
    y = u.copy()
    y[-1] *= x
    return np.sum(y * y * y)


def element_divided(p, x):
    y = p * 3.0
    y[1] /= x
    return np.sum(y * y)


def element_raised(u):
    y = np.exp(0.3 * u)
    y[0] **= 3
    return np.sum(y * y)


def element_by_itself(u):
    y = u * 1.0
    y[0] = y[0] * y[0]
    y[0] = np.sin(y[0])
    return np.sum(y * y)


def element_by_product_of_elements(p, n):
    y = p.copy()
    for i in range(n):
        y[i] = y[i] * y[1]
    return np.sum(y * y)


def element_overwritten_twice(u, x, y):
    w = u * u
    w[0] = x
    total = w[0] * y
    w[0] = y * y
    return total + np.sum(w * w)


def element_lost(u, x):
    y = u * u
    y[0] = x
    y[0] = 2.0
    return np.sum(y * y) + x


def whole_array(u, v):
    y = u * 1.0
    y[:] = v * v
    return np.sum(y * u)


def whole_array_by_ellipsis(a, c):
    y = a * 1.0
    y[...] = np.sin(c)
    return np.sum(y * a)


def whole_array_by_scalar(a, x):
    y = a * 1.0
    y[:] = x * x
    return np.sum(y * a)


def inner_slice(p, x):
    y = p * p
    y[1:-1] = x
    return np.sum(y * p)


def inner_slice_by_array(q):
    y = q[0] * 1.0
    y[1:, :] = q[1, :-1] * q[0, 1:]
    return np.sum(y * y)


def slice_with_step(u, x):
    y = u * u
    y[::2] = x
    return np.sum(y * u)


def slice_backwards(u, v):
    y = u * 1.0
    y[::-1] = v * v
    return np.sum(y * u)


def slice_added(u, v):
    y = u * u
    y[1:] += v[:-1] * v[:-1]
    return np.sum(y * y)


def slice_multiplied(u, x):
    y = u + 1.0
    y[:2] *= x
    y[1:] *= x
    return np.sum(y * y)


def slice_of_rows_and_columns(m, x):
    y = m * 1.0
    y[:2, 1:] -= x * m[1:, :2]
    return np.sum(y * y)


def column(m, p):
    y = m.copy()
    y[:, 1] = p * p
    return np.sum(y * y * y)


def row_by_broadcasting(a, u):
    y = a * a
    y[1] = u
    y[2] = y[1] * u
    return np.sum(y * a)


def rows_by_one_row(a, u):
    y = np.zeros((3, 4)) if len(u) == 4 else np.zeros((3, 1))
    y[:] = u
    y[1:] += u * u
    return np.sum(y * a)


def matrix_by_column(a, col):
    y = a * 1.0
    y[:, :] = col
    return np.sum(y * a * a)


def new_axis_in_store(q, u):
    y = q * 1.0
    y[:, 1:, :] = u[None, None, :]
    return np.sum(y * q)


def slice_by_shifted_slice_of_itself(u):
    y = u * 1.0
    y[1:] = y[:-1] * 2.0
    return np.sum(y * y)


def slice_by_overlapping_slice_of_itself(u):
    y = u * u
    y[1:] = y[:-1]
    return np.sum(y * u)


def slice_added_from_itself(u):
    y = np.sin(u)
    y[1:] += y[:-1]
    y[:-1] *= y[1:]
    return np.sum(y * y)


def reversed_into_itself(u):
    y = u * u
    y[:] = y[::-1]
    return np.sum(y * u)


def mask_by_scalar(u, mask, x):
    y = u * u
    y[mask] = x
    return np.sum(y * u)


def mask_by_array(u, v, mask):
    y = u * u
    y[mask] = v[mask] * u[mask]
    return np.sum(y * y)


def mask_added(u, mask, x):
    y = u * 1.0
    y[mask] += x * x
    y[~mask] *= x
    return np.sum(y * y)


def mask_from_comparison(u, x):
    y = u * 1.0
    y[y > 0.0] = x
    return np.sum(y * y)


def mask_of_matrix(a):
    y = a * 1.0
    y[a < 0.0] *= 0.1
    return np.sum(y * y)


def mask_of_rows(a, x):
    y = a * a
    y[a[:, 0] > 0.0] *= x
    return np.sum(y * a)


def index_array_with_repeats(p):
    y = np.zeros(3)
    y[[0, 0, 1]] = p
    return np.sum(y * y * p)


def index_array_with_negative_repeats(p):
    y = p * 1.0
    y[[0, -3]] = p[1:] * p[:-1]
    return np.sum(y * y)


def index_array_added_with_repeats(p):
    y = np.ones(3)
    y[[0, 0, 1]] += p
    return np.sum(y * y)


def index_array_multiplied_with_repeats(p):
    y = p * 1.0
    y[[2, 2, 1]] *= p
    return np.sum(y * y)


def index_array_argument(u, idx, x):
    y = u * u
    y[idx] = x
    return np.sum(y * u)


def index_arrays_of_two_axes(m, p):
    y = m * 1.0
    y[[0, 1, 2], [2, 1, 0]] = p * p
    return np.sum(y * y)


def index_array_of_rows(m, p):
    y = m * m
    y[[2, 0]] = p
    return np.sum(y * m)


def swap_rows(m):
    y = m * 1.0
    y[[0, 1]] = y[[1, 0]]
    return np.sum(y * m * m)


def swap_elements(p):
    y = p * p
    y[0], y[2] = y[2], y[0]
    return np.sum(y * p)


def swap_rows_through_copy(m):
    y = m * m
    held = y[0].copy()
    y[0] = y[1]
    y[1] = held
    return np.sum(y * m)


def diagonal_by_index(m, p):
    y = m * 1.0
    y[np.arange(3), np.arange(3)] += p
    return np.sum(y * y)


def diagonal_by_function(m, x):
    y = m.copy()
    y[np.diag_indices(3)] = x
    return np.sum(y * y)


def array_of_no_dimensions(o, x):
    y = np.array(0.0)
    y[...] = o * x
    y[()] += x
    return y * y


def array_plus_equal(u, v):
    y = u * 1.0
    y += v
    y *= u
    y -= v * v
    return np.sum(y * y)


def array_divided_and_raised(u, x):
    y = u * 1.0
    y /= x
    y **= 2
    return np.sum(y * u)


def array_plus_equal_itself(u):
    y = u * 1.0
    y += y
    y *= y
    return np.sum(y * u)


def matrix_plus_equal_row(a, u):
    y = a * 1.0
    y += u
    y *= u
    return np.sum(y * y)


def scalar_plus_equal_rebinds(x, y):
    z = x
    z += y
    z *= x
    return x * z


def integer_array_untouched_by_derivative(u, x):
    counts = np.zeros(3, dtype=int)
    counts[1] += 2
    counts[2] = counts[1]
    return np.sum(u) * counts[2] + x * counts[1]


def float_cast_by_store(u, x):
    y = np.zeros(4, dtype=np.float64)
    y[0] = 2
    y[1] = x
    y[2:] = 1
    return np.sum(y * y) * np.sum(u)


SETTINGS = {
    "array_of_no_dimensions": {"float32": False},
    "index_array_argument": {"size_one": False},
}

TYPED = {
    "element_by_two_subscripts", "scalar_plus_equal_rebinds",
}  # fmt: skip
