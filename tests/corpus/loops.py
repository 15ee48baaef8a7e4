"""Loops: `for` over ranges and arrays, `while`, and what is carried from turn to turn."""

# ruff: noqa: B905 - zip without strict is what people write
from __future__ import annotations

import numpy as np


def power_by_loop(x, n):
    y = 1.0
    for _ in range(n):
        y = y * x
    return y


def sum_of_squares(u):
    total = 0.0
    for i in range(len(u)):
        total += u[i] * u[i]
    return total


def elements(u):
    total = 0.0
    for value in u:
        total += value**3
    return total


def rows_of_matrix(a):
    total = 0.0
    for r in a:
        total += np.sum(r) * r[0]
    return total


def rows_and_elements(a):
    total = 1.0
    for r in a:
        for value in r:
            total = total * (1.0 + 0.3 * value)
    return total


def zipped(u, v):
    total = 0.0
    for p, q in zip(u, v):
        total += p * q * q
    return total


def zipped_three(u, v, w):
    total = 0.0
    for p, q, r in zip(u, v, w):
        total = total * 0.5 + p * q - r
    return total


def zipped_of_unequal_length(u, p):
    total = 0.0
    for e, f in zip(u, p):
        total += e * f
    return total


def enumerated(u):
    total = 0.0
    for i, value in enumerate(u):
        total += (i + 1) * value * value
    return total


def enumerated_from_one(u, x):
    total = x
    for k, value in enumerate(u, 1):
        total = total * value / k
    return total


def enumerated_zip(u, v):
    total = 0.0
    for i, (p, q) in enumerate(zip(u, v)):
        total += i * p * q
    return total


def reversed_elements(u):
    total = 0.0
    for value in reversed(u):
        total = value + 0.5 * total * value
    return total


def reversed_range(u):
    total = 1.0
    for i in reversed(range(len(u))):
        total = total * u[i] + i
    return total


def range_with_start_and_step(x):
    total = 0.0
    for i in range(1, 8, 3):
        total += i * x**i
    return total


def range_downwards(x):
    total = 0.0
    for i in range(5, -1, -2):
        total = total * x + i
    return total


def range_of_computed_bounds(u, n):
    total = 0.0
    for i in range(n - 2, 2 * n - 3):
        total += np.sin(u[i]) * i
    return total


def no_turns(x, n):
    y = x * x
    for i in range(n):
        y = y * x + i
    return y


def no_turns_over_empty_array(u, x):
    y = x * x
    for value in u[:0]:
        y = y * value
    return y + np.sum(u)


def variable_of_an_empty_loop(x, n):
    for _ in range(n):
        z = x * x
    if n > 0:
        return z
    return x


def nested_loops(x, n):
    total = 0.0
    for i in range(n):
        for j in range(i + 1):
            total += x ** (i - j) * (j + 1)
    return total


def nested_loop_with_carry(x, y, n):
    for i in range(n):
        inner = y
        for _ in range(2):
            inner = inner * x + i
        x = x + 0.1 * inner
    return x


def three_deep(a, b):
    total = 0.0
    for i in range(len(a)):
        for j in range(b.shape[1]):
            for k in range(len(b)):
                total += a[i, k] * b[k, j] * (i + j)
    return total


def loop_after_loop(x, n):
    for _ in range(n):
        x = x * 1.5
    y = x
    for _ in range(n):
        y = y * x * 0.2 + 1.0
    return y


def branch_in_loop(u):
    total = 0.0
    for value in u:
        if value > 0.0:
            total += value * value
        else:
            total -= 3.0 * value
    return total


def branch_on_index(x, n):
    for i in range(n):
        if i % 2 == 0:
            x = np.sin(x)
        else:
            x = x * x
    return x


def branch_on_carry(x, y, n):
    for _ in range(n):
        if x > 1.0:
            x = x * 0.3
        else:
            x = x + y * y
    return x * y


def loop_in_branch(x, y, n):
    if x > y:
        for _ in range(n):
            x = x * y
    else:
        for _ in range(2):
            y = y * y + x
    return x + y


def carry_from_int_to_float(x, n):
    y = 0
    for i in range(n):
        y = y + x * i
    return y * y


def carry_from_scalar_to_array(u, n):
    y = 0.0
    for i in range(n):
        y = y + u * i
    return np.sum(y * y)


def carry_from_vector_to_matrix(u, a, n):
    y = u
    for _ in range(n):
        y = 0.5 * y + a
    return np.sum(y * y)


def carry_from_float_to_numpy_scalar(u, x, n):
    y = x
    for _ in range(n):
        y = y * 0.5 + np.sum(u)
    return y


def int_carry_beside_float(x, n):
    count = 0
    weight = 1
    for _ in range(n):
        count += 2
        weight = weight * count
        x = x * 0.5 + weight
    return x * count


def rotation_of_two(x, y, n):
    p, q = 1.0, y
    for _ in range(n):
        p, q = q, x
    return p * q


