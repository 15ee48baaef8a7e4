"""What a name can be bound to while a function is lowered, and how two bindings join.

A binding is a *known* object (decided while compiling), an IR value (a number), a reference to
the memory of a mutable object (an array, a list, a dictionary), a tuple of bindings, or a function
with its frame. Joining two bindings at the end of a branch makes a new value where they differ;
where no single value can describe both, the name is poisoned and reading it is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Union

import gast

from srcad.ir.abstract import UNDEF, UNKNOWN, Type, is_number, join
from srcad.ir.values import UNDEFINED, Const, Operand, Value
from srcad.pristine import math, np

if TYPE_CHECKING:
    from srcad.parser.frames import Frame

NUMBERS = (bool, int, float, complex)
CLASS, SOURCE = "__class__", "__object__"  # keys in what an object holds that are no attributes


@dataclass(eq=False)
class Known:
    """A Python object known while compiling."""

    value: Any


class Cell:
    """The memory of one mutable object. What it holds at the current place of the program is
    `frame.vars[cell]`: an IR value (an array, a list of unknown length) or a Struct.

    Attributes
    ----------
    shared
        Other cells that may be the same memory, or overlap with it, and may not: as long as none
        of them is written, that makes no difference.
    origin
        Whose memory it is: "" (the function's own), "argument" (the caller's), else a phrase for
        messages: it must not be written.
    contiguous
        Whether it is certainly an array in C order, so that a reshape of it is a view.
    special
        What it is more than a list or dictionary: see `collected`.
    separate
        Of a list or dictionary that is one value: whether no other container holds its elements.
    elements
        Memory that names may lead to, and that may be an element of it.
    given
        Whether it is an argument, so that only the run knows whether its elements are different.
    """

    __slots__ = (
        "contiguous", "elements", "given", "name", "origin", "separate", "shared", "special",
    )  # fmt: skip

    def __init__(self, name: str, origin: str = "", contiguous: bool = False) -> None:
        self.name = name
        self.origin = origin
        self.contiguous = contiguous
        self.shared: set[Cell] = set()
        self.special: Special | None = None
        self.separate = False
        self.elements: set[Cell] = set()
        self.given = False

    def share(self, other: Cell) -> bool:
        """Note that both may be one memory; whether that is news."""
        if other is self or other in self.shared:
            return False
        self.shared.add(other)
        other.shared.add(self)
        return True

    def __repr__(self) -> str:
        return f"<cell {self.name}>"


@dataclass(frozen=True)
class Special:
    """A container of the library: kind "defaultdict", "Counter", "deque", "set" or "array".

    `detail` is the binding of the function that makes defaults, or the largest length.
    """

    kind: str
    detail: Any = None


@dataclass(eq=False)
class Step:
    """One step from an array to a view of it: kind "index", "transpose" or "reshape"."""

    kind: str
    operands: tuple[Operand, ...]

    def key(self) -> tuple[Any, ...]:
        return (self.kind, *(o if isinstance(o, Value) else o.key() for o in self.operands))


@dataclass(eq=False)
class Ref:
    """A reference to a mutable object, or to the view of an array that `path` leads to."""

    cell: Cell
    path: tuple[Step, ...] = ()

    def key(self) -> tuple[Any, ...]:
        return (self.cell, *(step.key() for step in self.path))


@dataclass(eq=False)
class Struct:
    """A tuple of bindings, or what a cell holds for a list or dict of them.

    `items` is a tuple of pairs (key, binding). Those of an object are its class (under CLASS),
    what it is read from if the caller made it (under SOURCE), and its attributes.
    """

    kind: str  # "tuple" | "list" | "dict" | "object" | "box" (of a name that functions store to)
    items: tuple[tuple[Any, Binding], ...]

    @staticmethod
    def sequence(kind: str, parts: list[Binding] | tuple[Binding, ...]) -> Struct:
        return Struct(kind, tuple(enumerate(parts)))

    @property
    def parts(self) -> tuple[Binding, ...]:
        return tuple(b for _, b in self.items)


@dataclass(eq=False)
class Closure:
    """A nested function or lambda, with the frame in which it was defined.

    Attributes
    ----------
    wrapped
        The function that it wraps, by `functools.wraps`.
    cached
        Whether `functools.lru_cache` keeps its results.
    home
        The class inside of the function (a `LocalClass`) that it is a method of.
    """

    node: gast.FunctionDef | gast.Lambda
    frame: Frame
    defaults: tuple[Binding, ...] = ()
    kw_defaults: tuple[Binding | None, ...] = ()
    name: str = "<lambda>"
    wrapped: Binding | None = None
    cached: bool = False
    home: Any = None


@dataclass(eq=False)
class BoundMethod:
    """A method that is not called yet: `x.sum` or `l.append`, or with `function` (a function or a
    `Closure`) that of an object.
    """

    receiver: Binding
    name: str
    function: Any = None


@dataclass(eq=False)
class LazyIterable:
    """What gives its elements once: `zip(a, b)`, `map(f, a)`, `(e * e for e in a)`; or a range.

    Attributes
    ----------
    kind
        "range", "zip", "enumerate", "map", "generator" ...
    parts
        What it was made of.
    detail
        For a generator expression, its syntax.
    used
        Memory that says whether it was read before (a range has none: it can be read again).
    frame
        The frame in which it was made.
    """

    kind: str
    parts: tuple[Binding, ...]
    detail: Any = None
    used: Cell | None = None
    frame: Frame | None = None


@dataclass(eq=False)
class Partial:
    """`functools.partial(f, ...)` and `operator.itemgetter(...)`: a call with arguments to come."""

    target: Binding
    args: tuple[Binding, ...] = ()
    kwargs: tuple[tuple[str, Binding], ...] = ()


@dataclass(eq=False)
class Derived:
    """`grad(f)` and its siblings inside a differentiated function, applied to a known function."""

    transform: str
    target: Binding
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(eq=False)
class ObjectParam:
    """A parameter that is an object (`self`), or something read from it along `path`."""

    value: Value
    name: str
    path: tuple[Any, ...]
    example: Any


@dataclass(eq=False)
class Choice:
    """One of two functions or objects, by a condition of run time."""

    condition: Value
    then: Binding
    orelse: Binding


@dataclass(eq=False)
class Maybe:
    """None unless `present` holds at run time; then `value`."""

    present: Value
    value: Binding


@dataclass(eq=False)
class Poison:
    """No single value describes this name here; reading it is an error with this reason.

    `condition` decides which of two known objects it is, where that is all that is not known.
    """

    reason: str
    condition: Value | None = None


def boxed_name(binding: Binding | None) -> Struct:
    """What the memory of a name holds that several functions store to; None: it is not bound."""
    return Struct("box", ((0, binding),))  # type: ignore[arg-type]


def is_root(key: Key, binding: Any) -> bool:
    """Whether a name of the program leads to this entry of a state at once."""
    return isinstance(key, str) or (isinstance(binding, Struct) and binding.kind == "box")


Binding = Union[
    Known, Value, Ref, Struct, Closure, BoundMethod, LazyIterable, Partial, Derived, ObjectParam,
    Choice, Maybe, Poison,
]
Key = Union[str, Cell]  # what the state of a program is kept by: names, and memory


def common_special(a: Binding | None, b: Binding | None) -> Special | None:
    """What two containers both are more than lists or dictionaries."""
    found = {x.cell.special if not x.path else None for x in (a, b) if isinstance(x, Ref)}
    return found.pop() if len(found) == 1 else None


def class_of(content: Struct) -> type:
    """The class of an object, from what it holds."""
    known = dict(content.items)[CLASS]
    assert isinstance(known, Known)
    found: type = known.value
    return found


def same(a: Binding | None, b: Binding | None) -> bool:
    """Whether two bindings are certainly the same object, so that a join has nothing to do."""
    if a is b:
        return True
    if isinstance(a, Known) and isinstance(b, Known):
        x, y = a.value, b.value
        if x is y:
            return True
        if type(x) is type(y) and isinstance(x, (bool, int, str, float)):
            if isinstance(x, float):
                return x == y and math.copysign(1, x) == math.copysign(1, y)
            return bool(x == y)
        return False
    if isinstance(a, Ref) and isinstance(b, Ref):
        return a.key() == b.key()
    if isinstance(a, Struct) and isinstance(b, Struct):
        return (
            a.kind == b.kind
            and [k for k, _ in a.items] == [k for k, _ in b.items]
            and all(same(x, y) for x, y in zip(a.parts, b.parts))
        )
    if isinstance(a, ObjectParam) and isinstance(b, ObjectParam):
        return a.value is b.value and a.path == b.path
    if isinstance(a, LazyIterable) and isinstance(b, LazyIterable):
        one = a.kind == b.kind and a.used is b.used and a.used is not None
        return one and all(same(x, y) for x, y in zip(a.parts, b.parts))
    if isinstance(a, BoundMethod) and isinstance(b, BoundMethod):
        known = a.name == b.name and a.function is b.function
        return known and same(a.receiver, b.receiver)
    if isinstance(a, Choice) and isinstance(b, Choice):
        sides = same(a.then, b.then) and same(a.orelse, b.orelse)
        return a.condition is b.condition and sides
    if isinstance(a, Maybe) and isinstance(b, Maybe):
        return a.present is b.present and same(a.value, b.value)
    return False


def part_name(kind: str, name: str, key: Any) -> str:
    """The name of a part of a structure."""
    return name if kind == "box" else f"{name}_{key}"


def one_object(a: ObjectParam, b: ObjectParam) -> bool:
    """Whether both are read from one place of one argument, though perhaps twice."""
    return a.name == b.name and a.path == b.path and a.example is b.example


def number(binding: Binding | None) -> Operand | None:
    """The operand of a binding that is one number or array (or undefined), else None."""
    if binding is None:
        return UNDEFINED
    if isinstance(binding, Value):
        return binding
    if isinstance(binding, Known) and (
        type(binding.value) in NUMBERS or isinstance(binding.value, np.generic)
    ):
        return Const.of(binding.value)
    return None


def is_plain(binding: Binding) -> bool:
    """Whether this is a known object that is no array, or a tuple or list of such."""
    if isinstance(binding, Struct):
        return binding.kind in ("tuple", "list") and all(map(is_plain, binding.parts))
    return isinstance(binding, Known) and not isinstance(binding.value, np.ndarray)


def is_function(binding: Binding | None) -> bool:
    """Whether this is a function, or one of several."""
    if isinstance(binding, Known):
        return callable(binding.value)
    if isinstance(binding, Choice):
        return is_function(binding.then) and is_function(binding.orelse)
    return isinstance(binding, (Closure, Derived, BoundMethod, Partial))


def can_be_chosen(binding: Binding | None) -> bool:
    """Whether a name may be bound to this on one path and to another such object on another."""
    if isinstance(binding, Known):
        return number(binding) is None and binding.value is not None
    return is_function(binding) or isinstance(binding, (Choice, Ref))


_KINDS = {
    "generator function": "a generator", "context manager": "a context manager",
    "chain": "an iterator", "counting": "an iterator", "indexed": "an iterator",
    "either": "an iterator", "enumerate": "an enumerate",
}  # fmt: skip


def describe(binding: Binding | None) -> str:
    """A few words for messages."""
    if binding is None:
        return "not bound"
    if isinstance(binding, Value):
        return f"a value of type {binding.type}"
    if isinstance(binding, Known):
        if binding.value is None or isinstance(binding.value, (*NUMBERS, str)):
            return repr(binding.value)
        return f"a {type(binding.value).__name__}"
    if isinstance(binding, Struct) and binding.kind == "object":
        return f"an object of the class `{class_of(binding).__name__}`"
    if isinstance(binding, Struct):
        return f"a {binding.kind} of {len(binding.items)}"
    if isinstance(binding, Ref):
        return "an array" if binding.path else f"the object `{binding.cell.name}`"
    if isinstance(binding, Maybe):
        return f"{describe(binding.value)} or None"
    if isinstance(binding, Choice) and not is_function(binding):
        return f"{describe(binding.then)} or {describe(binding.orelse)}"
    if isinstance(binding, Poison):
        return binding.reason
    if isinstance(binding, LazyIterable):
        return _KINDS.get(binding.kind, f"a {binding.kind}")
    return "a function"


def merge(
    a: Binding | None,
    b: Binding | None,
    name: str,
    leaf: Callable[[Operand, Operand, Type, str], Value],
    link: Callable[[Binding | None, Binding | None, str], Binding | None] | None = None,
    every: bool = False,
    hidden: bool = False,
) -> Binding | None:
    """Join two bindings of one name.

    `leaf` makes the value for a pair of differing operands, `link` the reference for a pair of
    which one is a reference to memory that the other is not (with `every`, for all references).
    With `hidden` it is a part of an object, which is read only where there is one.
    """
    if every and link is not None and (isinstance(a, Ref) or isinstance(b, Ref)):
        return link(a, b, name)
    if same(a, b) and not (every and isinstance(a, Struct)):
        return a
    if _are_optional(a, b, every):
        return _merge_optional(a, b, name, leaf, link, every)
    if isinstance(a, Ref) or isinstance(b, Ref):
        if isinstance(a, Ref) and isinstance(b, Ref) and a.cell is b.cell:
            path = merge_paths(a.path, b.path, name, leaf)
            if path is not None:
                return Ref(a.cell, path)
        if link is not None:
            return link(a, b, name)
    if isinstance(a, Struct) and isinstance(b, Struct) and a.kind == b.kind == "object":
        if class_of(a) is class_of(b):
            return _merge_objects(a, b, name, leaf, link, every)
    if isinstance(a, Struct) and isinstance(b, Struct) and a.kind == b.kind != "object":
        if [k for k, _ in a.items] == [k for k, _ in b.items]:
            parts = []
            for (key, x), (_, y) in zip(a.items, b.items):
                parts.append((key, merge(x, y, part_name(a.kind, name, key), leaf, link, every)))
            return Struct(a.kind, tuple(parts))  # type: ignore[arg-type]
    if isinstance(a, Struct) and b is None or isinstance(b, Struct) and a is None:
        present = a if isinstance(a, Struct) else b
        assert isinstance(present, Struct)
        parts = []
        hidden = hidden or present.kind == "object" or name.startswith("$")
        for key, x in present.items:
            if hidden and isinstance(x, (Known, ObjectParam)):
                if number(x) is None:  # its class, or a function: no value that may be missing
                    parts.append((key, x))
                    continue
            first, second = (x, None) if present is a else (None, x)
            parts.append((key, merge(first, second, f"{name}_{key}", leaf, link, every, hidden)))
        return Struct(present.kind, tuple(parts))  # type: ignore[arg-type]
    if isinstance(a, ObjectParam) and isinstance(b, ObjectParam) and one_object(a, b):
        value = leaf(a.value, b.value, a.value.type, name)
        return ObjectParam(value, a.name, a.path, a.example)
    left, right = number(a), number(b)
    if left is not None and right is not None:
        t = join(left.type, right.type)
        if t == UNKNOWN and UNKNOWN not in (left.type, right.type):
            return _of_two_kinds(name, a, b)
        if t == UNDEF:
            return None
        return leaf(left, right, t, name)
    for p in (a, b):
        if isinstance(p, Poison):
            return p
    return _of_two_kinds(name, a, b)


def _of_two_kinds(name: str, a: Binding | None, b: Binding | None) -> Poison:
    shown = plain_name(name)
    return Poison(f"`{shown}` is {describe(a)} on one path and {describe(b)} on another")


def _merge_objects(a: Struct, b: Struct, name: str, leaf: Any, link: Any, every: bool) -> Struct:
    """Join what an object holds on two paths; an attribute may be set on one of them only."""
    first, second = dict(a.items), dict(b.items)
    parts: list[tuple[Any, Binding]] = []
    for key in {**first, **second}:
        x, y = first.get(key), second.get(key)
        joined: Binding | None = None
        if x is not None and y is not None:
            joined = merge(x, y, f"{name}_{key}", leaf, link, every)
        if joined is None:
            joined = Poison(f"`{key}` is set on one path only")
        parts.append((key, joined))
    return Struct("object", tuple(parts))


def _are_optional(a: Binding | None, b: Binding | None, every: bool) -> bool:
    """Whether two bindings join to what is None on some paths only."""
    if isinstance(a, Maybe) or isinstance(b, Maybe):
        return True
    for x, y in ((a, b), (b, a)):
        if isinstance(x, Known) and x.value is None:
            tuple_of = isinstance(y, Struct) and y.kind == "tuple" and bool(values_in(y))
            return isinstance(y, Value) or tuple_of or (isinstance(y, Ref) and not every)
    return False


def _merge_optional(
    a: Binding | None, b: Binding | None, name: str, leaf: Any, link: Any, every: bool
) -> Binding:
    for x, y in ((a, b), (b, a)):  # the value has been read on the one path: it is not None there
        if isinstance(x, Maybe) and same(x.value, y):
            return x
    (p, x), (q, y) = (presence(a), presence(b))
    present = merge(p, q, presence_name(name), leaf, link, every)
    value = merge(x, y, name, leaf, link, every)
    if isinstance(value, Poison):
        return value
    assert isinstance(present, Value) and value is not None
    return Maybe(present, value)


def presence(binding: Binding | None) -> tuple[Binding | None, Binding | None]:
    """(whether a binding is not None, what it is then)."""
    if isinstance(binding, Maybe):
        return binding.present, binding.value
    if binding is None:
        return None, None
    if isinstance(binding, Known) and binding.value is None:
        return Known(False), None
    return Known(True), binding


def presence_name(name: str) -> str:
    """The name of what says whether `name` is not None."""
    return f"$has_{name[1:]}" if name.startswith("$") else f"has_{name}"


def optional(present: Binding, value: Binding) -> Binding:
    """A `Maybe`, or what it is known to be."""
    if isinstance(present, Known):
        return value if present.value else Known(None)
    assert isinstance(present, Value)
    return Maybe(present, value)


def merge_paths(
    a: tuple[Step, ...],
    b: tuple[Step, ...],
    name: str,
    leaf: Callable[[Operand, Operand, Type, str], Value],
) -> tuple[Step, ...] | None:
    """The path to a view that is at one place of an array on one path and at another on another."""
    if len(a) != len(b):
        return None
    steps: list[Step] = []
    for x, y in zip(a, b):
        if x.kind != y.kind or len(x.operands) != len(y.operands):
            return None
        operands: list[Operand] = []
        for p, q in zip(x.operands, y.operands):
            if p is q or (isinstance(p, Const) and isinstance(q, Const) and p.key() == q.key()):
                operands.append(p)
            elif x.kind in ("index", "item") and all(is_number(o.type) for o in (p, q)):
                operands.append(leaf(p, q, join(p.type, q.type), f"{name}_index"))
            else:
                return None
        steps.append(Step(x.kind, tuple(operands)))
    return tuple(steps)


def map_values(binding: Any, f: Callable[[Value], Any]) -> Any:
    """Replace every IR value in a binding (what cells hold is not looked at)."""
    if isinstance(binding, Value):
        return f(binding)
    if isinstance(binding, Ref):
        return Ref(binding.cell, tuple(_map_step(step, f) for step in binding.path))
    if isinstance(binding, Struct):
        return Struct(binding.kind, tuple((k, map_values(b, f)) for k, b in binding.items))
    if isinstance(binding, BoundMethod):
        return BoundMethod(map_values(binding.receiver, f), binding.name, binding.function)
    if isinstance(binding, (LazyIterable, Partial)):
        return rebuilt(binding, lambda b: map_values(b, f))
    if isinstance(binding, Derived):
        return Derived(binding.transform, map_values(binding.target, f), binding.options)
    if isinstance(binding, Choice):
        then, orelse = (map_values(b, f) for b in (binding.then, binding.orelse))
        return Choice(f(binding.condition), then, orelse)
    if isinstance(binding, Maybe):
        return Maybe(f(binding.present), map_values(binding.value, f))
    if isinstance(binding, ObjectParam):
        return ObjectParam(f(binding.value), binding.name, binding.path, binding.example)
    return binding


def rebuilt(binding: LazyIterable | Partial, f: Callable[[Binding], Any]) -> LazyIterable | Partial:
    """The same iterator or partial call of other parts."""
    if isinstance(binding, LazyIterable):
        return replace(binding, parts=tuple(f(p) for p in binding.parts))
    args = tuple(f(a) for a in binding.args)
    return Partial(f(binding.target), args, tuple((k, f(b)) for k, b in binding.kwargs))


def _map_step(step: Step, f: Callable[[Value], Any]) -> Step:
    operands = [f(o) if isinstance(o, Value) else o for o in step.operands]
    return Step(step.kind, tuple(operands))


def map_cells(binding: Any, f: Callable[[Cell], Cell]) -> Any:
    """Replace every cell in a binding."""
    if isinstance(binding, Ref):
        return Ref(f(binding.cell), binding.path)
    if isinstance(binding, Struct):
        return Struct(binding.kind, tuple((k, map_cells(b, f)) for k, b in binding.items))
    if isinstance(binding, Derived):
        return Derived(binding.transform, map_cells(binding.target, f), binding.options)
    if isinstance(binding, BoundMethod):
        return BoundMethod(map_cells(binding.receiver, f), binding.name, binding.function)
    if isinstance(binding, LazyIterable) and binding.used is not None:
        binding = replace(binding, used=f(binding.used))
    if isinstance(binding, Maybe):
        return Maybe(binding.present, map_cells(binding.value, f))
    if isinstance(binding, (LazyIterable, Partial)):
        return rebuilt(binding, lambda b: map_cells(b, f))
    if isinstance(binding, Choice):
        then, orelse = (map_cells(b, f) for b in (binding.then, binding.orelse))
        return Choice(binding.condition, then, orelse)
    return binding


def cells_in(binding: Any) -> list[Cell]:
    """The cells that a binding refers to directly."""
    found: list[Cell] = []

    def note(cell: Cell) -> Cell:
        found.append(cell)
        return cell

    map_cells(binding, note)
    return found


def plain_name(name: str) -> str:
    """A name as the user has written it: `x` for `x.3`, which is local to a comprehension."""
    return name.lstrip("$").partition(".")[0]


def values_in(binding: Any) -> list[Value]:
    """All IR values in a binding, in order."""
    found: list[Value] = []

    def note(v: Value) -> Value:
        found.append(v)
        return v

    map_values(binding, note)
    return found
