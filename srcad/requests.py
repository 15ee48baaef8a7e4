"""What is asked of the compiler: transforms of a function, for arguments of certain types."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from srcad.argnums import Path, below
from srcad.ir.abstract import (
    FLOAT,
    INT,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    Scalar,
    TupleOf,
    Type,
    kind_of,
)


@dataclass(frozen=True)
class Step:
    """One transform. `argnums` are paths; `single` if the user gave one, not a tuple."""

    transform: str  # "grad" | "value_and_grad" | "jvp" | "vjp"
    argnums: tuple[Path, ...]
    single: bool = True
    has_aux: bool = False


@dataclass(frozen=True)
class Request:
    """What is asked for: transforms of a function (the first is applied first), and options.

    `cache` is None, "disk", or the directory of a disk cache.
    """

    function: types.FunctionType
    steps: tuple[Step, ...]
    optimized: bool = True
    generic: bool = False
    source: str | None = None
    cache: str | None = None

    @property
    def paths(self) -> frozenset[Path]:
        """The paths that are differentiated."""
        return frozenset(path for step in self.steps for path in step.argnums)

    @property
    def differentiated(self) -> set[str]:
        """Parameters that are differentiated, in whole or in part."""
        return {path[0] for step in self.steps for path in step.argnums}

    def paths_in(self, name: str) -> list[Path]:
        """The paths within a parameter to what is differentiated of it."""
        return below([path for step in self.steps for path in step.argnums], name)


@dataclass(frozen=True)
class Signature:
    """What is known of the arguments: a type per parameter, values of the static ones."""

    types: Mapping[str, Type]
    statics: Mapping[str, Any]
    examples: Mapping[str, Any] = field(default_factory=dict)


def lowering_types(request: Request, signature: Signature) -> dict[str, Type]:
    """The types to compile for: generic code knows structures only, an int may be a float."""
    types_of = dict(signature.types)
    for name in request.differentiated & types_of.keys():
        types_of[name] = as_differentiated(types_of[name], request.paths_in(name))
    if request.generic:
        for name, t in types_of.items():
            types_of[name] = without_types(t, name in request.differentiated)
    return types_of


def as_differentiated(t: Type, paths: Collection[Path] = ((),)) -> Type:
    """A Python int given for a differentiated argument is taken as the float that it is (C6).

    `paths` lead to the parts that are differentiated.
    """
    if t == INT and () in paths:
        return FLOAT
    if isinstance(t, TupleOf) and t.elems is not None:
        parts = [as_differentiated(e, below(paths, i)) for i, e in enumerate(t.elems)]
        return TupleOf(tuple(parts))
    if isinstance(t, DictOf):
        return DictOf(tuple((k, as_differentiated(e, below(paths, k))) for k, e in t.items))
    if isinstance(t, ListOf) and () in paths:
        return ListOf(as_differentiated(t.elem))
    return t


def without_types(t: Type, differentiated: bool) -> Type:
    """The type for generic code: structure stays, numbers and arrays are unknown.

    Of what is differentiated, integers stay too, so that they are refused.
    """
    if isinstance(t, (Scalar, Array)):
        return t if differentiated and kind_of(t) in ("i", "b") else UNKNOWN
    if isinstance(t, TupleOf) and t.elems is not None:
        return TupleOf(tuple(without_types(e, differentiated) for e in t.elems))
    if isinstance(t, DictOf):
        return DictOf(tuple((k, without_types(e, differentiated)) for k, e in t.items))
    return t


def constant_copy(value: Any) -> Any:
    """A static argument as it is now: the caller may change its own lists and dicts."""
    if type(value) in (list, tuple):
        return type(value)(map(constant_copy, value))
    if type(value) is dict:
        return {key: constant_copy(part) for key, part in value.items()}
    return value
