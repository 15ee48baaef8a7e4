"""Planning of contractions: one product of two arrays over labelled axes, as NumPy's fastest call.

`contract(a, "ij", b, "jk", "ik")` emits ``a @ b``; other labels give `.T`, np.einsum, np.tensordot,
matmul over a batch, or a plain product. A label may be any hashable value. Sizes of equal labels
must be equal; nothing here broadcasts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from srcad.pristine import np

Labels = Sequence[Hashable]


def contract(a: Any, la: Labels, b: Any, lb: Labels, lo: Labels) -> Any:
    """The sum over the labels that are not in `lo` of the product of `a` and `b`.

    Every label of `lo` is in `la` or `lb`, and none of the three has a label twice.
    """
    a, la = _summed(a, la, {*lb, *lo})
    b, lb = _summed(b, lb, {*la, *lo})
    shared = [x for x in la if x in lb]
    summed = [x for x in shared if x not in lo]
    batch = [x for x in shared if x in lo]
    if not summed:
        return _product(a, la, b, lb, lo)
    if batch:
        return _batched(a, la, b, lb, lo, batch, summed)
    return _matrix_product(a, la, b, lb, lo, summed)


def _summed(x: Any, labels: Labels, kept: set[Hashable]) -> tuple[Any, list[Hashable]]:
    """`x` summed over the labels that occur nowhere else."""
    gone = tuple(i for i, c in enumerate(labels) if c not in kept)
    if gone:
        x = np.sum(x, axis=None if len(gone) == len(labels) else _one(gone))
    return x, [c for c in labels if c in kept]


def _one(axes: Sequence[int]) -> Any:
    return axes[0] if len(axes) == 1 else tuple(axes)


def ordered(x: Any, labels: Labels, wanted: Labels) -> Any:
    """`x` with its axes in another order."""
    order = tuple(list(labels).index(c) for c in wanted)
    if order == tuple(range(len(order))):
        return x
    if order == (1, 0):
        return np.transpose(x)
    swapped = [i for i, j in enumerate(order) if i != j]
    if len(swapped) == 2:
        first, second = (i - len(order) if swapped[0] >= len(order) - 2 else i for i in swapped)
        return np.swapaxes(x, first, second)
    return np.transpose(x, order)


def expanded(x: Any, labels: Labels, wanted: Labels) -> Any:
    """`x` with its axes as in `wanted`, and a dimension of size one for each other label."""
    have = [c for c in wanted if c in labels]
    x = ordered(x, labels, have)
    index: list[Any] = [slice(None) if c in labels else None for c in wanted]
    while index and index[0] is None:  # broadcasting adds these by itself
        index.pop(0)
    if None not in index:
        return x
    if len(have) > 1 and None not in index[: len(have)]:
        index = [Ellipsis, *index[len(have) :]]
    return x[tuple(index)]


def _product(a: Any, la: Labels, b: Any, lb: Labels, lo: Labels) -> Any:
    """No label is summed: an outer or an elementwise product."""
    if len(la) == len(lb) == 1 and la[0] != lb[0]:
        # einsum fills the product in one pass; np.outer takes almost twice as long
        left, right = (a, b) if list(lo) == [*la, *lb] else (b, a)
        return np.einsum("i,j->ij", left, right)
    return expanded(a, la, lo) * expanded(b, lb, lo)


def _matrix_product(
    a: Any, la: Labels, b: Any, lb: Labels, lo: Labels, summed: list[Hashable]
) -> Any:
    free_a, free_b = [c for c in la if c in lo], [c for c in lb if c in lo]
    if len(summed) == 1 and len(la) <= 2 and len(lb) <= 2:
        (c,) = summed
        if not free_a and free_b:
            return ordered(b, lb, [*free_b, c]) @ a
        if free_a and list(lo) != free_a + free_b:
            return ordered(b, lb, [*free_b, c]) @ ordered(a, la, [c, *free_a])
        return ordered(a, la, [*free_a, c]) @ ordered(b, lb, [c, *free_b])
    if lb == summed and la[-1] == lb[0]:
        return ordered(a @ b, free_a, lo)
    if free_b and free_a and list(lo)[: len(free_b)] == free_b:
        a, la, free_a, b, lb, free_b = b, lb, free_b, a, la, free_a
    result = np.tensordot(a, b, axes=_axes(la, lb, summed))
    return ordered(result, free_a + free_b, lo)


def _axes(la: Labels, lb: Labels, summed: list[Hashable]) -> Any:
    """The `axes` argument of np.tensordot, in its shortest form."""
    n = len(summed)
    if list(la)[len(la) - n :] == list(lb)[:n]:
        return n
    at_a = tuple(list(la).index(c) for c in summed)
    at_b = tuple(list(lb).index(c) for c in summed)
    return (at_a[0], at_b[0]) if n == 1 else (at_a, at_b)


def _batched(
    a: Any, la: Labels, b: Any, lb: Labels, lo: Labels,
    batch: list[Hashable], summed: list[Hashable],
) -> Any:  # fmt: skip
    """A stack of matrix products; np.einsum where the matrices have several axes."""
    free_a = [c for c in la if c in lo and c not in batch]
    free_b = [c for c in lb if c in lo and c not in batch]
    batch = [c for c in lo if c in batch]
    if max(len(free_a), len(free_b), len(summed)) > 1 or not (free_a or free_b):
        return np.einsum(spec([la, lb], lo), a, b)
    if free_a and free_b and list(lo).index(free_b[0]) < list(lo).index(free_a[0]):
        a, la, free_a, b, lb, free_b = b, lb, free_b, a, la, free_a
    left = ordered(a, la, [*batch, *free_a, *summed])
    right = ordered(b, lb, [*batch, *summed, *free_b])
    result = (left if free_a else left[..., None, :]) @ (right if free_b else right[..., None])
    if not free_a:
        result = result[..., 0, :]
    elif not free_b:
        result = result[..., 0]
    return ordered(result, [*batch, *free_a, *free_b], lo)


def spec(inputs: Sequence[Labels], output: Labels) -> str:
    """Subscripts of np.einsum for any labels; those that are letters keep them."""
    names = dict.fromkeys(c for labels in inputs for c in labels)
    free = iter(c for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in names)
    letters = {c: c if isinstance(c, str) else next(free) for c in names}
    terms = ["".join(letters[c] for c in labels) for labels in inputs]
    return ",".join(terms) + "->" + "".join(letters[c] for c in output)
