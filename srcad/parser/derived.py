"""A derivative taken inside of a differentiated function: a call of a function yet to be derived.

The parser only states what is to be derived (`Function.derivation`) and the types of the result;
the differentiator fills in the body before it transforms the caller.
"""

from __future__ import annotations

from typing import Any

import gast

from srcad.ir import ops as O
from srcad.ir.abstract import adjoint_type, differentiable, is_number
from srcad.ir.build import clone_function
from srcad.ir.values import Function, Operand, Region, Value
from srcad.parser.bindings import Binding, Struct, values_in


def emit_derivative(
    lowerer: Any,
    callee: Any,
    operands: list[Operand],
    transform: str,
    options: dict[str, Any],
    names: list[str],
    bound: dict[str, Binding],
    node: gast.AST,
) -> Binding:
    """Emit the call of the derivative of `callee` and return what it gives."""
    argnums = options.pop("argnums", 0)
    if options:
        raise lowerer.unsupported(
            node, f"the option `{next(iter(options))}` is not supported in a nested derivative",
            "it would be ignored", "leave it out",
        )  # fmt: skip
    base: Function = callee.function
    wanted = argnums if isinstance(argnums, tuple) else (argnums,)
    positions = []
    for a in wanted:
        name = names[a] if isinstance(a, int) else a
        before = sum(len(values_in(bound[n])) for n in names[: names.index(name)])
        if not isinstance(bound[name], Value) or not differentiable(bound[name].type):
            raise lowerer.unsupported(
                node, f"the argument `{name}` of a nested derivative is not a number or array",
                "only those can be differentiated here", "choose other argnums",
            )  # fmt: skip
        positions.append(before)
    if len(base.body.yields) != 1 or base.result != 0 or not is_number(base.body.yields[0].type):
        raise lowerer.unsupported(
            node, f"the derivative of `{base.name}` is taken, which does not return one number",
            "a gradient is of a scalar function", "return one number",
        )  # fmt: skip
    shape = clone_function(base)
    yields: list[Operand] = [shape.body.params[i] for i in positions]
    types = [adjoint_type(v.type) for v in yields]
    hints = [f"{base.params[i].name}_bar" for i in positions]
    if transform == "value_and_grad":
        yields = [shape.body.yields[0], *yields]
        types = [base.body.yields[0].type, *types]
        hints = [base.name, *hints]
        yields[0] = shape.body.params[positions[0]]
    function = Function(
        f"{base.name}_grad", shape.params, Region(shape.body.params, [], tuple(yields)),
        tuple(range(len(yields))) if len(yields) != 1 else 0, shape.inputs, loc=base.loc,
        derivation=(base, transform, tuple(positions)),
    )  # fmt: skip
    results = list(lowerer.builder.emit(O.CALL, operands, types, hints, {"callee": function}))
    value = results.pop(0) if transform == "value_and_grad" else None
    grads: Binding = results[0] if not isinstance(argnums, tuple) else Struct.sequence("tuple", results)
    return grads if value is None else Struct.sequence("tuple", [value, grads])
