"""What a loop carries from one iteration to the next, found by lowering its body until it settles.

What holds afterwards: every name and every memory that an iteration changes is a parameter of the
loop's body. Names that an iteration binds to other memory than they came with (`u, v = v, u`, or
`y = y + 1`) refer to memory of the loop's own: it starts as what they referred to before, and
takes over what they refer to at the end of an iteration.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import gast

from srcad import runtime
from srcad.errors import TypeInferenceError
from srcad.ir.abstract import UNDEF, ListOf, TupleOf, Type, join, type_of_constant
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Region, Value, walk
from srcad.parser.bindings import (
    Binding,
    Cell,
    Key,
    Known,
    Maybe,
    ObjectParam,
    Poison,
    Ref,
    Struct,
    cells_in,
    common_special,
    describe,
    map_values,
    merge,
    merge_paths,
    number,
    one_object,
    part_name,
    plain_name,
    presence_name,
    same,
    values_in,
)
from srcad.parser.containers.tables import different_tables, table_type
from srcad.parser.control.flags import BROKEN, CONTINUED, FALSE, RESULT, RETURNED, is_error, is_flag
from srcad.parser.frames import FirstDiffers
from srcad.parser.iterables.places import Place
from srcad.parser.memory.storage import key_name

_NONE = Const.of(None)


@dataclass
class LoopBody:
    """A body as it was lowered: operations and the state at its end."""

    ops: list[Op]
    variables: dict[Key, Binding]
    index: Any
    stop: Operand | None
    cond_ops: list[Op] = field(default_factory=list)
    cond: Any = None


@dataclass
class Loop:
    """A settled loop: its body, and one init, parameter, yield and final value per carry."""

    body: LoopBody
    params: list[Value] = field(default_factory=list)
    inits: list[Operand] = field(default_factory=list)
    yields: list[Operand] = field(default_factory=list)
    finals: list[Value] = field(default_factory=list)
    after: dict[Key, Binding] = field(default_factory=dict)

    @property
    def stop(self) -> Operand | None:
        return self.body.stop


class Carries:
    """The state of the search for what one loop carries.

    Attributes
    ----------
    entry
        Per name and memory that may change, what it is before the loop (None: not bound).
    shapes
        The same with a value for each number, whose type holds in every iteration.
    static
        Names that are bound to the same known object in every iteration.
    own
        Memory of the loop's own, with the binding that it starts as.
    becomes
        For this memory, the binding that an iteration leaves for the next one.
    first
        Whether the loop begins with its first iteration, which may be lowered by itself.
    """

    def __init__(
        self, low: Any, names: set[str], returns: bool, broken: bool, first: bool
    ) -> None:
        self.low = low
        self.first = first
        self.names = names
        self.before: dict[Key, Binding] = low.frame.vars
        before = self.before
        order = [n for n in before if n in names] + sorted(names - set(before))  # type: ignore[arg-type]
        self.entry: dict[Key, Binding | None] = {n: before.get(n) for n in order}  # type: ignore[misc]
        if returns:
            self.entry[RESULT] = None
            self.entry[RETURNED] = FALSE
        if broken:
            self.entry[BROKEN] = FALSE
        self.static: set[Key] = {
            n for n, b in self.entry.items() if b is not None and not carries_data(b)
        }
        self.shapes: dict[Key, Binding | None] = {
            n: self.shape(b, n) for n, b in self.entry.items() if n not in self.static
        }
        self.own: dict[Cell, Binding | None] = {}
        self.becomes: dict[Cell, Binding | None] = {}
        self.linked: dict[tuple[Any, ...], Cell] = {}
        self.made: set[Cell] = set()  # own memory that the last lowering did not know
        self.current: Key = ""
        self.news = False

    # ------------------------------------------------------------------ rounds
    def settle(self, build: Callable[[dict[Key, Binding]], LoopBody], node: gast.AST) -> Loop:
        """Lower the body until the types of what it carries are stable."""
        tolerant = True
        rounds = 0
        while rounds < 4 + 3 * len(self.entry):
            rounds += 1
            params: list[Value] = []
            carried: dict[Key, Binding] = {
                key: map_values(shape, functools.partial(_fresh, made=params))
                for key, shape in self.shapes.items()
                if shape is not None
            }
            origins = self.origins()
            body, too_early = self.lower(build, carried, tolerant)
            changed = self.compare(body) or self.origins() != origins
            if not changed and too_early:
                tolerant = False  # now the read is an error, with its place
                continue
            if not changed:
                return self.finish(body, carried, params)
        raise TypeInferenceError(
            "the types carried by this loop do not settle",
            reason="each iteration changes the kind of a variable",
            advice="give the variables the kind before the loop that they have after it",
            loc=self.low.loc(node),
        )

    def origins(self) -> list[str]:
        """Whose the memory before the loop is known to be."""
        cells = [k for k in (*self.before, *self.own) if isinstance(k, Cell)]
        return [f"{k.origin} {k.separate}" for k in cells]

    def lower(
        self, build: Any, carried: Mapping[Key, Binding], tolerant: bool
    ) -> tuple[LoopBody, set[str]]:
        """(the body, names that it reads before it binds them)."""
        frame = self.low.frame
        inner = {k: v for k, v in carried.items() if not is_flag(k) and k != RESULT}
        unbound = {n for n in self.names if n not in inner and n not in self.static}
        frame.vars = {k: v for k, v in self.before.items() if k not in unbound}
        tolerated, met = frame.tolerated, frame.met
        # an iteration after the first may find what this one binds only at its end
        frame.tolerated = tolerated | unbound if tolerant else tolerated
        frame.met = set()
        try:
            body: LoopBody = build(inner)
        finally:
            too_early = frame.met & unbound
            frame.tolerated, frame.met = tolerated, met | (frame.met - unbound)
            frame.vars = self.before
        return body, too_early

    def compare(self, body: LoopBody) -> bool:
        """Widen the shapes to what the body left; whether anything was new."""
        self.news = False
        self.becomes = {}
        for key, content in body.variables.items():  # memory that the body wrote
            if isinstance(key, Cell) and key not in self.entry and key in self.before:
                if not same(self.before[key], content):
                    moves = _is_place(content) or _is_place(self.before[key])
                    if moves and (self.first or self.low.single_turns):
                        raise FirstDiffers
                    self.entry[key] = self.before[key]
                    self.shapes[key] = self.shape(self.before[key], key)
                    self.news = True
            elif is_flag(key) and key != CONTINUED and key not in self.entry:
                if key != BROKEN:  # a block around the loop is left here
                    self.entry[key] = FALSE
                    self.shapes[key] = self.shape(FALSE, key)
                    self.news = True
            elif isinstance(key, str) and "." in key and key in self.before:
                if key not in self.entry and not same(self.before[key], content):
                    self.found_late(key, content)  # of a generator that `next` reads
            elif is_error(key) and key not in self.entry:
                self.entry[key] = self.shapes[key] = None
                self.news = True
        done: set[Key] = set()
        while len(done) < len(self.entry):
            for key in [k for k in self.entry if k not in done]:
                done.add(key)
                self.compare_one(key, body)
        self.share()
        return self.news

    def found_late(self, key: Key, content: Binding) -> None:
        """A name that no statement of the body binds, but what the body calls."""
        start = self.before[key]
        if self.first and not carries_data(start) and carries_data(content):
            raise FirstDiffers
        self.entry[key] = start
        self.shapes[key] = self.shape(start, key)
        self.news = True

    def compare_one(self, key: Key, body: LoopBody) -> None:
        after = self.after(key, body)
        if key in self.static:
            start = self.before.get(key)
            if after is not None and after is not start and not same(start, after):
                optional = isinstance(after, Maybe) and not cells_in(after)
                if self.first and not optional:
                    if isinstance(after, Poison) or carries_data(after):
                        raise FirstDiffers  # `prev = None` before the loop
                merged: Binding | None = None
                if optional or isinstance(after, Value):
                    merged = merge(start, after, key_name(key), _type_only, every=True)
                if not isinstance(merged, Maybe):
                    merged = Poison(
                        f"`{key_name(key)}` is {describe(start)} before the loop and "
                        f"{describe(after)} after an iteration"
                    )
                self.shapes[key] = merged
                self.static.discard(key)
                self.news = True
            return
        old = self.shapes[key]
        if isinstance(old, Poison):
            return
        self.current = key
        new: Binding | None
        of_type = type_of_both(old, after) if isinstance(key, Cell) else None
        if isinstance(key, Cell) and of_type is not None:
            with self.low.at_end_of(body.ops, body.variables):
                after_type = of_type(after, self.low)
                self.low.note_held(key, [x for x in (old, after) if isinstance(x, Struct)])
                new = Value(join(of_type(old, self.low), after_type), key.name)
        else:
            new = merge(old, after, key_name(key), _type_only, self.link, every=True)
        if not _same_shape(old, new):
            self.shapes[key] = new
            self.news = True

    def after(self, key: Key, body: LoopBody) -> Binding | None:
        """What a name is bound to, or memory holds, at the end of an iteration."""
        if is_flag(key):
            return body.variables.get(key, FALSE)
        if key in self.own:
            assert isinstance(key, Cell)
            left = self.becomes.get(key, Ref(key))
            with self.low.at_end_of(body.ops, body.variables):
                found: Binding | None = self.low.deref_where_bound(left, body.ops, self.low.deref)
            return found
        return body.variables.get(key)

    # ------------------------------------------------------------------ memory
    def link(self, old: Binding | None, after: Binding | None, name: str) -> Binding | None:
        """The reference that holds in every iteration."""
        if after is None:
            return old
        key = tuple(x.key() if isinstance(x, Ref) else id(x) for x in (old, after))
        if isinstance(old, Ref) and old.cell in self.own:
            if old.cell not in self.becomes:
                self.becomes[old.cell] = after
                return old
            if _alike(self.becomes[old.cell], after):
                return old
            entry = self.own[old.cell]  # names that were one memory part their ways here
        elif isinstance(old, Ref) and isinstance(after, Ref) and old.cell is after.cell:
            path = merge_paths(old.path, after.path, name, _type_only)
            if path is not None:
                return Ref(old.cell, path)
            entry = self.entry_of(old)
        elif old is None and isinstance(after, Ref) and after.cell in self.before:
            return map_values(after, lambda v: _type_only(v, UNDEFINED, v.type, f"{name}_index"))
        else:
            entry = self.entry_of(old)
        if key not in self.linked:
            cell = Cell(plain_name(name), _origin(entry, after))
            cell.special = common_special(entry, after)
            self.linked[key] = cell
            self.own[cell] = entry
            self.made.add(cell)
            start = self.low.deref_joint(entry)
            self.entry[cell] = start
            self.shapes[cell] = None if start is None else self.shape(start, cell)
            self.news = True
        cell = self.linked[key]
        self.becomes[cell] = after
        return Ref(cell)

    def entry_of(self, old: Binding | None) -> Binding | None:
        """What a position is before the loop, if it is `old` in an iteration."""
        top, shape = self.entry[self.current], self.shapes[self.current]
        if isinstance(self.current, str) and (top is None or not isinstance(top, (Struct, Maybe))):
            return top
        found = None if old is None else _counterpart(shape, top, old)
        return old if found is None and isinstance(old, Ref) else found

    def share(self) -> None:
        """Memory of the loop's own may be what it starts as, and what it takes over."""
        for i, (cell, entry) in enumerate(self.own.items()):
            left = self.left(cell)
            for x in (entry, left):
                if isinstance(x, Ref):
                    for other in (x.cell, *x.cell.shared):
                        if other in self.before:
                            self.note(cell, other)
            for other, start in list(self.own.items())[:i]:
                if _may_be_one(entry, start) or _may_be_one(left, self.left(other)):
                    self.note(cell, other)
        self.made = set()

    def left(self, cell: Cell) -> Binding | None:
        """What an iteration leaves for memory of the loop's own, if it was lowered with it."""
        return None if cell in self.made else self.becomes.get(cell, Ref(cell))

    def note(self, a: Cell, b: Cell) -> None:
        if a.share(b):
            self.news = True

    # ------------------------------------------------------------------ shapes
    def shape(self, binding: Binding | None, key: Key, name: str = "") -> Binding | None:
        """The binding with every number replaced by a value that stands for its type."""
        name = name or key_name(key)
        if isinstance(binding, Struct):
            parts = tuple(
                (k, self.shape(b, key, part_name(binding.kind, name, k)))
                for k, b in binding.items
            )
            return Struct(binding.kind, parts)  # type: ignore[arg-type]
        if isinstance(binding, Maybe):
            present = self.shape(binding.present, key, presence_name(name))
            value = self.shape(binding.value, key, name)
            assert isinstance(present, Value) and value is not None
            return Maybe(present, value)
        operand = None if binding is None else number(binding)
        if operand is None:
            return binding
        hidden = name.startswith("$")
        return Value(operand.type, plain_name(name), self.low.builder.role, not hidden)

    def finish(
        self, body: LoopBody, carried: dict[Key, Binding], params: list[Value]
    ) -> Loop:
        loop = Loop(body, params)
        used: list[Value] = []
        for key, shape in self.shapes.items():
            if isinstance(shape, Poison):
                loop.after[key] = shape
            if shape is None or isinstance(shape, Poison):
                continue
            inner = carried[key]
            values = values_in(inner)
            used += values
            starts = self.low.leaf_operands(self.entry[key], inner)
            end = self.after(key, body)
            with self.low.at_end_of(body.ops, body.variables):
                ends = self.low.leaf_operands(end, inner)
            if key_name(key).startswith("$"):
                starts, ends = (
                    [_NONE if o is UNDEFINED else o for o in side] for side in (starts, ends)
                )
            loop.inits += starts
            loop.yields += ends
            outs = [Value(v.type, v.name, v.role, v.named) for v in values]
            loop.finals += outs
            replacement = dict(zip(values, outs))
            loop.after[key] = map_values(inner, replacement.__getitem__)
        assert used == params
        return loop


