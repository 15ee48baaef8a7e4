"""Section D of the pitfalls: differentiation itself."""

from __future__ import annotations

import time

import numpy as np
import pytest

import srcad
from srcad import errors
from srcad.testing import assert_close, check_grads

MODES = [{}, {"generic": True}, {"optimize": False}, {"generic": True, "optimize": False}]


def add(x, y):
    return x + y


def confused(x):
    return x * srcad.grad(add, 1)(x, 3.0)


def in_a_loop(x):
    s = 0.0
    for k in range(3):
        s = s + x * srcad.grad(cube)(x + k)
    return s


def cube(x):
    return x * x * x


@pytest.mark.parametrize("options", MODES)
def test_d1_perturbation_confusion(options):
    assert_close(srcad.grad(confused, **options)(5.0), 1.0)
    assert_close(srcad.jvp(confused, (5.0,), (1.0,), **options), (5.0, 1.0))
    # d/dx of x * 3 * sum((x + k)**2)
    x = 1.5
    want = sum(3 * (x + k) ** 2 + 6 * x * (x + k) for k in range(3))
    assert_close(srcad.grad(in_a_loop, **options)(x), want)


def closed_over(x):
    return srcad.grad(lambda y: x * y * y)(2.0)


@pytest.mark.parametrize("options", MODES)
def test_d2_closure_that_holds_an_active_value(options):
    assert_close(srcad.grad(closed_over, **options)(3.0), 4.0)


def constant(x, y):
    return 3.0


def half_dead(x, y):
    return np.sum(x[:2]) * 2.0


@pytest.mark.parametrize("options", MODES)
def test_d3_output_independent_of_input(options):
    x = np.ones(4, np.float32)
    gx, gy = srcad.grad(constant, (0, 1), **options)(x, 2.0)
    assert_close(gx, np.zeros(4, np.float32))
    assert type(gy) is float and gy == 0.0
    gx, gy = srcad.grad(half_dead, (0, 1), **options)(np.ones(4), 2.0)
    assert_close(gx, np.array([2.0, 2.0, 0.0, 0.0]))
    assert gy == 0.0


def polynomial_loop(x, n):
    y = 1.0
    for _ in range(n):
        if y < 100.0:
            y = y * x
    return y


@pytest.mark.parametrize("options", MODES)
def test_d4_higher_order_through_tapes(options):
    d1 = srcad.grad(polynomial_loop, **options)
    d2, d3 = srcad.grad(d1), srcad.grad(srcad.grad(d1))
    assert_close(d1(1.5, 4), 4 * 1.5**3)
    assert_close(d2(1.5, 4), 12 * 1.5**2)
    assert_close(d3(1.5, 4), 24 * 1.5)
    check_grads(polynomial_loop, (1.5, 4), order=3)


def repeated_reads(u):
    s = 0.0
    for i in range(len(u)):
        s = s + u[i] * u[i] * u[0]
    return s + np.sum(u[[0, 0, -1]] ** 3)


@pytest.mark.parametrize("options", MODES)
def test_d5_higher_order_of_accumulating_reads(options):
    u = np.array([0.5, -1.5, 2.0])

    def hessian_by_hand(u):
        h = np.diag(2 * u[0] * np.ones(3))
        h[0] += 2 * u
        h[:, 0] += 2 * u
        h[0, 0] += 12 * u[0]
        h[2, 2] += 6 * u[2]
        return h

    for k, e in enumerate(np.eye(3)):
        got = srcad.hvp(repeated_reads, (u,), (e,), **options)[0]
        assert_close(got, hessian_by_hand(u)[k])
    check_grads(repeated_reads, (u,), order=3)


def scan(u):
    s = 0.0
    for i in range(len(u)):
        s = s + u[i] * u[i]
    return s


def test_d6_reads_in_a_loop_are_linear():
    df = srcad.grad(scan)

    def seconds(n):
        u = np.ones(n)
        df(u)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            df(u)
            times.append(time.perf_counter() - start)
        return min(times)

    # 40 times the reads; a zero-filled array per read would cost 1,600 times
    assert seconds(80_000) < 160 * seconds(2_000)


def unused_tail(y):
    return np.sum(np.exp(y) * 3.0)


def test_d8_unused_primal_work_is_dropped():
    assert "np.sum" not in srcad.source(unused_tail, types={"y": "f64[*]"})
    assert "np.sum" in srcad.source(unused_tail, types={"y": "f64[*]"}, value=True)


def g(a, b):
    return a * a * b


def both_ways(x, c):
    return g(x, c) + g(c, x)


def named_g(factor):
    def g(a):
        return factor * a * a

    return g


first, second = named_g(2.0), named_g(5.0)


def two_of_one_name(x):
    return first(x) + second(x) * x


@pytest.mark.parametrize("options", MODES)
def test_d9_one_callee_with_different_active_arguments(options):
    assert_close(srcad.grad(both_ways, **options)(2.0, 3.0), 2 * 2.0 * 3.0 + 9.0)
    assert_close(srcad.grad(both_ways, 1, **options)(2.0, 3.0), 4.0 + 2 * 2.0 * 3.0)


