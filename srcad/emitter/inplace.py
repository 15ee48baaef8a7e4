"""Ownership: where an array may be written in place, and where it must be copied first.

What holds afterwards: memory is written only if this function allocated it and nothing that
shares it is read later; what the function returns shares memory with nothing of its caller.

All values that may share memory form a group. A write joins its result to the group of the array
that it writes. Where a group holds memory of somebody else, or something that is read after the
write, a copy divides it: at the start of a loop rather than within it, else before the write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from srcad.emitter import tree as T
from srcad.emitter.liveness import Liveness
from srcad.emitter.ownership import foreign, has_memory, is_write, shares, updatable
from srcad.ir import ops as O
from srcad.ir.abstract import UNKNOWN, Array, ListOf, TableOf, TupleOf, Type
from srcad.ir.values import Function, Op, Operand, Role, Value
from srcad.rules.indexing import may_repeat


@dataclass(eq=False)
class _Edge:
    """Two values that share memory; unless `statement` copies (which only some can)."""

    a: Value
    b: Value
    number: int  # in the order of the text
    statement: T.Statement | None = None
    depth: int = 0
    branches: frozenset[tuple[T.Statement, int]] = frozenset()  # that it lies in
    broken: bool = False
    view: bool = False  # `a` is a view of `b` that `statement` takes


@dataclass(eq=False)
class _Group:
    """Values that may share memory."""

    members: frozenset[Value]
    bits: int
    writable: bool


@dataclass(frozen=True)
class Sharing:
    """What the results of a function share memory with: parameters (by position), each other
    (equal numbers), or things out of reach (`outside`)."""

    params: tuple[frozenset[int], ...]
    groups: tuple[int, ...]
    outside: tuple[bool, ...]


class Ownership:
    """Decides for each write and each joint of a function between sharing and copying."""

    def __init__(
        self,
        program: T.Program,
        liveness: Liveness,
        sharing: dict[Function, Sharing],
        leaves: list[Operand],
    ) -> None:
        self.program, self.liveness, self.sharing = program, liveness, sharing
        self.tapes = _tapes(program, leaves)
        self.edges: list[_Edge] = []
        self.edges_at: dict[Value, list[_Edge]] = {}
        self.outside: set[Value] = set()  # memory of the caller, or that cannot be written
        self.held: set[Value] = set()  # elements of containers
        self.writes: list[tuple[T.Define, _Edge]] = []
        self.updates: list[tuple[T.Define, Value, int]] = []
        self.in_place: dict[T.Define, Value] = {}  # the array that a statement writes
        self.groups: dict[Value, _Group] = {}
        self.branches: frozenset[tuple[T.Statement, int]] = frozenset()  # around
        self.outside.update(p for p in program.params if has_memory(p.type))
        for value, found in program.folded.items():
            if isinstance(found, T.Ternary):
                self.choice(value, found)
            else:
                self.operation(found)
        self.block(program.body, 0)
        self.unwritable = {self.node(v) for v in (*self.outside, *self.held)}
        self.decide()

    # ------------------------------------------------------------------ what shares memory
    def node(self, value: Value) -> Value:
        return self.program.canonical(value)

    def join(
        self, a: Operand, b: Operand, statement: T.Statement | None = None, depth: int = 0
    ) -> _Edge | None:
        if not (isinstance(a, Value) and isinstance(b, Value)):
            return None
        if not (has_memory(a.type) and has_memory(b.type)):
            return None
        number = len(self.edges)
        edge = _Edge(self.node(a), self.node(b), number, statement, depth, self.branches)
        self.edges.append(edge)
        for end in {edge.a, edge.b}:
            self.edges_at.setdefault(end, []).append(edge)
        self.regroup(edge)
        return edge

    def block(self, block: T.Block, depth: int) -> None:
        for s in block:
            if isinstance(s, T.Define):
                self.define(s, depth)
            elif isinstance(s, T.Choose):
                self.choice(s.result, s.choice)
            elif isinstance(s, T.Copy):
                for target, source in s.pairs:
                    self.join(target, source, s, depth)
            elif isinstance(s, T.Append):
                for item in s.items:
                    self.join(s.target, item, s, depth)
            elif isinstance(s, T.Pop):
                self.join(s.result, s.source)
                self.held.add(s.result)
            elif isinstance(s, T.ForLoop):
                for walked in s.sources:
                    for variable in walked.targets:
                        if variable is not None and walked.iterable is not None:
                            self.join(variable, walked.iterable)
                            self.held.add(variable)
            inner = depth + isinstance(s, (T.ForLoop, T.WhileLoop))
            around = self.branches
            for k, b in enumerate(T.inner_blocks(s)):
                if isinstance(s, T.Branch):
                    self.branches = around | {(s, k)}
                self.block(b, inner)
            self.branches = around

    def choice(self, result: Value, choice: T.Ternary) -> None:
        for part in choice.parts():
            self.join(result, part)

    def define(self, s: T.Define, depth: int) -> None:
        op = s.op
        if is_write(op):
            edge = self.join(op.results[0], op.operands[0], s, depth)
            if edge is not None:
                self.writes.append((s, edge))
            if not isinstance(op.operands[0].type, Array) and len(op.operands) > 1:
                self.join(op.results[0], op.operands[1])
            return
        self.operation(op, s, depth)
        for array in updatable(op, lambda: self.program.extents):
            if array not in self.program.folded:
                self.updates.append((s, array, depth))

    def operation(self, op: Op, s: T.Define | None = None, depth: int = 0) -> None:
        if op.kind is O.CALL:
            self.call(op)
            return
        if any(r in self.tapes for r in op.results):
            return
        for r in op.results:
            if foreign(op):
                self.outside.add(self.node(r))
            for o in shares(op):
                edge = self.join(r, o, s, depth)
                if edge is not None:
                    edge.view = s is not None and op.kind in (O.GETITEM, O.APPLY)

    def call(self, op: Op) -> None:
        sharing = self.sharing.get(op.attrs["callee"])
        first: dict[int, Value] = {}
        for k, r in enumerate(op.results):
            if sharing is None or sharing.outside[k]:
                self.outside.add(r)
            positions = range(len(op.operands)) if sharing is None else sharing.params[k]
            for p in positions:
                self.join(r, op.operands[p])
            if sharing is not None and has_memory(r.type):  # a number joins nothing
                self.join(r, first.setdefault(sharing.groups[k], r))

    # ------------------------------------------------------------------ groups
    def regroup(self, edge: _Edge, broken: bool = False) -> None:
        """Take up an edge, or break it: the groups of its ends are gathered anew when needed."""
        edge.broken = broken
        for end in (edge.a, edge.b):
            for member in self.groups[end].members if end in self.groups else ():
                del self.groups[member]

    def of(self, value: Value) -> _Group:
        """The values that may share memory with a value, itself included."""
        value = self.node(value)
        if value not in self.groups:
            found, todo = {value}, [value]
            while todo:
                for edge in self.edges_at.get(todo.pop(), ()):
                    for end in () if edge.broken else (edge.a, edge.b):
                        if end not in found:
                            found.add(end)
                            todo.append(end)
            writable = self.unwritable.isdisjoint(found)
            group = _Group(frozenset(found), self.liveness.bits(found), writable)
            self.groups.update(dict.fromkeys(found, group))
        return self.groups[value]

    def conflicts(self, s: T.Define, array: Value) -> bool:
        """Whether something keeps a statement from writing an array in place."""
        return bool(self.conflicting(s, [self.of(array)]))

    def conflicting(self, s: T.Define, groups: Iterable[_Group]) -> set[_Group]:
        """Those of the groups that a statement may not write in place."""
        after = self.liveness.after[s] & ~self.liveness.bit(s.results[0])
        found = {g for g in groups if not g.writable or after & g.bits}
        if s.op.kind is O.ADD_AT and may_repeat(s.op.operands[2:]):
            read = self.program.all_leaves(s.op.operands[1:])
        elif s.op.kind in (O.SETITEM, O.ADD_AT):
            read = self.program.all_leaves(s.op.operands[2:])
        else:
            read = []
        taken = {self.of(v) for v in read if has_memory(v.type)}
        for tape in self.tapes:
            if after & self.liveness.bit(tape):
                taken |= self.roots(tape)
        return found | taken.intersection(groups)

    # ------------------------------------------------------------------ decisions
    def decide(self) -> None:
        for s, edge in self.writes:
            array: Any = s.op.operands[0]
            if self.conflicts(s, array) and not self.divide(s, array, edge):
                self.regroup(edge, broken=True)
            else:
                self.in_place[s] = array
        for s, array, depth in self.updates:
            if s not in self.in_place:
                self.update(s, array, depth)
        self.copied = {
            (e.statement, e.b if isinstance(e.statement, T.Append) else e.a)
            for e in self.edges
            if e.broken and not isinstance(e.statement, T.Define)
        }
        self.copied_views = {e.statement for e in self.edges if e.broken and e.view}

    def divide(self, s: T.Define, array: Value, place: _Edge, parts: bool = True) -> bool:
        """Free the memory that `s` writes by as few and as rare copies as it takes.

        They are of `parts`, or in places that run less often than `s`, which stands at `place`,
        or in its stead.
        """
        candidates = [
            e
            for member in self.of(array).members
            for e in self.edges_at.get(member, ())
            if e.a is member and not e.broken and _can_copy(e)
            and (e.depth < place.depth or (parts and _copies_little(e)) or _in_stead(e, place))
        ]  # fmt: skip
        candidates.sort(key=lambda e: (_expense(e), e.depth, e.number))
        for edge in candidates:
            self.regroup(edge, broken=True)
        part = {v: self.of(v) for v in (array, *(v for e in candidates for v in (e.a, e.b)))}
        taken = self.conflicting(s, set(part.values()))
        united = {group: {group} for group in part.values()}
        divided = part[array] not in taken
        for edge in reversed(candidates):  # the most expensive copies are spared first
            near = united[part[array]]
            few, many = sorted((united[part[edge.a]], united[part[edge.b]]), key=len)
            if divided and few is not many:
                if near is few and taken & many or near is many and taken & few:
                    continue
                many |= few
                united.update(dict.fromkeys(few, many))
            self.regroup(edge)
        return divided

    def update(self, s: T.Define, array: Value, depth: int) -> None:
        """Let an operation update an operand in place, if that disturbs nothing."""
        edge = self.join(s.results[0], array, s, depth)
        if edge is None:
            return
        if not self.conflicts(s, array) or self.divide(s, array, edge, parts=False):
            group = self.of(array)
            related = [(w, a) for w, a in self.in_place.items() if self.of(a) is group]
            if not any(self.conflicts(w, a) for w, a in related):
                self.in_place[s] = array
                return
        self.regroup(edge, broken=True)

    def is_dead(self, value: Value, needed: int) -> bool:
        """Whether memory is this function's own, and no value of the set `needed` shares it."""
        group = self.of(value)
        return group.writable and not group.bits & needed

    # ------------------------------------------------------------------ results
    def returned_copies(self, leaves: list[Operand]) -> set[int]:
        """Positions of the results that must be copied to be fresh."""
        found = set()
        shared = {self.of(v) for v in self.outside}
        arrays = []
        for k, leaf in enumerate(leaves):
            if isinstance(leaf, Value) and has_memory(leaf.type):
                if _has_copy(leaf.type):
                    arrays.append((k, self.of(leaf)))
                else:
                    shared.update(self.roots(leaf))  # a tape, which is ours
        for k, root in arrays:
            if root in shared:
                found.add(k)
            shared.add(root)
        return found

    def summary(self, leaves: list[Operand]) -> Sharing:
        """What the results share memory with."""
        of_params = {p: self.of(p) for p in self.program.params if has_memory(p.type)}
        foreign_roots = {self.of(v) for v in self.outside if v not in of_params}
        roots = [self.roots(leaf) for leaf in leaves]
        params = tuple(
            frozenset(
                i for i, p in enumerate(self.program.params) if of_params.get(p, p) in found
            )
            for found in roots
        )
        groups: list[int] = []
        for k, found in enumerate(roots):
            shared = {groups[j] for j in range(k) if not found.isdisjoint(roots[j])}
            number = min(shared, default=k)
            groups = [number if g in shared else g for g in groups] + [number]
        return Sharing(params, tuple(groups), tuple(bool(r & foreign_roots) for r in roots))

    def roots(self, leaf: Operand) -> set[_Group]:
        """The groups that a result of the function belongs to."""
        if not isinstance(leaf, Value):
            return set()
        return {self.of(v) for v in self.tapes.get(leaf, (leaf,)) if isinstance(v, Value)}


