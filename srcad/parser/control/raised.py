"""Errors as objects: what a raised error carries to the handler that reads it.

What holds afterwards: an error whose class or attributes a handler reads is an object like those
of users' classes, so that a differentiated value that it carries is followed. Where Python itself
has to have the error (to raise it, or for its text), it is made of what it holds at that place.
"""

from __future__ import annotations

import builtins
import types
from typing import Any

import gast

from srcad import runtime
from srcad.ir.abstract import OBJECT
from srcad.ir.values import Const, Operand
from srcad.parser.bindings import CLASS, Binding, Known, Struct, class_of
from srcad.parser.frames import own_nodes
from srcad.parser.objects import classes
from srcad.rules.symbols import apply as apply_rule
from srcad.rules.symbols import pack

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

ERROR = "__error__"  # the key of an error that an operation raised, among what an object holds
_SHOWING = ("str", "repr", "print")
_WRITING = ("debug", "info", "warning", "error", "exception", "critical", "log", "warn", "write")


class RaisedLowering(_Base):
    def error_object(
        self, cls: type, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        """`cls(...)` of a class of errors, its own `__init__` followed."""
        args = [self.boxed(a) for a in args]
        items = [(CLASS, Known(cls)), *self.error_fields(cls, args), ("__cause__", Known(None))]
        made: Binding = self.new_cell(Struct("object", tuple(items)), cls.__name__.lower())
        init = classes.find(cls, "__init__")[1]
        if isinstance(init, types.FunctionType):
            self.assume_class(cls, "__init__")
            self.call_binding(self.bound(init, made, cls, "__init__", node), args, kwargs, node)
        elif kwargs:
            raise self.python_raises(
                TypeError(), node, f"`{cls.__name__}` takes no keywords",
                "Python raises TypeError here", "define `__init__`",
            )  # fmt: skip
        return made

    def error_fields(self, cls: type, args: list[Binding]) -> list[tuple[str, Binding]]:
        """What Python's own `__init__` of an error keeps."""
        fields: list[tuple[str, Binding]] = [("args", Struct.sequence("tuple", args))]
        if issubclass(cls, StopIteration):
            fields.append(("value", args[0] if args else Known(None)))
        return fields

    def raised_by_operation(self, cls: type, error: Binding) -> Binding:
        """The object of an error that Python has made."""
        items = ((CLASS, Known(cls)), (ERROR, error), ("__cause__", Known(None)))
        made: Binding = self.new_cell(Struct("object", items), cls.__name__.lower())
        return made

    def is_error_object(self, binding: Binding) -> bool:
        content = self.object_of(binding)
        return content is not None and issubclass(class_of(content), BaseException)

    def error_operand(self, content: Struct, node: gast.AST) -> Operand:
        """The error itself, for Python: made of what it holds here."""
        fields = dict(content.items)
        if ERROR in fields:
            return self.operand(fields[ERROR], node)  # type: ignore[no-any-return]
        names = [k for k in fields if k not in (CLASS, "args", "value", "__cause__")]
        if not issubclass(class_of(content), StopIteration) and "value" in fields:
            names.append("value")
        held = pack(self.builder, [self.operand(fields[k], node) for k in names], "tuple")
        given: list[Operand] = [
            Const(class_of(content), OBJECT), self.operand(fields["args"], node),
            Const(tuple(names), OBJECT), held,
        ]  # fmt: skip
        made: Operand = apply_rule(self.builder, runtime.error_with, given)
        return made


def followed_error(cls: Any) -> bool:
    """Whether this is a class of errors that keep nothing but their arguments and what the
    methods of users' classes set."""
    if not isinstance(cls, type) or not issubclass(cls, BaseException):
        return False
    home = next(c for c in cls.__mro__ if c.__module__ == "builtins")
    kept = {n for c in home.__mro__[:-1] for n in vars(c)} - set(vars(BaseException))
    maker = classes.find(cls, "__new__")[0]
    plain = maker is not None and maker.__module__ == "builtins" and type(cls) is type
    return plain and kept <= {"value", "name", "obj"}


def reads_parts(handler: gast.ExceptHandler) -> bool:
    """Whether a handler looks into the error, and does not only show it or raise it again."""
    name = getattr(handler.name, "id", handler.name)
    shown: set[int] = set()
    for n in own_nodes(handler.body):
        if isinstance(n, gast.Raise):
            shown.update((id(n.exc), id(n.cause)))
        elif isinstance(n, gast.FormattedValue):
            shown.add(id(n.value))
        elif isinstance(n, gast.Call):
            named = isinstance(n.func, gast.Name) and n.func.id in _SHOWING
            if named or (isinstance(n.func, gast.Attribute) and n.func.attr in _WRITING):
                shown.update(map(id, n.args))
    return any(
        isinstance(n, gast.Name) and n.id == name and id(n) not in shown
        for n in own_nodes(handler.body)
    )


def _error_init(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    """`super().__init__(...)` of a class of errors."""
    content = low.object_of(args[0]) if args and not kwargs else None
    if content is None:
        return None
    cls = class_of(content)
    for name, value in low.error_fields(cls, args[1:]):
        low.put_attribute(args[0], name, value, node, effect=False)
    return Known(None)


ERROR_CALLS: dict[Any, Any] = {
    vars(cls)["__init__"]: _error_init
    for cls in vars(builtins).values()
    if followed_error(cls) and "__init__" in vars(cls)
}
