"""Means and variances of the module `statistics`; declared when one is first looked up."""

from __future__ import annotations

import functools
import statistics
from typing import Any

from srcad.ir.abstract import FLOAT, UNKNOWN, TupleOf, Type, join, kind_of
from srcad.pristine import np
from srcad.rules.arithmetic import array_of, elements, nonzero
from srcad.rules.inference import Call, constant_type
from srcad.rules.language import broadcast_like
from srcad.rules.registry import linear, rule
from srcad.rules.symbols import element_type


def _type(call: Call) -> Type:
    """That of the data."""
    t = call.types[0]
    parts = (t.elems or (UNKNOWN,)) if isinstance(t, TupleOf) else (element_type(t),)
    found = functools.reduce(join, parts)
    return FLOAT if kind_of(found) in ("i", "b") else found


def _mean_transpose(g: Any, data: Any) -> Any:
    parts = elements(data)
    if parts is None:
        return broadcast_like(g / np.size(array_of(data, g)), data)
    return [g / len(parts) for _ in parts]


def _deviations(data: Any, y: Any, sample: int) -> Any:
    """The deviations from the mean, by the degrees of freedom."""
    values = array_of(data, y)
    return (values - np.mean(values)) / (np.size(values) - sample)


def _as_data(bar: Any, data: Any) -> Any:
    parts = elements(data)
    return bar if parts is None else [bar[k] for k in range(len(parts))]


linear(statistics.mean, _mean_transpose, infer=_type)


def _variance(fn: Any, sample: int) -> None:
    @rule(fn, infer=_type)
    class _:
        @staticmethod
        def jvp(dots: Any, y: Any, data: Any) -> Any:
            return 2 * np.sum(_deviations(data, y, sample) * array_of(dots[0], y))

        @staticmethod
        def vjp(g: Any, y: Any, data: Any) -> Any:
            return (_as_data(2 * g * _deviations(data, y, sample), data),)


def _deviation(fn: Any, sample: int) -> None:
    @rule(fn, infer=constant_type(FLOAT))
    class _:
        @staticmethod
        def jvp(dots: Any, y: Any, data: Any) -> Any:
            return np.sum(_deviations(data, y, sample) * array_of(dots[0], y)) / nonzero(y)

        @staticmethod
        def vjp(g: Any, y: Any, data: Any) -> Any:  # 0 where all are equal, as that of abs
            return (_as_data(g / nonzero(y) * _deviations(data, y, sample), data),)


_variance(statistics.pvariance, 0)
_variance(statistics.variance, 1)
_deviation(statistics.pstdev, 0)
_deviation(statistics.stdev, 1)
