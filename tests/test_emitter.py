"""The emitter: IR built by hand -> text, whose value is that of the reference interpreter."""

from __future__ import annotations

import copy
import functools
import math
import operator
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gast
import numpy as np
import pytest
from ir_interpreter import run
from ir_random import ITEM, VECTOR, Program, arguments

import srcad
from srcad import runtime
from srcad.emitter.statements import Emitted, emit
from srcad.errors import Loc
from srcad.ir import ops as O
from srcad.ir.abstract import (
    ANY,
    BOOL,
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
)
from srcad.ir.build import Builder, for_op, if_op, while_op
from srcad.ir.check import check
from srcad.ir.values import UNDEFINED, Const, Function, Op, Operand, Param, Region, Role, Value
from srcad.rules.symbols import apply, field_of, getitem, pack

MATRIX = Array("float64", (MANY, MANY))
ZERO, ONE_STEP, TRUE, FALSE = (Const.of(v) for v in (0, 1, True, False))


class Draft:
    """A function under construction: `d.x` is the parameter x, `d.add(a, b)` an operation."""

    def __init__(self, **params: Type) -> None:
        self.builder = Builder()
        self.params = {n: Value(t, n, named=True) for n, t in params.items()}
        self.line(1)

    def __getattr__(self, name: str) -> Value:
        return self.params[name]

    def line(self, number: int, text: str = "") -> None:
        self.builder.loc = Loc("m.py", number, 1, number, 2, text or f"line {number}", "f")

    def role(self, role: Role) -> None:
        self.builder.role = role

    def new(self, t: Type, name: str, named: bool = True) -> Value:
        return Value(t, name, self.builder.role, named)

    def do(self, fn: Any, *args: Any, as_: str = "", **statics: Any) -> Any:
        """Apply a function of the table; `as_` gives the result a name of the user's."""
        return self.named(apply(self.builder, fn, args, statics), as_)

    def named(self, value: Any, name: str) -> Any:
        if name:
            value.name, value.named = name, True
        return value

    def add(self, x: Any, y: Any, as_: str = "") -> Any:
        return self.do(operator.add, x, y, as_=as_)

    def mul(self, x: Any, y: Any, as_: str = "") -> Any:
        return self.do(operator.mul, x, y, as_=as_)

    def get(self, x: Any, *index: Any, as_: str = "") -> Any:
        return self.named(getitem(self.builder, x, index if len(index) > 1 else index[0]), as_)

    def set(self, x: Value, value: Any, *index: Any, as_: str = "y") -> Value:
        return self.store(O.SETITEM, x, value, index, as_)

    def add_at(self, x: Value, value: Any, *index: Any, as_: str = "y") -> Value:
        return self.store(O.ADD_AT, x, value, index, as_)

    def store(self, kind: O.OpKind, x: Value, value: Any, index: Any, name: str) -> Value:
        operands = [
            x,
            *(o if isinstance(o, (Value, Const)) else Const.of(o) for o in (value, *index)),
        ]
        return self.named(self.builder.emit1(kind, operands, x.type), name)

    def emit(
        self, kind: O.OpKind, operands: Sequence[Operand], *results: Value, **attrs: Any
    ) -> None:
        self.builder.block.append(Op(kind, tuple(operands), attrs, results, (), self.builder.loc))

    def region(self, build: Callable[..., Sequence[Operand]], *params: Value) -> Region:
        with self.builder.nested() as ops:
            yields = build(*params)
        return Region(
            params, ops, tuple(o if isinstance(o, (Value, Const)) else Const.of(o) for o in yields)
        )

    def choose(
        self, cond: Operand, results: Sequence[Value], then: Any, orelse: Any
    ) -> tuple[Value, ...]:
        self.builder.block.append(
            if_op(cond, self.region(then), self.region(orelse), results, self.builder.loc)
        )
        return tuple(results)

    def loop(
        self,
        stop: Any,
        inits: Sequence[tuple[str, Any]],
        build: Any,
        *,
        start: Any = ZERO,
        emits: Sequence[tuple[str, Type, bool]] = (),
        streams: Sequence[tuple[str, Value, bool]] = (),
        reverse: bool = False,
        may_stop: bool = False,
    ) -> tuple[Value, ...]:
        """A `for`; `build(index, *carries, *elements)` gives carries, emits and the stop flag.

        The results are the final carries, the lists, and the number of trips if it may stop.
        """
        first = [i if isinstance(i, (Value, Const)) else Const.of(i) for _, i in inits]
        types = [VECTOR if i.type == VECTOR else FLOAT for i in first]
        names = [n for n, _ in inits]
        index = Value(INT, "i", named=True)
        params = (
            index, *(self.new(t, n) for t, n in zip(types, names)),
            *(self.new(s.type.elem, n) for n, s, _ in streams),  # type: ignore[attr-defined]
        )  # fmt: skip
        region = self.region(build, *params)
        finals = [self.new(t, n) for t, n in zip(types, names)]
        lists = [(Value(ListOf(t), n, Role.TAPE, True), flag) for n, t, flag in emits]
        trips = self.new(INT, "trips", False) if may_stop else None
        stop = stop if isinstance(stop, (Value, Const)) else Const.of(stop)
        self.builder.block.append(
            for_op(
                (start, stop, ONE_STEP), first, [(s, flag) for _, s, flag in streams], region,
                finals, lists, reverse=reverse, trips=trips, loc=self.builder.loc,
            )
        )  # fmt: skip
        return (*finals, *(v for v, _ in lists), *((trips,) if trips is not None else ()))

    def function(self, *results: Any, tree: Any = None, name: str = "f") -> Function:
        yields = tuple(r if isinstance(r, (Value, Const)) else Const.of(r) for r in results)
        if tree is None:
            tree = 0 if len(yields) == 1 else tuple(range(len(yields)))
        values = tuple(self.params.values())
        params = tuple(Param(v, n) for n, v in self.params.items())
        return check(Function(name, params, Region(values, self.builder.block, yields), tree))


def resolve_np(obj: object) -> str | None:
    return "np" if obj is np else None


def printed(function: Function, **options: Any) -> Emitted:
    options = {
        "mode": "primal", "reserved": frozenset(), "resolve": resolve_np, "doc": "", **options
    }  # fmt: skip
    return emit(function, **options)


def called(emitted: Emitted, **names: Any) -> Callable[..., Any]:
    namespace = {"np": np, **emitted.helpers, **names}
    exec(compile(emitted.text, "<emitted>", "exec"), namespace)
    return namespace[emitted.name]


def leaves(tree: Any) -> list[Any]:
    return [x for t in tree for x in leaves(t)] if isinstance(tree, (tuple, list)) else [tree]


def agrees(function: Function, *args: Any, **options: Any) -> str:
    """The text, after a comparison of its value with that of the interpreter."""
    emitted = printed(function, **options)
    ours = copy.deepcopy(args)
    with np.errstate(all="ignore"):
        expected = run(function, *copy.deepcopy(args))
        found = called(emitted)(*ours)
    assert len(leaves(found)) == len(leaves(expected)), emitted.text
    for a, b in zip(leaves(found), leaves(expected)):
        assert type(a) is type(b) or isinstance(a, type(b)), emitted.text
        np.testing.assert_array_equal(a, b, emitted.text)
    for a, b in zip(leaves(ours), leaves(args)):
        np.testing.assert_array_equal(a, b, "an argument was changed\n" + emitted.text)
    return emitted.text


def body(text: str) -> list[str]:
    """The lines after the `def` of the last function, without one level of indentation."""
    lines = text.rstrip().split("\n")
    start = max(k for k, line in enumerate(lines) if line.startswith("def "))
    return [line[4:] for line in lines[start + 1 :]]


VEC = np.array([0.5, -1.5, 2.0, 0.25])


# -- folding ---------------------------------------------------------------------------------


