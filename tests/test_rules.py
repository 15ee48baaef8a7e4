"""Every row of the rule table: inferred types, derivatives against differences; and, at the
points where differences say nothing, the conventions and the exactness of the rules."""

from __future__ import annotations

import importlib
import math
import operator
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rule_engine import application, check_row, check_type, forward, reverse, run
from rule_rows import Row

from srcad import runtime
from srcad.errors import MissingRuleError
from srcad.ir.abstract import Array
from srcad.ir.text import function_name
from srcad.rules.registry import TABLE

FAMILIES = sorted(path.stem for path in Path(__file__).parent.glob("rule_rows_*.py"))
ROWS: list[Row] = [row for name in FAMILIES for row in importlib.import_module(name).ROWS]
DIFFERENTIABLE = [r for r in ROWS if TABLE[r.fn].form != "zero" and r.argnums != ()]


# Helpers on lists of unknown length, and on errors: programs of the corpus (containers_lists,
# containers_loops, handlers) test them in every mode; a row has no such operands.
BY_PROGRAMS = {
    list.count, list.index, runtime.add_entry, runtime.add_tables, runtime.entry_of,
    runtime.keys_of, runtime.share_parts, runtime.slice_bounds, runtime.without,
    runtime.add_element, runtime.appended, runtime.as_list, runtime.error_of,
    runtime.error_with,
    runtime.floats, runtime.joined, runtime.list_like,
    runtime.popped, runtime.put_slice, runtime.raises, runtime.repeated, runtime.sorting_order,
    runtime.sum_repeats, runtime.with_last, runtime.zeros_parts, np.ndarray.tolist,
}  # fmt: skip


def test_every_function_of_the_table_has_a_row() -> None:
    sampled = {row.fn for row in ROWS} | BY_PROGRAMS
    missing = sorted(function_name(fn) for fn in TABLE if fn not in sampled)
    assert missing == []


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_inferred_type(row: Row) -> None:
    check_type(row)


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=str)
def test_derivatives(row: Row) -> None:
    check_row(row)


def gradient(fn: Any, *args: Any, seed: Any = None, **kwargs: Any) -> Any:
    """The cotangents of all float arguments for a seed of ones, without a warning or an error."""
    results = []
    for typed in (True, False):
        program, values, active = application(Row(fn, args, kwargs), typed)
        y = run(program, values)
        g = np.ones_like(y)[()] if seed is None else seed
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            results.append(run(reverse(program, active, g, typed), [*values, g]))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)
    return results[0] if len(results[0]) > 1 else results[0][0]


def second_derivative(fn: Any, x: float) -> float:
    """The derivative of the derivative of a function of one number."""
    program, values, active = application(Row(fn, (x,)), True)
    adjoint = reverse(program, active, 1.0, True)
    return float(run(forward(adjoint, [0], True), [*values, 1.0, 1.0])[0])


class TestConventionsAtKinks:
    @pytest.mark.parametrize("fn", [abs, operator.abs, np.absolute, np.fabs, math.fabs])
    @pytest.mark.parametrize("zero", [0.0, -0.0])
    def test_absolute_value_at_zero(self, fn: Any, zero: float) -> None:
        assert gradient(fn, zero) == 0.0
        assert second_derivative(fn, zero) == 0.0

    @pytest.mark.parametrize("fn", [max, min, np.maximum, np.minimum, np.fmax, np.fmin])
    def test_two_ties_share(self, fn: Any) -> None:
        assert [float(v) for v in gradient(fn, 2.0, 2.0)] == [0.5, 0.5]

    @pytest.mark.parametrize("fn", [max, min])
    def test_three_ties_share(self, fn: Any) -> None:
        np.testing.assert_allclose(gradient(fn, 2.0, 2.0, 2.0), [1 / 3] * 3)
        assert gradient(fn, [2.0, 2.0]).tolist() == [0.5, 0.5]

    @pytest.mark.parametrize(("fn", "other"), [(np.max, 1.0), (np.min, 3.0)])
    def test_ties_in_reductions_share(self, fn: Any, other: float) -> None:
        assert gradient(fn, np.array([other, 2.0, 2.0])).tolist() == [0.0, 0.5, 0.5]
        rows = np.array([[2.0, 2.0, other], [2.0, other, other]])
        expected = [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]
        for kwargs in ({"axis": 1}, {"axis": -1, "keepdims": True}):
            assert gradient(fn, rows, **kwargs).tolist() == expected
            bar = gradient(fn, rows.astype("f4"), **kwargs)
            assert bar.tolist() == expected and bar.dtype == np.float32

    def test_infinities_tie(self) -> None:
        x = np.array([-np.inf, -np.inf, 1.0])
        first, second = gradient(np.maximum, x, np.array([-np.inf, 0.0, -np.inf]))
        assert first.tolist() == [0.5, 0.0, 1.0]
        assert second.tolist() == [0.5, 1.0, 0.0]

    def test_clip_at_its_bounds(self) -> None:
        x = np.array([0.0, 1.0, 1.5, 2.0, 3.0])
        a, low, high = gradient(np.clip, x, 1.0, 2.0)
        assert a.tolist() == [0.0, 0.5, 1.0, 0.5, 0.0]
        assert (low, high) == (1.5, 1.5)

    def test_an_infinite_cotangent_does_not_reach_the_loser(self) -> None:
        seed = np.array([np.inf, 1.0])
        first, _ = gradient(np.maximum, np.array([1.0, 5.0]), np.array([2.0, 0.0]), seed=seed)
        assert first.tolist() == [0.0, 1.0]

    def test_the_winner_over_nan(self) -> None:
        first, second = gradient(np.fmax, np.array([np.nan, 1.0]), np.array([2.0, np.nan]))
        assert first.tolist() == [0.0, 1.0]
        assert second.tolist() == [1.0, 0.0]

    @pytest.mark.parametrize("fn", [np.hypot, math.hypot])
    def test_hypot_at_the_origin(self, fn: Any) -> None:
        assert [float(v) for v in gradient(fn, 0.0, 0.0)] == [0.0, 0.0]

    def test_distance_of_a_point_from_itself(self) -> None:
        assert gradient(math.dist, np.ones(2), np.ones(2))[0].tolist() == [0.0, 0.0]

    def test_deviation_of_equal_numbers(self) -> None:
        assert gradient(np.std, np.full(3, 2.0)).tolist() == [0.0, 0.0, 0.0]
        assert gradient(np.std, np.array([[1.0, 1.0], [1.0, 3.0]]), axis=1).tolist() == [
            [0.0, 0.0], [-0.5, 0.5],
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "fn", [np.floor, np.rint, np.argmax, np.less, operator.floordiv, round]
    )
    def test_steps_carry_no_derivative(self, fn: Any) -> None:
        assert not TABLE[fn].is_active(0)

    def test_sign_is_flat(self) -> None:
        assert gradient(np.sign, 0.0) == 0.0
        assert gradient(np.sign, np.array([-1.0, 0.0, 2.0])).tolist() == [0.0, 0.0, 0.0]


