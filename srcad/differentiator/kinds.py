"""Types of derivatives: which of those that belong to Python floats are NumPy scalars.

What holds afterwards: a value that the differentiation made is of type `float` only if no NumPy
scalar can arrive in it. The type that a cotangent or tangent is given first is that of its primal,
because those of loops and branches are needed before their bodies are made; what flows round a
loop may widen it, and all that is computed from it.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcad.ir import ops as O
from srcad.ir.abstract import FLOAT, UNKNOWN, Array, ListOf, TableOf, TupleOf, Type, item
from srcad.ir.values import Op, Operand, Value
from srcad.optimizer.facts import inferred_type

_NOT_FLOAT = (Array, TableOf)  # a result of type `float` may be one after all


def settle_kinds(ops: Sequence[Op]) -> None:
    """Widen the types of results and parameters of regions until they say what arrives there."""
    while _block(ops):
        pass


def _settle(value: Value, *sources: Type) -> bool:
    """Widen the type of a value to what its sources say; whether it has changed."""
    before = value.type
    for source in sources:
        value.type = _widened(value.type, source)
    return value.type != before


def _widened(t: Type, source: Type) -> Type:
    if t == FLOAT and isinstance(source, Array):
        return item(source.dtype)
    if t == FLOAT and source == UNKNOWN:
        return item("float64")
    if t == ListOf(FLOAT) and (isinstance(source, Array) or source == UNKNOWN):
        return ListOf(item("float64"))
    if isinstance(t, ListOf) and isinstance(source, ListOf):
        return ListOf(_widened(t.elem, source.elem))
    if isinstance(t, TableOf) and isinstance(source, TableOf):
        return TableOf(t.key, _widened(t.elem, source.elem))
    if isinstance(t, TupleOf) and isinstance(source, TupleOf):
        if t.elems is not None and source.elems is not None and len(t.elems) == len(source.elems):
            return TupleOf(tuple(map(_widened, t.elems, source.elems)))
    return t


def _types(operands: Sequence[Operand]) -> list[Type]:
    return [o.type for o in operands]


def _block(ops: Sequence[Op]) -> bool:
    changed = False
    for op in ops:
        for region in op.regions:
            changed |= _block(region.ops)
        method = _METHODS.get(op.kind)
        if method is not None:
            changed |= method(op)
    return changed


def _application(op: Op) -> bool:
    result = op.results[0]
    if isinstance(result.type, (ListOf, TableOf)):
        return _settle(result, inferred_type(op, op.operands))
    if result.type != FLOAT or not any(isinstance(t, _NOT_FLOAT) for t in _types(op.operands)):
        return False
    found = inferred_type(op, op.operands)
    return isinstance(found, Array) and found.item and _settle(result, found)


def _read(op: Op) -> bool:
    t = op.operands[0].type
    return isinstance(t, (ListOf, TableOf)) and _settle(op.results[0], t.elem)


def _store(op: Op) -> bool:
    x, stored = op.operands[:2]
    if isinstance(x.type, TableOf):
        return _settle(op.results[0], x.type, TableOf(x.type.key, stored.type))
    return _settle(op.results[0], x.type, ListOf(stored.type))


def _field(op: Op) -> bool:
    t, key = op.operands[0].type, op.attrs["key"]
    if not isinstance(t, TupleOf) or t.elems is None or not isinstance(key, int):
        return False
    return _settle(op.results[0], t.elems[key])


def _pack(op: Op) -> bool:
    return _settle(op.results[0], TupleOf(tuple(_types(op.operands))))


def _branches(op: Op) -> bool:
    changed = False
    for result, *sources in zip(op.results, *(r.yields for r in op.regions), strict=True):
        changed |= _settle(result, *_types(sources))
    return changed


def _for(op: Op) -> bool:
    view = O.ForView(op)
    changed = _carried(view)
    for element, stream in zip(view.elements, view.streams, strict=True):
        if isinstance(stream.type, ListOf):
            changed |= _settle(element, stream.type.elem)
    return changed


def _while(op: Op) -> bool:
    view = O.WhileView(op)
    changed = _carried(view)
    for of_cond, carry in zip(view.cond_carries, view.carries, strict=True):
        changed |= _settle(of_cond, carry.type)
    return changed


def _carried(view: O.ForView | O.WhileView) -> bool:
    changed = False
    for carry, final, *sources in zip(
        view.carries, view.finals, view.inits, view.next_carries, strict=True
    ):
        changed |= _settle(carry, *_types(sources))
        changed |= _settle(final, *_types(sources))
    for collected, emitted in zip(view.lists, view.emits, strict=True):
        changed |= _settle(collected, ListOf(emitted.type))
    return changed


_METHODS = {
    O.APPLY: _application, O.GETITEM: _read, O.SETITEM: _store, O.ADD_AT: _store,
    O.FIELD: _field, O.PACK: _pack, O.IF: _branches, O.FOR: _for, O.WHILE: _while,
}  # fmt: skip
