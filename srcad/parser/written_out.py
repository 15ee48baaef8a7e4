"""Functions and iterators of NumPy whose own code cannot be followed, in Python that can be.

Each gives what the original gives, bit for bit; arguments that it does not have are refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

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


WRITTEN_OUT: dict[Any, Callable[..., Any]] = {
    np.ndindex: ndindex,
    np.ndenumerate: ndenumerate,
    np.apply_along_axis: apply_along_axis,
    np.fromiter: fromiter,
}