@pytest.mark.parametrize("options", MODES)
def test_d9_two_closures_of_one_definition(options):
    assert_close(srcad.grad(two_of_one_name, **options)(2.0), 4 * 2.0 + 15 * 4.0)


def binds(p, /, x, y=3.0, *, z=2.0):
    return p * x * y**2 * z**3


@pytest.mark.parametrize("options", MODES)
def test_d10_kinds_of_parameters(options):
    assert_close(srcad.grad(binds, "z", **options)(1.0, 2.0), 1 * 2 * 9 * 3 * 4.0)
    assert_close(srcad.grad(binds, "y", **options)(1.0, 2.0), 1 * 2 * 6 * 8.0)
    assert_close(srcad.grad(binds, "y", **options)(1.0, 2.0, z=1.0), 12.0)
    assert_close(srcad.grad(binds, ("p", "y"), **options)(1.0, y=1.0, x=2.0), (16.0, 32.0))
    with pytest.raises(TypeError):
        srcad.grad(binds)(p=1.0, x=2.0)
    with pytest.raises(TypeError, match="w"):
        srcad.grad(binds)(1.0, 2.0, w=2.0)


def variadic(x, *rest):
    return x * rest[0] * rest[1]


def test_d10_star_arguments():
    try:
        got = srcad.grad(variadic)(2.0, 3.0, 4.0)
    except errors.SrcadError as error:
        assert error.advice
        return
    assert_close(got, 12.0)


def structured(params, x):
    return np.sum((params["w"] @ x + params["b"][0]) ** 2)


@pytest.mark.parametrize("options", MODES)
def test_d12_argnums_into_structures(options):
    w, b, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, -0.5]), np.array([1.0, -1.0])
    params = {"w": w, "b": (b, "note")}
    residual = 2 * (w @ x + b)
    assert_close(srcad.grad(structured, "params['w']", **options)(params, x), np.outer(residual, x))
    assert_close(srcad.grad(structured, "params['b'][0]", **options)(params, x), residual)
    params = {"w": w, "b": (b,)}
    got = srcad.grad(structured, **options)(params, x)
    assert_close(got, {"w": np.outer(residual, x), "b": (residual,)})


def not_scalar(x):
    return x * x


def with_tuple(x):
    return x * x, 3.0 * x


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(options, marks=pytest.mark.xfail(
            strict=True, raises=TypeError, reason="generic code raises a plain TypeError"
        )) if "generic" in options else options
        for options in MODES
    ],
)  # fmt: skip
def test_d13_non_scalar_results(options):
    for f, x in ((not_scalar, np.array([1.0, 2.0])), (with_tuple, 2.0)):
        with pytest.raises(errors.SignatureError) as caught:
            srcad.grad(f, **options)(x)
        assert caught.value.advice
    assert_close(srcad.grad(with_tuple, has_aux=True, **options)(2.0), (4.0, 6.0))
    assert_close(
        srcad.value_and_grad(with_tuple, has_aux=True, **options)(2.0), ((4.0, 6.0), 4.0)
    )
    try:
        got = srcad.grad(not_scalar, **options)(np.array([3.0]))
    except errors.SignatureError:
        return
    assert_close(got, np.array([6.0]))


@pytest.mark.parametrize("seed", [np.ones(3), np.ones((2, 1)), 1.0, np.ones((1, 2))], ids=np.shape)
def test_d14_seeds_of_wrong_shape(seed):
    x = np.array([1.0, 2.0])
    _, pull = srcad.vjp(not_scalar, x)
    with pytest.raises(errors.SeedError, match="never broadcast"):
        pull(seed)
    with pytest.raises(errors.SeedError, match="never broadcast"):
        srcad.jvp(not_scalar, (x,), (seed,))
    with pytest.raises(errors.SeedError, match="never broadcast"):
        srcad.hvp(unused_tail, (x,), (seed,))


def out_of_range(x):
    x[10]
    return np.sum(x * x)


def no_divisor(x, n):
    1 // n
    return x * x


def asserts(x):
    assert x > 0, "positive only"
    return x * x


def test_d16_needed_raises_are_kept():
    with pytest.raises(AssertionError, match="positive only"):
        srcad.grad(asserts)(-1.0)
    with pytest.raises(AssertionError, match="positive only"):
        srcad.value_and_grad(asserts)(-1.0)


@pytest.mark.xfail(strict=True, reason="value_and_grad drops an operation that would raise")
@pytest.mark.parametrize(
    "f, args, error",
    [(out_of_range, (np.ones(3),), IndexError), (no_divisor, (2.0, 0), ZeroDivisionError)],
)
def test_d16_value_and_grad_raises_what_the_primal_raises(f, args, error):
    with pytest.raises(error):
        srcad.value_and_grad(f)(*args)
