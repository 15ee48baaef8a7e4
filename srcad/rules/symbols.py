"""Symbols: IR values that plain NumPy code can compute with; each operation emits IR.

`Sym` catches operators, ufuncs (`__array_ufunc__`) and NumPy functions (`__array_function__`), so
a rule body is ordinary NumPy. `apply` is the one place where an application of a function of the
table enters the IR; the parser uses it too.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from srcad.errors import Loc, MissingRuleError, TypeInferenceError
from srcad.ir import ops as O
from srcad.ir.abstract import (
    COMPLEX,
    FLOAT,
    INT,
    UNDEF,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    Scalar,
    TupleOf,
    Type,
    dims_of,
    rank_of,
)
from srcad.ir.build import Builder
from srcad.ir.text import function_name
from srcad.ir.values import Const, Operand, Value
from srcad.pristine import math, np
from srcad.rules.inference import MISSING, Call
from srcad.rules.registry import bind, lookup

MATH_OF_UFUNC: dict[Any, Callable[..., Any]] = {
    np.exp: math.exp, np.log: math.log, np.sin: math.sin, np.cos: math.cos, np.tan: math.tan,
    np.arcsin: math.asin, np.arccos: math.acos, np.arctan: math.atan, np.arctan2: math.atan2,
    np.sinh: math.sinh, np.cosh: math.cosh, np.tanh: math.tanh, np.arcsinh: math.asinh,
    np.arccosh: math.acosh, np.arctanh: math.atanh, np.sqrt: math.sqrt, np.hypot: math.hypot,
    np.log1p: math.log1p, np.expm1: math.expm1, np.log2: math.log2, np.log10: math.log10,
    np.copysign: math.copysign, np.ldexp: math.ldexp, np.floor: math.floor, np.trunc: math.trunc,
    np.ceil: math.ceil, np.absolute: abs, np.rint: round, np.isnan: math.isnan,
    np.isinf: math.isinf, np.isfinite: math.isfinite, np.deg2rad: math.radians,
    np.radians: math.radians, np.rad2deg: math.degrees, np.degrees: math.degrees,
}  # fmt: skip


class Sym:
    """An operand of the IR inside a rule body."""

    __slots__ = ("_builder", "_scalar", "operand")
    __array_priority__ = 1e6
    __iter__ = None  # `zip(g, symbol)` would never end
    __hash__ = None  # type: ignore[assignment]  # compared elementwise, as arrays are

    def __init__(self, builder: Builder, operand: Operand, scalar: bool = False) -> None:
        self._builder = builder
        self.operand = operand
        self._scalar = scalar  # prefer math.* to np.* on Python numbers

    # -- what is known while compiling
    @property
    def type(self) -> Type:
        return self.operand.type

    @property
    def is_const(self) -> bool:
        """Whether this is a constant of the program (its value is `const`)."""
        return isinstance(self.operand, Const)

    @property
    def const(self) -> Any:
        assert isinstance(self.operand, Const)
        return self.operand.value

    @property
    def known_ndim(self) -> int | None:
        return rank_of(self.type)

    @property
    def ndim(self) -> int:
        """Rank as an int.

        Raises
        ------
        TypeInferenceError
            If the rank is not known while compiling.
        """
        rank = rank_of(self.type)
        if rank is None:
            raise TypeInferenceError(
                "the number of dimensions of an array is not known here",
                reason="its derivative rule depends on it",
                advice="give the types of the arguments, e.g. types={'x': 'f64[*,*]'}",
            )
        return rank

    # -- NumPy protocols
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__":
            name = f"{ufunc.__name__}.{method}"
            raise MissingRuleError(f"`np.{name}` has no derivative rule", reason="", advice="")
        return self._apply(ufunc, inputs, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise MissingRuleError(
            "a rule passes an operand to a function that srcad cannot follow",
            reason="the function makes an array of it, and the body of a rule is run on symbols",
            advice="use NumPy functions in the body, or declare the rule with srcad.custom_vjp or "
            "srcad.custom_jvp, whose functions are ordinary Python",
        )

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return self._apply(func, args, kwargs)

    def _apply(self, fn: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> Any:
        if self._scalar and fn in MATH_OF_UFUNC and not kwargs:
            operands = [as_operand(self._builder, a) for a in args]
            if all(isinstance(o.type, Scalar) and o.type != COMPLEX for o in operands):
                fn = MATH_OF_UFUNC[fn]
        value = apply(self._builder, fn, args, kwargs or {})
        return self._wrap(value)

    def _arithmetic(self, fn: Any, *args: Any) -> Any:
        """An operator on arrays: of a list or tuple that NumPy takes as one, of its array."""
        return self._apply(fn, [self._as_array(fn, a) for a in args])

    def _as_array(self, fn: Any, arg: Any) -> Any:
        t = arg.type if isinstance(arg, Sym) else None
        joined = fn is operator.add and isinstance(t, TupleOf) and _is_shape(t)
        if isinstance(t, (ListOf, TupleOf)) and not joined:
            return self._apply(np.asarray, (arg,))
        return arg

    def _wrap(self, value: Operand) -> Any:
        t = value.type
        if isinstance(t, TupleOf) and t.elems is not None and not _is_shape(t):
            return tuple(
                Sym(self._builder, field_of(self._builder, value, i), self._scalar)
                for i in range(len(t.elems))
            )
        return Sym(self._builder, value, self._scalar)

    def __getitem__(self, index: Any) -> Sym:
        return Sym(self._builder, getitem(self._builder, self.operand, index), self._scalar)

    @property
    def shape(self) -> Any:
        return self._apply(np.shape, (self,))

    @property
    def size(self) -> Any:
        return self._apply(np.size, (self,))

    @property
    def T(self) -> Any:
        return self._apply(np.transpose, (self,))

    def __neg__(self) -> Any:
        return self._arithmetic(operator.neg, self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self._apply(abs if isinstance(self.type, Scalar) else np.absolute, (self,))

    def __bool__(self) -> bool:
        raise TypeError("a rule body cannot branch on a run-time value; use np.where")


def _binary(fn: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: Sym, other: Any) -> Any:
        return self._arithmetic(fn, self, other)

    def reflected(self: Sym, other: Any) -> Any:
        return self._arithmetic(fn, other, self)

    return forward, reflected


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_"):
    _forward, _reflected = _binary(getattr(operator, _name))
    _dunder = _name.rstrip("_")
    setattr(Sym, f"__{_dunder}__", _forward)
    setattr(Sym, f"__r{_dunder}__", _reflected)
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Sym, f"__{_name}__", _binary(getattr(operator, _name))[0])


def _is_shape(t: TupleOf) -> bool:
    return t.elems is not None and all(e == INT for e in t.elems)


def as_operand(builder: Builder, value: Any) -> Operand:
    """A Sym, constant, or tuple/list of such, as an operand."""
    if isinstance(value, Sym):
        return value.operand
    if isinstance(value, (Value, Const)):
        return value
    if isinstance(value, (tuple, list)):
        parts = [as_operand(builder, v) for v in value]
        return pack(builder, parts, type(value).__name__)
    return Const.of(value)


def pack(builder: Builder, parts: Sequence[Operand], container: str) -> Operand:
    """A tuple (or list) of operands; a constant if all are."""
    if container == "tuple" and all(isinstance(p, Const) for p in parts):
        return Const.of(tuple(p.value for p in parts))  # type: ignore[union-attr]
    t = TupleOf(tuple(p.type for p in parts))
    return builder.emit1(O.PACK, parts, t, "t", {"container": container})


def field_of(builder: Builder, container: Operand, key: Any) -> Operand:
    """Element `key` of a tuple, list or dict of known structure."""
    t = container.type
    if isinstance(container, Const) and isinstance(container.value, tuple):
        return Const.of(container.value[key])
    if isinstance(t, Array):
        return getitem_operands(builder, container, [Const.of(key)])
    part: Type = UNKNOWN
    name = f"t_{key}"
    if isinstance(t, TupleOf) and t.elems is not None:
        part = t.elems[key]
    elif isinstance(t, DictOf):
        part = dict(t.items)[key]
        name = str(key)
    return builder.emit1(O.FIELD, (container,), part, name, {"key": key})


def apply(
    builder: Builder, fn: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
) -> Operand:
    """Emit the application of a function of the table and return its result.

    Raises
    ------
    MissingRuleError
        If the function, or a keyword of the call, has no rule.
    """
    rule = lookup(fn)
    if rule is None:
        raise missing_rule(fn)
    positional, attrs = bind(rule, args, kwargs or {})
    operands = tuple(as_operand(builder, a) for a in positional)
    statics = {k: static_value(v, fn, k) for k, v in attrs.items()}
    return apply_operands(builder, fn, operands, statics)


def missing_rule(
    fn: Any, name: str | None = None, reason: str | None = None, loc: Loc | None = None
) -> MissingRuleError:
    """The error for a function without rule; its advice is the form of rule that fits it."""
    if name is None:
        name = function_name(fn)
    return MissingRuleError(
        f"`{name}` has no derivative rule",
        reason=reason
        or "it is not in srcad's rule table, and it has no Python source to look into",
        advice=registration(fn, name),
        loc=loc,
    )


def registration(fn: Any, name: str) -> str:
    """How a rule for a function is declared, as text to paste."""
    if isinstance(fn, np.ufunc) and fn.nout == 1:
        operands = ["x"] if fn.nin == 1 else [f"x{i + 1}" for i in range(fn.nin)]
        partials = [f"dy_d{x}" for x in operands]
        shown = partials[0] if len(partials) == 1 else f"({', '.join(partials)})"
        body = f"lambda {', '.join(['y', *operands])}: {shown}"
        return f"register one: srcad.rules.elementwise({name}, {body})"
    if not callable(fn):
        return "compute it outside of the function, and pass the result"
    given = ", ".join(_required_parameters(fn)) or "*args"
    return (
        f"register one: @srcad.rules.rule({name}), over a class with the functions "
        f"jvp(dots, y, {given}) and vjp(g, y, {given}); see docs/rules.md"
    )


def _required_parameters(fn: Any) -> list[str]:
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (ValueError, TypeError):  # a builtin without a text signature
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in positional and p.default is p.empty]


class NeedsConstant(TypeInferenceError):
    """A static keyword was given a run-time value; `value` says which.

    The parser asks for the value of the argument that it comes from, where there is one.
    """

    value: Value


def static_value(value: Any, fn: Any, key: str) -> Any:
    """A keyword's value as a constant; lists become tuples."""
    if isinstance(value, Sym):
        value = value.operand
    if isinstance(value, Const):
        return value.value
    if isinstance(value, (list, tuple)):
        return tuple(static_value(v, fn, key) for v in value)
    if isinstance(value, Value):
        error = NeedsConstant(
            f"`{key}` of `{function_name(fn)}` must be known while compiling",
            reason=f"here it is computed at run time (%{value.name})",
            advice=f"pass a constant for `{key}`",
        )
        error.value = value
        raise error
    return value


