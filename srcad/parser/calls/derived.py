"""A derivative taken inside of a differentiated function: a call of a function yet to be derived.

The parser only states what is to be derived (`Function.derivation`) and the types of the result;
the differentiator fills in the body before it transforms the caller.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.abstract import ListOf, Type, adjoint_type, differentiable, is_number, rank_of
from srcad.ir.build import clone_function
from srcad.ir.values import Const, Function, Operand, Region, Value
from srcad.parser.bindings import (
    CLASS,
    SOURCE,
    Binding,
    Closure,
    Derived,
    Known,
    Struct,
    describe,
    map_values,
    number,
    values_in,
)
from srcad.parser.calls import within
from srcad.parser.calls.handover import closure_signature
from srcad.parser.source import own_signature
from srcad.rules.custom import CustomFunction


@dataclass(frozen=True)
class Shape:
    """An IR function and how its yields make up its result: `outputs` are placeholders."""

    function: Function
    result: Binding
    outputs: tuple[Value, ...]


def derive(
    lowerer: Any,
    base: Shape,
    transform: str,
    argnums: Any,
    names: Sequence[str],
    bound: dict[str, Binding],
    node: gast.AST,
) -> Shape:
    """The header of a derivative of `base`: its types are known, its body is filled in later."""
    wanted = argnums if isinstance(argnums, tuple) else (argnums,)
    chosen = [_name(lowerer, a, names, node) for a in wanted]
    positions = tuple(p for n in chosen for p in _place(lowerer, n, names, bound, node))
    if transform == "jvp":
        return _tangent_shape(base, positions)
    function = base.function
    if len(base.outputs) != 1 or not _may_be_number(base.outputs[0].type):
        raise lowerer.unsupported(
            node, f"the derivative of `{function.name}` is taken, which does not return one number",
            "a gradient is of a scalar function", "return one number",
        )  # fmt: skip
    grads = [_placeholder(function.params[p].value, "bar") for p in positions]
    each = iter(grads)
    parts = [_like(bound[n], each) for n in chosen]
    result: Binding = Struct.sequence("tuple", parts) if isinstance(argnums, tuple) else parts[0]
    outputs = grads
    if transform == "value_and_grad":
        value = Value(base.outputs[0].type, function.name)
        outputs = [value, *grads]
        result = Struct.sequence("tuple", [value, result])
    header = _header(function, f"{function.name}_grad", (), outputs, (transform, positions))
    return Shape(header, result, tuple(outputs))


def _may_be_number(t: Type) -> bool:
    return is_number(t) or (differentiable(t) and rank_of(t) is None)  # checked when it runs


def _tangent_shape(base: Shape, positions: tuple[int, ...]) -> Shape:
    function = base.function
    seeds = [_placeholder(function.params[p].value, "dot") for p in positions]
    values = [Value(o.type, o.name) for o in base.outputs]
    dots = {o: _placeholder(o, "dot") for o in base.outputs if differentiable(o.type)}
    replaced = dict(zip(base.outputs, values))
    value = map_values(base.result, replaced.__getitem__)
    tangent = _tangents(base.result, dots)
    outputs = (*values, *dots.values())
    header = _header(
        function, f"{function.name}_jvp", tuple(seeds), outputs, ("jvp", positions)
    )
    return Shape(header, Struct.sequence("tuple", [value, tangent]), outputs)


def _tangents(binding: Binding, dots: dict[Value, Value]) -> Binding:
    if isinstance(binding, Struct):
        return Struct(binding.kind, tuple((k, _tangents(b, dots)) for k, b in binding.items))
    if isinstance(binding, Value) and binding in dots:
        return dots[binding]
    if isinstance(binding, Known) and type(binding.value) is float:
        return Known(0.0)
    return Known(None)


def _header(
    base: Function,
    name: str,
    seeds: tuple[Value, ...],
    outputs: Sequence[Value],
    derivation: tuple[str, tuple[int, ...]],
) -> Function:
    shape = clone_function(base)
    from srcad.ir.values import Param

    params = (*shape.params, *(Param(s, s.name) for s in seeds))  # renamed when filled in
    yields = tuple(Const(None, o.type) for o in outputs)
    transform, positions = derivation
    return Function(
        name, params, Region(tuple(p.value for p in params), [], yields),
        tuple(range(len(yields))) if len(yields) != 1 else 0, shape.inputs, loc=base.loc,
        derivation=(base, transform, positions),
    )  # fmt: skip


def _placeholder(v: Value, suffix: str) -> Value:
    return Value(adjoint_type(v.type), f"{v.name}_{suffix}")


def _like(binding: Binding, each: Iterator[Value]) -> Binding:
    """The gradient in the structure of an argument; that in an object is a dictionary."""
    if not isinstance(binding, Struct):
        return next(each)
    items = [(k, _like(b, each)) for k, b in binding.items if k not in (CLASS, SOURCE)]
    return Struct("dict" if binding.kind == "object" else binding.kind, tuple(items))


def _name(lowerer: Any, argnum: Any, names: Sequence[str], node: gast.AST) -> str:
    """The argument that is meant."""
    if isinstance(argnum, int) and -len(names) <= argnum < len(names):
        return names[argnum]
    if argnum not in names:
        raise lowerer.unsupported(
            node, f"the derivative is taken in {argnum!r}, which is no argument",
            f"the arguments are {', '.join(names)}", "choose other argnums",
        )  # fmt: skip
    return str(argnum)


def _place(
    lowerer: Any, name: str, names: Sequence[str], bound: dict[str, Binding], node: gast.AST
) -> list[int]:
    """Positions of the IR parameters that carry an argument."""
    before = sum(len(values_in(bound[n])) for n in names[: list(names).index(name)])
    found = list(_leaves(bound[name]))
    if not found or not all(isinstance(v, Value) and differentiable(v.type) for v in found):
        raise lowerer.unsupported(
            node, f"the argument `{name}` of a nested derivative is not a number or array, or of "
            "these", "only those can be differentiated here", "choose other argnums",
        )  # fmt: skip
    return list(range(before, before + len(found)))


def _leaves(binding: Binding) -> Iterator[Binding]:
    if isinstance(binding, Struct):
        for key, part in binding.items:
            if key not in (CLASS, SOURCE):
                yield from _leaves(part)
    else:
        yield binding


def emit(lowerer: Any, shape: Shape, operands: list[Operand]) -> Binding:
    """Emit the call of a derived function and return what it gives."""
    types = [o.type for o in shape.outputs]
    hints = [o.name for o in shape.outputs]
    results = lowerer.builder.emit(O.CALL, operands, types, hints, {"callee": shape.function})
    return _made(lowerer, map_values(shape.result, dict(zip(shape.outputs, results)).__getitem__))


def _made(lowerer: Any, binding: Binding) -> Binding:
    """New lists and dictionaries for those in a result."""
    if not isinstance(binding, Struct):
        return binding
    items = {k: lowerer.boxed(_made(lowerer, b)) for k, b in binding.items}
    if binding.kind == "dict":
        return lowerer.new_table(items)  # type: ignore[no-any-return]
    return lowerer.new_sequence(binding.kind, list(items.values()))  # type: ignore[no-any-return]


def seed_operands(lowerer: Any, tangent: Binding, primal: Binding, node: gast.AST) -> list[Operand]:
    """Operands of a tangent, one per value of the primal."""
    if isinstance(primal, Struct):
        if isinstance(tangent, Known) and type(tangent.value) in (list, tuple):
            tangent = Struct.sequence("tuple", [lowerer.known_object(v) for v in tangent.value])
        elif isinstance(tangent, Known) and type(tangent.value) is dict:
            items = {k: lowerer.known_object(v) for k, v in tangent.value.items()}
            tangent = Struct("dict", tuple(items.items()))
        elif isinstance(tangent, Value) and isinstance(tangent.type, ListOf):
            parts = [lowerer.item(tangent, k) for k in range(len(primal.items))]
            tangent = Struct.sequence("tuple", parts)
        keys = {k for k, _ in primal.items}
        if not isinstance(tangent, Struct) or {k for k, _ in tangent.items} != keys:
            raise lowerer.unsupported(
                node, "a tangent has another structure than its primal",
                "each part of the argument needs a direction", "build it like the argument",
            )  # fmt: skip
        found: list[Operand] = []
        given = dict(tangent.items)
        for key, part in primal.items:
            found += seed_operands(lowerer, given[key], part, node)
        return found
    if not isinstance(primal, Value):
        return []
    operand = number(tangent)
    if operand is None:
        raise lowerer.unsupported(
            node, "a tangent must be a number or an array", "it is a direction", "pass a number"
        )
    if isinstance(operand, Const) and type(operand.value) is int:
        operand = Const.of(float(operand.value))
    return [operand]


# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class NestedLowering(_Base):
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
        if transform in ("vjp", "hvp"):
            return self.call_within(fn, args, options, node)
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
        self, target: Binding, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST,
        moving: Sequence[int] = (),
    ) -> tuple[Shape, list[Operand], dict[str, Binding]]:
        """The derived function, derivatives within applied: (shape, operands, arguments).

        `moving` are positions of arguments that it is differentiated in after this.
        """
        chain: list[Derived] = []
        while True:
            if isinstance(target, Known) and hasattr(target.value, "__srcad_steps__"):
                target = self.derived_of(target.value)
            if not isinstance(target, Derived):
                break
            chain.append(target)
            target = target.target
        if isinstance(target, Known) and isinstance(target.value, CustomFunction):
            target = Known(target.value.entry)
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
        wanted = [*moving, *(a for d in chain for a in _argnums_of(d))]
        own = closure_signature if isinstance(function, Closure) else own_signature
        for at, p in enumerate(own(function).parameters.values()):
            if p.kind is p.VAR_POSITIONAL and any(isinstance(a, int) and a >= at for a in wanted):
                raise self.unsupported(
                    node, f"the derivative in an element of `*{p.name}` is taken here",
                    "a nested derivative is taken in whole arguments", f"use argnums={p.name!r}",
                )  # fmt: skip
        names = {list(bound)[a] if isinstance(a, int) and -len(bound) <= a < len(bound) else a
                 for a in wanted}  # fmt: skip
        bound = {k: self.materialised(self.settled(b), k in names) for k, b in bound.items()}
        callee, entry = self.callee(function, bound, node, pure=True)
        if callee.result is None or any(c is callee for c in self.pending.values()):
            raise self.unsupported(
                node, "a function takes its own derivative while it is differentiated",
                "its derivative would never end", "differentiate from outside",
            )  # fmt: skip
        shape = Shape(callee.function, callee.result, tuple(callee.outputs))
        for d in reversed(chain):
            shape = self.derive_shape(shape, d, bound, node)
        return shape, [*entry.operands, *callee.captured], bound

    def derive_shape(
        self, shape: Shape, d: Derived, bound: dict[str, Binding], node: gast.AST
    ) -> Shape:
        options = dict(d.options)
        argnums = options.pop("argnums", 0)
        if options.pop("has_aux", False) or any(k not in ("optimize", "generic") for k in options):
            raise self.unsupported(
                node, "an option of this nested derivative is not supported",
                "it would be ignored", "use only argnums",
            )  # fmt: skip
        return derive(self, shape, d.transform, argnums, list(bound), bound, node)

    def call_derived(
        self, d: Derived, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        """Differentiate a known function inside of this one: its derivative is IR again (D1)."""
        shape, operands, _ = self.derived_base(d, args, kwargs, node)
        return emit(self, shape, operands)

    def call_jvp(
        self, args: list[Binding], options: list[tuple[str, Any]], node: gast.AST
    ) -> Binding:
        if any(k not in ("optimize", "generic") for k, _ in options) or len(args) != 3:
            raise self.unsupported(
                node, "this form of `jvp` is not supported inside of a function",
                "it takes the function, the primals and the tangents", "use jvp(f, (x,), (x_dot,))",
            )  # fmt: skip
        primals = self.known_elements(args[1], node)
        tangents = [self.settled(t) for t in self.known_elements(args[2], node)]
        still = [isinstance(t, Known) and t.value is None for t in tangents]
        turned = [k for k, stays in enumerate(still) if not stays]
        shape, operands, bound = self.derived_base(args[0], primals, {}, node, turned)
        names = list(bound)
        moving: list[str] = []
        seeds: list[Operand] = []
        for name, tangent, stays in zip(names, tangents, still):
            if not stays:
                moving.append(name)
                seeds += seed_operands(self, tangent, bound[name], node)
        shape = derive(self, shape, "jvp", tuple(moving), names, bound, node)
        return emit(self, shape, [*operands, *seeds])

    def call_within(
        self, fn: Any, args: list[Binding], options: list[tuple[str, Any]], node: gast.AST
    ) -> Binding:
        """`vjp` and `hvp`, by way of `grad` and `jvp`."""
        name, others = fn.__name__, fn.__globals__
        wrong = len(args) != 3 if name == "hvp" else not args
        if wrong or any(k not in ("optimize", "generic") for k, _ in options):
            raise self.unsupported(
                node, f"this form of `{name}` is not supported inside of a function",
                "it takes the function, and the primals as positional arguments",
                "use srcad.grad or srcad.jvp",
            )  # fmt: skip
        primals = args[1:] if name == "vjp" else self.known_elements(args[1], node)
        tangents = primals if name == "vjp" else self.known_elements(args[2], node)
        moving = tuple(
            k
            for k, (p, t) in enumerate(zip(primals, tangents))
            if self.may_move(p) and not (isinstance(t, Known) and t.value is None)
        )
        primals = [self.materialised(p, k in moving) for k, p in enumerate(primals)]
        given = [args[0], Struct.sequence("tuple", primals)]
        if name == "vjp":
            given += [Known(moving), Known(others["grad"])]
            return self.call_source(within.vjp, given, {}, node)  # type: ignore[no-any-return]
        held = [t if k in moving else Known(None) for k, t in enumerate(tangents)]
        given += [
            Struct.sequence("tuple", held), Known(moving), Known(others["grad"]),
            Known(others["jvp"]),
        ]  # fmt: skip
        return self.call_source(within.hvp, given, {}, node)  # type: ignore[no-any-return]

    def may_move(self, primal: Binding) -> bool:
        """Whether each number in a primal can be differentiated."""
        leaves = list(_leaves(self.settled(primal)))
        return bool(leaves) and all(
            differentiable(leaf.type) if isinstance(leaf, Value)
            else isinstance(leaf, Known) and type(leaf.value) is float
            for leaf in leaves
        )  # fmt: skip

    def materialised(self, binding: Binding, wanted: bool) -> Binding:
        """A known number as a run-time value, so that it can be differentiated; an int that is
        not differentiated stays what it is."""
        if wanted and isinstance(binding, Struct) and binding.kind != "object":
            parts = [(k, self.materialised(b, isinstance(b, Struct))) for k, b in binding.items]
            return Struct(binding.kind, tuple(parts))
        kinds = (int, float) if wanted else (float,)
        if isinstance(binding, Known) and type(binding.value) in kinds:
            return self.as_value(Known(float(binding.value)))
        return binding


def _argnums_of(d: Derived) -> tuple[Any, ...]:
    """The arguments that a transform differentiates in, as they were given."""
    argnums = dict(d.options).get("argnums", 0)
    return argnums if isinstance(argnums, tuple) else (argnums,)
