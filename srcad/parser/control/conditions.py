"""Comparisons and conditions to IR: what is decided while compiling leaves no trace."""

from __future__ import annotations

import operator
import types
from typing import Any

import gast

from srcad.ir.abstract import (
    BOOL,
    NONE,
    OBJECT,
    STR,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    Scalar,
    TableOf,
    TupleOf,
    is_number,
)
from srcad.ir.values import Operand, Value
from srcad.parser.bindings import (
    SOURCE,
    Binding,
    BoundMethod,
    Closure,
    Derived,
    Known,
    LazyIterable,
    Maybe,
    ObjectParam,
    Ref,
    Struct,
    describe,
)
from srcad.parser.containers import reading
from srcad.parser.memory.optional import present_if

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_COMPARE: dict[type, Any] = {
    gast.Lt: operator.lt, gast.LtE: operator.le, gast.Gt: operator.gt, gast.GtE: operator.ge,
    gast.Eq: operator.eq, gast.NotEq: operator.ne,
}  # fmt: skip
_CONTAINS = """
result = False
for e in iterable:
    if e == item:
        result = True
        break
"""
_MEMBERSHIP = (gast.In, gast.NotIn)
_NESTED_TERMS = 8  # of `and` and `or`; longer chains are lowered without nesting


_ALL_EQUAL = """
result = True
for a, b in pairs:
    result = result and a == b
"""


