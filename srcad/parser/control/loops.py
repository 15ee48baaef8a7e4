"""`for` to IR, and what it shares with `while`.

What holds afterwards: what a loop carries was found by lowering its body until it settled.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import gast

from srcad import runtime
from srcad.errors import AliasingError, TypeInferenceError, UnsupportedSyntaxError
from srcad.ir import ops as O
from srcad.ir.abstract import BOOL, INT, ListOf, TableOf
from srcad.ir.build import for_op
from srcad.ir.values import UNDEFINED, Const, Loc, Op, Operand, Region, Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Cell,
    Key,
    Known,
    LazyIterable,
    Maybe,
    ObjectParam,
    Poison,
    Ref,
    Struct,
    number,
    presence,
    same,
    values_in,
)
from srcad.parser.control.carries import Carries, Collected, LoopBody, carries_data, take_collected
from srcad.parser.control.comprehensions import UNROLLED_RANGE
from srcad.parser.control.flags import BROKEN, CONTINUED, DEAD, TRUE, is_flag
from srcad.parser.frames import (
    FirstDiffers,
    Frame,
    blocks_of,
    own_nodes,
    own_statements,
    stored_names,
)
from srcad.parser.iterables.iteration import ONE_STEP, ZERO, Iteration, Unrolled, from_zero, now
from srcad.parser.memory.storage import key_name

Iterated = dict[Cell, tuple[Loc, ...]]

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


UNROLLED_EXITS = 60  # Python allows 100 levels of indentation


class Turns(gast.stmt):
    """What is left of an unrolled loop, as a statement within a branch.

    `checked` is a turn of which it is known that it happens.
    """

    def __init__(self, loop: gast.For, over: Unrolled, first: int, checked: int = -1) -> None:
        super().__init__()
        self.loop, self.over, self.first, self.checked = loop, over, first, checked
        gast.copy_location(self, loop)


class Step(gast.AST):  # type: ignore[misc]
    """A statement of the parser's own."""

    _fields = ()

    def __init__(self, run: Callable[[], bool]) -> None:
        super().__init__()
        self.run = run


