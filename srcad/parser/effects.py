"""Code that carries no derivative: output, raise, assert, text. It stays Python, in order, once.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import types
from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.abstract import OBJECT, Type
from srcad.ir.values import Const, Operand
from srcad.parser.bindings import Binding, Known, Struct, class_of
from srcad.parser.control.matching import Bound
from srcad.parser.objects import classes

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_CONVERSIONS: dict[int, Any] = {-1: lambda v: v, ord("s"): str, ord("r"): repr, ord("a"): ascii}
_PURE = (
    gast.Name, gast.Attribute, gast.Subscript, gast.Constant, gast.Tuple, gast.BinOp,
    gast.UnaryOp, gast.operator, gast.unaryop, gast.expr_context,
)  # fmt: skip
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

    def part_of_text(self, node: gast.AST) -> str | None:
        """A part of an f-string, if it is made of constants; None if it depends on the run."""
        if isinstance(node, gast.Constant):
            return str(node.value)
        spec = None if node.format_spec is None else self.expression(node.format_spec)
        if not _is_pure(node.value) or not (spec is None or isinstance(spec, Known)):
            return None
        value = self.settled(self.expression(node.value))
        if not isinstance(value, Known) or not _has_fixed_text(value.value):
            return None
        converted = _CONVERSIONS[node.conversion](value.value)
        try:
            return format(converted, spec.value if spec is not None else "")
        except (TypeError, ValueError):  # it shall be raised at run time
            return None

    def has_text(self, binding: Binding) -> bool:
        """Whether this is an object that its class makes a text of."""
        content = self.object_of(binding)
        return content is not None and not issubclass(class_of(content), BaseException)

    def text_of_object(self, owner: Binding, conversion: int = -1, spec: str = "") -> Binding:
        """The text of an object of a user's class, as an f-string makes it."""
        cls = class_of(self.object_of(owner))
        node = gast.Pass()
        names = ["__repr__"] if conversion == ord("r") else ["__str__", "__repr__"]
        if conversion == -1:
            names.insert(0, "__format__")
        for name in names:
            found = inspect.unwrap(classes.definition(cls, name))
            if found in (object.__format__, object.__str__, object.__repr__):
                continue
            own = isinstance(found, types.FunctionType) and not classes.is_generated(found)
            if own and found.__module__ != "collections":
                given = [Known(spec)] if name == "__format__" else []
                return self.call_binding(self.attribute(owner, name, node), given, {}, node)  # type: ignore[no-any-return]
            break
        items = self.plain_container(owner)
        if items is not owner:
            return self.lower_text("result = str(items)\n", node, items=items)  # type: ignore[no-any-return]
        shown: list[str] | None = None
        if classes.is_namedtuple(cls):
            shown, title = list(cls._fields), cls.__name__  # type: ignore[attr-defined]
        elif dataclasses.is_dataclass(cls):
            shown = [f.name for f in dataclasses.fields(cls) if f.repr]
            title = cls.__qualname__
        if shown is not None:
            fields = ", ".join(f"{n}={{owner.{n}!r}}" for n in shown)
            return self.lower_text(f"result = f'{title}({fields})'\n", node, owner=owner)  # type: ignore[no-any-return]
        if classes.definition(cls, "__repr__") is not object.__repr__:
            raise self.unsupported(
                node, f"the text of a `{cls.__name__}` cannot be made here",
                "its class inherits how it is shown", "define `__repr__`, or show its parts",
            )  # fmt: skip
        return Known(f"<{cls.__module__}.{cls.__qualname__} object>")

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
            if isinstance(n, gast.FormattedValue) and _is_pure(n.value):
                binding = self.expression(n.value)
                spec = n.format_spec and self.expression(n.format_spec)
                if self.has_text(binding) and isinstance(spec, (Known, type(None))):
                    text = self.text_of_object(binding, n.conversion, spec.value if spec else "")
                    return gast.FormattedValue(placeholder(self.operand(text, n)), -1, None)
            if isinstance(n, gast.Name):
                if n.id in bound:
                    return n
                binding = self.lookup(n.id, n)
                if self.has_text(binding):
                    binding = self.text_of_object(binding)
                if isinstance(binding, Known) and not isinstance(
                    binding.value, (int, float, complex, str, type(None), bool)
                ):
                    return placeholder(Const(binding.value, OBJECT))
                return placeholder(self.operand(binding, n))
            called = n.func if isinstance(n, gast.Call) else n
            if isinstance(called, gast.Attribute) and self.is_of_object(called):
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


def _is_pure(node: gast.AST) -> bool:
    """Whether this can be evaluated twice."""
    return all(isinstance(n, _PURE) for n in gast.walk(node))


def _has_fixed_text(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, complex, str, BaseException))
