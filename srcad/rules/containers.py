"""Lists as values: what `append` and `pop` make of a list, without changing it."""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.ir.abstract import UNKNOWN, ListOf, Type, join
from srcad.rules.language import call
from srcad.rules.registry import Call, rule


def _list_type(c: Call) -> Type:
    t = c.types[0]
    if not isinstance(t, ListOf):
        return ListOf(UNKNOWN)
    return ListOf(join(t.elem, c.types[1])) if len(c.types) > 1 else t


@rule(runtime.appended, infer=_list_type)
class _Appended:
    def jvp(dots: Any, y: Any, items: Any, item: Any) -> Any:
        first, last = dots
        if first is None:
            first = call(runtime.zeros_list, items, items)
        if last is None:
            last = call(runtime.zeros_like, item, item)
        return call(runtime.appended, first, first, last)

    def vjp(g: Any, y: Any, items: Any, item: Any) -> Any:
        return call(runtime.popped, g, g), g[-1]


@rule(runtime.popped, infer=_list_type)
class _Popped:
    def jvp(dots: Any, y: Any, items: Any) -> Any:
        return call(runtime.popped, dots[0], dots[0])

    def vjp(g: Any, y: Any, items: Any) -> Any:
        return (call(runtime.appended, g, g, call(runtime.zeros_like, items, items[-1])),)
