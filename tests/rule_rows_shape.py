"""Samples of the functions that reshape, move, join, cut, repeat and choose."""

from __future__ import annotations

from typing import Any

import numpy as np
from rule_rows import Row, kwargs_product, sample

from srcad import runtime

ROWS: list[Row] = []


def add(fn: Any, *args: Any, **options: Any) -> None:
    """One more row; `kwargs`, `argnums`, ... are fields of `Row`."""
    ROWS.append(Row(fn, args, **options))


def each(fn: Any, arrays: Any, keywords: Any) -> None:
    for x in arrays:
        for kw in keywords:
            add(fn, x, kwargs=kw)


VECTORS = [sample(4), sample(4, dtype="f4"), sample(1), sample(0)]
MATRICES = [sample(2, 3), sample(3, 1, dtype="f4"), sample(1, 1), sample(0, 3)]
CUBE = sample(2, 1, 3)
COMPLEX = sample(2, 3) + 1j * sample(2, 3, seed=1)
NUMBERS = [1.5, np.float32(1.5), np.array(1.5)]
ALL = [*NUMBERS, *VECTORS, *MATRICES, CUBE, COMPLEX]

# -- the same elements in another shape

for x, shape in (
    (sample(6), (2, 3)), (sample(6), (2, -1)), (sample(2, 3), 6), (sample(2, 3), -1),
    (sample(2, 3), (6,)), (sample(1, 3, dtype="f4"), (3, 1)), (sample(2, 3), (3, 2)),
    (sample(1), ()), (1.5, (1, 1)), (np.float64(1.5), 1), (np.float64(1.5), ()),
    (sample(0, 3), (3, 0)), (COMPLEX, -1),
):  # fmt: skip
    add(np.reshape, x, shape)
add(np.reshape, sample(2, 3), (3, 2), kwargs={"order": "F"})
for x in ALL:
    add(np.ravel, x)
    add(np.squeeze, x)
    add(np.copy, x)
    add(np.asarray, x)
    add(np.asanyarray, x)
    add(np.ascontiguousarray, x)
    add(np.array, x)
    for fn in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
        add(fn, x)
    for axis in (0, -1, (0, 1)):
        add(np.expand_dims, x, kwargs={"axis": axis})
add(np.ravel, sample(2, 3), kwargs={"order": "F"})
for x, axis in ((sample(1, 3, 1), 0), (sample(1, 3, 1), -1), (sample(1, 3, 1), (0, 2))):
    add(np.squeeze, x, kwargs={"axis": axis})
add(np.expand_dims, CUBE, kwargs={"axis": (1, -1)})
for fn in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    add(fn, 1.5, sample(2), sample(2, 3, dtype="f4"))

# -- other axes

for x in ALL:
    add(np.transpose, x)
add(np.transpose, sample(2, 3), kwargs={"axes": (1, 0)})
add(np.transpose, CUBE, kwargs={"axes": (2, 0, 1)})
add(np.transpose, CUBE, kwargs={"axes": (-1, 0, -2)})
for x in (sample(2, 3), CUBE, COMPLEX):
    add(np.swapaxes, x, kwargs={"axis1": 0, "axis2": -1})
    add(np.moveaxis, x, kwargs={"source": 0, "destination": -1})
    add(np.matrix_transpose, x)
    add(np.linalg.matrix_transpose, x)
add(np.moveaxis, sample(2, 3, 4), kwargs={"source": (0, 1), "destination": (-1, 0)})
for axis, start in ((2, 0), (0, 2), (0, 3), (1, 3), (-1, 0), (2, 1)):
    add(np.rollaxis, sample(2, 3, 4), kwargs={"axis": axis, "start": start})
for axis, start in ((-1, 1), (0, -1), (-2, -3)):
    add(np.rollaxis, sample(2, 3, 4), kwargs={"axis": axis, "start": start}, generic=False)

# -- another order