class LoopLowering(_Base):
    iterated: Iterated
    frame: Frame
    context: Any
    in_turns: bool
    projected: dict[Any, tuple[Value, list[Op]]]
    single_turns: int

    def stmt_For(self, node: gast.For, rest: list[gast.stmt]) -> bool | None:
        return self.loop_over(node, self.expression(node.iter), rest)

    def loop_over(
        self, node: gast.For, over: Binding, rest: list[gast.stmt]
    ) -> bool | None:
        """A `for` statement whose iterable is lowered."""
        over = self.iterable(over, node.iter)
        if self.is_view_made(over):
            over = self.boxed(over)  # so that changes of what it may be a view of are seen
        inside = {n.id for n in own_nodes(node.body) if isinstance(n, gast.Name)}
        if _has_break(node.body) or getattr(node.iter, "id", None) in inside:
            over = self.read_on(over, node.iter)
        if self.is_produced(over):
            return self.produced_loop(node, over, rest)
        if isinstance(over, LazyIterable) and over.kind == "generator":
            clauses = over.detail.generators
            if len(clauses) > 1 or clauses[0].ifs:
                return self.generator_loop(node, over, rest)
        iterable = self.iteration(over, node.iter)
        outer = dict(self.iterated)
        for cell in self.reachable([over]):
            self.iterated.setdefault(cell, ())
        for cell in self.stepped_through(over):
            self.iterated[cell] = (*outer.get(cell, ()), self.loc(node.iter))
        try:
            if isinstance(iterable, Unrolled):
                table = self.long_table(over, iterable, node)
                if table is not None:
                    return self.for_loop(node, table, rest, outer)
                return self.unrolled(node, iterable, rest, outer)
            short = self.short_range(over) or (self.turns_of(iterable) if self.precision else None)
            if short is None:
                return self.for_loop(node, iterable, rest, outer)
            in_turns = self.in_turns
            saved = self.frame, self.frame.vars, self.frame.tolerated, self.frame.met, self.context
            at, projected = len(self.builder.block), dict(self.projected)
            self.frame.vars = dict(self.frame.vars)
            try:
                return self.for_loop(node, iterable, rest, outer, strict=True)
            except (TypeInferenceError, UnsupportedSyntaxError, AliasingError):
                del self.builder.block[at:]
                self.in_turns, self.projected = in_turns, projected
                self.frame, state, tolerated, met, self.context = saved
                self.frame.vars, self.frame.tolerated, self.frame.met = state, tolerated, met
            return self.unrolled(node, short, rest, outer)
        finally:
            self.iterated = outer

    def stepped_through(self, over: Binding) -> list[Cell]:
        """The memory whose elements, and how many there are, the loop takes."""
        if isinstance(over, LazyIterable):
            if over.kind == "chain":
                read = [over] if over.detail is None else [over, over.detail]
                return self.reachable(read)  # type: ignore[no-any-return]
            return [cell for part in over.parts for cell in self.stepped_through(part)]
        return [over.cell] if isinstance(over, Ref) else []

    def long_table(
        self, over: Binding, iterable: Unrolled, node: gast.For
    ) -> Iteration | None:
        """A loop over a known list of numbers, if it is too long to be unrolled."""
        known = self.deref(over)
        if len(iterable.elements) <= UNROLLED_EXITS or not _leaves(node.body):
            return None
        table = self.table(known.value) if isinstance(known, Known) else None
        found = None if table is None else self.iteration(table, node.iter)
        return found if isinstance(found, Iteration) else None

    def collected(self, found: Collected) -> Value:
        """The value for the list of what the iterations append."""
        made = self.builder.defining.get(found.init)
        if made is not None and made.kind is O.PACK and not made.operands:
            return found.final
        return self.builder.value(ListOf(found.item.type), found.final.name)

    def short_range(self, over: Binding) -> Unrolled | None:
        """The turns of a range that is so short that it can be unrolled if it must."""
        known = self.deref(over)
        if isinstance(known, Known) and isinstance(known.value, range):
            if len(known.value) <= UNROLLED_RANGE:
                return Unrolled(tuple(Known(v) for v in known.value))
        return None

    def refuse_poison(
        self, after: dict[Key, Binding], before: dict[Key, Binding], node: gast.AST
    ) -> None:
        """Refuse a loop after which a name is of several kinds, and was not before."""
        for key, binding in after.items():
            if isinstance(binding, Poison) and not isinstance(before.get(key), Poison | None):
                raise self.of_many_kinds(key_name(key), binding, self.loc(node))

    def unrolled(
        self, node: gast.For, iterable: Unrolled, rest: list[gast.stmt], outer: Iterated
    ) -> bool | None:
        """A loop over a tuple: its body once per element, as nested statements."""
        if len(iterable.elements) > UNROLLED_EXITS and _leaves(node.body):
            raise self.unsupported(
                node, f"a loop over {len(iterable.elements)} elements that is left early "
                "cannot be differentiated", "it is unrolled, each turn within the one before",
                "loop over an array or over range(n)",
            )  # fmt: skip
        in_turns, self.in_turns = self.in_turns, True
        self.turns(Turns(node, iterable, 0))
        self.in_turns = in_turns
        self.iterated = outer
        if DEAD in self.frame.vars:
            return True
        if same(self.frame.vars.get(BROKEN), TRUE):  # in each case: no `else`
            self.frame.vars.pop(BROKEN)
            return self.after_flags(False, rest)
        if _has_left(self.frame.vars):
            return True
        return self.after_loop(node.orelse, Exits(node.body, bool(node.orelse)), rest)

    def turns(self, node: Turns) -> None:
        """The turns of an unrolled loop from one on; after an exit that may happen, the others
        stand in the branch in which it did not."""
        for k in range(node.first, len(node.over.elements)):
            limit = node.over.limit
            if limit is not None and k != node.checked:
                more = self.truth(
                    self.as_binding(self.arithmetic(operator.lt, Const.of(k), limit)), node.loop
                )
                self.branch(more, [Turns(node.loop, node.over, k, k)], [], [])
                return
            self.assign(node.loop.target, now(self, node.over.elements[k]))
            self.block(node.loop.body)
            state = self.frame.vars
            state.pop(CONTINUED, None)
            if _has_left(state):
                return
            flag = self.pending_flag()
            if flag is not None:
                if k + 1 < len(node.over.elements):
                    self.branch(flag, [], [Turns(node.loop, node.over, k + 1)], [])
                return

    def stmt_Turns(self, node: Turns, rest: list[gast.stmt]) -> bool | None:
        self.turns(node)
        return True if _has_left(self.frame.vars) else None

    def for_loop(
        self, node: gast.For, it: Iteration, rest: list[gast.stmt], outer: Iterated,
        strict: bool = False,
    ) -> bool | None:
        exits = Exits(node.body, bool(node.orelse))
        try:
            self.counted(node, it, exits, first=True, strict=strict)
        except FirstDiffers:
            return self.peeled_for(node, it, exits, rest, outer)
        self.iterated = outer
        return self.after_loop(node.orelse, exits, rest)

    def peeled_for(
        self, node: gast.For, it: Iteration, exits: Exits, rest: list[gast.stmt],
        outer: Iterated,
    ) -> bool | None:  # fmt: skip
        """The first iteration, then a loop over the others."""
        trips, element = from_zero(self, it)

        def start() -> bool:
            first = element(self, self.as_value(Const.of(0)))
            if it.plain and not it.reverse:
                first = self.as_binding(it.start)
            self.assign(node.target, first)
            return False

        def others(k: int = 1) -> bool:
            plain = it.plain and element is it.element
            turn = Const.of(k)
            turns = Iteration(turn, trips, ONE_STEP, element, plain=plain, name=it.name)
            try:
                self.counted(node, turns, exits, first=False)
            except FirstDiffers:

                def bind() -> bool:
                    self.assign(node.target, element(self, self.as_value(turn)))
                    return False

                more = self.arithmetic(operator.gt, trips, turn)
                test = more.value if isinstance(more, Const) else more
                steps = self.turn(node.body, lambda: others(k + 1))
                return self.one_more(test, [Step(bind), *steps])
            return False

        def after() -> bool | None:
            self.iterated = outer
            return self.after_loop(node.orelse, exits, rest)

        more = self.arithmetic(operator.gt, trips, ZERO)
        test = more.value if isinstance(more, Const) else more
        return self.peeled(test, [Step(start), *self.turn(node.body, others)], after, rest)

    def one_more(self, more: Any, steps: list[Any]) -> bool:
        """Another turn by itself: a generator that `next` reads stands elsewhere in the next."""
        self.single_turns -= 1
        try:
            return bool(self.peeled(more, steps, lambda: None, []))
        finally:
            self.single_turns += 1

    def turn(self, body: list[gast.stmt], others: Callable[[], bool]) -> list[Any]:
        """The statements of one iteration by itself, and of the loop over the others."""
        if not any(isinstance(n, gast.Continue) for n in own_statements(body)):
            return [*body, Step(others)]

        def first() -> bool:
            finished = self.block(body)
            return self.frame.vars.pop(CONTINUED, None) is None and finished

        return [Step(first), Step(others)]

    def peeled(
        self, more: Any, steps: list[Any], after: Callable[[], bool | None], rest: list[gast.stmt]
    ) -> bool | None:
        """The parts of a loop if it runs at all, and what follows it.

        What follows is lowered for each case, if it reads a name that is data only if it runs.
        """
        if isinstance(more, bool):
            return self.left_for_good(self.block(steps) if more else False) or after()
        frame, builder = self.frame, self.builder
        before = frame.vars
        with builder.nested() as ops:
            frame.vars = dict(before)
            finished = self.left_for_good(self.block(steps))
            state = frame.vars
        changed = {n for n, b in state.items() if isinstance(n, str) and _differs(before.get(n), b)}
        read = {n.id for part in rest for n in gast.walk(part) if isinstance(n, gast.Name)}
        if not changed & read:
            frame.vars = self.join_branches(
                more, ops, state, [], dict(before), before, builder.loc
            )
            return after()

        def following() -> bool:
            found = after()
            return bool(self.block(rest) if found is None else found)

        with builder.within(ops):
            frame.vars = state
            finished = finished or following()
            state = frame.vars
        with builder.nested() as none:
            frame.vars = dict(before)
            self.unlikely += 1
            never = following()
            self.unlikely -= 1
            empty = frame.vars
        frame.vars = self.join_branches(more, ops, state, none, empty, before, builder.loc)
        return finished and never

    def left_for_good(self, finished: bool) -> bool:
        """Whether control never comes to what follows the loop."""
        return finished and BROKEN not in self.frame.vars

    def stmt_Step(self, node: Step, rest: list[gast.stmt]) -> bool | None:
        found: bool | None = self.after_flags(node.run(), rest)
        return found

    def counted(
        self, node: gast.For, it: Iteration, exits: Exits, first: bool, strict: bool = False
    ) -> None:
        names = stored_names([node.target, *node.body])

        def build(carries: dict[Key, Binding]) -> LoopBody:
            index = self.builder.value(INT, it.name)
            with self.builder.nested() as ops:
                self.frame.vars = {**before, **carries}
                self.clear_flags()
                self.in_turns = False
                self.assign(node.target, it.element(self, index))
                if it.plain and not index.named:
                    index.named = True
                self.block(node.body)
                return LoopBody(ops, self.frame.vars, index, self.stop_flag())

        before, in_turns = self.frame.vars, self.in_turns
        loop = exits.carries(self, names, first).settle(build, node)
        self.in_turns = in_turns
        if strict:
            self.refuse_poison(loop.after, before, node)
        stop = loop.stop
        collected = take_collected(loop)
        lists = [self.collected(c) for c in collected]
        params = (loop.body.index, *loop.params)
        emitted = [c.item for c in collected]
        yields = (*loop.yields, *emitted, *((stop,) if stop is not None else ()))
        region = Region(params, loop.body.ops, yields)
        trips = self.builder.value(INT, "trips") if stop is not None else None
        self.builder.append(
            for_op(
                (it.start, it.stop, it.step), loop.inits, (), region, loop.finals,
                [(v, False) for v in lists], reverse=it.reverse, trips=trips,
                loc=self.builder.loc,
            )
        )  # fmt: skip
        for c, v in zip(collected, lists):
            if v is not c.final:
                attrs = {"fn": runtime.joined}
                self.builder.append(
                    Op(O.APPLY, (c.init, v), attrs, (c.final,), (), self.builder.loc)
                )
        self.frame.vars = {**before, **loop.after}

    def after_loop(
        self, orelse: list[gast.stmt], exits: Exits, rest: list[gast.stmt]
    ) -> bool | None:
        frame = self.frame
        broke = frame.vars.pop(BROKEN, None)
        frame.vars.pop(CONTINUED, None)
        if orelse:
            if isinstance(broke, Value):
                other = self.pending_flag()
                if other is not None:
                    broke = self.select_if(broke, Const.of(True), other, BOOL)
                outcome = self.branch_else(broke, orelse)
            elif broke is not None and same(broke, TRUE):
                outcome = None
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
        flags = [number(b) for f, b in variables.items() if is_flag(f) and f != CONTINUED]
        if variables.get(DEAD) is TRUE or not flags:
            return None
        for flag in flags:
            if isinstance(flag, Const):
                return flag
        found = flags[0]
        for other in flags[1:]:
            assert found is not None and other is not None
            found = self.select_if(found, Const.of(True), other, BOOL)
        return found

    def leaf_operands(self, binding: Binding | None, shape: Binding) -> list[Operand]:
        """Operands of `binding`, one per leaf of `shape`."""
        if isinstance(shape, Struct):
            parts: list[Operand] = []
            held = dict(binding.items) if isinstance(binding, Struct) else {}
            for key, inner in shape.items:  # an object may get an attribute in the loop
                parts += self.leaf_operands(held.get(key), inner)
            return parts
        if isinstance(shape, Maybe):
            present, value = presence(binding)
            return self.leaf_operands(present, shape.present) + self.leaf_operands(
                value, shape.value
            )
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
            found = values_in(shape)
            given = values_in(binding) if type(binding) is type(shape) else []
            return [*given] if len(given) == len(found) else [UNDEFINED] * len(found)
        if isinstance(binding, Struct) and isinstance(shape.type, (ListOf, TableOf)):
            listed = isinstance(shape.type, ListOf)
            with self.joint():
                value = (self.as_list_value if listed else self.as_table_value)(binding, None)
            if value is None:
                raise TypeInferenceError(
                    f"the elements of the {'list' if listed else 'dictionary'} `{shape.name}` are "
                    "not of one kind",
                    reason="its length is not known while compiling, so one type describes them",
                    advice="keep numbers and arrays in lists of their own",
                    loc=self.builder.loc,
                )
            return [value]
        operand = number(self.deref(binding))
        return [UNDEFINED if operand is None else operand]


