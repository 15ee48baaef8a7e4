"""Samples of the functions of `scipy.linalg`, where SciPy is installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from rule_rows import Row, sample

ROWS: list[Row] = []
if importlib.util.find_spec("scipy") is not None:
    from scipy import linalg

    from srcad.rules.registry import lookup

    lookup(linalg.inv)  # declares the rules

    SQUARE = sample(3, 3) + 2 * np.eye(3)
    SYMMETRIC = SQUARE @ SQUARE.T
    RIGHT, RIGHTS = sample(3, seed=1), sample(3, 2, seed=1)

    def add(fn: Any, *args: Any, **options: Any) -> None:
        ROWS.append(Row(fn, args, **options))

    for fn in (linalg.inv, linalg.det, linalg.pinv, linalg.svdvals):
        add(fn, SQUARE)
    add(linalg.expm, SQUARE / 4, generic=False)
    for fn in (linalg.eigvalsh, linalg.cholesky):
        add(fn, SYMMETRIC, generic=False)
        add(fn, SYMMETRIC, kwargs={"lower": fn is linalg.cholesky}, generic=False)
    for right in (RIGHT, RIGHTS):
        add(linalg.solve, SQUARE, right, generic=False)
        add(linalg.solve_triangular, SQUARE, right, generic=False)
        add(linalg.solve_triangular, SQUARE, right, kwargs={"lower": True}, generic=False)
        add(linalg.solve_triangular, SQUARE, right, kwargs={"trans": 1}, generic=False)
    for order in (None, 2, 3, 1):
        add(linalg.norm, RIGHT, kwargs={"ord": order}, argnums=(0,))
        add(linalg.norm, SQUARE, kwargs={"ord": order, "axis": 1}, argnums=(0,))
    add(linalg.norm, SQUARE)
    add(linalg.norm, RIGHT, 2.5, generic=False)
