"""Lists and tuples as people use them: filled, changed, sliced, nested, unpacked, comprehended."""

from __future__ import annotations

import math

import numpy as np


def append_powers(x, n):
    powers = []
    for k in range(n):
        powers.append(x**k)
    return sum(powers)


def horner_from_list(x, y):
    coefficients = [0.5, y, -1.0, y * y]
    value = 0.0
    for c in reversed(coefficients):
        value = value * x + c
    return value


def extend_two_legs(x, y):
    cashflows = [-x]
    cashflows.extend([y, 2.0 * y])
    return cashflows[0] + cashflows[1] * 0.9 + cashflows[2] * 0.81


def insert_at_front(x, y):
    knots = [y, x * y]
    knots.insert(0, x)
    return knots[0] * knots[1] - knots[2]


def pop_last(x, y):
    stack = [x, y, x * y]
    top = stack.pop()
    return top * stack[-1] + len(stack)


def pop_first(x, y):
    queue = [x, y, x * y]
    first = queue.pop(0)
    return first * queue[0] - queue[1]


def stack_machine(x, y):
    stack = []
    for token in ("x", "y", "*", "x", "+"):
        if token == "x":
            stack.append(x)
        elif token == "y":
            stack.append(y)
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(left * right if token == "*" else left + right)
    return stack.pop()


def remove_constant(x):
    weights = [1.0, 2.0, 3.0]
    weights.remove(2.0)
    return sum(w * x**k for k, w in enumerate(weights, 1))


def index_of_constant(x, y):
    names = ["mass", "speed"]
    values = [x, y]
    return 0.5 * values[names.index("mass")] * values[names.index("speed")] ** 2


def slice_and_sum(x, y):
    path = [x, x * y, y, y * y]
    return sum(path[1:3]) - sum(path[:-2]) + path[::2][1]


def negative_index(x, y):
    history = [x, x + y, x * y]
    return history[-1] * history[-2]


def concatenate_lists(x, y):
    left, right = [x, y], [x * y]
    return sum(v * v for v in left + right)


def repeat_list(x, n):
    rates = [0.1 * x] * n
    value = 1.0
    for r in rates:
        value *= 1.0 + r
    return value


def store_into_list(x, n):
    u = [0.0] * (n + 2)
    u[0] = x
    u[1] = x * x
    for k in range(2, n + 2):
        u[k] = u[k - 1] + 0.5 * u[k - 2]
    return u[n + 1]


def update_item_of_list(x, y):
    totals = [x, y]
    totals[0] += y * y
    totals[1] *= totals[0]
    return totals[0] + totals[1]


def swap_items(x, y):
    pair = [x * x, y]
    pair[0], pair[1] = pair[1], pair[0]
    return pair[0] - 2.0 * pair[1]


def bubble_pass(x, y):
    values = [x + 5.0, y, x * y - 9.0]
    for k in range(len(values) - 1):
        if values[k] > values[k + 1]:
            values[k], values[k + 1] = values[k + 1], values[k]
    return values[0] * values[1] + values[2] ** 2


def two_names_for_one_list(x, y):
    a = [x, y]
    b = a
    b[0] = y * y
    return a[0] * a[1] + x


def copy_of_list(x, y):
    a = [x, y]
    b = list(a)
    b[0] = y * y
    return a[0] * b[0]


def nested_lists_product(x, y):
    m = [[x, y], [-y, x]]
    v = [x, 2.0]
    out = [0.0, 0.0]
    for r in range(2):
        for s in range(2):
            out[r] += m[r][s] * v[s]
    return out[0] * out[1]


def determinant_of_nested_list(x, y, z):
    m = [[x, y, 1.0], [z, x, y], [0.5, 1.0, z]]
    return (
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
        - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    )


def pascal_row(x, n):
    row = [1.0]
    for _ in range(n):
        row = [1.0] + [x * a + b for a, b in zip(row, row[1:])] + [1.0]
    return sum(row) * x


def comprehension_of_squares(u):
    return sum([e * e for e in u])


def comprehension_with_condition(u):
    return sum([e**3 for e in u if e > 0.1])


def nested_comprehension(x, y):
    table = [[x**i * y**j for j in range(3)] for i in range(2)]
    return sum(sum(row) for row in table)


def two_loops_comprehension(x, y):
    return sum([x * i + y * j for i in range(3) for j in range(i)])


def array_from_comprehension(u):
    return np.sum(np.array([math.exp(-e * e) for e in u]))


def list_comprehension_of_calls(x):
    def basis(k):
        return math.cos(k * x)

    return sum([basis(k) / (k + 1) for k in range(4)])


