"""Operations that may raise, and their upkeep in derivatives that return the primal's result.

What holds after `keep_raising`: an operation of the user's that Python may stop at has a reader,
so dead code elimination keeps it: `value_and_grad`, `vjp` and `jvp` raise what the function itself
raises. `grad` does not return the result, so it may leave such an operation out.

After `keep_reads`, so has a variable of the user's that may be unbound where an expression names
it: Python raises an UnboundLocalError there, whether a derivative needs the value or not.

What an operation may raise is decided by types: indices, divisions and powers of Python numbers,
functions of `math`, conversions, singular matrices, extrema of empty arrays. Elementwise NumPy
does not raise; arrays that do not fit together are not looked for.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping

import gast

from srcad.errors import Loc
from srcad.ir import ops as O
from srcad.ir.abstract import NONE, SLICE, UNKNOWN, Array, Scalar, Type, kind_of, rank_of
from srcad.ir.text import callees
from srcad.ir.undefined import possibly_undefined, values_read
from srcad.ir.values import UNDEFINED, Const, Function, Op, Operand, Region, Value, walk
from srcad.optimizer.dce import dce
from srcad.pristine import math, np

_DIVISIONS = frozenset((operator.truediv, operator.floordiv, operator.mod, divmod))
_POWERS = frozenset((operator.pow, pow, np.power))
_SHIFTS = frozenset((operator.lshift, operator.rshift))
_EXTREMA = frozenset((np.max, np.min, np.argmax, np.argmin, np.ptp, np.nanmax, np.nanmin))
_SAFE_MATH = frozenset((
    math.fabs, math.atan, math.atan2, math.copysign, math.degrees, math.radians, math.isnan,
    math.isinf, math.isfinite, math.tanh, math.asinh, math.erf, math.erfc, math.hypot,
))  # fmt: skip
_SAFE_LINALG = frozenset((np.linalg.norm, np.linalg.det, np.linalg.slogdet))


def may_raise(op: Op) -> bool:
    """Whether Python may stop at an operation (itself, not one in a region of it)."""
    if op.kind in (O.SETITEM, O.ADD_AT):
        return True
    if op.kind is O.GETITEM:
        return _index_may_fail(op)
    if op.kind is O.CALL:
        function = op.attrs["callee"]
        inner = (function, *callees(function))
        return any(o.kind is not O.CALL and may_raise(o) for f in inner for o in walk(f.body))
    return op.kind is O.APPLY and _application_may_fail(op)


def _index_may_fail(op: Op) -> bool:
    x, *parts = op.operands
    taken = [p for p in parts if p.type != NONE and not _is_ellipsis(p)]
    if any(p.type != SLICE for p in taken):
        return True
    rank = rank_of(x.type)
    return rank is not None and len(taken) > rank


def _is_ellipsis(part: Operand) -> bool:
    return isinstance(part, Const) and part.value is Ellipsis


def _application_may_fail(op: Op) -> bool:
    fn, types = op.attrs["fn"], [o.type for o in op.operands]
    if fn in _DIVISIONS:
        divisor = op.operands[-1]
        nonzero = isinstance(divisor, Const) and bool(divisor.value)
        return not nonzero and all(map(_may_be_python_number, types))
    if fn in _POWERS:
        whole = all(kind_of(t) in ("i", "b") for t in types)
        return whole or (fn is not np.power and all(map(_may_be_python_number, types)))
    if fn in _SHIFTS:
        return all(map(_may_be_python_number, types))
    if fn in (int, round):  # of infinity and NaN
        return kind_of(types[0]) not in ("i", "b")
    if fn in (float, complex):  # of more than one element
        return not isinstance(types[0], Scalar)
    if fn in _EXTREMA:
        return True
    module = getattr(fn, "__module__", None) or ""
    if module == "math":
        return fn not in _SAFE_MATH
    return module.startswith("numpy.linalg") and fn not in _SAFE_LINALG


def _may_be_python_number(t: Type) -> bool:
    return isinstance(t, Scalar) or t == UNKNOWN or (isinstance(t, Array) and t.dtype is None)


def keep_raising(function: Function) -> Function:
    """Give a reader to each operation that may raise and that nothing needs.

    It is for a primal as lowered, before anything is derived: the functions that it calls get
    their readers in place; those that are derivatives of others are left alone.
    """
    for f in (*callees(function), function):
        if f.derivation is None:
            needed = {r for op in walk(dce(f).body) for r in op.results}
            defining = {r: op for op in walk(f.body) for r in op.results}
            _keep(f.body, needed, defining)
    return function


def keep_reads(function: Function) -> Function:
    """Give a reader to each variable that may be unbound, where an expression names it first.

    For a primal as lowered, too. The emitter leaves out what the text reads there anyway.
    """
    for f in (*callees(function), function):
        unset = {v for v in possibly_undefined(f.body.ops) if v.named}
        if f.derivation is None and unset:
            defining = {r: op for op in walk(f.body) for r in op.results}
            seen = _read_first(f.body, unset, frozenset(), {}, defining)
            returned = [v for v in f.body.yields if isinstance(v, Value) and v in unset - seen]
            f.body.ops = [*f.body.ops, *(_reader(v, f.loc) for v in dict.fromkeys(returned))]
    return function


def _read_first(
    region: Region,
    unset: set[Value],
    seen: frozenset[Value],
    flags: Mapping[Value, bool],
    defining: Mapping[Value, Op],
) -> frozenset[Value]:
    """`flags` are the conditions that hold, or do not, where the region runs."""
    kept: list[Op] = []
    for op in region.ops:
        for value in () if op.attrs.get("joint") else values_read(op):
            if value in unset - seen and not _is_bound(value, unset, flags, defining):
                kept.append(_reader(value, op.loc))
                seen |= {value}
        for k, inner in enumerate(op.regions):
            if op.kind is O.IF:
                here = {**flags, **_decided(op.operands[0], k == 0, defining)}
                _read_first(inner, unset, seen, here, defining)
            elif op.kind is not O.WHILE or k > 0:  # not the condition
                _read_first(inner, unset, seen, flags, defining)
        kept.append(op)
    region.ops = kept
    return seen


def _decided(
    condition: Operand, holds: bool, defining: Mapping[Value, Op]
) -> dict[Value, bool]:
    """What is known of flags in a branch."""
    found: dict[Value, bool] = {}
    while isinstance(condition, Value):
        found[condition] = holds
        made = defining.get(condition)
        if made is None or made.attrs.get("fn") is not operator.not_:
            break
        condition, holds = made.operands[0], not holds
    return found


def _is_bound(
    value: Value, unset: set[Value], flags: Mapping[Value, bool], defining: Mapping[Value, Op]
) -> bool:
    """Whether a value is set on all paths that give the flags: `if not returned: z`."""
    made = defining.get(value)
    if made is None or made.kind is not O.IF:
        return value not in unset
    known = [(k, flags[r]) for k, r in enumerate(made.results) if r in flags]
    for region in made.regions:
        given = [(region.yields[k], holds) for k, holds in known]
        if any(isinstance(y, Const) and y.value is not holds for y, holds in given):
            continue  # this path is another one
        source = region.yields[made.results.index(value)]
        here = {y: holds for y, holds in given if isinstance(y, Value)}
        if source is UNDEFINED:
            return False
        if isinstance(source, Value) and not _is_bound(source, unset, here, defining):
            return False
    return True


def _reader(value: Value, loc: Loc | None) -> Op:
    template = gast.Expr(gast.Name("$0", gast.Load(), None, None))
    return Op(O.OPAQUE, (value,), {"template": template, "reader": True}, (), (), loc)


def _keep(region: Region, needed: set[Value], defining: dict[Value, Op]) -> None:
    kept: list[Op] = []
    for op in reversed(region.ops):
        unused = op.results and not needed.intersection(op.results)
        if unused and may_raise(op) and not op.attrs.get("joint"):
            kept.append(_reader(op.results[0], op.loc))
            _need(op.results, needed, defining)
        for inner in reversed(op.regions):
            _keep(inner, needed, defining)
        kept.append(op)
    region.ops = kept[::-1]


def _need(values: Iterable[Operand], needed: set[Value], defining: dict[Value, Op]) -> None:
    """Note that values, and what they are computed from, have readers."""
    todo = list(values)
    while todo:
        value = todo.pop()
        if isinstance(value, Value) and value not in needed:
            needed.add(value)
            if value in defining:
                todo += defining[value].operands
