"""The transforms on whole functions: gradient, tangent, pullback; nested derivatives expanded.

What holds afterwards: an ordinary Function with the primal's parameters (and seeds), whose result
tree is that of the transform; it can be transformed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from srcad import runtime
from srcad.differentiator.bars import Bars
from srcad.differentiator.calls import fill_pair, fresh_name
from srcad.differentiator.contributions import exact
from srcad.differentiator.forward import Forward
from srcad.differentiator.kinds import settle_kinds
from srcad.differentiator.reverse import Reverse
from srcad.differentiator.sink import sink
from srcad.differentiator.tape import define_everywhere
from srcad.ir import ops as O
from srcad.ir.abstract import (
    FLOAT,
    ONE,
    UNKNOWN,
    Array,
    ListOf,
    Scalar,
    TupleOf,
    Type,
    adjoint_type,
    differentiable,
    dims_of,
    is_number,
)
from srcad.ir.build import Builder, clone_function, leaves, map_tree
from srcad.ir.text import callees
from srcad.ir.values import (
    Attribute,
    Const,
    Function,
    Op,
    Operand,
    Param,
    Region,
    Role,
    Value,
    walk,
)
from srcad.optimizer.facts import loose_values
from srcad.pristine import np
from srcad.rules.symbols import apply, apply_operands


def gradient(
    function: Function, wrt: Any, *, value: bool = False, has_aux: bool = False, name: str = ""
) -> Function:
    """The function that computes the gradient of the (first) result.

    Parameters
    ----------
    wrt
        Tree of the input values to differentiate in; the gradients come in the same tree.
    value
        Whether the primal's result is returned as well, in front.
    has_aux
        Whether the primal returns (value, auxiliary); the auxiliary is passed through.
    """
    inputs = [v for v in leaves(wrt) if isinstance(v, Value)]
    out_index = function.result[0] if has_aux else function.result
    body = function.body
    out = body.yields[out_index]
    ops = [*missing_fields(function, inputs), *body.ops]
    reverse = Reverse(ops, inputs, [out] if isinstance(out, Value) else [])
    bars = Bars()
    b = reverse.builder
    b.loc = None
    if isinstance(out, Value):
        reverse.accumulate(bars, out, scalar_seed(b, out))
    forward = reverse.block(ops, bars)
    settle_kinds(b.block)
    if reverse.to_define:
        forward = define_everywhere(forward, reverse.to_define)
    grads = {v: finished(reverse, bars, v) for v in inputs}
    yields: list[Operand] = []

    def put(operand: Operand) -> int:
        yields.append(operand)
        return len(yields) - 1

    tree: Any = map_tree(wrt, lambda v: put(grads[v])) if inputs else Const.of(())

    def primal(part: Any) -> Any:
        return map_tree(part, lambda i: put(body.yields[i]) if _is_index(i) else i)

    if value:
        tree = (primal(function.result), tree)
    elif has_aux:
        tree = (tree, primal(function.result[1]))
    return Function(
        name or f"{function.name}_grad", function.params,
        Region(body.params, [*forward, *b.block], tuple(yields)),
        tree, function.inputs, loc=function.loc,
    )  # fmt: skip


def _is_index(i: Any) -> bool:
    return isinstance(i, int) and not isinstance(i, bool)


def scalar_seed(b: Builder, out: Value) -> Operand:
    """One, in the shape of a result that has a single element."""
    t = out.type
    if is_number(t):
        return Const.of(1.0)
    dims = dims_of(t)
    if isinstance(t, Array) and dims is not None and all(d is ONE for d in dims):
        return apply(b, np.ones_like, [out])
    return apply_operands(b, runtime.scalar_seed, (out,), {})


def finished(reverse: Reverse, bars: Bars, v: Value) -> Operand:
    """The cotangent of an input in exactly the input's own type."""
    b = reverse.builder
    bar = bars.get(v)
    t = v.type
    if bar is None:
        if isinstance(t, Scalar):
            return Const.of(0j if t.kind == "complex" else 0.0)
        bar = apply(b, runtime.zeros_like, [v])
        if isinstance(t, Array) and not t.item and t.dtype is not None and t.dims is not None:
            return bar
    operand = reverse.whole(v, bar)
    if t == operand.type and isinstance(t, Scalar):
        return operand
    if isinstance(t, Scalar) and t.kind == "float":
        if isinstance(operand, Const):
            return Const.of(float(operand.value))  # type: ignore[arg-type]
        done: Operand = apply(b, float, [operand])
    elif isinstance(t, Array) and t.dims and isinstance(operand.type, Array):
        if operand.type.dtype == t.dtype is not None and operand.type.dims is not None:
            if len(operand.type.dims) == len(t.dims):
                return operand
        done = apply_operands(b, runtime.as_cotangent, (operand, v), {})
    else:
        done = apply_operands(b, runtime.as_cotangent, (operand, v), {})
    if isinstance(done, Value):
        done.name, done.named = f"{v.name}_bar", True
    return done


