"""Elements of lists and dictionaries that can be changed, under other names: all see the change."""

from __future__ import annotations

import numpy as np


def one_row_many_times(x, n):
    row = [0.0] * n
    m = [row] * n
    m[0][0] = x
    return m[1][0] * x


def one_row_appended_often(x, n):
    row = [x] * n
    m = []
    for _k in range(n):
        m.append(row)
    m[0][0] = x * x
    return m[1][0] + row[0]


def row_by_a_name(x, n):
    m = [[x * k] * n for k in range(n)]
    r = m[1]
    m[1][0] = x * x
    return r[0] + m[1][0]


def name_of_a_replaced_row(x, n):
    m = [[x * k] * n for k in range(n)]
    r = m[1]
    m[1] = [1.0, x]
    return r[0] + m[1][1]


def slice_of_rows(x, n):
    m = [[x * k] * n for k in range(n)]
    b = m[:]
    m[1][0] = x * x
    return b[1][0] + m[1][0]


def copy_of_the_outer_list(x, n):
    m = [[x * k] * n for k in range(n)]
    b = m.copy()
    b[1][0] = x * x
    return m[1][0]


def rows_swapped_by_a_name(x, n):
    m = [[x * k] * n for k in range(n)]
    tmp = m[0]
    m[0] = m[1]
    m[1] = tmp
    return m[0][0] + 3 * m[1][0]


def row_stored_twice(x, n):
    m = [[x * k] * n for k in range(n)]
    m[0] = m[1]
    m[0][0] = x**3
    return m[1][0]


def rows_collected_elsewhere(x, n):
    m = [[x * k] * n for k in range(n)]
    out = []
    for row in m:
        out.append(row)
    m[1][0] = x**3
    return out[1][0]


def rows_of_a_loop(x, n):
    m = [[x * k] * n for k in range(n)]
    for row in m:
        row[0] = x + row[1]
    return m[1][0] * m[2][1]


def row_moved_on(x, n):
    m = [[x * k] * n for k in range(n)]
    last = m[0]
    for k in range(1, n):
        last[0] = last[0] + x * x
        last = m[k]
    return m[1][0] * m[0][0]


def list_in_a_dict_by_a_name(x, n):
    d = {}
    for k in range(n):
        d[k] = [x]
    v = d[1]
    d[1].append(x * x)
    return v[1] + len(v)


def rows_in_a_tuple(x, n):
    m = [[x * k] * n for k in range(n)]
    t = (m[0], m[1])
    m[0][0] = x**3
    return t[0][0]


def row_from_a_helper(x, n):
    m = [[x * k] * n for k in range(n)]
    def f(rows):
        return rows[1]
    r = f(m)
    m[1][0] = x**3
    return r[0]


def rows_reversed_inserted_deleted(x, n):
    m = [[x * k] * n for k in range(n)]
    m.reverse()
    m[0][0] = x**3
    m.insert(0, [x, x, x])
    m[1][1] += x
    del m[2]
    return m[0][0] + m[1][0] * m[1][1] + m[2][0]


def name_of_a_row_that_moves(x, n):
    m = [[x * k] * n for k in range(n)]
    r = m[2]
    m.pop(0)
    m[1][0] = x**3
    return r[0]


def one_row_in_a_comprehension(x, n):
    base = [x] * n
    m = [base for _ in range(n)]
    m[0][0] = x**3
    return m[1][0]


def row_of_either_kind_read(x, n):
    m = [[x * k] * n for k in range(n)]
    w = m[0] if x > 0 else m[1]
    m[0][0] = x**3
    return w[0]


def row_of_either_kind_stored_to(x, n):
    m = [[x * k] * n for k in range(n)]
    w = m[0] if x > 0 else m[1]
    w[0] = x**3
    return m[0][0]


def previous_row(x, n):
    m = [[x * k] * n for k in range(n)]
    prev = [0.0] * n
    for k in range(n):
        m[k][0] = prev[0] + x
        prev = m[k]
    return prev[0] * m[0][0]


