"""Result types of the functions of the table, from the types of their operands.

Dtypes are asked of NumPy itself (`ufunc.resolve_dtypes`, or a run on a two-element array), never
listed by hand. A dimension that is not certain is ANY; an unknown operand gives an unknown result.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from srcad.ir.abstract import (
    ANY,
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    ONE,
    UNKNOWN,
    Array,
    Dim,
    ListOf,
    Scalar,
    Type,
    broadcast,
    dims_of,
    dtype_name,
    dtype_of,
)
from srcad.pristine import np

MISSING = object()  # the "value" of an operand that is not a constant


@dataclass(eq=False, slots=True)
class Call:
    """What an inference function is told of an application of `fn`."""

    fn: Callable[..., Any]
    types: tuple[Type, ...]
    constants: tuple[object, ...]  # per operand its constant value, or MISSING
    attrs: Mapping[str, Any]


Infer = Callable[[Call], Type]

UFUNC_OF_OPERATOR: dict[Any, np.ufunc] = {
    operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply,
    operator.truediv: np.true_divide, operator.floordiv: np.floor_divide,
    operator.mod: np.remainder, operator.pow: np.power, operator.neg: np.negative,
    operator.pos: np.positive, operator.abs: np.absolute, operator.lt: np.less,
    operator.le: np.less_equal, operator.gt: np.greater, operator.ge: np.greater_equal,
    operator.eq: np.equal, operator.ne: np.not_equal, operator.and_: np.bitwise_and,
    operator.or_: np.bitwise_or, operator.xor: np.bitwise_xor, operator.invert: np.invert,
    operator.lshift: np.left_shift, operator.rshift: np.right_shift, abs: np.absolute,
    divmod: np.divmod, pow: np.power,
}  # fmt: skip
_COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
_PYTHON = {"float": float, "int": int, "complex": complex}
_SAMPLE = {"float": "float64", "int": "int64", "bool": "bool", "complex": "complex128"}


def as_array(t: Type) -> Type:
    """The type of `np.asarray` of a value of type `t` (a list of numbers is a vector)."""
    if isinstance(t, ListOf):
        elem = as_array(t.elem)
        if isinstance(elem, Array) and elem.dims is not None:
            return Array(elem.dtype, (ANY, *elem.dims))
        if isinstance(elem, Scalar):
            return Array(_SAMPLE[elem.kind], (ANY,))
        return Array(None, None)
    return t


@functools.lru_cache(maxsize=4096)
def ufunc_dtypes(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> tuple[str, ...] | None:
    """Names of the result dtypes; an input is a dtype name, or a Python type (weak)."""
    spec = [np.dtype(i) if isinstance(i, str) else i for i in inputs]
    if ufunc in (np.matmul, np.vecdot):
        raise ValueError("not elementwise")
    try:
        resolved = ufunc.resolve_dtypes((*spec, *[None] * ufunc.nout))
    except TypeError:  # NumPy itself refuses these dtypes: the primal will raise
        return None
    return tuple(dtype_name(d) for d in resolved[ufunc.nin :])


def weak_dtype(t: Type) -> Any:
    """What `ufunc_dtypes` takes for an operand of type `t`; None if not known."""
    if isinstance(t, Scalar):
        return _PYTHON.get(t.kind, "bool")
    return dtype_of(t)


def result_dtype(ufunc: np.ufunc, types: tuple[Type, ...]) -> str | None:
    """Dtype of the (first) result of a ufunc; None when an operand's is not known."""
    if not any(isinstance(t, Array) for t in types):
        inputs = [_SAMPLE.get(str(t)) for t in types]
    else:
        inputs = [weak_dtype(t) for t in types]
    if any(i is None for i in inputs):
        return None
    found = ufunc_dtypes(ufunc, tuple(inputs))
    return found[0] if found else None


def of_ufunc(ufunc: np.ufunc) -> Infer:
    """Broadcasting dimensions, dtype by `resolve_dtypes`."""

    def infer(call: Call) -> Type:
        return elementwise_type(ufunc, call.types)

    return infer


def elementwise_type(ufunc: np.ufunc, types: tuple[Type, ...]) -> Type:
    types = tuple([as_array(t) for t in types])
    if not any([isinstance(t, (Scalar, Array)) for t in types]):
        return UNKNOWN
    dims = broadcast([dims_of(t) for t in types])
    dtype = result_dtype(ufunc, types)
    if dims is None and dtype is None and not any(isinstance(t, Array) for t in types):
        return UNKNOWN
    return Array(dtype, dims, dims == ())


