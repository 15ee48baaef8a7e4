"""Functions with source that are called: an IR function of its own for each kind of call.

It is inlined if it is small, else it becomes a CALL; values of enclosing functions that it reads
become parameters of it.
"""

from __future__ import annotations

import copy
import functools
import inspect
import types
from dataclasses import dataclass, field
from typing import Any

import gast

from srcad.errors import SrcadError, UnsupportedSyntaxError
from srcad.ir import ops as O
from srcad.ir.abstract import Type
from srcad.ir.build import clone_region
from srcad.ir.values import Const, Function, Op, Operand, Param, Region, Value, free_values, walk
from srcad.parser.bindings import (
    Binding,
    Closure,
    Derived,
    Known,
    ObjectParam,
    Poison,
    Struct,
    describe,
    map_values,
    merge,
    number,
)
from srcad.parser.branches import RESULT, RETURNED
from srcad.parser.frames import Diverges, Frame, body_of, make_frame
from srcad.parser.source import read_source

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

INLINE_OPS = 24  # a callee with at most this many operations is inlined

@dataclass(eq=False)
class Callee:
    """A function with source, lowered for one kind of call."""

    function: Function
    result: Binding | None  # in terms of `outputs`; None while it is not known
    outputs: list[Value] = field(default_factory=list)
    captured: list[Value] = field(default_factory=list)
    recursive: bool = False
    inner: dict[Value, Operand] = field(default_factory=dict)  # values as lowered -> as in function


