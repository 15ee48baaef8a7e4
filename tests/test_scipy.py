"""Functions that use SciPy, from the user's side, against differences; skipped without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from srcad.errors import MissingRuleError, UnsupportedSyntaxError
from srcad.testing import check_grads

pytest.importorskip("scipy")
from scipy import integrate, interpolate, linalg, optimize, spatial, special  # noqa: E402

PLACES = np.linspace(0.0, 3.0, 9)
TCK = interpolate.splrep(PLACES, np.sin(PLACES))
CUBIC = interpolate.CubicSpline(PLACES, np.sin(PLACES))
CLAMPED = interpolate.UnivariateSpline(PLACES, np.cos(PLACES), s=0, ext=3)
SURFACE = interpolate.RectBivariateSpline(
    PLACES, PLACES, np.outer(np.sin(PLACES), np.cos(PLACES)), kx=1, ky=3
)
SURFACE_TCK = (*SURFACE.tck, *SURFACE.degrees)


def spline(x):
    return float(interpolate.splev(x, TCK)) * x


def slope_of_spline(x):
    return np.sum(interpolate.splev(x, TCK, der=1) ** 2)


def cubic(x):
    return np.sum(CUBIC(x) * x)


def clamped(x):
    return CLAMPED(x) * x


def surface(x, y):
    return interpolate.bisplev(x, y, SURFACE_TCK) * x


def surface_at(x, y):
    return np.sum(SURFACE.ev(x, y) * x)


def surface_grid(x, y):
    return np.sum(SURFACE(x, y) ** 2)


def transformed(x, lmbda):
    return special.boxcox(x, lmbda) * special.gammainc(2.0, x)


def decaying(t, a, b):
    return np.exp(-a * t) * np.sin(b * t + t * t)


def integral(low, high, a, b):
    value, _ = integrate.quad(decaying, low, high, args=(a, b), epsabs=1e-12)
    return value * a


def gaussian(t, a, b):
    return b * np.exp(-a * t * t)


def to_infinity(a):
    return integrate.quad(gaussian, 0, np.inf, (a, 2.0))[0]


def scaled(t, a):
    return a * t * t


def single_argument(x):
    return integrate.quad(special.j0, 0.0, x)[0] + integrate.quad(scaled, 0.0, 1.0, args=x)[0]


def cubic_equation(x, a, b):
    return x**3 + a * x - b


def bracketed(a, b):
    return optimize.brentq(cubic_equation, 0.0, 10.0, args=(a, b), xtol=1e-14) * a


def newton(a, b):
    return optimize.newton(cubic_equation, 1.0, args=(a, b))


def solved(a, b):
    return linalg.norm(linalg.solve(a, b)) + linalg.det(a) + np.sum(linalg.expm(a / 4))


def distance(u, v, p):
    return spatial.distance.minkowski(u, v, p)


FACTOR = 2.0


def of_a_lambda(v, b):
    return integrate.quad(lambda t: np.exp(-v * t) * FACTOR, 0.0, b)[0]


def of_a_nested_function(v, w):
    u = v * w

    def inner(t, k, n=2.0):
        s = u + k * n
        return s * t + w

    return integrate.quad(inner, 0.0, v, args=(w,))[0]


def root_of_a_lambda(a):
    root = optimize.brentq(lambda x: x**3 + a * x - 2.0, 0.0, 5.0, xtol=1e-14)
    return integrate.quad(lambda t: root * t, 0.0, root)[0]


def integrals_in_a_loop(a):
    total = 0.0
    for k in range(3):
        total += integrate.quad(lambda t: a * t**k, 0.0, 1.0)[0]  # noqa: B023
    return total


A, B = np.array([0.3, 1.2, 2.2, 2.9]), np.array([0.35, 1.3, 2.4])
CALLS: list[tuple[Any, tuple[Any, ...]]] = [
    (spline, (0.7,)), (slope_of_spline, (A,)), (cubic, (A,)), (cubic, (0.7,)), (clamped, (0.7,)),
    (clamped, (3.7,)), (surface, (0.7, 1.2)), (surface, (3.7, 1.2)), (surface_at, (A, 1.2)),
    (surface_grid, (A, B)), (transformed, (1.5, 0.7)), (integral, (0.1, 1.3, 0.7, 1.1)),
    (to_infinity, (0.7,)), (single_argument, (0.8,)), (bracketed, (1.2, 3.4)), (newton, (1.2, 3.4)),
    (solved, (np.array([[2.0, 0.3], [0.4, 1.5]]), np.array([0.3, 1.1]))),
    (distance, (A[:3], B, 2.5)), (of_a_lambda, (0.7, 1.2)), (of_a_nested_function, (1.1, 0.4)),
    (root_of_a_lambda, (1.2,)), (integrals_in_a_loop, (0.8,)),
]  # fmt: skip


@pytest.mark.parametrize("fn, args", CALLS, ids=[f.__name__ for f, _ in CALLS])
def test_derivatives(fn: Any, args: tuple[Any, ...]) -> None:
    check_grads(fn, args)


def incomplete(a, x):
    return special.gammainc(a, x)


def of_order(v, x):
    return special.jv(v, x) * x


def coefficients(t, c):
    return interpolate.splev(0.7, (t, c, 3))


@pytest.mark.parametrize(
    "fn, args, operand",
    [(incomplete, (1.5, 2.0), "a"), (of_order, (1.5, 2.0), "v"), (coefficients, TCK[:2], "tck")],
)
def test_a_derivative_that_no_rule_gives_is_refused(
    fn: Any, args: tuple[Any, ...], operand: str
) -> None:
    with pytest.raises(MissingRuleError, match=f"has no derivative rule in `{operand}`"):
        srcad.grad(fn)(*args)
    with pytest.raises(MissingRuleError, match=f"in `{operand}`"):
        srcad.jvp(fn, args, tuple(np.ones_like(a) for a in args))


def test_source_imports_from_scipy() -> None:
    text = srcad.source(transformed, types="x: float, lmbda: float")
    assert "from scipy.special import boxcox, gammainc, gammaln" in text



def of_an_array(x):
    return integrate.quad(lambda t: np.sum(x) * t, 0.0, 1.0)[0]


def other_parameters(x):
    return integrate.quad(lambda t, *rest: x * t, 0.0, 1.0)[0]


@pytest.mark.parametrize(
    "fn, x, message",
    [
        (of_an_array, np.ones(2), "`x`, which this function uses"),
        (other_parameters, 1.0, "cannot be handed to SciPy"),
    ],
)
def test_a_function_for_scipy_that_is_refused(fn: Any, x: Any, message: str) -> None:
    with pytest.raises(UnsupportedSyntaxError, match=message):
        srcad.grad(fn)(x)


def test_a_global_that_an_integrand_reads_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    derivative = srcad.grad(of_a_lambda)
    first = derivative(0.7, 1.2)
    monkeypatch.setitem(globals(), "FACTOR", 4.0)
    assert derivative(0.7, 1.2) == pytest.approx(2 * first)
