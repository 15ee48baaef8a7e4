"""`copy.copy` and `copy.deepcopy` of numbers, arrays, containers and objects.

What holds afterwards: a copy has memory of its own. Objects are copied by their `__copy__` or
`__deepcopy__` if they have one, else attribute by attribute, without their `__init__`.
"""

from __future__ import annotations

import copy
import enum
import types
from typing import Any

import gast

from srcad.ir.abstract import UNKNOWN, Array, ListOf, Scalar
from srcad.ir.values import Value
from srcad.parser.bindings import (
    CLASS,
    SOURCE,
    Binding,
    Closure,
    Known,
    ObjectParam,
    Poison,
    Ref,
    Struct,
    class_of,
)
from srcad.parser.containers.container_bases import ITEMS
from srcad.parser.objects import classes
from srcad.pristine import np

_CONTAINERS = ("tuple", "list", "dict")
_UNCHANGING = (
    bool, int, float, complex, str, bytes, type(None), np.generic, enum.Enum, type,
    types.FunctionType,
)  # fmt: skip
_OWN_COPIES = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")


def _copy(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    """`copy.copy`: another list, dictionary, array or object with the same parts."""
    if len(args) != 1 or kwargs:
        return None
    content = _opened(low, low.deref(args[0]))
    if isinstance(content, Struct) and content.kind == "object":
        method = low.special_method(args[0], "__copy__", node)
        if method is not None:
            return low.call_binding(method, [], {}, node)  # type: ignore[no-any-return]
        held = dict(_attributes(low, args[0], content, node))
        if ITEMS in held:
            held[ITEMS] = low.new_cell(low.deref(held[ITEMS]), "items")
        return low.object_with(class_of(content), [*held.items()])  # type: ignore[no-any-return]
    special = low.special_of(args[0])
    if special is not None and isinstance(args[0], Ref):
        with low.as_plain(args[0].cell):
            made = _copy(low, args, kwargs, node)
        return None if made is None else low.made_special(made, special)
    if isinstance(content, Struct) and content.kind in ("list", "dict"):
        return low.new_cell(content, content.kind)  # type: ignore[no-any-return]
    if isinstance(content, Value) and isinstance(content.type, ListOf):
        return low.new_cell(content, "list")  # type: ignore[no-any-return]
    if isinstance(content, Value) and isinstance(content.type, (Scalar, Array)):
        copied = isinstance(content.type, Array) and not content.type.item
        return low.apply(np.copy, args, {}, node) if copied else content
    if (isinstance(content, Struct) and content.kind == "tuple") or (
        isinstance(content, Known) and isinstance(content.value, (*_UNCHANGING, tuple))
    ):
        return content
    return None


def _opened(low: Any, content: Binding) -> Binding:
    """What a constant tuple, list or dictionary holds."""
    value: Any = content.value if isinstance(content, Known) else None
    if type(value) in (tuple, list):
        return Struct.sequence(type(value).__name__, [low.known_object(v) for v in value])
    if type(value) is dict:
        return Struct("dict", tuple((k, low.known_object(v)) for k, v in value.items()))
    return content


def _attributes(
    low: Any, owner: Binding, content: Struct, node: gast.AST
) -> list[tuple[str, Binding]]:
    """The attributes that an object has here; those of an object of the caller are read now."""
    own = next((m for m in _OWN_COPIES if _decides(class_of(content), m)), None)
    if own is not None:
        raise low.unsupported(
            node, "a copy of this object cannot be differentiated",
            f"its class decides in `{own}` what a copy of it is", "define `__copy__`",
        )  # fmt: skip
    held = {k: b for k, b in content.items if k not in (CLASS, SOURCE)}
    if any(isinstance(b, Poison) for b in held.values()):
        raise low.unsupported(
            node, "a copy of this object cannot be differentiated",
            "which attributes it has is not known while compiling", "set all in `__init__`",
        )  # fmt: skip
    source = dict(content.items).get(SOURCE)
    names = classes.instance_names(source.example) if isinstance(source, ObjectParam) else []
    return [(n, low.attribute(owner, n, node)) for n in names if n not in held] + [*held.items()]


def _decides(cls: type, name: str) -> bool:
    """Whether a class defines this itself (a frozen dataclass with slots has it of Python's)."""
    found = classes.definition(cls, name)
    plain = (classes.MISSING, getattr(object, name, None))
    return found not in plain and getattr(found, "__module__", None) != "dataclasses"


def _deepcopy(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    """`copy.deepcopy` of numbers, arrays, objects and containers of them."""
    if len(args) not in (1, 2) or kwargs:
        return None
    return _deep(low, args[0], {}, node)


def _deep(
    low: Any, binding: Binding, made: dict[Any, Binding], node: gast.AST
) -> Binding | None:
    """A copy with copies of all parts; an object that is found twice is copied once."""
    key = binding.key() if isinstance(binding, Ref) else None
    if key is not None and key in made:
        return made[key]
    content = _opened(low, low.deref(binding))
    copied: Binding | None = None
    if isinstance(content, Struct) and content.kind == "object":
        return _deep_object(low, binding, content, made, node)
    if isinstance(content, Struct) and content.kind in _CONTAINERS:
        parts = [_deep(low, part, made, node) for part in content.parts]
        if None not in parts:
            items = tuple((k, p) for (k, _), p in zip(content.items, parts) if p is not None)
            copied = Struct(content.kind, items)
            if content.kind != "tuple":
                copied = low.new_cell(copied, content.kind)
    elif isinstance(content, Known) and isinstance(content.value, np.ndarray):
        copied = low.boxed(low.apply(np.copy, [content], {}, node))
    elif isinstance(content, Closure) or (
        isinstance(content, Known) and isinstance(content.value, _UNCHANGING)
    ):
        copied = content
    elif isinstance(content, Value) and isinstance(content.type, (Scalar, Array)):
        whole = isinstance(content.type, Array) and not content.type.item
        copied = low.boxed(low.apply(np.copy, [content], {}, node)) if whole else content
    elif isinstance(content, Value) and isinstance(content.type, ListOf):
        if isinstance(content.type.elem, Scalar):
            copied = low.new_cell(content, "list")
    elif isinstance(content, Value) and content.type == UNKNOWN:
        raise low.decided_by_type("whether a copy of this shares memory with it", node)
    special = low.special_of(binding)
    if special is not None and copied is not None:
        copied = low.made_special(copied, special)
    if key is not None and copied is not None:
        made[key] = copied
    return copied


def _deep_object(
    low: Any, owner: Binding, content: Struct, made: dict[Any, Binding], node: gast.AST
) -> Binding | None:
    method = low.special_method(owner, "__deepcopy__", node)
    if method is not None:
        memo = low.new_cell(Struct("dict", ()), "memo")
        copied: Binding = low.call_binding(method, [memo], {}, node)
        return copied
    new: Ref = low.object_with(class_of(content), [])
    if isinstance(owner, Ref):
        made[owner.key()] = new  # its parts may lead back to it
    held: list[tuple[str, Binding]] = []
    for name, value in _attributes(low, owner, content, node):
        part = _deep(low, value, made, node)
        if part is None:
            raise low.unsupported(
                node, f"a copy of the attribute `{name}` cannot be differentiated",
                "what `copy.deepcopy` makes of it is not known while compiling",
                "make the new object by hand",
            )  # fmt: skip
        held.append((name, part))
    low.frame.vars[new.cell] = Struct("object", ((CLASS, Known(class_of(content))), *held))
    return new


COPIES: dict[Any, Any] = {copy.copy: _copy, copy.deepcopy: _deepcopy}
