"""Expressions to IR. What is known while compiling is computed; the rest becomes operations."""

from __future__ import annotations

import operator
import types
from typing import Any

import gast
import numpy as np

from srcad.ir import ops as O
from srcad.ir.abstract import (
    BOOL,
    INT,
    NONE,
    OBJECT,
    SLICE,
    STR,
    UNKNOWN,
    Array,
    DictOf,
    ListOf,
    Scalar,
    TupleOf,
    Type,
    join,
    rank_of,
    type_of_value,
)
from srcad.ir.build import if_op
from srcad.ir.values import Const, Operand, Region, Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Closure,
    Derived,
    Known,
    ObjectParam,
    Poison,
    Struct,
    describe,
)
from srcad.parser.frames import Diverges, Frame, builtin_names, is_data, mangled
from srcad.parser.iteration import RangeBinding
from srcad.parser.statements import OPERATORS
from srcad.rules import indexing
from srcad.rules.registry import ARRAY
from srcad.rules.symbols import apply_operands, getitem_operands, pack

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_COMPARE: dict[type, Any] = {
    gast.Lt: operator.lt, gast.LtE: operator.le, gast.Gt: operator.gt, gast.GtE: operator.ge,
    gast.Eq: operator.eq, gast.NotEq: operator.ne,
}  # fmt: skip
_UNARY: dict[type, Any] = {
    gast.USub: operator.neg, gast.UAdd: operator.pos, gast.Invert: operator.invert,
    gast.Not: operator.not_,
}  # fmt: skip
_REFUSED = {
    "ListComp": ("a list comprehension", "write a `for` loop, or an array expression"),
    "SetComp": ("a set comprehension", "write a `for` loop"),
    "DictComp": ("a dict comprehension", "write the dictionary out"),
    "GeneratorExp": ("a generator expression", "write a `for` loop, or an array expression"),
    "Set": ("a set", "use a tuple"),
    "Await": ("`await`", "use a plain function"),
    "Yield": ("`yield`", "return the values as a tuple"),
    "YieldFrom": ("`yield from`", "return the values as a tuple"),
}
_PLAIN_ERRORS = (ArithmeticError, TypeError, ValueError, LookupError, AttributeError)


