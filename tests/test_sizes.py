"""Functions that are lowered for the sizes of their arguments, since types do not suffice."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import srcad
from srcad import errors
from srcad.parser.calls.callees import CalleeLowering
from srcad.testing import assert_close, check_grads, numerical_jvp


def unpacked(u):
    first, *rest = u
    return first * sum(rest)


def unpacked_keyword(weights, x):
    first, *rest = weights["w"]
    return first * x + len(rest) * x


def powers(x, n):
    table = {}
    for i in range(n):
        table[i] = x**i
    return sum(table.values())


def swapped(values):
    a, *rest = values
    return a * rest[0] * rest[-1]


def positive_ends(u):
    first, *_, last = list(u[u > 0.0])
    return first * last


def flattened(a, x):
    v = a.reshape(-1)[2:5]
    a[0, 2] = x * a[1, 1]
    v[1] += x
    a[1] *= v[0]
    return np.sum(np.sin(v)) * np.sum(a * a)


def test_each_size_has_code_of_its_own():
    df = srcad.grad(unpacked)
    assert_close(df(np.array([2.0, 3.0, 4.0])), np.array([7.0, 2.0, 2.0]))
    assert_close(df(np.array([2.0, 3.0])), np.array([3.0, 2.0]))
    assert_close(df(np.array([2.0, 3.0, 5.0])), np.array([8.0, 2.0, 2.0]))
    assert len(df.signatures) == 2


def test_sizes_within_containers_are_checked():
    df = srcad.grad(unpacked_keyword, argnums="x")
    assert_close(df({"w": np.array([2.0, 3.0, 4.0])}, 1.5), 4.0)
    assert_close(df({"w": np.array([2.0, 3.0])}, 1.5), 3.0)


def test_integers_are_taken_by_value():
    df = srcad.grad(powers)
    assert_close(df(2.0, 3), 5.0)
    assert_close(df(2.0, 4), 17.0)
    assert_close(df(2.0, 0), 0.0)


def test_lists_are_their_elements():
    df = srcad.grad(swapped)
    assert_close(df([2.0, 3.0, 4.0]), [12.0, 8.0, 6.0])
    assert_close(df([2.0, 3.0]), [9.0, 12.0])
    check_grads(swapped, ([2.0, 3.0, 4.0],), order=2)


def test_what_is_not_decided_by_sizes_is_refused_for_the_reason_that_types_give():
    with pytest.raises(errors.UnsupportedSyntaxError, match="needs a tuple of known length"):
        srcad.grad(positive_ends)(np.array([3.0, 1.0]))


def test_too_many_turns_are_refused():
    def deep(x, n):
        parts = ()
        for i in range(n):
            for j in range(n):
                for _ in range(n):
                    parts = (*parts, x * i * j)
        return sum(parts)

    assert_close(srcad.grad(deep)(2.0, 2), 2.0)
    with pytest.raises(errors.SrcadError, match="`parts` is not the same on all paths"):
        srcad.grad(deep)(2.0, 30)


def test_a_reshaped_argument_in_c_order_is_a_view():
    a = np.arange(6.0).reshape(2, 3) / 3
    check_grads(flattened, (a, 0.7), order=2)
    df = srcad.grad(flattened, argnums=(0, 1))
    in_c_order = df(a, 0.7)
    with pytest.raises(errors.AliasingError, match="`a` and `v` may share memory"):
        df(np.asfortranarray(a), 0.7)  # NumPy copies
    assert_close(df(a, 0.7), in_c_order)


def inner(x):
    if x > 50.0:
        return x * 0.5 + np.sin(x) + np.cos(2.0 * x) + np.tanh(3.0 * x) + np.exp(-x) * x
    return x * x - np.sin(x) - np.cos(2.0 * x) - np.tanh(3.0 * x) - np.exp(-x) * x


def middle(x):
    return inner(x) + inner(x + 1.0) * inner(x + 2.0)


def outer(x):
    return middle(x) + middle(x + 3.0) * middle(x + 4.0)


def repeated(x, n):
    if n > 0.5:
        return repeated(x * 0.5, n - 1.0) + outer(x) - outer(x + 5.0)
    return x


def test_what_a_recursion_calls_is_lowered_once(monkeypatch):
    lowered = Counter()
    lower_body = CalleeLowering.lower_body

    def counting(self, callee, target, *others):
        lowered[target.__name__] += 1
        return lower_body(self, callee, target, *others)

    monkeypatch.setattr(CalleeLowering, "lower_body", counting)
    derivative = srcad.grad(repeated)(1.5, 3.0)
    expected = numerical_jvp(lambda x: repeated(x, 3.0), (1.5,), (1.0,))
    assert_close(derivative, float(expected), rtol=1e-6)
    assert lowered["inner"] == lowered["middle"] == lowered["outer"] == 1
