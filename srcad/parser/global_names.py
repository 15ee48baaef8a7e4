"""Global variables that the differentiated function sets: how they are followed.

What holds afterwards: the generated code sets no global. A function may set one (a mode, say) as
long as it puts back what was there before it returns; in between, everything that is lowered sees
what was set. The variable is a cell of the state, as the memory of an object is, so that branches,
loops and callees treat it as such. What is not lowered (opaque calls) must neither set a global
that the compiled code depends on, nor read one while it differs from what it really holds.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Iterator
from typing import Any

import gast

from srcad.errors import UnsupportedSyntaxError
from srcad.ir.abstract import is_number
from srcad.ir.values import Value
from srcad.parser.bindings import Binding, Cell, Known, same
from srcad.parser.frames import Frame

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

Place = tuple[int, str]  # the id of a namespace, and a name in it
_IMMUTABLE = (bool, int, float, complex, str, bytes, type(None))
_STORES = ("STORE_GLOBAL", "DELETE_GLOBAL")


class GlobalWritten(Exception):
    """Control flow of the parser: this global is set, so it has to be followed from the start."""

    def __init__(self, frame: Frame, name: str) -> None:
        super().__init__(name)
        self.frame, self.name = frame, name


class GlobalLowering(_Base):
    def follow_globals(self, written: list[tuple[Frame, str]]) -> None:
        """Give each global that is set a cell in the state of the root function.

        `written` has the frames of functions that set them.
        """
        for frame, name in written:
            cell, namespace = Cell(name), frame.globals
            first = self.outside("global", namespace, name, namespace[name], frame)
            self.global_cells[id(namespace), name] = (cell, first)
            self.frame.vars[cell] = first

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
            raise self.sets_global(name, node)
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
