"""Samples of NumPy's classes of numbers, called as functions."""

from __future__ import annotations

import numpy as np
from rule_rows import Row, sample

from srcad.rules.numbers import CONTINUOUS, DISCRETE

ROWS: list[Row] = []
VALUES = (1.5, np.float32(1.5), np.array(1.5), sample(3), sample(2, 1, dtype="f4"), [0.5, 1.5])

for value in VALUES:
    ROWS.append(Row(np.float64, (value,)))
    ROWS += [Row(kind, (value,), argnums=()) for kind in (*CONTINUOUS, *DISCRETE)]
    ROWS.append(Row(np.float32, (value,), order=1, rtol=1e-3))
