"""Which copies disappear: values that are one variable by the sense of the program.

In order of what they save: the array before and after a write, what a loop carries from one
iteration to the next, what the branches of an `if` give, the start values of loops.
"""

from __future__ import annotations

from srcad.emitter import tree as T
from srcad.emitter.inplace import Ownership
from srcad.emitter.liveness import Classes
from srcad.emitter.operators import COMMUTATIVE, INPLACE
from srcad.emitter.ownership import is_write
from srcad.emitter.undefined import reads
from srcad.ir.values import Op, Operand, Role, Value


def continued(op: Op) -> list[Value]:
    """The operands that ``x += g`` may stand for adding to."""
    if op.attrs.get("fn") not in INPLACE:
        return []
    either = op.attrs["fn"] in COMMUTATIVE and op.results[0].role is not Role.PRIMAL
    return [o for o in op.operands[: 2 if either else 1] if isinstance(o, Value)]


def coalesce(program: T.Program, classes: Classes, ownership: Ownership) -> None:
    """Unite classes of values, where they never hold different things at a time."""
    for s in T.walk(program.body):
        for target, source in s.pairs if isinstance(s, T.Copy) else ():
            if (s, target) in ownership.copied and isinstance(source, Value):
                classes.separate(target, source, s)
    wishes: list[tuple[int, int, Value, Value]] = []

    def wish(rank: int, depth: int, a: Value, b: Operand) -> None:
        if isinstance(b, Value) and b not in program.folded:
            wishes.append((rank, -depth, a, b))

    def visit(block: T.Block, depth: int) -> None:
        for s in block:
            if isinstance(s, T.Define) and s.results:
                if s in ownership.in_place:
                    wish(0, depth, s.results[0], ownership.in_place[s])
                elif is_write(s.op):
                    wish(0, depth, s.results[0], s.op.operands[0])
                for operand in continued(s.op):
                    result = s.results[0]
                    if operand.name == result.name and operand.type == result.type:
                        wish(2, depth, result, operand)
            elif isinstance(s, T.Copy):
                for target, source in s.pairs:
                    wish(1, depth, target, source)
            inner = depth + isinstance(s, (T.ForLoop, T.WhileLoop))
            for b in T.inner_blocks(s):
                visit(b, inner)

    visit(program.body, 0)
    for _, _, a, b in sorted(wishes, key=lambda w: w[:2]):
        classes.unite(a, b)


def unbound_copies(program: T.Program, classes: Classes, ownership: Ownership) -> set[Value]:
    """Values that may be unbound where they are copied, or given to another variable.

    A derivative that is the user's variable reads it: there, Python's own error is right.
    """
    partial = {program.canonical(v) for v in program.partial}
    found: set[Value] = set()

    def visit(block: T.Block, taken: tuple[tuple[Operand, int], ...]) -> None:
        for s in block:
            if isinstance(s, T.Branch):
                visit(s.then, (*taken, (s.cond, 0)))
                visit(s.orelse, (*taken, (s.cond, 1)))
                continue
            for target, source in s.pairs if isinstance(s, T.Copy) else ():
                if isinstance(source, Value) and source in partial and not reads(target, source):
                    condition = program.defined_if.get(source)
                    copied = (s, target) in ownership.copied or not classes.same(target, source)
                    if copied and condition not in taken:
                        found.add(source)
            for inner in T.inner_blocks(s):
                visit(inner, taken)

    visit(program.body, ())
    return found
