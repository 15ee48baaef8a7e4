"""Section E of the pitfalls: Python, source and names (E1, E2, E5 are in test_source.py)."""

from __future__ import annotations

import functools
import inspect
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from math import sin as sine

import numpy as np
import pytest
from numpy import cos

import srcad
from srcad import errors
from srcad.testing import assert_close

OPTIONS = [{}, {"generic": True}]
K = 3.0


def load(tmp_path, monkeypatch, name, text):
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return __import__(name)


fs = [lambda x: x * x, lambda x: x * x * x]


def test_e3_lambdas_on_one_line():
    assert_close([srcad.grad(f)(2.0) for f in fs], [4.0, 12.0])


def doubling(f):
    @functools.wraps(f)
    def wrapper(x):
        return 2.0 * f(x)

    return wrapper


@doubling
def doubled(x):
    return x * x


@functools.lru_cache
def remembered(x):
    return x * x


def test_e4_decorated_functions():
    assert_close(srcad.grad(doubled)(3.0), 12.0)
    with pytest.raises(errors.SourceNotFoundError):
        srcad.grad(remembered)


class Model:
    def __init__(self, w):
        self.w = w
        self.__hidden = 2.0 * w

    def loss(self, x):
        return self.w * self.term(x)

    def term(self, x):
        return x * x

    def private(self, x):
        return self.__hidden * x * x


def test_e6_methods():
    assert_close(srcad.grad(Model.loss, "x")(Model(3.0), 2.0), 12.0)


def test_e7_private_names():
    assert_close(srcad.grad(Model.private, "x")(Model(3.0), 2.0), 24.0)


def uses_global(x):
    return K * x * x


def make():
    k = 2.0

    def f(x):
        return k * x * x

    def change(value):
        nonlocal k
        k = value

    return f, change


@pytest.mark.parametrize("options", OPTIONS)
def test_e8_captured_values_are_read_live(options, monkeypatch):
    df = srcad.grad(uses_global, **options)
    assert_close(df(1.0), 6.0)
    monkeypatch.setitem(globals(), "K", 5.0)
    assert_close(df(1.0), 10.0)
    monkeypatch.delitem(globals(), "K")
    with pytest.raises(NameError, match="'K'"):
        df(1.0)
    f, change = make()
    df = srcad.grad(f, **options)
    assert_close(df(1.0), 4.0)
    change(7.0)
    assert_close(df(1.0), 14.0)


def helper(x):
    return x * x


def calls_helper(x):
    return helper(x) + np.sin(x)


def test_e9_callee_redefined(monkeypatch):
    df = srcad.grad(calls_helper)
    assert_close(df(0.5), 1.0 + math.cos(0.5))
    monkeypatch.setitem(globals(), "helper", lambda x: x * x * x)
    assert_close(df(0.5), 0.75 + math.cos(0.5))


@pytest.mark.xfail(strict=True, reason="silently wrong: the rule's np.sin is read live too")
def test_e9_numpy_function_replaced(monkeypatch):
    df = srcad.grad(calls_helper)
    assert_close(df(0.5), 1.0 + math.cos(0.5))
    monkeypatch.setattr(np, "sin", np.cos)
    assert_close(df(0.5), 1.0 - math.sin(0.5))


def with_default(x, k=K):
    return k * x * x


def test_e10_defaults_are_those_of_the_definition(monkeypatch):
    monkeypatch.setitem(globals(), "K", 50.0)
    df = srcad.grad(with_default)
    assert_close(df(1.0), 6.0)
    monkeypatch.setattr(with_default, "__defaults__", (4.0,))
    assert_close(df(1.0), 8.0)
    assert_close(srcad.grad(with_default)(1.0), 8.0)


def collisions(x_bar, out_bar, t):
    np = x_bar * 2.0
    y_tape = np * out_bar
    unbroadcast = y_tape * t
    for range_ in range(2):
        x_bar = x_bar * unbroadcast + range_
    return x_bar


