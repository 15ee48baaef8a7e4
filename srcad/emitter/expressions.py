"""Operations as Python expressions: operators, calls, attributes, indices, literals.

Types decide the text: what needs a helper of `srcad.runtime` in general is plain NumPy where the
types of the operands are known.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import gast

from srcad import runtime
from srcad.emitter import tree as T
from srcad.emitter.names import Names, module_of
from srcad.emitter.operators import COMPARE, INFIX, POSITIONAL, PREFIX
from srcad.emitter.ownership import is_filling
from srcad.errors import InternalError
from srcad.ir import ops as O
from srcad.ir.abstract import Array, Scalar, TableOf, is_number, kind_of
from srcad.ir.values import UNDEFINED, Const, Op, Operand, Role, Value
from srcad.pristine import np
from srcad.rules.registry import call_arguments, lookup


class Expressions:
    """Prints the operations of one function.

    `variable` makes the node for a value's variable, `folded` tells which values have none.
    """

    def __init__(
        self, program: T.Program, names: Names, variable: Callable[[Value], gast.Name],
        parameters: frozenset[str],
    ) -> None:  # fmt: skip
        self.program, self.names, self.variable = program, names, variable
        self.parameters = parameters

    # ------------------------------------------------------------------ operands
    def __call__(self, operand: Operand) -> gast.expr:
        if operand is UNDEFINED:
            return constant(None)
        if isinstance(operand, Const):
            return self.literal(operand.value)
        found = self.program.folded.get(operand)
        if found is None:
            return self.variable(operand)
        return self.ternary(found) if isinstance(found, T.Ternary) else self.operation(found)

    def literal(self, value: Any) -> gast.expr:
        if value is None or value is Ellipsis or type(value) in (
            bool, int, float, complex, str, bytes
        ):  # fmt: skip
            return constant(value)
        if type(value) is tuple:
            return gast.Tuple([self.literal(v) for v in value], gast.Load())
        if type(value) is slice:
            parts = (value.start, value.stop, value.step)
            args = [self.literal(p) for p in (parts if parts[2] is not None else parts[:2])]
            return gast.Call(self.names.of_object(slice), args, [])
        if isinstance(value, np.dtype):
            return self.dtype(value)
        if isinstance(value, np.generic):
            return gast.Call(self.names.of_object(type(value)), [self.literal(value.item())], [])
        return self.names.of_object(value)

    def dtype(self, dtype: Any) -> gast.expr:
        name = np.dtype(dtype).name
        if hasattr(np, name):
            return self.attribute_of(np, name)
        return constant(name)

    def ternary(self, choice: T.Ternary) -> gast.expr:
        if choice.then is None:
            return _chain(gast.Or, self(choice.cond), self(choice.orelse))  # type: ignore[arg-type]
        if choice.orelse is None:
            return _chain(gast.And, self(choice.cond), self(choice.then))
        then, orelse = self(choice.then), self(choice.orelse)
        if isinstance(then, gast.Constant) and then.value is False:  # `not c and orelse`
            otherwise = gast.UnaryOp(gast.Not(), self(choice.cond))
            if isinstance(orelse, gast.Constant) and orelse.value is True:
                return otherwise
            return _chain(gast.And, otherwise, orelse)
        return gast.IfExp(self(choice.cond), then, orelse)

    # ------------------------------------------------------------------ operations
    def operation(self, op: Op) -> gast.expr:
        if op.kind is O.APPLY:
            return self.apply(op)
        if op.kind is O.GETITEM:
            return self.subscript(op.operands[0], op.operands[1:])
        if op.kind is O.FIELD:
            return self.field(op)
        if op.kind is O.GLOBAL:
            return self.global_value(op)
        if op.kind is O.PACK:
            return self.pack(op)
        if op.kind is O.OPAQUE:
            found = self.template(op)
            return found.value if isinstance(found, gast.Expr) else found  # type: ignore[return-value]
        raise InternalError(f"the operation {op.kind} is not an expression", loc=op.loc)

    def field(self, op: Op) -> gast.expr:
        key = op.attrs["key"]
        if op.attrs.get("attribute"):
            return gast.Attribute(self(op.operands[0]), key, gast.Load())
        return gast.Subscript(self(op.operands[0]), self.literal(key), gast.Load())

    def global_value(self, op: Op) -> gast.expr:
        name, holder, fixed = op.attrs["name"], op.attrs["holder"], op.attrs.get("value")
        if fixed is not None:
            own = self.names.resolve(fixed)
            if own is not None and own not in self.parameters:
                return self.names.user_name(own)
            return self.names.helper(fixed, name)
        if isinstance(holder, dict):
            module = module_of(holder)
            if module is None:
                table = self.names.helper(holder, "namespace")
                return gast.Subscript(table, constant(name), gast.Load())
            return self.attribute_of(module, name)
        if holder is not None:
            return self.attribute_of(holder, name)
        if name in self.parameters:
            table = gast.Call(self.names.of_object(globals), [], [])
            return gast.Subscript(table, constant(name), gast.Load())
        return self.names.user_name(name)

    def pack(self, op: Op) -> gast.expr:
        parts = [self(o) for o in op.operands]
        container = op.attrs["container"]
        if container == "dict":
            return gast.Dict([self.literal(k) for k in op.attrs["keys"]], parts)
        if container == "list":
            return gast.List(parts, gast.Load())
        return gast.Tuple(parts, gast.Load())

    def template(self, op: Op) -> gast.AST:
        """The user's own code with operands in place of its names."""

        def rebuild(node: Any) -> Any:
            if isinstance(node, list):
                return [rebuild(n) for n in node]
            if isinstance(node, gast.Name) and node.id.startswith("$"):
                return self(op.operands[int(node.id[1:])])
            if not isinstance(node, gast.AST):
                return node
            return type(node)(**{f: rebuild(getattr(node, f, None)) for f in node._fields})

        found = rebuild(op.attrs["template"])
        assert isinstance(found, gast.AST)
        return found

    # ------------------------------------------------------------------ indices
    def subscript(self, array: Operand, parts: tuple[Operand, ...]) -> gast.Subscript:
        return gast.Subscript(self(array), self.index(parts), gast.Load())

    def index(self, parts: tuple[Operand, ...]) -> gast.expr:
        nodes = [self.index_part(p) for p in parts]
        if len(nodes) != 1:
            return gast.Tuple(nodes, gast.Load())
        return nodes[0]

    def index_part(self, part: Operand) -> gast.expr:
        if isinstance(part, Const):
            if type(part.value) is slice:
                s = part.value
                return self.slice([Const.of(v) for v in (s.start, s.stop, s.step)])
            return self.literal(part.value)
        found = self.program.folded.get(part)
        if isinstance(found, Op) and found.attrs.get("fn") is slice:
            bounds = list(found.operands)
            if len(bounds) == 1:
                bounds.insert(0, Const.of(None))
            return self.slice(bounds)
        return self(part)

    def slice(self, bounds: list[Operand]) -> gast.Slice:
        nodes = [None if isinstance(b, Const) and b.value is None else self(b) for b in bounds]
        return gast.Slice(*nodes, *[None] * (3 - len(nodes)))

    # ------------------------------------------------------------------ applications
    def apply(self, op: Op) -> gast.expr:
        fn = op.attrs["fn"]
        if fn in INFIX and len(op.operands) == 2:
            left, right = self(op.operands[0]), self(op.operands[1])
            operator, right = signed(INFIX[fn](), right, op.results[0].role)
            return gast.BinOp(left, operator, right)
        if fn in COMPARE:
            left, right = op.operands
            return gast.Compare(self(left), [COMPARE[fn]()], [self(right)])
        if fn in PREFIX:
            return gast.UnaryOp(PREFIX[fn](), self(op.operands[0]))
        special = _SPECIAL.get(fn)
        found = special(self, op) if special is not None else None
        return self.call(op) if found is None else found

    def call(self, op: Op) -> gast.expr:
        """A call with the arguments in the order of the rule's signature."""
        fn = op.attrs["fn"]
        rule = lookup(fn)
        statics = op.statics
        function = self.names.of_object(fn)
        args: list[gast.expr] = []
        keywords: list[gast.keyword] = []
        written = (
            [(None, o) for o in op.operands] if rule is None else call_arguments(rule, op.operands)
        )
        for name, operand in written:
            if name is None:
                args.append(self(operand))
            else:
                keywords.append(gast.keyword(name, self(operand)))
        for name in POSITIONAL.get(fn, ()):
            if name in statics and not keywords:
                args.append(self.static(name, statics.pop(name)))
        keywords += [gast.keyword(k, self.static(k, v)) for k, v in statics.items()]
        return gast.Call(function, args, keywords)

    def index_argument(self, parts: tuple[Operand, ...]) -> gast.expr:
        """An index as an argument of a call, where slices have no syntax of their own."""
        index = self.index(parts)
        elements = index.elts if isinstance(index, gast.Tuple) else [index]
        if not any(isinstance(e, gast.Slice) for e in elements):
            return index
        return gast.Subscript(self.attribute_of(np, "s_"), index, gast.Load())

    def static(self, name: str, value: Any) -> gast.expr:
        if name == "dtype" and isinstance(value, str):
            return self.dtype(value)
        return self.literal(value)

    def numpy(self, name: str, *args: gast.expr, **keywords: gast.expr) -> gast.Call:
        function = self.names.of_object(getattr(np, name))
        return gast.Call(function, list(args), [gast.keyword(k, v) for k, v in keywords.items()])

    def attribute_of(self, obj: Any, name: str) -> gast.Attribute:
        return gast.Attribute(self.names.of_object(obj), name, gast.Load())

    def attribute(self, operand: Operand, name: str) -> gast.Attribute:
        return gast.Attribute(self(operand), name, gast.Load())


