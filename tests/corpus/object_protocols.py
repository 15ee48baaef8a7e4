"""What classes can define: operators, descriptors, slots, enumerations, abstract bases, mixins."""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import math
import typing
from collections import namedtuple
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import ClassVar, NamedTuple

import numpy as np


class _Money:
    """All arithmetic, with numbers on either side."""

    def __init__(self, amount):
        self.amount = amount

    def __add__(self, other):
        if isinstance(other, _Money):
            return _Money(self.amount + other.amount)
        return _Money(self.amount + other)

    def __radd__(self, other):
        return _Money(other + self.amount)

    def __sub__(self, other):
        if not isinstance(other, _Money):
            return NotImplemented
        return _Money(self.amount - other.amount)

    def __rsub__(self, other):
        return _Money(other - self.amount)

    def __mul__(self, other):
        return _Money(self.amount * other)

    def __rmul__(self, other):
        return _Money(other * self.amount)

    def __truediv__(self, other):
        return _Money(self.amount / other)

    def __rtruediv__(self, other):
        return _Money(other / self.amount)

    def __pow__(self, power):
        return _Money(self.amount**power)

    def __rpow__(self, base):
        return _Money(base**self.amount)

    def __floordiv__(self, other):
        return self.amount // other

    def __mod__(self, other):
        return _Money(self.amount % other)

    def __divmod__(self, other):
        return self.amount // other, self.amount % other

    def __neg__(self):
        return _Money(-self.amount)

    def __pos__(self):
        return self

    def __abs__(self):
        return _Money(abs(self.amount))

    def __invert__(self):
        return _Money(1.0 / self.amount)

    def __float__(self):
        return float(self.amount)

    def __round__(self, digits=0):
        return _Money(round(self.amount, digits))

    def __bool__(self):
        return self.amount != 0.0

    def __eq__(self, other):
        return isinstance(other, _Money) and self.amount == other.amount

    def __lt__(self, other):
        return self.amount < other.amount

    def __le__(self, other):
        return self.amount <= other.amount

    __hash__ = None


class _Stack:
    """A container: reads, writes, deletes, tests membership, changes in place."""

    def __init__(self, *values):
        self._values = list(values)

    def __len__(self):
        return len(self._values)

    def __getitem__(self, index):
        return self._values[index]

    def __setitem__(self, index, value):
        self._values[index] = value

    def __delitem__(self, index):
        del self._values[index]

    def __iter__(self):
        return iter(self._values)

    def __reversed__(self):
        return reversed(self._values)

    def __contains__(self, value):
        return value in self._values

    def __iadd__(self, other):
        self._values.extend(other)
        return self

    def __imul__(self, factor):
        self._values = [factor * value for value in self._values]
        return self

    def push(self, value):
        self._values.append(value)
        return self


@functools.total_ordering
class _Ranked:
    def __init__(self, rank, value):
        self.rank = rank
        self.value = value

    def __eq__(self, other):
        return self.rank == other.rank

    def __lt__(self, other):
        return self.rank < other.rank

    __hash__ = None


class _Matrix:
    def __init__(self, rows):
        self.rows = rows

    def __matmul__(self, other):
        if isinstance(other, _Matrix):
            return _Matrix(self.rows @ other.rows)
        return self.rows @ other

    def __rmatmul__(self, other):
        return other @ self.rows

    __array_ufunc__ = None

    def __getitem__(self, key):
        row, column = key
        return self.rows[row, column]

    def __imatmul__(self, other):
        self.rows = self.rows @ other.rows
        return self

    @property
    def T(self):
        return _Matrix(self.rows.T)


class _Positive:
    """A descriptor that keeps a number under another name."""

    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        return getattr(instance, self.name)

    def __set__(self, instance, value):
        setattr(instance, self.name, abs(value))


class _Twice:
    """A descriptor that only computes."""

    def __get__(self, instance, owner=None):
        return 2.0 * instance.radius


class _Ball:
    radius = _Positive()
    diameter = _Twice()

    def __init__(self, radius):
        self.radius = radius


class _Defaulting:
    """Attributes that are not there are made up."""

    def __init__(self, value):
        self.value = value

    def __getattr__(self, name):
        if name.startswith("times_"):
            return self.value * int(name[6:])
        raise AttributeError(name)


