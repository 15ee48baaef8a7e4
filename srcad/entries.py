"""What is differentiated where a callable is no plain Python function.

What holds afterwards: it is a Python function that calls it, with the parameters that it shows.
"""

from __future__ import annotations

import functools
import inspect
import types
from typing import Any

from srcad.argnums import Argnums, parameters_of
from srcad.pristine import np
from srcad.rules.custom import CustomFunction, entry_of
from srcad.rules.registry import lookup

_OF_NUMPY = type(np.sum)  # functions over C code or over Python
_WITH_DICT = (functools.partial, type(functools.lru_cache(len)))
_ATTRIBUTE = "__srcad_entry__"
_ENTRIES: dict[Any, types.FunctionType] = {}  # of functions that are never deleted


def python_function(function: Any) -> Any:
    """For a function with a rule, of NumPy, a cache or a partial: one that calls it."""
    if isinstance(function, CustomFunction):
        return function.entry
    if isinstance(function, (types.FunctionType, types.MethodType, type)):
        return function
    if isinstance(function, _WITH_DICT):
        return _kept_entry(function)
    rule = lookup(function)
    if rule is None and not isinstance(function, _OF_NUMPY):
        return function
    if function not in _ENTRIES:
        try:
            signature = inspect.signature(function)
        except ValueError:  # C code that does not tell its parameters
            signature = None
        if rule is not None and (signature is None or isinstance(function, np.ufunc)):
            signature = rule.signature
        if signature is None:
            return function
        _ENTRIES[function] = _entry(function, signature)
    return _ENTRIES[function]


def with_names(function: types.FunctionType, argnums: Argnums) -> types.FunctionType:
    """For a decorated function, whose wrapper takes ``*args, **kwargs``: one with its names.

    This is so where `argnums` names one of them.
    """
    wanted = tuple(argnums) if isinstance(argnums, (tuple, list)) else (argnums,)
    names = {a for a in wanted if isinstance(a, str)} - parameters_of(function).keys()
    if not names or not names & inspect.signature(function).parameters.keys():
        return function
    return _kept_entry(function)


def _kept_entry(function: Any) -> types.FunctionType:
    attributes: dict[str, Any] = function.__dict__
    owner, entry = attributes.get(_ATTRIBUTE, (None, None))
    if owner is not function:  # functools.wraps copies the attributes of another function
        entry = _entry(function, inspect.signature(function))
        attributes[_ATTRIBUTE] = (function, entry)
    return entry  # type: ignore[no-any-return]


def _entry(function: Any, signature: inspect.Signature) -> types.FunctionType:
    named = function
    while isinstance(named, functools.partial):
        named = named.func
    name = getattr(named, "__name__", "function")
    callee = name if name.isidentifier() and name not in signature.parameters else "target_"
    return entry_of(function, signature, name, f"call of {name}", callee)
