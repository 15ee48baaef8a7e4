"""The object that `grad` returns: it picks, or compiles, the code for the types of a call.

What holds afterwards: a call with types seen before costs a few type tests and guard checks; they
are generated text too (`__call__` of a subclass made for the object).
"""

from __future__ import annotations

import ast
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

from srcad.cache.guards import Guard, contents, guard_expression, same
from srcad.compiler import (
    Compiled,
    Path,
    Request,
    Signature,
    Step,
    below,
    compile_request,
    lowering_types,
    obtain,
)
from srcad.errors import SignatureError
from srcad.ir.abstract import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    ONE,
    Array,
    Type,
    type_of_value,
)
from srcad.ir.values import Attribute
from srcad.parser.classes import instance_names
from srcad.parser.depth import with_room
from srcad.pristine import np
from srcad.rules.registry import ON_CHANGE

P = ParamSpec("P")  # the parameters of the function, which its derivative has too
Q = ParamSpec("Q")
_MISSING = type("Missing", (), {"__repr__": lambda self: "<not given>"})()
_PACKAGE = os.path.join(os.path.dirname(__file__), "")
MAX_SIGNATURES = 64  # compilations per object, then generic code; as many are kept of that
_HOT_ENTRIES = 4
_COUNTS = ("hits", "misses", "invalidated", "disk_hits", "disk_misses")
_STATIC_TYPES = (
    str, type(None), type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType,
    np.ufunc, np.dtype, functools.partial,
)  # fmt: skip


def parameters_of(function: types.FunctionType) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function, follow_wrapped=False).parameters)


def parse_argnums(
    function: types.FunctionType, argnums: int | str | Sequence[int | str], bound: int = 0
) -> tuple[tuple[Path, ...], bool]:
    """(paths, whether a single one was given).

    Positions do not count the first `bound` arguments: the object of a method.

    Raises
    ------
    SignatureError
        If there is no such argument.
    """
    single = isinstance(argnums, (int, str))
    wanted = (argnums,) if isinstance(argnums, (int, str)) else tuple(argnums)
    return tuple(_path(function, a, bound) for a in wanted), single


def _path(function: types.FunctionType, argnum: Any, bound: int) -> Path:
    parameters = parameters_of(function)
    names = list(parameters)
    if isinstance(argnum, bool) or not isinstance(argnum, (int, str)):
        raise SignatureError(
            f"argnums must be an int, a name, or a tuple of these, not {argnum!r}",
            reason="it says which arguments are differentiated",
            advice="use argnums=0, argnums='x', or argnums=('x', 'y')",
        )
    if isinstance(argnum, int):
        counted = names[bound:]
        if not -len(counted) <= argnum < len(counted):
            raise _no_argument(function, str(argnum), counted)
        return (counted[argnum],)
    if argnum in names:
        return (argnum,)
    path = _parsed_path(argnum)
    if path is not None and path[0] not in names:  # a keyword that `**kwargs` takes
        takers = [name for name, p in parameters.items() if p.kind is p.VAR_KEYWORD]
        path = (*takers, *path) if takers else None
    if path is None:
        raise _no_argument(function, argnum, names)
    return path


def _no_argument(function: types.FunctionType, argnum: str, names: list[str]) -> SignatureError:
    return SignatureError(
        f"`{function.__name__}` has no argument {argnum!r}",
        reason="its arguments are " + (", ".join(names) or "none"),
        advice="choose one of them in argnums",
    )


def _parsed_path(text: str) -> Path | None:
    """``params['b'][0].w`` as ("params", "b", 0, Attribute("w")); None if it is no such path."""
    try:
        node: ast.AST = ast.parse(text, mode="eval").body
    except SyntaxError:
        return None
    keys: list[Any] = []
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        if isinstance(node, ast.Attribute):
            keys.append(Attribute(node.attr))
        elif isinstance(node.slice, ast.Constant):
            keys.append(node.slice.value)
        else:
            return None
        node = node.value
    return (node.id, *reversed(keys)) if isinstance(node, ast.Name) else None


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
    """A hashable key of a signature; `_matches` has to tell apart what it does not."""
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
        self.__signature__ = inspect.signature(request.function, follow_wrapped=False)
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
            if not _matches(compiled, request, signature):
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
        made = _dispatcher(self, self._recent)
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


