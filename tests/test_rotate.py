"""Loops that touch the neighbours of an element touch each element once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
import srcad.compiler


def valley(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def three(x):
    total = 0.0
    for i in range(1, len(x) - 1):
        total += (x[i - 1] - 2.0 * x[i] + x[i + 1]) ** 2
    return total


def backwards(x):
    total = 0.0
    for i in reversed(range(len(x) - 1)):
        total += x[i + 1] * (x[i] - x[i + 1])
    return total


def a_gap(x):
    total = 0.0
    for i in range(len(x) - 3):
        total += x[i] * x[i + 2] * x[i + 3] + x[i + 2]
    return total


def round_the_end(x):
    total = 0.0
    for i in range(len(x)):
        total += (x[i] - x[i - 1]) ** 2 * x[i - 2]
    return total


def the_end_first(x):
    total = 0.0
    for i in range(len(x)):
        total += (x[i - 1] - x[i - 2]) ** 2
    return total


def sometimes(x):
    total = 0.0
    for i in range(len(x) - 1):
        if i > 2:
            total += x[i + 1] * x[i] * x[i]
        total += x[i]
    return total


def two_arrays(x):
    y = 2.0 * x
    total = 0.0
    for i in range(len(x) - 1):
        total += (x[i + 1] * y[i] - x[i] * y[i + 1] * x[i]) * y[i]
    return total


def nonlinear_recurrence(x):
    s = 1.0
    for i in range(len(x) - 1):
        s = s * x[i + 1] - x[i] * s * s
    return s


def until(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += x[i + 1] * x[i] * x[i]
        if i > 3:
            break
    return total


FUNCTIONS = [
    valley, three, backwards, a_gap, round_the_end, the_end_first, sometimes, two_arrays,
    nonlinear_recurrence, until,
]  # fmt: skip
LISTS = [f for f in FUNCTIONS if f is not two_arrays]


def called(f: Callable[..., Any], x: Any) -> Any:
    """The value of a call, or the class of the error that it raises."""
    try:
        return f(x)
    except IndexError:
        return IndexError


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 9])
@pytest.mark.parametrize("f", FUNCTIONS)
def test_numbers_stay_as_they_were(f: Any, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.sin(np.arange(n) + 1.0) + 1.5
    kinds = [x, x.tolist()] if n and f in LISTS else [x]
    for given in kinds:
        rotated = called(srcad.grad(f), given)
        with monkeypatch.context() as patch:
            patch.setattr(srcad.compiler, "rotate", lambda function: function)
            plain = called(srcad.grad(f), given)
        assert type(rotated) is type(plain)
        assert np.array_equal(rotated, plain)


@pytest.mark.parametrize("f", FUNCTIONS)
def test_second_order(f: Any) -> None:
    x = np.sin(np.arange(7.0)) + 1.5
    (product,) = srcad.hvp(f, (x,), (np.cos(x),))
    near = [srcad.grad(f)(x + h * np.cos(x)) for h in (1e-6, -1e-6)]
    np.testing.assert_allclose(product, (near[0] - near[1]) / 2e-6, rtol=1e-6, atol=1e-6)


def test_text() -> None:
    text = srcad.source(three, types="x: f64[*]")
    assert (
        text.partition("# reverse sweep\n")[2]
        == """\
    x_list = x.tolist()
    x_bar_list = [0.0] * len(x)
    x_next = x_list[t - 1] if t > 1 else 0.0
    x_next_1 = x_list[t] if t > 1 else 0.0
    x_next_bar = 0.0
    x_next_bar_1 = 0.0
    for i in reversed(range(1, t)):
        x_t = x_list[i - 1]
        t_1 = x_t - 2.0 * x_next + x_next_1
        # total += (x[i - 1] - 2.0 * x[i] + x[i + 1]) ** 2
        t_2 = 2.0 * t_1
        x_bar_list[i + 1] = x_next_bar_1 + t_2
        x_next_bar_1 = x_next_bar - 4.0 * t_1
        x_next_1 = x_next
        x_next_bar = t_2
        x_next = x_t
    if t > 1:
        x_bar_list[0] = x_next_bar
        x_bar_list[1] = x_next_bar_1
    del x_list
    x_bar = np.array(x_bar_list)
    return x_bar
"""
    )
