"""Opaque calls: functions that have neither a rule nor Python source, as `rng.normal()`.

What holds afterwards: the call stands in the IR as one OPAQUE operation, in its order and exactly
once. Nothing that it may change or that carries a derivative unseen goes into it: it takes known
objects, objects of the caller, numbers, and tuples of these. Whether a number that it
takes is differentiated is known to the differentiator only, which refuses it then.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
from dataclasses import dataclass
from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.abstract import BOOL, OBJECT, STR, UNKNOWN, Array, Scalar, Type
from srcad.ir.values import Const, Operand, Value
from srcad.parser.bindings import Binding, Known, LazyIterable, ObjectParam, Struct, describe
from srcad.parser.frames import StaticRequired
from srcad.pristine import copy_of
from srcad.rules.symbols import missing_rule, registration

_IMMUTABLE = (str, bytes, int, float, complex, frozenset, type(None))
_NUMBERS = (int, float, complex, str, bool, type(None))
# What sees the variables of its caller, and with how many arguments at most.
_VARIABLES = (
    (eval, 1), (exec, 1), (vars, 0), (dir, 0), (locals, 0),
    (sys._getframe, 1), (inspect.currentframe, 0),
)  # fmt: skip
_TO_TEXT = frozenset((
    "capitalize", "casefold", "center", "expandtabs", "format", "join", "ljust", "lower", "lstrip",
    "removeprefix", "removesuffix", "replace", "rjust", "rstrip", "strip", "swapcase", "title",
    "translate", "upper", "zfill",
))  # fmt: skip
# functions whose result depends on nothing but their arguments
_OF_CONSTANTS = (
    ord, chr, bin, hex, oct, format, repr, re.findall, re.split, re.sub,
)  # fmt: skip
_PLAIN_ERRORS = (ArithmeticError, TypeError, ValueError, LookupError, AttributeError)


@dataclass(eq=False)
class Method:
    """A method without Python source of an object that is there at run time, not called yet."""

    receiver: Value | ObjectParam
    name: str


def call(
    low: Any, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding:
    """The call of a known function, or of a `Method`, as an opaque operation.

    Raises
    ------
    MissingRuleError
        If an argument could carry a derivative, or could be changed by the call.
    """
    if _of_text(fn):
        args = [_as_tuple(low, a, node) for a in args]
    found = folded(low, fn, args, kwargs)
    if found is not None:
        return found
    if reads_variables(fn, len(args)):
        raise low.unsupported(
            node, f"`{fn.__name__}` cannot be differentiated here",
            "it reads the variables of the function by their names, which a derivative need not "
            "have", "write the expression itself",
        )  # fmt: skip
    operands: list[Operand] = []

    def placeholder(operand: Operand) -> gast.Name:
        operands.append(operand)
        return gast.Name(f"${len(operands) - 1}", gast.Load(), None, None)

    if isinstance(fn, Method):
        receiver = fn.receiver if isinstance(fn.receiver, Value) else fn.receiver.value
        callee: gast.AST = gast.Attribute(placeholder(receiver), fn.name, gast.Load())
        name = _dotted(node) or f"{receiver.name}.{fn.name}"
    else:
        name = _dotted(node) or getattr(fn, "__qualname__", type(fn).__name__)
        low.check_opaque(fn, name, node)
        text = _text_of(low, fn, node)
        if text is None:
            callee = placeholder(Const(fn, OBJECT))
        else:
            callee, parts = text
            operands += parts
    given = [placeholder(_operand(low, fn, name, a, node)) for a in args]
    named = [
        gast.keyword(key, placeholder(_operand(low, fn, name, a, node)))
        for key, a in kwargs.items()
    ]
    template = gast.Call(callee, given, named)
    attrs = {"template": template, "name": name, "advice": registration(fn, name)}
    t: Type = UNKNOWN
    if _of_text(fn):  # it carries no derivative, whatever it is given
        attrs = {"template": template}
        t = STR if _name_of(fn) in _TO_TEXT else UNKNOWN
    around = low.builder.loc
    low.builder.loc = low.loc(node)
    result: Value = low.builder.emit1(O.OPAQUE, tuple(operands), t, "t", attrs)
    low.builder.loc = around
    low.opaque_values.add(result)
    return result


def reads_variables(fn: Any, count: int = 0) -> bool:
    """Whether this, called with so many arguments, sees the variables of its caller."""
    return any(fn is f and count <= most for f, most in _VARIABLES)


def method(low: Any, owner: Value, name: str) -> Known | None:
    """A method of a text or of what an opaque call gave; None for other values."""
    is_text = owner.type == STR and hasattr(str, name)
    return Known(Method(owner, name)) if is_text or owner in low.opaque_values else None


def _of_text(fn: Any) -> bool:
    """Whether this is a method of a text."""
    if isinstance(fn, Method):
        return isinstance(fn.receiver, Value) and fn.receiver.type == STR
    return isinstance(fn, types.BuiltinMethodType) and isinstance(fn.__self__, str)


def _name_of(fn: Any) -> str:
    return fn.name if isinstance(fn, Method) else fn.__name__


def folded(
    low: Any, fn: Any, args: list[Binding], kwargs: dict[str, Binding]
) -> Binding | None:
    """The result of a method of a constant: `name.lower()`. What fails shall fail at run time."""
    if kwargs:
        return None
    owner = getattr(fn, "__self__", None)
    bound = owner is not None and isinstance(owner, _IMMUTABLE)
    exact = isinstance(fn, type) and fn.__module__ == "fractions"
    if not (bound or exact or any(fn is f for f in _OF_CONSTANTS)):
        return None
    args = [_constant(low, a) for a in args]
    values = [a.value for a in args if isinstance(a, Known) and _is_constant(a.value)]
    if len(values) < len(args):
        return None
    try:
        found = fn(*values)
    except _PLAIN_ERRORS:
        return None
    if isinstance(found, list):  # of which nobody else knows
        return low.new_sequence("list", [Known(v) for v in found])  # type: ignore[no-any-return]
    return Known(found)


def _as_tuple(low: Any, binding: Binding, node: gast.AST) -> Binding:
    """What `", ".join` is given: its elements, if it is an iterator or a list of these."""
    content = low.deref(binding)
    if isinstance(content, LazyIterable) or (
        isinstance(content, Struct) and content.kind == "list"
    ):
        return Struct.sequence("tuple", low.known_elements(binding, node))
    return binding


def _constant(low: Any, binding: Binding) -> Binding:
    """A list or tuple of constants as one constant: `", ".join(names)`."""
    content = low.settled(binding)
    if isinstance(content, Struct) and content.kind in ("tuple", "list"):
        if all(isinstance(p, Known) for p in content.parts):
            return Known(tuple(p.value for p in content.parts if isinstance(p, Known)))
    return binding


def _is_constant(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return isinstance(value, _IMMUTABLE)


def _dotted(node: gast.AST) -> str:
    """How the user writes the function that is called: a dotted name, or an empty text."""
    found = node.func if isinstance(node, gast.Call) else None
    parts: list[str] = []
    while isinstance(found, gast.Attribute):
        parts.insert(0, found.attr)
        found = found.value
    return ".".join([found.id, *parts]) if isinstance(found, gast.Name) else ""


def _text_of(low: Any, fn: Any, node: gast.AST) -> tuple[gast.AST, list[Operand]] | None:
    """The user's own text for the function; None where the call does not name it."""
    text = node.func if isinstance(node, gast.Call) else None
    root = text
    while isinstance(root, gast.Attribute):
        root = root.value
    if not isinstance(root, gast.Name):
        return None
    named = low.expression(text)
    if not isinstance(named, Known) or named.value != fn:
        return None
    if isinstance(text, gast.Attribute):
        owner = low.expression(text.value)
        module = owner.value if isinstance(owner, Known) else None
        if isinstance(module, types.ModuleType):
            if getattr(copy_of(module), text.attr, None) != fn:
                return None  # something else has been put there: live code reads the original
    found: tuple[gast.AST, list[Operand]] = low.template(text)
    return found


def _operand(low: Any, fn: Any, name: str, binding: Binding, node: gast.AST) -> Operand:
    binding = low.deref(binding)
    if isinstance(binding, Known):
        if isinstance(binding.value, _NUMBERS):
            return Const.of(binding.value)
        return Const(binding.value, OBJECT)
    if isinstance(binding, ObjectParam):
        return binding.value
    if isinstance(binding, Struct) and binding.kind == "tuple":
        for part in binding.parts:
            _operand(low, fn, name, part, node)
        return low.operand(binding, node)  # type: ignore[no-any-return]
    if isinstance(binding, Value):
        if _is_immutable(binding.type) or _of_text(fn):
            return binding
    missing = missing_rule(
        fn, name,
        f"it has neither a rule nor Python source to look into, and is given {describe(binding)}",
        low.loc(node),
    )  # fmt: skip
    if isinstance(binding, Value) and binding.type == UNKNOWN:
        params = low.origins(binding)
        if params:
            raise StaticRequired(params, instead=missing)  # generic code: its type decides
    raise missing


def _is_immutable(t: Type) -> bool:
    return isinstance(t, Scalar) or t in (STR, BOOL) or (isinstance(t, Array) and t.item)
