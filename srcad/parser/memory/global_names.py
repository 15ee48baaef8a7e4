"""Globals, and attributes of objects outside, that the function sets: how they are followed.

What holds afterwards: everything that is lowered sees what was set. The variable is a cell of the
state, as the memory of an object is, so that branches, loops and callees treat it as such. A
function may set a global (a mode, say) and put back what was there before it returns: then the
generated code does not set it. What is left of a number, of a global or of an attribute (a counter
of calls), is stored in the forward sweep, once. What is not lowered (opaque calls) must neither set
a global that the compiled code depends on, nor read one while it differs from what it really holds.
"""

from __future__ import annotations

import abc
import dis
import types
from collections.abc import Iterable, Iterator
from typing import Any

import gast

from srcad.errors import UnsupportedSyntaxError
from srcad.ir import ops as O
from srcad.ir.abstract import OBJECT, Scalar, is_number, type_of_value
from srcad.ir.values import Const, Value
from srcad.parser.bindings import Binding, Cell, Known, same
from srcad.parser.frames import Frame, is_data
from srcad.parser.memory.stand_ins import Held, is_local
from srcad.parser.objects import classes
from srcad.pristine import np

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

Place = tuple[int, str]  # the id of a namespace, and a name in it
_IMMUTABLE = (bool, int, float, complex, str, bytes, type(None))
_STORES = ("STORE_GLOBAL", "DELETE_GLOBAL")


class GlobalWritten(Exception):
    """Control flow of the parser: this is set, so it has to be followed from the start.

    `holder` is the frame of a function that sets the global, or the object of the attribute.
    """

    def __init__(self, holder: Any, name: str) -> None:
        super().__init__(name)
        self.holder, self.name = holder, name


