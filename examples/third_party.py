"""Gradients of functions that somebody else wrote: fluids, SciPy and colour-science, unmodified.

Each row calls `srcad.grad` on a function of an installed package, as its documentation shows the
call, and compares every number with a difference of the function itself.

    python -m pip install srcad[libraries]
    python examples/third_party.py
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

import srcad

STEP = 1e-6  # of the differences, relative to the argument


class Example(NamedTuple):
    """A call of a function of a package; `wrt` names the arguments to differentiate in."""

    package: str
    module: str
    name: str
    wrt: tuple[str, ...]
    arguments: Mapping[str, Any]


EXAMPLES = (
    Example("fluids", "fluids", "friction_factor", ("Re", "eD"), {"Re": 1e5, "eD": 1e-4}),
    Example("fluids", "fluids", "API520_C", ("k",), {"k": 1.35}),
    Example("scipy", "scipy.optimize", "rosen", ("x",), {"x": np.array([1.3, 0.7, 0.8])}),
    Example(
        "scipy", "scipy.stats", "wasserstein_distance", ("u_values", "v_values"),
        {"u_values": np.array([0.1, 1.3, 3.2]), "v_values": np.array([5.0, 6.1])},
    ),
    Example(
        "colour-science", "colour.models.rgb.transfer_functions.arri", "log_encoding_ARRILogC3",
        ("x",), {"x": 0.18},
    ),
)  # fmt: skip


def difference(function: Callable[..., Any], arguments: Mapping[str, Any], name: str) -> Any:
    """The gradient in one argument, by central differences."""
    base = np.asarray(arguments[name], float)
    slopes = np.zeros(base.shape)
    for place in np.ndindex(base.shape):
        step = np.zeros(base.shape)
        step[place] = STEP * max(abs(base[place]), 1e-3)
        high, low = (
            function(**{**arguments, name: moved if base.shape else float(moved)})
            for moved in (base + step, base - step)
        )
        slopes[place] = (high - low) / (2 * step[place])
    return slopes if base.shape else float(slopes)


def compare(example: Example) -> float:
    """Print the gradient of one example; the largest relative error."""
    function = getattr(importlib.import_module(example.module), example.name)
    gradients = srcad.grad(function, argnums=example.wrt)(**example.arguments)
    worst = 0.0
    for name, gradient in zip(example.wrt, gradients, strict=True):
        expected = difference(function, example.arguments, name)
        scale = max(float(np.max(np.abs(expected))), 1e-30)
        error = float(np.max(np.abs(np.asarray(gradient) - expected))) / scale
        worst = max(worst, error)
        print(f"d {example.name} / d {name} = {gradient}    (differences: {error:.0e} off)")
    return worst


def main() -> int:
    """Run all examples; 1 if a package is missing or a gradient is off."""
    missing: list[str] = []
    worst = 0.0
    for example in EXAMPLES:
        if importlib.util.find_spec(example.module.partition(".")[0]) is None:
            missing.append(example.package)
            continue
        worst = max(worst, compare(example))
    for package in dict.fromkeys(missing):
        print(f"{package} is not installed: python -m pip install {package}", file=sys.stderr)
    if worst > 1e-5:
        print(f"a gradient differs by {worst:.0e} from the differences", file=sys.stderr)
    return int(bool(missing) or worst > 1e-5)


if __name__ == "__main__":
    sys.exit(main())
