"""What the function reads from containers of other classes than Python's own: mappings, sets,
signatures of functions.

What holds afterwards: the result is known, and the same call gives it again before each use of
the compiled code; else the code is not used. A list, tuple, dict or set needs none of this: the
guard of the name under which it was found compares what it holds.
"""

from __future__ import annotations

import collections.abc as abc
import enum
import functools
import inspect
import operator
import types
from collections.abc import Callable
from typing import Any

import gast

from srcad.ir.abstract import Array, ListOf, Type
from srcad.ir.values import Value
from srcad.parser.bindings import Binding, Known, Struct, describe

_OWN = (tuple, list, dict, set, frozenset, str, bytes, range)
_READERS = ("__getitem__", "__contains__", "__iter__", "__len__")
_FOREIGN = (
    abc.Mapping, abc.Set, abc.Sequence, abc.MappingView, inspect.Signature,
    enum.EnumMeta,
)  # fmt: skip
_VALUES = (bool, int, float, complex, str, bytes, type(None))
_CACHED = functools._lru_cache_wrapper
_ERRORS = (ArithmeticError, TypeError, ValueError, LookupError, AttributeError)


def contains(box: Any, item: Any) -> bool:
    return item in box


def keys(mapping: Any) -> tuple[Any, ...]:
    return tuple(mapping.keys())


def values(mapping: Any) -> tuple[Any, ...]:
    return tuple(mapping.values())


def items(mapping: Any) -> tuple[Any, ...]:
    return tuple(mapping.items())


def get(mapping: Any, *args: Any) -> Any:
    return mapping.get(*args)


_METHODS: dict[str, Callable[..., Any]] = {
    "keys": keys, "values": values, "items": items, "get": get, "__getitem__": operator.getitem,
    "__contains__": contains,
}  # fmt: skip


def is_foreign(value: Any) -> bool:
    """Whether this is a container whose contents no other guard compares."""
    return isinstance(value, _FOREIGN) and not any(
        isinstance(value, own)
        and all(getattr(type(value), n, None) is getattr(own, n, None) for n in _READERS)
        for own in _OWN
    )


def is_iterable(value: Any) -> bool:
    """Whether a loop over this runs over known objects, always the same."""
    return isinstance(value, _OWN) or is_foreign(value)


def read(
    low: Any, fn: Callable[..., Any], args: tuple[Any, ...], node: gast.AST, code: Any = None
) -> Binding:
    """The result of a function of known objects, noted as something to be read again.

    `code` is what runs, if it is less than the function and all methods of the objects.

    Raises
    ------
    UnsupportedSyntaxError
        If the call fails, or gives something else each time.
    """
    for part in (fn, *map(type, args)) if code is None else (code,):
        low.check_opaque(part, getattr(part, "__qualname__", "this call"), node)
    try:
        found, again = fn(*args), fn(*args)
    except _ERRORS as error:
        raise low.python_raises(
            error, node, f"this look-up fails: {error!r}", "Python raises the same here",
            "correct the index",
        ) from None  # fmt: skip
    if not _steady(found, again):
        raise low.unsupported(
            node, f"{describe(Known(args[0]))} gives another object at each look-up",
            "what was true of the first need not be true of the next",
            "look it up outside of the function, and pass the result",
        )  # fmt: skip
    low.assumptions.add_read(fn, args, found)
    return low.known_object(found)  # type: ignore[no-any-return]


def method(low: Any, fn: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    """A call of a method that reads or copies a known container; None if it is none."""
    if kwargs or not isinstance(fn, (types.MethodType, types.BuiltinMethodType)):
        return None
    if fn.__name__ == "copy" and type(fn.__self__) in (list, dict) and not args:
        made: Binding = low.call_known(type(fn.__self__), [Known(fn.__self__)], {}, node)
        return made
    reader = _METHODS.get(fn.__name__)
    if reader is get and len(args) == 2 and isinstance(args[0], Known):
        if not isinstance(args[1], Known):  # a default that is made here: `table.get(key, [])`
            table: Any = fn.__self__
            inside = method(low, table.__contains__, args[:1], kwargs, node)
            if not isinstance(inside, Known):
                return None
            return method(low, fn, args[:1], kwargs, node) if inside.value else args[1]
    known = [a.value for a in args if isinstance(a, Known)]
    if reader is None or len(known) < len(args):
        return None
    owner = fn.__self__
    if isinstance(owner, dict) and not is_foreign(owner):  # its contents are compared as a whole
        return low.known_object(reader(owner, *known))  # type: ignore[no-any-return]
    return read(low, reader, (owner, *known), node) if is_foreign(owner) else None


def is_array(t: Type) -> bool:
    return isinstance(t, ListOf) or (isinstance(t, Array) and not t.item)


def known(binding: Binding) -> Known | None:
    """A binding as one known object, also a tuple of such; None if it is none."""
    if isinstance(binding, Known):
        return binding
    if isinstance(binding, Struct) and binding.kind in ("tuple", "list"):
        parts = [known(part) for part in binding.parts]
        if None not in parts:
            kind = tuple if binding.kind == "tuple" else list
            return Known(kind(part.value for part in parts if part is not None))
    return None


def cached(
    low: Any, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    """A call of a function that `functools.cache` keeps the results of; None if it is none.

    With known arguments it is called, as the user's function would; else its source is followed.
    """
    if not isinstance(fn, _CACHED):
        return None
    positional = [known(a) for a in args]
    named = {key: known(a) for key, a in kwargs.items()}
    if None not in positional and None not in named.values():
        options = {key: k.value for key, k in named.items() if k is not None}
        function = functools.partial(fn, **options) if options else fn
        return read(low, function, tuple(k.value for k in positional if k is not None), node)
    for a in (*args, *kwargs.values()):
        content = low.deref(a)
        if isinstance(content, Value) and is_array(content.type):
            raise low.python_raises(
                TypeError(), node, "an array cannot be an argument of a function with a cache",
                "Python raises TypeError here: arrays have no hash value",
                "pass numbers, or take the cache off",
            )  # fmt: skip
    return low.call_known(fn.__wrapped__, args, kwargs, node)  # type: ignore[no-any-return]


def signature(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    """`inspect.signature` of a known function."""
    known = [a.value for a in args if isinstance(a, Known)]
    if kwargs or len(known) != 1 or len(args) != 1:
        return None
    return read(low, inspect.signature, (known[0],), node)


def _steady(a: Any, b: Any) -> bool:
    """Whether two look-ups gave one object, or equal constants."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(_steady, a, b))
    if isinstance(a, inspect.Signature):
        return same_signature(a, b)
    return bool(a == b) if isinstance(a, _VALUES) else False


def same_signature(a: inspect.Signature, b: inspect.Signature) -> bool:
    """Whether two signatures have the same parameters; arrays as defaults have to be the same."""
    if list(a.parameters) != list(b.parameters):
        return False
    return _steady(a.return_annotation, b.return_annotation) and all(
        p.kind is q.kind and _steady(p.default, q.default) and _steady(p.annotation, q.annotation)
        for p, q in zip(a.parameters.values(), b.parameters.values())
    )
