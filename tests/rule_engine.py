"""Checks of one application of a function of the rule table, without the compiler.

`check_row(row)` compares

- every inferred type (of the primal and of all operations of the derivative) with the value,
- the tangent with central differences, the cotangents with the tangent (inner product),
- both again for the derivative of the reverse sweep (order 2),
- the dtype and shape of each cotangent with those of its argument,

once with the types of the arguments known and once with none known.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from rule_programs import Program, application, forward, is_constant, is_leaf, reverse, run
from rule_rows import Row

from srcad.errors import TypeInferenceError
from srcad.rules.registry import lookup

__all__ = ["Program", "application", "check_row", "check_type", "forward", "reverse", "run"]

H = 1e-3  # step of the five-point differences


def flat(tree: Any, like: Any = 0.0) -> np.ndarray:
    """All numbers of a tree of numbers and arrays, as one vector of reals; two for each number
    where `like` is complex."""
    if isinstance(tree, (list, tuple)):
        likes = like if isinstance(like, (list, tuple)) else [like] * len(tree)
        return np.concatenate(
            [flat(t, x) for t, x in zip(tree, likes, strict=True)] or [np.zeros(0)]
        )
    if tree is None:
        return np.zeros(0)
    a = np.asarray(tree) + (0j if np.iscomplexobj(like) else 0)
    a = a.astype(complex if np.iscomplexobj(a) else float).ravel()
    return np.concatenate([a.real, a.imag]) if np.iscomplexobj(a) else a


def random_like(value: Any, rng: np.random.Generator) -> Any:
    """Random numbers in the form of `value` (floats and complex numbers; else None)."""
    if isinstance(value, (list, tuple)):
        return type(value)(random_like(v, rng) for v in value)
    if isinstance(value, (bool, int, str)) or value is None:
        return None
    if np.asarray(value).dtype.kind not in "fc":
        return None
    shape = np.shape(value)
    new = rng.uniform(0.3, 1.0, shape) * rng.choice([-1.0, 1.0], shape)
    if np.iscomplexobj(value):
        new = new + 1j * rng.uniform(-1.0, 1.0, shape)
    if isinstance(value, np.ndarray):
        return np.asarray(new, dtype=value.dtype)
    if isinstance(value, np.generic):
        return value.dtype.type(new)
    return type(value)(new)


def upcast(value: Any) -> Any:
    """The same value in double precision."""
    if isinstance(value, (list, tuple)):
        return type(value)(upcast(v) for v in value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fc":
        wide = complex if value.dtype.kind == "c" else float
        return value.astype(wide) if isinstance(value, np.ndarray) else np.dtype(wide).type(value)
    return value


def moved(value: Any, direction: Any, step: float) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(moved(v, d, step) for v, d in zip(value, direction, strict=True))
    return value + step * direction


def differences(
    f: Callable[[list[Any]], Any], values: list[Any], dirs: list[Any], like: Any
) -> np.ndarray:
    """Directional derivative of `f` (with results like `like`) by the five-point formula."""

    def at(k: int) -> np.ndarray:
        pairs = zip(values, dirs, strict=True)
        return flat(f([v if d is None else moved(v, d, k * H) for v, d in pairs]), like)

    return (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / (12 * H)


def pairing(a: Any, b: Any) -> float:
    """Re(sum(a * b)): how a cotangent acts on a tangent (df = Re(x_bar * dx))."""
    if isinstance(a, (list, tuple)):
        return sum(pairing(x, y) for x, y in zip(a, b, strict=True))
    if a is None or b is None:
        return 0.0
    return float(np.real(np.sum(np.asarray(upcast(a)) * np.asarray(upcast(b)))))


def close(found: Any, expected: Any, rtol: float, what: str) -> None:
    """Equal to `rtol` of the largest entry; NaN equals only NaN, inf only the same inf."""
    found, expected = np.atleast_1d(found), np.atleast_1d(expected)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, not {expected.shape}"
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.max(np.abs(expected[finite]), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * scale, err_msg=what)


def strip_integers(tree: Any) -> Any:
    """None for what carries no derivative."""
    if isinstance(tree, (list, tuple)):
        return [strip_integers(t) for t in tree]
    return tree if np.asarray(tree).dtype.kind in "fc" else None


def match(tree: Any, like: Any) -> Any:
    """`tree` without the parts that carry no derivative in `like`."""
    if isinstance(like, (list, tuple)) and isinstance(tree, (list, tuple)):
        return [match(t, x) for t, x in zip(tree, like, strict=True)]
    return None if like is None else tree


# -- the checks ----------------------------------------------------------------------------------


def check_row(row: Row) -> None:
    """Check types, tangent, cotangent and second order of one application."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if row.warns else "error")
        _check(row, typed=True)
        try:
            _check(row, typed=False)
        except TypeInferenceError:
            if row.generic:
                raise


def check_type(row: Row) -> None:
    """Check only that the primal runs and that its inferred type is that of the value."""
    for typed in (True, False):
        program, values, _ = application(row, typed)
        run(program, values, exact=True)


