"""Live function -> syntax tree: afterwards the tree is known to be that of the code that runs.

The file may have been edited since it was imported, several lambdas may share a line, and a name
may be defined more than once. So what is found by name and line is never trusted: it is compiled
again, and must give the bytecode of the live function. The tree carries positions that are true
to the file.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import functools
import importlib.util
import inspect
import linecache
import operator
import os
import re
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import gast

from srcad.errors import Loc, SourceNotFoundError, SrcadError, UnsupportedSyntaxError
from srcad.parser.depth import with_room

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_FUTURE_FLAGS = functools.reduce(
    operator.or_,
    (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names),
) & ~inspect.CO_NESTED  # the flag of `nested_scopes`, which has another meaning by now

_PASS_TEXT = "or pass the text that it was compiled from: srcad.grad(f, source=text)."


@dataclass(eq=False)
class FunctionSource:
    """A function and the part of its file that defines it.

    Attributes
    ----------
    function : types.FunctionType
        The live function.
    name, qualname, module : str
        `__name__`, `__qualname__` and `__module__` of the function.
    filename : str
        The file as Python knows it (`co_filename`).
    lines : tuple of str
        All lines of the file, without their line ends.
    node : gast.FunctionDef or gast.Lambda
        The definition, decorators included; positions are those in the file.
    class_name : str or None
        The innermost class around the definition; its private names are mangled with it.
    """

    function: types.FunctionType
    name: str
    qualname: str
    module: str
    filename: str
    lines: tuple[str, ...] = field(repr=False)
    node: gast.FunctionDef | gast.Lambda = field(repr=False)
    class_name: str | None

    def line(self, lineno: int) -> str:
        """Return a line of the file, counted from 1."""
        return self.lines[lineno - 1]

    def loc(self, node: gast.AST) -> Loc:
        """Return the place of `node`; of a compound statement, the place of its keyword."""
        text = self.line(node.lineno)
        col = _character_column(text, node.col_offset)
        end_line = node.end_lineno
        end_col = _character_column(self.line(end_line), node.end_col_offset)
        if isinstance(getattr(node, "body", None), list) or isinstance(node, gast.Match):
            keyword = re.match(r"\w*", text[col - 1 :])
            end_line, end_col = node.lineno, col + (keyword.end() if keyword else 0)
        return Loc(self.filename, node.lineno, col, end_line, end_col, text, self.qualname)


@dataclass(eq=False)
class _Module:
    text: str
    tree: ast.Module
    lines: tuple[str, ...]


@dataclass(eq=False)
class _Candidate:
    """A definition that may be that of the live function."""

    node: _Definition
    class_name: str | None
    code: types.CodeType


def own_signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of the code that runs, also where a decorator shows another one."""
    if isinstance(function, types.FunctionType) and hasattr(function, "__signature__"):
        shown, function = function, types.FunctionType(
            function.__code__, function.__globals__, function.__name__, function.__defaults__,
            function.__closure__,
        )  # fmt: skip
        function.__kwdefaults__ = shown.__kwdefaults__
        function.__annotations__ = shown.__annotations__
    return inspect.signature(function, follow_wrapped=False)


def read_source(function: types.FunctionType, text: str | None = None) -> FunctionSource:
    """Find the definition of a live function and verify that it is the one that runs.

    Parameters
    ----------
    function : types.FunctionType
        A function written in Python; wrappers are not looked through.
    text : str, optional
        The text that the function was compiled from, where Python does not know it.

    Raises
    ------
    SourceNotFoundError
        If there is no text, or if it does not compile to the code of the function.
    UnsupportedSyntaxError
        If the function is `async`, or cannot be taken over into a syntax tree.
    """
    if not isinstance(function, types.FunctionType):
        raise _not_python(function)
    return with_room(lambda: _read(function, text), function)


