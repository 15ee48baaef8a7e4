"""What rewrites may rely on beyond the types: exact kinds, numbers of uses, unseen signs of zero.

A type is what is known of a value on every path. Where paths of different kinds meet
(``y = 0`` before a loop that makes it a float) it is wider than some of the values, which such a
type must not be used to simplify: ``y * 1.0`` is not ``y`` if `y` is the integer 0.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Hashable, Sequence, Set

from srcad import runtime
from srcad.ir import ops as O
from srcad.ir.abstract import (
    FLOAT,
    INT,
    OBJECT,
    UNDEF,
    UNKNOWN,
    Array,
    ListOf,
    Scalar,
    TableOf,
    TupleOf,
    Type,
)
from srcad.ir.text import callees
from srcad.ir.values import Const, Function, Op, Operand, Region, Value
from srcad.pristine import math, np
from srcad.rules.inference import MISSING, Call
from srcad.rules.registry import lookup

ADD, SUB = (operator.add, np.add), (operator.sub, np.subtract)
MUL, DIV = (operator.mul, np.multiply), (operator.truediv, np.true_divide)
NEG = (operator.neg, np.negative)
MATMUL = (operator.matmul, np.matmul)
POWER = (operator.pow, pow, np.power)
_ARITHMETIC = frozenset((*ADD, *SUB, *MUL, *DIV))
_ONE_OF_MANY = (max, min, sum, runtime.select)  # on Python numbers, one of them as it is
_AS_GIVEN = (runtime.broadcast_like, runtime.unbroadcast)  # a number stays the number that it is


def operand_key(operand: Operand) -> Hashable:
    """Equal for operands that no program can tell apart."""
    if isinstance(operand, Value):
        return operand
    return operand.key() if _is_plain(operand.type) else id(operand.value)


def _is_plain(t: Type) -> bool:
    """Whether the text of a constant says all of it, as it does not of any object."""
    if isinstance(t, TupleOf):
        return t.elems is not None and all(map(_is_plain, t.elems))
    return t not in (OBJECT, UNKNOWN, UNDEF)


def same_operand(x: Operand, y: Operand) -> bool:
    return x is y or operand_key(x) == operand_key(y)


class Uses:
    """Who reads each value of a function; a yield counts as a use without a reader."""

    def __init__(self, function: Function) -> None:
        self.readers: dict[Value, list[tuple[Op | None, int]]] = defaultdict(list)
        self._unseen: dict[Value, bool] = {}
        self._region(function.body)

    def _region(self, region: Region) -> None:
        for op in region.ops:
            self._note(op, op.operands)
            for inner in op.regions:
                self._region(inner)
        self._note(None, region.yields)

    def _note(self, op: Op | None, operands: Sequence[Operand]) -> None:
        for position, operand in enumerate(operands):
            if isinstance(operand, Value):
                self.readers[operand].append((op, position))

    def single(self, value: Operand) -> bool:
        """Whether a value is read at most once."""
        return isinstance(value, Value) and len(self.readers.get(value, ())) <= 1

    def takes_sign(self, value: Operand) -> bool:
        """Whether the only reader of a value can take up its sign: c + (-x) is c - x."""
        readers = self.readers.get(value, ()) if isinstance(value, Value) else ()
        if len(readers) != 1:
            return False
        op, position = readers[0]
        fn = op.attrs.get("fn") if op is not None else None
        return fn in ADD or fn in NEG or (fn in SUB and position == 1)

    def zero_sign_unseen(self, value: Value) -> bool:
        """Whether no result can tell 0.0 from -0.0 in (the elements of) `value`."""
        if value not in self._unseen:
            readers = self.readers.get(value, ())  # none are known of a new value
            self._unseen[value] = bool(readers) and all(
                op is not None and self._hides(op, position) for op, position in readers
            )
        return self._unseen[value]

    def _hides(self, op: Op, position: int) -> bool:
        """Whether the results are the same for 0.0 and -0.0 in one operand, as far as is seen."""
        if op.kind is O.GETITEM:
            return position == 0 and self.zero_sign_unseen(op.result)
        if op.kind is not O.APPLY:
            return False
        fn = op.attrs["fn"]
        if fn in _FORGET_SIGN:
            return True
        if fn in _SHIFTS and constant_factor(op.operands[1 - position]) not in (None, 0):
            return True
        passes = fn in _PASS_SIGN or (fn in _PASS_SIGN_OF_FIRST and position == 0)
        return passes and self.zero_sign_unseen(op.result)


# Equal results for 0.0 and -0.0.
_FORGET_SIGN = frozenset((
    np.exp, math.exp, np.cos, math.cos, np.cosh, math.cosh, abs, operator.abs, np.absolute,
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
))  # fmt: skip
_SHIFTS = frozenset((*ADD, *SUB))  # ... and these, if the other operand is a constant, not zero
# Results for 0.0 and -0.0 that differ at most in the sign of a zero.
_PASS_SIGN = frozenset((
    *_ARITHMETIC - frozenset(DIV), *NEG, *MATMUL, np.sum, np.transpose, np.sin, math.sin,
    np.tanh, math.tanh,
))  # fmt: skip
_PASS_SIGN_OF_FIRST = frozenset((*DIV, np.reshape, runtime.broadcast_like))


# These give lists of just the elements that they are given; of others it is not known.
_LISTS = frozenset((
    runtime.appended, runtime.with_last, runtime.popped, runtime.joined, runtime.repeated,
    runtime.zeros_list, runtime.sorting_order, runtime.list_like,
))  # fmt: skip


_CONTAINERS = (ListOf, TableOf)


def constant_factor(operand: Operand) -> float | None:
    """The value of a real constant (True is none)."""
    value = operand.value if isinstance(operand, Const) else None
    return value if type(value) in (int, float) else None  # type: ignore[return-value]


def loose_values(
    function: Function, at_calls: Set[Value] | None = None, judged: dict[Op, bool] | None = None
) -> set[Value]:
    """Values that may be of another kind or dtype at run time than their type says.

    `at_calls` are those among the parameters of functions and the results of calls. By default
    the calls are followed, and the values are those of all functions. `judged` is what was found
    of single applications when the function was looked at before; it is extended.
    """
    functions = [function, *callees(function)] if at_calls is None else [function]
    found = _Loose(set(at_calls or ()), at_calls is None, {} if judged is None else judged)
    for f in functions:  # the elements of a list were joined to one type
        lists = [p for p in f.params if isinstance(p.value.type, _CONTAINERS)]
        found.loose.update(p.value for p in lists if not p.exact)
        found.region(f.body)
    found.follow()
    return found.loose


def same_kind(have: Type, want: Type) -> bool:
    """Whether a value of type `have` is what `want` says, dimensions aside."""
    if have == want or have == UNDEF or want == UNKNOWN:
        return True
    if isinstance(have, Array) and isinstance(want, Array):
        return want.dtype is None or (have.dtype == want.dtype and have.item == want.item)
    if isinstance(have, ListOf) and isinstance(want, ListOf):
        return same_kind(have.elem, want.elem)
    if isinstance(have, TableOf) and isinstance(want, TableOf):
        return same_kind(have.key, want.key) and same_kind(have.elem, want.elem)
    if isinstance(have, TupleOf) and isinstance(want, TupleOf):
        if have.elems is None or want.elems is None:
            return want.elems is None
        if len(have.elems) != len(want.elems):
            return False
        return all(same_kind(h, w) for h, w in zip(have.elems, want.elems, strict=True))
    return False


def inferred_type(op: Op, operands: tuple[Operand, ...]) -> Type:
    """The type of an application's result for these operands."""
    rule = lookup(op.attrs["fn"])
    if rule is None:
        return op.result.type
    constants = tuple([o.value if isinstance(o, Const) else MISSING for o in operands])
    statics = op.statics
    return rule.infer(Call(rule.fn, tuple([o.type for o in operands]), constants, statics))


