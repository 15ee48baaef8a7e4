"""Objects: state in methods, properties, inheritance, operators, callables, private names."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections import namedtuple
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np


class _Oscillator:
    damping = 0.1

    def __init__(self, position, speed=0.0):
        self.position = position
        self.speed = speed
        self.__count = 0

    def step(self, dt):
        self.speed -= dt * (self.position + self.damping * self.speed)
        self.position += dt * self.speed
        self.__count += 1
        return self

    def steps(self):
        return self.__count

    @property
    def energy(self):
        return 0.5 * (self.position**2 + self.speed**2)

    @staticmethod
    def period(stiffness):
        return 2.0 * math.pi / math.sqrt(stiffness)

    @classmethod
    def at_rest(cls, position):
        return cls(position, 0.0)


class _Driven(_Oscillator):
    def __init__(self, position, force):
        super().__init__(position)
        self.force = force

    def step(self, dt):
        super().step(dt)
        self.speed += dt * self.force
        return self


class _Vector:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return _Vector(self.x + other.x, self.y + other.y)

    def __sub__(self, other):
        return _Vector(self.x - other.x, self.y - other.y)

    def __mul__(self, factor):
        return _Vector(self.x * factor, self.y * factor)

    __rmul__ = __mul__

    def __neg__(self):
        return _Vector(-self.x, -self.y)

    def __matmul__(self, other):
        return self.x * other.x + self.y * other.y

    def __getitem__(self, index):
        return (self.x, self.y)[index]

    def __len__(self):
        return 2

    def __iter__(self):
        return iter((self.x, self.y))

    def __abs__(self):
        return math.hypot(self.x, self.y)

    def __iadd__(self, other):
        self.x += other.x
        self.y += other.y
        return self


class _Dual:
    def __init__(self, value, slope):
        self.value = value
        self.slope = slope

    def __add__(self, other):
        return _Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        slope = self.value * other.slope + self.slope * other.value
        return _Dual(self.value * other.value, slope)


class _Polynomial:
    def __init__(self, *coefficients):
        self.coefficients = coefficients

    def __call__(self, x):
        value = 0.0
        for c in reversed(self.coefficients):
            value = value * x + c
        return value

    def derivative(self):
        return _Polynomial(*[k * c for k, c in enumerate(self.coefficients)][1:])


class _Temperature:
    def __init__(self, kelvin):
        self._kelvin = kelvin

    @property
    def celsius(self):
        return self._kelvin - 273.15

    @celsius.setter
    def celsius(self, value):
        self._kelvin = value + 273.15


class _Layer:
    def __init__(self, weight, bias):
        self.weight = weight
        self.bias = bias

    def forward(self, inputs):
        return np.tanh(self.weight * inputs + self.bias)


class _Network:
    def __init__(self, layers):
        self.layers = layers

    def __call__(self, inputs):
        for layer in self.layers:
            inputs = layer.forward(inputs)
        return inputs


class _Welford:
    __slots__ = ("count", "mean", "squares")

    def __init__(self):
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def add(self, value):
        self.count += 1
        change = value - self.mean
        self.mean += change / self.count
        self.squares += change * (value - self.mean)


class _Shape:
    def area(self):
        raise NotImplementedError

    def cost(self, price):
        return price * self.area()


class _Disc(_Shape):
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return math.pi * self.radius**2


class _Square(_Shape):
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2


_MODEL = _Polynomial(0.5, -1.0, 2.0)


def method_changes_state(x, n):
    oscillator = _Oscillator(x)
    for _ in range(n):
        oscillator.step(0.1)
    return oscillator.position * oscillator.speed


def property_of_state(x, y):
    return _Oscillator(x, y).step(0.1).energy


def chained_methods(x):
    return _Oscillator(x).step(0.1).step(0.2).position


def static_method(x):
    return _Oscillator.period(x * x + 1.0)


def class_method(x):
    return _Oscillator.at_rest(x).energy


def class_attribute(x):
    return x * x * _Oscillator.damping


def attribute_store(x, y):
    oscillator = _Oscillator(x)
    oscillator.speed = y * x
    oscillator.damping = y
    return oscillator.step(0.5).energy


def private_counter(x, n):
    oscillator = _Oscillator(x)
    for _ in range(n):
        oscillator.step(0.2)
    return oscillator.position * oscillator.steps()


def super_and_override(x, y):
    driven = _Driven(x, force=y)
    return driven.step(0.2).step(0.2).energy


def vector_operators(x, y):
    a, b = _Vector(x, y), _Vector(y, 2.0)
    return (a + b * 2.0 - 0.5 * a) @ -b


def vectors_summed(x, y):
    total = sum([_Vector(x, y), _Vector(y, 2.0)], _Vector(x * y, 1.0))
    return total.x * total.y


def vector_in_place(x, y):
    total = _Vector(0.0, x)
    for _ in range(3):
        total += _Vector(y, x * y)
    return total.x * total.y


def vector_items(x, y):
    a = _Vector(x, y * y)
    return a[0] * a[1] * len(a)


def vector_iteration(x, y):
    return sum(e * e for e in _Vector(x, y))


def vector_unpacked(x, y):
    first, second = _Vector(x * y, y)
    return first - second * second


def vector_length(x, y):
    return abs(_Vector(x, y)) ** 3


def own_dual_numbers(x):
    dual = _Dual(x, 1.0)
    cube = dual * dual * dual + dual
    return cube.slope * cube.value


def callable_object(x, y):
    return _Polynomial(1.0, y, x)(x)


def global_callable(x):
    return _MODEL(x) ** 2


def object_from_method(x, y):
    return _Polynomial(1.0, y, x, 0.5).derivative()(y)


def property_setter(x):
    temperature = _Temperature(300.0 + x)
    temperature.celsius = temperature.celsius * 1.1
    return temperature.celsius * x


def layers_in_a_list(x, y):
    network = _Network([_Layer(x, y), _Layer(0.5, x * y)])
    return network(0.7)


def network_on_arrays(u, v):
    return np.sum(_Network([_Layer(u, v), _Layer(v, 0.1)])(0.5 * u))


def running_variance(u):
    statistics = _Welford()
    for value in u:
        statistics.add(value)
    return statistics.squares / statistics.count + statistics.mean**2


def polymorphism(x, y):
    return sum(shape.cost(2.0) for shape in (_Disc(x), _Square(y)))


def bound_method_as_value(x, y):
    force = _Polynomial(x, y).__call__
    return force(0.5) * force(2.0)


def method_as_argument(x, y):
    return _simpson(_Polynomial(x, y, 1.0), 0.0, 2.0)


def _simpson(function, a, b):
    return (b - a) / 6.0 * (function(a) + 4.0 * function(0.5 * (a + b)) + function(b))


def object_shared_by_two_names(x, y):
    first = _Oscillator(1.0 * x)
    second = first
    second.position *= y
    return first.position + x * second.energy


def helper_changes_object(x):
    oscillator = _Oscillator(x)
    _kick(oscillator, 0.5 * x)
    return oscillator.energy


def _kick(oscillator, impulse):
    oscillator.speed += impulse


def object_in_branch(x, y):
    shape = _Disc(x) if x > 0.0 else _Square(x)
    return shape.area() * y


def getattr_by_name(x, y):
    oscillator = _Oscillator(x, y)
    return sum(getattr(oscillator, name) ** 2 for name in ("position", "speed"))


def setattr_by_name(x, y):
    oscillator = _Oscillator(x)
    oscillator.speed = y
    return oscillator.energy


def isinstance_dispatch(x):
    shape = _Disc(x)
    return shape.area() if isinstance(shape, _Shape) else 0.0


def attribute_swap(x, y):
    state = _Oscillator(x, y)
    state.position, state.speed = state.speed, 2.0 * state.position
    return state.position - state.speed**2


def class_inside(x, y):
    class Pair:
        def __init__(self, a, b):
            self.a, self.b = a, b

        def product(self):
            return self.a * self.b

    return Pair(x, y).product()


@dataclass
class _Material:
    modulus: float
    ratio: float = 0.3
    density: float = 1.0
    names: list = field(default_factory=list)
    unit: ClassVar[float] = 2.0

    @property
    def shear(self):
        return self.modulus / (2.0 * (1.0 + self.ratio))

    def wave_speed(self):
        return math.sqrt(self.shear / self.density)


@dataclass(frozen=True)
class _Point:
    x: float
    y: float = 0.0

    def __add__(self, other):
        return _Point(self.x + other.x, self.y + other.y)

    def __mul__(self, factor):
        return dataclasses.replace(self, x=self.x * factor, y=self.y * factor)

    def norm(self):
        return math.hypot(self.x, self.y)


@dataclass
class _Beam:
    length: float
    load: float
    material: _Material

    def __post_init__(self):
        self.moment = self.load * self.length**2 / 8.0

    def deflection(self):
        return self.moment * self.length**2 / self.material.modulus


_Pair = namedtuple("_Pair", ["first", "second"])


class _State(NamedTuple):
    position: float
    speed: float = 1.0

    def energy(self):
        return 0.5 * (self.position**2 + self.speed**2)


class _Option:
    def __init__(self, spot, strike, volatility):
        self.spot = spot
        self.strike = strike
        self.volatility = volatility

    @functools.cached_property
    def d1(self):
        return math.log(self.spot / self.strike) / self.volatility + 0.5 * self.volatility

    def price(self):
        d2 = self.d1 - self.volatility
        return self.spot * self._normal(self.d1) - self.strike * self._normal(d2)

    @staticmethod
    def _normal(value):
        return 0.5 * (1.0 + math.erf(value / math.sqrt(2.0)))


class _Integrator:
    """Steps an equation; subclasses say how."""

    def __init__(self, rate, step):
        self.rate = rate
        self.step_size = step
        self.time = 0.0

    def advance(self, y):
        y = self.increment(y)
        self.time += self.step_size
        return y

    def run(self, y, steps):
        for _ in range(steps):
            y = self.advance(y)
        return y


class _Euler(_Integrator):
    def increment(self, y):
        return y + self.step_size * self.rate(self.time, y)


class _Heun(_Integrator):
    def increment(self, y):
        h = self.step_size
        first = self.rate(self.time, y)
        second = self.rate(self.time + h, y + h * first)
        return y + 0.5 * h * (first + second)


class _Jet:
    """A dual number that takes plain numbers too."""

    __slots__ = ("slope", "value")

    def __init__(self, value, slope=0.0):
        self.value = value
        self.slope = slope

    @staticmethod
    def lift(other):
        return other if isinstance(other, _Jet) else _Jet(other)

    def __add__(self, other):
        other = _Jet.lift(other)
        return _Jet(self.value + other.value, self.slope + other.slope)

    __radd__ = __add__

    def __sub__(self, other):
        return self + (-_Jet.lift(other))

    def __rsub__(self, other):
        return _Jet.lift(other) - self

    def __neg__(self):
        return _Jet(-self.value, -self.slope)

    def __mul__(self, other):
        other = _Jet.lift(other)
        return _Jet(self.value * other.value, self.value * other.slope + self.slope * other.value)

    __rmul__ = __mul__

    def __truediv__(self, other):
        other = _Jet.lift(other)
        value = self.value / other.value
        return _Jet(value, (self.slope - value * other.slope) / other.value)

    def __rtruediv__(self, other):
        return _Jet.lift(other) / self

    def __pow__(self, power):
        return _Jet(self.value**power, power * self.value ** (power - 1) * self.slope)

    def __lt__(self, other):
        return self.value < _Jet.lift(other).value

    def sin(self):
        return _Jet(math.sin(self.value), math.cos(self.value) * self.slope)


class _Grid:
    """Values on a line, with a container's methods."""

    def __init__(self, values):
        self.values = np.array(values)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return self.values[index]

    def __setitem__(self, index, value):
        self.values[index] = value

    def smooth(self):
        self.values[1:-1] = 0.5 * (self.values[:-2] + self.values[2:])
        return self


