"""How functions are written in Python: infix operators, methods, module functions."""

from __future__ import annotations

import operator
from typing import Any

import gast

from srcad.ir.text import function_name
from srcad.ir.values import Op
from srcad.pristine import np

INFIX: dict[Any, type[gast.operator]] = {
    operator.add: gast.Add, operator.sub: gast.Sub, operator.mul: gast.Mult,
    operator.truediv: gast.Div, operator.floordiv: gast.FloorDiv, operator.mod: gast.Mod,
    operator.pow: gast.Pow, operator.matmul: gast.MatMult, operator.and_: gast.BitAnd,
    operator.or_: gast.BitOr, operator.xor: gast.BitXor, operator.lshift: gast.LShift,
    operator.rshift: gast.RShift,
}  # fmt: skip
COMPARE: dict[Any, type[gast.cmpop]] = {
    operator.lt: gast.Lt, operator.le: gast.LtE, operator.gt: gast.Gt, operator.ge: gast.GtE,
    operator.eq: gast.Eq, operator.ne: gast.NotEq, operator.is_: gast.Is,
    operator.is_not: gast.IsNot,
}  # fmt: skip
PREFIX: dict[Any, type[gast.unaryop]] = {
    operator.neg: gast.USub, operator.pos: gast.UAdd, operator.invert: gast.Invert,
    operator.not_: gast.Not,
}  # fmt: skip
COMMUTATIVE = (operator.add, operator.mul)
INPLACE = (operator.add, operator.sub, operator.mul, operator.truediv)  # on arrays
# Keywords that people pass by position.
POSITIONAL: dict[Any, tuple[str, ...]] = {
    np.transpose: ("axes",), np.expand_dims: ("axis",), np.broadcast_to: ("shape",),
    np.moveaxis: ("source", "destination"), np.swapaxes: ("axis1", "axis2"),
    np.repeat: ("repeats",), np.tile: ("reps",), np.roll: ("shift",), np.full: ("fill_value",),
}  # fmt: skip
PREFERRED = {np.absolute: "abs", np.conjugate: "conj", np.true_divide: "divide"}


def width_of_call(op: Op) -> int:
    """Columns of a call besides those of its operands."""
    statics = sum(len(k) + len(repr(v)) + 3 for k, v in op.statics.items())
    return len(function_name(op.attrs["fn"]).removeprefix("srcad.runtime.")) + statics
