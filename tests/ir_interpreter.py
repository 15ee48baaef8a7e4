"""A reference interpreter of the IR: slow, obvious, without any analysis.

`run(function, *args)` computes what a function of the IR means. Every array is copied before it
is changed, so a result can only differ from that of emitted code if one of the two is wrong.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from typing import Any

import gast
import numpy as np

from srcad.ir import ops as O
from srcad.ir.build import map_tree
from srcad.ir.values import UNDEFINED, Const, Function, Op, Operand, Region, Value
from srcad.rules.registry import lookup

Env = dict[Value, Any]


def run(function: Function, *args: Any) -> Any:
    """What Python would return for the function."""
    yields = run_flat(function, args)
    return map_tree(
        function.result, lambda leaf: leaf.value if isinstance(leaf, Const) else yields[leaf]
    )


def run_flat(function: Function, args: Sequence[Any]) -> list[Any]:
    """The yields of the function's body."""
    env: Env = {p.value: a for p, a in zip(function.params, args, strict=True)}
    return run_region(function.body, env)


def run_region(region: Region, env: Env) -> list[Any]:
    for op in region.ops:
        for result, value in zip(op.results, run_op(op, env), strict=True):
            env[result] = value
    return [get(y, env) for y in region.yields]


def get(operand: Operand, env: Env) -> Any:
    return operand.value if isinstance(operand, Const) else env[operand]


def run_op(op: Op, env: Env) -> list[Any]:
    if op.kind is O.FOR:
        return run_for(O.ForView(op), env)
    if op.kind is O.WHILE:
        return run_while(O.WhileView(op), env)
    values = [get(o, env) for o in op.operands]
    if op.kind is O.IF:
        return run_region(op.regions[0 if values[0] else 1], env)
    if op.kind is O.CALL:
        return run_flat(op.attrs["callee"], values)
    if op.kind in (O.OPAQUE, O.RAISE, O.ASSERT):
        return run_template(op, values)
    return [run_pure(op, values)]


def run_pure(op: Op, values: list[Any]) -> Any:
    if op.kind is O.APPLY:
        return apply(op, values)
    if op.kind is O.GETITEM:
        return values[0][index(values[1:])]
    if op.kind in (O.SETITEM, O.ADD_AT):
        array, value, *rest = values
        result = list(array) if isinstance(array, list) else np.array(array)
        if op.kind is O.SETITEM:
            result[index(rest)] = value
        else:
            np.add.at(result, index(rest), value)
        return result
    if op.kind is O.FIELD:
        key = op.attrs["key"]
        return getattr(values[0], key) if op.attrs.get("attribute") else values[0][key]
    if op.kind is O.GLOBAL:
        return op.attrs["holder"][op.attrs["name"]]
    assert op.kind is O.PACK, op.kind
    if op.attrs["container"] == "dict":
        return dict(zip(op.attrs["keys"], values, strict=True))
    return tuple(values) if op.attrs["container"] == "tuple" else values


def index(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else tuple(parts)


def apply(op: Op, values: list[Any]) -> Any:
    """Call the function; operands that are keyword-only in the rule go by keyword."""
    statics = {k: v for k, v in op.attrs.items() if k != "fn"}
    rule = lookup(op.attrs["fn"])
    args = values
    if rule is not None and not rule.variadic:
        kinds = {n: p.kind for n, p in rule.signature.parameters.items()}
        named = dict(zip(rule.operands, values))
        args = [v for n, v in named.items() if kinds[n] is not inspect.Parameter.KEYWORD_ONLY]
        statics |= {n: v for n, v in named.items() if kinds[n] is inspect.Parameter.KEYWORD_ONLY}
    return op.attrs["fn"](*args, **statics)


def run_template(op: Op, values: list[Any]) -> list[Any]:
    names = {f"${k}": v for k, v in enumerate(values)}
    node = gast.gast_to_ast(op.attrs["template"])
    if isinstance(node, ast.expr):
        code = ast.fix_missing_locations(ast.Expression(node))
        return [eval(compile(code, "<template>", "eval"), names)][: len(op.results)]
    module = ast.fix_missing_locations(ast.Module([node], []))
    exec(compile(module, "<template>", "exec"), names)
    return []


def run_for(view: O.ForView, env: Env) -> list[Any]:
    numbers = list(range(*(get(b, env) for b in (view.start, view.stop, view.step))))
    if view.reverse:
        numbers.reverse()
    streams = [get(s, env) for s in view.streams]
    carries = [get(i, env) for i in view.inits]
    collected: list[list[Any]] = [[] for _ in view.lists]
    trips = 0
    for k, number in enumerate(numbers):
        elements = [
            s[len(s) - 1 - k] if flag else s[k] for s, flag in zip(streams, view.stream_flags)
        ]
        env |= dict(zip(view.body.params, (number, *carries, *elements), strict=True))
        carries, stopped = iteration(view, env, collected)
        trips += 1
        if stopped:
            break
    return results(view, carries, collected, trips)


def run_while(view: O.WhileView, env: Env) -> list[Any]:
    carries = [get(i, env) for i in view.inits]
    collected: list[list[Any]] = [[] for _ in view.lists]
    trips = 0
    while True:
        env |= dict(zip(view.cond_carries, carries, strict=True))
        if not run_region(view.cond, env)[0]:
            break
        env |= dict(zip(view.carries, carries, strict=True))
        carries, stopped = iteration(view, env, collected)
        trips += 1
        if stopped:
            break
    return results(view, carries, collected, trips)


def iteration(
    view: O.ForView | O.WhileView, env: Env, collected: list[list[Any]]
) -> tuple[list[Any], bool]:
    yields = run_region(view.body, env)
    n = len(view.next_carries)
    for target, value in zip(collected, yields[n:]):
        target.append(None if value is UNDEFINED.value else value)
    return yields[:n], bool(view.may_stop and yields[-1])


def results(
    view: O.ForView | O.WhileView, carries: list[Any], collected: list[list[Any]], trips: int
) -> list[Any]:
    for values, flag in zip(collected, view.emit_flags):
        if flag:
            values.reverse()
    return [*carries, *collected, *(() if view.trips is None else (trips,))]
