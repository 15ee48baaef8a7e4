"""The parameters of the function that is compiled, as bindings.

What holds afterwards: containers are taken apart into their leaves, so that a path of argnums
names one value; objects of users' classes are cells, whose attributes are read where the code
reads them. Only what argnums ask for is read at once: calls hand it on as a value. What was
assumed of the objects is checked at each call.
"""

from __future__ import annotations

import enum
import operator
import types
from collections.abc import Mapping
from typing import Any

from srcad.ir import ops as O
from srcad.ir.abstract import (
    OBJECT,
    STR,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    Scalar,
    TupleOf,
    Type,
    differentiable,
    type_of_constant,
    type_of_value,
)
from srcad.ir.values import Attribute, Const, Param, Value
from srcad.parser.bindings import CLASS, SOURCE, Binding, Cell, Known, ObjectParam, Ref, Struct
from srcad.parser.calls.measures import MOST_TURNS
from srcad.parser.memory.storage import is_mutable
from srcad.parser.objects import classes
from srcad.parser.source import own_signature
from srcad.pristine import np

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

Path = tuple[Any, ...]  # the keys and attributes that lead from a parameter to a part of it


class ArgumentLowering(_Base):
    def parameters(
        self,
        function: types.FunctionType,
        types_of: Mapping[str, Type],
        statics: Mapping[str, Any],
        examples: Mapping[str, Any],
    ) -> tuple[list[Param], dict[str, Any]]:
        """(the parameters, per parameter the tree of its input values)."""
        params: list[Param] = []
        inputs: dict[str, Any] = {}
        frame = self.frame
        for p in own_signature(function).parameters.values():
            default = None
            variadic = p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
            if p.default is not p.empty:
                self.assumptions.add("default", function, p.name, p.default)
                default = Const.of(p.default) if _printable(p.default) else None
                if self.cache_of(p.default) is not None:  # it counts as empty anyway
                    default = Const.of(None)
            t = types_of.get(p.name)
            if variadic:
                t = t or (TupleOf(()) if p.kind is p.VAR_POSITIONAL else DictOf(()))
            elif p.name in statics:
                frame.vars[p.name] = Known(statics[p.name])
                t = type_of_constant(statics[p.name])
            elif t is None:
                frame.vars[p.name] = self.cache_of(p.default) or Known(p.default)
                t = type_of_constant(p.default)
            value = Value(t, p.name, named=True)
            params.append(Param(value, p.name, p.kind.name, default))
            self.param_origins[value] = {p.name}
            if p.name not in frame.vars:
                example = examples.get(p.name)
                frame.vars[p.name] = self.exploded(value, p.name, p.name, (), example)
                inputs[p.name] = self.input_tree(frame.vars[p.name])
        return params, inputs

    # ------------------------------------------------------------------ parts
    def exploded(
        self, value: Value, name: str, root: str, path: Path, example: Any
    ) -> Binding:
        """The binding of a parameter, or of a part of it."""
        t = value.type
        if isinstance(t, TupleOf) and example is not None and classes.is_namedtuple(type(example)):
            return self.namedtuple_argument(value, name, root, path, example)
        if isinstance(t, TupleOf) and t.elems is not None:
            keys: list[tuple[Any, Type]] = list(enumerate(t.elems))
            kind = "tuple"
        elif isinstance(t, DictOf):
            keys, kind = list(t.items), "dict"
        elif self.is_list_of_parts(t, example, root, path):
            keys, kind = [(i, type_of_value(e)) for i, e in enumerate(example)], "list"
            self.argument_assumptions.append((root, path, "length", len(example)))
            for i, part in keys:  # the type of a list does not tell its elements apart
                self.argument_assumptions.append((root, (*path, i), "type", part))
        elif t in (OBJECT, STR):
            if isinstance(example, enum.Enum):
                self.argument_assumptions.append((root, path, "is", example))
                return Known(example)
            if example is not None and classes.is_own(type(example)):
                return self.object_argument(value, name, root, path, example)
            return ObjectParam(value, root, path, example)
        elif is_mutable(t):
            self.note_size(value, root, path, example)
            return self.memory_of_part(value, value, name, root, path)
        else:
            return value
        parts = []
        for key, part in keys:
            leaf = self.builder.emit1(O.FIELD, (value,), part, f"{name}_{key}", {"key": key})
            leaf.name = str(key) if str(key).isidentifier() else f"{name}_{key}"
            leaf.named = True
            self.param_origins[leaf] = {root} if not _within_object(path) else set()
            held = None if example is None else example[key]
            inner = (*path, key)
            parts.append((key, self.exploded(leaf, leaf.name, root, inner, held)))
        made = Struct(kind, tuple(parts))
        if kind == "tuple":
            return made
        return self.memory_of_part(made, value, name, root, path)

    def memory_of_part(
        self, content: Binding, value: Value, name: str, root: str, path: Path
    ) -> Ref:
        """The memory of an argument or a part of it; what an object holds must not be written."""
        if _within_object(path):
            return self.new_cell(content, name, f"an attribute of `{root}`")  # type: ignore[no-any-return]
        return self.argument_cell(content, value, name)  # type: ignore[no-any-return]

    def is_list_of_parts(self, t: Type, example: Any, root: str, path: Path) -> bool:
        """Whether a list is taken apart: one of objects or containers, or with a wanted element."""
        if not isinstance(t, ListOf) or type(example) is not list or not example:
            return False
        here = (root, *path)
        parts = [type_of_value(e) for e in example]
        if self.precision and len(example) <= MOST_TURNS and UNKNOWN not in parts:
            return True
        if any(len(w) > len(here) and w[: len(here)] == here for w in self.wanted_paths):
            return True
        if any(here[: len(w)] == w for w in self.wanted_paths):
            structured = [_is_structured(e, p) for e, p in zip(example, parts)]
            numbers = map(differentiable, parts)
            return any(structured) and all(map(operator.or_, structured, numbers))
        return any(isinstance(p, (TupleOf, DictOf)) for p in parts) or any(
            classes.is_own(type(e)) for e in example
        )

    def note_size(self, value: Value, root: str, path: Path, example: Any) -> None:
        """Assume that an argument has the size and the order that it has in this call."""
        if not self.precision or type(example) not in (np.ndarray, list):
            return
        if type(example) is list:
            self.sizes[value] = (len(example),)
            self.argument_assumptions.append((root, path, "length", len(example)))
        else:
            self.sizes[value] = example.shape
            self.argument_assumptions.append((root, path, "shape", example.shape))
            if example.flags.c_contiguous:
                self.contiguous.add(value)
                self.argument_assumptions.append((root, path, "contiguous", True))

    # ------------------------------------------------------------------ objects
    def object_argument(
        self, value: Value, name: str, root: str, path: Path, example: Any
    ) -> Ref:
        """An object of the caller; one cell for each place that it is read from."""
        cell = self.argument_cells.get((root, path))
        if cell is None:
            origin = "argument" if not path else f"an object that `{root}` holds"
            cell = self.argument_cells[(root, path)] = Cell(name, origin)
        self.argument_assumptions.append((root, path, "class", type(example)))
        if cell not in self.frame.vars:
            source = ObjectParam(value, root, path, example)
            fields: list[tuple[str, Binding]] = [(CLASS, Known(type(example))), (SOURCE, source)]
            for attribute in classes.instance_names(example):
                inner = (*path, Attribute(attribute))
                here = (root, *inner)
                if here in self.stored_paths or self.is_wanted(here, getattr(example, attribute)):
                    part = self.object_attribute(source, attribute, None)
                    fields.append((attribute, self.boxed(part, attribute)))
            self.frame.vars[cell] = Struct("object", tuple(fields))
            if not path:
                self.share_arguments(cell, example)
        return Ref(cell)

    def namedtuple_argument(
        self, value: Value, name: str, root: str, path: Path, example: Any
    ) -> Ref:
        """A namedtuple of the caller; it cannot change, so its fields are read at once."""
        self.argument_assumptions.append((root, path, "class", type(example)))
        fields: list[tuple[str, Binding]] = [(CLASS, Known(type(example)))]
        for field in type(example)._fields:
            part, t = getattr(example, field), type_of_value(getattr(example, field))
            attrs = {"key": field, "attribute": True}
            inner = (*path, Attribute(field))
            self.argument_assumptions.append((root, inner, "type", t))
            leaf = self.builder.emit1(O.FIELD, (value,), t, field, attrs)
            leaf.named = True
            held = self.exploded(leaf, field, root, inner, part)
            fields.append((field, held))
        return self.new_cell(Struct("object", tuple(fields)), name)  # type: ignore[no-any-return]

    def share_arguments(self, cell: Cell, example: Any) -> None:
        """Two parameters may be one object: a matter only if one is written."""
        for (_, path), other in self.argument_cells.items():
            if not path and other is not cell:
                cell.share(other)

    def is_wanted(self, here: Path, value: Any) -> bool:
        """Whether argnums ask for this attribute, for a part of it, or for all of its object."""
        for wanted in self.wanted_paths:
            if len(wanted) >= len(here) and wanted[: len(here)] == here:
                return True
            if len(wanted) < len(here) and here[: len(wanted)] == wanted:
                return _has_numbers(value)
        return False

    def attribute_value(
        self, owner: ObjectParam, name: str, t: Type, example: Any, path: Path
    ) -> Binding:
        """A read of an attribute at run time, taken apart."""
        value = self.builder.emit1(
            O.FIELD, (owner.value,), t, name, {"key": name, "attribute": True}
        )
        value.named = True
        if is_mutable(t):
            self.external[value] = f"an attribute of `{owner.name}`"
        self.argument_assumptions.append((owner.name, path, "type", t))
        if isinstance(t, (Scalar, Array)):
            return value  # type: ignore[no-any-return]
        return self.exploded(value, name, owner.name, path, example)

    # ------------------------------------------------------------------ the trees of inputs
    def input_tree(self, binding: Binding) -> Any:
        held = self.object_of(binding)
        if held is not None:
            source = dict(held.items).get(SOURCE)
            if source is None:  # a namedtuple
                return {Attribute(k): self.input_tree(b) for k, b in held.items if k != CLASS}
            here = (source.name, *source.path)
            fields = [
                (k, b)
                for k, b in held.items
                if k not in (CLASS, SOURCE)
                and self.is_wanted((*here, Attribute(k)), getattr(source.example, k))
            ]
            if not fields:
                return source.value
            return {Attribute(k): self.input_tree(b) for k, b in fields}
        content = self.deref(binding)
        if isinstance(content, Struct):
            if content.kind == "dict":
                return {k: self.input_tree(b) for k, b in content.items}
            parts = [self.input_tree(b) for b in content.parts]
            return parts if content.kind == "list" else tuple(parts)
        if isinstance(content, ObjectParam):
            return content.value
        return content


def _is_number(t: Type) -> bool:
    return isinstance(t, Scalar) or (isinstance(t, Array) and t.item)


def _is_structured(value: Any, t: Type) -> bool:
    """Whether a part of a list is an array, a container or an object: no plain number."""
    return classes.is_own(type(value)) or (differentiable(t) and not _is_number(t))


def _within_object(path: Path) -> bool:
    return any(isinstance(key, Attribute) for key in path)


def _has_numbers(value: Any, around: tuple[int, ...] = ()) -> bool:
    """Whether an attribute is, or holds, real numbers that a gradient can be taken in."""
    if id(value) in around:
        return False
    around = (*around, id(value))
    if isinstance(value, (list, tuple)):
        return any(_has_numbers(v, around) for v in value)
    if isinstance(value, dict):
        return any(_has_numbers(v, around) for v in value.values())
    if isinstance(value, (float, complex, np.ndarray, np.generic)):
        return differentiable(type_of_value(value))
    if classes.is_own(type(value)):
        names = classes.instance_names(value)
        return any(_has_numbers(getattr(value, n), around) for n in names)
    return False


def _printable(value: Any) -> bool:
    return value is None or type(value) in (bool, int, float, complex, str)
