"""Calls to IR: functions of the rule table, functions with source, builtins, derivatives.

A function with Python source is lowered as an IR function of its own, for the types of this
call. It is then inlined if it is small, else it becomes a CALL; values of enclosing functions
that it reads become parameters of it.
"""

from __future__ import annotations

import builtins
import copy
import functools
import inspect
import math
import operator
import types
from dataclasses import dataclass, field
from typing import Any

import gast
import numpy as np

from srcad.errors import MissingRuleError, SrcadError, UnsupportedSyntaxError
from srcad.ir import ops as O
from srcad.ir.abstract import (
    BOOL,
    INT,
    NONE,
    OBJECT,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    Scalar,
    TupleOf,
    Type,
    join,
)
from srcad.ir.build import clone_region
from srcad.ir.values import Const, Function, Op, Operand, Param, Region, Value, free_values, walk
from srcad.parser import derived
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
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
    same,
    values_in,
)
from srcad.parser.expressions import MethodOf
from srcad.parser.frames import Diverges, Frame, body_of, make_frame
from srcad.parser.iteration import (
    ONE_STEP,
    ZERO,
    Iteration,
    RangeBinding,
    Unrolled,
    enumerated,
    zipped,
)
from srcad.parser.source import read_source
from srcad.parser.statements import RESULT, RETURNED
from srcad.rules.methods import METHOD_ADAPTERS
from srcad.rules.registry import ARRAY, lookup
from srcad.rules.symbols import NeedsConstant, element_type, getitem_operands
from srcad.rules.symbols import apply as apply_rule

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

INLINE_OPS = 24  # a callee with at most this many operations is inlined
_PYTHON_TYPE = {"float": float, "int": int, "bool": bool, "complex": complex}
_OUTPUT = (print,)
_TYPE_TESTS: dict[Any, type] = {}


@dataclass(eq=False)
class Callee:
    """A function with source, lowered for one kind of call."""

    function: Function
    result: Binding | None  # in terms of `outputs`; None while it is not known
    outputs: list[Value] = field(default_factory=list)
    captured: list[Value] = field(default_factory=list)
    recursive: bool = False
    inner: dict[Value, Operand] = field(default_factory=dict)  # values as lowered -> as in function