@dataclass
class Collected:
    """A list that each iteration appends one value to: an emit of the loop in place of a carry."""

    init: Operand
    item: Value
    final: Value


def take_collected(loop: Loop) -> list[Collected]:
    """Take the lists that are only appended to, once per iteration, out of the carries."""
    defined = {r: op for op in loop.body.ops for r in op.results}
    uses = collections.Counter(_operands(loop.body.ops))
    uses.update(o for o in loop.yields if isinstance(o, Value))
    uses.update(o for o in (loop.stop,) if isinstance(o, Value))
    found = []
    for p, y in list(zip(loop.params, loop.yields)):
        op = defined.get(y) if isinstance(y, Value) else None
        if op is None or op.attrs.get("fn") is not runtime.appended or op.operands[0] is not p:
            continue
        item = op.operands[1]
        if not isinstance(y, Value) or not isinstance(item, Value) or uses[p] > 1 or uses[y] > 1:
            continue
        k = loop.params.index(p)
        found.append(Collected(loop.inits.pop(k), item, loop.finals.pop(k)))
        del loop.params[k], loop.yields[k]
        loop.body.ops.remove(op)
    return found


def _operands(ops: list[Op]) -> Iterator[Value]:
    for op in walk(Region((), ops, ())):
        yield from (o for o in op.operands if isinstance(o, Value))
        for region in op.regions:
            yield from (o for o in region.yields if isinstance(o, Value))


