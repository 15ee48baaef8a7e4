"""Lists as values: what `append` and `pop` make of a list, without changing it."""

from __future__ import annotations

import bisect
from typing import Any

from srcad import runtime
from srcad.ir.abstract import FLOAT, INT, UNKNOWN, Array, ListOf, Type, item, join
from srcad.pristine import np
from srcad.rules.inference import Call
from srcad.rules.language import call
from srcad.rules.registry import linear, rule, zero
from srcad.rules.symbols import element_type

_NUMPY_FLOAT = item("float64")


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
            first = call(runtime.zeros_list, items, items)
        if last is None:
            last = call(runtime.zeros_like, item, item)
        return call(runtime.with_last, first, first, last)

    def vjp(g: Any, y: Any, items: Any, item: Any) -> Any:
        last = g[-1]
        if last.operand.type == FLOAT:
            last.operand.type = _NUMPY_FLOAT  # the cotangent may be an array
        return g[:-1], last


@rule(runtime.popped, infer=_list_type)
class _Popped:
    def jvp(dots: Any, y: Any, items: Any) -> Any:
        return dots[0][:-1]

    def vjp(g: Any, y: Any, items: Any) -> Any:
        return (call(runtime.with_last, g, g, call(runtime.zeros_like, items, items[-1])),)


zero(
    runtime.sorting_order, signature="keys, reverse=False", infer=lambda c: ListOf(INT)
)
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
    if isinstance(t, ListOf):
        return t
    return ListOf(element_type(t) if isinstance(t, Array) else UNKNOWN)


linear(runtime.as_list, lambda bar, g: call(np.array, bar, bar), infer=_elements_type)
