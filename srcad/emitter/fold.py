"""Folding: a value that is used once is printed inside of the statement that uses it.

What holds afterwards: `Program.folded` has the values without a statement of their own. Folding
moves a computation to its use; it never crosses an effect, and never an operation that may take
over the memory of an array that the computation reads.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Sequence
from typing import Any

from srcad.emitter import tree as T
from srcad.emitter.operators import COMPARE, INFIX, PREFIX, width_of_call
from srcad.emitter.ownership import foreign, has_memory, is_write, shares, updatable
from srcad.ir import ops as O
from srcad.ir.abstract import BOOL, INT, Array, TupleOf
from srcad.ir.values import Const, Op, Operand, Role, Value
from srcad.pristine import np

LINE = 88
DEEPEST = 4  # of an expression that the user did not write like that
USERS_DEEPEST = 40
USERS_WIDEST = 400  # the user's own expression is broken over lines where it is too long
_PURE = (O.APPLY, O.GETITEM, O.FIELD, O.PACK, O.GLOBAL)
_INDEXED = (O.GETITEM, O.SETITEM, O.ADD_AT)
_Disturbed = tuple[bool, set[Value], set[Value]]
_HEADERS = ("if ", "elif ", "else", "for ", "while ")


def fold(program: T.Program) -> T.Program:
    """Fold in place; return the program."""
    folder = _Folder(program)
    folder.everywhere()
    program.body = folder.block(program.body, 4)
    return program


class _Folder:
    def __init__(self, program: T.Program) -> None:
        self.program = program
        self.folded = program.folded
        self.count: Counter[Value] = Counter()
        self.statements = list(T.walk(program.body))
        for statement in self.statements:
            self.count.update(o for o in T.operands_of(statement) if isinstance(o, Value))
        self.defining: dict[Value, Op] = {
            r: s.op for s in self.statements if isinstance(s, T.Define) for r in s.results
        }
        self.size: dict[Value, tuple[int, int]] = {}
        self.roots: dict[Value, Value] = {}
        self.within: dict[T.Statement, set[Value]] = {}
        self.disturbed: dict[T.Statement, _Disturbed] = {}

    # ------------------------------------------------------------------ printed at each use
    def everywhere(self) -> None:
        """Fold what is free to compute again: slices, live globals, ``i - 1`` in indices."""
        effects = any(
            isinstance(s, T.Define) and O.runs_others_code(s.op) for s in self.statements
        )
        users: dict[Value, list[T.Statement]] = {}
        for statement in self.statements:
            for o in T.operands_of(statement):
                if isinstance(o, Value):
                    users.setdefault(o, []).append(statement)
        for value, op in self.defining.items():
            if op.attrs.get("fn") is slice or (op.kind is O.GLOBAL and not effects):
                self.take(value, op)
        for value, op in self.defining.items():
            if self.is_offset(op) and 1 < self.count[value] <= 3:
                if all(
                    isinstance(s, T.Define) and s.op.kind in _INDEXED
                    and value not in s.op.operands[: 1 if s.op.kind is O.GETITEM else 2]
                    for s in users.get(value, ())
                ):  # fmt: skip
                    self.take(value, op)

    def is_offset(self, op: Op) -> bool:
        if op.attrs.get("fn") not in (operator.add, operator.sub) or len(op.operands) != 2:
            return False
        left, right = op.operands
        return (
            op.results[0].type == INT == left.type
            and not op.results[0].named
            and isinstance(left, Value)
            and isinstance(right, Const)
        )

    def take(self, value: Value, op: Op) -> None:
        times = self.count[value]
        self.folded[value] = op
        for o in op.operands:
            if isinstance(o, Value):
                self.count[o] += times - 1

    # ------------------------------------------------------------------ sizes
    def measure(self, operand: Operand | None) -> tuple[int, int]:
        """(columns, depth) of an operand's text; the names are guessed."""
        if operand is None:
            return 0, 0
        if isinstance(operand, Const):
            return len(repr(operand.value)), 0
        found = self.folded.get(operand)
        if found is None:
            return len(operand.name), 0
        if operand not in self.size:
            self.size[operand] = self.measure_of(found)
        return self.size[operand]

    def measure_of(self, found: Op | T.Ternary) -> tuple[int, int]:
        if isinstance(found, T.Ternary):
            parts = [self.measure(p) for p in found.parts()]
            return sum(w for w, _ in parts) + 9, 1 + max(d for _, d in parts)
        parts = [self.measure(o) for o in found.operands]
        columns = sum(w for w, _ in parts)
        depth = max((d for _, d in parts), default=0)
        if found.kind is O.GETITEM:
            return columns + 2 * len(parts) - 2, depth
        if found.kind is O.FIELD:
            return columns + len(repr(found.attrs["key"])) + 2, depth
        if found.kind is O.APPLY:
            fn = found.attrs["fn"]
            if fn in INFIX or fn in COMPARE:
                return columns + 4, depth + 1
            if fn in PREFIX:
                return columns + 1, depth
            if fn in (np.shape, np.size, np.ndim, len, slice):
                return columns + 6, depth
            return columns + 2 * len(parts) + width_of_call(found), depth + 1
        return columns + 2 * len(parts), depth

    def width(self, statement: T.Statement, indent: int) -> int:
        operands = T.operands_of(statement)
        if isinstance(statement, T.Define) and statement.op.kind is not O.OPAQUE:
            target = sum(len(r.name) + 2 for r in statement.results) + 1
            return indent + target + self.measure_of(statement.op)[0]
        return indent + 12 + sum(self.measure(o)[0] + 2 for o in operands)

    # ------------------------------------------------------------------ blocks
    def block(self, block: T.Block, indent: int) -> T.Block:
        block = [self.inside(statement, indent) for statement in block]
        return self.fold_block(block, indent)

    def inside(self, statement: T.Statement, indent: int) -> T.Statement:
        """The statement with the blocks in it folded."""
        if isinstance(statement, T.ForLoop):
            statement.body = self.block(statement.body, indent + 4)
        elif isinstance(statement, T.WhileLoop):
            *test, end = self.block([*statement.test, T.Return(statement.cond)], indent)
            statement.test = test
            statement.body = self.block(statement.body, indent + 4)
        elif isinstance(statement, T.Branch):
            statement.then = self.block(statement.then, indent + 4)
            deeper = 0 if _is_elif(statement.orelse) else 4
            statement.orelse = self.block(statement.orelse, indent + deeper)
            return self.as_expression(statement, indent)
        return statement

    def fold_block(self, block: T.Block, indent: int, into_copy: bool = False) -> T.Block:
        position: dict[Value, int] = {}
        unpacked = self.unpacked(block)
        gone: set[int] = set()
        self.last = self.last_reads(block)
        for j, statement in enumerate(block):
            made = T.writes(statement)
            if made and made[0] in self.folded:
                gone.add(j)
                continue
            if not isinstance(statement, (T.Copy, T.WhileLoop)) or (
                into_copy and isinstance(statement, T.Copy)
            ):
                self.fold_into(statement, j, block, position, gone, indent)
            if isinstance(statement, T.Copy) and not into_copy:
                self.fold_into_exchange(statement, j, block, gone)
            if len(made) == 1 and made[0] not in unpacked:
                position[made[0]] = j
        return self.sunk([s for j, s in enumerate(block) if j not in gone])

    def sunk(self, block: T.Block) -> T.Block:
        """The block with what a copy gives to a variable computed after the last use of the old
        value of that variable; then both are one."""
        making: dict[Operand, T.Statement] = {}
        for s in block:
            made = T.writes(s)
            if len(made) == 1:
                making.setdefault(made[0], s)
        for copy in [s for s in block if isinstance(s, T.Copy)]:
            for target, source in copy.pairs:
                if source not in making:
                    continue
                start, end = block.index(making[source]), block.index(copy)
                if start < end and self.may_sink(block, start, end, target, copy):
                    block.insert(end - 1, block.pop(start))
        return block

    def may_sink(self, block: T.Block, start: int, end: int, target: Value, copy: T.Copy) -> bool:
        statement, between = block[start], block[start + 1 : end]
        found = self.definition(statement)
        value = T.writes(statement)[0]
        if found is None or self.count[value] != 1:
            return False
        if value.role is Role.PRIMAL and Role.PRIMAL in map(T.role_of, between):
            return False  # the user's own order
        if not any(target in self.reads(s) for s in between):
            return False
        read = self.program.all_leaves(T.operands_of(statement))
        made = {v for s in between for v in T.writes(s)}
        if any(t in read and o in made for t, o in copy.pairs if t is not target):
            return False  # then another variable would be two
        return not any(self.blocks(s, read) for s in between)

    def reads(self, statement: T.Statement) -> set[Value]:
        return {v for s in T.walk([statement]) for v in self.program.all_leaves(T.operands_of(s))}

    def fold_into(
        self,
        statement: T.Statement,
        j: int,
        block: T.Block,
        position: dict[Value, int],
        gone: set[int],
        indent: int,
    ) -> None:
        candidates = {
            position[o]: o
            for o in T.operands_of(statement)
            if isinstance(o, Value) and o in position and self.count[o] == 1
        }
        if isinstance(statement, T.Define) and is_write(statement.op):
            candidates.pop(position.get(statement.op.operands[0], -1), None)  # type: ignore[arg-type]
        width = self.width(statement, indent) if candidates else 0
        for i in sorted(candidates, reverse=True):
            value = candidates[i]
            found = self.definition(block[i])
            if found is None or not self.wanted(value, statement, block[i]):
                continue
            if isinstance(found, Op) and self.reuses_memory(found, statement, i, position, block):
                continue
            columns, depth = self.measure_of(found)
            users_own = value.role is Role.PRIMAL and _line(block[i]) == _line(statement)
            if depth > (USERS_DEEPEST if users_own else DEEPEST):
                continue
            wider = width + columns - len(value.name)
            if wider > (USERS_WIDEST if users_own else LINE):
                continue
            between = [block[k] for k in range(i + 1, j) if k not in gone]
            read = self.program.all_leaves(_parts(found))
            if any(self.blocks(s, read) for s in between):
                continue
            if isinstance(statement, T.Return) and self.belongs_forward(value, found, between):
                if not value.named:
                    self.program.hints[value] = "result"
                continue
            self.folded[value] = found
            gone.add(i)
            width = wider
            self.within[statement] |= self.within[block[i]]
            for leaf in self.program.leaves(value):
                self.last[leaf] = max(self.last.get(leaf, j), j)

    def fold_into_exchange(self, copy: T.Copy, j: int, block: T.Block, gone: set[int]) -> None:
        """Fold what was computed last into ``a, b = b, a + b``."""
        for at in range(j - 1, -1, -1):
            if at in gone:
                continue
            made = T.writes(block[at])
            found = self.definition(block[at])
            target = next((t for t, o in copy.pairs if made and o is made[0]), None)
            if found is None or target is None or not self.exchanged(target, made[0], copy):
                return
            self.folded[made[0]] = found
            gone.add(at)
            self.within[copy] |= self.within[block[at]]
            for leaf in self.program.leaves(made[0]):
                self.last[leaf] = max(self.last.get(leaf, j), j)

    def exchanged(self, target: Value, value: Value, copy: T.Copy) -> bool:
        """Whether `value` cannot be computed right into `target`, which others still read."""
        if self.count[value] != 1 or has_memory(value.type):
            return False
        if value.named and value.name != target.name:
            return False
        sources = [o for t, o in copy.pairs if t is not target]
        return target in self.program.all_leaves(sources)

    def definition(self, statement: T.Statement) -> Op | T.Ternary | None:
        if isinstance(statement, T.Choose):
            return statement.choice
        if not isinstance(statement, T.Define) or is_write(statement.op):
            return None
        if statement.op.kind in _PURE:
            return statement.op
        return None

    def wanted(self, value: Value, user: T.Statement, definition: T.Statement) -> bool:
        """Whether a value should have no name of its own, as far as people go."""
        if isinstance(user, T.Return) and isinstance(value.type, TupleOf):
            return True
        if value.named:
            if value.role is Role.PRIMAL or isinstance(user, T.Return):
                return False
            return _line(user) == _line(definition) or _renames(user, value)
        return True

    def last_reads(self, block: T.Block) -> dict[Value, int]:
        """For each value, the position of the last statement that reads it."""
        return {v: k for k, statement in enumerate(block) for v in self.read_within(statement)}

    def read_within(self, statement: T.Statement) -> set[Value]:
        """The values that a statement, those within it, and what is folded into them read."""
        if statement not in self.within:
            own = self.program.all_leaves(T.operands_of(statement))
            inner = [self.read_within(s) for block in T.inner_blocks(statement) for s in block]
            self.within[statement] = set(own).union(*inner)
        return self.within[statement]

    def reuses_memory(
        self, op: Op, user: T.Statement, at: int, position: dict[Value, int], block: T.Block
    ) -> bool:
        """Whether an operation of the reverse sweep may write over an array that nobody needs
        any more, and what follows may go on in that memory: then it stays a statement."""
        result = op.results[0]
        if result.role is not Role.ADJOINT or not isinstance(user, T.Define):
            return False
        if user.op.kind in (O.SETITEM, O.ADD_AT):
            if user.op.operands[1] is not result:
                return False
        elif result not in updatable(user.op, lambda: self.program.extents):
            return False
        return any(
            x in position and self.last[x] == at and self.is_fresh(block[position[x]])
            for x in updatable(op, lambda: self.program.extents)
        )

    def is_fresh(self, statement: T.Statement) -> bool:
        if not isinstance(statement, T.Define) or statement.op.kind not in (O.APPLY, O.GETITEM):
            return False
        return not shares(statement.op) and not foreign(statement.op)

    def belongs_forward(
        self, value: Value, found: Op | T.Ternary, between: list[T.Statement]
    ) -> bool:
        """Whether a result of the forward sweep is to be computed there, so that the arrays it
        reads need not be kept until the end."""
        if value.role is not Role.PRIMAL or Role.ADJOINT not in map(T.role_of, between):
            return False
        return any(has_memory(v.type) for v in self.program.all_leaves(_parts(found)))

    def blocks(self, between: T.Statement, read: list[Value]) -> bool:
        """Whether what reads these variables must not be moved behind the statement `between`."""
        if between not in self.disturbed:
            self.disturbed[between] = self.disturbs(between)
        effect, targets, taken = self.disturbed[between]
        if effect or not targets.isdisjoint(read):
            return True
        return bool(taken) and any(self.root(v) in taken for v in read)

    def disturbs(self, statement: T.Statement) -> _Disturbed:
        """Whether a statement has an effect; the variables that it gives other values; the roots
        of the arrays whose memory it may take over."""
        effect = False
        targets: set[Value] = set()
        taken: set[Value] = set()
        for inner in T.walk([statement]):
            if isinstance(inner, T.Define):
                effect = effect or inner.op.kind.effect
                taken.update(self.taken_over(inner.op))
            elif isinstance(inner, T.Copy):
                targets.update(target for target, _ in inner.pairs)
                sources = [s for _, s in inner.pairs if isinstance(s, Value)]
                taken.update(self.root(s) for s in sources if has_memory(s.type))
        return effect, targets, taken

    def taken_over(self, op: Op) -> list[Value]:
        """Roots of the arrays whose memory the result of `op` is likely to get."""
        first = op.operands[0] if op.operands else None
        if not isinstance(first, Value) or not op.results:
            return []
        if is_write(op):
            return [self.root(first)]
        if op.attrs.get("fn") in INFIX and first.name == op.results[0].name:
            t = first.type
            return [self.root(first)] if isinstance(t, Array) and not t.item else []
        return []

    def root(self, value: Value) -> Value:
        """The array that a chain of reads and views starts from."""
        value = self.program.canonical(value)
        if value not in self.roots:
            op = self.defining.get(value)
            first = op.operands[0] if op is not None and op.operands else None
            if (
                op is not None
                and op.kind in (O.GETITEM, O.FIELD, O.APPLY)
                and (isinstance(first, Value))
            ):
                self.roots[value] = self.root(first) if shares(op) else value
            else:
                self.roots[value] = value
        return self.roots[value]

    def unpacked(self, block: T.Block) -> set[Value]:
        """Values that ``a, b = t`` takes out of a tuple in one statement."""
        found: set[Value] = set()
        for start, statement in enumerate(block):
            run = unpacking(block, start)
            if run > 1 and isinstance(statement, T.Define):
                parts = [s.op.results[0] for s in block[start : start + run]]  # type: ignore[union-attr]
                container = statement.op.operands[0]
                tape = isinstance(container, Value) and container.role is Role.TAPE
                if tape or all(p.named for p in parts):
                    found.update(parts)
        return found

    # ------------------------------------------------------------------ conditional expressions
    def as_expression(self, branch: T.Branch, indent: int) -> T.Statement:
        """A branch that only chooses a value as ``x = a if c else b``; else the branch itself."""
        op = branch.op
        if op is None or len(op.results) != 1 or branch.loc is None:
            return branch
        (result,) = op.results
        if result.named and branch.loc.text.lstrip().startswith(_HEADERS):
            return branch
        before = dict(self.folded)
        sides: list[Operand | None] = []
        for block in (branch.then, branch.orelse):
            block = self.fold_block(block, indent, into_copy=True)
            if len(block) != 1 or not isinstance(block[0], T.Copy):
                break
            ((target, source), *more) = block[0].pairs
            if target is not result or more or source in self.program.partial:
                break  # what may be unbound is not read before it is needed
            sides.append(source)
        choice = T.Ternary(branch.cond, *sides) if len(sides) == 2 else None  # type: ignore[call-arg]
        if choice is None or self.measure_of(choice)[0] + indent > LINE:
            for value in set(self.folded) - set(before):
                del self.folded[value]
                self.size.pop(value, None)
            return branch
        for side in ("then", "orelse"):  # one of them at most is the condition
            source = getattr(choice, side)
            if choice.then is None:
                break  # `c or x`; one side of them has to be there
            if source is branch.cond:
                self.count[source] -= 1  # type: ignore[index]
                setattr(choice, side, None)
            elif branch.cond.type == BOOL and isinstance(source, Const):
                if source.value is (side == "then") and choice.then is not None:
                    setattr(choice, side, None)
        return T.Choose(result, choice, branch.loc)