@pytest.mark.parametrize("options", OPTIONS)
def test_e12_name_collisions(options):
    # u = 2 x o t;  ((x u) + 0) u + 1 = 4 x**3 o**2 t**2 + 1
    x, o, t = 1.5, 2.0, 0.5
    got = srcad.grad(collisions, (0, 1, 2), **options)(x, o, t)
    assert_close(got, (12 * x**2 * o**2 * t**2, 8 * x**3 * o * t**2, 8 * x**3 * o**2 * t))


def odd_keys(p):
    return p["for"] * p["a b"] * p["None"] + p["_"]


@pytest.mark.parametrize("options", OPTIONS)
def test_e13_keywords_as_keys(options):
    p = {"for": 2.0, "a b": 3.0, "None": 4.0, "_": 5.0}
    want = {"for": 12.0, "a b": 8.0, "None": 6.0, "_": 1.0}
    assert_close(srcad.grad(odd_keys, **options)(p), want)


def other_names(x):
    np = x.sum()
    return np * cos(np) + x.T @ x


def scalar_names(x):
    return sine(x) + math.exp(x)


def test_e14_other_names_for_functions():
    x = np.array([0.5, 1.0])
    s = x.sum()
    assert_close(srcad.grad(other_names)(x), np.cos(s) - s * np.sin(s) + 2 * x)
    assert_close(srcad.grad(scalar_names)(1.0), math.cos(1.0) + math.e)


def shadows(x):
    sum = x * 3.0
    len = lambda a: a * sum  # noqa: E731
    return len(x)


def test_e15_shadowed_builtins():
    assert_close(srcad.grad(shadows)(2.0), 12.0)


def badly_annotated(x: no_such_name) -> 1 / 0:  # noqa: F821
    y: also_missing = x * x  # noqa: F821
    return y


def test_e16_annotations_are_not_evaluated():
    assert_close(srcad.grad(badly_annotated)(3.0), 6.0)


def speaks(x):
    """A docstring."""
    ...
    print("once", f"{x:.1f}")
    return x * x


@pytest.mark.parametrize("options", OPTIONS)
def test_e17_print_happens_once(options, capsys):
    assert_close(srcad.grad(speaks, **options)(3.0), 6.0)
    assert capsys.readouterr().out == "once 3.0\n"


def chain_of(word, comparison, count):
    return f" {word} ".join(comparison.format(i) for i in range(count))


NEST = 190  # parentheses; Python allows 200
DEEP = {
    "sum": (" + ".join(["x"] * 1000), 1000.0),
    "two thousand": (" + ".join(["x"] * 2000), 2000.0),
    "difference": (" - ".join(["x"] * 1000), -998.0),
    "product": (" * ".join(["x"] * 1000), 1000.0),
    "parentheses": ("(" * NEST + "x" + " + x)" * NEST, NEST + 1.0),
    "parentheses on the right": ("(x + " * NEST + "x" + ")" * NEST, NEST + 1.0),
    "calls": ("abs(" * NEST + "x" + ")" * NEST, 1.0),
    "signs": ("-" * 900 + "x", 1.0),
    "power": (" ** ".join(["x", *["1.0"] * 500]), 1.0),
    "and": (f"3.0 * x if {chain_of('and', 'x > -{}', 1000)} else x", 3.0),
    "or": (f"3.0 * x if {chain_of('or', 'x < -{}', 1000)} else x", 1.0),
    "conditional": ("".join(f"{i}.0 * x if x < {i} else " for i in range(150)) + "x", 2.0),
    "list": (f"np.sum(np.array([{', '.join(['2.0 * x'] * 1000)}]))", 2000.0),
    "arguments": (f"max({', '.join(f'{i}.0 * x' for i in range(100))})", 99.0),
}


@pytest.mark.parametrize("name", DEEP)
def test_e18_deep_expressions(name, tmp_path, monkeypatch):
    expression, slope = DEEP[name]
    text = f"import numpy as np\ndef f(x):\n    return {expression}\n"
    f = load(tmp_path, monkeypatch, f"deep_{list(DEEP).index(name)}", text).f
    limit = sys.getrecursionlimit()
    assert_close(srcad.grad(f)(1.0), slope)
    assert sys.getrecursionlimit() == limit


