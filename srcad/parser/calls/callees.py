"""Functions with source that are called: an IR function of its own for each kind of call.

It is inlined if it is small, else it becomes a CALL; values of enclosing functions that it reads
become parameters of it.
"""

from __future__ import annotations

import functools
import itertools
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gast

from srcad.errors import SrcadError, UnsupportedSyntaxError
from srcad.ir import ops as O
from srcad.ir.abstract import Type, join
from srcad.ir.build import clone_region
from srcad.ir.values import Const, Function, Op, Operand, Param, Region, Value, free_values, walk
from srcad.parser.bindings import (
    CLASS,
    Binding,
    Cell,
    Closure,
    Key,
    Known,
    ObjectParam,
    Poison,
    Ref,
    Struct,
    class_of,
    describe,
    map_cells,
    map_values,
    merge,
    number,
    same,
)
from srcad.parser.calls.handover import (
    closure_signature,
    has_closure,
    shape_key,
)
from srcad.parser.calls.passing import Callee, Entry
from srcad.parser.calls.seen import seen_outside
from srcad.parser.control.carries import type_of_both
from srcad.parser.control.flags import DEAD, ERROR, LEFT, RESULT, RETURNED
from srcad.parser.control.managers import managed_by
from srcad.parser.frames import Diverges, Frame, body_of, make_frame
from srcad.parser.iterables.generators import is_generator
from srcad.parser.memory.parts import holds_objects
from srcad.parser.memory.stand_ins import closure_of
from srcad.parser.objects import classes
from srcad.parser.source import own_signature, read_source

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class StateChanged(Exception):
    """Control flow of the parser: this recursion changes memory that is no argument of it."""

    def __init__(self, identity: Any, cells: list[Cell]) -> None:
        super().__init__()
        self.identity = identity
        self.cells = cells


