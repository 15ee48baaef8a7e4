"""Lists of lists of run-time lengths, and what Python does to lists whose length it finds out."""

from __future__ import annotations

import math
from array import array
from collections import deque
from heapq import heapify, heappop, heappush

import numpy as np


def zeros_filled(x, n):
    m = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            m[i][j] = x * i + j * x * x
    return m[n - 1][0] * m[0][n - 1]


def added_to_elements(x, n):
    m = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            m[i][j] += x * (i + j)
            m[i][j] *= x
    return sum(sum(row) for row in m)


def product_of_matrices(m, n):
    a = m.tolist()
    c = [[0.0 for _ in range(n)] for _ in range(n)]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                c[i][j] += a[i][k] * a[k][j]
    return c[0][0] * c[n - 1][n - 1]


def gauss_elimination(m, p):
    a = m.tolist()
    b = p.tolist()
    n = len(b)
    for k in range(n - 1):
        for i in range(k + 1, n):
            factor = a[i][k] / a[k][k]
            for j in range(k, n):
                a[i][j] -= factor * a[k][j]
            b[i] -= factor * b[k]
    x = [0.0] * n
    for i in range(n - 1, -1, -1):
        total = b[i]
        for j in range(i + 1, n):
            total -= a[i][j] * x[j]
        x[i] = total / a[i][i]
    return sum(x)


def longest_path(m, n):
    costs = m.tolist()
    best = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            before = 0.0
            if i > 0:
                before = best[i - 1][j]
            if j > 0 and best[i][j - 1] > before:
                before = best[i][j - 1]
            best[i][j] = before + costs[i][j] ** 2
    return best[n - 1][n - 1]


def row_replaced(m, n):
    rows = m.tolist()
    for i in range(n):
        rows[i] = [2.0 * e for e in rows[i]]
    return rows[0][0] * rows[n - 1][1]


def row_by_name(x, n):
    m = [[0.0] * n for _ in range(n)]
    for i in range(n):
        row = m[i]
        for j in range(n):
            row[j] = x ** (j + 1)
        row[0] += x * i
    return m[0][n - 1] + m[n - 1][0]


def rows_appended(x, n):
    triangle = [[1.0]]
    for i in range(n):
        row = [1.0]
        for j in range(i):
            row.append(triangle[i][j] * x + triangle[i][j + 1])
        row.append(1.0)
        triangle.append(row)
    return triangle[n][1] * triangle[n - 1][1]


def rows_swapped(m, n):
    a = m.tolist()
    a[0], a[n - 1] = a[n - 1], a[0]
    return a[0][0] * a[n - 1][1]


def elements_swapped(m, n):
    a = m.tolist()
    for i in range(n):
        a[i][0], a[i][n - 1] = a[i][n - 1], a[i][0]
    return a[0][0] * a[1][0] * a[n - 1][n - 1]


def transposed(m):
    a = m.tolist()
    b = [list(column) for column in zip(*a)]
    return b[0][1] * b[1][2] + b[2][0] ** 2


def floyd_warshall(m, n):
    d = [[abs(m[i, j]) for j in range(n)] for i in range(n)]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                through = d[i][k] + d[k][j]
                if through < d[i][j]:
                    d[i][j] = through
    return d[0][n - 1] + d[n - 1][0]


def three_levels(x, n):
    cube = [[[x * i * j * k for k in range(n)] for j in range(n)] for i in range(n)]
    cube[1][1][1] = x * x
    total = 0.0
    for plane in cube:
        for row in plane:
            for value in row:
                total += value
    return total


def three_levels_stored(x, n):
    cube = [[[0.0] * n for _ in range(n)] for _ in range(n)]
    for i in range(n):
        for j in range(n):
            cube[i][j][i] = x**j
    return cube[0][1][0] * cube[n - 1][n - 1][n - 1]


def adjacency_lists(u, n):
    neighbours = [[] for _ in range(n)]
    for k, e in enumerate(u):
        neighbours[k % n].append(e * e)
    total = 1.0
    for found in neighbours:
        total = total * (1.0 + sum(found))
    return total


def list_slice_stored(x, n):
    a = [x * k for k in range(n + 20)]
    a[1:3] = [x * x, x + 1.0]
    return a[1] * a[2] + a[3] + len(a)


def list_slice_of_other_length(x, n):
    a = [x * k for k in range(n + 20)]
    a[1:4] = [x * x]
    return a[1] * a[2] + len(a)


def list_step_stored(x, n):
    a = [1.0] * (2 * n)
    a[::2] = [x * k for k in range(n)]
    return sum(a) * a[2]


def element_deleted(x, n):
    a = [x * k for k in range(n + 20)]
    del a[1]
    del a[-1]
    return a[1] * a[-1]


def slice_deleted(x, n):
    a = [x * k for k in range(n + 20)]
    del a[1:4]
    return a[1] * a[-1]


def halves_on_a_stack(u, n):
    out = np.zeros_like(u)
    stack = [(0, len(u), 1.0)]
    while stack:
        low, high, weight = stack.pop()
        if high - low == 1:
            out[low] += weight * u[low] ** n
            continue
        middle = (low + high) // 2
        stack.append((low, middle, weight * 0.5))
        stack.append((middle, high, weight * 1.5))
    return np.sum(out * u)


def element_inserted(x, n):
    a = [x * k for k in range(n + 20)]
    a.insert(1, x * x)
    a.insert(0, 2.0 * x)
    return a[2] * a[0] + a[5]


def element_popped(x, n):
    a = [x + k for k in range(n + 20)]
    first = a.pop(0)
    second = a.pop(n)
    return first * second * a[0]


