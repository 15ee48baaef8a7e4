"""1,000 random programs: each derivative equals differences, or is refused; nothing else (G6).

`python -m tests.fuzz` runs more, and shrinks what fails.
"""

from __future__ import annotations

from collections import Counter

import pytest
from fuzz.check import arguments, check, outcome
from fuzz.grammar import program
from fuzz.shrink import shrink

import srcad

PROGRAMS, BATCH = 1000, 50


@pytest.mark.parametrize("first", range(0, PROGRAMS, BATCH))
def test_right_or_refused(first: int) -> None:
    outcomes = {seed: outcome(seed) for seed in range(first, first + BATCH)}
    failed = {
        seed: f"{o.kind}, {o.reason}"
        for seed, o in outcomes.items()
        if o.failed or o.kind == "invalid"
    }
    assert not failed
    kinds = Counter(o.kind for o in outcomes.values())
    assert kinds["skipped"] < BATCH / 4, kinds


def test_some_programs_are_right() -> None:
    """A grammar that is always refused would show nothing."""
    plain = ("branch", "for_range", "for_array", "while", "helper")
    kinds = Counter(outcome(seed, plain).kind for seed in range(40))
    assert kinds["right"] >= 25, kinds


def test_programs_are_deterministic() -> None:
    assert program(7) == program(7) != program(8)


PLAIN = "import numpy as np\n\ndef f(x, y, v, a):\n    z = x * y\n    return z * np.sin(z)\n"


def test_wrong_derivatives_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(PLAIN).kind == "right"
    right = srcad.jvp
    monkeypatch.setattr(srcad, "jvp", lambda f, a, t: (right(f, a, t)[0], right(f, a, t)[1] + 0.1))
    assert check(PLAIN).kind == "wrong"


def test_kinks_are_skipped() -> None:
    kink = "def f(x, y, v, a):\n    return abs(x - 0.5)\n"
    assert check(kink.replace("0.5", repr(arguments("primal")[0]))).kind == "skipped"


def test_what_python_does_not_run_is_no_failure() -> None:
    assert check("def f(x, y, v, a):\n    return unknown\n").kind == "invalid"


def test_shrinking_keeps_what_fails() -> None:
    smaller = shrink(f"{PLAIN}\n\nother = 3\n", lambda candidate: "np.sin" in candidate)
    assert len(smaller.splitlines()) < 3 and "np.sin" in smaller
