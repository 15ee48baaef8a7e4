"""Section D of the pitfalls: differentiation itself."""

from __future__ import annotations

import ast
import math
import os
import time
import tracemalloc

import numpy as np
import pytest
from oracle import entries

import srcad
import srcad.runtime
from srcad import errors, rules
from srcad.rules.registry import TABLE
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


def siskind_pearlmutter(x):
    return x * srcad.grad(lambda y: x + y)(1.0)


def inner_of_inner(x):
    return srcad.grad(lambda y: y * srcad.grad(lambda z: x * y * z * z)(y))(x)


def made_in_a_loop(x):
    s = 0.0
    for k in range(3):

        def inner(y):
            return x * y * y + k  # noqa: B023

        s = s + srcad.grad(inner)(x + k) * x
    return s


@pytest.mark.parametrize("options", MODES)
def test_d1_derivatives_of_closures(options):
    for x in (5.0, -1.0):
        assert_close(srcad.grad(siskind_pearlmutter, **options)(x), 1.0)
        assert_close(srcad.jvp(siskind_pearlmutter, (x,), (1.0,), **options), (x, 1.0))
        # d/dy of y * 2 x y * y is 6 x y**2, at y = x: 6 x**3
        assert_close(srcad.grad(inner_of_inner, **options)(x), 18 * x**2)
        # the sum of 2 x**2 (x + k) over k
        want = sum(6 * x**2 + 4 * k * x for k in range(3))
        assert_close(srcad.grad(made_in_a_loop, **options)(x), want)


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


THRICE = """
    calls.helper_in_loop calls.recursion calls.mutual_recursion control_flow.relu_network
    closures_lambdas.nested_with_loop early_exit.return_in_nested_loop early_exit.bounded_newton
    early_exit.continue_in_nested_loop indexing_reads.slices_in_loop
    indexing_reads.repeated_indices indexing_reads.moving_window loops.zipped
    loops.carry_from_scalar_to_array loops.while_in_while early_exit.while_true_with_return
    calls.helper_on_arrays control_flow.condition_on_element scientific.runge_kutta
    loops.array_grows_by_stacking loops.rows_and_elements nested_derivatives.gradient_of_vector
    nested_derivatives.two_arguments nested_derivatives.inner_product_with_outer_variable
    """.split()
CORPUS = {entry.name: entry for entry in entries()}


@pytest.mark.parametrize("name", THRICE)
def test_d4_third_order_in_all_nestings(name):
    """`check_grads` takes each derivative forward and reverse: eight nestings of three."""
    case = next(CORPUS[name].cases())
    check_grads(case.call, case.args(), order=3, rtol=1e-5)


def cubic(y):
    return y * y * y


def slope_times(x):
    return srcad.grad(cubic)(x) * x


@pytest.mark.parametrize("options", MODES)
def test_d4_a_tape_that_is_read_twice(options):
    """The cotangents of a tape are added part by part; `+` would join two tuples."""
    d1 = srcad.grad(slope_times, **options)
    d2, d3 = srcad.grad(d1), srcad.grad(srcad.grad(d1))
    assert_close((d1(2.0), d2(2.0), d3(2.0), srcad.grad(d3)(2.0)), (36.0, 36.0, 18.0, 0.0))


def test_d4_parts_of_cotangents_are_added_and_never_joined():
    add_parts, zeros_like = srcad.runtime.add_parts, srcad.runtime.zeros_like
    u = np.array([1.0, 2.0])
    assert_close(add_parts((1.0, (u, None)), (2.0, (u, 3.0))), (3.0, (2 * u, 3.0)))
    assert_close(add_parts([1.0, (2.0,)], [3.0, (4.0,)]), [4.0, (6.0,)])
    assert add_parts(None, None) is None
    with pytest.raises(ValueError):
        add_parts((1.0, 2.0), (1.0,))
    ragged = zeros_like([u, np.ones((2, 2)), 1.0])
    assert ragged.shape == (3,)
    assert_close([*(ragged + ragged)], [np.zeros(2), np.zeros((2, 2)), 0.0])
    assert_close(zeros_like([u, u]), np.zeros((2, 2)))
    assert_close(zeros_like([(1.0, 2), (3.0, 4)]), np.zeros((2, 2)))


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

    # 40 times the reads; a zero-filled array per read would cost several hundred times. Arrays
    # that do not fit in memory that was used before would take longer per element.
    assert seconds(20_000) < 160 * seconds(500)