def test_single_use_values_are_printed_where_they_are_used() -> None:
    d = Draft(x=FLOAT, y=FLOAT)
    t = d.mul(d.do(math.sin, d.x), d.add(d.x, 1.0))
    assert body(agrees(d.function(d.do(operator.sub, t, d.do(operator.neg, d.y))), 0.3, 2.0)) == [
        "return math.sin(x) * (x + 1.0) - -y"
    ]


def test_users_variables_stay_statements() -> None:
    d = Draft(x=FLOAT)
    y = d.mul(d.x, 2.0, as_="y")
    assert body(agrees(d.function(d.do(math.sin, y)), 0.3)) == ["y = x * 2.0", "return math.sin(y)"]


def test_values_used_twice_stay_statements() -> None:
    d = Draft(x=FLOAT)
    t = d.do(math.sin, d.x)
    assert body(agrees(d.function(d.mul(t, t)), 0.3)) == [
        "sin_x = math.sin(x)",
        "return sin_x * sin_x",
    ]


def test_slices_and_index_offsets_are_written_at_each_use() -> None:
    d = Draft(x=VECTOR, i=INT)
    part = d.do(slice, d.i, None)
    before = d.do(operator.sub, d.i, 1)
    total = d.mul(d.get(d.x, part), d.get(d.x, part))
    total = d.add(total, d.mul(d.get(d.x, before), d.do(math.sin, d.get(d.x, before))))
    text = agrees(d.function(total), VEC, 2)
    assert "x[i:]" in text and text.count("x[i - 1]") == 2


def test_a_computation_does_not_cross_an_effect() -> None:
    d = Draft(x=FLOAT)
    t = d.do(math.sqrt, d.x)
    template = gast.Expr(gast.Call(gast.Name("$0", gast.Load(), None, None), [], []))
    d.emit(O.OPAQUE, [Const(print, OBJECT)], template=template)
    assert body(agrees(d.function(d.mul(t, 2.0)), 0.3)) == [
        "sqrt_x = math.sqrt(x)", "print()", "return sqrt_x * 2.0"
    ]  # fmt: skip


def test_a_read_does_not_cross_a_write() -> None:
    d = Draft()
    y = d.do(np.ones, 3, as_="y")
    old = d.get(y, 0)
    z = d.set(y, 5.0, 0)
    text = agrees(d.function(d.add(old, d.get(z, 0)), z))
    assert "y[0] = 5.0" in text and "copy" not in text


def test_folding_stops_at_the_width_of_a_line() -> None:
    d = Draft(a_long_name=FLOAT, another_name=FLOAT)
    d.role(Role.ADJOINT)
    total: Any = d.a_long_name
    for k in range(6):
        d.line(k)
        total = d.mul(d.do(math.sin, d.another_name), d.do(math.exp, total))
    lines = agrees(d.function(total), 0.1, 0.2).split("\n")
    assert max(map(len, lines)) <= 88 and len(lines) > 4


def test_deep_expressions_do_not_overflow() -> None:
    d = Draft(x=FLOAT)
    total: Any = d.x
    for _ in range(1000):
        total = d.add(total, d.x)
    agrees(d.function(total), 0.5)


# -- names -----------------------------------------------------------------------------------


def test_names_that_python_or_the_user_takes_are_avoided() -> None:
    d = Draft(x=FLOAT)
    t = d.mul(d.x, d.x)
    t.name = "lambda"
    u = d.add(t, t)
    u.name = "taken"
    v = d.mul(u, u)
    v.name = "2 w"
    text = agrees(d.function(d.add(v, v)), 2.0, reserved=frozenset({"taken"}))
    assert body(text) == [
        "lambda_ = x * x", "taken_1 = lambda_ + lambda_", "_2_w = taken_1 * taken_1",
        "return _2_w + _2_w",
    ]  # fmt: skip


def test_the_users_own_name_is_free_for_the_users_variable() -> None:
    d = Draft(x=FLOAT)
    acc = d.mul(d.x, d.x, as_="acc")
    assert "acc = x * x" in agrees(d.function(d.add(acc, acc)), 2.0, reserved=frozenset({"acc"}))


def test_parameters_with_the_names_of_builtins_and_modules() -> None:
    d = Draft(range=INT, np=VECTOR, zip=FLOAT)
    (total,) = d.loop(d.range, [("s", d.zip)], lambda i, s: [d.mul(s, d.get(d.np, i, as_="v"))])
    y = d.do(np.sin, d.np)
    text = agrees(d.function(d.add(total, d.do(np.sum, y))), 3, VEC, 2.0, resolve=lambda o: None)
    assert "range_1(range)" in text and "np_1.sin(np)" in text


def test_functions_go_by_the_users_names() -> None:
    d = Draft(x=FLOAT)
    names = {id(math): "m", id(math.sin): "sinus"}
    f = d.function(d.mul(d.do(math.sin, d.x), d.do(math.cos, d.x)))
    emitted = printed(f, resolve=lambda o: names.get(id(o)))
    assert body(emitted.text) == ["return sinus(x) * m.cos(x)"]
    assert emitted.user_names == {"sinus", "m"} and not emitted.helpers
    assert called(emitted, sinus=math.sin, m=math)(0.5) == math.sin(0.5) * math.cos(0.5)


def test_runtime_helpers_are_listed() -> None:
    d = Draft(g=UNKNOWN, unbroadcast=UNKNOWN)
    emitted = printed(d.function(d.do(runtime.unbroadcast, d.g, d.unbroadcast)))
    assert body(emitted.text) == ["return unbroadcast_1(g, unbroadcast)"]
    assert emitted.helpers == {"unbroadcast_1": runtime.unbroadcast}


def test_live_globals_and_constants_of_other_functions() -> None:
    d = Draft(x=FLOAT)
    own, other, fixed = d.new(FLOAT, "K"), d.new(FLOAT, "pi"), d.new(VECTOR, "table")
    d.emit(O.GLOBAL, [], own, name="K", holder=None)
    d.emit(O.GLOBAL, [], other, name="pi", holder=vars(math))
    d.emit(O.GLOBAL, [], fixed, name="table", holder=None, value=VEC)
    s = d.mul(d.add(d.x, own), d.add(other, own))
    emitted = printed(d.function(d.mul(s, d.get(fixed, 2))), reserved=frozenset({"K"}))
    assert body(emitted.text) == ["return (x + K) * (math.pi + K) * table[2]"]
    assert called(emitted, K=3.0)(1.0) == 4.0 * (math.pi + 3.0) * 2.0
    assert emitted.user_names == {"K"} and emitted.helpers["table"] is VEC


def test_two_variables_share_a_name_only_one_after_the_other() -> None:
    d = Draft(x=FLOAT)
    a = d.mul(d.x, 2.0, as_="y")
    b = d.do(math.sin, a, as_="y")
    c = d.add(b, a, as_="y")
    assert body(agrees(d.function(d.mul(c, b)), 0.4)) == [
        "y = x * 2.0", "y_1 = math.sin(y)", "y = y_1 + y", "return y * y_1"
    ]  # fmt: skip


# -- expressions -----------------------------------------------------------------------------


def one_line(d: Draft, result: Any) -> str:
    (line,) = body(printed(d.function(result)).text)
    return line.removeprefix("return ")


