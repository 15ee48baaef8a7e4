"""The table of local rewrites: what is replaced, by what, and why the result is the same.

Results are the same bit for bit, infinities and signed zeros included; of a NaN only that it is
one. Types decide: dtype, rank, and Python number against NumPy scalar stay as they were. What
holds for the values but could change the text of a NumPy warning is done in tangents and
adjoints only, never in the user's own computation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import (
    ANY,
    FLOAT,
    INT,
    ONE,
    Array,
    Dim,
    ListOf,
    Scalar,
    Type,
    dims_of,
    kind_of,
    rank_of,
)
from srcad.ir.values import Const, Op, Operand, Role, Value
from srcad.optimizer.facts import (
    ADD,
    DIV,
    MATMUL,
    MUL,
    NEG,
    POWER,
    SUB,
    constant_factor,
    inferred_type,
    same_operand,
)
from srcad.pristine import np
from srcad.rules.registry import lookup

SWAPS = (np.swapaxes, np.moveaxis)
_STRETCHES = (runtime.broadcast_like,)


class Site(Protocol):
    """What a rewrite may ask of the simplifier that it is called by."""

    def defined(self, operand: Operand, fns: tuple[Any, ...]) -> Op | None:
        """The application of one of `fns` that defines an operand."""

    def emit(
        self, like: Op, fn: Any, operands: tuple[Operand, ...], t: Type, **attrs: Any
    ) -> Operand:
        """A new application before the operation `like`, simplified itself."""

    def certain(self, operand: Operand) -> bool:
        """Whether an operand is of the kind that its type says (see `facts`)."""

    def single(self, operand: Operand) -> bool:
        """Whether a value is read once."""

    def takes_sign(self, operand: Operand) -> bool:
        """Whether the only reader of a value can take up its sign."""

    def zero_sign_unseen(self, value: Value) -> bool:
        """Whether no result can tell 0.0 from -0.0 in a value."""


Outcome = Operand | Op | None  # what stands for the result; the operation changed; no match


@dataclass(frozen=True)
class Rewrite:
    """One row: for applications of `fns`; `derived` limits it to tangents and adjoints.

    `inner` are the functions one of which must have made an operand; empty where none need have.
    """

    what: str
    fns: tuple[Any, ...]
    rewrite: Callable[[Site, Op], Outcome]
    why: str
    derived: bool = False
    inner: tuple[Any, ...] = ()


def is_derived(op: Op) -> bool:
    return op.results[0].role in (Role.TANGENT, Role.ADJOINT)


def replaced(op: Op, fn: Any, *operands: Operand, **attrs: Any) -> Op:
    """The application of another function in the place of `op`."""
    return Op(O.APPLY, operands, {"fn": fn, **attrs}, op.results, (), op.loc)


# -- what types say


def is_number(operand: Operand, kinds: str = "f") -> bool:
    """A Python number, NumPy scalar or array (not a list) of one of these kinds."""
    return isinstance(operand.type, (Scalar, Array)) and (kind_of(operand.type) or "?") in kinds


def same_type(op: Op, operand: Operand) -> bool:
    """Whether the result is of an operand's type, and of known rank.

    The rank must be known because NumPy makes a scalar of an array of no dimensions.
    """
    return op.result.type == operand.type and dims_of(operand.type) is not None


def is_one(operand: Operand) -> bool:
    return constant_factor(operand) == 1


def keeps(s: Site, op: Op, x: Operand, n: Operand) -> bool:
    """Whether the neutral element `n` leaves x as it is, also in kind."""
    kinds = "fi" if type(constant_factor(n)) is int else "f"
    return is_number(x, kinds) and same_type(op, x) and s.certain(x)


def stretched(t: Type) -> int | None:
    """How many dimensions of a type may be longer than one."""
    dims = dims_of(t)
    return None if dims is None else sum(d is not ONE for d in dims)


def no_larger(result: Operand, operand: Operand) -> bool:
    """Whether a result certainly has no more long dimensions than an operand."""
    small, large = stretched(result.type), stretched(operand.type)
    return small is not None and large is not None and small <= large


def known_dims(operand: Operand) -> tuple[Dim, ...] | None:
    """Dimensions of which each is known to be one, or not to be one."""
    dims = dims_of(operand.type)
    return None if dims is None or ANY in dims else dims


# -- neutral elements


def times_one(s: Site, op: Op) -> Outcome:
    x, y = op.operands
    if is_one(y) and keeps(s, op, x, y):
        return x
    return y if is_one(x) and keeps(s, op, y, x) else None


def over_one(s: Site, op: Op) -> Outcome:
    x, y = op.operands
    return x if is_one(y) and is_number(x) and same_type(op, x) and s.certain(x) else None


def unchanged(s: Site, op: Op) -> Outcome:
    (x,) = op.operands
    return x if is_number(x, "fci") and same_type(op, x) and s.certain(x) else None


# -- signs


def negated(s: Site, operand: Operand) -> Operand | None:
    """x if the operand is -x for a real x (not an integer: there is no integer -0)."""
    inner = s.defined(operand, NEG)
    if inner is None or not is_number(inner.operands[0]) or not s.certain(inner.operands[0]):
        return None
    return inner.operands[0]


def is_real(s: Site, operand: Operand) -> bool:
    return is_number(operand, "fi") and s.certain(operand)


def neg_neg(s: Site, op: Op) -> Outcome:
    inner = s.defined(op.operands[0], NEG)
    if inner is None:
        return None
    x = inner.operands[0]
    plain = is_number(x, "fc") or x.type == INT
    return x if plain and same_type(op, x) and s.certain(x) else None


def minus_neg(s: Site, op: Op) -> Outcome:
    a, b = op.operands[0], negated(s, op.operands[1])
    return None if b is None or not is_real(s, a) else replaced(op, operator.add, a, b)


def plus_neg(s: Site, op: Op) -> Outcome:
    for a, other in (op.operands, op.operands[::-1]):
        b = negated(s, other)
        if b is not None and is_real(s, a):
            return replaced(op, operator.sub, a, b)
    return None


def sign_outward(s: Site, op: Op) -> Outcome:
    a, b = op.operands
    for k, (minus, other) in enumerate(((a, b), (b, a))):
        x = negated(s, minus)
        if x is None or not is_real(s, other):
            continue
        if no_larger(op.result, x) and (s.single(minus) or s.takes_sign(op.result)):
            pair = (x, b) if k == 0 else (a, x)
            return replaced(op, operator.neg, s.emit(op, op.attrs["fn"], pair, op.result.type))
    return None


def sign_out_of_product(s: Site, op: Op) -> Outcome:
    if not s.zero_sign_unseen(op.result):
        return None
    return sign_outward(s, op)


def sign_out_of_sum(s: Site, op: Op) -> Outcome:
    minus, *others = op.operands
    x = negated(s, minus)
    if x is None or others or not op.attrs.keys() <= {"fn", "axis", "keepdims"}:
        return None
    if not s.single(minus) or not s.zero_sign_unseen(op.result):
        return None
    total = s.emit(op, np.sum, (x,), op.result.type, **op.statics)
    return replaced(op, operator.neg, total)


def sign_into_constant(s: Site, op: Op) -> Outcome:
    inner = s.defined(op.operands[0], (*MUL, *DIV))
    if inner is None or not s.single(op.operands[0]):
        return None
    c, x = inner.operands
    real = is_number(x) or x.type == INT
    n = constant_factor(c)
    if n is None or not real or not s.certain(x):
        return None
    if type(n) is int and n == 0:  # there is no integer -0
        return None
    return replaced(op, inner.attrs["fn"], Const.of(-n), x)


_POWERS_OF_TWO = frozenset(sign * 2**k for k in range(5) for sign in (1, -1))
_MOST = 1024  # times 16 is a float16 still


def power_of_two_outward(s: Site, op: Op) -> Outcome:
    inner = s.defined(op.operands[1], MUL)
    if inner is None or not s.single(op.operands[1]):
        return None
    x = inner.operands[1]
    c, n = constant_factor(op.operands[0]), constant_factor(inner.operands[0])
    if c is None or n is None or not is_number(x) or not s.certain(x):
        return None
    exact = n in _POWERS_OF_TWO and (1 <= abs(c) <= _MOST or abs(c * n) == 1)
    return replaced(op, op.attrs["fn"], Const.of(c * n), x) if exact else None


def times_minus_one(s: Site, op: Op) -> Outcome:
    c, x = op.operands
    if constant_factor(c) == -1 and is_number(x) and same_type(op, x) and s.certain(x):
        return replaced(op, operator.neg, x)
    return None


def constant_first(s: Site, op: Op) -> Outcome:
    x, c = op.operands
    if isinstance(c, Const) and isinstance(x, Value) and is_number(c, "ifc"):
        return replaced(op, op.attrs["fn"], c, x) if is_number(x, "ifc") else None
    return None


# -- broadcasting


def stretch_not_needed(s: Site, op: Op) -> Outcome:
    g, like = op.operands
    dims = known_dims(g)
    return g if dims is not None and dims == known_dims(like) and is_number(g, "bifc") else None


def sum_not_needed(s: Site, op: Op) -> Outcome:
    g, like = op.operands
    if not isinstance(g.type, Array) or not isinstance(like.type, Array):
        return None
    same = g.type.dtype is not None and g.type.dtype == like.type.dtype
    dims = known_dims(g)
    return g if same and dims and dims == known_dims(like) and s.certain(g) else None


def stretched_operand(s: Site, op: Op) -> Outcome:
    """An elementwise operation stretches its operands itself."""
    rule = lookup(op.attrs["fn"])
    if rule is None or (rule.form != "elementwise" and rule.fn is not np.where):
        return None
    if known_dims(op.result) is None:
        return None
    for k, operand in enumerate(op.operands):
        inner = s.defined(operand, (runtime.broadcast_like,))
        if inner is None:
            continue
        g = inner.operands[0]
        operands = (*op.operands[:k], g, *op.operands[k + 1 :])
        if s.certain(g) and inferred_type(op, operands) == op.result.type:
            return replaced(op, op.attrs["fn"], *operands, **op.statics)
    return None


def number_before_stretch(s: Site, op: Op) -> Outcome:
    for k, operand in enumerate(op.operands):
        inner = s.defined(operand, (runtime.broadcast_like,))
        c = op.operands[1 - k]
        if inner is None or c.type != FLOAT or inner.operands[0].type != FLOAT:
            continue
        g, like = inner.operands
        if op.result.type != operand.type or not s.certain(g) or not s.certain(c):
            continue
        number = s.emit(op, op.attrs["fn"], (g, c) if k == 0 else (c, g), FLOAT)
        return replaced(op, runtime.broadcast_like, number, like)
    return None


def sign_before_stretch(s: Site, op: Op) -> Outcome:
    inner = s.defined(op.operands[0], (runtime.broadcast_like,))
    if inner is None:
        return None
    g, like = inner.operands
    if not is_number(g) or dims_of(g.type) is None:
        return None
    minus = s.emit(op, operator.neg, (g,), g.type)
    return replaced(op, runtime.broadcast_like, minus, like)


# -- shapes


def is_array(operand: Operand) -> bool:
    """Certainly an array: not a number, a list or a NumPy scalar."""
    return isinstance(operand.type, Array) and bool(operand.type.dims)


def transpose_twice(s: Site, op: Op) -> Outcome:
    inner = s.defined(op.operands[0], (np.transpose,))
    outer_axes = op.attrs.get("axes")
    if (rank_of(op.operands[0].type) or 0) == 1 and outer_axes is None:
        return op.operands[0]
    if inner is None or not is_array(inner.operands[0]):
        return None
    x, inner_axes = inner.operands[0], inner.attrs.get("axes")
    rank = rank_of(x.type) or 0
    reverse = tuple(range(rank))[::-1]
    first, second = (reverse if a is None else a for a in (inner_axes, outer_axes))
    if any(sorted(a % rank for a in axes) != list(range(rank)) for axes in (first, second)):
        return None  # NumPy raises
    order = tuple(first[k] % rank for k in second)
    return x if order == tuple(range(rank)) else None


def transposed_product(s: Site, op: Op) -> Outcome:
    inner = s.defined(op.operands[0], MATMUL)
    if inner is None or not s.single(op.operands[0]) or op.attrs.get("axes") is not None:
        return None
    if any(rank_of(o.type) != 2 or not is_array(o) for o in inner.operands):
        return None
    if not any(s.defined(o, (np.transpose,)) for o in inner.operands):
        return None
    a, b = (
        s.emit(op, np.transpose, (o,), replace(o.type, dims=o.type.dims[::-1]))  # type: ignore[attr-defined, type-var]
        for o in inner.operands
    )
    return replaced(op, inner.attrs["fn"], b, a)


def exchange_twice(s: Site, op: Op) -> Outcome:
    fn = op.attrs["fn"]
    inner = s.defined(op.operands[0], (fn,))
    if inner is None or not is_array(inner.operands[0]):
        return None
    names = ("axis1", "axis2") if fn is np.swapaxes else ("source", "destination")
    there, back = (tuple(o.attrs[name] for name in names) for o in (inner, op))
    undone = back == there[::-1] or (fn is np.swapaxes and back == there)
    return inner.operands[0] if undone else None


def cast_to_own(s: Site, op: Op) -> Outcome:
    x = op.operands[0]
    return x if is_number(x, "bifc") and same_type(op, x) and s.certain(x) else None


def reshape_not_needed(s: Site, op: Op) -> Outcome:
    x, shape = op.operands
    if not is_array(x) or "order" in op.attrs:
        return None
    own = s.defined(shape, (np.shape,))
    whole = isinstance(shape, Const) and shape.value in (-1, (-1,)) and rank_of(x.type) == 1
    return x if whole or (own is not None and own.operands[0] is x) else None


def expand_by_nothing(s: Site, op: Op) -> Outcome:
    x = op.operands[0]
    return x if is_array(x) and op.attrs.get("axis") == () else None


# -- choices and conversions


def decided(s: Site, op: Op) -> Outcome:
    condition, x, y = op.operands
    if isinstance(condition, Const):
        return x if condition.value else y
    return x if same_operand(x, y) else None


def float_of_float(s: Site, op: Op) -> Outcome:
    x = op.operands[0]
    return x if len(op.operands) == 1 and x.type == FLOAT and s.certain(x) else None


def list_of_floats(s: Site, op: Op) -> Outcome:
    g, like = op.operands
    floats = g.type == like.type == ListOf(FLOAT)
    return g if floats and s.certain(g) else None


REWRITES = (
    Rewrite("x * 1 -> x", MUL, times_one, "one is neutral, and the kind of x is known"),
    Rewrite("x / 1 -> x", DIV, over_one, "one is neutral"),
    Rewrite("x ** 1 -> x", POWER[:2], over_one, "pow(x, 1) is x"),
    Rewrite("+x -> x", (operator.pos, np.positive), unchanged, "only True and lists change by it"),
    Rewrite("-(-x) -> x", NEG, neg_neg, "a sign bit is flipped twice", inner=NEG),
    Rewrite(
        "a - (-b) -> a + b", SUB, minus_neg, "the definition of subtraction in IEEE 754", True,
        inner=NEG,
    ),
    Rewrite(
        "a + (-b) -> a - b", ADD, plus_neg, "the same, and addition is commutative", True,
        inner=NEG,
    ),
    Rewrite(
        "(-a) * b -> -(a * b), (-a) / b -> -(a / b)", (*MUL, *DIV), sign_outward,
        "the sign of a product or quotient of reals is that of its parts, rounding is symmetric",
        True, inner=NEG,
    ),
    Rewrite(
        "(-a) @ b -> -(a @ b)", MATMUL, sign_out_of_product,
        "rounding is symmetric; a sum of zero is 0.0, never -0.0, so where this cannot be seen",
        inner=NEG,
    ),
    Rewrite(
        "sum(-x) -> -sum(x)", (np.sum,), sign_out_of_sum,
        "rounding is symmetric; a sum of zero is 0.0, never -0.0, so where this cannot be seen",
        inner=NEG,
    ),
    Rewrite("x * c -> c * x", MUL, constant_first, "multiplication is commutative", True),
    Rewrite("-1 * x -> -x", MUL, times_minus_one, "for reals; a zero changes sign in both", True),
    Rewrite(
        "-(c * x) -> (-c) * x", NEG, sign_into_constant, "as for products", True,
        inner=(*MUL, *DIV),
    ),
    Rewrite(
        "c * (2 * x) -> (2 * c) * x", MUL, power_of_two_outward,
        "2 * x is exact; if it overflows, so does the product, because abs(c) >= 1 (0.5 * (2 * x) "
        "is x all the same: that is the derivative of half a square)", True, inner=MUL,
    ),
    Rewrite(
        "broadcast_like(g, x) -> g", (runtime.broadcast_like,), stretch_not_needed,
        "g has the dimensions of x",
    ),
    Rewrite(
        "unbroadcast(g, x) -> g", (runtime.unbroadcast,), sum_not_needed,
        "g has the dimensions and the dtype of x",
    ),
    Rewrite(
        "c + broadcast_like(g, x) -> broadcast_like(c + g, x)", (*ADD, *SUB, *MUL),
        number_before_stretch, "the elements are the same, and fewer to compute", True,
        inner=_STRETCHES,
    ),
    Rewrite(
        "-broadcast_like(g, x) -> broadcast_like(-g, x)", NEG, sign_before_stretch,
        "the elements are the same, and fewer to negate (a sum may take them in another order)",
        True, inner=_STRETCHES,
    ),
    Rewrite(
        "transpose(transpose(x)) -> x", (np.transpose,), transpose_twice,
        "the axes are where they were; a vector has only one",
    ),
    Rewrite(
        "(a.T @ b).T -> b.T @ a", (np.transpose,), transposed_product,
        "the same products are summed (perhaps in another order), and the result has the memory "
        "layout that arrays usually have",
        True, inner=MATMUL,
    ),
    Rewrite(
        "swapaxes(swapaxes(x)) -> x", SWAPS, exchange_twice, "the axes are where they were",
        inner=SWAPS,
    ),
    Rewrite(
        "astype(x, its own dtype) -> x", (runtime.astype, np.astype), cast_to_own,
        "a cast to the same dtype is a copy",
    ),
    Rewrite(
        "reshape(x, x.shape) -> x", (np.reshape,), reshape_not_needed,
        "the elements keep their order; of a vector there is one shape",
    ),
    Rewrite("expand_dims(x, ()) -> x", (np.expand_dims,), expand_by_nothing, "nothing is added"),
    Rewrite(
        "select(c, x, x) -> x", (runtime.select,), decided,
        "both operands were computed already",
    ),
    Rewrite("float(x) -> x", (float,), float_of_float, "x is a Python float"),
    Rewrite(
        "as_cotangent(g, x) -> g", (runtime.as_cotangent,), list_of_floats,
        "both are lists of Python floats", True,
    ),
)  # fmt: skip


STRETCHED = Rewrite(  # for applications of any function
    "f(broadcast_like(g, x), y) -> f(g, y)", (), stretched_operand,
    "an elementwise function stretches g itself, if g and y are as long as x together", True,
    inner=_STRETCHES,
)  # fmt: skip


def _by_function(rows: tuple[Rewrite, ...]) -> Mapping[Any, tuple[Rewrite, ...]]:
    table: dict[Any, tuple[Rewrite, ...]] = {}
    for row in rows:
        for fn in row.fns:
            table[fn] = (*table.get(fn, ()), row)
    return table


BY_FUNCTION = _by_function(REWRITES)
