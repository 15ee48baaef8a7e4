"""Section F of the pitfalls, as far as test_cache*.py do not have it."""

from __future__ import annotations

import gc
import linecache
import os
import subprocess
import sys
import tempfile
import threading
import warnings

import numpy as np

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


def test_f2_and_f5_a_thousand_closures_leave_nothing():
    """Nothing stays of derivatives that are dropped: no text, no memory, no file."""
    files = set(os.listdir(tempfile.gettempdir()))

    def use(first, last):
        for k in range(first, last):
            assert srcad.grad(closure(float(k)))(1.0) == 2.0 * k
        gc.collect()

    use(0, 100)  # what is made once
    texts, before = set(linecache.cache), sys.getallocatedblocks()
    use(100, 1000)
    kept = sys.getallocatedblocks() - before
    assert {name for name in linecache.cache if name.startswith("<srcad")} <= texts
    assert kept < 900  # less than a block for each
    assert not {f for f in set(os.listdir(tempfile.gettempdir())) - files if "srcad" in f}


def total(x, n):
    s = x * 0.0
    for k in range(n):
        s = s + x**k
    return s


def of_length(parts, x):
    return parts[-1] * x * x


def test_f4_threads_that_compile_the_same_and_others():
    """32 threads at once, half of them the first to call a function, all recursive."""

    def power(x, n):
        return 1.0 if n == 0 else x * power(x, n - 1)

    shared, results = srcad.grad(power), {}
    barrier = threading.Barrier(32)

    def work(k):
        df = shared if k % 2 else srcad.grad(power)
        x = np.float64(2.0) if k % 4 else 2.0
        barrier.wait()
        results[k] = [df(x, n) for n in (3, 5)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[k] for k in range(32)] == [[12.0, 80.0]] * 32


def test_f9_a_hundred_lengths():
    """64 compilations, then generic code and one warning that names the argument."""
    df = srcad.grad(of_length, "x")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for length in range(1, 101):
            assert_close(df((0.0,) * length + (2.0,), 3.0), 12.0)
    assert len(caught) == 1 and "`parts` changed with each call" in str(caught[0].message)
    assert "64 times" in str(caught[0].message) and caught[0].filename == __file__
    assert df.cache_info()["entries"] <= 128


def test_f9_numbers_are_no_reason_to_compile_again():
    df = srcad.grad(total)
    for n in range(1, 30):
        assert_close(df(1.0, n), float(sum(range(n))))
    assert df.cache_info()["entries"] == 1


def test_f8_import_needs_three_packages_only():
    program = (
        "import sys, numpy, gast, astunparse; before = set(sys.modules); import srcad; "
        "new = {n.split('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)"
        "; sys.exit(str(sorted(new - {'srcad', 'numpy', 'gast', 'astunparse', 'six'})))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stderr.strip() == "[]"