def apply_operands(
    builder: Builder, fn: Any, operands: tuple[Operand, ...], attrs: Mapping[str, Any]
) -> Operand:
    """As `apply`, with the arguments already sorted into operands and static keywords."""
    rule = lookup(fn)
    if rule is None:
        raise missing_rule(fn)
    types = tuple(o.type for o in operands)
    constants = tuple(o.value if isinstance(o, Const) else MISSING for o in operands)
    empty = any(isinstance(o, Value) and o.type == UNDEF for o in operands)
    # what is computed from an element of an empty list is never computed
    t = UNDEF if empty else rule.infer(Call(fn, types, constants, attrs))
    return builder.emit1(O.APPLY, operands, t, hint(fn, operands), {"fn": fn, **attrs})


def hint(fn: Any, operands: Sequence[Operand]) -> str:
    """A name for an unnamed result: `exp_x` of one short name, else `t`."""
    if fn in (np.shape, np.size, len):
        short = {np.shape: "shape", np.size: "size", len: "n"}[fn]
    elif fn in (operator.neg, np.negative):
        short = "neg"
    elif len(operands) == 1:
        short = getattr(fn, "__name__", "t")
    else:
        return "t"
    first = operands[0] if operands else None
    if isinstance(first, Value) and len(first.name) <= 4 and first.name != "t":
        return f"{short}_{first.name}"
    return "t"


