"""Straight-line programs of the IR: how rules are run on real values without the compiler.

`application` makes the program of one call; `reverse` and `forward` transform a program by the
rules of its operations, as the compiler does; `run` interprets a program and asserts that every
result is consistent with its inferred type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rule_rows import Row

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import (
    COMPLEX,
    FLOAT,
    MANY,
    ONE,
    UNKNOWN,
    Array,
    ListOf,
    Scalar,
    TupleOf,
    Type,
    dims_of,
    dtype_of,
    kind_of,
    type_of_value,
)
from srcad.ir.build import Builder
from srcad.ir.text import function_name
from srcad.ir.values import Const, Op, Operand, Value
from srcad.rules.language import broadcast_like, unbroadcast, unbroadcast_to
from srcad.rules.registry import Rule, call_arguments, lookup
from srcad.rules.symbols import Sym, apply, apply_operands, as_operand, field_of


@dataclass
class Program:
    """Straight-line IR: what goes in, the operations, what comes out (a tree of operands)."""

    inputs: list[Value]
    ops: list[Op]
    output: Any


# -- building and running ------------------------------------------------------------------------


def is_leaf(value: Any) -> bool:
    """Whether an argument becomes one value of the IR (rather than a constant or a display)."""
    if isinstance(value, (np.ndarray, np.floating, np.complexfloating, float, complex)):
        return True
    return isinstance(value, list) and bool(value) and all(isinstance(v, float) for v in value)


def is_constant(row: Row, value: Any, key: Any) -> bool:
    """Whether an argument is a constant of the program; keywords are, unless they are arrays or
    differentiated."""
    if (
        isinstance(key, str)
        and not isinstance(value, np.ndarray)
        and key not in (row.argnums or ())
    ):
        return True
    return key in row.constants or not (is_leaf(value) or isinstance(value, (tuple, list)))


def application(row: Row, typed: bool) -> tuple[Program, list[Any], list[int]]:
    """The program `fn(*args, **kwargs)`, the values of its inputs, and which are active."""
    builder = Builder()
    inputs: list[Value] = []
    values: list[Any] = []
    active: list[int] = []
    keys: list[Any] = [*range(len(row.args)), *row.kwargs]
    data = [*row.args, *row.kwargs.values()]
    scalar = is_python(row.fn)

    def place(value: Any, key: Any) -> Any:
        if is_constant(row, value, key):
            return value
        if not is_leaf(value):
            return type(value)(place(v, key) for v in value)
        t = type_of_value(value)
        v = Value(t if typed else UNKNOWN, f"x{len(inputs)}")
        if kind_of(t) in ("f", "c") and (row.argnums is None or key in row.argnums):
            active.append(len(inputs))
        inputs.append(v)
        values.append(value)
        return Sym(builder, v, scalar)

    placed = [place(v, k) for k, v in zip(keys, data, strict=True)]
    args, kwargs = (
        placed[: len(row.args)],
        dict(zip(row.kwargs, placed[len(row.args) :], strict=True)),
    )
    output = apply(builder, row.fn, args, kwargs)
    return Program(inputs, builder.block, output), values, active


def run(program: Program, values: Sequence[Any], exact: bool = False) -> Any:
    """Interpret a program; every result must be consistent with its inferred type.

    Unless `exact`, a Python float may stand where a NumPy scalar was inferred (and the reverse).
    """
    env: dict[Value, Any] = dict(zip(program.inputs, values, strict=True))

    def get(operand: Any) -> Any:
        if isinstance(operand, (list, tuple)):
            return type(operand)(get(o) for o in operand)
        if operand is None:
            return None
        return operand.value if isinstance(operand, Const) else env[operand]

    for op in program.ops:
        parts = [get(o) for o in op.operands]
        env[op.result] = value = interpret(op, parts)
        assert consistent(op.result.type, value, exact), (
            f"{_op_name(op)}{tuple(o.type for o in op.operands)} was inferred to be "
            f"{op.result.type}, but is {type(value).__name__} {type_of_value(value)}"
        )
    return get(program.output)


def _op_name(op: Op) -> str:
    return function_name(op.attrs["fn"]) if op.kind is O.APPLY else op.kind.name


def interpret(op: Op, parts: list[Any]) -> Any:
    if op.kind is O.APPLY:
        attrs = dict(op.attrs)
        fn = attrs.pop("fn")
        rule = lookup(fn)
        assert rule is not None
        given = dict(zip(map(id, op.operands), parts, strict=True))
        written = call_arguments(rule, op.operands)
        args = [given[id(o)] for name, o in written if name is None]
        return fn(*args, **{n: given[id(o)] for n, o in written if n is not None}, **attrs)
    if op.kind is O.GETITEM:
        return parts[0][_index(parts[1:])]
    if op.kind in (O.SETITEM, O.ADD_AT):
        array, value, *index = parts
        result = np.array(array, copy=True)
        if op.kind is O.SETITEM:
            result[_index(index)] = value
        else:
            np.add.at(result, _index(index), value)
        return result
    if op.kind is O.FIELD:
        return parts[0][op.attrs["key"]]
    assert op.kind is O.PACK, op.kind
    return parts if op.attrs["container"] == "list" else tuple(parts)


def _index(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else tuple(parts)


def consistent(t: Type, value: Any, exact: bool) -> bool:
    """Whether the abstract type `t` describes the value."""
    if isinstance(t, TupleOf):
        if not isinstance(value, (tuple, list)) or t.elems is None:
            return isinstance(value, (tuple, list))
        return len(value) == len(t.elems) and all(
            consistent(e, v, exact) for e, v in zip(t.elems, value, strict=True)
        )
    if isinstance(t, ListOf):
        return isinstance(value, (list, tuple)) and all(consistent(t.elem, v, exact) for v in value)
    if not exact and dims_of(t) in ((), None) and np.shape(value) == () and t != UNKNOWN:
        return kind_of(t) in (np.asarray(value).dtype.kind, None)
    if isinstance(t, Scalar):
        return type(value).__name__ == t.kind
    if not isinstance(t, Array):
        return t == UNKNOWN or type_of_value(value) == t
    if t.dims is None and t.dtype is None:
        return True
    if not isinstance(value, (np.ndarray, np.generic)):
        return False
    if t.dtype not in (None, value.dtype.name) or (t.item != isinstance(value, np.generic)):
        return t.dims is None and t.dtype in (None, value.dtype.name)
    return t.dims is None or (
        len(t.dims) == value.ndim
        and not any(
            (d is ONE and n != 1) or (d is MANY and n == 1)
            for d, n in zip(t.dims, value.shape, strict=True)
        )
    )


# -- reverse -------------------------------------------------------------------------------------
# A cotangent or tangent is a Sym, None (zero), or a list of such for a tuple or list.


def plus(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return [plus(x, y) for x, y in zip(a, b, strict=True)]
    assert not isinstance(a, (list, tuple)) and not isinstance(b, (list, tuple))
    return a + b


def zeros(builder: Builder, x: Operand) -> Sym:
    if dims_of(x.type) == ():
        return Sym(builder, Const.of(0.0))
    return Sym(builder, apply(builder, runtime.zeros_like, [x]))


def full(builder: Builder, tree: Any, like: Operand) -> Any:
    """A cotangent or tangent in which every zero is an array of zeros."""
    if isinstance(tree, (list, tuple)):
        return tuple(full(builder, t, field_of(builder, like, i)) for i, t in enumerate(tree))
    if tree is None and isinstance(like.type, TupleOf) and like.type.elems is not None:
        return full(builder, [None] * len(like.type.elems), like)
    return zeros(builder, like) if tree is None else tree


def fit(g: Any, x: Operand, stretched: bool) -> Any:
    """The engine's part of every rule: cast to x's dtype, and sum over the dimensions that
    broadcasting added, which only elementwise functions leave to the engine (`stretched`)."""
    if g is None or isinstance(g, (list, tuple)):
        return g
    like = Sym(g._builder, x)
    if g.type == FLOAT and dims_of(x.type) == ():
        return g
    if stretched:
        g = unbroadcast_to(g, like, g)
    if isinstance(g.type, Scalar) or dtype_of(g.type) != dtype_of(x.type) or not dtype_of(x.type):
        return g if isinstance(x.type, (TupleOf, ListOf)) else unbroadcast(g, like)
    return g


def is_python(fn: Any) -> bool:
    """Whether the rule of this function prefers `math.sin(x)` to `np.sin(x)` on Python numbers."""
    return getattr(fn, "__module__", None) in ("math", "_operator", "builtins")


def is_scalar_rule(op: Op) -> bool:
    return is_python(op.attrs["fn"]) or op.attrs["fn"] is runtime.select


def syms(builder: Builder, op: Op) -> list[Sym]:
    scalar = is_scalar_rule(op)
    return [Sym(builder, o, scalar) for o in op.operands]


def result_of(builder: Builder, op: Op) -> Any:
    return Sym(builder, op.result, is_scalar_rule(op))._wrap(op.result)


def times(g: Any, partial: Any) -> Any:
    if partial is None or g is None:
        return None
    if isinstance(partial, (int, float)) and partial in (1, -1):
        return g if partial == 1 else -g
    return g * partial


def statics(op: Op) -> dict[str, Any]:
    return {k: v for k, v in op.attrs.items() if k != "fn"}


def partials_of(rule: Rule, y: Any, xs: list[Sym], attrs: dict[str, Any]) -> tuple[Any, ...]:
    found = rule.bodies[0](y, *xs, **attrs)
    return found if isinstance(found, tuple) else (found,)


def active_operands(rule: Rule, op: Op) -> list[int]:
    return [i for i in range(len(op.operands)) if rule.is_active(i)]


def vjp_of(builder: Builder, op: Op, g: Any) -> list[Any]:
    """Cotangents of the operands of an application, as its rule says."""
    rule = lookup(op.attrs["fn"])
    assert rule is not None
    xs, attrs = syms(builder, op), statics(op)
    if isinstance(g, Sym):
        g = Sym(builder, g.operand, is_scalar_rule(op))
    count = len(xs)
    if rule.form == "elementwise":
        found: Sequence[Any] = [
            times(g, p) for p in partials_of(rule, result_of(builder, op), xs, attrs)
        ]
    elif rule.form == "linear":
        wanted = active_operands(rule, op)
        result = rule.bodies[0](g, *xs, **attrs)
        parts = [result] if len(wanted) == 1 else list(result)
        found = [parts[wanted.index(i)] if i in wanted else None for i in range(count)]
    elif rule.form == "bilinear":
        found = [body(g, *xs, **attrs) for body in rule.bodies]
        found = [*found, *[None] * (count - 2)]
    elif rule.form == "multilinear":
        found = [
            rule.bodies[0](g, i, *xs, **attrs) if differentiable_operand(xs[i]) else None
            for i in range(count)
        ]
    elif rule.form == "composite":
        inner, output = definition(builder, rule, xs, attrs)
        seeds = {o for o in op.operands if isinstance(o, Value)}
        bars = reverse_ops(builder, inner, {output: g}, seeds)
        found = [bars.get(o) for o in op.operands]
    elif rule.form == "rule":
        found = rule.bodies[1](g, result_of(builder, op), *xs, **attrs)
    else:
        found = [None] * count
    assert isinstance(found, (list, tuple)) and len(found) == count, "one cotangent per operand"
    return [
        fit(c, o, rule.form == "elementwise")
        if rule.is_active(i) and not isinstance(o, Const)
        else None
        for i, (c, o) in enumerate(zip(found, op.operands, strict=True))
    ]


def differentiable_operand(x: Sym) -> bool:
    return kind_of(x.type) in ("f", "c", None)


def definition(
    builder: Builder, rule: Rule, xs: list[Sym], attrs: dict[str, Any]
) -> tuple[list[Op], Operand]:
    """The body of a composite, emitted."""
    start = len(builder.block)
    result = rule.bodies[0](*xs, **attrs)
    return builder.block[start:], as_operand(builder, result)


def varied_values(ops: Sequence[Op], seeds: set[Value]) -> set[Value]:
    """The seeds and what depends on them differentiably."""
    varied = set(seeds)
    for op in ops:
        rule = lookup(op.attrs["fn"]) if op.kind is O.APPLY else None
        if any(isinstance(o, Value) and o in varied and (rule is None or rule.is_active(i))
               for i, o in enumerate(op.operands)):  # fmt: skip
            varied.add(op.result)
    return varied


def reverse_ops(
    builder: Builder, ops: Sequence[Op], bars: dict[Any, Any], seeds: set[Value]
) -> dict[Any, Any]:
    """Add the cotangents of all values of `ops` that depend on the seeds to `bars`."""
    varied = varied_values(ops, seeds)

    def add(operand: Operand, g: Any) -> None:
        if operand in varied and g is not None:
            bars[operand] = plus(bars.get(operand), g)

    for op in reversed(ops):
        g = bars.get(op.result)
        if g is None:
            continue
        if op.kind is O.APPLY:
            for operand, bar in zip(op.operands, vjp_of(builder, op, g), strict=True):
                add(operand, bar)
        elif op.kind is O.GETITEM:
            base = zeros(builder, op.operands[0])
            add(op.operands[0], indexed(builder, O.ADD_AT, base, g, op.operands[1:]))
        elif op.kind is O.ADD_AT:
            array, value, *index = op.operands
            add(array, g)
            read = builder.emit1(O.GETITEM, (g.operand, *index), UNKNOWN)
            add(value, fit(Sym(builder, read), value, True))
        elif op.kind is O.FIELD:
            (container,) = op.operands
            assert isinstance(container.type, TupleOf) and container.type.elems is not None
            parts: list[Any] = [None] * len(container.type.elems)
            parts[op.attrs["key"]] = g
            add(container, parts)
        else:
            assert op.kind is O.PACK, op.kind
            for i, operand in enumerate(op.operands):
                add(operand, g[i])
    return bars


def indexed(
    builder: Builder, kind: O.OpKind, array: Any, value: Any, index: Sequence[Operand]
) -> Sym:
    parts = (as_operand(builder, array), as_operand(builder, value), *index)
    return Sym(builder, builder.emit1(kind, parts, parts[0].type))


def reverse(program: Program, active: Sequence[int], seed_like: Any, typed: bool) -> Program:
    """The program (inputs, seeds) -> cotangents of the active inputs."""
    builder = Builder(list(program.ops))
    seeds: list[Value] = []

    def seed(like: Any) -> Any:
        if isinstance(like, (list, tuple)):
            return [seed(v) for v in like]
        if like is None:
            return None
        seeds.append(Value(type_of_value(like) if typed else UNKNOWN, f"g{len(seeds)}"))
        return Sym(builder, seeds[-1])

    g = seed(seed_like)
    varied = {program.inputs[i] for i in active}
    if isinstance(program.output, Value):
        bars = reverse_ops(builder, program.ops, {program.output: g}, varied)
    else:
        bars = {}
        for operand, part in zip(program.output, g, strict=True):
            if isinstance(operand, Value) and part is not None:
                bars[operand] = plus(bars.get(operand), part)
        bars = reverse_ops(builder, program.ops, bars, varied)
    outputs = []
    for i in active:
        value = program.inputs[i]
        bar = full(builder, bars.get(value), value)
        if not isinstance(bar, Sym):
            outputs.append(as_operand(builder, bar))
            continue
        outputs.append(fit(bar, value, False).operand)
    return Program([*program.inputs, *seeds], builder.block, outputs)


# -- forward -------------------------------------------------------------------------------------


def jvp_of(builder: Builder, op: Op, dots: list[Any]) -> Any:
    """Tangent of the result of an application, as its rule says; None for zero."""
    rule = lookup(op.attrs["fn"])
    assert rule is not None
    dots = [d if rule.is_active(i) else None for i, d in enumerate(dots)]
    if all(d is None for d in dots) or rule.form == "zero":
        return None
    xs, attrs = syms(builder, op), statics(op)
    if is_scalar_rule(op):
        dots = [Sym(builder, d.operand, True) if isinstance(d, Sym) else d for d in dots]
    y = result_of(builder, op)
    fn = op.attrs["fn"]

    def call(operands: Sequence[Any]) -> Any:
        parts = tuple(as_operand(builder, o) for o in operands)
        return Sym(builder, apply_operands(builder, fn, parts, attrs))

    total: Any = None
    if rule.form == "elementwise":
        for dot, partial in zip(dots, partials_of(rule, y, xs, attrs), strict=True):
            total = plus(total, times(dot, partial))
        return None if total is None else like_result(total, y)
    if rule.form == "linear":
        wanted = active_operands(rule, op)
        triples = enumerate(zip(dots, op.operands, xs, strict=True))
        return call([full(builder, d, o) if i in wanted else x for i, (d, o, x) in triples])
    if rule.form in ("bilinear", "multilinear"):
        for i, dot in enumerate(dots):
            if dot is not None:
                total = plus(total, call([*xs[:i], dot, *xs[i + 1 :]]))
        return total
    if rule.form == "composite":
        inner, output = definition(builder, rule, xs, attrs)
        tangents = {o: d for o, d in zip(op.operands, dots, strict=True) if d is not None}
        return forward_ops(builder, inner, tangents).get(output)
    result = rule.bodies[0](tuple(dots), y, *xs, **attrs)
    return list(result) if isinstance(result, tuple) else result


def like_result(dot: Any, y: Any) -> Any:
    """The engine's part: the tangent has the shape and the dtype of the result."""
    if not isinstance(dot, Sym) or not isinstance(y, Sym) or isinstance(y.type, ListOf):
        return dot
    if isinstance(dot.type, Scalar) and dims_of(y.type) == () and dot.type != COMPLEX:
        return dot
    dot = broadcast_like(dot, y)
    if dtype_of(dot.type) != dtype_of(y.type) or dtype_of(y.type) is None:
        dot = unbroadcast(dot, y)
    return dot


