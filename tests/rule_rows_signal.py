"""Samples of tables and signals: interp, quantiles, convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
from rule_rows import Row, sample

from srcad import runtime

ROWS: list[Row] = []


def add(fn: Any, *args: Any, **options: Any) -> None:
    """One more row; `kwargs`, `argnums`, ... are fields of `Row`."""
    ROWS.append(Row(fn, args, **options))


KNOTS = np.array([-1.3, -0.2, 0.4, 1.5])
for point in (0.1, np.float64(-0.7), np.array([-2.0, -0.5, 0.7, 2.0]), np.array([[0.3], [1.1]])):
    add(np.interp, point, KNOTS, sample(4), argnums=(0, 1, 2))
add(np.interp, np.array([-2.0, 0.1, 2.0]), KNOTS, sample(4), kwargs={"left": 0.5, "right": -0.5},
    argnums=(0, 2))  # fmt: skip
add(np.interp, 0.3, np.array([0.2]), np.array([1.7]), argnums=(2,))

for fn, half in ((np.quantile, 0.3), (np.percentile, 30.0)):
    add(fn, sample(5), half, argnums=(0,))
    add(fn, sample(5), half, argnums=(0, 1))
    add(fn, sample(3, 4), half, argnums=(0,))
    for axis in (0, 1, -1):
        add(fn, sample(3, 4), half, kwargs={"axis": axis}, argnums=(0,), generic=False)
        add(fn, sample(3, 4), np.array([half, 2 * half]), kwargs={"axis": axis}, argnums=(0,),
            generic=False)  # fmt: skip

for mode in (..., "full", "same", "valid"):
    kwargs = {} if mode is ... else {"mode": mode}
    for n, m in ((4, 3), (4, 2), (3, 5), (2, 5), (3, 3), (1, 4)):
        add(np.convolve, sample(n), sample(m, seed=1), kwargs=kwargs)
        add(np.correlate, sample(n), sample(m, seed=1), kwargs=kwargs)
add(np.convolve, sample(4, dtype="f4"), sample(2, dtype="f4", seed=1))
add(runtime.convolve_vjp, sample(5), sample(2, seed=1), sample(4), kwargs={"mode": "full"},
    argnums=(0, 1))  # fmt: skip
