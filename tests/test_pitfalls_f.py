"""Section F of the pitfalls, as far as test_cache*.py do not have it."""

from __future__ import annotations

import gc
import subprocess
import sys

import srcad
from srcad.testing import assert_close


def closure(k):
    def f(x):
        return k * x * x

    return f


def test_f2_ids_that_are_used_again():
    for k in range(60):
        f = closure(float(k))
        assert_close(srcad.grad(f)(1.0), 2.0 * k)
        assert_close(srcad.vjp(f, 1.0)[1](1.0), (2.0 * k,))
        del f
        gc.collect(0)


def applied(x, f):
    return f(x) * x


def test_f2_function_arguments_that_are_dropped():
    df = srcad.grad(applied)
    for k in range(30):
        assert_close(df(2.0, closure(float(k))), 12.0 * k)  # 3 k x**2
        gc.collect(0)


def test_f8_import_needs_three_packages_only():
    program = (
        "import sys, numpy, gast, astunparse; before = set(sys.modules); import srcad; "
        "new = {n.split('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)"
        "; sys.exit(str(sorted(new - {'srcad', 'numpy', 'gast', 'astunparse', 'six'})))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stderr.strip() == "[]"
