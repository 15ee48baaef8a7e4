"""Rules of NumPy's classes of numbers, called as functions: `np.float64(x)`.

They convert: a number or an array of no dimensions becomes a number, all else an array, which is
the argument itself where the dtype is already right.
"""

from __future__ import annotations

from typing import Any

from srcad.ir.abstract import Array, Type
from srcad.ir.ops import Cost
from srcad.pristine import np
from srcad.rules.inference import Call
from srcad.rules.registry import linear, zero
from srcad.rules.shape_types import array_of, to_elements

CONTINUOUS = (np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128)
DISCRETE = (
    np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.bool_,
)  # fmt: skip


def _number_type(call: Call) -> Type:
    dims = array_of(call.types[0]).dims
    kind: Any = call.fn
    return Array(np.dtype(kind).name, dims, dims == ())


for _kind in CONTINUOUS:
    linear(_kind, lambda g, x: to_elements(g, x), infer=_number_type, cost=Cost.CHEAP)
zero(*DISCRETE, signature="x", infer=_number_type, cost=Cost.CHEAP)
