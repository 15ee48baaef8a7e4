"""What the free names of generated text are bound to where it runs.

What holds afterwards: NumPy and `math` are read as they were when srcad was imported, so nothing
that a program puts in their place changes a derivative rule (what the user's function itself calls
is guarded); helpers that find a mistake of the user raise a `SrcadError`. The helpers themselves
know nothing of srcad, because a printed gradient can carry their text.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Any

from srcad import runtime
from srcad.errors import Loc, SignatureError, SourceNotFoundError
from srcad.parser.source import read_source
from srcad.pristine import copy_of

SUM_OR_VJP = "use srcad.vjp or srcad.jvp for results that are arrays, or sum the result"


def live_names(
    text: str, helpers: Mapping[str, object], function: types.FunctionType, given: str | None
) -> dict[str, object]:
    """The helpers of a text for live code, and the user's own names for NumPy and `math`.

    Parameters
    ----------
    helpers
        What the text calls by name, as the emitter lists it.
    function
        The user's function, whose globals and closure the text reads.
    given
        The text of the function's module, if the user passed it.
    """
    found: dict[str, object] = {}
    for name in set(re.findall(r"\w+", text)):
        value = _seen_by(function, name)
        if isinstance(value, types.ModuleType) and copy_of(value) is not value:
            found[name] = copy_of(value)
    for name, value in helpers.items():
        if value is runtime.scalar_seed:
            value = _scalar_seed(function, given)
        found[name] = copy_of(value) if isinstance(value, types.ModuleType) else value
    return found


def _seen_by(function: types.FunctionType, name: str) -> object:
    names = function.__code__.co_freevars
    if name not in names:
        return function.__globals__.get(name)
    cell = (function.__closure__ or ())[names.index(name)]
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _scalar_seed(function: types.FunctionType, given: str | None) -> Any:
    def scalar_seed(out: Any) -> Any:
        """As `runtime.scalar_seed`, with the place of the function in its error."""
        what = runtime.not_a_number(out)
        if what:
            raise not_scalar(function.__name__, what, _place(function, given))
        return runtime.scalar_seed(out)

    return scalar_seed


def not_scalar(name: str, what: str, loc: Loc | None) -> SignatureError:
    """The error for a gradient of something else than one real number."""
    if what.startswith("an array"):
        advice = SUM_OR_VJP
    elif what == "a complex number":
        advice = "return a real number, such as abs(z) or z.real"
    else:
        advice = "return one number, or use has_aux=True for (value, auxiliary)"
    return SignatureError(
        f"the gradient of `{name}` is asked for, but it returns {what}",
        reason="a gradient is of a function that returns one real number",
        advice=advice,
        loc=loc,
    )


def _place(function: types.FunctionType, given: str | None) -> Loc | None:
    try:
        source = read_source(function, given)
    except SourceNotFoundError:  # the file has changed since the derivative was compiled
        return None
    return source.loc(source.node)
