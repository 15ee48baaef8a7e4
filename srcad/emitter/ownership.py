"""Which operations give arrays of their own, and which hand out memory of their operands.

Only what is known to allocate counts as fresh; any other function may return its operands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from srcad import runtime
from srcad.differentiator.extents import Extents
from srcad.emitter.operators import COMMUTATIVE, COMPARE, INFIX, INPLACE, PREFIX
from srcad.ir import ops as O
from srcad.ir.abstract import (
    OBJECT,
    UNKNOWN,
    Array,
    DictOf,
    Dim,
    ListOf,
    TableOf,
    TupleOf,
    Type,
    dims_of,
    kind_of,
)
from srcad.ir.values import Op, Operand, Role, Value
from srcad.pristine import np
from srcad.rules.indexing import is_basic
from srcad.rules.memory import FRESH, HANDED_ON

# These return their first operand or a view of it, which may be written where the operand may.
_VIEWS: set[Any] = {
    np.transpose, np.reshape, np.ravel, np.squeeze, np.expand_dims, np.swapaxes, np.moveaxis,
    np.real, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.flip, np.fliplr, np.flipud, np.rot90,
    np.rollaxis, np.split, runtime.unbroadcast, runtime.check_seed,
}  # fmt: skip

# These return their first operand or a view of it that cannot be written.
_READ_ONLY: set[Any] = {np.broadcast_to, runtime.broadcast_like, runtime.expand_reduced}


def is_filling(op: Op) -> bool:
    """Whether a number is stretched to an array of its own dtype (by `np.full`)."""
    g, x = op.operands
    result = op.results[0].type
    if not (isinstance(x, Value) and isinstance(x.type, Array) and x.type.dims):
        return False
    if dims_of(g.type) != () or kind_of(g.type) != "f" or not isinstance(result, Array):
        return False
    return result.dtype == (g.type.dtype if isinstance(g.type, Array) else "float64")


_WRITES = (runtime.appended, runtime.popped, runtime.add_entry, runtime.without)


def is_write(op: Op) -> bool:
    """Whether an operation may be done by changing its first operand."""
    if op.kind in (O.SETITEM, O.ADD_AT):
        return True
    return op.kind is O.APPLY and op.attrs["fn"] in _WRITES


def has_memory(t: Type) -> bool:
    """Whether a value of this type may be, or hold, what can be changed."""
    if isinstance(t, Array):
        return not t.item
    if isinstance(t, TupleOf):
        return t.elems is None or any(map(has_memory, t.elems))
    return isinstance(t, (ListOf, TableOf, DictOf)) or t in (UNKNOWN, OBJECT)


def shares(op: Op) -> tuple[Operand, ...]:
    """The operands whose memory the results of an operation may share."""
    if op.kind is O.GETITEM:
        fresh = isinstance(op.operands[0].type, Array) and is_basic(op.operands[1:]) is False
        return () if fresh else op.operands[:1]
    if op.kind is O.FIELD:
        return op.operands[:1]
    if op.kind in (O.PACK, O.OPAQUE, O.CALL):
        return op.operands
    if op.kind is not O.APPLY:
        return ()
    fn = op.attrs["fn"]
    if fn in INFIX or fn in COMPARE or fn in PREFIX:
        return tuple(o for o in op.operands if isinstance(o.type, (ListOf, TupleOf)))
    if isinstance(fn, np.ufunc) or fn in FRESH:
        return ()
    if fn is runtime.add_tables and not _holds_memory(op.results[0].type):
        return ()
    if fn is np.einsum and sum(has_memory(o.type) for o in op.operands) > 1:
        return ()  # einsum of one operand may be a view of it, a product never is
    if fn is runtime.broadcast_like and is_filling(op):
        return ()
    if fn in HANDED_ON:
        position, _ = HANDED_ON[fn]
        return op.operands[position : position + 1]
    return op.operands[:1] if fn in _VIEWS or fn in _READ_ONLY else op.operands


def _holds_memory(t: Type) -> bool:
    """Whether the elements of a dictionary can be changed."""
    return not isinstance(t, TableOf) or has_memory(t.elem)


def foreign(op: Op) -> bool:
    """Whether the results may be memory that is not to be written, whatever the operands are."""
    if op.kind in (O.GLOBAL, O.OPAQUE):
        return True
    if op.kind is O.GETITEM:
        return not isinstance(op.operands[0].type, Array)
    if op.kind is O.APPLY and shares(op):
        return op.attrs["fn"] not in _VIEWS
    return False


def updatable(op: Op, extents: Callable[[], Extents]) -> list[Value]:
    """The operands that ``x = x + g`` may update in place, as far as types tell.

    `extents` is asked where the types leave open whether `g` may have more elements than `x`.
    """
    if op.kind is not O.APPLY or op.attrs["fn"] not in INPLACE:
        return []
    positions = (0, 1) if op.attrs["fn"] in COMMUTATIVE else (0,)
    found = []
    for k in positions:
        x, g = op.operands[k], op.operands[1 - k]
        if isinstance(x, Value) and _may_update(x, g, op.results[0], extents):
            found.append(x)
    return found


def _may_update(x: Value, g: Operand, result: Value, extents: Callable[[], Extents]) -> bool:
    t = result.type
    if not isinstance(t, Array) or t.item or not t.dims or t.dtype is None or x.type != t:
        return False
    if not _one_name(x, result):
        return False
    other = dims_of(g.type)
    if other is not None and len(other) <= len(t.dims):
        pairs = zip(reversed(t.dims), reversed(other))
        if all(mine is Dim.MANY or theirs is Dim.ONE for mine, theirs in pairs):
            return True
    return extents().same(x, result)


def _one_name(old: Value, new: Value) -> bool:
    """Whether one variable may hold both without telling a reader wrong things."""
    if old.name == new.name or not (old.named or new.named):
        return True
    return old.role is new.role and (not old.named or (new.role is Role.ADJOINT and not new.named))
