"""Operators and builtins on objects of users' classes: the methods that Python calls for them.

What holds afterwards: `a + b`, `-a`, `a[i]`, `len(a)`, `for x in a`, `f(a)` on such objects are
calls of `__add__`, `__neg__`, `__getitem__`, ..., in the order in which Python tries them.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from typing import Any

import gast

from srcad.errors import TypeInferenceError
from srcad.ir.abstract import UNKNOWN, Array
from srcad.ir.values import Value
from srcad.parser.bindings import CLASS, Binding, Known, Struct, class_of, describe
from srcad.parser.containers import reading
from srcad.parser.containers.container_bases import BASES
from srcad.parser.objects import classes

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

BINARY: dict[Any, str] = {
    operator.add: "add", operator.sub: "sub", operator.mul: "mul", operator.truediv: "truediv",
    operator.floordiv: "floordiv", operator.mod: "mod", operator.pow: "pow",
    operator.matmul: "matmul", operator.and_: "and", operator.or_: "or", operator.xor: "xor",
    operator.lshift: "lshift", operator.rshift: "rshift", divmod: "divmod",
}  # fmt: skip
COMPARE: dict[Any, tuple[str, str]] = {
    operator.lt: ("__lt__", "__gt__"), operator.gt: ("__gt__", "__lt__"),
    operator.le: ("__le__", "__ge__"), operator.ge: ("__ge__", "__le__"),
    operator.eq: ("__eq__", "__eq__"), operator.ne: ("__ne__", "__ne__"),
}  # fmt: skip
UNARY: dict[Any, str] = {
    operator.neg: "__neg__", operator.pos: "__pos__", operator.invert: "__invert__",
    abs: "__abs__", len: "__len__", float: "__float__", int: "__int__", complex: "__complex__",
    round: "__round__", math.floor: "__floor__", math.ceil: "__ceil__", math.trunc: "__trunc__",
    iter: "__iter__", operator.abs: "__abs__", operator.index: "__index__", next: "__next__",
}  # fmt: skip
_ITERATING = frozenset(
    (sum, tuple, list, all, any, zip, enumerate, sorted, map, filter, math.fsum, math.prod, set)
)


class OperatorLowering(_Base):
    def special_method(self, binding: Binding, name: str, node: gast.AST) -> Binding | None:
        """A method that Python looks up in the class of an object, bound; None without one."""
        cls = self.class_of_binding(binding)
        if cls is None:
            return None
        _, found = classes.find(cls, name)
        if found is classes.MISSING or found is None or found is getattr(object, name, None):
            return None
        if classes.is_namedtuple(cls) and found is getattr(tuple, name, None):
            return None
        self.assume_class(cls, name)
        return self.bound(found, binding, cls, name, node)  # type: ignore[no-any-return]

    def unary_object(self, fn: Any, args: list[Binding], node: gast.AST) -> Binding | None:
        """A builtin or operator of one object; None if it is no such call."""
        name = UNARY.get(fn)
        if name is None or not args or (len(args) == 2 and fn in (iter, next)):
            return None  # `next(it, default)` is read as it is
        method = self.special_method(args[0], name, node)
        if method is not None:
            return self.call_binding(method, args[1:], {}, node)  # type: ignore[no-any-return]
        content = self.object_of(args[0])
        if content is None:
            return None
        if classes.is_namedtuple(class_of(content)):
            if fn is len:
                return Known(len(content.items) - 1)
            if fn is iter:
                return self.as_tuple(content)
        raise self.no_method(args[0], name, node)

    def no_method(self, binding: Binding, name: str, node: gast.AST) -> Exception:
        return self.python_raises(  # type: ignore[no-any-return]
            TypeError(), node,
            f"{describe(self.deref(binding))} has no method `{name}`, which this calls",
            "Python raises TypeError here", f"define `{name}` in its class",
        )  # fmt: skip

    # ------------------------------------------------------------------ two operands
    def binary_object(
        self, fn: Any, left: Binding, right: Binding, node: gast.AST
    ) -> Binding | None:
        """`left + right` where one is an object of a user's class; None if none is."""
        first, second = self.class_of_binding(left), self.class_of_binding(right)
        if (first is None and second is None) or fn not in BINARY:
            return None
        if isinstance(left, Known) and isinstance(right, Known):
            return None
        name = BINARY[fn]
        tries = [(left, f"__{name}__", right), (right, f"__r{name}__", left)]
        if first is not None and second is not None and first is not second:
            inherits = issubclass(second, first)
            changed = classes.find(second, f"__r{name}__") != classes.find(first, f"__r{name}__")
            if inherits and changed:
                tries.reverse()
        elif first is second:
            tries = tries[:1]
        if first is None:
            self.check_left_operand(left, second, node)
        for owner, method, other in tries:
            result = self.tried(owner, method, other, node)
            if result is not None:
                return result
        plain = self.namedtuple_operands(left, right)
        if plain is not None:
            return self.binary(fn, *plain, node)  # type: ignore[no-any-return]
        raise self.python_raises(
            TypeError(), node,
            f"`{describe(self.deref(left))}` and `{describe(self.deref(right))}` do not "
            f"define this operator", "Python raises TypeError here",
            f"define `__{name}__` in the class",
        )  # fmt: skip

    def namedtuple_operands(self, left: Binding, right: Binding) -> list[Binding] | None:
        """Both operands with namedtuples as plain tuples; None if there is none."""
        operands: list[Binding] = []
        changed = False
        for b in (left, right):
            content = self.object_of(b)
            if content is not None and classes.is_namedtuple(class_of(content)):
                b, changed = self.as_tuple(content), True
            operands.append(b)
        return operands if changed else None

    def tried(
        self, owner: Binding, name: str, other: Binding, node: gast.AST
    ) -> Binding | None:
        """What a method gives; None if there is none, or it gives NotImplemented."""
        method = self.special_method(owner, name, node)
        if method is None:
            return None
        result: Binding = self.call_binding(method, [other], {}, node)
        if isinstance(result, Known) and result.value is NotImplemented:
            return None
        return result

    def check_left_operand(self, left: Binding, cls: type | None, node: gast.AST) -> None:
        """An array on the left takes the object for a number, unless that objects."""
        content = self.deref(left)
        t = content.type if isinstance(content, Value) else None
        if isinstance(content, Known) and isinstance(content.value, (float, int, complex, str)):
            return
        if cls is None or classes.find(cls, "__array_ufunc__")[1] is None:
            return
        sequence = classes.defines(cls, "__len__") or classes.defines(cls, "__array_priority__")
        array = isinstance(t, Array) and (not t.item or sequence)
        if t == UNKNOWN:
            raise TypeInferenceError(
                f"an object of the class `{cls.__name__}` meets a value of unknown kind",
                reason="an array would apply the operator to each of its elements",
                advice="compile for the types of the arguments",
                loc=self.loc(node),
            )
        if array:
            raise self.unsupported(
                node, f"an array meets an object of the class `{cls.__name__}` in an operator",
                "NumPy makes an array of objects of this",
                "write the object on the left, or set `__array_ufunc__ = None` in its class",
            )  # fmt: skip

    def in_place_object(
        self, fn: Any, old: Binding, added: Binding, node: gast.AST
    ) -> Binding | None:
        """`old += added` by `__iadd__`; None if the object has no such method."""
        if fn not in BINARY or self.class_of_binding(old) is None:
            return None
        return self.tried(old, f"__i{BINARY[fn]}__", added, node)

    def compare_object(
        self, fn: Any, left: Binding, right: Binding, node: gast.AST
    ) -> Binding | None:
        """`left < right` where one is an object of a user's class; None if none is."""
        if fn not in COMPARE or (isinstance(left, Known) and isinstance(right, Known)):
            return None
        first, second = self.class_of_binding(left), self.class_of_binding(right)
        if first is None and second is None:
            return None
        if fn is operator.ne:
            inverse = self.unequal(left, right, node)
            if inverse is not None:
                return inverse
        name, reflected = COMPARE[fn]
        if fn in (operator.eq, operator.ne) and self.same_fields(left, right):
            equal = self.fields_equal(left, right, node)
            if fn is operator.eq:
                return equal
            truth = self.truth(equal, node)
            if isinstance(truth, bool):
                return Known(not truth)
            return self.apply(operator.not_, [equal], {}, node)  # type: ignore[no-any-return]
        if first is second and first is not None and classes.generated(first, name):
            names = [f.name for f in dataclasses.fields(first) if f.compare]
            sides = [[self.attribute(side, n, node) for n in names] for side in (left, right)]
            return self.fields_ordered(fn, *sides, node)  # type: ignore[no-any-return]
        tries = [(left, name, right), (right, reflected, left)]
        if first and second and first is not second and issubclass(second, first):
            tries.reverse()
        for owner, method, other in tries:
            result = self.tried(owner, method, other, node)
            if result is not None:
                return result
        plain = self.namedtuple_operands(left, right)
        if plain is None and fn in (operator.eq, operator.ne):
            kind = gast.Is if fn is operator.eq else gast.IsNot
            return self.compare(kind, left, right, node)  # type: ignore[no-any-return]
        raise self.no_method(left, name, node)

    def unequal(self, left: Binding, right: Binding, node: gast.AST) -> Binding | None:
        """`left != right` by `__eq__`, where no class has an `__ne__` of its own."""
        for side in (left, right):
            if self.special_method(side, "__ne__", node) is not None:
                return None
        for owner, other in ((left, right), (right, left)):
            cls = self.class_of_binding(owner)
            if cls is None or classes.generated(cls, "__eq__"):
                return None
            equal = self.tried(owner, "__eq__", other, node)
            if equal is not None:
                truth = self.truth(equal, node)
                if isinstance(truth, bool):
                    return Known(not truth)
                return self.apply(operator.not_, [equal], {}, node)  # type: ignore[no-any-return]
        return None

    def same_fields(self, left: Binding, right: Binding) -> bool:
        """Whether both are of one class whose equality is that of its fields."""
        first, second = self.object_of(left), self.object_of(right)
        if first is None or second is None or class_of(first) is not class_of(second):
            return False
        cls = class_of(first)
        return classes.is_namedtuple(cls) or classes.generated(cls, "__eq__")

    def fields_equal(self, left: Binding, right: Binding, node: gast.AST) -> Binding:
        a, b = (dict(self.object_of(side).items) for side in (left, right))
        cls = class_of(self.object_of(left))
        if classes.is_namedtuple(cls):
            names = [n for n in a if n != CLASS]
        else:
            fields = cls.__dataclass_fields__.values()  # type: ignore[attr-defined]
            names = [f.name for f in fields if f.compare and f.name in a]
        result: Binding = Known(True)
        for name in names:
            test = self.compare(gast.Eq, a[name], b[name], node)
            truth = self.truth(result, node)
            if isinstance(truth, bool):
                result = test if truth else result
            else:
                before = result
                result = self.choose(
                    truth, lambda t=test: t, lambda r=before: r, node
                )
        return result

    # ------------------------------------------------------------------ containers of their own
    def subscript_object(
        self, owner: Binding, index: Binding, node: gast.AST
    ) -> Binding | None:
        """`owner[index]` by `__getitem__`; None if it is no object of a user's class."""
        method = self.special_method(owner, "__getitem__", node)
        if method is not None:
            return self.call_binding(method, [index], {}, node)  # type: ignore[no-any-return]
        content = self.object_of(owner)
        if content is None:
            return None
        if classes.is_namedtuple(class_of(content)):
            return self.subscript(self.as_tuple(content), index, node)  # type: ignore[no-any-return]
        raise self.no_method(owner, "__getitem__", node)

    def as_tuple(self, content: Struct) -> Struct:
        """A namedtuple as the tuple that it is."""
        return Struct.sequence("tuple", [b for k, b in content.items if k != CLASS])

    def iterable(self, binding: Binding, node: gast.AST) -> Binding:
        """What iterating over a binding runs over: of objects, what `__iter__` gives."""
        cls = self.class_of_binding(binding)
        if cls is None:
            return binding
        if isinstance(binding, Known) and reading.is_iterable(binding.value):
            return binding
        plain: Binding = self.plain_container(binding)
        if plain is not binding and classes.find(cls, "__iter__")[0] in BASES:
            return plain
        if self.special_method(binding, "__iter__", node) is None:
            if self.special_method(binding, "__getitem__", node) is not None:
                return self.iterator("indexed", [binding])  # type: ignore[no-any-return]
        found: Binding | None = self.unary_object(iter, [binding], node)
        if found is None:
            return binding
        if self.class_of_binding(found) is not None:
            return self.iterator("counting", [found])  # type: ignore[no-any-return]
        return found

    def iterated_arguments(self, fn: Any, args: list[Binding], node: gast.AST) -> list[Binding]:
        """The arguments of a builtin that iterates over them."""
        if fn in (min, max) and len(args) == 1 or fn in _ITERATING:
            over = 1 if fn is sum else len(args)
            return [*(self.iterable(a, node) for a in args[:over]), *args[over:]]
        return args

    def truth_of_object(self, binding: Binding, node: gast.AST) -> Any:
        """Whether an object of a user's class is true; None if it is no such object."""
        content = self.object_of(binding)
        if content is None:
            return None
        for name in ("__bool__", "__len__"):
            method = self.special_method(binding, name, node)
            if method is not None:
                return self.truth(self.call_binding(method, [], {}, node), node)
        if classes.is_namedtuple(class_of(content)):
            return len(content.items) > 1
        return True