FLIPPED = [sample(4), sample(2, 3, dtype="f4"), CUBE, sample(0)]
each(np.flip, FLIPPED, [{}, {"axis": 0}, {"axis": -1}])
add(np.flip, CUBE, kwargs={"axis": (0, 2)})
for x in (sample(2, 3), sample(3, 1, dtype="f4"), CUBE):
    add(np.fliplr, x)
    add(np.flipud, x)
    for kw in kwargs_product(k=(..., 2, -1), axes=(..., (1, 0))):
        add(np.rot90, x, kwargs=kw)
for shift, kw in ((1, {}), (-2, {"axis": 0}), (2, {"axis": -1}), ((1, 2), {"axis": (0, 1)})):
    for x in (sample(2, 3), sample(3, 1, dtype="f4")):
        add(np.roll, x, shift, kwargs=kw)
add(np.roll, sample(4), np.array(2))

# -- copies

for x, shape in (
    (sample(3), (2, 3)), (sample(3, 1), (3, 4)), (sample(1, dtype="f4"), (2, 2)), (1.5, (2,)),
    (sample(2, 3), (2, 3)), (np.array(1.5), ()), (sample(2, 1, 3), (4, 2, 5, 3)), (sample(1), 4),
    (sample(3), (0, 3)),
):  # fmt: skip
    add(np.broadcast_to, x, shape)
add(np.broadcast_arrays, sample(3), sample(2, 1, dtype="f4"), 1.5)
add(np.broadcast_arrays, sample(3))
for kw in kwargs_product(sparse=(..., True), indexing=(..., "ij")):
    add(np.meshgrid, sample(3), sample(2, dtype="f4"), kwargs=kw)
    add(np.meshgrid, sample(3), sample(1), sample(2), kwargs=kw)
add(np.meshgrid, sample(3))
add(np.meshgrid, 1.5, sample(2))

# -- diagonals and triangles

for k in (0, 1, -1, 2):
    for x in (sample(3), sample(1, dtype="f4"), sample(3, 3), sample(2, 4), sample(4, 1)):
        if x.ndim == 1 or x.shape[1] > k > -x.shape[0]:
            add(np.diag, x, kwargs={"k": k} if k else {})
    add(np.diagflat, sample(2, 2), kwargs={"k": k})
    for x in (sample(3, 3), sample(2, 4, dtype="f4"), sample(1, 3), sample(2, 3, 4), sample(3)):
        add(np.tril, x, kwargs={"k": k} if k else {})
        add(np.triu, x, kwargs={"k": k} if k else {})
for x in (sample(3, 3), sample(2, 4), sample(3, 1, dtype="f4"), COMPLEX):
    for fn in (np.trace, np.diagonal):
        for kw in kwargs_product(offset=(..., 1, -1), axis1=(..., 1)):
            if "axis1" in kw:
                kw["axis2"] = 0
            add(fn, x, kwargs=kw)
    for offset in (0, 1):
        add(np.linalg.diagonal, x, kwargs={"offset": offset})
        add(np.linalg.trace, x, kwargs={"offset": offset})
for x in (sample(2, 3, 3), sample(3, 1, 3, dtype="f4")):
    for fn in (np.trace, np.diagonal):
        add(fn, x)
        add(fn, x, kwargs={"axis1": -2, "axis2": -1, "offset": 1})
    add(np.linalg.diagonal, x)
    add(np.linalg.trace, x)
add(np.trace, sample(3, 3, dtype="f4"), kwargs={"dtype": np.float64})

# -- conversions

for x in (sample(3), sample(2, 2, dtype="f4"), np.array(1.5), np.float32(1.5)):
    add(np.asarray, x, kwargs={"dtype": np.float64})
    add(np.array, x, kwargs={"dtype": "float32"}, rtol=1e-3, order=1)
    if np.ndim(x) or np.lib.NumpyVersion(np.__version__) >= "2.1.0":
        add(np.astype, x, np.float64)
