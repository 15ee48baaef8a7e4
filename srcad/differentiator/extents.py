"""Extents: which arrays certainly have the same shape, beyond what their types say.

Each dimension of a primal value has a symbolic length: a dimension of some value, less a constant
(`x[1:]` and `x[:-1]` are both one shorter than x). Equal lengths need no sum over broadcasting.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import ANY, MANY, ONE, SLICE, Array, Scalar, dims_of
from srcad.ir.values import Const, Op, Operand, Value
from srcad.pristine import np
from srcad.rules.inference import as_array
from srcad.rules.registry import lookup

Length = tuple[Any, ...]
_ONE: Length = ("one",)
_LIKE_FIRST = {np.zeros_like, np.ones_like, np.copy, runtime.astype, runtime.zeros_like}


class Extents:
    """Symbolic lengths of the values of some operations."""

    def __init__(self, ops: Iterable[Op] = ()) -> None:
        self.known: dict[Value, tuple[Length, ...] | None] = {}
        self.add(ops)

    def add(self, ops: Iterable[Op]) -> None:
        for op in ops:
            for region in op.regions:
                self.add(region.ops)
            if len(op.results) == 1 and not op.regions:
                self.known[op.results[0]] = self._of_result(op)

    def of(self, operand: Operand) -> tuple[Length, ...] | None:
        """The length of each dimension; None if the number of dimensions is not known."""
        if isinstance(operand, Value) and operand in self.known:
            return self.known[operand]
        dims = dims_of(as_array(operand.type))
        if dims is None:
            return None
        return tuple(_ONE if d is ONE else (operand, k, 0) for k, d in enumerate(dims))

    def same(self, a: Operand, b: Operand) -> bool:
        """Whether two values certainly have the same shape."""
        x, y = self.of(a), self.of(b)
        return x is not None and x == y

    def _own(self, result: Value) -> tuple[Length, ...] | None:
        dims = dims_of(as_array(result.type))
        if dims is None:
            return None
        return tuple(_ONE if d is ONE else (result, k, 0) for k, d in enumerate(dims))

    def _of_result(self, op: Op) -> tuple[Length, ...] | None:
        result = op.results[0]
        if op.kind is O.GETITEM:
            return self._indexed(op)
        if op.kind in (O.SETITEM, O.ADD_AT):
            return self.of(op.operands[0])
        if op.kind is not O.APPLY:
            return self._own(result)
        fn = op.attrs["fn"]
        rule = lookup(fn)
        if fn in _LIKE_FIRST:
            return self.of(op.operands[0])
        if fn in (runtime.broadcast_like, runtime.unbroadcast):
            return self.of(op.operands[1])
        if fn is np.transpose and "axes" not in op.attrs and len(op.operands) == 1:
            inner = self.of(op.operands[0])
            return None if inner is None else inner[::-1]
        elementwise = rule is not None and rule.form == "elementwise"
        if elementwise or (isinstance(fn, np.ufunc) and fn.signature is None):
            return self._broadcast(op.operands, result)
        return self._own(result)

    def _broadcast(self, operands: Iterable[Operand], result: Value) -> tuple[Length, ...] | None:
        own = self._own(result)
        if own is None:
            return None
        lengths = list(own)
        found: list[set[Length]] = [set() for _ in own]
        certain: list[Length | None] = [None] * len(own)
        for operand in operands:
            if isinstance(operand.type, Scalar):
                continue
            of, dims = self.of(operand), dims_of(as_array(operand.type))
            if of is None or dims is None:
                return own
            offset = len(own) - len(of)
            for k, (length, dim) in enumerate(zip(of, dims)):
                if length != _ONE:
                    found[k + offset].add(length)
                    if dim is MANY and certain[k + offset] is None:
                        certain[k + offset] = length
        for k, options in enumerate(found):
            if len(options) == 1:
                lengths[k] = next(iter(options))
            elif options:  # not one, so everything else is equal to it or one
                lengths[k] = certain[k] or lengths[k]
        return tuple(lengths)

    def _indexed(self, op: Op) -> tuple[Length, ...] | None:
        own = self._own(op.results[0])
        array, *parts = op.operands
        lengths = self.of(array)
        if lengths is None or own is None or not isinstance(array.type, Array):
            return own
        taken = sum(1 for p in parts if not _adds_none(p) and not _is_ellipsis(p))
        result: list[Length] = []
        axis = 0
        for part in parts:
            if _is_ellipsis(part):
                count = len(lengths) - taken
                result += lengths[axis : axis + count]
                axis += count
            elif _adds_none(part):
                result.append(_ONE)
            elif part.type == SLICE:
                cut = _shortened(lengths[axis], part)
                result.append(cut if cut is not None else (op.results[0], len(result), 0))
                axis += 1
            elif isinstance(part.type, Scalar) or (isinstance(part.type, Array) and part.type.item):
                axis += 1
            else:
                return own
        result += lengths[axis:]
        dims = dims_of(op.results[0].type) or ()
        if len(result) != len(own):
            return own
        return tuple(_ONE if d is ONE else n for d, n in zip(dims, result))


def _is_ellipsis(part: Operand) -> bool:
    return isinstance(part, Const) and part.value is Ellipsis


def _adds_none(part: Operand) -> bool:
    return isinstance(part, Const) and part.value is None


def _shortened(length: Length, part: Operand) -> Length | None:
    """The length of a slice that leaves out a constant number of elements at the ends."""
    if not isinstance(part, Const) or not isinstance(part.value, slice) or length == _ONE:
        return None
    start, stop, step = part.value.start, part.value.stop, part.value.step
    if step not in (None, 1, -1) or (step == -1 and (start is not None or stop is not None)):
        return None
    removed = 0
    if start is not None:
        if not isinstance(start, int) or start < 0:
            return None
        removed += start
    if stop is not None:
        if not isinstance(stop, int) or stop >= 0:
            return None
        removed -= stop
    value, axis, less = length
    # exact for slices of slices too: max(max(n - a, 0) - b, 0) is max(n - (a + b), 0)
    return (value, axis, less + removed)


__all__ = ["ANY", "Extents"]
