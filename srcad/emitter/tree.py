"""Statements over SSA values: the shape of Python, before values have become variables.

A function's region becomes a list of these statements. Definitions stand in the order of the IR;
what a loop carries and what a branch yields has become explicit copies. `reads` and `writes` tell
of each statement which values it takes and makes; a folded value (printed inside of its user)
stands for the values in its own expression.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Union

from srcad.differentiator.extents import Extents
from srcad.errors import Loc
from srcad.ir.values import Const, Op, Operand, Role, Value


@dataclass(eq=False)
class Define:
    """``results = op``; an operation without results stands alone."""

    op: Op

    @property
    def results(self) -> tuple[Value, ...]:
        return self.op.results


@dataclass(eq=False)
class Ternary:
    """The expression ``then if cond else orelse``.

    None stands for the condition itself: ``cond or orelse``, ``cond and then``.
    """

    cond: Operand
    then: Operand | None
    orelse: Operand | None

    def parts(self) -> list[Operand]:
        return [p for p in (self.cond, self.then, self.orelse) if p is not None]


@dataclass(eq=False)
class Choose:
    """``result = then if cond else orelse``"""

    result: Value
    choice: Ternary
    loc: Loc | None = None


@dataclass(eq=False)
class Copy:
    """``targets = sources``, all at once."""

    pairs: list[tuple[Value, Operand]]
    loc: Loc | None = None


@dataclass(eq=False)
class NewList:
    """``target = []``"""

    target: Value
    loc: Loc | None = None


@dataclass(eq=False)
class Append:
    """``target.append(item)``, or of a tuple of several items"""

    target: Value
    items: tuple[Operand, ...]
    loc: Loc | None = None


@dataclass(eq=False)
class Pop:
    """``result = source.pop()``"""

    result: Value
    source: Value
    loc: Loc | None = None


@dataclass(eq=False)
class Reverse:
    """``target.reverse()``"""

    target: Value
    loc: Loc | None = None


@dataclass(eq=False)
class Count:
    """``target += 1``"""

    target: Value
    loc: Loc | None = None


@dataclass(eq=False)
class Break:
    loc: Loc | None = None


@dataclass(eq=False)
class Branch:
    cond: Operand
    then: Block
    orelse: Block
    op: Op | None = None
    loc: Loc | None = None


@dataclass(eq=False)
class Source:
    """What a target of a `for` runs over: a range, or the elements of a list or array.

    `bounds` are those of a range, None for the elements of `iterable`; `counted` prints
    ``enumerate(iterable)``, whose target is a pair of index and element. Several other targets
    take the elements apart, which are tuples.
    """

    targets: list[Value | None]
    bounds: tuple[Operand, Operand, Operand] | None
    iterable: Operand | None
    backwards: bool
    counted: bool = False


@dataclass(eq=False)
class ForLoop:
    sources: list[Source]
    body: Block
    op: Op

    @property
    def loc(self) -> Loc | None:
        return self.op.loc

    def targets(self) -> list[Value]:
        return [t for s in self.sources for t in s.targets if t is not None]


@dataclass(eq=False)
class WhileLoop:
    """`test` computes what `cond` needs, before each iteration and once more."""

    test: Block
    cond: Operand
    body: Block
    op: Op

    @property
    def loc(self) -> Loc | None:
        return self.op.loc


@dataclass(eq=False)
class Return:
    tree: object  # a tree of operands
    loc: Loc | None = None


Statement = Union[
    Define, Choose, Copy, NewList, Append, Pop, Reverse, Count, Break, Branch, ForLoop, WhileLoop,
    Return,
]  # fmt: skip
Block = list[Statement]


@dataclass(eq=False)
class Program:
    """A function as statements.

    Attributes
    ----------
    ops
        The operations of the IR.
    same
        Values that are one variable from the start: a loop's final value is its parameter.
    partial
        Values that may be unbound.
    may_be_none
        Values that may be unbound, or None in place of that.
    defined_if
        A condition, and its side, under which a partial value has a definition.
    hints
        Names for values that are better than their own.
    folded
        Values that have no variable; their expression is printed where they are used.
    """

    params: tuple[Value, ...]
    body: Block
    ops: Sequence[Op]
    same: dict[Value, Value] = field(default_factory=dict)
    partial: set[Value] = field(default_factory=set)
    may_be_none: set[Value] = field(default_factory=set)
    defined_if: dict[Value, tuple[Operand, int]] = field(default_factory=dict)
    hints: dict[Value, str] = field(default_factory=dict)
    folded: dict[Value, Op | Ternary] = field(default_factory=dict)

    @functools.cached_property
    def extents(self) -> Extents:
        """Which arrays certainly have the same shape."""
        return Extents(self.ops)

    def canonical(self, value: Value) -> Value:
        while value in self.same:
            value = self.same[value]
        return value

    def leaves(self, operand: Operand) -> list[Value]:
        """The variables that an operand's expression reads."""
        return self.all_leaves((operand,))

    def all_leaves(self, operands: Sequence[Operand]) -> list[Value]:
        """The variables that the expressions of operands read, from left to right."""
        found: list[Value] = []
        pending = [*reversed(operands)]
        while pending:
            operand = pending.pop()
            if not isinstance(operand, Value):
                continue
            inner = self.folded.get(operand)
            if inner is None:
                found.append(self.canonical(operand))
            else:
                parts = inner.parts() if isinstance(inner, Ternary) else inner.operands
                pending += reversed(parts)
        return found