def _matches(compiled: Compiled, request: Request, signature: Signature) -> bool:
    """Whether code found by its key is for these arguments."""
    if request.generic:  # what needs to be known is known in generic code too
        exact = lowering_types(replace(request, generic=False), signature)
        unknown = lowering_types(request, signature)
        if any(t not in (unknown[n], exact[n]) for n, t in compiled.signature.types.items()):
            return False
    arguments = signature.examples
    return _statics_match(compiled, arguments) and _objects_match(compiled, arguments)


def _statics_match(compiled: Compiled, arguments: Mapping[str, Any]) -> bool:
    return all(
        _same_static(arguments.get(name, _MISSING), expected)
        for name, expected in compiled.statics.items()
    )


def _same_static(value: Any, expected: Any) -> bool:
    if isinstance(expected, np.generic):
        return type(value) is type(expected) and value.tobytes() == expected.tobytes()
    return type(value) is type(expected) and same(contents(value), contents(expected))


def _part_of(value: Any, key: Any) -> Any:
    """A part of an argument, or the marker of a missing one."""
    if isinstance(key, Attribute):
        return getattr(value, key.name, _MISSING)
    if isinstance(value, dict):
        return value.get(key, _MISSING)
    if isinstance(value, (tuple, list)) and len(value) > key:
        return value[key]
    return _MISSING


def _objects_match(compiled: Compiled, arguments: Mapping[str, Any]) -> bool:
    for name, path, what, expected in compiled.argument_assumptions:
        value = arguments.get(name, _MISSING)
        for part in path:
            value = _part_of(value, part)
        if what == "length":
            if type(value) is not list or len(value) != expected:
                return False
        elif what == "lacks":
            if expected in instance_names(value):
                return False
        elif what == "type":
            if type_of_value(value) != expected:
                return False
        elif what == "method":
            if getattr(value, "__func__", None) is not expected:
                return False
        elif what == "class":
            if type(value) is not expected:
                return False
        elif not _same_static(value, expected):
            return False
    return True


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


# ---------------------------------------------------------------------- the generated fast path
# A test raises a KeyError if a name that it guards has gone. No call stands within the `try`, so
# that no error of the user's is caught.
_ENTRY = """\
    try:
        {holds} = {test}
    except KeyError:
        {holds} = False
    if {holds}:
        return _run{k}({arguments})
"""


def _dispatcher(
    derivative: Derivative[...], entries: Sequence[Compiled]
) -> Callable[..., Any] | None:
    """A `__call__` with a test per entry, or None if no entry can be tested simply."""
    kinds = inspect.Parameter
    params = derivative._parameters
    if any(p.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD) for p in params.values()):
        return None
    if "self" in params and next(iter(params)) != "self":
        return None
    names: dict[str, object] = {"_missing": _MISSING, "_ndarray": np.ndarray}
    lines: list[str] = []
    holds = "_holds"
    while holds in params:
        holds += "_"
    for k, compiled in enumerate(entries):
        test = _entry_test(derivative, compiled, k, names)
        if test is None:
            continue
        names[f"_run{k}"] = compiled.run
        arguments = _arguments(params, compiled)
        lines.append(_ENTRY.format(holds=holds, test=test, k=k, arguments=arguments))
    if not lines:
        return None
    listed = []
    positional_only = [p for p in params.values() if p.kind is kinds.POSITIONAL_ONLY]
    for i, p in enumerate(params.values()):
        if p.kind is kinds.KEYWORD_ONLY and "*" not in listed:
            listed.append("*")
        listed.append(p.name if p.default is p.empty else f"{p.name}=_missing")
        if positional_only and i == len(positional_only) - 1:
            listed.append("/")
    self_name = "_self"
    head = f"def __call__({', '.join([self_name, *listed])}):\n"
    given = "{" + ", ".join(f"{n!r}: {n}" for n in params) + "}"
    text = head + "".join(lines) + f"    return _slow({self_name}, {given})\n"
    names["_slow"] = _slow
    namespace = dict(names)
    exec(compile(text, "<srcad dispatch>", "exec"), namespace)
    return namespace["__call__"]  # type: ignore[return-value]


