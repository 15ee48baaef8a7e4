"""Samples of `numpy.linalg`, at matrices where the functions are smooth."""

from __future__ import annotations

from typing import Any

import numpy as np
from rule_rows import Row, kwargs_product, sample

from srcad import runtime

ROWS: list[Row] = []


def add(fn: Any, *args: Any, **options: Any) -> None:
    """One more row; `kwargs`, `argnums`, ... are fields of `Row`."""
    ROWS.append(Row(fn, args, **options))


def regular(*shape: int, dtype: Any = float, seed: int = 0) -> Any:
    """Matrices far from singular."""
    return (sample(*shape, seed=seed) + 3.0 * np.eye(shape[-1])).astype(dtype)


def positive(*shape: int, dtype: Any = float) -> Any:
    """Positive definite matrices whose eigenvalues differ."""
    root = regular(*shape)
    return (root @ np.swapaxes(root, -1, -2) + np.diag(np.arange(shape[-1]))).astype(dtype)


MATRICES = [regular(3, 3), regular(2, 2, dtype="f4"), regular(1, 1), regular(2, 3, 3)]
COMPLEX = regular(3, 3) + 1j * sample(3, 3, seed=1)
HERMITIAN = COMPLEX @ COMPLEX.conj().T
for a in (*MATRICES, COMPLEX):
    add(np.linalg.inv, a)
    add(np.linalg.det, a)
    add(np.linalg.slogdet, a)
    for n in (0, 1, 2, 3, 5, -1, -2):
        add(np.linalg.matrix_power, a, kwargs={"n": n})
add(np.linalg.slogdet, -regular(3, 3))
TALL = sample(4, 2, low=-1)
WIDE = sample(2, 4, low=-1) + np.eye(2, 4)
for a in (*MATRICES, COMPLEX, TALL, WIDE, COMPLEX[:2], np.stack([WIDE, -WIDE[::-1]]), WIDE[:1]):
    add(np.linalg.qr, a)
for b in (sample(4), sample(4, 2)):
    add(np.linalg.lstsq, TALL, b, kwargs={"rcond": None}, generic=False)
for a, b in (
    (regular(3, 3), sample(3)), (regular(3, 3), sample(3, 2)), (regular(1, 1), sample(1)),
    (regular(2, 2, dtype="f4"), sample(2, dtype="f4")), (regular(2, 2, dtype="f4"), sample(2, 1)),
    (regular(2, 3, 3), sample(3)), (regular(2, 3, 3), sample(3, 1)), (COMPLEX, sample(3)),
    (regular(3, 3), sample(2, 3, 2)), (regular(2, 3, 3), sample(2, 3, 2)),
    (regular(2, 1, 3, 3), sample(4, 3, 1)), (regular(2, 2, 2), sample(2)),
    (regular(3, 3), COMPLEX),
):  # fmt: skip
    add(np.linalg.solve, a, b)
    add(np.linalg.solve, a, b, argnums=(0,))
    add(np.linalg.solve, a, b, argnums=(1,))
add(runtime.as_columns, sample(2, 3), sample(3), argnums=(0,))
add(runtime.as_columns, sample(3, 2), sample(3, 2), argnums=(0,))
add(runtime.from_columns, sample(3, 1), sample(3), argnums=(0,))
add(runtime.from_columns, sample(3, 2), sample(3, 2), argnums=(0,))
for chain in (
    [sample(2, 3), sample(3, 4)], [sample(2, 3), sample(3, 4), sample(4, 2)],
    (sample(3), sample(3, 4), sample(4, 2)), [sample(2, 3), sample(3, 4), sample(4)],
    [sample(3), sample(3, 4), sample(4)], [sample(2, 1, dtype="f4"), sample(1, 3), sample(3)],
    [sample(2, 3), sample(3, 2), sample(2, 3), sample(3, 1)],
):  # fmt: skip
    add(np.linalg.multi_dot, chain)
