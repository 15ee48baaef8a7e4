"""Derivatives that users give: custom_vjp, custom_jvp, stop_gradient, rules, entry points (D11)."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.rules import packages
from srcad.rules.registry import ON_CHANGE, TABLE
from srcad.testing import check_grads

X = np.array([0.3, 0.7])
opaque_square = np.frompyfunc(lambda v: v * v, 1, 1)  # C code for srcad, and no rule


# ---------------------------------------------------------------------- functions with rules
@srcad.custom_vjp
def square(x: Any) -> Any:
    return x * x


def square_fwd(x: Any) -> Any:
    return square(x), x


def square_bwd(x: Any, g: Any) -> Any:
    return (2 * x * g,)


square.defvjp(square_fwd, square_bwd)


@srcad.custom_jvp
def cube(x: Any) -> Any:
    return x**3


@cube.defjvp
def cube_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (x_dot,) = primals, tangents
    return cube(x), 3 * x**2 * x_dot


@srcad.custom_vjp
def hidden(x: Any) -> Any:
    return opaque_square(x).astype(float)


def hidden_fwd(x: Any) -> Any:
    return hidden(x), x


def hidden_bwd(x: Any, g: Any) -> Any:
    return (2 * x * g,)


hidden.defvjp(hidden_fwd, hidden_bwd)


@srcad.custom_jvp
def hidden_by_jvp(x: Any) -> Any:
    return opaque_square(x).astype(float)


@hidden_by_jvp.defjvp
def hidden_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (x_dot,) = primals, tangents
    return hidden_by_jvp(x), 2 * x * x_dot


@srcad.custom_vjp
def pair(x: Any) -> Any:
    return tuple(part.astype(float) for part in np.frompyfunc(lambda v: (v * 2, v * 3), 1, 2)(x))


pair.defvjp(lambda x: ((x * 2, x * 3), None), lambda _, g: (2 * g[0] + 3 * g[1],))


@functools.partial(srcad.custom_vjp, nondiff_argnums=(0,))
def scaled(fn: Any, p: Any, n: Any = 2) -> Any:
    return fn(p["a"]) * n, p["b"][0] * p["b"][1]


def scaled_fwd(fn: Any, p: Any, n: Any = 2) -> Any:
    return scaled(fn, p, n), (p, n)


def scaled_bwd(fn: Any, residuals: Any, g: Any) -> Any:
    p, n = residuals
    first, second = g
    return {"a": first * n * np.cos(p["a"]), "b": (second * p["b"][1], second * p["b"][0])}, None


scaled.defvjp(scaled_fwd, scaled_bwd)


@srcad.custom_jvp
def power(x: Any, n: Any) -> Any:
    return 1.0 if n == 0 else x * power(x, n - 1)


@power.defjvp
def power_jvp(primals: Any, tangents: Any) -> Any:
    x, n = primals
    x_dot, _ = tangents
    return power(x, n), n * power(x, n - 1) * x_dot if n > 0 else 0.0


class Spring:
    def __init__(self, k: float) -> None:
        self.k = k

    @functools.partial(srcad.custom_vjp, nondiff_argnums=0)
    def energy(self, x: Any) -> Any:
        return self.k * x * x

    def total(self, x: Any) -> Any:
        return self.energy(x) + x


Spring.energy.defvjp(
    lambda self, x: (self.energy(x), x), lambda self, x, g: (2 * self.k * x * g,)
)


# ---------------------------------------------------------------------- programs that call them
def of_array(x: Any) -> Any:
    return np.sum(np.sin(square(x)))


def of_jvp(x: Any) -> Any:
    return np.sum(cube(x) * x)


def of_hidden(x: Any) -> Any:
    return np.sum(hidden(x) * x)


def of_hidden_jvp(x: Any) -> Any:
    return np.sum(hidden_by_jvp(x) * x)


def of_pair(x: Any) -> Any:
    a, b = pair(x)
    return np.sum(a * b)


def in_loop(x: Any) -> Any:
    y = x.copy()
    for i in range(4):
        if i % 2:
            y[i % 2] = square(y[0] * x[1])
        else:
            y = cube(y) + hidden(y)
    return np.sum(y * y)


def in_branch(x: Any) -> Any:
    if np.sum(x) > 0:
        return np.sum(square(x) * cube(x))
    return np.sum(square(cube(x)))


def nested(x: Any) -> Any:
    return np.sum(square(square(cube(x))))


def both(x: Any) -> Any:
    return np.sum(np.array([1.0, 2.0]) * square(cube(x)) * square(x))


PROGRAMS = [of_array, of_jvp, of_hidden, of_hidden_jvp, of_pair, in_loop, in_branch, nested, both]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("options", [{}, {"generic": True}, {"optimize": False}], ids=str)
def test_gradient_in_both_modes(program: Any, options: dict[str, Any]) -> None:
    h, v = 1e-6, np.array([0.4, -1.1])
    expected = (program(X + h * v) - program(X - h * v)) / (2 * h)
    found = srcad.grad(program, **options)(X)
    assert np.dot(found, v) == pytest.approx(expected, rel=1e-6)
    assert srcad.jvp(program, (X,), (v,), **options)[1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_second_order_in_all_modes(program: Any) -> None:
    check_grads(program, (X,), order=2)


@pytest.mark.parametrize(
    ("fn", "values"),
    [
        (lambda x: square(x) * x, (12.0, 12.0, 6.0)),
        (lambda x: cube(x) * x, (32.0, 48.0, 48.0)),
        (lambda x: square(square(x)), (32.0, 48.0, 48.0)),
        (lambda x: power(x, 4), (32.0, 48.0, 48.0)),
    ],
)
def test_orders_one_to_three(fn: Any, values: tuple[float, ...]) -> None:
    reverse: Any = fn
    forward: Any = fn
    for value in values:
        reverse = srcad.grad(reverse)
        forward = _tangent(forward)
        assert reverse(2.0) == pytest.approx(value)
        assert forward(2.0) == pytest.approx(value)


def _tangent(f: Any) -> Any:
    def tangent(x: Any) -> Any:
        return srcad.jvp(f, (x,), (1.0,))[1]

    return tangent


def test_arguments_in_structures_and_functions_as_arguments() -> None:
    def f(a: Any, b: Any, c: Any) -> Any:
        u, v = scaled(np.sin, {"a": a, "b": (b, c)}, n=3)
        return np.sum(u) * v

    check_grads(f, (X, 1.2, 0.4))


def test_methods() -> None:
    spring = Spring(3.0)
    assert srcad.grad(lambda x: spring.energy(x))(2.0) == 12.0
    with pytest.raises(srcad.UnsupportedSyntaxError, match="is given an object whose attributes"):
        srcad.grad(Spring.total, argnums="x")(spring, 2.0)
    assert spring.energy(2.0) == 12.0


def test_the_function_itself_can_be_differentiated() -> None:
    assert srcad.grad(square)(3.0) == 6.0
    assert srcad.grad(power, argnums="x")(2.0, 3) == 12.0


def test_the_rule_is_used_and_not_the_body() -> None:
    clipped = srcad.custom_vjp(lambda x: x * 2)
    clipped.defvjp(lambda x: (x * 2, None), lambda _, g: (g * 0 + 7.0,))
    assert srcad.grad(lambda x: clipped(x))(1.0) == 7.0
    assert srcad.jvp(lambda x: clipped(x), (1.0,), (0.0,))[0] == 2.0


def test_stop_gradient() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        stopped = srcad.stop_gradient({"a": y, "b": [x]})
        return np.sum(y * stopped["a"] * stopped["b"][0])

    np.testing.assert_allclose(srcad.grad(f)(X), 4 * X * X)

    def g(x: Any) -> Any:
        return x * srcad.stop_gradient(x) + srcad.stop_gradient((x, x * x))[1]

    assert srcad.grad(g)(3.0) == 3.0
    assert srcad.jvp(g, (3.0,), (1.0,)) == (18.0, 3.0)
    assert srcad.grad(srcad.grad(g))(3.0) == 0.0
    assert srcad.stop_gradient(X) is X


def test_redefinition_is_seen() -> None:
    late = srcad.custom_vjp(lambda x: x * 2)
    late.defvjp(lambda x: (x * 2, None), lambda _, g: (g * 2,))
    df = srcad.grad(lambda x: late(x))
    assert df(1.0) == 2.0
    late.defvjp(lambda x: (x * 2, None), lambda _, g: (g * 5,))
    assert df(1.0) == 5.0


# ---------------------------------------------------------------------- mistakes
def _error(custom: Any, *args: Any) -> str:
    with pytest.raises(srcad.SrcadError) as caught:
        srcad.grad(lambda x: np.sum(custom(x)))(*args)
    text = re.sub(r'  File ".*?\n.*\n.*\n', "", str(caught.value))
    return re.sub(r"at \S+test_custom_rules.py:\d+", "at PLACE", text)


def _bad(fwd: Any, bwd: Any, f: Any = lambda x: x * 2) -> Any:
    bad = srcad.custom_vjp(f)
    bad.__qualname__ = "bad"
    bad.function.__qualname__ = "bad"
    bad.defvjp(fwd, bwd)
    return bad


MISTAKES = {
    "no tuple": (
        _bad(lambda x: (x * 2, None), lambda _, g: g),
        "the rule of `bad` returns a value of type f64[*] for 1 argument\n"
        "Reason: `<lambda>` at PLACE has to return a tuple of one cotangent for each argument "
        "that is differentiated\n"
        "Instead: return a tuple of as many, with None for an argument that has none",
    ),
    "wrong number": (
        _bad(lambda x: (x * 2, None), lambda _, g: (g, g)),
        "the rule of `bad` returns 2 cotangents for 1 argument\n"
        "Reason: `<lambda>` at PLACE has to return a tuple of one cotangent for each argument "
        "that is differentiated\n"
        "Instead: return a tuple of as many, with None for an argument that has none",
    ),
    "no residuals": (
        _bad(lambda x: x * 2, lambda _, g: (g,)),
        "`<lambda>`, of the rule of `bad`, returns a value of type f64[*]\n"
        "Reason: at PLACE: it has to return a tuple of two\n"
        "Instead: write fwd with the parameters of the function; it returns (result, residuals)",
    ),
    "wrong parameters": (
        _bad(lambda x: (x * 2, None), lambda g: (g,)),
        "`<lambda>`, of the rule of `bad`, does not take what it is given\n"
        "Reason: at PLACE it has the parameters (g), and is given 2 arguments: "
        "too many positional arguments\n"
        "Instead: write bwd(residuals, cotangent), which returns a tuple of cotangents",
    ),
    "structure of the result": (
        _bad(lambda x: ((x, x * 2), None), lambda _, g: (g[0],)),
        "the rule of `bad` returns another structure than the function\n"
        "Reason: the function returns a value of type f64[*], the rule at PLACE a tuple of 2\n"
        "Instead: return the result of the function first",
    ),
    "structure of the cotangent": (
        _bad(lambda x: (x * 2, None), lambda _, g: ((g, g),)),
        "cotangent 0 that the rule of `bad` returns has another structure than its value\n"
        "Reason: the rule at PLACE returns a tuple of 2 for a value of type f64[*]\n"
        "Instead: return a derivative that is built like the value, or None for zero",
    ),
    "shape": (
        _bad(lambda x: (x * 2, None), lambda _, g: (np.sum(g),)),
        "the cotangent of argument 0 of `bad` has the shape (), not (2,)\n"
        "Reason: the rule declared at PLACE returned it\n"
        "Instead: return an array of the shape of the value it belongs to",
    ),
    "dtype": (
        _bad(lambda x: (x * 2, None), lambda _, g: (g * 2j,)),
        "the cotangent of argument 0 of `bad` has the dtype complex128, which does not fit "
        "float64\n"
        "Reason: the rule declared at PLACE returned it\n"
        "Instead: return real numbers for a real value",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_message(name: str) -> None:
    custom, expected = MISTAKES[name]
    assert _error(custom, X) == expected


def test_a_rule_that_is_missing() -> None:
    bare = srcad.custom_vjp(square_fwd)
    assert _error(bare, X) == (
        "`square_fwd` has no derivative yet\n"
        "Reason: it is declared with srcad.custom_vjp, but its rule is missing\n"
        "Instead: define it: square_fwd.defvjp(...)"
    )


def test_a_rule_in_c() -> None:
    with pytest.raises(srcad.SignatureError, match="the fwd of `.*` is <ufunc 'sin'>"):
        srcad.custom_vjp(lambda x: x).defvjp(np.sin, lambda _, g: (g,))  # type: ignore[arg-type]
    with pytest.raises(srcad.SignatureError, match="srcad.custom_jvp is given 3"):
        srcad.custom_jvp(3)  # type: ignore[arg-type]


def test_a_function_that_changes_its_argument() -> None:
    def change(x: Any) -> Any:
        x[0] = 1.0
        return x

    custom = _bad(lambda x: (x, None), lambda _, g: (g,), change)
    assert "`bad` changes an argument" in _error(custom, X)


def test_a_wrong_rule_is_found_by_check_grads() -> None:
    wrong = srcad.custom_vjp(lambda x: x * x)
    wrong.defvjp(lambda x: (x * x, x), lambda x, g: (3 * x * g,))
    with pytest.raises(AssertionError):
        check_grads(lambda x: np.sum(wrong(x)), (X,))


# ---------------------------------------------------------------------- the table of rules
@pytest.fixture
def table() -> Iterator[None]:
    before = dict(TABLE)
    yield
    TABLE.clear()
    TABLE.update(before)
    for changed in ON_CHANGE:
        changed()


def test_a_rule_registered_after_the_first_use(table: None) -> None:
    third = np.frompyfunc(lambda v: v**3, 1, 1)

    def f(x: Any) -> Any:
        return third(x) * 2.0

    df = srcad.grad(f)
    with pytest.raises(srcad.MissingRuleError) as caught:
        df(2.0)
    assert caught.value.advice == (
        "register one: srcad.rules.elementwise(third, lambda y, x: dy_dx)"
    )
    advice = caught.value.advice.removeprefix("register one: ").replace("dy_dx", "3 * x * x")
    exec(advice, {"srcad": srcad, "third": third})
    assert df(2.0) == 24.0
    srcad.rules.elementwise(third, lambda y, x: 5.0)
    assert df(2.0) == 10.0
    srcad.rules.zero(third)
    assert df(2.0) == 0.0


def test_a_rule_body_that_makes_an_array(table: None) -> None:
    third = np.frompyfunc(lambda v: v**3, 1, 1)
    srcad.rules.elementwise(third, lambda y, x: np.asarray(x) * 3)
    with pytest.raises(srcad.MissingRuleError, match="a rule passes an operand to a function"):
        srcad.grad(lambda x: third(x))(2.0)


def test_the_rules_of_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: None
) -> None:
    (tmp_path / "wave_lib.py").write_text("import numpy as np\nraw = np.frompyfunc(abs, 1, 1)\n")
    (tmp_path / "wave_rules.py").write_text(
        "import srcad, wave_lib\nimport numpy as np\n"
        "srcad.rules.elementwise(wave_lib.raw, lambda y, x: np.sign(x))\n"
    )
    info = tmp_path / "wave_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wave-rules\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[srcad.rules]\nwave_lib = wave_rules\nbroken_lib = no_such_module\n"
    )
    (tmp_path / "broken_lib.py").write_text("def f(x):\n    return x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    packages.forget()
    import broken_lib  # type: ignore[import-not-found]
    import wave_lib  # type: ignore[import-not-found]

    raw = wave_lib.raw
    assert "wave_rules" not in sys.modules
    assert srcad.grad(lambda x: wave_lib.raw(x))(-2.0) == -1.0
    assert "wave_rules" in sys.modules
    assert srcad.grad(lambda x: raw(x) * 2)(-2.0) == -2.0
    with pytest.raises(srcad.MissingRuleError, match="the rules for `broken_lib` cannot be"):
        srcad.grad(lambda x: broken_lib.f(x))(1.0)
    packages.forget()


def test_import_looks_up_no_entry_points() -> None:
    code = (
        "import sys, srcad\nfrom srcad.rules import packages\n"
        "assert packages.declared.cache_info().misses == 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ---------------------------------------------------------------------- the disk cache
def test_custom_rules_are_not_taken_from_disk_when_they_changed(tmp_path: Path) -> None:
    text = textwrap.dedent(
        """
        import sys
        import srcad

        @srcad.custom_vjp
        def f(x):
            return x * 2

        def fwd(x):
            return f(x), None

        def bwd(_, g):
            return (g * FACTOR,)

        f.defvjp(fwd, bwd)

        def g(x):
            return f(x)
        """
    )
    found = []
    for factor in ("2.0", "7.0"):
        (tmp_path / "model.py").write_text(text.replace("FACTOR", factor))
        code = "import srcad, model; print(srcad.grad(model.g)(1.0))"
        path = os.pathsep.join([str(tmp_path), *sys.path])
        environment = {
            **os.environ, "PYTHONPATH": path, "SRCAD_CACHE_DIR": str(tmp_path / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        found.append(float(done.stdout))
    assert found == [2.0, 7.0]


# ---------------------------------------------------------------------- typing
def test_types_of_the_decorators(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api")
    file = tmp_path / "typed.py"
    file.write_text(
        textwrap.dedent(
            """
            import srcad

            @srcad.custom_vjp
            def f(x: float, n: int) -> float:
                return x * n

            def fwd(x: float, n: int) -> tuple[float, int]:
                return f(x, n), n

            f.defvjp(fwd, lambda n, g: (g * n, None))
            reveal_type(f(1.0, 2))
            f("a", 2)

            @srcad.custom_jvp
            def h(x: float) -> float:
                return x

            @h.defjvp
            def h_jvp(primals: tuple[float], tangents: tuple[float]) -> tuple[float, float]:
                return primals[0], tangents[0]

            reveal_type(h(1.0))
            reveal_type(srcad.stop_gradient(1.0))
            """
        )
    )
    out, _, _ = mypy.run([str(file), "--no-incremental", "--cache-dir", os.devnull])
    assert out.count('Revealed type is "float"') + out.count(
        'Revealed type is "builtins.float"'
    ) == 3
    assert 'Argument 1 to "__call__"' in out
    assert "Found 1 error" in out
