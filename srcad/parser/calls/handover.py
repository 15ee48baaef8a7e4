"""What is handed over at a call: bindings of a callee in terms of its caller, and their keys."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Container
from typing import Any

from srcad.ir.values import Const, Operand, Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Cell,
    Choice,
    Closure,
    Derived,
    Key,
    Known,
    LazyIterable,
    Maybe,
    ObjectParam,
    Partial,
    Ref,
    Struct,
    cells_in,
    map_values,
    optional,
    rebuilt,
)
from srcad.parser.frames import Frame, next_number
from srcad.parser.memory import stand_ins


class ConstantPart:
    """A constant where `map_values` expects a binding; replaced at once."""

    def __init__(self, operand: Const) -> None:
        self.operand = operand


def constants_known(binding: Any) -> Any:
    if isinstance(binding, ConstantPart):
        return Known(binding.operand.value)
    if isinstance(binding, Struct):
        return Struct(binding.kind, tuple((k, constants_known(b)) for k, b in binding.items))
    if isinstance(binding, (LazyIterable, Partial)):
        return rebuilt(binding, constants_known)
    if isinstance(binding, Choice):
        decided = constants_known(binding.condition)
        then, orelse = (constants_known(b) for b in (binding.then, binding.orelse))
        if isinstance(decided, Known):
            return then if decided.value else orelse
        return Choice(decided, then, orelse)
    if isinstance(binding, Maybe):
        return optional(constants_known(binding.present), constants_known(binding.value))
    return binding


def has_closure(binding: Binding) -> bool:
    """Whether this holds functions or classes that close over values of the run."""
    if isinstance(binding, Struct):
        return any(has_closure(p) for p in binding.parts)
    if isinstance(binding, Derived):
        return has_closure(binding.target)
    if isinstance(binding, BoundMethod):
        return has_closure(binding.receiver) or isinstance(binding.function, Closure)
    if isinstance(binding, Partial):
        parts = (binding.target, *binding.args, *(b for _, b in binding.kwargs))
        return any(map(has_closure, parts))
    if isinstance(binding, Choice):
        return has_closure(binding.then) or has_closure(binding.orelse)
    if isinstance(binding, Known):
        return stand_ins.carries_bindings(binding.value)
    if isinstance(binding, Maybe):
        return has_closure(binding.value)
    return isinstance(binding, (Closure, LazyIterable))


class Moving:
    """What becomes of the functions that a call gives back or leaves in memory.

    They keep the names of the call that they close over, in terms of the caller; so do classes
    that the call made. Frames that there were before the call stay as they are.

    Attributes
    ----------
    outside
        Gives the caller's value for one of the callee's.
    since
        The number of the frame of the call.
    end
        What names and memory of the callee held at its end.
    before
        The memory that the caller had before the call.
    refs
        The caller's references to memory of the callee.
    contents
        What memory holds that only these functions know.
    """

    def __init__(
        self,
        outside: Callable[[Value], Any],
        since: int,
        end: dict[Key, Binding],
        before: Container[Key],
    ) -> None:
        self.outside = outside
        self.since = since
        self.end = end
        self.before = before
        self.refs: dict[Cell, Ref] = {}
        self.contents: dict[Cell, Binding] = {}
        self.frames: dict[int, Frame] = {}
        self.classes: dict[int, type] = {}

    def moved(self, binding: Any) -> Any:
        if isinstance(binding, Struct):
            return Struct(binding.kind, tuple((k, self.moved(b)) for k, b in binding.items))
        if isinstance(binding, Derived):
            return Derived(binding.transform, self.moved(binding.target), binding.options)
        if isinstance(binding, Closure):
            return self.closure(binding)
        if isinstance(binding, BoundMethod):
            function = self.moved_object(binding.function)
            return BoundMethod(self.moved(binding.receiver), binding.name, function)
        if isinstance(binding, LazyIterable) and binding.kind == "generator":
            if binding.frame is not None:
                binding = dataclasses.replace(binding, frame=self.frame(binding.frame))
        if isinstance(binding, (LazyIterable, Partial)):
            return rebuilt(binding, self.moved)
        if isinstance(binding, Choice):
            then, orelse = (self.moved(b) for b in (binding.then, binding.orelse))
            return Choice(binding.condition, then, orelse)
        if isinstance(binding, Maybe):
            return Maybe(binding.present, self.moved(binding.value))
        if isinstance(binding, Known):
            found = self.moved_object(binding.value)
            return binding if found is binding.value else Known(found)
        return binding

    def closure(self, closure: Closure) -> Closure:
        if closure.frame.created < self.since:
            return closure
        return dataclasses.replace(
            closure,
            frame=self.frame(closure.frame),
            defaults=tuple(map(self.inner, closure.defaults)),
            kw_defaults=tuple(None if d is None else self.inner(d) for d in closure.kw_defaults),
            wrapped=self.moved(closure.wrapped),
            home=self.home(closure.home),
        )

    def inner(self, binding: Any) -> Any:
        """What a function closes over, in terms of the caller."""
        found = constants_known(map_values(binding, self.outside))
        for cell in cells_in(found):
            self.place(cell)
        return self.moved(rebased(found, self.refs))

    def place(self, cell: Cell) -> None:
        """Give the caller a reference to memory that only a function knows."""
        if cell in self.refs or cell in self.before or cell not in self.end:
            return
        made = Cell(cell.name, cell.origin, cell.contiguous)
        self.refs[cell] = Ref(made)
        for other in cell.shared:
            if other in self.refs:
                made.share(self.refs[other].cell)
        self.contents[made] = self.inner(self.end[cell])

    def frame(self, frame: Frame) -> Frame:
        if frame.created < self.since:
            return frame
        if id(frame) not in self.frames:
            made = copy.copy(frame)
            made.flow = copy.copy(frame.flow)
            made.created = next_number()
            self.frames[id(frame)] = made
            for cell in frame.boxes.values():
                self.place(cell)
            made.boxes = {
                name: self.refs[cell].cell if cell in self.refs else cell
                for name, cell in frame.boxes.items()
            }
            made.vars = {k: self.inner(b) for k, b in frame.vars.items() if isinstance(k, str)}
            made.home = self.home(frame.home)
            if frame.outer is not None:
                made.outer = self.frame(frame.outer)
        return self.frames[id(frame)]

    # ------------------------------------------------------------------ classes
    def moved_object(self, value: Any) -> Any:
        """A class made by the call, or a function that stands for one of its methods."""
        if isinstance(value, Closure):
            return self.closure(value)
        closure = stand_ins.closure_of(value)
        if closure is not None:
            return stand_ins.stand_in(self.closure(closure))
        return self.cls(value) if stand_ins.is_local(value) else value

    def cls(self, cls: type) -> type:
        made: type | None = self.classes.get(id(cls))
        home = stand_ins.home_of(cls)
        if made is not None or home.created < self.since:
            return made or cls
        if not has_closure(Known(cls)):
            return cls
        bases = tuple(self.moved_object(base) for base in cls.__bases__)
        made = stand_ins.copied(cls, bases, stand_ins.LocalClass(home.name))
        self.classes[id(cls)] = made
        stand_ins.fill(made, cls, self.inner)
        return made

    def home(self, home: Any) -> Any:
        return home if home is None or home.cls is None else stand_ins.home_of(self.cls(home.cls))


def rebased(binding: Any, refs: dict[Cell, Ref]) -> Any:
    """A binding of a callee with the caller's references to its memory."""
    if isinstance(binding, Ref) and binding.cell in refs:
        source = refs[binding.cell]
        return Ref(source.cell, (*source.path, *binding.path))
    if isinstance(binding, Struct):
        return Struct(binding.kind, tuple((k, rebased(b, refs)) for k, b in binding.items))
    if isinstance(binding, BoundMethod):
        return BoundMethod(rebased(binding.receiver, refs), binding.name, binding.function)
    if isinstance(binding, Derived):
        return Derived(binding.transform, rebased(binding.target, refs), binding.options)
    if isinstance(binding, LazyIterable) and binding.used in refs:
        binding = dataclasses.replace(binding, used=refs[binding.used].cell)
    if isinstance(binding, (LazyIterable, Partial)):
        return rebuilt(binding, lambda b: rebased(b, refs))
    if isinstance(binding, Maybe):
        return Maybe(binding.present, rebased(binding.value, refs))
    if isinstance(binding, Choice):
        then, orelse = (rebased(b, refs) for b in (binding.then, binding.orelse))
        return Choice(binding.condition, then, orelse)
    return binding


