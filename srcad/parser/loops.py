"""`for` and `while` to IR: what a loop carries is found by lowering its body until it settles.
"""

from __future__ import annotations

import functools
from typing import Any

import gast

from srcad.errors import TypeInferenceError
from srcad.ir.abstract import BOOL, INT
from srcad.ir.build import for_op, trip_count, while_op
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Region, Value
from srcad.parser.bindings import Binding, Poison, Struct, describe, map_values, merge, number, same
from srcad.parser.branches import _FALSE, _NONE, _TRUE, BROKEN, CONTINUED, FLAGS, RESULT, RETURNED
from srcad.parser.frames import own_nodes, stored_names
from srcad.parser.iteration import Iteration, Unrolled

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class LoopLowering(_Base):
    def stmt_For(self, node: gast.For, rest: list[gast.stmt]) -> bool | None:
        iterable = self.iteration(self.expression(node.iter), node.iter)
        if isinstance(iterable, Unrolled):
            return self.unrolled(node, iterable, rest)
        return self.for_loop(node, iterable, rest)

    def unrolled(self, node: gast.For, iterable: Unrolled, rest: list[gast.stmt]) -> bool | None:
        """A loop over a tuple: its body once per element, as nested statements."""
        nodes = list(own_nodes(node.body))
        if any(isinstance(n, (gast.Break, gast.Continue)) for n in nodes):
            raise self.unsupported(
                node, "`break` or `continue` in a loop over a tuple cannot be differentiated yet",
                "such a loop is unrolled", "loop over an array, or over range(n)",
            )  # fmt: skip
        for element in iterable.elements:
            self.assign(node.target, element)
            finished = self.block(node.body)
            if finished:
                return True
            if self.pending_flag() is not None:
                raise self.unsupported(
                    node, "an early exit from a loop over a tuple cannot be differentiated yet",
                    "such a loop is unrolled", "loop over an array, or over range(n)",
                )  # fmt: skip
        return self.after_flags(self.block(node.orelse), rest)

    def for_loop(self, node: gast.For, it: Iteration, rest: list[gast.stmt]) -> bool | None:
        names = stored_names([node.target, *node.body])
        exits = _Exits(node.body, bool(node.orelse))

        def build(carries: dict[str, Binding]) -> _LoopBody:
            index = self.builder.value(INT, it.name)
            with self.builder.nested() as ops:
                self.frame.vars = {**before, **carries}
                self.clear_flags()
                self.assign(node.target, it.element(self, index))
                if it.plain and not index.named:
                    index.named = True
                self.block(node.body)
                return _LoopBody(ops, self.frame.vars, index, self.stop_flag())

        before = self.frame.vars
        loop = self.fixpoint(names, exits, build, node)
        stop = loop.stop
        params = (loop.body.index, *loop.params)
        yields = (*loop.yields, *((stop,) if stop is not None else ()))
        region = Region(params, loop.body.ops, yields)
        trips = self.builder.value(INT, "trips") if stop is not None else None
        self.builder.block.append(
            for_op(
                (it.start, it.stop, it.step), loop.inits, (), region, loop.finals,
                reverse=it.reverse, trips=trips, loc=self.builder.loc,
            )
        )  # fmt: skip
        self.frame.vars = {**before, **loop.after}
        return self.after_loop(node.orelse, exits, rest)

    def stmt_While(self, node: gast.While, rest: list[gast.stmt]) -> bool | None:
        test: gast.AST = node.test
        body = node.body
        known_test = None
        if isinstance(test, gast.Constant):
            known_test = bool(test.value)
            if not known_test:
                return self.after_flags(self.block(node.orelse), rest)
        if any(isinstance(n, gast.NamedExpr) for n in gast.walk(test)):
            # the assigned name must be visible in the body: test inside of it
            leave = gast.If(gast.UnaryOp(gast.Not(), test), [gast.Break()], [])
            gast.copy_location(leave, test)
            gast.copy_location(leave.body[0], test)
            body, known_test = [leave, *body], True
        names = stored_names(body)
        exits = _Exits(body, bool(node.orelse))
        before = self.frame.vars

        def build(carries: dict[str, Binding]) -> _LoopBody:
            with self.builder.nested() as cond_ops:
                self.frame.vars = {**before, **carries}
                self.clear_flags()
                if known_test:
                    cond: Operand = Const.of(True)
                else:
                    decided = self.truth(self.expression(test), test)
                    cond = Const.of(decided) if isinstance(decided, bool) else decided
            with self.builder.nested() as ops:
                self.frame.vars = {**before, **carries}
                self.clear_flags()
                self.block(body)
                return _LoopBody(ops, self.frame.vars, None, self.stop_flag(), cond_ops, cond)

        loop = self.fixpoint(names, exits, build, node)
        # the condition gets parameters of its own
        mapping: dict[Value, Operand] = {}
        cond_params = []
        for p in loop.params:
            q = Value(p.type, p.name, p.role, p.named)
            mapping[p] = q
            cond_params.append(q)
        from srcad.ir.build import clone_region

        cond = clone_region(Region((), loop.body.cond_ops, (loop.body.cond,)), mapping)
        cond = Region(tuple(cond_params), cond.ops, cond.yields)
        stop = loop.stop
        stops = (stop,) if stop is not None else ()
        region = Region(tuple(loop.params), loop.body.ops, (*loop.yields, *stops))
        self.builder.block.append(
            while_op(
                loop.inits, cond, region, loop.finals, (), trip_count(),
                may_stop=stop is not None, loc=self.builder.loc,
            )
        )  # fmt: skip
        self.frame.vars = {**before, **loop.after}
        if known_test and not _has_break(body):  # left by `return`, or never
            self.frame.vars.pop(CONTINUED, None)
            self.frame.vars["$dead" if RETURNED not in self.frame.vars else RETURNED] = _TRUE
            return True
        return self.after_loop(node.orelse, exits, rest)

    def after_loop(
        self, orelse: list[gast.stmt], exits: _Exits, rest: list[gast.stmt]
    ) -> bool | None:
        frame = self.frame
        broke = frame.vars.pop(BROKEN, None)
        frame.vars.pop(CONTINUED, None)
        if orelse:
            if isinstance(broke, Value):
                returned = frame.vars.pop(RETURNED, None)
                if isinstance(returned, Value):
                    broke = self.select_if(broke, Const.of(True), returned, BOOL)
                    frame.vars[RETURNED] = returned
                outcome = self.branch_else(broke, orelse)
            else:
                flag = self.pending_flag()
                outcome = self.branch(flag, [], orelse, []) if flag else self.block(orelse)
            if outcome:
                return True
        return self.after_flags(False, rest)

    def branch_else(self, broke: Value, orelse: list[gast.stmt]) -> bool | None:
        """`for ... else`: the else block runs when the loop was not left by break."""
        frame, builder = self.frame, self.builder
        before = frame.vars
        with builder.nested() as ops:
            frame.vars = dict(before)
            self.clear_flags()
            self.block(orelse)
            inner = frame.vars
        frame.vars = self.join_branches(broke, [], dict(before), ops, inner, before, builder.loc)
        return None

    def fixpoint(self, names: set[str], exits: _Exits, build: Any, node: gast.AST) -> _Loop:
        """Lower the body until the types of what it carries are stable."""
        frame = self.frame
        before = frame.vars
        order = [n for n in before if n in names] + sorted(names - set(before))
        specs: dict[str, Binding | None] = {}
        for name in order:
            specs[name] = before.get(name)
        if exits.returns:
            specs[RESULT] = None
            specs[RETURNED] = _FALSE
        if exits.needs_broken_flag:
            specs[BROKEN] = _FALSE
        static: set[str] = {
            n for n, b in specs.items() if b is not None and not self.carries_data(b)
        }
        shapes: dict[str, Binding | None] = {
            n: self.carry_shape(b, n) for n, b in specs.items() if n not in static
        }
        tolerant = True
        for _ in range(4 + 3 * len(specs)):
            params: list[Value] = []
            carried: dict[str, Binding] = {}
            for name, shape in shapes.items():
                if shape is None:
                    continue
                carried[name] = map_values(shape, functools.partial(_fresh, made=params))
            inner = {k: v for k, v in carried.items() if k not in FLAGS and k != RESULT}
            unbound = {n for n in names if n not in inner and n not in static}
            frame.vars = {k: v for k, v in before.items() if k not in unbound}
            tolerated, met = frame.tolerated, frame.met
            # an iteration after the first may find what this one binds only at its end
            frame.tolerated = tolerated | unbound if tolerant else tolerated
            frame.met = set()
            body: _LoopBody = build(inner)
            too_early = frame.met & unbound
            frame.tolerated, frame.met = tolerated, met | (frame.met - unbound)
            changed = False
            for name in list(specs):
                after = self.loop_value(body.variables, name)
                if name in static:
                    if not same(before.get(name), after) and after is not None:
                        if after is not before.get(name):
                            shapes[name] = Poison(
                                f"`{name}` is {describe(before.get(name))} before the loop and "
                                f"{describe(after)} after an iteration"
                            )
                            static.discard(name)
                            changed = True
                    continue
                old = shapes[name]
                if isinstance(old, Poison):
                    continue
                new = merge(old, self.carry_shape(after, name), name, _type_only)
                if not _same_shape(old, new):
                    shapes[name] = new
                    changed = True
            if not changed and too_early:
                tolerant = False  # now the read is an error, with its place
                continue
            if not changed:
                return self.finish_loop(specs, shapes, static, carried, params, body, exits)
        raise TypeInferenceError(
            "the types carried by this loop do not settle",
            reason="each iteration changes the kind of a variable",
            advice="give the variables the kind before the loop that they have after it",
            loc=self.loc(node),
        )

    def loop_value(self, variables: dict[str, Binding], name: str) -> Binding | None:
        if name in (RETURNED, BROKEN):
            return variables.get(name, _FALSE)
        return variables.get(name)

    def carries_data(self, binding: Binding) -> bool:
        if isinstance(binding, Struct):
            return all(self.carries_data(p) for p in binding.parts)
        return number(binding) is not None

    def carry_shape(self, binding: Binding | None, name: str) -> Binding | None:
        """The binding with every number replaced by a value that stands for its type."""
        if binding is None:
            return None
        if isinstance(binding, Struct):
            return Struct(
                binding.kind,
                tuple((k, self.carry_shape(b, f"{name}_{k}")) for k, b in binding.items),  # type: ignore[misc]
            )
        operand = number(binding)
        if operand is None:
            return binding
        hint = name.lstrip("$")
        return Value(operand.type, hint, self.builder.role, not name.startswith("$"))

    def finish_loop(
        self,
        specs: dict[str, Binding | None],
        shapes: dict[str, Binding | None],
        static: set[str],
        carried: dict[str, Binding],
        params: list[Value],
        body: _LoopBody,
        exits: _Exits,
    ) -> _Loop:
        inits: list[Operand] = []
        yields: list[Operand] = []
        finals: list[Value] = []
        after: dict[str, Binding] = {}
        used: list[Value] = []
        for name, shape in shapes.items():
            if shape is None or isinstance(shape, Poison):
                if isinstance(shape, Poison):
                    after[name] = shape
                continue
            start, end = specs[name], self.loop_value(body.variables, name)
            if name not in (RESULT, *FLAGS) or name in carried:
                values = _leaf_values(carried[name])
                used += values
                starts = self.leaf_operands(start, carried[name])
                ends = self.leaf_operands(end, carried[name])
                if name == RESULT:
                    starts, ends = (
                        [_NONE if o is UNDEFINED else o for o in side] for side in (starts, ends)
                    )
                inits += starts
                yields += ends
                outs = [Value(v.type, v.name, v.role, v.named) for v in values]
                finals += outs
                replacement = dict(zip(values, outs))
                after[name] = map_values(carried[name], replacement.__getitem__)
        assert used == params
        return _Loop(body, params, inits, yields, finals, after, body.stop)

    def stop_flag(self) -> Operand | None:
        """The operand that says whether the loop ends after this iteration; None: it never does."""
        variables = self.frame.vars
        flags = [number(variables[f]) for f in (BROKEN, RETURNED) if f in variables]
        if variables.get("$dead") is _TRUE or not flags:
            return None
        (first, *others) = flags
        if not others or isinstance(first, Const):
            return first
        if isinstance(others[0], Const):
            return others[0]
        assert first is not None and others[0] is not None
        return self.select_if(first, Const.of(True), others[0], BOOL)

    def leaf_operands(self, binding: Binding | None, shape: Binding) -> list[Operand]:
        """Operands of `binding`, one per leaf of `shape`."""
        if isinstance(shape, Struct):
            parts: list[Operand] = []
            for i, (_, inner) in enumerate(shape.items):
                part = binding.parts[i] if isinstance(binding, Struct) else None
                parts += self.leaf_operands(part, inner)
            return parts
        if not isinstance(shape, Value):
            return []
        operand = number(binding)
        return [UNDEFINED if operand is None else operand]