class CallLowering(_Base):
    frame: Frame
    context: Any

    def expr_Call(self, node: gast.Call, statement: bool = False) -> Binding:
        if isinstance(node.func, gast.Name) and node.func.id == "super" and not node.args:
            raise self.unsupported(
                node, "`super()` cannot be differentiated yet",
                "srcad does not follow classes yet", "call the method of the base class by name",
            )  # fmt: skip
        callee = self.expression(node.func)
        if isinstance(callee, Known) and callee.value in _OUTPUT:
            self.opaque_statement(gast.Expr(node))
            return Known(None)
        args = self.elements(node.args)
        kwargs: dict[str, Binding] = {}
        for k in node.keywords:
            value = self.expression(k.value)
            if k.arg is not None:
                kwargs[k.arg] = value
            elif isinstance(value, Struct) and value.kind == "dict":
                kwargs.update(value.items)
            elif isinstance(value, Known) and isinstance(value.value, dict):
                kwargs.update({n: Known(v) for n, v in value.value.items()})
            else:
                raise self.unsupported(
                    node, "`**` needs a dictionary of known keys", f"this is {describe(value)}",
                    "write the keywords out",
                )  # fmt: skip
        return self.call_binding(callee, args, kwargs, node)

    def call_binding(
        self, callee: Binding, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        if isinstance(callee, BoundMethod):
            return self.array_method(callee, args, kwargs, node)
        if isinstance(callee, Closure):
            return self.call_source(callee, args, kwargs, node)
        if isinstance(callee, Derived):
            return self.call_derived(callee, args, kwargs, node)
        if isinstance(callee, Known):
            return self.call_known(callee.value, args, kwargs, node)
        raise self.unsupported(
            node, f"{describe(callee)} is called here",
            "which function it is, is not known while compiling",
            "pass the function as an argument, or call it by its name",
        )  # fmt: skip

    # ------------------------------------------------------------------ known callables
    def call_known(
        self, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        if isinstance(fn, MethodOf):
            return self.call_source(fn.function, [fn.receiver, *args], kwargs, node)
        special = _SPECIAL.get(fn) if _hashable(fn) else None
        if special is not None:
            result = special(self, args, kwargs, node)
            if result is not None:
                return result
        derived = self.derivative_request(fn, args, kwargs, node)
        if derived is not None:
            return derived
        if lookup(fn) is not None:
            return self.apply(fn, args, kwargs, node)
        if isinstance(fn, functools.partial):
            merged = {k: Known(v) for k, v in fn.keywords.items()} | kwargs
            return self.call_known(fn.func, [*map(Known, fn.args), *args], merged, node)
        if isinstance(fn, types.MethodType):
            return self.call_known(fn.__func__, [Known(fn.__self__), *args], kwargs, node)
        if isinstance(fn, types.FunctionType):
            return self.call_source(fn, args, kwargs, node)
        if all(isinstance(a, Known) for a in (*args, *kwargs.values())):
            return self.opaque_call(fn, args, kwargs, node)
        name = getattr(fn, "__qualname__", type(fn).__name__)
        module = getattr(fn, "__module__", None) or ""
        if isinstance(fn, type) and module != "builtins":
            raise self.unsupported(
                node, f"creating a `{name}` object cannot be differentiated yet",
                "srcad does not follow classes yet", "use numbers, arrays and tuples",
            )  # fmt: skip
        shown = f"{module}.{name}" if module not in ("", "builtins") else name
        raise MissingRuleError(
            f"`{shown}` has no derivative rule",
            reason="it is not in srcad's rule table, and it has no Python source to look into",
            advice=f"register one: srcad.rules.elementwise({shown}, lambda y, x: dy_dx)",
            loc=self.loc(node),
        )

    def apply(
        self, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        """Apply a function of the rule table."""
        if _python_function(fn) and all(isinstance(a, Known) for a in args) and not kwargs:
            folded = self.fold(fn, *(a.value for a in args))  # type: ignore[union-attr]
            if folded is not None and not isinstance(folded.value, np.generic):
                return folded
        try:
            converted = [self.argument(a, node) for a in args]
            keywords = {k: self.argument(v, node) for k, v in kwargs.items()}
            result = apply_rule(self.builder, fn, converted, keywords)
        except NeedsConstant as error:
            self.require_static(error.value, node, error.what.split(" must be")[0])
            raise
        except SrcadError as error:
            if error.loc is None:
                raise type(error)(
                    error.what, reason=error.reason, advice=error.advice, loc=self.loc(node)
                ) from error
            raise
        t = result.type
        if isinstance(result, Value) and isinstance(t, TupleOf) and t.elems is not None:
            if fn not in (np.shape,):
                return Struct.sequence("tuple", [self.item(result, i) for i in range(len(t.elems))])
        return self.as_binding(result)

    def argument(self, binding: Binding, node: gast.AST) -> Any:
        """A binding as `rules.symbols.apply` takes it: known objects plain, the rest operands."""
        if isinstance(binding, Known):
            if isinstance(binding.value, np.ndarray):
                return self.operand(binding, node)
            return binding.value
        if isinstance(binding, Struct) and binding.kind != "dict":
            if all(isinstance(p, Known) for p in binding.parts):
                parts = [p.value for p in binding.parts if isinstance(p, Known)]
                return tuple(parts) if binding.kind == "tuple" else parts
        return self.operand(binding, node)

    def array_method(
        self, method: BoundMethod, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        fn = ARRAY.methods[method.name]
        all_args: list[Binding] = [method.receiver, *args]
        adapter = METHOD_ADAPTERS.get(method.name)
        if adapter is not None:
            plain = [self.argument(a, node) for a in all_args]
            named = {k: self.argument(v, node) for k, v in kwargs.items()}
            new_args, new_kwargs = adapter(plain, named)
            all_args = [self.rebind(a) for a in new_args]
            kwargs = {k: self.rebind(v) for k, v in new_kwargs.items()}
        return self.apply(fn, all_args, kwargs, node)

    def rebind(self, value: Any) -> Binding:
        if isinstance(value, Value):
            return value
        if isinstance(value, Const):
            return Known(value.value)
        if isinstance(value, (tuple, list)):
            return Struct.sequence(type(value).__name__, [self.rebind(v) for v in value])
        return Known(value)

    # ------------------------------------------------------------------ functions with source
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

    # ------------------------------------------------------------------ derivatives within
    def derivative_request(
        self, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding | None:
        """`grad(g)` or `jvp(g, ...)` called here, or a Derivative object called here."""
        transform = getattr(fn, "__srcad_transform__", None)
        if transform is None:
            return None
        if hasattr(fn, "__srcad_steps__"):  # a derivative object made outside: its primal, again
            return self.call_derived(self.derived_of(fn), args, kwargs, node)
        options: list[tuple[str, Any]] = []
        for k, v in kwargs.items():
            if isinstance(v, Struct) and all(isinstance(p, Known) for p in v.parts):
                v = Known(tuple(p.value for p in v.parts if isinstance(p, Known)))
            if not isinstance(v, Known):
                raise self.unsupported(
                    node, f"`{k}` must be known while compiling", f"it is {describe(v)}",
                    "pass a constant",
                )  # fmt: skip
            options.append((k, v.value))
        if transform == "jvp":
            return self.call_jvp(args, options, node)
        if transform not in ("grad", "value_and_grad"):
            raise self.unsupported(
                node, f"`{transform}` inside of a differentiated function is not supported yet",
                "only grad, value_and_grad and jvp are", "use srcad.grad",
            )  # fmt: skip
        if len(args) > 1 and isinstance(args[1], Known):
            options.append(("argnums", args[1].value))
        elif len(args) > 1 and isinstance(args[1], Struct):
            parts = [p.value for p in args[1].parts if isinstance(p, Known)]
            options.append(("argnums", tuple(parts)))
        return Derived(transform, args[0], tuple(sorted(options)))

    def derived_of(self, derivative: Any) -> Derived:
        """A derivative object as transforms of its primal."""
        binding: Binding = Known(derivative.function)
        for step in derivative.__srcad_steps__:
            argnums = tuple(p[0] if len(p) == 1 else p for p in step.argnums)
            chosen = argnums[0] if step.single else argnums
            options = (("argnums", chosen), ("has_aux", step.has_aux))
            binding = Derived(step.transform, binding, options)
        assert isinstance(binding, Derived)
        return binding

    def derived_base(
        self, target: Binding, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> tuple[derived.Shape, list[Operand], dict[str, Binding]]:
        """The derived function, derivatives within applied: (shape, operands, arguments)."""
        chain: list[Derived] = []
        while True:
            if isinstance(target, Known) and hasattr(target.value, "__srcad_steps__"):
                target = self.derived_of(target.value)
            if not isinstance(target, Derived):
                break
            chain.append(target)
            target = target.target
        if isinstance(target, Known) and isinstance(target.value, types.FunctionType):
            function: Any = target.value
        elif isinstance(target, Closure):
            function = target
        else:
            raise self.unsupported(
                node, f"the derivative of {describe(target)} is asked for here",
                "it is not a function that is known while compiling", "pass a function",
            )  # fmt: skip
        bound = self.bind_arguments(function, args, kwargs, node)
        bound = {k: self.materialised(b) for k, b in bound.items()}
        callee, operands = self.callee(function, bound, node)
        if callee.result is None or any(c is callee for c in self.pending.values()):
            raise self.unsupported(
                node, "a function takes its own derivative while it is differentiated",
                "its derivative would never end", "differentiate from outside",
            )  # fmt: skip
        shape = derived.Shape(callee.function, callee.result, tuple(callee.outputs))
        for d in reversed(chain):
            shape = self.derive_shape(shape, d, bound, node)
        return shape, [*operands, *callee.captured], bound

    def derive_shape(
        self, shape: derived.Shape, d: Derived, bound: dict[str, Binding], node: gast.AST
    ) -> derived.Shape:
        options = dict(d.options)
        argnums = options.pop("argnums", 0)
        if options.pop("has_aux", False) or any(k not in ("optimize", "generic") for k in options):
            raise self.unsupported(
                node, "an option of this nested derivative is not supported",
                "it would be ignored", "use only argnums",
            )  # fmt: skip
        return derived.derive(self, shape, d.transform, argnums, list(bound), bound, node)

    def call_derived(
        self, d: Derived, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        """Differentiate a known function inside of this one: its derivative is IR again (D1)."""
        shape, operands, _ = self.derived_base(d, args, kwargs, node)
        return derived.emit(self, shape, operands)

    def call_jvp(
        self, args: list[Binding], options: list[tuple[str, Any]], node: gast.AST
    ) -> Binding:
        if any(k not in ("optimize", "generic") for k, _ in options) or len(args) != 3:
            raise self.unsupported(
                node, "this form of `jvp` is not supported inside of a function",
                "it takes the function, the primals and the tangents", "use jvp(f, (x,), (x_dot,))",
            )  # fmt: skip
        primals = self.known_elements(args[1], node)
        tangents = self.known_elements(args[2], node)
        shape, operands, bound = self.derived_base(args[0], primals, {}, node)
        names = list(bound)
        moving: list[str] = []
        seeds: list[Operand] = []
        for name, tangent in zip(names, tangents):
            if not (isinstance(tangent, Known) and tangent.value is None):
                moving.append(name)
                seeds += derived.seed_operands(self, tangent, bound[name], node)
        shape = derived.derive(self, shape, "jvp", tuple(moving), names, bound, node)
        return derived.emit(self, shape, [*operands, *seeds])

    def materialised(self, binding: Binding) -> Binding:
        """A known number as a run-time value, so that it can be differentiated."""
        if isinstance(binding, Known) and type(binding.value) in (int, float):
            return self.as_value(Known(float(binding.value)))
        return binding

    # ------------------------------------------------------------------ opaque code
    def opaque_statement(self, node: gast.stmt) -> None:
        template, operands = self.template(node)
        self.builder.emit(O.OPAQUE, operands, (), (), {"template": template})

    def opaque_expression(self, node: gast.AST, t: Type) -> Binding:
        template, operands = self.template(node)
        return self.builder.emit(O.OPAQUE, operands, (t,), ("text",), {"template": template})[0]

    def opaque_call(
        self, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        template, operands = self.template(node)
        t = UNKNOWN
        return self.builder.emit(O.OPAQUE, operands, (t,), ("t",), {"template": template})[0]

    def template(self, node: gast.AST) -> tuple[gast.AST, list[Operand]]:
        """A copy of `node` in which every name is a placeholder `$k` for operand k."""
        operands: list[Operand] = []

        def placeholder(operand: Operand) -> gast.Name:
            operands.append(operand)
            return gast.Name(f"${len(operands) - 1}", gast.Load(), None, None)

        def rebuild(n: Any, bound: frozenset[str]) -> Any:
            if isinstance(n, list):
                return [rebuild(x, bound) for x in n]
            if not isinstance(n, gast.AST):
                return n
            if isinstance(n, gast.Name):
                if n.id in bound:
                    return n
                binding = self.lookup(n.id, n)
                if isinstance(binding, Known) and not isinstance(
                    binding.value, (int, float, complex, str, type(None), bool)
                ):
                    return placeholder(Const(binding.value, OBJECT))
                return placeholder(self.operand(binding, n))
            if isinstance(
                n, (gast.Lambda, gast.ListComp, gast.GeneratorExp, gast.DictComp, gast.SetComp)
            ):
                raise self.unsupported(
                    n, "this expression cannot stand here",
                    "it binds names of its own", "compute the value before",
                )  # fmt: skip
            fields = {f: rebuild(getattr(n, f, None), bound) for f in n._fields}
            return type(n)(**fields)

        return rebuild(node, frozenset()), operands

    def stmt_Raise(self, node: gast.Raise, rest: Any) -> bool:
        template, operands = self.template(node)
        self.builder.emit(O.RAISE, operands, (), (), {"template": template})
        self.dead()
        return True

    def stmt_Assert(self, node: gast.Assert, rest: Any) -> None:
        truth = self.truth(self.expression(node.test), node.test)
        if truth is True:
            return
        condition = Const.of(False) if truth is False else truth
        message, operands = (None, []) if node.msg is None else self.template(node.msg)
        test = gast.Name(f"${len(operands)}", gast.Load(), None, None)
        template = gast.Assert(test, message)
        self.builder.emit(O.ASSERT, [*operands, condition], (), (), {"template": template})

    # ------------------------------------------------------------------ iteration
    def iteration(self, binding: Binding, node: gast.AST) -> Iteration | Unrolled:
        """What a `for` loop over this binding runs over."""
        if isinstance(binding, Known) and isinstance(binding.value, RangeBinding):
            return self.special_iteration(binding.value, node)
        if isinstance(binding, Known) and isinstance(binding.value, range):
            r = binding.value
            return self.range_iteration([Const.of(v) for v in (r.start, r.stop, r.step)])
        if isinstance(binding, (Struct, Known)):
            if isinstance(binding, Struct) and binding.kind == "dict":
                return Unrolled(tuple(Known(k) for k, _ in binding.items))
            if isinstance(binding, Known) and isinstance(binding.value, dict):
                return Unrolled(tuple(Known(k) for k in binding.value))
            return Unrolled(tuple(self.known_elements(binding, node)))
        if isinstance(binding, Value):
            t = binding.type
            if isinstance(t, (Array, ListOf)) and not (isinstance(t, Array) and t.dims == ()):
                length = apply_rule(self.builder, len, [binding])
                return Iteration(
                    ZERO, length, ONE_STEP,
                    lambda low, i: low.as_binding(getitem_operands(low.builder, binding, [i])),
                )  # fmt: skip
            if t == UNKNOWN:
                length = apply_rule(self.builder, len, [binding])
                return Iteration(
                    ZERO, length, ONE_STEP,
                    lambda low, i: low.as_binding(getitem_operands(low.builder, binding, [i])),
                )  # fmt: skip
        raise self.unsupported(
            node, f"a loop over {describe(binding)} cannot be differentiated",
            "srcad loops over ranges, arrays, lists and tuples", "loop over one of these",
        )  # fmt: skip

    def special_iteration(self, it: RangeBinding, node: gast.AST) -> Iteration | Unrolled:
        if it.kind == "range":
            return self.range_iteration(list(it.args))
        parts = [self.iteration(a, node) for a in it.args[:1] if it.kind != "zip"] or [
            self.iteration(a, node) for a in it.args
        ]
        unrolled = [p for p in parts if isinstance(p, Unrolled)]
        if unrolled and len(unrolled) == len(parts):
            return self.unrolled_iteration(it, [u.elements for u in unrolled])
        if unrolled:
            raise self.unsupported(
                node, "`zip` of a tuple with an array cannot be differentiated yet",
                "a tuple is unrolled, an array is looped over", "make both arrays or both tuples",
            )  # fmt: skip
        loops = [p for p in parts if isinstance(p, Iteration)]
        if it.kind == "zip":
            return zipped(self, loops)  # type: ignore[arg-type]
        if it.kind == "enumerate":
            return enumerated(self, loops[0], it.args[1])  # type: ignore[arg-type]
        inner = loops[0]
        return Iteration(
            inner.start, inner.stop, inner.step, inner.element, not inner.reverse, inner.plain
        )

    def unrolled_iteration(
        self, it: RangeBinding, elements: list[tuple[Binding, ...]]
    ) -> Unrolled:
        if it.kind == "zip":
            return Unrolled(tuple(Struct.sequence("tuple", list(p)) for p in zip(*elements)))
        if it.kind == "enumerate":
            first = it.args[1].value
            return Unrolled(
                tuple(
                    Struct.sequence("tuple", [Known(i), e])
                    for i, e in enumerate(elements[0], first)
                )
            )
        return Unrolled(tuple(reversed(elements[0])))

    def range_iteration(self, args: list[Operand]) -> Iteration:
        if len(args) == 1:
            args = [ZERO, args[0], ONE_STEP]
        elif len(args) == 2:
            args = [*args, ONE_STEP]
        start, stop, step = args
        return Iteration(start, stop, step, lambda low, i: i, plain=True)

    def range_length(self, it: Iteration) -> Operand:
        """Number of trips of a range that does not start at 0 with step 1."""
        parts = (it.start, it.stop, it.step)
        known = [p.value for p in parts if isinstance(p, Const)]
        if len(known) == len(parts):
            return Const.of(len(range(*known)))
        if it.step == ONE_STEP:
            span = self.arithmetic(operator.sub, it.stop, it.start)
            return self.arithmetic(max, Const.of(0), span)
        made = apply_rule(self.builder, range, list(parts))
        return apply_rule(self.builder, len, [made])


# ---------------------------------------------------------------------- special builtins
def _wrap_iterable(kind: str) -> Any:
    def special(
        low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding | None:
        if kind == "range":
            known = [a.value for a in args if isinstance(a, Known)]
            if len(known) == len(args):
                return Known(range(*known))
            return Known(RangeBinding("range", tuple(low.operand(a, node) for a in args)))
        if kind == "enumerate":
            first = args[1] if len(args) > 1 else kwargs.get("start", Known(0))
            return Known(RangeBinding(kind, (args[0], low.operand(first, node))))
        if kwargs and not (kind == "zip" and set(kwargs) == {"strict"}):
            raise low.unsupported(node, f"these keywords of `{kind}` are not supported",
                                  "they would be ignored", "leave them out")  # fmt: skip
        if kwargs and not same(kwargs["strict"], Known(False)):
            raise low.unsupported(node, "`zip(..., strict=True)` cannot be differentiated yet",
                                  "the lengths are not compared", "leave `strict` out")  # fmt: skip
        return Known(RangeBinding(kind, tuple(args)))

    return special


def _isinstance(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    value, classes = args
    if isinstance(classes, Struct):
        parts = [p.value for p in classes.parts if isinstance(p, Known)]
        classes = Known(tuple(parts))
    if not isinstance(classes, Known):
        return None
    if isinstance(value, Known):
        return Known(isinstance(value.value, classes.value))
    if isinstance(value, Struct):
        kind = {"tuple": tuple, "list": list, "dict": dict}[value.kind]
        return Known(issubclass(kind, classes.value))
    if isinstance(value, ObjectParam):
        return Known(isinstance(value.example, classes.value))
    if isinstance(value, Value):
        python = python_type(value.type)
        if python is None:
            low.require_static(value, node, "isinstance")  # raises
            assert python is not None
        return Known(issubclass(python, classes.value))
    return Known(issubclass(types.FunctionType, classes.value))


def python_type(t: Type) -> type | None:
    """The class of values of an abstract type, or None if it is not known."""
    if isinstance(t, Scalar):
        return _PYTHON_TYPE[t.kind]
    if isinstance(t, Array):
        if not t.item:
            return np.ndarray
        return np.dtype(t.dtype).type if t.dtype is not None else None
    if isinstance(t, ListOf):
        return list
    if isinstance(t, TupleOf):
        return tuple
    if isinstance(t, DictOf):
        return dict
    return type(None) if t == NONE else None


def _type(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    if len(args) == 1 and isinstance(args[0], Value):
        python = python_type(args[0].type)
        if python is not None:
            return Known(python)
    if len(args) == 1 and isinstance(args[0], Known):
        return Known(type(args[0].value))
    return None


def _len(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    if isinstance(args[0], Struct):
        return Known(len(args[0].items))
    if isinstance(args[0], Known):
        return low.fold(len, args[0].value)
    if isinstance(args[0], Value) and isinstance(args[0].type, Scalar):
        raise low.unsupported(node, f"{describe(args[0])} has no length",
                              "Python raises TypeError here", "pass an array")  # fmt: skip
    return None


def _extremum(fn: Any) -> Any:
    def special(
        low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding | None:
        if kwargs:
            return None
        if len(args) == 1:
            if not isinstance(args[0], Struct):
                return None
            args = low.known_elements(args[0], node)
        result = args[0]
        for other in args[1:]:
            result = low.apply(fn, [result, other], {}, node)
        return result

    return special


def _sum(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    if not isinstance(args[0], Struct):
        return None
    start = args[1] if len(args) > 1 else kwargs.get("start", Known(0))
    result = start
    for part in low.known_elements(args[0], node):
        result = low.binary(operator.add, result, part, node)
    return result


def _container(kind: str) -> Any:
    def special(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
        if not args:
            return Struct.sequence(kind, [])
        if isinstance(args[0], Struct) and args[0].kind != "dict":
            return Struct.sequence(kind, list(args[0].parts))
        if isinstance(args[0], Known) and isinstance(args[0].value, (tuple, list, range, str)):
            return Struct.sequence(kind, [Known(v) for v in args[0].value])
        if isinstance(args[0], Value) and isinstance(args[0].type, TupleOf):
            elems = args[0].type.elems or ()
            return Struct.sequence(kind, [low.item(args[0], i) for i in range(len(elems))])
        raise low.unsupported(
            node, f"`{kind}` of {describe(args[0])} cannot be differentiated yet",
            "its length is not known while compiling", "use the array itself",
        )  # fmt: skip

    return special


def _callable(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    if isinstance(args[0], Known):
        return Known(callable(args[0].value))
    return Known(isinstance(args[0], (Closure, BoundMethod, Derived)))


def _hasattr(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    owner, name = args[0], args[1]
    if isinstance(owner, Known) and isinstance(name, Known):
        return Known(hasattr(owner.value, name.value))
    if isinstance(owner, Value) and isinstance(name, Known):
        python = python_type(owner.type)
        if python is not None:
            return Known(hasattr(python, name.value))
    return None


def _float(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    if len(args) == 1 and isinstance(args[0], Known):
        return low.fold(float, args[0].value)
    if len(args) == 1 and isinstance(args[0], Value) and args[0].type == Scalar("float"):
        return args[0]
    return None


_SPECIAL: dict[Any, Any] = {
    range: _wrap_iterable("range"), zip: _wrap_iterable("zip"),
    enumerate: _wrap_iterable("enumerate"), reversed: _wrap_iterable("reversed"),
    isinstance: _isinstance, type: _type, len: _len, max: _extremum(max), min: _extremum(min),
    sum: _sum, tuple: _container("tuple"), list: _container("list"), callable: _callable,
    hasattr: _hasattr, float: _float,
}  # fmt: skip


# ---------------------------------------------------------------------- helpers
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


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _python_function(fn: Any) -> bool:
    module = getattr(fn, "__module__", None)
    return module in ("math", "operator", "_operator", "builtins")


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


__all__ = ["BOOL", "INT", "CallLowering", "builtins", "element_type", "join", "math", "values_in"]