def _chain(operator: type[gast.boolop], left: gast.expr, right: gast.expr) -> gast.BoolOp:
    """`left and right` or `left or right`; both may be such chains already."""
    values: list[gast.expr] = []
    for part in (left, right):
        joined = isinstance(part, gast.BoolOp) and isinstance(part.op, operator)
        values += part.values if joined else [part]
    return gast.BoolOp(operator(), values)


def constant(value: Any) -> gast.Constant:
    return gast.Constant(value, None)


def signed(
    operator: gast.operator, right: gast.expr, role: Role
) -> tuple[gast.operator, gast.expr]:
    """``a - b`` for ``a + -b`` in derivatives, whose numbers are floats: the same in IEEE 754."""
    positive = _without_minus(right) if isinstance(operator, gast.Add) else None
    if positive is None or role not in (Role.ADJOINT, Role.TANGENT):
        return operator, right
    return gast.Sub(), positive


def _without_minus(node: gast.expr) -> gast.expr | None:
    """The expression without the sign that it begins with; None if there is none."""
    if isinstance(node, gast.UnaryOp) and isinstance(node.op, gast.USub):
        return node.operand
    if isinstance(node, gast.Constant):
        return constant(-node.value) if type(node.value) is float and node.value < 0.0 else None
    if isinstance(node, gast.BinOp) and isinstance(node.op, gast.Mult):
        left = _without_minus(node.left)
        return None if left is None else gast.BinOp(left, node.op, node.right)
    return None


