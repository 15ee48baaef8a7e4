"""What a `for` loop runs over: ranges, arrays, lists, and the iterators made of them.

What holds afterwards: it is a loop over an integer index, from which the loop's target is read,
or the elements are known in number, and the loop is unrolled.
"""

from __future__ import annotations

import itertools
import operator
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gast

from srcad.ir.abstract import UNKNOWN, Array, ListOf, TableOf, is_number
from srcad.ir.values import Const, Operand, Value
from srcad.parser.bindings import Binding, Cell, Known, LazyIterable, Ref, Step, Struct, describe
from srcad.parser.calls.measures import MOST_TURNS, Precision
from srcad.parser.iterables.places import Place
from srcad.rules.symbols import apply as apply_rule
from srcad.rules.symbols import getitem_operands

if TYPE_CHECKING:
    from srcad.parser.lower import Lowerer

ZERO, ONE_STEP = Const.of(0), Const.of(1)
ENDLESS = Const.of(sys.maxsize)


@dataclass(frozen=True)
class Iteration:
    """A loop over `start`, `stop`, `step`; `element(lowerer, index)` is the target's binding.

    `plain` means that the target is the index itself.
    """

    start: Operand
    stop: Operand
    step: Operand
    element: Callable[[Lowerer, Operand], Binding]
    reverse: bool = False
    plain: bool = False
    name: str = "i"


@dataclass(frozen=True)
class Later:
    """An element that is computed when its turn comes, as `map` does."""

    make: Callable[[Lowerer], Binding]


@dataclass(frozen=True)
class Unrolled:
    """A loop over elements that are known in number.

    `limit` is the number of turns where that may be smaller (`zip` of a tuple with an array).
    """

    elements: tuple[Binding | Later, ...]
    limit: Operand | None = None
    holder: Ref | None = None  # the list, where the loop changes elements that it comes to later


def now(lowerer: Lowerer, element: Binding | Later) -> Binding:
    """The element, whose turn has come."""
    return element.make(lowerer) if isinstance(element, Later) else element


def from_zero(
    lowerer: Lowerer, it: Iteration
) -> tuple[Operand, Callable[[Lowerer, Operand], Binding]]:
    """(number of trips, element by trip number) of an iteration."""
    if it.start == ZERO and it.step == ONE_STEP and isinstance(it.start, Const):
        if not it.reverse:
            return it.stop, it.element

        def backwards(low: Lowerer, k: Operand) -> Binding:
            last = low.arithmetic(operator.sub, low.arithmetic(operator.sub, it.stop, ONE_STEP), k)
            return it.element(low, last)

        return it.stop, backwards
    endless = it.stop is ENDLESS
    trips = ENDLESS if endless else lowerer.range_length(it)

    def element(low: Lowerer, k: Operand) -> Binding:
        n: Operand = k
        if it.reverse:
            n = low.arithmetic(operator.sub, low.arithmetic(operator.sub, trips, ONE_STEP), k)
        scaled = n if it.step == ONE_STEP else low.arithmetic(operator.mul, n, it.step)
        index = scaled if it.start == ZERO else low.arithmetic(operator.add, it.start, scaled)
        return it.element(low, index)

    return trips, element


def zipped(lowerer: Lowerer, parts: list[Iteration]) -> Iteration:
    """Several iterations side by side, as long as the shortest."""
    counted = [from_zero(lowerer, p) for p in parts]

    def element(low: Lowerer, k: Operand) -> Binding:
        return Struct.sequence("tuple", [e(low, k) for _, e in counted])

    return Iteration(ZERO, shortest(lowerer, [n for n, _ in counted]), ONE_STEP, element)


def shortest(lowerer: Lowerer, lengths: list[Operand]) -> Operand:
    """The least of some lengths."""
    found: Operand = ENDLESS
    for n in lengths:
        if found is ENDLESS:
            found = n
        elif n is ENDLESS or n is found:
            continue
        elif not (isinstance(n, Const) and isinstance(found, Const) and n == found):
            found = lowerer.arithmetic(min, found, n)
    return found


