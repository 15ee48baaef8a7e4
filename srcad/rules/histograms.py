"""Rules of `np.histogram`: linear in the weights, constant in the numbers that are counted."""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.errors import MissingRuleError
from srcad.ir.abstract import ANY, FLOAT, NONE, Array, TupleOf, Type, dtype_of, is_number, rank_of
from srcad.pristine import np
from srcad.rules import inference
from srcad.rules.arithmetic import array_of as array
from srcad.rules.arithmetic import elements, given
from srcad.rules.inference import Call
from srcad.rules.language import call
from srcad.rules.registry import composite, linear
from srcad.rules.shape_types import array_of


def _histogram_type(call: Call) -> Type:
    a, bins, _, density, weights = (*call.types, *[NONE] * 4)[:5]
    edges = array_of(bins).dtype if rank_of(bins) == 1 else None
    if rank_of(bins) == 0:
        edges = inference.result_dtype(np.true_divide, (array_of(a), FLOAT))
    counted = "int64" if weights == NONE else array_of(weights).dtype
    if density != NONE:
        counted = "float64" if call.constants[3] is True else None
    return TupleOf((Array(counted, (ANY,)), Array(edges, (ANY,))))


@composite(
    np.histogram, infer=_histogram_type, operands=("a", "bins", "range", "density", "weights"),
    active=("a", "bins", "range", "weights"),
)  # fmt: skip
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    a = np.ravel(array(a, a))
    edges = _edges(a, bins, range)
    weights = np.ravel(array(weights, a)) if given(weights) else np.ones_like(a)
    counts = call(runtime.binned, weights, weights, a, edges)
    if _is_true(density):
        counts = counts / np.diff(edges) / np.sum(counts)
    return counts, edges


def _is_true(density: Any) -> bool:
    if not given(density) or density.is_const:
        return given(density) and bool(density.const)
    raise MissingRuleError(
        "`np.histogram` with a `density` of run time has no derivative rule",
        reason="what it counts is not known while compiling", advice="pass True or False",
    )  # fmt: skip


def _edges(a: Any, bins: Any, range: Any) -> Any:
    """The edges of the bins: those given, or of so many bins of equal width."""
    if elements(bins) is not None or rank_of(bins.type) == 1:
        return array(bins, a)
    if not is_number(bins.type):
        raise MissingRuleError(
            "`np.histogram` with these bins has no derivative rule",
            reason="it is not known while compiling whether they are a number or edges, or NumPy "
            "chooses them",
            advice="pass the number of bins, or their edges",
        )
    first, last = elements(range) or (np.min(a), np.max(a))
    wide = call(np.where, a, first == last, 0.5, 0.0)  # bins of numbers that are all the same
    if dtype_of(a.type) in ("float16", "float32"):
        wide = call(runtime.astype, a, wide, dtype=dtype_of(a.type))
    return call(np.linspace, a, first - wide, last + wide, bins + 1)


linear(
    runtime.binned, lambda g, weights, a, edges: call(runtime.of_bins, g, g, a, edges),
    infer=lambda c: Array(array_of(c.types[0]).dtype, (ANY,)),
)  # fmt: skip
linear(
    runtime.of_bins, lambda g, heights, a, edges: call(runtime.binned, g, g, a, edges),
    infer=lambda c: Array(array_of(c.types[0]).dtype, array_of(c.types[1]).dims),
)  # fmt: skip
