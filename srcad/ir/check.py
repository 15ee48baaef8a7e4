"""The verifier. `check(function)` raises InternalError unless the IR is well formed:

single definition; definitions before uses and only in enclosing regions; yields and results in
number; the number of parameters of structured operations; the order of ends of regions.
"""

from __future__ import annotations

from srcad.errors import InternalError
from srcad.ir import abstract
from srcad.ir import ops as O
from srcad.ir.text import callees, function_text
from srcad.ir.values import Const, Function, Op, Operand, Region, Value


def check(function: Function, after: str = "", alone: bool = False) -> Function:
    """Return `function` unchanged if it is well formed, and what it calls, unless `alone`.

    Raises
    ------
    InternalError
        With what is wrong, the operation, the user's line, and the text of the function.
    """
    for f in (*(() if alone else callees(function)), function):
        _Checker(f, after).run()
    return function


class _Checker:
    def __init__(self, function: Function, after: str) -> None:
        self.function = function
        self.after = after
        self.defined: set[Value] = set()
        self.scope: set[Value] = set()  # what can be read at the present place

    def fail(self, what: str, op: Op | None = None) -> None:
        where = f" in operation {op.kind.name}" if op is not None else ""
        stage = f" (after {self.after})" if self.after else ""
        raise InternalError(
            f"malformed IR{stage}: {what}{where}",
            ir=function_text(self.function),
            loc=op.loc if op is not None else self.function.loc,
            function=self.function.name,
        )

    def run(self) -> None:
        body = self.function.body
        if tuple(p.value for p in self.function.params) != body.params:
            self.fail("parameters of the function and of its body differ")
        self.region(body)

    def define(self, values: tuple[Value, ...], op: Op | None) -> None:
        for value in values:
            if value in self.defined:
                self.fail(f"%{value.name} is defined twice", op)
            self.defined.add(value)
            self.scope.add(value)

    def use(self, operands: tuple[Operand, ...], op: Op | None) -> None:
        for operand in operands:
            if isinstance(operand, Value):
                if operand not in self.scope:
                    self.fail(f"%{operand.name} is used where it is not defined", op)
            elif not isinstance(operand, Const):
                self.fail(f"{operand!r} is not an operand", op)

    def region(self, region: Region) -> None:
        self.define(region.params, None)
        ended = False
        for op in region.ops:
            if ended:
                self.fail("an operation after raise", op)
            self.use(op.operands, op)
            self.structure(op)
            for inner in op.regions:
                self.region(inner)
            self.define(op.results, op)
            ended = op.kind is O.RAISE
        self.use(region.yields, region.ops[-1] if region.ops else None)
        self.scope.difference_update(region.params, *(op.results for op in region.ops))

    def structure(self, op: Op) -> None:
        if op.kind not in O.ALL_KINDS:
            self.fail("unknown kind of operation", op)
        if op.kind is O.IF:
            for region in op.regions:
                if region.params:
                    self.fail("a branch has parameters", op)
                if len(region.yields) != len(op.results):
                    self.fail("a branch yields another number of values than results", op)
        elif op.kind is O.FOR:
            self.for_loop(op)
        elif op.kind is O.WHILE:
            self.while_loop(op)
        elif op.regions:
            self.fail("an operation without regions has one", op)
        elif op.kind is O.APPLY and not callable(op.attrs.get("fn")):
            self.fail("apply without a function", op)
        elif op.kind is O.CALL:
            callee = op.attrs["callee"]
            if len(op.operands) != len(callee.params):
                self.fail(f"{callee.name} is called with another number of arguments", op)
            if len(op.results) != len(callee.body.yields):
                self.fail(f"{callee.name} returns another number of values", op)
        elif op.kind not in (O.RAISE, O.ASSERT, O.OPAQUE) and len(op.results) != 1:
            self.fail("not one result", op)

    def for_loop(self, op: Op) -> None:
        attrs = op.attrs
        carries, emits, streams = attrs["carries"], len(attrs["emits"]), len(attrs["streams"])
        stop = int(attrs["may_stop"])
        body = op.regions[0]
        if len(op.operands) != 3 + carries + streams:
            self.fail("number of operands of for", op)
        if len(body.params) != 1 + carries + streams:
            self.fail("number of parameters of the body of for", op)
        self.loop_ends(op, body, carries + emits + stop)
        for operand in op.operands[3 + carries :]:
            if not isinstance(operand.type, abstract.ListOf):
                self.fail("a stream is not a list", op)

    def while_loop(self, op: Op) -> None:
        cond, body = op.regions
        carries, emits = op.attrs["carries"], len(op.attrs["emits"])
        if len(cond.params) != carries or len(body.params) != carries:
            self.fail("number of carries of while", op)
        if len(cond.yields) != 1:
            self.fail("the condition of while does not yield one value", op)
        ends = carries + emits + int(op.attrs["may_stop"])
        if len(body.yields) != ends or len(op.results) != carries + emits + 1:
            self.fail("number of yields or results of while", op)

    def loop_ends(self, op: Op, body: Region, ends: int) -> None:
        if len(body.yields) != ends:
            self.fail("number of yields of the body of for", op)
        if len(op.results) != ends:
            self.fail("number of results of for", op)
