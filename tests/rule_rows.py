"""The sample applications that test the rule table: what one is, and how to write many.

Each family keeps its own list: `rule_rows_elementwise.ROWS`, `rule_rows_reductions.ROWS`, ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """One application of a function of the table, at values where it is smooth.

    Attributes
    ----------
    args, kwargs
        The call. Floats and arrays become values of the IR; ints, strings, None, tuples of ints
        become constants; a tuple (or a list of arrays) becomes a display of its elements, a list
        of Python floats one value that is a list.
    argnums
        Positions (or keywords) to differentiate in; None: everywhere where there are floats.
    constants
        Positions of floats that are constants of the program.
    generic
        Whether the derivative exists without knowing any type (else a TypeInferenceError).
    warns
        Whether the derivative may divide by zero or overflow here.
    """

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    argnums: tuple[int | str, ...] | None = None
    name: str = ""
    constants: tuple[int, ...] = ()
    generic: bool = True
    warns: bool = False
    order: int = 2
    rtol: float = 1e-6

    def __str__(self) -> str:
        return self.name or describe(self)


def describe(row: Row) -> str:
    """An identifier for pytest: the function, the shapes, the keywords."""
    from srcad.ir.text import function_name

    parts = [_short(a) for a in row.args]
    parts += [f"{k}={_short(v)}" for k, v in row.kwargs.items()]
    return f"{function_name(row.fn)}({', '.join(parts)})"


def _short(value: Any) -> str:
    if isinstance(value, (np.ndarray, np.generic)):
        return f"{value.dtype.str[1:]}{list(value.shape)}".replace(" ", "")
    if isinstance(value, (tuple, list)):
        inner = ",".join(_short(v) for v in value)
        return f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
    if type(value).__repr__ is object.__repr__ and not isinstance(value, type):
        return type(value).__name__  # its address differs from process to process
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def sample(*shape: int, low: float = 0.2, high: float = 1.8, dtype: Any = float, seed: int = 0):
    """Distinct values between `low` and `high` in no order, the same at every call."""
    n = int(np.prod(shape))
    steps = (np.arange(n) + 0.5) / max(n, 1)
    rng = np.random.default_rng(seed + n)
    values = low + (high - low) * (steps[rng.permutation(n)] + rng.uniform(-0.3, 0.3, n) / (n + 1))
    return values.reshape(shape).astype(dtype)


def kwargs_product(**choices: Iterable[Any]) -> list[dict[str, Any]]:
    """All combinations of keyword values; the value `...` leaves the keyword out."""
    result: list[dict[str, Any]] = [{}]
    for key, values in choices.items():
        result = [
            {**kw, **({} if v is ... else {key: v})} for kw in result for v in values
        ]  # fmt: skip
    return result