def _dtype(t: Type) -> str | None:
    return t.kind if isinstance(t, Scalar) else t.dtype if isinstance(t, Array) else None


def _keeps_dtype(given: Type, t: Type) -> bool:
    """Whether an array of a given number, or that number, is of type `t`."""
    if not isinstance(t, Array) or not t.dims:
        return given == t
    return given == FLOAT if isinstance(given, Scalar) else _dtype(given) == t.dtype


class _Loose:
    """Finds what is loose by itself, and notes by way of what the others would be."""

    def __init__(self, loose: set[Value], follows_calls: bool, judged: dict[Op, bool]) -> None:
        self.loose = loose
        self.follows_calls = follows_calls
        self.judged = judged
        self.flows: list[tuple[Sequence[Operand], tuple[Value, ...]]] = []
        self.applications: list[Op] = []  # that are loose only if their operands are

    def follow(self) -> None:
        """Add what is loose because what it is computed from is."""
        if not self.loose:
            return
        flows: dict[Operand, list[tuple[Sequence[Operand], tuple[Value, ...]]]]
        flows = defaultdict(list)  # by source: all that have to be loose, what is so then
        for sources, results in self.flows:
            for source in sources:
                flows[source].append(((source,), results))
        for op in self.applications:
            deciding = _deciding(op)
            for source in deciding or op.operands:
                flows[source].append((deciding or (source,), op.results))
        todo: list[Operand] = list(self.loose)
        while todo:
            for sources, results in flows.get(todo.pop(), ()):
                if all(o in self.loose for o in sources):
                    more = [r for r in results if r not in self.loose]
                    self.loose.update(more)
                    todo += more

    def region(self, region: Region) -> None:
        for op in region.ops:
            if op.kind is O.IF:
                self._branches(op)
            elif op.kind is O.FOR:
                self._for(op)
            elif op.kind is O.WHILE:
                self._while(op)
            elif op.kind is O.APPLY:
                self._application(op)
            elif self._operation(op):
                self.loose.update(op.results)

    def _operation(self, op: Op) -> bool:
        """Whether the results are loose whatever the operands are; else notes the flow."""
        sources = op.operands
        if op.kind in (O.GETITEM, O.SETITEM, O.ADD_AT):
            stored = op.operands[1:2] if op.kind is not O.GETITEM else ()
            x = op.operands[0]
            sources = (x, *stored) if isinstance(x.type, _CONTAINERS) else (x,)
        elif op.kind is O.CALL:
            if self.follows_calls:
                self._call(op)
            return False
        elif op.kind is O.OPAQUE:
            return True
        elif op.kind in (O.FIELD, O.GLOBAL) and isinstance(op.result.type, _CONTAINERS):
            return True
        elif op.kind is O.PACK and isinstance(op.result.type, _CONTAINERS):
            if any(not same_kind(o.type, op.result.type.elem) for o in op.operands):
                return True
        elif op.kind is O.PACK and isinstance(op.result.type, TupleOf):
            if not same_kind(TupleOf(tuple(o.type for o in op.operands)), op.result.type):
                return True
        self.flows.append((sources, op.results))
        return False

    def _application(self, op: Op) -> None:
        fn = op.attrs["fn"]
        if fn in (float, runtime.zeros_list) or getattr(fn, "__module__", None) == "math":
            return
        if op not in self.judged:
            self.judged[op] = self._is_loose(op)
        if self.judged[op]:
            self.loose.add(op.result)
        else:
            self.applications.append(op)

    def _is_loose(self, op: Op) -> bool:
        """Whether an application may give another kind although its operands are certain."""
        fn, t = op.attrs["fn"], op.result.type
        choices = op.operands[1:] if fn is runtime.select else op.operands
        if isinstance(t, ListOf) and fn not in _LISTS:
            return True
        if fn in _ONE_OF_MANY and any(o.type != t for o in choices):
            return True
        if fn in POWER and isinstance(t, Scalar) and not _is_plain_power(op):
            return True
        if fn in _AS_GIVEN and not _keeps_dtype(op.operands[0].type, t):
            return True
        # an operand may have been replaced by one that is known better
        return not same_kind(inferred_type(op, op.operands), t)

    def _join(self, result: Value, sources: Sequence[Operand]) -> None:
        if all(same_kind(s.type, result.type) for s in sources):
            self.flows.append((sources, (result,)))
        else:
            self.loose.add(result)

    def _call(self, op: Op) -> None:
        callee: Function = op.attrs["callee"]
        for param, given in zip(callee.body.params, op.operands, strict=True):
            self._join(param, (given,))
        for result, found in zip(op.results, callee.body.yields, strict=True):
            self._join(result, (found,))

    def _branches(self, op: Op) -> None:
        for region in op.regions:
            self.region(region)
        for result, *sources in zip(op.results, *(r.yields for r in op.regions), strict=True):
            self._join(result, sources)

    def _for(self, op: Op) -> None:
        view = O.ForView(op)
        for element, stream in zip(view.elements, view.streams, strict=True):
            self.flows.append(((stream,), (element,)))
        self.region(view.body)
        self._loop(view)

    def _while(self, op: Op) -> None:
        view = O.WhileView(op)
        self.region(view.cond)
        self.region(view.body)
        self._loop(view)
        for of_cond, carry in zip(view.cond_carries, view.carries, strict=True):
            self.flows.append(((carry,), (of_cond,)))

    def _loop(self, view: O.ForView | O.WhileView) -> None:
        for param, final, *sources in zip(
            view.carries, view.finals, view.inits, view.next_carries, strict=True
        ):
            self._join(param, sources)
            self._join(final, sources)
        for collected, emitted in zip(view.lists, view.emits, strict=True):
            if same_kind(ListOf(emitted.type), collected.type):
                self.flows.append(((emitted,), (collected,)))
            else:
                self.loose.add(collected)


def _deciding(op: Op) -> list[Operand]:
    """The operands of arithmetic that decide the kind of the result, if one of them is certain."""
    if op.attrs["fn"] not in _ARITHMETIC:
        return []
    t = _dtype(op.result.type)
    return [o for o in op.operands if _dtype(o.type) == t is not None]


def _is_plain_power(op: Op) -> bool:
    """Whether a power of Python numbers is of the kind that its type says.

    A negative base with a fractional exponent gives a complex number, an integer with a negative
    exponent a float.
    """
    base, exponent = op.operands[:2]
    if base.type == FLOAT and exponent.type == INT:
        return True
    if not isinstance(exponent, Const):
        return False
    n = exponent.value
    return (isinstance(n, int) and n >= 0) or (isinstance(n, float) and n.is_integer())
