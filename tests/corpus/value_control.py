"""Control that depends on values: the derivative is that of the path taken."""

from __future__ import annotations

import bisect
import math

import numpy as np

_TEMPERATURES = [-2.0, -1.0, 0.0, 1.0, 2.0]
_DENSITIES = [1.5, 1.3, 1.2, 1.15, 1.12]
_BRACKETS = ((0.5, 0.1), (1.0, 0.2), (9.0, 0.3))


def sign_branch(x):
    return x * x if x > 0.0 else -0.5 * x


def friction_regime(x):
    reynolds = 3000.0 * abs(x)
    if reynolds < 2300.0:
        return 64.0 / reynolds
    return 0.316 / reynolds**0.25


def newton_root(x):
    target = x * x + 1.0
    guess, err = 1.0, 1.0
    while err > 1e-12:
        new = 0.5 * (guess + target / guess)
        err = abs(new - guess)
        guess = new
    return guess


def bisection(x):
    low, high = -3.0, 3.0
    while high - low > 0.3:
        middle = 0.5 * (low + high)
        if middle**3 + middle > x:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high) * x


def fixed_point(x, y):
    value = 0.0
    for _ in range(100):
        new = 0.3 * math.cos(value) * x + 0.1 * y
        if abs(new - value) < 1e-13:
            break
        value = new
    return value


def kepler_equation(x):
    anomaly = x
    for _ in range(50):
        step = (anomaly - 0.2 * math.sin(anomaly) - x) / (1.0 - 0.2 * math.cos(anomaly))
        anomaly -= step
        if abs(step) < 1e-13:
            break
    return anomaly * anomaly


def table_lookup(x):
    for k in range(4):
        if _TEMPERATURES[k] <= x < _TEMPERATURES[k + 1]:
            share = (x - _TEMPERATURES[k]) / (_TEMPERATURES[k + 1] - _TEMPERATURES[k])
            return _DENSITIES[k] + share * (_DENSITIES[k + 1] - _DENSITIES[k])
    return 0.0


def table_by_bisect(x):
    k = bisect.bisect_right(_TEMPERATURES, x) - 1
    return _DENSITIES[k] + (x - _TEMPERATURES[k]) * (_DENSITIES[k + 1] - _DENSITIES[k])


def table_by_int(x):
    position = (x + 2.0) * 1.0
    k = int(position)
    share = position - k
    return (1.0 - share) * _DENSITIES[k] + share * _DENSITIES[k + 1]


def table_by_floor(x):
    k = math.floor(x)
    return (x - k) ** 2 * (k + 3)


def table_by_searchsorted(x):
    knots = np.array(_TEMPERATURES)
    values = np.array(_DENSITIES)
    k = int(np.searchsorted(knots, x)) - 1
    return values[k] + (x - knots[k]) * (values[k + 1] - values[k])


def income_tax(x):
    income, tax, lower = abs(x) * 2.0, 0.0, 0.0
    for upper, rate in _BRACKETS:
        if income > upper:
            tax += (upper - lower) * rate
            lower = upper
        else:
            tax += (income - lower) * rate
            break
    return tax


def while_doubling(x):
    value = abs(x)
    while value < 4.0:
        value = 2.0 * value
    return value


def collatz_like(x):
    value = x
    for _ in range(6):
        value = 0.5 * value if value > 1.0 else value * value + 0.3
    return value


def adaptive_step(x):
    time, state, step = 0.0, x, 0.3
    while time < 1.0:
        rate = -state + 0.1 * math.sin(time)
        if abs(rate) * step > 0.21:
            step = 0.5 * step
            continue
        state = state + step * rate
        time = time + step
    return state


def bouncing_ball(x):
    height, speed = 1.0 + 0.1 * x, 0.0
    for _ in range(30):
        speed -= 0.05 * 9.81
        height += 0.05 * speed
        if height < 0.0:
            height, speed = -height, -0.8 * speed
    return height


def clipped_by_hand(u):
    total = 0.0
    for e in u:
        total += 0.9 if e > 0.9 else (-0.9 if e < -0.9 else e)
    return total * total


def largest_by_scan(u):
    best = u[0]
    for e in u:
        if e > best:
            best = e
    return best * best


def position_of_largest(u, v):
    return v[np.argmax(u)] ** 2 + np.sum(u)


def count_above(u):
    count = 0
    for e in u:
        if e > 0.2:
            count += 1
    return np.sum(u * u) * (count + 1)


def insertion_sort(x, y, z):
    values = [x, y + 0.05, z * 1.01]
    for k in range(1, 3):
        j = k
        while j > 0 and values[j - 1] > values[j]:
            values[j - 1], values[j] = values[j], values[j - 1]
            j -= 1
    return values[0] + 2.0 * values[1] * values[2]


def chained_comparison(x):
    return x * x if -1.0 < x < 1.0 else 2.0 * abs(x) - 1.0


def guard_by_short_circuit(x):
    return 1.0 / x if x != 0.0 and abs(1.0 / x) < 9.0 else x


def piecewise_cubic_spline(x):
    q = abs(x) * 1.3
    if q < 1.0:
        return 1.0 - 1.5 * q**2 + 0.75 * q**3
    elif q < 2.0:
        return 0.25 * (2.0 - q) ** 3
    return 0.0 * q


def huber_loss(u):
    return sum(0.5 * r * r if abs(r) < 0.77 else 0.77 * (abs(r) - 0.385) for r in u)


def secant_until_small(x):
    a, b = 1.0, 2.0
    fa, fb = a**3 - x * x - 2.0, b**3 - x * x - 2.0
    while abs(fb) > 1e-12:
        a, b = b, b - fb * (b - a) / (fb - fa)
        fa, fb = fb, b**3 - x * x - 2.0
    return b


def golden_steps(x):
    low, high = -4.0, 4.0
    for _ in range(8):
        left = high - 0.618 * (high - low)
        right = low + 0.618 * (high - low)
        if (left - x) ** 2 < (right - x) ** 2:
            high = right
        else:
            low = left
    return 0.5 * (low + high) + x * x


def int_of_product(x, y):
    return int(x * y * 7.0) * x + y


def modulo_wrap(x):
    angle = (7.0 * x) % (2.0 * math.pi)
    return angle * angle


def wrap_by_loop(x):
    angle = 9.0 * x
    while angle > math.pi:
        angle -= 2.0 * math.pi
    while angle < -math.pi:
        angle += 2.0 * math.pi
    return angle**2


def max_iterations(x):
    value, count = x, 0
    while abs(value) > 1e-3 and count < 5:
        value = 0.3 * value
        count += 1
    return value * (1 + count)


TYPED = {"kepler_equation"}  # `+=` on a number or an array?

SETTINGS = {
    name: {"float32": False}
    for name in ("newton_root", "fixed_point", "kepler_equation", "secant_until_small")
}
