"""Runs a program: right, refused, wrong or crashed; skipped where differences cannot judge.

The gradient and the tangent are compared with differences along one random direction, the value
with that of the function; the arguments must not change.
"""

from __future__ import annotations

import importlib.util
import itertools
import linecache
import os
import tempfile
import traceback
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import srcad
from srcad.errors import InternalError, SrcadError

from .grammar import program

# What a program raises that the grammar should not have written.
_MISTAKES = (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError)
STEP = 1e-4
# Of the disagreement between differences of two steps, between those of the two sides (which
# differ by the step times the second derivative), and between differences and a derivative.
AGREEMENT, SIDES, TOLERANCE = 1e-6, 0.02, 1e-5

STEEPEST = 1e4

_numbers = itertools.count()


@dataclass(frozen=True)
class Outcome:
    """What became of a program.

    Attributes
    ----------
    kind : str
        `right`, `refused`, `wrong`, `crash`, `skipped`, `nan` (in one mode, of a program that
        overflows on the way: docs/limits.md) or `invalid` (Python does not run it).
    reason : str
        Of a refusal its headline; of a failure what happened.
    """

    kind: str
    reason: str = ""

    @property
    def failed(self) -> bool:
        return self.kind in ("wrong", "crash")

    @property
    def signature(self) -> str:
        """What stays the same while the program shrinks."""
        return self.reason.split(":")[0] if self.failed else self.kind


def check(text: str) -> Outcome:
    """Run the program `text` and compare its derivatives with differences."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with np.errstate(all="ignore"):
            try:
                function = load(text, folder)
                expected = differences(function)
            except _MISTAKES as error:  # of the grammar: counted, not lost
                return Outcome("invalid", f"{type(error).__name__}: {error}")
            return Outcome("skipped") if expected is None else _check(function, expected)


def outcome(seed: int, features: tuple[str, ...] | None = None) -> Outcome:
    """Return the outcome of the program of this seed."""
    return check(program(seed, features))


def fails_alike(text: str, wanted: Outcome) -> bool:
    """Return whether the program runs in Python and fails as `wanted` says."""
    return check(text).signature == wanted.signature


def load(text: str, folder: str) -> Callable[..., Any]:
    """Import the program as a module of its own and return its function `f`."""
    name = f"fuzz_program_{next(_numbers)}"
    path = os.path.join(folder, f"{name}.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    linecache.checkcache(path)
    return module.f


def arguments(salt: str) -> tuple[Any, ...]:
    """Return new arguments, or a direction; equal salts give equal numbers."""
    rng = np.random.default_rng(zlib.crc32(salt.encode()))
    x, y = rng.uniform(0.2, 0.9, 2).tolist()
    return x, y, rng.uniform(-0.9, 0.9, 4), rng.uniform(-0.9, 0.9, (4, 4))


def inner(one: tuple[Any, ...], other: tuple[Any, ...]) -> float:
    return float(sum(np.sum(p * q) for p, q in zip(one, other)))


def differences(function: Callable[..., Any]) -> float | None:
    """Return the derivative along the direction, or None if it is not certain."""
    direction = arguments("direction")

    def at(step: float) -> float:
        moved = zip(arguments("primal"), direction)
        value = function(*(p + step * d for p, d in moved))
        if not isinstance(value, float):  # np.float64 is one
            raise TypeError(f"the result is a {type(value).__name__}")
        return float(value)

    try:
        values = {k: at(k * STEP) for k in (-2, -1, 0, 1, 2)}
    except (ArithmeticError, ValueError, IndexError, UnboundLocalError):
        return None
    if not all(np.isfinite(value) for value in values.values()):
        return None
    near, far = ((values[k] - values[-k]) / (2 * k * STEP) for k in (1, 2))
    left, right = (values[0] - values[-1]) / STEP, (values[1] - values[0]) / STEP
    scale = 1.0 + abs(near)
    if scale > STEEPEST:  # a sine within turns more than once between the points
        return None
    certain = abs(near - far) < AGREEMENT * scale and abs(left - right) < SIDES * scale
    return (4.0 * near - far) / 3.0 if certain else None


def _check(function: Callable[..., Any], expected: float) -> Outcome:
    direction = arguments("direction")
    tolerance = TOLERANCE * (1.0 + abs(expected))
    value = float(function(*arguments("primal")))
    everything = (0, 1, 2, 3)
    outcome = Outcome("right")
    not_numbers = []
    for mode in ("reverse", "forward"):
        args = arguments("primal")
        try:
            if mode == "reverse":
                found, gradient = srcad.value_and_grad(function, argnums=everything)(*args)
                if [np.shape(g) for g in gradient] != [np.shape(arg) for arg in args]:
                    return Outcome("wrong", f"{mode} gives shapes of other arguments")
                derivative = inner(gradient, direction)
            else:
                found, derivative = srcad.jvp(function, args, direction)
        except InternalError as error:
            return Outcome("crash", f"{mode} InternalError: {_headline(error)}")
        except SrcadError as error:
            outcome = Outcome("refused", f"{type(error).__name__}: {_headline(error)}")
            continue
        except (*_MISTAKES, AssertionError, RuntimeError) as error:  # the program raises none
            place = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{os.path.basename(place.filename)} in {place.name}"
            return Outcome("crash", f"{mode} {type(error).__name__}: {error} ({at})")
        if np.isnan(derivative):
            not_numbers.append(mode)
            continue
        if not abs(derivative - expected) <= tolerance:
            return Outcome("wrong", f"{mode}: {derivative!r} instead of {expected!r}")
        if not abs(found - value) <= 1e-12 * (1.0 + abs(value)):
            return Outcome("wrong", f"{mode} value: {found!r} instead of {value!r}")
        for arg, before in zip(args, arguments("primal")):
            if not np.array_equal(arg, before):
                return Outcome("wrong", f"{mode} changes an argument: {before!r} to {arg!r}")
    if len(not_numbers) == 2:  # a value overflows and is bounded again
        return Outcome("skipped")
    if not_numbers:
        return Outcome("nan" if _overflows(function) else "wrong", f"{not_numbers[0]}: nan")
    return outcome


def _overflows(function: Callable[..., Any]) -> bool:
    """Whether a value on the way is no finite number, though the result is."""
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        try:
            function(*arguments("primal"))
        except ArithmeticError:
            return True
    return False


def _headline(error: SrcadError) -> str:
    return error.what
