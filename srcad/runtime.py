"""The few helpers that generated code may call where types do not decide what to do.

This module imports NumPy only; each function stands for itself, so that a printed gradient can
carry the text of those that it uses. All of them have rules in `srcad.rules`, so code that calls
them differentiates again.
"""

from __future__ import annotations

from typing import Any

from srcad.pristine import np


def unbroadcast(g: Any, like: Any) -> Any:
    """Sum `g` over the dimensions that broadcasting added to `like`, in `like`'s dtype.

    The adjoint of broadcasting: the result has the shape of `like`; a Python number for one.
    """
    if type(g) is type(like) is np.ndarray and g.shape == like.shape and g.dtype == like.dtype:
        return g
    if isinstance(like, (float, int)) and not isinstance(like, np.generic):
        return float(np.real(np.sum(g)))
    if isinstance(like, complex) and not isinstance(like, np.generic):
        return complex(np.sum(g))
    shape = np.shape(like)
    g_shape = np.shape(g)
    if g_shape != shape:
        g = np.sum(g, axis=tuple(range(len(g_shape) - len(shape))))
        stretched = tuple(i for i, n in enumerate(shape) if n == 1 and np.shape(g)[i] != 1)
        if stretched:
            g = np.sum(g, axis=stretched, keepdims=True)
    dtype = getattr(like, "dtype", None)
    if dtype is None:
        return g
    if dtype.kind == "f" and np.iscomplexobj(g):
        g = np.real(g)
    return g if getattr(g, "dtype", dtype) == dtype else g.astype(dtype)


def broadcast_like(g: Any, like: Any) -> Any:
    """`g` stretched to the shape of `like`; numbers stay numbers where `like` is one."""
    shape = np.shape(like)
    return g if np.shape(g) == shape else np.broadcast_to(g, shape)


