"""Which values live where, and which of them become one variable.

What holds afterwards: values of one class never hold different things at the same time, so each
class can be one Python variable; copies within a class print nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from srcad.emitter import tree as T
from srcad.emitter.ownership import is_write
from srcad.ir import ops as O
from srcad.ir.values import Role, Value


class Liveness:
    """A backward walk over the statements; sets of values are bits of an int.

    Attributes
    ----------
    interference
        Per value, the values that hold something else while it is being defined. Noted on one
        side only: in straight code with many live values, both sides would take quadratic time.
    apart
        Per value, further values that must not have the same name, unless they are one variable:
        the copies of one joint are printed one after the other.
    after
        Per definition, the values that are read later on.
    """

    def __init__(self, program: T.Program) -> None:
        self.program = program
        self.bit_of: dict[Value, int] = {}
        self.values: list[Value] = []
        self.interference: list[int] = []
        self.apart: list[int] = []
        self.after: dict[T.Statement, int] = {}
        self.complete = False
        self.reads: dict[T.Statement, int] = {}
        self.bits(program.params)
        for statement in T.walk(program.body):  # numbers in the order of the text
            targets = statement.targets() if isinstance(statement, T.ForLoop) else ()
            self.bits((*targets, *T.writes(statement)))
            self.read(statement)
        live = self.block(program.body, 0, 0)
        params = self.bits(program.params)
        for p in program.params:
            self.define(p, live | params)
        self.complete = True

    def bit(self, value: Value) -> int:
        known = self.bit_of.get(value)
        if known is not None:
            return known
        canonical = self.program.canonical(value)
        if canonical is not value:
            return self.bit(canonical)
        if self.complete:
            return 0  # a global, say, which is read where it is needed and has no variable
        self.bit_of[value] = 1 << len(self.values)
        self.values.append(value)
        self.interference.append(0)
        self.apart.append(0)
        return self.bit_of[value]

    def bits(self, values: Iterable[Value]) -> int:
        found = 0
        for v in values:
            found |= self.bit(v)
        return found

    def union(self, sets: Iterable[int]) -> int:
        found = 0
        for bits in sets:
            found |= bits
        return found

    def members(self, bits: int) -> list[Value]:
        """The values of a set, in order of their numbers."""
        found = []
        while bits:
            low = bits & -bits
            found.append(self.values[low.bit_length() - 1])
            bits ^= low
        return found

    def define(self, value: Value, live: int) -> None:
        """Note that `value` is set while `live` holds what is read later."""
        bit = self.bit(value)
        self.interference[bit.bit_length() - 1] |= live & ~bit

    def read(self, statement: T.Statement) -> int:
        found = self.reads.get(statement)
        if found is None:
            found = self.bits(self.program.all_leaves(T.operands_of(statement)))
            self.reads[statement] = found
        return found

    # ------------------------------------------------------------------ walk
    def block(self, block: T.Block, live: int, left: int) -> int:
        """What is live before a block; `live` is so after it, `left` after the loop around it."""
        for statement in reversed(block):
            live = self.statement(statement, live, left)
        return live

    def statement(self, s: T.Statement, live: int, left: int) -> int:
        if isinstance(s, T.Branch):
            before = self.block(s.then, live, left) | self.block(s.orelse, live, left)
            return before | self.read(s)
        if isinstance(s, T.ForLoop):
            return self.for_loop(s, live)
        if isinstance(s, T.WhileLoop):
            return self.while_loop(s, live)
        if isinstance(s, T.Break):
            return left
        if isinstance(s, T.Return):
            return self.read(s)
        if isinstance(s, T.Copy):
            return self.copy(s, live)
        self.after[s] = live
        if isinstance(s, T.Define):
            return self.operation(s, live)
        made = T.writes(s)
        for v in made:
            self.define(v, live)
        return (live & ~self.bits(made)) | self.read(s)

    def operation(self, s: T.Define, live: int) -> int:
        if s.op.kind is O.RAISE:
            return self.read(s)
        results = self.bits(s.results)
        reads = self.read(s)
        busy = live | results
        if is_write(s.op):
            # The result may be made (as a copy) before the stored value and the index are read.
            array = self.bits(self.program.leaves(s.op.operands[0]))
            busy |= self.bits(self.program.all_leaves(s.op.operands[1:])) & ~array
        for v in s.results:
            self.define(v, busy)
        return (live & ~results) | reads

    def copy(self, s: T.Copy, live: int) -> int:
        self.after[s] = live
        pairs = [(t, o) for t, o in s.pairs if live & self.bit(t)]
        targets = self.bits(t for t, _ in pairs)
        each = [self.bits(self.program.leaves(source)) for _, source in pairs]
        for k, (target, source) in enumerate(pairs):
            # A copy itself is no conflict: both variables then hold the same.
            own = each[k] if source not in self.program.folded else 0
            self.define(target, live & ~own)
            others = self.union(each[:k] + each[k + 1 :])
            self.apart[self.bit(target).bit_length() - 1] |= others & ~own
        reads = self.union(each)
        return (live & ~targets) | reads

    def for_loop(self, s: T.ForLoop, live: int) -> int:
        targets = self.bits(s.targets())
        held = self.bits(
            self.program.all_leaves([x.iterable for x in s.sources if x.iterable is not None])
        )
        top = live
        while True:
            inside = self.block(s.body, top | held, live)
            for t in s.targets():
                self.define(t, inside | targets | held)
            found = top | live | (inside & ~targets)
            if found == top:
                return top | self.read(s)
            top = found

    def while_loop(self, s: T.WhileLoop, live: int) -> int:
        top = live
        while True:
            inside = self.block(s.body, top, live)
            found = top | self.block(s.test, inside | live | self.read(s), live)
            if found == top:
                return top
            top = found


class Classes:
    """Values that share a variable: a union-find over values that do not interfere."""

    def __init__(self, liveness: Liveness) -> None:
        self.liveness = liveness
        n = len(liveness.values)
        self.parent = list(range(n))
        self.members = [1 << i for i in range(n)]
        self.interference = list(liveness.interference)
        self.apart = list(liveness.apart)
        self.fixed = liveness.bits(liveness.program.params)
        # of each class: names that are no guess, the user's of them, whether it has derivatives
        self.named = [frozenset([v.name] if v.named else ()) for v in liveness.values]
        self.users = [
            names if v.role is Role.PRIMAL else frozenset()
            for v, names in zip(liveness.values, self.named, strict=True)
        ]
        self.derived = [v.role in (Role.ADJOINT, Role.TANGENT) for v in liveness.values]

    def find(self, i: int) -> int:
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def of(self, value: Value) -> int:
        return self.find(self.liveness.bit(value).bit_length() - 1)

    def same(self, a: Value, b: Value) -> bool:
        return self.of(a) == self.of(b)

    def separate(self, copy: Value, source: Value, statement: T.Statement) -> None:
        """Keep a copy of an array apart from the array, if that is read later on."""
        live = self.liveness
        if live.after[statement] & live.bit(source):
            i, j = self.of(copy), self.of(source)
            self.interference[i] |= self.members[j]
            self.interference[j] |= self.members[i]

    def keep_apart(self, c: int, values: int) -> None:
        """Let a class have no name of those `values` that are not its own."""
        self.interference[c] |= values & ~self.members[c]

    def unite(self, a: Value, b: Value) -> bool:
        """Make the classes of two values one, if they never hold different things."""
        i, j = self.of(a), self.of(b)
        if i == j:
            return True
        if self.interfere(i, j) or not self.names_agree(i, j):
            return False
        self.parent[j] = i
        self.members[i] |= self.members[j]
        self.interference[i] |= self.interference[j]
        self.apart[i] |= self.apart[j]
        self.named[i] |= self.named[j]
        self.users[i] |= self.users[j]
        self.derived[i] |= self.derived[j]
        return True

    def interfere(self, i: int, j: int) -> bool:
        """Whether the values of two classes hold different things at the same time."""
        return bool(
            self.members[i] & self.interference[j] or self.members[j] & self.interference[i]
        )

    def names_agree(self, i: int, j: int) -> bool:
        """Whether people would give both classes one name."""
        users = self.users[i] | self.users[j]
        if users and (self.derived[i] or self.derived[j]):
            return False  # a variable of the user's does not become one of the derivative
        if (self.members[i] | self.members[j]) & self.fixed:
            return len(self.named[i] | self.named[j]) < 2
        return len(users) < 2
