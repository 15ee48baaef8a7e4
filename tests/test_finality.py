"""Elements that are final once written: read from the finished array, and only they."""

from __future__ import annotations

import importlib.util
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernels import kernels

import srcad
from srcad.differentiator.affine import ONE, infeasible
from srcad.testing import assert_close, check_grads, weighted_sum

KERNELS = {kernel.name: kernel for kernel in kernels()}

# Kernels that fill an array element by element, from elements that they do not change any more.
FILLED = ("cholesky", "lu", "ludcmp", "trisolv")


@pytest.mark.parametrize("name", FILLED)
def test_a_filled_array_is_its_own_tape(name: str) -> None:
    kernel = KERNELS[name]
    args = kernel.args()
    f = weighted_sum(kernel.function, len(args), kernel.function(*kernel.args()))
    gradient = srcad.grad(f, argnums=kernel.argnums)
    gradient(*args)
    assert ".append(" not in gradient.source


def prefix_products(x):
    y = np.ones_like(x)
    for i in range(1, len(x)):
        if x[i] > 0.0:
            y[i] = y[i - 1] * x[i]
    return np.sum(y * y)


def from_the_end(x):
    y = np.empty_like(x)
    y[-1] = x[-1]
    for i in range(len(x) - 2, -1, -1):
        y[i] = y[i + 1] * y[i + 1] + x[i]
    return np.sum(y)


def two_steps_at_once(x):
    y = np.zeros(len(x) + 2)
    y[:2] = x[:2]
    for i in range(0, len(x), 2):
        y[i + 2] = y[i] * y[i + 1]
        if i + 3 < len(y):
            y[i + 3] = np.sin(y[i + 2]) * x[i]
    return np.sum(y * y)


def rows_of_a_table(x):
    t = np.zeros((len(x), len(x)))
    t[0] = x
    for i in range(1, len(x)):
        t[i] = np.sin(t[i - 1]) * x[i]
        for j in range(i):
            t[i, j] *= t[j, i]
    return np.sum(t)


def eliminated(x):
    a = np.outer(x, np.cos(x)) + 5.0 * np.eye(len(x))
    n = len(x)
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            a[i, k + 1 :] -= a[i, k] * a[k, k + 1 :]
    return np.sum(a * a)


def until_large(x):
    y = np.ones(len(x))
    i = 1
    for i in range(1, len(x)):
        y[i] = y[i - 1] * (1.0 + x[i]) ** 2
        if y[i] > 3.0:
            break
    return np.sum(y * y) * i


WITHOUT_TAPE = [prefix_products, from_the_end, eliminated]
OTHERS = [two_steps_at_once, rows_of_a_table, until_large]
X = np.array([0.5, 0.2, -0.1, 0.3, 0.4, 0.9])


@pytest.mark.parametrize("f", WITHOUT_TAPE + OTHERS)
def test_derivatives(f: Callable[..., Any]) -> None:
    check_grads(f, (X,), order=2, modes=("forward", "reverse"))


@pytest.mark.parametrize("f", WITHOUT_TAPE)
def test_nothing_is_kept(f: Callable[..., Any]) -> None:
    gradient = srcad.grad(f)
    gradient(X)
    assert ".append(" not in gradient.source


def overwritten_in_the_next_turn(x):
    y = x * 1.0
    s = 0.0
    for i in range(len(x) - 1):
        s += np.sin(y[i]) * y[i + 1]
        y[i + 1] = y[i] * x[i]
    return s + np.sum(y)


def overwritten_by_a_later_loop(x):
    y = np.ones_like(x)
    for i in range(1, len(x)):
        y[i] = y[i - 1] * x[i]
    for i in range(len(x)):
        y[i] = np.sin(y[i]) * y[0]
    return np.sum(y * y)


def wraps_around(x):
    y = np.ones_like(x)
    for i in range(len(x)):
        y[i] = y[i - 1] * x[i]
    return np.sum(y * y)


def found_by_a_number(x, k):
    y = np.ones_like(x)
    for i in range(1, len(x)):
        y[i] = y[i - 1] * x[i]
        y[k] = y[k] * x[0]
    return np.sum(y * y)


def a_copy_goes_its_own_way(x):
    y = np.ones_like(x)
    s = 0.0
    for i in range(1, len(x)):
        z = y.copy()
        z[i] = x[i] * 3.0
        s += z[i] * z[i - 1] + y[i]
        y[i] = y[i - 1] * x[i] + z[0]
    return s + np.sum(y * y)


def many_sweeps(x):
    y = x * 1.0
    for _ in range(3):
        for i in range(1, len(x)):
            y[i] = y[i] * y[i - 1]
    return np.sum(y)


