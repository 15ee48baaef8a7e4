"""Loops with several exits: the gradient is right, and leaves its loops as a person would."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.testing import assert_close

MODES = [{}, {"generic": True}, {"optimize": False}]


def search(x, a):
    for v in a:
        if v > x:
            return v * x
    return x * x


def first_row(x, m, n):
    y = x
    for _ in range(m):
        for _ in range(n):
            y = y * x
            if y > 10.0:
                break
        else:
            y = y + 1.0
            continue
        break
    return y


def for_else(x, a):
    y = x
    for v in a:
        if v < 0.0:
            break
        y = y * v * x
    else:
        y = y + x
    return y


def while_else(x, n):
    y = x
    k = 0
    while k < n:
        y = y * x
        if y > 50.0:
            break
        k += 1
    else:
        y = np.sin(y)
    return y


def return_inner(x, m, n):
    y = x
    for i in range(m):
        for _ in range(n):
            y = y * x + 0.1
            if y > 20.0:
                return y * i
    return y


def skip_and_stop(x, a):
    y = x
    for v in a:
        if v < 0.0:
            continue
        if v > 5.0:
            break
        y = y + v * x
    return y


def newton(x):
    y = x
    for _ in range(50):
        step = (y * y - x) / (2.0 * y)
        y = y - step
        if abs(step) < 1e-12:
            break
    return y


def both_exits(x, a):
    s = 0.0
    for v in a:
        if v == 0.0:
            break
        s = s + v * x
        if s > 100.0:
            return s * 2.0
        if s < -100.0:
            return -s
    return s


def inner_break(x, m, n):
    s = 0.0
    for _ in range(m):
        t = x
        for _ in range(n):
            if t > 8.0:
                break
            t = t * x
        s = s + t
    return s


def retry(x, n):
    y = x
    while True:
        y = y * x
        n -= 1
        if n == 0:
            return y
        if y < 0.1:
            continue
        y = y + 1.0


def outer_inner(x, m, n):
    s = x
    for i in range(m):
        if s > 1000.0:
            break
        for j in range(n):
            if j > i:
                break
            if j == 1:
                continue
            s = s * x + j
    return s


def found_index(x, a):
    best = -1
    for i in range(len(a)):
        if a[i] > x:
            best = i
            break
    if best < 0:
        return x * 2.0
    return a[best] * x


A = np.array([0.5, 2.0, 3.0, -1.0, 6.0])
LOW = np.array([0.5, 0.25])

# The function, its arguments, the flags that the reverse sweep needs, and the jumps.
CASES: list[tuple[Callable[..., Any], list[tuple[Any, ...]], set[str], str]] = [
    (search, [(1.0, A), (9.0, A), (1.0, A[:0])], {"returned"}, "break"),
    (first_row, [(1.2, 3, 4), (2.0, 3, 4), (2.0, 0, 0)], {"broken"}, "break break"),
    (for_else, [(1.1, A), (1.1, LOW)], {"broken"}, "break"),
    (while_else, [(1.3, 5), (3.0, 9)], {"broken"}, "break"),
    (return_inner, [(1.4, 3, 4), (1.1, 2, 3), (1.4, 0, 3)], {"returned"}, "break break"),
    (skip_and_stop, [(1.1, A), (1.1, A[:4])], set(), "continue break"),
    (newton, [(2.0,)], set(), "break"),
    (both_exits, [(2.0, A), (90.0, A), (2.0, -60.0 * A), (2.0, A * 0.0)], {"returned"},
     "break break break"),
    (inner_break, [(1.5, 3, 9), (1.5, 3, 2)], set(), "break"),
    (retry, [(1.2, 4), (0.01, 3)], set(), "break"),
    (outer_inner, [(1.3, 4, 4), (40.0, 4, 4)], set(), "break break continue"),
    (found_index, [(1.0, A), (9.0, A)], set(), "break"),
]  # fmt: skip
IDS = [case[0].__name__ for case in CASES]


def difference(f: Callable[..., Any], x: float, *args: Any) -> float:
    h = 1e-6
    return float((f(x + h, *args) - f(x - h, *args)) / (2.0 * h))


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("f, points, flags, jumps", CASES, ids=IDS)
def test_gradient(f, points, flags, jumps, options):
    gradient = srcad.grad(f, **options)
    for args in points:
        assert_close(gradient(*args), difference(f, *args), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("f, points, flags, jumps", CASES, ids=IDS)
def test_second_order(f, points, flags, jumps):
    gradient = srcad.grad(f)
    for args in points:
        expected = difference(gradient, *args)
        assert_close(srcad.grad(gradient)(*args), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("f, points, flags, jumps", CASES, ids=IDS)
def test_text_leaves_loops_as_the_user_does(f, points, flags, jumps):
    gradient = srcad.grad(f)
    gradient(*points[0])
    forward = gradient.source.partition("# reverse sweep")[0]
    nodes = list(ast.walk(ast.parse(forward)))
    stored = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if type(node.value.value) is bool and isinstance(target, ast.Name)
    }
    assert stored == flags
    words = [line.strip() for line in forward.splitlines()]
    assert [word for word in words if word in ("break", "continue")] == jumps.split()
