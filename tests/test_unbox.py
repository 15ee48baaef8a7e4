"""Loops of derivatives over the elements of arrays run on lists of Python floats."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.api import grad, hvp, jvp, value_and_grad

Function = Callable[..., Any]


def rosenbrock(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def product(x):
    result = 1.0
    for i in range(len(x)):
        result = result * x[i]
    return result


def recurrence(x, y):
    state = 0.5
    for i in range(1, x.shape[0]):
        state = 0.3 * state * y[i] + math.sin(x[i - 1]) * np.exp(-x[i])
    return state


def branches(x):
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0.5:
            total += x[i] * x[i]
        elif x[i] <= -0.5:
            total -= 3 * x[i]
    return total


def two_loops(x, y):
    total = 0.0
    for i in range(len(x)):
        total += x[i] * y[i]
    for i in range(len(x)):
        total += math.cos(x[i]) / 2 - y[len(x) - 1 - i] * x[i]
    return total


def fixed_weight(x, w):
    total = 0.0
    for i in range(len(x)):
        total += w[0] * x[i] * x[i]
    return total


def by_scale(x, scale):
    total = 0.0
    for i in range(x.size):
        total += scale * x[i] * x[i]
    return total * total


def sample(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


CONVERTED = [
    (rosenbrock, lambda n: (sample(n),)),
    (product, lambda n: (sample(n),)),
    (recurrence, lambda n: (sample(n), sample(n, 1))),
    (branches, lambda n: (sample(n),)),
    (two_loops, lambda n: (sample(n), sample(n, 1))),
    (by_scale, lambda n: (sample(n), np.float64(0.7))),
]


@pytest.mark.parametrize("transform", [grad, value_and_grad])
@pytest.mark.parametrize("function, arguments", CONVERTED)
@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_gradient_of_lists_is_that_of_arrays(
    function: Function, arguments: Function, n: int, transform: Function
) -> None:
    given = arguments(n)
    argnums = tuple(range(len(given)))
    derivative = transform(function, argnums=argnums)
    kept = [np.copy(a) for a in given]
    found = derivative(*given)
    plain = transform(function, argnums=argnums, optimize=False)(*given)
    if n == 9:
        assert ".tolist()" in derivative.source
    if transform is value_and_grad:
        value, found = found
        expected, plain = plain
        assert type(value) is type(expected) is type(function(*given))
        assert np.array_equal(value, function(*given))
    for g, h, a, before in zip(found, plain, given, kept, strict=True):
        assert type(g) is type(a) and g.shape == a.shape and g.dtype == a.dtype
        np.testing.assert_allclose(g, h, rtol=1e-13, atol=1e-13)
        assert np.array_equal(a, before)


def test_text_of_a_loop_on_lists() -> None:
    text = srcad.source(rosenbrock, types="x: f64[*]")
    assert text.split('"""')[-1] == (
        "\n"
        "    # forward sweep\n"
        "    t = len(x) - 1\n"
        "    # reverse sweep\n"
        "    x_list = x.tolist()\n"
        "    x_bar_list = [0.0] * len(x)\n"
        "    x_next = x_list[t] if t > 0 else 0.0\n"
        "    x_next_bar = 0.0\n"
        "    for i in reversed(range(t)):\n"
        "        x_i = x_list[i]\n"
        "        # total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2\n"
        "        x_t_bar = 200.0 * (x_next - x_i * x_i)\n"
        "        x_bar_list[i + 1] = x_next_bar + x_t_bar\n"
        "        x_next_bar = -2.0 * (1.0 - x_i + x_t_bar * x_i)\n"
        "        x_next = x_i\n"
        "    if t > 0:\n"
        "        x_bar_list[0] = x_next_bar\n"
        "    del x_list\n"
        "    x_bar = np.array(x_bar_list)\n"
        "    return x_bar\n"
    )


def divides(x):
    total = 0.0
    for i in range(len(x)):
        total += 1.0 / x[i]
    return total


def cubes(x):
    total = 0.0
    for i in range(len(x)):
        total += x[i] ** 3.5
    return total


def decides_by_square(x):
    total = 0.0
    for i in range(len(x)):
        if x[i] ** 2 > 0.3:
            total += x[i] * x[i]
    return total


def few_elements(x):
    total = 0.0
    for i in range(3):
        total += x[i] * x[i + 1]
    return total


