"""What the rules of single operations contribute: cotangents of operands, tangents of results.

What holds afterwards: a cotangent has the shape and dtype of its value (sums over broadcast
dimensions and casts are made here, from types; a rule never mentions them).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from srcad import runtime
from srcad.differentiator.extents import Extents
from srcad.errors import MissingRuleError, SignatureError
from srcad.ir import abstract
from srcad.ir import ops as O
from srcad.ir.abstract import (
    ANY,
    FLOAT,
    MANY,
    NONE,
    ONE,
    UNKNOWN,
    Array,
    ListOf,
    Scalar,
    TableOf,
    TupleOf,
    Type,
    dims_of,
    kind_of,
    rank_of,
)
from srcad.ir.build import Builder
from srcad.ir.text import function_name
from srcad.ir.values import Const, Op, Operand, Value
from srcad.pristine import np
from srcad.rules.inference import as_array
from srcad.rules.language import zeros_of
from srcad.rules.registry import Rule, lookup
from srcad.rules.symbols import Sym, apply, apply_operands, as_operand, field_of, pack


def symbols(b: Builder, op: Op) -> tuple[Sym | tuple[Any, ...], list[Any]]:
    """The result and the operands of an application as symbols."""
    fn = op.attrs["fn"]
    scalar = getattr(fn, "__module__", None) in ("math", "_operator", "operator", "builtins") or (
        fn is runtime.select
    )
    operands = [Sym(b, o, scalar) for o in op.operands]
    result = Sym(b, op.results[0], scalar)
    return result, operands


def rule_of(op: Op) -> Rule:
    rule = lookup(op.attrs["fn"])
    assert rule is not None
    return rule


def parts_of(b: Builder, value: Operand, scalar: bool = False) -> Any:
    """A value of tuple type as a tuple of symbols, anything else as one symbol."""
    return Sym(b, value, scalar)._wrap(value)


def scaled(b: Builder, g: Sym, partial: Any) -> Sym | None:
    """`g * partial`, with the constants 1, -1 and None (zero) treated apart."""
    if partial is None:
        return None
    if isinstance(partial, (int, float)) and not isinstance(partial, bool):
        if partial == 1:
            return g
        if partial == -1:
            return -g  # type: ignore[no-any-return]
        if partial == 0:
            return None
    return g * partial  # type: ignore[operator, no-any-return]


def _one_each(op: Op, values: Any, what: str) -> tuple[Any, ...]:
    """What the body of a rule gives, one for each operand.

    Raises
    ------
    SignatureError
        Naming the place of the rule, if the number is another one.
    """
    found = values if isinstance(values, tuple) else () if values is None else (values,)
    if len(found) != len(op.operands):
        rule = rule_of(op)
        raise SignatureError(
            f"the rule of `{function_name(rule.fn)}` gives {len(found)} {what} for "
            f"{len(op.operands)} operand{'s' if len(op.operands) != 1 else ''}",
            reason=f"it is declared at {rule.declared}, and has to give one for each operand",
            advice="return a tuple of as many, with None for an operand that has none",
            loc=op.loc,
        )
    return found


def elementwise_cotangents(
    b: Builder,
    op: Op,
    rule: Rule,
    g: Operand,
    wanted: Sequence[bool],
    extents: Extents,
    waiting: Sequence[bool] = (),
    stretched: bool = False,
) -> list[Operand | None]:
    """Cotangents of an elementwise function: cotangent times partial, summed where stretched.

    A cotangent that is a number stretched over the result (that of a sum) stays a number as long
    as it is multiplied by arrays of the full shape.

    The sums for operands that are `waiting` are left out; `stretched` tells that `g` is one for
    which they were, so that it may have more elements than the result.
    """
    _refuse_unknown(op, rule, wanted)
    result, operands = symbols(b, op)
    partials = _one_each(op, rule.bodies[0](result, *operands, **op.statics), "partials")
    found: list[Operand | None] = []
    scalar = operands[0]._scalar if operands else False
    y = op.results[0]
    same = [not stretched and extents.same(o, y) for o in op.operands]
    full = all(s or dims_of(as_array(o.type)) == () for s, o in zip(same, op.operands))
    number = stretched_number(b, g) if full else None
    for i, wants in enumerate(wanted):
        p = partials[i]
        if not wants or p is None:
            found.append(None)
            continue
        whole = number is not None and same[i]
        if whole and isinstance(p, Sym) and not _has_rank_of(p, y):
            whole = not isinstance(p.type, Array) or p.type.item
            lazy = True
        else:
            lazy = whole and not isinstance(p, Sym)
        term = scaled(b, Sym(b, number if whole and number is not None else g, scalar), p)
        if term is None:
            found.append(None)
            continue
        operand = term.operand
        if whole and lazy:
            operand = apply_operands(b, runtime.broadcast_like, (operand, op.operands[i]), {})
        if same[i]:
            found.append(cast_to(b, operand, op.operands[i].type, op.operands[i]))
            continue
        if waiting and waiting[i]:
            found.append(operand)
            continue
        others = [o.type for k, o in enumerate(op.operands) if k != i]
        if stretched:
            others.append(of_any_lengths(g))
        found.append(reduce_to(b, operand, op.operands[i], others))
    return found


def of_any_lengths(g: Operand) -> Type:
    """The type of an array of as many dimensions as `g`, about whose lengths nothing is known."""
    dims = dims_of(as_array(g.type))
    return Array(None, None if dims is None else (ANY,) * len(dims))


def of_lengths_from(g: Operand) -> Type:
    """The type of an array that stretches a dimension surely where `g` is not one there."""
    dims = dims_of(as_array(g.type))
    return Array(None, None if dims is None else tuple(MANY if d is MANY else ANY for d in dims))


def _has_rank_of(p: Sym, y: Value) -> bool:
    dims = dims_of(as_array(y.type))
    return dims is not None and dims != () and dims_of(as_array(p.type)) is not None and len(
        dims_of(as_array(p.type)) or ()
    ) == len(dims)


def stretched_number(b: Builder, g: Operand) -> Operand | None:
    """The number that the cotangent `g` is stretched from, if it is made so at the end of `b`."""
    found = _stretched_over(b, g)
    return None if found is None else found[0]


def _stretched_over(b: Builder, g: Operand) -> tuple[Operand, Operand] | None:
    """(number, value) where `g` is the number stretched over the value, made at the end of `b`."""
    for op in reversed(b.block[-12:]):
        if g in op.results:
            if op.kind is O.APPLY and op.attrs["fn"] is runtime.broadcast_like:
                number, like = op.operands
                return (number, like) if dims_of(as_array(number.type)) == () else None
            return None
    return None


def cotangents(
    b: Builder, op: Op, g: Any, wanted: Sequence[bool], extents: Extents
) -> list[Any]:
    """Cotangent of each operand of an application (None: no contribution).

    `g` is the cotangent of the result: an operand, or a tuple of operands for a tuple result.
    A tuple operand gets a list of cotangents.
    """
    rule = rule_of(op)
    if rule.form == "elementwise":
        return list(elementwise_cotangents(b, op, rule, g, wanted, extents))
    _refuse_unknown(op, rule, wanted)
    result, operands = symbols(b, op)
    g_sym = _as_symbols(b, g, operands[0]._scalar if operands else False)
    attrs = op.statics
    y = parts_of(b, op.results[0])
    found: list[Any] = [None] * len(operands)
    positions = [i for i in range(len(operands)) if rule.is_active(i)]
    if rule.form == "linear":
        values = rule.bodies[0](g_sym, *operands, **attrs)
        if len(positions) == 1:
            values = (values,)
        for i, v in zip(positions, values):
            found[i] = v
    elif rule.form == "bilinear":
        for i in (0, 1):
            if wanted[i]:
                found[i] = rule.bodies[i](g_sym, *operands, **attrs)
    elif rule.form == "multilinear":
        for i, wants in enumerate(wanted):
            if wants:
                found[i] = rule.bodies[0](g_sym, i, *operands, **attrs)
    elif rule.form == "rule":
        values = rule.bodies[1](g_sym, y, *operands, **attrs)
        if isinstance(values, tuple) and len(values) == len(positions) != len(operands):
            for i, v in zip(positions, values):
                found[i] = v
        else:
            found = list(_one_each(op, values, "cotangents"))
    else:
        raise AssertionError(rule.form)
    return [
        _converted(b, v, op.operands[i]) if wanted[i] and v is not None else None
        for i, v in enumerate(found)
    ]


def _refuse_unknown(op: Op, rule: Rule, wanted: Sequence[bool]) -> None:
    """Refuse the derivative in an operand for which the rule has none."""
    for i, wants in enumerate(wanted):
        if wants and rule.name_of(i) in rule.unknown:
            name, operand = function_name(rule.fn), rule.name_of(i)
            raise MissingRuleError(
                f"`{name}` has no derivative rule in `{operand}`",
                reason="this derivative exists, but there is no short expression for it",
                advice=f"pass a constant for `{operand}`, or declare a rule of your own",
                loc=op.loc,
            )


def _as_symbols(b: Builder, g: Any, scalar: bool) -> Any:
    if isinstance(g, tuple):
        return tuple(_as_symbols(b, x, scalar) for x in g)
    if g is None:
        return None
    return Sym(b, g, scalar)


def _converted(b: Builder, v: Any, target: Operand) -> Any:
    if isinstance(v, (tuple, list)):
        elems = target.type.elems if isinstance(target.type, TupleOf) else None
        kinds = elems or (UNKNOWN,) * len(v)
        return [
            None if x is None else cast_to(b, as_operand(b, x), t) for x, t in zip(v, kinds)
        ]
    return cast_to(b, as_operand(b, v), target.type, target)


def storable(b: Builder, x: Operand, like: Operand) -> Operand:
    """`x` for a store, as `like` takes it: without dimensions it may be a NumPy scalar."""
    t = like.type
    if dims_of(as_array(x.type)) == ():
        return apply(b, np.asarray, [x])
    unknown = isinstance(t, Array) and t.dims is None and dims_of(as_array(x.type)) is None
    return apply(b, np.asarray, [x]) if unknown else x


def reduce_to(b: Builder, g: Operand, target: Operand, others: Sequence[Type]) -> Operand:
    """Sum a cotangent (of the broadcast shape of target and others) to the target's shape."""
    if not isinstance(target.type, ListOf):
        return _reduced(b, g, target, others)
    if isinstance(g.type, ListOf):
        return g
    return as_list(b, _reduced(b, g, target, others), target.type)


