"""Samples of reductions, cumulative functions, differences and integrals."""

from __future__ import annotations

from typing import Any

import numpy as np
from rule_rows import Row, kwargs_product, sample

from srcad import runtime

ROWS: list[Row] = []

ARRAYS: list[Any] = [
    sample(5), sample(2, 3), sample(2, 3, 4), sample(3, 1), sample(1, 3, dtype="f4"),
]  # fmt: skip


def add(fn: Any, *args: Any, **options: Any) -> None:
    """One more row; `kwargs`, `argnums`, ... are fields of `Row`."""
    ROWS.append(Row(fn, args, **options))


def axes_of(array: np.ndarray) -> list[Any]:
    """Every kind of axis: left out, None, ints of both signs, tuples."""
    rank = array.ndim
    return [..., None, *range(rank), -1, *([(0, rank - 1), (-1, 0)] if rank > 1 else [(0,)])]


def reduction(fn: Any, keepdims: bool = True, tuples: bool = True, **more: Any) -> None:
    """`fn` over all axes of all arrays, with and without `keepdims`."""
    for array in ARRAYS:
        axes = [a for a in axes_of(array) if tuples or not isinstance(a, tuple)]
        for kwargs in kwargs_product(
            axis=axes, keepdims=(..., True) if keepdims else (...,), **more
        ):
            add(fn, array, kwargs=kwargs)
    add(fn, sample(3, dtype="f4"))
    add(fn, np.float64(1.5))


for fn in (np.sum, np.mean, np.prod, np.max, np.min, np.ptp, np.amax, np.amin):
    reduction(fn)
for fn in (np.var, np.std):
    reduction(fn, ddof=(...,))
    for kwargs in kwargs_product(axis=(..., 1, (0, 1)), ddof=(1, 0.5), keepdims=(..., True)):
        add(fn, sample(3, 4), kwargs=kwargs)
    add(fn, sample(3, 4), kwargs={"axis": 0, "correction": 1})
    add(fn, sample(3, 2) + 1j * sample(3, 2, seed=5), kwargs={"axis": 0})
for fn in (np.median, np.nanmedian):
    for array in (sample(5), sample(4, 3), sample(2, 3, 2), sample(4, dtype="f4")):
        for kwargs in kwargs_product(axis=axes_of(array), keepdims=(..., True)):
            plain = not isinstance(kwargs.get("axis"), tuple) and not kwargs.get("keepdims")
            add(fn, array, kwargs=kwargs, generic=plain)
add(np.sum, sample(3, dtype="f4"), kwargs={"dtype": "float64"})
add(np.mean, sample(3, 2, dtype="f4"), kwargs={"dtype": "float64", "axis": 0})
for fn in (np.sum, np.mean, np.prod, np.var, np.std, np.max, np.min, np.ptp, np.median):
    add(fn, [1.5, 2.5, 0.5])
    add(fn, 1.5)
    add(fn, np.array(1.5))
    add(fn, sample(4, dtype="f2"))
for fn in (np.cumsum, np.cumprod, np.diff, np.trapezoid, np.average):
    add(fn, [1.5, 2.5, 0.5])
    add(fn, sample(4, dtype="f2"))
for fn in (np.sum, np.prod):
    add(fn, sample(0))
    add(fn, sample(0, 3), kwargs={"axis": 0})
    add(fn, sample(0, 3), kwargs={"axis": 1, "keepdims": True})
    add(fn, sample(3) * (1 + 0.5j))
add(np.max, sample(3, 0), kwargs={"axis": 0})
add(np.mean, sample(3) * (1 + 0.5j))
for zeros in (
    np.array([2.0, 0.0, 3.0]),
    np.array([0.0, 2.0, 0.0]),
    np.array([[0.0, 1.0], [2.0, 0.0]]),
):
    add(np.prod, zeros)
    add(np.prod, zeros, kwargs={"axis": -1})
    add(np.cumprod, zeros)
    add(np.cumprod, zeros, kwargs={"axis": 0})
    add(runtime.products_of_others, zeros)

# -- cumulative functions

RUNNING: list[Any] = [np.cumsum, np.cumprod, np.nancumsum, np.nancumprod]
for fn in RUNNING:
    for array in (sample(5), sample(2, 3), sample(2, 1, 3), sample(3, dtype="f4"), sample(0, 2)):
        for axis in (..., None, *range(array.ndim), -1):
            add(fn, array, kwargs={} if axis is ... else {"axis": axis})
    add(fn, 1.5)
