"""Which compiled code is for the arguments of a call: the tests, and their generated text."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from srcad.argnums import parameters_of
from srcad.cache.guards import Guard, contents, guard_expression, same
from srcad.compiler import Compiled
from srcad.ir.abstract import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    ONE,
    Array,
    ListOf,
    Type,
    type_of_value,
)
from srcad.ir.values import Attribute
from srcad.parser.objects.classes import instance_names
from srcad.pristine import np
from srcad.requests import Request, Signature, lowering_types

MISSING = type("Missing", (), {"__repr__": lambda self: "<not given>"})()


def matches(compiled: Compiled, request: Request, signature: Signature) -> bool:
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
        _same_static(arguments.get(name, MISSING), expected)
        for name, expected in compiled.statics.items()
    )


def _same_static(value: Any, expected: Any) -> bool:
    if isinstance(expected, np.generic):
        return type(value) is type(expected) and value.tobytes() == expected.tobytes()
    return type(value) is type(expected) and same(contents(value), contents(expected))


def _part_of(value: Any, key: Any) -> Any:
    """A part of an argument, or the marker of a missing one."""
    if isinstance(key, Attribute):
        return getattr(value, key.name, MISSING)
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if isinstance(value, (tuple, list)) and len(value) > key:
        return value[key]
    return MISSING


def _objects_match(compiled: Compiled, arguments: Mapping[str, Any]) -> bool:
    for name, path, what, expected in compiled.argument_assumptions:
        value = arguments.get(name, MISSING)
        for part in path:
            value = _part_of(value, part)
        if what == "length":
            if type(value) is not list or len(value) != expected:
                return False
        elif what == "shape":
            if type(value) is not np.ndarray or value.shape != expected:
                return False
        elif what == "contiguous":
            if not value.flags.c_contiguous:
                return False
        elif what == "lacks":
            if expected in instance_names(value):
                return False
        elif what == "is not":
            if value is expected:
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


def dispatcher(
    derivative: Any, entries: Sequence[Compiled]
) -> Callable[..., Any] | None:
    """A `__call__` with a test per entry, or None if no entry can be tested simply."""
    kinds = inspect.Parameter
    params = derivative._parameters
    if any(p.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD) for p in params.values()):
        return None
    if "self" in params and next(iter(params)) != "self":
        return None
    names: dict[str, object] = {"_missing": MISSING, "_ndarray": np.ndarray}
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
    made: Any = namespace["__call__"]
    made.__qualname__ = derivative.function.__qualname__  # Python's errors of a call show it
    return made  # type: ignore[return-value]


def _slow(derivative: Any, given: dict[str, Any]) -> Any:
    args, kwargs = [], {}
    for name, value in given.items():
        if value is MISSING:
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
    derivative: Any, compiled: Compiled, k: int, names: dict[str, object]
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
    if t == ListOf(FLOAT):
        names["_floats"] = {float}
        return f"type({name}) is list and {{*map(type, {name})}} == _floats"
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
