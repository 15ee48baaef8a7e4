"""`for` and `while` to IR: what a loop carries is found by lowering its body until it settles.
"""

from __future__ import annotations

from typing import Any

import gast

from srcad.errors import TypeInferenceError
from srcad.ir.abstract import BOOL, INT, ListOf
from srcad.ir.build import for_op, trip_count, while_op
from srcad.ir.values import UNDEFINED, Const, Operand, Region, Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Cell,
    Key,
    ObjectParam,
    Ref,
    Struct,
    number,
    same,
)
from srcad.parser.branches import _TRUE, BROKEN, CONTINUED, RETURNED
from srcad.parser.carries import Carries, LoopBody
from srcad.parser.frames import own_nodes, stored_names
from srcad.parser.iteration import Iteration, Unrolled, is_wrapped

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class LoopLowering(_Base):
    iterated: list[Cell]

    def stmt_For(self, node: gast.For, rest: list[gast.stmt]) -> bool | None:
        over = self.expression(node.iter)
        iterable = self.iteration(over, node.iter)
        cells = self.reachable(over.value.args if is_wrapped(over) else [over])
        outer = list(self.iterated)
        self.iterated += cells
        try:
            if isinstance(iterable, Unrolled):
                return self.unrolled(node, iterable, rest, outer)
            return self.for_loop(node, iterable, rest, outer)
        finally:
            self.iterated = outer

    def unrolled(
        self, node: gast.For, iterable: Unrolled, rest: list[gast.stmt], outer: list[Cell]
    ) -> bool | None:
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
        self.iterated = outer
        return self.after_flags(self.block(node.orelse), rest)

    def for_loop(
        self, node: gast.For, it: Iteration, rest: list[gast.stmt], outer: list[Cell]
    ) -> bool | None:
        names = stored_names([node.target, *node.body])
        exits = _Exits(node.body, bool(node.orelse))

        def build(carries: dict[Key, Binding]) -> LoopBody:
            index = self.builder.value(INT, it.name)
            with self.builder.nested() as ops:
                self.frame.vars = {**before, **carries}
                self.clear_flags()
                self.assign(node.target, it.element(self, index))
                if it.plain and not index.named:
                    index.named = True
                self.block(node.body)
                return LoopBody(ops, self.frame.vars, index, self.stop_flag())

        before = self.frame.vars
        loop = exits.carries(self, names).settle(build, node)
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
        self.iterated = outer
        return self.after_loop(node.orelse, exits, rest)

    def stmt_While(self, node: gast.While, rest: list[gast.stmt]) -> bool | None:
        test: gast.AST = node.test
        known_test = None
        if isinstance(test, gast.Constant):
            known_test = bool(test.value)
            if not known_test:
                return self.after_flags(self.block(node.orelse), rest)
        if any(isinstance(n, gast.NamedExpr) for n in gast.walk(test)):
            return self.while_true(node, rest)
        before = self.frame.vars
        try:
            return self.plain_while(node, known_test, rest)
        except _ConditionWrites:
            self.frame.vars = before
            return self.while_true(node, rest)

    def while_true(self, node: gast.While, rest: list[gast.stmt]) -> bool | None:
        """The loop with its test at the start of its body, which sees what the test changes."""
        orelse = list(node.orelse)
        if _has_break(orelse) or any(isinstance(n, gast.Continue) for n in own_nodes(orelse)):
            raise self.unsupported(
                node, "`break` in the `else` of this loop cannot be differentiated",
                "the condition of the loop changes variables", "change them in its body",
            )  # fmt: skip
        leave = gast.If(gast.UnaryOp(gast.Not(), node.test), [*orelse, gast.Break()], [])
        always = gast.Constant(True, None)
        made = gast.While(always, [leave, *node.body], [])
        for new in (leave, leave.test, leave.body[-1], always):
            gast.copy_location(new, node.test)
        gast.copy_location(made, node)
        return self.plain_while(made, True, rest)

    def plain_while(
        self, node: gast.While, known_test: bool | None, rest: list[gast.stmt]
    ) -> bool | None:
        test, body = node.test, node.body
        names = stored_names(body)
        exits = _Exits(body, bool(node.orelse))
        before = self.frame.vars

        def build(carries: dict[Key, Binding]) -> LoopBody:
            with self.builder.nested() as cond_ops:
                self.frame.vars = {**before, **carries}
                self.clear_flags()
                start = dict(self.frame.vars)
                if known_test:
                    cond: Operand = Const.of(True)
                else:
                    decided = self.truth(self.expression(test), test)
                    cond = Const.of(decided) if isinstance(decided, bool) else decided
                if any(not same(b, self.frame.vars.get(k)) for k, b in start.items()):
                    raise _ConditionWrites
            with self.builder.nested() as ops:
                self.frame.vars = {**before, **carries}
                self.clear_flags()
                self.block(body)
                return LoopBody(ops, self.frame.vars, None, self.stop_flag(), cond_ops, cond)

        loop = exits.carries(self, names).settle(build, node)
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
        if isinstance(shape, Ref):
            path = binding.path if isinstance(binding, Ref) else ()
            operands: list[Operand] = []
            for i, step in enumerate(shape.path):
                for k, o in enumerate(step.operands):
                    if isinstance(o, Value):
                        operands.append(path[i].operands[k] if path else UNDEFINED)
            return operands
        if isinstance(shape, ObjectParam):
            return [binding.value if isinstance(binding, ObjectParam) else UNDEFINED]
        if isinstance(shape, BoundMethod):
            receiver = binding.receiver if isinstance(binding, BoundMethod) else None
            return self.leaf_operands(receiver, shape.receiver)
        if not isinstance(shape, Value):
            return []
        if isinstance(binding, Struct) and isinstance(shape.type, ListOf):
            value = self.as_list_value(binding, None)
            if value is None:
                raise TypeInferenceError(
                    f"the elements of the list `{shape.name}` are not of one kind",
                    reason="its length is not known while compiling, so one type describes them",
                    advice="keep numbers and arrays in lists of their own",
                    loc=self.builder.loc,
                )
            return [value]
        operand = number(self.deref(binding))
        return [UNDEFINED if operand is None else operand]


class _ConditionWrites(Exception):
    """Control flow of the parser: the condition of a loop changes what its body sees."""


class _Exits:
    """Which early exits a loop body has (those of nested loops are theirs, but for return)."""

    def __init__(self, body: list[gast.stmt], has_else: bool) -> None:
        self.returns = any(isinstance(n, gast.Return) for n in own_nodes(body))
        self.breaks = _has_break(body)
        self.needs_broken_flag = has_else and self.breaks

    def carries(self, low: Any, names: set[str]) -> Carries:
        return Carries(low, names, self.returns, self.needs_broken_flag)


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
