"""Lists and dictionaries of what can be changed itself: `m[i][j] = v`, `groups[k].append(v)`.

What holds afterwards: an element that no name but the container leads to is written through the
place that it is in (a step "item" of a path), as a view of an array is. Where another name may
lead to it, and is read later, a write is an AliasingError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import gast

from srcad import runtime
from srcad.errors import AliasingError
from srcad.ir import ops as O
from srcad.ir.abstract import SLICE, Array, ListOf, TableOf, TupleOf, Type
from srcad.ir.values import Op, Value
from srcad.parser.bindings import Binding, Cell, Ref, Step, Struct
from srcad.rules.memory import FRESH

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_REPLACING = (runtime.appended, runtime.popped, runtime.without)
_COMPREHENSIONS = (gast.ListComp, gast.DictComp, gast.SetComp, gast.GeneratorExp)


def holds_objects(t: Type) -> bool:
    """Whether it is a list or dictionary of lists, dictionaries or arrays."""
    return isinstance(t, (ListOf, TableOf)) and is_object(t.elem)


def is_object(t: Type) -> bool:
    if isinstance(t, Array):
        return not t.item and bool(t.dims)
    return isinstance(t, (ListOf, TableOf))


class PartLowering(_Base):
    permuting = False

    # ------------------------------------------------------------------ places of elements
    def item_view(self, owner: Ref, t: Type, step: Step) -> Ref | None:
        """An element as the place that it is in; None if other names may lead to it."""
        if not holds_objects(t) or not owner.cell.separate or len(step.operands) != 1:
            return None
        if step.operands[0].type == SLICE:
            return None
        return Ref(owner.cell, (*owner.path, Step("item", step.operands)))

    def with_places(self, owner: Ref, content: Any, index: Value, node: gast.AST) -> Any:
        """A list of lists of known length as one value, of which the run tells which is meant."""
        listed = isinstance(content, Struct) and content.kind == "list"
        if not listed or owner.path or owner.cell.origin or self.counts(index):
            return content
        if not all(isinstance(p, Ref) for p in content.parts):
            return content
        value = self.as_list_value(content, node)
        if value is None or not holds_objects(value.type):
            return content
        self.note_held(owner.cell, [content])
        self.write(owner, value, node, grows=True)
        return value

    def check_parts(self, ref: Ref, node: gast.AST) -> None:
        """Raise if an element is written that a name leads to which is read later."""
        cell = ref.cell
        if cell.given:
            self.writes_parts = True
        names = self.visible_names() if cell.elements else {}
        for other, name in names.items():
            if other in cell.elements and self.may_be_read(name, node):
                raise self.element_alias(cell.name, name, node)

    def check_places(self, ref: Ref, node: gast.AST) -> None:
        """Raise if an element is replaced or moved that a name leads to which is read later."""
        depth = len(ref.path)
        for name, binding in self.frame.vars.items():
            for found in _refs(binding):
                inner = found.path[depth:] if found.cell is ref.cell else ()
                if inner and inner[0].kind == "item":
                    shown = name if isinstance(name, str) else name.name
                    if not isinstance(name, str) or self.may_be_read(name, node):
                        raise self.element_alias(ref.cell.name, shown, node)

    def element_alias(self, owner: str, name: str, node: gast.AST) -> AliasingError:
        return AliasingError(
            f"`{name}` may be an element of `{owner}`, and `{owner}` is changed here",
            reason="which element it is, is not known while compiling, so srcad cannot tell "
            f"whether `{name}` changes too",
            advice=f"add `.copy()` where `{name}` is put into `{owner}`, or taken out of it",
            loc=self.loc(node),
        )

    def without_places(self, value: Struct, targets: list[Any]) -> Struct:
        """A tuple that is stored part by part, where a store may replace a later part."""
        if not any(isinstance(n, gast.Subscript) for t in targets for n in gast.walk(t)):
            return value
        parts = list(value.parts)
        for i, part in enumerate(parts):
            if isinstance(part, Ref) and any(step.kind == "item" for step in part.path):
                parts[i] = taken = self.deref(part)
                self.external.setdefault(taken, f"an element of the list `{part.cell.name}`")
        return Struct.sequence("tuple", parts)

    def taken_out(self, owner: Ref, place: Binding) -> Binding:
        """An element that is taken out of its container, which then led to it alone."""
        if not isinstance(place, Ref) or not place.path:
            return place
        made: Ref = self.new_cell(self.deref(place), "taken")
        made.cell.separate = owner.cell.separate
        return made

    # ------------------------------------------------------------------ who else leads to them
    def note_parts(self, cell: Cell, bindings: Iterable[Any]) -> None:
        """These are put into a list or dictionary that is one value."""
        for b in bindings:
            whole = isinstance(b, Ref) and b.cell is cell and not b.path
            content = self.deref(b) if whole else b
            parts = content.parts if isinstance(content, Struct) else (content,)
            inside = isinstance(content, Struct)
            if not self.permuting and not all(self.is_own(p, inside) for p in parts):
                cell.separate = False
        cell.elements.update(c for c in self.reachable(bindings) if c is not cell)

    def is_own(self, part: Any, inside: bool) -> bool:
        """Whether nothing but the container leads to an element that is put into it."""
        if isinstance(part, Value):
            known = part in self.external or part in self.may_view
            return not (is_object(part.type) and known) and not isinstance(part.type, TupleOf)
        if isinstance(part, Struct):
            return all(self.is_own(p, False) for p in part.parts)
        if not isinstance(part, Ref):
            return True
        cell = part.cell
        if part.path or cell.origin == "argument" or cell.shared or cell in self.frame.lasting:
            return False
        if cell.origin and not cell.origin.startswith("in the list"):
            return False
        read = [n for n in self.holders(cell) if self.may_be_read(n, None)]
        if len(read) > inside:
            return False
        content = self.frame.vars.get(cell)
        if isinstance(content, Struct):
            return all(self.is_own(p, True) for p in content.parts)
        return not (isinstance(content, Value) and holds_objects(content.type)) or cell.separate

    def note_sharing(self, op: Op) -> None:
        """An operation that may give another container of the same elements."""
        if op.kind is O.GETITEM and op.operands[1].type != SLICE:
            return
        for k, o in enumerate(op.operands):
            if not isinstance(o, Value) or not holds_objects(o.type):
                continue
            first = k == 0 and op.kind in (O.SETITEM, O.ADD_AT)
            fn = op.attrs.get("fn")
            if first or fn in _REPLACING or (op.kind is O.SETITEM and k == 1):
                continue
            if all(_holds_none(r.type, fn) for r in op.results):
                continue
            self.part_from(o)

    def part_from(self, value: Value, besides: Cell | None = None) -> None:
        """Elements of what a cell holds are elsewhere as well."""
        for key, content in self.frame.vars.items():
            if content is value and isinstance(key, Cell) and key is not besides:
                key.separate = False

    # ------------------------------------------------------------------ names that are read later
    def may_be_read(self, name: str, node: gast.AST | None) -> bool:
        """Whether a name may be read after the present statement before it is bound anew.

        Without a `node` it is also asked whether a comprehension reads it again and again.
        """
        frame = self.frame
        if name not in frame.locals or frame.outer is not None or frame.statement is None:
            return True
        after = self.names_after()
        if after is None or name in after:
            return True
        if node is not None:
            return False
        again = [n for n in gast.walk(frame.statement) if isinstance(n, _COMPREHENSIONS)]
        return any(isinstance(n, gast.Name) and n.id == name for c in again for n in gast.walk(c))

    @contextmanager
    def permutation(self, target: gast.AST, value: gast.AST) -> Iterator[None]:
        """`m[i], m[k] = m[k], m[i]` changes places only."""
        both = isinstance(target, gast.Tuple) and isinstance(value, gast.Tuple)
        outer = self.permuting
        self.permuting = both and _places(target) == _places(value)
        try:
            yield
        finally:
            self.permuting = outer


def _places(node: Any) -> list[str]:
    """The text of the elements of a tuple of subscripts, whatever order they have."""
    found = []
    for part in node.elts:
        if not isinstance(part, gast.Subscript):
            return [gast.dump(node)]
        found.append(f"{gast.dump(part.value)}[{gast.dump(part.slice)}]")
    return sorted(found)


def _holds_none(t: Type, fn: Any) -> bool:
    """Whether a result cannot hold the elements of an operand."""
    if isinstance(t, Array):
        return t.item or t.dims == () or fn in FRESH
    if isinstance(t, (ListOf, TableOf)):
        return not is_object(t.elem) and not isinstance(t.elem, TupleOf)
    if isinstance(t, TupleOf):
        return t.elems is not None and all(_holds_none(e, fn) for e in t.elems)
    return str(t) != "any"


def _refs(binding: Any) -> Iterator[Ref]:
    todo = [binding]
    while todo:
        b = todo.pop()
        if isinstance(b, Ref):
            yield b
        elif isinstance(b, Struct):
            todo.extend(b.parts)
