"""The benchmarks compare with gradients that are right, and their measurements can fail."""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np
import pytest

import measure
import run
from problems import PROBLEMS

Array = np.ndarray


def differences(f: Any, arguments: tuple[Any, ...], argnum: int, step: float = 1e-6) -> Array:
    """Central differences of a scalar function in one float, list or array."""
    point = np.array(arguments[argnum], dtype=float)

    def value(moved: Array) -> float:
        kind = type(arguments[argnum])
        argument = moved if kind is np.ndarray else moved.tolist()
        return float(f(*arguments[:argnum], argument, *arguments[argnum + 1 :]))

    slopes = np.empty_like(point)
    for index in np.ndindex(point.shape):
        forward, backward = point.copy(), point.copy()
        forward[index] += step
        backward[index] -= step
        slopes[index] = (value(forward) - value(backward)) / (2.0 * step)
    return slopes


@pytest.mark.parametrize("name", PROBLEMS)
def test_gradient_by_hand_equals_differences(name: str) -> None:
    problem = PROBLEMS[name]
    arguments = problem.arguments(np.random.default_rng(3), True)
    before = [np.copy(argument) for argument in arguments]
    result = problem.by_hand(*arguments)
    if not problem.is_loop:
        value, result = result
        np.testing.assert_allclose(value, problem.primal(*arguments), rtol=1e-12)
    single = isinstance(problem.argnums, int)
    argnums = (problem.argnums,) if single else problem.argnums
    gradients = (result,) if single else result
    for argnum, gradient in zip(argnums, gradients, strict=True):
        assert type(gradient) is type(arguments[argnum])
        expected = differences(problem.primal, arguments, argnum)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)
    for argument, copy in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(argument, copy)


def test_call_times_tell_slow_from_fast() -> None:
    contenders = {"fast": lambda x: x, "slow": lambda x: time.sleep(0.002)}
    times = measure.call_times(contenders, (1.0,), seconds=0.1)
    assert times["slow"] >= 0.002 > 100 * times["fast"] > 0.0


def test_a_contender_that_is_too_slow_is_called_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(measure, "TOO_SLOW", 0.001)
    contenders = {"slow": lambda: (calls.append(1), time.sleep(0.002))}
    assert measure.call_times(contenders, (), seconds=0.1)["slow"] >= 0.002
    assert len(calls) == 1


def test_peak_memory_counts_what_is_freed_before_the_end() -> None:
    def work(n: int) -> float:
        return float(np.ones(n).sum())

    assert 80_000 <= measure.peak_memory(work, (10_000,)) < 90_000


def test_a_wrong_gradient_is_seen() -> None:
    right = (1.0, (np.ones(3), [2.0]))
    assert run.same(right, (1.0, (np.ones(3), [2.0])))
    assert not run.same(right, (1.0, (np.array([1.0, 1.0, 1.001]), [2.0])))
    assert not run.same(right, (1.001, (np.ones(3), [2.0])))
    assert not run.same(right, (1.0, (1.0, [2.0])))
    assert not run.same(right, (1.0, (np.ones(3),)))
    assert not run.same((float("nan"),), (1.0,))


def test_verdict() -> None:
    assert run.verdict(1.10, 1.10) == "met"
    assert run.verdict(1.11, 1.10) == "MISSED"


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.5, "1.50 s"), (0.0025, "2.50 ms"), (3e-6, "3.00 us"), (3e-7, "300 ns")]
)
def test_duration(seconds: float, text: str) -> None:
    assert run.duration(seconds) == text


def test_unknown_benchmark_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run.main(["speed"])
    assert stop.value.code == 2
    assert "no benchmark is called speed" in capsys.readouterr().err


def test_a_small_run_prints_figures_and_their_targets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "call_times", functools.partial(measure.call_times, seconds=0.1))
    monkeypatch.setattr(run, "PEERS", ())
    run.main(["survey"])
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:4] == ["problem", "hand", "srcad", "target"]
    assert row.split()[0] == "survey"
    assert "2.00" in row and ("met" in row or "MISSED" in row)
