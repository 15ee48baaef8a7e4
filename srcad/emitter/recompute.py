"""What the reverse sweep rather computes again than keeps, and stores rather than adds.

What holds afterwards: an array that is one sum or product of a number and of an array that is
there in the reverse sweep anyway (`1.0 - y`) is not kept for it. To compute it again is one pass
over memory; to keep it is another array at the peak, which new memory makes as slow. What is added
to zeros that nothing was added to yet is stored there (the sign of a zero may differ); if it is
all but one end of an axis, only that end is filled with zeros.
"""

from __future__ import annotations

from dataclasses import replace

from srcad import runtime
from srcad.emitter.ownership import has_memory, shares
from srcad.ir import ops as O
from srcad.ir.abstract import FLOAT, Array, ListOf, Scalar, Type
from srcad.ir.values import Const, Function, Op, Operand, Region, Role, Value, walk
from srcad.optimizer.dce import dce
from srcad.optimizer.facts import ADD, MUL, NEG, SUB, Uses, same_operand
from srcad.pristine import np
from srcad.rules.indexing import may_repeat

_CHEAP = (*ADD, *SUB, *MUL, *NEG)
_ZEROS = (runtime.zeros_like, np.zeros_like)


def recompute(function: Function) -> Function:
    """The function with less to keep."""
    body = function.body
    ops = _Sweeps(function).recomputed()
    function = replace(function, body=Region(body.params, ops, body.yields))
    stores = _Stores(function)
    ops = stores.block(ops, set())
    yields = tuple(_new(o, stores.unchanged) for o in body.yields)
    ops = [_renamed(op, stores.unchanged) for op in ops] if stores.unchanged else ops
    return dce(replace(function, body=Region(body.params, ops, yields)), keep_inputs=False)


class _Sweeps:
    def __init__(self, function: Function) -> None:
        self.function = function
        self.params = set(function.body.params)
        self.yields = function.body.yields
        self.defining = {r: op for op in function.body.ops for r in op.results}
        self.last: dict[Value, int] = {}  # where each value is read last
        self.first_adjoint: dict[Value, int] = {}
        self.read_before: set[Value] = set()  # by the forward sweep
        for k, op in enumerate(function.body.ops):
            adjoint = bool(op.results) and op.results[0].role is Role.ADJOINT
            for v in _reads(op):
                self.last[v] = k
                if adjoint:
                    self.first_adjoint.setdefault(v, k)
                elif v not in self.first_adjoint:
                    self.read_before.add(v)
        for o in self.yields:
            if isinstance(o, Value):
                self.last[o] = len(function.body.ops)

    # ------------------------------------------------------------------ arrays
    def recomputed(self) -> list[Op]:
        """The operations, with those of the forward sweep that the reverse sweep does again."""
        again: dict[int, list[Op]] = {}
        for op in self.function.body.ops:
            turn = self.first_adjoint.get(op.results[0]) if op.results else None
            if turn is not None and self.is_cheap(op, turn):
                again.setdefault(turn, []).append(op)
        new: dict[Value, Value] = {}
        found = []
        for k, op in enumerate(self.function.body.ops):
            for cheap in again.get(k, ()):
                new[cheap.result] = replace(cheap.result, role=Role.ADJOINT, named=False)
                operands = tuple(_new(o, new) for o in cheap.operands)
                found.append(Op(O.APPLY, operands, cheap.attrs, (new[cheap.result],), (), op.loc))
            found.append(_renamed(op, new) if new and not new.keys().isdisjoint(_reads(op)) else op)
        return found

    def is_cheap(self, op: Op, turn: int) -> bool:
        """Whether `op` is cheap to do again at a position, and its operands are there."""
        if op.kind is not O.APPLY or op.attrs["fn"] not in _CHEAP:
            return False
        v = op.result
        if v.role is not Role.PRIMAL or v not in self.read_before or v in self.yields:
            return False
        arrays = [o for o in op.operands if isinstance(o, Value) and not _is_number(o)]
        if len(arrays) != 1 or not isinstance(v.type, Array) or v.type.item or not v.type.dims:
            return False
        (array,) = arrays
        return array.type == v.type and self.is_there(array, turn)

    def is_there(self, array: Value, turn: int) -> bool:
        """Whether the memory of an array is in use at a position without us."""
        if array in self.params or self.last[array] > turn:
            return True
        if turn in (self.last[array], self.first_adjoint.get(array)):
            return True
        op = self.defining.get(array)
        if op is None or op.kind is not O.GETITEM or not shares(op):
            return False
        base = op.operands[0]
        return isinstance(base, Value) and has_memory(base.type) and self.is_there(base, turn)


