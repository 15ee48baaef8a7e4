"""Code that carries no derivative: output, raise, assert, text. It stays Python, in order, once.
"""

from __future__ import annotations

import logging
from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.abstract import OBJECT, Type
from srcad.ir.values import Const, Operand
from srcad.parser.bindings import Binding, Known, Struct
from srcad.parser.control.matching import Bound

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

LOGGERS = (logging.Logger, logging.LoggerAdapter)


class EffectLowering(_Base):
    def opaque_statement(self, node: gast.stmt) -> None:
        template, operands = self.template(node)
        self.builder.emit(O.OPAQUE, operands, (), (), {"template": template})

    def opaque_expression(self, node: gast.AST, t: Type) -> Binding:
        template, operands = self.template(node)
        return self.builder.emit(O.OPAQUE, operands, (t,), ("text",), {"template": template})[0]

    def text_of(self, values: list[Binding]) -> Known | None:
        """The text of constants; None if it depends on the run."""
        plain = [self.settled(v) for v in values]
        if all(isinstance(v, Known) and _has_fixed_text(v.value) for v in plain):
            return Known("".join(str(v.value) for v in plain))
        return None

    def template(self, node: gast.AST) -> tuple[gast.AST, list[Operand]]:
        """A copy of `node` in which every name is a placeholder `$k` for operand k."""
        operands: list[Operand] = []

        def placeholder(operand: Operand) -> gast.Name:
            operands.append(operand)
            return gast.Name(f"${len(operands) - 1}", gast.Load(), None, None)

        def rebuild(n: Any, bound: frozenset[str]) -> Any:
            if isinstance(n, list):
                return [rebuild(x, bound) for x in n]
            if not isinstance(n, gast.AST):
                return n
            if isinstance(n, Bound) and isinstance(n.binding, Known):
                return placeholder(Const(n.binding.value, OBJECT))
            if isinstance(n, gast.Name):
                if n.id in bound:
                    return n
                binding = self.lookup(n.id, n)
                if isinstance(binding, Known) and not isinstance(
                    binding.value, (int, float, complex, str, type(None), bool)
                ):
                    return placeholder(Const(binding.value, OBJECT))
                return placeholder(self.operand(binding, n))
            if isinstance(n, gast.Attribute) and self.is_of_object(n):
                return placeholder(self.operand(self.expression(n), n))
            if isinstance(
                n, (gast.Lambda, gast.ListComp, gast.GeneratorExp, gast.DictComp, gast.SetComp)
            ):
                raise self.unsupported(
                    n, "this expression cannot stand here",
                    "it binds names of its own", "compute the value before",
                )  # fmt: skip
            fields = {f: rebuild(getattr(n, f, None), bound) for f in n._fields}
            return type(n)(**fields)

        return rebuild(node, frozenset()), operands

    def is_of_object(self, node: gast.Attribute) -> bool:
        """Whether this is read from an object that exists while compiling only."""
        root: gast.AST = node
        while isinstance(root, gast.Attribute):
            root = root.value
        if not isinstance(root, gast.Name):
            return False
        content = self.deref(self.lookup(root.id, root))
        return isinstance(content, Struct) and content.kind == "object"


def _has_fixed_text(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, complex, str, BaseException))