@pytest.mark.parametrize(
    "f, args",
    [
        (overwritten_in_the_next_turn, (X,)), (overwritten_by_a_later_loop, (X,)),
        (wraps_around, (X,)), (found_by_a_number, (X, 2)), (found_by_a_number, (X, -1)),
        (a_copy_goes_its_own_way, (X,)), (many_sweeps, (X,)),
    ],
)  # fmt: skip
def test_what_is_overwritten_is_kept(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    check_grads(f, args, argnums=(0,), order=2, modes=("forward", "reverse"))


def filled_then_changed_by_the_caller(x):
    y = _filled(x)
    y[1] *= 2.0
    y[0] = 0.0
    return np.sum(y * y)


def _filled(x):
    y = np.ones_like(x)
    for i in range(1, len(x)):
        y[i] = y[i - 1] * np.sin(x[i]) * x[0]
        for k in range(i):
            y[i] += y[k] * y[i - 1]
    return y


def test_the_caller_may_change_what_the_function_returned() -> None:
    check_grads(filled_then_changed_by_the_caller, (X,), order=2, modes=("forward", "reverse"))
    y, pull = srcad.vjp(_filled, X)
    first = pull(np.ones_like(X))
    y[:] = 0.0
    assert_close(pull(np.ones_like(X)), first)


@pytest.mark.parametrize("name", ["cholesky", "lu"])
def test_memory_grows_with_the_matrix(name: str) -> None:
    kernel = KERNELS[name]
    peaks = []
    for n in (16, 64):
        a = np.eye(n) * n + np.fromfunction(lambda i, j: 1.0 / (1.0 + i + j), (n, n))
        f = weighted_sum(kernel.function, 1, np.ones((n, n)))
        gradient = srcad.grad(f)
        gradient(a)
        tracemalloc.start()
        try:
            gradient(a)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 18 * peaks[0]  # 16 for O(n**2), 64 for O(n**3)


# ------------------------------------------------------------------ programs at random


def _index(rng: random.Random, names: list[str]) -> str:
    """An index that lies between 0 and 11 where the names lie between 2 and 6."""
    kind = rng.randrange(7)
    name = rng.choice(names)
    if kind == 0:
        return str(rng.choice([0, 1, 3, -1, -2]))
    if kind == 1:
        return f"{name} + {rng.choice([1, 2])}"
    if kind in (2, 3):
        return f"{name} - {rng.choice([1, 2])}"
    if kind == 4 and len(names) > 1:
        return " + ".join(names[:2]) + " - 1"
    if kind == 5:
        return f"2 * {name} - {rng.choice([1, 4])}"
    return name


def _slices(rng: random.Random, names: list[str]) -> tuple[str, str]:
    """Two slices of two elements."""
    a, b = rng.choice(names), rng.choice(names)
    options = [f"{a}:{a} + 2", f"{a} - 2:{a}", "0:2", "-2:", "3:5"]
    return rng.choice(options), rng.choice(options).replace(a, b)


def _program(seed: int) -> str:
    """A function with stores to elements and slices in nested loops."""
    rng = random.Random(seed)
    lines = ["def program(x):", "    y = np.concatenate((x, x * x))", "    s = 0.0"]
    names: list[str] = []
    depth = 1
    for name in "ijk"[: rng.randint(1, 3)]:
        low = rng.choice(names) if names and rng.random() < 0.5 else "2"
        bounds = rng.choice([f"{low}, 6", f"6, {low}, -1", f"{low}, 6, 2"])
        lines.append("    " * depth + f"for {name} in range({bounds}):")
        names.append(name)
        depth += 1
        for _ in range(rng.randint(0 if len(names) < 2 else 1, 2)):
            indent = "    " * depth
            if rng.random() < 0.2:
                lines.append(indent + f"if {rng.choice(names)} > {rng.choice([2, 3, 4])}:")
                indent += "    "
            if rng.random() < 0.25:
                to, source = _slices(rng, names)
                part = f"np.sin(y[{source}]) + y[{_index(rng, names)}]"
                lines.append(indent + f"y[{to}] = {part}")
                continue
            to, p, q = (_index(rng, names) for _ in range(3))
            lines.append(
                indent + rng.choice([
                    f"y[{to}] = np.sin(y[{p}]) + np.cos(y[{q}])",
                    f"y[{to}] = np.sin(y[{p}]) + x[2]", f"y[{to}] += np.sin(y[{p}] * y[{q}])",
                    f"y[{to}] /= 1.5 + y[{p}] ** 2", f"s += np.sin(y[{p}] * y[{q}])",
                ])
            )  # fmt: skip
        if lines[-1].endswith(":"):
            lines.append("    " * depth + f"s += y[{_index(rng, names)}] ** 3")
    return "\n".join([*lines, "    return s + np.sum(y * y)", ""])


def check_program(seed: int, folder: Path) -> str:
    text = "import numpy as np\n\n\n" + _program(seed)
    path = folder / f"program_{seed}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x = np.array([0.5, 0.9, -0.4, 0.3, 0.7, 0.2])
    gradient = srcad.grad(module.program)
    found = gradient(x)
    columns = [srcad.jvp(module.program, (x,), (e,))[1] for e in np.eye(len(x))]
    assert_close(found, np.array(columns))
    return gradient.source


@pytest.mark.parametrize("seed", range(60))
def test_reverse_agrees_with_forward(seed: int, tmp_path: Path) -> None:
    check_program(seed, tmp_path)


class TestInequalities:
    def test_an_index_is_in_its_range(self) -> None:
        in_range = [{"i": 1, ONE: -1}, {"n": 1, "i": -1, ONE: -1}]  # 1 <= i <= n - 1
        assert infeasible([*in_range, {"i": -1}])  # i <= 0
        assert not infeasible([*in_range, {"i": -1, ONE: 1}])  # i <= 1

    def test_integers_lie_between_no_halves(self) -> None:
        assert infeasible([{"i": 2, ONE: -1}, {"i": -2, ONE: 1}])  # 2 * i == 1

    def test_a_chain(self) -> None:
        smaller = [{"b": 1, "a": -1, ONE: -1}, {"c": 1, "b": -1, ONE: -1}]  # a < b < c
        assert infeasible([*smaller, {"a": 1, "c": -1, ONE: 1}])  # c <= a + 1
        assert not infeasible([*smaller, {"a": 1, "c": -1, ONE: 2}])