def expand_reduced(g: Any, like: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Put back the dimensions that a reduction of `like` over `axis` took away."""
    shape = np.shape(like)
    if not shape:
        return g
    if axis is not None and not keepdims:
        axes = axis if isinstance(axis, tuple) else (axis,)
        g = np.expand_dims(g, tuple(a % len(shape) for a in axes))
    return np.broadcast_to(g, shape)


def outline(x: Any) -> Any:
    """An array of the shape and dtype of `x` that takes no memory, where only these are needed."""
    if not isinstance(x, np.ndarray):
        return x
    number = bytes(x.dtype.itemsize)  # the only one, which all elements are
    return np.ndarray(x.shape, x.dtype, number, 0, (0,) * x.ndim)


def zeros_like(x: Any) -> Any:
    """A zero cotangent for `x`: 0.0 for a number, an array of zeros for an array or a list.

    That for a list of arrays of different shapes is an array of arrays.
    """
    if isinstance(x, dict):
        return {}
    if isinstance(x, (list, tuple)):
        if any(isinstance(part, (list, tuple, np.ndarray)) for part in x):
            parts = [zeros_like(part) for part in x]
            shapes = {np.shape(part) for part in parts}
            if len(shapes) == 1 and not np.result_type(*parts).hasobject:
                return np.array(parts)
            ragged = np.empty(len(parts), object)
            for i, part in enumerate(parts):
                ragged[i] = part
            return ragged
        x = np.asarray(x)
    if isinstance(x, np.ndarray):
        return np.zeros(x.shape, x.dtype if x.dtype.kind in "fc" else float)
    return x.dtype.type(0) if isinstance(x, (np.floating, np.complexfloating)) else 0.0


def astype(x: Any, dtype: str = "float64") -> Any:
    """`x` in another dtype (arrays and NumPy scalars)."""
    return x.astype(dtype)


def zeros_list(x: Any) -> Any:
    """A zero derivative of a list of numbers; of none where no path has made it."""
    return [] if x is None else [0.0] * len(x)


def list_like(g: Any, x: Any) -> Any:
    """A number as the cotangent of each element of a list."""
    return [g] * len(x)


def zeros_parts(x: Any) -> Any:
    """A zero cotangent for a list or tuple of anything: a list of the same parts."""
    if isinstance(x, dict):
        return {}
    return [zeros_parts(part) for part in x] if isinstance(x, (list, tuple)) else zeros_like(x)


def add_lists(x: Any, y: Any) -> Any:
    """The sum of two lists of like length, element by element."""
    return [add_parts(a, b) for a, b in zip(x, y, strict=True)]


def add_parts(x: Any, y: Any) -> Any:
    """The sum of two cotangents or tangents that may be containers; None stands for zero."""
    if x is None or y is None:
        return y if x is None else x
    if isinstance(x, dict):
        return add_tables(x, y)
    if isinstance(x, tuple):
        return tuple(add_parts(a, b) for a, b in zip(x, y, strict=True))
    return add_lists(x, y) if isinstance(x, list) else x + y


def appended(items: Any, item: Any) -> Any:
    """The list with one more element at its end."""
    return [*items, item]


def with_last(items: Any, item: Any) -> Any:
    """The same for a derivative, which may be an array."""
    return [*items, item]


def popped(items: Any) -> Any:
    """The list without its last element."""
    return items[:-1]


def last_write_mask(x: Any, *index: Any) -> Any:
    """Where in `v` the stores of ``x[index] = v`` last: all but those that a later one overwrites.

    An integer array may name one element several times; the last of its stores wins.
    """
    order = np.empty(np.shape(x), int)
    number = np.arange(order[index].size).reshape(order[index].shape)
    order[index] = number
    return order[index] == number


def joined(first: Any, second: Any) -> Any:
    """Two lists one after the other."""
    return [*first, *second]


def repeated(items: Any, times: Any) -> Any:
    """A list that repeats the elements of another."""
    return [item for _ in range(times) for item in items]


def sum_repeats(g: Any, items: Any) -> Any:
    """The cotangent of `items` from that of a list that repeats them."""
    total = zeros_parts(items) if len(g) == 0 else g[: len(items)]
    for start in range(len(items), len(g), max(len(items), 1)):
        total = add_lists(total, g[start : start + len(items)])
    return total


def entry_of(g: Any, key: Any, like: Any) -> Any:
    """An entry of a derivative of a dictionary; zero, as `like` has it, where there is none."""
    return g[key] if key in g else zeros_parts(like)


def add_entry(table: Any, item: Any, key: Any) -> Any:
    """The derivative of a dictionary with `item` added to one of its entries."""
    return {**table, key: add_parts(table.get(key), item)}


def without(table: Any, key: Any) -> Any:
    """The dictionary without an entry, if it has it."""
    return {k: item for k, item in table.items() if k != key}


def add_tables(x: Any, y: Any) -> Any:
    """The sum of two derivatives of a dictionary."""
    return {k: add_parts(x.get(k), y.get(k)) for k in {**x, **y}}


def share_parts(*containers: Any) -> bool:
    """Whether some list, dictionary or array stands twice within these."""
    seen: set[int] = set()
    arrays: list[Any] = []
    todo = list(containers)
    while todo:
        x = todo.pop()
        if isinstance(x, np.ndarray):
            if any(np.may_share_memory(x, other) for other in arrays):
                return True
            arrays.append(x)
        elif isinstance(x, (list, dict)):
            if id(x) in seen:
                return True
            seen.add(id(x))
            todo.extend(x.values() if isinstance(x, dict) else x)
    return False


def keys_of(table: Any) -> Any:
    """The keys of a dictionary, in order."""
    return list(table)


def slice_bounds(part: Any, items: Any) -> Any:
    """Start, stop and step of a slice of a list, as numbers within its length."""
    return part.indices(len(items))


def put_slice(g: Any, items: Any, part: Any) -> Any:
    """The cotangent of a list of which a slice was read: `g` there, else zero."""
    found = zeros_parts(items)
    found[part] = list(g)
    return found


def as_list(g: Any, depth: int = 1) -> Any:
    """An array as a list of its parts, or to this depth of lists."""
    return list(g) if depth == 1 else [as_list(part, depth - 1) for part in g]


def floats(items: Any) -> list[float]:
    """Numbers as a list of Python floats."""
    return list(map(float, items))


def add_element(items: Any, item: Any, index: Any) -> Any:
    """The list or tuple with `item` added to one of its elements, which may be such."""
    found = list(items)
    found[index] = add_parts(found[index], item)
    return tuple(found) if isinstance(items, tuple) else found


def sorting_order(keys: Any, reverse: bool = False) -> Any:
    """The positions of the elements of a list in sorted order, as `sorted` orders them."""
    return sorted(range(len(keys)), key=keys.__getitem__, reverse=reverse)


def copied(x: Any) -> Any:
    """A copy of an array, list or dictionary; numbers as they are."""
    return x.copy() if isinstance(x, (np.ndarray, list, dict)) else x


def select(condition: Any, x: Any, y: Any) -> Any:
    """`x if condition else y` for numbers; both were computed already."""
    return x if condition else y


def log_argument(x: Any) -> Any:
    """`x`, with 1 in place of 0 and of negative real numbers, where x**y has no log(x)."""
    return np.where(x != 0 if np.iscomplexobj(x) else x > 0, x, 1)


def digamma(x: float, n: int = 0) -> float:
    """The n-th derivative of the digamma function, which is the derivative of log(gamma).

    Reflection, then recurrence to large arguments, then the asymptotic series: NIST Digital
    Library of Mathematical Functions, 5.5.2, 5.5.4, 5.11.2 and 5.15.5, 5.15.6, 5.15.8.
    """
    x = float(x)
    sign = -1.0 if n % 2 else 1.0
    if x <= 0.0:
        cotangent = 1.0 / np.tan(np.pi * (x - np.round(x)))
        polynomial = np.array([1.0, 0.0])  # of the n-th derivative of cot, in cot
        for _ in range(n):
            polynomial = np.polymul([-1.0, 0.0, -1.0], np.polyder(polynomial))
        turned = np.pi ** (n + 1) * np.polyval(polynomial, cotangent)
        return float(sign * digamma(1.0 - x, n) - turned)
    factorial = float(np.prod(np.arange(1.0, n + 1.0)))
    shifted = 0.0
    while x < 15.0 + n:
        shifted += factorial / x ** (n + 1)
        x += 1.0
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
    series = factorial / (2.0 * x ** (n + 1))
    ratio = factorial / 2.0  # (2k + n - 1)! / (2k)!, from k = 1 on times (n + 1) ... (2k + n - 1)
    for k, b in enumerate(bernoulli, 1):
        ratio *= (n + 1) if k == 1 else (2 * k + n - 2) * (2 * k + n - 1) / ((2 * k - 1) * 2 * k)
        series += b * ratio / x ** (2 * k + n)
    head = -float(np.log(x)) if n == 0 else factorial / n / x**n
    return float(-sign * (head + series + shifted))


def sinc_derivative(x: Any, n: int = 1) -> Any:
    """The n-th derivative of ``np.sinc``.

    With u = pi x and s = sin(u) / u, n derivatives of u s = sin(u) give the recurrence
    u s_n + n s_(n-1) = sin(u + n pi / 2); it cancels for small u, where the power series serves.
    """
    u = np.pi * np.asarray(x)
    small = np.abs(u) < n + 2.0
    divisor = np.where(small, 1.0, u)
    far = np.sin(u) / divisor
    for k in range(1, n + 1):
        far = (np.sin(u + k * (np.pi / 2.0)) - k * far) / divisor
    v = np.where(small, u, 0.0)
    near = np.zeros_like(v)
    power = np.ones_like(v)  # v**m / m!
    for m in range(30 + 4 * n):
        if (m + n) % 2 == 0:
            near = near + (-1.0) ** ((m + n) // 2) / (m + n + 1.0) * power
        power = power * v / (m + 1.0)
    return (np.pi**n * np.where(small, near, far))[()]


def products_of_others(x: Any, axis: Any = None) -> Any:
    """For each element of `x` the product over `axis` of all the others: right with zeros too."""
    x = np.asarray(x)
    rank = x.ndim
    axes = range(rank) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    last = tuple(range(rank - len(axes), rank))
    moved = np.moveaxis(x, tuple(axes), last)
    kept = moved.shape[: rank - len(axes)]
    rows = moved.reshape(*kept, int(np.prod(moved.shape[len(kept) :])))
    before, after = np.ones_like(rows), np.ones_like(rows)
    before[..., 1:] = np.cumprod(rows[..., :-1], axis=-1)
    after[..., :-1] = np.cumprod(rows[..., :0:-1], axis=-1)[..., ::-1]
    return np.moveaxis((before * after).reshape(moved.shape), last, tuple(axes))[()]


def delayed(x: Any, axis: int = 0, reverse: bool = False, first: float = 0.0) -> Any:
    """`x` moved on by one along `axis` (back, if `reverse`), `first` in the free place."""
    x = np.moveaxis(np.asarray(x), axis, 0)
    result = np.full_like(x, first)
    if reverse:
        result[:-1] = x[1:]
    else:
        result[1:] = x[:-1]
    return np.moveaxis(result, 0, axis)


def linear_recurrence(a: Any, b: Any, axis: int = 0, reverse: bool = False) -> Any:
    """z with z[k] = a[k] * z[k - 1] + b[k] along `axis` (z[k + 1] if `reverse`), from 0."""
    a, b = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0)
    z = np.array(b, dtype=np.result_type(a, b))
    order = range(len(z) - 2, -1, -1) if reverse else range(1, len(z))
    for k in order:
        z[k] += a[k] * z[k + 1 if reverse else k - 1]
    return np.moveaxis(z, 0, axis)


def check_seed(seed: Any, like: Any, name: str) -> Any:
    """The seed if it has the shape of `like`.

    Raises
    ------
    ValueError
        Naming both shapes; a seed is never broadcast.
    """
    if np.shape(seed) != np.shape(like):
        raise ValueError(
            f"the seed of {name} has shape {np.shape(seed)}, but {name} has shape {np.shape(like)}"
        )
    return seed


def item(x: Any) -> Any:
    """The one element of `x` as a Python number."""
    return x.item()


# -- shapes: adjoints where the ranks, or the number of arrays, are not known while compiling -----


def cut_like(g: Any, arrays: Any, axis: Any = 0) -> Any:
    """`g` cut along `axis` into pieces with the shapes (and dtypes) of `arrays`.

    The adjoint of concatenating or stacking them, in any of NumPy's ways; `axis` None means 0,
    and an axis that a vector does not have means its only one. The result is a list, or an array
    if `arrays` is one.
    """
    axis = 0 if axis is None else min(axis, np.ndim(g) - 1)
    rest = np.size(g) // np.shape(g)[axis] if np.size(g) else 1
    at = (slice(None),) * axis if axis >= 0 else (Ellipsis,)
    after = (slice(None),) * (-axis - 1)
    pieces = []
    start = 0
    for array in arrays:
        stop = start + np.size(array) // rest
        piece = g[(*at, slice(start, stop), *after)] if np.size(g) else np.zeros(0)
        dtype = getattr(array, "dtype", np.dtype(float))
        dtype = dtype if dtype.kind in "fc" else np.dtype(float)
        if np.iscomplexobj(piece) and dtype.kind == "f":
            piece = np.real(piece)
        pieces.append(np.reshape(piece, np.shape(array)).astype(dtype, copy=False))
        start = stop
    return np.stack(pieces) if isinstance(arrays, np.ndarray) else pieces


def paste_like(pieces: Any, like: Any, axis: Any = 0) -> Any:
    """`pieces` put one after another along `axis` into the shape of `like`: undoes `cut_like`."""
    axis = 0 if axis is None else min(axis, np.ndim(like) - 1)
    shape = list(np.shape(like))
    rest = np.size(like) // shape[axis] if np.size(like) else 1
    parts = []
    for piece in pieces:
        shape[axis] = np.size(piece) // rest
        parts.append(np.reshape(piece, shape))
    return np.concatenate(parts, axis=axis) if np.size(like) else np.zeros_like(like)


def repeat_vjp(g: Any, like: Any, repeats: Any, axis: Any = None) -> Any:
    """Sum the repeats in `g = repeat(like, repeats, axis)`: the shape of `like`."""
    shape = np.shape(like)
    index = np.arange(np.size(like) if axis is None else shape[axis])
    total = np.zeros(
        (len(index), *np.delete(np.shape(g), 0 if axis is None else axis)), np.asarray(g).dtype
    )
    np.add.at(total, np.repeat(index, repeats), np.moveaxis(g, 0 if axis is None else axis, 0))
    return np.reshape(total, shape) if axis is None else np.moveaxis(total, 0, axis)


def tile_vjp(g: Any, like: Any, reps: Any) -> Any:
    """Sum the copies in `g = tile(like, reps)`: the shape of `like`."""
    shape = np.shape(like)
    reps = tuple(np.atleast_1d(reps))
    rank = max(len(shape), len(reps))
    sizes = (1,) * (rank - len(shape)) + shape
    counts = (1,) * (rank - len(reps)) + reps
    blocks = np.reshape(g, [n for pair in zip(counts, sizes) for n in pair])
    return np.reshape(np.sum(blocks, axis=tuple(range(0, 2 * rank, 2))), shape)


def pad_vjp(g: Any, like: Any, pad_width: Any, mode: str = "constant") -> Any:
    """The cotangent of the array of `np.pad`: where its elements went, summed."""
    shape = np.shape(like)
    if isinstance(pad_width, dict):
        axes = {axis % len(shape): width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(axes.get(i, 0), 2) for i in range(len(shape))]
    pairs: Any = np.broadcast_to(pad_width, (len(shape), 2))
    if mode in ("constant", "empty"):
        return g[tuple(slice(before, before + n) for (before, _), n in zip(pairs, shape))]
    keywords: dict[str, Any] = {"mode": mode}
    index = np.pad(np.reshape(np.arange(np.size(like)), shape), pairs, **keywords)
    total = np.zeros(np.size(like), g.dtype)
    np.add.at(total, index, g)
    return np.reshape(total, shape)


def binned(weights: Any, a: Any, edges: Any) -> Any:
    """The sum of the weights of the numbers in each bin, as `np.histogram` counts them."""
    return np.histogram(a, edges, weights=weights)[0]


def of_bins(heights: Any, a: Any, edges: Any) -> Any:
    """The height of the bin of each number; 0 outside of all bins: the adjoint of `binned`."""
    place = np.searchsorted(edges, a, side="right") - 1
    place = np.where(a == edges[-1], len(heights) - 1, place)  # the last bin is closed
    inside = (place >= 0) & (place < len(heights))
    return np.where(inside, heights[np.where(inside, place, 0)], 0.0)


def diag_vjp(g: Any, like: Any, k: int = 0) -> Any:
    """The cotangent of the argument of `np.diag`: of a vector, or of a matrix."""
    if np.ndim(like) == 1:
        return np.diag(g, k)
    total = np.zeros(np.shape(like), g.dtype)
    rows = np.arange(len(g)) + max(-k, 0)
    total[rows, rows + k] = g
    return total


def put_diagonal(g: Any, like: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Zeros in the shape of `like` with `g` on the diagonal: the adjoint of `np.diagonal`."""
    total = np.zeros(np.shape(like), np.asarray(g).dtype)
    moved = np.moveaxis(total, (axis1, axis2), (-2, -1))  # a view
    rows = np.arange(np.shape(g)[-1]) + max(-offset, 0)
    moved[..., rows, rows + offset] = g
    return total


def put_along_axis(g: Any, like: Any, indices: Any, axis: Any = -1) -> Any:
    """Zeros in the shape of `like` with `g` added at `indices`: of `np.take_along_axis`."""
    shape = np.shape(like)
    total = np.zeros(np.size(like) if axis is None else shape, g.dtype)
    axis = 0 if axis is None else axis % len(shape)
    index = list(np.ogrid[tuple(slice(n) for n in np.shape(g))])
    for i, n in enumerate(total.shape):
        if i != axis and n == 1:  # it was broadcast
            index[i] = np.zeros_like(index[i])
    index[axis] = indices
    np.add.at(total, tuple(index), g)
    return np.reshape(total, shape)


# -- contractions --------------------------------------------------------------------------------


def matmul_vjp(g: Any, other: Any, like: Any, side: int) -> Any:
    """The cotangent of one operand (`side` 0 or 1, shaped as `like`) of a matrix product."""
    if side == 0:
        a, b = like, other
        if np.ndim(b) == 1:
            bar = np.expand_dims(g, -1) * b
        elif np.ndim(a) == 1:
            bar = np.matmul(b, np.expand_dims(g, -1))[..., 0]
        else:
            bar = np.matmul(g, np.swapaxes(b, -1, -2))
    else:
        a, b = other, like
        if np.ndim(a) == 1:
            bar = a * np.expand_dims(g, -1) if np.ndim(b) == 1 else (
                np.expand_dims(a, -1) * np.expand_dims(g, -2)
            )
        elif np.ndim(b) == 1:
            bar = np.matmul(np.swapaxes(a, -1, -2), np.expand_dims(g, -1))[..., 0]
        else:
            bar = np.matmul(np.swapaxes(a, -1, -2), g)
    shape = np.shape(like)
    bar = np.sum(bar, axis=tuple(range(np.ndim(bar) - len(shape))))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and np.shape(bar)[i] != 1)
    return np.sum(bar, axis=stretched, keepdims=True) if stretched else bar