class _Accumulator:
    def __init__(self):
        self.history = []
        self.total = 0.0

    def __call__(self, value):
        self.total += value
        self.history.append(self.total)
        return self.total


class _Node:
    def __init__(self, value, following=None):
        self.value = value
        self.following = following

    def total(self):
        return self.value + (0.0 if self.following is None else self.following.total())


class _Activated:
    def __init__(self, function, gain):
        self.function = function
        self.gain = gain

    def __call__(self, value):
        return self.function(self.gain * value)


class _Config:
    def __init__(self):
        self.gain = 1.5
        self.weights = np.array([0.5, -0.25, 1.0])
        self.options = {"power": 2, "offset": 0.25}
        self.material = _Material(3.0)

    @property
    def twice(self):
        return 2.0 * self.gain

    def apply(self, x):
        return self.gain * x ** self.options["power"] + self.options["offset"]


_CONFIG = _Config()


def dataclass_property(x, y):
    return _Material(x * x + 1.0, ratio=y * y).shear


def dataclass_defaults(x):
    material = _Material(x * x)
    material.density = 1.0 + x * x
    return material.wave_speed() * material.unit


def dataclass_nested(x, y):
    beam = _Beam(x, y, _Material(2.0 + x * x))
    return beam.deflection()


def dataclass_list_field(x, y):
    material = _Material(x)
    material.names.append(y)
    material.names.append(x * y)
    return material.names[0] * material.names[1] + len(material.names)


