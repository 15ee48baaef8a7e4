"""Builtins and tools of the standard library that make iterators or read them to their end.

What holds afterwards: a call of `map`, `zip`, `chain` ... is an LazyIterable, whose elements are
computed when a loop comes to them; `sum`, `any`, `reduce` ... of an iterator are loops.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import gast

from srcad import runtime
from srcad.ir.abstract import UNKNOWN, Array, ListOf, TableOf, TupleOf, is_number
from srcad.ir.values import Value
from srcad.parser.bindings import (
    Binding,
    BoundMethod,
    Cell,
    Known,
    LazyIterable,
    Partial,
    Special,
    Struct,
    describe,
)
from srcad.parser.iterables.iterated import Nothing, element_at
from srcad.parser.iterables.iteration import Unrolled, from_zero, now
from srcad.pristine import np
from srcad.rules.symbols import getitem_operands

_SUM = """
result = start
for e in iterable:
    result = result + e
"""
# by insertion, which leaves equal ones in their order
_BY_SWAPS = """
result, keys = list(items), list(keys)
for n in range(1, len(result)):
    for k in range(n, 0, -1):
        if keys[k] < keys[k - 1]:
            keys[k - 1], keys[k] = keys[k], keys[k - 1]
            result[k - 1], result[k] = result[k], result[k - 1]
"""
SORTED_BY_SWAPS = 8  # elements that are no numbers
_PRODUCT = _SUM.replace("+", "*")
_ANY = """
result = False
for e in iterable:
    if e:
        result = True
        break
"""
_ALL = """
result = True
for e in iterable:
    if not e:
        result = False
        break
"""
_LIST = """
for e in iterable:
    result.append(e)
"""
_REDUCE = """
for e in iterable:
    result = function(result, e)
"""
_ACCUMULATE = """
total = first
result.append(total)
for e in iterable:
    total = function(total, e)
    result.append(total)
"""
_FIRST = """
for e in iterable:
    result = e
    break
else:
    result = default
"""
_FIRST_OR_STOP = _FIRST.replace("result = default", "raise stop")
_NEXT_OR = """
try:
    result = next(iterator)
except stop:
    result = default
"""
_BEST = """
result = items[0]
best = key(result)
for e in items[1:]:
    other = key(e)
    if better(other, best):
        result = e
        best = other
"""
_BEST_OR = """
if len(items) == 0:
    result = default
else:
    result = best(items)
"""
_ORDERED = """
result = []
for k in order:
    result.append(items[k])
