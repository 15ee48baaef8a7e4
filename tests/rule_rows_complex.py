"""Samples of the functions of `cmath`."""

from __future__ import annotations

import cmath

from rule_rows import Row

ROWS: list[Row] = []

for fn in (
    cmath.exp, cmath.log, cmath.log10, cmath.sqrt, cmath.sin, cmath.cos, cmath.tan, cmath.sinh,
    cmath.cosh, cmath.tanh, cmath.asin, cmath.acos, cmath.atan, cmath.asinh, cmath.acosh,
    cmath.atanh,
):  # fmt: skip
    ROWS += [Row(fn, (0.4 + 0.3j,)), Row(fn, (0.4,))]
ROWS += [Row(cmath.log, (0.4 + 0.3j, 3.0)), Row(cmath.sqrt, (-2.0,)), Row(cmath.acos, (1.7,))]
ROWS += [Row(fn, (0.4 + 0.3j,), argnums=()) for fn in (cmath.isnan, cmath.isinf, cmath.isfinite)]
ROWS.append(Row(cmath.isclose, (0.4 + 0.3j, 0.5), argnums=()))
