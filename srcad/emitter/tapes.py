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
from srcad.ir.values import Const, Function, Op, Operand, Role, Value, walk

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
        together: dict[tuple[Op, bool, bool], list[tuple[Value, Operand]]] = {}
        positions = _positions(view, op)
        for value, item in zip(view.lists, view.emits):
            if value in in_branches or value in popped or item not in positions:
                continue
            consumer = _consumer(value, users)
            if consumer is not None:
                at = consumer.streams.index(value)
                backwards = consumer.stream_flags[at] ^ (value in flipped)
                early = _is_overwritten(item, view, positions, together)
                key = (consumer.op, backwards, early)
                together.setdefault(key, []).append((value, item))
        for members in together.values():
            if len(members) > 1:
                lists = tuple(v for v, _ in members)
                elements = TupleOf(tuple(v.type.elem for v in lists))  # type: ignore[attr-defined]
                group = Group(Value(ListOf(elements), "tape", Role.TAPE), lists)
                found.update(dict.fromkeys(lists, group))
    return found


def _consumer(value: Value, users: Mapping[Value, Sequence[Any]]) -> O.ForView | None:
    """The loop that runs over a list, if that is all that is done with it."""
    found = users.get(value, ())
    if len(found) != 1 or not isinstance(found[0], Op) or found[0].kind is not O.FOR:
        return None
    view = O.ForView(found[0])
    if view.streams.count(value) != 1:
        return None
    return view if users.get(view.elements[view.streams.index(value)]) else None


def _positions(view: Any, op: Op) -> dict[Operand, int]:
    """Where in the body each value is defined that may wait to be appended with others."""
    body = view.body
    writes = any(o.kind in (O.SETITEM, O.ADD_AT) for o in walk(body))
    found: dict[Operand, int] = {p: _FIRST for p in body.params}
    for position, inner in enumerate(body.ops):
        if not (inner.kind is O.IF and view.may_stop):
            found.update((r, position) for r in inner.results)
    return {v: p for v, p in found.items() if not (writes and has_memory(v.type))}