class CalleeLowering(_Base):
    frame: Frame
    guessed: set[Callee]
    context: Any
    catchers: list[Any]

    def call_source(
        self,
        target: types.FunctionType | Closure,
        args: list[Binding],
        kwargs: dict[str, Binding],
        node: gast.AST,
    ) -> Binding:
        place = self.loc(node)
        target = closure_of(target) or target
        managed = managed_by(target)
        if managed is not None:
            return self.manager(managed, args, kwargs, node)
        bound = self.bind_arguments(target, args, kwargs, node)
        try:
            if is_generator(target):
                return self.generator(target, bound)
            callee, entry = self.callee(target, bound, node)
        except SrcadError as error:
            raise error.with_caller(place) from error.__cause__
        if isinstance(target, Closure) and target.cached:
            writes = any(key in self.frame.vars for key, _ in callee.left)
            self.check_cached_call(target, writes, node)
        return self.emit_call(callee, entry, node)

    def bind_arguments(
        self,
        target: types.FunctionType | Closure,
        args: list[Binding],
        kwargs: dict[str, Binding],
        node: gast.AST,
    ) -> dict[str, Binding]:
        """Arguments by parameter name, defaults filled in."""
        if isinstance(target, Closure):
            signature = closure_signature(target)
        else:
            signature = own_signature(target)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise self.python_raises(
                TypeError(), node, f"this call does not fit its function: {error}",
                "Python raises TypeError here", "correct the arguments",
            ) from None  # fmt: skip
        result: dict[str, Binding] = {}
        for p in signature.parameters.values():
            if p.kind is p.VAR_POSITIONAL:
                result[p.name] = Struct.sequence("tuple", list(bound.arguments.get(p.name, ())))
            elif p.kind is p.VAR_KEYWORD:
                result[p.name] = Struct("dict", tuple(bound.arguments.get(p.name, {}).items()))
            elif p.name in bound.arguments:
                result[p.name] = bound.arguments[p.name]
            elif isinstance(target, Closure):
                result[p.name] = p.default
            else:
                self.assumptions.add("default", target, p.name, p.default)
                result[p.name] = self.known_object(p.default)
        return result

    def callee(
        self,
        target: types.FunctionType | Closure,
        bound: dict[str, Binding],
        node: gast.AST,
        pure: bool = False,
    ) -> tuple[Callee, Entry]:
        """The lowered callee and what is passed to it; with `pure`, what it writes is forgotten."""
        # two closures of one definition are two functions: they read different names
        identity: Any = target
        if isinstance(target, Closure):
            identity = (target.node, target.frame)
        # given another function, a function is another one too
        identity = (identity, *(id(b) for b in bound.values() if isinstance(b, Closure)))
        while True:
            try:
                return self.callee_of(target, identity, bound, node, pure)
            except StateChanged as found:
                if found.identity != identity:
                    raise
                self.carried_state.setdefault(identity, []).extend(found.cells)

    def callee_of(
        self,
        target: types.FunctionType | Closure,
        identity: Any,
        bound: dict[str, Binding],
        node: gast.AST,
        pure: bool,
    ) -> tuple[Callee, Entry]:
        """As `callee`, with the memory that this recursion is known to change as arguments."""
        on_stack = any(k[0] == identity for k in self.pending)
        entry = Entry(pure=pure)
        seen = seen_outside([target, *bound.values()], self.frame.vars)
        entry.direct = frozenset(self.reachable(seen))
        for _, cell in self.caches.values():
            self.captured_memory(cell, on_stack, entry)
        shapes: dict[str, Binding] = {}
        for name, binding in bound.items():
            if isinstance(binding, Struct) and binding.kind == "dict":  # of `**kwargs`
                binding = self.new_cell(binding, name)
            shapes[name] = self.param_shape(binding, name, on_stack, entry)
        for cell in self.carried_state.get(identity, ()):
            if self.is_dictionary(Ref(cell)):
                self.captured_memory(cell, on_stack, entry)
            else:
                self.param_state(cell, on_stack, entry)
        labels = () if pure else tuple(h.label for hs in self.catchers for h in hs)
        key = (identity, entry.key(shapes), labels, self.globals_key())
        if key in self.pending:
            callee = self.pending[key]
            callee.recursive = True
            self.unsettled.add(callee)
            self.guessed.add(callee)
            if callee.result is None:
                raise Diverges
            return callee, entry
        memo = self.done.get(key)
        # what a function that is passed along reads of its surroundings may have changed since
        passed = (*shapes.values(), *entry.contents.values())
        if memo is not None and not isinstance(target, Closure) and not any(
            map(has_closure, passed)
        ):
            return memo, entry
        around = self.guessed
        self.guessed = set()
        try:
            callee = self.lower_callee(target, key, shapes, entry, node)
        finally:
            guessed = self.guessed
            self.guessed = around | guessed
        self.unsettled.discard(callee)
        if not guessed & self.unsettled:  # else on a guess of what an outer function returns
            self.done[key] = callee
        return callee, entry

    def lower_callee(
        self,
        target: types.FunctionType | Closure,
        key: Any,
        shapes: dict[str, Binding],
        entry: Entry,
        node: gast.AST,
    ) -> Callee:
        if len(self.pending) > 100:
            raise self.unsupported(
                node, "this call nests deeper than 100 functions while compiling",
                "a recursion whose depth is a constant is unrolled, or never ends",
                "pass the recursion's depth as an argument",
            )  # fmt: skip
        function = Function("callee", (), Region((), [], ()), 0)
        callee = Callee(function, None, tuple(entry.cells))
        canonical: list[Cell] = []  # new memory, by the order in which it is found
        for _ in range(6):
            self.pending[key] = callee
            callee.recursive = False
            try:
                outcome = self.lower_body(callee, target, shapes, entry, node)
            finally:
                del self.pending[key]
            if outcome is None:
                if not callee.recursive:
                    self.emit_ending(callee, entry)
                    raise Diverges
                raise self.unsupported(
                    node, f"`{_name_of(target)}` calls itself on every path",
                    "its recursion never ends", "return a value for the simplest case",
                )  # fmt: skip
            summary, cells, ops, frame = outcome
            if not callee.recursive:
                self.settle_callee(callee, summary, cells)
                break
            captured = [c for c in cells if c in frame.lasting and c not in entry.cells]
            for cell in captured:
                if not self.can_be_carried(cell):
                    raise self.unsupported(
                        node, f"`{_name_of(target)}` calls itself and changes `{cell.name}`",
                        "what it holds differs with the depth of the recursion",
                        f"pass `{cell.name}` as an argument, and return it",
                    )  # fmt: skip
            if captured:
                raise StateChanged(key[0], captured)
            summary, cells = _renamed(summary, cells, canonical, frame)
            old = None if callee.result is None else _summary(callee)
            if old is not None:
                before = [c for c, _ in callee.left]
                if before != cells and {*before, *cells} <= set(entry.contents):
                    summary, cells, old = _side_by_side(summary, cells, old, before, entry)
            with self.at_end_of_callee(ops, frame):
                widened = summary if old is None else self.widen(old, summary)
            same_cells = old is not None and cells == [c for c, _ in callee.left]
            if same_cells and shape_key(widened) == shape_key(old):
                break
            if not isinstance(widened, Struct):
                continue
            self.settle_callee(callee, widened, cells)
        else:
            raise self.unsupported(
                node, f"the result of `{_name_of(target)}` changes its kind with each recursion",
                "no single type describes it", "return one kind of value on every path",
            )  # fmt: skip
        with self.at_end_of_callee(ops, frame):
            yields = self.leaf_operands(summary, _summary(callee))
        self.close_callee(callee, frame, entry.params, ops, yields)
        return callee

    def can_be_carried(self, cell: Cell) -> bool:
        """Whether what memory holds is of one kind at any depth of a recursion."""
        content = self.frame.vars.get(cell)
        if isinstance(content, Struct) and content.kind == "list":
            return self.as_list_value(content, None) is not None
        return True

    def settle_callee(self, callee: Callee, summary: Struct, cells: list[Key]) -> None:
        """Take over what a lowering found: the result, and what memory holds at the end."""
        outputs: list[Value] = []
        taken = map_values(summary, functools.partial(_like, outputs=outputs))
        callee.outputs = outputs
        callee.result = taken.parts[0]
        callee.left = tuple(zip(cells, taken.parts[1:]))

    @contextmanager
    def at_end_of_callee(self, ops: list[Op], frame: Frame) -> Iterator[None]:
        outer, self.frame = self.frame, frame
        try:
            with self.builder.within(ops):
                yield
        finally:
            self.frame = outer

    def widen(self, old: Binding, new: Binding) -> Binding:
        """What describes both what a function was taken to leave, and what it left."""
        if (
            isinstance(old, Struct) and isinstance(new, Struct)
            and [k for k, _ in old.items] == [k for k, _ in new.items]
        ):  # fmt: skip
            pairs = zip(old.parts, new.parts)
            of_types = [type_of_both(x, y) for x, y in pairs]
            parts = [
                (k, b if t is None else Value(join(t(a, self), t(b, self)), "items"))
                for (k, a), b, t in zip(old.items, new.parts, of_types)
            ]
            old = Struct(old.kind, tuple(
                (k, a if t is None else part)
                for (k, a), (_, part), t in zip(old.items, parts, of_types)
            ))  # fmt: skip
            new = Struct(new.kind, tuple(parts))

        def leaf(x: Operand, y: Operand, t: Type, name: str) -> Value:
            return Value(t, name)

        merged = merge(old, new, "result", leaf)
        assert merged is not None
        return merged

    def lower_body(
        self,
        callee: Callee,
        target: types.FunctionType | Closure,
        shapes: dict[str, Binding],
        entry: Entry,
        node: gast.AST,
    ) -> tuple[Struct, list[Key], list[Op], Frame] | None:
        """Lower the body of a callee in a context of its own.

        Returns
        -------
        tuple or None
            The result with what memory holds, that memory, operations, frame; None if it never
            returns.
        """
        from srcad.parser.lower import Context

        if isinstance(target, Closure):
            outer = target.frame
            frame = make_frame(
                outer.source, target.node, None, outer, outer.globals, target.name
            )
            frame.home = target.home or outer.home
        else:
            self.assumptions.add("code", target, "__code__", target.__code__)
            source = read_source(target)
            frame = make_frame(source, source.node, target, None, target.__globals__, source.name)
        frame.is_callee = True
        callee.since = frame.created
        # functions that are passed along may read and write what the caller knows
        memory = {k: b for k, b in self.frame.vars.items() if isinstance(k, Cell)}
        memory |= entry.contents
        state: dict[Key, Binding] = dict(memory.items())
        state.update(shapes.items())
        self.fill_boxes(frame, state)
        frame.vars = state
        frame.lasting = set(memory) - (set(entry.contents) if entry.pure else set())
        self.local_names |= frame.locals
        saved = self.frame, self.context, self.catchers
        self.frame, self.context = frame, Context()
        if entry.pure:
            self.catchers = []
        try:
            with self.builder.nested() as ops:
                try:
                    finished = self.block(body_of(frame.node))
                except Diverges:
                    self.dead()
                    finished = True
                if self.frame.vars.get(DEAD) is not None:
                    callee.ending = [*self.context.prologue, *ops]
                    return None
                result = self.returned(finished, frame.node)
                if entry.pure:
                    result = self.certain(result, frame.node)
                    end = self.frame.vars
                    callee.writes = any(not same(memory[c], end.get(c)) for c in memory)
                    summary = Struct.sequence("tuple", [self.settled(result)])
                    return summary, [], [*self.context.prologue, *ops], frame
                if callee.recursive:  # whose array it is may differ with the depth
                    result = self.settled(result)
                else:
                    result = self.unboxed(self.boxed(result, frame.name), memory)
                end = callee.end = frame.vars
                written = [c for c in memory if not same(memory[c], end.get(c))]
                flags = [k for k in end if isinstance(k, str) and k.startswith((LEFT, ERROR))]
                changed: list[Key] = [*written, *flags]
                reached = self.reachable([result, *(end[c] for c in changed)])
                made = [c for c in reached if c not in memory]
                cells: list[Key] = [*written, *made, *flags]
                summary = Struct.sequence("tuple", [result, *(end[c] for c in cells)])
            return summary, cells, [*self.context.prologue, *ops], frame
        finally:
            self.frame, self.context, self.catchers = saved

    def unboxed(self, result: Binding, memory: dict[Cell, Binding]) -> Binding:
        """A new array or list that nothing else refers to, as the plain value that it is."""
        if isinstance(result, Ref) and not result.path and result.cell not in memory:
            content = self.deref(result)
            if isinstance(content, Value) and not result.cell.shared:
                apart = holds_objects(content.type) and result.cell.separate
                if not apart and result.cell.special is None:
                    return content
        return result

    def returned(self, finished: bool, node: gast.AST) -> Binding:
        """What the function returns, from the pseudo-variables at its end."""
        variables = self.frame.vars
        if variables.get(DEAD) is not None:
            raise self.unsupported(
                node, f"`{self.frame.name}` never returns a value",
                "every path raises", "return a value on some path",
            )  # fmt: skip
        result = variables.get(RESULT)
        if finished and result is None:  # left for a handler of the caller's on every path
            return Known(None)
        if not finished and (RETURNED not in variables or same(result, Known(None))):
            return Known(None)
        returned = variables[RETURNED] if RETURNED in variables else None
        if not finished and isinstance(returned, Value) and result is not None:
            # where the end is reached without `return`, this is None
            result = self.optional_result(returned, result)
        if isinstance(result, Poison):
            raise self.unsupported(
                node, f"`{self.frame.name}` returns values of different kinds",
                result.reason, "return one kind of value on every path",
            )  # fmt: skip
        if not self.frame.is_callee:
            self.refuse_special(result, node)
        return Known(None) if result is None else result

    def close_callee(
        self,
        callee: Callee,
        frame: Frame,
        params: list[Value],
        ops: list[Op],
        yields: list[Operand],
    ) -> None:
        """Finish the IR function: values of enclosing functions become parameters."""
        open_region = Region(tuple(params), ops, tuple(yields))
        captured = list(free_values(open_region))
        mapping: dict[Value, Operand] = {}
        extra = []
        for v in captured:
            inner = Value(v.type, v.name, v.role, v.named)
            mapping[v] = inner
            extra.append(inner)
        function = callee.function
        if captured and callee.recursive:
            for op in walk(open_region):
                if op.kind is O.CALL and op.attrs["callee"] is function:
                    op.operands = (*op.operands, *captured)
        region = clone_region(open_region, mapping)
        all_params = (*region.params, *extra)
        taken: set[str] = set()
        for v in all_params:  # elements of a list that were loop variables go by one name
            hints = itertools.chain([v.name], (f"{v.name}_{n}" for n in itertools.count(1)))
            v.name = next(name for name in hints if name not in taken)
            taken.add(v.name)
        function.name = frame.name if frame.name.isidentifier() else "helper"
        function.params = tuple(Param(v, v.name) for v in all_params)
        function.body = Region(all_params, region.ops, region.yields)
        function.result = tuple(range(len(yields))) if len(yields) != 1 else 0
        function.inputs = {p.name: p.value for p in function.params}
        function.loc = frame.source.loc(frame.node)
        callee.captured = captured
        callee.inner = mapping

    def result_tree(self, result: Binding) -> tuple[Any, list[Operand]]:
        """(tree of yield indices, yields) of what a function returns."""
        yields: list[Operand] = []

        def visit(b: Binding) -> Any:
            b = self.deref(self.certain(b, gast.Pass()))
            if isinstance(b, Struct) and b.kind != "object":
                if b.kind == "dict":
                    return {k: visit(p) for k, p in b.items}
                parts = [visit(p) for p in b.parts]
                return tuple(parts) if b.kind == "tuple" else parts
            if isinstance(b, Struct) and classes.is_namedtuple(class_of(b)):
                made: Any = class_of(b)
                return made._make(visit(p) for k, p in b.items if k != CLASS)
            operand = number(b)
            if operand is None and isinstance(b, Known):
                return Const.of(b.value)
            if operand is None and isinstance(b, ObjectParam):
                operand = b.value
            if operand is None:
                raise UnsupportedSyntaxError(
                    f"the function returns {describe(b)}",
                    reason="a derivative can return numbers, arrays, tuples, lists and dicts",
                    advice="return the numbers or arrays themselves",
                    loc=self.frame.source.loc(self.frame.node),
                )
            yields.append(operand)
            return len(yields) - 1

        return visit(result), yields