def rotation_of_three(x, y, n):
    p, q, r = 1.0, 2.0, y
    for _ in range(n):
        p, q, r = q, r, p * x
    return p + q * r


def rotation_of_four(x, n):
    p, q, r, s = 1.0, 2.0, 3.0, 4.0
    for _ in range(n):
        p, q, r, s = q, r, s, x
    return p * q + r * s * s


def fibonacci(x, y, n):
    for _ in range(n):
        x, y = y, x * y + x
    return x


def variable_after_loop(u):
    total = 0.0
    for i, value in enumerate(u):  # noqa: B007
        total += value
    return total * value * (i + 1)


def target_changed_in_body(u):
    total = 0.0
    for value in u:
        value = value * value
        value += 1.0
        total += value * value
    return total + value


def index_changed_in_body(x, n):
    total = 0.0
    for i in range(n):
        i = 2 * i + 1
        total += x * i
    return total * i


def bound_changed_in_body(x, n):
    for _ in range(n):
        n = n + 1
        x = x * 1.1 + n
    return x * n


def parameter_as_target(u, x):
    y = x * x
    for x in u:
        y = y + x * y
    return y + x


def while_by_counter(x, n):
    y = 1.0
    while n > 0:
        y = y * x + n
        n -= 1
    return y


def while_by_value(x):
    y = abs(x) + 1.0
    while y < 20.0:
        y = y * y + 0.5 * x
    return y


def while_never(x):
    y = x * x
    while False:
        y = y * 2.0
    while y < 0.0:
        y = y + x
    return y * x


def while_in_while(x):
    total = 0.0
    i = 0
    while i < 3:
        y = x
        while y * y < 4.0 + i:
            y = y * 1.3
        total += y * y
        i += 1
    return total


def while_with_two_conditions(x, y):
    n = 0
    while n < 6 and x * x < 30.0:
        x = x * 1.5 + 0.1 * y
        n += 1
    return x * n


def while_in_for(u):
    total = 0.0
    for value in u:
        while value * value < 2.0:
            value = value * 1.25
        total += np.cos(value)
    return total


def halving(x, n):
    result = 1.0
    while n:
        if n % 2 == 1:
            result = result * x
        x = x * x
        n = n // 2
    return result


def max_by_loop(u):
    best = u[0]
    for value in u:
        if value > best:
            best = value
    return best * best


def running_extremes(u, v):
    low, high = u[0], u[0]
    for value in v:
        low = min(low, value)
        high = max(high, value)
    return high * high - low


def neighbours(u):
    total = 0.0
    for i in range(len(u) - 1):
        step = u[i + 1] - u[i]
        total += step * step
    return total


def product_and_sum(u):
    product, total = 1.0, 0.0
    for value in u:
        product *= value
        total += product
    return total


def loop_of_arrays(m, p, n):
    for _ in range(n):
        p = np.tanh(m @ p)
    return np.sum(p)


def array_grows_by_stacking(u, n):
    rows = np.reshape(u, (1, -1))
    for i in range(n):
        rows = np.concatenate((rows, rows[-1:] * 0.5 + i))
    return np.sum(rows**2)


def invariant_in_loop(u, x, n):
    total = 0.0
    for i in range(n):
        total += np.sum(np.exp(u)) * x**2 + i * np.sin(x)
    return total


def inactive_loop(x, n):
    weight = 0.0
    for i in range(n):
        weight += 0.5**i
    return weight * x * x


def linear_recurrence(x, y, n):
    for i in range(n):
        x = 0.9 * x + 0.1 * y + i
    return x


def denominator_before_the_loop(u, x, n):
    growth = np.exp(u)
    total = 0.0
    for i in range(n):
        total = total * x + np.sum(1.0 / (1.0 + growth)) * i
    return total


def parts_of_softmax_before_the_loop(u, x, n):
    powers = np.exp(u - np.max(u))
    total = 0.0
    for i in range(n):
        total = total * x + np.max(powers / np.sum(powers)) * i
    return total


SETTINGS = {
    "power_by_loop": {"inputs": [{"n": 0}, {"n": 1}, {"n": 5}]},
    "zipped_of_unequal_length": {"size_one": False},
    "range_of_computed_bounds": {"size_one": False},
    "no_turns": {"inputs": [{"n": 0}, {"n": -2}]},
    "variable_of_an_empty_loop": {"inputs": [{"n": 0}, {"n": 2}]},
    "carry_from_scalar_to_array": {"inputs": [{"n": 1}, {"n": 3}]},
    "carry_from_vector_to_matrix": {"inputs": [{"n": 1}, {"n": 3}]},
    "rotation_of_three": {"inputs": [{"n": 1}, {"n": 5}]},
    "rotation_of_four": {"inputs": [{"n": 2}, {"n": 5}]},
    "halving": {"inputs": {"n": 11}},
}
