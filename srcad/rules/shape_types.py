"""Result types of the functions that change shapes, and words for rules that give them back.

Dimensions are worked out by running the function itself on an empty array of small distinct
sizes where it only moves dimensions, and by arithmetic on one / not one / unknown elsewhere.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from typing import Any

from srcad.ir.abstract import (
    ANY,
    MANY,
    ONE,
    Array,
    Dim,
    Scalar,
    TupleOf,
    Type,
    rank_of,
)
from srcad.ir.values import Value
from srcad.pristine import np
from srcad.rules.inference import MISSING, Call, Infer, as_array, int_constant
from srcad.rules.symbols import Sym

_DEFAULT_DTYPE = {"float": "float64", "int": "int64", "bool": "bool", "complex": "complex128"}
Dims = tuple[Dim, ...]


# -- dtypes --------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def _promoted(names: tuple[str, ...]) -> str | None:
    try:
        return np.result_type(*names).name
    except TypeError:  # no common dtype: the primal will raise
        return None


def joined_dtype(dtypes: Iterable[str | None]) -> str | None:
    """The dtype that arrays of these dtypes are joined in; None if one is not known."""
    names = tuple(dtypes)
    if not names or any(n is None for n in names):
        return None
    return _promoted(names)


def dtype_given(value: Any) -> str | None:
    """The name of a dtype given as a keyword; None if there is none."""
    return None if value is None else np.dtype(value).name


# -- arrays of anything --------------------------------------------------------------------------


def array_of(t: Type) -> Array:
    """The type of `np.asarray` of a value of type `t`: nested sequences have dimensions."""
    if isinstance(t, TupleOf):
        if t.elems is None:
            return Array(None, None)
        parts = [array_of(e) for e in t.elems]
        length = ONE if len(parts) == 1 else MANY
        if not parts:
            return Array("float64", (MANY,))
        dtype, dims = joined_dtype(p.dtype for p in parts), joined_dims([p.dims for p in parts])
        return Array(dtype, None if dims is None else (length, *dims))
    t = as_array(t)
    if isinstance(t, Scalar):
        return Array(_DEFAULT_DTYPE[t.kind], ())
    if isinstance(t, Array):
        return Array(t.dtype, t.dims)
    return Array(None, None)


def joined_dims(all_dims: Sequence[Dims | None]) -> Dims | None:
    """The dimensions that equal shapes have, the most certain knowledge of each."""
    known = [d for d in all_dims if d is not None]
    if not known or any(len(d) != len(known[0]) for d in known):
        return None
    return tuple(certain(column) for column in zip(*known, strict=True))


def certain(column: Iterable[Dim]) -> Dim:
    """What is known of a size from several that are equal."""
    return next((d for d in column if d is not ANY), ANY)


def element_types(t: Type) -> list[Type] | None:
    """The types of the elements of a tuple or list of known length."""
    return list(t.elems) if isinstance(t, TupleOf) and t.elems is not None else None


# -- sizes ---------------------------------------------------------------------------------------


def product_dim(dims: Iterable[Dim]) -> Dim:
    """The size of several dimensions flattened: a factor that is not one decides."""
    dims = list(dims)
    if MANY in dims:
        return MANY
    return ANY if ANY in dims else ONE


def sum_dim(dims: Sequence[Dim]) -> Dim:
    """The size of dimensions put one after another (a size that is not one may be zero)."""
    if len(dims) == 1:
        return dims[0]
    ones = sum(d is ONE for d in dims)
    if ones >= 2 or (dims and all(d is MANY for d in dims)):
        return MANY
    return MANY if not dims else ANY


def size_dim(n: object) -> Dim:
    """The dimension of a size that is given (ANY if it is not constant, or -1)."""
    size = int_constant(n)
    if size is None or size < 0:
        return ANY
    return ONE if size == 1 else MANY


def dims_of_shape(t: Type, constant: object) -> Dims | None:
    """The dimensions that a shape argument (an int or a tuple of ints) asks for."""
    if constant is not MISSING:
        if isinstance(constant, (tuple, list)):
            return tuple(size_dim(n) for n in constant)
        return (size_dim(constant),) if int_constant(constant) is not None else None
    if isinstance(t, TupleOf):
        return None if t.elems is None else (ANY,) * len(t.elems)
    if isinstance(t, Scalar) or (isinstance(t, Array) and t.item):
        return (ANY,)
    return None


# -- inference -----------------------------------------------------------------------------------


def by_sample(position: int = 0) -> Infer:
    """For functions that move, add or keep dimensions, whatever their sizes.

    The function runs on an empty array whose dimensions have distinct sizes.
    """

    def infer(call: Call) -> Type:
        a = array_of(call.types[position])
        if a.dims is None or any(
            c is MISSING for i, c in enumerate(call.constants) if i != position
        ):
            return Array(a.dtype, None)
        sample = np.empty(tuple(i + 1 if i else 0 for i in range(len(a.dims))))
        operands = [sample if i == position else c for i, c in enumerate(call.constants)]
        try:
            shape = call.fn(*operands, **call.attrs).shape
        except (ValueError, TypeError, IndexError):  # the primal raises the same
            return Array(a.dtype, None)
        return Array(a.dtype, tuple(_origin(n, a.dims) for n in shape))

    return infer


def _origin(n: int, dims: Dims) -> Dim:
    if n == 1:
        return ONE
    return dims[0] if n == 0 else dims[n - 1]


def same_array(position: int = 0) -> Infer:
    """The type of one operand, as an array (not a NumPy scalar)."""
    return lambda call: array_of(call.types[position])


def shaped_like(call: Call) -> Type:
    """For helpers `f(g, like, ...)`: the shape of `like`, the dtype of `g`."""
    return Array(array_of(call.types[0]).dtype, array_of(call.types[1]).dims)


def normal_axis(axis: int, rank: int) -> int | None:
    """An axis counted from the front; None if there is no such axis (NumPy raises then)."""
    return axis % rank if -rank <= axis < rank else None


# -- words for rule bodies -----------------------------------------------------------------------


def typed(y: Any, t: Type) -> Any:
    """`y`, which was just emitted, with what is known of its type from elsewhere."""
    if isinstance(y, Sym) and isinstance(y.operand, Value):
        y.operand.type = t
    return y


def reshape_like(g: Any, x: Sym) -> Any:
    """`g` (of as many elements) in the shape of `x`; nothing is emitted if it has that shape."""
    dims = array_of(x.type).dims
    if dims is not None and len(dims) <= 1 and rank_of(g.type) == len(dims):
        return g
    shape = () if dims == () else x.shape
    dtype = g.type.dtype if isinstance(g.type, Array) else _DEFAULT_DTYPE.get(str(g.type))
    return typed(np.reshape(g, shape), Array(dtype, dims))


def at_axis(axis: int, part: Any, rank: int | None = None) -> tuple[Any, ...]:
    """The index that selects `part` along one axis: ``x[:, part]``."""
    if rank is not None and -rank <= axis < rank:
        axis %= rank
    if axis >= 0:
        return (slice(None),) * axis + (part,)
    return (Ellipsis, part) + (slice(None),) * (-axis - 1)


def slice_of(like: Sym, start: Any, stop: Any) -> Any:
    """``start:stop`` for an index."""
    if isinstance(start, Sym) or isinstance(stop, Sym):
        return like._apply(slice, (start, stop, None))
    return slice(start, stop)


def length(x: Any, axis: int) -> Any:
    """The size of `x` along an axis, as an int of the program."""
    rank = rank_of(array_of(x.type))
    if rank is None or not -rank <= axis < rank:
        return np.size(x, axis)
    return x.shape[axis % rank]


def swap_last(x: Any) -> Any:
    """The matrix transpose of an array of two or more dimensions."""
    if x.known_ndim == 2:
        return np.transpose(x)
    return np.swapaxes(x, -1, -2)


def to_elements(g: Any, x: Sym) -> Any:
    """The cotangent of the array of `x` as that of `x`: a list of them for a tuple or list."""
    elems = element_types(x.type)
    return g if elems is None else [to_elements(g[i], x[i]) for i in range(len(elems))]


def negated(n: Any) -> Any:
    """`-n` for an int, or each of a tuple of ints, constant or not."""
    if isinstance(n, (tuple, list)):
        return tuple(negated(v) for v in n)
    if isinstance(n, Sym):
        if n.is_const:
            return negated(n.const)
        parts = element_types(n.type)
        if parts is not None:
            return tuple(-n[i] for i in range(len(parts)))
        if isinstance(n.type, (Scalar, Array)):
            return -n
        return np.negative(n)  # an int, or a tuple of ints
    return operator.neg(n)