def _side_by_side(
    summary: Struct, cells: list[Key], old: Struct, before: list[Key], entry: Entry
) -> tuple[Struct, list[Key], Struct]:
    """Both summaries with the same memory, which holds what it held where it is not written."""
    both = [*before, *(c for c in cells if c not in before)]

    def filled(known: Struct, written: list[Key]) -> Struct:
        contents = dict(zip(written, known.parts[1:]))
        held = [contents.get(c) or entry.contents[c] for c in both]  # type: ignore[index]
        return Struct.sequence("tuple", [known.parts[0], *held])

    return filled(summary, cells), both, filled(old, before)


def _summary(callee: Callee) -> Struct:
    """The result and what memory holds at the end, as one binding."""
    assert callee.result is not None
    return Struct.sequence("tuple", [callee.result, *(content for _, content in callee.left)])


def _renamed(
    summary: Struct, cells: list[Key], canonical: list[Cell], frame: Frame
) -> tuple[Struct, list[Key]]:
    """The same with new memory named alike in every round of a recursion."""
    fresh = [c for c in cells if isinstance(c, Cell) and c not in frame.lasting]
    canonical += fresh[len(canonical) :]
    names: dict[Key, Cell] = dict(zip(fresh, canonical))
    for cell, other in names.items():
        frame.vars.setdefault(other, frame.vars[cell])
    return map_cells(summary, lambda c: names.get(c, c)), [names.get(c, c) for c in cells]


def _name_of(target: types.FunctionType | Closure) -> str:
    return target.name if isinstance(target, Closure) else target.__name__


def _like(v: Value, outputs: list[Value]) -> Value:
    new = Value(v.type, v.name, v.role, False)
    outputs.append(new)
    return new