class CalleeLowering(_Base):
    frame: Frame
    context: Any

    def call_source(
        self,
        target: types.FunctionType | Closure,
        args: list[Binding],
        kwargs: dict[str, Binding],
        node: gast.AST,
    ) -> Binding:
        place = self.loc(node)
        try:
            bound = self.bind_arguments(target, args, kwargs, node)
            callee, operands = self.callee(target, bound, node)
        except SrcadError as error:
            raise error.with_caller(place) from error.__cause__
        return self.emit_call(callee, operands, node)

    def bind_arguments(
        self,
        target: types.FunctionType | Closure,
        args: list[Binding],
        kwargs: dict[str, Binding],
        node: gast.AST,
    ) -> dict[str, Binding]:
        """Arguments by parameter name, defaults filled in."""
        if isinstance(target, Closure):
            signature = _closure_signature(target)
        else:
            signature = inspect.signature(target, follow_wrapped=False)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise self.unsupported(
                node, f"this call does not fit its function: {error}",
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
        self, target: types.FunctionType | Closure, bound: dict[str, Binding], node: gast.AST
    ) -> tuple[Callee, list[Operand]]:
        """The lowered callee and the operands for its parameters."""
        # two closures of one definition are two functions: they may hold different cells
        identity: Any = target.node if isinstance(target, Closure) else target
        on_stack = any(k[0] is identity for k in self.pending)
        shapes: dict[str, Binding] = {}
        operands: list[Operand] = []
        params: list[Value] = []
        for name, binding in bound.items():
            shapes[name] = self.param_shape(binding, name, on_stack, params, operands)
        key = (identity, tuple(_shape_key(b) for b in shapes.values()))
        if key in self.pending:
            callee = self.pending[key]
            callee.recursive = True
            self.unsettled.add(callee)
            if callee.result is None:
                raise Diverges
            return callee, operands
        memo = self.done.get(key)
        if memo is not None and not isinstance(target, Closure):
            return memo, operands
        callee = self.lower_callee(target, key, shapes, params, node)
        self.unsettled.discard(callee)
        if not self.unsettled:  # else it was lowered on a guess of what an outer function returns
            self.done[key] = callee
        return callee, operands

    def param_shape(
        self,
        binding: Binding,
        name: str,
        on_stack: bool,
        params: list[Value],
        operands: list[Operand],
    ) -> Binding:
        """How a callee sees an argument: run-time leaves become parameters of it."""
        if isinstance(binding, Struct):
            parts = tuple(
                (k, self.param_shape(b, f"{name}_{k}", on_stack, params, operands))
                for k, b in binding.items
            )
            return Struct(binding.kind, parts)
        is_number = isinstance(binding, Known) and type(binding.value) in (int, float, complex)
        if isinstance(binding, Value) or (on_stack and is_number):
            operand = number(binding)
            assert operand is not None
            param = Value(operand.type, name, named=True)
            self.param_origins[param] = self.origins(operand)
            params.append(param)
            operands.append(operand)
            return param
        if isinstance(binding, ObjectParam):
            param = Value(binding.value.type, name, named=True)
            params.append(param)
            operands.append(binding.value)
            return ObjectParam(param, binding.name, binding.path, binding.example)
        return binding

    def lower_callee(
        self,
        target: types.FunctionType | Closure,
        key: Any,
        shapes: dict[str, Binding],
        params: list[Value],
        node: gast.AST,
    ) -> Callee:
        if len(self.pending) > 100:
            raise self.unsupported(
                node, "this call nests deeper than 100 functions while compiling",
                "a recursion whose depth is a constant is unrolled, or never ends",
                "pass the recursion's depth as an argument",
            )  # fmt: skip
        function = Function("callee", (), Region((), [], ()), 0)
        callee = Callee(function, None)
        for _ in range(6):
            self.pending[key] = callee
            callee.recursive = False
            try:
                outcome = self.lower_body(target, shapes, params, node)
            finally:
                del self.pending[key]
            result, ops, frame = outcome
            if not callee.recursive:
                break
            if result is None:
                raise self.unsupported(
                    node, f"`{frame.name}` calls itself on every path",
                    "its recursion never ends", "return a value for the simplest case",
                )  # fmt: skip
            widened = result if callee.result is None else self.widen(callee.result, result)
            if callee.result is not None and _shape_key(widened) == _shape_key(callee.result):
                break
            outputs: list[Value] = []
            callee.result = map_values(widened, functools.partial(_like, outputs=outputs))
            callee.result = _leaves_only(callee.result, outputs)
            callee.outputs = outputs
        else:
            raise self.unsupported(
                node, f"the result of `{frame.name}` changes its kind with each recursion",
                "no single type describes it", "return one kind of value on every path",
            )  # fmt: skip
        if result is None:
            raise Diverges
        yields: list[Operand] = []
        if callee.recursive:
            assert callee.result is not None
            yields = self.leaf_operands(result, callee.result)
        else:
            outputs = []
            callee.result = _leaves_only(map_values(result, lambda v: _like(v, outputs)), outputs)
            callee.outputs = outputs
            yields = self.leaf_operands(result, callee.result)
        self.close_callee(callee, frame, params, ops, yields)
        return callee

    def widen(self, old: Binding, new: Binding) -> Binding:
        def leaf(x: Operand, y: Operand, t: Type, name: str) -> Value:
            return Value(t, name)

        merged = merge(old, new, "result", leaf)
        assert merged is not None
        return merged

    def lower_body(
        self,
        target: types.FunctionType | Closure,
        shapes: dict[str, Binding],
        params: list[Value],
        node: gast.AST,
    ) -> tuple[Binding | None, list[Op], Frame]:
        """Lower the body of a callee in a context of its own: (result, operations, frame)."""
        from srcad.parser.lower import Context

        if isinstance(target, Closure):
            outer = target.frame
            frame = make_frame(
                outer.source, target.node, None, outer, outer.globals, target.name
            )
        else:
            self.assumptions.add("code", target, "__code__", target.__code__)
            source = read_source(target)
            frame = make_frame(source, source.node, target, None, target.__globals__, source.name)
        frame.is_callee = True
        frame.vars = dict(shapes)
        frame.params = set(params)
        self.local_names |= frame.locals
        saved = self.frame, self.context, self.builder.block
        self.frame, self.context, self.builder.block = frame, Context(), []
        try:
            try:
                finished = self.block(body_of(frame.node))
            except Diverges:
                self.dead()
                finished = True
            if self.frame.vars.get("$dead") is not None:
                return None, [], frame
            result = self.returned(finished, frame.node)
            return result, [*self.context.prologue, *self.builder.block], frame
        finally:
            self.frame, self.context, self.builder.block = saved

    def returned(self, finished: bool, node: gast.AST) -> Binding:
        """What the function returns, from the pseudo-variables at its end."""
        variables = self.frame.vars
        if variables.get("$dead") is not None:
            raise self.unsupported(
                node, f"`{self.frame.name}` never returns a value",
                "every path raises", "return a value on some path",
            )  # fmt: skip
        result = variables.get(RESULT)
        if not finished and RETURNED not in variables:
            return Known(None)
        if not finished:
            raise self.unsupported(
                node, f"`{self.frame.name}` returns None on some path",
                "the end of the function is reached without `return`",
                "return a value, or raise an error, on every path",
            )  # fmt: skip
        if isinstance(result, Poison):
            raise self.unsupported(
                node, f"`{self.frame.name}` returns values of different kinds",
                result.reason, "return one kind of value on every path",
            )  # fmt: skip
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
        function.name = frame.name if frame.name.isidentifier() else "helper"
        function.params = tuple(Param(v, v.name) for v in all_params)
        function.body = Region(all_params, region.ops, region.yields)
        function.result = tuple(range(len(yields))) if len(yields) != 1 else 0
        function.inputs = {p.name: p.value for p in function.params}
        function.loc = frame.source.loc(frame.node)
        callee.captured = captured
        callee.inner = mapping

    def emit_call(self, callee: Callee, operands: list[Operand], node: gast.AST) -> Binding:
        function = callee.function
        pending = any(c is callee for c in self.pending.values())
        if not pending:
            operands = [*operands, *callee.captured]
        makes_functions = callee.result is not None and _has_closure(callee.result)
        if not pending and not callee.recursive:
            if makes_functions or _size(function) <= INLINE_OPS:
                return self.inline(callee, operands)
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
        assert callee.result is not None
        return map_values(callee.result, replace.__getitem__)

    def inline(self, callee: Callee, operands: list[Operand]) -> Binding:
        function = callee.function
        mapping: dict[Value, Operand] = dict(zip(function.body.params, operands))
        body = clone_region(Region((), function.body.ops, function.body.yields), mapping)
        self.builder.block.extend(body.ops)
        replace = dict(zip(callee.outputs, body.yields))
        assert callee.result is not None

        def put(v: Value) -> Any:
            found = replace[v]
            return found if isinstance(found, Value) else _Constant(found)

        def outside(v: Value) -> Any:
            inner = callee.inner.get(v, v)
            found = mapping.get(inner, inner) if isinstance(inner, Value) else inner
            return found if isinstance(found, Value) else _Constant(found)

        result = _constants_known(map_values(callee.result, put))
        return _moved(result, outside, {})

    def result_tree(self, result: Binding) -> tuple[Any, list[Operand]]:
        """(tree of yield indices, yields) of what a function returns."""
        yields: list[Operand] = []

        def visit(b: Binding) -> Any:
            if isinstance(b, Struct):
                if b.kind == "dict":
                    return {k: visit(p) for k, p in b.items}
                parts = [visit(p) for p in b.parts]
                return tuple(parts) if b.kind == "tuple" else parts
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


