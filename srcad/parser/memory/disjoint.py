"""Arguments that may be one object: a check at run time, where one of them is changed.

What holds afterwards: if two arguments share memory and one of them is written, the function
raises AliasingError before it does anything. Where no argument is written nothing is checked.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping

import gast

from srcad import runtime
from srcad.errors import AliasingError
from srcad.ir import ops as O
from srcad.ir.abstract import OBJECT, UNKNOWN, Array, ListOf, TableOf, kind_of
from srcad.ir.build import Builder, if_op
from srcad.ir.values import Const, Op, Operand, Region, Value, walk
from srcad.parser.bindings import Cell
from srcad.parser.memory.parts import holds_objects
from srcad.pristine import np
from srcad.rules.symbols import apply


def checks(
    memory: Mapping[Cell, Value], written: Iterable[Cell], body: Region, parts: bool = False
) -> list[Op]:
    """The operations that raise where arguments overlap.

    Parameters
    ----------
    memory
        The value of each argument, or part of one, that is a mutable object.
    written
        What of it is changed; memory that is no key of `memory` may be any of it.
    body
        What the function does: what that does not read may overlap.
    parts
        Whether elements of lists or dictionaries are changed.
    """
    written = set(written)
    if not written <= memory.keys():
        written = set(memory)
    read = _values(body.yields)
    for op in walk(body):
        read |= _values(op.operands)
        for region in op.regions:
            read |= _values(region.yields)
    builder = Builder()
    known = dict.fromkeys(memory.values())
    cells = list(memory)
    for i, cell in enumerate(cells):
        for other in cells[i + 1 :]:
            pair = (memory[cell], memory[other])
            if (cell in written or other in written) and read.issuperset(pair):
                _check(builder, *pair)
    inner = {op.result for op in body.ops if op.kind is O.FIELD and op.operands[0] in known}
    containers = [
        v for v in known if v not in inner and isinstance(v.type, (Array, ListOf, TableOf))
    ]
    parts = parts or any(isinstance(memory[c].type, (ListOf, TableOf)) for c in written)
    if parts and any(holds_objects(v.type) for v in containers):
        shared = apply(builder, runtime.share_parts, containers)
        names = ", ".join(f"`{v.name}`" for v in containers)
        _raise_if(builder, shared, f"an element stands in {names} twice, and elements are changed")
    return builder.block


def _values(operands: Iterable[Operand]) -> set[Value]:
    return {o for o in operands if isinstance(o, Value)}


def _check(builder: Builder, x: Value, y: Value) -> None:
    arrays = [isinstance(v.type, Array) or v.type == UNKNOWN for v in (x, y)]
    if any(arrays) and not all(arrays):
        return
    if not any(arrays):
        same = apply(builder, operator.is_, [x, y])
    elif _related(x, y):
        same = apply(builder, np.may_share_memory, [x, y])
    else:
        return
    _raise_if(builder, same, f"`{x.name}` and `{y.name}` share memory, and one of them is changed")


def _raise_if(builder: Builder, shared: Operand, what: str) -> None:
    text = f"{what}. Instead: pass a copy"
    call = gast.Call(gast.Name("$0", gast.Load(), None, None), [gast.Constant(text, None)], [])
    template = gast.Raise(call, None)
    ending = Op(O.RAISE, (Const(AliasingError, OBJECT),), {"template": template}, ())
    builder.append(if_op(shared, Region((), [ending], ()), Region((), [], ()), ()))


def _related(x: Value, y: Value) -> bool:
    """Whether two arrays can be views of one, as their dtypes are: no floats among integers."""
    kinds = [kind_of(v.type) for v in (x, y)]
    return None in kinds or kinds[0] == kinds[1] or set(kinds) == {"f", "c"}
