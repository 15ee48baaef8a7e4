"""Section B of the pitfalls: control flow."""

from __future__ import annotations

import sys

import gast
import numpy as np
import pytest

import srcad
from srcad import errors
from srcad.testing import assert_close, check_grads

MODES = [{}, {"generic": True}, {"optimize": False}, {"generic": True, "optimize": False}]


def refusal(f, *args, kind=errors.UnsupportedSyntaxError, **options):
    """The error of the gradient of `f`, which names place, reason and advice."""
    with pytest.raises(kind) as caught:
        srcad.grad(f, **options)(*args)
    error = caught.value
    assert error.loc is not None
    assert error.loc.file == f.__code__.co_filename
    assert error.reason and error.advice
    assert "^" in str(error)
    return error


def zero_trips(x, n):
    y = x * x
    for i in range(n):
        y = y * x + i
    return y


def zero_length(x, u):
    y = x
    for e in u:
        y = y * e
    return y


def never(x):
    y = 3.0 * x
    while False:
        y = y * x
    return y


@pytest.mark.parametrize("options", MODES)
def test_b1_zero_trip_loops(options):
    assert_close(srcad.grad(zero_trips, **options)(3.0, 0), 6.0)
    assert_close(srcad.grad(zero_trips, **options)(3.0, 1), 27.0)  # x**3 + 0
    assert_close(srcad.grad(zero_length, (0, 1), **options)(3.0, np.zeros(0)), (1.0, np.zeros(0)))
    assert_close(srcad.grad(never, **options)(3.0), 3.0)


def untaken(x, flag):
    if flag:
        extra = x * x
    if flag:
        return extra * x
    return 5.0 * x


def read_unset(x, flag):
    if flag:
        extra = x * x
    return extra * x


@pytest.mark.parametrize("options", MODES)
def test_b2_variable_defined_only_in_an_untaken_branch(options):
    assert_close(srcad.grad(untaken, **options)(2.0, True), 12.0)
    assert_close(srcad.grad(untaken, **options)(2.0, False), 5.0)
    assert_close(srcad.grad(read_unset, **options)(2.0, True), 12.0)
    with pytest.raises(UnboundLocalError, match="extra"):
        read_unset(2.0, False)
    for x in (2.0, np.float64(2.0)):
        with pytest.raises(UnboundLocalError, match="extra"):
            srcad.grad(read_unset, **options)(x, False)
        with pytest.raises(UnboundLocalError, match="extra"):
            srcad.value_and_grad(read_unset, **options)(x, False)


def read_after_no_turns(x, n):
    for i in range(n):
        last = x * i
    return last * x


def test_b2_unset_variable_that_a_tape_holds():
    assert_close(srcad.grad(read_after_no_turns, generic=True)(2.0, 3), 8.0)
    with pytest.raises(UnboundLocalError, match="last"):
        srcad.grad(read_after_no_turns, generic=True)(2.0, 0)


def add_unset(x, n, flag):
    for i in range(n):
        scaled = x * i
    if flag:
        extra = scaled + x
    return extra + x


@pytest.mark.parametrize("options", MODES)
def test_b2_unset_variable_that_only_the_primal_reads(options):
    with pytest.raises(UnboundLocalError, match="extra"):
        srcad.grad(srcad.grad(read_unset, **options), **options)(2.0, False)
    for x in (2.0, np.float64(2.0)):
        df = srcad.grad(add_unset, **options)
        assert_close(float(df(x, 3, True)), 4.0)
        with pytest.raises(UnboundLocalError, match="extra"):
            df(x, 3, False)
        with pytest.raises(UnboundLocalError, match="scaled"):
            df(x, 0, True)


def returned_in_a_chain(x, y):
    if x > y:
        z = x * y
    elif x > 0.0:
        z = x * x
    else:
        return y * y
    return z + x


def test_b2_variable_that_is_set_wherever_it_is_read():
    df = srcad.grad(returned_in_a_chain, argnums=(0, 1))
    assert df(3.0, 1.0) == (2.0, 3.0)
    assert df(1.0, 3.0) == (3.0, 0.0)
    assert df(-1.0, 3.0) == (0.0, 6.0)
    lines = df.source.splitlines()
    assert not any(line.strip() == "z" for line in lines)  # no reader
    assert "    if not t and not x > 0.0:" in lines


def push_in_branch(x, n, bad):
    y = x
    for i in range(n):
        if y > 1.0:
            y = y * np.sin(x)
        else:
            y = y * x * x
        if i == bad:
            raise ValueError("stop")
    return y


