"""Guards: what a compiled derivative took for granted about its surroundings still holds.

A guard names a place (a global, a closure cell, an attribute, ...) and the object that was found
there while compiling. The object is compared by identity; a constant, by type and exact value, so
assigning an equal constant keeps the guard. Nothing is raised for a name that is gone: the guard
then fails.
"""

from __future__ import annotations

import builtins
import struct
import types
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

_MISSING = object()
# Compared by value; None, True and False are single objects. A bound method is a new object at
# each look-up. All else (arrays, NumPy scalars, classes) is compared by identity.
_BY_VALUE = (int, float, complex, str, bytes, tuple, types.MethodType)


@dataclass(frozen=True, slots=True, eq=False)
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

    kind: Literal["global", "builtin", "cell", "attribute", "default", "kwdefault", "code"]
    holder: Any
    name: str
    expected: object

    def holds(self) -> bool:
        """Return whether the object expected is still there."""
        return _same(self._current(), self.expected)

    def _current(self) -> object:
        holder, name = self.holder, self.name
        if self.kind == "global":
            return holder.get(name, _MISSING)
        if self.kind == "builtin":
            if name in holder:
                return _MISSING
            return _builtins_of(holder).get(name, _MISSING)
        if self.kind == "cell":
            return _cell_contents(holder)
        if self.kind == "attribute":
            return getattr(holder, name, _MISSING)
        if self.kind == "default":
            return _positional_default(holder, name)
        if self.kind == "kwdefault":
            return (holder.__kwdefaults__ or {}).get(name, _MISSING)
        return holder.__code__


def check_all(guards: Iterable[Guard]) -> bool:
    """Return whether all guards hold."""
    return all(guard.holds() for guard in guards)


def guard_expression(
    guards: Iterable[Guard], prefix: str = "guard_"
) -> tuple[str, dict[str, object]]:
    """Return an expression that checks the guards at the cost of a look-up each.

    Parameters
    ----------
    guards : iterable of Guard
    prefix : str
        What the names of the bindings begin with.

    Returns
    -------
    str
        An expression; its free names are those of the bindings. It is true only if all guards
        hold.
    dict
        The bindings: name -> object.
    """
    bindings = _Bindings(prefix)
    tests = [_test(guard, bindings) for guard in guards]
    return " and ".join(dict.fromkeys(tests)) or "True", bindings.objects


class _Bindings:
    """Names for the objects that an expression uses, one for each object."""

    def __init__(self, prefix: str) -> None:
        self.objects: dict[str, object] = {}
        self._prefix = prefix
        self._names: dict[int, str] = {}  # id -> name; `objects` keeps the object alive

    def name(self, value: object) -> str:
        if id(value) not in self._names:
            name = f"{self._prefix}{len(self.objects)}"
            self._names[id(value)] = name
            self.objects[name] = value
        return self._names[id(value)]


def _test(guard: Guard, bindings: _Bindings) -> str:
    """Return the text that checks one guard."""
    name = bindings.name
    holder, key, missing = guard.holder, repr(guard.name), name(_MISSING)
    if guard.kind == "attribute":
        # A module is searched by its namespace, unless it makes the attribute when asked.
        if type(holder) is types.ModuleType and guard.name in vars(holder):
            found = f"{name(vars(holder))}.get({key}, {missing})"
        else:
            found = f"{name(getattr)}({name(holder)}, {key}, {missing})"
    elif guard.kind == "global":
        found = f"{name(holder)}.get({key}, {missing})"
    elif guard.kind == "builtin":
        absent = f"{key} not in {name(holder)}"
        found = f"{name(_builtins_of(holder))}.get({key}, {missing})"
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
        found = f"({name(holder)}.__kwdefaults__ or {{}}).get({key}, {missing})"
    else:
        found = f"{name(holder)}.__code__"
    return _is_expected(guard, found, bindings)


def _is_expected(guard: Guard, found: str, bindings: _Bindings) -> str:
    expected = bindings.name(guard.expected)
    if type(guard.expected) in _BY_VALUE:
        return f"({found} is {expected} or {bindings.name(_same)}({found}, {expected}))"
    return f"{found} is {expected}"


def _same(current: Any, expected: Any) -> bool:
    """Return whether two objects are one, or the same constant to the last bit."""
    if current is expected:
        return True
    kind = type(expected)
    if type(current) is not kind or kind not in _BY_VALUE:
        return False
    if kind is float:
        return struct.pack("d", current) == struct.pack("d", expected)  # -0.0, nan
    if kind is complex:
        return _same((current.real, current.imag), (expected.real, expected.imag))
    if kind is tuple:
        return len(current) == len(expected) and all(map(_same, current, expected))
    if kind is types.MethodType:
        return current.__self__ is expected.__self__ and current.__func__ is expected.__func__
    return bool(current == expected)


def _builtins_of(namespace: Any) -> Any:
    """Return the namespace of the builtins that code with these globals sees."""
    found = namespace.get("__builtins__", builtins)
    return vars(found) if isinstance(found, types.ModuleType) else found


def _cell_contents(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # the variable is not bound
        return _MISSING


def _positional_default(function: types.FunctionType, parameter: str) -> object:
    code = function.__code__
    defaults = function.__defaults__ or ()
    with_default = code.co_varnames[: code.co_argcount][code.co_argcount - len(defaults) :]
    return dict(zip(with_default, defaults, strict=False)).get(parameter, _MISSING)