add(np.array, sample(3), kwargs={"ndmin": 2})
add(np.astype, sample(3), np.dtype(complex))
add(np.asarray, [1.5, 2.5])
for fn in (np.array, np.asarray):
    add(fn, (1.5, np.float64(2.5)))
    add(fn, [1.5, 2, 3.5])
    add(fn, ((1.5, 2.5), (3.5, 4.5)))
    add(fn, [sample(2), sample(2, dtype="f4")])
    add(fn, [[1.5, np.array(2.5)], [np.float32(0.5), 1]])
    add(fn, (1.5,))
add(runtime.item, sample(1, 1))
add(runtime.item, np.float64(1.5))

# -- joining

PAIRS = [
    [sample(3), sample(2)], [sample(1), sample(3, dtype="f4")],
    [sample(2, 3), sample(2, 3, seed=1)], [sample(1, 3), sample(2, 3)],
    [sample(3, dtype="f4"), sample(0, dtype="f4")],
]  # fmt: skip
for pair in PAIRS:
    add(np.concatenate, pair)
    add(np.concatenate, tuple(pair), kwargs={"axis": None})
    add(np.concatenate, [*pair, *pair], kwargs={"axis": 0})
    add(np.hstack if pair[0].ndim == 1 else np.vstack, pair)
    add(np.append, *pair)
add(np.concatenate, [sample(2, 1), sample(2, 3)], kwargs={"axis": 1})
add(np.concatenate, [sample(2, 1), sample(2, 3)], kwargs={"axis": -1})
add(np.concatenate, [sample(2, 1, 2), sample(2, 3, 2)], kwargs={"axis": -2})
add(np.concatenate, [sample(2, 2), sample(3)], kwargs={"axis": None})
add(np.concatenate, [sample(2), COMPLEX[0]])
add(np.concatenate, (sample(3),))
add(np.concatenate, [sample(3), np.array([1, 2])])
add(np.concatenate, sample(2, 3))
add(np.concatenate, [sample(3), sample(2)], kwargs={"dtype": np.float32}, rtol=1e-3, order=1)
add(np.append, sample(2, 3), sample(1, 3), kwargs={"axis": 0})
add(np.append, sample(2, 3), 1.5)
ALIKE = [
    [sample(3), sample(3, seed=1)], [sample(1, dtype="f4"), sample(1)], [1.5, np.float64(2.5), 1],
    [sample(2, 3), sample(2, 3, seed=1), sample(2, 3, seed=2)], [sample(2, 1)],
]  # fmt: skip
for parts in ALIKE:
    add(np.stack, parts)
    add(np.stack, tuple(parts), kwargs={"axis": -1})
    for fn in (np.vstack, np.hstack, np.dstack, np.column_stack):
        add(fn, parts)
add(np.stack, ALIKE[3], kwargs={"axis": 1})
add(np.stack, sample(2, 3), kwargs={"axis": 1})
add(np.vstack, [sample(3), sample(2, 3)])
add(np.hstack, [1.5, sample(3)])
add(np.dstack, [sample(2, 3), sample(2, 3, 2)])
add(np.column_stack, [sample(3), sample(3, 2)])
add(np.vstack, [[1.5, 2.5], (0.5, np.float32(1.0))])
add(np.concatenate, ((1.5, np.float64(2.5)), sample(3)))
add(np.concatenate, ((1.5, np.float64(2.5)), sample(3)), kwargs={"axis": None})
add(np.stack, [(1.5, 2.5), sample(2)], kwargs={"axis": 1})
add(np.hstack, [[1.5], 2.5, 1])
add(runtime.cut_like, sample(5), [sample(2), sample(3, dtype="f4")], argnums=(0,))
add(runtime.cut_like, sample(2, 3), (sample(2, 1), sample(2, 2)), kwargs={"axis": 1}, argnums=(0,))
add(runtime.paste_like, [sample(2), sample(2, 2)], sample(3, 2), argnums=(0,))

