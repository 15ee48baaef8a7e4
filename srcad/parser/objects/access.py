"""Attributes and subscripts to IR, and bindings as operands of operations.
"""

from __future__ import annotations

import enum
import operator
import types
import typing
from collections import OrderedDict
from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.abstract import (
    INT,
    NONE,
    OBJECT,
    ONE,
    SLICE,
    STR,
    UNDEF,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    Scalar,
    TableOf,
    TupleOf,
    Type,
    join,
    kind_of,
    rank_of,
    type_of_value,
)
from srcad.ir.values import Attribute, Const, Operand, Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Cell,
    Choice,
    Closure,
    Known,
    LazyIterable,
    ObjectParam,
    Ref,
    Step,
    Struct,
    class_of,
    describe,
)
from srcad.parser.calls import opaque
from srcad.parser.calls.builtin_calls import CONTAINERS, python_type
from srcad.parser.calls.methods import CONTAINER_METHODS, WRITING_METHODS
from srcad.parser.containers import grids, reading
from srcad.parser.containers.container_bases import shows_itself
from srcad.parser.expressions import _PLAIN_ERRORS
from srcad.parser.frames import is_data, mangled
from srcad.parser.memory.stand_ins import Held
from srcad.parser.objects import classes
from srcad.pristine import np
from srcad.rules import packages
from srcad.rules.custom import CustomFunction
from srcad.rules.registry import ARRAY
from srcad.rules.symbols import apply_operands, field_of, getitem_operands, pack

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object
_GENERIC = (tuple, list, dict, set, frozenset, type)  # `tuple[int, ...]` is a type again


def _is_generic(value: Any) -> bool:
    """Whether an index of this gives a type again."""
    return any(value is t for t in _GENERIC) or (
        isinstance(value, type) and issubclass(value, typing.Generic)  # type: ignore[arg-type]
    )


