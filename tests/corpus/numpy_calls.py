"""NumPy's elementwise functions, on scalars and on arrays."""

from __future__ import annotations

import numpy as np


def exponentials(u, x):
    return np.sum(np.exp(u) + np.exp2(u) + np.expm1(u)) + np.exp(-x) * np.exp2(x)


def logarithms(u, x):
    return np.sum(np.log(u) * np.log2(u) + np.log10(u) + np.log1p(u)) + np.log(x) ** 2


def roots_and_squares(u, x):
    return np.sum(np.sqrt(u) + np.cbrt(u) + np.square(u) + np.reciprocal(u)) * np.sqrt(x)


def cube_root_of_negative(u):
    return np.sum(np.cbrt(u) * u)


def trigonometric(u, x):
    return np.sum(np.sin(u) * np.cos(u) + np.tan(0.5 * u)) + np.sin(x) * np.tan(0.3 * x)


def inverse_trigonometric(u, x):
    v = 0.5 * u
    return np.sum(np.arcsin(v) * np.arccos(v) + np.arctan(u)) + np.arcsin(0.4 * x) ** 2


def hyperbolic(u, x):
    return np.sum(np.sinh(u) / np.cosh(u) + np.tanh(u) * u) + np.cosh(x)


def inverse_hyperbolic(u):
    return np.sum(np.arcsinh(u) + np.arccosh(1.5 + u * u) * np.arctanh(0.5 * u))


def arctan2(u, v, x):
    return np.sum(np.arctan2(u, v) * u) + np.arctan2(x, 2.0)


def hypot(u, v, x):
    return np.sum(np.hypot(u, v) * v) + np.hypot(x, 1.0)


def logaddexp(u, v):
    return np.sum(np.logaddexp(u, v) * np.logaddexp2(v, u))


def powers(u, v):
    return np.sum(np.power(u, v) + u**v + np.power(2.0, u) + np.float_power(u, 1.5))


def integer_power_of_negative(u):
    return np.sum(np.power(u, 3) + u**2 - u**4 + u**-1)


def arithmetic_functions(u, v):
    total = np.add(u, v) * np.subtract(u, v)
    return np.sum(np.multiply(total, np.divide(u, v)) + np.negative(u) - np.positive(v))


def remainders(u, v):
    return np.sum(np.mod(u, 0.7) * v + np.remainder(u, 0.9 + np.abs(v)) + np.fmod(u, 0.35))


def absolute_values(u, x):
    return np.sum(np.abs(u) * u + np.absolute(u) + np.fabs(u)) + np.abs(x) * abs(x)


def signs(u, x):
    return np.sum(np.sign(u) * u * u + np.copysign(u, -1.0)) + np.sign(x) * x


def rounding(u):
    return np.sum(np.floor(u) * u + np.ceil(u) * u**2 + np.trunc(u) + np.rint(u) * u)


def maximum_and_minimum(u, v, x):
    return np.sum(np.maximum(u, v) * np.minimum(u, x) + np.fmax(v, x) * np.fmin(u, v))


def clip(u, x):
    return np.sum(np.clip(u, -0.8, 0.9) * u) + np.sum(u.clip(0.0, None)) + np.clip(x, 0.1, 9.0) * x


def clip_with_active_bounds(u, x):
    return np.sum(np.clip(u, -0.5 * np.abs(x), np.abs(x)) * u)


def where(u, v):
    return np.sum(np.where(u > v, u * v, v - u))


def where_hides_a_bad_value(u):
    safe = np.where(u > 0.0, u, 1.0)
    return np.sum(np.where(u > 0.0, np.sqrt(safe), u * u))


def where_of_scalars(x, y):
    return np.where(x > y, x * y, y * y) * x


def comparisons(u, v):
    return np.sum((u > v) * u + np.greater(v, 0.5) * v + np.logical_and(u > 0, v > 0) * u * v)


def degrees_and_radians(u):
    return np.sum(np.deg2rad(u) * np.rad2deg(u) + np.radians(u) + 0.01 * np.degrees(u))


def sigmoid(u):
    return np.sum(1.0 / (1.0 + np.exp(-u)))


def softplus(u):
    return np.sum(np.log1p(np.exp(-np.abs(u))) + np.maximum(u, 0.0))


def gelu(u):
    return np.sum(0.5 * u * (1.0 + np.tanh(0.7978845608 * (u + 0.044715 * u**3))))


def heaviside_as_factor(u):
    return np.sum(np.heaviside(u, 0.5) * u**2)


def sinc_by_hand(u):
    return np.sum(np.sin(np.pi * u) / (np.pi * u))


def functions_of_functions(x):
    return np.sin(np.exp(np.tanh(np.log(np.cosh(x) + np.sqrt(x * x + 1.0)))))


def numpy_constants(x):
    return np.pi * x * x + np.e * x


def float32_constant(u):
    return np.sum(np.float32(0.5) * u * u)


