"""Which variables the reverse sweep deletes, so that their memory is there for what follows.

What holds afterwards: where a statement of the reverse sweep makes a new array of as many
dimensions as the largest of the function, those of them that nobody reads any more are gone.
Only variables that are bound at the top of the function are deleted; until then no other variable
has the name of one.
"""

from __future__ import annotations

from srcad.emitter import tree as T
from srcad.emitter.inplace import Ownership
from srcad.emitter.liveness import Classes, Liveness
from srcad.emitter.ownership import foreign, has_memory, shares
from srcad.ir import ops as O
from srcad.ir.abstract import ONE, Array, ListOf, Type, dims_of
from srcad.ir.values import UNDEFINED, Op, Role, Value


def releases(
    program: T.Program, liveness: Liveness, classes: Classes, ownership: Ownership
) -> dict[T.Statement, list[Value]]:
    """For each statement, a value of each variable to delete before it."""
    found: dict[T.Statement, list[Value]] = {}
    largest = max((_rank(v.type) for v in liveness.values), default=0)
    if not largest:
        return found
    bound: dict[int, tuple[Value, int]] = {}  # variables: their last value, where it was used last
    busy: list[int] = []  # of each statement, the values whose names it needs
    for k, s in enumerate(program.body):
        busy.append(_busy(s, liveness))
        reads = liveness.bits(
            v for inner in T.walk([s]) for v in program.all_leaves(T.operands_of(inner))
        )
        for c in map(classes.of, liveness.members(reads)):
            if c in bound:
                bound[c] = bound[c][0], k
        if isinstance(s, T.Define) and s not in ownership.in_place:
            if _rank_made(s.op, program) == largest:
                needed = liveness.after[s] | reads
                for c, (value, last) in list(bound.items()):
                    if classes.members[c] & needed:
                        continue  # a branch has bound the name again
                    if ownership.is_dead(value, needed):
                        found.setdefault(s, []).append(value)
                        del bound[c]
                        classes.keep_apart(c, liveness.union(busy[last:]))
        for value in _bound_by(s, liveness):
            if _rank(value.type) == largest and value not in program.folded:
                bound[classes.of(value)] = value, k
    return found


def _busy(s: T.Statement, liveness: Liveness) -> int:
    """All that a statement and those within it make, or that is read after one of them."""
    found = 0
    for inner in T.walk([s]):
        targets = inner.targets() if isinstance(inner, T.ForLoop) else []
        found |= liveness.bits([*targets, *T.writes(inner)]) | liveness.after.get(inner, 0)
    return found


def _bound_by(s: T.Statement, liveness: Liveness) -> list[Value]:
    """The values that a statement certainly gives to variables: nobody names what is not read."""
    if isinstance(s, T.Copy):
        found = [target for target, source in s.pairs if source is not UNDEFINED]
    else:
        found = T.writes(s) if isinstance(s, (T.Define, T.Choose, T.NewList)) else []
    after = liveness.after.get(s, 0)
    return [v for v in found if after & liveness.bit(v)]


def _rank_made(op: Op, program: T.Program) -> int:
    """How many dimensions the new array has that an operation of the reverse sweep makes."""
    if op.kind is not O.APPLY or op.results[0].role is not Role.ADJOINT:
        return 0
    if not shares(op) and not foreign(op):
        return _rank(op.result.type)
    viewed = program.folded.get(op.operands[0])  # type: ignore[arg-type]
    return _rank_made(viewed, program) if isinstance(viewed, Op) else 0


def _rank(t: Type) -> int:
    """How many dimensions of more than one element the memory of a value has."""
    if isinstance(t, ListOf):
        return 1 + _rank(t.elem)
    if not isinstance(t, Array) or not has_memory(t):
        return 0
    return sum(d is not ONE for d in dims_of(t) or ())
