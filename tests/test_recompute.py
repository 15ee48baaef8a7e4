"""What the reverse sweep computes again, stores rather than adds, and multiplies only once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
import srcad.compiler


def valley(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def entropy(p):
    return -np.sum(p * np.log(p) + (1.0 - p) * np.log(1.0 - p))


def named(x, k):
    y = np.exp(x)
    rest = k - y
    scale = 3.0 * y
    return np.sum(rest * scale * np.sin(rest) / y)


def overwritten(x):
    y = np.exp(x)
    rest = 1.0 - y
    z = np.sin(rest) * rest
    y[0] = 5.0
    return np.sum(z * rest * y)


def in_a_loop(x):
    rest = 1.0 - x
    total = 0.0
    for i in range(len(x)):
        total += rest[i] * np.sum(rest) * x[i]
    return total


def in_a_branch(x):
    rest = 2.0 * x
    if rest[0] > 0.0:
        return np.sum(np.exp(rest) * rest)
    return np.sum(rest * rest)


def wide(x):
    rest = 1.0 - x[None, :]
    return np.sum(rest * np.sin(rest) * np.ones((3, 1)))


def single(x):
    rest = 1.0 - x
    return np.sum(rest.astype(np.float32) * rest)


def first_end(x):
    return np.sum(np.sin(x[2:]))


def last_end(x):
    return np.sum(np.sin(x[:-3]) * x[:-3])


def inner_axis(x):
    return np.sum(np.sin(np.outer(x, x)[:, 1:] * x[1:]))


def both_ends(x):
    return np.sum(np.sin(x[1:-1]))


def halves(x, y):
    return np.sum((x - y) ** 2 + 0.5 * x * y) + np.sum((x * y) ** 2)


X = np.linspace(0.1, 0.9, 7)
PROGRAMS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (valley, (X,)), (entropy, (X,)), (named, (X, 2.0)), (overwritten, (X,)), (in_a_loop, (X,)),
    (in_a_branch, (X,)), (in_a_branch, (-X,)), (wide, (X,)), (single, (X,)),
    (valley, (X[:1],)), (valley, (X.astype(np.float32),)), (first_end, (X,)), (last_end, (X,)),
    (first_end, (X[:1],)), (last_end, (X[:2],)), (first_end, (X[:0],)), (inner_axis, (X,)),
    (both_ends, (X,)), (halves, (X, X[::-1])),
]  # fmt: skip


@pytest.mark.parametrize("f, args", PROGRAMS)
def test_numbers_stay_as_they_were(
    f: Callable[..., Any], args: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    value, gradient = srcad.value_and_grad(f)(*args)
    bare = srcad.grad(f)(*args)
    (product,) = srcad.vjp(f, *args)[1](np.ones_like(value))[:1]
    with monkeypatch.context() as patch:
        for step in ("recompute", "factor"):
            patch.setattr(srcad.compiler, step, lambda function: function)
        before = srcad.value_and_grad(f)(*args)
    assert value == before[0] == f(*args)
    for found in (gradient, bare, product):
        assert found.dtype == before[1].dtype and np.array_equal(found, before[1])


def test_text() -> None:
    text = srcad.source(valley, types="x: f64[*]", value=True)
    assert (
        text.partition("# forward sweep\n")[2]
        == """\
    t = x[:-1]
    t_1 = x[1:] - t ** 2
    result = np.sum(100.0 * t_1 ** 2 + (1.0 - t) ** 2)
    # reverse sweep
    # return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
    t_1 *= 200.0
    t_bar = 1.0 - t + t_1 * t
    t_bar *= -2
    x_bar = np.empty_like(x)
    x_bar[-1:] = 0.0
    x_bar[:-1] = t_bar
    x_bar[1:] += t_1
    return result, x_bar
"""
    )


@pytest.mark.parametrize(
    "f, lines",
    [
        (first_end, ["x_bar = np.empty_like(x)", "x_bar[:2] = 0.0", "x_bar[2:] = np.cos(x[2:])"]),
        (both_ends, ["x_bar = np.zeros_like(x)", "x_bar[1:-1] = np.cos(x[1:-1])"]),
    ],
)
def test_zeros_where_nothing_is_stored(f: Callable[..., Any], lines: list[str]) -> None:
    text = srcad.source(f, types="x: f64[*]")
    found = [line.strip() for line in text.splitlines() if "x_bar" in line]
    assert found == [*lines, "return x_bar"]


def test_a_common_factor_of_integers_stays() -> None:
    def scaled(x, k):
        return np.sum(2.0 * x + (2.0 * k) * x)

    x, k = np.linspace(0.0, 1.0, 3), np.array([2**62, 2**62, 1])
    assert np.array_equal(srcad.grad(scaled)(x, k), 2.0 + 2.0 * k)


def test_memory() -> None:
    x = np.linspace(0.0, 1.0, 200_000)
    df = srcad.value_and_grad(valley)
    df(x)
    tracemalloc.start()
    try:
        df(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3.1 * x.nbytes