def shape_key(binding: Any, place: dict[Cell, int] | None = None) -> Any:
    if isinstance(binding, Value):
        return binding.type
    if isinstance(binding, Struct):
        return (binding.kind, tuple((k, shape_key(b, place)) for k, b in binding.items))
    if isinstance(binding, Choice):
        sides = (binding.condition, binding.then, binding.orelse)
        return ("choice", *(shape_key(b, place) for b in sides))
    if isinstance(binding, Maybe):
        return ("maybe", shape_key(binding.value, place))
    if isinstance(binding, Ref):
        steps = tuple(
            (s.kind, *(_operand_key(o) for o in s.operands)) for s in binding.path
        )
        return ("ref", (place or {}).get(binding.cell, id(binding.cell)), steps)
    if isinstance(binding, Known):
        value = binding.value
        if type(value) in (bool, int, float, complex, str, type(None)):
            return ("known", type(value), repr(value))
        return ("object", id(value))
    if isinstance(binding, ObjectParam):
        return ("param", binding.name, binding.path)
    if isinstance(binding, BoundMethod):
        receiver = shape_key(binding.receiver, place)
        return ("method", binding.name, id(binding.function), receiver)
    return ("binding", id(binding))


def closure_signature(closure: Closure) -> inspect.Signature:
    a = closure.node.args
    positional = [*a.posonlyargs, *a.args]
    kinds = inspect.Parameter
    missing = len(positional) - len(closure.defaults)
    params = []
    for i, p in enumerate(positional):
        kind = kinds.POSITIONAL_ONLY if i < len(a.posonlyargs) else kinds.POSITIONAL_OR_KEYWORD
        default: Any = closure.defaults[i - missing] if i >= missing else kinds.empty
        params.append(kinds(p.id, kind, default=default))
    if a.vararg is not None:
        params.append(kinds(a.vararg.id, kinds.VAR_POSITIONAL))
    for p, d in zip(a.kwonlyargs, closure.kw_defaults):
        params.append(kinds(p.id, kinds.KEYWORD_ONLY, default=kinds.empty if d is None else d))
    if a.kwarg is not None:
        params.append(kinds(a.kwarg.id, kinds.VAR_KEYWORD))
    return inspect.Signature(params)


def _operand_key(operand: Operand) -> Any:
    return operand.type if isinstance(operand, Value) else operand.key()
