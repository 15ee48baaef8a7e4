"""`break`, `continue`, `return` and `else` in loops, on one level and on two."""

from __future__ import annotations

import numpy as np


def break_by_index(x, n):
    total = 0.0
    for i in range(n + 10):
        if i == n:
            break
        total += x**i
    return total


def break_by_value(u, x):
    total = x
    for value in u:
        if value < 0.0:
            break
        total = total * value
    return total


def break_from_behind(u, x):
    s = x
    for i in reversed(range(1, len(u), 2)):
        for e in reversed(u):
            if s * e < -1.5:
                break
            s = s * np.cos(e) + u[i]
        if s > 1.2:
            break
    return s


def return_from_behind(u, x, n):
    for i in reversed(range(n)):
        x = x * np.sin(u[i % 2] * x) + i
        if x > 1.5:
            return x * u[0]
    return x


def return_before_append(x, u):
    items = [x]
    if u[0] > 5.0:
        pass
    else:
        if u[1] > -9.0:
            return x * x
        items.append(3.0)
    return x * sum(items)


def return_before_shorter_list(x, u):
    items = [x]
    for i in range(len(u)):
        items = [x, u[i], x * u[i]]
        if u[i] > -9.0:
            return 0.3 * items[2]
        items = items[1:]
    return items[0]


def return_before_store(x, u):
    y = u * x
    for i in range(1, -1, -1):
        if i < 5:
            return np.arctan(y[i]) * x
        y[0] = x
    return x


def break_after_work(u):
    total = 0.0
    for value in u:
        total += value * value
        if total > 2.0:
            break
    return total * 3.0


def break_at_once(x, n):
    for _ in range(n):
        break
        x = x * x
    return x * 2.0


def continue_by_value(u):
    total = 1.0
    for value in u:
        if value < 0.0:
            continue
        total = total * value + value
    return total


def continue_in_the_middle(u, n):
    total = 0.0
    for i in range(n):
        y = u[0] * i
        if i == 1:
            continue
        total += y * y
        if total > 50.0:
            continue
        total += y
    return total


def break_and_continue(u):
    total = 0.0
    for i, value in enumerate(u):
        if i == 0:
            continue
        if value > 1.4:
            break
        total += value * i
    return total + u[0]


def return_in_loop(u, x):
    for value in u:
        if value > 1.0:
            return value * x
        x = x + value
    return x * x


def return_in_nested_loop(a, x):
    for r in a:
        for value in r:
            if value > 1.2:
                return value * x
            x = x + 0.1 * value
        x = x * 0.5
    return x * x


def return_of_loop_variable(u):
    for i in range(len(u)):
        if u[i] * u[i] > 1.0:
            return u[i] * (i + 1)
    return 0.0 * u[0]


def break_in_nested_loop(a):
    total = 0.0
    for r in a:
        for value in r:
            if value < 0.0:
                break
            total += value * value
        total = total * 0.9 + r[0]
    return total


def continue_in_nested_loop(a, x):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if i == j:
                continue
            x = x + a[i, j] * x * 0.2
        if i == 1:
            continue
        x = x - a[i, 0]
    return x


def all_exits_in_nested_loops(a, x):
    for i, r in enumerate(a):
        for j, value in enumerate(r):
            if j > i:
                break
            if value < 0.0:
                continue
            if x > 8.0:
                return x * value
            x = x * (1.0 + 0.3 * value)
        else:
            x = x + 0.5
        if x < -20.0:
            break
    else:
        x = x * 1.5
    return x * x


def else_of_for(u, x):
    for value in u:
        if value > 5.0:
            x = value
            break
    else:
        x = x * np.sum(u)
    return x * x


def else_after_small_values(u, x):
    for value in u:
        x = x * value
        if abs(x) > 1e-3:
            break
    else:
        x = x * 100.0
    return x


def else_of_while(x):
    n = 0
    while n < 3:
        x = x * 1.2
        n += 1
        if x > 1e3:
            break
    else:
        x = x * x
    return x


def while_true(x):
    n = 0
    while True:
        x = x * 0.6 + 0.1
        n += 1
        if n >= 4 or x * x > 100.0:
            break
    return x * n


def while_true_with_return(x, y):
    while True:
        x = x * 1.7
        if x * x > 5.0:
            return x * y
        y = y * y


def while_with_continue(x, n):
    total = 0.0
    while n > 0:
        n -= 1
        if n == 1:
            continue
        total += x**n
    return total


def break_on_index_and_value(u, v):
    total = 0.0
    for i in range(len(u)):
        if u[i] > 1.5 and i > 0:
            break
        total += u[i] * v[i]
    return total * total


def name_bound_before_break(u):
    found = u[0]
    for value in u:
        found = value * value
        if value > 0.7:
            break
    return found


def bounded_newton(x):
    y = 1.0
    for _ in range(30):
        step = (y * y - x) / (2.0 * y)
        y = y - step
        if abs(step) < 1e-13:
            break
    return y


def first_root_in_table(p, x):
    lower = 0.0
    for i in range(len(p)):
        upper = lower + p[i] * p[i]
        if upper > x * x:
            return lower + (x * x - lower) * 0.5
        lower = upper
    return lower


def _first_above(limit):
    for level in (1.0, 2.0, 3.0):
        if level > limit:
            return level
    raise ValueError(limit)


