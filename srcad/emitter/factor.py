"""Sums of adjoints with a common factor: multiplied once, after the sum.

What holds afterwards: where both terms of a sum of adjoints or tangents have the same power of two
as a factor, up to its sign, it stands before the sum: ``-2 * (1 - x) - r * (2 * x)`` is
``-2 * (1 - x + r * x)``, a pass over memory less. Multiplying by a power of two rounds nothing, so
that only the sign of a zero may differ, and what leaves the range of the dtype on the way. Values
of the primal are left as they are.

    >>> import operator
    >>> from srcad.ir.abstract import FLOAT
    >>> from srcad.ir.build import Builder
    >>> from srcad.ir.values import Param
    >>> from srcad.rules.symbols import apply
    >>> x, r, b = Value(FLOAT, "x"), Value(FLOAT, "r"), Builder(role=Role.ADJOINT)
    >>> left = apply(b, operator.mul, [-2, x])
    >>> right = apply(b, operator.mul, [r, apply(b, operator.mul, [2, x])])
    >>> y = apply(b, operator.sub, [left, right])
    >>> params = (Param(x, "x"), Param(r, "r"))
    >>> print(factor(Function("f", params, Region((x, r), b.block, (y,)), 0)))
    func f(%x: float, %r: float) -> 0 {
      %t: float = operator.mul(%r, %x)
      %t_1: float = operator.add(%x, %t)
      %t_2: float = operator.mul(-2, %t_1)
      yield %t_2
    }
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, replace

from srcad.ir import ops as O
from srcad.ir.abstract import FLOAT, Array, Type
from srcad.ir.build import Builder
from srcad.ir.values import Const, Function, Op, Operand, Region, Role, Value
from srcad.optimizer.dce import dce
from srcad.optimizer.facts import ADD, MUL, SUB, Uses, constant_factor
from srcad.pristine import np
from srcad.rules.symbols import apply


def factor(function: Function) -> Function:
    """The function with common factors before its sums."""
    factors = _Factors(Uses(function))
    body = factors.region(function.body)
    if not factors.found:
        return function
    return dce(replace(function, body=body), keep_inputs=False)


class _Factors:
    def __init__(self, uses: Uses) -> None:
        self.uses = uses
        self.found = False

    def region(self, region: Region) -> Region:
        defining: dict[Value, Op] = {}
        block: list[Op] = []
        for op in region.ops:
            if op.regions:
                op = replace(op, regions=tuple(map(self.region, op.regions)))
            ops = self.factored(op, defining) or [op]
            for new in ops:
                defining.update(dict.fromkeys(new.results, new))
            block += ops
        return Region(region.params, block, region.yields)

    def factored(self, op: Op, defining: dict[Value, Op]) -> list[Op] | None:
        """The operations that compute a sum by one product, if its terms share a factor."""
        if op.kind is not O.APPLY or op.attrs["fn"] not in (*ADD, *SUB):
            return None
        total = op.result
        if len(op.attrs) != 1 or total.role is Role.PRIMAL or not _is_exact(total.type):
            return None
        left, right = (self.term(o, total.type, defining) for o in op.operands)
        if left is None or right is None or abs(left.scale) != abs(right.scale):
            return None
        minus = (op.attrs["fn"] in SUB) != (left.scale != right.scale)
        builder = Builder(role=total.role)
        builder.loc = op.loc
        parts = [part.rest(builder) for part in (left, right)]
        if any(part.type != total.type for part in parts):
            return None
        rest = apply(builder, operator.sub if minus else operator.add, parts)
        operands = (Const.of(left.scale), rest)
        self.found = True
        return [*builder.block, replace(op, attrs={"fn": operator.mul}, operands=operands)]

    def term(self, o: Operand, t: Type, defining: dict[Value, Op]) -> _Term | None:
        """A product as a power of two and what is left, if nothing else reads it."""
        op = self.product(o, t, defining)
        if op is None:
            return None
        for k, part in enumerate(op.operands):
            if scale := _power_of_two(part):
                return _Term(scale, None, op.operands[1 - k], k)
            inner = self.product(part, t, defining)
            if inner is None:
                continue
            for j, inner_part in enumerate(inner.operands):
                if scale := _power_of_two(inner_part):
                    return _Term(scale, op.operands[1 - k], inner.operands[1 - j], k)
        return None

    def product(self, o: Operand, t: Type, defining: dict[Value, Op]) -> Op | None:
        """The product of this block that an operand is, if it has the type and no other reader."""
        op = defining.get(o) if isinstance(o, Value) and self.uses.single(o) else None
        if op is None or op.kind is not O.APPLY or op.attrs["fn"] not in MUL or len(op.attrs) != 1:
            return None
        return op if op.result.type == t else None


@dataclass(frozen=True)
class _Term:
    """`scale * other`, or the product of `scale`, `other` and `by`, at `place` in it."""

    scale: float
    by: Operand | None
    other: Operand
    place: int

    def rest(self, builder: Builder) -> Operand:
        """The product without its scale."""
        if self.by is None:
            return self.other
        parts = [self.by, self.other]
        return apply(builder, operator.mul, parts if self.place else parts[::-1])


def _power_of_two(o: Operand) -> float | None:
    """A constant other than one that only changes exponents."""
    value = constant_factor(o)
    if value is None or abs(value) == 1 or abs(math.frexp(value)[0]) != 0.5:
        return None
    return value


def _is_exact(t: Type) -> bool:
    """Whether values of a type are floats of a known precision."""
    if isinstance(t, Array):
        return t.dtype is not None and np.dtype(t.dtype).kind in "fc"
    return t == FLOAT
