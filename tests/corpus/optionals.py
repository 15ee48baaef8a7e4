"""Names that are None on some paths, and numbers, arrays or tuples on others."""

from __future__ import annotations

import numpy as np


def least_so_far(u):
    best = None
    for value in u:
        if best is None or value * value < best:
            best = value * value
    return best * 3.0


def joined_when_found(u, x):
    found = None
    for value in u:
        if value > 0.2:
            found = value if found is None else found * value
    if found is None:
        return x
    return found * x


def _square_above_one(x):
    if x > 1.0:
        return x * x


def result_of_a_helper(x, y):
    value = _square_above_one(x)
    if value is None:
        return x * y
    return value * y


def two_results(x, y):
    a, b = _square_above_one(x), _square_above_one(y)
    if a is None and b is None:
        return x * y
    if a is None:
        return b * x
    return a + (b if b is not None else y * 3.0)


def default_for_none(x, y):
    return (_square_above_one(x) or y) * x


def _scaled(x, scale=None):
    if scale is None:
        scale = 2.0 * x
    return x * scale


def passed_on(x, y):
    return _scaled(y, scale=_square_above_one(x))


def unpacked_pair(x, y):
    pair = None
    if x > y:
        pair = (x, x * y)
    if pair is None:
        return y
    first, second = pair
    return first * second


def returned_in_a_loop(x):
    for k in range(1, 10):
        if abs(x) < k:
            return x * k


def two_steps_before(x):
    p0, p1, p2 = x * x + 1.0, None, None
    for _ in range(5):
        p = 0.5 * (p0 + 2.0 / p0)
        if p2 is not None and abs(p - p2) < 1e-3:
            return p * p1
        p0, p1, p2 = p, p0, p1
    return p0 * p1 + p2


def until_there_is_one(x):
    found = None
    y = x * x + 1.0
    while found is None:
        y = y * 1.5
        if y > 5.0:
            found = y * x
    return found


def _settle(x, before=None):
    if before is not None and abs(before - x) < 1e-3:
        return x
    return _settle(0.5 * (x + 2.0 / x), x)


def recursion_with_none(x):
    return _settle(x * x + 1.0)


class _Best:
    def __init__(self):
        self.value = None

    def see(self, value):
        if self.value is None or value > self.value:
            self.value = value


def attribute_that_is_none_first(u):
    best = _Best()
    for value in u:
        best.see(value * value)
    return best.value * 2.0


def element_that_may_be_none(x, y):
    values = [x * y, None]
    if x > 0.0:
        values[1] = x * x
    if values[1] is None:
        return values[0]
    return values[0] * values[1]


def row_that_is_chosen(a):
    best = None
    for row in a:
        if best is None or np.sum(row) > np.sum(best):
            best = row
    return np.sum(best * best)


def sum_that_starts_as_none(u):
    total = None
    for k in range(3):
        if k != 1:
            total = u * k if total is None else total + u * k
    return np.sum(total * u)


def asserted(x):
    y = None
    if x > -100.0:
        y = x * x
    assert y is not None
    return y


def caught_use_of_none(x, y):
    value = _square_above_one(x)
    try:
        result = value + y
    except TypeError:
        result = x * y
    return result * x


def none_by_expression(x, y):
    z = None if x > y else x * 2.0
    if not z:
        return x * y
    return z * z


TYPED = {"unpacked_pair"}
