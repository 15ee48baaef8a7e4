"""Section C of the pitfalls: shapes, dtypes, numbers."""

from __future__ import annotations

import math
import random
import time

import numpy as np
import pytest

import srcad
from srcad import errors
from srcad.testing import assert_close, check_grads

MODES = [{}, {"generic": True}, {"optimize": False}, {"generic": True, "optimize": False}]
RNG = np.random.default_rng(7)


def divide(x, y):
    return np.sum(x / y)


def power(x, y):
    return np.sum(x**y)


def product(x, y):
    return np.sum(np.sin(x * y))


def larger(x, y):
    return np.sum(np.maximum(x, y) * x)


SHAPES = [((3, 1), (3, 4)), ((4,), (3, 4)), ((), (3, 4)), ((3, 1), (1, 4)), ((1,), (3, 4)),
          ((1, 1), (1,)), ((3, 4), (1, 4)), ((2, 1, 4), (3, 1)), ((1,), ())]  # fmt: skip


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("f", [divide, power, product, larger])
def test_c1_broadcast_with_size_one(f, shapes, options):
    x, y = (np.asarray(RNG.uniform(0.5, 2.0, size=s)) for s in shapes)
    gx, gy = srcad.grad(f, (0, 1), **options)(x, y)
    assert (gx.shape, gy.shape) == shapes
    h = 1e-6
    for k, g in enumerate((gx, gy)):
        for index in np.ndindex(shapes[k]):
            moved = []
            for step in (h, -h):
                args = [x.copy(), y.copy()]
                args[k][index] += step
                moved.append(f(*args))
            assert abs(g[index] - (moved[0] - moved[1]) / (2 * h)) < 1e-6


def test_c2_a_dimension_of_one_today_and_not_tomorrow():
    df = srcad.grad(divide, (0, 1))
    y = np.full((3, 4), 2.0)
    for rows in (1, 3, 1):
        gx, gy = df(np.ones((rows, 4)), y)
        assert_close(gx, np.full((rows, 4), 1.5 if rows == 1 else 0.5))
        assert_close(gy, np.full((3, 4), -0.25))


def sums(x):
    return np.sum(x * x) + np.prod(x) + np.sum(np.sum(x, axis=0) ** 2)


def largest(x):
    return np.max(x * x)


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3)])
def test_c3_size_zero(shape, options):
    assert_close(srcad.grad(sums, **options)(np.zeros(shape)), np.zeros(shape))
    with pytest.raises(ValueError, match="zero-size"):
        srcad.grad(largest, **options)(np.zeros(shape))


def square(x):
    return x * x


def read_element(x):
    return x[()] * 3.0


@pytest.mark.parametrize("options", MODES)
def test_c4_zero_dimensional_arrays_and_scalars(options):
    df = srcad.grad(square, **options)
    for value, kind in ((2.0, float), (np.array(2.0), np.ndarray), (np.float64(2.0), np.float64)):
        got = df(value)
        assert type(got) is kind
        assert np.shape(got) == () and got == 4.0
    assert_close(srcad.grad(read_element, **options)(np.array(2.0)), np.array(3.0))


def mixed_scalar(x):
    return np.sum(np.float64(2.0) * x * np.sin(x))


def plain_scalar(x):
    return np.sum(2.0 * x * np.sin(x) + x.mean() ** 2)


