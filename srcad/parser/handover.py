"""What is handed over at a call: bindings of a callee in terms of its caller, and their keys."""

from __future__ import annotations

import copy
import inspect
from dataclasses import replace
from typing import Any

from srcad.ir.values import Const, Operand, Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Cell,
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
    map_values,
    optional,
    rebuilt,
)
from srcad.parser.frames import Frame


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
    if isinstance(binding, Maybe):
        return optional(constants_known(binding.present), constants_known(binding.value))
    return binding


def has_closure(binding: Binding) -> bool:
    if isinstance(binding, Struct):
        return any(has_closure(p) for p in binding.parts)
    if isinstance(binding, Derived):
        return has_closure(binding.target)
    if isinstance(binding, BoundMethod):
        return has_closure(binding.receiver)
    if isinstance(binding, Maybe):
        return has_closure(binding.value)
    return isinstance(binding, (Closure, LazyIterable))


def moved(binding: Any, outside: Any, frames: dict[int, Frame]) -> Any:
    """A result that holds functions, with the values they close over as the caller has them."""
    if isinstance(binding, Struct):
        return Struct(
            binding.kind, tuple((k, moved(b, outside, frames)) for k, b in binding.items)
        )
    if isinstance(binding, Derived):
        return Derived(
            binding.transform, moved(binding.target, outside, frames), binding.options
        )
    if isinstance(binding, Closure):
        return Closure(
            binding.node, _moved_frame(binding.frame, outside, frames),
            tuple(_inner(d, outside, frames) for d in binding.defaults),
            tuple(None if d is None else _inner(d, outside, frames) for d in binding.kw_defaults),
            binding.name,
        )  # fmt: skip
    if isinstance(binding, LazyIterable) and binding.frame is not None:
        if binding.kind == "generator" and binding.frame.is_callee:
            binding = replace(binding, frame=_moved_frame(binding.frame, outside, frames))
    if isinstance(binding, (LazyIterable, Partial)):
        return rebuilt(binding, lambda b: moved(b, outside, frames))
    return binding


def _inner(binding: Any, outside: Any, frames: dict[int, Frame]) -> Any:
    return moved(constants_known(map_values(binding, outside)), outside, frames)


def _moved_frame(frame: Frame, outside: Any, frames: dict[int, Frame]) -> Frame:
    if id(frame) not in frames:
        made = copy.copy(frame)
        made.flow = copy.copy(frame.flow)
        frames[id(frame)] = made
        # each call has names of its own that its functions store to
        made.boxes = {name: Cell(name) for name in frame.boxes}
        fresh: dict[Key, Key] = {box: made.boxes[name] for name, box in frame.boxes.items()}
        made.vars = {
            fresh.get(k, k): _inner(b, outside, frames)
            for k, b in frame.vars.items()
        }
        if frame.outer is not None and frame.outer.is_callee:
            made.outer = _moved_frame(frame.outer, outside, frames)
    return frames[id(frame)]


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
        binding = replace(binding, used=refs[binding.used].cell)
    if isinstance(binding, (LazyIterable, Partial)):
        return rebuilt(binding, lambda b: rebased(b, refs))
    if isinstance(binding, Maybe):
        return Maybe(binding.present, rebased(binding.value, refs))
    return binding


def shape_key(binding: Any, place: dict[Cell, int] | None = None) -> Any:
    if isinstance(binding, Value):
        return binding.type
    if isinstance(binding, Struct):
        return (binding.kind, tuple((k, shape_key(b, place)) for k, b in binding.items))
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