class _Delegating:
    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)


class _Slotted:
    __slots__ = ("__kept", "a")

    def __init__(self, a):
        self.a = a
        self.__kept = a * a

    def both(self):
        return self.a * self.__kept


class _SlottedChild(_Slotted):
    __slots__ = ("b",)

    def __init__(self, a, b):
        super().__init__(a)
        self.b = b


class _Scheme(enum.Enum):
    EULER = 1.0
    HEUN = 0.5

    @property
    def weight(self):
        return 2.0 * self.value

    def step(self, x):
        return x * self.weight if self is _Scheme.HEUN else x + self.value


class _Order(enum.IntEnum):
    FIRST = 1
    SECOND = 2


class _Flags(enum.Flag):
    LINEAR = enum.auto()
    SQUARE = enum.auto()


class _Planet(enum.Enum):
    EARTH = (5.97, 6.37)
    MARS = (0.642, 3.39)

    def __init__(self, mass, radius):
        self.mass = mass
        self.radius = radius

    @property
    def gravity(self):
        return self.mass / self.radius**2


class _Law(abc.ABC):
    rate: ClassVar[float] = 0.5

    @abc.abstractmethod
    def stress(self, strain):
        """What a strain makes."""

    def energy(self, strain):
        return 0.5 * self.stress(strain) * strain * self.rate

    @property
    @abc.abstractmethod
    def modulus(self):
        """The slope at rest."""


class _Linear(_Law):
    def __init__(self, stiffness):
        self._stiffness = stiffness

    def stress(self, strain):
        return self.modulus * strain

    @property
    def modulus(self):
        return self._stiffness


class _Hardening(_Linear):
    rate = 0.25

    def stress(self, strain):
        return super().stress(strain) + strain**3

    @property
    def modulus(self):
        return 2.0 * super().modulus


class _Scaling:
    def scaled(self, factor):
        return type(self)(self.value * factor)


class _Shifting:
    def shifted(self, offset):
        return self.__class__(self.value + offset)


class _Quantity(_Scaling, _Shifting):
    unit = 3.0

    def __init__(self, value):
        self.value = value

    @classmethod
    def zero(cls):
        return cls(0.0 * cls.unit)

    @classmethod
    def of(cls, *values):
        return [cls(v) for v in values]

    def __str__(self):
        return f"{self.value}"


class _Diamond:
    def f(self, x):
        return x


class _Left(_Diamond):
    def f(self, x):
        return 2.0 * super().f(x)


class _Right(_Diamond):
    def f(self, x):
        return super().f(x) + x * x


class _Bottom(_Left, _Right):
    def f(self, x):
        return super().f(x) * x


