"""Text to live function: `load` returns a function that sees the user's names as they are now.

The text is compiled inside a factory function whose parameters are the helpers and the closure
variables of the primal. Its functions are then built from their code objects with the user's own
closure cells and the user's own module namespace, so a changed global or `nonlocal` is seen at
the next call and nothing is written into the user's module. The factory itself never runs.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import linecache
import os
import threading
import types
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from srcad.errors import InternalError


def load(
    text: str,
    name: str,
    primal: types.FunctionType | None,
    helpers: Mapping[str, object],
    label: str,
    filename: str | None = None,
    first_line: int = 1,
    cells: Mapping[str, types.CellType] | None = None,
) -> types.FunctionType:
    """Return the function `name` of the generated `text`.

    A free name of the text is, in this order: another function of the text; a helper; a closure
    variable; a global of `primal`'s module; a builtin.

    Parameters
    ----------
    text : str
        One or more top-level `def`s without decorators, and nothing else. Default values of
        their parameters are literals; annotations are not evaluated.
    name : str
        The function of the text to return.
    primal : function or None
        The user's function; None where the text stands alone.
    helpers : mapping of str to object
        What the text calls by name.
    label : str
        What the text is, for tracebacks: `f_grad of model.py:12`.
    filename : str, optional
        The real file that holds the text. By default the text is registered with `linecache`,
        for as long as the function lives, under a name made of the label and a digest.
    first_line : int
        The line of the file that the text begins at.
    cells : mapping of str to cell, optional
        Closure variables of other functions, those that the primal calls; they are read live
        too and come before those of the primal.

    Returns
    -------
    function

    Raises
    ------
    InternalError
        If the text is not what srcad generates.
    """
    shown_as = filename or f"<srcad {label}>"
    definitions = _definitions(text, shown_as, first_line)
    if name not in definitions:
        raise InternalError(f"the generated text has no function '{name}'", ir=text)
    free: dict[str, types.CellType] = {}
    if primal is not None:
        free.update(zip(primal.__code__.co_freevars, primal.__closure__ or (), strict=True))
    free.update(cells or {})
    free.update({helper: types.CellType(value) for helper, value in helpers.items()})
    alone = {"__name__": "srcad", "__builtins__": builtins}
    namespace = alone if primal is None else primal.__globals__
    registered = _register(text, label) if filename is None else None
    function = _build(text, name, definitions, free, namespace, registered or shown_as)
    if registered is not None:
        weakref.finalize(function, _release, registered).atexit = False
    return function


def _definitions(text: str, filename: str, first_line: int) -> dict[str, ast.FunctionDef]:
    """Return the functions of `text` by name."""
    try:
        module = ast.parse("\n" * (first_line - 1) + text, filename)
    except SyntaxError as error:
        raise InternalError(f"the generated text does not parse: {error}", ir=text) from error
    definitions: dict[str, ast.FunctionDef] = {}
    for statement in module.body:
        if not isinstance(statement, ast.FunctionDef) or statement.decorator_list:
            raise InternalError(
                "the generated text holds something else than plain functions", ir=text
            )
        if statement.name in definitions:
            raise InternalError(f"the generated text defines '{statement.name}' twice", ir=text)
        definitions[statement.name] = statement
    return definitions


def _build(
    text: str,
    name: str,
    definitions: Mapping[str, ast.FunctionDef],
    free: Mapping[str, types.CellType],
    namespace: dict[str, Any],
    filename: str,
) -> types.FunctionType:
    """Return the function `name`, built with the cells `free` and the globals `namespace`."""
    outer = [variable for variable in free if variable not in definitions]
    codes = _compile(text, list(definitions.values()), outer, filename)
    cells = {**free, **{definition: types.CellType() for definition in definitions}}
    for definition in definitions.values():
        code = codes[definition.name]
        closure = tuple(cells[variable] for variable in code.co_freevars)
        defaults = tuple(_literal(text, default) for default in definition.args.defaults)
        function = types.FunctionType(code, namespace, definition.name, defaults or None, closure)
        function.__qualname__ = definition.name  # not factory.<locals>.f_grad
        function.__kwdefaults__ = {
            parameter.arg: _literal(text, default)
            for parameter, default in zip(
                definition.args.kwonlyargs, definition.args.kw_defaults, strict=True
            )
            if default is not None
        }
        cells[definition.name].cell_contents = function
    loaded: types.FunctionType = cells[name].cell_contents
    return loaded


def _compile(
    text: str, definitions: Sequence[ast.FunctionDef], outer: Sequence[str], filename: str
) -> dict[str, types.CodeType]:
    """Return the code objects of `definitions`, to which the names `outer` are free."""
    module = ast.parse(f"def factory({', '.join(outer)}): pass")
    factory = module.body[0]
    assert isinstance(factory, ast.FunctionDef)
    factory.body = list(definitions)
    try:
        # dont_inherit: the future statements of this file are not those of the text.
        compiled = compile(module, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise InternalError(f"the generated text does not compile: {error}", ir=text) from error
    (inner,) = _nested_codes(compiled)
    return {code.co_name: code for code in _nested_codes(inner)}


def _nested_codes(code: types.CodeType) -> list[types.CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]


def _literal(text: str, node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise InternalError(
            "a default value in the generated text is not a literal", ir=text
        ) from error


# The texts of the live functions, for `linecache`: file name -> text and number of functions that
# use it. A finalizer may run at any moment, also in a thread that holds the lock, so it only notes
# the name and evicts if the lock is free; else whoever takes the lock next does it.
_lock = threading.Lock()
_users: dict[str, tuple[str, int]] = {}
_released: deque[str] = deque()


def _register(text: str, label: str) -> str:
    """Make `text` known to `linecache` for one more function; return its file name."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    lines = [line + "\n" for line in text.rstrip("\n").split("\n")]
    with _lock:
        _evict_released()
        # Six digits tell texts of one label apart; more are taken should they ever not.
        for digits in range(6, len(digest) + 1):
            filename = f"<srcad {label} #{digest[:digits]}>"
            registered, users = _users.get(filename, (text, 0))
            if registered == text:
                break
        _users[filename] = (text, users + 1)
        # No modification time: `linecache.checkcache` leaves such an entry alone.
        linecache.cache[filename] = (len(text), None, lines, filename)
    return filename


def _release(filename: str) -> None:
    """Note that a function that used `filename` is gone."""
    _released.append(filename)
    if _lock.acquire(blocking=False):
        try:
            _evict_released()
        finally:
            _lock.release()


def _evict_released() -> None:
    while _released:
        filename = _released.popleft()
        text, users = _users.pop(filename)
        if users > 1:
            _users[filename] = (text, users - 1)
        else:
            linecache.cache.pop(filename, None)


def _unlock_in_child() -> None:
    """Free the lock in a forked child, where the thread that held it does not exist."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)