def missing_fields(function: Function, inputs: Sequence[Value]) -> list[Op]:
    """Operations that take inputs out of container parameters, where they were removed as dead."""
    defined = set(function.body.params) | {r for op in function.body.ops for r in op.results}
    wanted = [v for v in inputs if v not in defined]
    found: list[Op] = []
    if not wanted:
        return found
    for p in function.params:
        tree = function.inputs.get(p.name)
        if isinstance(tree, (tuple, list, dict)):
            _take_apart(p.value, tree, set(wanted), found)
    return found


def _take_apart(container: Value, tree: Any, wanted: set[Value], found: list[Op]) -> None:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, part in pairs:
        attrs = {"key": key}
        if isinstance(key, Attribute):
            attrs = {"key": key.name, "attribute": True}
        if isinstance(part, Value):
            if part in wanted:
                found.append(Op(O.FIELD, (container,), attrs, (part,)))
        else:
            inner = Value(adjoint_type(container.type), str(key))
            mark = len(found)
            _take_apart(inner, part, wanted, found)
            if len(found) > mark:
                found.insert(mark, Op(O.FIELD, (container,), attrs, (inner,)))


def pushforward(function: Function, wrt: Sequence[Value], *, name: str = "") -> Function:
    """The function (primals, tangents of `wrt`) -> (result, tangent of the result)."""
    body = function.body
    ops = [*missing_fields(function, wrt), *body.ops]
    seeds = {
        v: Value(adjoint_type(v.type), f"{v.name}_dot", Role.TANGENT, True) for v in wrt
    }
    forward = Forward(dict(seeds))
    forward.block(ops)
    settle_kinds(forward.builder.block)
    yields = list(body.yields)
    indices: dict[int, int | Const] = {}
    for i, y in enumerate(body.yields):
        if differentiable(y.type):
            indices[i] = len(yields)
            yields.append(_tangent_of_result(forward, y))
        else:
            indices[i] = Const.of(None)
    _settle_kinds(function, forward, yields, indices)
    dot_tree = map_tree(function.result, lambda i: indices[i] if _is_index(i) else Const.of(None))
    taken = {p.name for p in function.params}
    for seed in seeds.values():
        seed.name = fresh_name(seed.name, taken)
    params = _with_seeds(function.params, seeds.values())
    return sink(Function(
        name or f"{function.name}_jvp", params,
        Region(tuple(p.value for p in params), forward.builder.block, tuple(yields)),
        (function.result, dot_tree),
        {**function.inputs, **{s.name: s for s in seeds.values()}}, loc=function.loc,
    ))  # fmt: skip


def _with_seeds(params: tuple[Param, ...], seeds: Iterable[Value]) -> tuple[Param, ...]:
    """Seeds are keyword-only, so that they follow parameters with defaults."""
    made = tuple(Param(s, s.name, "KEYWORD_ONLY") for s in seeds)
    variadic = tuple(p for p in params if p.kind == "VAR_KEYWORD")
    return (*(p for p in params if p.kind != "VAR_KEYWORD"), *made, *variadic)