@pytest.mark.parametrize(
    ("fn", "args", "statics", "text"),
    [
        (np.sum, ["m"], {"axis": 0, "keepdims": True}, "np.sum(m, axis=0, keepdims=True)"),
        (np.transpose, ["m"], {}, "m.T"),
        (np.transpose, ["m"], {"axes": (1, 0)}, "np.transpose(m, (1, 0))"),
        (np.reshape, ["m", (-1, 1)], {}, "np.reshape(m, (-1, 1))"),
        (np.size, ["m"], {}, "m.size"),
        (len, ["v"], {}, "len(v)"),
        (np.absolute, ["v"], {}, "np.abs(v)"),
        (np.linalg.norm, ["v"], {}, "np.linalg.norm(v)"),
        (np.clip, ["v", None, 1.0], {}, "np.clip(v, None, 1.0)"),
        (np.zeros, [3], {"dtype": np.float32}, "np.zeros(3, dtype=np.float32)"),
        (operator.lt, ["x", -1.0], {}, "x < -1.0"),
        (operator.not_, ["x"], {}, "not x"),
        (operator.contains, ["v", "x"], {}, "x in v"),
        (operator.matmul, ["m", "v"], {}, "m @ v"),
        (operator.pow, ["x", 2], {}, "x ** 2"),
        (runtime.select, ["x", 1.0, "x"], {}, "1.0 if x else x"),
        (runtime.broadcast_like, ["x", "v"], {}, "np.full(v.shape, x)"),
        (runtime.broadcast_like, ["v", "m"], {}, "np.broadcast_to(v, m.shape)"),
        (runtime.broadcast_like, ["x", "u"], {}, "broadcast_like(x, u)"),
        (runtime.zeros_like, ["v"], {}, "np.zeros_like(v)"),
        (runtime.zeros_like, ["u"], {}, "zeros_like(u)"),
        (runtime.zeros_like, ["k"], {}, "np.zeros(k.shape)"),
        (runtime.astype, ["v"], {"dtype": "float32"}, "v.astype(np.float32)"),
        (float, ["x"], {}, "float(x)"),
    ],
)  # fmt: skip
def test_calls(fn: Any, args: list[Any], statics: dict[str, Any], text: str) -> None:
    integers = Array("int64", (MANY,))
    d = Draft(x=FLOAT, v=VECTOR, m=MATRIX, u=UNKNOWN, k=integers)
    operands = [d.params.get(a, a) if isinstance(a, str) else a for a in args]
    assert one_line(d, d.do(fn, *operands, **statics)) == text


@pytest.mark.parametrize(
    ("index", "text"),
    [
        ((0,), "m[0]"),
        ((slice(None), 1), "m[:, 1]"),
        ((slice(1, None, 2), None), "m[1::2, None]"),
        ((Ellipsis, -1), "m[..., -1]"),
        ((slice(None, -1),), "m[:-1]"),
    ],
)
def test_indices(index: tuple[Any, ...], text: str) -> None:
    d = Draft(m=MATRIX)
    assert one_line(d, d.get(d.m, *index)) == text


def test_shapes_are_attributes_and_their_parts_are_indexed() -> None:
    d = Draft(m=MATRIX)
    assert one_line(d, field_of(d.builder, d.do(np.shape, d.m), 0)) == "m.shape[0]"


def test_conditional_expressions() -> None:
    d = Draft(x=FLOAT, y=FLOAT)
    small = d.do(operator.lt, d.x, 1.0)
    (both,) = d.choose(
        small, [d.new(BOOL, "t", False)], lambda: [d.do(operator.lt, 0.0, d.x)], lambda: [small]
    )
    either = d.choose(
        d.do(operator.lt, d.y, 1.0), [d.new(BOOL, "t", False)], lambda: [TRUE],
        lambda: [d.do(operator.lt, 5.0, d.y)],
    )[0]  # fmt: skip
    z = d.choose(both, [d.new(FLOAT, "z")], lambda: [d.mul(d.x, 2.0)], lambda: [0.0])
    f = d.function(z[0], either)
    for x in (-1.0, 0.5, 2.0):
        text = agrees(f, x, 3.0)
    assert body(text) == [
        "z = x * 2.0 if x < 1.0 and 0.0 < x else 0.0", "return z, y < 1.0 or 5.0 < y"
    ]  # fmt: skip


def test_an_if_statement_stays_one() -> None:
    d = Draft(x=FLOAT)
    d.line(2, "    if x < 1.0:")
    (z,) = d.choose(
        d.do(operator.lt, d.x, 1.0), [d.new(FLOAT, "z")], lambda: [d.mul(d.x, 2.0)], lambda: [0.0]
    )
    assert body(agrees(d.function(z), 0.5)) == [
        "if x < 1.0:", "    z = x * 2.0", "else:", "    z = 0.0", "return z"
    ]  # fmt: skip


def test_packing_and_unpacking() -> None:
    d = Draft(x=FLOAT)
    t = d.named(pack(d.builder, [d.x, d.add(d.x, 1.0)], "tuple"), "t")
    a, b = (d.named(field_of(d.builder, t, k), n) for k, n in enumerate("ab"))
    f = d.function(d.mul(a, b), a, b, t, tree=({"p": 0, "q": [1, 2]}, 3))
    text = printed(f).text
    assert body(text) == [
        "t = x, x + 1.0", "a, b = t", 'return {"p": a * b, "q": [a, b]}, t'
    ]  # fmt: skip
    assert called(printed(f))(2.0) == ({"p": 6.0, "q": [2.0, 3.0]}, (2.0, 3.0))


def test_users_own_code_keeps_its_place() -> None:
    d = Draft(x=FLOAT)
    name = functools.partial(gast.Name, ctx=gast.Load(), annotation=None, type_comment=None)
    positive = d.do(operator.gt, d.x, 0.0)
    message = gast.Constant("negative", None)
    d.emit(O.ASSERT, [positive], template=gast.Assert(name("$0"), message))
    raised = gast.Raise(gast.Call(name("$1"), [name("$0")], []), None)

    def fail() -> list[Operand]:
        d.emit(O.RAISE, [d.x, Const(ValueError, OBJECT)], template=raised)
        return [UNDEFINED]

    (y,) = d.choose(
        d.do(operator.gt, d.x, 9.0), [d.new(FLOAT, "y")], fail, lambda: [d.mul(d.x, 2.0)]
    )
    text_of = d.new(OBJECT, "text", False)
    call = gast.Call(gast.Attribute(name("$0"), "upper", gast.Load()), [], [])
    d.emit(O.OPAQUE, [Const.of("ok")], text_of, template=call)
    f = d.function(y, text_of)
    text = agrees(f, 2.0)
    assert body(text) == [
        'assert x > 0.0, "negative"', "if x > 9.0:", "    raise ValueError(x)",
        "y = x * 2.0", 'text = "ok".upper()', "return y, text",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="10.0"):
        called(printed(f))(10.0)


# -- loops -----------------------------------------------------------------------------------


def test_a_carry_is_one_variable() -> None:
    d = Draft(x=FLOAT, n=INT)
    (y,) = d.loop(d.n, [("y", d.x)], lambda i, y: [d.do(math.sin, y)])
    assert body(agrees(d.function(y), 0.3, 3)) == [
        "y = x", "for _ in range(n):", "    y = math.sin(y)", "return y"
    ]  # fmt: skip
    d = Draft(x=FLOAT, n=INT)
    (y,) = d.loop(d.n, [("x", d.x)], lambda i, x: [d.add(x, 1.0)])
    assert body(agrees(d.function(y), 0.3, 3)) == [
        "for _ in range(n):", "    x += 1.0", "return x"
    ]  # fmt: skip


@pytest.mark.parametrize("n", [0, 1, 4])
def test_swap(n: int) -> None:
    d = Draft(a=FLOAT, b=FLOAT, n=INT)
    a, b = d.loop(d.n, [("a", d.a), ("b", d.b)], lambda i, a, b: [b, d.add(a, b)])
    text = agrees(d.function(a, b), 1.0, 2.0, n)
    assert "    a, b = b, a + b" in text


