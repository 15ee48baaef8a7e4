"""What stands in a class that was made while compiling for what is followed or not known yet.

What holds afterwards: such a class is told by `is_local`; each function in it carries the
`Closure` that it stands for, each attribute of run time its binding.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from srcad.parser.bindings import Binding, Closure

NUMBERS = itertools.count()  # of frames and classes, in the order in which they are made
_HOME = "__srcad_home__"
_CLOSURE = "__srcad_closure__"
_GIVEN_BY_PYTHON = ("__dict__", "__weakref__", "__slots__", "_abc_impl", _HOME)
_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)


@dataclass(eq=False)
class LocalClass:
    """The class that a method of it belongs to; `cls` is known once the class is made.

    `created` tells which classes and frames were made before others.
    """

    name: str
    cls: type | None = None
    created: int = field(default_factory=functools.partial(next, NUMBERS))


@dataclass(eq=False)
class Held:
    """Stands for a value of run time among the attributes of a class."""

    binding: Binding


def stand_in(closure: Closure) -> types.FunctionType:
    """A function that stands for a closure; it is never called."""
    made = types.FunctionType(_never.__code__, {"__name__": ""}, closure.name)
    made.__dict__[_CLOSURE] = closure
    return made


def _never(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("a function of a class that was made while compiling is not called")


def closure_of(value: Any) -> Closure | None:
    """The closure that a function stands for; None for all other objects."""
    if not isinstance(value, types.FunctionType):
        return None
    found: Closure | None = value.__dict__.get(_CLOSURE)
    return found


def is_local(value: Any) -> bool:
    """Whether this is a class that was made while compiling."""
    return isinstance(value, type) and _HOME in vars(value)


def with_home(names: dict[str, Any], home: LocalClass) -> dict[str, Any]:
    return {**names, _HOME: home}


def as_local(cls: type, home: LocalClass) -> None:
    """Note that a class was made while compiling."""
    home.cls = cls
    setattr(cls, _HOME, home)


def stands_in(value: Any) -> bool:
    return isinstance(value, Held) or closure_of(value) is not None


def home_of(cls: type) -> LocalClass:
    found: LocalClass = vars(cls)[_HOME]
    return found


def bindings_of(cls: type) -> list[Binding]:
    """The bindings that the parts of a local class carry, and of those that it derives from."""
    found: list[Binding] = []

    def note(binding: Binding) -> Binding:
        found.append(binding)
        return binding

    for base in cls.__mro__:
        if is_local(base):
            for part in vars(base).values():
                replaced(part, note)
    return found


def carries_bindings(value: Any) -> bool:
    """Whether an object stands for what is in a frame, itself or in its parts."""
    return closure_of(value) is not None or (is_local(value) and bool(bindings_of(value)))


def replaced(part: Any, f: Callable[[Any], Any]) -> Any:
    """An entry of a class with the bindings in it replaced."""
    closure = closure_of(part)
    if closure is not None:
        return stand_in(f(closure))
    if isinstance(part, Held):
        return Held(f(part.binding))
    if isinstance(part, property):
        return property(*(replaced(g, f) for g in (part.fget, part.fset, part.fdel)))
    if isinstance(part, (staticmethod, classmethod)):
        return type(part)(replaced(part.__func__, f))
    if isinstance(part, functools.cached_property):
        made = functools.cached_property(replaced(part.func, f))
        made.attrname = part.attrname
        return made
    if isinstance(part, dataclasses.Field):
        made_field = dataclasses.field(default=replaced(part.default, f))
        for name in part.__slots__:
            setattr(made_field, name, replaced(getattr(part, name), f))
        return made_field
    if isinstance(part, dict) and part and all(
        isinstance(v, dataclasses.Field) for v in part.values()
    ):
        return {k: replaced(v, f) for k, v in part.items()}
    return part


def copied(cls: type, bases: tuple[type, ...], home: LocalClass) -> type:
    """A class of the same name that has no parts yet."""
    slots = {"__slots__": vars(cls)["__slots__"]} if "__slots__" in vars(cls) else {}
    names = with_home({**slots, "__module__": cls.__module__}, home)
    made = types.new_class(cls.__name__, bases, {}, lambda namespace: namespace.update(names))
    home.cls = made
    return made


def fill(made: type, cls: type, f: Callable[[Any], Any]) -> None:
    """Give a copy of a class the parts of the class, with their bindings replaced."""
    for name, part in vars(cls).items():
        if name not in _GIVEN_BY_PYTHON and not isinstance(part, _DESCRIPTORS):
            setattr(made, name, replaced(part, f))
