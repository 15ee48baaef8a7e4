"""The helpers of the tests are able to fail: each kind of wrong derivative is rejected.

Besides, what can hide a bug in the tests themselves: two tests of one name, a handler that swallows
everything, a function of the corpus that no test reaches.
"""

from __future__ import annotations

import ast
import functools
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest

import srcad
from srcad.errors import SignatureError
from srcad.testing import OracleError, assert_close, check_grads, numerical_jvp

ROOT = Path(__file__).resolve().parent.parent
TESTS = sorted((ROOT / "tests").glob("*.py"))
NAN, INF = math.nan, math.inf

# --- assert_close ------------------------------------------------------------------------------

F32 = np.float32
VECTOR = np.array([1.0, -2.0, 3.0])


@pytest.mark.parametrize(
    "actual, expected",
    [
        (1.0, 1.0 + 1e-7),
        (0.0, 1e-9),
        (0.0, -0.0),
        (NAN, NAN),
        (-INF, -INF),
        (3, 3),
        (None, None),
        ("f", "f"),
        (F32(1.0), F32(1.0003)),
        (np.float16(1.0), np.float16(1.01)),
        (VECTOR, VECTOR + 1e-7),
        (np.array([NAN, INF, 1.0]), np.array([NAN, INF, 1.0])),
        (np.array(2.0), np.array(2.0)),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        (np.arange(3), np.arange(3)),
        (1.0 + 2.0j, 1.0 + 2.0j * (1.0 + 1e-8)),
        (({"w": VECTOR, "b": [1.0, None]}, 2.0), ({"w": VECTOR, "b": [1.0, None]}, 2.0)),
        ((), ()),
    ],
)
def test_assert_close_accepts(actual: Any, expected: Any) -> None:
    assert_close(actual, expected)


@pytest.mark.parametrize(
    "actual, expected, message",
    [
        pytest.param(1.0, 1.0 + 1e-4, "result is 1.0 instead of 1.0001", id="scale"),
        pytest.param(VECTOR * (1 + 1e-4), VECTOR, "wrong in 3 of 3", id="scale-of-array"),
        pytest.param(VECTOR + [0, 1e-4, 0], VECTOR, "wrong in 1 of 3", id="one-element"),
        pytest.param(-2.0, 2.0, "-2.0 instead of 2.0", id="sign"),
        pytest.param(VECTOR * [1, -1, 1], VECTOR, "at [1]: 2.0 instead of -2.0", id="sign-of-one"),
        pytest.param(1e-7, 0.0, "1e-07 instead of 0.0", id="absolute"),
        pytest.param(0.0, 1e-7, "0.0 instead of 1e-07", id="zero-for-small-number"),
        pytest.param(NAN, 0.0, "nan instead of 0.0", id="nan"),
        pytest.param(0.0, NAN, "0.0 instead of nan", id="number-for-nan"),
        pytest.param(VECTOR * [1, NAN, 1], VECTOR, "at [1]: nan", id="nan-in-array"),
        pytest.param(INF, 1e300, "inf instead of 1e+300", id="infinity"),
        pytest.param(1e300, INF, "1e+300 instead of inf", id="number-for-infinity"),
        pytest.param(-INF, INF, "-inf instead of inf", id="sign-of-infinity"),
        pytest.param(NAN, INF, "nan instead of inf", id="nan-for-infinity"),
        pytest.param(
            VECTOR[:, None], VECTOR, "array of shape (3, 1) instead of", id="shape-that-broadcasts"
        ),
        pytest.param(VECTOR[:1], np.ones(3), "shape (1,)", id="shape-one"),
        pytest.param(np.zeros(0), np.zeros((0, 2)), "shape (0,)", id="shape-of-nothing"),
        pytest.param(VECTOR.astype("f4"), VECTOR, "a float32 array", id="dtype"),
        pytest.param(VECTOR, VECTOR.astype("f4"), "a float64 array", id="wider-dtype"),
        pytest.param(VECTOR.astype(int), VECTOR, "an int64 array", id="ints"),
        pytest.param(F32(1.0), np.float64(1.0), "scalar of dtype float32", id="dtype-of-scalar"),
        pytest.param(1.0, np.float64(1.0), "a Python float instead of", id="float-for-scalar"),
        pytest.param(np.float64(1.0), 1.0, "instead of a Python float", id="scalar-for-float"),
        pytest.param(1.0, np.array(1.0), "a Python float instead of", id="float-for-array"),
        pytest.param(np.array(1.0), 1.0, "a float64 array of shape ()", id="array-for-float"),
        pytest.param(np.float64(1.0), np.array(1.0), "NumPy scalar", id="scalar-for-array"),
        pytest.param(1, 1.0, "a Python int instead of a Python float", id="int-for-float"),
        pytest.param(True, 1, "a Python bool instead of", id="bool-for-int"),
        pytest.param(None, 0.0, "None instead of a Python float", id="none"),
        pytest.param(0.0, None, "a Python float instead of None", id="number-for-none"),
        pytest.param(1.0, 1.0 + 0j, "instead of a Python complex", id="float-for-complex"),
        pytest.param(1.0 - 2.0j, 1.0 + 2.0j, "(1-2j) instead of (1+2j)", id="conjugate"),
        pytest.param(complex(NAN, 0), complex(0, NAN), "nan", id="part-that-is-nan"),
        pytest.param(np.arange(3), np.arange(1, 4), "instead of", id="ints-of-array"),
        pytest.param("g", "f", "'g' instead of 'f'", id="string"),
        pytest.param((1.0,), (1.0, 2.0), "tuple of length 1 instead of", id="missing-entry"),
        pytest.param((1.0, 2.0), (1.0,), "tuple of length 2 instead of", id="extra-entry"),
        pytest.param([1.0], (1.0,), "a list of length 1 instead of a tuple", id="list-for-tuple"),
        pytest.param(1.0, (1.0,), "instead of a tuple of length 1", id="entry-for-tuple"),
        pytest.param({"w": 1.0}, {"v": 1.0}, "with the keys ['w']", id="keys"),
        pytest.param(
            (0.0, {"w": [VECTOR, 2.0]}), (0.0, {"w": [VECTOR, 2.1]}), "result[1]['w'][1] is 2.0",
            id="path",
        ),
    ],
)  # fmt: skip
def test_assert_close_rejects(actual: Any, expected: Any, message: str) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_close(actual, expected)
    assert message.replace("an int", "a int") in str(caught.value)


