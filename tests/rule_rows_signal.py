"""Samples of tables and signals: interp, quantiles, convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
from rule_rows import Row, kwargs_product, sample

from srcad import runtime

ROWS: list[Row] = []


def add(fn: Any, *args: Any, **options: Any) -> None:
    """One more row; `kwargs`, `argnums`, ... are fields of `Row`."""
    ROWS.append(Row(fn, args, **options))


GRID, TABLE = np.array([0.0, 0.5, 1.5, 2.0]), sample(4)
COMPLEX = sample(3) + 1j * sample(3, seed=1)
for x in (0.3, np.float32(0.3), np.array(0.3), sample(3), sample(2, 3), np.array([-1.0, 0.7, 5.0])):
    add(np.interp, x, GRID, TABLE)
add(np.interp, sample(3), list(GRID), tuple(TABLE), argnums=(0,))
add(np.interp, [0.3, 0.4], GRID, TABLE)
add(np.interp, sample(3), GRID[:2], TABLE[:2])
add(np.interp, 0.3, GRID[:1], TABLE[:1], argnums=(2,))
add(np.interp, 0.7, GRID, np.arange(4))
add(np.interp, 0.7, GRID, TABLE + 1j * TABLE[::-1])
for kw in ({"left": 2.0}, {"right": 3.0}, {"left": 2.0, "right": 3.0}, {"period": 4.5}):
    add(np.interp, np.array([-1.0, 0.7, 5.1]), GRID, TABLE, kwargs=kw)

for fn, half in ((np.quantile, 0.3), (np.percentile, 30.0)):
    add(fn, sample(5), half, argnums=(0,))
    add(fn, sample(5), half, argnums=(0, 1))
    add(fn, sample(3, 4), half, argnums=(0,))
    for axis in (0, 1, -1):
        add(fn, sample(3, 4), half, kwargs={"axis": axis}, argnums=(0,), generic=False)
        add(fn, sample(3, 4), np.array([half, 2 * half]), kwargs={"axis": axis}, argnums=(0,),
            generic=False)  # fmt: skip

SIZES = (4, 3), (3, 4), (5, 2), (2, 5), (4, 2), (2, 4), (3, 3), (1, 3), (3, 1), (1, 1)
for kw in kwargs_product(mode=(..., "full", "same", "valid")):
    for fn in (np.convolve, np.correlate):
        for m, n in SIZES:
            add(fn, sample(m), sample(n, seed=1), kwargs=kw)
        add(fn, sample(3, dtype="f4"), sample(2, seed=1, dtype="f4"), kwargs=kw)
        add(fn, sample(3), COMPLEX, kwargs=kw)
        add(fn, COMPLEX, 1j * COMPLEX[:2], kwargs=kw)
        add(fn, [1.0, 2.0], [0.5, 0.1, 0.7], kwargs=kw)

# Of numbers none of which is at an edge of a bin, and one outside of all bins. (The derivative of
# np.histogram itself is tested by tests/corpus: it has two results.)
COUNTED, WEIGHTS = np.array([0.1, 0.43, 0.2, 0.71, 0.95, 1.3, 2.4]), sample(7, seed=1)
EDGES = np.array([0.05, 0.4, 0.9, 2.0])
for kw in kwargs_product(density=(..., True), range=(..., (0.0, 2.0)), weights=(..., WEIGHTS)):
    add(np.histogram, COUNTED, 3, kwargs=kw, argnums=())
    add(np.histogram, COUNTED, EDGES, kwargs=kw, argnums=())
add(runtime.binned, WEIGHTS, COUNTED, EDGES, argnums=(0,))
add(runtime.of_bins, sample(3), COUNTED, EDGES, argnums=(0,))

# -- no derivative: only the types are checked

for x in (0.3, np.float32(0.3), sample(3), sample(2, 1)):
    add(np.digitize, x, GRID)
    add(np.digitize, x, GRID, kwargs={"right": True})
