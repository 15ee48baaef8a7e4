"""The optimiser: each rewrite and pass on small programs, and random programs before and after.

Programs are traced from plain functions on symbols, and interpreted; results before and after
must be equal in type, dtype, shape and every bit (any NaN equals any other).
"""

from __future__ import annotations

import doctest
import functools
import importlib
import inspect
import math
import operator
import pkgutil
import random
import struct
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gast
import numpy as np
import pytest
from ir_interpreter import run_flat, run_region

import srcad.optimizer
import srcad.optimizer.dce
from srcad import runtime
from srcad.errors import InternalError
from srcad.ir import ops as O
from srcad.ir.abstract import (
    ANY,
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    MANY,
    OBJECT,
    ONE,
    UNKNOWN,
    Array,
    ListOf,
    TupleOf,
    Type,
    item,
    kind_of,
    type_of_value,
)
from srcad.ir.build import Builder, for_op, if_op, while_op
from srcad.ir.check import check
from srcad.ir.text import function_text
from srcad.ir.values import (
    UNDEFINED,
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
from srcad.optimizer import patterns, pipeline
from srcad.optimizer.cse import cse
from srcad.optimizer.facts import loose_values
from srcad.optimizer.hoist import hoist
from srcad.optimizer.pipeline import optimize
from srcad.optimizer.rewrites import REWRITES, STRETCHED
from srcad.optimizer.simplify import simplify
from srcad.rules.symbols import Sym, apply, as_operand

VECTOR, MATRIX = Array("float64", (MANY,)), Array("float64", (MANY, MANY))
COLUMN, ROW = Array("float64", (MANY, ONE)), Array("float64", (ONE, MANY))
F32, ITEM, ZERO_D = Array("float32", (MANY,)), item("float64"), Array("float64", ())
INTS, UNSIGNED, F16 = (Array(name, (MANY,)) for name in ("int64", "uint8", "float16"))
ADJOINT, PRIMAL = Role.ADJOINT, Role.PRIMAL

MODULES = [f"srcad.optimizer.{m.name}" for m in pkgutil.iter_modules(srcad.optimizer.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0
    if name.rpartition(".")[2] in ("simplify", "cse", "hoist", "pipeline", "patterns"):
        assert found.attempted > 0


# -- programs ------------------------------------------------------------------------------------


def call(fn: Any, *args: Any, **statics: Any) -> Any:
    """Apply a function of the table; one of the arguments is a symbol."""
    like = next(a for a in args if isinstance(a, Sym))
    return like._apply(fn, args, statics)


def program(body: Callable[..., Any], *types: Type, role: Role = PRIMAL) -> Function:
    """The function that a body computes on symbols; it returns one operand or a tuple of them."""
    b = Builder(role=role)
    names = [*inspect.signature(body).parameters][: len(types)]
    values = [Value(t, n, named=True) for n, t in zip(names, types, strict=True)]
    out = body(*(Sym(b, v) for v in values))
    several = isinstance(out, tuple)
    yields = tuple(as_operand(b, o) for o in (out if several else (out,)))
    result = tuple(range(len(yields))) if several else 0
    return function(values, b.block, yields, result)


def function(
    params: list[Value], ops: list[Op], yields: tuple[Operand, ...], result: Any = None
) -> Function:
    tree = tuple(range(len(yields))) if result is None else result
    made = Function(
        "f", tuple(Param(p, p.name) for p in params), Region(tuple(params), ops, yields), tree,
        {p.name: p for p in params},
    )  # fmt: skip
    return check(made)


def lines(f: Function) -> list[str]:
    """The operations and yields of a function as text."""
    return [line.strip() for line in function_text(f).splitlines()[1:-1]]


def loop(
    b: Builder, n: Any, init: Any, body: Callable[..., Any], t: Type = FLOAT, name: str = "s"
) -> Sym:
    """A `for` over 0..n with one carry; `body(i, carry)` gives the next one."""
    i, carry = Value(INT, "i"), Value(t, name, named=True)
    with b.nested() as ops:
        following = as_operand(b, body(Sym(b, i), Sym(b, carry)))
    final = Value(t, name, named=True)
    bounds = [Const.of(0), as_operand(b, n), Const.of(1)]
    region = Region((i, carry), ops, (following,))
    b.block.append(for_op(bounds, [as_operand(b, init)], [], region, [final]))
    return Sym(b, final)


def branch(
    b: Builder, cond: Any, then: Callable[[], Any], orelse: Callable[[], Any], t: Type
) -> Sym:
    regions = []
    for side in (then, orelse):
        with b.nested() as ops:
            out = as_operand(b, side())
        regions.append(Region((), ops, (out,)))
    result = Value(t, "r")
    b.block.append(if_op(as_operand(b, cond), *regions, [result]))
    return Sym(b, result)


# -- results -------------------------------------------------------------------------------------


def run(f: Function, *args: Any) -> list[Any]:
    """The yields of a function for these arguments."""
    return run_flat(f, args)


def bits(x: Any) -> Any:
    """All of a value that a program can see of it, except the bits of a NaN."""
    if isinstance(x, (tuple, list)):
        return type(x), [bits(v) for v in x]
    if isinstance(x, (np.ndarray, np.generic)):
        found = np.array(x, copy=True)
        if found.dtype.kind in "fc":
            for part in (found.real, found.imag) if found.dtype.kind == "c" else (found,):
                part[np.isnan(part)] = np.nan
        return type(x), found.dtype, found.shape, found.tobytes()
    if isinstance(x, complex):
        return complex, bits(x.real), bits(x.imag)
    if isinstance(x, float):
        return float, "nan" if math.isnan(x) else struct.pack("d", x)
    return type(x), x


def assert_same_results(before: Function, after: Function, *args: Any) -> bool:
    """Whether the programs could be compared: the first did not raise."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = run(before, *args)
        except (ArithmeticError, ValueError, TypeError):
            return False
        actual = run(after, *args)
    assert [bits(x) for x in actual] == [bits(x) for x in expected]
    return True


TAME = [1.0, -1.0, 2.0, -0.0, 0.0]  # sums of these cancel
WILD = [1.5, -0.0, 0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 3.0, 1e200]


def samples(t: Type, rng: random.Random) -> Any:
    """A value of a type: of every kind of number there is, and of length 3 where it is not one."""
    numbers = WILD if rng.random() < 0.4 else TAME
    if t == FLOAT:
        return rng.choice(numbers)
    if t == COMPLEX:
        return complex(rng.choice(numbers), rng.choice(numbers))
    if t in (INT, BOOL):
        return rng.choice([0, 1, 2, 3]) if t == INT else rng.random() < 0.5
    if isinstance(t, ListOf):
        return [samples(t.elem, rng) for _ in range(3)]
    assert isinstance(t, Array) and t.dtype is not None and t.dims is not None
    shape = [1 if d is ONE else 3 for d in t.dims]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flat = [rng.choice(numbers if kind_of(t) in "fc" else [0, 1, 2]) for _ in range(9)]
        array = np.array(flat[: math.prod(shape)]).reshape(shape).astype(t.dtype)
    return array[()] if t.item else array


# -- rewrites ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A program, and its operations after simplification and removal of what is not read."""

    what: str  # the row of the table
    body: Callable[..., Any]
    types: tuple[Type, ...]
    after: list[str]
    role: Role = PRIMAL

    def __str__(self) -> str:
        return f"{self.what} ({', '.join(map(str, self.types))})"


def stretch(g: Any, x: Any) -> Any:
    return call(runtime.broadcast_like, g, x)


SIGNS = "(-a) * b -> -(a * b), (-a) / b -> -(a / b)"
CASES = [
    Case("x * 1 -> x", lambda x: x * 1, (FLOAT,), ["yield %x"]),
    Case("x * 1 -> x", lambda x: 1.0 * x, (F32,), ["yield %x"]),
    Case("x * 1 -> x", lambda x: np.multiply(x, 1), (INTS,), ["yield %x"]),
    Case("x / 1 -> x", lambda x: x / 1, (MATRIX,), ["yield %x"]),
    Case("x ** 1 -> x", lambda x: x**1.0, (VECTOR,), ["yield %x"]),
    Case("+x -> x", lambda x: call(operator.pos, x), (VECTOR,), ["yield %x"]),
    Case("-(-x) -> x", lambda x: -(+-x), (ITEM,), ["yield %x"]),
    Case("-(-x) -> x", lambda x: call(operator.neg, -x), (INT,), ["yield %x"]),
    Case(
        "a - (-b) -> a + b", lambda x, y: x - (-y), (VECTOR, FLOAT),
        ["%t: f64[*] = operator.add(%x, %y)", "yield %t"], ADJOINT,
    ),
    Case(
        "a + (-b) -> a - b", lambda x, y: x + (-y), (FLOAT, FLOAT),
        ["%t: float = operator.sub(%x, %y)", "yield %t"], ADJOINT,
    ),
    Case(
        "a + (-b) -> a - b", lambda x, y: -x + y, (FLOAT, VECTOR),
        ["%t: f64[*] = operator.sub(%y, %x)", "yield %t"], ADJOINT,
    ),
    Case(
        SIGNS, lambda x, y: (-x) * (-y), (VECTOR, VECTOR),
        ["%t: f64[*] = operator.mul(%x, %y)", "yield %t"], ADJOINT,
    ),
    Case(
        SIGNS, lambda x, y: x / (-y), (FLOAT, FLOAT),
        ["%t: float = operator.truediv(%x, %y)", "%t_1: float = operator.neg(%t)", "yield %t_1"],
        ADJOINT,
    ),
    Case(  # a sign that is read twice, but taken up twice
        SIGNS, lambda x, y, z: (x + (n := -y) * z, x - n * x), (FLOAT, FLOAT, FLOAT),
        [
            "%t: float = operator.mul(%y, %z)", "%t_1: float = operator.sub(%x, %t)",
            "%t_2: float = operator.mul(%y, %x)", "%t_3: float = operator.add(%x, %t_2)",
            "yield %t_1, %t_3",
        ], ADJOINT,
    ),
    Case(
        "(-a) @ b -> -(a @ b)", lambda x, y, z: np.exp((-x) @ y - z), (MATRIX, VECTOR, VECTOR),
        [
            "%t: f64[*] = operator.matmul(%x, %y)", "%t_1: f64[*] = operator.neg(%t)",
            "%t_2: f64[*] = operator.sub(%t_1, %z)", "%t_3: f64[*] = np.exp(%t_2)", "yield %t_3",
        ],
    ),
    Case(
        "sum(-x) -> -sum(x)", lambda x: np.sum(-x, axis=0) + 1.0, (MATRIX,),
        [
            "%sum_x: f64[*] = np.sum(%x) [axis=0]", "%t: f64[*] = operator.neg(%sum_x)",
            "%t_1: f64[*] = operator.add(%t, 1.0)", "yield %t_1",
        ],
    ),
    Case(
        "x * c -> c * x", lambda x: x * 3.0, (VECTOR,),
        ["%t: f64[*] = operator.mul(3.0, %x)", "yield %t"], ADJOINT,
    ),
    Case(
        "-1 * x -> -x", lambda x: x * -1.0, (FLOAT,),
        ["%t: float = operator.neg(%x)", "yield %t"], ADJOINT,
    ),
    Case(
        "-(c * x) -> (-c) * x", lambda x: -(3.0 * x), (FLOAT,),
        ["%t: float = operator.mul(-3.0, %x)", "yield %t"], ADJOINT,
    ),
    Case(
        "-(c * x) -> (-c) * x", lambda x: -(1 / x), (VECTOR,),
        ["%t: f64[*] = operator.truediv(-1, %x)", "yield %t"], ADJOINT,
    ),
    Case(
        "-(c * x) -> (-c) * x", lambda x: -(1 / x), (INT,),
        ["%t: float = operator.truediv(-1, %x)", "yield %t"], ADJOINT,
    ),
    Case(
        "c * (2 * x) -> (2 * c) * x", lambda x: -3.3 * (-4 * x), (VECTOR,),
        ["%t: f64[*] = operator.mul(13.2, %x)", "yield %t"], ADJOINT,
    ),
    Case("c * (2 * x) -> (2 * c) * x", lambda x: 0.5 * (2 * x), (VECTOR,), ["yield %x"], ADJOINT),
    Case("broadcast_like(g, x) -> g", lambda g, x: stretch(g, x), (VECTOR, F32), ["yield %g"]),
    Case(
        "unbroadcast(g, x) -> g", lambda g, x: call(runtime.unbroadcast, g, x), (VECTOR, VECTOR),
        ["yield %g"],
    ),
    Case(
        "c + broadcast_like(g, x) -> broadcast_like(c + g, x)",
        lambda g, x: stretch(g, x) - 3.0, (FLOAT, MATRIX),
        [
            "%t: float = operator.sub(%g, 3.0)",
            "%t_1: f64[*,*] = srcad.runtime.broadcast_like(%t, %x)", "yield %t_1",
        ], ADJOINT,
    ),
    Case(
        "-broadcast_like(g, x) -> broadcast_like(-g, x)", lambda g, x: -stretch(g, x),
        (FLOAT, MATRIX),
        [
            "%neg_g: float = operator.neg(%g)",
            "%t: f64[*,*] = srcad.runtime.broadcast_like(%neg_g, %x)", "yield %t",
        ], ADJOINT,
    ),
    Case(
        STRETCHED.what, lambda g, x, y: stretch(g, x) * y, (FLOAT, MATRIX, MATRIX),
        ["%t: f64[*,*] = operator.mul(%g, %y)", "yield %t"], ADJOINT,
    ),
    Case(
        STRETCHED.what, lambda g, x, y: np.where(y, stretch(g, x), 0.0),
        (COLUMN, MATRIX, Array("bool", (MANY,))),
        ["%t: f64[*,*] = np.where(%y, %g, 0.0)", "yield %t"], ADJOINT,
    ),
    Case(
        "transpose(transpose(x)) -> x", lambda x: np.transpose(np.transpose(x)), (MATRIX,),
        ["yield %x"],
    ),
    Case(
        "transpose(transpose(x)) -> x",
        lambda x: np.transpose(np.transpose(x, (1, 2, 0)), (-1, 0, 1)),
        (Array("float64", (MANY, ONE, MANY)),), ["yield %x"],
    ),
    Case("transpose(transpose(x)) -> x", lambda x: x.T, (VECTOR,), ["yield %x"]),
    Case(
        "(a.T @ b).T -> b.T @ a", lambda x, y: (x.T @ y).T, (MATRIX, MATRIX),
        [
            "%transpose_y: f64[*,*] = np.transpose(%y)",
            "%t: f64[*,*] = operator.matmul(%transpose_y, %x)", "yield %t",
        ], ADJOINT,
    ),
    Case(
        "swapaxes(swapaxes(x)) -> x", lambda x: np.swapaxes(np.swapaxes(x, -1, 0), -1, 0),
        (MATRIX,), ["yield %x"],
    ),
    Case(
        "swapaxes(swapaxes(x)) -> x", lambda x: np.moveaxis(np.moveaxis(x, 0, 1), 1, 0),
        (MATRIX,), ["yield %x"],
    ),
    Case(
        "astype(x, its own dtype) -> x", lambda x: call(runtime.astype, x, dtype="float32"),
        (F32,), ["yield %x"],
    ),
    Case(
        "reshape(x, x.shape) -> x", lambda x: np.reshape(x, x.shape), (MATRIX,), ["yield %x"]
    ),
    Case("reshape(x, x.shape) -> x", lambda x: np.reshape(x, -1), (VECTOR,), ["yield %x"]),
    Case("expand_dims(x, ()) -> x", lambda x: np.expand_dims(x, ()), (VECTOR,), ["yield %x"]),
    Case(
        "select(c, x, x) -> x", lambda c, x: call(runtime.select, c, x, x), (BOOL, FLOAT),
        ["yield %x"],
    ),
    Case(
        "select(c, x, x) -> x", lambda x, y: call(runtime.select, True, x, y), (FLOAT, INT),
        ["yield %x"],
    ),
    Case(
        "as_cotangent(g, x) -> g",
        lambda x: call(runtime.as_cotangent, call(runtime.zeros_list, x), x), (ListOf(FLOAT),),
        ["%zeros_list_x: list[float] = srcad.runtime.zeros_list(%x)", "yield %zeros_list_x"],
        ADJOINT,
    ),
    Case("float(x) -> x", lambda x: call(float, call(float, x)), (FLOAT,), ["yield %x"]),
]  # fmt: skip


def simplified(f: Function) -> Function:
    """After one walk, without what is not read."""
    return check(srcad.optimizer.dce.dce(check(simplify(f), "simplify")))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rewrite(case: Case) -> None:
    before = program(case.body, *case.types, role=case.role)
    text = function_text(before)
    after = simplified(before)
    assert lines(after) == case.after
    assert lines(before) != case.after
    assert function_text(before) == text  # nothing was changed in place
    rng = random.Random(str(case))
    compared = [
        assert_same_results(before, after, *(samples(t, rng) for t in case.types))
        for _ in range(50)
    ]
    assert any(compared)


@pytest.mark.parametrize("row", [*REWRITES, STRETCHED], ids=lambda row: row.what)
def test_every_rewrite_has_a_case(row: Any) -> None:
    cases = [c for c in CASES if c.what == row.what]
    assert cases
    assert all((c.role is ADJOINT) is row.derived for c in cases)
    assert row.why


@pytest.mark.parametrize("case", [c for c in CASES if c.role is ADJOINT], ids=str)
def test_the_users_own_operations_are_left_alone(case: Case) -> None:
    before = program(case.body, *case.types, role=PRIMAL)
    assert simplify(before) is before


KEPT = [
    # (why it must stay, the program, types)
    ("an integer becomes a float", lambda x: 1.0 * x, (INT,)),
    ("a truth value becomes an integer", lambda x: 1 * x, (BOOL,)),
    ("an array of no dimensions becomes a scalar", lambda x: 1 * x, (ZERO_D,)),
    ("so it may where the rank is not known", lambda x: 1 * x, (Array("float64", None),)),
    ("float32 is promoted", lambda x: call(operator.mul, np.float64(1.0), x), (F32,)),
    ("inf * (1 + 0j) has NaN", lambda x: 1 * x, (COMPLEX,)),
    ("a list is repeated", lambda x: call(operator.mul, x, 1), (ListOf(FLOAT),)),
    ("an integer quotient is a float", lambda x: x / 1, (INT,)),
    ("what it is, is not known", lambda x: 1.0 * x, (UNKNOWN,)),
    ("0.0 + 0 is not -0.0", lambda x: x + 0, (FLOAT,)),
    ("and NaN and shapes remain", lambda x: 0 * x, (VECTOR,)),
    ("0/0", lambda x: x / x, (FLOAT,)),
    ("the sign of zero", lambda x, y: -(x - y), (FLOAT, FLOAT)),
    ("rounding", lambda x: 3.0 * (5.0 * x), (FLOAT,)),
    ("0.1 * inf is more than 0.2 * x", lambda x: 0.1 * (2.0 * x), (FLOAT,)),
    ("a float16 is no more than 65504", lambda x: 4096.0 * (16.0 * x), (F16,)),
    ("2 * 0 of integers has no sign", lambda x: 3.0 * (-2 * x), (INT,)),
    ("pow does not round correctly", lambda x: x**2, (FLOAT,)),
    ("there is no integer -0", lambda x: -(0 * x), (FLOAT,)),
    ("an unsigned integer is not negative", lambda x, y: x - (-y), (FLOAT, UNSIGNED)),
    ("a complex product mixes signs of zeros", lambda x, y: (-x) * y, (FLOAT, COMPLEX)),
    ("the negation would be of the larger array", lambda x, y: (-x) * y, (VECTOR, MATRIX)),
    ("it is needed anyway", lambda x, y: ((n := -x) * y, n), (VECTOR, VECTOR)),
    ("and a difference takes no sign up", lambda x, y: ((n := -x) * y - x, n), (FLOAT, FLOAT)),
    ("a sum of zero is never -0.0", lambda x, y: (-x) @ y, (MATRIX, VECTOR)),
    ("division sees the sign of zero", lambda x, y: 1 / ((-x) @ y), (MATRIX, VECTOR)),
    ("so does a reader of one of two", lambda x: (np.exp(s := np.sum(-x)), s), (VECTOR,)),
    ("adding zero keeps the sign of zero", lambda x: np.sum(-x) + 0.0, (VECTOR,)),
    ("dimensions may differ", stretch, (VECTOR, Array("float64", (ANY,)))),
    ("dimensions differ", stretch, (ROW, MATRIX)),
    ("dtypes differ", lambda g, x: call(runtime.unbroadcast, g, x), (VECTOR, F32)),
    ("y is shorter than x", lambda g, x, y: stretch(g, x) * y, (FLOAT, MATRIX, ROW)),
    ("the dtype is that of the stretched g", lambda g, x, y: stretch(g, x) * y, (FLOAT, F32, F32)),
    ("other axes", lambda x: np.transpose(np.transpose(x, (1, 2, 0)), (1, 2, 0)),
     (Array("float64", (MANY, MANY, MANY)),)),
    ("other axes", lambda x: np.swapaxes(np.swapaxes(x, 0, 1), 0, 2),
     (Array("float64", (MANY, MANY, MANY)),)),
    ("another dtype", lambda x: call(runtime.astype, x, dtype="float64"), (F32,)),
    ("another shape", lambda x, y: np.reshape(x, y.shape), (MATRIX, MATRIX)),
    ("NumPy raises if the size is another", lambda x: np.reshape(x, (5,)), (VECTOR,)),
    ("a NumPy scalar is no Python float", lambda x: call(float, x), (ITEM,)),
]  # fmt: skip


@pytest.mark.parametrize("why, body, types", KEPT, ids=[k[0] for k in KEPT])
@pytest.mark.parametrize("role", [PRIMAL, ADJOINT])
def test_what_is_not_exact_is_kept(
    why: str, body: Callable[..., Any], types: tuple[Type, ...], role: Role
) -> None:
    before = program(body, *types, role=role)
    assert simplify(before) is before


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_factors_that_are_powers_of_two(dtype: Any) -> None:
    """Also of subnormal numbers, and of those that overflow."""
    rng = np.random.default_rng(0)
    exponents = rng.uniform(np.log2(np.finfo(dtype).smallest_subnormal), 1024, 20_000)
    with np.errstate(all="ignore"):
        x = np.exp2(exponents.astype(np.longdouble)).astype(dtype) * rng.choice([-1, 1], 20_000)
    f = program(
        lambda x: (1.7 * (2 * x), -321.3 * (16.0 * x), 3 * (-8 * x)),
        type_of_value(x), role=ADJOINT,
    )  # fmt: skip
    after = simplified(f)
    assert len(after.body.ops) == 3
    assert assert_same_results(f, after, x.astype(dtype))


def test_a_kind_that_a_type_is_wider_than() -> None:
    """`y = 0` before a loop that makes it a float: with no iteration it is the integer 0."""

    def body(n: Sym, x: Sym) -> Any:
        b = n._builder
        y = loop(b, n, 0, lambda i, y: y + x)
        return 1.0 * y, 1.0 * x, call(float, y), 1.0 * (y + x)

    before = program(body, INT, FLOAT)
    after = simplified(before)
    assert [type(v) for v in run(after, 0, 2.0)] == [float, float, float, float]
    assert lines(after)[4:] == [
        "%t_1: float = operator.mul(1.0, %s)", "%float_s: float = float(%s)",
        "%t_2: float = operator.add(%s, %x)", "yield %t_1, %x, %float_s, %t_2",
    ]  # fmt: skip


def test_a_wide_type_is_carried_along() -> None:
    """Through a loop, a branch, a tuple, a list: the integer 0 is an integer still."""

    def body(n: Sym, x: Sym) -> Any:
        b = n._builder
        y = loop(b, n, 0, lambda i, y: y + x)
        again = loop(b, n, y, lambda i, z: z + x)
        side = branch(b, n > 0, lambda: x, lambda: again, FLOAT)
        part = emit(b, O.FIELD, emit(b, O.PACK, side, t=TupleOf((FLOAT,)), container="tuple"),
                    t=FLOAT, key=0)  # fmt: skip
        return part, 1.0 * x

    f = program(body, INT, FLOAT)
    part, product = f.body.yields
    assert part in loose_values(f)
    assert product not in loose_values(f)


LOOSE = [
    (lambda x, y: call(max, x, y), (INT, FLOAT), True),
    (lambda x, y: call(max, x, y), (FLOAT, FLOAT), False),
    (lambda c, x: call(runtime.select, c, x, 1), (BOOL, FLOAT), True),
    (lambda c, x: call(runtime.select, c, x, 1.0), (BOOL, FLOAT), False),
    (lambda x, y: x**y, (FLOAT, FLOAT), True),  # a complex number for x < 0
    (lambda x, y: x**y, (INT, INT), True),  # a float for y < 0
    (lambda x, y: x**y, (FLOAT, INT), False),
    (lambda x: x**3, (INT,), False),
    (lambda x: x**2.0, (FLOAT,), False),
    (lambda x: x[0], (ListOf(FLOAT),), True),
    (lambda x: x[0], (VECTOR,), False),
    (lambda x: call(math.exp, call(max, x, 1)), (FLOAT,), False),
    (lambda x: call(max, x, 1) + x, (FLOAT,), False),
    (lambda x: -call(max, x, 1), (FLOAT,), True),
    (lambda x, y: np.sum(y * call(max, x, 1)), (FLOAT, VECTOR), False),
    (stretch, (FLOAT, ITEM), False),  # a Python float stays one, and its type says so
    (stretch, (INT, VECTOR), True),
    (stretch, (FLOAT, VECTOR), False),
    (lambda x: emit(x._builder, O.APPLY, 0, t=FLOAT, fn=operator.neg), (FLOAT,), True),
]  # fmt: skip


@pytest.mark.parametrize("body, types, expected", LOOSE)
def test_loose_values(body: Callable[..., Any], types: tuple[Type, ...], expected: bool) -> None:
    f = program(body, *types)
    assert (f.body.yields[0] in loose_values(f)) is expected


@pytest.mark.parametrize("is_loose", [True, False])
def test_arguments_of_calls_are_as_loose_as_they_are_given(is_loose: bool) -> None:
    callee = program(lambda x: 1.0 * x, FLOAT)

    def caller(n: Sym, x: Sym) -> Any:
        b = n._builder
        y = loop(b, n, 0, lambda i, y: y + x) if is_loose else x
        return Sym(b, b.emit(O.CALL, [y.operand], (FLOAT,), ("y",), {"callee": callee})[0]) * 1

    f = program(caller, INT, FLOAT)
    assert (callee.params[0].value in loose_values(f)) is is_loose
    after = optimize(f)
    assert lines(callee)[-1] == ("yield %t" if is_loose else "yield %x")
    assert lines(after)[-1] == "yield %y"  # a product with 1.0 is a float
    assert bits(run(after, 0, 2.0)[0]) == bits(0.0 if is_loose else 2.0)


def test_results_of_calls_are_as_loose_as_they_are_returned() -> None:
    callee = program(lambda n, x: loop(n._builder, n, 0, lambda i, y: y + x), INT, FLOAT)

    def caller(n: Sym, x: Sym) -> Any:
        b = n._builder
        operands = [n.operand, x.operand]
        return 1.0 * Sym(b, b.emit(O.CALL, operands, (FLOAT,), ("y",), {"callee": callee})[0])

    after = optimize(program(caller, INT, FLOAT))
    assert bits(run(after, 0, 2.0)[0]) == bits(0.0)


# -- folding -------------------------------------------------------------------------------------


def folded(fn: Any, *args: Any) -> Any:
    """The constant that an application to constants becomes; the operation where it stays."""
    b = Builder()
    f = function([], b.block, (apply(b, fn, list(args)),))
    out = simplify(f).body.yields[0]
    return out.value if isinstance(out, Const) else None


FOLDS = [
    (operator.add, (2, 3)), (operator.mul, (-0.0, 2.0)), (operator.sub, (0.0, 0.0)),
    (operator.mul, (math.inf, 0.0)), (operator.add, (1e308, 1e308)), (operator.pow, (2.0, 0.5)),
    (operator.pow, (3, 4)), (operator.lt, (1, math.nan)), (operator.not_, (0.0,)),
    (math.exp, (0.5,)), (math.sin, (-0.0,)), (float, (3,)), (bool, (0.5,)), (max, (1.0, 2.0)),
    (operator.truediv, (1, 3)), (operator.floordiv, (-7, 2)), (abs, (-0.0,)),
    (runtime.select, (False, 1.0, -0.0)), (operator.neg, (0.0,)), (complex, (1.0, -0.0)),
]  # fmt: skip
NOT_FOLDED = [
    (operator.truediv, (1.0, 0.0)), (math.log, (0.0,)), (math.exp, (1e3,)),  # they raise
    (operator.pow, (-8.0, 0.5)), (operator.pow, (2, -1)),  # of another type than it was said
    (operator.pow, (10, 10**9)), (math.factorial, (10**9,)),  # they would take long
    (np.exp, (0.5,)), (np.add, (1.0, 2.0)), (operator.add, (np.float64(1.0), 2.0)),  # NumPy's
]  # fmt: skip


@pytest.mark.parametrize("fn, args", FOLDS)
def test_constants_are_folded(fn: Any, args: tuple[Any, ...]) -> None:
    assert bits(folded(fn, *args)) == bits(fn(*args))


@pytest.mark.parametrize("fn, args", NOT_FOLDED)
def test_constants_that_are_not_folded(fn: Any, args: tuple[Any, ...]) -> None:
    assert folded(fn, *args) is None


# -- containers, branches, loops -----------------------------------------------------------------


def emit(b: Builder, kind: O.OpKind, *operands: Any, t: Type, **attrs: Any) -> Sym:
    return Sym(b, b.emit1(kind, [as_operand(b, o) for o in operands], t, "t", attrs))


def setitem(x: Sym, v: Any, *index: Any) -> Sym:
    return emit(x._builder, O.SETITEM, x, v, *index, t=x.type)


CONTAINERS = [
    # (the program, types, what it returns afterwards)
    (lambda x, y: emit(x._builder, O.FIELD, (x, y), t=FLOAT, key=1), (FLOAT, FLOAT), "%y"),
    (lambda x: emit(x._builder, O.FIELD, Const.of((1, 2.0)), t=FLOAT, key=1), (INT,), "2.0"),
    (lambda x: emit(x._builder, O.GETITEM, Const.of((1, 2.0)), -1, t=FLOAT), (INT,), "2.0"),
    (lambda x, y: emit(x._builder, O.GETITEM, (x, y), -2, t=FLOAT), (FLOAT, FLOAT), "%x"),
    (lambda x, y, i: setitem(x, y, i)[i], (VECTOR, ITEM, INT), "%y"),
    (lambda x, y: setitem(x, y, 0, 1)[0, 1], (MATRIX, ITEM), "%y"),
    (lambda x, y, i: setitem(x, y, i)[i], (ListOf(FLOAT), FLOAT, INT), "%y"),
]  # fmt: skip
CONTAINERS_KEPT = [
    ("a Python float comes back as a NumPy scalar",
     lambda x, y, i: setitem(x, y, i)[i], (VECTOR, FLOAT, INT)),
    ("it is rounded", lambda x, y, i: setitem(x, y, i)[i], (F32, ITEM, INT)),
    ("another index", lambda x, y, i, j: setitem(x, y, i)[j], (VECTOR, ITEM, INT, INT)),
    ("a row, not an element", lambda x, y, i: setitem(x, y, i)[i], (MATRIX, VECTOR, INT)),
    ("a Python float, whatever its type says",
     lambda x, y, z: setitem(x, call(max, y, z), 0)[0], (VECTOR, FLOAT, ITEM)),
    ("Python raises", lambda x: emit(x._builder, O.GETITEM, Const.of((1,)), 4, t=FLOAT), (INT,)),
]  # fmt: skip


@pytest.mark.parametrize("body, types, expected", CONTAINERS)
def test_parts(body: Callable[..., Any], types: tuple[Type, ...], expected: str) -> None:
    assert lines(simplified(program(body, *types))) == [f"yield {expected}"]


@pytest.mark.parametrize("why, body, types", CONTAINERS_KEPT)
def test_parts_that_are_kept(
    why: str, body: Callable[..., Any], types: tuple[Type, ...]
) -> None:
    before = program(body, *types)
    assert count(simplify(before)) == count(before)


def test_a_decided_branch() -> None:
    def body(x: Sym) -> Any:
        return branch(x._builder, True, lambda: x + 1.0, lambda: 1.0 / x, FLOAT)

    after = simplified(program(body, FLOAT))
    assert lines(after) == ["%t: float = operator.add(%x, 1.0)", "yield %t"]


def test_a_decided_branch_of_another_kind() -> None:
    """What is computed of the integer 0 is not what its type says."""

    def body(x: Sym) -> Any:
        b = x._builder
        y = branch(b, True, lambda: Sym(b, Const.of(0)), lambda: x, FLOAT)
        return 1.0 * (-y)

    before = program(body, FLOAT)
    after = optimize(before)
    assert not any(op.kind is O.IF for op in after.body.ops)
    assert bits(run(after, 2.0)[0]) == bits(run(before, 2.0)[0]) == bits(0.0)


def test_a_branch_without_a_choice() -> None:
    def body(c: Sym, x: Sym) -> Any:
        y = branch(c._builder, c, lambda: x, lambda: x, FLOAT)
        return y, branch(c._builder, c, lambda: 0.0, lambda: -0.0, FLOAT)

    after = simplified(program(body, BOOL, FLOAT))
    assert lines(after) == [
        "%r: float = if %c {", "yield 0.0", "} else {", "yield -0.0", "}", "yield %x, %r",
    ]  # fmt: skip


def raising(b: Builder) -> Operand:
    template = gast.parse("raise ZeroDivisionError").body[0]
    b.emit(O.RAISE, (), (), (), {"template": template})
    return UNDEFINED


def test_a_branch_that_raises() -> None:
    def body(c: Sym, x: Sym) -> Any:
        b = c._builder
        y = branch(b, c, lambda: raising(b), lambda: x, FLOAT)
        z = branch(b, c, lambda: raising(b), lambda: x + 1.0, FLOAT)
        w = branch(b, True, lambda: raising(b), lambda: x, FLOAT)
        return y + 1.0, z, w

    before = program(body, BOOL, FLOAT)
    after = simplified(before)
    assert "%t: float = operator.add(%x, 1.0)" in lines(after)  # y is x
    assert sum(op.kind is O.RAISE for op in walk(after.body)) == 3
    with pytest.raises(ZeroDivisionError):
        run(after, False, 1.0)


def test_carries_that_never_change() -> None:
    def body(n: Sym, x: Sym) -> Any:
        b = n._builder
        i = Value(INT, "i")
        a, s, a_out, s_out = (Value(FLOAT, v, named=True) for v in "astu")
        with b.nested() as ops:
            following = (Sym(b, s) + Sym(b, a) * 1.0).operand
        region = Region((i, a, s), ops, (a, following))
        bounds = [Const.of(0), n.operand, Const.of(1)]
        b.block.append(for_op(bounds, [x.operand, Const.of(0.0)], [], region, [a_out, s_out]))
        return Sym(b, s_out), Sym(b, a_out)

    before = program(body, INT, FLOAT)
    after = simplified(before)
    assert lines(after) == [
        "%u: float = for %i in 0..%n..1 carry(%s = 0.0) stream() {",
        "%t: float = operator.add(%s, %x)", "yield %t", "}", "yield %u, %x",
    ]  # fmt: skip
    assert run(before, 3, 2.0) == run(after, 3, 2.0) == [6.0, 2.0]


def test_dead_code_of_deep_loops_is_found_by_one_walk() -> None:
    def body(n: Sym, x: Sym) -> Any:
        def nest(depth: int, s: Sym) -> Sym:
            unused = s * 2.0
            assert unused is not None
            if depth == 0:
                return s + x
            return loop(n._builder, n, s, lambda i, carry: nest(depth - 1, carry))

        return nest(19, x)  # the innermost is not looked into twice for each loop around it

    before = program(body, INT, FLOAT)
    after = srcad.optimizer.dce.dce(before)
    assert not any("mul" in line for line in lines(after))
    assert run(before, 1, 2.0) == run(after, 1, 2.0) == [4.0]
    assert srcad.optimizer.dce.dce(after) is after


def while_program(swap: bool) -> Function:
    """Newton's method for the square root of a, which is carried, with the limit."""
    a, limit = Value(FLOAT, "a"), Value(FLOAT, "limit")
    (ca, cl, cx), (ba, bl, bx), (fa, fl, fx) = ([Value(FLOAT, v) for v in "alx"] for _ in range(3))
    b = Builder()
    with b.nested() as test:
        far = (abs(Sym(b, cx) * Sym(b, cx) - Sym(b, ca)) > Sym(b, cl)).operand
    with b.nested() as ops:
        x = (0.5 * (Sym(b, bx) + Sym(b, ba) / Sym(b, bx))).operand
    following = (bl, ba, x) if swap else (ba, bl, x)
    trips = Value(INT, "trips")
    loop_op = while_op(
        [a, limit, a], Region((ca, cl, cx), test, (far,)), Region((ba, bl, bx), ops, following),
        [fa, fl, fx], [], trips, may_stop=False,
    )  # fmt: skip
    return function([a, limit], [loop_op], (fx, fa, trips))


def test_carries_of_while() -> None:
    before = while_program(swap=False)
    after = simplified(before)
    (op,) = after.body.ops
    assert op.attrs["carries"] == 1
    assert run(before, 2.0, 1e-9) == run(after, 2.0, 1e-9)
    swapped = while_program(swap=True)
    assert simplify(swapped) is swapped


def test_lists_of_one_value_are_not_kept() -> None:
    """What the reverse sweep takes from a list that holds the same in every element."""
    n, i, j = (Value(INT, v) for v in "nij")
    x, e, s, out = (Value(FLOAT, v) for v in ("x", "e", "s", "out"))
    kept = Value(ListOf(FLOAT), "kept")
    b = Builder()
    bounds = [Const.of(0), n, Const.of(1)]
    first = for_op(bounds, [], [], Region((i,), [], (x,)), [], [(kept, False)])
    with b.nested() as ops:
        following = (Sym(b, s) + Sym(b, e)).operand
    second = for_op(
        bounds, [Const.of(0.0)], [(kept, True)], Region((j, s, e), ops, (following,)), [out],
        reverse=True,
    )  # fmt: skip
    before = function([n, x], [first, second], (out,))
    after = simplified(before)
    assert lines(after) == [
        "%out: float = for %j in reverse 0..%n..1 carry(%s = 0.0) stream() {",
        "%t: float = operator.add(%s, %x)", "yield %t", "}", "yield %out",
    ]  # fmt: skip
    assert run(before, 4, 2.5) == run(after, 4, 2.5) == [10.0]


# -- common subexpressions -----------------------------------------------------------------------


def count(f: Function) -> int:
    return sum(1 for _ in walk(f.body))


SAME = [
    (lambda x, y: (np.sin(x), np.sin(x)), (VECTOR, FLOAT)),
    (lambda x, y: (x * y, y * x), (VECTOR, FLOAT)),
    (lambda x, y: (x + y, y + x), (FLOAT, INT)),
    (lambda x, y: (np.sum(x, axis=0), np.sum(x, axis=0)), (MATRIX, FLOAT)),
    (lambda x, i: (x[i], x[i]), (VECTOR, INT)),
    (lambda x, y: (x / (y + 1), x / (1 + y)), (FLOAT, INT)),
]  # fmt: skip
DIFFERENT = [
    (lambda x, y: (x - y, y - x), (FLOAT, FLOAT)),
    (lambda x, y: (np.sin(x), np.sin(y)), (FLOAT, FLOAT)),
    (lambda x: (x + 1, x + 1.0), (INT,)),
    (lambda x: (x + 1, x + True), (INT,)),
    (lambda x: (x * 0.0, x * -0.0), (FLOAT,)),
    (lambda x: (np.sum(x, axis=0), np.sum(x, axis=False)), (MATRIX,)),
    (lambda x: (np.sum(x, axis=0), np.sum(x, axis=1)), (MATRIX,)),
    (lambda x, y: (call(operator.add, x, y), call(operator.add, y, x)), (ListOf(FLOAT),) * 2),
    (lambda x, y: (call(operator.add, x, y), call(operator.add, y, x)), (UNKNOWN, UNKNOWN)),
    (lambda x: (np.zeros_like(x), np.zeros_like(x)), (VECTOR,)),  # both may be written to
    (lambda x: (call(max, x, Const(object(), OBJECT)), call(max, x, Const(object(), OBJECT))),
     (FLOAT,)),
]  # fmt: skip


@pytest.mark.parametrize("body, types", SAME)
def test_equal_operations_are_merged(body: Callable[..., Any], types: tuple[Type, ...]) -> None:
    before = program(body, *types)
    after = check(cse(before))
    first, second = after.body.yields
    assert first is second
    assert count(after) < count(before)
    args = [samples(t, random.Random(1)) for t in types]
    assert assert_same_results(before, after, *args)


@pytest.mark.parametrize("body, types", DIFFERENT)
def test_different_operations_are_not(body: Callable[..., Any], types: tuple[Type, ...]) -> None:
    before = program(body, *types)
    assert cse(before) is before


def test_inner_regions_see_outer_ones_only() -> None:
    def body(c: Sym, x: Sym) -> Any:
        b = c._builder
        y = np.sin(x)
        inner = branch(b, c, lambda: np.sin(x) + np.cos(x), lambda: np.cos(x), FLOAT)
        return y, inner, np.cos(x)

    after = check(cse(program(body, BOOL, VECTOR)))
    text = lines(after)
    assert sum("np.sin" in line for line in text) == 1
    assert sum("np.cos" in line for line in text) == 3  # of none is it certain that it runs


def test_the_users_name_wins() -> None:
    def body(x: Sym, role: Role) -> Any:
        first, second = np.sin(x), np.sin(x)
        second.operand.name, second.operand.named, second.operand.role = "height", True, role
        return first + second

    for role, name in ((PRIMAL, "height"), (ADJOINT, "sin_x")):  # not that of a derivative
        f = cse(program(functools.partial(body, role=role), VECTOR))
        assert lines(f)[0] == f"%{name}: f64[*] = np.sin(%x)"


def tuple_program() -> Function:
    """A function of a tuple, of which the parts are taken out before and after its inputs."""
    pair = Value(TupleOf((FLOAT, FLOAT)), "pair")
    b = Builder()
    again = emit(b, O.FIELD, pair, t=FLOAT, key=1)
    parts = [emit(b, O.FIELD, pair, t=FLOAT, key=k) for k in (0, 1)]
    later = [emit(b, O.FIELD, pair, t=FLOAT, key=k) for k in (0, 1)]
    for part in later:
        part.operand.named = True
    out = again + parts[1] * later[1] + 0.0 * later[0]
    made = function([pair], b.block, (out.operand,), 0)
    return replace(made, inputs={"pair": tuple(p.operand for p in parts)})


def test_parts_of_parameters_are_kept() -> None:
    f = tuple_program()
    after = optimize(f)
    defined = {r for op in after.body.ops for r in op.results}
    assert set(f.inputs["pair"]) <= defined
    assert sum(op.kind is O.FIELD for op in after.body.ops) == 3  # those of `later` are merged
    assert run(after, (1.0, 3.0)) == [12.0]


def test_parts_that_are_not_read_go_if_they_may() -> None:
    pair = Value(TupleOf((FLOAT, FLOAT)), "pair")
    b = Builder()
    parts = [emit(b, O.FIELD, pair, t=FLOAT, key=k).operand for k in (0, 1)]
    f = replace(function([pair], b.block, (parts[1],), 0), inputs={"pair": tuple(parts)})
    assert optimize(f) is f
    assert len(optimize(f, keep_inputs=False).body.ops) == 1


def test_effects_are_neither_merged_nor_moved() -> None:
    b = Builder()
    x = Value(VECTOR, "x")
    for _ in range(2):
        b.emit(O.OPAQUE, [x], (), (), {"template": "print({})"})
    attributes = [emit(b, O.FIELD, x, t=FLOAT, key="w", attribute=True) for _ in range(2)]
    out = loop(b, 3, 0.0, lambda i, s: s + emit(b, O.FIELD, x, t=FLOAT, key="w", attribute=True))
    yields = (*(a.operand for a in attributes), out.operand)
    f = function([x], b.block, yields)
    assert optimize(f) is f


# -- loop-invariant code -------------------------------------------------------------------------


def in_loop(body: Callable[[Sym], Any], t: Type, trips: Any = None) -> Function:
    """A loop of n (or `trips`) iterations that adds up what is computed from x."""

    def whole(n: Sym, x: Sym) -> Any:
        b = n._builder
        return loop(b, n if trips is None else trips, 0.0, lambda i, s: s + body(x))

    return program(whole, INT, t)


HOISTED = [
    (lambda x: x * x, FLOAT, None),
    (lambda x: -(2.0 * x), VECTOR, None),
    (lambda x: x / 6.0, FLOAT, None),
    (lambda x: x + x[0], VECTOR, 3),  # the loop runs
    (lambda x: np.exp(x), VECTOR, 3),
    (lambda x: call(math.log, x), FLOAT, 3),
    (lambda x: call(len, x), VECTOR, None),
    (lambda x: x.shape[0], MATRIX, None),
    (lambda x: call(runtime.select, x > 0, x, 1.0), FLOAT, None),
    (lambda x: x.T, MATRIX, None),
]  # fmt: skip
NOT_HOISTED = [
    (lambda x: 1.0 / x, FLOAT, None),  # division by zero, if the loop runs
    (lambda x: x / 0.0, FLOAT, None),
    (lambda x: x / 3, INT, None),  # a long integer may be too large for a float
    (lambda x: x + 1.0, INT, None),
    (lambda x: np.exp(x), VECTOR, None),  # a warning
    (lambda x: x[5], VECTOR, None),
    (lambda x: call(len, x), UNKNOWN, None),
    (lambda x: x * x, UNKNOWN, None),
    (lambda x: call(math.log, x), FLOAT, 0),
    (lambda x: np.zeros_like(x), VECTOR, 3),  # it may be written to
]  # fmt: skip


def moved(f: Function) -> int:
    """How many operations stand before the loop."""
    return next(i for i, op in enumerate(f.body.ops) if op.kind is O.FOR)


@pytest.mark.parametrize("body, t, trips", HOISTED)
def test_invariants_are_hoisted(body: Callable[..., Any], t: Type, trips: int | None) -> None:
    before = in_loop(body, t, trips)
    after = check(hoist(before))
    (inside,) = (op.regions[0].ops for op in after.body.ops if op.kind is O.FOR)
    assert len(inside) == 1  # the sum
    rng = random.Random(2)
    for n in (0, 2):
        assert_same_results(before, after, n, samples(t, rng))


@pytest.mark.parametrize("body, t, trips", NOT_HOISTED)
def test_what_may_raise_is_not(body: Callable[..., Any], t: Type, trips: int | None) -> None:
    before = in_loop(body, t, trips)
    assert hoist(before) is before


def test_shapes_that_may_not_fit_are_not_hoisted() -> None:
    def whole(n: Sym, x: Sym, y: Sym) -> Any:
        return loop(n._builder, n, 0.0, lambda i, s: s + x * y)

    before = program(whole, INT, VECTOR, VECTOR)
    assert hoist(before) is before
    assert moved(hoist(program(whole, INT, VECTOR, FLOAT))) == 1
    assert run(before, 0, np.ones(2), np.ones(3)) == [0.0]


def test_nothing_is_hoisted_over_what_may_raise() -> None:
    before = in_loop(lambda x: np.exp(x[7]) + np.sin(x), VECTOR, 3)
    assert moved(hoist(before)) == 4
    def whole(n: Sym, x: Sym) -> Any:
        return loop(n._builder, 3, 0.0, lambda i, s: s + x[i] + np.sin(x))

    before = program(whole, INT, VECTOR)
    assert hoist(before) is before  # x[i] raises first


def test_nothing_leaves_a_branch() -> None:
    def whole(n: Sym, x: Sym) -> Any:
        b = n._builder
        return loop(b, n, 0.0, lambda i, s: s + branch(b, i > 1, lambda: x * x, lambda: x, FLOAT))

    before = program(whole, INT, FLOAT)
    assert hoist(before) is before


def test_out_of_two_loops() -> None:
    def whole(n: Sym, x: Sym) -> Any:
        b = n._builder
        return loop(
            b, n, 0.0, lambda i, s: loop(b, n, s, lambda j, u: u + x * x + i * n), name="u"
        )

    before = program(whole, INT, FLOAT)
    after = check(hoist(before))
    assert moved(after) == 1
    (outer,) = (op.regions[0] for op in after.body.ops if op.kind is O.FOR)
    assert len(outer.ops) == 2 and len(outer.ops[1].regions[0].ops) == 2
    assert run(before, 3, 2.0) == run(after, 3, 2.0)


def test_the_condition_of_while_is_computed_once_at_least() -> None:
    before = while_program(swap=False)
    cond, body = before.body.ops[0].regions
    a, limit = before.body.params
    b = Builder(cond.ops)
    with b.nested() as ops:
        far = (Sym(b, cond.yields[0]) & (call(math.sqrt, Sym(b, limit)) > 0.0)).operand
    region = Region(cond.params, [*ops[:1], *cond.ops, *ops[1:]], (far,))
    op = replace(before.body.ops[0], regions=(region, body))
    made = function([a, limit], [op], before.body.yields)
    after = check(hoist(made))
    assert [o.kind for o in after.body.ops] == [O.APPLY, O.APPLY, O.WHILE]
    assert run(made, 2.0, 1e-9) == run(after, 2.0, 1e-9)


# -- the pipeline --------------------------------------------------------------------------------


def test_levels() -> None:
    f = program(lambda x: x * 1.0, FLOAT)
    assert optimize(f, "none") is f
    assert lines(optimize(f)) == ["yield %x"]
    assert lines(f)[0] == "%t: float = operator.mul(%x, 1.0)"
    with pytest.raises(ValueError, match="no such level"):
        optimize(f, "O3")


def test_an_invariant_that_meets_its_equal_outside() -> None:
    def whole(n: Sym, x: Sym) -> Any:
        b = n._builder
        out = loop(b, n, 0.0, lambda i, s: s + 2.0 * x)
        return out + 2.0 * x

    after = optimize(program(whole, INT, FLOAT))
    assert sum("operator.mul" in line for line in lines(after)) == 1


def recursive() -> tuple[Function, Function]:
    """rec(x, n) = x * 1.0 if n < 1 else rec(x * x, n - 1), and a function that calls it."""
    x, n = Value(FLOAT, "x"), Value(INT, "n")
    rec = Function("rec", (Param(x, "x"), Param(n, "n")), Region((x, n), [], (x,)), 0)
    b = Builder()
    sx, sn = Sym(b, x), Sym(b, n)

    def again() -> Any:
        operands = [(sx * sx).operand, (sn - 1).operand]
        return b.emit(O.CALL, operands, (FLOAT,), ("y",), {"callee": rec})[0]

    out = branch(b, sn < 1, lambda: call(operator.neg, -(sx + 1.0)), again, FLOAT)
    rec.body = Region((x, n), b.block, (out.operand,))

    def caller(x: Sym, n: Sym) -> Any:
        b = x._builder
        first, second = (
            b.emit(O.CALL, [x.operand, n.operand], (FLOAT,), ("y",), {"callee": rec})[0]
            for _ in range(2)
        )
        return Sym(b, first) * Sym(b, second)

    return rec, program(caller, FLOAT, INT)


def callee_names(f: Function) -> set[int]:
    return {id(op.attrs["callee"]) for op in walk(f.body) if op.kind is O.CALL}


def test_functions_that_are_called_keep_their_identity() -> None:
    rec, caller = recursive()
    expected = run(caller, 1.5, 2)
    after = optimize(caller)
    assert callee_names(after) == callee_names(rec) == {id(rec)}
    assert len(after.body.ops) == 2  # one call is left
    assert not any("neg" in line for line in lines(rec))
    assert run(after, 1.5, 2) == expected
    assert optimize(after) is after


def test_a_recursive_function_is_optimised_in_place() -> None:
    rec, _ = recursive()
    expected = run(rec, 1.5, 2)
    assert optimize(rec) is rec
    assert not any("neg" in line for line in lines(rec))
    assert run(rec, 1.5, 2) == expected


def test_a_pass_that_raises_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(f: Function, settings: Any) -> Function:
        raise ZeroDivisionError("in a pass")

    monkeypatch.setattr(pipeline, "PASSES", (pipeline.Pass("broken", broken, ""),))
    with pytest.raises(ZeroDivisionError):
        optimize(program(lambda x: x + 1.0, FLOAT))


def test_passes_that_undo_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    step = pipeline.Pass("swap", lambda f, settings: replace(f), "")
    monkeypatch.setattr(pipeline, "PASSES", (step,))
    with pytest.raises(InternalError, match="does not come to an end") as caught:
        optimize(program(lambda x: x + 1.0, FLOAT))
    assert "swap" in caught.value.reason
    assert "operator.add(%x, 1.0)" in caught.value.ir


def test_a_pass_that_breaks_the_ir_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    step = pipeline.Pass("cut", lambda f, _: replace(f, body=replace(f.body, ops=[])), "")
    monkeypatch.setattr(pipeline, "PASSES", (step,))
    with pytest.raises(InternalError, match=r"malformed IR \(after cut\)"):
        optimize(program(lambda x: x + 1.0, FLOAT))
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    with pytest.raises(InternalError, match="does not come to an end"):
        optimize(program(lambda x: x + 1.0, FLOAT))


def test_every_pass_says_why_it_stands_where_it_does() -> None:
    assert [step.name for step in pipeline.PASSES] == ["simplify", "cse", "dce", "hoist"]
    assert all(step.place for step in pipeline.PASSES)


def long_program(length: int) -> Function:
    def body(x: Sym) -> Any:
        y = x
        for k in range(length // 4):
            y = 1.0 * (np.sin(y) * x + k) - (-x)
        return y

    return program(body, VECTOR, role=ADJOINT)


def test_it_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    f = long_program(100)
    optimize(f)

    def seconds() -> float:
        start = time.perf_counter()
        optimize(f)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.05  # 3 ms on the machine it was written on


def test_long_functions_and_deep_negations() -> None:
    f = long_program(5000)
    assert len(optimize(f).body.ops) < len(f.body.ops)

    def negated(x: Sym) -> Any:
        for _ in range(3001):
            x = -x
        return x

    after = optimize(program(negated, FLOAT))
    assert lines(after) == ["%neg_x: float = operator.neg(%x)", "yield %neg_x"]


# -- patterns ------------------------------------------------------------------------------------


def softmax(x: Any, axis: int | None) -> tuple[Any, Any]:
    """The shifted argument, and the sum of its exponentials over `axis`."""
    keep = {} if axis is None else {"axis": axis, "keepdims": True}
    shifted = x - np.max(x, **keep)
    return shifted, np.sum(np.exp(shifted), **keep)


def log_sum_exp(x: Any, **keep: Any) -> Any:
    c = np.max(x, **keep)
    return c + np.log(np.sum(np.exp(x - c), **keep))


def exp_over_sum(z: Any) -> Any:
    e = np.exp(z)
    return e / np.sum(e)


def logistic_of_positive(x: Any) -> Any:
    e = np.exp(x)
    return e / (1.0 + e)


def shifted_softmax(x: Any, axis: int | None) -> Any:
    keep = {} if axis is None else {"axis": axis, "keepdims": True}
    e = np.exp(x - np.max(x, **keep))
    return e / np.sum(e, **keep)


def log_softmax(x: Any, axis: int | None) -> Any:
    shifted, total = softmax(x, axis)
    return shifted - np.log(total)


PATTERN_CASES = [
    ("1 / (1 + exp(m))", lambda x: 1 / (1 + np.exp(-x)), MATRIX, 2),
    ("1 / (1 + exp(m))", lambda x: 1.0 / (np.exp(x) + 1.0), FLOAT, 1),
    ("exp(m) / (1 + exp(m))", logistic_of_positive, VECTOR, 1),
    ("exp(z) / sum(exp(z))", exp_over_sum, VECTOR, 1),
    ("exp(z) / sum(exp(z))", lambda x: shifted_softmax(x, 1), MATRIX, 1),
    ("z - log(sum(exp(z)))", lambda x: log_softmax(x, 1), MATRIX, 1),
    ("z - log(sum(exp(z)))", lambda x: log_softmax(x, -2), MATRIX, 1),
    ("z - log(sum(exp(z)))", lambda x: log_softmax(x, None), VECTOR, 1),
    ("c + log(sum(exp(x - c)))", log_sum_exp, VECTOR, 1),
    ("c + log(sum(exp(x - c)))", lambda x: log_sum_exp(x, axis=1, keepdims=True), MATRIX, 1),
]  # fmt: skip


def found_pattern(f: Function) -> tuple[Op, patterns.Pattern | None]:
    """What is found at the last operation."""
    defining = {r: op for op in f.body.ops for r in op.results}
    uses: dict[Value, int] = {}
    for op in f.body.ops:
        for o in op.operands:
            if isinstance(o, Value):
                uses[o] = uses.get(o, 0) + 1
    for o in f.body.yields:
        uses[o] = uses.get(o, 0) + 1  # type: ignore[index]
    last = f.body.ops[-1]
    return last, patterns.match(last, defining, uses)


def evaluated(f: Function, x: Any) -> dict[Value, Any]:
    env = dict(zip(f.body.params, [x], strict=True))
    run_region(f.body, env)
    return env


@pytest.mark.parametrize(
    "name, body, t, depth", PATTERN_CASES, ids=lambda v: "body" if callable(v) else str(v)[:30]
)
def test_pattern(name: str, body: Callable[..., Any], t: Type, depth: int) -> None:
    f = program(body, t)
    last, pattern = found_pattern(f)
    assert pattern is not None and pattern.name == name
    (given,) = pattern.inputs
    if depth == 1:  # the argument itself: a shift between is passed over
        assert given is f.body.params[0]
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3, 4)[: len(t.dims)]) if isinstance(t, Array) else 0.3
    sign = -1.0 if depth == 2 else 1.0  # the input is -x
    direction, step = rng.normal(size=np.shape(x)), 1e-6
    direction = direction if isinstance(t, Array) else float(direction)
    ahead, behind = (body(x + h * direction) for h in (step, -step))
    expected = (ahead - behind) / (2 * step)
    env = evaluated(f, x)
    others = [env[o] for o in pattern.others]  # type: ignore[index]
    tangent = pattern.jvp((sign * direction,), env[last.result], env[given], *others)  # type: ignore[index]
    np.testing.assert_allclose(tangent, expected, rtol=1e-7, atol=1e-9)
    g = rng.normal(size=np.shape(env[last.result]))
    (bar,) = pattern.vjp(g, env[last.result], env[given], *others)  # type: ignore[index]
    assert np.shape(bar) == np.shape(x)
    np.testing.assert_allclose(np.sum(sign * bar * direction), np.sum(g * expected), rtol=1e-6)


NO_PATTERN = [
    ("exp is read elsewhere", lambda x: (e := np.exp(x), 1 / (1 + e)), VECTOR),
    ("the sum is read elsewhere", lambda x: (d := 1 + np.exp(x), 1 / d), VECTOR),
    ("not one", lambda x: 2 / (1 + np.exp(x)), VECTOR),
    ("not one", lambda x: 1 / (2 + np.exp(x)), VECTOR),
    ("True is not 1", lambda x: call(operator.truediv, True, 1 + np.exp(x)), VECTOR),
    ("the sum does not stretch back", lambda x: (e := np.exp(x)) / np.sum(e, axis=0), MATRIX),
    ("another shift", lambda x: np.max(x) + np.log(np.sum(np.exp(x - np.min(x)))), VECTOR),
    ("another argument", lambda x: x - np.log(np.sum(np.exp(2.0 * x))), VECTOR),
]  # fmt: skip


@pytest.mark.parametrize("why, body, t", NO_PATTERN, ids=[n[0] for n in NO_PATTERN])
def test_no_pattern(why: str, body: Callable[..., Any], t: Type) -> None:
    assert found_pattern(program(body, t))[1] is None


def test_a_shift_along_what_is_summed_is_none() -> None:
    def body(x: Sym, y: Sym) -> Any:
        e = np.exp(x - y)
        return e / np.sum(e)

    f = program(body, VECTOR, VECTOR)
    _, pattern = found_pattern(f)
    assert pattern is not None
    assert pattern.inputs == (f.body.ops[0].result,)


# -- random programs -----------------------------------------------------------------------------


class Grower:
    """Grows a random program of the operations that rewrites look for."""

    TYPES = (FLOAT, FLOAT, INT, BOOL, ITEM, ZERO_D, VECTOR, MATRIX, COLUMN, ROW, F32, INTS, COMPLEX)
    UNARY = (
        operator.neg, operator.neg, operator.pos, np.exp, np.sin, np.transpose, np.sum, abs,
        lambda x: np.sum(x, axis=0), lambda x: np.sum(x, axis=-1, keepdims=True),
        lambda x: np.reshape(x, x.shape), lambda x: np.reshape(x, -1), lambda x: x * 1,
        lambda x: 1.0 * x, lambda x: x / 1, lambda x: x**1, lambda x: x * -1.0, lambda x: -1 * x,
        lambda x: x + 0.0, lambda x: x * 3.0, lambda x: 0.0 * x, lambda x: x / -2, lambda x: x - 1,
        lambda x: np.swapaxes(x, 0, 1), lambda x: 1 / (1 + np.exp(x)), lambda x: x[0],
        lambda x: call(runtime.astype, x, dtype="float32"), lambda x: call(float, x),
        lambda x: setitem(x, 2.0, 0)[0], lambda x: setitem(x, x[1], 0)[0],
    )  # fmt: skip
    BINARY = (
        *(operator.add, operator.sub, operator.mul, operator.truediv) * 3, operator.matmul,
        operator.matmul, stretch, lambda g, x: call(runtime.unbroadcast, g, x),
        lambda x, y: -x + y, lambda x, y: -x * y, lambda x, y: x - (-y), lambda x, y: -x @ y,
        lambda x, y: stretch(x, y) * y, lambda x, y: -stretch(x, y), lambda x, y: call(max, x, y),
        lambda x, y: np.where(x > y, x, y), lambda x, y: x < y, lambda x, y: abs(x) ** (0.0 + y),
        lambda x, y: 3.0 * (2 * x) * y,
    )  # fmt: skip

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.depth = 0  # of branches and loops
        self.types = [rng.choice(self.TYPES) for _ in range(3)]
        self.arguments = [samples(t, rng) for t in self.types]

    def grow(self) -> Function | None:
        """A program that runs for the arguments; None if this one became too short."""
        b = Builder()
        values = [Value(t, n, named=True) for n, t in zip("xyz", self.types, strict=True)]
        env = dict(zip(values, self.arguments, strict=True))
        known = [Sym(b, v) for v in values]
        self.steps(b, known, env, self.rng.randint(4, 25))
        if len(b.block) < 4:
            return None
        outputs = [s.operand for s in self.rng.sample(known, 3)]
        return function(values, b.block, tuple(outputs))

    def steps(self, b: Builder, known: list[Sym], env: dict[Value, Any], n: int) -> None:
        for _ in range(n):
            b.role = self.rng.choice((PRIMAL, ADJOINT))
            mark = len(b.block)
            grown = self.step(b, known, env)
            if grown is None:
                del b.block[mark:]
            else:
                known.append(grown)

    def step(self, b: Builder, known: list[Sym], env: dict[Value, Any]) -> Sym | None:
        """One more value; None if it cannot be computed from these."""
        mark = len(b.block)
        kind = self.rng.random()
        pick = [self.rng.choice(known) for _ in range(2)]
        if self.rng.random() < 0.1:
            pick[0] = Sym(b, Const.of(self.rng.choice([0.0, -0.0, 1.0, -1, 2, math.inf])))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                if kind < 0.45:
                    out = self.rng.choice(self.UNARY)(pick[1])
                elif kind < 0.9:
                    out = self.rng.choice(self.BINARY)(*pick)
                elif self.depth == 2:
                    return None
                elif kind < 0.95:
                    out = self.branched(b, known, env)
                else:
                    out = self.looped(b, known, env)
                if not isinstance(out, Sym):
                    return None
                trial = dict(env)
                run_region(Region((), b.block[mark:], ()), trial)
            except (
                ArithmeticError, ValueError, TypeError, LookupError, AttributeError,
                NotImplementedError,
            ):  # fmt: skip
                return None  # not defined for these arguments
        if isinstance(out.operand, Value) and not fits(trial[out.operand], out.type):
            return None  # a type that says too much is the fault of another part
        env.update(trial)
        return out

    def inside(self, b: Builder, known: list[Sym], env: dict[Value, Any]) -> tuple[list[Op], Any]:
        self.depth += 1
        with b.nested() as ops:
            scope = list(known)
            self.steps(b, scope, dict(env), self.rng.randint(1, 4))
        self.depth -= 1
        numbers = [s for s in scope if s.type in (FLOAT, INT)]
        return ops, self.rng.choice(numbers[-3:]) if numbers else None

    def branched(self, b: Builder, known: list[Sym], env: dict[Value, Any]) -> Sym | None:
        sides = [self.inside(b, known, env) for _ in range(2)]
        conditions = [s for s in known if s.type == BOOL] + [Sym(b, Const.of(True))]
        if any(out is None for _, out in sides):
            return None
        regions = [Region((), ops, (out.operand,)) for ops, out in sides]
        wide = FLOAT if any(out.type == FLOAT for _, out in sides) else INT
        result = Value(wide, "r")
        b.block.append(if_op(self.rng.choice(conditions).operand, *regions, [result]))
        return Sym(b, result)

    def looped(self, b: Builder, known: list[Sym], env: dict[Value, Any]) -> Sym | None:
        i, carry, final = Value(INT, "i"), Value(FLOAT, "s"), Value(FLOAT, "s")
        scope = [*known, Sym(b, i), Sym(b, carry)]
        ops, out = self.inside(b, scope, {**env, i: 0, carry: 0.5})
        if out is None:
            return None
        init = self.rng.choice([Const.of(0), Const.of(0.5), Const.of(-0.0)])
        bounds = [Const.of(0), Const.of(self.rng.choice([0, 1, 3])), Const.of(1)]
        b.block.append(for_op(bounds, [init], [], Region((i, carry), ops, (out.operand,)), [final]))
        return Sym(b, final)


def fits(value: Any, t: Type) -> bool:
    """Whether a value is of a type, but for numbers that were joined to one type."""
    if t in (FLOAT, INT):
        return isinstance(value, (float, int, complex)) and not isinstance(value, np.generic)
    have = type_of_value(value)
    if not isinstance(have, Array) or not isinstance(t, Array) or have.dims is None:
        return have == t
    if t.dtype not in (None, have.dtype):
        return False
    if t.dims is None:
        return True
    same = len(t.dims) == len(have.dims) and t.item is have.item
    return same and all(w in (ANY, d) for w, d in zip(t.dims, have.dims, strict=True))


def random_programs(count: int) -> Iterator[tuple[Function, list[Any]]]:
    seed = 0
    while count:
        grower = Grower(random.Random(seed))
        seed += 1
        f = grower.grow()
        if f is not None:
            count -= 1
            yield f, grower.arguments


def test_random_programs_give_the_same_bits() -> None:
    """C12: with signed zeros, infinities, NaN, integers, float32, and dimensions of size one."""
    compared = smaller = 0
    for f, args in random_programs(800):
        text = function_text(f)
        after = optimize(f)
        assert function_text(f) == text
        if assert_same_results(f, after, *args):
            compared += 1
            smaller += count(after) < count(f)
        assert optimize(after) is after
    assert compared > 600 and smaller > 400
