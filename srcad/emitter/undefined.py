"""Values without a definition on some paths: which may be so, and which become None there.

A variable that Python would call unbound stays unbound in the text, so that reading it raises
Python's own error. But what generated code reads on every path (a list that collects it, a tuple
that holds it) is set to None where it has no value.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.undefined import values_read
from srcad.ir.values import UNDEFINED, Function, Op, Operand, Role, Value, walk


def reads(target: Value, source: Operand) -> bool:
    """Whether a copy is a use of what the user's variable holds, not merely its way through
    branches and loops: a derivative that is the variable itself."""
    if target.role not in (Role.ADJOINT, Role.TANGENT) or not isinstance(source, Value):
        return False
    return source.named and source.role is Role.PRIMAL


def is_read(ops: Sequence[Op], value: Value, skipped: Container[Op]) -> bool:
    """Whether the text of a block reads a value on every path, its readers aside."""
    return any(
        value in values_read(op)
        or _read_at_start(op, value)
        or _read_in_branches(op, value, skipped)
        for op in ops
        if op not in skipped and not op.attrs.get("reader")
    )


def _read_at_start(op: Op, value: Value) -> bool:
    """Whether a loop starts with a derivative that is the variable itself."""
    if op.kind not in (O.FOR, O.WHILE):
        return False
    view: Any = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
    return any(i is value and reads(c, value) for c, i in zip(view.carries, view.inits))


def _read_in_branches(op: Op, value: Value, skipped: Container[Op]) -> bool:
    if op.kind is not O.IF:
        return False
    copied = [r for r in op.results if reads(r, value)]
    return all(
        any(y is value and r in copied for r, y in zip(op.results, region.yields))
        or is_read(region.ops, value, skipped)
        for region in op.regions
    )


def unbound_test(op: Op) -> Op:
    """A reader of a value that is None where it would be unbound, which raises what Python would.
    """
    (value,) = op.operands
    name = value.name  # type: ignore[union-attr]
    says = f"cannot access local variable {name!r} where it is not associated with a value"
    error = gast.Call(_name("UnboundLocalError"), [gast.Constant(says, None)], [])
    is_none = gast.Compare(_name("$0"), [gast.Is()], [gast.Constant(None, None)])
    template = gast.If(is_none, [gast.Raise(error, None)], [])
    return Op(op.kind, op.operands, {**op.attrs, "template": template}, (), (), op.loc)


def _name(text: str) -> gast.Name:
    return gast.Name(text, gast.Load(), None, None)


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
