"""What a compiled derivative is on disk: `keep` writes it down, `find` takes it up again.

What holds after `find`: the text is the one that compiling anew would give, its helpers and guards
are the live objects, and nothing was parsed, differentiated or printed. What the derivative
depends on is written as a *place* (a global of a function, an attribute of a module, ...) and a
description of what was there; both are looked up anew in the process that finds it. What cannot be
described so that another process would see a change (objects of the user's classes, arrays used
statically) is not kept.
"""

from __future__ import annotations

import enum
import functools
import json
import os
import sys
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from srcad.cache.disk import (
    BODY_LINE,
    DiskCache,
    default_directory,
    digest_text,
    source_digest,
)
from srcad.cache.guards import (
    BY_VALUE,
    MISSING,
    AnyGuard,
    ContentsGuard,
    Guard,
    ReadGuard,
    TypeGuard,
    found_at,
    guard_object,
)
from srcad.ir.abstract import OBJECT, DictOf, ListOf, TupleOf, Type, type_of_value
from srcad.ir.values import Const
from srcad.rules.registry import TABLE, lookup

# ["function"] (the one that is differentiated), ["module", name], ["object", module, qualname],
# ["cell", reference of the function, variable] or ["at", kind, reference of the holder, name]
Reference: TypeAlias = list[Any]