def two(x, y):
    return np.sum(x * y * np.exp(y))


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("f", [mixed_scalar, plain_scalar])
def test_c5_float32_stays_float32(f, dtype, options):
    x = np.array([0.5, 1.5, -2.0])
    got = srcad.grad(f, **options)(x.astype(dtype))
    assert got.dtype == dtype
    tolerance = 1e-5 if dtype is np.float32 else 2e-2
    np.testing.assert_allclose(got, srcad.grad(f)(x), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("options", MODES)
def test_c5_mixed_arguments_keep_their_own_dtype(options):
    x, y = np.array([0.5, 1.5, -2.0]), np.array([1.0, -0.5, 0.25])
    gx, gy = srcad.grad(two, (0, 1), **options)(x.astype(np.float32), y)
    assert (gx.dtype, gy.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(gx, y * np.exp(y), rtol=1e-6)
    np.testing.assert_allclose(gy, x * (1 + y) * np.exp(y), rtol=1e-6)


@pytest.mark.parametrize("options", MODES)
def test_c6_integer_arguments(options):
    got = srcad.grad(square, **options)(3)
    assert type(got) is float and got == 6.0
    for array in (np.array([1, 2]), np.array([True, False])):
        with pytest.raises(errors.SignatureError, match=r"cannot be differentiated"):
            srcad.grad(divide, **options)(array, np.ones(2))
    # elsewhere ints carry no derivative
    assert_close(srcad.grad(divide, **options)(np.ones(2), np.array([2, 4])), np.array([0.5, 0.25]))


def int_carry(x, n):
    count = 0
    total = np.zeros(3)
    for i in range(n):
        count = count + i
        total = total + count * x
    return np.sum(total)


@pytest.mark.parametrize("options", MODES)
def test_c7_integer_zeros(options):
    assert_close(srcad.grad(int_carry, **options)(np.ones(3), 4), np.full(3, 10.0))


def steps(x):
    return x * (x // 1.0) + round(x) * x + math.floor(x) + int(x) * x


def remainder(x, y):
    return x % y


def positions(u):
    return np.argmax(u) * np.sum(u) + np.sum(np.floor(u)) + np.sum((u > 0) * u)


@pytest.mark.parametrize("options", MODES)
def test_c8_steps_have_derivative_zero(options):
    assert_close(srcad.grad(steps, **options)(2.3), 6.0)
    assert_close(srcad.grad(remainder, (0, 1), **options)(7.5, 2.0), (1.0, -3.0))
    assert_close(srcad.grad(remainder, (0, 1), **options)(-7.5, 2.0), (1.0, 4.0))
    got = srcad.grad(positions, **options)(np.array([1.5, -2.5, 3.5]))
    assert_close(got, np.array([3.0, 2.0, 3.0]))


def guarded(x):
    return np.sum(np.where(x > 0, x, 1 / x))


def square_root(x):
    return np.sum(np.where(x > 0, np.sqrt(x), 0.0))


def double_where(x):
    return np.sum(np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0))


@pytest.mark.parametrize("options", MODES)
def test_c9_where_and_nan(options):
    x = np.array([2.0, -2.0])
    assert_close(srcad.grad(guarded, **options)(x), np.array([1.0, -0.25]))
    zero = np.array([0.0, 4.0])
    with np.errstate(all="ignore"):
        assert np.isnan(srcad.grad(square_root, **options)(zero)[0])  # 0 * inf, as mathematics
    assert_close(srcad.grad(double_where, **options)(zero), np.array([0.0, 0.25]))

    def scaled(x, weight):
        return np.sum(np.where(x > 0, x, 2.0 * x) * weight)

    got = srcad.grad(scaled, **options)(x, np.array([1.0, np.inf]))
    assert_close(got, np.array([1.0, np.inf]))  # not nan from 0 * inf


def constant_power(x):
    return x**2 + x**3


def integer_power(x, n):
    return x**n


def zero_power(x):
    return x**0


@pytest.mark.parametrize("options", MODES)
def test_c10_power(options):
    assert_close(srcad.grad(constant_power, **options)(0.0), 0.0)
    assert_close(srcad.grad(constant_power, **options)(-2.0), 8.0)
    assert_close(srcad.grad(integer_power, **options)(0.0, 2), 0.0)
    assert_close(srcad.grad(integer_power, **options)(-2.0, 3), 12.0)
    assert_close(srcad.grad(integer_power, **options)(0.0, 0), 0.0)
    assert_close(srcad.grad(zero_power, **options)(0.0), 0.0)
    gx, gy = srcad.grad(power, (0, 1), **options)(np.array([2.0, 0.0]), np.array([3.0, 2.0]))
    assert_close(gx, np.array([12.0, 0.0]))
    assert_close(gy, np.array([8.0 * math.log(2.0), 0.0]))


def maximum_of(u):
    return np.max(u)


def absolute(u):
    return np.sum(np.abs(u))


def size(u):
    return np.linalg.norm(u)


@pytest.mark.parametrize("options", MODES)
def test_c11_kinks(options):
    assert_close(srcad.grad(maximum_of, **options)(np.array([1.0, 2.0, 2.0])),
                 np.array([0.0, 0.5, 0.5]))  # fmt: skip
    assert_close(srcad.grad(absolute, **options)(np.array([0.0, -2.0, 3.0])),
                 np.array([0.0, -1.0, 1.0]))  # fmt: skip
    assert_close(srcad.grad(size, **options)(np.array([3.0, 4.0])), np.array([0.6, 0.8]))


def algebra(x, y):
    return x * 0.0 + x / x + x * 1.0 + (y + 0.0) * (x - x) + 0 * y - (-x)


SPECIAL = [0.0, -0.0, 1.5, math.inf, -math.inf, math.nan]


def test_c12_no_unsafe_algebra():
    fast, plain = (
        srcad.value_and_grad(algebra, (0, 1), optimize=flag) for flag in (True, False)
    )
    with np.errstate(all="ignore"):
        for x in SPECIAL:
            for y in SPECIAL:
                args = np.array([x, x]), np.array([y, y])
                (v, (a, b)), (w, (c, d)) = (
                    srcad.value_and_grad(total, (0, 1), optimize=flag)(*args)
                    for flag in (True, False)
                )
                assert v.tobytes() == w.tobytes()
                np.testing.assert_array_equal(a, c)
                np.testing.assert_array_equal(b, d)
                assert (np.signbit(a) == np.signbit(c))[~np.isnan(a)].all()
                if x != 0:  # a float division by zero raises in Python
                    np.testing.assert_equal(fast(x, y), plain(x, y))


def total(x, y):
    return np.sum(algebra(x, y))


REDUCTIONS = [np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (-1, 0)], ids=str)
@pytest.mark.parametrize("reduction", REDUCTIONS, ids=lambda r: r.__name__)
def test_c13_reductions(reduction, axis, keepdims):
    def f(x, axis=axis, keepdims=keepdims):
        return reduction(x, axis=axis, keepdims=keepdims)

    check_grads(f, (np.random.default_rng(3).normal(size=(2, 3, 2)),), order=1)


def with_ddof(x):
    return np.var(x, ddof=1)


def with_where(x):
    return np.sum(x * x, where=x > 0)


def with_initial(x):
    return np.sum(x * x, initial=5.0)


@pytest.mark.parametrize("f", [with_ddof, with_where, with_initial])
def test_c13_other_keywords_are_used_or_refused(f):
    x = np.array([0.5, -1.5, 2.5])
    try:
        got = srcad.grad(f)(x)
    except errors.SrcadError as error:
        assert isinstance(error, errors.MissingRuleError)
        assert error.loc is not None and error.advice
    else:
        h = 1e-6
        want = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(3)]
        assert_close(got, np.array(want), rtol=1e-6)


