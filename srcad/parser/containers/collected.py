"""Containers of the standard library: `defaultdict`, `Counter`, `deque`, `heapq`, run-time sets.

What holds afterwards: each is a list or dictionary whose memory knows what it is more (`Special`).
A set is a dictionary that holds True for each of its elements.
"""

from __future__ import annotations

import array
import collections
import heapq
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gast

from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Cell,
    Known,
    Ref,
    Special,
    Struct,
    describe,
    same,
)
from srcad.parser.containers import heaps

# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object

_COUNT = """
for e in iterable:
    table[e] = table.get(e, 0) + 1
result = table
"""
# The methods of a Counter that are not those of a dictionary; `other` is the argument.
_COUNTING = {
    "update": """
for e in other:
    table[e] = table.get(e, 0) + other[e]
""",
    "subtract": """
for e in other:
    table[e] = table.get(e, 0) - other[e]
""",
    "most_common": """
result = sorted(table.items(), key=lambda item: item[1], reverse=True)
if other is not None:
    result = result[:other]
""",
    "total": "result = sum(table.values())\n",
}
_JOINED = """
for e in left:
    n = count(left[e], right[e])
    if n > 0:
        table[e] = n
for e in right:
    if e not in left:
        n = count(0, right[e])
        if n > 0:
            table[e] = n
result = table
"""
_COUNTS: dict[Any, Any] = {
    operator.add: operator.add, operator.sub: operator.sub, operator.or_: max, operator.and_: min,
}  # fmt: skip
_FOUND = "result = table[key] if key in table else 0\n"
_DEFAULT = """
if key not in table:
    table[key] = make()
result = table[key]
"""
_ROTATED = """
result = items
if len(items) > 0:
    shift = n % len(items)
    result = items[len(items) - shift:] + items[:len(items) - shift]
"""
_ADD_ALL = """
for e in iterable:
    table[e] = True
result = table
"""
_FLOATS = """
result = []
for e in iterable:
    result.append(float(e))
"""

METHODS = {
    "deque": frozenset((
        "append", "appendleft", "pop", "popleft", "extend", "extendleft", "rotate", "clear",
        "copy", "index", "count", "remove", "reverse", "insert", "maxlen",
    )),
    "set": frozenset(("add", "discard", "remove", "clear", "copy", "update")),
    "array": frozenset((
        "append", "extend", "insert", "pop", "index", "count", "remove", "reverse", "tolist",
    )),
}  # fmt: skip
_AS_LISTS = frozenset(("pop", "clear", "index", "count", "remove", "reverse", "insert"))