for a in (positive(3, 3), positive(2, 2, dtype="f4"), positive(1, 1), positive(2, 3, 3), HERMITIAN):
    for kw in kwargs_product(upper=(..., True)):
        add(np.linalg.cholesky, a, kwargs=kw)
    for kw in kwargs_product(UPLO=(..., "U")):
        add(np.linalg.eigvalsh, a, kwargs=kw)
        if a.dtype.kind == "f":  # the phase of a complex eigenvector is arbitrary
            add(np.linalg.eigh, a, kwargs=kw)

for a in (sample(3, 3), sample(4, 2), sample(2, 3, dtype="f4"), sample(2, 3, 2), sample(1, 1)):
    add(np.linalg.svdvals, a)
    add(np.linalg.svd, a, kwargs={"compute_uv": False})
    add(np.linalg.svd, a, kwargs={"full_matrices": False})
    add(np.linalg.pinv, a, rtol=1e-5)
add(np.linalg.svdvals, COMPLEX)
add(np.linalg.pinv, COMPLEX[:, :2])
add(np.linalg.pinv, COMPLEX[:2])

# -- norms

for x in (sample(4, low=-1), sample(3, dtype="f4"), sample(1), sample(2, 3, low=-1)):
    for kw in kwargs_product(keepdims=(..., True)):
        add(np.linalg.norm, x, kwargs=kw)
        if x.ndim == 1:
            for order in (0, 1, 2, 3, 0.5, -1, -2.5, np.inf, -np.inf):
                known = order in (-1,)
                add(np.linalg.norm, x, kwargs={"ord": order, **kw}, generic=not known)
                add(np.linalg.norm, x, kwargs={"ord": order, "axis": 0, **kw})
for x in (sample(2, 3, low=-1), sample(2, 3, 2, dtype="f4"), sample(1, 3)):
    for kw in kwargs_product(axis=(0, -1), keepdims=(..., True)):
        for order in (None, 0, 1, 2, 2.5, -1, np.inf, -np.inf):
            add(np.linalg.norm, x, kwargs={"ord": order, **kw})
    for kw in kwargs_product(axis=((0, 1), (-1, 0)), keepdims=(..., True)):
        for order in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
            add(np.linalg.norm, x, kwargs={"ord": order, **kw})
for order in (1, -1, 2, -2, np.inf, -np.inf, "nuc"):
    for kw in kwargs_product(keepdims=(..., True)):
        known = order in (-1, -2)
        add(np.linalg.norm, sample(2, 3, low=-1), kwargs={"ord": order, **kw}, generic=not known)
add(np.linalg.norm, sample(2, 3), kwargs={"ord": "fro"})
add(np.linalg.norm, 1.5)
add(np.linalg.norm, COMPLEX)
add(np.linalg.norm, COMPLEX[0], kwargs={"ord": 1, "axis": 0})
add(np.linalg.norm, COMPLEX[0], kwargs={"ord": 3, "axis": -1})
add(np.linalg.norm, COMPLEX, kwargs={"ord": 1, "axis": (0, 1)}, warns=True)
add(np.linalg.norm, COMPLEX, kwargs={"ord": 2}, warns=True)
for axis in (..., 0, (0, 1), (1, 2, 0)):
    for order in (..., 0, 1, 3, np.inf, -np.inf):
        for kw in kwargs_product(axis=(axis,), ord=(order,), keepdims=(..., True)):
            add(np.linalg.vector_norm, sample(2, 3, 2, low=-1), kwargs=kw)
add(np.linalg.vector_norm, sample(3, dtype="f4"))
for order in (..., "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    for kw in kwargs_product(ord=(order,), keepdims=(..., True)):
        add(np.linalg.matrix_norm, sample(2, 3, low=-1), kwargs=kw)
        add(np.linalg.matrix_norm, sample(2, 3, 2, dtype="f4"), kwargs=kw)