def scan_by_helper(u, v):
    s = 0.0
    for i in range(len(u)):
        for j in range(2):
            s = s + product(u, i) * v[j] * u[-1]
    return s


def product(u, i):
    return u[i] * u[i]


def scan_by_element(u):
    s = 0.0
    for e in u:
        s = s + e * e
    return s


@pytest.mark.parametrize("f", [scan, scan_by_helper, scan_by_element, repeated_reads])
def test_d6_no_array_is_made_in_a_loop(f):
    """So the cost of a gradient grows as that of the function, for any length."""
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    text = srcad.source(f, argnums=names, types=dict.fromkeys(names, "f64[*]"))
    loops = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.For, ast.While))]
    called = {ast.unparse(n.func) for loop in loops for n in ast.walk(loop)
              if isinstance(n, ast.Call)}  # fmt: skip
    assert loops
    assert called <= {"range", "len", "reversed", "zip", "enumerate"}


def peak(f, *args):
    """The most memory that a call of `f` has at any time, results included, in bytes."""
    f(*args)
    tracemalloc.start()
    try:
        f(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def many_terms(count):
    terms = " + ".join(f"np.sum(x * {k}.5)" for k in range(count))
    text = f"def f(x):\n    return {terms}\n"
    namespace = {"np": np}
    exec(text, namespace)
    return namespace["f"], text


def many_turns(x, n):
    s = 0.0
    for k in range(n):
        s = s + np.sum(x * k)
    return s


def test_d7_sums_of_many_contributions():
    x = np.ones(50_000)
    few, many = (srcad.grad(f, source=text) for f, text in map(many_terms, (4, 40)))
    assert_close(many(x), np.full_like(x, sum(k + 0.5 for k in range(40))))
    assert peak(many, x) < peak(few, x) + 0.5 * x.nbytes
    df = srcad.grad(many_turns)
    assert_close(df(x, 40), np.full_like(x, 780.0))
    assert peak(df, x, 40) < peak(df, x, 4) + 0.5 * x.nbytes


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


def test_d9_two_functions_of_one_name_from_two_modules(tmp_path, monkeypatch):
    (tmp_path / "one_d9.py").write_text("K = 2.0\n\n\ndef g(a):\n    return K * a * a\n")
    (tmp_path / "two_d9.py").write_text("K = 5.0\n\n\ndef g(a):\n    return K * a * a * a\n")
    (tmp_path / "user_d9.py").write_text(
        "import one_d9\nimport two_d9\n\n\n"
        "def f(x):\n    return one_d9.g(x) + two_d9.g(x) * one_d9.g(x)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    f = __import__("user_d9").f
    for options in MODES:
        assert_close(srcad.grad(f, **options)(2.0), 4 * 2.0 + 5 * 10 * 2.0**4)


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


@pytest.fixture
def ruled():
    """A function of two arguments that has no rule yet, and a function that calls it."""
    before = dict(TABLE)

    def scaled(x, y):
        return np.asarray(x * y)

    def f(x, y):
        return np.sum(scaled(x, y))

    yield scaled, f
    TABLE.clear()
    TABLE.update(before)


def product_rule(fn, vjp, jvp=None):
    def both(dots, r, x, y):
        return sum(d * o for d, o in zip(dots, (y, x)) if d is not None)

    rules.rule(fn)(type("product_rule", (), {"vjp": vjp, "jvp": jvp or both}))


WRONG_NUMBERS = {
    "one partial": lambda fn: rules.elementwise(fn, lambda r, x, y: y),
    "three partials": lambda fn: rules.elementwise(fn, lambda r, x, y: (y, x, x)),
    "no cotangents": lambda fn: product_rule(fn, lambda g, r, x, y: None),
    "one cotangent": lambda fn: product_rule(fn, lambda g, r, x, y: (g * y,)),
    "three cotangents": lambda fn: product_rule(fn, lambda g, r, x, y: (g * y, g * x, g)),
}


@pytest.mark.parametrize("name", WRONG_NUMBERS)
def test_d11_a_rule_with_the_wrong_number_of_derivatives(name, ruled):
    scaled, f = ruled
    declare = WRONG_NUMBERS[name]
    declare(scaled)
    args = np.array([0.5, -1.5]), np.array([2.0, 3.0])
    for options in MODES:
        with pytest.raises(errors.SignatureError, match="the rule of .*scaled.* gives") as caught:
            srcad.grad(f, (0, 1), **options)(*args)
        assert f"{__file__}:" in caught.value.reason  # where the rule is declared
        assert caught.value.loc.file == __file__ and caught.value.advice


def test_d11_jvp_and_vjp_with_different_parameters(ruled):
    with pytest.raises(errors.SignatureError, match="`product_rule` take different arguments"):
        product_rule(ruled[0], lambda g, r, x, y: (g * y, g * x), lambda dots, r, x: dots[0] * x)


@pytest.mark.parametrize(
    "partials",
    [(lambda g, r, x, y: (np.sum(g * y), g * x)), (lambda g, r, x, y: (g * x, g * y)),
     (lambda g, r, x, y: (g * y, -g * x)), (lambda g, r, x, y: (np.stack([g, g]), g * x)),
     (lambda g, r, x, y: (None, g * x)), (lambda g, r, x, y: (g * y + 1e-4, g * x))],
    ids=["shape", "swapped", "sign", "rank", "missing", "inexact"],
)  # fmt: skip
def test_d11_check_grads_rejects_a_wrong_rule(partials, ruled):
    scaled, f = ruled
    product_rule(scaled, partials)
    with pytest.raises(AssertionError, match="the cotangent by vjp of f"):
        check_grads(f, (np.array([0.5, -1.5]), np.array([2.0, 3.0])))


def test_d11_check_grads_accepts_a_right_rule(ruled):
    scaled, f = ruled
    product_rule(scaled, lambda g, r, x, y: (g * y, g * x))
    check_grads(f, (np.array([0.5, -1.5]), np.array([2.0, 3.0])))


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


def complex_result(x):
    return x * 1j


def no_result(x):
    x * x


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize(
    "f, x, typed, generic, advice",
    [
        (not_scalar, np.array([1.0, 2.0]), "an array of type f64[*]", "an array of shape (2,)",
         "use srcad.vjp or srcad.jvp for results that are arrays, or sum the result"),
        (with_tuple, 2.0, "a tuple", "a tuple",
         "return one number, or use has_aux=True for (value, auxiliary)"),
        (complex_result, 2.0, "a complex number", "a complex number",
         "return a real number, such as abs(z) or z.real"),
        (no_result, 2.0, "None", "None",
         "return one number, or use has_aux=True for (value, auxiliary)"),
    ],
)  # fmt: skip
def test_d13_non_scalar_results(f, x, typed, generic, advice, options):
    what = generic if "generic" in options else typed
    line = f.__code__.co_firstlineno
    head = f"def {f.__name__}(x):"
    lead = f"    {line}"
    for transform in (srcad.grad, srcad.value_and_grad):
        with pytest.raises(errors.SignatureError) as caught:
            transform(f, **options)(x)
        assert str(caught.value) == (
            f"the gradient of `{f.__name__}` is asked for, but it returns {what}\n"
            f'  File "{os.path.relpath(__file__)}", line {line}, column 1, in {f.__name__}\n'
            f"{lead} | {head}\n{' ' * len(lead)} | ^^^\n"
            "Reason: a gradient is of a function that returns one real number\n"
            f"Instead: {advice}"
        )
        assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("options", MODES)
def test_d13_auxiliary_results_and_arrays_of_one(options):
    assert_close(srcad.grad(with_tuple, has_aux=True, **options)(2.0), (4.0, 6.0))
    assert_close(
        srcad.value_and_grad(with_tuple, has_aux=True, **options)(2.0), ((4.0, 6.0), 4.0)
    )
    assert_close(srcad.grad(not_scalar, **options)(np.array([3.0])), np.array([6.0]))


def test_d13_text_that_stands_alone_raises_a_type_error():
    text = srcad.source(not_scalar, standalone=True)
    assert "srcad." not in text and "import srcad" not in text
    names: dict = {}
    exec(text, names)
    with pytest.raises(TypeError, match=r"but this is an array of shape \(2,\)"):
        names["not_scalar_grad"](np.array([1.0, 2.0]))
    assert_close(names["not_scalar_grad"](np.array([3.0])), np.array([6.0]))


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


def domain_error(x):
    math.sqrt(-abs(x))
    return x * x


def float_division(x, y):
    x / y
    return x * x


def list_index(x, values):
    values[3]
    return x * x


def overflow(x):
    x**1000
    return x * x


def not_a_whole_number(x):
    int(x / x * math.inf)
    return x * x


def dead_loop(x, values):
    total = 0.0
    for v in values:
        total = total + 1.0 / v
    return x * x


def in_a_branch(x, y):
    if x > 1.0:
        1.0 / y
    return x * x


def reads(values, n):
    return values[n] * values[n + 1]


def in_a_helper(x, values):
    first, _ = values[0], reads(values, 7)
    return x * x * first


def big_helper(x, y):
    for i in range(3):
        for k in range(3):
            x = math.exp(x) / (y + i * k)
            x = math.exp(x) / (y + i * k)
    return x


def in_a_call(x, y):
    big_helper(x, y)
    return x * x


def singular(x, a):
    np.linalg.inv(a)
    return x * x


RAISING = [
    (out_of_range, (np.ones(3),), IndexError),
    (no_divisor, (2.0, 0), ZeroDivisionError),
    (float_division, (2.0, 0.0), ZeroDivisionError),
    (domain_error, (2.0,), ValueError),
    (list_index, (2.0, [1.0, 2.0]), IndexError),
    (overflow, (10.0,), OverflowError),
    (not_a_whole_number, (2.0,), OverflowError),
    (dead_loop, (2.0, [1.0, 0.0]), ZeroDivisionError),
    (in_a_branch, (2.0, 0.0), ZeroDivisionError),
    (in_a_helper, (2.0, [1.0, 2.0]), IndexError),
    (in_a_call, (2.0, 0.0), ZeroDivisionError),
    (singular, (2.0, np.zeros((2, 2))), np.linalg.LinAlgError),
]


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("f, args, error", RAISING, ids=[f.__name__ for f, _, _ in RAISING])
def test_d16_what_returns_the_result_raises_what_the_function_raises(f, args, error, options):
    with pytest.raises(error) as own:
        f(*args)
    tangents = (np.ones_like(args[0]) if isinstance(args[0], np.ndarray) else 1.0,)
    tangents += (None,) * (len(args) - 1)
    for call in (
        lambda: srcad.value_and_grad(f, **options)(*args),
        lambda: srcad.vjp(f, *args, **options),
        lambda: srcad.jvp(f, args, tangents, **options),
    ):
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == str(own.value)


@pytest.mark.parametrize("options", MODES)
def test_d16_in_a_branch_that_is_not_taken(options):
    assert_close(srcad.value_and_grad(in_a_branch, **options)(0.5, 0.0), (0.25, 1.0))


def test_d16_grad_may_leave_it_out():
    assert_close(srcad.grad(out_of_range)(np.ones(3)), 2.0 * np.ones(3))
    assert_close(srcad.grad(no_divisor)(2.0, 0), 4.0)
    assert_close(srcad.hvp(out_of_range, (np.ones(3),), (np.ones(3),)), (2.0 * np.ones(3),))


def elementwise_leftovers(x, y):
    x / y + np.sqrt(x) * x[1:2] - np.exp(x)
    x.sum() * 2.0
    return np.sum(x * x)


def test_d16_what_cannot_raise_is_left_out():
    x = np.ones(3)
    df = srcad.value_and_grad(elementwise_leftovers)
    df(x, x)
    body = df.source.split('"""')[2]
    assert "sqrt" not in body and "exp" not in body and "y" not in body
    assert "x[10]" in srcad.source(out_of_range, types="x: f64[*]", value=True)
    assert "x[10]" not in srcad.source(out_of_range, types="x: f64[*]")
