"""Functions made of functions: their derivatives along directions, sums of their results."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

_numbers = itertools.count(1)


def directional_derivative(f: Callable[..., Any], tangents: Sequence[Any]) -> Callable[..., Any]:
    """Return the derivative of `f` along `tangents`, as a function that srcad can differentiate."""
    import srcad

    names = _parameters(len(tangents))
    directions = {f"{n}_dot": t for n, t in zip(names, tangents, strict=True) if t is not None}
    listed = ", ".join(n if n in directions else "None" for n in (f"{n}_dot" for n in names))
    return _defined(
        names,
        f"return srcad.jvp(f, ({', '.join(names)},), ({listed},))[1]",
        {"f": f, "srcad": srcad, **directions},
    )


def weighted_sum(f: Callable[..., Any], count: int, weights: Any) -> Callable[..., Any]:
    """Return the sum of the elements of the result of `f`, times `weights`, as such a function."""
    terms: list[str] = []
    constants: dict[str, Any] = {}

    def visit(weight: Any, place: str) -> None:
        if isinstance(weight, dict):
            for key, entry in weight.items():
                visit(entry, f"{place}[{key!r}]")
        elif isinstance(weight, (tuple, list)):
            for i, entry in enumerate(weight):
                visit(entry, f"{place}[{i}]")
        elif weight is not None:
            name = f"weight{len(constants)}"
            constants[name] = weight
            product = f"{name} * {place}"
            terms.append(f"np.sum({product})" if np.ndim(weight) else product)

    visit(weights, "y")
    names = _parameters(count)
    return _defined(
        names,
        f"y = f({', '.join(names)}); return {' + '.join(terms) or '0.0'}",
        {"f": f, "np": np, **constants},
    )


def with_constants(
    f: Callable[..., Any], count: int, constants: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return `f` with these keyword arguments, as such a function of `count` arguments."""
    names = _parameters(count)
    given = [*names, *(f"{name}=given_{name}" for name in constants)]
    return _defined(
        names,
        f"return f({', '.join(given)})",
        {"f": f, **{f"given_{name}": value for name, value in constants.items()}},
    )


def _parameters(count: int) -> list[str]:
    return [f"x{i}" for i in range(count)]


def _defined(names: Sequence[str], body: str, constants: Mapping[str, Any]) -> Callable[..., Any]:
    """Define a function; what it needs are its globals."""
    text = f"def made({', '.join(names)}):\n    {body}\n"
    filename = f"<srcad.testing {next(_numbers)}>"
    namespace = {"__name__": __name__, **constants}
    exec(compile(text, filename, "exec"), namespace)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    made: Callable[..., Any] = namespace["made"]
    weakref.finalize(made, linecache.cache.pop, filename, None)
    return made
