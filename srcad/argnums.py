"""argnums: which arguments, or parts of them, are differentiated, as paths."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Collection, Sequence
from typing import Any, Union

from srcad.errors import SignatureError
from srcad.ir.values import Attribute
from srcad.parser.source import own_signature

Argnums = Union[int, str, Sequence[Union[int, str]]]
Path = tuple[Any, ...]  # ("params", "b", 0): a parameter and the keys that lead to a part of it


def parameters_of(function: types.FunctionType) -> dict[str, inspect.Parameter]:
    return dict(own_signature(function).parameters)


def parse_argnums(
    function: types.FunctionType, argnums: Argnums, bound: int = 0
) -> tuple[tuple[Path, ...], bool]:
    """(paths, whether a single one was given).

    Positions do not count the first `bound` arguments: the object of a method. Those from that of
    `*args` on are of its elements.

    Raises
    ------
    SignatureError
        If there is no such argument.
    """
    single = isinstance(argnums, (int, str))
    wanted = tuple(argnums) if isinstance(argnums, (tuple, list)) else (argnums,)
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
        for at, name in enumerate(counted):
            if parameters[name].kind is inspect.Parameter.VAR_POSITIONAL and argnum >= at:
                return name, argnum - at
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


def path_text(path: Path) -> str:
    """A path as the user writes it: ``model.layers[0].w``."""
    keys = (f".{k}" if isinstance(k, Attribute) else f"[{k!r}]" for k in path[1:])
    return path[0] + "".join(keys)


def below(paths: Collection[Path], key: Any) -> list[Path]:
    """The paths that lead into part `key`; the empty one leads everywhere."""
    return [path[1:] for path in paths if not path or path[0] == key]