def dataclass_frozen_operators(x, y):
    return (_Point(x, y) + _Point(y) * 2.0).norm()


def dataclass_equality(x, y):
    return x * y if _Point(x, y) == _Point(x, y) else x


def namedtuple_fields(x, y):
    pair = _Pair(x * y, second=y)
    return pair.first * pair[1] + pair.second


def namedtuple_unpacked(x, y):
    first, second = _Pair(x, x * y)
    return first * second


def typed_namedtuple_method(x, y):
    return _State(x, y).energy() * _State(x).energy()


def namedtuple_in_loop(x, n):
    state = _State(x, 0.5)
    for _ in range(n):
        state = _State(state.position + 0.1 * state.speed, state.speed - 0.1 * state.position)
    return state.energy() * state.position


def cached_property_read_twice(x, y):
    return _Option(10.0 + x * x, 9.0, 0.2 + y * y).price()


def integrator_classes(x, y):
    def rate(time, value):
        return y * value + math.sin(time)

    return _Euler(rate, 0.1).run(x, 4) * _Heun(rate, 0.1).run(x, 3)


def integrator_by_name(x):
    kinds = {"euler": _Euler, "heun": _Heun}
    return kinds["heun"](lambda time, value: -x * value * value, 0.2).run(1.0, 3)


