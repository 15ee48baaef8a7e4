"""`if` to IR, and how the state of two paths joins behind it.
"""

from __future__ import annotations

from typing import Any

import gast

from srcad.ir.abstract import BOOL, ListOf, TableOf
from srcad.ir.build import if_op
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Region, Value
from srcad.parser.bindings import (
    Binding,
    Cell,
    Choice,
    Key,
    Known,
    LazyIterable,
    Maybe,
    Poison,
    Ref,
    Struct,
    can_be_chosen,
    common_special,
    describe,
    is_root,
    map_values,
    merge,
    number,
    part_name,
    plain_name,
    same,
)
from srcad.parser.containers.tables import different_tables
from srcad.parser.control.flags import DEAD, FALSE, FLAGS, RESULT, RETURNED, TRUE, is_flag
from srcad.parser.frames import Diverges, Left
from srcad.parser.memory.optional import Present, present_if

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_NONE = Const.of(None)


class BranchLowering(_Base):
    def stmt_If(self, node: gast.If, rest: list[gast.stmt]) -> bool | None:
        condition = self.condition(node.test)
        if isinstance(condition, bool):
            finished = self.block(node.body if condition else node.orelse)
            return self.after_flags(finished, rest)
        sides = []
        for outcome, body in ((True, node.body), (False, node.orelse)):
            names = [n for n in present_if(node.test, outcome) if self.is_optional(n)]
            sides.append([Present(names), *body] if names else body)
        return self.branch(condition, sides[0], sides[1], rest)

    def is_optional(self, name: str) -> bool:
        return isinstance(self.frame.vars.get(name), Maybe)

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
        dynamic = [b for f, b in self.frame.vars.items() if is_flag(f) and isinstance(b, Value)]
        if not dynamic:
            return None
        flag = dynamic[0]
        for other in dynamic[1:]:
            flag = self.select_if(flag, Const.of(True), other, BOOL)
        return flag

    def select_if(self, cond: Operand, then: Operand, orelse: Operand, t: Any) -> Value:
        result = self.builder.value(t, "flag")
        taken, other = Region((), [], (then,)), Region((), [], (orelse,))
        self.builder.append(if_op(cond, taken, other, (result,), self.builder.loc))
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
                dynamic = [f for f, b in before.items() if is_flag(f) and isinstance(b, Value)]
                if len(dynamic) == 1:
                    frame.vars[dynamic[0]] = TRUE
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
            with builder.within(then_ops):
                frame.vars = then_vars
                then_done = self.continue_block(rest)
                then_vars = frame.vars
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
        for f in [f for f in self.frame.vars if is_flag(f)]:
            del self.frame.vars[f]

    def join_branches(
        self,
        condition: Operand,
        then_ops: list[Op],
        then_vars: dict[Key, Binding],
        else_ops: list[Op],
        else_vars: dict[Key, Binding],
        before: dict[Key, Binding],
        loc: Any,
    ) -> dict[Key, Binding]:
        """Emit the `if` operation and return the joined variables."""
        ends = []
        for v in (then_vars, else_vars):
            ends.append(v.get(DEAD) is TRUE)
        if all(ends):
            self.builder.append(
                if_op(condition, Region((), then_ops, ()), Region((), else_ops, ()), (), loc)
            )
            return {**before, DEAD: TRUE}
        if any(ends):  # one branch raises: the variables are those of the other
            alive = else_vars if ends[0] else then_vars
            joined, pairs = self.export(alive, else_ops if ends[0] else then_ops)
            inner, nothing = [v for v, _ in pairs], [UNDEFINED for _ in pairs]
            sides = (nothing, inner) if ends[0] else (inner, nothing)
            self.builder.append(
                if_op(
                    condition, Region((), then_ops, tuple(sides[0])),
                    Region((), else_ops, tuple(sides[1])), [outer for _, outer in pairs], loc,
                )
            )  # fmt: skip
            return joined
        join = _Join(self, (then_ops, then_vars), (else_ops, else_vars), before, condition)
        if self.in_turns and isinstance(condition, Value):
            join.exits_by = condition
        joined = join.variables()
        self.builder.append(
            if_op(
                condition, Region((), then_ops, tuple(join.yields[0])),
                Region((), else_ops, tuple(join.yields[1])), join.results, loc,
            )
        )  # fmt: skip
        return {k: v for k, v in joined.items() if not (is_flag(k) and same(v, FALSE))}

    def placeholder(self, earlier: Binding | None, other: Binding | None) -> Binding | None:
        """What stands for a local on a path that has returned: its earlier value, if of a kind."""
        x, y = number(earlier), number(other)
        return earlier if x is not None and y is not None and x.type == y.type else None

    def is_data_binding(self, binding: Binding | None) -> bool:
        structured = binding is None or isinstance(binding, (Struct, Maybe))
        return structured or number(binding) is not None

    def left_function(self, variables: dict[str, Binding]) -> bool:
        """Whether a path has returned, so that nobody reads its names again."""
        return not self.frame.finals and same(variables.get(RETURNED), TRUE)

    def export(
        self, variables: dict[Key, Binding], ops: list[Op]
    ) -> tuple[dict[Key, Binding], list[tuple[Value, Value]]]:
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
        sides: list[tuple[list[Any], Binding | None, dict[Key, Binding]]] = []
        for side in (then, orelse):
            with builder.nested() as ops:
                frame.vars = dict(before)
                with self.in_scope() as scope:
                    value = self.side_value(side)
                self.split(scope, True, [])
                sides.append((ops, value, frame.vars))
        frame.vars = before
        (ops_a, a, vars_a), (ops_b, b, vars_b) = sides
        if DEAD in vars_a and DEAD in vars_b:
            raise Diverges
        frame.vars = self.join_branches(cond, ops_a, vars_a, ops_b, vars_b, before, builder.loc)
        frame.vars.pop(DEAD, None)
        result = frame.vars.pop("$value", Known(None))
        self.leave_by_flags()
        self.prefer_known(result)
        if isinstance(result, Poison):
            self.require_choice(result, node)
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


    def side_value(self, side: Any) -> Binding | None:
        """The value of one side of a conditional expression; None if it does not get that far."""
        try:
            value: Binding = side()
        except Left:
            return None
        except Diverges:
            self.dead()
            return None
        self.frame.vars["$value"] = value
        return value