class _Registry:
    count = 0
    table: ClassVar[dict] = {}

    def __init_subclass__(cls, /, weight=1.0, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.weight = weight


class _Heavy(_Registry, weight=2.5):
    def value(self, x):
        return self.weight * x * x


@dataclass
class _Parameters:
    rate: float
    powers: list = field(default_factory=lambda: [1, 2])
    scale: float = field(default=2.0, repr=False)
    derived: float = field(init=False)
    start: dataclasses.InitVar = 1.0

    def __post_init__(self, start):
        self.derived = self.rate * self.scale + start


@dataclass(frozen=True)
class _Ray:
    origin: float
    direction: float = 1.0

    def __post_init__(self):
        object.__setattr__(self, "length", math.hypot(self.origin, self.direction))

    def at(self, t):
        return self.origin + t * self.direction / self.length


@dataclass(order=True)
class _Version:
    major: float
    minor: float = 0.0


@dataclass(slots=True)
class _Compact:
    a: float
    b: float = 1.0


@dataclass(kw_only=True)
class _Named:
    first: float
    second: float = 2.0


@dataclass
class _Child(_Compact):
    c: float = 3.0

    def total(self):
        return self.a * self.b + self.c


_Complex = namedtuple("_Complex", "re im", defaults=(1.0,))


class _Row(NamedTuple):
    first: float
    second: float = 0.5

    @property
    def product(self):
        return self.first * self.second

    @classmethod
    def twice(cls, value):
        return cls(value, value)


class _Counter:
    made = 0

    def __init__(self, x):
        self.x = x
        self.calls = 0

    def __call__(self, t, *, power=1):
        self.calls += 1
        return self.x * t**power


class _Protocol(typing.Protocol):
    def value(self, x: float) -> float: ...


class _Implementation:
    gain = 1.5

    def value(self, x: float) -> float:
        return self.gain * math.sin(x)


class _Tree:
    def __init__(self, left, right):
        self.left = left
        self.right = right

    def evaluate(self):
        left = self.left.evaluate() if isinstance(self.left, _Tree) else self.left
        right = self.right.evaluate() if isinstance(self.right, _Tree) else self.right
        return self.combine(left, right)


class _Sum(_Tree):
    def combine(self, a, b):
        return a + b


class _Product(_Tree):
    combine = staticmethod(lambda a, b: a * b)


class _Chain:
    """Methods that hand the object on."""

    def __init__(self, value):
        self.value = value

    def add(self, other):
        self.value = self.value + other
        return self

    def apply(self, function, *args, **kwargs):
        self.value = function(self.value, *args, **kwargs)
        return self


class _Lazy:
    def __init__(self, x):
        self.x = x
        self._cache = None

    @property
    def square(self):
        if self._cache is None:
            self._cache = self.x * self.x
        return self._cache


class _Bounded:
    def __init__(self, value):
        self.value = value

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, new):
        if new > 100.0:
            raise ValueError("too large")
        self._value = new

    @value.deleter
    def value(self):
        self._value = 0.0


class _Doubling:
    """Every store is another value; a guard keeps what is counted."""

    def __init__(self, x):
        self.x = x
        self.count = 0

    def __setattr__(self, name, value):
        if name == "count":
            super().__setattr__(name, value)
        else:
            object.__setattr__(self, name, 2.0 * value)


class _Private:
    __scale = 2.0

    def __init__(self, x):
        self.__x = x

    def __times(self, t):
        return self.__x * t * self.__scale

    def value(self, t):
        return self.__times(t)


class _Wrapped(list):
    """A list with a method of its own."""

    def product(self):
        result = 1.0
        for value in self:
            result = result * value
        return result


class _Named2(dict):
    def scaled(self, factor):
        return {k: factor * v for k, v in self.items()}


def arithmetic_methods(x, y):
    a, b = _Money(x), _Money(y)
    c = (a + b) * 2.0 - a / 4.0
    return (3.0 + c - b).amount


def reflected_methods(x, y):
    a = _Money(x * x + 1.0)
    return (1.0 - 2.0 * a).amount + (y / a).amount + (2.0**a).amount


def sum_of_objects(x, y):
    return sum([_Money(x), _Money(y), _Money(x * y)]).amount ** 2


def unary_methods(x, y):
    a = _Money(x * y)
    return (-a).amount + (+a).amount * x + abs(a).amount + (~a).amount


def power_methods(x):
    return (_Money(x * x + 0.5) ** 1.5).amount


def modulo_methods(x, y):
    whole, rest = divmod(_Money(x * 10.0), 3.0)
    return rest * y + whole + (_Money(x) % 0.25).amount


def converted_to_float(x, y):
    return float(_Money(x * y)) * x


def truth_of_an_object(x, y):
    a = _Money(x)
    return (a or _Money(y)).amount * y if a else y


def compared_objects(x, y):
    a, b = _Money(x), _Money(y)
    return x * y if a < b else x * x * y


def compared_reflected(x, y):
    a, b = _Money(x), _Money(y)
    return x * y if a > b or a >= b else x * x * y


def smaller_of_two_objects(x, y):
    return min(_Money(x * x), _Money(y * y + 1.0), key=lambda m: m.amount).amount * x


def equal_objects(x, y):
    return x * y if _Money(x) == _Money(x) and _Money(x) != _Money(x + 1.0) else x


def total_ordering(x, y):
    a, b = _Ranked(1, x), _Ranked(2, y)
    return max(a, b).value * x if a <= b else y


def sorted_by_rank(x, y):
    ranked = sorted([_Ranked(3, x), _Ranked(1, y), _Ranked(2, x * y)], key=lambda r: r.rank)
    return ranked[0].value - 2.0 * ranked[1].value + ranked[2].value ** 2