def _read(function: types.FunctionType, text: str | None) -> FunctionSource:
    code = function.__code__
    module = _module(function, _file_text(function) if text is None else text, text is not None)
    # The line is known only in the file: a text that is handed over may be an excerpt.
    line = code.co_firstlineno if text is None else None
    # A notebook compiles the statements of a cell one by one, which gives other bytecode: the
    # compiler does not see then that a name comes from an import.
    found = _match(code, _candidates(module, code, line, alone=False)) or _match(
        code, _candidates(module, code, line, alone=True)
    )
    if found is None:
        raise _mismatch(function, text is not None)
    source = FunctionSource(
        function=function,
        name=function.__name__,
        qualname=function.__qualname__,
        module=function.__module__ or "",
        filename=code.co_filename,
        lines=module.lines,
        node=_to_gast(found.node, function),
        class_name=found.class_name,
    )
    if isinstance(source.node, gast.AsyncFunctionDef):
        raise UnsupportedSyntaxError(
            "an `async` function cannot be differentiated",
            reason="calling it returns a coroutine, which gives its value only to an event loop.",
            advice="move the numeric part into a plain function and differentiate that.",
            loc=source.loc(source.node),
        )
    return source


# ---- text ----------------------------------------------------------------------------------


def _file_text(function: types.FunctionType) -> str:
    """Return the text of the module that `function` comes from, as it is now."""
    filename = function.__code__.co_filename
    # An edit of the file must be seen, so that it is refused rather than read from the cache.
    linecache.checkcache(filename)
    # linecache honours coding cookies, and knows the cells of IPython and the examples of doctest.
    text = "".join(linecache.getlines(filename))
    if text:
        return text
    if filename.startswith("<"):
        try:
            # Newer Pythons keep what is typed, and `python -c`, where only inspect finds it.
            return "".join(inspect.findsource(function)[0])
        except OSError:
            raise _unavailable(function) from None
    loader: Any = function.__globals__.get("__loader__")
    if not hasattr(loader, "get_data"):
        raise _unavailable(function)
    try:
        return importlib.util.decode_source(loader.get_data(filename))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise _unavailable(function) from error


def _module(function: types.FunctionType, text: str, given: bool) -> _Module:
    try:
        return _parse(text)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte, before Python 3.12
        raise _mismatch(function, given) from error


@functools.lru_cache(maxsize=8)
def _parse(text: str) -> _Module:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    tree = _parse_quietly(text)
    # Not splitlines(): only a newline ends a line of Python, a form feed does not.
    return _Module(text, tree, tuple(text.removesuffix("\n").split("\n")))


def _parse_quietly(text: str) -> ast.Module:
    with _quietly():
        return ast.parse(text)


