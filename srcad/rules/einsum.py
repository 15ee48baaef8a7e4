"""The rule of `np.einsum`: the cotangent of each operand is such a sum of products again.

A cotangent from two factors is planned by `srcad.rules.contract`. Where an index may broadcast
(a size of one, or a size that is not known), or repeats in the operand, `runtime.einsum_vjp`
decides at run time; its own row is here, so that both are closed under differentiation.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from srcad import runtime
from srcad.errors import MissingRuleError
from srcad.ir.abstract import ANY, MANY, ONE, Array, Dim, Type, dims_of, rank_of
from srcad.pristine import np
from srcad.rules.contract import contract, expanded, ordered, spec
from srcad.rules.inference import Call
from srcad.rules.language import broadcast_like, call
from srcad.rules.registry import multilinear, rule
from srcad.rules.shape_types import array_of, joined_dtype

Labels = list[Hashable]


def _subscripts(text: Any, ranks: list[int | None]) -> tuple[list[Labels], Labels] | None:
    """The labels of every operand and of the result.

    The dimensions of an ellipsis are labelled by negative numbers, counted from the right. None
    if the rank of one is not known, or if the subscripts do not fit (then NumPy raises).
    """
    if not isinstance(text, str):
        raise MissingRuleError(
            "`np.einsum` with lists of axes has no derivative rule",
            reason="srcad reads the subscripts from a string",
            advice="write the subscripts as a string, e.g. np.einsum('ij,jk->ik', a, b)",
        )
    inputs, arrow, output = text.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ranks):
        return None
    extra = []  # the dimensions of each ellipsis
    for term, rank in zip(terms, ranks, strict=True):
        named = len(term.replace("...", ""))
        if "..." in term:
            if rank is None or rank < named:
                return None
            extra.append(rank - named)
        elif rank in (None, named):
            extra.append(0)
        else:
            return None

    def labels(term: str, dots: int) -> Labels:
        before, ellipsis, after = term.partition("...")
        return [*before, *(range(-dots, 0) if ellipsis else ()), *after]

    if not arrow:
        letters = inputs.replace(",", "").replace("...", "")
        once = sorted(c for c in set(letters) if letters.count(c) == 1)
        output = "..." * ("..." in inputs) + "".join(once)
    return (
        [labels(t, n) for t, n in zip(terms, extra, strict=True)],
        labels(output, max(extra, default=0)),
    )


def _einsum_type(call: Call) -> Type:
    parts = [array_of(t) for t in call.types[1:]]
    dtype = joined_dtype(p.dtype for p in parts)
    ranks = [None if p.dims is None else len(p.dims) for p in parts]
    found = _subscripts(call.constants[0], ranks)
    if found is None:
        return Array(dtype, None)
    inputs, output = found
    columns: dict[Hashable, list[Dim]] = {}
    for labels, part in zip(inputs, parts, strict=True):
        for c, d in zip(labels, part.dims or (ANY,) * len(labels), strict=True):
            columns.setdefault(c, []).append(d)
    dims = tuple(_together(columns.get(c, [])) for c in output)
    if dims == () and call.attrs.get("optimize") and len(parts) > 1:
        return Array(dtype, None)  # a number or an array, as the path ends
    return Array(dtype, dims, dims == ())


def _together(column: list[Dim]) -> Dim:
    """The size of an index from those of its occurrences; a size of one broadcasts."""
    if MANY in column:
        return MANY
    return ANY if ANY in column else ONE


def _same_sizes(inputs: list[Labels], operands: tuple[Any, ...]) -> bool:
    """Whether no index broadcasts: all its occurrences have certainly one size."""
    columns: dict[Hashable, set[Dim]] = {}
    counts: dict[Hashable, int] = {}
    for labels, x in zip(inputs, operands, strict=True):
        dims = dims_of(array_of(x.type)) or (ANY,) * len(labels)
        for c, d in zip(labels, dims, strict=True):
            columns.setdefault(c, set()).add(d)
            counts[c] = counts.get(c, 0) + 1
    return all(counts[c] == 1 or (len(s) == 1 and ANY not in s) for c, s in columns.items())


def _einsum(
    g: Any, position: int, subscripts: Any, *operands: Any, optimize: Any = False
) -> Any:
    me = position - 1
    like = operands[me]
    ranks = [rank_of(array_of(x.type)) for x in operands]
    found = _subscripts(subscripts.const if subscripts.is_const else None, ranks)
    target: Labels = [] if found is None else found[0][me]
    if (
        found is None or len(set(target)) < len(target) or not _same_sizes(found[0], operands)
    ):  # fmt: skip
        return call(runtime.einsum_vjp, g, g, subscripts, me, *operands)
    inputs, output = found
    pairs = list(zip(inputs, operands, strict=True))
    rest = pairs[:me] + pairs[me + 1 :]
    given = {*output, *(c for labels, _ in rest for c in labels)}
    reached = [c for c in target if c in given]
    if not rest:
        bar = ordered(g, output, reached)
    elif len(rest) == 1 and len(set(rest[0][0])) == len(rest[0][0]):
        labels, other = rest[0]
        if me == 0:
            bar = contract(g, output, other, labels, reached)
        else:
            bar = contract(other, labels, g, output, reached)
    else:
        text = spec([output, *(labels for labels, _ in rest)], reached)
        keywords: dict[str, Any] = {"optimize": True} if len(rest) > 1 else {}
        bar = np.einsum(text, g, *(x for _, x in rest), **keywords)
    if len(reached) == len(target):
        return bar
    return broadcast_like(expanded(bar, reached, target), like)


multilinear(np.einsum, _einsum, infer=_einsum_type)


@rule(runtime.einsum_vjp, infer=lambda c: _einsum_vjp_type(c))
class _EinsumVjp:
    """Linear in `g` and in every operand but the one whose cotangent it is."""

    @staticmethod
    def jvp(dots: Any, y: Any, g: Any, subscripts: Any, position: Any, *operands: Any) -> Any:
        total = None
        parts = [g, *operands]
        for i, dot in enumerate([dots[0], *dots[3:]]):
            if dot is None or i == position.const + 1:
                continue
            g_moved, *moved = [dot if j == i else x for j, x in enumerate(parts)]
            term = call(runtime.einsum_vjp, g, g_moved, subscripts, position, *moved)
            total = term if total is None else total + term
        return total

    @staticmethod
    def vjp(h: Any, y: Any, g: Any, subscripts: Any, position: Any, *operands: Any) -> Any:
        me = position.const
        with_h = [h if i == me else x for i, x in enumerate(operands)]
        bars: list[Any] = [call(np.einsum, g, subscripts, *with_h), None, None]
        for i in range(len(operands)):
            bars.append(
                None if i == me else call(runtime.einsum_vjp, g, g, subscripts, i, *with_h)
            )
        return tuple(bars)


def _einsum_vjp_type(call: Call) -> Type:
    position = call.constants[2]
    assert isinstance(position, int)
    g, *parts = (array_of(call.types[0]), *(array_of(t) for t in call.types[3:]))
    others = [p.dtype for i, p in enumerate(parts) if i != position]
    return Array(joined_dtype([g.dtype, *others]), parts[position].dims)