# -- cutting

for fn in (np.split, np.array_split):
    for sections in (1, 2, (1, 3), [1]):
        add(fn, sample(4), sections)
        add(fn, sample(4, 2, dtype="f4"), sections)
    add(fn, sample(2, 4), 2, kwargs={"axis": 1})
    add(fn, sample(2, 4), (1, 2), kwargs={"axis": -1})
add(np.array_split, sample(5), 3)
add(np.vsplit, sample(4, 3), 2)
add(np.hsplit, sample(4), 2)
add(np.hsplit, sample(2, 4), (1, 3))
add(np.dsplit, sample(2, 3, 4), 2)
if hasattr(np, "unstack"):
    add(np.unstack, sample(3, 2))
    add(np.unstack, sample(3, 2), kwargs={"axis": -1})
    add(np.unstack, sample(1, 2))

# -- repeating, borders

for x in (sample(3), sample(2, 3), sample(1, 3, dtype="f4"), sample(2, 1, 2), sample(0, 2)):
    for n in (1, 2, 0):
        for kw in kwargs_product(axis=(..., 0, -1)):
            add(np.repeat, x, n, kwargs=kw)
    for reps in (1, 3, (2, 1), (1, 2), (2, 1, 1, 3), ()):
        add(np.tile, x, reps)
add(np.repeat, 1.5, 3)
add(np.tile, 1.5, (2, 2))
add(np.repeat, sample(3), [1, 0, 2])
add(np.repeat, sample(2, 3), np.array([2, 1]), kwargs={"axis": 0})
add(runtime.repeat_vjp, sample(4), sample(3), np.array([1, 0, 3]), argnums=(0,))
add(runtime.repeat_vjp, sample(2, 4), sample(2, 2), 2, kwargs={"axis": 1}, argnums=(0,))
add(runtime.tile_vjp, sample(4, 3), sample(2, 1), (2, 3), argnums=(0,))
for width in (1, (2, 1), ((1, 0), (0, 2))):
    for kw in kwargs_product(mode=(..., "edge", "reflect", "symmetric", "wrap")):
        add(np.pad, sample(3, 4), width, kwargs=kw)
add(np.pad, sample(3, dtype="f4"), (0, 2), kwargs={"constant_values": 5.0})
add(np.pad, sample(1, 3), np.array([1, 2]))
add(runtime.pad_vjp, sample(5), sample(3), 1, argnums=(0,))
add(runtime.pad_vjp, sample(5), sample(3), (1, 1), kwargs={"mode": "edge"}, argnums=(0,))

# -- choosing

MASK = np.array([[True, False, True], [False, False, True]])
for a, b in (
    (sample(2, 3), sample(2, 3, seed=1)), (sample(3), 1.5), (1.5, sample(2, 1, dtype="f4")),
    (sample(1, 3), np.float32(2.5)), (sample(2, 3, dtype="f4"), 0), (COMPLEX, sample(3)),
    (1.5, 2.5),
):  # fmt: skip
    add(np.where, MASK, a, b)
add(np.where, MASK[:, :1], sample(3), sample(2, 3))
add(np.where, True, 1.5, sample(2))
add(np.where, True, 1.5, 2.5)
add(np.select, [MASK, ~MASK], [sample(2, 3), sample(3)])
add(np.select, [MASK, MASK], (sample(2, 3, dtype="f4"), 1.5), 0.5)
add(np.select, [MASK, ~MASK, MASK], [sample(2, 3), 2.5, 1])
add(np.choose, np.array([1, 0, 2]), [sample(3), sample(3, seed=1), 1.5])
add(np.choose, np.array([4, -1]), (sample(2), sample(2, seed=1)), kwargs={"mode": "wrap"})
add(np.choose, np.array([4, -1]), (sample(2), sample(2, seed=1)), kwargs={"mode": "clip"})
INDEX = np.array([[0, 2], [2, -1]])
for x in (sample(3), sample(3, 4, dtype="f4"), sample(3, 3, 3)):
    for index in (INDEX, 1, -1, (0, 0, 2), [2, 1], np.array(2)):
        add(np.take, x, index)
        for axis in (0, -1):
            add(np.take, x, index, kwargs={"axis": axis})