def carries_data(binding: Binding) -> bool:
    if isinstance(binding, Struct):
        return all(carries_data(p) for p in binding.parts)
    return isinstance(binding, (Ref, Maybe)) or number(binding) is not None


def list_type(content: Binding | None, low: Any) -> Type:
    """The type of a list's content, as one value of like elements."""
    if isinstance(content, Value):
        return content.type
    elem: Type = UNDEF
    if isinstance(content, Struct):
        for part in content.parts:
            elem = join(elem, _element_type(low.deref(part), low))
    return ListOf(elem)


def _is_place(content: Binding) -> bool:
    """Whether this is where a generator stands."""
    return isinstance(content, Known) and isinstance(content.value, Place)


def _element_type(part: Binding | None, low: Any) -> Type:
    if isinstance(part, Struct) and part.kind == "list":
        return list_type(part, low)
    if isinstance(part, Struct) and part.kind == "tuple":
        return TupleOf(tuple(_element_type(low.deref(p), low) for p in part.parts))
    if isinstance(part, Known) and isinstance(part.value, tuple):
        return type_of_constant(part.value)
    operand = number(part)
    return UNDEF if operand is None else operand.type


def type_of_both(a: Binding | None, b: Binding | None) -> Any:
    """What gives the type of two contents that one value has to describe; None if none has to."""
    if _different_lists(a, b):
        return list_type
    return table_type if different_tables(a, b) else None


