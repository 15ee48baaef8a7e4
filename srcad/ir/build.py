"""Building regions: a Builder appends operations to the innermost open region.

What holds afterwards: every operation has a location (that of the primal line it serves), every
new value the role that the builder was set to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from srcad.errors import Loc
from srcad.ir import ops as O
from srcad.ir.abstract import INT, ListOf, TableOf, Type
from srcad.ir.values import Const, Function, Op, Operand, Region, Role, Value, walk

_CONTAINERS = (ListOf, TableOf)


class Builder:
    """Appends operations. `block` is the list under construction; `loc` and `role` are stamped
    on what is emitted; `defining` has the operation of each value."""

    def __init__(self, block: list[Op] | None = None, role: Role = Role.PRIMAL) -> None:
        self.block: list[Op] = [] if block is None else block
        self.defining: dict[Value, Op] = {}
        self.loc: Loc | None = None
        self.role = role
        self._outer: list[list[Op]] = []  # blocks around the innermost one
        self.before: Callable[[Op], None] | None = None  # is told of what is about to be emitted
        self.seen: Callable[[Op], None] | None = None  # is told of what reads containers

    def value(self, type_: Type, name: str, named: bool = False) -> Value:
        return Value(type_, name, self.role, named)

    def emit(
        self,
        kind: O.OpKind,
        operands: Sequence[Operand],
        types: Sequence[Type],
        names: Sequence[str],
        attrs: Mapping[str, Any] | None = None,
        regions: Sequence[Region] = (),
    ) -> tuple[Value, ...]:
        """Append one operation and return its results."""
        results = tuple(self.value(t, n) for t, n in zip(types, names))
        op = Op(kind, tuple(operands), attrs or {}, results, tuple(regions), self.loc)
        if self.before is not None:
            self.before(op)
        self.append(op)
        if self.seen is not None and any(isinstance(o.type, _CONTAINERS) for o in op.operands):
            self.seen(op)
        return results

    def append(self, op: Op) -> None:
        self.block.append(op)
        for result in op.results:
            self.defining[result] = op

    def extend(self, ops: list[Op]) -> None:
        """Append operations whose regions were not made by this builder."""
        self.block.extend(ops)
        for op in walk(Region((), ops, ())):
            self.defining.update(dict.fromkeys(op.results, op))

    def emit1(
        self,
        kind: O.OpKind,
        operands: Sequence[Operand],
        type_: Type,
        name: str = "t",
        attrs: Mapping[str, Any] | None = None,
    ) -> Value:
        return self.emit(kind, operands, (type_,), (name,), attrs)[0]

    @contextmanager
    def nested(self) -> Iterator[list[Op]]:
        """Collect what is emitted inside into a list of its own."""
        with self.within([]) as block:
            yield block

    @contextmanager
    def within(self, block: list[Op]) -> Iterator[list[Op]]:
        """Append to a block, again or anew."""
        self._outer.append(self.block)
        self.block = block
        try:
            yield block
        finally:
            self.block = self._outer.pop()

    def is_open(self, block: list[Op]) -> bool:
        """Whether what was defined in a block can be read here."""
        return block is self.block or any(block is b for b in self._outer)

    @contextmanager
    def at(self, loc: Loc | None) -> Iterator[None]:
        outer, self.loc = self.loc, loc
        try:
            yield
        finally:
            self.loc = outer


def for_op(
    bounds: Sequence[Operand],
    inits: Sequence[Operand],
    streams: Sequence[tuple[Operand, bool]],
    body: Region,
    finals: Sequence[Value],
    emits: Sequence[tuple[Value, bool]] = (),
    *,
    reverse: bool = False,
    trips: Value | None = None,
    loc: Loc | None = None,
) -> Op:
    """A `for` operation from its parts; `trips` is given exactly when the loop may stop."""
    attrs = {
        "carries": len(inits),
        "streams": tuple(flag for _, flag in streams),
        "emits": tuple(flag for _, flag in emits),
        "reverse": reverse,
        "may_stop": trips is not None,
    }
    operands = (*bounds, *inits, *(s for s, _ in streams))
    results = (*finals, *(v for v, _ in emits), *((trips,) if trips is not None else ()))
    return Op(O.FOR, operands, attrs, results, (body,), loc)


def while_op(
    inits: Sequence[Operand],
    cond: Region,
    body: Region,
    finals: Sequence[Value],
    emits: Sequence[tuple[Value, bool]],
    trips: Value,
    *,
    may_stop: bool,
    loc: Loc | None = None,
) -> Op:
    """A `while` operation from its parts."""
    attrs = {
        "carries": len(inits),
        "emits": tuple(flag for _, flag in emits),
        "may_stop": may_stop,
    }
    results = (*finals, *(v for v, _ in emits), trips)
    return Op(O.WHILE, tuple(inits), attrs, results, (cond, body), loc)


def if_op(
    cond: Operand, then: Region, orelse: Region, results: Sequence[Value], loc: Loc | None = None
) -> Op:
    return Op(O.IF, (cond,), {}, tuple(results), (then, orelse), loc)


def with_emits(op: Op, extra: Sequence[tuple[Operand, Value]], body: Region | None = None) -> Op:
    """The loop `op` that also collects `extra`: pairs of a body value and the list's value.

    `body` replaces the loop's body where that was rewritten too.
    """
    view: O.ForView | O.WhileView = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
    old = body or view.body
    carries, emits = op.attrs["carries"], len(op.attrs["emits"])
    at_yield = carries + emits
    yields = (*old.yields[:at_yield], *(v for v, _ in extra), *old.yields[at_yield:])
    results = (*op.results[:at_yield], *(v for _, v in extra), *op.results[at_yield:])
    attrs = {**op.attrs, "emits": op.attrs["emits"] + (False,) * len(extra)}
    regions = (*op.regions[:-1], Region(old.params, old.ops, yields))
    return Op(op.kind, op.operands, attrs, results, regions, op.loc)


def list_of(value: Value, suffix: str = "_tape") -> Value:
    """A fresh value for the list that collects `value` once per iteration."""
    return Value(ListOf(value.type), value.name + suffix, Role.TAPE, True)


def trip_count(name: str = "trips") -> Value:
    return Value(INT, name)


def clone_region(region: Region, mapping: dict[Value, Operand]) -> Region:
    """A copy of a region with fresh values; `mapping` gives replacements of free values and is
    extended by old -> new."""

    def operand(o: Operand) -> Operand:
        return mapping.get(o, o) if isinstance(o, Value) else o

    def fresh(v: Value) -> Value:
        new = Value(v.type, v.name, v.role, v.named)
        mapping[v] = new
        return new

    params = tuple(fresh(v) for v in region.params)
    ops: list[Op] = []
    for op in region.ops:
        operands = tuple([operand(o) for o in op.operands])
        regions = tuple([clone_region(r, mapping) for r in op.regions])
        results = tuple([fresh(r) for r in op.results])
        ops.append(Op(op.kind, operands, op.attrs, results, regions, op.loc))
    return Region(params, ops, tuple([operand(o) for o in region.yields]))


def map_tree(tree: Any, leaf: Callable[[Any], Any]) -> Any:
    """Apply `leaf` to every leaf of a tree of tuples, lists and dicts."""
    if isinstance(tree, (tuple, list)):
        parts = [map_tree(t, leaf) for t in tree]
        make = getattr(tree, "_make", type(tree))  # of a namedtuple
        return make(parts)
    if isinstance(tree, dict):
        return {k: map_tree(t, leaf) for k, t in tree.items()}
    return leaf(tree)


def leaves(tree: Any) -> list[Any]:
    """Leaves of a tree of tuples, lists and dicts, in order."""
    if isinstance(tree, (tuple, list)):
        return [x for t in tree for x in leaves(t)]
    if isinstance(tree, dict):
        return [x for t in tree.values() for x in leaves(t)]
    return [tree]


def clone_function(function: Function) -> Function:
    """A copy of a function with fresh values throughout."""
    mapping: dict[Value, Operand] = {}
    body = clone_region(function.body, mapping)

    def fresh(v: Value) -> Value:
        new = mapping[v]
        assert isinstance(new, Value)
        return new

    params = tuple(replace(p, value=fresh(p.value)) for p in function.params)
    inputs = {k: map_tree(t, fresh) for k, t in function.inputs.items()}
    return replace(function, params=params, body=body, inputs=inputs, derivatives={})


def constant(value: Any) -> Const:
    return Const.of(value)
