"""Names that nested functions store to, and functions that live on with what they captured."""

from __future__ import annotations

import math

import numpy as np


def counter_in_a_loop(x, n):
    total = 0.0

    def add(value):
        nonlocal total
        total = total * 0.5 + value

    for k in range(n):
        add(x * k)
        add(total * x)
    return total


def stored_in_one_branch(x, y):
    state = x

    def change():
        nonlocal state
        if x * y > 0.0:
            state = state * y
        else:
            state = 1.0

    change()
    change()
    return state


def parameter_that_is_stored(x, y):
    def double():
        nonlocal x
        x = 2.0 * x

    double()
    double()
    return x * y


def two_counters(x, y):
    def make(start):
        level = start

        def step(rate):
            nonlocal level
            level = level + rate * level
            return level

        return step

    first, second = make(x), make(y)
    first(0.5)
    second(0.1)
    first(y)
    return first(0.5) * second(x)


def getter_and_setter(x, y):
    def make():
        kept = x

        def get():
            return kept

        def put(value):
            nonlocal kept
            kept = value

        return get, put

    get, put = make()
    before = get()
    put(x * y)
    return get() * before


def counter_in_a_branch(x, y):
    def make():
        level = x

        def step():
            nonlocal level
            level = level * y
            return level

        return step

    step = make()
    if x > 0.2:
        step()
    return step()


def captured_array(u):
    def make():
        grid = u * u

        def at(k):
            return grid[k] + grid[0]

        return at

    at = make()
    return at(1) * at(2)


def captured_array_written(u):
    grid = np.zeros(3)

    def put(k, value):
        grid[k] = value * u[k]

    for k in range(3):
        put(k, math.sin(u[0]) + k)
    return np.sum(grid * grid)


def function_redefined_inside(x, n):
    def f(t):
        return t

    def use(t):
        return f(t)

    first = use(x)

    def f(t):  # noqa: F811
        return t * t * n

    return first + use(x)


def recursion_with_state(x, n):
    visits = 0.0

    def walk(depth, value):
        nonlocal visits
        visits = visits + value
        if depth > 0:
            walk(depth - 1, value * x)

    walk(3, x)
    return visits


def _length(s, w):
    s = s - (s - s)
    return s + np.sum(np.sin(w)) + 0.1 * np.sum(np.outer(w, w))


def changed_by_what_is_added_to_it(x, u):
    def moved(s):
        far = s * np.sqrt(1.0 + (0.2 * (u @ u)) ** 2)
        u[-1] += np.sin(far)
        return np.prod(np.cos(u)) / (1.0 + (0.3 * _length(x, u)) ** 2)

    u += moved(0.7)
    return np.sum(np.sin(u))


def recursion_with_state_by_value(x, y):
    spent = x
    steps = 0

    def halve(value):
        nonlocal spent, steps
        spent = spent * y + value
        steps += 1
        if value * value > 0.01:
            return halve(0.5 * value) + value * spent
        return spent

    return halve(x) * steps + spent


def recursion_that_collects(x, n):
    leaves = []

    def split(value, depth):
        if depth == 0:
            leaves.append(value * x)
            return
        split(value * 0.5, depth - 1)
        split(value * value, depth - 1)

    split(x, n)
    return sum(leaves) * len(leaves)


def recursion_into_an_array(u, n):
    filled = np.zeros(3)

    def fill(k, value):
        if k < n:
            filled[k] = filled[k - 1] + value
            fill(k + 1, value * u[k])

    fill(0, u[0])
    return np.sum(filled * filled)


def mutual_recursion_with_state(x, n):
    total = 0.0

    def even(k, value):
        nonlocal total
        total = total + value
        return value if k == 0 else odd(k - 1, value * x)

    def odd(k, value):
        nonlocal total
        total = total * value
        return total if k == 0 else even(k - 1, value + total)

    return even(n, x) + total


def recursion_in_a_method_with_state(x, n):
    counter = _Visits(x)
    return counter.walk(n, x) * counter.visits


class _Visits:
    def __init__(self, rate):
        self.rate = rate
        self.visits = 0.0

    def walk(self, depth, value):
        self.visits = self.visits + value
        if depth == 0:
            return value
        return self.walk(depth - 1, value * self.rate) + self.visits


SETTINGS = {
    "captured_array": {"size_one": False},
    "captured_array_written": {"size_one": False},
    "recursion_into_an_array": {"size_one": False},
}  # three elements
