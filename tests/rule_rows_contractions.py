"""Samples of the products of arrays: every pair of ranks, batches, axes and subscripts."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from rule_rows import Row, kwargs_product, sample

from srcad import runtime

ROWS: list[Row] = []


def add(fn: Any, *args: Any, **options: Any) -> None:
    """One more row; `kwargs`, `argnums`, ... are fields of `Row`."""
    ROWS.append(Row(fn, args, **options))


def pair(
    fn: Any, a: tuple[int, ...], b: tuple[int, ...], da: str = "f8", db: str = "f8", **keywords: Any
) -> None:
    add(fn, sample(*a, dtype=da), sample(*b, dtype=db, seed=1), kwargs=keywords)


def helper(name: str, fn: Any, a: tuple[int, ...], b: tuple[int, ...], **keywords: Any) -> None:
    """Both cotangents of `fn` as the helper of this name computes them."""
    x, y = sample(*a), sample(*b, seed=1)
    asked = {k: v for k, v in keywords.items() if v not in ("dot", "inner")}
    g = sample(*np.shape(fn(x, y, **asked)), seed=2)
    add(getattr(runtime, name), g, y, x, kwargs={**keywords, "side": 0}, argnums=(0, 1))
    add(getattr(runtime, name), g, x, y, kwargs={**keywords, "side": 1}, argnums=(0, 1))


COMPLEX = sample(2, 3) + 1j * sample(2, 3, seed=1)

# -- matrix products

SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((1, 3), (3, 1)),
    ((2, 1), (1, 3)), ((1,), (1,)), ((0, 3), (3, 2)), ((2, 0), (0, 3)),
]  # fmt: skip
STACKS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((2, 2, 3), (3,)), ((3,), (2, 3, 2)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2)),
    ((4, 2, 3), (4, 3, 2)), ((1, 2, 3), (4, 3, 2)), ((4, 2, 3), (1, 3, 2)),
    ((2, 1, 2, 3), (4, 3, 2)), ((2, 3, 2, 2), (2, 1, 2, 1)), ((2, 1, 2, 3), (3,)),
    ((3,), (2, 1, 3, 2)), ((0, 2, 3), (3, 2)),
]  # fmt: skip
for fn in (np.matmul, operator.matmul, np.linalg.matmul):
    for a, b in SHAPES + STACKS:
        if fn is not np.linalg.matmul or min(len(a), len(b)) > 1:
            pair(fn, a, b)
            pair(fn, a, b, "f4", "f4")
    pair(fn, (2, 3), (3, 2), "f4", "f8")
    add(fn, COMPLEX, sample(3, 2))
    add(fn, COMPLEX, COMPLEX.T)
for a, b in SHAPES + STACKS:
    helper("matmul_vjp", np.matmul, a, b)
if hasattr(np, "matvec"):
    for a, b in (((2, 3), (3,)), ((4, 2, 3), (3,)), ((2, 3), (4, 3)), ((1, 2, 3), (4, 3))):
        pair(np.matvec, a, b)
        pair(np.vecmat, b, (*a[:-2], a[-1], a[-2]))
    add(np.vecmat, COMPLEX[0], COMPLEX.T)
    add(np.matvec, COMPLEX, sample(3))

# -- dot, inner, tensordot

for a, b in [*SHAPES, ((), (2, 3)), ((2, 3), ()), ((), ()), ((2, 3), (4, 3, 2)), ((2, 2, 3), (3,)),
             ((3,), (4, 3, 2)), ((2, 1, 3), (3, 2))]:  # fmt: skip
    pair(np.dot, a, b)
    helper("tensordot_vjp", np.dot, a, b, axes="dot")
pair(np.dot, (2, 3), (3,), "f4", "f4")
pair(np.dot, (2, 3), (3, 2), "f4", "f8")
add(np.dot, 1.5, sample(2, 2))
add(np.dot, 1.5, 2.5)
add(np.dot, COMPLEX, sample(3))
for a, b in (((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 3), (4, 3)), ((), (3,)), ((), ()),
             ((2, 2, 3), (4, 3))):  # fmt: skip
    pair(np.inner, a, b)
    helper("tensordot_vjp", np.inner, a, b, axes="inner")
pair(np.inner, (2, 3), (4, 3), "f4", "f4")
for a, b, axes in (
    ((2, 3), (2, 3), 2), ((2, 3), (3, 4), 1), ((3,), (2,), 0), ((2, 3), (4,), 0), ((3,), (3,), 1),
    ((2, 3), (4, 3), (1, 1)), ((2, 3), (4, 3), (-1, -1)), ((2, 3, 4), (4, 5, 3), ((1, 2), (2, 0))),
    ((2, 3, 4), (4, 2, 3), ((0, 1, 2), (1, 2, 0))), ((2, 3), (2,), (0, 0)), ((3, 1), (1, 2), 1),
    ((2, 3, 4), (3, 2), ((0, 1), (1, 0))), ((4, 3), (2, 4, 3), ((1, 0), (2, 1))),
):  # fmt: skip
    pair(np.tensordot, a, b, axes=axes)
    pair(np.linalg.tensordot, a, b, axes=axes)
    helper("tensordot_vjp", np.tensordot, a, b, axes=axes)
pair(np.tensordot, (2, 3), (2, 3))
pair(np.tensordot, (2, 3), (3, 4), "f4", "f8", axes=1)
add(np.tensordot, COMPLEX, sample(3, 2), kwargs={"axes": 1})

# -- vdot, vecdot, outer, kron, cross

for a, b in (
    ((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (3, 2)), ((6,), (2, 3)), ((1,), ()), ((), ()),
):  # fmt: skip
    pair(np.vdot, a, b)
pair(np.vdot, (3,), (3,), "f4", "f8")
add(np.vdot, 1.5, 2.5)
add(np.vdot, COMPLEX, sample(3, 2))
add(np.vdot, sample(2, 3), COMPLEX)
add(np.vdot, COMPLEX, 1j * COMPLEX)
for fn in (np.vecdot, np.linalg.vecdot):
    for a, b in (
        ((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1, 3), (4, 3)), ((1, 3), (2, 3)),
    ):  # fmt: skip
        pair(fn, a, b)
    pair(fn, (3, 2), (3, 2), axis=0)
    pair(fn, (3, 2), (3, 2), axis=-2)
    add(fn, COMPLEX, sample(3))
    add(fn, COMPLEX, 1j * COMPLEX)
for a, b in (((3,), (2,)), ((1,), (3,)), ((2, 2), (3,)), ((3,), (2, 1)), ((), (2,)), ((0,), (2,))):
    pair(np.outer, a, b)
pair(np.outer, (3,), (2,), "f4", "f8")
add(np.outer, 1.5, 2.5)
pair(np.linalg.outer, (3,), (2,))
add(np.outer, COMPLEX[0], sample(2))
for a, b in (
    ((3,), (2,)), ((2, 3), (3, 2)), ((2, 1), (3,)), ((2,), (1, 3)), ((2, 1, 3), (2, 2)), ((), (3,)),
    ((2, 2), ()), ((), ()), ((1, 1), (1, 1)),
):  # fmt: skip
    pair(np.kron, a, b)
    helper("kron_vjp", np.kron, a, b)
pair(np.kron, (2, 2), (2,), "f4", "f4")
for a, b in (((3,), (3,)), ((4, 3), (3,)), ((3,), (4, 3)), ((2, 1, 3), (4, 3))):
    pair(np.cross, a, b)
    pair(np.linalg.cross, a, b)
    helper("cross_vjp", np.cross, a, b)
pair(np.cross, (3, 2), (3, 2), axis=0)
pair(np.linalg.cross, (3, 2), (3, 2), axis=0)
pair(np.cross, (3, 2), (2, 3), axisa=0, axisc=0)
pair(np.cross, (3, 2), (2, 3), "f4", "f4", axisa=0, axisb=1)
helper("cross_vjp", np.cross, (3, 2), (2, 3), axisa=0, axisc=0)

# -- einsum

PRODUCTS: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij,jk->ki", (2, 3), (3, 4)),
    ("ij,kj->ik", (2, 3), (4, 3)), ("ji,jk->ik", (3, 2), (3, 4)), ("ij,j->i", (2, 3), (3,)),
    ("ij,i->j", (2, 3), (2,)), ("i,j->ij", (2,), (3,)), ("i,j->ji", (2,), (3,)),
    ("i,i->", (3,), (3,)), ("i,i->i", (3,), (3,)), ("ij,ij->", (2, 3), (2, 3)),
    ("ij,ji->", (2, 3), (3, 2)), ("ij,ij->i", (2, 3), (2, 3)), ("ij,ij->ij", (2, 3), (2, 3)),
    ("ij,i->ij", (2, 3), (2,)), ("ij,j->ji", (2, 3), (3,)), ("bij,bjk->bik", (4, 2, 3), (4, 3, 2)),
    ("bij,bj->bi", (4, 2, 3), (4, 3)), ("bi,bij->bj", (4, 2), (4, 2, 3)),
    ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
    ("bhqk,bkhd->bqhd", (2, 2, 3, 5), (2, 5, 2, 4)),
    ("ijk,kl->ijl", (2, 3, 4), (4, 2)), ("ijk,jkl->il", (2, 3, 4), (3, 4, 2)),
    ("ijk,lkj->il", (2, 3, 4), (2, 4, 3)), ("ijk,ilk->jl", (2, 3, 4), (2, 5, 4)),
    ("abij,abij->ab", (2, 3, 2, 2), (2, 3, 2, 2)), ("ij,k->k", (2, 3), (4,)),
    ("ij,jk->i", (2, 3), (3, 4)), ("ij,kl->jk", (2, 3), (4, 2)), ("ii,ij->j", (3, 3), (3, 2)),
    ("ij,jj->i", (2, 3), (3, 3)), ("iij,j->i", (2, 2, 3), (3,)), ("...j,j->...", (2, 3, 4), (4,)),
    ("...ij,...jk->...ik", (4, 2, 3), (3, 2)), ("...ij,...jk", (4, 2, 3), (4, 3, 2)),
    ("i...,i...->...", (3, 2), (3, 2)), ("...,...", (2, 3), (3,)), ("i,...i", (3,), (2, 3)),
    ("ij,j->i", (2, 1), (3,)), ("ij,jk->ik", (3, 1), (4, 5)), ("ij,ij->j", (1, 3), (2, 3)),
    ("...i,...i->...", (1, 3), (4, 3)), ("ij,jk->ik", (1, 3), (3, 1)), (",i->i", (), (3,)),
    ("ij,jk->ik", (0, 3), (3, 2)), ("b...i,bi->b...", (2, 4, 3), (2, 3)),
    ("bij,bjkl->bikl", (2, 2, 3), (2, 3, 2, 2)), ("ij , jk -> ik", (2, 3), (3, 4)),
]  # fmt: skip
for text, a, b in PRODUCTS:
    add(np.einsum, text, sample(*a), sample(*b, seed=1))
    g = sample(*np.shape(np.einsum(text, sample(*a), sample(*b))), seed=2)
    for i in (0, 1):
        add(
            runtime.einsum_vjp, g, text, i, sample(*a), sample(*b, seed=1),
            argnums=(0, 4 - i),
        )  # fmt: skip
add(np.einsum, "ij,jk->ik", sample(2, 3, dtype="f4"), sample(3, 2, dtype="f4"))
add(np.einsum, "ij,jk->ik", sample(2, 3, dtype="f4"), sample(3, 2))
add(np.einsum, "ij,jk->ik", COMPLEX, COMPLEX.T)
add(np.einsum, "ij,j->i", COMPLEX, sample(3))
for text, *shapes in (
    ("ij->ji", (2, 3)), ("ij->i", (2, 3)), ("ij->", (2, 3)), ("ii->", (3, 3)), ("ii", (3, 3)),
    ("ii->i", (3, 3)), ("iij->ij", (2, 2, 3)), ("iij->j", (2, 2, 3)), ("ijij->ij", (2, 3, 2, 3)),
    ("ba", (2, 3)), ("...i->...", (2, 3)), ("...", (2, 3)), ("ij...->...", (2, 3, 2)), ("->", ()),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)), ("i,ij,j->", (2,), (2, 3), (3,)),
    ("i,i,i->i", (3,), (3,), (3,)), ("ij,jk,k->i", (1, 3), (3, 4), (4,)),
    ("ij,jk,kl,l", (2, 3), (3, 2), (2, 3), (3,)), ("i,j,k->ijk", (2,), (1,), (3,)),
    ("ii,ij,j->i", (3, 3), (3, 2), (2,)), ("ij,jk,jl->ik", (2, 3), (3, 2), (3, 4)),
    ("...i,ij,...j->...", (2, 3), (3, 2), (2, 2)), ("i,ij,k->j", (2,), (2, 3), (4,)),
):  # fmt: skip
    arrays = [sample(*s, seed=i) for i, s in enumerate(shapes)]
    add(np.einsum, text, *arrays)
    if len(arrays) > 1:
        add(np.einsum, text, *arrays, kwargs={"optimize": True})
for kw in kwargs_product(optimize=(True, "greedy")):
    add(np.einsum, "ij,jk->ik", sample(2, 3), sample(3, 2), kwargs=kw)
add(np.einsum, "i,i->", sample(3), sample(3), kwargs={"optimize": True})