class CollectedLowering(_Base):
    def special_of(self, binding: Binding) -> Special | None:
        """What a list or dictionary is more than that."""
        if isinstance(binding, Ref) and not binding.path:
            return binding.cell.special
        return None

    def made_special(self, content: Binding, special: Special) -> Binding:
        """What a new list or dictionary holds, as a special container."""
        made: Ref = self.new_cell(self.deref(content), special.kind)
        made.cell.special = special
        held = made.cell
        held.separate = content.cell.separate if isinstance(content, Ref) else True
        return made

    @contextmanager
    def as_plain(self, cell: Cell) -> Iterator[None]:
        """Read and write the list or dictionary itself."""
        special, cell.special = cell.special, None
        try:
            yield
        finally:
            cell.special = special

    # ------------------------------------------------------------------ defaults
    def special_item(self, owner: Ref, key: Binding, node: gast.AST) -> Binding | None:
        """`owner[key]` of a dictionary that makes what it does not have; None if it has it."""
        special = self.special_of(owner)
        if special is None or special.kind not in ("defaultdict", "Counter"):
            return None
        content = self.deref(owner)
        counts = special.kind == "Counter"
        if isinstance(content, Struct) and not (content.items and self.is_run_key(key)):
            if content.items and self.static_key(key, node) in dict(content.items):
                return None
            if counts:
                return Known(0)
            if not self.is_run_key(key):
                with self.as_plain(owner.cell):
                    value = self.boxed(self.call_binding(special.detail, [], {}, node))
                    self.store(owner, key, value, node)
                    return value  # type: ignore[no-any-return]
        with self.as_plain(owner.cell):
            text = _FOUND if counts else _DEFAULT
            given = {} if counts else {"make": special.detail}
            found: Binding = self.lower_text(text, node, table=owner, key=key, **given)
        return found

    # ------------------------------------------------------------------ deques and sets
    def special_attribute(self, owner: Binding, name: str, node: gast.AST) -> Binding | None:
        special = self.special_of(owner)
        if special is not None and special.kind == "Counter" and name not in _OF_COUNTS:
            if name in _COUNTING:
                return BoundMethod(owner, name)
            raise self.unsupported(
                node, f"the method `{name}` of a Counter cannot be differentiated",
                "it counts, where that of a dictionary does not", "write it with a loop",
            )  # fmt: skip
        if special is None or special.kind not in METHODS:
            return None
        if name == "maxlen":
            return Known(special.detail)
        if name in METHODS[special.kind]:
            return BoundMethod(owner, name)
        raise self.unsupported(
            node, f"the method `{name}` of a {special.kind} cannot be differentiated",
            f"srcad knows {', '.join(sorted(METHODS[special.kind]))}", "write it with these",
        )  # fmt: skip

    def special_call(
        self, owner: Ref, name: str, args: list[Binding], kwargs: dict[str, Binding],
        node: gast.AST,
    ) -> Binding | None:  # fmt: skip
        """A method of a deque or set; None if it is that of a list or dictionary."""
        special = self.special_of(owner)
        if special is not None and special.kind == "Counter" and name in _COUNTING:
            return self.counter_method(owner, name, args, kwargs, node)
        if special is None or special.kind not in METHODS:
            return None
        if kwargs:
            raise self.unsupported(
                node, f"keywords of `{name}` of a {special.kind} cannot be differentiated",
                "srcad does not know them", "pass positions",
            )  # fmt: skip
        with self.as_plain(owner.cell):
            if special.kind == "set":
                return self.set_method(owner, name, args, node)
            if special.kind == "array":
                return self.doubles_method(owner, name, args, node)
            return self.deque_method(owner, special, name, args, node)

    def counter_method(
        self, owner: Ref, name: str, args: list[Binding], kwargs: dict[str, Binding],
        node: gast.AST,
    ) -> Binding:  # fmt: skip
        """A method of a Counter that counts, or that looks at the counts."""
        if name in ("update", "subtract"):
            other: Binding = self.call_known(collections.Counter, args, kwargs, node)
            text = _COUNTING[name] + "result = None\n"
        else:
            other = args[0] if args else kwargs.get("n", Known(None))
            text = _COUNTING[name]
        with self.as_plain(owner.cell):
            return self.lower_text(text, node, table=owner, other=other)  # type: ignore[no-any-return]

    def list_method(self, owner: Binding, name: str, args: list[Binding], node: gast.AST) -> Any:
        return self.call_binding(self.attribute(owner, name, node), args, {}, node)

    def deque_method(
        self, owner: Ref, special: Special, name: str, args: list[Binding], node: gast.AST
    ) -> Binding:
        found: Binding = Known(None)
        limit = special.detail
        if name in _AS_LISTS:
            found = self.list_method(owner, name, args, node)
        elif name == "popleft":
            found = self.list_method(owner, "pop", [Known(0)], node)
        elif name == "copy":
            found = self.made_special(owner, special)
        elif name == "rotate":
            self.rotate(owner, args[0] if args else Known(1), node)
        elif name in ("append", "extend"):
            self.list_method(owner, name, args, node)
            self.keep(owner, None if limit is None else slice(-limit if limit else 0, None), node)
            if limit == 0:
                self.list_method(owner, "clear", [], node)
        elif name == "appendleft":
            self.list_method(owner, "insert", [Known(0), args[0]], node)
            self.keep(owner, None if limit is None else slice(None, limit), node)
        else:
            text = "for e in iterable:\n    items.insert(0, e)\nresult = None\n"
            self.lower_text(text, node, items=owner, iterable=args[0])
            self.keep(owner, None if limit is None else slice(None, limit), node)
        return found

    def keep(self, owner: Ref, part: slice | None, node: gast.AST) -> None:
        """Let a deque hold no more elements than it may."""
        if part is not None:
            kept = self.subscript(owner, Known(part), node)
            self.write(owner, self.deref(kept), node)

    def rotate(self, owner: Ref, count: Binding, node: gast.AST) -> None:
        held, by = self.deref(owner), self.deref(count)
        if isinstance(held, Struct) and isinstance(by, Known):
            moved = collections.deque(held.parts)
            moved.rotate(by.value)
            self.put_list(owner, list(moved), node)
            return
        if isinstance(held, Struct):
            value = self.as_list_value(held, node)
            if value is None:
                self.refuse_write(owner, node)
            self.write(owner, value, node)
        self.replace_list(owner, _ROTATED, node, n=count)

    def set_method(
        self, owner: Ref, name: str, args: list[Binding], node: gast.AST
    ) -> Binding:
        if name == "add":
            self.store(owner, args[0], Known(True), node)
        elif name in ("discard", "remove"):
            text = "if key in table:\n    del table[key]\nresult = None\n"
            if name == "discard":
                self.lower_text(text, node, table=owner, key=args[0])
            else:
                self.delete_element(owner, args[0], node)
        elif name == "update":
            self.lower_text(_ADD_ALL, node, table=owner, iterable=args[0])
        elif name == "copy":
            return self.made_special(owner, Special("set"))
        else:
            self.write(owner, Struct("dict", ()), node)
        return Known(None)

    def doubles_method(
        self, owner: Ref, name: str, args: list[Binding], node: gast.AST
    ) -> Binding:
        if name == "tolist":
            return self.call_known(list, [owner], {}, node)  # type: ignore[no-any-return]
        if name == "extend":
            args = [self.lower_text(_FLOATS, node, iterable=args[0])]
        elif name in ("append", "insert"):
            args = [*args[:-1], self.call_known(float, args[-1:], {}, node)]
        return self.list_method(owner, name, args, node)  # type: ignore[no-any-return]

    def as_element(self, owner: Binding, value: Binding, node: gast.AST) -> Binding:
        """What an array of doubles keeps of a number that is stored in it; else `value` itself."""
        special = self.special_of(owner)
        if special is None or special.kind != "array":
            return value
        return self.call_known(float, [value], {}, node)  # type: ignore[no-any-return]

    def refuse_order(self, owner: Binding, node: gast.AST) -> None:
        """A set of the run is not looped over: its order is that of hashes."""
        special = self.special_of(owner)
        if special is not None and special.kind == "set":
            raise self.unsupported(
                node, "a loop over a set whose elements only the run knows cannot be "
                "differentiated", "the order of its elements is that of their hashes",
                "use a dictionary, or keep a list beside it",
            )  # fmt: skip

    def refuse_special(self, owner: Binding, node: gast.AST) -> None:
        """A set or deque of the run is not handed out: a list or dictionary stands for it."""
        special = self.special_of(owner)
        if special is not None and special.kind in METHODS:
            raise self.unsupported(
                node, f"{'an' if special.kind == 'array' else 'a'} {special.kind} is returned here",
                "srcad follows it inside of the function only",
                "return a dictionary or a list" if special.kind == "set" else "return a list",
            )  # fmt: skip


    def joined_counters(
        self, fn: Any, left: Binding, right: Binding, node: gast.AST
    ) -> Binding | None:
        """`left + right` of two Counters (or `-`, `|`, `&`); None for other operands.

        Operators of the other containers are not those of dictionaries and lists.
        """
        kinds = [special and special.kind for special in map(self.special_of, (left, right))]
        if kinds == ["Counter", "Counter"] and fn in _COUNTS:
            made = self.new_cell(Struct("dict", ()), "table")
            count = Known(_COUNTS[fn])
            made = self.lower_text(_JOINED, node, left=left, right=right, table=made, count=count)
            return self.made_special(made, Special("Counter"))
        for kind in kinds:
            if kind in ("Counter", "deque", "set"):
                raise self.unsupported(
                    node, f"an operator of a {kind} cannot be differentiated",
                    "srcad does not know what it gives", "write it with a loop",
                )  # fmt: skip
        return None