for mode in ("wrap", "clip"):
    add(np.take, sample(3, 2), np.array([5, -4]), kwargs={"mode": mode, "axis": 0})
    add(np.take, sample(3, 2), np.array([5, -4]), kwargs={"mode": mode})
add(np.take_along_axis, sample(3, 2), np.array([[0, 0], [2, 1]]), kwargs={"axis": 0})
add(np.take_along_axis, sample(2, 3, dtype="f4"), np.array([[0, 0], [2, 1]]), kwargs={"axis": 1})
add(np.take_along_axis, sample(2, 3), np.array([[0, 0, 2]]), kwargs={"axis": -1})
add(np.take_along_axis, sample(1, 3), np.array([[0], [2]]), kwargs={"axis": 1})
add(np.take_along_axis, sample(2, 3), np.array([5, 0, 0]), kwargs={"axis": None})
add(
    runtime.put_along_axis, sample(2, 2), sample(3, 2), np.array([[0, 0], [2, 1]]),
    kwargs={"axis": 0}, argnums=(0,),
)  # fmt: skip
for kw in kwargs_product(axis=(..., 0, -2)):
    add(np.compress, np.array([True, False]), sample(2, 3), kwargs=kw)
add(np.compress, [False, True], sample(2))
for index in (1, -1, np.array([0, 1]), np.array([True, False])):
    add(np.delete, sample(2, 3), index, kwargs={"axis": 0})
    add(np.delete, sample(2), index)
add(np.insert, sample(3), 1, sample(2), argnums=(0, 2))
add(np.insert, sample(3), np.array([0, 2]), sample(2), argnums=(0, 2))
add(np.insert, sample(2, 2), np.array([3, 1]), 0.5)
add(np.bincount, np.array([0, 2, 2]), sample(3), argnums=(1,))
add(np.bincount, np.array([0, 2, 2]), sample(3), argnums=(1,), kwargs={"minlength": 5})
add(np.extract, MASK, sample(2, 3))
for x in (sample(5), sample(3, 4), sample(1, 3, dtype="f4")):
    for axis in (..., 0, None):
        kw = {} if axis is ... else {"axis": axis}
        add(np.sort, x, kwargs=kw)
        add(np.partition, x, 0, kwargs=kw)
        add(np.argpartition, x, 0, kwargs=kw)
add(np.sort, sample(4), kwargs={"kind": "stable"})
add(runtime.diag_vjp, sample(2), sample(2, 3), argnums=(0,))
add(runtime.diag_vjp, sample(3, 3), sample(2), kwargs={"k": 1}, argnums=(0,))
add(runtime.put_diagonal, sample(2), sample(2, 3), argnums=(0,))
add(
    runtime.put_diagonal, sample(2, 2), sample(3, 2, 2), argnums=(0,),
    kwargs={"offset": -1, "axis1": 0, "axis2": 2},
)  # fmt: skip

# -- no derivative: only the types are checked

for x in (1.5, sample(3), sample(2, 3, dtype="f4"), [1.5, 2.5]):
    for fn in (np.shape, np.size, np.ndim):
        add(fn, x)
add(np.size, sample(2, 3), kwargs={"axis": 1})
add(np.result_type, sample(2, dtype="f4"))
add(np.broadcast_shapes, (2, 1), (3,))
for fn in (np.nonzero, np.flatnonzero, np.argwhere):
    add(fn, MASK)
add(np.searchsorted, np.sort(sample(4)), 1.0)
add(np.searchsorted, np.sort(sample(4)), sample(2, 2), kwargs={"side": "right"})
add(runtime.first_decides, np.float64(1.5), 0, argnums=(0,))
