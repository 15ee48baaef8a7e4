"""Stores into arrays: which of several wins, functions that write, arguments that are one array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import srcad
from srcad import errors, runtime
from srcad.testing import assert_close, check_grads

SQUARE = np.arange(1.0, 10.0).reshape(3, 3)


@pytest.mark.parametrize(
    "index",
    [
        ([0, 0, 1],),
        ([0, -3, 2],),
        (np.array([[0, 1], [1, 0]]),),
        (slice(None), [1, 1]),
        ([0, 0], [1, 1]),
        (np.array([True, False, True]),),
        (2,),
        (Ellipsis,),
    ],
)
def test_last_write_mask(index: tuple[Any, ...]) -> None:
    before = SQUARE.copy()
    mask = runtime.last_write_mask(before, *index)
    stored = before.copy()
    values = np.random.default_rng(0).normal(size=stored[index].shape)
    stored[index] = values
    assert_close(np.asarray(mask), np.asarray(stored[index] == values))
    assert_close(before, SQUARE)


def written_list(m, v):
    y = m * 1.0
    y[[2, 0]] = v
    y[np.arange(3), np.arange(3)] += v
    return np.sum(y * y)


def test_indices_that_cannot_repeat_need_no_mask():
    transform = srcad.grad(written_list, argnums=(0, 1))
    transform(SQUARE, np.ones(3))
    assert "last_write_mask" not in transform.source
    check_grads(written_list, (SQUARE, np.array([0.5, 1.5, -2.0])))


def updated_at(x, index):
    y = x * 1.0
    y[index] *= 2.0
    y[index] **= 2
    return np.sum(y * y)


def test_stores_by_an_index_array_copy_no_cotangent():
    index = np.array([2, 0, 2])
    transform = srcad.grad(updated_at)
    transform(np.ones(3), index)
    assert ".copy()" not in transform.source.split("# reverse sweep")[1]
    check_grads(updated_at, (np.array([0.5, 1.5, -2.0]), index), argnums=0)


def divided_where(x, y):
    out = np.zeros(3)
    np.divide(x, y, out=out, where=y != 0.0)
    return np.sum(out * x)


def added_where(x, mask):
    out = x * 2.0
    np.add(x, 1.5, out, where=mask)
    return np.sum(out * out)


def summed_into_view(m):
    out = np.zeros((2, 3))
    total = np.sum(m * m, axis=0, out=out[1])
    total *= 2.0
    return np.sum(out * out)


def method_out(m):
    out = np.empty(3)
    m.sum(0, out=out)
    m.dot(out, out=out)
    return np.sum(out * out)


def out_in_tuple(m):
    out = np.empty((3, 3))
    np.exp(m * 0.1, out=(out,))
    return np.sum(out * m)


def repeated_values(m, v):
    y = m * 1.0
    np.put(y, [0, 1, 2, 8], v[:2])
    np.place(y, y > 6.5, v)
    np.putmask(y, y < 3.5, v * v)
    np.fill_diagonal(y, v[:2])
    return np.sum(y * y * m)


def put_in_rows(m, v):
    y = m * 1.0
    np.put_along_axis(y, np.array([[1, 1], [0, 2], [2, 2]]), np.outer(v, v)[:, :2], axis=1)
    np.put_along_axis(y, np.array([4, 4]), v[:2], axis=None)
    return np.sum(y * y * m)


def at_rows(m, v):
    y = m * 1.0
    np.add.at(y, ([0, 0, 2], [1, 1, 0]), v)
    np.subtract.at(y, np.array([0, 0]), v)
    np.multiply.at(y, np.array([1, 1, -1]), v)
    return np.sum(y * y * m)


V = np.array([0.5, 1.5, -2.0])


@pytest.mark.parametrize(
    "function, args",
    [
        (divided_where, (V, np.array([2.0, -1.0, 0.5]))),
        (added_where, (V, np.array([True, False, True]))),
        (summed_into_view, (SQUARE,)),
        (method_out, (SQUARE * 0.1,)),
        (out_in_tuple, (SQUARE,)),
        (repeated_values, (SQUARE + 0.2, V)),
        (put_in_rows, (SQUARE, V)),
        (at_rows, (SQUARE, V)),
    ],
)
def test_functions_that_write(function, args):
    check_grads(function, args)


def test_what_is_masked_out_is_not_computed():
    gradient = srcad.grad(divided_where, argnums=(0, 1))(V, np.array([2.0, 0.0, 0.5]))
    assert_close(gradient, (np.array([0.5, 0.0, -8.0]), np.array([-0.0625, 0.0, -16.0])))


def negative_at(x):
    np.negative.at(x, [0, 0])
    return np.sum(x)


def floats_into_integers(x):
    counts = np.zeros(3, dtype=int)
    np.add(x, 1.0, out=counts)
    return np.sum(counts * x)


def partitioned(x):
    x.partition(1)
    return np.sum(x)


def clipped_put(x):
    np.put(x, [7], 1.0, mode="clip")
    return np.sum(x)


@pytest.mark.parametrize(
    "function, error, text",
    [
        (negative_at, errors.UnsupportedSyntaxError, "srcad follows those of two operands"),
        (floats_into_integers, errors.TypeInferenceError, "cannot take float64 in place"),
        (partitioned, errors.UnsupportedSyntaxError, "`partition` of an array"),
        (clipped_put, errors.UnsupportedSyntaxError, "`mode` is not followed"),
    ],
)
def test_refused(function, error, text):
    with pytest.raises(error, match=text) as caught:
        srcad.grad(function)(V.copy())
    assert caught.value.loc is not None and caught.value.advice


def parameters_changed(p, q):
    p["w"] = p["w"] * 2.0
    return np.sum(p["w"] * q["b"])


def part_changed(p, x):
    p["w"][0] = 2.0
    return np.sum(p["w"] * x * p["b"])


def test_containers_that_share_memory():
    a, b = V.copy(), V + 1.0
    df = srcad.grad(parameters_changed)
    assert_close(df({"w": a, "b": b}, {"w": a, "b": b}), {"w": 2.0 * b, "b": np.zeros(3)})
    one = {"w": a, "b": b}
    with pytest.raises(errors.AliasingError, match="`p` and `q` share memory"):
        df(one, one)
    part = srcad.grad(part_changed)
    part({"w": a, "b": b}, V + 2.0)
    for p, x in [({"w": a, "b": b}, a), ({"w": a, "b": a[::-1]}, b)]:
        with pytest.raises(errors.AliasingError, match="share memory"):
            part(p, x)


def one_changed(x, y):
    x[0] = y[1]
    return np.sum(x * y)


def test_standalone_text_raises_value_error():
    from srcad.emitter.standalone import standalone_text

    transform = srcad.grad(one_changed, argnums=(0, 1))
    bound = transform.bind((V.copy(), V + 1.0), {})
    compiled = transform.compiled(bound.arguments)
    names: dict[str, Any] = {}
    exec(standalone_text(compiled.emitted, one_changed), names)
    gradient = names[compiled.emitted.name]
    assert_close(gradient(V.copy(), V + 1.0), transform(V.copy(), V + 1.0))
    with pytest.raises(ValueError, match="share memory"):
        gradient(V, V)


def contracted(m, v):
    return np.einsum("ij,j->i", m, v, out=np.zeros(3))[0] + np.einsum("ii", m)


def test_out_of_a_function_of_any_number_of_operands():
    check_grads(contracted, (SQUARE, V))


def column_into_row(a):
    b = a * 1.0
    b[1, 1:] = b[:-1, 2]
    return np.sum(b * b)


def steps_that_differ(x):
    y = x * 1.0
    y[::2] = y[:2]
    return np.sum(y * y)


def copied_column(a):
    b = a * 1.0
    np.copyto(b[1], b[:, 2])
    return np.sum(b * b)


def shifted(x):
    y = x * 1.0
    y[1:] = y[:-1]
    y[::-1] = y[:]
    y[:2] = y[2:].copy()
    return np.sum(y * y * x)


@pytest.mark.parametrize(
    "f, arg",
    [
        (column_into_row, np.ones((3, 3))),
        (steps_that_differ, np.ones(4)),
        (copied_column, np.ones((3, 3))),
    ],
)
def test_overlapping_parts_are_not_stored(f, arg):
    """In one dimension NumPy may read what it has overwritten; the old values would be a guess."""
    with pytest.raises(srcad.AliasingError) as caught:
        srcad.grad(f)(arg)
    assert caught.value.loc.line == f.__code__.co_firstlineno + 2
    assert "add `.copy()` to the right side" in str(caught.value)


def test_parts_that_numpy_copies_first():
    x = np.array([1.0, -2.0, 3.0, 0.5])
    check_grads(shifted, (x,))