@pytest.mark.parametrize("n", [0, 1, 5])
def test_rotation_of_three(n: int) -> None:
    d = Draft(a=FLOAT, b=FLOAT, c=FLOAT, n=INT)
    inits = [("a", d.a), ("b", d.b), ("c", d.c)]
    results = d.loop(d.n, inits, lambda i, a, b, c: [b, c, a])
    assert "    a, b, c = b, c, a" in agrees(d.function(*results), 1.0, 2.0, 3.0, n)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_lost_copy(n: int) -> None:
    """The carry of one iteration is still needed after the loop has the next one."""
    d = Draft(x=FLOAT, n=INT)

    def build(i: Value, now: Value, before: Value) -> list[Operand]:
        return [d.add(now, 1.0), now]

    now, before = d.loop(d.n, [("now", d.x), ("before", 0.0)], build)
    agrees(d.function(now, before, d.mul(before, d.x)), 0.5, n)


def test_the_old_value_of_a_carry_after_its_update() -> None:
    d = Draft(x=FLOAT, n=INT)

    def build(i: Value, x: Value, s: Value) -> list[Operand]:
        new = d.mul(x, 0.5, as_="x")
        return [new, d.add(s, d.do(operator.sub, x, new))]

    x, s = d.loop(d.n, [("x", d.x), ("s", 0.0)], build)
    agrees(d.function(x, s), 3.0, 4)


def test_nested_loops() -> None:
    d = Draft(x=VECTOR)
    n = d.do(len, d.x)

    def outer(i: Value, total: Value) -> list[Operand]:
        return list(
            d.loop(
                n, [("total", total)], lambda j, s: [d.add(s, d.mul(d.get(d.x, i), d.get(d.x, j)))]
            )
        )

    (total,) = d.loop(n, [("total", 0.0)], outer)
    assert body(agrees(d.function(total), VEC)) == [
        "total = 0.0", "for x_i in x:", "    for x_i_1 in x:", "        total += x_i * x_i_1",
        "return total",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "reverse", "header"),
    [
        (0, False, "for i in range(n):"),
        (2, False, "for i in range(2, n):"),
        (0, True, "for i in reversed(range(n)):"),
    ],
)
def test_headers_with_an_index(start: int, reverse: bool, header: str) -> None:
    d = Draft(n=INT)
    (s,) = d.loop(
        d.n, [("s", 0.0)], lambda i, s: [d.add(d.mul(s, 0.5), i)], start=Const.of(start),
        reverse=reverse,
    )  # fmt: skip
    assert header in agrees(d.function(s), 5)


def test_loops_over_several_arrays() -> None:
    d = Draft(x=VECTOR, y=VECTOR)
    n = d.do(min, d.do(len, d.x), d.do(len, d.y))
    (s,) = d.loop(
        n, [("s", 0.0)],
        lambda i, s: [d.add(s, d.mul(d.get(d.x, i, as_="a"), d.get(d.y, i, as_="b")))],
    )  # fmt: skip
    assert body(agrees(d.function(s), VEC, VEC[:3])) == [
        "s = 0.0", "for a, b in zip(x, y):", "    s += a * b", "return s"
    ]  # fmt: skip


def test_a_shorter_array_is_not_run_over_itself() -> None:
    """The trips are those of x, so an index into a longer or shorter y must stay one."""
    d = Draft(x=VECTOR, y=VECTOR)
    (s,) = d.loop(
        d.do(len, d.x), [("s", 0.0)], lambda i, s: [d.add(s, d.mul(d.get(d.x, i), d.get(d.y, i)))]
    )
    f = d.function(s)
    agrees(f, VEC[:3], VEC)
    with pytest.raises(IndexError):
        called(printed(f))(VEC, VEC[:3])


def test_enumerate() -> None:
    d = Draft(x=VECTOR)
    (s,) = d.loop(
        d.do(len, d.x), [("s", 0.0)], lambda i, s: [d.add(s, d.mul(d.get(d.x, i, as_="v"), i))]
    )
    assert "for i, v in enumerate(x):" in agrees(d.function(s), VEC)


def test_an_array_that_is_run_over_is_not_written() -> None:
    d = Draft()
    x = d.do(np.ones, 4, as_="x")

    def build(i: Value, y: Value) -> list[Operand]:
        v = d.get(x, i, as_="v")
        return [d.set(y, d.add(d.get(y, 1), v), 2, as_="y")]

    (y,) = d.loop(d.do(len, x), [("y", x)], build)
    agrees(d.function(y))


def test_while_with_one_condition_and_with_several_statements() -> None:
    for shared in (False, True):
        d = Draft(x=FLOAT)
        a, b = (d.new(FLOAT, "x") for _ in range(2))

        def test(a: Value, d: Draft = d, shared: bool = shared) -> list[Operand]:
            t = d.mul(a, a)
            return [d.do(operator.gt, d.mul(t, t) if shared else t, 2.0)]

        cond = d.region(test, a)
        loop = d.region(lambda b, d=d: [d.mul(b, 0.5)], b)
        final, trips = d.new(FLOAT, "x"), d.new(INT, "trips")
        d.builder.block.append(while_op([d.x], cond, loop, [final], [], trips, may_stop=False))
        text = agrees(d.function(final, trips), 30.0)
        expected = [
            "trips = 0", "while x * x > 2.0:", "    trips += 1", "    x *= 0.5", "return x, trips"
        ]  # fmt: skip
        if shared:
            expected[1:2] = [
                "while True:", "    t = x * x", "    if not t * t > 2.0:", "        break"
            ]  # fmt: skip
        assert body(text) == expected


def test_counter_only_where_the_trips_are_needed() -> None:
    d = Draft(x=FLOAT)
    a, b = (d.new(FLOAT, "x") for _ in range(2))
    cond = d.region(lambda a: [d.do(operator.gt, a, 1.0)], a)
    loop = d.region(lambda b: [d.mul(b, 0.5), b], b)
    final, tape, trips = d.new(FLOAT, "x"), Value(ListOf(FLOAT), "x_tape"), d.new(INT, "trips")
    d.builder.block.append(
        while_op([d.x], cond, loop, [final], [(tape, False)], trips, may_stop=False)
    )
    (s,) = d.loop(
        trips, [("s", 0.0)], lambda i, s, v: [d.add(d.mul(s, 0.5), v)],
        streams=[("v", tape, True)], reverse=True,
    )  # fmt: skip
    assert body(agrees(d.function(final, s), 9.0)) == [
        "x_tape = []", "while x > 1.0:", "    x_tape.append(x)", "    x *= 0.5", "s = 0.0",
        "for v in reversed(x_tape):", "    s = s * 0.5 + v", "return x, s",
    ]  # fmt: skip


# -- leaving loops ---------------------------------------------------------------------------


def broken_loop(limit: float, used_after: bool) -> Function:
    """``for i in range(n): s += x; if s > limit: break; s *= 1.5``"""
    d = Draft(x=FLOAT, n=INT)

    def build(i: Value, s: Value, broken: Value) -> list[Operand]:
        more = d.add(s, d.x, as_="s")
        after, left, flag = d.choose(
            d.do(operator.gt, more, limit),
            [d.new(FLOAT, "s"), d.new(BOOL, "broken", False), d.new(BOOL, "t", False)],
            lambda: [more, TRUE, TRUE], lambda: [d.mul(more, 1.5, as_="s"), FALSE, FALSE],
        )  # fmt: skip
        return [after, left, flag]

    s, broken, trips = d.loop(d.n, [("s", 0.0), ("broken", FALSE)], build, may_stop=True)
    return d.function(*(s, broken, trips) if used_after else (s,))


@pytest.mark.parametrize("n", [0, 2, 9])
def test_break(n: int) -> None:
    assert body(agrees(broken_loop(4.0, False), 1.0, n)) == [
        "s = 0.0", "for _ in range(n):", "    s += x", "    if s > 4.0:", "        break",
        "    s *= 1.5", "return s",
    ]  # fmt: skip