@functools.lru_cache(maxsize=16)
def _compile(source: str | ast.Module, flags: int) -> types.CodeType:
    # A cell of a notebook may hold `await` outside of a function.
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with _quietly():
        code: types.CodeType = compile(source, "<verification>", "exec", flags, dont_inherit=True)
    return code


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Silence the warnings of the compiler: the user saw them when the module was imported.

    The list of warning filters belongs to the whole process, hence the lock: threads that leave
    in another order than they entered would leave their filter behind.
    """
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _renew_warnings_lock() -> None:
    """Replace the lock in a forked child, where the thread that held it does not exist."""
    global _warnings_lock
    _warnings_lock = threading.Lock()


_warnings_lock = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_warnings_lock)


# ---- candidates ----------------------------------------------------------------------------


def _candidates(
    module: _Module, live: types.CodeType, line: int | None, alone: bool
) -> list[_Candidate]:
    """Return the definitions that may be that of the live code, with the code they compile to.

    The whole module is compiled, since the code of a function depends on what is around it:
    which variables are free, the class that private names are mangled with, the names that are
    imported. With `alone` only the outermost statements that hold the definitions are compiled.
    """
    tree = module.tree
    source: str | ast.Module = module.text
    definitions = _definitions(tree, live.co_name, line)
    lines = [_first_line(node) for node, _ in definitions]
    first_lines = lines
    if len(set(lines)) < len(lines):
        # Several lambdas share a line, by which code objects are told apart: move each to a line
        # of its own, as a whole, which leaves its code as it is. The tree kept stays as it is.
        source = tree = _parse_quietly(module.text)
        moved = [node for node, _ in _definitions(tree, live.co_name, line)]
        for number, node in enumerate(moved, 1):
            # Outer lambdas come before the inner ones, which have moved along with them.
            ast.increment_lineno(node, number * (len(module.lines) + 1) - node.lineno)
        first_lines = [node.lineno for node in moved]
    if alone:
        body = [node for node in tree.body if any(_covers(node, line) for line in lines)]
        source = ast.Module(body, type_ignores=[])
    try:
        compiled = _compile(source, live.co_flags & _FUTURE_FLAGS)
    except SyntaxError:  # an edited file may parse and still be wrong, such as `return` anywhere
        return []
    by_line = dict(zip(first_lines, definitions, strict=True))
    return [
        _Candidate(*by_line[code.co_firstlineno], code)
        for code in _code_objects(compiled)
        if code.co_name == live.co_name and code.co_firstlineno in by_line
    ]


def _code_objects(code: types.CodeType) -> Iterator[types.CodeType]:
    pending = [code]
    while pending:
        code = pending.pop()
        yield code
        pending += _nested(code)


def _nested(code: types.CodeType) -> list[types.CodeType]:
    return [const for const in code.co_consts if isinstance(const, types.CodeType)]


def _definitions(
    tree: ast.Module, name: str, line: int | None
) -> list[tuple[_Definition, str | None]]:
    """Return the definitions of that name, on that line if one is given, with their class."""
    found: list[tuple[_Definition, str | None]] = []
    pending: list[tuple[ast.AST, str | None]] = [(tree, None)]
    while pending:
        node, class_name = pending.pop()
        if line is not None and not _covers(node, line):
            continue
        if (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            and getattr(node, "name", "<lambda>") == name
            and line in (None, _first_line(node))
        ):
            found.append((node, class_name))
        if isinstance(node, ast.ClassDef):
            inside = {id(statement) for statement in node.body}
            pending += [
                (child, node.name if id(child) in inside else class_name)
                for child in ast.iter_child_nodes(node)
            ]
        else:
            pending += [(child, class_name) for child in ast.iter_child_nodes(node)]
    return found


def _first_line(node: Any) -> int:
    """Return the line that `co_firstlineno` names: that of the first decorator, if any."""
    decorators = getattr(node, "decorator_list", None)
    line: int = (decorators[0] if decorators else node).lineno
    return line


def _covers(node: Any, line: int) -> bool:
    """Say whether `line` may be one of the lines of `node`; some nodes have no lines."""
    if not hasattr(node, "lineno"):
        return True
    last_line: int = node.end_lineno
    return _first_line(node) <= line <= last_line


# ---- verification --------------------------------------------------------------------------


def _match(live: types.CodeType, candidates: list[_Candidate]) -> _Candidate | None:
    """Return the candidate whose code is the live code."""
    matches = [found for found in candidates if _same_code(found.code, live)]
    if not matches and _asserts_rewritten(live):
        matches = [found for found in candidates if _same_but_for_asserts(found.code, live)]
    # Lambdas with the same bytecode compute the same, so any of them is right. The table of
    # positions (from Python 3.11 on it has columns) finds the one that messages should point at.
    return min(
        matches,
        key=lambda found: (
            found.code.co_firstlineno != live.co_firstlineno,
            found.code.co_linetable != live.co_linetable,
        ),
        default=None,
    )


_COMPARED = (
    "co_name",
    "co_code",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_flags",
)


def _same_code(one: types.CodeType, other: types.CodeType) -> bool:
    """Say whether two code objects do the same; lines and file name do not matter."""
    return (
        all(getattr(one, name) == getattr(other, name) for name in _COMPARED)
        # From Python 3.11 on, what a `try` statement covers is said here only.
        and getattr(one, "co_exceptiontable", b"") == getattr(other, "co_exceptiontable", b"")
        and _same_constant(one.co_consts, other.co_consts)
    )


def _same_constant(one: object, other: object) -> bool:
    """Compare constants; unlike for `==`, 1 is not 1.0, 0.0 not -0.0, and NaN is NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, types.CodeType) and isinstance(other, types.CodeType):
        return _same_code(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same_constant, one, other))
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    if isinstance(one, (float, complex, slice)):
        return repr(one) == repr(other)
    return one == other


def _asserts_rewritten(code: types.CodeType) -> bool:
    """Say whether pytest rewrote an `assert` in this code or in a function inside it."""
    return any(
        name.startswith(("@py_", "@pytest_ar"))
        for part in _code_objects(code)
        for name in _names(part)
    )