def test_b3_an_exception_leaves_nothing_behind():
    df = srcad.grad(push_in_branch)
    before = df(1.3, 6, -1)
    with pytest.raises(ValueError, match="stop"):
        df(1.3, 6, 3)
    assert df(1.3, 6, -1) == before
    check_grads(push_in_branch, (1.3, 6, -1))


def int_then_float(x, n):
    y = 0
    for i in range(n):
        y = y + x * i
    return y * x


def scalar_then_array(x, u):
    y = x
    for _ in range(3):
        y = y * u + x
    return np.sum(y)


def row_then_matrix(u, a):
    y = u
    for _ in range(2):
        y = y + a * u
    return np.sum(y * y)


@pytest.mark.parametrize("options", MODES)
def test_b4_carry_changes_type(options):
    assert_close(srcad.grad(int_then_float, **options)(2.0, 4), 24.0)  # 6 x**2
    check_grads(scalar_then_array, (1.5, np.array([0.5, -1.2, 2.0])))
    rng = np.random.default_rng(0)
    check_grads(row_then_matrix, (rng.normal(size=4), rng.normal(size=(3, 4))))


def rotation1(x, n):
    a = 1.0
    for _ in range(n):
        a = a * x
    return a


def rotation2(x, n):
    a, b = 1.0, 2.0
    for _ in range(n):
        a, b = b, a * x
    return a + 3.0 * b


def rotation3(x, n):
    a, b, c = 1.0, 2.0, 3.0
    for _ in range(n):
        a, b, c = b, c, x
    return a * b * c


def rotation4(x, n):
    a, b, c, d = 1.0, 2.0, 3.0, 4.0
    for _ in range(n):
        a, b, c, d = b, c, d, x * x
    return a * b * c * d


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("n", range(6))
def test_b5_activity_through_a_carry_found_late(n, options):
    x = 1.5
    assert_close(srcad.grad(rotation1, **options)(x, n), n * x ** (n - 1) if n else 0.0)
    numbers, k = [1.0, 2.0, 3.0], min(n, 3)  # k of them are x
    expected = np.prod(numbers[k:]) * k * x ** (k - 1) if k else 0.0
    assert_close(srcad.grad(rotation3, **options)(x, n), float(expected))
    numbers, k = [1.0, 2.0, 3.0, 4.0], min(n, 4)
    expected = np.prod(numbers[k:]) * 2 * k * x ** (2 * k - 1) if k else 0.0
    assert_close(srcad.grad(rotation4, **options)(x, n), float(expected))
    check_grads(rotation2, (x, n))


def variable_afterwards(x, n):
    i = 7
    for i in range(n):  # noqa: B007
        pass
    return x**3 * i


def target_changed(x):
    y = 0.0
    for i in range(4):
        i = i * 2
        y = y + i * x * x
    return y + i * x


def tuple_target(x, u):
    y = 0.0
    for i, (a, b) in enumerate(zip(u, u * x)):
        y = y + i * a * b
    return y * a


def backwards(x):
    y = 0.0
    for i in range(6, 0, -2):
        y = y * x + i
    return y


def zero_step(x, step):
    y = x
    for _ in range(0, 3, step):
        y = y * x
    return y


def test_b6_loop_variable():
    assert_close(srcad.grad(variable_afterwards)(2.0, 0), 84.0)
    assert_close(srcad.grad(variable_afterwards)(2.0, 5), 48.0)
    assert_close(srcad.grad(target_changed)(3.0), 78.0)  # 12 x**2 + 6 x
    check_grads(tuple_target, (1.5, np.array([1.0, -2.0, 3.0])))
    assert_close(srcad.grad(backwards)(3.0), 40.0)  # 6 x**2 + 4 x + 2
    assert_close(srcad.grad(zero_step)(2.0, 2), 12.0)
    with pytest.raises(ValueError):
        srcad.grad(zero_step)(2.0, 0)


def exits(x, n, kind):
    y = x
    for i in range(n):
        for j in range(n):
            if i + j == 3 and kind == 0:
                break
            if j == 1 and kind != 1:
                continue
            if y > 50.0:
                return y * x * i
            y = y * x + j
        else:
            y = y + x
            continue
        y = y * 0.5
        if kind == 2:
            break
    else:
        y = y * x
    return y


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_b7_break_continue_else_return(n, kind):
    for x in (0.7, 1.9):
        check_grads(exits, (x, n, kind))


