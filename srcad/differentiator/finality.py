"""Elements that are final once written: an array that a loop fills is its own tape.

What holds afterwards: for a value that was read from an array, or stored into it, while loops were
running, it is known whether the finished array certainly still holds it. That follows from the
indices where they are linear in the loops' own: no store that runs later can name the same place.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from srcad.differentiator.affine import (
    ONE,
    Expression,
    at_most,
    combined,
    constant,
    infeasible,
)
from srcad.differentiator.extents import Extents
from srcad.ir import ops as O
from srcad.ir.abstract import INT, SLICE, Array, is_number, kind_of
from srcad.ir.build import Builder
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Region, Value
from srcad.pristine import np
from srcad.rules.symbols import getitem_operands

_STORES = (O.SETITEM, O.ADD_AT)
_LOOPS = (O.FOR, O.WHILE)
MOST_PROOFS = 3000  # in one function, so that compiling takes no longer than it should

_Nest = tuple[Op, ...]
_Bounds = tuple["Expression | None", "Expression | None"]


@dataclass
class _Chain:
    """The versions of an array within a loop that carries it, and the stores between them."""

    versions: set[Value] = field(default_factory=set)
    stores: list[Op] = field(default_factory=list)


class Finality:
    """What is known of the elements of arrays that the loops of a function write."""

    def __init__(self, ops: list[Op], extents: Extents) -> None:
        self.extents = extents
        self.defining: dict[Value, Op] = {}
        self.nest: dict[Value, _Nest] = {}  # the loops around, from the outermost one
        self.time: dict[Value, int] = {}  # when it is there, in the order of the text
        self.begin: dict[Op, int] = {}
        self.ranges: dict[Op, O.ForView] = {}
        self.conditional: set[Op] = set()  # what a branch holds
        self.chains: dict[Op, list[tuple[Value, _Chain]]] = {}
        self.proven: dict[Any, bool] = {}
        self.proofs = 0
        self._clock = 0
        self._survey(ops, (), False)

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    def _note(self, values: Sequence[Value], nest: _Nest) -> None:
        for v in values:
            self.nest[v] = nest
            self.time[v] = self._clock

    def _survey(self, ops: list[Op], nest: _Nest, conditional: bool) -> None:
        for op in ops:
            if conditional:
                self.conditional.add(op)
            self.begin[op] = self._tick()
            inner = (*nest, op) if op.kind in _LOOPS else nest
            if op.kind is O.FOR:
                self.ranges[op] = O.ForView(op)
            for region in op.regions:
                self._note(region.params, inner)
                self._survey(region.ops, inner, conditional or op.kind is O.IF)
            if op.regions:
                self._tick()
            self._note(op.results, nest)
            self.defining.update(dict.fromkeys(op.results, op))

    # ------------------------------------------------------------------ reads that can be repeated
    def read_at_the_end(self, v: Value, block: Sequence[Op]) -> Op | None:
        """An operation that gives `v` again, from the array as the outermost loop leaves it.

        `block` is the one that defines `v`. None where the element may be overwritten before.
        """
        op = self.defining.get(v)
        if op is None:
            return None
        if op.kind is O.GETITEM and isinstance(op.operands[0], Value):
            return self._read(v, op.operands[0], op.operands[1:], op)
        if op.kind is O.APPLY and op.attrs["fn"] in (np.shape, len):
            final = self._final(op.operands[0])
            return None if final is None else Op(
                O.APPLY, (final[0],), op.attrs, (v,), (), op.loc
            )
        for store in block:
            if store.kind is O.SETITEM and store.operands[1] is v:
                found = self._stored(v, store)
                if found is not None:
                    return found
        return None

    def _stored(self, v: Value, store: Op) -> Op | None:
        """A read of what a store put there, if nothing was converted or stretched by it."""
        array, index = store.operands[0], store.operands[2:]
        scratch = Builder()
        part = getitem_operands(scratch, array, index)
        if part.type != v.type or not (is_number(v.type) or self.extents.fills(v, array, index)):
            return None
        return self._read(v, store.results[0], index, store)

    def _read(self, v: Value, array: Value, index: Sequence[Operand], op: Op) -> Op | None:
        final = self._final(array)
        if final is None or not self._is_final(array, index, self.nest[op.results[0]], final[1]):
            return None
        return Op(O.GETITEM, (final[0], *index), {}, (v,), (), op.loc)

    # ------------------------------------------------------------------ versions
    def _final(self, array: Operand) -> tuple[Value, _Chain] | None:
        """The last version of an array that the outermost loop around carries."""
        nest = self.nest.get(array) if isinstance(array, Value) else None
        if not nest or not isinstance(array.type, Array):
            return None
        for final, chain in self._chains_of(nest[0]):
            if array in chain.versions:
                return final, chain
        return None

    def _chains_of(self, loop: Op) -> list[tuple[Value, _Chain]]:
        if loop not in self.chains:
            view: Any = O.ForView(loop) if loop.kind is O.FOR else O.WhileView(loop)
            self.chains[loop] = found = []
            for c, n, f in zip(view.carries, view.next_carries, view.finals):
                chain = _Chain()
                if isinstance(c.type, Array) and self._follow(n, c, chain) and chain.stores:
                    found.append((f, chain))
        return self.chains[loop]

    def _follow(self, last: Operand, first: Value, chain: _Chain) -> bool:
        """Collect the versions from `last` back to `first`; whether only stores lie between."""
        while last is not first:
            before = self._before(last, chain)
            if before is None:
                return False
            last = before
        chain.versions.add(first)
        return True

    def _before(self, version: Operand, chain: _Chain) -> Value | None:
        """The version that a store, branch or loop made another one of."""
        op = self.defining.get(version) if isinstance(version, Value) else None
        if op is None:
            return None
        chain.versions.add(version)  # type: ignore[arg-type]
        if op.kind in _STORES:
            chain.stores.append(op)
            first = op.operands[0]
            return first if isinstance(first, Value) else None
        k = op.results.index(version)  # type: ignore[arg-type]
        if op.kind is O.IF:
            return self._before_branch(op, k, chain)
        if op.kind in _LOOPS:
            view: Any = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
            if k < len(view.carries) and self._follow(
                view.next_carries[k], view.carries[k], chain
            ):
                init = view.inits[k]
                return init if isinstance(init, Value) else None
        return None

    def _before_branch(self, op: Op, k: int, chain: _Chain) -> Value | None:
        found: set[Value] = set()
        for region in op.regions:
            last: Operand | None = region.yields[k]
            if last is UNDEFINED and region.ops and region.ops[-1].kind is O.RAISE:
                continue  # the adjoint does not run then
            while isinstance(last, Value) and self._within(last, region):
                last = self._before(last, chain)
            if not isinstance(last, Value):
                return None
            found.add(last)
        return found.pop() if len(found) == 1 else None

    def _within(self, v: Value, region: Region) -> bool:
        op = self.defining.get(v)
        return op is not None and op in region.ops

    def chain_of(self, carry: Value) -> _Chain | None:
        """The versions of an array that an outermost loop carries, from `carry` on."""
        found = [chain for _, chain in self._chains_of(self.nest[carry][0])]
        return next((chain for chain in found if carry in chain.versions), None)

    def always_runs(self, op: Op) -> bool:
        """Whether an operation runs in each iteration of the loops around it."""
        return op not in self.conditional

    # ------------------------------------------------------------------ proofs
    def _is_final(
        self, array: Value, index: Sequence[Operand], nest: _Nest, chain: _Chain
    ) -> bool:
        """Whether no store that runs after this version was made changes that part of it."""
        key = (array, tuple(index), nest)
        if key not in self.proven:
            self.proven[key] = all(
                self._apart(array, index, nest, store) for store in chain.stores
            )
        return self.proven[key]

    def _apart(self, array: Value, index: Sequence[Operand], nest: _Nest, store: Op) -> bool:
        """Whether a store, each time that it runs later, writes elsewhere."""
        stored = store.results[0]
        other = self.nest[stored]
        common = 0
        for loop, its in zip(self.nest[array], other):
            if loop is not its:
                break
            common += 1
        read = self._regions(array, index, nest)
        written = self._regions(stored, store.operands[2:], other)
        cases = list(range(common))  # a later iteration of one loop, the same of those around it
        if self.time[stored] > self.time[array]:
            cases.append(common)  # the same iteration of all
        return all(
            self._no_overlap(read, written, nest, other, equal, equal < common) for equal in cases
        )

    def _no_overlap(
        self,
        read: list[_Bounds],
        written: list[_Bounds],
        nest: _Nest,
        other: _Nest,
        equal: int,
        later: bool,
    ) -> bool:
        self.proofs += 1
        if self.proofs > MOST_PROOFS:
            return False
        shared = set(nest[:equal])
        system: list[Expression] = []

        def renamed(e: Expression, copy: int) -> Expression:
            return {self._key(v, shared, copy): c for v, c in e.items()}

        for loops, copy in ((nest, 0), (other, 1)):
            system += [renamed(e, copy) for loop in loops for e in self.range_of(loop)]
        if later:
            view = self.ranges.get(nest[equal])
            step = None if view is None else step_of(view)
            if view is not None and step is not None:
                before, after = ({(view.index, copy): 1} for copy in (0, 1))
                if step < 0:
                    before, after = after, before
                system.append(at_most(before, after, abs(step)))  # type: ignore[arg-type]
        for d, (here, there) in enumerate(zip(read, written)):
            place: Expression = {("place", d): 1}
            system.append(place)
            for (low, high), copy in ((here, 0), (there, 1)):
                if low is not None:
                    system.append(at_most(renamed(low, copy), place))
                if high is not None:
                    system.append(at_most(place, renamed(high, copy)))
        return self._infeasible(system)

    def _infeasible(self, system: list[Expression]) -> bool:
        lengths = {v for row in system for v in row if _is_length(v)}
        positive: list[Expression] = [{v: 1} for v in lengths]
        return infeasible([*system, *positive])

    def _key(self, variable: Hashable, shared: set[Op], copy: int) -> Hashable:
        """A variable as that of one of two iterations, or of both where it is one and the same."""
        if variable == ONE:
            return ONE
        value: Any = variable[1] if isinstance(variable, tuple) else variable
        if shared.issuperset(self.nest.get(value, ())):
            return variable
        return variable, copy

    def range_of(self, loop: Op) -> list[Expression]:
        """What is known of the index of a loop."""
        view = self.ranges.get(loop)
        if view is None or step_of(view) is None:
            return []
        index: Expression = {view.index: 1}
        low, high = self.bounds_of(view)
        return [at_most(low, index), at_most(index, high)]

    def bounds_of(self, view: O.ForView) -> tuple[Expression, Expression]:
        """The least and the largest index of a loop, if it runs at all (and by a constant step)."""
        start, stop = self._linear(view.start), self._linear(view.stop)
        if view.step.value > 0:  # type: ignore[union-attr]
            return start, combined((1, stop), (-1, {ONE: 1}))
        return combined((1, stop), (1, {ONE: 1})), start

    def _linear(self, o: Operand) -> Expression:
        """An int of the program as a linear expression of those that are not made of others."""
        if isinstance(o, Const):
            return constant(o.value)
        op = self.defining.get(o)
        if op is None:
            return {o: 1}
        if op.kind is O.FIELD:
            return self._length(op.operands[0], op.attrs["key"]) or {o: 1}
        if op.kind is not O.APPLY:
            return {o: 1}
        fn = op.attrs["fn"]
        if fn is len:
            return self._extent(op.operands[0], 0) or {o: 1}
        if fn not in (operator.add, operator.sub, operator.mul, operator.neg):
            return {o: 1}
        if any(x.type != INT for x in op.operands):  # those of NumPy may overflow
            return {o: 1}
        parts = [self._linear(x) for x in op.operands]
        if fn is operator.neg:
            return combined((-1, parts[0]))
        if fn is operator.mul:
            x, y = parts if set(parts[0]) <= {ONE} else reversed(parts)
            return combined((x.get(ONE, 0), y)) if set(x) <= {ONE} else {o: 1}
        return combined((1, parts[0]), (1 if fn is operator.add else -1, parts[1]))

    def _length(self, shape: Operand, key: Any) -> Expression | None:
        made = self.defining.get(shape) if isinstance(shape, Value) else None
        if made is None or made.kind is not O.APPLY or made.attrs["fn"] is not np.shape:
            return None
        return self._extent(made.operands[0], key)

    def _extent(self, array: Operand, axis: Any) -> Expression | None:
        """The length of an axis; one variable for arrays that certainly have the same."""
        lengths = self.extents.of(array) if isinstance(array.type, Array) else None
        if lengths is None or not isinstance(axis, int) or not 0 <= axis < len(lengths):
            return None
        length = lengths[axis]
        if length == ("one",):
            return constant(1)
        base, of, less = length
        return {("extent", base, of): 1} if isinstance(base, Value) and not less else None

    def lengths(self, array: Operand) -> list[Expression] | None:
        """The lengths of all axes of an array, if all are known by name."""
        known = self.extents.of(array)
        if known is None:
            return None
        found = [self._extent(array, axis) for axis in range(len(known))]
        return None if None in found else found  # type: ignore[return-value]

    def is_within(self, variable: Hashable, loops: Set[Op]) -> bool:
        """Whether a variable is of a value that one of these loops defines."""
        value: Any = variable[1] if isinstance(variable, tuple) else variable
        return not loops.isdisjoint(self.nest.get(value, ()))

    def _regions(self, array: Value, index: Sequence[Operand], nest: _Nest) -> list[_Bounds]:
        """For each axis, from the first one on, the least and the largest index that is named."""
        found: list[_Bounds] = []
        for part in index:
            if isinstance(part, Const) and part.value is None:
                continue
            extent = self._extent(array, len(found))
            if part.type == SLICE:
                found.append(self._of_slice(part, extent, nest))
            elif _is_int(part):
                place = self.counted(part, extent, nest)
                found.append((place, place))
            else:
                break
        return found

    def _of_slice(self, part: Operand, extent: Expression | None, nest: _Nest) -> _Bounds:
        bounds = self.slice_bounds(part)
        if bounds is None:
            return None, None
        start, stop, step = bounds
        if not isinstance(step, Const) or (step.value is not None and step.value < 0):
            return None, None
        low = None if _is_none(start) else self.counted(start, extent, nest)
        high = None if _is_none(stop) else self.counted(stop, extent, nest)
        return low, None if high is None else combined((1, high), (-1, {ONE: 1}))

    def slice_bounds(self, part: Operand) -> tuple[Operand, Operand, Operand] | None:
        """Start, stop and step of a slice; None if they are not known one by one."""
        if isinstance(part, Const):
            found = part.value
            return Const.of(found.start), Const.of(found.stop), Const.of(found.step)
        made = self.defining.get(part)
        if made is None or made.kind is not O.APPLY or made.attrs["fn"] is not slice:
            return None
        none = Const.of(None)
        bounds = made.operands if len(made.operands) > 1 else (none, *made.operands)
        return bounds[0], bounds[1], bounds[2] if len(bounds) > 2 else none

    def counted(
        self,
        o: Operand,
        extent: Expression | None,
        nest: _Nest,
        known: tuple[Expression, ...] = (),
    ) -> Expression | None:
        """An index as counted from the front; None where its sign is not known.

        `known` are inequalities that hold besides those of the loops.
        """
        if not _is_int(o):
            return None
        e = self._linear(o)
        if self._never(combined((-1, e), (-1, {ONE: 1})), nest, known):
            return e
        if extent is not None and set(e) == {ONE}:
            return combined((1, extent), (1, e))
        return None

    def _never(self, e: Expression, nest: _Nest, known: tuple[Expression, ...]) -> bool:
        """Whether an expression is negative in every iteration."""
        key = (frozenset(e.items()), nest, tuple(frozenset(k.items()) for k in known))
        if key not in self.proven:
            ranges = (r for loop in nest for r in self.range_of(loop))
            self.proven[key] = self._infeasible([e, *known, *ranges])
        return self.proven[key]


def _is_length(variable: Hashable) -> bool:
    if isinstance(variable, tuple) and len(variable) == 2:
        variable = variable[0]  # that of one of two iterations
    return isinstance(variable, tuple) and variable[0] == "extent"


def step_of(view: O.ForView) -> int | None:
    """By how much the index grows from one iteration to the next, in the order they run."""
    if not isinstance(view.step, Const) or not isinstance(view.step.value, int):
        return None
    return -view.step.value if view.reverse else view.step.value


def _is_int(o: Operand) -> bool:
    if isinstance(o, Const):
        return type(o.value) is int
    t = o.type
    return t == INT or (isinstance(t, Array) and t.item and kind_of(t) in ("i", "u"))


def _is_none(o: Operand) -> bool:
    return isinstance(o, Const) and o.value is None
