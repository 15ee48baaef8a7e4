"""Constant folding: an application to Python numbers is replaced by what Python makes of it.

The real function is called, so that the result is that of the run, -0.0, infinities and NaN
included. Nothing is folded that raises (it shall at run time), nothing that NumPy computes (its
warnings and dtypes belong to the run), and nothing that may take long.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

from srcad import runtime
from srcad.ir.values import Const, Op, Operand
from srcad.rules.registry import lookup

_PLAIN = frozenset((
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.neg, operator.pos, operator.abs, abs, operator.lt, operator.le, operator.gt,
    operator.ge, operator.eq, operator.ne, operator.not_, bool, float, int, complex, max, min,
    round, runtime.select,
))  # fmt: skip
_POWERS = frozenset((operator.pow, pow))
_NUMBERS = (bool, int, float, complex)
_MAX_EXPONENT = 64  # of a power of integers, which grows without bound


def fold(op: Op) -> Const | None:
    """The result of an application whose operands are constants, if it may be folded.

    >>> from srcad.ir import ops as O
    >>> from srcad.ir.abstract import FLOAT
    >>> from srcad.ir.values import Value
    >>> def of(fn, *numbers):
    ...     operands = tuple(map(Const.of, numbers))
    ...     return fold(Op(O.APPLY, operands, {"fn": fn}, (Value(FLOAT, "t"),)))
    >>> of(operator.mul, 2.0, -0.0).value, of(operator.truediv, 1.0, 0.0)
    (-0.0, None)
    """
    fn = op.attrs["fn"]
    values = numbers(op.operands)
    if values is None or not _may_fold(fn, values):
        return None
    statics = op.statics
    try:
        return Const.of(fn(*values, **statics))
    except (ArithmeticError, ValueError, TypeError):
        return None


def numbers(operands: Sequence[Operand]) -> list[complex] | None:
    """The values of operands that are all Python numbers."""
    values = []
    for o in operands:
        if not isinstance(o, Const) or type(o.value) not in _NUMBERS:
            return None
        values.append(o.value)
    return values


def _may_fold(fn: object, values: Sequence[complex]) -> bool:
    if fn in _PLAIN:
        return True
    if fn in _POWERS:
        return not isinstance(values[1], int) or abs(values[1]) <= _MAX_EXPONENT
    rule = lookup(fn)  # the smooth functions of `math`, not `factorial` or `comb`
    return rule is not None and rule.form == "elementwise" and (
        getattr(rule.fn, "__module__", None) == "math"
    )
