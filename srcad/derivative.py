"""The object that `grad` returns: it picks, or compiles, the code for the types of a call.

What holds afterwards: a call with types seen before costs a few type tests and guard checks; they
are generated text too (`__call__` of a subclass made for the object).
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Concatenate, Generic, ParamSpec, overload

from srcad.argnums import Path, below, parameters_of
from srcad.compiler import Compiled, compile_request, obtain
from srcad.dispatch import dispatcher, matches
from srcad.ir.abstract import (
    type_of_value,
)
from srcad.parser.depth import with_room
from srcad.parser.source import own_signature
from srcad.pristine import np
from srcad.requests import Request, Signature, Step, lowering_types
from srcad.rules.registry import ON_CHANGE

P = ParamSpec("P")  # the parameters of the function, which its derivative has too
Q = ParamSpec("Q")
_PACKAGE = os.path.join(os.path.dirname(__file__), "")
MAX_SIGNATURES = 64  # compilations per object, then generic code; as many are kept of that
_HOT_ENTRIES = 4
_COUNTS = ("hits", "misses", "invalidated", "disk_hits", "disk_misses")
_STATIC_TYPES = (
    str, type(None), type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType,
    np.ufunc, np.dtype, functools.partial,
)  # fmt: skip


def is_static(value: Any) -> bool:
    return isinstance(value, _STATIC_TYPES) or isinstance(value, Derivative)


def signature_of(bound: Mapping[str, Any]) -> Signature:
    """The abstract signature of a call."""
    statics = {name: value for name, value in bound.items() if is_static(value)}
    types_of = {name: type_of_value(v) for name, v in bound.items() if name not in statics}
    return Signature(types_of, statics, bound)


def with_receiver(
    signature: Signature, function: types.FunctionType, receiver: tuple[Any, ...]
) -> Signature:
    """The signature with the object of a bound method, if there is one, as first argument."""
    if not receiver:
        return signature
    given = signature_of({next(iter(parameters_of(function))): receiver[0]})
    return replace(
        signature,
        types={**signature.types, **given.types},
        statics={**signature.statics, **given.statics},
        examples={**signature.examples, **given.examples},
    )


def key_of(request: Request, signature: Signature) -> tuple[Any, ...]:
    """A hashable key of a signature; `matches` has to tell apart what it does not."""
    types_of = lowering_types(request, signature) if request.generic else signature.types
    key: list[Any] = [request.generic]
    for name, value in signature.examples.items():
        t = types_of.get(name)
        if t is None:  # a static value lives as long as its entry, so its id is not used again
            key.append((name, value if isinstance(value, (str, type(None))) else id(value)))
        else:
            named = isinstance(value, tuple) and type(value) is not tuple
            key.append((name, t, type(value) if str(t) == "object" or named else None))
    return tuple(key)


class Derivative(Generic[P]):
    """A derivative of a Python function.

    Attributes
    ----------
    source : str
        The generated text that was used last (or, before any call, the text for the annotations).
    ir : srcad.ir.values.Function
        Its intermediate representation.
    signatures : list of str
        The argument types that it was compiled for.
    """

    __srcad_transform__ = "grad"

    def __init__(self, request: Request, receiver: tuple[Any, ...] = ()) -> None:
        self.request = request
        self._receiver = receiver  # the object, where it was made of a bound method
        self.function = request.function
        functools.update_wrapper(self, request.function)
        self.__signature__ = own_signature(request.function)
        self._entries: dict[Any, list[Compiled]] = {}
        self._recent: list[Compiled] = []
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._warned = False
        self._parameters = parameters_of(request.function)
        self._generic = replace(request, generic=True)
        self._differentiated = request.differentiated

    @property
    def __srcad_steps__(self) -> tuple[Step, ...]:
        """The transforms, for a derivative that is called inside of a differentiated function."""
        return self.request.steps

    # ------------------------------------------------------------------ calling
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        return self.call(args, kwargs)

    def call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call with any types: find or compile the code, then run it."""
        bound = self.bind(args, kwargs)
        compiled = self.compiled(bound.arguments)
        self.convert(bound)
        return compiled.run(*bound.args, **bound.kwargs)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
        bound = self.__signature__.bind(*args, **kwargs)
        for name in self._differentiated.difference(bound.arguments):
            default = parameters_of(self.function)[name].default
            if default is not inspect.Parameter.empty:
                bound.arguments[name] = default
        return bound

    def compiled(self, arguments: Mapping[str, Any]) -> Compiled:
        """The code for these arguments, compiled if it is not there or no longer valid."""
        signature = signature_of(arguments)
        found = self._find(signature)
        if found is not None:
            return found
        if self._is_full() and not self.request.generic:
            self._warn(arguments)
        # Outside of the lock, which another thread shall take if this one lacks the room.
        return with_room(lambda: self._compile(signature, arguments), self.request.function)

    def _compile(self, signature: Signature, arguments: Mapping[str, Any]) -> Compiled:
        """The code for these arguments, newly compiled and kept."""
        with _compiling:
            found = self._find(signature)  # another thread may have been faster
            if found is not None:
                return found
            request = self.request
            if self._is_full() and not request.generic:
                request = self._generic
            compiled = obtain(request, signature)
            self._counts["misses"] += 1
            if compiled.on_disk is not None:
                self._counts["disk_hits" if compiled.on_disk else "disk_misses"] += 1
            compiled.signature = replace(compiled.signature, examples=_outline(arguments))
            self._entries.setdefault(key_of(request, signature), []).append(compiled)
            _with_code.add(self)
            self._evict()
            self._recent = [compiled, *self._recent][:_HOT_ENTRIES]
            self._specialise()
            return compiled

    def _find(self, signature: Signature) -> Compiled | None:
        found = self._valid(self.request, signature)
        if found is None and self._is_full() and not self.request.generic:
            found = self._valid(self._generic, signature)
        self._counts["hits"] += found is not None
        return found

    def _valid(self, request: Request, signature: Signature) -> Compiled | None:
        """What was compiled for this signature and still holds."""
        key = key_of(request, signature)
        entries = self._entries.get(key, [])
        for compiled in tuple(entries):
            if not matches(compiled, request, signature):
                continue
            if compiled.valid():
                return compiled
            with _compiling:
                self._counts["invalidated"] += 1
                if compiled in entries:
                    entries.remove(compiled)
                if not entries:
                    self._entries.pop(key, None)
                self._recent = [c for c in self._recent if c is not compiled]
        return None

    def _is_full(self) -> bool:
        return sum(map(len, self._entries.values())) >= MAX_SIGNATURES

    def _evict(self) -> None:
        """Forget the oldest generic code if there is too much of it."""
        generic = [entries for key, entries in self._entries.items() if key[0]]
        if sum(map(len, generic)) > MAX_SIGNATURES:
            del generic[0][0]
            if not generic[0]:
                self._entries = {k: entries for k, entries in self._entries.items() if entries}

    def _warn(self, arguments: Mapping[str, Any]) -> None:
        if self._warned:
            return
        self._warned = True
        varying = []
        compiled = [c for entries in self._entries.values() for c in entries]
        for name in arguments:
            types_seen = {part for key in self._entries for part in key[1:] if part[0] == name}
            values_seen = {repr(c.statics.get(name)) for c in compiled}
            if max(len(types_seen), len(values_seen)) > MAX_SIGNATURES // 2:
                varying.append(name)
        names = ", ".join(f"`{n}`" for n in varying) or "the arguments"
        warnings.warn(
            f"the derivative of {self.function.__name__} was compiled {MAX_SIGNATURES} times, "
            f"since {names} changed with each call; generic code is used from now on",
            stacklevel=_level_of_caller(),
        )

    def convert(self, bound: inspect.BoundArguments) -> None:
        """Make arguments what the generated code takes.

        Python ints given for differentiated arguments become floats. Defaults are filled in:
        those that are no literals are not in the text.
        """
        for name in self._differentiated & bound.arguments.keys():
            bound.arguments[name] = _as_floats(
                bound.arguments[name], self.request.paths_in(name)
            )
        given = bound.arguments
        bound.arguments = {
            name: given.get(name, p.default)
            for name, p in parameters_of(self.function).items()
            if name in given or p.default is not p.empty
        }

    def _specialise(self) -> None:
        """Give the object a `__call__` that tests for the recent signatures by itself."""
        made = dispatcher(self, self._recent)
        if made is not None:
            body = {"__call__": made, "__slots__": (), "__doc__": None}
            self.__class__ = type("Derivative", (Derivative,), body)

    # ------------------------------------------------------------------ as a function
    @overload
    def __get__(self, instance: None, owner: Any = None) -> Derivative[P]: ...
    @overload
    def __get__(
        self: Derivative[Concatenate[Any, Q]], instance: object, owner: Any = None
    ) -> Callable[Q, Any]: ...

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        home = _resolve(self.function.__module__, self.function.__qualname__)
        if home is self:
            return self.__qualname__
        request = self.request
        # Where the function is decorated, its name stands for the derivative.
        decorated = isinstance(home, Derivative) and home.function is self.function
        return _rebuild, (home if decorated else self.function, request.steps, request.optimized,
                          request.generic, request.source, request.cache)  # fmt: skip

    def __repr__(self) -> str:
        return f"<srcad {self.request.steps[-1].transform} of {self.function.__qualname__}>"

    def __deepcopy__(self, memo: Any) -> Derivative[P]:
        return self

    # ------------------------------------------------------------------ looking inside
    @property
    def source(self) -> str:
        return self._latest().text

    @property
    def ir(self) -> Any:
        latest = self._latest()
        if latest.ir is None:  # the text comes from the disk cache
            latest.ir = self._compiled(latest.request, latest.signature).ir
        return latest.ir

    def _compiled(self, request: Request, signature: Signature) -> Compiled:
        def compiled() -> Compiled:
            with _compiling:
                return compile_request(request, signature)

        return with_room(compiled, request.function)

    @property
    def signatures(self) -> list[str]:
        return [
            ", ".join(f"{n}: {t}" for n, t in c.signature.types.items())
            for entries in self._entries.values()
            for c in entries
        ]

    def _latest(self) -> Compiled:
        if self._recent:
            return self._recent[0]
        from srcad.annotations import signature_from_annotations

        signature = signature_from_annotations(self.request.function)
        signature = with_receiver(signature, self.request.function, self._receiver)
        return self._compiled(self.request, signature)

    def cache_info(self) -> dict[str, int]:
        """Counts of look-ups in the memory cache (the generated fast path is not counted), of
        those that went on to the disk cache, and of what is kept in memory."""
        return {**self._counts, "entries": sum(map(len, self._entries.values()))}

    def cache_clear(self) -> None:
        """Forget all compiled code of this object."""
        with _compiling:
            self._entries = {}
            self._recent = []
            self.__class__ = Derivative


