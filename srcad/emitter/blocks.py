"""Statements over values -> gast statements with variables, and the comments between them.

Variables are nodes without a name until `fill` names them all: only when the whole text stands is
it known which names it must not use.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import gast

from srcad import runtime
from srcad.emitter import tree as T
from srcad.emitter.coalesce import continued
from srcad.emitter.expressions import Expressions, constant, signed
from srcad.emitter.fold import unpacking
from srcad.emitter.inplace import Ownership
from srcad.emitter.liveness import Classes, Liveness
from srcad.emitter.names import Names, Scope
from srcad.emitter.operators import INFIX, INPLACE
from srcad.emitter.ownership import has_memory, is_write
from srcad.emitter.printer import Comment
from srcad.errors import Loc
from srcad.ir import ops as O
from srcad.ir.abstract import UNKNOWN, Array, ListOf, TableOf, Type, is_number
from srcad.ir.values import Const, Function, Op, Operand, Role, Value
from srcad.optimizer.facts import same_operand
from srcad.pristine import np
from srcad.rules.indexing import may_repeat

_COMPOUND = ("if ", "elif ", "else", "for ", "while ", "with ", "def ", "try")


class Blocks:
    """Prints the statements of one function."""

    def __init__(
        self,
        program: T.Program,
        liveness: Liveness,
        classes: Classes,
        ownership: Ownership,
        names: Names,
        called: dict[Function, str],
        parameters: frozenset[str],
        result_copies: set[int],
        comments: bool,
        releases: dict[T.Statement, list[Value]],
    ) -> None:
        self.program, self.liveness, self.classes = program, liveness, classes
        self.ownership, self.names, self.called = ownership, names, called
        self.result_copies, self.comments = result_copies, comments
        self.releases = releases
        self.slots: list[tuple[gast.Name, Value]] = []
        self.blanks: list[gast.Name] = []
        self.line = ""  # the user's line that the last comment showed
        self.expression = Expressions(program, names, self.variable, parameters)

    # ------------------------------------------------------------------ variables
    def variable(self, value: Value) -> gast.Name:
        node = gast.Name("", gast.Load(), None, None)
        self.slots.append((node, value))
        return node

    def target(self, value: Value) -> gast.Name:
        node = self.variable(value)
        node.ctx = gast.Store()
        return node

    def deleted(self, value: Value) -> gast.Name:
        node = self.variable(value)
        node.ctx = gast.Del()
        return node

    def blank(self) -> gast.Name:
        node = gast.Name("", gast.Store(), None, None)
        self.blanks.append(node)
        return node

    def fill(self, scope: Scope) -> None:
        """Give every variable its name."""
        for node, value in self.slots:
            node.id = scope(value)
        unused = "_"
        while unused in scope.users:
            unused += "_"
        for node in self.blanks:
            node.id = unused

    def same(self, a: Operand, b: Operand) -> bool:
        if not (isinstance(a, Value) and isinstance(b, Value)):
            return False
        if a in self.program.folded or b in self.program.folded:
            return False
        return self.classes.same(a, b)

    # ------------------------------------------------------------------ blocks
    def function_body(self, sections: bool) -> list[gast.stmt]:
        """The statements of the whole function; `sections` names the two sweeps."""
        block = self.program.body
        start = next(
            (k for k, s in enumerate(block) if T.role_of(s) is Role.ADJOINT), len(block)
        )  # fmt: skip
        if not sections or not self.comments or start == len(block):
            return self.block(block)
        forward = self.block(block[:start])
        reverse = self.block(block[start:])
        if not forward:
            return reverse
        return [Comment("forward sweep"), *forward, Comment("reverse sweep"), *reverse]

    def block(self, block: T.Block, *, in_loop: bool = False) -> list[gast.stmt]:
        """The statements of a block; `in_loop` says that the next iteration follows it."""
        found: list[gast.stmt] = []
        position = 0
        while position < len(block):
            s = block[position]
            if s in self.releases:
                found.append(gast.Delete([self.deleted(v) for v in self.releases[s]]))
            ahead = (x for x in islice(block, position, None) if not isinstance(x, T.Pop))
            found += self.comment(next(ahead, s))
            run = unpacking(block, position)
            if in_loop and isinstance(s, T.Branch) and self.prints_nothing(block[position + 1 :]):
                found += self.on_Branch(s, in_loop=True)
            elif run:
                found.append(self.unpack(block[position : position + run]))
            else:
                found += self.statement(s)
            position += run or 1
        return found

    def prints_nothing(self, block: T.Block) -> bool:
        return all(isinstance(s, T.Copy) and not self.on_Copy(s) for s in block)

    def comment(self, s: T.Statement) -> list[gast.stmt]:
        """The user's line, over the first of the statements that serve it."""
        if not self.comments or not isinstance(s, (T.Define, T.Choose)):
            return []
        loc = s.op.loc if isinstance(s, T.Define) else s.loc
        if loc is None or T.role_of(s) is not Role.ADJOINT:
            return []
        text = loc.text.strip()
        if not text or text == self.line or _is_header(loc):
            return []
        self.line = text
        return [Comment(text)]

    def statement(self, s: T.Statement) -> list[gast.stmt]:
        method = getattr(self, f"on_{type(s).__name__}")
        return method(s)  # type: ignore[no-any-return]

    # ------------------------------------------------------------------ definitions
    def on_Define(self, s: T.Define) -> list[gast.stmt]:
        op = s.op
        if is_write(op):
            return self.write(s)
        if op.kind is O.CALL:
            return [self.call(s)]
        if op.kind.effect and not op.results:
            node = self.expression.template(op)
            return [node if isinstance(node, gast.stmt) else gast.Expr(node)]
        value = self.expression.operation
        result = op.results[0]
        added = self.added(s)
        if added is not None:
            operator = INFIX[op.attrs["fn"]]()
            operator, by = signed(operator, self.expression(added), result.role)
            return [gast.AugAssign(self.target(result), operator, by)]
        made = value(op)
        if s in self.ownership.copied_views:
            made = self.copy_of(result, made)
        return [gast.Assign([self.target(result)], made)]

    def added(self, s: T.Define) -> Operand | None:
        """The operand `g` of an operation that is printed ``x += g``."""
        op = s.op
        result = op.results[0]
        updated = [self.ownership.in_place[s]] if s in self.ownership.in_place else []
        if not has_memory(result.type):
            updated = continued(op)
        for x in updated:
            if self.same(x, result):
                return op.operands[1] if op.operands[0] is x else op.operands[0]
        return None

    def write(self, s: T.Define) -> list[gast.stmt]:
        op = s.op
        array, *others = op.operands
        result = op.results[0]
        found: list[gast.stmt] = []
        if s not in self.ownership.in_place:
            found.append(gast.Assign([self.target(result)], self.source(array, copied=True)))
        elif not self.same(array, result):
            found.append(gast.Assign([self.target(result)], self.expression(array)))
        if op.kind is O.APPLY and isinstance(result.type, TableOf):
            return [*found, self.change_of_table(op)]
        if op.kind is O.APPLY:  # of a list
            name = "append" if others else "pop"
            method = gast.Attribute(self.variable(result), name, gast.Load())
            call = gast.Call(method, [self.expression(v) for v in others], [])
            return [*found, gast.Expr(call)]
        value, *index = others
        if op.kind is O.ADD_AT and may_repeat(index) and not isinstance(array.type, ListOf):
            place = self.expression.index_argument(tuple(index))
            add = self.expression.attribute_of(np.add, "at")
            call = gast.Call(add, [self.variable(result), place, self.expression(value)], [])
            return [*found, gast.Expr(call)]
        place = self.expression.index(tuple(index))
        target = gast.Subscript(self.variable(result), place, gast.Store())
        if op.kind is O.ADD_AT and _of_lists(array.type):  # its elements may be others' memory
            old = gast.Subscript(self.variable(result), place, gast.Load())
            total = gast.BinOp(old, gast.Add(), self.expression(value))
            return [*found, gast.Assign([target], total)]
        if op.kind is O.ADD_AT:
            sign, amount = signed(gast.Add(), self.expression(value), result.role)
            return [*found, gast.AugAssign(target, sign, amount)]
        change = self.change(s, array, value, index)
        if change is not None:
            fn, by = change
            return [*found, gast.AugAssign(target, INFIX[fn](), self.expression(by))]
        return [*found, gast.Assign([target], self.expression(value))]

    def change(
        self, s: T.Define, array: Operand, value: Operand, index: list[Operand]
    ) -> tuple[Any, Operand] | None:
        """What a store does to what is there, if it prints as ``y[i] -= v``."""
        op = self.program.folded.get(value)  # type: ignore[arg-type]
        if not isinstance(op, Op) or op.attrs.get("fn") not in INPLACE:
            return None
        if s not in self.ownership.in_place or not self.same(array, s.results[0]):
            return None
        t = op.result.type
        if isinstance(array.type, ListOf):
            if has_memory(t):
                return None
        elif not (isinstance(t, Array) and isinstance(array.type, Array)):
            return None
        elif t.dtype != array.type.dtype or t.dtype is None:
            return None
        for old in continued(op):
            read = self.program.folded.get(old)
            if isinstance(read, Op) and read.kind is O.GETITEM and read.operands[0] is array:
                parts = read.operands[1:]
                if len(parts) == len(index) and all(map(same_operand, parts, index)):
                    other = op.operands[1] if op.operands[0] is old else op.operands[0]
                    return op.attrs["fn"], other
        return None

    def change_of_table(self, op: Op) -> gast.stmt:
        """The derivative of a dictionary gets or loses an entry."""
        result = op.results[0]
        table, key = self.variable(result), self.expression(op.operands[-1])
        if op.attrs["fn"] is runtime.without:
            pop = gast.Attribute(table, "pop", gast.Load())
            return gast.Expr(gast.Call(pop, [key, gast.Constant(None, None)], []))
        get, item = gast.Attribute(table, "get", gast.Load()), self.expression(op.operands[1])
        if isinstance(result.type, TableOf) and is_number(result.type.elem):
            zero = gast.Constant(0.0, None)
            total: gast.expr = gast.BinOp(gast.Call(get, [key, zero], []), gast.Add(), item)
        else:
            add = self.names.of_object(runtime.add_parts)
            total = gast.Call(add, [gast.Call(get, [key], []), item], [])
        return gast.Assign([gast.Subscript(table, key, gast.Store())], total)

    def copy_of(self, operand: Operand, printed: gast.expr) -> gast.expr:
        """A copy of what is printed, which is as much as is known of the operand."""
        t = operand.type
        unknown = t == UNKNOWN or isinstance(t, Array) and t.dims is None
        if unknown or operand in self.program.may_be_none:  # a number has no `copy`
            return gast.Call(self.names.of_object(runtime.copied), [printed], [])
        return gast.Call(gast.Attribute(printed, "copy", gast.Load()), [], [])

    def call(self, s: T.Define) -> gast.stmt:
        op = s.op
        function = gast.Name(self.called[op.attrs["callee"]], gast.Load(), None, None)
        call = gast.Call(function, [self.expression(o) for o in op.operands], [])
        if not op.results:
            return gast.Expr(call)
        after = self.liveness.after[s]
        targets: list[gast.expr] = [
            self.target(r) if after & self.liveness.bit(r) else self.blank() for r in op.results
        ]
        if len(targets) == 1:
            return gast.Assign(targets, call)
        return gast.Assign([gast.Tuple(targets, gast.Store())], call)

    def unpack(self, run: T.Block) -> gast.stmt:
        ops = [s.op for s in run if isinstance(s, T.Define)]
        targets = [self.target(op.results[0]) for op in ops]
        return gast.Assign([gast.Tuple(targets, gast.Store())], self.expression(ops[0].operands[0]))

    def on_Choose(self, s: T.Choose) -> list[gast.stmt]:
        return [gast.Assign([self.target(s.result)], self.expression.ternary(s.choice))]

    # ------------------------------------------------------------------ copies and lists
    def on_Copy(self, s: T.Copy) -> list[gast.stmt]:
        live = self.liveness.after[s]
        pending: list[tuple[Value, Operand, bool]] = []
        for target, source in s.pairs:
            copied = (s, target) in self.ownership.copied
            if live & self.liveness.bit(target) and (copied or not self.same(target, source)):
                pending.append((target, source, copied))
        found: list[gast.stmt] = []
        while pending:
            # A target can be set once no other source needs what its variable holds.
            ready = [
                p
                for p in pending
                if not any(q is not p and self.reads(q[1], p[0]) for q in pending)
            ]
            if not ready:
                targets: list[gast.expr] = [self.target(t) for t, _, _ in pending]
                sources = [self.source(o, c) for _, o, c in pending]
                return [
                    *found,
                    gast.Assign(
                        [gast.Tuple(targets, gast.Store())], gast.Tuple(sources, gast.Load())
                    ),
                ]
            for p in ready:
                found.append(gast.Assign([self.target(p[0])], self.source(p[1], p[2])))
                pending.remove(p)
        return found

    def reads(self, operand: Operand, variable: Value) -> bool:
        return any(self.same(v, variable) for v in self.program.leaves(operand))

    def source(self, operand: Operand, copied: bool) -> gast.expr:
        printed = self.expression(operand)
        return self.copy_of(operand, printed) if copied else printed

    def on_NewList(self, s: T.NewList) -> list[gast.stmt]:
        return [gast.Assign([self.target(s.target)], gast.List([], gast.Load()))]

    def on_Append(self, s: T.Append) -> list[gast.stmt]:
        items = []
        for item in s.items:
            copied = isinstance(item, Value) and (
                (s, self.program.canonical(item)) in self.ownership.copied
            )
            items.append(self.source(item, copied))
        value = items[0] if len(items) == 1 else gast.Tuple(items, gast.Load())
        return [self.method(s.target, "append", value)]

    def on_Reverse(self, s: T.Reverse) -> list[gast.stmt]:
        return [self.method(s.target, "reverse")]

    def method(self, value: Value, name: str, *args: gast.expr) -> gast.stmt:
        function = gast.Attribute(self.variable(value), name, gast.Load())
        return gast.Expr(gast.Call(function, list(args), []))

    def on_Pop(self, s: T.Pop) -> list[gast.stmt]:
        pop = gast.Attribute(self.variable(s.source), "pop", gast.Load())
        return [gast.Assign([self.target(s.result)], gast.Call(pop, [], []))]

    def on_Count(self, s: T.Count) -> list[gast.stmt]:
        return [gast.AugAssign(self.target(s.target), gast.Add(), constant(1))]

    # ------------------------------------------------------------------ control flow
    def on_Break(self, s: T.Break) -> list[gast.stmt]:
        return [gast.Break()]

    def on_Branch(self, s: T.Branch, *, in_loop: bool = False) -> list[gast.stmt]:
        forward = in_loop and T.role_of(s) is not Role.ADJOINT
        then = self.block(s.then)
        skips = forward and not _runs(then)  # the user's `continue`
        orelse = self.block(s.orelse, in_loop=skips or (forward and T.ends(s.then)))
        if not _runs(then) and not _runs(orelse):
            return []
        cond = self.expression(s.cond)
        if skips and _runs(orelse):
            return [gast.If(cond, [gast.Continue()], []), *orelse]
        if not _runs(then):
            return [gast.If(_negated(cond), orelse, [])]
        if not _runs(orelse):
            return [gast.If(cond, then, [])]
        if T.ends(s.then):
            return [gast.If(cond, then, []), *orelse]
        if T.ends(s.orelse):
            return [gast.If(_negated(cond), orelse, []), *then]
        return [gast.If(cond, then, orelse)]

    def on_ForLoop(self, s: T.ForLoop) -> list[gast.stmt]:
        pairs = [self.loop_source(source) for source in s.sources]
        if len(pairs) == 1:
            ((target, iterable),) = pairs
        else:
            target = gast.Tuple([t for t, _ in pairs], gast.Store())
            iterable = self.builtin(zip, *(i for _, i in pairs))
        return [gast.For(target, iterable, self.block(s.body, in_loop=True), [], None)]

    def loop_source(self, source: T.Source) -> tuple[gast.expr, gast.expr]:
        targets = [self.blank() if t is None else self.target(t) for t in source.targets]
        target = targets[0] if len(targets) == 1 else gast.Tuple(targets, gast.Store())
        if source.bounds is not None:
            start, stop, step = source.bounds
            bounds: Sequence[Operand] = source.bounds
            if isinstance(step, Const) and step.value == 1:
                at_zero = isinstance(start, Const) and start.value == 0
                bounds = (stop,) if at_zero else (start, stop)
            iterable: gast.expr = self.builtin(range, *map(self.expression, bounds))
        else:
            assert source.iterable is not None
            iterable = self.expression(source.iterable)
            if source.counted:
                iterable = self.builtin(enumerate, iterable)
        counts_only = source.bounds is not None and source.targets == [None]
        if source.backwards and not counts_only:
            iterable = self.builtin(reversed, iterable)
        return target, iterable

    def builtin(self, fn: Any, *args: gast.expr) -> gast.Call:
        return gast.Call(self.names.of_object(fn), list(args), [])

    def on_WhileLoop(self, s: T.WhileLoop) -> list[gast.stmt]:
        test = self.block(s.test)
        cond = self.expression(s.cond)
        body = self.block(s.body, in_loop=True)
        if test:
            leave = gast.If(_negated(cond), [gast.Break()], [])
            return [gast.While(constant(True), [*test, leave, *body], [])]
        return [gast.While(cond, body, [])]

    def on_Return(self, s: T.Return) -> list[gast.stmt]:
        count = iter(range(len(T.operands_in(s.tree))))

        def build(tree: Any) -> gast.expr:
            if isinstance(tree, dict):
                keys = [self.expression.literal(k) for k in tree]
                return gast.Dict(keys, [build(t) for t in tree.values()])
            if isinstance(tree, list):
                return gast.List([build(t) for t in tree], gast.Load())
            if isinstance(tree, tuple) and hasattr(tree, "_make"):
                return self.builtin(type(tree), *map(build, tree))
            if isinstance(tree, tuple):
                return gast.Tuple([build(t) for t in tree], gast.Load())
            return self.source(tree, next(count) in self.result_copies)

        if s.tree == ():
            return []
        return [gast.Return(build(s.tree))]


def _is_header(loc: Loc) -> bool:
    """Whether the user's line only opens a block."""
    text = loc.text.partition("#")[0].strip()
    return text.endswith(":") and text.startswith(_COMPOUND)


def _runs(block: list[gast.stmt]) -> bool:
    return any(not isinstance(s, Comment) for s in block)


_OPPOSITE = {gast.Eq: gast.NotEq, gast.NotEq: gast.Eq, gast.Is: gast.IsNot, gast.IsNot: gast.Is}


def _negated(cond: gast.expr) -> gast.expr:
    if isinstance(cond, gast.UnaryOp) and isinstance(cond.op, gast.Not):
        return cond.operand
    if isinstance(cond, gast.Compare) and len(cond.ops) == 1 and type(cond.ops[0]) in _OPPOSITE:
        return gast.Compare(cond.left, [_OPPOSITE[type(cond.ops[0])]()], cond.comparators)
    return gast.UnaryOp(gast.Not(), cond)


def _of_lists(t: Type) -> bool:
    """Whether it is a list of what can change."""
    return isinstance(t, ListOf) and has_memory(t.elem)