add(np.cumsum, sample(3, dtype="f4"), kwargs={"dtype": "float64"})
if hasattr(np, "cumulative_sum"):
    for fn in (np.cumulative_sum, np.cumulative_prod):
        add(fn, sample(4))
        add(fn, sample(2, 3), kwargs={"axis": 1})
for kwargs in kwargs_product(axis=(0, 1), reverse=(..., True)):
    add(runtime.delayed, sample(3, 4), kwargs={**kwargs, "first": 2.0})
    add(runtime.delayed, sample(3, 1, dtype="f4"), kwargs=kwargs)
    add(runtime.linear_recurrence, sample(3, 4), sample(3, 4, seed=1), kwargs=kwargs)
    add(runtime.linear_recurrence, sample(1, 3), sample(1, 3, seed=1), argnums=(1,), kwargs=kwargs)
for kwargs in kwargs_product(axis=(..., 0, -1, (0, 2), (1, 0, 2))):
    add(runtime.products_of_others, sample(2, 3, 2), kwargs=kwargs)

# -- NaN

HOLES = sample(3, 4)
HOLES[0, 1] = HOLES[2, 2] = HOLES[2, 3] = np.nan
for fn in (np.nansum, np.nanprod, np.nanmean, np.nanmax, np.nanmin, np.nanvar, np.nanstd):
    for array in (HOLES, HOLES.astype("f4"), sample(3, 1), np.array([1.5, np.nan, 0.5])):
        for kwargs in kwargs_product(axis=axes_of(array), keepdims=(..., True)):
            add(fn, array, kwargs=kwargs, warns=fn in (np.nanvar, np.nanstd))
for fn in (np.nanvar, np.nanstd):
    add(fn, HOLES, kwargs={"axis": 1, "ddof": 1})
    add(fn, HOLES, kwargs={"correction": 1})
for kwargs in kwargs_product(axis=(..., 0, 1)):
    add(np.nanmedian, HOLES, kwargs=kwargs)
    for fn in (np.nancumsum, np.nancumprod):
        add(fn, HOLES, kwargs=kwargs)

# -- averages, differences, integrals

for axis in (..., 0, 1, -1, (0, 1)):
    for keepdims in (..., True):
        (kwargs,) = kwargs_product(axis=(axis,), keepdims=(keepdims,))
        add(np.average, sample(3, 4), kwargs=kwargs)
        add(np.average, sample(3, 4), kwargs={**kwargs, "weights": sample(3, 4, seed=1)},
            generic=not isinstance(axis, int))  # fmt: skip
        if isinstance(axis, int):
            weights = sample((3, 4)[axis], seed=2)
            add(np.average, sample(3, 4), kwargs={**kwargs, "weights": weights},
                argnums=(0, "weights"), generic=False)  # fmt: skip
add(np.lexsort, sample(2, 4))
add(np.average, sample(3), kwargs={"weights": sample(3, seed=1)}, argnums=(0, "weights"))
add(np.average, sample(3, dtype="f4"), kwargs={"weights": np.array([1, 2, 3])})
for n in (..., 0, 1, 2, 3):
    for axis in (..., 0, 1, -1, -2):
        (kwargs,) = kwargs_product(n=(n,), axis=(axis,))
        add(np.diff, sample(4, 5), kwargs=kwargs)
add(np.diff, sample(3, dtype="f4"))
add(np.trapezoid, sample(4))
add(np.trapezoid, sample(4, dtype="f4"), kwargs={"dx": 0.5}, argnums=(0, "dx"))
add(np.trapezoid, sample(4), sample(4, seed=1))
for axis in (0, 1, -1, -2):
    add(np.trapezoid, sample(3, 4), kwargs={"axis": axis})
    add(np.trapezoid, sample(3, 4), sample(3, 4, seed=1), kwargs={"axis": axis}, generic=axis == -1)
    add(np.trapezoid, sample(3, 4), sample((3, 4)[axis], seed=1), kwargs={"axis": axis},
        generic=axis == -1)  # fmt: skip

# -- no derivative: only the types are checked

for fn in (np.all, np.any, np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.count_nonzero):
    for array in ARRAYS:
        for kwargs in kwargs_product(axis=(..., None, 0, -1), keepdims=(..., True)):
            add(fn, array, kwargs=kwargs)
    add(fn, [1.5, 2.5])
for axis in (..., None, 0, -1):
    add(np.argsort, sample(3, 4), kwargs={} if axis is ... else {"axis": axis})

add(runtime.sum_where, sample(2, 3), np.array([True, False, True]), argnums=(0,))
add(runtime.sum_where, sample(2, 3), sample(2, 3) > 0.0, kwargs={"axis": 1, "keepdims": True},
    argnums=(0,))  # fmt: skip
