"""Simplification: one walk over a function that applies the table of rewrites.

What holds afterwards: no operation matches a row of `rewrites` or a case of this module, except
where an operation after it made the match (the pipeline walks again). Results are unchanged.

    >>> import operator
    >>> from srcad.ir.abstract import FLOAT
    >>> from srcad.ir.build import Builder
    >>> from srcad.ir.values import Param
    >>> from srcad.rules.symbols import apply
    >>> x, b = Value(FLOAT, "x"), Builder()
    >>> one = apply(b, operator.sub, [3.0, 2.0])
    >>> y = apply(b, operator.mul, [one, apply(b, operator.neg, [x])])
    >>> print(simplify(Function("f", (Param(x, "x"),), Region((x,), b.block, (y,)), 0)))
    func f(%x: float) -> 0 {
      %neg_x: float = operator.neg(%x)
      yield %neg_x
    }
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from typing import Any

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import (
    BOOL,
    FLOAT,
    INT,
    SLICE,
    Array,
    ListOf,
    TableOf,
    TupleOf,
    Type,
    dims_of,
    item,
    kind_of,
    rank_of,
)
from srcad.ir.build import for_op, if_op, while_op
from srcad.ir.values import UNDEFINED, Const, Function, Op, Operand, Region, Value, walk
from srcad.optimizer.facts import Uses, loose_values, same_kind, same_operand
from srcad.optimizer.fold import fold
from srcad.optimizer.rewrites import BY_FUNCTION, STRETCHED, Outcome, is_derived
from srcad.rules.symbols import hint

_STORES = (O.SETITEM, O.ADD_AT)
_NEAR = 40  # so many operations back a row is looked for


def simplify(
    function: Function,
    loose_at_calls: Set[Value] | None = None,
    judged: dict[Op, bool] | None = None,
) -> Function:
    """The function with simpler operations; itself if there is nothing to do.

    `loose_at_calls` is what is known of the values that go into and come out of the functions of
    a program, `judged` what is known of single operations (see `facts.loose_values`).
    """
    simplifier = _Simplifier(function, loose_at_calls, judged)
    body = simplifier.region(function.body)
    return replace(function, body=body) if simplifier.changed else function


class _Simplifier:
    """The state of one walk; also the `Site` that rewrites are applied at."""

    def __init__(
        self,
        function: Function,
        loose_at_calls: Set[Value] | None,
        judged: dict[Op, bool] | None,
    ) -> None:
        self.function = function
        self.loose_at_calls = loose_at_calls
        self.judged = judged
        self.changed = False
        self.block: list[Op] = []
        self.mapping: dict[Value, Operand] = {}  # what stands for values that are gone
        self.defining: dict[Value, Op] = {}  # operations as they are now
        self.repeated: dict[Value, Operand] = {}  # lists of which all elements are this one
        self._uses: Uses | None = None
        self._loose: set[Value] | None = None

    # -- what rewrites ask
    def defined(self, operand: Operand, fns: tuple[Any, ...]) -> Op | None:
        op = self.definition(operand, O.APPLY)
        return op if op is not None and op.attrs["fn"] in fns else None

    def emit(
        self, like: Op, fn: Any, operands: tuple[Operand, ...], t: Type, **attrs: Any
    ) -> Operand:
        result = Value(t, hint(fn, operands), like.results[0].role)
        self.operation(Op(O.APPLY, operands, {"fn": fn, **attrs}, (result,), (), like.loc))
        return self.mapping.get(result, result)

    def certain(self, operand: Operand) -> bool:
        if self._loose is None:
            self._loose = loose_values(self.function, self.loose_at_calls, self.judged)
        return isinstance(operand, Const) or operand not in self._loose

    def single(self, operand: Operand) -> bool:
        return self.uses.single(operand)

    def takes_sign(self, operand: Operand) -> bool:
        return self.uses.takes_sign(operand)

    def zero_sign_unseen(self, value: Value) -> bool:
        return self.uses.zero_sign_unseen(value)

    @property
    def uses(self) -> Uses:
        if self._uses is None:
            self._uses = Uses(self.function)
        return self._uses

    # -- the walk
    def operand(self, operand: Operand) -> Operand:
        return self.mapping.get(operand, operand) if isinstance(operand, Value) else operand

    def operands(self, operands: Sequence[Operand]) -> tuple[Operand, ...]:
        return tuple([self.operand(o) for o in operands])

    def definition(self, operand: Operand, kind: O.OpKind) -> Op | None:
        op = self.defining.get(operand) if isinstance(operand, Value) else None
        return op if op is not None and op.kind is kind else None

    def region(self, region: Region, params: tuple[Value, ...] | None = None) -> Region:
        outer, self.block = self.block, []
        for op in region.ops:
            self.operation(op)
        ops, self.block = self.block, outer
        params = region.params if params is None else params
        return Region(params, ops, self.operands(region.yields))

    def operation(self, op: Op) -> None:
        if op.kind.structured:
            _STRUCTURED[op.kind](self, op)
            return
        if self.mapping:
            operands = self.operands(op.operands)
            if operands != op.operands:
                op = Op(op.kind, operands, op.attrs, op.results, (), op.loc)
        rewrite = _REWRITE.get(op.kind)
        while isinstance(outcome := rewrite(self, op) if rewrite else None, Op):
            op = outcome
            self.changed = True
        if outcome is None or not self.stands_for(outcome, op.result):
            self.append(op)

    def stands_for(self, operand: Operand, *values: Value) -> bool:
        """Put an operand in the place of values, if it is of their kind.

        Else what was computed of the value would be of another kind than its type says.
        """
        if not all(_is_kind_of(operand, v) for v in values):
            return False
        self.mapping.update(dict.fromkeys(values, operand))
        self.changed = True
        return True

    def append(self, op: Op) -> None:
        self.block.append(op)
        for result in op.results:
            self.defining[result] = op

    # -- operations without regions
    def application(self, op: Op) -> Outcome:
        folded = fold(op)
        if folded is not None:
            return folded
        derived = is_derived(op)
        made = [self.definition(o, O.APPLY) for o in op.operands]
        made_by = {d.attrs["fn"] for d in made if d is not None}
        rows = BY_FUNCTION.get(op.attrs["fn"], ())
        for row in (*rows, STRETCHED) if len(op.operands) > 1 else rows:
            if row.derived and not derived or row.inner and made_by.isdisjoint(row.inner):
                continue
            outcome = row.rewrite(self, op)
            if outcome is not None:
                return outcome
        return None

    def field(self, op: Op) -> Outcome:
        """A part of what was just put together is that part."""
        container, key = op.operands[0], op.attrs["key"]
        if op.attrs.get("attribute"):
            return None
        if isinstance(container, Const) and isinstance(container.value, tuple):
            return Const.of(container.value[key])
        return self.part(container, key)

    def part(self, container: Operand, key: Any) -> Operand | None:
        pack = self.definition(container, O.PACK)
        if pack is None:
            return None
        parts = pack.operands
        if pack.attrs["container"] == "dict":
            return dict(zip(pack.attrs["keys"], parts, strict=True)).get(key)
        return parts[key] if type(key) is int and -len(parts) <= key < len(parts) else None

    def store(self, op: Op) -> Outcome:
        """A number is stored in, or added to, all elements of a part of an array as it is."""
        array, value, *index = op.operands
        stretched = self.defined(value, (runtime.broadcast_like,))
        if stretched is None or not is_derived(op) or not isinstance(array.type, Array):
            return None
        g = stretched.operands[0]
        if dims_of(g.type) != () or array.type.item or kind_of(g.type) != kind_of(array.type):
            return None
        return Op(op.kind, (array, g, *index), op.attrs, op.results, (), op.loc)

    def getitem(self, op: Op) -> Outcome:
        """An element of a display, or the element that was just stored."""
        x, *index = op.operands
        if len(index) == 1 and isinstance(index[0], Const) and type(index[0].value) is int:
            k = index[0].value
            if isinstance(x, Const) and isinstance(x.value, tuple):
                return Const.of(x.value[k]) if -len(x.value) <= k < len(x.value) else None
            if isinstance(x.type, (TupleOf, ListOf)):
                return self.part(x, k)
        whole = self.row_of(x, index)
        if whole is not None:
            return replace(op, operands=(*whole, *index))
        store = self.definition(x, O.SETITEM)
        if store is None or len(store.operands) != len(op.operands) + 1:
            return None
        v = store.operands[1]
        if isinstance(x.type, TableOf):
            return store.operands[1] if same_operand(index[0], store.operands[2]) else None
        pairs = zip(index, store.operands[2:], strict=True)
        if not all(_is_integer(i) and same_operand(i, k) for i, k in pairs):
            return None
        if isinstance(x.type, ListOf):
            return v
        as_stored = isinstance(v.type, Array) and v.type.item and v.type == op.result.type
        return v if as_stored and self.certain(v) and self.certain(x) else None

    def row_of(self, x: Operand, index: Sequence[Operand]) -> tuple[Operand, ...] | None:
        """The array of which `x` is a row, and where it lies: `a[i][j]` is `a[i, j]`.

        Not where the array has been stored into since: all of it would have to be kept.
        """
        row = self.definition(x, O.GETITEM)
        if row is None or not all(_is_integer(i) or i.type == SLICE for i in index):
            return None
        array, *first = row.operands
        rank = rank_of(array.type) if isinstance(array.type, Array) else None
        if rank is None or rank < len(first) + len(index) or not self.certain(array):
            return None
        if not all(_is_integer(i) for i in first):
            return None
        for op in reversed(self.block[-_NEAR:]):
            if op is row:
                return row.operands
            if op.kind.structured or op.kind in _STORES and op.operands[0] is array:
                return None
        return None

    # -- branches
    def branches(self, op: Op) -> None:
        (condition,) = self.operands(op.operands)
        if isinstance(condition, Const) and self.inlined(op.regions[not condition.value], op):
            return
        regions = [self.region(r) for r in op.regions]
        kept = []
        for k, result in enumerate(op.results):
            same = self.common_yield(regions, k)
            if same is None and self.is_condition(condition, regions, k):
                same = condition
            if same is None:
                same = self.same_flag(condition, [r.yields[k] for r in regions], result)
            if same is None or not self.stands_for(same, result):
                kept.append(k)
        then, orelse = (Region((), r.ops, tuple(r.yields[k] for k in kept)) for r in regions)
        self.append(if_op(condition, then, orelse, [op.results[k] for k in kept], op.loc))

    def inlined(self, region: Region, op: Op) -> bool:
        """Put the branch that is taken in the place of the `if`."""
        if UNDEFINED in region.yields or _raises(region):
            return False
        for inner in region.ops:
            self.operation(inner)
        self.mapping.update(zip(op.results, self.operands(region.yields), strict=True))
        self.changed = True
        return True

    def same_flag(
        self, condition: Operand, yields: Sequence[Operand], result: Value
    ) -> Operand | None:
        """What stands for a truth value that says how an earlier branch or loop was left."""
        truths = [y.value if isinstance(y, Const) else None for y in yields]
        source = self.defining.get(condition) if isinstance(condition, Value) else None
        if source is None or not source.kind.structured or condition.type != BOOL:
            return None
        if truths == [True, False]:
            return condition
        if truths != [False, True] or source.kind is not O.IF or source not in self.block:
            return None
        found = [r.yields[source.results.index(condition)] for r in source.regions]  # type: ignore[arg-type]
        if not all(isinstance(y, Const) and type(y.value) is bool for y in found):
            return None
        opposite = Value(BOOL, result.name, result.role, result.named)
        then, orelse = (
            Region((), r.ops, (*r.yields, Const.of(not y.value)))  # type: ignore[union-attr]
            for r, y in zip(source.regions, found)
        )
        both = if_op(source.operands[0], then, orelse, [*source.results, opposite], source.loc)
        self.block[self.block.index(source)] = both
        self.defining.update(dict.fromkeys(both.results, both))
        return opposite

    def is_condition(self, condition: Operand, regions: Sequence[Region], k: int) -> bool:
        """Whether a branch gives what its condition is: `if c: True else: c`, and so on."""
        if condition.type != BOOL:
            return False
        return all(
            r.yields[k] is condition or same_operand(r.yields[k], Const.of(truth))
            for r, truth in zip(regions, (True, False), strict=True)
        )

    def common_yield(self, regions: Sequence[Region], k: int) -> Operand | None:
        """What all branches yield that end; None if they differ."""
        found = [r.yields[k] for r in regions if not _raises(r)]
        if not found or any(not same_operand(y, found[0]) for y in found):
            return None
        first = found[0]
        inside = any(first is r for region in regions for op in walk(region) for r in op.results)
        return None if first is UNDEFINED or inside else first

    # -- loops
    def steady(self, view: O.ForView | O.WhileView) -> list[int]:
        """Which carries change; the others are replaced by what they start with."""
        changing = []
        inits = self.operands(view.inits)
        nexts = self.operands(view.next_carries)
        for k, (param, init, following) in enumerate(zip(view.carries, inits, nexts, strict=True)):
            stays = init is not UNDEFINED and (following is param or same_operand(following, init))
            copies = [param, view.finals[k]]
            if isinstance(view, O.WhileView):
                copies.append(view.cond_carries[k])
            if not stays or not self.stands_for(init, *copies):
                changing.append(k)
        return changing

    def note_lists(self, view: O.ForView | O.WhileView, body: Region) -> None:
        """Remember the lists that collect the same operand in every iteration."""
        if not view.lists:
            return
        inside = {*body.params, *(r for op in walk(body) for r in op.results)}
        inside.update(p for op in walk(body) for region in op.regions for p in region.params)
        end = len(body.yields) - view.may_stop
        emits = body.yields[end - len(view.lists) : end]
        for collected, emitted in zip(view.lists, emits, strict=True):
            if emitted is UNDEFINED:
                continue
            if isinstance(emitted, Const) or emitted not in inside:
                self.repeated[collected] = emitted

    def for_loop(self, op: Op) -> None:
        view = O.ForView(op)
        changing = self.steady(view)
        streams = []
        for element, stream, flag in zip(
            view.elements, self.operands(view.streams), view.stream_flags, strict=True
        ):
            repeated = self.repeated.get(stream) if isinstance(stream, Value) else None
            if repeated is None or not self.stands_for(repeated, element):
                streams.append((element, stream, flag))
        region = self.region(view.body)
        params = (view.index, *(view.carries[k] for k in changing), *(e for e, _, _ in streams))
        body = _with_carries(region, params, changing, len(view.carries))
        self.note_lists(view, body)
        start, stop, step = self.operands((view.start, view.stop, view.step))
        self.append(for_op(
            (start, stop, step), [self.operand(view.inits[k]) for k in changing],
            [(s, flag) for _, s, flag in streams], body, [view.finals[k] for k in changing],
            [*zip(view.lists, view.emit_flags, strict=True)],
            reverse=view.reverse, trips=view.trips, loc=op.loc,
        ))  # fmt: skip

    def while_loop(self, op: Op) -> None:
        view = O.WhileView(op)
        changing = self.steady(view)
        cond = self.region(view.cond, tuple(view.cond_carries[k] for k in changing))
        params = tuple(view.carries[k] for k in changing)
        body = _with_carries(self.region(view.body), params, changing, len(view.carries))
        self.note_lists(view, body)
        assert view.trips is not None
        self.append(while_op(
            [self.operand(view.inits[k]) for k in changing], cond, body,
            [view.finals[k] for k in changing],
            [*zip(view.lists, view.emit_flags, strict=True)], view.trips,
            may_stop=view.may_stop, loc=op.loc,
        ))  # fmt: skip


_REWRITE: dict[O.OpKind, Callable[[_Simplifier, Op], Outcome]] = {
    O.APPLY: _Simplifier.application,
    O.FIELD: _Simplifier.field,
    O.GETITEM: _Simplifier.getitem,
    O.SETITEM: _Simplifier.store,
    O.ADD_AT: _Simplifier.store,
}
_STRUCTURED: dict[O.OpKind, Callable[[_Simplifier, Op], None]] = {
    O.IF: _Simplifier.branches,
    O.FOR: _Simplifier.for_loop,
    O.WHILE: _Simplifier.while_loop,
}


def _with_carries(
    region: Region, params: tuple[Value, ...], changing: list[int], carries: int
) -> Region:
    """A loop body of which only the carries that change are left."""
    yields = (*(region.yields[k] for k in changing), *region.yields[carries:])
    return Region(params, region.ops, yields)


def _raises(region: Region) -> bool:
    return bool(region.ops) and region.ops[-1].kind is O.RAISE


def _is_kind_of(operand: Operand, value: Value) -> bool:
    """Whether an operand is of the kind of a value; a float may stand for a NumPy scalar.

    The adjoints of NumPy scalars start from Python's 0.0 and 1.0.
    """
    t = value.type
    return same_kind(operand.type, t) or (operand.type == FLOAT and t == item("float64"))


def _is_integer(operand: Operand) -> bool:
    t = operand.type
    return t == INT or (isinstance(t, Array) and t.item and kind_of(t) == "i")