"""

Reader = Callable[[Any, list[Binding], dict[str, Binding], gast.AST], "Binding | None"]


def refuse_keywords(low: Any, kwargs: dict[str, Binding], node: gast.AST, name: str) -> None:
    if kwargs:
        raise low.unsupported(
            node, f"the keywords {sorted(kwargs)} of `{name}` are not supported",
            "they would be ignored", "leave them out",
        )  # fmt: skip


def maker(kind: str, detail: Any = None) -> Reader:
    """A callable that makes an iterator of its arguments."""

    def special(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
        refuse_keywords(low, kwargs, node, kind)
        if kind == "takewhile":
            args = [args[0], low.read_on(args[1], _argument(node, 1))]
        return low.iterator(kind, args, detail)

    return special


def _range(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    args = [low.deref(a) for a in args]
    known = [a.value for a in args if isinstance(a, Known)]
    if len(known) == len(args):
        return low.fold(range, *known) or LazyIterable("range", tuple(args))
    return LazyIterable("range", tuple(args))


def _enumerate(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding:
    first = args[1] if len(args) > 1 else kwargs.get("start", Known(0))
    return low.iterator("enumerate", [args[0], low.deref(first)])


def _zip(low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST) -> Binding:
    strict = kwargs.pop("strict", Known(False))
    refuse_keywords(low, kwargs, node, "zip")
    if not isinstance(strict, Known):
        low.require_static(strict, node, "`strict`")
    args = [low.read_on(a, _argument(node, i)) for i, a in enumerate(args)]
    return low.iterator("zip", args, bool(strict.value))  # type: ignore[union-attr]


def _argument(node: gast.AST, i: int) -> gast.AST | None:
    """The syntax of an argument of a call."""
    if isinstance(node, gast.Call) and i < len(node.args):
        return node.args[i]  # type: ignore[no-any-return]
    return None


def _filter(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    function, iterable = args
    number = next(low.numbers)
    element, test = f"e.{number}", f"function.{number}"
    load, store = gast.Load(), gast.Store()
    condition: gast.AST = gast.Name(element, load, None, None)
    if not (isinstance(function, Known) and function.value is None):
        condition = gast.Call(gast.Name(test, load, None, None), [condition], [])
    clause = gast.comprehension(
        gast.Name(element, store, None, None), gast.Constant(None, None), [condition], 0
    )
    made = gast.GeneratorExp(gast.Name(element, load, None, None), [clause])
    low.frame.locals |= {element, test}
    low.frame.vars[test] = function
    return low.iterator("generator", [iterable], made)


def _repeat(low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST) -> Binding:
    return low.iterator("repeat", [*args, *kwargs.values()])


def _count(low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST) -> Binding:
    first = args[0] if args else kwargs.get("start", Known(0))
    step = args[1] if len(args) > 1 else kwargs.get("step", Known(1))
    return low.iterator("count", [first, step])


def _zip_longest(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding:
    fill = kwargs.pop("fillvalue", Known(None))
    refuse_keywords(low, kwargs, node, "zip_longest")
    parts = [low.known_elements(low.iterable(a, node), node) for a in args]
    rows = itertools.zip_longest(*parts, fillvalue=fill)
    made = Struct.sequence("tuple", [Struct.sequence("tuple", list(row)) for row in rows])
    return low.iterator("chain", [made])  # type: ignore[no-any-return]


def _islice(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    iterable, *bounds = args
    iterable = low.iterable(iterable, node)
    iterable = low.read_on(iterable, _argument(node, 0))
    if len(bounds) == 1:
        bounds = [Known(None), bounds[0]]
    return low.iterator("islice", [iterable, *bounds])


def _combined(function: Any) -> Reader:
    def special(
        low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding:
        counts = {k: low.static_int(v, node, f"`{k}`") for k, v in kwargs.items()}
        if function is not itertools.product and len(args) > 1:
            counts["r"] = low.static_int(args[1], node, "`r`")
            args = args[:1]
        return low.iterator("combined", args, (function, counts))

    return special


def _chain_of(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    return low.iterator("chain", low.known_elements(args[0], node))


# ---------------------------------------------------------------------- readers


def _sum(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    start = args[1] if len(args) > 1 else kwargs.get("start", Known(0))
    content = low.deref(args[0])
    if isinstance(content, Value) and not _nested(content):
        return None
    return low.lower_text(_SUM, node, iterable=args[0], start=start)


def _nested(value: Value) -> bool:
    """Whether it is a list of arrays or lists, of which the elements are added one by one."""
    return isinstance(value.type, ListOf) and isinstance(value.type.elem, (Array, ListOf))


def _truth_of(text: str) -> Reader:
    def special(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
        content = low.deref(args[0])
        if isinstance(content, Value) and isinstance(content.type, Array):
            return None
        return low.lower_text(text, node, iterable=args[0])

    return special


def as_list(low: Any, binding: Binding, node: gast.AST) -> Binding:
    """The elements of anything that can be read, as a new list."""
    content = low.deref(binding)
    if isinstance(content, Struct) and content.kind != "dict":
        return low.new_sequence("list", list(content.parts))
    if isinstance(content, Value) and isinstance(content.type, ListOf):
        return low.new_cell(content, "items")
    made = low.new_sequence("list", [])
    if low.is_produced(content):
        return low.listed_generator(content, node)
    if isinstance(content, LazyIterable) and content.kind == "generator":
        low.use(content, node)
        return low.listed(content)
    over = low.iteration(binding, node)
    if isinstance(over, Unrolled) and over.limit is None:
        return low.new_sequence("list", [now(low, e) for e in over.elements])
    return low.lower_text(_LIST, node, iterable=over, result=made)


def _container(kind: str) -> Reader:
    def special(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
        if not args:
            return low.new_sequence(kind, [])
        content = low.deref(args[0])
        if isinstance(content, Known) and isinstance(content.value, (tuple, list, range, str)):
            return low.new_sequence(kind, [Known(v) for v in content.value])
        made = as_list(low, args[0], node)
        if kind == "list":
            return made
        content = low.deref(made)
        if isinstance(content, Struct):
            return low.new_sequence(kind, list(content.parts))
        raise low.unsupported(
            node, f"`{kind}` of {describe(low.deref(args[0]))} cannot be differentiated yet",
            "its length is not known while compiling", "use a list, or the array itself",
        )  # fmt: skip

    return special


def _dict(low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST) -> Binding:
    items: dict[Any, Binding] = {}
    for a in map(low.plain_container, args):
        content = low.deref(a)
        if isinstance(content, Known) and isinstance(content.value, dict):
            items.update({k: low.known_object(v) for k, v in content.value.items()})
        elif isinstance(content, Struct) and content.kind == "dict":
            items.update(content.items)
        else:
            over = low.pairs_of(a, node)
            known = _known_pairs(low, over, node)
            if known is None:
                made = low.new_table(items)
                low.add_pairs(made, over, node)
                for k, v in kwargs.items():
                    low.store(made, Known(k), v, node)
                return made
            items.update(known)
    items.update({k: low.boxed(v) for k, v in kwargs.items()})
    return low.new_table(items)  # type: ignore[no-any-return]


def _known_pairs(low: Any, over: Any, node: gast.AST) -> dict[Any, Binding] | None:
    """Pairs of keys and elements, if the keys are known while compiling."""
    if not isinstance(over, Unrolled) or over.limit is not None:
        return None
    found: dict[Any, Binding] = {}
    pairs = [low.known_elements(now(low, e), node) for e in over.elements]
    for key, _ in pairs:
        if low.is_run_key(low.settled(key)):
            return None
    for key, value in pairs:
        found[low.static_key(key, node)] = low.boxed(value)
    return found


def _set(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    if not args:
        return low.made_special(Struct("dict", ()), Special("set"))
    return low.known_set(as_list(low, args[0], node), node)


def _itself(value: Any) -> Any:
    return value


def _key_function(low: Any, key: Binding) -> Binding:
    """`table.get` of a key that is there is `table[key]`."""
    if isinstance(key, BoundMethod) and key.name == "get" and low.is_dictionary(key.receiver):
        return BoundMethod(key.receiver, "__getitem__")
    return key


def _frozen_set(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    return _set(low, args, kwargs, node) if args else Known(frozenset())


def _has_parts(content: Binding) -> bool:
    if isinstance(content, Value):
        return isinstance(content.type, (TupleOf, ListOf))
    return isinstance(content, Struct)


def _extremum(fn: Any) -> Reader:
    better = Known(operator.lt if fn is min else operator.gt)

    def special(
        low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding | None:
        key = _key_function(low, kwargs.pop("key", Known(None)))
        default = kwargs.pop("default", None)
        refuse_keywords(low, kwargs, node, fn.__name__)
        plain = isinstance(key, Known) and key.value is None
        if len(args) > 1:
            parts = args
        else:
            content = low.deref(args[0])
            if isinstance(content, Value) and isinstance(content.type, TableOf):
                made = as_list(low, args[0], node)
            elif isinstance(content, Value) and isinstance(content.type, ListOf):
                made = args[0]
            elif isinstance(content, Value):
                if plain and default is None:
                    return None
                made = args[0]
            else:
                made = as_list(low, args[0], node)
            content = low.deref(made)
            if isinstance(content, Value):
                elem = getattr(content.type, "elem", None)
                if plain and isinstance(elem, (TupleOf, ListOf)):
                    key, plain = Known(_itself), False  # which is one of them, in whole
                return unknown_length(low, content, key, default, plain, node)
            parts = list(content.parts)
        if not parts:
            if default is not None:
                return default
            raise low.python_raises(
                ValueError(), node, f"`{fn.__name__}` of nothing", "Python raises ValueError here",
                "pass `default`",
            )  # fmt: skip
        result = parts[0]
        if plain and any(low.object_of(p) is not None or _has_parts(low.deref(p)) for p in parts):
            key, plain = Known(_itself), False
        if plain:
            for other in parts[1:]:
                result = low.apply(fn, [result, other], {}, node)
            return result
        items = Struct.sequence("tuple", parts)
        return low.lower_text(_BEST, node, items=items, key=key, better=better)

    def unknown_length(
        low: Any, items: Value, key: Binding, default: Binding | None, plain: bool, node: gast.AST
    ) -> Binding:
        ref = low.new_cell(items, "items")
        if default is not None:
            best: Binding = Known(fn) if plain else Partial(Known(fn), (), (("key", key),))
            return low.lower_text(_BEST_OR, node, items=ref, default=default, best=best)
        if plain:
            return low.apply(fn, [ref], {}, node)
        return low.lower_text(_BEST, node, items=ref, key=key, better=better)

    return special


def _reduce(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    function, iterable, *start = args
    start = start or list(kwargs.values())
    if start:
        return low.lower_text(_REDUCE, node, iterable=iterable, function=function, result=start[0])
    first, others = first_and_others(low, iterable, node)
    return low.lower_text(_REDUCE, node, iterable=others, function=function, result=first)


def first_and_others(low: Any, iterable: Binding, node: gast.AST) -> tuple[Binding, Any]:
    """The first element, and what else there is to read."""
    content = low.deref(iterable)
    if isinstance(content, Value):
        first = low.subscript(iterable, Known(0), node)
        return first, low.subscript(iterable, Known(slice(1, None)), node)
    items = as_list(low, iterable, node)
    content = low.deref(items)
    if isinstance(content, Value):
        return first_and_others(low, items, node)
    if not content.parts:
        raise low.python_raises(
            TypeError(), node, "there is nothing to reduce", "Python raises TypeError here",
            "pass a start",
        )  # fmt: skip
    return content.parts[0], Struct.sequence("tuple", content.parts[1:])


def _accumulate(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    function = args[1] if len(args) > 1 else kwargs.get("func", Known(operator.add))
    if isinstance(function, Known) and function.value is None:
        function = Known(operator.add)
    start = kwargs.get("initial", Known(None))
    iterable: Any = low.iterable(args[0], node)
    if low.is_produced(iterable):
        first = Known(Nothing) if isinstance(start, Known) and start.value is None else start
        return low.iterator("accumulate", [iterable, function, first])  # type: ignore[no-any-return]
    source = iterable
    if isinstance(start, Known) and start.value is None:
        start, iterable = first_and_others(low, iterable, node)
    made = low.lower_text(
        _ACCUMULATE, node, iterable=iterable, function=function, first=start,
        result=low.new_sequence("list", []),
    )  # fmt: skip
    return low.iterator("chain", [made], source)


def _next(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
    iterator = args[0]
    default = args[1] if len(args) > 1 else None
    if not isinstance(iterator, LazyIterable):
        if default is None or low.class_of_binding(iterator) is None:
            return None
        names = {"iterator": iterator, "next": Known(next), "stop": Known(StopIteration)}
        return low.lower_text(_NEXT_OR, node, default=default, **names)  # type: ignore[no-any-return]
    given = node.args[0] if isinstance(node, gast.Call) and node.args else None
    if not isinstance(given, (gast.GeneratorExp, gast.Call)):
        return low.next_element(iterator, default, node)  # type: ignore[no-any-return]
    if default is None:  # an iterator that nobody reads again
        stop = Known(StopIteration)
        return low.lower_text(_FIRST_OR_STOP, node, iterable=iterator, stop=stop)  # type: ignore[no-any-return]
    return low.lower_text(_FIRST, node, iterable=iterator, default=default)  # type: ignore[no-any-return]


def _iter(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding:
    if len(args) == 2:
        return low.iterator("sentinel", args)  # type: ignore[no-any-return]
    content = low.deref(args[0])
    if isinstance(content, Value) and (is_number(content.type) or content.type == UNKNOWN):
        low.iteration(args[0], node)  # Python raises here, not where it is read
    return low.iterator("chain", args)


def _element_at(low: Any, args: list[Any], kwargs: Any, node: gast.AST) -> Binding:
    """An element of what a `zip` with a generator runs over, by its number."""
    over, index = args
    if isinstance(over, Unrolled) and isinstance(index, Known):
        return now(low, over.elements[index.value])
    listed = low.list_iteration(over) if isinstance(over, Unrolled) else over
    if listed is None:
        raise low.unsupported(
            node, "a `zip` of a generator with elements of several kinds cannot be differentiated",
            "which of them it is, is not known while compiling",
            "loop over a list of what the generator gives",
        )  # fmt: skip
    return from_zero(low, listed)[1](low, low.operand(index, node))  # type: ignore[no-any-return]


# ---------------------------------------------------------------------- sorting
def _sorted(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding | None:
    key = _key_function(low, kwargs.pop("key", Known(None)))
    reverse = low.deref(kwargs.pop("reverse", Known(False)))
    refuse_keywords(low, kwargs, node, "sorted")
    if isinstance(reverse, Value):
        low.require_static(reverse, node, "`reverse`")
    items = as_list(low, args[0], node)
    content = low.deref(items)
    if isinstance(key, Known) and key.value is None:
        keys = items
    else:
        keys = as_list(low, low.iterator("map", [key, items]), node)
    parts = [low.settled(p) for p in content.parts] if isinstance(content, Struct) else None
    if parts is not None:
        by = [low.settled(p) for p in low.known_elements(keys, node)]
        plain = _known_keys(by)
        if plain is not None:
            order = sorted(range(len(parts)), key=plain.__getitem__, reverse=bool(reverse.value))
            return low.new_sequence("list", [content.parts[i] for i in order])
        numbers = _are_alike(low, by, node)
        if len(parts) <= SORTED_BY_SWAPS and not (numbers and _are_alike(low, parts, node)):
            text = _BY_SWAPS.replace("<", ">") if reverse.value else _BY_SWAPS
            return low.lower_text(text, node, items=items, keys=keys)
    order_ = low.apply(
        runtime.sorting_order, [keys], {"reverse": Known(bool(reverse.value))}, node
    )
    if parts is None:
        return low.lower_text(_ORDERED, node, items=items, order=order_)
    low.note_held(Cell("items"), [content])  # which of them an element is, is not known
    made = [low.as_binding(low.item(order_, i)) for i in range(len(parts))]
    return low.new_sequence("list", [_taken(low, parts, i, node) for i in made])


def _are_alike(low: Any, parts: list[Binding], node: gast.AST) -> bool:
    """Whether these are numbers or arrays, or tuples of such."""
    first = low.deref(parts[0]) if parts else Known(0)
    if isinstance(first, Struct) and first.kind == "tuple":
        rows = [low.deref(p) for p in parts]
        if any(not isinstance(r, Struct) or len(r.items) != len(first.items) for r in rows):
            return False
        return all(_are_alike(low, list(column), node) for column in zip(*(r.parts for r in rows)))
    return low.as_list_value(Struct.sequence("list", parts), node) is not None


def _known_keys(keys: list[Binding]) -> list[Any] | None:
    """Keys known while compiling, or how tuples begin if that decides; else None."""
    plain = [found[0] for p in keys if (found := _plain(p)) is not None]
    if len(plain) == len(keys):
        return plain
    if not all(isinstance(k, Struct) and k.kind == "tuple" for k in keys):
        return None
    known = [
        tuple(itertools.takewhile(lambda p: p is not None, map(_plain, k.parts)))
        for k in keys if isinstance(k, Struct)
    ]  # fmt: skip
    starts = [start[: min(map(len, known))] for start in known]
    different = not any(a == b for a, b in itertools.combinations(starts, 2))
    return starts if different else None


def _plain(binding: Binding) -> tuple[Any] | None:
    """What is known of a key while compiling."""
    if isinstance(binding, Known):
        return (binding.value,)
    if isinstance(binding, Struct) and binding.kind == "tuple":
        parts = [_plain(p) for p in binding.parts]
        if all(p is not None for p in parts):
            return (tuple(p[0] for p in parts if p is not None),)
    return None


def _taken(low: Any, parts: list[Binding], index: Binding, node: gast.AST) -> Binding:
    """One of like elements, at an index known at run time."""
    first = parts[0]
    if isinstance(first, Struct) and first.kind == "tuple":
        columns = [[p.parts[k] for p in parts] for k in range(len(first.parts))]  # type: ignore[union-attr]
        return low.new_sequence("tuple", [_taken(low, c, index, node) for c in columns])
    value = low.as_list_value(Struct.sequence("list", parts), node)
    if value is None:
        raise low.unsupported(
            node, f"a list with {describe(first)} cannot be sorted by run-time values",
            f"srcad sorts numbers, arrays and tuples of them, and up to {SORTED_BY_SWAPS} others",
            "sort numbers",
        )  # fmt: skip
    found = getitem_operands(low.builder, value, [low.operand(index, node)])
    low.note_element(value, found)
    return low.as_binding(found)


def _partial(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding:
    return Partial(args[0], tuple(args[1:]), tuple(kwargs.items()))


def _fromiter(
    low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
) -> Binding:
    iterable, *rest = args
    dtype = rest[0] if rest else kwargs.pop("dtype")
    count = low.deref(rest[1] if len(rest) > 1 else kwargs.pop("count", Known(-1)))
    refuse_keywords(low, kwargs, node, "np.fromiter")
    if not (isinstance(count, Known) and count.value == -1):
        iterable = low.iterator("islice", [low.iterable(iterable, node), Known(None), count])
    listed = as_list(low, low.iterable(iterable, node), node)
    return low.call_known(np.array, [listed], {"dtype": dtype}, node)  # type: ignore[no-any-return]


def call_operator(low: Any, fn: Any, args: list[Binding], node: gast.AST) -> Binding | None:
    """A call of `operator.itemgetter(...)`, `attrgetter` or `methodcaller`; None: it is none."""
    if isinstance(fn, operator.itemgetter):
        keys: Any = fn.__reduce__()[1]
        found = [low.subscript(args[0], Known(k), node) for k in keys]
    elif isinstance(fn, operator.attrgetter):
        names: Any = fn.__reduce__()[1]
        found = []
        for path in names:
            value = args[0]
            for name in path.split("."):
                value = low.attribute(value, name, node)
            found.append(value)
    else:
        return None
    return found[0] if len(found) == 1 else low.new_sequence("tuple", found)


def _getter(factory: Any) -> Reader:
    def special(low: Any, args: list[Binding], kwargs: Any, node: gast.AST) -> Binding | None:
        keys = [low.deref(a) for a in args]
        if all(isinstance(k, Known) for k in keys):
            return Known(factory(*(k.value for k in keys)))
        return None

    return special


def _listed(fn: Any) -> Reader:
    """A function of numbers in an array or list; what is read element by element is listed."""

    def special(
        low: Any, args: list[Binding], kwargs: dict[str, Binding], node: gast.AST
    ) -> Binding | None:
        if args and isinstance(args[0], LazyIterable):
            return low.call_known(fn, [as_list(low, args[0], node), *args[1:]], kwargs, node)
        return None

    return special


SPECIAL: dict[Any, Reader] = {
    range: _range, zip: _zip, enumerate: _enumerate, reversed: maker("reversed"),
    map: maker("map"), filter: _filter, iter: _iter, next: _next,
    itertools.starmap: maker("map", "starmap"), itertools.chain: maker("chain"),
    itertools.chain.from_iterable: _chain_of, itertools.repeat: _repeat, itertools.count: _count,
    itertools.islice: _islice, itertools.pairwise: maker("pairwise"),
    itertools.takewhile: maker("takewhile"), itertools.dropwhile: maker("dropwhile"),
    itertools.filterfalse: maker("filterfalse"), itertools.compress: maker("compress"),
    itertools.cycle: maker("cycle"), itertools.zip_longest: _zip_longest,
    itertools.product: _combined(itertools.product),
    itertools.combinations: _combined(itertools.combinations),
    itertools.permutations: _combined(itertools.permutations),
    itertools.combinations_with_replacement: _combined(itertools.combinations_with_replacement),
    itertools.accumulate: _accumulate, functools.reduce: _reduce, functools.partial: _partial,
    operator.itemgetter: _getter(operator.itemgetter),
    operator.attrgetter: _getter(operator.attrgetter),
    np.fromiter: _fromiter, math.fsum: _listed(math.fsum), math.prod: _listed(math.prod),
    sum: _sum, any: _truth_of(_ANY), all: _truth_of(_ALL), sorted: _sorted,
    min: _extremum(min), max: _extremum(max),
    element_at: _element_at, list: _container("list"), tuple: _container("tuple"), dict: _dict,
    set: _set, frozenset: _frozen_set,
}  # fmt: skip