def test_e18_deep_expressions_are_printed(tmp_path, monkeypatch):
    text = f"def f(x):\n    return {' + '.join(['x * x'] * 1000)}\n"
    f = load(tmp_path, monkeypatch, "deep_printed", text).f
    namespace: dict = {}
    exec(srcad.source(f, types="x: float", standalone=True), namespace)
    assert_close(namespace["f_grad"](1.5), 3000.0)
    assert "f_grad" in str(srcad.ir(f))


def test_e18_long_chain_of_branches(tmp_path, monkeypatch):
    cases = "".join(f"    elif x < {i}:\n        y = {i}.0 * x * x\n" for i in range(1, 200))
    first, last = "    if x < 0:\n        y = x\n", "    else:\n        y = -x\n"
    text = f"def f(x):\n{first}{cases}{last}    return y\n"
    df = srcad.grad(load(tmp_path, monkeypatch, "deep_elif", text).f)
    assert_close([df(-1.0), df(149.5), df(500.0)], [1.0, 2 * 150 * 149.5, -1.0])


def test_e18_names_set_in_a_long_condition(tmp_path, monkeypatch):
    condition = " and ".join(["x > 0", "(y := x * x) > 0", *(f"y > -{i}" for i in range(20))])
    text = f"def f(x):\n    return 3.0 * y if {condition} else x\n"
    df = srcad.grad(load(tmp_path, monkeypatch, "deep_names", text).f)
    assert_close([df(2.0), df(-2.0)], [12.0, 1.0])


@pytest.mark.parametrize("work", ["grad", "ir", "source"])
def test_e18_deep_expression_in_deep_recursion(work, tmp_path, monkeypatch):
    """The caller has hardly any room left, and does not keep more afterwards."""
    f = load(tmp_path, monkeypatch, f"deep_{work}", "def f(x):\n    return x * x\n").f

    def go(depth):
        if depth:
            return go(depth - 1)
        if work == "grad":
            return srcad.grad(f)(3.0)
        return str(getattr(srcad, work)(f, types="x: float"))

    depth = sys.getrecursionlimit() - 100 - len(inspect.stack(0))
    assert go(depth) == (6.0 if work == "grad" else go(0))


def test_e18_deep_expressions_in_threads(tmp_path, monkeypatch):
    text = f"def f(x):\n    return K * x * ({'+'.join(['x'] * 600)})\n"
    functions = [
        load(tmp_path, monkeypatch, f"threads_{k}", f"K = {k}.0\n{text}").f for k in range(6)
    ]
    limit = sys.getrecursionlimit()
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda f: srcad.grad(f)(1.0), functions))
    assert_close(found, [1200.0 * k for k in range(6)])
    assert sys.getrecursionlimit() == limit


def refused(function):
    with pytest.raises(errors.UnsupportedSyntaxError, match="too deeply") as caught:
        srcad.grad(function)(2.0)
    assert caught.value.loc is not None and caught.value.advice and caught.value.reason


def test_e18_absurd_depth_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("srcad.parser.depth._RECURSION_LIMIT", sys.getrecursionlimit() + 200)
    text = "def f(x):\n    return " + " + ".join(["x"] * 1000) + "\n"
    refused(load(tmp_path, monkeypatch, "too_deep", text).f)


def test_e18_blocks_deeper_than_python_allows_are_refused(tmp_path, monkeypatch):
    expression = "x"
    for k in range(150):
        expression = f"(x * {expression} if x > {k} else {k}.0 * x)"
    text = f"def f(x):\n    return {expression}\n"
    refused(load(tmp_path, monkeypatch, "blocks", text).f)


def precedence(x, y):
    return -(x**2) * (x - (y - x)) / (x / (y / 2.0)) - (-y) ** 2


def infinite(x):
    return x * 2.0 if x < float("inf") else -1e309 * x


def test_e19_printing():
    # -x**2 (2x - y) y / (2 x) - y**2 = -x**2 y + x y**2 / 2 - y**2
    x, y = 1.5, -0.5
    got = srcad.grad(precedence, (0, 1))(x, y)
    assert_close(got, (-2 * x * y + y * y / 2, -x * x + x * y - 2 * y))
    assert_close(srcad.grad(infinite)(3.0), 2.0)
