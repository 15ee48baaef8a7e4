"""`vjp` and `hvp` inside of a differentiated function, as functions of what `grad` and `jvp` give.

The parser looks into these as into any helper; `moving` are the positions of the primals that are
differentiated. What holds afterwards: only gradients and tangents are left in the IR.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from srcad.pristine import np


def vjp(
    function: Callable[..., Any], primals: Sequence[Any], moving: tuple[int, ...], grad: Any
) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The value and the pullback: the gradient of the value's product with a cotangent."""

    def pull(cotangent: Any) -> tuple[Any, ...]:
        def along(moved: Sequence[Any]) -> Any:
            given = dict(zip(moving, moved))
            inputs = [given.get(k, primals[k]) for k in range(len(primals))]
            return inner(function(*inputs), cotangent)

        found = grad(along)(tuple([primals[k] for k in moving]))
        return spread(found, moving, len(primals))

    return function(*primals), pull


def hvp(
    function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any],
    moving: tuple[int, ...], grad: Any, jvp: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """The tangent of the gradient."""
    _, products = jvp(grad(function, moving), primals, tangents)
    return spread(products, moving, len(primals))


def inner(y: Any, y_bar: Any) -> Any:
    """The sum of the products of all numbers in a value with those of a cotangent."""
    if isinstance(y, dict):
        return sum([inner(y[k], y_bar[k]) for k in y])
    if isinstance(y, (tuple, list)):
        return sum([inner(part, bar) for part, bar in zip(y, y_bar)])
    return np.sum(y * y_bar)


def spread(found: Sequence[Any], moving: tuple[int, ...], count: int) -> tuple[Any, ...]:
    """One entry per primal; None for those that do not move."""
    given = dict(zip(moving, found))
    entries: tuple[Any, ...] = ()
    for k in range(count):
        entries = (*entries, given.get(k))
    return entries
