"""Attributes that a class decides: descriptors, `__getattr__`, deletion, and all of them at once.

What holds afterwards: an attribute that a method of the class computes is a call of that method.
What reads all attributes of an object (`vars`, `dataclasses.asdict`) is made of those it has here.
"""

from __future__ import annotations

import dataclasses
import operator
import types
from typing import Any

import gast

from srcad.ir.abstract import Array
from srcad.ir.values import Value
from srcad.parser.bindings import (
    CLASS,
    SOURCE,
    Binding,
    Cell,
    Known,
    Poison,
    Ref,
    Struct,
    class_of,
    describe,
)
from srcad.parser.containers.container_bases import ITEMS
from srcad.parser.objects import classes
from srcad.pristine import np

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_ORDERED = """
result = last(a, b)
for x, y in pairs:
    if x != y:
        result = strict(x, y)
"""
_STRICT = {
    operator.lt: operator.lt, operator.le: operator.lt,
    operator.gt: operator.gt, operator.ge: operator.gt,
}  # fmt: skip


class AttributeLowering(_Base):
    # ------------------------------------------------------------------ decided by methods
    def from_descriptor(
        self, found: Any, owner: Binding, cls: type, node: gast.AST
    ) -> Binding | None:
        """What `__get__` of a user's descriptor gives; None if it has none written in Python."""
        method = getattr(type(found), "__get__", None)
        if not isinstance(method, types.FunctionType) or isinstance(found, types.FunctionType):
            return None
        self.assume_class(type(found), "__get__")
        result: Binding = self.call_binding(
            Known(method), [Known(found), owner, Known(cls)], {}, node
        )
        return result

    def into_descriptor(
        self, found: Any, owner: Binding, value: Binding | None, node: gast.AST
    ) -> bool:
        """Call `__set__` of a user's descriptor, or without a value `__delete__`."""
        name = "__delete__" if value is None else "__set__"
        method = getattr(type(found), name, None)
        if not isinstance(method, types.FunctionType):
            return False
        self.assume_class(type(found), name)
        given = [Known(found), owner] if value is None else [Known(found), owner, value]
        self.call_binding(Known(method), given, {}, node)
        return True

    def made_up(self, owner: Binding, cls: type, name: str, node: gast.AST) -> Binding | None:
        """What `__getattr__` gives for an attribute that is not there; None without one."""
        _, found = classes.find(cls, "__getattr__")
        if not isinstance(found, types.FunctionType):
            return None
        self.assume_class(cls, "__getattr__")
        result: Binding = self.call_binding(Known(found), [owner, Known(name)], {}, node)
        return result

    # ------------------------------------------------------------------ deleted
    def delete_attribute(self, owner: Binding, name: str, node: gast.AST) -> None:
        """`del owner.name`."""
        content = self.object_of(owner)
        if content is None or not isinstance(owner, Ref):
            raise self.unsupported(
                node, "this `del` cannot be differentiated",
                f"its owner is {describe(self.deref(owner))}",
                "delete names, elements of lists and dictionaries, and attributes of objects "
                "that the function made",
            )  # fmt: skip
        cls = class_of(content)
        _, found = classes.find(cls, name)
        if isinstance(found, property) and found.fdel is not None:
            self.assume_class(cls, name)
            self.call_binding(Known(found.fdel), [owner], {}, node)
            return
        if self.into_descriptor(found, owner, None, node):
            return
        fields = dict(content.items)
        held = fields.get(name)
        if isinstance(held, Poison):
            raise self.of_many_kinds(name, held, self.loc(node))
        if SOURCE in fields:
            raise self.unsupported(
                node, f"`{name}` of an object of the caller is deleted here",
                "a derivative would delete it once more", "leave the attribute alone",
            )  # fmt: skip
        if held is None or classes.is_frozen(cls):
            raise self.python_raises(
                AttributeError(name), node, f"`{name}` of this `{cls.__name__}` cannot be deleted",
                "Python raises AttributeError here", "set it first",
            )  # fmt: skip
        del fields[name]
        self.write(owner, Struct("object", tuple(fields.items())), node)

    # ------------------------------------------------------------------ all of them
    def attributes_of(self, owner: Binding, node: gast.AST) -> Binding | None:
        """`vars(owner)`: a dictionary of what the object holds now; a store goes to the object."""
        content = self.object_of(owner)
        if content is None or not isinstance(owner, Ref):
            return None
        items = tuple((k, b) for k, b in content.items if k != CLASS)
        if any(k in (SOURCE, ITEMS) or isinstance(b, Poison) for k, b in items):
            raise self.unsupported(
                node, "all attributes of this object are read at once",
                "which it has is not known while compiling", "read them by name",
            )  # fmt: skip
        made = self.new_cell(Struct("dict", items), "attributes", "the attributes of an object")
        made.cell.share(owner.cell)  # it would change with the object
        self.attribute_owners[made.cell] = owner
        return made  # type: ignore[no-any-return]

    def write_attributes(self, cell: Cell, content: Binding, node: gast.AST) -> None:
        """`vars(owner)` is changed, and so the object."""
        owner = self.attribute_owners[cell]
        cls = class_of(self.object_of(owner))
        if not isinstance(content, Struct) or not all(isinstance(k, str) for k, _ in content.items):
            raise self.unsupported(
                node, "the attributes of an object are changed all at once",
                "which it has then is not known while compiling", "set them by name",
            )  # fmt: skip
        held = tuple((k, self.boxed(b, k)) for k, b in content.items)
        self.write(owner, Struct("object", ((CLASS, Known(cls)), *held)), node)
        self.frame.vars[cell] = Struct("dict", held)

    def as_data(self, binding: Binding, whole: str, node: gast.AST) -> Binding:
        """`dataclasses.asdict` (`whole` is "dict") or `astuple` of a dataclass, all the way down.
        """
        content = self.deref(binding)
        if isinstance(content, Struct) and content.kind == "object":
            cls = class_of(content)
            if not dataclasses.is_dataclass(cls):
                raise self.unsupported(
                    node, f"an object of the class `{cls.__name__}` is copied here",
                    "it is no dataclass, so that `copy.deepcopy` decides what the copy is",
                    "make the dictionary or the tuple by hand",
                )  # fmt: skip
            names = [f.name for f in dataclasses.fields(cls)]
            parts = [self.as_data(self.attribute(binding, n, node), whole, node) for n in names]
            if whole == "dict":
                return self.new_cell(Struct("dict", tuple(zip(names, parts))), "table")  # type: ignore[no-any-return]
            return self.new_sequence("tuple", parts)  # type: ignore[no-any-return]
        if isinstance(content, Struct):
            copied = Struct(
                content.kind, tuple((k, self.as_data(b, whole, node)) for k, b in content.items)
            )
            return copied if content.kind == "tuple" else self.new_cell(copied, content.kind)  # type: ignore[no-any-return]
        if isinstance(content, Value) and isinstance(content.type, Array) and not content.type.item:
            return self.apply(np.copy, [binding], {}, node)  # type: ignore[no-any-return]
        return content  # type: ignore[no-any-return]

    # ------------------------------------------------------------------ order
    def fields_ordered(
        self, fn: Any, left: list[Binding], right: list[Binding], node: gast.AST
    ) -> Binding:
        """`left < right` (or another order) of sequences of one length, element by element."""
        pairs: list[Binding] = [
            Struct.sequence("tuple", pair) for pair in zip(left[-2::-1], right[-2::-1])
        ]
        last = (left[-1], right[-1]) if left else (Known(0), Known(0))
        result: Binding = self.lower_text(
            _ORDERED, node, a=last[0], b=last[1], last=Known(fn), strict=Known(_STRICT[fn]),
            pairs=Struct.sequence("tuple", pairs),
        )  # fmt: skip
        return result


