"""Any order: loops, branches, stores, recursion and `while`, in every mix of modes, to order 6."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.ir.text import callees
from srcad.ir.values import walk


def forward(f: Any) -> Any:
    def tangent(x: Any) -> Any:
        return srcad.jvp(f, (x,), (1.0,))[1]

    return tangent


def reverse(f: Any) -> Any:
    return srcad.grad(f)


# ---------------------------------------------------------------------- programs of one number
def loop(x: Any) -> Any:
    total = 0.0
    power = 1.0
    for i in range(6):
        power = power * x
        if i % 2 == 0:
            total = total + power / (i + 1.0)
        else:
            total = total - power * power
    return total * math.sin(x)


def branches(x: Any) -> Any:
    y = x * x
    for i in range(4):
        if y > 1.5:
            y = y / (1.0 + x)
        elif y < 0.3:
            y = y + x * math.exp(-x)
        else:
            y = y * (1.2 + 0.1 * i)
    return y * y


def stores(x: Any) -> Any:
    a = np.zeros(5)
    a[0] = x
    for i in range(1, 5):
        a[i] = a[i - 1] * x + 0.1 * i
        a[i] *= 1.0 + 0.1 * a[0]
    a[1:4] = a[2:5] * a[0]
    return a[1] + a[3] * a[4]


def recursion(x: Any) -> Any:
    return _power(x, 7) + 0.5 * _power(x, 4)


def _power(x: Any, n: Any) -> Any:
    if n == 0:
        return 1.0
    if n % 2 == 1:
        return x * _power(x, n - 1)
    half = _power(x, n // 2)
    return half * half


def repeated(x: Any) -> Any:
    y, n = 1.0, 0
    while abs(y * y - x) > 1e-3 and n < 20:
        y = 0.5 * (y + x / y)
        n += 1
    return y * x


# The same on Taylor series, as reference: what the path at POINT computes.
POINT = 0.7
PROGRAMS: list[Callable[[Any], Any]] = [loop, branches, stores, recursion, repeated]


class Series:
    """A truncated Taylor series; comparisons look at the value."""

    order = 6

    def __init__(self, coefficients: list[float]) -> None:
        self.c = coefficients

    @classmethod
    def of(cls, value: Any) -> Series:
        if isinstance(value, Series):
            return value
        return cls([float(value), *[0.0] * cls.order])

    def __add__(self, other: Any) -> Series:
        return Series([a + b for a, b in zip(self.c, Series.of(other).c, strict=True)])

    def __neg__(self) -> Series:
        return Series([-a for a in self.c])

    def __sub__(self, other: Any) -> Series:
        return self + -Series.of(other)

    def __rsub__(self, other: Any) -> Series:
        return -self + other

    def __mul__(self, other: Any) -> Series:
        o = Series.of(other).c
        return Series(
            [sum(self.c[i] * o[k - i] for i in range(k + 1)) for k in range(self.order + 1)]
        )

    def __truediv__(self, other: Any) -> Series:
        o, out = Series.of(other).c, list[float]()
        for k in range(self.order + 1):
            out.append((self.c[k] - sum(out[i] * o[k - i] for i in range(k))) / o[0])
        return Series(out)

    def __rtruediv__(self, other: Any) -> Series:
        return Series.of(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __gt__(self, other: Any) -> bool:
        return self.c[0] > Series.of(other).c[0]

    def __lt__(self, other: Any) -> bool:
        return self.c[0] < Series.of(other).c[0]

    def __abs__(self) -> Series:
        return self if self.c[0] > 0 else -self

    def composed(self, derivatives: list[float]) -> Series:
        """f(self) from the derivatives of f at the value."""
        moved, power, out = Series([0.0, *self.c[1:]]), Series.of(1.0), Series.of(0.0)
        for k, d in enumerate(derivatives):
            out = out + power * (d / math.factorial(k))
            power = power * moved
        return out


class _Math:
    @staticmethod
    def sin(x: Series) -> Series:
        return x.composed([math.sin(x.c[0] + k * math.pi / 2) for k in range(7)])

    @staticmethod
    def exp(x: Series) -> Series:
        return x.composed([math.exp(x.c[0])] * 7)


class _Numpy:
    @staticmethod
    def zeros(n: int) -> Any:
        return np.array([Series.of(0.0) for _ in range(n)], object)


def derivatives(program: Any) -> list[float]:
    """The derivatives of a program at POINT, of orders 0 to 6, by Taylor arithmetic."""
    import types

    space = {**program.__globals__, "math": _Math, "np": _Numpy}
    on_series = types.FunctionType(program.__code__, space)
    found = Series.of(on_series(Series([POINT, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]))).c
    return [c * math.factorial(k) for k, c in enumerate(found)]


REFERENCE = {program: derivatives(program) for program in PROGRAMS}
MODES = {"f": forward, "r": reverse}
MIXES = [
    *("".join(mix) for n in (2, 3) for mix in itertools.product("fr", repeat=n)),
    "rrrr", "ffff", "rfrf", "frrf", "ffffr", "rffff", "fffffr", "ffffff",
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("mix", MIXES)
def test_derivative(program: Any, mix: str) -> None:
    """`mix` is read from the first derivative that is taken to the last."""
    f = program
    for mode in mix:
        f = MODES[mode](f)
    expected = REFERENCE[program][len(mix)]
    assert f(POINT) == pytest.approx(expected, rel=1e-9, abs=1e-9)


# ---------------------------------------------------------------------- growth
def size(derivative: Any) -> int:
    derivative(POINT)
    function = derivative.ir
    return sum(1 for f in (*callees(function), function) for _ in walk(f.body))


def test_operations_grow_at_most_geometrically() -> None:
    """Each order makes the program at most four times as long."""
    f: Any = loop
    sizes = []
    for _ in range(4):
        f = srcad.grad(f)
        sizes.append(size(f))
    assert all(after <= 4 * before for before, after in itertools.pairwise(sizes)), sizes