@pytest.mark.parametrize("n", [0, 2, 9])
def test_flags_and_trips_of_a_broken_loop(n: int) -> None:
    text = agrees(broken_loop(4.0, True), 1.0, n)
    assert body(text) == [
        "s = 0.0", "broken = False", "trips = 0", "for _ in range(n):", "    trips += 1",
        "    s += x", "    if s > 4.0:", "        broken = True", "        break", "    s *= 1.5",
        "return s, broken, trips",
    ]  # fmt: skip


@pytest.mark.parametrize("n", [0, 1, 6])
def test_a_computed_flag(n: int) -> None:
    d = Draft(x=FLOAT, n=INT)
    s, _ = d.loop(
        d.n, [("s", 0.0)], lambda i, s: [d.add(s, d.x), d.do(operator.gt, s, 2.5)], may_stop=True
    )
    text = agrees(d.function(s), 1.0, n)
    assert text.count("break") == 1


@pytest.mark.parametrize("n", [0, 3, 8])
def test_the_last_iteration_is_recorded_too(n: int) -> None:
    d = Draft(x=FLOAT, n=INT)

    def build(i: Value, s: Value) -> list[Operand]:
        more = d.add(s, d.x, as_="s")
        after, seen, flag = d.choose(
            d.do(operator.gt, more, 4.0),
            [d.new(FLOAT, "s"), d.new(FLOAT, "seen"), d.new(BOOL, "t", False)],
            lambda: [more, d.mul(more, 2.0), TRUE], lambda: [d.mul(more, 1.5), more, FALSE],
        )  # fmt: skip
        return [after, seen, s, flag]

    s, seen, old, _ = d.loop(
        d.n, [("s", 0.0)], build, may_stop=True,
        emits=[("seen_tape", FLOAT, False), ("s_tape", FLOAT, False)],
    )  # fmt: skip
    agrees(d.function(s, seen, old), 1.0, n)


def test_two_flags_become_two_jumps() -> None:
    """``flag = broken or returned`` at the end of a body, of flags that its branches set."""
    d = Draft(x=FLOAT, n=INT)

    def build(i: Value, s: Value) -> list[Operand]:
        more = d.add(s, d.x, as_="s")

        def inner() -> list[Operand]:
            return list(
                d.choose(
                    d.do(operator.gt, more, 2.0),
                    [d.new(FLOAT, "s"), d.new(BOOL, "returned", False)],
                    lambda: [d.mul(more, 10.0), TRUE], lambda: [d.mul(more, 1.5), FALSE],
                )
            )  # fmt: skip

        after, broken, returned = d.choose(
            d.do(operator.lt, more, 0.0),
            [d.new(FLOAT, "s"), d.new(BOOL, "broken", False), d.new(BOOL, "returned", False)],
            lambda: [more, TRUE, FALSE],
            lambda: [*(r := inner())[:1], FALSE, r[1]],
        )
        (flag,) = d.choose(broken, [d.new(BOOL, "flag", False)], lambda: [TRUE], lambda: [returned])
        return [after, flag]

    s, _ = d.loop(d.n, [("s", 0.5)], build, may_stop=True)
    f = d.function(s)
    for x in (-1.0, 0.1, 1.0):
        text = agrees(f, x, 7)
    assert "broken" not in text and "returned" not in text and text.count("break") == 2


# -- lists of residuals ----------------------------------------------------------------------


def test_flags_of_direction() -> None:
    """Every combination of the flags of a list that is filled and run over, in both orders."""
    for filled in (False, True):
        for read in (False, True):
            for down in (False, True):
                d = Draft(x=FLOAT, n=INT)
                s, tape = d.loop(
                    d.n, [("s", d.x)], lambda i, s, d=d: [d.add(s, i), s], reverse=down,
                    emits=[("tape", FLOAT, filled)],
                )  # fmt: skip
                (total,) = d.loop(
                    d.n, [("total", 0.0)], lambda i, t, v, d=d: [d.add(d.mul(t, 0.5), v)],
                    streams=[("v", tape, read)],
                )  # fmt: skip
                text = agrees(d.function(total), 0.25, 4)
                assert ("reversed(tape)" in text) is (filled is not read)
                agrees(d.function(total, tape), 0.25, 4)  # returned in its logical order


def test_lists_that_are_used_together_are_one_list_of_tuples() -> None:
    d = Draft(x=FLOAT, n=INT)

    def build(i: Value, s: Value) -> list[Operand]:
        t = d.do(math.sin, s, as_="t")
        u = d.mul(t, d.x, as_="u")
        return [d.add(t, u), s, t, u]

    emits = [(f"{n}_tape", FLOAT, False) for n in "stu"]
    s, *tapes = d.loop(d.n, [("s", d.x)], build, emits=emits)
    streams = [(n, tape, True) for n, tape in zip("stu", tapes)]
    (total,) = d.loop(
        d.n, [("total", 0.0)],
        lambda i, a, s, t, u: [d.add(d.mul(a, s), d.mul(t, u))], streams=streams, reverse=True,
    )  # fmt: skip
    text = agrees(d.function(s, total), 0.4, 3)
    assert "    tape.append((s, t, u))" in text
    assert "for s_1, t, u in reversed(tape):" in text


def test_what_is_overwritten_early_is_recorded_early() -> None:
    d = Draft(x=FLOAT, n=INT)

    def build(i: Value, s: Value) -> list[Operand]:
        new = d.mul(s, 0.5, as_="s")
        return [new, s, d.do(math.sin, new, as_="t")]

    s, a, b = d.loop(
        d.n, [("s", d.x)], build, emits=[("s_tape", FLOAT, False), ("t_tape", FLOAT, False)]
    )
    (total,) = d.loop(
        d.n, [("total", 0.0)], lambda i, r, s, t: [d.add(d.mul(r, s), t)],
        streams=[("u", a, True), ("t", b, True)],
    )  # fmt: skip
    text = agrees(d.function(s, total), 0.4, 3)
    assert body(text)[4:6] == ["    s_tape.append(s)", "    s *= 0.5"]


def recorded_in_branch(same_condition: bool) -> Function:
    """A value of one branch only is recorded, and read where the adjoint takes that branch."""
    d = Draft(x=VECTOR, y=VECTOR)
    n = d.do(len, d.x)

    def forward(i: Value, s: Value) -> list[Operand]:
        def then() -> list[Operand]:
            t = d.do(math.sin, s, as_="t")
            return [d.add(s, t), t]

        return list(
            d.choose(
                d.do(operator.gt, d.get(d.x, i), 0.0), [d.new(FLOAT, "s"), d.new(FLOAT, "t")],
                then, lambda: [s, UNDEFINED],
            )
        )  # fmt: skip

    s, tape = d.loop(n, [("s", 1.0)], forward, emits=[("t_tape", FLOAT, False)])
    d.role(Role.ADJOINT)

    def backward(i: Value, r: Value, t: Value) -> list[Operand]:
        source = d.x if same_condition else d.y
        return list(
            d.choose(
                d.do(operator.gt, d.get(source, i), 0.0), [d.new(FLOAT, "s_bar")],
                lambda: [d.mul(r, t)], lambda: [r],
            )
        )  # fmt: skip

    (r,) = d.loop(n, [("s_bar", 1.0)], backward, streams=[("t", tape, True)], reverse=True)
    return d.function(s, r)


def test_values_of_one_branch_are_popped_where_the_branch_is_the_same() -> None:
    text = agrees(recorded_in_branch(True), VEC, VEC)
    assert "t = t_tape.pop()" in text and "None" not in text


def test_other_lists_have_none_where_there_is_no_value() -> None:
    """The conditions only happen to be equal here, which is not known while compiling."""
    text = agrees(recorded_in_branch(False), VEC, VEC)
    assert "pop" not in text and "t_tape.append(None)" in text