def of_operator(fn: Callable[..., Any]) -> Infer:
    """Python's own arithmetic on Python numbers, the ufunc's otherwise."""
    ufunc = UFUNC_OF_OPERATOR[fn]

    def infer(call: Call) -> Type:
        if all([isinstance(t, Scalar) for t in call.types]):
            return _python_arithmetic(fn, call)
        return elementwise_type(ufunc, call.types)

    return infer


def _python_arithmetic(fn: Callable[..., Any], call: Call) -> Type:
    if fn in _COMPARISONS:
        return BOOL
    kinds = [t.kind for t in call.types if isinstance(t, Scalar)]
    if "complex" in kinds:
        return FLOAT if fn in (abs, operator.abs) else COMPLEX
    if "float" in kinds or fn is operator.truediv:
        return FLOAT
    if fn in (operator.and_, operator.or_, operator.xor) and set(kinds) == {"bool"}:
        return BOOL
    return INT


def constant_type(t: Type) -> Infer:
    return lambda call: t


def same_as(position: int = 0) -> Infer:
    """The type of one operand."""
    return lambda call: as_array(call.types[position])


@functools.lru_cache(maxsize=4096)
def _sampled_dtype(fn: Callable[..., Any], dtype: str) -> str | None:
    try:
        return dtype_name(np.asarray(fn(np.ones(2, dtype))).dtype)
    except TypeError:  # the primal will raise
        return None


def sampled_dtype(fn: Callable[..., Any], t: Type) -> str | None:
    """Dtype of `fn(x)` found by running it on a two-element array of x's dtype."""
    t = as_array(t)
    name = t.dtype if isinstance(t, Array) else _SAMPLE.get(str(t))
    return None if name is None else _sampled_dtype(fn, name)


def reduction(fn: Callable[..., Any]) -> Infer:
    """`sum`-like functions of one operand with `axis` and `keepdims`."""

    def infer(call: Call) -> Type:
        dims = dims_of(as_array(call.types[0]))
        axis, keepdims = call.attrs.get("axis"), bool(call.attrs.get("keepdims", False))
        dtype = sampled_dtype(fn, call.types[0])
        out = reduced_dims(dims, axis, keepdims)
        if out is None and dtype is None:
            return UNKNOWN
        return Array(dtype, out, out == ())

    return infer


def reduced_dims(
    dims: tuple[Dim, ...] | None, axis: Any, keepdims: bool
) -> tuple[Dim, ...] | None:
    """Dimensions that remain after a reduction."""
    if dims is None:
        return () if axis is None and not keepdims else None
    axes = normalised_axes(axis, len(dims))
    if keepdims:
        return tuple(ONE if i in axes else d for i, d in enumerate(dims))
    return tuple(d for i, d in enumerate(dims) if i not in axes)


def normalised_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Axes as sorted non-negative ints; `axis=None` means all.

    An axis out of range is left out here: NumPy raises for it when the primal runs.
    """
    if axis is None:
        return tuple(range(rank))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(sorted({int(a) % rank for a in axes if -rank <= int(a) < rank}))


def unknown(call: Call) -> Type:
    return UNKNOWN


def int_constant(value: object) -> int | None:
    """A Python or NumPy integer as int; None for anything else (and for MISSING)."""
    if value is MISSING or isinstance(value, (bool, np.bool_)):
        return None
    return int(value) if isinstance(value, (int, np.integer)) else None


def default(fn: Any, form: str) -> Infer:
    """The inference used where a declaration names none."""
    if isinstance(fn, np.ufunc) and fn.signature is None:
        if all(loop.endswith("->O") for loop in fn.types):
            return unknown  # np.frompyfunc: what the Python function returns
        return of_ufunc(fn)
    if fn in UFUNC_OF_OPERATOR:
        return of_operator(fn)
    if getattr(fn, "__module__", None) == "math":
        return constant_type(FLOAT)
    if form == "elementwise":
        return lambda call: _like_broadcast(call)
    return unknown


def _like_broadcast(call: Call) -> Type:
    """An elementwise function that is no ufunc: dims broadcast, dtype that of the operands."""
    types = tuple(as_array(t) for t in call.types)
    dtypes = {t.dtype for t in types if isinstance(t, Array)}
    dims = broadcast(dims_of(t) for t in types)
    if not dtypes and dims == ():
        return Array("float64", (), True)
    dtype = dtypes.pop() if len(dtypes) == 1 else None
    return Array(dtype, dims, dims == ())
