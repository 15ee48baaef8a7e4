"""Section G of the pitfalls: how a compiler hides its bugs."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import srcad
from srcad.testing import OracleError, assert_close, numerical_jvp

PACKAGE = Path(srcad.__file__).parent
TESTS = Path(__file__).parent


def test_g1_no_handler_swallows_everything():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                named = ast.unparse(node.type) if node.type else "bare"
                broad = {"bare", "Exception", "BaseException"}
                assert named not in broad, f"{path}:{node.lineno}"


def test_g2_no_test_is_defined_twice():
    for path in TESTS.glob("test_*.py"):
        names = [n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)
                 and n.name.startswith("test_")]  # fmt: skip
        assert len(names) == len(set(names)), path


@pytest.mark.parametrize(
    "actual, expected",
    [(float("nan"), 0.0), (0.0, float("nan")), (1.0, 1.02), (np.ones(3), np.ones((3, 1))),
     (np.ones(3, np.float32), np.ones(3)), (1.0, np.float64(1.0)), (1.0, np.array(1.0)),
     ((1.0,), [1.0]), ((1.0, 2.0), (1.0,)), (None, 0.0), (1e-3, 2e-3)],
    ids=repr,
)  # fmt: skip
def test_g2_assert_close_rejects(actual, expected):
    with pytest.raises(AssertionError):
        assert_close(actual, expected)


@pytest.mark.parametrize("f", [abs, lambda x: float(x > 0), lambda x: abs(x) ** 0.5])
def test_g3_differences_refuse_a_kink(f):
    with pytest.raises(OracleError):
        numerical_jvp(f, (0.0,), (1.0,))


def varied(x, u):
    y = x * 1.0 + 0.0
    for e in u:
        y = y * e + np.exp(-y) / (1.0 + np.exp(-y)) if e > 0 else y - (y - y * x)
    return np.sum(y * u) + y * y


def test_g5_optimised_equals_unoptimised():
    u = np.array([0.5, -1.5, 2.0])
    fast, plain = (srcad.grad(varied, (0, 1), optimize=flag) for flag in (True, False))
    assert_close(fast(1.5, u), plain(1.5, u), rtol=1e-14)
