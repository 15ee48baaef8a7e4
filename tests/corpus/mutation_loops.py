"""Arrays that loops fill and update: element by element, in branches, under `while`."""

from __future__ import annotations

import numpy as np


def filled_from_zeros(u):
    y = np.zeros(len(u))
    for i in range(len(u)):
        y[i] = u[i] * u[i]
    return np.sum(y * y)


def filled_from_empty(u):
    y = np.empty(len(u))
    for i in range(len(u)):
        y[i] = np.sin(u[i])
    return np.sum(y * y)


def empty_partly_filled(u, x):
    y = np.empty(6)
    y[0] = x
    y[1:3] = x * x
    return y[0] * np.sum(y[:3]) + np.sum(u)


def empty_like_filled_by_rows(a):
    y = np.empty_like(a)
    for i in range(a.shape[0]):
        y[i] = a[i] * a[i, 0]
    return np.sum(y * y)


def empty_multiplied_away(u, x):
    y = np.empty(2)
    y[:] = x
    y *= np.sum(u)
    return y[0] * y[1]


def cumulative_sum(u):
    y = u * 1.0
    for i in range(1, len(y)):
        y[i] += y[i - 1]
    return np.sum(y * y)


def cumulative_product_backwards(u):
    y = u + 2.0
    for i in range(len(y) - 2, -1, -1):
        y[i] *= y[i + 1]
    return np.sum(y)


def recurrence(x, y, n):
    f = np.zeros(n + 2)
    f[0], f[1] = x, y
    for i in range(2, n + 2):
        f[i] = np.sin(f[i - 1]) + f[i - 2] * x
    return f[n + 1]


def table_of_dynamic_programming(a):
    rows, columns = a.shape
    best = np.zeros((rows, columns))
    best[0, 0] = a[0, 0]
    for i in range(1, rows):
        best[i, 0] = best[i - 1, 0] + a[i, 0]
    for j in range(1, columns):
        best[0, j] = best[0, j - 1] + a[0, j]
    for i in range(1, rows):
        for j in range(1, columns):
            best[i, j] = a[i, j] + min(best[i - 1, j], best[i, j - 1])
    return best[-1, -1]


def matrix_product(m, b):
    result = np.zeros((m.shape[0], 4))
    for i in range(m.shape[0]):
        for j in range(3):
            for k in range(m.shape[1]):
                result[i, j] += m[i, k] * b.T[k, 0] * (j + 1.0)
    return np.sum(result * result)


def whole_array_read_and_element_stored(p):
    y = p * 1.0
    s = 0.0
    for i in range(3):
        s += np.sum(np.sin(y))
        y[i] = y[i] * y[0]
    return s


def loop_dependent_bounds(p):
    y = p * p
    for i in range(len(y)):
        y[i:] = y[i:] * p[i]
        y[: i + 1] += 0.5 * i
    return np.sum(y)


def inner_slice_updated(q, n):
    y = q[0] * 1.0
    for _ in range(n):
        y[1:-1] = 0.5 * (y[:-2] + y[2:])
    return np.sum(y * y)


def heat_by_two_arrays(u, n):
    old = u * 1.0
    new = np.zeros_like(old)
    for _ in range(n):
        new[1:-1] = old[1:-1] + 0.1 * (old[2:] - 2.0 * old[1:-1] + old[:-2])
        new[0] = old[0]
        new[-1] = old[-1] * 0.9
        old[:] = new
    return np.sum(old * old)


def nonlinear_update(u, n):
    y = u * 1.0
    for i in range(n):
        y += 0.1 * np.sin(y) * (i + 1)
        y[0] *= y[-1]
    return np.sum(y)


def velocity_verlet(p, x, n):
    position, velocity = p * 1.0, np.zeros(3)
    force = -x * position
    for _ in range(n):
        velocity += 0.05 * force
        position += 0.1 * velocity
        force[:] = -x * position**3
        velocity += 0.05 * force
    return np.sum(position * velocity)


def momentum_descent(p, x, n):
    w, step = p * 1.0, np.zeros_like(p)
    for _ in range(n):
        step *= 0.9
        step -= 0.1 * (2.0 * w * x - 1.0)
        w += step
    return np.sum(w * w)


def history_in_rows(p, n):
    states = np.zeros((n + 1, 3))
    states[0] = p
    for i in range(n):
        states[i + 1] = states[i] + 0.1 * np.cos(states[i])
    return np.sum(states * states)


def cholesky_factor(m):
    s = m @ m.T
    n = s.shape[0]
    factor = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            total = s[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, j] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    return np.sum(factor * factor * factor)


def lu_in_place(m):
    a = m * 1.0
    n = a.shape[0]
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]
    return np.sum(a * a)


def lu_by_slices_of_argument(m):
    n = len(m)
    for k in range(n - 1):
        m[k + 1 :, k] /= m[k, k]
        m[k + 1 :, k + 1 :] -= np.outer(m[k + 1 :, k], m[k, k + 1 :])
    return np.sum(m * m)


