"""Adjoints and tangents of calls of a function whose author gave its derivative.

What the author gave is linear in the cotangent (or the tangent); the other direction is the
adjoint of that linear function, at zero. Both are ordinary calls of IR functions, so that they
differentiate again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srcad.differentiator.contributions import zero_for
from srcad.ir import ops as O
from srcad.ir.abstract import COMPLEX, Scalar, TupleOf, adjoint_type, differentiable
from srcad.ir.build import Builder
from srcad.ir.custom import CustomRule
from srcad.ir.values import Function, Operand, Param, Region, Role, Value
from srcad.rules.custom import check_rule
from srcad.rules.symbols import apply, field_of

Pair = tuple[Function, Function]
PairOf = Callable[[Function, tuple[bool, ...], tuple[bool, ...]], Pair]


def adjoint(
    callee: Function, wanted: tuple[bool, ...], seeded: tuple[bool, ...], pair_of: PairOf
) -> Pair:
    """The forward function (inputs -> results, tape) and the backward one (tape, seeds)."""
    rule = callee.custom
    assert rule is not None
    b = Builder([], Role.PRIMAL)
    inputs = [_copy(p) for p in callee.body.params]
    count = len(callee.body.yields)
    b.loc = callee.loc
    transposed: Function | None = None
    if rule.forward is not None:
        made = call(b, rule.forward, inputs)
        results, kept = list(made[:count]), list(made[count:])
    else:
        moved = (False,) * len(inputs) + (True,) * sum(rule.moving)
        first, transposed = pair_of(
            rule.linear, moved, (False,) * count + (True,) * sum(rule.seeded)
        )
        zeros = [zero_for(b, x) for x, m in zip(inputs, rule.moving) if m]
        made = call(b, first, [*inputs, *zeros])
        results, kept = list(made[:count]), [made[-1]]
    for value, declared in zip(results, callee.body.yields):
        value.name = declared.name if isinstance(declared, Value) else "out"
    compared = [x for x, w in zip(inputs, wanted) if w]
    unseeded = [y for y, s, r in zip(results, seeded, rule.seeded) if r and not s]
    residuals = [*kept, *compared, *unseeded]
    parts = tuple(r.type for r in residuals)
    tape = b.emit1(O.PACK, residuals, TupleOf(parts), "tape", {"container": "tuple"})
    forward = _function(f"{callee.name}_fwd", inputs, b, [*results, tape], callee)

    b = Builder([], Role.ADJOINT)
    b.loc = callee.loc
    tape_param = Value(tape.type, "tape", Role.TAPE, True)
    unpacked = [_part(b, tape_param, i, r) for i, r in enumerate(residuals)]
    kept_again = unpacked[: len(kept)]
    like = iter(unpacked[len(kept) : len(kept) + len(compared)])
    rest = iter(unpacked[len(kept) + len(compared) :])
    params: list[Value] = [tape_param]
    seeds: list[Operand] = []
    for y, s, r in zip(results, seeded, rule.seeded):
        if s:
            params.append(Value(adjoint_type(y.type), f"{y.name}_bar", Role.ADJOINT, True))
        if r:
            seeds.append(params[-1] if s else zero_for(b, next(rest)))
    found = iter(call(b, rule.linear if transposed is None else transposed, [*kept_again, *seeds]))
    bars: list[Operand] = []
    for k, (w, m) in enumerate(zip(wanted, rule.moving)):
        bar = next(found) if m else None
        if w:
            x = next(like)
            what = f"the cotangent of argument {k} of `{rule.name}`"
            bars.append(zero_for(b, x) if bar is None else checked(b, bar, x, what, rule))
    return forward, _function(f"{callee.name}_bwd", params, b, bars, callee)


def tangent(callee: Function, varied: tuple[bool, ...], pair_of: PairOf) -> Function:
    """The function (inputs, tangents of the varied ones) -> (results, their tangents)."""
    rule = callee.custom
    assert rule is not None
    b = Builder([], Role.TANGENT)
    b.loc = callee.loc
    inputs = [_copy(p) for p in callee.body.params]
    count = len(callee.body.yields)
    params = list(inputs)
    dots: list[Operand] = []
    for x, v, m in zip(inputs, varied, rule.moving):
        if v:
            params.append(Value(adjoint_type(x.type), f"{x.name}_dot", Role.TANGENT, True))
        if m:
            dots.append(params[-1] if v else zero_for(b, x))
    if rule.forward is None:
        made = call(b, rule.linear, [*inputs, *dots])
        results, moved = made[:count], iter(made[count:])
    else:
        made = call(b, rule.forward, inputs)
        results, kept = made[:count], made[count:]
        first, transposed = pair_of(
            rule.linear, (False,) * len(kept) + (True,) * sum(rule.seeded),
            (True,) * sum(rule.moving),
        )  # fmt: skip
        zeros = [zero_for(b, y) for y, s in zip(results, rule.seeded) if s]
        tape = call(b, first, [*kept, *zeros])[-1]
        moved = iter(call(b, transposed, [tape, *dots]))
    tangents: list[Operand] = []
    for k, (y, s) in enumerate(zip(results, rule.seeded)):
        dot = next(moved) if s else None
        if dot is not None:
            what = f"the tangent of result {k} of `{rule.name}`"
            tangents.append(checked(b, dot, y, what, rule))
        elif differentiable(callee.body.yields[k].type):
            tangents.append(zero_for(b, y))
    return _function(f"{callee.name}_jvp", params, b, [*results, *tangents], callee)


def checked(b: Builder, derivative: Operand, like: Value, what: str, rule: CustomRule) -> Operand:
    """A derivative that the rule gave, of the shape and dtype of its value (D11)."""
    if isinstance(like.type, Scalar) and derivative.type == adjoint_type(like.type):
        return apply(b, complex if like.type == COMPLEX else float, [derivative])
    return apply(b, check_rule, [derivative, like], {"what": what, "place": rule.place})


def call(b: Builder, callee: Function, operands: Sequence[Operand]) -> tuple[Value, ...]:
    types = [y.type for y in callee.body.yields]
    names = [y.name if isinstance(y, Value) else "t" for y in callee.body.yields]
    return b.emit(O.CALL, operands, types, names, {"callee": callee})


def _copy(v: Value) -> Value:
    return Value(v.type, v.name, Role.PRIMAL, True)


def _part(b: Builder, tape: Value, index: int, like: Value) -> Value:
    part = field_of(b, tape, index)
    assert isinstance(part, Value)
    part.name, part.named, part.type = like.name, like.named, like.type
    return part


def _function(
    name: str, params: Sequence[Value], b: Builder, yields: Sequence[Operand], callee: Function
) -> Function:
    taken: set[str] = set()
    for p in params:
        found, n = p.name, 0
        while found in taken:
            n += 1
            found = f"{p.name}_{n}"
        p.name = found
        taken.add(found)
    return Function(
        name, tuple(Param(p, p.name) for p in params),
        Region(tuple(params), b.block, tuple(yields)),
        tuple(range(len(yields))) if len(yields) != 1 else 0, {p.name: p for p in params},
        loc=callee.loc,
    )  # fmt: skip


__all__ = ["adjoint", "tangent"]
