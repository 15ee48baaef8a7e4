"""Dictionaries whose keys only the run knows: reads, stores, methods, loops over them.

What holds afterwards: the dictionary is one value of the IR (`TableOf`), and a store makes a new
one. A dictionary becomes such a value when it meets its first key of the run.
"""

from __future__ import annotations

import operator
from typing import Any

import gast

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import (
    UNDEF,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    Scalar,
    TableOf,
    TupleOf,
    Type,
    differentiable,
    join,
    type_of_constant,
    type_of_value,
)
from srcad.ir.values import Operand, Value
from srcad.parser.bindings import (
    Binding,
    Known,
    LazyIterable,
    Poison,
    Ref,
    Step,
    Struct,
)
from srcad.parser.control.comprehensions import placed
from srcad.parser.iterables.iteration import ONE_STEP, ZERO, Iteration
from srcad.rules.symbols import apply_operands, getitem_operands

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_GET = "result = table[key] if key in table else default\n"
_SETDEFAULT = """
if key not in table:
    table[key] = default
result = table[key]
"""
_UPDATE = """
for key, item in pairs:
    table[key] = item
result = None
"""


class TableLowering(_Base):
    # ------------------------------------------------------------------ from known keys to others
    def as_table_value(self, content: Any, node: gast.AST | None) -> Value | None:
        """A dictionary as one value of like elements; None if they are not alike."""
        if isinstance(content, Value):
            return content
        if isinstance(content, Known):
            t = table_type_of(content.value)
            if t is None:
                return None
            key = ("object", id(content.value))
            found: Value = self.global_value(key, t, "table", None, content.value)
            return found
        operands = self.like_operands(content.parts, node)
        if operands is None:
            return None
        key_type: Type = UNDEF
        elem: Type = UNDEF
        for k, o in zip((k for k, _ in content.items), operands, strict=True):
            key_type, elem = join(key_type, type_of_constant(k)), join(elem, o.type)
        attrs = {"container": "dict", "keys": tuple(k for k, _ in content.items)}
        made: Value = self.builder.emit1(
            O.PACK, operands, TableOf(key_type, elem), "table", attrs
        )
        return made

    def is_run_key(self, key: Binding) -> bool:
        """Whether a key is found out at run time, and shall not be asked for."""
        if isinstance(key, Struct) and key.kind == "tuple":
            values = [p for p in key.parts if isinstance(p, Value)]
            return bool(values) and not all(self.counts(v) for v in values)
        return isinstance(key, Value) and not self.counts(key)

    def require_table(self, content: Any, node: gast.AST) -> Value:
        """The dictionary as one value, or an error that says why it is none."""
        value = self.as_table_value(content, node)
        if value is None or (isinstance(value.type, TableOf) and value.type.elem == UNKNOWN):
            raise self.unsupported(
                node, "this dictionary has a key of the run, and elements that are not alike",
                "a single type has to describe all of its elements, since which of them is meant "
                "is not known while compiling",
                "keep numbers, arrays and lists in dictionaries of their own, or use constant keys",
            )  # fmt: skip
        return value

    def has_run_keys(self, binding: Binding) -> bool:
        """Whether what a dictionary is updated with has keys that only the run knows."""
        content = self.deref(binding)
        if isinstance(content, Value):
            return isinstance(content.type, TableOf)
        return isinstance(content, LazyIterable)

    def table_display(self, known: dict[Any, Binding], node: gast.Dict) -> Binding:
        """`{a: x, b: y}` from the first key on that only the run knows."""
        made = self.new_table(known)
        rest = list(zip(node.keys, node.values))
        start = 0
        for k, _ in rest:  # what is known already stands before
            if k is None or not isinstance(self.settled(self.expression(k)), Known):
                break
            start += 1
        for k, v in rest[start:]:
            if k is None:
                self.call_binding(
                    self.attribute(made, "update", node), [self.expression(v)], {}, node
                )
            else:
                self.store(made, self.expression(k), self.boxed(self.expression(v)), node)
        return made  # type: ignore[no-any-return]

    # ------------------------------------------------------------------ entries
    def table_entry(self, holder: Binding, table: Value, key: Binding, node: gast.AST) -> Binding:
        """`table[key]`."""
        operand = self.table_key(key, node)
        if isinstance(holder, Ref):
            place: Binding | None = self.view(holder, Step("index", (operand,)))
            if place is not None:
                return place
        found = getitem_operands(self.builder, table, [operand])
        self.note_element(holder, found)
        binding: Binding = self.as_binding(found)
        return binding

    def table_key(self, key: Binding, node: gast.AST) -> Operand:
        operand: Operand = self.operand(key, node)
        return operand

    def store_entry(
        self, owner: Ref, held: Any, key: Binding, value: Binding, node: gast.AST
    ) -> None:
        """`table[key] = value`."""
        if isinstance(held, Struct):
            held = self.require_table(held, node)
            self.write(owner, held, node)
        content = self.deref(value)
        if isinstance(content, Struct) and content.kind == "list":
            content = self.as_list_value(content, node)
            if content is None:
                self.refuse_write(owner, node)
        self.write(owner, content, node, [self.table_key(key, node)])
        self.note_held(owner.cell, [value])

    def table_contains(self, key: Binding, table: Value, node: gast.AST) -> Binding:
        """`key in table`."""
        found: Binding = self.apply(operator.contains, [table, key], {}, node)
        return found

    # ------------------------------------------------------------------ `v = table.get(key)`
    def optional_entry(self, node: gast.Assign | gast.If, rest: list[gast.stmt]) -> bool | None:
        """`v = table.get(key)` and `if v is None` as `if key in table`; None for all else.

        No type describes a value that may be None; here it is decided what it is.
        """
        if isinstance(node, gast.Assign):
            target, call = node.targets[0], node.value
            test, after = (rest[0] if rest else None), rest[1:]
            if len(node.targets) != 1 or not isinstance(test, gast.If):
                return None
            tested = _none_test(test.test, target)
        else:
            test, after = node, rest
            named = node.test.left if isinstance(node.test, gast.Compare) else None
            if not isinstance(named, gast.NamedExpr):
                return None
            target, call = named.target, named.value
            tested = _none_test(gast.Compare(target, node.test.ops, node.test.comparators), target)
        if tested is None or not _is_optional_read(call):
            return None
        owner = self.expression(call.func.value)
        if not self.is_dictionary(owner):
            return None
        key = self.settled(self.expression(call.args[0]))
        content = self.deref(owner)
        if not isinstance(content, Value) and not self.is_run_key(key):
            if not (isinstance(content, Struct) and self.special_of(owner) is not None):
                return None
        number = next(self.numbers)
        names = {f"table.{number}": owner, f"key.{number}": key}
        self.frame.locals |= set(names)
        self.frame.vars.update(names)
        table, place = (gast.Name(n, gast.Load(), None, None) for n in names)
        there: list[Any] = [gast.Assign([target], gast.Subscript(table, place, gast.Load()), None)]
        missing: list[Any] = [gast.Assign([target], gast.Constant(None, None), None)]
        (missing if tested else there).extend(test.body)
        (there if tested else missing).extend(test.orelse)
        made = gast.If(gast.Compare(place, [gast.In()], [table]), there, missing)
        placed(made, node)
        found: bool = self.block([made, *after])
        return found

    # ------------------------------------------------------------------ loops
    def keys_of(self, table: Value) -> Value:
        keys = apply_operands(self.builder, runtime.keys_of, (table,), {})
        assert isinstance(keys, Value)
        return keys

    def over_table(self, holder: Binding, table: Value, kind: str, node: gast.AST) -> Iteration:
        """A loop over the keys, the elements, or the pairs of both."""
        keys = self.keys_of(table)
        length = apply_operands(self.builder, len, (keys,), {})

        def element(low: Any, i: Operand) -> Binding:
            key = low.as_binding(getitem_operands(low.builder, keys, [i]))
            shown = low.shown_key(key)
            if kind == "keys":
                found: Binding = shown
                return found
            item = low.subscript(holder, key, node)
            return item if kind == "values" else Struct.sequence("tuple", [shown, item])

        return Iteration(ZERO, length, ONE_STEP, element, name="k")

    def shown_key(self, key: Binding) -> Binding:
        """A key as the program sees it: never a number that may carry a derivative."""
        if isinstance(key, Value) and differentiable(key.type):
            return Poison(
                "a key that is read back from a dictionary, where it may be a number that was "
                "differentiated: keys carry no derivative"
            )
        return key

    def refuse_keys(self, binding: Binding, node: gast.AST) -> None:
        """Refuse a dictionary or set as the operand of a function, which would read its keys.

        Raises
        ------
        UnsupportedSyntaxError
            Advising a list.
        """
        held = self.deref(binding)
        if isinstance(held, Value) and isinstance(held.type, TableOf):
            raise self.unsupported(
                node, "a function that reads the keys of a dictionary, or a set, cannot be "
                "differentiated", "keys carry no derivative, and they may be numbers that were "
                "differentiated", "give the function a list",
            )  # fmt: skip

    def over_table_view(self, it: LazyIterable, node: gast.AST) -> Any:
        owner = it.parts[0]
        content = self.deref(owner)
        if isinstance(content, Struct):  # the keys are known again
            handler = getattr(self, f"dict_{it.detail}")
            return self.iteration(handler(owner, content, [], {}, node), node)
        return self.over_table(owner, content, it.detail, node)

    # ------------------------------------------------------------------ methods
    def run_dict_keys(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        return LazyIterable("table_view", (owner,), "keys")

    def run_dict_values(
        self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        return LazyIterable("table_view", (owner,), "values")

    def run_dict_items(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        return LazyIterable("table_view", (owner,), "items")

    def run_dict_get(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        default = args[1] if len(args) > 1 else Known(None)
        found: Binding = self.lower_text(_GET, node, table=owner, key=args[0], default=default)
        return found

    def run_dict_setdefault(
        self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        default = args[1] if len(args) > 1 else Known(None)
        found: Binding = self.lower_text(
            _SETDEFAULT, node, table=owner, key=args[0], default=default
        )
        return found

    def run_dict_pop(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        if len(args) > 1:
            taken = self.run_dict_get(owner, held, args, kwargs, node)
        else:
            taken = self.table_entry(owner, held, self.settled(args[0]), node)
        taken = self.taken_out(owner, taken)
        key = self.table_key(args[0], node)
        self.write(owner, apply_operands(self.builder, runtime.without, (held, key), {}), node)
        return taken

    def run_dict_copy(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        made: Binding = self.new_cell(held, "table")
        return made

    def run_dict_clear(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        self.write(owner, Struct("dict", ()), node)
        return Known(None)

    def run_dict_update(
        self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        for given in args:
            self.add_pairs(owner, self.pairs_of(given, node), node)
        for name, value in kwargs.items():
            self.store(owner, Known(name), value, node)
        return Known(None)

    def pairs_of(self, given: Binding, node: gast.AST) -> Any:
        """What runs over the pairs of a dictionary, or over pairs."""
        if self.is_dictionary(given):
            if isinstance(self.deref(given), Known):
                given = self.call_known(dict, [given], {}, node)
            given = self.call_binding(self.attribute(given, "items", node), [], {}, node)
        return self.iteration(given, node)

    def add_pairs(self, owner: Binding, pairs: Any, node: gast.AST) -> None:
        """Store pairs of keys and elements into a dictionary."""
        self.lower_text(_UPDATE, node, table=owner, pairs=pairs)

    def is_dictionary(self, binding: Binding) -> bool:
        content = self.deref(binding)
        if isinstance(content, Struct):
            return content.kind == "dict"
        if isinstance(content, Known):
            return isinstance(content.value, dict)
        return isinstance(content, Value) and isinstance(content.type, TableOf)

    def joined_tables(self, left: Binding, right: Binding, node: gast.AST) -> Binding:
        """`left | right`, where some key is of the run."""
        first = self.require_table(self.deref(left), node)
        made = self.new_cell(first, "table")
        self.run_dict_update(made, first, [right], {}, node)
        return made  # type: ignore[no-any-return]


def _is_optional_read(call: Any) -> bool:
    """Whether it is `table.get(key)`, of a table that has a name."""
    if not isinstance(call, gast.Call) or call.keywords or not 1 <= len(call.args) <= 2:
        return False
    if len(call.args) == 2 and not _is_none(call.args[1]):
        return False
    method = call.func
    named = isinstance(method, gast.Attribute) and isinstance(method.value, gast.Name)
    return named and method.attr == "get" and not isinstance(call.args[0], gast.Starred)


def _none_test(test: Any, target: Any) -> bool | None:
    """Whether it is `target is None` (or `is not None`: False); None for another test."""
    if not isinstance(test, gast.Compare) or not isinstance(target, gast.Name):
        return None
    if not isinstance(test.left, gast.Name) or test.left.id != target.id:
        return None
    if len(test.ops) != 1 or not _is_none(test.comparators[0]):
        return None
    kinds = {gast.Is: True, gast.IsNot: False}
    return kinds.get(type(test.ops[0]))


def _is_none(node: Any) -> bool:
    return isinstance(node, gast.Constant) and node.value is None


def table_type_of(table: Any) -> TableOf | None:
    """The type of a dictionary of numbers, arrays, or tuples of these; None for another."""
    if type(table) is not dict or not table:
        return None
    key: Type = UNDEF
    elem: Type = UNDEF
    for k, v in table.items():
        key, elem = join(key, type_of_value(k)), join(elem, type_of_value(v))
    return TableOf(key, elem) if is_like(elem) else None


def is_like(elem: Type) -> bool:
    """Whether a type describes numbers, arrays, or lists and tuples of these."""
    if isinstance(elem, TupleOf):
        return elem.elems is not None and all(map(is_like, elem.elems))
    if isinstance(elem, DictOf):
        return all(is_like(t) for _, t in elem.items)
    if isinstance(elem, ListOf):
        return is_like(elem.elem)
    return isinstance(elem, (Scalar, Array))


def table_type(content: Binding | None, low: Any) -> Type:
    """The type of a dictionary's content, as one value of like elements."""
    if isinstance(content, Value):
        return content.type
    key: Type = UNDEF
    elem: Type = UNDEF
    if isinstance(content, Struct):
        for k, part in content.items:
            key = join(key, type_of_constant(k))
            elem = join(elem, low.type_of_part(part))
    return TableOf(key, elem)


def different_tables(a: Binding | None, b: Binding | None) -> bool:
    """Whether both are dictionaries, and not of the same known keys."""
    kinds = [isinstance(x, Struct) and x.kind == "dict" for x in (a, b)]
    values = [isinstance(x, Value) and isinstance(x.type, TableOf) for x in (a, b)]
    if all(kinds):
        return [k for k, _ in a.items] != [k for k, _ in b.items]  # type: ignore[union-attr]
    return (kinds[0] and values[1]) or (values[0] and kinds[1])
