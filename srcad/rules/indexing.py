"""Types of index expressions: which dimensions `x[...]` has.

Index arithmetic is static where it is written (ints, slices, None, Ellipsis); lengths of slices
are ANY unless the slice is the whole dimension.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcad.ir import ops as O
from srcad.ir.abstract import (
    ANY,
    MANY,
    ONE,
    SLICE,
    UNKNOWN,
    Array,
    Dim,
    ListOf,
    Scalar,
    TableOf,
    TupleOf,
    Type,
    broadcast,
    dims_of,
    kind_of,
    rank_of,
)
from srcad.ir.values import Const, Op, Operand
from srcad.pristine import np


def is_basic(parts: Sequence[Operand]) -> bool | None:
    """Whether an index consists of ints, slices, None and Ellipsis only; None: not known."""
    verdict: bool | None = True
    for part in parts:
        t = part.type
        if isinstance(part, Const) and (part.value is None or part.value is Ellipsis):
            continue
        if t == SLICE or (isinstance(t, Scalar) and t.kind == "int"):
            continue
        if isinstance(t, Array) and t.item and kind_of(t) == "i":
            continue
        if t == UNKNOWN or (isinstance(t, Array) and (t.dims is None or t.dtype is None)):
            verdict = None
            continue
        return False
    return verdict


def may_repeat(parts: Sequence[Operand]) -> bool:
    """Whether an element may be selected twice: only an integer array can do that."""
    for part in parts:
        t = part.type
        if isinstance(part, Const) and (part.value is None or part.value is Ellipsis):
            continue
        if t == SLICE or isinstance(t, Scalar):
            continue
        if isinstance(t, Array) and (t.item or kind_of(t) == "b"):
            continue
        return True
    return False


def without_repeats(defined_by: Op | None) -> bool:
    """Whether an index array certainly has one axis, and names no element twice.

    That is so for a written list of different numbers of one sign, and for ``np.arange(n)``.
    """
    if defined_by is None:
        return False
    if defined_by.attrs.get("fn") is np.arange:
        return len(defined_by.operands) == 1
    if defined_by.kind is not O.PACK:
        return False
    numbers = [o.value for o in defined_by.operands if isinstance(o, Const)]
    return (
        len(numbers) == len(defined_by.operands) == len(set(numbers))
        and all(type(n) is int for n in numbers)
        and len({n < 0 for n in numbers}) == 1
    )


def indexed_type(t: Type, parts: Sequence[Operand]) -> Type:
    """The type of `x[parts]` for x of type `t`."""
    if isinstance(t, ListOf):
        if len(parts) == 1 and parts[0].type == SLICE:
            return t
        return t.elem
    if isinstance(t, TableOf):
        return t.elem
    if isinstance(t, TupleOf):
        elems = t.elems
        if elems is not None and elems and all(e == elems[0] for e in elems):
            return elems[0]
        return UNKNOWN
    if not isinstance(t, Array):
        return UNKNOWN
    if t.dims is None:
        return Array(t.dtype, None)
    dims = _indexed_dims(t.dims, parts)
    item = dims == () and not any(
        isinstance(p, Const) and p.value is Ellipsis for p in parts
    )  # x[...] of a 0-d array is an array
    return Array(t.dtype, dims, item)


def _indexed_dims(
    dims: tuple[Dim, ...], parts: Sequence[Operand]
) -> tuple[Dim, ...] | None:
    taken = 0
    for part in parts:
        used = _dimensions_used(part)
        if used is None:
            return None
        taken += used
    missing = len(dims) - taken
    if missing < 0:
        return None  # NumPy raises IndexError when the primal runs
    expanded: list[Operand] = []
    seen_ellipsis = False
    whole = Const(slice(None), SLICE)
    for part in parts:
        if isinstance(part, Const) and part.value is Ellipsis:
            expanded += [whole] * missing
            seen_ellipsis = True
        else:
            expanded.append(part)
    if not seen_ellipsis:
        expanded += [whole] * missing
    return _walk(dims, expanded)


def _dimensions_used(part: Operand) -> int | None:
    if isinstance(part, Const) and (part.value is None or part.value is Ellipsis):
        return 0
    if part.type == SLICE or isinstance(part.type, (Scalar, ListOf, TupleOf)):
        return 0 if isinstance(part.type, Scalar) and part.type.kind == "bool" else 1
    if kind_of(part.type) == "b":
        return rank_of(part.type)
    if isinstance(part.type, Array) and part.type.dtype is not None:
        return 1
    return None


def _walk(dims: tuple[Dim, ...], parts: Sequence[Operand]) -> tuple[Dim, ...] | None:
    """NumPy's rule: index arrays broadcast together; their dims stand where the first of them
    stood if they are adjacent, else in front."""
    result: list[Dim] = []
    advanced: list[tuple[Dim, ...]] = []
    positions: list[int] = []  # indices (in `parts`) of advanced parts, ints included
    place = 0
    axis = 0
    only_ints = True
    for k, part in enumerate(parts):
        if isinstance(part, Const) and part.value is None:
            result.append(ONE)
            continue
        if part.type == SLICE:
            result.append(_sliced(dims[axis], part))
            axis += 1
            continue
        if not positions:
            place = len(result)
        positions.append(k)
        number = isinstance(part.type, Scalar) or (
            isinstance(part.type, Array) and part.type.item
        )
        if number and kind_of(part.type) != "b":
            axis += 1
            continue
        only_ints = False
        if kind_of(part.type) == "b":
            advanced.append((ANY,))
            rank = rank_of(part.type)
            if rank is None:
                return None
            axis += rank
        else:
            part_dims = (ANY,) if isinstance(part.type, (ListOf, TupleOf)) else dims_of(part.type)
            if isinstance(part.type, TupleOf) and part.type.elems is not None:
                part_dims = (ONE if len(part.type.elems) == 1 else MANY,)
            if part_dims is None:
                return None
            advanced.append(part_dims)
            axis += 1
    if only_ints:
        return tuple(result)
    block = broadcast(advanced)
    if block is None:
        return None
    adjacent = positions == list(range(positions[0], positions[0] + len(positions)))
    if not adjacent:
        place = 0
    return (*result[:place], *block, *result[place:])


def _sliced(dim: Dim, part: Operand) -> Dim:
    if isinstance(part, Const) and isinstance(part.value, slice):
        s = part.value
        if s.start is None and s.stop is None and s.step in (None, 1, -1):
            return dim
        if s == slice(None, 1) or s == slice(0, 1) or s == slice(-1, None):
            return ONE if dim is ONE else ANY  # of an empty array it is empty
        if dim is ONE and s.start in (None, 0) and s.stop is None:
            return ONE
    return ANY
