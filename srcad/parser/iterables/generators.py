"""Generators: the body of a generator stands in the place of the loop that consumes it.

What holds afterwards: `for x in gen(a): BODY` is the body of `gen`, in which `x = e; BODY` stands
in the place of each `yield e`. Its names carry a number, and its frame shares the state of its
consumer. What leaves it early is a flag of the frame, as for a `try`: one for `return` of the
generator, one for `break` and one for `continue` of the consumer. Iterators that are made of
generators (`zip`, `map`, `islice` ...) are generators, too, whose text is below.
"""

from __future__ import annotations

import copy
import itertools
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gast

from srcad.ir.values import Const, Operand
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Closure,
    Known,
    LazyIterable,
    Partial,
    describe,
    same,
)
from srcad.parser.control.comprehensions import ClauseFor, nested, parsed, placed
from srcad.parser.control.flags import BROKEN, DEAD, TRUE, is_flag
from srcad.parser.control.loops import Step
from srcad.parser.frames import Frame, make_frame, own_nodes, stored_names
from srcad.parser.iterables.iterated import TEXTS, Nothing, element_at, zip_text
from srcad.parser.iterables.iteration import Iteration, from_zero, shortest
from srcad.parser.iterables.places import Place
from srcad.parser.iterables.renaming import Renamer, renamed_function
from srcad.parser.source import read_source

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

FUNCTION, MANAGER = "generator function", "context manager"
_BUILTINS = {
    f.__name__: Known(f) for f in (zip, list, next, StopIteration, IndexError)
} | {"nothing": Known(Nothing)}  # of the texts
_COPIES = 400  # of the body of a loop, one for each `yield`
_DEPTH = 50  # of generators within generators


