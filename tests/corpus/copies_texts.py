"""How objects are made and copied, methods made of others, and texts that stay texts."""

from __future__ import annotations

import copy
import functools
import re
import typing
from collections import Counter, namedtuple
from dataclasses import FrozenInstanceError, dataclass
from fractions import Fraction


class _Body:
    def __init__(self, place, mass=2.0):
        self.place = place
        self.mass = mass
        self.trail = [place]

    def energy(self):
        return 0.5 * self.mass * self.place**2 + sum(self.trail)


def object_copied(x, y):
    body = _Body(x)
    other = copy.copy(body)
    other.place *= y
    other.trail.append(x * y)
    return body.energy() + other.energy() * len(body.trail)


def object_copied_deeply(x, y):
    body = _Body(x)
    body.next = _Body(y)
    body.next.next = body
    other = copy.deepcopy(body)
    other.next.trail[0] = x * y
    other.next.next.place = 3.0
    return body.energy() + body.next.energy() * other.energy() + other.next.energy()


class _Pile(list):
    def total(self):
        return sum(self)


def list_subclass_copied(x, y):
    pile = _Pile([x, y])
    other = copy.copy(pile)
    other.append(x * y)
    third = copy.deepcopy(other)
    third[0] = 1.0
    return pile.total() * other.total() + third.total()


_RATES = [1.0, 2.0, 3.0]
_TABLE = {"rates": _RATES, "pair": (1.0, [2.0]), "other": {"a": 0.5}}
_MORE = {"b": 1.5}


def copies_of_constants_changed(x, y):
    part, twice = _RATES[1:], _RATES * 2
    part.append(x)
    part.append(4.0)
    twice[0] = y
    table = copy.deepcopy(_TABLE)
    table["rates"][0] = x
    table["pair"][1].append(y)
    table["other"]["a"] *= x
    both = _MORE | _TABLE["other"]
    both["c"] = x * y
    return (
        sum(part) * sum(twice) + sum(table["rates"]) * len(table["pair"][1])
        + table["other"]["a"] * len(both) + sum(_RATES) * x
    )


def dictionaries_compared(x, y):
    first = {"a": x, "b": [1.0]}
    second = dict(first)
    third = {**first, "a": x + 1.0}
    return x * (first == second) + y * (first != third) + x * y * ({} == first)


class _Halved:
    def __init__(self, amount):
        self.amount = amount

    def __copy__(self):
        return _Halved(self.amount / 2)

    def __deepcopy__(self, memo):
        return _Halved(self.amount / 4)


def copied_by_its_own_method(x, y):
    halved = _Halved(x * y)
    return halved.amount * copy.copy(halved).amount + copy.deepcopy(halved).amount


class _Tools:
    def scale(self, factor, value):
        return factor * value * value

    double = functools.partialmethod(scale, 2.0)
    of_three = functools.partialmethod(scale, value=3.0)

    @functools.singledispatchmethod
    def reduce(self, what):
        return what * 3.0

    @reduce.register
    def _(self, what: list):
        return self.double(sum(what))


def methods_made_of_others(x, y):
    tools = _Tools()
    return tools.double(x) * tools.of_three(y) + tools.reduce([x, y]) - tools.reduce(y)


class _Registered:
    kinds = {}  # noqa: RUF012

    def __init_subclass__(cls, factor=1.0):
        cls.factor = factor
        _Registered.kinds[cls.__name__] = cls

    def area(self, x):
        return self.factor * x * x


class _Square(_Registered):
    pass


class _Twice(_Registered, factor=2.0):
    def area(self, x):
        return super().area(x) + x


def registry_of_subclasses(x, y):
    return sum(kind().area(x) for kind in _Registered.kinds.values()) * y


class _Made:
    def __new__(cls, value, *rest):
        made = super().__new__(cls)
        made.doubled = 2 * value
        return made

    def __init__(self, value, power=2):
        self.value = value**power


class _Meta(type):
    def __new__(mcs, name, bases, names):
        cls = super().__new__(mcs, name, bases, names)
        cls.weight = 3.0
        return cls


class _Weighed(metaclass=_Meta):
    def __init__(self, value):
        self.value = value

    def weighed(self):
        return self.value * self.weight


def object_made_by_new(x, y):
    made = _Made(x, 3)
    return made.doubled * made.value + _Weighed(y).weighed()


class _Squared(namedtuple("_Squared", "side area")):
    __slots__ = ()

    def __new__(cls, side, area=None):
        return super().__new__(cls, side, side * side if area is None else area)

    def grown(self, factor):
        return _Squared(self.side * factor)


