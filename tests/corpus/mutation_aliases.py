"""Several names of one array: views, aliases, helpers and containers through which it changes."""

from __future__ import annotations

import numpy as np


def two_names(p):
    y = p * 1.0
    z = y
    z[0] = 5.0
    return np.sum(y * y)


def array_that_copies_or_not(x, p):
    y = np.array(p, copy=np._CopyMode.IF_NEEDED)
    z = np.array(p, copy=1)
    y[0] = x
    z[1] = x
    return np.sum(p * p) + x * np.sum(z * y)


def two_names_of_argument(p):
    z = p
    z[0] = 5.0
    return np.sum(p * p)


def three_names(p, x):
    y = z = w = p * p
    z[0] = x
    w[1] *= z[0]
    return np.sum(y * p)


def updated_through_other_name(u, x):
    y = u * 1.0
    z = y
    z += x
    y *= 2.0
    return np.sum(z * z)


def copy_is_another_array(u, x):
    y = u * u
    z = y.copy()
    z[0] = x
    return np.sum(y * z)


def renamed_after_store(u, x):
    y = u * 1.0
    z = y
    y = y * x
    z[0] = x
    return np.sum(y * z)


def alias_chosen_by_branch(u, v, x):
    y = u * 1.0
    z = v * 1.0
    w = y if x > 0.0 else z
    w[0] = x * x
    return np.sum(y * z * z)


def row_view(m):
    y = m * 1.0
    row = y[0]
    row[0] = 3.0
    row *= 2.0
    return np.sum(y * y)


def column_view(m, x):
    y = m * m
    second = y[:, 1]
    second += x
    second[0] = x * x
    return np.sum(y * m)


def slice_view(p, x):
    y = p * p
    head = y[:2]
    head[1] = x
    head *= x
    return np.sum(y * p)


def view_of_view(q, x):
    y = q * 1.0
    plane = y[1]
    row = plane[2]
    row *= x
    plane[0] += row
    return np.sum(y * y)


def view_sees_store_to_array(m, x):
    y = m * 1.0
    row = y[1]
    y[1, 0] = x
    y *= 2.0
    return np.sum(row * row)


def transpose_view(m, x):
    y = m * 1.0
    z = y.T
    z[0, 2] = x * x
    z[1] *= x
    return np.sum(y * m)


def store_to_transpose(m, p):
    y = m * 1.0
    y.T[1] = p * p
    return np.sum(y * y)


def views_with_other_axes(q, x):
    y = q.copy()
    y.transpose(2, 0, 1)[0] *= x
    np.moveaxis(y, 0, -1)[1, 1] = y[0, 0, 0]
    np.expand_dims(y, (0, -1))[0, 1, 2, :, 0] += y[0, 1]
    np.transpose(y, axes=(1, 0, 2))[2] **= 2
    return np.sum(y**3)


def _written_out(target, source, factor):
    target[...] = source
    target[0] *= factor


def rows_of_one_array_passed(u, x):
    rows = np.zeros((3, len(u)))
    _written_out(rows[0], u, x)
    _written_out(rows[1], rows[0], 2.0)
    _written_out(rows[2:], rows[:1], x)
    return np.sum(rows**3 * u)


def squeezed_view(row, x):
    y = row.copy()
    line = np.squeeze(y, axis=0)
    line *= x
    real = y.real
    real[0, 0] = x * x
    return np.sum(y * row)


def reshape_view(u, x):
    y = u * 1.0
    z = y.reshape(-1, 1)
    z[0, 0] = x
    z *= x
    return np.sum(y * y)


def ravel_view(m, x):
    y = m * 1.0
    flat = y.ravel()
    flat[4] = x
    return np.sum(y * y)


def new_axis_view(u, x):
    y = u * 1.0
    z = y[None, :]
    z[0, 0] = x
    return np.sum(y * y * u)


def reversed_view(p, x):
    y = p * 1.0
    back = y[::-1]
    back[0] = x * x
    back[1:] *= x
    return np.sum(y * p)


def rows_of_iteration(m, x):
    y = m * 1.0
    for row in y:
        row *= x
        row[0] += x
    return np.sum(y * y)


def enumerated_rows(m, p):
    y = m * 1.0
    for i, row in enumerate(y):
        row[i] = p[i] * p[i]
    return np.sum(y * y)


def unpacked_rows(m, x):
    y = m * 1.0
    first, second, _ = y
    first[1] = x
    second += first
    return np.sum(y * y)


def advanced_index_is_no_view(m, x):
    y = m * 1.0
    rows = y[[0, 2]]
    rows *= x
    return np.sum(y * y) + np.sum(rows * rows)


def masked_read_is_no_view(u, mask, x):
    y = u * 1.0
    part = y[mask]
    part *= x
    return np.sum(y * y) + np.sum(part)


def element_is_no_view(u, x):
    y = u * 1.0
    first = y[0]
    y[0] = x
    first += 1.0
    return first * np.sum(y)


def _scale_first(y, x):
    y[0] = x * y[0]


def helper_stores(u, x):
    y = u * u
    _scale_first(y, x)
    _scale_first(y, x)
    return np.sum(y * u)