class _LoopBody:
    def __init__(
        self,
        ops: list[Op],
        variables: dict[str, Binding],
        index: Value | None,
        stop: Operand | None,
        cond_ops: list[Op] | None = None,
        cond: Operand | None = None,
    ) -> None:
        self.ops = ops
        self.variables = variables
        self.index: Any = index
        self.stop = stop
        self.cond_ops = cond_ops or []
        self.cond: Any = cond


class _Loop:
    def __init__(
        self,
        body: _LoopBody,
        params: list[Value],
        inits: list[Operand],
        yields: list[Operand],
        finals: list[Value],
        after: dict[str, Binding],
        stop: Operand | None,
    ) -> None:
        self.body, self.params, self.inits, self.yields = body, params, inits, yields
        self.finals, self.after, self.stop = finals, after, stop


class _Exits:
    """Which early exits a loop body has (those of nested loops are theirs, but for return)."""

    def __init__(self, body: list[gast.stmt], has_else: bool) -> None:
        self.returns = any(isinstance(n, gast.Return) for n in own_nodes(body))
        self.breaks = _has_break(body)
        self.needs_broken_flag = has_else and self.breaks


def _has_break(statements: list[gast.stmt]) -> bool:
    for node in statements:
        if isinstance(node, gast.Break):
            return True
        if isinstance(node, (gast.For, gast.While)):
            if _has_break(node.orelse):
                return True
        elif isinstance(node, gast.If):
            if _has_break(node.body) or _has_break(node.orelse):
                return True
    return False


def _fresh(v: Value, made: list[Value]) -> Value:
    new = Value(v.type, v.name, v.role, v.named)
    made.append(new)
    return new


def _type_only(x: Operand, y: Operand, t: Any, name: str) -> Value:
    return Value(t, name.lstrip("$"), named=not name.startswith("$"))


def _same_shape(a: Binding | None, b: Binding | None) -> bool:
    if isinstance(a, Value) and isinstance(b, Value):
        return a.type == b.type
    if isinstance(a, Struct) and isinstance(b, Struct):
        return a.kind == b.kind and all(
            _same_shape(x, y) for x, y in zip(a.parts, b.parts, strict=True)
        )
    return same(a, b)


def _leaf_values(binding: Binding) -> list[Value]:
    from srcad.parser.bindings import values_in

    return values_in(binding)