def _in_stead(e: _Edge, place: _Edge) -> bool:
    """Whether one of both runs in a turn, since they lie in two branches of one `if`."""
    others = {(s, 1 - k) for s, k in place.branches}
    return e.depth == place.depth and isinstance(e.statement, T.Copy) and not (
        others.isdisjoint(e.branches)
    )


def _tapes(program: T.Program, leaves: list[Operand]) -> dict[Value, tuple[Operand, ...]]:
    """The tuples that are made to be returned, and are not read before: their parts share memory
    with them, but not with each other."""
    made: dict[Value, tuple[Operand, ...]] = {}
    for leaf in leaves:
        op = program.folded.get(leaf) if isinstance(leaf, Value) else None
        if isinstance(op, Op) and op.kind is O.PACK and isinstance(leaf.type, TupleOf):
            made[leaf] = op.operands  # type: ignore[index]
    read: Counter[Operand] = Counter()
    defined: dict[Operand, Op] = {}
    for s in T.walk(program.body):
        read.update(T.operands_of(s))
        if isinstance(s, T.Define) and s.op.kind is O.PACK:
            defined[s.op.results[0]] = s.op
    for op in program.folded.values():
        read.update(op.parts() if isinstance(op, T.Ternary) else op.operands)
    for leaf in leaves:
        if leaf in defined and read[leaf] == 1 and isinstance(leaf.type, TupleOf):
            made[leaf] = defined[leaf].operands  # type: ignore[index]
    return made


def _copies_little(edge: _Edge) -> bool:
    """Whether a copy is of what is kept or of a part, not of the whole array."""
    return edge.view or isinstance(edge.statement, T.Append)


def _expense(edge: _Edge) -> int:
    if not _copies_little(edge):
        return 2 if edge.depth else 0
    # NumPy may sum a view in another order than its copy: the primal rather keeps its views.
    return 1 if edge.view and edge.a.role is Role.PRIMAL else 0


def _can_copy(edge: _Edge) -> bool:
    if edge.view:
        return isinstance(edge.a.type, Array)
    if not isinstance(edge.statement, (T.Copy, T.Append)):
        return False
    t = edge.b.type if isinstance(edge.statement, T.Append) else edge.a.type
    return _has_copy(t) and not (isinstance(t, (ListOf, TableOf)) and has_memory(t.elem))


def _has_copy(t: Type) -> bool:
    return isinstance(t, (Array, ListOf, TableOf)) or t == UNKNOWN