def return_from_a_loop_over_constants(x, y):
    for level in (1.0, 2.0, 3.0):
        if level > 1.5:
            return level * x * y
    return x - y


def return_from_a_loop_over_constants_else_error(x, y):
    return _first_above(1.5) * x + _first_above(2.5) * y


def return_from_loops_over_constants_within_a_loop(x, y, n):
    for i in range(n):
        for scale in (0.5, 2.0):
            if scale > 1.0 and i > 0:
                return scale * x
            if scale > 1.0:
                break
        else:
            y = y * 3.0
        x = x * y
    return x + y


def view_bound_after_return(x, a, u):
    for i in range(3):
        if u[0] > 5.0:
            return x * u[0]
        u = a[i]
    return x * np.sum(np.sin(u))


def view_joined_after_return(a):
    v = a.reshape(-1)
    if a[0, 0] < 50.0:
        if np.sum(a) > 90.0:
            return a[0, 0]
        w = np.array(v)
        v = w[::2]
    return np.sum(np.sin(v))


def _with_first(s, w):
    for k in range(1):
        w[k] = s
    return s > 0.0


def call_in_else_of_for(x, a, u):
    for _ in u:
        u = np.array([e * x for e in u])
        for _ in range(1, 4):
            last = u
        else:
            if _with_first(a[2, 0], u):
                x = x + 0.1
    return x * np.sum(last * u)


def returns_before_a_name_is_bound_again(x, y, a):
    for k in range(3):
        a[0, k] = 3 * x
    if x > 0.0:
        if y < 9.0:
            if y > 1.0:
                return x * y
            for _ in range(3):
                a = 0.5 * a
        if np.sum(a) > 7.0:
            return 0.1 * x
    return np.sum(a)


def returns_from_a_loop_over_a_view_of_itself(x, a):
    for k in range(2):
        a = a.T
        for row in a:
            if np.dot(row, row) < x:
                return x * x
            for _ in range(k):
                a[0], a[1] = 2.0 * a[1], a[0] * x
    return np.sum(a)


def array_or_number_on_a_path_that_may_return(x, u):
    if x > 0.0:
        if x > 1.0:
            return x * x
        if x > 0.5:
            y = np.sin(x * u)
        else:
            y = u
        y = y + 1.0
    else:
        y = x
    return np.sum(y * u)


def zeros_on_a_path_that_may_return(x, u):
    if x > 0.0:
        if x > 1.0:
            return x * x
        y = np.zeros(len(u))
        y[0] = 2.0
    else:
        y = x * u
    return np.sum(y * u)


_TABLE = np.array([[0.4, -0.6, 0.5], [-0.7, 0.9, -0.8], [1.1, 0.5, 0.6]])

SETTINGS = {
    "return_before_append": {"size_one": False},
    "return_before_store": {"size_one": False},
    "return_from_loops_over_constants_within_a_loop": {"inputs": [{"n": 1}, {"n": 3}]},
    "view_bound_after_return": {"inputs": [{}, {"u": np.array([6.0, 1.0])}, {"a": 10.0 + _TABLE}]},
    "view_joined_after_return": {"inputs": [{}, {"a": 10.0 + _TABLE}]},
    "continue_in_the_middle": {"inputs": [{"n": 4}, {"n": 4, "u": np.array([6.5])}]},
    "returns_before_a_name_is_bound_again": {
        "inputs": [{"x": x, "y": y} for x, y in ((0.7, 1.3), (0.7, 0.4), (1.3, 9.5), (-0.6, 1.0))],
        "size_one": False,
    },
    "returns_from_a_loop_over_a_view_of_itself": {
        "inputs": [{"a": _TABLE, "x": x} for x in (0.1, 1.1, 5.0)],
        "size_one": False,
    },
    "array_or_number_on_a_path_that_may_return": {
        "inputs": [{"x": x} for x in (1.3, 0.7, 0.2, -0.6)]
    },
    "zeros_on_a_path_that_may_return": {"inputs": [{"x": x} for x in (1.3, 0.7, -0.6)]},
    "return_in_loop": {"inputs": [{}, {"u": np.array([0.5, 0.7, 1.3])}, {"u": np.array([0.5])}]},
    "return_in_nested_loop": {"inputs": [{}, {"a": _TABLE}, {"a": _TABLE + 0.4}]},
    "return_of_loop_variable": {"inputs": [{}, {"u": np.array([0.5, 0.7])}]},
    "all_exits_in_nested_loops": {
        "inputs": [{"a": _TABLE, "x": x} for x in (0.9, 7.0, 9.0, -60.0)]
    },
    "else_of_for": {"inputs": [{}, {"u": np.array([0.5, 6.0, 7.0])}]},
    "else_after_small_values": {"inputs": [{}, {"u": np.array([0.5, -0.7]), "x": 2e-4}]},
    "else_of_while": {"inputs": [{"x": 0.7}, {"x": 900.0}]},
    "while_true": {"inputs": [{"x": 0.7}, {"x": 40.0}]},
    "break_on_index_and_value": {
        "inputs": [{}, {"u": np.array([1.8, 0.5, 1.6, 0.7])}], "size_one": False,
    },
    "bounded_newton": {"positive": True},
    "first_root_in_table": {"inputs": [{}, {"x": 3.5}]},
}  # fmt: skip

# One list holds numbers and numbers or arrays.
TYPED = {"return_before_append"}
