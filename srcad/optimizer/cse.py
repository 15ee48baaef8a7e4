"""Common subexpression elimination: value numbering, scoped by region.

What holds afterwards: no pure operation is computed where its result is at hand already. The
names that the user gave win over guessed ones.

    >>> import numpy as np
    >>> from srcad.ir.abstract import MANY, Array
    >>> from srcad.ir.build import Builder
    >>> from srcad.ir.values import Param
    >>> from srcad.rules.symbols import apply
    >>> x, b = Value(Array("float64", (MANY,)), "x"), Builder()
    >>> y = apply(b, np.add, [apply(b, np.sin, [x]), apply(b, np.sin, [x])])
    >>> print(cse(Function("f", (Param(x, "x"),), Region((x,), b.block, (y,)), 0)))
    func f(%x: f64[*]) -> 0 {
      %sin_x: f64[*] = np.sin(%x)
      %t: f64[*] = np.add(%sin_x, %sin_x)
      yield %t
    }
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import Array, Scalar, kind_of
from srcad.ir.build import leaves
from srcad.ir.values import Function, Op, Operand, Region, Value, walk
from srcad.optimizer.facts import ADD, MUL, operand_key
from srcad.pristine import np

# Fresh memory is what these are called for: two results that are written to must stay two.
FRESH: frozenset[Any] = frozenset((
    np.array, np.copy, np.empty, np.empty_like, np.full, np.full_like, np.ones, np.ones_like,
    np.zeros, np.zeros_like, runtime.zeros_like,
))  # fmt: skip
_COMMUTATIVE: frozenset[Any] = frozenset((*ADD, *MUL))
_NUMBERS = frozenset("bifc")
_MERGED = frozenset((O.APPLY, O.GETITEM, O.FIELD, O.GLOBAL, O.PACK, O.CALL))


def cse(function: Function) -> Function:
    """The function without repeated operations; itself if there are none."""
    numbering = _Numbering(function)
    numbering.region(function.body)
    if not numbering.standing:
        return function
    return replace(function, body=_Rebuilt(numbering).region(function.body))


class _Numbering:
    """Finds for each repeated operation the one whose results stand for its own."""

    def __init__(self, function: Function) -> None:
        self.standing: dict[Value, Value] = {}
        self.known: dict[Hashable, Op] = {}  # by what they compute: of this region and those around
        self.repeated: set[int] = set()  # identities of operations that go
        self.inputs = set(leaves(dict(function.inputs)))
        self.opaque = any(map(O.runs_others_code, walk(function.body)))

    def region(self, region: Region) -> None:
        added = []
        for op in region.ops:
            for inner in op.regions:
                self.region(inner)
            key = self.key(op)
            if key is None:
                continue
            first = self.known.setdefault(key, op)
            if first is op:
                added.append(key)
            elif self.inputs.isdisjoint(op.results):
                self.repeated.add(id(op))
                for old, new in zip(op.results, first.results, strict=True):
                    self.standing[old] = self.standing.get(new, new)
        for key in added:
            del self.known[key]

    def key(self, op: Op) -> Hashable:
        """What an operation computes; None for one that must stay."""
        if op.kind not in _MERGED or not may_merge(op, self.opaque):
            return None
        operands: Any = tuple([self.operand_key(o) for o in op.operands])
        attrs = tuple([(k, attribute_key(v)) for k, v in op.attrs.items() if k != "joint"])
        if op.attrs.get("fn") in _COMMUTATIVE and all(map(_is_number, op.operands)):
            operands = frozenset(operands)
        return (op.kind, attrs, operands)

    def operand_key(self, operand: Operand) -> Hashable:
        if isinstance(operand, Value):
            return self.standing.get(operand, operand)
        return operand_key(operand)


def may_merge(op: Op, opaque: bool) -> bool:
    """Whether one result may serve in the place of two.

    Attributes of objects may change where there are opaque operations.
    """
    if op.kind is O.APPLY:
        return op.attrs["fn"] not in FRESH
    if op.kind is O.PACK:
        return bool(op.attrs["container"] == "tuple")
    if op.kind is O.FIELD:
        return not (opaque and op.attrs.get("attribute"))
    return op.kind is not O.CALL or not O.has_effect(op)


def attribute_key(value: Any) -> Hashable:
    """Equal for static attributes that no function can tell apart."""
    if isinstance(value, tuple):
        return tuple(map(attribute_key, value))
    if value is None or isinstance(value, (bool, int, float, complex, str, slice, np.generic)):
        return (type(value), repr(value))
    return id(value)


def _is_number(operand: Operand) -> bool:
    return isinstance(operand.type, (Scalar, Array)) and kind_of(operand.type) in _NUMBERS


class _Rebuilt:
    """Builds the regions again, with one value for each class of equal ones."""

    def __init__(self, numbering: _Numbering) -> None:
        self.repeated = numbering.repeated
        self.mapping: dict[Value, Value] = dict(numbering.standing)
        for old, new in numbering.standing.items():
            named = self.mapping.get(new, new)
            alike = old.role is new.role and old.type == new.type and new not in numbering.inputs
            if alike and old.named and not named.named:
                self.mapping[new] = old  # the user's name for it
        for old, new in numbering.standing.items():
            self.mapping[old] = self.mapping.get(new, new)

    def value(self, value: Value) -> Value:
        return self.mapping.get(value, value)

    def operands(self, operands: tuple[Operand, ...]) -> tuple[Operand, ...]:
        return tuple([self.value(o) if isinstance(o, Value) else o for o in operands])

    def region(self, region: Region) -> Region:
        ops = [self.operation(op) for op in region.ops if id(op) not in self.repeated]
        return Region(region.params, ops, self.operands(region.yields))

    def operation(self, op: Op) -> Op:
        regions = tuple(self.region(r) for r in op.regions)
        results = tuple([self.value(r) for r in op.results])
        operands = self.operands(op.operands)
        if not regions and operands == op.operands and results == op.results:
            return op  # of which more is known than of a copy
        return Op(op.kind, operands, op.attrs, results, regions, op.loc)
