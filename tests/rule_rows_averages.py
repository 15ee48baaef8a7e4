"""Samples of the means and variances of the module `statistics`."""

from __future__ import annotations

import statistics

from rule_rows import Row, sample

import srcad.rules.averages  # noqa: F401  # declares them

ROWS: list[Row] = []

for fn in (
    statistics.mean, statistics.variance, statistics.pvariance, statistics.stdev,
    statistics.pstdev,
):  # fmt: skip
    ROWS += [Row(fn, (data,)) for data in (sample(4), [0.5, 1.5, 0.75], (0.5, 1.5, 0.75))]