class Emit(gast.stmt):
    """A `yield` with the statements that consume what it gives."""

    _fields = ("value", "target", "body")

    def __init__(
        self, value: gast.AST | None, consume: Callable[[Binding], bool],
        target: gast.AST | None = None, body: list[gast.stmt] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.value, self.target, self.body = value, target, body or []
        self.consume = consume


class Exit(gast.stmt):
    """A statement that leaves the block of a label."""

    _fields = ()

    def __init__(self, label: str = "") -> None:
        super().__init__()
        self.label = label


def is_generator(target: types.FunctionType | Closure) -> bool:
    """Whether calling this gives a generator."""
    if isinstance(target, Closure):
        body = target.node.body
        nodes = own_nodes(body if isinstance(body, list) else [body])
        return any(isinstance(n, (gast.Yield, gast.YieldFrom)) for n in nodes)
    return bool(target.__code__.co_flags & 0x20)


class GeneratorLowering(_Base):
    frame: Frame
    catchers: list[Any]
    openings: int

    # ------------------------------------------------------------------ what they are
    def generator(
        self, target: types.FunctionType | Closure, bound: dict[str, Binding]
    ) -> LazyIterable:
        """What a call of a generator function gives: nothing of it runs yet."""
        function = target if isinstance(target, Closure) else Known(target)
        parts = [function, *(self.boxed(b, name) for name, b in bound.items())]
        return self.iterator(FUNCTION, parts, tuple(bound))  # type: ignore[no-any-return]

    def is_produced(self, binding: Any) -> bool:
        """Whether the elements come one after the other only, from some generator."""
        if not isinstance(binding, LazyIterable):
            return False
        if binding.used is not None and self.place_of(binding) is not None:
            return True
        if binding.kind == "generator" and binding.frame is not self.frame:
            return True
        if binding.kind == FUNCTION or (binding.kind in TEXTS and TEXTS[binding.kind].only):
            return True
        return binding.kind != "combined" and any(map(self.is_produced, binding.parts))

    # ------------------------------------------------------------------ loops
    def produced_loop(
        self, node: gast.For, it: LazyIterable, rest: list[gast.stmt]
    ) -> bool | None:
        """A `for` statement over a generator."""
        host, catchers = self.frame, self.catchers
        broke, again = self.new_label(), self.new_label()
        body = leaving(node.body, {gast.Break: broke, gast.Continue: again})
        copies = itertools.count(1)

        def consume(value: Binding) -> bool:
            if next(copies) > _COPIES:
                raise self.unsupported(
                    node, f"the body of this loop would be compiled more than {_COPIES} times",
                    "it stands in the place of each `yield` of the generator",
                    "loop over a list of what the generator gives, or move the body into a "
                    "function",
                )  # fmt: skip

            def bind() -> bool:
                self.assign(node.target, value)
                return False

            with self.in_frame(host), self.caught_by(catchers):
                finished = self.block([Step(bind), *body])
            passed = self.frame.vars.pop(again, None)
            return finished and (passed is None or DEAD in self.frame.vars)

        def emit(value: gast.AST | None) -> gast.stmt:
            return Emit(value, consume, node.target, body)

        ended = self.run_generator(it, node, emit)
        state = host.vars
        if DEAD in state:
            return True
        state.pop(ended, None)
        flag = state.pop(broke, None)
        if flag is not None and same(flag, TRUE):
            return self.after_flags(False, rest)  # type: ignore[no-any-return]
        if self.left_certainly():
            return True
        if flag is not None:
            state[BROKEN] = flag
        return self.after_loop(node.orelse, None, rest)  # type: ignore[no-any-return]

    def run_generator(
        self, it: LazyIterable, node: gast.AST, emit: Callable[[gast.AST | None], gast.stmt]
    ) -> str:
        """Lower the body of a generator with `emit(e)` in the place of `yield e`; the label by
        which its `return` leaves it."""
        if self.openings >= _DEPTH:
            raise self.unsupported(
                node, f"generators nest deeper than {_DEPTH} here",
                "each stands in the place of the loop that consumes it, and this one comes to "
                "itself again, as often as only the arguments say",
                "write it as a loop, or as a function that returns a list",
            )  # fmt: skip
        unrolls = isinstance(node, ClauseFor) or getattr(node, "unrolls", False)
        result = getattr(node, "result", None)
        place = self.place_of(it)
        self.use(it, node)
        self.openings += 1
        try:
            if place is None:
                ended = self.new_label()
                frame, statements, names = self.opened(it, node)
            else:
                opened = place.opened
                ended, frame, names = opened.ended, opened.frame, opened.names
                self.frame.vars[opened.sent] = Known(None)
                statements = self.rest_of(place)
            body = Yields(self, frame, emit, ended, result, unrolls).statements(statements)
            own = it.detail if it.kind == "generator" else frame.node
            for statement in body:  # its lines are those of its own file
                placed(statement, own if frame is not self.frame else node)
            with self.in_frame(frame):
                self.block(body)
        finally:
            self.openings -= 1
        if not _makes_functions(frame.node):  # which read its names as long as they live
            for name in names:
                self.frame.vars.pop(name, None)
        return ended

    def place_of(self, it: LazyIterable) -> Place | None:
        """Where a generator stands that has begun."""
        state = None if it.used is None else self.frame.vars.get(it.used)
        found = state.value if isinstance(state, Known) else None
        return found if isinstance(found, Place) else None

    def left_certainly(self) -> bool:
        """Whether some flag says that what follows does not run, on every path."""
        return any(same(b, TRUE) for k, b in self.frame.vars.items() if is_flag(k))

    def opened(
        self, it: LazyIterable, node: gast.AST
    ) -> tuple[Frame, list[gast.stmt], set[str]]:
        """The frame, the statements and the names of a generator that begins here."""
        if it.kind in (FUNCTION, MANAGER):
            return self.opened_function(it)
        number = next(self.numbers)
        if it.kind == "generator":
            frame = self.frame_of(it)
            name = f"iterable.{number}"
            elements = gast.Expr(gast.Yield(it.detail.elt))
            clauses = it.detail.generators
            load = gast.Name(name, gast.Load(), None, None)
            statements = [nested(clauses, load, [elements], gast.For)]
            names = {name, *stored_names([c.target for c in clauses])}
            frame.locals.add(name)
            self.frame.vars[name] = it.parts[0]
            return frame, statements, names
        text, given = self.text_and_names(it, node)
        body = copy.deepcopy(parsed(text))
        own = {n: f"{n}.{number}" for n in {*given, *stored_names(body)}}
        renamer = Renamer(own)
        self.frame.locals |= set(own.values())
        self.frame.vars.update({own[n]: b for n, b in given.items()})
        return self.frame, [renamer.visit(s) for s in body], set(own.values())

    def opened_function(self, it: LazyIterable) -> tuple[Frame, list[gast.stmt], set[str]]:
        number, flow = next(self.numbers), self.frame.flow
        target: Any = it.parts[0]
        if isinstance(target, Closure):
            outer = target.frame
            made = renamed_function(target.node, number)
            frame = make_frame(outer.source, made, None, outer, outer.globals, target.name, flow)
            frame.home = target.home or outer.home
        else:
            function = target.value
            self.assumptions.add("code", function, "__code__", function.__code__)
            source = read_source(function)
            made = renamed_function(source.node, number)
            frame = make_frame(
                source, made, function, None, function.__globals__, source.name, flow
            )
        frame.is_callee = self.frame.is_callee
        self.frame.vars.update(
            {f"{name}.{number}": b for name, b in zip(it.detail, it.parts[1:])}
        )
        self.fill_boxes(frame, self.frame.vars)
        self.local_names |= {name.partition(".")[0] for name in frame.locals}
        return frame, made.body, set(frame.locals)

    def frame_of(self, it: LazyIterable) -> Frame:
        """The frame that the names of a generator expression belong to."""
        frame = it.frame
        if frame is None or frame.flow is self.frame.flow:
            return frame or self.frame
        own = stored_names([c.target for c in it.detail.generators])
        return Frame(
            frame.source, frame.node, frame.live, frame, own, frame.name, self.frame.flow,
            frame.globals, home=frame.home,
        )  # fmt: skip

    def text_and_names(
        self, it: LazyIterable, node: gast.AST
    ) -> tuple[str, dict[str, Any]]:
        """An iterator that is made of generators as the text of one."""
        if it.kind == "zip":
            return self.zip_of_generators(it, node)
        if it.kind == "map":
            function, *parts = it.parts
            if it.detail == "starmap":
                return TEXTS["starmap"].text, {"function": function, "iterable": parts[0]}
            if len(parts) == 1:
                return TEXTS["map"].text, {"function": function, "iterable": parts[0]}
            over = LazyIterable("zip", tuple(parts))
            return TEXTS["starmap"].text, {"function": function, "iterable": over}
        if it.kind == "chain":
            names = {f"iterable_{i}": p for i, p in enumerate(it.parts)}
            return "".join(f"yield from {name}\n" for name in names) or "pass\n", names
        form = TEXTS.get(it.kind)
        if form is None:
            raise self.unsupported(
                node, f"`{it.kind}` of a generator cannot be differentiated yet",
                "srcad does not follow how it reads the generator", "make a list of it first",
            )  # fmt: skip
        missing = dict.fromkeys(form.names, Known(None))
        return form.text, {**_BUILTINS, **missing, **dict(zip(form.names, it.parts))}

    def zip_of_generators(
        self, it: LazyIterable, node: gast.AST
    ) -> tuple[str, dict[str, Any]]:
        """`zip`: its first generator decides when, the others and what has an index follow."""
        if it.detail:
            raise self.unsupported(
                node, "`zip(..., strict=True)` of a generator cannot be differentiated",
                "its length is not known while compiling",
                "compare the lengths first, and leave `strict` out",
            )  # fmt: skip
        produced = [self.is_produced(p) for p in it.parts]
        driver = produced.index(True)
        names: dict[str, Any] = {**_BUILTINS, "element_at": Known(element_at)}
        lengths: tuple[list[Any], list[Any]] = ([], [])
        for i, part in enumerate(it.parts):
            if produced[i]:
                if i > driver and isinstance(part, LazyIterable) and part.kind == "counting":
                    part = part.parts[0]  # `next` reads it here
                names[f"part_{i}"] = part
                continue
            over = self.iteration(part, node)
            names[f"part_{i}"] = over
            trips: Operand | None
            if isinstance(over, Iteration):
                trips = from_zero(self, over)[0]
            else:
                trips = over.limit
                lengths[i > driver].append(Const.of(len(over.elements)))
            if trips is not None:
                lengths[i > driver].append(trips)
        for name, found in zip(("before", "after"), lengths):
            names[name] = self.as_binding(shortest(self, found)) if found else Known(None)
        return zip_text(produced, driver), names

    def listed_generator(self, it: LazyIterable, node: gast.AST) -> Binding:
        """The elements of a generator, as a list."""
        made: Binding = self.new_sequence("list", [])
        name = f"e.{next(self.numbers)}"
        load = gast.Name(name, gast.Load(), None, None)
        clause = gast.comprehension(
            gast.Name(name, gast.Store(), None, None), gast.Constant(None, None), [], 0
        )
        self.frame.locals.add(name)
        whole = gast.copy_location(gast.GeneratorExp(load, [clause]), node)
        self.clauses(whole, it, made, ClauseFor)
        return made

    def iterator_attribute(self, owner: LazyIterable, name: str, node: gast.AST) -> Binding:
        """An attribute of an iterator: the methods that `iter` and `next` call."""
        if name in ("__iter__", "__next__") and owner.used is not None:
            return Partial(Known(iter if name == "__iter__" else next), (owner,))
        if name == "send" and owner.used is not None:
            return BoundMethod(owner, name)
        reason, advice = "its body stands in the place of the loop that reads it", (
            "pass what it needs as an argument, or keep it in a variable that both see"
        )
        if name in ("__enter__", "__exit__"):
            reason = "Python raises TypeError here"
            advice = "decorate the generator function with `contextlib.contextmanager`"
        raise self.unsupported(
            node, f"`{name}` of {describe(owner)} cannot be differentiated", reason, advice
        )

    # ------------------------------------------------------------------ statements
    def stmt_Emit(self, node: Emit, rest: list[gast.stmt]) -> bool | None:
        value: Binding = Known(None)
        if node.value is not None:
            value = self.boxed(self.expression(node.value))
        return self.after_flags(node.consume(value), rest)  # type: ignore[no-any-return]

    def stmt_Exit(self, node: Exit, rest: list[gast.stmt]) -> bool:
        self.frame.vars[node.label] = TRUE
        return True

    def stmt_Delegation(self, node: Delegation, rest: list[gast.stmt]) -> bool | None:
        loop = self.stmt_ClauseFor if node.unrolls else self.stmt_For
        return loop(node, rest)  # type: ignore[no-any-return]

    def expr_Outcome(self, node: Outcome) -> Binding:
        if node.name not in self.frame.vars:
            return Known(None)
        return self.lookup(node.name, node)  # type: ignore[no-any-return]

    # ------------------------------------------------------------------ places
    @contextmanager
    def in_frame(self, frame: Frame) -> Iterator[None]:
        outer, self.frame = self.frame, frame
        try:
            yield
        finally:
            self.frame = outer

    @contextmanager
    def caught_by(self, catchers: list[Any]) -> Iterator[None]:
        """Errors of the consumer are not those of the generator."""
        outer, self.catchers = self.catchers, catchers
        try:
            with self.asking():
                yield
        finally:
            self.catchers = outer


class Delegation(gast.For):  # type: ignore[misc]
    """`yield from`, as a loop; what the generator returns is kept under the name `result`."""

    result = ""
    unrolls = False


class Outcome(gast.expr):  # type: ignore[misc]
    """What the generator of a `Delegation` returned."""

    _fields = ()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Yields:
    """The statements of a generator with other statements in the place of `yield` and `return`."""

    def __init__(
        self, low: Any, frame: Frame, emit: Callable[[gast.AST | None], gast.stmt], ended: str,
        result: str | None, unrolls: bool, sent: str = "",
    ) -> None:  # fmt: skip
        self.low, self.frame, self.emit, self.ended = low, frame, emit, ended
        self.result, self.unrolls, self.sent = result, unrolls, sent

    def statements(self, block: list[gast.stmt]) -> list[gast.stmt]:
        return [made for statement in block for made in self.statement(statement)]

    def statement(self, node: gast.stmt) -> list[gast.stmt]:
        if isinstance(node, (gast.FunctionDef, gast.ClassDef)):
            return [node]
        if isinstance(node, gast.Return):
            return self.returned(node)
        if isinstance(node, Emit):
            return [gast.copy_location(self.emit(node.value), node)]
        value = getattr(node, "value", None)
        alone = isinstance(node, (gast.Expr, gast.Assign, gast.AnnAssign)) or (
            isinstance(node, gast.AugAssign)  # the target is read first, where nobody changes it
            and isinstance(node.target, gast.Name)
            and node.target.id not in self.frame.boxes
        )
        given = alone and isinstance(value, (gast.Yield, gast.YieldFrom))
        if given:
            made, result = self.given(value)
            if isinstance(node, gast.Expr):
                return made
            node = copy.copy(node)
            node.value = result
            return [*made, node]
        made_node = copy.copy(node)
        for name, part in gast.iter_fields(node):
            if isinstance(part, list) and part and isinstance(part[0], gast.stmt):
                setattr(made_node, name, self.statements(part))
            elif name in ("handlers", "cases"):
                setattr(made_node, name, [self.part(p) for p in part])
            else:
                self.refuse_within(part)
        if self.unrolls and type(node) is gast.For:
            found = ClauseFor(
                made_node.target, made_node.iter, made_node.body, made_node.orelse, None
            )
            return [gast.copy_location(found, node)]
        return [made_node]

    def part(self, node: Any) -> Any:
        """A handler or a case."""
        made = copy.copy(node)
        made.body = self.statements(node.body)
        return made

    def returned(self, node: gast.Return) -> list[gast.stmt]:
        made: list[gast.stmt] = []
        value = node.value
        if isinstance(value, (gast.Yield, gast.YieldFrom)):
            made, value = self.given(value)
        if value is not None:
            self.refuse_within(value)
            kept: gast.stmt = gast.Expr(value)
            if self.result is not None:
                target = gast.Name(self.result, gast.Store(), None, None)
                kept = gast.Assign([target], value, None)
            made = [*made, gast.copy_location(kept, node)]
        return [*made, gast.copy_location(Exit(self.ended), node)]

    def given(self, node: Any) -> tuple[list[gast.stmt], gast.expr]:
        """The statements for `yield` or `yield from`, and what the expression gives then."""
        if node.value is not None:
            self.refuse_within(node.value)
        if isinstance(node, gast.Yield):
            found = gast.copy_location(self.emit(node.value), node)
            result: gast.expr = gast.Constant(None, None)
            if self.sent:
                result = gast.Name(self.sent, gast.Load(), None, None)
            return [found], gast.copy_location(result, node)
        number = next(self.low.numbers)
        element, kept = f"e.{number}", f"returned.{number}"
        self.frame.locals |= {element, kept}
        loop = Delegation(
            gast.Name(element, gast.Store(), None, None), node.value,
            [gast.copy_location(self.emit(gast.Name(element, gast.Load(), None, None)), node)],
            [], None,
        )  # fmt: skip
        loop.result, loop.unrolls = kept, self.unrolls
        placed(gast.copy_location(loop, node), node)
        return [loop], gast.copy_location(Outcome(kept), node)

    def refuse_within(self, part: Any) -> None:
        """Refuse a `yield` that is a part of another expression."""
        nodes = part if isinstance(part, list) else [part]
        for node in own_nodes([n for n in nodes if isinstance(n, gast.AST)]):
            if isinstance(node, (gast.Yield, gast.YieldFrom)):
                with self.low.in_frame(self.frame):
                    raise self.low.unsupported(
                        node, "a `yield` in the middle of an expression cannot be differentiated",
                        "what consumes the value would stand within the expression",
                        "give it a statement of its own: `y = yield x`",
                    )  # fmt: skip


def leaving(statements: list[gast.stmt], labels: dict[type, str]) -> list[gast.stmt]:
    """Statements of a loop with other exits in the place of its `break` and `continue`."""
    made = []
    for node in statements:
        if type(node) in labels:
            node = gast.copy_location(Exit(labels[type(node)]), node)
        elif not isinstance(node, (gast.FunctionDef, gast.ClassDef)) and _leaves(node):
            node = copy.copy(node)
            inner = ("orelse",) if isinstance(node, (gast.For, gast.While)) else (
                "body", "orelse", "finalbody",
            )  # fmt: skip
            for name in inner:
                block = getattr(node, name, None)
                if isinstance(block, list):
                    setattr(node, name, leaving(block, labels))
            for name in ("handlers", "cases"):
                parts = [copy.copy(p) for p in getattr(node, name, ())]
                for part in parts:
                    part.body = leaving(part.body, labels)
                if parts:
                    setattr(node, name, parts)
        made.append(node)
    return made


def _makes_functions(node: gast.AST) -> bool:
    kinds = (gast.FunctionDef, gast.Lambda, gast.GeneratorExp)
    return any(isinstance(n, kinds) and n is not node for n in gast.walk(node))


def _leaves(node: gast.stmt) -> bool:
    return any(isinstance(n, (gast.Break, gast.Continue)) for n in own_nodes([node]))