def test_assert_close_names_the_worst_element() -> None:
    expected = np.ones((2, 3))
    actual = expected + np.array([[0.0, 1e-3, 0.0], [1e-4, 0.0, 1e-5]])
    with pytest.raises(AssertionError) as caught:
        assert_close(actual, expected)
    assert str(caught.value) == (
        "result is wrong in 3 of 6 elements; the worst, at [0, 1]: 1.001 instead of 1.0 "
        "(rtol=1e-06, atol=1e-08)"
    )


def test_tolerances_are_relative_and_absolute() -> None:
    assert_close(1.0, 1.05, rtol=0.1)
    assert_close(1e6, 1e6 + 0.5, rtol=1e-6, atol=0.0)
    assert_close(0.0, 0.05, rtol=0.0, atol=0.1)
    with pytest.raises(AssertionError):
        assert_close(1.0, 1.05, rtol=0.0, atol=0.01)
    with pytest.raises(AssertionError):
        assert_close(1e6, 1e6 + 50.0, rtol=1e-6, atol=10.0)


# --- numerical_jvp -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, primals, tangents, expected",
    [
        pytest.param(lambda x: x**3, (2.0,), (0.5,), 6.0, id="float"),
        pytest.param(math.sin, (0.3,), (1.0,), math.cos(0.3), id="math"),
        pytest.param(lambda x: x * x, (np.float64(3.0),), (1.0,), np.float64(6.0), id="scalar"),
        pytest.param(lambda o: o * o, (np.array(3.0),), (1.0,), np.float64(6.0), id="0-d"),
        pytest.param(
            lambda u, x: u * x, (VECTOR, 2.0), (VECTOR * 0.1, 1.0), VECTOR * 1.2, id="array"
        ),
        pytest.param(lambda u: u @ u, (VECTOR,), (VECTOR,), np.float64(28.0), id="product"),
        pytest.param(lambda u: np.vdot(u, u), (VECTOR,), (VECTOR,), np.float64(28.0), id="vdot"),
        pytest.param(lambda u: np.abs(u), (VECTOR,), (VECTOR,), np.abs(VECTOR), id="abs"),
        pytest.param(
            np.linalg.norm, (VECTOR,), (VECTOR,), np.linalg.norm(VECTOR), id="norm"
        ),
        pytest.param(lambda x: float(x) ** 2, (3.0,), (1.0,), 6.0, id="float-of-float"),
        pytest.param(lambda x: (x * 2.0, (x, 1)), (3.0,), (1.0,), (2.0, (1.0, None)), id="tuple"),
        pytest.param(
            lambda p: p["a"] * p["b"][1], ({"a": 2.0, "b": (1, 3.0)},),
            ({"a": 1.0, "b": (None, 0.5)},), 4.0, id="structure",
        ),
        pytest.param(lambda x, n: x**n, (2.0, 3), (1.0, None), 12.0, id="constant"),
        pytest.param(lambda x, y: x * y, (2.0, 5.0), (1.0, None), 5.0, id="constant-float"),
        pytest.param(lambda x: 7.0, (2.0,), (1.0,), 0.0, id="independent"),
        pytest.param(lambda x: x * x, (3.0,), (0.0,), 0.0, id="zero-direction"),
        pytest.param(lambda x: math.floor(x) * x, (2.5,), (1.0,), 2.0, id="floor"),
        pytest.param(lambda x: 1e4 + x, (3.0,), (1.0,), 1.0, id="large-value"),
        pytest.param(lambda x: 1e-8 * x, (3.0,), (1.0,), 1e-8, id="small-derivative"),
        pytest.param(math.sqrt, (1e-3,), (1.0,), 0.5 / math.sqrt(1e-3), id="end-of-domain"),
        pytest.param(abs, (5e-5,), (1.0,), 1.0, id="near-a-kink"),
        pytest.param(
            lambda z: abs(z) ** 2 * z, (1.0 + 2.0j,), (1.0j,), 4.0 + 13.0j, id="complex"
        ),
    ],
)  # fmt: skip
def test_numerical_jvp(f: Any, primals: Any, tangents: Any, expected: Any) -> None:
    assert_close(numerical_jvp(f, primals, tangents), expected, rtol=1e-7, atol=1e-12)


