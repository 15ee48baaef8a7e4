"""Names that are None on some paths, and something else on others.

What holds afterwards: such a name is bound to a `Maybe`, whose condition says at run time which of
both it is. `is None`, `==` with None and the truth of it read the condition; any other use reads
the value, behind a test that raises where Python would find None. A test of the name decides in
its branches what it is there.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.abstract import BOOL, OBJECT
from srcad.ir.build import if_op
from srcad.ir.values import Const, Operand, Region, Value
from srcad.parser.bindings import Binding, Known, Maybe, Poison
from srcad.parser.control.flags import TRUE
from srcad.parser.frames import Frame
from srcad.rules.symbols import apply as apply_rule

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_NONE_TESTS = (gast.Is, gast.Eq)


class Present(gast.stmt):
    """A statement of the parser's own: here these names are not None."""

    _fields = ()

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.names = names


class OptionalLowering(_Base):
    frame: Frame

    def expression(self, node: gast.AST, statement: bool = False) -> Binding:
        """The binding of an expression that is used: None only where it certainly is."""
        return self.certain(self.raw(node, statement), node)

    def certain(self, binding: Binding, node: gast.AST) -> Binding:
        """What is there if it is not None; at run time an error if it is."""
        if not isinstance(binding, Maybe):
            return binding
        self.require_present(binding, node)
        if isinstance(node, gast.Name) and self.frame.vars.get(node.id) is binding:
            self.frame.vars[node.id] = binding.value
        return binding.value

    def require_present(self, binding: Maybe, node: gast.AST) -> None:
        missing = apply_rule(self.builder, operator.not_, [binding.present])
        name = f"`{node.id}`" if isinstance(node, gast.Name) else "this value"
        if isinstance(node, (gast.FunctionDef, gast.Lambda)):
            name = "the result"
        handler = self.catcher_of(TypeError)
        if handler is not None:
            if handler.wants:
                raise self.unsupported(
                    node, f"{name} may be None here, and a handler wants the error of that",
                    "srcad makes another error than Python", "test for None before",
                )  # fmt: skip
            self.may_leave(missing, [], {**self.frame.vars, handler.label: TRUE})
            return
        with self.builder.nested() as ops:
            call = gast.Call(
                gast.Name("$0", gast.Load(), None, None),
                [gast.Constant(f"{name.replace('`', '')} is None here", None)], [],
            )  # fmt: skip
            operands = [Const(TypeError, OBJECT)]
            self.builder.emit(O.RAISE, operands, (), (), {"template": gast.Raise(call, None)})
        raising, other = Region((), ops, ()), Region((), [], ())
        self.builder.append(if_op(missing, raising, other, (), self.builder.loc))

    def is_none(self, binding: Maybe, negated: bool) -> Binding:
        if negated:
            return self.as_binding(binding.present)  # type: ignore[no-any-return]
        return self.as_binding(apply_rule(self.builder, operator.not_, [binding.present]))  # type: ignore[no-any-return]

    def truth_of_optional(self, binding: Maybe, node: gast.AST) -> Operand:
        """`if x:` for what may be None."""
        with self.builder.nested() as ops:
            truth = self.truth(binding.value, node)
        then: Operand = Const.of(truth) if isinstance(truth, bool) else truth
        result: Value = self.builder.value(BOOL, "flag")
        taken, other = Region((), ops, (then,)), Region((), [], (Const.of(False),))
        op = if_op(binding.present, taken, other, (result,), self.builder.loc)
        self.builder.append(op)
        return result

    def optional_result(self, returned: Value, result: Binding) -> Binding:
        """What a function returns that may come to its end without `return`."""
        if isinstance(result, Poison) or (isinstance(result, Known) and result.value is None):
            return result
        if isinstance(result, Maybe):
            present = self.select_if(returned, result.present, Const.of(False), BOOL)
            return Maybe(present, result.value)
        return Maybe(returned, result)

    def present_after(self, names: list[str]) -> None:
        """From here on these names are known not to be None."""
        for name in names:
            binding = self.frame.vars.get(name)
            if isinstance(binding, Maybe):
                self.frame.vars[name] = binding.value

    def stmt_Present(self, node: Present, rest: Any) -> None:
        self.present_after(node.names)


def present_if(test: gast.AST, outcome: bool) -> list[str]:
    """Names that are certainly not None where a condition has come out so."""
    return list(_present_if(test, outcome))


def _present_if(test: gast.AST, outcome: bool) -> Iterator[str]:
    if isinstance(test, gast.Name):
        if outcome:
            yield test.id
    elif isinstance(test, gast.UnaryOp) and isinstance(test.op, gast.Not):
        yield from _present_if(test.operand, not outcome)
    elif isinstance(test, gast.BoolOp):
        if isinstance(test.op, gast.And) is outcome:
            for part in test.values:
                yield from _present_if(part, outcome)
    elif isinstance(test, gast.Compare) and len(test.ops) == 1:
        other = test.comparators[0]
        is_none = isinstance(other, gast.Constant) and other.value is None
        if isinstance(test.left, gast.Name) and is_none:
            if isinstance(test.ops[0], _NONE_TESTS) is not outcome:
                yield test.left.id


__all__ = ["OptionalLowering", "Present", "present_if"]
