"""Loop-invariant code motion.

What holds afterwards: what is computed in a loop from values of outside, and cannot raise, stands
before the loop. Where the loop runs at least once for certain, so does everything pure at the
start of its body, whether it may raise or not. Nothing leaves a branch.

    >>> import operator
    >>> from srcad.ir.abstract import FLOAT, INT
    >>> from srcad.ir.build import Builder, for_op
    >>> from srcad.ir.values import Const, Param
    >>> from srcad.rules.symbols import apply
    >>> n, x, y, i, total = (Value(t, s) for t, s in zip((INT, *[FLOAT] * 4), "nxyis"))
    >>> b = Builder()
    >>> square = apply(b, operator.mul, [x, x])
    >>> body = Region((i, y), b.block, (apply(b, operator.add, [y, square]),))
    >>> loop = for_op([Const.of(0), n, Const.of(1)], [Const.of(0.0)], [], body, [total])
    >>> params = (Param(n, "n"), Param(x, "x"))
    >>> print(hoist(Function("f", params, Region((n, x), [loop], (total,)), 0)))
    func f(%n: int, %x: float) -> 0 {
      %t: float = operator.mul(%x, %x)
      %s: float = for %i in 0..%n..1 carry(%y = 0.0) stream() {
        %t_1: float = operator.add(%y, %t)
        yield %t_1
      }
      yield %s
    }
"""

from __future__ import annotations

import operator
from dataclasses import replace

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import (
    FLOAT,
    INT,
    ONE,
    Array,
    ListOf,
    Scalar,
    Type,
    dims_of,
    kind_of,
    rank_of,
)
from srcad.ir.values import Const, Function, Op, Region, Value, walk
from srcad.optimizer.cse import FRESH
from srcad.optimizer.facts import ADD, DIV, MUL, NEG, SUB, constant_factor
from srcad.pristine import np

_ARITHMETIC = frozenset((*ADD, *SUB, *MUL, *NEG))
_ON_NUMBERS = frozenset((
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, operator.not_,
    operator.pos, abs, runtime.select,
))  # fmt: skip
_OF_SHAPE = frozenset((np.shape, np.size, np.ndim))
_PURE = frozenset((O.APPLY, O.GETITEM, O.FIELD, O.GLOBAL, O.PACK))


def hoist(function: Function) -> Function:
    """The function with invariant operations before their loops; itself if there are none."""
    hoisting = _Hoisting(any(map(O.runs_others_code, walk(function.body))))
    body = hoisting.region(function.body)
    return replace(function, body=body) if hoisting.moved else function


class _Hoisting:
    def __init__(self, opaque: bool) -> None:
        self.opaque = opaque
        self.moved = False

    def region(self, region: Region) -> Region:
        ops: list[Op] = []
        for op in region.ops:
            if op.regions:
                # Inner loops first: what leaves them may leave this one too.
                regions = tuple(self.region(r) for r in op.regions)
                op = Op(op.kind, op.operands, op.attrs, op.results, regions, op.loc)
            if op.kind is O.FOR or op.kind is O.WHILE:
                op, before = self.out_of_loop(op)
                ops += before
            ops.append(op)
        return Region(region.params, ops, region.yields)

    def out_of_loop(self, op: Op) -> tuple[Op, list[Op]]:
        before: list[Op] = []
        regions = tuple(
            self.out_of_region(r, before, _runs(op) if op.kind is O.FOR else k == 0)
            for k, r in enumerate(op.regions)
        )  # the condition of `while`, its first region, is computed at least once
        if before:
            self.moved = True
            op = Op(op.kind, op.operands, op.attrs, op.results, regions, op.loc)
        return op, before

    def out_of_region(self, region: Region, before: list[Op], runs: bool) -> Region:
        """The region without its invariant operations, which go to `before`.

        `runs` says that its start is executed for certain.
        """
        inside = set(region.params)
        kept = []
        for op in region.ops:
            safe = self.is_safe(op)
            invariant = not any(o in inside for o in op.operands if isinstance(o, Value))
            if invariant and (safe or (runs and self.is_pure(op))):
                before.append(op)
                continue
            runs = runs and safe
            inside.update(op.results)
            kept.append(op)
        return Region(region.params, kept, region.yields)

    def is_pure(self, op: Op) -> bool:
        if op.kind is O.FIELD and op.attrs.get("attribute") and self.opaque:
            return False
        if op.kind is O.APPLY and op.attrs["fn"] in FRESH:
            return False
        return op.kind in _PURE and (op.kind is not O.PACK or op.attrs["container"] == "tuple")

    def is_safe(self, op: Op) -> bool:
        """Whether an operation neither raises nor has an effect, and may run for nothing."""
        if op.kind is O.APPLY:
            return _cannot_raise(op)
        return op.kind in (O.FIELD, O.GLOBAL) and self.is_pure(op)


def _runs(loop: Op) -> bool:
    """Whether a `for` has at least one iteration for certain."""
    bounds = [o.value for o in loop.operands[:3] if isinstance(o, Const)]
    start, *rest = [n for n in bounds if isinstance(n, int)] or [0]
    return len(rest) == 2 and rest[1] != 0 and len(range(start, *rest)) > 0


def _cannot_raise(op: Op) -> bool:
    fn, types = op.attrs["fn"], [o.type for o in op.operands]
    if fn in _OF_SHAPE:
        return len(types) == 1 and isinstance(types[0], (Scalar, Array))
    if fn is len:
        return isinstance(types[0], ListOf) or bool(rank_of(types[0]))
    if fn is np.transpose:
        return isinstance(types[0], Array) and op.attrs.get("axes") is None
    if fn in _ON_NUMBERS:
        return all(map(_is_plain_number, types))
    if fn in DIV:
        return constant_factor(op.operands[1]) not in (None, 0) and _is_float(types[0])
    if fn not in _ARITHMETIC:
        return False
    if all(map(_is_plain_number, types)):
        # A long int does not fit into a float.
        return FLOAT not in types or all(o.type != INT or isinstance(o, Const) for o in op.operands)
    return all(map(_is_float, types)) and sum(not _is_thin(t) for t in types) <= 1


def _is_plain_number(t: Type) -> bool:
    return isinstance(t, Scalar) and t.kind in ("float", "int", "bool")


def _is_float(t: Type) -> bool:
    return isinstance(t, (Scalar, Array)) and kind_of(t) == "f" and dims_of(t) is not None


def _is_thin(t: Type) -> bool:
    """Whether a value broadcasts with anything: no dimension is longer than one."""
    return all(d is ONE for d in dims_of(t) or ())

