"""Objects of users' classes: how they are made, and what their attributes are.

What holds afterwards: an object is a cell that holds a Struct of its class and its attributes,
whether the function made it or was given it, so that names, branches, loops and calls share and
change it as they do lists and dictionaries. The methods of its class are followed as functions.
What was assumed of a class is a guard.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
from typing import Any

import gast

from srcad.errors import SrcadError
from srcad.ir import ops as O
from srcad.ir.values import Attribute, Const
from srcad.parser.bindings import (
    CLASS,
    SOURCE,
    Binding,
    BoundMethod,
    Known,
    ObjectParam,
    Partial,
    Poison,
    Ref,
    Struct,
    class_of,
    describe,
)
from srcad.parser.calls.decorators import dispatched_method
from srcad.parser.containers import reading
from srcad.parser.containers.container_bases import ITEMS, container_of
from srcad.parser.control.raised import ERROR_CALLS
from srcad.parser.effects import LOGGERS
from srcad.parser.frames import StaticRequired
from srcad.parser.memory.stand_ins import Held
from srcad.parser.objects import classes
from srcad.rules.custom import CustomFunction
from srcad.rules.registry import lookup

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_HIDDEN = (CLASS, SOURCE)


class ObjectLowering(_Base):
    # ------------------------------------------------------------------ what an object holds
    def object_of(self, binding: Any) -> Struct | None:
        """What an object holds here; None for all other bindings."""
        content = self.deref(binding)
        return content if isinstance(content, Struct) and content.kind == "object" else None

    def plain_container(self, binding: Binding) -> Binding:
        """What holds the elements of an object whose class is derived from list or dict; else
        the binding itself."""
        content = self.object_of(binding)
        return binding if content is None else dict(content.items).get(ITEMS, binding)

    def class_of_binding(self, binding: Any) -> type | None:
        """The class of an object of a user's class, made here or known; else None."""
        if isinstance(binding, Known):
            kind = type(binding.value)
            own = not isinstance(binding.value, (type, types.ModuleType, types.FunctionType))
            return kind if own and lookup(binding.value) is None and classes.is_own(kind) else None
        content = self.object_of(binding)
        return None if content is None else class_of(content)

    def is_super(self, node: gast.AST) -> bool:
        """Whether this is a call of the builtin `super`."""
        if not isinstance(node, gast.Call) or not isinstance(node.func, gast.Name):
            return False
        if node.func.id != "super":
            return False
        found = self.lookup("super", node)
        return isinstance(found, Known) and found.value is super

    # ------------------------------------------------------------------ construction
    def construct(
        self, cls: type, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        """`cls(...)`: a new object, with its `__new__` and `__init__` followed."""
        home, new = classes.find(cls, "__new__")
        if not isinstance(new, staticmethod) or home is classes.record_of(cls):
            return self.constructed(cls, args, kwargs, node)
        self.assume_class(cls, "__new__")
        made = self.call_binding(Known(new.__func__), [Known(cls), *args], kwargs, node)
        kind = self.class_of_binding(made)
        _, init = classes.find(cls, "__init__")
        if kind is None or not issubclass(kind, cls) or init is object.__init__:
            return made  # type: ignore[no-any-return]
        self.assume_class(cls, "__init__")
        self.call_binding(self.bound(init, made, cls, "__init__", node), args, kwargs, node)
        return made  # type: ignore[no-any-return]

    def bare_object(self, cls: type) -> Ref:
        """`object.__new__(cls)`."""
        kind = container_of(cls)
        if kind is None:
            return self.object_with(cls, [])
        of_kind: Any = "list" if kind is list else "dict"
        return self.object_with(cls, [(ITEMS, self.new_cell(Struct(of_kind, ()), "items"))])

    def object_with(self, cls: type, held: list[tuple[Any, Binding]]) -> Ref:
        """A new object of a class that holds these attributes."""
        content = Struct("object", ((CLASS, Known(cls)), *held))
        made: Ref = self.new_cell(content, cls.__name__.lower())
        return made

    def constructed(
        self, cls: type, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        """A new object of a class without a `__new__` of its own."""
        made = self.bare_object(cls)
        if classes.is_namedtuple(cls) or classes.generated_init(cls):
            self.fill_fields(made, cls, args, kwargs, node)
            return made
        home, init = classes.find(cls, "__init__")
        if init is types.SimpleNamespace.__init__ and not args:
            items = ((CLASS, Known(cls)), *((k, self.boxed(b, k)) for k, b in kwargs.items()))
            self.frame.vars[made.cell] = Struct("object", items)
            return made
        if init is object.__init__:
            if args or kwargs:
                raise self.python_raises(
                    TypeError(), node, f"`{cls.__name__}` takes no arguments",
                    "Python raises TypeError here", "define `__init__`",
                )  # fmt: skip
            return made
        self.assume_class(cls, "__init__")
        self.call_binding(self.bound(init, made, cls, "__init__", node), args, kwargs, node)
        return made

    def fill_fields(
        self, made: Ref, cls: type, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> None:
        """The fields of a new dataclass instance or namedtuple, by its signature."""
        signature = classes.signature_of_fields(cls)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise self.python_raises(
                TypeError(), node, f"this call does not fit `{cls.__name__}`: {error}",
                "Python raises TypeError here", "correct the arguments",
            ) from None  # fmt: skip
        given: dict[str, Binding] = dict(bound.arguments)
        if classes.is_namedtuple(cls):
            names = cls._fields  # type: ignore[attr-defined]
            defaults = cls._field_defaults  # type: ignore[attr-defined]
            fields = [(n, given[n] if n in given else self.default_of(defaults[n]))
                      for n in names]  # fmt: skip
            self.frame.vars[made.cell] = Struct("object", ((CLASS, Known(cls)), *fields))
            return
        passed_on: list[Binding] = []
        found: dict[str, Binding] = {}
        for field in cls.__dataclass_fields__.values():  # type: ignore[attr-defined]
            if field.type == "ClassVar" or "ClassVar" in str(field._field_type):
                continue
            if field.name in given:
                value = given[field.name]
            elif field.default_factory is not dataclasses.MISSING:
                value = self.call_binding(Known(field.default_factory), [], {}, node)
            elif field.default is not dataclasses.MISSING:
                value = self.default_of(field.default)
            else:
                continue
            if "INITVAR" in str(field._field_type):
                passed_on.append(value)
            else:
                found[field.name] = self.boxed(value, field.name)
        held = ((CLASS, Known(cls)), *found.items())
        self.frame.vars[made.cell] = Struct("object", held)
        if classes.defines(cls, "__post_init__"):
            self.call_binding(self.attribute(made, "__post_init__", node), passed_on, {}, node)

    def default_of(self, value: Any) -> Binding:
        return value.binding if isinstance(value, Held) else self.known_object(value)

    def replaced(
        self, owner: Binding, changes: dict[str, Binding], node: gast.AST
    ) -> Binding | None:
        """`dataclasses.replace(owner, ...)` or `owner._replace(...)`."""
        content = self.object_of(owner)
        if content is None:
            return None
        cls = class_of(content)
        given: dict[str, Binding] = {}
        for name in classes.signature_of_fields(cls).parameters:
            given[name] = changes.get(name) or self.attribute(owner, name, node)
        unknown = changes.keys() - given.keys()
        if unknown:
            raise self.python_raises(
                TypeError(), node, f"`{cls.__name__}` has no field `{sorted(unknown)[0]}`",
                "Python raises TypeError here", "correct the name",
            )  # fmt: skip
        if classes.is_namedtuple(cls):
            return self.constructed(cls, [], given, node)
        return self.construct(cls, [], given, node)

    def refuse_class(self, cls: type, node: gast.AST) -> None:
        raise self.unsupported(
            node, f"creating a `{cls.__qualname__}` object cannot be differentiated",
            f"{classes.refusal(cls) or 'it is not written in Python'}, which srcad does not follow",
            "use a plain class, numbers, arrays, tuples or dictionaries",
        )  # fmt: skip

    # ------------------------------------------------------------------ reading attributes
    def instance_attribute(
        self, owner: Binding, content: Struct, name: str, node: gast.AST
    ) -> Binding:
        """`owner.name`, by Python's order: data descriptors, the object, its class."""
        cls = class_of(content)
        _, found = classes.find(cls, name)
        if name == "__class__":
            return Known(cls)
        if name == "__dict__" and classes.defines(cls, name):
            found = self.attributes_of(owner, node)
            if found is not None:
                return found
        if isinstance(found, property):
            self.assume_class(cls, name)
            return self.call_binding(Known(found.fget), [owner], {}, node)
        if hasattr(type(found), "__set__") and not classes.is_slot(found):
            computed = self.from_descriptor(found, owner, cls, node)
            if computed is not None:
                return computed
        if name == "_replace" and classes.is_namedtuple(cls):
            return BoundMethod(owner, name, dataclasses.replace)
        if name == "_asdict" and classes.is_namedtuple(cls):
            return BoundMethod(owner, name, namedtuple_items)
        fields = dict(content.items)
        if name in fields and name not in _HIDDEN:
            held = fields[name]
            if isinstance(held, Poison):
                raise self.of_many_kinds(f"{name}", held, self.loc(node))
            return held
        source = fields.get(SOURCE)
        if not isinstance(source, ObjectParam) or name not in classes.instance_names(
            source.example
        ):
            set_here = self.attribute_now(cls, name)
            if set_here is not None:
                return set_here  # type: ignore[no-any-return]
        if isinstance(source, ObjectParam) and self.holds_itself(source, name, found):
            self.check_cached(source, name, found, node)
            return self.object_attribute(source, name, node)
        if found is classes.MISSING or classes.is_slot(found):
            computed = self.made_up(owner, cls, name, node)
            if computed is not None:
                return computed
            raise self.python_raises(
                AttributeError(name), node, f"this `{cls.__name__}` has no attribute `{name}` here",
                "Python raises AttributeError here", "set it in `__init__`",
            )  # fmt: skip
        self.assume_class(cls, name)
        if isinstance(source, ObjectParam):
            self.argument_assumptions.append((source.name, source.path, "lacks", name))
        if classes.cached(found):
            value = self.boxed(self.call_binding(Known(found.func), [owner], {}, node), name)
            self.put_attribute(owner, name, value, node, effect=False)
            return value
        return self.bound(found, owner, cls, name, node)

    def has_attribute(self, content: Struct, name: str) -> bool:
        """`hasattr` of an object."""
        fields = dict(content.items)
        _, found = classes.find(class_of(content), name)
        held = name in fields and name not in _HIDDEN
        if held and isinstance(fields[name], Poison):
            raise self.of_many_kinds(name, fields[name], self.builder.loc)
        if held or (found is not classes.MISSING and not classes.is_slot(found)):
            return True
        if classes.defines(class_of(content), "__getattr__"):
            raise self.unsupported(
                gast.Pass(), f"whether there is an attribute `{name}` cannot be decided here",
                "`__getattr__` of the class decides", "read it in a `try` with a handler",
            )  # fmt: skip
        source = fields.get(SOURCE)
        return isinstance(source, ObjectParam) and hasattr(source.example, name)

    def check_cached(
        self, source: ObjectParam, name: str, found: Any, node: gast.AST
    ) -> None:
        """What a `cached_property` kept is a constant, also in what it was computed from."""
        here = (source.name, *source.path)
        if classes.cached(found) and any(w[: len(here)] == here for w in self.wanted_paths):
            raise self.unsupported(
                node, f"`{name}` was computed before this call, and its object is differentiated",
                "the value that `cached_property` kept does not change with the attributes",
                f"delete it first (`del {source.name}.{name}`), or use a property",
            )  # fmt: skip

    def holds_itself(self, source: ObjectParam, name: str, found: Any) -> bool:
        """Whether an object of the caller holds the attribute, or its class does as data."""
        if name in classes.instance_names(source.example):
            return True
        if found is classes.MISSING or classes.is_slot(found) or classes.is_descriptor(found):
            return False
        return hasattr(source.example, name)  # a class attribute, that instances may override

    def bound(self, found: Any, owner: Binding, cls: type, name: str, node: gast.AST) -> Binding:
        """What reading `found`, an entry of a class, gives for an object."""
        if isinstance(found, staticmethod):
            return Known(found.__func__)
        if isinstance(found, classmethod):
            return Known(types.MethodType(found.__func__, cls))
        function = found
        if isinstance(function, (types.FunctionType, CustomFunction)):
            return BoundMethod(owner, name, function)
        wrapped = inspect.unwrap(function) if callable(function) else None
        if isinstance(function, functools._lru_cache_wrapper) and wrapped is not None:
            return BoundMethod(owner, name, wrapped)
        if hasattr(function, "__srcad_steps__"):
            return BoundMethod(owner, name, function)
        if isinstance(function, functools.partialmethod):
            given = self.bound(function.func, owner, cls, name, node)
            named = {k: Known(v) for k, v in function.keywords.items()}
            return Partial(given, tuple(map(Known, function.args)), tuple(named.items()))
        if isinstance(function, functools.singledispatchmethod):
            return Partial(Known(dispatched_method), (Known(function), owner, Known(name)))
        computed = self.from_descriptor(function, owner, cls, node)
        if computed is not None:
            return computed
        if classes.is_descriptor(function):
            raise self.unsupported(
                node, f"the attribute `{name}` cannot be differentiated",
                f"a `{type(function).__name__}` in the class `{cls.__name__}` decides what it is",
                "use a property, or a plain attribute",
            )  # fmt: skip
        if isinstance(function, Held):
            return function.binding
        return self.known_object(function)  # type: ignore[no-any-return]

    def assume_class(self, cls: type, name: str) -> None:
        """Guard what a class defines under a name."""
        found = classes.definition(cls, name)
        computed = isinstance(getattr(type(found), "__get__", None), types.FunctionType)
        if computed or not hasattr(cls, name):
            self.assumptions.add_read(classes.definition, (cls, name), found)
            return
        self.assumptions.add("attribute", cls, name, getattr(cls, name))

    def super_attribute(self, call: gast.Call, name: str, node: gast.AST) -> Binding:
        """`super().name`."""
        after, owner = self.super_place(call)
        if isinstance(owner, Known) and isinstance(owner.value, type):
            cls, instance = owner.value, None
        else:
            kind = self.class_of_binding(owner)
            if kind is None:
                raise self.unsupported(
                    node, "`super()` cannot be followed here",
                    f"the first argument of the method is {describe(self.deref(owner))}",
                    "call the method of the base class by name",
                )  # fmt: skip
            cls, instance = kind, owner
        home, found = classes.find(cls, name, after)
        if home is None:
            raise self.python_raises(
                AttributeError(), node, f"no class above `{after.__name__}` defines `{name}`",
                "Python raises AttributeError here", "correct the name",
            )  # fmt: skip
        if found is object.__init__ or found is object.__init_subclass__:
            return Known(_nothing)
        if found is object.__new__:
            return Known(object.__new__)
        if name == "__new__" and home is classes.record_of(cls):
            return Known(_new_record)
        stored = found is object.__setattr__ or found in ERROR_CALLS
        if stored and instance is not None:
            return BoundMethod(owner, name, found)
        self.assumptions.add("attribute", home, name, getattr(home, name))
        if isinstance(found, property) and instance is not None:
            return self.call_binding(Known(found.fget), [instance], {}, node)  # type: ignore[no-any-return]
        if instance is None and isinstance(found, types.FunctionType):
            return Known(found)
        return self.bound(found, owner, cls, name, node)

    def super_place(self, call: gast.Call) -> tuple[type, Binding]:
        """(the class after which to look, the object) of a call of `super`."""
        if len(call.args) == 2:
            known, owner = (self.expression(a) for a in call.args)
            if isinstance(known, Known) and isinstance(known.value, type):
                return known.value, owner
        frame = self.frame
        arguments = frame.node.args
        cell = frame.cells().get("__class__")
        home = frame.home.cls if frame.home is not None else cell and cell.cell_contents
        positional = [*arguments.posonlyargs, *arguments.args]
        if call.args or home is None or not positional:
            raise self.unsupported(
                call, "`super()` cannot be followed here",
                "it does not stand in a method itself",
                "call the method of the base class by name",
            )  # fmt: skip
        return home, self.lookup(positional[0].id, call)

    # ------------------------------------------------------------------ storing attributes
    def store_instance(
        self, owner: Binding, content: Struct, name: str, value: Binding, node: gast.AST
    ) -> None:
        """`owner.name = value`."""
        cls = class_of(content)
        setter = classes.own_setter(cls)
        if setter is not None and SOURCE in dict(content.items):
            raise self.unsupported(
                node, f"`{name}` of an object of the caller is set here",
                f"`{cls.__name__}` decides in `__setattr__` what a store does",
                "return the value",
            )  # fmt: skip
        if setter is not None:
            self.assume_class(cls, "__setattr__")
            self.call_binding(Known(setter), [owner, Known(name), value], {}, node)
            return
        self.store_plainly(owner, content, name, value, node)

    def store_plainly(
        self, owner: Binding, content: Struct, name: str, value: Binding, node: gast.AST
    ) -> None:
        """`owner.name = value` as `object.__setattr__` does it."""
        cls = class_of(content)
        _, found = classes.find(cls, name)
        if isinstance(found, property):
            self.assume_class(cls, name)
            if found.fset is None:
                raise self.python_raises(
                    AttributeError(), node,
                    f"the property `{name}` of `{cls.__name__}` cannot be set",
                    "Python raises AttributeError here", "define its setter",
                )  # fmt: skip
            self.call_binding(Known(found.fset), [owner, value], {}, node)
            return
        if self.into_descriptor(found, owner, value, node):
            return
        if classes.is_frozen_dataclass(cls):
            raise self.python_raises(
                dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}"), node,
                f"the attribute `{name}` of a frozen `{cls.__name__}` is set",
                "Python raises FrozenInstanceError here", "make a new object",
            )  # fmt: skip
        plain = classes.is_slot(found) or classes.cached(found) or not hasattr(found, "__set__")
        slotted = classes.has_slots_only(cls) and not classes.is_slot(found)
        if classes.is_frozen(cls) or slotted or not plain:
            raise self.unsupported(
                node, f"the attribute `{name}` of a `{cls.__name__}` cannot be set",
                "its class forbids it, or a descriptor decides what the store does",
                "make a new object, or set a plain attribute",
            )  # fmt: skip
        self.put_attribute(owner, name, value, node)

    def put_attribute(
        self, owner: Binding, name: str, value: Binding, node: gast.AST, effect: bool = True
    ) -> None:
        """Keep the value of an attribute in what the object holds."""
        content = self.object_of(owner)
        if not isinstance(owner, Ref) or content is None:
            self.refuse_write(owner, node)
        assert isinstance(owner, Ref) and content is not None
        value = self.boxed(value, name)
        fields = dict(content.items)
        source = fields.get(SOURCE)
        if effect and isinstance(source, ObjectParam):
            path = (source.name, *source.path, Attribute(name))
            if name not in fields and name in classes.instance_names(source.example):
                raise StaticRequired(set(), stored={path})
            self.store_effect(source, name, value, node)
        fields[name] = value
        self.write(owner, Struct("object", tuple(fields.items())), node)

    def store_effect(
        self, source: ObjectParam, name: str, value: Binding, node: gast.AST
    ) -> None:
        """A store into an object of the caller stays as it is: once, in the forward sweep."""
        content = self.deref(value)
        if not isinstance(content, Known) and not _is_number(content):
            raise self.unsupported(
                node, f"`{name}` of an object of the caller is set to {describe(content)}",
                "the derivative would hand its own memory to the object",
                "return the value, or store numbers only",
            )  # fmt: skip
        target = gast.Attribute(gast.Name("$0", gast.Load(), None, None), name, gast.Store())
        number = gast.Name("$1", gast.Load(), None, None)
        operand = (
            Const.of(content.value) if isinstance(content, Known) else self.operand(value, node)
        )
        attrs = {
            "template": gast.Assign([target], number, None),
            "name": f"{source.value.name}.{name} = ...", "stores": True,
        }  # fmt: skip
        self.builder.emit(O.OPAQUE, (source.value, operand), (), (), attrs)

    # ------------------------------------------------------------------ known objects
    def known_instance_attribute(
        self, owner: Any, cls: type, name: str, node: gast.AST
    ) -> Binding | None:
        """An attribute of an object outside of the function that is code of its class."""
        if isinstance(owner, LOGGERS):  # what they write is no matter of derivatives
            return None
        _, found = classes.find(cls, name)
        code = (property, staticmethod, classmethod, types.FunctionType)
        if not isinstance(found, code):
            return None
        if not isinstance(found, property) and name in classes.instance_names(owner):
            return None
        self.assume_class(cls, name)
        if isinstance(found, property):
            return self.known_property(owner, found.fget, name, node)
        return self.bound(found, Known(owner), cls, name, node)

    def known_property(self, owner: Any, getter: Any, name: str, node: gast.AST) -> Binding:
        """A property of an object outside; one that cannot be followed is read, and read again
        before each use of the compiled code."""
        if isinstance(getter, types.FunctionType):
            try:
                return self.call_source(getter, [Known(owner)], {}, node)  # type: ignore[no-any-return]
            except SrcadError:
                try:
                    return reading.read(self, getattr, (owner, name), node, getter)
                except SrcadError:  # it gives another object each time
                    pass
        return self.call_binding(Known(getter), [Known(owner)], {}, node)  # type: ignore[no-any-return]


def _new(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    """`object.__new__(cls)`."""
    cls = args[0] if len(args) == 1 and not kwargs else None
    if not isinstance(cls, Known) or not classes.is_own(cls.value):
        return None
    return low.bare_object(cls.value)  # type: ignore[no-any-return]


def _new_record(cls: type, *args: Any, **kwargs: Any) -> Any:
    """Stands for the `__new__` that `namedtuple` makes, which has no source."""
    raise NotImplementedError


def _record(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    cls = args[0]
    assert isinstance(cls, Known)
    return low.constructed(cls.value, args[1:], kwargs, node)  # type: ignore[no-any-return]


NEW_OBJECTS: dict[Any, Any] = {object.__new__: _new, _new_record: _record}


def namedtuple_items(record: Any) -> dict[str, Any]:
    """What `_asdict` of a namedtuple gives, which has no source."""
    return {name: getattr(record, name) for name in record._fields}


def _nothing(*args: object, **kwargs: object) -> None:
    """What `object.__init__` does."""


def _is_number(content: Any) -> bool:
    from srcad.ir.abstract import Scalar
    from srcad.ir.values import Value

    return isinstance(content, Value) and isinstance(content.type, Scalar)
