"""Statements to IR: assignment, branches, loops, early exits.

What holds afterwards: all control flow is structured. An early exit is a pseudo-variable of the
frame ($returned, $broken, $continued, $result) that joins like any other; the statements after a
branch that exits stand in the other branch, so nothing is lowered twice.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import gast

from srcad.errors import AliasingError, TypeInferenceError, UnsupportedSyntaxError
from srcad.ir import ops as O
from srcad.ir.abstract import BOOL, INT, UNDEF, UNKNOWN, Array, ListOf, join
from srcad.ir.build import for_op, if_op, trip_count, while_op
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Region, Value
from srcad.parser.bindings import (
    Binding,
    Closure,
    Known,
    Poison,
    Struct,
    describe,
    map_values,
    merge,
    number,
    same,
)
from srcad.parser.frames import Diverges, own_nodes, stored_names
from srcad.parser.iteration import Iteration, Unrolled

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

RESULT, RETURNED, BROKEN, CONTINUED = "$result", "$returned", "$broken", "$continued"
FLAGS = (RETURNED, BROKEN, CONTINUED)
_TRUE, _FALSE = Known(True), Known(False)
_NONE = Const.of(None)

OPERATORS: dict[type, Any] = {
    gast.Add: operator.add, gast.Sub: operator.sub, gast.Mult: operator.mul,
    gast.Div: operator.truediv, gast.FloorDiv: operator.floordiv, gast.Mod: operator.mod,
    gast.Pow: operator.pow, gast.MatMult: operator.matmul, gast.BitAnd: operator.and_,
    gast.BitOr: operator.or_, gast.BitXor: operator.xor, gast.LShift: operator.lshift,
    gast.RShift: operator.rshift,
}  # fmt: skip

_REFUSED: dict[str, tuple[str, str]] = {
    "AsyncFunctionDef": ("coroutines do not run to their end in one call", "use a plain function"),
    "AsyncFor": ("coroutines do not run to their end in one call", "use a plain `for`"),
    "AsyncWith": ("coroutines do not run to their end in one call", "use a plain `with`"),
    "ClassDef": (
        "a class made inside of a differentiated function is not followed",
        "define the class at module level",
    ),
    "Delete": ("srcad does not follow deleted names yet", "leave the name alone"),
    "With": (
        "srcad does not follow context managers yet",
        "move the `with` around the call of the differentiated function",
    ),
    "Try": (
        "which handler runs is not recorded yet, so the reverse sweep cannot follow it",
        "test the condition with `if` instead",
    ),
    "TryStar": (
        "which handler runs is not recorded, so the reverse sweep cannot follow it",
        "test the condition with `if` instead",
    ),
    "Match": ("srcad does not follow `match` yet", "write `if`/`elif`"),
    "Import": (
        "srcad does not follow imports inside of functions yet",
        "import at the top of the module",
    ),
    "ImportFrom": (
        "srcad does not follow imports inside of functions yet",
        "import at the top of the module",
    ),
    "TypeAlias": ("a type alias has no meaning for a derivative", "define it at module level"),
}


class StatementLowering(_Base):
    # ------------------------------------------------------------------ blocks
    def block(self, statements: list[gast.stmt]) -> bool:
        """Lower statements in order; True if control never falls out of their end."""
        for i, node in enumerate(statements):
            rest = statements[i + 1 :]
            with self.builder.at(self.loc(node)):
                try:
                    outcome = self.statement(node, rest)
                except Diverges:
                    self.dead()
                    return True
            if outcome is not None:
                return outcome
        return False

    def dead(self) -> None:
        """Mark the current path as one that never ends (a raise, or a call that diverges)."""
        self.frame.vars["$dead"] = _TRUE

    def statement(self, node: gast.stmt, rest: list[gast.stmt]) -> bool | None:
        """Lower one statement. None: go on with the next; else the block is finished, and the
        bool says whether control never falls out of it."""
        name = type(node).__name__
        method = getattr(self, f"stmt_{name}", None)
        if method is None:
            reason, advice = _REFUSED.get(
                name, ("srcad does not know it", "write it with supported statements")
            )
            raise self.unsupported(
                node, f"`{_keyword(node)}` cannot be differentiated", reason, advice
            )
        return method(node, rest)

    def stmt_Pass(self, node: gast.Pass, rest: Any) -> None:
        return None

    def stmt_Global(self, node: gast.AST, rest: Any) -> None:
        return None

    stmt_Nonlocal = stmt_Global

    def stmt_Expr(self, node: gast.Expr, rest: Any) -> None:
        if isinstance(node.value, gast.Constant):
            return  # a docstring or `...`
        self.expression(node.value, statement=True)

    def stmt_FunctionDef(self, node: gast.FunctionDef, rest: Any) -> None:
        binding: Binding = self.closure(node, node.name)
        for decorator in reversed(node.decorator_list):
            binding = self.call_binding(self.expression(decorator), [binding], {}, decorator)
        self.frame.vars[node.name] = binding

    def stmt_Return(self, node: gast.Return, rest: Any) -> bool:
        value: Binding = Known(None) if node.value is None else self.expression(node.value)
        self.frame.vars[RESULT] = value
        self.frame.vars[RETURNED] = _TRUE
        return True

    def stmt_Break(self, node: gast.AST, rest: Any) -> bool:
        self.frame.vars[BROKEN] = _TRUE
        return True

    def stmt_Continue(self, node: gast.AST, rest: Any) -> bool:
        self.frame.vars[CONTINUED] = _TRUE
        return True

    # ------------------------------------------------------------------ assignment
    def stmt_Assign(self, node: gast.Assign, rest: Any) -> None:
        value = self.expression(node.value)
        for target in node.targets:
            self.assign(target, value)

    def stmt_AnnAssign(self, node: gast.AnnAssign, rest: Any) -> None:
        if node.value is not None:
            self.assign(node.target, self.expression(node.value))

    def stmt_AugAssign(self, node: gast.AugAssign, rest: Any) -> None:
        if not isinstance(node.target, gast.Name):
            raise self.unsupported(
                node, "a store into an array or object cannot be differentiated yet",
                "only plain names can be updated in this version",
                "build the new value with an expression",
            )  # fmt: skip
        name = node.target.id
        old = self.lookup(name, node.target)
        added = self.expression(node.value)
        fn = OPERATORS[type(node.op)]
        new = self.binary(fn, old, added, node)
        if isinstance(old, Struct) and old.kind != "tuple":
            raise self.unsupported(
                node, f"`{name}` is a {old.kind}, and updating it in place is not supported yet",
                "other names may see the change", f"write `{name} = {name} + ...`",
            )  # fmt: skip
        if isinstance(old, Value) and self.is_buffer(old):
            self.update_in_place(name, old, new, node)
        else:
            self.bind(name, new, node.target)

    def is_buffer(self, value: Value) -> bool:
        """Whether `+=` on this value would change memory that other names may see."""
        t = value.type
        return isinstance(t, ListOf) or (isinstance(t, Array) and not t.item)

    def update_in_place(self, name: str, old: Value, new: Binding, node: gast.AugAssign) -> None:
        """`x += y` on an array: every name of the same array sees it; dtype and shape stay."""
        assert isinstance(new, Value) and isinstance(old.type, Array)
        where = self.loc(node)
        if old in self.frame.params and self.frame.is_callee:
            raise AliasingError(
                f"`{name}` is the caller's array, and this changes it",
                reason="srcad does not yet carry a change of an argument back to the caller",
                advice=f"write `{name} = {name} + ...`, or work on `{name}.copy()`",
                loc=where,
            )
        for _, other, value in self.visible_values():
            if value is not old and self.view_root(value) is self.view_root(old):
                raise AliasingError(
                    f"`{name}` and `{other}` may share memory, and `{name}` is changed here",
                    reason="srcad does not yet follow a change through a view of an array",
                    advice=f"add `.copy()` where `{other}` is made, or write "
                    f"`{name} = {name} + ...`",
                    loc=where,
                )
        t = new.type
        if not isinstance(t, Array) or t.dtype != old.type.dtype or t.dims != old.type.dims:
            whole = Const.of(Ellipsis)
            new = self.builder.emit1(O.SETITEM, (old, new, whole), old.type, name)
        self.rename(new, name)
        for frame, other, value in self.visible_values():
            if value is old:
                frame.vars[other] = map_values(frame.vars[other], lambda v: new if v is old else v)
        self.bind(name, new, node.target)

    def visible_values(self) -> list[tuple[Any, str, Value]]:
        from srcad.parser.bindings import values_in

        found = []
        frame = self.frame
        while frame is not None:
            for name, binding in list(frame.vars.items()):
                found += [(frame, name, v) for v in values_in(binding)]
            frame = frame.outer if frame.outer is not None else None
        return found

    def assign(self, target: gast.AST, value: Binding) -> None:
        if isinstance(target, gast.Name):
            self.bind(target.id, value, target)
        elif isinstance(target, (gast.Tuple, gast.List)):
            self.unpack(target, value)
        elif isinstance(target, gast.Starred):
            self.assign(target.value, value)
        else:
            what = "an element" if isinstance(target, gast.Subscript) else "an attribute"
            raise self.unsupported(
                target, f"a store into {what} cannot be differentiated yet",
                "only plain names can be assigned in this version",
                "build the new value with an expression, such as np.where or np.stack",
            )  # fmt: skip

    def unpack(self, target: gast.Tuple | gast.List, value: Binding) -> None:
        n = len(target.elts)
        starred = [i for i, t in enumerate(target.elts) if isinstance(t, gast.Starred)]
        if isinstance(value, Value):
            if starred:
                raise self.unsupported(
                    target, "a starred target needs a tuple of known length",
                    f"the right side is {describe(value)}", "slice the array instead",
                )  # fmt: skip
            value = Struct.sequence("tuple", [self.item(value, i) for i in range(n)])
        elif isinstance(value, Known) and isinstance(value.value, (tuple, list, str, range)):
            value = Struct.sequence("tuple", [Known(v) for v in value.value])
        if not isinstance(value, Struct) or value.kind == "dict":
            raise self.unsupported(
                target, f"cannot unpack {describe(value)} into {n} names",
                "its parts are not known while compiling", "unpack a tuple",
            )  # fmt: skip
        parts = list(value.parts)
        if starred:
            i = starred[0]
            after = n - i - 1
            middle = parts[i : len(parts) - after]
            parts = [*parts[:i], Struct.sequence("list", middle), *parts[len(parts) - after :]]
        if len(parts) != n:
            raise self.unsupported(
                target, f"{len(parts)} values to unpack into {n} names",
                "Python raises ValueError here", "make both sides of one length",
            )  # fmt: skip
        for t, part in zip(target.elts, parts):
            self.assign(t, part)

    def bind(self, name: str, value: Binding, node: gast.AST) -> None:
        frame = self.frame
        if name in frame.globals_declared:
            raise self.unsupported(
                node, f"the global `{name}` is assigned here",
                "a derivative that changes globals would change them once more",
                "return the value instead",
            )  # fmt: skip
        if name in frame.nonlocals:
            owner = frame.outer
            while owner is not None and name not in owner.locals:
                owner = owner.outer
            raise self.unsupported(
                node, f"`{name}` of an enclosing function is assigned here",
                "srcad does not follow `nonlocal` stores yet", "return the value instead",
            )  # fmt: skip
        frame.vars[name] = value
        self.rename(value, name)

    def rename(self, value: Binding, name: str) -> None:
        """Give an unnamed value the user's name."""
        if isinstance(value, Value) and not value.named:
            value.name, value.named = name, True
        elif isinstance(value, Struct):
            for key, part in value.items:
                if isinstance(part, Value) and not part.named:
                    fits = str(key).isidentifier() or key in range(99)
                    part.name = f"{name}_{key}" if fits else name

    # ------------------------------------------------------------------ branches
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

    # ------------------------------------------------------------------ loops
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


def _keyword(node: gast.AST) -> str:
    words = {
        "FunctionDef": "def", "AsyncFunctionDef": "async def", "ClassDef": "class",
        "Delete": "del", "AsyncFor": "async for", "AsyncWith": "async with", "Try": "try",
        "TryStar": "except*", "With": "with", "Match": "match", "Import": "import",
        "ImportFrom": "from ... import", "TypeAlias": "type",
    }  # fmt: skip
    return words.get(type(node).__name__, type(node).__name__.lower())


__all__ = ["Closure", "StatementLowering", "UNDEF", "UNKNOWN", "UnsupportedSyntaxError", "join"]
