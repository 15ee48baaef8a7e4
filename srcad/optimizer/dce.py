"""Dead code elimination.

What holds afterwards: every pure operation has a used result; loops carry, collect and consume
only what is used; branches yield only what is used; operations with an effect are all there.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import replace

from srcad.ir import ops as O
from srcad.ir.build import for_op, while_op
from srcad.ir.values import Function, Op, Operand, Region, Value


def dce(function: Function, keep_inputs: bool = True) -> Function:
    """Remove what no result needs; the function itself if there is nothing to remove.

    `keep_inputs` keeps the parts taken out of container parameters, so that the function can be
    differentiated again with respect to them.
    """
    params = {p.value for p in function.params}
    body = function.body
    ops = prune(body.ops, used_values(body.yields), params if keep_inputs else set())
    if _same(ops, body.ops):
        return function
    return replace(function, body=Region(body.params, ops, body.yields))


def used_values(operands: Iterable[Operand]) -> set[Value]:
    return {o for o in operands if isinstance(o, Value)}


def prune(ops: list[Op], live: set[Value], containers: set[Value] = frozenset()) -> list[Op]:  # type: ignore[assignment]
    """The operations that `live` values or effects need; `live` grows by what they read.

    Parts taken out of `containers` are kept.
    """
    needs = Needs()
    needs.note_block(ops)
    containers = set(containers)
    if containers:
        for op in ops:
            if op.kind is O.FIELD and op.operands[0] in containers:
                containers.update(op.results)
                live.update(op.results)
    needs.follow(live)
    return _Sweep(live, needs.effects).block(ops)


class Needs:
    """What each value is computed from, and what is needed in any case.

    The results of a structured operation, and the parameters of its regions, also need what
    decides whether, or how often, the regions run.
    """

    def __init__(self) -> None:
        self.sources: dict[Value, tuple[Operand, ...]] = {}
        self.always: list[Operand] = []  # what operations with an effect read
        self.effects: set[Op] = set()  # these, and the operations that they are in
        self.called: dict[Function, bool] = {}

    def note_block(self, ops: list[Op]) -> bool:
        """Note operations; whether one of them has an effect."""
        found = False
        for op in ops:
            if op.kind.structured:
                effect, control = self.structured(op)
            else:
                effect, control = self.has_effect(op), op.operands
                for result in op.results:
                    self.sources[result] = control
            if effect:
                self.effects.add(op)
                self.always.extend(control)
                found = True
        return found

    def has_effect(self, op: Op) -> bool:
        if op.kind is not O.CALL:
            return op.kind.effect
        callee = op.attrs["callee"]
        if callee not in self.called:
            self.called[callee] = O.has_effect(op)
        return self.called[callee]

    def structured(self, op: Op) -> tuple[bool, tuple[Operand, ...]]:
        effects = [self.note_block(region.ops) for region in op.regions]
        if op.kind is O.IF:
            control = op.operands
            for result, *yields in zip(op.results, *(r.yields for r in op.regions), strict=True):
                self.sources[result] = (*control, *yields)
        else:
            control = self.loop(O.ForView(op) if op.kind is O.FOR else O.WhileView(op))
        return any(effects), control

    def loop(self, view: O.ForView | O.WhileView) -> tuple[Operand, ...]:
        stop = () if view.stop_flag is None else (view.stop_flag,)
        if isinstance(view, O.ForView):
            control = (*view.op.operands[:3], *stop)
            self.sources.update(zip(view.elements, ((s,) for s in view.streams), strict=True))
        else:
            control = (*view.cond.yields, *stop)
            self.sources.update(zip(view.cond_carries, ((c,) for c in view.carries), strict=True))
        for carry, final, init, following in zip(
            view.carries, view.finals, view.inits, view.next_carries, strict=True
        ):
            self.sources[carry] = (init, following)
            self.sources[final] = (*control, carry)
        for collected, emitted in zip(view.lists, view.emits, strict=True):
            self.sources[collected] = (*control, emitted)
        if view.trips is not None:
            self.sources[view.trips] = control
        return control

    def follow(self, live: set[Value]) -> None:
        """Add to `live` all that its values and the operations with an effect need."""
        live.update(used_values(self.always))
        todo = list(live)
        while todo:
            for source in self.sources.get(todo.pop(), ()):
                if isinstance(source, Value) and source not in live:
                    live.add(source)
                    todo.append(source)

    def dependent(self, values: Set[Value]) -> set[Value]:
        """These values, and all that need one of them."""
        users: dict[Value, list[Value]] = defaultdict(list)
        for v, sources in self.sources.items():
            for source in sources:
                if isinstance(source, Value):
                    users[source].append(v)
        found = set(values)
        todo = list(values)
        while todo:
            more = [v for v in users.get(todo.pop(), ()) if v not in found]
            found.update(more)
            todo += more
        return found


class _Sweep:
    """Leaves out what is not live; an operation of which all is live stays as it is."""

    def __init__(self, live: set[Value], effects: set[Op]) -> None:
        self.live = live
        self.effects = effects

    def block(self, ops: list[Op]) -> list[Op]:
        return [
            self.structured(op) if op.regions else op
            for op in ops
            if not self.live.isdisjoint(op.results) or op in self.effects
        ]

    def structured(self, op: Op) -> Op:
        blocks = [self.block(region.ops) for region in op.regions]
        if op.kind is O.IF:
            pruned = self.branches(op, blocks)
        elif op.kind is O.FOR:
            pruned = self.for_loop(O.ForView(op), *blocks)
        else:
            pruned = self.while_loop(O.WhileView(op), *blocks)
        whole = len(pruned.operands) == len(op.operands) and len(pruned.results) == len(op.results)
        return op if whole and all(map(_same, blocks, [r.ops for r in op.regions])) else pruned

    def used(self, values: tuple[Value, ...]) -> list[int]:
        """The positions of what is live."""
        return [k for k, v in enumerate(values) if v in self.live]

    def branches(self, op: Op, blocks: list[list[Op]]) -> Op:
        keep = self.used(op.results)
        regions = tuple(
            Region(region.params, ops, tuple(region.yields[k] for k in keep))
            for region, ops in zip(op.regions, blocks, strict=True)
        )
        results = tuple(op.results[k] for k in keep)
        return Op(op.kind, op.operands, op.attrs, results, regions, op.loc)

    def ends(
        self, view: O.ForView | O.WhileView
    ) -> tuple[list[int], list[int], tuple[Operand, ...]]:
        """Which carries and which lists are needed, and what the body yields for them."""
        carries, emits = self.used(view.carries), self.used(view.lists)
        stop = () if view.stop_flag is None else (view.stop_flag,)
        nexts = [view.next_carries[k] for k in carries]
        return carries, emits, (*nexts, *(view.emits[k] for k in emits), *stop)

    def for_loop(self, view: O.ForView, ops: list[Op]) -> Op:
        carries, emits, yields = self.ends(view)
        streams = self.used(view.elements)
        params = (
            view.index,
            *(view.carries[k] for k in carries),
            *(view.elements[k] for k in streams),
        )
        return for_op(
            (view.start, view.stop, view.step),
            [view.inits[k] for k in carries],
            [(view.streams[k], view.stream_flags[k]) for k in streams],
            Region(params, ops, yields),
            [view.finals[k] for k in carries],
            [(view.lists[k], view.emit_flags[k]) for k in emits],
            reverse=view.reverse, trips=view.trips, loc=view.op.loc,
        )  # fmt: skip

    def while_loop(self, view: O.WhileView, cond_ops: list[Op], ops: list[Op]) -> Op:
        carries, emits, yields = self.ends(view)
        cond = Region(tuple(view.cond_carries[k] for k in carries), cond_ops, view.cond.yields)
        body = Region(tuple(view.carries[k] for k in carries), ops, yields)
        return while_op(
            [view.inits[k] for k in carries], cond, body, [view.finals[k] for k in carries],
            [(view.lists[k], view.emit_flags[k]) for k in emits], view.trips,
            may_stop=view.may_stop, loc=view.op.loc,
        )  # fmt: skip


def _same(ops: list[Op], others: list[Op]) -> bool:
    return len(ops) == len(others) and all(map(operator.is_, ops, others))