def list_reversed(x, n):
    a = [x + k for k in range(n + 20)]
    a.reverse()
    return a[0] * a[1] ** 2


def list_sorted(u):
    a = [e * e for e in u.tolist()]
    a.sort()
    return a[0] * 2.0 + a[-1]


def list_sorted_by_key(u):
    a = u.tolist()
    a.sort(key=lambda e: -abs(e))
    return a[0] ** 2 + a[-1]


def list_extended(x, n):
    a = [x]
    for k in range(n):
        a.extend([x * k, x * x])
    return sum(a) * a[2]


def list_extended_by_comprehension(x, n):
    a = [x * k for k in range(n)]
    a.extend(x + k for k in range(n))
    a += [e * e for e in a]
    return sum(a)


def list_repeated_in_place(x, n):
    a = [x + k for k in range(n + 20)]
    a *= 2
    a[0] = x
    return sum(a)


def list_cleared(x, n):
    a = [x + k for k in range(n + 20)]
    total = sum(a)
    a.clear()
    a.append(x * x)
    return total * a[0]


def list_copied(x, n):
    a = [x + k for k in range(n + 20)]
    b = a.copy()
    c = a[:]
    b[0] = x * x
    c[0] = 1.0
    return a[0] * b[0] + c[0]


def position_of_an_int(x, n):
    order = [(3 * k) % 7 for k in range(n + 4)]
    return x ** order.index(6) + x * order.count(1)


def membership_of_an_int(x, n):
    found = [k for k in range(n + 20) if k % 5 == 2]
    total = 0.0
    for k in range(n + 5):
        if k in found:
            total += x**k
    return total


def breadth_first(x):
    neighbours = {0: [1, 2], 1: [3], 2: [3], 3: []}
    seen = {0}
    queue = deque([(0, x)])
    total = 0.0
    while queue:
        node, value = queue.popleft()
        total = total * x + value
        for other in neighbours[node]:
            if other not in seen:
                seen.add(other)
                queue.append((other, value * (other + 1)))
    return total


def run_time_set(x, n):
    seen = set()
    total = 0.0
    for k in range(3 * n):
        key = (k * k) % 5
        if key not in seen:
            seen.add(key)
            total += x**key
    return total * len(seen)


def queue(x, n):
    waiting = deque([x, x * x])
    total = 0.0
    for k in range(n):
        first = waiting.popleft()
        waiting.append(first * x + k)
        total += first
    return total + sum(waiting)


def queue_of_limited_length(u):
    window = deque(maxlen=2)
    total = 0.0
    for e in u:
        window.append(e)
        total += sum(window) ** 2
    return total


def queue_on_the_left(x, n):
    items = deque()
    for k in range(n):
        items.appendleft(x * k)
        items.append(x + k)
    items.rotate(1)
    return items[0] * items[1] + items[-1] * len(items)


def heap_of_numbers(u):
    heap = []
    for e in u.tolist():
        heappush(heap, e * e)
    total = 0.0
    weight = 1.0
    while heap:
        total += weight * heappop(heap)
        weight *= 0.5
    return total


def heap_made(u):
    heap = [e * e for e in u.tolist()]
    heapify(heap)
    return heappop(heap) * heappop(heap) + heap[0]


def array_of_doubles(x, n):
    a = array("d", [0.0] * (n + 1))
    for k in range(n):
        a[k + 1] = a[k] * x + 1.0
    return a[n]


def methods_of_an_array_of_doubles(x):
    a = array("d")
    a.append(x)
    a.extend([x * x, 2.0])
    a.insert(0, 3.0 * x)
    a[1] += x
    return a.pop() * sum(a) + a[0] * a[-1] + a.tolist()[1]


def tuples_in_a_list(x, n):
    steps = [(k, x * k) for k in range(n + 20)]
    total = 0.0
    for k, value in steps:
        total += k * value * value
    return total + steps[-1][1]


def tuples_compared(x, y):
    first, second = (1, x), (1, y)
    return x * y if first < second else x - y


def sums_of_lists(x, n):
    parts = [[x * k, x + k] for k in range(n)]
    flat = sum(parts, [])
    return sum(flat) * flat[1]


def flattened(m):
    flat = [e for row in m.tolist() for e in row if e > 0.0]
    return sum(e * e for e in flat)


def rows_of_arrays(u, n):
    layers = [u * (k + 1.0) for k in range(n)]
    layers[1] = layers[0] * layers[2]
    total = np.zeros_like(u)
    for layer in layers:
        total = total + np.tanh(layer)
    return np.sum(total)


def arrays_stored_into(u, n):
    layers = [np.zeros_like(u) for _ in range(n)]
    for k in range(n):
        layers[k][0] = u[0] * k
        layers[k] += u
    return np.sum(layers[n - 1] * layers[0])


def first_key_of_minimum(u):
    values = u.tolist()
    k = min(range(len(values)), key=values.__getitem__)
    return values[k] * math.exp(values[k])


def largest_or_default(u):
    large = [e for e in u.tolist() if e > 100.0]
    return max(large, default=u[0] * u[0]) + min([e for e in u.tolist()], default=0.0)


SETTINGS = {
    "queue_of_limited_length": {"size_one": False},
    "heap_made": {"size_one": False},
    "floyd_warshall": {"float32": False},
    "arrays_stored_into": {"size_one": False},
}

NOT_YET: set[str] = set()
TYPED = {
    "elements_swapped", "gauss_elimination", "list_sorted_by_key",
    "transposed",
}