def test_complex_step_is_exact() -> None:
    derivative = numerical_jvp(lambda x: np.exp(x) / np.cos(x), (1.0,), (1.0,))
    exact = math.exp(1.0) * (math.cos(1.0) + math.sin(1.0)) / math.cos(1.0) ** 2
    assert abs(derivative - exact) <= 4.0 * np.spacing(exact)


@pytest.mark.parametrize("dtype", ["f4", "f2"])
def test_small_floats_are_lifted(dtype: str) -> None:
    seen = set()

    def f(u: Any, x: Any) -> Any:
        seen.add(u.dtype.char)
        return np.sum(np.sin(u)) * x

    u = np.array([0.5, 1.5], dtype)
    derivative = numerical_jvp(f, (u, np.dtype(dtype).type(2.0)), (u, None), complex_step=False)
    assert_close(derivative, 2.0 * np.sum(np.cos(u.astype(float)) * u.astype(float)))
    assert seen == {"d"}


def test_arguments_are_copied() -> None:
    def f(u: Any, v: Any) -> Any:
        u *= 2.0
        v += 1.0
        return np.sum(u * v)

    u, v = VECTOR.copy(), VECTOR.copy()
    derivative = numerical_jvp(f, (u, v), (VECTOR, None))
    assert_close(derivative, np.sum(2.0 * VECTOR * (VECTOR + 1.0)))
    assert_close((u, v), (VECTOR, VECTOR))