def _reduced(b: Builder, g: Operand, target: Operand, others: Sequence[Type]) -> Operand:
    t = as_array(target.type)
    dims = dims_of(t)
    other_dims = [dims_of(as_array(o)) for o in others]
    if all(d == () for d in other_dims) and dims is not None:
        return cast_to(b, g, target.type, target)  # numbers do not stretch the target
    if isinstance(t, Scalar) or dims == ():
        if dims_of(as_array(g.type)) == ():
            return cast_to(b, g, target.type, target)
        return cast_to(b, apply(b, np.sum, [g]), target.type, target)
    if dims is None or any(d is None for d in other_dims):
        if all(d == () for d in other_dims):
            return g
        return _named_unbroadcast(b, g, target)
    wide = abstract.broadcast([dims, *other_dims]) or ()
    extra = len(wide) - len(dims)
    axes = list(range(extra))
    for i, d in enumerate(dims):
        stretchers = []
        for od in other_dims:
            assert od is not None
            k = i + extra - (len(wide) - len(od))
            stretchers.append(od[k] if k >= 0 else ONE)
        if d is MANY or all(s is ONE for s in stretchers):
            continue
        if d is ANY or (MANY not in stretchers):
            return _named_unbroadcast(b, g, target)
        axes.append(i + extra)
    if axes:
        g = _sum_over(b, g, axes, extra, target)
    return cast_to(b, g, target.type, target)