def _slow(derivative: Derivative[...], given: dict[str, Any]) -> Any:
    args, kwargs = [], {}
    for name, value in given.items():
        if value is _MISSING:
            continue
        if derivative._parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY:
            args.append(value)
        else:
            kwargs[name] = value
    return derivative.call(args, kwargs)


def _arguments(params: Mapping[str, inspect.Parameter], compiled: Compiled) -> str:
    given = {*compiled.signature.types, *compiled.statics} & {*compiled.signature.examples}
    parts = []
    skipped = False
    for p in params.values():
        if p.name not in given:
            skipped = True
        elif p.kind is p.KEYWORD_ONLY or (skipped and p.kind is not p.POSITIONAL_ONLY):
            parts.append(f"{p.name}={p.name}")
        else:
            parts.append(p.name)
    return ", ".join(parts)


def _entry_test(
    derivative: Derivative[...], compiled: Compiled, k: int, names: dict[str, object]
) -> str | None:
    if compiled.argument_assumptions:
        return None
    given = compiled.signature.examples
    optional = {n for n, p in parameters_of(compiled.run).items() if p.default is not p.empty}
    tests: list[str] = []
    for name in derivative._parameters:
        if name not in given:
            if name not in optional:
                return None
            tests.append(f"{name} is _missing")
            continue
        if name in compiled.statics:
            expected = compiled.statics[name]
            names[f"_s{k}_{name}"] = expected
            if isinstance(expected, (str, int)):
                tests.append(f"type({name}) is type(_s{k}_{name}) and {name} == _s{k}_{name}")
            else:
                tests.append(f"{name} is _s{k}_{name}")
            continue
        value = given[name]
        test = _type_test(name, type_of_value(value), value, names)
        if test is None or (name in derivative._differentiated and type(value) is int):
            return None
        tests.append(test)
    plain = [g for g in compiled.guards if isinstance(g, Guard)]
    typed = [g for g in compiled.guards if not isinstance(g, Guard)]
    if plain:
        text, bindings = guard_expression(plain, f"_g{k}_", may_raise=True)
        names.update(bindings)
        tests.append(text)
    for i, g in enumerate(typed):
        names[f"_t{k}_{i}"] = g.holds
        tests.append(f"_t{k}_{i}()")
    return " and ".join(tests) or "True"


def _type_test(name: str, t: Type, value: Any, names: dict[str, object]) -> str | None:
    plain = {FLOAT: "float", INT: "int", BOOL: "bool", COMPLEX: "complex"}.get(t)  # type: ignore[call-overload]
    if plain is not None:
        return f"type({name}) is {plain}"
    if not isinstance(t, Array) or t.dims is None or t.dtype is None:
        return None
    if t.item:
        names[f"_{type(value).__name__}"] = type(value)
        return f"type({name}) is _{type(value).__name__}"
    if value.dtype is not np.dtype(t.dtype):
        return None
    names[f"_d_{t.dtype}"] = value.dtype
    tests = [f"type({name}) is _ndarray", f"{name}.dtype is _d_{t.dtype}",
             f"{name}.ndim == {len(t.dims)}"]  # fmt: skip
    if ONE not in t.dims:
        if t.dims:
            tests.append(f"1 not in {name}.shape")
    else:
        tests += [
            f"{name}.shape[{i}] {'==' if d is ONE else '!='} 1" for i, d in enumerate(t.dims)
        ]
    return " and ".join(tests)
