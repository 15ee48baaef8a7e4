"""Rules of the functions that make an array larger: copies of its elements, and borders."""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.errors import MissingRuleError
from srcad.ir.abstract import ANY, MANY, ONE, Array, Dim, Type
from srcad.pristine import np
from srcad.rules.inference import MISSING, Call, int_constant
from srcad.rules.language import call
from srcad.rules.registry import linear, rule
from srcad.rules.shape_types import (
    Dims,
    array_of,
    element_types,
    normal_axis,
    product_dim,
    reshape_like,
    shaped_like,
    typed,
)

# -- copies --------------------------------------------------------------------------------------


def _times(dim: Dim, count: object) -> Dim:
    """The size of a dimension repeated `count` times (MISSING: not known)."""
    n = int_constant(count)
    if n is None:
        return ANY
    if n == 1:
        return dim
    return MANY  # a multiple of n is not one


def _repeated(call: Call) -> Type:
    a = array_of(call.types[0])
    axis = call.attrs.get("axis")
    if axis is None:
        size = ANY if a.dims is None else product_dim(a.dims)
        return Array(a.dtype, (_times(size, call.constants[1]),))
    at = None if a.dims is None else normal_axis(axis, len(a.dims))
    if a.dims is None or at is None:
        return Array(a.dtype, None)
    size = _times(a.dims[at], call.constants[1])
    return Array(a.dtype, (*a.dims[:at], size, *a.dims[at + 1 :]))


def _repeat(g: Any, a: Any, repeats: Any, axis: int | None = None) -> Any:
    rank = array_of(a.type).dims
    if int_constant(repeats.const if repeats.is_const else None) is None or rank is None:
        keywords = {} if axis is None else {"axis": axis}
        return call(runtime.repeat_vjp, g, g, a, repeats, **keywords)
    n = repeats.const
    if axis is None:
        return reshape_like(np.sum(np.reshape(g, (a.size, n)), axis=1), a)
    at = axis % len(rank)
    sizes = [a.shape[i] for i in range(len(rank))]
    return np.sum(np.reshape(g, (*sizes[: at + 1], n, *sizes[at + 1 :])), axis=at + 1)


linear(np.repeat, _repeat, operands=("a", "repeats"), active=("a",), infer=_repeated)
linear(
    runtime.repeat_vjp,
    lambda h, g, like, repeats, axis=None: np.repeat(h, repeats, axis),
    operands=("g", "like", "repeats"), active=("g",), infer=shaped_like,
)  # fmt: skip


def _constant_counts(constant: object) -> tuple[int, ...] | None:
    """The counts of `np.tile`, if they are constants."""
    counts = constant if isinstance(constant, (tuple, list)) else (constant,)
    found = [int_constant(n) for n in counts]
    return None if any(n is None for n in found) else tuple(n for n in found if n is not None)


def _tiled(call: Call) -> Type:
    a, t = array_of(call.types[0]), call.types[1]
    counts: Any = _constant_counts(call.constants[1])
    if counts is None:
        elems = element_types(t)
        counts = None if elems is None else (MISSING,) * len(elems)
    if a.dims is None or counts is None:
        return Array(a.dtype, None)
    rank = max(len(a.dims), len(counts))
    dims = (ONE,) * (rank - len(a.dims)) + a.dims
    counts = (1,) * (rank - len(counts)) + counts
    return Array(a.dtype, tuple(_times(d, n) for d, n in zip(dims, counts, strict=True)))


def _tile(g: Any, A: Any, reps: Any) -> Any:
    dims = array_of(A.type).dims
    counts = _constant_counts(reps.const if reps.is_const else MISSING)
    if dims is None or counts is None:
        return call(runtime.tile_vjp, g, g, A, reps)
    rank = max(len(dims), len(counts))
    sizes = [1] * (rank - len(dims)) + [A.shape[i] for i in range(len(dims))]
    counts = (1,) * (rank - len(counts)) + counts
    blocks: list[Any] = []
    axes = []
    for size, n in zip(sizes, counts, strict=True):
        if n != 1:
            axes.append(len(blocks))
            blocks.append(n)
        blocks.append(size)
    if not axes:
        return reshape_like(g, A)
    total = np.sum(np.reshape(g, tuple(blocks)), axis=tuple(axes) if len(axes) > 1 else axes[0])
    return total if rank == len(dims) else reshape_like(total, A)


linear(np.tile, _tile, infer=_tiled)
linear(
    runtime.tile_vjp, lambda h, g, like, reps: np.tile(h, reps), active=("g",), infer=shaped_like
)  # fmt: skip


# -- borders -------------------------------------------------------------------------------------

_PADDED_BY_ELEMENTS = ("constant", "edge", "reflect", "symmetric", "wrap", "empty")


def _padded(call: Call) -> Type:
    array = array_of(call.types[0])
    return Array(array.dtype, None if array.dims is None else (ANY,) * len(array.dims))


def _pad_keywords(mode: Any, keywords: dict[str, Any]) -> dict[str, Any]:
    """The keywords of the tangent's `np.pad`."""
    if mode not in _PADDED_BY_ELEMENTS or keywords.get("reflect_type", "even") != "even":
        raise MissingRuleError(
            f"`np.pad` with mode={mode!r} has no derivative rule",
            reason="srcad knows the modes whose borders are zeros or elements of the array",
            advice=f"use one of {', '.join(_PADDED_BY_ELEMENTS)}",
        )
    return {} if mode in ("constant", "empty") else {"mode": mode}


def _inner(dims: Dims | None, pad_width: Any) -> tuple[slice, ...] | None:
    """The index of the array within its borders, if rank and widths are known."""
    if not dims or not (pad_width.is_const and isinstance(pad_width.const, (int, tuple))):
        return None
    try:
        pairs = np.broadcast_to(pad_width.const, (len(dims), 2)).tolist()
    except ValueError:  # NumPy raises when the primal runs
        return None
    return tuple(slice(before or None, -after or None) for before, after in pairs)


@rule(np.pad, operands=("array", "pad_width"), active=("array",), infer=_padded)
class _Pad:
    @staticmethod
    def jvp(
        dots: Any, y: Any, array: Any, pad_width: Any, mode: str = "constant",
        constant_values: Any = 0, reflect_type: str = "even",
    ) -> Any:  # fmt: skip
        keywords = _pad_keywords(mode, {"reflect_type": reflect_type})
        return np.pad(dots[0], pad_width, **keywords)

    @staticmethod
    def vjp(
        g: Any, y: Any, array: Any, pad_width: Any, mode: str = "constant",
        constant_values: Any = 0, reflect_type: str = "even",
    ) -> Any:  # fmt: skip
        keywords = _pad_keywords(mode, {"reflect_type": reflect_type})
        index = None if keywords else _inner(array_of(array.type).dims, pad_width)
        if index is not None:
            inner = g[index if len(index) > 1 else index[0]]
            return typed(inner, Array(array_of(g.type).dtype, array_of(array.type).dims)), None
        return call(runtime.pad_vjp, g, g, array, pad_width, **keywords), None


linear(
    runtime.pad_vjp, lambda h, g, like, pad_width, mode="constant": _pad_again(h, pad_width, mode),
    operands=("g", "like", "pad_width"), active=("g",), infer=shaped_like,
)  # fmt: skip


def _pad_again(h: Any, pad_width: Any, mode: str) -> Any:
    keywords: dict[str, Any] = {} if mode == "constant" else {"mode": mode}
    return np.pad(h, pad_width, **keywords)