CHANGING = ("add", "discard", "remove", "clear", "update")  # methods of sets
# What a Counter does as a dictionary does it.
_OF_COUNTS = frozenset((
    "get", "items", "keys", "values", "pop", "setdefault", "clear", "__getitem__",
))  # fmt: skip


# ---------------------------------------------------------------------- constructors
def _default_dict(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    factory = args[0] if args else Known(None)
    made = low.call_known(dict, args[1:], kwargs, node)
    if same(factory, Known(None)):
        return made  # type: ignore[no-any-return]
    return low.made_special(made, Special("defaultdict", factory))  # type: ignore[no-any-return]


def _ordered_dict(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    return low.call_known(dict, args, kwargs, node)  # type: ignore[no-any-return]


def _counter(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    if args and not low.is_dictionary(args[0]):
        made = low.new_cell(Struct("dict", ()), "table")
        made = low.lower_text(_COUNT, node, table=made, iterable=args[0])
    else:
        made = low.call_known(dict, args, kwargs, node)
    return low.made_special(made, Special("Counter"))  # type: ignore[no-any-return]


def _deque(low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST) -> Binding:
    limit: Any = args[1] if len(args) > 1 else kwargs.get("maxlen", Known(None))
    length = None if same(limit, Known(None)) else low.static_int(limit, node, "`maxlen`")
    content = low.call_known(list, args[:1], {}, node)
    made: Ref = low.made_special(content, Special("deque", length))
    if length is not None:
        with low.as_plain(made.cell):
            low.keep(made, slice(-length, None) if length else slice(0, 0), node)
    return made


def _array(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    kind = low.deref(args[0])
    if not isinstance(kind, Known) or kind.value != "d":
        raise low.unsupported(
            node, f"an `array.array` of {describe(kind)} cannot be differentiated",
            "its elements are rounded when they are stored", "use 'd', or a NumPy array",
        )  # fmt: skip
    if len(args) < 2:
        made = low.new_sequence("list", [])
    else:
        made = low.lower_text(_FLOATS, node, iterable=args[1])
    return low.made_special(made, Special("array"))  # type: ignore[no-any-return]


def run_set(low: Any, iterable: Binding, node: gast.AST) -> Binding:
    """A set of elements that only the run knows."""
    made = low.new_cell(Struct("dict", ()), "table")
    made = low.lower_text(_ADD_ALL, node, table=made, iterable=iterable)
    return low.made_special(made, Special("set"))  # type: ignore[no-any-return]


def _followed(function: Any) -> Any:
    def special(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
        return low.call_source(function, args, kwargs, node)  # type: ignore[no-any-return]

    return special


CONSTRUCTORS: dict[Any, Any] = {
    collections.defaultdict: _default_dict, collections.OrderedDict: _ordered_dict,
    collections.Counter: _counter, collections.deque: _deque, array.array: _array,
    heapq.heappush: _followed(heaps.push), heapq.heappop: _followed(heaps.pop),
    heapq.heapify: _followed(heaps.heapify), heapq.heapreplace: _followed(heaps.replace),
    heapq.heappushpop: _followed(heaps.push_pop), heapq.nlargest: _followed(heaps.largest),
    heapq.nsmallest: _followed(heaps.smallest),
}  # fmt: skip

