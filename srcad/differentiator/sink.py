"""Tangents that one side of a branch alone reads are computed on that side.

What holds afterwards: where the other side is taken, the derivative of what the program computes
first and leaves aside is not computed: it may not exist there (``0.5 / 0.0`` raises). Only
operations on numbers move; memory is read where it was read before.

    >>> import operator
    >>> from srcad.ir.abstract import BOOL, FLOAT
    >>> from srcad.ir.build import Builder, if_op
    >>> from srcad.ir.values import Param
    >>> from srcad.rules.symbols import apply
    >>> x, c, b = Value(FLOAT, "x"), Value(BOOL, "c"), Builder(role=Role.TANGENT)
    >>> t = apply(b, operator.truediv, [1.0, x])
    >>> total = Value(FLOAT, "total")
    >>> b.block.append(if_op(c, Region((), [], (t,)), Region((), [], (x,)), [total]))
    >>> params = (Param(x, "x"), Param(c, "c"))
    >>> print(sink(Function("f", params, Region((x, c), b.block, (total,)), 0)))
    func f(%x: float, %c: bool) -> 0 {
      %total: float = if %c {
        %t: float = operator.truediv(1.0, %x)
        yield %t
      } else {
        yield %x
      }
      yield %total
    }
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from srcad.ir import ops as O
from srcad.ir.abstract import UNKNOWN, Array, is_number
from srcad.ir.values import Function, Op, Operand, Region, Role, Value, free_values

_Place = tuple[int, int]  # the position of a branch in its block, and one of its sides
_EVERYWHERE = (-1, 0)


def sink(function: Function) -> Function:
    """The function with such tangents in the branches that read them."""
    return replace(function, body=_region(function.body))


def _region(region: Region) -> Region:
    readers: dict[Value, set[_Place]] = {}

    def note(operands: Iterable[Operand], place: _Place) -> None:
        for o in operands:
            if isinstance(o, Value):
                readers.setdefault(o, set()).add(place)

    note(region.yields, _EVERYWHERE)
    moved: dict[_Place, list[Op]] = {}
    stays = []
    for position, op in reversed(list(enumerate(region.ops))):
        place = _EVERYWHERE
        if _may_move(op) and len(readers.get(op.result, ())) == 1:
            (place,) = readers[op.result]
        note(op.operands, place)
        if place == _EVERYWHERE:
            stays.append((position, op))
        else:
            moved.setdefault(place, []).append(op)
        for side, inner in enumerate(op.regions):
            note(free_values(inner), (position, side) if op.kind is O.IF else _EVERYWHERE)
    ops = []
    for position, op in reversed(stays):
        regions = []
        for side, r in enumerate(op.regions):
            first = reversed(moved.get((position, side), ()))
            regions.append(_region(Region(r.params, [*first, *r.ops], r.yields)))
        ops.append(replace(op, regions=tuple(regions)) if regions else op)
    return Region(region.params, ops, region.yields)


def _may_move(op: Op) -> bool:
    """Whether this is a tangent made of what may be numbers."""
    if op.kind is not O.APPLY or len(op.results) != 1 or op.result.role is not Role.TANGENT:
        return False
    types = [o.type for o in op.operands if isinstance(o, Value)]
    return all(t == UNKNOWN or is_number(t) or (isinstance(t, Array) and not t.dims) for t in types)
