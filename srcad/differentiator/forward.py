"""Forward mode: Function -> Function that also carries tangents, in one walk.

What holds afterwards: every varied value has its tangent beside it; loops carry and collect both.
"""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.differentiator.activity import unbound_joints, varied_values
from srcad.differentiator.contributions import (
    as_declared,
    storable,
    stretch,
    tangent,
    zero_for,
    zero_for_operand,
)
from srcad.differentiator.reverse import trace_composite
from srcad.errors import MissingRuleError
from srcad.ir import ops as O
from srcad.ir.abstract import (
    UNDEF,
    Array,
    ListOf,
    TableOf,
    TupleOf,
    Type,
    adjoint_type,
    differentiable,
    is_number,
    join,
)
from srcad.ir.build import Builder, for_op, if_op, while_op
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Region, Role, Value
from srcad.pristine import np
from srcad.rules.language import zeros_of
from srcad.rules.registry import lookup
from srcad.rules.symbols import apply, apply_operands, field_of, getitem_operands, pack


def _of_numbers(t: Type) -> bool:
    """Whether NumPy makes an array of numbers of a list of this type."""
    return _of_numbers(t.elem) if isinstance(t, ListOf) else is_number(t) or t == UNDEF


class Forward:
    """One forward transformation; `dots` maps a value to its tangent."""

    def __init__(self, dots: dict[Value, Operand]) -> None:
        self.dots: dict[Value, Operand] = dots
        self.builder = Builder(role=Role.TANGENT)
        self.varied: set[Value] = set(dots)
        self.unbound: set[Value] = set()

    def dot(self, operand: Operand) -> Operand | None:
        return self.dots.get(operand) if isinstance(operand, Value) else None

    def dot_or_zero(self, operand: Operand) -> Operand:
        found = self.dot(operand)
        if found is not None:
            return found
        return zero_for_operand(self.builder, operand)

    def part(self, operand: Operand) -> Operand:
        found = self.dot(operand)
        return zero_for_operand(self.builder, operand) if found is None else found

    def still(self, operand: Operand) -> Operand:
        """The tangent of an inactive part of a tuple: numbers where one may compute with them."""
        t = operand.type
        if isinstance(t, TupleOf) and t.elems is not None:
            parts = [self.still(field_of(self.builder, operand, k)) for k in range(len(t.elems))]
            return pack(self.builder, parts, "tuple")
        if isinstance(t, Array) and not t.item:
            return apply(self.builder, np.zeros, [apply(self.builder, np.shape, [operand])])
        if isinstance(t, ListOf) and _of_numbers(t):
            return zeros_of(self.builder, operand)
        return Const.of(0.0 if is_number(t) else None)

    def set(self, value: Value, dot: Operand) -> None:
        if isinstance(dot, Value) and dot.role is Role.TANGENT and not dot.named:
            dot.name, dot.named = f"{value.name}_dot", value.named
        self.dots[value] = dot

    def block(self, ops: list[Op]) -> None:
        self.varied |= varied_values(ops, self.varied)
        self.unbound |= unbound_joints(ops, self.varied)
        self.varied |= self.unbound
        for op in ops:
            with self.builder.at(op.loc):
                self.operation(op)

    def operation(self, op: Op) -> None:
        if op.kind in (O.IF, O.FOR, O.WHILE):
            {O.IF: self.branch, O.FOR: self.for_loop, O.WHILE: self.while_loop}[op.kind](op)
            return
        if op.kind is O.CALL and any(self.dot(o) is not None for o in op.operands):
            self.call(op)
            return
        self.builder.block.append(op)
        dots = [self.dot(o) for o in op.operands]
        if not op.results or all(d is None for d in dots):
            return
        found = self.tangent(op, dots)
        if found is not None:
            self.set(op.results[0], found)

    def tangent(self, op: Op, dots: list[Operand | None]) -> Operand | None:
        b = self.builder
        if op.kind is O.APPLY:
            rule = lookup(op.attrs["fn"])
            if rule is None or not differentiable(op.results[0].type):
                return None
            dots = [d if rule.is_active(i) else None for i, d in enumerate(dots)]
            if all(d is None for d in dots):
                return None
            if rule.form == "composite":
                return self.composite(op)
            found = tangent(b, op, dots)
            if isinstance(found, tuple):
                parts = [
                    zero_for_operand(b, field_of(b, op.results[0], k)) if d is None else d
                    for k, d in enumerate(found)
                ]
                return pack(b, parts, "tuple")
            return found
        if isinstance(op.results[0].type, TableOf) and op.kind in (O.SETITEM, O.PACK):
            return self.table(op, dots)
        if op.kind is O.GETITEM and isinstance(op.operands[0].type, TableOf):
            if dots[0] is None:
                return None
            read = (dots[0], op.operands[1], op.results[0])
            return apply_operands(b, runtime.entry_of, read, {})
        if op.kind is O.GETITEM:
            return None if dots[0] is None else getitem_operands(b, dots[0], op.operands[1:])
        if op.kind in (O.SETITEM, O.ADD_AT):
            if dots[0] is None and dots[1] is None:
                return None
            dot = zero_for_operand(b, op.operands[0]) if dots[0] is None else dots[0]
            x = storable(b, dot, op.operands[0])
            v: Operand = Const.of(0.0)
            if dots[1] is not None:
                v = dots[1]
            elif isinstance(op.operands[0].type, ListOf):
                v = zero_for_operand(b, op.operands[1])
            if op.kind is O.ADD_AT and dots[1] is None:
                return x
            return b.emit1(op.kind, (x, v, *op.operands[2:]), x.type, "t")
        if op.kind is O.FIELD:
            if dots[0] is None or not differentiable(op.results[0].type):
                return None
            part = field_of(b, dots[0], op.attrs["key"])
            if isinstance(part, Value):
                part.type = adjoint_type(op.results[0].type)
            return part
        if op.kind is O.PACK:
            parts = [self.part(o) if differentiable(o.type) else self.still(o) for o in op.operands]
            t: Type = TupleOf(tuple(p.type for p in parts))
            if isinstance(op.results[0].type, ListOf):
                elem: Type = UNDEF
                for p in parts:
                    elem = join(elem, p.type)
                t = ListOf(elem)
            return b.emit1(O.PACK, parts, t, "t", op.attrs)
        if op.kind is O.OPAQUE and differentiable(op.results[0].type):
            raise MissingRuleError(
                "a call that srcad cannot look into lies between an argument and the result",
                reason="a derivative would have to flow through it",
                advice="register a rule for it, or compute it outside of the function",
                loc=op.loc,
            )
        return None

    def table(self, op: Op, dots: list[Operand | None]) -> Operand | None:
        """The tangent of a new dictionary, or of one with another entry."""
        b, t = self.builder, op.results[0].type
        if op.kind is O.PACK:
            moving = [(k, d) for k, d in zip(op.attrs["keys"], dots) if d is not None]
            attrs = {**op.attrs, "keys": tuple(k for k, _ in moving)}
            return b.emit1(O.PACK, [d for _, d in moving], t, "t", attrs)
        x, v, key = dots[0], dots[1], op.operands[2]
        if v is None:  # only the key moves, and keys carry no derivative
            return None if x is None else apply_operands(b, runtime.without, (x, key), {})
        base = zero_for_operand(b, op.operands[0]) if x is None else x
        return b.emit1(O.SETITEM, (base, v, key), t, "t")

    def composite(self, op: Op) -> Operand | None:
        ops, out = trace_composite(op, self.builder)
        inner = Forward(self.dots)
        inner.builder = self.builder
        inner.varied = self.varied
        inner.block(ops)
        if isinstance(out, tuple):
            return pack(self.builder, [inner.dot_or_zero(o) for o in out], "tuple")
        return inner.dot(out)

    def branch(self, op: Op) -> None:
        b = self.builder
        moving = [k for k, r in enumerate(op.results) if r in self.varied]
        regions = []
        for region in op.regions:
            with b.nested() as ops:
                for inner in region.ops:
                    with b.at(inner.loc):
                        self.operation(inner)
                dots = [
                    UNDEFINED if y is UNDEFINED else self.fit(y, op.results[k])
                    for k, y in enumerate(region.yields)
                    if k in moving
                ]
            regions.append(Region((), ops, (*region.yields, *dots)))
        results = [
            Value(adjoint_type(op.results[k].type), f"{op.results[k].name}_dot", Role.TANGENT,
                  op.results[k].named)
            for k in moving
        ]  # fmt: skip
        then, orelse = regions
        b.block.append(if_op(op.operands[0], then, orelse, (*op.results, *results), op.loc))
        for k, r in zip(moving, results):
            self.dots[op.results[k]] = r

    def fit(self, source: Operand, target: Value) -> Operand:
        dot = self.dot_or_zero(source)
        if not isinstance(source, Value) or source in self.unbound:
            return dot
        if source.type != target.type or target in self.unbound:
            return dot if self.dot(source) is None else stretch(self.builder, dot, source)
        return dot

    def carried(self, view: Any) -> list[int]:
        return [
            k
            for k, (c, f) in enumerate(zip(view.carries, view.finals))
            if c in self.varied or f in self.varied
        ]

    def new_values(self, values: list[Value]) -> list[Value]:
        return [
            Value(adjoint_type(v.type), f"{v.name}_dot", Role.TANGENT, v.named) for v in values
        ]

    def body(
        self, view: Any, moving: list[int], lists: list[int]
    ) -> tuple[list[Op], list[Operand], list[Operand]]:
        """(operations, tangents of next carries, tangents of emits) of a loop body."""
        b = self.builder
        with b.nested() as ops:
            for inner in view.body.ops:
                with b.at(inner.loc):
                    self.operation(inner)
            nexts: list[Operand] = []
            for k in moving:
                y = view.next_carries[k]
                nexts.append(UNDEFINED if y is UNDEFINED else self.dot_or_zero(y))
            emits = [self.dot_or_zero(view.emits[k]) for k in lists]
        return ops, nexts, emits

    def for_loop(self, op: Op) -> None:
        b = self.builder
        view = O.ForView(op)
        moving = self.carried(view)
        carries = self.new_values([view.carries[k] for k in moving])
        finals = self.new_values([view.finals[k] for k in moving])
        inits = [self.init(view.inits[k], view.carries[k]) for k in moving]
        streams = [
            (k, self.dot(s)) for k, s in enumerate(view.streams) if self.dot(s) is not None
        ]
        elements = self.new_values([view.elements[k] for k, _ in streams])
        for k, c in zip(moving, carries):
            self.dots[view.carries[k]] = c
        for (k, _), e in zip(streams, elements):
            self.dots[view.elements[k]] = e
        lists = [k for k, v in enumerate(view.lists) if v in self.varied]
        ops, nexts, emits = self.body(view, moving, lists)
        list_results = [self.dot_list(view.lists[k], e) for k, e in zip(lists, emits)]
        n = len(view.carries)
        params = (
            view.index, *view.carries, *carries, *view.elements, *elements,
        )  # fmt: skip
        tail = () if view.stop_flag is None else (view.stop_flag,)
        yields = (*view.body.yields[:n], *nexts, *view.emits, *emits, *tail)
        b.block.append(
            for_op(
                (view.start, view.stop, view.step), [*view.inits, *inits],
                [
                    *zip(view.streams, view.stream_flags),
                    *((s, view.stream_flags[k]) for k, s in streams if s is not None),
                ],
                Region(params, ops, yields), [*view.finals, *finals],
                [
                    *zip(view.lists, view.emit_flags),
                    *((v, view.emit_flags[k]) for k, v in zip(lists, list_results)),
                ],
                reverse=view.reverse, trips=view.trips, loc=op.loc,
            )
        )  # fmt: skip
        self.finish(view, moving, finals, lists, list_results)

    def init(self, init: Operand, carry: Value) -> Operand:
        if init is UNDEFINED:
            return UNDEFINED
        return self.dot_or_zero(init)

    def dot_list(self, original: Value, element: Operand) -> Value:
        t = element.type if isinstance(element, Value) else original.type.elem  # type: ignore[attr-defined]
        return Value(ListOf(t), f"{original.name}_dot", Role.TAPE, True)

    def finish(
        self, view: Any, moving: list[int], finals: list[Value], lists: list[int],
        list_results: list[Value],
    ) -> None:  # fmt: skip
        for k, f in zip(moving, finals):
            self.dots[view.finals[k]] = f
        for k, v in zip(lists, list_results):
            self.dots[view.lists[k]] = v

    def while_loop(self, op: Op) -> None:
        b = self.builder
        view = O.WhileView(op)
        moving = self.carried(view)
        carries = self.new_values([view.carries[k] for k in moving])
        cond_carries = self.new_values([view.carries[k] for k in moving])
        finals = self.new_values([view.finals[k] for k in moving])
        inits = [self.init(view.inits[k], view.carries[k]) for k in moving]
        for k, c in zip(moving, carries):
            self.dots[view.carries[k]] = c
        lists = [k for k, v in enumerate(view.lists) if v in self.varied]
        ops, nexts, emits = self.body(view, moving, lists)
        list_results = [self.dot_list(view.lists[k], e) for k, e in zip(lists, emits)]
        n = len(view.carries)
        tail = () if view.stop_flag is None else (view.stop_flag,)
        yields = (*view.body.yields[:n], *nexts, *view.emits, *emits, *tail)
        cond = Region((*view.cond_carries, *cond_carries), view.cond.ops, view.cond.yields)
        b.block.append(
            while_op(
                [*view.inits, *inits], cond, Region((*view.carries, *carries), ops, yields),
                [*view.finals, *finals],
                [
                    *zip(view.lists, view.emit_flags),
                    *((v, view.emit_flags[k]) for k, v in zip(lists, list_results)),
                ],
                view.trips, may_stop=view.may_stop, loc=op.loc,
            )
        )  # fmt: skip
        self.finish(view, moving, finals, lists, list_results)

    def call(self, op: Op) -> None:
        from srcad.differentiator.calls import tangent_call

        varied = tuple(self.dot(o) is not None for o in op.operands)
        callee, moving = tangent_call(op.attrs["callee"], varied)
        moved = ((self.dot(o), o) for o in op.operands)
        dots = [as_declared(self.builder, d, o) for d, o in moved if d is not None]
        targets = [r for r, m in zip(op.results, moving) if m]
        results = self.new_values(targets)
        operands = (*op.operands, *dots)
        self.builder.block.append(
            Op(O.CALL, operands, {"callee": callee}, (*op.results, *results), (), op.loc)
        )
        for r, d in zip(targets, results):
            self.dots[r] = d


__all__ = ["Forward", "zero_for"]
