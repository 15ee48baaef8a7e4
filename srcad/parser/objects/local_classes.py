"""`class` statements inside of functions: a real class, whose functions are those of the frame.

What holds afterwards: the class is an object of Python's own making (so that bases, properties,
`dataclass` and `NamedTuple` do as they do anywhere), but nothing of the user's has run: a method
is a stand-in that carries the `Closure` to be followed, an attribute that only the run knows is a
stand-in that carries its binding. Both are taken off where they are read.
"""

from __future__ import annotations

import ast
import collections
import copy
import dataclasses
import enum
import functools
import types
from typing import Any

import gast

from srcad.parser.bindings import Binding, Cell, Closure, Known, Partial, Struct
from srcad.parser.containers import reading
from srcad.parser.frames import Flow, Frame, mangled, stored_names
from srcad.parser.memory.stand_ins import (
    Held,
    LocalClass,
    as_local,
    closure_of,
    is_local,
    stand_in,
    stands_in,
    with_home,
)

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_MAKING = (property, staticmethod, classmethod, functools.cached_property)
_DECORATORS = ("dataclasses", "functools", "enum", "typing", "abc")


class LocalClassLowering(_Base):
    frame: Frame

    def stmt_ClassDef(self, node: gast.ClassDef, rest: Any) -> None:
        bases = [self.expression(base) for base in node.bases]
        options = {k.arg: self.expression(k.value) for k in node.keywords}
        home = LocalClass(node.name)
        inner = self.class_body(node, home)
        names = {mangled(n, node.name): self.as_object(b) for n, b in inner.items()}
        binding: Binding = Known(self.made_class(node, bases, options, with_home(names, home)))
        for decorator in reversed(node.decorator_list):
            binding = self.call_binding(self.expression(decorator), [binding], {}, decorator)
        home.cls = binding.value if isinstance(binding, Known) else None
        if home.cls is not None:
            stored = (n for n in gast.walk(self.frame.node) if isinstance(n, gast.Attribute))
            self.follow_class(
                home.cls, {n.attr for n in stored if isinstance(n.ctx, gast.Store)}
            )
        self.bind(node.name, binding, node)

    def class_body(self, node: gast.ClassDef, home: LocalClass) -> dict[str, Binding]:
        """The names that the statements of a class bind."""
        outer: Frame = self.frame
        frame = Frame(
            outer.source, node, None, outer, stored_names(node.body), outer.name,
            Flow({k: b for k, b in outer.vars.items() if isinstance(k, Cell)}),
            globals=outer.globals, home=home, is_class=True,
        )  # fmt: skip
        frame.lasting = outer.lasting
        self.frame = frame
        try:
            self.block(node.body)
        finally:
            self.frame = outer
        outer.vars.update((k, b) for k, b in frame.vars.items() if isinstance(k, Cell))
        notes = {
            inner.target.id: _text(inner.annotation)
            for inner in node.body
            if isinstance(inner, gast.AnnAssign) and isinstance(inner.target, gast.Name)
        }
        found = {
            k: b for k, b in frame.vars.items() if isinstance(k, str) and not k.startswith("$")
        }
        text = node.body[0].value if isinstance(node.body[0], gast.Expr) else None
        if isinstance(text, gast.Constant) and isinstance(text.value, str):
            found["__doc__"] = Known(text.value)
        if notes:
            found["__annotations__"] = Known(notes)
        return found

    def made_class(
        self,
        node: gast.ClassDef,
        bases: list[Binding],
        options: dict[str, Binding],
        names: dict[str, Any],
    ) -> type:
        known = [b.value for b in bases if isinstance(b, Known)]
        given = {k: b.value for k, b in options.items() if isinstance(b, Known)}
        if len(known) < len(bases) or len(given) < len(options):
            raise self.unsupported(
                node, f"the bases of the class `{node.name}` are not known while compiling",
                "they decide which methods its objects have", "name a class",
            )  # fmt: skip
        resolved = types.resolve_bases(tuple(known))
        metaclass = types.prepare_class(node.name, resolved, dict(given))[0]
        hooks = [b for b in resolved if _own_hook(b) is not None]
        computed = any(stands_in(v) for v in names.values())
        reason = ""
        if hooks:
            reason = f"`{hooks[0].__name__}` runs code of its own for each class below it"
        elif metaclass.__module__ not in ("builtins", "abc", "enum", "typing"):
            reason = f"its metaclass `{metaclass.__name__}` decides what it is"
        elif computed and (issubclass(metaclass, enum.EnumMeta) or _shows_itself(resolved, names)):
            reason = "Python itself looks into it, where only srcad knows its methods"
        if reason:
            raise self.unsupported(
                node, f"the class `{node.name}` cannot be made inside of a differentiated "
                "function", reason, "define the class at module level",
            )  # fmt: skip
        names = {"__module__": self.frame.globals.get("__name__", "__main__"), **names}
        names["__qualname__"] = f"{self.frame.name}.<locals>.{node.name}"
        try:
            made: type = types.new_class(
                node.name, resolved, given, lambda namespace: namespace.update(names)
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise self.unsupported(
                node, f"the class `{node.name}` cannot be made: {error}",
                "Python raises the same here", "correct the class",
            ) from None  # fmt: skip
        return made

    # ------------------------------------------------------------------ stand-ins
    def as_object(self, binding: Binding) -> Any:
        """What stands for a binding in a class or in one of its decorators."""
        if isinstance(binding, Known):
            return binding.value
        if isinstance(binding, Closure):
            return stand_in(binding)
        if isinstance(binding, Struct) and (known := reading.known(binding)) is not None:
            return known.value  # a tuple of constants
        return Held(self.boxed(binding))

    def class_call(
        self, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding | None:
        """A call that only arranges parts of a class: it is made while compiling."""
        if fn is collections.namedtuple:
            return self.record_class(args, kwargs, node)
        if self.frame.is_class and args and isinstance(args[0], Closure):
            args = [Known(stand_in(args[0])), *args[1:]]
        elif not (self.frame.is_class or fn is dataclasses.dataclass):
            if not args or not isinstance(args[0], Known) or not is_local(args[0].value):
                return None
        given = [self.as_object(a) for a in args]
        named = {k: self.as_object(a) for k, a in kwargs.items()}
        setter = isinstance(getattr(fn, "__self__", None), property)
        local = bool(given) and (closure_of(given[0]) is not None or is_local(given[0]))
        arranging = setter or fn in _MAKING or getattr(fn, "__module__", "") in _DECORATORS
        in_class = self.frame.is_class and fn in (dataclasses.field, enum.auto)
        if fn is dataclasses.dataclass and not given:
            return Partial(Known(fn), (), tuple(kwargs.items()))
        if not in_class and not (arranging and local):
            return None
        try:
            return Known(fn(*given, **named))
        except (TypeError, ValueError, AttributeError) as error:
            raise self.unsupported(
                node, f"this class cannot be made: {error}", "Python raises the same here",
                "correct the class",
            ) from None  # fmt: skip


    def record_class(
        self, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        """`namedtuple("Point", "x y")`."""
        given = [reading.known(self.settled(a)) for a in args]
        named = {k: reading.known(self.settled(a)) for k, a in kwargs.items()}
        if None in given or None in named.values():
            raise self.unsupported(
                node, "the names of a `namedtuple` are not known while compiling",
                "they decide what its objects hold", "use constants",
            )  # fmt: skip
        options: Any = {k: known.value for k, known in named.items() if known is not None}
        options["module"] = self.frame.globals.get("__name__", "__main__")
        try:
            make: Any = collections.namedtuple
            made = make(*(k.value for k in given if k), **options)
        except (TypeError, ValueError) as error:
            raise self.unsupported(
                node, f"this `namedtuple` cannot be made: {error}",
                "Python raises the same here", "correct the names",
            ) from None  # fmt: skip
        as_local(made, LocalClass(made.__name__))
        return Known(made)


def _text(annotation: gast.AST) -> str:
    if isinstance(annotation, gast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return ast.unparse(gast.gast_to_ast(copy.deepcopy(annotation)))


def _shows_itself(bases: tuple[type, ...], names: dict[str, Any]) -> bool:
    """Whether this is a class of errors of which Python itself may call a method."""
    special = any(n.startswith("__") and stands_in(v) for n, v in names.items() if n != "__init__")
    return special and any(issubclass(base, BaseException) for base in bases)


def _own_hook(base: type) -> Any:
    """The `__init_subclass__` that a class written in Python defines or inherits."""
    found = getattr(base, "__init_subclass__", None)
    function = getattr(found, "__func__", None)
    plain = getattr(function, "__module__", "") in _DECORATORS
    return function if isinstance(function, types.FunctionType) and not plain else None
