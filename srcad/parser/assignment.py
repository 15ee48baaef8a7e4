"""Assignment to IR: names, unpacking, stores into arrays, containers and objects, `del`."""

from __future__ import annotations

import operator
from typing import Any

import gast

from srcad.errors import AliasingError, TypeInferenceError
from srcad.ir.abstract import UNKNOWN, Array, ListOf, TableOf, is_number, rank_of
from srcad.ir.values import Const, Value
from srcad.parser.bindings import (
    Binding,
    Closure,
    Known,
    LazyIterable,
    Ref,
    Struct,
    boxed_name,
    describe,
    plain_name,
)
from srcad.parser.expressions import OPERATORS
from srcad.parser.memory.overlap import reads_what_it_overwrites
from srcad.pristine import np

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class AssignmentLowering(_Base):
    def stmt_Assign(self, node: gast.Assign, rest: Any) -> None:
        value = self.boxed(self.raw(node.value), _target_name(node.targets[0]))
        if isinstance(value, Struct) and value.kind == "tuple":
            value = self.without_places(value, node.targets)
        for target in node.targets:
            with self.permutation(target, node.value):
                self.assign(target, value)

    def stmt_AnnAssign(self, node: gast.AnnAssign, rest: Any) -> None:
        if node.value is not None:
            value = self.boxed(self.raw(node.value), _target_name(node.target))
            self.assign(node.target, value)

    def stmt_AugAssign(self, node: gast.AugAssign, rest: Any) -> None:
        target = node.target
        fn = OPERATORS[type(node.op)]
        if isinstance(target, gast.Name):
            old = self.certain(self.lookup(target.id, target), target)
            added = self.expression(node.value)
            self.bind(target.id, self.updated(fn, old, added, target.id, node), target)
        elif isinstance(target, gast.Subscript):
            owner = self.expression(target.value)
            index = self.expression(target.slice)
            old = self.subscript(owner, index, target)
            added = self.expression(node.value)
            new = self.updated(fn, old, added, "", node)
            if not (isinstance(new, Ref) and new is old and new.path):  # else it is written
                self.store(owner, index, new, node)
        else:
            owner = self.expression(target.value)
            old = self.attribute(owner, self.attribute_name(target), target)
            added = self.expression(node.value)
            new = self.updated(fn, old, added, f".{target.attr}", node)
            self.store_attribute(owner, target, new, node)

    def updated(
        self, fn: Any, old: Binding, added: Binding, name: str, node: gast.AugAssign
    ) -> Binding:
        """What `x += y` binds: arrays and lists are changed in place, all else is made anew."""
        content = self.deref(old)
        changed = self.in_place_object(fn, old, added, node)
        if changed is not None:
            return changed
        if isinstance(content, Struct) and content.kind == "list" and isinstance(old, Ref):
            if fn is operator.add:
                self.call_binding(self.attribute(old, "extend", node), [added], {}, node)
                return old
            new = self.binary(fn, content, added, node)
            self.write(old, self.deref(new), node)
            return old
        if fn is operator.or_ and isinstance(old, Ref) and self.is_dictionary(content):
            self.call_binding(self.attribute(old, "update", node), [added], {}, node)
            return old
        new = self.binary(fn, content, added, node)
        if not isinstance(old, Ref) or not isinstance(content, Value):
            return new
        if content.type == UNKNOWN:
            self.require_unshared(old, name, node)
            if old.cell.origin not in ("", "argument"):
                self.check_write(old, node)
            return new
        changed = self.deref(new)
        t = content.type
        if isinstance(t, Array) and isinstance(changed, Value):
            self.check_cast(changed, t, node)
            if changed.type != t:
                self.write(old, changed, node, [Const.of(Ellipsis)])
                return old
        if isinstance(t, ListOf) and isinstance(changed, Known):
            changed = self.as_value(changed)
        self.write(old, changed, node)
        return old

    def require_unshared(self, ref: Ref, name: str, node: gast.AugAssign) -> None:
        """An update of what may be a number or an array: a matter only if others see it."""
        holders = self.holders(ref.cell)
        if holders:
            holders.remove(name if name in holders else holders[0])
        visible = self.visible_names()
        others = [*holders, *(visible[cell] for cell in ref.cell.shared if cell in visible)]
        if others:
            plain = name if name.startswith(".") else plain_name(name)
            shown = f"`{plain}`" if name else "an element"
            raise TypeInferenceError(
                f"{shown} may be a number or an array, and this updates it",
                reason=f"an array would change in place, and `{others[0]}` leads to it too",
                advice="give the types of the arguments, or write `x = x + ...` for `x += ...`",
                loc=self.loc(node),
            )

    def check_cast(self, new: Value, old: Array, node: gast.AST) -> None:
        """`int_array += 0.5` raises in NumPy."""
        t = new.type
        if not isinstance(t, Array) or t.dtype is None or old.dtype is None:
            return
        if not np.can_cast(np.dtype(t.dtype), np.dtype(old.dtype), "same_kind"):
            raise TypeInferenceError(
                f"an array of {old.dtype} cannot take {t.dtype} in place",
                reason="NumPy raises UFuncTypeError here",
                advice="make the array of the wider dtype first: x = x.astype(float)",
                loc=self.loc(node),
            )

    # ------------------------------------------------------------------ targets
    def assign(self, target: gast.AST, value: Binding) -> None:
        if isinstance(target, gast.Name):
            self.bind(target.id, value, target)
        elif isinstance(target, (gast.Tuple, gast.List)):
            self.unpack(target, value)
        elif isinstance(target, gast.Starred):
            self.assign(target.value, value)
        elif isinstance(target, gast.Subscript):
            owner = self.expression(target.value)
            self.store(owner, self.expression(target.slice), value, target)
        else:
            assert isinstance(target, gast.Attribute)
            self.store_attribute(self.expression(target.value), target, value, target)

    def store(self, owner: Binding, index: Binding, value: Binding, node: gast.AST) -> None:
        """`owner[index] = value`."""
        if self.on_either([owner, index], lambda o, i: self.store(o, i, value, node), node):
            return
        held = self.deref(owner)
        method = self.special_method(owner, "__setitem__", node)
        if method is not None:
            self.call_binding(method, [index, value], {}, node)
            return
        self.note_filled(owner)
        if not isinstance(owner, Ref):
            self.refuse_write(owner, node)
        assert isinstance(owner, Ref)
        key = self.settled(index)
        if not self.is_slice(key):
            value = self.as_element(owner, value, node)
        if isinstance(held, Struct) and held.kind == "dict" and self.is_run_key(key):
            self.store_entry(owner, held, key, value, node)
            return
        if isinstance(held, Value) and isinstance(held.type, TableOf):
            self.store_entry(owner, held, key, value, node)
            return
        if isinstance(held, Struct):
            changed = self.stored(held, key, self.boxed(value), node)
            if changed is not None:
                self.write(owner, changed, node)
                return
            held = self.as_list_value(held, node)
            if held is None:
                self.struct_item(self.deref(owner), self.settled(index), node)  # raises
            self.write(owner, held, node)
        if not isinstance(held, Value):
            self.refuse_write(owner, node)
        if isinstance(held.type, ListOf) and self.is_slice(key):
            self.store_slice(owner, held, key, value, node)
            return
        parts = self.index_operands(key, node)
        self.check_overlap(owner, parts, value, node)
        self.write(owner, self.deref(value), node, parts)
        if isinstance(held.type, ListOf):
            self.note_held(owner.cell, [value])

    def check_overlap(self, owner: Ref, parts: Any, value: Binding, node: gast.AST) -> None:
        """Raise if NumPy may read elements of `value` after the store has overwritten them."""
        rank = rank_of(getattr(self.frame.vars[owner.cell], "type", UNKNOWN))
        if rank is not None and reads_what_it_overwrites(rank, owner, parts, value):
            raise AliasingError(
                f"a part of `{owner.cell.name}` is stored into another part of it, which may "
                "overlap with it",
                reason="NumPy reads and writes them element by element here, along different "
                "axes or with different steps, so that it may read what it has overwritten",
                advice="store a copy: add `.copy()` to the right side",
                loc=self.loc(node),
            )

    def stored(
        self, held: Struct, index: Binding, value: Binding, node: gast.AST
    ) -> Struct | None:
        """The container with one part replaced; None if which one is not known."""
        if held.kind == "dict":
            key = self.static_key(index, node)
            items = dict(held.items)
            items[key] = value
            return Struct("dict", tuple(items.items()))
        if held.kind == "tuple":
            raise self.python_raises(
                TypeError(), node, "a tuple cannot be changed", "Python raises TypeError here",
                "use a list",
            )  # fmt: skip
        if not isinstance(index, Known):
            return None
        parts = list(held.parts)
        if isinstance(index.value, slice):
            parts[index.value] = self.known_elements(value, node)
            return Struct.sequence("list", parts)
        at = self.static_int(index, node, "an index of a list")
        if not -len(parts) <= at < len(parts):
            raise self.python_raises(
                IndexError(), node, f"a list of {len(parts)} has no element {at}",
                "Python raises IndexError here", "correct the index",
            )  # fmt: skip
        parts[at] = value
        return Struct.sequence("list", parts)

    def store_attribute(
        self, owner: Binding, target: gast.Attribute, value: Binding, node: gast.AST
    ) -> None:
        if self.on_either(
            [owner], lambda o: self.store_attribute(o, target, value, node), node
        ):
            return
        content = self.deref(owner)
        if isinstance(content, Value) and target.attr == "T":
            self.write_to(self.attribute(owner, "T", target), value, node, [Const.of(Ellipsis)])
            return
        if isinstance(content, Struct) and content.kind == "object":
            self.store_instance(owner, content, self.attribute_name(target), value, node)
            return
        if isinstance(owner, Known):
            name = self.attribute_name(target)
            self.set_attribute_outside(owner.value, name, value, target)
            return
        box = self.attribute_box(owner, target.attr) if isinstance(owner, Closure) else None
        if box is not None:
            self.frame.vars[box] = boxed_name(self.boxed(value, target.attr))
            return
        raise self.unsupported(
            target, f"a store into the attribute `{target.attr}` cannot be differentiated yet",
            f"its owner is {describe(owner)}", "keep the value in a variable, and return it",
        )  # fmt: skip

    def stmt_Delete(self, node: gast.Delete, rest: Any) -> None:
        for target in node.targets:
            if isinstance(target, gast.Name):
                self.lookup(target.id, target)
                if target.id not in self.frame.locals:
                    raise self.unsupported(
                        target, f"`{target.id}` of the surroundings is deleted here",
                        "a derivative would delete it once more", "leave the name alone",
                    )  # fmt: skip
                if target.id in self.frame.boxes:
                    self.frame.vars[self.frame.boxes[target.id]] = boxed_name(None)
                else:
                    del self.frame.vars[target.id]
            elif isinstance(target, gast.Subscript):
                owner = self.expression(target.value)
                self.delete_element(owner, self.expression(target.slice), node)
            else:
                owner = self.expression(target.value)
                self.delete_attribute(owner, self.attribute_name(target), target)

    def delete_element(self, owner: Binding, index: Binding, node: gast.AST) -> None:
        """`del owner[index]`."""
        self.note_filled(owner)
        held = self.deref(owner)
        method = self.special_method(owner, "__delitem__", node)
        if method is not None:
            self.call_binding(method, [index], {}, node)
        elif isinstance(owner, Ref) and isinstance(getattr(held, "type", None), ListOf):
            self.delete_from_list(owner, held, index, node)
        elif isinstance(owner, Ref) and isinstance(getattr(held, "type", None), TableOf):
            self.run_dict_pop(owner, held, [index], {}, node)
        elif not isinstance(held, Struct) or not isinstance(owner, Ref):
            self.refuse_write(owner, node)
        elif held.kind == "list" and self.is_slice(self.settled(index)):
            self.check_write(owner, node)
            parts = list(held.parts)
            del parts[self.static_slice(index, node)]
            self.put_list(owner, parts, node)
        else:
            self.call_binding(self.attribute(owner, "pop", node), [index], {}, node)

    def has_ends(self, value: Value) -> bool:
        """Whether its ends can be read without its length; a handler would see another error."""
        return isinstance(value.type, ListOf) and self.catcher_of(ValueError) is None

    def ends_of_list(self, holder: Binding, starred: int, n: int, node: gast.AST) -> Struct:
        """The parts of a list of unknown length that `a, *rest` or `*rest, b` takes."""
        if starred not in (0, n - 1):
            raise self.unsupported(
                node, "a starred target in the middle needs a list of known length",
                "which elements it takes is not known while compiling", "slice the list instead",
            )  # fmt: skip
        before, after = range(starred), range(starred + 1 - n, 0)
        rest = slice(starred or None, starred + 1 - n or None)
        indices = [*before, rest, *after]
        return Struct.sequence("tuple", [
            self.boxed(self.subscript(holder, Known(index), node)) for index in indices
        ])  # fmt: skip

    def static_slice(self, index: Binding, node: gast.AST) -> slice:
        """A slice that is known while compiling."""
        found = self.settled(index)
        if isinstance(found, Value):
            for part in self.slice_parts[found]:
                if isinstance(part, Value):
                    self.require_static(part, node, "a bound of a slice of a list")
        assert isinstance(found, Known)
        bounds: slice = found.value
        return bounds

    def unpack(self, target: gast.Tuple | gast.List, value: Binding) -> None:
        n = len(target.elts)
        value = self.iterable(value, target)
        if isinstance(value, Known) and isinstance(value.value, np.ndarray):
            value = self.as_binding(self.operand(value, target))  # its contents are read live
        starred = [i for i, t in enumerate(target.elts) if isinstance(t, gast.Starred)]
        holder, value = value, self.deref(value)
        self.refuse_keys(value, target)
        if isinstance(value, Value) and is_number(value.type):
            raise self.python_raises(
                TypeError(), target, f"cannot unpack {describe(value)}",
                "Python raises TypeError here", "unpack an array, a list or a tuple",
            )  # fmt: skip
        if isinstance(value, Value):
            if starred and self.size_of(value):
                value = Struct.sequence("tuple", self.known_elements(holder, target))
            elif starred and self.precision and self.has_ends(value):
                value = self.ends_of_list(holder, starred[0], n, target)
                starred = []
            elif starred:
                raise self.unsupported(
                    target, "a starred target needs a tuple of known length",
                    f"the right side is {describe(value)}", "slice the array instead",
                )  # fmt: skip
            else:
                parts = [self.item(value, i, holder) for i in range(n)]
                value = Struct.sequence("tuple", [self.boxed(p) for p in parts])
        elif isinstance(value, (Known, LazyIterable)):
            value = Struct.sequence("tuple", self.known_elements(value, target))
        if isinstance(value, Struct) and value.kind == "dict":
            value = Struct.sequence("tuple", [Known(k) for k, _ in value.items])
        if not isinstance(value, Struct):
            raise self.unsupported(
                target, f"cannot unpack {describe(value)} into {n} names",
                "its parts are not known while compiling", "unpack a tuple",
            )  # fmt: skip
        parts = list(value.parts)
        if starred:
            i = starred[0]
            after = n - i - 1
            middle = parts[i : len(parts) - after]
            made = self.new_sequence("list", middle)
            parts = [*parts[:i], made, *parts[len(parts) - after :]]
        if len(parts) != n:
            raise self.unsupported(
                target, f"{len(parts)} values to unpack into {n} names",
                "Python raises ValueError here", "make both sides of one length",
            )  # fmt: skip
        for t, part in zip(target.elts, parts):
            self.assign(t, part)

    def bind(self, name: str, value: Binding, node: gast.AST) -> None:
        frame = self.frame
        if name in frame.globals_declared:
            self.set_global(name, value, node)
            return
        value = self.boxed(value, plain_name(name))
        box = self.box_of(frame, name)
        if box is not None:
            frame.vars[box] = boxed_name(value)
        elif name in frame.nonlocals:
            raise self.unsupported(
                node, f"`{name}` of a function that has ended is assigned here",
                "a derivative that changes it would change it once more",
                "return the value instead",
            )  # fmt: skip
        else:
            frame.vars[name] = value
        self.rename(value, plain_name(name))

    def rename(self, value: Binding, name: str) -> None:
        """Give an unnamed value the user's name."""
        if isinstance(value, Ref):
            if value.cell.name in ("t", "items", "table", "part", "tuple_0") and not value.path:
                value.cell.name = name
            content = self.deref(value)
            if isinstance(content, (Value, Struct)):
                self.rename(content, name)
        elif isinstance(value, Value) and not value.named:
            value.name, value.named = name, True
        elif isinstance(value, Struct):
            for key, part in value.items:
                part = self.deref(part)
                if isinstance(part, Value) and not part.named:
                    fits = str(key).isidentifier() or key in range(99)
                    part.name = f"{name}_{key}" if fits else name


def _target_name(target: gast.AST) -> str:
    return target.id if isinstance(target, gast.Name) else "t"