def precision(values: Any) -> float:
    """The precision of the narrowest number among the arguments."""
    eps = [
        np.finfo(np.asarray(v).dtype).eps
        for v in values
        if not isinstance(v, (list, tuple)) and np.asarray(v).dtype.kind in "fc"
    ]
    return float(max(eps, default=2.3e-16))


def _check(row: Row, typed: bool) -> None:
    label = f"{row} {'typed' if typed else 'generic'}"
    rng = np.random.default_rng(12)
    program, values, active = application(row, typed)
    y = run(program, values)
    rule = lookup(row.fn)
    assert rule is not None
    assert active, f"{label}: nothing to differentiate in; use check_type"
    rtol = max(row.rtol, 40 * precision(values))

    wide = [upcast(v) for v in values]
    dots = [random_like(values[i], rng) for i in active]
    directions: list[Any] = [None] * len(values)
    for i, d in zip(active, dots, strict=True):
        directions[i] = upcast(d)

    y_real = strip_integers(y)
    tangent = forward(program, active, typed)
    y_dot = match(run(tangent, [*values, *dots]), y_real)
    expected = differences(lambda v: strip_integers(run_wide(row, v)), wide, directions, y_real)
    close(flat(y_dot, y_real), expected, rtol, f"{label}: tangent against differences")

    seed = random_like(y_real, rng) if not isinstance(y_real, list) else [
        random_like(v, rng) for v in y_real
    ]  # fmt: skip
    adjoint = reverse(program, active, seed, typed)
    seeds = [s for s in (seed if isinstance(seed, list) else [seed]) if s is not None]
    bars = run(adjoint, [*values, *seeds])
    close(pairing(bars, dots), pairing(seed, y_dot), 4 * rtol * max(1, len(expected)) ** 0.5,
          f"{label}: cotangents against the tangent")  # fmt: skip
    for bar, i in zip(bars, active, strict=True):
        check_form(bar, values[i], f"{label}: cotangent of input {i}")
    if row.order >= 2:
        check_second(row, adjoint, [*values, *seeds], active, len(values), rng, rtol, label, typed)


def check_second(
    row: Row, adjoint: Program, values: list[Any], active: list[int], inputs: int,
    rng: np.random.Generator, rtol: float, label: str, typed: bool,
) -> None:  # fmt: skip
    """The derivative of the reverse sweep: forward against differences, reverse against forward."""
    both = [*active, *range(inputs, len(values))]
    dots = [random_like(values[i], rng) for i in both]
    second = forward(adjoint, both, typed)
    bars_dot = run(second, [*values, *dots])
    directions: list[Any] = [None] * len(values)
    for i, d in zip(both, dots, strict=True):
        directions[i] = upcast(d)
    likes = [values[i] for i in active]
    wide_adjoint = retyped(row, active, values[:inputs], values[inputs:])
    expected = differences(
        lambda v: run(wide_adjoint, v), [upcast(v) for v in values], directions, likes
    )
    close(flat(bars_dot, likes), expected, 20 * rtol, f"{label}: order 2 against differences")
    seed = random_like(bars_dot, rng)
    backward = reverse(adjoint, both, seed, typed)
    found = run(backward, [*values, *[s for s in seed]])
    close(pairing(found, dots), pairing(seed, bars_dot), 20 * rtol * max(1, len(expected)) ** 0.5,
          f"{label}: order 2, cotangents against the tangent")  # fmt: skip


def retyped(row: Row, active: list[int], values: list[Any], seeds: list[Any]) -> Program:
    """The reverse sweep of the row for double precision."""
    wide = Row(row.fn, tuple(upcast(a) for a in row.args),
               {k: upcast(v) for k, v in row.kwargs.items()}, row.argnums,
               constants=row.constants)  # fmt: skip
    program, inputs, _ = application(wide, True)
    y = strip_integers(run(program, inputs))
    return reverse(program, active, y, True)


def run_wide(row: Row, values: list[Any]) -> Any:
    """The function itself on given values of the inputs."""
    rest = iter(values)

    def place(value: Any, key: Any) -> Any:
        if is_constant(row, value, key):
            return value
        return next(rest) if is_leaf(value) else type(value)(place(v, key) for v in value)

    args = [place(v, k) for k, v in enumerate(row.args)]
    kwargs = {k: place(v, k) for k, v in row.kwargs.items()}
    return row.fn(*args, **kwargs)


def check_form(bar: Any, value: Any, what: str) -> None:
    """A cotangent has the kind, shape and dtype of its argument."""
    if isinstance(value, (list, tuple)):
        assert np.shape(bar) == np.shape(value), what
        return
    assert np.shape(bar) == np.shape(value), f"{what}: {np.shape(bar)}, not {np.shape(value)}"
    if isinstance(value, (np.ndarray, np.generic)) and isinstance(bar, (np.ndarray, np.generic)):
        assert np.asarray(bar).dtype == value.dtype, (
            f"{what}: {np.asarray(bar).dtype}, not {value.dtype}"
        )
