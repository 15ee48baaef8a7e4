"""Code that can only be followed if lengths, or the turns of short loops, are known."""

from __future__ import annotations

import itertools
import math

import numpy as np


def starred_array(u):
    first, *rest = u
    return first * sum(rest) ** 2


def starred_in_the_middle(u):
    first, *_, last = u * u
    return first - last * first


def array_as_arguments(u):
    def inner(*parts, scale=1.0):
        return sum(parts) * scale

    return inner(*u, scale=u[0])


def pairs_of_an_array(u):
    return sum(a * math.sin(b) for a, b in itertools.combinations(u, 2))


def inserted_at_the_front(u):
    items = []
    for value in u:
        items.insert(0, value * value)
    return items[0] * items[1] - items[-1]


def keys_are_turns(x):
    table = {}
    for i in range(4):
        table[i] = x**i
    return sum(table.values()) * table[2]


def keys_up_to_an_argument(x, n):
    table = {0: x}
    for i in range(1, n):
        table[i] = table[i - 1] * x + i
    return table[n - 1]


def matrix_of_lists(u):
    rows = [[0.0] * 3 for _ in range(3)]
    for i in range(3):
        for j in range(3):
            rows[i][j] = u[i] * u[j] + (i == j)
    return sum(rows[i][i] for i in range(3)) * rows[0][2]


def half_of_an_array(u):
    n = len(u)
    left, right = [], []
    for k in range(n):
        (left if k < n // 2 else right).append(u[k])
    return sum(left) * sum(right)


def shape_decides(m):
    rows, columns = m.shape
    shifts = {k: m[k % rows, 0] for k in range(columns)}
    return np.sum(m) * shifts[columns - 1]


def size_of_what_was_made(u):
    doubled = np.concatenate([u, u[1:]])
    first, *rest = doubled.reshape(-1) * 2.0
    return first * len(rest) + sum(rest) ** 2


def helper_of_sizes(u):
    return _spread(u * u) + _spread(u[:2])


def _spread(values):
    low, *_, high = np.sort(values)
    return high - low


def list_grown_to_a_length(x):
    items = [1.0]
    while len(items) < 5:
        items.append(items[-1] * x + len(items))
    return items[-1] * items[1] + items.index(1.0)


def keys_counted_by_while(x):
    table, k = {}, 0
    while k < 4:
        table[k] = x * k
        k += 1
    else:
        table["end"] = x * x
    return table[2] * table["end"]


def keys_counted_down(x, n):
    table = {}
    while n > 0:
        table[n] = x * n
        if n == 2:
            n -= 1
            continue
        n -= 1
    return table[3] * table[1]


def queue_emptied(u):
    queue, found = list(u), {}
    while queue:
        value = queue.pop(0)
        found[len(queue)] = value * value
        if len(queue) == 1:
            break
    else:
        found[1] = 1.0
    return found[3] * found[1]


SETTINGS = {
    name: {"size_one": False}
    for name in (
        "starred_in_the_middle", "pairs_of_an_array", "inserted_at_the_front", "matrix_of_lists",
        "helper_of_sizes", "shape_decides", "starred_array", "half_of_an_array",
        "size_of_what_was_made", "array_as_arguments", "queue_emptied",
    )
}  # fmt: skip

TYPED = {"size_of_what_was_made"}  # an array, or a number?