def test_unbound_variables_stay_unbound() -> None:
    d = Draft(x=FLOAT)
    (y,) = d.choose(
        d.do(operator.gt, d.x, 0.0), [d.new(FLOAT, "y")], lambda: [d.mul(d.x, 2.0)],
        lambda: [UNDEFINED],
    )  # fmt: skip
    f = called(printed(d.function(d.add(y, 1.0))))
    assert f(2.0) == 5.0
    with pytest.raises(UnboundLocalError, match="y"):
        f(-2.0)


def test_a_value_that_may_be_unbound_is_not_copied() -> None:
    """Only the branch that has the value sets the variable of the outer branch."""
    d = Draft(x=FLOAT)

    def inner() -> list[Operand]:
        return list(
            d.choose(
                d.do(operator.gt, d.x, 1.0), [d.new(FLOAT, "z")],
                lambda: [d.mul(d.x, 2.0)], lambda: [UNDEFINED],
            )
        )  # fmt: skip

    (y,) = d.choose(d.do(operator.gt, d.x, 0.0), [d.new(FLOAT, "y")], inner, lambda: [d.x])
    text = agrees(d.function(y), 2.0)
    assert called(printed(d.function(d.add(y, 0.0))))(-2.0) == -2.0
    with pytest.raises(UnboundLocalError):
        called(printed(d.function(y)))(0.5)
    assert "z" not in text


# -- memory ----------------------------------------------------------------------------------


def test_writes_are_in_place_where_the_array_is_ours() -> None:
    d = Draft(n=INT)
    y = d.do(np.zeros, 4, as_="y")
    (y,) = d.loop(d.n, [("y", y)], lambda i, y: [d.set(y, d.mul(i, 2.0), i)])
    y = d.add_at(y, 1.0, 0)
    assert body(agrees(d.function(y), 3)) == [
        "y = np.zeros(4)", "for i in range(n):", "    y[i] = i * 2.0", "y[0] += 1.0", "return y"
    ]  # fmt: skip


def test_a_parameter_is_copied_once_before_the_loop_that_writes_it() -> None:
    d = Draft(x=VECTOR)
    (x,) = d.loop(3, [("x", d.x)], lambda i, x: [d.set(x, 0.0, i, as_="x")])
    assert body(agrees(d.function(x), VEC)) == [
        "x = x.copy()", "for i in range(3):", "    x[i] = 0.0", "return x"
    ]  # fmt: skip


def test_an_array_that_is_read_later_is_copied() -> None:
    d = Draft(n=INT)
    x = d.do(np.ones, d.n, as_="x")
    y = d.set(x, 2.0, 0, as_="y")
    text = agrees(d.function(d.do(np.sum, d.mul(x, y))), 3)
    assert body(text)[1:3] == ["y = x.copy()", "y[0] = 2.0"]


@pytest.mark.parametrize("name", ["view", "part of a list", "element"])
def test_memory_that_is_shared_is_not_written(name: str) -> None:
    d = Draft(x=VECTOR)
    base = d.mul(d.x, 2.0, as_="base")
    if name == "view":
        other = d.get(base, slice(None, None, -1), as_="other")
    elif name == "part of a list":
        held = pack(d.builder, [base, d.x], "list")
        other = field_of(d.builder, held, 0)
    else:
        _, tape = d.loop(2, [("s", 0.0)], lambda i, s: [s, base], emits=[("tape", VECTOR, False)])
        other = d.get(tape, 1, as_="other")
    y = d.set(base, 9.0, 0)
    agrees(d.function(d.do(np.sum, d.mul(other, y)), y), VEC)


def test_a_recorded_array_that_changes_is_copied_when_recorded() -> None:
    d = Draft(x=VECTOR)
    y = d.mul(d.x, 1.0, as_="y")
    y, tape = d.loop(
        3, [("y", y)], lambda i, y: [d.set(y, i, i), y], emits=[("y_tape", VECTOR, False)]
    )
    (s,) = d.loop(
        3, [("s", y)], lambda i, s, v: [d.add(d.mul(s, 0.5), v, as_="s")],
        streams=[("v", tape, True)], reverse=True,
    )  # fmt: skip
    text = agrees(d.function(s, y), VEC)
    assert "y_tape.append(y.copy())" in text and "    y[i] = i" in text


def test_an_array_made_in_each_iteration_is_written_in_place() -> None:
    d = Draft(x=VECTOR)

    def build(i: Value, s: Value) -> list[Operand]:
        row = d.set(d.do(np.zeros, 4, as_="row"), d.get(d.x, i), 0, as_="row")
        return [d.add(s, d.do(np.sum, d.mul(row, row)))]

    (s,) = d.loop(3, [("s", 0.0)], build)
    assert "copy" not in agrees(d.function(s), VEC)


def test_repeated_indices_are_added_one_by_one() -> None:
    d = Draft(x=VECTOR, k=Array("int64", (MANY,)), m=MATRIX)
    y = d.add_at(d.do(np.zeros_like, d.x, as_="y"), 1.0, d.k)
    z = d.add_at(d.do(np.zeros_like, d.m, as_="z"), 1.0, slice(None), d.k, as_="z")
    text = agrees(d.function(y, z), VEC, np.array([1, 1, 0]), np.ones((2, 3)))
    assert "np.add.at(y, k, 1.0)" in text and "np.add.at(z, np.s_[:, k], 1.0)" in text


def accumulated(t: Type, other: Type, role: Role = Role.ADJOINT) -> str:
    d = Draft(x=t, g=other)
    d.role(role)
    bar = d.do(np.sin, d.x, as_="x_bar")
    bar.type = t
    d.line(2)
    total = d.add(bar, d.g, as_="x_bar")
    return printed(d.function(total), mode="reverse").text


def test_accumulation_in_place() -> None:
    assert "x_bar += g" in accumulated(VECTOR, VECTOR)
    assert "x_bar += g" in accumulated(VECTOR, FLOAT)
    assert "x_bar += g" in accumulated(MATRIX, Array("float64", (ONE, MANY)))


@pytest.mark.parametrize(
    ("mine", "others"),
    [
        (Array("float64", (ONE, MANY)), MATRIX),  # it would grow
        (Array("float64", (ANY,)), VECTOR),  # it might grow
        (Array("float32", (MANY,)), VECTOR),  # it would be rounded
        (VECTOR, UNKNOWN),
        (UNKNOWN, VECTOR),
    ],
)
def test_accumulation_that_types_do_not_allow_in_place(mine: Type, others: Type) -> None:
    assert "+= g" not in accumulated(mine, others)


def test_a_parameter_is_not_accumulated_into() -> None:
    d = Draft(x_bar=VECTOR, g=VECTOR)
    text = agrees(d.function(d.add(d.x_bar, d.g, as_="x_bar")), VEC, VEC)
    assert "x_bar = x_bar + g" in text


def test_two_cotangents_of_one_array() -> None:
    """After `z = x + y`, x_bar and y_bar are one array: adding to one must not change the other."""
    d = Draft(z_bar=VECTOR, g=VECTOR)
    shared = d.mul(d.z_bar, 2.0, as_="z_bar")
    x_bar = d.add(shared, d.g, as_="z_bar")
    agrees(d.function(x_bar, shared), VEC, VEC, mode="reverse")


def test_the_reverse_sweep_writes_over_arrays_that_nobody_needs() -> None:
    d = Draft(W=MATRIX, y_bar=VECTOR, h=VECTOR)
    d.role(Role.ADJOINT)
    h_bar = d.do(operator.matmul, d.do(np.transpose, d.W), d.y_bar, as_="h_bar")
    d.line(2)
    z = d.mul(d.mul(h_bar, d.h), d.do(operator.sub, 1.0, d.h))
    text = agrees(d.function(d.do(np.outer, z, d.y_bar), z), np.eye(4) * 3, VEC, VEC)
    assert body(text)[:3] == ["h_bar = W.T @ y_bar", "h_bar *= h", "h_bar *= 1.0 - h"]


