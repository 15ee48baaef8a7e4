"""Statements to IR: blocks, simple statements, early exits.

What holds afterwards: all control flow is structured. An early exit is a pseudo-variable of the
frame ($returned, $broken, $continued, $result) that joins like any other; the statements after a
branch that exits stand in the other branch, so nothing is lowered twice.
"""

from __future__ import annotations

from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.values import Const
from srcad.parser.bindings import Binding, Known
from srcad.parser.control.flags import BROKEN, CONTINUED, DEAD, RESULT, RETURNED, TRUE
from srcad.parser.control.matching import Bound
from srcad.parser.frames import Diverges, Left
from srcad.parser.memory.optional import present_if

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_REFUSED: dict[str, tuple[str, str]] = {
    "AsyncFunctionDef": ("coroutines do not run to their end in one call", "use a plain function"),
    "AsyncFor": ("coroutines do not run to their end in one call", "use a plain `for`"),
    "AsyncWith": ("coroutines do not run to their end in one call", "use a plain `with`"),
    "TryStar": (
        "which handler runs is not recorded, so the reverse sweep cannot follow it",
        "test the condition with `if` instead",
    ),
    "TypeAlias": ("a type alias has no meaning for a derivative", "define it at module level"),
}


class StatementLowering(_Base):
    def block(self, statements: list[gast.stmt]) -> bool:
        """Lower statements in order; True if control never falls out of their end."""
        for i, node in enumerate(statements):
            rest = statements[i + 1 :]
            with self.builder.at(self.loc(node)):
                with self.in_scope() as scope:
                    outcome = self.one_statement(node, rest)
                if scope.guards:
                    return bool(self.split(scope, outcome, rest))
            if outcome is not None:
                return outcome
        return False

    def one_statement(self, node: gast.stmt, rest: list[gast.stmt]) -> bool | None:
        frame = self.frame
        around, frame.statement = frame.statement, node
        try:
            return self.statement(node, rest)
        except Left:
            return True
        except Diverges:
            self.dead()
            return True
        finally:
            frame.statement = around

    def dead(self) -> None:
        """Mark the current path as one that never ends (a raise, or a call that diverges)."""
        self.frame.vars[DEAD] = TRUE

    def statement(self, node: gast.stmt, rest: list[gast.stmt]) -> bool | None:
        """Lower one statement. None: go on with the next; else the block is finished, and the
        bool says whether control never falls out of it."""
        name = type(node).__name__
        if isinstance(node, (gast.Assign, gast.If)):
            outcome: bool | None = self.optional_entry(node, rest)
            if outcome is not None:
                return outcome
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
        self.bind(node.name, binding, node)

    def stmt_Return(self, node: gast.Return, rest: Any) -> bool:
        value: Binding = Known(None) if node.value is None else self.raw(node.value)
        self.frame.vars[RESULT] = value
        self.frame.vars[RETURNED] = TRUE
        return True

    def stmt_Break(self, node: gast.AST, rest: Any) -> bool:
        self.frame.vars[BROKEN] = TRUE
        return True

    def stmt_Continue(self, node: gast.AST, rest: Any) -> bool:
        self.frame.vars[CONTINUED] = TRUE
        return True

    def stmt_Assert(self, node: gast.Assert, rest: Any) -> bool | None:
        truth = self.condition(node.test)
        self.present_after(present_if(node.test, True))
        if truth is True:
            return None
        condition = Const.of(False) if truth is False else truth
        if self.catcher_of(AssertionError) is not None:
            made = gast.Call(Bound(Known(AssertionError)), [m for m in [node.msg] if m], [])
            failed = gast.copy_location(gast.Raise(gast.copy_location(made, node), None), node)
            if truth is False:
                return self.stmt_Raise(failed, rest)
            return self.branch(condition, [], [failed], rest)
        message, operands = (None, []) if node.msg is None else self.template(node.msg)
        test = gast.Name(f"${len(operands)}", gast.Load(), None, None)
        template = gast.Assert(test, message)
        self.builder.emit(O.ASSERT, [*operands, condition], (), (), {"template": template})
        return None


def _keyword(node: gast.AST) -> str:
    words = {
        "FunctionDef": "def", "AsyncFunctionDef": "async def", "ClassDef": "class",
        "Delete": "del", "AsyncFor": "async for", "AsyncWith": "async with", "Try": "try",
        "TryStar": "except*", "With": "with", "Match": "match", "Import": "import",
        "ImportFrom": "from ... import", "TypeAlias": "type",
    }  # fmt: skip
    return words.get(type(node).__name__, type(node).__name__.lower())
