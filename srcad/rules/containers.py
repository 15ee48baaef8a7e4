"""Lists as values: what `append` and `pop` make of a list, without changing it."""

from __future__ import annotations

import bisect
from typing import Any

from srcad import runtime
from srcad.ir.abstract import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    UNKNOWN,
    Array,
    ListOf,
    TupleOf,
    Type,
    join,
    kind_of,
)
from srcad.pristine import np
from srcad.rules.inference import Call
from srcad.rules.language import call, zeros_of
from srcad.rules.registry import linear, rule, zero
from srcad.rules.symbols import Sym, element_type


def _zeros(x: Any) -> Any:
    return Sym(x._builder, zeros_of(x._builder, x.operand))


def _list_type(c: Call) -> Type:
    t = c.types[0]
    if not isinstance(t, ListOf):
        return ListOf(UNKNOWN)
    return ListOf(join(t.elem, c.types[1])) if len(c.types) > 1 else t


@rule((runtime.appended, runtime.with_last), infer=_list_type)
class _Appended:
    def jvp(dots: Any, y: Any, items: Any, item: Any) -> Any:
        first, last = dots
        if first is None:
            first = _zeros(items)
        if last is None:
            last = _zeros(item)
        return call(runtime.with_last, first, first, last)

    def vjp(g: Any, y: Any, items: Any, item: Any) -> Any:
        last = g[-1]
        # of a list nobody reads any more this is `g.pop()`
        return call(runtime.popped, g, g) if isinstance(g.type, ListOf) else g[:-1], last


@rule(runtime.popped, infer=_list_type)
class _Popped:
    def jvp(dots: Any, y: Any, items: Any) -> Any:
        return dots[0][:-1]

    def vjp(g: Any, y: Any, items: Any) -> Any:
        return (call(runtime.with_last, g, g, _zeros(items[-1])),)


zero(
    runtime.sorting_order, signature="keys, reverse=False", infer=lambda c: ListOf(INT)
)
zero(runtime.slice_bounds, signature="part, items", infer=lambda c: TupleOf((INT, INT, INT)))
zero(list.index, signature="items, item, *bounds", infer=lambda c: INT)
zero(list.count, signature="items, item", infer=lambda c: INT)
zero(bisect.bisect_left, bisect.bisect_right, signature="a, x", infer=lambda c: INT)


def _joined_type(c: Call) -> Type:
    x, y = c.types[:2]
    return join(x, y) if isinstance(x, ListOf) and isinstance(y, ListOf) else ListOf(UNKNOWN)


def _first(c: Call) -> Type:
    return c.types[0] if isinstance(c.types[0], ListOf) else ListOf(UNKNOWN)


def _halves(g: Any, first: Any, second: Any) -> tuple[Any, Any]:
    n = call(len, first, first)
    return g[_slice(None, n, g)], g[_slice(n, None, g)]


def _slice(start: Any, stop: Any, like: Any) -> Any:
    return call(slice, like, start, stop, None)


linear(runtime.joined, _halves, infer=_joined_type, active=("first", "second"))
linear(
    runtime.repeated, lambda g, items, times: call(runtime.sum_repeats, g, g, items),
    infer=_first,
)
linear(
    runtime.sum_repeats, lambda bar, g, items: call(runtime.repeated, bar, bar, _times(g, items)),
    infer=_first,
)
linear(
    runtime.put_slice, lambda bar, g, items, part: bar[part],
    infer=lambda c: c.types[1] if isinstance(c.types[1], ListOf) else ListOf(UNKNOWN),
)
linear(
    runtime.add_element, lambda g, items, item, index: (g, g[index]),
    infer=_first, active=("items", "item"),
)


def _times(g: Any, items: Any) -> Any:
    return call(len, g, g) // call(max, items, 1, call(len, items, items))


def _elements_type(c: Call) -> Type:
    t = c.types[0]
    depth = c.attrs.get("depth", 1)
    if isinstance(t, ListOf):
        return t
    for _ in range(depth):
        t = element_type(t) if isinstance(t, Array) else UNKNOWN
    for _ in range(depth):
        t = ListOf(t)
    return t


_NUMBERS: dict[str, Type] = {"f": FLOAT, "i": INT, "b": BOOL, "c": COMPLEX}


def _nested_type(c: Call) -> Type:
    t = c.types[0]
    if not isinstance(t, Array) or t.dims is None:
        return UNKNOWN
    elem: Type = _NUMBERS.get(kind_of(t) or "", UNKNOWN)
    for _ in t.dims:
        elem = ListOf(elem)
    return elem


linear(
    runtime.as_list, lambda bar, g, depth=1: call(np.array, bar, bar), infer=_elements_type
)
linear(
    runtime.list_like, lambda bar, g, x: np.sum(bar), infer=lambda c: ListOf(c.types[0])
)
linear(np.ndarray.tolist, lambda bar, g: call(np.array, bar, bar), infer=_nested_type)