def _same_but_for_asserts(found: types.CodeType, live: types.CodeType) -> bool:
    """Say whether `live` may be `found` after pytest has rewritten its `assert` statements.

    pytest compiles something else than the text of a test module, but only adds to it; so a
    function with an `assert` can be known only by its name and line, which the caller compared,
    by its parameters, by having all the names that the text has, and by the functions in it.
    """
    if not _asserts_rewritten(live):
        return _same_code(found, live)
    inner, live_inner = _nested(found), _nested(live)
    return (
        _parameters(found) == _parameters(live)
        and _names(found) <= _names(live)
        and len(inner) == len(live_inner)
        and all(map(_same_but_for_asserts, inner, live_inner))
    )


def _parameters(code: types.CodeType) -> tuple[object, ...]:
    flags = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    count = code.co_argcount + code.co_kwonlyargcount + flags.bit_count()
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, flags)
    return (*counts, *code.co_varnames[:count])


def _names(code: types.CodeType) -> set[str]:
    return {*code.co_names, *code.co_varnames, *code.co_cellvars, *code.co_freevars}


# ---- conversion ----------------------------------------------------------------------------


def _to_gast(node: _Definition, function: types.FunctionType) -> gast.FunctionDef | gast.Lambda:
    kinds = dict.fromkeys(map(type, ast.walk(node)))
    for name in (kind.__name__ for kind in kinds):
        if name != "arg" and not hasattr(gast, name):  # gast would leave it out without a word
            raise UnsupportedSyntaxError(
                f"this Python writes something as {name}, which is newer than the gast installed",
                reason="gast is what gives srcad one syntax tree for all versions of Python.",
                advice="update gast, or write the function without it.",
                loc=_head(function),
            )
    converted = gast.ast_to_gast(node)
    for inner in gast.walk(converted) if ast.ExceptHandler in kinds else ():
        if isinstance(inner, gast.ExceptHandler) and inner.name is not None:
            gast.copy_location(inner.name, inner)  # a string in ast, which has no place
    return converted


def _character_column(line: str, offset: int) -> int:
    """Turn the UTF-8 offset of `ast` into a column in characters, counted from 1."""
    return len(line.encode()[:offset].decode(errors="ignore")) + 1


# ---- errors --------------------------------------------------------------------------------


def _head(function: types.FunctionType) -> Loc:
    """Return the place of a function whose text is not at hand."""
    code = function.__code__
    line = code.co_firstlineno
    return Loc(code.co_filename, line, 1, line, 1, function=function.__qualname__)


def _not_python(function: object) -> SrcadError:
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    kind = type(function).__name__
    return SourceNotFoundError(
        f"`{name or kind}` has no Python source",
        reason=f"it is a {kind}, not a function written in Python.",
        advice="call it from a Python function, and register a rule for it if there is none.",
    )


def _unavailable(function: types.FunctionType) -> SrcadError:
    filename = function.__code__.co_filename
    advice = f"put the function into a file, {_PASS_TEXT}"
    if filename == "<stdin>":
        reason = "Python does not keep the text of what is typed at its prompt or piped into it."
    elif filename.startswith("<frozen"):
        reason = "it is part of Python itself, which does not keep the text."
    elif filename.startswith("<"):
        reason = "it was made by exec(), eval() or `python -c`, which do not keep the text."
    else:
        reason = "the file is not there or cannot be read, only compiled code is."
        advice = f"put the file back, {_PASS_TEXT}"
    return SourceNotFoundError(
        f"the source of `{function.__name__}` is not available",
        reason=reason,
        advice=advice,
        loc=_head(function),
    )


def _mismatch(function: types.FunctionType, given: bool) -> SrcadError:
    name = function.__name__
    if given:
        return SourceNotFoundError(
            f"the text given is not the source of `{name}`",
            reason="nothing in it compiles to the code that runs.",
            advice="pass the whole text that the function was compiled from.",
            loc=_head(function),
        )
    if function.__code__.co_filename in ("<stdin>", "<string>"):
        return _unavailable(function)  # what has that name is the text of something else
    return SourceNotFoundError(
        f"the source of `{name}` has changed since it was imported",
        reason="the file, as it is now, does not compile to the code that runs: it was edited "
        "after the import, or a tool changed the code during the import.",
        advice="reload the module or start Python again.",
        loc=_head(function),
    )
