"""Polynomials by NumPy's Python code, tables and windows: `numpy.polynomial`, `np.interp`."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev, hermite_e, laguerre, legendre, polynomial

_KNOTS = np.array([-4.0, -1.0, 0.0, 0.35, 1.0, 2.5, 6.0])


def power_series(u, x):
    return polynomial.polyval(x, u) + np.sum(polynomial.polyval(u, [1.0, 0.5, 2.0]))


def sum_and_product(u, v, x):
    total = polynomial.polyadd(u, polynomial.polymul(v, [1.0, x]))
    return polynomial.polyval(0.7, polynomial.polysub(total, v))


def derivative_and_integral(u, x):
    slope = polynomial.polyder(u, 2, scl=x)
    area = polynomial.polyint(u, 2, k=[0.5, x], lbnd=-1.0)
    return polynomial.polyval(0.3, slope) + polynomial.polyval(0.4, area)


def chebyshev_series(u, x):
    return chebyshev.chebval(x, u) + chebyshev.chebval(0.3, chebyshev.chebder(u))


def integral_of_chebyshev(u):
    return np.sum(chebyshev.chebint(u) * chebyshev.chebint(u))


def legendre_of_powers(u):
    return np.sum(legendre.poly2leg(u) ** 2) + np.sum(np.sin(legendre.leg2poly(u)))


def laguerre_integral(u, x):
    return np.sum(laguerre.lagint(u, k=x, lbnd=0.2) ** 2)


def hermite_product(u, v):
    return np.sum(np.cos(hermite_e.hermemul(u, v)))


def vandermonde(u, x):
    return np.sum(np.sin(np.vander(u, 3)) * x) + np.sum(np.vander(u, 4, increasing=True) ** 2)


def vandermonde_at_zero(u):
    return np.sum(np.cos(np.vander(u * 0.0, 3) * np.vander(u, 3)))


def table(u, x):
    return np.sum(np.interp(u, _KNOTS, _KNOTS**2)) * np.interp(x, _KNOTS, np.sin(_KNOTS))


def table_of_arguments(u, x):
    heights = np.interp([0.2, 0.9, 7.0], np.arange(u.size) * 0.5, u, left=0.0, right=x)
    return np.sum(heights**2)


def smoothed(u, v):
    return np.sum(np.convolve(u, [0.25, 0.5, 0.25], mode="same") * v)


def convolved(u, v):
    return np.sum(np.convolve(u, v) ** 2) + np.sum(np.correlate(u, v, "full") ** 3)


def autocorrelation(u):
    return np.sum(np.sin(np.correlate(u, u, mode="same")))


def bins(u):
    return np.sum(u * np.digitize(u, [-0.5, 0.25, 1.5]))


def polynomial_of_roots(u, x):
    return np.sum(np.sin(legendre.legfromroots(u))) * polynomial.polyval(
        x, polynomial.polyfromroots(u)
    )


def longer_arrays_in_a_list(u, v):
    parts = [np.array([-r]) for r in u]
    n = len(parts)
    while n > 1:
        half, odd = divmod(n, 2)
        made = [parts[i] * parts[i + half] for i in range(half)]
        if odd:
            made[0] = made[0] * parts[-1] * v
        parts = made
        n = half
    return np.sum(parts[0] * v)


# The code branches on dtypes, which generic code does not know.
TYPED = {
    "chebyshev_series", "derivative_and_integral", "hermite_product", "integral_of_chebyshev",
    "laguerre_integral", "legendre_of_powers", "polynomial_of_roots", "power_series",
    "sum_and_product",
}  # fmt: skip
