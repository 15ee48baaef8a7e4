"""Values that some path leaves without a definition, and where Python reads what they hold.

A variable that is assigned in one branch, or in a loop that may take no turn, is unbound
otherwise. Its way through later branches and loops is no read: Python raises where an expression
names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from srcad.ir import ops as O
from srcad.ir.values import UNDEFINED, Op, Operand, Value


def possibly_undefined(ops: list[Op], or_none: bool = False) -> set[Value]:
    """Values that some path leaves undefined: results of branches and loops without trips.

    With `or_none`, also those that some path makes None, which may stand for undefined.
    """
    found: set[Value] = set()

    def undefined(o: Operand) -> bool:
        if isinstance(o, Value):
            return o in found
        return o is UNDEFINED or (or_none and o.value is None)

    def visit(block: list[Op]) -> None:
        for op in block:
            if op.kind in (O.FOR, O.WHILE):
                view: Any = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
                joints = list(zip(view.carries, view.finals, view.inits, view.next_carries))
                for c, f, i, _ in joints:
                    if undefined(i):
                        found.update((c, f))
                if or_none:  # a turn that is the last one may leave None
                    before = -1
                    while len(found) != before:
                        before = len(found)
                        visit(view.body.ops)
                        for c, f, _, y in joints:
                            if undefined(y):
                                found.update((c, f))
            for region in op.regions:
                visit(region.ops)
            if op.kind is O.IF:
                for k, r in enumerate(op.results):
                    if any(k < len(g.yields) and undefined(g.yields[k]) for g in op.regions):
                        found.add(r)

    visit(ops)
    return found


def values_read(op: Op) -> Iterator[Value]:
    """The values whose content an operation takes when it runs (not what its regions read).

    What a call passes is left out: a function that is defined inside of another is handed all
    that it names, also what it does not come to read.
    """
    operands: tuple[Operand, ...] = op.operands
    if op.kind is O.CALL:
        operands = ()
    elif op.kind is O.FOR:
        view = O.ForView(op)
        operands = (view.start, view.stop, view.step, *view.streams)
    elif op.kind is O.WHILE:
        operands = ()
    return (o for o in operands if isinstance(o, Value))
