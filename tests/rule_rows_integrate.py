"""Samples of SciPy's functions that call a function of the user's."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

from rule_rows import Row

ROWS: list[Row] = []


def decaying(t: float, a: float, b: float) -> float:
    return math.exp(-a * t) * math.sin(b * t + t * t)


def cubic(x: float, a: float, b: float) -> float:
    return x**3 + a * x - b


if importlib.util.find_spec("scipy") is not None:
    from scipy import integrate, optimize

    from srcad.rules import integrate as rules

    def add(fn: Any, *args: Any, **options: Any) -> None:
        ROWS.append(Row(fn, args, name=f"{fn.__name__}({len(ROWS)})", **options))

    PAIR = (0.7, 1.1)
    BOUNDS = {"a": 0.1, "b": 1.3, "args": PAIR}
    for fn in (integrate.quad, rules.integral):
        add(fn, kwargs={**BOUNDS, "func": decaying}, argnums=("a", "b", "args"))
    add(rules.integral, 0.1, 1.3, PAIR, kwargs={"func": decaying, "orders": (1,)})
    add(rules.partial_derivative, 0.4, PAIR, kwargs={"func": decaying, "orders": (1,)})
    for fn in (
        optimize.brentq, optimize.brenth, optimize.bisect, optimize.ridder, optimize.toms748,
    ):  # fmt: skip
        bracket = {"a": 0, "b": 10, "args": PAIR, "f": cubic, "xtol": 1e-14}
        add(fn, kwargs=bracket, argnums=("args",))
    add(optimize.newton, kwargs={"x0": 1, "args": PAIR, "func": cubic}, argnums=("args",))
