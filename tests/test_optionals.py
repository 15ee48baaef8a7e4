"""Names that are None on some paths: what happens where they are used and None after all.

The corpus (`optionals`) has the derivatives.
"""

from __future__ import annotations

import pytest

import srcad
from srcad.errors import UnsupportedSyntaxError


def above_one(x):
    if x > 1.0:
        return x * x


def used_without_a_test(x):
    y = above_one(x)
    return y * 2.0


def no_result(x):
    for k in range(3):
        if x < k:
            return x * k


def wanted_error(x):
    y = above_one(x)
    try:
        return y + 1.0
    except TypeError as error:
        print(error)
        return x


def with_a_test(x):
    y = above_one(x)
    if y is not None:
        return y * 3.0
    return x


@pytest.mark.parametrize("fn, x", [(used_without_a_test, 0.5), (no_result, 7.0)])
def test_none_raises_at_run_time(fn, x):
    for derivative in (srcad.grad(fn), srcad.value_and_grad(fn)):
        with pytest.raises(TypeError, match="is None here"):
            derivative(x)
    with pytest.raises(TypeError, match="is None here"):
        srcad.jvp(fn, (x,), (1.0,))


def test_values_are_used_where_there_are_some():
    assert srcad.grad(used_without_a_test)(2.0) == 8.0
    assert srcad.grad(no_result)(1.5) == 2.0


def test_a_tested_name_is_not_tested_again():
    assert "raise" not in srcad.source(with_a_test, types="x: float")
    assert "raise" in srcad.source(used_without_a_test, types="x: float")


def test_a_handler_that_wants_the_error_is_refused():
    with pytest.raises(UnsupportedSyntaxError, match="`y` may be None here"):
        srcad.grad(wanted_error)(2.0)
