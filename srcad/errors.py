"""Every error that srcad raises on purpose, and the place in the user's file that it names.

An error says what is wrong, where, why, and what to write instead. Each class is also an ordinary
Python class (`SyntaxError`, `TypeError`, ...), so code that knows nothing of srcad can catch it.
The excerpt of the source is taken when the function is parsed, so it is still right if the file
has changed by the time the error is printed.
"""

from __future__ import annotations

import itertools
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

_TAB_SIZE = 8

_Error = TypeVar("_Error", bound="SrcadError")


@dataclass(frozen=True, slots=True)
class Loc:
    """A place in the user's file.

    Attributes
    ----------
    file : str
        The file name as Python knows it (`co_filename`).
    line, end_line : int
        First and last line, counted from 1.
    col, end_col : int
        Columns in characters (not bytes), counted from 1; `end_col` is one past the last one.
    text : str
        The source line `line`, as it was when the function was parsed.
    function : str
        Qualified name of the function that the place lies in.
    """

    file: str
    line: int
    col: int
    end_line: int
    end_col: int
    text: str = field(default="", compare=False)
    function: str = field(default="", compare=False)

    def short(self) -> str:
        """Return the place in its short form, `model.py:14`."""
        return f"{os.path.basename(self.file)}:{self.line}"


class SrcadError(Exception):
    """The base class of all errors of srcad; catch it to catch them all.

    Parameters
    ----------
    what : str
        The headline: what is wrong, in one line.
    reason : str
        Why srcad cannot go on.
    advice : str
        What the user can do instead.
    loc : Loc, optional
        The place in the user's file.
    function : str
        Name of the function concerned; by default that of `loc`.
    chain : tuple of Loc
        The calls that led to `loc`, innermost first and outermost last.
    """

    _advice_label = "Instead"

    def __init__(
        self,
        what: str,
        *,
        reason: str = "",
        advice: str = "",
        loc: Loc | None = None,
        function: str = "",
        chain: tuple[Loc, ...] = (),
    ) -> None:
        self.what = what
        self.reason = reason
        self.advice = advice
        self.loc = loc
        self.function = function or (loc.function if loc is not None else "")
        self.chain = tuple(chain)
        # One argument only: OSError and SyntaxError give a meaning of their own to more.
        super().__init__(self._render())

    def with_caller(self: _Error, loc: Loc) -> _Error:
        """Return a copy of the error whose call path also names the call at `loc`."""
        fields = self._fields()
        fields["chain"] = (*self.chain, loc)
        copy = _rebuild(type(self), self.what, fields)
        copy.__cause__ = self.__cause__
        return copy.with_traceback(self.__traceback__)

    def report(self) -> str:
        """Return the message headed by the name of the class, as a traceback ends."""
        return f"{type(self).__name__}: {self}"

    def __reduce__(self) -> tuple[Callable[..., SrcadError], tuple[Any, ...], dict[str, Any]]:
        return _rebuild, (type(self), self.what, self._fields()), self.__dict__

    def _fields(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "advice": self.advice,
            "loc": self.loc,
            "function": self.function,
            "chain": self.chain,
        }

    def _render(self) -> str:
        lines = [self.what]
        if self.loc is not None:
            inside = f", in {self.function}" if self.function else ""
            lines.append(
                f'  File "{_shown_path(self.loc.file)}", line {self.loc.line}, '
                f"column {self.loc.col}{inside}"
            )
            lines += _excerpt(self.loc)
        elif self.function:
            lines.append(f"  In {self.function}")
        for caller, calls in itertools.groupby(self.chain, _shown_call):
            times = len(list(calls))
            lines.append(caller if times == 1 else f"{caller} ({times} times)")
        if self.reason:
            lines.append(f"Reason: {self.reason}")
        if self.advice:
            lines.append(f"{self._advice_label}: {self.advice}")
        return "\n".join(lines)


def _shown_call(caller: Loc) -> str:
    inside = f" in {caller.function}" if caller.function else ""
    return f"  called from {caller.short()}{inside}"


