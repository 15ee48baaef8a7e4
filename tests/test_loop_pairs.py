"""Loops over everything, left in every way: all pairs of an iterable and of a body.

Each pair is a function; of the product of all of them, a part is tried here, so that each iterable
meets several bodies and each body several iterables.
"""

from __future__ import annotations

import itertools
import linecache
import textwrap
import types
import zlib
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.testing import assert_close

ITERABLES = {
    "range": """
for i in range(n):
    e = u[i]
""",
    "range with a step": """
for i in range(0, n, 2):
    e = u[i]
""",
    "range downwards": """
for i in range(n - 1, -1, -1):
    e = u[i]
""",
    "range downwards with a step": """
for i in range(n - 1, 0, -2):
    e = u[i]
""",
    "reversed range": """
for i in reversed(range(n)):
    e = u[i]
""",
    "reversed range with a step": """
for i in reversed(range(1, n, 2)):
    e = u[i]
""",
    "array": """
for e in u:
    i = 1
""",
    "reversed array": """
for e in reversed(u):
    i = 2
""",
    "enumerate": """
for i, e in enumerate(u):
    pass
""",
    "zip": """
for e, g in zip(u, w):
    i = 2
    e = e * g
""",
    "zip with reversed": """
for e, g in zip(u, reversed(w)):
    i = 2
    e = e * g
""",
    "enumerate of zip": """
for i, (e, g) in enumerate(zip(u, w)):
    e = e * g
""",
    "list": """
for e in l:
    i = 1
""",
    "reversed list": """
for e in reversed(l):
    i = 1
""",
    "enumerate of a list": """
for i, e in enumerate(l):
    pass
""",
    "sorted": """
for e in sorted(l):
    i = 1
""",
    "tuple": """
for e in (x, 2.0, x * x):
    i = 1
""",
    "map": """
for e in map(np.sin, u):
    i = 1
""",
    "generator": """
for e in (t * t for t in u):
    i = 1
""",
    "items": """
for q, e in {1: x, 2: 2.0 * x}.items():
    i = q
""",
    "rows": """
for r in m:
    i = 1
    e = r[0] * r[1]
""",
    "columns": """
for r in m.T:
    i = 1
    e = np.sum(r)
""",
    "product": """
for i, j in itertools.product(range(2), range(3)):
    e = m[i, j]
""",
    "flat": """
for e in m.flat:
    i = 1
""",
    "tolist": """
for e in u.tolist():
    i = 1
""",
    "while": """
i = -1
while i < n - 1:
    i += 1
    e = u[i]
""",
    "while downwards": """
i = n
while i > 0:
    i -= 1
    e = u[i]
""",
    "while True": """
i = -1
while True:
    i += 1
    if i >= n: break
    e = u[i]
""",
    "zip of unequal lengths": """
for e, g in zip(u[1:], w):
    i = 2
    e = e - g
""",
    "zip of unequal lists": """
for e, g in zip(l, l[1:]):
    i = 1
    e = e - g
""",
}

