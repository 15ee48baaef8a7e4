"""Lists and arrays that are elements of a list of run-time length, and are changed there.

The list is one value of the IR, so what its elements become later is not seen through other
references to them. `table[i][j] = v` is a store into the element and a store of that into the list;
it is right if nobody else can tell: no name leads to an element, and no two elements are one
object. The former is tested where the write stands; the latter is noted in `shared_elements`, and
tested at the end by what operations the function applies to such lists (`check_elements`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gast

from srcad import runtime
from srcad.errors import AliasingError, Loc
from srcad.ir import ops as O
from srcad.ir.abstract import SLICE, UNKNOWN, Array, ListOf, TupleOf, Type, is_number
from srcad.ir.text import callees
from srcad.ir.values import Function, Op, Value, walk
from srcad.parser.bindings import Binding, Cell, Known, Ref, Step, Struct
from srcad.pristine import np
from srcad.rules.memory import FRESH

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_ADVICE = "use an array (np.zeros((n, m))), or make the list anew"


class ElementLowering(_Base):
    def to_change(self, node: gast.AST) -> Binding:
        """What an expression gives, to be changed at once: an element as a part of its list."""
        if not isinstance(node, gast.Subscript):
            return self.expression(node)
        owner = self.to_change(node.value)
        index = self.expression(node.slice)
        part = self.element_part(owner, index, node)
        return self.subscript(owner, index, node) if part is None else part

    def element_part(self, owner: Binding, index: Binding, node: gast.AST) -> Ref | None:
        """A reference to an element of a list of run-time length, if it can change."""
        index = self.settled(index)
        if not isinstance(owner, Ref) or not isinstance(index, (Known, Value)):
            return None
        held = self.deref(owner)
        if isinstance(held, Struct) and held.kind == "list" and isinstance(index, Value):
            if self.counts(index):
                return None
            held = self.as_list_value(held, node)
            if held is None or not _can_change(held.type):
                return None
            self.write(owner, held, node)
        if not isinstance(held, Value) or not _can_change(held.type):
            return None
        operand = self.index_operand(index, node)
        if not is_number(operand.type):
            return None
        return Ref(owner.cell, (*owner.path, Step("index", (operand,))))

    def check_element_write(self, ref: Ref, node: gast.AST) -> None:
        """Raise if anything but the list may lead to the element that is written."""
        if not ref.path or not isinstance(getattr(self.held(ref.cell), "type", None), ListOf):
            return
        visible = self.visible_names()
        for cell in (*self.iterated, *self.frame.lasting):
            visible.setdefault(cell, cell.name)
        for cell, name in visible.items():
            if cell is not ref.cell and " the list" in cell.origin:
                raise AliasingError(
                    f"`{name}` may be the element of `{ref.cell.name}` that is changed here",
                    reason="which element of the list it is, is not known while compiling, so "
                    f"srcad cannot tell whether `{name}` changes too",
                    advice=f"read the elements where they are needed, or use `{name}.copy()`",
                    loc=self.loc(node),
                )
        if ref.cell in self.frame.lasting or ref.cell.origin:
            raise AliasingError(
                f"an element of the list `{ref.cell.name}` is changed outside of the function "
                "that makes the list",
                reason="who else sees the change is not known while compiling",
                advice="change a list where it is made, or use an array",
                loc=self.loc(node),
            )
        if self.shared_elements:
            raise self.shared_element(ref.cell.name, self.loc(node))
        self.element_writes.append((ref.cell.name, self.loc(node)))

    def shared_element(self, name: str, loc: Loc) -> AliasingError:
        return AliasingError(
            f"an element of the list `{name}` is changed here",
            reason=f"{self.shared_elements}, so two elements may be one object",
            advice=_ADVICE,
            loc=loc,
        )

    def note_second(self, content: Any) -> None:
        """Note if a list is to have the elements of another: `list(table)`, `table.copy()`."""
        if isinstance(content, Value) and _holds_objects(content.type):
            if any(held is content for held in self.frame.vars.values()):
                self.shared_elements = "another list has the same elements"

    def note_shared(self, bindings: Iterable[Any]) -> None:
        """Note if one of the objects that a list is to hold may be in a list already."""
        for binding in bindings:
            parts: list[Any] = [binding]
            beside: tuple[Cell, ...] = ()
            if isinstance(binding, Struct) and binding.kind == "list":  # becomes one of any length
                parts = list(binding.parts)
                beside = tuple(p.cell for p in parts if isinstance(p, Ref))
            seen: set[Cell] = set()
            for part in parts:
                cells = self.reachable([part])
                again = isinstance(part, Value) and " the list" in self.external.get(part, "")
                for cell in cells:
                    once = " the list" not in cell.origin or (beside and cell.beside == beside)
                    again |= cell in seen or not once
                    cell.beside = beside
                seen.update(cells)
                if again:
                    where = self.builder.loc
                    place = f" (line {where.line}: `{where.text.strip()}`)" if where else ""
                    self.shared_elements = f"an object is put into a list a second time{place}"


def _can_change(t: Type) -> bool:
    """Whether this is a list whose elements are lists or arrays."""
    if not isinstance(t, ListOf):
        return False
    elem = t.elem
    return isinstance(elem, ListOf) or (isinstance(elem, Array) and bool(elem.dims))


def check_elements(low: Any, function: Function) -> None:
    """Raise if elements of lists are changed, and others may have been given out unseen.

    Raises
    ------
    AliasingError
        At the place of the change.
    """
    if not low.element_writes:
        return
    name, loc = low.element_writes[0]
    for f in (function, *callees(function)):
        for op in walk(f.body):
            if not _keeps_elements_apart(op):
                place = f" (line {op.loc.line}: `{op.loc.text.strip()}`)" if op.loc else ""
                low.shared_elements = f"elements of such lists are given out{place}"
    if low.shared_elements:
        raise low.shared_element(name, loc)


def _keeps_elements_apart(op: Op) -> bool:
    """Whether no object of a list gets into a second place by an operation, or back into one."""
    if op.kind in (O.IF, O.FOR, O.WHILE, O.SETITEM, O.CALL, O.RAISE, O.ASSERT):
        return True
    given = any(_holds_objects(o.type) for o in op.operands)
    if not given and not any(_holds_objects(r.type) for r in op.results):
        return True
    if op.kind is O.GETITEM:
        return op.operands[1].type != SLICE
    if op.kind is O.PACK:
        return isinstance(op.result.type, ListOf)
    if op.kind is O.OPAQUE:
        return not op.results
    if op.kind is not O.APPLY:
        return False
    fn = op.attrs["fn"]
    if fn in (runtime.appended, runtime.popped, len, sum, np.ndarray.tolist):
        return True
    return is_number(op.result.type) or (fn in FRESH and isinstance(op.result.type, Array))


def _holds_objects(t: Type) -> bool:
    if isinstance(t, TupleOf):
        return t.elems is None or any(isinstance(e, ListOf) and _holds_objects(e) for e in t.elems)
    if not isinstance(t, ListOf):
        return False
    elem = t.elem
    return elem == UNKNOWN or isinstance(elem, (ListOf, TupleOf)) or (
        isinstance(elem, Array) and not elem.item
    )
