"""What a class defines, found without running any of its code.

What holds afterwards: only classes whose instances behave as Python's own `object` does are
followed. Where `__getattribute__`, a metaclass or `__new__` decides what an attribute or a call
is, the class is refused, with the reason.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import inspect
import types
from typing import Any

from srcad.parser.containers.container_bases import BASES, FOLLOWED

MISSING = object()
# entries of any class that say nothing of what `list` and `dict` do
_OF_OBJECTS = ("__module__", "__dict__", "__weakref__", "__doc__", "__annotations__", "__hash__")
_OWN_BEHAVIOUR = ("__getattribute__", "__delattr__")
_OF_METACLASSES = ("__call__", "__getattribute__")  # decide what making an object does
_MADE_PLAINLY = (object, types.SimpleNamespace, *BASES)
_SLOTS = (types.MemberDescriptorType,)
_GENERATED = "<string>"  # the file name of what `dataclass` and `namedtuple` make


def find(cls: type, name: str, after: type | None = None) -> tuple[type | None, Any]:
    """(the class that defines `name`, what it defines); (None, MISSING) if none does.

    `after` leaves out the classes up to this one in the order of resolution: `super()`.
    """
    order = cls.__mro__
    if after is not None:
        order = order[order.index(after) + 1 :]
    for base in order:
        entries = vars(BASES.get(base, base))
        if base in BASES and name in _OF_OBJECTS:
            continue
        if name in entries:
            found = entries[name]
            return base, FOLLOWED.get(found, found) if callable(found) else found
    return None, MISSING


def definition(cls: type, name: str) -> Any:
    """What the class or one above it defines under a name, as it stands there."""
    return find(cls, name)[1]


def defines(cls: type, name: str) -> bool:
    return find(cls, name)[1] is not MISSING


def is_namedtuple(cls: type) -> bool:
    """Whether this is a class made by `namedtuple` or `typing.NamedTuple`, or derived from one."""
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


def is_own(cls: type) -> bool:
    """Whether this is a class written in Python that stands for numeric data or behaviour."""
    if not isinstance(cls, type) or issubclass(cls, BaseException):
        return False
    home = cls.__module__  # of classes that Cython makes, no text
    if not isinstance(home, str) or home.split(".")[0] in ("builtins", "srcad"):
        return False
    return refusal(cls) is None


def refusal(cls: type) -> str | None:
    """Why instances of a class are not followed; None if they are."""
    name = cls.__name__
    if is_namedtuple(cls):
        return None
    if not _is_plain_metaclass(type(cls)):
        return f"`{name}` has the metaclass `{type(cls).__name__}`"
    home, new = find(cls, "__new__")
    new = getattr(new, "__func__", None)
    if home not in (object, types.SimpleNamespace) and not isinstance(new, types.FunctionType):
        return f"`{name}` makes its instances itself, in `__new__`"
    if issubclass(cls, (tuple, float, int, str)):
        return f"`{name}` is derived from a class of Python whose objects do not change"
    for base in cls.__mro__:
        new = vars(base).get("__new__")
        if isinstance(new, types.BuiltinFunctionType) and base not in _MADE_PLAINLY:
            return f"`{name}` is derived from `{base.__name__}`, which is not written in Python"
    for special in _OWN_BEHAVIOUR:
        home, found = find(cls, special)
        if home is types.SimpleNamespace:
            continue
        if found is not getattr(object, special) and not is_frozen_dataclass(cls):
            return f"`{name}` decides in `{special}` what its attributes are"
    return None


def _is_plain_metaclass(kind: type) -> bool:
    """Whether making an object of such a class is what it is for any class."""
    if kind in (type, abc.ABCMeta):
        return True
    code = (types.FunctionType, staticmethod)
    in_python = any(isinstance(part, code) for part in vars(kind).values())
    return in_python and all(find(kind, name)[0] is type for name in _OF_METACLASSES)


def own_setter(cls: type) -> Any:
    """The `__setattr__` that a class defines itself; None if stores are plain."""
    _, found = find(cls, "__setattr__")
    return found if isinstance(found, types.FunctionType) and not is_frozen_dataclass(cls) else None


def is_frozen_dataclass(cls: type) -> bool:
    """Whether the class is a frozen dataclass, whose `__setattr__` only raises."""
    params = getattr(cls, "__dataclass_params__", None)
    own = [find(cls, special)[1] for special in ("__setattr__", "__delattr__")]
    generated = all(is_generated(f) for f in own)
    plain = find(cls, "__getattribute__")[1] is object.__getattribute__
    return bool(params is not None and params.frozen and generated and plain)


def is_frozen(cls: type) -> bool:
    return is_namedtuple(cls) or is_frozen_dataclass(cls)


def is_generated(function: Any) -> bool:
    return (
        isinstance(function, types.FunctionType)
        and function.__code__.co_filename == _GENERATED
    )


def generated_init(cls: type) -> bool:
    """Whether `__init__` is that of a dataclass, which has no source."""
    return dataclasses.is_dataclass(cls) and is_generated(find(cls, "__init__")[1])


def generated(cls: type, name: str) -> bool:
    """Whether a method is one that `dataclass` wrote."""
    return dataclasses.is_dataclass(cls) and is_generated(find(cls, name)[1])


def has_slots_only(cls: type) -> bool:
    """Whether instances have no attributes but those in `__slots__`."""
    return cls.__dictoffset__ == 0


def is_slot(found: Any) -> bool:
    return isinstance(found, _SLOTS)


def is_descriptor(found: Any) -> bool:
    """Whether an object in a class decides itself what reading it gives."""
    return hasattr(type(found), "__get__") or hasattr(type(found), "__set__")


def instance_names(instance: object) -> list[str]:
    """The attributes that an object itself holds."""
    if is_namedtuple(type(instance)):
        return list(type(instance)._fields)  # type: ignore[attr-defined]
    names = list(getattr(instance, "__dict__", ()))
    for base in type(instance).__mro__:
        for name, found in vars(base).items():
            if is_slot(found) and hasattr(instance, name):
                names.append(name)
    return names


def record_of(cls: type) -> type | None:
    """The class that `namedtuple` made, of one derived from it; None for other classes."""
    if not is_namedtuple(cls):
        return None
    return next(base for base in cls.__mro__ if "_fields" in vars(base))


def signature_of_fields(cls: type) -> inspect.Signature:
    """The parameters of a dataclass or namedtuple, without the instance."""
    record = record_of(cls)
    made = cls.__init__ if record is None else record.__new__  # type: ignore[misc]
    parameters = list(inspect.signature(made).parameters.values())[1:]
    return inspect.Signature(parameters)


def cached(found: Any) -> bool:
    return isinstance(found, functools.cached_property)
