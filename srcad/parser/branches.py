"""`if` to IR, and how the state of two paths joins behind it.
"""

from __future__ import annotations

from typing import Any

import gast

from srcad.ir.abstract import BOOL
from srcad.ir.build import if_op
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Region, Value
from srcad.parser.bindings import (
    Binding,
    Known,
    Poison,
    Struct,
    describe,
    map_values,
    merge,
    number,
    same,
)
from srcad.parser.frames import Diverges

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

RESULT, RETURNED, BROKEN, CONTINUED = "$result", "$returned", "$broken", "$continued"

FLAGS = (RETURNED, BROKEN, CONTINUED)

_TRUE, _FALSE = Known(True), Known(False)

_NONE = Const.of(None)


class BranchLowering(_Base):
    def stmt_If(self, node: gast.If, rest: list[gast.stmt]) -> bool | None:
        condition = self.truth(self.expression(node.test), node.test)
        if isinstance(condition, bool):
            finished = self.block(node.body if condition else node.orelse)
            return self.after_flags(finished, rest)
        return self.branch(condition, node.body, node.orelse, rest)

    def after_flags(self, finished: bool, rest: list[gast.stmt]) -> bool | None:
        """What comes after a statement that may have set an exit flag."""
        if finished:
            return True
        flag = self.pending_flag()
        if flag is None:
            return None
        return self.branch(flag, [], rest, [])

    def pending_flag(self) -> Value | None:
        """The flag that says whether the rest of the block is skipped; None if it never is."""
        flags = [self.frame.vars.get(f) for f in FLAGS]
        dynamic = [f for f in flags if isinstance(f, Value)]
        if not dynamic:
            return None
        flag = dynamic[0]
        for other in dynamic[1:]:
            flag = self.select_if(flag, Const.of(True), other, BOOL)
        return flag

    def select_if(self, cond: Operand, then: Operand, orelse: Operand, t: Any) -> Value:
        result = self.builder.value(t, "flag")
        taken, other = Region((), [], (then,)), Region((), [], (orelse,))
        self.builder.block.append(if_op(cond, taken, other, (result,), self.builder.loc))
        return result

    def branch(
        self,
        condition: Operand,
        then: list[gast.stmt],
        orelse: list[gast.stmt],
        rest: list[gast.stmt],
    ) -> bool | None:
        """Lower `if` on a run-time condition, and the rest of the block where an exit needs it."""
        frame, builder = self.frame, self.builder
        before = frame.vars
        loc = builder.loc
        skipping = not then and not rest  # `if flag: (exited) else: ...`
        with builder.nested() as then_ops:
            frame.vars = dict(before)
            if skipping:
                dynamic = [f for f in FLAGS if isinstance(before.get(f), Value)]
                if len(dynamic) == 1:
                    frame.vars[dynamic[0]] = _TRUE
            then_done = True if skipping else self.block(then)
            then_vars = frame.vars
        with builder.nested() as else_ops:
            frame.vars = dict(before)
            if skipping:
                self.clear_flags()
            # where the other branch has left, what follows the `if` belongs here
            else_done = self.block([*orelse, *rest] if then_done else orelse)
            else_vars = frame.vars
        consumed = then_done
        if else_done and not then_done:
            builder.block, outer = then_ops, builder.block
            frame.vars = then_vars
            then_done = self.continue_block(rest)
            then_vars = frame.vars
            builder.block = outer
            consumed = True
        frame.vars = self.join_branches(
            condition, then_ops, then_vars, else_ops, else_vars, before, loc
        )
        finished = then_done and else_done
        if finished or consumed:
            return finished
        return self.after_flags(False, rest)

    def continue_block(self, rest: list[gast.stmt]) -> bool:
        """The rest of a block inside of a branch; earlier partial exits are respected."""
        flag = self.pending_flag()
        if flag is None:
            return self.block(rest)
        outcome = self.branch(flag, [], rest, [])
        return bool(outcome)

    def clear_flags(self) -> None:
        for f in FLAGS:
            self.frame.vars.pop(f, None)

    def join_branches(
        self,
        condition: Operand,
        then_ops: list[Op],
        then_vars: dict[str, Binding],
        else_ops: list[Op],
        else_vars: dict[str, Binding],
        before: dict[str, Binding],
        loc: Any,
    ) -> dict[str, Binding]:
        """Emit the `if` operation and return the joined variables."""
        ends = []
        for v in (then_vars, else_vars):
            ends.append(v.get("$dead") is _TRUE)
        if all(ends):
            self.builder.block.append(
                if_op(condition, Region((), then_ops, ()), Region((), else_ops, ()), (), loc)
            )
            return {**before, "$dead": _TRUE}
        then_yields: list[Operand] = []
        else_yields: list[Operand] = []
        results: list[Value] = []
        if any(ends):  # one branch raises: the variables are those of the other
            alive = else_vars if ends[0] else then_vars
            joined, pairs = self.export(alive, else_ops if ends[0] else then_ops)
            for inner, outer in pairs:
                results.append(outer)
                then_yields.append(UNDEFINED if ends[0] else inner)
                else_yields.append(inner if ends[0] else UNDEFINED)
            self.builder.block.append(
                if_op(
                    condition, Region((), then_ops, tuple(then_yields)),
                    Region((), else_ops, tuple(else_yields)), results, loc,
                )
            )  # fmt: skip
            return joined
        made: dict[tuple[Any, ...], Value] = {}

        def leaf(x: Operand, y: Operand, t: Any, name: str) -> Value:
            if name.startswith("$"):  # no name of the user's, so nothing can be unbound
                x, y = (_NONE if o is UNDEFINED else o for o in (x, y))
            key = tuple(o if isinstance(o, Value) else o.key() for o in (x, y))
            if key not in made:
                result = self.builder.value(t, name.lstrip("$"), named=not name.startswith("$"))
                then_yields.append(x)
                else_yields.append(y)
                results.append(result)
                made[key] = result
            return made[key]

        joined = {}
        gone = [self.left_function(v) for v in (then_vars, else_vars)]
        for name in dict.fromkeys([*then_vars, *else_vars]):
            a, b = then_vars.get(name), else_vars.get(name)
            if not name.startswith("$"):
                # after `return` the locals of that path are never read again
                if gone[0] and not same(a, b):
                    a = self.placeholder(before.get(name), b)
                elif gone[1] and not same(a, b):
                    b = self.placeholder(before.get(name), a)
                if a is None and b is None:
                    continue
                if (gone[0] or gone[1]) and not self.is_data_binding(a if b is None else b):
                    joined[name] = a if b is None else b  # type: ignore[assignment]
                    continue
            elif name in FLAGS:
                a, b = a or _FALSE, b or _FALSE
            result = merge(a, b, name, leaf)
            if result is not None:
                joined[name] = result
        self.builder.block.append(
            if_op(
                condition, Region((), then_ops, tuple(then_yields)),
                Region((), else_ops, tuple(else_yields)), results, loc,
            )
        )  # fmt: skip
        return {k: v for k, v in joined.items() if not (k in FLAGS and same(v, _FALSE))}

    def placeholder(self, earlier: Binding | None, other: Binding | None) -> Binding | None:
        """What stands for a local on a path that has returned: its earlier value, if of a kind."""
        x, y = number(earlier), number(other)
        return earlier if x is not None and y is not None and x.type == y.type else None

    def is_data_binding(self, binding: Binding | None) -> bool:
        return binding is None or isinstance(binding, Struct) or number(binding) is not None

    def left_function(self, variables: dict[str, Binding]) -> bool:
        return same(variables.get(RETURNED), _TRUE)

    def export(
        self, variables: dict[str, Binding], ops: list[Op]
    ) -> tuple[dict[str, Binding], list[tuple[Value, Value]]]:
        """Variables of a branch made visible behind its `if`: (variables, (inner, outer) pairs)."""
        defined = {r for op in ops for r in op.results}
        pairs: dict[Value, Value] = {}

        def out(v: Value) -> Value:
            if v not in defined:
                return v
            if v not in pairs:
                pairs[v] = Value(v.type, v.name, v.role, v.named)
            return pairs[v]

        return {k: map_values(b, out) for k, b in variables.items()}, list(pairs.items())

    def choose(self, cond: Operand, then: Any, orelse: Any, node: gast.AST) -> Binding:
        """A conditional expression: both sides lazy, joined into values."""
        builder, frame = self.builder, self.frame
        before = frame.vars
        sides: list[tuple[list[Any], Binding | None, dict[str, Binding]]] = []
        for side in (then, orelse):
            with builder.nested() as ops:
                frame.vars = dict(before)
                try:
                    value: Binding | None = side()
                except Diverges:
                    value = None
                    self.dead()
                sides.append((ops, value, frame.vars))
        frame.vars = before
        (ops_a, a, vars_a), (ops_b, b, vars_b) = sides
        if a is None and b is None:
            raise Diverges
        for variables, value in ((vars_a, a), (vars_b, b)):
            if value is not None:
                variables["$value"] = value
        frame.vars = self.join_branches(cond, ops_a, vars_a, ops_b, vars_b, before, builder.loc)
        frame.vars.pop("$dead", None)
        result = frame.vars.pop("$value")
        if isinstance(result, Poison):
            from srcad.errors import TypeInferenceError

            raise TypeInferenceError(
                "the two sides of this conditional expression are of different kinds",
                reason=f"one is {describe(a)}, the other {describe(b)}",
                advice="make both sides a number or an array",
                loc=self.loc(node),
            )
        if isinstance(result, Value) and result.name == "value":
            result.name = "t"
            result.named = False
        return result