def enumerated(lowerer: Lowerer, it: Iteration, first: Operand) -> Iteration:
    """An iteration with a running number from `first`."""
    trips, inner = from_zero(lowerer, it)

    def element(low: Lowerer, k: Operand) -> Binding:
        n = k if first == ZERO else low.arithmetic(operator.add, first, k)
        return Struct.sequence("tuple", [low.as_binding(n), inner(low, k)])

    return Iteration(ZERO, trips, ONE_STEP, element)


# The mixins use the state and the methods of `lower.Lowerer`, which this cannot import.
_Base: Any = object


class IterationLowering(_Base):
    def iterator(self, kind: str, parts: list[Binding], detail: Any = None) -> LazyIterable:
        """A new iterator, which can be read once."""
        used = Cell(kind)
        self.frame.vars[used] = Known(False)
        return LazyIterable(kind, tuple(parts), detail, used, self.frame)

    def use(self, it: LazyIterable, node: gast.AST) -> None:
        """Note that an iterator is read; the second time it would be empty."""
        if it.used is None:
            return
        before = self.frame.vars.get(it.used)
        state = before.value if isinstance(before, Known) else True
        if state is not False and not isinstance(state, Place):
            raise self.unsupported(
                node, f"{describe(it)} that may have been read before is read here",
                "it gives its elements once, and is empty the second time",
                "make a list of it first",
            )  # fmt: skip
        self.frame.vars[it.used] = Known(True)

    def iteration(self, binding: Binding, node: gast.AST) -> Iteration | Unrolled:
        """What a `for` loop over this binding runs over."""
        binding = self.iterable(binding, node)
        if self.is_produced(binding):
            binding = self.listed_generator(binding, node)
        self.refuse_order(binding, node)
        holder, binding = binding, self.deref(binding)
        if isinstance(binding, (Iteration, Unrolled)):
            return binding
        if isinstance(binding, LazyIterable):
            over = getattr(self, f"over_{binding.kind}", None)
            if over is not None:
                self.use(binding, node)
                return over(binding, node)  # type: ignore[no-any-return]
        if isinstance(binding, Known) and isinstance(binding.value, range):
            r = binding.value
            over = self.range_iteration([Const.of(v) for v in (r.start, r.stop, r.step)])
            return self.in_turns_if_short(over, node)
        if isinstance(binding, Struct) and binding.kind == "dict":
            return Unrolled(tuple(Known(k) for k, _ in binding.items))
        if isinstance(holder, Ref) and isinstance(binding, Struct) and self.loc(node) in self.live:
            return self.living(holder, binding, node)
        if isinstance(binding, Struct) and id(holder) in self.dict_views:
            return self.living(holder, binding, node)
        if isinstance(binding, (Struct, Known)):
            return Unrolled(tuple(self.known_elements(binding, node)))
        if isinstance(binding, Value) and isinstance(binding.type, TableOf):
            return self.over_table(holder, binding, "keys", node)
        if isinstance(binding, Value):
            t = binding.type
            listed = isinstance(t, ListOf) or (isinstance(t, Array) and t.dims != ())
            if listed or t == UNKNOWN:
                size = self.size_of(binding)
                length = Const.of(size[0]) if size else apply_rule(self.builder, len, [binding])
                return self.in_turns_if_short(Iteration(
                    ZERO, length, ONE_STEP,
                    lambda low, i: low.element_of(holder, binding, i),
                ), node)  # fmt: skip
        if isinstance(binding, Value) and is_number(binding.type):
            raise self.python_raises(
                TypeError(), node, f"a loop over {describe(binding)}",
                "Python raises TypeError here", "loop over an array or a list",
            )  # fmt: skip
        raise self.unsupported(
            node, f"a loop over {describe(binding)} cannot be differentiated",
            "srcad loops over ranges, arrays, lists and tuples", "loop over one of these",
        )  # fmt: skip

    def living(self, holder: Binding, held: Struct, node: gast.AST) -> Unrolled:
        """The elements of a list or of a dictionary's view, each as it is when its turn comes."""

        def later(k: int) -> Later:
            def make(low: Any) -> Binding:
                if isinstance(holder, Ref):
                    return low.subscript(holder, Known(k), node)  # type: ignore[no-any-return]
                parts = low.known_elements(holder, node)
                if len(parts) != len(held.parts):
                    raise low.python_raises(
                        RuntimeError(), node, "a dictionary changes its size in a loop over it",
                        "Python raises RuntimeError here", "loop over a copy: `list(d)`",
                    )  # fmt: skip
                return parts[k]  # type: ignore[no-any-return]

            return Later(make)

        if isinstance(holder, Ref):
            self.live_loops.add((holder.cell, self.loc(node)))
        parts = tuple(later(k) for k in range(len(held.parts)))
        return Unrolled(parts, holder=holder if isinstance(holder, Ref) else None)

    def in_turns_if_short(self, it: Iteration, node: gast.AST) -> Iteration | Unrolled:
        """The same, unrolled if that is asked for and it is short enough."""
        turns = self.turns_of(it) if self.precision >= Precision.TURNS else None
        if turns is None:
            return it
        self.take_turns(len(turns.elements), node)
        return turns

    def turns_of(self, it: Iteration) -> Unrolled | None:
        """The turns of an iteration whose length is known and small."""
        if not all(isinstance(p, Const) for p in (it.start, it.stop, it.step)):
            return None
        trips, element = from_zero(self, it)  # type: ignore[arg-type]
        if not isinstance(trips, Const) or trips.value > MOST_TURNS:
            return None

        def later(k: int) -> Later:
            return Later(lambda low: element(low, Const.of(k)))

        return Unrolled(tuple(later(k) for k in range(trips.value)))

    def element_of(self, holder: Binding, value: Value, index: Operand) -> Binding:
        """An element of what a loop runs over; a row of an array is a view of it."""
        if isinstance(holder, Ref):
            now = self.deref(holder)
            seen = self.view(holder, Step("index", (index,)))
            if seen is not None:
                return seen
            value = now if isinstance(now, Value) else value
        with self.never_raising():  # the loop is as long as what it runs over
            found = getitem_operands(self.builder, value, [index])
        self.note_element(holder, found)
        return self.as_binding(found)

    # ------------------------------------------------------------------ iterators
    def over_range(self, it: LazyIterable, node: gast.AST) -> Iteration:
        return self.range_iteration([self.operand(p, node) for p in it.parts])

    def over_zip(self, it: LazyIterable, node: gast.AST) -> Iteration | Unrolled:
        parts = [self.iteration(p, node) for p in it.parts]
        if it.detail:  # strict
            lengths = {len(p.elements) for p in parts if isinstance(p, Unrolled) and not p.limit}
            if len(lengths) != 1 or not all(isinstance(p, Unrolled) for p in parts):
                raise self.unsupported(
                    node, "`zip(..., strict=True)` of these cannot be differentiated",
                    f"the lengths are {sorted(lengths)}" if len(lengths) > 1
                    else "the lengths are not known while compiling",
                    "compare the lengths first, and leave `strict` out",
                )  # fmt: skip
        if all(isinstance(p, Iteration) for p in parts):
            return zipped(self, parts)  # type: ignore[arg-type]
        return self.zipped_unrolled(parts)

    def zipped_unrolled(self, parts: list[Iteration | Unrolled]) -> Iteration | Unrolled:
        """`zip` where the number of elements of some part is known."""
        known = [p for p in parts if isinstance(p, Unrolled)]
        n = min(len(p.elements) for p in known)
        counted = [from_zero(self, p) for p in parts if isinstance(p, Iteration)]
        limit = shortest(self, [
            *(t for t, _ in counted), *(p.limit for p in known if p.limit is not None)
        ])  # fmt: skip
        if isinstance(limit, Const):
            n = min(n, limit.value)
        elif len(known) < len(parts):  # a loop over lists, if their elements are alike
            lists = [self.list_iteration(p) if isinstance(p, Unrolled) else p for p in parts]
            if None not in lists:
                return zipped(self, lists)  # type: ignore[arg-type]

        def element(k: int) -> Later:
            def make(low: Any) -> Binding:
                loops = iter(counted)
                found = [
                    now(low, p.elements[k]) if isinstance(p, Unrolled)
                    else next(loops)[1](low, Const.of(k))
                    for p in parts
                ]  # fmt: skip
                return Struct.sequence("tuple", found)

            return Later(make)

        limits = None if isinstance(limit, Const) else limit
        return Unrolled(tuple(element(k) for k in range(n)), limits)

    def list_iteration(self, it: Unrolled) -> Iteration | None:
        """A loop over the elements as one list, if they are like numbers."""
        if it.holder is not None:
            value = self.as_list_value(self.deref(it.holder), None)
            if value is None or it.holder.path:
                return None
            self.frame.vars[it.holder.cell] = value
            return self.iteration(it.holder, None)  # type: ignore[arg-type, return-value]
        if it.limit is not None or any(isinstance(e, (Later, Ref)) for e in it.elements):
            return None
        value = self.as_list_value(Struct.sequence("list", it.elements), None)  # type: ignore[arg-type]
        if value is None:
            return None
        return Iteration(
            ZERO, Const.of(len(it.elements)), ONE_STEP,
            lambda low, i: low.as_binding(getitem_operands(low.builder, value, [i])),
        )  # fmt: skip

    def over_enumerate(self, it: LazyIterable, node: gast.AST) -> Iteration | Unrolled:
        inner = self.iteration(it.parts[0], node)
        first = self.operand(it.parts[1], node)
        if isinstance(inner, Iteration):
            return enumerated(self, inner, first)  # type: ignore[arg-type]

        def element(k: int, part: Any) -> Later:
            def make(low: Any) -> Binding:
                number = low.as_binding(low.arithmetic(operator.add, first, Const.of(k)))
                return Struct.sequence("tuple", [number, now(low, part)])

            return Later(make)

        return replace(inner, elements=tuple(element(*p) for p in enumerate(inner.elements)))

    def over_reversed(self, it: LazyIterable, node: gast.AST) -> Iteration | Unrolled:
        inner = self.iteration(it.parts[0], node)
        if isinstance(inner, Iteration):
            return replace(inner, reverse=not inner.reverse)
        self.require_number(inner, node)
        return Unrolled(inner.elements[::-1])

    def over_map(self, it: LazyIterable, node: gast.AST) -> Iteration | Unrolled:
        function, *parts = it.parts
        if it.detail == "starmap":
            return self.mapped(
                self.iteration(parts[0], node),
                lambda low, e: low.call_binding(function, low.known_elements(e, node), {}, node),
            )
        over = self.over_zip(LazyIterable("zip", tuple(parts)), node)
        return self.mapped(
            over, lambda low, e: low.call_binding(function, list(e.parts), {}, node)
        )

    def mapped(
        self, over: Iteration | Unrolled, f: Callable[[Any, Any], Binding]
    ) -> Iteration | Unrolled:
        """The iteration over what `f` makes of each element, in its turn."""
        if isinstance(over, Iteration):
            inner = over.element
            return replace(over, element=lambda low, i: f(low, inner(low, i)), plain=False)

        def later(e: Any) -> Later:
            return Later(lambda low: f(low, now(low, e)))

        return replace(over, elements=tuple(later(e) for e in over.elements))

    def over_generator(self, it: LazyIterable, node: gast.AST) -> Iteration | Unrolled:
        made = it.detail
        if len(made.generators) > 1 or made.generators[0].ifs:
            return self.iteration(self.listed(it), node)

        def element(low: Any, e: Binding) -> Binding:
            low.assign(made.generators[0].target, e)
            found: Binding = low.expression(made.elt)
            return found

        return self.mapped(self.iteration(it.parts[0], node), element)

    def over_chain(self, it: LazyIterable, node: gast.AST) -> Iteration | Unrolled:
        parts = [self.iteration(p, node) for p in it.parts]
        if all(isinstance(p, Unrolled) and p.limit is None for p in parts):
            return Unrolled(tuple(e for p in parts for e in p.elements))  # type: ignore[union-attr]
        items = self.new_sequence("list", [])
        for part in parts:
            text = "for e in iterable:\n    result.append(e)\n"
            items = self.lower_text(text, node, iterable=part, result=items)
        return self.iteration(items, node)

    def over_repeat(self, it: LazyIterable, node: gast.AST) -> Iteration | Unrolled:
        element = it.parts[0]
        times = self.deref(it.parts[1]) if len(it.parts) > 1 else None
        if isinstance(times, Known):
            return Unrolled((element,) * times.value)
        stop = ENDLESS if times is None else self.operand(times, node)
        return Iteration(ZERO, stop, ONE_STEP, lambda low, i: element)

    def over_count(self, it: LazyIterable, node: gast.AST) -> Iteration:
        first, step = (self.operand(p, node) for p in it.parts)

        def element(low: Any, k: Operand) -> Binding:
            scaled = low.arithmetic(operator.mul, k, step)
            found: Binding = low.as_binding(low.arithmetic(operator.add, first, scaled))
            return found

        return Iteration(ZERO, ENDLESS, ONE_STEP, element)

    def over_islice(self, it: LazyIterable, node: gast.AST) -> Iteration | Unrolled:
        inner = self.iteration(it.parts[0], node)
        bounds = [self.deref(p) for p in it.parts[1:]]
        if not all(isinstance(b, Known) for b in bounds):
            raise self.unsupported(
                node, "the bounds of `islice` must be known while compiling",
                f"they are {', '.join(map(describe, bounds))}", "slice a list",
            )  # fmt: skip
        cut = slice(*(b.value for b in bounds))
        if isinstance(inner, Unrolled):
            self.require_number(inner, node)
            return Unrolled(inner.elements[cut])
        trips, element = from_zero(self, inner)  # type: ignore[arg-type]
        stop = trips if cut.stop is None else shortest(self, [trips, Const.of(cut.stop)])
        return Iteration(Const.of(cut.start or 0), stop, Const.of(cut.step or 1), element)

    def over_pairwise(self, it: LazyIterable, node: gast.AST) -> Iteration | Unrolled:
        inner = self.iteration(it.parts[0], node)
        if isinstance(inner, Unrolled):
            self.require_number(inner, node)
            made = [now(self, e) for e in inner.elements]
            return Unrolled(
                tuple(Struct.sequence("tuple", p) for p in itertools.pairwise(made))
            )
        trips, element = from_zero(self, inner)  # type: ignore[arg-type]

        def pair(low: Any, i: Operand) -> Binding:
            after = low.arithmetic(operator.add, i, ONE_STEP)
            return Struct.sequence("tuple", [element(low, i), element(low, after)])

        one_less = self.arithmetic(operator.sub, trips, ONE_STEP)
        return Iteration(ZERO, one_less, ONE_STEP, pair)

    def over_combined(self, it: LazyIterable, node: gast.AST) -> Unrolled:
        """`product`, `combinations` and `permutations` of elements that are known in number."""
        function, counts = it.detail
        parts: list[list[Any]] = []
        for p in it.parts:
            known = self.deref(p)
            if isinstance(known, Known) and isinstance(known.value, range):
                parts.append([Known(v) for v in known.value])
                continue
            over = self.iteration(p, node)
            if isinstance(over, Iteration):
                raise self.unsupported(
                    node, f"`{function.__name__}` of sequences whose length is not known while "
                    "compiling cannot be differentiated",
                    f"one of them is {describe(known)}", "write nested loops",
                )  # fmt: skip
            self.require_number(over, node)
            parts.append([now(self, e) for e in over.elements])
        made = function(*parts, **counts)
        return Unrolled(tuple(Struct.sequence("tuple", list(p)) for p in made))

    def require_number(self, over: Unrolled, node: gast.AST) -> None:
        """Refuse elements whose number may be smaller at run time."""
        if over.limit is not None:
            raise self.unsupported(
                node, "the number of these elements is not known while compiling",
                "it is that of a tuple or of an array, whichever is smaller", "use one of them",
            )  # fmt: skip

    def range_iteration(self, args: list[Operand]) -> Iteration:
        if len(args) == 1:
            args = [ZERO, args[0], ONE_STEP]
        elif len(args) == 2:
            args = [*args, ONE_STEP]
        start, stop, step = args
        return Iteration(start, stop, step, lambda low, i: low.as_binding(i), plain=True)

    def range_length(self, it: Iteration) -> Operand:
        """Number of trips of a range that does not start at 0 with step 1."""
        parts = (it.start, it.stop, it.step)
        known = [p.value for p in parts if isinstance(p, Const)]
        if len(known) == len(parts):
            return Const.of(len(range(*known)))
        if it.step == ONE_STEP:
            span = self.arithmetic(operator.sub, it.stop, it.start)
            return self.arithmetic(max, Const.of(0), span)
        whole = self.arithmetic(
            operator.floordiv, self.arithmetic(operator.sub, it.start, it.stop), it.step
        )
        return self.arithmetic(max, Const.of(0), self.arithmetic(operator.mul, whole, Const.of(-1)))