def _level_of_caller() -> int:
    """The `stacklevel` that stands for the user's line, seen from the caller of this function."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and (frame := frame.f_back) is not None:
        if not frame.f_code.co_filename.startswith((_PACKAGE, "<srcad")):
            break
        level += 1
    return level


def _resolve(module: str, qualname: str) -> Any:
    try:
        found: Any = importlib.import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return None
    return found


def _rebuild(
    function: types.FunctionType | Derivative[...], steps: tuple[Step, ...], *options: Any
) -> Derivative[...]:
    if isinstance(function, Derivative):
        function = function.function
    return Derivative(Request(function, steps, *options))


def _as_floats(value: Any, paths: Collection[Path] = ((),)) -> Any:
    """An argument with the Python ints at the ends of the paths as floats."""
    if type(value) is int and () in paths:
        return float(value)
    if type(value) is list and set(map(type, value)) == {float}:
        return value  # the common case, without a copy
    if type(value) in (tuple, list):
        parts = [_as_floats(part, below(paths, i)) for i, part in enumerate(value)]
        changed = any(new is not old for new, old in zip(parts, value))
        return type(value)(parts) if changed else value  # two arguments may be one object
    if type(value) is dict:
        named = {key: _as_floats(part, below(paths, key)) for key, part in value.items()}
        return named if any(named[key] is not value[key] for key in value) else value
    return value


def _outline(value: Any) -> Any:
    """Something of the same type as an argument; the caller's arrays shall not be kept alive."""
    if type(value) is np.ndarray:
        return np.broadcast_to(np.zeros((), value.dtype), value.shape)
    if type(value) in (tuple, list):
        return type(value)(map(_outline, value))
    if type(value) is dict:
        return {key: _outline(part) for key, part in value.items()}
    return object() if str(type_of_value(value)) == "object" else value


# The objects that hold compiled code. It was made with the rules as they were.
_with_code: weakref.WeakSet[Derivative[...]] = weakref.WeakSet()


def _forget_all() -> None:
    """Drop the compiled code of all derivatives, since a rule has been declared."""
    with _compiling:
        for derivative in tuple(_with_code):
            derivative.cache_clear()
        _with_code.clear()


ON_CHANGE.append(_forget_all)

# One lock for all: a compilation may need another. Calls of compiled code do not take it.
_compiling = threading.RLock()


def _unlock_in_child() -> None:
    """Free the lock in a forked child, where the thread that held it does not exist."""
    global _compiling
    _compiling = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)