def container_reads(x, y):
    stack = _Stack(x, y, x * y)
    return stack[0] * stack[-1] + len(stack) * y


def container_writes(x, y):
    stack = _Stack(x, y)
    stack[0] = stack[0] * y
    stack[1] += x
    stack.push(x * y).push(2.0)
    return stack[0] * stack[1] * stack[2]


def container_is_iterated(x, y):
    total = 0.0
    for value in _Stack(x, y, x * y):
        total += value * value
    return total


def container_is_unpacked(x, y):
    a, *rest = _Stack(x, y, x * y)
    return a * rest[0] + rest[1]


def container_is_reversed(x, y):
    return sum(k * value for k, value in enumerate(reversed(_Stack(x, y, x * y))))


def container_contains(x, y):
    return x * y if 3 in _Stack(1, 2, 3) else x


def container_in_place(x, y):
    stack = _Stack(x)
    stack += [y, x * y]
    stack *= x
    return stack[0] + stack[1] * stack[2]


def container_sliced(x, y):
    return sum(_Stack(x, y, x * y, 1.0)[1:3])


def container_to_list(x, y):
    values = list(_Stack(x, y))
    return values[0] * values[1] + sum(_Stack(x, y)) + max(*_Stack(x, y))


def matrix_products(m, p):
    return np.sum(_Matrix(m) @ p) + (_Matrix(m) @ _Matrix(m))[0, 1] + np.sum(p @ _Matrix(m).T)


def matrix_in_place(m):
    a = _Matrix(m)
    a @= _Matrix(m.T)
    return a[1, 0] * a[0, 0]


def data_descriptor(x, y):
    ball = _Ball(x)
    ball.radius = ball.radius * y
    return ball.radius**2


def computing_descriptor(x):
    return _Ball(x * x).diameter ** 2


def attributes_made_up(x, y):
    return _Defaulting(x).times_3 * y + _Defaulting(y).value


def delegating_attributes(x, y):
    law = _Delegating(_Linear(x))
    return law.stress(y) + law.modulus


def slots_and_private_names(x, y):
    return _SlottedChild(x, y).both() * y + _SlottedChild(x, y).b


def enum_value(x):
    return _Scheme.HEUN.value * x * x + _Scheme.EULER.weight * x


def enum_method(x):
    return _Scheme.HEUN.step(x) * _Scheme.EULER.step(x)


def enum_looked_up(x):
    return _Scheme(0.5).value * x + _Scheme["EULER"].value * x * x


def enum_iterated(x):
    return sum(scheme.value * x**k for k, scheme in enumerate(_Scheme, 1))


def enum_in_branch(x, n):
    order = _Order.SECOND if n > 2 else _Order.FIRST
    if order is _Order.SECOND:
        return x * x
    return x


def enum_as_number(x):
    return x**_Order.SECOND + _Order.FIRST * x


def enum_flags(x):
    kinds = _Flags.LINEAR | _Flags.SQUARE
    total = x if _Flags.LINEAR in kinds else 0.0
    if kinds & _Flags.SQUARE:
        total += x * x
    return total


def enum_with_fields(x):
    return sum(planet.gravity * x * planet.mass for planet in (_Planet.EARTH, _Planet.MARS))


def enum_in_match(x, n):
    match _Order(n - 1):
        case _Order.FIRST:
            return x
        case _Order.SECOND:
            return x * x * x


def enum_as_key(x, y):
    table = {_Scheme.EULER: x * y, _Scheme.HEUN: y * y}
    return table[_Scheme.HEUN] * table[_Scheme.EULER]


def abstract_base(x, y):
    return _Linear(x).energy(y) + _Hardening(x).energy(y)


def super_of_property(x, y):
    return _Hardening(x).modulus * _Hardening(y).stress(x)


def mixins(x, y):
    return _Quantity(x).scaled(y).shifted(x).scaled(2.0).value


def alternative_constructors(x, y):
    first, second = _Quantity.of(x, y)
    return first.value * second.value + _Quantity.zero().value


def diamond(x):
    return _Bottom().f(x)