def ones_as_ints(u):
    return np.sum(u * np.ones(len(u), dtype=int) * 3)


def indices_of_a_shape(a):
    total = 0.0
    for i in np.ndindex(2, 3):
        total += a[i] ** 2 * (i[0] + 1)
    for i, j in np.ndindex(a.shape):
        total *= 1.0 + 0.1 * a[i, j] * j
    return total


def elements_with_indices(a):
    total = 0.0
    for (i, j), value in np.ndenumerate(a):
        total += value * value * (i + 2 * j)
    return total


def along_an_axis(a):
    sums = np.apply_along_axis(lambda row: row.sum() ** 2, 1, a)
    lines = np.apply_along_axis(lambda row: row * row[0], 0, a)
    return np.sum(sums) + np.sum(lines * lines)


def array_from_a_generator(u):
    return np.fromiter((value * value for value in u), float) @ u


def element_as_a_number(a, u):
    return a.item(4) * a.item((0, 1)) + a.item(1, 0) ** 2 + u.item(-1)


def smoothed(u, v):
    return np.sum(np.convolve(u, [1.0, 2.0, 1.0], mode="same") * np.correlate(v, u, "same"))


def looked_up(x, u):
    return np.interp(x, [-2.0, -0.5, 0.7, 2.5], u) * np.percentile(u, 30)


def parts_put_together(u, x):
    ends = np.r_[x, u, 1.0]
    ends = np.insert(np.append(ends, u[0]), 1, x * x)
    return np.sum(np.delete(ends, [0, 2]) ** 2) + np.sum(np.c_[u, u] @ np.array([x, 2.0]))


def blocks(m, p, x):
    whole = np.block([[m, p[:, None]], [p, x]])
    return np.sum(whole @ whole * np.arange(4.0)) + np.sum(np.diagflat(p, 1) ** 3)


def differences_with_ends(u, x):
    steps = np.diff(u, prepend=x, append=u[:2])
    return np.sum(steps * steps) + np.sum(np.ediff1d(u) ** 3)


def weights_counted(u, idx):
    counts = np.bincount(idx % 4, weights=u, minlength=5)
    return np.sum(counts**2) + u[np.lexsort((u,))][0]


def correlations(a):
    means, weights = np.average(a, axis=0, weights=a[:, 0] ** 2, returned=True)
    return np.sum(np.cov(a) ** 2) + means @ weights + np.sum(np.corrcoef(a[0], a[1]) ** 3)


def contracted_by_lists(q, a):
    return np.sum(np.tensordot(q, a, axes=([1, 2], [0, 1])) ** 2)


def named_results(m):
    spectrum = np.linalg.eigh(m @ m.T)
    return np.sum(np.log(spectrum.eigenvalues)) * np.linalg.slogdet(m).logabsdet


def ranges_by_keywords(x, n):
    steps = np.arange(1.0, stop=2.0 * n, step=0.5)
    return np.sum(x ** np.arange(stop=n) * n) + np.sum(np.sin(x * steps))


def parts_in_a_list(u, x):
    parts = np.array_split(u, 2)
    parts.append(parts[0] * x)
    return sum(np.sum(p**2) for p in parts)


def histograms(u, x):
    at = np.array([0.1, 0.43, 0.2, 0.71, 0.95, 1.3, 2.4])
    weights = np.concatenate([u, [x]])
    k = len(weights)
    counts, edges = np.histogram(at[:k] * x, 3, weights=weights)
    density, _ = np.histogram(at[:k], [0.05, 0.4, 0.9, 2.0], weights=weights**2, density=True)
    counts *= x
    return np.sum(counts**2 * edges[1:]) + np.sum(density**2)


def grids(m, x):
    i, j = np.mgrid[1 : len(m) + 1, 0 : m.shape[1]]
    rows, columns = np.ogrid[: len(m), : x * 2 : 2j]
    return np.sum(m * m * (i + 2 * j)) + np.sum((rows + x) * columns)


@np.vectorize
def _capped(value, limit):
    return value * value if value < limit else 2.0 * limit


def function_of_numbers_vectorized(a, x):
    shifted = np.vectorize(lambda v: v * x if v > 0 else 0, otypes=[float])
    return np.sum(_capped(a, x) ** 2) + np.sum(shifted(a) * a)


SETTINGS = {
    "function_of_numbers_vectorized": {"float32": False},
    "differences_with_ends": {"size_one": False},
    "weights_counted": {"size_one": False, "float32": False},
    "correlations": {"size_one": False, "float32": False},
    "named_results": {"float32": False},
    "indices_of_a_shape": {"size_one": False},
    "element_as_a_number": {"size_one": False},
    "looked_up": {"size_one": False},
    "logarithms": {"positive": True},
    "roots_and_squares": {"positive": True},
    "powers": {"positive": True},
}

TYPED = {"along_an_axis"}  # how many lines?