def forward_ops(builder: Builder, ops: Sequence[Op], dots: dict[Any, Any]) -> dict[Any, Any]:
    """Add the tangents of all results of `ops` to `dots`."""
    for op in ops:
        parts = [dots.get(o) if isinstance(o, Value) else None for o in op.operands]
        if all(p is None for p in parts):
            continue
        if op.kind is O.APPLY:
            dot = jvp_of(builder, op, parts)
        elif op.kind is O.GETITEM:
            if parts[0] is None:
                continue
            operand = as_operand(builder, parts[0])
            dot = Sym(
                builder, builder.emit1(O.GETITEM, (operand, *op.operands[1:]), op.result.type)
            )
        elif op.kind is O.ADD_AT:
            array, value, *index = op.operands
            first, second = full(builder, parts[0], array), full(builder, parts[1], value)
            dot = indexed(builder, O.ADD_AT, first, second, index)
        elif op.kind is O.FIELD:
            whole = parts[0]
            key = op.attrs["key"]
            if isinstance(whole, Sym):
                dot = Sym(builder, field_of(builder, whole.operand, key))
            else:
                dot = whole[key]
        else:
            assert op.kind is O.PACK, op.kind
            if not any(isinstance(p, (list, tuple)) for p in parts):
                dot = [full(builder, p, o) for p, o in zip(parts, op.operands, strict=True)]
            else:
                dot = list(parts)
            if op.attrs["container"] == "tuple":
                dot = tuple(dot)
        if dot is not None:
            dots[op.result] = dot
    return dots


def forward(program: Program, active: Sequence[int], typed: bool) -> Program:
    """The program (inputs, tangents of the active inputs) -> tangents of the outputs."""
    builder = Builder(list(program.ops))
    tangents = [Value(program.inputs[i].type, f"d{i}") for i in active]
    dots: dict[Any, Any] = {
        program.inputs[i]: Sym(builder, d) for i, d in zip(active, tangents, strict=True)
    }
    forward_ops(builder, program.ops, dots)

    def tangent(operand: Any) -> Any:
        if isinstance(operand, (list, tuple)):
            return [tangent(o) for o in operand]
        dot = full(builder, dots.get(operand), operand)
        return as_operand(builder, dot)

    return Program([*program.inputs, *tangents], builder.block, tangent(program.output))
