"""Methods of ufuncs: `np.add.reduce`, `accumulate`, `reduceat`, `outer` and `at`.

What holds afterwards: each is a call of the function that it is (`np.sum` for `np.add.reduce`), or
the loop that it stands for, which is followed like a function of the user's.
"""

from __future__ import annotations

import types
from typing import Any

import gast

from srcad.ir.abstract import is_number, rank_of
from srcad.parser.bindings import Binding, Known, same
from srcad.pristine import np

_SAME_AS: dict[tuple[np.ufunc, str], Any] = {
    (np.add, "reduce"): np.sum, (np.multiply, "reduce"): np.prod, (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min, (np.logical_and, "reduce"): np.all,
    (np.logical_or, "reduce"): np.any, (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
}  # fmt: skip
_PARAMETERS = {
    "reduce": ("array", "axis", "dtype", "out", "keepdims", "initial", "where"),
    "accumulate": ("array", "axis", "dtype", "out"),
    "reduceat": ("array", "indices", "axis", "dtype", "out"),
}


def reduced(ufunc: Any, rows: Any) -> Any:
    """`ufunc.reduce(rows)`."""
    total = rows[0]
    for k in range(1, len(rows)):
        total = ufunc(total, rows[k])
    return total


def accumulated(ufunc: Any, rows: Any) -> Any:
    """`ufunc.accumulate(rows)`."""
    totals = np.empty(rows.shape, dtype=ufunc(rows[:1], rows[:1]).dtype)
    totals[:1] = rows[:1]
    for k in range(1, len(rows)):
        totals[k] = ufunc(totals[k - 1], rows[k])
    return totals


def reduced_at(ufunc: Any, rows: Any, indices: Any) -> Any:
    """`ufunc.reduceat(rows, indices)`: from each index up to the next one."""
    starts = np.asarray(indices)
    stops = np.append(starts[1:], len(rows))
    shape = (len(starts), *rows.shape[1:])
    totals = np.empty(shape, dtype=ufunc(rows[:1], rows[:1]).dtype)
    for k in range(len(starts)):
        totals[k] = rows[starts[k]]
        for i in range(starts[k] + 1, stops[k]):
            totals[k] = ufunc(totals[k], rows[i])
    return totals


def updated_at(ufunc: Any, x: Any, indices: Any, values: Any) -> None:
    """`ufunc.at(x, indices, values)` for one integer array."""
    places = np.asarray(indices)
    stretched = np.broadcast_to(values, np.shape(x[places]))
    for k in range(len(places)):
        x[places[k]] = ufunc(x[places[k]], stretched[k])


def ufunc_method(
    low: Any, fn: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    """The result of a method of a ufunc; None if `fn` is none that gives one."""
    ufunc = getattr(fn, "__self__", None)
    if not isinstance(ufunc, np.ufunc) or not isinstance(fn, types.BuiltinMethodType):
        return None
    if fn.__name__ == "outer" and len(args) == 2 and not kwargs:
        return _outer(low, ufunc, args, node)
    names = _PARAMETERS.get(fn.__name__)
    if names is None or len(args) > len(names):
        return None
    given = dict(zip(names, args)) | kwargs
    given = {k: v for k, v in given.items() if k in ("array", "axis") or not same(v, Known(None))}
    out = given.pop("out", None)
    made = _applied(low, ufunc, fn.__name__, given, node)
    if out is None:
        return made
    low.put_into(out, made, node)
    return out


def _applied(
    low: Any, ufunc: np.ufunc, name: str, given: dict[str, Binding], node: gast.AST
) -> Binding:
    array = given.pop("array")
    axis = given.pop("axis", Known(0))
    function = _SAME_AS.get((ufunc, name))
    if function is not None:
        return low.call_known(function, [array], {"axis": axis, **given}, node)  # type: ignore[no-any-return]
    keepdims = given.pop("keepdims", Known(False))
    indices = [given.pop("indices")] if name == "reduceat" else []
    whole = name == "reduce" and same(axis, Known(None))
    if given or not isinstance(axis, Known) or not (whole or isinstance(axis.value, int)):
        raise low.unsupported(
            node, f"this call of `{ufunc.__name__}.{name}` cannot be differentiated",
            "srcad follows it along one axis, without `dtype`, `initial` and `where`",
            "write it as a loop",
        )  # fmt: skip
    if whole:
        rows = low.apply(np.reshape, [array, Known(-1)], {}, node)
    else:
        rows = low.apply(np.moveaxis, [array, axis, Known(0)], {}, node)
    loop = {"reduce": reduced, "accumulate": accumulated, "reduceat": reduced_at}[name]
    made = low.call_source(loop, [Known(ufunc), low.boxed(rows), *indices], {}, node)
    if name != "reduce":
        return low.apply(np.moveaxis, [made, Known(0), axis], {}, node)  # type: ignore[no-any-return]
    if same(keepdims, Known(True)):
        rank = rank_of(low.operand(array, node).type)
        if whole and rank is None:
            raise low.unsupported(
                node, f"`keepdims` of `{ufunc.__name__}.reduce` needs the number of dimensions",
                "it is not known while compiling", "give the types of the arguments",
            )  # fmt: skip
        axes = tuple(range(rank)) if whole and rank is not None else axis.value
        made = low.apply(np.expand_dims, [made, Known(axes)], {}, node)
    return made  # type: ignore[no-any-return]


def _outer(low: Any, ufunc: np.ufunc, args: list[Binding], node: gast.AST) -> Binding:
    """`ufunc.outer(a, b)`: each element of `a` with all of `b`."""
    a, b = (low.apply(np.asarray, [x], {}, node) for x in args)
    t = low.operand(b, node).type
    rank = 0 if is_number(t) else rank_of(t)
    if rank is None:
        raise low.unsupported(
            node, f"`{ufunc.__name__}.outer` needs the number of dimensions of its second array",
            "it is not known while compiling", "give the types of the arguments",
        )  # fmt: skip
    if rank:
        rank_of_a = rank_of(low.operand(a, node).type)
        axes = tuple(range(-rank, 0))
        if rank_of_a == 0 or is_number(low.operand(a, node).type):
            return low.call_known(ufunc, [a, b], {}, node)  # type: ignore[no-any-return]
        a = low.apply(np.expand_dims, [a, Known(axes)], {}, node)
    return low.call_known(ufunc, [a, b], {}, node)  # type: ignore[no-any-return]