def unpacking(block: T.Block, start: int) -> int:
    """How many statements from `start` on take a tuple apart, element by element; 0 if not all."""
    first = block[start]
    if not isinstance(first, T.Define) or first.op.kind is not O.FIELD:
        return 0
    container = first.op.operands[0]
    t: Any = container.type
    if not isinstance(t, TupleOf) or t.elems is None or len(t.elems) < 2:
        return 0
    run = block[start : start + len(t.elems)]
    for k, statement in enumerate(run):
        if not (
            isinstance(statement, T.Define)
            and statement.op.kind is O.FIELD
            and statement.op.operands[0] is container
            and statement.op.attrs["key"] == k
            and not statement.op.attrs.get("attribute")
        ):
            return 0
    return len(run) if len(run) == len(t.elems) else 0


def _parts(found: Op | T.Ternary) -> Sequence[Operand]:
    return found.parts() if isinstance(found, T.Ternary) else found.operands


def _is_elif(block: T.Block) -> bool:
    """Whether a block is printed as an `elif`, if what its condition needs is folded into it.

    The copies at its end print nothing where both sides have the same variable.
    """
    others = [s for s in block if not isinstance(s, (T.Define, T.Copy))]
    return len(others) == 1 and isinstance(others[0], T.Branch)


def _renames(user: T.Statement, value: Value) -> bool:
    """Whether a statement only converts a value, which keeps its name."""
    if not isinstance(user, T.Define) or user.op.kind is not O.APPLY:
        return False
    return user.op.attrs["fn"] not in INFIX and user.op.results[0].name == value.name


def _line(statement: T.Statement) -> int | None:
    loc = statement.op.loc if isinstance(statement, T.Define) else statement.loc
    return None if loc is None else loc.line