class GlobalLowering(_Base):
    def follow_globals(self, written: list[tuple[Any, str]]) -> None:
        """Give each global or attribute that is set a cell in the state of the root function.

        `written` has the frames of functions that set them, or the objects.
        """
        for holder, name in written:
            cell, place = Cell(name), (id(holder), name)
            if isinstance(holder, Frame):
                namespace = holder.globals
                first = self.outside("global", namespace, name, namespace[name], holder)
                place = (id(namespace), name)
                self.namespaces_set[place] = namespace
            else:
                first = self.attribute_outside(holder, name)
                self.holders_set.append(holder)
            self.global_cells[place] = (cell, first)
            self.frame.vars[cell] = first

    # ------------------------------------------------------------------ attributes
    def attribute_outside(self, holder: Any, name: str) -> Binding:
        """What an attribute that is set holds when the function begins."""
        value = getattr(holder, name)
        if not is_data(value) or isinstance(value, np.ndarray):
            self.assumptions.add("attribute", holder, name, value)
            return self.known_object(value)  # type: ignore[no-any-return]
        t = type_of_value(value)
        self.assumptions.add_type("attribute", holder, name, t)
        key = ("attribute", id(holder), name)
        return self.global_value(key, t, name, holder, None)  # type: ignore[no-any-return]

    def attribute_now(self, owner: Any, name: str) -> Binding | None:
        """What an attribute that is followed holds here; None for one that is not."""
        if not self.holders_set:
            return None
        order = [owner] if not isinstance(owner, type) else owner.__mro__
        if not isinstance(owner, type) and name not in getattr(owner, "__dict__", ()):
            order = [owner, *type(owner).__mro__]
        for holder in order:
            found = self.global_cells.get((id(holder), name))
            if found is not None and found[0] not in self.frame.vars:
                raise self.unsupported(
                    gast.Pass(), f"`{name}` of the class `{holder_name(holder)}` is read here",
                    "the function that made the class, and may set it, has returned",
                    "keep it in a variable or an object",
                )  # fmt: skip
            if found is not None:
                return self.held(found[0])  # type: ignore[no-any-return]
            if name in getattr(holder, "__dict__", ()):
                return None
        return None

    def set_attribute_outside(
        self, holder: Any, name: str, value: Binding, node: gast.AST
    ) -> None:
        """`holder.name = value` for a class, a function or an object outside of the function."""
        content = self.deref(value)
        local = (id(holder), name) in self.global_cells and is_local(holder)
        if not _is_simple(content) or not (local or _is_plain(holder, name)):
            raise self.unsupported(
                node, f"the attribute `{name}` of a {type(holder).__name__} outside of the "
                "function is set here", "what it holds was taken for known while compiling",
                "pass the object as an argument, or return the value",
            )  # fmt: skip
        if (id(holder), name) not in self.global_cells:
            raise GlobalWritten(holder, name)
        self.frame.vars[self.global_cells[id(holder), name][0]] = content
        if local:
            return
        target = gast.Attribute(gast.Name("$0", gast.Load(), None, None), name, gast.Store())
        self.stored_outside(target, holder, f"{holder_name(holder)}.{name}", content, node)

    def stored_outside(
        self, target: gast.AST, holder: Any, name: str, content: Binding, node: gast.AST
    ) -> None:
        """A store that stays as it is: once, in the forward sweep."""
        number = gast.Name("$1", gast.Load(), None, None)
        attrs = {
            "template": gast.Assign([target], number, None), "name": f"{name} = ...",
            "stores": True,
        }  # fmt: skip
        operands = (Const(holder, OBJECT), self.operand(content, node))
        self.builder.emit(O.OPAQUE, operands, (), (), attrs)

    def follow_class(self, cls: type, names: Iterable[str]) -> None:
        """Give attributes of a class that was made here a cell in the state: they are set."""
        for name in names:
            held = vars(cls).get(name)
            first = held.binding if isinstance(held, Held) else Known(held)
            if name in vars(cls) and _is_simple(first):
                cell = Cell(name)
                self.global_cells[id(cls), name] = (cell, first)
                self.frame.vars[cell] = first
                self.holders_set.append(cls)

    # ------------------------------------------------------------------ globals

    def global_now(self, namespace: dict[str, Any], name: str) -> Binding | None:
        """What a global that is followed holds here; None for one that is not."""
        found = self.global_cells.get((id(namespace), name))
        return None if found is None else self.held(found[0])

    def set_global(self, name: str, value: Binding, node: gast.AST) -> None:
        namespace = self.frame.globals
        content = self.deref(value)
        simple = isinstance(content, Known) and (
            type(content.value) in _IMMUTABLE
            or callable(content.value)
            or isinstance(content.value, types.ModuleType)
        )
        if name not in namespace or not (
            simple or (isinstance(content, Value) and is_number(content.type))
        ):
            raise self.sets_global(name, node)
        if (id(namespace), name) not in self.global_cells:
            raise GlobalWritten(self.frame, name)
        self.frame.vars[self.global_cells[id(namespace), name][0]] = content

    def sets_global(self, name: str, node: gast.AST) -> UnsupportedSyntaxError:
        error: UnsupportedSyntaxError = self.unsupported(
            node, f"the global `{name}` is assigned here",
            "a derivative that changes globals would change them once more",
            "return the value instead",
        )  # fmt: skip
        return error

    def changed_globals(self) -> dict[Place, str]:
        """The globals that are not here what they really are."""
        return {
            place: place[1]
            for place, (cell, first) in self.global_cells.items()
            if not same(self.frame.vars.get(cell), first)
        }

    def globals_key(self) -> tuple[Any, ...]:
        """Equal where a callee sees the same in all globals that are followed."""
        found: list[Any] = []
        for cell, _ in self.global_cells.values():
            content = self.frame.vars.get(cell)
            if isinstance(content, Known) and type(content.value) in _IMMUTABLE:
                found.append((type(content.value), repr(content.value)))
            else:
                found.append(id(content.value) if isinstance(content, Known) else content)
        return tuple(found)

    def before_import(self, cell: Cell, content: Binding) -> Binding:
        """What a global held before it kept an import, where a path has none: it may again."""
        for place, (other, first) in self.global_cells.items():
            if other is cell and isinstance(content, Known):
                if (*place, id(content.value)) in self.kept_imports:
                    return first
        return content

    def check_restored(self, node: gast.AST) -> None:
        """At the end of the function: it has put back all globals that it has set."""
        for place, name in self.changed_globals().items():
            held = self.frame.vars.get(self.global_cells[place][0])
            if isinstance(held, Known) and (*place, id(held.value)) in self.kept_imports:
                continue  # `global np; if np is None: import numpy as np`
            namespace = self.namespaces_set.get(place)
            if namespace is None:
                continue  # an attribute: stored where it is set
            first = self.global_cells[place][1]
            if not (_is_simple(held) and _is_simple(first)):
                raise self.sets_global(name, node)
            table = gast.Name("$0", gast.Load(), None, None)
            target = gast.Subscript(table, gast.Constant(name, None), gast.Store())
            self.stored_outside(target, namespace, name, held, node)
        for a in self.assumptions.items:
            if a.kind == "global" or (a.kind == "type" and a.source == "global"):
                setter = self.opaque_stores.get((id(a.holder), a.name))
                if setter is not None:
                    raise self.unsupported(
                        node, f"`{setter}` sets the global `{a.name}`, on which the result depends",
                        f"srcad cannot look into `{setter}`, and takes globals for constant",
                        "set it outside of the function, or pass the value as an argument",
                    )  # fmt: skip

    def check_opaque(self, fn: Any, name: str, node: gast.AST) -> None:
        """Note which globals code sets that is run, not lowered; refuse what would see others."""
        changed = self.changed_globals()
        if id(fn) not in self.touched:
            self.touched[id(fn)] = dict.fromkeys(touched(fn))
        for place, stored in self.touched[id(fn)]:
            if stored:
                self.opaque_stores[place] = name
            elif place in changed:
                raise self.unsupported(
                    node, f"`{name}` reads the global `{place[1]}`, which was set before",
                    "srcad follows the new value only where it can look into the code",
                    "pass the value as an argument",
                )  # fmt: skip


