"""Section G of the pitfalls: how a compiler hides its bugs."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from oracle import entries

import srcad
from srcad import errors
from srcad.ir import ops as O
from srcad.ir.abstract import BOOL, FLOAT, INT, ListOf
from srcad.ir.check import check
from srcad.ir.values import Const, Function, Op, Param, Region, Value
from srcad.optimizer import pipeline
from srcad.testing import OracleError, assert_close, numerical_jvp

PACKAGE = Path(srcad.__file__).parent
TESTS = Path(__file__).parent


def test_g1_no_handler_swallows_everything():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                named = ast.unparse(node.type) if node.type else "bare"
                broad = {"bare", "Exception", "BaseException"}
                assert named not in broad, f"{path}:{node.lineno}"


def square(x):
    return x * x


def test_g1_a_pass_that_fails_is_seen_and_nothing_of_it_is_kept(monkeypatch):
    def raises(function, settings):
        raise KeyError("in a pass")

    def forgets(function, settings):
        body = Region(function.body.params, [], function.body.yields)
        return Function("f", function.params, body, function.result, function.inputs)

    df = srcad.grad(square)
    monkeypatch.setattr(pipeline, "PASSES", (pipeline.Pass("raises", raises, ""),))
    with pytest.raises(KeyError, match="in a pass"):
        df(3.0)
    monkeypatch.setattr(pipeline, "PASSES", (pipeline.Pass("forgets", forgets, ""),))
    with pytest.raises(errors.InternalError, match="after forgets") as caught:
        df(3.0)
    assert "func f(%x: float)" in caught.value.ir and caught.value.ir in str(caught.value)
    monkeypatch.undo()
    assert_close(df(3.0), 6.0)


def test_g2_no_test_is_defined_twice():
    for path in TESTS.glob("test_*.py"):
        names = [n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)
                 and n.name.startswith("test_")]  # fmt: skip
        assert len(names) == len(set(names)), path


@pytest.mark.parametrize(
    "actual, expected",
    [(float("nan"), 0.0), (0.0, float("nan")), (1.0, 1.02), (np.ones(3), np.ones((3, 1))),
     (np.ones(3, np.float32), np.ones(3)), (1.0, np.float64(1.0)), (1.0, np.array(1.0)),
     ((1.0,), [1.0]), ((1.0, 2.0), (1.0,)), (None, 0.0), (1e-3, 2e-3)],
    ids=repr,
)  # fmt: skip
def test_g2_assert_close_rejects(actual, expected):
    with pytest.raises(AssertionError):
        assert_close(actual, expected)


@pytest.mark.parametrize("f", [abs, lambda x: float(x > 0), lambda x: abs(x) ** 0.5])
def test_g3_differences_refuse_a_kink(f):
    with pytest.raises(OracleError):
        numerical_jvp(f, (0.0,), (1.0,))


def apply_op(operands, results, fn=abs, **attrs):
    return Op(O.APPLY, tuple(operands), {"fn": fn, **attrs}, tuple(results))


class Parts:
    """Parts of a function ``f(x, n, l, c)``, to be put together wrongly."""

    def __init__(self):
        self.x, self.y, self.z = (Value(FLOAT, name) for name in "xyz")
        self.n, self.i = Value(INT, "n"), Value(INT, "i")
        self.l, self.c = Value(ListOf(FLOAT), "l"), Value(BOOL, "c")
        self.params = (self.x, self.n, self.l, self.c)

    def function(self, ops, yields=(), params=None):
        listed = tuple(Param(p, p.name) for p in self.params)
        return Function("f", listed, Region(params or self.params, ops, tuple(yields)), None)

    def for_loop(self, *, operands=(), params=(), yields=(), results=(), carries=0, streams=0,
                 emits=0, may_stop=False):  # fmt: skip
        attrs = {"carries": carries, "streams": (False,) * streams, "emits": (False,) * emits,
                 "may_stop": may_stop, "reverse": False}  # fmt: skip
        bounds = (Const.of(0), self.n, Const.of(1))
        body = Region((self.i, *params), [], tuple(yields))
        return Op(O.FOR, (*bounds, *operands), attrs, tuple(results), (body,))

    def while_loop(self, *, inits=(), cond=((), None), body=((), ()), results=(), carries=0):
        attrs = {"carries": carries, "emits": (), "may_stop": False}
        holds = (self.c,) if cond[1] is None else cond[1]
        regions = Region(cond[0], [], holds), Region(body[0], [], body[1])
        return Op(O.WHILE, tuple(inits), attrs, tuple(results), regions)


def branch(part, yields, results, params=()):
    regions = tuple(Region(params, [], tuple(y)) for y in yields)
    return Op(O.IF, (part.c,), {}, tuple(results), regions)


def call(part, operands, results):
    a = Value(FLOAT, "a")
    callee = Function("g", (Param(a, "a"),), Region((a,), [], (a,)), 0)
    return Op(O.CALL, tuple(operands), {"callee": callee}, tuple(results))


def inner_value(part):
    inside = apply_op([part.x], [part.y])
    return [Op(O.IF, (part.c,), {}, (part.z,), (Region((), [inside], (part.y,)),
                                                Region((), [], (part.x,)))),
            apply_op([part.y], [Value(FLOAT, "w")])]  # fmt: skip


RAISE = Op(O.RAISE, (), {"template": "raise"}, ())
UNKNOWN_KIND = O.OpKind("jump")
# per clause of the verifier, the operations of a body that breaks it (p: Parts)
MALFORMED = {
    "%y is defined twice": lambda p: [apply_op([p.x], [p.y]), apply_op([p.x], [p.y])],
    "%x is defined twice": lambda p: [apply_op([p.x], [p.x])],
    "%y is used where it is not defined": lambda p: [apply_op([p.y], [p.z]),
                                                     apply_op([p.x], [p.y])],
    "%y is used where": inner_value,
    "3.5 is not an operand": lambda p: [apply_op([3.5], [p.y])],
    "an operation after raise": lambda p: [RAISE, apply_op([p.x], [p.y])],
    "unknown kind of operation": lambda p: [Op(UNKNOWN_KIND, (), {}, (p.y,))],
    "a branch has parameters": lambda p: [branch(p, [(), ()], (), params=(p.y,))],
    "a branch yields another number": lambda p: [branch(p, [(p.x,), ()], (p.y,))],
    "an operation without regions has one": lambda p: [
        Op(O.APPLY, (p.x,), {"fn": abs}, (p.y,), (Region((), [], ()),))],
    "apply without a function": lambda p: [apply_op([p.x], [p.y], fn=None)],
    "g is called with another number of arguments": lambda p: [call(p, (p.x, p.x), (p.y,))],
    "g returns another number of values": lambda p: [call(p, (p.x,), (p.y, p.z))],
    "not one result": lambda p: [apply_op([p.x], [p.y, p.z])],
    "number of operands of for": lambda p: [
        p.for_loop(carries=1, params=(p.y,), yields=(p.y,), results=(p.z,))],
    "number of parameters of the body of for": lambda p: [
        p.for_loop(carries=1, operands=(p.x,), yields=(p.x,), results=(p.z,))],
    "number of yields of the body of for": lambda p: [
        p.for_loop(carries=1, operands=(p.x,), params=(p.y,), results=(p.z,))],
    "number of results of for": lambda p: [
        p.for_loop(carries=1, operands=(p.x,), params=(p.y,), yields=(p.y,))],
    "number of yields of the body": lambda p: [p.for_loop(may_stop=True, results=(p.z,))],
    "number of results": lambda p: [p.for_loop(emits=1, yields=(p.x,))],
    "a stream is not a list": lambda p: [p.for_loop(streams=1, operands=(p.x,), params=(p.y,))],
    "number of carries of while": lambda p: [
        p.while_loop(inits=(p.x,), carries=1, results=(p.y, p.z))],
    "the condition of while does not yield one value": lambda p: [
        p.while_loop(cond=((), (p.c, p.c)), results=(p.z,))],
    "number of yields or results of while": lambda p: [p.while_loop()],
    "or results of while": lambda p: [
        p.while_loop(body=((), (p.x,)), results=(Value(INT, "t"),))],
}  # fmt: skip


@pytest.mark.parametrize("what", MALFORMED)
def test_g4_the_verifier_fires(what):
    part = Parts()
    with pytest.raises(errors.InternalError) as caught:
        check(part.function(MALFORMED[what](part)), "a pass")
    assert what in caught.value.what and "(after a pass)" in caught.value.what
    assert "func f(" in caught.value.ir


def test_g4_the_verifier_looks_at_yields_parameters_and_callees():
    part = Parts()
    with pytest.raises(errors.InternalError, match="%y is used where it is not defined"):
        check(part.function([], [part.y]))
    with pytest.raises(errors.InternalError, match="parameters of the function and of its body"):
        check(part.function([], params=(part.x,)))
    calls = call(part, (part.x,), (part.y,))
    calls.attrs["callee"].body.yields = (part.x,)
    with pytest.raises(errors.InternalError, match="%x is used where") as caught:
        check(part.function([calls]))
    assert caught.value.function == "g"


def test_g4_the_verifier_accepts_what_is_well_formed():
    part = Parts()
    y, z, e, w, t = (Value(FLOAT, name) for name in "yzewt")
    loop = part.for_loop(carries=1, streams=1, emits=1, operands=(part.x, part.l),
                         params=(y, e), yields=(e, y), results=(z, Value(ListOf(FLOAT), "m")))
    holds = Region((Value(FLOAT, "a"),), [], (part.c,))
    turns = Op(O.WHILE, (z,), {"carries": 1, "emits": (), "may_stop": False},
               (w, Value(INT, "k")), (holds, Region((Value(FLOAT, "b"),), [], (part.x,))))
    ops = [loop, turns, branch(part, [(w,), (part.x,)], (t,)), call(part, (t,), (part.y,))]
    function = part.function(ops, [part.y])
    assert check(function) is function


def test_g4_every_clause_has_a_program_that_breaks_it():
    tree = ast.parse((PACKAGE / "ir" / "check.py").read_text())
    clauses = [
        ast.unparse(node.args[0]) for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self.fail"
    ]  # fmt: skip
    tested = [*MALFORMED, "parameters of the function and of its body differ"]
    for clause in clauses:
        text = clause.strip("f'\"").split("}")[-1].strip()
        assert any(text in what or what in text for what in tested), clause


def varied(x, u):
    y = x * 1.0 + 0.0
    for e in u:
        y = y * e + np.exp(-y) / (1.0 + np.exp(-y)) if e > 0 else y - (y - y * x)
    return np.sum(y * u) + y * y


def test_g5_optimised_equals_unoptimised():
    u = np.array([0.5, -1.5, 2.0])
    fast, plain = (srcad.grad(varied, (0, 1), optimize=flag) for flag in (True, False))
    assert_close(fast(1.5, u), plain(1.5, u), rtol=1e-14)


def _is_differentiated(entry) -> bool:
    settings = next(entry.cases()).settings
    return not (settings.error or settings.not_yet)


UNROUNDED = [e for e in entries() if _is_differentiated(e)]


@pytest.mark.parametrize("entry", UNROUNDED[:: max(1, len(UNROUNDED) // 120)], ids=lambda e: e.name)
def test_g5_the_corpus_optimised_and_not(entry, capsys):
    """To the last bits: sums of cotangents may be taken in another order."""
    case = next(entry.cases())
    results = []
    for flag in (True, False):
        value, pull = srcad.vjp(case.call, *case.args(), optimize=flag)
        results.append((value, case.chosen(pull(case.cotangent()))))
    assert_close(results[0][0], results[1][0], rtol=0.0, atol=0.0)
    assert_close(results[0][1], results[1][1], rtol=1e-12, atol=1e-14)
