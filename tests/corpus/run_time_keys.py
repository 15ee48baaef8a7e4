"""Dictionaries whose keys only the run knows: counting, grouping, tables, memos."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict

import numpy as np

_COEFFICIENTS = {0: 0.5, 1: -1.25, 2: 2.0, 3: 0.75}
_MATERIALS = {"steel": (2.1, 0.3), "wood": (0.11, 0.35)}
_GRID = {(0, 0): 1.0, (0, 1): -0.5, (1, 0): 0.25, (1, 1): 2.0}


def built_in_a_loop(x, n):
    powers = {}
    for k in range(n + 1):
        powers[k] = x**k
    return powers[n] + 2.0 * powers[n - 1]


def summed_by_key(u):
    bins = {0: 0.0, 1: 0.0}
    for k, e in enumerate(u):
        bins[k % 2] += e * e
    return bins[0] * bins[1] + bins[0]


def counted_with_get(x, n):
    counts = {}
    for k in range(n + 4):
        counts[k % 3] = counts.get(k % 3, 0.0) + x * k
    return counts[0] * counts[1] + counts[2]


def contained_or_not(u):
    best = {}
    for k, e in enumerate(u):
        key = k % 3
        if key in best:
            best[key] = best[key] * e
        else:
            best[key] = e
    return sum(best.values())


def not_contained(x, n):
    seen = {}
    total = 0.0
    for k in range(2 * n):
        if k % n not in seen:
            seen[k % n] = x * (k + 1.0)
        total += seen[k % n] ** 2
    return total


def recurrence_in_a_dict(x, n):
    memo = {0: 1.0, 1: x}
    for k in range(2, n + 3):
        memo[k] = 2.0 * x * memo[k - 1] - memo[k - 2]
    return memo[n + 2]


def memo_of_a_loop(x, n):
    memo = {}

    def power(k):
        if k in memo:
            return memo[k]
        memo[k] = math.sin(x * k)
        return memo[k]

    total = 0.0
    for k in range(2 * n):
        total += power(k % n)
    return total


def _fibonacci(n, x, memo):
    if n in memo:
        return memo[n]
    if n < 2:
        return x + n
    memo[n] = _fibonacci(n - 1, x, memo) + x * _fibonacci(n - 2, x, memo)
    return memo[n]


def memo_passed_on(x, n):
    return _fibonacci(n + 3, x, {})


def memo_as_default(x, n):
    def stirling(a, b, memo):
        key = (a, b)
        if key in memo:
            return memo[key]
        if a == 0 and b == 0:
            return 1.0
        if a == 0 or b == 0:
            return 0.0
        memo[key] = x * b * stirling(a - 1, b, memo) + stirling(a - 1, b - 1, memo)
        return memo[key]

    return stirling(n + 1, 2, {})


def keys_of_tuples(x, y, n):
    grid = {}
    for i in range(n):
        for j in range(n):
            grid[i, j] = x * i + y * j
    total = 0.0
    for i in range(n):
        total += grid[i, i] * grid[i, n - 1 - i]
    return total


def keys_of_text(x, n):
    weights = {}
    for k in range(n):
        weights[f"w{k}"] = x / (k + 1.0)
    total = 0.0
    for k in range(n):
        total += weights[f"w{k}"] ** 2
    return total


def iterated_over(x, n):
    table = {}
    for k in range(n):
        table[k] = math.exp(0.1 * k * x)
    total = 0.0
    for k in table:
        total += k * table[k]
    return total


def iterated_by_items(x, n):
    table = {}
    for k in range(n):
        table[n - k] = x + k
    total = 0.0
    for k, v in table.items():
        total += v**k
    return total


def iterated_by_values(x, n):
    table = {}
    for k in range(2 * n):
        table[k % n] = x * k
    product = 1.0
    for v in table.values():
        product *= v
    return product


def length_of_a_table(x, n):
    table = {}
    for k in range(3 * n):
        table[k % n] = x
    return x * x / len(table)


def sums_of_values(u):
    table = {}
    for k, e in enumerate(u):
        table[k % 2] = table.get(k % 2, 1.0) * e
    return sum(table.values()) + max(table.values())


def comprehension_by_run_time(x, n):
    squares = {k: x * k * k for k in range(n + 20)}
    return squares[n] + squares[n + 10]


def comprehension_of_items(x, n):
    squares = {k: x + k for k in range(n + 20)}
    scaled = {k: v * v for k, v in squares.items() if k % 2 == 0}
    return scaled[2] + scaled[4] * len(scaled)


def built_by_zip(u):
    table = dict(zip(range(len(u)), u))
    total = 0.0
    for k in range(len(u)):
        total += table[k] ** 2
    return total


def default_of_floats(u):
    bins = defaultdict(float)
    for k, e in enumerate(u):
        bins[k % 2] += e * e
    return bins[0] * bins[1] + bins[0] + bins[7]


def default_of_lists(u):
    groups = defaultdict(list)
    for k, e in enumerate(u):
        groups[k % 2].append(e)
    total = 0.0
    for key in groups:
        total += sum(groups[key]) ** 2
    return total


def default_of_ints(x, n):
    counts = defaultdict(int)
    for k in range(3 * n):
        counts[k % n] += k
    return x ** counts[0] if counts[0] < 5 else x * counts[1]


def default_of_lambda(u):
    products = defaultdict(lambda: 1.0)
    for k, e in enumerate(u):
        products[k % 3] *= e
    return sum(products.values())


def grouped_with_setdefault(u):
    groups = {}
    for k, e in enumerate(u):
        groups.setdefault(k % 2, []).append(e * e)
    total = 0.0
    for values in groups.values():
        total += sum(values) / len(values)
    return total


def setdefault_of_numbers(u):
    first = {}
    total = 0.0
    for k, e in enumerate(u):
        total += first.setdefault(k % 2, e) * e
    return total


def counter_of_indices(x, n):
    counts = Counter(k % 3 for k in range(n + 5))
    return x ** counts[0] + x * counts[1]


def counter_by_hand(x, n):
    counts = Counter()
    for k in range(n + 5):
        counts[k % 3] += 1
    return x ** counts[0] + x * counts[1] + counts[17]


def ordered_dict(x, n):
    table = OrderedDict()
    for k in range(n):
        table[k] = x * k + 1.0
    result = 0.0
    for _, v in table.items():
        result = result * x + v
    return result


def table_of_constants(x, n):
    total = 0.0
    for k in range(n + 1):
        total += _COEFFICIENTS[k] * x**k
    return total


def table_at_int_of_value(x):
    return _COEFFICIENTS[int(abs(x) * 2.0)] * x * x


def table_of_pairs(x, n):
    total = 0.0
    for i in range(2):
        for j in range(2):
            total += _GRID[i, j] * x ** (i + j)
    return total + _GRID.get((n, n), 0.5) * x


def table_by_chosen_name(x):
    name = "steel" if x > 1.0 else "wood"
    modulus, ratio = _MATERIALS[name]
    return modulus * x * x / (1.0 - ratio**2)


def removed_entries(x, n):
    table = {}
    for k in range(n + 2):
        table[k] = x * (k + 1.0)
    total = 0.0
    for k in range(n):
        total += table.pop(k) ** 2
    del table[n]
    return total * len(table) + table[n + 1]


def updated_by_another(x, y, n):
    table, other = {}, {}
    for k in range(n):
        table[k] = x * k
        other[k + 1] = y * k
    table.update(other)
    return sum(k * v for k, v in table.items())


def joined_with_bar(x, y, n):
    table, other = {}, {}
    for k in range(n):
        table[k] = x * k
        other[k + 1] = y * k
    joined = table | other
    return sum(v * v for v in joined.values()) + table[n - 1]


def copy_of_a_table(x, n):
    table = {}
    for k in range(n):
        table[k] = x * k
    kept = table.copy()
    kept[0] = x * x
    return table[0] + kept[0] * kept[n - 1]


def alias_of_a_table(x, n):
    table = {}
    other = table
    for k in range(n):
        other[k] = x * k
    table[1] = x * x
    return other[1] + other[n - 1]


def sorted_table(x, n):
    table = {}
    for k in range(n):
        table[(5 * k) % 7] = x + k
    result = 0.0
    for k in sorted(table):
        result = result * x + table[k]
    return result


def sorted_items(x, n):
    table = {}
    for k in range(n):
        table[(5 * k) % 7] = x + k
    result = 0.0
    for _, v in sorted(table.items()):
        result = result * x + v
    return result


def best_key(u):
    table = {}
    for k, e in enumerate(u):
        table[k] = e * e
    best = max(table, key=table.get)
    return table[best] * 2.0


def filled_in_a_helper(x, n):
    table = {}
    for k in range(n):
        _enter(table, k, x * k)
    return table[0] + table[n - 1] ** 2


def _enter(table, key, value):
    table[key] = value + 1.0


def returned_by_a_helper(x, n):
    table = _table(x, n)
    return table[n - 1] * table[0]


def _table(x, n):
    table = {}
    for k in range(n):
        table[k] = math.cos(x + k)
    return table


def chosen_in_a_branch(x, n):
    table = {}
    if x > 0.9:
        for k in range(n):
            table[k] = x * (k + 1.0)
    else:
        for k in range(n + 1):
            table[k] = x * x + k
    return table[0] * table[n - 1]


def table_of_vectors(u, n):
    rows = {}
    for k in range(n):
        rows[k] = u * (k + 1.0)
    total = np.zeros_like(u)
    for k in range(n):
        total = total + rows[k] * rows[n - 1 - k]
    return np.sum(total)


def table_of_pairs_of_values(x, n):
    states = {}
    for k in range(n):
        states[k] = (x * k, math.sin(x + k))
    total = 0.0
    for k in range(n):
        position, speed = states[k]
        total += position * speed
    return total


def overwritten_many_times(x, n):
    table = {}
    for k in range(4 * n):
        table[k % 2] = table.get((k + 1) % 2, x) * math.cos(x + k)
    return table[0] + table[1]


def graph_distances(x, y, n):
    lengths = {(0, 1): x * x, (1, 2): y * y, (0, 2): 5.0, (2, 3): x * y + 4.0}
    distance = {0: 0.0}
    for node in range(1, n + 1):
        best = 1e9
        for (a, b), length in lengths.items():
            if b == node and a in distance:
                best = min(best, distance[a] + length)
        distance[node] = best
    return distance[n]


def sparse_matrix_product(u, n):
    matrix = {(0, 1): 2.0, (1, 0): -1.0, (n, 0): 0.5}
    result = {}
    for (i, j), value in matrix.items():
        result[i] = result.get(i, 0.0) + value * u[j] * u[j]
    return sum(result.values()) + result[n] * result[0]


def polynomial_product(x, y):
    first = {0: x, 1: y, 2: 1.0}
    product = {}
    for i, p in first.items():
        for j, q in first.items():
            product[i + j] = product.get(i + j, 0.0) + p * q
    return product[2] * product[1] + product[4]


def empty_when_not_run(x, n):
    table = {}
    for k in range(n - 3):
        table[k] = x
    if 0 in table:
        return table[0]
    return x * x + len(table)


def first_and_last(x, n):
    table = {}
    for k in range(n):
        table[k] = x ** (k + 1)
    keys = list(table)
    values = list(table.values())
    return values[0] * values[-1] + keys[-1] * x


SETTINGS = {
    "built_by_zip": {"size_one": False},
    "default_of_floats": {"size_one": False},
    "summed_by_key": {"size_one": False},
    "sparse_matrix_product": {"size_one": False},
    "table_at_int_of_value": {"float32": False, "inputs": [{"x": 1.3}, {"x": -0.7}]},
    "table_by_chosen_name": {"inputs": [{"x": 1.3}, {"x": 0.7}]},
    "graph_distances": {"inputs": {"x": 0.7, "y": 1.2}},
    "chosen_in_a_branch": {"inputs": [{"x": 1.3}, {"x": 0.7}]},
}


def methods_of_counters(x):
    counts = Counter("abracadabra")
    counts.update("abb")
    counts.update(c=1)
    counts.subtract({"d": 1})
    (first, most), *rest = counts.most_common(3)
    return x**most * len(first) + sum(x**n for _, n in rest) + counts["d"] * x


def ordered_dict_from_both_ends(x, y):
    table = OrderedDict(a=x, b=x * y, c=y)
    table.move_to_end("a")
    key, value = table.popitem(last=False)
    table.move_to_end("a", last=False)
    return value * len(key) + sum((k + 1) * v for k, v in enumerate(table.values()))


def indices_sorted_by_element(u):
    order = sorted(range(len(u)), key=u.__getitem__)
    return sum(u[j] * k for k, j in enumerate(order))


NOT_YET = {"table_by_chosen_name"}
TYPED: set[str] = set()