def order_of_resolution(x):
    factor = len(_Bottom.__mro__)
    return factor * x * x if issubclass(_Bottom, _Diamond) else x


def subclass_hook(x):
    return _Heavy().value(x) + _Registry.count * x


def dataclass_init_var(x, y):
    parameters = _Parameters(x, start=y)
    return parameters.derived * x ** parameters.powers[1]


def dataclass_frozen_post_init(x, y):
    return _Ray(x, y).at(2.0) + _Ray(x).length


def dataclass_ordered(x, y):
    return x * y if _Version(1.0, x) < _Version(2.0, y) else x


def dataclass_ordered_by_value(x, y):
    return x * y if _Version(x, 1.0) < _Version(y, 1.0) else x + y


def dataclass_slots(x, y):
    compact = _Compact(x)
    compact.b = y * compact.a
    return compact.a * compact.b


def dataclass_keywords_only(x, y):
    return _Named(first=x).second * _Named(first=x, second=y).second * _Named(first=y).first


def dataclass_inherited(x, y):
    return _Child(x, y).total() * _Child(x).total()


def dataclass_as_tuple(x, y):
    a, b = dataclasses.astuple(_Compact(x, y))
    return a * b + dataclasses.asdict(_Compact(x, y))["b"]


def dataclass_replaced(x, y):
    ray = dataclasses.replace(_Ray(x, y), origin=x * y)
    return ray.at(0.5)


def dataclass_fields(x, y):
    compact = _Compact(x, y)
    return sum(getattr(compact, f.name) ** 2 for f in dataclasses.fields(compact))


def namedtuple_replaced(x, y):
    number = _Complex(x)._replace(im=y * x)
    return number.re * number.im


def namedtuple_as_dict(x, y):
    return sum(_Complex(x, y)._asdict().values()) * _Complex._make([x, y]).im


def namedtuple_indexed(x, y):
    row = _Row(x, y)
    return row[0] * row[-1] + sum(row) + len(row) * row.product


def namedtuple_class_method(x):
    return _Row.twice(x).product


def namedtuple_loop(x, y):
    return sum(v * v for v in _Row(x, y)) + max(_Row(x, y))


def namedtuple_added(x, y):
    return sum(_Row(x, y) + (x * y,))


def callable_with_state(x, y):
    model = _Counter(x)
    total = model(y) + model(y, power=2)
    return total * model.calls


def class_attribute_of_instance(x):
    counter = _Counter(x)
    counter.made += 1
    return counter.made * x + _Counter.made


def structural_type(x):
    model: _Protocol = _Implementation()
    return model.value(x) ** 2


def expression_tree(x, y):
    return _Sum(_Product(x, y), _Product(_Sum(x, 1.0), y)).evaluate()


def chained_calls(x, y):
    return _Chain(x).add(y).apply(math.sin).apply(lambda v, k=2: v**k, k=3).value


def lazily_computed(x):
    lazy = _Lazy(x)
    return lazy.square + lazy.square * x


def validated_property(x, y):
    bounded = _Bounded(x)
    bounded.value *= y
    before = bounded.value
    del bounded.value
    return before * y + bounded.value


def private_names(x, y):
    return _Private(x).value(y)


def method_of_class_called(x, y):
    return _Chain.add(_Chain(x), y).value * _Linear.stress(_Linear(y), x)


def simple_namespace(x, y):
    space = SimpleNamespace(a=x, b=y)
    space.c = space.a * space.b
    return space.c + space.a


def object_with_plain_attributes(x, y):
    class_ = _Chain(None)
    class_.value = x
    class_.extra = y
    return class_.value * class_.extra if hasattr(class_, "extra") else 0.0


def attribute_deleted(x, y):
    chain = _Chain(x)
    chain.extra = y
    before = chain.extra * chain.value
    del chain.extra
    return before + getattr(chain, "extra", y * y)


def attributes_of_a_dict(x, y):
    chain = _Chain(x)
    chain.other = y
    return sum(v * v for v in vars(chain).values())


def types_compared(x, y):
    a = _Heavy()
    return x * y if type(a) is _Heavy and isinstance(a, (_Registry, int)) else x


def list_subclass(x, y):
    return _Wrapped([x, y, x * y]).product()


