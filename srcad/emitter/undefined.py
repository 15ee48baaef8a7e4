"""Values without a definition on some paths: which may be so, and which become None there.

A variable that Python would call unbound stays unbound in the text, so that reading it raises
Python's own error. But what generated code reads on every path (a list that collects it, a tuple
that holds it) is set to None where it has no value.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from srcad.ir import ops as O
from srcad.ir.values import UNDEFINED, Function, Operand, Role, Value, walk


def reads(target: Value, source: Operand) -> bool:
    """Whether a copy is a use of what the user's variable holds, not merely its way through
    branches and loops: a derivative that is the variable itself."""
    if target.role not in (Role.ADJOINT, Role.TANGENT) or not isinstance(source, Value):
        return False
    return source.named and source.role is Role.PRIMAL


class Joints:
    """Values that have another source on each path: results of branches, carries of loops."""

    def __init__(self, function: Function) -> None:
        # for what one side of a branch leaves undefined: the condition, and the other side
        self.defined_if: dict[Value, tuple[Operand, int]] = {}
        self.sources: dict[Value, list[Operand]] = {}
        self.read: list[Operand] = []  # on every path
        self.collected: list[Operand] = []
        for op in walk(function.body):
            if op.kind is O.IF:
                for k, r in enumerate(op.results):
                    empty = [region.yields[k] is UNDEFINED for region in op.regions]
                    if empty[0] is not empty[1]:
                        self.defined_if[r] = (op.operands[0], empty.index(False))
                    self.sources[r] = [
                        region.yields[k]
                        for region in op.regions
                        if not (region.ops and region.ops[-1].kind is O.RAISE)
                    ]
            elif op.kind in (O.FOR, O.WHILE):
                view: Any = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
                joints = zip(view.inits, view.carries, view.next_carries, view.finals)
                for init, param, after, final in joints:
                    self.sources[param], self.sources[final] = [init, after], [param]
                self.collected += view.emits
            elif op.kind is O.PACK:
                self.read += op.operands

    def total(self, sunk: Iterable[Value], more: Iterable[Value]) -> set[Value]:
        """Values that are None where they are undefined; `sunk` are appended by branches."""
        found: set[Value] = set()
        pending = [*self.read, *self.collected, *more]
        while pending:
            value = pending.pop()
            if isinstance(value, Value) and value not in found:
                found.add(value)
                pending += [s for s in self.sources.get(value, ()) if not reads(value, s)]
        return found.difference(sunk)

    def partial(self, total: Container[Value]) -> set[Value]:
        """Values that may be unbound."""
        found: set[Value] = set()
        while True:
            more = {
                v
                for v, sources in self.sources.items()
                if v not in found
                and v not in total
                and any(s is UNDEFINED or (isinstance(s, Value) and s in found) for s in sources)
            }
            if not more:
                return found
            found |= more