class TestPowers:
    @pytest.mark.parametrize("fn", [operator.pow, np.power])
    @pytest.mark.parametrize(
        ("x", "y", "expected"),
        [(0.0, 2.0, 0.0), (0.0, 1.0, 1.0), (0.0, 0.0, 0.0), (-2.0, 3.0, 12.0), (-2.0, 0.0, 0.0)],
    )
    def test_in_the_base(self, fn: Any, x: float, y: float, expected: float) -> None:
        assert gradient(fn, x, y)[0] == expected

    @pytest.mark.parametrize("fn", [operator.pow, np.power, math.pow])
    @pytest.mark.parametrize("x", [0.0, -2.0])
    def test_in_the_exponent_where_there_is_no_logarithm(self, fn: Any, x: float) -> None:
        assert gradient(fn, x, 2.0)[1] == 0.0

    def test_complex_bases_have_logarithms(self) -> None:
        z = np.array([-2.0 + 0.0j, 1j])
        bar = gradient(np.power, z, np.array([2.0 + 0j, 2.0]))[1]
        np.testing.assert_allclose(bar, z**2 * np.log(z))

    def test_constant_exponents_take_no_logarithm(self) -> None:
        program, _, active = application(
            Row(operator.pow, (np.array([-1.0, 0.0]), 3), constants=(1,)), True
        )
        ops = reverse(program, active, np.ones(2), True).ops
        assert {op.attrs.get("fn") for op in ops}.isdisjoint({np.log, math.log})


