"""Residuals: which primal values of a loop or branch body its adjoint needs, kept or recomputed.

What holds afterwards: the adjoint region reads only values that are visible where it stands.
Cheap scalar operations, indices and shapes whose operands are at hand are computed again; all
else is kept: a loop collects it in a list (an emit), a branch hands it out as a further result.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from srcad.differentiator.again import NOTHING, computed_again
from srcad.differentiator.extents import Extents
from srcad.differentiator.finality import Finality
from srcad.differentiator.stand_ins import outlines, with_stand_ins
from srcad.differentiator.undo import undo_logs
from srcad.ir import ops as O
from srcad.ir.abstract import INT, SLICE, Array, is_number
from srcad.ir.build import clone_region, if_op, list_of, with_emits
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Region, Value, free_values
from srcad.pristine import np
from srcad.rules.registry import lookup

LONGEST_CHAIN = 3  # a push and a pop cost about as much as this many scalar operations
_STRUCTURED = (O.IF, O.FOR, O.WHILE)
TAPE_FREE = 8  # so many are repeated where the loop then needs no tape at all


def _is_cheap(op: Op) -> bool:
    """Whether computing this operation again costs no more than keeping its result."""
    if op.kind is O.FIELD:
        return True
    if op.kind is O.GETITEM:
        return is_number(op.results[0].type) or _is_view(op)
    if op.kind is not O.APPLY:
        return False
    fn = op.attrs["fn"]
    if fn is slice:
        return True
    rule = lookup(fn)
    if rule is None:
        return False
    if rule.cost is O.Cost.FREE:
        return True
    if fn is operator.pow and isinstance(op.operands[1], Const) and op.operands[1].value == 2:
        return is_number(op.results[0].type)
    return rule.cost is O.Cost.CHEAP and is_number(op.results[0].type)


def _is_index(op: Op) -> bool:
    return op.kind is O.FIELD or (op.kind is O.APPLY and op.attrs["fn"] is slice)


def _is_view(op: Op) -> bool:
    """Whether a read takes a part of an array as it lies there."""
    return isinstance(op.operands[0].type, Array) and all(
        part.type in (INT, SLICE) or (isinstance(part, Const) and part.value in (None, Ellipsis))
        for part in op.operands[1:]
    )


@dataclass(frozen=True)
class Memory:
    """What is known of the values of a function beyond a single loop or branch.

    Attributes
    ----------
    overwritten
        Versions of arrays that later iterations may overwrite.
    in_loops
        Values that an operation in a loop defines.
    extents
        Which arrays have the same shape.
    finality
        Which elements are never overwritten.
    varied
        Values that depend on the differentiated inputs.
    undefined
        Values that some path leaves without a definition.
    """

    overwritten: Set[Value]
    in_loops: Mapping[Value, Any]
    extents: Extents
    finality: Finality
    varied: Set[Value]
    undefined: Set[Value]

    def with_stand_ins(self, adjoint: Region, inside: set[Value]) -> Region:
        """The adjoint region, which keeps nothing of a loop for its shape alone."""
        fleeting = {*inside, *self.in_loops, *self.overwritten}
        return with_stand_ins(adjoint, fleeting, self.extents)


class _Plan:
    """Splits needed values of a block into operations to repeat and values to keep."""

    def __init__(
        self,
        needed: list[Value],
        block: list[Op],
        inside: set[Value],
        free: set[Value],
        memory: Memory,
        to_keep: Collection[Value] = (),
    ) -> None:
        self.memory = memory
        self.block = block
        self.final_reads: dict[Value, Op | None] = {}
        self.defining = {r: op for op in block for r in op.results}
        self.inside = inside | set(self.defining)
        self.at_hand = set(free)
        self.kept: list[Value] = []
        self.repeated: dict[Value, Op] = {}
        order = {op: i for i, op in enumerate(block)}
        position = {v: order[op] for v, op in self.defining.items()}
        needed = sorted(needed, key=lambda v: position.get(v, -1))
        for v in needed:
            if v in to_keep:
                self.keep(v)
        whole = self.without_tape(needed)
        if whole is not None:
            self.ops = _in_order(whole, position)
            return
        for v in needed:
            if v not in self.at_hand and next(self.sources(v), None) is None:
                self.keep(v)
        for v in needed:
            if v in self.at_hand:
                continue
            chain = self.chain(v)
            if chain is None:
                self.keep(v)
            else:
                self.repeated |= chain
        self.ops = _in_order(self.repeated, position)

    def keep(self, v: Value) -> None:
        self.kept.append(v)
        self.at_hand.add(v)

    def sources(self, v: Value) -> Iterator[Op]:
        """The operations that give `v` again: its own where that is cheap and its arrays have not
        changed, and a read of the finished array that holds it."""
        op = self.defining.get(v)
        if op is None:
            return
        if _is_cheap(op) and not self.reads_overwritten(op):
            yield op
        if v not in self.final_reads:
            self.final_reads[v] = self.memory.finality.read_at_the_end(v, self.block)
        final = self.final_reads[v]
        if final is not None:
            yield final

    def reads_overwritten(self, op: Op) -> bool:
        """Whether an array is read that is not there any more when it is needed."""
        if op.kind is not O.GETITEM and not (op.kind is O.APPLY and op.attrs["fn"] is np.shape):
            return False
        return op.operands[0] in self.memory.overwritten and op.operands[0] not in self.at_hand

    def without_tape(self, needed: list[Value]) -> dict[Value, Op] | None:
        """The operations to repeat if nothing is kept; None if something must be, or they are
        too many."""
        repeated: dict[Value, Op] = {}
        for v in needed:
            chain = self.chain(v, TAPE_FREE)
            if chain is None:
                return None
            repeated = chain | repeated
        return repeated if len(repeated) <= TAPE_FREE else None

    def chain(self, v: Value, longest: int = LONGEST_CHAIN) -> dict[Value, Op] | None:
        """The operations to repeat for `v`, by what they give; None if something is not at hand."""
        found: dict[Value, Op] = {}
        return found if self.extend(found, v, longest) else None

    def extend(self, found: dict[Value, Op], o: Operand, longest: int) -> bool:
        """Add to a chain what has to be repeated for an operand; whether that can be done."""
        if not isinstance(o, Value) or o not in self.inside or o in self.at_hand:
            return True
        if o in self.repeated or o in found:
            return True
        for op in self.sources(o):
            before = dict(found)
            found[o] = op
            if sum(not _is_index(made) for made in found.values()) <= longest and all(
                self.extend(found, operand, longest) for operand in op.operands
            ):
                return True
            found.clear()
            found |= before
        return False


def _in_order(repeated: Mapping[Value, Op], position: Mapping[Value, int]) -> list[Op]:
    """The operations as they stand in the block, but what one of them reads before it."""
    made: dict[Value, Op] = {}

    def put(v: Operand) -> None:
        if v in repeated and v not in made:
            for o in repeated[v].operands:  # type: ignore[index]
                put(o)
            made[v] = repeated[v]  # type: ignore[index]

    for v in sorted(repeated, key=position.__getitem__):
        put(v)
    return list(made.values())


def _substitute(region: Region, repeated: list[Op], mapping: dict[Value, Operand]) -> Region:
    """The adjoint region with repeated operations in front and kept values replaced."""
    return clone_region(Region(region.params, [*repeated, *region.ops], region.yields), mapping)


def restore_in_branch(
    adjoint: Region, forward: list[Op], memory: Memory
) -> tuple[Region, list[tuple[Value, Value]]]:
    """(adjoint region of a branch, (kept value, value that carries it out of the branch) pairs).

    What has to be added to `forward` to keep a value is added.
    """
    inside = {r for op in forward for r in op.results}
    adjoint = memory.with_stand_ins(adjoint, inside)
    needed = [v for v in free_values(adjoint) if v in inside]
    if not needed:
        return adjoint, []
    plan = _Plan(needed, forward, inside, set(), memory)
    in_loop = [v for v in plan.kept if v in memory.in_loops and v not in memory.undefined]
    shapes, forward[:] = outlines(adjoint, in_loop, plan.ops, forward)
    carried = {v: Value(v.type, v.name, v.role, v.named) for v in plan.kept}
    pairs = [(shapes.get(v, v), outside) for v, outside in carried.items()]
    mapping: dict[Value, Operand] = dict(carried)
    return _substitute(adjoint, plan.ops, mapping), pairs


def record_in_branch(
    op: Op, forwards: list[list[Op]], extra: list[tuple[Operand, Value, int]]
) -> Op:
    """The forward `if` with recorded values as further results (undefined in the other branch)."""
    regions = []
    for k, (region, ops) in enumerate(zip(op.regions, forwards)):
        more = tuple(v if side == k else UNDEFINED for v, _, side in extra)
        regions.append(Region((), ops, (*region.yields, *more)))
    results = (*op.results, *(r for _, r, _ in extra))
    return if_op(op.operands[0], regions[0], regions[1], results, op.loc)


def restore_in_loop(
    op: Op,
    view: Any,
    forward: list[Op],
    adjoint: Region,
    index: Value,
    memory: Memory,
    carries: int,
) -> tuple[Region, list[tuple[Value, Operand, bool]], Op, list[tuple[Value, Value]]]:
    """(adjoint body, its streams (element, list, flag), the loop with its emits, arrays that it
    restores: pairs of a carry, which follow on those `carries` that it has, and its first value).
    """
    body = view.body
    inside = {r for o in forward for r in o.results} | set(body.params)
    adjoint = memory.with_stand_ins(adjoint, inside)
    needed = [v for v in free_values(adjoint) if v in inside]
    mapping: dict[Value, Operand] = {}
    streams: list[tuple[Value, Operand, bool]] = []
    free: set[Value] = set()
    if op.kind is O.FOR:
        mapping[view.index] = index
        free.add(view.index)
        free.update(view.elements)
    plan = _Plan(needed, forward, inside, free, memory)
    logs, forward, adjoint = undo_logs(view, forward, adjoint, plan.kept)
    restored: list[tuple[Value, Value]] = []
    if logs:
        for log in logs:
            adjoint = log.restored(adjoint, carries + len(restored))
            last = Value(log.carry.type, log.carry.name, log.carry.role, log.carry.named)
            mapping[log.versions[-1]] = last
            restored.append((last, log.final))
        inside = {r for o in forward for r in o.results} | set(body.params)
        kept = {old for log in logs for old in log.overwritten}
        versions = {v for log in logs for v in log.versions}
        needed = [v for v in free_values(adjoint) if v in inside and v not in versions]
        plan = _Plan(needed, forward, inside, free, memory, kept)
    again = NOTHING
    if not logs:
        again = computed_again(view, forward, plan.kept, memory.varied, memory.finality)
    for k in again.carries:
        at = carries + len(restored)
        yields = (*adjoint.yields[:at], view.next_carries[k], *adjoint.yields[at:])
        adjoint = Region(adjoint.params, adjoint.ops, yields)
        c = view.carries[k]
        mapping[c] = array = Value(c.type, c.name, c.role, c.named)
        restored.append((array, view.finals[k]))
    if op.kind is O.FOR:
        read = set(needed) | {o for r in plan.ops for o in r.operands if isinstance(o, Value)}
        for e, s, flag in zip(view.elements, view.streams, view.stream_flags):
            if e in read:
                element = Value(e.type, e.name, e.role, e.named)
                mapping[e] = element
                streams.append((element, s, not flag))
    extra: list[tuple[Operand, Value]] = []
    collected_already = {
        e: collected
        for e, collected, flag in zip(view.emits, view.lists, view.emit_flags)
        if isinstance(e, Value) and not flag
    }
    kept_values = [v for v in plan.kept if v not in again.values]
    defined = [v for v in kept_values if v not in collected_already and v not in memory.undefined]
    shapes, forward = outlines(adjoint, defined, (*plan.ops, *again.ops), forward)
    for v in kept_values:
        collected = collected_already.get(v) or list_of(v)
        element = Value(v.type, v.name, v.role, v.named)
        mapping[v] = element
        if v not in collected_already:
            extra.append((shapes.get(v, v), collected))
        streams.append((element, collected, True))
    new_body = Region(body.params, forward, body.yields)
    region = _substitute(adjoint, [*again.ops, *plan.ops], mapping)  # these may read the former
    return region, streams, with_emits(op, extra, new_body), restored


def define_everywhere(ops: list[Op], values: set[Value]) -> list[Op]:
    """The block with None for each of `values` on the paths that leave it undefined.

    A tape that is packed reads all of its parts, also those of branches not taken.
    """
    result: list[Op] = []
    none = Const.of(None)
    for op in reversed(ops):
        regions = op.regions
        if op.kind is O.IF and any(r in values for r in op.results):
            made = []
            for region in regions:
                yields = tuple(
                    none if r in values and y is UNDEFINED else y
                    for r, y in zip(op.results, region.yields)
                )
                values = values | {
                    y for r, y in zip(op.results, yields) if r in values and isinstance(y, Value)
                }
                made.append(Region((), region.ops, yields))
            regions = tuple(made)
        operands = op.operands
        if op.kind in (O.FOR, O.WHILE):
            view: Any = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
            first = 3 if op.kind is O.FOR else 0
            changed = list(operands)
            for k, f in enumerate(view.finals):
                if f in values and changed[first + k] is UNDEFINED:
                    changed[first + k] = none
            operands = tuple(changed)
        if regions:
            regions = tuple(
                Region(r.params, define_everywhere(r.ops, values), r.yields) for r in regions
            )
        result.append(Op(op.kind, operands, op.attrs, op.results, regions, op.loc))
    result.reverse()
    return result


def overwritten_arrays(ops: list[Op]) -> set[Value]:
    """Versions of arrays and lists, made in loops, that later iterations may overwrite."""
    found: set[Value] = set()

    def visit(block: list[Op], in_loop: bool) -> None:
        for op in block:
            if op.kind in (O.FOR, O.WHILE):
                view: Any = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
                changed = zip(view.carries, view.next_carries)
                found.update(c for c, n in changed if c is not n and not is_number(c.type))
            made_anew = op.kind in (O.SETITEM, O.ADD_AT, *_STRUCTURED)
            if in_loop and made_anew:
                found.update(r for r in op.results if isinstance(r.type, Array))
            for region in op.regions:
                visit(region.ops, in_loop or op.kind in (O.FOR, O.WHILE))

    visit(ops, False)
    return found
