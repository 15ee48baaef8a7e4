"""Stores of a part of an array into another part of it, which NumPy may do without a copy.

What holds afterwards: the value that is stored is what it was before the store. For more than one
dimension NumPy sees to that; in one dimension it compares the directions only, so that parts
along different axes, or with different steps, are read while they are overwritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from srcad.ir.abstract import SLICE, Array, Scalar
from srcad.ir.values import Const, Operand
from srcad.parser.bindings import Ref, Step

Axis = tuple[int, int]  # which axis of the memory, with which step


def reads_what_it_overwrites(rank: int, target: Ref, index: Sequence[Operand], value: Any) -> bool:
    """Whether `target[index] = value` may read elements after it has overwritten them.

    `rank` is that of the memory that both are views of.
    """
    if not isinstance(value, Ref) or value.cell is not target.cell:
        return False
    there = _axes(rank, (*target.path, Step("index", tuple(index))))
    here = _axes(rank, value.path)
    if there is None or here is None or len(there) != 1 or len(here) != 1:
        return False
    ((axis, step),), ((other, pace),) = there, here
    if step * pace < 0:
        return False  # NumPy sees the opposite directions, and copies first
    return axis != other or step != pace


def are_apart(a: Sequence[Step], b: Sequence[Step]) -> bool:
    """Whether two views of one array have no element in common, as far as constants tell."""
    for x, y in zip(a, b):
        if x.key() == y.key():
            continue
        if not x.kind == y.kind == "index":
            return False
        for p, q in zip(x.operands, y.operands):
            if isinstance(p, Const) and isinstance(q, Const) and _distinct(p.value, q.value):
                return True
            if Step("index", (p,)).key() != Step("index", (q,)).key():
                return False
        return False
    return False


def _distinct(p: Any, q: Any) -> bool:
    """Whether two constant indices of an axis take different elements, whatever its length."""
    if type(p) is int and type(q) is int:
        return p != q and (p < 0) == (q < 0)
    if not (isinstance(p, slice) and isinstance(q, slice)):
        return False
    parts = [(s.start or 0, s.stop, s.step or 1) for s in (p, q)]
    for start, stop, step in parts:
        if not all(type(n) is int and n >= 0 for n in (start, step, 0 if stop is None else stop)):
            return False
    (first, end, _), (second, last, _) = parts
    return (end is not None and end <= second) or (last is not None and last <= first)


def _axes(rank: int, path: Sequence[Step]) -> list[Axis] | None:
    """The axes of the memory that are left in a view, in order; None if that is not known."""
    axes: list[Axis] = [(k, 1) for k in range(rank)]
    for step in path:
        if step.kind == "transpose":
            order = step.operands[0].value  # type: ignore[union-attr]
            axes = axes[::-1] if order is None else [axes[k] for k in order]
            continue
        if step.kind != "index":
            return None
        left: list[Axis] = []
        todo = iter(axes)
        for part in step.operands:
            if isinstance(part, Const) and part.value is Ellipsis and len(step.operands) == 1:
                continue
            axis = next(todo, None)
            if axis is None or not _counts_or_slices(part):
                return None
            if part.type == SLICE:
                pace = part.value.step if isinstance(part, Const) else None
                left.append((axis[0], axis[1] * (pace or 1)))
        axes = [*left, *todo]
    return axes


def _counts_or_slices(part: Operand) -> bool:
    t = part.type
    return t == SLICE or isinstance(t, Scalar) or (isinstance(t, Array) and t.item)
