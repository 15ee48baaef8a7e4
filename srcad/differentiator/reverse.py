"""Reverse mode: Function -> Function that computes cotangents of its inputs.

What holds afterwards: the result is an ordinary Function (forward sweep, then reverse sweep), so
it can be differentiated again. Adjoint operations refer to primal values directly; those of loop
and branch bodies that they need are the residuals, which `tape` keeps or recomputes.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable
from typing import Any

from srcad import runtime
from srcad.differentiator import tape
from srcad.differentiator.activity import active_positions, flows, useful_values, varied_values
from srcad.differentiator.bars import Bars
from srcad.differentiator.branches import adjoint_branch
from srcad.differentiator.calls import adjoint_call
from srcad.differentiator.contributions import (
    add,
    cast_to,
    cotangents,
    elementwise_cotangents,
    of_lengths_from,
    reduce_to,
    rule_of,
    storable,
    zero_for,
    zero_for_operand,
)
from srcad.differentiator.extents import Extents
from srcad.differentiator.finality import Finality
from srcad.differentiator.loops import ZERO, adjoint_loop
from srcad.errors import MissingRuleError
from srcad.ir import ops as O
from srcad.ir.abstract import (
    SLICE,
    Array,
    ListOf,
    Scalar,
    TableOf,
    TupleOf,
    Type,
    adjoint_type,
    differentiable,
    dtype_of,
    is_number,
    rank_of,
)
from srcad.ir.build import Builder
from srcad.ir.undefined import possibly_undefined
from srcad.ir.values import Const, Op, Operand, Role, Value
from srcad.optimizer import patterns
from srcad.optimizer.dce import used_values
from srcad.optimizer.facts import same_operand
from srcad.pristine import np
from srcad.rules.indexing import may_repeat, without_repeats
from srcad.rules.language import zeros_of
from srcad.rules.registry import lookup
from srcad.rules.symbols import (
    Sym,
    apply,
    apply_operands,
    as_operand,
    field_of,
    getitem_operands,
    pack,
)


class Reverse:
    """One reverse transformation. `active` holds the values that have cotangents."""

    def __init__(self, ops: list[Op], inputs: list[Value], outputs: list[Value]) -> None:
        varied = varied_values(ops, inputs)
        self.varied = varied
        self.active = varied & useful_values(ops, [o for o in outputs if o in varied])
        self.builder = Builder(role=Role.ADJOINT)
        self.defining: dict[Value, Op] = {}
        self.in_loops: dict[Value, list[Op]] = {}  # the block of what is defined in a loop
        self.loop_of: dict[Value, Op] = {}  # the innermost loop of what is defined in one
        self.readers: dict[Value, list[Op]] = {}  # where a derivative flows from one, in loops
        self.flows = Counter(flows(ops, outputs, self.active))  # from how many places it comes
        self.passed: dict[tuple[Value, ...], list[Op]] = {}  # what a branch differentiates with it
        self.recorded: dict[Value, Op] = {}  # the forward sweep of that
        self.stretched: set[Value] = set()  # whose cotangents have yet to be summed
        self.uses: Counter[Value] = Counter()
        self.extents = Extents(ops)
        self.undefined = possibly_undefined(ops, or_none=True)
        self.memory = tape.Memory(
            tape.overwritten_arrays(ops), self.in_loops, self.extents,
            Finality(ops, self.extents), varied, self.undefined,
        )  # fmt: skip
        self.elements: set[Value] = set()  # of lists that loops run over
        self.to_define: set[Value] = set()  # whose zeros are needed, so that they must exist
        self.survey(ops, outputs)

    def survey(
        self, ops: list[Op], outputs: Iterable[Operand], loop: Op | None = None
    ) -> None:
        """Note what defines each value and how often it is read, for patterns of operations."""
        self.uses.update(used_values(outputs))
        for op in ops:
            self.defining.update(dict.fromkeys(op.results, op))
            self.uses.update(o for o in op.operands if isinstance(o, Value))
            if loop is not None:
                self.in_loops.update(dict.fromkeys(op.results, ops))
                self.loop_of.update(dict.fromkeys(op.results, loop))
                if any(r in self.active for r in op.results):
                    for k in active_positions(op):
                        self.readers.setdefault(op.operands[k], []).append(op)  # type: ignore[arg-type]
            if op.kind is O.FOR:
                self.elements.update(O.ForView(op).elements)
            for region in op.regions:
                inner = op if op.kind in (O.FOR, O.WHILE) else loop
                self.survey(region.ops, region.yields, inner)

    # ------------------------------------------------------------------ accumulation
    def accumulate(self, bars: Bars, target: Operand, contribution: Any) -> None:
        """Add to the cotangent of a value (nothing for constants and inactive values)."""
        if not isinstance(target, Value) or target not in self.active or contribution is None:
            return
        if isinstance(contribution, list) and isinstance(target.type, TupleOf):
            self.accumulate_parts(bars, target, dict(enumerate(contribution)))
            return
        if isinstance(contribution, list):  # a rule's, of an operand of unknown type
            parts = [Const.of(None) if part is None else part for part in contribution]
            contribution = pack(self.builder, parts, "list")
        old = bars.get(target)
        if isinstance(old, dict):
            contribution = {
                k: field_of(self.builder, contribution, k)
                for k in range(len(target.type.elems))  # type: ignore[attr-defined]
                if differentiable(target.type.elems[k])  # type: ignore[attr-defined]
            }
            self.accumulate_parts(bars, target, contribution)
            return
        new = contribution if old is None else add(self.builder, old, contribution)
        self.name(new, target)
        bars.set(target, new)

    def accumulate_parts(self, bars: Bars, target: Value, parts: dict[Any, Any]) -> None:
        """Contributions to elements of a tuple."""
        old = bars.get(target)
        if isinstance(old, (Value, Const)):
            elems = target.type.elems  # type: ignore[attr-defined]
            old = {
                k: field_of(self.builder, old, k)
                for k in range(len(elems))
                if differentiable(elems[k])
            }
        merged = dict(old or {})
        for k, v in parts.items():
            if v is not None:
                merged[k] = v if merged.get(k) is None else add(self.builder, merged[k], v)
        bars.set(target, merged)

    def name(self, bar: Operand, target: Value) -> None:
        if isinstance(bar, Value) and bar.role is Role.ADJOINT and not bar.named:
            bar.name, bar.named = f"{target.name}_bar", target.named

    def whole(self, target: Value, bar: Any) -> Operand:
        """A cotangent as one operand (tuples are packed, with zeros where nothing arrived)."""
        if not isinstance(bar, dict):
            return bar  # type: ignore[no-any-return]
        elems = target.type.elems  # type: ignore[attr-defined]
        parts: list[Operand] = []
        for k, t in enumerate(elems):
            if bar.get(k) is not None:
                parts.append(bar[k])
            elif differentiable(t):
                part = field_of(self.builder, target, k)
                if isinstance(t, ListOf) or _holds_arrays(t):  # None, in another path's tape
                    parts.append(apply(self.builder, runtime.zeros_parts, [part]))
                else:
                    parts.append(zero_for_operand(self.builder, part))
            else:
                parts.append(Const.of(None))
        return pack(self.builder, parts, "tuple")

    def zero(self, v: Value) -> Operand:
        """A zero cotangent; it is read from the value itself, which must then exist."""
        may_be_none = v in self.undefined or v in self.elements  # a tape of tapes may hold None
        if may_be_none and (isinstance(v.type, ListOf) or _holds_arrays(v.type)):
            self.to_define.add(v)
            return apply(self.builder, runtime.zeros_parts, [v])
        made = zero_for(self.builder, v)
        if v in self.undefined and isinstance(made, Value):
            self.to_define.add(v)  # as None
        return made

    # ------------------------------------------------------------------ blocks
    def block(self, ops: list[Op], bars: Bars) -> list[Op]:
        """Emit the adjoint of a block; the block itself, with what must be recorded added."""
        forward: list[Op] = []
        for op in reversed(ops):
            if op.results and op.results[0] in self.recorded:
                forward.append(self.recorded[op.results[0]])
                continue
            with self.builder.at(op.loc):
                forward.append(self.operation(op, bars))
        forward.reverse()
        return forward

    def operation(self, op: Op, bars: Bars) -> Op:
        method = self.methods.get(op.kind)
        if method is None:
            return op
        if not any(bars.get(r) is not None for r in op.results):
            return op
        return method(self, op, bars)

    def apply(self, op: Op, bars: Bars) -> Op:
        rule = lookup(op.attrs["fn"])
        if rule is None or rule.form == "zero":
            return op
        result = op.results[0]
        bar = bars.get(result)
        wanted = [
            isinstance(o, Value) and o in self.active and rule.is_active(i)
            for i, o in enumerate(op.operands)
        ]
        if not any(wanted):
            return op
        pattern = patterns.match(op, self.defining, self.uses, self.loop_of)
        if pattern is not None and not isinstance(bar, dict):
            self.pattern(pattern, op, bar, bars)
            return op
        g: Any = bar
        if isinstance(result.type, TupleOf) and result.type.elems is not None:
            packed = bar if isinstance(bar, dict) else None
            g = tuple(
                self.part(packed, bar, k) for k in range(len(result.type.elems))
            )
        if rule.form == "composite":
            self.composite(op, g, bars)
            return op
        for operand, contribution in zip(op.operands, self.cotangents(op, g, wanted)):
            self.accumulate(bars, operand, contribution)
        return op

    def cotangents(self, op: Op, g: Any, wanted: list[bool]) -> list[Any]:
        rule = rule_of(op)
        if rule.form != "elementwise":
            return cotangents(self.builder, op, g, wanted, self.extents)
        result = op.results[0]
        waiting = [self.can_wait(o, result) for o in op.operands]
        found = elementwise_cotangents(
            self.builder, op, rule, g, wanted, self.extents, waiting, result in self.stretched
        )
        self.stretched.update(
            o for o, waits in zip(op.operands, waiting) if waits and isinstance(o, Value)
        )
        return list(found)

    def can_wait(self, v: Operand, user: Value) -> bool:
        """Whether summing a cotangent to the shape of `v` can be left to what `v` is made of.

        It has to be in a loop, where `v` would be kept in every iteration for its shape alone.
        """
        if not isinstance(v, Value) or self.uses[v] != 1 or v not in self.in_loops:
            return False
        if v not in self.active or self.in_loops[v] is not self.in_loops.get(user):
            return False
        lengths, t = self.extents.of(v), v.type
        if not lengths or dtype_of(t) is None or dtype_of(t) != dtype_of(user.type):
            return False
        if self.extents.same(v, user) and user not in self.stretched:
            return False
        base = lengths[0][0]
        if isinstance(base, Value) and base not in self.in_loops:
            if all(n[0] is base for n in lengths):
                return False  # its shape is at hand
        op = self.defining[v]
        if op.kind is O.GETITEM:
            return isinstance(op.operands[0].type, Array)
        rule = lookup(op.attrs["fn"]) if op.kind is O.APPLY else None
        if rule is None or rule.form != "elementwise":
            return False
        return patterns.match(op, self.defining, self.uses, self.loop_of) is None

    def pattern(self, pattern: patterns.Pattern, op: Op, g: Operand, bars: Bars) -> None:
        """Differentiate an operation together with those before it (a logistic function, say)."""
        b = self.builder
        scalar = isinstance(op.results[0].type, Scalar)
        read = (op.results[0], *pattern.inputs, *pattern.others)
        found = pattern.vjp(Sym(b, g, scalar), *(Sym(b, o, scalar) for o in read))
        for target, contribution in zip(pattern.inputs, found):
            operand = as_operand(b, contribution)
            self.accumulate(bars, target, cast_to(b, operand, target.type, target))

    def part(self, packed: dict[Any, Any] | None, bar: Any, k: int) -> Operand | None:
        """The cotangent of one of several results; None where none arrived."""
        return field_of(self.builder, bar, k) if packed is None else packed.get(k)

    def composite(self, op: Op, g: Any, bars: Bars) -> None:
        """Differentiate the definition of a composite function in place of the function."""
        ops, out = trace_composite(op, self.builder)
        seeds = [o for o in op.operands if isinstance(o, Value) and o in self.active]
        varied = varied_values(ops, seeds)
        self.varied |= varied
        outs = [o for o in _flat(out) if isinstance(o, Value)]
        self.active |= varied & useful_values(ops, [o for o in outs if o in varied])
        local = Bars(bars)
        cotangents_ = g if isinstance(g, tuple) else (g,)
        self.survey(ops, outs)
        self.flows.update(flows(ops, outs, self.active))
        self.extents.add(ops)
        self.builder.block.extend(ops)
        for o, c in zip(_flat(out), cotangents_):
            self.accumulate(local, o, c)  # None adds nothing
        self.block(ops, local)
        inside = {r for o in ops for r in o.results}
        for v, bar in local.own.items():
            if v not in inside:
                bars.set(v, bar)

    def getitem(self, op: Op, bars: Bars) -> Op:
        x, *index = op.operands
        if not isinstance(x, Value) or x not in self.active:
            return op
        old = bars.get(x)
        g = self.whole(op.results[0], bars.get(op.results[0]))
        if isinstance(x.type, ListOf) and index[0].type == SLICE:
            part = apply_operands(self.builder, runtime.put_slice, (g, x, index[0]), {})
            self.accumulate(bars, x, part)
            return op
        if isinstance(x.type, TupleOf) and x.type.elems is not None:
            position = index[0].value if isinstance(index[0], Const) else None
            if isinstance(position, int):
                self.accumulate_parts(bars, x, {position % len(x.type.elems): g})
                return op
            old = None if old is None else self.whole(x, old)
        base = old if old is not None else self.zero(x)
        if op.results[0] in self.stretched:
            part = getitem_operands(self.builder, base, index)
            g = reduce_to(self.builder, g, part, [of_lengths_from(g)])
        back = _undone(op, g)
        if back is not None:
            summed = self.summed_away(g, [k for k, i in enumerate(back) if i is ZERO], back)
            self.accumulate(bars, x, summed or getitem_operands(self.builder, g, back))
            return op
        if isinstance(x.type, TableOf):
            made = apply_operands(self.builder, runtime.add_entry, (base, g, index[0]), {})
            self.name(made, x)
            bars.set(x, made)
            return op
        of_lists = isinstance(x.type, ListOf) and isinstance(x.type.elem, (ListOf, TupleOf))
        if of_lists or isinstance(x.type, TupleOf):
            made = apply_operands(self.builder, runtime.add_element, (base, g, index[0]), {})
            bars.set(x, made)
            return op
        t = adjoint_type(x.type)
        new = self.builder.emit1(O.ADD_AT, (storable(self.builder, base, x), g, *index), t, "t")
        self.name(new, x)
        bars.set(x, new)
        return op

    def summed_away(self, g: Operand, axes: list[int], back: list[Operand]) -> Operand | None:
        """``np.sum(g, axis)`` where `g` was just summed with these dimensions kept."""
        for made in self.builder.block[-5:]:
            if g in made.results and made.attrs.get("fn") is np.sum:
                axis = made.attrs.get("axis")
                same = axes == (list(axis) if isinstance(axis, tuple) else [axis])
                if same and made.attrs.get("keepdims") and len(back) == rank_of(g.type):
                    return apply(self.builder, np.sum, [made.operands[0]], {"axis": axis})
        return None

    def setitem(self, op: Op, bars: Bars) -> Op:
        x, v, *index = op.operands
        if isinstance(op.results[0].type, TableOf):
            self.store_entry(op, bars.get(op.results[0]), bars)
            return op
        g = storable(self.builder, bars.get(op.results[0]), x)
        if isinstance(v, Value) and v in self.active:
            part = getitem_operands(self.builder, g, index)
            listed = isinstance(x.type, ListOf)
            if not listed and may_repeat(index) and not self.distinct(index):
                part = self.last_written(part, g, index)
            if listed and isinstance(v.type, (ListOf, TupleOf)):
                pass
            elif self.extents.fills(v, x, index):
                part = cast_to(self.builder, part, v.type, v)
            elif self.can_wait(v, op.results[0]):
                self.stretched.add(v)
            else:
                part = reduce_to(self.builder, part, v, [part.type])
            self.accumulate(bars, v, part)
        if isinstance(x, Value) and x in self.active:
            zero: Operand = Const.of(0.0)
            if isinstance(x.type, ListOf):
                if index[0].type == SLICE or not is_number(x.type.elem):
                    source = g if self.changed_in_place(v, x, index[0]) else x
                    zero = zeros_of(self.builder, getitem_operands(self.builder, source, index))
            rest = self.builder.emit1(O.SETITEM, (g, zero, *index), g.type, "t")
            self.accumulate(bars, x, rest)
        return op

    def changed_in_place(self, v: Operand, x: Value, index: Operand) -> bool:
        """Whether `v` is the element of the list `x` that it replaces, with some items changed."""
        while isinstance(v, Value):
            op = self.defining.get(v)
            if op is None or op.kind not in (O.SETITEM, O.ADD_AT, O.GETITEM):
                return False
            if op.kind is O.GETITEM:
                return op.operands[0] is x and same_operand(op.operands[1], index)
            if isinstance(v.type, ListOf) and op.operands[2].type == SLICE:
                return False
            v = op.operands[0]
        return False

    def store_entry(self, op: Op, g: Operand, bars: Bars) -> None:
        """The adjoint of a store into a dictionary."""
        x, v, key = op.operands
        if isinstance(v, Value) and v in self.active:
            part = apply_operands(self.builder, runtime.entry_of, (g, key, v), {})
            self.accumulate(bars, v, part)
        if isinstance(x, Value) and x in self.active:
            rest = apply_operands(self.builder, runtime.without, (g, key), {})
            self.accumulate(bars, x, rest)

    def distinct(self, index: list[Operand]) -> bool:
        """Whether an index with integer arrays certainly names no element twice."""
        return all(
            without_repeats(self.defining.get(part))  # type: ignore[arg-type]
            for part in index
            if may_repeat([part])
        )

    def last_written(self, part: Operand, g: Operand, index: list[Operand]) -> Operand:
        """The cotangent of what was stored: nothing for what a later store overwrote."""
        mask = apply(self.builder, runtime.last_write_mask, [g, *index])
        if rank_of(part.type):
            return apply(self.builder, np.where, [mask, part, ZERO])
        return apply(self.builder, operator.mul, [part, mask])

    def add_at(self, op: Op, bars: Bars) -> Op:
        x, v, *index = op.operands
        g = storable(self.builder, bars.get(op.results[0]), x)
        if isinstance(v, Value) and v in self.active:
            part = getitem_operands(self.builder, g, index)
            self.accumulate(bars, v, reduce_to(self.builder, part, v, [part.type]))
        self.accumulate(bars, x, g)
        return op

    def field(self, op: Op, bars: Bars) -> Op:
        container = op.operands[0]
        if isinstance(container, Value) and container in self.active:
            bar, key = self.whole(op.results[0], bars.get(op.results[0])), op.attrs["key"]
            if isinstance(container.type, TupleOf) or not isinstance(key, int):
                self.accumulate_parts(bars, container, {key: bar})
                return op
            old = bars.get(container)  # of a sequence of unknown length
            base = apply(self.builder, runtime.zeros_parts, [container]) if old is None else old
            operands = (base, bar, Const.of(key))
            bars.set(container, apply_operands(self.builder, runtime.add_element, operands, {}))
        return op

    def pack(self, op: Op, bars: Bars) -> Op:
        bar = bars.get(op.results[0])
        for k, o in enumerate(op.operands):
            if isinstance(o, Value) and o in self.active:
                if isinstance(bar, dict):
                    part = bar.get(k)
                elif isinstance(op.results[0].type, TableOf):
                    key = Const.of(op.attrs["keys"][k])
                    part = apply_operands(self.builder, runtime.entry_of, (bar, key, o), {})
                elif isinstance(op.results[0].type, ListOf):
                    part = getitem_operands(self.builder, bar, [Const.of(k)])
                else:
                    part = field_of(self.builder, bar, k)
                self.accumulate(bars, o, part)
        return op

    def opaque(self, op: Op, bars: Bars) -> Op:
        raise MissingRuleError(
            "a call that srcad cannot look into lies between an argument and the result",
            reason="a derivative would have to flow through it",
            advice="register a rule for it, or compute it outside of the function",
            loc=op.loc,
        )

    # ------------------------------------------------------------------ branches

    def fit(self, bar: Any, result: Value, source: Operand) -> Any:
        """The cotangent of a joined value as that of the value on one path (B4)."""
        if isinstance(bar, dict) or not isinstance(source, Value) or source.type == result.type:
            return bar
        return reduce_to(self.builder, bar, source, [result.type])


    methods: dict[O.OpKind, Any] = {
        O.APPLY: apply, O.GETITEM: getitem, O.SETITEM: setitem, O.ADD_AT: add_at, O.FIELD: field,
        O.PACK: pack, O.OPAQUE: opaque, O.IF: adjoint_branch, O.FOR: adjoint_loop,
        O.WHILE: adjoint_loop, O.CALL: adjoint_call,
    }  # fmt: skip




def _holds_arrays(t: Type) -> bool:
    """Whether this is a tuple whose zeros are read from what it holds."""
    return isinstance(t, TupleOf) and any(
        differentiable(e) and not is_number(e) and (_holds_arrays(e) or not isinstance(e, TupleOf))
        for e in t.elems or ()
    )


def _undone(op: Op, g: Operand) -> list[Operand] | None:
    """The index that takes the new dimensions of a read away again, if it does nothing else."""
    t, index = op.operands[0].type, op.operands[1:]
    if not isinstance(t, Array) or not t.dims or len(index) == 0:
        return None
    rank = rank_of(op.results[0].type)
    if not isinstance(g, Value) or rank is None or rank_of(g.type) != rank:
        return None
    if not all(isinstance(i, Const) and i.value in (None, Ellipsis, slice(None)) for i in index):
        return None
    return [ZERO if i.value is None else i for i in index]  # type: ignore[union-attr]


def _flat(out: Any) -> list[Operand]:
    return list(out) if isinstance(out, tuple) else [out]


def trace_composite(op: Op, b: Builder) -> tuple[list[Op], Any]:
    """Operations of a composite function's definition on the operands of an application."""
    rule = rule_of(op)
    with b.nested() as ops:
        arguments = [Sym(b, o, False) for o in op.operands]
        wrapped = [a._wrap(a.operand) for a in arguments]
        out = rule.bodies[0](*wrapped, **op.statics)
        if isinstance(out, (tuple, list)):
            return ops, tuple(as_operand(b, o) for o in out)
        return ops, as_operand(b, out)
