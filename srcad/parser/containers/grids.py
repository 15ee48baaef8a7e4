"""`np.mgrid` and `np.ogrid` of bounds that the run knows, as the ranges that they are made of.

The parser looks into `grid` as into any helper; each axis is its start, stop and step.
"""

from __future__ import annotations

from typing import Any

from srcad.ir.values import Value
from srcad.parser.bindings import Binding, Known, Struct
from srcad.pristine import np

GRID = type(np.mgrid).__mro__[1]  # of both; it has no public name


def axes_of(lowering: Any, index: Binding) -> Struct | None:
    """The bounds of a slice, or a tuple of those of each; None if it is something else."""
    index = lowering.deref(index)
    if isinstance(index, Known) and isinstance(index.value, tuple):
        index = Struct.sequence("tuple", [Known(k) for k in index.value])
    if isinstance(index, Struct):
        parts = [axes_of(lowering, key) for key in index.parts]
        found: list[Binding] = [part for part in parts if part is not None]
        return Struct.sequence("tuple", found) if len(found) == len(parts) else None
    if isinstance(index, Known) and isinstance(index.value, slice):
        known = (index.value.start, index.value.stop, index.value.step)
        return Struct.sequence("tuple", [Known(b) for b in known])
    bounds = lowering.slice_parts.get(index) if isinstance(index, Value) else None
    return None if bounds is None else Struct.sequence("tuple", bounds)


def grid(axes: Any, sparse: bool) -> Any:
    """What `np.mgrid` gives, or `np.ogrid` if `sparse`."""
    if not isinstance(axes[0], tuple):  # of one slice that is no tuple
        return axis(*axes)
    numbers = [1.0 if isinstance(n, complex) else n for b in axes for n in b if n is not None]
    dtype = np.result_type(0, *numbers)
    made = [axis(*bounds).astype(dtype) for bounds in axes]
    grids = np.meshgrid(*made, indexing="ij", sparse=sparse)
    return grids if sparse else np.stack(grids)


def axis(start: Any, stop: Any, step: Any) -> Any:
    """The numbers from `start` to `stop`, or as many as an imaginary `step` says."""
    start = 0 if start is None else start
    if not isinstance(step, complex):
        return np.arange(start, stop, 1 if step is None else step)
    count = int(abs(step))
    width = (stop - start) / float(count - 1) if count != 1 else 1
    return np.arange(count, dtype=np.result_type(start, stop, 1.0)) * width + start
