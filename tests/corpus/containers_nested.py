"""Lists of lists, of tuples, of arrays and of dicts, also of lengths known at run time only."""

from __future__ import annotations

import math

import numpy as np


def row_sums_of_table(u):
    table = [[a, a * a, 1.0] for a in u]
    return sum(sum(row) for row in table)


def table_with_stores(u):
    table = [[0.0] * 3 for _ in u]
    for i, a in enumerate(u):
        for j in range(3):
            table[i][j] = a ** (j + 1)
    return table[0][2] * table[-1][1] + sum(table[0])


def table_updated(u):
    table = [[a, 1.0] for a in u]
    for row in table:
        row[1] += row[0] * 2.0
        row[0] *= row[1]
    return sum([r[0] - r[1] for r in table])


def transposed_with_zip(u):
    rows = [[a, a * a] for a in u]
    first, second = zip(*rows)
    return sum(first) * sum(second)


def matrix_product_of_lists(x, y, n):
    a = [[x * (i + 1) + j for j in range(n)] for i in range(n)]
    b = [[y * (i + 1) - j for j in range(n)] for i in range(n)]
    c = [[0.0 for _ in range(n)] for _ in range(n)]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                c[i][j] += a[i][k] * b[k][j]
    return c[0][n - 1] * c[n - 1][0]


def pascal_triangle(x, n):
    rows = [[1.0]]
    for _ in range(n):
        last = rows[-1]
        rows.append([1.0] + [x * a + b for a, b in zip(last, last[1:])] + [1.0])
    return sum(rows[-1]) * x