def through_complex(x):
    z = np.exp(1j * x)
    return np.sum(np.real(z * np.conj(z) * x) + np.abs(z + 1.0))


def test_c14_real_arguments_get_real_gradients():
    x = np.array([0.3, 1.1])
    try:
        got = srcad.grad(through_complex)(x)
    except errors.SrcadError:
        return  # refused is right, a wrong number is not
    assert_close(got, 1 - np.sin(x) / np.sqrt(2 + 2 * np.cos(x)), rtol=1e-7)


def complex_result(z):
    return z * z


def complex_square(z):
    return np.real(z * np.conj(z))


def test_c14_complex_argument():
    with pytest.raises(errors.SignatureError):
        srcad.grad(complex_result)(1.0 + 2.0j)
    try:
        got = srcad.grad(complex_square)(1.0 + 2.0j)
    except errors.SrcadError:
        return
    assert abs(got - (2.0 - 4.0j)) < 1e-12  # df/dx - i df/dy


def order_of_sum(u):
    s = 0.1
    for e in u:
        s = s + e * 1.1 + e / 3.0
    return s * np.sum(u) + np.mean(u)


@pytest.mark.parametrize("options", MODES)
def test_c15_the_value_is_that_of_the_primal_bit_by_bit(options):
    for seed in range(5):
        u = np.random.default_rng(seed).normal(size=11)
        assert srcad.value_and_grad(order_of_sum, **options)(u)[0] == order_of_sum(u)