def _different_lists(a: Binding | None, b: Binding | None) -> bool:
    """Whether both are lists, and not of one known length."""
    kinds = [isinstance(x, Struct) and x.kind == "list" for x in (a, b)]
    values = [isinstance(x, Value) and isinstance(x.type, ListOf) for x in (a, b)]
    if all(kinds):
        return len(a.items) != len(b.items)  # type: ignore[union-attr]
    return (kinds[0] and values[1]) or (values[0] and kinds[1])


def _may_be_one(a: Binding | None, b: Binding | None) -> bool:
    """Whether two references may lead to the same memory."""
    both = isinstance(a, Ref) and isinstance(b, Ref)
    return both and (a.cell is b.cell or a.cell in b.cell.shared)  # type: ignore[union-attr]


def _counterpart(shape: Any, entry: Any, wanted: Binding) -> Binding | None:
    """The part of `entry` that stands where `wanted` stands in `shape`."""
    if shape is wanted:
        return entry  # type: ignore[no-any-return]
    if isinstance(shape, Maybe) and isinstance(entry, Maybe):
        return _counterpart(shape.value, entry.value, wanted)
    if isinstance(shape, Struct) and isinstance(entry, Struct):
        parts = dict(entry.items)
        for key, part in shape.items:
            found = _counterpart(part, parts.get(key), wanted)
            if found is not None:
                return found
    return None