def _is_array(operand: Operand) -> bool:
    return isinstance(operand, Value) and isinstance(operand.type, Array)


def _attribute(name: str) -> Callable[[Expressions, Op], gast.expr | None]:
    def special(e: Expressions, op: Op) -> gast.expr | None:
        (x, *more) = op.operands
        if more or len(op.attrs) > 1 or not _is_array(x):
            return None
        t = x.type
        if isinstance(t, Array) and not t.dims and (t.dtype is None or name != "T"):
            return None  # an array, or a number on some path
        return e.attribute(x, name)

    return special


def _select(e: Expressions, op: Op) -> gast.expr:
    condition, x, y = op.operands
    return gast.IfExp(e(condition), e(x), e(y))


def _slice(e: Expressions, op: Op) -> gast.expr:
    return gast.Call(e.names.of_object(slice), [e(o) for o in op.operands], [])


def _contains(e: Expressions, op: Op) -> gast.expr:
    container, x = op.operands
    return gast.Compare(e(x), [gast.In()], [e(container)])


def _broadcast_like(e: Expressions, op: Op) -> gast.expr | None:
    g, x = op.operands
    if not isinstance(x.type, Array) or not x.type.dims or not isinstance(x, Value):
        return None
    shape = e.attribute(x, "shape")
    if is_filling(op):
        return e.numpy("full", shape, e(g))
    return e.numpy("broadcast_to", e(g), shape)


