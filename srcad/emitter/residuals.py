"""Values that a branch hands to a list of the loop around it: who appends, and who takes them.

`sinks` finds results of an `if` that one list collects and that one branch leaves undefined; the
other branch then does the appending itself. `pops` finds those lists that may hold values of the
taken branch only, because the one loop that consumes them takes the same branches backwards; all
other lists get None where there is no value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srcad.ir import ops as O
from srcad.ir.values import UNDEFINED, Const, Function, Op, Operand, Region, Value, walk

Users = Mapping[Value, Sequence[Any]]


@dataclass(eq=False)
class Popped:
    """`element` is popped off its list at the start of `region`."""

    element: Value
    region: Region


def sinks(function: Function, users: Users) -> dict[Value, Value]:
    """For each result of an `if` that its branches append to a list themselves, that list."""
    found: dict[Value, Value] = {}

    def sink(value: Operand, ops: Sequence[Op], target: Value) -> None:
        op = _branch_of(value, ops)
        if op is None or len(users[value]) != 1:  # type: ignore[index]
            return
        inner = [(_yield(op, value, k), region.ops) for k, region in enumerate(op.regions)]
        for y, region_ops in inner:
            sink(y, region_ops, target)
        if any(y is UNDEFINED or y in found for y, _ in inner):
            found[value] = target  # type: ignore[index]

    for op in walk(function.body):
        if op.kind in (O.FOR, O.WHILE):
            view: Any = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
            for target, item in zip(view.lists, view.emits):
                sink(item, view.body.ops, target)
    return found


def _branch_of(value: Operand, ops: Sequence[Op]) -> Op | None:
    """The `if` among `ops` that `value` is a result of."""
    for op in ops:
        if op.kind is O.IF and value in op.results:
            return op
    return None


def _yield(op: Op, value: Operand, branch: int) -> Operand:
    return op.regions[branch].yields[op.results.index(value)]  # type: ignore[arg-type]


def pops(
    function: Function, users: Users, sunk: Mapping[Value, Value], flipped: set[Value]
) -> dict[Value, Popped]:
    """For each list that holds values of taken branches only, where they are popped."""
    found: dict[Value, Popped] = {}
    for region in _regions(function.body):
        producers = {
            v: (op, item)
            for op in region.ops
            if op.kind in (O.FOR, O.WHILE)
            for v, item in _emits(op)
            if isinstance(item, Value) and item in sunk
        }
        for value, (producer, item) in producers.items():
            if len(users.get(value, ())) != 1:
                continue
            (consumer,) = users[value]
            if not isinstance(consumer, Op) or consumer not in region.ops:
                continue
            if consumer.kind is O.FOR and value in O.ForView(consumer).streams:
                popped = _popped(producer, item, value, O.ForView(consumer), users, flipped)
                if popped is not None:
                    found[value] = popped
    return found


def _regions(region: Region) -> list[Region]:
    found = [region]
    for op in region.ops:
        for inner in op.regions:
            found += _regions(inner)
    return found


def _emits(op: Op) -> list[tuple[Value, Operand]]:
    view: Any = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
    return list(zip(view.lists, view.emits))


def _popped(
    producer: Op,
    item: Operand,
    value: Value,
    consumer: O.ForView,
    users: Users,
    flipped: set[Value],
) -> Popped | None:
    position = consumer.streams.index(value)
    if consumer.stream_flags[position] is (value in flipped):
        return None  # it is read in the order in which it was filled
    element = consumer.elements[position]
    chain = _producing_chain(producer, item)
    same = _Correspondence(producer, consumer)
    region: Region = consumer.body
    for op, branch in chain:
        match = _branch_with(element, region, users)
        if match is None or match[1] != branch or not same(match[0].operands[0], op.operands[0]):
            return None
        region = match[0].regions[branch]
    return Popped(element, region) if chain else None


def _producing_chain(producer: Op, item: Operand) -> list[tuple[Op, int]]:
    """The nested branches that lead to the only definition of `item`; [] if there are several."""
    chain: list[tuple[Op, int]] = []
    ops: Sequence[Op] = producer.regions[-1].ops
    while True:
        op = _branch_of(item, ops)
        if op is None:
            return chain
        yields = [_yield(op, item, k) for k in (0, 1)]
        taken = [k for k in (0, 1) if yields[k] is not UNDEFINED]
        if len(taken) != 1:
            return chain if chain and len(taken) == 2 else []
        chain.append((op, taken[0]))
        item, ops = yields[taken[0]], op.regions[taken[0]].ops


def _branch_with(element: Value, region: Region, users: Users) -> tuple[Op, int] | None:
    """The branch in which a region reads `element`, if it does so in one branch only."""
    everything = len(users.get(element, ()))
    for op in region.ops:
        if op.kind is O.IF:
            for k, inner in enumerate(op.regions):
                if _count(element, inner) == everything:
                    return op, k
    return None


def _count(value: Value, region: Region) -> int:
    total = sum(1 for y in region.yields if y is value)
    for op in walk(region):
        total += sum(1 for o in op.operands if o is value)
        total += sum(1 for inner in op.regions for y in inner.yields if y is value)
    return total


class _Correspondence:
    """Tells whether a value of the consuming loop surely equals one of the producing loop, in
    the iteration that belongs to it when one loop runs as the other backwards."""

    def __init__(self, producer: Op, consumer: O.ForView) -> None:
        self.producer = O.ForView(producer) if producer.kind is O.FOR else None
        self.consumer = consumer
        self.emitted: dict[Operand, list[tuple[Value, bool]]] = {}
        view: Any = self.producer or O.WhileView(producer)
        for v, item, flag in zip(view.lists, view.emits, view.emit_flags):
            self.emitted.setdefault(item, []).append((v, flag))
        self.defining: dict[Value, Op] = {}
        for region in (producer.regions[-1], consumer.body):
            for op in walk(region):
                self.defining.update((r, op) for r in op.results)

    def __call__(self, ours: Operand, theirs: Operand) -> bool:
        if isinstance(ours, Const) or isinstance(theirs, Const):
            return (
                isinstance(ours, Const)
                and isinstance(theirs, Const)
                and (ours.key() == theirs.key())
            )
        if ours is theirs:
            return True  # both loops see it, so it is none of theirs
        if ours is self.consumer.index:
            return self.is_index(theirs)
        if ours in self.consumer.elements:
            return self.is_element(ours, theirs)
        a, b = self.defining.get(ours), self.defining.get(theirs)
        if a is None or b is None or a.kind is not b.kind or a.kind.structured or a.kind.effect:
            return False
        if len(a.operands) != len(b.operands) or dict(a.attrs) != dict(b.attrs):
            return False
        return a.results.index(ours) == b.results.index(theirs) and all(
            map(self, a.operands, b.operands)
        )

    def is_index(self, theirs: Value) -> bool:
        producer, consumer = self.producer, self.consumer
        return (
            producer is not None
            and theirs is producer.index
            and self(consumer.start, producer.start)
            and self(consumer.step, producer.step)
            and producer.reverse is not consumer.reverse
        )

    def is_element(self, ours: Value, theirs: Value) -> bool:
        position = self.consumer.elements.index(ours)
        source = self.consumer.streams[position]
        flag = self.consumer.stream_flags[position]
        made = list(self.emitted.get(theirs, ()))
        if self.producer is not None and theirs in self.producer.elements:
            k = self.producer.elements.index(theirs)
            made.append((self.producer.streams[k], self.producer.stream_flags[k]))  # type: ignore[arg-type]
        return any(value is source and other is not flag for value, other in made)
