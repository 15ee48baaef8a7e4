"""Loops over containers and iterators: early exits, run-time lengths, names of comprehensions."""

from __future__ import annotations

import functools
import math

import numpy as np


def break_in_tuple(x):
    for k in (1, 2, 3, 4):
        x = x * k
        if x > 5.0:
            break
    else:
        x = x * 10.0
    return x


def continue_and_return_in_tuple(x):
    for k in (1, 2, 3, 4):
        if k * x < 1.5:
            continue
        if x > 90.0:
            return x
        x = x * x * k
    return 2.0 * x


def first_that_is_large(x, y):
    for value in [x, y, x * y, x + y + 9.0]:
        if value > 2.5:
            return value * x
    return x


def append_and_pop(x, n):
    stack = []
    for k in range(n):
        stack.append(x**k)
        if k % 2 == 1:
            stack.pop()
    return sum(stack) * x


def two_appends_where_positive(u):
    path = []
    for e in u:
        if e > 0.0:
            path.append(e)
            path.append(e * e)
    return sum(a * b for a, b in zip(path, reversed(path))) + np.sum(u)


def alias_of_appended_list(u):
    values = [e for e in u]
    other = values
    other.append(u[0])
    return sum(e * e for e in values)


def comprehension_leaves_names_alone(u):
    e = 5.0
    squares = [e * e for e in u]
    return sum(squares) * e


def walrus_in_comprehension(u):
    squares = [(last := e * e) for e in u]
    return sum(squares) + last


def late_binding_in_comprehension(x):
    late = [lambda: x * i for i in range(3)]  # noqa: B023
    early = [lambda i=i: x * i for i in range(3)]
    return late[0]() + early[1]() * x


def repeat_and_join(x, n):
    values = [0.0] * n
    for k in range(n):
        values[k] = x * (k + 1)
    values = values * 2 + [x * x]
    return values[0] * values[n] * values[-1]


def swap_of_rows(u):
    table = [[a, 2.0 * a] for a in u]
    table[0], table[-1] = table[-1], table[0]
    return table[0][1] * table[-1][0]


def tuple_with_array(u):
    return sum(a * b * b for a, b in zip((1.0, 2.0, 3.0, 4.0), u))


def sorted_array(u):
    return sum(k * e for k, e in enumerate(sorted(u)))


def reduce_of_array(u):
    return functools.reduce(lambda a, b: a * b + 1.0, u)


def extremes_of_run_time_lists(u):
    return max(u, key=abs) * min((e * e for e in u), default=0.0)



def pairs_of_run_time_length(u):
    pairs = [(e, 2.0 * e) for e in u]
    return sum(a * b for a, b in pairs)


def tuple_repeated_by_length(u, v):
    return np.sum(np.concatenate((u,) * len(v)) ** 2)


def resized(u):
    return np.sum(np.resize(u, (3, 4)) ** 2) * u[0]


def fsum_of_generator(u):
    return math.fsum(e * e for e in u) + math.prod(math.cos(e) for e in u)


def list_argument(x, y):
    return _weighted([x, y, x * y])


def _weighted(values):
    values.append(values[0])
    return sum(k * v for k, v in enumerate(values))
