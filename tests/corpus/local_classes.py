"""Classes that are made inside of the function that uses them."""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import math
from collections import namedtuple
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np


class _Base:
    factor = 2.0

    def __init__(self, value):
        self.value = value

    def scaled(self):
        return self.factor * self.value

    def total(self):
        return self.scaled() + self.extra()


def closure_over_variables(x, y):
    class Line:
        def at(self, t):
            return x * t + y

    return Line().at(2.0) * Line().at(x)


def attributes_of_run_time(x, y):
    class Model:
        gain = x * y
        offset = 1.5

        def value(self, t):
            return self.gain * t + self.offset * Model.gain

    return Model().value(x) * Model.offset


def inherits_from_module(x, y):
    class Shifted(_Base):
        factor = 3.0

        def __init__(self, value, shift):
            super().__init__(value)
            self.shift = shift

        def extra(self):
            return self.shift * y

    return Shifted(x, y).total()


def inherits_inside(x, y):
    class First:
        def f(self, t):
            return x * t

        def g(self):
            return self.f(y) + 1.0

    class Second(First):
        def f(self, t):
            return super().f(t) * t

    return Second().g() * First().g()


def all_kinds_of_methods(x, y):
    class Body:
        count = 0

        def __init__(self, mass, speed):
            self.mass = mass
            self._speed = speed

        @property
        def speed(self):
            return self._speed

        @speed.setter
        def speed(self, value):
            self._speed = value * y

        @staticmethod
        def half(value):
            return 0.5 * value

        @classmethod
        def at_rest(cls, mass):
            return cls(mass, 0.0)

        @functools.cached_property
        def energy(self):
            return self.half(self.mass * self.speed**2)

    body = Body(x, y)
    body.speed = x
    return body.energy + Body.at_rest(x * y).mass + Body.half(x)


def operators_inside(x, y):
    class Dual:
        def __init__(self, value, slope=0.0):
            self.value, self.slope = value, slope

        def __add__(self, other):
            return Dual(self.value + other.value, self.slope + other.slope)

        def __mul__(self, other):
            if not isinstance(other, Dual):
                return Dual(self.value * other, self.slope * other)
            slope = self.value * other.slope + self.slope * other.value
            return Dual(self.value * other.value, slope)

        __rmul__ = __mul__

    a = Dual(x, 1.0)
    return (2.0 * a * a + a * y).slope


def private_names_inside(x, y):
    class Counter:
        __scale = 2.0

        def __init__(self):
            self.__total = x

        def add(self, value):
            self.__total = self.__total + self.__scale * value
            return self

        def __double(self):
            return 2.0 * self.__total

        def total(self):
            return self.__double()

    return Counter().add(y).add(x).total()


def dataclass_inside(x, y):
    @dataclass
    class Point:
        x: float
        y: float = 0.5
        tags: list = field(default_factory=list)
        unit: ClassVar[float] = 2.0

        def norm(self):
            return math.hypot(self.x, self.y) * self.unit

    point = Point(x * y)
    point.tags.append(x)
    return point.norm() * Point(x, y=y).norm() * len(point.tags)


def frozen_dataclass_inside(x, y):
    @dataclass(frozen=True)
    class Pair:
        a: float
        b: float = x * y

        def swapped(self):
            return dataclasses.replace(self, a=self.b, b=self.a)

    return Pair(x).swapped().a * Pair(y, x).b


def namedtuple_inside(x, y):
    Pair = namedtuple("Pair", ["a", "b"])
    first, second = Pair(x, b=x * y)
    return first * second + Pair(x, y).a * Pair(x, y)[1]


def typed_namedtuple_inside(x, y):
    class State(NamedTuple):
        position: float
        speed: float = 1.0

        def energy(self):
            return 0.5 * (self.position**2 + self.speed**2)

    return State(x, y).energy() * State(x).energy() + State(y)[0]


def enum_inside(x, n):
    class Kind(enum.Enum):
        LINEAR = 1
        SQUARE = 2

    kind = Kind.SQUARE if n > 2 else Kind.LINEAR
    return x**kind.value if kind is Kind.SQUARE else x


def error_inside(x, y):
    class Failure(ValueError):
        pass

    try:
        if x * x >= 0.0:
            raise Failure("always")
        value = x
    except Failure:
        value = x * y
    return value


