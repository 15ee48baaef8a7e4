"""Random small programs of the IR: every structure, every hazard of names and memory.

Vectors have four elements, so each index is in bounds; numbers pass through sin where they could
grow. Names come from a small pool, so that they collide.
"""

from __future__ import annotations

import math
import operator
import random
from typing import Any

import numpy as np

from srcad.errors import Loc
from srcad.ir import ops as O
from srcad.ir.abstract import BOOL, FLOAT, INT, MANY, Array, ListOf, Simple, Type
from srcad.ir.build import Builder, for_op, if_op, while_op
from srcad.ir.values import UNDEFINED, Const, Function, Op, Operand, Param, Region, Role, Value
from srcad.rules.symbols import apply, getitem, pack

SHAKY = Simple("any")  # stands for a number that may be undefined
VECTOR = Array("float64", (MANY,))
ITEM = Array("float64", (), True)
SIZE = 4
POOL = ("x", "y", "x_bar", "t", "a", "np", "len")


class Program:
    """Builds one random function; `scope` holds the values visible where it builds."""

    def __init__(self, seed: int, depth: int = 3, callee: Function | None = None) -> None:
        self.random = random.Random(seed)
        self.b = Builder()
        self.callee = callee
        self.scope: list[Value] = []
        self.shaky: list[Value] = []
        self.unsafe: set[Value] = set()
        self.siblings: dict[Value, list[Value]] = {}  # the lists that one loop fills
        self.safe_lists: set[Value] = set()  # without undefined elements
        self.line = 0
        self.depth = depth
        params = [self.fresh(t, f"p{k}") for k, t in enumerate((FLOAT, VECTOR, VECTOR, INT))]
        self.scope += params
        self.statements(self.random.randint(2, 6), depth)
        results = [self.pick(t) for t in (FLOAT, VECTOR, VECTOR, FLOAT)]
        self.function = Function(
            f"f{seed}", tuple(Param(p, p.name) for p in params),
            Region(tuple(params), self.b.block, tuple(results)), (0, (1, 2), 3),
        )  # fmt: skip

    # ------------------------------------------------------------------ values
    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def fresh(self, t: Type, name: str | None = None) -> Value:
        role = self.random.choice((Role.PRIMAL, Role.ADJOINT))
        value = Value(t, name or self.random.choice(POOL), role, self.chance(0.4))
        if t is SHAKY:
            value.type = FLOAT
            self.unsafe.add(value)
        return value

    def known(self, t: Type) -> list[Value]:
        return [v for v in self.scope if v.type == t or (t == FLOAT and v.type == ITEM)]

    def pick(self, t: Type) -> Operand:
        if t is SHAKY:
            if self.shaky and self.chance(0.6):
                return self.random.choice(self.shaky)
            return UNDEFINED if self.chance(0.5) else self.pick(FLOAT)
        found = self.known(t)
        if found and self.chance(0.9):
            return self.random.choice(found[-6:])
        if t == VECTOR:
            if found and self.chance(0.5):
                return self.random.choice(found)
            return self.define(apply(self.b, np.full, [(SIZE,), self.random.random()]), VECTOR)
        if t == INT:
            return Const.of(self.random.randrange(SIZE))
        if t == BOOL:
            return self.define(apply(self.b, operator.lt, [self.pick(FLOAT), self.pick(FLOAT)]))
        return Const.of(round(self.random.uniform(-1, 1), 2))

    def define(self, operand: Operand, t: Type | None = None) -> Operand:
        """Give the result of the last operation a random name, and make it known."""
        if isinstance(operand, Value):
            operand.name = self.random.choice(POOL)
            operand.named = self.chance(0.4)
            operand.role = self.random.choice((Role.PRIMAL, Role.ADJOINT))
            operand.type = t or operand.type
            if operand.type == ITEM and self.chance(0.1):
                operand.type = FLOAT
            self.scope.append(operand)
        return operand

    # ------------------------------------------------------------------ statements
    def statements(self, count: int, depth: int) -> None:
        for _ in range(count):
            self.line += 1
            self.b.loc = Loc("m.py", self.line, 1, self.line, 9, f"line {self.line}", "f")
            kinds = ["scalar", "scalar", "vector", "vector", "read", "view", "write", "write",
                     "add", "update"]  # fmt: skip
            if depth > 0:
                kinds += ["branch", "branch", "loop", "loop", "while", "taped", "popped"]
            if self.callee is not None:
                kinds.append("call")
            getattr(self, self.random.choice(kinds))(depth)

    def scalar(self, depth: int) -> None:
        fn = self.random.choice((operator.add, operator.sub, operator.mul, math.sin))
        if fn is math.sin:
            self.define(apply(self.b, fn, [self.pick(FLOAT)]))
        else:
            value = apply(self.b, fn, [self.pick(FLOAT), self.pick(FLOAT)])
            if fn is operator.mul:
                value = apply(self.b, math.cos, [value])
            self.define(value)

    def vector(self, depth: int) -> None:
        fn = self.random.choice((operator.add, operator.sub, operator.mul, np.sin))
        if fn is np.sin:
            self.define(apply(self.b, fn, [self.pick(VECTOR)]), VECTOR)
        else:
            other = self.pick(self.random.choice((VECTOR, FLOAT)))
            value = apply(self.b, fn, [self.pick(VECTOR), other])
            if fn is operator.mul:
                value = apply(self.b, np.cos, [value])
            self.define(value, VECTOR)

    def update(self, depth: int) -> None:
        """``v = v + g``, which may be done in place."""
        vector, other = self.pick(VECTOR), self.pick(self.random.choice((VECTOR, FLOAT)))
        value = apply(self.b, operator.sub, [vector, other])
        self.define(value, VECTOR)
        if isinstance(vector, Value) and isinstance(value, Value) and self.chance(0.8):
            value.name, value.named = vector.name, vector.named

    def read(self, depth: int) -> None:
        self.define(getitem(self.b, self.pick(VECTOR), self.pick(INT)))

    def view(self, depth: int) -> None:
        value = getitem(self.b, self.pick(VECTOR), slice(None, None, -1))
        self.define(value, VECTOR)

    def write(self, depth: int) -> None:
        array = self.pick(VECTOR)
        whole = self.chance(0.2)
        value = self.pick(VECTOR if whole else FLOAT)
        at: Operand = Const.of(slice(None)) if whole else self.pick(INT)
        self.define(self.b.emit1(O.SETITEM, (array, value, at), VECTOR))

    def add(self, depth: int) -> None:
        at = self.pick(INT)
        if self.chance(0.2):  # an index that repeats
            at = pack(self.b, [at, Const.of(1), Const.of(1)], "list")
        operands = (self.pick(VECTOR), self.pick(FLOAT), at)
        self.define(self.b.emit1(O.ADD_AT, operands, VECTOR))

    def call(self, depth: int) -> None:
        assert self.callee is not None
        types = [p.value.type for p in self.callee.params]
        results = [self.fresh(t) for t in (FLOAT, VECTOR, VECTOR, FLOAT)]
        operands = tuple(self.pick(t) for t in types)
        self.b.block.append(
            Op(O.CALL, operands, {"callee": self.callee}, tuple(results), (), self.b.loc)
        )
        self.scope += results

    # ------------------------------------------------------------------ structures
    def region(self, depth: int, types: list[Type], params: tuple[Value, ...] = ()) -> Region:
        """A region that yields a value of each type; "flag" yields a stop flag."""
        outer = list(self.scope), list(self.shaky)
        self.show(list(params))
        with self.b.nested() as ops:
            self.statements(self.random.randint(0, 3), depth - 1)
            yields = [self.pick(t) for t in types]
        self.scope, self.shaky = outer
        return Region(params, ops, tuple(yields))

    def types(self, most: int) -> list[Type]:
        count = self.random.randint(0, most)
        return [self.random.choice((FLOAT, FLOAT, VECTOR, VECTOR, SHAKY)) for _ in range(count)]

    def show(self, values: list[Value]) -> None:
        """Make values known; those that may be undefined can only be handed on."""
        for v in values:
            (self.shaky if v in self.unsafe else self.scope).append(v)

    def branch(self, depth: int) -> None:
        cond = self.pick(BOOL)
        types = self.types(2)
        regions = [self.region(depth, types) for _ in range(2)]
        results = [self.fresh(t) for t in types]
        self.b.block.append(if_op(cond, regions[0], regions[1], results, self.b.loc))
        self.show(results)

    def stop_in_branch(self, region: Region, types: list[Type], depth: int) -> Region:
        """The region with a last `if` that decides whether the loop ends."""
        outer = list(self.scope), list(self.shaky)
        made = [r for op in region.ops for r in op.results if r.type in (FLOAT, VECTOR)]
        self.show([*region.params, *made])
        ops = region.ops
        with self.b.nested() as more:
            cond = self.pick(BOOL)
            deeper = depth > 0 and self.chance(0.3)
            branches = [self.region(depth, types) for _ in range(2)]
            flags: list[Operand] = [Const.of(self.chance(0.5)), Const.of(False)]
            if deeper:
                ended = self.stop_in_branch(branches[0], types, depth - 1)
                branches[0] = Region((), ended.ops, ended.yields[: len(types)])
                flags[0] = ended.yields[-1]
            else:
                self.random.shuffle(flags)
            results = [self.fresh(t) for t in (*types, BOOL)]
            self.b.block.append(
                if_op(
                    cond,
                    *(Region((), r.ops, (*r.yields, f)) for r, f in zip(branches, flags)),
                    results,
                    self.b.loc,
                )
            )
        self.scope, self.shaky = outer
        kept = [y if self.chance(0.3) else r for y, r in zip(region.yields, results)]
        return Region(region.params, [*ops, *more], (*kept, results[-1]))

    def recorded(self, region: Region, depth: int) -> tuple[Region, list[Type]]:
        """The region, in which a value of one branch only is also yielded."""
        outer = list(self.scope), list(self.shaky)
        self.show(list(region.params))
        with self.b.nested() as more:
            cond = self.pick(BOOL)
            then = self.region(depth, [FLOAT])
            result = self.fresh(FLOAT)
            sides = [then, Region((), [], (UNDEFINED,))]
            self.random.shuffle(sides)
            self.b.block.append(if_op(cond, sides[0], sides[1], [result], self.b.loc))
        self.scope, self.shaky = outer
        return Region(region.params, [*region.ops, *more], (*region.yields, result)), [FLOAT]

    def body(
        self, params: tuple[Value, ...], carries: list[Type], depth: int
    ) -> tuple[Region, list[Type], bool]:
        """A loop body: (region, types of what it emits, whether it may stop)."""
        emits = self.types(2)
        may_stop = self.chance(0.4)
        region = self.region(depth, [*carries, *emits], params)
        if may_stop and self.chance(0.8):
            region = self.stop_in_branch(region, [*carries, *emits], depth)
        elif may_stop:
            region = self.region(depth, [*carries, *emits, BOOL], params)
        elif self.chance(0.5):
            region, more = self.recorded(region, depth) if self.chance(0.5) else self.nested(region)
            emits += more
        return region, emits, may_stop

    def nested(self, region: Region) -> tuple[Region, list[Type]]:
        """The region, whose inner lists are yielded too."""
        made = [r for op in region.ops for r in op.results if isinstance(r.type, ListOf)]
        made = [r for r in made if r in self.safe_lists and self.chance(0.8)]
        return Region(region.params, region.ops, (*region.yields, *made)), [r.type for r in made]

    def loop(self, depth: int) -> None:
        carries = self.types(3)
        inits = [self.pick(t) for t in carries]
        lists = [v for v in self.scope if isinstance(v.type, ListOf)]
        streams: list[tuple[Operand, bool]] = []
        stop: Operand = Const.of(self.random.randrange(SIZE + 1))
        if lists and self.chance(0.7):
            first = self.random.choice(lists)
            streams = [(first, self.chance(0.5))]
            stop = apply(self.b, len, [first])
            same = [v for v in lists if v is not first and v in self.siblings.get(first, ())]
            for other in [first, *same]:
                if self.chance(0.4):
                    streams.append((other, self.chance(0.5)))
        elif self.chance(0.3):
            stop = apply(self.b, len, [self.pick(VECTOR)])
        index = self.fresh(INT)
        elements = [self.fresh(s.type.elem) for s, _ in streams]  # type: ignore[attr-defined]
        params = (index, *(self.fresh(t) for t in carries), *elements)
        region, emits, may_stop = self.body(params, carries, depth)
        finals = [self.fresh(t) for t in carries]
        made = [(self.fresh(ListOf(t)), self.chance(0.3)) for t in emits]
        trips = self.fresh(INT, "trips") if may_stop else None
        self.b.block.append(
            for_op(
                (Const.of(0), stop, Const.of(1)), inits, streams, region, finals, made,
                reverse=self.chance(0.4), trips=trips, loc=self.b.loc,
            )
        )  # fmt: skip
        self.after_loop(finals, [v for v, _ in made], region)

    def after_loop(self, finals: list[Value], lists: list[Value], region: Region) -> None:
        self.show(finals)
        self.siblings.update(dict.fromkeys(lists, lists))
        n = len(finals)
        for v, y in zip(lists, region.yields[n:]):
            if v.type.elem is not SHAKY and not _partly_undefined(y, region):  # type: ignore[attr-defined]
                self.scope.append(v)
                self.safe_lists.add(v)

    # ------------------------------------------------------------------ forth and back
    def taped(self, depth: int) -> None:
        """A nest of loops that fills lists, and one that empties all of them."""
        levels = self.random.randint(1, 2 if depth > 1 else 1)
        trips = [Const.of(self.random.randrange(SIZE)) for _ in range(levels)]
        lists = self.fill(levels, trips, depth)
        if self.chance(0.5):
            self.statements(1, 0)
        self.empty(levels, trips, lists, depth, self.chance(0.7))

    def fill(self, levels: int, trips: list[Const], depth: int) -> list[Value]:
        carries = self.types(2)
        inits = [self.pick(t) for t in carries]
        index = self.fresh(INT)
        params = (index, *(self.fresh(t) for t in carries))
        outer = list(self.scope), list(self.shaky)
        self.show(list(params))
        with self.b.nested() as ops:
            self.statements(self.random.randint(0, 2), 0)
            inner = self.fill(levels - 1, trips, depth) if levels > 1 else []
            self.statements(self.random.randint(0, 2), 0)
            yields = [self.pick(t) for t in carries]
            kept = [self.pick(self.random.choice((FLOAT, VECTOR))) for _ in range(3)]
        self.scope, self.shaky = outer
        emits = [o for o in (*kept, *inner) if isinstance(o, Value)]
        region = Region(params, ops, (*yields, *emits))
        lists = [self.fresh(ListOf(o.type)) for o in emits]
        flag = self.chance(0.2)
        finals = [self.fresh(t) for t in carries]
        self.b.block.append(
            for_op(
                (Const.of(0), trips[levels - 1], Const.of(1)), inits, (), region, finals,
                [(v, flag) for v in lists], loc=self.b.loc,
            )
        )  # fmt: skip
        self.show(finals)
        return lists

    def empty(
        self, levels: int, trips: list[Const], lists: list[Value], depth: int, flag: bool
    ) -> None:
        carries = self.types(2)
        inits = [self.pick(t) for t in carries]
        elements = [self.fresh(v.type.elem) for v in lists]  # type: ignore[attr-defined]
        index = self.fresh(INT)
        params = (index, *(self.fresh(t) for t in carries), *elements)
        outer = list(self.scope), list(self.shaky)
        self.show([p for p in params if not isinstance(p.type, ListOf)])
        with self.b.nested() as ops:
            self.statements(self.random.randint(0, 2), 0)
            inner = [e for e in elements if isinstance(e.type, ListOf)]
            if inner:
                self.empty(levels - 1, trips, inner, depth, flag)
            self.statements(self.random.randint(0, 2), 0)
            yields = [self.pick(t) for t in carries]
        self.scope, self.shaky = outer
        flags = [flag if self.chance(0.9) else not flag for _ in lists]
        finals = [self.fresh(t) for t in carries]
        self.b.block.append(
            for_op(
                (Const.of(0), trips[levels - 1], Const.of(1)), inits, list(zip(lists, flags)),
                Region(params, ops, tuple(yields)), finals, reverse=self.chance(0.6),
                loc=self.b.loc,
            )
        )  # fmt: skip
        self.show(finals)

    def popped(self, depth: int) -> None:
        """A value of one branch, recorded, and read in the same branch backwards."""
        vector = self.scope[1]
        side = self.random.randrange(2)
        lists = []

        def branch(index: Value, read: Value | None) -> tuple[list[Op], Value]:
            outer = list(self.scope), list(self.shaky)
            with self.b.nested() as ops:
                item = getitem(self.b, vector, index)
                cond = apply(self.b, operator.gt, [item, 0.0])
                self.scope += [index] if read is None else [index, read]
                taken = self.region(depth, [FLOAT])
                if read is not None and self.chance(0.7):
                    with self.b.nested() as more:
                        product = apply(self.b, operator.mul, [taken.yields[0], read])
                    taken = Region((), [*taken.ops, *more], (product,))
                self.scope = outer[0]
                other: Operand = UNDEFINED if read is None else self.pick(FLOAT)
                sides = [taken, Region((), [], (other,))]
                result = self.fresh(FLOAT)
                self.b.block.append(if_op(cond, sides[side], sides[1 - side], [result], self.b.loc))
            self.scope, self.shaky = outer
            return ops, result

        bounds = (Const.of(0), Const.of(SIZE), Const.of(1))
        index = self.fresh(INT)
        ops, recorded = branch(index, None)
        lists.append(self.fresh(ListOf(FLOAT)))
        region = Region((index,), ops, (recorded,))
        self.b.block.append(for_op(bounds, (), (), region, (), [(lists[0], False)], loc=self.b.loc))
        index, carry, element = self.fresh(INT), self.fresh(FLOAT), self.fresh(FLOAT)
        ops, result = branch(index, element)
        final = self.fresh(FLOAT)
        self.b.block.append(
            for_op(
                bounds, [self.pick(FLOAT)], [(lists[0], True)],
                Region((index, carry, element), ops, (result,)), [final], reverse=True,
                loc=self.b.loc,
            )
        )  # fmt: skip
        self.scope.append(final)

    def while_(self, depth: int) -> None:
        types: list[Type] = [INT, *self.types(2)]
        inits = [Const.of(0), *(self.pick(t) for t in types[1:])]
        tests = tuple(self.fresh(t) for t in types)
        limit = Const.of(self.random.randrange(SIZE))
        with self.b.nested() as cond_ops:
            cond = apply(self.b, operator.lt, [tests[0], limit])
            if self.chance(0.3):
                cond = apply(self.b, operator.and_, [cond, cond])
        params = tuple(self.fresh(t) for t in types)
        region, emits, may_stop = self.body(params, types[1:], depth)
        with self.b.nested() as more:
            after = apply(self.b, operator.add, [params[0], 1])
        region = Region(params, [*more, *region.ops], (after, *region.yields))
        finals = [self.fresh(t) for t in types]
        made = [(self.fresh(ListOf(t)), self.chance(0.3)) for t in emits]
        self.b.block.append(
            while_op(
                inits, Region(tests, cond_ops, (cond,)), region, finals, made,
                self.fresh(INT, "trips"), may_stop=may_stop, loc=self.b.loc,
            )
        )  # fmt: skip
        self.after_loop(finals[1:], [v for v, _ in made], Region((), region.ops, region.yields[1:]))


setattr(Program, "while", Program.while_)


def _partly_undefined(operand: Operand, region: Region) -> bool:
    for op in region.ops:
        if op.kind is O.IF and operand in op.results:
            k = op.results.index(operand)  # type: ignore[arg-type]
            return any(r.yields[k] is UNDEFINED for r in op.regions)
    return False


def arguments(seed: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    return (float(rng.normal()), rng.normal(size=SIZE), rng.normal(size=SIZE), 2)
