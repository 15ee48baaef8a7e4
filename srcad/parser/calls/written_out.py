"""Functions of NumPy and Python whose own code cannot be followed, in Python that can be.

Each gives what the original gives, bit for bit; arguments that it does not have are refused.
"""

from __future__ import annotations

import bisect
import cmath
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

from srcad import runtime
from srcad.pristine import np


def ndindex(*shape: Any) -> Iterator[tuple[int, ...]]:
    """`np.ndindex`."""
    if len(shape) == 1 and isinstance(shape[0], tuple):
        shape = shape[0]
    return itertools.product(*[range(n) for n in shape])


def ndenumerate(arr: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """`np.ndenumerate`."""
    for index in itertools.product(*[range(n) for n in arr.shape]):
        yield index, arr[index]


def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any
) -> Any:
    """`np.apply_along_axis`, of functions that give numbers or vectors."""
    lines = np.moveaxis(np.asarray(arr), axis, -1)
    rows = np.reshape(lines, (-1, lines.shape[-1]))
    results = np.array([func1d(row, *args, **kwargs) for row in rows])
    if results.ndim == 1:
        return np.reshape(results, lines.shape[:-1])
    made = np.reshape(results, (*lines.shape[:-1], results.shape[1]))
    return np.moveaxis(made, -1, axis)


def fromiter(iter: Any, dtype: Any) -> Any:
    """`np.fromiter`."""
    return np.array(list(iter), dtype=dtype)


def block(arrays: Any) -> Any:
    """`np.block`, of a list or a list of lists."""
    if not isinstance(arrays, list):
        return np.array(arrays)
    if not isinstance(arrays[0], list):
        return np.concatenate([np.atleast_1d(part) for part in arrays], axis=-1)
    if isinstance(arrays[0][0], list):
        raise NotImplementedError("blocks in more than two directions")
    rows = [np.concatenate([np.atleast_2d(part) for part in row], axis=-1) for row in arrays]
    return np.concatenate(rows, axis=-2)


def phase(z: Any) -> Any:
    """`cmath.phase`."""
    z = complex(z)
    return math.atan2(z.imag, z.real)


def polar(z: Any) -> Any:
    """`cmath.polar`."""
    z = complex(z)
    return abs(z), math.atan2(z.imag, z.real)


def rect(r: Any, phi: Any) -> Any:
    """`cmath.rect`."""
    r = float(r)
    return complex(r * math.cos(phi), r * math.sin(phi))


def insort(a: Any, x: Any) -> None:
    """`bisect.insort`, in the whole of a list."""
    a.insert(bisect.bisect_right(a, x), x)


def insort_left(a: Any, x: Any) -> None:
    """`bisect.insort_left`, in the whole of a list."""
    a.insert(bisect.bisect_left(a, x), x)


def tee(iterable: Any, n: int = 2) -> tuple[Iterator[Any], ...]:
    """`itertools.tee`, of what ends."""
    items = list(iterable)
    return tuple([iter(items) for _ in range(n)])


def groupby(iterable: Any, key: Any = None) -> Iterator[tuple[Any, Iterator[Any]]]:
    """`itertools.groupby`."""
    items = list(iterable)
    keys = [item if key is None else key(item) for item in items]
    first = 0
    for k in range(1, len(items) + 1):
        if k == len(items) or keys[k] != keys[first]:
            yield keys[first], iter(items[first:k])
            first = k


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """`np.diff` of an array with more at its ends."""
    a = np.asarray(a)
    parts = [a]
    if prepend is not None:
        parts = [_at_an_end(prepend, a, axis), *parts]
    if append is not None:
        parts = [*parts, _at_an_end(append, a, axis)]
    return np.diff(np.concatenate(parts, axis=axis), n, axis)


def _at_an_end(values: Any, a: Any, axis: int) -> Any:
    values = np.asarray(values)
    if values.ndim > 0:
        return values
    shape = list(a.shape)
    shape[axis] = 1
    return np.broadcast_to(values, tuple(shape))


def ediff1d(ary: Any) -> Any:
    """`np.ediff1d`."""
    return np.diff(np.ravel(ary))


def polyfit(
    x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None,
    cov: bool = False,
) -> Any:  # fmt: skip
    """`np.polyfit`, of the coefficients alone."""
    if full or cov:
        raise NotImplementedError("only the coefficients of np.polyfit have a derivative")
    x = np.asarray(x) + 0.0
    y = np.asarray(y) + 0.0
    if rcond is None:
        rcond = len(x) * np.finfo(x.dtype).eps
    powers = np.vander(x, deg + 1)
    if w is not None:
        w = np.asarray(w) + 0.0
        powers = powers * w[:, None]
        y = y * w[:, None] if y.ndim == 2 else y * w
    scale = np.sqrt((powers * powers).sum(axis=0))
    coefficients = np.linalg.lstsq(powers / scale, y, rcond)[0]
    return (coefficients.T / scale).T