def tensordot_vjp(g: Any, other: Any, like: Any, axes: Any, side: int) -> Any:
    """The cotangent of one operand of `np.tensordot`, or (`axes`) of "dot" or "inner"."""
    ranks = (np.ndim(like), np.ndim(other)) if side == 0 else (np.ndim(other), np.ndim(like))
    if axes in ("dot", "inner"):
        last = ranks[1] - 2 if axes == "dot" and ranks[1] > 1 else ranks[1] - 1
        pair: list[tuple[int, ...]] = [(ranks[0] - 1,), (last,)] if all(ranks) else [(), ()]
    elif np.ndim(axes) == 0:
        pair = [tuple(range(ranks[0] - axes, ranks[0])), tuple(range(axes))]
    else:
        pair = [tuple(n % r for n in np.atleast_1d(p)) for p, r in zip(axes, ranks)]
    mine, others = pair[side], pair[1 - side]
    free = [i for i in range(np.ndim(like)) if i not in mine]
    rest = [i for i in range(np.ndim(other)) if i not in others]
    first = len(free) if side == 0 else 0  # where the other operand's axes are in g
    result = np.tensordot(g, other, ([first + i for i in range(len(rest))], rest))
    # What remains: this operand's free axes, then the contracted ones in the other's order.
    order = [*free, *(mine[others.index(i)] for i in sorted(others))]
    return np.transpose(result, np.argsort(order))


