"""Activity: which values depend on the differentiated inputs, and which reach the results.

Two walks over the structured IR with a fixpoint at loop carries; a value that is both varied and
useful is active, nothing else gets a derivative.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Any

from srcad.errors import MissingRuleError, UnsupportedSyntaxError
from srcad.ir import ops as O
from srcad.ir.abstract import STR, differentiable, is_number
from srcad.ir.undefined import possibly_undefined
from srcad.ir.values import Function, Op, Operand, Value, walk
from srcad.rules.registry import lookup


def active_positions(op: Op) -> list[int]:
    """Positions of the operands through which a derivative can flow."""
    if op.kind is O.APPLY:
        rule = lookup(op.attrs["fn"])
        if rule is None:
            return []
        return [i for i in range(len(op.operands)) if rule.is_active(i)]
    if op.kind in (O.GETITEM, O.FIELD):
        return [0]
    if op.kind in (O.SETITEM, O.ADD_AT):
        return [0, 1]
    if op.kind in (O.PACK, O.CALL, O.OPAQUE):
        return list(range(len(op.operands)))
    return []


def flows(ops: list[Op], outputs: Iterable[Operand], active: Set[Value]) -> Iterator[Value]:
    """The values that a derivative may flow to, once for each place where it comes from."""
    yield from _active(outputs, active)
    for op in ops:
        if op.kind is O.IF:
            for region in op.regions:
                reached = [y for r, y in zip(op.results, region.yields) if r in active]
                yield from flows(region.ops, reached, active)
        elif op.kind in (O.FOR, O.WHILE):
            view: O.ForView | O.WhileView = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
            yield from flows(view.body.ops, _reached_by_loop(view, active), active)
        elif any(r in active for r in op.results):
            yield from _active([op.operands[k] for k in active_positions(op)], active)


def _reached_by_loop(view: O.ForView | O.WhileView, active: Set[Value]) -> Iterator[Operand]:
    for c, f, i, n in zip(view.carries, view.finals, view.inits, view.next_carries):
        if c in active or f in active:
            yield from (i, n)
    yield from (e for e, v in zip(view.emits, view.lists) if v in active)
    if isinstance(view, O.ForView):
        yield from (s for e, s in zip(view.elements, view.streams) if e in active)


def _active(operands: Iterable[Operand], active: Set[Value]) -> Iterator[Value]:
    return (o for o in operands if isinstance(o, Value) and o in active)


def opaque_call(op: Op, given: str = "a value") -> MissingRuleError:
    """The error for a call that srcad cannot look into, of something that is differentiated."""
    return MissingRuleError(
        f"`{op.attrs['name']}` has no derivative rule",
        reason=f"it has neither a rule nor Python source to look into, and is given {given} that "
        "is differentiated",
        advice=op.attrs["advice"],
        loc=op.loc,
    )


def active_store(op: Op) -> UnsupportedSyntaxError:
    """The error for a store of something differentiated into an object of the caller."""
    return UnsupportedSyntaxError(
        f"`{op.attrs['name']}` stores a value that is differentiated",
        reason="the object outlives the call, and its derivative would be lost there",
        advice="return the value, or store into an object that the function makes",
        loc=op.loc,
    )


def varied_values(ops: list[Op], seeds: Iterable[Value]) -> set[Value]:
    """Values that depend differentiably on the seeds (the seeds included)."""
    varied = set(seeds)
    _mark_varied(ops, varied)
    return varied


def _is_varied(operand: Operand, varied: set[Value]) -> bool:
    return isinstance(operand, Value) and operand in varied


def _mark(value: Value, varied: set[Value]) -> None:
    if differentiable(value.type):
        varied.add(value)


def _mark_varied(ops: list[Op], varied: set[Value]) -> None:
    for op in ops:
        if op.kind is O.IF:
            for region in op.regions:
                _mark_varied(region.ops, varied)
                for r, y in zip(op.results, region.yields):
                    if _is_varied(y, varied):
                        _mark(r, varied)
        elif op.kind is O.FOR:
            view = O.ForView(op)
            for e, s in zip(view.elements, view.streams):
                if _is_varied(s, varied):
                    _mark(e, varied)
            _mark_loop(view, varied)
        elif op.kind is O.WHILE:
            _mark_loop(O.WhileView(op), varied)
        elif any(_is_varied(op.operands[i], varied) for i in active_positions(op)):
            if op.kind is O.OPAQUE and op.attrs.get("stores"):
                raise active_store(op)
            if op.kind is O.OPAQUE and "name" in op.attrs:
                raise opaque_call(op)
            for r in op.results:
                _mark(r, varied)


def _mark_loop(view: O.ForView | O.WhileView, varied: set[Value]) -> None:
    for c, i in zip(view.carries, view.inits):
        if _is_varied(i, varied):
            _mark(c, varied)
    for _ in range(len(view.carries) + 1):  # each round settles at least one carry (B5)
        _mark_varied(view.body.ops, varied)
        before = len(varied)
        for c, n in zip(view.carries, view.next_carries):
            if _is_varied(n, varied):
                _mark(c, varied)
        if len(varied) == before:
            break
    for c, f in zip(view.carries, view.finals):
        if c in varied:
            _mark(f, varied)
    for e, v in zip(view.emits, view.lists):
        if _is_varied(e, varied):
            _mark(v, varied)


def unbound_joints(ops: list[Op], varied: Set[Value]) -> set[Value]:
    """Values that may be undefined where a branch or loop that varies takes over from them.

    Their tangents cannot be made there, neither as zeros of their shape nor by stretching them to
    it; so they are made whole where they are defined. Left out are those that need nothing of this:
    numbers, and what varies and is taken over by a value of the same type.
    """
    unset = {v for v in possibly_undefined(ops) if differentiable(v.type) and not is_number(v.type)}
    found: set[Value] = set()
    before = -1
    while unset and len(found) != before:
        before = len(found)
        for target, source in _joints(ops):
            if source in unset and (
                target in found
                or (target in varied and (source not in varied or source.type != target.type))
            ):
                found.add(source)
    return found


def _joints(ops: list[Op]) -> Iterator[tuple[Value, Any]]:
    """Each value that branches or loops give, with what it takes over on one of its paths."""
    for op in ops:
        if op.kind is O.IF:
            for region in op.regions:
                yield from zip(op.results, region.yields)
        elif op.kind in (O.FOR, O.WHILE):
            view: Any = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
            yield from zip(view.finals, view.carries)
            yield from zip(view.carries, view.next_carries)
            yield from zip(view.carries, view.inits)
        for region in op.regions:
            yield from _joints(region.ops)


def useful_values(ops: list[Op], outputs: Iterable[Value]) -> set[Value]:
    """Values on which the outputs depend differentiably (the outputs included)."""
    useful = set(outputs)
    _mark_useful(ops, useful)
    return useful


def check_texts(function: Function, inputs: Iterable[Value]) -> None:
    """Refuse opaque calls that could read a differentiated number out of a text.

    Raises
    ------
    MissingRuleError
        If the results depend on what such a call gives.
    """
    ops = list(walk(function.body))
    if not any(r.type == STR for op in ops for r in op.results):
        return
    made_of = varied_values(function.body.ops, inputs)
    before = -1
    while len(made_of) > before:
        before = len(made_of)
        for op in ops:
            read = (*op.operands, *(y for region in op.regions for y in region.yields))
            if any(_is_varied(o, made_of) for o in read):
                joined = (*op.results, *(p for region in op.regions for p in region.params))
                made_of |= {v for v in joined if v.type == STR or op.kind is O.OPAQUE}
    useful = useful_values(function.body.ops, _values(function.body.yields))
    for op in ops:
        if op.kind is O.OPAQUE and "name" in op.attrs and any(r in useful for r in op.results):
            if any(_is_varied(o, made_of) for o in op.operands):
                raise opaque_call(op, "a text made of a value")


def _values(operands: Iterable[Operand]) -> list[Value]:
    return [o for o in operands if isinstance(o, Value)]


def _add(operand: Operand, useful: set[Value]) -> None:
    if isinstance(operand, Value):
        useful.add(operand)


def _mark_useful(ops: list[Op], useful: set[Value]) -> None:
    for op in reversed(ops):
        if op.kind is O.IF:
            for region in op.regions:
                for r, y in zip(op.results, region.yields):
                    if r in useful:
                        _add(y, useful)
                _mark_useful(region.ops, useful)
        elif op.kind in (O.FOR, O.WHILE):
            view: O.ForView | O.WhileView = O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
            _mark_useful_loop(view, useful)
        elif any(r in useful for r in op.results):
            for i in active_positions(op):
                _add(op.operands[i], useful)


def _mark_useful_loop(view: O.ForView | O.WhileView, useful: set[Value]) -> None:
    for f, n in zip(view.finals, view.next_carries):
        if f in useful:
            _add(n, useful)
    for v, e in zip(view.lists, view.emits):
        if v in useful:
            _add(e, useful)
    for _ in range(len(view.carries) + 1):
        _mark_useful(view.body.ops, useful)
        before = len(useful)
        for c, n in zip(view.carries, view.next_carries):
            if c in useful:
                _add(n, useful)
        if len(useful) == before:
            break
    for c, f, i in zip(view.carries, view.finals, view.inits):
        if c in useful or f in useful:  # a loop without trips gives the init itself
            _add(i, useful)
    if isinstance(view, O.ForView):
        for e, s in zip(view.elements, view.streams):
            if e in useful:
                _add(s, useful)
