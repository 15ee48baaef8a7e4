"""Reading memory where paths of the program meet: at the end of branches and iterations.

What holds afterwards: what is emitted for the joint alone is marked so, and nothing of a view is
read where a path that has left did not define it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from srcad.ir import ops as O
from srcad.ir.build import if_op
from srcad.ir.undefined import possibly_undefined
from srcad.ir.values import UNDEFINED, Op, Operand, Region, Value
from srcad.parser.bindings import Binding, Key, Ref, number
from srcad.parser.control.flags import RETURNED

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class MeetingLowering(_Base):
    @contextmanager
    def at_end_of(self, block: list[Op], state: dict[Key, Binding]) -> Iterator[None]:
        """Read what was so at the end of a block that is already lowered."""
        outer = self.frame.vars
        self.frame.vars = state
        try:
            with self.builder.within(block):
                yield
        finally:
            self.frame.vars = outer

    def deref_joint(self, binding: Any) -> Any:
        """The same where paths of the program meet: what is taken out for that, no one reads."""
        known: dict[Any, Any] = dict(self.projected)
        with self.joint():
            found = self.deref(binding)
        self.projected.clear()  # who reads it takes it out anew
        self.projected.update(known)
        return found

    def deref_where_bound(self, binding: Any, block: list[Op], read: Callable[[Any], Any]) -> Any:
        """What `read` gives at the end of a block; undefined if a path that has left made it so."""
        for op in block:
            unbound = self.unbound_if(binding, op)
            if unbound is None:
                continue
            condition, missing = unbound
            with self.builder.nested() as ops, self.joint():
                part = read(binding)
            result = self.builder.value(part.type, part.name)
            bound, none = Region((), ops, (part,)), Region((), [], (UNDEFINED,))
            sides = (bound, none) if missing else (none, bound)
            self.builder.append(if_op(condition, *sides, [result], self.builder.loc))
            return result
        return read(binding)

    def unbound_if(self, binding: Any, op: Op) -> tuple[Operand, int] | None:
        """The condition, and the side of it, on which `op` does not define what a view of an
        array is made of."""
        if not op.regions or not isinstance(binding, Ref) or not binding.path:
            return None
        needed = [self.frame.vars[binding.cell], *(o for s in binding.path for o in s.operands)]
        if not any(r in needed for r in op.results):
            return None
        for k, result in enumerate(op.results if op.kind is O.IF else ()):
            if result in needed:
                for side, region in enumerate(op.regions):
                    if region.yields[k] is UNDEFINED:
                        return op.operands[0], side
        returned = number(self.frame.vars.get(RETURNED))
        if isinstance(returned, Value):
            unbound = possibly_undefined([op], or_none=True)
            if any(r in unbound for r in op.results if r in needed):
                return returned, 0
        return None

    @contextmanager
    def joint(self) -> Iterator[None]:
        """What is emitted within serves paths that meet: no expression of the program reads it."""
        block = self.builder.block
        at = len(block)
        yield
        for op in block[at:]:
            op.attrs = {**op.attrs, "joint": True}