@pytest.mark.parametrize(
    "value",
    [np.array([1.0, None], dtype=object), "text",
     np.array(["a"]),
     np.array(["2020-01-01"], "M8"),
     np.ma.masked_array([1.0, 2.0], [True, False]), np.matrix([[1.0]]), None, object()],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_c16_odd_arguments_are_refused(value):
    with pytest.raises(errors.SignatureError) as caught:
        srcad.grad(square)(value)
    assert caught.value.reason and caught.value.advice


def contraction(x):
    return np.sum(np.sin(x) * x) + np.sum(x[0] * x[-1])


@pytest.mark.parametrize("options", MODES)
def test_c17_memory_layouts(options):
    base = np.random.default_rng(5).normal(size=(6, 4))
    read_only = base.copy()
    read_only.setflags(write=False)
    for x in (base[::2], base.T, np.asfortranarray(base), base[::-1, ::-1], read_only):
        want = srcad.grad(contraction)(np.ascontiguousarray(x))
        kept = x.copy()
        assert_close(srcad.grad(contraction, **options)(x), want)
        np.testing.assert_array_equal(x, kept)


def test_c17_big_endian():
    x = np.arange(1.0, 5.0).reshape(2, 2)
    want = srcad.grad(contraction)(x)
    got = srcad.grad(contraction)(x.astype(">f8"))
    np.testing.assert_allclose(got, want)


def noisy(x, rng):
    z = rng.normal()
    return x * z * z + z * z


@pytest.mark.parametrize("options", MODES)
def test_c18_random_numbers_are_drawn_once(options):
    rng = np.random.default_rng(11)
    draws = np.random.default_rng(11).normal(size=4).tolist()
    df = srcad.value_and_grad(noisy, **options)
    for z in draws[:2]:
        assert_close(df(2.0, rng), (3.0 * z * z, z * z))
    value, pull = srcad.vjp(noisy, 2.0, rng, **options)
    assert_close(value, 3.0 * draws[2] ** 2)
    assert_close(pull(1.0)[0], draws[2] ** 2)
    _, dot = srcad.jvp(noisy, (2.0, rng), (1.0, None), **options)
    assert_close(dot, draws[3] ** 2)


def noisy_loop(x, n, rng):
    s = 0.0
    for _ in range(n):
        z = rng.normal()
        s = s + np.exp(x * z) * z
    return s


def noisy_steps(x, n, rng):
    while n > 0:
        x = x * rng.normal()
        n = n - 1
    return x


@pytest.mark.parametrize("options", MODES)
def test_c18_random_numbers_in_loops(options):
    z = np.random.default_rng(3).normal(size=5)
    df = srcad.value_and_grad(noisy_loop, **options)
    assert_close(
        df(0.5, 5, np.random.default_rng(3)),
        (np.sum(np.exp(0.5 * z) * z), float(np.sum(np.exp(0.5 * z) * z * z))),
    )
    d2 = srcad.grad(srcad.grad(noisy_loop, **options))
    assert_close(d2(0.5, 5, np.random.default_rng(3)), float(np.sum(np.exp(0.5 * z) * z**3)))
    df = srcad.value_and_grad(noisy_steps, **options)
    assert_close(df(2.0, 5, np.random.default_rng(3)), (float(2.0 * np.prod(z)), float(np.prod(z))))


def global_draws(x):
    first = np.random.rand()
    second = random.gauss(0.0, 1.0)
    return x * first + x * x * second


def own_generator(x, seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=3)
    return np.sum(x * z)


def scaled_noise(x, sigma, rng):
    return x * rng.normal(0.0, sigma)


def elapsed(x, start):
    return x * (time.time() - start)


def words(x, mode, table):
    if mode.lower().startswith("sq"):
        return x * x
    return x * TABLE.get("three")


TABLE = {"three": 3.0}


@pytest.mark.parametrize("options", MODES)
def test_c18_calls_that_carry_no_derivative(options):
    np.random.seed(4)
    random.seed(4)
    first, second = np.random.rand(), random.gauss(0.0, 1.0)
    np.random.seed(4)
    random.seed(4)
    assert_close(srcad.grad(global_draws, **options)(3.0), first + 6.0 * second)
    z = np.random.default_rng(8).normal(size=3)
    assert_close(srcad.grad(own_generator, **options)(3.0, 8), float(np.sum(z)))
    z = np.random.default_rng(8).normal(0.0, 2.5)
    df = srcad.grad(scaled_noise, **options)
    assert_close(df(3.0, 2.5, np.random.default_rng(8)), z)
    with pytest.raises(errors.MissingRuleError, match="is differentiated"):
        srcad.grad(scaled_noise, "sigma", **options)(3.0, 2.5, np.random.default_rng(8))
    assert abs(srcad.grad(elapsed, **options)(2.0, time.time() - 100.0) - 100.0) < 5.0
    df = srcad.grad(words, **options)
    assert_close(df(2.0, "SQUARE", None), 4.0)
    assert_close(df(2.0, "other", None), 3.0)
    misses = df.cache_info()["misses"]
    df(2.0, "SQUARE", None), df(2.0, "other", None)
    assert df.cache_info()["misses"] == misses and df.cache_info()["invalidated"] == 0


def shuffles(x, rng):
    rng.shuffle(x)
    return x[0]


def shuffles_list(x, rng):
    order = [1.0, 2.0, 3.0]
    rng.shuffle(order)
    return x[0] * order[0]


def collects(x):
    SEEN.append(x * x)
    return SEEN[-1]


SEEN = [1.0]


@pytest.mark.parametrize("options", MODES)
def test_c18_calls_that_could_change_a_value_or_carry_a_derivative(options):
    for f, args in ((shuffles, (np.ones(3), RNG)), (shuffles_list, (np.ones(3), RNG)),
                    (collects, (2.0,))):  # fmt: skip
        with pytest.raises(errors.MissingRuleError) as caught:
            srcad.grad(f, **options)(*args)
        assert caught.value.loc.line == f.__code__.co_firstlineno + (2 if "list" in str(f) else 1)
    assert SEEN == [1.0]


def test_c8_no_adjoint_of_a_step_is_printed():
    text = srcad.source(steps, types="x: float")
    assert "floor_bar" not in text


def terms_of_both_kinds(x, y, c):
    s = 0.0
    for _ in range(x.shape[0]):
        s += c + c
    for i in range(x.shape[0] - 1):
        s += np.sin(x[i]) - y[i + 1] * s
    return s + c


@pytest.mark.parametrize("optimize", [True, False])
def test_c5_a_float_has_a_float_as_gradient_also_where_numpy_scalars_come_in(optimize):
    x, y = np.array([0.3, 0.4, 0.5]), np.array([0.1, 0.2, 0.7])
    got = srcad.grad(terms_of_both_kinds, argnums="c", optimize=optimize)(x, y, 1.5)
    assert_close(got, 6.0 * (1.0 - 0.2) * (1.0 - 0.7) + 1.0)