def _tangent_of_result(forward: Forward, y: Operand) -> Operand:
    """The tangent of a result in exactly the result's own type; None if it is an int after all."""
    dot = forward.dot_or_zero(y)
    if y.type == UNKNOWN or (isinstance(y.type, Array) and y.type.dtype is None):
        return apply_operands(forward.builder, runtime.as_tangent, (dot, y), {})
    return exact(forward.builder, dot, y)


def _is_item(t: Type) -> bool:
    return isinstance(t, Array) and t.item


def _settle_kinds(
    function: Function, forward: Forward, yields: list[Operand], indices: dict[int, int | Const]
) -> None:
    """Make tangents NumPy scalars that may be Python floats, where their results are the former.

    A carry may start as a float and become a NumPy scalar, so that its type does not tell.
    """
    pairs = [
        (i, dot)
        for i, dot in indices.items()
        if isinstance(dot, int) and _is_item(yields[i].type)
    ]
    if not pairs:
        return
    body = Region(function.body.params, forward.builder.block, tuple(yields))
    loose = loose_values(replace(function, body=body))
    part_ways = any(v.type == FLOAT and _is_item(d.type) for v, d in forward.dots.items())
    for i, dot in pairs:
        both = yields[dot] in loose and yields[i] in loose
        if (yields[dot] in loose or yields[i] in loose) and (part_ways or not both):
            operands = (yields[dot], yields[i])
            yields[dot] = apply_operands(forward.builder, runtime.as_cotangent, operands, {})


def pullback(
    function: Function, wrt: Sequence[Value]
) -> tuple[Function, Function, tuple[int, ...]]:
    """(forward function -> (result, tape), backward function (tape, seeds) -> cotangents, and
    which yields of `function` have a seed)."""
    source = clone_function(function)
    fresh = dict(zip(_input_leaves(function), _input_leaves(source)))
    inputs = [fresh[v] for v in wrt]
    source.body = Region(
        source.body.params, [*missing_fields(source, inputs), *source.body.ops], source.body.yields
    )
    seeded = tuple(differentiable(y.type) for y in source.body.yields)
    empty = Region((), [], ())
    forward = Function(f"{function.name}_fwd", (), empty, 0, loc=function.loc)
    backward = Function(f"{function.name}_bwd", (), empty, 0, loc=function.loc)
    fill_pair(forward, backward, source, inputs, seeded, finished)
    forward.result = (function.result, len(source.body.yields))
    backward.result = tuple(range(len(inputs))) if inputs else Const.of(())
    return forward, backward, tuple(i for i, s in enumerate(seeded) if s)


def _input_leaves(function: Function) -> list[Value]:
    return [v for p in function.params for v in leaves(function.inputs.get(p.name, ()))]


def expand(function: Function) -> Function:
    """Fill in the bodies of derivatives that are taken inside of the function (D1)."""
    _expand(function, set())
    return function


def _expand(function: Function, done: set[int]) -> None:
    if id(function) in done:
        return
    done.add(id(function))
    for callee in (*callees(function), function):
        fill(callee)
        if callee.custom is not None:
            _expand(callee.custom.linear, done)
            if callee.custom.forward is not None:
                _expand(callee.custom.forward, done)


def fill(callee: Function) -> None:
    if callee.derivation is None:
        return
    base, transform, positions = callee.derivation
    callee.derivation = None
    for inner in (*callees(base), base):
        fill(inner)
    wrt = tuple(base.body.params[i] for i in positions)
    if transform == "jvp":
        made = pushforward(base, wrt)
        yields = made.body.yields
    else:
        made = gradient(base, wrt, value=transform == "value_and_grad")
        yields = made.body.yields
        if transform == "value_and_grad":  # the gradients come first among the yields
            yields = (yields[-1], *yields[:-1])
    callee.params = tuple(Param(p.value, p.name) for p in made.params)
    callee.body = Region(made.body.params, made.body.ops, yields)
    callee.inputs = made.inputs
    _unshare(callee)


def _unshare(function: Function) -> None:
    fresh = clone_function(function)
    function.params, function.body, function.inputs = fresh.params, fresh.body, fresh.inputs


__all__ = ["ListOf", "TupleOf", "expand", "gradient", "pullback", "pushforward", "replace", "walk"]
