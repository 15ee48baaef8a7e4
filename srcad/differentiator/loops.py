"""Adjoint of a loop: a loop over the iterations that ran, backwards.

What holds afterwards: cotangents of what the loop carries are carried backwards; those of outer
values are summed; what an iteration needs of the forward sweep is recorded or recomputed (`tape`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from srcad.differentiator import tape
from srcad.differentiator.bars import Bars
from srcad.ir import ops as O
from srcad.ir.abstract import INT, adjoint_type, differentiable
from srcad.ir.build import clone_region, for_op
from srcad.ir.values import Const, Op, Operand, Region, Role, Value, free_values
from srcad.optimizer.dce import prune, used_values
from srcad.rules.symbols import apply

if TYPE_CHECKING:
    from srcad.differentiator.reverse import Reverse

ZERO, ONE = Const.of(0), Const.of(1)


def adjoint_loop(reverse: Reverse, op: Op, bars: Bars) -> Op:
    is_for = op.kind is O.FOR
    view: Any = O.ForView(op) if is_for else O.WhileView(op)
    b = reverse.builder
    carried = [
        k
        for k, (c, f) in enumerate(zip(view.carries, view.finals))
        if (c in reverse.active and c in reverse.varied) or bars.get(f) is not None
    ]
    carried = [k for k in carried if differentiable(view.carries[k].type)]
    params: dict[int, Value] = {}
    inits: dict[int, Operand] = {}
    for k in carried:
        c, f = view.carries[k], view.finals[k]
        bar = bars.get(f)
        inits[k] = reverse.zero(f) if bar is None else reverse.whole(f, bar)
        params[k] = Value(adjoint_type(c.type), f"{c.name}_bar", Role.ADJOINT, c.named)
    lists = [
        (e, v, flag)
        for e, v, flag in zip(view.emits, view.lists, view.emit_flags)
        if bars.get(v) is not None
    ]
    element_bars = [
        Value(adjoint_type(v.type.elem), "t_bar", Role.ADJOINT) for _, v, _ in lists
    ]
    stream_bars = {
        s: bars.get(s) for s in (view.streams if is_for else ())
        if isinstance(s, Value) and bars.get(s) is not None
    }  # fmt: skip
    list_bars = {v: bars.get(v) for _, v, _ in lists}
    outer = [v for v in free_values(view.body) if v in reverse.active]
    outer_params = {
        v: Value(adjoint_type(v.type), f"{v.name}_bar", Role.ADJOINT, v.named) for v in outer
    }
    streams_in: list[tuple[Value, Operand, bool]] = []  # (element bar so far, list, flag)
    inner = Bars()
    with b.nested() as ops:
        for v, p in outer_params.items():
            inner.set(v, p)
        elements = view.elements if is_for else ()
        for e, s, flag in zip(
            elements, view.streams if is_for else (), view.stream_flags if is_for else ()
        ):
            if e in reverse.active and isinstance(s, Value) and s in stream_bars:
                so_far = Value(adjoint_type(e.type), f"{e.name}_bar", Role.ADJOINT)
                streams_in.append((so_far, stream_bars[s], not flag))
                inner.set(e, so_far)
        for k in carried:
            y = view.next_carries[k]
            if isinstance(y, Value):
                reverse.accumulate(inner, y, reverse.fit(params[k], view.finals[k], y))
        for (e, _, _), bar in zip(lists, element_bars):
            reverse.accumulate(inner, e, bar)
        forward = reverse.block(view.body.ops, inner)
        nexts: dict[int, Operand] = {}
        for k in carried:
            bar = inner.get(view.carries[k])
            c = view.carries[k]
            nexts[k] = reverse.zero(c) if bar is None else reverse.whole(c, bar)
        for v in (*outer, *elements):
            bar = inner.get(v)
            if bar is not None:
                inner.set(v, reverse.whole(v, bar))
    # what no iteration changes is no carry
    constant = {params[k]: inits[k] for k in carried if nexts[k] is params[k]}
    unchanged = [k for k in carried if nexts[k] is params[k]]
    carried = [k for k in carried if nexts[k] is not params[k]]
    changed = [v for v in outer if inner.get(v) is not outer_params[v]]
    emitted = [
        (e, s, flag)
        for e, s, flag in zip(
            elements, view.streams if is_for else (), view.stream_flags if is_for else ()
        )
        if inner.get(e) is not None
    ]
    with b.within(ops):  # the parts of tuples are packed at the end of an iteration
        yields = [
            *(nexts[k] for k in carried),
            *(reverse.whole(v, inner.get(v)) for v in changed),
            *(reverse.whole(e, inner.get(e)) for e, _, _ in emitted),
        ]
    ops = prune(ops, used_values(yields))
    index = Value(INT, view.index.name if is_for else "i", Role.PRIMAL, is_for)
    body_params = [
        *(params[k] for k in carried),
        *(outer_params[v] for v in changed),
    ]
    region = clone_region(Region((), ops, tuple(yields)), dict(constant))
    region, streams, new_op, restored = tape.restore_in_loop(
        op, view, forward, region, index, reverse.memory, len(body_params)
    )
    body_params += [v for v, _ in restored]
    stream_params = [
        *(s[0] for s in streams_in),
        *(element_bars),
        *(s[0] for s in streams),
    ]
    stream_lists = [
        *((s[1], s[2]) for s in streams_in),
        *((list_bars[v], not flag) for _, v, flag in lists),
        *((s[1], s[2]) for s in streams),
    ]
    body = Region((index, *body_params, *stream_params), region.ops, region.yields)
    finals = [
        *(
            Value(params[k].type, params[k].name, Role.ADJOINT, params[k].named)
            for k in carried
        ),
        *(
            Value(outer_params[v].type, outer_params[v].name, Role.ADJOINT, v.named)
            for v in changed
        ),
    ]
    finals += [Value(v.type, v.name, v.role, v.named) for v, _ in restored]
    list_results = [
        (Value(s.type, f"{s.name}_bar", Role.ADJOINT), not flag) for _, s, flag in emitted
    ]
    start_bars = [inits[k] for k in carried]
    for v in changed:
        bar = bars.get(v)
        start_bars.append(reverse.zero(v) if bar is None else reverse.whole(v, bar))
    start_bars += [last for _, last in restored]
    bounds, backwards = adjoint_bounds(reverse, view, is_for)
    b.block.append(
        for_op(
            bounds, start_bars, stream_lists, body, finals, list_results,
            reverse=backwards, loc=op.loc,
        )
    )  # fmt: skip
    for v, final in zip(changed, finals[len(carried) :]):
        bars.set(v, final)
    for k, final in zip(carried, finals):
        init = view.inits[k]
        if isinstance(init, Value):
            reverse.accumulate(bars, init, reverse.fit(final, view.carries[k], init))
    for k in unchanged:
        init = view.inits[k]
        if isinstance(init, Value):
            reverse.accumulate(bars, init, reverse.fit(inits[k], view.carries[k], init))
    for (_, s, _), (value, _) in zip(emitted, list_results):
        bars.set(s, value)
    return new_op


def adjoint_bounds(
    reverse: Reverse, view: Any, is_for: bool
) -> tuple[tuple[Operand, Operand, Operand], bool]:
    """Bounds and direction of the adjoint loop: the iterations that ran, backwards."""
    if not is_for:
        return (ZERO, view.trips, ONE), True
    start, stop, step = view.start, view.stop, view.step
    if view.trips is None:
        return (start, stop, step), not view.reverse
    b = reverse.builder

    def arithmetic(fn: Callable[..., Any], x: Operand, y: Operand) -> Operand:
        if isinstance(x, Const) and isinstance(y, Const):
            return Const.of(fn(x.value, y.value))
        if fn is operator.mul and isinstance(y, Const) and y.value == 1:
            return x
        if fn is operator.add and isinstance(x, Const) and x.value == 0:
            return y
        return apply(b, fn, [x, y])

    span = arithmetic(operator.mul, view.trips, step)
    if not view.reverse:
        return (start, arithmetic(operator.add, start, span), step), True
    end = stop  # start plus a whole number of steps; of an empty range, nothing comes from here on
    if not (isinstance(step, Const) and step.value == 1):
        over = arithmetic(operator.floordiv, arithmetic(operator.sub, start, stop), step)
        end = arithmetic(operator.sub, start, arithmetic(operator.mul, over, step))
    return (arithmetic(operator.sub, end, span), stop, step), False
