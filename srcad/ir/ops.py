"""The closed list of operation kinds, and named views on the structured ones.

Layout of the structured operations (operands; region parameters; yields; results):

``if``     cond; two regions without parameters; outs; outs
``for``    start, stop, step, inits, streams; index, carries, elements; next carries, emits,
           [stop flag]; final carries, lists, [trips]
``while``  inits; carries (condition region and body region); cond / next carries, emits,
           [stop flag]; final carries, lists, trips

An *emit* collects one value per iteration into a list, a *stream* is such a list consumed one
element per iteration. Element k of a list belongs to iteration k in order of execution, or, for
a flag `True` in ``attrs["emits"]`` / ``attrs["streams"]``, to iteration trips-1-k. In an adjoint
loop emits and streams exchange their places; that is why loops are closed under differentiation.
A loop with ``may_stop`` yields a last flag: after an iteration that yields True it ends.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from srcad.ir.values import Op, Operand, Region, Value


class Cost(enum.IntEnum):
    """What it takes to compute an operation again."""

    FREE = 0  # constants, indices, shapes, views
    CHEAP = 1  # one scalar operation, one element of an array
    COSTLY = 2  # everything else


@dataclass(eq=False)
class OpKind:
    name: str
    effect: bool = False  # kept in order, never duplicated, merged or removed
    structured: bool = False

    def __repr__(self) -> str:
        return self.name


# Of any kind, attrs joint=True: only paths that meet read it, no expression of the program.
APPLY = OpKind("apply")  # attrs fn=, and the function's static keywords: a row of the rule table
GETITEM = OpKind("getitem")  # operands: x, then one per index (ints, arrays, slices, None, ...)
SETITEM = OpKind("setitem")  # operands: x, v, indices; the value x with v stored at the index
ADD_AT = OpKind("add_at")  # operands: x, v, indices; the value x with v added there, repeats too
FIELD = OpKind("field")  # attrs key=: a part of a tuple or dict; attribute=True: of an object
GLOBAL = OpKind("global")  # attrs name=, holder=: a live global, cell or module attribute
PACK = OpKind("pack")  # attrs container="tuple" | "list" | "dict", keys=: the inverse of field
CALL = OpKind("call")  # attrs callee=Function: another function of the IR
OPAQUE = OpKind("opaque", effect=True)  # attrs template=: Python that carries no derivative
RAISE = OpKind("raise", effect=True)  # attrs template=: ends its region, which yields UNDEFINED
ASSERT = OpKind("assert", effect=True)  # attrs template=
IF = OpKind("if", structured=True)
FOR = OpKind("for", structured=True)
WHILE = OpKind("while", structured=True)

ALL_KINDS = (
    APPLY, GETITEM, SETITEM, ADD_AT, FIELD, GLOBAL, PACK, CALL, OPAQUE, RAISE, ASSERT,
    IF, FOR, WHILE,
)  # fmt: skip


def has_effect(op: Op) -> bool:
    """Whether the operation, or one within it or in a function that it calls, must be kept."""
    seen: set[int] = set()
    todo = [op]
    while todo:
        op = todo.pop()
        if op.kind.effect:
            return True
        for region in op.regions:
            todo.extend(region.ops)
        if op.kind is CALL and id(op.attrs["callee"]) not in seen:
            seen.add(id(op.attrs["callee"]))
            todo.extend(op.attrs["callee"].body.ops)
    return False


def runs_others_code(op: Op) -> bool:
    """Whether Python runs here that could change globals (a mere reader of a value cannot)."""
    return op.kind is OPAQUE and not op.attrs.get("reader")


class ForView:
    """Names for the parts of a `for` operation."""

    __slots__ = (
        "op", "reverse", "may_stop", "stream_flags", "emit_flags", "start", "stop", "step", "inits",
        "streams", "body", "index", "carries", "elements", "next_carries", "emits", "finals",
        "lists",
    )  # fmt: skip

    def __init__(self, op: Op) -> None:
        attrs = op.attrs
        carries: int = attrs["carries"]
        self.op = op
        self.reverse: bool = attrs["reverse"]
        self.may_stop: bool = attrs["may_stop"]
        self.stream_flags: tuple[bool, ...] = attrs["streams"]
        self.emit_flags: tuple[bool, ...] = attrs["emits"]
        self.start, self.stop, self.step = op.operands[:3]
        self.inits: tuple[Operand, ...] = op.operands[3 : 3 + carries]
        self.streams: tuple[Operand, ...] = op.operands[3 + carries :]
        self.body: Region = op.regions[0]
        self.index: Value = self.body.params[0]
        self.carries: tuple[Value, ...] = self.body.params[1 : 1 + carries]
        self.elements: tuple[Value, ...] = self.body.params[1 + carries :]
        emits = len(self.emit_flags)
        self.next_carries: tuple[Operand, ...] = self.body.yields[:carries]
        self.emits: tuple[Operand, ...] = self.body.yields[carries : carries + emits]
        self.finals: tuple[Value, ...] = op.results[:carries]
        self.lists: tuple[Value, ...] = op.results[carries : carries + emits]

    # Not read above, so that a loop without them has a text when the verifier refuses it.
    @property
    def stop_flag(self) -> Operand | None:
        return self.body.yields[-1] if self.may_stop else None

    @property
    def trips(self) -> Value | None:
        return self.op.results[-1] if self.may_stop else None


class WhileView:
    """Names for the parts of a `while` operation."""

    __slots__ = (
        "op", "may_stop", "emit_flags", "inits", "cond", "body", "cond_carries", "carries",
        "next_carries", "emits", "finals", "lists",
    )  # fmt: skip

    def __init__(self, op: Op) -> None:
        attrs = op.attrs
        carries: int = attrs["carries"]
        self.op = op
        self.may_stop: bool = attrs["may_stop"]
        self.emit_flags: tuple[bool, ...] = attrs["emits"]
        self.inits = op.operands
        self.cond, self.body = op.regions
        self.cond_carries = self.cond.params
        self.carries = self.body.params
        emits = len(self.emit_flags)
        self.next_carries = self.body.yields[:carries]
        self.emits = self.body.yields[carries : carries + emits]
        self.finals = op.results[:carries]
        self.lists = op.results[carries : carries + emits]

    @property
    def stop_flag(self) -> Operand | None:
        return self.body.yields[-1] if self.may_stop else None

    @property
    def trips(self) -> Value:
        return self.op.results[-1]
