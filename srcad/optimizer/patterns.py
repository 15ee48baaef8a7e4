"""Derivatives of a few compositions that are shorter than what the chain rule gives for the parts.

Only mathematics that holds for all arguments, and that experts use by hand: the forward sweep
keeps its operations, the derivative is taken of the whole from the values at hand. Two facts:

- a logistic function has the derivative ``h * (1 - h)``, which is finite where exp overflows; near
  h = 1 it has the absolute, not the relative accuracy of h, as it has by hand;
- softmax, its logarithm, and the logarithm of a sum of exponentials (plus its shift) do not depend
  on a shift of their argument, so the maximum that is subtracted against overflow carries no
  derivative: a reduction and a comparison less.

And one way of writing: a quotient whose infinities or NaN are replaced at once is that of numbers
that are not zero, and constant elsewhere. By the parts, 0 / 0 would come of it.

    >>> import operator
    >>> from srcad.ir.abstract import FLOAT
    >>> from srcad.ir.build import Builder
    >>> from srcad.rules.symbols import apply
    >>> m, b = Value(FLOAT, "m"), Builder()
    >>> d = apply(b, operator.add, [1, apply(b, np.exp, [m])])
    >>> h = apply(b, operator.truediv, [1, d])
    >>> defining = {op.result: op for op in b.block}
    >>> found = match(defining[h], defining, dict.fromkeys(defining, 1))
    >>> found.name, found.inputs
    ('1 / (1 + exp(m))', (%m: float,))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from srcad.ir import ops as O
from srcad.ir.abstract import ANY, ONE, dims_of
from srcad.ir.values import Const, Op, Operand, Value
from srcad.optimizer.facts import ADD, DIV, SUB
from srcad.optimizer.rewrites import is_one
from srcad.pristine import math, np
from srcad.rules.inference import normalised_axes
from srcad.rules.language import unbroadcast_to

_EXP, _LOG = (np.exp, math.exp), (np.log, math.log)


@dataclass(frozen=True)
class Pattern:
    """An operation with those before it that it is differentiated together with.

    Attributes
    ----------
    inputs
        The operands that the derivative goes to; what lies between is passed over.
    others
        More operands for `vjp` and `jvp`, computed in the forward sweep.
    vjp
        ``vjp(g, y, *inputs, *others)``, the cotangents of the inputs as a tuple, on symbols.
    jvp
        ``jvp(dots, y, *inputs, *others)``, the tangent of the result; `dots` is a tuple.
    """

    name: str
    inputs: tuple[Operand, ...]
    others: tuple[Operand, ...]
    vjp: Callable[..., tuple[Any, ...]]
    jvp: Callable[..., Any]


@dataclass(frozen=True)
class _Site:
    """The operations around a candidate."""

    defining: Mapping[Value, Op]
    uses: Mapping[Value, int]
    loop_of: Mapping[Value, Op]
    loop: Op | None

    def made_by(self, operand: Operand, fns: tuple[Any, ...]) -> Op | None:
        """The application of one of `fns` that defines an operand."""
        op = self.defining.get(operand) if isinstance(operand, Value) else None
        if op is None or op.kind is not O.APPLY or op.attrs["fn"] not in fns:
            return None
        return op if self.loop_of.get(op.result) is self.loop else None

    def inner(self, operand: Operand, fns: tuple[Any, ...], uses: int = 1) -> Op | None:
        """The application of one of `fns` that defines an operand and is read `uses` times."""
        op = self.made_by(operand, fns)
        return op if op is not None and self.uses.get(op.result, 0) == uses else None

    def one_plus_exp(self, operand: Operand, uses_of_exp: int) -> Op | None:
        """The ``exp(m)`` in ``1 + exp(m)``."""
        total = self.inner(operand, ADD)
        if total is None:
            return None
        for one, other in (total.operands, total.operands[::-1]):
            exp = self.inner(other, _EXP, uses_of_exp)
            if exp is not None and is_one(one):
                return exp
        return None

    def sum_of_exp(self, operand: Operand, uses_of_exp: int) -> tuple[Op, Op] | None:
        """The sum and the ``exp(z)`` in ``sum(exp(z))``, if the sum stretches back to z."""
        total = self.inner(operand, (np.sum,))
        if total is None or len(total.operands) != 1:
            return None
        if not total.attrs.keys() <= {"fn", "axis", "keepdims"}:
            return None
        if total.attrs.get("axis") is not None and not total.attrs.get("keepdims"):
            return None
        exp = self.inner(total.operands[0], _EXP, uses_of_exp)
        return None if exp is None else (total, exp)

    def unshifted(self, z: Operand, total: Op, uses_of_z: int) -> tuple[Operand, Operand | None]:
        """(x, c) if z is ``x - c`` with c constant over what is summed, else (z, None)."""
        shift = self.inner(z, SUB, uses_of_z)
        if shift is None:
            return z, None
        x, c = shift.operands
        dims, own, of_c = dims_of(z.type), dims_of(x.type), dims_of(c.type)
        if dims is None or ANY in dims or dims != own or of_c is None:
            return z, None
        axes = normalised_axes(total.attrs.get("axis"), len(dims))
        missing = len(dims) - len(of_c)
        constant = all(k < missing or of_c[k - missing] is ONE for k in axes)
        return (x, c) if constant else (z, None)


def _logistic(op: Op, site: _Site) -> Pattern | None:
    if op.attrs["fn"] not in DIV or not is_one(op.operands[0]):
        return None
    exp = site.one_plus_exp(op.operands[1], 1)
    if exp is None:
        return None
    return Pattern(
        "1 / (1 + exp(m))", exp.operands, (),
        lambda g, h, m: (-(g * h * (1 - h)),),
        lambda dots, h, m: -(dots[0] * h * (1 - h)),
    )  # fmt: skip


def _logistic_of_positive(op: Op, site: _Site) -> Pattern | None:
    if op.attrs["fn"] not in DIV:
        return None
    exp = site.one_plus_exp(op.operands[1], 2)
    if exp is None or exp.result is not op.operands[0]:
        return None
    return Pattern(
        "exp(m) / (1 + exp(m))", exp.operands, (),
        lambda g, h, m: (g * h * (1 - h),),
        lambda dots, h, m: dots[0] * h * (1 - h),
    )  # fmt: skip


def _softmax(op: Op, site: _Site) -> Pattern | None:
    found = site.sum_of_exp(op.operands[1], 2) if op.attrs["fn"] in DIV else None
    if found is None or found[1].result is not op.operands[0]:
        return None
    total, exp = found
    x, _ = site.unshifted(exp.operands[0], total, 1)
    over = total.statics
    return Pattern(
        "exp(z) / sum(exp(z))", (x,), (),
        lambda g, p, x: (p * (g - np.sum(g * p, **over)),),
        lambda dots, p, x: p * (dots[0] - np.sum(dots[0] * p, **over)),
    )  # fmt: skip


def _log_softmax(op: Op, site: _Site) -> Pattern | None:
    log = site.inner(op.operands[1], _LOG) if op.attrs["fn"] in SUB else None
    found = site.sum_of_exp(log.operands[0], 1) if log is not None else None
    if found is None or found[1].operands[0] is not op.operands[0]:
        return None
    total, exp = found
    x, _ = site.unshifted(exp.operands[0], total, 2)
    over = total.statics
    return Pattern(
        "z - log(sum(exp(z)))", (x,), (exp.result, total.result),
        lambda g, y, x, e, s: (g - e * (np.sum(g, **over) / s),),
        lambda dots, y, x, e, s: dots[0] - np.sum(e * dots[0], **over) / s,
    )  # fmt: skip


def _log_sum_exp(op: Op, site: _Site) -> Pattern | None:
    if op.attrs["fn"] not in ADD:
        return None
    c, other = op.operands
    log = site.inner(other, _LOG)
    if log is None:
        (other, c), log = op.operands, site.inner(c, _LOG)
    found = site.sum_of_exp(log.operands[0], 1) if log is not None else None
    if found is None:
        return None
    total, exp = found
    x, shift = site.unshifted(exp.operands[0], total, 1)
    if shift is None or shift is not c or dims_of(c.type) != dims_of(total.result.type):
        return None
    over = total.statics
    return Pattern(
        "c + log(sum(exp(x - c)))", (x,), (exp.result, total.result),
        lambda g, y, x, e, s: (e * (g / s),),
        lambda dots, y, x, e, s: np.sum(e * dots[0], **over) / s,
    )  # fmt: skip


def _replaced_quotient(op: Op, site: _Site) -> Pattern | None:
    """``np.nan_to_num(a / b)`` and ``np.where(np.isnan(a / b), 0.0, a / b)``."""
    fn, operands = op.attrs["fn"], op.operands
    keeps: Callable[[Any], Any]
    if fn is np.nan_to_num:
        quotient, keeps = site.made_by(operands[0], DIV), np.isfinite
    elif fn is np.where and len(operands) == 3 and isinstance(operands[1], Const):
        quotient, keeps = site.made_by(operands[2], DIV), _is_number
        test = site.made_by(operands[0], (np.isnan,))
        if test is None or test.operands[0] is not operands[2]:
            return None
    else:
        return None
    if quotient is None:
        return None

    def vjp(g: Any, y: Any, a: Any, b: Any, q: Any) -> tuple[Any, ...]:
        kept = keeps(q)
        g = np.where(kept, g, 0.0) / np.where(kept, b, 1.0)
        return unbroadcast_to(g, a, y), unbroadcast_to(-g * np.where(kept, q, 0.0), b, y)

    def jvp(dots: Any, y: Any, a: Any, b: Any, q: Any) -> Any:
        kept = keeps(q)
        above = 0.0 if dots[0] is None else dots[0]
        change = above if dots[1] is None else above - np.where(kept, q, 0.0) * dots[1]
        return np.where(kept, change, 0.0) / np.where(kept, b, 1.0)

    return Pattern("nan_to_num(a / b)", quotient.operands, (quotient.result,), vjp, jvp)


def _is_number(x: Any) -> Any:
    return np.logical_not(np.isnan(x))


PATTERNS = (_logistic, _logistic_of_positive, _softmax, _log_softmax, _log_sum_exp)


def match(
    op: Op,
    defining: Mapping[Value, Op],
    uses: Mapping[Value, int],
    loop_of: Mapping[Value, Op] = MappingProxyType({}),
) -> Pattern | None:
    """The pattern that ends with an operation, if there is one; all of it is in one loop.

    Parameters
    ----------
    defining
        The operation that defines each value of the function that is differentiated.
    uses
        How often each value is read there (yields count). What lies inside of a pattern is read
        by nothing else; else its derivative is needed anyway.
    loop_of
        The innermost loop of what is defined in one.
    """
    if op.kind is not O.APPLY:
        return None
    site = _Site(defining, uses, loop_of, loop_of.get(op.results[0]))
    for pattern in PATTERNS if len(op.operands) == 2 else (_replaced_quotient,):
        found = pattern(op, site)
        if found is not None:
            return found
    return None