@pytest.mark.parametrize("kind", ["the argument", "its view", "twice", "a broadcast", "a list"])
def test_results_are_fresh(kind: str) -> None:
    d = Draft(x=VECTOR, l=ListOf(FLOAT))
    results: list[Any] = [d.x]
    if kind == "its view":
        results = [d.get(d.x, slice(None, None, -1))]
    elif kind == "twice":
        y = d.mul(d.x, 2.0, as_="y")
        results = [y, d.get(y, slice(1, None)), y]
    elif kind == "a broadcast":
        results = [d.do(runtime.broadcast_like, d.x, d.do(np.ones, (2, 4), as_="m"))]
    elif kind == "a list":
        results = [d.l]
    emitted = printed(d.function(*results), mode="reverse")
    x, numbers = VEC.copy(), [1.0, 2.0]
    found = called(emitted)(x, numbers)
    found = found if isinstance(found, tuple) else (found,)
    for k, a in enumerate(found):
        if isinstance(a, list):
            assert a == numbers and a is not numbers
            continue
        assert a.flags.writeable and not np.shares_memory(a, x), emitted.text
        assert not any(np.shares_memory(a, b) for b in found[:k]), emitted.text
    assert printed(d.function(*results), mode="primal").text.count("copy") == 0


def test_unknown_results_are_copied_if_they_are_arrays() -> None:
    d = Draft(x=UNKNOWN)
    f = called(printed(d.function(d.x), mode="reverse"))
    x = VEC.copy()
    assert f(2.5) == 2.5 and type(f(2.5)) is float
    assert not np.shares_memory(f(x), x)


# -- calls -----------------------------------------------------------------------------------


def callee(name: str = "g") -> Function:
    d = Draft(a=VECTOR, k=FLOAT)
    return d.function(d.mul(d.a, d.k), d.a, d.do(np.sum, d.a), name=name)


def test_calls_of_other_functions() -> None:
    d = Draft(x=VECTOR)
    p, q, r = (d.new(t, n) for t, n in ((VECTOR, "p"), (VECTOR, "q"), (FLOAT, "r")))
    g = callee()
    d.emit(O.CALL, [d.x, Const.of(2.0)], p, q, r, callee=g)
    second = [d.new(t, n) for t, n in ((VECTOR, "u"), (VECTOR, "v"), (FLOAT, "w"))]
    d.emit(O.CALL, [p, Const.of(3.0)], *second, callee=g)
    f = d.function(d.mul(p, q), d.add(r, second[2]))
    text = agrees(f, VEC)
    assert text.count("def g(") == 1 and text.index("def g(") < text.index("def f(")
    assert body(text) == [
        "p, q, r = g(x, 2.0)", "_, _, w = g(p, 3.0)", "return p * q, r + w"
    ]  # fmt: skip


def test_two_functions_of_one_name() -> None:
    d = Draft(x=VECTOR)
    results = []
    for g in (callee("f"), callee("f")):
        values = [d.new(t, n) for t, n in ((VECTOR, "p"), (VECTOR, "q"), (FLOAT, "r"))]
        d.emit(O.CALL, [d.x, Const.of(2.0)], *values, callee=g)
        results.append(values[2])
    emitted = printed(d.function(*results))
    assert emitted.name == "f" and {"def f_1(a, k):", "def f_2(a, k):"} <= set(
        emitted.text.split("\n")
    )
    assert called(emitted)(VEC) == (VEC.sum(), VEC.sum())


def test_what_a_called_function_returns_may_be_its_argument() -> None:
    d = Draft(x=VECTOR)
    base = d.mul(d.x, 1.0, as_="base")
    p, q, r = (d.new(t, n) for t, n in ((VECTOR, "p"), (VECTOR, "q"), (FLOAT, "r")))
    d.emit(O.CALL, [base, Const.of(2.0)], p, q, r, callee=callee())
    y = d.set(q, 7.0, 0)  # q is base itself
    z = d.set(p, 7.0, 0, as_="z")  # p is an array of its own
    text = agrees(d.function(d.do(np.sum, d.mul(base, y)), z), VEC)
    assert "y = q.copy()" in text and "p.copy()" not in text


def test_recursion() -> None:
    d = Draft(x=FLOAT, n=INT)
    inner = d.new(FLOAT, "y")
    f = Function("f", tuple(Param(v, n) for n, v in d.params.items()), Region((), [], ()), 0)

    def again() -> list[Operand]:
        d.emit(O.CALL, [d.mul(d.x, 0.5), d.do(operator.sub, d.n, 1)], inner, callee=f)
        return [d.add(inner, 1.0)]

    (r,) = d.choose(d.do(operator.gt, d.n, 0), [d.new(FLOAT, "r")], again, lambda: [d.x])
    f.body = Region(tuple(d.params.values()), d.builder.block, (r,))
    text = agrees(f, 8.0, 3)
    assert text.count("def ") == 1 and "y = f(x * 0.5, n - 1)" in text


# -- the whole text --------------------------------------------------------------------------


def test_parameters_of_every_kind() -> None:
    kinds = [
        ("a", "POSITIONAL_ONLY", None), ("b", "POSITIONAL_OR_KEYWORD", Const.of(2.0)),
        ("rest", "VAR_POSITIONAL", None), ("seed", "KEYWORD_ONLY", Const.of(-1.0)),
        ("more", "VAR_KEYWORD", None),
    ]  # fmt: skip
    values = [Value(FLOAT, n, named=True) for n, _, _ in kinds]
    params = tuple(Param(v, n, k, default) for v, (n, k, default) in zip(values, kinds))
    b = Builder()
    total = apply(b, operator.mul, [apply(b, operator.add, [values[0], values[1]]), values[3]])
    f = Function("f", params, Region(tuple(values), b.block, (total,)), 0)
    emitted = printed(f)
    assert emitted.text.startswith("def f(a, /, b=2.0, *rest, seed=-1.0, **more):")
    assert called(emitted)(1.0, seed=2.0) == 6.0


def worked_example() -> Function:
    """The adjoint of the example of the design, section 12."""
    lines = {
        2: "    y = np.ones_like(x)", 3: "    for i in range(1, len(x)):",
        4: "        if x[i] > 0.0:", 5: "            y[i] = y[i - 1] * x[i]",
        6: "    return np.sum(y * y)",
    }  # fmt: skip
    d = Draft(x=VECTOR, out_bar=FLOAT)
    start = Const.of(1)

    def at(number: int) -> None:
        d.line(number, lines[number])

    def forward(i: Value, y: Value) -> list[Operand]:
        at(4)
        x_i = d.get(d.x, i)
        positive = d.do(operator.gt, x_i, 0.0)

        def then() -> list[Operand]:
            at(5)
            before = d.get(y, d.do(operator.sub, i, 1), as_="y_prev")
            return [d.set(y, d.mul(before, x_i), i), before]

        def orelse() -> list[Operand]:
            at(4)
            return [y, UNDEFINED]

        return list(d.choose(positive, [d.new(VECTOR, "y"), d.new(ITEM, "y_prev")], then, orelse))

    def backward(i: Value, y_bar: Value, x_bar: Value, before: Value) -> list[Operand]:
        at(4)
        x_i = d.get(d.x, i)
        positive = d.do(operator.gt, x_i, 0.0)

        def then() -> list[Operand]:
            at(5)
            t_bar = d.get(y_bar, i, as_="t_bar")
            rest = d.set(y_bar, 0.0, i, as_="y_bar")
            rest = d.add_at(rest, d.mul(t_bar, x_i), d.do(operator.sub, i, 1), as_="y_bar")
            return [rest, d.add_at(x_bar, d.mul(t_bar, before), i, as_="x_bar")]

        bars = [d.new(VECTOR, "y_bar"), d.new(VECTOR, "x_bar")]
        return list(d.choose(positive, bars, then, lambda: [y_bar, x_bar]))

    at(2)
    y = d.do(np.ones_like, d.x, as_="y")
    at(3)
    n = d.do(len, d.x)
    y, tape = d.loop(n, [("y", y)], forward, start=start, emits=[("y_prev_tape", ITEM, False)])
    d.role(Role.ADJOINT)
    at(6)
    y_bar = d.mul(d.mul(2.0, d.out_bar), y, as_="y_bar")
    at(3)
    x_bar = d.do(np.zeros_like, d.x, as_="x_bar")
    _, x_bar = d.loop(
        n, [("y_bar", y_bar), ("x_bar", x_bar)], backward, start=start, reverse=True,
        streams=[("y_prev", tape, True)],
    )  # fmt: skip
    f = d.function(x_bar, name="f_grad")
    x, seed = f.params
    f.params = (x, Param(seed.value, "out_bar", "KEYWORD_ONLY", Const.of(1.0)))
    return f


