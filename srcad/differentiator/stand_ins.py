"""Stand-ins: operands that only give their shape, read from a value that is at hand anyway.

What holds afterwards: an adjoint region keeps no array of its loop or branch alive for its shape
alone, where a value that outlives the region has the same lengths.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from srcad import runtime
from srcad.differentiator.extents import Extents, is_elementwise
from srcad.ir import ops as O
from srcad.ir.abstract import SLICE, Array, Scalar, dims_of
from srcad.ir.build import Builder
from srcad.ir.values import Const, Function, Op, Operand, Region, Role, Value, walk
from srcad.optimizer.dce import dce
from srcad.optimizer.facts import Uses
from srcad.pristine import np
from srcad.rules.symbols import apply, getitem_operands

# Position of the operand that only gives its shape and dtype.
SHAPE_ONLY = {
    runtime.unbroadcast: 1, runtime.broadcast_like: 1, runtime.expand_reduced: 1,
    runtime.zeros_like: 0, len: 0,
}  # fmt: skip


_NUMBERS_OF_SHAPE: dict[Any, int] = {**SHAPE_ONLY, np.shape: 0, np.size: 0, np.zeros_like: 0}


def without_mere_shapes(function: Function) -> Function:
    """The function with other values of the same shape for those that only give a shape.

    Then nothing reads them, so that they need not be computed.
    """
    uses = Uses(function)
    mere: set[Value] = set()
    for op in reversed(function.body.ops):
        if op.kind not in (O.APPLY, O.GETITEM) or not isinstance(op.result.type, Array):
            continue
        readers = uses.readers.get(op.result, ())
        if not op.result.type.item and all(
            reader is not None
            and (
                (reader.kind is O.GETITEM and position == 0 and reader.result in mere)
                or _NUMBERS_OF_SHAPE.get(reader.attrs.get("fn")) == position
            )
            for reader, position in readers
        ):
            mere.add(op.result)
    if not mere:
        return function
    extents = Extents(function.body.ops)
    found: list[Op] = []
    for op in function.body.ops:
        position = _NUMBERS_OF_SHAPE.get(op.attrs.get("fn"))
        if position is not None and op.operands[position] in mere:
            b = Builder(role=op.results[0].role)
            stand_in = _view(op.operands[position], mere, extents, b)
            if stand_in is not None:
                operands = (*op.operands[:position], stand_in, *op.operands[position + 1 :])
                found += b.block
                op = replace(op, operands=operands)
        found.append(op)
    body = Region(function.body.params, found, function.body.yields)
    return dce(replace(function, body=body), keep_inputs=False)


def with_stand_ins(region: Region, inside: set[Value], extents: Extents) -> Region:
    """The adjoint region, whose operands from `inside` that only give a shape are replaced."""
    made: dict[Value, Operand] = {}
    builder = Builder(role=Role.PRIMAL)

    def found(v: Value) -> Operand:
        if v not in made:
            made[v] = _stand_in(v, inside, extents, builder) or v
        return made[v]

    def visit(ops: list[Op]) -> list[Op]:
        result = []
        for op in ops:
            regions = tuple(Region(r.params, visit(r.ops), r.yields) for r in op.regions)
            position = SHAPE_ONLY.get(op.attrs["fn"]) if op.kind is O.APPLY else None
            operands = op.operands
            if position is not None:
                v = operands[position]
                if isinstance(v, Value) and v in inside:
                    operands = (*operands[:position], found(v), *operands[position + 1 :])
            if regions or operands is not op.operands:
                op = replace(op, operands=operands, regions=regions)
            result.append(op)
        return result

    ops = visit(region.ops)
    return Region(region.params, [*builder.block, *ops], region.yields)


def outlines(
    region: Region, kept: Sequence[Value], others: Iterable[Op], forward: list[Op]
) -> tuple[dict[Value, Value], list[Op]]:
    """What to keep in place of the arrays that only give their shape, and the body that makes it.

    `others` are operations that will stand in the adjoint region, too.
    """
    some_paths = {r for op in forward if op.regions for r in op.results}  # perhaps undefined
    arrays = [v for v in kept if isinstance(v.type, Array) and v not in some_paths]
    if not arrays:
        return {}, forward
    whole = {o for o in region.yields if isinstance(o, Value)}
    for op in (*walk(region), *others):
        only_shape = SHAPE_ONLY.get(op.attrs["fn"]) if op.kind is O.APPLY else None
        if op.kind is O.APPLY and op.attrs["fn"] is np.shape:
            only_shape = 0
        whole.update(o for k, o in enumerate(op.operands) if k != only_shape)  # type: ignore[misc]
        for inner in op.regions:
            whole.update(inner.yields)  # type: ignore[arg-type]
    found: dict[Value, Value] = {}
    made: dict[Value, Op] = {}
    for v in arrays:
        t = v.type
        assert isinstance(t, Array)
        if v not in whole and t.dtype is not None and t.dims:
            builder = Builder(role=Role.PRIMAL)
            outline = apply(builder, runtime.outline, [v])
            if isinstance(outline, Value):
                found[v], made[v] = outline, builder.block[0]
    if not found:
        return found, forward
    body = [made.pop(v) for v in found if not any(v in op.results for op in forward)]
    for op in forward:
        body.append(op)
        body += [made[r] for r in op.results if r in made]
    return found, body


def _stand_in(v: Operand, inside: set[Value], extents: Extents, b: Builder) -> Operand | None:
    """A value of the shape and dtype of `v` that is made of values from outside."""
    t = v.type
    if not isinstance(t, Array) or t.dtype is None or t.item:
        return None
    return _view(v, inside, extents, b) or _joined(v, inside, extents, b)


def _view(v: Operand, inside: set[Value], extents: Extents, b: Builder) -> Operand | None:
    """A value from outside with the shape and dtype of `v`, or a view of one."""
    lengths = extents.of(v)
    if not lengths or not isinstance(v.type, Array):
        return None
    base = lengths[0][0]
    if not isinstance(base, Value) or base in inside or not isinstance(base.type, Array):
        return None
    if base.type.dtype != v.type.dtype or len(dims_of(base.type) or ()) != len(lengths):
        return None
    if any(n[:2] != (base, k) for k, n in enumerate(lengths)):
        return None
    cuts = [n[2] for n in lengths]
    if not any(cuts):
        return base
    index = [Const(slice(less or None, None), SLICE) for less in cuts]
    return getitem_operands(b, base, index)


def _joined(v: Operand, inside: set[Value], extents: Extents, b: Builder) -> Operand | None:
    """Zeros of the shape that the operands of an elementwise function have together.

    They are the same in every iteration, so that they are made once, before the loop.
    """
    leaves = _leaves(v, inside, extents)
    if not leaves:
        return None
    parts = [_view(leaf, inside, extents, b) for leaf in leaves]
    total: Any = parts[0]
    if len(parts) > 1:
        zeros = [apply(b, np.zeros_like, [part]) for part in parts]
        total = functools.reduce(lambda x, y: apply(b, operator.add, [x, y]), zeros)
    same = isinstance(total.type, Array) and total.type.dtype == v.type.dtype  # type: ignore[attr-defined]
    return total if same else None


def _leaves(v: Operand, inside: set[Value], extents: Extents) -> list[Operand]:
    """Operands with stand-ins, of different shapes, that give an elementwise result its shape."""
    if _view(v, inside, extents, Builder()) is not None:
        return [v]
    op = extents.defining.get(v) if isinstance(v, Value) else None
    if op is None or op.kind is not O.APPLY or not is_elementwise(op.attrs["fn"]):
        return []
    found: list[Operand] = []
    for o in op.operands:
        if isinstance(o.type, Scalar) or (isinstance(o.type, Array) and o.type.item):
            continue
        leaves = _leaves(o, inside, extents)
        if not leaves:
            return []
        found += [leaf for leaf in leaves if not any(extents.same(leaf, x) for x in found)]
    return found
