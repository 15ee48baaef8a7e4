"""Calls of a function whose author gave its derivative (`srcad.custom_vjp`, `custom_jvp`).

What holds afterwards: the call stands in the IR as one CALL of a function that carries the rule,
lowered for these arguments. The function itself is lowered too, or is an opaque operation if
srcad cannot look into it; nothing is ever differentiated through its body.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gast

from srcad.errors import SignatureError, SrcadError, UnsupportedSyntaxError
from srcad.ir import ops as O
from srcad.ir.abstract import OBJECT, UNKNOWN, TupleOf, adjoint_type, differentiable
from srcad.ir.build import clone_region
from srcad.ir.custom import CustomRule
from srcad.ir.values import Const, Function, Operand, Param, Region, Value, free_values
from srcad.parser.bindings import (
    Binding,
    Closure,
    Known,
    ObjectParam,
    Poison,
    Struct,
    describe,
    map_values,
    number,
    values_in,
)
from srcad.parser.calls.handover import shape_key
from srcad.parser.calls.passing import Callee
from srcad.parser.frames import Frame
from srcad.rules.custom import CustomFunction, parts_of_result
from srcad.rules.symbols import field_of

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


@dataclass(eq=False)
class Request:
    """A call whose rule is to be lowered; `holes` stand for the values in `args`."""

    custom: CustomFunction[..., Any]
    key: Any
    args: list[Binding]
    holes: list[Value]
    node: gast.AST
    frame: Frame


@dataclass(eq=False)
class Prepared:
    """A custom function for one kind of call: its IR function, and what it returns in terms of
    `outputs`."""

    function: Function
    result: Binding
    outputs: list[Value]
    opaque: bool = False


class CustomLowering(_Base):
    frame: Frame
    done: dict[Any, Any]
    deferred: list[Request]

    def call_custom(
        self,
        custom: CustomFunction[..., Any],
        args: list[Binding],
        kwargs: dict[str, Binding],
        node: gast.AST,
    ) -> Binding:
        if not custom.bodies:
            raise SignatureError(
                f"`{custom.name}` has no derivative yet",
                reason=f"it is declared with srcad.custom_{custom.kind}, but its rule is missing",
                advice=f"define it: {custom.name}.def{custom.kind}(...)",
                loc=self.loc(node),
            )
        for name in ("function", "bodies", "nondiff_argnums"):
            self.assumptions.add("attribute", custom, name, getattr(custom, name))
        ordered = self.custom_arguments(custom, args, kwargs, node)
        if self.within_primal:  # nothing is differentiated here, so that no rule is needed
            return self.call_known(custom.function, ordered, {}, node)
        given = [self.settled(a) for a in ordered]
        operands: list[Value] = [v for a in given for v in values_in(a)]
        holes: list[Value] = []

        def hole(v: Value) -> Value:
            made = Value(v.type, v.name, v.role, True)
            self.param_origins[made] = self.origins(v)
            holes.append(made)
            return made

        seen = [map_values(a, hole) for a in given]
        key = (id(custom), tuple(shape_key(a) for a in seen))
        if key not in self.customs:
            self.customs[key] = self.primal(custom, seen, holes, node)
            request = Request(custom, key, seen, holes, node, self.frame)
            if custom in self.preparing:  # its rule calls it: not while that is being lowered
                self.deferred.append(request)
            else:
                self.prepare_all(request)
        prepared: Prepared = self.customs[key]
        types_ = [v.type for v in prepared.outputs]
        names = [v.name for v in prepared.outputs]
        results = self.builder.emit(
            O.CALL, operands, types_, names, {"callee": prepared.function}
        )
        for result in results:
            self.note_views(args, result)
        return map_values(prepared.result, dict(zip(prepared.outputs, results)).__getitem__)

    def custom_arguments(
        self,
        custom: CustomFunction[..., Any],
        args: list[Binding],
        kwargs: dict[str, Binding],
        node: gast.AST,
    ) -> list[Binding]:
        """The arguments in the order of the parameters, defaults filled in."""
        try:
            bound = custom.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise self.python_raises(
                TypeError(), node, f"this call does not fit its function: {error}",
                "Python raises TypeError here", "correct the arguments",
            ) from None  # fmt: skip
        given: list[Binding] = []
        for p in custom.signature.parameters.values():
            if p.kind is p.VAR_POSITIONAL:
                given += bound.arguments.get(p.name, ())
            elif p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD):
                if p.kind is p.KEYWORD_ONLY or bound.arguments.get(p.name):
                    raise self.unsupported(
                        node, f"the parameter `{p.name}` of `{custom.name}` has no position",
                        f"the rule of a custom_{custom.kind} is given positional arguments",
                        "declare it as a parameter that can be passed by position",
                    )  # fmt: skip
            elif p.name in bound.arguments:
                given.append(bound.arguments[p.name])
            else:
                given.append(self.known_object(p.default))
        return given

    def prepare_all(self, first: Request) -> None:
        """Lower the rule for a call, and for those calls that are met on the way."""
        waiting, frame = self.deferred, self.frame
        self.deferred = [first]
        self.preparing.append(first.custom)
        try:
            while self.deferred:
                request = self.deferred.pop(0)
                self.frame = request.frame
                self.prepare(request, final=request is not first)
        finally:
            self.preparing.pop()
            self.deferred, self.frame = waiting, frame

    def prepare(self, request: Request, final: bool) -> None:
        """Lower the rule; with `final`, what the function returns is relied on already."""
        custom, key, args = request.custom, request.key, request.args
        holes, node = request.holes, request.node
        nondiff = {k % len(args) for k in custom.nondiff_argnums if -len(args) <= k < len(args)}
        moved = [a for k, a in enumerate(args) if k not in nondiff]
        still = [a for k, a in enumerate(args) if k in nondiff]
        prepared = self.customs[key]
        place = _place(custom)
        for _ in range(4):
            self.customs[key] = prepared
            done = dict(self.done)
            if custom.kind == "vjp":
                callee, operands = self.rule_part(custom, 0, args, node)
            else:
                dots = [map_values(a, _dot) for a in moved]
                dots = [_tangent_of(a, d) for a, d in zip(moved, dots)]
                pair = [Struct.sequence("tuple", moved), Struct.sequence("tuple", dots)]
                callee, operands = self.rule_part(custom, 0, [*still, *pair], node)
            first, second = _pair(custom, callee.result, node, self)
            if prepared.opaque and isinstance(first, Struct) and not final:
                prepared = self.taken_apart(prepared, first, custom.name)
                self.done = done
                continue
            wider = self.widen(prepared.result, first)
            if any(isinstance(part, Poison) for part in _parts(wider)):
                raise SignatureError(
                    f"the rule of `{custom.name}` returns another structure than the function",
                    reason=f"the function returns {describe(self.settled(prepared.result))}, the "
                    f"rule at {place} {describe(self.settled(first))}",
                    advice="return the result of the function first",
                    loc=self.loc(node),
                )
            if shape_key(wider) == shape_key(prepared.result):
                break
            if final:
                raise SignatureError(
                    f"the rule of `{custom.name}` returns another type than the function",
                    reason=f"the function, which the rule calls, returns "
                    f"{describe(prepared.result)}, the rule at {place} {describe(first)}",
                    advice="let both return the same type, by float(...) or np.asarray(...)",
                    loc=self.loc(node),
                )
            prepared = self.retyped(prepared, wider)
            self.done = done
        outputs = prepared.outputs
        leaves = self.leaf_operands(first, prepared.result)
        if custom.kind == "vjp":
            residuals = values_in(second)
            known = [v for a in still for v in values_in(a)]
            forward = _function(callee, operands, holes, [*leaves, *residuals, *known])
            inner = [Value(r.type, r.name, r.role, True) for r in residuals]
            kept = map_values(second, dict(zip(residuals, inner)).__getitem__)
            seeds = {v: Value(adjoint_type(v.type), f"{v.name}_bar", named=True) for v in outputs}
            seeds = {v: s for v, s in seeds.items() if differentiable(v.type)}
            g = _derivative_of(prepared.result, seeds)
            backward, operands = self.rule_part(custom, 1, [*still, kept, g], node)
            bars = self.cotangents(custom, moved, backward.result, node)
            yields = [bar for bar in (bars.get(h) for h in holes) if bar is not None]
            moving = tuple(bars.get(h) is not None for h in holes)
            seeded = tuple(v in seeds for v in outputs)
            params = [*inner, *known, *seeds.values()]
            linear = _function(backward, operands, params, yields)
        else:
            forward = None
            tangents = {h: d for a, b in zip(moved, dots) for h, d in _matched(a, b)}
            moving = tuple(h in tangents for h in holes)
            found: dict[Value, Operand | None] = {}
            what = f"the tangent of the result of `{custom.name}`"
            self.matched(prepared.result, second, found, what, custom, node)
            seeded = tuple(found.get(v) is not None for v in outputs)
            moving_dots = [tangents[h] for h in holes if h in tangents]
            yields = [d for d in (found.get(v) for v in outputs) if d is not None]
            params = [*holes, *moving_dots]
            linear = _function(callee, operands, params, [*leaves, *yields])
        prepared.function.custom = CustomRule(
            linear, forward, moving, seeded, custom.name, place
        )

    # ------------------------------------------------------------------ the function itself
    def primal(
        self,
        custom: CustomFunction[..., Any],
        args: list[Binding],
        holes: list[Value],
        node: gast.AST,
    ) -> Prepared:
        """The function, looked into as far as it can be."""
        if not isinstance(custom.function, types.FunctionType):
            return self.opaque_primal(custom, args, holes, node)
        done, self.done = self.done, {}  # what is lowered here has calls without their rules
        self.within_primal = True
        try:
            callee, operands = self.positional_call(custom.function, args, node)
        except SrcadError:  # nothing is differentiated through it: Python runs it
            return self.opaque_primal(custom, args, holes, node)
        finally:
            self.within_primal = False
            self.done = done
        self.check_pure(callee, custom.function, node)
        made = _function(callee, operands, holes, callee.outputs)
        fresh = [Value(v.type, v.name, v.role) for v in callee.outputs]
        result = map_values(callee.result, dict(zip(callee.outputs, fresh)).__getitem__)
        return Prepared(made, result, fresh)

    def opaque_primal(
        self,
        custom: CustomFunction[..., Any],
        args: list[Binding],
        holes: list[Value],
        node: gast.AST,
    ) -> Prepared:
        """The function as one operation that Python runs."""
        name = custom.name.rpartition(".")[2]
        with self.builder.nested() as ops:
            operands: list[Operand] = [Const(custom.function, OBJECT)]
            for a in args:
                if isinstance(a, Known) and number(a) is None:
                    operands.append(Const(a.value, OBJECT))
                else:
                    operands.append(self.operand(a, node))
            names = [gast.Name(f"${k}", gast.Load(), None, None) for k in range(len(operands))]
            template = gast.Call(names[0], names[1:], [])
            result = self.builder.emit1(
                O.OPAQUE, operands, UNKNOWN, name, {"template": template}
            )
        self.opaque_values.add(result)
        output = Value(UNKNOWN, name)
        self.opaque_values.add(output)
        function = _wrapped(name, holes, ops, [result], self.loc(node))
        return Prepared(function, output, [output], True)

    def retyped(self, prepared: Prepared, wider: Binding) -> Prepared:
        """The same with types that describe what the rule returns, too."""
        function, outputs = prepared.function, values_in(wider)
        made = dict(zip(prepared.outputs, function.body.yields))
        leaves = self.leaf_operands(prepared.result, wider)
        yields = [made[o] if isinstance(o, Value) else o for o in leaves]
        region = Region(function.body.params, function.body.ops, tuple(yields))
        function.body = region
        function.result = _indices(yields)
        return Prepared(function, wider, outputs, prepared.opaque)

    def taken_apart(self, prepared: Prepared, like: Struct, name: str) -> Prepared:
        """An opaque result as the structure that the rule says it has."""
        function = prepared.function
        outputs: list[Value] = []
        yields: list[Operand] = []

        def take(value: Operand, like: Binding) -> Binding:
            if isinstance(like, Struct):
                keys = tuple(k for k, _ in like.items)
                t = TupleOf((UNKNOWN,) * len(keys))
                statics = {"keys": keys if like.kind == "dict" else len(keys), "name": name}
                parts = self.builder.emit1(
                    O.APPLY, (value,), t, "parts", {"fn": parts_of_result, **statics}
                )
                each = [take(field_of(self.builder, parts, k), b)
                        for k, b in enumerate(like.parts)]  # fmt: skip
                return Struct(like.kind, tuple(zip(keys, each)))
            yields.append(value)
            outputs.append(Value(UNKNOWN, "part"))
            self.opaque_values.add(outputs[-1])
            return outputs[-1]

        with self.builder.within(function.body.ops):
            result = take(function.body.yields[0], like)
        function.body = Region(function.body.params, function.body.ops, tuple(yields))
        function.result = _indices(yields)
        return Prepared(function, result, outputs)

    # ------------------------------------------------------------------ the functions of the rule
    def rule_part(
        self, custom: CustomFunction[..., Any], index: int, args: list[Binding], node: gast.AST
    ) -> tuple[Callee, list[Operand]]:
        """A function of the rule for these arguments, and the operands that it takes."""
        body: Any = custom.bodies[index]
        try:
            inspect.signature(body).bind(*args)
        except TypeError as error:
            raise SignatureError(
                f"`{body.__name__}`, of the rule of `{custom.name}`, does not take what it is "
                "given",
                reason=f"at {_place(custom, index)} it has the parameters "
                f"{inspect.signature(body)}, and is given {len(args)} "
                f"argument{'s' * (len(args) != 1)}: {error}",
                advice=_shape_of(custom, index),
                loc=self.loc(node),
            ) from None
        callee, operands = self.positional_call(body, args, node)
        self.check_pure(callee, body, node)
        return callee, operands

    def positional_call(
        self, target: types.FunctionType, args: list[Binding], node: gast.AST
    ) -> tuple[Callee, list[Operand]]:
        place = self.loc(node)
        try:
            bound = self.bind_arguments(target, args, {}, node)
            callee, entry = self.callee(target, bound, node, pure=True)
        except SrcadError as error:
            raise error.with_caller(place) from error.__cause__
        return callee, [*entry.operands]

    def check_pure(self, callee: Callee, target: types.FunctionType, node: gast.AST) -> None:
        if callee.writes:
            raise self.unsupported(
                node, f"`{target.__qualname__}` changes an argument",
                "a function with a derivative of its own, and its rule, must leave them alone",
                "work on a copy of the argument",
            )  # fmt: skip
        if callee.captured or any(isinstance(p, Closure) for p in _parts(callee.result)):
            raise self.unsupported(
                node, f"`{target.__qualname__}` uses values of the function that calls it",
                "what flows through them is unknown to the rule", "pass them as arguments",
            )  # fmt: skip

    def cotangents(
        self,
        custom: CustomFunction[..., Any],
        moved: list[Binding],
        returned: Binding | None,
        node: gast.AST,
    ) -> dict[Value, Operand | None]:
        """The cotangent of each leaf of the arguments."""
        found: dict[Value, Operand | None] = {}
        bars = returned.parts if isinstance(returned, Struct) and returned.kind == "tuple" else None
        if bars is None or len(bars) != len(moved):
            raise SignatureError(
                f"the rule of `{custom.name}` returns "
                + (describe(returned) if bars is None else f"{len(bars)} cotangents")
                + f" for {len(moved)} argument{'s' * (len(moved) != 1)}",
                reason=f"`{custom.bodies[1].__name__}` at {_place(custom, 1)} has to return a "
                "tuple of one cotangent for each argument that is differentiated",
                advice="return a tuple of as many, with None for an argument that has none",
                loc=self.loc(node),
            )
        for k, (a, bar) in enumerate(zip(moved, bars)):
            what = f"cotangent {k} that the rule of `{custom.name}` returns"
            self.matched(a, bar, found, what, custom, node)
        return found

    def matched(
        self,
        primal: Binding,
        derivative: Binding,
        found: dict[Value, Operand | None],
        what: str,
        custom: CustomFunction[..., Any],
        node: gast.AST,
    ) -> None:
        """Per leaf of `primal` its part of `derivative`."""
        if isinstance(derivative, Known) and derivative.value is None:
            return
        if isinstance(primal, Struct) and isinstance(derivative, Struct):
            parts = dict(derivative.items)
            if [k for k, _ in primal.items] == [k for k, _ in derivative.items]:
                for k, part in primal.items:
                    self.matched(part, parts[k], found, what, custom, node)
                return
        if isinstance(primal, (Value, ObjectParam)):
            leaf = primal if isinstance(primal, Value) else primal.value
            operand = number(derivative)
            if operand is not None:
                if differentiable(leaf.type):
                    if isinstance(operand, Const) and type(operand.value) in (int, bool):
                        operand = Const.of(float(operand.value))
                    found[leaf] = operand
                return
        elif not isinstance(primal, Struct):
            return  # known while compiling: it carries no derivative
        raise SignatureError(
            f"{what} has another structure than its value",
            reason=f"the rule at {_place(custom, -1)} returns {describe(derivative)} for "
            f"{describe(primal)}",
            advice="return a derivative that is built like the value, or None for zero",
            loc=self.loc(node),
        )


def _function(
    callee: Callee, operands: list[Operand], params: Sequence[Value], yields: Sequence[Operand]
) -> Function:
    """A callee as a function of `params`, which `operands` are made of, that returns `yields`."""
    source = callee.function.body
    body = clone_region(
        Region((), source.ops, source.yields), dict(zip(source.params, operands))
    )  # fmt: skip
    made = dict(zip(callee.outputs, body.yields))
    found = [made.get(y, y) if isinstance(y, Value) else y for y in yields]
    return _wrapped(callee.function.name, params, body.ops, found, callee.function.loc)


def _indices(yields: Sequence[Operand]) -> Any:
    return tuple(range(len(yields))) if len(yields) != 1 else 0


def _wrapped(
    name: str, params: Sequence[Value], ops: list[Any], yields: Sequence[Operand], loc: Any
) -> Function:
    given = Region(tuple(params), ops, tuple(yields))
    if free_values(given):
        raise UnsupportedSyntaxError(
            f"`{name}` is given an object whose attributes are read when it runs",
            reason="the rule of a function takes numbers, arrays and containers of these",
            advice="pass the attributes that it needs as arguments",
            loc=loc,
        )
    region = clone_region(given, {})
    names: set[str] = set()
    for p in region.params:
        base, n = p.name, 0
        while p.name in names:
            n += 1
            p.name = f"{base}_{n}"
        names.add(p.name)
    return Function(
        name, tuple(Param(p, p.name) for p in region.params), region,
        _indices(yields),
        {p.name: p for p in region.params}, loc=loc,
    )  # fmt: skip


def _pair(
    custom: CustomFunction[..., Any], returned: Binding | None, node: gast.AST, low: Any
) -> tuple[Binding, Binding]:
    if isinstance(returned, Struct) and returned.kind == "tuple" and len(returned.items) == 2:
        first, second = returned.parts
        return first, second
    raise SignatureError(
        f"`{custom.bodies[0].__name__}`, of the rule of `{custom.name}`, returns "
        f"{describe(returned)}",
        reason=f"at {_place(custom)}: it has to return a tuple of two",
        advice=_shape_of(custom, 0),
        loc=low.loc(node),
    )


def _shape_of(custom: CustomFunction[..., Any], index: int) -> str:
    before = "nondiff..., " if custom.nondiff_argnums else ""
    if custom.kind == "jvp":
        return f"write jvp({before}primals, tangents), which returns (result, tangent)"
    if index == 0:
        return "write fwd with the parameters of the function; it returns (result, residuals)"
    return f"write bwd({before}residuals, cotangent), which returns a tuple of cotangents"


def _place(custom: CustomFunction[..., Any], index: int = 0) -> str:
    code = custom.bodies[index].__code__  # type: ignore[attr-defined]
    return f"{code.co_filename}:{code.co_firstlineno}"


def _dot(v: Value) -> Value:
    return Value(adjoint_type(v.type), f"{v.name}_dot", named=True)


def _matched(primal: Binding, dot: Binding) -> Iterator[tuple[Value, Value]]:
    """Pairs of a leaf and its tangent."""
    if isinstance(primal, Struct) and isinstance(dot, Struct):
        for p, d in zip(primal.parts, dot.parts):
            yield from _matched(p, d)
    elif isinstance(primal, Value) and isinstance(dot, Value):
        yield primal, dot


def _tangent_of(primal: Binding, dot: Binding) -> Binding:
    """The tangent of an argument as the rule gets it: None for what has none."""
    if isinstance(primal, Struct) and isinstance(dot, Struct):
        parts = [(k, _tangent_of(p, dict(dot.items)[k])) for k, p in primal.items]
        return Struct(primal.kind, tuple(parts))
    if isinstance(primal, Value):
        return dot if differentiable(primal.type) else Known(None)
    return _still(primal)


def _derivative_of(primal: Binding, derivatives: dict[Value, Value]) -> Binding:
    """A binding built like `primal`, of the derivatives of its leaves."""
    if isinstance(primal, Struct):
        parts = [(k, _derivative_of(p, derivatives)) for k, p in primal.items]
        return Struct(primal.kind, tuple(parts))
    if isinstance(primal, Value):
        return derivatives.get(primal, Known(None))
    return _still(primal)


def _still(primal: Binding) -> Known:
    is_float = isinstance(primal, Known) and isinstance(primal.value, (float, complex))
    return Known(0.0 if is_float else None)


def _parts(binding: Binding | None) -> Iterator[Binding]:
    if isinstance(binding, Struct):
        for part in binding.parts:
            yield from _parts(part)
    elif binding is not None:
        yield binding
