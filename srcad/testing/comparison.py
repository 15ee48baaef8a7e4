"""When two results are the same: kinds, shapes, dtypes, and elements up to rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

# Relative and absolute tolerance for each size of a real number, in bytes.
_TOLERANCES = {2: (3e-2, 1e-2), 4: (1e-3, 1e-4), 8: (1e-6, 1e-8)}


def assert_close(
    actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None
) -> None:
    """Raise unless `actual` is what `expected` says, up to rounding.

    Types must be equal (a Python float, a NumPy scalar and an array of no dimensions are three
    things), and shapes and dtypes too. Floating-point elements must satisfy
    ``abs(actual - expected) <= atol + rtol * abs(expected)``; NaN equals only NaN and an infinity
    only itself. Everything else must be equal. Tuples, lists and dictionaries are compared entry
    by entry.

    Parameters
    ----------
    actual, expected : object
        Numbers, arrays, or tuples, lists and dictionaries of these.
    rtol, atol : float, optional
        Relative and absolute tolerance; by default those that suit the dtype of the element.

    Raises
    ------
    AssertionError
        Naming the entry that differs and its worst element.

    Examples
    --------
    >>> assert_close((1.0, np.ones(2)), (1.0, np.ones(2)))
    >>> assert_close((1.0, np.ones(2)), (1.0, np.array([1.0, 2.0])))
    Traceback (most recent call last):
        ...
    AssertionError: result[1] is wrong in 1 of 2 elements; the worst, at [1]: 1.0 instead of 2.0 \
(rtol=1e-06, atol=1e-08)
    """
    compare(actual, expected, rtol, atol, "result")


def compare(
    actual: Any, expected: Any, rtol: float | None, atol: float | None, path: str
) -> None:
    for a, e, place in matched_leaves(actual, expected, path):
        if is_inexact(e):
            _assert_elements_close(np.asarray(a), np.asarray(e), rtol, atol, place)
        elif not np.array_equal(a, e):
            raise AssertionError(f"{place} is {a!r} instead of {e!r}")


def matched_leaves(actual: Any, expected: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    """Yield the pairs of leaves with their places; raise where structure or kind differ."""
    _assert_same_kind(actual, expected, path)
    if isinstance(expected, (tuple, list)):
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            yield from matched_leaves(a, e, f"{path}[{i}]")
    elif isinstance(expected, dict):
        for key, e in expected.items():
            yield from matched_leaves(actual[key], e, f"{path}[{key!r}]")
    else:
        yield actual, expected, path


def _assert_same_kind(actual: Any, expected: Any, path: str) -> None:
    """Raise unless type, and length, keys or shape and dtype, are the same."""
    same = type(actual) is type(expected)
    if same and isinstance(expected, np.ndarray):
        same = actual.dtype == expected.dtype and actual.shape == expected.shape
    elif same and isinstance(expected, dict):
        same = actual.keys() == expected.keys()
    elif same and isinstance(expected, (tuple, list)):
        same = len(actual) == len(expected)
    if not same:
        raise AssertionError(f"{path} is {_described(actual)} instead of {_described(expected)}")


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"a {value.dtype} array of shape {value.shape}"
    if isinstance(value, np.generic):
        return f"a NumPy scalar of dtype {value.dtype}"
    if isinstance(value, dict):
        return f"a {type(value).__name__} with the keys {list(value)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of length {len(value)}"
    return "None" if value is None else f"a Python {type(value).__name__}"


def _assert_elements_close(
    actual: np.ndarray, expected: np.ndarray, rtol: float | None, atol: float | None, path: str
) -> None:
    default_rtol, default_atol = tolerance(expected)
    rtol = default_rtol if rtol is None else rtol
    atol = default_atol if atol is None else atol
    bound = atol + rtol * np.where(np.isfinite(expected), np.abs(expected), 0.0)
    wrong = _differ(actual.real, expected.real, bound) | _differ(actual.imag, expected.imag, bound)
    if not wrong.any():
        return
    with np.errstate(all="ignore"):
        excess = np.where(wrong, np.abs(actual - expected) / bound, -1.0)
    excess[np.isnan(excess)] = np.inf
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    if worst:
        place = ", ".join(str(i) for i in worst)
        path += f" is wrong in {wrong.sum()} of {wrong.size} elements; the worst, at [{place}]:"
    else:
        path += " is"
    raise AssertionError(
        f"{path} {actual[worst].item()!r} instead of {expected[worst].item()!r} "
        f"(rtol={rtol:g}, atol={atol:g})"
    )


def _differ(actual: np.ndarray, expected: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """Return which elements of two real arrays differ by more than `bound`."""
    with np.errstate(all="ignore"):
        near = np.abs(actual - expected) <= bound
    finite = np.isfinite(actual) & np.isfinite(expected)
    alike = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    return np.asarray(~np.where(finite, near, alike))


def tolerance(value: Any) -> tuple[float, float]:
    """Return relative and absolute tolerance for a number or array."""
    dtype = np.asarray(value).dtype
    size = dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize
    return _TOLERANCES[min(size, 8)]


def is_inexact(value: Any) -> bool:
    """Whether `value` is a floating-point number or array, which can carry a derivative."""
    if isinstance(value, (np.ndarray, np.generic)):
        return bool(np.issubdtype(value.dtype, np.inexact))
    return isinstance(value, (float, complex))


def map_tree(fn: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply `fn` to each leaf of `tree` and to what the other trees have in its place.

    Another tree may have None where `tree` has a leaf or a whole branch.
    """
    if isinstance(tree, dict):
        return {
            key: map_tree(fn, value, *(None if other is None else other[key] for other in others))
            for key, value in tree.items()
        }
    if isinstance(tree, (tuple, list)):
        columns = [other if other is not None else [None] * len(tree) for other in others]
        entries = [map_tree(fn, *row) for row in zip(tree, *columns, strict=True)]
        if isinstance(tree, tuple) and hasattr(tree, "_make"):
            return tree._make(entries)
        return type(tree)(entries)
    return fn(tree, *others)


def leaves(tree: Any) -> Iterator[Any]:
    """Yield the floating-point leaves of a tree, in order."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (tuple, list)):
        for entry in tree:
            yield from leaves(entry)
    elif is_inexact(tree):
        yield tree


def as_like(value: Any, like: Any) -> Any:
    """Return `value` as a number or array of the type, dtype and shape of `like`."""
    if isinstance(like, np.ndarray):
        return np.asarray(value, like.dtype).reshape(like.shape)
    if isinstance(like, np.generic):
        return like.dtype.type(value)
    return complex(value) if isinstance(like, complex) else float(value)
