"""What is differentiated is a number or an array of them, and so is the result.

What holds afterwards: a step finds the values that it differentiates in; all else is refused with
advice.
"""

from __future__ import annotations

from typing import Any

from srcad.argnums import Path, path_text
from srcad.cache.surroundings import not_scalar
from srcad.errors import SignatureError
from srcad.ir.abstract import MANY as _MANY
from srcad.ir.abstract import (
    NONE,
    OBJECT,
    STR,
    UNDEF,
    UNKNOWN,
    Array,
    ListOf,
    Scalar,
    Type,
    differentiable,
    dims_of,
    kind_of,
)
from srcad.ir.build import leaves
from srcad.ir.values import Attribute, Const, Function, Value
from srcad.parser.source import FunctionSource
from srcad.requests import Step


def input_tree(function: Function, step: Step, source: FunctionSource) -> Any:
    """The tree of input values that a step differentiates in."""
    trees = [_at_path(function, path, source) for path in step.argnums]
    return trees[0] if step.single else tuple(trees)


def _at_path(function: Function, path: Path, source: FunctionSource) -> Any:
    name, *keys = path
    shown = path_text(path)
    tree = function.inputs.get(name)
    for depth, key in enumerate(keys, 1):
        parts: dict[Any, Any] = {}
        if isinstance(tree, dict):
            parts = tree
        elif isinstance(tree, (tuple, list)):
            parts = dict(enumerate(tree))
        if key not in parts:
            owner = path_text(path[:depth])
            reason = f"`{owner}` has no parts that could be differentiated by themselves"
            advice = f"use `{owner}` in argnums"
            if isinstance(key, Attribute):
                reason = f"`{owner}` has no attribute `{key.name}` that holds real numbers"
                advice = "choose another attribute in argnums"
            elif parts:
                reason = f"`{owner}` has the parts {', '.join(map(str, parts))}"
                advice = f"choose one of them, or `{owner}`, in argnums"
            raise SignatureError(
                f"`{function.name}` has no argument `{shown}`",
                reason=reason,
                advice=advice,
                loc=source.loc(source.node),
            )
        tree = parts[key]
    if tree is None:
        raise SignatureError(
            f"`{shown}` cannot be differentiated",
            reason="it is not a number or an array",
            advice="leave it out of argnums",
            loc=source.loc(source.node),
        )
    for leaf in leaves(tree):
        check_input(leaf, shown, source)
    return _with_names(tree)


def _with_names(tree: Any) -> Any:
    """A tree with the attributes of objects as the keys of a dictionary."""
    if isinstance(tree, (tuple, list)):
        return type(tree)(map(_with_names, tree))
    if isinstance(tree, dict):
        return {getattr(k, "name", k) if isinstance(k, Attribute) else k: _with_names(t)
                for k, t in tree.items()}  # fmt: skip
    return tree


def check_input(leaf: Value, shown: str, source: FunctionSource) -> None:
    """A differentiated input is a float (or complex) number or array.

    Raises
    ------
    SignatureError
        Advising a cast, or another choice of argnums.
    """
    kind = kind_of(leaf.type)
    numbers = not isinstance(leaf.type, ListOf) or isinstance(leaf.type.elem, Scalar) or (
        isinstance(leaf.type.elem, Array) and leaf.type.elem.item
    )
    if kind in ("f", "c", None) and differentiable(leaf.type) and numbers:
        return
    place = source.loc(source.node)
    if kind in ("i", "b"):
        word = "a bool" if kind == "b" else "an int"
        array = isinstance(leaf.type, Array) and not leaf.type.item
        raise SignatureError(
            f"`{shown}` is {word}{' array' if array else ''}, and cannot be differentiated",
            reason="its values are not real numbers, so a derivative in them means nothing",
            advice=f"pass {shown}.astype(float), or leave `{shown}` out of argnums"
            if array
            else f"pass a float, or leave `{shown}` out of argnums",
            loc=place,
        )
    raise SignatureError(
        f"`{shown}` cannot be differentiated",
        reason=f"it is {describe_type(leaf.type)}, not a number or an array",
        advice=f"leave `{shown}` out of argnums",
        loc=place,
    )


def describe_type(t: Type) -> str:
    names: dict[Type, str] = {STR: "a string", NONE: "None", OBJECT: "an object"}
    if isinstance(t, ListOf):
        names[ListOf(UNDEF)] = "an empty list, whose elements have no type"
        names[ListOf(UNKNOWN)] = "a list whose elements are not of one type"
    return names.get(t, f"of type {t}")


def check_scalar(function: Function, step: Step, source: FunctionSource) -> None:
    """`grad` is of one real number.

    Raises
    ------
    SignatureError
        Advising vjp or jvp.
    """
    result = function.result
    if step.has_aux:
        if not (isinstance(result, tuple) and len(result) == 2):
            raise SignatureError(
                f"`{function.name}` must return (value, auxiliary) for has_aux=True",
                reason="it returns something else", advice="return a pair, or drop has_aux",
                loc=source.loc(source.node),
            )  # fmt: skip
        result = result[0]
    what = ""
    if not isinstance(result, int) or isinstance(result, bool):
        what = _structure(result)
    else:
        t = function.body.yields[result].type
        dims = dims_of(t)
        if isinstance(t, Array) and dims is not None and _MANY in dims:
            what = f"an array of type {t}"
        elif kind_of(t) == "c":
            what = "a complex number"
        elif kind_of(t) == "O":
            what = describe_type(t)
    if what:
        raise not_scalar(function.name, what, source.loc(source.node))


def _structure(result: Any) -> str:
    """What a result that is no number is: a container, or a constant such as None."""
    if isinstance(result, Const):
        plain = isinstance(result.value, (bool, str)) or result.value is None
        return repr(result.value) if plain else "no number"
    return f"a {type(result).__name__}"