def _expand_dims(e: Expressions, op: Op) -> gast.expr | None:
    """``x[:, None]``, which is much faster; what the user has written stays."""
    (x,), result = op.operands, op.results[0]
    t = result.type
    if result.role is Role.PRIMAL or not isinstance(t, Array) or t.dims is None:
        return None
    if not isinstance(x, Value) or not isinstance(x.type, Array) or x.type.item:
        return None
    axis = op.attrs["axis"]
    added = {a % len(t.dims) for a in (axis if isinstance(axis, tuple) else (axis,))}
    if not added:
        return None
    last = max(added)
    return e.subscript(x, tuple(_NEW if k in added else _ALL for k in range(last + 1)))


_NEW, _ALL = Const.of(None), Const.of(slice(None))


def _zeros_like(e: Expressions, op: Op) -> gast.expr | None:
    (x,) = op.operands
    t = x.type
    if isinstance(t, Scalar) and t.kind == "float":
        return constant(0.0)
    if isinstance(t, TableOf):
        return gast.Dict([], [])
    if not isinstance(t, Array) or t.item or t.dims is None or t.dtype is None or not t.dims:
        return None
    if kind_of(t) in ("f", "c"):
        return e.numpy("zeros_like", e(x))
    return e.numpy("zeros", e.attribute(x, "shape"))


def _zeros_list(e: Expressions, op: Op) -> gast.expr | None:
    *number, x = op.operands
    if x in e.program.may_be_none:  # the helper knows
        return None
    length = gast.Call(e.names.of_object(len), [e(x)], [])
    element = e(number[0]) if number else constant(0.0)
    return gast.BinOp(gast.List([element], gast.Load()), gast.Mult(), length)


def _keys_of(e: Expressions, op: Op) -> gast.expr:
    return gast.Call(e.names.of_object(list), [e(op.operands[0])], [])


def _astype(e: Expressions, op: Op) -> gast.expr:
    (x,) = op.operands
    name = op.attrs.get("dtype", "float64")  # the rule's default is not written in the IR
    if isinstance(x.type, Array) and x.type.item and name in ("float32", "float64"):
        return gast.Call(e.dtype(name), [e(x)], [])  # that of a path may be a Python float
    if _is_array(x):
        return gast.Call(e.attribute(x, "astype"), [e.dtype(name)], [])
    return gast.Call(e.names.of_object(runtime.astype), [e(x), constant(name)], [])


def _entry_of(e: Expressions, op: Op) -> gast.expr | None:
    table, key, like = op.operands
    if not isinstance(table.type, TableOf) or not is_number(like.type):
        return None
    get = e.attribute(table, "get")
    return gast.Call(get, [e(key), constant(0.0)], [])


def _method(name: str) -> Callable[[Expressions, Op], gast.expr | None]:
    def special(e: Expressions, op: Op) -> gast.expr | None:
        x, *args = op.operands
        return gast.Call(e.attribute(x, name), [e(a) for a in args], [])

    return special


_SPECIAL: dict[Any, Callable[[Expressions, Op], gast.expr | None]] = {
    np.shape: _attribute("shape"), np.size: _attribute("size"), np.ndim: _attribute("ndim"),
    np.transpose: _attribute("T"), np.expand_dims: _expand_dims, runtime.select: _select,
    slice: _slice,
    runtime.broadcast_like: _broadcast_like, runtime.zeros_like: _zeros_like,
    runtime.astype: _astype, operator.contains: _contains, runtime.zeros_list: _zeros_list,
    runtime.list_like: _zeros_list,
    np.ndarray.tolist: _method("tolist"), list.index: _method("index"),
    list.count: _method("count"), runtime.entry_of: _entry_of, runtime.keys_of: _keys_of,
}  # fmt: skip