def _vars(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    return low.attributes_of(args[0], node) if len(args) == 1 and not kwargs else None


def _asdict(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    if len(args) != 1 or kwargs or low.object_of(args[0]) is None:
        return None
    return low.as_data(args[0], "dict", node)  # type: ignore[no-any-return]


def _astuple(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    if len(args) != 1 or kwargs or low.object_of(args[0]) is None:
        return None
    return low.as_data(args[0], "tuple", node)  # type: ignore[no-any-return]


def _object_setattr(
    low: Any, args: list[Binding], kwargs: Any, node: gast.AST
) -> Binding | None:
    """`object.__setattr__(self, name, value)`, by which frozen classes set their attributes."""
    content = low.object_of(args[0]) if len(args) == 3 and not kwargs else None
    if content is None:
        return None
    name = low.deref(args[1])
    if not isinstance(name, Known) or not isinstance(name.value, str):
        return None
    if classes.is_frozen(class_of(content)):
        low.put_attribute(args[0], name.value, args[2], node)
    else:
        low.store_plainly(args[0], content, name.value, args[2], node)
    return Known(None)


def _object_delattr(
    low: Any, args: list[Binding], kwargs: Any, node: gast.AST
) -> Binding | None:
    name = low.deref(args[1]) if len(args) == 2 and not kwargs else None
    if not isinstance(name, Known) or not isinstance(name.value, str):
        return None
    low.delete_attribute(args[0], name.value, node)
    return Known(None)


ATTRIBUTE_CALLS: dict[Any, Any] = {
    vars: _vars, dataclasses.asdict: _asdict, dataclasses.astuple: _astuple,
    object.__setattr__: _object_setattr, delattr: _object_delattr,
}  # fmt: skip
