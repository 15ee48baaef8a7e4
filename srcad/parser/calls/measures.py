"""Sizes of arrays, where code can only be followed if they are known.

A derivative is compiled for types, not for sizes. Some code needs more: to unpack ``a, *rest``,
to insert into a list, to use a loop's index as the key of a dictionary. A function that cannot be
lowered for types alone is therefore lowered again for what its arguments are at this call (see
`Precision`), and this is checked at each later call.

What holds afterwards: `size_of` gives the shape of a value, or None; it is never guessed.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from srcad.ir import ops as O
from srcad.ir.abstract import Array, ListOf, Scalar, Type, is_number
from srcad.ir.values import Const, Op, Operand, Value
from srcad.parser.bindings import Binding, Known, Struct
from srcad.pristine import np
from srcad.rules.inference import UFUNC_OF_OPERATOR
from srcad.rules.registry import lookup

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class Precision(enum.IntEnum):
    """What a function is lowered for.

    TYPES
        The types of its arguments.
    SIZES
        Also the shapes of arrays, whether they are in C order, and the lengths of lists; short
        lists are their elements.
    TURNS
        Also the values of integers; and short loops are unrolled.
    """

    TYPES = 0
    SIZES = 1
    TURNS = 2


MOST_TURNS = 64  # of a loop that is unrolled for `TURNS`; of a list that is its elements
MOST_IN_ALL = 1024  # turns of all loops together: a refusal should not take seconds
_MOST_ELEMENTS = 10**6  # of an array that is computed for its shape

# Functions whose result's shape does not depend on the elements of arrays.
_BY_SHAPE = frozenset((
    np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze,
    np.broadcast_to, np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack,
    np.tile, np.repeat, np.roll, np.flip, np.fliplr, np.flipud, np.rot90, np.copy, np.asarray,
    np.array, np.ascontiguousarray, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.diag,
    np.diagonal, np.tril, np.triu, np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min,
    np.cumsum, np.cumprod, np.sort, np.argsort, np.argmax, np.argmin, np.diff, np.clip, np.dot,
    np.matmul, np.inner, np.outer, np.vdot, np.tensordot, np.kron, np.cross, np.split,
    np.array_split, np.append, np.zeros, np.ones, np.full, np.empty, np.arange, np.linspace,
    np.eye, np.identity, np.zeros_like, np.ones_like, np.full_like, np.empty_like, np.trace,
    np.linalg.norm, np.median,
))  # fmt: skip


MEASURES = frozenset((len, np.shape, np.size, np.ndim))


class Unsized(Exception):
    """Control flow: the size of a value is not known."""


class MeasureLowering(_Base):
    precision: Precision
    sizes: dict[Value, tuple[int, ...] | None]
    taken: int

    def size_of(self, binding: Binding) -> tuple[int, ...] | None:
        """The shape of an array or the length of a list, where that is known."""
        if self.precision < Precision.SIZES or not isinstance(binding, Value):
            return None
        try:
            return _Stand(self.builder.defining, self.sizes).size(binding)
        except Unsized:
            return None

    def measured(self, fn: Any, binding: Binding) -> Binding | None:
        """`len`, `np.shape`, `np.size` or `np.ndim` of what has a known size."""
        size = self.size_of(self.deref(binding))
        if size is None or (fn is len and not size):
            return None
        if fn is np.shape:
            return Struct.sequence("tuple", [Known(n) for n in size])
        return Known(size[0] if fn is len else len(size) if fn is np.ndim else int(np.prod(size)))

    def take_turns(self, count: int, node: Any) -> None:
        """Count the turns of unrolled loops.

        Raises
        ------
        UnsupportedSyntaxError
            If all of them are too many.
        """
        self.taken += count
        if self.taken > MOST_IN_ALL:
            raise self.unsupported(
                node, f"this takes more than {MOST_IN_ALL} turns of unrolled loops",
                "they had to be unrolled, since what they do depends on their numbers",
                "use arrays, or fewer turns",
            )  # fmt: skip


class _Stand:
    """Stand-ins of values: zero-filled arrays of their shapes, where shapes are certain.

    `sizes` takes up what is found, None for a value whose shape is not certain.
    """

    def __init__(
        self, defining: dict[Value, Op], sizes: dict[Value, tuple[int, ...] | None]
    ) -> None:
        self.defining, self.sizes = defining, sizes
        self.found: dict[Value, Any] = {}

    def size(self, operand: Operand) -> tuple[int, ...]:
        return _once(self.sizes, operand, self.shape)  # type: ignore[no-any-return]

    def of(self, operand: Operand) -> Any:
        return _once(self.found, operand, self.made)

    def shape(self, operand: Operand) -> tuple[int, ...]:
        if isinstance(operand, Value):
            if is_number(operand.type):
                return ()
            op = self.defining.get(operand)
            if op is not None and op.kind in (O.SETITEM, O.ADD_AT):
                return self.size(op.operands[0])
            if op is not None and op.kind is O.IF:
                k = op.results.index(operand)
                first, second = (self.size(region.yields[k]) for region in op.regions)
                if first != second:
                    raise Unsized
                return first
            if op is not None and op.kind is O.APPLY and _is_elementwise(op.attrs["fn"]):
                try:
                    return np.broadcast_shapes(*(self.size(o) for o in op.operands))
                except ValueError:
                    raise Unsized from None
            if op is None:
                raise Unsized
        made = self.of(operand)
        if not isinstance(made, (np.ndarray, np.generic, int, float, complex)):
            raise Unsized
        return np.shape(made)

    def made(self, operand: Operand) -> Any:
        if isinstance(operand, Const):
            return operand.value
        op = self.defining.get(operand)
        known = self.sizes.get(operand) is not None
        if op is None or known or op.kind in (O.SETITEM, O.ADD_AT, O.IF):
            return _zeros(operand.type, self.size(operand))
        try:
            if op.kind is O.GETITEM:
                x, *index = op.operands
                return self.of(x)[tuple(self.position(i) for i in index)]
            if op.kind is O.FIELD and not op.attrs.get("attribute"):
                return self.of(op.operands[0])[op.attrs["key"]]
            if op.kind is O.PACK and op.attrs["container"] in ("tuple", "list"):
                return tuple(map(self.of, op.operands))
            if op.kind is O.APPLY and op.attrs["fn"] is slice:
                return slice(*map(self.exact, op.operands))
            if op.kind is O.APPLY and op.attrs["fn"] in _BY_SHAPE:
                keywords = op.statics
                given = [self.exact(o) if _is_whole(o.type) else self.of(o) for o in op.operands]
                if sum(np.size(g) for g in given if isinstance(g, np.ndarray)) > _MOST_ELEMENTS:
                    raise Unsized
                return op.attrs["fn"](*given, **keywords)
            if op.kind is O.APPLY and _is_elementwise(op.attrs["fn"]):
                return _zeros(operand.type, self.size(operand))
        except (TypeError, ValueError, IndexError, KeyError, ArithmeticError):
            raise Unsized from None  # Python raises at run time
        if is_number(operand.type):
            return _zeros(operand.type, ())
        raise Unsized

    def position(self, index: Operand) -> Any:
        """An index that leads to an element, whichever."""
        if isinstance(index, Value) and _is_whole(index.type) and is_number(index.type):
            return 0
        found = self.of(index)
        if isinstance(found, np.ndarray) and found.dtype == bool:
            raise Unsized
        return found

    def exact(self, operand: Operand) -> Any:
        if not isinstance(operand, Const):
            raise Unsized
        return operand.value


def _once(found: dict[Value, Any], operand: Operand, make: Callable[[Operand], Any]) -> Any:
    """What `make` gives for an operand, computed once: `x * x` reads x twice."""
    if isinstance(operand, Const):
        return make(operand)
    if operand not in found:
        found[operand] = None  # if it raises `Unsized`
        found[operand] = make(operand)
    if found[operand] is None:
        raise Unsized
    return found[operand]


def _is_elementwise(fn: Any) -> bool:
    rule = lookup(fn)
    if rule is None or rule.form != "elementwise":
        return False
    return isinstance(fn, np.ufunc) or fn in UFUNC_OF_OPERATOR


def _is_whole(t: Type) -> bool:
    """Whether a number or array counts something, so that a shape may depend on it."""
    if isinstance(t, Scalar):
        return t.kind in ("int", "bool")
    return isinstance(t, Array) and (t.dtype is None or np.dtype(t.dtype).kind in "iub")


def _zeros(t: Type, size: tuple[int, ...]) -> Any:
    dtype = t.dtype if isinstance(t, Array) and t.dtype is not None else "float64"
    if isinstance(t, (Scalar, ListOf)) or not size:
        return np.zeros(size)[()] if not size else np.broadcast_to(np.zeros(()), size)
    return np.broadcast_to(np.zeros((), dtype), size)
