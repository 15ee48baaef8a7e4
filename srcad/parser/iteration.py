"""What a `for` loop runs over: ranges, arrays, and their zip, enumerate and reversed.

Everything but a tuple becomes a loop over an integer index, from which the loop's target is read.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from srcad.ir.values import Const, Operand, Value
from srcad.parser.bindings import Binding, Known, Struct

if TYPE_CHECKING:
    from srcad.parser.lower import Lowerer

ZERO, ONE_STEP = Const.of(0), Const.of(1)


@dataclass(frozen=True)
class Iteration:
    """A loop over `start`, `stop`, `step`; `element(lowerer, index)` is the target's binding.

    `plain` means that the target is the index itself.
    """

    start: Operand
    stop: Operand
    step: Operand
    element: Callable[[Lowerer, Value], Binding]
    reverse: bool = False
    plain: bool = False
    name: str = "i"


@dataclass(frozen=True)
class Unrolled:
    """A loop over bindings that are all known in number."""

    elements: tuple[Binding, ...]


@dataclass(frozen=True, eq=False)
class RangeBinding:
    """`range(...)` with run-time bounds, or a wrapper of iterables, before it is looped over."""

    kind: str  # "range" | "zip" | "enumerate" | "reversed"
    args: tuple[Any, ...]


def from_zero(
    lowerer: Lowerer, it: Iteration
) -> tuple[Operand, Callable[[Lowerer, Value], Binding]]:
    """(number of trips, element by trip number) of an iteration."""
    if it.start == ZERO and it.step == ONE_STEP and isinstance(it.start, Const):
        if not it.reverse:
            return it.stop, it.element

        def backwards(low: Lowerer, k: Value) -> Binding:
            last = low.arithmetic(operator.sub, low.arithmetic(operator.sub, it.stop, ONE_STEP), k)
            return it.element(low, low.as_value(last))

        return it.stop, backwards
    trips = lowerer.range_length(it)

    def element(low: Lowerer, k: Value) -> Binding:
        n: Operand = k
        if it.reverse:
            n = low.arithmetic(operator.sub, low.arithmetic(operator.sub, trips, ONE_STEP), k)
        scaled = n if it.step == ONE_STEP else low.arithmetic(operator.mul, n, it.step)
        index = scaled if it.start == ZERO else low.arithmetic(operator.add, it.start, scaled)
        return it.element(low, low.as_value(index))

    return trips, element


def zipped(lowerer: Lowerer, parts: list[Iteration]) -> Iteration:
    """Several iterations side by side, as long as the shortest."""
    counted = [from_zero(lowerer, p) for p in parts]
    trips = counted[0][0]
    for other, _ in counted[1:]:
        if not (isinstance(other, Const) and isinstance(trips, Const) and other == trips):
            if other is not trips:
                trips = lowerer.arithmetic(min, trips, other)

    def element(low: Lowerer, k: Value) -> Binding:
        return Struct.sequence("tuple", [e(low, k) for _, e in counted])

    return Iteration(ZERO, trips, ONE_STEP, element)


def enumerated(lowerer: Lowerer, it: Iteration, first: Operand) -> Iteration:
    """An iteration with a running number from `first`."""
    trips, inner = from_zero(lowerer, it)

    def element(low: Lowerer, k: Value) -> Binding:
        n: Any = k if first == ZERO else low.arithmetic(operator.add, first, k)
        if isinstance(n, Const):
            n = Known(n.value)
        return Struct.sequence("tuple", [n, inner(low, k)])

    return Iteration(ZERO, trips, ONE_STEP, element)