def _differs(before: Binding | None, after: Binding | None) -> bool:
    """Whether a name is a known object before, and data after."""
    known = before is not None and not carries_data(before)
    return known and (after is None or not same(before, after))


def _has_left(state: dict[Key, Binding]) -> bool:
    """Whether control does not come to what follows, in any case."""
    flags = (k for k in state if isinstance(k, str) and is_flag(k))
    return DEAD in state or any(same(state[f], TRUE) for f in flags)


class Exits:
    """Which early exits a loop body has (those of nested loops are theirs, but for return)."""

    def __init__(self, body: list[gast.stmt], has_else: bool) -> None:
        self.returns = any(isinstance(n, gast.Return) for n in own_statements(body))
        self.breaks = _has_break(body)
        self.needs_broken_flag = has_else and self.breaks

    def carries(self, low: Any, names: set[str], first: bool) -> Carries:
        return Carries(low, names, self.returns, self.needs_broken_flag, first)


def _leaves(body: list[gast.stmt]) -> bool:
    """Whether a turn of a loop may be its last."""
    return _has_break(body) or any(isinstance(n, gast.Return) for n in own_statements(body))


def _has_break(statements: list[gast.stmt]) -> bool:
    for node in statements:
        if isinstance(node, gast.Break):
            return True
        if isinstance(node, (gast.For, gast.While)):
            if _has_break(node.orelse):
                return True
        elif not isinstance(node, (gast.FunctionDef, gast.ClassDef)):
            if any(_has_break(block) for block in blocks_of(node)):
                return True
    return False