def _sum_over(b: Builder, g: Operand, axes: list[int], extra: int, target: Operand) -> Operand:
    axis: Any = axes[0] if len(axes) == 1 else tuple(axes)
    if len(axes) == extra:
        return apply(b, np.sum, [g], {"axis": axis})
    if extra:
        g = apply(
            b, np.sum, [g], {"axis": tuple(range(extra)) if extra > 1 else 0}
        )
        axes = [a - extra for a in axes[extra:]]
        axis = axes[0] if len(axes) == 1 else tuple(axes)
    return apply(b, np.sum, [g], {"axis": axis, "keepdims": True})


def _named_unbroadcast(b: Builder, g: Operand, target: Operand) -> Operand:
    return apply_operands(b, runtime.unbroadcast, (g, target), {})


def cast_to(b: Builder, g: Operand, t: Type, target: Operand | None = None) -> Operand:
    """The cotangent in the dtype of the value that it belongs to (C5, C14); a list for a list."""
    if isinstance(t, ListOf):
        return as_list(b, g, t)
    g_kind, kind = kind_of(g.type), kind_of(t)
    if g_kind == "c" and kind == "f":
        g = apply(b, np.real, [g])
    if isinstance(t, Scalar):
        if t.kind == "float" and isinstance(g.type, Array) and g.type.dtype != "float64":
            return apply(b, float, [g])
        return g
    if not isinstance(t, Array):
        return g
    if isinstance(g.type, Scalar):
        return g
    if isinstance(g.type, Array) and g.type.dtype == t.dtype and t.dtype is not None:
        return g
    if isinstance(g.type, Array) and g.type.dtype is not None and t.dtype is not None:
        return apply(b, runtime.astype, [g], {"dtype": t.dtype})
    return g if target is None else _cast_like(b, g, target)


