"""Adjoint of a branch: a branch on the same condition in the reverse sweep.

What holds afterwards: both sides give the same cotangents (zeros where one does not use a value);
what a side needs of the forward sweep is kept by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from srcad.differentiator import tape
from srcad.differentiator.bars import Bars
from srcad.ir import ops as O
from srcad.ir.abstract import adjoint_type, is_number
from srcad.ir.build import if_op
from srcad.ir.values import Op, Operand, Region, Role, Value
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
            pass_on(reverse, op, inner)
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


def pass_on(reverse: Reverse, branch: Op, inner: Bars) -> None:
    """Give the cotangents of elements that only branches use to their arrays right here.

    Otherwise the other branch would have zeros to hand out, and they would be added there.
    """
    for v in list(inner.own):
        op = reverse.defining.get(v)
        if op is None or op.kind is not O.GETITEM or inner.parent.get(v) is not None:  # type: ignore[union-attr]
            continue
        if reverse.loop_of.get(v) is None or not is_number(v.type):
            continue
        if reverse.loop_of[v] is not reverse.loop_of.get(branch.results[0]):
            continue
        if any(op in region.ops for region in branch.regions):
            continue
        block = reverse.in_loops[v]
        if any(reverse.in_loops.get(r.results[0]) is block for r in reverse.readers.get(v, ())):
            continue
        if inner.get(op.operands[0]) is not None:  # type: ignore[arg-type]
            with reverse.builder.at(op.loc):
                reverse.getitem(op, inner)
            del inner.own[v]


def _defined(ops: list[Op]) -> set[Value]:
    return {r for op in ops for r in op.results}