def index_parts(index: Any) -> list[Any]:
    return list(index) if isinstance(index, tuple) else [index]


def getitem(builder: Builder, array: Operand, index: Any) -> Operand:
    """`array[index]`; parts of the index may be symbols, ints, slices, None, Ellipsis, arrays."""
    parts = [as_operand(builder, p) for p in index_parts(index)]
    t = array.type
    if isinstance(t, (TupleOf, DictOf)) and len(parts) == 1 and isinstance(parts[0], Const):
        return field_of(builder, array, parts[0].value)
    return getitem_operands(builder, array, parts)


def getitem_operands(builder: Builder, array: Operand, parts: Sequence[Operand]) -> Operand:
    from srcad.rules.indexing import indexed_type

    t = indexed_type(array.type, parts)
    name = "t"
    first = parts[0] if len(parts) == 1 else None
    if isinstance(array, Value) and isinstance(first, Value) and len(first.name) <= 2:
        name = f"{array.name}_{first.name}"
    return builder.emit1(O.GETITEM, (array, *parts), t, name)


def element_type(t: Type) -> Type:
    """The type of `x[i]` for an integer i."""
    if isinstance(t, ListOf):
        return t.elem
    from srcad.rules.indexing import indexed_type

    return indexed_type(t, [Const(0, INT)])


__all__ = [
    "FLOAT", "Sym", "apply", "apply_operands", "as_operand", "dims_of", "element_type", "field_of",
    "getitem", "getitem_operands", "pack",
]  # fmt: skip
