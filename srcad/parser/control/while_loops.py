"""`while` to IR: a loop with a condition, or its turns where they are counted while compiling."""

from __future__ import annotations

from typing import Any

import gast

from srcad.errors import SrcadError
from srcad.ir.build import trip_count, while_op
from srcad.ir.values import Const, Operand, Region, Value
from srcad.parser.bindings import Binding, Key, Known, same
from srcad.parser.calls.measures import Precision
from srcad.parser.control.carries import LoopBody
from srcad.parser.control.flags import CONTINUED, DEAD, TRUE, is_flag
from srcad.parser.control.loops import UNROLLED_EXITS, Exits, _has_break
from srcad.parser.frames import FirstDiffers, Frame, own_nodes, stored_names
from srcad.parser.iterables.iteration import Later, Unrolled

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class _ConditionWrites(Exception):
    """Control flow of the parser: the condition of a loop changes what its body sees."""


class WhileLowering(_Base):
    frame: Frame
    context: Any

    def stmt_While(self, node: gast.While, rest: list[gast.stmt]) -> bool | None:
        test: gast.AST = node.test
        known_test = None
        if isinstance(test, gast.Constant):
            known_test = bool(test.value)
            if not known_test:
                return self.after_flags(self.block(node.orelse), rest)
        elif self.precision >= Precision.TURNS and self.is_known_now(test):
            return self.while_in_turns(node, rest)
        if self.catchers or any(isinstance(n, gast.NamedExpr) for n in gast.walk(test)):
            # what may raise is to be a statement of a block
            return self.while_true(node, rest)
        before = self.frame.vars
        try:
            return self.plain_while(node, known_test, rest)
        except _ConditionWrites:
            self.frame.vars = before
            return self.while_true(node, rest)

    def while_true(self, node: gast.While, rest: list[gast.stmt]) -> bool | None:
        """The loop with its test at the start of its body, which sees what the test changes."""
        always = gast.Constant(True, None)
        made = gast.While(always, [self.leaving(node), *node.body], [])
        gast.copy_location(always, node.test)
        gast.copy_location(made, node)
        return self.plain_while(made, True, rest)

    def is_known_now(self, test: gast.AST) -> bool:
        """Whether a condition is decided while compiling, at least the first time."""
        before, self.frame.vars = self.frame.vars, dict(self.frame.vars)
        try:
            with self.builder.nested():
                return isinstance(self.truth(self.raw(test), test), bool)
        except SrcadError:
            return False
        finally:
            self.frame.vars = before

    def while_in_turns(self, node: gast.While, rest: list[gast.stmt]) -> bool | None:
        """A loop whose turns are counted while compiling, unrolled."""
        last = UNROLLED_EXITS - 1

        def too_many(low: Any) -> Binding:
            raise low.unsupported(
                node, f"this loop takes more than {last} turns, or as many as the run decides",
                "it is unrolled, since what it does depends on their numbers",
                "use an array, or a list of numbers",
            )  # fmt: skip

        elements: list[Binding | Later] = [Known(k) for k in range(last)]
        elements.append(Later(too_many))
        name = f"turn.{next(self.numbers)}"
        self.frame.locals.add(name)
        target = gast.Name(name, gast.Store(), None, None)
        made = gast.For(target, node.test, [self.leaving(node), *node.body], [], None)
        gast.copy_location(target, node.test)
        gast.copy_location(made, node)
        return self.unrolled(made, Unrolled(tuple(elements)), rest, dict(self.iterated))

    def leaving(self, node: gast.While) -> gast.If:
        """``if not test: break`` in the place of the test, after what `else` holds."""
        orelse = list(node.orelse)
        if _has_break(orelse) or any(isinstance(n, gast.Continue) for n in own_nodes(orelse)):
            raise self.unsupported(
                node, "`break` in the `else` of this loop cannot be differentiated",
                "the condition of the loop changes variables", "change them in its body",
            )  # fmt: skip
        leave = gast.If(gast.UnaryOp(gast.Not(), node.test), [*orelse, gast.Break()], [])
        for new in (leave, leave.test, leave.body[-1]):
            gast.copy_location(new, node.test)
        return leave

    def plain_while(
        self, node: gast.While, known_test: bool | None, rest: list[gast.stmt]
    ) -> bool | None:
        test, body = node.test, node.body
        exits = Exits(body, bool(node.orelse))
        try:
            finished = self.while_loop(test, body, known_test, exits, node, first=True)
        except FirstDiffers:
            more = known_test or self.condition(test)

            def others() -> bool:
                try:
                    return self.while_loop(test, body, known_test, exits, node, first=False)
                except FirstDiffers:
                    again = known_test or self.condition(test)
                    return bool(self.one_more(again, self.turn(body, others)))

            def after() -> bool | None:
                return self.after_loop(node.orelse, exits, rest)

            return self.peeled(more, self.turn(body, others), after, rest)
        return finished or self.after_loop(node.orelse, exits, rest)

    def while_loop(
        self, test: gast.AST, body: list[gast.stmt], known_test: bool | None, exits: Exits,
        node: gast.While, first: bool,
    ) -> bool:  # fmt: skip
        """A `while` operation; True if control never comes to what follows it."""
        names = stored_names(body)
        before = self.frame.vars

        def build(carries: dict[Key, Binding]) -> LoopBody:
            with self.builder.nested() as cond_ops:
                self.frame.vars = {**before, **carries}
                self.clear_flags()
                start = dict(self.frame.vars)
                if known_test:
                    cond: Operand = Const.of(True)
                else:
                    decided = self.condition(test)
                    cond = Const.of(decided) if isinstance(decided, bool) else decided
                if any(not same(b, self.frame.vars.get(k)) for k, b in start.items()):
                    raise _ConditionWrites
            with self.builder.nested() as ops:
                self.frame.vars = {**before, **carries}
                self.clear_flags()
                self.block(body)
                return LoopBody(ops, self.frame.vars, None, self.stop_flag(), cond_ops, cond)

        loop = exits.carries(self, names, first).settle(build, node)
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
        self.builder.append(
            while_op(
                loop.inits, cond, region, loop.finals, (), trip_count(),
                may_stop=stop is not None, loc=self.builder.loc,
            )
        )  # fmt: skip
        self.frame.vars = {**before, **loop.after}
        if known_test and not _has_break(body):  # left by `return` and its like, or never
            self.frame.vars.pop(CONTINUED, None)
            ways = [f for f in self.frame.vars if is_flag(f)]
            if len(ways) < 2:
                self.frame.vars[ways[0] if ways else DEAD] = TRUE
            return True
        self.frame.vars.pop(CONTINUED, None)
        return False
