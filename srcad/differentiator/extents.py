"""Extents: which arrays certainly have the same shape, beyond what their types say.

Each dimension of a primal value has a symbolic length: a dimension of some value, less a constant
(`x[1:]` and `x[:-1]` are both one shorter than x). Equal lengths need no sum over broadcasting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import ANY, MANY, ONE, SLICE, Array, Scalar, dims_of, kind_of
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Value, walk
from srcad.pristine import np
from srcad.rules.inference import as_array
from srcad.rules.registry import lookup

Length = tuple[Any, ...]
_ONE: Length = ("one",)
_LIKE_FIRST = {
    np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.copy, runtime.astype,
    runtime.zeros_like,
}  # fmt: skip
_OF_SHAPE = {np.zeros, np.ones, np.empty, np.full}


class Extents:
    """Symbolic lengths of the values of some operations."""

    def __init__(self, ops: Iterable[Op] = ()) -> None:
        self.known: dict[Value, tuple[Length, ...] | None] = {}
        self.defining: dict[Value, Op] = {}
        self.add(ops)

    def add(self, ops: Iterable[Op]) -> None:
        here: set[Value] = set()  # made in this block, so that what follows happens to it surely
        for op in ops:
            if op.kind in (O.FOR, O.WHILE):
                self._loop(O.ForView(op) if op.kind is O.FOR else O.WhileView(op))
                continue
            for region in op.regions:
                self.add(region.ops)
            if op.kind is O.IF:
                for r, a, b in zip(op.results, op.regions[0].yields, op.regions[1].yields):
                    self.known.pop(r, None)
                    if isinstance(r.type, Array) and self.same(a, b):
                        self.known[r] = self.of(a)
            elif len(op.results) == 1:
                self.defining[op.results[0]] = op
                self.known[op.results[0]] = self._of_result(op)
                here.add(op.results[0])
                if op.kind is O.SETITEM and op.operands[1] in here:
                    self._stored(op)

    def _loop(self, view: O.ForView | O.WhileView) -> None:
        """A carried array has the lengths of its first value, if every iteration keeps them."""
        parts = list(zip(view.carries, view.next_carries, view.inits, view.finals))
        kept = [(c, n, i, f) for c, n, i, f in parts if _is_array(c) and _is_array(i)]
        for v in (*view.carries, *view.finals):
            self.known.pop(v, None)
        while True:
            for c, _, i, _ in kept:
                self.known[c] = self.of(i)
            if isinstance(view, O.WhileView):
                self.add(view.cond.ops)
            self.add(view.body.ops)
            changed = [p for p in kept if not self.same(p[1], p[2])]
            if not changed:
                break
            for part in changed:
                self.known.pop(part[0], None)
                kept.remove(part)
        for _, _, i, f in kept:
            self.known[f] = self.of(i)
        unset = [(c, n, f) for c, n, i, f in parts if i is UNDEFINED and _is_array(c)]
        if unset:  # the same in every iteration, if they are those of something outside
            inside = {*view.body.params, *(r for op in walk(view.body) for r in op.results)}
            for c, n, f in unset:
                lengths = self.of(n)
                if lengths and not any(base in inside for base, *_ in lengths):
                    self.known[c] = self.known[f] = lengths

    def _stored(self, op: Op) -> None:
        """A value that is computed from the elements that it replaces is no larger than they."""
        array, value, *index = op.operands
        made = self.defining.get(value) if isinstance(value, Value) else None
        if made is None or made.kind is not O.APPLY or not is_elementwise(made.attrs["fn"]):
            return
        part = self._lengths_at(array, index, None)
        if part is None or len(part) != len(dims_of(as_array(value.type)) or ()):
            return
        if any(self.of(o) == part for o in made.operands):
            self.known[value] = part  # type: ignore[index]

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

    def fills(self, v: Operand, array: Operand, index: Sequence[Operand]) -> bool:
        """Whether `v` certainly has the shape of a part of an array."""
        part = self._lengths_at(array, index, None)
        return part is not None and part == self.of(v)

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
        if fn in _LIKE_FIRST:
            return self.of(op.operands[0])
        if fn in _OF_SHAPE:
            return self._shaped(op.operands[0]) or self._own(result)
        if fn in (runtime.broadcast_like, runtime.unbroadcast):
            return self.of(op.operands[1])
        if fn is np.transpose and "axes" not in op.attrs and len(op.operands) == 1:
            inner = self.of(op.operands[0])
            return None if inner is None else inner[::-1]
        if is_elementwise(fn):
            return self._broadcast(op.operands, result)
        return self._own(result)

    def _shaped(self, shape: Operand) -> tuple[Length, ...] | None:
        """The lengths of an array that is made in the shape of another one."""
        made = self.defining.get(shape) if isinstance(shape, Value) else None
        if made is None:
            return None
        if made.kind is O.APPLY and made.attrs["fn"] is np.shape:
            return self.of(made.operands[0])
        if made.kind is not O.PACK:
            return None
        found: list[Length] = []
        for part in made.operands:
            field = self.defining.get(part) if isinstance(part, Value) else None
            if field is None or field.kind is not O.FIELD:
                return None
            source = self.defining.get(field.operands[0])  # type: ignore[arg-type]
            if source is None or source.kind is not O.APPLY or source.attrs["fn"] is not np.shape:
                return None
            lengths = self.of(source.operands[0])
            if lengths is None:
                return None
            found.append(lengths[field.attrs["key"]])
        return tuple(found)

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
        found = self._lengths_at(op.operands[0], op.operands[1:], op.results[0])
        if found is None or own is None or len(found) != len(own):
            return own
        dims = dims_of(op.results[0].type) or ()
        return tuple(_ONE if d is ONE else n for d, n in zip(dims, found))

    def _lengths_at(
        self, array: Operand, parts: Sequence[Operand], result: Value | None
    ) -> tuple[Length, ...] | None:
        """The lengths of a part of an array; None if they are not known.

        A slice of unknown length has that of `result`, if that is given.
        """
        lengths = self.of(array)
        if lengths is None or not isinstance(array.type, Array):
            return None
        taken = sum(1 for p in parts if not _adds_none(p) and not _is_ellipsis(p))
        found: list[Length] = []
        axis = 0
        for part in parts:
            if _is_ellipsis(part):
                count = len(lengths) - taken
                found += lengths[axis : axis + count]
                axis += count
            elif _adds_none(part):
                found.append(_ONE)
            elif part.type == SLICE:
                cut = _shortened(lengths[axis], part)
                if cut is None and isinstance(part, Value):
                    cut = (("cut", part, lengths[axis]), 0, 0)
                if cut is None and result is not None:
                    cut = (result, len(found), 0)
                if cut is None:
                    return None
                found.append(cut)
                axis += 1
            elif isinstance(part.type, Scalar) or (isinstance(part.type, Array) and part.type.item):
                axis += 1
            elif len(parts) == 1 and kind_of(part.type) == "b" and dims_of(part.type):
                found.append((("true", part), 0, 0))  # as many as are true in the mask
                axis += len(dims_of(part.type) or ())
            else:
                return None
        return (*found, *lengths[axis:])


def _is_array(o: Operand) -> bool:
    return isinstance(o, Value) and isinstance(o.type, Array) and not o.type.item


def is_elementwise(fn: Any) -> bool:
    """Whether a function's result has the shape that its operands have together."""
    rule = lookup(fn)
    if rule is not None and rule.form == "elementwise":
        return True
    return isinstance(fn, np.ufunc) and fn.signature is None


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


__all__ = ["ANY", "Extents", "is_elementwise"]