WORKED = '''\
def f_grad(x, *, out_bar=1.0):
    """Gradient of f (model.py:1) with respect to x; x: f64[*]."""
    # forward sweep
    y = np.ones_like(x)
    n_x = len(x)
    y_prev_tape = []
    for i in range(1, n_x):
        x_i = x[i]
        if x_i > 0.0:
            y_prev = y[i - 1]
            y_prev_tape.append(y_prev)
            y[i] = y_prev * x_i
    # reverse sweep
    # return np.sum(y * y)
    y_bar = 2.0 * out_bar * y
    del y
    x_bar = np.zeros_like(x)
    for i in reversed(range(1, n_x)):
        x_i = x[i]
        if x_i > 0.0:
            # y[i] = y[i - 1] * x[i]
            y_prev = y_prev_tape.pop()
            t_bar = y_bar[i]
            y_bar[i] = 0.0
            y_bar[i - 1] += t_bar * x_i
            x_bar[i] += t_bar * y_prev
    return x_bar
'''


def test_the_worked_example() -> None:
    doc = "Gradient of f (model.py:1) with respect to x; x: f64[*]."
    reserved = frozenset({"x", "y", "i", "np"})
    emitted = printed(worked_example(), mode="reverse", reserved=reserved, doc=doc)
    assert emitted.text == WORKED
    x = np.array([0.3, 1.2, -0.7, 2.0, 0.9])
    f = called(emitted)

    def primal(x: np.ndarray) -> float:
        y = np.ones_like(x)
        for i in range(1, len(x)):
            if x[i] > 0.0:
                y[i] = y[i - 1] * x[i]
        return float(np.sum(y * y))

    h = 1e-6
    for k, unit in enumerate(np.eye(5)):
        slope = (primal(x + h * unit) - primal(x - h * unit)) / (2 * h)
        assert f(x)[k] == pytest.approx(slope, abs=1e-8)
    assert f(x[:0]).shape == (0,) and f(x, out_bar=2.0)[1] == 2 * f(x)[1]


def test_sections_and_comments() -> None:
    d = Draft(x=FLOAT)
    d.line(2, "    y = x * x  # a square")
    y = d.mul(d.x, d.x, as_="y")
    d.line(3, "    return math.sin(y)")
    d.role(Role.ADJOINT)
    y_bar = d.do(math.cos, y, as_="y_bar")
    d.line(2, "    y = x * x  # a square")
    t = d.mul(y_bar, d.x, as_="x_bar")
    x_bar = d.add(t, t, as_="x_bar")
    expected = [
        '"""What it is."""', "# forward sweep", "y = x * x", "# reverse sweep",
        "# return math.sin(y)", "y_bar = math.cos(y)", "# y = x * x  # a square",
        "x_bar = y_bar * x", "x_bar += x_bar", "return x_bar",
    ]  # fmt: skip
    f = d.function(x_bar)
    assert body(printed(f, mode="reverse", doc="What it is.").text) == expected
    plain = [line for line in expected if not line.startswith("#")]
    assert body(printed(f, mode="forward", doc="What it is.").text) == plain


def test_a_long_docstring_is_broken() -> None:
    d = Draft(x=FLOAT)
    text = printed(d.function(d.x), doc="word " * 40).text
    assert max(map(len, text.split("\n"))) <= 88
    assert called(printed(d.function(d.x), doc="word " * 40)).__doc__.split() == ["word"] * 40


def test_results_are_computed_in_the_forward_sweep() -> None:
    """So that the arrays of the forward sweep need not be kept until the end."""
    d = Draft(x=VECTOR)
    t = d.do(operator.sub, d.x, 1.0)
    value = d.do(np.sum, d.mul(t, t))
    d.role(Role.ADJOINT)
    x_bar = d.mul(t, 2.0, as_="x_bar")
    text = agrees(d.function(value, x_bar), VEC, mode="reverse")
    assert body(text)[1:4] == ["t = x - 1.0", "result = np.sum(t * t)", "# reverse sweep"]


# -- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("block", range(10))
def test_random_programs(block: int) -> None:
    """Values, unchanged arguments and fresh results, of programs that hold every structure."""
    for seed in range(60 * block, 60 * block + 60):
        other = Program(7 * seed + 1, 1).function if seed % 3 == 0 else None
        function = Program(seed, 1 + seed % 3, other).function
        check(function)
        emitted = printed(function, mode="reverse", reserved=frozenset({"y"}))
        args = arguments(seed)
        ours = copy.deepcopy(args)
        with np.errstate(all="ignore"):
            expected = leaves(run(function, *copy.deepcopy(args)))
            found = leaves(called(emitted)(*ours))
        context = f"seed {seed}\n{function}\n{emitted.text}"
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b, context)
        for a, b in zip(ours, args):
            np.testing.assert_array_equal(a, b, context)
        arrays = [a for a in (*ours, *found) if isinstance(a, np.ndarray)]
        for k, a in enumerate(found):
            others = [b for b in arrays if b is not a]
            assert len(others) >= len(arrays) - 1, context
            if isinstance(a, np.ndarray):
                assert not any(np.shares_memory(a, b) for b in others), f"result {k}: {context}"


def test_the_text_is_the_same_in_every_process() -> None:
    code = (
        "import sys; sys.path[:0] = {path!r}\n"
        "from ir_random import Program; from srcad.emitter.statements import emit\n"
        "for s in range(12):\n"
        "    f = Program(s, 3).function\n"
        "    e = emit(f, mode='reverse', reserved=frozenset('xyzab'), resolve=lambda o: None,"
        " doc='')\n"
        "    print(e.text, list(e.helpers))\n"
    )
    tests = Path(__file__).parent
    code = code.format(path=[str(tests), str(tests.parent)])
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1 and "def f11" in texts.pop()


def test_speed() -> None:
    d = Draft(x=FLOAT, v=VECTOR)
    a: Any = d.x
    b: Any = d.v
    for k in range(50):
        d.line(k)
        a = d.add(d.mul(a, 0.5), d.x, as_=f"a{k % 7}")
        b = d.mul(b, a)
    f = d.function(a, b)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        printed(f)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05  # seconds, of which a tenth is usual


def test_tuple_typed_values_pass_through() -> None:
    d = Draft(x=VECTOR)
    t = d.named(pack(d.builder, [d.x, d.mul(d.x, 2.0)], "tuple"), "tape")
    assert t.type == TupleOf((VECTOR, VECTOR))
    text = agrees(d.function(d.do(np.sum, d.x), t), VEC, mode="reverse")
    assert body(text) == ["return np.sum(x), (x, x * 2.0)"]


def test_flag_that_is_its_condition() -> None:
    """`True if flag else False` of a flag is one choice, not none."""

    def f(x: float, a: Any) -> float:
        if np:
            if np:
                if a[2, 0]:
                    return x
        return 0.1

    assert srcad.grad(f)(1.5, np.ones((3, 3))) == 1.0
    assert srcad.grad(f)(1.5, np.zeros((3, 3))) == 0.0
