"""Dead code elimination.

What holds afterwards: every pure operation has a used result; loops carry, collect and consume
only what is used; branches yield only what is used; operations with an effect are all there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from srcad.ir import ops as O
from srcad.ir.build import for_op, while_op
from srcad.ir.values import Function, Op, Operand, Region, Value


def dce(function: Function, keep_inputs: bool = True) -> Function:
    """Remove what no result needs.

    `keep_inputs` keeps the parts taken out of container parameters, so that the function can be
    differentiated again with respect to them.
    """
    params = {p.value for p in function.params}
    body = function.body
    ops = prune(body.ops, used_values(body.yields), params if keep_inputs else set())
    return replace(function, body=Region(body.params, ops, body.yields))


def used_values(operands: Iterable[Operand]) -> set[Value]:
    return {o for o in operands if isinstance(o, Value)}


def prune(ops: list[Op], live: set[Value], containers: set[Value] = frozenset()) -> list[Op]:  # type: ignore[assignment]
    """The operations that `live` values or effects need; `live` grows by what they read.

    Parts taken out of `containers` are kept.
    """
    kept: list[Op] = []
    containers = set(containers)
    if containers:
        for op in ops:
            if op.kind is O.FIELD and op.operands[0] in containers:
                containers.update(op.results)
    for op in reversed(ops):
        protected = op.kind is O.FIELD and op.operands[0] in containers
        if not protected and not any(r in live for r in op.results) and not O.has_effect(op):
            continue
        if op.kind is O.IF:
            op = _prune_if(op, live)
        elif op.kind is O.FOR:
            op = _prune_for(op, live)
        elif op.kind is O.WHILE:
            op = _prune_while(op, live)
        live |= used_values(op.operands)
        kept.append(op)
    kept.reverse()
    return kept


def _prune_region(region: Region, yields: tuple[Operand, ...], live: set[Value]) -> Region:
    """Prune a region that runs once; values of outside that it reads become live."""
    live |= used_values(yields)
    return Region(region.params, prune(region.ops, live), yields)


def _prune_if(op: Op, live: set[Value]) -> Op:
    keep = [i for i, r in enumerate(op.results) if r in live]
    regions = []
    for region in op.regions:
        regions.append(_prune_region(region, tuple(region.yields[i] for i in keep), live))
    results = tuple(op.results[i] for i in keep)
    return Op(op.kind, op.operands, op.attrs, results, tuple(regions), op.loc)


def _needed_carries(
    params: tuple[Value, ...],
    nexts: tuple[Operand, ...],
    finals: tuple[Value, ...],
    body_ops: list[Op],
    roots: set[Value],
    live: set[Value],
    first: set[int],
) -> set[int]:
    """Indices of carries that a final value, or something else that is kept, depends on."""
    needed = {i for i, f in enumerate(finals) if f in live} | first
    while True:
        inside = roots | used_values(nexts[i] for i in needed)  # what is defined within, only
        prune(body_ops, inside)
        more = {i for i, p in enumerate(params) if p in inside} | needed
        if more == needed:
            return needed
        needed = more


def _prune_for(op: Op, live: set[Value]) -> Op:
    view = O.ForView(op)
    emits = [i for i, v in enumerate(view.lists) if v in live]
    roots = used_values(view.emits[i] for i in emits)
    if view.stop_flag is not None:
        roots |= used_values([view.stop_flag])
    needed = sorted(
        _needed_carries(
            view.carries, view.next_carries, view.finals, view.body.ops, roots, live, set()
        )
    )
    yields = (
        *(view.next_carries[i] for i in needed),
        *(view.emits[i] for i in emits),
        *(() if view.stop_flag is None else (view.stop_flag,)),
    )
    inside = used_values(yields)
    ops = prune(view.body.ops, inside)
    streams = [i for i, e in enumerate(view.elements) if e in inside]
    live |= inside
    params = (
        view.index,
        *(view.carries[i] for i in needed),
        *(view.elements[i] for i in streams),
    )
    return for_op(
        (view.start, view.stop, view.step),
        [view.inits[i] for i in needed],
        [(view.streams[i], view.stream_flags[i]) for i in streams],
        Region(params, ops, yields),
        [view.finals[i] for i in needed],
        [(view.lists[i], view.emit_flags[i]) for i in emits],
        reverse=view.reverse, trips=view.trips, loc=op.loc,
    )  # fmt: skip


def _prune_while(op: Op, live: set[Value]) -> Op:
    view = O.WhileView(op)
    inside_cond = used_values(view.cond.yields)
    cond_ops = prune(view.cond.ops, inside_cond)
    of_cond = {i for i, p in enumerate(view.cond_carries) if p in inside_cond}
    emits = [i for i, v in enumerate(view.lists) if v in live]
    roots = used_values(view.emits[i] for i in emits)
    if view.stop_flag is not None:
        roots |= used_values([view.stop_flag])
    needed = sorted(
        _needed_carries(
            view.carries, view.next_carries, view.finals, view.body.ops, roots, live, of_cond
        )
    )
    yields = (
        *(view.next_carries[i] for i in needed),
        *(view.emits[i] for i in emits),
        *(() if view.stop_flag is None else (view.stop_flag,)),
    )
    inside = used_values(yields)
    ops = prune(view.body.ops, inside)
    live |= inside | inside_cond
    cond = Region(tuple(view.cond_carries[i] for i in needed), cond_ops, view.cond.yields)
    body = Region(tuple(view.carries[i] for i in needed), ops, yields)
    return while_op(
        [view.inits[i] for i in needed], cond, body, [view.finals[i] for i in needed],
        [(view.lists[i], view.emit_flags[i]) for i in emits], view.trips,
        may_stop=view.may_stop, loc=op.loc,
    )  # fmt: skip