class ConditionLowering(_Base):
    def truth_known(self, binding: Binding, node: gast.AST) -> Binding:
        truth = self.truth(binding, node)
        return Known(truth) if isinstance(truth, bool) else self.as_binding(truth)

    def truth(self, binding: Binding, node: gast.AST) -> bool | Operand:
        """Whether a condition holds: a bool if it is decided while compiling."""
        either = self.on_either([binding], lambda b: self.truth_known(b, node), node)
        if either is not None:
            return self.truth(either, node)
        decided: bool | Operand | None = self.truth_of_object(binding, node)
        if decided is not None:
            return decided
        binding = self.deref(binding)
        if isinstance(binding, Known):
            return bool(binding.value)
        if isinstance(binding, Maybe):
            return self.truth_of_optional(binding, node)
        if isinstance(binding, Struct):
            return bool(binding.items)
        if isinstance(binding, Value):
            if isinstance(binding.type, (TupleOf, DictOf)) or binding.type in (STR, OBJECT):
                self.require_static(binding, node, "a condition")
            return binding
        if isinstance(binding, ObjectParam):
            kind = type(binding.example)
            if hasattr(kind, "__bool__") or hasattr(kind, "__len__"):
                raise self.unsupported(
                    node, f"the truth of a {kind.__name__} cannot be decided while compiling",
                    "it may change from call to call", "test one of its attributes",
                )  # fmt: skip
            return True
        return True  # functions are true

    def condition(self, node: gast.AST) -> bool | Operand:
        """Whether a test holds: of its parts, only the truth matters."""
        return self.truth(self.tested(node), node)  # type: ignore[no-any-return]

    def tested(self, node: gast.AST) -> Binding:
        if isinstance(node, gast.BoolOp):
            return self.expr_BoolOp(node, is_test=True)
        return self.raw(node)

    def expr_BoolOp(self, node: gast.BoolOp, is_test: bool = False) -> Binding:
        is_and = isinstance(node.op, gast.And)
        nodes = list(node.values)
        lowered = self.tested if is_test else self.raw
        if len(nodes) <= _NESTED_TERMS or any(
            isinstance(part, gast.NamedExpr) for value in nodes for part in gast.walk(value)
        ):
            return self.lazy_chain(lowered(nodes[0]), nodes, is_and, is_test)
        # `a and b and c` is `(a and b) and c`, unless c reads a name that b sets: a long chain
        # becomes conditions one after the other, where nested blocks would be too deep.
        found = lowered(nodes[0])
        for left, right in zip(nodes, nodes[1:]):
            found = self.lazy_chain(found, [left, right], is_and, is_test)
        return found

    def lazy_chain(
        self, first: Binding, nodes: list[gast.AST], is_and: bool, is_test: bool = False
    ) -> Binding:
        """The value of `nodes`, joined by `and` or `or`; the first of them is lowered already.

        Of a test, the result need only be as true as that.
        """
        if len(nodes) == 1 and not is_test:
            return first
        truth = self.truth(first, nodes[0])
        decided = Known(truth) if is_test and isinstance(truth, bool) else first
        if len(nodes) == 1:
            return decided

        def rest() -> Binding:
            lowered = self.tested if is_test else self.raw
            return self.lazy_chain(lowered(nodes[1]), nodes[1:], is_and, is_test)

        if isinstance(truth, bool):
            return rest() if truth is is_and else decided
        true = first.value if isinstance(first, Maybe) else first
        if is_test and (
            isinstance(first, Maybe) or getattr(self.deref(first), "type", BOOL) != BOOL
        ):
            first = true = Known(not is_and)
        then, orelse = (rest, lambda: first) if is_and else (lambda: true, rest)
        return self.choose(truth, then, orelse, nodes[1])

    def expr_IfExp(self, node: gast.IfExp) -> Binding:
        truth = self.condition(node.test)
        if isinstance(truth, bool):
            return self.raw(node.body if truth else node.orelse)

        def side(outcome: bool, expression: gast.AST) -> Binding:
            self.present_after(present_if(node.test, outcome))
            return self.raw(expression)

        return self.choose(
            truth, lambda: side(True, node.body), lambda: side(False, node.orelse), node
        )

    def expr_Compare(self, node: gast.Compare) -> Binding:
        left = self.raw(node.left)
        return self.compare_chain(left, list(node.ops), list(node.comparators), node)

    def compare_chain(
        self, left: Binding, ops: list[gast.AST], nodes: list[gast.AST], node: gast.AST
    ) -> Binding:
        with self.in_use([left]):
            right = self.raw(nodes[0])
        result = self.compare(type(ops[0]), left, right, node)
        if len(ops) == 1:
            return result
        truth = self.truth(result, node)
        if isinstance(truth, bool):
            return self.compare_chain(right, ops[1:], nodes[1:], node) if truth else result
        return self.choose(
            truth, lambda: self.compare_chain(right, ops[1:], nodes[1:], node), lambda: result, node
        )

    def compare(self, op: type, left: Binding, right: Binding, node: gast.AST) -> Binding:
        both = self.on_either([left, right], lambda a, b: self.compare(op, a, b, node), node)
        if both is not None:
            return both
        for a, b in ((left, right), (right, left)):
            if isinstance(a, Maybe) and isinstance(b, Known) and b.value is None:
                if op in (gast.Is, gast.IsNot, gast.Eq, gast.NotEq):
                    return self.is_none(a, op in (gast.IsNot, gast.NotEq))
        left, right = self.certain(left, node), self.certain(right, node)
        if op in (gast.Is, gast.IsNot):
            if isinstance(left, Ref) and isinstance(right, Ref) and not (left.path or right.path):
                outside = [self.source_of(side) for side in (left, right)]
                both = left.cell is not right.cell and None not in outside
                if left.cell in right.cell.shared or both:
                    raise self.unsupported(
                        node, "`is` between these objects cannot be decided while compiling",
                        "they are one on some paths only", "compare with ==",
                    )  # fmt: skip
                return Known((left.cell is right.cell) is (op is gast.Is))
            left, right = self.deref(left), self.deref(right)
            if any(isinstance(b, Known) and b.value is None for b in (left, right)):
                for b in (left, right):  # generic code: the object itself decides
                    if isinstance(b, Value) and b.type == UNKNOWN and not self.origins(b):
                        fn = operator.is_ if op is gast.Is else operator.is_not
                        return self.apply(fn, [left, right], {}, node)
            for a, b in ((left, right), (right, left)):
                special = isinstance(a, Known) and (
                    isinstance(a.value, bool)
                    or (a.value is NotImplemented and not is_number(getattr(b, "type", UNKNOWN)))
                )
                if special and self.computed(b):
                    fn = operator.is_ if op is gast.Is else operator.is_not
                    return self.apply(fn, [b, a], {}, node)
            return Known(self.identical(left, right, node) is (op is gast.Is))
        if op not in _MEMBERSHIP:
            left, right = self.as_set(left), self.as_set(right)
        found = self.compare_object(_COMPARE.get(op), left, right, node)
        if found is not None:
            return found
        method = self.special_method(right, "__contains__", node) if op in _MEMBERSHIP else None
        if method is not None:
            inside = self.truth(self.call_binding(method, [left], {}, node), node)
            if isinstance(inside, bool):
                return Known(inside is (op is gast.In))
            inside = self.as_binding(inside)
            return inside if op is gast.In else self.apply(operator.not_, [inside], {}, node)
        left, right = self.deref(left), self.deref(right)
        if op in (gast.In, gast.NotIn):
            return self.contains(left, right, op is gast.NotIn, node)
        fn = _COMPARE[op]
        if isinstance(left, Known) and isinstance(right, Known):
            folded = self.fold(fn, left.value, right.value)
            if folded is not None:
                return folded
        if fn in (operator.eq, operator.ne) and isinstance(left, Struct | Known):
            decided = self.structurally_equal(left, right)
            if decided is not None:
                return Known(decided is (fn is operator.eq))
        if fn in (operator.eq, operator.ne):
            both = self.dictionaries_equal(left, right, node)
            if both is not None and fn is operator.ne:
                return self.call_known(operator.not_, [both], {}, node)
            if both is not None:
                return both
        for a, b in ((left, right), (right, left)):
            if isinstance(a, Known) and isinstance(a.value, str) and isinstance(b, Value):
                if isinstance(b.type, (Scalar, Array)):
                    return Known(fn is operator.ne)
        return self.apply(fn, [left, right], {}, node)

    def dictionaries_equal(
        self, left: Binding, right: Binding, node: gast.AST
    ) -> Binding | None:
        """`left == right` of two dictionaries of known keys; None for all else."""
        sides = [self.table_items(side, node) if self.is_dictionary(side) else None
                 for side in (left, right)]  # fmt: skip
        if sides[0] is None or sides[1] is None:
            return None
        if sides[0].keys() != sides[1].keys():
            return Known(False)
        if list(sides[0]) != list(sides[1]):
            raise self.unsupported(
                node,
                "dictionaries compared whose keys stand in another order",
                "dictionaries are equal then, but an OrderedDict is not equal to another",
                "compare sorted(d.items())",
            )
        pairs: list[Binding] = [
            Struct.sequence("tuple", (part, sides[1][key])) for key, part in sides[0].items()
        ]
        return self.lower_text(  # type: ignore[no-any-return]
            _ALL_EQUAL, node, pairs=Struct.sequence("tuple", pairs)
        )

    def structurally_equal(self, left: Binding, right: Binding) -> bool | None:
        if isinstance(left, Known) and left.value is None and isinstance(right, Value):
            return False if isinstance(right.type, Scalar) else None
        return None

    def computed(self, binding: Binding) -> bool:
        """Whether a value is made at run time; whether it is `True` is seen only then.

        That of a parameter or global is asked for while compiling, where it may be a bool.
        """
        if not isinstance(binding, Value) or binding.type in (STR, OBJECT, NONE):
            return False
        outside = binding in self.param_origins or any(
            v is binding for v in self.context.globals_read.values()
        )
        return binding.type == UNKNOWN or not outside

    def identical(self, left: Binding, right: Binding, node: gast.AST) -> bool:
        """`a is b`, decided while compiling."""
        for a, b in ((left, right), (right, left)):
            if isinstance(a, Known) and isinstance(b, Known):
                return a.value is b.value
            if isinstance(a, Known) and isinstance(b, Value):
                if b.type in (UNKNOWN, OBJECT) and a.value is None:
                    self.require_static(b, node, "`is`")
                if a.value is None or isinstance(a.value, (str, type, types.FunctionType)):
                    return b.type == NONE
                if isinstance(a.value, bool) and b.type != BOOL:
                    return False
                if is_number(b.type) and a.value is NotImplemented:
                    return False
                self.require_static(b, node, "`is`")
            source = self.source_of(b)
            if isinstance(a, Known) and source is not None:
                return self.is_object(source, a.value)
            if isinstance(a, Known) and isinstance(b, (Struct, Closure, BoundMethod, Derived)):
                return False
        if isinstance(left, Value) and left is right:
            return True
        if isinstance(left, LazyIterable) or isinstance(right, LazyIterable):
            return left is right
        raise self.unsupported(
            node, "`is` between these values cannot be decided while compiling",
            f"left is {describe(left)}, right is {describe(right)}", "compare with ==",
        )  # fmt: skip

    def source_of(self, binding: Binding) -> ObjectParam | None:
        """Where an object of the caller is read from; None for anything else."""
        if isinstance(binding, ObjectParam):
            return binding
        content = self.deref(binding)
        if isinstance(content, Struct) and content.kind == "object":
            found = dict(content.items).get(SOURCE)
            return found if isinstance(found, ObjectParam) else None
        return None

    def is_object(self, source: ObjectParam, known: Any) -> bool:
        """Whether an object of the caller is this known object, now and in later calls."""
        found = known is source.example
        if known is not None:  # else its class has been noted
            what = "is" if found else "is not"
            self.argument_assumptions.append((source.name, source.path, what, known))
        return found

    def contains(self, item: Binding, box: Binding, negated: bool, node: gast.AST) -> Binding:
        box = self.iterable(box, node)
        if isinstance(box, LazyIterable):
            found = self.lower_text(_CONTAINS, node, iterable=box, item=item)
            return self.apply(operator.not_, [found], {}, node) if negated else found
        if isinstance(item, Known) and isinstance(box, Known):
            if reading.is_foreign(box.value):
                there = reading.read(self, reading.contains, (box.value, item.value), node)
                return Known(there.value is not negated)  # type: ignore[union-attr]
            fn = (lambda a, b: a not in b) if negated else (lambda a, b: a in b)
            folded = self.fold(fn, item.value, box.value)
            if folded is not None:
                return folded
        if isinstance(box, Struct) and box.kind == "dict" and not box.items:
            return Known(negated)
        if isinstance(box, Struct) and isinstance(item, Known):
            if box.kind == "dict":
                return Known((item.value in [k for k, _ in box.items]) is not negated)
            if all(isinstance(p, Known) for p in box.parts):
                values = [p.value for p in box.parts if isinstance(p, Known)]
                return Known((item.value in values) is not negated)
        table = self.table_of(box, item, node)
        if table is not None:
            found = self.table_contains(item, table, node)
            return self.apply(operator.not_, [found], {}, node) if negated else found
        if isinstance(item, Value) or isinstance(box, Struct):
            options = box.value if isinstance(box, Known) else None
            if isinstance(options, (tuple, list, set, frozenset, range)) or isinstance(box, Struct):
                parts = list(box.parts) if isinstance(box, Struct) else [Known(v) for v in options]  # type: ignore[union-attr]
                result: Binding = Known(False)
                for part in parts:
                    test = self.compare(gast.Eq, item, part, node)
                    truth = self.truth(test, node)
                    if isinstance(truth, bool):
                        if truth:
                            result = Known(True)
                            break
                        continue
                    before = result
                    if isinstance(before, Known):
                        result = test
                    else:
                        result = self.choose(
                            self.operand(before, node), lambda b=before: b, lambda t=test: t, node
                        )
                if not negated:
                    return result
                return (
                    Known(not result.value)
                    if isinstance(result, Known)
                    else self.apply(operator.not_, [result], {}, node)
                )
        if isinstance(box, Value) and (isinstance(box.type, ListOf) or box.type == STR):
            found = self.apply(operator.contains, [box, item], {}, node)
            return self.apply(operator.not_, [found], {}, node) if negated else found
        raise self.unsupported(
            node, "`in` on these values cannot be differentiated yet",
            f"{describe(item)} in {describe(box)}", "compare the elements in a loop",
        )  # fmt: skip

    def table_of(self, box: Binding, key: Binding, node: gast.AST) -> Value | None:
        """A dictionary with keys of the run, or one that is asked for such a key."""
        if isinstance(box, LazyIterable) and box.kind == "table_view" and box.detail == "keys":
            box = self.deref(box.parts[0])
        if isinstance(box, Value):
            return box if isinstance(box.type, TableOf) else None
        if isinstance(box, Struct) and not box.items:
            return None
        if self.is_dictionary(box) and self.is_run_key(self.settled(key)):
            found: Value | None = self.as_table_value(box, node)
            return found
        return None
