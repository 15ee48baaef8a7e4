"""Adjoints and tangents of calls: a called function is differentiated as a function of its own.

The adjoint of ``y = g(x)`` is ``y, g_tape = g_fwd(x)`` where the call stood and
``x_bar = g_bwd(g_tape, y_bar)`` in the reverse sweep; both are ordinary functions, made once per
set of active arguments, so that recursion closes on itself: the tape of a recursive call holds
the tape of the inner call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from srcad.differentiator import custom
from srcad.differentiator.bars import Bars
from srcad.differentiator.contributions import as_declared, exact, zero_for
from srcad.differentiator.kinds import settle_kinds
from srcad.differentiator.stand_ins import with_stand_ins
from srcad.differentiator.tape import define_everywhere
from srcad.ir import ops as O
from srcad.ir.abstract import TupleOf, adjoint_type, differentiable
from srcad.ir.build import Builder, clone_function, clone_region
from srcad.ir.values import Function, Op, Operand, Param, Region, Role, Value, free_values
from srcad.optimizer.dce import prune, used_values
from srcad.rules.symbols import field_of

if TYPE_CHECKING:
    from srcad.differentiator.reverse import Reverse

TAPE = TupleOf(None)


class _Pair:
    """The forward and backward function of a callee for one set of active arguments."""

    def __init__(self, forward: Function, backward: Function) -> None:
        self.forward, self.backward = forward, backward


def adjoint_call(reverse: Reverse, op: Op, bars: Bars) -> Op:
    """Emit the backward call; the forward call that replaces `op`."""
    callee: Function = op.attrs["callee"]
    b = reverse.builder
    wanted = tuple(
        isinstance(o, Value) and o in reverse.active and differentiable(o.type)
        for o in op.operands
    )
    seeded = tuple(bars.get(r) is not None for r in op.results)
    if not any(wanted):
        return op
    pair = pair_of(callee, wanted, seeded)
    tape = Value(TAPE, f"{callee.name}_tape", Role.TAPE, True)
    new = Op(O.CALL, op.operands, {"callee": pair.forward}, (*op.results, tape), (), op.loc)
    seeds = [
        as_declared(b, reverse.whole(r, bars.get(r)), r)
        for r in op.results
        if bars.get(r) is not None
    ]
    targets = [o for o, w in zip(op.operands, wanted) if w]
    names = [f"{o.name}_bar" for o in targets if isinstance(o, Value)]
    types = [adjoint_type(o.type) for o in targets]
    found = b.emit(O.CALL, [tape, *seeds], types, names, {"callee": pair.backward})
    for target, bar in zip(targets, found):
        reverse.accumulate(bars, target, bar)
    return new


def pair_of(callee: Function, wanted: tuple[bool, ...], seeded: tuple[bool, ...]) -> _Pair:
    key = ("adjoint", wanted, seeded)
    if key in callee.derivatives:
        return callee.derivatives[key]  # type: ignore[no-any-return]
    empty = Region((), [], ())
    pair = _Pair(
        Function(f"{callee.name}_fwd", (), empty, 0, loc=callee.loc),
        Function(f"{callee.name}_bwd", (), empty, 0, loc=callee.loc),
    )
    callee.derivatives[key] = pair
    if callee.custom is not None:
        found = custom.adjoint(callee, wanted, seeded, _functions_of_pair)
        _fill(pair.forward, found[0])
        _fill(pair.backward, found[1])
        return pair
    source = clone_function(callee)
    inputs = [p for p, w in zip(source.body.params, wanted) if w]
    fill_pair(pair.forward, pair.backward, source, inputs, seeded, whole_cotangent)
    return pair


def _functions_of_pair(
    callee: Function, wanted: tuple[bool, ...], seeded: tuple[bool, ...]
) -> tuple[Function, Function]:
    pair = pair_of(callee, wanted, seeded)
    return pair.forward, pair.backward


def _fill(empty: Function, made: Function) -> None:
    """Give a function that may already be called its parameters and body."""
    empty.params, empty.body, empty.result = made.params, made.body, made.result
    empty.inputs = made.inputs


def whole_cotangent(reverse: Reverse, bars: Bars, v: Value) -> Operand:
    """The cotangent of an input, a zero if nothing arrived."""
    bar = bars.get(v)
    if bar is None:
        return zero_for(reverse.builder, v)
    return exact(reverse.builder, reverse.whole(v, bar), v)


def fill_pair(
    forward_function: Function,
    backward_function: Function,
    source: Function,
    inputs: Sequence[Value],
    seeded: tuple[bool, ...],
    finish: Callable[[Reverse, Bars, Value], Operand],
) -> None:
    """Give the pair of functions of one adjoint their bodies.

    `forward_function` returns the yields of `source`, then the tape; `backward_function` takes
    the tape and a seed per seeded yield, and returns the cotangents of `inputs`.
    """
    from srcad.differentiator.reverse import Reverse

    body = source.body
    outputs = [y for y, s in zip(body.yields, seeded) if s and isinstance(y, Value)]
    reverse = Reverse(body.ops, list(inputs), outputs)
    bars = Bars()
    seeds = []
    taken = {"tape"}
    for y, s in zip(body.yields, seeded):
        if s:
            name = fresh_name(f"{_name(y)}_bar", taken)
            seed = Value(adjoint_type(y.type), name, Role.ADJOINT, True)
            seeds.append(seed)
            reverse.accumulate(bars, y, seed)
    forward = reverse.block(body.ops, bars)
    b = reverse.builder
    settle_kinds(b.block)
    results = [finish(reverse, bars, v) for v in inputs]
    backward = prune(b.block, used_values(results))
    region = Region(tuple(seeds), backward, tuple(results))
    inside = {r for op in body.ops for r in op.results}
    region = with_stand_ins(region, inside, reverse.extents)
    residuals = list(free_values(region))
    forward = define_everywhere(forward, set(residuals) | reverse.to_define)
    forward_builder = Builder(forward, Role.TAPE)
    tape = forward_builder.emit1(
        O.PACK, residuals, TupleOf(tuple(r.type for r in residuals)), "tape",
        {"container": "tuple"},
    )  # fmt: skip
    tape.named = True
    forward_function.params = source.params
    forward_function.body = Region(body.params, forward, (*body.yields, tape))
    forward_function.result = tuple(range(len(body.yields) + 1))
    forward_function.inputs = source.inputs
    tape_param = Value(tape.type, "tape", Role.TAPE, True)
    unpacked = Builder([], Role.PRIMAL)
    mapping: dict[Value, Operand] = {}
    for i, r in enumerate(residuals):
        part = field_of(unpacked, tape_param, i)
        assert isinstance(part, Value)
        part.name, part.named, part.type = r.name, r.named, r.type
        mapping[r] = part
    inner = clone_region(region, mapping)
    params = (tape_param, *inner.params)
    backward_function.params = tuple(Param(v, v.name) for v in params)
    backward_function.body = Region(params, [*unpacked.block, *inner.ops], inner.yields)
    n = len(inner.yields)
    backward_function.result = tuple(range(n)) if n != 1 else 0
    backward_function.inputs = {p.name: p.value for p in backward_function.params}


def fresh_name(name: str, taken: set[str]) -> str:
    """`name`, or with a suffix if it is taken; it is taken from now on."""
    found, n = name, 0
    while found in taken:
        n += 1
        found = f"{name}_{n}"
    taken.add(found)
    return found


def _name(o: Operand) -> str:
    return o.name if isinstance(o, Value) and o.named else "out"


def tangent_call(
    callee: Function, varied: tuple[bool, ...]
) -> tuple[Function, tuple[bool, ...]]:
    """(tangent function, which results have a tangent). It takes the operands, then the tangents
    of the varied ones; it returns the results, then the tangents of the varied results."""
    from srcad.differentiator.forward import Forward

    key = ("tangent", varied)
    if key in callee.derivatives:
        return callee.derivatives[key]  # type: ignore[no-any-return]
    moving = tuple(differentiable(y.type) for y in callee.body.yields)
    function = Function(f"{callee.name}_jvp", (), Region((), [], ()), 0, loc=callee.loc)
    callee.derivatives[key] = (function, moving)
    if callee.custom is not None:
        _fill(function, custom.tangent(callee, varied, _functions_of_pair))
        return function, moving
    source = clone_function(callee)
    body = source.body
    taken = {p.name for p in body.params}
    dots: dict[Value, Operand] = {}
    for p, v in zip(body.params, varied):
        if v:
            name = fresh_name(f"{p.name}_dot", taken)
            dots[p] = Value(adjoint_type(p.type), name, Role.TANGENT, True)
    forward = Forward(dict(dots))
    forward.block(body.ops)
    settle_kinds(forward.builder.block)
    yields = [*body.yields]
    for y, m in zip(body.yields, moving):
        if m:
            yields.append(exact(forward.builder, forward.dot_or_zero(y), y))
    params = (*body.params, *(d for d in dots.values() if isinstance(d, Value)))
    function.params = tuple(Param(v, v.name) for v in params)
    function.body = Region(params, forward.builder.block, tuple(yields))
    function.result = tuple(range(len(yields))) if len(yields) != 1 else 0
    function.inputs = {p.name: p.value for p in function.params}
    return function, moving
