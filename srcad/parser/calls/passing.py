"""What a call passes to a callee, and what it takes over from it.

What holds afterwards: the callee has parameters and memory of its own; what it wrote is written
for the caller, in whose terms its result stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.build import clone_region
from srcad.ir.values import Function, Op, Operand, Region, Value, walk
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Cell,
    Choice,
    Key,
    Known,
    LazyIterable,
    Maybe,
    ObjectParam,
    Partial,
    Ref,
    Struct,
    map_values,
    number,
    rebuilt,
    values_in,
)
from srcad.parser.calls.handover import (
    ConstantPart,
    Moving,
    constants_known,
    has_closure,
    rebased,
    shape_key,
)
from srcad.parser.frames import Frame
from srcad.parser.memory.overlap import are_apart
from srcad.parser.memory.storage import is_mutable

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

INLINE_OPS = 24  # a callee with at most this many operations is inlined


@dataclass(eq=False)
class Callee:
    """A function with source, lowered for one kind of call.

    Attributes
    ----------
    result
        What it returns, in terms of `outputs`; None while it is not known.
    entry
        The memory of its arguments.
    left
        What the memory holds at the end that it wrote or made: (memory, content) pairs; and the
        flags by which it leaves a `try` of a caller.
    ending
        Its operations, if it always raises.
    """

    function: Function
    result: Binding | None
    entry: tuple[Cell, ...] = ()
    left: tuple[tuple[Key, Binding], ...] = ()
    outputs: list[Value] = field(default_factory=list)
    captured: list[Value] = field(default_factory=list)
    recursive: bool = False
    inner: dict[Value, Operand] = field(default_factory=dict)  # values as lowered -> as in function
    writes: bool = False  # lowered as pure, although it changes an argument
    since: int = 0  # the number of its frame; those of functions that it made are larger
    end: dict[Key, Binding] = field(default_factory=dict)  # the state at its end
    ending: list[Op] = field(default_factory=list)


@dataclass(eq=False)
class Entry:
    """The arguments of a call as the callee sees them.

    `sources` are the references of the caller to the memory that the callee knows as `cells`.
    """

    params: list[Value] = field(default_factory=list)
    operands: list[Operand] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    sources: list[Ref | None] = field(default_factory=list)
    contents: dict[Cell, Binding] = field(default_factory=dict)
    known: dict[Any, Cell] = field(default_factory=dict)
    direct: frozenset[Cell] = frozenset()  # memory that a closure sees as it is
    pure: bool = False
    sizes: list[tuple[int, ...] | None] = field(default_factory=list)  # of `params`, if known

    def key(self, shapes: dict[str, Binding]) -> tuple[Any, ...]:
        """Equal for calls that one lowering of the callee serves."""
        place = {cell: i for i, cell in enumerate(self.cells)}
        shared = [
            (i, place[other])
            for i, cell in enumerate(self.cells)
            for other in cell.shared
            if other in place
        ]
        parts = [*shapes.values(), *self.contents.values()]
        origins = tuple((c.origin, c.contiguous) for c in self.cells)
        keys = tuple(shape_key(p, place) for p in parts)
        return (keys, tuple(sorted(shared)), origins, self.pure, tuple(self.sizes))


class PassingLowering(_Base):
    frame: Frame

    def param_shape(self, binding: Binding, name: str, on_stack: bool, entry: Entry) -> Binding:
        """How a callee sees an argument: run-time leaves become parameters of it."""
        if isinstance(binding, Struct):
            parts = tuple(
                (k, self.param_shape(b, f"{name}_{k}", on_stack, entry))
                for k, b in binding.items
            )
            return Struct(binding.kind, parts)
        if isinstance(binding, Ref):
            return self.param_memory(binding, name, on_stack, entry)
        if isinstance(binding, Maybe):
            present = self.param_shape(binding.present, f"has_{name}", on_stack, entry)
            return Maybe(present, self.param_shape(binding.value, name, on_stack, entry))  # type: ignore[arg-type]
        if isinstance(binding, Choice):
            condition: Any = self.param_shape(binding.condition, name, on_stack, entry)
            then, orelse = (
                self.param_shape(b, name, on_stack, entry) for b in (binding.then, binding.orelse)
            )
            return Choice(condition, then, orelse)
        is_number = isinstance(binding, Known) and type(binding.value) in (int, float, complex)
        if isinstance(binding, Value) or (on_stack and is_number):
            operand = number(binding)
            assert operand is not None
            param = self.param(operand, name, entry)
            if not is_mutable(operand.type):
                return param
            cell = Cell(name, contiguous=operand in self.contiguous)
            entry.cells.append(cell)
            entry.sources.append(None)
            entry.contents[cell] = param
            return Ref(cell)
        if isinstance(binding, BoundMethod):
            receiver = self.param_shape(binding.receiver, name, on_stack, entry)
            return BoundMethod(receiver, binding.name, binding.function)
        if isinstance(binding, ObjectParam):
            param = Value(binding.value.type, name, named=True)
            entry.params.append(param)
            entry.operands.append(binding.value)
            entry.sizes.append(None)
            return ObjectParam(param, binding.name, binding.path, binding.example)
        if isinstance(binding, LazyIterable) and binding.used is not None:
            return binding  # the callee reads it as it is, with all that it leads to
        if isinstance(binding, (LazyIterable, Partial)):
            return rebuilt(binding, lambda b: self.param_shape(b, name, on_stack, entry))
        return binding

    def param(self, operand: Operand, name: str, entry: Entry) -> Value:
        """A new parameter of a callee, of which is known what is known of the operand."""
        param = Value(operand.type, name, named=True)
        self.param_origins[param] = self.origins(operand)
        entry.params.append(param)
        entry.operands.append(operand)
        size = self.size_of(operand)
        entry.sizes.append(size)
        if size is not None:
            self.sizes[param] = size
        return param

    def param_state(self, cell: Cell, on_stack: bool, entry: Entry) -> None:
        """Memory that a recursion changes: each call takes it over and hands it back."""
        if cell not in self.frame.vars or cell in entry.contents:
            return
        entry.known[(cell,)] = cell
        entry.cells.append(cell)
        entry.sources.append(Ref(cell))
        entry.contents[cell] = Known(None)
        content = self.frame.vars[cell]
        if isinstance(content, Struct) and content.kind == "list":
            content = self.as_list_value(content, None)  # its length differs with the depth
        if isinstance(content, Value):
            entry.contents[cell] = self.param(content, cell.name, entry)
        else:
            entry.contents[cell] = self.param_shape(content, cell.name, on_stack, entry)

    def param_memory(self, ref: Ref, name: str, on_stack: bool, entry: Entry) -> Binding:
        """An object that is passed: the callee has memory of its own, which is written back."""
        if ref.cell in entry.direct:
            return ref
        key = ref.key()
        if key in entry.known:
            return Ref(entry.known[key])
        source = ref.cell
        origin = "" if source.origin == "argument" else source.origin
        cell = Cell(name, origin, source.contiguous and not ref.path)
        cell.special = None if ref.path else source.special
        cell.separate, cell.given = source.separate, source.given
        for other, theirs in zip(entry.cells, entry.sources):
            if theirs is None or (theirs.cell is source and are_apart(theirs.path, ref.path)):
                continue
            if theirs.cell is source or theirs.cell in source.shared:
                cell.share(other)
        for other in entry.direct:
            if other in source.shared:
                cell.share(other)
        entry.known[key] = cell
        entry.cells.append(cell)
        entry.sources.append(ref)
        entry.contents[cell] = Known(None)  # keeps the place of the cell before those within it
        content = self.deref(ref)
        if isinstance(content, Value):
            entry.contents[cell] = self.param(content, name, entry)
        else:
            entry.contents[cell] = self.param_shape(content, name, on_stack, entry)
        return Ref(cell)

    def captured_memory(self, cell: Cell, on_stack: bool, entry: Entry) -> None:
        """Memory of an outer function that a recursion changes is passed along, as it is."""
        if cell not in self.frame.vars or cell in entry.contents:
            return
        entry.known[Ref(cell).key()] = cell
        entry.cells.append(cell)
        entry.sources.append(Ref(cell))
        entry.contents[cell] = Known(None)
        content = self.frame.vars[cell]
        if isinstance(content, Value):
            param = Value(content.type, cell.name, named=True)
            self.param_origins[param] = self.origins(content)
            entry.params.append(param)
            entry.operands.append(content)
            entry.contents[cell] = param
        else:
            entry.contents[cell] = self.param_shape(content, cell.name, on_stack, entry)

    def emit_call(self, callee: Callee, entry: Entry, node: gast.AST) -> Binding:
        function = callee.function
        operands = entry.operands
        pending = any(c is callee for c in self.pending.values())
        if not pending:
            operands = [*operands, *callee.captured]
        left = [content for _, content in callee.left]
        if callee.result is not None:
            left.append(callee.result)
        makes_functions = any(map(has_closure, left))
        if not pending and not callee.recursive:
            if makes_functions or _size(function) <= INLINE_OPS:
                return self.inline(callee, entry, operands, node)
        if makes_functions:
            raise self.unsupported(
                node, f"`{function.name}` calls itself and returns a function",
                "which values the function holds is not known while compiling",
                "return numbers or arrays",
            )  # fmt: skip
        types_ = [v.type for v in callee.outputs]
        names = [v.name for v in callee.outputs]
        results = self.builder.emit(O.CALL, operands, types_, names, {"callee": function})
        replace = dict(zip(callee.outputs, results))
        return self.take_over(callee, entry, replace.__getitem__, node)

    def take_over(
        self,
        callee: Callee,
        entry: Entry,
        value: Callable[[Value], Any],
        node: gast.AST,
        moving: Moving | None = None,
    ) -> Binding:
        """The result of a call as the caller has it; what the callee wrote is written here.

        `value` gives the caller's value for one of the callee's outputs, `moving` what becomes of
        functions.
        """
        refs: dict[Cell, Ref] = {}
        for cell, own, source in zip(callee.entry, entry.cells, entry.sources):
            if source is None:
                given = dict(zip(entry.params, entry.operands))[entry.contents[own]]  # type: ignore[index]
                source = self.new_cell(self.as_binding(given), cell.name)
            refs[cell] = source
        memory = [(c, content) for c, content in callee.left if isinstance(c, Cell)]
        for cell, _ in memory:
            if cell not in refs and cell not in self.frame.vars:
                made = Cell(cell.name, cell.origin, cell.contiguous)
                made.special = cell.special
                refs[cell] = Ref(made)
        for cell, ref in refs.items():
            if cell not in callee.entry:
                for other in cell.shared:
                    ref.cell.share(refs[other].cell if other in refs else other)

        if moving is not None:
            moving.refs.update(refs)

        def here(binding: Any) -> Any:
            found = rebased(constants_known(map_values(binding, value)), refs)
            return found if moving is None else moving.moved(found)

        for cell, ref in refs.items():
            ref.cell.separate = cell.separate and (ref.cell.separate or cell not in callee.entry)
        for cell, content in memory:
            target = refs.get(cell, Ref(cell))
            if target.cell in self.frame.vars:
                self.write(target, here(content), node)
            else:
                self.frame.vars[target.cell] = here(content)
        result = here(callee.result)
        if callee.recursive:
            cells = tuple(s.cell for s in entry.sources if s is not None)
            self.may_view.update(dict.fromkeys(values_in(result), cells))
        flags = {k: here(content) for k, content in callee.left if isinstance(k, str)}
        if flags:
            self.frame.vars.update(flags)
            self.leave_by_flags()
        return result

    def inline(
        self, callee: Callee, entry: Entry, operands: list[Operand], node: gast.AST
    ) -> Binding:
        function = callee.function
        mapping: dict[Value, Operand] = dict(zip(function.body.params, operands))
        body = self.emit_copy(Region((), function.body.ops, function.body.yields), mapping)
        replace = dict(zip(callee.outputs, body.yields))

        def put(v: Value) -> Any:
            found = replace[v]
            return found if isinstance(found, Value) else ConstantPart(found)

        def outside(v: Value) -> Any:
            inner = callee.inner.get(v, v)
            found = mapping.get(inner, inner) if isinstance(inner, Value) else inner
            return found if isinstance(found, Value) else ConstantPart(found)

        before = {k for k in self.frame.vars if isinstance(k, Cell)}
        moving = Moving(outside, callee.since, callee.end, before)
        result = self.take_over(callee, entry, put, node, moving)
        self.frame.vars.update(moving.contents.items())
        return result


    def emit_ending(self, callee: Callee, entry: Entry) -> None:
        """A call of a function that always raises: what it does up to that."""
        mapping: dict[Value, Operand] = dict(zip(entry.params, entry.operands))
        self.emit_copy(Region((), callee.ending, ()), mapping)

    def emit_copy(self, region: Region, mapping: dict[Value, Operand]) -> Region:
        """The operations of a region, with fresh values and these in place of others."""
        body = clone_region(region, mapping)
        self.builder.extend(body.ops)
        for op in walk(body):
            if op.kind is O.OPAQUE:
                self.opaque_values.update(op.results)
        return body


def _size(function: Function) -> int:
    return sum(1 for _ in walk(function.body))
