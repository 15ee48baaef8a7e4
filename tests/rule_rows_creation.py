"""Samples of the functions that make arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from rule_rows import Row, kwargs_product, sample

ROWS: list[Row] = []


def add(fn: Any, *args: Any, **options: Any) -> None:
    """One more row; `kwargs`, `argnums`, ... are fields of `Row`."""
    ROWS.append(Row(fn, args, **options))


for value in (1.5, np.float32(1.5), np.array(1.5), sample(3), sample(2, 1, dtype="f4")):
    add(np.full, (2, 3), value)
    add(np.full, (2, 3), value, kwargs={"dtype": np.float64})
    add(np.full_like, sample(2, 3), value, argnums=(1,))
    add(np.full_like, sample(2, 3, dtype="f4"), value, argnums=(1,), rtol=1e-3, order=1)
add(np.full, 4, 1.5)
add(np.full, 1, 1.5)
add(np.full, (), 1.5)
add(np.full_like, [1, 2], 1.5, kwargs={"dtype": float, "shape": (1, 3)})

for kw in kwargs_product(endpoint=(..., False), dtype=(..., np.float64)):
    add(np.linspace, 0.5, 1.5, 4, kwargs=kw)
    add(np.linspace, sample(3), 1.5, 2, kwargs=kw)
add(np.linspace, 0.5, 1.5)
add(np.linspace, 0.5, 1.5, kwargs={"num": 3})
add(np.linspace, 0.5, 1, 1)
add(np.linspace, np.float32(0.5), np.float32(1.5), 3)
add(np.linspace, np.float32(0.5), 1.5, 3)
add(np.linspace, sample(3, dtype="f4"), sample(2, 1), 3)
for axis in (0, 1, -1):
    add(np.linspace, sample(3), sample(2, 3, seed=1), 4, kwargs={"axis": axis})

add(np.arange, 3.2)
add(np.arange, 0.5, 3.2)
add(np.arange, 0.5, 3.2, 0.7)
add(np.arange, np.float32(0.5), 3.2, np.float32(0.7))
add(np.arange, 0.5, 0.2)

for kw in kwargs_product(increasing=(..., True)):
    add(np.vander, sample(3), kwargs=kw)
    add(np.vander, sample(3), 4, kwargs=kw)
    add(np.vander, sample(1), 3, kwargs=kw)
    add(np.vander, sample(3), 1, kwargs=kw)
    add(np.vander, sample(2, dtype="f4"), 3, kwargs=kw)
    add(np.vander, [0.0, 1.5], 3, kwargs=kw)
    add(np.vander, np.array([1.0 + 2.0j, 0.5j]), 3, kwargs=kw)

# -- no derivative: only the types are checked

for fn in (np.zeros, np.ones, np.empty):
    for shape in (3, 1, (2, 3), (), (1, 0)):
        add(fn, shape)
        add(fn, shape, kwargs={"dtype": np.float32})
for fn in (np.zeros_like, np.ones_like, np.empty_like):
    for x in (1.5, np.float32(1.5), sample(3), sample(2, 1, dtype="f4"), [1.5, 2.5], (1, 2.5)):
        add(fn, x)
        add(fn, x, kwargs={"dtype": "complex64", "shape": (2, 1)})
for fn in (np.eye, np.tri):
    add(fn, 3)
    add(fn, 1, kwargs={"dtype": np.float32})
    add(fn, 3, 2)
    add(fn, 3, 1, kwargs={"k": -1})
add(np.identity, 3)
for parts in ((2,), (1, 3), (None, 3, 2)):
    add(slice, *parts)
