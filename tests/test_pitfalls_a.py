"""Section A of the pitfalls: mutation and aliasing."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest
from oracle import like

import srcad
from srcad import errors
from srcad.testing import assert_close, check_grads, numerical_jvp

MODES = [{}, {"generic": True}, {"optimize": False}, {"generic": True, "optimize": False}]

# Functions that are refused today. `not_yet` makes sure of it, so what is supported has to leave
# this set.
NOT_YET: set[str] = set()


def not_yet(function: Any, *args: Any, **options: Any) -> bool:
    """Whether `function` is one of `NOT_YET`; then its gradient must be refused."""
    if function.__name__ not in NOT_YET:
        return False
    with pytest.raises(errors.SrcadError):
        srcad.grad(function, **options)(*args)
    return True


def differences(function: Any, args: tuple[Any, ...], argnum: int) -> Any:
    """The gradient in one argument, by differences, element by element."""
    entries = np.zeros(np.shape(args[argnum]))
    for place in np.ndindex(entries.shape):
        unit = np.zeros(entries.shape)
        unit[place] = 1.0
        direction = unit if isinstance(args[argnum], np.ndarray) else 1.0
        tangents = tuple(direction if i == argnum else None for i in range(len(args)))
        entries[place] = numerical_jvp(function, args, tangents)
    return entries if isinstance(args[argnum], np.ndarray) else float(entries)


def fresh(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)


def bits(args: tuple[Any, ...]) -> list[Any]:
    return [(a.dtype, a.shape, a.tobytes()) if isinstance(a, np.ndarray) else a for a in args]


def holds(
    function: Any, *args: Any, expected: Any = None, order: int = 2, typed: bool = False
) -> None:
    """Check all derivatives in the float arguments, and the gradient in the first one by value.

    Differences come first: they show that `expected` is right whether or not it is supported.
    With `typed`, what the function does depends on types, and generic code must be refused.
    """
    if expected is not None:
        pattern = args[0] if isinstance(args[0], np.ndarray) else 1.0
        assert_close(differences(function, args, 0), like(expected, pattern))
    argnums = tuple(i for i, a in enumerate(args) if np.asarray(a).dtype.kind == "f")
    if not_yet(function, *fresh(args), argnums=argnums):
        return
    wanted = tuple(differences(function, args, i) for i in argnums)
    for options in MODES:
        given = fresh(args)
        if typed and options.get("generic"):
            with pytest.raises(errors.SrcadError):
                srcad.grad(function, argnums=argnums, **options)(*given)
            continue
        assert_close(srcad.grad(function, argnums=argnums, **options)(*given), wanted)
        assert bits(given) == bits(args)
        value, _ = srcad.value_and_grad(function, argnums=argnums, **options)(*given)
        assert np.asarray(value).tobytes() == np.asarray(function(*fresh(args))).tobytes()
    check_grads(function, fresh(args), order=order)


# --- A1, A2, A3: names and views ---------------------------------------------------------------

ONE_TWO = np.array([1.0, 2.0])
SQUARE = np.array([[1.0, 2.0], [3.0, 4.0]])


def two_names(x):
    y = x * 2.0
    z = y
    z[0] = 5.0
    return np.sum(y * y)


def two_names_of_argument(y):
    z = y
    z[0] = 5.0
    return sum(y * y)


def test_a1_two_names_one_array():
    holds(two_names, ONE_TWO, expected=[0.0, 16.0])
    holds(two_names_of_argument, ONE_TWO, expected=[0.0, 4.0])


def view_of_row(x):
    y = x * 1.0
    r = y[0]
    r[0] = 3.0
    r *= 2.0
    return np.sum(y * y)


def view_by_transpose(x):
    y = x * 1.0
    y.T[0, 1] = 3.0
    t = y.T
    t *= 2.0
    return np.sum(y * y)


def view_by_slice(x):
    y = x * 1.0
    s = y[:, 1:]
    s[0] = 3.0
    s *= 2.0
    return np.sum(y * y)


def view_by_reshape(x):
    y = x * 1.0
    flat = y.reshape(-1)
    flat[3] = 3.0
    flat *= 2.0
    return np.sum(y * y)


def view_by_reshape_of_new(x):
    y = x.copy()  # in C order, whatever x is
    flat = y.reshape(-1)
    flat[3] = 3.0
    flat *= 2.0
    return np.sum(y * y)


def view_by_flat(x):
    y = x * 1.0
    y.flat[3] = 3.0
    flat = y.flat
    flat[:] = 2.0 * y.ravel()
    return np.sum(y * y)


def view_of_view(x):
    y = x * 1.0
    s = y[1:]
    t = s[0]
    t[0] = 3.0
    t *= 2.0
    return np.sum(y * y)


def view_of_each_turn(x):
    y = x * 1.0
    for row in y:
        row *= 2.0
        row[1] = 3.0
    return np.sum(y * y)


@pytest.mark.parametrize(
    "function, expected",
    [
        (view_of_row, [[0.0, 16.0], [6.0, 8.0]]),
        (view_by_transpose, [[8.0, 16.0], [0.0, 32.0]]),
        (view_by_slice, [[2.0, 0.0], [6.0, 32.0]]),
        (view_by_reshape_of_new, [[8.0, 16.0], [24.0, 0.0]]),
        (view_by_flat, [[8.0, 16.0], [24.0, 0.0]]),
        (view_of_view, [[2.0, 4.0], [0.0, 32.0]]),
        (view_of_each_turn, [[8.0, 0.0], [24.0, 0.0]]),
    ],
)
def test_a2_write_through_a_view(function, expected):
    holds(function, SQUARE, expected=expected, typed=function is not view_by_flat)
    turned = np.asfortranarray(SQUARE)  # views do not depend on how the argument lies in memory
    assert_close(srcad.grad(function)(turned), np.array(expected))


def maybe_a_view_is_read(a):
    b = a.T.reshape(-1)
    c = a.reshape(-1)
    return np.sum(b * c * c)


def maybe_a_view_is_changed(a):
    y = a * 1.0
    b = y.T.reshape(-1)
    b[0] = 5.0
    return np.sum(y * y)


def array_of_maybe_a_view_is_changed(a):
    y = a * 1.0
    b = y.T.reshape(-1)
    y[0, 0] = 5.0
    return np.sum(b * b)


def test_a3_maybe_a_view():
    holds(maybe_a_view_is_read, SQUARE, expected=differences(maybe_a_view_is_read, (SQUARE,), 0))


@pytest.mark.parametrize("generic", [False, True])
@pytest.mark.parametrize(
    "function, made, changed",
    [
        (maybe_a_view_is_changed, "b = y.T.reshape(-1)", "b[0] = 5.0"),
        (array_of_maybe_a_view_is_changed, "b = y.T.reshape(-1)", "y[0, 0] = 5.0"),
        (view_by_reshape, "flat = y.reshape(-1)", "flat[3] = 3.0"),
    ],
)
def test_a3_maybe_a_view_that_is_changed(function, made, changed, generic):
    with pytest.raises(errors.AliasingError) as caught:
        srcad.grad(function, generic=generic)(SQUARE.copy())
    error = caught.value
    assert error.loc is not None and error.loc.text.strip() == changed
    assert ".copy()" in error.advice and made in error.advice  # both places


# --- A4 to A7: arguments, seeds, results -------------------------------------------------------


def one_of_two_changed(x, y):
    x[0] = 1.0
    return sum(x * y)


def none_changed(x, y):
    return np.sum(x * y)


def test_a4_two_parameters_are_one_array():
    a = ONE_TWO.copy()
    holds(one_of_two_changed, a, a * 3.0, expected=[0.0, 6.0])
    df = srcad.grad(one_of_two_changed, argnums=(0, 1))
    assert_close(df(a, a.copy()), (np.array([0.0, 2.0]), np.array([1.0, 2.0])))
    assert "may_share_memory" in df.source
    for one, other in [(a, a), (a, a[:]), (a[:1], a), (a, a[::-1])]:
        with pytest.raises(errors.AliasingError):
            df(one, other)
    assert_close(a, ONE_TWO)


def test_a4_no_guard_where_nothing_changes():
    df = srcad.grad(none_changed, argnums=(0, 1))
    a = ONE_TWO.copy()
    assert_close(df(a, a), (ONE_TWO, ONE_TWO))
    assert "share" not in df.source


def changes_its_argument(x):
    x *= x
    x[0] = x[1] * x[0]
    return x


def test_a5_arguments_and_seed_are_left_alone():
    x, seed, tangent = ONE_TWO + 1.0, np.array([1.0, -2.0]), np.array([0.5, 3.0])
    before = bits((x, seed, tangent))
    value, pull = srcad.vjp(changes_its_argument, x)
    # x0 = x0**2 * x1**2 and x1 = x1**2 at (2, 3)
    assert_close(value, np.array([36.0, 9.0]))
    expected = np.array([36.0, 24.0 - 12.0])
    assert_close(pull(seed)[0], expected)
    assert_close(pull(seed)[0], expected)  # nothing was used up
    assert_close(srcad.jvp(changes_its_argument, (x,), (tangent,))[1], np.array([90.0, 18.0]))
    assert bits((x, seed, tangent)) == before


def total(x, y):
    return np.sum(x + y)


def same(x):
    return x


def one_of_two(x, y):
    return x


def both(x, y):
    return x + y


def test_a6_results_are_arrays_of_their_own():
    x, y, seed = np.ones(3), np.ones(3), np.full(3, 2.0)
    given = [x, y, seed]
    for function, args in [(total, (x, y)), (same, (x,)), (one_of_two, (x, y)), (both, (x, y))]:
        value, pull = srcad.vjp(function, *args)
        cotangents = pull(seed if isinstance(value, np.ndarray) else value * 1.0)
        for own, other in [
            *itertools.combinations(cotangents, 2),
            *itertools.product(cotangents, given),
        ]:
            assert not np.shares_memory(own, other)
    gx, gy = srcad.grad(total, (0, 1))(x, y)
    gx -= 0.5 * gx
    assert_close(gy, np.ones(3))


def shared_cotangent(x, y):
    a = x + y
    return np.sum(a * x)


def doubled(x):
    a = x + x
    return np.sum(a * a) + np.sum(a * x)


def test_a7_accumulation_into_a_shared_adjoint():
    y = np.array([3.0, -1.0])
    holds(shared_cotangent, ONE_TWO, y, expected=2.0 * ONE_TWO + y)
    holds(doubled, ONE_TWO, expected=12.0 * ONE_TWO)


# --- A8 to A11: what is overwritten ------------------------------------------------------------


def overwritten_by_product(x, i, j):
    y = x * 1.0
    y[i] = y[i] * y[j]
    return np.sum(y * y)


@pytest.mark.parametrize(
    "i, j, expected", [(0, 0, [32.0, 6.0]), (0, 1, [36.0, 30.0]), (1, 1, [4.0, 108.0])]
)
def test_a8_adjoint_of_an_overwritten_element(i, j, expected):
    # (0, 0): x0**4 + x1**2; (0, 1): (x0 x1)**2 + x1**2; (1, 1): x0**2 + x1**4
    holds(overwritten_by_product, np.array([2.0, 3.0]), i, j, expected=expected)


def one_name(x):
    x = x * x
    x = np.sin(x)
    x = x + 1.5
    x = np.log(x)
    x = x * x * 0.5
    x = np.exp(x)
    x = x / (1.0 + x)
    x = np.sqrt(x)
    x = x**3
    x = np.tanh(x)
    return np.sum(x)


def one_name_in_place(x):
    x = x * x
    x *= x
    np.sin(x, out=x)
    x += 1.5
    x /= 1.0 + x
    x **= 3
    x[:] = np.exp(x)
    x[0] = x[0] * x[1]
    x -= x * x
    x *= 0.5
    return np.sum(x)


def test_a9_overwritten_variable():
    holds(one_name, np.array([0.7, 1.1]))
    holds(one_name, 0.7)
    holds(one_name_in_place, np.array([0.7, 1.1]))


def read_whole_and_stored(x):
    y = x * 1.0
    s = 0.0
    for i in range(len(y)):
        s += np.sum(np.sin(y))
        y[i] = y[i] * y[0]
    return s


def test_a10_array_read_whole_and_overwritten_by_element():
    holds(read_whole_and_stored, np.array([0.7, 1.1, 0.4]))


def test_a10_memory_grows_with_the_array_not_with_its_square():
    df = srcad.grad(read_whole_and_stored)
    df(np.ones(3))
    peaks = []
    for n in (500, 2000):
        tracemalloc.start()
        try:
            df(np.linspace(0.1, 0.9, n))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 6 * peaks[0]  # 4 for O(n), 16 for O(n**2)


def plus_equal(x):
    y = x
    y += 1.0
    return np.sum(x * x * y)


def plus_equal_half(x):
    counts = np.array([1, 2])
    counts += 0.5
    return np.sum(counts * x)


def test_a11_plus_equal_rebinds_a_scalar():
    holds(plus_equal, 2.0, expected=16.0, typed=True)  # x**2 (x + 1)


def test_a11_plus_equal_changes_an_array():
    holds(plus_equal, ONE_TWO, expected=[12.0, 27.0], typed=True)  # (x + 1)**3
    with pytest.raises(errors.TypeInferenceError, match="may be a number or an array"):
        srcad.grad(plus_equal, generic=True)(ONE_TWO.copy())


def test_a11_plus_equal_on_an_int_array_fails_as_in_numpy():
    with pytest.raises(TypeError, match="Cannot cast"):
        plus_equal_half(ONE_TWO)
    with pytest.raises(TypeError):  # that of NumPy, or an error of srcad that is one
        srcad.grad(plus_equal_half)(ONE_TWO)


# --- A12 to A14: stores ------------------------------------------------------------------------


def whole(v, x):
    y = x * 1.0
    y[:] = v
    return np.sum(y * x)


def scalar_into_slice(v, x):
    y = x * 1.0
    y[1:3] = v
    return np.sum(y * x)


def row_into_matrix(v, m):
    y = m * 1.0
    y[1] = v
    return np.sum(y * m)


def row_into_rows(v, m):
    y = m * 1.0
    y[1:] = v
    return np.sum(y * m)


def column_into_matrix(v, m):
    y = m * 1.0
    y[:, :] = v[:, None]
    return np.sum(y * m)


@pytest.mark.parametrize(
    "function, args, expected",
    [
        (whole, (2.0, np.arange(1.0, 5.0)), 10.0),
        (whole, (np.array([2.0]), np.arange(1.0, 5.0)), [10.0]),
        (scalar_into_slice, (2.0, np.arange(1.0, 5.0)), 5.0),
        (row_into_matrix, (2.0, np.arange(6.0).reshape(3, 2)), 5.0),
        (row_into_matrix, (ONE_TWO, np.arange(6.0).reshape(3, 2)), [2.0, 3.0]),
        (row_into_rows, (ONE_TWO, np.arange(6.0).reshape(3, 2)), [6.0, 8.0]),
        (column_into_matrix, (np.ones(3), np.arange(6.0).reshape(3, 2)), [1.0, 5.0, 9.0]),
    ],
)
def test_a12_broadcasting_stores(function, args, expected):
    holds(function, *args, expected=expected)


def read_with_repeats(x):
    y = x[[0, 0, 1]]
    return np.sum(y * y)


def read_with_negative_repeats(x):
    y = x[[0, -3]]
    return np.sum(y * y)


def read_with_mask(x):
    y = x[np.array([True, False, True])]
    return np.sum(y * y)


def store_with_repeats(x):
    y = np.zeros(3)
    y[[0, 0, 1]] = x
    return np.sum(y * y)


def update_with_repeats(x):
    y = np.zeros(3)
    y[[0, 0, 1]] += x
    return np.sum(y * y)


def store_with_negative_repeats(x):
    y = np.zeros(3)
    y[[0, -3]] = x[:2]
    return np.sum(y * y)


def store_with_mask(x):
    y = x * x
    y[np.array([True, False, True])] = x[1:]
    return np.sum(y * y)


def add_at_repeats(x):
    y = np.zeros(3)
    np.add.at(y, [0, 0, 1], x)
    return np.sum(y * y)


@pytest.mark.parametrize(
    "function, x, expected",
    [
        (read_with_repeats, [1.0, 2.0], [4.0, 4.0]),
        (read_with_negative_repeats, [1.0, 2.0, 3.0], [4.0, 0.0, 0.0]),
        (read_with_mask, [1.0, 2.0, 3.0], [2.0, 0.0, 6.0]),
        (store_with_repeats, [1.0, 2.0, 3.0], [0.0, 4.0, 6.0]),
        (update_with_repeats, [1.0, 2.0, 3.0], [0.0, 4.0, 6.0]),
        (store_with_negative_repeats, [1.0, 2.0, 3.0], [0.0, 4.0, 0.0]),
        (store_with_mask, [1.0, 2.0, 3.0], [0.0, 36.0, 6.0]),
        (add_at_repeats, [1.0, 2.0, 3.0], [6.0, 6.0, 6.0]),
    ],
)
def test_a13_repeated_indices(function, x, expected):
    holds(function, np.array(x), expected=expected)


def swapped_names(a, b):
    a, b = b, a
    return a * a * b


def swapped_elements(x):
    y = x * 1.0
    y[0], y[1] = y[1], y[0]
    return y[0] * y[0] * y[1]


def swapped_rows(x):
    y = x * 1.0
    y[[0, 1]] = y[[1, 0]]
    return np.sum(y[0] * y[0] * y[1])


def chained(v):
    x = y = z = v * v
    x[0] = 3.0
    y[1] *= z[0]
    return np.sum(x * y * z)


def left_to_right(v, x):
    y = x * 1.0
    i = 0
    i, y[i] = 1, v
    return np.sum(y * x)


def chained_left_to_right(v, x):
    y = x * 1.0
    i = y[i] = 1  # noqa: F841 - the name is bound first
    return np.sum(y * x) * v


@pytest.mark.parametrize(
    "function, args, expected",
    [
        (swapped_names, (2.0, 3.0), 9.0),
        (swapped_elements, (np.array([2.0, 3.0]),), [9.0, 12.0]),
        (swapped_rows, (SQUARE,), [[9.0, 16.0], [6.0, 16.0]]),
        (chained, (ONE_TWO,), [0.0, 5184.0]),  # 27 + (3 v1**2)**3
        (left_to_right, (2.0, np.array([1.0, 5.0])), 5.0),
        (chained_left_to_right, (2.0, np.array([1.0, 5.0])), 6.0),
    ],
)
def test_a14_swaps_and_chains(function, args, expected):
    holds(function, *args, expected=expected)


# --- A15 to A19: containers, calls that write, state -------------------------------------------


def appended(x):
    parts = []
    for i in range(len(x)):
        parts.append(x[i] * x[i])
    return sum(parts) * parts[-1]


def appended_while(x):
    parts = [x]
    while parts[-1] < 50.0:
        parts.append(parts[-1] * x)
    return sum(parts)


def item_replaced(x):
    parts = [x[0], x[1]]
    parts[0] = parts[1] * parts[0]
    parts[-1] = parts[0] * 2.0
    return parts[0] * parts[1]


def popped(x):
    parts = [x[0], x[1], x[0] * x[1]]
    last = parts.pop()
    first = parts.pop(0)
    return last * first * parts[0] * len(parts)


def extended(x):
    parts = [x[0]]
    parts += [x[1], x[0] * x[0]]
    parts.extend([x[1] * x[1]])
    parts.insert(0, 3.0)
    return parts[0] * parts[1] * parts[3] + parts[-1]


def list_in_list(x):
    rows = [[x[0], 1.0], [x[1], 2.0]]
    rows[0].append(x[1])
    rows[1][0] = rows[0][0] * rows[0][2]
    return rows[1][0] * rows[1][1] * rows[0][2]


def list_under_two_names(x):
    parts = [x[0], x[1]]
    other = parts
    other[0] = x[1] * x[1]
    other.append(x[0])
    return parts[0] * parts[2] + len(parts)


def rows_share_one_list(x):
    row = [x[0]]
    rows = [row, row]
    rows[0][0] = x[1] * x[0]
    return rows[1][0] * row[0]


@pytest.mark.parametrize(
    "function, x, expected",
    [
        (appended, [1.0, 2.0], [8.0, 36.0]),  # (x0**2 + x1**2) x1**2
        (appended_while, 4.0, 57.0),  # x + x**2 + x**3
        (item_replaced, [2.0, 3.0], [72.0, 48.0]),  # 2 (x0 x1)**2
        (popped, [2.0, 3.0], [36.0, 24.0]),  # (x0 x1)**2
        (extended, [2.0, 3.0], [36.0, 6.0]),  # 3 x0**3 + x1**2
        (list_in_list, [2.0, 3.0], [18.0, 24.0]),  # 2 x0 x1**2
        (list_under_two_names, [2.0, 3.0], [9.0, 12.0]),  # x1**2 x0 + 3
        (rows_share_one_list, [2.0, 3.0], [36.0, 24.0]),  # (x0 x1)**2
    ],
)
def test_a15_list_mutation(function, x, expected):
    holds(function, np.array(x) if isinstance(x, list) else x, expected=expected)


def appends_while_iterating(x):
    parts = [x, x * x]
    total = 0.0
    for part in parts:
        total += part
        if len(parts) < 4:
            parts.append(part * x)
    return total


def comprehension_that_pops(x):
    seen = [x, x * x]
    return sum([seen.pop(0) for v in seen])


@pytest.mark.parametrize(
    "function, error",
    [
        (appends_while_iterating, errors.AliasingError),
        (comprehension_that_pops, errors.AliasingError),
    ],
)
def test_a16_mutating_while_iterating_is_refused(function, error):
    assert np.isfinite(function(2.0))
    with pytest.raises(error) as caught:
        srcad.grad(function)(2.0)
    assert caught.value.loc is not None and caught.value.reason and caught.value.advice


def out_argument(x):
    y = np.empty_like(x)
    np.multiply(x, x, out=y)
    np.sin(y, out=y)
    return np.sum(y)


def copied_to(x):
    y = x * 1.0
    np.copyto(y, x * x)
    return np.sum(y * x)


def put_into(x):
    y = x * x
    np.put(y, [0, 0], [x[1], x[1] * x[1]])
    return np.sum(y * y)


def sorted_in_place(x):
    y = x * x
    y.sort()
    return np.sum(y * np.array([1.0, 10.0, 100.0]))


def filled(x):
    y = x * 1.0
    y.fill(x[0] * x[1])
    return np.sum(y * x)


def resized(x):
    y = x * 1.0
    y.resize((4,), refcheck=False)
    return np.sum(y * y)


@pytest.mark.parametrize(
    "function, x, expected",
    [
        (out_argument, [0.5, 1.0], [np.cos(0.25), 2.0 * np.cos(1.0)]),
        (copied_to, [1.0, 2.0], [3.0, 12.0]),
        (put_into, [1.0, 2.0], [0.0, 64.0]),  # 2 x1**4: the last write of y[0] wins
        (sorted_in_place, [3.0, -1.0, 2.0], [600.0, -2.0, 40.0]),
        (filled, [2.0, 3.0], [21.0, 16.0]),  # x0 x1 (x0 + x1)
    ],
)
def test_a17_calls_that_write(function, x, expected):
    holds(function, np.array(x), expected=expected)


def test_a17_resize_is_refused():
    assert_close(differences(resized, (ONE_TWO,), 0), 2.0 * ONE_TWO)
    with pytest.raises(errors.SrcadError):
        srcad.grad(resized)(ONE_TWO.copy())


def reads_its_default(x, weights=[2.0, 3.0]):  # noqa: B006 - a mutable default is the subject
    return x * x * weights[0]


def changes_its_default(x, calls=[]):  # noqa: B006
    calls.append(x)
    return x * len(calls)


def stores_in_its_default(x, memory=np.zeros(1)):  # noqa: B008
    memory[0] += x
    return memory[0] * x


def test_a18_mutable_default_is_read_live():
    df = srcad.grad(reads_its_default)
    assert_close(df(3.0), 12.0)
    (weights,) = reads_its_default.__defaults__
    weights[0] = 5.0
    try:
        assert_close(df(3.0), 30.0)
    finally:
        weights[0] = 2.0
    assert_close(df(3.0), 12.0)


@pytest.mark.parametrize("function", [changes_its_default, stores_in_its_default])
def test_a18_change_of_a_default_is_refused(function):
    before = [np.copy(default) for default in function.__defaults__]
    with pytest.raises(errors.SrcadError):
        srcad.grad(function)(3.0)
    assert_close(list(map(np.copy, function.__defaults__)), before)


class Model:
    def __init__(self):
        self.count = 0
        self.last = 0.0

    def counted(self, x):
        self.count += 1
        return x * x * x

    def counted_in_loop(self, x):
        for _ in range(3):
            self.count += 1
            x = x * x
        return x

    def remembered(self, x):
        self.last = x * x
        return self.last * x


def call_counted(x, model):
    return model.counted(x)


def call_counted_in_loop(x, model):
    return model.counted_in_loop(x)


def call_remembered(x, model):
    return model.remembered(x)


_calls = 0
_total = 0.0


def counts_in_a_global(x):
    global _calls
    _calls += 1
    return x * x * x


def stores_in_a_global(x):
    global _total
    _total += x
    return x * x


@pytest.mark.parametrize(
    "function, turns, expected", [(call_counted, 1, 12.0), (call_counted_in_loop, 3, 1024.0)]
)
def test_a19_counter_of_an_object(function, turns, expected):
    for options in MODES:
        model = Model()
        df = srcad.grad(function, **options)
        assert_close(df(2.0, model), expected)
        assert model.count == turns
        assert_close(df(2.0, model), expected)
        assert model.count == 2 * turns
        srcad.value_and_grad(function, **options)(2.0, model)
        assert model.count == 3 * turns


def test_a19_counter_in_a_global():
    if not_yet(counts_in_a_global, 2.0):
        return
    df = srcad.grad(counts_in_a_global)
    for _ in range(3):
        before = _calls
        assert_close(df(2.0), 12.0)
        assert _calls == before + 1


def test_a19_active_store_is_refused():
    before = _total
    with pytest.raises(errors.SrcadError):
        srcad.grad(stores_in_a_global)(2.0)
    model = Model()
    with pytest.raises(errors.SrcadError):
        srcad.grad(call_remembered)(2.0, model)
    assert _total == before and model.last == 0.0
