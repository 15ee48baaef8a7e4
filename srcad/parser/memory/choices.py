"""One of two objects, or of two functions, by a condition of run time.

What holds afterwards: what is done with such an object is a branch, in which each side knows
which object it has. So methods of either class may be called, and attributes be stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gast

from srcad.parser.bindings import Binding, Choice, Known, is_function
from srcad.parser.frames import StaticRequired

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class ChoiceLowering(_Base):
    unlikely: int

    def prefer_known(self, binding: Binding) -> None:
        """Ask for the counts that decide whether it is a known object, where only these do."""
        if not isinstance(binding, Choice) or is_function(binding):
            return
        known = isinstance(binding.then, Known) or isinstance(binding.orelse, Known)
        if known and self.counts(binding.condition):
            raise StaticRequired(self.origins(binding.condition))

    def chosen(self, bindings: list[Binding]) -> int | None:
        """Which of these is one of two objects (functions are called as they are)."""
        for i, b in enumerate(bindings):
            if isinstance(b, Choice) and not is_function(b):
                return i
        return None

    def either(
        self, choice: Choice, do: Callable[[Binding], Binding | None], node: gast.AST
    ) -> Binding:
        """The same done with either object, each in a branch of its own."""

        def side(binding: Binding) -> Callable[[], Binding]:
            def run() -> Binding:
                found = do(binding)
                return Known(None) if found is None else found

            return run

        self.unlikely += 1  # what Python raises for one of them, it raises if it is that one
        try:
            found: Binding = self.choose(
                choice.condition, side(choice.then), side(choice.orelse), node
            )
        finally:
            self.unlikely -= 1
        return found

    def on_either(
        self, bindings: list[Binding], do: Callable[..., Binding | None], node: gast.AST
    ) -> Binding | None:
        """`do(*bindings)` in two branches if one of them is one of two objects; else None."""
        at = self.chosen(bindings)
        if at is None:
            return None
        choice: Any = bindings[at]
        return self.either(choice, lambda b: do(*bindings[:at], b, *bindings[at + 1 :]), node)