class _Stores:
    """Makes stores of the first sums of zeros: of fresh arrays, and where zero was stored."""

    def __init__(self, function: Function) -> None:
        self.uses = Uses(function)
        self.defining = {r: op for op in walk(function.body) for r in op.results}
        self.unchanged: dict[Value, Value] = {}  # stores of what is there, and what was there

    def block(self, ops: list[Op], zeros: set[Value]) -> list[Op]:
        """The operations of a block; `zeros` are arrays that it makes."""
        found: list[Op] = []
        for op in ops:
            if op.kind is O.APPLY and op.attrs["fn"] in _ZEROS:
                zeros.add(op.result)
            if op.kind is O.ADD_AT:
                first = op.operands[0] in zeros
                op = self.stored(op, zeros)
                if first and op.kind is O.SETITEM:
                    found = _zeros_at_one_end(found, op)
                    continue
            elif op.regions:
                regions = tuple(
                    Region(r.params, self.block(r.ops, set()), r.yields) for r in op.regions
                )
                if any(a.ops != b.ops for a, b in zip(regions, op.regions, strict=True)):
                    op = replace(op, regions=regions)
            found.append(op)
        return found

    def stored(self, op: Op, zeros: set[Value]) -> Op:
        array, value, *index = op.operands
        if not isinstance(array, Value) or not self.uses.single(array):
            return op
        if not _of_kind(value, array.type) or may_repeat(index):
            return op
        if array in zeros:
            return replace(op, kind=O.SETITEM)
        before = self.defining.get(array)
        if before is None or before.kind is not O.SETITEM:
            return op
        old, zero, *place = before.operands
        if not isinstance(zero, Const) or zero.value != 0.0 or len(place) != len(index):
            return op
        if not all(map(same_operand, place, index)):
            return op
        read = self.defining.get(value) if isinstance(value, Value) else None
        if read is not None and read.kind is O.GETITEM and isinstance(old, Value):
            parts = read.operands[1:]
            if read.operands[0] is old and len(parts) == len(index):
                if all(map(same_operand, parts, index)):
                    self.unchanged[op.result] = self.unchanged.get(old, old)
        return replace(op, kind=O.SETITEM, operands=(old, value, *index))


def _zeros_at_one_end(block: list[Op], store: Op) -> list[Op]:
    """A block and the store at its end, with zeros only where that store leaves them."""
    zeros, value, *index = store.operands
    rest = _other_end(index)
    if rest is None or not isinstance(zeros, Value) or not isinstance(zeros.type, Array):
        return [*block, store]
    empty, filled = replace(zeros, name="x_bar"), replace(zeros, name="x_bar")
    found = [
        replace(op, attrs={"fn": np.empty_like}, results=(empty,)) if zeros in op.results else op
        for op in block
    ]
    fill = replace(store, operands=(empty, Const.of(0.0), *rest), results=(filled,))
    return [*found, fill, replace(store, operands=(filled, value, *index))]


def _other_end(index: list[Operand]) -> list[Operand] | None:
    """What an index leaves out, if that is one end of one axis.

    >>> _other_end([Const.of(slice(None)), Const.of(slice(None, -1))])[1].value
    slice(-1, None, None)
    """
    rest = list(index)
    cut = None
    for k, part in enumerate(index):
        s = part.value if isinstance(part, Const) else None
        if not isinstance(s, slice) or s.step is not None:
            return None
        if s == slice(None):
            continue
        if cut is not None or None not in (s.start, s.stop):
            return None
        cut, rest[k] = k, Const.of(slice(s.stop, s.start))
    return None if cut is None else rest


def _of_kind(value: Operand, t: Type) -> bool:
    """Whether a value can be stored in an array or list of this type as it is."""
    if isinstance(t, ListOf):
        return value.type == t.elem == FLOAT
    if not isinstance(t, Array) or t.item or t.dtype is None:
        return False
    if isinstance(value.type, Array):
        return value.type.dtype == t.dtype
    return value.type == FLOAT and np.dtype(t.dtype).kind in "fc"


def _is_number(o: Operand) -> bool:
    return isinstance(o, Const) or isinstance(o.type, Scalar)


def _reads(op: Op) -> set[Value]:
    """All values that an operation and those within it read."""
    found = {o for o in op.operands if isinstance(o, Value)}
    for region in op.regions:
        for inner in walk(region):
            found.update(o for o in inner.operands if isinstance(o, Value))
            for r in inner.regions:
                found.update(o for o in r.yields if isinstance(o, Value))
        found.update(o for o in region.yields if isinstance(o, Value))
    return found


def _new(o: Operand, new: dict[Value, Value]) -> Operand:
    return new.get(o, o) if isinstance(o, Value) else o


def _renamed(op: Op, new: dict[Value, Value]) -> Op:
    regions = tuple(
        Region(r.params, [_renamed(o, new) for o in r.ops], tuple(_new(o, new) for o in r.yields))
        for r in op.regions
    )
    operands = tuple(_new(o, new) for o in op.operands)
    return Op(op.kind, operands, op.attrs, op.results, regions, op.loc)