def helper_stores_to_argument(u, x):
    _scale_first(u, x)
    return np.sum(u * u)


def helper_stores_to_view(m, x):
    y = m * 1.0
    _scale_first(y[1], x)
    return np.sum(y * y)


def _filled(y, x):
    y[:] = x
    y[0] = x * x
    return y


def helper_returns_its_argument(u, x):
    y = u * 1.0
    z = _filled(y, x)
    z *= 2.0
    return np.sum(y * z)


def _axpy(alpha, x, y):
    for i in range(len(x)):
        y[i] += alpha * x[i]


def helper_with_loop(u, v, x):
    y = v.copy()
    _axpy(x, u, y)
    _axpy(x, y, y)
    return np.sum(y * y)


def _swap(a, b):
    held = a.copy()
    a[:] = b
    b[:] = held


def helper_swaps_two_arrays(u, v):
    y, z = u * 1.0, v * v
    _swap(y, z)
    return np.sum(y * u) + np.sum(z * v * v)


def nested_function_stores(u, x):
    y = u * 1.0

    def bump(position):
        y[position] = y[position] * x + 1.0

    bump(0)
    bump(-1)
    return np.sum(y * y)


def names_swapped(u, v, x):
    a, b = u * 1.0, v * 1.0
    a, b = b, a
    a[0] = x
    return np.sum(a * a * b)


def names_swapped_in_loop(u, v, n):
    old, new = u * 1.0, v * 1.0
    for _ in range(n):
        new[:] = np.sin(old) + 0.5 * new
        old, new = new, old
    return np.sum(old * new)


def chained_assignment_to_element(p, x):
    y = p * 1.0
    y[0] = z = y[2] = x * x
    return np.sum(y * y) + z


def index_changed_before_store(p, x):
    y = p * 1.0
    i, y[i] = 1, x  # noqa: F821, F841 - the targets are bound from left to right
    return np.sum(y * y)


def array_in_list(u, x):
    y = u * 1.0
    held = [y, u]
    held[0][0] = x
    held[0] *= 2.0
    return np.sum(y * y)


def arrays_of_list_in_loop(u, v, x):
    held = [u * 1.0, v * 1.0]
    for y in held:
        y[0] = x
        y *= x
    return np.sum(held[0] * held[1])


def array_in_tuple(u, x):
    y = u * u
    pair = (y, x)
    pair[0][-1] = pair[1] * 3.0
    return np.sum(y * u)


def array_in_dictionary(u, x):
    state = {"y": u * 1.0, "rate": x}
    state["y"][0] = state["rate"]
    state["y"] += state["rate"]
    return np.sum(state["y"] ** 2)


def array_in_nested_containers(u, x):
    y = u * 1.0
    layers = [{"w": y}, {"w": u * u}]
    for layer in layers:
        layer["w"] *= x
    return np.sum(y * layers[1]["w"])


def _update(state, rate):
    state["v"] *= rate
    state["u"] -= state["v"]


def dictionary_through_helper(u, v, x):
    state = {"u": u * 1.0, "v": v * 1.0}
    _update(state, x)
    _update(state, x)
    return np.sum(state["u"] ** 2)


def same_array_twice_in_list(u, x):
    y = u * 1.0
    held = [y, y]
    held[0][0] = x
    held[1][0] *= x
    return np.sum(held[0] * u)


def list_item_replaced(u, x):
    y = u * 1.0
    held = [y, y]
    held[0] = held[0] * x
    held[0][0] = 1.0
    return np.sum(y * held[0] * held[1])


def both_arguments_mutated(u, v):
    u *= v
    v += u
    u[0] = 1.0
    return np.sum(u * v)


def argument_mutated_and_read_before(u, x):
    before = np.sum(u * u)
    u *= x
    return before * np.sum(u)


def argument_and_its_view(m, x):
    row = m[0]
    row *= x
    m[1] = row * row
    return np.sum(m * m)


def views_of_arrays_given_by_name(u, m):
    y, z = u * 1.0, m * 1.0
    row = np.transpose(axes=(1, 0), a=z)[1]
    row *= y[0]
    same = np.asarray(a=y)
    same[0] = y[1] * 2.0
    return np.sum(y * y) + np.sum(z * z)


SETTINGS = {
    "alias_chosen_by_branch": {"error": "AliasingError"},
    "ravel_view": {"error": "AliasingError"},
    "views_with_other_axes": {"size_one": False},
    "views_of_arrays_given_by_name": {"size_one": False},
}

TYPED = {
    "array_that_copies_or_not", "views_with_other_axes", "squeezed_view",
    "argument_and_its_view", "array_in_list", "array_in_nested_containers",
    "arrays_of_list_in_loop", "column_view", "dictionary_through_helper", "element_is_no_view",
    "enumerated_rows", "helper_returns_its_argument", "helper_stores_to_view",
    "masked_read_is_no_view", "new_axis_view", "reshape_view", "reversed_view", "row_view",
    "rows_of_iteration", "slice_view", "store_to_transpose", "transpose_view", "unpacked_rows",
    "updated_through_other_name", "view_of_view", "view_sees_store_to_array",
    "views_of_arrays_given_by_name",
}  # fmt: skip