def record_made_by_new(x, y):
    first = _Squared(x).grown(y)
    second = first._replace(area=y)
    return first.area * second.side + second.area * sum(first)


class _Remembered:
    """A function that keeps its results: its calls change the object that is called."""

    def __init__(self, function):
        self.function = function
        self.results = {}

    def __call__(self, n):
        if n not in self.results:
            self.results[n] = self.function(n)
        return self.results[n]


def object_that_calls_back(x, y):
    @_Remembered
    def steps(n):
        return x if n < 2 else steps(n - 1) * y + steps(n - 2)

    return steps(5) * len(steps.results) + steps.results[3]


class _Announcer:
    def __init__(self):
        self.listeners = []
        self.total = 0.0

    def announce(self, value):
        for listener in self.listeners:
            listener(value)
        self.total += 1.0
        return self.total


def listeners_that_change_their_object(x, y):
    announcer = _Announcer()

    def listen(value):
        announcer.total += value
        if value * value < 3.0:
            announcer.announce(value * value + 1.0)

    announcer.listeners.append(listen)
    return announcer.announce(x) + announcer.total * y


T = typing.TypeVar("T")


class _Stack(typing.Generic[T]):
    def __init__(self):
        self.items = []

    def push(self, item: T) -> None:
        self.items.append(item)

    def pop(self) -> T:
        return self.items.pop()


class _Options(typing.TypedDict, total=False):
    rate: float
    scale: float


def generic_and_typed(x, y):
    stack = _Stack[float]()
    stack.push(x)
    stack.push(x * y)
    options = _Options(rate=stack.pop())
    options["scale"] = stack.pop() ** 2
    return options["rate"] * options["scale"]


@dataclass(frozen=True)
class _Fixed:
    amount: float


def store_into_a_frozen_one(x, y):
    fixed = _Fixed(x)
    try:
        fixed.amount = y
    except FrozenInstanceError:
        fixed = _Fixed(fixed.amount * y)
    return fixed.amount**2


def counters_joined(x, y):
    a, b = Counter("banana"), Counter("bandana")
    both = a + b
    less = b - a
    return (
        sum(n * x for k, n in both.items() if k in "an")
        + y * less["d"] * (a & b)["n"] + len(a | b)
    )


def texts_as_keys(x, n):
    table = {f"w{i:02d}": x**i for i in range(3)}
    table["%s_%d" % ("b", 1)] = 3 * x  # noqa: UP031
    table["-".join(c.upper() for c in "ab")] = x * x
    for key, value in list(table.items()):
        if key.startswith("w"):
            table["_".join([key, "more"])] = value * int(key[1:])
    words = "alpha beta".split()
    words.append("gamma")
    words.pop(0)
    found = re.findall(r"\d+", "a1b22")
    return sum(table.values()) * table["b_1"] + len(words) * table["A-B"] * int(found[1]) * n


class _Shown:
    def __init__(self, amount):
        self.amount = amount

    def __repr__(self):
        return f"_Shown({self.amount:.2f})"


_Pair = namedtuple("_Pair", "first second")


def texts_of_objects(x, y):
    shown = _Shown(x)
    lines = [f"{shown}", str(shown), repr(y), f"{_Fixed(y)!r:>20}", str(_Pair(x, y))]
    text = "\n".join(f"{len(line):3d} {line}" for line in lines)
    pile = str(_Pile([1, 2]))
    return x * y * (1.0 if "_Pair(first=" in text else 2.0) + shown.amount**2 * len(pile)


def keys_as_sets(x, y):
    first, second = {"a": x, "b": y}, {"b": x * y}
    both = first.keys() & second.keys()
    second.update([("c", x**2)])
    same = first.keys() - second.keys() == {"a"}
    return sum(first[k] * second[k] for k in both) + second["c"] * same


def records_sorted_by_name(x, y):
    bodies = {"earth": _Body(x), "moon": _Body(y, 1.0)}
    ordered = sorted(bodies.items(), reverse=True)
    return ordered[0][1].energy() * ordered[1][1].place


def fraction_of_constants(x):
    third = Fraction(1, 3) + Fraction(1, 6)
    return x**2 * third.numerator / third.denominator + x * float(third)


def _sizes(u):
    for v in u:
        yield v * v
    return len(u)


def _two(u):
    count = 0
    count += yield from _sizes(u)
    count += yield from _sizes(u)
    yield count * u[0]


def delegation_added(u):
    return sum(_two(u))


# What is copied or updated may be a number or an array.
TYPED = {
    "list_subclass_copied", "listeners_that_change_their_object", "object_copied",
    "object_copied_deeply",
}
