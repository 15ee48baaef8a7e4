"""Types that rules infer are those of the values that come out."""

from __future__ import annotations

import numpy as np
import pytest

import srcad
from srcad import runtime
from srcad.ir.abstract import UNKNOWN, Array, type_of_value
from srcad.ir.build import Builder
from srcad.ir.values import Const, Value
from srcad.rules.symbols import apply, getitem_operands
from srcad.testing import assert_close

VECTOR = np.arange(1.0, 4.0)
ZERO_D = np.array(2.0)
VALUES = [2.0, 3, True, 2j, np.float64(2.0), np.float32(2.0), ZERO_D]


@pytest.mark.parametrize("g", VALUES, ids=lambda v: f"{type(v).__name__}")
@pytest.mark.parametrize("like", [2.0, np.float64(1.0), VECTOR, np.ones((2, 3))], ids=np.shape)
def test_broadcast_like(g, like):
    operands = [Value(type_of_value(v), "v") for v in (g, like)]
    inferred = apply(Builder(), runtime.broadcast_like, operands).type
    assert inferred == type_of_value(runtime.broadcast_like(g, like))


def test_broadcast_like_something_of_unknown_rank():
    number = Value(type_of_value(2.0), "g")
    for t in (UNKNOWN, Array("float64", None)):
        inferred = apply(Builder(), runtime.broadcast_like, [number, Value(t, "x")]).type
        assert inferred == Array(None, None)  # 2.0 for a number, else an array


@pytest.mark.parametrize("x", [np.float64(2.0), ZERO_D, VECTOR], ids=["item", "0-d", "1-d"])
def test_astype(x):
    operand = Value(type_of_value(x), "x")
    inferred = apply(Builder(), runtime.astype, [operand], {"dtype": "float32"}).type
    assert inferred == type_of_value(x.astype("float32"))


INDICES = [(True,), (False,), (True, 0), (0, True), (np.True_,), (np.array(True),), (None, True),
           (slice(None), True), (Ellipsis, True)]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("known", [True, False])
def test_indices_with_a_bool(index, known):
    parts = []
    for part in index:
        constant = part is None or part is Ellipsis or isinstance(part, slice)
        parts.append(
            Const.of(part) if constant or (known and type(part) in (bool, int))
            else Value(type_of_value(part), "i")
        )  # fmt: skip
    inferred = getitem_operands(Builder(), Value(type_of_value(VECTOR), "x"), parts).type
    assert inferred.dtype == "float64"
    assert len(inferred.dims) == np.ndim(VECTOR[index])


def chosen(x, flag):
    return np.sum(x[flag] * x)


@pytest.mark.parametrize("options", [{}, {"generic": True}, {"optimize": False}])
@pytest.mark.parametrize("flag", [True, False])
def test_gradient_through_a_bool_index(flag, options):
    assert_close(srcad.grad(chosen, **options)(VECTOR, flag), 2.0 * VECTOR * flag)
