"""Loops of a derivative over the elements of arrays: on lists of Python floats, converted once.

What holds afterwards: a loop of adjoints or tangents that runs over the length of an array reads
its elements, and accumulates cotangents by element, in lists. An element of an array is a NumPy
scalar, made anew at each access; arithmetic with it costs several times that of Python floats.

Only where the numbers are the same: sums, differences, products and comparisons of Python floats
are those of NumPy's scalars bit for bit, infinities and NaN included; a quotient is, unless its
divisor may be zero. ``x ** 2`` becomes ``x * x``, which overflows to infinity as NumPy's power
does; the last bit may differ, so nothing that depends on it may decide a branch. Squares of
elements that are Python floats already become products as well. Any other
operation on an element leaves the loop as it is. The user's own computation is never changed: its
values have types and warnings that are seen.

The length of the loop has to be that of the arrays: else the conversion may cost more than it
saves.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from srcad import runtime
from srcad.differentiator.extents import Extents
from srcad.ir import ops as O
from srcad.ir.abstract import FLOAT, INT, Array, ListOf, Scalar, Type, item, kind_of
from srcad.ir.build import for_op
from srcad.ir.values import Const, Function, Op, Operand, Region, Role, Value
from srcad.optimizer.facts import Uses
from srcad.rules.registry import lookup

_FLOATS = ListOf(FLOAT)
_NUMBER = item("float64")  # a NumPy scalar
_ARITHMETIC = (operator.add, operator.sub, operator.mul, operator.neg)
_COMPARISONS = (
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
)  # fmt: skip
_EXACT_INT = 2**53


class _Unsafe(Exception):
    """The loop does something with an element that Python floats may do otherwise."""


def unbox(function: Function) -> Function:
    """The function with lists in its loops over elements; itself if there are none."""
    pass_ = _Unboxing(function)
    ops = pass_.block(function.body.ops)
    if not pass_.changed:
        return function
    return replace(function, body=Region(function.body.params, ops, function.body.yields))


class _Unboxing:
    def __init__(self, function: Function) -> None:
        self.uses = Uses(function)
        self.extents = Extents(function.body.ops)
        self.defining = {r: op for op in function.body.ops for r in op.results}
        self.visible = list(function.body.params)
        self.lists: dict[Value, Value] = {}  # arrays -> their elements, converted already
        self.changed = False

    def block(self, ops: Iterable[Op]) -> list[Op]:
        found: list[Op] = []
        for op in ops:
            converted = self.loop(op) if op.kind is O.FOR else None
            if converted is None:
                found.append(self.on_floats(op) if op.kind is O.FOR else op)
            else:
                before, after, replaced = converted
                found = [o for o in found if o not in replaced] + before + after
                self.changed = True
            self.visible += op.results
        return found

    def loop(self, op: Op) -> tuple[list[Op], list[Op], set[Op]] | None:
        """What stands for a loop, and the operations that it needs no longer."""
        view = O.ForView(op)
        if any(r.role is Role.PRIMAL or r.role is Role.TAPE for r in op.results):
            return None
        like = self.length_of(view)
        if like is None:
            return None
        arrays = [v for v in self.visible if _is_vector(v.type) and self.extents.same(v, like)]
        sums = {k for k, init in enumerate(view.inits) if self.is_zeros(init, like)}
        numbers = {
            k for k, (init, carry) in enumerate(zip(view.inits, view.carries, strict=True))
            if carry.type == _NUMBER and init.type in (FLOAT, _NUMBER)
        }  # fmt: skip
        while True:
            body = _Body(view, arrays, sums, numbers, self.uses, self.lists)
            try:
                region = body.rewritten()
            except _Unsafe:
                return None
            if body.other_numbers:
                numbers -= body.other_numbers
            elif body.other_sums:
                sums -= body.other_sums
            else:
                break
        if not body.reads and not sums:
            return None
        return self.assembled(op, body, region, like)

    def on_floats(self, op: Op) -> Op:
        """The loop with the operations on Python floats that are fastest, if nothing is decided
        in it: products for squares, and ``2.0 * x`` for ``2 * x``."""
        ops = op.regions[0].ops
        if not all(r.role is Role.ADJOINT for r in op.results):
            return op
        if any(o.regions or o.kind.effect or o.attrs.get("fn") in _COMPARISONS for o in ops):
            return op
        body = [_on_floats(o) for o in ops]
        if body == ops:
            return op
        self.changed = True
        return replace(op, regions=(replace(op.regions[0], ops=body),))

    def assembled(
        self, op: Op, body: _Body, region: Region, like: Value
    ) -> tuple[list[Op], list[Op], set[Op]]:
        view, loc = body.view, op.loc
        before = []
        for array in body.reads:
            if array not in self.lists:
                self.lists[array] = body.lists[array]
                before.append(_apply(np.ndarray.tolist, array, body.lists[array], op))
        inits, finals, after = list(view.inits), list(view.finals), []
        replaced = set()
        for k, final in enumerate(view.finals):
            if k in body.sums:
                init = view.inits[k]
                assert isinstance(init, Value)
                replaced.add(self.defining[init])
                inits[k] = zeros = _as_list(init)
                before.append(_apply(runtime.zeros_list, like, zeros, op))
                finals[k] = _as_list(final)
                after.append(_apply(np.array, finals[k], final, op))
            elif k in body.numbers:
                if inits[k].type != FLOAT:
                    start = Value(FLOAT, view.carries[k].name, view.carries[k].role)
                    before.append(_apply(float, inits[k], start, op))
                    inits[k] = start
                finals[k] = replace(final, type=FLOAT)
                after.append(_apply(np.float64, finals[k], final, op))
        streams = zip(view.streams, view.stream_flags, strict=True)
        emits = zip(view.lists, view.emit_flags, strict=True)
        before.append(for_op(
            (view.start, view.stop, view.step), inits, [*streams], region, finals, [*emits],
            reverse=view.reverse, trips=view.trips, loc=loc,
        ))  # fmt: skip
        return before, after, replaced

    def is_zeros(self, init: Operand, like: Value) -> bool:
        """Whether a carry starts from an array of zeros that nothing else reads."""
        op = self.defining.get(init) if isinstance(init, Value) else None
        if op is None or not _is_vector(op.results[0].type) or op.kind is not O.APPLY:
            return False
        zeros = op.attrs["fn"] in (runtime.zeros_like, np.zeros_like) and len(op.attrs) == 1
        return zeros and self.extents.same(op.results[0], like) and self.uses.single(init)

    def length_of(self, view: O.ForView) -> Value | None:
        """The vector over whose length a loop runs, but for a constant number of elements."""
        if not isinstance(view.step, Const) or view.step.value not in (1, -1):
            return None
        ends = [o for o in (view.start, view.stop) if not isinstance(o, Const)]
        return self.vector_of_length(ends[0]) if len(ends) == 1 else None

    def vector_of_length(self, n: Operand) -> Value | None:
        while isinstance(n, Value):
            op = self.defining.get(n)
            if op is None or not op.operands:
                return None
            first = op.operands[0]
            if op.kind in (O.FIELD, O.GETITEM):  # x.shape[0]
                op = self.defining.get(first) if isinstance(first, Value) else None
                if op is None or op.attrs.get("fn") is not np.shape:
                    return None
                first = op.operands[0]
            fn = op.attrs.get("fn")
            if fn in (len, np.size, np.shape):
                vector = isinstance(first, Value) and _is_vector(first.type)
                return first if vector else None  # type: ignore[return-value]
            shifted = fn in (operator.add, operator.sub) and isinstance(op.operands[1], Const)
            if not shifted:
                return None
            n = first
        return None


class _Body:
    """Rewrites the body of a loop.

    Attributes
    ----------
    new
        What stands for values that have become Python floats (they were NumPy scalars), or lists.
    inexact
        Values that may differ in the last bits from those before.
    reads
        The arrays that are read by element.
    other_sums, other_numbers
        Carries that turned out not to be what was assumed of them.
    """

    def __init__(
        self, view: O.ForView, arrays: Iterable[Value], sums: set[int], numbers: set[int],
        uses: Uses, lists: dict[Value, Value],
    ) -> None:  # fmt: skip
        self.view, self.sums, self.numbers, self.uses = view, sums, numbers, uses
        self.lists = {v: lists.get(v) or _as_list(v, Role.ADJOINT) for v in arrays}
        self.new: dict[Value, Value] = {}
        self.inexact: set[Value] = set()
        self.reads: dict[Value, None] = {}
        self.other_sums: set[int] = set()
        self.other_numbers: set[int] = set()

    def rewritten(self) -> Region:
        view = self.view
        for k, carry in enumerate(view.carries):
            if k in self.sums:
                self.new[carry] = _as_list(carry)
            elif k in self.numbers:
                self.new[carry] = replace(carry, type=FLOAT)
            if carry.type in (FLOAT, _NUMBER) or isinstance(carry.type, (Array, ListOf)):
                self.inexact.add(carry)
        ops = self.block(view.body.ops)
        for k, following in enumerate(view.next_carries):
            t = self.operand(following).type
            if k in self.sums and t != _FLOATS:
                self.other_sums.add(k)
            elif k in self.numbers and t != FLOAT:
                self.other_numbers.add(k)
            elif not {k} & (self.sums | self.numbers) and t != following.type:
                raise _Unsafe
        if any(y in self.new for y in view.body.yields[len(view.carries) :]):
            raise _Unsafe
        params = tuple(self.new.get(p, p) for p in view.body.params)
        return Region(params, ops, tuple(map(self.operand, view.body.yields)))

    def operand(self, o: Operand) -> Operand:
        return self.new.get(o, o) if isinstance(o, Value) else o

    def block(self, ops: Iterable[Op]) -> list[Op]:
        return [self.operation(op) for op in ops]

    def operation(self, op: Op) -> Op:
        if op.kind is O.GETITEM and (read := self.read(op)):
            return read
        if op.kind is O.IF:
            return self.branches(op)
        if any(
            isinstance(o, Value) and (o in self.new or o in self.inexact) for o in op.operands
        ):
            if op.kind in (O.ADD_AT, O.SETITEM):
                return self.write(op)
            if op.kind is O.APPLY:
                return self.application(op)
            raise _Unsafe
        if not op.regions:
            return op
        regions = tuple(Region(r.params, self.block(r.ops), r.yields) for r in op.regions)
        if any(y in self.new or y in self.inexact for r in regions for y in r.yields):
            raise _Unsafe
        return Op(op.kind, op.operands, op.attrs, op.results, regions, op.loc)

    def is_inexact(self, op: Op) -> bool:
        return any(o in self.inexact for o in op.operands)

    def read(self, op: Op) -> Op | None:
        array, *index = op.operands
        if not isinstance(array, Value) or len(index) != 1 or index[0].type != INT:
            return None
        if array in self.lists:
            self.reads[array] = None
            source = self.lists[array]
        elif array in self.new:
            source = self.new[array]
        else:
            return None
        if self.is_inexact(op):
            self.inexact.add(op.result)
        return self.made(op, (source, *index), FLOAT)

    def made(self, op: Op, operands: tuple[Operand, ...], t: Type, fn: object = None) -> Op:
        result = self.new[op.result] = replace(op.result, type=t)
        attrs = op.attrs if fn is None else {"fn": fn}
        return Op(op.kind, operands, attrs, (result,), (), op.loc)

    def write(self, op: Op) -> Op:
        array, stored, *index = map(self.operand, op.operands)
        if stored.type not in (FLOAT, _NUMBER) or any(o in self.new for o in op.operands[2:]):
            raise _Unsafe
        self.inexact.add(op.result)
        if op.operands[0] not in self.new:
            return Op(op.kind, (array, stored, *index), op.attrs, op.results, (), op.loc)
        if array.type != _FLOATS or len(index) != 1 or index[0].type != INT:
            raise _Unsafe
        return self.made(op, (array, stored, *index), _FLOATS)

    def application(self, op: Op) -> Op:
        fn, inexact = op.attrs["fn"], self.is_inexact(op)
        operands = tuple(map(self.operand, op.operands))
        if fn in _COMPARISONS:
            decides = all(o is not None and o.kind is O.IF for o, _ in self.uses.readers[op.result])
            # NumPy rounds an int before it compares, Python does not.
            rounded = any(o.type == INT and _as_float(o) is o for o in operands)
            if inexact or rounded or not decides or not all(map(_is_real, operands)):
                raise _Unsafe
            return Op(op.kind, operands, op.attrs, op.results, (), op.loc)
        if inexact:
            self.inexact.add(op.result)
        if not any(o in self.new for o in op.operands):  # of Python floats before, too
            if kind_of(op.result.type) != "f":
                raise _Unsafe
            return op
        if not all(map(_is_real, operands)):
            raise _Unsafe
        plain = all(isinstance(o.type, Scalar) for o in operands)
        if fn in _ARITHMETIC and plain:
            return self.made(op, tuple(map(_as_float, operands)), FLOAT)
        if fn is operator.pow and plain:
            base, exponent = operands
            if not isinstance(exponent, Const) or exponent.value != 2:
                raise _Unsafe
            self.inexact.add(op.result)
            return self.made(op, (base, base), FLOAT, operator.mul)
        if fn is operator.truediv and plain:
            divisor = operands[1]
            if not isinstance(divisor, Const) or divisor.value == 0:
                raise _Unsafe
            return self.made(op, tuple(map(_as_float, operands)), FLOAT)
        if fn in (*_ARITHMETIC, operator.truediv) or _gives_its_own_kind(fn):
            return Op(op.kind, operands, op.attrs, op.results, (), op.loc)
        raise _Unsafe

    def branches(self, op: Op) -> Op:
        if self.is_inexact(op) or op.operands[0] in self.new:
            raise _Unsafe
        blocks = [self.block(r.ops) for r in op.regions]
        results = []
        for result, *yields in zip(op.results, *(r.yields for r in op.regions), strict=True):
            if any(y in self.inexact for y in yields):
                self.inexact.add(result)
            kinds = {self.operand(y).type for y in yields}
            if any(y in self.new for y in yields) and len(kinds) > 1:
                raise _Unsafe
            if kinds in ({FLOAT}, {_FLOATS}) and result.type not in kinds:
                self.new[result] = replace(result, type=kinds.pop())
            results.append(self.new.get(result, result))
        regions = tuple(
            Region((), ops, tuple(map(self.operand, r.yields)))
            for ops, r in zip(blocks, op.regions, strict=True)
        )
        return Op(op.kind, op.operands, op.attrs, tuple(results), regions, op.loc)


def _on_floats(op: Op) -> Op:
    fn = op.attrs.get("fn")
    if op.kind is not O.APPLY or op.result.type != FLOAT:
        return op
    first, *others = op.operands
    if fn is operator.pow and first.type == FLOAT and isinstance(others[0], Const):
        if others[0].value == 2:
            return replace(op, operands=(first, first), attrs={"fn": operator.mul})
    if fn in _ARITHMETIC and op.result.role is Role.ADJOINT:
        if any(o.type == FLOAT and isinstance(o, Value) for o in op.operands):
            if any(_as_float(o) is not o for o in op.operands):
                return replace(op, operands=tuple(map(_as_float, op.operands)))
    return op


def _apply(fn: object, operand: Operand, result: Value, like: Op) -> Op:
    return Op(O.APPLY, (operand,), {"fn": fn}, (result,), (), like.loc)


def _as_list(array: Value, role: Role | None = None) -> Value:
    return replace(array, type=_FLOATS, name=f"{array.name}_list", role=role or array.role)


def _is_vector(t: Type) -> bool:
    return isinstance(t, Array) and t.dtype == "float64" and not t.item and len(t.dims or ()) == 1


def _is_real(operand: Operand) -> bool:
    """A number or array that a Python float does not change the precision of, and is not of."""
    t = operand.type
    return t in (FLOAT, INT) or (isinstance(t, Array) and t.dtype == "float64")


def _as_float(operand: Operand) -> Operand:
    value = operand.value if isinstance(operand, Const) else None
    if type(value) is int and abs(value) <= _EXACT_INT:
        return Const.of(float(value))
    return operand


def _gives_its_own_kind(fn: object) -> bool:
    """Whether a function gives the same of a Python float and of a NumPy scalar."""
    rule = lookup(fn)
    if rule is None or rule.form != "elementwise":
        return False
    return isinstance(fn, np.ufunc) or getattr(fn, "__module__", None) == "math"
