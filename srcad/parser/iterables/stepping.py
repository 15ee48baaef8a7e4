"""`next`: a generator that is read step by step stands still at one of its `yield`s.

What holds afterwards: where it stands is known while compiling, as the statements that are left of
each block around the `yield`; its names are in the state of its consumer. What is not decided
there (whether a loop of the generator goes on) is a branch, on whose sides it comes to the same
`yield` or to its end.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import gast

from srcad.ir.values import Const, Operand, Value
from srcad.parser.bindings import (
    Binding,
    Cell,
    Choice,
    Key,
    Known,
    LazyIterable,
    Poison,
    same,
)
from srcad.parser.control.comprehensions import placed
from srcad.parser.control.flags import DEAD, FALSE, LEFT, TRUE
from srcad.parser.frames import Diverges, Frame, own_nodes, stored_names
from srcad.parser.iterables.generators import FUNCTION, Emit, Exit, Yields, leaving
from srcad.parser.iterables.iteration import Iteration, Unrolled, from_zero, now
from srcad.parser.iterables.places import Level, Opened, Place

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_ITEM, _STOPPED, _RESULT = "$item", "$stopped", "$returned_item"
_NONE = Known(None)
_TURNS = 1000  # of loops of a generator until its next `yield`
_UNDECIDED = 4  # of these, those of which it is not known whether they happen

class Labelled(gast.stmt):  # type: ignore[misc]
    """Statements that an `Exit` of this label leaves."""

    _fields = ("body",)

    def __init__(self, label: str = "", body: list[gast.stmt] | None = None) -> None:
        super().__init__()
        self.label, self.body = label, body or []


class Given(gast.expr):  # type: ignore[misc]
    """An expression whose binding is there already, under a name or as it is."""

    _fields = ()

    def __init__(self, name: str = "", after: str = "") -> None:
        super().__init__()
        self.name, self.after = name, after


class SteppingLowering(_Base):
    frame: Frame
    # generators that have begun on some path: what they are, their statements, and arguments
    begun: dict[Cell, tuple[Opened, tuple[Level, ...], tuple[Binding, ...], dict[Key, Binding]]]

    def next_element(
        self, it: LazyIterable, default: Binding | None, node: gast.AST, sent: Binding = _NONE
    ) -> Binding:
        """`next(it)`, `next(it, default)`, or `it.send(sent)`."""
        stopped = self.advance(it, node, sent)
        variables = self.frame.vars
        item = variables.pop(_ITEM, _NONE)
        result = variables.pop(_RESULT, _NONE)
        if not isinstance(stopped, bool):
            if default is None:
                self.stop_iteration(stopped, result, node)
                place = self.place_of(it)
                if place is not None:  # where it had stopped, this is not reached
                    self.frame.vars[place.opened.stopped] = FALSE
                return item
            return self.choose(  # type: ignore[no-any-return]
                stopped, lambda: default, lambda: item, node
            )
        if not stopped:
            return item
        if default is not None:
            return default
        handler = self.catcher_of(StopIteration)
        if handler is not None and handler.reads:
            error = self.error_object(StopIteration, [result], {}, node)
            self.leave(handler, self.error_of(handler, [StopIteration], error))
        raise self.python_raises(
            StopIteration(), node, "there is no next element", "Python raises StopIteration here",
            "pass a default",
        )  # fmt: skip

    def send(self, it: LazyIterable, args: list[Binding], node: gast.AST) -> Binding:
        """`it.send(value)`."""
        if len(args) != 1 or it.kind != FUNCTION:
            raise self.python_raises(
                TypeError(), node, "this iterator is sent to", "Python raises TypeError here",
                "send one value to a generator",
            )  # fmt: skip
        fresh = self.frame.vars.get(it.used)  # type: ignore[arg-type]
        value = self.boxed(args[0])
        if isinstance(fresh, Known) and fresh.value is False and not same(value, _NONE):
            raise self.python_raises(
                TypeError(), node, "a value is sent to a generator that has not begun",
                "Python raises TypeError here", "call `next` first",
            )  # fmt: skip
        return self.next_element(it, None, node, value)

    def stop_iteration(self, stopped: Operand, result: Binding, node: gast.AST) -> None:
        """Raise StopIteration at run time if there was no element."""
        handler = self.catcher_of(StopIteration)
        if handler is not None:
            state = {**self.frame.vars, handler.label: TRUE}
            if handler.wants:
                error: Binding = Known(StopIteration())
                if handler.reads:
                    error = self.error_object(StopIteration, [result], {}, node)
                    state = {**self.frame.vars, **state}
                state[handler.error] = self.error_of(handler, [StopIteration], error)
            self.may_leave(stopped, [], state)
            return
        name = gast.Name("StopIteration", gast.Load(), None, None)
        self.branch(stopped, [gast.copy_location(gast.Raise(name, None), node)], [], [])

    # ------------------------------------------------------------------ one step
    def advance(
        self, it: LazyIterable, node: gast.AST, sent: Binding = _NONE
    ) -> bool | Operand:
        """Come to the next `yield`, whose value is then `$item`; whether there was none (what
        the generator returned is then `$returned_item`)."""
        assert it.used is not None
        variables = self.frame.vars
        state = variables.get(it.used)
        if isinstance(state, Known) and state.value is False:
            levels = self.opened_place(it, node)
        elif isinstance(state, Known) and isinstance(state.value, Place):
            levels = state.value
        elif isinstance(state, Known) and state.value is None:
            return True
        else:
            self.refuse_state(it, state, node)
        opened = levels.opened
        if opened.frame.flow is not self.frame.flow:
            raise self.unsupported(
                node, "this iterator was read by another call of a function",
                "how far it has come is known there only",
                "read it where it was made, or count with a number of your own",
            )  # fmt: skip
        before = variables.get(opened.stopped, FALSE)
        variables[_STOPPED] = before
        variables[opened.sent] = sent
        outer = self.frame
        self.frame = opened.frame
        try:
            if isinstance(before, Value):
                found = self.fork(before, None, levels.levels, opened, [0, 0], node)
            else:
                found = self.run(levels.levels, opened, [0, 0], node)
        finally:
            self.frame = outer
        variables = self.frame.vars
        if DEAD in variables:
            raise Diverges
        stopped = variables.pop(_STOPPED)
        if opened.result in variables:
            variables[_RESULT] = variables[opened.result]
        variables[it.used] = Known(None if found is None else opened.place(found))
        if same(stopped, TRUE):
            return True
        variables[opened.stopped] = stopped
        return False if same(stopped, FALSE) else self.operand(stopped, node)

    def refuse_state(self, it: LazyIterable, state: Any, node: gast.AST) -> Any:
        if isinstance(state, (Poison, Choice)):
            raise self.unsupported(
                node, "at which `yield` this generator stands is not known while compiling",
                "it was read further on some paths, or in some turns of a loop, than on others",
                "read it in a loop of its own, or make a list of it first",
            )  # fmt: skip
        self.use(it, node)  # raises

    def opened_place(self, it: LazyIterable, node: gast.AST) -> Place:
        """Where a generator stands before its first statement; on each path the same."""
        assert it.used is not None
        if it.used in self.begun:
            opened, first, parts, bound = self.begun[it.used]
            here = opened.frame.flow is self.frame.flow
            if here and all(p is q for p, q in zip(parts, it.parts)):
                self.frame.vars.update(bound)
                return opened.place(first)
        number = next(self.numbers)
        ended = self.new_label()
        whole = it
        if not self.is_produced(it) and it.kind != "generator":
            whole = LazyIterable("plain", (replace(it, used=None),))
        frame, statements, names = self.opened(whole, node)

        def emit(value: gast.AST | None) -> gast.stmt:
            return Emit(value, lambda item: False)

        sent, result = f"sent.{number}", f"result.{number}"
        frame.locals |= {sent, result}
        body = Yields(self, frame, emit, ended, result, False, sent).statements(statements)
        for statement in body:
            placed(statement, node)
        opened = Opened(frame, names, ended, f"stopped.{number}", sent, result)
        levels: tuple[Level, ...] = ((tuple(body), None),)
        if whole.kind in (FUNCTION, "generator", "plain"):
            state = self.frame.vars
            keys: list[Key] = [*sorted(names), *frame.boxes.values()]
            bound = {k: state[k] for k in keys if k in state}
            self.begun[it.used] = (opened, levels, it.parts, bound)
        return opened.place(levels)

    def run(
        self, levels: tuple[Level, ...], opened: Opened, turns: list[int], node: gast.AST
    ) -> tuple[Level, ...] | None:
        """Lower statements until a `yield`; what is left then, or None at the end."""
        while levels:
            (statements, loop), outer = levels[0], levels[1:]
            if not statements:
                if loop is None:
                    levels = outer
                    continue
                turns[0] += 1
                if turns[0] > _TURNS:
                    self.refuse_turns(loop)
                found = self.next_turn(loop, outer, opened, turns, node)
                if not isinstance(found, Forked):
                    levels = found
                    continue
                return found.levels
            first, rest = statements[0], statements[1:]
            left: tuple[Level, ...] = ((rest, loop), *outer)
            if isinstance(first, Emit):
                value: Binding = Known(None)
                with self.builder.at(self.loc(first)):
                    if first.value is not None:
                        value = self.boxed(self.expression(first.value))
                self.frame.vars[_ITEM] = value
                return left
            if isinstance(first, Exit):
                break
            if isinstance(first, gast.Break):
                levels = outer
            elif isinstance(first, gast.Continue):
                levels = (((), loop), *outer)
            elif not _is_structured(first):
                self.block([first])
                if DEAD in self.frame.vars:
                    return None
                self.refuse_left(first)
                levels = left
            elif isinstance(first, gast.If):
                truth = self.truth(self.expression(first.test), first.test)
                sides = [((tuple(s) + rest, loop), *outer) for s in (first.body, first.orelse)]
                if not isinstance(truth, bool):
                    return self.fork(truth, sides[0], sides[1], opened, turns, node)
                levels = sides[0] if truth else sides[1]
            elif isinstance(first, gast.While):
                levels = (((), first), *left)
            elif isinstance(first, gast.For):
                self.begin(first)
                levels = (((), first), *left)
            else:
                raise self.unsupported(
                    first, "a generator with a `yield` in this statement is read by `next`",
                    "srcad follows step by step only what stands in `if`, `for` and `while`",
                    "read the generator by a `for` loop",
                )  # fmt: skip
        self.frame.vars[_STOPPED] = TRUE
        return None

    def fork(
        self, condition: Operand, then: tuple[Level, ...] | None,
        orelse: tuple[Level, ...] | None, opened: Opened, turns: list[int], node: gast.AST,
    ) -> tuple[Level, ...] | None:  # fmt: skip
        """Both sides of a branch, up to the next `yield` of each."""
        turns = [turns[0], turns[1] + 1]
        if turns[1] > _UNDECIDED:
            self.refuse_turns(node)
        before, loc = self.frame.vars, self.builder.loc
        ends: list[Any] = []
        sides: list[Any] = []
        for levels in (then, orelse):
            with self.builder.nested() as ops:
                self.frame.vars = dict(before)
                if levels is None:
                    self.frame.vars.update({_STOPPED: TRUE, opened.result: _NONE})
                try:
                    found = None if levels is None else self.run(levels, opened, turns, node)
                except Diverges:
                    self.dead()
                    found = None
                ends.append((ops, self.frame.vars))
                if DEAD not in self.frame.vars and found is not None:
                    sides.append(opened.place(found))
        if len({id(s) for s in sides}) > 1:
            raise self.unsupported(
                node, "at which `yield` this generator stands is not known while compiling",
                "it comes to one or to another, as a condition of run time says",
                "read it by a `for` loop, or bring both to one `yield`",
            )  # fmt: skip
        self.frame.vars = before
        (then_ops, then_vars), (else_ops, else_vars) = ends
        self.frame.vars = self.join_branches(
            condition, then_ops, then_vars, else_ops, else_vars, before, loc
        )
        return sides[0].levels if sides else None

    # ------------------------------------------------------------------ loops of the generator
    def begin(self, loop: gast.For) -> None:
        """A `for` of the generator begins: what it runs over, and that no turn was yet."""
        if not hasattr(loop, "number"):
            loop.number = next(self.numbers)
        over = self.iterable(self.expression(loop.iter), loop)
        if isinstance(over, LazyIterable) and not self.is_produced(over) and over.used:
            self.use(over, loop)
            over = replace(over, used=None)
        self.frame.vars[f"over.{loop.number}"] = over
        self.frame.vars[f"turn.{loop.number}"] = Known(0)

    def next_turn(
        self, loop: Any, outer: tuple[Level, ...], opened: Opened, turns: list[int],
        node: gast.AST,
    ) -> Any:  # fmt: skip
        """What is left to do where a loop comes to its test."""
        inside: tuple[Level, ...] = ((tuple(loop.body), loop), *outer)
        after: tuple[Level, ...] = ((tuple(loop.orelse), None), *outer)
        if isinstance(loop, gast.While):
            more = self.truth(self.expression(loop.test), loop.test)
        else:
            more, item = self.turn_of(loop, loop.number)
            bind = Turn(loop, item)
            inside = (((bind, *loop.body), loop), *outer)
        if isinstance(more, bool):
            return inside if more else after
        return Forked(self.fork(more, inside, after, opened, turns, node))

    def turn_of(self, loop: gast.For, number: int) -> tuple[bool | Operand, Any]:
        """Whether a `for` of the generator has another turn, and what gives its element."""
        over: Any = self.frame.vars[f"over.{number}"]
        if self.is_produced(over):
            stopped = self.advance(over, loop)
            item = self.frame.vars.pop(_ITEM, _NONE)
            self.frame.vars.pop(_RESULT, None)
            self.frame.vars[_STOPPED] = FALSE
            if isinstance(stopped, bool):
                return not stopped, lambda: item
            more = self.apply(operator.not_, [self.as_binding(stopped)], {}, loop)
            return self.operand(more, loop), lambda: item
        name = f"turn.{number}"
        turn = self.frame.vars[name]
        index = self.operand(turn, loop)
        running = self.iteration(over, loop)

        def counted(element: Callable[[], Binding]) -> Callable[[], Binding]:
            def make() -> Binding:
                one = self.arithmetic(operator.add, index, Const.of(1))
                self.frame.vars[name] = self.as_binding(one)
                return element()

            return make

        if isinstance(running, Unrolled) and isinstance(turn, Known):
            at, elements = turn.value, running.elements
            if at >= len(elements):
                return False, None
            found: bool | Operand = True
            if running.limit is not None:
                test = self.arithmetic(operator.lt, index, running.limit)
                found = self.truth(self.as_binding(test), loop)
            return found, counted(lambda: now(self, elements[at]))
        if isinstance(running, Unrolled):
            running = self.list_iteration(running)
            if running is None:
                self.refuse_turns(loop)
        trips, element = from_zero(self, running)
        test = self.arithmetic(operator.lt, index, trips)
        return self.truth(self.as_binding(test), loop), counted(lambda: element(self, index))

    def refuse_turns(self, node: gast.AST) -> Any:
        raise self.unsupported(
            node, "how far this generator has come is not known while compiling",
            "`next` may pass several turns of a loop in it, as conditions of run time say",
            "read it by a `for` loop, or make a list of it first",
        )

    def refuse_left(self, node: gast.AST) -> None:
        if any(isinstance(k, str) and k.startswith(LEFT) for k in self.frame.vars):
            raise self.unsupported(
                node, "an error that is caught may leave a generator that `next` reads",
                "where the generator stands then is not known while compiling",
                "read it by a `for` loop within the `try`",
            )  # fmt: skip

    # ------------------------------------------------------------------ going on in a loop
    def read_on(self, binding: Binding, node: gast.AST | None) -> Binding:
        """An iterator of which a part is read here: by `next`, if its name is read again."""
        if not isinstance(binding, LazyIterable) or binding.used is None:
            return binding
        if not isinstance(node, gast.Name) or not read_again(self.frame.node, node.id):
            return binding
        return self.iterator("counting", [binding])  # type: ignore[no-any-return]

    def rest_of(self, place: Place) -> list[gast.stmt]:
        """The statements that are left of a generator, for a loop that reads on."""
        made: list[gast.stmt] = []
        for statements, loop in place.levels:
            block = [*made, *statements]
            if loop is None:
                made = block
                continue
            broke, again = self.new_label(), self.new_label()
            inner = leaving(block, {gast.Break: broke, gast.Continue: again})
            going: gast.stmt = loop
            if isinstance(loop, gast.For):
                going = gast.For(
                    loop.target, Given(f"over.{loop.number}", f"turn.{loop.number}"), loop.body,
                    loop.orelse, None,
                )  # fmt: skip
                gast.copy_location(going, loop)
                gast.copy_location(going.iter, loop)
            made = [Labelled(broke, [Labelled(again, inner), going])]
            for part in (made[0], made[0].body[0]):
                gast.copy_location(part, loop)
        opened = place.opened
        stopped = self.frame.vars.get(opened.stopped, FALSE)
        if isinstance(stopped, Value):
            made = [gast.If(Given(opened.stopped), [Exit(opened.ended)], made)]
        return made

    def stmt_Labelled(self, node: Labelled, rest: list[gast.stmt]) -> bool | None:
        finished = self.block(node.body)
        passed = self.frame.vars.pop(node.label, None)
        finished = finished and (passed is None or DEAD in self.frame.vars)
        return self.after_flags(finished, rest)  # type: ignore[no-any-return]

    def expr_Given(self, node: Given) -> Binding:
        found: Binding = self.frame.vars[node.name]
        if not node.after or self.is_produced(found):
            return found
        return LazyIterable("rest", (found, self.frame.vars[node.after]))

    def over_rest(self, it: LazyIterable, node: gast.AST) -> Iteration | Unrolled:
        """What is left of a loop after some turns."""
        over, turn = it.parts
        running = self.iteration(over, node)
        if isinstance(running, Unrolled):
            if isinstance(turn, Known) and running.limit is None:
                return Unrolled(running.elements[turn.value :])
            listed = self.list_iteration(running)
            if listed is None:
                self.refuse_turns(node)
            running = listed
        trips, element = from_zero(self, running)
        start = self.operand(turn, node)
        return Iteration(start, trips, Const.of(1), element)

    def stmt_Turn(self, node: Turn, rest: list[gast.stmt]) -> None:
        self.assign(node.loop.target, node.item())


class Turn(gast.stmt):  # type: ignore[misc]
    """The binding of a loop's target, in a turn that happens."""

    _fields = ()

    def __init__(self, loop: gast.For, item: Any) -> None:
        super().__init__()
        self.loop, self.item = loop, item
        gast.copy_location(self, loop)


@dataclass(frozen=True)
class Forked:
    """Where a generator stands behind a branch."""

    levels: tuple[Level, ...] | None


def read_again(function: gast.AST, name: str) -> bool:
    """Whether a name is read at several places of a function, or in each turn of a loop."""
    loops = [n for n in gast.walk(function) if isinstance(n, (gast.For, gast.While))]
    for loop in loops:
        body = [n for part in loop.body for n in gast.walk(part)]
        if reads(body, name) and name not in stored_names(loop.body):
            return True
    nodes = list(gast.walk(function))
    return reads(nodes, name) > reads(nodes, name, gast.Store)


def reads(nodes: Iterable[gast.AST], name: str, context: type = gast.Load) -> int:
    found = (n for n in nodes if isinstance(n, gast.Name) and n.id == name)
    return sum(isinstance(n.ctx, context) for n in found)


def _is_structured(node: gast.stmt) -> bool:
    """Whether control may leave the block of a statement, or wait in it."""
    inner = list(own_nodes([node]))
    if any(isinstance(n, (Emit, Exit)) for n in inner):
        return True
    loop = isinstance(node, (gast.For, gast.While))
    return not loop and any(isinstance(n, (gast.Break, gast.Continue)) for n in inner)