class ExpressionLowering(_Base):
    def expression(self, node: gast.AST, statement: bool = False) -> Binding:
        name = type(node).__name__
        if statement and isinstance(node, gast.Call):
            return self.expr_Call(node, statement=True)
        method = getattr(self, f"expr_{name}", None)
        if method is None:
            what, advice = _REFUSED.get(name, (f"`{name}`", "write it with supported expressions"))
            raise self.unsupported(
                node, f"{what} cannot be differentiated yet", "srcad does not follow it", advice
            )
        return method(node)

    # ------------------------------------------------------------------ leaves
    def expr_Constant(self, node: gast.Constant) -> Binding:
        return Known(node.value)

    def expr_Name(self, node: gast.Name) -> Binding:
        return self.lookup(node.id, node)

    def lookup(self, name: str, node: gast.AST) -> Binding:
        """The binding of a name, by Python's scoping rules.

        Raises
        ------
        TypeInferenceError
            If no single value describes the name here.
        """
        binding = self.find(self.frame, name, node)
        if isinstance(binding, Poison):
            from srcad.errors import TypeInferenceError

            raise TypeInferenceError(
                f"the kind of `{name}` is not the same on all paths",
                reason=binding.reason,
                advice=f"give `{name}` a value of one kind on every path",
                loc=self.loc(node),
            )
        return binding

    def find(self, frame: Frame, name: str, node: gast.AST) -> Binding:
        if name in frame.locals:
            binding = frame.vars.get(name)
            if binding is None and name in frame.tolerated:
                frame.met.add(name)
                raise Diverges
            if binding is None:
                raise self.unsupported(
                    node, f"`{name}` is read here before it has a value",
                    "Python raises UnboundLocalError here", f"give `{name}` a value first",
                )  # fmt: skip
            return binding
        if name not in frame.globals_declared:
            if frame.outer is not None:
                outer: Frame | None = frame.outer
                while outer is not None and name not in outer.locals:
                    if outer.live is not None and name in outer.cells():
                        return self.cell(outer, name, node)
                    outer = outer.outer
                if outer is not None:
                    return self.find(outer, name, node)
            elif name in frame.cells():
                return self.cell(frame, name, node)
        namespace = frame.globals
        if name in namespace:
            return self.outside("global", namespace, name, namespace[name], frame)
        builtin = builtin_names(namespace)
        if name in builtin:
            self.assumptions.add("builtin", namespace, name, builtin[name])
            return Known(builtin[name])
        raise self.unsupported(
            node, f"the name `{name}` is not defined",
            "Python raises NameError here", f"define `{name}` before calling the derivative",
        )  # fmt: skip

    def cell(self, frame: Frame, name: str, node: gast.AST) -> Binding:
        cell = frame.cells()[name]
        try:
            value = cell.cell_contents
        except ValueError:
            raise self.unsupported(
                node, f"`{name}` of the enclosing function has no value yet",
                "Python raises NameError here", f"give `{name}` a value first",
            ) from None  # fmt: skip
        return self.outside("cell", cell, name, value, frame)

    def outside(self, kind: str, holder: Any, name: str, value: Any, frame: Frame) -> Binding:
        """A global or cell: numbers and arrays are read live, everything else is static."""
        if not is_data(value):
            self.assumptions.add(kind, holder, name, value)
            return self.known_object(value)
        key = (kind, id(holder), name)
        if key in self.static_outside:
            self.assumptions.add(kind, holder, name, value)
            return Known(value)
        t = type_of_value(value)
        self.assumptions.add_type(kind, holder, name, t)
        root = self.root_frame
        at_home = frame.globals is root.globals if kind == "global" else frame is root
        if not at_home and kind == "cell":
            # another function's cell has no name in generated code
            self.assumptions.add(kind, holder, name, value)
            if isinstance(value, (int, float, complex)):
                return Known(value)
            return self.global_value(key, t, name, None, value)
        return self.global_value(key, t, name, None if at_home else frame.globals, None)

    def global_value(
        self, key: tuple[Any, ...], t: Type, name: str, holder: Any, fixed: Any
    ) -> Value:
        """A live global as an IR value, read once, at the start of the function."""
        table = self.context.globals_read
        if key not in table:
            value = Value(t, name, named=True)
            attrs = {"name": name, "holder": holder, "value": fixed}
            from srcad.ir.values import Op

            self.context.prologue.append(Op(O.GLOBAL, (), attrs, (value,), (), self.builder.loc))
            table[key] = value
        return table[key]

    def known_object(self, value: Any) -> Binding:
        if isinstance(value, tuple) and any(isinstance(v, np.ndarray) for v in value):
            return Struct.sequence("tuple", [self.known_object(v) for v in value])
        return Known(value)

    # ------------------------------------------------------------------ operators
    def expr_BinOp(self, node: gast.BinOp) -> Binding:
        left = self.expression(node.left)
        right = self.expression(node.right)
        return self.binary(OPERATORS[type(node.op)], left, right, node)

    def binary(self, fn: Any, left: Binding, right: Binding, node: gast.AST) -> Binding:
        if isinstance(left, Known) and isinstance(right, Known):
            folded = self.fold(fn, left.value, right.value)
            if folded is not None:
                return folded
        if isinstance(left, Struct) or isinstance(right, Struct):
            structural = self.binary_struct(fn, left, right)
            if structural is not None:
                return structural
        return self.apply(fn, [left, right], {}, node)

    def fold(self, fn: Any, *values: Any) -> Known | None:
        """The result for known operands; None if Python raises (then it shall at run time)."""
        if not all(_foldable(v) for v in values):
            return None
        try:
            result = fn(*values)
        except _PLAIN_ERRORS:
            return None
        return Known(result)

    def binary_struct(self, fn: Any, left: Binding, right: Binding) -> Binding | None:
        if fn is operator.add and isinstance(left, Struct) and isinstance(right, Struct):
            if left.kind == right.kind != "dict":
                return Struct.sequence(left.kind, [*left.parts, *right.parts])
        if fn is operator.mul:
            for struct, times in ((left, right), (right, left)):
                if isinstance(struct, Struct) and isinstance(times, Known):
                    if isinstance(times.value, int) and struct.kind != "dict":
                        return Struct.sequence(struct.kind, list(struct.parts) * times.value)
        return None

    def expr_UnaryOp(self, node: gast.UnaryOp) -> Binding:
        operand = self.expression(node.operand)
        fn = _UNARY[type(node.op)]
        if fn is operator.not_:
            truth = self.truth(operand, node.operand)
            if isinstance(truth, bool):
                return Known(not truth)
            return self.apply(fn, [self.as_binding(truth)], {}, node)
        if isinstance(operand, Known):
            folded = self.fold(fn, operand.value)
            if folded is not None:
                return folded
        return self.apply(fn, [operand], {}, node)

    def truth(self, binding: Binding, node: gast.AST) -> bool | Operand:
        """Whether a condition holds: a bool if it is decided while compiling."""
        if isinstance(binding, Known):
            return bool(binding.value)
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

    def expr_BoolOp(self, node: gast.BoolOp) -> Binding:
        is_and = isinstance(node.op, gast.And)
        return self.lazy_chain(list(node.values), is_and)

    def lazy_chain(self, nodes: list[gast.AST], is_and: bool) -> Binding:
        first = self.expression(nodes[0])
        if len(nodes) == 1:
            return first
        truth = self.truth(first, nodes[0])
        if isinstance(truth, bool):
            return self.lazy_chain(nodes[1:], is_and) if truth is is_and else first
        if is_and:
            return self.choose(
                truth, lambda: self.lazy_chain(nodes[1:], is_and), lambda: first, nodes[1]
            )
        return self.choose(
            truth, lambda: first, lambda: self.lazy_chain(nodes[1:], is_and), nodes[1]
        )

    def choose(self, cond: Operand, then: Any, orelse: Any, node: gast.AST) -> Binding:
        """A conditional expression: both sides lazy, joined into values."""
        builder, frame = self.builder, self.frame
        before = frame.vars
        sides: list[tuple[list[Any], Binding | None, dict[str, Binding]]] = []
        for side in (then, orelse):
            with builder.nested() as ops:
                frame.vars = dict(before)
                try:
                    value: Binding | None = side()
                except Diverges:
                    value = None
                    self.dead()
                sides.append((ops, value, frame.vars))
        frame.vars = before
        (ops_a, a, vars_a), (ops_b, b, vars_b) = sides
        if a is None and b is None:
            raise Diverges
        for variables, value in ((vars_a, a), (vars_b, b)):
            if value is not None:
                variables["$value"] = value
        frame.vars = self.join_branches(cond, ops_a, vars_a, ops_b, vars_b, before, builder.loc)
        frame.vars.pop("$dead", None)
        result = frame.vars.pop("$value")
        if isinstance(result, Poison):
            from srcad.errors import TypeInferenceError

            raise TypeInferenceError(
                "the two sides of this conditional expression are of different kinds",
                reason=f"one is {describe(a)}, the other {describe(b)}",
                advice="make both sides a number or an array",
                loc=self.loc(node),
            )
        if isinstance(result, Value) and result.name == "value":
            result.name = "t"
            result.named = False
        return result

    def expr_IfExp(self, node: gast.IfExp) -> Binding:
        truth = self.truth(self.expression(node.test), node.test)
        if isinstance(truth, bool):
            return self.expression(node.body if truth else node.orelse)
        return self.choose(
            truth,
            lambda: self.expression(node.body),
            lambda: self.expression(node.orelse),
            node,
        )

    def expr_Compare(self, node: gast.Compare) -> Binding:
        left = self.expression(node.left)
        return self.compare_chain(left, list(node.ops), list(node.comparators), node)

    def compare_chain(
        self, left: Binding, ops: list[gast.AST], nodes: list[gast.AST], node: gast.AST
    ) -> Binding:
        right = self.expression(nodes[0])
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
        if op in (gast.Is, gast.IsNot):
            return Known(self.identical(left, right, node) is (op is gast.Is))
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
        for a, b in ((left, right), (right, left)):
            if isinstance(a, Known) and isinstance(a.value, str) and isinstance(b, Value):
                if isinstance(b.type, (Scalar, Array)):
                    return Known(fn is operator.ne)
        return self.apply(fn, [left, right], {}, node)

    def structurally_equal(self, left: Binding, right: Binding) -> bool | None:
        if isinstance(left, Known) and left.value is None and isinstance(right, Value):
            return False if isinstance(right.type, Scalar) else None
        return None

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
                self.require_static(b, node, "`is`")
            if isinstance(a, Known) and isinstance(b, (Struct, Closure, BoundMethod, Derived)):
                return False
            if isinstance(a, Known) and isinstance(b, ObjectParam):
                return a.value is b.example
        if isinstance(left, Value) and left is right:
            return True
        raise self.unsupported(
            node, "`is` between these values cannot be decided while compiling",
            f"left is {describe(left)}, right is {describe(right)}", "compare with ==",
        )  # fmt: skip

    def contains(self, item: Binding, box: Binding, negated: bool, node: gast.AST) -> Binding:
        if isinstance(item, Known) and isinstance(box, Known):
            fn = (lambda a, b: a not in b) if negated else (lambda a, b: a in b)
            folded = self.fold(fn, item.value, box.value)
            if folded is not None:
                return folded
        if isinstance(box, Struct) and isinstance(item, Known):
            if box.kind == "dict":
                return Known((item.value in [k for k, _ in box.items]) is not negated)
            if all(isinstance(p, Known) for p in box.parts):
                values = [p.value for p in box.parts if isinstance(p, Known)]
                return Known((item.value in values) is not negated)
        if isinstance(item, Value):
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
        raise self.unsupported(
            node, "`in` on these values cannot be differentiated yet",
            f"{describe(item)} in {describe(box)}", "compare the elements in a loop",
        )  # fmt: skip

    # ------------------------------------------------------------------ displays, names, functions
    def expr_Tuple(self, node: gast.Tuple) -> Binding:
        return Struct.sequence("tuple", self.elements(node.elts))

    def expr_List(self, node: gast.List) -> Binding:
        return Struct.sequence("list", self.elements(node.elts))

    def elements(self, nodes: list[gast.AST]) -> list[Binding]:
        parts: list[Binding] = []
        for n in nodes:
            if isinstance(n, gast.Starred):
                inner = self.expression(n.value)
                parts += self.known_elements(inner, n)
            else:
                parts.append(self.expression(n))
        return parts

    def known_elements(self, binding: Binding, node: gast.AST) -> list[Binding]:
        """The elements of a sequence whose length is known."""
        if isinstance(binding, Struct) and binding.kind != "dict":
            return list(binding.parts)
        if isinstance(binding, Known) and isinstance(binding.value, (tuple, list, str, range)):
            return [Known(v) for v in binding.value]
        raise self.unsupported(
            node, "the length of this sequence is not known while compiling",
            f"it is {describe(binding)}", "pass the elements one by one, or a tuple",
        )  # fmt: skip

    def expr_Dict(self, node: gast.Dict) -> Binding:
        items: dict[Any, Binding] = {}
        for k, v in zip(node.keys, node.values):
            if k is None:
                inner = self.expression(v)
                if not (isinstance(inner, Struct) and inner.kind == "dict"):
                    raise self.unsupported(
                        v, "`**` needs a dictionary of known keys",
                        f"this is {describe(inner)}", "write the keys out",
                    )  # fmt: skip
                items.update(inner.items)
                continue
            key = self.expression(k)
            if not isinstance(key, Known):
                raise self.unsupported(k, "a dictionary key must be known while compiling",
                                       f"this is {describe(key)}", "use constant keys")  # fmt: skip
            items[key.value] = self.expression(v)
        return Struct("dict", tuple(items.items()))

    def expr_NamedExpr(self, node: gast.NamedExpr) -> Binding:
        value = self.expression(node.value)
        self.bind(node.target.id, value, node.target)
        return value

    def expr_Lambda(self, node: gast.Lambda) -> Binding:
        return self.closure(node, "<lambda>")

    def closure(self, node: gast.FunctionDef | gast.Lambda, name: str) -> Closure:
        defaults = tuple(self.expression(d) for d in node.args.defaults)
        kw = tuple(None if d is None else self.expression(d) for d in node.args.kw_defaults)
        return Closure(node, self.frame, defaults, kw, name)

    def expr_JoinedStr(self, node: gast.JoinedStr) -> Binding:
        return self.opaque_expression(node, STR)

    # ------------------------------------------------------------------ attributes
    def expr_Attribute(self, node: gast.Attribute) -> Binding:
        name = mangled(node.attr, self.frame.source.class_name)
        return self.attribute(self.expression(node.value), name, node)

    def attribute(self, owner: Binding, name: str, node: gast.AST) -> Binding:
        if isinstance(owner, Known):
            return self.known_attribute(owner.value, name, node)
        if isinstance(owner, Value):
            return self.value_attribute(owner, name, node)
        if isinstance(owner, ObjectParam):
            return self.object_attribute(owner, name, node)
        raise self.unsupported(
            node, f"the attribute `{name}` of {describe(owner)} cannot be differentiated yet",
            "srcad does not follow methods of containers yet", "index the container instead",
        )  # fmt: skip

    def known_attribute(self, owner: Any, name: str, node: gast.AST) -> Binding:
        try:
            value = getattr(owner, name)
        except AttributeError as error:
            raise self.unsupported(
                node, str(error), "Python raises AttributeError here", "correct the name"
            ) from None
        if isinstance(owner, types.ModuleType):
            if is_data(value) and not isinstance(value, np.ndarray) and _constant_module(owner):
                return Known(value)  # math.pi, np.inf
            if is_data(value):
                t = type_of_value(value)
                self.assumptions.add_type("attribute", owner, name, t)
                return self.global_value(("attribute", id(owner), name), t, name, owner, None)
        self.assumptions.add("attribute", owner, name, value)
        return Known(value)

    def value_attribute(self, owner: Value, name: str, node: gast.AST) -> Binding:
        t = owner.type
        if isinstance(t, Scalar):
            if name in ("real", "imag", "conjugate") or name in ("is_integer",):
                fn = ARRAY.attributes.get(name)
                if fn is not None:
                    return self.apply(fn, [owner], {}, node)
        if name == "ndim" and rank_of(t) is not None:
            return Known(rank_of(t))
        if name == "shape" and isinstance(t, Array) and t.dims is not None:
            shape = self.as_value(self.apply(np.shape, [owner], {}, node))
            return Struct.sequence("tuple", [self.item(shape, i) for i in range(len(t.dims))])
        if name == "dtype" and isinstance(t, Array) and t.dtype is not None:
            return Known(np.dtype(t.dtype))
        fn = ARRAY.attributes.get(name)
        if fn is not None:
            return self.apply(fn, [owner], {}, node)
        if name in ARRAY.methods:
            return BoundMethod(owner, name)
        raise self.unsupported(
            node, f"the attribute `{name}` of {describe(owner)} has no derivative rule",
            "it is not in srcad's table", "use a NumPy function instead",
        )  # fmt: skip

    def object_attribute(self, owner: ObjectParam, name: str, node: gast.AST) -> Binding:
        """`self.w`: numbers and arrays are inputs of the function, the rest is static."""
        path = (*owner.path, name)
        if owner.example is None:
            value = self.builder.emit1(
                O.FIELD, (owner.value,), UNKNOWN, name, {"key": name, "attribute": True}
            )
            return value
        try:
            example = getattr(owner.example, name)
        except AttributeError as error:
            raise self.unsupported(
                node, str(error), "Python raises AttributeError here", "correct the name"
            ) from None
        if isinstance(example, types.MethodType) and example.__self__ is owner.example:
            self.argument_assumptions.append((owner.name, path, "method", example.__func__))
            return Known(MethodOf(example.__func__, owner))
        if is_data(example):
            t = type_of_value(example)
            self.argument_assumptions.append((owner.name, path, "type", t))
            value = self.builder.emit1(
                O.FIELD, (owner.value,), t, name, {"key": name, "attribute": True}
            )
            value.named = True
            return value
        if callable(example) or isinstance(example, (str, bool, type(None), type)):
            self.argument_assumptions.append((owner.name, path, "is", example))
            return Known(example)
        value = self.builder.emit1(
            O.FIELD, (owner.value,), OBJECT, name, {"key": name, "attribute": True}
        )
        self.argument_assumptions.append((owner.name, path, "class", type(example)))
        return ObjectParam(value, owner.name, path, example)

    # ------------------------------------------------------------------ subscripts
    def expr_Slice(self, node: gast.Slice) -> Binding:
        parts = [
            Known(None) if p is None else self.expression(p)
            for p in (node.lower, node.upper, node.step)
        ]
        known = [p.value for p in parts if isinstance(p, Known)]
        if len(known) == len(parts):
            return Known(slice(*known))
        operands = tuple(self.operand(p, node) for p in parts)
        return apply_operands(self.builder, slice, operands, {})  # type: ignore[return-value]

    def expr_Subscript(self, node: gast.Subscript) -> Binding:
        owner = self.expression(node.value)
        index = self.expression(node.slice)
        return self.subscript(owner, index, node)

    def subscript(self, owner: Binding, index: Binding, node: gast.AST) -> Binding:
        if isinstance(owner, Known) and isinstance(owner.value, (np.ndarray, np.generic)):
            owner = self.as_binding(self.operand(owner, node))  # its contents are read live
        if isinstance(owner, Known) and isinstance(index, Known):
            if not isinstance(owner.value, (tuple, list, dict, str, bytes, range)):
                raise self.unsupported(
                    node, f"indexing {describe(owner)} cannot be differentiated yet",
                    "what its `__getitem__` gives may change without notice",
                    "index an array, a list, a tuple or a dictionary",
                )  # fmt: skip
            try:
                return self.known_object(owner.value[index.value])
            except (*_PLAIN_ERRORS,) as error:
                raise self.unsupported(
                    node, f"this look-up fails: {error!r}", "Python raises the same here",
                    "correct the index",
                ) from None  # fmt: skip
        if isinstance(owner, Struct):
            return self.struct_item(owner, index, node)
        if isinstance(owner, Value):
            parts = self.index_operands(index, node)
            if isinstance(owner.type, Scalar):
                raise self.unsupported(
                    node, f"{describe(owner)} cannot be indexed",
                    "Python raises TypeError here", "index an array",
                )  # fmt: skip
            return self.as_binding(getitem_operands(self.builder, owner, parts))
        raise self.unsupported(
            node, f"this subscript of {describe(owner)} cannot be differentiated yet",
            f"the index is {describe(index)}", "index an array or a tuple",
        )  # fmt: skip

    def struct_item(self, owner: Struct, index: Binding, node: gast.AST) -> Binding:
        if isinstance(index, Known):
            key = index.value
            if owner.kind == "dict":
                for k, part in owner.items:
                    if k == key and type(k) is type(key):
                        return part
            elif isinstance(key, slice):
                return Struct.sequence(owner.kind, list(owner.parts)[key])
            elif isinstance(key, (int, np.integer)) and -len(owner.items) <= key < len(owner.items):
                return owner.parts[int(key)]
            raise self.unsupported(
                node, f"this {owner.kind} has no element {key!r}",
                "Python raises LookupError here", "correct the index",
            )  # fmt: skip
        if isinstance(index, Value):
            self.require_static(index, node, f"an index of a {owner.kind}")
        raise self.unsupported(
            node, f"a {owner.kind} is indexed by a run-time value",
            "which element is read is not known while compiling",
            "use an array: np.stack(...)[i] or np.array(...)[i]",
        )  # fmt: skip

    def index_operands(self, index: Binding, node: gast.AST) -> list[Operand]:
        if isinstance(index, Struct) and index.kind == "tuple":
            return [self.index_operand(p, node) for p in index.parts]
        if isinstance(index, Known) and isinstance(index.value, tuple):
            return [self.index_operand(Known(v), node) for v in index.value]
        return [self.index_operand(index, node)]

    def index_operand(self, part: Binding, node: gast.AST) -> Operand:
        if isinstance(part, Known):
            if part.value is None or part.value is Ellipsis:
                return Const(part.value, NONE if part.value is None else OBJECT)
            if isinstance(part.value, slice):
                return Const(part.value, SLICE)
            if isinstance(part.value, list):
                return pack(self.builder, [Const.of(v) for v in part.value], "list")
        return self.operand(part, node)

    def item(self, value: Value, i: int) -> Binding:
        """`value[i]`, for unpacking and for loops."""
        t = value.type
        if isinstance(t, TupleOf) and t.elems is not None and 0 <= i < len(t.elems):
            name = f"{value.name}_{i}"
            return self.builder.emit1(O.FIELD, (value,), t.elems[i], name, {"key": i})
        return self.as_binding(getitem_operands(self.builder, value, [Const.of(i)]))

    # ------------------------------------------------------------------ operands
    def operand(self, binding: Binding, node: gast.AST) -> Operand:
        """The operand of a binding; structures are packed.

        Raises
        ------
        UnsupportedSyntaxError
            If it is no data (a function, say).
        """
        if isinstance(binding, Value):
            return binding
        if isinstance(binding, Known):
            value = binding.value
            if isinstance(value, np.ndarray):
                t = type_of_value(value)
                return self.global_value(("object", id(value)), t, "constant", None, value)
            if isinstance(value, list):
                return pack(self.builder, [self.operand(Known(v), node) for v in value], "list")
            return Const.of(value)
        if isinstance(binding, Struct) and binding.kind != "dict":
            parts = [self.operand(p, node) for p in binding.parts]
            return pack(self.builder, parts, binding.kind)
        if isinstance(binding, ObjectParam):
            return binding.value
        raise self.unsupported(
            node, f"{describe(binding)} cannot be used as a number here",
            "srcad cannot carry it through this operation", "pass numbers or arrays",
        )  # fmt: skip

    def as_binding(self, operand: Operand) -> Binding:
        return Known(operand.value) if isinstance(operand, Const) else operand

    def as_value(self, binding: Any) -> Value:
        """A binding or constant as an IR value (constants are materialised)."""
        if isinstance(binding, Value):
            return binding
        constant = binding if isinstance(binding, Const) else Const.of(binding.value)
        kind = int if constant.type == INT else float
        made = apply_operands(self.builder, kind, (constant,), {})
        assert isinstance(made, Value)
        return made

    def arithmetic(self, fn: Any, a: Any, b: Any) -> Operand:
        """Integer arithmetic of the parser's own (loop bounds)."""
        if isinstance(a, Const) and isinstance(b, Const):
            return Const.of(fn(a.value, b.value))
        return apply_operands(self.builder, fn, (a, b), {})


class MethodOf:
    """A method found on an object parameter: its function and the object, not called yet."""

    def __init__(self, function: Any, receiver: ObjectParam) -> None:
        self.function, self.receiver = function, receiver


def _foldable(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_foldable(v) for v in value)
    return not isinstance(value, (np.ndarray, np.generic))


def _constant_module(module: types.ModuleType) -> bool:
    return module.__name__ in ("math", "numpy", "cmath")


__all__ = ["ExpressionLowering", "RangeBinding", "ListOf", "if_op", "indexing", "join", "Region"]
