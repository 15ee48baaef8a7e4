"""Guards: what a compiled derivative took for granted about its surroundings still holds.

A guard names a place (a global, a closure cell, an attribute, ...) and the object that was found
there while compiling. The object is compared by identity; a constant, by type and exact value, so
assigning an equal constant keeps the guard. A list, dictionary or set also has to hold what it
held. Of a number or array that is read live, only the type is guarded. Nothing is raised for a
name that is gone: the guard then fails.
"""

from __future__ import annotations

import builtins
import struct
import types
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import Signature
from typing import Any, Literal, TypeAlias

from srcad.ir.abstract import Type, type_of_value
from srcad.parser.containers.reading import same_signature

Kind: TypeAlias = Literal["global", "builtin", "cell", "attribute", "default", "kwdefault", "code"]
MISSING = object()
_READ_ERRORS = (ArithmeticError, TypeError, ValueError, LookupError, AttributeError)
# Compared by value; None, True and False are single objects. A bound method is a new object at
# each look-up. All else (arrays, NumPy scalars, classes) is compared by identity.
BY_VALUE = (int, float, complex, str, bytes, tuple, types.MethodType,
            types.BuiltinMethodType)  # fmt: skip


@dataclass(slots=True, eq=False)
class Guard:
    """One assumption about the surroundings of a compiled derivative.

    Attributes
    ----------
    kind : str
        Where the object was found; says what `holder` and `name` are:

        ============  ===================================  =======================
        kind          holder                               name
        ============  ===================================  =======================
        `global`      a module's namespace (mapping)       the global
        `builtin`     the namespace that lacks the global  the builtin
        `cell`        a closure cell                       the variable
        `attribute`   a module, class or object            the attribute
        `default`     a function                           its parameter
        `kwdefault`   a function                           its parameter
        `code`        a function                           (any)
        ============  ===================================  =======================
    expected : object
        What was found.
    """

    kind: Kind
    holder: Any
    name: str
    expected: object

    def holds(self) -> bool:
        """Return whether the object expected is still there."""
        return same(found_at(self.kind, self.holder, self.name), self.expected)


@dataclass(slots=True, eq=False)
class ContentsGuard:
    """The assumption that a container is still there and holds what it held."""

    guard: Guard
    held: object

    def holds(self) -> bool:
        """Return whether the container expected is still there and unchanged."""
        return self.guard.holds() and same(contents(self.guard.expected), self.held)


@dataclass(slots=True, eq=False)
class TypeGuard:
    """The assumption that what is read live at a place still has its abstract type."""

    kind: Literal["global", "cell", "attribute"]
    holder: Any
    name: str
    expected: Type

    def holds(self) -> bool:
        """Return whether the type is the same; also if the name is gone.

        The generated code then raises Python's own error.
        """
        value = found_at(self.kind, self.holder, self.name)
        return value is MISSING or type_of_value(value) == self.expected


