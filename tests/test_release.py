"""What the reverse sweep deletes: arrays that nobody reads any more, before it makes new ones."""

from __future__ import annotations

import ast
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.testing import assert_close


def layers(W1, W2, x):
    hidden = np.tanh(x @ W1)
    out = np.tanh(hidden @ W2)
    return np.sum(out * out)


def names_that_return(x):
    y = np.sin(x)
    z = y * y
    y = np.exp(z)
    z = y * np.cos(x)
    y = np.tanh(z)
    return np.sum(y * z * x)


def views(x):
    y = np.sin(x)
    head, tail = y[:-1], y[1:]
    return np.sum(head * tail * np.exp(tail))


def returned(x, A):
    y = np.exp(A @ x)
    return np.sum(np.outer(y, x) * np.outer(x, y))


def rebound_in_a_branch(x):
    y = np.exp(x)
    if x[0] > 0.0:
        y = y * np.sin(y)
    z = np.cos(y)
    return np.sum(z * y * x)


def rebound_in_a_loop(x):
    y = np.exp(-x)
    for _ in range(3):
        z = np.sin(y)
        y = z * y
    w = np.tanh(y)
    return np.sum(w * np.exp(w) * x)


def one_name_on_both_sides(v, a):
    view = a.T
    total = view.sum()
    if np.any(v > 0.0):
        a[[0, 1, 1]] *= 0.5
        a[[0, 1]] += 0.5
    else:
        v = a.ravel()
    return np.sum(v) + np.sum(a) + total


def vectors_beside_matrices(A, x):
    y = np.tanh(A @ x)
    z = np.tanh(A @ y)
    return z @ z


def scaled(x, k):
    if k == 0:
        return np.sin(x)
    return scaled(x * 1.5, k - 1) * np.cos(x)


def recursive(x):
    return np.sum(scaled(x, 2) * x)


X = np.linspace(0.3, 1.2, 5)
A = np.cos(np.arange(25.0)).reshape(5, 5)
PROGRAMS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (layers, (A, A.T.copy(), A + 1.0)),
    (names_that_return, (X,)),
    (views, (X,)),
    (returned, (X, A)),
    (rebound_in_a_branch, (X,)),
    (rebound_in_a_branch, (-X,)),
    (rebound_in_a_loop, (X,)),
    (recursive, (X,)),
    (vectors_beside_matrices, (A, X)),
    (one_name_on_both_sides, (X, A)),
    (one_name_on_both_sides, (-X, A)),
]


def deleted(text: str) -> list[str]:
    """The names that a text deletes."""
    return [
        t.id for s in ast.walk(ast.parse(text)) if isinstance(s, ast.Delete) for t in s.targets
    ]  # type: ignore[attr-defined]


def tangents(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(np.ones_like(a) for a in args)


@pytest.mark.parametrize("f, args", PROGRAMS)
def test_gradients_are_right(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    for argnums in range(len(args)):
        value, gradient = srcad.value_and_grad(f, argnums=argnums)(*args)
        assert value == f(*map(np.copy, args))
        direction = np.cos(np.arange(gradient.size)).reshape(gradient.shape)
        moved = [
            f(*(a + h * direction if k == argnums else np.copy(a) for k, a in enumerate(args)))
            for h in (1e-6, -1e-6)
        ]
        slope = (moved[0] - moved[1]) / 2e-6
        assert_close(np.sum(gradient * direction), slope, rtol=1e-6, atol=1e-8)
        assert gradient.base is None
        twice = srcad.jvp(srcad.grad(f, argnums=argnums), args, tangents(args))[1]
        assert np.all(np.isfinite(twice))


def test_what_a_text_deletes() -> None:
    df = srcad.grad(layers, argnums=(0, 1))
    df(*PROGRAMS[0][1])
    assert deleted(df.source) == ["out", "out_bar"]
    df = srcad.grad(vectors_beside_matrices, argnums=0)  # its matrices are the caller's
    df(A, X)
    assert deleted(df.source) == []
    df = srcad.grad(rebound_in_a_branch)
    df(X)
    assert "x" not in deleted(df.source)


def test_memory_is_given_back() -> None:
    def f(x: Any) -> Any:
        y = np.sin(x)
        z = np.sin(y)
        w = np.sin(z)
        return np.sum(np.sin(w))

    x = np.linspace(0.0, 1.0, 100_000)
    df = srcad.grad(f)
    df(x)
    tracemalloc.start()
    try:
        df(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5.2 * x.nbytes  # y, z, w and two cosines; later fewer