def rows(x):
    total = 0.0
    for i in range(len(x)):
        total += np.sum(x[i] * x[i])
    return total


@pytest.mark.parametrize(
    "function, x",
    [
        (divides, np.array([1.0, 2.0])),
        (cubes, np.array([1.0, 2.0])),
        (decides_by_square, np.array([1.0, -0.2, 0.7])),
        (few_elements, np.arange(6.0)),
        (rows, np.arange(6.0).reshape(3, 2)),
        (rosenbrock, np.arange(4, dtype=np.float32)),
    ],
)
def test_what_floats_may_do_otherwise_stays_on_arrays(function: Function, x: np.ndarray) -> None:
    derivative = grad(function)
    np.testing.assert_allclose(derivative(x), grad(function, optimize=False)(x), rtol=1e-6)
    assert ".tolist()" not in derivative.source


def test_division_by_an_element_that_is_zero_gives_infinity() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert grad(divides)(np.array([1.0, 0.0])).tolist() == [-1.0, -math.inf]


def test_overflow_and_nan_are_those_of_arrays() -> None:
    for values in ([1e200, 1.0, 2.0], [math.nan, 1.0, 2.0], [math.inf, 1.0, -0.0]):
        x = np.array(values)
        with np.errstate(all="ignore"):
            expected = grad(rosenbrock, optimize=False)(x)
            found = grad(rosenbrock)(x)
        assert np.array_equal(found, expected, equal_nan=True)


def overflows(x):
    total = 0.0
    for i in range(len(x)):
        total += (math.exp(x[i] ** 2) ** 2) ** 2
    return total


def test_an_overflow_that_python_reports_is_reported() -> None:
    for optimize in (True, False):
        derivative = grad(overflows, optimize=optimize)
        with pytest.raises(OverflowError):
            derivative(np.array([20.0, 1.0]))
        assert (".tolist()" in derivative.source) is optimize


def past_the_end(x):
    total = 0.0
    for i in range(len(x)):
        total += x[i] * x[i + 1]
    return total


def test_index_out_of_range_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        grad(past_the_end)(np.arange(3.0))


def test_other_modes_agree() -> None:
    x, v = sample(5), sample(5, 1)
    step = 1e-6
    expected = (grad(rosenbrock)(x + step * v) - grad(rosenbrock)(x - step * v)) / (2 * step)
    np.testing.assert_allclose(hvp(rosenbrock, (x,), (v,))[0], expected, rtol=1e-6)
    assert jvp(rosenbrock, (x,), (v,))[1] == pytest.approx(grad(rosenbrock)(x) @ v, rel=1e-12)
    twice = grad(lambda y: np.sum(grad(rosenbrock)(y) * v))
    np.testing.assert_allclose(twice(x), expected, rtol=1e-6)


def squares_of(x, k):
    total = 0.0
    for i in range(len(x)):
        total += x[i] ** 2 * k[i] + x[i]
    return total


def test_lists_of_floats() -> None:
    df = srcad.grad(squares_of)
    assert df([1.5, 2.5], [2.0, 3.0]) == [7.0, 16.0]
    body = df.source.partition("return")[0].replace("total += x[i] ** 2", "")
    assert "as_cotangent" not in body and "**" not in body
    assert "2 * x" not in body
    for given, other in (([1, 2.5], [2.0, 3.0]), ([1, 2], [2, 3]), ([1.0, 2.5], [2, 3.0])):
        found = df(given, other)
        assert found == [2.0 * a * b + 1.0 for a, b in zip(given, other)]
        assert {*map(type, found)} == {float}
    with pytest.raises(srcad.SignatureError):
        df([True, 2.5], [2.0, 3.0])
    given = [np.float64(1.5), 2.5]
    found = df(given, [2.0, 3.0])
    assert found == [7.0, 16.0]
    assert df([1.5, 2.5], [2.0, 3.0]) == [7.0, 16.0]  # the first code is still right


def test_lists_that_are_returned_are_fresh() -> None:
    def shared(x):
        return [2.0 * v for v in x]

    value, pullback = srcad.vjp(shared, [1.0, 2.0])
    seed = [1.0, 3.0]
    (found,) = pullback(seed)
    assert found == [2.0, 6.0] and found is not seed

    def same(x):
        return x[0] * x[1]

    given = [2.0, 3.0]
    found = srcad.grad(same)(given)
    assert found == [3.0, 2.0] and found is not given and given == [2.0, 3.0]