def condition_on_overwritten(u):
    s = 0.0
    y = 1.0
    for i in range(4):
        v = u[i]
        if v > 0:
            y = y * v
            v = -v
        else:
            y = y - v * v
            v = v + 5.0
        s = s + v * y
    return s


@pytest.mark.parametrize("options", MODES)
def test_b8_condition_is_that_of_the_forward_run(options):
    u = np.array([1.0, -2.0, 3.0, -0.5])
    check_grads(condition_on_overwritten, (u,))
    h = 1e-6
    slopes = [
        (condition_on_overwritten(u + h * e) - condition_on_overwritten(u - h * e)) / (2 * h)
        for e in np.eye(4)
    ]
    got = srcad.grad(condition_on_overwritten, **options)(u)
    assert_close(got, np.array(slopes), rtol=1e-6)


def newton(a):
    y = a
    count = 0
    while abs(y * y - a) > 1e-13 * a and count < 50:
        y = 0.5 * (y + a / y)
        count += 1
    return y


@pytest.mark.parametrize("options", MODES)
def test_b9_while_with_an_active_condition(options):
    assert_close(srcad.grad(newton, **options)(2.0), 0.5 / 2.0**0.5)
    nan = float("nan")  # ends the loop at once: the result is the argument
    assert srcad.grad(newton, **options)(nan) == 1.0


def lazy(x):
    if x > 0 and 1 / x > 2:
        return x * x
    return (1 / x if x != 0 else 4.0) + 3.0 * x


@pytest.mark.parametrize("options", MODES)
def test_b10_short_circuit_stays_lazy(options):
    assert_close(srcad.grad(lazy, **options)(0.0), 3.0)
    assert_close(srcad.grad(lazy, **options)(0.25), 0.5)
    assert_close(srcad.grad(lazy, **options)(2.0), 2.75)
    assert_close(srcad.jvp(lazy, (0.0,), (1.0,), **options), (4.0, 3.0))


def chained(x, y):
    if 0.0 < spoken(y) < 2.0:
        return x * x
    return x


def spoken(y):
    print("middle")
    return y


def test_b11_middle_of_a_chained_comparison_is_evaluated_once(capsys):
    assert_close(srcad.grad(chained)(3.0, 1.0), 6.0)
    assert capsys.readouterr().out == "middle\n"
    assert_close(srcad.grad(chained)(3.0, 5.0), 1.0)
    assert capsys.readouterr().out == "middle\n"


def bounds_rebound(x, n):
    y = x
    for _ in range(n):
        n = n + 5
        y = y * x
    return y * n


@pytest.mark.parametrize("options", MODES)
def test_b12_range_bounds_are_those_at_entry(options):
    assert_close(srcad.grad(bounds_rebound, **options)(2.0, 3), 18 * 4 * 8.0)  # 18 x**4


def test_b12_iterating_a_list_that_grows_is_refused():
    def grows(x):
        values = [x]
        for v in values:
            values.append(v)
        return x

    with pytest.raises(errors.SrcadError) as caught:
        srcad.grad(grows)(1.0)
    assert caught.value.loc is not None and caught.value.advice


def recursive(x, n):
    if n == 0:
        return x
    return recursive(x, n - 1) * 1.001 + x


def even(x, n):
    return x if n == 0 else odd(x * x, n - 1)


def odd(x, n):
    return 2.0 * x if n == 0 else even(3.0 * x, n - 1)


@pytest.mark.parametrize("options", MODES)
def test_b13_recursion(options):
    total = 1.001**100 + sum(1.001**k for k in range(100))
    assert_close(srcad.grad(recursive, **options)(2.0, 100), total)
    # even(x, 3): odd(x^2, 2), even(3 x^2, 1), odd(9 x^4, 0) = 18 x^4
    assert_close(srcad.grad(even, **options)(1.5, 3), 72 * 1.5**3)


def squares(x, n):
    return x if n == 0 else squares(x * x, n - 1) * 0.5


def ping(x, n):
    return x * x if n == 0 else pong(x - 0.001 * x * x, n - 1)


def pong(x, n):
    return 2.0 * x if n == 0 else ping(1.0001 * x, n - 1) + 0.001 * x


def complex_step(f, x, *rest):
    return f(complex(x, 1e-20), *rest).imag / 1e-20


@pytest.mark.parametrize("function, x", [(squares, 1.0), (ping, 0.7), (pong, 0.7)])
@pytest.mark.parametrize("options", MODES)
def test_b13_recursion_to_depth_500(function, x, options):
    expected = 1.0 if function is squares else complex_step(function, x, 500)
    assert_close(srcad.grad(function, **options)(x, 500), expected)
    value, tangent = srcad.jvp(function, (x, 500), (1.0, None), **options)
    assert_close((value, tangent), (function(x, 500), expected))


