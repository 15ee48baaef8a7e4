"""Lists that one loop fills and one other empties together become one list of tuples.

One append of a tuple costs less than several of its parts, and is read more easily. Lists of inner
loops may be collected by outer loops on their way.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from srcad.emitter.ownership import has_memory, is_write
from srcad.ir import ops as O
from srcad.ir.abstract import ListOf, TupleOf
from srcad.ir.values import Function, Op, Operand, Role, Value, walk

_FIRST = -1  # the position of what is there at the start of an iteration


@dataclass(eq=False)
class Group:
    """`value` is the list of tuples in place of `lists`."""

    value: Value
    lists: tuple[Value, ...]


@dataclass(eq=False)
class Tapes:
    """Which lists are joined.

    Attributes
    ----------
    group
        For each list that becomes part of a list of tuples, that list.
    iterated
        For each list that the emptying loop would run over: the group, what it runs over instead,
        and the place in the tuple.
    hints
        Names for what holds lists of tuples.
    dropped
        Lists of lists, and their elements, that the first of the group stands for.
    """

    group: dict[Value, Group] = field(default_factory=dict)
    iterated: dict[Value, tuple[Group, Value, int]] = field(default_factory=dict)
    hints: dict[Value, str] = field(default_factory=dict)
    dropped: set[Value] = field(default_factory=set)


@dataclass(frozen=True)
class _Chain:
    """The way of a list to the loop that empties it: lists that outer loops collect it in, and
    the elements that it comes back as. Lists of equal `key` go the same way."""

    key: tuple[tuple[Op, bool], ...]
    outer: tuple[Value, ...]
    elements: tuple[Value, ...]


def tapes(
    function: Function,
    users: Mapping[Value, Sequence[Any]],
    sunk: Mapping[Value, Value],
    popped: Container[Value],
    flipped: Container[Value],
) -> Tapes:
    """Find the lists to join, from the inner loops to the outer ones."""
    found = Tapes()
    in_branches = set(sunk.values())
    owner = {op.regions[-1]: op for op in walk(function.body) if op.kind in (O.FOR, O.WHILE)}
    for op in reversed(list(owner.values())):
        view = _view(op)
        positions = _positions(view)
        together: dict[Any, list[tuple[Value, Operand, _Chain]]] = {}
        for value, item, flag in zip(view.lists, view.emits, view.emit_flags):
            if value in in_branches or value in popped or value in found.dropped:
                continue
            if isinstance(item, Value) and item in positions:
                chain = _chain(value, users, owner, flipped)
                if chain is not None and not in_branches.intersection(chain.outer):
                    key = (flag ^ (value in flipped), chain.key)
                    together.setdefault(key, []).append((value, item, chain))
        for members in together.values():
            for part in _at_one_time(members, view, positions):
                if len(part) > 1:
                    _join(part, found)
    return found


def _join(members: list[tuple[Value, _Chain]], found: Tapes) -> None:
    lists = tuple(v for v, _ in members)
    elements = TupleOf(tuple(v.type.elem for v in lists))  # type: ignore[attr-defined]
    group = Group(Value(ListOf(elements), "tape", Role.TAPE), lists)
    first = members[0][1]
    for depth, (outer, element) in enumerate(zip(first.outer, reversed(first.elements[:-1]))):
        found.hints[element] = "tape" + "_tape" * depth
        found.hints[outer] = found.hints[element] + "_tape"
    for k, (value, chain) in enumerate(members):
        found.group[value] = group
        if k:
            found.dropped.update(chain.outer, chain.elements[:-1])
        if chain.outer:
            found.iterated[chain.elements[-2]] = (group, first.elements[-2], k)
        else:
            found.iterated[value] = (group, group.value, k)


def _chain(
    value: Value,
    users: Mapping[Value, Sequence[Any]],
    owner: Mapping[Any, Op],
    flipped: Container[Value],
) -> _Chain | None:
    """How a list gets to the loop that empties it, if that is all that is done with it."""
    key: list[tuple[Op, bool]] = []
    outer: list[Value] = []
    elements: list[Value] = []
    while True:
        found = users.get(value, ())
        if len(found) != 1:
            return None
        (user,) = found
        if user in owner:
            view = _view(owner[user])
            if value not in view.emits:
                return None
            k = view.emits.index(value)
            key.append((view.op, view.emit_flags[k] ^ (view.lists[k] in flipped)))
            value = view.lists[k]
            outer.append(value)
            continue
        break
    for _ in range(len(outer) + 1):
        found = users.get(value, ())
        if len(found) != 1 or not isinstance(found[0], Op) or found[0].kind is not O.FOR:
            return None
        view = O.ForView(found[0])
        if value not in view.streams:
            return None
        k = view.streams.index(value)
        key.append((view.op, view.stream_flags[k] ^ (value in flipped)))
        value = view.elements[k]
        elements.append(value)
    if not users.get(value):
        return None
    return _Chain(tuple(key), tuple(outer), tuple(elements))


def _at_one_time(
    members: list[tuple[Value, Operand, _Chain]], view: Any, positions: Mapping[Operand, int]
) -> list[list[tuple[Value, _Chain]]]:
    """The lists, divided into those that are filled at the start of an iteration, because it
    overwrites what they collect before the last value is there, and all others."""
    last = max(positions[item] for _, item, _ in members)
    overwritten = {
        param
        for param, after in zip(view.carries, view.next_carries)
        if _FIRST < positions.get(after, _FIRST) <= last
    }
    parts: list[list[tuple[Value, _Chain]]] = [[], []]
    for value, item, chain in members:
        parts[item in overwritten].append((value, chain))
    return parts


def _positions(view: Any) -> dict[Operand, int]:
    """Where in the body each value is defined that may wait to be appended with others."""
    body = view.body
    writes = any(is_write(op) for op in walk(body))
    found: dict[Operand, int] = {p: _FIRST for p in body.params}
    for position, op in enumerate(body.ops):
        if not (op.kind is O.IF and view.may_stop):  # its branches append and leave the loop
            found.update((r, position) for r in op.results)
    return {v: p for v, p in found.items() if not (writes and _is_array(v))}


def _is_array(value: Operand) -> bool:
    return has_memory(value.type) and not isinstance(value.type, ListOf)


def _view(op: Op) -> Any:
    return O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
