"""`vjp` and `hvp` inside of a differentiated function."""

from __future__ import annotations

import math

import numpy as np
import pytest

import srcad
from srcad import errors
from srcad.testing import assert_close, check_grads

V = np.array([0.3, 0.5, 0.8])


def energy(a, b):
    return np.sum(np.sin(a) * b**2) * a[0]


def value_times_slope(x, v):
    value, pull = srcad.vjp(lambda a: a**3, x)
    (x_bar,) = pull(2.0)
    return value * x_bar * v[0]


def two_cotangents(x, v):
    value, pull = srcad.vjp(energy, v, v * x)
    a_bar, b_bar = pull(1.5)
    return np.sum(a_bar * b_bar) * value


def pulled_twice(x, v):
    _, pull = srcad.vjp(lambda a: np.tanh(a) * x, v)
    return np.sum(pull(v)[0]) + np.sum(pull(np.ones(3))[0] * v)


def tuple_of_results(x, v):
    _, pull = srcad.vjp(lambda a, n: (a * n, {"s": np.sum(a) * n}), v, 3)
    a_bar, n_bar = pull((v * x, {"s": 2.0 * x}))
    assert n_bar is None
    return np.sum(a_bar * v)


def curvature(x, v):
    p, q = srcad.hvp(energy, (v, v * x), (v, None))
    assert q is None
    return np.sum(p * v)


def curvature_of_a_number(x, v):
    return srcad.hvp(lambda a: math.sin(a) * a, (x * v[0],), (1.0,))[0]


def slope_of_curvature(x, v):
    return srcad.grad(lambda a: srcad.hvp(lambda b: math.sin(b) * b**2, (a,), (a,))[0])(x) * v[1]


@pytest.mark.parametrize(
    "f",
    [
        value_times_slope, two_cotangents, pulled_twice, tuple_of_results, curvature,
        curvature_of_a_number, slope_of_curvature,
    ],
)  # fmt: skip
def test_derivatives(f):
    check_grads(f, (0.7, V), order=2)
    assert_close(srcad.grad(f, generic=True)(0.7, V), srcad.grad(f)(0.7, V))


def test_other_forms_are_refused():
    def named(x):
        return srcad.hvp(math.sin, primals=(x,), tangents=(1.0,))[0]

    with pytest.raises(errors.SrcadError):
        srcad.grad(named)(0.3)