def as_list(b: Builder, g: Operand, t: Type) -> Operand:
    """The cotangent of a list of type `t`, which a rule may give as an array, as a list."""
    if isinstance(g.type, ListOf):
        return g
    depth, elem = 0, t
    while isinstance(elem, ListOf):
        depth, elem = depth + 1, elem.elem
    stretched = _stretched_over(b, g)
    if stretched is not None and elem == FLOAT == stretched[0].type and depth == 1:
        return apply_operands(b, runtime.list_like, stretched, {})
    if elem == FLOAT and rank_of(g.type) == depth:
        return apply(b, np.ndarray.tolist, [g])
    return apply_operands(b, runtime.as_list, (g,), {} if depth == 1 else {"depth": depth})


def _cast_like(b: Builder, g: Operand, target: Operand) -> Operand:
    return apply_operands(b, runtime.unbroadcast, (g, target), {})


def zero_for(b: Builder, value: Value) -> Operand:
    """A zero cotangent of a value."""
    t = value.type
    if isinstance(t, Scalar):
        return Const.of(0j if t.kind == "complex" else 0.0)
    if isinstance(t, Array) and t.item:
        return Const.of(0.0)
    if isinstance(t, TupleOf):
        if t.elems is None:
            return Const.of(None)  # the tape of a call that was not made on this path
        parts = []
        for i, e in enumerate(t.elems):
            if abstract.differentiable(e):
                part = field_of(b, value, i)
                parts.append(zero_for_operand(b, part))
            else:
                parts.append(Const.of(None))
        return pack(b, parts, "tuple")
    return zeros_of(b, value)


def add(b: Builder, x: Operand, y: Operand) -> Operand:
    if isinstance(x, Const) and x.value in (0.0, 0) and dims_of(x.type) == dims_of(y.type):
        return y
    if isinstance(x.type, ListOf) or isinstance(y.type, ListOf):  # `+` would join the lists
        return apply_operands(b, runtime.add_lists, (x, y), {})
    if isinstance(x.type, TableOf) or isinstance(y.type, TableOf):
        return apply_operands(b, runtime.add_tables, (x, y), {})
    if isinstance(x.type, TupleOf) or isinstance(y.type, TupleOf):  # `+` would join the tuples
        return _add_tuples(b, x, y)
    return apply(b, operator.add, [x, y])


def _add_tuples(b: Builder, x: Operand, y: Operand) -> Operand:
    elems = x.type.elems if isinstance(x.type, TupleOf) else None
    others = y.type.elems if isinstance(y.type, TupleOf) else None
    if elems is None or others is None or len(elems) != len(others):
        return apply_operands(b, runtime.add_parts, (x, y), {})
    parts: list[Operand] = []
    for k, (t, other) in enumerate(zip(elems, others)):
        if NONE in (t, other):
            parts.append(field_of(b, y if t == NONE else x, k))
        else:
            parts.append(add(b, field_of(b, x, k), field_of(b, y, k)))
    return pack(b, parts, "tuple")


def exact(b: Builder, derivative: Operand, like: Operand) -> Operand:
    """A derivative in exactly the type of its value: what functions return and take."""
    t = like.type
    if isinstance(t, Scalar):
        if isinstance(derivative.type, Scalar):
            return derivative
        return apply(b, float if t.kind == "float" else complex, [derivative])
    if not isinstance(t, (Array, ListOf, TableOf)) and derivative.type == t:
        return derivative  # that of a dictionary may lack zeros
    if isinstance(derivative.type, Array) and derivative.type == t and t.dims is not None:
        return derivative
    if isinstance(t, TupleOf):
        return _exact_parts(b, derivative, t)
    return apply_operands(b, runtime.as_cotangent, (derivative, like), {})


