"""Coefficients of linear scans, which carry no derivative, are computed again and not kept."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.testing import assert_close, check_grads

X = np.array([0.5, 0.2, -0.1, 0.3, 0.4, 0.9])


def coefficients_of_a_turn(u):
    n = len(u)
    for t in range(1, 4):
        w = 1.0 / (1.0 + t * np.arange(n))
        u = u * w
    return np.sum(u)


def coefficients_by_a_recurrence(u):
    n = len(u)
    p = np.empty(n)
    for t in range(3):
        p[0] = 1.0
        for j in range(1, n):
            p[j] = 1.0 / (2.0 + t - p[j - 1])
        for j in range(n - 2, -1, -1):
            u[j] += p[j] * u[j + 1] * p[j + 1]
    return np.sum(u * u)


def filled_from_the_end(u):
    n = len(u)
    p = np.zeros((n, 2))
    for t in range(3):
        p[n - 1, :] = 1.0 + t
        for j in range(n - 2, -1, -1):
            p[j, :] = 0.5 * p[j + 1, :] + 0.1
        for j in range(n):
            u[j] *= p[j, 0] + p[j, 1]
    return np.sum(u)


AGAIN = [coefficients_of_a_turn, coefficients_by_a_recurrence, filled_from_the_end]


def state_of_the_last_turn(u):
    p = np.ones(len(u))
    for t in range(3):
        for j in range(1, len(u)):
            p[j] = 0.5 * p[j] + 0.1 * t
        for j in range(len(u)):
            u[j] *= p[j] * np.sum(p)
    return np.sum(u)


def first_element_of_the_last_turn(u):
    n = len(u)
    p = np.ones(n)
    for t in range(3):
        for j in range(1, n):
            p[j] = 0.5 * p[j - 1] + 0.1 * t
        p[0] = p[n - 1]
        for j in range(n):
            u[j] *= p[j] * p[j]
    return np.sum(u)


def every_other_element(u):
    n = len(u)
    p = np.ones(n)
    for t in range(3):
        p[0] = 2.0 + t
        for j in range(2, n, 2):
            p[j] = 0.5 * p[j - 2] + 0.1 * t
        for j in range(n):
            u[j] *= p[j] + p[j] ** 2
            p[j] *= 1.5
    return np.sum(u)


def filled_only_sometimes(u):
    n = len(u)
    p = np.ones(n)
    for t in range(4):
        if t % 2 == 0:
            for j in range(n):
                p[j] = 0.3 * j + t
        else:
            p[2] = 7.0
        for j in range(n):
            u[j] *= p[j] + 0.1
    return np.sum(u)


def one_column_less(u):
    n = len(u)
    p = np.ones((n, n))
    for t in range(3):
        for j in range(n):
            p[j, : n - 1] = t + 1.0
            p[j, n - 1] *= 0.5
        for j in range(n):
            u[j] *= p[j, n - 1] + p[j, 0]
    return np.sum(u)


def read_before_it_is_filled(u):
    n = len(u)
    p = np.ones(n)
    for t in range(3):
        for j in range(n):
            u[j] *= p[j] * 2.0
            p[j] = 0.3 * j + t
    return np.sum(u)


def of_numbers_of_run_time(u, low, high):
    n = len(u)
    p = np.ones(n)
    for t in range(3):
        for j in range(low, high):
            p[j] = 0.3 * j + t
        for j in range(n):
            u[j] *= p[j] * p[j]
        p[1] *= 0.7
    return np.sum(u)


OTHERS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (state_of_the_last_turn, ()), (first_element_of_the_last_turn, ()), (every_other_element, ()),
    (filled_only_sometimes, ()), (one_column_less, ()), (read_before_it_is_filled, ()),
    (of_numbers_of_run_time, (0, 6)), (of_numbers_of_run_time, (2, 4)),
]  # fmt: skip


@pytest.mark.parametrize("f, more", [(f, ()) for f in AGAIN] + OTHERS)
def test_derivatives(f: Callable[..., Any], more: tuple[Any, ...]) -> None:
    check_grads(f, (X, *more), argnums=(0,), order=2, modes=("forward", "reverse"))


@pytest.mark.parametrize("f", AGAIN)
def test_nothing_is_kept(f: Callable[..., Any]) -> None:
    gradient = srcad.grad(f)
    gradient(X)
    forward, backward = gradient.source.split("# reverse sweep")
    assert ".append(" not in forward
    assert "u_bar" in backward


# ------------------------------------------------------------------ programs at random


def _program(seed: int) -> str:
    """A function with turns that fill (or do not quite fill) an array and scale another by it."""
    rng = random.Random(seed)
    lines = ["def program(u):", "    p = np.linspace(0.5, 1.5, 12)", "    for t in range(3):"]

    def loop() -> str:
        bounds = rng.choice(["2, 7", "6, 1, -1", "3, 7", "2, 6", "6, 2, -1", "2, 7, 2"])
        lines.append(f"        for j in range({bounds}):")
        return "j"

    def place(name: str | None) -> str:
        if name is None:
            return str(rng.choice([0, 1, 2, 6, 7, 8]))
        return rng.choice(["j", "j", "j - 1", "j + 1", "j - 2"])

    for _ in range(rng.randint(1, 3)):
        name = loop() if rng.random() < 0.7 else None
        indent = "    " * (2 + (name is not None))
        if rng.random() < 0.15:
            lines.append(indent + "if t > 0:")
            indent += "    "
        if rng.random() < 0.2:
            part = rng.choice(["0:3", "2:7", "-3:", ":", "7:"])
            lines.append(indent + f"p[{part}] = 0.7 + 0.1 * t")
            continue
        value = f"0.4 * p[{place(name)}]" if rng.random() < 0.6 else "0.3"
        lines.append(indent + f"p[{place(name)}] = {value} + 0.2 * t")
    name = loop()
    for _ in range(rng.randint(1, 2)):
        lines.append("    " * 3 + rng.choice([
            f"u[j - 2] += u[j - 2] * p[{place(name)}] ** 2", f"u[j - 2] *= p[{place(name)}]",
            f"u[j - 2] *= p[{place(name)}] + p[{place(name)}]",
            f"u[:2] *= p[j - 2 : j] + p[{place(name)}]",
        ]))  # fmt: skip
    if rng.random() < 0.3:
        lines.append(f"        p[{place(None)}] *= 0.9")
    return "\n".join([*lines, "    return np.sum(u * u)", ""])


def check_program(seed: int, folder: Path) -> str:
    path = folder / f"program_{seed}.py"
    path.write_text("import numpy as np\n\n\n" + _program(seed))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    gradient = srcad.grad(module.program)
    columns = [srcad.jvp(module.program, (X,), (e,))[1] for e in np.eye(len(X))]
    assert_close(gradient(X), np.array(columns))
    return gradient.source


@pytest.mark.parametrize("seed", range(40))
def test_reverse_agrees_with_forward(seed: int, tmp_path: Path) -> None:
    check_program(seed, tmp_path)
