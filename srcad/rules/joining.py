"""Rules of the functions that put arrays together or cut them apart.

An operand that is a tuple or list of known length gets one cotangent for each of its elements;
where the length, or a rank, is not known, `runtime.cut_like` cuts at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from srcad import runtime
from srcad.ir.abstract import ANY, MANY, ONE, UNKNOWN, Array, ListOf, TupleOf, Type, kind_of
from srcad.pristine import np
from srcad.rules.arithmetic import elements
from srcad.rules.inference import MISSING, Call, int_constant
from srcad.rules.language import call
from srcad.rules.registry import composite, linear, rule
from srcad.rules.shape_types import (
    Dims,
    array_of,
    at_axis,
    by_sample,
    dtype_given,
    element_types,
    joined_dims,
    joined_dtype,
    length,
    normal_axis,
    product_dim,
    reshape_like,
    slice_of,
    sum_dim,
    to_elements,
    typed,
)

# -- types ---------------------------------------------------------------------------------------


def _parts_of(t: Type) -> tuple[list[Dims | None] | None, str | None]:
    """Dimensions of the arrays of a sequence, None for those and a number that are not known;
    and the dtype in which they are joined."""
    elems = element_types(t)
    if elems is not None:
        parts = [array_of(e) for e in elems]
        return [p.dims for p in parts], joined_dtype(p.dtype for p in parts)
    return None, array_of(t).dtype


def _element_dims(t: Type) -> Dims | None:
    """Dimensions of each array of a sequence of unknown length."""
    dims = array_of(t).dims  # those of np.asarray of it
    return dims[1:] if dims else None


def _joined(t: Type, prepare: Callable[[Dims], Dims], axis: int, dtype: Any) -> Array:
    """The type of the arrays of `t`, each prepared, one after another along `axis`."""
    shapes, joint = _parts_of(t)
    name = dtype_given(dtype) or joint
    known = [_element_dims(t)] if shapes is None else shapes
    ready = [prepare(s) for s in known if s is not None]
    if not ready or len(ready) < len(known) or any(len(r) != len(ready[0]) for r in ready):
        return Array(name, None)
    at = normal_axis(min(axis, len(ready[0]) - 1), len(ready[0]))
    if at is None:
        return Array(name, None)
    others = joined_dims([(*r[:at], ONE, *r[at + 1 :]) for r in ready])
    assert others is not None
    along = ANY if shapes is None else sum_dim([r[at] for r in ready])
    return Array(name, (*others[:at], along, *others[at + 1 :]))


# -- adjoints ------------------------------------------------------------------------------------


def _cut(g: Any, arrays: Any, prepare: Callable[[Dims], Dims], axis: int) -> Any:
    """`g` cut along `axis` into pieces for the arrays that were joined in it."""
    parts = elements(arrays)
    shapes = [None] if parts is None else [array_of(p.type).dims for p in parts]
    if parts is None or any(s is None for s in shapes):
        return _cut_at_run_time(g, arrays, axis)
    pieces = []
    start: Any = None
    for i, (part, dims) in enumerate(zip(parts, shapes, strict=True)):
        assert dims is not None
        rank = len(prepare(dims))
        at = min(axis, rank - 1) % rank
        marked = prepare((MANY,) * len(dims))
        if marked[at] is ONE:  # a dimension that the function added
            piece = g[at_axis(at, 0 if start is None else start)]
            count: Any = 1
        else:
            count = length(part, at if rank == len(dims) else -1)
            stop = None if i == len(parts) - 1 else count if start is None else start + count
            piece = g if start is stop is None else g[at_axis(at, slice_of(g, start, stop))]
        pieces.append(_as_part(piece, part, dims, rank - (marked[at] is ONE)))
        start = count if start is None else start + count
    return pieces


def _as_part(piece: Any, part: Any, dims: Dims, rank: int) -> Any:
    """The piece, of this rank, in the shape of the array that it belongs to."""
    if rank != len(dims):
        piece = reshape_like(piece, part)
    elif dims != () or not getattr(piece.type, "item", True):
        piece = typed(piece, Array(array_of(piece.type).dtype, dims))
    return to_elements(piece, part)


def _cut_at_run_time(g: Any, arrays: Any, axis: int) -> Any:
    pieces = call(runtime.cut_like, g, g, arrays, **({"axis": axis} if axis else {}))
    parts = elements(arrays)
    if parts is None:
        return pieces
    return [to_elements(piece, part) for piece, part in zip(pieces, parts, strict=True)]


def _flat_cut(g: Any, arrays: Any) -> Any:
    """As `_cut`, of arrays that were flattened."""
    parts = elements(arrays)
    if parts is None:
        return _cut_at_run_time(g, arrays, 0)
    pieces = []
    start: Any = None
    for i, part in enumerate(parts):
        stop = None if i == len(parts) - 1 else part.size if start is None else start + part.size
        pieces.append(to_elements(reshape_like(g[slice_of(g, start, stop)], part), part))
        start = stop
    return pieces


# -- the concatenate family ----------------------------------------------------------------------


def _same(dims: Dims) -> Dims:
    return dims


def _flattened(dims: Dims) -> Dims:
    return (product_dim(dims),)


def _columns(dims: Dims) -> Dims:
    return dims if len(dims) > 1 else (*dims, *(ONE,) * (2 - len(dims)))


def _sampled(fn: Callable[..., Any]) -> Callable[[Dims], Dims]:
    """How a function such as `np.atleast_2d` changes dimensions."""
    infer = by_sample()

    def prepare(dims: Dims) -> Dims:
        found = infer(Call(fn, (Array(None, dims),), (MISSING,), {}))
        assert isinstance(found, Array) and found.dims is not None
        return found.dims

    return prepare


def _concatenated(call: Call) -> Type:
    axis, dtype = call.attrs.get("axis", 0), call.attrs.get("dtype")
    if axis is not None:
        return _joined(call.types[0], _same, axis, dtype)
    found = _joined(call.types[0], _flattened, 0, dtype)
    return Array(found.dtype, found.dims or (ANY,))


def _concatenate(
    g: Any, arrays: Any, axis: Any = 0, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    return _flat_cut(g, arrays) if axis is None else _cut(g, arrays, _same, axis)


linear(np.concatenate, _concatenate, infer=_concatenated)


def _declare(fn: Any, prepare: Callable[[Dims], Dims], axis: int) -> None:
    def transpose(g: Any, tup: Any, dtype: Any = None, casting: str = "same_kind") -> Any:
        return _cut(g, tup, prepare, axis)

    linear(
        fn, transpose, infer=lambda c: _joined(c.types[0], prepare, axis, c.attrs.get("dtype"))
    )  # fmt: skip


_declare(np.vstack, _sampled(np.atleast_2d), 0)
_declare(np.hstack, _sampled(np.atleast_1d), 1)
_declare(np.dstack, _sampled(np.atleast_3d), 2)
_declare(np.column_stack, _columns, 1)


def _stacked(call: Call) -> Type:
    shapes, joint = _parts_of(call.types[0])
    dtype = dtype_given(call.attrs.get("dtype")) or joint
    dims = _element_dims(call.types[0]) if shapes is None else joined_dims(shapes)
    at = None if dims is None else normal_axis(call.attrs.get("axis", 0), len(dims) + 1)
    if dims is None or at is None:
        return Array(dtype, None)
    count = ANY if shapes is None else ONE if len(shapes) == 1 else MANY
    return Array(dtype, (*dims[:at], count, *dims[at:]))


def _stack(
    g: Any, arrays: Any, axis: int = 0, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    parts = elements(arrays)
    if parts is None:
        return _cut_at_run_time(g, arrays, axis)
    pieces = []
    for i, part in enumerate(parts):
        dims = array_of(part.type).dims
        piece = g[at_axis(axis, i, None if dims is None else len(dims) + 1)]
        if dims is None:
            pieces.append(to_elements(piece, part))
        else:
            pieces.append(_as_part(piece, part, dims, len(dims)))
    return pieces


linear(np.stack, _stack, infer=_stacked)


def _appended(call: Call) -> Type:
    axis = call.attrs.get("axis")
    return _concatenated(replace(call, types=(TupleOf(call.types),), attrs={"axis": axis}))


@composite(np.append, infer=_appended)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return np.concatenate((arr, values), axis=axis)


def _cotangent_type(t: Type) -> Type:
    if isinstance(t, TupleOf) and t.elems is not None:
        return TupleOf(tuple(_piece_type(e) for e in t.elems))
    if isinstance(t, ListOf):
        return ListOf(_piece_type(t.elem))
    return _piece_type(t) if isinstance(t, Array) else UNKNOWN


def _piece_type(t: Type) -> Array:
    a = array_of(t)
    return Array("float64" if kind_of(a) in ("b", "i") else a.dtype, a.dims)


def _paste(h: Any, g: Any, arrays: Any, axis: Any = 0) -> Any:
    if isinstance(h, (tuple, list)):
        parts = elements(arrays)
        assert parts is not None
        h = [call(runtime.zeros_like, g, parts[i]) if p is None else p for i, p in enumerate(h)]
    return call(runtime.paste_like, g, h, g, axis=axis)


linear(
    runtime.cut_like, _paste, operands=("g", "arrays"), active=("g",),
    infer=lambda c: _cotangent_type(c.types[1]),
)  # fmt: skip
linear(
    runtime.paste_like,
    lambda k, pieces, like, axis=0: call(runtime.cut_like, k, k, pieces, axis=axis),
    operands=("pieces", "like"), active=("pieces",),
    infer=lambda c: Array(_parts_of(c.types[0])[1], array_of(c.types[1]).dims),
)  # fmt: skip


# -- the split family ----------------------------------------------------------------------------


def _split_type(axis_of: Callable[[Call, int], int]) -> Callable[[Call], Type]:
    def infer(call: Call) -> Type:
        ary, sections = array_of(call.types[0]), call.types[1]
        number = int_constant(call.constants[1])
        if number is None:
            if isinstance(call.constants[1], (tuple, list)):
                number = len(call.constants[1]) + 1
            elif isinstance(sections, TupleOf) and sections.elems is not None:
                number = len(sections.elems) + 1
        dims = ary.dims
        if dims is not None:
            at = normal_axis(axis_of(call, len(dims)), len(dims))
            if number != 1:
                dims = tuple(ANY if i == at else d for i, d in enumerate(dims))
        part = Array(ary.dtype, dims)
        return ListOf(part) if number is None else TupleOf((part,) * number)

    return infer


def _filled(g: Any, y: Any) -> Any:
    """The cotangents of several results, zeros for those without."""
    if not isinstance(g, (tuple, list)):
        return g
    return [call(runtime.zeros_like, y[i], y[i]) if c is None else c for i, c in enumerate(g)]


def _declare_split(fn: Any, join: Callable[[Any, Any], Any], axis: int | None) -> None:
    infer = _split_type(
        lambda call, rank: call.attrs.get("axis", 0) if axis is None else min(axis, rank - 1)
    )

    @rule(fn, infer=infer, operands=("ary", "indices_or_sections"), active=("ary",))
    class _Split:
        @staticmethod
        def jvp(dots: Any, y: Any, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
            keywords = {"axis": axis} if axis else {}
            return call(fn, dots[0], dots[0], indices_or_sections, **keywords)

        @staticmethod
        def vjp(g: Any, y: Any, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
            return join(_filled(g, y), axis), None


def _concatenate_parts(parts: Any, axis: Any) -> Any:
    return _apply(np.concatenate, parts, axis=axis)


def _apply(fn: Any, parts: Any, **keywords: Any) -> Any:
    """`fn` of several arrays, or of a list of them."""
    like = parts[0] if isinstance(parts, (tuple, list)) else parts
    return call(fn, like, parts, **keywords)


_declare_split(np.split, _concatenate_parts, None)
_declare_split(np.array_split, _concatenate_parts, None)
_declare_split(np.vsplit, lambda parts, axis: _apply(np.concatenate, parts), 0)
_declare_split(np.hsplit, lambda parts, axis: _apply(np.hstack, parts), 1)
_declare_split(np.dsplit, lambda parts, axis: _apply(np.concatenate, parts, axis=2), 2)


if hasattr(np, "unstack"):  # NumPy 2.1

    def _unstacked(call: Call) -> Type:
        x = array_of(call.types[0])
        at = None if x.dims is None else normal_axis(call.attrs.get("axis", 0), len(x.dims))
        if x.dims is None or at is None:
            return ListOf(Array(x.dtype, None))
        part = Array(x.dtype, x.dims[:at] + x.dims[at + 1 :])
        return TupleOf((part,)) if x.dims[at] is ONE else ListOf(part)

    @rule(np.unstack, infer=_unstacked)
    class _Unstack:
        @staticmethod
        def jvp(dots: Any, y: Any, x: Any, axis: int = 0) -> Any:
            return np.unstack(dots[0], axis=axis)

        @staticmethod
        def vjp(g: Any, y: Any, x: Any, axis: int = 0) -> Any:
            return (_apply(np.stack, _filled(g, y), axis=axis),)