def _alike(a: Binding | None, b: Binding | None) -> bool:
    return same(a, b) or (isinstance(a, Value) and isinstance(b, Value) and a.type == b.type)


def _origin(entry: Binding | None, after: Binding | None) -> str:
    refs = [x for x in (entry, after) if isinstance(x, Ref)]
    return next((r.cell.origin for r in refs if r.cell.origin), "")


def _fresh(v: Value, made: list[Value]) -> Value:
    new = Value(v.type, v.name, v.role, v.named)
    made.append(new)
    return new


def _type_only(x: Operand, y: Operand, t: Any, name: str) -> Value:
    return Value(t, plain_name(name), named=not name.startswith("$"))


def _same_shape(a: Binding | None, b: Binding | None) -> bool:
    if isinstance(a, Value) and isinstance(b, Value):
        return a.type == b.type
    if isinstance(a, ObjectParam) and isinstance(b, ObjectParam):
        return one_object(a, b)
    if isinstance(a, Ref) and isinstance(b, Ref):
        return a.cell is b.cell and [_kinds(s) for s in a.path] == [_kinds(s) for s in b.path]
    if isinstance(a, Struct) and isinstance(b, Struct):
        keys = [[k for k, _ in s.items] for s in (a, b)]
        return a.kind == b.kind and keys[0] == keys[1] and all(
            _same_shape(x, y) for x, y in zip(a.parts, b.parts)
        )
    if isinstance(a, Maybe) and isinstance(b, Maybe):
        return _same_shape(a.present, b.present) and _same_shape(a.value, b.value)
    return same(a, b)


def _kinds(step: Any) -> tuple[Any, ...]:
    kinds = (o.type if isinstance(o, Value) else o.key() for o in step.operands)
    return (step.kind, *kinds)
