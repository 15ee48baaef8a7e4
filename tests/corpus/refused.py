"""Functions that run in Python and that srcad refuses, because no right derivative exists."""

from __future__ import annotations

import copy
from collections import OrderedDict

import numpy as np

_state = 0.0


def result_is_an_array(u):
    return u * u


def result_is_a_tuple(x):
    return x, x * x


def result_is_a_string(x):
    return "x"


def integer_array(idx):
    return np.sum(idx * idx)


def derivative_lost_in_text(x):
    return float(str(x)) * x


def generator_in_a_variable(u):
    squares = (value * value for value in u)
    return sum(squares) + sum(squares)


def next_on_one_path(u, x):
    squares = _squares(u)
    if x > 0.0:
        next(squares)
    return next(squares)


def generator_that_is_closed(x):
    squares = _squares([x, x])
    first = next(squares)
    squares.close()
    return first


def iterator_read_by_several_calls(x):
    numbers = iter([x, x * x])

    def number():
        return next(numbers)

    return number() * number()


def yield_in_an_expression(x):
    def echo():
        total = x * x if (yield x) is None else x
        yield total

    return sum(echo())


def _squares(values):
    for value in values:
        yield value * value


def store_to_a_global(x):
    global _state
    _state = x * x
    return _state * x


def buffer_that_is_read_again(u):
    state = u.copy()
    new = u * u
    for _ in range(100):
        state *= 0.5
        total = np.sum(new)
        new = np.sin(state) + total
        state = new
    return np.sum(state)


def sum_of_a_set(x):
    return sum({x, 2.0 * x})


def sum_of_keys(x):
    return sum({x: 1.0, 2.0 * x: 2.0})


def set_that_grows(x):
    found = set()
    for k in range(3):
        found.add(x * k)
    return sum(found)


def unpacked_keys(x):
    first, second = {x: 1.0, 2.0 * x: 2.0}
    return first * second


def ordered_dictionaries_compared(x):
    first, second = OrderedDict(a=x, b=1.0), OrderedDict(b=1.0, a=x)
    return x * (first == second) + x


def array_that_may_be_copied(x, a):
    b = np.array(a, copy=None, ndmin=1)
    b[0] = x
    return np.sum(a * a)


def loop_over_a_view_of_what_it_changes(x, a):
    total = 0.0
    for value in np.diag(a):
        total += value * x
        a[:, -1] *= x
    return total


def sum_over_a_view_of_what_it_changes(x, a):
    def scaled(value):
        a[:, -1] *= x
        return value * x

    return sum(scaled(value) for value in np.diagonal(a))


def view_that_an_operand_changes(x, a):
    def scaled():
        a[0, 0] *= x
        return x

    return np.sum(np.diag(a) * scaled())


class _Kept:
    def __init__(self, x):
        self.x = x

    def __getstate__(self):
        return {"x": 1.0}


def copy_that_the_state_decides(x):
    return x * copy.copy(_Kept(x)).x


SETTINGS = {
    "sum_of_a_set": {"error": "UnsupportedSyntaxError"},
    "sum_of_keys": {"error": "UnsupportedSyntaxError"},
    "set_that_grows": {"error": "UnsupportedSyntaxError"},
    "unpacked_keys": {"error": "UnsupportedSyntaxError"},
    "buffer_that_is_read_again": {"error": "AliasingError"},
    "result_is_an_array": {"error": "SignatureError"},
    "result_is_a_tuple": {"error": "SignatureError"},
    "result_is_a_string": {"error": "SignatureError"},
    "integer_array": {"error": "SignatureError"},
    "derivative_lost_in_text": {"error": "MissingRuleError"},
    "generator_in_a_variable": {"error": "UnsupportedSyntaxError"},
    "next_on_one_path": {"error": "UnsupportedSyntaxError"},
    "generator_that_is_closed": {"error": "UnsupportedSyntaxError"},
    "iterator_read_by_several_calls": {"error": "UnsupportedSyntaxError"},
    "yield_in_an_expression": {"error": "UnsupportedSyntaxError"},
    "store_to_a_global": {"error": "UnsupportedSyntaxError"},
    "loop_over_a_view_of_what_it_changes": {"error": "AliasingError"},
    "sum_over_a_view_of_what_it_changes": {"error": "AliasingError"},
    "view_that_an_operand_changes": {"error": "AliasingError"},
    "copy_that_the_state_decides": {"error": "UnsupportedSyntaxError"},
    "ordered_dictionaries_compared": {"error": "UnsupportedSyntaxError"},
    "array_that_may_be_copied": {"error": "AliasingError"},
}
