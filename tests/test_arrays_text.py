"""Texts of gradients of array programs, as people would write them; each is run as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad

POINTS = np.array([0.5, -1.5])


def halves(x):
    return np.sum(x[1:3]) - np.sum(x[2:]) + np.sum(x) + np.sum(3.0 * x)


HALVES = """
    x_bar = np.full(x.shape, 4.0)
    x_bar[2:] -= 1.0
    x_bar[1:3] += 1.0
    return x_bar
"""


def scaled_part(x, b):
    return np.sum((x * b)[1:] * 2.0)


SCALED_PART = """
    x_bar = np.empty_like(x)
    x_bar[:1] = 0.0
    x_bar[1:] = 2.0
    x_bar *= b
    return x_bar
"""


def variance(x):
    return np.mean((x - np.mean(x)) ** 2)


VARIANCE = """
    x_bar = 2 * (x - np.mean(x))
    x_bar *= 1.0 / x.size
    x_bar += np.sum(-x_bar) / x.size
    return x_bar
"""


def changed(x):
    z = x.copy()
    z[1:] -= x[:-1]
    z[0] = z[0] * 3.0
    return np.sum(np.exp(z))


CHANGED = """
    # forward sweep
    z = np.copy(x)
    z[1:] -= x[:-1]
    z[0] *= 3.0
    z_bar = np.exp(z)
    # reverse sweep
    z_bar[0] *= 3.0
    del z
    x_bar = np.empty_like(x)
    x_bar[-1:] = 0.0
    x_bar[:-1] = -z_bar[1:]
    x_bar += z_bar
    return x_bar
"""


def distances(x):
    return 0.5 * np.sum((x[:, None] - POINTS[None]) ** 2)


DISTANCES = """
    x_bar = np.sum(x[:, None] - POINTS[None], axis=1)
    return x_bar
"""


def leaky(x):
    y = x.copy()
    y[y < 0] *= 0.1
    return np.sum(y**3)


LEAKY = """
    # forward sweep
    y = np.copy(x)
    t = y < 0
    y[t] *= 0.1
    # reverse sweep
    y_bar = 3 * y ** 2
    del y
    # y[y < 0] *= 0.1
    y_t_bar = 0.1 * y_bar[t]
    y_bar[t] = y_t_bar
    return y_bar
"""


def clipped(x):
    return np.sum(np.clip(x, -0.5, 0.5) ** 2)


CLIPPED = """
    # forward sweep
    t = np.clip(x, -0.5, 0.5)
    # reverse sweep
    t_1 = np.maximum(x, -0.5)
    t_2 = np.where(t_1 < 0.5, 2 * t, np.where(t_1 == 0.5, t, 0.0))
    del t, t_1
    x_bar = np.where(x > -0.5, t_2, np.where(x == -0.5, 0.5 * t_2, 0.0))
    return x_bar
"""

def squares_of_some(x):
    return sum([v * v for v in x if v > 0])


SQUARES_OF_SOME = """
    # forward sweep
    items = []
    for v in x:
        if v > 0:
            items.append(v * v)
    # reverse sweep
    items_bar = [1.0] * len(items)
    del items
    x_bar = [0.0] * len(x)
    for i in reversed(range(len(x))):
        v = x[i]
        if v > 0:
            t_bar = items_bar[-1]
            items_bar.pop()
            v_bar = t_bar * v
            x_bar[i] += v_bar + v_bar
    return x_bar
"""

TEXTS = [
    (halves, "x: f64[*]", HALVES),
    (scaled_part, "x: f64[*], b: float", SCALED_PART),
    (variance, "x: f64[*]", VARIANCE),
    (changed, "x: f64[*]", CHANGED),
    (distances, "x: f64[*]", DISTANCES),
    (squares_of_some, "x: list[float]", SQUARES_OF_SOME),
    (leaky, "x: f64[*]", LEAKY),
    (clipped, "x: f64[*]", CLIPPED),
]


@pytest.mark.parametrize("f, types, expected", TEXTS, ids=lambda v: getattr(v, "__name__", ""))
def test_text(f: Callable[..., Any], types: str, expected: str) -> None:
    text = srcad.source(f, types=types).rpartition('"""\n')[2]
    lines = [line for line in text.splitlines() if not line.strip().startswith("# return")]
    shown = [line for line in lines if not line.strip().startswith(("# z", "# t"))]
    assert "\n" + "\n".join(shown) + "\n" == expected


@pytest.mark.parametrize(
    "f", [halves, scaled_part, variance, changed, distances, leaky, clipped]
)
def test_numbers(f: Callable[..., Any]) -> None:
    x = np.cos(np.arange(5.0))
    args = (x, 1.5) if f is scaled_part else (x,)
    gradient = srcad.grad(f)(*args)
    for i in range(5):
        moved = [f(x + h * np.eye(5)[i], *args[1:]) for h in (1e-6, -1e-6)]
        assert abs(gradient[i] - (moved[0] - moved[1]) / 2e-6) < 1e-6


def test_stores_of_other_kinds_stay() -> None:
    def integers(x):
        n = np.zeros(3, int)
        n[0] = n[0] + 2
        y = np.zeros(2)
        y[0] = y[0] + n[0] * x[0]
        return np.sum(y)

    assert np.array_equal(srcad.grad(integers)(np.ones(2)), [2.0, 0.0])

    def of_lists(x):
        rows = [[1.0], [2.0]]
        rows[0] = rows[0] + [x[0]]
        return rows[0][1] * 3.0 + len(rows[0])

    assert np.array_equal(srcad.grad(of_lists)(np.ones(2)), [3.0, 0.0])


def handed_on_or_stored(x, n):
    if n > 0:
        y = x
    else:
        y = np.zeros_like(x)
        y[0] = x[1]
        y[1] = x[0]
    return np.sum(y * y)


def test_what_one_branch_hands_on_is_copied_there() -> None:
    """Not before each store of the other branch."""
    text = srcad.source(handed_on_or_stored, types="x: f64[*], n: int")
    assert "    if t:\n        y = x.copy()\n    else:\n        y = np.zeros_like(x)\n" in text
    assert text.count(".copy()") == 2
    x = np.array([1.0, 2.0])
    for n in (0, 1):
        np.testing.assert_array_equal(srcad.grad(handed_on_or_stored)(x, n), 2 * x)
