"""Dictionaries whose keys only the run knows, as values.

A derivative of a dictionary holds an entry only where it is not zero. So a store of an entry, and
what a read hands back, need not look at the dictionary itself.
"""

from __future__ import annotations

from srcad import runtime
from srcad.ir.abstract import BOOL, UNKNOWN, ListOf, TableOf, Type, join
from srcad.rules.inference import Call
from srcad.rules.language import call
from srcad.rules.registry import linear, zero
from srcad.rules.symbols import Sym


def _first(c: Call) -> Type:
    return c.types[0]


def _entry_type(c: Call) -> Type:
    return c.types[0].elem if isinstance(c.types[0], TableOf) else UNKNOWN


def _with_entry(c: Call) -> Type:
    table, entry, key = c.types
    if not isinstance(table, TableOf):
        return UNKNOWN
    return TableOf(join(table.key, key), join(table.elem, entry))


def _joined(c: Call) -> Type:
    return join(*c.types)


def _empty(like: Sym) -> Sym:
    return call(runtime.zeros_like, like, like)  # type: ignore[no-any-return]


linear(
    runtime.entry_of,
    lambda bar, g, key, like: call(runtime.add_entry, g, _empty(g), bar, key),
    infer=_entry_type,
)
linear(
    runtime.add_entry,
    lambda bar, table, item, key: (bar, call(runtime.entry_of, table, bar, key, item)),
    infer=_with_entry, active=("table", "item"),
)
linear(
    runtime.without, lambda bar, table, key: call(runtime.without, bar, bar, key), infer=_first
)
linear(
    runtime.add_tables, lambda bar, x, y: (bar, bar), infer=_joined, active=("x", "y")
)
zero(runtime.share_parts, signature="*containers", infer=lambda c: BOOL)
zero(runtime.keys_of, signature="table", infer=lambda c: ListOf(key_type(c.types[0])))


def key_type(t: Type) -> Type:
    """The type of the keys of a dictionary."""
    return t.key if isinstance(t, TableOf) else UNKNOWN
