"""Comprehensions and generator expressions, and Python text lowered in place, as loops.

What holds afterwards: a comprehension has become statements, with names of its own for its
targets. Builtins that call functions in a loop (`reduce`, `any` ...) are such statements too.
"""

from __future__ import annotations

import copy
import functools
import itertools
from typing import Any

import gast

from srcad.ir.values import Value
from srcad.parser.bindings import Binding, Known, LazyIterable
from srcad.parser.containers.collected import CHANGING, run_set
from srcad.parser.control.flags import DEAD
from srcad.parser.frames import Diverges, own_nodes, stored_names
from srcad.parser.iterables.renaming import Renamer

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

UNROLLED_RANGE = 16  # a longer range of a comprehension becomes a loop


class ClauseFor(gast.For):
    """A `for` clause that makes the elements of a list: a short range is unrolled."""


class ComprehensionLowering(_Base):
    numbers: itertools.count[int]

    # ------------------------------------------------------------------ comprehensions
    def expr_ListComp(self, node: gast.ListComp) -> Binding:
        return self.comprehension(node, self.new_sequence("list", []), ClauseFor)

    def expr_SetComp(self, node: gast.SetComp) -> Binding:
        return self.known_set(self.expr_ListComp(node), node)

    def expr_Set(self, node: gast.Set) -> Binding:
        return self.known_set(self.new_sequence("list", self.elements(node.elts)), node)

    def known_set(self, elements: Binding, node: gast.AST) -> Binding:
        """A set, of what is known while compiling or not."""
        content = self.deref(elements)
        if isinstance(content, Value):
            return run_set(self, elements, node)
        parts = [self.settled(p) for p in self.known_elements(elements, node)]
        if any(map(self.is_run_key, parts)) or self.is_changed(node):
            return run_set(self, elements, node)
        keys = [self.static_key(p, node) for p in parts]
        return Known(frozenset(keys))

    def is_changed(self, node: gast.AST) -> bool:
        """Whether a set is bound to a name whose methods change it."""
        statement = self.frame.statement
        if not isinstance(statement, gast.Assign) or statement.value is not node:
            return False
        names = {t.id for t in statement.targets if isinstance(t, gast.Name)}
        return any(
            isinstance(n, gast.Attribute) and n.attr in CHANGING
            and isinstance(n.value, gast.Name) and n.value.id in names
            for n in gast.walk(self.frame.node)
        )  # fmt: skip

    def expr_DictComp(self, node: gast.DictComp) -> Binding:
        return self.comprehension(node, self.expr_Dict(gast.Dict([], [])), ClauseFor)

    def expr_GeneratorExp(self, node: gast.GeneratorExp) -> Binding:
        first = self.iterable(self.expression(node.generators[0].iter), node)
        if self.is_view_made(first):
            first = self.boxed(first)
        return self.iterator("generator", [first], self.own_names(node))

    def comprehension(self, node: Any, made: Binding, loop: type[gast.For]) -> Binding:
        """Fill a list or dictionary."""
        first = self.expression(node.generators[0].iter)
        node = self.own_names(node)
        self.clauses(node, first, made, loop)
        return made

    def listed(self, it: LazyIterable) -> Binding:
        """The elements of a generator expression, as a list."""
        made: Binding = self.new_sequence("list", [])
        self.clauses(it.detail, it.parts[0], made, ClauseFor)
        return made

    def clauses(self, node: Any, first: Binding, made: Binding, loop: type[gast.For]) -> None:
        """Lower the loops of a comprehension whose names are its own already."""
        number = next(self.numbers)
        names = {f"items.{number}": made, f"iterable.{number}": first}
        items = gast.Name(f"items.{number}", gast.Load(), None, None)
        inner: gast.stmt
        if isinstance(node, gast.DictComp):
            inner = gast.Assign([gast.Subscript(items, node.key, gast.Store())], node.value, None)
        else:
            append = gast.Attribute(items, "append", gast.Load())
            inner = gast.Expr(gast.Call(append, [node.elt], []))
        iterable = gast.Name(f"iterable.{number}", gast.Load(), None, None)
        self.lower_hidden(nested(node.generators, iterable, [inner], loop), names, node)

    def own_names(self, node: Any) -> Any:
        """The comprehension with new names for its targets, which are local to it."""
        if any(g.is_async for g in node.generators):
            raise self.unsupported(
                node, "an asynchronous comprehension cannot be differentiated",
                "coroutines do not run to their end in one call", "use a plain one",
            )  # fmt: skip
        targets = stored_names([g.target for g in node.generators])
        number = next(self.numbers)
        names = {name: f"{name}.{number}" for name in targets}
        self.frame.locals |= set(names.values())
        first = node.generators[0].iter  # is read outside
        made = Renamer(names).visit(copy.deepcopy(node))
        made.generators[0].iter = first
        return made

    # ------------------------------------------------------------------ loops over generators
    def stmt_ClauseFor(self, node: gast.For, rest: list[gast.stmt]) -> bool | None:
        over = self.deref(self.expression(node.iter))
        if isinstance(over, Known) and isinstance(over.value, range):
            if len(over.value) <= UNROLLED_RANGE:
                over = Known(tuple(over.value))
                return self.loop_over(node, over, rest)
        return self.stmt_For(node, rest)

    def generator_loop(
        self, node: gast.For, it: LazyIterable, rest: list[gast.stmt]
    ) -> bool | None:
        """A `for` statement over a generator expression with conditions or several clauses."""
        made = it.detail
        nodes = list(own_nodes(node.body))
        if len(made.generators) > 1 and (
            node.orelse or any(isinstance(n, (gast.Break, gast.Continue)) for n in nodes)
        ):
            return self.loop_over(node, self.listed(it), rest)
        number = next(self.numbers)
        self.use(it, node.iter)
        name = f"iterable.{number}"
        assigned = gast.Assign([node.target], made.elt, None)
        loops = nested(
            made.generators, gast.Name(name, gast.Load(), None, None), [assigned, *node.body],
            gast.For, node.orelse,
        )  # fmt: skip
        placed(loops, node)
        self.frame.locals.add(name)
        self.frame.vars[name] = it.parts[0]
        outcome = self.statement(loops, rest)
        self.frame.vars.pop(name, None)
        return outcome

    # ------------------------------------------------------------------ text in place
    def lower_text(self, text: str, node: gast.AST, **given: Any) -> Binding:
        """Lower Python text in place; the names in it are its own. What it leaves in `result`."""
        body = copy.deepcopy(parsed(text))
        number = next(self.numbers)
        names = {n: f"{n}.{number}" for n in {*given, *stored_names(body)}}
        renamer = Renamer(names)
        body = [renamer.visit(statement) for statement in body]
        hidden = {names[n]: b for n, b in given.items()}
        return self.lower_hidden(body, hidden, node, names["result"])

    def lower_hidden(
        self, body: gast.stmt | list[gast.stmt], names: dict[str, Any], node: gast.AST,
        result: str | None = None,
    ) -> Any:
        """Lower statements with these bindings for names that the user does not see."""
        body = body if isinstance(body, list) else [body]
        for statement in body:
            placed(statement, node)
        frame = self.frame
        added = {*names, *stored_names(body)} - frame.locals
        frame.locals |= added
        for name, binding in names.items():
            frame.vars[name] = binding
        self.block(body)
        if DEAD in frame.vars:
            raise Diverges
        self.leave_by_flags()
        found = None if result is None else self.lookup(result, node)
        for name in added:
            frame.vars.pop(name, None)
        return found


def nested(
    generators: list[Any], iterable: gast.AST, body: list[gast.stmt], loop: type[gast.For],
    orelse: list[gast.stmt] | None = None,
) -> gast.stmt:
    """The loops and conditions of a comprehension around statements."""
    for i in range(len(generators) - 1, -1, -1):
        clause = generators[i]
        for condition in reversed(clause.ifs):
            body = [gast.If(condition, body, [])]
        over = iterable if i == 0 else clause.iter
        body = [loop(clause.target, over, body, [] if i else list(orelse or []), None)]
    return body[0]


@functools.cache
def parsed(text: str) -> list[gast.stmt]:
    body: list[gast.stmt] = gast.parse(text).body
    for statement in body:
        for part in gast.walk(statement):
            for attribute in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
                if hasattr(part, attribute):
                    delattr(part, attribute)
    return body


def placed(node: gast.AST, place: gast.AST) -> None:
    """Give the parts that stand nowhere the place of another node."""
    if not hasattr(node, "lineno"):
        gast.copy_location(node, place)
    for child in gast.iter_child_nodes(node):
        placed(child, place)
