"""Coefficients of linear scans: what carries no derivative is computed again, and not kept.

What holds afterwards: the arrays and lists that an iteration of an outermost loop makes of values
that do not change, and that its adjoint needs, are made anew by the adjoint iteration. They may be
made by way of an array that every iteration fills before it reads it (`privatised`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

from srcad.differentiator.affine import ONE, Expression, at_most, combined, infeasible
from srcad.differentiator.finality import Finality, step_of
from srcad.ir import ops as O
from srcad.ir.abstract import SLICE, Array, is_number
from srcad.ir.values import Const, Op, Operand, Value, free_values, walk
from srcad.ir.values import Region as Block
from srcad.optimizer.dce import Needs, prune
from srcad.pristine import np

_REPEATABLE = (O.APPLY, O.GETITEM, O.SETITEM, O.FIELD, O.PACK, O.FOR, O.IF)

MOST_STORES = 8  # that may have filled a part together
_Part = tuple[Expression, Expression]  # the least and the largest index along an axis


@dataclass(frozen=True)
class Again:
    """What an adjoint iteration computes again: the operations, the values that they give, and
    the arrays by way of which (positions of the loop's carries)."""

    ops: list[Op]
    values: Set[Value]
    carries: tuple[int, ...]


NOTHING = Again([], frozenset(), ())


def computed_again(
    view: Any, forward: list[Op], kept: Sequence[Value], varied: Set[Value], finality: Finality
) -> Again:
    """What of the values that a loop would keep is rather computed again."""
    if not isinstance(view, O.ForView) or len(finality.nest.get(view.index, ())) != 1:
        return NOTHING
    made = {r for op in forward for r in op.results}
    moved = _moved(forward, varied)
    wanted = {v for v in kept if v in made and not is_number(v.type) and v not in moved}
    carries: set[int] = set()
    while wanted:
        live = set(wanted) | {n for k in carries if isinstance(n := view.next_carries[k], Value)}
        ops = prune(forward, live)
        read = set(free_values(Block((), ops, ())))
        more = {k for k, c in enumerate(view.carries) if c in read} | carries
        if not _is_still(ops, varied) or not read.isdisjoint(view.elements):
            return NOTHING
        if more == carries:
            filled = all(_is_filled_first(view.carries[k], ops, finality) for k in carries)
            return Again(ops, wanted, tuple(sorted(carries))) if filled else NOTHING
        carries = more
    return NOTHING


def _moved(ops: list[Op], varied: Set[Value]) -> set[Value]:
    """The values that cannot be computed without what `_is_still` excludes."""
    needs = Needs()
    effect = needs.note_block(ops)
    excluded: set[Value] = set()
    for op in walk(Block((), ops, ())):
        if effect or op.kind not in _REPEATABLE:
            excluded.update(op.results)
        elif op.regions:  # a loop or a branch can be computed for some of its results
            excluded.update(r for r in op.results if r in varied)
        elif not varied.isdisjoint(op.results):
            excluded.update(op.results)
    return needs.dependent(excluded)


def _is_still(ops: list[Op], varied: Set[Value]) -> bool:
    """Whether operations have no effect and nothing to do with the differentiated inputs."""
    return all(
        op.kind in _REPEATABLE and not any(r in varied for r in op.results)
        for op in walk(Block((), ops, ()))
    )


def _is_filled_first(carry: Value, ops: list[Op], finality: Finality) -> bool:
    """Whether an iteration reads of a carried array only what it has stored there itself."""
    chain = finality.chain_of(carry)
    if chain is None:
        return False
    loop = finality.nest[carry][0]
    within = list(walk(Block((), ops, ())))
    stores = [op for op in within if op in chain.stores]
    for op in within:
        for k, o in enumerate(op.operands):
            if not isinstance(o, Value) or o not in chain.versions:
                continue
            if op.kind is O.FOR or (op.kind is O.SETITEM and k == 0):
                continue
            if op.kind is O.APPLY and op.attrs["fn"] is np.shape:
                continue
            if op.kind is not O.GETITEM or k != 0:
                return False
            if not _is_covered(op, stores, loop, finality):
                return False
    return True


def _is_covered(read: Op, stores: list[Op], loop: Op, finality: Finality) -> bool:
    """Whether the stores have filled the part of an array that is read, in this iteration."""
    array = read.operands[0]
    nest = finality.nest[read.results[0]]
    part = _part(array, read.operands[1:], nest, finality)
    if part is None or not isinstance(array, Value):
        return False
    system = [e for inner in nest if inner is not loop for e in finality.range_of(inner)]
    for (low, high), length in zip(part, finality.lengths(array) or ()):
        if low == high:  # the array has this element, or nothing is read
            system.append(at_most(high, length, 1))
    found = [
        conditions
        for store in stores
        for conditions in _conditions(store, array, part, nest, finality)
    ]
    return len(found) <= MOST_STORES and _one_holds(system, found)


def _one_holds(system: list[Expression], found: list[list[Expression]]) -> bool:
    """Whether in each case that a system allows all of one of the lists of inequalities hold."""
    if infeasible(system):
        return True
    if not found:
        return False
    first, *rest = found
    return all(
        _one_holds([*system, combined((-1, e), (-1, {ONE: 1}))], rest) for e in first
    )


def _conditions(
    store: Op, array: Value, part: list[_Part], nest: tuple[Op, ...], finality: Finality
) -> Iterator[list[Expression]]:
    """Under which conditions a store has filled a part, for each way in which it may have."""
    other = finality.nest[store.results[0]]
    if not finality.always_runs(store):
        return
    common = 0
    for loop, its in zip(nest, other):
        if loop is not its:
            break
        common += 1
    mine = set(nest[1:])
    known = tuple(
        {(("mine", v) if finality.is_within(v, mine) else v): c for v, c in e.items()}
        for loop in nest
        for e in finality.range_of(loop)
    )  # that the read happens, whatever its indices are
    whole = _part(store.operands[0], store.operands[2:], other, finality, known)
    if whole is None:
        return
    ways = [(common, False)] if finality.time[store.results[0]] <= finality.time[array] else []
    if common > 1:
        ways.append((common - 1, True))  # in an iteration before, of the innermost common loop
    for shared, earlier in ways:
        found = _solved(whole, part, other[shared:], earlier, finality)
        if found is not None:
            yield found


def _solved(
    whole: list[_Part], part: list[_Part], loops: Sequence[Op], earlier: bool, finality: Finality
) -> list[Expression] | None:
    """The conditions for one iteration of `loops` to fill a part; None if it is not found."""
    own = set(loops)

    def renamed(e: Expression) -> Expression:
        return {(("its", v) if finality.is_within(v, own) else v): c for v, c in e.items()}

    values: dict[Hashable, Expression] = {}

    def solved(e: Expression) -> Expression:
        for v, value in values.items():
            if v in e:
                e = combined((1, {w: c for w, c in e.items() if w != v}), (e[v], value))
        return e

    indices: list[Hashable] = []
    for loop in loops:
        view = finality.ranges.get(loop)
        if view is None or view.may_stop or step_of(view) not in (1, -1):
            return None
        indices.append(("its", view.index))
    pairs = [((renamed(low), renamed(high)), there) for (low, high), there in zip(whole, part)]
    for (low, high), (first, last) in pairs:
        if low != high or first != last:
            continue
        e = solved(low)
        open_ = [v for v in indices if v in e and v not in values]
        if len(open_) == 1 and abs(e[open_[0]]) == 1:
            v = open_[0]
            rest = {w: c for w, c in e.items() if w != v}
            values[v] = combined((e[v], first), (-e[v], rest))
    conditions: list[Expression] = []
    for loop, v in zip(loops, indices):
        view = finality.ranges[loop]
        low, high = (renamed(e) for e in finality.bounds_of(view))
        values.setdefault(v, solved(low))
        value = values[v] = solved(values[v])
        conditions += [at_most(solved(low), value), at_most(value, solved(high))]
    if earlier:
        view = finality.ranges[loops[0]]
        here: Expression = {view.index: 1}
        there = values[indices[0]]
        step = step_of(view)
        conditions.append(at_most(there, here, 1) if step == 1 else at_most(here, there, 1))
    for (low, high), (first, last) in pairs:
        conditions += [at_most(solved(low), first), at_most(last, solved(high))]
    if any(isinstance(v, tuple) and v[0] == "its" for e in conditions for v in e):
        return None
    return conditions


def _part(
    array: Operand,
    index: Sequence[Operand],
    nest: tuple[Op, ...],
    finality: Finality,
    known: tuple[Expression, ...] = (),
) -> list[_Part] | None:
    """For each axis the least and the largest index that is named; None if that is not certain."""
    lengths = finality.lengths(array) if isinstance(array.type, Array) else None
    if lengths is None or len(index) > len(lengths):
        return None
    found: list[_Part] = []
    for part, length in zip(index, lengths):
        end = combined((1, length), (-1, {ONE: 1}))
        if part.type == SLICE:
            bounds = finality.slice_bounds(part)
            step = None if bounds is None else bounds[2]
            if bounds is None or not (isinstance(step, Const) and step.value in (None, 1)):
                return None
            low: Expression | None = {}
            high: Expression | None = end
            if not _is_none(bounds[0]):
                low = finality.counted(bounds[0], length, nest, known)
            if not _is_none(bounds[1]):
                stop = finality.counted(bounds[1], length, nest, known)
                high = None if stop is None else combined((1, stop), (-1, {ONE: 1}))
        else:
            low = high = finality.counted(part, length, nest, known)
        if low is None or high is None:
            return None
        found.append((low, high))
    rest = lengths[len(index) :]
    return [*found, *(({}, combined((1, n), (-1, {ONE: 1}))) for n in rest)]


def _is_none(o: Operand) -> bool:
    return isinstance(o, Const) and o.value is None
