"""Loops of a derivative that touch the neighbours of an element: each element once.

What holds afterwards: where an iteration of such a loop over lists reads `x[i]` and `x[i + 1]`, one
of them is a variable that comes from the iteration before; and where it adds to `x_bar[i]` and
`x_bar[i + 1]`, which were zero before the loop, the sum is a variable until it is complete.

The same numbers are added in the same order, so the results are the same bit for bit (but for the
sign of a zero). Carried values start before the first iteration, and sums that are not complete
are stored after the last; both only where there is an iteration.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import replace

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import BOOL, FLOAT, INT, ListOf
from srcad.ir.build import for_op, if_op
from srcad.ir.values import Const, Function, Op, Operand, Region, Role, Value
from srcad.optimizer.facts import Uses

_WIDEST = 3  # how many values are carried at most
_ZERO = Const.of(0.0)


def rotate(function: Function) -> Function:
    """The function with such loops at its top; itself if there are none."""
    uses = Uses(function)
    defining = {r: op for op in function.body.ops for r in op.results}
    ops: list[Op] = []
    changed = False
    for op in function.body.ops:
        loop = _Loop(op, uses, defining) if _may_rotate(op) else None
        if loop is not None and loop.rotated():
            ops += [*loop.before, loop.made(), *loop.after]
            changed = True
        else:
            ops.append(op)
    if not changed:
        return function
    return replace(function, body=Region(function.body.params, ops, function.body.yields))


def _may_rotate(op: Op) -> bool:
    if op.kind is not O.FOR or not op.results:
        return False
    view = O.ForView(op)
    if view.may_stop or not isinstance(view.step, Const) or view.step.value != 1:
        return False
    return all(r.role in (Role.ADJOINT, Role.TANGENT) for r in op.results)


class _Loop:
    """Rewrites one loop.

    Attributes
    ----------
    before, after
        What is to stand before and after the loop.
    carried
        Further carries: initial value, parameter, next value, final value.
    """

    def __init__(self, op: Op, uses: Uses, defining: dict[Value, Op]) -> None:
        self.op, self.view, self.uses, self.defining = op, O.ForView(op), uses, defining
        self.ops = list(self.view.body.ops)
        self.before: list[Op] = []
        self.after: list[Op] = []
        self.carried: list[tuple[Operand, Value, Operand, Value]] = []
        self.finals = list(self.view.finals)
        self.inside = {*self.view.body.params, *(r for o in self.ops for r in o.results)}
        self.offsets: dict[Operand, int] = {self.view.index: 0}
        for o in self.ops:
            if o.attrs.get("fn") in (operator.add, operator.sub):
                first, second = o.operands
                if first is self.view.index and isinstance(second, Const):
                    if type(second.value) is int:
                        sign = 1 if o.attrs["fn"] is operator.add else -1
                        self.offsets[o.result] = sign * second.value
        self.replaced: dict[Value, Operand] = {}

    def rotated(self) -> bool:
        """Find what can be carried; whether that is anything."""
        if isinstance(self.view.start, Const) and isinstance(self.view.stop, Const):
            return False  # a few iterations, or none
        sources: dict[Value, dict[int, Op]] = {}
        for o in self.ops:
            if o.kind is O.GETITEM and len(o.operands) == 2 and o.operands[1] in self.offsets:
                x = o.operands[0]
                if isinstance(x, Value) and x not in self.inside and x.type == ListOf(FLOAT):
                    sources.setdefault(x, {}).setdefault(self.offsets[o.operands[1]], o)
        for x, reads in sources.items():
            self.read(x, reads)
        for k, (carry, init) in enumerate(zip(self.view.carries, self.view.inits, strict=True)):
            if carry.type == ListOf(FLOAT) and self.is_zeros(init):
                self.accumulate(k, carry)
        return bool(self.carried)

    # ------------------------------------------------------------------ where the index is
    def index_at(self, block: list[Op], last: bool, offset: int) -> Operand:
        """The index plus an offset in the first or last iteration, computed in a block."""
        at_start = self.view.reverse is last  # of the range, not of the loop
        start, amount = (self.view.start, offset) if at_start else (self.view.stop, offset - 1)
        if isinstance(start, Const):
            return Const.of(start.value + amount)  # type: ignore[operator]
        if not amount:
            return start
        fn = operator.add if amount > 0 else operator.sub
        return self.emit(block, fn, (start, Const.of(abs(amount))), Value(INT, "t"))

    def emit(self, block: list[Op], fn: object, operands: Sequence[Operand], r: Value) -> Value:
        r.role = self.op.results[0].role
        block.append(Op(O.APPLY, tuple(operands), {"fn": fn}, (r,), (), self.op.loc))
        return r

    def if_it_runs(self, block: list[Op], then: Region, otherwise: Operand, result: Value) -> None:
        """Let `result` be what `then` yields if there is an iteration."""
        ends = (self.view.stop, self.view.start)
        condition = self.emit(block, operator.gt, ends, Value(BOOL, "t"))
        orelse = Region((), [], (otherwise,))
        block.append(if_op(condition, then, orelse, [result], self.op.loc))

    def neighbour(self, x: Value) -> str:
        """A name for the element that the iteration before was about."""
        kind = "next" if self.view.reverse else "prev"
        name = x.name.removesuffix("_list")
        base = name.removesuffix("_bar")
        return f"{base}_{kind}" + name[len(base) :]

    # ------------------------------------------------------------------ reads
    def read(self, x: Value, reads: dict[int, Op]) -> None:
        """Carry what the iteration before read of the same element."""
        towards = -1 if self.view.reverse else 1
        found = [c for c in reads if c + towards in reads]
        if len(found) > _WIDEST:
            return
        for c in found:
            earlier = reads[c + towards].result  # there, one iteration ago
            role, name = earlier.role, self.neighbour(x)
            start, final, param = (Value(FLOAT, name, role) for _ in range(3))
            block: list[Op] = []
            index = self.index_at(block, False, c)
            element = Value(FLOAT, name, role)
            block.append(Op(O.GETITEM, (x, index), {}, (element,), (), self.op.loc))
            self.if_it_runs(self.before, Region((), block, (element,)), _ZERO, start)
            self.carried.append((start, param, earlier, final))
            self.drop(reads[c], param)

    def drop(self, op: Op, instead: Operand) -> None:
        self.ops.remove(op)
        self.replaced[op.result] = instead

    # ------------------------------------------------------------------ sums
    def is_zeros(self, init: Operand) -> bool:
        op = self.defining.get(init) if isinstance(init, Value) else None
        if op is None or op.attrs.get("fn") is not runtime.zeros_list:
            return False
        return self.uses.single(init)

    def accumulate(self, k: int, carry: Value) -> None:
        """Let the sums of elements be complete before they are stored."""
        chain: list[Op] = []
        value: Operand = carry
        while value is not self.view.next_carries[k]:
            readers = [op for op, _ in self.uses.readers.get(value, ())]  # type: ignore[arg-type]
            op = readers[0] if len(readers) == 1 else None
            if op is None or op not in self.ops:
                return
            if op.kind is not O.ADD_AT or op.operands[0] is not value or len(op.operands) != 3:
                return
            if op.operands[2] not in self.offsets or op.operands[1].type != FLOAT:
                return
            chain.append(op)
            value = op.result
        offsets = sorted({self.offsets[op.operands[2]] for op in chain})
        width = offsets[-1] - offsets[0] if offsets else 0
        start = self.view.start
        if not 0 < width <= _WIDEST or not isinstance(start, Const):
            return
        if start.value + offsets[0] < 0:  # type: ignore[operator]
            return  # an index below zero is another name for an element
        self.accumulated(k, carry, chain, range(offsets[0], offsets[-1] + 1))

    def accumulated(self, k: int, carry: Value, chain: list[Op], offsets: range) -> None:
        towards = -1 if self.view.reverse else 1
        first, last = (offsets[0], offsets[-1]) if self.view.reverse else (offsets[-1], offsets[0])
        role, name = carry.role, self.neighbour(carry)
        pending = {c: Value(FLOAT, name, role) for c in offsets if c != first}
        position = self.ops.index(chain[-1])
        sums: list[Op] = []
        totals: dict[int, Operand] = {}
        for c in offsets:
            terms: list[Operand] = [pending[c]] if c in pending else []
            terms += [op.operands[1] for op in chain if self.offsets[op.operands[2]] == c]
            totals[c] = terms[0]
            for term in terms[1:]:
                totals[c] = self.emit(sums, operator.add, (totals[c], term), Value(FLOAT, name))
        index = next(op.operands[2] for op in chain if self.offsets[op.operands[2]] == last)
        stored = chain[-1].result
        sums.append(Op(O.SETITEM, (carry, totals[last], index), {}, (stored,), (), chain[-1].loc))
        self.ops[position : position + 1] = sums
        for op in chain[:-1]:
            self.ops.remove(op)
        rest: list[Op] = []
        whole, self.finals[k] = self.finals[k], replace(self.finals[k])
        array: Value = self.finals[k]
        for c in pending:
            final = Value(FLOAT, name, role)
            self.carried.append((_ZERO, pending[c], totals[c + towards], final))
            at = self.index_at(rest, True, c + towards)
            following = replace(array)
            rest.append(Op(O.SETITEM, (array, final, at), {}, (following,), (), self.op.loc))
            array = following
        self.if_it_runs(self.after, Region((), rest, (array,)), self.finals[k], whole)

    # ------------------------------------------------------------------ the loop
    def made(self) -> Op:
        view = self.view
        inits, params, following, finals = ([c[n] for c in self.carried] for n in range(4))
        yields = view.body.yields
        body = Region(
            (view.index, *view.carries, *params, *view.elements),  # type: ignore[arg-type]
            list(self.renamed(self.ops)),
            tuple(map(self.new, (*view.next_carries, *following, *yields[len(view.carries) :]))),
        )
        return for_op(
            (view.start, view.stop, view.step), [*view.inits, *inits],
            list(zip(view.streams, view.stream_flags, strict=True)), body,
            [*self.finals, *finals],  # type: ignore[list-item]
            list(zip(view.lists, view.emit_flags, strict=True)),
            reverse=view.reverse, loc=self.op.loc,
        )  # fmt: skip

    def new(self, o: Operand) -> Operand:
        while isinstance(o, Value) and o in self.replaced:
            o = self.replaced[o]
        return o

    def renamed(self, ops: Iterable[Op]) -> Iterable[Op]:
        for op in ops:
            regions = tuple(
                Region(r.params, list(self.renamed(r.ops)), tuple(map(self.new, r.yields)))
                for r in op.regions
            )
            operands = tuple(map(self.new, op.operands))
            yield Op(op.kind, operands, op.attrs, op.results, regions, op.loc)