@dataclass(slots=True, eq=False)
class ReadGuard:
    """The assumption that a function still gives what it gave: a look-up in a mapping, say."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    expected: object
    held: object

    def holds(self) -> bool:
        """Return whether the result is the same object, or an equal constant."""
        try:
            found = self.function(*self.arguments)
        except _READ_ERRORS:
            return False
        if isinstance(found, Signature):
            expected = self.expected
            return isinstance(expected, Signature) and same_signature(found, expected)
        return same(contents(found), self.held)


AnyGuard: TypeAlias = Guard | ContentsGuard | TypeGuard | ReadGuard


def guard_read(function: Callable[..., Any], args: tuple[Any, ...], expected: object) -> ReadGuard:
    """Return the guard for the result of a call."""
    return ReadGuard(function, args, expected, contents(expected))


def guard_object(kind: Kind, holder: Any, name: str, expected: object) -> Guard | ContentsGuard:
    """Return the guard for an object, by identity or value, contents included."""
    guard = Guard(kind, holder, name, expected)
    return ContentsGuard(guard, contents(expected)) if _can_change(expected) else guard


def found_at(kind: Kind, holder: Any, name: str) -> Any:
    """Return what is at a place now, or `MISSING`."""
    if kind == "global":
        return holder.get(name, MISSING)
    if kind == "builtin":
        if name in holder:
            return MISSING
        return _builtins_of(holder).get(name, MISSING)
    if kind == "cell":
        return _cell_contents(holder)
    if kind == "attribute":
        return getattr(holder, name, MISSING)
    if kind == "default":
        return _positional_default(holder, name)
    if kind == "kwdefault":
        return (holder.__kwdefaults__ or {}).get(name, MISSING)
    return holder.__code__


def guard_expression(
    guards: Iterable[Guard], prefix: str = "guard_", may_raise: bool = False
) -> tuple[str, dict[str, object]]:
    """Return an expression that checks the guards at the cost of a look-up each.

    Parameters
    ----------
    guards : iterable of Guard
    prefix : str
        What the names of the bindings begin with.
    may_raise : bool
        Whether the expression may raise a KeyError where a name has gone. A subscript takes half
        of the time of ``get``.

    Returns
    -------
    str
        An expression; its free names are those of the bindings. It is true only if all guards
        hold.
    dict
        The bindings: name -> object.
    """
    bindings = _Bindings(prefix, may_raise)
    tests = [_test(guard, bindings) for guard in guards]
    return " and ".join(dict.fromkeys(tests)) or "True", bindings.objects


class _Bindings:
    """Names for the objects that an expression uses, one for each object."""

    def __init__(self, prefix: str, may_raise: bool) -> None:
        self.objects: dict[str, object] = {}
        self._prefix, self._may_raise = prefix, may_raise
        self._names: dict[int, str] = {}  # id -> name; `objects` keeps the object alive

    def name(self, value: object) -> str:
        if id(value) not in self._names:
            name = f"{self._prefix}{len(self.objects)}"
            self._names[id(value)] = name
            self.objects[name] = value
        return self._names[id(value)]

    def entry(self, namespace: Any, guard: Guard) -> str:
        """The text that looks up the name of a guard."""
        key = repr(guard.name)
        if self._may_raise and type(namespace) is dict and guard.expected is not MISSING:
            return f"{self.name(namespace)}[{key}]"
        return f"{self.name(namespace)}.get({key}, {self.name(MISSING)})"


def _test(guard: Guard, bindings: _Bindings) -> str:
    """Return the text that checks one guard."""
    name = bindings.name
    holder, key = guard.holder, repr(guard.name)
    if guard.kind == "attribute":
        # A module is searched by its namespace, unless it makes the attribute when asked.
        if type(holder) is types.ModuleType and guard.name in vars(holder):
            found = bindings.entry(vars(holder), guard)
        else:
            found = f"{name(getattr)}({name(holder)}, {key}, {name(MISSING)})"
    elif guard.kind == "global":
        found = bindings.entry(holder, guard)
    elif guard.kind == "builtin":
        absent = f"{key} not in {name(holder)}"
        found = bindings.entry(_builtins_of(holder), guard)
        return f"{absent} and {_is_expected(guard, found, bindings)}"
    elif guard.kind == "cell":
        found = f"{name(_cell_contents)}({name(holder)})"
    elif guard.kind == "default":
        found = f"{name(_positional_default)}({name(holder)}, {key})"
        if guard.holds():  # as long as the tuple of defaults is this one, so is the default
            return (
                f"({name(holder)}.__defaults__ is {name(holder.__defaults__)}"
                f" or {_is_expected(guard, found, bindings)})"
            )
    elif guard.kind == "kwdefault":
        found = f"({name(holder)}.__kwdefaults__ or {{}}).get({key}, {name(MISSING)})"
    else:
        found = f"{name(holder)}.__code__"
    return _is_expected(guard, found, bindings)


def _is_expected(guard: Guard, found: str, bindings: _Bindings) -> str:
    expected = bindings.name(guard.expected)
    if type(guard.expected) in BY_VALUE:
        return f"({found} is {expected} or {bindings.name(same)}({found}, {expected}))"
    return f"{found} is {expected}"


def same(current: Any, expected: Any) -> bool:
    """Return whether two objects are one, or the same constant to the last bit."""
    if current is expected:
        return True
    kind = type(expected)
    if type(current) is not kind or kind not in BY_VALUE:
        return False
    if kind is float:
        return struct.pack("d", current) == struct.pack("d", expected)  # -0.0, nan
    if kind is complex:
        return same((current.real, current.imag), (expected.real, expected.imag))
    if kind is tuple:
        return len(current) == len(expected) and all(map(same, current, expected))
    if kind is types.BuiltinMethodType:
        owner = expected.__self__  # a module, for a function, which is one object
        if owner is None or isinstance(owner, types.ModuleType):
            return False
        return current.__self__ is owner and current.__qualname__ == expected.__qualname__
    if kind is types.MethodType:
        return current.__self__ is expected.__self__ and current.__func__ is expected.__func__
    return bool(current == expected)


_CONTAINERS = (list, dict, set, deque)


def _can_change(value: object) -> bool:
    """Return whether a constant is, or holds, a container that can be changed in place."""
    if isinstance(value, tuple):
        return any(map(_can_change, value))
    return isinstance(value, _CONTAINERS)


def contents(value: Any, around: tuple[object, ...] = ()) -> object:
    """Return what a container holds now, as tuples; `around` are the containers around it."""
    if not isinstance(value, (tuple, *_CONTAINERS)) or any(value is outer for outer in around):
        return value
    around = (*around, value)
    parts = [*value.items()] if isinstance(value, dict) else value
    return tuple([contents(part, around) for part in parts])


def _builtins_of(namespace: Any) -> Any:
    """Return the namespace of the builtins that code with these globals sees."""
    found = namespace.get("__builtins__", builtins)
    return vars(found) if isinstance(found, types.ModuleType) else found


def _cell_contents(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # the variable is not bound
        return MISSING


def _positional_default(function: types.FunctionType, parameter: str) -> object:
    code = function.__code__
    defaults = function.__defaults__ or ()
    with_default = code.co_varnames[: code.co_argcount][code.co_argcount - len(defaults) :]
    return dict(zip(with_default, defaults, strict=False)).get(parameter, MISSING)