def jet_arithmetic(x, y):
    jet = _Jet(x, 1.0)
    result = 2.0 * jet * jet - 3.0 / (jet**2 + 1.0) + (1.0 - jet) * y
    return result.slope + result.value


def jet_in_loop(x, n):
    jet = _Jet(x, 1.0)
    for k in range(n):
        jet = jet * 0.5 + jet.sin() / (k + 2.0)
    return jet.slope


def jet_compared(x, y):
    larger = _Jet(x, 1.0)
    if larger < _Jet(y, 2.0):
        larger = _Jet(y, 2.0)
    return larger.value * larger.slope * x


def grid_of_its_own(u):
    grid = _Grid(u)
    grid[0] = grid[1] * grid[2]
    grid.smooth().smooth()
    return np.sum(grid.values**2) * len(grid)


def accumulator_with_history(x, y):
    accumulate = _Accumulator()
    accumulate(x)
    accumulate(x * y)
    accumulate(y)
    return accumulate.history[1] * accumulate.history[-1] + accumulate.total


def linked_nodes(x, y):
    return _Node(x, _Node(x * y, _Node(y * y))).total() ** 2


def function_in_attribute(x, y):
    return _Activated(math.tanh, y)(x) + _Activated(lambda value: value**2, x)(y)


def config_of_module(x):
    return _CONFIG.apply(x) * _CONFIG.twice + _CONFIG.material.shear


def config_arrays(u):
    return np.sum(_CONFIG.weights[0] * u**2) * _CONFIG.gain


def objects_in_a_dictionary(x, y):
    shapes = {"disc": _Disc(x), "square": _Square(y)}
    total = 0.0
    for shape in shapes.values():
        total += shape.cost(3.0)
    return total


def attribute_set_in_branch(x, y):
    oscillator = _Oscillator(x)
    if x > y:
        oscillator.speed = x * y
    else:
        oscillator.position = y
    return oscillator.step(0.1).energy


def object_made_in_loop(x, n):
    total = 0.0
    for k in range(n):
        oscillator = _Oscillator(x + k, x)
        oscillator.step(0.1)
        total += oscillator.energy
    return total


def object_of_arrays_in_loop(u, n):
    layer = _Layer(u, 0.1)
    values = u
    for _ in range(n):
        values = layer.forward(values)
        layer.weight = layer.weight * 0.9
    return np.sum(values * layer.weight)


def swapped_objects(x, y):
    a, b = _Oscillator(x), _Oscillator(y)
    for _ in range(3):
        a.step(0.1)
        a, b = b, a
    return a.position * b.speed


def early_return_of_object(x, y):
    return _nearest(x, y).norm() * x


def _nearest(x, y):
    if x > y:
        return _Point(x, 1.0)
    return _Point(y, 2.0)


# Attributes that are updated: numbers, or arrays that others may hold?
TYPED = {
    "accumulator_with_history", "attribute_set_in_branch", "attribute_store", "chained_methods",
    "method_changes_state", "object_made_in_loop", "private_counter", "property_of_state",
    "running_variance", "super_and_override", "swapped_objects",
    "vector_in_place",
}  # fmt: skip

SETTINGS = {"grid_of_its_own": {"size_one": False}}
