"""Ownership: where an array may be written in place, and where it must be copied first.

What holds afterwards: memory is written only if this function allocated it and nothing that
shares it is read later; what the function returns shares memory with nothing of its caller.

All values that may share memory form a group. A write joins its result to the group of the array
that it writes. Where a group holds memory of somebody else, or something that is read after the
write, a copy divides it: at the start of a loop rather than within it, else before the write.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
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

    members: set[Value]
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
            found = set(self.spread(value))
            writable = self.unwritable.isdisjoint(found)
            group = _Group(found, self.liveness.bits(found), writable)
            self.groups.update(dict.fromkeys(found, group))
        return self.groups[value]

    def spread(
        self, start: Value, through: Callable[[_Edge], bool] = lambda e: True
    ) -> Iterator[Value]:
        """A value, and what edges lead to from it, the nearest first."""
        found, todo = {start}, deque([start])
        while todo:
            value = todo.popleft()
            yield value
            for edge in self.edges_at.get(value, ()):
                if not edge.broken and through(edge):
                    for end in (edge.a, edge.b):
                        if end not in found:
                            found.add(end)
                            todo.append(end)

    def conflicts(self, s: T.Define, array: Value) -> bool:
        """Whether something keeps a statement from writing an array in place."""
        group = self.of(array)
        if not group.writable or self.read_after(s) & group.bits:
            return True
        return any(self.of(v) is group for v in self.read_by(s))

    def read_after(self, s: T.Define) -> int:
        return self.liveness.after[s] & ~self.liveness.bit(s.results[0])

    def read_by(self, s: T.Define) -> Iterator[Value]:
        """What a statement reads besides what it writes, and what tapes hold that are needed."""
        if s.op.kind is O.ADD_AT and may_repeat(s.op.operands[2:]):
            read = self.program.all_leaves(s.op.operands[1:])
        elif s.op.kind in (O.SETITEM, O.ADD_AT):
            read = self.program.all_leaves(s.op.operands[2:])
        else:
            read = []
        yield from (v for v in read if has_memory(v.type))
        for tape in self.tapes:
            if self.read_after(s) & self.liveness.bit(tape):
                yield from self.parts(tape)

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
        or in its stead. Around the array grows what may stay one memory with it: the most
        expensive copies are spared first. An edge is cut if it leads to what must not be
        written, by way of copies that are more expensive.
        """
        after = self.read_after(s)
        read = set(map(self.node, self.read_by(s)))

        def is_needed(v: Value) -> bool:
            return v in read or v in self.unwritable or bool(after & self.liveness.bit(v))

        def can_divide(e: _Edge) -> bool:
            return _can_copy(e) and (
                e.depth < place.depth or (parts and _copies_little(e)) or _in_stead(e, place)
            )

        def is_before(limit: tuple[int, ...]) -> Callable[[_Edge], bool]:
            return lambda e: (
                e.a not in near
                and e.b not in near
                and (not can_divide(e) or _cheapness(e) < limit)
            )

        near = set(self.spread(self.node(array), lambda e: not can_divide(e)))
        if any(map(is_needed, near)):
            return False
        cut: list[_Edge] = []
        ahead: list[tuple[tuple[int, ...], _Edge]] = []

        def reach(values: Iterable[Value]) -> None:
            for edge in (e for v in values for e in self.edges_at.get(v, ()) if not e.broken):
                if (edge.a in near) != (edge.b in near):
                    heapq.heappush(ahead, (_cheapness(edge), edge))

        reach(near)
        while ahead:
            limit, edge = heapq.heappop(ahead)
            if edge.a in near and edge.b in near:
                continue
            beyond = set()
            for value in self.spread(edge.b if edge.a in near else edge.a, is_before(limit)):
                beyond.add(value)
                if is_needed(value):
                    cut.append(edge)
                    break
            else:
                near.update(beyond)
                reach(beyond)
        self.cut(cut, near)
        return True

    def cut(self, edges: list[_Edge], near: set[Value]) -> None:
        """Break the edges from `near`, which is writable, to the rest of its group."""
        if len(edges) != 1:
            for edge in edges:
                self.regroup(edge, broken=True)
            return
        rest = self.of(edges[0].a)  # hangs together without `near`
        edges[0].broken = True
        parted = _Group(near, self.liveness.bits(near), True)
        rest.members -= near
        rest.bits &= ~parted.bits
        self.groups.update(dict.fromkeys(near, parted))

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
        return {self.of(v) for v in self.parts(leaf)}

    def parts(self, leaf: Operand) -> list[Value]:
        """The values whose memory a result of the function is, or holds."""
        found = self.tapes.get(leaf, (leaf,)) if isinstance(leaf, Value) else ()
        return [v for v in found if isinstance(v, Value)]


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


def _cheapness(edge: _Edge) -> tuple[int, ...]:
    """Copies in order, the most expensive first."""
    return (-_expense(edge), -edge.depth, -edge.number)


def _can_copy(edge: _Edge) -> bool:
    if edge.view:
        return isinstance(edge.a.type, Array)
    if not isinstance(edge.statement, (T.Copy, T.Append)):
        return False
    t = edge.b.type if isinstance(edge.statement, T.Append) else edge.a.type
    return _has_copy(t) and not (isinstance(t, (ListOf, TableOf)) and has_memory(t.elem))


def _has_copy(t: Type) -> bool:
    return isinstance(t, (Array, ListOf, TableOf)) or t == UNKNOWN