class UnsupportedSyntaxError(SrcadError, SyntaxError):
    """The function uses a construct that srcad does not differentiate.

    Rewrite the line as the advice says, or move it into a helper with a rule of its own.
    """


class SourceNotFoundError(SrcadError, OSError):
    """The source text of the function is not available, or is no longer the one that runs.

    Put the function into a file, reload the module that was edited, or hand over the text.
    """


class MissingRuleError(SrcadError, NotImplementedError):
    """The function calls something whose derivative srcad does not know.

    Register a rule for it, or write the call with functions that have one.
    """


class AliasingError(SrcadError, ValueError):
    """An array is changed through one name while another name may or may not share its memory.

    Say which is meant: add `.copy()` at the place that the advice names.
    """


class TypeInferenceError(SrcadError, TypeError):
    """The kind of a value cannot be decided, or differs between the paths that lead to it.

    Give the argument's type, or make the value of one kind on every path.
    """


class SignatureError(SrcadError, TypeError):
    """The function, its arguments or its result do not fit the derivative that is asked for.

    Change the arguments, `argnums`, or the transform, as the advice says.
    """


class SeedError(SignatureError, ValueError):
    """A seed (cotangent or tangent) has not the shape or dtype of the value that it belongs to.

    Pass a seed of the shape and dtype that the message names.
    """


class TypeStringError(SrcadError, ValueError):
    """A type string such as `f64[*,1]` cannot be read.

    Correct it at the place that the message names.
    """


class BackendError(SrcadError, RuntimeError):
    """The chosen backend cannot compile the derivative.

    Rewrite the line named, or choose the default backend.
    """


class InternalError(SrcadError, RuntimeError):
    """Something went wrong inside srcad itself; the user's function is not to blame.

    Please report it with the whole message; `ir` is the program that srcad was working on.
    """

    _advice_label = "Please report"

    def __init__(
        self,
        what: str,
        *,
        reason: str = "",
        advice: str = "this is a bug in srcad; include this whole message and the function.",
        loc: Loc | None = None,
        function: str = "",
        chain: tuple[Loc, ...] = (),
        ir: str = "",
    ) -> None:
        self.ir = ir
        super().__init__(
            what, reason=reason, advice=advice, loc=loc, function=function, chain=chain
        )

    def _fields(self) -> dict[str, Any]:
        return {**super()._fields(), "ir": self.ir}

    def _render(self) -> str:
        text = super()._render()
        return f"{text}\nIR:\n{self.ir.rstrip()}" if self.ir else text


def _rebuild(cls: type[_Error], what: str, fields: dict[str, Any]) -> _Error:
    """Make an error from its fields; pickle and `copy` call it."""
    return cls(what, **fields)


def _shown_path(path: str) -> str:
    """Return `path` relative to the working directory where that is shorter."""
    if not os.path.isabs(path):
        return path
    try:
        relative = os.path.relpath(path)
    except ValueError:  # on another drive of Windows
        return path
    return relative if len(relative) < len(path) else path


def _excerpt(loc: Loc) -> list[str]:
    """Return the source line and the line of carets under it."""
    text = loc.text.rstrip()
    if not text:
        return []
    start = loc.col - 1
    end = loc.end_col - 1 if loc.end_line == loc.line else len(text)
    before = _width(text[:start])
    marked = max(1, _width(text[:end]) - before)
    shown = text.expandtabs(_TAB_SIZE).replace("\f", " ")
    number = f"    {loc.line}"
    return [f"{number} | {shown}", f"{' ' * len(number)} | {' ' * before}{'^' * marked}"]


def _width(text: str) -> int:
    """Return the number of terminal columns that `text` takes from the start of a line."""
    width = 0
    for character in text.expandtabs(_TAB_SIZE):
        if unicodedata.east_asian_width(character) in "WF":
            width += 2
        elif not unicodedata.combining(character):
            width += 1
    return width
