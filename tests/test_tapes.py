"""What the reverse sweep keeps of programs that overwrite arrays: elements, not arrays."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.testing import check_grads


def running_product(x):
    y = np.ones_like(x)
    for i in range(1, len(x)):
        if x[i] > 0.0:
            y[i] = y[i - 1] * x[i]
    return np.sum(y * y)


def overwritten_in_the_branch(x):
    y = x + 1.0
    for i in range(1, len(x)):
        if x[i] > 0.0:
            y[i - 1] = y[i - 1] * x[i]
    return np.sum(y * y)


def product_in_nested_loops(x):
    y = np.ones_like(x)
    for k in range(3):
        for i in range(1, len(x)):
            y[i] = y[i - 1] * x[i] + y[i] * 0.1 * k
    return np.sum(y * y)


def read_whole_and_stored_twice(x):
    y = x * 1.0
    s = 0.0
    for i in range(1, len(y)):
        s += np.sum(np.sin(y))
        y[i] = y[i] * y[0]
        s += np.sum(np.cos(y))
        y[i - 1] += s * 1e-7
        s += np.sum(np.exp(y))
    return s + np.sum(y**3)


def rows_stored_until_large(x):
    y = np.outer(x, x)
    s = 0.0
    i = 0
    while i < len(x):
        s += np.sum(np.sin(y))
        y[i, :] = y[i, :] * y[0, :]
        if s > 2.0:
            break
        y[:, i] += np.exp(y[i])
        i += 1
    return s + np.sum(y**3)


def rows_stored_in_while(x):
    y = np.outer(x, x)
    s = 0.0
    i = len(x) - 1
    while i > 0:
        s += np.sum(np.sin(y))
        y[i] *= y[0]
        y[0, i] += s
        i -= 1
    return s + np.sum(y**3)


def sums_of_different_arrays(x, w):
    a = np.zeros(len(x))
    for _ in range(3):
        a[1:-1] = a[1:-1] - 0.5 * (x[1:-1] * a[2:] + w[2:])
        a[:-1] += w[1:]
    return np.sum(a * a)


def stretched_into_rows(x, w):
    a = np.zeros((3, len(x)))
    for k in range(3):
        a[1:, k:] = (a[:-1, k:] + w[k:]) * x[k:] + w[0:1]
    return np.sum(a * a)


def elements_in_both_branches(x):
    y = np.zeros_like(x)
    for i in range(len(x)):
        a, b = x[i], x[i - 1]
        if a > 0.0:
            if b > 0.2:
                y[i] = a * a
            else:
                y[i] = b
        elif b > 0.0:
            y[i] = a * b
    return np.sum(y * y)


def element_before_and_in_the_branch(x):
    s = 0.0
    for i in range(len(x)):
        a = x[i]
        b = a * a
        if a > 0.0:
            s += b * a
    return s


X = np.array([0.5, 0.2, -0.1, 0.3, 0.4])
PROGRAMS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (running_product, (X,)),
    (overwritten_in_the_branch, (X,)),
    (product_in_nested_loops, (X,)),
    (read_whole_and_stored_twice, (X,)),
    (rows_stored_until_large, (X,)),
    (rows_stored_in_while, (X,)),
    (sums_of_different_arrays, (X, X + 1.0)),
    (stretched_into_rows, (X, X + 1.0)),
    (elements_in_both_branches, (X,)),
    (element_before_and_in_the_branch, (X,)),
]


@pytest.mark.parametrize("f, args", PROGRAMS, ids=[f.__name__ for f, _ in PROGRAMS])
def test_derivatives(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    check_grads(f, args, order=2, modes=("forward", "reverse"))


def gradient_of(f: Callable[..., Any], *args: Any) -> Any:
    df = srcad.grad(f, argnums=tuple(range(len(args))))
    df(*args)
    return df


def reverse_sweep(df: Any) -> str:
    return df.source.split("# reverse sweep")[1]  # type: ignore[no-any-return]


def test_elements_are_kept_and_only_where_they_are_read() -> None:
    df = gradient_of(overwritten_in_the_branch, X)
    assert ".copy()" not in df.source
    assert df.source.count(".append(") == 1
    assert "else" not in reverse_sweep(df)


def test_elements_that_are_not_overwritten_are_not_kept() -> None:
    df = gradient_of(running_product, X)
    assert ".copy()" not in df.source
    assert ".append(" not in df.source


def test_elements_of_an_array_that_two_loops_carry() -> None:
    assert ".copy()" not in gradient_of(product_in_nested_loops, X).source


@pytest.mark.parametrize("f", [running_product, read_whole_and_stored_twice])
def test_memory_grows_with_the_array_not_with_its_square(f: Callable[..., Any]) -> None:
    df = srcad.grad(f)
    df(X)
    peaks = []
    for n in (300, 1200):
        x = np.linspace(0.001, 0.002, n)
        tracemalloc.start()
        try:
            df(x)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 6 * peaks[0]  # 4 for O(n), 16 for O(n**2)


def test_an_array_is_restored_where_it_was_overwritten() -> None:
    df = gradient_of(read_whole_and_stored_twice, X)
    assert "y.copy()" not in df.source
    assert reverse_sweep(df).count("    y[") == 2


def test_what_only_gives_a_shape_is_not_kept() -> None:
    assert "a_tape" not in gradient_of(stretched_into_rows, X, X + 1.0).source
    assert ".append(" not in gradient_of(linear, X, X + 1.0).source


def sums_of_products(x, w):
    y = np.zeros((len(x) - 1, 3))
    for i in range(len(x) - 1):
        y[i] = np.sum(x[i : i + 2, None, None] * w[None, :, :], axis=(0, 1))
    return np.sum(y * y)


def test_of_an_array_that_only_gives_its_shape_no_elements_are_kept() -> None:
    args = (X, np.arange(1.0, 7.0).reshape(2, 3))
    check_grads(sums_of_products, args, order=2, modes=("forward", "reverse"))
    df = gradient_of(sums_of_products, *args)
    kept = [line for line in df.source.splitlines() if ".append(" in line]
    assert kept and all(".append(outline(" in line for line in kept)


def linear(x, w):
    a, b = x.copy(), w.copy()
    for _ in range(4):
        a[1:-1] -= 0.5 * (b[1:-1] - b[:-2]) + x[2:]
        b[1:] = a[1:] + 0.3 * (w[1:] - a[:-1])
    return np.sum(a * b)


def test_a_part_is_copied_rather_than_the_array() -> None:
    df = gradient_of(linear, X, X + 1.0)
    for line in reverse_sweep(df).splitlines():
        assert not line.startswith("        ") or ".copy()" not in line or "].copy()" in line