@pytest.mark.parametrize("function", [recursive, ping, pong])
def test_b13_recursion_above_the_limit(function):
    df = srcad.grad(function)
    with pytest.raises(RecursionError) as caught:
        df(0.5, 100_000)
    assert not isinstance(caught.value, errors.SrcadError)
    assert_close(df(0.5, 3), complex_step(function, 0.5, 3))


STEPS = (
    "{new} = {a} + 0.0002 * {b}",
    "{new} = {a} + 0.001 * np.sin({b})",
    "{new} = {a} - 0.0002 * {b}",
    "{new} = {a} - 0.001 * np.tanh({b})",
    "{new} = {a} * (1.0 + 0.00001 * {b})",
)


def straight(count, names):
    """A function of `count` lines; each line reads two of the last names."""
    lines = ["import numpy as np", "def f(x, y):"]
    known = ["y", "x"]
    for k in range(count):
        a, b = known[-1 - k % 2], known[-1 - k % 7 % len(known)]
        known.append(names(k))
        lines.append("    " + STEPS[k % 5].format(new=known[-1], a=a, b=b))
    return "\n".join([*lines, f"    return {known[-1]} + {known[-2]}", ""])


@pytest.mark.parametrize(
    "count, names", [(5000, lambda k: f"v{k}"), (1000, lambda k: "xyzuvw"[k % 6])],
    ids=["new names", "old names"],
)  # fmt: skip
def test_b13_long_straight_lines(count, names, tmp_path, monkeypatch):
    name = f"straight_{count}"
    (tmp_path / f"{name}.py").write_text(straight(count, names))
    monkeypatch.syspath_prepend(tmp_path)
    f = __import__(name).f
    expected = float(complex_step(f, 0.7, 0.4))
    assert abs(expected) > 1e-3
    df = srcad.grad(f)
    assert_close(df(0.7, 0.4), expected)
    namespace: dict = {}
    exec(df.source, {"np": np}, namespace)
    assert_close(namespace["f_grad"](0.7, 0.4), expected)


def rows(a):
    s = 0.0
    for i, row in enumerate(a):
        for e in row:
            s = s + e * e * (i + 1)
        s = s + np.sum(np.sin(row))
    return s


def test_b14_iteration_over_an_array():
    check_grads(rows, (np.random.default_rng(0).normal(size=(3, 4)),))


def generator_kept(u):
    g = (e * e for e in u)
    return sum(g) + sum(g)


def test_b15_a_generator_in_a_variable_is_refused():
    assert "generator" in refusal(generator_kept, np.ones(3)).what


def zipped(u, v):
    s = 0.0
    for a, b in zip(u, v):
        s = s + a * b
    return s


def test_b15_zip_ends_with_the_shorter_one():
    got = srcad.grad(zipped, (0, 1))(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0]))
    assert_close(got, (np.array([4.0, 5.0, 0.0]), np.array([1.0, 2.0])))


def uses_try(x):
    try:
        y = x * x
    except ValueError:
        y = x
    return y


def uses_with(x):
    with np.errstate(all="ignore"):
        return x * x


def uses_global(x):
    global _stored
    _stored = x * x
    return _stored


def test_b16_try_and_with_are_followed_and_a_global_store_is_refused():
    assert srcad.grad(uses_try)(2.0) == srcad.grad(uses_with)(2.0) == 4.0
    refusal(uses_global, 2.0)


def test_b16_every_node_class_is_lowered_or_refused_with_its_own_text():
    from srcad.parser import expressions, statements
    from srcad.parser.lower import Lowerer

    def below(cls):
        """The classes of syntax that Python 3 has."""
        found = (c for c in vars(gast).values() if isinstance(c, type) and issubclass(c, cls))
        return {c.__name__ for c in found if c is not cls} - {"Print", "Exec", "Repr"}

    for name in below(gast.stmt):
        assert hasattr(Lowerer, f"stmt_{name}") != (name in statements._REFUSED), name
    parts = {"Starred", "FormattedValue", "Interpolation"}  # of a list, and of an f-string
    parts |= {"TemplateStr"} if sys.version_info < (3, 14) else set()
    for name in below(gast.expr) - parts:
        assert hasattr(Lowerer, f"expr_{name}") != (name in expressions._REFUSED), name
    texts = [*statements._REFUSED.values(), *expressions._REFUSED.values()]
    assert all(text for row in texts for text in row)