class AccessLowering(_Base):
    def attribute_name(self, node: gast.Attribute) -> str:
        return mangled(node.attr, self.frame.class_name)

    def expr_Attribute(self, node: gast.Attribute) -> Binding:
        name = self.attribute_name(node)
        if self.is_super(node.value):
            return self.super_attribute(node.value, name, node)
        return self.attribute(self.expression(node.value), name, node)

    def attribute(self, owner: Binding, name: str, node: gast.AST) -> Binding:
        if isinstance(owner, Known):
            return self.known_attribute(owner.value, name, node)
        if isinstance(owner, Choice):
            return self.either(owner, lambda b: self.attribute(b, name, node), node)
        if isinstance(owner, Closure):
            return self.closure_attribute(owner, name, node)
        if isinstance(owner, LazyIterable):
            return self.iterator_attribute(owner, name, node)
        owner = self.boxed(owner)
        content = self.deref(owner)
        if name == "__class__" and isinstance(content, (Value, Struct)):
            return self.call_known(type, [owner], {}, node)
        special = self.special_attribute(owner, name, node)
        if special is not None:
            return special
        if isinstance(content, Value):
            return self.value_attribute(content, name, node, owner)
        if isinstance(content, Struct) and content.kind == "object":
            return self.instance_attribute(owner, content, name, node)
        if isinstance(content, Struct) and isinstance(owner, (Ref, Struct)):
            return self.container_attribute(owner, content, name, node)
        if isinstance(owner, ObjectParam):
            return self.object_attribute(owner, name, node)
        raise self.unsupported(
            node, f"the attribute `{name}` of {describe(owner)} cannot be differentiated",
            "srcad does not know what it is", "use a number, an array or a container",
        )  # fmt: skip

    def container_attribute(
        self, owner: Binding, content: Struct, name: str, node: gast.AST
    ) -> Binding:
        """A method of a tuple, list or dictionary, not called yet."""
        if name in CONTAINER_METHODS[content.kind]:
            return BoundMethod(owner, name)
        ordered = content.kind == "dict" and hasattr(OrderedDict, name)
        if self.special_of(owner) is None and not ordered:
            self.check_attribute(CONTAINERS[content.kind], name, node)
        raise self.unsupported(
            node, f"the method `{name}` of a {content.kind} cannot be differentiated",
            f"srcad knows {', '.join(sorted(CONTAINER_METHODS[content.kind]))}",
            "write it with these",
        )  # fmt: skip

    def check_attribute(self, kind: type, name: str, node: gast.AST) -> None:
        """Values of a class of Python or NumPy have the attributes of the class alone."""
        if not hasattr(kind, name):
            what = f"'{kind.__name__}' object has no attribute '{name}'"
            raise self.python_raises(
                AttributeError(what), node, what, "Python raises AttributeError here",
                "correct the name, or pass what has it",
            )  # fmt: skip

    def check_all_have(self, name: str, node: gast.AST) -> None:
        """Refuse an attribute that a value of unknown type may not have."""
        if not all(hasattr(kind, name) for kind in (float, np.float64, np.ndarray, list)):
            raise self.decided_by_type(f"whether this has an attribute `{name}`", node)

    def known_attribute(self, owner: Any, name: str, node: gast.AST) -> Binding:
        set_here = self.attribute_now(owner, name)
        if set_here is not None:
            return set_here  # type: ignore[no-any-return]
        kind = self.class_of_binding(Known(owner))
        if kind is not None:
            found = self.known_instance_attribute(owner, kind, name, node)
            if found is not None:
                return found
        if isinstance(owner, frozenset) and hasattr(set, name) and not hasattr(owner, name):
            raise self.unsupported(
                node, f"`{name}` of a set of constants cannot be differentiated",
                "srcad takes it for one that does not change",
                "make it with `set()`, or use a list",
            )  # fmt: skip
        try:
            value = getattr(owner, name)
        except AttributeError as error:
            raise self.python_raises(
                error, node, str(error), "Python raises AttributeError here", "correct the name"
            ) from None
        if isinstance(owner, np.ufunc):  # nobody can change what its attributes are
            return Known(value)
        if isinstance(owner, types.ModuleType):
            packages.met(owner)
            followed = self.global_now(vars(owner), name)
            if followed is not None:
                return followed
            if is_data(value) and not isinstance(value, np.ndarray) and _constant_module(owner):
                return Known(value)  # math.pi, np.inf
            if is_data(value):
                t = type_of_value(value)
                self.assumptions.add_type("attribute", owner, name, t)
                return self.global_value(("attribute", id(owner), name), t, name, owner, None)
        self.assumptions.add("attribute", owner, name, value)
        if isinstance(value, Held):
            return value.binding
        cache: Binding | None = self.cache_of(value)
        return Known(value) if cache is None else cache

    def value_attribute(self, owner: Value, name: str, node: gast.AST, holder: Binding) -> Binding:
        """An attribute of a number or array; `holder` is the reference to it, if there is one."""
        t = owner.type
        python = python_type(t)
        if python is not None:
            self.check_attribute(python, name, node)
        elif t == UNKNOWN and self.catcher_of(AttributeError) is not None:
            self.check_all_have(name, node)
        if isinstance(t, ListOf) and name in CONTAINER_METHODS["list"]:
            return BoundMethod(holder, name)
        if isinstance(t, TableOf) and name in CONTAINER_METHODS["dict"]:
            return BoundMethod(holder, name)
        if isinstance(t, Scalar):
            if name in ("real", "imag", "conjugate") or name in ("is_integer",):
                fn = ARRAY.attributes.get(name)
                if fn is not None:
                    return self.apply(fn, [owner], {}, node)
        if name == "ndim" and rank_of(t) is not None:
            return Known(rank_of(t))
        if name == "size" and isinstance(t, Array) and t.dims is not None:
            if all(d is ONE for d in t.dims):
                return Known(1)
        if name == "shape" and isinstance(t, Array) and t.dims is not None:
            shape = self.apply(np.shape, [owner], {}, node)
            if isinstance(shape, Struct):
                return shape
            shape = self.as_value(shape)
            sizes = [Known(1) if d is ONE else self.item(shape, i) for i, d in enumerate(t.dims)]
            return Struct.sequence("tuple", sizes)
        if name == "dtype" and isinstance(t, Array) and t.dtype is not None:
            return Known(np.dtype(t.dtype))
        if name == "real" and isinstance(t, Array) and kind_of(t) in ("b", "i", "f"):
            return holder  # a view of all of it
        if name == "T" and isinstance(holder, Ref):
            seen = self.view(holder, Step("transpose", (Const.of(None),)))
            if seen is not None:
                return seen
        if name == "flat" and isinstance(holder, Ref):
            return self.flat(holder, node)
        fn = ARRAY.attributes.get(name)
        if fn is not None:
            return self.apply(fn, [holder], {}, node)
        if name in ARRAY.methods or name in WRITING_METHODS:
            return BoundMethod(holder, name)
        if name == "__getitem__" and (t == UNKNOWN or isinstance(t, Array)):
            return BoundMethod(holder, name)
        method = opaque.method(self, owner, name)
        if method is not None:
            return method
        if t == UNKNOWN:
            raise self.unsupported(
                node, f"the attribute `{name}` cannot be followed here",
                "what it is an attribute of is not known while compiling",
                "read it outside of the function, and pass what it gives",
            )  # fmt: skip
        raise self.unsupported(
            node, f"the attribute `{name}` of {describe(owner)} has no derivative rule",
            "it is not in srcad's table", "use a NumPy function instead",
        )  # fmt: skip

    def object_attribute(self, owner: ObjectParam, name: str, node: gast.AST) -> Binding:
        """`self.w`: numbers and arrays are inputs of the function, the rest is static."""
        path = (*owner.path, Attribute(name))
        if owner.example is None:
            value = self.builder.emit1(
                O.FIELD, (owner.value,), UNKNOWN, name, {"key": name, "attribute": True}
            )
            return value
        try:
            example = getattr(owner.example, name)
        except AttributeError as error:
            raise self.python_raises(
                error, node, str(error), "Python raises AttributeError here", "correct the name"
            ) from None
        if isinstance(example, (types.MethodType, types.BuiltinMethodType)):
            function = getattr(example, "__func__", None)
            if not isinstance(function, (types.FunctionType, CustomFunction)):
                kind = type(owner.example)
                self.argument_assumptions.append((owner.name, owner.path, "class", kind))
                return Known(opaque.Method(owner, name))
        if isinstance(example, types.MethodType) and example.__self__ is owner.example:
            self.argument_assumptions.append((owner.name, path, "method", example.__func__))
            return Known(MethodOf(example.__func__, owner))
        if is_data(example):
            return self.attribute_value(owner, name, type_of_value(example), example, path)
        if isinstance(example, (tuple, list, dict)) or classes.is_own(type(example)):
            t = type_of_value(example)
            if t != OBJECT or classes.is_own(type(example)):
                return self.attribute_value(owner, name, t, example, path)
        if callable(example) or isinstance(example, (str, bool, type(None), type, enum.Enum)):
            self.argument_assumptions.append((owner.name, path, "is", example))
            return Known(example)
        value = self.builder.emit1(
            O.FIELD, (owner.value,), OBJECT, name, {"key": name, "attribute": True}
        )
        self.argument_assumptions.append((owner.name, path, "class", type(example)))
        return ObjectParam(value, owner.name, path, example)

    # ------------------------------------------------------------------ subscripts
    def expr_Slice(self, node: gast.Slice) -> Binding:
        parts = [
            Known(None) if p is None else self.expression(p)
            for p in (node.lower, node.upper, node.step)
        ]
        known = [p.value for p in parts if isinstance(p, Known)]
        if len(known) == len(parts):
            return Known(slice(*known))
        operands = tuple(self.operand(p, node) for p in parts)
        made = apply_operands(self.builder, slice, operands, {})
        assert isinstance(made, Value)
        self.slice_parts[made] = parts
        return made

    def expr_Subscript(self, node: gast.Subscript) -> Binding:
        owner = self.expression(node.value)
        with self.in_use([owner]):
            index = self.expression(node.slice)
        found = self.subscript(owner, index, node)
        if isinstance(found, Value) and found in self.external:
            return self.boxed(found, "element")  # a name or tuple that leads to it is then known
        return found

    def subscript(self, owner: Binding, index: Binding, node: gast.AST) -> Binding:
        found = self.on_either([owner, index], lambda o, i: self.subscript(o, i, node), node)
        if found is not None:
            return found
        if isinstance(owner, Known) and isinstance(owner.value, (np.ndarray, np.generic)):
            owner = self.as_binding(self.operand(owner, node))  # its contents are read live
        if isinstance(owner, Known) and reading.is_foreign(owner.value):
            key = self.settled(index)
            if isinstance(key, Known):
                return reading.read(self, operator.getitem, (owner.value, key.value), node)
        if isinstance(owner, Known) and isinstance(owner.value, grids.GRID):
            axes = grids.axes_of(self, index)
            if axes is not None:
                sparse = Known(owner.value is np.ogrid)
                return self.call_known(grids.grid, [axes, sparse], {}, node)
        if self.class_of_binding(owner) is not None:
            found = self.subscript_object(owner, index, node)
            if found is not None:
                return found
        index = self.settled(index)
        if isinstance(owner, Known) and isinstance(index, (Value, Struct)):
            if isinstance(owner.value, dict) and self.is_run_key(index):
                table = self.as_table_value(owner, node)
            else:
                table = self.table(owner.value)
            owner = owner if table is None else table
        owner = self.boxed(owner)  # what is a view of it is known by its memory
        if isinstance(owner, Ref) and owner.cell.special is not None:
            made = self.special_item(owner, index, node)
            if made is not None:
                return made
        holder, owner = owner, self.deref(owner)
        if isinstance(owner, Known) and isinstance(owner.value, dict) and isinstance(index, Struct):
            index = Known(self.static_key(index, node))
        if isinstance(owner, Known) and _is_generic(owner.value):
            given = index.parts if isinstance(index, Struct) else (index,)
            keys = tuple(part.value for part in given if isinstance(part, Known))
            if len(keys) == len(given):
                return Known(owner.value[keys if isinstance(index, Struct) else keys[0]])
        if isinstance(owner, Known) and isinstance(index, Known):
            if not isinstance(owner.value, (tuple, list, dict, str, bytes, range)):
                raise self.unsupported(
                    node, f"indexing {describe(owner)} cannot be differentiated yet",
                    "what its `__getitem__` gives may change without notice",
                    "index an array, a list, a tuple or a dictionary",
                )  # fmt: skip
            try:
                found = self.known_object(owner.value[index.value])
                if isinstance(index.value, slice) and isinstance(found, Known):
                    return self.new_of_constants(found, node)
                return found
            except (*_PLAIN_ERRORS,) as error:
                raise self.python_raises(
                    error, node, f"this look-up fails: {error!r}", "Python raises the same here",
                    "correct the index",
                ) from None  # fmt: skip
        if isinstance(owner, Struct) and owner.kind == "dict" and self.is_run_key(index):
            table = self.as_table_value(owner, node)
            if table is not None:
                self.note_held(Cell("table"), owner.parts)
                return self.table_entry(holder, table, index, node)
        if isinstance(owner, Value) and isinstance(owner.type, TableOf):
            return self.table_entry(holder, owner, index, node)
        if isinstance(owner, Value) and isinstance(owner.type, DictOf):
            if isinstance(index, Known) and index.value in dict(owner.type.items):
                return self.boxed(field_of(self.builder, owner, index.value))
        if isinstance(holder, Ref) and isinstance(index, Value):
            owner = self.with_places(holder, owner, index, node)
        if isinstance(owner, Struct):
            if owner.kind == "dict" and isinstance(index, Struct):
                index = Known(self.static_key(index, node))
            return self.struct_item(owner, index, node)
        if isinstance(owner, Known) and isinstance(owner.value, (list, tuple)):
            if isinstance(index, Value) and not self.counts(index):
                t = type_of_value(list(owner.value))
                if isinstance(t, ListOf) and isinstance(t.elem, Scalar):
                    key = ("object", id(owner.value))
                    owner = self.global_value(key, t, "table", None, owner.value)
        if isinstance(owner, Value):
            elems = owner.type.elems if isinstance(owner.type, TupleOf) else None
            if elems is not None and isinstance(index, Known) and type(index.value) is int:
                if -len(elems) <= index.value < len(elems):
                    return self.item(owner, index.value % len(elems))
            parts = self.index_operands(index, node)
            self.check_index(owner, parts, node)
            if isinstance(owner.type, Scalar):
                raise self.python_raises(
                    TypeError(), node, f"{describe(owner)} cannot be indexed",
                    "Python raises TypeError here", "index an array",
                )  # fmt: skip
            if isinstance(holder, Ref):
                seen = self.view(holder, Step("index", tuple(parts)))
                if seen is not None:
                    return seen
            found = getitem_operands(self.builder, owner, parts)
            if not parts or parts[0].type != SLICE:  # a slice of a list is a new list
                self.note_element(owner if holder is None else holder, found)
            return self.as_binding(found)
        raise self.unsupported(
            node, f"this subscript of {describe(owner)} cannot be differentiated yet",
            f"the index is {describe(index)}", "index an array or a tuple",
        )  # fmt: skip

    def check_index(self, owner: Value, parts: list[Operand], node: gast.AST) -> None:
        """What is no array may look up by any number, and depend on it smoothly."""
        opaque = owner in self.opaque_values
        for part in parts:
            kind = kind_of(part.type)
            if owner.type == UNKNOWN and (kind in ("f", "c") or (opaque and kind is None)):
                raise self.unsupported(
                    node, f"this subscript of {describe(owner)} cannot be differentiated",
                    f"the index is {describe(self.as_binding(part))}: it is no array that takes "
                    "this", "look it up by a function that srcad can follow",
                )  # fmt: skip

    def table(self, sequence: Any) -> Value | None:
        """A known list or tuple of numbers, or of such, as a value; None for anything else."""
        t = _table_type(sequence)
        if t is None:
            return None
        return self.global_value(("object", id(sequence)), t, "table", None, sequence)

    def struct_item(self, owner: Struct, index: Binding, node: gast.AST) -> Binding:
        if isinstance(index, Known):
            key = index.value
            if owner.kind == "dict":
                for k, part in owner.items:
                    if k == key and type(k) is type(key):
                        return part
            elif isinstance(key, slice):
                part = Struct.sequence(owner.kind, list(owner.parts)[key])
                return part if owner.kind == "tuple" else self.new_cell(part, "part")
            elif isinstance(key, (int, np.integer)) and -len(owner.items) <= key < len(owner.items):
                return owner.parts[int(key)]
            error = KeyError(key) if owner.kind == "dict" else IndexError("index out of range")
            raise self.python_raises(
                error, node, f"this {owner.kind} has no element {key!r}",
                "Python raises LookupError here", "correct the index",
            )  # fmt: skip
        if isinstance(index, Value):
            if owner.kind != "dict" and not self.counts(index):
                like = self.as_list_value(owner, node)
                if like is not None:
                    found = getitem_operands(self.builder, like, [index])
                    self.note_element(like, found)
                    return self.as_binding(found)
            self.require_static(index, node, f"an index of a {owner.kind}")
        raise self.unsupported(
            node, f"a {owner.kind} is indexed by a run-time value",
            "which element is read is not known while compiling",
            "use an array: np.stack(...)[i] or np.array(...)[i]",
        )  # fmt: skip

    def index_operands(self, index: Binding, node: gast.AST) -> list[Operand]:
        if isinstance(index, Struct) and index.kind == "tuple":
            return [self.index_operand(p, node) for p in index.parts]
        if isinstance(index, Known) and isinstance(index.value, tuple):
            return [self.index_operand(Known(v), node) for v in index.value]
        return [self.index_operand(index, node)]

    def index_operand(self, part: Binding, node: gast.AST) -> Operand:
        if isinstance(part, Known):
            if part.value is None or part.value is Ellipsis:
                return Const(part.value, NONE if part.value is None else OBJECT)
            if isinstance(part.value, slice):
                return Const(part.value, SLICE)
            if isinstance(part.value, list):
                return pack(self.builder, [Const.of(v) for v in part.value], "list")
        return self.operand(part, node)

    def item(self, value: Value, i: int, holder: Binding | None = None) -> Binding:
        """`value[i]`, for unpacking and for loops."""
        t = value.type
        if isinstance(holder, Ref):
            seen = self.view(holder, Step("index", (Const.of(i),)))
            if seen is not None:
                return seen
        if isinstance(t, TupleOf) and t.elems is not None and 0 <= i < len(t.elems):
            name = f"{value.name}_{i}"
            return self.builder.emit1(O.FIELD, (value,), t.elems[i], name, {"key": i})
        return self.as_binding(getitem_operands(self.builder, value, [Const.of(i)]))

    # ------------------------------------------------------------------ operands
    def operand(self, binding: Binding, node: gast.AST) -> Operand:
        """The operand of a binding; structures are packed.

        Raises
        ------
        UnsupportedSyntaxError
            If it is no data (a function, say).
        """
        binding = self.settled(self.certain(binding, node))
        if isinstance(binding, Value):
            return binding
        if isinstance(binding, Known):
            value = binding.value
            if isinstance(value, np.ndarray):
                t = type_of_value(value)
                return self.global_value(("object", id(value)), t, "constant", None, value)
            if isinstance(value, list):
                return pack(self.builder, [self.operand(Known(v), node) for v in value], "list")
            return Const.of(value)
        plain = self.plain_container(binding)
        if plain is not binding and not shows_itself(class_of(self.object_of(binding))):
            return self.operand(plain, node)
        if self.is_error_object(binding):
            return self.error_operand(self.object_of(binding), node)  # type: ignore[no-any-return]
        if isinstance(binding, Struct) and binding.kind != "dict":
            parts = [self.operand(p, node) for p in binding.parts]
            return pack(self.builder, parts, binding.kind)
        if isinstance(binding, ObjectParam):
            return binding.value
        if isinstance(binding, Choice):
            sides = (binding.then, binding.orelse)
            if _is_text(binding):
                texts = [self.operand(b, node) for b in sides]
                return self.select_if(binding.condition, *texts, STR)  # type: ignore[no-any-return]
        raise self.unsupported(
            node, f"{describe(binding)} cannot be used as a number here",
            "srcad cannot carry it through this operation", "pass numbers or arrays",
        )  # fmt: skip

    def as_binding(self, operand: Operand) -> Binding:
        return Known(operand.value) if isinstance(operand, Const) else operand

    def as_value(self, binding: Any) -> Value:
        """A binding or constant as an IR value (constants are materialised)."""
        binding = self.deref(self.certain(binding, gast.Pass()))
        if isinstance(binding, Value):
            return binding
        constant = binding if isinstance(binding, Const) else Const.of(binding.value)
        kind = int if constant.type == INT else float
        made = apply_operands(self.builder, kind, (constant,), {})
        assert isinstance(made, Value)
        return made

    def arithmetic(self, fn: Any, a: Any, b: Any) -> Operand:
        """Integer arithmetic of the parser's own (loop bounds)."""
        if isinstance(a, Const) and isinstance(b, Const):
            return Const.of(fn(a.value, b.value))
        return apply_operands(self.builder, fn, (a, b), {})


class MethodOf:
    """A method found on an object parameter: its function and the object, not called yet."""

    def __init__(self, function: Any, receiver: ObjectParam) -> None:
        self.function, self.receiver = function, receiver


def _table_type(sequence: Any) -> Type | None:
    """The type of a table of numbers: a list or tuple of numbers, arrays or tables."""
    if not isinstance(sequence, (list, tuple)) or not sequence:
        return None
    elem: Type = UNDEF
    for part in sequence:
        inner = _table_type(part) if isinstance(part, list) else type_of_value(part)
        if inner is None or not _is_numeric(inner):
            return None
        elem = join(elem, inner)
    return ListOf(elem)


def _is_numeric(t: Type) -> bool:
    if isinstance(t, TupleOf):
        return t.elems is not None and all(map(_is_numeric, t.elems))
    return isinstance(t, (Scalar, Array, ListOf))


def _is_text(binding: Binding) -> bool:
    """Whether this is a constant text, or one of several."""
    if isinstance(binding, Choice):
        return _is_text(binding.then) and _is_text(binding.orelse)
    return isinstance(binding, Known) and isinstance(binding.value, str)


def _constant_module(module: types.ModuleType) -> bool:
    return module.__name__ in ("math", "numpy", "cmath")
