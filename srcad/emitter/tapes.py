"""Lists that one loop fills and one other empties together become one list of tuples.

One append of a tuple costs less than several of its parts, and is read more easily.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srcad.emitter.ownership import has_memory
from srcad.ir import ops as O
from srcad.ir.abstract import ListOf, TupleOf
from srcad.ir.values import Function, Op, Operand, Role, Value, walk

_FIRST = -1  # the position of what is there at the start of an iteration


@dataclass(frozen=True, eq=False)
class Group:
    """`value` is the list of tuples in place of `lists`."""

    value: Value
    lists: tuple[Value, ...]


def groups(
    function: Function,
    users: Mapping[Value, Sequence[Any]],
    sunk: Mapping[Value, Value],
    popped: Container[Value],
    flipped: Container[Value],
) -> dict[Value, Group]:
    """For each list that becomes part of a list of tuples, that list."""
    found: dict[Value, Group] = {}
    in_branches = set(sunk.values())
    for op in walk(function.body):
        if op.kind not in (O.FOR, O.WHILE):
            continue
        view: Any = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
        positions = _positions(view)
        together: dict[tuple[Op, bool], list[tuple[Value, Operand]]] = {}
        for value, item in zip(view.lists, view.emits):
            if value in in_branches or value in popped or not isinstance(item, Value):
                continue
            if item not in positions:
                continue
            consumer = _consumer(value, users)
            if consumer is not None:
                flag = consumer.stream_flags[consumer.streams.index(value)]
                key = (consumer.op, flag ^ (value in flipped))
                together.setdefault(key, []).append((value, item))
        for members in together.values():
            for part in _at_one_time(members, view, positions):
                if len(part) > 1:
                    elements = TupleOf(tuple(v.type.elem for v in part))  # type: ignore[attr-defined]
                    tape = Value(ListOf(elements), "tape", Role.TAPE)
                    found.update(dict.fromkeys(part, Group(tape, tuple(part))))
    return found


def _at_one_time(
    members: list[tuple[Value, Operand]], view: Any, positions: Mapping[Operand, int]
) -> list[list[Value]]:
    """The lists, divided into those that are filled at the start of an iteration, because it
    overwrites what they collect before the last value is there, and all others."""
    last = max(positions[item] for _, item in members)
    overwritten = {
        param
        for param, after in zip(view.carries, view.next_carries)
        if _FIRST < positions.get(after, _FIRST) <= last
    }
    early = [v for v, item in members if item in overwritten]
    return [early, [v for v, _ in members if v not in early]]


def _consumer(value: Value, users: Mapping[Value, Sequence[Any]]) -> O.ForView | None:
    """The loop that runs over a list, if that is all that is done with it."""
    found = users.get(value, ())
    if len(found) != 1 or not isinstance(found[0], Op) or found[0].kind is not O.FOR:
        return None
    view = O.ForView(found[0])
    if view.streams.count(value) != 1:
        return None
    return view if users.get(view.elements[view.streams.index(value)]) else None


def _positions(view: Any) -> dict[Operand, int]:
    """Where in the body each value is defined that may wait to be appended with others."""
    body = view.body
    writes = any(op.kind in (O.SETITEM, O.ADD_AT) for op in walk(body))
    found: dict[Operand, int] = {p: _FIRST for p in body.params}
    for position, op in enumerate(body.ops):
        if not (op.kind is O.IF and view.may_stop):  # its branches append and leave the loop
            found.update((r, position) for r in op.results)
    return {v: p for v, p in found.items() if not (writes and has_memory(v.type))}