def kron_vjp(g: Any, other: Any, like: Any, side: int) -> Any:
    """The cotangent of one operand of `np.kron`."""
    rank = max(np.ndim(like), np.ndim(other))
    mine = (1,) * (rank - np.ndim(like)) + np.shape(like)
    others = (1,) * (rank - np.ndim(other)) + np.shape(other)
    pairs = zip(mine, others) if side == 0 else zip(others, mine)
    blocks = np.reshape(g, [n for pair in pairs for n in pair])
    at = list(range(1 - side, 2 * rank, 2))
    bar = np.tensordot(blocks, np.reshape(other, others), (at, list(range(rank))))
    return np.reshape(bar, np.shape(like))


def cross_vjp(
    g: Any, other: Any, like: Any, side: int,
    axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None,
) -> Any:  # fmt: skip
    """The cotangent of one operand of `np.cross`, of vectors of two or three components."""
    if axis is not None:
        axisa = axisb = axisc = axis
    mine, others = (axisa, axisb) if side == 0 else (axisb, axisa)
    size = np.shape(like)[mine]
    other = np.moveaxis(other, others, -1)
    if size == other.shape[-1] == 2:
        g = np.asarray(g)[..., None] * np.array([0, 0, 1], np.asarray(g).dtype)
    else:
        g = np.moveaxis(g, axisc, -1)
    if other.shape[-1] == 2:
        other = np.concatenate([other, np.zeros_like(other[..., :1])], axis=-1)
    bar = np.cross(other, g) if side == 0 else np.cross(g, other)
    bar = bar[..., :size]
    shape = np.shape(np.moveaxis(like, mine, -1))
    bar = np.sum(bar, axis=tuple(range(np.ndim(bar) - len(shape))))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and bar.shape[i] != 1)
    bar = np.sum(bar, axis=stretched, keepdims=True) if stretched else bar
    return np.moveaxis(bar, -1, mine)


