"""Undo log: an array that the adjoint reads whole is restored, where its elements are overwritten.

What holds afterwards: the forward loop keeps what each store overwrites; the adjoint loop carries
the array from its last version back to its first, so that no iteration keeps all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from srcad.differentiator.extents import is_elementwise
from srcad.ir import ops as O
from srcad.ir.abstract import INT, Array, is_number
from srcad.ir.build import Builder
from srcad.ir.values import UNDEFINED, Op, Operand, Region, Role, Value, free_values
from srcad.rules.symbols import getitem_operands

STORES = (O.SETITEM, O.ADD_AT)


@dataclass(frozen=True)
class Undo:
    """The stores by which an iteration changes a carried array, and what they overwrote."""

    carry: Value
    final: Value
    stores: tuple[Op, ...]
    overwritten: tuple[Value, ...]

    @property
    def versions(self) -> list[Value]:
        return _versions(self.carry, self.stores)

    def restored(self, adjoint: Region, at: int) -> Region:
        """The adjoint body that also restores the array; its yield stands at position `at`."""
        versions = self.versions
        first = len(adjoint.ops)
        ops = list(adjoint.ops)
        places = []  # before the first operation that reads this version or one before it
        for version in versions[:-1]:
            uses = (i for i, op in enumerate(ops) if version in _reads(op))
            first = min(first, next(uses, len(ops)))
            places.append(first)
        for k in range(len(self.stores)):  # from the last place to the first
            store, old = self.stores[k], self.overwritten[k]
            operands = (versions[k + 1], old, *store.operands[2:])
            ops.insert(places[k], Op(O.SETITEM, operands, {}, (versions[k],), (), store.loc))
        yields = (*adjoint.yields[:at], self.carry, *adjoint.yields[at:])
        return Region(adjoint.params, ops, yields)


def _reads(op: Op) -> set[Operand]:
    found: set[Operand] = set(op.operands)
    for region in op.regions:
        found.update(free_values(region))
    return found


def undo_logs(
    view: Any, forward: list[Op], adjoint: Region, kept: Sequence[Value]
) -> tuple[list[Undo], list[Op], Region]:
    """Undo logs for the carried arrays among `kept`, the body with what they read, and the
    adjoint body that computes elementwise functions of these arrays again."""
    chains: dict[Value, tuple[Op, ...]] = {}
    for c, n, i in zip(view.carries, view.next_carries, view.inits):
        if i is not UNDEFINED and isinstance(c.type, Array) and c.type.dtype is not None:
            chains[c] = _stores(c, n, forward) or ()
    carry_of = {v: c for c, stores in chains.items() for v in _versions(c, stores) if stores}
    adjoint, wanted = _computed_again(adjoint, forward, kept, carry_of)
    logs: list[Undo] = []
    for c, f in zip(view.carries, view.finals):
        if c in wanted:
            forward, overwritten = _with_overwritten(forward, chains[c])
            logs.append(Undo(c, f, chains[c], overwritten))
    return logs, forward, adjoint


def _versions(carry: Value, stores: Sequence[Op]) -> list[Value]:
    """The array before the first store, and after each one."""
    return [carry, *(op.results[0] for op in stores)]


def _computed_again(
    adjoint: Region, forward: list[Op], kept: Sequence[Value], carry_of: dict[Value, Value]
) -> tuple[Region, set[Value]]:
    """The adjoint body with the elementwise functions of versions that it reads in front of their
    first use; and the carries that have to be restored."""
    ops = list(adjoint.ops)
    wanted = {carry_of[v] for v in kept if v in carry_of}
    for op in reversed(forward):
        if op.kind is not O.APPLY or op.results[0] not in kept or not _of_versions(op, carry_of):
            continue
        uses = [i for i, user in enumerate(ops) if op.results[0] in _reads(user)]
        if uses:
            ops.insert(uses[0], op)
            wanted.update(carry_of[o] for o in op.operands if o in carry_of)  # type: ignore[index]
    return Region(adjoint.params, ops, adjoint.yields), wanted


def _of_versions(op: Op, carry_of: dict[Value, Value]) -> bool:
    """Whether an operation is an elementwise one of versions of arrays and numbers."""
    arrays = [o for o in op.operands if isinstance(o, Value) and not is_number(o.type)]
    return is_elementwise(op.attrs["fn"]) and bool(arrays) and all(o in carry_of for o in arrays)


def _stores(carry: Value, following: Operand, forward: list[Op]) -> tuple[Op, ...] | None:
    """The stores to elements or rows that make the next version; None if it is made otherwise."""
    made = {op.results[0]: op for op in forward if op.kind in STORES}
    chain: list[Op] = []
    while following is not carry:
        op = made.get(following)  # type: ignore[arg-type]
        if op is None or not any(o.type == INT for o in op.operands[2:]):
            return None
        chain.append(op)
        following = op.operands[0]
    return tuple(reversed(chain))


def _with_overwritten(
    forward: list[Op], stores: Sequence[Op]
) -> tuple[list[Op], tuple[Value, ...]]:
    """The body that reads what each store overwrites, and these values."""
    read = {op.operands: op.results[0] for op in forward if op.kind is O.GETITEM}
    result: list[Op] = []
    found: list[Value] = []
    for op in forward:
        if op in stores:
            place = (op.operands[0], *op.operands[2:])
            if place not in read:
                b = Builder(result, Role.PRIMAL)
                b.loc = op.loc
                old = getitem_operands(b, op.operands[0], op.operands[2:])
                assert isinstance(old, Value)
                read[place] = old
            found.append(read[place])
        result.append(op)
    return result, tuple(found)