def sum_of(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """`np.sum` of some elements, and of what is there at first."""
    _without(out)
    a = np.asarray(a) if dtype is None else np.asarray(a, dtype=dtype)
    total = runtime.sum_where(a, np.asarray(where), axis=axis, keepdims=keepdims)
    return total if initial is None else initial + total


def prod_of(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """`np.prod` of some elements, and of what is there at first."""
    _without(out)
    product = np.prod(np.where(where, a, 1), axis=axis, dtype=dtype, keepdims=keepdims)
    return product if initial is None else initial * product


def max_of(
    a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    """`np.max` of some elements, and of what is there at first."""
    _without(out)
    if initial is None:
        raise ValueError("a maximum of some elements needs `initial`")
    largest = np.max(np.where(where, a, initial), axis=axis, keepdims=keepdims)
    return np.maximum(largest, initial)


def min_of(
    a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    """`np.min` of some elements, and of what is there at first."""
    _without(out)
    if initial is None:
        raise ValueError("a minimum of some elements needs `initial`")
    least = np.min(np.where(where, a, initial), axis=axis, keepdims=keepdims)
    return np.minimum(least, initial)


def mean_of(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
    where: Any = True,
) -> Any:  # fmt: skip
    """`np.mean` of some elements."""
    _without(dtype, out)
    a, where = np.asarray(a), np.asarray(where)
    number = np.sum(np.where(where, np.ones_like(a), 0), axis=axis, keepdims=keepdims)
    return runtime.sum_where(a, where, axis=axis, keepdims=keepdims) / number


def var_of(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: bool = False, where: Any = True,
) -> Any:  # fmt: skip
    """`np.var` of some elements, which are real."""
    _without(dtype, out)
    a, where = np.asarray(a), np.asarray(where)
    apart = a - mean_of(a, axis, keepdims=axis is not None, where=where)
    number = np.sum(np.where(where, np.ones_like(a), 0), axis=axis, keepdims=keepdims)
    return runtime.sum_where(apart * apart, where, axis=axis, keepdims=keepdims) / (number - ddof)


def std_of(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: bool = False, where: Any = True,
) -> Any:  # fmt: skip
    """`np.std` of some elements, which are real."""
    return np.sqrt(var_of(a, axis, dtype, out, ddof, keepdims, where))


def _without(*arguments: Any) -> None:
    for argument in arguments:
        if argument is not None:
            raise NotImplementedError("`where` is followed without `dtype` and `out`")


def vectorize(
    pyfunc: Any, otypes: Any = None, doc: Any = None, excluded: Any = None, cache: bool = False,
    signature: Any = None,
) -> Any:  # fmt: skip
    """`np.vectorize`, of functions of numbers that give one number."""
    if excluded or signature is not None:
        raise NotImplementedError("only functions of numbers alone are followed")

    def vectorized(*args: Any) -> Any:
        arrays = np.broadcast_arrays(*args)
        rows = zip(*[np.ravel(a).tolist() for a in arrays])
        if otypes is not None:
            results = np.array([pyfunc(*row) for row in rows], dtype=otypes[0])
        else:
            results = np.array(
                [runtime.first_decides(pyfunc(*row), k) for k, row in enumerate(rows)]
            )
        return np.reshape(results, np.shape(arrays[0]))

    return vectorized


_PART = frozenset({"initial", "where"})

WRITTEN_OUT: dict[Any, Callable[..., Any]] = {
    np.ndindex: ndindex,
    np.ndenumerate: ndenumerate,
    np.apply_along_axis: apply_along_axis,
    np.fromiter: fromiter,
    np.block: block,
    np.ediff1d: ediff1d,
    bisect.insort: insort,
    bisect.insort_left: insort_left,
    itertools.tee: tee,
    itertools.groupby: groupby,
    cmath.phase: phase,
    cmath.polar: polar,
    cmath.rect: rect,
    np.polyfit: polyfit,
    np.vectorize: vectorize,
}
# those that a rule knows without these keywords
WITH_KEYWORDS: dict[Any, tuple[Callable[..., Any], frozenset[str]]] = {
    np.diff: (diff, frozenset({"prepend", "append"})),
    np.sum: (sum_of, _PART),
    np.prod: (prod_of, _PART),
    np.max: (max_of, _PART),
    np.amax: (max_of, _PART),
    np.min: (min_of, _PART),
    np.amin: (min_of, _PART),
    np.mean: (mean_of, _PART),
    np.var: (var_of, _PART),
    np.std: (std_of, _PART),
}
