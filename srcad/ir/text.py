"""The textual form of the IR: stable, without addresses, one operation a line.

    >>> from srcad.ir.values import *
    >>> from srcad.ir.abstract import FLOAT
    >>> x = Value(FLOAT, "x")
    >>> print(Function("f", (Param(x, "x"),), Region((x,), [], (x,)), 0))
    func f(%x: float) -> 0 {
      yield %x
    }
"""

from __future__ import annotations

from typing import Any

from srcad.ir import ops as O
from srcad.ir.values import Const, Function, Op, Operand, Region, Value, walk
from srcad.pristine import np


class _Names:
    """Gives each value a name that is unique in one function: hint, hint_1, hint_2 ..."""

    def __init__(self) -> None:
        self.of: dict[Value, str] = {}
        self.used: dict[str, int] = {}

    def __call__(self, value: Value) -> str:
        if value not in self.of:
            n = self.used.get(value.name, 0)
            self.used[value.name] = n + 1
            self.of[value] = f"%{value.name}" if n == 0 else f"%{value.name}_{n}"
        return self.of[value]


def function_text(function: Function) -> str:
    """Text of a function, and of the functions it calls, callees first."""
    texts = [_function_text(f) for f in callees(function)]
    return "\n\n".join([*texts, _function_text(function)])


def callees(function: Function) -> list[Function]:
    """All functions that `function` calls, directly or not, each once, callees first."""
    found: dict[int, Function] = {id(function): function}
    order: list[Function] = []

    def visit(f: Function) -> None:
        for op in walk(f.body):
            if op.kind is O.CALL:
                callee = op.attrs["callee"]
                if id(callee) not in found:
                    found[id(callee)] = callee
                    visit(callee)
                    order.append(callee)

    visit(function)
    return order


def _function_text(function: Function) -> str:
    names = _Names()
    params = ", ".join(f"{names(p.value)}: {p.value.type}" for p in function.params)
    place = f"  # {function.loc.short()}" if function.loc else ""
    lines = [f"func {function.name}({params}) -> {_tree(function.result)} {{{place}"]
    _region_lines(function.body, names, 1, lines)
    lines.append("}")
    return "\n".join(lines)


def _tree(tree: Any) -> str:
    if isinstance(tree, Const):
        return repr(tree.value)
    if isinstance(tree, tuple):
        return "(" + ", ".join(map(_tree, tree)) + ("," if len(tree) == 1 else "") + ")"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_tree, tree)) + "]"
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{k!r}: {_tree(v)}" for k, v in tree.items()) + "}"
    return str(tree)


def _operand(operand: Operand, names: _Names) -> str:
    if isinstance(operand, Value):
        return names(operand)
    if isinstance(operand, Const):
        return _constant(operand.value)
    return repr(operand)  # what the verifier refuses has a text too


def _constant(value: Any) -> str:
    if isinstance(value, slice):
        parts = (value.start, value.stop, value.step)
        return ":".join("" if p is None else str(p) for p in parts[: 2 if parts[2] is None else 3])
    if value is Ellipsis:
        return "..."
    return repr(value)


def function_name(fn: Any) -> str:
    """``np.sin``, ``math.exp``, ``operator.add``: how a function of the table is called in text."""
    module = getattr(fn, "__module__", None) or ""
    name: str = getattr(fn, "__qualname__", "") or getattr(fn, "__name__", repr(fn))
    module = {"numpy": "np", "_operator": "operator", "builtins": ""}.get(module, module)
    module = module.replace("numpy.", "np.")
    if not module and getattr(np, name, None) is fn:  # a ufunc does not tell its module
        module = "np"
    return f"{module}.{name}" if module else name


def _attrs(attrs: Any, skip: tuple[str, ...]) -> str:
    shown = [f"{k}={_attribute(v)}" for k, v in attrs.items() if k not in skip]
    return (" [" + ", ".join(shown) + "]") if shown else ""


def _attribute(value: Any) -> str:
    return function_name(value) if callable(value) else repr(value)


def _op_lines(op: Op, names: _Names, depth: int, lines: list[str]) -> None:
    pad = "  " * depth
    note = f"  # {op.loc.line}" if op.loc is not None else ""
    left = ", ".join(f"{names(r)}: {r.type}" for r in op.results)
    left = left + " = " if left else ""
    args = ", ".join(_operand(o, names) for o in op.operands)
    if op.kind is O.FOR:
        view = O.ForView(op)
        bounds = "..".join(_operand(o, names) for o in (view.start, view.stop, view.step))
        carry = ", ".join(
            f"{names(c)} = {_operand(i, names)}" for c, i in zip(view.carries, view.inits)
        )
        stream = ", ".join(
            f"{names(e)} in {_operand(s, names)}{' reversed' if f else ''}"
            for e, s, f in zip(view.elements, view.streams, view.stream_flags)
        )
        order = "reverse " if view.reverse else ""
        head = f"for {names(view.index)} in {order}{bounds} carry({carry}) stream({stream})"
        lines.append(f"{pad}{left}{head} {{{note}")
        _region_lines(view.body, names, depth + 1, lines, params=False)
        lines.append(pad + "}")
    elif op.kind is O.WHILE:
        view_w = O.WhileView(op)
        for p, q in zip(view_w.cond_carries, view_w.carries):
            names.of.setdefault(q, names(p))
        carry = ", ".join(
            f"{names(c)} = {_operand(i, names)}" for c, i in zip(view_w.carries, view_w.inits)
        )
        lines.append(f"{pad}{left}while carry({carry}) {{{note}")
        _region_lines(view_w.cond, names, depth + 1, lines, params=False)
        lines.append(pad + "} do {")
        _region_lines(view_w.body, names, depth + 1, lines, params=False)
        lines.append(pad + "}")
    elif op.kind is O.IF:
        lines.append(f"{pad}{left}if {args} {{{note}")
        _region_lines(op.regions[0], names, depth + 1, lines)
        lines.append(pad + "} else {")
        _region_lines(op.regions[1], names, depth + 1, lines)
        lines.append(pad + "}")
    else:
        head = op.kind.name
        skip: tuple[str, ...] = ("template",)
        if op.kind is O.APPLY:
            head, skip = function_name(op.attrs["fn"]), ("fn",)
        elif op.kind is O.CALL:
            head, skip = f"call {op.attrs['callee'].name}", ("callee",)
        lines.append(f"{pad}{left}{head}({args}){_attrs(op.attrs, skip)}{note}")


def _region_lines(
    region: Region, names: _Names, depth: int, lines: list[str], params: bool = True
) -> None:
    for op in region.ops:
        _op_lines(op, names, depth, lines)
    yields = ", ".join(_operand(o, names) for o in region.yields)
    lines.append("  " * depth + f"yield {yields}".rstrip())
