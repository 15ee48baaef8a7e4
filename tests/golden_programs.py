"""The functions whose generated text is kept in tests/golden, and arguments for them."""

from __future__ import annotations

import sys

import numpy as np

import autoencoder
import srcad


def survey(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def loop(x, n):
    y = x
    for i in range(n):
        y = y * np.sin(x) + i
    return y


def branch(x):
    if x > 1.0:
        y = x * x
    else:
        y = np.exp(x)
    return y * x


def iteration(a):
    y = a
    while abs(y * y - a) > 1e-12:
        y = 0.5 * (y + a / y)
    return y


def recursion(x, n):
    if n == 0:
        return x
    return recursion(x * x, n - 1) * 0.5


_RNG = np.random.default_rng(0)
_LAYERS = {"We1": (5, 7), "We2": (3, 5), "Wd": (7, 3), "b1": (5,), "b2": (3,), "image": (7,)}
_NAMES = autoencoder.Parameters._fields
_WEIGHTS = {n: f"f64[{','.join('*' * len(s))}]" for n, s in _LAYERS.items()}

# name: (function, argnums, types, options of `source`, arguments)
PROGRAMS = {
    "autoencoder": (autoencoder.loss, _NAMES, _WEIGHTS, {"value": True},
                    tuple(_RNG.normal(size=s) for s in _LAYERS.values())),
    "survey": (survey, (0, 1), "x1: float, x2: float", {"value": True}, (2.0, 5.0)),
    "loop": (loop, 0, "x: float, n: int", {}, (0.7, 5)),
    "branch": (branch, 0, "x: float", {}, (1.5,)),
    "while": (iteration, 0, "a: float", {}, (2.0,)),
    "recursion": (recursion, 0, "x: float, n: int", {}, (1.2, 3)),
    "jvp": (survey, (0, 1), "x1: float, x2: float", {"mode": "forward"}, (2.0, 5.0)),
    "generic": (survey, (0, 1), None, {"generic": True}, (2.0, 5.0)),
}  # fmt: skip


def text_of(name: str, **more: object) -> str:
    function, argnums, types, options, _ = PROGRAMS[name]
    return srcad.source(function, argnums, types, **options, **more)


if __name__ == "__main__":
    sys.stdout.write("\0".join(map(text_of, PROGRAMS)))
