"""Derivatives by differences, given only where they can be trusted."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcad.errors import SrcadError
from srcad.testing.comparison import is_inexact, leaves, map_tree


class OracleError(SrcadError, ArithmeticError):
    """Differences give no derivative that can be trusted: at a kink or a jump, or beside one.

    Move the arguments away from it, or scale the function so that it varies less.
    """


# What a function that is made for real numbers may raise when it is given a complex one.
_NOT_FOR_COMPLEX = (TypeError, ValueError, ArithmeticError, np.exceptions.ComplexWarning)


def numerical_jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    complex_step: bool = True,
) -> Any:
    """Derivative of ``f(*primals)`` along `tangents`, without any differentiation of code.

    Central differences with three steps are extrapolated twice; the two estimates must agree, and
    the slopes on both sides must meet. The complex step, which has no rounding error, then takes
    the place of the estimate if `f` takes complex numbers and the two agree. All this is done in
    double precision: float32 and float16 primals are lifted to float64.

    Parameters
    ----------
    f : callable
        A function of numbers and arrays, or of tuples, lists and dictionaries of these.
    primals : sequence
        The arguments of `f`.
    tangents : sequence
        For each argument its direction, of the same structure; None for a constant.
    complex_step : bool
        Whether the complex step may be tried.

    Returns
    -------
    object
        The derivative, in the structure of the result of `f` and in double precision; None in the
        place of what is no floating-point number.

    Raises
    ------
    OracleError
        If differences are not to be trusted here.

    Examples
    --------
    >>> round(numerical_jvp(lambda x: x * x, (3.0,), (1.0,)), 9)
    6.0
    """
    lifted = map_tree(_lift, tuple(primals))
    directions = map_tree(lambda p, t: t if t is None else _lift(t), lifted, tuple(tangents))

    def along(step: complex) -> Any:
        # Arrays are copied, so a function that changes its arguments does no harm.
        return f(*map_tree(functools.partial(_moved, step), lifted, directions))

    value = along(0.0)
    center = [double(leaf) for leaf in leaves(value)]
    size = _relative_size(lifted, directions)
    estimates = _differences(along, center, size)
    if complex_step and not any(np.iscomplexobj(leaf) for leaf in [*leaves(lifted), *center]):
        estimates = _complex_step(along, size, estimates)
    remaining = iter(estimates)
    return map_tree(lambda v: _as_double(next(remaining), v) if is_inexact(v) else None, value)


def _lift(value: Any) -> Any:
    return _as_double(value, value) if is_inexact(value) else value


def _as_double(value: Any, like: Any) -> Any:
    """Return `value` as the kind of thing that `like` is, in double precision."""
    value = double(value)
    if isinstance(like, np.ndarray):
        return value
    return value[()] if isinstance(like, np.generic) else value.item()


def double(value: Any) -> np.ndarray:
    return np.array(value, np.complex128 if np.iscomplexobj(value) else np.float64)


def _moved(step: complex, primal: Any, tangent: Any) -> Any:
    if tangent is None or step == 0:
        return primal.copy() if isinstance(primal, np.ndarray) else primal
    moved = primal + step * tangent
    return np.asarray(moved) if isinstance(primal, np.ndarray) else moved


def _relative_size(primals: Any, tangents: Any) -> float:
    """Return how far a step of one goes, at most, in units of the primals (or of one)."""
    sizes = [0.0]

    def measure(primal: Any, tangent: Any) -> None:
        if tangent is not None and np.size(tangent):
            relative = np.abs(tangent) / np.maximum(1.0, np.abs(primal))
            sizes.append(float(np.max(relative)))

    map_tree(measure, primals, tangents)
    return max(sizes) or 1.0


def _differences(
    along: Callable[[complex], Any], center: list[np.ndarray], size: float
) -> list[np.ndarray]:
    """Return the derivative of each leaf, by the first step that can be trusted."""
    doubts = []
    # A larger step helps against rounding errors, a smaller one near a kink or a singularity.
    for relative_step in (1e-3, 1e-2, 1e-4, 1e-5):
        try:
            estimates, doubt = _extrapolated(along, center, relative_step / size)
        except (ValueError, ArithmeticError) as error:  # the step leaves the domain of f
            doubts.append(f"at step {relative_step:g}, {type(error).__name__}: {error}")
            continue
        if not doubt:
            return estimates
        doubts.append(f"at step {relative_step:g}, {doubt}")
    raise OracleError(
        "differences give no derivative here",
        reason="; ".join(doubts) + ".",
        advice="move the arguments away from the kink or jump, or rescale the function.",
    )


def _extrapolated(
    along: Callable[[complex], Any], center: list[np.ndarray], step: float
) -> tuple[list[np.ndarray], str]:
    """Return an estimate for each leaf, and what speaks against them if anything does."""
    slopes, jumps = [], []
    for h in (step, step / 2, step / 4):
        above, below = ([double(leaf) for leaf in leaves(along(s))] for s in (h, -h))
        if [leaf.shape for leaf in above + below] != 2 * [leaf.shape for leaf in center]:
            return [], "the shape of the result changes"
        triples = list(zip(above, center, below, strict=True))
        with np.errstate(invalid="ignore"):
            slopes.append([(a - b) / (2 * h) for a, _, b in triples])
            jumps.append([(a - 2 * c + b) / h for a, c, b in triples])
    estimates = []
    for c, (d1, d2, d4), (j1, _, j4) in zip(
        center, zip(*slopes, strict=True), zip(*jumps, strict=True), strict=True
    ):
        coarse, fine = (4 * d2 - d1) / 3, (4 * d4 - d2) / 3
        # Estimates may agree by chance when f has but a few digits left to differ in.
        rounding = 4 * np.finfo(float).eps * np.abs(c) / step
        if not np.all(np.abs(fine - coarse) + rounding <= 1e-7 + 1e-6 * np.abs(fine)):
            return [], "two extrapolated differences disagree"
        # Where f is smooth, the slopes on both sides differ by O(step); what is left of that
        # when the step goes to zero is a kink.
        kink = (4 * j4 - j1) / 3
        if not np.all(np.abs(kink) <= 1e-6 * (1 + np.abs(fine)) + 100 * rounding):
            return [], "the slopes on both sides differ"
        estimates.append(fine)
    return estimates, ""


def _complex_step(
    along: Callable[[complex], Any], size: float, estimates: list[np.ndarray]
) -> list[np.ndarray]:
    """Return the derivative by the complex step, or `estimates` where it does not apply."""
    step = 1e-30 / size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            exact = [np.imag(double(leaf)) / step for leaf in leaves(along(1j * step))]
    except _NOT_FOR_COMPLEX:
        return estimates
    # Functions such as abs and vdot take complex numbers but mean something else by them.
    same = len(exact) == len(estimates) and all(
        e.shape == d.shape and np.all(np.abs(e - d) <= 1e-6 * (1 + np.abs(d)))
        for e, d in zip(exact, estimates, strict=True)
    )
    return exact if same else estimates