BODIES = {
    "all of it": """
    s = s * np.cos(e) + e * x + i
""",
    "break first": """
    if s > T: break
    s = s * np.cos(e) + e * x + i
""",
    "break last": """
    s = s * np.cos(e) + e * x + i
    if s > T: break
""",
    "break with else": """
    s = s * np.cos(e) + e * x + i
    if s > T:
        s = s * e
        break
else:
    s = s * x
""",
    "continue": """
    if e > 0.8: continue
    s = s * np.cos(e) + e * x + i
""",
    "return": """
    s = s * np.cos(e) + e * x + i
    if s > T: return s * e
""",
    "continue and break": """
    s = s * np.cos(e) + e * x + i
    if e > 0.8: continue
    s = s + np.sin(e)
    if s > T: break
    s = s * 1.1
""",
    "store": """
    y[i] = y[i] * s + e
    s = s + y[i] * x
""",
    "store and break": """
    y[i] = y[i] * s + e
    s = s + y[i] * x
    if s > T: break
""",
    "append and break": """
    out.append(s * e)
    s = np.tanh(s + out[-1])
    if s > T: break
""",
    "break after a name": """
    last = e * s
    s = s + last * x
    if s > T: break
""",
    "try": """
    try:
        if s > T: raise ValueError
        s = s * np.cos(e) + e * x + i
    except ValueError:
        s = s * 0.5
""",
    "two names": """
    s, last = last * np.cos(e) + i, s * e + 0.1
    if last > 3.0: break
""",
    "break of both loops": """
    for k in range(3):
        s = s * np.cos(e) + k
        if s > T:
            last = s * e
            break
    else:
        continue
    break
""",
    "return from within": """
    for q in w:
        s = s * np.cos(e * q) + q
        if s > T + 2: return s * last
        if q > 1.0: continue
        last = last + s
    if last > 9.0: break
""",
    "while within": """
    k = 0
    while k < 5 and s < T:
        s = s * 1.2 + np.sin(e)
        k += 1
        if k == 3 and s > 2.0: break
    else:
        s = s * 0.3
""",
    "flag": """
    done = s > T
    if not done:
        s = s * np.cos(e) + e * x + i
        done = s > T + 1
    if done:
        last = s * s
        break
    last = s + e
""",
    "elif": """
    if e > 0.85:
        s = s + e * e
    elif e > 0.55:
        if s > T: break
        s = s * np.sin(e) + 1.0
    else:
        last = s * e
        continue
    s = s * 1.05
""",
    "computed index": """
    k = i % 3
    y[k] += s * e
    y[-1] = y[k] * x
    s = np.tanh(y[k] + y[0])
""",
    "shifted": """
    y[1:] = y[:-1] * e
    y[0] = s
    s = s + np.sum(y) * 0.1
    if s > T: break
""",
    "in place": """
    y *= np.cos(e)
    y += s
    s = np.mean(y) * x
""",
    "list stores": """
    out[-1] = out[-1] * e + s
    out.append(out[0] * 0.5)
    s = s + out[-1]
    if s > T + 3: break
""",
    "conditional expression": """
    s = s * e if s > 0.6 else s + e
    last = last + (s if i % 2 else x * s)
""",
    "previous one": """
    if i > 0: s = s + last * e
    last = e * s
    if s > T + 1: return last
""",
    "helper": """
    s = helper(s, e, i)
    if s > T + 1: break
    last = helper(last, s, 1)
""",
    "set on some paths": """
    if e > 0.8:
        found = e * s
        break
    s = s * 1.1 + e
else:
    found = s * x
for _ in range(1):
    s = s + found
""",
}

HEAD = """
def f(x, u, w, m, l, n):
    s = last = x
    y = u * 1.0
    out = [x]
"""
TAIL = "    return s + np.sum(y) + out[-1] + last\n"

ARGS = (
    np.array([0.5, 0.9, 0.7, 0.3]), np.array([0.4, 1.1, 0.8]),
    np.array([[0.3, 0.5, 0.2], [0.7, 0.1, 0.9]]),
)  # fmt: skip
TANGENTS = (
    0.3, np.array([0.1, -0.2, 0.3, 0.4]), np.array([0.2, 0.1, -0.3]),
    np.array([[0.1, 0.3, -0.2], [0.4, 0.2, 0.1]]),
)  # fmt: skip
OTHERS = ([0.6, 0.2, 0.9, 0.4], 4)

PAIRS = [
    pair
    for pair in itertools.product(ITERABLES, BODIES)
    if zlib.crc32(repr(pair).encode()) % 6 == 0
]


def helper(a, b, i):
    for _ in range(2):
        a = a * np.cos(b) + i
        if a > 2.0:
            return a * b
    return a + b


def function_of(iterable: str, body: str) -> types.FunctionType:
    loop = ITERABLES[iterable].strip("\n") + "\n" + BODIES[body].strip("\n") + "\n"
    text = HEAD + textwrap.indent(loop, "    ") + TAIL
    name = f"<loop over {iterable}: {body}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"np": np, "itertools": itertools, "T": 2.5, "helper": helper}
    exec(compile(text, name, "exec"), namespace)
    return namespace["f"]


@pytest.mark.parametrize("iterable, body", PAIRS)
@pytest.mark.parametrize("x", [0.7, 1.9])
def test_derivatives(iterable: str, body: str, x: float) -> None:
    f = function_of(iterable, body)
    args = (x, *ARGS)

    def along(t: float) -> float:
        return f(*(a + t * d for a, d in zip(args, TANGENTS)), *OTHERS)

    h = 1e-4
    slope = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
    for generic in (False, True):
        value, tangent = srcad.jvp(
            f, (*args, *OTHERS), (*TANGENTS, None, None), generic=generic
        )  # fmt: skip
        gradient = srcad.grad(f, argnums=(0, 1, 2, 3), generic=generic)(*args, *OTHERS)
        assert float(value) == float(along(0.0))
        assert_close(float(tangent), float(slope), rtol=1e-6)
        product = sum(float(np.sum(g * d)) for g, d in zip(gradient, TANGENTS))
        assert_close(product, float(tangent), rtol=1e-12)


def test_each_is_tried() -> None:
    assert {i for i, _ in PAIRS} == ITERABLES.keys()
    assert {b for _, b in PAIRS} == BODIES.keys()
