"""Compile time grows linearly with the length of a function: counted are the calls it takes."""

from __future__ import annotations

import functools
import importlib.util
import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad import jvp
from srcad.parser.memory import caches

X = np.array([0.3, 0.2, 0.5, 0.1, 0.6])


def statements(n: int) -> str:
    return "y = x[0]\n" + "".join(f"y = np.sin(y) * x[1] + {k}.0\n" for k in range(n))


def stores(n: int) -> str:
    body = "".join(f"y[{k % 5}] = np.sin(y[{(k + 1) % 5}]) * x[{k % 3}]\n" for k in range(n))
    return "y = np.zeros(5)\n" + body


def views(n: int) -> str:
    body = "".join(f"r = y[{k % 3}:]\nr *= x[{k % 3}]\ny[{k % 5}] += x[0]\n" for k in range(n))
    return "y = np.zeros(5)\n" + body


def loops_of_arrays(n: int) -> str:
    body = "".join(f"for i in range(5):\n    y[i] = y[i] * {k}.5 + x[i]\n" for k in range(n))
    return "y = np.zeros(5)\n" + body


def branches_in_a_loop(n: int) -> str:
    body = "".join(f"    if y > {k}.5:\n        y = y * 1.5 - x[0]\n" for k in range(n))
    return "y = x[1]\nfor i in range(3):\n" + body


def carries(n: int) -> str:
    starts = "".join(f"y{k} = x[0] * {k}.0\n" for k in range(n))
    body = "".join(f"    y{k} = y{k} * x[1] + np.sin(y{k})\n" for k in range(n))
    return f"{starts}for i in range(3):\n{body}y = " + " + ".join(f"y{k}" for k in range(n)) + "\n"


def nested_loops(n: int) -> str:
    lines = ["y = x[0]"]
    for k in range(n):
        lines.append("    " * k + f"for i{k} in range(2):")
        lines.append("    " * (k + 1) + f"y = y * x[1] + i{k}")
    return "\n".join(lines) + "\n"


def callees(n: int) -> str:
    head = f"def g{n}(y):\n    return y * y\n"
    parts = (f"def g{k}(y):\n    return g{k + 1}(np.sin(y)) * y\n" for k in reversed(range(n)))
    return head + "".join(parts) + "y = g0(x[0])\n"


def elif_chain(n: int) -> str:
    chain = "".join(f"elif x[0] > {n - k}.0:\n    y = x * {k}.5\n" for k in range(n))
    return f"if x[0] > {n + 1}.0:\n    y = x\n{chain}else:\n    y = x * x\n"


# How much longer the second function is, and the most calls by which its work may grow.
PROGRAMS: list[tuple[Callable[[int], str], int, float]] = [
    (statements, 50, 2.3), (stores, 50, 2.5), (views, 25, 2.5),
    (loops_of_arrays, 15, 2.3), (branches_in_a_loop, 15, 2.3), (carries, 15, 2.5),
    (nested_loops, 3, 3.5), (callees, 15, 2.6), (elif_chain, 10, 3.2),
]  # fmt: skip


def function(text: str, folder: Path) -> Any:
    """The function of `x` with this body."""
    path = folder / f"program_{len(text)}.py"
    body = "".join(f"    {line}\n" for line in text.splitlines())
    path.write_text(f"import numpy as np\n\n\ndef f(x):\n{body}    return np.sum(y)\n")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    linecache.checkcache(str(path))
    return module.f


def calls(work: Callable[[], Any]) -> int:
    """How many calls of Python functions and builtins some work takes."""
    counted = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


@pytest.mark.parametrize(("text", "size", "most"), PROGRAMS, ids=[p[0].__name__ for p in PROGRAMS])
def test_work_grows_linearly(
    text: Callable[[int], str], size: int, most: float, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # no checks between the passes
    srcad.grad(function(text(2), tmp_path))(X)  # what is done once
    work = []
    for n in (size, 2 * size):
        derivative = srcad.grad(function(text(n), tmp_path))
        work.append(calls(functools.partial(derivative, X)))
    assert work[1] < most * work[0], work


def tangent(x: float) -> Any:
    return jvp(np.sin, (x,), (1.0,))[1]


def test_functions_of_srcad_are_not_searched_for_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    used = caches._used

    def noting(f: Any) -> set[str]:
        searched.append(f)
        return used(f)

    monkeypatch.setattr(caches, "_used", noting)
    assert caches.filled_by(tangent) == []  # type: ignore[arg-type]
    assert searched == [tangent]