def row_of_the_last_turn(x, n):
    m = [[x * k] * n for k in range(n)]
    prev = [0.0] * n
    total = 0.0
    for _k in range(n):
        m[0][0] = m[0][0] + x
        total += prev[0]
        prev = m[0]
    return total


def view_of_an_element(x, n):
    rows = [np.ones(2) * x * k for k in range(n)]
    v = rows[1].reshape(2, 1)
    rows[1][0] = x**3
    return float(v[0, 0])


def one_array_many_times(x, n):
    layers = [np.ones(2) * x] * n
    layers[0][0] = x**3
    return layers[1][0]


def outer_list_in_a_dict(x, n):
    m = [[x * k] * n for k in range(n)]
    box = {"m": m}
    m[1][0] = x**3
    return box["m"][1][0]


def row_in_a_dict(x, n):
    m = [[x * k] * n for k in range(n)]
    box = {"m": m[1]}
    m[1][0] = x**3
    return box["m"][0]


def rows_of_a_sum(x, n):
    m = [[x * k] * n for k in range(n)]
    k = m + [[x] * n]
    k[0][0] = x**3
    return m[0][0]


def rows_made_anew(x, n):
    m = [[x * k] * n for k in range(n)]
    for k in range(n):
        row = m[k]
        m[k] = [x * e for e in row]
    return m[2][1]


def row_by_an_index_that_changes(x, n):
    m = [[x * k] * n for k in range(n)]
    i = 1
    row = m[i]
    i = 0
    row[0] = x**3
    return m[1][0] + m[0][0]


def group_by_a_name(x, n):
    groups = {}
    for k in range(n + 1):
        groups.setdefault(k % 2, []).append(x * k)
    same = groups[0]
    same.append(x**3)
    return sum(groups[0]) * len(groups[0])


def two_rows_by_names(x, n):
    q = [[x * k] * n for k in range(n)]
    a, b = q[0], q[1]
    a[0], b[0] = b[1], x * a[1]
    return q[0][0] + q[1][0]


def rows_swapped_and_stored_to(x, n):
    q = [[x * k] * n for k in range(n)]
    q[0], q[1] = q[1], q[0]
    q[0][0] = x**3
    return q[1][0] * q[0][0] + q[0][1]


def row_swapped_with_itself(x, n):
    q = [[x * k] * n for k in range(n)]
    q[0], q[1] = q[1], q[1]
    q[0][0] = x**3
    return q[1][0]


def rows_mapped(x, n):
    q = [[x * k] * n for k in range(n)]
    r = list(map(lambda e: e, q))
    q[1][0] = x**3
    return r[1][0]


def rows_of_a_comprehension(x, n):
    q = [[x * k] * n for k in range(n)]
    r = [e for e in q]
    q[1][0] = x**3
    return r[1][0]


def rows_zipped(x, n):
    q = [[x * k] * n for k in range(n)]
    r = list(zip(q, q))
    q[1][0] = x**3
    return r[1][0][0]


def row_stored_to_by_a_helper(x, n):
    q = [[x * k] * n for k in range(n)]
    def put(rows, k, v):
        rows[k][0] = v
    r = q[1]
    put(q, 1, x**3)
    return r[0]


def row_given_to_a_helper(x, n):
    q = [[x * k] * n for k in range(n)]
    def put(row, v):
        row[0] = v
        row.append(v)
    put(q[1], x**3)
    return q[1][0] + len(q[1])


def rows_replaced_by_a_helper(x, n):
    q = [[x * k] * n for k in range(n)]
    def swap(rows):
        rows[0] = [x, x]
    r = q[0]
    swap(q)
    return r[2] + q[0][1]


def plane_and_row_by_names(x, n):
    q = [[[x * k] * n for k in range(n)] for _ in range(n)]
    plane = q[0]
    row = plane[1]
    row[0] = x**3
    plane[2][1] += x
    return q[0][1][0] + q[0][2][1]


