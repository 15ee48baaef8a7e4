"""How tightly each kind of expression binds: what decides where parentheses must stand."""

from __future__ import annotations

import gast

# The one precedence table: each row binds tighter than those above it. What is not in it
# (names, calls, displays, strings) needs no parentheses anywhere. Operations are ranked by
# their operator.
_ROWS: tuple[tuple[type, ...], ...] = (
    (gast.NamedExpr,),
    (gast.Yield, gast.YieldFrom),
    (gast.Tuple,),
    (gast.IfExp, gast.Lambda, gast.MatchAs),
    (gast.Or,),
    (gast.And,),
    (gast.Not,),
    (gast.Compare,),
    (gast.BitOr, gast.MatchOr),
    (gast.BitXor,),
    (gast.BitAnd,),
    (gast.LShift, gast.RShift),
    (gast.Add, gast.Sub),
    (gast.Mult, gast.MatMult, gast.Div, gast.FloorDiv, gast.Mod),
    (gast.USub, gast.UAdd, gast.Invert),
    (gast.Pow,),
    (gast.Await,),
    (int, float, complex),  # literals: 1.real is not Python, (1).real is
)
PRECEDENCE: dict[type, int] = {kind: level for level, row in enumerate(_ROWS) for kind in row}
NAMED = PRECEDENCE[gast.NamedExpr]
YIELD = PRECEDENCE[gast.Yield]
TUPLE = PRECEDENCE[gast.Tuple]
TEST = PRECEDENCE[gast.IfExp]
OR = PRECEDENCE[gast.Or]
BITOR = PRECEDENCE[gast.BitOr]
UNARY = PRECEDENCE[gast.USub]
ATOM = len(_ROWS)


def precedence(node: gast.AST) -> int:
    kind = type(node)
    if kind is gast.BinOp or kind is gast.UnaryOp or kind is gast.BoolOp:
        return PRECEDENCE[type(node.op)]
    if kind is gast.Constant:
        return PRECEDENCE.get(type(node.value), ATOM)
    if (kind is gast.Tuple and len(node.elts) < 2) or (kind is gast.MatchAs and not node.pattern):
        return ATOM  # they bring their own parentheses, or are a name
    return PRECEDENCE.get(kind, ATOM)