def einsum_vjp(g: Any, subscripts: str, position: int, *operands: Any) -> Any:
    """The cotangent of operand `position` of ``np.einsum(subscripts, *operands)``."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not arrow:
        letters = inputs.replace(",", "").replace("...", "")
        output = "..." * ("..." in inputs)
        output += "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    like = operands[position]
    # The ellipsis of each operand as letters of its own, aligned at the right.
    free = [c for c in map(chr, [*range(97, 123), *range(65, 91)]) if c not in inputs]
    ranks = [np.ndim(x) - len(t.replace("...", "")) for x, t in zip(operands, terms)]
    extra = max([r for r, t in zip(ranks, terms) if "..." in t], default=0)
    dots = free[:extra]
    terms = [t.replace("...", "".join(dots[extra - r :])) for t, r in zip(terms, ranks)]
    output = output.replace("...", "".join(dots))
    target = terms[position]
    sizes: dict[str, int] = {}
    for term, x in zip(terms, operands):
        for c, n in zip(term, np.shape(x)):
            sizes[c] = n if sizes.get(c, 1) == 1 else sizes[c]
    others = [(t, x) for i, (t, x) in enumerate(zip(terms, operands)) if i != position]
    given = output + "".join(t for t, _ in others)
    unique = "".join(dict.fromkeys(target))
    found = "".join(c for c in unique if c in given)
    spec = ",".join([output, *(t for t, _ in others)]) + "->" + found
    arrays = [g, *(x for _, x in others)]
    large = len(others) > 0 and max(map(np.size, arrays)) > 1000
    bar = np.einsum(spec, *arrays, optimize=large)  # to look for a good order takes a while
    if target and bar.shape == np.shape(like) and unique == found == target:
        return bar
    # Indices that occur in this operand only were summed: the cotangent is spread over them.
    bar = np.expand_dims(bar, tuple(i for i, c in enumerate(unique) if c not in found))
    bar = np.broadcast_to(bar, [sizes[c] for c in unique])
    mine = dict(zip(target, np.shape(like)))
    stretched = tuple(i for i, c in enumerate(unique) if mine[c] == 1 and sizes[c] != 1)
    bar = np.sum(bar, axis=stretched, keepdims=True) if stretched else bar
    total = np.zeros(np.shape(like), bar.dtype)
    diagonal = np.einsum(f"{target}->{unique}", total) if target else total  # a view of it
    diagonal[...] = bar
    return total


def as_columns(x: Any, like: Any) -> Any:
    """`x` as matrices of one column, if the right side `like` of a linear system is a vector."""
    return np.expand_dims(x, -1) if np.ndim(like) == 1 else x


def from_columns(x: Any, like: Any) -> Any:
    """Undo `as_columns`."""
    return x[..., 0] if np.ndim(like) == 1 else x


def not_a_number(out: Any) -> str:
    """What `out` is, if it is not one real number (or an array of one); else an empty text."""
    if isinstance(out, (list, tuple, dict, str)) or out is None:
        return "None" if out is None else f"a {type(out).__name__}"
    kind = np.asarray(out).dtype.kind
    if kind == "O":
        return f"a {type(out).__name__}"
    if np.size(out) != 1:
        return f"an array of shape {np.shape(out)}"
    return "a complex number" if kind == "c" else ""


def scalar_seed(out: Any) -> Any:
    """One in the shape of `out`, which must have a single element.

    Raises
    ------
    TypeError
        If it has not: then a gradient is not defined.
    """
    what = not_a_number(out)
    if what:
        raise TypeError(f"grad needs one real number as the result, but this is {what}")
    return 1.0 if np.ndim(out) == 0 else np.ones(np.shape(out), out.dtype)


def as_cotangent(g: Any, like: Any) -> Any:
    """`g` in exactly the type of `like`: a float, a NumPy scalar, a fresh array, a container."""
    if isinstance(like, dict):
        return {k: as_cotangent(entry_of(g, k, part), part) for k, part in like.items()}
    if isinstance(like, (list, tuple)):
        if set(map(type, like)) == {float} and isinstance(like, list):
            return [float(x.real) for x in g]
        parts = [None if x is None else as_cotangent(x, y) for x, y in zip(g, like, strict=True)]
        return parts if isinstance(like, list) else tuple(parts)
    if isinstance(like, np.ndarray):
        dtype = like.dtype if like.dtype.kind in "fc" else np.dtype(float)
        g = np.real(g) if np.iscomplexobj(g) and dtype.kind == "f" else g
        return np.array(np.broadcast_to(g, like.shape), dtype)
    if isinstance(like, np.generic):
        return like.dtype.type(np.real(g) if like.dtype.kind == "f" else g)
    return complex(g) if isinstance(like, complex) else float(np.real(g))


def as_tangent(g: Any, like: Any) -> Any:
    """`g` in exactly the type of the result `like`; None for a result without derivative."""
    if isinstance(like, dict):
        return {k: as_tangent(entry_of(g, k, part), part) for k, part in like.items()}
    kind = np.asarray(like).dtype.kind
    return as_cotangent(g, like) if kind in "fc" else None


def error_of(function: Any, classes: Any, *args: Any, **keywords: Any) -> Any:
    """The error of these classes that a call of a pure function raises; None if it raises none."""
    try:
        function(*args, **keywords)
    except classes as error:
        return error
    return None


def raises(function: Any, classes: Any, *args: Any, **keywords: Any) -> bool:
    """Whether a call of a pure function raises an error of these classes."""
    return error_of(function, classes, *args, **keywords) is not None


def error_with(kind: Any, args: Any, names: Any, values: Any) -> Any:
    """The error of this class that holds these arguments and attributes."""
    error = kind.__new__(kind, *args)
    error.args = tuple(args)
    for name, value in zip(names, values):
        setattr(error, name, value)
    return error


def sum_where(a: Any, where: Any = True, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of the elements where the mask holds."""
    return np.sum(a, axis=axis, keepdims=keepdims, where=where)


def first_decides(y: Any, k: int) -> Any:
    """Element `k` of what `np.vectorize` collects: the first decides of which type all are.

    Raises
    ------
    TypeError
        If that is no float, although the elements are differentiated.
    """
    if k == 0 and isinstance(y, (bool, int, np.integer, np.bool_)):
        raise TypeError(
            "the first result of a function that np.vectorize calls is an int, so that the array "
            "would hold integers: return a float on every path, or give otypes=[float]"
        )
    return y