def _exact_parts(b: Builder, derivative: Operand, t: Type) -> Operand:
    """The derivative of a tuple with Python floats (and lists of these) where it has them."""
    have = derivative.type
    if t == FLOAT and isinstance(have, Array):
        return apply(b, float, [derivative])
    if t == ListOf(FLOAT) != have and isinstance(have, ListOf):
        return apply(b, runtime.floats, [derivative])
    if not (isinstance(t, TupleOf) and isinstance(have, TupleOf)) or None in (t.elems, have.elems):
        return derivative
    given = [field_of(b, derivative, k) for k in range(len(have.elems or ()))]
    parts = [_exact_parts(b, part, e) for part, e in zip(given, t.elems or ())]
    if len(parts) != len(given) or all(p is g for p, g in zip(parts, given)):
        return derivative
    return pack(b, parts, "tuple")


def as_declared(b: Builder, derivative: Operand, like: Operand) -> Operand:
    """A derivative of a Python float as one: the function that takes it relies on its type.

    That it is one already is known only later, when the kinds are settled.
    """
    t = derivative.type
    if like.type == FLOAT and isinstance(derivative, Value):
        return apply(b, float, [derivative])
    if isinstance(like.type, Scalar) and isinstance(t, Array) and t.item:
        return exact(b, derivative, like)
    return derivative


# ---------------------------------------------------------------------- forward mode
def tangent(b: Builder, op: Op, dots: Sequence[Operand | None]) -> Any:
    """Tangent of an application's result (None: zero): an operand, or a tuple for tuples."""
    rule = rule_of(op)
    _refuse_unknown(op, rule, [d is not None for d in dots])
    result, operands = symbols(b, op)
    attrs = op.statics
    scalar = operands[0]._scalar if operands else False
    if rule.form == "elementwise":
        partials = _one_each(op, rule.bodies[0](result, *operands, **attrs), "partials")
        total: Operand | None = None
        for d, p in zip(dots, partials):
            if d is None:
                continue
            term = scaled(b, Sym(b, d, scalar), p)
            if term is not None:
                total = term.operand if total is None else add(b, total, term.operand)
        return None if total is None else stretch(b, total, op.results[0])
    if rule.form == "linear":
        new = [
            (d if d is not None else zero_for_operand(b, o)) if rule.is_active(i) else o
            for i, (d, o) in enumerate(zip(dots, op.operands))
        ]
        return apply_operands(b, op.attrs["fn"], tuple(new), attrs)
    if rule.form in ("bilinear", "multilinear"):
        total = None
        for i, d in enumerate(dots):
            if d is not None:
                new = list(op.operands)
                new[i] = d
                term_op = apply_operands(b, op.attrs["fn"], tuple(new), attrs)
                total = term_op if total is None else add(b, total, term_op)
        return total
    if rule.form == "rule":
        dot_syms = tuple(None if d is None else parts_of(b, d, scalar) for d in dots)
        y = parts_of(b, op.results[0])
        found = rule.bodies[0](dot_syms, y, *operands, **attrs)
        if isinstance(found, (tuple, list)):
            return tuple(None if f is None else as_operand(b, f) for f in found)
        return None if found is None else as_operand(b, found)
    raise AssertionError(rule.form)


def zero_for_operand(b: Builder, operand: Operand) -> Operand:
    return zero_for(b, operand) if isinstance(operand, Value) else _zero_constant(operand.value)


def _zero_constant(value: Any) -> Const:
    """A zero derivative of a constant: of a tuple (a tape, say) one for each part."""
    if isinstance(value, tuple):
        return Const.of(tuple(_zero_constant(part).value for part in value))
    return Const.of(0.0)


def stretch(b: Builder, dot: Operand, result: Value) -> Operand:
    """A tangent in the shape of its value, where another operand stretched it."""
    have, want = dims_of(as_array(dot.type)), dims_of(as_array(result.type))
    if want == () or (have is not None and have == want and ANY not in have):
        return dot
    if isinstance(result.type, Scalar):
        return dot
    return apply_operands(b, runtime.broadcast_like, (dot, result), {})


__all__ = ["FLOAT", "add", "cast_to", "cotangents", "reduce_to", "tangent", "zero_for"]
