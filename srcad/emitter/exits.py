"""The ways through a loop body: which go on to the next iteration, which leave the loop.

The parser turns `break` and `return` into flags that the last `if` of a body yields. Here they
become jumps again: a way through the branches on which a flag is True leaves the loop there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srcad.ir import ops as O
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Region, Value

Emits = list[tuple[Value, Operand]]
CountUses = Callable[[Value], int]


class Path:
    """One way through a loop body, or the beginning of several.

    Attributes
    ----------
    ops
        The operations of the region that the way ends in.
    flags
        The loop ends after this iteration if one of these is true.
    nexts, emits
        What the iteration carries on, and what it appends to lists.
    """

    def __init__(
        self, region: Region, flags: Sequence[Operand], nexts: list[Operand], emits: Emits,
        uses: CountUses,
    ) -> None:  # fmt: skip
        self.region, self.nexts, self.emits, self.uses = region, nexts, emits, uses
        self.ops = list(region.ops)
        self.flags = [f for f in flags if f is not UNDEFINED and not _is(f, False)]
        ops, alternatives = self._without_selections()
        self.tail = self._tail(ops, alternatives)
        if self.tail is not None:
            self.ops, self.flags = ops, alternatives
        else:
            self.tail = self._tail(self.ops, self.flags)

    @property
    def leaves(self) -> bool:
        """Whether this way certainly leaves the loop."""
        return any(_is(f, True) for f in self.flags)

    def _tail(self, ops: Sequence[Op], flags: Sequence[Operand]) -> Op | None:
        """The last operation, if it is an `if` that decides on leaving the loop."""
        if not ops or ops[-1].kind is not O.IF or any(_is(f, True) for f in flags):
            return None
        last = ops[-1]
        if not any(f in last.results or f is last.operands[0] for f in flags):
            return None
        inner = [self._into(last, region, flags, []) for region in last.regions]
        return last if any(p.leaves or p.tail is not None for p in inner) else None

    def _without_selections(self) -> tuple[list[Op], list[Operand]]:
        """The operations without those at the end that only say ``flag = a or b``."""
        ops, flags = list(self.ops), list(self.flags)
        while ops and ops[-1].kind is O.IF and len(ops[-1].results) == 1:
            last = ops[-1]
            (result,) = last.results
            then, orelse = last.regions
            if result not in flags or self.uses(result) != 1 or then.ops or orelse.ops:
                break
            if not _is(then.yields[0], True):
                break
            if result in self.nexts or any(e is result for _, e in self.emits):
                break  # what surrounds this reads it twice
            at = flags.index(result)
            flags[at : at + 1] = [last.operands[0], orelse.yields[0]]
            ops.pop()
        return ops, [f for f in flags if not _is(f, False)]

    def _into(self, tail: Op, region: Region, flags: Sequence[Operand], emits: Emits) -> Path:
        yielded: dict[Value, Operand] = dict(zip(tail.results, region.yields))

        def there(operand: Operand) -> Operand:
            return yielded.get(operand, operand) if isinstance(operand, Value) else operand

        taken = Const.of(region is tail.regions[0])
        flags = [taken if f is tail.operands[0] else there(f) for f in flags]
        return Path(
            region, flags, [there(n) for n in self.nexts],
            [(v, there(e)) for v, e in emits], self.uses,
        )  # fmt: skip

    def into(self, region: Region, emits: Emits) -> Path:
        """The way on through one branch of the tail."""
        assert self.tail is not None
        return self._into(self.tail, region, self.flags, emits)

    def split(self, emits: Emits) -> tuple[Emits, Emits]:
        """Emits of values that are there before the tail, and of its results."""
        results = () if self.tail is None else self.tail.results
        before = [(v, e) for v, e in emits if e not in results]
        return before, [(v, e) for v, e in emits if e in results]

    def going_on(self) -> list[list[Operand]]:
        """The next carries of each way that leads to a further iteration."""
        if self.leaves or (self.ops and self.ops[-1].kind is O.RAISE):
            return []
        if self.tail is None:
            return [self.nexts]
        return [n for region in self.tail.regions for n in self.into(region, []).going_on()]


def unchanged(after: Operand, param: Value, init: Operand) -> bool:
    """Whether a carry has the value that it had at the start, if no iteration changes it."""
    if after is param or after is UNDEFINED:
        return True
    return isinstance(after, Const) and isinstance(init, Const) and after.key() == init.key()


def _is(flag: Operand, truth: bool) -> bool:
    return isinstance(flag, Const) and flag.value is truth
