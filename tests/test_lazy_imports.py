"""Globals that keep an import for later calls."""

from __future__ import annotations

import math

import pytest

import srcad
from srcad.errors import UnsupportedSyntaxError

root = None
module = None


def lazy_function(x):
    global root
    if root is None:
        from math import sqrt as root
    return root(x)


def lazy_module(x):
    global module
    if module is None:
        import math as module
    return module.exp(x)


def product(x):
    return lazy_function(x) * lazy_module(x)


def on_one_path(x):
    y = lazy_function(x) if x > 1.0 else x
    return y * lazy_function(x)


def forgets(x):
    global root
    root = None
    return x


def test_the_derivative_imports_too_and_leaves_the_global(monkeypatch):
    monkeypatch.setitem(globals(), "root", None)
    monkeypatch.setitem(globals(), "module", None)
    expected = math.exp(2.0) * (math.sqrt(2.0) + 0.5 / math.sqrt(2.0))
    derivative = srcad.grad(product)
    assert derivative(2.0) == pytest.approx(expected)
    assert root is None and module is None
    product(2.0)
    assert root is not None and module is not None
    assert derivative(2.0) == pytest.approx(expected)


@pytest.mark.parametrize("x, expected", [(2.0, 1.0), (0.25, 0.75)])
def test_an_import_on_one_path(monkeypatch, x, expected):
    monkeypatch.setitem(globals(), "root", None)
    assert srcad.grad(on_one_path)(x) == pytest.approx(expected)


def test_any_other_change_is_refused(monkeypatch):
    monkeypatch.setitem(globals(), "root", math.sqrt)
    with pytest.raises(UnsupportedSyntaxError, match="the global `root` is assigned"):
        srcad.grad(forgets)(2.0)