_HEADER = "# stored as: "
_BETWEEN = "\n\n"
_PLAIN = (type(None), type(...), bool, int, float, complex, str, bytes, range, slice)
_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")
_HOLDERS: dict[str, Any] = {
    "global": dict, "builtin": dict, "cell": types.CellType, "attribute": object,
    "default": types.FunctionType, "kwdefault": types.FunctionType, "code": types.FunctionType,
}  # fmt: skip
_COMPARED = (
    "co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount",
    "co_posonlyargcount", "co_kwonlyargcount", "co_flags",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One generated function: its text, its name, and what else the text calls by name."""

    text: str
    name: str
    helpers: Mapping[str, object]


@dataclass(frozen=True)
class Stored:
    """What was found on disk.

    Attributes
    ----------
    lines
        The line of the file that the text of each part begins at.
    guards
        What the text depends on, as it is in this process.
    needed
        The parameters whose values the text depends on.
    structure
        What `keep` was given under this name.
    """

    file: str
    parts: tuple[Part, ...]
    lines: tuple[int, ...]
    guards: list[AnyGuard]
    needed: tuple[str, ...]
    structure: Any


def disk_cache(option: str | None) -> DiskCache | None:
    """The disk cache for the option `cache`; without it, that of `SRCAD_CACHE_DIR`, if any."""
    if option is None and not os.environ.get("SRCAD_CACHE_DIR"):
        return None
    if option in (None, "disk"):
        return DiskCache(default_directory())
    return DiskCache(os.path.expanduser(option))


def key_of(
    function: types.FunctionType,
    options: Mapping[str, object],
    types_of: Mapping[str, Type],
    statics: Mapping[str, object],
) -> dict[str, object] | None:
    """What a derivative is stored under, or None if it cannot be.

    Parameters
    ----------
    options : mapping
        The transforms and options, as JSON.
    types_of, statics : mapping
        The types and the values that are known of the arguments.
    """
    described = {name: describe(value) for name, value in statics.items()}
    if None in described.values() or not all(map(_is_plain, types_of.values())):
        return None
    if not function.__module__ or any(not r.declared.startswith(_PACKAGE) for r in TABLE.values()):
        return None  # nothing says when a rule of the user's own has changed
    code = function.__code__
    return {
        "function": f"{function.__module__}:{function.__qualname__}",
        "place": f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}",
        "code": code_digest(code),
        "srcad": source_digest(),
        "python": sys.implementation.cache_tag,
        "numpy": np.__version__,
        "options": dict(options),
        "types": {name: str(t) for name, t in types_of.items()},
        "statics": described,
    }


def keep(
    cache: DiskCache,
    key: Mapping[str, object],
    function: types.FunctionType,
    needed: Mapping[str, object],
    guards: Sequence[AnyGuard],
    parts: Sequence[Part],
    structure: object,
) -> None:
    """Write a derivative to disk, if all that it depends on can be described.

    Parameters
    ----------
    needed : mapping
        Arguments whose values, and not only types, the derivative depends on.
    structure : object
        Anything more that belongs to it, as JSON.
    """
    values = {name: describe(needed[name]) for name in sorted(needed)}
    manifest: dict[str, str] = {}
    at: dict[str, AnyGuard] = {}
    references = _References(function)
    for guard in guards:
        if isinstance(guard, ReadGuard):
            return
        place, description = references.note_guard(guard), _describe_guard(guard)
        if place is None or description is None:
            return
        manifest[place], at[place] = description, guard
    helpers = [{n: references.of(o) for n, o in part.helpers.items()} for part in parts]
    if None in values.values() or any(None in found.values() for found in helpers):
        return
    if json.loads(json.dumps(structure, default=repr)) != structure:
        return  # a key of a dictionary that JSON does not know
    header = {
        "needed": list(values),
        "lengths": [len(part.text) for part in parts],
        "names": [part.name for part in parts],
        "helpers": helpers,
        "shared": _shared(at[place] for place in sorted(at)),
        "structure": structure,
    }
    text = _BETWEEN.join(part.text for part in parts)
    if values:  # what needs the values of arguments is found in two steps
        cache.put({**key, "values": {}}, {}, _with_header({"needed": list(values)}, ""))
    cache.put({**key, "values": values}, manifest, _with_header(header, text))


def find(
    cache: DiskCache,
    key: Mapping[str, object],
    function: types.FunctionType,
    arguments: Mapping[str, object],
) -> Stored | None:
    """The derivative that is stored for `key` and these arguments, or None."""
    values: dict[str, str | None] = {}
    while True:
        found: list[AnyGuard] = []
        stored_under = {**key, "values": values}
        text = cache.get(stored_under, functools.partial(_description_now, function, found))
        if text is None:
            return None
        first, _, text = text.partition("\n")
        header = json.loads(first.removeprefix(_HEADER))
        if list(values) == header["needed"]:
            break
        if values:  # the function was changed to need other values
            return None
        values = {name: describe(arguments.get(name)) for name in header["needed"]}
    if header["shared"] != _shared(found):
        return None
    parts, lines, start = [], [], 0
    for name, length, helpers in zip(
        header["names"], header["lengths"], header["helpers"], strict=True
    ):
        live = {n: _live(reference, function) for n, reference in helpers.items()}
        if any(helper is MISSING for helper in live.values()):
            return None
        parts.append(Part(text[start : start + length], name, live))
        lines.append(BODY_LINE + 1 + text.count("\n", 0, start))
        start += length + len(_BETWEEN)
    file = str(cache.path(stored_under))
    return Stored(
        file, tuple(parts), tuple(lines), found, tuple(header["needed"]), header["structure"]
    )


def packed(tree: Any) -> Any:
    """A tree of tuples, lists and dicts as JSON; of a constant leaf, only that it is one."""
    if isinstance(tree, (tuple, list)):
        return [type(tree).__name__, [packed(part) for part in tree]]
    if isinstance(tree, dict):
        return ["dict", [[key, packed(part)] for key, part in tree.items()]]
    return None if isinstance(tree, Const) else tree


def unpacked(tree: Any) -> Any:
    """The tree that `packed` packed."""
    if not isinstance(tree, list):
        return Const.of(None) if tree is None else tree
    kind, parts = tree
    if kind == "dict":
        return {key: unpacked(part) for key, part in parts}
    return {"tuple": tuple, "list": list}[kind](map(unpacked, parts))


def _with_header(header: Mapping[str, object], text: str) -> str:
    return f"{_HEADER}{json.dumps(header)}\n{text}"


def _is_plain(t: Type) -> bool:
    """Whether the text of a type says all of it."""
    if isinstance(t, TupleOf):
        return t.elems is not None and all(map(_is_plain, t.elems))
    if isinstance(t, DictOf):
        return all(type(key) in _PLAIN and _is_plain(part) for key, part in t.items)
    return _is_plain(t.elem) if isinstance(t, ListOf) else t != OBJECT


# ---------------------------------------------------------------------- descriptions
def describe(value: Any) -> str | None:
    """A text that differs if a derivative for this value may differ; None if there is none.

    What is known of a function with a rule is its name; the rules are those of srcad.
    """
    text = _described(value, 0)
    return text if text is None or len(text) < 100 else f"sha256 {digest_text(text)}"


def _described(value: Any, depth: int) -> str | None:
    kind = type(value)
    if kind in _PLAIN:
        return f"{kind.__name__} {value!r}"
    if kind in (tuple, list, set, frozenset, dict):
        return _described_parts(value, depth)
    if kind is types.CodeType:
        return f"code {code_digest(value)}"
    if isinstance(value, types.ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, type):
        return f"class {[_name_of(base) for base in value.__mro__]}"
    if isinstance(value, np.dtype):
        return f"dtype {value!r}"
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return f"{value.dtype.str} {value.tobytes().hex()}"
    if isinstance(value, enum.Enum):
        return f"member {value.name} of {_described(kind, depth + 1)}"
    if kind in (functools.partial, types.MethodType):
        bound = [value.func, value.args, value.keywords] if kind is functools.partial else [
            value.__func__, value.__self__
        ]  # fmt: skip
        text = _described_parts(bound, depth)
        return text and f"{kind.__name__} {text}"
    if hasattr(value, "__srcad_steps__"):
        return f"{value.__srcad_steps__} of {_described(value.__wrapped__, depth + 1)}"
    if lookup(value) is not None:
        return f"rule of {_name_of(value)}"
    if kind is types.FunctionType:
        return f"function {_name_of(value)} {code_digest(value.__code__)}"
    return f"object {_name_of(value)}" if _named(value) is value else None


def _described_parts(value: Any, depth: int) -> str | None:
    parts = [*value.items()] if type(value) is dict else value
    texts = [_described(part, depth + 1) if depth < 10 else None for part in parts]
    known = [text for text in texts if text is not None]
    if len(known) < len(texts):
        return None
    if type(value) in (set, frozenset):
        known.sort()  # the order differs between processes
    return f"{type(value).__name__} [{', '.join(known)}]"


def code_digest(code: types.CodeType) -> str:
    """A digest of what a function does; lines, comments and the name of its file do not count.

    Unlike the source of the function, its code is at hand without reading and parsing the file,
    and is sure to be what runs.
    """
    return digest_text(_code_text(code))


def _code_text(code: types.CodeType) -> str:
    parts = [getattr(code, name) for name in _COMPARED]
    # From Python 3.11 on, what a `try` statement covers is said here only.
    parts.append(getattr(code, "co_exceptiontable", b""))
    return f"{parts} {[_constant_text(constant) for constant in code.co_consts]}"


def _constant_text(constant: object) -> str:
    if isinstance(constant, types.CodeType):
        return _code_text(constant)
    if isinstance(constant, tuple):
        return f"({', '.join(map(_constant_text, constant))})"
    if isinstance(constant, frozenset):
        return f"{{{', '.join(sorted(map(_constant_text, constant)))}}}"
    return f"{type(constant).__name__} {constant!r}"


# ---------------------------------------------------------------------- references
class _References:
    """How another process finds the objects that a derivative depends on."""

    def __init__(self, function: types.FunctionType) -> None:
        self._known: dict[int, tuple[object, Reference]] = {}  # id -> the object, kept alive
        self._note(function, ["function"])

    def of(self, value: Any) -> Reference | None:
        """The reference of an object, or None."""
        if id(value) not in self._known:
            if isinstance(value, types.ModuleType):
                named, reference = sys.modules.get(value.__name__), ["module", value.__name__]
            else:
                named, reference = _named(value), ["object", *_name_of(value)]
            self._note(named, reference)
        return self._known.get(id(value), (None, None))[1]

    def note_guard(self, guard: Guard | ContentsGuard | TypeGuard) -> str | None:
        """The place of a guard as text, or None."""
        kind, holder, name = _place(guard)
        reference = self.of(holder)
        if reference is None:
            return None
        typed = isinstance(guard, TypeGuard)
        if not typed:
            self._note(_expected(guard), ["at", kind, reference, name])
        return json.dumps([kind, reference, name, typed])

    def _note(self, value: Any, reference: Reference) -> None:
        """Remember where an object is, and what can be reached from there."""
        if id(value) in self._known:
            return
        self._known[id(value)] = (value, reference)
        inside: tuple[str, ...] = ()
        if isinstance(value, types.FunctionType):
            inside = ("__globals__", "__wrapped__")
            for name, cell in _cells_of(value).items():
                self._note(cell, ["cell", reference, name])
        elif isinstance(value, types.ModuleType):
            inside = ("__dict__",)
        elif isinstance(value, types.MethodType):
            inside = ("__func__",)
        elif isinstance(value, functools.partial):
            inside = ("func",)
        elif hasattr(value, "__srcad_steps__"):
            inside = ("__wrapped__",)
        for name in inside:
            if hasattr(value, name):
                self._note(getattr(value, name), ["at", "attribute", reference, name])


def _live(reference: Reference, function: types.FunctionType) -> Any:
    """The object that a reference stands for in this process, or `MISSING`."""
    form, *rest = reference
    if form == "function":
        return function
    if form == "module":
        return sys.modules.get(rest[0], MISSING)
    if form == "object":
        return _object(*rest)
    if form == "cell":
        holder = _live(rest[0], function)
        found = _cells_of(holder) if isinstance(holder, types.FunctionType) else {}
        return found.get(rest[1], MISSING)
    kind, holder, name = rest
    return _found(kind, _live(holder, function), name)


def _found(kind: Any, holder: Any, name: str) -> Any:
    """What is at a place, or `MISSING`; the holder may have become another kind of object."""
    if holder is MISSING or not isinstance(holder, _HOLDERS[kind]):
        return MISSING
    return found_at(kind, holder, name)


def _description_now(function: types.FunctionType, found: list[AnyGuard], place: str) -> str | None:
    """A description of what is at a place in this process; its guard is added to `found`."""
    kind, reference, name, typed = json.loads(place)
    holder = _live(reference, function)
    value = _found(kind, holder, name)
    if value is MISSING:
        return None
    if typed:
        found.append(TypeGuard(kind, holder, name, type_of_value(value)))
    else:
        found.append(guard_object(kind, holder, name, value))
    return _describe_guard(found[-1])


def _place(guard: Guard | ContentsGuard | TypeGuard) -> tuple[str, Any, str]:
    at = guard.guard if isinstance(guard, ContentsGuard) else guard
    return at.kind, at.holder, at.name


def _expected(guard: AnyGuard) -> object:
    return guard.guard.expected if isinstance(guard, ContentsGuard) else guard.expected


def _describe_guard(guard: AnyGuard) -> str | None:
    if isinstance(guard, TypeGuard):
        return f"type {guard.expected}" if _is_plain(guard.expected) else None
    return describe(_expected(guard))


def _shared(guards: Iterable[AnyGuard]) -> list[int]:
    """Which of the objects are one object: descriptions do not say so, `is` does."""
    objects = [_expected(g) for g in guards if not isinstance(g, TypeGuard)]
    first: dict[int, int] = {}
    return [
        first.setdefault(id(value), number)
        for number, value in enumerate(objects)
        if type(value) not in BY_VALUE
    ]


def _cells_of(function: types.FunctionType) -> dict[str, types.CellType]:
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


def _name_of(value: Any) -> tuple[str, str]:
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    return str(getattr(value, "__module__", None)), str(name)


def _named(value: Any) -> Any:
    """What goes by the name of `value` where that says that it is defined, or `MISSING`."""
    return _object(*_name_of(value))


def _object(module: str, qualname: str) -> Any:
    found: Any = sys.modules.get(module, MISSING)
    for part in qualname.split("."):
        found = getattr(found, part, MISSING)
    return found
