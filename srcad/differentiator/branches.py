"""Adjoint of a branch: a branch on the same condition in the reverse sweep.

What holds afterwards: both sides give the same cotangents (zeros where one does not use a value);
what a side needs of the forward sweep is kept by it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from srcad.differentiator import tape
from srcad.differentiator.activity import flows
from srcad.differentiator.bars import Bars
from srcad.ir import ops as O
from srcad.ir.abstract import adjoint_type, is_number
from srcad.ir.build import if_op
from srcad.ir.values import Op, Operand, Region, Role, Value, walk
from srcad.optimizer.dce import prune, used_values

if TYPE_CHECKING:
    from srcad.differentiator.reverse import Reverse


def adjoint_branch(reverse: Reverse, op: Op, bars: Bars) -> Op:
    cond = op.operands[0]
    result_bars = [bars.get(r) for r in op.results]
    inner_bars: list[Bars] = []
    adjoints: list[list[Op]] = []
    forwards: list[list[Op]] = []
    for region in op.regions:
        inner = Bars(bars)
        with reverse.builder.nested() as ops:
            for r, y, bar in zip(op.results, region.yields, result_bars):
                if bar is not None:
                    reverse.accumulate(inner, y, reverse.fit(bar, r, y))
            forwards.append(reverse.block(region.ops, inner))
            pass_on(reverse, op, region, inner)
        inner_bars.append(inner)
        adjoints.append(ops)
    inside = [_defined(region.ops) for region in op.regions]
    touched = dict.fromkeys(
        v for k, inner in enumerate(inner_bars) for v in inner.own if v not in inside[k]
    )
    if not touched:
        return op
    regions = []
    results = []
    for v in touched:
        result = Value(adjoint_type(v.type), f"{v.name}_bar", Role.ADJOINT, v.named)
        results.append(result)
    extra: list[tuple[Operand, Value, int]] = []
    for k, inner in enumerate(inner_bars):
        yields: list[Operand] = []
        with reverse.builder.nested() as tail:
            for v in touched:
                bar = inner.get(v)
                yields.append(
                    reverse.zero(v) if bar is None else reverse.whole(v, bar)
                )
        live = used_values(yields)
        ops = prune([*adjoints[k], *tail], live)
        region = Region((), ops, tuple(yields))
        region, kept = tape.restore_in_branch(
            region, forwards[k], reverse.memory
        )
        extra += [(value, result, k) for value, result in kept]
        regions.append(region)
    reverse.builder.block.append(if_op(cond, regions[0], regions[1], results, op.loc))
    for v, result in zip(touched, results):
        bars.set(v, result)
    return tape.record_in_branch(op, forwards, extra)


def pass_on(reverse: Reverse, branch: Op, region: Region, inner: Bars) -> None:
    """Differentiate what is computed before a branch, but for one side of it alone, right here.

    So nothing of it is computed where the other side is taken, which may have been written because
    the value is no number there: 0 times its infinite derivative would be NaN. Elements that only
    branches read are given to their arrays as well: otherwise zeros would be added to them.
    """
    inside = _defined(region.ops)
    loop = reverse.loop_of.get(branch.results[0])
    waiting = [v for v in inner.own if v in reverse.defining and v not in inside]
    if not waiting:
        return
    reached = [y for r, y in zip(branch.results, region.yields) if r in reverse.active]
    arrived = Counter(flows(region.ops, reached, reverse.active))
    nested = list(walk(region))
    counted = _defined(nested)
    for other in nested:
        passed_by = reverse.passed.get(other.results[:1], [])
        before = [o for o in passed_by if o.results[0] not in counted]
        arrived.update(flows(before, (), reverse.active))
    passed = reverse.passed.setdefault(branch.results[:1], [])

    def is_alone(op: Op, to_come: int = 0) -> bool:
        """Whether nothing but `to_come` arrives for an operation from elsewhere."""
        return all(arrived[r] + to_come == reverse.flows[r] for r in op.results)

    def can_pass(v: Operand, to_come: int = 0) -> bool:
        if not isinstance(v, Value) or v in inside or v not in reverse.defining:
            return False
        op = reverse.defining[v]
        if reverse.loop_of.get(v) is not loop:
            return False
        if op.kind is O.GETITEM and (is_alone(op, to_come) or _is_element(reverse, v, inner)):
            array = op.operands[0]
            return inner.get(array) is not None or can_pass(array, 1)  # type: ignore[arg-type]
        return is_alone(op, to_come) and op.kind not in (O.GETITEM, O.FIELD, O.PACK)

    while waiting:
        v = waiting.pop()
        if v not in inner.own or not can_pass(v):
            continue
        op = reverse.defining[v]
        with reverse.builder.at(op.loc):
            new = reverse.operation(op, inner)
        for r in op.results:
            inner.own.pop(r, None)
        if is_alone(op):
            reverse.recorded.update(dict.fromkeys(op.results, new))
            passed.append(op)
            arrived.update(flows([op], (), reverse.active))
        waiting += inner.own


def _is_element(reverse: Reverse, v: Value, inner: Bars) -> bool:
    """Whether a number is read from an array in a loop, and used in branches only."""
    block = reverse.in_loops.get(v)
    if block is None or not is_number(v.type) or inner.parent.get(v) is not None:  # type: ignore[union-attr]
        return False
    readers = reverse.readers.get(v, ())
    return all(reverse.in_loops.get(r.results[0]) is not block for r in readers)


def _defined(ops: list[Op]) -> set[Value]:
    return {r for op in ops for r in op.results}
