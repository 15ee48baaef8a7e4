"""Derivatives of srcad against differences, forward against reverse, any order."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.errors import SignatureError
from srcad.testing.comparison import (
    as_like,
    compare,
    is_inexact,
    leaves,
    map_tree,
    matched_leaves,
    tolerance,
)
from srcad.testing.derived import directional_derivative, weighted_sum, with_constants
from srcad.testing.differences import double, numerical_jvp


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    argnums: int | str | Sequence[int | str] | None = None,
    modes: Sequence[str] = ("forward", "reverse"),
    order: int = 2,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
) -> None:
    """Raise unless the derivatives of `f` that srcad compiles are right.

    Forward mode is compared with differences along a random direction, reverse mode by its
    product with random directions, one for each argument. Type, shape and dtype of every
    derivative must be those of the value that it belongs to. For a higher `order` the derivatives
    themselves are checked in the same way, so that all nestings of the modes are.

    Parameters
    ----------
    f : callable
        The function.
    args, kwargs : sequence and mapping
        Its arguments; those in `kwargs` are constants.
    argnums : int, str or sequence of these, optional
        Which positional arguments to differentiate in; by default all that hold floating-point
        numbers.
    modes : sequence of str
        Of "forward" and "reverse" those to check.
    order : int
        The highest order of derivatives to check.
    rtol, atol : float, optional
        Tolerances, as those of `assert_close`.
    seed : int
        Chooses the random directions.

    Raises
    ------
    AssertionError
        If a derivative is wrong.
    OracleError
        If differences cannot tell.
    """
    if unknown := set(modes) - {"forward", "reverse"}:
        raise SignatureError(
            f"unknown modes {sorted(unknown)}",
            reason="check_grads knows the modes 'forward' and 'reverse'.",
            advice="pass modes=('forward', 'reverse') or one of these.",
        )
    args = tuple(args)
    active = _active_positions(f, args, argnums)
    if kwargs:
        f = with_constants(f, len(args), kwargs)
    defaults = [tolerance(leaf) for leaf in [*leaves(args), *leaves(f(*_copies(args)))]]
    check = _Check(
        modes=tuple(modes),
        active=active,
        rtol=max(default[0] for default in defaults) if rtol is None else rtol,
        atol=max(default[1] for default in defaults) if atol is None else atol,
        rng=np.random.default_rng(seed),
    )
    check.run(f, args, order, "f")


def _copies(args: Any) -> Any:
    """The arguments for a function that may change them."""
    return map_tree(lambda leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf, args)


def _active_positions(
    f: Callable[..., Any], args: Sequence[Any], argnums: int | str | Sequence[int | str] | None
) -> tuple[int, ...]:
    if argnums is None:
        return tuple(i for i, arg in enumerate(args) if any(True for _ in leaves(arg)))
    chosen = [argnums] if isinstance(argnums, (int, str)) else argnums
    names = list(inspect.signature(f).parameters)
    if unknown := [name for name in chosen if isinstance(name, str) and name not in names]:
        raise SignatureError(
            f"no argument {unknown[0]!r}",
            reason=f"the arguments are {', '.join(names)}.",
            advice="name one of these in argnums.",
        )
    return tuple(names.index(n) if isinstance(n, str) else n % len(args) for n in chosen)


@dataclass(frozen=True)
class _Check:
    """What stays the same while the derivatives of a function, and theirs, are checked."""

    modes: tuple[str, ...]
    active: tuple[int, ...]
    rtol: float
    atol: float
    rng: np.random.Generator

    def run(self, f: Callable[..., Any], args: tuple[Any, ...], order: int, name: str) -> None:
        """Check the first derivatives of `f`, then, up to `order`, the derivatives of these."""
        import srcad

        if order < 1:
            return
        tangents = tuple(
            _random_like(arg, self.rng) if i in self.active else None for i, arg in enumerate(args)
        )
        value = f(*_copies(args))
        cotangent = _random_like(value, self.rng)
        if "forward" in self.modes:
            self.forward(f, args, tangents, value, name)
            derivative = directional_derivative(f, tangents)
            self.run(derivative, args, order - 1, f"the directional derivative of {name}")
        if "reverse" in self.modes:
            self.reverse(f, args, tangents, value, cotangent, name)
            derivative = srcad.grad(weighted_sum(f, len(args), cotangent), argnums=self.active)
            self.run(derivative, args, order - 1, f"the gradient of {name}")

    def forward(
        self, f: Callable[..., Any], args: Any, tangents: Any, value: Any, name: str
    ) -> None:
        import srcad

        forward_value, tangent = srcad.jvp(f, args, tangents)
        compare(forward_value, value, self.rtol, self.atol, f"the value by jvp of {name}")
        expected = map_tree(
            lambda v, e: None if e is None else as_like(e, v),
            value,
            numerical_jvp(f, args, tangents),
        )
        compare(tangent, expected, self.rtol, self.atol, f"the tangent by jvp of {name}")

    def reverse(
        self, f: Callable[..., Any], args: Any, tangents: Any, value: Any, cotangent: Any, name: str
    ) -> None:
        import srcad

        reverse_value, pull = srcad.vjp(f, *args)
        compare(reverse_value, value, self.rtol, self.atol, f"the value by vjp of {name}")
        cotangents = pull(cotangent)
        for i in self.active:
            place = f"the cotangent by vjp of {name} in argument {i}"
            like = map_tree(lambda leaf: leaf if is_inexact(leaf) else None, args[i])
            for _ in matched_leaves(cotangents[i], like, place):
                pass  # only kinds can be compared
            only = tuple(tangents[i] if j == i else None for j in range(len(args)))
            compare(
                _product(cotangents[i], tangents[i]),
                _product(cotangent, numerical_jvp(f, args, only)),
                self.rtol,
                self.atol,
                f"{place}, times a direction,",
            )


# The functions below are made from text, which `linecache` keeps, so that srcad can read it.


def _product(cotangent: Any, tangent: Any) -> float:
    """Return the sum of products of all elements, in double precision."""
    pairs = zip(leaves(cotangent), leaves(tangent), strict=True)
    return float(sum(np.sum(double(c) * double(t)).real for c, t in pairs))


def _random_like(tree: Any, rng: np.random.Generator) -> Any:
    """Return random numbers in the place of floating-point leaves, None in that of others."""

    def draw(leaf: Any) -> Any:
        if not is_inexact(leaf):
            return None
        numbers = rng.normal(size=np.shape(leaf))
        if np.iscomplexobj(leaf):
            numbers = numbers + 1j * rng.normal(size=np.shape(leaf))
        return as_like(numbers, leaf)

    return map_tree(draw, tree)