def abstract_base_inside(x, y):
    class Law(abc.ABC):
        @abc.abstractmethod
        def stress(self, strain):
            ...

        def energy(self, strain):
            return 0.5 * strain * self.stress(strain)

    class Linear(Law):
        def stress(self, strain):
            return x * strain

    return Linear().energy(y)


def class_in_a_loop(x, n):
    total = 0.0
    for k in range(n):

        class Power:
            order = k + 1

            def value(self, t):
                return t**self.order

        total = total + Power().value(x)
    return total


def class_in_a_branch(x, n):
    if n > 2:

        class Model:
            def value(self):
                return x * x

    else:

        class Model:
            def value(self):
                return x

    return Model().value()


def class_from_a_helper(x, y):
    first, second = _made(x), _made(y)
    return first().value(y) * second().value(2.0)


def _made(scale):
    class Scaled:
        gain = 2.0 * scale

        def value(self, t):
            return scale * t + self.gain

    return Scaled


def object_from_a_helper(x, y):
    a, b = _counting(x), _counting(y)
    a.step(y)
    a.step(x)
    return a.step(2.0) * b.step(1.0)


def _counting(rate):
    class Counting:
        def __init__(self):
            self.level = rate

        def step(self, t):
            self.level = self.level * rate + t
            return self.level

    return Counting()


def object_passed_to_a_helper(x, y):
    class Force:
        def __init__(self, k):
            self.k = k

        def __call__(self, t):
            return -self.k * t * y

    return _stepped(Force(x), y) + _stepped(Force(y), x)


def _stepped(force, position, speed=0.5):
    for _ in range(3):
        speed = speed + 0.1 * force(position)
        position = position + 0.1 * speed
    return position


def object_carried_through_a_loop(x, n):
    class Particle:
        def __init__(self, position, speed):
            self.position, self.speed = position, speed

        def moved(self, dt):
            speed = self.speed - dt * self.position
            return Particle(self.position + dt * speed, speed)

    particle = Particle(x, 0.5)
    for _ in range(n):
        particle = particle.moved(0.1)
    return particle.position * particle.speed


def nonlocal_in_a_method(x, y):
    calls = 0.0

    class Model:
        def value(self, t):
            nonlocal calls
            calls = calls + t
            return t * x

    model = Model()
    result = model.value(y) + model.value(x)
    return result * calls


def class_in_a_class(x, y):
    class Outer:
        class Inner:
            scale = 3.0

            def f(self, t):
                return x * t

        def g(self):
            return self.Inner().f(y) * Outer.Inner.scale

    return Outer().g()


def decorated_methods(x, y):
    def doubled(method):
        @functools.wraps(method)
        def wrapper(self, *args):
            return 2.0 * method(self, *args)

        return wrapper

    class Model:
        @doubled
        def f(self, t):
            return x * t

    return Model().f(y)


def decorated_class(x, y):
    @functools.total_ordering
    class Ranked:
        def __init__(self, rank, value):
            self.rank, self.value = rank, value

        def __eq__(self, other):
            return self.rank == other.rank

        def __lt__(self, other):
            return self.rank < other.rank

        __hash__ = None

    a, b = Ranked(1, x), Ranked(2, y)
    return a.value * x if a <= b else b.value


def methods_made_in_the_body(x, y):
    class Table:
        names = ("a", "b")
        sizes = [len(n) + k for k, n in enumerate(names)]
        get = lambda self, k: (x, y)[k]  # noqa: E731

        def total(self):
            return sum(self.get(k) * size for k, size in enumerate(self.sizes))

    return Table().total()


def class_attribute_of_array(u):
    class Grid:
        points = u * u

        def mean(self):
            return np.mean(self.points) * self.points[0]

    return Grid().mean()


def method_with_super_and_closure(x, y):
    class Base:
        def __init__(self, a):
            self.a = a

    class Derived(Base):
        def __init__(self, a, b=y):
            super().__init__(a * x)
            self.b = b

        def __getattr__(self, name):
            if name == "product":
                return self.a * self.b
            raise AttributeError(name)

    return Derived(x).product + Derived(y, x).product


def recursive_class(x, y):
    class Node:
        def __init__(self, value, below=()):
            self.value, self.below = value, below

        def total(self):
            return self.value + sum(node.total() * x for node in self.below)

    return Node(x, (Node(y), Node(x * y, (Node(2.0),)))).total()
