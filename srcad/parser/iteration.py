"""What a `for` loop runs over: ranges, arrays, and their zip, enumerate and reversed.

Everything but a tuple becomes a loop over an integer index, from which the loop's target is read.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gast

from srcad.ir.abstract import UNKNOWN, Array, ListOf
from srcad.ir.values import Const, Operand, Value
from srcad.parser.bindings import Binding, Known, Ref, Step, Struct, describe
from srcad.rules.symbols import apply as apply_rule
from srcad.rules.symbols import getitem_operands

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


def is_wrapped(binding: Binding) -> bool:
    """Whether this is `zip`, `enumerate` or `reversed` of other things."""
    return isinstance(binding, Known) and isinstance(binding.value, RangeBinding)


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


# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class IterationLowering(_Base):
    def iteration(self, binding: Binding, node: gast.AST) -> Iteration | Unrolled:
        """What a `for` loop over this binding runs over."""
        binding = self.iterable(binding, node)
        holder, binding = binding, self.deref(binding)
        if isinstance(binding, Known) and isinstance(binding.value, RangeBinding):
            return self.special_iteration(binding.value, node)
        if isinstance(binding, Known) and isinstance(binding.value, range):
            r = binding.value
            return self.range_iteration([Const.of(v) for v in (r.start, r.stop, r.step)])
        if isinstance(binding, (Struct, Known)):
            if isinstance(binding, Struct) and binding.kind == "dict":
                return Unrolled(tuple(Known(k) for k, _ in binding.items))
            if isinstance(binding, Known) and isinstance(binding.value, dict):
                return Unrolled(tuple(Known(k) for k in binding.value))
            return Unrolled(tuple(self.known_elements(binding, node)))
        if isinstance(binding, Value):
            t = binding.type
            if isinstance(t, (Array, ListOf)) and not (isinstance(t, Array) and t.dims == ()):
                length = apply_rule(self.builder, len, [binding])
                return Iteration(
                    ZERO, length, ONE_STEP,
                    lambda low, i: low.element_of(holder, binding, i),
                )  # fmt: skip
            if t == UNKNOWN:
                length = apply_rule(self.builder, len, [binding])
                return Iteration(
                    ZERO, length, ONE_STEP,
                    lambda low, i: low.element_of(holder, binding, i),
                )  # fmt: skip
        raise self.unsupported(
            node, f"a loop over {describe(binding)} cannot be differentiated",
            "srcad loops over ranges, arrays, lists and tuples", "loop over one of these",
        )  # fmt: skip

    def element_of(self, holder: Binding, value: Value, index: Operand) -> Binding:
        """An element of what a loop runs over; a row of an array is a view of it."""
        if isinstance(holder, Ref):
            now = self.deref(holder)
            seen = self.view(holder, Step("index", (index,)))
            if seen is not None:
                return seen
            value = now if isinstance(now, Value) else value
        return self.as_binding(getitem_operands(self.builder, value, [index]))

    def special_iteration(self, it: RangeBinding, node: gast.AST) -> Iteration | Unrolled:
        if it.kind == "range":
            return self.range_iteration(list(it.args))
        parts = [self.iteration(a, node) for a in it.args[:1] if it.kind != "zip"] or [
            self.iteration(a, node) for a in it.args
        ]
        unrolled = [p for p in parts if isinstance(p, Unrolled)]
        if unrolled and len(unrolled) == len(parts):
            return self.unrolled_iteration(it, [u.elements for u in unrolled])
        if unrolled:
            raise self.unsupported(
                node, "`zip` of a tuple with an array cannot be differentiated yet",
                "a tuple is unrolled, an array is looped over", "make both arrays or both tuples",
            )  # fmt: skip
        loops = [p for p in parts if isinstance(p, Iteration)]
        if it.kind == "zip":
            return zipped(self, loops)  # type: ignore[arg-type]
        if it.kind == "enumerate":
            return enumerated(self, loops[0], it.args[1])  # type: ignore[arg-type]
        inner = loops[0]
        return Iteration(
            inner.start, inner.stop, inner.step, inner.element, not inner.reverse, inner.plain
        )

    def unrolled_iteration(
        self, it: RangeBinding, elements: list[tuple[Binding, ...]]
    ) -> Unrolled:
        if it.kind == "zip":
            return Unrolled(tuple(Struct.sequence("tuple", list(p)) for p in zip(*elements)))
        if it.kind == "enumerate":
            first = it.args[1].value
            return Unrolled(
                tuple(
                    Struct.sequence("tuple", [Known(i), e])
                    for i, e in enumerate(elements[0], first)
                )
            )
        return Unrolled(tuple(reversed(elements[0])))

    def range_iteration(self, args: list[Operand]) -> Iteration:
        if len(args) == 1:
            args = [ZERO, args[0], ONE_STEP]
        elif len(args) == 2:
            args = [*args, ONE_STEP]
        start, stop, step = args
        return Iteration(start, stop, step, lambda low, i: i, plain=True)

    def range_length(self, it: Iteration) -> Operand:
        """Number of trips of a range that does not start at 0 with step 1."""
        parts = (it.start, it.stop, it.step)
        known = [p.value for p in parts if isinstance(p, Const)]
        if len(known) == len(parts):
            return Const.of(len(range(*known)))
        if it.step == ONE_STEP:
            span = self.arithmetic(operator.sub, it.stop, it.start)
            return self.arithmetic(max, Const.of(0), span)
        whole = self.arithmetic(
            operator.floordiv, self.arithmetic(operator.sub, it.start, it.stop), it.step
        )
        return self.arithmetic(max, Const.of(0), self.arithmetic(operator.mul, whole, Const.of(-1)))