def gauss_elimination_with_pivots(m, p):
    a, b = m.copy(), p.copy()
    n = len(b)
    for k in range(n):
        pivot = k + np.argmax(np.abs(a[k:, k]))
        if pivot != k:
            a[[k, pivot]] = a[[pivot, k]]
            b[k], b[pivot] = b[pivot], b[k]
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            a[i, k:] -= factor * a[k, k:]
            b[i] -= factor * b[k]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        x[i] = (b[i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return np.sum(x * x)


def gram_schmidt_by_columns(m):
    q = m * 1.0
    for j in range(3):
        for i in range(j):
            q[:, j] -= (q[:, i] @ q[:, j]) * q[:, i]
        q[:, j] /= np.sqrt(np.sum(q[:, j] ** 2))
    return np.sum(q * np.arange(9.0).reshape(3, 3))


def thomas_algorithm(u, v):
    n = len(u)
    c, d = np.zeros(n), np.zeros(n)
    c[0] = 1.0 / (4.0 + u[0])
    d[0] = v[0] / (4.0 + u[0])
    for i in range(1, n):
        pivot = 4.0 + u[i] - c[i - 1]
        c[i] = 1.0 / pivot
        d[i] = (v[i] - d[i - 1]) / pivot
    for i in range(n - 2, -1, -1):
        d[i] -= c[i] * d[i + 1]
    return np.sum(d * d)


def bubble_sort(p):
    y = p * 1.0
    for i in range(len(y)):
        for j in range(len(y) - 1 - i):
            if y[j] > y[j + 1]:
                y[j], y[j + 1] = y[j + 1], y[j]
    return y[0] * 3.0 + y[1] * y[1] - y[2]


def insertion_sort(p):
    y = p * p
    for i in range(1, len(y)):
        key = y[i]
        j = i - 1
        while j >= 0 and y[j] > key:
            y[j + 1] = y[j]
            j -= 1
        y[j + 1] = key
    return np.sum(y * np.array([1.0, 10.0, 100.0]))


def while_with_store(u, x):
    y = u * 1.0
    i = 0
    while i < len(y):
        y[i] = y[i] * x + y[0]
        i += 1
    return np.sum(y * y)


def while_until_small(p, x):
    y = np.abs(p) + x * x
    while np.sum(y) > 1.0:
        y[0] *= 0.5
        y[1:] *= 0.7
    return np.sum(y * y)


def store_in_one_side(u, x):
    y = u * 1.0
    if x > 0.0:
        y[0] = x * x
    return np.sum(y * y)


def stores_in_both_sides(u, x):
    y = u * u
    if x > 0.0:
        y[0] = x
        y *= x
    else:
        y[-1] -= x
    return np.sum(y * y)


def branch_on_overwritten_element(u):
    y = u * 1.0
    for i in range(len(y)):
        if y[i] > 0.0:
            y[i] = -y[i] * y[0]
        else:
            y[i] *= 2.0
        if y[i] < 0.0:
            y[0] += 1.0
    return np.sum(y * y)


def continue_and_break(u, x):
    y = u * u
    for i in range(len(y)):
        if i == 1:
            continue
        y[i] = y[i] * x
        if i == 2:
            break
        y[i] += 1.0
    return np.sum(y * y)


def return_from_loop_with_store(p, x):
    y = p * 1.0
    for i in range(len(y)):
        y[i] *= x
        if i == 1:
            return np.sum(y * y)
    return x


def turn_without_store(u, n):
    y = u * 1.0
    for i in range(n):
        if i % 2:
            y[0] += np.sum(y)
    return np.sum(y * y)


def no_turns(u, x):
    y = u * 1.0
    for i in range(0):
        y[i] = x
    return np.sum(y * y) + x


def triangular_loops(m):
    y = m * 1.0
    for i in range(3):
        for j in range(i):
            y[i, j] = y[j, i] * y[i, i]
            y[j, i] = 0.0
    return np.sum(y * y)


def temporary_array_of_each_turn(a):
    total = 0.0
    for i in range(a.shape[0]):
        work = np.zeros(3)
        work[0] = np.sum(a[i])
        work[1] = work[0] * a[i, 0]
        work[2] = work[1] - work[0]
        total += np.sum(work * work)
    return total


def work_array_of_all_turns(a):
    work = np.empty(2)
    total = 0.0
    for i in range(a.shape[0]):
        work[0] = np.sum(a[i] ** 2)
        work[1] = np.exp(-0.1 * work[0])
        total += work[0] * work[1]
    return total


def histogram(u, idx, x):
    bins = np.zeros(4)
    for value, place in zip(u, idx, strict=False):
        bins[place] += value * x
    return np.sum(bins * bins)


def buffer_that_becomes_the_state(u, x):
    state = u.copy()
    for _ in range(3):
        state *= x
        new = np.empty_like(state)
        for i in range(len(state)):
            new[i] = np.sin(state[i]) + 0.1 * i
        state = new
    return np.sum(state * u)


def buffer_bound_in_both_branches(u, x):
    state = u.copy()
    for k in range(4):
        state += x
        if k % 2:
            new = state * state
        else:
            new = np.cos(state)
        state = new
    return np.sum(state)


SETTINGS = {
    "branch_on_overwritten_element": {"size_one": False},
    "continue_and_break": {"size_one": False},
    "cumulative_sum": {"size_one": False},
    "cumulative_product_backwards": {"size_one": False},
    "heat_by_two_arrays": {"size_one": False},
}

TYPED = {
    "cholesky_factor", "insertion_sort",
}  # fmt: skip