def one_row_put_by_a_helper(x, n):
    def put(m, row):
        m.append(row)
    m = []
    row = [x] * n
    for _k in range(n):
        put(m, row)
    m[0][0] = x**3
    return m[1][0]


def rows_put_by_a_helper(x, n):
    def put(m, k):
        m.append([x * k, x])
    m = []
    for k in range(n):
        put(m, k)
    m[1][0] = x**3
    return m[1][0] + m[2][0]


def rows_made_by_a_helper(x, n):
    def make():
        m = []
        for k in range(n):
            m.append([x * k, x])
        return m
    m = make()
    m[1][0] = x**3
    return m[1][0] + m[2][0]


def own_row_among_new_ones(x, n):
    def make(row):
        m = []
        for k in range(n):
            m.append([x * k, x])
        m.append(row)
        return m
    row = [1.0, x]
    m = make(row)
    m[n][0] = x**3
    return row[0]


def rows_built_then_scaled(x, n):
    m = []
    for i in range(n):
        row = []
        for j in range(n):
            row.append(x * i + j)
        m.append(row)
    for i in range(n):
        for j in range(n):
            m[i][j] *= x
    return m[1][2] * m[2][1]


def row_that_is_bound_again(x, n):
    m = []
    row = [x]
    for i in range(n):
        m.append(row)
        row = [x * i]
    m[1][0] += x**3
    return row[0] + m[1][0] + m[2][0]


def row_that_may_be_bound_again(x, n):
    m = []
    row = [x]
    for i in range(n):
        m.append(row)
        row = m[i]
    m[1][0] += x**3
    return row[0] + m[1][0] + m[2][0]


def elements_of_another_list(x, n):
    a = [[x * k] for k in range(n)]
    b = [a[k] for k in range(n)]
    b[1][0] += x**3
    return a[1][0]


def list_in_two_dicts(x, n):
    d = {}
    e = {}
    for k in range(n):
        v = [x * k]
        d[k] = v
        e[k] = v
    d[1].append(x**3)
    return sum(e[1])


def lists_of_a_dict_in_a_loop(x, n):
    d = {}
    for k in range(n):
        d[k] = [x * k]
    for _, v in d.items():
        v.append(x * x)
    return sum(d[2])


def copy_of_a_dict_of_lists(x, n):
    d = {}
    for k in range(n):
        d[k] = [x * k]
    e = d.copy()
    d[1].append(x**3)
    return sum(e[1])


def list_taken_out_of_a_dict(x, n):
    d = {}
    for k in range(n):
        d[k] = [x * k]
    v = d.pop(1)
    v.append(x**3)
    d[0].append(x)
    return sum(v) + sum(d[0])


def row_popped_and_put_back(x, n):
    m = [[x * k] for k in range(n)]
    last = m.pop()
    last.append(x**3)
    m[0].append(x)
    m.append(last)
    m[0][0] = x
    return sum(m[2]) * sum(m[0])


def rows_swapped_then_added_to(x, n):
    m = [[x * k] for k in range(n)]
    m[0], m[2] = m[2], m[0]
    m[0][0] += x**3
    return m[0][0] + m[2][0] * x


def list_extended_by_itself(x, n):
    m = [[x * k] for k in range(n)]
    m += m
    m[0][0] = x**3
    return m[n][0]


def row_appended_once_more(x, n):
    m = [[x * k] for k in range(n)]
    m.extend([m[0]])
    m[0][0] = x**3
    return m[n][0]


def rows_in_a_dict_of_the_run(x, n):
    m = [[x * k] for k in range(n)]
    t = {}
    for k in range(n):
        t[k] = m[k]
    m[1][0] = x**3
    return t[1][0]


SETTINGS: dict = {}

NOT_YET: set[str] = set()
TYPED = {"row_that_may_be_bound_again", "view_of_an_element"}
