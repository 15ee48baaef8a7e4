"""The functions of `math`, and formulas that are made of them."""

from __future__ import annotations

import cmath
import math
import statistics

import numpy as np


def exponentials(x):
    return math.exp(x) * math.expm1(0.5 * x) + math.exp(-x * x)


def logarithms(x):
    return math.log(x) * math.log2(x) + math.log10(x) * math.log1p(x)


def logarithm_to_a_base(x):
    return math.log(x + 2.0, 3.0) * math.log(x + 1.0, 10)


def roots_and_powers(x, y):
    return math.sqrt(x) * math.pow(x, y) + math.pow(y, 3.0) + math.hypot(x, y)


def trigonometric(x):
    return math.sin(x) * math.cos(x) + math.tan(0.5 * x)


def inverse_trigonometric(x):
    return math.asin(0.5 * x) * math.acos(0.3 * x) + math.atan(x)


def hyperbolic(x):
    return math.sinh(x) / math.cosh(x) + math.tanh(x) * x


def inverse_hyperbolic(x):
    return math.asinh(x) + math.acosh(1.5 + x * x) * math.atanh(0.5 * x)


def atan2(x, y):
    return math.atan2(x, y) * math.atan2(y, 2.0)


def error_functions(x):
    return math.erf(x) * x + math.erfc(0.5 * x)


def gamma_functions(x):
    return math.gamma(x + 1.0) + math.lgamma(x + 0.5) * x


def absolute_and_sign(x, y):
    return math.fabs(x) * x + math.copysign(x, y) * y + math.copysign(2.0, x)


def rounding(x):
    return math.floor(x) * x + math.ceil(x) * x * x + math.trunc(x)


def remainders(x):
    return math.fmod(x, 0.7) * x + x % 0.3


def degrees_and_radians(x):
    return math.radians(x) * math.degrees(x)


def constants(x):
    return math.pi * x**2 + math.e * x - math.tau


def special_values(x):
    if math.isnan(x) or math.isinf(x):
        return 0.0
    return x * x if math.isfinite(x) else x


def infinity_as_start(x, y):
    best = math.inf
    for value in (x, y, x * y):
        best = min(best, value)
    return best * x


def distance_on_sphere(x, y, z):
    half = math.sin(0.5 * (x - y)) ** 2 + math.cos(x) * math.cos(y) * math.sin(0.5 * z) ** 2
    return 2.0 * 6371.0 * math.asin(math.sqrt(half))


def quadratic_root(x, y, z):
    return (-y + math.sqrt(y * y + 4.0 * x * z)) / (2.0 * x)


def normal_density(x, y):
    return math.exp(-0.5 * (x / (1.0 + y)) ** 2) / ((1.0 + y) * math.sqrt(2.0 * math.pi))


def logistic(x):
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def math_on_elements(u):
    total = 0.0
    for value in u:
        total += math.sin(value) * math.exp(-value)
    return total


def math_on_reductions(u):
    return math.exp(-np.sum(u * u)) + math.log(1.0 + np.dot(u, u))


def factorials(x, n):
    return x**n / math.factorial(n) + math.comb(n + 2, 2) * x


def complex_functions(x, y):
    z = complex(x, y)
    total = cmath.exp(0.3 * z) + cmath.log(z) * cmath.sqrt(z + 1.0) - cmath.sin(z) / cmath.cosh(z)
    return total.real * abs(total)


def roots_of_a_quadratic(x, y):
    spread = cmath.sqrt(x * x - 4.0 * (y * y + 1.0) * x * x)
    first, second = (-x + spread) / 2.0, (-x - spread) / 2.0
    return (first * second).real + abs(first - second)


def impedance(x, y):
    z = x * x + 1.0 + 1.0 / (0.7j * (y * y + 0.5))
    size, angle = cmath.polar(z)
    return size * math.cos(angle) + cmath.rect(x, cmath.phase(z)).imag


def statistics_of_numbers(x, y):
    data = [x, y, x * y, 2.0]
    return statistics.mean(data) * statistics.stdev(data) + statistics.pvariance(data)


def statistics_of_values(u, x):
    data = [x * v for v in u]
    return statistics.variance(data) + statistics.mean(data) * statistics.pstdev(u)


SETTINGS = {
    "statistics_of_numbers": {"float32": False},
    "statistics_of_values": {"size_one": False},
    "rounding": {"float32": False},
    "logarithms": {"positive": True},
    "logarithm_to_a_base": {"positive": True},
    "roots_and_powers": {"positive": True},
    "gamma_functions": {"positive": True},
    "quadratic_root": {"positive": True},
    "normal_density": {"positive": True},
    "logistic": {"inputs": [{"x": 0.8}, {"x": -1.3}]},
}