def trapezoid_lists(x, y):
    times = [0.0, 0.5, 1.0]
    values = [x, x * y, y * y]
    area = 0.0
    for k in range(1, len(times)):
        area += 0.5 * (values[k] + values[k - 1]) * (times[k] - times[k - 1])
    return area


def star_unpacking(x, y):
    first, *rest = [x, x * y, y]
    return first * sum(rest)


def star_in_the_middle(x, y):
    head, *middle, tail = (x, y, x * y, y * y)
    return head * tail - middle[0] * middle[1]


def star_in_display(x, y):
    inner = [x * y, y]
    full = [x, *inner, x + y]
    return full[0] * full[1] + full[2] * full[3]


def star_in_call(x, y):
    def volume(a, b, c):
        return a * b + c

    return volume(*[x, y, x * y])


def tuple_concatenation(x, y):
    state = (x,) + (y, x * y)
    return state[0] * state[1] * state[2]


def tuple_as_state(x, n):
    state = (x, 0.0)
    for _ in range(n):
        position, speed = state
        state = (position + 0.1 * speed, speed - 0.1 * math.sin(position))
    return state[0] + 2.0 * state[1]


def list_of_tuples(x, y):
    legs = [(x, 1.0), (y, 2.0), (x * y, 0.5)]
    return sum(rate * time for rate, time in legs)


def list_of_arrays(u, v):
    layers = [u, v, u * v]
    total = 0.0
    for layer in layers:
        total += np.sum(np.tanh(layer))
    return total


def append_arrays_and_stack(u, n):
    states = []
    state = u
    for _ in range(n):
        state = state - 0.1 * np.sin(state)
        states.append(state)
    return np.sum(np.stack(states) ** 2)


def append_in_while(x):
    errors = [x * x]
    while len(errors) < 4:
        errors.append(0.5 * errors[-1] + 0.1 * x)
    return errors[-1]


def append_where_positive(u):
    gains = []
    for change in u:
        if change > 0.0:
            gains.append(change * change)
    return sum(gains) + np.sum(u)


def moving_average_of_list(x, y):
    prices = [x, y, x * y, x + y, 1.0]
    averages = [sum(prices[k : k + 3]) / 3.0 for k in range(len(prices) - 2)]
    return sum(a * a for a in averages)


def delete_item(x, y):
    values = [x, y, x * y]
    del values[1]
    return values[0] * values[1]


def clear_and_refill(x, y):
    buffer = [x, y]
    total = sum(buffer)
    buffer.clear()
    buffer.append(total * x)
    return buffer[0]


def reverse_in_place(x, y):
    path = [x, y, x * y]
    path.reverse()
    return path[0] - path[2] ** 2


def slice_store(x, y):
    grid = [0.0, x, y, 1.0]
    grid[1:3] = [y * y, x * x]
    return grid[1] - 2.0 * grid[2]


def membership_of_constants(x):
    order = 2
    return x * x if order in [1, 2, 3] else x


def list_in_helper(x, y):
    values = [x]
    _push(values, y)
    return values[0] * values[1]


def _push(values, item):
    values.append(item * item)


def result_list_of_helper(x, y):
    roots = _roots(x, y)
    return roots[0] * 2.0 - roots[1]


def _roots(b, c):
    d = math.sqrt(b * b + 4.0 * c * c)
    return [(-b + d) / 2.0, (-b - d) / 2.0]


def neville(x, y):
    xs, ps = [0.0, 1.0, 2.0], [y, y * y, 0.5]
    for m in range(1, 3):
        for k in range(3 - m):
            ps[k] = ((x - xs[k + m]) * ps[k] + (xs[k] - x) * ps[k + 1]) / (xs[k] - xs[k + m])
    return ps[0]


def thomas_algorithm(x, y):
    lower, diagonal, upper = [0.0, x, x], [4.0, 4.0, 4.0], [y, y, 0.0]
    right = [1.0, x * y, 2.0]
    for k in range(1, 3):
        w = lower[k] / diagonal[k - 1]
        diagonal[k] = diagonal[k] - w * upper[k - 1]
        right[k] = right[k] - w * right[k - 1]
    solution = [0.0] * 3
    solution[2] = right[2] / diagonal[2]
    for k in (1, 0):
        solution[k] = (right[k] - upper[k] * solution[k + 1]) / diagonal[k]
    return solution[0]


def binomial_tree(x, n):
    values = [max(5.0 * x + k - 1.3, 0.0) for k in range(n + 1)]
    for step in range(n, 0, -1):
        values = [0.95 * (0.6 * values[k + 1] + 0.4 * values[k]) for k in range(step)]
    return values[0]

TYPED = {"update_item_of_list"}  # `+=` on a number or an array?