class TestExtremeArguments:
    def test_logarithms_of_zero_probability(self) -> None:
        x = np.array([-np.inf, -np.inf, 0.0, 800.0])
        first, second = gradient(np.logaddexp, x, np.array([-np.inf, 1.0, -np.inf, -800.0]))
        assert first.tolist() == [0.0, 0.0, 1.0, 1.0]
        assert second.tolist() == [0.0, 1.0, 0.0, 0.0]

    @pytest.mark.parametrize(
        ("fn", "x", "expected"),
        [
            (np.expm1, -40.0, math.exp(-40.0)), (math.expm1, -40.0, math.exp(-40.0)),
            (np.arcsinh, 1e200, 1e-200), (math.asinh, -1e200, 1e-200),
            (np.arccosh, 1e200, 1e-200), (np.tanh, 400.0, 0.0), (np.cbrt, 1e-300, 1e200 / 3),
            (np.arcsin, 1 - 1e-12, 1 / math.sqrt(2e-12)), (np.log1p, 1e-20, 1.0),
            (math.erf, 1e200, 0.0), (math.lgamma, 1e15, math.log(1e15)),
        ],
    )  # fmt: skip
    def test_value(self, fn: Any, x: float, expected: float) -> None:
        assert gradient(fn, x) == pytest.approx(expected, rel=1e-4 if x == 1 - 1e-12 else 1e-13)

    def test_long_and_short_sides(self) -> None:
        assert gradient(np.hypot, 3e200, 4e200) == pytest.approx([0.6, 0.8])
        assert gradient(np.hypot, 3e-200, 4e-200) == pytest.approx([0.6, 0.8])
        assert gradient(np.arctan2, 3e200, 4e200) == pytest.approx([1.6e-201, -1.2e-201])

    @pytest.mark.parametrize(("x", "y"), [(1.0, 0.1), (0.3, 0.1), (-0.7, 0.1)])
    def test_the_quotient_of_a_remainder_is_an_integer(self, x: float, y: float) -> None:
        for fn in (np.fmod, math.fmod, math.remainder, operator.mod):
            quotient = -gradient(fn, x, y)[1]
            assert quotient == int(quotient)
            assert x - quotient * y == pytest.approx(fn(x, y), abs=1e-15)

    def test_root_at_zero_is_steep(self) -> None:
        program, values, active = application(Row(np.sqrt, (np.zeros(2),)), True)
        with np.errstate(divide="ignore"):
            (bar,) = run(reverse(program, active, np.ones(2), True), [*values, np.ones(2)])
        assert bar.tolist() == [np.inf, np.inf]

    def test_nan_stays_nan(self) -> None:
        for fn in (np.sin, np.exp, np.absolute, np.sqrt, np.square):
            assert np.isnan(gradient(fn, np.array([np.nan]))).all()


class TestProductsWithZeros:
    @pytest.mark.parametrize(
        ("x", "expected"),
        [([2.0, 0.0, 3.0], [0.0, 6.0, 0.0]), ([0.0, 0.0, 3.0], [0.0, 0.0, 0.0])],
    )
    def test_product(self, x: list[float], expected: list[float]) -> None:
        assert gradient(np.prod, np.array(x)).tolist() == expected
        assert gradient(math.prod, x).tolist() == expected

    def test_cumulative_product(self) -> None:
        x = np.array([2.0, 0.0, 3.0])
        assert gradient(np.cumprod, x).tolist() == [1.0, 8.0, 0.0]


def is_narrow(row: Row) -> bool:
    """Whether the row computes from float32 to float32, with an array among its arguments."""
    data = [*row.args, *row.kwargs.values()]
    arrays = [a for a in data if isinstance(a, (np.ndarray, np.generic))]
    if not any(a.shape for a in arrays) or any(a.dtype != np.float32 for a in arrays):
        return False
    results = row.fn(*row.args, **row.kwargs)
    results = results if isinstance(results, (tuple, list)) else [results]
    return all(getattr(y, "dtype", None) != np.dtype(float) for y in results)


@pytest.mark.parametrize("row", [r for r in DIFFERENTIABLE if is_narrow(r)], ids=str)
def test_float32_is_never_widened(row: Row) -> None:
    """No array in the whole derivative is of a wider type (C5)."""
    program, values, active = application(row, True)
    y = run(program, values)
    seeds = [np.ones_like(v) for v in y] if isinstance(y, (tuple, list)) else [np.ones_like(y)[()]]
    adjoint = reverse(program, active, seeds if isinstance(y, (tuple, list)) else seeds[0], True)
    for op in adjoint.ops:
        t = op.result.type
        wide = isinstance(t, Array) and not t.item and t.dtype in ("float64", "complex128")
        assert not wide, f"{op.attrs.get('fn')}: {t}"
    for bar, i in zip(run(adjoint, [*values, *seeds]), active, strict=True):
        assert not isinstance(values[i], np.ndarray) or bar.dtype == np.float32


class TestRefusals:
    """A keyword that a rule does not know is an error that names it, never ignored (C13)."""

    X = np.ones((2, 2))

    @pytest.mark.parametrize(
        ("fn", "kwargs"),
        [
            (np.sum, {"where": X > 0}), (np.sum, {"initial": 1.0}), (np.sum, {"out": X}),
            (np.max, {"initial": 1.0}), (np.prod, {"initial": 2.0}), (np.mean, {"where": X > 0}),
            (np.var, {"mean": X}), (np.exp, {"out": X}), (np.exp, {"where": X > 0}),
            (np.median, {"overwrite_input": True}),
            (np.diff, {"prepend": 0.0}), (np.nan_to_num, {"copy": False}), (max, {"key": abs}),
            (max, {"default": 0.0}),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else value.__name__,
    )  # fmt: skip
    def test_keyword(self, fn: Any, kwargs: dict[str, Any]) -> None:
        with pytest.raises(MissingRuleError, match=next(iter(kwargs))):
            application(Row(fn, (self.X,), kwargs), True)

    def test_power_modulo(self) -> None:
        with pytest.raises(MissingRuleError, match="mod"):
            application(Row(pow, (2.0, 3.0, 5.0)), True)

    def test_reduction_method_of_a_ufunc(self) -> None:
        with pytest.raises(MissingRuleError, match="reduce"):
            application(Row(np.add.reduce, (self.X,)), True)