@pytest.mark.parametrize(
    "f, x",
    [
        pytest.param(abs, 0.0, id="abs"),
        pytest.param(abs, 1e-6, id="beside-abs"),
        pytest.param(lambda x: max(x, 0.0), 0.0, id="max"),
        pytest.param(lambda x: x if x > 0.0 else 1.001 * x, 0.0, id="small-kink"),
        pytest.param(lambda x: np.maximum(x, np.ones(2)), 1.0, id="kink-of-array"),
        pytest.param(lambda x: x * x + abs(x - 1.0), 1.0, id="kink-of-curve"),
        pytest.param(lambda x: float(math.floor(x)), 2.0, id="floor"),
        pytest.param(lambda x: x // 1.0, 2.0, id="jump"),
        pytest.param(lambda x: x % 1.0, 3.0, id="sawtooth"),
        pytest.param(np.sign, 0.0, id="sign"),
        pytest.param(np.cbrt, 0.0, id="infinite-slope"),
        pytest.param(lambda x: math.sqrt(abs(x)), 0.0, id="cusp"),
        pytest.param(math.sqrt, 0.0, id="end-of-domain"),
        pytest.param(lambda x: 1e9 + x * math.sin(x), 1.0, id="rounding"),
        pytest.param(lambda x: x * NAN, 1.0, id="nan"),
        pytest.param(lambda x: np.ones(1 if x > 1.0 else 2) * x, 1.0, id="shape"),
        pytest.param(lambda x: math.sin(1e7 * x), 1.0, id="too-fast"),
        pytest.param(lambda x: np.float32(x) ** 2 / np.float32(3), 1.3, id="single-precision"),
        pytest.param(lambda x: x + np.random.default_rng().normal(), 1.0, id="random"),
    ],
)
def test_oracle_refuses(f: Any, x: float) -> None:
    with pytest.raises(OracleError, match="differences give no derivative here"):
        numerical_jvp(f, (x,), (1.0,))


# --- check_grads, on derivatives by differences in the place of those of srcad ------------------


class Differences:
    """What srcad offers, made of differences; `spoil` changes the derivatives of some functions."""

    def __init__(self, spoil: Any = None, functions: tuple[str, ...] = ()) -> None:
        self.spoil, self.functions = spoil, functions

    def jvp(self, f: Any, primals: Any, tangents: Any) -> tuple[Any, Any]:
        return f(*primals), self.spoiled(f, self.tangent(f, primals, tangents))

    def vjp(self, f: Any, *args: Any) -> tuple[Any, Any]:
        return f(*args), lambda seed: self.spoiled(f, self.cotangents(f, args, seed))

    def grad(self, f: Any, argnums: Any) -> Any:
        def gradient(*args: Any) -> Any:
            cotangents = self.cotangents(f, args, oracle.like(1.0, f(*args)))
            return tuple(cotangents[i] for i in argnums)

        return gradient

    def spoiled(self, f: Any, derivative: Any) -> Any:
        name = getattr(f, "__name__", "")
        return self.spoil(derivative) if name in self.functions else derivative

    def tangent(self, f: Any, primals: Any, tangents: Any) -> Any:
        derivative = numerical_jvp(f, primals, tangents, complex_step=False)
        return oracle.tree_map(oracle.like, derivative, f(*primals))

    def cotangents(self, f: Any, args: Any, cotangent: Any) -> Any:
        result = []
        for i, arg in enumerate(args):
            if not oracle.is_float(arg):
                result.append(None)
                continue
            entries = np.zeros(np.shape(arg))
            for place in np.ndindex(entries.shape):
                unit = np.zeros(entries.shape)
                unit[place] = 1.0
                tangents = [None] * len(args)
                tangents[i] = oracle.like(unit, arg)
                entries[place] = oracle.inner(cotangent, self.tangent(f, args, tangents))
            result.append(oracle.like(entries, arg))
        return tuple(result)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(differences: Differences) -> None:
        for name in ("jvp", "vjp", "grad"):
            monkeypatch.setattr(srcad, name, getattr(differences, name), raising=False)

    return use


def _weighted_sine(u: Any, x: Any, n: Any) -> Any:
    return np.sum(np.sin(u)) * x * n


def _pair(u: Any, x: Any, n: Any) -> Any:
    return u * x, (x * x, n)


ARGUMENTS = (np.array([0.5, -1.5]), 0.7, 2)


@pytest.mark.parametrize("f", [_weighted_sine, _pair])
@pytest.mark.parametrize("args", [ARGUMENTS, (F32(ARGUMENTS[0]), F32(0.7), 2)])
def test_check_grads_accepts(f: Any, args: Any, use: Any) -> None:
    use(Differences())
    check_grads(f, args, rtol=1e-4, atol=1e-4)
    check_grads(f, args, argnums=0, modes=("reverse",), order=1)
    check_grads(f, args, argnums=("x", 0), modes=("forward",), order=1)
    check_grads(f, args[:2], {"n": 3}, order=1)


def _first(change: Any) -> Any:
    """Change the first entry of a tuple of cotangents."""
    return lambda cotangents: (change(cotangents[0]), *cotangents[1:])


@pytest.mark.parametrize(
    "mode, spoil, message",
    [
        pytest.param("forward", lambda t: t * (1 + 1e-4), "the tangent by jvp of", id="scale"),
        pytest.param("forward", lambda t: -t, "the tangent by jvp of", id="sign"),
        pytest.param("forward", lambda t: t * NAN, "nan instead of", id="nan"),
        pytest.param("forward", lambda t: float(t), "a Python float instead of", id="float"),
        pytest.param("forward", lambda t: np.array([t]), "array of shape (1,)", id="shape"),
        pytest.param("forward", np.float32, "scalar of dtype float32", id="dtype"),
        pytest.param("forward", lambda t: (t,), "tuple of length 1 instead", id="structure"),
        pytest.param("reverse", _first(lambda g: g * (1 + 1e-4)), "argument 0", id="rev-scale"),
        pytest.param("reverse", _first(lambda g: -g), "argument 0", id="rev-sign"),
        pytest.param("reverse", _first(lambda g: g * [1, NAN]), "nan instead of", id="rev-nan"),
        pytest.param("reverse", _first(lambda g: g * [0, 1]), "argument 0", id="rev-element"),
        pytest.param("reverse", _first(lambda g: g[:, None]), "shape (2, 1)", id="rev-shape"),
        pytest.param("reverse", _first(lambda g: np.sum(g)), "NumPy scalar", id="rev-sum"),
        pytest.param("reverse", _first(np.float32), "a float32 array", id="rev-dtype"),
        pytest.param("reverse", _first(lambda g: None), "None instead of", id="rev-none"),
        pytest.param(
            "reverse", lambda g: (g[0], np.array(g[1]), g[2]), "instead of a Python float",
            id="rev-kind",
        ),
        pytest.param("reverse", lambda g: (g[0], g[1] + 1e-4, g[2]), "argument 1", id="rev-other"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "functions", [("_weighted_sine",), ("made", "gradient")], ids=["first", "second"]
)
def test_check_grads_rejects(
    mode: str, spoil: Any, message: str, functions: tuple[str, ...], use: Any
) -> None:
    # The derivative of the function is wrong, or only that of its derivative.
    use(Differences(spoil, functions))
    with pytest.raises(AssertionError) as caught:
        check_grads(_weighted_sine, ARGUMENTS, modes=(mode,), rtol=1e-5, atol=1e-6)
    assert message in str(caught.value)


def test_check_grads_rejects_a_wrong_value(use: Any) -> None:
    differences = Differences()
    use(differences)
    srcad.jvp = lambda f, primals, tangents: (
        f(*primals) * 1.001,
        differences.tangent(f, primals, tangents),
    )
    with pytest.raises(AssertionError, match="the value by jvp of f"):
        check_grads(_weighted_sine, ARGUMENTS)


def test_check_grads_rejects_wrong_arguments(use: Any) -> None:
    use(Differences())
    with pytest.raises(SignatureError, match="unknown modes"):
        check_grads(_weighted_sine, ARGUMENTS, modes=("backward",))
    with pytest.raises(SignatureError, match="no argument 'y'"):
        check_grads(_weighted_sine, ARGUMENTS, argnums="y")


def test_check_grads_refuses_a_kink(use: Any) -> None:
    use(Differences())
    with pytest.raises(OracleError):
        check_grads(abs, (0.0,))


# --- the arguments that the corpus is given ----------------------------------------------------


def _example(x, u, a, b, m, row, col, q, o, n, idx, mask, k=5, *, y):
    return x


def test_names_choose_arguments() -> None:
    entry = oracle.Entry("theme.example", _example, oracle.Settings())
    cases = {case.variant: case for case in entry.cases()}
    assert list(cases) == ["mixed", "positive", "size_one", "float32"]
    x, u, a, b, m, row, col, q, o, n, idx, mask = cases["mixed"].args()
    assert type(x) is float and type(cases["mixed"].kwargs()["y"]) is float and n == 3
    shapes = [np.shape(arg) for arg in (u, a, b, m, row, col, q, o, idx, mask)]
    assert shapes == [(4,), (3, 4), (4, 3), (3, 3), (1, 4), (3, 1), (2, 3, 4), (), (4,), (4,)]
    assert idx.dtype.kind == "i" and len(set(idx % 4)) < 4 and idx.min() < 0
    assert mask.dtype == bool and 0 < mask.sum() < 4
    assert np.min(np.abs(a)) >= 0.4 and np.min(a) < 0.0 and np.min(cases["positive"].args()[2]) > 0
    assert isinstance(o, np.ndarray)
    assert [np.shape(arg) for arg in cases["size_one"].args()[1:4]] == [(1,), (3, 1), (1, 3)]
    single = cases["float32"].args()
    assert type(single[0]) is np.float32 and single[1].dtype == np.float32
    assert single[10].dtype == idx.dtype and isinstance(single[8], np.ndarray)
    assert_close(cases["mixed"].args(), cases["mixed"].args())
    assert not np.shares_memory(cases["mixed"].args()[2], cases["mixed"].args()[2])


def test_settings_choose_arguments() -> None:
    def cases(**settings: Any) -> list[oracle.Case]:
        return list(oracle.Entry("t.f", lambda u, n: u, oracle.Settings(**settings)).cases())

    def variants(**settings: Any) -> list[str]:
        return [case.variant for case in cases(**settings)]

    assert variants(positive=True) == ["positive", "size_one", "float32"]
    assert np.all(cases(positive=True)[1].args()[0] > 0.0)
    assert variants(size_one=False, float32=False) == ["mixed", "positive"]
    given = {"u": np.ones(2), "n": 7}
    assert variants(inputs=given) == ["given", "float32"]
    first, second = cases(inputs=given)[0].args(), cases(inputs=given)[0].args()
    assert_close(first, (np.ones(2), 7))
    assert not np.shares_memory(first[0], second[0])
    several = [{"n": 1}, {"n": 2}]
    assert variants(inputs=several) == ["mixed", "positive", "size_one", "float32", "mixed"]
    with pytest.raises(TypeError):
        oracle.Settings(smooth=True)


# --- lint --------------------------------------------------------------------------------------


@functools.cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_no_name_is_defined_twice(path: Path) -> None:
    scopes = [_parsed(path), *(n for n in ast.walk(_parsed(path)) if isinstance(n, ast.ClassDef))]
    for scope in scopes:
        names = Counter(
            node.name
            for node in scope.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        )
        assert [name for name, count in names.items() if count > 1] == []


def test_test_files_have_different_names() -> None:
    """Pytest imports them by their plain names."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("folder", ["srcad", "tests", "examples", "benchmarks"])
def test_no_handler_swallows_everything(folder: str) -> None:
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        if path.name == "handlers.py":  # functions of the corpus whose handlers are the matter
            continue
        for node in ast.walk(_parsed(path)):
            if isinstance(node, ast.ExceptHandler) and _swallows(node.type):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def _swallows(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_swallows(entry) for entry in caught.elts)
    name = getattr(caught, "attr", None) or getattr(caught, "id", None)
    return caught is None or name == "Exception"


@pytest.mark.parametrize("text", ["", " Exception", " (OSError, Exception)", " builtins.Exception"])
def test_lint_finds_a_handler(text: str) -> None:
    handler = ast.parse(f"try:\n    f()\nexcept{text}:\n    g()\n").body[0].handlers[0]
    assert _swallows(handler.type)


def test_every_function_of_the_corpus_is_reached() -> None:
    reached = {entry.name for entry in oracle.entries()}
    assert len(reached) == len(oracle.entries()) >= 150
    for path in sorted((ROOT / "tests" / "corpus").glob("*.py")):
        tree = _parsed(path)
        functions = Counter(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
        assert [name for name, count in functions.items() if count > 1 and name != "_"] == []
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        used |= {node.name for node in tree.body if getattr(node, "decorator_list", None)}
        for name in functions:
            if path.name.startswith("_"):
                continue  # helpers of another file
            elif name.startswith("_"):
                assert name in used, f"{path.name} does not use {name}"
            else:
                assert f"{path.stem}.{name}" in reached


def test_settings_of_unknown_functions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = oracle.modules()[0]
    monkeypatch.setattr(module, "SETTINGS", {"no_such_function": {}}, raising=False)
    with pytest.raises(LookupError, match="no_such_function"):
        oracle.entries()