def operands_of(statement: Statement) -> list[Operand]:
    """The operands that a statement itself reads (not those of the statements within it)."""
    if isinstance(statement, Define):
        return list(statement.op.operands)
    if isinstance(statement, Choose):
        return statement.choice.parts()
    if isinstance(statement, Copy):
        return [source for _, source in statement.pairs]
    if isinstance(statement, Append):
        return [statement.target, *statement.items]
    if isinstance(statement, Pop):
        return [statement.source]
    if isinstance(statement, (Count, Reverse)):
        return [statement.target]
    if isinstance(statement, Branch):
        return [statement.cond]
    if isinstance(statement, ForLoop):
        found: list[Operand] = []
        for source in statement.sources:
            found += source.bounds or ()
            if source.iterable is not None:
                found.append(source.iterable)
        return found
    if isinstance(statement, WhileLoop):
        return [statement.cond]
    if isinstance(statement, Return):
        return operands_in(statement.tree)
    return []


def operands_in(tree: object) -> list[Operand]:
    """The operands in a tree of tuples, lists and dicts."""
    if isinstance(tree, (tuple, list)):
        return [o for part in tree for o in operands_in(part)]
    if isinstance(tree, dict):
        return [o for part in tree.values() for o in operands_in(part)]
    assert isinstance(tree, (Value, Const))
    return [tree]


def writes(statement: Statement) -> list[Value]:
    """The values that a statement itself makes."""
    if isinstance(statement, Define):
        return list(statement.results)
    if isinstance(statement, (Choose, Pop)):
        return [statement.result]
    if isinstance(statement, Copy):
        return [target for target, _ in statement.pairs]
    if isinstance(statement, (NewList, Count)):
        return [statement.target]
    return []


def inner_blocks(statement: Statement) -> list[Block]:
    if isinstance(statement, Branch):
        return [statement.then, statement.orelse]
    if isinstance(statement, ForLoop):
        return [statement.body]
    if isinstance(statement, WhileLoop):
        return [statement.test, statement.body]
    return []


def walk(block: Block) -> Iterator[Statement]:
    """All statements, outer before inner."""
    todo = [iter(block)]
    while todo:
        for statement in todo[-1]:
            yield statement
            blocks = inner_blocks(statement)
            if blocks:
                todo += map(iter, reversed(blocks))
                break
        else:
            todo.pop()


def ends(block: Block) -> bool:
    """Whether control never falls out of the end of a block."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, (Break, Return)):
        return True
    if isinstance(last, Define):
        return last.op.kind.name == "raise"
    return isinstance(last, Branch) and ends(last.then) and ends(last.orelse)


def role_of(statement: Statement) -> Role | None:
    """What a statement is for; None if that does not show."""
    if isinstance(statement, Define):
        return statement.results[0].role if statement.results else None
    if isinstance(statement, Choose):
        return statement.result.role
    if isinstance(statement, Copy):
        return statement.pairs[0][0].role if statement.pairs else None
    if isinstance(statement, (NewList, Append, Reverse, Count)):
        return statement.target.role
    if isinstance(statement, Pop):
        return Role.ADJOINT
    if isinstance(statement, (Branch, ForLoop, WhileLoop)):
        roles = {role_of(s) for block in inner_blocks(statement) for s in block}
        if statement.op is not None:
            roles |= {r.role for r in statement.op.results}
        return Role.ADJOINT if Role.ADJOINT in roles else next(iter(roles - {None}), None)
    return None
