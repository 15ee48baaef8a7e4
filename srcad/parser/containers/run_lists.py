"""Lists whose length only the run knows: their methods, stores into slices, `del` of elements.

What holds afterwards: the list's memory holds a new value, made of parts of the old one.
"""

from __future__ import annotations

from typing import Any

import gast

from srcad import runtime
from srcad.ir.abstract import ListOf, join
from srcad.ir.values import Operand, Value
from srcad.parser.bindings import Binding, Known, Ref, Struct, same
from srcad.parser.memory.parts import holds_objects
from srcad.parser.memory.storage import is_mutable
from srcad.rules.symbols import apply_operands

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_EXTEND = """
for e in iterable:
    items.append(e)
result = None
"""
_INSERT = "result = items[:at] + [item] + items[at:]\n"
_WITHOUT = """
if at < 0:
    at = at + len(items)
result = items[:at] + items[at + 1:]
"""
_REPLACED = "result = items[:start] + values + items[max(start, stop):]\n"
_STORED = """
if len(items[part]) != len(values):
    raise ValueError("a slice with a step is assigned a sequence of another size")
for n in range(len(values)):
    items[start + n * step] = values[n]
result = None
"""


class RunListLowering(_Base):
    slice_parts: dict[Value, list[Binding]]

    def run_list_append(
        self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        new = self.element(args[0], node)
        t = held.type
        assert isinstance(t, ListOf)
        made = apply_operands(self.builder, runtime.appended, (held, new), {})
        if isinstance(made, Value):
            made.type = ListOf(join(t.elem, new.type))
        self.write(owner, made, node, grows=True)
        if is_mutable(new.type):
            self.note_held(owner.cell, args)
        return Known(None)

    def run_list_extend(
        self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        added = self.deref(args[0])
        if isinstance(added, Value) and isinstance(added.type, ListOf):
            joined = apply_operands(self.builder, runtime.joined, (held, added), {})
            if is_mutable(added.type.elem):
                self.note_held(owner.cell, args)
            self.write(owner, joined, node)
        else:
            self.lower_text(_EXTEND, node, iterable=args[0], items=owner)
        return Known(None)

    def run_list_insert(
        self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        self.replace_list(owner, _INSERT, node, at=args[0], item=args[1])
        return Known(None)

    def run_list_pop(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        at = self.deref(args[0]) if args else Known(-1)
        taken: Binding = self.taken_out(owner, self.subscript(owner, at, node))
        if same(at, Known(-1)):
            self.write(owner, apply_operands(self.builder, runtime.popped, (held,), {}), node)
        else:
            self.replace_list(owner, _WITHOUT, node, at=at)
        return taken

    def run_list_remove(
        self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        at = self.apply(list.index, [owner, args[0]], {}, node)
        self.replace_list(owner, _WITHOUT, node, at=at)
        return Known(None)

    def run_list_clear(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        self.write(owner, Struct("list", ()), node)
        return Known(None)

    def run_list_reverse(
        self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any
    ) -> Binding:
        self.replace_list(owner, "result = items[::-1]\n", node)
        return Known(None)

    def run_list_sort(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        made = self.call_known(sorted, [owner], kwargs, node)
        self.write(owner, self.deref(made), node)
        return Known(None)

    def run_list_copy(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        made: Binding = self.new_cell(held, "items")
        return made

    def run_list_index(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        found: Binding = self.apply(list.index, [owner, *args], kwargs, node)
        return found

    def run_list_count(self, owner: Any, held: Value, args: Any, kwargs: Any, node: Any) -> Binding:
        found: Binding = self.apply(list.count, [owner, *args], kwargs, node)
        return found

    # ------------------------------------------------------------------ slices and `del`
    def slice_bounds(self, part: Operand, held: Value) -> tuple[Binding, Binding, Binding]:
        """Start, stop and step of a slice of a list, as `slice.indices` gives them."""
        bounds = apply_operands(self.builder, runtime.slice_bounds, (part, held), {})
        start, stop, step = (self.item(bounds, k) for k in range(3))
        return start, stop, step

    def is_plain_slice(self, index: Binding) -> bool:
        """Whether it is written without a step."""
        step: Any = None
        if isinstance(index, Known):
            step = Known(index.value.step)
        elif isinstance(index, Value) and index in self.slice_parts:
            step = self.slice_parts[index][2]
        return isinstance(step, Known) and step.value in (None, 1)

    def store_slice(
        self, owner: Ref, held: Value, index: Binding, value: Binding, node: gast.AST
    ) -> None:
        """`items[start:stop:step] = values`."""
        values = self.call_known(list, [value], {}, node)
        if holds_objects(held.type):
            owner.cell.separate = False
        content = self.deref(values)
        if isinstance(content, Struct):
            content = self.as_list_value(content, node)
            if content is None:
                self.refuse_write(owner, node)
            self.note_held(owner.cell, [values])
            values = self.new_cell(content, "values")
        start, stop, step = self.slice_bounds(self.operand(index, node), held)
        if self.is_plain_slice(index):
            self.replace_list(owner, _REPLACED, node, start=start, stop=stop, values=values)
        else:
            self.lower_text(
                _STORED, node, items=owner, part=index, start=start, step=step, values=values
            )

    def delete_from_list(
        self, owner: Ref, held: Value, index: Binding, node: gast.AST
    ) -> None:
        """`del items[index]`."""
        index = self.settled(index)
        if self.is_slice(index):
            if not self.is_plain_slice(index):
                raise self.unsupported(
                    node, "`del` of a slice with a step cannot be differentiated",
                    "the length of the list is not known while compiling",
                    "make a list of the elements that stay",
                )  # fmt: skip
            empty = self.new_sequence("list", [])
            start, stop, _ = self.slice_bounds(self.operand(index, node), held)
            self.replace_list(owner, _REPLACED, node, start=start, stop=stop, values=empty)
        else:
            self.run_list_pop(owner, held, [index], {}, node)

    def is_slice(self, index: Binding) -> bool:
        if isinstance(index, Known):
            return isinstance(index.value, slice)
        return isinstance(index, Value) and index in self.slice_parts

    def replace_list(self, owner: Ref, text: str, node: gast.AST, **given: Any) -> None:
        """Let the list be what Python text makes of it."""
        separate = owner.cell.separate  # the elements change their places only
        made = self.lower_text(text, node, items=owner, **given)
        self.write(owner, self.deref(made), node)
        added = [b for b in given.values() if isinstance(b, Ref)]
        owner.cell.separate = separate and all(self.is_own(b, False) for b in added)
