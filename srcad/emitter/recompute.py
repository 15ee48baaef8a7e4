"""What the reverse sweep rather computes again than keeps, and stores rather than adds.

What holds afterwards: an array that is one sum or product of a number and of an array that is
there in the reverse sweep anyway (`1.0 - y`) is not kept for it. To compute it again is one pass
over memory; to keep it is another array at the peak, which new memory makes as slow. What is added
to zeros that nothing was added to yet is stored there (the sign of a zero may differ).
"""

from __future__ import annotations

from dataclasses import replace

from srcad import runtime
from srcad.emitter.ownership import has_memory, shares
from srcad.ir import ops as O
from srcad.ir.abstract import FLOAT, Array, Scalar
from srcad.ir.values import Const, Function, Op, Operand, Region, Role, Value, walk
from srcad.optimizer.facts import ADD, MUL, NEG, SUB, Uses
from srcad.pristine import np
from srcad.rules.indexing import may_repeat

_CHEAP = (*ADD, *SUB, *MUL, *NEG)
_ZEROS = (runtime.zeros_like, np.zeros_like)


def recompute(function: Function) -> Function:
    """The function with less to keep; itself if there is nothing to do."""
    sweeps = _Sweeps(function)
    ops = sweeps.stored(sweeps.recomputed())
    if ops == function.body.ops:
        return function
    return replace(function, body=Region(function.body.params, ops, sweeps.yields))


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

    # ------------------------------------------------------------------ stores
    def stored(self, ops: list[Op]) -> list[Op]:
        """The operations, with stores for the first sums of fresh zeros."""
        uses = Uses(self.function)
        return [
            replace(op, kind=O.SETITEM) if op.kind is O.ADD_AT and self.is_first(op, uses) else op
            for op in ops
        ]

    def is_first(self, op: Op, uses: Uses) -> bool:
        zeros, value, *index = op.operands
        made = self.defining.get(zeros) if isinstance(zeros, Value) else None
        if made is None or made.attrs.get("fn") not in _ZEROS or not uses.single(zeros):
            return False
        t = zeros.type
        if not isinstance(t, Array) or t.item or t.dtype is None or may_repeat(index):
            return False
        same = isinstance(value.type, Array) and value.type.dtype == t.dtype
        return same or (value.type == FLOAT and np.dtype(t.dtype).kind in "fc")


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