def _is_simple(content: Any) -> bool:
    """Whether this is one number, or an object that cannot change."""
    if isinstance(content, Known):
        return type(content.value) in _IMMUTABLE
    return isinstance(content, Value) and isinstance(content.type, Scalar)


def _is_plain(holder: Any, name: str) -> bool:
    """Whether a store of an attribute that is there only replaces it."""
    if isinstance(holder, types.ModuleType) or is_local(holder) or not hasattr(holder, name):
        return False
    if isinstance(holder, type):
        found = classes.find(holder, name)[1]
        return type(holder) in (type, abc.ABCMeta) and not classes.is_descriptor(found)
    if isinstance(holder, types.FunctionType):
        return name in vars(holder)
    cls = type(holder)
    own = classes.is_own(cls) and classes.own_setter(cls) is None and not classes.is_frozen(cls)
    return own and name in getattr(holder, "__dict__", ()) and not hasattr(
        type(classes.find(cls, name)[1]), "__set__"
    )


def holder_name(holder: Any) -> str:
    return str(getattr(holder, "__name__", type(holder).__name__))


def touched(fn: Any) -> Iterator[tuple[Place, bool]]:
    """The globals that Python code reads (False) or sets (True), through what it calls by name."""
    todo: list[Any] = [fn]
    seen: set[int] = set()
    while todo:
        f = todo.pop()
        if id(f) in seen:
            continue
        seen.add(id(f))
        f = getattr(f, "__func__", f)
        if isinstance(f, type):
            todo += [v for base in f.__mro__ for v in vars(base).values() if callable(v)]
        elif hasattr(f, "__wrapped__"):
            todo.append(f.__wrapped__)
        if not isinstance(f, types.FunctionType):
            continue
        for stored, name in _global_names(f.__code__):
            yield (id(f.__globals__), name), stored
            used = f.__globals__.get(name)
            if isinstance(used, (types.FunctionType, type)) or hasattr(used, "__wrapped__"):
                todo.append(used)


def _global_names(code: types.CodeType) -> Iterator[tuple[bool, str]]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in _STORES:
            yield True, instruction.argval
        elif instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield False, instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)