class _Constant:
    """A constant where `map_values` expects a binding; replaced at once."""

    def __init__(self, operand: Const) -> None:
        self.operand = operand


def _constants_known(binding: Any) -> Any:
    if isinstance(binding, _Constant):
        return Known(binding.operand.value)
    if isinstance(binding, Struct):
        return Struct(binding.kind, tuple((k, _constants_known(b)) for k, b in binding.items))
    return binding


def _has_closure(binding: Binding) -> bool:
    if isinstance(binding, Struct):
        return any(_has_closure(p) for p in binding.parts)
    if isinstance(binding, Derived):
        return _has_closure(binding.target)
    return isinstance(binding, Closure)


def _moved(binding: Any, outside: Any, frames: dict[int, Frame]) -> Any:
    """A result that holds functions, with the values they close over as the caller has them."""
    if isinstance(binding, Struct):
        return Struct(
            binding.kind, tuple((k, _moved(b, outside, frames)) for k, b in binding.items)
        )
    if isinstance(binding, Derived):
        return Derived(
            binding.transform, _moved(binding.target, outside, frames), binding.options
        )
    if isinstance(binding, Closure):
        return Closure(
            binding.node, _moved_frame(binding.frame, outside, frames),
            tuple(_inner(d, outside, frames) for d in binding.defaults),
            tuple(None if d is None else _inner(d, outside, frames) for d in binding.kw_defaults),
            binding.name,
        )  # fmt: skip
    return binding


def _inner(binding: Any, outside: Any, frames: dict[int, Frame]) -> Any:
    return _moved(_constants_known(map_values(binding, outside)), outside, frames)


def _moved_frame(frame: Frame, outside: Any, frames: dict[int, Frame]) -> Frame:
    if id(frame) not in frames:
        made = copy.copy(frame)
        frames[id(frame)] = made
        made.vars = {k: _inner(b, outside, frames) for k, b in frame.vars.items()}
        if frame.outer is not None and frame.outer.is_callee:
            made.outer = _moved_frame(frame.outer, outside, frames)
    return frames[id(frame)]


def _leaves_only(binding: Binding, outputs: list[Value]) -> Binding:
    return binding


def _like(v: Value, outputs: list[Value]) -> Value:
    new = Value(v.type, v.name, v.role, False)
    outputs.append(new)
    return new


def _size(function: Function) -> int:
    return sum(1 for _ in walk(function.body))


def _shape_key(binding: Any) -> Any:
    if isinstance(binding, Value):
        return binding.type
    if isinstance(binding, Struct):
        return (binding.kind, tuple((k, _shape_key(b)) for k, b in binding.items))
    if isinstance(binding, Known):
        value = binding.value
        if type(value) in (bool, int, float, complex, str, type(None)):
            return ("known", type(value), repr(value))
        return ("object", id(value))
    if isinstance(binding, ObjectParam):
        return ("param", binding.name, binding.path)
    return ("binding", id(binding))


def _closure_signature(closure: Closure) -> inspect.Signature:
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