def dict_subclass(x, y):
    return sum(_Named2(a=x, b=y).scaled(2.0).values())


def array_of_attributes(x, y):
    parts = [_Chain(x), _Chain(y), _Chain(x * y)]
    values = np.array([part.value for part in parts])
    return np.sum(values**2)


def objects_zipped(x, y):
    laws = [_Linear(x), _Hardening(y)]
    return sum(law.stress(s) for law, s in zip(laws, (0.5, x)))


def stores_followed(x, y):
    doubling = _Doubling(x)
    doubling.x = doubling.x * y
    doubling.count += 1
    return doubling.x * doubling.count


def nested_attributes(x, y):
    outer = _Chain(_Chain(x))
    outer.value.value *= y
    outer.value.other = _Chain(x * y)
    return outer.value.value + outer.value.other.value


def object_passed_on(x, y):
    return _used(_Counter(x), y) + _used(model=_Counter(y), t=x)


def _used(model, t):
    return model(t) + model.calls


def object_from_a_factory(x, y):
    return _factory("hardening", x).stress(y) + _factory("linear", x).stress(y)


def _factory(name, *args):
    return {"linear": _Linear, "hardening": _Hardening}[name](*args)


def partial_of_a_class(x, y):
    make = functools.partial(_Named, second=x)
    return make(first=y).first * make(first=x).second


def map_over_a_class(x, y):
    return sum(c.value for c in map(_Chain, (x, y, x * y)))


# Numbers or arrays?
TYPED = {
    "settings_derived_from_dict",
    "container_writes", "enum_flags", "nested_attributes", "reflected_methods",
    "validated_property",
}  # fmt: skip


class _Bunch:
    def __init__(self, **values):
        self.__dict__.update(values)

    def set(self, name, value):
        vars(self)[name] = value


def attributes_set_by_a_dict(x, y):
    bunch = _Bunch(a=x, b=y * x)
    bunch.set("a", bunch.a * bunch.b)
    if y > x:
        bunch.__dict__["b"] = bunch.a * y
    bunch.__dict__.update(c=bunch.b**2)
    return bunch.a * bunch.b + bunch.c


@functools.total_ordering
class _Release:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value

    def __lt__(self, other):
        return self.value < other.value


def ordered_by_total_ordering(x, y):
    first, second = _Release(x), _Release(y)
    larger = max(first, second).value
    return larger**2 * (3.0 if first >= second else x) + (y if first <= second else 2.0)


class _Vector(list):
    def __add__(self, other):
        return _Vector(a + b for a, b in zip(self, other))

    def __rmul__(self, factor):
        return _Vector([factor * a for a in self])

    def append(self, value):
        super().append(2.0 * value)
        self.last = value

    @property
    def squared(self):
        return sum(a * a for a in self)


class _Settings(dict):
    def __getattr__(self, name):
        return self[name]

    def __setattr__(self, name, value):
        self[name] = value

    def __missing__(self, key):
        self[key] = 0.5
        return 0.5


def vectors_derived_from_list(x, y):
    total = _Vector([x, y]) + 2.0 * _Vector([y, 1.0])
    total.append(x)
    total[0] *= total.last
    first, *rest = total
    return total.squared * first + sum(rest) * len(total) + max(total[1:]) * isinstance(total, list)


def list_of_class_grown_by_value(u):
    found = _Vector()
    for v in u:
        if v > 0.1:
            found.append(v * v)
    return found.squared + sum(found) * (2.0 if found else 1.0)


def settings_derived_from_dict(x, y):
    settings = _Settings(rate=x, scale=2.0)
    settings.speed = settings.rate * y
    settings["rate"] *= settings.speed
    merged = {**settings, "more": settings.other}
    return sum(merged.values()) * settings.rate + len(settings) + settings.get("none", x)


class _Tally:
    def __init__(self):
        self.total = 0.0

    def add(self, value):
        self.total = self.total + value
        self.last = value


def attribute_first_set_in_a_loop(u):
    tally = _Tally()
    for v in u:
        tally.add(v * v)
    return tally.total * tally.last


SETTINGS = {"truth_of_an_object": {"float32": False}}  # `__bool__` has to give Python's own bool