def list_of_arrays_by_index(u, n):
    states = [u]
    for k in range(n):
        states.append(np.sin(states[k]) + states[0])
    return np.sum(states[-1] * states[n // 2])


def list_of_arrays_updated(u, n):
    parts = [u * (k + 1) for k in range(n)]
    for k in range(n - 1):
        parts[k + 1] = parts[k + 1] * parts[k]
    total = 0.0
    for p in parts:
        total = total + np.sum(p)
    return total


def list_of_arrays_in_place(u, n):
    parts = [np.zeros(3) for _ in range(n)]
    for k in range(n):
        parts[k] += u[k] ** 2
    return np.sum(np.array(parts)) + parts[0][1] * parts[-1][2]


def adjacency(u):
    edges = [(0, 1), (1, 2), (2, 0)]
    flow = [0.0] * len(u)
    for a, b in edges:
        flow[a] += u[b]
        flow[b] -= u[a] * u[b]
    return sum(f * f for f in flow)


def queue_of_pairs(x, n):
    queue = [(x, 0)]
    total = 0.0
    while queue:
        value, depth = queue.pop()
        total += value * value
        if depth < n:
            queue.append((value * 0.5, depth + 1))
            queue.append((value * 0.3, depth + 1))
    return total


def history_of_tuples(x, n):
    history = [(x, 1.0)]
    for _ in range(n):
        p, v = history[-1]
        history.append((p + 0.1 * v, v - 0.1 * math.sin(p)))
    return history[-1][0] * history[n // 2][1]


def history_from_constants(x, n):
    history = [(0.0, 1.0)]
    for _ in range(n):
        p, v = history[-1]
        history.append((p + 0.1 * v * x, v - 0.1 * math.sin(p)))
    return history[-1][0] * history[-1][1]


def history_of_dicts(x, n):
    history = [{"p": x, "v": 1.0}]
    for _ in range(n):
        last = history[-1]
        history.append({"p": last["p"] + 0.1 * last["v"], "v": last["v"] - 0.1 * last["p"]})
    return history[-1]["p"] * history[-1]["v"]


def sorted_run_time_list(u):
    values = sorted([a * a - 0.5 * a for a in u])
    return sum(k * v for k, v in enumerate(values))


def reversed_slices(u):
    values = [a * a for a in u]
    return sum(a * b for a, b in zip(values, values[::-1])) + sum(values[1:-1])


def slice_store_run_time(u, n):
    values = [a * a for a in u]
    values[:2] = [values[1] * 2.0, values[0]]
    return sum(k * v for k, v in enumerate(values))


def windows(u, n):
    values = [a for a in u]
    means = [sum(values[k : k + 2]) / 2.0 for k in range(len(values) - 1)]
    return sum(m * m for m in means)


def flatten(u):
    rows = [[a] * 2 for a in u]
    flat = []
    for row in rows:
        flat.extend(row)
    return sum(k * v * v for k, v in enumerate(flat))


def flatten_comprehension(u):
    rows = [[a, 3.0 * a] for a in u]
    flat = [v * v for row in rows for v in row]
    return sum(flat)


def array_of_rows(u):
    rows = [[a, a * a, 1.0] for a in u]
    m = np.array(rows)
    return np.sum(m.T @ m)


def list_from_array(u):
    values = u.tolist()
    values.append(values[0] * values[1])
    return sum(v * v for v in values)


def list_of_array(u):
    values = list(u)
    values[0] = values[1] * values[2]
    return sum(v * v for v in values)


def rows_of_matrix(a):
    rows = [row for row in a]
    rows[0] = rows[0] * rows[1]
    return np.sum(rows[0]) + np.sum(np.stack(rows) ** 2)


def two_lists_in_branches(x, n):
    left, right = [], []
    for k in range(n):
        if k % 2 == 0:
            left.append(x * (k + 1))
        else:
            right.append(x ** 2 + k)
    return sum(left) * sum(right)


def swapped_lists(x, n):
    a, b = [x], [x * x]
    for _ in range(n):
        a, b = b, a + [b[-1] * 0.5]
    return sum(a) + 2.0 * sum(b)


def bubble_sort(u):
    values = [a * a for a in u]
    n = len(values)
    for i in range(n):
        for j in range(n - 1 - i):
            if values[j] > values[j + 1]:
                values[j], values[j + 1] = values[j + 1], values[j]
    return sum((k + 1) * v for k, v in enumerate(values))


def insertion_sort(u):
    values = [a * a for a in u]
    for i in range(1, len(values)):
        key = values[i]
        j = i - 1
        while j >= 0 and values[j] > key:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = key
    return sum((k + 1) * v for k, v in enumerate(values))


def nested_accumulation(u, n):
    groups = [[] for _ in range(2)]
    for k, a in enumerate(u):
        groups[k % 2].append(a * a)
    return sum(groups[0]) * sum(groups[1])


def matrix_power_lists(x, y, n):
    m = [[x, y], [y, 1.0]]
    r = [[1.0, 0.0], [0.0, 1.0]]
    for _ in range(n):
        r = [[sum(r[i][k] * m[k][j] for k in range(2)) for j in range(2)] for i in range(2)]
    return r[0][0] + r[0][1] * 2.0


def dynamic_programming(u, n):
    best = [[0.0] * (n + 1) for _ in range(len(u) + 1)]
    for i in range(1, len(u) + 1):
        for j in range(1, n + 1):
            best[i][j] = best[i - 1][j] + u[i - 1] * best[i][j - 1] + u[i - 1]
    return best[len(u)][n]


def polynomials(x, y, n):
    p, q = [1.0], [1.0, x]
    for _ in range(1, n):
        shifted = [0.0] + [2.0 * y * c for c in q]
        padded = p + [0.0] * (len(shifted) - len(p))
        p, q = q, [s - r for s, r in zip(shifted, padded)]
    value = 0.0
    for c in reversed(q):
        value = value * x + c
    return value


def gauss_elimination_lists(x, y):
    a = [[4.0 + x, y, 1.0], [y, 3.0, x], [1.0, x, 5.0]]
    b = [x, 1.0, y]
    n = 3
    for i in range(n):
        for k in range(i + 1, n):
            f = a[k][i] / a[i][i]
            for j in range(i, n):
                a[k][j] -= f * a[i][j]
            b[k] -= f * b[i]
    z = [0.0] * n
    for i in range(n - 1, -1, -1):
        s = b[i]
        for j in range(i + 1, n):
            s -= a[i][j] * z[j]
        z[i] = s / a[i][i]
    return z[0] * z[1] + z[2]


def max_of_list(u):
    values = [a * (3.0 - a) for a in u]
    return max(values) * min(values)


def filtered_twice(u):
    kept = [a for a in u if a > -10.0]
    squares = [a * a for a in kept if a * a < 100.0]
    return sum(squares) * len(squares)


def list_times_array(u):
    weights = [0.5, 1.5, 2.5, 3.5]
    return np.sum(np.array(weights[: len(u)]) * u ** 2)


def list_equality_of_indices(u):
    picked = [1, 0, 1]
    return sum(u[k] ** 2 for k in picked)


def recursion_on_lists(u):
    return _tree_sum([a * a for a in u])


def _tree_sum(values):
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return math.sin(_tree_sum(values[:half])) + 2.0 * _tree_sum(values[half:])


def merge_sort(u):
    return sum((k + 1) * v for k, v in enumerate(_merge_sort([a * a for a in u])))


def _merge_sort(values):
    if len(values) <= 1:
        return values
    half = len(values) // 2
    left, right = _merge_sort(values[:half]), _merge_sort(values[half:])
    merged = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] < right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]


def closure_appends(x, n):
    log = []

    def record(v):
        log.append(v * v)

    for k in range(n):
        record(x + k)
    return sum(log)


def ragged_rows(u):
    rows = [[a] * (k + 1) for k, a in enumerate(u)]
    return sum(sum(row) ** 2 for row in rows)


def ragged_triangle(x, n):
    rows = []
    for i in range(n):
        row = []
        for j in range(i + 1):
            row.append(x ** j)
        rows.append(row)
    return rows[n - 1][n - 1] + sum(rows[n - 1])


def last_of_each(u):
    rows = [[a, b] for a in u for b in (1.0, 2.0)]
    return sum(r[-1] * r[0] for r in rows)


def dict_of_lists(u):
    groups = {"odd": [], "even": []}
    for k, a in enumerate(u):
        groups["even" if k % 2 == 0 else "odd"].append(a)
    return sum(groups["odd"]) * sum(v * v for v in groups["even"])


SETTINGS = {
    name: {"size_one": False}
    for name in (
        "list_of_arrays_in_place", "adjacency", "slice_store_run_time", "list_from_array",
        "list_of_array", "windows", "list_equality_of_indices", "rows_of_matrix",
    )
}

TYPED = {"gauss_elimination_lists", "list_from_array", "table_updated"}
