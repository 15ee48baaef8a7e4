"""Expressions to IR. What is known while compiling is computed; the rest becomes operations.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import gast

from srcad import runtime
from srcad.ir.abstract import (
    BOOL,
    INT,
    STR,
    UNKNOWN,
    Array,
    ListOf,
    Scalar,
    TableOf,
    TupleOf,
    is_number,
    kind_of,
)
from srcad.ir.values import Value
from srcad.parser.bindings import (
    Binding,
    Closure,
    Known,
    LazyIterable,
    Ref,
    Struct,
    describe,
)
from srcad.parser.containers import reading
from srcad.parser.frames import StaticRequired
from srcad.parser.iterables.iteration import Iteration, Unrolled, now
from srcad.pristine import np
from srcad.rules.symbols import apply_operands

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

OPERATORS: dict[type, Any] = {
    gast.Add: operator.add, gast.Sub: operator.sub, gast.Mult: operator.mul,
    gast.Div: operator.truediv, gast.FloorDiv: operator.floordiv, gast.Mod: operator.mod,
    gast.Pow: operator.pow, gast.MatMult: operator.matmul, gast.BitAnd: operator.and_,
    gast.BitOr: operator.or_, gast.BitXor: operator.xor, gast.LShift: operator.lshift,
    gast.RShift: operator.rshift,
}  # fmt: skip


_UNARY: dict[type, Any] = {
    gast.USub: operator.neg, gast.UAdd: operator.pos, gast.Invert: operator.invert,
    gast.Not: operator.not_,
}  # fmt: skip

_FOLLOWED = "srcad does not follow it"
_GENERATOR = (
    "a generator function cannot be differentiated itself",
    "calling it gives an iterator, and no number",
    "differentiate a function that reads it, such as `return sum(f(x))`",
)
_REFUSED = {
    "Await": ("`await` cannot be differentiated", _FOLLOWED, "use a plain function"),
    "Yield": _GENERATOR,
    "YieldFrom": _GENERATOR,
}
_OF_SETS = (operator.and_, operator.or_, operator.sub, operator.xor)
_SEQUENCES = (tuple, list, str, range, dict, set, frozenset)
_PLAIN_ERRORS = (ArithmeticError, TypeError, ValueError, LookupError, AttributeError)


class ExpressionLowering(_Base):
    def raw(self, node: gast.AST, statement: bool = False) -> Binding:
        """The binding of an expression, which may be None on some paths."""
        name = type(node).__name__
        if statement and isinstance(node, gast.Call):
            return self.expr_Call(node, statement=True)
        method = getattr(self, f"expr_{name}", None)
        if method is None:
            unknown = (f"`{name}` cannot be differentiated yet", _FOLLOWED,
                       "write it with supported expressions")  # fmt: skip
            raise self.unsupported(node, *_REFUSED.get(name, unknown))
        return method(node)

    def expr_Constant(self, node: gast.Constant) -> Binding:
        return Known(node.value)

    # ------------------------------------------------------------------ operators
    def expr_BinOp(self, node: gast.BinOp) -> Binding:
        left = self.expression(node.left)
        with self.in_use([left]):
            right = self.expression(node.right)
        return self.binary(OPERATORS[type(node.op)], left, right, node)

    def binary(self, fn: Any, left: Binding, right: Binding, node: gast.AST) -> Binding:
        found = self.on_either([left, right], lambda a, b: self.binary(fn, a, b, node), node)
        if found is not None:
            return found
        found = self.binary_object(fn, left, right, node)
        if found is not None:
            return found
        found = self.joined_counters(fn, left, right, node)
        if found is not None:
            return found
        left, right = self.deref(left), self.deref(right)
        if fn in _OF_SETS:
            left, right = self.as_set(left), self.as_set(right)
        if fn is operator.mod and isinstance(left, Known) and isinstance(left.value, str):
            right = reading.known(self.settled(right)) or right  # `"%s_%d" % (a, b)`
        if isinstance(left, Known) and isinstance(right, Known):
            folded = self.fold(fn, left.value, right.value)
            if folded is not None:
                return self.new_of_constants(folded, node)
        caught = self.unlikely or self.catcher_of(TypeError) is not None
        if caught and any(isinstance(b, Known) and b.value is None for b in (left, right)):
            what = "unsupported operand type: NoneType"
            raise self.python_raises(TypeError(what), node, what, "", "")
        if fn is not operator.mul and self.catcher_of(TypeError) is not None:
            if any(map(_is_container, (left, right))) and any(map(_is_scalar, (left, right))):
                error = TypeError("unsupported operand types: number and container")
                raise self.python_raises(error, node, str(error), "", "")
            if any(map(_is_text, (left, right))) and any(map(_is_number, (left, right))):
                error = TypeError("unsupported operand types: number and text")
                raise self.python_raises(error, node, str(error), "", "")
            if any(map(_is_text, (left, right))):
                raise self.unsupported(
                    node, "whether this raises TypeError is not known while compiling",
                    "one side is a text, the other may be one", "give the types of the arguments",
                )  # fmt: skip
        if fn is operator.or_ and self.is_dictionary(left) and self.is_dictionary(right):
            if isinstance(left, Value) or isinstance(right, Value):
                return self.joined_tables(left, right, node)
        if isinstance(left, Struct) or isinstance(right, Struct):
            structural = self.binary_struct(fn, left, right, node)
            if structural is not None:
                return structural
        if fn in (operator.add, operator.mul) and (is_list(left) or is_list(right)):
            return self.binary_list(fn, left, right, node)
        made = self.apply(fn, [left, right], {}, node)
        if isinstance(made, Value) and all(map(_is_text, (left, right))):
            made.type = STR
        return made

    def new_of_constants(self, made: Known, node: gast.AST) -> Binding:
        """What an operation on constants made: a list or dictionary may be changed."""
        if type(made.value) in (list, dict):
            return self.call_known(type(made.value), [made], {}, node)  # type: ignore[no-any-return]
        return made

    def fold(self, fn: Any, *values: Any) -> Known | None:
        """The result for known operands; None if Python raises (then it shall at run time)."""
        if not all(_foldable(v) for v in values):
            return None
        try:
            result = fn(*values)
        except _PLAIN_ERRORS:
            return None
        return Known(result)

    def binary_struct(
        self, fn: Any, left: Binding, right: Binding, node: gast.AST
    ) -> Binding | None:
        if fn is operator.add and isinstance(left, Struct) and isinstance(right, Struct):
            if left.kind == right.kind != "dict":
                return self.new_sequence(left.kind, [*left.parts, *right.parts])
        if fn is operator.or_:
            tables = [self.table_items(side, node) for side in (left, right)]
            if tables[0] is not None and tables[1] is not None:
                items = tables[0] | tables[1]
                return self.new_table(items)
        if fn is operator.mul:
            for struct, times in ((left, right), (right, left)):
                if isinstance(struct, Struct) and isinstance(times, Known):
                    if isinstance(times.value, int) and struct.kind != "dict":
                        return self.new_sequence(struct.kind, list(struct.parts) * times.value)
                t = times.type if isinstance(times, Value) else None
                counts = t == UNKNOWN or (t is not None and is_number(t))
                if isinstance(struct, Struct) and struct.kind == "tuple" and counts:
                    return self.binary_list(fn, Struct("list", struct.items), times, node)
        return None

    def binary_list(self, fn: Any, left: Any, right: Any, node: gast.AST) -> Binding:
        """`a + b` and `a * n` of lists of which one has no known length."""
        if fn is operator.mul:
            items, times = (left, right) if is_list(left) else (right, left)
            t = getattr(times, "type", None) if isinstance(times, Value) else INT
            params = self.origins(times) if t == UNKNOWN else set()
            if params:  # whether the list is repeated, or NumPy makes an array of it
                raise StaticRequired(params)
            if t in (INT, BOOL, UNKNOWN) or (isinstance(t, Array) and kind_of(t) == "i"):
                value = self.as_list_value(items, node)
                if value is not None:
                    made = apply_operands(
                        self.builder, runtime.repeated, (value, self.operand(times, node)), {}
                    )
                    return self.new_cell(made, "items")
        elif is_list(left) and is_list(right):
            values = [self.as_list_value(x, node) for x in (left, right)]
            if None not in values:
                made = apply_operands(self.builder, runtime.joined, tuple(values), {})
                return self.new_cell(made, "items")
        elif fn is operator.add or not isinstance(right if is_list(left) else left, Value):
            pass
        else:
            return self.apply(fn, [left, right], {}, node)
        other = right if is_list(left) else left
        if isinstance(other, Value) and isinstance(other.type, Array) and not other.type.item:
            return self.apply(fn, [left, right], {}, node)  # NumPy makes an array of the list
        raise self.unsupported(
            node, f"a list with {describe(other)} in this operation cannot be differentiated",
            "it joins or repeats a list whose elements are not alike, or whose length is not "
            "known while compiling", "make an array of it, or use a loop",
        )  # fmt: skip

    def new_sequence(self, kind: str, parts: list[Binding]) -> Binding:
        """A new tuple or list."""
        made = Struct.sequence(kind, [self.boxed(p, f"{kind}_{i}") for i, p in enumerate(parts)])
        if kind == "tuple":
            return made
        found: Ref = self.new_cell(made, "items")
        found.cell.separate = True
        return found

    def new_table(self, items: dict[Any, Binding]) -> Binding:
        """A new dictionary."""
        found: Ref = self.new_cell(Struct("dict", tuple(items.items())), "table")
        found.cell.separate = True
        return found

    def expr_UnaryOp(self, node: gast.UnaryOp) -> Binding:
        fn = _UNARY[type(node.op)]
        lowered = self.tested if fn is operator.not_ else self.expression
        operand = lowered(node.operand)
        return self.unary(fn, operand, node)

    def unary(self, fn: Any, operand: Binding, node: gast.UnaryOp) -> Binding:
        either = self.on_either([operand], lambda b: self.unary(fn, b, node), node)
        if either is not None:
            return either
        if not isinstance(operand, Known):
            found = self.unary_object(fn, [operand], node)
            if found is not None:
                return found
            if fn is not operator.not_:
                operand = self.deref(operand)
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

    # ------------------------------------------------------------------ displays and functions
    def expr_Tuple(self, node: gast.Tuple) -> Binding:
        return self.new_sequence("tuple", self.elements(node.elts, raw=True))

    def expr_List(self, node: gast.List) -> Binding:
        return self.new_sequence("list", self.elements(node.elts, raw=True))

    def elements(self, nodes: list[gast.AST], raw: bool = False) -> list[Binding]:
        """The elements of a display, or arguments (which may be None on some paths)."""
        expression = self.raw if raw else self.expression
        parts: list[Binding] = []
        for n in nodes:
            if isinstance(n, gast.Starred):
                inner = self.expression(n.value)
                parts += self.known_elements(inner, n)
            else:
                parts.append(self.boxed(expression(n)))
        return parts

    def known_elements(self, binding: Binding, node: gast.AST) -> list[Binding]:
        """The elements of a sequence whose length is known."""
        holder = self.iterable(binding, node)
        binding = self.deref(holder)
        if isinstance(binding, Struct) and binding.kind != "dict":
            return list(binding.parts)
        if isinstance(binding, Known) and reading.is_foreign(binding.value):
            binding = reading.read(self, tuple, (binding.value,), node)
        if isinstance(binding, Known) and isinstance(binding.value, _SEQUENCES):
            return [self.known_object(v) for v in binding.value]
        if isinstance(binding, Value) and isinstance(binding.type, TupleOf):
            return [self.item(binding, i) for i in range(len(binding.type.elems or ()))]
        if isinstance(binding, LazyIterable) and self.is_produced(binding):
            holder = self.listed_generator(binding, node)
            binding = self.deref(holder)
            if isinstance(binding, Struct):
                return list(binding.parts)
        if isinstance(binding, LazyIterable) or self.size_of(binding):
            over = self.iteration(holder, node)
            if isinstance(over, Iteration):
                over = self.turns_of(over) or over
            if isinstance(over, Unrolled) and over.limit is None:
                return [now(self, element) for element in over.elements]
        raise self.unsupported(
            node, "the length of this sequence is not known while compiling",
            f"it is {describe(binding)}", "pass the elements one by one, or a tuple",
        )  # fmt: skip

    def expr_Dict(self, node: gast.Dict) -> Binding:
        items: dict[Any, Binding] = {}
        for k, v in zip(node.keys, node.values):
            if k is None:
                inner = self.plain_container(self.expression(v))
                table = self.table_items(inner, v)
                if isinstance(getattr(self.deref(inner), "type", None), TableOf):
                    return self.table_display(items, node)
                if table is None:
                    raise self.unsupported(
                        v, "`**` needs a dictionary",
                        f"this is {describe(inner)}", "write the keys out",
                    )  # fmt: skip
                items.update(table)
                continue
            key = self.settled(self.expression(k))
            if isinstance(key, Struct) and all(isinstance(p, Known) for p in key.parts):
                key = Known(tuple(p.value for p in key.parts if isinstance(p, Known)))
            if not isinstance(key, Known):
                return self.table_display(items, node)
            items[key.value] = self.boxed(self.expression(v), str(key.value))
        return self.new_table(items)

    def table_items(self, binding: Binding, node: gast.AST) -> dict[Any, Binding] | None:
        """What a dictionary of known keys holds; None for anything else."""
        content = self.deref(self.plain_container(binding))
        if isinstance(content, Struct) and content.kind == "dict":
            return dict(content.items)
        if isinstance(content, Known) and isinstance(content.value, Mapping):
            items = content.value.items()
            if reading.is_foreign(content.value):
                found = reading.read(self, reading.items, (content.value,), node)
                if not isinstance(found, Known):  # it holds arrays
                    return None
                items = found.value
            return {key: self.known_object(value) for key, value in items}
        return None

    def expr_NamedExpr(self, node: gast.NamedExpr) -> Binding:
        value = self.expression(node.value)
        self.bind(node.target.id, value, node.target)
        return value

    def expr_Lambda(self, node: gast.Lambda) -> Binding:
        return self.closure(node, "<lambda>")

    def closure(self, node: gast.FunctionDef | gast.Lambda, name: str) -> Closure:
        defaults = tuple(self.expression(d) for d in node.args.defaults)
        kw = tuple(None if d is None else self.expression(d) for d in node.args.kw_defaults)
        frame = self.frame
        while frame.is_class:
            frame = frame.outer
        return Closure(node, frame, defaults, kw, name, home=self.frame.home)

    def expr_JoinedStr(self, node: gast.JoinedStr) -> Binding:
        parts = [self.part_of_text(part) for part in node.values]
        if all(p is not None for p in parts):
            return Known("".join(parts))
        return self.opaque_expression(node, STR)


def is_list(content: Binding) -> bool:
    """Whether it is certainly a list."""
    if isinstance(content, Value):
        return isinstance(content.type, ListOf)
    if isinstance(content, Known):
        return isinstance(content.value, list)
    return isinstance(content, Struct) and content.kind == "list"


def _is_text(binding: Binding) -> bool:
    if isinstance(binding, Value):
        return binding.type == STR
    return isinstance(binding, Known) and isinstance(binding.value, str)


def _is_container(binding: Binding) -> bool:
    return isinstance(binding, Struct) and binding.kind != "object"


def _is_scalar(binding: Binding) -> bool:
    """Whether this is a number of Python; those of NumPy make arrays of containers."""
    if isinstance(binding, Known):
        return type(binding.value) in (int, float, complex, bool)
    return isinstance(binding, Value) and isinstance(binding.type, Scalar)


def _is_number(binding: Binding) -> bool:
    t = binding.type if isinstance(binding, Value) else None
    return isinstance(t, Scalar) or (isinstance(t, Array) and t.item)


def _foldable(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_foldable(v) for v in value)
    return not isinstance(value, (np.ndarray, np.generic))