_Side = tuple[list[Op], dict[Key, Binding]]


class _Join:
    """The state behind an `if` from those at the ends of its branches.

    Names that refer to one memory on each path refer to one memory behind it; what they refer to
    in different memory is a new cell, which is shared with those that it may be.
    """

    def __init__(
        self, low: Any, then: _Side, orelse: _Side, before: dict[Key, Binding], condition: Operand
    ) -> None:
        self.low = low
        self.condition = condition if isinstance(condition, Value) else None
        self.sides = (then, orelse)
        self.before = before
        self.yields: tuple[list[Operand], list[Operand]] = ([], [])
        self.results: list[Value] = []
        self.joined: dict[Key, Binding] = {}
        self.exits_by: Value | None = None  # stands for the flag of an exit that it decides
        self.made: dict[tuple[Any, ...], Value] = {}
        self.linked: dict[tuple[Any, ...], Binding] = {}
        self.sources: list[tuple[Cell, tuple[Binding | None, ...]]] = []

    def variables(self) -> dict[Key, Binding]:
        low = self.low
        ends = [variables for _, variables in self.sides]
        gone = [low.left_function(v) for v in ends]
        for key in dict.fromkeys([*ends[0], *ends[1]]):
            a, b = ends[0].get(key), ends[1].get(key)
            if isinstance(key, Cell):
                if a is not None and b is not None:
                    self.content(key, a, b, gone)
                continue
            result = self.name(key, a, b, gone)
            if result is not None:
                self.joined[key] = result
        self.complete()
        self.share()
        return self.joined

    def name(
        self, name: str, a: Binding | None, b: Binding | None, gone: list[bool]
    ) -> Binding | None:
        low = self.low
        if is_flag(name):
            a, b = a or FALSE, b or FALSE
        elif name == RESULT and any(same(x, Known(None)) for x in (a, b)) and None in (a, b):
            return Known(None)  # the end of the function may be reached, which returns None too
        elif not name.startswith("$"):
            # after `return` the locals of that path are never read again
            if gone[0] and not same(a, b):
                a = low.placeholder(self.before.get(name), b)
            elif gone[1] and not same(a, b):
                b = low.placeholder(self.before.get(name), a)
            if a is None and b is None:
                return None
            alive = a if b is None else b
            if (gone[0] or gone[1]) and "." in name and isinstance(alive, Known):
                return alive  # of an iterator
            if (gone[0] or gone[1]) and not low.is_data_binding(alive):
                if not isinstance(alive, (Ref, Choice)):
                    return alive
                if isinstance(alive, Choice):
                    return self.link(None, alive, name) if gone[0] else self.link(alive, None, name)
                a, b = (None, alive) if gone[0] else (alive, None)
        return self.with_choices(merge(a, b, name, self.leaf, self.link), a, b, name)

    def with_choices(
        self, found: Binding | None, a: Binding | None, b: Binding | None, name: str
    ) -> Binding | None:
        """What two bindings join to, where the condition decides between objects of two kinds."""
        if isinstance(found, Poison) and self.condition is not None:
            if can_be_chosen(a) and can_be_chosen(b):
                if not (isinstance(a, Ref) and isinstance(b, Ref)):  # else `link` has decided
                    return self.choice(a, b, name)
            if isinstance(a, LazyIterable) and isinstance(b, LazyIterable):
                return self.either(a, b, self.condition)
        if isinstance(found, Struct) and isinstance(a, Struct) and isinstance(b, Struct):
            first, second = dict(a.items), dict(b.items)
            items = []
            for key, part in found.items:
                inner = part_name(found.kind, name, key)
                items.append((key, self.with_choices(part, first.get(key), second.get(key), inner)))
            return Struct(found.kind, tuple(items))  # type: ignore[arg-type]
        return found

    def choice(self, a: Any, b: Any, name: str) -> Choice:
        """Two objects of different kinds: which it is, the condition decides behind the `if`."""
        assert self.condition is not None
        first = map_values(a, lambda v: self.leaf(v, UNDEFINED, v.type, name))
        second = map_values(b, lambda v: self.leaf(UNDEFINED, v, v.type, name))
        return Choice(self.condition, first, second)

    def either(self, a: LazyIterable, b: LazyIterable, condition: Value) -> Binding:
        """The iterator that is one on one path and another on the other."""
        sides = (
            map_values(a, lambda v: self.leaf(v, UNDEFINED, v.type, v.name)),
            map_values(b, lambda v: self.leaf(UNDEFINED, v, v.type, v.name)),
        )
        used = Cell("either")
        self.joined[used] = FALSE
        return LazyIterable("either", (condition, *sides), None, used, self.low.frame)

    def content(self, cell: Cell, a: Binding, b: Binding, gone: list[bool]) -> None:
        """What a cell holds that both paths know."""
        if same(a, b):
            self.joined[cell] = a
            return
        a, b = (self.low.before_import(cell, x) for x in (a, b))
        if gone[0] != gone[1]:
            side = 0 if gone[0] else 1
            returned = self.sides[side][1].get(RESULT)
            if not self.lasts(cell, returned, side):  # nobody sees what that path left in it
                alive: list[Binding | None] = [a, b]
                alive[side] = None
                a, b = alive  # type: ignore[assignment]
        merged = self.merged(a, b, cell.name)
        if isinstance(merged, Value) and isinstance(merged.type, (ListOf, TableOf)):
            for side, x in enumerate((a, b)):
                if isinstance(x, Struct):
                    with self.inside(side):
                        self.low.note_held(cell, [x])
        if merged is not None:
            self.joined[cell] = merged

    def lasts(self, cell: Cell, returned: Binding | None, side: int) -> bool:
        if cell in self.low.frame.lasting or returned is None:
            return True
        outer, self.low.frame.vars = self.low.frame.vars, self.sides[side][1]
        found = cell in self.low.reachable([returned])
        self.low.frame.vars = outer
        return found

    def merged(self, a: Binding | None, b: Binding | None, name: str) -> Binding | None:
        """Join what memory holds on both paths; lists of different lengths become values."""
        lists = [x is None or _is_list(x) for x in (a, b)]
        if all(lists) and a is not None and b is not None and not _alike(a, b):
            values = [self.list_value(x, side) for side, x in enumerate((a, b))]
            if values[0] is not None and values[1] is not None:
                a, b = values
        if different_tables(a, b):
            tables = [self.table_value(x, side) for side, x in enumerate((a, b))]
            if tables[0] is not None and tables[1] is not None:
                a, b = tables
        return self.with_choices(merge(a, b, name, self.leaf, self.link), a, b, name)

    def table_value(self, content: Binding | None, side: int) -> Value | None:
        with self.inside(side), self.low.joint():
            value: Value | None = self.low.as_table_value(content, None)
            return value

    def list_value(self, content: Binding, side: int) -> Value | None:
        with self.inside(side), self.low.joint():
            value: Value | None = self.low.as_list_value(content, None)
            return value

    def inside(self, side: int) -> Any:
        return self.low.at_end_of(*self.sides[side])

    def leaf(self, x: Operand, y: Operand, t: Any, name: str) -> Value:
        if self.exits_by is not None and name in FLAGS:
            if (x, y) == (Const.of(True), Const.of(False)):
                return self.exits_by
        if name.startswith("$"):  # no name of the user's, so nothing can be unbound
            x, y = (_NONE if o is UNDEFINED else o for o in (x, y))
        key = tuple(o if isinstance(o, Value) else o.key() for o in (x, y))
        if key not in self.made:
            named = not name.startswith("$")
            result = self.low.builder.value(t, plain_name(name), named=named)
            self.yields[0].append(x)
            self.yields[1].append(y)
            self.results.append(result)
            self.made[key] = result
            unset = self.low.unset
            if UNDEFINED in (x, y) and not name.startswith("$") and self.condition is not None:
                unset[result] = (self.condition, x is UNDEFINED)
            elif x in unset or y in unset:
                unset[result] = None
        return self.made[key]

    def link(self, a: Binding | None, b: Binding | None, name: str) -> Binding | None:
        """The reference to what is in one memory on one path and in another on the other."""
        if a is None or b is None:  # bound on one path only
            if a is not None:
                found: Binding = map_values(a, lambda v: self.leaf(v, UNDEFINED, v.type, name))
            else:
                found = map_values(b, lambda v: self.leaf(UNDEFINED, v, v.type, name))
            if self.condition is not None:
                self.low.unset[found] = (self.condition, a is None)
            return found
        key = tuple(x.key() if isinstance(x, Ref) else id(x) for x in (a, b))
        if key in self.linked:
            return self.linked[key]
        cell = Cell(plain_name(name))
        cell.special = common_special(a, b)
        contents = []
        for side, x in enumerate((a, b)):
            with self.inside(side):
                block = self.sides[side][0]
                contents.append(self.low.deref_where_bound(x, block, self.low.deref_joint))
        content = self.merged(contents[0], contents[1], name)
        if self.condition is not None and any(map(_is_object, contents)):
            if isinstance(content, Poison) and all(map(_is_object, contents)):
                self.linked[key] = self.choice(a, b, name)
                return self.linked[key]
        if content is None or isinstance(content, Poison):
            reason = f"`{name}` is {describe(contents[0])} on one path and "
            self.linked[key] = Poison(reason + f"{describe(contents[1])} on another")
            return self.linked[key]
        refs = [x for x in (a, b) if isinstance(x, Ref)]
        cell.origin = next((r.cell.origin for r in refs if r.cell.origin), "")
        cell.contiguous = all(r.cell.contiguous and not r.path for r in refs)
        self.joined[cell] = content
        self.sources.append((cell, (a, b)))
        self.linked[key] = Ref(cell)
        return self.linked[key]

    def complete(self) -> None:
        """Memory of one branch that a name still leads to comes along; other such is forgotten."""
        while True:
            names = [b for k, b in self.joined.items() if is_root(k, b)]
            outer, self.low.frame.vars = self.low.frame.vars, self.joined
            reached = self.low.reachable(names)
            self.low.frame.vars = outer
            missing = [c for c in reached if c not in self.joined]
            if not missing:
                break
            for cell in missing:
                first, second = (v.get(cell) for _, v in self.sides)
                found = second if first is None else first
                if isinstance(found, Known) and (first is None or second is None):
                    self.joined[cell] = found  # whether an iterator was read
                    continue
                content = self.merged(first, second, cell.name)
                assert content is not None
                self.joined[cell] = content
        kept = set(reached)
        for key in list(self.joined):
            if isinstance(key, Cell) and key not in kept and key not in self.before:
                del self.joined[key]

    def share(self) -> None:
        for i, (cell, sources) in enumerate(self.sources):
            for x in sources:
                if isinstance(x, Ref):
                    if x.cell in self.before or x.path:
                        cell.share(x.cell)
                    for other in list(x.cell.shared):
                        cell.share(other)
            for other, others in self.sources[:i]:
                for x, y in zip(sources, others):
                    if isinstance(x, Ref) and isinstance(y, Ref) and x.cell is y.cell:
                        cell.share(other)


def _is_object(content: Any) -> bool:
    return isinstance(content, Struct) and content.kind == "object"


def _is_list(content: Binding) -> bool:
    if isinstance(content, Struct):
        return content.kind == "list"
    return isinstance(content, Value) and isinstance(content.type, ListOf)


def _alike(a: Binding, b: Binding) -> bool:
    """Whether two lists are structures of one length."""
    both = isinstance(a, Struct) and isinstance(b, Struct)
    return both and len(a.items) == len(b.items)  # type: ignore[union-attr]
