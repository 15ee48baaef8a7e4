"""Every row of the rule table: inferred types, values of derivatives, conventions at kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rule_rows_elementwise
import rule_rows_reductions
from rule_engine import check_row, check_type
from rule_rows import Row

from srcad.ir.text import function_name
from srcad.rules.registry import TABLE

ROWS: list[Row] = [*rule_rows_elementwise.ROWS, *rule_rows_reductions.ROWS]
DIFFERENTIABLE = [row for row in ROWS if TABLE[row.fn].form != "zero"]


def test_every_function_of_the_table_has_a_row() -> None:
    sampled = {row.fn for row in ROWS}
    missing = sorted(function_name(fn) for fn in TABLE if fn not in sampled)
    assert missing == []


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_inferred_type(row: Row) -> None:
    check_type(row)


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=str)
def test_derivatives(row: Row) -> None:
    check_row(row)
