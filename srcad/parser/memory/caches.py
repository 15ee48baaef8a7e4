"""Dictionaries of the surroundings that a function fills: caches.

What holds afterwards: such a dictionary counts as empty at the start of each call of a derivative,
and nothing is stored into it. What a cache held before was computed by other calls, and carries no
derivative; so what the function would take from it is computed anew, and differentiated.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import gast

from srcad.errors import SrcadError
from srcad.parser.bindings import Binding, Cell, Known, Ref, Special, Struct, same
from srcad.parser.source import read_source

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_FILLING = ("setdefault", "update", "pop", "clear")
_OF_CLASSES = ("__init_subclass__", "__set_name__")  # what they fill are registries


class CacheFilled(Exception):
    """Control flow of the parser: this dictionary is filled, so it is empty from the start on."""

    def __init__(self, table: dict[Any, Any]) -> None:
        super().__init__()
        self.table = table


class CacheLowering(_Base):
    caches: dict[int, tuple[dict[Any, Any], Cell]]

    def follow_caches(self, tables: list[dict[Any, Any]]) -> None:
        """Give each dictionary that is filled memory in the state of the root function."""
        for table in tables:
            cell = Cell("cache")
            cell.special, cell.separate = Special("cache"), True
            self.caches[id(table)] = (table, cell)
            self.frame.vars[cell] = Struct("dict", ())

    def cache_of(self, value: Any) -> Ref | None:
        """The memory of a dictionary that is filled; None for another object."""
        found = self.caches.get(id(value))
        return None if found is None else Ref(found[1])

    def note_filled(self, owner: Binding) -> None:
        """A store into an object of the surroundings: if it is a dictionary, it is a cache."""
        if isinstance(owner, Known) and type(owner.value) is dict:
            if id(owner.value) not in self.caches:
                raise CacheFilled(owner.value)

    def note_filling_call(self, fn: Any) -> None:
        """A method of a dictionary of the surroundings that fills it."""
        if isinstance(fn, types.BuiltinMethodType) and fn.__name__ in _FILLING:
            self.note_filled(Known(fn.__self__))

    def check_cache(self, owner: Binding, what: str, args: list[Binding], node: gast.AST) -> None:
        """Refuse what asks a cache for what earlier calls have left in it."""
        special = self.special_of(owner)
        if special is None or special.kind != "cache":
            return
        if what == "get" and (len(args) < 2 or same(args[1], Known(None))):
            return
        if what in ("get", "len"):
            raise self.unsupported(
                node, f"`{what}` of a dictionary that the function fills, and that outlives it",
                "a derivative takes such a dictionary for a cache, which is empty at the start of "
                "each call; this would tell what earlier calls have left in it",
                "make the dictionary inside of the function, or pass the value as an argument",
            )  # fmt: skip


def filled_by(function: types.FunctionType) -> list[dict[Any, Any]]:
    """The dictionaries of the surroundings that a function fills, or one that it refers to."""
    found: dict[int, dict[Any, Any]] = {}
    todo: list[tuple[Any, type | None]] = [(function, None)]
    seen: set[int] = set()
    while todo:
        f, owner = todo.pop()
        f = getattr(f, "__func__", f)
        if id(f) in seen or not isinstance(f, types.FunctionType) or _is_ours(f):
            continue
        seen.add(id(f))
        used = _used(f)
        names = _names(f, used)
        if owner is not None:
            names.update((n, owner) for n in f.__code__.co_varnames[:1])  # `self`, or `cls`
        todo.extend((v, None) for v in names.values() if isinstance(v, types.FunctionType))
        own = [v for v in names.values() if isinstance(v, type) and v.__module__ == f.__module__]
        todo.extend(
            (part, cls) for cls in own for name, part in vars(cls).items()
            if (name in used or name.startswith("__")) and name not in _OF_CLASSES
        )  # fmt: skip
        homes = [v for v in names.values() if isinstance(v, types.ModuleType)]
        held = [vars(m).get(n) for m in (*homes, *own) for n in used]
        if not any(type(v) is dict for v in (*names.values(), *held)):
            continue  # most functions; their source need not be read
        try:
            node = read_source(f).node
        except SrcadError:  # what has no source cannot be followed
            continue
        for place in _filled_places(node):
            table = _resolved(place, names)
            if type(table) is dict:
                found[id(table)] = table
    return list(found.values())


def _is_ours(f: types.FunctionType) -> bool:
    """Whether a function is one of srcad, which a user's function may call."""
    return (f.__module__ or "").partition(".")[0] == __name__.partition(".")[0]


def _used(f: types.FunctionType) -> set[str]:
    """The names of globals, cells and attributes in a function and in those within it."""
    used: set[str] = set()
    codes = [f.__code__]
    while codes:
        code = codes.pop()
        used |= {*code.co_names, *code.co_freevars}
        codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return used


def _names(f: types.FunctionType, used: set[str]) -> dict[str, Any]:
    """What the names mean that a function refers to, but for its own variables."""
    names = {n: f.__globals__[n] for n in used if n in f.__globals__}
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or ()):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # it has no value yet
            names.pop(name, None)
    positional = f.__code__.co_varnames[: f.__code__.co_argcount]
    defaults = f.__defaults__ or ()
    names.update(zip(positional[len(positional) - len(defaults) :], defaults))
    return names | (f.__kwdefaults__ or {})


def _filled_places(node: Any) -> Iterator[Any]:
    """The expressions whose entries are stored or deleted."""
    for n in gast.walk(node):
        if isinstance(n, gast.Subscript) and not isinstance(n.ctx, gast.Load):
            yield n.value
        elif isinstance(n, gast.Call) and isinstance(n.func, gast.Attribute):
            if n.func.attr in _FILLING:
                yield n.func.value


def _resolved(place: Any, names: dict[str, Any]) -> Any:
    if isinstance(place, gast.Name):
        return names.get(place.id)
    if isinstance(place, gast.Attribute):
        return getattr(_resolved(place.value, names), place.attr, None)
    return None
